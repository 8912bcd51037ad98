//! `watch`: conditions that are sampled while a phase runs, each on a session of its own.
//!
//! A watch is breached when it doesn't hold for as long as the plan allows. What can't be asked doesn't hold;
//! a query that can never run is a breach at once. A breach is told when it happens, and what the plan says
//! about it is done at the next safe point: between two steps, or at once in a `soak`. What is under way isn't
//! cut off: whoever sits there can cancel it. Afterwards the watch is silent until it holds again.
//!
//! Samples aren't journaled: the last value of each can be looked at, and a phase ends with its figures.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::asker::Asker;
use super::conductor::Conductor;
use super::exit::Exit;
use super::recorder::Recorder;
use super::rollback::{Wanted, set_out};
use super::secrets::Secrets;
use super::stop::Stop;
use super::unit::millis;
use crate::crash;
use crate::pg::{ConnectConfig, Session};
use crate::plan::expect::{Outcome, Verdict};
use crate::plan::model::{OnFailure, Phase, Side, Watch};
use crate::run::command::{Command, Wish};
use crate::run::event::{Assurance, Breach, Ending, Event, HoldReason, Person, WatchFigures};
use crate::run::sample::Reading;
use crate::run::state::Status;
use crate::script::Variables;

/// A sample may take so long, or as long as lies between two of them.
const SAMPLE: Duration = Duration::from_secs(10);
/// A server that doesn't answer is waited for so much longer than its query may take.
const BEYOND: Duration = Duration::from_secs(5);
/// How long the last samples are waited for.
const LAST: Duration = Duration::from_secs(20);

/// The watches of the phase that runs; dropped, they are ended.
#[derive(Debug)]
pub struct Watches {
    phase: String,
    tasks: Vec<JoinHandle<Option<WatchFigures>>>,
    breaches: mpsc::UnboundedReceiver<Breach>,
    over: watch::Sender<bool>,
}

impl Drop for Watches {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Samples one watch.
struct Watchman {
    watch: Watch,
    phase: String,
    target: ConnectConfig,
    /// Through a pooler: what is set there would stay so for others.
    pooled: bool,
    recorder: Recorder,
    vars: Variables,
    secrets: Secrets,
    breaches: mpsc::UnboundedSender<Breach>,
    readings: watch::Sender<BTreeMap<String, Reading>>,
    over: watch::Receiver<bool>,
    /// Not until it holds again: it was breached, and the run goes on.
    silent: bool,
}

/// What a sample gave.
struct Sample {
    verdict: Verdict,
    /// Where it is a single number.
    number: Option<(f64, String)>,
    /// Its query can never run.
    hopeless: bool,
}

impl Conductor {
    /// Begins to sample the watches of a phase, unless it is watched already.
    pub(super) fn watch_phase(&mut self, phase: &Phase) {
        if phase.watches.is_empty() || self.watches.as_ref().is_some_and(|watches| watches.phase == phase.id)
        {
            return;
        }
        let (send, breaches) = mpsc::unbounded_channel();
        let (over, _) = watch::channel(false);
        let mut tasks = Vec::new();
        for one in &phase.watches {
            let known =
                self.recorder.look(|run| run.watches.get(&one.checkpoint.id).cloned()).unwrap_or_default();
            // Told before a stop, and nobody had answered it.
            let open = known.breaches.last().filter(|_| known.open);
            open.map(|breach| send.send(breach.clone()));
            let watchman = Watchman {
                watch: one.clone(),
                phase: phase.id.clone(),
                target: self.config_of(one.checkpoint.on).unwrap_or(&self.target).clone(),
                pooled: one.checkpoint.on == Side::Pooler,
                recorder: self.recorder.clone(),
                vars: self.vars.clone(),
                secrets: self.secrets.clone(),
                breaches: send.clone(),
                readings: self.attention.readings.clone(),
                over: over.subscribe(),
                silent: !known.breaches.is_empty(),
            };
            tasks.push(tokio::spawn(watchman.watch()));
        }
        self.watches = Some(Watches { phase: phase.id.clone(), tasks, breaches, over });
    }

