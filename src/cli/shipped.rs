//! The plans and their SQL that are inside the program.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};

use super::failure::Failure;
use crate::pg::embedded::Scratch;

static PLANS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/plans");
static MIGRATIONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/migrations");

/// What a demo shows to whoever names nothing: the shortest.
pub const FIRST: &str = "kochel-phase-a";

/// A plan on disk; shipped ones are unpacked into a folder that lives as long as this.
#[derive(Debug)]
pub struct PlanOnDisk {
    pub path: PathBuf,
    unpacked: Option<Scratch>,
}

impl PlanOnDisk {
    /// Whether it came out of the program.
    pub fn is_shipped(&self) -> bool {
        self.unpacked.is_some()
    }
}

/// Names of the shipped plans.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = PLANS
        .files()
        .filter(|file| file.path().extension().is_some_and(|ext| ext == "toml"))
        .filter_map(|file| file.path().file_stem().map(|stem| stem.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

/// What a demo takes, for its help.
pub fn named_in_help() -> String {
    let mut names = names();
    names.sort_by_key(|name| name != FIRST);
    let names = names.join(", ").replacen(FIRST, &format!("{FIRST} (when none is given)"), 1);
    format!("A plan's file, or the name of a shipped plan: {names}")
}

/// How to try those that a demo doesn't show by itself.
pub fn others() -> Vec<String> {
    names().into_iter().filter(|name| name != FIRST).map(|name| format!("holdpoint demo {name}")).collect()
}

/// A plan by its path, or a shipped one by its name.
pub fn find(plan: &str) -> Result<PlanOnDisk, Failure> {
    let path = Path::new(plan);
    if path.exists() || plan.contains('/') || plan.ends_with(".toml") {
        return Ok(PlanOnDisk { path: path.to_path_buf(), unpacked: None });
    }
    if !names().iter().any(|name| name == plan) {
        let message = format!(
            "there is no file {plan}, and no shipped plan of that name; shipped: {}",
            names().join(", ")
        );
        return Err(Failure::usage(message));
    }
    unpack(plan).map_err(|error| Failure::unreachable(format!("{plan} can't be unpacked: {error}")))
}

/// Programs of a plan's demo: files of folders beside the plans that begin as a script does.
fn make_executable(plans: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for folder in std::fs::read_dir(plans)?.filter_map(Result::ok).filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(folder.path())?.filter_map(Result::ok).map(|entry| entry.path()) {
            if file.is_file() && std::fs::read(&file)?.starts_with(b"#!") {
                std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))?;
            }
        }
    }
    Ok(())
}

fn unpack(plan: &str) -> std::io::Result<PlanOnDisk> {
    let folder = Scratch::new().map_err(std::io::Error::other)?;
    for (name, dir) in [("plans", &PLANS), ("migrations", &MIGRATIONS)] {
        let to = folder.path().join(name);
        std::fs::create_dir_all(&to)?;
        dir.extract(&to)?;
    }
    make_executable(&folder.path().join("plans"))?;
    let path = folder.path().join("plans").join(format!("{plan}.toml"));
    Ok(PlanOnDisk { path, unpacked: Some(folder) })
}
