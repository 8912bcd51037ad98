//! `holdpoint rehearse`: proves a plan and its rollback on a private server, and keeps what was found.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::args::RehearseArgs;
use super::drive::signals;
use super::failure::Failure;
use super::{demo, log, out, run, shipped, target, vars};
use crate::engine::exit::Exit;
use crate::engine::rehearse::{Order, Subject, rehearse as go_through};
use crate::engine::stop::Stop;
use crate::plain::{RehearsalPrinter, Style};
use crate::plan::digest::digest;
use crate::run::rehearsal::{Progress, Rehearsal};

/// Rehearses a plan.
pub async fn rehearse(args: RehearseArgs, level: &str) -> Result<Exit, Failure> {
    log::check(level)?;
    let on_disk = shipped::find(&args.plan)?;
    let loaded = run::ready(&on_disk.path)?;
    let plan = Arc::new(loaded.plan.clone());
    let values = vars::values(&plan, &args.vars, &Default::default(), true)?;
    let scripts = run::scanned(&plan, &values, None)?;
    let state = demo::state(&args.state, &on_disk)?;
    let subject = match &args.target {
        Some(typed) => {
            let target = Box::new(target::target(Some(typed), &plan, &values)?);
            Subject::Copy { target, with_data: args.with_data }
        }
        None => Subject::Fixture,
    };
    let (progress, told) = mpsc::unbounded_channel();
    let order = Order {
        digest: digest(&plan, &loaded.source, &scripts.included)
            .map_err(|error| Failure::unreachable(error.to_string()))?,
        included: scripts.included,
        plan,
        vars: values,
        subject,
        bin_dir: args.pg_bin.clone(),
        signal: signals("the rehearsal")?,
        progress,
    };
    let style = Style {
        colour: out::wants_colour() && !args.json,
        ascii: out::is_ascii_only(),
        width: out::width(),
        ..Style::default()
    };
    let telling = tokio::spawn(tell(RehearsalPrinter::new(&style), told, args.json));
    let found = go_through(order).await;
    let _ = telling.await;
    let found = found.map_err(failed)?;
    let kept = state.keep_rehearsal(&found).map_err(|error| {
        Failure::unreachable(format!("{error}; what was found isn't kept: name a folder with --state-dir"))
    });
    say(&found, &style, args.json)?;
    let path = kept?;
    out::hint(&format!("kept as evidence: {}", path.display()));
    Ok(if found.passed { Exit::Done } else { Exit::Failed })
}

/// Prints what is happening, until it is over.
async fn tell(printer: RehearsalPrinter, mut told: mpsc::UnboundedReceiver<Progress>, json: bool) {
    while let Some(progress) = told.recv().await {
        let clock = jiff::Zoned::now().strftime("%H:%M:%S").to_string();
        let lines = printer.progress(&clock, &progress);
        if json {
            lines.iter().for_each(|line| out::hint(line));
        } else {
            out::lines(&lines);
        }
    }
}

fn say(found: &Rehearsal, style: &Style, json: bool) -> Result<(), Failure> {
    if !json {
        out::line("");
        out::lines(&RehearsalPrinter::new(style).table(found));
        return Ok(());
    }
    let text =
        serde_json::to_string_pretty(found).map_err(|error| Failure::unreachable(error.to_string()))?;
    text.lines().for_each(out::line);
    Ok(())
}

fn failed(stop: Stop) -> Failure {
    let exit = stop.exit();
    let message = match &stop {
        Stop::Interrupted { signal } => {
            format!(
                "interrupted by {signal}: the private server is gone, and nothing is kept of this rehearsal"
            )
        }
        other => format!("the plan couldn't be rehearsed: {other}"),
    };
    Failure { message, exit }
}
