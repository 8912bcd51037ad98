//! Lines laid out in columns: clock, depth, sign, what, how long, figures.
//!
//! Everything that is printed goes through here, and here it is scrubbed: no other file of this room
//! makes a line by itself.

use super::log_line::Columns;
use super::symbols::{Mark, Paint};
use crate::text::ascii::ascii;
use crate::text::columns::{around_caret, cut, pad, pad_left, width, wrap};
use crate::text::scrub;
use crate::text::words::took;

/// `HH:MM:SS `
pub(super) const CLOCK: usize = 9;
/// A line of a log is no longer than this; a fact that needs more has lost its reader.
const LOG: usize = 500;
/// Narrower than this nothing can be aligned.
const NARROWEST: usize = 40;
/// Columns of a duration.
pub(super) const TOOK: usize = 8;
/// What is explained below a line has at most so many lines.
const BELOW: usize = 8;

/// How wide, and with what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub colour: bool,
    pub ascii: bool,
    /// 0: a log.
    pub width: usize,
}

impl Layout {
    fn is_log(self) -> bool {
        self.width == 0
    }

    fn columns(self) -> usize {
        if self.is_log() { LOG } else { self.width.max(NARROWEST) }
    }

    /// Where durations begin.
    fn middle(self) -> usize {
        if self.is_log() { 66 } else { (self.columns() * 55 / 100).clamp(24, 72) }
    }

    fn finish(self, pieces: &[(Paint, &str)]) -> String {
        let last = pieces.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        let mut out = String::new();
        for (at, (paint, text)) in pieces.iter().enumerate() {
            // Blanks at the end of a line are nothing that a log needs.
            let text = if Some(at) >= last { text.trim_end() } else { text };
            if text.is_empty() {
                continue;
            }
            let text = if self.ascii { ascii(text) } else { text.to_owned() };
            out.push_str(&if self.colour { paint.on(&text) } else { text });
        }
        out
    }
}

/// The lines that one event is worth.
#[derive(Debug)]
pub(super) struct Page {
    pub layout: Layout,
    /// As the clock shows it; blank where a line has no time of its own.
    clock: String,
    pub lines: Vec<String>,
    /// Which of them have columns, and those: a log may be shown in any width.
    pub columns: Vec<(usize, Columns)>,
}

impl Page {
    pub(super) fn new(layout: Layout, clock: &str) -> Self {
        Self { layout, clock: pad(clock, CLOCK), lines: Vec::new(), columns: Vec::new() }
    }

    /// A line with columns: what, how long it took, figures.
    pub(super) fn row(&mut self, depth: usize, mark: Mark, what: &str, ms: Option<u64>, figures: &str) {
        let (what, figures) = (scrub::line(what), scrub::line(figures));
        if ms.is_none() && figures.is_empty() {
            return self.fact(depth, mark, &what);
        }
        if self.layout.is_log() {
            let (clock, what, figures) = (self.clock.clone(), what.to_string(), figures.to_string());
            self.columns.push((self.lines.len(), Columns { clock, depth, mark, what, ms, figures }));
        }
        let indent = " ".repeat(depth * 2);
        let begin = CLOCK + indent.len() + 2;
        let room = self.layout.middle().saturating_sub(begin).max(8);
        let what = if self.layout.is_log() { cut(&what, LOG / 2) } else { cut(&what, room) };
        let took = pad_left(&ms.map(took).unwrap_or_default(), TOOK);
        let (what, took) = (pad(&what, room), format!("{took}  "));
        let used = begin + width(&what) + width(&took);
        let figures = cut(&figures, self.layout.columns().saturating_sub(used));
        self.push(depth, mark, Paint::None, &format!("{what}{took}{figures}"));
    }

    /// A line without columns; on a terminal it goes on below when it is long.
    pub(super) fn fact(&mut self, depth: usize, mark: Mark, text: &str) {
        self.painted(depth, mark, Paint::None, text);
    }

    /// A line that others stand under.
    pub(super) fn head(&mut self, depth: usize, mark: Mark, text: &str) {
        self.painted(depth, mark, Paint::Bold, text);
    }

