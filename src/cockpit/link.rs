//! How the command line reaches the cockpit: facts in their order, samples as the latest of each.
//!
//! Facts are as many as the disk takes and none is lost. Samples may come fifty thousand a second: they
//! go into a bounded place, and the cockpit is woken once for all that has gathered there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use super::message::{LetGo, Msg};
use super::state::{Company, Said};
use crate::run::activity::Activity;
use crate::run::command::Command;
use crate::run::outlook::LookBack;
use crate::run::sample::{Doing, Reading, Sighting};

/// Lines of output that wait for a frame.
const WAITING: usize = 2_000;
/// A line longer than this isn't read on a screen.
const LINE: usize = 4_000;

/// What the cockpit asks for.
#[derive(Debug)]
pub enum Request {
    /// Judged by the engine; the answer comes as a message with this number.
    Command(u64, Command),
    /// Let go of the run at the next safe point, now.
    Detach(LetGo),
    /// Look at this rollback from now on, and say what is found out about it.
    LookBack(Option<LookBack>),
    /// A query of the console; the answer comes as a message with this number.
    Look(u64, String),
    /// Cancel the query that runs.
    StopLook,
    /// Look at the server, or not any more.
    Watch(bool),
}

/// The command line's end; clones share it.
#[derive(Debug, Clone)]
pub struct Link {
    inbox: Sender<Msg>,
    samples: Arc<Samples>,
}

/// What is overwritten.
#[derive(Debug, Default)]
pub struct Samples {
    latest: Mutex<Latest>,
    woken: AtomicBool,
}

/// What has gathered since it was taken last.
#[derive(Debug, Default)]
pub struct Latest {
    pub output: VecDeque<Said>,
    /// Lines that found no room.
    pub lost: u64,
    pub doing: Option<Option<Doing>>,
    pub seen: Option<Option<Sighting>>,
    pub readings: Option<BTreeMap<String, Reading>>,
    pub company: Option<Company>,
    pub activity: Option<Option<Arc<Activity>>>,
}

/// Both ends.
#[must_use]
pub fn link() -> (Link, Receiver<Msg>, Arc<Samples>) {
    let (inbox, messages) = channel();
    let samples = Arc::new(Samples::default());
    (Link { inbox, samples: Arc::clone(&samples) }, messages, samples)
}

impl Link {
    /// Says something; `false` when the cockpit is closed.
    pub fn send(&self, message: Msg) -> bool {
        self.inbox.send(message).is_ok()
    }

    /// Output of a step, and the event that it was said after.
    pub fn output(&self, step: &str, after: u64, line: &str) {
        let end = line.char_indices().nth(LINE).map_or(line.len(), |(at, _)| at);
        self.put(|latest| {
            for line in line[..end].lines() {
                if latest.output.len() == WAITING {
                    latest.output.pop_front();
                    latest.lost += 1;
                }
                latest.output.push_back(Said { step: step.to_owned(), after, line: line.to_owned() });
            }
        });
    }

    /// The statement that runs.
    pub fn doing(&self, doing: Option<Doing>) {
        self.put(|latest| latest.doing = Some(doing));
    }

    /// The work session, as seen from outside.
    pub fn seen(&self, seen: Option<Sighting>) {
        self.put(|latest| latest.seen = Some(seen));
    }

    /// What is watched.
    pub fn readings(&self, readings: BTreeMap<String, Reading>) {
        self.put(|latest| latest.readings = Some(readings));
    }

    /// Who is attached to the terminal session.
    pub fn company(&self, company: Company) {
        self.put(|latest| latest.company = Some(company));
    }

    /// The whole server.
    pub fn activity(&self, activity: Option<Arc<Activity>>) {
        self.put(|latest| latest.activity = Some(activity));
    }

    fn put(&self, change: impl FnOnce(&mut Latest)) {
        change(&mut self.samples.latest.lock().unwrap_or_else(PoisonError::into_inner));
        if !self.samples.woken.swap(true, Ordering::AcqRel) {
            self.send(Msg::Wake);
        }
    }
}

impl Samples {
    /// Takes what has gathered.
    pub fn take(&self) -> Latest {
        self.woken.store(false, Ordering::Release);
        std::mem::take(&mut *self.latest.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
