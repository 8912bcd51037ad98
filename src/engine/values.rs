//! Values of a run, as expectations and scripts see them: saved ones, and the plan's variables.

use super::conductor::Conductor;
use super::shell::Ground;
use super::sources::{AnyScript, Source};
use super::stop::Stop;
use crate::plan::expect::{Saved, SavedValue};
use crate::plan::model::Step;
use crate::run::event::{Event, Mode};
use crate::script::{Shell, Variables};

/// The plan's variables, and what was saved so far.
pub(super) fn with_saved(mut vars: Variables, saved: Saved) -> Variables {
    for (name, value) in saved {
        if let Some(text) = value.text {
            let _ = vars.set_from(&name, text, crate::script::Origin::Database { raw_allowed: false });
        }
    }
    vars
}

impl Conductor {
    pub(super) fn saved(&self) -> Saved {
        let mut saved = self.saved_values();
        for (name, value) in self.vars.iter() {
            let text = Some(value.text.clone());
            saved.entry(name.to_owned()).or_insert(SavedValue { text, type_oid: 0 });
        }
        saved
    }

    /// Saved values, those too that wait for a COMMIT.
    pub(super) fn saved_values(&self) -> Saved {
        let mut saved = self.recorder.look(|run| run.saved.clone());
        for event in &self.unsaved {
            if let Event::Saved { values, .. } = event {
                for (name, value) in values {
                    saved.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        saved
    }

    /// The plan's variables and what was saved so far; saved values came from the database and are
    /// never pasted raw.
    pub(super) fn variables(&self) -> Variables {
        with_saved(self.vars.clone(), self.saved_values())
    }

    /// One statement of the plan with its variables filled in.
    pub(super) fn inline(&self, sql: &str) -> Result<String, String> {
        self.asker().inline(sql)
    }

    /// Where a script writes, and where its shell commands stand.
    pub(super) fn ground(&self, step: &Step) -> Ground {
        Ground {
            folder: self.plan.sql_dir.clone(),
            artifacts: self.artifacts(),
            shell: self.runs_shell(step),
        }
    }

    /// Whether a step's shell commands run: in a demo or rehearsal only when it says so.
    pub(super) fn runs_shell(&self, step: &Step) -> bool {
        self.mode != Mode::Demo || step.demo
    }

    /// Opens a source as a script with the run's variables, and what the step allows.
    pub(super) fn script(&self, step: &Step, source: &Source) -> Result<AnyScript, Stop> {
        let mut vars = self.variables();
        vars.allow_raw(step.unsafe_vars.iter().map(String::as_str));
        vars.allow_shell(step.allow_shell.iter().filter_map(|way| Shell::named(way)));
        let opened = self.sources.open(source, vars).map_err(|error| Stop::Local(error.to_string()));
        opened.map(|script| written_in(script, step))
    }
}

/// A script whose files are read in the encoding that the step names.
pub(super) fn written_in(mut script: AnyScript, step: &Step) -> AnyScript {
    if let Some(encoding) = &step.encoding {
        script.set_encoding(encoding);
    }
    script
}