    /// Whether something of a phase is still to come, or its watches haven't been asked yet.
    pub(super) fn is_to_be_watched(&self, phase: &Phase) -> bool {
        let known = |one: &Watch| {
            self.recorder.look(|run| run.watches.get(&one.checkpoint.id).is_some_and(|w| w.figures.is_some()))
        };
        let assumed = phase.steps.iter().all(|step| self.status(&step.id) == Status::Assumed);
        !assumed
            && (phase.steps.iter().any(|step| !self.settled(&step.id)) || !phase.watches.iter().all(known))
    }

    /// The phase is over: a last sample of each watch, and their figures. What they say then still counts.
    pub(super) async fn end_watches(&mut self) -> Result<(), Stop> {
        for breach in self.leave_watches().await? {
            self.breached(&breach).await?;
        }
        Ok(())
    }

    /// As [`Self::end_watches`], and gives the breaches that nobody has answered.
    pub(super) async fn leave_watches(&mut self) -> Result<Vec<Breach>, Stop> {
        let Some(mut watches) = self.watches.take() else { return Ok(Vec::new()) };
        let _ = watches.over.send(true);
        let until = tokio::time::Instant::now() + LAST;
        for task in &mut watches.tasks {
            match tokio::time::timeout_at(until, &mut *task).await {
                Ok(Ok(Some(figures))) => self.record(Event::WatchEnded(Box::new(figures))).await?,
                Ok(_) => {}
                Err(_) => task.abort(),
            }
        }
        self.attention.readings.send_replace(BTreeMap::new());
        let mut late = Vec::new();
        while let Ok(breach) = watches.breaches.try_recv() {
            late.push(breach);
        }
        Ok(late)
    }

    /// What came of the watches meanwhile is answered before anything else begins.
    pub(super) async fn answer_watches(&mut self) -> Result<(), Stop> {
        while let Some(breach) = self.watches.as_mut().and_then(|watches| watches.breaches.try_recv().ok()) {
            self.breached(&breach).await?;
        }
        Ok(())
    }

    /// The next breach of a watch; never, when nothing is watched.
    pub(super) async fn next_breach(watches: &mut Option<Watches>) -> Breach {
        if let Some(watches) = watches
            && let Some(breach) = watches.breaches.recv().await
        {
            return breach;
        }
        std::future::pending().await
    }

    /// What the plan says about a breach.
    pub(super) fn policy_of(&self, breach: &Breach) -> OnFailure {
        let phase = self.plan.phases.iter().find(|phase| phase.id == breach.phase);
        let watch =
            phase.and_then(|phase| phase.watches.iter().find(|one| one.checkpoint.id == breach.watch));
        let own = watch.and_then(|watch| watch.checkpoint.on_failure.clone());
        own.or_else(|| phase.and_then(|phase| phase.on_failure.clone())).unwrap_or(OnFailure::Hold)
    }

    /// Does what the plan says about a breach, or asks.
    pub(super) async fn breached(&mut self, breach: &Breach) -> Result<(), Stop> {
        let policy = self.policy_of(breach);
        let why = words(breach);
        match policy.clone() {
            OnFailure::Continue => {
                let by = Person { name: "plan".into(), how: Assurance::Policy };
                self.accept_breach(breach, by, "the plan says to go on".to_owned()).await
            }
            OnFailure::Stop => {
                let why = format!("{why}; the plan says to stop");
                Err(self.end(Ending::Stopped { why: why.clone() }, Exit::Failed, why).await)
            }
            OnFailure::Rollback => Err(Stop::TurnBack(Box::new(Wanted::all(why)))),
            OnFailure::Procedure(id) if self.cant_begin(Some(&id)).is_none() => {
                Err(Stop::TurnBack(Box::new(Wanted { procedure: Some(id), ..Wanted::all(why) })))
            }
            OnFailure::Hold | OnFailure::Procedure(_) => {
                let advice = breach.otherwise.clone();
                let why = match &policy {
                    OnFailure::Procedure(id) => {
                        let cant = self.cant_begin(Some(id)).unwrap_or_default();
                        format!("{why}; the plan says {id}, which can't be carried out: {cant}")
                    }
                    _ => why,
                };
                self.hold(HoldReason::Breached, None, why, advice).await?;
                loop {
                    let Command { what, by } = self.next_wish().await?;
                    match what {
                        Wish::Go => {
                            return self.accept_breach(breach, by, "went on".to_owned()).await;
                        }
                        other => drop(self.obey(None, other, by).await?),
                    }
                }
            }
        }
    }

