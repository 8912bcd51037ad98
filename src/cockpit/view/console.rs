//! The query console: what is typed above, what came below.

use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::paper::{Paper, Row, inset, wrapped};
use crate::cockpit::console::{Answer, Console, Head, Part, shown};
use crate::cockpit::keymap::{self, Act};
use crate::cockpit::mouse::Hit;
use crate::cockpit::state::State;
use crate::cockpit::theme::Role;
use crate::text::columns::{cut, pad, pad_left};
use crate::text::words::{count, took, unsigned};

/// Lines of the query that are in view.
const QUERY: u16 = 8;
/// Lines below the table for the cell that is looked at.
const CELL: u16 = 4;
/// Where not all columns have room side by side, none is wider.
const NARROW: usize = 40;

pub fn draw(state: &State, paper: &mut Paper<'_>, area: Rect) {
    let console = &state.console;
    let typed = u16::try_from(console.area.lines().len()).unwrap_or(QUERY);
    let high = typed.clamp(3, QUERY).min(area.height / 3).max(1) + 2;
    let above = Rect { height: high.min(area.height), ..area };
    let below = Rect { y: above.bottom(), height: area.height - above.height, ..area };
    query(state, paper, above);
    result(state, paper, below);
}

fn query(state: &State, paper: &mut Paper<'_>, area: Rect) {
    let console = &state.console;
    let focus = console.part == Part::Query;
    let title =
        Row::of(Role::Title, " Query ").add(Role::Dim, "only reads, 5 s at most, noted in the journal ");
    let inner = inset(paper.panel(area, title, focus));
    paper.hit(area, Hit::Query);
    if focus {
        (&console.area).render(inner.intersection(paper.buf.area), paper.buf);
        return;
    }
    let rows: Vec<Row> = console.area.lines().iter().map(|line| Row::of(Role::Text, line)).collect();
    paper.rows(inner, &rows);
}

fn result(state: &State, paper: &mut Paper<'_>, area: Rect) {
    let console = &state.console;
    let title = Row::of(Role::Title, " Result ").join(standing(state));
    let inner = inset(paper.panel(area, title, console.part == Part::Result));
    paper.hit(area, Hit::Result);
    if inner.height == 0 {
        return;
    }
    let room = inner;
    let Some(answer) = &console.answer else {
        let words = [
            "One statement: SELECT, VALUES, TABLE, WITH, SHOW or EXPLAIN.",
            "A semicolon and Enter ask it; ↑ brings back what was asked before.",
        ];
        let rows: Vec<Row> = words.iter().map(|words| Row::of(Role::Dim, words)).collect();
        paper.rows(room, &rows);
        return;
    };
    let columns = usize::from(room.width);
    let mut said: Vec<Row> =
        answer.said.iter().flat_map(|said| wrapped(Role::Warn, "", said, columns, 2)).collect();
    if let Some((message, more)) = &answer.error {
        said.extend(wrapped(Role::Bad, "", message, columns, 6));
        for line in more {
            // A caret points at a place: its line isn't broken.
            said.push(Row::of(Role::Text, line));
        }
    }
    if answer.more {
        let words =
            format!("there are more rows: the first {} were fetched", unsigned(answer.rows.len() as u64));
        said.push(Row::of(Role::Warn, words));
    }
    let lines = u16::try_from(said.len()).unwrap_or(room.height).min(room.height);
    paper.rows(Rect { height: lines, ..room }, &said);
    let room = Rect { y: room.y + lines, height: room.height - lines, ..room };
    if answer.heads.is_empty() {
        if answer.error.is_none() {
            paper.row(room, 0, &Row::of(Role::Dim, count(answer.rows.len() as u64, "row")));
        }
        return;
    }
    let below = if room.height > CELL + 6 { CELL } else { 0 };
    table(console, answer, paper, Rect { height: room.height - below, ..room });
    if below > 0 {
        cell(console, answer, paper, Rect { y: room.bottom() - below, height: below, ..room });
    }
}

