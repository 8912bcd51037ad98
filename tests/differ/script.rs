//! A script that both sides run, in a schema of its own.

/// How it is run: `transaction` of its step, and `-1` for psql or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Single,
    Script,
    None,
}

impl Mode {
    pub fn word(self) -> &'static str {
        match self {
            Mode::Single => "single",
            Mode::Script => "script",
            Mode::None => "none",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Script {
    /// Names the file too.
    pub name: String,
    pub text: String,
    pub mode: Mode,
    /// Its step allows shell commands.
    pub shell: bool,
}

const BOM: &str = "\u{feff}";

impl Script {
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Script {
        Script { name: name.into(), text: text.into(), mode: Mode::Single, shell: false }
    }

    pub fn file(&self) -> String {
        format!("{}.sql", self.name)
    }

    /// As it stands in the file: its first line leads into the schema.
    pub fn text_in(&self, schema: &str) -> String {
        let (bom, text) = self.text.strip_prefix(BOM).map_or(("", &*self.text), |text| (BOM, text));
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        format!("{bom}SET search_path = {schema};{end}{text}")
    }
}
