//! What a script may have a shell do: nothing, unless the plan allows it by name.

/// A way by which a script runs a shell command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shell {
    /// `\! command`
    Command,
    /// A command in backticks, whose output becomes a part of an argument.
    Backticks,
    /// `\g | command`: the result of one statement.
    Results,
    /// `\o | command`: the results of all that follow.
    Output,
    /// `\copy … from program` and `\copy … to program`.
    CopyProgram,
}

impl Shell {
    pub const ALL: [Shell; 5] =
        [Shell::Command, Shell::Backticks, Shell::Results, Shell::Output, Shell::CopyProgram];

    /// As a plan names it in `allow_shell`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Shell::Command => "\\!",
            Shell::Backticks => "backticks",
            Shell::Results => "\\g |",
            Shell::Output => "\\o |",
            Shell::CopyProgram => "\\copy program",
        }
    }

    /// By its name in a plan.
    #[must_use]
    pub fn named(name: &str) -> Option<Shell> {
        Shell::ALL.into_iter().find(|shell| shell.name() == name)
    }

    /// What to write into the plan, as TOML has it without doubled backslashes.
    pub(super) fn todo(self) -> String {
        format!(
            "run it beside the plan, behind a `confirm` step; or give the step allow_shell = ['{}']",
            self.name()
        )
    }
}

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    /// Where they go anyway.
    Usual,
    /// `/dev/null`
    Nobody,
    /// Into a file below the folder for what a run writes.
    File(String),
    /// Into a shell command.
    Program(String),
}

/// A word of a shell command that stands for this value and no other, as psql quotes it. None when it
/// can't be quoted.
pub(super) fn quote(value: &str) -> Option<String> {
    let safe = |c: char| c.is_ascii_alphanumeric() || "-_./:".contains(c);
    if !value.is_empty() && value.chars().all(safe) {
        return Some(value.to_owned());
    }
    if value.contains(['\n', '\r']) {
        return None;
    }
    Some(format!("'{}'", value.replace('\'', "'\"'\"'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back() {
        for shell in Shell::ALL {
            assert_eq!(Shell::named(shell.name()), Some(shell));
        }
        assert_eq!(Shell::named("\\w |"), None);
    }

    #[test]
    fn a_value_is_one_word() {
        assert_eq!(quote("a-b_c./:9").as_deref(), Some("a-b_c./:9"));
        assert_eq!(quote("").as_deref(), Some("''"));
        assert_eq!(quote("it's; rm").as_deref(), Some("'it'\"'\"'s; rm'"));
        assert_eq!(quote("a\nb"), None);
    }
}
