//! What `check` notes about a script: nothing that would stop it, but what somebody who wrote it for
//! `psql -f` may not expect. Equal notes of a file are one note with all its lines: a dump has a
//! hundred of them.

use std::collections::BTreeSet;

use crate::pg::probe::Probe;
use crate::plan::model::{Plan, Runner, Step, Transaction, Undo};
use crate::run::event::Place;
use crate::script::{
    self, Bare, Kind, Problem as Wrong, ScanReport, ScriptError, Session, Shell, Surprise, Switch,
    Transaction as Control,
};

/// Lines of a note that are kept.
const LINES_AT_MOST: usize = 1_000;

/// A note about a file, before it has its words.
#[derive(Debug)]
struct Note {
    about: About,
    place: Place,
    /// Lines of the other places.
    again: Vec<u64>,
    /// Of settings, variables, statements: what exactly, in the order of the file.
    names: Vec<String>,
}

/// A note with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub place: Place,
    pub again: Vec<u64>,
    pub what: String,
    pub hint: Option<String>,
}

/// What a note is about. Equal ones are grouped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    ByPsql,
    LeftToPsql,
    ShellByPsql,
    Shell(Shell),
    PassesOverErrors,
    Connects,
    Settings,
    SearchPath,
    LockTimeout,
    Role,
    Resets,
    Mode,
    InSession,
    Listens,
    OwnTransactions,
    Bare { probed: bool },
    ServerCopy { program: bool, from: bool },
    OtherDatabase,
    Dblink,
    LeadingDrops,
    Commits { block: bool, fails: bool },
    NewValue,
    CutOff(&'static str),
    DataCutOff,
    Nothing,
    Unset,
    Raw,
}

/// All notes about a script of a step, in the order of the file. `given` are names that have a value by
/// the time it runs.
pub(super) fn notes(step: &Step, report: &ScanReport, given: &BTreeSet<String>) -> Vec<Said> {
    let mut notes = Notes { step, list: Vec::new() };
    if step.runner == Runner::Psql {
        if let Some(first) = &report.first {
            notes.add(About::ByPsql, first, None);
        }
        for problem in report.problems.iter().filter(|error| is_psqls_matter(error.problem)) {
            notes.left_to_psql(problem);
        }
        for connect in &report.connects {
            notes.add(About::Connects, &connect.place, Some("\\c".to_owned()));
        }
        for (switch, on, place) in &report.switches {
            if (*switch, *on) == (Switch::StopOnError, false) {
                notes.add(About::PassesOverErrors, place, Some(switch.name().to_owned()));
            }
        }
    }
    if step.runner == Runner::Holdpoint {
        for (way, command, place) in &report.shell {
            notes.add(About::Shell(*way), place, Some(shortened(command)));
        }
    }
    for statement in &report.statements {
        for kind in statement.kind.each() {
            notes.of_kind(kind, &statement.place);
        }
        // In a DO block or a function it is found by its name alone.
        let named =
            matches!(&statement.kind, Kind::Session(Session::Set { name, .. }) if name == "lock_timeout");
        if named || (statement.touches_lock_timeout && matches!(statement.kind, Kind::Other(_))) {
            notes.add(About::LockTimeout, &statement.place, None);
        }
    }
    let sets_variables = report.problems.iter().any(gives_values);
    for (surprise, place) in &report.surprises {
        let (about, name) = match surprise {
            Surprise::Unset { name, .. } if sets_variables || has_value(given, name) => continue,
            Surprise::Unset { written, .. } => (About::Unset, Some(written.clone())),
            Surprise::Raw { name } => (About::Raw, Some(format!(":{name}"))),
            Surprise::CutOff { inside } => (About::CutOff(inside), None),
            Surprise::DataCutOff => (About::DataCutOff, None),
            Surprise::SetConfig { name } if name == "search_path" => (About::SearchPath, None),
            Surprise::SetConfig { name } if name == "lock_timeout" => (About::LockTimeout, None),
            Surprise::SetConfig { name } => (About::Settings, Some(name.clone())),
            Surprise::Dblink => (About::Dblink, None),
            Surprise::BareDrop => (About::LeadingDrops, None),
            Surprise::Commits { block, in_block } => {
                let fails = in_one_transaction(step, *in_block);
                (About::Commits { block: *block, fails }, None)
            }
            Surprise::NewValue { in_block, .. } if !in_one_transaction(step, *in_block) => continue,
            Surprise::NewValue { value, .. } => (About::NewValue, Some(value.clone())),
        };
        notes.add(about, place, name);
    }
    let sends = report.count > 0 || !report.shell.is_empty() || !report.problems.is_empty();
    if let Some(begin) = report.begin.as_ref().filter(|_| !sends) {
        notes.add(About::Nothing, begin, None);
    }
    let mut said: Vec<Said> = notes.list.into_iter().map(|note| note.said(step)).collect();
    let order = |said: &Said| (said.place.file.clone(), said.place.line, said.place.column);
    said.sort_by_key(order);
    said
}

