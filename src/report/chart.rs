//! The timeline as a picture: planned against actual, drawn as SVG.
//!
//! What was planned and what happened share one axis when they are of one size. When they aren't (a demo takes
//! seconds where the plan has hours), each has its own, and the caption says so.

use std::fmt::Write;

use jiff::Timestamp;

use super::html::escaped;
use super::model::{PlannedTime, Report, StepTold};
use super::words::Clock;
use crate::run::event::Direction;
use crate::text::columns::cut;
use crate::text::words::took;

const LABELS: f64 = 290.0;
const PLOT: f64 = 620.0;
const FIGURES: f64 = 90.0;
const ROW: f64 = 22.0;
const TOP: f64 = 34.0;
/// Rows beyond this would be a wall: only phases are drawn.
const ROWS: usize = 150;
/// A plan so many times longer or shorter than the run has an axis of its own.
const APART: i64 = 12;
/// Distances of lines on an axis.
const STEPS: &[i64] = &[
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    1_800_000,
    3_600_000,
    7_200_000,
    21_600_000,
    86_400_000,
    604_800_000,
];

/// The timeline of a run.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    title: String,
    rows: Vec<Row>,
    actual: Axis,
    planned: Option<Axis>,
    /// When the axes begin: actual, planned.
    begins: (String, String),
    /// Both have the same axis.
    shared: bool,
    /// Only phases are drawn.
    short: bool,
}

#[derive(Debug, Clone)]
struct Row {
    label: String,
    is_phase: bool,
    planned: Option<(i64, i64)>,
    bars: Vec<Bar>,
    figures: String,
    /// In words, for those who don't see it.
    told: String,
}

#[derive(Debug, Clone)]
struct Bar {
    from: i64,
    to: i64,
    class: &'static str,
}

/// From where to where, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy)]
struct Axis {
    from: i64,
    to: i64,
}

impl Axis {
    fn over(points: impl IntoIterator<Item = i64>) -> Option<Self> {
        let mut axis: Option<Self> = None;
        for point in points {
            let (from, to) = axis.map_or((point, point), |axis| (axis.from.min(point), axis.to.max(point)));
            axis = Some(Self { from, to });
        }
        axis
    }

    fn length(self) -> i64 {
        (self.to - self.from).max(1)
    }

    #[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
    fn x(self, at: i64) -> f64 {
        let along = (at.clamp(self.from, self.to) - self.from) as f64 / self.length() as f64;
        LABELS + along * PLOT
    }

    fn step(self) -> i64 {
        let wanted = self.length() / 7;
        STEPS.iter().copied().find(|step| *step >= wanted).unwrap_or(2_592_000_000)
    }
}

impl Chart {
    /// `None`: nothing has begun.
    pub(super) fn of(report: &Report, clock: &Clock) -> Option<Self> {
        let steps: usize = report.phases.iter().map(|phase| phase.steps.len()).sum();
        let short = steps + report.phases.len() > ROWS;
        let last = report.standing.last_at;
        let mut rows = Vec::new();
        let begun = report.procedures.iter().filter(|one| one.started_at.is_some());
        for phase in report.phases.iter().chain(begun) {
            let mut bars: Vec<Bar> = phase.steps.iter().flat_map(|step| bars_of(step, last)).collect();
            bars.sort_by_key(|bar| (bar.from, bar.to));
            let ms = if phase.started_at.is_some() { took(phase.elapsed_ms) } else { String::new() };
            rows.push(Row::of(&phase.title, true, &phase.planned, bars, ms, phase.started_at, clock));
            for step in phase.steps.iter().filter(|_| !short) {
                let ms = if step.ended_at.is_some() && step.started_at.is_some() {
                    took(step.elapsed_ms)
                } else {
                    String::new()
                };
                rows.push(Row::of(
                    &step.title,
                    false,
                    &step.planned,
                    bars_of(step, last),
                    ms,
                    step.started_at,
                    clock,
                ));
            }
        }
        let of_bars = |bar: &Bar| [bar.from, bar.to];
        let actual = Axis::over(rows.iter().flat_map(|row| &row.bars).flat_map(of_bars))?;
        let planned = Axis::over(rows.iter().filter_map(|row| row.planned).flat_map(|(from, to)| [from, to]));
        let planned = planned.filter(|axis| axis.to > axis.from);
        let both = planned.and_then(|planned| Axis::over([planned.from, planned.to, actual.from, actual.to]));
        let shared = both.is_some_and(|both| both.length() <= actual.length().saturating_mul(APART));
        let (actual, planned) = match both.filter(|_| shared) {
            Some(both) => (both, Some(both)),
            None => (actual, planned),
        };
        let moment =
            |axis: Axis| Timestamp::from_millisecond(axis.from).map(|at| clock.time(at)).unwrap_or_default();
        let begins = (moment(actual), planned.map(moment).unwrap_or_default());
        let title = format!("Timeline of {}", report.plan.title);
        Some(Self { title, rows, actual, planned, begins, shared, short })
    }