    /// Why a procedure can't be carried out now, or all of it not be rolled back.
    pub(super) fn cant_begin(&self, procedure: Option<&str>) -> Option<String> {
        let wanted = Wanted { procedure: procedure.map(str::to_owned), ..Wanted::default() };
        let wanted = self.with_values(wanted);
        let course = match self.recorder.look(|run| set_out(&self.plan, run, &wanted)) {
            Ok(course) => course,
            Err(why) => return Some(why),
        };
        self.has_values_for_rollback(&course).err().map(|stop| stop.to_string())
    }

    async fn accept_breach(&mut self, breach: &Breach, by: Person, reason: String) -> Result<(), Stop> {
        let what = format!(
            "{}; {}",
            words(breach),
            match by.how {
                Assurance::Policy => reason.clone(),
                _ => format!("{} {reason}", by.name),
            }
        );
        self.record(Event::WatchAccepted { watch: breach.watch.clone(), by, reason }).await?;
        self.record(Event::Deviation { step: None, what }).await
    }

    /// Somebody took a run up that waited because of a breach: that is the word to go on.
    pub(super) async fn take_up_breaches(&mut self) -> Result<(), Stop> {
        let open: Vec<Breach> = self.recorder.look(|run| {
            let open = run.watches.values().filter(|watch| watch.open);
            open.filter_map(|watch| watch.breaches.last().cloned()).collect()
        });
        let by = Person { name: super::open::operator().os_user, how: Assurance::Asserted };
        for breach in open {
            self.accept_breach(&breach, by.clone(), "took the run up again".to_owned()).await?;
        }
        Ok(())
    }
}

/// What happened, in a sentence.
pub(super) fn words(breach: &Breach) -> String {
    let lasting = match breach.lasting_ms {
        0..1000 => String::new(),
        ms => format!(" for {}", crate::plan::duration::words(Duration::from_secs(ms / 1000))),
    };
    let (what, verdict) = (breach.headline(), &breach.verdict);
    format!("{what}: expected {}, got {}{lasting}", verdict.expected, verdict.seen())
}

impl Watchman {
    async fn watch(mut self) -> Option<WatchFigures> {
        let checkpoint = self.watch.checkpoint.clone();
        let mut figures = WatchFigures {
            watch: checkpoint.id.clone(),
            phase: self.phase.clone(),
            title: checkpoint.title.clone(),
            samples: 0,
            failed: 0,
            breaches: 0,
            min: None,
            max: None,
            last: String::new(),
            holds: false,
        };
        let mut ends: Option<(f64, f64)> = None;
        let mut ticks = tokio::time::interval(self.watch.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut session, mut since) = (None, None::<Instant>);
        loop {
            let last = tokio::select! {
                biased;
                over = self.over.wait_for(|over| *over) => {
                    // Nobody waits for the figures any more.
                    over.ok()?;
                    true
                }
                _ = ticks.tick() => false,
            };
            let Sample { mut verdict, number, hopeless } = self.sample(&mut session).await;
            verdict.got = self.secrets.mask(&verdict.got);
            figures.samples += 1;
            figures.last.clone_from(&verdict.got);
            figures.holds = verdict.passed;
            if let Some((value, text)) = number {
                if ends.is_none_or(|(min, _)| value < min) {
                    figures.min = Some(text.clone());
                }
                if ends.is_none_or(|(_, max)| value > max) {
                    figures.max = Some(text);
                }
                ends = Some(ends.map_or((value, value), |(min, max)| (min.min(value), max.max(value))));
            }
            if verdict.passed {
                since = None;
                self.silent = false;
            } else {
                figures.failed += 1;
                let lasting = since.get_or_insert_with(Instant::now).elapsed();
                if !self.silent && (hopeless || lasting >= self.watch.lasting) {
                    self.silent = true;
                    figures.breaches += 1;
                    self.tell(verdict.clone(), lasting).await?;
                }
            }
            self.readings.send_modify(|readings| {
                let reading = Reading {
                    title: checkpoint.title.clone(),
                    at: jiff::Timestamp::now(),
                    got: self.secrets.mask(&verdict.seen()),
                    expected: verdict.expected,
                    holds: verdict.passed,
                    breached: self.silent && !verdict.passed,
                };
                readings.insert(checkpoint.id.clone(), reading);
            });
            if last {
                if let Some(session) = session {
                    session.close().await;
                }
                return Some(figures);
            }
        }
    }

