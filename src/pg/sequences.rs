//! Where sequences stand. Apart from the fingerprint: nextval isn't taken back by any rollback, so a
//! value that moved on is a fact and no fault; one that went back gives out numbers a second time.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::measure::{MeasureError, PRELUDE, Pin, number, text};
use super::session::Session;
use crate::run::event::Residue;

/// As many are read by one query.
const AT_ONCE: usize = 200;
/// Tries against sequences that others drop meanwhile.
const TRIES: u32 = 10;

/// Under their qualified names.
pub type SequenceValues = BTreeMap<String, SequenceValue>;

/// The position of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceValue {
    pub last: i64,
    /// Whether `last` was given out; else it is the next one.
    pub called: bool,
    pub increment: i64,
}

impl SequenceValue {
    /// Whether a sequence that stood at `before` got here by being used.
    pub fn follows(&self, before: &Self) -> bool {
        let (then, now) = ((before.last, before.called), (self.last, self.called));
        if before.increment < 0 { (now.0, then.1) <= (then.0, now.1) } else { now >= then }
    }
}

impl fmt::Display for SequenceValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.called {
            write!(f, "last value {}", self.last)
        } else {
            write!(f, "not used yet, begins with {}", self.last)
        }
    }
}

/// What differs: sequences that went back, and those that merely moved on. One that came or went is a
/// matter of the schema.
pub fn compare(before: &SequenceValues, after: &SequenceValues) -> (Vec<Residue>, Vec<Residue>) {
    let (mut went_back, mut moved_on) = (Vec::new(), Vec::new());
    for (name, then) in before {
        let Some(now) = after.get(name) else { continue };
        if (then.last, then.called) == (now.last, now.called) {
            continue;
        }
        let residue = Residue {
            object: format!("value of sequence {name}"),
            before: Some(then.to_string()),
            after: Some(now.to_string()),
        };
        if now.follows(then) { moved_on.push(residue) } else { went_back.push(residue) }
    }
    (went_back, moved_on)
}

/// The position of every sequence that the role may read, under its qualified name.
pub async fn sequence_values(session: &mut Session) -> Result<SequenceValues, MeasureError> {
    let mut tries = 1;
    loop {
        let pin = Pin::begin(session).await?;
        let read = read(session).await;
        match pin.end(session, read).await {
            Err(error) if error.is_race() && tries < TRIES => tries += 1,
            other => return other,
        }
    }
}

/// Those that the role may not read.
pub async fn unreadable_sequences(session: &mut Session) -> Result<Vec<String>, MeasureError> {
    let sql = format!(
        "{PRELUDE} SELECT rel.name FROM rel \
         WHERE CASE rel.relkind WHEN 'S' THEN NOT has_sequence_privilege(rel.oid, 'SELECT') ELSE false END ORDER BY 1"
    );
    let pin = Pin::begin(session).await?;
    let rows = session.query(&sql, &[]).await.map_err(MeasureError::from);
    let rows = pin.end(session, rows).await?;
    rows.rows.iter().map(|row| text(row, 0).map(str::to_owned)).collect()
}

async fn read(session: &mut Session) -> Result<SequenceValues, MeasureError> {
    let sql = format!(
        "{PRELUDE} SELECT rel.name, s.seqincrement FROM rel JOIN pg_sequence s ON s.seqrelid = rel.oid \
         WHERE CASE rel.relkind WHEN 'S' THEN has_sequence_privilege(rel.oid, 'SELECT') ELSE false END ORDER BY 1"
    );
    let listed = session.query(&sql, &[]).await?;
    let mut names: Vec<(&str, i64)> = Vec::new();
    for row in &listed.rows {
        names.push((text(row, 0)?, number(row, 1)?));
    }
    let mut values = BTreeMap::new();
    for part in names.chunks(AT_ONCE) {
        // The name is the server's own, quoted where it must be.
        let each: Vec<String> = part
            .iter()
            .enumerate()
            .map(|(at, (name, _))| format!("SELECT {at}, last_value, is_called FROM {name}"))
            .collect();
        for row in &session.query(&each.join(" UNION ALL "), &[]).await?.rows {
            let at: usize = number(row, 0)?;
            let Some((name, increment)) = part.get(at) else { continue };
            let value =
                SequenceValue { last: number(row, 1)?, called: text(row, 2)? == "t", increment: *increment };
            values.insert((*name).to_owned(), value);
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forward_is_where_the_increment_leads() {
        let at = |last, called, increment| SequenceValue { last, called, increment };
        assert!(at(5, true, 1).follows(&at(5, true, 1)));
        assert!(at(6, true, 1).follows(&at(5, true, 1)));
        assert!(at(1, true, 1).follows(&at(1, false, 1)));
        assert!(!at(1, false, 1).follows(&at(1, true, 1)));
        assert!(!at(4, true, 1).follows(&at(5, true, 1)));
        assert!(at(-6, true, -1).follows(&at(-5, true, -1)));
        assert!(at(-1, true, -1).follows(&at(-1, false, -1)));
        assert!(!at(-1, false, -1).follows(&at(-1, true, -1)));
        assert!(!at(-4, true, -1).follows(&at(-5, true, -1)));
    }
}
