//! Steps: what surrounds an action.

use std::time::Duration;

use toml::de::DeTable;

use super::action::Built;
use super::context::{Build, Change};
use super::index::{Names, Scope};
use crate::plan::diagnostic::{Code, Severity};
use crate::plan::model::{Action, OnFailure, Runner, SHELL, Side, Step, Transaction, Verify};
use crate::plan::raw::{Entry, Table};
use crate::plan::schema::{self, Place, Role};
use crate::plan::source::Span;
use crate::plan::{duration, lints};

/// What a step has unless it says otherwise: built in, then `[defaults]`, then the phase's keys.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Common {
    pub otherwise: Option<String>,
    pub on_failure: OnFailure,
    pub optional: bool,
    /// `None`: the target, or nowhere for a command.
    pub on: Option<Side>,
    pub role: Option<String>,
    pub transaction: Transaction,
    pub lock_timeout: Duration,
    pub lock_retries: u32,
    pub unsafe_vars: Vec<String>,
    pub allow_shell: Vec<String>,
    pub encoding: Option<String>,
    pub verify: Option<Verify>,
    pub idempotent: bool,
    pub owner: Option<String>,
}

impl Default for Common {
    fn default() -> Self {
        Self {
            otherwise: None,
            on_failure: OnFailure::Hold,
            optional: false,
            on: None,
            role: None,
            transaction: Transaction::Single,
            lock_timeout: Duration::from_secs(5),
            lock_retries: 5,
            unsafe_vars: Vec::new(),
            allow_shell: Vec::new(),
            encoding: None,
            verify: None,
            idempotent: false,
            owner: None,
        }
    }
}

/// `on_failure`, resolved.
pub(in crate::plan) fn failure_of<'a>(build: &mut Build<'a>, entry: Entry<'a>) -> Option<OnFailure> {
    let text = build.report.text(entry)?;
    let policy = match text {
        "hold" => OnFailure::Hold,
        "stop" => OnFailure::Stop,
        "continue" => OnFailure::Continue,
        "rollback" => OnFailure::Rollback,
        id => {
            if !build.index.by_id.contains_key(id) {
                let words = ["hold", "stop", "continue", "rollback"];
                let ids =
                    build.index.defs.iter().filter(|d| d.names == Names::Procedure).map(|d| d.id.as_str());
                let help = build.report.did_you_mean(id, words.into_iter().chain(ids));
                let message = format!(
                    "`on_failure` is hold, stop, continue, rollback or the id of a [[rollback]], not `{}`",
                    crate::plan::raw::shorten(id)
                );
                build.report.add(Severity::Error, Code::UnknownReference, entry.span(), message).help = help;
                return None;
            }
            build.reference("on_failure", id, entry.span(), &[Names::Procedure])?;
            OnFailure::Procedure(id.to_owned())
        }
    };
    if build.now.scope != Scope::Plan && matches!(policy, OnFailure::Rollback | OnFailure::Procedure(_)) {
        let message = "a rollback that fails can't begin another rollback";
        build.report.error_help(Code::Misplaced, entry.span(), message, "write hold, stop or continue");
        return None;
    }
    Some(policy)
}

impl<'a> Build<'a> {
    /// The keys that `[defaults]`, phases and steps share, over what they had.
    pub fn common(&mut self, entries: &[Entry<'a>], base: &Common) -> Common {
        let mut out = base.clone();
        for entry in entries {
            match entry.key {
                "else" => out.otherwise = self.prose(*entry),
                "on_failure" => out.on_failure = failure_of(self, *entry).unwrap_or(OnFailure::Hold),
                "optional" => out.optional = self.report.boolean(*entry).unwrap_or_default(),
                "on" => out.on = self.side_of(*entry),
                "as" => out.role = self.path_text(*entry),
                "transaction" => {
                    let words = [
                        ("single", Transaction::Single),
                        ("none", Transaction::None),
                        ("script", Transaction::Script),
                    ];
                    out.transaction = self.report.one_of(*entry, &words).unwrap_or(out.transaction);
                }
                "lock_timeout" => out.lock_timeout = self.lock_timeout(*entry).unwrap_or(out.lock_timeout),
                "lock_retries" => out.lock_retries = self.report.whole_number(*entry, 1_000).unwrap_or(5),
                "unsafe_vars" => out.unsafe_vars = self.variable_names(*entry),
                "allow_shell" => out.allow_shell = self.shell_ways(*entry),
                "encoding" => out.encoding = self.report.text(*entry).map(str::to_owned),
                "idempotent" => out.idempotent = self.report.boolean(*entry).unwrap_or_default(),
                "owner" => out.owner = self.report.text(*entry).map(str::to_owned),
                _ => {}
            }
        }
        out
    }

    /// Names of psql variables.
    fn variable_names(&mut self, entry: Entry<'a>) -> Vec<String> {
        let mut names = Vec::new();
        for (name, span) in self.report.texts(entry) {
            if !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c >= 0x80) {
                names.push(name.to_owned());
            } else {
                let message = format!("`{}` is no name of a variable", crate::plan::raw::shorten(name));
                self.report.error(Code::BadValue, span, message);
            }
        }
        names
    }

