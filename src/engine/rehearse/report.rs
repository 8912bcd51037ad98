//! What was seen, put together into the record.

use std::time::Instant;

use jiff::Timestamp;
use similar::{ChangeTag, DiffTag, TextDiff};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::course::{Order, Walked};
use super::ground::{Ground, Source};
use super::image::Image;
use super::walk::{Back, Forward};
use crate::engine::open::{operator, program};
use crate::engine::rollback::{Way, way};
use crate::engine::shell::LEFT_OUT;
use crate::engine::unit::millis;
use crate::plan::duration;
use crate::plan::model::{Action, Plan, Procedure, Step, Undo};
use crate::run::event::Residue;
use crate::run::rehearsal::{
    Finding, Ground as On, Leg, Outcome, Part, ProcedureRehearsed, Progress, Rehearsal, StepRehearsed,
    VERSION,
};
use crate::run::residue::table_of_rows;
use crate::run::state::{Run, Status};

/// The record as it grows.
#[derive(Debug)]
pub(super) struct Report {
    plan: std::sync::Arc<Plan>,
    record: Rehearsal,
    began: Instant,
    progress: mpsc::UnboundedSender<Progress>,
}

impl Report {
    pub(super) fn begin(
        order: &Order,
        ground: &Ground,
        source: &Source,
        before: &Image,
        (began, at): (Instant, Timestamp),
    ) -> Self {
        let plan = &order.plan;
        let path = std::path::absolute(&plan.path).unwrap_or_else(|_| plan.path.clone());
        let steps = plan.phases.iter().flat_map(|phase| &phase.steps).map(not_reached).collect();
        let mut covers = before.covers();
        covers.push("the checkpoints of the rollbacks".into());
        if plan.source.is_some() {
            covers.push("the source, in the same way".into());
        }
        let mut not_compared = before.not_compared();
        if ground.copied().is_some() {
            not_compared.push("what the target's role may not do (here everything ran as superuser)".into());
            not_compared.push("the target's collation (here text sorts by C)".into());
        }
        let record = Rehearsal {
            v: VERSION,
            id: Uuid::now_v7(),
            plan_id: plan.id.clone(),
            title: plan.title.clone(),
            plan_digest: order.digest.sha256.clone(),
            plan_path: path.display().to_string(),
            at,
            elapsed_ms: 0,
            operator: operator(),
            program: program(),
            server_version: ground.version().to_owned(),
            ground: ground.on(plan, source),
            environment: ground.copied().and_then(|copied| copied.environment),
            passed: false,
            steps,
            forward_ms: 0,
            rollback_ms: 0,
            within_ms: plan.advice.within.map(millis),
            residue: Vec::new(),
            since: None,
            stays: Vec::new(),
            covers,
            not_compared,
            procedures: Vec::new(),
            findings: ground.copied().map(|copied| copied.findings.clone()).unwrap_or_default(),
        };
        Self { plan: std::sync::Arc::clone(plan), record, began, progress: order.progress.clone() }
    }

    pub(super) fn ground(&self) -> &On {
        &self.record.ground
    }

    /// Nobody has to listen.
    pub(super) fn tell(&self, progress: Progress) {
        let _ = self.progress.send(progress);
    }

    pub(super) fn finish(mut self) -> Rehearsal {
        self.record.elapsed_ms = millis(self.began.elapsed());
        self.record.findings.sort_by_key(|finding| !finding.fails);
        self.record.passed = !self.record.findings.iter().any(|finding| finding.fails);
        self.record
    }

    pub(super) fn came_forward(&self, step: &str) -> bool {
        self.record.step(step).is_some_and(|step| step.forward.outcome == Outcome::Passed)
    }

    // Forward.

