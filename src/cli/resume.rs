//! `holdpoint resume`: goes on with a run after a stop, a failure or a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::args::{ResumeArgs, Screenless, StateArgs};
use super::drive::{Show, drive, past, wants_screen};
use super::failure::Failure;
use super::screen::Scene;
use super::told::{from_flags, not_come_to};
use super::vars::Values;
use super::{log, out, run, target, vars};
use crate::engine::conductor::Conductor;
use crate::engine::exit::Exit;
use crate::engine::open::{Opening, operator};
use crate::engine::pilot::Pilot;
use crate::engine::reopen::{Reopening, stands_against};
use crate::engine::rollback::Wanted;
use crate::engine::says::Says;
use crate::engine::sides::Others;
use crate::engine::stop::Stop;
use crate::journal::{Journal, RunFolder, StateDir, read_run};
use crate::pg::ConnectConfig;
use crate::plan::digest::PlanDigest;
use crate::plan::model::{Action, Plan, PlanFile, Undo};
use crate::plan::{FileCheck, GLOB, LoadOptions, Loaded, load_bytes};
use crate::run::event::{Mode, Selection};
use crate::run::state::{Run, StepState};

/// Takes a run up again and goes on.
pub async fn resume(args: ResumeArgs, level: &str) -> Result<Exit, Failure> {
    log::check(level)?;
    let given = args.answers.answers.is_some()
        || !args.answers.confirm.is_empty()
        || !(args.skip.is_empty() && args.overrides.is_empty() && args.rule.is_empty());
    // To end a run is done without looking at it.
    let plain = args.screenless.plain || args.end.is_some();
    let screenless = Screenless { plain, ..args.screenless.clone() };
    let taken = TakenUp::find(args.run.as_deref(), args.plan.as_deref(), &args.state)?;
    if taken.run.is_ended() {
        return Err(taken.is_over());
    }
    run::known_phases(&taken.loaded.plan, &args.only)?;
    passes_nothing_over(&taken, &args.only)?;
    run::keep_evidence(&taken.state, &args.evidence)?;
    let mut answers = run::answers(&args.answers, &taken.loaded.plan)?;
    from_flags(&mut answers, &args, &taken.run)?;
    let only = selection(&args.only, &taken);
    let from = taken.run.selection.from.clone();
    let end = args.end.clone();
    if end.as_deref().is_some_and(|reason| reason.trim().is_empty()) {
        return Err(Failure::usage("--end: a reason is needed; it is in the evidence"));
    }
    let back = taken.run.goes_back() || taken.run.only_goes_back();
    taken.values(&args.vars)?;
    let screen = wants_screen(&screenless, given)?;
    if !screen && args.end.is_none() && !back {
        run::every_change_is_named(&still_to_come(&taken, &vars::pairs(&args.skip)?), &answers, &only)?;
    }
    let again = taken.run.standing_failure().map(str::to_owned);
    // Opened again to go back, and nobody has said yes yet.
    let asks = taken.run.reopened.as_ref().filter(|reopened| reopened.waits && end.is_none());
    let asks = asks.map(|reopened| reopened.choice.clone());
    let journal = taken.folder.journal();
    let (opened, show) = taken
        .open(&screenless, args.target.as_deref(), &args.vars, Selection { only, from }, None, level)
        .await?;
    let leave_out: BTreeSet<String> = vars::pairs(&args.skip)?.into_keys().collect();
    let skips = leave_out.clone();
    let pilot = Pilot::Answers { answers, operator: operator().os_user, again };
    let asks = asks.filter(|choice| show.is_screen() && choice.procedure.is_none() && choice.only.is_empty());
    if let Some(choice) = &asks {
        show.ask_back(choice.step.clone(), choice.reason.clone().unwrap_or_default());
    }
    let opened = opened.map(|mut conductor| {
        conductor.leave_out = leave_out;
        if asks.is_some() {
            conductor.ask_back();
        }
        if let Some(reason) = end {
            conductor.end_here(&operator().os_user, &reason);
        }
        conductor
    });
    let exit = drive(opened, pilot, show).await?;
    let run = if skips.is_empty() { None } else { read_run(&journal).ok() };
    if let Some(words) = run.and_then(|(run, _)| not_come_to(&skips, &run)) {
        out::hint(&words);
    }
    Ok(exit)
}

/// The phases that are meant: those typed; else those that the last call left unfinished; else all.
fn selection(typed: &[String], taken: &TakenUp) -> Vec<String> {
    if !typed.is_empty() {
        return typed.to_vec();
    }
    let before = &taken.run.selection.only;
    let unfinished = taken
        .loaded
        .plan
        .phases
        .iter()
        .filter(|phase| before.contains(&phase.id))
        .flat_map(|phase| &phase.steps)
        .any(|step| {
            !taken.run.step(&step.id).is_some_and(|state| state.is_good() || state.status.is_left_out())
        });
    if unfinished { before.clone() } else { Vec::new() }
}