    /// Ways by which a script may run shell commands.
    fn shell_ways(&mut self, entry: Entry<'a>) -> Vec<String> {
        let mut ways = Vec::new();
        for (way, span) in self.report.texts(entry) {
            if SHELL.contains(&way) {
                ways.push(way.to_owned());
                continue;
            }
            let help = self.report.did_you_mean(way, SHELL.iter().copied());
            let all: Vec<String> = SHELL.iter().map(|way| format!("'{way}'")).collect();
            let message = format!(
                "`allow_shell` names what a script may do with a shell: {}; not `{}`",
                all.join(", "),
                crate::plan::raw::shorten(way)
            );
            self.report.add(Severity::Error, Code::BadValue, span, message).help = help;
        }
        ways
    }

    /// PostgreSQL takes 0 for "wait for ever", the one thing that may never happen.
    fn lock_timeout(&mut self, entry: Entry<'a>) -> Option<Duration> {
        let found = self.report.duration(entry)?;
        if found.is_zero() || found > Duration::from_secs(86_400) {
            let message = "`lock_timeout` is longer than nothing and at most a day: a lock is never waited for without end";
            self.report.error(Code::BadValue, entry.span(), message);
            return None;
        }
        Some(found)
    }

    pub fn verify(&mut self, entry: Entry<'a>) -> Option<Verify> {
        let words = [
            ("before_commit", Verify::BeforeCommit),
            ("after_commit", Verify::AfterCommit),
            ("both", Verify::Both),
        ];
        self.report.one_of(entry, &words)
    }

    fn runner(&mut self, entry: Entry<'a>) -> Option<Runner> {
        self.report.one_of(entry, &[("holdpoint", Runner::Holdpoint), ("psql", Runner::Psql)])
    }

    /// psql has the transaction in its hands: nothing of ours can be asked in it.
    fn verifies_after_psql(&mut self, step: &Step, verify: Entry<'a>) {
        if step.runner == Runner::Psql && matches!(step.verify, Some(Verify::BeforeCommit | Verify::Both)) {
            let message =
                "psql runs this step in a session of its own: its checkpoints can't run before COMMIT";
            self.report.error_help(Code::Conflict, verify.span(), message, "write verify = \"after_commit\"");
        }
    }

    /// psql reads its file itself, and knows of no sections.
    fn whole_for_psql(&mut self, step: &Step, raw: &Table<'a>) {
        if let (Runner::Psql, Some(section)) = (step.runner, raw.get("section")) {
            let message = "psql runs a file as a whole, not a section of it";
            let help = "put the section into a file of its own, or leave `runner` out";
            self.report.error_help(Code::Conflict, section.key_span, message, help);
        }
    }

    /// One step of a phase or a procedure.
    pub fn step(&mut self, table: &'a DeTable<'a>, span: Span, common: &Common) -> Step {
        let raw = self.report.open(table, span, Place::Step);
        let number = self.index.number_at(span).unwrap_or(0);
        let (id, order) = self.index.at(span).map(|def| (def.id.clone(), def.order)).unwrap_or_default();
        self.now.order = order;
        self.place = if id.is_empty() {
            format!("step at line {}", self.report.source.line_of(span.start))
        } else {
            id.clone()
        };
        let title = match raw.get("title") {
            Some(title) => self.prose(title).unwrap_or_default(),
            None => {
                if raw.lacks("title") {
                    self.report.error(Code::Missing, span, "a step without `title`");
                }
                String::new()
            }
        };
        let mut step = self.body(&raw, Place::Step, id, title, number, common, None);
        if step.changes && raw.get("id").is_none() {
            let message = "a step that changes something needs an `id`";
            let help = "an id made of the title would change with it, and a run couldn't be resumed";
            self.report.error_help(Code::Missing, span, message, help);
        }
        if step.changes && self.now.scope == Scope::Plan {
            let settled = raw.get("rollback").is_some() || step.irreversible.is_some();
            self.changes.push(Change { step: number, span, settled });
        }
        if let Some(rollback) = raw.get("rollback") {
            if let Scope::Procedure(_) = self.now.scope {
                let message = "a step of a [[rollback]] has no rollback of its own";
                self.report.error(Code::Misplaced, rollback.key_span, message);
            }
            step.rollback = self.rollback(rollback, &raw, &step, number);
        }
        lints::step(&mut self.report, &raw, &step);
        step
    }