    pub(super) fn forward(&mut self, forward: &Forward, run: &Run, ms: u64) {
        self.record.forward_ms = ms;
        for index in 0..self.record.steps.len() {
            let id = self.record.steps[index].id.clone();
            let asks = matches!(self.action(&id), Some(Action::Requires(_)));
            let part = match forward_part(run, &id, forward) {
                _ if asks && run.step(&id).is_some_and(|state| state.status == Status::Assumed) => {
                    Part::not_done("a rehearsal is asked for by a run, not by a rehearsal")
                }
                part => part,
            };
            let step = &mut self.record.steps[index];
            step.forward = part.clone();
            if let Some(state) = run.step(&id) {
                let results = state.checkpoints.values();
                step.checkpoints =
                    results.map(|result| (result.checkpoint.clone(), result.verdict.passed)).collect();
            }
            let title = step.title.clone();
            if part.outcome == Outcome::NotDone && run.step(&id).is_some_and(|s| s.status == Status::Skipped)
            {
                self.note(Some(&id), part.why.clone().unwrap_or_default());
            }
            self.tell(Progress::Step { title, part });
        }
        for (step, what) in run.deviations.iter().filter(|(_, what)| what.contains(LEFT_OUT)) {
            self.note(step.as_deref(), what.clone());
        }
        let part = whole_part(forward, ms);
        if let Forward::Short(why) = forward {
            let at = self.record.steps.iter().find(|step| step.forward.outcome == Outcome::Failed);
            let id = at.map(|step| step.id.clone());
            self.fail(id.as_deref(), format!("forward it stops: {why}"), None);
        }
        self.tell(Progress::Ended(Leg::Forward, part));
    }

    // Back from the end.

    pub(super) fn back(&mut self, walked: &Walked) {
        self.kept_steps(walked);
        self.record.since.clone_from(&walked.since);
        self.record.stays.clone_from(&walked.stays);
        let Some(back) = &walked.back else {
            return self.not_again("nothing was applied that can be undone");
        };
        self.record.rollback_ms = back.elapsed_ms;
        for (id, ms) in &back.undone {
            if let Some(step) = self.record.steps.iter_mut().find(|step| step.id == *id) {
                step.back = Part::passed(*ms);
            }
        }
        let part = self.judge_back(None, "the whole rollback", walked, back);
        if let Some(within) = self.record.within_ms
            && back.short.is_none()
            && back.elapsed_ms > within
        {
            let (took, within) = (words(back.elapsed_ms), words(within));
            self.fail(None, format!("the whole rollback took {took}, and the plan allows {within}"), None);
        }
        self.tell(Progress::Ended(Leg::Back, part));
    }

    /// Steps that the way back leaves as they are, each with its reason.
    fn kept_steps(&mut self, walked: &Walked) {
        let plan = std::sync::Arc::clone(&self.plan);
        let beyond = walked.since.as_ref().map(|since| {
            let before = steps_of(&plan).position(|step| step.id == *since).unwrap_or_default();
            (since, before)
        });
        for (at, step) in steps_of(&plan).enumerate() {
            let reached = self.came_forward(&step.id);
            let part = match (&step.irreversible, &beyond) {
                _ if !step.changes || !reached => continue,
                (Some(why), _) => Part::not_done(format!("irreversible: {why}")),
                (None, Some((since, before))) if at < *before => {
                    Part::not_done(format!("behind it stands \"{since}\", which is irreversible"))
                }
                _ => match way(&plan, &step.id) {
                    Way::Not(why) => Part::not_done(why),
                    _ => continue,
                },
            };
            if part.outcome == Outcome::NotDone {
                self.note(Some(&step.id), part.why.clone().unwrap_or_default());
            }
            if let Some(step) = self.record.steps.iter_mut().find(|recorded| recorded.id == step.id) {
                step.back = part;
            }
        }
    }

