//! Rows that break a foreign key: counted exactly, a constraint at a time, by an anti-join.

use super::measure::{MeasureError, PRELUDE, json, number, only_row, text};
use super::names::Object;
use super::session::Session;

const FOREIGN_KEYS: &str = include_str!("sql/orphans.sql");
/// Foreign keys in one statement: few round trips, plans that stay small.
const TOGETHER: usize = 40;

/// The constraints that are broken, with how many rows break each. For a session with a pin.
pub(super) async fn count(session: &mut Session) -> Result<Vec<(Object, u64)>, MeasureError> {
    let keys = session.query(&format!("{PRELUDE}{FOREIGN_KEYS}"), &[]).await?;
    let mut checks = Vec::new();
    for row in &keys.rows {
        let object = Object { path: json(row, 0)?, arguments: None };
        if text(row, 2)? == "t" {
            return Err(MeasureError::NotJudged {
                what: format!("orphans of {object}"),
                reason: "it is a foreign key over PERIOD; count its orphans by a query of the plan's own",
            });
        }
        checks.push((object, text(row, 1)?));
    }
    let mut broken = Vec::new();
    for together in checks.chunks(TOGETHER) {
        let sql: Vec<String> = together.iter().map(|(_, sql)| format!("({sql})")).collect();
        let answer = session.query(&format!("SELECT {}", sql.join(", ")), &[]).await?;
        let row = only_row(&answer)?;
        for (column, (object, _)) in together.iter().enumerate() {
            let rows: u64 = number(row, column)?;
            if rows > 0 {
                broken.push((object.clone(), rows));
            }
        }
    }
    Ok(broken)
}
