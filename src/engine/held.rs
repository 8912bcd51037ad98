//! What holds although a script may touch it: the mark of our transaction, and lock_timeout.

use std::time::Duration;

use super::heard::Broken;
use super::stream::Stream;
use super::unit::own;

impl Stream<'_> {
    /// Whether the nonce still stands. By SHOW, which takes no snapshot: SET TRANSACTION may follow.
    pub(super) async fn is_ours(&mut self) -> Result<bool, Broken> {
        let Some(nonce) = self.nonce.clone() else { return Ok(false) };
        let rows = self.work.query("SHOW holdpoint.tx", &[]).await.map_err(|error| self.broken(error))?;
        Ok(rows.scalar() == Some(nonce.as_str()))
    }

    /// A script may lower lock_timeout and not lift it: every pg_dump sets it to 0. Without a query, so
    /// that SET TRANSACTION may still follow.
    ///
    /// # Errors
    /// As [`Self::all`].
    pub async fn assert_lock_timeout(&mut self) -> Result<(), Broken> {
        let rows = self.work.query("SHOW lock_timeout", &[]).await.map_err(|error| self.broken(error))?;
        let now = rows.scalar().and_then(shown_duration);
        if now.is_some_and(|now| !now.is_zero() && now <= self.lock_timeout) {
            return Ok(());
        }
        let sql = format!("SET lock_timeout = '{}ms'", self.lock_timeout.as_millis());
        own(self.work, &sql).await.map(drop).map_err(|error| self.broken(error))
    }
}

/// A setting's duration as SHOW has it: `0`, `250ms`, `5s`, `2min`.
fn shown_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let ms = match unit {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(ms).map(Duration::from_millis)
}
