//! `[vars]`: what differs from run to run.

use super::context::Build;
use crate::plan::diagnostic::Code;
use crate::plan::model::Variable;
use crate::plan::raw::Entry;
use crate::plan::schema::Place;
use crate::plan::source::Span;
use crate::plan::sqltext;

/// Names that holdpoint gives a value.
pub(in crate::plan) const BUILT_IN: [&str; 6] =
    ["now", "operator", "artifacts", "target_database", "failed_step", "failure"];

/// A variable with the places that the checks need.
#[derive(Debug)]
pub(in crate::plan) struct Var<'a> {
    pub variable: Variable,
    pub span: Span,
    /// Its texts, which may be templates.
    pub texts: Vec<(&'a str, Span)>,
}

impl<'a> Build<'a> {
    pub fn vars(&mut self, entry: Entry<'a>) -> Vec<Var<'a>> {
        let entries = self.report.free_table(entry);
        entries.into_iter().filter_map(|entry| self.var(entry)).collect()
    }

    fn var(&mut self, entry: Entry<'a>) -> Option<Var<'a>> {
        if !sqltext::is_name(entry.key) {
            let message = format!("`{}` isn't a variable's name", crate::plan::raw::shorten(entry.key));
            self.report.error_help(
                Code::BadValue,
                entry.key_span,
                message,
                "letters, digits and `_`: it is used as {name}",
            );
            return None;
        }
        if BUILT_IN.contains(&entry.key) || matches!(entry.key, "baseline" | "file") {
            let message = format!("`{{{}}}` is built in", entry.key);
            self.report.error_help(
                Code::Duplicate,
                entry.key_span,
                message,
                "give the variable another name",
            );
            return None;
        }
        let mut variable = Variable {
            name: entry.key.to_owned(),
            default: None,
            demo: None,
            env: None,
            ask: None,
            secret: false,
            only_rollback: false,
            procedures: Vec::new(),
        };
        let mut texts = Vec::new();
        match entry.value.get_ref() {
            toml::de::DeValue::String(text) => {
                variable.default = Some(text.to_string());
                texts.push((text.as_ref(), entry.span()));
            }
            toml::de::DeValue::Table(_) => {
                let table = self.report.table(entry, Place::Var)?;
                for entry in &table.entries {
                    self.var_key(*entry, &mut variable, &mut texts);
                }
                if table.entries.is_empty() {
                    let message = format!("the variable `{}` says nothing", variable.name);
                    self.report.error_help(
                        Code::BadValue,
                        table.span,
                        message,
                        "give it env, ask or default",
                    );
                }
                // What a demo or a rehearsal has in its place is no secret.
                if variable.secret && variable.default.is_some() {
                    let message = format!("the secret `{}` has its value in the plan", variable.name);
                    self.report.warn_help(Code::Lint, table.span, message, "take it from `env` or `ask`");
                }
            }
            _ => {
                self.report.wrong_type(
                    entry.key,
                    "a text, or { default, demo, env, ask, secret }",
                    entry.value,
                );
                return None;
            }
        }
        Some(Var { variable, span: entry.key_span, texts })
    }

    fn var_key(&mut self, entry: Entry<'a>, variable: &mut Variable, texts: &mut Vec<(&'a str, Span)>) {
        if entry.key == "secret" {
            variable.secret = self.report.boolean(entry).unwrap_or(true);
            return;
        }
        let to = match entry.key {
            "default" => &mut variable.default,
            "demo" => &mut variable.demo,
            "env" => &mut variable.env,
            "ask" => &mut variable.ask,
            _ => return,
        };
        // An empty default is a value; an empty question isn't one.
        let text = match (entry.key, entry.value.get_ref().as_str()) {
            ("default" | "demo", Some(text)) => Some(text),
            _ => self.report.text(entry),
        };
        *to = text.map(str::to_owned);
        if let (Some(text), "default" | "demo") = (text, entry.key) {
            texts.push((text, entry.span()));
        }
    }
}
