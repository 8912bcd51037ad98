//! Work that takes as long as a database is large, and only reads: it says how far it is, and who interrupts it isn't
//! made to wait for its end.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::artifacts::unwritten;
use super::backup::{Failed, mb};
use crate::engine::attention::Interruption;
use crate::engine::conductor::Conductor;
use crate::engine::digests::hex;
use crate::engine::problems;
use crate::engine::stop::Stop;

/// How often it is said how far it is.
pub(super) const EVERY: Duration = Duration::from_secs(10);

impl Conductor {
    /// Waits for it, unless somebody interrupts: then it is dropped where it is. Whatever works on outside, a query, a
    /// thread, is the caller's to end.
    pub(super) async fn patiently<T>(
        &mut self,
        id: &str,
        words: impl Fn() -> String,
        work: impl Future<Output = T>,
    ) -> Result<T, Interruption> {
        let says = self.says.clone();
        self.attention.begin_work();
        tokio::pin!(work);
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + EVERY, EVERY);
        loop {
            tokio::select! {
                done = &mut work => return Ok(done),
                _ = ticks.tick() => says.say(id, &words()),
                why = self.attention.interrupted() => return Err(why),
            }
        }
    }

    /// What an interruption means to a backup.
    pub(super) fn interrupted_by(&self, why: Interruption) -> Failed {
        let stopped: Result<(), Stop> = self.stop_for(why);
        stopped.map_or_else(Failed::from, |()| problems::plain("cancelled by a person").into())
    }

    /// Size and SHA-256 of a file.
    pub(super) async fn digest_of(&mut self, id: &str, path: &Path) -> Result<(u64, String), Failed> {
        let (far, left) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let whole = path.metadata().map_or(0, |file| file.len());
        let words = || format!("its SHA-256: {} of {} read", mb(far.load(Ordering::Relaxed)), mb(whole));
        self.says.say(id, &words());
        let hashing = tokio::task::spawn_blocking({
            let (path, far, left) = (path.to_owned(), Arc::clone(&far), Arc::clone(&left));
            move || digest(&path, &far, &left)
        });
        match self.patiently(id, words, hashing).await {
            Ok(done) => done
                .unwrap_or_else(|error| Err(io::Error::other(error)))
                .map_err(|error| unwritten(path, &error).into()),
            Err(why) => {
                left.store(true, Ordering::Relaxed);
                Err(self.interrupted_by(why))
            }
        }
    }
}

/// Reads it in pieces, and says after each how far it is, until it is left.
fn digest(path: &Path, far: &AtomicU64, left: &AtomicBool) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut sha, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; 1 << 20]);
    while !left.load(Ordering::Relaxed) {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((bytes, hex(&sha.finalize())));
        }
        sha.update(&piece[..read]);
        bytes += read as u64;
        far.store(bytes, Ordering::Relaxed);
    }
    Err(io::Error::from(io::ErrorKind::Interrupted))
}
