//! Drives a run without a screen: prints events, answers by the pilot, listens for signals.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::args::Screenless;
use super::failure::Failure;
use super::out;
use crate::engine::conductor::Conductor;
use crate::engine::exit::Exit;
use crate::engine::pilot::Pilot;
use crate::engine::recorder::Listener;
use crate::engine::stop::Stop;
use crate::journal::{RunFolder, StateDir, encode};
use crate::plain::{Printer, Style};
use crate::run::event::{Envelope, Event};

/// Who prints, and where events and asides arrive.
#[derive(Debug)]
pub struct Show {
    printing: JoinHandle<Printer>,
    /// Standard output is for events alone.
    json_only: bool,
    pub listeners: Vec<Listener>,
    pub says: mpsc::UnboundedSender<(String, String)>,
}

/// The state folder, unless `resume` finds it by itself from here.
fn to_be_named(state: &StateDir) -> Option<String> {
    let found = StateDir::find(None, Path::new("plan.toml")).is_ok_and(|found| found.path() == state.path());
    (!found).then(|| state.path().display().to_string())
}

/// A name for standard output.
const STDOUT: &str = "-";

impl Show {
    /// Begins to print. `past` is what happened before, when a run is taken up again.
    pub fn start(screenless: &Screenless, state: &StateDir, past: &[Envelope]) -> Result<Self, Failure> {
        out::run_begins();
        let events = match &screenless.events {
            Some(path) => Some(Events::open(path, past)?),
            None => None,
        };
        let json_only = screenless.events.as_deref() == Some(Path::new(STDOUT));
        let mut printer = Printer::new(Style {
            colour: out::wants_colour() && !json_only,
            ascii: out::is_ascii_only(),
            width: out::width(),
            timezone: None,
            state_dir: to_be_named(state),
        });
        for envelope in past {
            printer.line(envelope);
        }
        let (listener, facts) = mpsc::unbounded_channel();
        let (says, asides) = mpsc::unbounded_channel();
        let printing = tokio::spawn(print(printer, facts, asides, events, json_only));
        Ok(Self { printing, json_only, listeners: vec![listener], says })
    }

    /// Waits until everything is printed, and prints the summary.
    async fn finish(self) {
        drop(self.says);
        drop(self.listeners);
        if let Ok(printer) = self.printing.await {
            let summary = printer.summary();
            if self.json_only {
                summary.iter().for_each(|line| out::hint(line));
            } else {
                out::lines(&summary);
            }
        }
    }

    /// A run that never began has no summary.
    pub async fn abandon(self) {
        drop(self.says);
        drop(self.listeners);
        let _ = self.printing.await;
    }
}

async fn print(
    mut printer: Printer,
    mut facts: mpsc::UnboundedReceiver<Arc<Envelope>>,
    mut asides: mpsc::UnboundedReceiver<(String, String)>,
    mut events: Option<Events>,
    json_only: bool,
) -> Printer {
    loop {
        let lines = tokio::select! {
            biased;
            aside = asides.recv(), if !asides.is_closed() || !asides.is_empty() => match aside {
                Some((step, text)) => printer.say(&step, &text),
                None => continue,
            },
            fact = facts.recv() => match fact {
                Some(envelope) => {
                    if let Some(events) = &mut events {
                        events.write(&envelope);
                    }
                    printer.line(&envelope)
                }
                None => return printer,
            },
        };
        if json_only {
            lines.iter().for_each(|line| out::hint(line));
        } else {
            out::lines(&lines);
        }
    }
}

/// Events as JSON lines.
struct Events {
    file: Option<File>,
}

impl Events {
    fn open(path: &Path, past: &[Envelope]) -> Result<Self, Failure> {
        let file = if path == Path::new(STDOUT) {
            None
        } else {
            Some(File::create(path).map_err(|error| {
                Failure::unreachable(format!("--events {}: it can't be written: {error}", path.display()))
            })?)
        };
        let mut events = Self { file };
        for envelope in past {
            events.write(envelope);
        }
        Ok(events)
    }

    fn write(&mut self, envelope: &Envelope) {
        let Ok(line) = encode(envelope) else { return };
        match &mut self.file {
            None => out::line(String::from_utf8_lossy(&line).trim_end()),
            Some(file) => {
                if let Err(error) = file.write_all(&line) {
                    out::complain(&format!("--events: {error}; the journal has all of it"));
                    self.file = None;
                }
            }
        }
    }
}

/// The word of the signal that told us to end, once there is one. `what` is to end.
pub fn signals(what: &'static str) -> Result<watch::Receiver<Option<String>>, Failure> {
    let (set, told) = watch::channel(None);
    let mut kinds = Vec::new();
    for (kind, name) in [
        (SignalKind::interrupt(), "SIGINT"),
        (SignalKind::terminate(), "SIGTERM"),
        (SignalKind::hangup(), "SIGHUP"),
    ] {
        let stream = signal(kind).map_err(|error| Failure::unreachable(format!("signals: {error}")))?;
        kinds.push((stream, name));
    }
    let set = Arc::new(set);
    for (mut stream, name) in kinds {
        let set = Arc::clone(&set);
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                let first =
                    set.send_if_modified(|told| told.is_none() && told.replace(name.to_owned()).is_none());
                let word = if first { "stops at the next safe point" } else { "is stopping already" };
                out::hint(&format!("{name}: {what} {word}"));
            }
        });
    }
    Ok(told)
}

/// Conducts a run to where it goes, and says how to go on from there.
pub async fn drive(opened: Result<Conductor, Stop>, pilot: Pilot, show: Show) -> Result<Exit, Failure> {
    let (exit, open) = conduct(opened, pilot, show).await?;
    if let Some(folder) = open {
        out::hint(&go_on(&folder));
    }
    Ok(exit)
}

/// Conducts a run to where it goes. Its folder comes back when it didn't come to its end.
pub async fn conduct(
    opened: Result<Conductor, Stop>,
    pilot: Pilot,
    show: Show,
) -> Result<(Exit, Option<RunFolder>), Failure> {
    let mut conductor = match opened {
        Ok(conductor) => conductor,
        Err(stop) => {
            show.abandon().await;
            return Err(stop.into());
        }
    };
    let folder = conductor.folder.clone();
    let recorder = conductor.recorder.clone();
    let flying = pilot.start(&recorder);
    let conducted = conductor.conduct().await;
    flying.abort();
    let _ = flying.await;
    let result = match conducted {
        Ok(exit) => {
            conductor.close().await;
            Ok(exit)
        }
        Err(stop) => {
            conductor.let_go(&stop).await;
            Err(stop)
        }
    };
    let ended = recorder.look(crate::run::state::Run::is_ended);
    drop(recorder);
    show.finish().await;
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
    Ok((exit, (!ended).then_some(folder)))
}

/// What to type to go on with a run.
pub fn go_on(folder: &RunFolder) -> String {
    let state = folder.path().parent().unwrap_or(folder.path()).display();
    format!("to go on: holdpoint resume {} --plain --state-dir {state}", folder.id())
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