/// What stands there runs in one transaction with what stands around it.
fn in_one_transaction(step: &Step, in_block: bool) -> bool {
    match step.transaction {
        Transaction::Single => true,
        Transaction::Script => in_block,
        // psql sends a BEGIN of the file as it stands.
        Transaction::None => in_block && step.runner == Runner::Psql,
    }
}

/// What psql can do, or takes in its own way.
pub(super) fn is_psqls_matter(problem: Wrong) -> bool {
    matches!(problem, Wrong::Refused | Wrong::UnknownCommand | Wrong::Condition)
}

/// Names that the plan saves: their values come while it runs.
pub(super) fn saved(plan: &Plan) -> BTreeSet<String> {
    let named = plan.rollbacks.iter().flat_map(|procedure| &procedure.steps);
    let steps = plan.phases.iter().flat_map(|phase| &phase.steps).chain(named);
    let own = |step: &Step| match &step.rollback {
        Some(Undo::Own(own)) => own.checkpoints.clone(),
        _ => Vec::new(),
    };
    steps
        .flat_map(|step| {
            let checkpoints = step.checkpoints.iter().cloned().chain(own(step));
            step.save.clone().into_iter().chain(checkpoints.filter_map(|checkpoint| checkpoint.save))
        })
        .collect()
}

/// The name itself, or `saved_COLUMN` of a row.
fn has_value(given: &BTreeSet<String>, name: &str) -> bool {
    given.contains(name) || name.match_indices('_').any(|(at, _)| given.contains(&name[..at]))
}

/// A command that gives variables their values while psql runs.
fn gives_values(problem: &ScriptError) -> bool {
    ["\\gset", "\\prompt", "\\getenv"].iter().any(|command| problem.what.starts_with(command))
}

struct Notes<'a> {
    step: &'a Step,
    list: Vec<Note>,
}

