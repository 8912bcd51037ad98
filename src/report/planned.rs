//! The timeline as the plan means it: when each phase and step was to begin, and how long it was to take.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::model::PlannedTime;
use crate::plan::model::{Plan, Takes};
use crate::run::event::Opened;

/// Planned times by the ids of phases and steps.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    pub phases: BTreeMap<String, PlannedTime>,
    pub steps: BTreeMap<String, PlannedTime>,
}

/// How far the plan's own clock has come. Not known before the first `starts`, and behind what has no duration.
struct Clock {
    zone: TimeZone,
    /// The plan's first day.
    first: Date,
    now: Option<DateTime>,
}

/// The plan's times on the day of its window, else on the day of the run.
pub(super) fn schedule(plan: &Plan, opened: &Opened, opened_at: Timestamp) -> Schedule {
    let named = plan.window.as_ref().and_then(|window| window.timezone.as_deref());
    let zone = words_zone(named.unwrap_or(&opened.timezone));
    let first = match &plan.window {
        Some(window) => window.from.date(),
        None => opened_at.to_zoned(zone.clone()).date(),
    };
    let mut clock = Clock { zone, first, now: None };
    let mut schedule = Schedule::default();
    for phase in &plan.phases {
        let begins = clock.begins(phase.starts.as_deref());
        schedule
            .phases
            .insert(phase.id.clone(), clock.planned(phase.starts.as_deref(), phase.takes.as_ref()));
        for step in &phase.steps {
            clock.begins(step.starts.as_deref());
            schedule
                .steps
                .insert(step.id.clone(), clock.planned(step.starts.as_deref(), step.takes.as_ref()));
            clock.goes_on(step.takes.as_ref());
        }
        if phase.takes.is_some() {
            clock.now = begins;
            clock.goes_on(phase.takes.as_ref());
        }
    }
    schedule
}

/// The zone of this name; one that isn't known here is UTC, and the page says which it is.
pub(super) fn words_zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

impl Clock {
    fn begins(&mut self, starts: Option<&str>) -> Option<DateTime> {
        if let Some(moment) = starts.and_then(|starts| self.moment(starts)) {
            self.now = Some(moment);
        }
        self.now
    }

    /// `09:00`, `day 2`, `day 2 09:00`; a time alone is of the day that it is by then.
    fn moment(&self, starts: &str) -> Option<DateTime> {
        let words: Vec<&str> = starts.split_whitespace().collect();
        let day = |n: &str| self.first.checked_add((n.parse::<i64>().ok()? - 1).days()).ok();
        match words.as_slice() {
            [time] => {
                let date = self.now.map_or(self.first, |now| now.date());
                Some(date.to_datetime(clock_time(time)?))
            }
            ["day", n] => Some(day(n)?.to_datetime(Time::midnight())),
            ["day", n, time] => Some(day(n)?.to_datetime(clock_time(time)?)),
            _ => None,
        }
    }

    fn planned(&self, starts: Option<&str>, takes: Option<&Takes>) -> PlannedTime {
        let zoned = self.now.and_then(|now| now.to_zoned(self.zone.clone()).ok());
        // A single figure is an upper bound.
        let range = takes.filter(|takes| takes.from != takes.to);
        PlannedTime {
            at: zoned.map(|zoned| zoned.timestamp()),
            starts: starts.map(str::to_owned),
            from_ms: range.map(|takes| ms(takes.from)),
            to_ms: takes.map(|takes| ms(takes.to)),
            late_ms: None,
        }
    }

    fn goes_on(&mut self, takes: Option<&Takes>) {
        self.now = match (self.now, takes) {
            (Some(now), Some(takes)) => {
                let ms = i64::try_from(takes.to.as_millis()).unwrap_or_default();
                now.checked_add(ms.milliseconds()).ok()
            }
            _ => None,
        };
    }
}

fn clock_time(text: &str) -> Option<Time> {
    let mut parts = text.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute) = (parts.next()??, parts.next()??);
    let second = parts.next().map_or(Some(0), |part| part)?;
    Time::new(hour, minute, second, 0).ok()
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(now: Option<&str>) -> Clock {
        let now = now.map(|now| now.parse().expect("a moment"));
        Clock { zone: TimeZone::UTC, first: "2026-02-06".parse().expect("a date"), now }
    }

    #[test]
    fn a_time_is_of_the_day_that_it_is_by_then() {
        let at = |now, starts| clock(now).moment(starts).map(|moment| moment.to_string());
        assert_eq!(at(None, "09:00").as_deref(), Some("2026-02-06T09:00:00"));
        assert_eq!(at(Some("2026-02-07T01:00:00"), "09:00:30").as_deref(), Some("2026-02-07T09:00:30"));
        assert_eq!(at(None, "day 3").as_deref(), Some("2026-02-08T00:00:00"));
        assert_eq!(at(None, "day 2 14:30").as_deref(), Some("2026-02-07T14:30:00"));
        assert_eq!(at(None, "soon"), None);
    }

    #[test]
    fn behind_what_has_no_duration_nothing_is_known() {
        let mut clock = clock(Some("2026-02-06T23:50:00"));
        let quarter = Takes { from: Duration::ZERO, to: Duration::from_secs(900) };
        clock.goes_on(Some(&quarter));
        assert_eq!(clock.now.map(|now| now.to_string()).as_deref(), Some("2026-02-07T00:05:00"));
        clock.goes_on(None);
        assert_eq!((clock.now, clock.planned(None, None)), (None, PlannedTime::default()));
    }
}
