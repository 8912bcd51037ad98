//! Whether psql and holdpoint did the same with a script.

use super::same::{place_in_stderr, same_error, same_texts};
use super::script::Mode;
use crate::server::Logged;
use holdpoint::script::{Kind, classify};
use serde_json::Value;
use std::path::Path;

#[derive(Debug)]
pub struct Psql {
    pub succeeded: bool,
    pub stderr: String,
}

/// An error that `check` tells.
#[derive(Debug)]
pub struct Finding {
    pub file: String,
    pub line: u64,
    pub what: String,
}

#[derive(Debug)]
pub enum Ours {
    /// Before the run.
    Refused(Vec<Finding>),
    Ran {
        problem: Option<Value>,
        sent: Vec<Logged>,
    },
    /// The run ended before its turn came.
    Never(String),
}

/// Everything that was seen of one script.
#[derive(Debug)]
pub struct Seen<'a> {
    pub folder: &'a Path,
    pub mode: Mode,
    pub psql: Psql,
    pub theirs: Vec<Logged>,
    pub ours: Ours,
    /// Whether its schema is the same on both sides.
    pub ends: Result<(), String>,
}

/// How both did the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Same {
    /// The same statements to the end, and the same database.
    Done,
    /// The server refused the same statement with the same words, told at the same line.
    Failed,
    /// psql stops at the script itself, and so does holdpoint in the same line, during the run.
    Stopped,
    /// The same, said before the run.
    Unreadable,
    /// The server would have refused a statement, but something behind it is found before the run.
    Sooner,
}

#[derive(Debug)]
pub struct Difference {
    /// What holdpoint says where it stops; where it doesn't, what psql says.
    pub told: Option<String>,
    pub text: String,
}

impl From<String> for Difference {
    fn from(text: String) -> Difference {
        Difference { told: None, text }
    }
}

pub fn verdict(seen: Seen<'_>) -> Result<Same, Difference> {
    let theirs = of_the_file(&seen);
    let theirs = theirs.as_slice();
    match (&seen.ours, seen.psql.succeeded) {
        (Ours::Never(stderr), _) => Err(format!("its turn never came: {stderr}").into()),
        (Ours::Ran { problem: None, sent }, true) => {
            if let Some(twice) = begun_twice(theirs, sent) {
                seen.ends.clone()?;
                return Err(Difference { told: Some(twice), text: "it is begun twice".to_owned() });
            }
            same_texts(theirs, sent)?;
            seen.ends.clone()?;
            Ok(Same::Done)
        }
        (Ours::Ran { problem: Some(problem), sent }, false) => {
            failed(&seen, theirs, sent, problem).map_err(|text| {
                let told = problem["message"].as_str().map(|message| match stops(&seen.psql.stderr) {
                    Some(what) => format!("{message}; goes on behind: {what}"),
                    None => message.to_owned(),
                });
                Difference { told, text: format!("{text}\n{}", seen.psql.stderr) }
            })
        }
        (Ours::Refused(findings), false) => refused(&seen, theirs, findings),
        (ours, succeeded) => {
            let told = match ours {
                Ours::Refused(findings) => Some(words(findings)),
                Ours::Ran { problem: Some(problem), .. } => problem["message"].as_str().map(str::to_owned),
                Ours::Ran { problem: None, .. } => {
                    stops(&seen.psql.stderr).map(|what| format!("goes on behind: {what}"))
                }
                Ours::Never(_) => None,
            };
            let word = if succeeded { "succeeds" } else { "fails" };
            Err(Difference { told, text: format!("psql {word}: {}\nours {ours:#?}", seen.psql.stderr) })
        }
    }
}

/// Nothing differs but that what commits by itself was tried in a transaction first.
fn begun_twice(theirs: &[Logged], ours: &[Logged]) -> Option<String> {
    let mut sent = ours.to_vec();
    let mut told = None;
    for at in (1..sent.len()).rev() {
        let tried = sent[at - 1].error.as_ref().filter(|error| error.sqlstate == "2D000");
        if tried.is_some() && sent[at - 1].text == sent[at].text && sent[at].error.is_none() {
            told = tried.map(|error| format!("begun twice: {}", error.message));
            sent.remove(at - 1);
        }
    }
    told.filter(|_| same_texts(theirs, &sent).is_ok())
}

