//! An error or notice in the server's own words, all its fields kept.

use std::fmt;

use crate::script::Coding;

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorFields;
use serde::Serialize;

/// An ErrorResponse or NoticeResponse.
///
/// `Display` leaves DETAIL and CONTEXT out: they carry rows, and rows belong into a log only where
/// somebody decided so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ServerError {
    /// `ERROR`, `FATAL`, `PANIC`, `WARNING`, `NOTICE`, …: never translated, in contrast to the message.
    pub severity: String,
    /// The five characters, like `23505`.
    pub sqlstate: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Where in the text that was sent, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// Where in `internal_query`, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_position: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_query: Option<String>,
    /// The call stack (CONTEXT), innermost first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub where_: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub constraint: Option<String>,
    /// Where in the server's source the error arose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routine: Option<String>,
}

impl ServerError {
    pub(super) fn read(fields: ErrorFields<'_>) -> std::io::Result<Self> {
        Self::read_as(fields, Coding::Utf8)
    }

    /// In the encoding of the session.
    pub(super) fn read_as(mut fields: ErrorFields<'_>, coding: Coding) -> std::io::Result<Self> {
        let mut error = Self::default();
        let mut localised = String::new();
        while let Some(field) = fields.next()? {
            // Before the client encoding is agreed upon, a message can be in any encoding.
            let text = coding.marked(field.value_bytes());
            let text = coding.shown(&text).into_owned();
            match field.type_() {
                b'S' => localised = text,
                b'V' => error.severity = text,
                b'C' => error.sqlstate = text,
                b'M' => error.message = text,
                b'D' => error.detail = Some(text),
                b'H' => error.hint = Some(text),
                b'P' => error.position = text.parse().ok(),
                b'p' => error.internal_position = text.parse().ok(),
                b'q' => error.internal_query = Some(text),
                b'W' => error.where_ = Some(text),
                b's' => error.schema = Some(text),
                b't' => error.table = Some(text),
                b'c' => error.column = Some(text),
                b'd' => error.data_type = Some(text),
                b'n' => error.constraint = Some(text),
                b'F' => error.file = Some(text),
                b'L' => error.line = text.parse().ok(),
                b'R' => error.routine = Some(text),
                _ => {} // the protocol asks to ignore what we don't know
            }
        }
        if error.severity.is_empty() {
            error.severity = localised; // servers before 9.6, and poolers
        }
        Ok(error)
    }

    /// The server closes the session after this. Only the severity tells: a function can raise 57P01 as
    /// a plain error, and a foreign server's end arrives as one.
    pub fn ends_session(&self) -> bool {
        matches!(self.severity.as_str(), "FATAL" | "PANIC")
    }

    /// The class, the first two characters of the SQLSTATE.
    pub fn class(&self) -> &str {
        self.sqlstate.get(..2).unwrap_or_default()
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.sqlstate.is_empty() {
            write!(f, " ({})", self.sqlstate)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "; {hint}")?;
        }
        Ok(())
    }
}
