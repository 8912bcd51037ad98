//! What `snapshot` prints.

use std::collections::BTreeMap;

use super::sheet::Sheet;
use super::style::Style;
use crate::plan::model::Kind;
use crate::text::scrub;
use crate::text::words::{count, number, unsigned};

/// A snapshot, as far as it is printed.
#[derive(Debug)]
pub struct SnapshotLines {
    pub source: String,
    pub user: String,
    pub taken_at: jiff::Timestamp,
    pub counts: BTreeMap<Kind, u64>,
    pub objects: usize,
    pub fingerprint: String,
    /// Tables whose rows are in it, with how many there are.
    pub rows: Vec<(String, u64)>,
    pub covers: Vec<String>,
    pub not_covered: Vec<String>,
    /// Where it was written.
    pub file: Option<String>,
}

/// The lines of a snapshot.
#[must_use]
pub fn snapshot_lines(snapshot: &SnapshotLines, style: &Style) -> Vec<String> {
    let mut sheet = Sheet::new(style);
    let zone = style.timezone.clone().unwrap_or_else(jiff::tz::TimeZone::system);
    let at = snapshot.taken_at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
    sheet.label("database", &format!("{}, as {}", snapshot.source, snapshot.user));
    sheet.label("taken", &at);
    let mut counts = Vec::new();
    for (kind, n) in &snapshot.counts {
        let word = kind.word();
        match kind {
            Kind::Size => sheet.label("size", &bytes(*n)),
            // What is wrong only where something is.
            Kind::UnvalidatedConstraints | Kind::InvalidIndexes | Kind::DisabledTriggers if *n == 0 => {}
            _ => counts.push(format!("{word} {}", unsigned(*n))),
        }
    }
    sheet.label("objects", &counts.join(", "));
    let (short, objects) = (snapshot.fingerprint.get(..16).unwrap_or_default(), snapshot.objects as u64);
    sheet.label("schema", &format!("sha256 {short}…, over {}", count(objects, "definition")));
    for (table, rows) in &snapshot.rows {
        let rows = number(i64::try_from(*rows).unwrap_or(i64::MAX));
        sheet.label("rows", &format!("{}: {rows}", scrub::line(table)));
    }
    sheet.label("covers", &snapshot.covers.join(", "));
    sheet.label("not", &snapshot.not_covered.join(", "));
    if let Some(file) = &snapshot.file {
        sheet.label("written", file);
    }
    sheet.lines
}

fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (n, 0);
    while value >= 10_240 && unit + 1 < UNITS.len() {
        value /= 1024;
        unit += 1;
    }
    format!("{} {}", unsigned(value), UNITS[unit])
}
