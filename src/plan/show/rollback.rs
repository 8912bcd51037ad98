//! What a rollback would do, as one list in order.

use std::collections::BTreeMap;

use crate::plan::duration;
use crate::plan::model::{Plan, Runner, Step, Undo};

use super::line::{both_ends, clean, cut, pad, width};
use super::words::{action_word, count, deed, detail};

/// How a step is undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// By an action of its own.
    Own {
        action: &'static str,
        detail: String,
    },
    /// When that step is undone.
    By(String),
    /// By a named procedure.
    Procedure(String),
    /// The plan says why not.
    Irreversible(String),
    NotUndoable,
}

impl Way {
    pub fn words(&self) -> String {
        match self {
            Self::Own { action: "sql", .. } => "by SQL".into(),
            Self::Own { action: "file", detail } => format!("by file {detail}"),
            Self::Own { action: "files", detail } => format!("by files {detail}"),
            Self::Own { action, detail } if detail.is_empty() => format!("by {action}"),
            Self::Own { action, detail } => format!("by {action}, {detail}"),
            Self::By(step) => format!("undone with {step}"),
            Self::Procedure(id) => format!("by procedure {id}"),
            Self::Irreversible(reason) => format!("irreversible: {reason}"),
            Self::NotUndoable => "not undoable".into(),
        }
    }
}

/// How a step is undone; `None` when there is nothing to undo.
pub fn way(step: &Step) -> Option<Way> {
    match (&step.rollback, &step.irreversible) {
        (Some(Undo::Own(own)), _) => {
            let by = if own.runner == Runner::Psql { ", run by psql" } else { "" };
            Some(Way::Own { action: action_word(&own.action), detail: detail(&own.action) + by })
        }
        (Some(Undo::By(by)), _) => Some(Way::By(by.clone())),
        (None, Some(reason)) if step.changes => Some(Way::Irreversible(clean(reason))),
        (None, _) if step.changes => Some(Way::NotUndoable),
        (None, _) => None,
    }
}

/// The procedure that undoes a step which has no rollback of its own.
fn procedure_for(plan: &Plan, step: &Step) -> Option<Way> {
    let phase = plan.phases.iter().find(|phase| phase.steps.iter().any(|inner| inner.id == step.id));
    let means = |id: &String| *id == step.id || phase.is_some_and(|phase| phase.id == *id);
    let procedure = plan.rollbacks.iter().find(|procedure| procedure.undoes.iter().any(means))?;
    Some(Way::Procedure(procedure.id.clone()))
}

/// The list when all of the plan has run, last first, then the named procedures. `forecasts` has for a step
/// in words what its way back gives back.
pub fn rollback(plan: &Plan, forecasts: &BTreeMap<String, String>, cells: usize) -> String {
    let cells = cells.max(40);
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(text.trim_end());
        out.push('\n');
    };
    let steps: Vec<(&Step, Way)> = plan
        .phases
        .iter()
        .flat_map(|p| &p.steps)
        .rev()
        .filter_map(|step| {
            let way = match way(step)? {
                Way::NotUndoable => procedure_for(plan, step).unwrap_or(Way::NotUndoable),
                way => way,
            };
            Some((step, way))
        })
        .collect();
    line(cut(
        &format!("What a rollback of {} would do, once all of it has run, in this order", plan.id),
        cells,
    ));
    let ids = steps.iter().map(|(step, _)| width(&step.id)).max().unwrap_or(0).min(24);
    if steps.is_empty() {
        line("   nothing: no step changes anything".into());
    }
    for (number, (step, way)) in steps.iter().enumerate() {
        line(String::new());
        line(cut(&format!("{:>3}  {}  {}", number + 1, pad(&step.id, ids), clean(&step.title)), cells));
        let checks = match &step.rollback {
            Some(Undo::Own(own)) if !own.checkpoints.is_empty() => count(own.checkpoints.len(), "checkpoint"),
            _ => String::new(),
        };
        line(both_ends(&format!("     {}", way.words()), &checks, cells));
        let told =
            forecasts.get(&step.id).filter(|_| !matches!(way, Way::Irreversible(_) | Way::NotUndoable));
        if let Some(told) = told {
            line(cut(&format!("     {}", clean(told)), cells));
        }
    }
    let lost: Vec<&str> = steps
        .iter()
        .filter(|(_, way)| matches!(way, Way::Irreversible(_) | Way::NotUndoable))
        .map(|(step, _)| step.id.as_str())
        .collect();
    line(String::new());
    if !lost.is_empty() {
        line(cut(&format!("What stays: {}", lost.join(", ")), cells));
    }
    if !plan.guards.is_empty() {
        line(cut(&format!("Rows compared with those from before: {}", plan.guards.join(", ")), cells));
    }
    if let Some(within) = plan.advice.within {
        line(format!("To be done within {}", duration::words(within)));
    }
    for procedure in &plan.rollbacks {
        line(String::new());
        let when = procedure.when.as_deref().map(clean).unwrap_or_default();
        line(both_ends(&format!("Or: {}  {}", procedure.id, clean(&procedure.title)), &when, cells));
        if !procedure.undoes.is_empty() {
            line(cut(&format!("     undoes {}", procedure.undoes.join(", ")), cells));
        }
        for (number, step) in procedure.steps.iter().enumerate() {
            line(both_ends(&format!("{:>3}  {}", number + 1, clean(&step.title)), &deed(step), cells));
        }
    }
    out
}
