//! The course of the run: phases and steps, planned against actual.

use super::chart::Chart;
use super::model::{PhaseTold, Report, StepTold};
use super::page::{Block, Line, Table, heading, joined, strong, text};
use super::words::{self, Clock};
use crate::text::words::{of_len, took};

pub(super) fn course(page: &mut Vec<Block>, report: &Report, clock: &Clock) {
    heading(page, 2, "Timeline");
    if let Some(chart) = Chart::of(report, clock) {
        page.push(Block::Chart(Box::new(chart)));
    }
    let head = ["Phase or step", "Status", "Planned", "Began", "Ended", "Took", "Against the plan", "Tries"];
    let mut table = Table::new(&head);
    for phase in &report.phases {
        table.row(phase_row(phase, clock));
        for step in &phase.steps {
            table.row(step_row(step, clock));
        }
    }
    for procedure in report.procedures.iter().filter(|one| one.started_at.is_some()) {
        table.row(phase_row(procedure, clock));
        for step in &procedure.steps {
            table.row(step_row(step, clock));
        }
    }
    table.into_page(page);
}

fn phase_row(phase: &PhaseTold, clock: &Clock) -> Vec<Line> {
    let good = phase.steps.iter().filter(|step| step.status == "verified").count();
    let status = match good == phase.steps.len() {
        true => of_len(good, "step"),
        false => format!("{good} of {}", of_len(phase.steps.len(), "step")),
    };
    let took_ms = if phase.started_at.is_some() { took(phase.elapsed_ms) } else { String::new() };
    vec![
        strong(phase.title.clone()),
        text(status),
        text(words::planned(&phase.planned, clock)),
        phase.started_at.map(|at| clock.at(at)).unwrap_or_default(),
        phase.ended_at.map(|at| clock.at(at)).unwrap_or_default(),
        text(took_ms),
        phase_against(phase),
        Line::new(),
    ]
}

fn phase_against(phase: &PhaseTold) -> Line {
    match (phase.started_at, phase.ended_at) {
        (Some(from), Some(to)) => words::against(&phase.planned, super::gather::between(from, to)),
        _ => Line::new(),
    }
}

fn step_row(step: &StepTold, clock: &Clock) -> Vec<Line> {
    let began = step.started_at.is_some();
    let over = step.ended_at.is_some() && began;
    vec![
        joined([text("· "), text(step.title.clone())]),
        words::status(&step.status, step.undone),
        text(words::planned(&step.planned, clock)),
        step.started_at.map(|at| clock.at(at)).unwrap_or_default(),
        step.ended_at.filter(|_| began).map(|at| clock.at(at)).unwrap_or_default(),
        text(if over { took(step.elapsed_ms) } else { String::new() }),
        if over { words::against(&step.planned, step.elapsed_ms) } else { Line::new() },
        text(if step.tries.len() > 1 { step.tries.len().to_string() } else { String::new() }),
    ]
}
