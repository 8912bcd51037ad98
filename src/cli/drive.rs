//! Drives a run: hands what happens to the screen or to lines of text, what people ask for to the
//! engine, and listens for signals.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use super::args::Screenless;
use super::failure::Failure;
use super::lines::Lines;
use super::out;
use super::screen::{Scene, Screen, terminal};
use crate::cockpit::message::{Msg, Over};
use crate::engine::conductor::Conductor;
use crate::engine::exit::Exit;
use crate::engine::pilot::Pilot;
use crate::engine::progress::Gauge;
use crate::engine::recorder::Listener;
use crate::engine::says::Says;
use crate::engine::stop::Stop;
use crate::journal::{RunFolder, StateDir};
use crate::plain::{Named, progress};
use crate::run::event::{Ending, Envelope, Event};
use crate::run::sample::Progress;
use crate::run::state::RunState;
use crate::text::words::exit_words;

/// How a run is shown, and where events and asides arrive.
#[derive(Debug)]
pub struct Show {
    front: Front,
    pub listeners: Vec<Listener>,
    pub says: Says,
    /// The word of the signal that told us to end, once there is one.
    pub signal: watch::Receiver<Option<String>>,
}

#[derive(Debug)]
enum Front {
    Lines(Lines),
    Screen(Box<Screen>),
}

/// The state folder, unless `resume` finds it by itself from here; and the database that was typed, unless
/// there is a secret in it.
fn to_be_named(state: &StateDir, target: Option<&str>) -> Named {
    let found = StateDir::find(None, Path::new("plan.toml")).is_ok_and(|found| found.path() == state.path());
    let secret = |text: &str| {
        let login = text.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map(|(login, _)| login);
        login.is_some_and(|login| login.contains(':')) || text.to_ascii_lowercase().contains("password")
    };
    let target = target.map(|text| if secret(text) { "CONNINFO".to_owned() } else { text.to_owned() });
    Named { state_dir: (!found).then(|| state.path().display().to_string()), target, ..Named::default() }
}

/// Whether the cockpit is to be opened; `answers` were given beforehand.
pub fn wants_screen(screenless: &Screenless, answers: bool) -> Result<bool, Failure> {
    if screenless.plain || screenless.events.is_some() {
        return Ok(false);
    }
    if let Err(why) = terminal() {
        return Err(Failure::usage(format!("{why}: add --plain to run with lines of text")));
    }
    if answers {
        let why = "answers given beforehand are for a run that nobody sits at: add --plain, or leave them out and \
                   answer in the cockpit";
        return Err(Failure::usage(why));
    }
    Ok(true)
}

impl Show {
    /// Opens the cockpit, or begins to print. `past` is what happened before, when a run is taken up
    /// again.
    pub fn start(
        screenless: &Screenless,
        (state, target): (&StateDir, Option<&str>),
        past: &[Envelope],
        scene: Scene,
    ) -> Result<Self, Failure> {
        let (listener, facts) = mpsc::unbounded_channel();
        let (says, asides) = Says::new();
        let named = to_be_named(state, target);
        let (front, signal) = if wants_screen(screenless, false)? {
            let (set, told) = watch::channel(None);
            let set = Arc::new(set);
            let feed = (facts, asides);
            let screen = Screen::open(scene, screenless, named, past, feed, Arc::clone(&set))?;
            let link = screen.link.clone();
            listen(&set, move |name, _| {
                link.send(Msg::Signal(name.to_owned()));
            })?;
            job_control(&screen.link)?;
            (Front::Screen(Box::new(screen)), told)
        } else {
            let lines = Lines::start(screenless, Named { plain: true, ..named }, past, facts, asides)?;
            (Front::Lines(lines), signals("the run")?)
        };
        Ok(Self { front, listeners: vec![listener], says, signal })
    }

    /// What goes on before the run is open; only a screen has a place for it.
    pub fn stage(&self, words: &str) {
        if let Front::Screen(screen) = &self.front {
            screen.stage(words);
        }
    }

    /// Worth to stay on the terminal.
    pub fn hint(&mut self, words: &str) {
        match &mut self.front {
            Front::Screen(screen) => screen.hint(words),
            Front::Lines(_) => out::hint(words),
        }
    }

    /// Whether a person sits at a screen.
    pub fn is_screen(&self) -> bool {
        matches!(self.front, Front::Screen(_))
    }

    /// Asks the person at the screen about a rollback, once the run waits.
    pub fn ask_back(&self, to: Option<String>, reason: String) {
        if let Front::Screen(screen) = &self.front {
            screen.link.send(Msg::AskBack { to, reason });
        }
    }

