//! The server's process, and the thread that it hangs on.
//!
//! PR_SET_PDEATHSIG follows the spawning thread, not the process. So one thread spawns the server, waits
//! for its end, and does nothing else; it also is the only one that signals it, so a signal never meets
//! another process that got the same id.

use std::io;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How the process ended, once it has.
#[derive(Default)]
struct End {
    status: Mutex<Option<String>>,
    changed: Condvar,
}

pub(super) struct Process {
    pid: u32,
    signals: Sender<Signal>,
    end: Arc<End>,
}

impl Process {
    pub(super) fn spawn(mut command: Command) -> io::Result<Self> {
        let (signals, orders) = mpsc::channel();
        let (started, start) = mpsc::channel();
        let end = Arc::new(End::default());
        let seen = Arc::clone(&end);
        std::thread::Builder::new().name("private server".to_owned()).spawn(move || {
            let mut child = match command.spawn() {
                Ok(child) => child,
                Err(error) => return drop(started.send(Err(error))),
            };
            let _ = started.send(Ok(child.id()));
            drop(started);
            let mut patience = Duration::from_millis(100);
            let status = loop {
                match child.try_wait() {
                    Ok(None) => {}
                    Ok(Some(status)) => break status.to_string(),
                    Err(error) => break error.to_string(),
                }
                match orders.recv_timeout(patience) {
                    Ok(signal) => {
                        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
                        let _ = kill(pid, signal);
                        patience = Duration::from_millis(5);
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    // Nobody can signal any more (the server is kept); just stay for its end.
                    Err(RecvTimeoutError::Disconnected) => std::thread::sleep(patience),
                }
            };
            *seen.status.lock().unwrap_or_else(PoisonError::into_inner) = Some(status);
            seen.changed.notify_all();
        })?;
        let pid = start.recv().map_err(io::Error::other)??;
        Ok(Self { pid, signals, end })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended; `None` while it runs.
    pub(super) fn ended(&self) -> Option<String> {
        self.end.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fast shutdown; a server that doesn't follow within `patience` seconds is made to. (One that is
    /// just recovering from a crash now and then takes its time.)
    pub(super) fn stop(&self, patience: u64) {
        for (signal, patience) in [(Signal::SIGINT, patience), (Signal::SIGQUIT, 5), (Signal::SIGKILL, 5)] {
            if self.signals.send(signal).is_err() || self.wait(Duration::from_secs(patience)) {
                return;
            }
        }
    }

    fn wait(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut status = self.end.status.lock().unwrap_or_else(PoisonError::into_inner);
        while status.is_none() {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return false };
            status = self.end.changed.wait_timeout(status, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}
