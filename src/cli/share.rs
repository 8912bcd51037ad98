//! `holdpoint share`: a run's cockpit in tmux, driven by one and watched by others.
//!
//! Those who watch attach read-only, which since tmux 3.2 also means that their size doesn't count;
//! `window-size largest` keeps an older tmux, or a second driver with a small screen, from shrinking the
//! one who drives.

use super::args::ShareArgs;
use super::failure::Failure;
use super::out;
use super::status::standing;
use super::tmux::{Tmux, in_tmux, is_inside, quoted};
use crate::engine::exit::Exit;
use crate::journal::{RunEntry, StateDir, read_run};
use crate::run::event::Mode;

/// Handed over to the session when it is made: what says which database is meant, and how it looks.
const HANDED: [&str; 7] = ["PG", "HOLDPOINT_", "NO_COLOR", "COLORFGBG", "LANG", "LC_", "SSL_CERT"];

/// Prints, and with `--start` makes, a session.
pub fn share(args: &ShareArgs) -> Result<Exit, Failure> {
    let plan = args.plan.clone().unwrap_or_else(|| "plan.toml".into());
    let state = StateDir::find(args.state.state_dir.as_deref(), &plan)
        .map_err(|error| Failure::unreachable(error.to_string()))?;
    let run = find(&state, args)?;
    if !run.is_open() {
        let how = standing(&run, None);
        return Err(Failure::refused(format!("run {} is over ({how}): there is nothing to share", run.id)));
    }
    if run.mode() == Some(Mode::Demo) && args.target.is_none() {
        return Err(Failure::refused(
            "this run is a demo, and its server goes with the process that began it: begin the demo in a tmux \
             session, or name the server of one that was left by --keep with --target",
        ));
    }
    let tmux = Tmux::new(args.socket_name.as_deref(), args.socket_path.as_deref());
    // Says that it isn't there before anything else is said.
    tmux.ask(&["-V"])?;
    let id = run.id.to_string();
    let name = args.session.clone().unwrap_or_else(|| format!("holdpoint-{}", &id[..13]));
    if name.is_empty() || name.contains(['.', ':', '=']) {
        return Err(Failure::usage(format!("--session {name}: tmux takes no name with . : or = in it")));
    }
    let there = tmux.ask(&["has-session", "-t", &format!("={name}")])?.status.success();
    let title = run.opened.as_ref().map_or("?", |opened| opened.title.as_str());
    let told = read_run(&run.folder.journal()).ok().map(|(told, _)| told);
    out::line(&format!("{title}: {}", standing(&run, told.as_ref())));
    out::line(&format!("run {id}"));
    out::line("");
    if there {
        out::line(&format!("tmux session {name} is there already."));
        attach(&tmux, &name);
        return Ok(Exit::Done);
    }
    if let Some(pid) = run.taken {
        let who = pid.map_or("another process".to_owned(), |pid| format!("process {pid}"));
        return Err(Failure::refused(format!(
            "{who} has this run, and not in session {name}: leave it there with Q, then share it. If it is in a \
             tmux session of yours, the others attach to that: tmux attach-session -r -t SESSION"
        )));
    }
    let resume = resume(args, &state, &id)?;
    if args.start {
        start(&tmux, &name, &resume)?;
        out::line(&format!("tmux session {name} is made, and the cockpit is open in it."));
        attach(&tmux, &name);
    } else {
        out::line(&format!("make the session   holdpoint share {id} --start"));
        let new =
            ["new-session", "-s", &name, &words(&resume), ";", "set-option", "-w", "window-size", "largest"];
        out::line(&format!("or by yourself     {}", tmux.typed(&new)));
        out::line(&format!("the others watch   {}", tmux.typed(&["attach-session", "-r", "-t", &name])));
        if is_inside() {
            out::line("");
            out::line(
                "You are inside of tmux: the cockpit can run right here, and the others attach to this",
            );
            out::line(&format!("session: {}", words(&resume)));
        }
    }
    Ok(Exit::Done)
}

fn find(state: &StateDir, args: &ShareArgs) -> Result<RunEntry, Failure> {
    let runs = state.runs().map_err(|error| Failure::unreachable(error.to_string()))?;
    match args.run.as_deref() {
        Some(name) => {
            let id = state.find_run(name).map_err(|error| Failure::usage(error.to_string()))?.id();
            runs.into_iter().find(|run| run.id == id)
        }
        None => runs
            .into_iter()
            .find(|run| run.is_open() && (run.mode() != Some(Mode::Demo) || args.target.is_some())),
    }
    .ok_or_else(|| {
        Failure::usage(format!(
            "no open run in {}; give the plan (--plan FILE) or the folder (--state-dir DIR)",
            state.path().display()
        ))
    })
}

/// How to get into it.
fn attach(tmux: &Tmux, name: &str) {
    let drive = if is_inside() { "switch-client" } else { "attach-session" };
    out::line(&format!("you drive          {}", tmux.typed(&[drive, "-t", name])));
    out::line(&format!("the others watch   {}", tmux.typed(&["attach-session", "-r", "-t", name])));
    out::line("");
    out::line("Whoever watches only looks: no key of theirs does anything, and their screen, however small,");
    out::line("doesn't shrink yours. They log in as the same user; the cockpit's header counts them.");
}

/// The command that opens the cockpit on the run.
fn resume(args: &ShareArgs, state: &StateDir, id: &str) -> Result<Vec<String>, Failure> {
    let program = std::env::current_exe().map_err(|error| {
        Failure::unreachable(format!("where this program is can't be found out: {error}"))
    })?;
    let mut words = vec![program.display().to_string(), "resume".to_owned(), id.to_owned()];
    words.extend(["--state-dir".to_owned(), state.path().display().to_string()]);
    if let Some(target) = &args.target {
        words.extend(["--target".to_owned(), target.clone()]);
    }
    Ok(words)
}

fn words(command: &[String]) -> String {
    command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn start(tmux: &Tmux, name: &str, resume: &[String]) -> Result<(), Failure> {
    let here = std::env::current_dir().map(|here| here.display().to_string()).unwrap_or_default();
    let mut new = format!("new-session -d -s {} -x 120 -y 36", in_tmux(name));
    if !here.is_empty() {
        new.push_str(&format!(" -c {}", in_tmux(&here)));
    }
    for (variable, value) in std::env::vars() {
        if HANDED.iter().any(|prefix| variable.starts_with(prefix)) && !value.contains('\n') {
            new.push_str(&format!(" -e {}", in_tmux(&format!("{variable}={value}"))));
        }
    }
    new.push_str(&format!(" {}", in_tmux(&words(resume))));
    let target = in_tmux(&format!("={name}:"));
    // What stays on the screen at the end, the summary, stays in the session too.
    let lines = format!(
        "{new}\nset-option -w -t {target} remain-on-exit on\nset-option -w -t {target} window-size largest\n"
    );
    tmux.carry_out(&lines)
}
