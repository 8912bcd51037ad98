//! Opening a run: connect, look, lock, and only then journal. Nothing is changed here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::attention::Attention;
use super::backends;
use super::conductor::Conductor;
use super::control::Control;
use super::keep::no_place_beside;
use super::measuring::Idle;
use super::one_run::{not_open_yet, same_target, stands_elsewhere};
use super::outline::{outline, procedures};
use super::problems::Disclosure;
use super::programs::{old_dump, unfit};
use super::recorder::Recorder;
use super::reopen::Reopening;
use super::says::Says;
use super::secrets::Secrets;
use super::sides::{Others, Sides, pooled};
use super::sources::Sources;
use super::stop::Stop;
use crate::journal::{FileToCopy, Journal, JournalError, Key, RunFolder, StateDir};
use crate::pg::ConnectConfig;
use crate::pg::Session;
use crate::pg::identity::Target;
use crate::pg::ledger::fence;
use crate::plan::digest::PlanDigest;
use crate::plan::model::{Plan, PlanFile};
use crate::run::event::{Envelope, Event, Mode, Opened, Operator, Selection, TargetIdentity};
use crate::run::state::{Run, Status};
use crate::script::Variables;

/// The oldest server that we work with.
pub(super) const OLDEST: u32 = 120_000;
/// How long another holdpoint's lock is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(3);

/// What a run begins with.
#[derive(Debug)]
pub struct Opening {
    pub plan: Arc<Plan>,
    pub digest: PlanDigest,
    /// Scripts that the plan's files include.
    pub included: Vec<PlanFile>,
    pub target: ConnectConfig,
    pub others: Others,
    pub state: StateDir,
    pub mode: Mode,
    pub selection: Selection,
    /// Begin although another run of the plan stands in the database; why.
    pub despite: Option<String>,
    /// Values of the plan's variables, and which of them are secret.
    pub vars: BTreeMap<String, (String, bool)>,
    pub signal: watch::Receiver<Option<String>>,
    pub says: Says,
    /// Who hears every event, from the first on.
    pub listeners: Vec<mpsc::UnboundedSender<Arc<Envelope>>>,
}

/// The version that events carry.
#[must_use]
pub fn program() -> String {
    format!("holdpoint {}", env!("CARGO_PKG_VERSION"))
}

/// Opens a new run.
///
/// # Errors
/// [`Stop`], with nothing changed in the database.
pub async fn open(opening: Opening) -> Result<Conductor, Stop> {
    let mut sessions = connect(&opening.target).await?;
    let looked = look(&mut sessions.control, &opening.plan).await?;
    if let Some(why) = unfit(&opening.plan, looked.version_num) {
        return Err(Stop::Refused { why });
    }
    let waited_ms = lock(&mut sessions.control).await?;
    // A demo's server is new each time, though it looks like the last one: both are copies of one template.
    if opening.mode == Mode::Run {
        not_open_yet(&opening.state, &opening.plan, &looked.identity)?;
    }
    let elsewhere = match opening.mode {
        Mode::Run => stands_elsewhere(&opening.state, &opening.plan, &mut sessions.control).await?,
        _ => None,
    };
    if let Some(found) = elsewhere.as_ref().filter(|_| opening.despite.is_none()) {
        let why = format!(
            "{found}, and that run isn't in {}. It may be open: look for its folder (another machine, another \
             --state-dir) and `resume` or `rollback` it there. Nothing was done; `--despite \"why\"` begins a new run \
             all the same",
            opening.state.path().display()
        );
        return Err(Stop::Refused { why });
    }
    let despite = elsewhere.zip(opening.despite.clone());

    let (sides, source) = Sides::connect(opening.others.clone()).await?;
    if let Some(why) = old_dump(&opening.plan, looked.version_num, sides.source_version) {
        return Err(Stop::Refused { why });
    }
    if let Some(why) = no_place_beside(&opening.plan, &opening.target).await? {
        return Err(Stop::Refused { why: format!("{why}. Nothing was done") });
    }
    let id = Uuid::now_v7();
    let folder = opening.state.create_run(id).map_err(no_folder)?;
    // A folder without a journal would look like a run that lost it.
    let known = copy_in(&folder, &opening).inspect_err(|_| drop(std::fs::remove_dir_all(folder.path())))?;
    let journal = Journal::create(&folder, id).map_err(no_folder)?;
    let event = Event::RunOpened(Box::new(opened(&opening, &looked.identity, source)));
    let key = folder.key()?;
    let begun = Begun { id, folder, key, known, journal, run: Run::default(), sessions };
    let mut conductor = assemble(opening, begun);
    conductor.sides = sides;
    conductor.record(event).await?;
    if let Some((found, why)) = despite {
        let what = format!("{found}, and that run isn't here; begun all the same: {why}");
        conductor.record(Event::Deviation { step: None, what }).await?;
    }
    conductor.assume_before_from().await?;
    let pid = conductor.control.pid;
    conductor.record(Event::LockTaken { pid, waited_ms }).await?;
    conductor.know_target().await?;
    Ok(conductor)
}

