//! How far a script is, as a line.

use crate::run::sample::Progress;
use crate::text::words::{count, size, took};

/// `1.2 GB of 5.0 GB read (24 %), 31 MB a second; 12 000 statements, 1 200 000 rows, after 0:40`. The rate
/// is that since `before`.
#[must_use]
pub fn progress(now: &Progress, before: Option<&Progress>) -> String {
    let (bytes, ms) = before.map_or((0, 0), |before| (before.bytes, before.elapsed_ms));
    let passed = now.elapsed_ms.saturating_sub(ms).max(1);
    let rate = now.bytes.saturating_sub(bytes).saturating_mul(1000) / passed;
    // 100 only when it is all.
    let percent = if now.of == 0 { 100 } else { (u128::from(now.bytes) * 100 / u128::from(now.of)).min(100) };
    format!(
        "{} of {} read ({percent} %), {} a second; {}, {}, after {}",
        size(now.bytes),
        size(now.of),
        size(rate),
        count(now.statements, "statement"),
        count(now.rows, "row"),
        took(now.elapsed_ms)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_bytes_of_all_rate_and_figures() {
        let at = |elapsed_ms, bytes, statements| Progress {
            step: "a".into(),
            elapsed_ms,
            bytes,
            of: 5_000_000_000,
            statements,
            rows: 10 * statements,
        };
        let (before, now) = (at(30_000, 890_000_000, 9_000), at(40_000, 1_200_000_000, 12_000));
        assert_eq!(
            progress(&now, Some(&before)),
            "1.2 GB of 5.0 GB read (24 %), 31 MB a second; 12 000 statements, 120 000 rows, after 40.0 s"
        );
        assert!(progress(&at(1, 4_999_999_999, 1), None).starts_with("4.9 GB of 5.0 GB read (99 %)"));
    }
}
