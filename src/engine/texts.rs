//! Fills `{name}` in texts that people read: built-in names, the plan's variables, saved values.

use std::path::PathBuf;

use super::conductor::Conductor;
use super::recorder::Recorder;
use super::secrets::Secrets;
use crate::plan::expect::Saved;
use crate::run::event::Problem;
use crate::run::state::{Run, StepState};
use crate::script::Variables;

/// How deep templates may stand in templates; the plan has no circles.
const DEPTH: usize = 8;

/// The values that names in texts have, for whoever outlives the moment in which the conductor could be asked.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    recorder: Recorder,
    vars: Variables,
    unsaved: Saved,
    artifacts: PathBuf,
    database: String,
    pub secrets: Secrets,
}

impl Texts {
    /// The text with every name that is known filled in, secrets too; what isn't known stays as it stands.
    pub fn fill(&self, text: &str) -> String {
        self.fill_to(text, DEPTH)
    }

    /// As [`Self::fill`], for people.
    pub fn masked(&self, text: &str) -> String {
        self.secrets.mask(&self.fill(text))
    }

    /// As [`Self::fill`], and notes the names that have no value.
    pub fn fill_noting(&self, text: &str, missing: &mut Vec<String>) -> String {
        let unknown = crate::plan::names_in(text).filter(|name| self.value(name, DEPTH).is_none());
        missing.extend(unknown.map(str::to_owned));
        self.fill(text)
    }

    fn fill_to(&self, text: &str, depth: usize) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        fill(text, |name| self.value(name, depth))
    }

    fn value(&self, name: &str, depth: usize) -> Option<String> {
        match name {
            "now" => Some(self.now()),
            "operator" => Some(super::open::operator().os_user),
            "artifacts" => Some(self.artifacts.display().to_string()),
            "target_database" => Some(self.database.clone()),
            "failed_step" => {
                let id = |run: &Run| failed(run).map(|(step, _)| step.id.clone());
                Some(self.recorder.look(id).unwrap_or_else(|| "none".to_owned()))
            }
            "failure" => Some(self.recorder.look(failure)),
            name => {
                let saved = self.recorder.look(|run| run.saved.get(name).cloned());
                let saved = saved.or_else(|| self.unsaved.get(name).cloned());
                match saved {
                    // What came out of the database is no template.
                    Some(value) => value.text,
                    None => {
                        let text = self.vars.get(name)?.text.clone();
                        Some(if depth > 0 { self.fill_to(&text, depth - 1) } else { text })
                    }
                }
            }
        }
    }

    /// The time of the plan's zone.
    fn now(&self) -> String {
        self.here(jiff::Timestamp::now()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    fn here(&self, at: jiff::Timestamp) -> jiff::Zoned {
        let name = self.recorder.look(|run| run.opened.as_ref().map(|opened| opened.timezone.clone()));
        let zone =
            name.and_then(|name| jiff::tz::TimeZone::get(&name).ok()).unwrap_or(jiff::tz::TimeZone::UTC);
        at.to_zoned(zone)
    }
}

/// The last step that failed, and how.
fn failed(run: &Run) -> Option<(&StepState, &Problem)> {
    run.steps.iter().rev().find_map(|step| step.problem.as_ref().map(|problem| (step, problem)))
}

/// What went wrong: where no step failed and somebody takes the run back, their reason.
fn failure(run: &Run) -> String {
    let problem = failed(run).map(|(_, problem)| problem.message.clone());
    let reason = || run.rollback.as_ref().map(|rollback| rollback.why.clone());
    problem.or_else(reason).unwrap_or_else(|| "nothing failed".to_owned())
}

impl Conductor {
    /// The values that names in texts have now.
    pub(super) fn texts(&self) -> Texts {
        self.texts_with(self.artifacts())
    }

    fn texts_with(&self, artifacts: PathBuf) -> Texts {
        Texts {
            recorder: self.recorder.clone(),
            vars: self.vars.clone(),
            unsaved: self.saved_values(),
            artifacts,
            database: self.target.database().to_owned(),
            secrets: self.secrets.clone(),
        }
    }

    /// The text with every name that is known filled in; what isn't known stays as it stands.
    pub(super) fn fill(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        self.texts().masked(text)
    }

    /// As [`Self::fill`], for the name of a file: a time has neither blanks nor colons in it.
    pub(super) fn fill_path(&self, text: &str) -> String {
        let texts = self.texts();
        let now = texts.here(jiff::Timestamp::now()).strftime("%Y-%m-%d_%H%M%S").to_string();
        texts.masked(&text.replace("{now}", &now))
    }

    /// As [`Self::fill_path`], for the folder that everything of this run goes into: its time is when the run
    /// began.
    pub(super) fn fill_folder(&self, text: &str) -> String {
        // It can't be said by itself.
        let texts = self.texts_with(PathBuf::from("artifacts"));
        let began = self.recorder.look(|run| run.opened_at).unwrap_or_else(jiff::Timestamp::now);
        let began = texts.here(began).strftime("%Y-%m-%d_%H%M%S").to_string();
        texts.masked(&text.replace("{now}", &began))
    }
}

fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        let inside = &rest[open + 1..];
        let name = inside.find('}').map(|close| &inside[..close]);
        match name.and_then(|name| Some((name, value(name)?))) {
            Some((name, value)) => {
                filled.push_str(&value);
                rest = &inside[name.len() + 1..];
            }
            None => {
                filled.push('{');
                rest = inside;
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn known_names_are_filled_in_and_others_stay() {
        let value = |name: &str| (name == "who").then(|| "Ada {x}".to_owned());
        assert_eq!(fill("by {who}, not {whom} {", value), "by Ada {x}, not {whom} {");
    }
}
