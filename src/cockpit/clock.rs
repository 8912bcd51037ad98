//! Times: what the clock says, what was planned, what is left of the window.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::state::State;
use crate::text::words::took;

/// The clock where the plan is.
#[must_use]
pub fn time(state: &State) -> String {
    at(state, state.now)
}

/// A moment, by that clock.
#[must_use]
pub fn at(state: &State, moment: jiff::Timestamp) -> String {
    moment.to_zoned(state.zone.clone()).strftime("%H:%M:%S").to_string()
}

/// Since the run was opened; stands still when it is over.
#[must_use]
pub fn elapsed_ms(state: &State) -> Option<u64> {
    let opened = state.run().opened_at?;
    let until = match &state.over {
        Some(_) => state.run().last_at.unwrap_or(state.now),
        None => state.now,
    };
    u64::try_from(until.duration_since(opened).as_millis()).ok()
}

/// What all phases (or their steps) were planned to take, as far as the plan says.
#[must_use]
pub fn planned(state: &State) -> Option<Duration> {
    let of_phase = |phase: &crate::plan::model::Phase| -> Option<Duration> {
        if let Some(takes) = &phase.takes {
            return Some(takes.to);
        }
        let steps: Vec<Duration> =
            phase.steps.iter().filter_map(|step| Some(step.takes.as_ref()?.to)).collect();
        (!steps.is_empty()).then(|| steps.iter().sum())
    };
    let all: Vec<Duration> = state.plan().phases.iter().filter_map(of_phase).collect();
    (!all.is_empty()).then(|| all.iter().sum())
}

/// `planned 11:00 (+1:41)`, once the plan says anything.
#[must_use]
pub fn against_plan(state: &State) -> Option<String> {
    let planned = u64::try_from(planned(state)?.as_millis()).ok()?;
    let words = format!("planned {}", took(planned));
    let over = elapsed_ms(state).filter(|elapsed| *elapsed > planned);
    Some(match over {
        Some(elapsed) => format!("{words} (+{})", took(elapsed - planned)),
        None => words,
    })
}

/// What is left of the plan's window, and whether that is little or nothing.
#[must_use]
pub fn window(state: &State) -> Option<(String, bool)> {
    const LITTLE_MS: i64 = 15 * 60 * 1000;
    let window = state.plan().window.as_ref()?;
    let zone = match &window.timezone {
        Some(name) => TimeZone::get(name).ok()?,
        None => state.zone.clone(),
    };
    let at = |moment: jiff::civil::DateTime| zone.to_timestamp(moment).ok();
    let (from, to) = (at(window.from)?, at(window.to)?);
    let ms = |later: jiff::Timestamp, earlier: jiff::Timestamp| {
        i64::try_from(later.duration_since(earlier).as_millis()).unwrap_or(i64::MAX)
    };
    let words = |ms: i64| took(u64::try_from(ms).unwrap_or_default());
    if state.now < from {
        return Some((format!("window begins in {}", words(ms(from, state.now))), true));
    }
    let left = ms(to, state.now);
    if left <= 0 {
        return Some((format!("window over for {}", words(-left)), true));
    }
    Some((format!("window ends in {}", words(left)), left < LITTLE_MS))
}
