//! `holdpoint run`: a plan on a real database.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{AnswerArgs, RunArgs};
use super::check;
use super::drive::{Show, drive, wants_screen};
use super::failure::Failure;
use super::screen::Scene;
use super::vars::{self, Values};
use super::{log, target};
use crate::engine::evidence;
use crate::engine::exit::Exit;
use crate::engine::one_run::open_run;
use crate::engine::open::{Opening, open, operator};
use crate::engine::pilot::{Answers, Confirmation, Pilot, Signature};
use crate::engine::preflight::{Preflight, preflight};
use crate::engine::programs::missing_programs;
use crate::engine::rollback::step_for;
use crate::engine::surroundings::surroundings;
use crate::engine::writable::unwritable_artifacts;
use crate::journal::{JournalError, StateDir};
use crate::pg::ConnectConfig;
use crate::plan::digest::digest;
use crate::plan::model::{Action, Plan, Stepping};
use crate::plan::{LoadOptions, Loaded, load};
use crate::run::event::{Direction, Mode, Selection};
use crate::script::Variables;

/// Runs a plan, or goes on with its open run when phases are chosen one by one.
pub async fn run(args: RunArgs, level: &str) -> Result<Exit, Failure> {
    log::check(level)?;
    if args.despite.as_ref().is_some_and(|why| why.trim().is_empty()) {
        return Err(Failure::usage("--despite: a reason is needed; it is in the evidence"));
    }
    let loaded = ready(&args.plan)?;
    let plan = Arc::new(loaded.plan.clone());
    known_phases(&plan, &args.only)?;
    known_step(&plan, args.from.as_deref())?;
    let answers = answers(&args.answers, &plan)?;
    let state = StateDir::find(args.state.state_dir.as_deref(), &args.plan)
        .map_err(|error| Failure::unreachable(error.to_string()))?;
    keep_evidence(&state, &args.evidence)?;
    let (known, _) = vars::known(&plan, &args.vars, &Default::default(), false)?;
    let target = target::target(args.target.as_deref(), &plan, &known)?;
    if let Some(open) = open_run_for_phases(&state, &plan, &target, &args).await? {
        return super::resume::resume(open, level).await;
    }
    let values = vars::values(&plan, &args.vars, &Default::default(), false)?;
    let others = target::others(&plan, &values)?;
    let scripts = scanned(&plan, &values, Some(&target))?;
    let given = args.answers.answers.is_some() || !args.answers.confirm.is_empty();
    let screen = wants_screen(&args.screenless, given)?;
    if !screen {
        every_change_is_named(&plan, &answers, &args.only)?;
    }
    let digest = digest(&plan, &loaded.source, &scripts.included)
        .map_err(|error| Failure::unreachable(error.to_string()))?;
    has_evidence(&plan, &digest.sha256, &state, &args)?;
    let scene = Scene { plan: Arc::clone(&plan), mode: Mode::Run, target: target.describe(), folder: None };
    let mut show = Show::start(&args.screenless, (&state, args.target.as_deref()), &[], scene)?;
    show.stage(&format!("connecting to {}", target.describe()));
    let opening = Opening {
        digest,
        included: scripts.included,
        plan,
        target,
        others,
        state,
        mode: Mode::Run,
        selection: Selection { only: args.only.clone(), from: args.from.clone() },
        despite: args.despite.clone(),
        vars: values,
        signal: show.signal.clone(),
        says: show.says.clone(),
        listeners: show.listeners.clone(),
    };
    let opened = show.opening(open(opening)).await;
    if let Ok(conductor) = &opened {
        log::start(&conductor.folder.log(), level);
        show.hint(&format!("journal: {}", conductor.folder.path().display()));
    }
    let pilot = Pilot::Answers { answers, operator: operator().os_user, again: None };
    drive(opened, pilot, show).await
}

