//! The screen, divided by its size.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::paper::{Paper, Row, inset};
use super::{
    activity, back, checkpoints, console, deltas, essential, footer, header, log, palette, people, question,
    step, timeline, watched,
};
use crate::cockpit::filter;
use crate::cockpit::mouse::{Hit, Place};
use crate::cockpit::people::next;
use crate::cockpit::state::{Extent, Focus, State, Tab};
use crate::cockpit::theme::{Role, Theme};

/// Below this there is no room for two things side by side or above each other.
pub const LEAST: (u16, u16) = (60, 16);
/// With less than this between header and footer there isn't room for both.
const LOW: u16 = 14;
/// From here on the timeline stands beside what is looked at.
const WIDE: u16 = 100;
/// From here on there is a third column.
const WIDEST: u16 = 170;
/// From here on there are panels below.
const TALL: u16 = 26;

/// What the state has to know of a frame: how far scrolling goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    pub detail: Extent,
    pub question: Extent,
    pub hits: Vec<Place>,
}

impl State {
    /// Takes in what the last frame has shown.
    pub fn saw(&mut self, seen: Seen) {
        self.extent = seen.detail;
        self.question_extent = seen.question;
        self.hits = seen.hits;
    }
}

/// Draws all of it.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) -> Seen {
    let mut paper = Paper { buf, theme: state.setting.theme, hits: Vec::new() };
    let area = area.intersection(paper.buf.area);
    if state.setting.theme == Theme::HighContrast {
        let style = paper.style(Role::Text);
        paper.buf.set_style(area, style);
    }
    let mut seen = Seen::default();
    if area.width < LEAST.0 || area.height < LEAST.1 {
        essential::draw(state, &mut paper, area);
    } else {
        seen.detail = full(state, &mut paper, area);
    }
    if let Some(open) = &state.palette {
        palette::draw(state, open, &mut paper, area);
    }
    if let Some(open) = &state.question {
        seen.question = question::draw(state, open, &mut paper, area);
    }
    paper.finish(state.setting.ascii);
    seen.hits = paper.hits;
    seen
}

fn full(state: &State, paper: &mut Paper<'_>, area: Rect) -> Extent {
    let low = Constraint::Length(footer::height(state, area));
    let [head, body, foot] = Layout::vertical([Constraint::Length(4), Constraint::Fill(1), low]).areas(area);
    header::draw(state, paper, head);
    let extent = middle(state, paper, area, body);
    footer::draw(state, paper, foot);
    extent
}

/// What lies between header and keys.
fn middle(state: &State, paper: &mut Paper<'_>, area: Rect, body: Rect) -> Extent {
    if state.console.open {
        console::draw(state, paper, body);
        return Extent::default();
    }
    if area.width < WIDE {
        // At least the step under way, its neighbours and its phase; where that leaves nothing for what is
        // looked at, the step alone.
        let low = body.height < LOW && (state.tab != Tab::Step || state.focus == Focus::Detail);
        let rows = if low { 3 } else { (body.height * 2 / 5).clamp(5, 14) };
        let [above, below] = Layout::vertical([Constraint::Length(rows), Constraint::Fill(1)]).areas(body);
        timeline::draw(state, paper, above);
        return detail(state, paper, below);
    }
    if area.width < WIDEST {
        let left = (area.width * 38 / 100).clamp(40, 60);
        let [left, right] = Layout::horizontal([Constraint::Length(left), Constraint::Fill(1)]).areas(body);
        left_column(state, paper, left);
        return right_column(state, paper, right);
    }
    // Tables want width more than company.
    if matches!(state.tab, Tab::Deltas | Tab::Activity) {
        let [left, right] = Layout::horizontal([Constraint::Length(66), Constraint::Fill(1)]).areas(body);
        left_column(state, paper, left);
        let [above, below] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(1)]).areas(right);
        let [near, far] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(below);
        checkpoints::panel(state, paper, near);
        log::panel(state, paper, far);
        return detail(state, paper, above);
    }
    let [left, middle, right] =
        Layout::horizontal([Constraint::Length(66), Constraint::Fill(1), Constraint::Length(60)]).areas(body);
    left_column(state, paper, left);
    let seen = detail(state, paper, middle);
    let [above, below] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(right);
    match state.tab {
        Tab::Checkpoints => log::panel(state, paper, above),
        _ => checkpoints::panel(state, paper, above),
    }
    match state.tab {
        Tab::Checkpoints | Tab::Log => people::panel(state, paper, below),
        _ => log::panel(state, paper, below),
    }
    seen
}

