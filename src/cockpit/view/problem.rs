//! All that is known of a problem: what, where, the line with its caret, and what it means.

use super::paper::{Row, wrapped};
use crate::cockpit::theme::Role;
use crate::run::event::{Place, Problem};
use crate::text::columns::around_caret;

pub fn rows(problem: &Problem, columns: usize) -> Vec<Row> {
    parts(problem, columns).into_iter().flatten().collect()
}

/// In three parts: what and where; the line; and what else is known.
pub fn parts(problem: &Problem, columns: usize) -> [Vec<Row>; 3] {
    let code = problem.sqlstate.as_deref().map(|code| format!(" (SQLSTATE {code})")).unwrap_or_default();
    let mut rows = wrapped(Role::Bad, "", &format!("✗ {}{code}", problem.message), columns, 4);
    if let Some(place) = &problem.place {
        rows.push(Row::of(Role::Dim, "  at ").add(Role::Text, place_words(place)));
    }
    let mut excerpt = Vec::new();
    match problem.excerpt.as_slice() {
        [line, caret] if caret.trim() == "^" => {
            let clean = crate::text::scrub::line(line);
            let (line, caret) = around_caret(&clean, caret, columns.saturating_sub(4));
            excerpt.push(Row::of(Role::Text, "    ").add(Role::Text, line));
            excerpt.push(Row::of(Role::Text, "    ").add(Role::Bad, caret));
        }
        lines => excerpt.extend(lines.iter().take(4).map(|line| Row::of(Role::Text, format!("    {line}")))),
    }
    let mut more = Vec::new();
    let parts = [
        ("detail", &problem.detail),
        ("context", &problem.context),
        ("hint", &problem.hint),
        ("means", &problem.consequence),
    ];
    for (label, text) in parts {
        if let Some(text) = text {
            more.extend(wrapped(Role::Text, "  ", &format!("{label}: {text}"), columns, 3));
        }
    }
    [rows, excerpt, more]
}

/// `file.sql:14:3`, and what included it.
fn place_words(place: &Place) -> String {
    let at = format!("{}:{}:{}", place.file, place.line, place.column);
    match place.includes.last() {
        Some(from) => format!("{at}, included from {from}"),
        None => at,
    }
}
