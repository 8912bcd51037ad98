//! Whether a rehearsal, or a run, is the evidence that a plan asks for. Fails closed: what isn't known isn't met.

use std::time::Duration;

use super::rehearsal::{Ground, Outcome, Rehearsal};
use crate::plan::duration;
use crate::plan::expect::{Answer, Cell, Column, Expect, Outcome as Given, Saved, Verdict};
use crate::plan::model::{Evidence, Requires};

/// A plan as it is about to run: its rehearsal must have been of this very text.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    pub plan_id: &'a str,
    pub plan_digest: &'a str,
    pub now: jiff::Timestamp,
}

impl Requires {
    /// What is asked for, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = vec![format!("{} that passed", self.whose())];
        words.extend(self.age.map(|age| format!("at most {} old", duration::words(age))));
        words.extend(self.environment.map(|wanted| match self.of {
            Evidence::Rehearsal => format!("on a copy of {}", wanted.word()),
            Evidence::Run { .. } => format!("on {}", wanted.word()),
        }));
        if !self.passed.is_empty() {
            words.push(format!("with {} passed", self.passed.join(", ")));
        }
        words.extend(self.rollback.as_ref().map(|cell| format!("rollback {cell}")));
        words.extend(self.residue.as_ref().map(|cell| format!("residue {cell}")));
        words.join(", ")
    }

    /// Judges the newest rehearsal there is of the plan that is named; `None`: there is none.
    #[must_use]
    pub fn judge(&self, newest: Option<&Rehearsal>, asking: Asking<'_>) -> Verdict {
        let expected = self.words();
        let Some(found) = newest else { return Verdict::fail(expected, "there is none", "") };
        let got = found_words(found, asking.now);
        match self.unmet(found, asking) {
            None => Verdict::pass(expected, got),
            Some(why) => Verdict::fail(expected, format!("{got}: {why}"), ""),
        }
    }

    /// The first thing that isn't as it is asked for.
    fn unmet(&self, found: &Rehearsal, asking: Asking<'_>) -> Option<String> {
        if found.plan_id != self.plan_id {
            return Some(format!("it is of {}", found.plan_id));
        }
        if !found.passed {
            let first = found.findings.iter().find(|finding| finding.fails);
            return Some(match first {
                Some(finding) => format!("it failed, {}", finding.what),
                None => "it failed".into(),
            });
        }
        if found.plan_id == asking.plan_id && found.plan_digest != asking.plan_digest {
            return Some("the plan or one of its files has changed since then".into());
        }
        if let Some(age) = self.age
            && age_of(found.at, asking.now).is_none_or(|old| old > age)
        {
            return Some(format!("it is older than {}", duration::words(age)));
        }
        if let Some(wanted) = self.environment
            && found.environment != Some(wanted)
        {
            return Some(match (found.environment, &found.ground) {
                (Some(other), _) => format!("it was on a copy of {}", other.word()),
                (None, Ground::Fixture { .. }) => "it was on the plan's fixture, not on a copy".into(),
                (None, _) => {
                    "the copied database doesn't say which environment it is (holdpoint.environment)".into()
                }
            });
        }
        if let Some(id) = self.passed.iter().find(|id| !passed(found, id)) {
            return Some(format!("\"{id}\" didn't pass in it, or wasn't there"));
        }
        const INTERVAL: u32 = 1186;
        const INT8: u32 = 20;
        let took = format!("{}ms", found.rollback_ms);
        if let Some(cell) = &self.rollback
            && !is_met(cell, "rollback", &took, INTERVAL)
        {
            return Some(format!(
                "its rollback took {}",
                duration::words(Duration::from_millis(found.rollback_ms))
            ));
        }
        if let Some(cell) = &self.residue
            && !is_met(cell, "residue", &found.residue.len().to_string(), INT8)
        {
            return Some(format!("its rollbacks left {} differences", found.residue.len()));
        }
        None
    }
}

/// How long ago; `None` when it says it is from a time to come.
pub(super) fn age_of(at: jiff::Timestamp, now: jiff::Timestamp) -> Option<Duration> {
    Duration::try_from(now.duration_since(at)).ok()
}

/// The same for people.
pub(super) fn ago(at: jiff::Timestamp, now: jiff::Timestamp) -> String {
    match age_of(at, now) {
        Some(ago) if ago.as_secs() < 60 => "less than a minute ago".to_owned(),
        Some(ago) => {
            let minutes = Duration::from_secs(ago.as_secs() / 60 * 60);
            format!("{} ago", duration::words(minutes))
        }
        None => "in the future by this machine's clock".to_owned(),
    }
}

fn found_words(found: &Rehearsal, now: jiff::Timestamp) -> String {
    let result = if found.passed { "passed" } else { "failed" };
    let ago = ago(found.at, now);
    // What broke off on the way has no rollback to be measured by.
    let undone = found.steps.iter().any(|step| step.back.outcome == Outcome::Passed);
    if !found.passed && !undone && found.residue.is_empty() {
        return format!("one {ago} that {result}, residue unknown: nothing was rolled back to its end");
    }
    let rollback = duration::words(Duration::from_millis(found.rollback_ms));
    format!("one {ago} that {result}, rollback {rollback}, residue {}", found.residue.len())
}

/// A step whose parts all went well, or a checkpoint that passed.
fn passed(found: &Rehearsal, id: &str) -> bool {
    if let Some(step) = found.step(id) {
        return step.forward.outcome == Outcome::Passed;
    }
    found.steps.iter().find_map(|step| step.checkpoints.get(id)).is_some_and(|passed| *passed)
}

fn is_met(cell: &Cell, what: &str, got: &str, type_oid: u32) -> bool {
    let answer = Answer {
        columns: vec![Column { name: what.to_owned(), type_oid }],
        rows: vec![vec![Some(got.to_owned())]],
        total_rows: 1,
        ..Answer::default()
    };
    let expect = Expect { value: Some(cell.clone()), ..Expect::default() };
    expect.judge(&Given::Rows(answer), &Saved::new()).passed
}
