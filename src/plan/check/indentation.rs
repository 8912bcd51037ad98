//! Indentation that lies: TOML ignores it, people don't.

use toml::de::{DeTable, DeValue};

use crate::plan::diagnostic::{Code, Severity};
use crate::plan::raw::{Report, entries};
use crate::plan::source::Span;

/// Warns about every key that is indented less than the header it falls under.
pub(in crate::plan) fn check<'a>(root: &'a DeTable<'a>, report: &mut Report<'a>) {
    // A list, not recursion: how deep a plan nests is up to whoever wrote it.
    let mut left: Vec<(&'a DeTable<'a>, Span)> = vec![(root, Span::default())];
    while let Some((table, span)) = left.pop() {
        let header = report.source.slice(span).starts_with('[').then(|| indent(report, span)).flatten();
        for entry in entries(table) {
            if let (Some(header), Some(key)) = (header, indent(report, entry.key_span))
                && key < header
            {
                let name = report.source.slice(span).trim().to_owned();
                let related = report.related(span, "this header");
                let message = format!("`{}` is indented less than the header it falls under", entry.key);
                let diagnostic = report.add(Severity::Warning, Code::Indentation, entry.key_span, message);
                diagnostic.related.push(related);
                diagnostic.help =
                    Some(format!("it belongs to {name}; move it up if it is meant for the table around"));
            }
            match entry.value.get_ref() {
                DeValue::Table(table) => left.push((table, entry.span())),
                DeValue::Array(list) => {
                    left.extend(list.iter().filter_map(|v| Some((v.get_ref().as_table()?, v.span().into()))));
                }
                _ => {}
            }
        }
    }
}

/// The width before the first thing on a line; `None` when this isn't the first thing.
fn indent(report: &Report<'_>, span: Span) -> Option<usize> {
    let line = report.source.line_of(span.start);
    let before = report.source.slice(Span { start: report.source.line_start(line), end: span.start });
    let blank = before.chars().all(|c| matches!(c, ' ' | '\t'));
    blank.then(|| before.chars().fold(0, |width, c| if c == '\t' { width / 4 * 4 + 4 } else { width + 1 }))
}
