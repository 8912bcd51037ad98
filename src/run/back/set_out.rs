//! Which steps are undone, in which order, and by what. A function of the plan and the run alone.
//!
//! Last first. A step that only a named procedure can undo brings the procedure in, and with it all that
//! this undoes: at the place of the last applied of them, unless something that was applied in between
//! needs one of them; then at the place of the first.

use std::collections::{HashMap, HashSet};

use crate::plan::model::{Plan, Procedure, Step, Transaction, Undo};
use crate::run::event::{Direction, ProcedureTurn};
use crate::run::state::Run;

use super::own::own_rollbacks;
use super::wanted::Wanted;

/// How a step is undone.
#[derive(Debug)]
pub enum Way<'a> {
    Own(&'a Step),
    /// With another step.
    By(&'a str),
    /// By a procedure that says that it undoes it.
    Procedure(&'a Procedure),
    /// Not at all, and why.
    Not(String),
}

/// Why the rollback of a step isn't run.
const HALF_KNOWN: &str = "it failed, and what it had committed by itself before that may be there: the ledger has \
     nothing of it, so its rollback isn't run; look at the database, and undo by hand what is there";

/// What a rollback sets out to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Course {
    /// In this order.
    pub steps: Vec<String>,
    /// Steps whose effects stay, with the reason.
    pub kept: Vec<(String, String)>,
    pub procedures: Vec<ProcedureTurn>,
}

/// The step whose keys apply to a unit: the plan's own, a procedure's, or a step's rollback.
#[must_use]
pub fn step_for<'a>(plan: &'a Plan, id: &str, direction: Direction) -> Option<&'a Step> {
    match direction {
        Direction::Forward => {
            let own = plan.phases.iter().flat_map(|phase| &phase.steps);
            let of_procedures = plan.rollbacks.iter().flat_map(|procedure| &procedure.steps);
            own.chain(of_procedures).find(|step| step.id == id)
        }
        Direction::Back => match way(plan, id) {
            Way::Own(step) => Some(step),
            _ => None,
        },
    }
}

/// How the plan undoes a step.
#[must_use]
pub fn way<'a>(plan: &'a Plan, id: &str) -> Way<'a> {
    let step = plan.phases.iter().flat_map(|phase| &phase.steps).find(|step| step.id == id);
    way_of(plan, id, step)
}

/// The same, of a step that was found already.
#[must_use]
pub fn way_of<'a>(plan: &'a Plan, id: &str, step: Option<&'a Step>) -> Way<'a> {
    let Some(step) = step else { return Way::Not("it isn't in the plan any more".into()) };
    match (&step.irreversible, &step.rollback) {
        (Some(why), _) => Way::Not(format!("irreversible: {why}")),
        (None, Some(Undo::By(other))) => Way::By(other),
        (None, Some(Undo::Own(step))) => Way::Own(step),
        (None, None) => {
            let mut procedures = plan
                .rollbacks
                .iter()
                .filter(|procedure| undoes(plan, procedure).iter().any(|undone| undone == id));
            match (procedures.next(), procedures.next()) {
                (None, _) => Way::Not("the plan has no rollback for it".into()),
                (Some(one), None) => Way::Procedure(one),
                (Some(one), Some(other)) => Way::Not(format!(
                    "several procedures undo it ({}, {}): say which one with --procedure",
                    one.id, other.id
                )),
            }
        }
    }
}

/// The steps that a procedure undoes; a phase stands for its steps, a checkpoint for its step.
#[must_use]
pub fn undoes(plan: &Plan, procedure: &Procedure) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    for id in &procedure.undoes {
        for step in plan.phases.iter().flat_map(|phase| &phase.steps).filter(|step| means(plan, id, step)) {
            if step.changes && !steps.contains(&step.id) {
                steps.push(step.id.clone());
            }
        }
    }
    steps
}

/// Whether an id (of a phase, a step or a checkpoint) stands for this step.
pub(super) fn means(plan: &Plan, id: &str, step: &Step) -> bool {
    step.id == id
        || step.checkpoints.iter().any(|checkpoint| checkpoint.id == id)
        || plan
            .phases
            .iter()
            .any(|phase| phase.id == id && phase.steps.iter().any(|inner| inner.id == step.id))
}

/// The steps of the phases by their ids, for whoever looks for many.
#[must_use]
pub fn by_id(plan: &Plan) -> HashMap<&str, &Step> {
    plan.phases.iter().flat_map(|phase| &phase.steps).map(|step| (step.id.as_str(), step)).collect()
}

