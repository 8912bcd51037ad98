//! How far a script has come: figures that are overwritten, never journaled, and cost nothing to keep.

use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::run::sample::Progress;

/// Bytes read and statements answered of the script that runs. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<Figures>);

#[derive(Debug, Default)]
struct Figures {
    /// The step and when its script was begun; `None` between scripts.
    running: Mutex<Option<(String, Instant)>>,
    bytes: AtomicU64,
    /// Size of all files that were opened so far.
    of: AtomicU64,
    statements: AtomicU64,
    rows: AtomicU64,
}

/// As long as it lives a script is running.
#[derive(Debug)]
pub(super) struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        *self.0.running() = None;
    }
}

impl Gauge {
    fn running(&self) -> std::sync::MutexGuard<'_, Option<(String, Instant)>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A script of this step begins: what is opened from now on is its.
    pub(super) fn begin(&self, step: &str) -> Running {
        let figures = &self.0;
        for figure in [&figures.bytes, &figures.of, &figures.statements, &figures.rows] {
            figure.store(0, Ordering::Relaxed);
        }
        *self.running() = Some((step.to_owned(), Instant::now()));
        Running(self.clone())
    }

    /// The server has answered a statement.
    pub(super) fn answered(&self, rows: u64) {
        self.0.statements.fetch_add(1, Ordering::Relaxed);
        self.0.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Counts what is read of a file of this size.
    pub(super) fn counted<R: Read>(&self, reader: R, size: u64) -> Counted<R> {
        self.0.of.fetch_add(size, Ordering::Relaxed);
        Counted { reader, gauge: self.clone() }
    }

    /// How far it is; `None` when no script runs.
    #[must_use]
    pub fn sample(&self) -> Option<Progress> {
        let (step, since) = self.running().clone()?;
        let figures = &self.0;
        Some(Progress {
            step,
            elapsed_ms: super::unit::millis(since.elapsed()),
            bytes: figures.bytes.load(Ordering::Relaxed),
            of: figures.of.load(Ordering::Relaxed),
            statements: figures.statements.load(Ordering::Relaxed),
            rows: figures.rows.load(Ordering::Relaxed),
        })
    }
}

/// A reader whose bytes are counted.
pub(super) struct Counted<R> {
    reader: R,
    gauge: Gauge,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer)?;
        self.gauge.0.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
