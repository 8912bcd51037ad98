//! An initialised data folder: made once for a server version, then copied. Copying takes a quarter of
//! the time that `initdb` does.
//!
//! The cache only makes things faster. Whatever is wrong with it, `initdb` still works.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::error::EmbeddedError;
use super::find::Programs;
use super::privileges::{self, ServerUser};

/// Rises when the arguments of `initdb` change.
const GENERATION: u32 = 1;

/// Fills `data` with a fresh cluster whose superuser is `postgres`. True when it came from the cache.
pub(super) fn provide(
    programs: &Programs,
    data: &Path,
    user: Option<&ServerUser>,
    cache: Option<&Path>,
) -> Result<bool, EmbeddedError> {
    let template = cache.and_then(|cache| Template::lock(cache, programs));
    if let Some(template) = &template
        && template.path.is_dir()
    {
        if copy(&template.path, data, user).is_ok() {
            return Ok(true);
        }
        let _ = fs::remove_dir_all(data);
    }
    initdb(programs, data, user)?;
    if let Some(template) = template {
        template.store(data);
    }
    Ok(false)
}

/// Throws the template away; a server that doesn't start from it deserves a fresh one.
pub(super) fn forget(programs: &Programs, cache: &Path) {
    if let Some(template) = Template::lock(cache, programs) {
        let _ = fs::remove_dir_all(&template.path);
    }
}

/// `$XDG_CACHE_HOME/holdpoint`, or `~/.cache/holdpoint`, or a folder of ours in the temporary one.
pub(super) fn cache_dir() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let uid = nix::unistd::geteuid();
    let places = [
        variable("XDG_CACHE_HOME").map(|cache| cache.join("holdpoint")),
        variable("HOME").map(|home| home.join(".cache/holdpoint")),
        Some(std::env::temp_dir().join(format!("holdpoint-cache-{uid}"))),
    ];
    places.into_iter().flatten().find(|dir| {
        let _ = DirBuilder::new().recursive(true).mode(0o700).create(dir);
        // In a shared folder somebody else could have put it there, with a cluster of theirs inside.
        let Ok(meta) = fs::symlink_metadata(dir) else { return false };
        meta.is_dir()
            && meta.uid() == uid.as_raw()
            && meta.mode() & 0o022 == 0
            && nix::unistd::access(dir, nix::unistd::AccessFlags::W_OK).is_ok()
    })
}

/// A template's place, with the lock held: only one process makes it, and nobody copies half of it.
struct Template {
    path: PathBuf,
    _lock: File,
}

impl Template {
    fn lock(cache: &Path, programs: &Programs) -> Option<Self> {
        let version: String = programs
            .version
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' })
            .collect();
        let name = format!("template-{GENERATION}-{}-{version}", std::env::consts::ARCH);
        let lock = cache.join(format!("{name}.lock"));
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(lock).ok()?;
        lock.lock().ok()?;
        Some(Self { path: cache.join(name), _lock: lock })
    }

    fn store(&self, data: &Path) {
        let aside = self.path.with_extension("making");
        let _ = fs::remove_dir_all(&aside); // of somebody who was killed: we hold the lock
        let _ = fs::remove_dir_all(&self.path);
        if copy(data, &aside, None).is_err() || fs::rename(&aside, &self.path).is_err() {
            let _ = fs::remove_dir_all(&aside);
        }
    }
}

fn initdb(programs: &Programs, data: &Path, user: Option<&ServerUser>) -> Result<(), EmbeddedError> {
    let program = programs.program("initdb");
    let mut command = Command::new(&program);
    command.args(["--no-sync", "--no-instructions", "--locale=C", "-E", "UTF8", "--wal-segsize=1"]);
    command.args(["-A", "trust", "-U", "postgres", "-D"]).arg(data);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LC_ALL", "C");
    command.stdin(Stdio::null()).current_dir("/");
    privileges::prepare(&mut command, user, true);
    let output = command.output().map_err(EmbeddedError::io("run", &program))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(EmbeddedError::Broken { program, reason: format!("{}: {said}", output.status) })
}

/// Copies folders and plain files; a cluster made by `initdb` has nothing else.
fn copy(from: &Path, to: &Path, user: Option<&ServerUser>) -> io::Result<()> {
    let own = |path: &Path| user.map_or(Ok(()), |user| user.own(path).map_err(io::Error::other));
    DirBuilder::new().mode(0o700).create(to)?;
    own(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&source, &target, user)?;
        } else if kind.is_file() {
            fs::copy(&source, &target)?;
            own(&target)?;
        } else {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(())
}
