//! Values as people may safely see them.
//!
//! They come from a database and may be hostile: control characters would move the cursor or
//! recolour the screen, marks of writing direction would reorder what is read. Both are written out
//! as TOML escapes, so that a shown text can be pasted into a plan.

use std::fmt::Write;

/// How much of a value is shown, in characters.
const MAX_SHOWN: usize = 200;

/// A text in quotes, escaped and cut; what is cut says how long it was.
pub(super) fn text(text: &str) -> String {
    cut(text, true)
}

/// A short quotation of the plan, for reasons.
pub(super) fn quoted(text: &str) -> String {
    let mut shown = String::from("\"");
    for (at, c) in text.chars().enumerate() {
        if at == 40 {
            shown.push('…');
            break;
        }
        push(&mut shown, c, true);
    }
    shown.push('"');
    shown
}

/// A value without quotes, escaped and cut.
pub(super) fn plain(text: &str) -> String {
    cut(text, false)
}

fn cut(text: &str, quotes: bool) -> String {
    let mut shown = String::new();
    if quotes {
        shown.push('"');
    }
    let mut characters = text.chars();
    for c in characters.by_ref().take(MAX_SHOWN) {
        push(&mut shown, c, quotes);
    }
    let left = characters.count();
    if quotes {
        shown.push('"');
    }
    if left > 0 {
        // Writing to a String can't fail.
        let _ = write!(shown, "… ({} characters)", MAX_SHOWN + left);
    }
    shown
}

fn push(shown: &mut String, c: char, quotes: bool) {
    match c {
        '\n' => shown.push_str("\\n"),
        '\t' => shown.push_str("\\t"),
        '\r' => shown.push_str("\\r"),
        '"' if quotes => shown.push_str("\\\""),
        '\\' if quotes => shown.push_str("\\\\"),
        _ if c.is_control() || misleads(c) => {
            let _ = write!(shown, "\\u{:04X}", u32::from(c));
        }
        _ => shown.push(c),
    }
}

/// Characters that can't be seen but change what is.
fn misleads(c: char) -> bool {
    matches!(
        u32::from(c),
        0xAD | 0x61C | 0x180E | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF
            | 0xFFF9..=0xFFFB | 0xE0000..=0xE007F
    )
}

/// The cells of a row, which are shown already, on one line that ends somewhere.
pub(super) fn row(cells: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut words = String::new();
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            words.push_str(" | ");
        }
        if words.len() > 2 * MAX_SHOWN {
            words.push('…');
            break;
        }
        words.push_str(cell.as_ref());
    }
    words
}

/// `1 row`, `12 rows`
pub(super) fn count(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hostile_gets_through() {
        let shown = text("\u{1b}[2Jok\u{202e}\r\nback\\slash \"q\"");
        assert_eq!(shown, "\"\\u001B[2Jok\\u202E\\r\\nback\\\\slash \\\"q\\\"\"");
    }

    #[test]
    fn a_long_value_says_how_long() {
        let shown = text(&"é".repeat(5000));
        assert!(shown.ends_with("… (5000 characters)"), "{shown}");
        assert!(shown.chars().count() < 240);
    }
}
