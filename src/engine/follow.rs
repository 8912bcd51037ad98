//! What follows the answer to a statement: rows that are shown, variables that are set, statements that
//! were made by a query; and errors that the script passes over.

use super::heard::Broken;
use super::problems;
use super::sources::AnyScript;
use super::stream::Stream;
use super::table::{CELL, Table, WHOLE};
use crate::pg::{PgError, TransactionStatus};
use crate::run::event::Problem;
use crate::script::{CopyFile, Generated, Kind, Outcome, Sink, Statement, Switch, Then, quote_literal};

/// Lines of results that one stream shows; a script may have thousands of queries.
const LINES: usize = 2_000;
/// Errors passed over that are kept one by one.
const PASSED: usize = 100;

/// psql's own savepoint, by its name.
const SAVEPOINT: &str = "pg_psql_temporary_savepoint";

/// What comes before the script's next item.
#[derive(Debug, Clone)]
pub(super) enum Next {
    /// A statement that a `\gexec` made.
    Statement(Box<Statement>),
    /// The `\gexec` itself is over: psql's variables are those of its query.
    Outcome(Outcome),
    /// psql's savepoint around all of it goes.
    Release,
}

/// What the statement that is answered now has brought so far.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The result that comes in.
    open: Option<Table>,
    /// The last one that is complete.
    last: Option<Table>,
}

/// Errors that a script with ON_ERROR_STOP off has passed over.
#[derive(Debug, Default)]
pub struct Passed {
    pub problems: Vec<Problem>,
    /// All of them.
    pub count: u64,
    /// The one that broke the transaction, until the script goes back before it.
    open: Option<Box<Problem>>,
    /// What stopped nothing, and should be known.
    remarks: Vec<String>,
}

impl Passed {
    pub(super) fn remark(&mut self, line: String) {
        if self.remarks.len() < PASSED {
            self.remarks.push(line);
        }
    }

    /// A line for each, for the evidence.
    pub fn lines(&self) -> Vec<String> {
        let line = |problem: &Problem| {
            let at = problem.place.as_ref().map(|place| format!("{}:{}: ", place.file, place.line));
            format!("{}{}; the script passes over errors here", at.unwrap_or_default(), problem.message)
        };
        let mut lines = self.remarks.clone();
        lines.extend(self.problems.iter().map(line));
        let more = self.count - self.problems.len() as u64;
        if more > 0 {
            lines.push(format!("the script passed over {more} more errors"));
        }
        lines
    }
}

