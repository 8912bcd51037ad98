//! `[plan]`: the head.

use std::path::PathBuf;

use super::context::Build;
use super::index::Names;
use super::later::ENVIRONMENTS;
use crate::plan::diagnostic::{Code, Severity};
use crate::plan::model::{Environment, Fixture, Plan, RollbackAdvice, Server, Stepping, Window};
use crate::plan::raw::{Entry, shorten};
use crate::plan::schema::Place;
use crate::plan::source::Span;
use crate::plan::times;

impl<'a> Build<'a> {
    /// A plan with its head; everything else is still empty.
    pub fn head(&mut self, path: PathBuf, entry: Option<Entry<'a>>) -> Plan {
        let mut plan = Plan {
            path,
            id: String::new(),
            title: String::new(),
            environment: Environment::Production,
            sql_dir: PathBuf::new(),
            artifacts: None,
            authorization: None,
            stepping: Stepping::Manual,
            window: None,
            env_file: None,
            reference: None,
            about: None,
            meta: Vec::new(),
            advice: RollbackAdvice::default(),
            vars: Vec::new(),
            target: Server::default(),
            source: None,
            fixture: None,
            notify: None,
            timezone: None,
            guards: Vec::new(),
            phases: Vec::new(),
            rollbacks: Vec::new(),
            not_built: Vec::new(),
            files: Vec::new(),
        };
        let table = match entry {
            Some(entry) => self.report.table(entry, Place::Plan),
            None => {
                let message = "there is no [plan]";
                self.report.error_help(
                    Code::Missing,
                    Span::default(),
                    message,
                    "a plan begins with [plan] and its id, title and environment",
                );
                None
            }
        };
        let Some(table) = table else {
            self.set_sql_dir(None);
            return plan;
        };
        let sql_dir = table.get("sql_dir").and_then(|e| Some((self.report.text(e)?, e.span())));
        self.set_sql_dir(sql_dir);
        plan.sql_dir = self.files.sql_dir.clone();
        for key in ["id", "title", "environment"] {
            if table.lacks(key) {
                self.report.error(Code::Missing, table.span, format!("[plan] without `{key}`"));
            }
        }
        for entry in &table.entries {
            self.head_key(*entry, &mut plan);
        }
        if let (Some(window), None, Some(entry)) = (&plan.window, &plan.timezone, table.get("window"))
            && window.timezone.is_none()
        {
            let message = "`window` has no time zone: it would be the runner's";
            self.report.warn_help(
                Code::Lint,
                entry.span(),
                message,
                "write one behind it, or `timezone` in [plan]",
            );
        }
        plan
    }

    fn head_key(&mut self, entry: Entry<'a>, plan: &mut Plan) {
        match entry.key {
            "id" => plan.id = self.plan_id(entry).unwrap_or_default(),
            "title" => plan.title = self.prose(entry).unwrap_or_default(),
            "environment" => {
                plan.environment =
                    self.report.one_of(entry, &ENVIRONMENTS).unwrap_or(Environment::Production);
            }
            "artifacts" => plan.artifacts = self.path_text(entry),
            "authorization" => plan.authorization = self.authorization(entry),
            "stepping" => {
                let words = [("manual", Stepping::Manual), ("auto", Stepping::Auto)];
                plan.stepping = self.report.one_of(entry, &words).unwrap_or(Stepping::Manual);
            }
            "window" => plan.window = self.window(entry),
            "env_file" => plan.env_file = self.report.text(entry).map(|name| self.base.join(name)),
            "reference" => plan.reference = self.prose(entry),
            "about" => plan.about = self.prose(entry),
            "meta" => plan.meta = self.text_table(entry),
            "rollback_advice" => plan.advice = self.advice(entry),
            "fixture" => plan.fixture = self.fixture(entry),
            "notify" => plan.notify = Some(self.call(entry)),
            "timezone" => plan.timezone = self.timezone(entry),
            "guards" => plan.guards = self.guards(entry),
            _ => {}
        }
    }

    /// The plan's id becomes the name of folders, so it is written like the others.
    fn plan_id(&mut self, entry: Entry<'a>) -> Option<String> {
        let id = self.report.text(entry)?;
        let valid = id.starts_with(|c: char| c.is_ascii_alphanumeric())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
            && id.len() <= 200;
        if !valid {
            let message = format!("`{}` isn't an id", shorten(id));
            let help = "letters a-z, digits, `-`, `_` and `.`, beginning with a letter or digit";
            self.report.error_help(Code::BadValue, entry.span(), message, help);
            return None;
        }
        Some(id.to_owned())
    }

