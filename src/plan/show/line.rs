//! Text cut to cells of a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// One line of a text of the plan's: no control or bidi characters, white space joined.
pub(super) fn clean(text: &str) -> String {
    let safe = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().filter(|c| safe(*c)));
    }
    out
}

pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// At most so many cells, with `…` where something was cut.
pub(super) fn cut(text: &str, cells: usize) -> String {
    if text.width() <= cells {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = c.width().unwrap_or(0);
        if used + wide + 1 > cells {
            break;
        }
        used += wide;
        out.push(c);
    }
    if cells > 0 {
        out.push('…');
    }
    out
}

/// Filled up with spaces.
pub(super) fn pad(text: &str, cells: usize) -> String {
    let mut out = cut(text, cells);
    out.extend(std::iter::repeat_n(' ', cells.saturating_sub(out.width())));
    out
}

/// Left and right on one line of `cells`; when both don't fit, the left keeps three fifths.
pub(super) fn both_ends(left: &str, right: &str, cells: usize) -> String {
    if right.is_empty() {
        return cut(left, cells);
    }
    let room = cells.saturating_sub(right.width() + 2).max(cells * 3 / 5);
    let left = cut(left, room);
    let right = cut(right, cells.saturating_sub(left.width() + 2));
    let gap = cells.saturating_sub(left.width() + right.width()).max(2);
    format!("{left}{}{right}", " ".repeat(gap))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_text_is_cut_by_cells() {
        assert_eq!(cut("漢字漢字", 5), "漢字…");
        assert_eq!(pad("漢", 4), "漢  ");
        assert_eq!(clean("a\n  b\u{1b}[1m\u{202e}"), "a b[1m");
        assert_eq!(both_ends("left", "right", 12), "left   right");
        assert_eq!(width(&both_ends(&"l".repeat(50), &"r".repeat(50), 20)), 20);
    }
}