/// Takes up a run that was left, or opens one again that is over. What was under way is settled when the run is conducted: there may be
/// something that only a person can rule on, and until then nobody listens.
///
/// # Errors
/// [`Stop`]; the run stays as it is.
pub async fn resume(
    opening: Opening,
    folder: RunFolder,
    journal: Journal,
    run: Run,
    reopening: Option<Reopening>,
) -> Result<Conductor, Stop> {
    let mut sessions = connect(&opening.target).await?;
    let looked = look(&mut sessions.control, &opening.plan).await?;
    same_target(&run, &looked.identity)?;
    let waited_ms = lock(&mut sessions.control).await?;
    if reopening.is_some() && run.is_ended() {
        not_open_yet(&opening.state, &opening.plan, &looked.identity)?;
    }
    let known = known_files(&folder)?;
    let newer = newer_files(&folder, &run)?;
    let (vars, mut changed) = other_vars(&opening, &run);
    let event = Event::RunResumed {
        program: program(),
        operator: operator(),
        target: looked.identity.clone(),
        selection: opening.selection.clone(),
        plan_digest: opening.digest.sha256.clone(),
        vars,
    };
    let timeline = run.target.as_ref().and_then(|target| target.timeline.clone());
    let key = folder.key()?;
    let begun = Begun { id: folder.id(), folder, key, known, journal, run, sessions };
    let mut conductor = assemble(opening, begun);
    if let Some(asked) = reopening {
        changed.extend(conductor.reopen(asked).await?);
    }
    conductor.record(event).await?;
    let pid = conductor.control.pid;
    conductor.record(Event::LockTaken { pid, waited_ms }).await?;
    for what in changed.into_iter().chain(newer) {
        conductor.record(Event::Deviation { step: None, what }).await?;
    }
    if timeline.is_some() && timeline != looked.identity.timeline {
        let what =
            "the server is on another WAL timeline than before: there was a failover or a restore".to_owned();
        conductor.record(Event::Deviation { step: None, what }).await?;
    }
    conductor.known = super::target_guards::Known::Nothing;
    Ok(conductor)
}

/// Variables whose values aren't those that the run has, and what there is to say of it. Whether a secret one is
/// another can't be known: nobody wrote it down.
fn other_vars(opening: &Opening, run: &Run) -> (BTreeMap<String, String>, Vec<String>) {
    let known = run.opened.as_ref().map(|opened| &opened.vars);
    let (mut vars, mut changed) = (BTreeMap::new(), Vec::new());
    for (name, (value, secret)) in &opening.vars {
        let shown = if *secret { "•••" } else { value };
        let was = known.and_then(|known| known.get(name));
        if was.is_some_and(|was| was == shown) {
            continue;
        }
        if let Some(was) = was {
            changed.push(format!(
                "variable {name} is \"{shown}\" from here on, as {} gave it; it was \"{was}\"",
                operator().os_user
            ));
        }
        vars.insert(name.clone(), shown.to_owned());
    }
    (vars, changed)
}

/// A run in hand to look at, with its database: no lock is taken, and nothing is journaled.
pub(super) async fn look_over(
    opening: Opening,
    folder: RunFolder,
    journal: Journal,
    run: Run,
) -> Result<Conductor, Stop> {
    let mut sessions = connect(&opening.target).await?;
    let looked = look(&mut sessions.control, &opening.plan).await?;
    same_target(&run, &looked.identity)?;
    if run.is_ended() {
        not_open_yet(&opening.state, &opening.plan, &looked.identity)?;
    }
    let known = known_files(&folder)?;
    let key = folder.key()?;
    Ok(assemble(opening, Begun { id: folder.id(), folder, key, known, journal, run, sessions }))
}

struct Sessions {
    control: Session,
    look: Session,
}

struct Begun {
    id: Uuid,
    folder: RunFolder,
    key: Key,
    known: BTreeMap<String, (u64, String)>,
    journal: Journal,
    run: Run,
    sessions: Sessions,
}

