//! Text by columns of a terminal: measured, cut, filled up, broken into lines.

use unicode_width::UnicodeWidthChar;

/// Columns, counted character by character: terminals differ in how they join characters, and a
/// line that is a little too short does no harm.
pub fn width(text: &str) -> usize {
    text.chars().map(cells).sum()
}

fn cells(c: char) -> usize {
    c.width().unwrap_or(1)
}

/// At most so many columns, with `…` where something was cut.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = prefix(text, columns.saturating_sub(1)).to_owned();
    out.truncate(out.trim_end().len());
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The part of the text that fits.
fn prefix(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += cells(c);
        if used > columns {
            return &text[..at];
        }
    }
    text
}

/// Filled up with blanks.
pub fn pad(text: &str, columns: usize) -> String {
    let mut out = text.to_owned();
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(text))));
    out
}

/// Filled up with blanks from the left.
pub fn pad_left(text: &str, columns: usize) -> String {
    let mut out = " ".repeat(columns.saturating_sub(width(text)));
    out.push_str(text);
    out
}

/// Broken between words into at most `most` lines; what doesn't fit is cut.
pub fn wrap(text: &str, columns: usize, most: usize) -> Vec<String> {
    let columns = columns.max(8);
    let mut rest = text.trim();
    let mut out = Vec::new();
    while !rest.is_empty() {
        if out.len() + 1 >= most || width(rest) <= columns {
            out.push(cut(rest, columns));
            break;
        }
        let fits = prefix(rest, columns);
        // A word that ends exactly where the line does needs no break before it.
        let whole = rest[fits.len()..].starts_with(' ');
        let end = match fits.rfind(' ') {
            Some(blank) if !whole && blank >= columns / 3 => blank,
            _ => fits.len(),
        };
        out.push(rest[..end].trim_end().to_owned());
        rest = rest[end..].trim_start();
    }
    out
}

/// A line and the caret below it, both cut so that the caret still points at the same character.
pub fn around_caret(line: &str, caret: &str, columns: usize) -> (String, String) {
    let at = width(&caret[..caret.find('^').unwrap_or(caret.len())]);
    if width(line).max(at + 1) <= columns {
        return (line.to_owned(), caret.to_owned());
    }
    let columns = columns.max(8);
    // Two thirds before the caret: what is wrong has usually begun by then.
    let from = if at < columns { 0 } else { at + 1 - columns * 2 / 3 };
    let (mut shown, mut column, mut cut_off) = (String::new(), 0, 0);
    for c in line.chars() {
        if column >= from {
            shown.push(c);
        } else {
            cut_off = column + cells(c);
        }
        column += cells(c);
    }
    if from > 0 {
        shown.insert(0, '…');
        cut_off -= 1;
    }
    (cut(&shown, columns), format!("{}^", " ".repeat(at - cut_off)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_and_padded_by_columns() {
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("a bc", 3), "a…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(pad("漢", 4), "漢  ");
        assert_eq!(pad_left("7", 3), "  7");
    }

    #[test]
    fn broken_between_words() {
        assert_eq!(wrap("one two three four", 9, 9), ["one two", "three", "four"]);
        assert_eq!(wrap("one two three four", 9, 2), ["one two", "three fo…"]);
        assert_eq!(wrap("abcdefghijklmnop", 10, 9), ["abcdefghij", "klmnop"]);
        assert_eq!(wrap("  ", 10, 9), Vec::<String>::new());
        assert_eq!(wrap("one two 3", 7 + 1, 9), ["one two", "3"]);
        assert!(wrap(&"漢字 ".repeat(40), 11, 99).iter().all(|line| width(line) <= 11));
    }

    #[test]
    fn the_caret_stays_under_its_character() {
        let line = format!("{}X{}", "a".repeat(70), "b".repeat(70));
        for columns in [20, 40, 60, 80, 120, 200] {
            let caret = format!("{}^", " ".repeat(70));
            let (shown, caret) = around_caret(&line, &caret, columns);
            assert!(width(&shown) <= columns && caret.len() <= columns, "{shown}");
            assert_eq!(shown.chars().nth(caret.len() - 1), Some('X'), "{columns}: {shown}");
        }
        assert_eq!(around_caret("ab", "  ^", 8), ("ab".to_owned(), "  ^".to_owned()));
        let beyond = format!("{}^", " ".repeat(90));
        let (shown, caret) = around_caret(&"a".repeat(90), &beyond, 20);
        assert!(caret.len() <= 20 && shown.starts_with('…'), "{shown}\n{caret}");
    }
}
