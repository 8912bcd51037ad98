//! What the scripts of a step do, as far as their words tell, and what the steps around it made.

use super::super::sources::{Source, Sources};
use super::{Way, step_for, way};
use crate::plan::model::{Action, Plan, PlanFile, Step};
use crate::run::event::Direction;
use crate::script::{Acts, Effect, Item, QualifiedName, Variables, acts, effects};

/// A script of more statements is read up to here; a dump has a million of one kind.
const STATEMENTS: usize = 20_000;
/// Steps around one that are read for what they made.
const NEIGHBOURS: usize = 20;

/// What a script does.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub effects: Vec<Effect>,
    /// Whether it changes anything at all.
    pub acts: Acts,
    /// People are asked to do something.
    pub by_hand: bool,
    /// What can't be read, and why.
    pub unseen: Option<String>,
}

/// Something that a step may have done.
pub(super) enum Did<'a> {
    Table(&'a QualifiedName),
    Column(&'a QualifiedName, &'a str),
}

impl Did<'_> {
    pub(super) fn is(&self, effect: &Effect) -> bool {
        match (self, effect) {
            (Self::Table(table), Effect::MakesTable(made)) => same(table, made),
            (Self::Column(table, column), Effect::AddsColumn(to, added)) => {
                same(table, to) && column == added
            }
            _ => false,
        }
    }
}

/// What the steps around this one made, read only when it is asked for.
pub(super) struct Neighbours<'a> {
    plan: &'a Plan,
    sources: &'a Sources,
    vars: &'a Variables,
    step: &'a Step,
    read: Option<Vec<Effect>>,
}

impl<'a> Neighbours<'a> {
    pub(super) fn of(plan: &'a Plan, sources: &'a Sources, vars: &'a Variables, step: &'a Step) -> Self {
        Self { plan, sources, vars, step, read: None }
    }

    pub(super) fn did(&mut self, did: &Did<'_>) -> bool {
        self.effects().iter().any(|effect| did.is(effect))
    }

    /// Effects of the steps around this one, as far as they are read.
    pub(super) fn effects(&mut self) -> &[Effect] {
        let (plan, sources, vars, id) = (self.plan, self.sources, self.vars, &self.step.id);
        self.read.get_or_insert_with(|| {
            let all: Vec<&Step> = plan.phases.iter().flat_map(|phase| &phase.steps).collect();
            let own = all.iter().position(|step| step.id == *id).unwrap_or_default();
            let mut near: Vec<(usize, &Step)> = all
                .into_iter()
                .enumerate()
                .filter(|(at, step)| *at != own && step.changes)
                .map(|(at, step)| (at.abs_diff(own), step))
                .collect();
            near.sort_by_key(|(far, _)| *far);
            let near = near.into_iter().take(NEIGHBOURS);
            near.flat_map(|(_, step)| read(plan, sources, vars, step).effects).collect()
        })
    }
}

/// The same table, when one is written with `public` and the other without.
pub(super) fn same(one: &QualifiedName, other: &QualifiedName) -> bool {
    let schema = |name: &QualifiedName| name.schema.clone().unwrap_or_else(|| "public".into());
    one.name == other.name && schema(one) == schema(other)
}

/// What a step's scripts do, read from their words.
pub(super) fn read(plan: &Plan, sources: &Sources, vars: &Variables, step: &Step) -> Reading {
    let mut reading = Reading::default();
    let scripts: Vec<Source> = match &step.action {
        Action::File { file, section } => vec![sources.part(&file.name, section.as_ref())],
        Action::Files { files, .. } => files.iter().map(|file| sources.file(&file.name)).collect(),
        Action::Sql { text, line } => {
            let name = plan.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            vec![Source::Inline { name, text: text.clone(), line: *line, digest: String::new() }]
        }
        Action::Command(_) => {
            reading.unseen = Some("it runs a program, whose effects aren't read".to_owned());
            return reading;
        }
        Action::Check { .. } => return reading,
        _ => return Reading { by_hand: true, ..reading },
    };
    for source in scripts {
        let Ok(mut script) = sources.open(&source, vars.clone()) else {
            reading.unseen = Some(format!("{} can't be read here", source.name()));
            continue;
        };
        let (mut chunk, mut statements) = (Vec::new(), 0);
        loop {
            let statement = match script.next_item() {
                Ok(Some(Item::Statement(statement))) => statement,
                Ok(Some(_)) => continue,
                Ok(None) => break,
                Err(_) => {
                    reading.unseen = Some(format!("{} can't be read to its end", source.name()));
                    break;
                }
            };
            if statement.kind.copies_from_stdin() {
                while matches!(script.copy_chunk(&mut chunk), Ok(true)) {}
            }
            statements += 1;
            if statements > STATEMENTS {
                reading.unseen = Some(format!("of {} the first {STATEMENTS} statements", source.name()));
                break;
            }
            reading.acts = reading.acts.max(acts(&statement.text));
            for effect in effects(&statement.text) {
                if let Effect::Unseen(word) = &effect {
                    reading.unseen = Some(format!("it has a {word}, whose effects aren't read"));
                } else if !reading.effects.contains(&effect) {
                    reading.effects.push(effect);
                }
            }
        }
    }
    reading
}

/// The steps that undo it.
pub(super) fn way_back<'a>(plan: &'a Plan, step: &Step) -> Result<Vec<&'a Step>, String> {
    match way(plan, &step.id) {
        Way::Not(why) => Err(why),
        Way::Own(undo) => Ok(vec![undo]),
        Way::By(other) => Ok(step_for(plan, other, Direction::Back).into_iter().collect()),
        Way::Procedure(procedure) => Ok(procedure.steps.iter().collect()),
    }
}

/// What the words of its way back do.
pub(super) fn backward(plan: &Plan, sources: &Sources, vars: &Variables, step: &Step) -> Reading {
    read_back(plan, sources, vars, step, &way_back(plan, step).unwrap_or_default())
}

pub(super) fn read_back(
    plan: &Plan,
    sources: &Sources,
    vars: &Variables,
    step: &Step,
    back: &[&Step],
) -> Reading {
    let mut backward = Reading::default();
    for undo in back {
        let one = read(plan, sources, vars, &of_each_file(undo, step));
        backward.effects.extend(one.effects);
        backward.acts = backward.acts.max(one.acts);
        backward.by_hand |= one.by_hand;
        backward.unseen = backward.unseen.or(one.unseen);
    }
    backward
}

/// An undo that has a file for each of the step's files, with their names.
fn of_each_file(undo: &Step, step: &Step) -> Step {
    let mut undo = undo.clone();
    if let (Action::Files { pattern, files }, Action::Files { files: forward, .. }) =
        (&mut undo.action, &step.action)
        && pattern.contains("{file}")
    {
        let named = |file: &PlanFile| {
            let base = file.name.rsplit('/').next().unwrap_or(&file.name);
            PlanFile { name: pattern.replace("{file}", base), ..file.clone() }
        };
        *files = forward.iter().rev().map(named).collect();
    }
    undo
}
