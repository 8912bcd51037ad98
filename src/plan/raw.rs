//! TOML tables with positions, and typed access that says what is wrong where.

use toml::de::{DeTable, DeValue};

use super::diagnostic::{Code, Diagnostic, Diagnostics, Related, Severity};
use super::duration;
use super::nearest::nearest;
use super::schema::{self, Place};
use super::source::{Source, Span};

/// A TOML value with its position.
pub(super) type Value<'a> = &'a toml::Spanned<DeValue<'a>>;

/// One key and its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub key: &'a str,
    pub key_span: Span,
    pub value: Value<'a>,
}

impl Entry<'_> {
    pub fn span(&self) -> Span {
        self.value.span().into()
    }
}

/// A table whose keys have been checked against the schema.
#[derive(Debug, Clone)]
pub(super) struct Table<'a> {
    /// In the order of the file.
    pub entries: Vec<Entry<'a>>,
    /// Its header, or the inline table.
    pub span: Span,
    /// It has an unknown key: what seems to be missing may be misspelt.
    pub strange: bool,
}

impl<'a> Table<'a> {
    pub fn get(&self, key: &str) -> Option<Entry<'a>> {
        self.entries.iter().find(|entry| entry.key == key).copied()
    }

    /// Whether a key is missing, and not just misspelt.
    pub fn lacks(&self, key: &str) -> bool {
        let misspelt = |entry: &Entry<'_>| nearest(entry.key, [key]).is_some();
        self.get(key).is_none() && !(self.strange && self.entries.iter().any(misspelt))
    }
}

/// The entries of a table in the order of the file.
pub(super) fn entries<'a>(table: &'a DeTable<'a>) -> Vec<Entry<'a>> {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| Entry { key: key.get_ref().as_ref(), key_span: key.span().into(), value })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    entries
}

/// A value's type as a person says it.
fn type_words(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Collects findings about one source.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub source: &'a Source,
    pub found: Diagnostics,
    /// By severity.
    counts: [usize; 4],
    /// What is said of a finding that isn't kept.
    scratch: Option<Diagnostic>,
    /// Line, offset and column of the last finding.
    last: Option<(usize, usize, usize)>,
}

/// Findings kept of each severity.
const KEPT: usize = 10_000;

/// Looking for the nearest name costs time; nobody reads the help of later errors.
const HELPED: usize = super::diagnostic::SHOWN;

impl<'a> Report<'a> {
    pub fn new(source: &'a Source) -> Self {
        Self { source, found: Diagnostics::new(source.clone()), counts: [0; 4], scratch: None, last: None }
    }

    /// Whether help for one more error would still be read.
    pub fn helps(&self) -> bool {
        self.counts[Severity::Error as usize] < HELPED
    }

    /// Adds a finding; of more than anybody could read only their number is kept.
    pub fn add(&mut self, severity: Severity, code: Code, span: Span, message: String) -> &mut Diagnostic {
        let (line, column) = self.position(span.start);
        let count = &mut self.counts[severity as usize];
        *count += 1;
        let kept = *count <= KEPT;
        let diagnostic = Diagnostic {
            severity,
            code,
            message,
            help: None,
            file: self.source.name.clone(),
            line,
            column,
            span,
            related: Vec::new(),
        };
        if !kept {
            self.found.left_out += 1;
            return self.scratch.insert(diagnostic);
        }
        self.found.all.push(diagnostic);
        let last = self.found.all.len() - 1;
        &mut self.found.all[last]
    }

    /// As [`Source::position`], in time when thousands of findings stand on one long line.
    fn position(&mut self, offset: usize) -> (usize, usize) {
        let line = self.source.line_of(offset);
        let (from, column) = match self.last {
            Some((of, from, column)) if of == line && from <= offset => (from, column),
            _ => (self.source.line_start(line), 1),
        };
        let column = column + self.source.slice(Span { start: from, end: offset }).chars().count();
        self.last = Some((line, offset, column));
        (line, column)
    }

