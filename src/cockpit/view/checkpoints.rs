//! Checkpoints: what was expected, what came, and every cell that differs.

use ratatui::layout::Rect;

use super::paper::{Paper, Row, inset, wrapped};
use crate::cockpit::filter::{self, Place};
use crate::cockpit::state::{Extent, State, Tab};
use crate::cockpit::theme::Role;
use crate::plan::expect::Verdict;
use crate::plan::model::{Action, Ask, Step, Undo};
use crate::run::TARGET;
use crate::run::event::{CheckpointResult, When};
use crate::text::columns::{cut, pad, pad_left, width};
use crate::text::words::took;

pub fn draw(state: &State, paper: &mut Paper<'_>, area: Rect) -> (usize, Extent) {
    let (checkpoints, failed) = full(state, usize::from(area.width));
    // What is watched goes on moving, and stands first.
    let mut rows = super::watched::rows(state, usize::from(area.width));
    if !rows.is_empty() {
        rows.push(Row::new());
    }
    let failed = if failed == 0 { 0 } else { failed + rows.len() };
    rows.extend(checkpoints);
    let extent = Extent { lines: rows.len(), room: usize::from(area.height) };
    // Where nobody has scrolled, the first that failed is in view.
    let begin = if failed + 2 < extent.room { 0 } else { failed };
    let first = state.scroll.get(&Tab::Checkpoints).copied().unwrap_or(begin).min(extent.last());
    paper.rows(area, rows.iter().skip(first));
    (first, extent)
}

pub fn panel(state: &State, paper: &mut Paper<'_>, area: Rect) {
    let inner = inset(paper.panel(area, Row::of(Role::Title, " Checkpoints "), false));
    let rows = brief(state, usize::from(inner.width));
    // What failed is shown, if it isn't the first.
    let room = usize::from(inner.height);
    let failed = shown(state).iter().position(|c| c.result.is_some_and(|result| !result.verdict.passed));
    let first = failed.unwrap_or_default().min(rows.len().saturating_sub(room));
    paper.rows(inner, rows.iter().skip(first));
}

/// One checkpoint: of the plan, with its result when there is one.
struct Shown<'a> {
    title: &'a str,
    sql: Option<&'a str>,
    otherwise: Option<&'a str>,
    result: Option<&'a CheckpointResult>,
    back: bool,
}

/// Those of the step that is looked at, of its rollback once there is a result, or of the target.
fn shown(state: &State) -> Vec<Shown<'_>> {
    let Some(step) = state.looked_at() else { return Vec::new() };
    let run = state.run().step(&step.id);
    let mut out = Vec::new();
    let known = state.run().outline(&step.id);
    let planned = |id: &str| of_plan(step, id);
    match known {
        Some(outline) => {
            for checkpoint in &outline.checkpoints {
                let (sql, otherwise) = planned(&checkpoint.id);
                let result = run.and_then(|run| run.checkpoints.get(&checkpoint.id));
                out.push(Shown { title: &checkpoint.title, sql, otherwise, result, back: false });
            }
        }
        None => out.extend(step.checkpoints.iter().map(|checkpoint| {
            let (sql, otherwise) = planned(&checkpoint.id);
            Shown { title: &checkpoint.title, sql, otherwise, result: None, back: false }
        })),
    }
    if let (Some(run), Some(Undo::Own(undo))) = (run, &step.rollback) {
        for result in run.undo_checkpoints.values() {
            let (sql, otherwise) = of_plan(undo, &result.checkpoint);
            out.push(Shown { title: &result.title, sql, otherwise, result: Some(result), back: true });
        }
    }
    // Before any step has begun, what the target itself was asked.
    if state.selected.phase == 0 && state.selected.step.unwrap_or_default() == 0 {
        let target = state.run().target_checks.iter().map(|result| Shown {
            title: &result.title,
            sql: None,
            otherwise: result.otherwise.as_deref(),
            result: Some(result),
            back: false,
        });
        out.splice(0..0, target);
    }
    out
}

/// Query and advice of a checkpoint.
fn of_plan<'a>(step: &'a Step, id: &str) -> (Option<&'a str>, Option<&'a str>) {
    if let Action::Check { sql, .. } = &step.action
        && step.id == id
    {
        return (Some(sql), step.otherwise.as_deref());
    }
    let found = step.checkpoints.iter().find(|checkpoint| checkpoint.id == id);
    let sql = found.and_then(|checkpoint| match &checkpoint.ask {
        Ask::Sql(sql) => Some(sql.as_str()),
        Ask::Inventory(_) | Ask::Compare(_) => None,
    });
    (sql, found.and_then(|checkpoint| checkpoint.otherwise.as_deref()))
}

/// The query to copy: of the first that failed, else of the first that has one.
pub fn first_query(state: &State) -> Option<(String, String)> {
    let all = fitting(state);
    let bad = |checkpoint: &&Shown<'_>| checkpoint.result.is_some_and(|result| !result.verdict.passed);
    let with_query = || all.iter().filter(|checkpoint| checkpoint.sql.is_some());
    let found = with_query().find(bad).or_else(|| with_query().next())?;
    Some((found.title.to_owned(), found.sql?.to_owned()))
}

