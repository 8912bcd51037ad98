//! Programs that a plan's commands name and that aren't on this machine: found before the window.
//!
//! What a shell's text needs can't be known, nor what the run itself will make or fill in.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::command::search_path;
use super::preflight::Finding;
use crate::pg::Psql;
use crate::plan::model::{Action, Call, Plan, Side, Step, Undo};
use crate::run::event::Place;
use crate::script::Variables;

/// Every command whose program isn't there. A demo or rehearsal leaves some of them out.
#[must_use]
pub fn missing_programs(plan: &Plan, vars: &Variables, demo: bool) -> Vec<Finding> {
    let folder = plan.folder();
    let forward = plan.phases.iter().flat_map(|phase| &phase.steps);
    let named = plan.rollbacks.iter().flat_map(|procedure| &procedure.steps);
    let own = |step: &'_ Step| match &step.rollback {
        Some(Undo::Own(undo)) => Some((format!("{} (rollback)", step.id), (**undo).clone())),
        _ => None,
    };
    let mut findings = Vec::new();
    for step in forward.chain(named) {
        let both = std::iter::once((step.id.clone(), step.clone())).chain(own(step));
        for (id, step) in both.filter(|(_, step)| !(demo && step.on == Side::None && !step.demo)) {
            let Action::Command(program) = &step.action else { continue };
            let Call::Argv(words) = &program.call else { continue };
            let Some(name) = words.first().and_then(|word| filled(word, vars)) else { continue };
            let known = |name: &str| program.env.iter().find(|(known, _)| known == name);
            // Where another PATH is looked in, and where it runs, may be made by the run.
            if known("PATH").is_some()
                || program.cwd.is_some() && !name.starts_with('/') && name.contains('/')
            {
                continue;
            }
            let Some(what) = missing(&name, &folder) else { continue };
            findings.push(Finding {
                step: id,
                place: Place {
                    file: plan.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                    line: step.line as u64,
                    column: 1,
                    includes: Vec::new(),
                },
                what,
                hint: Some("install it, or name it with its path".to_owned()),
                error: false,
                again: Vec::new(),
            });
        }
    }
    findings
}

/// The text with its variables; `None`: not all of them have a value before the run.
pub(super) fn filled(text: &str, vars: &Variables) -> Option<String> {
    let mut filled = text.to_owned();
    for name in crate::plan::names_in(text) {
        filled = filled.replace(&format!("{{{name}}}"), vars.text(name)?);
    }
    (!filled.is_empty() && !filled.contains('{')).then_some(filled)
}

/// Why a program can't be run, when it can't.
fn missing(name: &str, folder: &Path) -> Option<String> {
    if name.contains('/') {
        let path = folder.join(name);
        return match std::fs::metadata(&path) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => None,
            Ok(_) => Some(format!("{} can't be run: it isn't an executable file", path.display())),
            Err(_) => Some(format!("there is no program {}", path.display())),
        };
    }
    let path = search_path();
    let there = |folder: PathBuf| {
        let found = std::fs::metadata(folder.join(name));
        found.is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let words = || format!("there is no program `{name}` in PATH ({})", path.to_string_lossy());
    (!std::env::split_paths(&path).any(there)).then(words)
}

/// A program of PostgreSQL's that the engine itself needs for this plan and that isn't there, or is older than the
/// server; in words.
#[must_use]
pub fn unfit(plan: &Plan, version_num: u32) -> Option<String> {
    if let Some(step) = plan.first_by_psql()
        && let Err(error) = Psql::find(version_num)
    {
        return Some(format!("psql is to run step \"{step}\", and {error}"));
    }
    let step = plan.first_backup()?;
    let missing =
        ["pg_dump", "pg_restore"].into_iter().find_map(|name| Psql::named(name, version_num).err())?;
    Some(format!("step \"{step}\" makes a backup, and {missing}"))
}

/// A dump that a command would have made by a `pg_dump` that is older than its server: that one refuses, in the
/// middle of the window. In words.
#[must_use]
pub fn old_dump(plan: &Plan, target: u32, source: u32) -> Option<String> {
    let forward = plan.phases.iter().flat_map(|phase| &phase.steps);
    let named = plan.rollbacks.iter().flat_map(|procedure| &procedure.steps);
    forward.chain(named).find_map(|step| {
        if let (Action::Backup(_), Side::Source) = (&step.action, step.on) {
            let missing = ["pg_dump", "pg_restore"].into_iter().find_map(|name| Psql::named(name, source).err())?;
            return Some(format!("step \"{}\" makes a backup of the source, and {missing}", step.id));
        }
        let Action::Command(program) = &step.action else { return None };
        let (whose, server) = match step.on {
            Side::Source => ("the source", source),
            Side::Target => ("the target", target),
            Side::Pooler | Side::Both | Side::None => return None,
        };
        let word = match &program.call {
            Call::Argv(words) => words.first().map(String::as_str),
            Call::Shell(text) => text.split_whitespace().find(|word| word.rsplit('/').next() == Some("pg_dump")),
        };
        let word = word.filter(|word| word.rsplit('/').next() == Some("pg_dump"))?;
        let found = match word.contains('/') {
            true => plan.folder().join(word),
            false => std::env::split_paths(&search_path()).map(|folder| folder.join(word)).find(|path| path.is_file())?,
        };
        let dump = Psql::at(&found)?;
        (server > 0 && dump.major() < server / 10_000).then(|| {
            format!(
                "step \"{}\" runs {} {}, which is older than {whose} (PostgreSQL {}) and can't read it: put a newer one \
                 first in PATH, or name it with its path",
                step.id,
                found.display(),
                dump.version,
                server / 10_000
            )
        })
    })
}