/// Finds the course of a rollback.
///
/// # Errors
/// Why it can't be begun so, and what to ask for instead.
pub fn set_out(plan: &Plan, run: &Run, wanted: &Wanted) -> Result<Course, String> {
    let mut applied: Vec<String> = run.to_undo().map(|step| step.id.clone()).collect();
    if let Some(id) = &wanted.procedure {
        let procedure = plan
            .rollbacks
            .iter()
            .find(|procedure| procedure.id == *id)
            .ok_or_else(|| format!("the plan has no [[rollback]] \"{id}\"{}", known(plan)))?;
        let own = own_rollbacks(plan, run, procedure, &applied, &wanted.vars, true)?;
        let undone = undoes(plan, procedure);
        let by_own: Vec<String> = own.values().flatten().cloned().collect();
        // What the procedure itself undoes goes with them.
        let mut others = applied.clone();
        others.retain(|step| !undone.contains(step));
        alone(plan, run, &others, &by_own)?;
        applied.retain(|step| undone.contains(step) || by_own.contains(step));
        let turn = ProcedureTurn { procedure: id.clone(), undoes: applied.clone(), own };
        return Ok(Course { steps: applied, kept: Vec::new(), procedures: vec![turn] });
    }
    for step in wanted.to.iter().chain(&wanted.only) {
        if !applied.contains(step) {
            return Err(format!("\"{step}\" isn't among what this run applied: {}", applied.join(", ")));
        }
    }
    if !wanted.only.is_empty() {
        alone(plan, run, &applied, &wanted.only)?;
        applied.retain(|step| wanted.only.contains(step));
    }
    let all = applied.clone();
    if let Some(at) = wanted.to.as_ref().and_then(|to| applied.iter().position(|step| step == to)) {
        applied.truncate(at + 1);
    }
    let of_plan = by_id(plan);
    let meant: HashSet<String> = applied.iter().cloned().collect();
    let mut course = Course { steps: applied, ..Course::default() };
    for id in course.steps.clone() {
        match way_of(plan, &id, of_plan.get(id.as_str()).copied()) {
            Way::Not(why) => {
                let why = why + &past_return(run, &id);
                course.kept.push((id, why));
            }
            Way::By(other) if !meant.contains(other) => {
                return Err(format!(
                    "\"{id}\" is undone with \"{other}\": roll back to \"{other}\", or further"
                ));
            }
            Way::Procedure(procedure) => course.bring_in(plan, run, procedure, &all, wanted)?,
            Way::By(_) | Way::Own(_) => {}
        }
    }
    course.tell_what_stands_in_the_way(run);
    if wanted.to.is_none() && wanted.only.is_empty() {
        course.kept.extend(run.half_known().map(|step| (step.to_owned(), HALF_KNOWN.to_owned())));
    }
    Ok(course)
}

/// Whose word it was that a step went past the point of no return.
fn past_return(run: &Run, id: &str) -> String {
    match run.step(id).and_then(|step| step.past_return.as_ref()) {
        Some((by, reason)) if reason.is_empty() => format!("; decided by {}", by.name),
        Some((by, reason)) => format!("; decided by {}: {reason}", by.name),
        None => String::new(),
    }
}

fn known(plan: &Plan) -> String {
    let ids: Vec<&str> = plan.rollbacks.iter().map(|procedure| procedure.id.as_str()).collect();
    if ids.is_empty() { ": it has none".into() } else { format!("; it has {}", ids.join(", ")) }
}

impl Course {
    /// What stays and came later may rest on what is undone: that undo can fail.
    fn tell_what_stands_in_the_way(&mut self, run: &Run) {
        let stays: HashSet<String> = self.kept.iter().map(|(step, _)| step.clone()).collect();
        for (kept, why) in &mut self.kept {
            let place = self.steps.iter().position(|step| step == kept);
            let earlier = self.steps.iter().skip(place.map_or(usize::MAX, |place| place + 1));
            let met = earlier.filter(|step| !stays.contains(*step));
            let rests = met.filter_map(|step| Some((step, both_touched(run, kept, step)?))).next();
            if let Some((step, relation)) = rests {
                why.push_str(&format!(
                    "; it wrote or changed {relation} after \"{step}\" did, and may stand in the way of undoing that"
                ));
            }
        }
    }

