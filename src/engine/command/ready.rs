//! Everything that a program gets, before anything of it is run: its values, its folder, its environment.

use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use crate::engine::conductor::Conductor;
use crate::engine::problems;
use crate::pg::child::Program as Start;
use crate::pg::handover::inherited;
use crate::plan::model::{Call, Program, Step};
use crate::run::event::{Place, Problem, SourceRef};

/// A program that can be started, with every value in its place.
pub(super) struct Ready {
    pub start: Start,
    /// As it is shown; secret values masked.
    pub shown: String,
}

impl Conductor {
    /// The call with its values; the names that have none.
    pub(super) fn filled_call(&self, call: &Call) -> (Call, Vec<String>) {
        match call {
            Call::Shell(text) => (Call::Shell(text.clone()), Vec::new()),
            Call::Argv(words) => {
                let texts = self.texts();
                let mut missing = Vec::new();
                let words = words.iter().map(|word| texts.fill_noting(word, &mut missing)).collect();
                (Call::Argv(words), missing)
            }
        }
    }

    /// Everything that the program gets, before anything of it is run.
    pub(super) fn ready(&self, step: &Step, program: &Program) -> Result<Ready, Box<Problem>> {
        let refuse = |message: String, hint: Option<&str>| {
            let mut problem = problems::plain(message);
            problem.place = Some(self.place_in_plan(step.line));
            problem.consequence = Some("nothing was run".into());
            problem.hint = hint.map(str::to_owned);
            Box::new(problem)
        };
        let texts = self.texts();
        let (call, mut missing) = self.filled_call(&program.call);
        let folder = program.cwd.as_ref().map(|cwd| texts.fill_noting(cwd, &mut missing));
        let env: Vec<(String, String)> = program
            .env
            .iter()
            .map(|(name, text)| (name.clone(), texts.fill_noting(text, &mut missing)))
            .collect();
        if let Some(name) = missing.first() {
            let message = format!("`{{{name}}}` has no value here, and the command needs it");
            return Err(refuse(message, None));
        }
        let base = self.plan.folder();
        let folder = folder.map_or_else(|| base.clone(), |folder| base.join(folder));
        let artifacts = self.artifacts();
        if folder.starts_with(&artifacts)
            && let Err(error) = std::fs::DirBuilder::new().recursive(true).create(&folder)
        {
            return Err(refuse(format!("{} can't be made: {error}", folder.display()), None));
        }
        if !folder.is_dir() {
            let message = format!("there is no folder {} for the command to run in", folder.display());
            return Err(refuse(message, Some("`cwd` is relative to the plan's folder")));
        }
        // A command writes there as the plan says, without asking whether anything was written before it.
        let made = std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&artifacts);
        if let Err(error) = made {
            return Err(refuse(format!("{} can't be made: {error}", artifacts.display()), None));
        }
        let mut environment = inherited();
        environment.push(("HOLDPOINT_ARTIFACTS".into(), artifacts.into_os_string()));
        environment.push(("HOLDPOINT_RUN".into(), self.run.clone().into()));
        environment.push(("HOLDPOINT_STEP".into(), step.id.clone().into()));
        for (name, value) in env {
            environment.retain(|(known, _)| known.to_str() != Some(name.as_str()));
            environment.push((name.into(), value.into()));
        }
        let shown = self.secrets.mask(&call.words());
        let (program_path, args) = match call {
            Call::Shell(text) => (PathBuf::from("/bin/sh"), vec!["-c".into(), text.into()]),
            Call::Argv(words) => {
                let mut words = words.into_iter();
                let program = PathBuf::from(words.next().unwrap_or_default());
                (program, words.map(Into::into).collect())
            }
        };
        let input = program.stdin.as_ref().map(|text| texts.fill(text).into_bytes()).unwrap_or_default();
        let start = Start { program: program_path, args, folder, environment, input, remove: Vec::new() };
        Ok(Ready { start, shown })
    }

    /// Where a command stands in the plan, and which it is without its values.
    pub(super) fn call_reference(&self, step: &Step, program: &Program) -> SourceRef {
        let text = format!("{:?} {:?}", program.call, program.stdin);
        let Place { file, line, .. } = self.place_in_plan(step.line);
        let (digest, to) = (self.key.hmac(text.as_bytes()), text.len() as u64);
        SourceRef { file, section: None, line, from: 0, to, digest }
    }

    pub(in crate::engine) fn place_in_plan(&self, line: usize) -> Place {
        Place {
            file: self.plan.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            line: line as u64,
            column: 1,
            includes: Vec::new(),
        }
    }
}

/// Where programs are looked for; without PATH where the system looks.
pub(in crate::engine) fn search_path() -> std::ffi::OsString {
    std::env::var_os("PATH").filter(|path| !path.is_empty()).unwrap_or_else(|| "/bin:/usr/bin".into())
}

/// Why a program couldn't be started, for somebody who can do something about it.
pub(in crate::engine) fn not_started(error: &crate::pg::child::ChildError) -> String {
    let program = error.program.display();
    match error.reason.kind() {
        std::io::ErrorKind::NotFound if error.program.components().count() == 1 => {
            format!("there is no program `{program}` in PATH ({})", search_path().to_string_lossy())
        }
        std::io::ErrorKind::NotFound => format!("there is no program {program}"),
        std::io::ErrorKind::PermissionDenied => format!("{program} may not be run: it isn't executable"),
        _ => error.to_string(),
    }
}
