//! What is asked of a run by those who drive it and those who show it.

use super::event::{CheckpointResult, Decision, Direction, Summary};
use super::state::{Counts, Hold, Run, RunState};
use super::step::{Status, StepState};

impl Run {
    #[must_use]
    pub fn step(&self, id: &str) -> Option<&StepState> {
        self.steps.get(*self.index.get(id)?)
    }

    /// The step that has begun and isn't over: under way, waiting for people, or broken off.
    #[must_use]
    pub fn current_step(&self) -> Option<&StepState> {
        self.steps.get(self.current?)
    }

    #[must_use]
    pub fn hold(&self) -> Option<&Hold> {
        match &self.state {
            RunState::Holding(hold) => Some(hold),
            RunState::InDoubt(_) => self.doubt_hold.as_ref(),
            _ => None,
        }
    }

    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.state, RunState::Ended(..))
    }

    /// A step that failed (or whose checkpoints did) and nobody has answered yet: no hold, no next
    /// step, no decision. A process that died right after the failure left it so, and the next one
    /// has to apply the policy; going on would pass over the failure.
    #[must_use]
    pub fn unanswered_failure(&self) -> Option<&StepState> {
        self.steps.get(self.unanswered?)
    }

    /// The step whose failure the run was left with. Going back, only checkpoints of a rollback that is
    /// done: one that failed is tried again by going on.
    #[must_use]
    pub fn standing_failure(&self) -> Option<&str> {
        let held = self.hold().and_then(|hold| hold.step.as_deref()).and_then(|id| self.step(id));
        let failed = held.or_else(|| self.unanswered_failure())?;
        let undone = failed.undo_applied || failed.status == Status::Pending;
        (!self.goes_back() || failed.procedure.is_some() || undone).then_some(failed.id.as_str())
    }

    /// A person asked for a rollback, and it hasn't begun.
    #[must_use]
    pub fn is_to_go_back(&self) -> bool {
        !self.goes_back() && self.decided.as_ref().is_some_and(|choice| choice.what == Decision::RollBack)
    }

    /// Going forward, the step whose turn it is: the one that has begun; then the one that a person
    /// wants tried again; then the first in the plan (and in the selection) that isn't settled.
    #[must_use]
    pub fn next_step(&self) -> Option<&StepState> {
        if let Some(step) = self.current_step().filter(|step| step.procedure.is_none()) {
            return Some(step);
        }
        if let Some(choice) = self.decided.as_ref().filter(|choice| choice.what == Decision::Retry)
            && let Some(step) = choice.step.as_deref().and_then(|id| self.step(id))
        {
            return Some(step);
        }
        self.steps.iter().zip(&self.places).find_map(|(step, &(group, _))| {
            let due = step.procedure.is_none() && !step.status.is_settled() && self.is_selected(group);
            due.then_some(step)
        })
    }

    fn is_selected(&self, phase: usize) -> bool {
        let only = &self.selection.only;
        let id = self.opened.as_ref().and_then(|o| o.outline.get(phase)).map(|p| &p.id);
        only.is_empty() || id.is_some_and(|id| only.contains(id))
    }

    /// Whether all steps of the plan, selected or not, are settled: the run can end as done.
    #[must_use]
    pub fn all_settled(&self) -> bool {
        self.steps.iter().all(|step| step.procedure.is_some() || step.status.is_settled())
    }

    /// The latest result of a checkpoint, by its id; of the step itself rather than of its rollback.
    #[must_use]
    pub fn checkpoint(&self, id: &str) -> Option<&CheckpointResult> {
        let target = self.target_checks.iter().find(|result| result.checkpoint == id);
        // What passed in a transaction that was undone proves nothing.
        let stands = |step: &&StepState| {
            matches!(step.status, Status::Applied | Status::Verified | Status::Unverified | Status::Accepted)
        };
        let forward = || self.steps.iter().filter(stands).find_map(|step| step.checkpoints.get(id));
        let back = || self.steps.iter().find_map(|step| step.undo_checkpoints.get(id));
        target.or_else(forward).or_else(back)
    }

    /// What a rollback would undo, in its order: last first.
    pub fn to_undo(&self) -> impl Iterator<Item = &StepState> {
        self.applied_order.iter().rev().filter_map(|id| self.step(id))
    }

    /// Steps of the plan by what they are; those of procedures aren't counted.
    #[must_use]
    pub fn counts_by_status(&self) -> Counts {
        let mut counts = Counts::new();
        for step in self.steps.iter().filter(|step| step.procedure.is_none()) {
            *counts.entry(step.shown()).or_default() += 1;
        }
        counts
    }

    /// The same in words: what was undone isn't as if it had never been.
    #[must_use]
    pub fn counts_by_word(&self) -> Vec<(&'static str, u32)> {
        let undone = self.steps.iter().filter(|step| step.procedure.is_none() && step.is_undone());
        let undone = count(undone.count());
        let mut words = Vec::new();
        for (status, n) in self.counts_by_status() {
            let (n, more) = if status == Status::Pending { (n - undone.min(n), undone) } else { (n, 0) };
            words.extend([(status.word(), n), ("undone", more)].into_iter().filter(|(_, n)| *n > 0));
        }
        words
    }

    /// The figures at `now`. Deltas aren't in the events; who measured them adds them.
    #[must_use]
    pub fn summary(&self, now: jiff::Timestamp) -> Summary {
        let results = self.steps.iter().flat_map(|step| step.checkpoints.values()).chain(&self.target_checks);
        let (passed, failed): (Vec<_>, Vec<_>) = results.partition(|result| result.verdict.passed);
        Summary {
            steps: self.counts_by_word().into_iter().map(|(word, n)| (word.to_owned(), n)).collect(),
            checkpoints_passed: count(passed.len()),
            checkpoints_failed: count(failed.len()),
            deviations: count(self.deviations.len() + self.by_people.len()),
            elapsed_ms: self
                .opened_at
                .map_or(0, |then| u64::try_from(now.duration_since(then).as_millis()).unwrap_or_default()),
            ..Summary::default()
        }
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl StepState {
    /// It was done, and undone, and not done again since.
    #[must_use]
    pub fn is_undone(&self) -> bool {
        self.status == Status::Pending && self.generation > 0
    }

    /// Roles that haven't signed yet, in the order of the plan's list.
    pub fn roles_missing<'a>(&'a self, roles: &'a [String]) -> impl Iterator<Item = &'a String> {
        roles.iter().filter(|role| !self.signed.get(*role).is_some_and(|(_, accepted, _)| *accepted))
    }

    /// Latest failed checkpoints of the direction that it goes.
    #[must_use]
    pub fn failed_checkpoints(&self) -> Vec<&CheckpointResult> {
        let results = match self.direction() {
            Direction::Forward => &self.checkpoints,
            Direction::Back => &self.undo_checkpoints,
        };
        results.values().filter(|result| !result.verdict.passed).collect()
    }

    /// Applied, and nothing says that it isn't good.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self.status, Status::Verified | Status::Accepted)
    }
}