    pub fn error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.add(Severity::Error, code, span, message.into());
    }

    pub fn error_help(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Error, code, span, message.into()).help = Some(help.into());
    }

    pub fn warn_help(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Warning, code, span, message.into()).help = Some(help.into());
    }

    /// A second place.
    pub fn related(&self, span: Span, message: impl Into<String>) -> Related {
        let (line, column) = self.source.position(span.start);
        Related { message: message.into(), line, column, span }
    }

    /// `did you mean …?`, while it is worth the search.
    pub fn did_you_mean<'k>(&self, word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<String> {
        if !self.helps() {
            return None;
        }
        nearest(word, known).map(|near| format!("did you mean `{near}`?"))
    }

    /// Opens a table and complains about keys that have no meaning there.
    pub fn open(&mut self, table: &'a DeTable<'a>, span: Span, place: Place) -> Table<'a> {
        let entries = entries(table);
        for entry in &entries {
            if schema::find(place, entry.key).is_some() {
                continue;
            }
            let help = if self.helps() { help_with_key(entry.key, place) } else { None };
            let message = format!("unknown key `{}` in {}", entry.key, place.words());
            self.add(Severity::Error, Code::UnknownKey, entry.key_span, message).help = help;
        }
        let strange = entries.iter().any(|entry| schema::find(place, entry.key).is_none());
        Table { entries, span, strange }
    }

    pub fn wrong_type(&mut self, what: &str, wanted: &str, value: Value<'_>) {
        let message = format!("`{what}` takes {wanted}, not {}", type_words(value.get_ref()));
        self.error(Code::WrongType, value.span().into(), message);
    }

    pub fn text(&mut self, entry: Entry<'a>) -> Option<&'a str> {
        self.text_of(entry.key, entry.value)
    }

    /// A text that isn't blank.
    pub fn text_of(&mut self, what: &str, value: Value<'a>) -> Option<&'a str> {
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(what, "a text", value);
            return None;
        };
        if text.trim().is_empty() {
            self.error(Code::BadValue, value.span().into(), format!("`{what}` is empty"));
            return None;
        }
        Some(text)
    }

    pub fn boolean(&mut self, entry: Entry<'a>) -> Option<bool> {
        let value = entry.value.get_ref().as_bool();
        if value.is_none() {
            self.wrong_type(entry.key, "true or false", entry.value);
        }
        value
    }

    pub fn whole_number(&mut self, entry: Entry<'a>, most: u32) -> Option<u32> {
        let Some(number) = entry.value.get_ref().as_integer() else {
            self.wrong_type(entry.key, "a whole number", entry.value);
            return None;
        };
        let value = i64::from_str_radix(number.as_str(), number.radix()).ok();
        let value = value.and_then(|value| u32::try_from(value).ok()).filter(|value| *value <= most);
        if value.is_none() {
            self.error(Code::BadValue, entry.span(), format!("`{}` is a number from 0 to {most}", entry.key));
        }
        value
    }

    pub fn duration(&mut self, entry: Entry<'a>) -> Option<std::time::Duration> {
        if entry.value.get_ref().is_integer() || entry.value.get_ref().is_float() {
            let message = format!("`{}` is a duration and has no unit", entry.key);
            self.error_help(
                Code::WrongType,
                entry.span(),
                message,
                "write it as a text with ms, s, min, h or d: \"5s\"",
            );
            return None;
        }
        let text = self.text(entry)?;
        match duration::parse(text) {
            Ok(duration) => Some(duration),
            Err(reason) => {
                self.error(Code::BadValue, entry.span(), format!("`{}` is no duration: {reason}", entry.key));
                None
            }
        }
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&mut self, entry: Entry<'a>, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text(entry)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let list = words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
            let help = self.did_you_mean(text, words.iter().map(|(word, _)| *word));
            let message = format!("`{}` is one of {list}, not `{}`", entry.key, shorten(text));
            self.add(Severity::Error, Code::BadValue, entry.span(), message).help = help;
        }
        found
    }

    pub fn list(&mut self, entry: Entry<'a>) -> Option<Vec<Value<'a>>> {
        let Some(array) = entry.value.get_ref().as_array() else {
            self.wrong_type(entry.key, "a list", entry.value);
            return None;
        };
        Some(array.iter().collect())
    }

    /// A text or a list of texts; each with its place.
    pub fn texts(&mut self, entry: Entry<'a>) -> Vec<(&'a str, Span)> {
        if entry.value.get_ref().is_str() {
            return self.text(entry).map(|text| (text, entry.span())).into_iter().collect();
        }
        let Some(array) = entry.value.get_ref().as_array() else {
            self.wrong_type(entry.key, "a text or a list of texts", entry.value);
            return Vec::new();
        };
        if array.is_empty() {
            self.error(Code::BadValue, entry.span(), format!("`{}` is an empty list", entry.key));
        }
        array.iter().filter_map(|v| Some((self.text_of(entry.key, v)?, v.span().into()))).collect()
    }

    /// A table of this place, opened.
    pub fn table(&mut self, entry: Entry<'a>, place: Place) -> Option<Table<'a>> {
        let Some(table) = entry.value.get_ref().as_table() else {
            self.wrong_type(entry.key, "a table", entry.value);
            return None;
        };
        Some(self.open(table, entry.span(), place))
    }

    /// A table with names of the plan's own as keys.
    pub fn free_table(&mut self, entry: Entry<'a>) -> Vec<Entry<'a>> {
        let Some(table) = entry.value.get_ref().as_table() else {
            self.wrong_type(entry.key, "a table", entry.value);
            return Vec::new();
        };
        entries(table)
    }

    /// The tables of a list (`[[phase]]`).
    pub fn tables(&mut self, entry: Entry<'a>, wanted: &str) -> Vec<(&'a DeTable<'a>, Span)> {
        let Some(array) = entry.value.get_ref().as_array() else {
            self.wrong_type(entry.key, wanted, entry.value);
            return Vec::new();
        };
        let mut out = Vec::with_capacity(array.len());
        for value in array.iter() {
            match value.get_ref().as_table() {
                Some(table) => out.push((table, value.span().into())),
                None => self.wrong_type(entry.key, wanted, value),
            }
        }
        out
    }

    /// Where the content of a text begins: after the quotes, and the newline that TOML drops.
    pub fn content_start(&self, span: Span) -> usize {
        let raw = self.source.slice(span);
        let quotes = if raw.starts_with("'''") || raw.starts_with("\"\"\"") { 3 } else { 1 };
        let rest = raw.get(quotes..).unwrap_or("");
        let newline = match (quotes, rest) {
            (3, r) if r.starts_with("\r\n") => 2,
            (3, r) if r.starts_with('\n') => 1,
            _ => 0,
        };
        (span.start + quotes + newline).min(span.end)
    }

    /// The place of a part of a text; the whole text when escapes moved it.
    pub fn part_of(&self, span: Span, text: &str, from: usize, to: usize) -> Span {
        let start = self.content_start(span);
        let part = Span { start: start + from, end: start + to };
        if part.end <= span.end && self.source.slice(part) == &text[from..to] { part } else { span }
    }
}

/// What to do about a key that has no meaning in a place.
fn help_with_key(key: &str, place: Place) -> Option<String> {
    let places = schema::elsewhere(key);
    let near = nearest(key, schema::names(place));
    // A key of another place is more likely misplaced than misspelt, unless it is a slip.
    match near {
        Some(near) if places.is_empty() || near.starts_with(key) => Some(format!("did you mean `{near}`?")),
        _ if places.is_empty() => None,
        _ if place == Place::Defaults && places.contains(&Place::Step) => {
            Some(format!("`{key}` is each step's own: it has no default"))
        }
        _ => {
            let words: Vec<String> = places.iter().map(|place| place.words().to_owned()).collect();
            Some(format!("`{key}` belongs in {}", either(&words)))
        }
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn either(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// A text of the user's in a message, bounded and on one line.
pub(super) fn shorten(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= 60 { line } else { line.chars().take(59).chain(['…']).collect() }
}