impl Stream<'_> {
    /// Whether an error of a statement is to be handled as the script says.
    pub(super) fn is_careful(script: &AnyScript) -> bool {
        !script.is_on(Switch::StopOnError) || script.is_on(Switch::RollBackOnError)
    }

    /// Sends one statement as psql does with ON_ERROR_ROLLBACK on or ON_ERROR_STOP off.
    ///
    /// # Errors
    /// As [`Stream::one`], unless the script passes over it.
    pub(super) async fn careful(
        &mut self,
        statement: Statement,
        script: &mut AnyScript,
    ) -> Result<(), Broken> {
        self.drain().await?;
        let stop = script.is_on(Switch::StopOnError);
        // What `\encoding` asks for libpq sends by itself.
        let by_psql = statement.then != Then::Nothing;
        let guarded = by_psql && script.is_on(Switch::RollBackOnError) && self.in_transaction();
        if guarded {
            self.plain(&savepoint()).await?;
        }
        let ends = ends_savepoint(&statement.kind);
        let makes = statement.then == Then::Execute;
        let sent = self.one(statement, script).await;
        if guarded {
            match self.work.transaction() {
                TransactionStatus::Failed => {
                    self.tally.went_back = true;
                    self.plain(&format!("ROLLBACK TO {SAVEPOINT}")).await?;
                }
                TransactionStatus::InTransaction if makes && !self.next.is_empty() => {
                    self.next.push_back(Next::Release);
                }
                TransactionStatus::InTransaction if !ends => self.plain(&release()).await?,
                _ => {}
            }
        }
        if self.work.transaction() != TransactionStatus::Failed {
            self.passed.open = None;
        }
        let Err(Broken::Server { problem, sqlstate }) = sent else { return sent };
        // A lock that holdpoint didn't wait for isn't the script's error: psql would have waited.
        let ours = sqlstate == problems::LOCK_NOT_AVAILABLE || sqlstate == problems::DEADLOCK;
        if stop || ours {
            return Err(Broken::Server { problem, sqlstate });
        }
        skip_data(script, self.unread)?;
        // What is refused only because an earlier error stands isn't an error of its own.
        if sqlstate != "25P02" {
            if self.work.transaction() == TransactionStatus::Failed {
                self.passed.open.get_or_insert_with(|| problem.clone());
            }
            self.passed.count += 1;
            if self.passed.problems.len() < PASSED {
                self.passed.problems.push(*problem);
            }
        }
        Ok(())
    }

    /// At the end of the script: an error that was passed over may have left the transaction failed.
    pub(super) fn left_failed(&mut self) -> Result<(), Broken> {
        match self.passed.open.take() {
            Some(mut problem) if self.work.transaction() == TransactionStatus::Failed => {
                problem.hint.get_or_insert_with(|| {
                    "an error in a transaction undoes all of it: `\\set ON_ERROR_ROLLBACK on` passes over the statement alone"
                        .to_owned()
                });
                Err(Broken::Server { problem, sqlstate: String::new() })
            }
            _ => Ok(()),
        }
    }

    /// Sends what psql sends of its own, in its words.
    pub(super) async fn plain(&mut self, sql: &str) -> Result<(), Broken> {
        self.work.batch(sql).await.map(drop).map_err(|error| self.broken(error))
    }

    /// How much of a cell is kept while the answer to this statement comes in.
    pub(super) fn widen(&mut self, then: &Then) {
        let limit = match then {
            Then::Set { .. } | Then::Execute => WHOLE,
            _ if self.keeps_all() => WHOLE,
            _ => CELL,
        };
        self.work.set_cell_limit(limit);
    }

    pub(super) fn columns(&mut self, columns: Vec<crate::pg::Column>) {
        self.show_last(false);
        let whole = self.flight.front().is_some_and(|s| matches!(s.then, Then::Set { .. } | Then::Execute));
        let whole = whole || self.keeps_all();
        let coding = self.work.coding();
        let mut table = Table::new(columns, whole);
        table.coding = coding;
        self.answer.open = Some(table);
    }

    pub(super) fn row(&mut self, row: &crate::pg::DataRow) {
        if let Some(table) = &mut self.answer.open {
            table.push(row);
        }
    }

    /// One statement of the message is done.
    pub(super) fn complete(&mut self, tag: &str) {
        if self.answer.open.is_none() {
            // Only the last result of a message belongs to its \gset.
            self.show_last(false);
        }
        self.answer.last = self.answer.open.take();
        self.outcome = Some(match std::mem::take(&mut self.gave_rows) && !self.rows_go_elsewhere() {
            // psql forgets the tag of a COPY whose rows went where it would have shown the tag.
            true => Outcome::Done { rows: None },
            false => Outcome::of_tag(tag),
        });
    }

    /// The rows of a COPY have a file or a program of their own.
    fn rows_go_elsewhere(&self) -> bool {
        let to_output = self.flight.front().is_some_and(|s| s.file == Some(CopyFile::ToOutput));
        self.writing.is_some() || self.once.is_some() || (to_output && self.outlet.is_some())
    }

    /// The message is answered. What a script works with is left in `answer.last`.
    pub(super) fn answered(&mut self) {
        self.answer.open = None;
        let then = self.flight.front().map(|statement| statement.then.clone());
        if let Some(Then::Show { expanded, .. }) = then {
            self.show_last(expanded);
        }
    }

    fn show_last(&mut self, expanded: bool) {
        let Some(table) = self.answer.last.take() else { return };
        if self.flight.front().is_some_and(|statement| statement.then == Then::Nothing) {
            return;
        }
        if table.over && self.keeps_all() {
            self.too_large = true;
            return;
        }
        if self.put_table(&table, expanded) {
            return;
        }
        table.lines(expanded).iter().for_each(|line| self.show_line(line));
    }

    /// A line of a result, as long as there aren't too many.
    pub(super) fn show_line(&mut self, line: &str) {
        self.shown += 1;
        match self.shown {
            shown if shown < LINES => (self.say)(line),
            LINES => (self.say)("(there are more results; they aren't shown)"),
            _ => {}
        }
    }

    /// Works with the result of a statement that was sent alone.
    ///
    /// # Errors
    /// [`Broken::Server`] without a SQLSTATE when psql would call it an error.
    pub(super) fn follow(&mut self, statement: &Statement, script: &mut AnyScript) -> Result<(), Broken> {
        let outcome = match &statement.then {
            Then::Nothing => None,
            _ => self.outcome.take(),
        };
        let Some(table) = self.answer.last.take() else {
            script.settled(outcome.as_ref());
            return Ok(());
        };
        if table.over {
            return Err(too_large(statement));
        }
        match &statement.then {
            Then::Set { prefix } => {
                let row = match table.rows.as_slice() {
                    [row] => row,
                    [] => return Err(told(statement, "no rows returned for \\gset".to_owned())),
                    _ => return Err(told(statement, "more than one row returned for \\gset".to_owned())),
                };
                let names = table.columns.iter().map(|column| column.name.clone());
                let cells: Vec<_> = names.zip(row.iter().cloned()).collect();
                match script.take_row(prefix, &cells, &statement.place) {
                    Ok(said) => said.iter().for_each(|line| (self.say)(line)),
                    Err(error) => return Err(told(statement, format!("\\gset: {error}"))),
                }
                script.settled(outcome.as_ref());
            }
            Then::Execute => {
                for (row, cells) in (1..).zip(&table.rows) {
                    for (column, text) in (1..).zip(cells) {
                        let Some(text) = text else { continue };
                        let made = statement.generate(Generated { row, column }, text.clone());
                        self.next.push_back(Next::Statement(Box::new(made)));
                    }
                }
                script.settled(outcome.as_ref());
                self.next.extend(outcome.map(Next::Outcome));
            }
            _ => script.settled(outcome.as_ref()),
        }
        Ok(())
    }

    /// `\gdesc`: the statement's columns by name and type, asked for as psql asks.
    pub(super) async fn describe(
        &mut self,
        statement: &Statement,
        script: &mut AnyScript,
    ) -> Result<(), Broken> {
        let described = match statement.kind {
            // Of nothing but comments there is nothing to ask.
            Kind::Empty => Ok(Vec::new()),
            _ => self.work.describe(&statement.text).await,
        };
        let columns = match described {
            Ok(columns) => columns,
            Err(PgError::Server(error)) if !error.ends_session() => {
                self.flight.push_front(statement.clone());
                let broken = self.refused(&error);
                self.flight.clear();
                let outcome =
                    Outcome::Failed { sqlstate: error.sqlstate.clone(), message: error.message.clone() };
                script.settled(Some(&outcome));
                return Err(broken);
            }
            Err(error) => return Err(self.broken(error)),
        };
        if columns.is_empty() {
            (self.say)("The command has no result, or the result has no columns.");
            script.settled(Some(&Outcome::Done { rows: None }));
            return Ok(());
        }
        let rows: Vec<String> = columns
            .iter()
            .map(|column| {
                let name = quote_literal(&column.name);
                format!("({name}, '{}'::pg_catalog.oid, {})", column.type_oid, column.type_modifier)
            })
            .collect();
        let text = format!(
            "SELECT name AS \"Column\", pg_catalog.format_type(tp, tpm) AS \"Type\"\nFROM (VALUES {}) s(name, tp, tpm)",
            rows.join(",")
        );
        let mut asked = statement.clone();
        (asked.text, asked.then, asked.bind) = (text, Then::PLAIN, None);
        self.alone(asked, script).await
    }
}