/// Those that fit the filter of the tab.
fn fitting(state: &State) -> Vec<Shown<'_>> {
    let mut all = shown(state);
    if let Some(words) = filter::of(&state.filters, Place::Tab(Tab::Checkpoints)) {
        all.retain(|checkpoint| {
            let verdict = checkpoint.result.map(|result| &result.verdict);
            let word = match verdict.map(|verdict| verdict.passed) {
                Some(true) => "passed",
                Some(false) => "failed",
                None => "",
            };
            let (expected, got) = verdict.map_or(("", ""), |v| (v.expected.as_str(), v.got.as_str()));
            filter::fits(words, &[checkpoint.title, checkpoint.sql.unwrap_or_default(), expected, got, word])
        });
    }
    all
}

/// A row each.
pub fn brief(state: &State, columns: usize) -> Vec<Row> {
    shown(state).iter().map(|checkpoint| line(checkpoint, columns)).collect()
}

fn line(checkpoint: &Shown<'_>, columns: usize) -> Row {
    let (sign, role) = match checkpoint.result {
        None => ("· ", Role::Dim),
        Some(result) if result.verdict.passed => ("✓ ", Role::Good),
        Some(_) => ("✗ ", Role::Bad),
    };
    let target = checkpoint.result.is_some_and(|result| result.step == TARGET);
    let prefix = if checkpoint.back {
        "undo: "
    } else if target {
        "target: "
    } else {
        ""
    };
    let text = if checkpoint.result.is_some() { Role::Text } else { Role::Dim };
    let title = Row::of(role, sign).add(Role::Dim, prefix).add(text, checkpoint.title);
    let Some(result) = checkpoint.result else { return title.cut(columns) };
    let verdict = &result.verdict;
    let got = if verdict.passed { Role::Text } else { Role::Bad };
    // Half for what it is about, half for its figures.
    let most = columns / 4;
    let right = match verdict.passed && verdict.expected == verdict.got {
        true => Row::of(Role::Text, cut(&super::paper::clean(&verdict.got), most)),
        false => Row::of(Role::Dim, "expected ")
            .add(Role::Text, cut(&super::paper::clean(&verdict.expected), most))
            .add(Role::Dim, "  got ")
            .add(got, cut(&super::paper::clean(&verdict.got), most)),
    };
    let time = if columns >= 60 { pad_left(&took(result.elapsed_ms), 8) } else { String::new() };
    title.right(columns, right.cut(columns * 3 / 5).add(Role::Dim, time))
}

/// Everything, and the row of the first that failed.
fn full(state: &State, columns: usize) -> (Vec<Row>, usize) {
    let mut rows = Vec::new();
    let mut failed = None;
    for checkpoint in fitting(state) {
        let bad = checkpoint.result.filter(|result| !result.verdict.passed);
        if bad.is_some() {
            failed.get_or_insert(rows.len());
        }
        let drawn = line(&checkpoint, columns);
        // What failed is read whole.
        let cut = bad.is_some() && !drawn.text().contains(&super::paper::clean(checkpoint.title));
        rows.push(drawn);
        if cut {
            rows.extend(wrapped(Role::Strong, "  ", checkpoint.title, columns, 3));
        }
        if let Some(result) = bad {
            rows.extend(differences(&result.verdict, columns, state.shift));
            if result.when == When::BeforeCommit {
                let what = "  looked at before COMMIT: nothing of it is committed";
                rows.push(Row::of(Role::Warn, what));
            }
            if let Some(otherwise) = checkpoint.otherwise {
                rows.extend(wrapped(Role::Warn, "  ", &format!("the plan says: {otherwise}"), columns, 3));
            }
        }
        if let Some(sql) = checkpoint.sql {
            rows.extend(query(sql, bad.is_some()));
        }
        rows.push(Row::new());
    }
    rows.pop();
    if rows.is_empty() {
        let filtered =
            filter::of(&state.filters, Place::Tab(Tab::Checkpoints)).is_some() && !shown(state).is_empty();
        rows.push(Row::of(
            Role::Dim,
            if filtered {
                "nothing fits the filter: Esc takes it away"
            } else {
                "this step has no checkpoints"
            },
        ));
    }
    (rows, failed.unwrap_or_default())
}

fn query(sql: &str, whole: bool) -> Vec<Row> {
    let most = if whole { 20 } else { 4 };
    let lines: Vec<&str> = sql.lines().filter(|line| !line.trim().is_empty()).collect();
    let margin = lines.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or_default();
    let mut rows: Vec<Row> = lines
        .iter()
        .take(most)
        .map(|line| Row::of(Role::Comment, format!("    {}", line.get(margin..).unwrap_or(line))))
        .collect();
    if lines.len() > most {
        rows.push(Row::of(Role::Comment, "    …"));
    }
    rows
}

const READ_ON: &str = "  ← → read on";

