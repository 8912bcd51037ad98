//! What psql and holdpoint did, held against each other.

use crate::both::{Case, Mode, Ran};
use crate::same::{place_in_stderr, same_error, same_texts};
use crate::server::Log;
use regex::bytes::{Captures, Regex};

/// What was compared, for the count at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Same {
    /// Both ran to the end: the same statements, the same database.
    Done,
    /// The server refused the same statement with the same words, and nothing is applied.
    Refused,
    /// psql stops at the script itself in the middle; holdpoint says the same line before it begins.
    Unreadable,
}

pub fn compare(case: &Case, ran: &Ran, log: &Log) -> Result<Same, String> {
    let (theirs, ours) = (case.sent_by_psql(log), case.sent_by_holdpoint(log));
    match (ran.psql.succeeded, ran.holdpoint.exit) {
        (true, 0) => {
            same_texts(&theirs, &ours)?;
            same_end(ran)?;
            Ok(Same::Done)
        }
        (false, 2) => {
            let line = place_in_stderr(&ran.psql.stderr).ok_or("psql names no line")?;
            let said = ran.holdpoint.stderr.contains(&format!("{line}:"));
            if !said {
                return Err(format!(
                    "psql stops at {line}: {}\nours {}",
                    ran.psql.stderr, ran.holdpoint.stderr
                ));
            }
            if !case.never_connected(log) {
                return Err("refused, but there was a session".to_owned());
            }
            same_end(ran)?;
            Ok(Same::Unreadable)
        }
        (false, 1 | 4 | 6) => {
            let failed = theirs.iter().position(|logged| logged.error.is_some());
            let Some(failed) = failed else {
                return Err(format!("psql stops by itself: {}\nours: {:?}", ran.psql.stderr, ran.holdpoint));
            };
            if ours.len() <= failed {
                return Err(format!(
                    "psql sent {} statements up to {:?}\nours {} up to {:?}\n{:?}",
                    failed + 1,
                    theirs[failed],
                    ours.len(),
                    ours.last(),
                    ran.holdpoint
                ));
            }
            same_texts(&theirs[..=failed], &ours[..=failed])?;
            // What was in flight behind it reached the server and was turned away there.
            for (i, more) in ours.iter().enumerate().skip(failed + 1) {
                if theirs.get(i) == Some(more) {
                    continue; // psql goes back to its own savepoint
                }
                let state = more.error.as_ref().map(|error| error.sqlstate.as_str());
                if case.mode != Mode::Single || !matches!(state, Some("25P02" | "42601")) {
                    return Err(format!("behind the failure this was run: {more:?}"));
                }
            }
            let problem = ran.holdpoint.problem.as_ref();
            let problem = problem.ok_or_else(|| format!("no problem told: {:?}", ran.holdpoint))?;
            same_error(&case.folder, &ran.psql.stderr, problem, &theirs[failed], &ours[failed])?;
            same_end(ran)?;
            Ok(Same::Refused)
        }
        (succeeded, exit) => Err(format!(
            "psql succeeded: {succeeded}, ours: exit {exit}\n{}\n{}\n{:?}",
            ran.psql.stderr, ran.holdpoint.stderr, ran.holdpoint.problem
        )),
    }
}

fn same_end(ran: &Ran) -> Result<(), String> {
    let (theirs, ours) = (&masked(&ran.ends.0, &ran.began), &masked(&ran.ends.1, &ran.began));
    if theirs == ours {
        return Ok(());
    }
    let differ = theirs.split(|byte| *byte == b'\n').zip(ours.split(|byte| *byte == b'\n'));
    let first = differ.into_iter().find(|(theirs, ours)| theirs != ours);
    let first = first.map(|(a, b)| format!("{}\n{}", String::from_utf8_lossy(a), String::from_utf8_lossy(b)));
    Err(format!("the databases differ: {} and {} bytes, {first:?}", theirs.len(), ours.len()))
}

/// now() isn't the same for both: times of today since the test began are left out.
fn masked(dump: &[u8], began: &str) -> Vec<u8> {
    let time = Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?").unwrap();
    let replaced = time.replace_all(dump, |found: &Captures<'_>| {
        if &found[0] >= began.as_bytes() && found[0][..4] == began.as_bytes()[..4] {
            b"(now)".to_vec()
        } else {
            found[0].to_vec()
        }
    });
    replaced.into_owned()
}