/// Passes over the data of COPYs that the server refused before it asked for any. psql would read it as
/// statements; nothing that was written as data is ever run here.
pub(super) fn skip_data(script: &mut AnyScript, copies: usize) -> Result<(), Broken> {
    let mut chunk = Vec::new();
    for _ in 0..copies {
        while script.copy_chunk(&mut chunk).map_err(|e| Broken::Script(Box::new(problems::of_script(&e))))? {}
    }
    Ok(())
}

/// What psql sends with ON_ERROR_ROLLBACK before each statement of a transaction.
pub(super) fn savepoint() -> String {
    format!("SAVEPOINT {SAVEPOINT}")
}

/// What psql sends when its savepoint is no longer needed.
pub(super) fn release() -> String {
    format!("RELEASE {SAVEPOINT}")
}

/// Nothing may be in flight before it or behind it.
pub(super) fn must_be_alone(statement: &Statement) -> bool {
    statement.kind.drains_window()
        || statement.decides_what_follows()
        || statement.then == Then::Describe
        || statement.bind.is_some()
        || matches!(&statement.then, Then::Show { to, .. } if *to != Sink::Usual)
}

/// A COPY that a query made: nobody could tell before the run which lines of the script are its data.
pub(super) fn no_data(statement: &Statement) -> Broken {
    let mut problem =
        problems::plain("\\gexec made a COPY … FROM STDIN, whose data can't stand in the script");
    problem.place = Some(problems::place_of(&statement.place));
    problem.hint = Some("write the COPY itself into the script, with its data behind it".into());
    Broken::Script(Box::new(problem))
}

/// `\c` in the middle of a transaction.
pub(super) fn reconnects(place: &crate::script::Place) -> Problem {
    let mut problem = problems::plain("\\c would drop the transaction with everything that was done in it");
    problem.place = Some(problems::place_of(place));
    problem.hint = Some("take it out, or split the file there: each file has a session of its own".into());
    problem
}

/// The temporary savepoint is gone, or isn't the last one any more.
fn ends_savepoint(kind: &Kind) -> bool {
    use crate::script::Transaction::{Commit, Release, Rollback, RollbackTo, Savepoint};
    kind.each().iter().any(|kind| {
        matches!(kind, Kind::Transaction(Commit { .. } | Release | Rollback { .. } | RollbackTo | Savepoint))
    })
}

/// More came than is kept.
pub(super) fn too_large(statement: &Statement) -> Broken {
    let megabytes = WHOLE / 1024 / 1024;
    told(statement, format!("its result is larger than the {megabytes} MB that fit here"))
}

/// An error that isn't the server's, of a statement that has run.
fn told(statement: &Statement, message: String) -> Broken {
    let mut problem = problems::plain(message);
    problem.place = Some(problems::place_of(&statement.place));
    problem.excerpt = problems::heading(statement);
    Broken::Server { problem: Box::new(problem), sqlstate: String::new() }
}