    /// What steps and their rollbacks have in common.
    #[expect(clippy::too_many_arguments, reason = "one caller for steps, one for rollbacks")]
    pub fn body(
        &mut self,
        raw: &Table<'a>,
        place: Place,
        id: String,
        title: String,
        number: usize,
        common: &Common,
        undone: Option<&Step>,
    ) -> Step {
        let own = self.common(&raw.entries, common);
        let action = self.the_action(raw);
        self.belonging(raw, action);
        let Built { action: built, of, changes } = self.action(raw, action, number, undone);
        let mut step = Step {
            id,
            title,
            about: raw.get("about").and_then(|e| self.prose(e)),
            otherwise: own.otherwise,
            on_failure: own.on_failure,
            optional: own.optional,
            on: own.on.unwrap_or(if action.is_some_and(|a| a.key == "command") {
                Side::None
            } else {
                Side::Target
            }),
            role: own.role,
            expect: None,
            save: None,
            into: None,
            adds: raw.get("adds").and_then(|e| self.kinds(e)),
            checkpoints: Vec::new(),
            rollback: None,
            transaction: own.transaction,
            runner: raw.get("runner").and_then(|e| self.runner(e)).unwrap_or_default(),
            lock_timeout: own.lock_timeout,
            lock_retries: own.lock_retries,
            unsafe_vars: own.unsafe_vars,
            allow_shell: own.allow_shell,
            encoding: own.encoding.filter(|_| matches!(built, Action::File { .. } | Action::Files { .. })),
            demo: raw.get("demo").and_then(|e| self.report.boolean(e)).unwrap_or_default(),
            verify: own.verify,
            irreversible: raw.get("irreversible").and_then(|e| self.prose(e)),
            idempotent: own.idempotent,
            starts: raw.get("starts").and_then(|e| self.starts(e)),
            takes: raw.get("takes").and_then(|e| self.takes(e)),
            owner: own.owner,
            needs: Vec::new(),
            changes: changes && raw.get("changes").and_then(|e| self.report.boolean(e)).unwrap_or(true),
            action: built,
            line: self.report.source.line_of(raw.span.start),
        };
        if let Action::Probe { .. } | Action::Restore(_) = step.action {
            step.transaction = Transaction::Single;
        }
        self.whole_for_psql(&step, raw);
        self.side_fits(&step, raw, action);
        if let (Some(verify), false) = (raw.get("verify"), action.is_some_and(|a| a.key == "backup")) {
            step.verify = self.verify(verify);
            self.verifies_after_psql(&step, verify);
        }
        if let Some(expect) = raw.get("expect") {
            match of {
                Some(of) => step.expect = self.expect(expect, of),
                None => self.gives_nothing(expect, action),
            }
        }
        if let Some(save) = raw.get("save") {
            if matches!(step.action, Action::Check { .. } | Action::Command(_)) {
                step.save = self.save(save);
            } else {
                let message = "`save` keeps what a query or a command gave, and this step has neither";
                self.report.error_help(Code::Misplaced, save.key_span, message, "put it into a checkpoint");
            }
        }
        if let Some(into) = raw.get("into") {
            step.into = self.artifact_path(into);
            self.gives_a_file(&step, into);
        }
        if let Some(needs) = raw.get("needs") {
            step.needs = self.needs(needs, number);
        }
        // A command may have no database; its checkpoints ask the target then.
        let side = if step.on == Side::None { Side::Target } else { step.on };
        if let Some(list) = raw.get("checkpoint") {
            let exempt = action.is_some_and(|a| a.key == "probe");
            for (table, span) in self.report.tables(list, "a list of checkpoints") {
                let checkpoint = self.checkpoint(table, span, Place::Checkpoint, side, exempt);
                self.checkpoint_side_fits(&step, &checkpoint, span);
                step.checkpoints.push(checkpoint);
            }
        }
        if action.is_none() && step.checkpoints.is_empty() && raw.get("checkpoint").is_none() && !raw.strange
        {
            let message = format!("{} with neither an action nor checkpoints", place.words());
            let help = self.report.helps().then(|| format!("the actions are {}", actions(place).join(", ")));
            self.report.add(Severity::Error, Code::Missing, raw.span, message).help = help;
        }
        step
    }

