//! Fills `{name}` in texts that people read: built-in names, the plan's variables, saved values.

use super::conductor::Conductor;

impl Conductor {
    /// The text with every name that is known filled in; what isn't known stays as it stands.
    pub(super) fn fill(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        let filled = fill(text, |name| match name {
            "now" => Some(self.now()),
            "operator" => Some(super::open::operator().os_user),
            "artifacts" => Some(self.artifacts().display().to_string()),
            "target_database" => Some(self.target.database().to_owned()),
            "failed_step" => self.recorder.look(|run| {
                run.steps.iter().rev().find(|step| step.problem.is_some()).map(|step| step.id.clone())
            }),
            "failure" => self.recorder.look(|run| {
                run.steps.iter().rev().find_map(|step| step.problem.as_ref().map(|p| p.message.clone()))
            }),
            name => self.saved().get(name).and_then(|value| value.text.clone()),
        });
        self.secrets.mask(&filled)
    }

    /// As [`Self::fill`], for the name of a file: a time has neither blanks nor colons in it.
    pub(super) fn fill_path(&self, text: &str) -> String {
        let now = self.here(jiff::Timestamp::now()).strftime("%Y-%m-%d_%H%M%S").to_string();
        self.fill(&text.replace("{now}", &now))
    }

    /// As [`Self::fill_path`], for the folder that everything of this run goes into: its time is when the run
    /// began.
    pub(super) fn fill_folder(&self, text: &str) -> String {
        let began = self.recorder.look(|run| run.opened_at).unwrap_or_else(jiff::Timestamp::now);
        let began = self.here(began).strftime("%Y-%m-%d_%H%M%S").to_string();
        // It can't be said by itself.
        self.fill(&text.replace("{now}", &began).replace("{artifacts}", "artifacts"))
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
