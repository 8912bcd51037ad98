//! `holdpoint rollback`: undoes what a run applied, last step first; with `--list` it only says how.

use std::collections::BTreeMap;
use std::path::Path;

use super::args::RollbackArgs;
use super::drive::{drive, past, wants_screen};
use super::failure::Failure;
use super::resume::TakenUp;
use super::{log, out, run, target, vars};
use crate::engine::exit::Exit;
use crate::engine::open::operator;
use crate::engine::pilot::Pilot;
use crate::engine::reopen::{Reopening, by_hand};
use crate::engine::rollback::{Known, Wanted, count_lost, listed, rehearsed, set_out};
use crate::engine::sources::Sources;
use crate::engine::stop::Stop;
use crate::journal::StateDir;
use crate::pg::{ConnectConfig, Session};
use crate::plain::{Named, Printer, Style};
use crate::run::event::{Assurance, Course, Envelope, Event, HoldReason, Person};
use crate::run::state::{RollbackState, Run};
use crate::script::Variables;
use crate::text::scrub;

/// Rolls a run back.
pub async fn rollback(args: RollbackArgs, level: &str) -> Result<Exit, Failure> {
    log::check(level)?;
    if args.reason.trim().is_empty() {
        return Err(Failure::usage("--reason: it is empty; the reason is in the evidence"));
    }
    let taken = TakenUp::find(args.run.as_deref(), args.plan.as_deref(), &args.state)?;
    if taken.run.applied_order.is_empty() && !taken.run.goes_back() {
        let what = if taken.run.is_ended() {
            "is over, and nothing of it is applied"
        } else {
            "has applied nothing"
        };
        let half: Vec<String> = taken.run.half_known().map(|step| format!("\"{step}\"")).collect();
        if !half.is_empty() {
            return Err(Failure::refused(format!(
                "this run has nothing in the ledger that could be rolled back, and yet something of {} may be there: it \
                 failed, and what it had committed by itself before that stays. Look at the database, and undo by hand \
                 what is there: `holdpoint show {} --rollback` says how the plan means it",
                half.join(", "),
                taken.loaded.plan.path.display()
            )));
        }
        return Err(Failure::refused(format!("this run {what}: there is nothing to roll back")));
    }
    let asked_anew = taken.run.is_ended() || taken.run.stands_open_again();
    if let Some(despite) = &args.despite {
        if !asked_anew {
            return Err(Failure::usage("--despite is for a run that is over; this one is open"));
        }
        if despite.trim().is_empty() {
            return Err(Failure::usage("--despite: a reason is needed; it is in the evidence"));
        }
    }
    if let Some(under_way) = taken.run.rollback.as_ref().filter(|_| taken.run.goes_back()) {
        goes_on(&args, under_way, &taken.folder.id().to_string())?;
    }
    let begun = taken.run.goes_back();
    let operator = operator().os_user;
    let by = Person { name: operator.clone(), how: Assurance::Asserted };
    let settled = is_settled(&taken.run);
    let wanted = Wanted {
        to: args.to.clone(),
        only: args.only.clone(),
        procedure: args.procedure.clone(),
        why: format!("{} ({operator})", args.reason),
        vars: given_values(&taken, &args)?,
    };
    let reopening = asked_anew.then(|| Reopening {
        by: by.clone(),
        reason: args.reason.clone(),
        wanted: wanted.clone(),
        despite: args.despite.clone(),
    });
    if args.list {
        return list(&args, taken, wanted).await;
    }
    // Of what may still turn out to be applied, or not, nobody can say so beforehand.
    if !begun && settled {
        set_out(&taken.loaded.plan, &taken.run, &wanted)
            .map_err(|why| Failure::refused(format!("{why}. Nothing was done, and the run is as it was")))?;
    }
    let answers = run::answers(&args.answers, &taken.loaded.plan)?;
    let given = args.answers.answers.is_some() || !args.answers.confirm.is_empty();
    let screen = wants_screen(&args.screenless, given)?;
    if screen && !begun && (args.procedure.is_some() || !args.only.is_empty()) {
        let why = "the cockpit asks about a whole rollback, or one as far as a step: for --only and --procedure add \
                   --list to see what they would do, and --plain to do it";
        return Err(Failure::usage(why));
    }
    let selection = taken.run.selection.clone();
    let again = taken.run.goes_back().then(|| taken.run.standing_failure().map(str::to_owned)).flatten();
    let (opened, show) =
        taken.open(&args.screenless, args.target.as_deref(), &args.vars, selection, reopening, level).await?;
    let pilot = Pilot::Answers { answers, operator, again };
    // Where a person sits, nothing begins before the list was seen.
    let asks = show.is_screen() && !begun;
    if asks {
        show.ask_back(args.to.clone(), args.reason.clone());
    }
    let opened = opened.map(|mut conductor| {
        if asks {
            conductor.ask_back()
        } else {
            conductor.turn_back_for(wanted, by, args.reason.clone())
        }
        conductor
    });
    drive(opened, pilot, show).await
}

