//! A script in its colours, with the statement that runs (or that failed) marked.

use std::ops::RangeInclusive;

use ratatui::layout::Rect;

use super::paper::{Paper, Row};
use crate::cockpit::filter;
use crate::cockpit::source::{Paint, Source};
use crate::cockpit::theme::Role;
use crate::text::columns::{pad_left, width};

/// What is marked.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    /// Lines of the statement that runs.
    pub running: Option<RangeInclusive<u64>>,
    /// The line that failed.
    pub failed: Option<u64>,
}

impl Marks {
    /// The line that should be in view.
    fn line(&self) -> Option<u64> {
        self.running.as_ref().map(|lines| *lines.start()).or(self.failed)
    }
}

/// The first line to show, where nobody has scrolled: what is marked, with a little before it.
#[must_use]
pub fn first(source: &Source, marks: &Marks, room: usize) -> usize {
    let Some(line) = marks.line() else { return 0 };
    let at = usize::try_from(line.saturating_sub(source.first)).unwrap_or_default();
    at.saturating_sub(room / 4).min(source.lines.len().saturating_sub(room))
}

/// The lines, from 0, that have these words.
pub fn fitting(source: &Source, words: &str) -> Vec<usize> {
    let fits = |pieces: &[(Paint, String)]| {
        let line: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
        filter::fits(words, &[&line])
    };
    source.lines.iter().enumerate().filter(|(_, pieces)| fits(pieces)).map(|(at, _)| at).collect()
}

/// Draws these lines, with their numbers; of each what stands behind `shift` columns.
pub fn draw(
    paper: &mut Paper<'_>,
    area: Rect,
    source: &Source,
    marks: &Marks,
    shift: usize,
    lines: impl Iterator<Item = usize>,
) {
    let digits = (source.first + source.lines.len() as u64).to_string().len();
    let lines = lines.filter_map(|at| Some((at, source.lines.get(at)?)));
    for (at, (nth, pieces)) in lines.take(usize::from(area.height)).enumerate() {
        let line = source.first + nth as u64;
        let runs = marks.running.as_ref().is_some_and(|lines| lines.contains(&line));
        let (sign, role) = match () {
            () if marks.failed == Some(line) => ("✗ ", Role::Bad),
            () if runs && marks.running.as_ref().map(|lines| *lines.start()) == Some(line) => {
                ("▶ ", Role::Active)
            }
            () if runs => ("│ ", Role::Active),
            () => ("  ", Role::Text),
        };
        let mut row =
            Row::of(Role::Dim, pad_left(&line.to_string(), digits)).add(Role::Text, " ").add(role, sign);
        let mut passed = shift;
        for (paint, text) in pieces {
            row = row.add(painted(*paint), behind(text, &mut passed));
        }
        let row = row.cut(usize::from(area.width));
        paper.row(area, at, &if runs { row.on(Role::Running) } else { row });
    }
}

/// What is left of a text when so many columns are passed over.
fn behind<'a>(text: &'a str, columns: &mut usize) -> &'a str {
    for (at, c) in text.char_indices() {
        if *columns == 0 {
            return &text[at..];
        }
        *columns = columns.saturating_sub(width(c.encode_utf8(&mut [0; 4])));
    }
    ""
}

fn painted(paint: Paint) -> Role {
    match paint {
        Paint::Plain => Role::Text,
        Paint::Keyword => Role::Keyword,
        Paint::Text => Role::String,
        Paint::Number => Role::Number,
        Paint::Comment => Role::Comment,
        Paint::Meta | Paint::Variable => Role::Meta,
        Paint::Data => Role::Dim,
    }
}
