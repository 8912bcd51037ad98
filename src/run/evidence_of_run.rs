//! Whether another run is the evidence that a plan asks for: what its journal says, and nothing else.

use super::event::{Ending, Mode};
use super::evidence::{age_of, ago};
use super::state::{Run, RunState, Status};
use crate::plan::duration;
use crate::plan::expect::Verdict;
use crate::plan::model::Requires;

/// A run as its journal tells it, whose chain held.
#[derive(Debug, Clone, Copy)]
pub struct RunFound<'a> {
    pub run: &'a Run,
    /// Digest of the journal's last line: it stands for all of them.
    pub head: &'a str,
}

/// What came of looking at it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub verdict: Verdict,
    /// What to do about it; empty when it passed.
    pub todo: String,
}

impl Requires {
    /// Judges the newest run there is of the plan that is named; `None`: there is none. `digest` is that of
    /// the plan as the run must have had it.
    #[must_use]
    pub fn judge_run(
        &self,
        found: Option<RunFound<'_>>,
        digest: Option<&str>,
        now: jiff::Timestamp,
    ) -> Judged {
        let expected = self.words();
        let Some(found) = found else {
            let todo = "bring its journal here and name it: `--evidence FOLDER-OR-JOURNAL`; `holdpoint status` on the \
                        machine where it ran says where that is";
            return Judged { verdict: Verdict::fail(expected, "there is none here", ""), todo: todo.into() };
        };
        let got = words(found, now);
        match self.unmet_by(found.run, digest, now) {
            None => Judged { verdict: Verdict::pass(expected, got), todo: String::new() },
            Some((why, todo)) => {
                Judged { verdict: Verdict::fail(expected, format!("{got}: {why}"), ""), todo }
            }
        }
    }

    /// The first thing that isn't as it is asked for, and what to do.
    fn unmet_by(&self, run: &Run, digest: Option<&str>, now: jiff::Timestamp) -> Option<(String, String)> {
        let again = format!("run {} again there, to its end, and bring that journal", self.plan_id);
        let Some(opened) = &run.opened else { return Some(("its journal is empty".into(), again)) };
        if opened.mode == Mode::Demo {
            return Some(("it was a demo, on a server that holdpoint made".into(), again));
        }
        if let Some(wanted) = self.environment.filter(|wanted| *wanted != opened.environment) {
            let todo =
                format!("bring the journal of a run on {}: this one proves nothing about it", wanted.word());
            return Some((format!("it was on {}", opened.environment.word()), todo));
        }
        match &run.state {
            RunState::Ended(Ending::Done, 0) => {}
            RunState::Ended(Ending::RolledBack { .. }, _) => {
                return Some(("it was rolled back".into(), again));
            }
            RunState::Ended(Ending::Stopped { why } | Ending::Refused { why }, _) => {
                return Some((format!("it didn't pass: {why}"), again));
            }
            RunState::Ended(Ending::Done, code) => {
                return Some((format!("it ended with code {code}"), again));
            }
            state => {
                let todo = "go on with it there (`holdpoint resume`), and bring its journal when it is over";
                return Some((format!("it isn't over: it is {}", state.word()), todo.into()));
            }
        }
        if digest.is_some_and(|digest| digest != run.plan_digest) {
            return Some((
                "the plan or one of its files is another one now than it was then".into(),
                format!("{again}; or put the plan back as it was"),
            ));
        }
        if let Some(age) = self.age
            && done_at(run).and_then(|at| age_of(at, now)).is_none_or(|old| old > age)
        {
            return Some((format!("it is older than {}", duration::words(age)), again));
        }
        let missing = self.passed.iter().find_map(|id| not_passed(run, id));
        missing.map(|why| (why, again))
    }
}

/// When the last of its steps was done. That somebody opened it again later and left it as it was makes it no
/// younger.
fn done_at(run: &Run) -> Option<jiff::Timestamp> {
    run.steps.iter().filter_map(|step| step.ended_at).max().or(run.opened_at)
}

/// Which run it was, in a line.
fn words(RunFound { run, head }: RunFound<'_>, now: jiff::Timestamp) -> String {
    let id = run.id.map(|id| id.to_string()).unwrap_or_default();
    let opened = run.opened.as_ref();
    let by = opened.map(|opened| format!(" by {}", opened.operator.os_user)).unwrap_or_default();
    let on = opened.map(|opened| format!(" on {}", opened.environment.word())).unwrap_or_default();
    let when = done_at(run).map(|at| format!(", {}", ago(at, now))).unwrap_or_default();
    let deviations = match run.deviations.len() {
        0 => "no deviation".to_owned(),
        1 => "1 deviation".to_owned(),
        n => format!("{n} deviations"),
    };
    let head = head.get(..16).unwrap_or(head);
    format!("run {id}{on}{by}{when}, {deviations}, journal's last line {head}")
}

/// Why a phase, a step, a checkpoint or a watch isn't among what passed in it.
fn not_passed(run: &Run, id: &str) -> Option<String> {
    let phases = run.opened.iter().flat_map(|opened| &opened.outline);
    let of_phase = phases.filter(|phase| phase.id == id).flat_map(|phase| &phase.steps);
    let mut of_phase = of_phase.map(|step| step.id.as_str()).peekable();
    if of_phase.peek().is_some() {
        return of_phase.find_map(|step| {
            let status = run.step(step).map_or(Status::Pending, |step| step.status);
            (status != Status::Verified).then(|| format!("\"{step}\" of \"{id}\" is {} in it", status.word()))
        });
    }
    if let Some(step) = run.step(id) {
        let word = step.status.word();
        return (step.status != Status::Verified).then(|| format!("\"{id}\" is {word} in it, not passed"));
    }
    if let Some(watch) = run.watches.get(id) {
        let well = watch.breaches.is_empty() && watch.figures.as_ref().is_some_and(|f| f.samples > 0);
        return (!well).then(|| format!("watch \"{id}\" was breached in it, or never asked"));
    }
    let result = run.steps.iter().find_map(|step| step.checkpoints.get(id));
    match result {
        Some(result) if result.verdict.passed => None,
        Some(_) => Some(format!("checkpoint \"{id}\" didn't pass in it")),
        None => Some(format!("there is no \"{id}\" in it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::state::StepState;

    #[test]
    fn a_run_is_as_old_as_its_last_step() {
        let at = |text: &str| Some(text.parse().unwrap());
        let step = |ended: &str| StepState { ended_at: at(ended), ..StepState::default() };
        let mut run = Run {
            opened_at: at("2026-01-01T10:00:00Z"),
            // Opened again, and closed as it was.
            last_at: at("2026-06-01T10:00:00Z"),
            ..Run::default()
        };
        assert_eq!(done_at(&run), run.opened_at);
        run.steps = vec![step("2026-01-01T11:00:00Z"), step("2026-01-01T10:30:00Z")];
        assert_eq!(done_at(&run), at("2026-01-01T11:00:00Z"));
    }
}
