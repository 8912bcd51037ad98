//! `undo`: a procedure takes steps back by their own rollbacks. Which ones, is known once its variables are.

use std::collections::BTreeMap;

use super::set_out::{Way, means, way};
use crate::plan::model::{Action, Plan, Procedure, Step};
use crate::run::state::Run;

/// By the id of the step with `undo`, the steps that it takes back, in that order.
pub(super) type Own = BTreeMap<String, Vec<String>>;

/// What each `undo` of a procedure takes back: of what it names all that is applied, last first.
///
/// Of a name of which nothing is applied there is nothing to take back; `asked`: the procedure is asked for by its
/// name, and something of all that a step of it names has to be there.
///
/// # Errors
/// A name that means nothing, or that has no rollback of its own; and of which nothing is applied, when it is asked for.
pub(super) fn own_rollbacks(
    plan: &Plan,
    run: &Run,
    procedure: &Procedure,
    applied: &[String],
    vars: &BTreeMap<String, String>,
    asked: bool,
) -> Result<Own, String> {
    let mut own: Own = BTreeMap::new();
    let mut meant: Vec<String> = Vec::new();
    for step in &procedure.steps {
        let Action::Undo(ids) = &step.action else { continue };
        let (mut named, mut meaning) = (Vec::new(), Vec::new());
        for id in ids {
            let id = filled(plan, run, id, vars)?;
            let is_known = |known: &Step| means(plan, &id, known);
            if !plan.phases.iter().flat_map(|phase| &phase.steps).any(is_known) {
                return Err(format!(
                    "\"{}\" is to undo \"{id}\", and the plan has no phase or step of that name; applied are {}",
                    step.title,
                    applied.join(", ")
                ));
            }
            let of_it = plan.phases.iter().flat_map(|phase| &phase.steps).filter(|known| is_known(known));
            let ids: Vec<&str> = of_it.map(|known| known.id.as_str()).collect();
            named.extend(ids.into_iter().map(str::to_owned));
            meaning.push(format!("\"{id}\""));
        }
        if asked && !applied.iter().any(|step| named.contains(step)) {
            return Err(format!(
                "\"{}\" is to undo {}, and nothing of it is applied; applied are {}",
                step.title,
                meaning.join(", "),
                applied.join(", ")
            ));
        }
        let undone: Vec<String> =
            applied.iter().filter(|id| named.contains(id) && !meant.contains(id)).cloned().collect();
        meant.extend(undone.iter().cloned());
        own.insert(step.id.clone(), undone);
    }
    for id in &meant {
        if let Way::Procedure(procedure) = way(plan, id) {
            return Err(format!(
                "\"{id}\" has no rollback of its own: procedure \"{}\" undoes it (--procedure {})",
                procedure.id, procedure.id
            ));
        }
    }
    Ok(own)
}

/// An id with its variables filled in.
fn filled(plan: &Plan, run: &Run, id: &str, vars: &BTreeMap<String, String>) -> Result<String, String> {
    let mut out = id.to_owned();
    for var in &plan.vars {
        let name = format!("{{{}}}", var.name);
        if !out.contains(&name) {
            continue;
        }
        let kept = || run.opened.as_ref().and_then(|opened| opened.vars.get(&var.name));
        let value = vars.get(&var.name).or_else(kept).or(var.default.as_ref());
        let Some(value) = value else {
            let ask = var.ask.as_ref().map(|ask| format!(" ({ask})")).unwrap_or_default();
            return Err(format!("the rollback needs a value: --var {}=…{ask}", var.name));
        };
        out = out.replace(&name, value);
    }
    Ok(out)
}
