//! `holdpoint rollback`: undoes what a run applied, last step first.

use super::args::RollbackArgs;
use super::drive::{drive, wants_screen};
use super::failure::Failure;
use super::resume::TakenUp;
use super::{log, run};
use crate::engine::exit::Exit;
use crate::engine::open::operator;
use crate::engine::pilot::Pilot;
use crate::engine::rollback::Wanted;

/// Rolls a run back.
pub async fn rollback(args: RollbackArgs, level: &str) -> Result<Exit, Failure> {
    log::check(level)?;
    let given = args.answers.answers.is_some() || !args.answers.confirm.is_empty();
    wants_screen(&args.screenless, given)?;
    let taken = TakenUp::find(args.run.as_deref(), args.plan.as_deref(), &args.state)?;
    if taken.run.applied_order.is_empty() && !taken.run.goes_back() {
        return Err(Failure::refused("this run has applied nothing: there is nothing to roll back"));
    }
    let answers = run::answers(&args.answers, &taken.loaded.plan)?;
    let selection = taken.run.selection.clone();
    let (opened, show) =
        taken.open(&args.screenless, args.target.as_deref(), &args.vars, selection, level).await?;
    let operator = operator().os_user;
    let pilot = Pilot::Answers { answers, operator: operator.clone(), resumed: true };
    let opened = match opened {
        Ok(mut conductor) => {
            conductor.turn_back(Wanted {
                to: args.to.clone(),
                only: args.only.clone(),
                procedure: args.procedure.clone(),
                why: format!("{} ({operator})", args.reason),
            });
            Ok(conductor)
        }
        refused => refused,
    };
    drive(opened, pilot, show).await
}