    /// Waits for a run to be opened, unless the person at the screen doesn't want to any more.
    pub async fn opening(
        &self,
        open: impl Future<Output = Result<Conductor, Stop>>,
    ) -> Result<Conductor, Stop> {
        if let Front::Lines(_) = self.front {
            return open.await;
        }
        let mut signal = self.signal.clone();
        tokio::select! {
            opened = open => opened,
            Ok(told) = signal.wait_for(Option::is_some) => {
                let signal = told.clone().unwrap_or_default();
                Err(Stop::Left { exit: Exit::Interrupted, why: format!("{signal} before the run was open: nothing was done") })
            }
        }
    }

    /// A run that never began: why, and nothing more.
    pub async fn fail(self, failure: Failure) -> Failure {
        let Self { front, listeners, says, .. } = self;
        drop((listeners, says));
        match front {
            Front::Lines(lines) => lines.abandon().await,
            Front::Screen(screen) => {
                let over = Over { exit: failure.exit.code(), words: failure.message.clone(), good: false };
                screen.finish(over, false).await;
            }
        }
        failure
    }

    /// Waits until everything is shown, and leaves the summary.
    async fn finish(self, over: Over) -> Option<String> {
        let Self { front, listeners, says, .. } = self;
        drop((listeners, says));
        match front {
            Front::Lines(lines) => lines.finish().await,
            Front::Screen(screen) => {
                screen.finish(over, true).await;
                None
            }
        }
    }
}

/// Another size; and Ctrl-Z from outside: the terminal is given back first, and taken again afterwards.
fn job_control(link: &crate::cockpit::link::Link) -> Result<(), Failure> {
    let stop = SignalKind::from_raw(nix::libc::SIGTSTP);
    let go_on = SignalKind::from_raw(nix::libc::SIGCONT);
    let kinds: [(SignalKind, fn() -> Msg); 3] =
        [(stop, || Msg::Suspend), (go_on, || Msg::Continued), (SignalKind::window_change(), || Msg::Resize)];
    for (kind, message) in kinds {
        let mut stream = signal(kind).map_err(|error| Failure::unreachable(format!("signals: {error}")))?;
        let link = link.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                link.send(message());
            }
        });
    }
    Ok(())
}

/// The word of the signal that told us to end, once there is one. `what` is to end.
pub fn signals(what: &'static str) -> Result<watch::Receiver<Option<String>>, Failure> {
    let (set, told) = watch::channel(None);
    listen(&Arc::new(set), move |name, first| {
        let word = if first { "stops at the next safe point" } else { "is stopping already" };
        out::hint(&format!("{name}: {what} {word}"));
    })?;
    Ok(told)
}

/// Listens for the signals that tell a program to end; the first of them counts.
fn listen(
    set: &Arc<watch::Sender<Option<String>>>,
    say: impl Fn(&'static str, bool) + Clone + Send + 'static,
) -> Result<(), Failure> {
    for (kind, name) in [
        (SignalKind::interrupt(), "SIGINT"),
        (SignalKind::terminate(), "SIGTERM"),
        (SignalKind::hangup(), "SIGHUP"),
    ] {
        let mut stream = signal(kind).map_err(|error| Failure::unreachable(format!("signals: {error}")))?;
        let (set, say) = (Arc::clone(set), say.clone());
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                let first =
                    set.send_if_modified(|told| told.is_none() && told.replace(name.to_owned()).is_none());
                say(name, first);
            }
        });
    }
    Ok(())
}

/// Conducts a run to where it goes. Its summary says how to go on from there.
pub async fn drive(opened: Result<Conductor, Stop>, pilot: Pilot, show: Show) -> Result<Exit, Failure> {
    let (exit, rest) = conduct(opened, pilot, show).await?;
    // A screen that broke has left no summary.
    let next = rest.and_then(|rest| rest.next.or_else(|| rest.open.then(|| go_on(&rest.folder, None))));
    if let Some(next) = next {
        out::hint(&next);
    }
    Ok(exit)
}

/// What is left to be done about a run.
#[derive(Debug)]
pub struct Rest {
    /// It didn't come to its end: else it was ended, and what it applied stands.
    pub open: bool,
    pub folder: RunFolder,
    /// What to type next, as the summary has it.
    pub next: Option<String>,
}