    fn authorization(&mut self, entry: Entry<'a>) -> Option<String> {
        let id = self.report.text(entry)?;
        let number = self.reference("authorization", id, entry.span(), &[Names::Step])?;
        let def = &self.index.defs[number];
        if !def.table.contains_key("signoff") || def.phase == 0 {
            let related = self.report.related(def.span, "this step");
            let message =
                format!("`authorization` names a sign-off, and `{id}` isn't a `signoff` step of a phase");
            self.report
                .add(Severity::Error, Code::UnknownReference, entry.span(), message)
                .related
                .push(related);
            return None;
        }
        Some(id.to_owned())
    }

    fn advice(&mut self, entry: Entry<'a>) -> RollbackAdvice {
        let mut advice = RollbackAdvice::default();
        let Some(table) = self.report.table(entry, Place::Advice) else { return advice };
        for entry in &table.entries {
            match entry.key {
                "do" => {
                    advice.when = self.report.texts(*entry).into_iter().map(|(t, _)| t.to_owned()).collect()
                }
                "do_not" => {
                    advice.when_not =
                        self.report.texts(*entry).into_iter().map(|(t, _)| t.to_owned()).collect()
                }
                "within" => advice.within = self.report.duration(*entry),
                _ => {}
            }
        }
        advice
    }

    fn fixture(&mut self, entry: Entry<'a>) -> Option<Fixture> {
        if !entry.value.get_ref().is_table() {
            let name = self.report.text(entry)?;
            let target = self.any_file(name, entry.span()).map(|file| file.path);
            return Some(Fixture { target, source: None });
        }
        let table = self.report.table(entry, Place::Fixture)?;
        if table.entries.is_empty() {
            self.report.error(Code::BadValue, table.span, "`fixture` names no file");
        }
        let mut file = |key: &str| {
            let entry = table.get(key)?;
            let name = self.report.text(entry)?;
            self.any_file(name, entry.span()).map(|file| file.path)
        };
        Some(Fixture { target: file("target"), source: file("source") })
    }

    fn guards(&mut self, entry: Entry<'a>) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (table, span) in self.report.texts(entry) {
            if seen.insert(table) {
                out.push(table.to_owned());
            } else {
                self.report.error(Code::Duplicate, span, format!("`{table}` is guarded twice"));
            }
        }
        out
    }

    fn timezone(&mut self, entry: Entry<'a>) -> Option<String> {
        let name = self.report.text(entry)?;
        self.known_zone(name, entry.span()).then(|| name.to_owned())
    }

    fn known_zone(&mut self, name: &str, span: Span) -> bool {
        if times::is_zone(name) {
            return true;
        }
        let known = if self.report.helps() { times::zones() } else { Vec::new() };
        let help = self.report.did_you_mean(name, known.iter().map(String::as_str));
        let message = format!("`{}` isn't an IANA time zone", shorten(name));
        let help = help.or_else(|| Some("such as Europe/Berlin or Etc/UTC".into()));
        self.report.add(Severity::Error, Code::BadValue, span, message).help = help;
        false
    }

    fn window(&mut self, entry: Entry<'a>) -> Option<Window> {
        let text = self.report.text(entry)?;
        let window = match times::window(text) {
            Ok(window) => window,
            Err(reason) => {
                let help =
                    "write it as \"2024-02-06 09:00..12:00\", with a time zone behind it or in `timezone`";
                self.report.error_help(Code::BadValue, entry.span(), reason, help);
                return None;
            }
        };
        if let Some(zone) = &window.timezone {
            let zone = zone.clone();
            self.known_zone(&zone, entry.span());
        }
        Some(window)
    }

    /// `09:00`, `day 2`, `day 2 09:00`.
    pub fn starts(&mut self, entry: Entry<'a>) -> Option<String> {
        let text = self.report.text(entry)?;
        if !times::is_start(text) {
            let message = format!("`starts` is a time or a day, not `{}`", shorten(text));
            self.report.error_help(
                Code::BadValue,
                entry.span(),
                message,
                "such as \"09:00\", \"day 2\" or \"day 2 09:00\"",
            );
            return None;
        }
        Some(text.to_owned())
    }
}