impl Notes<'_> {
    fn add(&mut self, about: About, place: &script::Place, name: Option<String>) {
        let place = super::problems::place_of(place);
        let same = |note: &&mut Note| note.about == about && note.place.file == place.file;
        let note = match self.list.iter_mut().find(same) {
            Some(note) => {
                if note.again.last() != Some(&place.line) && note.place.line != place.line {
                    note.again.push(place.line);
                }
                note
            }
            None => {
                self.list.push(Note { about, place, again: Vec::new(), names: Vec::new() });
                match self.list.last_mut() {
                    Some(note) => note,
                    None => return,
                }
            }
        };
        note.again.truncate(LINES_AT_MOST);
        if let Some(name) = name.filter(|name| !note.names.contains(name)) {
            note.names.push(name);
        }
    }

    fn left_to_psql(&mut self, problem: &ScriptError) {
        let what = problem.what.trim_end_matches(" is refused");
        let about = match what {
            what if what.starts_with("\\!") || what.contains('`') || what.contains("backquote") => {
                About::ShellByPsql
            }
            what if what.starts_with("\\c:") || what.starts_with("\\c ") || what.starts_with("\\connect") => {
                About::Connects
            }
            _ => About::LeftToPsql,
        };
        self.add(about, &problem.place, Some(what.to_owned()));
    }

    fn of_kind(&mut self, kind: &Kind, place: &script::Place) {
        let step = self.step;
        let in_pieces = step.transaction != Transaction::Single;
        match kind {
            Kind::CopyServerSide { program, from } => {
                self.add(About::ServerCopy { program: *program, from: *from }, place, None);
            }
            Kind::Bare(bare) => {
                if in_pieces && step.runner == Runner::Holdpoint {
                    let probed = Probe::of(kind).is_some();
                    self.add(About::Bare { probed }, place, Some(words_of(bare).to_owned()));
                }
                if matches!(bare, Bare::CreateDatabase { .. } | Bare::DropDatabase { .. }) {
                    self.add(About::OtherDatabase, place, Some(words_of(bare).to_owned()));
                }
            }
            Kind::Transaction(Control::Begin)
                if step.transaction == Transaction::Script && step.runner == Runner::Holdpoint =>
            {
                self.add(About::OwnTransactions, place, None);
            }
            Kind::Session(session) => self.of_session(session, place, in_pieces),
            _ => {}
        }
    }

    fn of_session(&mut self, session: &Session, place: &script::Place, in_pieces: bool) {
        match session {
            Session::Set { name, local: false } if name == "search_path" => {
                self.add(About::SearchPath, place, None)
            }
            // That of lock_timeout has a note of its own.
            Session::Set { name, local: false } if name != "lock_timeout" => {
                self.add(About::Settings, place, Some(name.clone()));
            }
            Session::SetRole => self.add(About::Role, place, Some("SET ROLE".to_owned())),
            Session::SetSessionAuthorization => {
                self.add(About::Role, place, Some("SET SESSION AUTHORIZATION".to_owned()));
            }
            Session::Reset { .. } => self.add(About::Resets, place, Some("RESET".to_owned())),
            Session::Discard { .. } => self.add(About::Resets, place, Some("DISCARD".to_owned())),
            Session::SetTransaction => self.add(About::Mode, place, None),
            Session::Temporary | Session::Cursor if in_pieces && self.step.runner == Runner::Holdpoint => {
                self.add(About::InSession, place, None);
            }
            Session::Listen => self.add(About::Listens, place, None),
            _ => {}
        }
    }
}

