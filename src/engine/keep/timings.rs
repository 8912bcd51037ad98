//! How long queries take: each by itself, in a transaction that only reads, measured here, from sending it to
//! its last row. One run warms up and doesn't count; of those that follow the median does.

use std::time::Duration;

use super::content::Timing;
use crate::engine::conductor::Conductor;
use crate::engine::problems;
use crate::engine::stop::Stop;
use crate::plan::expect::Outcome;
use crate::plan::model::{Ask, Checkpoint, Side};
use crate::run::event::Problem;

/// Runs that count.
pub(super) const RUNS: usize = 5;
/// The same in words.
pub(super) const HOW: &str = "the median of 5 runs each, after one that isn't counted";
/// Two times that are closer than this are the same: less is the network, the machine and the server's other
/// work.
pub(super) const NOISE: Duration = Duration::from_millis(5);

impl Conductor {
    /// Times each query. One that fails has no time, and so the whole has failed.
    pub(super) async fn time_queries(
        &mut self,
        queries: &[String],
        role: Option<&str>,
    ) -> Result<Result<Vec<Timing>, Problem>, Stop> {
        let mut timings = Vec::new();
        for (at, query) in queries.iter().enumerate() {
            let ask = Checkpoint {
                id: String::new(),
                title: String::new(),
                ask: Ask::Sql(query.clone()),
                expect: None,
                otherwise: None,
                on_failure: None,
                on: Side::Target,
                role: role.map(str::to_owned),
                save: None,
                into: None,
                line: 0,
            };
            let mut timing = Timing { query: query.clone(), runs_us: Vec::new(), rows: 0 };
            for run in 0..=RUNS {
                let (outcome, _) = Box::pin(self.evaluate_standing(&ask)).await?;
                if let Some(interruption) = self.attention.standing() {
                    self.stop_for(interruption)?;
                }
                match outcome {
                    Outcome::Rows(answer) => {
                        timing.rows = answer.total_rows;
                        if run > 0 {
                            timing
                                .runs_us
                                .push(u64::try_from(answer.elapsed.as_micros()).unwrap_or(u64::MAX));
                        }
                    }
                    Outcome::Error(refusal) => {
                        let which = format!("query {} of {} can't be timed", at + 1, queries.len());
                        let mut problem = problems::plain(format!("{which}: {}", refusal.message));
                        problem.sqlstate = Some(refusal.sqlstate).filter(|state| !state.is_empty());
                        problem.detail = Some(query.trim().to_owned());
                        problem.consequence = Some("nothing was changed: queries are timed read-only".into());
                        return Ok(Err(problem));
                    }
                }
            }
            timings.push(timing);
        }
        Ok(Ok(timings))
    }
}
