//! What is around every program that a test starts, however bare it is otherwise: where temporary things
//! go, and where the template of private servers is, made once for all tests. initdb takes its time, and a
//! server of a thousand files is made sooner in memory, where `TMPDIR` may be, than on a disk.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Variables; what a test sets itself comes after them.
pub fn surroundings() -> Vec<(&'static str, PathBuf)> {
    let given = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = given("XDG_CACHE_HOME").or_else(|| Some(given("HOME")?.join(".cache")));
    let both = [("TMPDIR", given("TMPDIR")), ("XDG_CACHE_HOME", cache)];
    both.into_iter().filter_map(|(name, path)| Some((name, path?))).collect()
}

/// The temporary folder, or /tmp where other users don't get into that one, or a socket's path gets too long
/// below it.
pub fn open_to_others() -> PathBuf {
    let folder = std::env::temp_dir();
    let enters = |path: &Path| path.metadata().is_ok_and(|meta| meta.mode() & 0o001 != 0);
    let fits = folder.as_os_str().len() <= 40 && folder.ancestors().all(enters);
    if fits { folder } else { PathBuf::from("/tmp") }
}
