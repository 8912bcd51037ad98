//! `command`: a program and its surroundings; `notify`, which hands a message to one; and `soak`.

use super::action::Built;
use super::context::Build;
use super::expectation::Of;
use crate::plan::diagnostic::{Code, Severity};
use crate::plan::model::{Action, Call, Notice, Program, Variable};
use crate::plan::raw::{Entry, Table, shorten};
use crate::plan::source::Span;
use crate::plan::{duration, sqltext};

/// A `{name}` where others could read its value.
#[derive(Debug, Clone)]
pub(in crate::plan) struct Shown {
    pub name: String,
    pub span: Span,
    /// In the text of a shell; else in an argument.
    pub shell: bool,
}

impl<'a> Build<'a> {
    pub fn command(&mut self, raw: &Table<'a>, entry: Entry<'a>) -> Built {
        let mut program =
            Program { call: self.call(entry), stdin: None, cwd: None, env: Vec::new(), timeout: None };
        for entry in &raw.entries {
            match entry.key {
                "stdin" => program.stdin = self.prose(*entry),
                "cwd" => program.cwd = self.path_text(*entry),
                "env" => {
                    for variable in self.report.free_table(*entry) {
                        if variable.key.is_empty() || variable.key.contains(['=', '\0']) {
                            let message = format!("`{}` is no name of a variable", shorten(variable.key));
                            self.report.error(Code::BadValue, variable.key_span, message);
                        } else if let Some(text) = self.path_text(variable) {
                            program.env.push((variable.key.to_owned(), text));
                        }
                    }
                }
                "timeout" => program.timeout = self.report.duration(*entry).filter(|time| !time.is_zero()),
                _ => {}
            }
        }
        Built::new(Action::Command(Box::new(program)), Some(Of::Command), true)
    }

    /// An argv, or the text of a shell, with what can be seen by others noted.
    pub fn call(&mut self, entry: Entry<'a>) -> Call {
        let argv = entry.value.get_ref().is_array();
        let texts = self.report.texts(entry);
        for (text, span) in &texts {
            // A shell has braces of its own; an argv has none.
            self.braces(text, *span, argv);
            for (from, to, name) in sqltext::braces(text) {
                let span = self.report.part_of(*span, text, from, to);
                self.shown.push(Shown { name: name.to_owned(), span, shell: !argv });
            }
        }
        let mut texts = texts.into_iter().map(|(text, _)| text.to_owned());
        if argv { Call::Argv(texts.collect()) } else { Call::Shell(texts.next().unwrap_or_default()) }
    }

    pub fn notify(&mut self, raw: &Table<'a>, entry: Entry<'a>) -> Built {
        let notice = Notice {
            text: self.path_text(entry).unwrap_or_default(),
            to: raw
                .get("to")
                .map(|to| self.report.texts(to).into_iter().map(|(role, _)| role.to_owned()).collect())
                .unwrap_or_default(),
            remind: raw.get("remind").and_then(|remind| {
                let every = self.report.duration(remind)?;
                if every.is_zero() {
                    self.report.error(Code::BadValue, remind.span(), "`remind` is longer than nothing");
                }
                Some(every).filter(|every| !every.is_zero())
            }),
        };
        Built::new(Action::Notify(Box::new(notice)), None, false)
    }

    pub fn soak(&mut self, entry: Entry<'a>) -> Built {
        let text = self.report.text(entry).unwrap_or_default();
        if sqltext::braces(text).is_empty() {
            if let Err(reason) = duration::parse(text) {
                self.report.error(Code::BadValue, entry.span(), format!("`soak` is no duration: {reason}"));
            }
        } else {
            self.braces(text, entry.span(), true);
            self.lasting.extend(sqltext::variable_alone(text).map(str::to_owned));
        }
        Built::new(Action::Soak(text.to_owned()), None, false)
    }

    /// What others could read on this machine must not be secret, and a value is never part of a shell's text.
    pub fn shown_values(&mut self, vars: &[Variable], saves: &dyn Fn(&str) -> bool) {
        for Shown { name, span, shell } in std::mem::take(&mut self.shown) {
            let var = vars.iter().find(|var| var.name == name);
            let known = var.is_some() || saves(&name) || super::vars::BUILT_IN.contains(&name.as_str());
            if shell && known {
                let message = format!(
                    "`{{{name}}}` would be pasted into the text of a shell, and isn't filled in there"
                );
                let help = format!(
                    "hand it over in the environment: env = {{ {} = \"{{{name}}}\" }}, and write \"${}\" in the shell's text",
                    name.to_uppercase(),
                    name.to_uppercase()
                );
                self.report.error_help(Code::Misplaced, span, message, help);
            } else if var.is_some_and(|var| var.secret) {
                let message =
                    format!("the secret `{{{name}}}` is an argument, which others can read on this machine");
                let help = "hand it over by `stdin` or `env`";
                self.report.add(Severity::Error, Code::Misplaced, span, message).help = Some(help.into());
            }
        }
    }
}
