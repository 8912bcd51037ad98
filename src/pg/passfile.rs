//! The password file, by libpq's rules: first matching line wins, `*` matches everything, `\` takes
//! the next character literally, and a file that others can read doesn't count.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// The lines of a password file.
pub(super) struct PassFile {
    entries: Vec<[String; 5]>,
}

impl PassFile {
    /// Reads a file; `Ok(None)` when there is none, `Err` with a warning when it doesn't count.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, String> {
        let shown = path.display();
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("the password file {shown} is ignored: {error}")),
        };
        // Of the file that is open, so that nobody can exchange it in between.
        let meta =
            file.metadata().map_err(|error| format!("the password file {shown} is ignored: {error}"))?;
        if !meta.is_file() {
            return Err(format!("the password file {shown} is ignored: it isn't a plain file"));
        }
        if meta.mode() & 0o077 != 0 {
            return Err(format!(
                "the password file {shown} is ignored: its mode {:03o} lets others read it; \
                 run `chmod 0600 {shown}`",
                meta.permissions().mode() & 0o777
            ));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .map_err(|error| format!("the password file {shown} is ignored: {error}"))?;
        Ok(Some(Self::parse(&String::from_utf8_lossy(&bytes))))
    }

    pub(super) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { entries: lines.filter_map(entry).collect() }
    }

    pub(super) fn find(&self, host: &str, port: u16, database: &str, user: &str) -> Option<&str> {
        let wanted = [host, &port.to_string(), database, user];
        let entry = self.entries.iter().find(|entry| {
            // `\*` is a star by itself; `entry` has marked the bare one.
            entry.iter().zip(wanted).all(|(field, wanted)| field == ANY || field == wanted)
        })?;
        entry.last().map(String::as_str).filter(|password| !password.is_empty())
    }
}

/// Stands for a bare `*`: a text that no field can have, since a line can't hold a newline.
const ANY: &str = "\n";

/// The five fields, unescaped. The password may hold colons, and everything behind it belongs to it.
fn entry(line: &str) -> Option<[String; 5]> {
    let mut fields: [String; 5] = Default::default();
    let mut field = 0;
    let mut escaped_star = false;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let next = characters.next();
                escaped_star |= next == Some('*');
                fields[field].extend(next);
            }
            ':' if field < 4 => {
                if fields[field] == "*" && !escaped_star {
                    ANY.clone_into(&mut fields[field]);
                }
                escaped_star = false;
                field += 1;
            }
            // libpq ends the password at the next bare colon.
            ':' => break,
            _ => fields[field].push(character),
        }
    }
    (field == 4).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_matching_line_wins() {
        let file = PassFile::parse(
            "# localhost:5432:*:*:comment\n\
             db.example:5432:app:alice:one\n\
             db.example:*:*:alice:two\n\
             \\*:*:*:*:star\n\
             a\\:b\\\\c:5432:d:u:p\\:w\\\\d\n\
             short:5432:x\n\
             empty:5432:*:*:\n\
             *:*:replication:*:repl\n",
        );
        assert_eq!(file.find("db.example", 5432, "app", "alice"), Some("one"));
        assert_eq!(file.find("db.example", 5433, "app", "alice"), Some("two"));
        assert_eq!(file.find("db.example", 5432, "app", "bob"), None);
        assert_eq!(file.find("*", 1, "x", "y"), Some("star"));
        assert_eq!(file.find("a:b\\c", 5432, "d", "u"), Some("p:w\\d"));
        assert_eq!(file.find("short", 5432, "x", "y"), None);
        assert_eq!(file.find("empty", 5432, "x", "y"), None);
        assert_eq!(file.find("any", 5432, "replication", "y"), Some("repl"));
    }
}
