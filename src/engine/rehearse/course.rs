//! The order of a rehearsal: forward and back, forward again, back from the middle, twice.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, watch};

use super::ground::{Ground, Source};
use super::image::Image;
use super::report::Report;
use super::settings::{once_proven, rehearsed};
use super::twice::twice;
use super::walk::{Back, Forward, Walk, interrupted};
use crate::engine::rollback::{Wanted, undoes};
use crate::engine::source_server::SourceServer;
use crate::engine::stop::Stop;
use crate::engine::unit::millis;
use crate::pg::ConnectConfig;
use crate::plan::digest::PlanDigest;
use crate::plan::model::{Plan, PlanFile, Procedure, Step};
use crate::run::event::Residue;
use crate::run::rehearsal::{Leg, Part, Progress, Rehearsal};

/// What is rehearsed, and on what.
#[derive(Debug)]
pub struct Order {
    pub plan: Arc<Plan>,
    pub digest: PlanDigest,
    /// Scripts that the plan's files include.
    pub included: Vec<PlanFile>,
    /// Values of the plan's variables, and which of them are secret.
    pub vars: BTreeMap<String, (String, bool)>,
    pub subject: Subject,
    /// The folder of the server programs, when it is named.
    pub bin_dir: Option<PathBuf>,
    pub signal: watch::Receiver<Option<String>>,
    pub progress: mpsc::UnboundedSender<Progress>,
}

/// Which database it begins with.
#[derive(Debug, Clone)]
pub enum Subject {
    /// The one that the plan's fixture makes.
    Fixture,
    /// A copy of the target's schema; with its rows when they are wanted too.
    Copy { target: Box<ConnectConfig>, with_data: bool },
}

/// Rehearses a plan. Whatever comes of it, nothing stays behind.
///
/// # Errors
/// [`Stop`] when it couldn't be rehearsed at all. A plan that fails its rehearsal is no error.
pub async fn rehearse(order: Order) -> Result<Rehearsal, Stop> {
    let mut told = order.signal.clone();
    let going = Course::begin(&order);
    // Until the first walk hears signals by itself.
    let began = tokio::select! {
        biased;
        _ = told.wait_for(Option::is_some) => None,
        course = going => Some(course?),
    };
    let Some(mut course) = began else {
        interrupted(&order.signal)?;
        return Err(Stop::Local("the rehearsal lost its signals".into()));
    };
    let gone = course.go().await;
    let Course { ground, beside, report, .. } = course;
    ground.stop().await;
    if let Some(beside) = beside {
        beside.stop().await;
    }
    gone?;
    Ok(report.finish())
}

/// How far a walk forward and back came.
pub(super) struct Walked {
    pub forward: Forward,
    /// `None`: nothing was applied that can be undone.
    pub back: Option<Back>,
    /// What was left, when that could be compared.
    pub residue: Option<Vec<Residue>>,
    /// It was compared with the time right after this step, which can't be undone.
    pub since: Option<String>,
    /// What steps that can't be undone did: it stays, as the plan says.
    pub stays: Vec<Residue>,
}

struct Course<'a> {
    order: &'a Order,
    /// As it is rehearsed.
    plan: Arc<Plan>,
    source: Source,
    ground: Ground,
    /// Of a plan that has one. Nothing is changed there.
    beside: Option<SourceServer>,
    source_before: Option<Image>,
    before: Image,
    report: Report,
}

impl<'a> Course<'a> {
    async fn begin(order: &'a Order) -> Result<Self, Stop> {
        let began = (Instant::now(), jiff::Timestamp::now());
        let fixture = order.plan.fixture.as_ref().and_then(|fixture| fixture.target.clone());
        let (fixture, target) = match &order.subject {
            Subject::Fixture => (fixture, None),
            Subject::Copy { target, with_data } => (None, Some((ConnectConfig::clone(target), *with_data))),
        };
        // The plan's statements may ask for the name.
        let database = target.as_ref().map_or("postgres", |(target, _)| target.database()).to_owned();
        let source = Source { fixture, target, bin_dir: order.bin_dir.clone(), database };
        let ground = Ground::prepare(&order.plan, &source, None).await?;
        let beside = SourceServer::start(&order.plan, order.bin_dir.clone(), false).await?;
        let source_before = match &beside {
            Some(beside) => Some(Image::of(&beside.config(), None).await?),
            None => None,
        };
        ground.fresh().await?;
        let before = ground.image().await?;
        let report = Report::begin(order, &ground, &source, &before, began);
        report.tell(Progress::Ready {
            server_version: ground.version().to_owned(),
            ground: report.ground().clone(),
        });
        Ok(Self {
            order,
            plan: Arc::new(rehearsed(&order.plan)),
            source,
            ground,
            beside,
            source_before,
            before,
            report,
        })
    }