/// What a rollback would do first with a step that was broken off: find out what became of it, and stand
/// still there. The printer has to think so, for a rollback to follow.
fn as_it_would_be_found(run: &Run) -> Vec<Event> {
    let Some(step) = run.current_step().filter(|step| step.status.is_moving() && !run.is_holding()) else {
        return Vec::new();
    };
    let open = step.units_of(step.direction()).open().map(|open| open.unit.clone());
    let settled =
        open.map(|unit| Event::UnitReconciled { unit, applied: false, evidence: Vec::new(), by: None });
    let held = Event::Held {
        reason: HoldReason::Asked,
        step: Some(step.id.clone()),
        needs: String::new(),
        hint: None,
    };
    settled.into_iter().chain([held]).collect()
}

/// Values of variables that only rollbacks use: what a procedure undoes may rest on them.
fn given_values(taken: &TakenUp, args: &RollbackArgs) -> Result<BTreeMap<String, String>, Failure> {
    let plan = &taken.loaded.plan;
    let kept = taken.run.opened.as_ref().map(|opened| opened.vars.clone()).unwrap_or_default();
    let mut values = vars::values(plan, &args.vars, &kept, false)?;
    values.retain(|name, _| plan.vars.iter().any(|var| var.name == *name && var.only_rollback));
    Ok(values.into_iter().map(|(name, (value, _))| (name, value)).collect())
}

/// Nothing is under way of which it has to be found out first what became of it.
fn is_settled(run: &Run) -> bool {
    let open = run.current_step().and_then(|step| step.units_of(step.direction()).open());
    open.is_none() && run.in_doubt().is_none()
}

/// One that was begun goes on with what it set out to undo. Whoever asks for something else is told.
fn goes_on(args: &RollbackArgs, under_way: &RollbackState, id: &str) -> Result<(), Failure> {
    let same_end = args.to == under_way.to && args.procedure == under_way.procedure;
    let mut steps = [args.only.clone(), under_way.course.only.clone()];
    steps.iter_mut().for_each(|steps| steps.sort());
    let same_steps = steps[0] == steps[1];
    let asks_for_all = args.to.is_none() && args.procedure.is_none() && args.only.is_empty();
    let same = if asks_for_all { !under_way.is_partial() } else { same_end && same_steps };
    if same && !args.list {
        return Ok(());
    }
    let what = match (&under_way.to, &under_way.procedure) {
        (Some(to), _) => format!("a rollback down to \"{to}\""),
        (_, Some(procedure)) => format!("the rollback procedure \"{procedure}\""),
        _ => format!("a rollback of {}", under_way.steps.join(", ")),
    };
    let why = if args.list { "it was listed when it began" } else { "it can't be turned into another one" };
    Err(Failure::refused(format!(
        "{what} is under way in this run, and {why}. Nothing was done now; `holdpoint resume {id}` goes on with it, \
         `holdpoint status` says where it stands"
    )))
}

