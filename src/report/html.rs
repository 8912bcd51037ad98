//! The page as one HTML file that needs nothing else, and the only place where text is escaped for it.
//!
//! No script, nothing from elsewhere: the policy in its head forbids all but this one style sheet, by its hash.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::page::{Block, Line, Span, Table, Tone};
use crate::text::scrub;

const STYLE: &str = include_str!("report.css");

pub(super) fn html(title: &str, page: &[Block]) -> String {
    let hash = base64(&Sha256::digest(STYLE.as_bytes()));
    let mut out = String::new();
    out.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    let _ = writeln!(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'\">"
    );
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    out.push_str("<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n");
    let _ =
        write!(out, "<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n", escaped(title));
    for block in page {
        write(&mut out, block);
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn write(out: &mut String, block: &Block) {
    let done = match block {
        Block::Heading(level, line) => writeln!(out, "<h{level}>{}</h{level}>", inline(line)),
        Block::Callout(tone, title, lines) => {
            let _ = writeln!(
                out,
                "<section class=\"callout {}\">\n<p><strong>{}</strong></p>",
                class(*tone),
                escaped(title)
            );
            for line in lines {
                let _ = writeln!(out, "<p>{}</p>", inline(line));
            }
            writeln!(out, "</section>")
        }
        Block::Facts(facts) => {
            out.push_str("<dl>\n");
            for (name, line) in facts {
                let _ = writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", escaped(name), inline(line));
            }
            writeln!(out, "</dl>")
        }
        Block::Table(table) => {
            rows(out, table);
            Ok(())
        }
        Block::Paragraph(line) => writeln!(out, "<p>{}</p>", inline(line)),
        Block::Prose(text) => {
            let lines: Vec<String> = text.trim().lines().map(|line| escaped(line.trim())).collect();
            writeln!(out, "<p class=\"prose\">{}</p>", lines.join("<br>\n"))
        }
        Block::List(lines) => {
            out.push_str("<ul>\n");
            for line in lines {
                let _ = writeln!(out, "<li>{}</li>", inline(line));
            }
            writeln!(out, "</ul>")
        }
        Block::Code(text) => {
            let lines: Vec<String> = scrub::lines(text).map(|line| escaped(line.trim_end())).collect();
            writeln!(out, "<pre>{}</pre>", lines.join("\n"))
        }
        Block::Chart(chart) => {
            let _ = writeln!(out, "<figure>\n<div class=\"scroll\">\n{}</div>", chart.svg());
            writeln!(out, "<figcaption>{}</figcaption>\n</figure>", escaped(&chart.caption()))
        }
    };
    // A string takes everything.
    let _ = done;
}

fn rows(out: &mut String, table: &Table) {
    out.push_str("<div class=\"scroll\">\n<table>\n<thead><tr>");
    for head in &table.head {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escaped(head));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for cell in row {
            let _ = write!(out, "<td>{}</td>", inline(cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n</div>\n");
    if table.more > 0 {
        let _ = writeln!(out, "<p>{}</p>", escaped(&more(table)));
    }
}

/// What isn't in the table.
pub(super) fn more(table: &Table) -> String {
    let rows = crate::text::words::of_len(table.more, "more row");
    format!("… and {rows}; the journal has all of them.")
}

fn inline(line: &Line) -> String {
    let mut out = String::new();
    for span in line {
        match span {
            Span::Text(text) => out.push_str(&escaped(text)),
            Span::Strong(text) => out.push_str(&format!("<strong>{}</strong>", escaped(text))),
            Span::Code(text) => out.push_str(&format!("<code>{}</code>", escaped(text))),
            Span::Mark(tone, sign) => {
                out.push_str(&format!("<span class=\"mark {}\">{}</span>", class(*tone), escaped(sign)));
            }
            Span::Break => out.push_str("<br>"),
        }
    }
    out
}

pub(super) fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Warn => "warn",
        Tone::Plain => "plain",
    }
}

/// Foreign text, safe between tags and between quotes.
pub(super) fn escaped(text: &str) -> String {
    let text = scrub::line(text);
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// As the policy writes hashes.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or_default());
        let all = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4_usize {
            let six = usize::try_from(all >> (18 - 6 * at) & 63).unwrap_or_default();
            out.push(if at <= three.len() { char::from(LETTERS[six]) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_written_as_the_policy_wants_them() {
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|text| base64(text.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
    }

    #[test]
    fn what_would_be_markup_is_text() {
        assert_eq!(
            escaped("<b a=\"1\" c='2'>&\u{202e}"),
            "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;\u{fffd}"
        );
    }
}
