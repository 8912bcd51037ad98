//! What became of objects and rows: before the first change, as last counted, planned, step by step.

use ratatui::layout::Rect;

use super::paper::{Paper, Row, inset, wrapped};
use crate::cockpit::deltas::{KINDS, Planned, Table, as_of, course_of_objects, course_of_rows, rows, shown};
use crate::cockpit::state::{Extent, State, Tab};
use crate::cockpit::theme::Role;
use crate::plan::model::Kind;
use crate::run::event::RowCount;
use crate::text::columns::{cut, pad, pad_left, width};
use crate::text::words::{number, unsigned};

/// Tables that are looked at to find how wide the columns have to be.
const LOOKED_AT: usize = 200;
/// Below this, objects stand one after the other, so that tables are in view.
const LOW: u16 = 18;

/// The widths of the columns.
#[derive(Clone, Copy)]
struct Shape {
    columns: usize,
    name: usize,
    figure: usize,
    change: usize,
    /// 0: the plan says nothing, or there is no room.
    planned: usize,
    course: usize,
}

impl Shape {
    fn of(state: &State, columns: usize) -> Self {
        let run = state.run();
        let (mut name, mut figure, mut change, mut planned) = (16, 8, 6, 0);
        for kind in KINDS {
            let (before, now) = run.objects(kind).unwrap_or_default();
            figure = figure.max(width(&unsigned(before)).max(width(&unsigned(now))) + 2);
            change = change.max(width(&signs(signed(now) - signed(before))) + 2);
            planned = planned.max(state.deltas.planned(kind).map_or(0, widest));
        }
        for table in state.deltas.tables.iter().take(LOOKED_AT) {
            name = name.max(width(&table.name) + 1);
            figure = figure.max(width(&self::figure(table.before)).max(width(&self::figure(table.now))) + 2);
            change = change.max(width(&self::change(table)) + 2);
            planned = planned.max(table.planned.as_ref().map_or(0, widest));
        }
        let left = columns.saturating_sub(2 * figure + change);
        let planned = if planned > 0 && left >= planned.min(16) + 20 { planned.clamp(9, 16) } else { 0 };
        let left = left - planned;
        let name = name.min(left.max(12));
        Self { columns, name, figure, change, planned, course: left.saturating_sub(name).min(40) }
    }
}

