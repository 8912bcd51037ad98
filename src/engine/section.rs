//! The part of a file that a step runs, cut out when the file is opened.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::plan::model::Section;
use crate::script::{
    Memory, Place, Problem, ResolveError, Resolver, SECTIONED_BYTES, ScriptError, SectionError, Span,
    Variables, alone, scan, section,
};

/// Reads the file to its end, so that it is known to be the run's, and gives the section with everything
/// else of it blank.
pub(super) fn cut(
    files: &impl Resolver,
    name: &str,
    part: &Section,
) -> Result<(Arc<Path>, Arc<[u8]>), ScriptError> {
    let fail = |line: u64, what: String, why: String, todo: &str| ScriptError {
        problem: Problem::Read,
        place: Box::new(Place {
            file: Path::new(name).into(),
            line,
            column: 1,
            span: Span::default(),
            includes: Arc::new([]),
            generated: None,
        }),
        what,
        why,
        todo: todo.to_owned(),
    };
    let unread = |why: String| fail(1, format!("{name} can't be read"), why, "");
    let (path, text) = whole(files, name).map_err(|error| unread(error.to_string()))?;
    if text.len() > SECTIONED_BYTES {
        let why = format!("a file of which sections run has at most {} MB", SECTIONED_BYTES >> 20);
        return Err(fail(1, format!("{name} is too large"), why, "split the file"));
    }
    let names: Vec<&str> = part.all.iter().map(String::as_str).collect();
    let span = section(&text, &part.begin, &names).map_err(|error| {
        let (line, todo) = match &error {
            SectionError::Missing(_) => {
                (1, "name the first words of a comment that stands between statements")
            }
            SectionError::Twice { second, .. } => {
                (*second, "name more words of the one that is meant, or change the other")
            }
        };
        fail(line, "there is no such section".to_owned(), error.to_string(), todo)
    })?;
    Ok((path, alone(text, span).into()))
}

/// The file, or a byte more of it than may be.
fn whole(files: &impl Resolver, name: &str) -> Result<(Arc<Path>, Vec<u8>), ResolveError> {
    let opened = files.open(None, name, false)?;
    let mut text = Vec::new();
    opened.reader.take(SECTIONED_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok((opened.path, text))
}

/// How many statements stand before the first section of a file that the plan uses, and where the first
/// of them is: no step runs them.
pub(super) fn before_the_first(
    files: &impl Resolver,
    name: &str,
    all: &[String],
    vars: Variables,
) -> Option<(usize, Place)> {
    let (_, mut text) = whole(files, name).ok()?;
    let names: Vec<&str> = all.iter().map(String::as_str).collect();
    let starts = names.iter().filter_map(|begin| section(&text, begin, &names).ok());
    let first = starts.map(|span| span.start).min()?;
    text.truncate(usize::try_from(first).ok()?);
    let report = scan(Memory::one(name, text), name, vars).ok()?;
    Some((report.count, report.first?))
}