    /// What a way back says: the first thing that is wrong with it.
    fn judge_back(&mut self, step: Option<&str>, what: &str, walked: &Walked, back: &Back) -> Part {
        let ms = Some(back.elapsed_ms);
        if let Some((failed, why)) = &back.failed {
            let title = self.title(failed);
            let words = format!("undoing \"{title}\" failed: {why}");
            if step.is_none()
                && let Some(step) = self.record.steps.iter_mut().find(|step| step.id == *failed)
            {
                step.back = Part::failed(why.clone(), None);
            }
            self.fail(Some(step.unwrap_or(failed)), format!("{what}: {words}"), None);
            return Part::failed(words, ms);
        }
        if let Some(why) = &back.short {
            self.fail(step, format!("{what} stops: {why}"), None);
            return Part::failed(why.clone(), ms);
        }
        let residue = walked.residue.clone().unwrap_or_default();
        if residue.is_empty() {
            return Part::passed(back.elapsed_ms);
        }
        let words = format!("leaves {}", some_words(&residue));
        self.fail(step, format!("{what} {words}"), None);
        for left in residue {
            if !self.record.residue.iter().any(|known| known.object == left.object) {
                self.record.residue.push(left);
            }
        }
        Part::failed(words, ms)
    }

    // Forward again.

    /// Why there is no second time forward, if there is none.
    pub(super) fn why_not_again(&self) -> Option<String> {
        let stays = steps_of(&self.plan).find(|step| step.changes && step.irreversible.is_some())?;
        Some(format!("\"{}\" stays applied, so there is nothing to begin from again", stays.title))
    }

    pub(super) fn not_again(&mut self, why: &str) {
        for step in &mut self.record.steps {
            step.again = Part::not_done(why);
        }
    }

    pub(super) fn again(&mut self, forward: &Forward, run: &Run, ms: u64) {
        for step in &mut self.record.steps {
            step.again = forward_part(run, &step.id, forward);
        }
        if let Forward::Short(why) = forward {
            let at = self.record.steps.iter().find(|step| step.again.outcome == Outcome::Failed);
            let id = at.map(|step| step.id.clone());
            self.fail(id.as_deref(), format!("forward again, after the rollback, it stops: {why}"), None);
        }
        self.tell(Progress::Ended(Leg::Again, whole_part(forward, ms)));
    }

    // From the middle, and twice.

    pub(super) fn middle(&mut self, step: &Step, walked: &Walked) {
        let what = format!("the rollback from right after \"{}\"", step.title);
        let part = match (&walked.forward, &walked.back) {
            (Forward::Short(why), _) => {
                self.fail(Some(&step.id), format!("on the way to it the plan stops: {why}"), None);
                Part::failed(why.clone(), None)
            }
            (Forward::There, None) => match &walked.since {
                Some(_) => Part::not_done("nothing after the last irreversible step"),
                None => Part::not_done("nothing was applied"),
            },
            (Forward::There, Some(back)) => self.judge_back(Some(&step.id), &what, walked, back),
        };
        self.tell(Progress::Ended(Leg::Middle(step.title.clone()), part.clone()));
        if let Some(step) = self.record.steps.iter_mut().find(|recorded| recorded.id == step.id) {
            step.middle = part;
        }
    }

    /// From right after the last step that changes something, it is the whole rollback.
    pub(super) fn middle_is_the_end(&mut self, step: &str) {
        let failed =
            self.record.findings.iter().find(|f| f.fails && f.what.starts_with("the whole rollback"));
        let stays = self.record.step(step).is_some_and(|step| step.back.outcome == Outcome::NotDone);
        let part = match failed {
            _ if stays => Part::not_done("irreversible"),
            Some(finding) => Part::failed(finding.what.clone(), Some(self.record.rollback_ms)),
            None => Part::passed(self.record.rollback_ms),
        };
        if let Some(step) = self.record.steps.iter_mut().find(|recorded| recorded.id == step) {
            step.middle = part;
        }
    }

    /// A named procedure, from the end.
    pub(super) fn procedure(&mut self, procedure: &Procedure, walked: &Walked) {
        let what = format!("procedure \"{}\"", procedure.title);
        let mut part = match (&walked.forward, &walked.back) {
            (Forward::Short(why), _) => Part::not_done(format!("the plan doesn't come to its end: {why}")),
            (Forward::There, None) => Part::not_done("nothing was applied"),
            (Forward::There, Some(back)) => self.judge_back(None, &what, walked, back),
        };
        if let (Some(within), Some(took)) = (procedure.within.map(millis), part.ms)
            && took > within
        {
            let why = format!("{what} took {}, and the plan allows {}", words(took), words(within));
            part = Part { outcome: Outcome::Failed, ms: part.ms, why: Some(why.clone()) };
            self.fail(None, why, None);
        }
        self.tell(Progress::Ended(Leg::Procedure(procedure.title.clone()), part.clone()));
        self.record.procedures.push(ProcedureRehearsed {
            id: procedure.id.clone(),
            title: procedure.title.clone(),
            within_ms: procedure.within.map(millis),
            compared: walked.residue.is_some(),
            part,
        });
    }

