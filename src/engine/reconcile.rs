//! After a stop: what became of the units that were under way.
//!
//! | journal says | ledger row | conclusion |
//! |---|---|---|
//! | started | absent | not applied |
//! | started | present | unknown: a row before its commit intent is an error |
//! | commit intent | present | applied |
//! | commit intent | absent | not applied, unless the server says that the transaction committed |
//! | applied | absent | unknown: failover, restore or tampering |
//! | undone | absent, the step's present | unknown, likewise |
//!
//! A unit that came into doubt before is judged by the line that it had come to. What a person ruled is
//! written to the ledger, so that it needs no second ruling.
//!
//! The ledger is read only after the fence is ours: an old COMMIT that was under way is over by then.

use std::time::Duration;

use super::conductor::Conductor;
use super::control::Control;
use super::exit::Exit;
use super::open;
use super::roll::Roll;
use super::stop::Stop;
use super::unit::Outcome;
use crate::pg::PgError;
use crate::pg::ledger::{fence, schema};
use crate::run::event::{Event, Problem, Unit};
use crate::run::state::UnitPhase;

/// How long an old backend or COMMIT may take to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long we try to reach a server again that was lost in COMMIT.
const REACH: Duration = Duration::from_secs(20);

impl Conductor {
    /// Takes the fence of a run that changed something before, and settles every unit.
    ///
    /// # Errors
    /// [`Stop`] when something can't be settled.
    pub async fn reconcile(&mut self) -> Result<(), Stop> {
        let had_ledger = self.recorder.look(|run| run.epoch.is_some());
        if !had_ledger {
            return self.settle_without_ledger().await;
        }
        {
            let mut control = self.control.session().await;
            if !schema::exists(&mut control).await? {
                drop(control);
                return self.ledger_is_gone().await;
            }
            schema::ensure(&mut control).await.map_err(|error| Stop::Refused { why: error.to_string() })?;
        }
        self.take_fence().await?;
        self.settle_units().await
    }

    /// Raises the epoch and journals it.
    pub(super) async fn take_fence(&mut self) -> Result<(), Stop> {
        let head = self.recorder.head();
        let taken = {
            let mut control = self.control.session().await;
            fence::take(&mut control, &self.run, &self.plan.id, &head, PATIENCE).await?
        };
        self.epoch = Some(taken.epoch);
        self.fence_xid = taken.xid;
        self.record(Event::FenceTaken { epoch: taken.epoch, ended_backends: taken.ended }).await?;
        if !taken.prepared.is_empty() {
            let what = format!(
                "prepared transactions stand in this database: {}; their effects aren't visible yet",
                taken.prepared.join(", ")
            );
            self.record(Event::Deviation { step: None, what }).await?;
        }
        Ok(())
    }

    async fn settle_units(&mut self) -> Result<(), Stop> {
        let roll = {
            let mut control = self.control.session().await;
            Roll::call(&mut control, &self.run, &self.recorder).await?
        };
        let gone = self.recorder.look(|run| roll.gone(run));
        for (unit, phase, xid) in self.recorder.look(|run| run.all_units()) {
            let present = roll.has(&unit);
            let (bare, doubted) =
                self.recorder.look(|run| run.unit(&unit).map_or((false, None), |s| (s.bare, s.before_doubt)));
            let in_doubt = phase == UnitPhase::Unknown;
            let phase = if in_doubt { doubted.unwrap_or(UnitPhase::Committing) } else { phase };
            if bare && in_doubt && phase != UnitPhase::Applied {
                self.reconcile_intent(&unit).await?;
                continue;
            }
            match (phase, present) {
                (UnitPhase::Applied, true) if in_doubt => {
                    let evidence = vec!["its ledger row is there again".into()];
                    self.reconciled(&unit, true, evidence, None).await?;
                }
                (UnitPhase::Started, false) => {
                    let evidence = vec!["no ledger row: its transaction was never committed".into()];
                    self.reconciled(&unit, false, evidence, None).await?;
                }
                (UnitPhase::Committing, true) => {
                    let evidence = vec!["its ledger row was committed with it".into()];
                    self.reconciled(&unit, true, evidence, None).await?;
                }
                (UnitPhase::Committing, false) => {
                    if self.server_says_committed(xid.as_deref()).await? {
                        let evidence = vec![format!(
                            "the server says that transaction {} committed, but its ledger row isn't there",
                            xid.unwrap_or_default()
                        )];
                        self.rule(&unit, evidence).await?;
                    } else {
                        let evidence = vec!["no ledger row: its COMMIT didn't happen".into()];
                        self.reconciled(&unit, false, evidence, None).await?;
                    }
                }
                (UnitPhase::Started, true) => {
                    let evidence = vec![
                        "there is a ledger row although COMMIT was never sent: somebody else wrote it".into(),
                    ];
                    self.rule(&unit, evidence).await?;
                }
                (UnitPhase::Applied, false) => self.row_is_gone(&unit).await?,
                (UnitPhase::Intent, _) => self.reconcile_intent(&unit).await?,
                (UnitPhase::Applied, true)
                | (UnitPhase::Failed | UnitPhase::Waiting | UnitPhase::Unknown, _) => {}
            }
        }
        for unit in gone {
            self.row_is_gone(&unit).await?;
        }
        for unit in self.recorder.look(|run| roll.undos_gone(run)) {
            let evidence = vec![
                "the journal says undone and the ledger row of the undo is gone, that of the step isn't: a failover, \
                 a restore, or somebody removed it"
                    .into(),
            ];
            self.rule(&unit, evidence).await?;
        }
        let strangers: Vec<String> =
            roll.strangers.iter().map(|row| format!("{} {}", row.step, row.unit)).collect();
        if !strangers.is_empty() {
            let why = format!(
                "the ledger has what this journal doesn't know ({}): the journal is older than the database. \
                 Restore the run's folder, or end the run",
                strangers.join(", ")
            );
            return Err(Stop::Left { exit: Exit::Unknown, why });
        }
        Ok(())
    }