    async fn go(&mut self) -> Result<(), Stop> {
        let steps: Vec<Step> = self.plan.phases.iter().flat_map(|phase| phase.steps.clone()).collect();
        let Some(last) = steps.last() else { return Ok(()) };
        let came_through = self.whole(&last.id).await?;
        self.look_at_source().await?;
        self.plan = Arc::new(once_proven(&self.plan));
        if came_through {
            self.again(&last.id).await?;
        }
        // The last that changes something was gone back from already.
        let changing: Vec<&Step> =
            steps.iter().filter(|step| step.changes && self.report.came_forward(&step.id)).collect();
        let middles = if came_through { changing.len().saturating_sub(1) } else { changing.len() };
        for step in &changing[..middles] {
            self.middle(step).await?;
        }
        if let (true, Some(end)) = (came_through, changing.last()) {
            self.report.middle_is_the_end(&end.id);
        }
        for procedure in &self.plan.clone().rollbacks {
            self.procedure(procedure, &last.id).await?;
        }
        for step in changing.iter().filter(|step| step.idempotent && runs_a_script(step)) {
            self.twice(step).await?;
        }
        self.look_at_source().await
    }

    /// Whether a program, or a query that writes all the same, has changed what is only to be asked.
    async fn look_at_source(&mut self) -> Result<(), Stop> {
        let (Some(beside), Some(before)) = (&self.beside, &self.source_before) else { return Ok(()) };
        let now = Image::of(&beside.config(), Some(before)).await?;
        self.report.source(Image::left(before, &now)?);
        Ok(())
    }

    /// Forward to the end, or to where it fails, and all the way back.
    async fn whole(&mut self, last: &str) -> Result<bool, Stop> {
        self.report.tell(Progress::Began(Leg::Forward));
        let walked = self.there_and_back(last, true).await?;
        self.report.back(&walked);
        Ok(walked.forward == Forward::There)
    }

    /// Forward again, in the database that the rollback left.
    async fn again(&mut self, last: &str) -> Result<(), Stop> {
        if let Some(why) = self.report.why_not_again() {
            self.report.not_again(&why);
            return Ok(());
        }
        self.report.tell(Progress::Began(Leg::Again));
        let mut walk = Walk::open(&self.ground, self.beside.as_ref(), self.order, &self.plan).await?;
        let began = Instant::now();
        let gone = walk.forward(last).await;
        let (run, ms) = (walk.run(), millis(began.elapsed()));
        walk.close().await;
        self.report.again(&gone?, &run, ms);
        Ok(())
    }

    async fn middle(&mut self, step: &Step) -> Result<(), Stop> {
        self.report.tell(Progress::Began(Leg::Middle(step.title.clone())));
        self.fresh().await?;
        let walked = self.there_and_back(&step.id, false).await?;
        self.report.middle(step, &walked);
        Ok(())
    }

    /// Forward to the end, and back by a procedure. It is compared when it undoes all that was applied.
    async fn procedure(&mut self, procedure: &Procedure, last: &str) -> Result<(), Stop> {
        self.report.tell(Progress::Began(Leg::Procedure(procedure.title.clone())));
        self.fresh().await?;
        let mut walk = Walk::open(&self.ground, self.beside.as_ref(), self.order, &self.plan).await?;
        let walked = self.by_procedure(&mut walk, procedure, last).await;
        walk.close().await;
        self.report.procedure(procedure, &walked?);
        Ok(())
    }

    async fn by_procedure(&self, walk: &mut Walk, procedure: &Procedure, last: &str) -> Result<Walked, Stop> {
        let forward = walk.forward(last).await?;
        let mut walked = Walked { forward, back: None, residue: None, since: None, stays: Vec::new() };
        if walked.forward != Forward::There {
            return Ok(walked);
        }
        let undone = undoes(&self.plan, procedure);
        let all = walk.run().applied_order.iter().all(|step| undone.contains(step));
        let wanted = Wanted { procedure: Some(procedure.id.clone()), ..Wanted::all("rehearsed".into()) };
        let back = walk.back(wanted).await?;
        if all && back.short.is_none() {
            walked.residue = Some(self.ground.residue(&self.before).await?);
        }
        walked.back = Some(back);
        Ok(walked)
    }

