//! Words for what the record has: times in the plan's zone, people, statuses, decisions.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::model::{DeviationKind, PlannedTime, Report, Who};
use super::page::{Line, Span, Tone, code, joined, text};
use super::planned::words_zone;
use crate::run::event::{Assurance, Decision, Ending, HoldReason, Mode};
use crate::run::state::{Run, RunState};
use crate::text::words::{exit_words, took};

/// Times as the pages say them.
#[derive(Debug)]
pub(super) struct Clock {
    zone: TimeZone,
    name: String,
    /// The run went over midnight: a time alone says too little.
    days: bool,
}

impl Clock {
    pub(super) fn of(report: &Report) -> Self {
        let zone = words_zone(&report.plan.timezone);
        let day = |at: Timestamp| at.to_zoned(zone.clone()).date();
        let days = day(report.standing.opened_at) != day(report.standing.last_at);
        let named = TimeZone::get(&report.plan.timezone).is_ok();
        let name = if named { report.plan.timezone.clone() } else { "UTC".to_owned() };
        Self { zone, name, days }
    }

    pub(super) fn time(&self, at: Timestamp) -> String {
        let format = if self.days { "%Y-%m-%d %H:%M:%S" } else { "%H:%M:%S" };
        at.to_zoned(self.zone.clone()).strftime(format).to_string()
    }

    pub(super) fn at(&self, at: Timestamp) -> Line {
        text(self.time(at))
    }

    /// With its date and zone.
    pub(super) fn full(&self, at: Timestamp) -> String {
        format!("{} ({})", at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z"), self.name)
    }

    /// To the minute, for what was planned.
    pub(super) fn minute(&self, at: Timestamp) -> String {
        let format = if self.days { "%Y-%m-%d %H:%M" } else { "%H:%M" };
        at.to_zoned(self.zone.clone()).strftime(format).to_string()
    }
}

/// Where the run stands, in a sentence.
pub(super) fn standing(run: &Run) -> String {
    match &run.state {
        RunState::Ended(outcome, code) => {
            let compared = run.rollback.as_ref().and_then(|rollback| rollback.ended.as_ref());
            let compared = compared.is_some_and(|ended| !ended.covers.is_empty());
            let words = match outcome {
                Ending::Done => match run.half_known_words() {
                    Some(rest) => format!("the plan has been run to its end, and {rest}"),
                    None => "done: the plan has been run to its end".to_owned(),
                },
                Ending::Stopped { why } => format!("stopped: {why}"),
                Ending::Refused { why } => format!("refused, nothing was changed: {why}"),
                Ending::RolledBack { clean: true } if compared => {
                    "rolled back: everything that was applied is undone, and what was compared is as it was before"
                        .to_owned()
                }
                Ending::RolledBack { clean: true } => {
                    "rolled back: everything that was applied is undone; nothing was compared with the state before"
                        .to_owned()
                }
                Ending::RolledBack { clean: false } if run.only_what_was_decided_stays() => {
                    "rolled back; what can't be taken back stays, as was decided: the database isn't as it was before"
                        .to_owned()
                }
                Ending::RolledBack { clean: false } => {
                    "rolled back, but not everything is as it was before".to_owned()
                }
            };
            format!("{words} (exit {code})")
        }
        RunState::Holding(hold) => format!("waits: {}", hold.needs),
        RunState::InDoubt(unit) => format!("whether {} was applied isn't known yet", unit.words()),
        state => match &run.left {
            Some((code, why)) => format!("{why} (exit {code}: {})", exit_words(*code)),
            // A process that is at work and one that was killed leave the same lines.
            None => format!(
                "it was {} at its last event, and no process has let go of it since: one is at work, or died",
                state.word()
            ),
        },
    }
}

/// How the end is to be taken.
pub(super) fn tone(report: &Report) -> Tone {
    match &report.standing.outcome {
        Some(Ending::Done) if report.standing.exit_code.is_some_and(|code| code > 0) => Tone::Warn,
        Some(Ending::Done | Ending::RolledBack { clean: true }) => Tone::Good,
        Some(_) => Tone::Bad,
        None => Tone::Warn,
    }
}

/// A status, with its sign.
pub(super) fn status(word: &str, undone: bool) -> Line {
    if undone {
        return vec![Span::Mark(Tone::Plain, "↶"), Span::Text(" undone".into())];
    }
    let mark = match word {
        "verified" => Some((Tone::Good, "✓")),
        "applied" | "accepted" | "skipped" | "assumed" => Some((Tone::Warn, "!")),
        "failed" | "unverified" | "undo failed" => Some((Tone::Bad, "✗")),
        "unknown" => Some((Tone::Bad, "?")),
        _ => None,
    };
    let mark = mark.map(|(tone, sign)| Span::Mark(tone, sign));
    let word = Span::Text(if mark.is_some() { format!(" {word}") } else { word.to_owned() });
    mark.into_iter().chain([word]).collect()
}

pub(super) fn passed(passed: bool) -> Line {
    vec![if passed { Span::Mark(Tone::Good, "✓") } else { Span::Mark(Tone::Bad, "✗") }]
}

/// Who, and who asserts it: nobody has proven a name that was typed.
pub(super) fn who(who: &Who) -> Line {
    let how = match who.how {
        Assurance::Typed => format!(" (typed; asserted by OS user {})", who.os_user),
        Assurance::Asserted => format!(" (not typed; asserted by OS user {})", who.os_user),
        Assurance::Proof => return text("its proof"),
        Assurance::Demo => return text("the DEMO, not a person"),
        Assurance::Policy => return text("the plan"),
    };
    vec![Span::Text(who.name.clone()), Span::Text(how)]
}

pub(super) fn decision(what: Decision) -> &'static str {
    match what {
        Decision::Go => "go on",
        Decision::Retry => "try again",
        Decision::Skip => "leave it out",
        Decision::Override => "go on regardless",
        Decision::RollBack => "roll back",
        Decision::End => "end the run",
        Decision::Hold => "wait after the step that runs",
        Decision::Cancel => "cancel the statement that runs",
        Decision::RuledApplied => "it was applied",
        Decision::RuledNotApplied => "it was not applied",
    }
}

