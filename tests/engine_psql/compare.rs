//! What psql and holdpoint did, held against each other.

use crate::both::{Case, Mode, Ran};
use crate::server::{Log, Logged};
use regex::bytes::{Captures, Regex};
use std::fs;

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
            same_error(case, ran, &theirs[failed], &ours[failed])?;
            same_end(ran)?;
            Ok(Same::Refused)
        }
        (succeeded, exit) => Err(format!(
            "psql succeeded: {succeeded}, ours: exit {exit}\n{}\n{}\n{:?}",
            ran.psql.stderr, ran.holdpoint.stderr, ran.holdpoint.problem
        )),
    }
}

fn same_texts(theirs: &[Logged], ours: &[Logged]) -> Result<(), String> {
    if theirs == ours {
        return Ok(());
    }
    let at = theirs.iter().zip(ours).take_while(|(theirs, ours)| theirs == ours).count();
    let (theirs_at, ours_at) = (theirs.get(at), ours.get(at));
    Err(format!(
        "{} and {} statements; number {at}: psql {theirs_at:?}\nours {ours_at:?}",
        theirs.len(),
        ours.len()
    ))
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

/// `FILE:LINE` (without folders) of the last error in what psql wrote.
fn place_in_stderr(stderr: &str) -> Option<String> {
    let last = stderr.lines().rfind(|line| {
        line.starts_with("psql:")
            && (line.contains(": ERROR:  ") || line.contains(": error: ") || line.contains(": FATAL:  "))
    })?;
    let mut parts = last.split(':').skip(1);
    let (file, line) = (parts.next()?, parts.next()?);
    line.parse::<u64>().ok()?;
    Some(format!("{}:{line}", file.rsplit('/').next()?))
}

/// The same message and SQLSTATE; and the line. psql counts to the line that ends the statement and shows
/// the position by itself (`LINE 2: …`); holdpoint names the line of the position, or of the beginning.
fn same_error(case: &Case, ran: &Ran, theirs: &Logged, ours: &Logged) -> Result<(), String> {
    let (Some(error), Some(problem)) = (&theirs.error, &ran.holdpoint.problem) else {
        return Err(format!("no problem told: {:?}", ran.holdpoint));
    };
    if ours.error != theirs.error {
        return Err(format!("psql {:?}\nours {:?}", theirs.error, ours.error));
    }
    let told = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
    if told("message") != error.message || told("sqlstate") != error.sqlstate {
        return Err(format!("{error:?} is told as {problem}"));
    }
    if told("context") != error.context.clone().unwrap_or_default() {
        return Err(format!("{:?} is told as {problem}", error.context));
    }
    let place = place_in_stderr(&ran.psql.stderr).ok_or_else(|| format!("psql: {}", ran.psql.stderr))?;
    let (file, end) = place.split_once(':').unwrap_or_default();
    let end: u64 = end.parse().unwrap_or_default();
    let (ours_file, line) = (problem["place"]["file"].as_str(), problem["place"]["line"].as_u64());
    let (Some(ours_file), Some(line)) = (ours_file, line) else { return Err(format!("no place: {problem}")) };
    if ours_file.rsplit('/').next() != Some(file) {
        return Err(format!("psql is at {place}, ours: {problem}"));
    }
    // Where the statement stands in the file as it was sent, the line is known exactly.
    let path = case.folder.join(ours_file);
    let script = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let script = String::from_utf8_lossy(&script).replace("\r\n", "\n");
    match ends_in_line(&script, &theirs.text, end) {
        Some(begins) => {
            let before = error.position.map_or(0, |position| {
                theirs.text.chars().take(position - 1).filter(|character| *character == '\n').count() as u64
            });
            if line == begins + before {
                return Ok(());
            }
            // Inside a DO block holdpoint names the line in the block.
            let block = error.context.as_ref().is_some_and(|context| context.contains("inline_code_block"));
            if block && (begins..=end).contains(&line) {
                return Ok(());
            }
            Err(format!("it begins in line {begins}, the error {before} lines on; ours: {line}"))
        }
        None if line <= end => Ok(()),
        None => Err(format!("psql is at {place}, ours: {problem}")),
    }
}

/// The line in which a text begins that ends in this line.
fn ends_in_line(script: &str, text: &str, end: u64) -> Option<u64> {
    let line_of = |byte: usize| script[..byte].matches('\n').count() as u64 + 1;
    let (at, _) = script.match_indices(text).find(|(at, _)| line_of(at + text.len()) == end)?;
    Some(line_of(at))
}