fn assemble(opening: Opening, begun: Begun) -> Conductor {
    let Opening { plan, digest, target, others, mode, vars, signal, says, listeners, .. } = opening;
    let control = Control::start(begun.sessions.control);
    let (recorder, wishes) = Recorder::start(begun.journal, begun.run, listeners);
    let mut attention = Attention::start(wishes, signal, control.lost());
    if let Some(asked) = attention.backends.take() {
        tokio::spawn(backends::serve(asked, target.clone(), recorder.downgrade()));
    }
    let copies = begun.folder.path().join("files");
    let sources = Sources::of_run(&plan.sql_dir, copies, begun.known).counted_by(&attention.gauge);
    let mut variables = Variables::new();
    for (name, (value, _)) in &vars {
        // Names were checked when the plan was loaded; a NUL can't be in an argument.
        let _ = variables.set(name, value.clone());
    }
    let sides = Sides::of(others);
    let secret = vars.into_values().filter(|(_, secret)| *secret).map(|(value, _)| value);
    let secrets = Secrets::new(secret.chain(sides.passwords()));
    Conductor {
        digest: digest.sha256,
        mode,
        attended: false,
        disclosure: Disclosure::for_environment(plan.environment),
        plan,
        target,
        sides,
        out_of_reach: None,
        key: begun.key,
        folder: begun.folder,
        recorder,
        attention,
        control,
        look: begun.sessions.look,
        idle_look: None,
        idle_measuring: Idle::default(),
        slow_counts: None,
        turn: None,
        asked_back: None,
        asks_back: false,
        leave_out: BTreeSet::new(),
        ending: None,
        halt_after: None,
        known: super::target_guards::Known::Settled,
        broken_off: None,
        counted_before: None,
        taken_back: Default::default(),
        slow_fingerprint: None,
        fence_xid: None,
        unsaved: Vec::new(),
        epoch: None,
        run: begun.id.to_string(),
        vars: variables,
        sources,
        reminders: Vec::new(),
        watches: None,
        says: says.without(secrets.clone()),
        secrets,
    }
}

async fn connect(target: &ConnectConfig) -> Result<Sessions, Stop> {
    let mut control = Session::connect(target, "control").await?;
    if control.is_behind_pooler().await? {
        return Err(Stop::Refused { why: pooled(target) });
    }
    let look = Session::connect(target, "look").await?;
    Ok(Sessions { control, look })
}

/// Looks at the server before anything: what it is decides whether we go on.
async fn look(control: &mut Session, plan: &Plan) -> Result<Target, Stop> {
    let target = Target::look(control).await.map_err(|error| Stop::Local(error.to_string()))?;
    let refuse = |why: String| Err(Stop::Refused { why });
    if target.version_num < OLDEST {
        return refuse(format!(
            "the server is PostgreSQL {}; holdpoint works with 12 and later",
            target.identity.server_version
        ));
    }
    if target.in_recovery {
        return refuse(
            "the server is a standby: nothing can be changed there. Give the address of the primary".into(),
        );
    }
    if target.encoding != "UTF8" {
        tracing::warn!(encoding = %target.encoding, "the database isn't UTF-8; the server converts");
    }
    let environment = plan.environment.word();
    if let Some(marker) = target.environment.as_deref().filter(|marker| *marker != environment) {
        return refuse(format!(
            "this database says of itself that it is \"{marker}\" (holdpoint.environment), and the plan is for \"{environment}\""
        ));
    }
    if !target.publishes_all.is_empty() {
        return refuse(format!(
            "publication {} is FOR ALL TABLES: the ledger's first row would stop its subscribers. Name its tables, or drop it for the window",
            target.publishes_all.join(", ")
        ));
    }
    Ok(target)
}

