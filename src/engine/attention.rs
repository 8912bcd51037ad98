//! What may interrupt work that is under way: a cancel, a signal, a lost lock, or the word to hold.
//!
//! A task routes wishes: those that concern the statement that runs act at once, all others wait for
//! the conductor.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, watch};

use super::progress::Gauge;
use super::recorder::Wishes;
use crate::run::command::{Command, Wish};
use crate::run::sample::{Doing, Reading};

/// Why running work is to be stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interruption {
    /// A person cancelled the statement.
    Cancelled,
    /// The process was told to end.
    Signal(String),
    /// The control session is gone, and with it the lock.
    LockLost(String),
}

/// The conductor's ear.
#[derive(Debug)]
pub struct Attention {
    wishes: mpsc::UnboundedReceiver<Command>,
    cancel: watch::Receiver<u64>,
    hold: watch::Receiver<bool>,
    hold_set: watch::Sender<bool>,
    signal: watch::Receiver<Option<String>>,
    lost: watch::Receiver<Option<String>>,
    /// What the work session does, for those who look on: the latest counts, nothing is journaled.
    pub doing: watch::Sender<Option<Doing>>,
    /// The last samples of what is watched, by id.
    pub readings: watch::Sender<BTreeMap<String, Reading>>,
    /// Sessions of others that are to be ended, for whoever does that.
    pub backends: Option<mpsc::UnboundedReceiver<Command>>,
    /// How far the script is that runs.
    pub gauge: Gauge,
}

impl Attention {
    /// Starts the routing task.
    #[must_use]
    pub fn start(
        mut wishes: Wishes,
        signal: watch::Receiver<Option<String>>,
        lost: watch::Receiver<Option<String>>,
    ) -> Self {
        let (forward, wishes_out) = mpsc::unbounded_channel();
        let (cancel_set, cancel) = watch::channel(0);
        let (hold_set, hold) = watch::channel(false);
        let hold_in = hold_set.clone();
        let (others, backends) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(command) = wishes.recv().await {
                match command.what {
                    Wish::Cancel => cancel_set.send_modify(|count| *count += 1),
                    Wish::Hold => drop(hold_in.send(true)),
                    // Whoever is to be rid of may be what the conductor waits for.
                    Wish::EndBackend { .. } => drop(others.send(command)),
                    Wish::Note { .. } | Wish::Look { .. } => {}
                    _ => {
                        if forward.send(command).is_err() {
                            return;
                        }
                    }
                }
            }
        });
        Self {
            wishes: wishes_out,
            cancel,
            hold,
            hold_set,
            signal,
            lost,
            doing: watch::channel(None).0,
            readings: watch::channel(BTreeMap::new()).0,
            backends: Some(backends),
            gauge: Gauge::default(),
        }
    }

    /// Forgets cancels of statements that are over.
    pub fn begin_work(&mut self) {
        self.cancel.mark_unchanged();
    }

    /// Whether somebody asked to hold; asking takes the wish.
    pub fn take_hold(&mut self) -> bool {
        let asked = *self.hold.borrow();
        if asked {
            let _ = self.hold_set.send(false);
        }
        asked
    }

    /// The interruption that stands already.
    #[must_use]
    pub fn standing(&self) -> Option<Interruption> {
        if let Some(why) = self.lost.borrow().clone() {
            return Some(Interruption::LockLost(why));
        }
        if let Some(signal) = self.signal.borrow().clone() {
            return Some(Interruption::Signal(signal));
        }
        self.cancel.has_changed().unwrap_or(false).then_some(Interruption::Cancelled)
    }

    /// Waits for an interruption.
    pub async fn interrupted(&mut self) -> Interruption {
        loop {
            if let Some(interruption) = self.standing() {
                self.cancel.mark_unchanged();
                return interruption;
            }
            // A closed channel never changes again; the others still may.
            tokio::select! {
                Ok(()) = self.lost.changed() => {}
                Ok(()) = self.signal.changed() => {}
                Ok(()) = self.cancel.changed() => return Interruption::Cancelled,
                else => std::future::pending().await,
            }
        }
    }

    /// The next wish for the conductor, or an interruption that ends the waiting.
    ///
    /// # Errors
    /// The interruption.
    pub async fn wish(&mut self) -> Result<Command, Interruption> {
        loop {
            if let Some(interruption) = self.standing() {
                if interruption != Interruption::Cancelled {
                    return Err(interruption);
                }
                self.cancel.mark_unchanged();
            }
            tokio::select! {
                biased;
                Ok(()) = self.lost.changed() => {}
                Ok(()) = self.signal.changed() => {}
                wish = self.wishes.recv() => match wish {
                    Some(wish) => return Ok(wish),
                    None => return Err(Interruption::Signal("the end of the program".into())),
                },
            }
        }
    }

    /// Takes the new control session's word for the lock.
    pub fn watch_lock(&mut self, lost: watch::Receiver<Option<String>>) {
        self.lost = lost;
    }
}