impl Note {
    fn said(self, step: &Step) -> Said {
        let times = 1 + self.again.len();
        let names = listed(&self.names);
        let single = step.transaction == Transaction::Single;
        let runs = if self.names.len() == 1 { "runs by itself" } else { "each of them runs by itself" };
        let mut hint = None;
        let what = match self.about {
            About::ByPsql if single => {
                hint = Some("what is lost: no statement is counted, no checkpoint runs before COMMIT");
                "psql runs this file (runner = \"psql\"), in one transaction with the ledger's row".to_owned()
            }
            About::ByPsql => {
                hint = Some("if it is cut off, nobody can tell how far it came, and a person has to rule");
                "psql runs this file (runner = \"psql\"), not in one transaction: the ledger has one row for all of it, \
                 written after it"
                    .to_owned()
            }
            About::LeftToPsql => format!("left to psql: {names}"),
            About::ShellByPsql => {
                "shell commands: psql runs them on this machine, as who runs holdpoint; no rollback reaches them".to_owned()
            }
            About::Shell(way) => {
                hint = Some(match way {
                    Shell::Command | Shell::Output | Shell::Results if single => {
                        "no rollback reaches what it does, and a retry of the step does it again; its exit code stops nothing, as in psql"
                    }
                    Shell::Command | Shell::Output | Shell::Results => {
                        "no rollback reaches what it does; its exit code stops nothing, as in psql; after a stop behind it \
                         the file isn't entered again in the middle"
                    }
                    Shell::Backticks => {
                        "its output becomes a part of the script, whatever its exit code is, as in psql"
                    }
                    Shell::CopyProgram => "an exit code that isn't 0 fails the step, as in psql",
                });
                let rehearsed = match way {
                    _ if step.demo => "",
                    Shell::Backticks => "; in demo and rehearse it isn't run, and the step fails there",
                    _ => "; in demo and rehearse it isn't run",
                };
                format!("runs on this machine, as who runs holdpoint ({}): {names}{rehearsed}", way.name())
            }
            About::Connects => {
                hint = single.then_some("give the step transaction = \"none\"");
                "connects anew, maybe to another database: the step's transaction and the ledger's row stay behind, and so \
                 does what this run compares"
                    .to_owned()
            }
            About::PassesOverErrors if single => {
                hint = Some("let it stop at the first error, or give the step transaction = \"none\"");
                "errors are passed over from here on, and in one transaction the first of them undoes all".to_owned()
            }
            About::PassesOverErrors => {
                "errors are passed over from here on: the step passes with them, and the evidence says so".to_owned()
            }
            About::Settings => {
                format!("sets {names} for its session: to the end of this file, the next one begins in a fresh session")
            }
            About::SearchPath => {
                "sets search_path: names without a schema mean something else from here to the end of this file".to_owned()
            }
            About::LockTimeout if step.runner == Runner::Psql => {
                hint = Some("take lock_timeout out of the file, or mind who else works there");
                "may lift lock_timeout, and psql lets it: a lock could be waited for without end".to_owned()
            }
            About::LockTimeout => {
                "may set lock_timeout: what is longer than the step's doesn't count, and 0 neither".to_owned()
            }
            About::Role => {
                hint = Some("for a whole step, `as` of the step says it better");
                format!("{names}: what follows runs as another role; the ledger's row is written as the connection's own")
            }
            About::Resets => {
                format!("{names} takes back settings of the session; holdpoint makes those it needs again")
            }
            About::Mode => "sets how transactions run (isolation level, read only, deferrable)".to_owned(),
            About::InSession => {
                "makes something that lives in its session (a temporary object, a cursor): after a stop in this file it isn't \
                 entered again in the middle, and the run holds"
                    .to_owned()
            }
            About::Listens => "LISTEN: nobody hears what is notified here".to_owned(),
            About::OwnTransactions => format!(
                "has {} of its own: what one has committed stays when a later one fails",
                super::verify::count(times, "transaction")
            ),
            About::Bare { probed: true } => format!(
                "{names} can't be in a transaction, and {runs}, between an intent and a result; the catalog tells whether it \
                 was done"
            ),
            About::Bare { probed: false } => format!(
                "{names} can't be in a transaction, and {runs}, between an intent and a result; after a stop in the middle a \
                 person has to say whether it was done"
            ),
            About::ServerCopy { program, from } => format!(
                "COPY {} on the server's own machine{}",
                match (program, from) {
                    (true, _) => "runs a program",
                    (false, true) => "reads a file",
                    (false, false) => "writes a file",
                },
                if from && !program { ": it must be there by then" } else { ": no rollback reaches that" }
            ),
            About::OtherDatabase => {
                format!("{names}: another database than the one of this run; neither ledger nor before-image cover it")
            }
            About::Dblink => {
                "dblink works in a transaction of its own, maybe in another database: no rollback here reaches that".to_owned()
            }
            About::LeadingDrops => {
                hint = Some("a guess; write IF EXISTS when something may be missing");
                "begins with DROP without IF EXISTS: where there is nothing to drop it ends, and `psql -f` goes on".to_owned()
            }
            About::Commits { block, fails } => {
                let what = if block { "this DO block" } else { "this CALL is of a procedure of the file that" };
                if fails {
                    hint = Some("give the step transaction = \"none\": there it runs as psql runs it");
                    format!(
                        "{what} has a COMMIT or ROLLBACK of its own, and fails where it comes to that: it runs inside a \
                         transaction"
                    )
                } else {
                    format!(
                        "{what} has a COMMIT or ROLLBACK of its own: it runs outside of transactions, between an intent and a \
                         result; after a stop in the middle a person has to say whether it was done"
                    )
                }
            }
            About::NewValue => {
                hint = Some(
                    "a guess, by the words: add it in a step of its own before this one, or with transaction = \"none\"",
                );
                format!(
                    "{names} is added to an enum and used in the same transaction: the server refuses that (unsafe use of new \
                     value)"
                )
            }
            About::CutOff(inside) => {
                hint = Some("is the file whole? psql sends what there is");
                format!("the file ends inside of {inside} that begins here")
            }
            About::DataCutOff => {
                hint = Some("a dump that was cut off ends so; psql takes it for the end of the data");
                "the file ends in the data of this COPY, without the line \\. that ends them".to_owned()
            }
            About::Nothing => {
                hint = Some("is it the right file, and is it whole? The step would pass without having done anything");
                "there is no statement in it: nothing is sent to the server".to_owned()
            }
            About::Unset => {
                hint = Some("a variable of the plan, a `save` before or \\set gives a value");
                let have = if self.names.len() == 1 { "has" } else { "have" };
                format!("{names} {have} no value: psql sends {} as written", if self.names.len() == 1 { "it" } else { "them" })
            }
            About::Raw => {
                hint = Some("write :'name' for a text or :\"name\" for a name, unless it is meant to be SQL");
                format!("the value of {names} becomes a part of the SQL as it is")
            }
        };
        Said { place: self.place, again: self.again, what, hint: hint.map(str::to_owned) }
    }
}