/// What psql sent of the file: not the BEGIN and COMMIT of its `-1`.
fn of_the_file(seen: &Seen<'_>) -> Vec<Logged> {
    let mut theirs = seen.theirs.clone();
    if seen.mode == Mode::Single {
        let own = |logged: &Logged| matches!(logged.text.as_str(), "BEGIN" | "COMMIT" | "ROLLBACK");
        assert!(theirs.first().is_some_and(own), "psql sent {theirs:?}: {}", seen.psql.stderr);
        theirs.remove(0);
        theirs.pop_if(|last| own(last));
    }
    theirs
}

fn failed(seen: &Seen<'_>, theirs: &[Logged], sent: &[Logged], problem: &Value) -> Result<Same, String> {
    seen.ends.clone()?;
    let Some(failed) = theirs.iter().position(|logged| logged.error.is_some()) else {
        same_texts(theirs, sent)?;
        let line = place_in_stderr(&seen.psql.stderr).ok_or("psql names no line")?;
        let ours =
            format!("{}:{}", problem["place"]["file"].as_str().unwrap_or_default(), problem["place"]["line"]);
        // A \gset stands behind its statement, whose beginning holdpoint names.
        let of_statement = problem["message"].as_str().is_some_and(|what| what.contains("\\gset"));
        let number = |place: &str| place.rsplit(':').next().and_then(|line| line.parse::<u64>().ok());
        let before = of_statement && number(&ours) <= number(&line);
        if ours.rsplit('/').next() != Some(&line) && !before {
            return Err(format!("psql stops at {line}, ours at {ours}: {problem}"));
        }
        return Ok(Same::Stopped);
    };
    if sent.len() <= failed {
        return Err(format!("psql sent up to {:?}\nours {:?}: {problem}", theirs[failed], sent.last()));
    }
    same_texts(&theirs[..=failed], &sent[..=failed])?;
    // What was in flight behind it reached the server and was turned away there.
    let mut behind = theirs[failed + 1..].iter();
    // What psql sent there as well, in the same order, is the script's own way on.
    for more in sent[failed + 1..].iter().filter(|more| !behind.any(|theirs| theirs == *more)) {
        let state = more.error.as_ref().map(|error| error.sqlstate.as_str());
        if classify(&more.text).0 == Kind::Empty {
            continue; // comments and semicolons are no statement
        }
        if seen.mode != Mode::Single || !matches!(state, Some("25P02" | "42601")) {
            return Err(format!("behind the failure this was run: {more:?}"));
        }
    }
    same_error(seen.folder, &seen.psql.stderr, problem, &theirs[failed], &sent[failed])?;
    Ok(Same::Failed)
}

fn refused(seen: &Seen<'_>, theirs: &[Logged], findings: &[Finding]) -> Result<Same, Difference> {
    let different = |text: String| Difference { told: Some(words(findings)), text };
    // What psql committed before it came there isn't begun at all.
    if seen.mode == Mode::Single {
        seen.ends.clone().map_err(different)?;
    }
    // It names none where a folder is to be included.
    let Some(place) = place_in_stderr(&seen.psql.stderr) else { return Ok(Same::Unreadable) };
    let at = |finding: &Finding| {
        format!("{}:{}", finding.file.rsplit('/').next().unwrap_or_default(), finding.line)
    };
    if findings.iter().any(|finding| at(finding) == place) {
        return Ok(Same::Unreadable);
    }
    // psql came to something else before it.
    let line = place.split_once(':').and_then(|(_, line)| line.parse::<u64>().ok()).unwrap_or(u64::MAX);
    let why = stops(&seen.psql.stderr).unwrap_or_default();
    let other = |finding: &Finding| finding.line > line && !why.contains(first_words(&finding.what));
    if theirs.iter().any(|logged| logged.error.is_some()) || findings.iter().all(other) {
        return Ok(Same::Sooner);
    }
    Err(different(format!("psql stops at {place}: {}\nours {findings:#?}", seen.psql.stderr)))
}

/// Why psql stops.
fn stops(stderr: &str) -> Option<&str> {
    stderr.lines().rev().find_map(|line| {
        let what = line.split_once("error: ").or_else(|| line.split_once("ERROR:  "));
        what.map(|(_, what)| what)
    })
}

/// What is wrong, without why and what to do.
fn first_words(what: &str) -> &str {
    what.split([':', ';']).next().unwrap_or(what)
}

fn words(findings: &[Finding]) -> String {
    findings.iter().map(|finding| finding.what.as_str()).collect::<Vec<_>>().join("\n")
}
