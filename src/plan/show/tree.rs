//! The plan as a tree: phases, steps with what they do, checkpoints with what they expect.

use crate::plan::duration;
use crate::plan::model::{Checkpoint, Phase, Plan, Runner, Step, Undo};

use super::line::{both_ends, clean, pad, width};
use super::rollback::{Way, way};
use super::words::{action_word, checkpoint_expected, count, detail, step_expected};

/// The tree, at most `cells` wide.
pub fn tree(plan: &Plan, cells: usize) -> String {
    let cells = cells.max(40);
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    let environment = plan.environment.word();
    line(both_ends(&clean(&plan.title), &format!("{} · {environment}", plan.id), cells));
    line(summary(plan));
    let ids = plan.phases.iter().flat_map(|p| &p.steps).map(|s| width(&s.id)).max().unwrap_or(0).min(24);
    for phase in &plan.phases {
        line(String::new());
        line(both_ends(&format!("{}  {}", phase.id, clean(&phase.title)), &timing(phase), cells));
        for watch in &phase.watches {
            let left = format!("├─ watch      {}", clean(&watch.checkpoint.title));
            line(both_ends(&left, &checkpoint_expected(&watch.checkpoint), cells));
        }
        steps(&phase.steps, ids, cells, &mut line);
    }
    for procedure in &plan.rollbacks {
        line(String::new());
        let undoes = if procedure.undoes.is_empty() {
            String::new()
        } else {
            format!("undoes {}", procedure.undoes.join(", "))
        };
        line(both_ends(&format!("rollback {}  {}", procedure.id, clean(&procedure.title)), &undoes, cells));
        steps(&procedure.steps, ids, cells, &mut line);
    }
    if !plan.not_built.is_empty() {
        line(String::new());
        line(format!("not built yet: {}", count(plan.not_built.len(), "key")));
        for missing in &plan.not_built {
            line(format!("   line {:<5} {}  {}", missing.line, pad(&missing.key, 10), missing.place));
        }
    }
    out
}

fn summary(plan: &Plan) -> String {
    let steps: Vec<&Step> = plan.phases.iter().flat_map(|phase| &phase.steps).collect();
    let checkpoints: usize = steps.iter().map(|step| step.checkpoints.len()).sum();
    let changing = steps.iter().filter(|step| step.changes).count();
    format!(
        "{} · {} ({changing} of them change something) · {} · {}",
        count(plan.phases.len(), "phase"),
        count(steps.len(), "step"),
        count(checkpoints, "checkpoint"),
        count(plan.files.len(), "file"),
    )
}

fn timing(phase: &Phase) -> String {
    let parts = [
        phase.starts.as_ref().map(|starts| clean(starts)),
        phase.takes.as_ref().map(duration::takes_words),
        phase.owner.as_ref().map(|owner| clean(owner)),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn steps(steps: &[Step], ids: usize, cells: usize, line: &mut impl FnMut(String)) {
    for (index, step) in steps.iter().enumerate() {
        let last = index + 1 == steps.len();
        let (branch, below) = if last { ("└─", "  ") } else { ("├─", "│ ") };
        let what = [detail(&step.action), step_expected(step)];
        let what = what.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" → ");
        let word = pad(action_word(&step.action), 9);
        let left = format!("{branch} {word}  {}  {}", pad(&step.id, ids), clean(&step.title));
        line(both_ends(&left, &what, cells));
        if step.runner == Runner::Psql {
            line(super::line::cut(&format!("{below}    ! {}", super::words::by_psql(step)), cells));
        }
        checkpoints(&step.checkpoints, below, cells, line);
        if let Some(adds) = step.adds.as_ref().map(super::kinds).filter(|adds| !adds.is_empty()) {
            line(super::line::cut(&format!("{below}    + adds {adds}"), cells));
        }
        match way(step) {
            Some(Way::Own { .. } | Way::By(_)) => {
                let label = way(step).map(|way| way.words()).unwrap_or_default();
                line(super::line::cut(&format!("{below}    ↩ {label}"), cells));
                if let Some(Undo::Own(own)) = &step.rollback {
                    checkpoints(&own.checkpoints, &format!("{below}    "), cells, line);
                }
            }
            Some(other) => line(super::line::cut(&format!("{below}    ! {}", other.words()), cells)),
            None => {}
        }
    }
}

fn checkpoints(checkpoints: &[Checkpoint], below: &str, cells: usize, line: &mut impl FnMut(String)) {
    for checkpoint in checkpoints {
        let left = format!("{below}    ? {}", clean(&checkpoint.title));
        line(both_ends(&left, &checkpoint_expected(checkpoint), cells));
    }
}
