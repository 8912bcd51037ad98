//! What psql says: lines for people, and what of it is an error or a warning.
//!
//! With VERBOSITY verbose an error is `psql:FILE:LINE: ERROR:  42P01: message`, then lines that begin with
//! LINE, DETAIL, HINT, QUERY, CONTEXT or LOCATION. The line is the one on which the statement ends. The
//! server's words may be in another language; the five letters of the SQLSTATE are the same everywhere.

use std::sync::OnceLock;

use regex::Regex;

use crate::engine::problems::Disclosure;
use crate::pg::child::{Line, Stream};
use crate::run::event::{Place, Problem};
use crate::script::mask_secrets;

/// Lines of a file that are printed; more have filled the log.
const LINES_AT_MOST: usize = 2_000;
const BYTES_AT_MOST: usize = 1 << 20;

/// A message of the server's, or of psql itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Report {
    /// `None`: it isn't about a line of a file.
    pub place: Option<(String, u64)>,
    pub severity: String,
    pub sqlstate: Option<String>,
    pub message: String,
    detail: String,
    hint: String,
    query: String,
    context: String,
    /// The line of the statement, and the caret below it.
    excerpt: Vec<String>,
}

/// Which part of a report goes on in the next line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Part {
    #[default]
    None,
    Message,
    Excerpt(usize),
    Detail,
    Hint,
    Query,
    Context,
    Location,
}

/// Listens to psql from its start to its end.
#[derive(Debug, Default)]
pub(super) struct Said {
    open: Option<Report>,
    part: Part,
    pub warnings: u64,
    pub errors: u64,
    pub first: Option<Report>,
    pub last: Option<Report>,
    /// It told of a COMMIT, or of a ROLLBACK, of the file: ours come with QUIET on.
    pub committed: bool,
    pub rolled_back: bool,
    /// What a line begins with that is an answer to us.
    mark: Option<String>,
    /// Such lines, without it.
    pub told: Vec<String>,
    lines: usize,
    bytes: usize,
    pub left_out: u64,
}

impl Said {
    /// Lines that begin with this are for us, and not for people.
    pub fn marked(mark: Option<&str>) -> Self {
        Self { mark: mark.map(|mark| format!("{mark}\t")), ..Self::default() }
    }

    /// Takes a line in; gives it back as people should see it, or nothing.
    pub fn hear(&mut self, line: &Line) -> Option<String> {
        let ours = self.mark.as_deref().filter(|_| line.from == Stream::Out);
        if let Some(told) = ours.and_then(|mark| line.text.strip_prefix(mark)) {
            self.told.push(told.to_owned());
            return None;
        }
        let shown = match line.from {
            Stream::Out => {
                self.committed |= line.text == "COMMIT";
                self.rolled_back |= line.text == "ROLLBACK";
                line.text.clone()
            }
            Stream::Err => self.error_line(&line.text)?,
        };
        let shown = if line.cut { format!("{shown} … (cut)") } else { shown };
        self.bytes += shown.len();
        self.lines += 1;
        if self.lines > LINES_AT_MOST || self.bytes > BYTES_AT_MOST {
            self.left_out += 1;
            return None;
        }
        Some(shown)
    }

    /// psql is silent from now on.
    pub fn end(&mut self) {
        let Some(report) = self.open.take() else { return };
        if report.is_error() {
            self.errors += 1;
            self.first.get_or_insert_with(|| report.clone());
            self.last = Some(report);
        } else if report.is_warning() {
            self.warnings += 1;
        }
        self.part = Part::None;
    }

    /// The error that says why: of those that follow from it, that the transaction is aborted, none does.
    pub fn why(&self) -> Option<&Report> {
        const IN_FAILED_TRANSACTION: &str = "25P02";
        match &self.last {
            Some(last) if last.sqlstate.as_deref() == Some(IN_FAILED_TRANSACTION) => self.first.as_ref(),
            last => last.as_ref(),
        }
    }

