//! What stands for our symbols where there is only ASCII.

/// Symbols of ours, one column for one column.
#[must_use]
pub fn ascii(text: &str) -> String {
    text.chars().map(letter).collect()
}

/// One symbol.
#[must_use]
pub fn letter(c: char) -> char {
    match c {
        '▶' | '▷' | '→' | '▸' | '›' => '>',
        '»' => '}',
        '◀' | '←' => '<',
        '◁' => '(',
        '◇' => 'o',
        '◌' => '@',
        '✓' => '+',
        '✗' => 'x',
        '⊗' => '%',
        '·' | '•' => '.',
        '☐' => '_',
        '✎' => '*',
        '≤' => '<',
        '◆' | '━' | '═' => '=',
        '▲' | '↑' => '^',
        '▼' | '▾' | '↓' => 'v',
        '≠' => '#',
        '…' | '≈' => '~',
        '─' => '-',
        '│' | '▌' | '▐' | '┃' | '║' => '|',
        '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' | '╭' | '╮' | '╰' | '╯' => {
            '+'
        }
        '╸' | '╺' => '-',
        // Columns of a small chart, by height.
        '▁' => '_',
        '▂' => '.',
        '▃' => ':',
        '▄' => '-',
        '▅' => '=',
        '▆' => '+',
        '▇' => '*',
        '█' => '#',
        '\u{fffd}' => '?',
        '“' | '”' => '"',
        '‘' | '’' => '\'',
        '–' | '—' | '−' => '-',
        c => c,
    }
}
