//! Foreign text made safe to show: what comes from a database, a file or a journal may hold escape
//! sequences, characters that turn the reading direction around, or ones that nobody sees.
//!
//! They are replaced, not dropped: `pay\u{200b}ments` isn't `payments`, and a person should see that
//! something was there. Each stands for one column, so that a caret below the text stays in place.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// Shown in the place of what mustn't be shown.
pub const REPLACEMENT: char = '\u{fffd}';

/// More marks than this on one letter are a smear over the lines around it.
const MARKS: usize = 4;

/// One line of text: white space of any kind is a blank, what is unsafe is [`REPLACEMENT`].
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\t' | '\n' | '\r' => {
                marks = 0;
                out.push(' ');
            }
            c if is_unsafe(c) => {
                marks = 0;
                out.push(REPLACEMENT);
            }
            // It would only say how the letter before is drawn, and the width of that with it.
            c if is_selector(c) => {}
            c => match c.width() {
                Some(0) if marks == MARKS => {}
                // At the beginning there is no letter to carry it but the blank before.
                Some(0) if out.is_empty() => out.push(REPLACEMENT),
                Some(0) => {
                    marks += 1;
                    out.push(c);
                }
                Some(_) => {
                    marks = 0;
                    out.push(c);
                }
                None => out.push(REPLACEMENT),
            },
        }
    }
    Cow::Owned(out)
}

/// Each line of a text, safe; line ends of all three kinds.
pub fn lines(text: &str) -> impl Iterator<Item = Cow<'_, str>> {
    text.split('\n').map(|part| line(part.strip_suffix('\r').unwrap_or(part)))
}

/// Whether a character could move the cursor, turn the line around, or hide.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Soft hyphen, combining grapheme joiner, Arabic letter mark.
            '\u{ad}' | '\u{34f}' | '\u{61c}'
            // Hangul and Khmer fillers, Mongolian separators: blank, and letters to a search.
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            // Zero width, left-to-right and right-to-left marks.
            | '\u{200b}'..='\u{200f}'
            // Line and paragraph separators, embeddings and overrides.
            | '\u{2028}'..='\u{202e}'
            // Joiners, invisible operators, isolates, deprecated formats.
            | '\u{2060}'..='\u{206f}'
            // Byte order mark, interlinear annotations.
            | '\u{feff}' | '\u{fff0}'..='\u{fffb}'
            // Shorthand and musical format controls.
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            // Tags: a second text inside the first.
            | '\u{e0000}'..='\u{e007f}')
}

fn is_selector(c: char) -> bool {
    matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_harmless_stays() {
        for text in ["", "plain text", "Müller & Söhne", "日本語", "a\u{301}e", "שלום", "✓ → …"]
        {
            assert_eq!(line(text), text);
        }
        assert!(matches!(line("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_moves_the_cursor_is_replaced() {
        assert_eq!(line("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
        assert_eq!(line("a\u{9b}2Jb\u{0}\u{7}\u{8}"), "a\u{fffd}2Jb\u{fffd}\u{fffd}\u{fffd}");
        assert_eq!(line("a\tb\nc\r\nd\re"), "a b c d e");
        assert_eq!(line("\u{7f}"), "\u{fffd}");
    }

    #[test]
    fn what_turns_or_hides_is_replaced() {
        for c in "\u{202e}\u{202a}\u{2066}\u{2069}\u{200b}\u{200d}\u{200e}\u{200f}\u{61c}\u{feff}\u{2028}\u{2029}\u{ad}\u{e0041}\u{3164}"
            .chars()
        {
            assert_eq!(line(&format!("a{c}b")), "a\u{fffd}b", "U+{:04X}", u32::from(c));
        }
        assert_eq!(line("❤\u{fe0f}!"), "❤!");
    }

    #[test]
    fn marks_dont_pile_up() {
        let smear = format!("a{}b", "\u{301}".repeat(50));
        assert_eq!(line(&smear).chars().count(), 2 + MARKS);
        assert_eq!(line("\u{301}a"), "\u{fffd}a");
    }

    #[test]
    fn lines_are_lines() {
        assert_eq!(lines("a\r\nb\n\u{1b}c").collect::<Vec<_>>(), ["a", "b", "\u{fffd}c"]);
    }
}
