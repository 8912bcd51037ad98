//! `on`: which database is asked, and what may be asked there.
//!
//! Changes are made in the target alone: its ledger knows of them. Source and pooler are looked at, and programs
//! of the plan may work there.

use super::context::Build;
use crate::plan::diagnostic::Code;
use crate::plan::model::{Action, Checkpoint, Side, Step, Verify};
use crate::plan::raw::{Entry, Table};
use crate::plan::source::Span;

/// The word of a side.
pub(in crate::plan) const SIDES: [(&str, Side); 4] =
    [("target", Side::Target), ("source", Side::Source), ("pooler", Side::Pooler), ("both", Side::Both)];

/// What of the plan's databases there is.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::plan) struct Databases {
    pub source: bool,
    pub pooler: bool,
}

impl<'a> Build<'a> {
    /// `on`, of a database that the plan has.
    pub fn side_of(&mut self, entry: Entry<'a>) -> Option<Side> {
        let side = self.report.one_of(entry, &SIDES)?;
        match side {
            Side::Source | Side::Both => self.needs_source("on", entry.span()),
            Side::Pooler => self.needs_pooler(entry.span()),
            Side::Target | Side::None => {}
        }
        Some(side)
    }

    pub fn needs_source(&mut self, key: &str, span: Span) {
        if self.databases.source || self.borrowed.is_some() {
            return;
        }
        let message = format!("`{key}` asks for a source, and the plan has none");
        let help = match key {
            "compare" => {
                "give the plan a [source] with its `url`; or say which snapshot of this run: with = \"ID\""
            }
            _ => "give the plan a [source] with its `url`",
        };
        self.report.error_help(Code::Missing, span, message, help);
    }

    fn needs_pooler(&mut self, span: Span) {
        if !self.databases.pooler && self.borrowed.is_none() {
            let message = "the plan's target has no pooler";
            self.report.error_help(Code::Missing, span, message, "give [target] a `pooler`: its connection");
        }
    }

    /// Whether what the step does can be done where it says.
    pub fn side_fits(&mut self, step: &Step, raw: &Table<'a>, action: Option<Entry<'a>>) {
        let span = raw.get("on").or(action).map_or(raw.span, |entry| entry.key_span);
        let refuse = |build: &mut Self, message: &str, help: &str| {
            build.report.error_help(Code::Conflict, span, message, help);
        };
        let looks_elsewhere = "ask there by a checkpoint, or work there by a `command`";
        match (&step.action, step.on) {
            (_, Side::Target | Side::None) => {}
            (Action::File { .. } | Action::Files { .. } | Action::Sql { .. } | Action::Restore(_), _) => {
                refuse(
                    self,
                    "SQL that changes something runs in the target, whose ledger knows of it",
                    looks_elsewhere,
                )
            }
            (Action::Probe { .. }, _) => {
                refuse(
                    self,
                    "a probe runs in the target: its transaction is rolled back there",
                    looks_elsewhere,
                );
            }
            (Action::Command(_), Side::Both) => refuse(
                self,
                "a command is handed one connection, not two",
                "make two steps of it, one on each side",
            ),
            // It is as good there as here; what it brings back is the target alone.
            (Action::Backup(_), Side::Source) => {}
            (Action::Backup(_), _) => {
                refuse(
                    self,
                    "a backup is of one database",
                    "leave `on` out for the target, or say on = \"source\"",
                );
            }
            (Action::Snapshot(_), _) => {
                refuse(self, "this is of the target", "leave `on` out");
            }
            (Action::Compare(_), _) if raw.get("on").is_some() => {
                refuse(self, "a comparison has its two sides already", "leave `on` out");
            }
            _ => {}
        }
    }

    /// A checkpoint inside of the step's own transaction can't ask another database.
    pub fn checkpoint_side_fits(&mut self, step: &Step, checkpoint: &Checkpoint, span: Span) {
        if checkpoint.on == Side::Target {
            return;
        }
        let inside = match &step.action {
            Action::Probe { .. } => Some("a probe's checkpoints run in its transaction"),
            Action::File { .. } | Action::Files { .. } | Action::Sql { .. } => {
                matches!(step.verify, Some(Verify::BeforeCommit | Verify::Both))
                    .then_some("before COMMIT only the step's own session can be asked")
            }
            _ => None,
        };
        if let Some(message) = inside {
            let help = "leave `on` out here, and ask the other side in a step of its own";
            self.report.error_help(Code::Conflict, span, message, help);
        }
    }
}
