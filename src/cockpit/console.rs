//! The query console: what is typed, what was asked before, and what came.

use std::sync::Arc;

use jiff::Timestamp;
use tui_textarea::{CursorMove, TextArea};

use super::keymap::{self, Act};
use super::message::Effect;
use super::state::State;
use crate::text::columns::width;
use crate::text::scrub;

/// Queries that are remembered.
const REMEMBERED: usize = 200;
/// A query longer than this isn't typed by hand.
pub const LONGEST: usize = 20_000;
/// No column is wider, unless it is looked at by itself.
const WIDEST: usize = 120;
/// Rows by which the width of a column is found.
const MEASURED: usize = 100;

/// Where keys go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    #[default]
    Query,
    Result,
}

/// A query that isn't answered yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub id: u64,
    pub sql: String,
    pub since: Timestamp,
    /// It was told to stop.
    pub stopped: bool,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Console {
    pub open: bool,
    pub area: TextArea<'static>,
    pub part: Part,
    /// Oldest first.
    pub history: Vec<String>,
    /// The one of the history that is shown, and what had been typed before.
    recalled: Option<(usize, String)>,
    /// What stands there was sent as it is: what is typed next replaces it, as it does selected text.
    sent: bool,
    pub asked: Option<Asked>,
    pub asks: u64,
    pub answer: Option<Arc<Answer>>,
    /// The cell that is looked at.
    pub row: usize,
    pub column: usize,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub name: String,
    /// Columns of the terminal that it takes.
    pub wide: usize,
    /// Numbers stand at the right.
    pub right: bool,
}

/// What came of a query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub sql: String,
    pub heads: Vec<Head>,
    /// `None` is NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// There are more rows than were fetched.
    pub more: bool,
    /// Cells of which only the beginning was kept: row, column, bytes.
    pub cut: Vec<(usize, usize, usize)>,
    pub elapsed_ms: u64,
    /// Why nothing came, and what is below it.
    pub error: Option<(String, Vec<String>)>,
    /// What a person should know besides.
    pub said: Vec<String>,
}

impl Answer {
    /// A result, with its columns measured.
    #[must_use]
    pub fn new(sql: String, columns: Vec<(String, bool)>, rows: Vec<Vec<Option<String>>>) -> Self {
        let heads = columns.into_iter().enumerate().map(|(at, (name, right))| {
            let cells = rows.iter().take(MEASURED).filter_map(|row| row.get(at));
            let widest = cells.map(|cell| width(&shown(cell.as_deref(), WIDEST).0)).max();
            let wide = widest.unwrap_or_default().max(width(&shorten(&name, WIDEST))).clamp(1, WIDEST);
            Head { name, wide, right }
        });
        Self { sql, heads: heads.collect(), rows, ..Self::default() }
    }

    /// A query that brought nothing.
    #[must_use]
    pub fn failed(sql: String, message: String, more: Vec<String>) -> Self {
        Self { sql, error: Some((message, more)), ..Self::default() }
    }

    #[must_use]
    pub fn cell(&self, row: usize, column: usize) -> Option<Option<&str>> {
        self.rows.get(row)?.get(column).map(Option::as_deref)
    }
}

/// The beginning of foreign text on one line, safe; a megabyte isn't looked at for that.
fn shorten(text: &str, columns: usize) -> String {
    // A little more than fits, so that it shows when there is more.
    let end = text.char_indices().nth(columns + 1).map_or(text.len(), |(at, _)| at);
    scrub::line(&text[..end]).into_owned()
}

/// A cell as it stands in its column, and whether it is no text of the database. A text that reads like
/// one of our words is put into quotes.
#[must_use]
pub fn shown(cell: Option<&str>, columns: usize) -> (String, bool) {
    match cell {
        None => ("NULL".to_owned(), true),
        Some("") => ("''".to_owned(), true),
        Some(text @ ("NULL" | "''" | "'NULL'")) => (format!("'{text}'"), false),
        Some(text) => (shorten(text, columns), false),
    }
}

