//! Says of every change that nothing undoes: better before the window than in it.

use std::collections::HashSet;

use crate::plan::build::context::Build;
use crate::plan::diagnostic::{Code, Severity};
use crate::plan::model::Plan;

pub(in crate::plan) fn check(build: &mut Build<'_>, plan: &Plan) {
    let undone: HashSet<&str> = plan.rollbacks.iter().flat_map(|p| &p.undoes).map(String::as_str).collect();
    let phase_of =
        |phase: usize| phase.checked_sub(1).and_then(|i| plan.phases.get(i)).map(|phase| phase.id.as_str());
    for change in &build.changes {
        let def = &build.index.defs[change.step];
        let by_procedure = undone.contains(def.id.as_str())
            || phase_of(def.phase).is_some_and(|phase| undone.contains(phase));
        if change.settled || by_procedure {
            continue;
        }
        let message = format!("the step `{}` is not undoable", def.id);
        let note = build.report.add(Severity::Note, Code::Lint, change.span, message);
        note.help = Some("give it a `rollback`, or say why in `irreversible`".into());
    }
}
