//! What stands between the statements of a script that is committed one by one: shell commands, and where
//! results go.

use super::attention::Interruption;
use super::block::Open;
use super::conductor::Conductor;
use super::heard::Broken;
use super::passage::Passage;
use super::stop::Stop;
use crate::run::event::Problem;
use crate::script::Item;

impl Conductor {
    /// What isn't SQL didn't come to its end; a transaction of the file that is open is undone.
    pub(super) async fn break_beside(
        &mut self,
        passage: &mut Passage<'_>,
        open: Option<Open>,
        broken: Broken,
    ) -> Result<Result<(), Problem>, Stop> {
        match (open, broken) {
            (Some(open), broken) if !open.done => self.give_up(passage, &open.unit, broken).await,
            (_, Broken::Interrupted(Interruption::Signal(signal), _)) => Err(Stop::Interrupted { signal }),
            (_, Broken::Interrupted(Interruption::LockLost(why), _)) => Err(Stop::LockLost(why)),
            (_, broken) => Ok(Err(broken.problem())),
        }
    }

    /// What a script has done that isn't SQL; nothing: its end.
    pub(super) async fn beside(
        &mut self,
        passage: &mut Passage<'_>,
        item: Option<Item>,
    ) -> Result<Result<(), Broken>, Stop> {
        let ground = self.ground(passage.step);
        let (done, written, remarks) = {
            let stream = self.stream(&mut passage.work.session, passage.step, &passage.step.id);
            let mut stream = stream.on(&ground);
            stream.outlet = passage.outlet.take();
            let done = match item {
                Some(item) => stream.aside_of(item, &mut passage.script).await,
                None => stream.end_output().await,
            };
            passage.outlet = stream.outlet.take();
            (done, std::mem::take(&mut stream.written), stream.passed.lines())
        };
        if let Some(unit) = passage.last.clone() {
            self.record_written(&unit, written).await?;
        }
        self.deviate(&passage.step.id, remarks).await?;
        Ok(done)
    }
}
