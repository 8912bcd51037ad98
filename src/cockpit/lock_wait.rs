//! A step that waits for a lock: for which, held by whom, and the how manieth try that is.
//!
//! While a try lasts the monitor sees it; between two tries nothing runs and nothing is seen, and what
//! counts is what the journal says of the last one.

use super::state::State;
use crate::run::event::Blocker;
use crate::run::sample::Sighting;
use crate::run::state::{UnitPhase, UnitState};
use crate::text::words::{open_for, took};

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockWait<'a> {
    /// The table, when it is known.
    pub on: Option<&'a str>,
    /// Who has it.
    pub by: &'a [Blocker],
    /// How long ago they were looked at.
    ago_ms: u64,
    /// The how manieth try, of how many; without a unit nobody counts.
    tries: Option<(u32, u32)>,
    /// That try was given up, and until the next one.
    pub next_ms: Option<u64>,
}

/// What the step under way waits for, if it does.
#[must_use]
pub fn lock_wait(state: &State) -> Option<LockWait<'_>> {
    let run = state.run();
    if state.over.is_some() || run.is_holding() {
        return None;
    }
    let step = run.current_step().filter(|step| step.status.is_moving() && !step.broken_off)?;
    let units = step.units_of(step.direction());
    if let Some(unit) = units.in_phase(UnitPhase::Waiting) {
        let wait = unit.lock_wait.as_ref()?;
        let ago_ms = u64::try_from(state.now.duration_since(wait.since).as_millis()).unwrap_or_default();
        return Some(LockWait {
            on: wait.blockers.iter().find_map(|by| by.relation.as_deref()),
            by: &wait.blockers,
            ago_ms,
            tries: Some((unit.attempt, wait.retries + 1)),
            next_ms: Some(wait.pause_ms.saturating_sub(ago_ms)),
        });
    }
    let seen = state.seen.as_ref().filter(|seen| waits(seen))?;
    let wanted = seen.locks.iter().find(|lock| !lock.granted).map(|lock| lock.relation.as_str());
    let planned = state.find(&step.id).map(|(_, step)| step.lock_retries + 1);
    let tries = |unit: &UnitState| {
        // One that psql runs, or that is counted over several processes, has its own count.
        let of = planned.filter(|of| unit.runner.is_none() && unit.attempt <= *of)?;
        Some((unit.attempt, of))
    };
    Some(LockWait {
        on: wanted.or_else(|| seen.blockers.iter().find_map(|by| by.relation.as_deref())),
        by: &seen.blockers,
        ago_ms: 0,
        tries: units.open().and_then(tries),
        next_ms: None,
    })
}

fn waits(seen: &Sighting) -> bool {
    !seen.blockers.is_empty() || seen.waits.as_ref().is_some_and(|waits| waits.starts_with("Lock: "))
}

impl LockWait<'_> {
    /// In words, the most that has room in so many columns.
    #[must_use]
    pub fn words(&self, columns: usize) -> String {
        let forms = [self.full(), self.shorter(true), self.shorter(false), self.shortest()];
        let fits = |words: &&String| crate::text::columns::width(words) <= columns;
        forms.iter().find(fits).unwrap_or(&forms[3]).clone()
    }

    /// `waits for a lock on t, held by pid 4711 (app, idle in transaction 00:41), try 3 of 6 gave up, next
    /// try in 2.0 s`
    #[must_use]
    pub fn full(&self) -> String {
        let on = self.on.map(|on| format!(" on {on}")).unwrap_or_default();
        let by = self.by.first().map(|by| format!(", held by {}", self.who(by))).unwrap_or_default();
        let more = match self.by.len() {
            0 | 1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        let tries = match (self.tries, self.next_ms) {
            (Some((nth, of)), None) => format!(", try {nth} of {of}"),
            (Some((nth, of)), Some(ms)) => format!(", try {nth} of {of} gave up, next try in {}", took(ms)),
            (None, _) => String::new(),
        };
        format!("waits for a lock{on}{by}{more}{tries}")
    }

    fn shorter(&self, names_it: bool) -> String {
        let Some(by) = self.by.first() else { return self.full() };
        let on = self.on.filter(|_| names_it).map(|on| format!(" has {on}"));
        let on = on.unwrap_or_else(|| " has the lock".to_owned());
        let open = self.open_ms(by).map(|ms| format!(" {}", open_for(ms))).unwrap_or_default();
        let who = if by.application.is_empty() { &by.user } else { &by.application };
        format!("pid {} ({who}{open}){on}{}", by.pid, self.tries_in_short())
    }

    fn shortest(&self) -> String {
        let by = self.by.first().map_or_else(|| "waits".to_owned(), |by| format!("lock: pid {}", by.pid));
        format!("{by}{}", self.tries_in_short())
    }

    fn tries_in_short(&self) -> String {
        match (self.tries, self.next_ms) {
            (Some((nth, of)), None) => format!(" · try {nth} of {of}"),
            (Some((nth, of)), Some(ms)) => format!(" · try {} of {of} in {}", (nth + 1).min(of), took(ms)),
            (None, _) => String::new(),
        }
    }

    /// `pid 4711 (app, idle in transaction 00:41)`
    fn who(&self, by: &Blocker) -> String {
        let name = if by.application.is_empty() { &by.user } else { &by.application };
        let open = self.open_ms(by).map(|ms| format!(" {}", open_for(ms))).unwrap_or_default();
        // A prepared transaction has no process.
        if by.pid == 0 {
            return format!("a prepared transaction ({name}{open})");
        }
        format!("pid {} ({name}, {}{open})", by.pid, by.state)
    }

    fn open_ms(&self, by: &Blocker) -> Option<u64> {
        by.since_ms.map(|ms| ms.saturating_add(self.ago_ms))
    }
}
