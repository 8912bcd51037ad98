//! A script read from end to end without a server: everything `check` wants to say about it at once.

use super::before::Before;
use super::connect::Connect;
use super::copy_command::CopyFile;
use super::error::{Problem, ScriptError};
use super::item::{Item, Switch};
use super::kind::Kind;
use super::place::Place;
use super::resolve::Resolver;
use super::shell::{Shell, Sink};
use super::statement::Statement;
use super::surprises::{self, Surprise};
use super::tally::Tally;
use super::then::Then;
use super::vars::Variables;
use super::walk::Script;

/// More problems than this in one script are one problem: it is no SQL script.
pub const PROBLEMS_AT_MOST: usize = 100;

/// A statement as `check` needs it: without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    pub kind: Kind,
    pub place: Place,
    pub touches_lock_timeout: bool,
    pub then: Then,
    /// Only the run knows whether it is executed at all.
    pub uncertain: bool,
    /// With AUTOCOMMIT off psql begins a transaction before it, when none is open.
    pub begins: bool,
}

/// A `\c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnect {
    pub connect: Connect,
    pub place: Place,
    /// Something is sent before it.
    pub in_the_middle: bool,
}

/// What a script holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScanReport {
    /// Those that don't just run: transaction control, COPY, what changes the session or can't run in a
    /// transaction. A dump has a million others, which aren't kept.
    pub statements: Vec<Scanned>,
    /// Statements that send something, empty ones left out.
    pub count: usize,
    /// Where it begins.
    pub begin: Option<Place>,
    /// Where the first of them begins.
    pub first: Option<Place>,
    /// Everything that would stop a run, in order of the script.
    pub problems: Vec<ScriptError>,
    /// What would go otherwise than its author may think.
    pub surprises: Vec<(Surprise, Place)>,
    pub notices: Vec<(String, Place)>,
    /// What an error means from there on.
    pub switches: Vec<(Switch, bool, Place)>,
    pub connects: Vec<Reconnect>,
    /// Shell commands that the plan allows: how, and which.
    pub shell: Vec<(Shell, String, Place)>,
    /// Bytes of all files, by what they belong to.
    pub bytes: Tally,
}

impl ScanReport {
    fn which(&self, of: impl Fn(&Kind) -> bool) -> impl Iterator<Item = &Scanned> {
        self.statements.iter().filter(move |scanned| of(&scanned.kind))
    }

    pub fn forbidden_in_transaction(&self) -> impl Iterator<Item = &Scanned> {
        self.which(Kind::forbidden_in_transaction)
    }

    pub fn transaction_control(&self) -> impl Iterator<Item = &Scanned> {
        self.which(Kind::is_transaction_control)
    }

    pub fn server_side_copies(&self) -> impl Iterator<Item = &Scanned> {
        self.which(Kind::copies_on_server)
    }

    pub fn session_changes(&self) -> impl Iterator<Item = &Scanned> {
        self.which(Kind::changes_session)
    }
}

/// Reads a script with all that it includes. A COPY … FROM STDIN is taken to be followed by its data, as
/// it is when it runs. Only a script that can't be opened at all is an error of its own.
pub fn scan(resolver: impl Resolver, file: &str, vars: Variables) -> Result<ScanReport, ScriptError> {
    scan_with(Script::open(resolver, file, vars)?)
}

