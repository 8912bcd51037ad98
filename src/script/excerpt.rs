//! A line with a caret under the character in question, cut to fit.

use unicode_width::UnicodeWidthChar;

/// The line and a second one with the caret. `column` counts characters from 1; one behind the last is
/// fine. A line that is wider than `width` is cut around the caret, with `…` where something is missing.
pub fn excerpt(line: &str, column: u64, width: usize) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let cells: Vec<(char, usize)> = line.chars().map(cell).collect();
    let caret = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX).min(cells.len());
    let wide = |cells: &[(char, usize)]| cells.iter().map(|(_, width)| width).sum::<usize>();
    let width = width.max(8);
    let (mut from, mut to) = (0, cells.len());
    if wide(&cells) > width {
        // Two thirds before the caret: what is wrong has usually begun by then. Two cells are for the …
        let room = width - 2;
        from = caret;
        let mut used = cells.get(caret).map_or(1, |(_, width)| *width);
        while from > 0 && used + cells[from - 1].1 <= room * 2 / 3 {
            from -= 1;
            used += cells[from].1;
        }
        to = (caret + 1).min(cells.len());
        while to < cells.len() && used + cells[to].1 <= room {
            used += cells[to].1;
            to += 1;
        }
        while from > 0 && used + cells[from - 1].1 <= room {
            from -= 1;
            used += cells[from].1;
        }
    }
    let before = if from > 0 { "…" } else { "" };
    let after = if to < cells.len() { "…" } else { "" };
    let shown: String = cells[from..to].iter().map(|(c, _)| c).collect();
    let indent = before.chars().count() + wide(&cells[from..caret]);
    format!("{before}{shown}{after}\n{}^", " ".repeat(indent))
}

/// What a character is shown as, and how many cells it takes. A tab is one blank, as psql shows it;
/// what could move the cursor or turn the text around is shown as a replacement character.
fn cell(c: char) -> (char, usize) {
    match c {
        '\t' => (' ', 1),
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ('\u{fffd}', 1),
        c => c.width().map_or(('\u{fffd}', 1), |width| (c, width)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_under_the_character() {
        assert_eq!(excerpt("SELECT nix", 8, 80), "SELECT nix\n       ^");
        assert_eq!(excerpt("\ta\tb\r\n", 4, 80), " a b\n   ^");
        assert_eq!(excerpt("日本 x", 4, 80), "日本 x\n     ^");
        assert_eq!(excerpt("ab", 3, 80), "ab\n  ^");
        assert_eq!(excerpt("", 1, 80), "\n^");
        assert_eq!(excerpt("a\u{1b}[2Jb", 1, 80), "a\u{fffd}[2Jb\n^");
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let line = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        for (column, starts, ends) in [(501, true, true), (1, false, true), (1001, true, false)] {
            let text = excerpt(&line, column, 40);
            let (shown, caret) = text.split_once('\n').unwrap();
            assert!(shown.chars().count() <= 40 && caret.len() <= 41, "{text}");
            assert_eq!((shown.starts_with('…'), shown.ends_with('…')), (starts, ends), "{text}");
            let under = shown.chars().nth(caret.len() - 1);
            assert_eq!(under, line.chars().nth(column as usize - 1), "{text}");
        }
    }
}