/// Another phase than the one that the run stands in would leave a step in the middle, and nothing would say so.
fn passes_nothing_over(taken: &TakenUp, only: &[String]) -> Result<(), Failure> {
    let run = &taken.run;
    let held = run.hold().and_then(|hold| hold.step.as_deref());
    let stands = held.or_else(|| run.current_step().map(|step| step.id.as_str())).or(run.standing_failure());
    let Some(step) = stands.filter(|_| !only.is_empty()) else { return Ok(()) };
    let phase =
        taken.loaded.plan.phases.iter().find(|phase| phase.steps.iter().any(|known| known.id == step));
    match phase.filter(|phase| !only.contains(&phase.id)) {
        None => Ok(()),
        Some(phase) => Err(Failure::refused(format!(
            "the run stands at step `{step}` of phase `{}`, which --only leaves out: name that phase too, or say what \
             becomes of the step (`--skip {step}=REASON`) and resume without --only",
            phase.id
        ))),
    }
}

/// The plan with only the steps that aren't settled: what may still change something.
fn still_to_come(taken: &TakenUp, skipped: &BTreeMap<String, String>) -> Plan {
    let mut plan = taken.loaded.plan.clone();
    for phase in &mut plan.phases {
        phase.steps.retain(|step| !skipped.contains_key(&step.id));
        phase.steps.retain(|step| {
            taken.run.step(&step.id).is_some_and(|state| {
                use crate::run::state::Status;
                !matches!(
                    state.status,
                    Status::Verified
                        | Status::Accepted
                        | Status::Skipped
                        | Status::Assumed
                        | Status::Running
                        | Status::Failed
                        | Status::Committing
                        | Status::Unknown
                        | Status::Applied
                        | Status::Unverified
                )
            })
        });
    }
    plan
}

/// A run in our hands: its journal is ours, its plan is loaded.
#[derive(Debug)]
pub struct TakenUp {
    pub folder: RunFolder,
    pub journal: Journal,
    pub run: Run,
    pub loaded: Loaded,
    state: StateDir,
}

impl TakenUp {
    /// Finds the run that is meant and takes its journal.
    pub fn find(name: Option<&str>, plan: Option<&Path>, state: &StateArgs) -> Result<Self, Failure> {
        let beside = plan.unwrap_or(Path::new("plan.toml"));
        let state = StateDir::find(state.state_dir.as_deref(), beside)
            .map_err(|error| Failure::unreachable(error.to_string()))?;
        let folder = match name {
            Some(name) => state.find_run(name).map_err(|error| Failure::usage(error.to_string()))?,
            None => newest_open(&state)?,
        };
        let (journal, run, recovery) = Journal::open(&folder).map_err(|error| match error {
            crate::journal::JournalError::Busy { .. } => Failure::refused(error.to_string()),
            _ => Failure::unreachable(error.to_string()),
        })?;
        if let Some(torn) = recovery.torn {
            out::hint(&format!(
                "the journal's last line was unfinished ({} bytes); it is in {}",
                torn.bytes,
                torn.moved_to.display()
            ));
        }
        let loaded = kept_plan(&folder, &run)?;
        Ok(Self { folder, journal, run, loaded, state })
    }

    /// Why nothing more goes forward in a run that has ended.
    fn is_over(&self) -> Failure {
        let id = self.folder.id();
        let back = if self.run.applied_order.is_empty() {
            String::new()
        } else {
            format!("; `holdpoint rollback {id}` undoes what it applied")
        };
        Failure::refused(format!("run {id} is over; `holdpoint status` says how{back}"))
    }

    fn mode(&self) -> Mode {
        self.run.opened.as_ref().map_or(Mode::Run, |opened| opened.mode)
    }

    /// Values of the plan's variables: those typed, else those that the run has.
    pub fn values(&self, typed: &[String]) -> Result<Values, Failure> {
        let plan = &self.loaded.plan;
        let had = self.run.opened.iter().flat_map(|opened| &opened.vars);
        let kept = had
            .filter(|(_, value)| *value != "•••")
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let values = vars::values(plan, typed, &kept, self.mode() == Mode::Demo)?;
        if self.run.steps.iter().any(StepState::has_effects) {
            vars::stay(plan, &values, &kept)?;
        }
        Ok(values)
    }

    /// What stands against rolling it back, as the rollback itself would say.
    pub async fn stands_against(
        self,
        target: ConnectConfig,
        vars: BTreeMap<String, (String, bool)>,
        wanted: &Wanted,
    ) -> Result<Vec<String>, Stop> {
        let (says, _asides) = Says::new();
        let (_told, signal) = tokio::sync::watch::channel(None);
        let mode = self.mode();
        let opening = Opening {
            despite: None,
            digest: PlanDigest { sha256: self.run.plan_digest.clone(), files: Vec::new() },
            included: Vec::new(),
            plan: Arc::new(self.loaded.plan),
            target,
            // Nothing is asked there.
            others: Others::default(),
            state: self.state,
            mode,
            selection: self.run.selection.clone(),
            vars,
            signal,
            says,
            listeners: Vec::new(),
        };
        stands_against(opening, self.folder, self.journal, self.run, wanted).await
    }

