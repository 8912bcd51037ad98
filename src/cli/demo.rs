//! `holdpoint demo`: a plan on a private PostgreSQL, with its fixture loaded.

use std::io::{IsTerminal, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::args::{DemoArgs, StateArgs};
use super::drive::{Rest, Show, conduct, go_on, wants_screen};
use super::failure::Failure;
use super::screen::Scene;
use super::shipped::PlanOnDisk;
use super::{log, out, run, shipped, vars};
use crate::engine::exit::Exit;
use crate::engine::fixture;
use crate::engine::open::{Opening, open};
use crate::engine::pilot::Pilot;
use crate::engine::source_server::{SourceServer, others};
use crate::journal::StateDir;
use crate::pg::embedded::{Embedded, EmbeddedError, Options, Programs, install_command};
use crate::plan::digest::digest;
use crate::plan::model::Plan;
use crate::run::event::{Mode, Selection};

/// Runs a plan where nothing can be harmed.
pub async fn demo(args: DemoArgs, level: &str) -> Result<Exit, Failure> {
    log::check(level)?;
    let on_disk = shipped::find(args.plan.as_deref().unwrap_or(shipped::FIRST))?;
    if args.plan.is_none() {
        out::hint(&format!(
            "this is {}; there are more to try: {}",
            shipped::FIRST,
            shipped::others().join(", ")
        ));
    }
    let loaded = run::ready(&on_disk.path)?;
    let plan = Arc::new(loaded.plan.clone());
    run::known_phases(&plan, &args.only)?;
    let values = vars::values(&plan, &args.vars, &Default::default(), true)?;
    let scripts = run::scanned(&plan, &values, None)?;
    let state = state(&args.state, &on_disk)?;
    wants_screen(&args.screenless, false)?;

    installed(&args)?;
    let scene = Scene {
        plan: Arc::clone(&plan),
        mode: Mode::Demo,
        target: "a private server".to_owned(),
        folder: None,
    };
    let mut show = Show::start(&args.screenless, (&state, None), &[], scene)?;
    show.stage("starting a private PostgreSQL");
    let server = match start(&args).await {
        Ok(server) => server,
        Err(failure) => return Err(show.fail(failure).await),
    };
    let database = database(&plan);
    show.hint(&format!("a private PostgreSQL {} without a TCP port", server.version()));
    if plan.source.is_some() {
        show.stage("starting a second private PostgreSQL: the source");
    }
    let beside = match SourceServer::start(&plan, args.pg_bin.clone(), args.keep).await {
        Ok(beside) => beside,
        Err(stop) => return Err(show.fail(stop.into()).await),
    };
    if beside.is_some() {
        show.hint("a second one is the source; it is read alone");
    }
    if plan.target.pooler.is_some() {
        show.hint("no pooler runs here: what goes through it goes straight to the target");
    }
    let result = on_server(
        (&server, beside.as_ref()),
        &args,
        plan,
        loaded.source,
        scripts.included,
        values,
        state,
        &database,
        level,
        show,
    )
    .await;
    let result = result.map(|(exit, open)| {
        match open {
            Some(Rest { open: true, folder: run, .. }) if args.keep => {
                let socket = server.dir().display();
                out::hint(&format!(
                    "{} --target 'host={socket} user=postgres dbname={database}'",
                    go_on(&run, None)
                ));
            }
            Some(Rest { open: true, folder: run, .. }) => out::hint(&format!(
                "the run didn't come to its end, and its server goes with the demo; what happened is in {}",
                run.path().display()
            )),
            Some(_) | None => {}
        }
        exit
    });
    if args.keep {
        let kept = server.keep();
        out::hint(&format!("the server stays. To look at it: {}", kept.connect));
        out::hint(&format!("to stop and remove it: {}", kept.remove));
        if let Some(kept) = beside.map(SourceServer::keep) {
            out::hint(&format!(
                "the source stays, too. To look at it: {}",
                kept.connect.replace(" -U postgres postgres", " -U postgres source")
            ));
            out::hint(&format!("to stop and remove it: {}", kept.remove));
        }
    } else {
        server.stop().await;
        if let Some(beside) = beside {
            beside.stop().await;
        }
    }
    result
}

/// Where journals and records go; those of a shipped plan can't stay beside it.
pub fn state(args: &StateArgs, plan: &PlanOnDisk) -> Result<StateDir, Failure> {
    match (&args.state_dir, plan.is_shipped()) {
        (None, true) => StateDir::find(Some(&own_state()), &plan.path),
        (explicit, _) => StateDir::find(explicit.as_deref(), &plan.path),
    }
    .map_err(|error| Failure::unreachable(error.to_string()))
}

#[expect(clippy::too_many_arguments, reason = "everything that a demo has prepared, handed over once")]
async fn on_server(
    (server, beside): (&Embedded, Option<&SourceServer>),
    args: &DemoArgs,
    plan: Arc<Plan>,
    source: Arc<str>,
    included: Vec<crate::plan::model::PlanFile>,
    vars: super::vars::Values,
    state: StateDir,
    database: &str,
    level: &str,
    mut show: Show,
) -> Result<(Exit, Option<Rest>), Failure> {
    let target = server.config(database);
    if let Some(file) = plan.fixture.as_ref().and_then(|fixture| fixture.target.clone()) {
        show.stage("loading the database as it stands before the window");
        let problem = match fixture::load(&plan, &file, &target).await {
            Ok(Ok(())) => None,
            Ok(Err(problem)) => {
                let message = format!("the {}", fixture::failed(&problem));
                Some(Failure { message, exit: Exit::Failed })
            }
            Err(stop) => Some(stop.into()),
        };
        if let Some(failure) = problem {
            return Err(show.fail(failure).await);
        }
        show.hint(&format!("the database before the window: {}", file.display()));
    }
    let opening = Opening {
        despite: None,
        digest: match digest(&plan, &source, &included) {
            Ok(digest) => digest,
            Err(error) => return Err(show.fail(Failure::unreachable(error.to_string())).await),
        },
        included,
        others: others(&plan, &target, beside),
        plan,
        target,
        state,
        mode: Mode::Demo,
        selection: Selection { only: args.only.clone(), from: None },
        vars,
        signal: show.signal.clone(),
        says: show.says.clone(),
        listeners: show.listeners.clone(),
    };
    let opened = show.opening(open(opening)).await;
    if let Ok(conductor) = &opened {
        log::start(&conductor.folder.log(), level);
        show.hint(&format!("journal: {}", conductor.folder.path().display()));
    }
    conduct(opened, Pilot::Demo, show).await
}

/// The database that the plan's guards name; `postgres` otherwise.
fn database(_plan: &Plan) -> String {
    "postgres".to_owned()
}

async fn start(args: &DemoArgs) -> Result<Embedded, Failure> {
    let options = Options { bin_dir: args.pg_bin.clone(), settings: Vec::new(), keep: args.keep };
    Embedded::start(options).await.map_err(|error| Failure::unreachable(format!("failed to {error}")))
}

/// PostgreSQL is there, or is installed now: that asks and prints, so it comes before any screen.
fn installed(args: &DemoArgs) -> Result<(), Failure> {
    match Programs::find(args.pg_bin.as_deref()) {
        Err(error @ EmbeddedError::NotInstalled { .. }) => {
            if may_install(args.yes)? {
                return install();
            }
            Err(Failure::unreachable(format!("failed to {error}")))
        }
        // What else is wrong, the start says.
        _ => Ok(()),
    }
}

/// Asks on a terminal; `--yes` has answered already.
fn may_install(yes: bool) -> Result<bool, Failure> {
    let Some(command) = install_command() else { return Ok(false) };
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    let _ = write!(
        std::io::stderr(),
        "there is no PostgreSQL here. Install it now ({})? [y/N] ",
        command.join(" ")
    );
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|error| Failure::unreachable(error.to_string()))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn install() -> Result<(), Failure> {
    let Some(command) = install_command() else { return Ok(()) };
    let (program, rest) =
        command.split_first().ok_or_else(|| Failure::unreachable("nothing to install with"))?;
    let status = std::process::Command::new(program).args(rest).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::unreachable(format!("{}: {status}", command.join(" ")))),
        Err(error) => Err(Failure::unreachable(format!("{}: {error}", command.join(" ")))),
    }
}

/// Journals of shipped plans: their own folder is gone after the demo. Users without a home have theirs
/// in the temporary folder, under a name that isn't another user's.
fn own_state() -> PathBuf {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    let homes = [absolute("XDG_STATE_HOME"), absolute("HOME").map(|home| home.join(".local/state"))];
    homes
        .into_iter()
        .flatten()
        .map(|home| home.join("holdpoint/demo"))
        .find(|dir| is_ours(dir))
        .unwrap_or_else(|| std::env::temp_dir().join(format!("holdpoint-state-{}", nix::unistd::geteuid())))
}

/// It is there or can be made, and it is this user's.
fn is_ours(dir: &Path) -> bool {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.is_ok()
        && std::fs::metadata(dir).is_ok_and(|meta| meta.uid() == nix::unistd::geteuid().as_raw())
        && nix::unistd::access(dir, nix::unistd::AccessFlags::W_OK).is_ok()
}
