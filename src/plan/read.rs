//! Reads a plan's file: bounded, and with one clear message for whatever else is there.

use std::io::Read;
use std::path::Path;

use super::diagnostic::Diagnostics;

/// Larger files aren't plans. 100,000 steps are about a fifth of it.
pub const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The file's text.
pub(super) fn read(path: &Path) -> Result<String, Diagnostics> {
    let name = path.display().to_string();
    let refuse = |message: String, help: &str| {
        Diagnostics::of_file(&name, message, if help.is_empty() { None } else { Some(help.to_owned()) })
    };
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => refuse("there is no such file".into(), "name the plan's TOML file"),
        std::io::ErrorKind::PermissionDenied => {
            refuse("the file may not be read".into(), "give this user the right to read it")
        }
        _ => refuse(format!("the file can't be read: {error}"), ""),
    };
    // Looked at before it is opened: opening a pipe would wait for a writer.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(refuse("this is a directory, not a plan".into(), "name the TOML file in it"));
    }
    if !metadata.is_file() {
        return Err(refuse(
            "this is not a regular file".into(),
            "a plan is a TOML file beside its SQL files",
        ));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    text(&name, bytes)
}

/// The bytes as text, or why they aren't.
pub(super) fn text(name: &str, bytes: Vec<u8>) -> Result<String, Diagnostics> {
    let refuse = |message: String, help: &str| Diagnostics::of_file(name, message, Some(help.to_owned()));
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refuse(
            format!("the file is larger than {} MiB", MAX_BYTES / 1024 / 1024),
            "a plan names its SQL files, it doesn't hold them",
        ));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
        refuse(
            format!("the file isn't UTF-8: byte {at} (line {line}) is 0x{:02x}", error.as_bytes()[at]),
            "save it as UTF-8",
        )
    })?;
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return Err(refuse("the file is empty".into(), "a plan begins with [plan]"));
    }
    Ok(text)
}

/// Where a dotted key nests deeper than any plan does: the TOML parser's tables are freed by
/// recursion, and a key of a million dots would end the program.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    const MOST: usize = 200;
    let (mut dots, mut begin) = (0, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'.' => dots += 1,
            b if b.is_ascii_alphanumeric()
                || b >= 0x80
                || matches!(b, b'_' | b'-' | b' ' | b'\t' | b'"' | b'\'') => {}
            // Escapes stand in quoted keys; braces and brackets begin a new key.
            b'\\' => {}
            _ => {
                dots = 0;
                begin = at + 1;
            }
        }
        if dots > MOST {
            return Some(begin);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::too_deep;

    #[test]
    fn only_keys_of_hundreds_of_dots_are_too_deep() {
        assert_eq!(too_deep("a.b.c = 1"), None);
        assert_eq!(too_deep(&format!("x = 1\n[{}]", "a.".repeat(300))), Some(7));
        assert_eq!(too_deep(&format!("x = {{{} = 1}}", "'a'.".repeat(300))), Some(5));
        assert_eq!(too_deep(&"SELECT a.b, c.d\n".repeat(1000)), None);
    }
}
