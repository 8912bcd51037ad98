//! A run with the cockpit open: threads and channels between the screen and the engine.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::args::{Screenless, ThemeName};
use super::company::look_around;
use super::console::Looker;
use super::failure::Failure;
use super::out;
use crate::cockpit::console::Answer;
use crate::cockpit::link::{Link, Request, link};
use crate::cockpit::message::{Msg, Over};
use crate::cockpit::state::{Setting, State};
use crate::cockpit::term::loader;
use crate::cockpit::term::screen::{Left, THREAD, Wires, show};
use crate::cockpit::theme::Theme;
use crate::cockpit::update::catch_up;
use crate::crash;
use crate::engine::activity::watch_server;
use crate::engine::conductor::Conductor;
use crate::engine::open::operator;
use crate::engine::recorder::Recorder;
use crate::engine::rollback::look_back;
use crate::engine::sampler::look_on;
use crate::engine::says::Asides;
use crate::journal::RunFolder;
use crate::plain::{Named, Style};
use crate::plan::model::{Plan, PlanFile};
use crate::run::event::{Envelope, Mode};
use crate::run::outlook::LookBack;

/// Requests that wait for the engine; more than this, and the person is told so.
const WAITING: usize = 16;
/// Facts that are on their way are there within this.
const LAST_FACTS: Duration = Duration::from_secs(2);

/// What the screen shows, before anything has happened.
#[derive(Debug)]
pub struct Scene {
    pub plan: Arc<Plan>,
    pub mode: Mode,
    /// Where it will run, in words.
    pub target: String,
    /// The run's folder, when there is one already.
    pub folder: Option<RunFolder>,
}

/// The open cockpit.
#[derive(Debug)]
pub struct Screen {
    pub link: Link,
    thread: JoinHandle<Left>,
    /// Carries facts and asides to it.
    feeding: tokio::task::JoinHandle<()>,
    /// Who judges what is asked for, once there is a run.
    recorder: Arc<Mutex<Option<Recorder>>>,
    /// The rollback that is looked at, and who looks at it.
    looks_back: watch::Receiver<Option<LookBack>>,
    looking: Option<tokio::task::JoinHandle<()>>,
    /// Who asks queries, once there is a run.
    looker: Arc<Mutex<Option<Looker>>>,
    /// Where copies of the plan's files are, once there is a run.
    folder: Arc<Mutex<Option<PathBuf>>>,
    /// Whether the person looks at the server.
    watched: watch::Receiver<bool>,
    /// Said meanwhile; it is worth to stay on the terminal.
    hints: Vec<String>,
}

/// Facts and asides, as the engine gives them.
type Feed = (mpsc::UnboundedReceiver<Arc<Envelope>>, Asides);

/// Whether there is a terminal to show it on; else why not.
pub fn terminal() -> Result<(), String> {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err("there is no terminal for the cockpit".to_owned());
    }
    if dumb { Err("this terminal (TERM) can't show the cockpit".to_owned()) } else { Ok(()) }
}

impl Screen {
    /// Opens it. The first frame is there before anything else is done.
    pub fn open(
        scene: Scene,
        screenless: &Screenless,
        named: Named,
        past: &[Envelope],
        feed: Feed,
        interrupt: Arc<watch::Sender<Option<String>>>,
    ) -> Result<Self, Failure> {
        let folder = Arc::new(Mutex::new(scene.folder.map(|folder| folder.path().join("files"))));
        let setting = Setting {
            plan: Arc::clone(&scene.plan),
            mode: scene.mode,
            operator: operator(),
            target: scene.target,
            theme: theme(screenless.theme),
            ascii: screenless.ascii || out::is_ascii_only(),
            named,
            mouse: screenless.mouse,
        };
        let mut state = State::new(setting, jiff::Timestamp::now());
        state.past(past);
        catch_up(&mut state);
        let (link, inbox, samples) = link();
        let loads = loader::start(scene.plan, reader(Arc::clone(&folder)), link.clone());
        tokio::spawn(look_around(link.clone()));
        let (asks, requests) = mpsc::channel(WAITING);
        let asks = Box::new(move |request: Request| {
            // On the thread of the cockpit: where a test wants to see what its fault does.
            if crash::is_chosen("cockpit_request") {
                panic!("a fault of the cockpit, on request");
            }
            asks.try_send(request).is_ok()
        });
        let wires = Wires { link: link.clone(), inbox, samples, asks, loads };
        let thread = std::thread::Builder::new()
            .name(THREAD.into())
            .spawn(move || show(state, wires))
            .map_err(|error| Failure::unreachable(format!("no thread for the cockpit: {error}")))?;
        let feeding = tokio::spawn(carry(feed, link.clone()));
        let recorder = Arc::new(Mutex::new(None));
        let looker = Arc::new(Mutex::new(None));
        let (look, looks_back) = watch::channel(None);
        let (watching, watched) = watch::channel(false);
        let engine = Engine {
            recorder: Arc::clone(&recorder),
            looker: Arc::clone(&looker),
            interrupt,
            look,
            watching,
        };
        tokio::spawn(engine.answer(requests, link.clone()));
        Ok(Self {
            link,
            thread,
            feeding,
            recorder,
            looks_back,
            looking: None,
            looker,
            folder,
            watched,
            hints: Vec::new(),
        })
    }