    fn error_line(&mut self, text: &str) -> Option<String> {
        if let Some(report) = begin(text) {
            self.end();
            let at = report.place.as_ref().map(|(file, line)| format!("{file}:{line}: ")).unwrap_or_default();
            let shown = format!("{at}{}: {}", report.severity, report.message);
            self.open = Some(report);
            self.part = Part::Message;
            return Some(shown);
        }
        let Some(open) = &mut self.open else { return Some(text.to_owned()) };
        let (part, rest) = part_of(text, self.part);
        self.part = part;
        let add = |field: &mut String| {
            if !field.is_empty() {
                field.push('\n');
            }
            field.push_str(rest);
        };
        match part {
            Part::Message => add(&mut open.message),
            Part::Detail => add(&mut open.detail),
            Part::Hint => add(&mut open.hint),
            Part::Query => add(&mut open.query),
            Part::Context => add(&mut open.context),
            Part::Excerpt(cut) => {
                // The caret's line has blanks where the other has `LINE 1: `.
                let rest = rest.get(cut.min(rest.len())..).unwrap_or(rest);
                open.excerpt.push(rest.to_owned());
            }
            Part::Location => return None,
            Part::None => {}
        }
        Some(text.to_owned())
    }
}

/// The beginning of a report.
fn begin(text: &str) -> Option<Report> {
    static SHAPE: OnceLock<Option<Regex>> = OnceLock::new();
    let shape = SHAPE
        .get_or_init(|| {
            Regex::new(r"^(?:psql: |psql:(.*?):(\d+): )?(\p{L}+): (?: ([0-9A-Z]{5}): )?(.*)$").ok()
        })
        .as_ref()?;
    let found = shape.captures(text)?;
    let group = |number: usize| found.get(number).map(|part| part.as_str().trim_start().to_owned());
    let place = group(1).zip(group(2).and_then(|line| line.parse().ok()));
    let sqlstate = group(4);
    // Anybody may write `Note: …`; psql says where, or the server with which code.
    if sqlstate.is_none() && !text.starts_with("psql:") {
        return None;
    }
    Some(Report { place, severity: group(3)?, sqlstate, message: group(5)?, ..Report::default() })
}

/// Which part a line belongs to, and what of it.
fn part_of(text: &str, before: Part) -> (Part, &str) {
    for (word, part) in [
        ("DETAIL:  ", Part::Detail),
        ("HINT:  ", Part::Hint),
        ("QUERY:  ", Part::Query),
        ("CONTEXT:  ", Part::Context),
        ("LOCATION:  ", Part::Location),
    ] {
        if let Some(rest) = text.strip_prefix(word) {
            return (part, rest);
        }
    }
    if let Some(line) = text.strip_prefix("LINE ")
        && let Some((number, _)) = line.split_once(": ")
        && number.bytes().all(|byte| byte.is_ascii_digit())
    {
        return (Part::Excerpt("LINE : ".len() + number.len()), text);
    }
    match before {
        // What comes behind a whole report is somebody else's word.
        Part::Location => (Part::None, text),
        before => (before, text),
    }
}

impl Report {
    fn is_error(&self) -> bool {
        match self.severity.as_str() {
            "ERROR" | "FATAL" | "PANIC" | "error" | "fatal" => true,
            "WARNING" | "NOTICE" | "INFO" | "LOG" | "DEBUG" | "warning" | "hint" | "detail" | "note" => false,
            // Of another language. A transaction that isn't there is a mere warning.
            _ => self
                .sqlstate
                .as_deref()
                .is_some_and(|state| !["00", "01", "02", "25"].iter().any(|class| state.starts_with(class))),
        }
    }

    fn is_warning(&self) -> bool {
        self.severity == "WARNING"
            || (!matches!(self.severity.as_str(), "NOTICE" | "INFO" | "LOG" | "DEBUG")
                && self.sqlstate.as_deref().is_some_and(|state| state.starts_with("01")))
    }