/// Prints the beginning of the rollback that would be, as its event would be shown. The journal isn't
/// written, and the server is only asked for counts.
///
/// Of a run that is over it says what stands in the way, as the rollback would. What can't be looked at
/// ends it with the code that says so: a list without its losses isn't the list that was asked for.
async fn list(args: &RollbackArgs, taken: TakenUp, wanted: Wanted) -> Result<Exit, Failure> {
    let plan = &taken.loaded.plan;
    let course = set_out(plan, &taken.run, &wanted).map_err(Failure::refused)?;
    let opened = taken.run.opened.as_ref();
    let kept = opened.map(|opened| opened.vars.clone()).unwrap_or_default();
    let mut variables = Variables::new();
    let values = vars::values(plan, &args.vars, &kept, false)?;
    for (name, (value, _)) in &values {
        let _ = variables.set(name, value.clone());
    }
    let copies = taken.folder.path().join("files");
    let known_files =
        taken.folder.verify_copies().map_err(|error| Failure::unreachable(error.to_string()))?;
    let known_files =
        known_files.into_iter().filter_map(|file| Some((file.name?, (file.bytes, file.digest)))).collect();
    let sources = Sources::of_run(&plan.sql_dir, copies, known_files);
    let known = Known { plan, run: &taken.run, sources: &sources, vars: variables };
    let mut shown = listed(&known, &course, &wanted.only);
    let target = target::target(args.target.as_deref(), plan, &values);
    let counted = match &target {
        Ok(target) => counted(target, &taken.run, &mut shown).await,
        Err(failure) => Err(Failure { message: failure.message.clone(), exit: failure.exit }),
    };
    if let Err(failure) = &counted {
        shown.items.iter_mut().for_each(|item| item.lost.clear());
        out::hint(&format!("what would be lost isn't counted: {}", failure.message));
    }
    let state = taken.folder.path().parent().unwrap_or(Path::new("."));
    if let Ok(state) = StateDir::find(Some(state), state)
        && let Some(why) = rehearsed(&state, &taken.run, &mut shown)
    {
        out::hint(&why);
    }
    let mut printer = Printer::new(Style {
        colour: out::wants_colour(),
        ascii: out::is_ascii_only(),
        width: out::width(),
        timezone: None,
        named: Named::default(),
    });
    for envelope in past(&taken.folder) {
        printer.line(&envelope);
    }
    let event = |seq, event| Envelope {
        v: crate::run::event::VERSION,
        seq,
        at: jiff::Timestamp::now(),
        run: taken.run.id.unwrap_or_default(),
        event,
        prev: String::new(),
    };
    let mut seq = taken.run.seq + 1;
    for found in as_it_would_be_found(&taken.run) {
        if let Event::UnitReconciled { unit, .. } = &found {
            out::hint(&format!("what became of {} is found out first; it may come on top", unit.words()));
        }
        printer.line(&event(seq, found));
        seq += 1;
    }
    if taken.run.is_ended() {
        // Looking doesn't open it again; the printer has to think so, for a rollback to follow.
        printer.line(&event(seq, as_if_reopened(args)));
        seq += 1;
    }
    let started = Event::RollbackStarted {
        to: wanted.to.clone(),
        procedure: wanted.procedure.clone(),
        steps: course.steps.clone(),
        kept: course.kept,
        why: "as it would be if it were asked for now; nothing is changed".to_owned(),
        course: shown,
    };
    out::lines(&printer.line(&event(seq, started)));
    counted?;
    in_the_way(args, taken, target?, values, &wanted).await
}

/// Says what a rollback would be refused for, and what goes past it.
async fn in_the_way(
    args: &RollbackArgs,
    taken: TakenUp,
    target: ConnectConfig,
    values: BTreeMap<String, (String, bool)>,
    wanted: &Wanted,
) -> Result<Exit, Failure> {
    let id = taken.folder.id();
    let since = taken.stands_against(target, values, wanted).await.map_err(|stop| {
        let failure = Failure::from(stop);
        // Who reads this has the list before the eyes.
        let listed = "what is listed here is what the way back would be, to be done by hand";
        Failure { message: failure.message.replace(&by_hand(&id), listed), exit: failure.exit }
    })?;
    if since.is_empty() {
        return Ok(Exit::Done);
    }
    out::line("since the run's end something has changed that the way back would meet:");
    since.iter().for_each(|what| out::line(&format!("  - {}", scrub::line(what))));
    out::line(&match &args.despite {
        Some(_) => "with --despite it would go back all the same".to_owned(),
        None => {
            format!("it would be refused; `holdpoint rollback {id} --despite \"why\"` goes back all the same")
        }
    });
    Ok(Exit::Done)
}

/// Counts what would be lost.
async fn counted(target: &ConnectConfig, run: &Run, shown: &mut Course) -> Result<(), Failure> {
    let mut session =
        Session::connect(target, "look").await.map_err(|error| Failure::from(Stop::from(error)))?;
    let counted = count_lost(&mut session, run, &mut shown.items).await;
    session.close().await;
    Ok(counted?)
}

fn as_if_reopened(args: &RollbackArgs) -> Event {
    Event::RunReopened {
        by: Person { name: operator().os_user, how: Assurance::Asserted },
        reason: args.reason.clone(),
        to: args.to.clone(),
        only: args.only.clone(),
        procedure: args.procedure.clone(),
        since: Vec::new(),
        despite: None,
    }
}
