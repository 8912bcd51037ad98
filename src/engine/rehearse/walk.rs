//! One run on one copy of the database: forward to a step, and back.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::course::Order;
use super::ground::Ground;
use crate::engine::conductor::Conductor;
use crate::engine::open::{Opening, open};
use crate::engine::pilot::Pilot;
use crate::engine::rollback::Wanted;
use crate::engine::says::Says;
use crate::engine::source_server::{SourceServer, others};
use crate::engine::stop::Stop;
use crate::plan::model::Plan;
use crate::run::event::{Direction, Envelope, Event, Mode, Residue, Selection};
use crate::run::state::Run;

/// A run that a rehearsal leads.
pub(super) struct Walk {
    conductor: Conductor,
    events: mpsc::UnboundedReceiver<Arc<Envelope>>,
}

/// How far it came.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Forward {
    /// To where it was to go.
    There,
    /// It stands before that, for this reason.
    Short(String),
}

/// What came of going back.
#[derive(Debug, Clone, Default)]
pub(super) struct Back {
    /// Steps that were undone, each with how long that took.
    pub undone: BTreeMap<String, u64>,
    /// A step whose rollback failed, and why; what was applied before it stands.
    pub failed: Option<(String, String)>,
    /// Why it didn't come to its end.
    pub short: Option<String>,
    /// What the run itself found left.
    pub residue: Vec<Residue>,
    pub elapsed_ms: u64,
}

impl Walk {
    /// Opens a run of the plan on the copy that stands now.
    pub(super) async fn open(
        ground: &Ground,
        beside: Option<&SourceServer>,
        order: &Order,
        plan: &Arc<Plan>,
    ) -> Result<Self, Stop> {
        let (listener, events) = mpsc::unbounded_channel();
        let (says, _) = Says::new();
        let opening = Opening {
            despite: None,
            plan: Arc::clone(plan),
            digest: order.digest.clone(),
            included: order.included.clone(),
            target: ground.config(),
            others: others(plan, &ground.config(), beside),
            state: ground.state().clone(),
            mode: Mode::Demo,
            selection: Selection::default(),
            vars: order.vars.clone(),
            signal: order.signal.clone(),
            says,
            listeners: vec![listener],
        };
        Ok(Self { conductor: open(opening).await?, events })
    }

    /// Goes forward until this step is settled.
    pub(super) async fn forward(&mut self, until: &str) -> Result<Forward, Stop> {
        self.conductor.halt_after = Some(until.to_owned());
        let ended = self.leg().await?;
        Ok(ended.map_or(Forward::There, Forward::Short))
    }

    /// Undoes what was applied, as far as it is wanted.
    pub(super) async fn back(&mut self, wanted: Wanted) -> Result<Back, Stop> {
        while self.events.try_recv().is_ok() {}
        self.conductor.turn_back(wanted);
        let short = self.leg().await?;
        let mut back = Back::default();
        let mut ended = false;
        while let Ok(envelope) = self.events.try_recv() {
            match &envelope.event {
                Event::StepUndone { step, elapsed_ms, .. } => {
                    back.undone.insert(step.clone(), *elapsed_ms);
                    back.failed.take_if(|(failed, _)| failed == step);
                }
                Event::StepFailed { step, direction: Direction::Back, problem, .. } => {
                    back.failed = Some((step.clone(), problem.message.clone()));
                }
                Event::RollbackEnded { residue, elapsed_ms, .. } => {
                    ended = true;
                    back.residue.clone_from(residue);
                    back.elapsed_ms = *elapsed_ms;
                }
                _ => {}
            }
        }
        // On a private server nobody needs them, and they would count as left behind.
        self.conductor.remove_set_aside().await?;
        if !ended {
            back.short = Some(short.unwrap_or_else(|| "the rollback didn't come to its end".into()));
        }
        Ok(back)
    }

    /// Conducts as far as it goes; why it stopped, unless it came to where it was to go.
    async fn leg(&mut self) -> Result<Option<String>, Stop> {
        let flying = Pilot::Demo.start(&self.conductor.recorder);
        let ended = self.conductor.conduct().await;
        flying.abort();
        let _ = flying.await;
        match ended {
            Ok(_) | Err(Stop::Halted) => Ok(None),
            Err(Stop::Left { why, .. } | Stop::Over { why, .. } | Stop::Refused { why }) => Ok(Some(why)),
            Err(stop) => Err(stop),
        }
    }

    /// The run as it stands.
    pub(super) fn run(&self) -> Run {
        self.conductor.recorder.look(Clone::clone)
    }

    pub(super) fn conductor(&mut self) -> &mut Conductor {
        &mut self.conductor
    }

    pub(super) async fn close(self) {
        self.conductor.close().await;
    }
}

/// Whether a signal has told us to end.
pub(super) fn interrupted(signal: &watch::Receiver<Option<String>>) -> Result<(), Stop> {
    match signal.borrow().clone() {
        Some(signal) => Err(Stop::Interrupted { signal }),
        None => Ok(()),
    }
}
