//! A finding as text: `file:line:column: error: …`, the line, a caret, help.

use unicode_width::UnicodeWidthChar;

use super::diagnostic::{Diagnostic, Severity};
use super::source::{Source, Span};

/// Longer lines are cut around the caret.
const WIDTH: usize = 100;
const TAB: usize = 4;

pub(super) fn diagnostic(source: &Source, d: &Diagnostic) -> String {
    let word = match d.severity {
        Severity::Error => "error",
        Severity::NotBuilt => "not built yet",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let mut out = if d.line == 0 {
        format!("{}: {word}: {}\n", d.file, d.message)
    } else {
        format!("{}:{}:{}: {word}: {}\n", d.file, d.line, d.column, d.message)
    };
    if d.line > 0 {
        out.push_str(&snippet(source, d.line, d.span, ""));
    }
    for related in &d.related {
        out.push_str(&snippet(source, related.line, related.span, &related.message));
    }
    if let Some(help) = &d.help {
        out.push_str(&format!("      help: {help}\n"));
    }
    out
}

/// A line of the source with a caret below it.
fn snippet(source: &Source, line: usize, span: Span, message: &str) -> String {
    let start = source.line_start(line);
    let (text, caret, length) =
        lay_out(source.line(line), span.start.saturating_sub(start), span.end.saturating_sub(start));
    let marks = "^".repeat(length);
    let message = if message.is_empty() { String::new() } else { format!(" {message}") };
    format!("{line:>5} | {text}\n      | {:caret$}{marks}{message}\n", "")
}

/// The line as a terminal shows it, the column of the caret and its length in cells.
fn lay_out(line: &str, from: usize, to: usize) -> (String, usize, usize) {
    // Of a line of megabytes only the part around the caret is looked at.
    const NEAR: usize = 1_000;
    if line.len() > 4 * NEAR {
        let begin = floor(line, from.saturating_sub(NEAR));
        let end = floor(line, from.saturating_add(NEAR));
        let (text, caret, length) =
            lay_out(&line[begin..end], from - begin.min(from), to.saturating_sub(begin));
        let text = if end < line.len() && !text.ends_with('…') { format!("{text}…") } else { text };
        return (text, caret, length);
    }
    // One entry a character: what is drawn, its width, and whether the span covers it.
    let mut cells: Vec<(String, usize, bool)> = Vec::new();
    let mut column = 0;
    for (at, c) in line.char_indices() {
        let (drawn, width) = match c {
            '\t' => {
                let width = TAB - column % TAB;
                (" ".repeat(width), width)
            }
            c if is_unsafe(c) => ("\u{fffd}".to_owned(), 1),
            c => (c.to_string(), c.width().unwrap_or(0)),
        };
        column += width;
        cells.push((drawn, width, at >= from && at < to));
    }
    let first = cells.iter().position(|cell| cell.2);
    let (caret_cell, marked) = match first {
        Some(first) => {
            (first, cells[first..].iter().take_while(|cell| cell.2).map(|cell| cell.1).sum::<usize>())
        }
        None => (cells.len().min(line[..floor(line, from)].chars().count()), 0),
    };
    // The window begins so that the caret stands a quarter in, when the line doesn't fit as a whole.
    let mut begin = 0;
    if column > WIDTH {
        let before: usize = cells[..caret_cell].iter().map(|cell| cell.1).sum();
        let mut skip = before.saturating_sub(WIDTH / 4);
        while begin < caret_cell && skip > 0 {
            skip = skip.saturating_sub(cells[begin].1.max(1));
            begin += 1;
        }
    }
    let mut text = String::new();
    let mut used = 0;
    if begin > 0 {
        text.push('…');
        used = 1;
    }
    let mut caret = used;
    let mut cut = false;
    for (index, (drawn, width, _)) in cells.iter().enumerate().skip(begin) {
        if used + width > WIDTH {
            cut = true;
            break;
        }
        if index < caret_cell {
            caret += width;
        }
        used += width;
        text.push_str(drawn);
    }
    if cut {
        text.push('…');
    }
    let room = used.saturating_sub(caret).max(1);
    (text.trim_end().to_owned(), caret, marked.clamp(1, room))
}

fn floor(line: &str, at: usize) -> usize {
    let mut at = at.min(line.len());
    while !line.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Control and bidi characters: they could move the cursor or turn the line around.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_below_tabs_and_wide_characters() {
        assert_eq!(lay_out("\tä = 1", 1, 3), ("    ä = 1".into(), 4, 1));
        assert_eq!(lay_out("漢字 = x", 9, 10), ("漢字 = x".into(), 7, 1));
        assert_eq!(lay_out("漢字", 3, 6), ("漢字".into(), 2, 2));
        assert_eq!(lay_out("abc", 3, 3), ("abc".into(), 3, 1));
        assert_eq!(lay_out("", 0, 0), (String::new(), 0, 1));
        assert_eq!(lay_out("a\u{1b}[31m", 0, 1).0, "a\u{fffd}[31m");
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let line = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let (text, caret, length) = lay_out(&line, 500, 501);
        assert_eq!(text.chars().nth(caret), Some('X'));
        assert_eq!(length, 1);
        assert!(text.starts_with('…') && text.ends_with('…'));
        assert!(text.chars().count() <= WIDTH + 2);
    }
}
