//! What a person can type when the run waits: the one place that knows the command line's flags.

use super::printer::Printer;
use crate::run::event::HoldReason;

/// What it does, and the command. The id of the run is in it: there may be others.
pub(super) fn commands(
    printer: &Printer,
    reason: &HoldReason,
    step: Option<&str>,
) -> Vec<(&'static str, String)> {
    let run = run_words(printer);
    let resume = format!("holdpoint resume {run}");
    let rollback = ("to undo what was applied", format!("holdpoint rollback {run}"));
    let with = |flag: &str, value: &str| format!("{resume} {flag} {}={value}", shell(step.unwrap_or("STEP")));
    let mut commands = match reason {
        HoldReason::Failed => vec![
            ("to try it again", resume.clone()),
            ("to leave it out", with("--skip", "\"reason\"")),
            rollback,
        ],
        HoldReason::Unverified => vec![
            ("to look again", resume.clone()),
            ("to go on all the same", with("--override", "\"reason\"")),
            rollback,
        ],
        HoldReason::UndoFailed => vec![
            ("to try the undo again", resume.clone()),
            ("to leave its effects", with("--skip", "\"reason\"")),
        ],
        HoldReason::HalfApplied => vec![
            ("to look at it again", resume.clone()),
            ("to leave the rest out", with("--skip", "\"reason\"")),
            rollback,
        ],
        HoldReason::Unknown if printer.run.is_to_go_back() => vec![
            ("if it was applied, then back as asked", with("--rule", "applied")),
            ("if it wasn't, then back as asked", with("--rule", "not-applied")),
        ],
        HoldReason::Unknown => vec![
            ("if it was applied", with("--rule", "applied")),
            ("if it wasn't", with("--rule", "not-applied")),
        ],
        HoldReason::Stepping | HoldReason::Person if printer.named.at_screen => {
            vec![("to go on", resume.clone()), rollback]
        }
        HoldReason::Stepping => {
            let answer = format!("{resume} --answers FILE   # go = [\"{}\"]", step.unwrap_or("STEP"));
            vec![("to go on", answer), rollback]
        }
        HoldReason::Person => vec![("to go on", person(printer, &resume, step))],
        HoldReason::Breached => vec![("to go on all the same", resume.clone()), rollback],
        HoldReason::Asked | HoldReason::LockLost => vec![("to go on", resume.clone())],
        HoldReason::Irreversible => vec![
            ("to do it all the same", with("--irreversible", "\"reason\"")),
            ("to leave it out", with("--skip", "\"reason\"")),
            rollback,
        ],
        HoldReason::Reopened => vec![
            ("to go back", resume.clone()),
            ("to leave it as it was", format!("{resume} --end \"reason\"")),
        ],
        HoldReason::RolledBackTo => vec![("to go forward again", resume.clone()), rollback],
    };
    // There is nothing to go back from.
    if printer.run.applied_order.is_empty() {
        commands.retain(|(_, command)| !command.starts_with("holdpoint rollback"));
    }
    commands
}

/// The run as a command names it: its id, and its folder and database where they aren't found by themselves.
pub(super) fn run_words(printer: &Printer) -> String {
    format!("{}{}", printer.id(), printer.named.flags())
}

/// A checklist takes one name; a sign-off one a role.
fn person(printer: &Printer, resume: &str, step: Option<&str>) -> String {
    let id = step.unwrap_or("STEP");
    let outline = step.and_then(|step| printer.book.outline(step));
    match outline.map(|outline| outline.roles.as_slice()) {
        Some([]) | None => format!("{resume} --confirm {}=NAME", shell(id)),
        Some(roles) => {
            let state = step.and_then(|step| printer.run.step(step));
            let missing = match state {
                Some(state) => state.roles_missing(roles).next(),
                None => roles.first(),
            };
            let role = missing.map_or("ROLE", String::as_str);
            format!("{resume} --answers FILE   # [sign.\"{id}\"] \"{role}\" = \"NAME\"")
        }
    }
}

/// A word as a shell takes it: what stands in a journal is copied into a terminal.
pub(super) fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.' | ':' | '@' | '=');
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_copied_safely() {
        assert_eq!(shell("verify/stages-25"), "verify/stages-25");
        assert_eq!(shell("a; rm -rf ~"), "'a; rm -rf ~'");
        assert_eq!(shell("it's"), r"'it'\''s'");
    }
}