    pub(super) fn twice(&mut self, step: &Step, part: Part) {
        if let (Outcome::Failed, Some(why)) = (part.outcome, &part.why) {
            let hint = "take `idempotent` out, or mend the script: IF NOT EXISTS for what it makes, ON CONFLICT with a unique \
                        key for rows that it adds, a WHERE that passes over what is done for an UPDATE";
            self.fail(Some(&step.id), format!("it claims to be idempotent, and {why}"), Some(hint));
        }
        self.tell(Progress::Ended(Leg::Twice(step.title.clone()), part.clone()));
        if let Some(step) = self.record.steps.iter_mut().find(|recorded| recorded.id == step.id) {
            step.twice = part;
        }
    }

    /// What a walk has left in the source, which a plan only asks.
    pub(super) fn source(&mut self, residue: Vec<Residue>) {
        let named =
            residue.into_iter().map(|left| Residue { object: format!("source: {}", left.object), ..left });
        let known = |left: &Residue| self.record.residue.iter().any(|known| known.object == left.object);
        let residue: Vec<Residue> = named.filter(|left| !known(left)).collect();
        if residue.is_empty() {
            return;
        }
        let hint = "a plan's source is only asked: make the change in the target, or take the command off `on = \"source\"`";
        let bare = residue.iter().map(|left| Residue {
            object: left.object.trim_start_matches("source: ").to_owned(),
            ..left.clone()
        });
        let words = some_words(&bare.collect::<Vec<_>>());
        self.fail(None, format!("the source isn't as it was: {words}"), Some(hint));
        self.record.residue.extend(residue);
    }

    fn action(&self, id: &str) -> Option<&Action> {
        steps_of(&self.plan).find(|step| step.id == id).map(|step| &step.action)
    }

    fn title(&self, id: &str) -> String {
        self.record.step(id).map_or_else(|| id.to_owned(), |step| step.title.clone())
    }

    fn fail(&mut self, step: Option<&str>, what: String, hint: Option<&str>) {
        let (step, hint) = (step.map(str::to_owned), hint.map(str::to_owned));
        self.record.findings.push(Finding { fails: true, step, what, hint });
    }

    fn note(&mut self, step: Option<&str>, what: String) {
        self.record.findings.push(Finding { fails: false, step: step.map(str::to_owned), what, hint: None });
    }
}

fn steps_of(plan: &Plan) -> impl Iterator<Item = &Step> {
    plan.phases.iter().flat_map(|phase| &phase.steps)
}

/// A step before anything is known of it.
fn not_reached(step: &Step) -> StepRehearsed {
    let later = || if step.changes { Part::not_done("not reached") } else { Part::default() };
    let undone_with = match &step.rollback {
        Some(Undo::By(other)) => Part::not_done(format!("undone with \"{other}\"")),
        _ => later(),
    };
    StepRehearsed {
        id: step.id.clone(),
        title: step.title.clone(),
        changes: step.changes,
        forward: Part::not_done("not reached"),
        back: undone_with,
        middle: later(),
        again: Part::not_done("not reached"),
        twice: if step.changes && step.idempotent { Part::not_done("not reached") } else { Part::default() },
        checkpoints: Default::default(),
    }
}

