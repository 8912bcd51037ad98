//! A page without a clock: what a command prints that has looked at something.

use super::style::Style;
use super::symbols::Paint;
use crate::text::ascii::ascii;
use crate::text::columns::{pad, wrap};
use crate::text::scrub;

/// Of a page that nobody's terminal limits.
const PAPER: usize = 80;
/// Columns of a label.
const LABEL: usize = 10;
/// Narrower than this nothing can be read.
const NARROWEST: usize = 40;

/// Lines as they come together; what is foreign is scrubbed here.
#[derive(Debug)]
pub(super) struct Sheet {
    colour: bool,
    ascii: bool,
    /// 0: a log.
    width: usize,
    pub lines: Vec<String>,
}

impl Sheet {
    pub(super) fn new(style: &Style) -> Self {
        Self { colour: style.colour, ascii: style.ascii, width: style.width, lines: Vec::new() }
    }

    fn columns(&self) -> usize {
        if self.width == 0 { PAPER } else { self.width.max(NARROWEST) }
    }

    /// A text under a label, over as many lines as it needs.
    pub(super) fn label(&mut self, label: &str, text: &str) {
        let text = scrub::line(text).into_owned();
        for (at, line) in wrap(&text, self.columns() - LABEL, usize::MAX).iter().enumerate() {
            let label = pad(if at == 0 { label } else { "" }, LABEL);
            self.push(Paint::None, &format!("{label}{line}"));
        }
    }

    pub(super) fn blank(&mut self) {
        self.lines.push(String::new());
    }

    /// A sentence.
    pub(super) fn text(&mut self, paint: Paint, text: &str) {
        for line in wrap(&scrub::line(text), self.columns(), usize::MAX) {
            self.push(paint, &line);
        }
    }

    /// A line of foreign text, never cut: on a terminal it goes on below, further in.
    pub(super) fn whole(&mut self, indent: usize, paint: Paint, text: &str) {
        let text = scrub::line(text).into_owned();
        let text = text.trim_end();
        if self.width == 0 {
            return self.push(paint, &format!("{}{text}", " ".repeat(indent)));
        }
        let own = text.len() - text.trim_start().len();
        let mut indent = indent + own.min(self.columns() / 2);
        for (at, line) in wrap(text, self.columns().saturating_sub(indent + 4), usize::MAX).iter().enumerate()
        {
            if at == 1 {
                indent += 4;
            }
            self.push(paint, &format!("{}{line}", " ".repeat(indent)));
        }
    }

    fn push(&mut self, paint: Paint, line: &str) {
        let line = line.trim_end();
        let line = if self.ascii { ascii(line) } else { line.to_owned() };
        self.lines.push(if self.colour && !line.is_empty() { paint.on(&line) } else { line });
    }
}
