//! Titles and places, from the outline that a run was opened with.
//!
//! The fold could be asked, but a journal that doesn't fold any more (damaged, or of a newer program)
//! still has titles, and lines about it are wanted most of all then.

use std::collections::HashMap;

use crate::run::event::{Mode, Opened, StepOutline};

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// Index of the phase.
    Phase(usize),
    /// Index of the named procedure.
    Procedure(usize),
}

/// What the run was opened with, and where its steps are.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub opened: Option<Opened>,
    places: HashMap<String, (Group, usize)>,
}

impl Book {
    pub(super) fn of(opened: &Opened) -> Self {
        let phases = opened.outline.iter().enumerate().map(|(at, p)| (Group::Phase(at), &p.steps));
        let procedures = opened.procedures.iter().enumerate().map(|(at, p)| (Group::Procedure(at), &p.steps));
        let places = phases
            .chain(procedures)
            .flat_map(|(group, steps)| {
                steps.iter().enumerate().map(move |(at, step)| (step.id.clone(), (group, at)))
            })
            .collect();
        Self { opened: Some(opened.clone()), places }
    }

    pub(super) fn group(&self, step: &str) -> Option<Group> {
        self.places.get(step).map(|(group, _)| *group)
    }

    pub(super) fn outline(&self, step: &str) -> Option<&StepOutline> {
        let (group, at) = self.places.get(step)?;
        let opened = self.opened.as_ref()?;
        match group {
            Group::Phase(phase) => opened.outline.get(*phase)?.steps.get(*at),
            Group::Procedure(procedure) => opened.procedures.get(*procedure)?.steps.get(*at),
        }
    }

    /// The title; the id of a step that isn't known.
    pub(super) fn title<'a>(&'a self, step: &'a str) -> &'a str {
        match self.outline(step) {
            Some(outline) if !outline.title.trim().is_empty() => &outline.title,
            _ => step,
        }
    }

    /// Title and id, where a person has to type the id; the id alone where it is the title too.
    pub(super) fn title_and_id(&self, step: &str) -> String {
        match self.title(step) {
            title if title == step => step.to_owned(),
            title => format!("{title} ({step})"),
        }
    }

    /// Whether the result of the step's own query is all there is to it.
    pub(super) fn is_one_check(&self, step: &str, checkpoint: &str) -> bool {
        self.outline(step).is_some_and(|outline| {
            matches!(outline.checkpoints.as_slice(), [only] if only.id == step && checkpoint == step)
        })
    }

    pub(super) fn is_demo(&self) -> bool {
        self.opened.as_ref().is_some_and(|opened| opened.mode == Mode::Demo)
    }
}