fn forward_part(run: &Run, id: &str, forward: &Forward) -> Part {
    let Some(state) = run.step(id) else { return Part::not_done("not reached") };
    let stopped = match forward {
        Forward::There => "it didn't come to its end",
        Forward::Short(why) => why,
    };
    match state.status {
        Status::Verified | Status::Applied => Part::passed(state.elapsed_ms),
        Status::Accepted => Part { why: state.reason.clone(), ..Part::passed(state.elapsed_ms) },
        Status::Skipped | Status::Assumed => Part::not_done(state.reason.clone().unwrap_or_default()),
        Status::Pending => Part::not_done("not reached"),
        _ => Part::failed(stopped, Some(state.elapsed_ms)),
    }
}

fn whole_part(forward: &Forward, ms: u64) -> Part {
    match forward {
        Forward::There => Part::passed(ms),
        Forward::Short(why) => Part::failed(why.clone(), Some(ms)),
    }
}

fn words(ms: u64) -> String {
    duration::words(std::time::Duration::from_millis(ms))
}

/// What differs, the first few of it.
pub(super) fn some_words(residue: &[Residue]) -> String {
    const MOST: usize = 3;
    let mut parts: Vec<String> = residue.iter().take(MOST).map(changed_words).collect();
    if residue.len() > MOST {
        parts.push(format!("{} more", residue.len() - MOST));
    }
    parts.join("; ")
}

/// The first line that isn't the same any more, and what stands there now.
fn first_difference<'a>(before: &'a str, after: &'a str) -> (Option<&'a str>, Option<&'a str>) {
    let lines = |text: &'a str| -> Vec<&'a str> { text.split_terminator('\n').collect() };
    let (before, after) = (lines(before), lines(after));
    let diff = TextDiff::from_slices(&before, &after);
    let first = diff.ops().iter().find(|operation| operation.tag() != DiffTag::Equal);
    let Some(first) = first else { return (None, None) };
    let line = |tag| {
        let mut changes = diff.iter_changes(first).filter(|change| change.tag() == tag);
        changes.find_map(|change| Some(change.value().trim()).filter(|line| !line.is_empty()))
    };
    (line(ChangeTag::Delete), line(ChangeTag::Insert))
}

fn changed_words(residue: &Residue) -> String {
    let object = &residue.object;
    let cut = |text: &str| -> String {
        let line = text.lines().next().unwrap_or_default();
        if line.chars().count() > 60 { line.chars().take(59).chain(['…']).collect() } else { line.into() }
    };
    match (&residue.before, &residue.after) {
        (None, _) => format!("{object} (it wasn't there before)"),
        (_, None) => format!("{object} (it is gone)"),
        // `id, title: changed`
        (Some(_), Some(after)) if object.starts_with("row ") && after.ends_with(": changed") => {
            format!("{object} ({} changed)", after.trim_end_matches(": changed"))
        }
        (Some(_), Some(after)) if object.starts_with("row ") => format!("{object} ({after})"),
        (Some(before), Some(after)) if table_of_rows(object).is_some() => {
            format!("{object} ({before} before, {after} now)")
        }
        (Some(before), Some(after)) => match first_difference(before, after) {
            (Some(before), Some(after)) => format!("{object} ({} before, {} now)", cut(before), cut(after)),
            (None, Some(after)) => format!("{object} (with a line now: {})", cut(after)),
            (Some(before), None) => format!("{object} (without a line now: {})", cut(before)),
            (None, None) => format!("{object} (it has changed)"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::changed_words;
    use crate::run::event::Residue;

    #[test]
    fn a_change_is_told_by_the_first_line_that_isnt_the_same() {
        let words = |before: &str, after: &str| {
            let (before, after) = (Some(before.to_owned()), Some(after.to_owned()));
            changed_words(&Residue { object: "enum mood".into(), before, after })
        };
        let labels = "label 'sad'\nlabel 'bad'";
        assert_eq!(
            words(labels, "label 'sad'\nlabel 'bad'\nlabel 'glad'"),
            "enum mood (with a line now: label 'glad')"
        );
        assert_eq!(words(labels, "label 'sad'"), "enum mood (without a line now: label 'bad')");
        assert_eq!(
            words(labels, "label 'sad'\nlabel 'mad'"),
            "enum mood (label 'bad' before, label 'mad' now)"
        );
        assert_eq!(words("a", "a\n"), "enum mood (it has changed)");
    }
}
