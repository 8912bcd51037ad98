//! `holdpoint status`: the runs there are, and where they stand.

use std::path::Path;

use super::args::StatusArgs;
use super::failure::Failure;
use super::out;
use crate::engine::exit::Exit;
use crate::journal::{Copied, RunEntry, Standing, StateDir};
use crate::run::state::Run;

/// Lists runs, newest first.
pub fn status(args: &StatusArgs) -> Result<Exit, Failure> {
    let plan = args.plan.as_deref().or(args.of_plan.as_deref()).unwrap_or(Path::new("plan.toml"));
    let state = StateDir::find(args.state.state_dir.as_deref(), plan)
        .map_err(|error| Failure::unreachable(error.to_string()))?;
    let runs = state.runs().map_err(|error| Failure::unreachable(error.to_string()))?;
    if runs.is_empty() {
        out::line(&format!("no runs in {}", state.path().display()));
        return Ok(Exit::Done);
    }
    out::line(&format!("runs in {}", state.path().display()));
    // Whoever asks how a run stands is told by all of its journal.
    for run in runs {
        let (run, told) = run.proven();
        out::line(&words(&run, told.as_ref()));
    }
    Ok(Exit::Done)
}

fn words(run: &RunEntry, told: Option<&Run>) -> String {
    let when = run.opened_at.map_or_else(
        || "never began".to_owned(),
        |at| at.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
    );
    let plan = run.plan_id().unwrap_or("?");
    let target = run
        .target()
        .map_or_else(|| "?".to_owned(), |t| format!("{}@{}:{}/{}", t.user, t.host, t.port, t.database));
    let at_work = match run.taken {
        Some(Some(pid)) => format!(" (process {pid} has it)"),
        Some(None) => " (another process has it)".to_owned(),
        None => String::new(),
    };
    format!("{}  {when}  {plan}  {target}  {}{at_work}{}", run.id, standing(run, told), newer(run))
}

/// Whoever has edited the plan or a script of an open run must not think that it goes on with that.
fn newer(run: &RunEntry) -> String {
    let copies = if run.is_open() { run.folder.copies().unwrap_or_default() } else { Vec::new() };
    let files = Copied::newer_originals(copies);
    match files.is_empty() {
        true => String::new(),
        false => format!("; changed on disk since it was opened, and not used by it: {}", files.join(", ")),
    }
}

const WAITS: u8 = Exit::Waiting as u8;

/// How it stands, for people. `told`: what its journal says, where that was read.
pub(super) fn standing(run: &RunEntry, told: Option<&Run>) -> String {
    let far = told.map(Run::whereabouts).unwrap_or_default();
    // What is waited for stands alone where the run goes forward; that it goes back has to be said.
    let back = if told.is_some_and(Run::goes_back) { format!(" ({far})") } else { String::new() };
    match &run.standing {
        Standing::Ended { outcome, exit_code } => {
            use crate::run::event::Ending;
            let word = match outcome {
                Ending::Done => match told.and_then(Run::half_known_words) {
                    Some(rest) => format!("at the end of the plan; {rest}"),
                    None => "done".to_owned(),
                },
                Ending::Stopped { why } => format!("stopped: {why}"),
                Ending::Refused { why } => format!("refused: {why}"),
                Ending::RolledBack { clean: true } => "rolled back cleanly".to_owned(),
                Ending::RolledBack { clean: false } => "rolled back, not everything is as before".to_owned(),
            };
            format!("{word} (exit {exit_code})")
        }
        Standing::Held { needs } => format!("waits: {needs}{back}"),
        Standing::Left { exit_code: WAITS, why } => format!("waits (exit {WAITS}): {why}{back}"),
        Standing::Left { exit_code, why } => format!("left (exit {exit_code}): {why}{back}"),
        Standing::Open if far.is_empty() => "under way".to_owned(),
        Standing::Open if run.taken.is_some() => far,
        Standing::Open => format!(
            "{far}; its process ended without a word: `holdpoint resume {}` looks what became of it and goes on",
            run.id
        ),
        Standing::NeverBegan => "never began".to_owned(),
        Standing::Damaged { why } => format!("damaged: {why}"),
    }
}