    fn painted(&mut self, depth: usize, mark: Mark, paint: Paint, text: &str) {
        let text = scrub::line(text).into_owned();
        let begin = CLOCK + depth * 2 + 2;
        let mut lines = self.wrapped(&text, begin).into_iter();
        self.push(depth, mark, paint, &lines.next().unwrap_or_default());
        for line in lines {
            self.indented(begin, Paint::None, &line);
        }
    }

    /// What is explained below a line, under a label.
    pub(super) fn below(&mut self, depth: usize, label: &str, text: &str) {
        let begin = CLOCK + depth * 2 + 2;
        let label = if label.is_empty() { String::new() } else { format!("{} ", pad(label, 8)) };
        let mut count = 0;
        let mut parts = scrub::lines(text).filter(|part| !part.trim().is_empty()).peekable();
        while let Some(part) = parts.next() {
            // A line of a source with a caret below it isn't broken: the caret would point elsewhere.
            let caret = parts.next_if(|next| next.trim() == "^");
            let room = self.room(begin + width(&label));
            let lines = match caret {
                Some(caret) => {
                    let (line, caret) = around_caret(&part, &caret, room);
                    vec![line, caret]
                }
                None => self.wrapped(&part, begin + width(&label)),
            };
            for line in lines {
                count += 1;
                if count > BELOW {
                    self.indented(begin + width(&label), Paint::None, "…");
                    return;
                }
                let first = if count == 1 { label.clone() } else { " ".repeat(width(&label)) };
                self.indented(begin, Paint::None, &format!("{first}{line}"));
            }
        }
    }

    /// A new day, above its first line.
    pub(super) fn day(&mut self, text: &str) {
        let line = self.layout.finish(&[(Paint::Dim, &scrub::line(text))]);
        self.lines.push(line);
    }

    /// What to type. It is copied from here, so it isn't broken, and only a hopeless length is cut.
    pub(super) fn command(&mut self, depth: usize, what: &str, command: &str) {
        let begin = CLOCK + depth * 2 + 2;
        self.copied(begin, &format!("{what}: "), command);
    }

    fn copied(&mut self, begin: usize, what: &str, command: &str) {
        let command = cut(&scrub::line(command), LOG);
        let one = format!("{what}{command}");
        if width(&one) <= self.room(begin) {
            return self.indented(begin, Paint::None, &one);
        }
        self.indented(begin, Paint::None, what);
        self.indented(begin.min(4), Paint::None, &command);
    }

    /// What was said, never broken: it may be a table.
    pub(super) fn said(&mut self, depth: usize, text: &str) {
        let text = scrub::line(text);
        let text = cut(text.trim_end(), self.room(CLOCK + depth * 2 + 2));
        self.push(depth, Mark::Said, Paint::None, &text);
    }

    /// Whether figures of so many characters stand uncut in a line with columns.
    pub(super) fn fits(&self, depth: usize, characters: usize) -> bool {
        let words = "expected , got ".len();
        let begin = self.layout.middle().max(CLOCK + depth * 2 + 10) + TOOK + 2;
        begin + words + characters <= self.layout.columns()
    }

    /// One line below, cut and never broken: a row of a table.
    pub(super) fn table(&mut self, depth: usize, text: &str) {
        let text = scrub::line(text);
        let begin = CLOCK + depth * 2 + 2;
        if !text.trim().is_empty() {
            self.indented(begin, Paint::None, &cut(&text, self.room(begin)));
        }
    }

    /// Lines of a source with a caret.
    pub(super) fn excerpt(&mut self, depth: usize, excerpt: &[String]) {
        let begin = CLOCK + depth * 2 + 4;
        match excerpt {
            [line, caret] if caret.trim() == "^" => {
                let (line, caret) = around_caret(&scrub::line(line), caret, self.room(begin));
                self.indented(begin, Paint::None, &line);
                self.indented(begin, Paint::Red, &caret);
            }
            lines => {
                for line in lines.iter().take(BELOW) {
                    self.table(depth + 1, line);
                }
            }
        }
    }

