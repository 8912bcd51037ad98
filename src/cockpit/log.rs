//! The log: the lines that `--plain` would print, those of before and those of now, and which of them fit
//! its filter.

use std::collections::VecDeque;

use super::filter;
use crate::plain::LogLine;

/// Lines that are kept; the journal has all of it.
const KEPT: usize = 20_000;

/// The last lines of a run.
#[derive(Debug, Default)]
pub struct Log {
    lines: VecDeque<LogLine>,
    /// Lines that there ever were.
    total: u64,
    /// Which of them fit the filter, while there is one.
    hits: Option<VecDeque<u64>>,
}

impl Log {
    /// Takes more lines in.
    pub fn add(&mut self, lines: impl IntoIterator<Item = LogLine>, words: Option<&str>) {
        for line in lines {
            if let Some(words) = words
                && filter::fits(words, &[line.text()])
            {
                self.hits.get_or_insert_default().push_back(self.total);
            }
            self.total += 1;
            self.lines.push_back(line);
        }
        let extra = self.lines.len().saturating_sub(KEPT);
        self.lines.drain(..extra);
        let first = self.first();
        if let Some(hits) = &mut self.hits {
            let gone = hits.iter().take_while(|number| **number < first).count();
            hits.drain(..gone);
        }
    }

    /// The filter is another one: which lines fit is found once, not in every frame.
    pub fn find(&mut self, words: Option<&str>) {
        let first = self.first();
        self.hits = words.map(|words| {
            let numbered = (first..).zip(&self.lines);
            let fitting = numbered.filter(|(_, line)| filter::fits(words, &[line.text()]));
            fitting.map(|(number, _)| number).collect()
        });
    }

    /// The number of the oldest that is kept.
    fn first(&self) -> u64 {
        self.total - self.lines.len() as u64
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// All that are kept, whatever the filter.
    #[must_use]
    pub fn all(&self) -> &VecDeque<LogLine> {
        &self.lines
    }

    /// How many are shown, all in all.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hits.as_ref().map_or(self.lines.len(), VecDeque::len)
    }

    /// Those that fit the filter, from the one with this number on; all of them without one.
    pub fn shown(&self, from: usize) -> impl Iterator<Item = &LogLine> {
        let first = self.first();
        (from..self.len()).filter_map(move |at| {
            let at = match &self.hits {
                Some(hits) => usize::try_from(hits.get(at)?.checked_sub(first)?).ok()?,
                None => at,
            };
            self.lines.get(at)
        })
    }
}
