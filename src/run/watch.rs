//! Watches: what was seen of them, as events tell it. Single values are samples; a breach and the figures of a
//! phase are facts.

use serde::{Deserialize, Serialize};

use super::event::Person;
use crate::plan::expect::Verdict;

/// A watch didn't hold for as long as the plan allows; or a phase's statements took longer than its `within`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// The watch's id; of a phase's `within` the phase's and `/within`.
    pub watch: String,
    /// The phase's id.
    pub phase: String,
    pub title: String,
    /// The sample that made it a breach.
    pub verdict: Verdict,
    /// How long it hadn't held by then.
    pub lasting_ms: u64,
    /// What the plan says to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<String>,
}

/// What a phase's `within` is called among the watches: the plan's limit for its statements.
#[must_use]
pub fn within_of(phase: &str) -> String {
    format!("{phase}/within")
}

impl Breach {
    /// What is broken: a watch, or a phase's `within`.
    #[must_use]
    pub fn headline(&self) -> String {
        match self.watch == within_of(&self.phase) {
            true => format!("{} took longer than they may", self.title),
            false => format!("watch \"{}\" is breached", self.title),
        }
    }
}

/// What a watch saw, from the beginning of its phase (or since the run was taken up) to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchFigures {
    /// The watch's id.
    pub watch: String,
    /// The phase's id.
    pub phase: String,
    pub title: String,
    /// How often it was asked.
    pub samples: u64,
    /// Samples that didn't hold.
    pub failed: u64,
    /// How often it was breached.
    pub breaches: u32,
    /// The smallest value, where it gives numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// Likewise the largest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
    /// What the last sample gave.
    pub last: String,
    /// Whether the last sample held.
    pub holds: bool,
}

/// A watch over all of a run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WatchState {
    pub samples: u64,
    pub failed: u64,
    /// In order.
    pub breaches: Vec<Breach>,
    /// The last of them, which nobody has answered yet.
    pub open: bool,
    /// Who went on although it was breached, and why.
    pub accepted: Vec<(Person, String)>,
    /// Of the last time that its phase came to its end or was left.
    pub figures: Option<WatchFigures>,
}

impl WatchState {
    /// It was sampled to the end of its phase, and never breached.
    #[must_use]
    pub fn held(&self) -> bool {
        self.samples > 0 && self.breaches.is_empty()
    }
}
