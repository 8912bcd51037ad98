//! What a run is bound to: a digest over the plan and every file it names.
//!
//! Covered are the bytes of the plan file and of the files that run: `file`, `files` and the
//! rollbacks', and what the caller adds (scripts that those include by `\i`, which only the script
//! room can find). Not covered: the plan's own name and folder, so that a copy has the same digest;
//! the fixture, which makes a database before the window and isn't part of what runs; the
//! `env_file`, whose values are the run's own and may be secret, so that not even a hash is kept.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::model::{Plan, PlanFile};

/// One file as it was.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FileDigest {
    /// Below `sql_dir`; empty for the plan itself.
    pub name: String,
    pub bytes: u64,
    /// Hexadecimal.
    pub sha256: String,
}

/// The digest of a plan, and that of each file: so that a change can be named.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlanDigest {
    /// Hexadecimal.
    pub sha256: String,
    /// The plan first, then the files sorted by name.
    pub files: Vec<FileDigest>,
}

/// How a file differs between two digests.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Changed(String),
    Added(String),
    Removed(String),
}

/// A file that couldn't be read.
#[derive(Debug, thiserror::Error)]
#[error("read {}: {source}; it was there when the plan was loaded", path.display())]
pub struct DigestError {
    pub path: PathBuf,
    #[source]
    pub source: std::io::Error,
}

/// Separates this digest from any other hash of the same bytes; a new format gets a new number.
const DOMAIN: &[u8] = b"holdpoint plan digest 1\n";

/// The digest of a plan as loaded: `source` is [`super::Loaded::source`], `extra` are further files.
pub fn digest(plan: &Plan, source: &str, extra: &[PlanFile]) -> Result<PlanDigest, DigestError> {
    let files: BTreeMap<&str, &Path> =
        plan.files.iter().chain(extra).map(|file| (file.name.as_str(), file.path.as_path())).collect();
    let mut digests = vec![FileDigest {
        name: String::new(),
        bytes: source.len() as u64,
        sha256: hex(&Sha256::digest(source.as_bytes())),
    }];
    for (name, path) in files {
        digests.push(file_digest(name, path)?);
    }
    Ok(PlanDigest { sha256: combine(&digests), files: digests })
}

/// One file, streamed: it may be a dump of gigabytes.
pub fn file_digest(name: &str, path: &Path) -> Result<FileDigest, DigestError> {
    let failed = |source| DigestError { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut bytes = 0u64;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        hash.update(&buffer[..read]);
    }
    Ok(FileDigest { name: name.to_owned(), bytes, sha256: hex(&hash.finalize()) })
}

/// Names and lengths stand in it with their own lengths: no file can pass for two.
fn combine(files: &[FileDigest]) -> String {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update((files.len() as u64).to_be_bytes());
    for file in files {
        hash.update((file.name.len() as u64).to_be_bytes());
        hash.update(file.name.as_bytes());
        hash.update(file.bytes.to_be_bytes());
        hash.update(file.sha256.as_bytes());
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        // Writing to a String can't fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

impl PlanDigest {
    /// What differs in `later`, in the order of names; the plan itself has the empty name.
    pub fn changes(&self, later: &PlanDigest) -> Vec<Change> {
        let index = |digest: &PlanDigest| -> BTreeMap<String, (u64, String)> {
            digest.files.iter().map(|f| (f.name.clone(), (f.bytes, f.sha256.clone()))).collect()
        };
        let (before, after) = (index(self), index(later));
        let mut out = Vec::new();
        for (name, was) in &before {
            match after.get(name) {
                None => out.push(Change::Removed(name.clone())),
                Some(is) if is != was => out.push(Change::Changed(name.clone())),
                Some(_) => {}
            }
        }
        out.extend(after.into_keys().filter(|name| !before.contains_key(name)).map(Change::Added));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, sha256: &str) -> FileDigest {
        FileDigest { name: name.into(), bytes: 1, sha256: sha256.into() }
    }

    #[test]
    fn a_change_has_a_name() {
        let before =
            PlanDigest { sha256: String::new(), files: vec![one("", "a"), one("x", "b"), one("y", "c")] };
        let after =
            PlanDigest { sha256: String::new(), files: vec![one("", "a"), one("x", "z"), one("w", "c")] };
        let expected = [Change::Changed("x".into()), Change::Removed("y".into()), Change::Added("w".into())];
        assert_eq!(before.changes(&after), expected);
        assert!(before.changes(&before).is_empty());
    }

    #[test]
    fn names_and_borders_count() {
        assert_ne!(combine(&[one("ab", "c")]), combine(&[one("a", "c")]));
        assert_ne!(combine(&[one("a", "b"), one("", "b")]), combine(&[one("", "b"), one("a", "b")]));
        // Held: a journal of today must be recognised tomorrow.
        assert_eq!(
            combine(&[one("", "00")]),
            "0d17239b7b363db3fe3bdbe8696d5ffdcc52d87d906a42e860f5b1e1da10767e"
        );
    }
}
