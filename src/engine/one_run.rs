//! One open run a plan and database, and each run on the database that it is bound to.

use std::collections::BTreeSet;

use super::open::no_folder;
use super::stop::Stop;
use crate::journal::{Reader, RunEntry, Standing, StateDir};
use crate::pg::identity::Target;
use crate::pg::ledger::entry;
use crate::pg::{ConnectConfig, Session};
use crate::plan::model::Plan;
use crate::run::event::{Replacing, TargetIdentity};
use crate::run::state::{Run, UnitPhase};

/// So many steps are named.
const NAMED: usize = 5;

/// The open run of this plan on the database that the target is.
///
/// # Errors
/// [`Stop`] when the database can't be asked.
pub async fn open_run(
    state: &StateDir,
    plan: &Plan,
    target: &ConnectConfig,
) -> Result<Option<RunEntry>, Stop> {
    if !state
        .runs()
        .map_err(no_folder)?
        .iter()
        .any(|run| run.is_open() && run.plan_id() == Some(plan.id.as_str()))
    {
        return Ok(None);
    }
    let mut session = Session::connect(target, "look").await?;
    let looked = Target::look(&mut session).await.map_err(|error| Stop::Local(error.to_string()))?;
    session.close().await;
    open_run_on(state, plan, &looked.identity)
}

fn open_run_on(state: &StateDir, plan: &Plan, identity: &TargetIdentity) -> Result<Option<RunEntry>, Stop> {
    Ok(state.runs().map_err(no_folder)?.into_iter().find(|run| {
        run.is_open()
            && run.plan_id() == Some(plan.id.as_str())
            && run.target().is_some_and(|target| {
                is_same_database(target, identity)
                    || (is_like(target, identity) && is_entry_bound_to(run, identity))
            })
    }))
}

/// Another database of the same name on the same server: a restore may have put it there.
fn is_like(then: &TargetIdentity, now: &TargetIdentity) -> bool {
    then.database == now.database && then.system_identifier == now.system_identifier
}

fn is_entry_bound_to(entry: &RunEntry, now: &TargetIdentity) -> bool {
    let folded = Reader::open(&entry.folder.journal()).and_then(Reader::fold);
    // One that can't be read may be it.
    folded.map_or(true, |(run, _)| is_bound_to(&run, now))
}

/// One open run a plan and database.
pub(super) fn not_open_yet(state: &StateDir, plan: &Plan, identity: &TargetIdentity) -> Result<(), Stop> {
    let unread = |run: &RunEntry| run.opened.is_none() && matches!(run.standing, Standing::Damaged { .. });
    if let Some(damaged) = state.runs().map_err(no_folder)?.into_iter().find(unread) {
        let why = format!(
            "run {} in {} can't be read, and may be an open one of this plan: look at it, and move its folder away when \
             it is none",
            damaged.id,
            state.path().display()
        );
        return Err(Stop::Refused { why });
    }
    match open_run_on(state, plan, identity)? {
        None => Ok(()),
        Some(run) => {
            let why = format!(
                "run {} of this plan is open on this database: `holdpoint resume {}` goes on with it, \
                 `holdpoint resume {} --end REASON` ends it",
                run.id, run.id, run.id
            );
            Err(Stop::Refused { why })
        }
    }
}

/// What stands in this database of this plan's steps from a run whose journal isn't in the state folder: it may be
/// open on another machine, and nobody here can know. In words. Where an older ledger doesn't say of which plan a
/// run is, it may be this one.
pub(super) async fn stands_elsewhere(
    state: &StateDir,
    plan: &Plan,
    control: &mut Session,
) -> Result<Option<String>, Stop> {
    let known: BTreeSet<String> = state
        .runs()
        .map_err(no_folder)?
        .into_iter()
        .filter(|run| run.opened.is_some())
        .map(|run| run.id.to_string())
        .collect();
    let ours = |step: &String| plan.phases.iter().flat_map(|phase| &phase.steps).any(|own| own.id == *step);
    let stands = entry::standing(control).await?;
    let found: Vec<String> = stands
        .into_iter()
        .filter(|stands| !known.contains(&stands.run))
        .filter(|stands| stands.plan.as_ref().is_none_or(|of| *of == plan.id))
        .filter_map(|stands| {
            let steps: Vec<String> = stands.steps.into_iter().filter(ours).collect();
            let more = steps.len().saturating_sub(NAMED);
            let mut words = steps.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            if more > 0 {
                words.push_str(&format!(" and {more} more"));
            }
            let of = if stands.plan.is_none() { ", of which plan isn't noted," } else { "" };
            (!steps.is_empty()).then(|| format!("run {}{of} applied {words} ({})", stands.run, stands.last))
        })
        .collect();
    Ok((!found.is_empty()).then(|| format!("by the ledger in this database, {}", found.join("; "))))
}

pub(super) fn is_same_database(a: &TargetIdentity, b: &TargetIdentity) -> bool {
    match (&a.system_identifier, &b.system_identifier) {
        (Some(one), Some(other)) => one == other && a.database_oid == b.database_oid,
        _ => a.database == b.database && a.database_oid == b.database_oid && a.port == b.port,
    }
}

/// The database that a run works on: the one that it was opened on, or the last that a restore of its own has put
/// in that one's place. Where it isn't known whether it has, both.
fn is_bound_to(run: &Run, now: &TargetIdentity) -> bool {
    let Some(opened) = &run.opened else { return true };
    let is = |oid: u32| is_same_database(&TargetIdentity { database_oid: oid, ..opened.target.clone() }, now);
    let open = |replacing: &&Replacing| {
        let phase = run.unit(&replacing.unit).map(|state| state.phase);
        matches!(phase, Some(UnitPhase::Committing | UnitPhase::Unknown))
    };
    let stands = run.set_aside().last().map_or(opened.target.database_oid, |last| last.oid);
    is(stands) || run.replaced.last().filter(open).is_some_and(|last| is(last.oid))
}

pub(super) fn same_target(run: &Run, now: &TargetIdentity) -> Result<(), Stop> {
    let Some(then) = run.opened.as_ref().map(|opened| &opened.target) else { return Ok(()) };
    if is_bound_to(run, now) {
        return Ok(());
    }
    if let Some(aside) = run.set_aside().find(|aside| aside.aside_oid == now.database_oid) {
        let why = format!(
            "{} is the database that a restore of this run has put aside: the run goes on in {}, which has its place. \
             Nothing was done",
            now.database, aside.database
        );
        return Err(Stop::Refused { why });
    }
    let same_server = then.system_identifier.is_some() && then.system_identifier == now.system_identifier;
    let server = if same_server { "on this server" } else { "of another server" };
    let why = format!(
        "the run is bound to database {} (oid {}) {server}; this is {} (oid {}). Nothing was done: name the right one \
         with --target",
        then.database, then.database_oid, now.database, now.database_oid
    );
    Err(Stop::Refused { why })
}