pub(super) fn hold(reason: &HoldReason) -> &'static str {
    match reason {
        HoldReason::Stepping => "for a go",
        HoldReason::Person => "for people",
        HoldReason::Failed => "a step failed",
        HoldReason::Unverified => "a checkpoint failed",
        HoldReason::UndoFailed => "an undo failed",
        HoldReason::Unknown => "an outcome wasn't known",
        HoldReason::Asked => "somebody asked for it",
        HoldReason::Breached => "a watch was breached",
        HoldReason::LockLost => "the lock was lost",
        HoldReason::HalfApplied => "a file was half applied",
        HoldReason::RolledBackTo => "rolled back as far as asked",
        HoldReason::Irreversible => "before what can't be taken back",
        HoldReason::Reopened => "opened again to go back",
    }
}

pub(super) fn deviation(kind: DeviationKind) -> &'static str {
    match kind {
        DeviationKind::Noted => "noted",
        DeviationKind::Late => "late",
        DeviationKind::Skipped => "left out",
        DeviationKind::Assumed => "assumed",
        DeviationKind::Overridden => "overridden",
        DeviationKind::PassedOver => "passed over",
        DeviationKind::PastReturn => "no way back",
        DeviationKind::Ruled => "ruled",
        DeviationKind::NoLedger => "no ledger",
        DeviationKind::Despite => "in spite of changes",
    }
}

/// What the plan says of the time: `09:00, at most 5min`.
pub(super) fn planned(planned: &PlannedTime, clock: &Clock) -> String {
    let mut parts: Vec<String> = Vec::new();
    match (&planned.starts, planned.at) {
        (Some(starts), _) => parts.push(starts.clone()),
        (None, Some(at)) => parts.push(format!("about {}", clock.minute(at))),
        (None, None) => {}
    }
    match (planned.from_ms, planned.to_ms) {
        (Some(from), Some(to)) => parts.push(format!("{} to {}", took(from), took(to))),
        (None, Some(to)) => parts.push(format!("at most {}", took(to))),
        _ => {}
    }
    parts.join(", ")
}

/// How what happened stands to what was planned: `12:41 late, 3.2 s over`.
pub(super) fn against(planned: &PlannedTime, elapsed_ms: u64) -> Line {
    let mut parts: Vec<Span> = Vec::new();
    let mut say = |tone, words: String| {
        if !parts.is_empty() {
            parts.push(Span::Text(", ".into()));
        }
        if tone == Tone::Warn {
            parts.push(Span::Mark(Tone::Warn, "!"));
            parts.push(Span::Text(" ".into()));
        }
        parts.push(Span::Text(words));
    };
    match planned.late_ms {
        Some(ms) if ms >= 60_000 => say(Tone::Warn, format!("{} late", took(ms.unsigned_abs()))),
        Some(ms) if ms <= -60_000 => say(Tone::Plain, format!("{} early", took(ms.unsigned_abs()))),
        Some(_) => say(Tone::Plain, "on time".to_owned()),
        None => {}
    }
    match (planned.from_ms, planned.to_ms) {
        (_, Some(to)) if elapsed_ms > to => say(Tone::Warn, format!("{} over", took(elapsed_ms - to))),
        (Some(from), _) if elapsed_ms < from => say(Tone::Warn, format!("{} under", took(from - elapsed_ms))),
        (_, Some(_)) => say(Tone::Plain, "within".to_owned()),
        _ => {}
    }
    parts
}

pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Run => "a run on a real database",
        Mode::Demo => {
            "a demo, on a private server that went with it; what people are asked for it answered itself"
        }
    }
}

/// A digest: its first figures are enough to compare by eye.
pub(super) fn digest(digest: &str) -> Line {
    code(digest.to_owned())
}

/// The title of a step, and its id.
pub(super) fn step(report: &Report, id: &str) -> Line {
    let steps = report.phases.iter().chain(&report.procedures).flat_map(|phase| &phase.steps);
    match steps.into_iter().find(|step| step.id == id) {
        Some(step) if step.title == id => text(id),
        Some(step) => joined([text(step.title.clone()), text(" "), code(id)]),
        None => code(id),
    }
}

/// As [`step`], where there may be none.
pub(super) fn step_or_run(report: &Report, id: Option<&str>) -> Line {
    id.map_or_else(|| text("the run"), |id| step(report, id))
}
