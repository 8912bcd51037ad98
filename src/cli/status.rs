//! `holdpoint status`: the runs there are, and where they stand.

use std::path::Path;

use super::args::StatusArgs;
use super::failure::Failure;
use super::out;
use crate::engine::exit::Exit;
use crate::journal::{RunEntry, Standing, StateDir};

/// Lists runs, newest first.
pub fn status(args: &StatusArgs) -> Result<Exit, Failure> {
    let plan = args.plan.clone().unwrap_or_else(|| Path::new("plan.toml").to_path_buf());
    let state = StateDir::find(args.state.state_dir.as_deref(), &plan)
        .map_err(|error| Failure::unreachable(error.to_string()))?;
    let runs = state.runs().map_err(|error| Failure::unreachable(error.to_string()))?;
    if runs.is_empty() {
        out::line(&format!("no runs in {}", state.path().display()));
        return Ok(Exit::Done);
    }
    out::line(&format!("runs in {}", state.path().display()));
    // Whoever asks how a run stands is told by all of its journal.
    for run in runs {
        out::line(&words(&run.proven()));
    }
    Ok(Exit::Done)
}

fn words(run: &RunEntry) -> String {
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
    format!("{}  {when}  {plan}  {target}  {}{at_work}", run.id, standing(run))
}

const WAITS: u8 = Exit::Waiting as u8;

pub(super) fn standing(run: &RunEntry) -> String {
    match &run.standing {
        Standing::Ended { outcome, exit_code } => {
            use crate::run::event::Ending;
            let word = match outcome {
                Ending::Done => "done".to_owned(),
                Ending::Stopped { why } => format!("stopped: {why}"),
                Ending::Refused { why } => format!("refused: {why}"),
                Ending::RolledBack { clean: true } => "rolled back cleanly".to_owned(),
                Ending::RolledBack { clean: false } => "rolled back, not everything is as before".to_owned(),
            };
            format!("{word} (exit {exit_code})")
        }
        Standing::Held { needs } => format!("waits: {needs}"),
        Standing::Left { exit_code: WAITS, why } => format!("waits (exit {WAITS}): {why}"),
        Standing::Left { exit_code, why } => format!("left (exit {exit_code}): {why}"),
        Standing::Open { last } if run.taken.is_some() => format!("under way, behind {last}"),
        Standing::Open { last } => {
            format!(
                "open, its process ended without a word (behind {last}); `holdpoint resume` looks what became of it"
            )
        }
        Standing::NeverBegan => "never began".to_owned(),
        Standing::Damaged { why } => format!("damaged: {why}"),
    }
}
