//! The page as Markdown that reads well in a repository, and the only place where text is escaped for it.

use super::page::{Block, Line, Span, Table, Tone};
use crate::text::scrub;

pub(super) fn markdown(page: &[Block]) -> String {
    let mut out = String::new();
    for block in page {
        if !out.is_empty() {
            out.push('\n');
        }
        write(&mut out, block);
    }
    out
}

fn write(out: &mut String, block: &Block) {
    match block {
        Block::Heading(level, line) => {
            out.push_str(&"#".repeat(usize::from(*level)));
            out.push(' ');
            push(out, &inline(line, false));
        }
        Block::Callout(tone, title, lines) => {
            let sign = match tone {
                Tone::Good => "✓ ",
                Tone::Bad => "✗ ",
                Tone::Warn => "! ",
                Tone::Plain => "",
            };
            push(out, &format!("> **{sign}{}**", prose(title)));
            for line in lines {
                push(out, ">");
                push(out, &format!("> {}", inline(line, false)));
            }
        }
        Block::Facts(facts) => {
            let mut table = Table { head: vec!["", ""], ..Table::default() };
            table.rows = facts
                .iter()
                .map(|(name, line)| vec![vec![Span::Text((*name).into())], line.clone()])
                .collect();
            rows(out, &table);
        }
        Block::Table(table) => rows(out, table),
        Block::Paragraph(line) => push(out, &inline(line, false)),
        Block::Prose(text) => {
            // Each line stays a line.
            let lines: Vec<String> = text.trim().lines().map(|line| prose(line.trim())).collect();
            for (at, line) in lines.iter().enumerate() {
                let breaks = !line.is_empty() && lines.get(at + 1).is_some_and(|next| !next.is_empty());
                push(out, &format!("{}{}", line.trim_end(), if breaks { "\\" } else { "" }));
            }
        }
        Block::List(lines) => {
            for line in lines {
                push(out, &format!("- {}", inline(line, false)));
            }
        }
        Block::Code(text) => {
            let lines: Vec<_> = scrub::lines(text).collect();
            let ticks = lines.iter().map(|line| longest(line)).max().unwrap_or_default().max(2) + 1;
            let fence = "`".repeat(ticks);
            push(out, &format!("{fence}text"));
            for line in lines {
                push(out, line.trim_end());
            }
            push(out, &fence);
        }
        // The table below it has the same in figures.
        Block::Chart(chart) => push(out, &prose(&chart.caption())),
    }
}

fn push(out: &mut String, line: &str) {
    out.push_str(line);
    out.push('\n');
}

fn rows(out: &mut String, table: &Table) {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    push(out, &line(table.head.iter().map(|head| prose(head)).collect()));
    push(out, &format!("|{}", "---|".repeat(table.head.len())));
    for row in &table.rows {
        push(out, &line(row.iter().map(|cell| inline(cell, true)).collect()));
    }
    if table.more > 0 {
        push(out, "");
        push(out, &prose(&super::html::more(table)));
    }
}

fn inline(line: &Line, cell: bool) -> String {
    let mut out = String::new();
    for span in line {
        match span {
            // In a cell nothing begins a block.
            Span::Text(text) if out.is_empty() && !cell => out.push_str(&prose(text)),
            Span::Text(text) => out.push_str(&within(text)),
            Span::Strong(text) if text.trim().is_empty() => {}
            Span::Strong(text) => out.push_str(&format!("**{}**", within(text.trim()))),
            Span::Code(text) => out.push_str(&code(text)),
            Span::Mark(_, sign) => out.push_str(sign),
            Span::Break if cell => out.push_str("<br>"),
            Span::Break => out.push_str("; "),
        }
    }
    out
}

/// Foreign text that may stand at the beginning of a line.
fn prose(text: &str) -> String {
    let text = within(text);
    let text = text.trim_start();
    // What would begin a list, a heading or a quotation.
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    match text.as_bytes().first() {
        Some(b'#' | b'>' | b'+' | b'-' | b'=' | b':') => format!("\\{text}"),
        Some(_) if digits > 0 && begins_list(&text[digits..]) => {
            format!("{}\\{}", &text[..digits], &text[digits..])
        }
        _ => text.to_owned(),
    }
}

/// Whether a number before this would be taken for a list's.
fn begins_list(rest: &str) -> bool {
    let mut chars = rest.chars();
    matches!(chars.next(), Some('.' | ')')) && matches!(chars.next(), None | Some(' '))
}

/// Foreign text behind something else.
fn within(text: &str) -> String {
    let text = scrub::line(text);
    let mut out = String::with_capacity(text.len() + 8);
    let mut chars = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let next = chars.peek().copied().unwrap_or(' ');
        match c {
            '\\' | '`' | '*' | '[' | ']' | '<' | '|' | '~' | '$' | '^' => {
                out.push('\\');
                out.push(c);
            }
            '&' => out.push_str("&amp;"),
            // Inside of a word it means nothing.
            '_' if before.is_alphanumeric() && next.is_alphanumeric() => out.push(c),
            '_' => out.push_str("\\_"),
            // What would become a link, or call somebody, by itself.
            ':' if next == '/' => out.push_str("\\:"),
            '@' if next.is_alphanumeric() => out.push_str("@<!-- -->"),
            '.' if before.eq_ignore_ascii_case(&'w') && ends_with_www(&out) => out.push_str("\\."),
            c => out.push(c),
        }
        before = c;
    }
    out
}

fn ends_with_www(text: &str) -> bool {
    let letters = text.as_bytes();
    letters.len() >= 3 && letters[letters.len() - 3..].eq_ignore_ascii_case(b"www")
}

/// Foreign text of which every letter counts.
fn code(text: &str) -> String {
    let text = scrub::line(text);
    if text.trim().is_empty()
        || text.contains(['`', '|', '\\'])
        || text.starts_with(' ')
        || text.ends_with(' ')
    {
        // Backticks know no way to say these, at least not in every cell.
        return format!("<code>{}</code>", within(&text));
    }
    format!("`{text}`")
}

/// The longest row of backticks.
fn longest(line: &str) -> usize {
    line.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_markup_is_text() {
        for (text, escaped) in [
            ("leo_interfaces has _one_ row", "leo_interfaces has \\_one\\_ row"),
            ("a | b", "a \\| b"),
            ("# not a heading", "\\# not a heading"),
            ("1. not a list", "1\\. not a list"),
            ("2.1.2 This is DEV (not PROD)", "2.1.2 This is DEV (not PROD)"),
            ("[x](javascript:alert(1))", "\\[x\\](javascript:alert(1))"),
            ("<img src=x>", "\\<img src=x>"),
            ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
            ("http://evil.example www.evil.example", "http\\://evil.example www\\.evil.example"),
            ("mail ann@example.org @team", "mail ann@<!-- -->example.org @<!-- -->team"),
            ("a\u{202e}b\u{1b}[2J", "a\u{fffd}b\u{fffd}\\[2J"),
            ("two\nlines", "two lines"),
        ] {
            assert_eq!(prose(text), escaped);
        }
    }

    #[test]
    fn values_keep_every_letter() {
        assert_eq!(code("25"), "`25`");
        assert_eq!(code("a|b"), "<code>a\\|b</code>");
        assert_eq!(code("x` <b>"), "<code>x\\` \\<b></code>");
        let block = Block::Code("```\n<b>".into());
        assert_eq!(markdown(&[block]), "````text\n```\n<b>\n````\n");
    }
}