fn left_column(state: &State, paper: &mut Paper<'_>, area: Rect) {
    let columns = usize::from(area.width.saturating_sub(4));
    let back = back::rows(state, columns);
    // Four lines beside a low timeline; with more room, more tables.
    let most = usize::from(area.height / 7).clamp(4, 12);
    let deltas = if state.tab == Tab::Deltas { Vec::new() } else { deltas::brief(state, columns, most) };
    let high = |rows: &[Row], most: u16| match rows.len() {
        0 => 0,
        n => u16::try_from(n + 2).unwrap_or(most).min(most),
    };
    if area.height < TALL {
        timeline::draw(state, paper, area);
        return;
    }
    let lengths = [high(&deltas, area.height / 4), high(&back, area.height / 3)].map(Constraint::Length);
    let [above, middle, below] = Layout::vertical([Constraint::Fill(1), lengths[0], lengths[1]]).areas(area);
    timeline::draw(state, paper, above);
    if !deltas.is_empty() {
        deltas::panel(paper, middle, &deltas);
    }
    if !back.is_empty() {
        back::draw(paper, below, &back);
    }
}

fn right_column(state: &State, paper: &mut Paper<'_>, area: Rect) -> Extent {
    let lines = checkpoints::brief(state, usize::from(area.width.saturating_sub(4))).len();
    if state.tab != Tab::Step || area.height < TALL || lines == 0 {
        return detail(state, paper, area);
    }
    let below = u16::try_from(lines + 2).unwrap_or(5).clamp(3, area.height / 3);
    let [above, below] = Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(area);
    let seen = detail(state, paper, above);
    checkpoints::panel(state, paper, below);
    seen
}

/// What is looked at, under its tabs.
fn detail(state: &State, paper: &mut Paper<'_>, area: Rect) -> Extent {
    let room = usize::from(area.width.saturating_sub(4));
    let filter = filtered(state, filter::Place::Tab(state.tab));
    let names: [fn(Tab) -> &'static str; 3] = [Tab::title, Tab::short, |_| ""];
    let mut forms = names.map(|others| tabs(state, others)).into_iter();
    let fits = |(title, _): &(Row, Vec<_>)| title.width() + filter.width() <= room;
    let (title, places) = forms.find(fits).unwrap_or_else(|| tabs(state, |_| ""));
    paper.hit(area, Hit::Detail);
    for (tab, from, to) in places {
        let place = |columns: usize| u16::try_from(columns).unwrap_or(u16::MAX);
        let x = area.x.saturating_add(2).saturating_add(place(from));
        paper.hit(Rect { x, width: place(to - from), height: 1, ..area }, Hit::Tab(tab));
    }
    let inner = inset(paper.panel(area, title.join(filter), state.focus == Focus::Detail));
    let (first, extent) = match state.tab {
        Tab::Step => step::draw(state, paper, inner),
        Tab::Checkpoints => checkpoints::draw(state, paper, inner),
        Tab::Deltas => deltas::draw(state, paper, inner),
        Tab::Activity => activity::draw(state, paper, inner),
        Tab::Log => log::draw(state, paper, inner),
        Tab::People => people::draw(state, paper, inner),
    };
    paper.scroll_mark(area, first, extent.lines, extent.room);
    extent
}

/// The tabs, those that aren't shown by these names: where there is little room by their keys alone.
fn tabs(state: &State, others: fn(Tab) -> &'static str) -> (Row, Vec<(Tab, usize, usize)>) {
    let (mut title, mut places) = (Row::new(), Vec::new());
    for (at, tab) in Tab::ALL.iter().enumerate() {
        let shown = *tab == state.tab;
        let (key, role) = if shown { (Role::Key, Role::Title) } else { (Role::Dim, Role::Dim) };
        title = title.add(Role::Border, if at == 0 { " " } else { " │ " });
        let from = title.width();
        title = title.add(key, format!("{}", at + 1));
        let name = if shown { tab.title() } else { others(*tab) };
        if !name.is_empty() {
            title = title.add(role, format!(" {name}"));
        }
        if let Some((sign, role)) = mark(state, *tab) {
            title = title.add(role, format!(" {sign}"));
        }
        places.push((*tab, from, title.width()));
    }
    (title.add(Role::Text, " "), places)
}

/// The filter of a list, beside its title; with a cursor while it is typed.
pub fn filtered(state: &State, place: filter::Place) -> Row {
    let typed = state.filtering == Some(place);
    match filter::of(&state.filters, place) {
        None if !typed => Row::new(),
        words => {
            let row = Row::of(Role::Key, " /").add(Role::Strong, words.unwrap_or_default());
            if typed { row.add(Role::ButtonFocus, " ") } else { row }.add(Role::Text, " ")
        }
    }
}

/// A sign beside a tab that has something to say.
fn mark(state: &State, tab: Tab) -> Option<(char, Role)> {
    match tab {
        Tab::Checkpoints if watched::is_breached(state) => Some(('✗', Role::Bad)),
        Tab::Checkpoints => {
            let step = state.run().step(&state.looked_at()?.id)?;
            (!step.failed_checkpoints().is_empty()).then_some(('✗', Role::Bad))
        }
        Tab::People => next(state).map(|_| ('◆', Role::Hold)),
        Tab::Activity => activity::mark(state),
        Tab::Step | Tab::Deltas | Tab::Log => None,
    }
}