/// Like [`scan`], for a script that is open already.
pub fn scan_with<R: Resolver>(mut script: Script<R>) -> Result<ScanReport, ScriptError> {
    script.look_only();
    let mut report = ScanReport { begin: script.begin(), ..ScanReport::default() };
    let mut chunk = Vec::new();
    let mut before = Before::new();
    // A \gset stood before: which names have a value behind it, only the query's columns tell.
    let mut gset = false;
    while report.problems.len() < PROBLEMS_AT_MOST {
        match script.next_item() {
            Ok(None) => break,
            Ok(Some(Item::Statement(statement))) => {
                // The file of a \copy was found, and holds what it likes.
                let copies = statement.kind.each().iter().filter(|_| statement.has_inline_data());
                for kind in copies.filter(|kind| matches!(kind, Kind::CopyFromStdin { .. })) {
                    if let Kind::CopyFromStdin { binary: true } = kind {
                        let what = "COPY in binary format with its data in the script".to_owned();
                        report.problems.push(ScriptError {
                            problem: Problem::Refused,
                            place: Box::new(statement.place.clone()),
                            what,
                            why: "a script is text".to_owned(),
                            todo: "use the text or csv format".to_owned(),
                        });
                    }
                    skip_data(&mut script, &mut chunk, &mut report.problems);
                    if script.copy_cut_off() {
                        report.surprises.push((Surprise::DataCutOff, statement.place.clone()));
                    }
                }
                if let Some(coding) = statement.sets_coding() {
                    script.set_coding(coding);
                }
                if let Some(on) = statement.sets_standard_strings() {
                    script.set_standard_strings(on);
                }
                report.shell.extend(shell_of(&statement));
                let known = report.surprises.len();
                let begins = script.begins_before(&statement);
                surprises::look(&statement, &mut before, begins, &mut report.surprises);
                if gset {
                    let found = report.surprises.split_off(known);
                    let told = found.into_iter().filter(|(what, _)| !matches!(what, Surprise::Unset { .. }));
                    report.surprises.extend(told);
                }
                gset |= matches!(statement.then, Then::Set { .. });
                if statement.kind != Kind::Empty {
                    report.count += 1;
                    report.first.get_or_insert_with(|| statement.place.clone());
                }
                if begins
                    || statement.kind.drains_window()
                    || statement.touches_lock_timeout
                    || statement.then != Then::PLAIN
                {
                    report.statements.push(Scanned {
                        kind: statement.kind,
                        place: statement.place,
                        touches_lock_timeout: statement.touches_lock_timeout,
                        then: statement.then,
                        uncertain: statement.uncertain,
                        begins,
                    });
                }
            }
            Ok(Some(Item::Notice { text, place })) => report.notices.push((text, place)),
            Ok(Some(Item::Switched { switch, on, place })) => report.switches.push((switch, on, place)),
            Ok(Some(Item::Connect { connect, place })) => {
                let in_the_middle = report.count > 0;
                report.connects.push(Reconnect { connect, place, in_the_middle });
            }
            Ok(Some(Item::Shell { command, place })) => report.shell.push((Shell::Command, command, place)),
            Ok(Some(Item::Output { to: Sink::Program(command), place })) => {
                report.shell.push((Shell::Output, command, place));
            }
            // Nothing is run, so there is no answer; those that were passed by come below.
            Ok(Some(Item::Echo { .. } | Item::Settle | Item::Output { .. } | Item::Backticks { .. })) => {}
            Err(e) => {
                let hopeless = e.problem == Problem::Read;
                report.problems.push(e);
                if hopeless {
                    break;
                }
            }
        }
    }
    // A file that does nothing else is meant to drop what is there.
    if before.beginning {
        report.surprises.retain(|(what, _)| *what != Surprise::BareDrop);
    }
    let passed = script.take_backticks().into_iter();
    report.shell.extend(passed.map(|(command, place)| (Shell::Backticks, command, place)));
    report.bytes = script.tally();
    Ok(report)
}

/// The shell command that takes a statement's result, or gives its data.
fn shell_of(statement: &Statement) -> Option<(Shell, String, Place)> {
    let (way, command) = match (&statement.then, &statement.file) {
        (Then::Show { to: Sink::Program(command), .. }, _) => (Shell::Results, command),
        (_, Some(CopyFile::FromProgram { command } | CopyFile::ToProgram { command })) => {
            (Shell::CopyProgram, command)
        }
        _ => return None,
    };
    Some((way, command.clone(), statement.place.clone()))
}

fn skip_data<R: Resolver>(script: &mut Script<R>, chunk: &mut Vec<u8>, problems: &mut Vec<ScriptError>) {
    loop {
        match script.copy_chunk(chunk) {
            Ok(true) => {}
            Ok(false) => return,
            Err(e) => {
                let hopeless = e.problem == Problem::Read || problems.len() >= PROBLEMS_AT_MOST;
                problems.push(e);
                if hopeless {
                    return;
                }
            }
        }
    }
}