    /// As a problem of the step.
    pub fn problem(&self, disclosure: Disclosure) -> Problem {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let query = some(&self.query).map(|query| format!("in the statement: {}", mask_secrets(&query)));
        let context: Vec<String> = query.into_iter().chain(some(&self.context)).collect();
        Problem {
            message: self.message.clone(),
            sqlstate: self.sqlstate.clone(),
            place: self.place.as_ref().map(|(file, line)| Place {
                file: file.clone(),
                line: *line,
                column: 0,
                includes: Vec::new(),
            }),
            excerpt: self.excerpt.iter().map(|line| mask_secrets(line).into_owned()).collect(),
            detail: some(&self.detail).filter(|_| disclosure.rows),
            hint: some(&self.hint),
            context: some(&context.join("\n")).filter(|_| disclosure.rows),
            consequence: None,
            may_stay: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hear(said: &mut Said, text: &str) -> Vec<String> {
        let line = |text: &str| Line { from: Stream::Err, text: text.to_owned(), cut: false };
        text.lines().filter_map(|text| said.hear(&line(text))).collect()
    }

    #[test]
    fn an_error_with_all_its_parts() {
        let mut said = Said::default();
        let shown = hear(
            &mut said,
            "psql:sub/a:b.sql:12: ERROR:  42P01: relation \"nope\" does not exist\n\
             LINE 2: SELECT * FROM nope\n                      ^\n\
             DETAIL:  one\ntwo\nHINT:  three\nQUERY:  SELECT 1\nCONTEXT:  f()\nLOCATION:  parse.c:1\nfrom a program\n",
        );
        assert_eq!(shown[0], "sub/a:b.sql:12: ERROR: relation \"nope\" does not exist");
        assert!(!shown.iter().any(|line| line.contains("parse.c")), "{shown:?}");
        said.end();
        let problem = said.why().map(|why| why.problem(Disclosure { rows: true })).unwrap_or_default();
        let place = problem.place.clone().map(|place| (place.file, place.line));
        assert_eq!(place, Some(("sub/a:b.sql".to_owned(), 12)));
        assert_eq!(problem.excerpt, ["SELECT * FROM nope", "              ^"]);
        assert_eq!(problem.detail.as_deref(), Some("one\ntwo"));
        assert_eq!(problem.context.as_deref(), Some("in the statement: SELECT 1\nf()"));
        let hidden = said.why().map(|why| why.problem(Disclosure { rows: false })).unwrap_or_default();
        assert_eq!((hidden.detail, hidden.context), (None, None));
    }

    #[test]
    fn warnings_notices_and_words_of_others() {
        let mut said = Said::default();
        hear(
            &mut said,
            "psql:a.sql:1: WARNING:  01000: careful\npsql:a.sql:2: NOTICE:  00000: so\nError: mine\n",
        );
        hear(&mut said, "psql:a.sql:3: WARNUNG:  01000: Obacht\npsql:a.sql:4: HINWEIS:  00000: so\n");
        hear(&mut said, "psql:a.sql:4: WARNUNG:  25P01: keine Transaktion\n");
        said.end();
        assert_eq!((said.warnings, said.errors), (2, 0));
        hear(&mut said, "psql:a.sql:5: FEHLER:  42P01: fehlt\npsql:a.sql:6: error: invalid command \\foo\n");
        hear(&mut said, "ERROR:  25P02: current transaction is aborted\n");
        said.end();
        assert_eq!(said.errors, 3);
        assert_eq!(said.why().map(|why| why.message.as_str()), Some("fehlt"));
    }

    #[test]
    fn a_flood_is_counted_and_left_out() {
        let mut said = Said::default();
        let line = Line { from: Stream::Out, text: "x".repeat(1024), cut: false };
        let shown = (0..5_000).filter_map(|_| said.hear(&line)).count();
        assert!(shown <= BYTES_AT_MOST / 1024);
        assert_eq!(said.left_out + shown as u64, 5_000);
    }
}