    /// The one action of a step.
    fn the_action(&mut self, raw: &Table<'a>) -> Option<Entry<'a>> {
        let is_action =
            |e: &&Entry<'a>| schema::find(Place::Step, e.key).is_some_and(|k| k.role == Role::Action);
        let mut actions = raw.entries.iter().filter(is_action);
        let first = actions.next()?;
        for second in actions {
            let related = self.report.related(first.key_span, "the first");
            let message = format!("a step has one action, not `{}` and `{}`", first.key, second.key);
            let diagnostic = self.report.add(Severity::Error, Code::Conflict, second.key_span, message);
            diagnostic.related.push(related);
            diagnostic.help = Some("make two steps of it".into());
        }
        Some(*first)
    }

    /// Keys that belong to another action than the step's.
    fn belonging(&mut self, raw: &Table<'a>, action: Option<Entry<'a>>) {
        for entry in &raw.entries {
            let Some(Role::Of(actions)) = schema::find(Place::Step, entry.key).map(|key| key.role) else {
                continue;
            };
            if action.is_some_and(|action| actions.contains(&action.key)) {
                continue;
            }
            let has = match action {
                Some(action) => format!("this step has `{}`", action.key),
                None => "this step has no action".into(),
            };
            let list = actions.iter().map(|a| format!("`{a}`")).collect::<Vec<_>>().join(", ");
            self.report.error(
                Code::Misplaced,
                entry.key_span,
                format!("`{}` belongs to {list}; {has}", entry.key),
            );
        }
    }

    /// Whether the action has a result that can be kept as a file.
    fn gives_a_file(&mut self, step: &Step, into: Entry<'a>) {
        let help = match step.action {
            Action::Check { .. }
            | Action::Inventory(_)
            | Action::Command(_)
            | Action::Snapshot(_)
            | Action::Compare(_)
            | Action::Later(_) => return,
            Action::File { .. } | Action::Files { .. } | Action::Sql { .. } | Action::Probe { .. } => {
                "a script says by itself what goes into a file: `\\o FILE` or `\\copy … to FILE`"
            }
            _ => "put it into a checkpoint",
        };
        self.report.error_help(
            Code::Misplaced,
            into.key_span,
            "this step gives nothing that `into` could keep",
            help,
        );
    }

    fn gives_nothing(&mut self, expect: Entry<'a>, action: Option<Entry<'a>>) {
        let message = match action {
            Some(action) => format!("`{}` gives nothing that `expect` could be about", action.key),
            None => "a step without an action gives nothing that `expect` could be about".into(),
        };
        self.report.error_help(Code::Misplaced, expect.key_span, message, "put it into a checkpoint");
    }

    pub fn needs(&mut self, entry: Entry<'a>, from: usize) -> Vec<String> {
        let allowed = [Names::Phase, Names::Step, Names::Checkpoint];
        let mut out: Vec<String> = Vec::new();
        for (id, span) in self.report.texts(entry) {
            if self.earlier("needs", from, id, span, &allowed).is_some() {
                out.push(id.to_owned());
            }
        }
        out
    }

    pub fn takes(&mut self, entry: Entry<'a>) -> Option<crate::plan::model::Takes> {
        let text = self.report.text(entry)?;
        duration::parse_range(text)
            .map_err(|reason| {
                let message = format!("`takes` is a duration or a range of two: {reason}");
                self.report.error(Code::BadValue, entry.span(), message);
            })
            .ok()
    }
}

/// The actions that may stand in a place.
fn actions(place: Place) -> Vec<&'static str> {
    schema::keys()
        .iter()
        .filter(|key| key.role == Role::Action && key.places.contains(&place))
        .map(|key| key.name)
        .collect()
}