/// What became of the last query, or that one runs.
fn standing(state: &State) -> Row {
    let console = &state.console;
    if let Some(asked) = &console.asked {
        let ms = u64::try_from(state.now.duration_since(asked.since).as_millis()).unwrap_or_default();
        let word = if asked.stopped { "is being stopped" } else { "runs" };
        return Row::of(Role::Active, format!("▶ {word} {} ", took(ms)));
    }
    match &console.answer {
        None => Row::new(),
        Some(answer) if answer.error.is_some() => {
            Row::of(Role::Bad, format!("✗ failed after {} ", took(answer.elapsed_ms)))
        }
        Some(answer) => {
            let at = format!(
                "✓ row {} of {}, column {} of {} · {} ",
                unsigned((console.row + 1).min(answer.rows.len()) as u64),
                unsigned(answer.rows.len() as u64),
                unsigned((console.column + 1).min(answer.heads.len()) as u64),
                unsigned(answer.heads.len() as u64),
                took(answer.elapsed_ms)
            );
            Row::of(Role::Good, at)
        }
    }
}

/// The keys of the console, as many as there is room for.
pub fn hints(state: &State, columns: usize) -> Row {
    let console = &state.console;
    let mut keys: Vec<(&str, &str)> = Vec::new();
    if console.asked.is_some() {
        keys.push(("Ctrl-C", "stops it"));
    }
    let refused = keymap::verdict(state, Act::Console).err();
    match console.part {
        Part::Query if refused.is_none() => {
            keys.extend([("; Enter", "asks"), ("Esc", "closes"), ("Tab", "result"), ("↑", "earlier")]);
            keys.push(("Ctrl-R", "asks as it stands"));
        }
        Part::Query => keys.extend([("Esc", "closes"), ("Tab", "result")]),
        Part::Result => {
            keys.extend([("← ↑ ↓ →", "move"), ("y", "copies the cell"), ("q", "closes"), ("Tab", "query")]);
            keys.push(("Y", "copies the row"));
        }
    }
    let mut row = Row::new();
    for (key, word) in keys {
        let hint = Row::of(Role::Key, key).add(Role::Text, format!(" {word}   "));
        if row.width() + hint.width() <= columns + 3 {
            row = row.join(hint);
        }
    }
    match refused {
        Some(why) => row.add(Role::Warn, format!("no query now: {why}")),
        None => row,
    }
}

/// The rows and columns around the cell that is looked at. Only what is in view is touched: a result may
/// have thousands of columns and cells of a megabyte.
fn table(console: &Console, answer: &Answer, paper: &mut Paper<'_>, area: Rect) {
    if area.height < 2 || area.width == 0 {
        return;
    }
    let widths = Widths::of(answer, usize::from(area.width));
    let columns = in_view(answer, &widths, console.column, usize::from(area.width));
    let room = usize::from(area.height - 2);
    let selected = console.row.min(answer.rows.len().saturating_sub(1));
    let first = selected.saturating_sub(room / 2).min(answer.rows.len().saturating_sub(room));
    let focus = console.part == Part::Result;
    let (mut names, mut rule) = (Row::new(), String::new());
    for (at, column) in columns.iter().enumerate() {
        let (head, wide) = (&answer.heads[*column], widths.fit(&answer.heads[*column]));
        let between = if at == 0 { "" } else { " │ " };
        rule.push_str(if at == 0 { "" } else { "─┼─" });
        rule.push_str(&"─".repeat(wide));
        names = names
            .add(Role::Border, between)
            .add(Role::Strong, fit(&super::paper::clean(&head.name), wide, head.right));
    }
    paper.row(area, 0, &names);
    paper.row(area, 1, &Row::of(Role::Border, rule));
    for (line, (index, cells)) in answer.rows.iter().enumerate().skip(first).take(room).enumerate() {
        let mut row = Row::new();
        let y = area.y + 2 + u16::try_from(line).unwrap_or_default();
        for (at, column) in columns.iter().enumerate() {
            let (head, wide) = (&answer.heads[*column], widths.fit(&answer.heads[*column]));
            row = row.add(Role::Border, if at == 0 { "" } else { " │ " });
            let (text, ours) = shown(cells.get(*column).and_then(Option::as_deref), wide);
            let here = focus && index == selected && *column == console.column;
            let role = match (here, ours) {
                (true, _) => Role::ButtonFocus,
                (false, true) => Role::Dim,
                (false, false) => Role::Text,
            };
            let from = u16::try_from(row.width()).unwrap_or(u16::MAX);
            row = row.add(role, fit(&text, wide, head.right));
            let wide = u16::try_from(wide).unwrap_or(u16::MAX);
            let place = Rect { x: area.x.saturating_add(from), y, width: wide, height: 1 };
            paper.hit(place.intersection(area), Hit::Cell(index, *column));
        }
        let body = Rect { y, height: 1, ..area };
        paper.row(body, 0, &if index == selected && !focus { row.on(Role::Selected) } else { row });
    }
    if answer.rows.is_empty() {
        paper.row(
            Rect { y: area.y + 2, height: area.height - 2, ..area },
            0,
            &Row::of(Role::Dim, "(0 rows)"),
        );
    }
}