/// A shell command, for a line of its own.
fn shortened(command: &str) -> String {
    const MOST: usize = 60;
    let cut: String = command.chars().take(MOST).collect();
    if cut.len() < command.len() { format!("`{cut}…`") } else { format!("`{cut}`") }
}

/// `a`, `a and b`, `a, b and c`; of very many the first.
fn listed(names: &[String]) -> String {
    const MOST: usize = 8;
    let shown: Vec<&str> = names.iter().take(MOST).map(String::as_str).collect();
    match shown.as_slice() {
        shown if names.len() > MOST => format!("{} and {} more", shown.join(", "), names.len() - MOST),
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

pub(super) fn words_of(bare: &Bare) -> &'static str {
    match bare {
        Bare::CreateIndexConcurrently { .. } => "CREATE INDEX CONCURRENTLY",
        Bare::DropIndexConcurrently { .. } => "DROP INDEX CONCURRENTLY",
        Bare::Reindex { .. } => "REINDEX",
        Bare::DetachPartitionConcurrently { .. } => "DETACH PARTITION CONCURRENTLY",
        Bare::Vacuum => "VACUUM",
        Bare::Cluster => "CLUSTER",
        Bare::CreateDatabase { .. } => "CREATE DATABASE",
        Bare::DropDatabase { .. } => "DROP DATABASE",
        Bare::AlterDatabaseTablespace { .. } => "ALTER DATABASE … SET TABLESPACE",
        Bare::CreateTablespace { .. } => "CREATE TABLESPACE",
        Bare::DropTablespace { .. } => "DROP TABLESPACE",
        Bare::AlterSystem => "ALTER SYSTEM",
        Bare::CreateSubscription { .. } => "CREATE SUBSCRIPTION",
        Bare::AlterSubscription { .. } => "ALTER SUBSCRIPTION",
        Bare::DropSubscription { .. } => "DROP SUBSCRIPTION",
    }
}