    /// What goes on before the run is open.
    pub fn stage(&self, words: &str) {
        self.link.send(Msg::Stage(words.to_owned()));
    }

    /// Worth to stay on the terminal after the screen is left.
    pub fn hint(&mut self, words: &str) {
        self.stage(words);
        self.hints.push(words.to_owned());
    }

    /// Connects it with the engine.
    pub fn connect(&mut self, conductor: &Conductor) {
        *self.folder.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(conductor.folder.path().join("files"));
        *self.recorder.lock().unwrap_or_else(PoisonError::into_inner) = Some(conductor.recorder.clone());
        let (found, mut outlooks) = mpsc::unbounded_channel();
        self.looking = Some(tokio::spawn(look_back(conductor.lookout(), self.looks_back.clone(), found)));
        let link = self.link.clone();
        tokio::spawn(async move {
            while let Some(outlook) = outlooks.recv().await {
                link.send(Msg::Outlook(outlook));
            }
        });
        *self.looker.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Looker::start(conductor, self.link.clone()));
        let mut doing = conductor.attention.doing.subscribe();
        let mut readings = conductor.attention.readings.subscribe();
        let (set, mut seen) = watch::channel(None);
        tokio::spawn(look_on(conductor.onlooker(), conductor.attention.doing.subscribe(), set));
        let (target, secrets) = (conductor.onlooker(), conductor.secrets.clone());
        let (set, mut activity) = watch::channel(None);
        tokio::spawn(watch_server(target, secrets, self.watched.clone(), set));
        let link = self.link.clone();
        tokio::spawn(async move {
            // Also when the engine has let go of the run: who is at the server is still worth a look.
            while activity.changed().await.is_ok() {
                link.activity(activity.borrow_and_update().clone());
            }
        });
        let link = self.link.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    changed = doing.changed() => match changed {
                        Ok(()) => link.doing(doing.borrow_and_update().clone()),
                        Err(_) => return,
                    },
                    Ok(()) = readings.changed() => link.readings(readings.borrow_and_update().clone()),
                    Ok(()) = seen.changed() => link.seen(seen.borrow_and_update().clone()),
                }
            }
        });
    }

    /// Says that the engine is done, waits until the person has left the screen, and gives back what
    /// stays on the terminal: the summary, then hints.
    pub async fn finish(self, over: Over, summary: bool) {
        let Self { link, thread, feeding, recorder, hints, looking, looker, .. } = self;
        recorder.lock().unwrap_or_else(PoisonError::into_inner).take();
        let looker = looker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(looker) = looker {
            looker.end().await;
        }
        // Whoever holds the recorder keeps the way of facts open.
        if let Some(looking) = looking {
            looking.abort();
            let _ = looking.await;
        }
        // The last facts come before the word that it is over.
        let _ = tokio::time::timeout(LAST_FACTS, feeding).await;
        link.send(Msg::Over(over));
        let left = tokio::task::spawn_blocking(move || thread.join()).await;
        match left {
            Ok(Ok(mut left)) => {
                if summary {
                    let style = Style {
                        colour: out::wants_colour(),
                        ascii: left.state.setting.ascii,
                        width: out::width(),
                        ..Style::default()
                    };
                    left.state.printer.restyle(&style);
                    out::lines(&left.state.printer.summary());
                }
                left.broken.iter().chain(&left.faults).for_each(|what| out::complain(what));
            }
            _ => out::complain(
                "the cockpit had a fault; the run was stopped at a safe point, and the journal is whole",
            ),
        }
        hints.iter().for_each(|hint| out::hint(hint));
    }
}