    async fn twice(&mut self, step: &Step) -> Result<(), Stop> {
        self.report.tell(Progress::Began(Leg::Twice(step.title.clone())));
        self.fresh().await?;
        let mut walk = Walk::open(&self.ground, self.beside.as_ref(), self.order, &self.plan).await?;
        let gone = walk.forward(&step.id).await;
        let saved = walk.run().saved;
        walk.close().await;
        let part = match gone? {
            Forward::Short(why) => Part::failed(why, None),
            Forward::There => {
                twice(&self.ground, self.beside.as_ref(), self.order, &self.plan, &step.id, saved).await?
            }
        };
        self.report.twice(step, part);
        Ok(())
    }

    /// Forward to this step and back to before the first one; or, where a step on the way can't be
    /// undone, to right after that.
    async fn there_and_back(&mut self, until: &str, whole: bool) -> Result<Walked, Stop> {
        let mut walk = Walk::open(&self.ground, self.beside.as_ref(), self.order, &self.plan).await?;
        let walked = self.walk(&mut walk, until, whole).await;
        walk.close().await;
        walked
    }

    async fn walk(&mut self, walk: &mut Walk, until: &str, whole: bool) -> Result<Walked, Stop> {
        let began = Instant::now();
        let irreversible = self.irreversible_up_to(until);
        let since = irreversible.last().map(|(_, step)| step.clone());
        let mut forward = Forward::There;
        let (mut then, mut stays) = (None, Vec::new());
        for (earlier, step) in &irreversible {
            // What each of them does is told once, and costs an image.
            let mut before = None;
            if whole {
                if let Some(earlier) = earlier {
                    forward = walk.forward(earlier).await?;
                }
                before = Some(self.ground.image().await?);
            }
            if forward == Forward::There {
                forward = walk.forward(step).await?;
            }
            if forward != Forward::There {
                break;
            }
            if let Some(before) = before {
                stays.extend(self.ground.residue(&before).await?);
            }
        }
        if since.is_some() {
            then = Some(self.ground.image().await?);
        }
        if forward == Forward::There && since.as_deref() != Some(until) {
            forward = walk.forward(until).await?;
        }
        let forward_ms = millis(began.elapsed());
        let run = walk.run();
        if whole {
            self.report.forward(&forward, &run, forward_ms);
        }
        // What was applied after the step that can't be undone; all of it, when there is none.
        let standing = since.as_ref().and_then(|since| run.applied_order.iter().position(|id| id == since));
        let undoable = &run.applied_order[standing.map_or(0, |at| at + 1)..];
        let first = undoable.first().cloned();
        let mut walked = Walked { forward, back: None, residue: None, since, stays };
        let Some(first) = first else { return Ok(walked) };
        if whole {
            self.report.tell(Progress::Began(Leg::Back));
        }
        let to = standing.is_some().then_some(first);
        let back = walk.back(Wanted { to, ..Wanted::all("rehearsed".into()) }).await?;
        if back.short.is_none() {
            let image = if standing.is_some() { then.as_ref() } else { None };
            let before = image.unwrap_or(&self.before);
            let mut residue = self.ground.residue(before).await?;
            // The run compares less, and names rows in its own way; its checkpoints are known to it alone.
            residue.extend(back.residue.iter().filter(|own| !before.would_name(&own.object)).cloned());
            walked.residue = Some(residue);
        }
        if standing.is_none() {
            walked.since = None;
        }
        walked.back = Some(back);
        Ok(walked)
    }

    /// The steps up to this one that the plan itself calls irreversible, each after the one before it.
    fn irreversible_up_to(&self, until: &str) -> Vec<(Option<String>, String)> {
        let (mut found, mut earlier) = (Vec::new(), None);
        for step in self.plan.phases.iter().flat_map(|phase| &phase.steps) {
            if step.irreversible.is_some() && step.changes {
                found.push((earlier, step.id.clone()));
            }
            if step.id == until {
                break;
            }
            earlier = Some(step.id.clone());
        }
        found
    }

    /// A fresh copy for the next walk; on another server, when this one isn't what it was any more.
    async fn fresh(&mut self) -> Result<(), Stop> {
        interrupted(&self.order.signal)?;
        if self.ground.server_changed(&self.before).await? {
            self.report.tell(Progress::Renewed);
            let other = Ground::prepare(&self.order.plan, &self.source, Some(&self.ground)).await?;
            std::mem::replace(&mut self.ground, other).stop().await;
        }
        self.ground.fresh().await?;
        Ok(())
    }
}

fn runs_a_script(step: &Step) -> bool {
    step.action.runs_sql()
}
