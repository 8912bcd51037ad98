//! Programs that a plan's commands name and that aren't on this machine: found before the window.
//!
//! What a shell's text needs can't be known, nor what the run itself will make or fill in.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::command::search_path;
use super::preflight::Finding;
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