/// Conducts a run to where it goes, and says what is left to be done about it.
pub async fn conduct(
    opened: Result<Conductor, Stop>,
    pilot: Pilot,
    mut show: Show,
) -> Result<(Exit, Option<Rest>), Failure> {
    let mut conductor = match opened {
        Ok(conductor) => conductor,
        Err(stop) => return Err(show.fail(stop.into()).await),
    };
    let folder = conductor.folder.clone();
    let recorder = conductor.recorder.clone();
    // Where a person sits, nobody answers in their place.
    let flying = match &mut show.front {
        Front::Lines(_) => {
            let beating = tokio::spawn(heartbeat(conductor.attention.gauge.clone(), show.says.clone()));
            Some((pilot.start(&recorder), beating))
        }
        Front::Screen(screen) => {
            screen.connect(&conductor);
            conductor.attended = true;
            None
        }
    };
    let conducted = caught(async move {
        match conductor.conduct().await {
            Ok(exit) => {
                conductor.close().await;
                Ok(exit)
            }
            Err(stop) => {
                conductor.let_go(&stop).await;
                Err(stop)
            }
        }
    });
    let result = conducted.await.unwrap_or_else(|fault| {
        let why = "what wasn't committed the server has undone; please report it";
        Err(Stop::Local(format!("holdpoint has a fault: {fault}; {why}")))
    });
    if let Some((flying, beating)) = flying {
        flying.abort();
        beating.abort();
        let _ = (flying.await, beating.await);
    }
    let done = recorder.look(|run| match &run.state {
        RunState::Ended(outcome, _) => !matches!(outcome, Ending::Refused { .. }),
        _ => false,
    });
    let evidence = done.then(|| evidence(&folder));
    let left = recorder.look(|run| match &run.state {
        RunState::Ended(Ending::Stopped { .. } | Ending::RolledBack { clean: false }, _) => {
            run.can_go_back_further().then_some(false)
        }
        RunState::Ended(..) => None,
        _ => Some(true),
    });
    drop(recorder);
    let next = show.finish(over(&result)).await;
    let rest = left.map(|open| Rest { open, folder, next });
    if let Some(evidence) = evidence {
        out::hint(&evidence);
    }
    let exit = match result {
        Ok(exit) => exit,
        Err(stop) => {
            let exit = stop.exit();
            out::complain(&match exit {
                Exit::Waiting => format!("the run waits: {stop}"),
                _ => stop.to_string(),
            });
            exit
        }
    };
    Ok((exit, rest))
}

/// A fault of the engine must not leave the terminal as a screen has it: it becomes an error.
async fn caught<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(fault) => {
                let words = fault.downcast_ref::<String>().cloned();
                let words = words.or_else(|| fault.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                Poll::Ready(Err(words.unwrap_or_else(|| "a panic".to_owned())))
            }
        }
    })
    .await
}

/// How the engine let go of the run, for the screen.
fn over(result: &Result<Exit, Stop>) -> Over {
    match result {
        Ok(exit) => {
            let words = format!("the run is over: {}", exit_words(exit.code()));
            Over { exit: exit.code(), words, good: matches!(exit, Exit::Done | Exit::RolledBack) }
        }
        Err(stop) => {
            let good = matches!(stop.exit(), Exit::Waiting | Exit::Interrupted | Exit::RolledBack);
            Over { exit: stop.exit().code(), words: stop.to_string(), good }
        }
    }
}

/// How often a long script says how far it is, and how often when nothing has moved.
const BEAT: Duration = Duration::from_secs(10);
const QUIET_BEAT: Duration = Duration::from_secs(60);

/// Says now and then how far the script is that runs.
async fn heartbeat(gauge: Gauge, says: Says) {
    let mut told: Option<Progress> = None;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let Some(now) = gauge.sample() else {
            told = None;
            continue;
        };
        let before = told.as_ref().filter(|told| told.step == now.step && told.elapsed_ms <= now.elapsed_ms);
        let since = now.elapsed_ms - before.map_or(0, |told| told.elapsed_ms);
        let moved = before.is_none_or(|told| (told.bytes, told.statements) != (now.bytes, now.statements));
        let wait = if moved { BEAT } else { QUIET_BEAT };
        if u128::from(since) >= wait.as_millis() {
            says.say(&now.step, &progress(&now, before));
            told = Some(now);
        }
    }
}

/// What to type to go on with a run.
pub fn go_on(folder: &RunFolder, target: Option<String>) -> String {
    format!("to go on: holdpoint resume {}", run_words(folder, target))
}

/// What to type for the evidence of a run that is over.
fn evidence(folder: &RunFolder) -> String {
    let state = folder.path().parent().unwrap_or(folder.path()).display();
    format!("its evidence: holdpoint report {} --state-dir {state}", folder.id())
}

fn run_words(folder: &RunFolder, target: Option<String>) -> String {
    let state = folder.path().parent().unwrap_or(folder.path()).display().to_string();
    let plain = super::screen::terminal().is_err();
    format!("{}{}", folder.id(), Named { state_dir: Some(state), target, plain, ..Named::default() }.flags())
}

/// All events of a journal, as far as they are whole.
pub fn past(folder: &RunFolder) -> Vec<Envelope> {
    let Ok(mut reader) = crate::journal::Reader::open(&folder.journal()) else { return Vec::new() };
    let mut past = Vec::new();
    while let Ok(Some(envelope)) = reader.next_event() {
        if envelope.event != Event::Unknown {
            past.push(envelope);
        }
    }
    past
}