/// Carries what the engine says to the screen.
async fn carry((mut facts, mut asides): Feed, link: Link) {
    loop {
        tokio::select! {
            biased;
            Some(aside) = asides.recv() => link.output(&aside.step, aside.after, &aside.text),
            fact = facts.recv() => match fact {
                Some(envelope) => {
                    link.send(Msg::Event(envelope));
                }
                None => return,
            },
        }
    }
}

/// Those in the engine who are asked for something.
struct Engine {
    recorder: Arc<Mutex<Option<Recorder>>>,
    looker: Arc<Mutex<Option<Looker>>>,
    interrupt: Arc<watch::Sender<Option<String>>>,
    look: watch::Sender<Option<LookBack>>,
    /// Whether the person looks at the server.
    watching: watch::Sender<bool>,
}

impl Engine {
    /// Hands on what is asked for, one after the other, and hands answers back.
    async fn answer(self, mut requests: mpsc::Receiver<Request>, link: Link) {
        while let Some(request) = requests.recv().await {
            match request {
                Request::Command(id, command) => {
                    let recorder = self.recorder.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let refused = match recorder {
                        Some(recorder) => recorder.ask(command).await.err().map(|refused| refused.0),
                        None => Some("the run isn't open".to_owned()),
                    };
                    link.send(Msg::Answered { id, refused });
                }
                Request::Detach(why) => drop(self.interrupt.send(Some(why.words().to_owned()))),
                Request::Watch(on) => drop(self.watching.send(on)),
                Request::LookBack(look) => drop(self.look.send(look)),
                Request::Look(id, sql) => {
                    let asked = self.looker().as_ref().is_some_and(|looker| looker.ask(id, sql.clone()));
                    if !asked {
                        let answer = Answer::failed(sql, "the run isn't open".to_owned(), Vec::new());
                        link.send(Msg::Looked { id, answer: Arc::new(answer) });
                    }
                }
                Request::StopLook => {
                    if let Some(looker) = self.looker().as_ref() {
                        looker.stop();
                    }
                }
            }
        }
        // The screen is gone: nobody sees the run any more, and it stops where that is safe.
        self.interrupt.send_if_modified(|told| {
            let first = told.is_none();
            told.get_or_insert_with(|| "the end of the screen".to_owned());
            first
        });
    }

    fn looker(&self) -> std::sync::MutexGuard<'_, Option<Looker>> {
        self.looker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The beginning of a file as the run has it: its copy, or the original of a large one.
fn reader(folder: Arc<Mutex<Option<PathBuf>>>) -> loader::Read {
    Arc::new(move |file: &PlanFile, most: usize| {
        let copies = folder.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let copy = copies.map(|copies| copies.join(&file.name)).filter(|copy| copy.is_file());
        let path = copy.unwrap_or_else(|| file.path.clone());
        let mut bytes = Vec::new();
        std::fs::File::open(&path)
            .and_then(|from| from.take(most as u64).read_to_end(&mut bytes))
            .map_err(|error| format!("{} can't be read: {error}", path.display()))?;
        Ok(bytes)
    })
}

/// As it was asked for; else what the surroundings say.
fn theme(asked: Option<ThemeName>) -> Theme {
    match asked {
        Some(ThemeName::Dark) => return Theme::Dark,
        Some(ThemeName::Light) => return Theme::Light,
        Some(ThemeName::HighContrast) => return Theme::HighContrast,
        Some(ThemeName::Mono) => return Theme::Mono,
        None => {}
    }
    if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        return Theme::Mono;
    }
    // Some terminals say what they look like: `15;0` is light on dark.
    let ground = std::env::var("COLORFGBG").ok();
    match ground.as_deref().and_then(|value| value.rsplit(';').next()) {
        Some("7" | "15") => Theme::Light,
        _ => Theme::Dark,
    }
}
