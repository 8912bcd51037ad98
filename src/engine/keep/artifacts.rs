//! Files that a run writes for people: below the plan's `artifacts`, whole or not at all.
//!
//! A name that comes from a variable could lead anywhere; it is looked at after it is filled in, and again
//! once links are resolved.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::engine::conductor::Conductor;
use crate::engine::digests::hex;
use crate::engine::problems;
use crate::run::event::{Artifact, Mode, Problem};

impl Conductor {
    /// Where the run writes: as the plan says, below the plan's folder; else in the run's own. A demo or
    /// rehearsal never writes where the real run does.
    pub(in crate::engine) fn artifacts(&self) -> PathBuf {
        let Some(named) = self.plan.artifacts.as_deref().filter(|_| self.mode != Mode::Demo) else {
            return self.folder.artifacts();
        };
        let beside = self.plan.path.parent().unwrap_or(Path::new(""));
        let path = beside.join(self.fill_folder(named));
        std::path::absolute(&path).unwrap_or(path)
    }

    /// The place of a file of the plan's, with the folders that lead to it made.
    pub(in crate::engine) fn artifact(&self, named: &str) -> Result<PathBuf, Problem> {
        let root = self.artifacts();
        let filled = self.fill_path(named);
        place(&root, Path::new(&filled)).map_err(|why| {
            let mut problem = problems::plain(why);
            problem.hint = Some(format!("files of this run are written below {}", root.display()));
            problem
        })
    }

    /// Writes a file for people.
    pub(in crate::engine) fn write_artifact(&self, path: &Path, bytes: &[u8]) -> Result<Artifact, Problem> {
        whole(path, bytes, self.folder.is_durable()).map_err(|error| unwritten(path, &error))
    }
}

/// Why a file isn't there, and what can be done.
pub(in crate::engine) fn unwritten(path: &Path, error: &std::io::Error) -> Problem {
    let mut problem = problems::plain(format!("{} can't be written: {error}", path.display()));
    problem.consequence = Some("nothing in the database was changed by it".into());
    problem.hint = Some(
        match error.kind() {
            std::io::ErrorKind::StorageFull => "make room on that disk, then retry",
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                "let this user write there, or name another folder in plan.artifacts"
            }
            _ => "look at that path, then retry",
        }
        .into(),
    );
    problem
}

/// A path below the root, links resolved, with its folders made.
fn place(root: &Path, named: &Path) -> Result<PathBuf, String> {
    let outside = || format!("{} leads out of the run's artifacts", named.display());
    let inside = if named.is_absolute() { named.strip_prefix(root).map_err(|_| outside())? } else { named };
    if inside.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let Some(name) = inside.file_name() else { return Err(format!("{} names no file", named.display())) };
    let path = root.join(inside);
    let folder = path.parent().unwrap_or(root);
    let failed = |path: &Path, error: std::io::Error| format!("{} can't be made: {error}", path.display());
    DirBuilder::new().mode(0o700).recursive(true).create(root).map_err(|error| failed(root, error))?;
    // Before anything is made: a link on the way may lead elsewhere.
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(root);
    let real = |path: &Path| path.canonicalize().map_err(|error| format!("{}: {error}", path.display()));
    if !real(there)?.starts_with(real(root)?) {
        return Err(outside());
    }
    DirBuilder::new().mode(0o700).recursive(true).create(folder).map_err(|error| failed(folder, error))?;
    if path.is_dir() {
        return Err(format!("{} is a folder", path.display()));
    }
    Ok(folder.join(name))
}

/// Writes it under another name first; what is there already is replaced in one go.
pub(super) fn whole(path: &Path, bytes: &[u8], durable: bool) -> std::io::Result<Artifact> {
    let mut part = path.to_owned().into_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    // One that a crash has left.
    let _ = std::fs::remove_file(&part);
    let written = write(&part, bytes, durable).and_then(|()| std::fs::rename(&part, path));
    if let Err(error) = written {
        let _ = std::fs::remove_file(&part);
        return Err(error);
    }
    if durable && let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(Artifact {
        path: path.display().to_string(),
        bytes: bytes.len() as u64,
        digest: hex(&Sha256::digest(bytes)),
    })
}

fn write(part: &Path, bytes: &[u8], durable: bool) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part)?;
    file.write_all(bytes)?;
    if durable { file.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::place;
    use std::path::Path;

    #[test]
    fn nothing_leads_out() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        for bad in ["../x", "a/../../x", "/etc/x", ".", "a/.."] {
            assert!(place(root, Path::new(bad)).is_err(), "{bad}");
        }
        assert_eq!(place(root, Path::new("a/b.csv")).unwrap(), root.join("a/b.csv"));
        assert_eq!(place(root, &root.join("a/c")).unwrap(), root.join("a/c"));
        std::os::unix::fs::symlink("/tmp", root.join("link")).unwrap();
        assert!(place(root, Path::new("link/x/y")).is_err());
        assert!(place(root, Path::new("a")).unwrap_err().contains("is a folder"));
    }
}