/// Takes the lock by polling, with no transaction open: waiting inside the server would stand in the
/// way of CREATE INDEX CONCURRENTLY.
async fn lock(control: &mut Session) -> Result<u64, Stop> {
    let began = Instant::now();
    loop {
        if fence::try_lock(control).await? {
            return Ok(super::unit::millis(began.elapsed()));
        }
        if began.elapsed() > LOCK_PATIENCE {
            let holder = fence::lock_holder(control).await?.unwrap_or_else(|| "somebody".into());
            let why =
                format!("another holdpoint has this database: {holder}. One run at a time on a database");
            return Err(Stop::Refused { why });
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Fresh control and look sessions with the lock, after a connection was lost.
pub(super) async fn lock_again(
    target: &ConnectConfig,
    recorder: &Recorder,
) -> Result<(Session, Session), Stop> {
    let mut sessions = connect(target).await?;
    let now = Target::look(&mut sessions.control).await.map_err(|error| Stop::Local(error.to_string()))?;
    recorder.look(|run| same_target(run, &now.identity))?;
    lock(&mut sessions.control).await?;
    Ok((sessions.control, sessions.look))
}

/// Without a place for its journal nothing begins.
pub(super) fn no_folder(error: JournalError) -> Stop {
    Stop::Local(format!(
        "{error}; nothing was begun. Runs are kept beside the plan, or where --state-dir says: name a folder there is \
         room in and that this user may write"
    ))
}

fn copy_in(folder: &RunFolder, opening: &Opening) -> Result<BTreeMap<String, (u64, String)>, Stop> {
    let mut files = vec![FileToCopy { name: None, path: opening.plan.path.clone() }];
    let named = opening.plan.files.iter().chain(&opening.included);
    files.extend(named.map(|file| FileToCopy { name: Some(file.name.clone()), path: file.path.clone() }));
    let copies = folder.copy_in(&files).map_err(no_folder)?;
    for copy in &copies {
        let name = copy.name.as_deref().unwrap_or_default();
        let checked = opening.digest.files.iter().find(|file| file.name == name);
        if checked.is_some_and(|file| file.sha256 != copy.digest) {
            let what = if name.is_empty() { "the plan" } else { name };
            let why = format!("{what} changed while the run was being opened; check it and run again");
            return Err(Stop::Refused { why });
        }
    }
    known_files(folder)
}

fn known_files(folder: &RunFolder) -> Result<BTreeMap<String, (u64, String)>, Stop> {
    let copies = folder.verify_copies()?;
    Ok(copies.into_iter().filter_map(|file| Some((file.name?, (file.bytes, file.digest)))).collect())
}

/// Files that were changed on disk since the run was opened: it goes on with what it was opened with. Said
/// once, until others are changed.
fn newer_files(folder: &RunFolder, run: &Run) -> Result<Option<String>, Stop> {
    let names = crate::journal::Copied::newer_originals(folder.copies()?);
    if names.is_empty() {
        return Ok(None);
    }
    let plan = run.opened.as_ref().map(|opened| opened.plan_path.clone()).unwrap_or_default();
    let what = format!(
        "changed on disk since this run was opened: {}. The run goes on with what it was opened with. To run what is there \
         now, end this run (holdpoint resume {} --end \"reason\") and begin another: holdpoint run {plan} --from STEP",
        names.join(", "),
        folder.id(),
    );
    let said = run.deviations.iter().any(|(_, said)| *said == what);
    Ok((!said).then_some(what))
}

fn opened(opening: &Opening, identity: &TargetIdentity, source: Option<TargetIdentity>) -> Opened {
    let plan = &opening.plan;
    Opened {
        program: program(),
        plan_id: plan.id.clone(),
        title: plan.title.clone(),
        environment: plan.environment,
        stepping: plan.stepping,
        plan_digest: opening.digest.sha256.clone(),
        plan_path: std::path::absolute(&plan.path)
            .unwrap_or_else(|_| plan.path.clone())
            .display()
            .to_string(),
        authorization: plan.authorization.clone(),
        timezone: plan.timezone.clone().unwrap_or_else(local_timezone),
        operator: operator(),
        target: identity.clone(),
        source,
        mode: opening.mode,
        selection: opening.selection.clone(),
        outline: outline(plan),
        procedures: procedures(plan),
        vars: opening
            .vars
            .iter()
            .map(|(name, (value, secret))| (name.clone(), if *secret { "•••".into() } else { value.clone() }))
            .collect(),
    }
}

pub(super) fn local_timezone() -> String {
    jiff::tz::TimeZone::system().iana_name().unwrap_or("UTC").to_owned()
}

/// Who runs this process.
#[must_use]
pub fn operator() -> Operator {
    let uid = nix::unistd::getuid();
    let os_user = nix::unistd::User::from_uid(uid)
        .ok()
        .flatten()
        .map_or_else(|| format!("uid {uid}"), |user| user.name);
    let host = nix::unistd::gethostname()
        .map_or_else(|_| "unknown host".to_owned(), |host| host.to_string_lossy().into_owned());
    Operator { os_user, host, pid: std::process::id() }
}

impl Conductor {
    /// `--from STEP`: what stands before it is taken as done, with a reason, and never undone.
    pub(super) async fn assume_before_from(&mut self) -> Result<(), Stop> {
        let Some(from) = self.recorder.look(|run| run.selection.from.clone()) else { return Ok(()) };
        let before: Vec<String> = self
            .plan
            .phases
            .iter()
            .flat_map(|phase| &phase.steps)
            .map(|step| step.id.clone())
            .take_while(|id| *id != from)
            .filter(|id| self.status(id) == Status::Pending)
            .collect();
        for step in before {
            let reason = format!("--from {from}");
            self.record(Event::StepAssumed { step, reason }).await?;
        }
        Ok(())
    }
}

/// A folder for a demo's state, when nobody named one.
#[must_use]
pub fn state_beside(folder: PathBuf) -> PathBuf {
    folder.join(".holdpoint")
}