    /// A breach is a fact at once. `None`: the journal takes nothing more, which ends the run by itself.
    async fn tell(&self, verdict: Verdict, lasting: Duration) -> Option<()> {
        let checkpoint = &self.watch.checkpoint;
        let breach = Breach {
            watch: checkpoint.id.clone(),
            phase: self.phase.clone(),
            title: checkpoint.title.clone(),
            verdict,
            lasting_ms: millis(lasting),
            otherwise: checkpoint.otherwise.clone(),
        };
        let event = self.secrets.masked(Event::WatchBreached(Box::new(breach.clone())));
        self.recorder.record(event).await.ok()?;
        self.breaches.send(breach).ok();
        Some(())
    }

    /// Asks once. What can't be asked doesn't hold.
    async fn sample(&self, session: &mut Option<Session>) -> Sample {
        let checkpoint = &self.watch.checkpoint;
        let most = self.watch.every.max(SAMPLE);
        let asker = Asker::new(self.vars.clone(), self.recorder.look(|run| run.saved.clone()));
        let asked = tokio::time::timeout(most + BEYOND, async {
            let mut look = match session.take() {
                Some(look) => look,
                None if self.pooled => Session::connect_bare(&self.target, "watch").await?,
                None => Session::connect(&self.target, "watch").await?,
            };
            let judged = asker.evaluate(&mut look, checkpoint, most).await?;
            crash::point("watch-asked");
            *session = Some(look);
            Ok::<_, crate::pg::PgError>(judged)
        })
        .await;
        let failed = |why: String| Sample {
            verdict: Verdict::fail("it can be asked", why, "what can't be asked doesn't hold"),
            number: None,
            hopeless: false,
        };
        match asked {
            Err(_) => failed(format!("no answer within {} s", (most + BEYOND).as_secs())),
            Ok(Err(error)) => failed(error.sentence()),
            Ok(Ok((Outcome::Error(refusal), verdict))) => {
                // Of a query that is wrong, or may not be asked, no later sample will be right. The empty state
                // is our own refusal.
                let state = refusal.sqlstate.as_str();
                let hopeless = !verdict.passed && (state.is_empty() || state.starts_with("42"));
                Sample { verdict, number: None, hopeless }
            }
            Ok(Ok((Outcome::Rows(answer), verdict))) => {
                let value = match answer.rows.as_slice() {
                    [row] if answer.columns.len() == 1 => row.first().cloned().flatten(),
                    _ => None,
                };
                let number = value.and_then(|text| Some((text.trim().parse::<f64>().ok()?, text)));
                Sample { verdict, number: number.filter(|(value, _)| value.is_finite()), hopeless: false }
            }
        }
    }
}