    /// Connects, takes lock and fence, and settles what was under way.
    pub async fn open(
        self,
        screenless: &Screenless,
        typed: Option<&str>,
        typed_vars: &[String],
        selection: Selection,
        reopening: Option<Reopening>,
        level: &str,
    ) -> Result<(Result<Conductor, Stop>, Show), Failure> {
        let plan = Arc::new(self.loaded.plan.clone());
        let mode = self.mode();
        if mode == Mode::Demo && typed.is_none() {
            let why = "this run was a demo, and its server went with it; one that was left by --keep is \
                       named with --target. `holdpoint demo` begins afresh";
            return Err(Failure::refused(why));
        }
        let values = self.values(typed_vars)?;
        let target = target::target(typed, &plan, &values)?;
        let others = target::others(&plan, &values)?;
        let past = past(&self.folder);
        log::start(&self.folder.log(), level);
        let scene = Scene {
            plan: Arc::clone(&plan),
            mode,
            target: target.describe(),
            folder: Some(self.folder.clone()),
        };
        let show = Show::start(screenless, (&self.state, typed), &past, scene)?;
        show.stage(&format!("connecting to {}", target.describe()));
        let opening = Opening {
            despite: None,
            // Its copies are proven to be what they were when the lock is ours.
            digest: PlanDigest { sha256: self.run.plan_digest.clone(), files: Vec::new() },
            included: Vec::new(),
            plan,
            target,
            others,
            state: self.state,
            mode,
            selection,
            vars: values,
            signal: show.signal.clone(),
            says: show.says.clone(),
            listeners: show.listeners.clone(),
        };
        let resuming = crate::engine::open::resume(opening, self.folder, self.journal, self.run, reopening);
        let opened = show.opening(resuming).await;
        Ok((opened, show))
    }
}

fn newest_open(state: &StateDir) -> Result<RunFolder, Failure> {
    let runs = state.runs().map_err(|error| Failure::unreachable(error.to_string()))?;
    // A demo's server is gone; whoever kept one names its run.
    let open = runs.into_iter().find(|run| run.is_open() && run.mode() != Some(Mode::Demo));
    open.map(|run| run.folder).ok_or_else(|| {
        Failure::usage(format!(
            "no open run in {}; give the plan (--plan FILE) or the folder (--state-dir DIR); to undo what a run did that is \
             over, name it: `holdpoint status` has their ids",
            state.path().display()
        ))
    })
}

/// The plan as it was when the run was opened: its copy in the run's folder, with the files that its
/// patterns matched then. What lies in the SQL folder by now doesn't count.
fn kept_plan(folder: &RunFolder, run: &Run) -> Result<Loaded, Failure> {
    let path = folder.plan();
    let bytes = std::fs::read(&path)
        .map_err(|error| Failure::unreachable(format!("{} can't be read: {error}", path.display())))?;
    let original = run.opened.as_ref().map(|opened| opened.plan_path.clone()).unwrap_or_default();
    let base = Path::new(&original).parent().filter(|parent| !parent.as_os_str().is_empty());
    let base = base.unwrap_or(Path::new(".")).to_path_buf();
    let mut loaded = load_bytes(&original, &bytes, &base, LoadOptions { files: FileCheck::Skip }).map_err(
        |diagnostics| Failure::unreachable(format!("the run's plan can't be read\n{diagnostics}")),
    )?;
    loaded.plan.path = original.into();
    let copies = folder.copies().map_err(|error| Failure::unreachable(error.to_string()))?;
    let names: Vec<String> = copies.into_iter().filter_map(|copy| copy.name).collect();
    let plan = &mut loaded.plan;
    let own = plan.phases.iter_mut().flat_map(|phase| &mut phase.steps);
    let of_procedures = plan.rollbacks.iter_mut().flat_map(|procedure| &mut procedure.steps);
    for step in own.chain(of_procedures) {
        freeze(&mut step.action, &names, &plan.sql_dir);
        if let Some(Undo::Own(undo)) = &mut step.rollback {
            freeze(&mut undo.action, &names, &plan.sql_dir);
        }
    }
    Ok(loaded)
}

/// The files of a pattern, from the names that the run was opened with.
fn freeze(action: &mut Action, names: &[String], sql_dir: &Path) {
    let Action::Files { pattern, files } = action else { return };
    let Ok(glob) = glob::Pattern::new(pattern) else { return };
    let mut found: Vec<&String> = names.iter().filter(|name| glob.matches_with(name, GLOB)).collect();
    found.sort();
    *files =
        found.into_iter().map(|name| PlanFile { name: name.clone(), path: sql_dir.join(name) }).collect();
}