    /// What has to be known to read it.
    pub(super) fn caption(&self) -> String {
        let mut words = String::from(match (&self.planned, self.shared) {
            (None, _) => "What happened, from the first step to the last; the plan has no times.",
            (Some(_), true) => "Planned (dashed) against actual (filled), on one axis.",
            (Some(_), false) => {
                "Planned (dashed) against actual (filled). They are of different size or day: each is drawn over the \
                 whole width, with its own axis, the planned one above."
            }
        });
        words.push_str(" A failed try has the colour of failures, a way back that of rollbacks; the table says the same in figures.");
        if self.short {
            words.push_str(" There are too many steps to draw each: the rows are phases.");
        }
        words
    }

    pub(super) fn svg(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
        let height = TOP + self.rows.len() as f64 * ROW + 28.0;
        let width = LABELS + PLOT + FIGURES;
        let mut out = String::new();
        let _ = writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-labelledby=\"timeline-title timeline-desc\">"
        );
        let _ = writeln!(out, "<title id=\"timeline-title\">{}</title>", escaped(&self.title));
        let told: Vec<&str> =
            self.rows.iter().filter(|row| row.is_phase).map(|row| row.told.as_str()).collect();
        let _ = writeln!(out, "<desc id=\"timeline-desc\">{}</desc>", escaped(&told.join(". ")));
        if let Some(planned) = self.planned.filter(|_| !self.shared) {
            self.axis(&mut out, planned, &self.begins.1, 12.0, None);
        }
        self.axis(&mut out, self.actual, &self.begins.0, height - 8.0, Some((TOP - 6.0, height - 24.0)));
        for (at, row) in self.rows.iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
            let y = TOP + at as f64 * ROW;
            self.row(&mut out, row, y);
        }
        out.push_str("</svg>\n");
        out
    }

    /// Lines and figures, counted from the axis' beginning.
    fn axis(&self, out: &mut String, axis: Axis, begins: &str, y: f64, grid: Option<(f64, f64)>) {
        let step = axis.step();
        for n in 0..=axis.length() / step {
            let x = axis.x(axis.from + n * step);
            if let Some((top, bottom)) = grid {
                let _ = writeln!(
                    out,
                    "<line class=\"grid\" x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>"
                );
            }
            let ms = u64::try_from(n * step).unwrap_or_default();
            let label = if n == 0 { begins.to_owned() } else { format!("+{}", took(ms)) };
            let _ = writeln!(
                out,
                "<text class=\"axis\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{label}</text>"
            );
        }
    }

    fn row(&self, out: &mut String, row: &Row, y: f64) {
        let _ = writeln!(out, "<g><title>{}</title>", escaped(&row.told));
        let (class, x) = if row.is_phase { ("head", 4.0) } else { ("step", 18.0) };
        let label = cut(&crate::text::scrub::line(&row.label), if row.is_phase { 40 } else { 42 });
        let _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\">{}</text>",
            y + 13.0,
            escaped(&label)
        );
        if let (Some((from, to)), Some(axis)) = (row.planned, self.planned) {
            let (from, to) = (axis.x(from), axis.x(to));
            let _ = writeln!(
                out,
                "<rect class=\"planned\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"15\"/>",
                y + 1.5,
                (to - from).max(3.0)
            );
        }
        for bar in &row.bars {
            let (from, to) = (self.actual.x(bar.from), self.actual.x(bar.to));
            let (dy, height) = if row.is_phase { (7.0, 4.0) } else { (5.0, 8.0) };
            let _ = writeln!(
                out,
                "<rect class=\"{}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.0}\"/>",
                bar.class,
                y + dy,
                (to - from).max(2.0)
            );
        }
        let x = LABELS + PLOT + FIGURES - 4.0;
        let _ = writeln!(
            out,
            "<text class=\"axis\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            y + 13.0,
            escaped(&row.figures)
        );
        out.push_str("</g>\n");
    }
}

impl Row {
    fn of(
        title: &str,
        is_phase: bool,
        planned: &PlannedTime,
        bars: Vec<Bar>,
        figures: String,
        began: Option<Timestamp>,
        clock: &Clock,
    ) -> Self {
        // What has only a duration is drawn from where it began.
        let from =
            planned.at.or_else(|| began.filter(|_| planned.to_ms.is_some())).map(|at| at.as_millisecond());
        let length = i64::try_from(planned.to_ms.unwrap_or_default()).unwrap_or_default();
        let drawn = from
            .filter(|_| planned.starts.is_some() || planned.to_ms.is_some())
            .map(|from| (from, from + length));
        let said = super::words::planned(planned, clock);
        let said = if said.is_empty() { said } else { format!(", planned {said}") };
        let told = match began {
            Some(at) if figures.is_empty() => format!("{title}: began {}{said}", clock.time(at)),
            Some(at) => format!("{title}: began {}, took {figures}{said}", clock.time(at)),
            None => format!("{title}: not begun{said}"),
        };
        Self { label: title.to_owned(), is_phase, planned: drawn, bars, figures, told }
    }
}

fn bars_of(step: &StepTold, last: Timestamp) -> Vec<Bar> {
    let tries = step.tries.iter().map(|one| {
        let class = match (one.direction, one.came.as_deref()) {
            (_, Some("failed" | "checkpoints failed")) => "failed",
            (Direction::Back, Some(_)) => "back",
            (_, None) => "open",
            (Direction::Forward, Some(_)) => "did",
        };
        let to = one.ended_at.unwrap_or(last).as_millisecond();
        Bar { from: one.started_at.as_millisecond(), to, class }
    });
    tries.collect()
}
