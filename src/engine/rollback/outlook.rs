//! Keeps ready what a person wants to know before a rollback, beside the run and never in its way: the
//! statements, what they restore and lose, how long they took, and, while somebody decides, how many rows
//! were written since.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::super::conductor::Conductor;
use super::super::progress::Gauge;
use super::super::recorder::Recorder;
use super::super::sources::Sources;
use super::super::values::with_saved;
use super::{Known, Wanted, count_lost, listed, rehearsed, set_out};
use crate::journal::StateDir;
use crate::pg::{ConnectConfig, Session};
use crate::plan::model::Plan;
use crate::run::event::UndoItem;
use crate::run::outlook::{Counted, Goal, LookBack, Outlook};
use crate::run::state::Run;
use crate::script::Variables;

/// Between two counts of rows.
const AGAIN: Duration = Duration::from_secs(2);
/// Where steps follow each other by themselves, only the last of them is looked back from.
const SETTLES: Duration = Duration::from_millis(200);

/// What is needed of a run to look at the way back from it.
#[derive(Debug, Clone)]
pub struct Lookout {
    plan: Arc<Plan>,
    recorder: Recorder,
    sources: Sources,
    vars: Variables,
    target: ConnectConfig,
    /// Where rehearsals are kept.
    state: Option<PathBuf>,
}

impl Conductor {
    /// From where the way back is looked at.
    #[must_use]
    pub fn lookout(&self) -> Lookout {
        Lookout {
            plan: Arc::clone(&self.plan),
            recorder: self.recorder.clone(),
            // What is read here isn't the progress of a script that runs.
            sources: self.sources.clone().counted_by(&Gauge::default()),
            vars: self.vars.clone(),
            target: self.target.clone(),
            state: self.folder.path().parent().map(ToOwned::to_owned),
        }
    }
}

/// Makes an outlook of every rollback that is looked at, until nobody looks any more.
pub async fn look_back(
    from: Lookout,
    mut wanted: watch::Receiver<Option<LookBack>>,
    found: mpsc::UnboundedSender<Arc<Outlook>>,
) {
    let mut last: Option<(LookBack, Outlook)> = None;
    loop {
        let Some(look) = wanted.borrow_and_update().clone() else {
            if wanted.changed().await.is_err() {
                return;
            }
            continue;
        };
        // What didn't change isn't read again.
        let same =
            |then: &LookBack| then.goal == look.goal && then.steps == look.steps && then.stand == look.stand;
        let kept = last.take().filter(|(then, _)| same(then)).map(|(_, outlook)| outlook);
        let mut outlook = match kept {
            Some(kept) => kept,
            None => {
                if !look.rows
                    && let Ok(changed) = tokio::time::timeout(SETTLES, wanted.changed()).await
                {
                    if changed.is_err() {
                        return;
                    }
                    continue;
                }
                let (from, goal) = (from.clone(), look.goal.clone());
                let Ok(Some(made)) = tokio::task::spawn_blocking(move || from.outlook(goal)).await else {
                    // It can't be begun so; who looks knows that from the run itself.
                    if wanted.changed().await.is_err() {
                        return;
                    }
                    continue;
                };
                made
            }
        };
        if found.send(Arc::new(outlook.clone())).is_err() {
            return;
        }
        if look.rows && from.is_still() {
            // A count that nobody waits for any more is broken off, in the server too.
            let counted = tokio::select! {
                counted = from.count(outlook.course.items.clone(), wanted.clone()) => counted,
                changed = wanted.changed() => match changed {
                    Ok(()) => { last = Some((look, outlook)); continue }
                    Err(_) => return,
                },
            };
            match counted {
                Ok(items) => {
                    outlook.course.items = items;
                    outlook.rows = Counted::At(jiff::Timestamp::now());
                }
                Err(why) => outlook.rows = Counted::Failed(why),
            }
            if found.send(Arc::new(outlook.clone())).is_err() {
                return;
            }
        }
        let again = look.rows;
        last = Some((look, outlook));
        let changed = match again {
            true => tokio::time::timeout(AGAIN, wanted.changed()).await.unwrap_or(Ok(())),
            false => wanted.changed().await,
        };
        if changed.is_err() {
            return;
        }
    }
}

impl Lookout {
    /// Nothing of the run's own is under way that a count could get in the way of.
    fn is_still(&self) -> bool {
        self.recorder.look(Run::is_holding)
    }

    /// All that can be told without the server. `None`: such a rollback can't be begun.
    fn outlook(&self, goal: Goal) -> Option<Outlook> {
        let run = self.recorder.look(Run::clone);
        let Goal { to, procedure } = goal.clone();
        let wanted = Wanted { to, procedure, ..Wanted::all(String::new()) };
        let course = set_out(&self.plan, &run, &wanted).ok()?;
        let vars = with_saved(self.vars.clone(), run.saved.clone());
        let known = Known { plan: &self.plan, run: &run, sources: &self.sources, vars };
        let mut shown = listed(&known, &course, &[]);
        let listings = known.listings(&course);
        let state = self.state.as_ref().map(|state| StateDir::find(Some(state), state));
        let note = match state {
            Some(Ok(state)) => rehearsed(&state, &run, &mut shown),
            _ => None,
        };
        Some(Outlook {
            goal,
            steps: course.steps,
            course: shown,
            listings,
            rows: Counted::Not,
            notes: note.into_iter().collect(),
        })
    }

    /// Counts the rows that would be lost; in words why that couldn't be done.
    async fn count(
        &self,
        mut items: Vec<UndoItem>,
        mut wanted: watch::Receiver<Option<LookBack>>,
    ) -> Result<Vec<UndoItem>, String> {
        if items.iter().all(|item| item.lost.is_empty()) {
            return Ok(items);
        }
        let run = self.recorder.look(Run::clone);
        let session = Session::connect(&self.target, "look").await;
        let mut session = session.map_err(|error| error.sentence())?;
        // Gone with the look that it was for: a count holds a lock, and a migration must not wait for it.
        let cancel = session.cancel_handle();
        let watching = tokio::spawn(async move {
            wanted.mark_unchanged();
            let _ = wanted.changed().await;
            let _ = cancel.cancel().await;
        });
        let counted = async {
            session
                .batch("SET lock_timeout = '200ms'; SET default_transaction_read_only = on")
                .await
                .map_err(|error| error.sentence())?;
            count_lost(&mut session, &run, &mut items).await.map_err(|stop| stop.to_string())
        };
        let counted = counted.await;
        watching.abort();
        session.close().await;
        counted.map(|()| items)
    }
}
