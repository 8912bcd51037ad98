//! A page without a format: headings, tables and lines, whose text is as foreign as it came.
//!
//! Whoever puts it into a format escapes every [`Span`]; nothing here is markup.

use super::chart::Chart;

/// Rows of a table beyond this are counted: the record has all of them.
pub(super) const ROWS: usize = 500;

/// How something is to be taken; never by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Warn,
    Plain,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Span {
    Text(String),
    Strong(String),
    /// A value, a name, a digest: every letter counts.
    Code(String),
    /// A sign of ours, and how it is to be taken.
    Mark(Tone, &'static str),
    /// A new line in the same cell.
    Break,
}

pub(super) type Line = Vec<Span>;

#[derive(Debug, Clone)]
pub(super) enum Block {
    /// Level 1 is the page's title.
    Heading(u8, Line),
    /// Nobody may overlook it.
    Callout(Tone, String, Vec<Line>),
    /// Name and value.
    Facts(Vec<(&'static str, Line)>),
    Table(Table),
    Paragraph(Line),
    /// Foreign text of any number of lines.
    Prose(String),
    List(Vec<Line>),
    /// Foreign text whose lines and blanks count.
    Code(String),
    Chart(Box<Chart>),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub head: Vec<&'static str>,
    pub rows: Vec<Vec<Line>>,
    /// Rows that were left out.
    pub more: usize,
}

impl Table {
    pub(super) fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), ..Self::default() }
    }

    pub(super) fn row(&mut self, cells: Vec<Line>) {
        if self.rows.len() < ROWS {
            self.rows.push(cells);
        } else {
            self.more += 1;
        }
    }

    /// As a block, unless there is nothing in it. A column in which nothing stands is left out.
    pub(super) fn into_page(mut self, page: &mut Vec<Block>) {
        let used: Vec<bool> =
            (0..self.head.len()).map(|at| self.rows.iter().any(|row| !row[at].is_empty())).collect();
        let kept = |at: &mut usize| {
            *at += 1;
            used[*at - 1]
        };
        let mut at = 0;
        self.head.retain(|_| kept(&mut at));
        for row in &mut self.rows {
            let mut at = 0;
            row.retain(|_| kept(&mut at));
        }
        if !self.rows.is_empty() || self.more > 0 {
            page.push(Block::Table(self));
        }
    }
}

/// Words; without any it is nothing.
pub(super) fn text(words: impl Into<String>) -> Line {
    let words = words.into();
    if words.is_empty() { Vec::new() } else { vec![Span::Text(words)] }
}

pub(super) fn strong(words: impl Into<String>) -> Line {
    vec![Span::Strong(words.into())]
}

/// A value; what is empty is nothing.
pub(super) fn code(words: impl Into<String>) -> Line {
    let words = words.into();
    if words.is_empty() { Vec::new() } else { vec![Span::Code(words)] }
}

/// One line behind the other.
pub(super) fn joined(parts: impl IntoIterator<Item = Line>) -> Line {
    parts.into_iter().flatten().collect()
}

/// Each in a line of its own, in one cell.
pub(super) fn stacked(parts: impl IntoIterator<Item = Line>) -> Line {
    let mut out = Line::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        if !out.is_empty() {
            out.push(Span::Break);
        }
        out.extend(part);
    }
    out
}

pub(super) fn heading(page: &mut Vec<Block>, level: u8, words: impl Into<String>) {
    page.push(Block::Heading(level, text(words)));
}