/// The part of a text that has room, with `shift` columns of it passed over, as far as it is too long.
fn window(text: &str, columns: usize, shift: usize) -> String {
    let text = super::paper::clean(text);
    let over = width(&text).saturating_sub(columns);
    if over == 0 || shift == 0 {
        return cut(&text, columns);
    }
    // The sign at the left takes a column.
    let from = shift.min(over + 1);
    let mut passed = 0;
    let rest: String = text
        .chars()
        .skip_while(|c| {
            passed += width(c.encode_utf8(&mut [0; 4]));
            passed <= from
        })
        .collect();
    cut(&format!("…{rest}"), columns)
}

/// How wide the widest value is that is compared here.
pub fn widest(state: &State) -> usize {
    let verdicts = shown(state).into_iter().filter_map(|checkpoint| Some(&checkpoint.result?.verdict));
    let texts = verdicts.flat_map(|verdict| {
        let cells = verdict.differences.iter().flat_map(|d| [&d.expected, &d.got]);
        [&verdict.expected, &verdict.got].into_iter().chain(cells)
    });
    texts.map(|text| width(&super::paper::clean(text))).max().unwrap_or_default()
}

/// Cell by cell: row, column, expected, got.
fn differences(verdict: &Verdict, columns: usize, shift: usize) -> Vec<Row> {
    let said = |d: &crate::plan::expect::Difference| {
        d.row == 0
            && d.column.is_empty()
            && d.why.is_empty()
            && d.expected == verdict.expected
            && d.got == verdict.got
    };
    if verdict.differences.iter().all(said) && verdict.more == 0 {
        // The row above was cut: here it stands in full.
        let wide = |text: &str| width(&super::paper::clean(text));
        let long = wide(&verdict.expected).max(wide(&verdict.got)) > columns / 4;
        if !long {
            return Vec::new();
        }
        const LINES: usize = 4;
        let room = columns.saturating_sub(12) * LINES;
        let read = |text: &str| window(text, room, shift);
        let mut rows =
            wrapped(Role::Text, "  ", &format!("expected {}", read(&verdict.expected)), columns, LINES);
        rows.extend(wrapped(Role::Bad, "  ", &format!("got      {}", read(&verdict.got)), columns, LINES));
        if wide(&verdict.expected).max(wide(&verdict.got)) > room {
            rows.push(Row::of(Role::Dim, READ_ON));
        }
        return rows;
    }
    let place = |d: &crate::plan::expect::Difference| match (d.row, d.column.as_str()) {
        (0, "") => "all".to_owned(),
        (0, column) => column.to_owned(),
        (row, "") => format!("row {row}"),
        (row, column) => format!("row {row} {column}"),
    };
    let places: Vec<String> = verdict.differences.iter().map(place).collect();
    let widest = |of: fn(&crate::plan::expect::Difference) -> &String| {
        let all = verdict.differences.iter().map(|d| width(&super::paper::clean(of(d))));
        all.max().unwrap_or_default().max(8)
    };
    let (expected, got) = (widest(|d| &d.expected), widest(|d| &d.got));
    // Where it is has a third, and whatever the values leave.
    let most = (columns / 3).max(columns.saturating_sub(expected + got + 8));
    let first = places.iter().map(|place| width(place)).max().unwrap_or_default().clamp(5, most);
    let expected = expected.clamp(8, (columns.saturating_sub(first) / 2).max(8));
    let cell = |text: &str, columns: usize| pad(&window(text, columns, shift), columns);
    let head = Row::of(Role::Dim, format!("  {} │ {} │ got", pad("where", first), pad("expected", expected)));
    // What is left beside the other two, their lines and the indentation.
    let got = columns.saturating_sub(first + expected + 8).max(8);
    let is_cut = |d: &crate::plan::expect::Difference| {
        let wide = |text: &str, columns| width(&super::paper::clean(text)) > columns;
        wide(&d.expected, expected) || wide(&d.got, got)
    };
    let any_cut = verdict.differences.iter().any(is_cut);
    let head = if any_cut { head.right(columns, Row::of(Role::Dim, READ_ON.trim())) } else { head };
    let mut rows = vec![
        head,
        Row::of(
            Role::Border,
            format!("  {}─┼─{}─┼─{}", "─".repeat(first), "─".repeat(expected), "─".repeat(8)),
        ),
    ];
    for (difference, place) in verdict.differences.iter().zip(&places) {
        let row = Row::of(Role::Text, format!("  {}", pad(&cut(place, first), first)))
            .add(Role::Border, " │ ")
            .add(Role::Text, cell(&difference.expected, expected))
            .add(Role::Border, " │ ")
            .add(Role::Differs, window(&difference.got, got, shift));
        rows.push(row);
        if !difference.why.is_empty() {
            rows.extend(wrapped(Role::Dim, "    ", &difference.why, columns, 2));
        }
    }
    if verdict.more > 0 {
        rows.push(Row::of(Role::Dim, format!("  and {} more differences", verdict.more)));
    }
    rows
}
