//! Whether the run can write the files that its plan wants: found before the window, not when the first is due.

use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::programs::filled;
use crate::plan::model::{Action, Plan};
use crate::script::Variables;

/// Why nothing can be written below `plan.artifacts`; `None` when it can, or nothing is to be.
#[must_use]
pub fn unwritable_artifacts(plan: &Plan, vars: &Variables) -> Option<String> {
    let named = plan.artifacts.as_ref().filter(|_| writes(plan))?;
    // What the run fills in itself isn't known yet.
    let folder = plan.folder().join(filled(named, vars)?);
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let there: PathBuf = folder.ancestors().find(|path| path.symlink_metadata().is_ok())?.to_owned();
    let why = why_not(&there)?;
    let what = format!("plan.artifacts is {}, and files can't be written there: {why}", folder.display());
    Some(format!("{what}. Let this user write there, or name another folder; nothing was begun"))
}

fn why_not(there: &Path) -> Option<String> {
    if !there.is_dir() {
        return Some(format!("{} is no folder", there.display()));
    }
    let error = access(there, AccessFlags::W_OK | AccessFlags::X_OK).err()?;
    Some(format!("{}: {}", there.display(), std::io::Error::from(error)))
}

fn writes(plan: &Plan) -> bool {
    let own = plan.phases.iter().flat_map(|phase| &phase.steps);
    let mut steps = own.chain(plan.rollbacks.iter().flat_map(|procedure| &procedure.steps));
    steps.any(|step| {
        step.into.is_some()
            || step.checkpoints.iter().any(|checkpoint| checkpoint.into.is_some())
            || matches!(step.action, Action::Snapshot(_) | Action::Backup(_) | Action::Report(_))
    })
}
