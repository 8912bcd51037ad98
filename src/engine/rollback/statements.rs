//! Every statement of a rollback in the order in which it will run, for a person who decides about it.

use std::collections::BTreeMap;

use super::super::sources::Source;
use super::{Course, Known, Way, applied_files, way};
use crate::plan::model::{Action, Step};
use crate::plan::show::deed;
use crate::run::outlook::{Listing, ToRun};
use crate::script::{Item, ScriptError, Statement};

/// Statements of one step that are listed, and of all of them.
const OF_STEP: usize = 300;
const OF_ALL: usize = 3_000;
/// A script is read no further: a dump has a million of one kind.
const READ: usize = 20_000;
/// More of one statement no screen shows on a line.
const HEAD: usize = 300;

impl Known<'_> {
    /// The statements of each step that something is run for; those of a procedure stand with the first
    /// step that it undoes.
    pub(super) fn listings(&self, course: &Course) -> BTreeMap<String, Listing> {
        let mut listings = BTreeMap::new();
        let mut left = OF_ALL;
        for id in course.steps.iter().filter(|id| !course.kept.iter().any(|(kept, _)| kept == *id)) {
            let mut listing = Listing::default();
            let turn = course.procedures.iter().find(|turn| turn.undoes.contains(id));
            match turn {
                Some(turn) if turn.undoes.first() == Some(id) => {
                    let found = self.plan.rollbacks.iter().find(|found| found.id == turn.procedure);
                    for step in found.into_iter().flat_map(|procedure| &procedure.steps) {
                        let Some(own) = turn.own.get(&step.id) else {
                            self.list(step, &step.id, Some(&step.title), &mut listing);
                            continue;
                        };
                        for undone in own {
                            if let Way::Own(undo) = way(self.plan, undone) {
                                self.list(undo, undone, Some(&step.title), &mut listing);
                            }
                        }
                    }
                }
                Some(_) => continue,
                None => match way(self.plan, id) {
                    Way::Own(undo) => self.list(undo, id, None, &mut listing),
                    Way::By(_) | Way::Procedure(_) | Way::Not(_) => continue,
                },
            }
            let shown = OF_STEP.min(left);
            if listing.statements.len() > shown {
                listing.more += listing.statements.len() - shown;
                listing.statements.truncate(shown);
            }
            left -= listing.statements.len();
            listings.insert(id.clone(), listing);
        }
        listings
    }

    fn list(&self, step: &Step, id: &str, of: Option<&String>, into: &mut Listing) {
        let sources: Vec<Source> = match &step.action {
            Action::File { file, section } => vec![self.sources.part(&file.name, section.as_ref())],
            Action::Files { pattern, .. } if pattern.contains("{file}") => {
                let applied = applied_files(self.plan, self.run, id);
                let undo = |name: &String| pattern.replace("{file}", name.rsplit('/').next().unwrap_or(name));
                applied.iter().rev().map(|name| self.sources.file(&undo(name))).collect()
            }
            Action::Files { files, .. } => files.iter().map(|file| self.sources.file(&file.name)).collect(),
            Action::Sql { text, line } => {
                let name = self.plan.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                vec![Source::Inline { name, text: text.clone(), line: *line, digest: String::new() }]
            }
            // A procedure has checks and confirmations too.
            _ => {
                let head = deed(step);
                if let Some(of) = of {
                    into.statements.push(ToRun {
                        of: Some(of.clone()),
                        file: String::new(),
                        line: 0,
                        head,
                        uncertain: false,
                    });
                }
                return;
            }
        };
        for source in sources {
            if let Err(error) = self.read_into(&source, of, into) {
                into.note = Some(format!("{} can't be read to its end: {error}", source.name()));
            }
        }
    }

    fn read_into(
        &self,
        source: &Source,
        of: Option<&String>,
        into: &mut Listing,
    ) -> Result<(), Box<ScriptError>> {
        let mut script = self.sources.open(source, self.vars.clone())?;
        let (mut chunk, mut read) = (Vec::new(), 0);
        while let Some(item) = script.next_item()? {
            let Item::Statement(statement) = item else { continue };
            if statement.has_inline_data() {
                while script.copy_chunk(&mut chunk)? {}
            }
            read += 1;
            if read > READ {
                into.note = Some(format!("of {} the first {READ} statements were read", source.name()));
                break;
            }
            if into.statements.len() < OF_STEP {
                into.statements.push(to_run(&statement, of));
            } else {
                into.more += 1;
            }
        }
        Ok(())
    }
}

fn to_run(statement: &Statement, of: Option<&String>) -> ToRun {
    let head: String = statement.text.chars().take(HEAD).collect();
    ToRun {
        of: of.cloned(),
        file: statement.place.file.display().to_string(),
        line: statement.place.line,
        head: head.split_whitespace().collect::<Vec<_>>().join(" "),
        uncertain: statement.uncertain,
    }
}
