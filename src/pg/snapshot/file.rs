//! A snapshot as a file: written whole or not at all, never over another; and when what is read isn't a
//! snapshot, or not a whole one, a sentence that says so.

use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::content::{Snapshot, VERSION};

/// Over the file without this key.
const SUM: &str = "sum";

/// Why a file can't be written or used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The machine said no.
    #[error("{path} can't be {what}: {reason}")]
    Io { path: String, what: &'static str, reason: String },

    #[error(
        "{path} is there already, and a snapshot never writes over another: name another file, or remove it"
    )]
    Exists { path: String },

    /// It is something else, or not all of it.
    #[error("{path} {what}")]
    Unusable { path: String, what: String },
}

/// The file's text.
pub fn to_json(snapshot: &Snapshot) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(snapshot)?;
    let sum = sum(&value);
    if let Some(map) = value.as_object_mut() {
        map.insert(SUM.to_owned(), Value::from(sum));
    }
    serde_json::to_string_pretty(&value)
}

fn sum(value: &Value) -> String {
    Sha256::digest(value.to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes it beside and then under its name, for its owner alone: function bodies and keys of rows can
/// tell what others needn't know.
pub fn write(path: &Path, snapshot: &Snapshot) -> Result<(), FileError> {
    let shown = path.display().to_string();
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => FileError::Exists { path: shown.clone() },
        _ => FileError::Io { path: shown.clone(), what: "written", reason: error.to_string() },
    };
    let text = to_json(snapshot).map_err(|error| failed(std::io::Error::other(error)))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut aside = tempfile::Builder::new()
        .prefix(".snapshot-")
        .permissions(std::fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(|error| match error.kind() {
            // The name beside it is nobody's matter.
            ErrorKind::NotFound => {
                failed(std::io::Error::other(format!("there is no folder {}", folder.display())))
            }
            kind => failed(kind.into()),
        })?;
    aside.write_all(text.as_bytes()).and_then(|()| aside.write_all(b"\n")).map_err(failed)?;
    aside.as_file().sync_all().map_err(failed)?;
    aside.persist_noclobber(path).map_err(|error| failed(error.error))?;
    Ok(())
}

/// Reads it.
pub fn read(path: &Path) -> Result<Snapshot, FileError> {
    let shown = path.display().to_string();
    let unusable = |what: String| FileError::Unusable { path: shown.clone(), what };
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => unusable(foreign("")),
        _ => FileError::Io { path: shown.clone(), what: "read", reason: error.to_string() },
    })?;
    let mut value: Value = serde_json::from_str(&text).map_err(|error| {
        unusable(if text.trim().is_empty() {
            "is empty: the snapshot was never written; take it again".to_owned()
        } else if !text.trim_start().starts_with('{') {
            foreign(&text)
        } else if error.is_eof() {
            format!(
                "is cut off in line {}: it isn't all there; copy it again, or take it again",
                error.line()
            )
        } else {
            format!("is damaged in line {}: {error}; copy it again, or take it again", error.line())
        })
    })?;
    let version = value.get("holdpoint_snapshot").and_then(Value::as_u64);
    match version {
        None => return Err(unusable(foreign(&text))),
        Some(version) if version > u64::from(VERSION) => {
            return Err(unusable(format!(
                "was written by a newer holdpoint (snapshot version {version}, this program reads {VERSION}): use \
                 that one, or take it again with this one"
            )));
        }
        Some(version) if version < u64::from(VERSION) => {
            return Err(unusable(format!(
                "was written by an older holdpoint (snapshot version {version}; now definitions read differently, \
                 version {VERSION}): take it again"
            )));
        }
        Some(_) => {}
    }
    let said = value.as_object_mut().and_then(|map| map.shift_remove(SUM));
    if said.as_ref().and_then(Value::as_str) != Some(&sum(&value)) {
        return Err(unusable(
            "isn't as it was written: somebody changed it, or a copy damaged it, and nothing can be said from it".to_owned(),
        ));
    }
    serde_json::from_value(value).map_err(|error| unusable(format!("can't be understood: {error}")))
}

/// What it might be instead.
fn foreign(text: &str) -> String {
    let guess = if text.starts_with("--\n-- PostgreSQL database dump") || text.starts_with("PGDMP") {
        ": it looks like pg_dump's output"
    } else if text.contains("[plan]") {
        ": it looks like a plan"
    } else if text.trim_start().starts_with("{\"v\":") {
        ": it looks like the events of a run"
    } else {
        ""
    };
    format!("isn't a snapshot{guess}; `holdpoint snapshot --out FILE` makes one")
}