/// Brings journals of other machines here, each proven whole.
pub fn keep_evidence(state: &StateDir, from: &[PathBuf]) -> Result<(), Failure> {
    for path in from {
        state.keep_evidence(path).map_err(|error| match error {
            JournalError::EvidenceChanged { .. } => Failure::refused(format!("{error}; nothing was begun")),
            JournalError::NoEvidence { .. } => Failure::usage(format!("--evidence: {error}")),
            JournalError::Io { .. } => Failure::usage(format!("--evidence {}: {error}", path.display())),
            other => Failure::unreachable(other.to_string()),
        })?;
    }
    Ok(())
}

/// What the plan asks of a rehearsal or of another run is there, before anything begins; it is looked for again at its step.
fn has_evidence(plan: &Plan, digest: &str, state: &StateDir, args: &RunArgs) -> Result<(), Failure> {
    // What stands before `--from` is taken as done.
    let mut plan = plan.clone();
    if let Some(from) = &args.from {
        let mut before = true;
        for step in plan.phases.iter_mut().flat_map(|phase| &mut phase.steps) {
            before &= step.id != *from;
            step.optional |= before;
        }
    }
    match evidence::missing(&plan, digest, state, &args.only).first() {
        Some((_, why)) => Err(Failure::refused(format!("a step lacks its evidence: {why}"))),
        None => Ok(()),
    }
}

/// Loads a plan that can be run.
pub fn ready(path: &Path) -> Result<Loaded, Failure> {
    let loaded = load(path, LoadOptions::default())
        .map_err(|diagnostics| Failure::usage(format!("the plan can't be run\n{diagnostics}")))?;
    if let Some(first) = loaded.plan.not_built.first() {
        let n = loaded.plan.not_built.len();
        let more =
            if n > 1 { format!(", and {} more", check::plural(n - 1, "thing")) } else { String::new() };
        return Err(Failure::usage(format!(
            "the plan asks for what isn't built yet: `{}` in {} (line {}){more}. `holdpoint check {}` lists all",
            first.key,
            first.place,
            first.line,
            path.display()
        )));
    }
    Ok(loaded)
}

/// Reads every script before the window, so that nothing is found in the middle of it.
pub fn scanned(plan: &Plan, values: &Values, target: Option<&ConnectConfig>) -> Result<Preflight, Failure> {
    let mut vars = Variables::new();
    for (name, (value, _)) in values {
        let set = vars.set(name, value.clone());
        set.map_err(|error| Failure::usage(format!("--var {name}: {error}")))?;
    }
    if let Some(target) = target {
        vars.surround(&surroundings(target));
    }
    let scripts = preflight(plan, &vars);
    if scripts.has_errors() {
        let errors: Vec<String> =
            scripts.findings.iter().filter(|finding| finding.error).take(20).map(check::words).collect();
        return Err(Failure::usage(format!("the plan's scripts can't be run\n{}", errors.join("\n"))));
    }
    let demo = target.is_none();
    if let Some(why) = unwritable_artifacts(plan, &vars).filter(|_| !demo) {
        return Err(Failure::refused(why));
    }
    let missing: Vec<String> =
        missing_programs(plan, &vars, demo).iter().take(20).map(check::words).collect();
    if !missing.is_empty() {
        let what = "the plan runs programs that aren't on this machine; nothing was begun";
        return Err(Failure::refused(format!("{what}\n{}", missing.join("\n").replace(": note: ", ": "))));
    }
    Ok(scripts)
}

/// Manual stepping means that somebody looks at each change. Without a screen that is only so when the
/// answers name every one of them.
pub fn every_change_is_named(plan: &Plan, answers: &Answers, only: &[String]) -> Result<(), Failure> {
    if plan.stepping != Stepping::Manual {
        return Ok(());
    }
    let unnamed: Vec<&str> = plan
        .phases
        .iter()
        .filter(|phase| only.is_empty() || only.contains(&phase.id))
        .flat_map(|phase| &phase.steps)
        .filter(|step| step.changes && !answers.go.contains(&step.id))
        .map(|step| step.id.as_str())
        .collect();
    if unnamed.is_empty() {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "the plan is stepped by hand (stepping = \"manual\"), and nobody sits here: an --answers file has to name every \
         step that changes something. Missing: go = [{}]",
        unnamed.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(", ")
    )))
}

