//! What was sent, where it failed and with which words: psql's side held against ours.

use crate::server::Logged;
use serde_json::Value;
use std::fs;
use std::path::Path;

pub fn same_texts(theirs: &[Logged], ours: &[Logged]) -> Result<(), String> {
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

/// `FILE:LINE` (without folders) of the last error in what psql wrote.
pub fn place_in_stderr(stderr: &str) -> Option<String> {
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
pub fn same_error(
    folder: &Path,
    stderr: &str,
    problem: &Value,
    theirs: &Logged,
    ours: &Logged,
) -> Result<(), String> {
    let error = theirs.error.as_ref().ok_or("psql's statement didn't fail")?;
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
    let place = place_in_stderr(stderr).ok_or_else(|| format!("psql: {stderr}"))?;
    let (file, end) = place.split_once(':').unwrap_or_default();
    let end: u64 = end.parse().unwrap_or_default();
    let (ours_file, line) = (problem["place"]["file"].as_str(), problem["place"]["line"].as_u64());
    let (Some(ours_file), Some(line)) = (ours_file, line) else { return Err(format!("no place: {problem}")) };
    if ours_file.rsplit('/').next() != Some(file) {
        return Err(format!("psql is at {place}, ours: {problem}"));
    }
    // Where the statement stands in the file as it was sent, the line is known exactly.
    let path = folder.join(ours_file);
    let script = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let script = String::from_utf8_lossy(&script).replace("\r\n", "\n");
    if let Some((row, copies)) =
        error.context.as_deref().and_then(|context| in_data(&script, &theirs.text, context))
    {
        return match copies.into_iter().any(|copy| copy + row == line) {
            true => Ok(()),
            false => Err(format!("it is row {row} of the data; ours: {line}")),
        };
    }
    // psql doesn't count a last line of data that has no end.
    let in_copy = error.context.as_deref().is_some_and(|context| context.contains("COPY "));
    let end = end + u64::from(in_copy && !script.ends_with('\n'));
    match ends_in_line(&script, &theirs.text, end) {
        Some(begins) => {
            let before = error.position.map_or(0, |position| {
                theirs.text.chars().take(position - 1).filter(|character| *character == '\n').count() as u64
            });
            if line == begins + before {
                return Ok(());
            }
            // What a \gexec made stands in the script by chance alone.
            if script.contains("\\gexec") && !theirs.text.ends_with(';') && line <= end {
                return Ok(());
            }
            // Inside a DO block holdpoint names the line in the block.
            if let Some(block) = error.context.as_deref().and_then(|context| in_block(&theirs.text, context))
                && (begins + block..=end).contains(&line)
            {
                return Ok(());
            }
            Err(format!("it begins in line {begins}, the error {before} lines on; ours: {line}"))
        }
        None if line <= end => Ok(()),
        None => Err(format!("psql is at {place}, ours: {problem}")),
    }
}

/// The line of a DO block that failed, counted from the line in which its text begins. A statement of the
/// block may be at fault further down.
fn in_block(text: &str, context: &str) -> Option<u64> {
    let (_, rest) = context.rsplit_once("inline_code_block line ")?;
    let line: u64 = rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    let body = text.find(['$', '\''])?;
    Some(text[..body].matches('\n').count() as u64 + line - 1)
}

/// The row of inline COPY data that failed, and the lines behind which the data may stand: those in which the
/// COPY ends. None where the data isn't in the script, or its rows aren't lines.
fn in_data(script: &str, text: &str, context: &str) -> Option<(u64, Vec<u64>)> {
    let (_, rest) =
        context.lines().rev().find_map(|line| line.strip_prefix("COPY ")?.split_once(", line "))?;
    let row = rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    let line_of = |byte: usize| script[..byte].matches('\n').count() as u64 + 1;
    let sent = script.match_indices(text).map(|(at, text)| line_of(at + text.len()));
    let made = script.match_indices("from stdin").map(|(at, _)| line_of(at));
    let copies: Vec<u64> = sent.chain(made).collect();
    // A \g sends a COPY again, with the data that stands behind the \g.
    let lines = !script.contains("\\\n") && !script.contains('\r') && !script.contains("\\g");
    (lines && !copies.is_empty()).then_some((row, copies))
}

/// The line in which a text begins that ends in this line.
fn ends_in_line(script: &str, text: &str, end: u64) -> Option<u64> {
    let line_of = |byte: usize| script[..byte].matches('\n').count() as u64 + 1;
    let (at, _) = script.match_indices(text).find(|(at, _)| line_of(at + text.len()) == end)?;
    Some(line_of(at))
}
