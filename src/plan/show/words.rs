//! Actions and expectations in a few words.

use crate::plan::duration;
use crate::plan::expect::{Cell, Expect};
use crate::plan::model::{Action, Amount, Ask, BackupProof, Checkpoint, Kinds, Step, Transaction};

use super::line::clean;

/// The word of the format for what a step does.
pub fn action_word(action: &Action) -> &'static str {
    match action {
        Action::Group => "group",
        Action::File { .. } => "file",
        Action::Files { .. } => "files",
        Action::Sql { .. } => "sql",
        Action::Check { .. } => "check",
        Action::Inventory(_) => "inventory",
        Action::Probe { .. } => "probe",
        Action::Command(_) => "command",
        Action::Notify(_) => "notify",
        Action::Soak(_) => "soak",
        Action::Confirm(_) => "confirm",
        Action::Signoff(_) => "signoff",
        Action::Requires(_) => "requires",
        Action::Snapshot(_) => "snapshot",
        Action::Compare(_) => "compare",
        Action::Report(_) => "report",
        Action::Backup(_) => "backup",
        Action::Restore(_) => "restore",
        Action::Undo(_) => "undo",
        Action::Later(key) => key,
    }
}

/// What a step does, as the plan calls it and with what: `restore before`, `command pg_ctl stop`.
#[must_use]
pub fn deed(step: &Step) -> String {
    match &step.action {
        Action::Group => count(step.checkpoints.len(), "checkpoint"),
        action => [action_word(action).to_owned(), detail(action)].join(" ").trim_end().to_owned(),
    }
}

/// What belongs behind the word: a file, a number of items, roles.
pub(super) fn detail(action: &Action) -> String {
    match action {
        Action::File { file, section: None } => clean(&file.name),
        Action::File { file, section: Some(section) } => clean(&format!("{}, {}", file.name, section.begin)),
        Action::Files { pattern, files } => clean(&format!("{pattern}, {}", count(files.len(), "file"))),
        Action::Confirm(items) => count(items.len(), "item"),
        Action::Signoff(signoff) => clean(&signoff.roles.join(", ")),
        Action::Inventory(kinds_) => kinds(kinds_),
        Action::Command(program) => clean(&program.call.words()),
        Action::Notify(notice) => clean(&notice.to.join(", ")),
        Action::Soak(text) => clean(text),
        Action::Requires(requires) => clean(&requires.whose()),
        Action::Snapshot(snapshot) => snapshot.of.word().to_owned(),
        Action::Report(path) => clean(path),
        Action::Compare(compare) => {
            let with = compare.with.as_deref().unwrap_or("the source");
            clean(&format!("{} with {with}", compare.of.word()))
        }
        Action::Restore(restore) if restore.beside => clean(&format!("{}, beside", restore.backup)),
        Action::Restore(restore) => clean(&restore.backup),
        Action::Undo(ids) => clean(&ids.join(", ")),
        Action::Backup(backup) => match backup.proof {
            BackupProof::List => clean(&format!("{}, listed", backup.path)),
            BackupProof::Restore => clean(&format!("{}, restored to prove it", backup.path)),
        },
        Action::Group
        | Action::Sql { .. }
        | Action::Check { .. }
        | Action::Probe { .. }
        | Action::Later(_) => String::new(),
    }
}

/// What it means that psql runs a step, in a line.
pub fn by_psql(step: &Step) -> &'static str {
    match step.transaction {
        Transaction::Single => {
            "run by psql, in one transaction with the ledger's row; not counted or watched"
        }
        _ => "run by psql: if it is cut off, nobody can tell how far it came",
    }
}

pub(super) fn count(n: usize, word: &str) -> String {
    if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") }
}

/// What a step's own action must give.
pub(super) fn step_expected(step: &Step) -> String {
    step.expect.as_ref().map(expected).unwrap_or_default()
}

pub(super) fn checkpoint_expected(checkpoint: &Checkpoint) -> String {
    match (&checkpoint.ask, &checkpoint.expect) {
        (Ask::Inventory(asked), _) => kinds(asked),
        (Ask::Compare(compare), None) => {
            format!("as in {}", compare.with.as_deref().unwrap_or("the source"))
        }
        (Ask::Compare(_), Some(expect)) => expected(expect),
        (Ask::Sql(_), Some(expect)) => expected(expect),
        (Ask::Sql(_), None) => match &checkpoint.save {
            Some(name) => format!("saved as {{{name}}}"),
            None => "must run".to_owned(),
        },
    }
}

/// An expectation in words.
pub fn expected(expect: &Expect) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(value) = &expect.value {
        parts.push(clean(&value.source));
    }
    if let Some(rows) = &expect.rows {
        parts.push(rows_words(rows));
    }
    let listed =
        [(&expect.table, "in order"), (&expect.set, "in any order"), (&expect.includes, "among others")];
    for (rows, how) in listed {
        if let Some(rows) = rows {
            // "3 rows; 3 rows in any order" says one thing twice.
            let words = count(rows.len(), "row");
            parts.retain(|part| *part != words);
            parts.push(format!("{words} {how}"));
        }
    }
    for (column, cell) in &expect.each {
        parts.push(clean(&format!("{column}: {}", cell.source)));
    }
    if !expect.contains.is_empty() {
        parts.push(clean(&format!("contains {}", expect.contains.join(", "))));
    }
    if let Some(error) = &expect.error {
        parts.push(clean(&format!("error {}", error.sqlstate)));
    }
    if let Some(within) = expect.within {
        parts.push(format!("within {}", duration::words(within)));
    }
    if let Some(warnings) = &expect.warnings {
        parts.push(format!("{} warnings", clean(&warnings.source)));
    }
    if let Some(exit) = &expect.exit {
        parts.push(format!("exit {}", clean(&exit.source)));
    }
    parts.join("; ")
}

fn rows_words(cell: &Cell) -> String {
    let source = clean(&cell.source);
    if source == "1" { "1 row".to_owned() } else { format!("{source} rows") }
}

/// Kinds with their figures or names.
pub fn kinds(kinds: &Kinds) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (kind, amount) in &kinds.counts {
        let kind = kind.word();
        parts.push(match amount {
            Amount::Count(cell) => clean(&format!("{kind} {}", cell.source)),
            Amount::Names(names) => clean(&format!("{kind} {}", names.join(", "))),
        });
    }
    for (table, cell) in &kinds.rows {
        parts.push(clean(&format!("{table} {} rows", cell.source)));
    }
    parts.join("; ")
}