fn widest(planned: &Planned) -> usize {
    match planned {
        Planned::Words(words) => width(words) + 2,
        Planned::Adds { all, .. } => width(&added(*all)) + 4,
    }
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub fn draw(state: &State, paper: &mut Paper<'_>, area: Rect) -> (usize, Extent) {
    let columns = usize::from(area.width);
    let tables: Vec<&Table> = shown(state).collect();
    let shape = Shape::of(state, columns);
    let head = head(state, shape, tables.len(), area.height < LOW);
    let extent = Extent { lines: head.len() + tables.len(), room: usize::from(area.height) };
    let first = state.scroll.get(&Tab::Deltas).copied().unwrap_or_default().min(extent.last());
    for at in 0..extent.room.min(extent.lines.saturating_sub(first)) {
        let line = first + at;
        match head.get(line) {
            Some(row) => paper.row(area, at, row),
            // Only what is in view is made: there may be ten thousand.
            None => {
                if let Some(of) = tables.get(line - head.len()) {
                    paper.row(area, at, &table(state, of, shape));
                }
            }
        }
    }
    (first, extent)
}

/// A few lines below the timeline; nothing before there is a baseline.
pub fn brief(state: &State, columns: usize, most: usize) -> Vec<Row> {
    if state.run().baseline.is_none() || most == 0 {
        return Vec::new();
    }
    let mut rows = flow(state, columns, 2, true);
    let changed: Vec<&Table> = state.deltas.tables.iter().filter(|table| table.has_changed()).collect();
    let room = most.saturating_sub(rows.len());
    let shown = if changed.len() > room { room.saturating_sub(1) } else { changed.len() };
    for of in changed.iter().take(shown) {
        let figures = Row::of(Role::Dim, figure(of.before))
            .add(Role::Dim, " → ")
            .add(Role::Text, figure(of.now))
            .add(role(of.change()), format!(" {}", pad_left(&change(of), 7)));
        rows.push(Row::of(Role::Text, &of.name).right(columns, figures));
    }
    if changed.len() > shown {
        rows.push(Row::of(Role::Dim, format!("and {} more tables", changed.len() - shown)));
    }
    rows
}

pub fn panel(paper: &mut Paper<'_>, area: Rect, rows: &[Row]) {
    let inner = inset(paper.panel(area, Row::of(Role::Title, " Deltas "), false));
    paper.rows(inner, rows);
}

/// All that stands above the tables.
fn head(state: &State, shape: Shape, shown: usize, low: bool) -> Vec<Row> {
    let (run, columns) = (state.run(), shape.columns);
    if run.baseline.is_none() {
        let what = "Measured before the first change: how many tables, columns, indexes … there are, and the rows \
                    of each table. After each step that changes something it is counted again.";
        return wrapped(Role::Dim, "", what, columns, 4);
    }
    let mut rows = Vec::new();
    let counted = Row::of(Role::Dim, "counted ").add(Role::Dim, as_of(state));
    rows.push(counted.right(columns, Row::of(Role::Dim, "≈ estimated")));
    for (what, why) in &run.deltas.missing {
        rows.extend(wrapped(Role::Warn, "", &format!("! not counted: {what}: {why}"), columns, 2));
    }
    if low {
        rows.extend(flow(state, columns, 4, false));
    } else {
        rows.push(heading("objects", shape));
        rows.extend(KINDS.iter().filter_map(|kind| object(state, *kind, shape)));
    }
    rows.push(Row::new());
    let list = &state.deltas;
    let all = unsigned(list.tables.len() as u64);
    let of = match shown == list.tables.len() {
        true => format!("{} of {all} tables changed", list.changed),
        false => format!("{shown} of {all} tables shown"),
    };
    let sorted = Row::of(Role::Dim, "S ").add(Role::Dim, format!("sorted by {}", list.sort.word()));
    rows.push(Row::of(Role::Dim, of).right(columns, sorted));
    rows.push(heading("rows", shape));
    rows
}

fn heading(what: &str, shape: Shape) -> Row {
    let (before, now) = (pad_left("before", shape.figure), pad_left("now", shape.figure));
    let mut text = format!("{}{before}{now}{}", pad(what, shape.name), " ".repeat(shape.change));
    if shape.planned > 0 {
        text.push_str(&pad("  planned", shape.planned));
    }
    for words in ["  step by step", "  steps"] {
        if width(words) <= shape.course {
            text.push_str(words);
            break;
        }
    }
    Row::of(Role::Dim, text).cut(shape.columns)
}

fn object(state: &State, kind: Kind, shape: Shape) -> Option<Row> {
    let (before, now) = state.run().objects(kind)?;
    let planned = state.deltas.planned(kind);
    if before == 0 && now == 0 && planned.is_none() {
        return None;
    }
    let by = signed(now) - signed(before);
    let name = Row::of(if by == 0 { Role::Dim } else { Role::Text }, pad(kind.word(), shape.name));
    let row = name
        .add(Role::Dim, pad_left(&unsigned(before), shape.figure))
        .add(if by == 0 { Role::Dim } else { Role::Strong }, pad_left(&unsigned(now), shape.figure))
        .add(role(by), pad_left(&signs(by), shape.change));
    let row = row.join(self::planned(planned, by, shape));
    Some(row.add(Role::Active, sparkline(&course_of_objects(state.run(), kind), shape.course)))
}

fn table(state: &State, of: &Table, shape: Shape) -> Row {
    let by = of.change();
    let text = if of.has_changed() { Role::Text } else { Role::Dim };
    let row = Row::of(text, pad(&cut(&of.name, shape.name.saturating_sub(1)), shape.name))
        .add(Role::Dim, pad_left(&figure(of.before), shape.figure))
        .add(if of.has_changed() { Role::Strong } else { Role::Dim }, pad_left(&figure(of.now), shape.figure))
        .add(role(by), pad_left(&change(of), shape.change));
    let row = row.join(planned(of.planned.as_ref(), by, shape));
    if !state.run().deltas.rows.contains_key(&of.name) {
        return row.cut(shape.columns);
    }
    row.add(Role::Active, sparkline(&course_of_rows(state.run(), &of.name), shape.course)).cut(shape.columns)
}

/// One after the other, on as many lines as they need.
fn flow(state: &State, columns: usize, most: usize, only_changed: bool) -> Vec<Row> {
    let mut rows = vec![Row::new()];
    for kind in KINDS {
        let Some((before, now)) = state.run().objects(kind) else { continue };
        let by = signed(now) - signed(before);
        if before == 0 && now == 0 || only_changed && by == 0 {
            continue;
        }
        let piece = match by {
            0 => Row::of(Role::Dim, format!("{} {}   ", kind.word(), unsigned(now))),
            by => Row::of(Role::Text, format!("{} {}→{} ", kind.word(), unsigned(before), unsigned(now)))
                .add(role(by), format!("{}   ", signs(by))),
        };
        let full =
            rows.last().is_some_and(|row| row.width() > 0 && row.width() + piece.width() > columns + 3);
        if full && rows.len() == most {
            break;
        }
        match rows.last_mut() {
            Some(last) if !full => *last = std::mem::take(last).join(piece),
            _ => rows.push(piece),
        }
    }
    if only_changed && rows.iter().all(|row| row.width() == 0) {
        return vec![Row::of(Role::Dim, "no objects came or went")];
    }
    rows
}

/// `≈` stands before what is estimated, `–` for a table that isn't there.
fn figure(count: Option<RowCount>) -> String {
    match count {
        None => "–".to_owned(),
        Some(RowCount { rows, exact: true }) => number(rows),
        Some(RowCount { rows, exact: false }) => format!("≈{}", number(rows)),
    }
}

fn change(of: &Table) -> String {
    match (of.before, of.now) {
        (Some(_), None) => "gone".to_owned(),
        (None, Some(now)) if now.rows == 0 => "new".to_owned(),
        _ => signs(rows(of.now) - rows(of.before)),
    }
}

fn signs(by: i64) -> String {
    match by {
        0 => String::new(),
        1.. => format!("▲{}", number(by)),
        _ => format!("▼{}", unsigned(by.unsigned_abs())),
    }
}

fn role(by: i64) -> Role {
    match by {
        0 => Role::Dim,
        1.. => Role::Good,
        _ => Role::Back,
    }
}

/// What the plan adds, and whether it is there.
fn planned(planned: Option<&Planned>, by: i64, shape: Shape) -> Row {
    if shape.planned == 0 {
        return Row::new();
    }
    let (text, role) = match planned {
        None => (String::new(), Role::Dim),
        Some(Planned::Words(words)) => (words.clone(), Role::Dim),
        Some(Planned::Adds { all, .. }) if by == *all => (format!("{} ✓", added(*all)), Role::Good),
        // On its way: what the steps so far were to add is there.
        Some(Planned::Adds { all, so_far, whole }) if by == *so_far || !whole => (added(*all), Role::Dim),
        Some(Planned::Adds { all, .. }) => (format!("{} ≠", added(*all)), Role::Warn),
    };
    Row::of(role, pad(&cut(&format!("  {text}"), shape.planned), shape.planned))
}

fn added(n: i64) -> String {
    match n {
        0 => "0".to_owned(),
        n => signs(n),
    }
}

/// The last moments, each as high as its figure between the least and the most of them.
fn sparkline(course: &[i64], columns: usize) -> String {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let columns = columns.saturating_sub(2);
    if columns < 3 {
        return String::new();
    }
    let shown = &course[course.len().saturating_sub(columns)..];
    let (Some(least), Some(most)) = (shown.iter().min(), shown.iter().max()) else { return String::new() };
    if least == most {
        return String::new();
    }
    let span = i128::from(*most) - i128::from(*least);
    let height = |n: &i64| {
        let up = (i128::from(*n) - i128::from(*least)) * 7;
        let at = usize::try_from(up / span).unwrap_or_default();
        // What isn't nothing is seen.
        HEIGHTS[if *n > *least { at.max(1) } else { at }]
    };
    format!("  {}", shown.iter().map(height).collect::<String>())
}
