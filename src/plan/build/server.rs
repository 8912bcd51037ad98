//! `[target]` and `[source]`: the connection, and what it must be.

use super::context::Build;
use crate::plan::diagnostic::Code;
use crate::plan::model::{Checkpoint, Guard, Server, Side};
use crate::plan::raw::Entry;
use crate::plan::schema::Place;

impl<'a> Build<'a> {
    pub fn server(&mut self, entry: Entry<'a>, side: Side) -> Option<Server> {
        self.place = entry.key.to_owned();
        let place = if side == Side::Target { Place::Target } else { Place::Source };
        let table = self.report.table(entry, place)?;
        let mut server = Server::default();
        for entry in &table.entries {
            match entry.key {
                "url" => server.url = self.path_text(*entry),
                "pooler" => server.pooler = self.path_text(*entry),
                "monitor_role" => server.monitor_role = self.report.text(*entry).map(str::to_owned),
                "database" => server.database = self.guard(*entry),
                "host" => server.host = self.guard(*entry),
                "port" => server.port = self.guard(*entry),
                "user" => server.user = self.guard(*entry),
                "server" => server.server = self.guard(*entry),
                "checkpoint" => server.checkpoints = self.server_checkpoints(*entry, side),
                _ => {}
            }
        }
        if side == Side::Source && server.url.is_none() && table.lacks("url") {
            let message = "`[source]` without `url`: the PG* variables name the target";
            let help = "url = \"{source}\", with the address in a variable";
            self.report.error_help(Code::Missing, table.span, message, help);
        }
        self.place = "plan".into();
        Some(server)
    }

    /// One cell, or a list of them any of which may hold.
    fn guard(&mut self, entry: Entry<'a>) -> Option<Guard> {
        let any_of: Vec<_> = match entry.value.get_ref().as_array() {
            Some(list) => {
                if list.is_empty() {
                    let message = format!("`{}` is an empty list: nothing could fulfil it", entry.key);
                    self.report.error(crate::plan::diagnostic::Code::BadValue, entry.span(), message);
                }
                list.iter().filter_map(|value| self.cell_of(entry.key, value)).collect()
            }
            None => self.cell(entry).into_iter().collect(),
        };
        if any_of.is_empty() { None } else { Some(Guard { any_of }) }
    }

    fn server_checkpoints(&mut self, entry: Entry<'a>, side: Side) -> Vec<Checkpoint> {
        let tables = self.report.tables(entry, "a list of checkpoints");
        tables
            .into_iter()
            .map(|(table, span)| {
                let checkpoint = self.checkpoint(table, span, Place::Checkpoint, side, true);
                if checkpoint.on != side {
                    let message = format!("a checkpoint of [{}] asks that server alone", self.place);
                    self.report.error(crate::plan::diagnostic::Code::Misplaced, span, message);
                }
                checkpoint
            })
            .collect()
    }

    /// Where a file is written: below the run's artifacts, which a name in it could still lead out of.
    pub fn artifact_path(&mut self, entry: Entry<'a>) -> Option<String> {
        let text = self.path_text(entry)?;
        let out = text.split('/').any(|part| part == "..");
        if out || text.starts_with('/') || text.trim().is_empty() || text.ends_with('/') {
            let message = match (out || text.starts_with('/'), text.trim().is_empty()) {
                (_, true) => format!("`{}` names no file", entry.key),
                (true, _) => format!("`{}` leads out of the run's artifacts", entry.key),
                _ => format!("`{}` names a folder, not a file", entry.key),
            };
            let help = "a path below `plan.artifacts` (else the run's folder), with or without {artifacts}/ in front";
            self.report.error_help(Code::BadValue, entry.span(), message, help);
            return None;
        }
        Some(text)
    }

    /// A text in which variables may stand and must be known.
    pub fn path_text(&mut self, entry: Entry<'a>) -> Option<String> {
        let text = self.report.text(entry)?;
        self.braces(text, entry.span(), true);
        Some(text.to_owned())
    }
}