impl Console {
    /// What is typed.
    #[must_use]
    pub fn text(&self) -> String {
        self.area.lines().join("\n")
    }

    pub fn set(&mut self, text: &str) {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        self.area = TextArea::new(if lines.is_empty() { vec![String::new()] } else { lines });
        self.area.move_cursor(CursorMove::Bottom);
        self.area.move_cursor(CursorMove::End);
    }

    /// One query further back, or forward again.
    pub fn recall(&mut self, back: bool) {
        let (at, draft) = match self.recalled.take() {
            Some((at, draft)) => (at, draft),
            // What was sent is the newest of them, and stands there already.
            None => (self.history.len() - usize::from(self.sent && !self.history.is_empty()), self.text()),
        };
        let to = if back { at.saturating_sub(1) } else { at + 1 };
        if to >= self.history.len() {
            if at < self.history.len() {
                self.set(&draft);
            }
            return;
        }
        let text = self.history[to].clone();
        self.set(&text);
        self.sent = false;
        self.recalled = Some((to, draft));
    }

    /// A text is about to be put in: what was sent makes room, unless it was touched since.
    pub fn make_room(&mut self) {
        if self.sent {
            self.area = TextArea::default();
        }
        self.typed();
    }

    /// What is typed is no longer the one of the history, nor the one that was sent.
    pub fn typed(&mut self) {
        self.recalled = None;
        self.sent = false;
    }

    fn remember(&mut self, sql: &str) {
        self.recalled = None;
        self.history.retain(|known| known != sql);
        self.history.push(sql.to_owned());
        let extra = self.history.len().saturating_sub(REMEMBERED);
        self.history.drain(..extra);
    }

    /// Moves to another cell, within the result.
    pub fn go(&mut self, rows: isize, columns: isize) {
        let Some(answer) = &self.answer else { return };
        self.row = self.row.saturating_add_signed(rows).min(answer.rows.len().saturating_sub(1));
        self.column = self.column.saturating_add_signed(columns).min(answer.heads.len().saturating_sub(1));
    }
}

/// Sends what is typed.
pub fn ask(state: &mut State) -> Vec<Effect> {
    let sql = state.console.text().trim().to_owned();
    if sql.is_empty() {
        return Vec::new();
    }
    if let Err(why) = keymap::verdict(state, Act::Console) {
        state.toast(format!("query: {why}"), true);
        return Vec::new();
    }
    if state.console.asked.is_some() {
        state.toast("the query before isn't answered yet: Ctrl-C stops it", true);
        return Vec::new();
    }
    let since = state.now;
    let console = &mut state.console;
    console.remember(&sql);
    console.sent = true;
    console.asks += 1;
    // An error that stands there would be read as that of the query that runs now.
    console.answer = console.answer.take().filter(|answer| answer.error.is_none());
    console.asked = Some(Asked { id: console.asks, sql: sql.clone(), since, stopped: false });
    vec![Effect::Look(console.asks, sql)]
}

/// Tells the query that runs to stop.
pub fn stop(state: &mut State) -> Vec<Effect> {
    match &mut state.console.asked {
        Some(asked) => {
            asked.stopped = true;
            vec![Effect::StopLook]
        }
        None => Vec::new(),
    }
}

/// The answer is there.
pub fn answered(state: &mut State, id: u64, answer: Arc<Answer>) {
    let console = &mut state.console;
    if console.asked.as_ref().is_none_or(|asked| asked.id != id) {
        return;
    }
    console.asked = None;
    (console.row, console.column) = (0, 0);
    let failed = answer.error.is_some();
    console.answer = Some(answer);
    if !console.open {
        state.toast(
            if failed { "the query failed: q shows why" } else { "the query is answered: q shows it" },
            failed,
        );
    }
}