/// Answers from the file and the flags, held against the plan.
pub fn answers(args: &AnswerArgs, plan: &Plan) -> Result<Answers, Failure> {
    let mut answers = match &args.answers {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::usage(format!("--answers {}: {error}", path.display())))?;
            toml::from_str::<Answers>(&text)
                .map_err(|error| Failure::usage(format!("--answers {}: {error}", path.display())))?
        }
        None => Answers::default(),
    };
    for (id, name) in vars::pairs(&args.confirm)? {
        match step_for(plan, &id, Direction::Forward).map(|step| &step.action) {
            Some(Action::Confirm(_)) => drop(answers.confirm.insert(id, Confirmation::Name(name))),
            Some(Action::Signoff(signoff)) => {
                let roles = answers.sign.entry(id.clone()).or_default();
                for role in &signoff.roles {
                    roles.insert(role.clone(), Signature::Name(name.clone()));
                }
                // Items of the sign-off that no proof ticks.
                answers.confirm.entry(id).or_insert(Confirmation::Name(name));
            }
            Some(_) => return Err(Failure::usage(format!("--confirm {id}: that step asks nobody"))),
            None => return Err(Failure::usage(format!("--confirm {id}: the plan has no such step"))),
        }
    }
    for (id, reason) in vars::pairs(&args.irreversible)? {
        answers.irreversible.insert(id, reason);
    }
    if let Some((id, _)) = answers.irreversible.iter().find(|(_, reason)| reason.trim().is_empty()) {
        return Err(Failure::usage(format!("irreversible {id}: a reason is needed; it is in the evidence")));
    }
    let named = answers
        .go
        .iter()
        .chain(answers.irreversible.keys())
        .chain(answers.confirm.keys())
        .chain(answers.sign.keys())
        .chain(answers.failed.keys());
    for id in named {
        if step_for(plan, id, Direction::Forward).is_none() {
            return Err(Failure::usage(format!("--answers: the plan has no step \"{id}\"")));
        }
    }
    Ok(answers)
}

pub fn known_phases(plan: &Plan, only: &[String]) -> Result<(), Failure> {
    for id in only {
        if !plan.phases.iter().any(|phase| phase.id == *id) {
            let known: Vec<&str> = plan.phases.iter().map(|phase| phase.id.as_str()).collect();
            return Err(Failure::usage(format!("--only {id}: the plan's phases are {}", known.join(", "))));
        }
    }
    Ok(())
}

fn known_step(plan: &Plan, from: Option<&str>) -> Result<(), Failure> {
    let Some(from) = from else { return Ok(()) };
    if plan.phases.iter().flat_map(|phase| &phase.steps).any(|step| step.id == from) {
        return Ok(());
    }
    Err(Failure::usage(format!("--from {from}: the plan has no such step; `holdpoint show` lists them")))
}

/// `--only` selects within the open run of the plan on this database, when there is one.
async fn open_run_for_phases(
    state: &StateDir,
    plan: &Plan,
    target: &ConnectConfig,
    args: &RunArgs,
) -> Result<Option<super::args::ResumeArgs>, Failure> {
    if args.only.is_empty() {
        return Ok(None);
    }
    let Some(open) = open_run(state, plan, target).await? else { return Ok(None) };
    Ok(Some(super::args::ResumeArgs {
        run: Some(open.id.to_string()),
        plan: Some(args.plan.clone()),
        screenless: args.screenless.clone(),
        state: args.state.clone(),
        answers: args.answers.clone(),
        target: args.target.clone(),
        vars: args.vars.clone(),
        only: args.only.clone(),
        evidence: Vec::new(),
        skip: Vec::new(),
        overrides: Vec::new(),
        rule: Vec::new(),
        end: None,
    }))
}
