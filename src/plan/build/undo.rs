//! A step's own rollback.

use super::context::{Build, Moment};
use super::index::{Names, Scope};
use super::step::Common;
use crate::plan::diagnostic::{Code, Severity};
use crate::plan::model::{Action, OnFailure, Side, Step, Transaction, Undo};
use crate::plan::raw::{Entry, Table};
use crate::plan::schema::Place;
use crate::plan::sqltext;

/// A rollback of a few words needs no transactions of its own, although its step's file has some.
fn inherited(of_step: Transaction, table: &Table<'_>) -> Transaction {
    let text = table.get("sql").and_then(|sql| sql.value.get_ref().as_str());
    match (of_step, text) {
        (Transaction::Script, Some(text)) if !sqltext::commits(text) => Transaction::Single,
        _ => of_step,
    }
}

impl<'a> Build<'a> {
    /// A step's own rollback.
    pub fn rollback(
        &mut self,
        entry: Entry<'a>,
        raw: &Table<'a>,
        step: &Step,
        number: usize,
    ) -> Option<Undo> {
        let table = self.report.table(entry, Place::Rollback)?;
        if let Some(no) = raw.get("changes").filter(|_| !step.changes) {
            let related = self.report.related(no.key_span, "it changes nothing");
            let message = "`rollback` of a step that changes nothing";
            self.report
                .add(Severity::Error, Code::Conflict, entry.key_span, message.into())
                .related
                .push(related);
        }
        if let Some(by) = table.get("by") {
            if let Some(other) = table.entries.iter().find(|e| e.key != "by") {
                let message = format!("`by` stands alone: that step's rollback does it, not `{}`", other.key);
                self.report.error(Code::Conflict, other.key_span, message);
            }
            let id = self.report.text(by)?;
            let to = self.earlier("by", number, id, by.span(), &[Names::Step])?;
            let own = self.index.defs[to].table.get("rollback").and_then(|r| r.get_ref().as_table());
            if own.is_none_or(|own| own.contains_key("by")) {
                let message = format!("`by` names `{id}`, which has no rollback of its own");
                self.report.error(Code::UnknownReference, by.span(), message);
            }
            return Some(Undo::By(id.to_owned()));
        }
        let before = self.now;
        if before.scope == Scope::Plan {
            self.now = Moment { scope: Scope::Own(number), order: self.index.defs[number].end + 1 };
        }
        // A rollback runs as its step ran; but a policy of the way there isn't one of the way back.
        let common = Common {
            otherwise: None,
            on_failure: OnFailure::Hold,
            optional: false,
            on: Some(step.on).filter(|side| *side != Side::None),
            role: step.role.clone(),
            transaction: inherited(step.transaction, &table),
            lock_timeout: step.lock_timeout,
            lock_retries: step.lock_retries,
            unsafe_vars: step.unsafe_vars.clone(),
            allow_shell: step.allow_shell.clone(),
            encoding: step.encoding.clone(),
            verify: None,
            idempotent: false,
            owner: step.owner.clone(),
        };
        let title = format!("Rollback of {}", step.title);
        let mut own = self.body(
            &table,
            Place::Rollback,
            format!("{}/rollback", step.id),
            title,
            number,
            &common,
            Some(step),
        );
        if let Action::Group = own.action
            && !own.checkpoints.is_empty()
        {
            let message = "a rollback that only looks: it has checkpoints and no action";
            self.report.error(Code::Missing, table.span, message);
        }
        if let Action::Command(_) = own.action
            && table.get("on").is_none()
        {
            own.on = Side::None;
        }
        self.now = before;
        Some(Undo::Own(Box::new(own)))
    }
}