    async fn row_is_gone(&mut self, unit: &Unit) -> Result<(), Stop> {
        let evidence = vec![
            "the journal says applied and the ledger row is gone: a failover, a restore, or somebody removed it"
                .into(),
        ];
        self.rule(unit, evidence).await.map(drop)
    }

    /// A bare statement is looked up in its script: its probe knows what to ask.
    async fn reconcile_intent(&mut self, unit: &Unit) -> Result<(), Stop> {
        if self.is_commands(unit) {
            return self.reconcile_command(unit).await.map(drop);
        }
        if self.is_psqls(unit) {
            return self.reconcile_psql(unit).await.map(drop);
        }
        match self.find_statement(unit)? {
            Some(statement) => self.reconcile_bare(unit, &statement).await.map(drop),
            None => {
                let evidence = vec!["the statement isn't in its file any more".to_owned()];
                self.rule(unit, evidence).await.map(drop)
            }
        }
    }

    async fn settle_without_ledger(&mut self) -> Result<(), Stop> {
        for (unit, phase, _) in self.recorder.look(|run| run.all_units()) {
            match phase {
                UnitPhase::Started => {
                    let evidence = vec!["COMMIT was never sent".into()];
                    self.reconciled(&unit, false, evidence, None).await?;
                }
                UnitPhase::Committing | UnitPhase::Intent | UnitPhase::Unknown => {
                    let evidence = vec!["the run has no ledger to look into".into()];
                    self.rule(&unit, evidence).await?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn ledger_is_gone(&mut self) -> Result<(), Stop> {
        let why = "the schema holdpoint is gone from this database: it was restored, or somebody dropped it. What this \
                   run applied can't be known from the database any more"
            .to_owned();
        Err(Stop::Left { exit: Exit::Unknown, why })
    }

    async fn server_says_committed(&mut self, xid: Option<&str>) -> Result<bool, Stop> {
        let Some(xid) = xid else { return Ok(false) };
        // After a crash the server gives the id of a lost transaction again, as likely as not to our own
        // fence write. A commit that is durable keeps its id, and a later fence has a greater one.
        if self.fence_xid.zip(xid.parse().ok()).is_some_and(|(fence, xid): (i64, i64)| fence <= xid) {
            return Ok(false);
        }
        let mut control = self.control.session().await;
        // Too old to be known, or of another timeline: then the ledger is all there is.
        match control.query("SELECT pg_catalog.txid_status($1::int8)", &[Some(xid)]).await {
            Ok(rows) => Ok(rows.scalar() == Some("committed")),
            Err(error) if error.is_lost() => Err(error.into()),
            Err(_) => Ok(false),
        }
    }

    /// The connection was lost in COMMIT: reach the server again, take over from ourselves, and read
    /// what became of it.
    pub(super) async fn reconcile_commit(&mut self, unit: &Unit, error: &PgError) -> Result<Outcome, Stop> {
        let evidence = vec![format!("the connection was lost in COMMIT: {error}")];
        self.record(Event::UnitUnknown { unit: unit.clone(), evidence }).await?;
        if let Err(why) = self.reach_again().await {
            let why = format!(
                "{why}. Whether the step was committed isn't known yet; `holdpoint resume` finds out from the ledger"
            );
            return Err(Stop::Left { exit: Exit::Unknown, why });
        }
        if self.epoch.is_none() {
            let evidence = vec!["the run has no ledger to look into".into()];
            return self.ruled(unit, evidence).await;
        }
        // Not only this unit: a failover may have taken earlier ones with it.
        self.take_fence().await?;
        self.settle_units().await?;
        if self.unit_phase(unit) == Some(UnitPhase::Applied) {
            return Ok(Outcome::Applied);
        }
        Ok(Outcome::Failed(Problem {
            message: format!("the connection was lost in COMMIT: {error}"),
            consequence: Some("nothing of it was applied: the ledger has no row".into()),
            ..Problem::default()
        }))
    }

    async fn ruled(&mut self, unit: &Unit, evidence: Vec<String>) -> Result<Outcome, Stop> {
        if self.rule(unit, evidence).await? {
            Ok(Outcome::Applied)
        } else {
            Ok(Outcome::Failed(super::problems::plain("ruled as not applied")))
        }
    }

    /// Sessions that answer. When only the work session was lost, the control session is kept, and the
    /// lock with it: nobody else can come in between, and our own lock doesn't stand in our way. Else
    /// there are new ones, and the lock is taken again.
    pub(super) async fn reach_again(&mut self) -> Result<(), Stop> {
        let began = std::time::Instant::now();
        let keep = self.control.is_alive().await;
        loop {
            let reached = if keep {
                self.spare().await.map(|look| (None, look))
            } else {
                open::lock_again(&self.target, &self.recorder)
                    .await
                    .map(|(control, look)| (Some(control), look))
            };
            match reached {
                Ok((control, look)) => {
                    if let Some(control) = control {
                        self.control = Control::start(control);
                        self.attention.watch_lock(self.control.lost());
                    }
                    self.look = look;
                    self.idle_look = None;
                    return Ok(());
                }
                Err(stop) if began.elapsed() > REACH => return Err(stop),
                Err(stop) => {
                    tracing::info!(why = %stop, "not reached yet");
                    if let Some(super::attention::Interruption::Signal(signal)) = self.attention.standing() {
                        return Err(Stop::Interrupted { signal });
                    }
                    tokio::time::sleep(Duration::from_millis(250)).await;
                }
            }
        }
    }
}