/// How wide a column may be: as it wants to, where all of them have room; else not too wide.
struct Widths(usize);

impl Widths {
    fn of(answer: &Answer, room: usize) -> Self {
        let all: usize = answer.heads.iter().map(|head| head.wide + 3).sum();
        Self(if all <= room + 3 { usize::MAX } else { NARROW })
    }

    fn fit(&self, head: &Head) -> usize {
        head.wide.min(self.0)
    }
}

/// Columns that are in view: the one that is looked at, those left of it as far as there is room, and
/// then those right of it.
fn in_view(answer: &Answer, widths: &Widths, selected: usize, room: usize) -> Vec<usize> {
    let last = answer.heads.len().saturating_sub(1);
    let selected = selected.min(last);
    let mut first = selected;
    let wide = |column: usize| widths.fit(&answer.heads[column]);
    let mut used = wide(selected);
    while first > 0 && used + 3 + wide(first - 1) <= room {
        first -= 1;
        used += 3 + wide(first);
    }
    let mut end = selected + 1;
    // The last one may be cut.
    while end <= last && used + 3 < room {
        used += 3 + wide(end);
        end += 1;
    }
    (first..end).collect()
}

fn fit(text: &str, wide: usize, right: bool) -> String {
    let text = cut(text, wide);
    if right { pad_left(&text, wide) } else { pad(&text, wide) }
}

/// The cell that is looked at, as far as there is room.
fn cell(console: &Console, answer: &Answer, paper: &mut Paper<'_>, area: Rect) {
    let Some(head) = answer.heads.get(console.column) else { return };
    let title = Row::of(Role::Dim, "─ ").add(Role::Strong, &head.name);
    let title = match answer.cell(console.row, console.column) {
        Some(None) => title.add(Role::Dim, " is NULL"),
        Some(Some("")) => title.add(Role::Dim, " is an empty text"),
        Some(Some(text)) => {
            let cut =
                answer.cut.iter().find(|(row, column, _)| (*row, *column) == (console.row, console.column));
            match cut {
                Some((_, _, bytes)) => title.add(
                    Role::Warn,
                    format!(
                        " {} bytes, the first {} were fetched",
                        unsigned(*bytes as u64),
                        unsigned(text.len() as u64)
                    ),
                ),
                None => title.add(Role::Dim, format!(" {}", count(text.len() as u64, "byte"))),
            }
        }
        None => title,
    };
    paper.row(area, 0, &title);
    if let Some(Some(text)) = answer.cell(console.row, console.column) {
        let room = usize::from(area.height.saturating_sub(1));
        let most = usize::from(area.width) * room + 1;
        let end = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
        let rows = wrapped(Role::Text, "  ", &text[..end], usize::from(area.width), room);
        paper.rows(Rect { y: area.y + 1, height: area.height - 1, ..area }, &rows);
    }
}
