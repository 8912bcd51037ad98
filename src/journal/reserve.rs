//! A bit of disk kept back, for the last words on a full disk.
//!
//! When there is no space left, the reserve is deleted, and lines that report what has happened
//! (applied, failed, held, left, …) still fit. Lines that announce something new are refused from
//! then on, until the reserve could be laid by again.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::run::event::Event;

const SIZE: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    there: bool,
}

impl Reserve {
    /// Lays it by if it can; a disk that is full already shows at the first line.
    pub(super) fn new(path: &Path) -> Self {
        let mut reserve = Self { path: path.to_owned(), there: false };
        reserve.lay_by();
        reserve
    }

    /// Whether there is one.
    pub(super) fn is_there(&self) -> bool {
        self.there
    }

    pub(super) fn lay_by(&mut self) -> bool {
        if !self.there {
            self.there = match self.write() {
                Ok(()) => true,
                Err(_) => {
                    self.give_up();
                    false
                }
            };
        }
        self.there
    }

    /// Random bytes, synced: a file system that compresses or allocates late must have kept the space.
    fn write(&self) -> std::io::Result<()> {
        if std::fs::metadata(&self.path).is_ok_and(|meta| meta.len() == SIZE as u64) {
            return Ok(());
        }
        let mut noise = vec![0_u8; SIZE];
        rand::fill(&mut noise[..]);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.path)?;
        file.write_all(&noise)?;
        file.sync_all()
    }

    /// Gives the space back.
    pub(super) fn give_up(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        self.there = false;
    }
}

/// Whether the event only reports what has happened, so that the truth needs it even on a full disk;
/// the others announce something that can as well not be begun.
pub(super) fn is_report(event: &Event) -> bool {
    matches!(
        event,
        Event::UnitApplied { .. }
            | Event::UnitFailed { .. }
            | Event::UnitUnknown { .. }
            | Event::UnitReconciled { .. }
            | Event::LockRetry { .. }
            | Event::StepApplied { .. }
            | Event::StepVerified { .. }
            | Event::StepUnverified { .. }
            | Event::StepFailed { .. }
            | Event::StepUndone { .. }
            | Event::Held { .. }
            | Event::Interrupted { .. }
            | Event::Left { .. }
            | Event::Ended { .. }
    )
}
