//! `soak`: the run waits while the watches of the phase are sampled; a breach is answered at once.

use std::time::Instant;

use super::attention::Interruption;
use super::conductor::Conductor;
use super::problems;
use super::stop::Stop;
use super::watch::words;
use crate::plan::duration;
use crate::plan::model::{OnFailure, Step};
use crate::run::event::{Direction, Problem};

impl Conductor {
    /// Waits as long as the plan says, and says when it began to. Taken up again after a stop or a breach, it waits
    /// all of it again: what nobody watched, or what wasn't quiet, is no soak.
    pub(super) async fn soak(&mut self, step: &Step, text: &str) -> Result<Result<Instant, Problem>, Stop> {
        let mut missing = Vec::new();
        let filled = self.texts().fill_noting(text, &mut missing);
        let long = match (missing.first(), duration::parse(filled.trim())) {
            (None, Ok(long)) => long,
            (Some(name), _) => {
                return Ok(Err(problems::plain(format!("`soak`: `{{{name}}}` has no value here"))));
            }
            (None, Err(why)) => {
                return Ok(Err(problems::plain(format!("`soak`: {filled:?} is no duration: {why}"))));
            }
        };
        self.attention.begin_work();
        let watched = self.plan.phases.iter().find(|phase| phase.steps.iter().any(|s| s.id == step.id));
        let watched = watched.map_or(0, |phase| phase.watches.len());
        let what = super::verify::count(watched, "watch").replace("watchs", "watches");
        let waits = format!(
            "waits for {} while {what} {} sampled",
            duration::words(long),
            if watched == 1 { "is" } else { "are" }
        );
        self.says.say(&step.id, &waits);
        let mut began = Instant::now();
        loop {
            let until = tokio::time::Instant::from_std(began + long);
            let breach = tokio::select! {
                biased;
                why = self.attention.interrupted() => match why {
                    Interruption::Cancelled => {
                        return Ok(Err(problems::plain("the wait was cancelled by a person")));
                    }
                    why => {
                        self.stop_for(why)?;
                        continue;
                    }
                },
                breach = Self::next_breach(&mut self.watches) => breach,
                () = tokio::time::sleep_until(until) => return Ok(Ok(began)),
            };
            if self.policy_of(&breach) == OnFailure::Continue {
                self.breached(&breach).await?;
                continue;
            }
            // It isn't over, and nothing follows in the middle of a step.
            self.record_failure(step, &problems::plain(words(&breach)), began).await?;
            self.breached(&breach).await?;
            self.start(step, Direction::Forward).await?;
            self.attention.begin_work();
            self.says.say(&step.id, &format!("{waits}, from the beginning"));
            began = Instant::now();
        }
    }
}