    /// A line of a summary: label, text.
    pub(super) fn entry(&mut self, label: &str, text: &str) {
        let label = pad(label, 12);
        let mut lines = self.wrapped(&scrub::line(text), 13).into_iter();
        let first = lines.next().unwrap_or_default();
        let line = self.layout.finish(&[(Paint::Dim, &format!("{label} ")), (Paint::None, &first)]);
        self.lines.push(line);
        for line in lines {
            self.indented(13, Paint::None, &line);
        }
    }

    /// A line of a summary with what to type.
    pub(super) fn next(&mut self, what: &str, command: &str) {
        self.copied(2, &format!("{what}: "), command);
    }

    /// A phase in a summary: label, sign, title, time, figures.
    pub(super) fn phase(&mut self, label: &str, mark: Mark, title: &str, ms: Option<u64>, figures: &str) {
        let label = format!("{} ", pad(label, 12));
        let sign = format!("{} ", mark.sign());
        let room = self.layout.middle().saturating_sub(15).max(8);
        let title = pad(&cut(&scrub::line(title), room), room);
        let took = pad_left(&ms.map(took).unwrap_or_default(), TOOK);
        let rest = cut(&format!("{title}{took}  {figures}"), self.room(15));
        let pieces = [(Paint::Dim, label.as_str()), (mark.paint(), &sign), (Paint::None, &rest)];
        let line = self.layout.finish(&pieces);
        self.lines.push(line);
    }

    /// The headline of a summary.
    pub(super) fn headline(&mut self, mark: Mark, text: &str) {
        let text = scrub::line(text).into_owned();
        let sign = format!("{} ", mark.sign());
        let mut lines = self.wrapped(&text, 2).into_iter();
        let first = lines.next().unwrap_or_default();
        let line = self.layout.finish(&[(mark.paint(), &sign), (Paint::Bold, &first)]);
        self.lines.push(line);
        for line in lines {
            self.indented(2, Paint::Bold, &line);
        }
    }

    /// A row of a table of short cells, each under its head, on the right.
    pub(super) fn columns(&mut self, mark: Mark, what: &str, cells: &[(Paint, String)]) {
        const CELL: usize = 9;
        let room = self.layout.columns().saturating_sub(2 + CELL * cells.len()).max(8);
        let sign = if mark == Mark::Said { "  ".to_owned() } else { format!("{} ", mark.sign()) };
        let what = pad(&cut(&scrub::line(what), room), room);
        let cells: Vec<(Paint, String)> =
            cells.iter().map(|(paint, text)| (*paint, pad_left(text, CELL))).collect();
        let mut pieces = vec![(mark.paint(), sign.as_str()), (Paint::None, what.as_str())];
        pieces.extend(cells.iter().map(|(paint, text)| (*paint, text.as_str())));
        let line = self.layout.finish(&pieces);
        self.lines.push(line);
    }

    /// Columns that are left of a line that begins at `begin`.
    pub(super) fn room(&self, begin: usize) -> usize {
        self.layout.columns().saturating_sub(begin).max(8)
    }

    /// Columns for a table at this depth.
    pub(super) fn table_room(&self, depth: usize) -> usize {
        // A table that is as wide as a log's longest line can't be read by anybody.
        self.room(CLOCK + depth * 2 + 2).min(160)
    }

    fn wrapped(&self, text: &str, begin: usize) -> Vec<String> {
        // In a log a fact is one line, so that a search finds the whole of it.
        wrap(text, self.room(begin), if self.layout.is_log() { 1 } else { BELOW })
    }

    fn indented(&mut self, begin: usize, paint: Paint, text: &str) {
        if !text.trim().is_empty() {
            let line = self.layout.finish(&[(Paint::None, &" ".repeat(begin)), (paint, text)]);
            self.lines.push(line);
        }
    }

    fn push(&mut self, depth: usize, mark: Mark, paint: Paint, text: &str) {
        let sign = format!("{} ", mark.sign());
        let indent = " ".repeat(depth * 2);
        let pieces =
            [(Paint::Dim, self.clock.as_str()), (Paint::None, &indent), (mark.paint(), &sign), (paint, text)];
        let line = self.layout.finish(&pieces);
        self.lines.push(line);
    }
}