    /// Lets a procedure take part, with everything that it undoes.
    fn bring_in(
        &mut self,
        plan: &Plan,
        run: &Run,
        procedure: &Procedure,
        all: &[String],
        wanted: &Wanted,
    ) -> Result<(), String> {
        if self.procedures.iter().any(|turn| turn.procedure == procedure.id) {
            return Ok(());
        }
        let mut own = own_rollbacks(plan, run, procedure, all, &wanted.vars, false)?;
        // What nothing takes back stays, also where the procedure names it with others.
        for steps in own.values_mut() {
            steps.retain(|step| !matches!(way(plan, step), Way::Not(_)));
        }
        let mut undone = undoes(plan, procedure);
        undone.extend(own.values().flatten().cloned());
        if let Some(outside) = all.iter().find(|step| undone.contains(step) && !self.steps.contains(step)) {
            return Err(format!(
                "procedure \"{}\" undoes \"{outside}\" too: roll back to \"{outside}\", or further",
                procedure.id
            ));
        }
        let members: Vec<String> = self.steps.iter().filter(|step| undone.contains(step)).cloned().collect();
        for turn in &self.procedures {
            if let Some(both) = members.iter().find(|step| turn.undoes.contains(step)) {
                return Err(format!(
                    "procedures \"{}\" and \"{}\" both undo \"{both}\": carry out one of them with --procedure",
                    turn.procedure, procedure.id
                ));
            }
        }
        let place = |id: &String| self.steps.iter().position(|step| step == id).unwrap_or_default();
        let (Some(first), Some(last)) = (members.first().map(place), members.last().map(place)) else {
            return Ok(());
        };
        let needed = self.steps[first..last].iter().any(|between| {
            !members.contains(between) && members.iter().any(|member| needs(plan, run, between, member))
        });
        let at = if needed { self.steps[last].clone() } else { self.steps[first].clone() };
        let mut order = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            if *step == at {
                order.extend(members.iter().cloned());
            } else if !members.contains(step) {
                order.push(step.clone());
            }
        }
        self.steps = order;
        self.kept.retain(|(step, _)| !members.contains(step));
        self.procedures.push(ProcedureTurn { procedure: procedure.id.clone(), undoes: members, own });
        Ok(())
    }
}

/// Whether the plan says that `later` needs what `earlier` did.
fn needs(plan: &Plan, _run: &Run, later: &str, earlier: &str) -> bool {
    let find = |id: &str| plan.phases.iter().flat_map(|phase| &phase.steps).find(|step| step.id == id);
    let (Some(step), Some(earlier)) = (find(later), find(earlier)) else { return false };
    let phase = plan.phases.iter().find(|phase| phase.steps.iter().any(|inner| inner.id == later));
    let of_phase = phase.map(|phase| phase.needs.as_slice()).unwrap_or_default();
    step.needs.iter().chain(of_phase).any(|id| means(plan, id, earlier))
}

/// Some steps alone: nothing that was applied later and stays may rest on them. What the plan says counts,
/// and what the server said: two steps that wrote or changed the same relation aren't taken apart.
fn alone(plan: &Plan, run: &Run, applied: &[String], only: &[String]) -> Result<(), String> {
    for id in only {
        match way(plan, id) {
            Way::Not(why) => return Err(format!("\"{id}\" can't be undone: {why}")),
            Way::By(other) if !only.iter().any(|step| step == other) => {
                return Err(format!(
                    "\"{id}\" is undone with \"{other}\": name both, --only {id} --only {other}"
                ));
            }
            _ => {}
        }
        let with_it = applied
            .iter()
            .filter(|step| !only.contains(step))
            .find(|step| matches!(way(plan, step), Way::By(other) if other == id.as_str()));
        if let Some(step) = with_it {
            return Err(format!(
                "undoing \"{id}\" undoes \"{step}\" too: name both, --only {id} --only {step}"
            ));
        }
        let later = applied.iter().take_while(|step| *step != id).filter(|step| !only.contains(step));
        for step in later {
            let go_further =
                format!("undo \"{step}\" too (--only {step}), or everything down to \"{id}\" (--to {id})");
            if needs(plan, run, step, id) {
                return Err(format!("\"{step}\", which was applied later, needs \"{id}\": {go_further}"));
            }
            if let Some(why) = unmeasured(plan, run, step) {
                return Err(format!(
                    "\"{step}\", which was applied later, {why}: nobody can say whether it rests on \"{id}\": {go_further}"
                ));
            }
            if let Some(relation) = both_touched(run, step, id) {
                return Err(format!(
                    "\"{step}\", which was applied later, wrote or changed {relation} too, and may rest on what \"{id}\" \
                     did there: {go_further}"
                ));
            }
        }
    }
    Ok(())
}

/// Why what a step touched isn't known: the server says it of a transaction alone.
fn unmeasured(plan: &Plan, run: &Run, id: &str) -> Option<&'static str> {
    let step = step_for(plan, id, Direction::Forward)?;
    let known = run.step(id).is_some_and(|step| step.units.iter().any(|unit| !unit.touched.is_empty()));
    (step.transaction == Transaction::None && !known)
        .then_some("ran outside a transaction, so that what it touched wasn't measured")
}

/// A relation that both steps wrote or changed, as the server said when they were committed.
fn both_touched(run: &Run, one: &str, other: &str) -> Option<String> {
    let touched = |id: &str| {
        run.step(id)
            .into_iter()
            .flat_map(|step| &step.units)
            .flat_map(|unit| &unit.touched)
            .map(|t| &t.relation)
    };
    touched(one).find(|relation| touched(other).any(|known| known == *relation)).cloned()
}
