//! The thread of the cockpit: messages in, frames out.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::canvas::Canvas;
use super::clipboard;
use super::fault::Faults;
use super::guard::Guard;
use super::input::Input;
use super::pace::{Change, Pace};
use crate::cockpit::console::Answer;
use crate::cockpit::link::{Link, Request, Samples};
use crate::cockpit::message::{Effect, LetGo, Msg, SourceOf};
use crate::cockpit::state::State;
use crate::cockpit::{update, view};

/// The name of the thread, by which a panic knows where it is.
pub const THREAD: &str = "cockpit";

/// Clocks are shown in seconds; while something runs, in tenths.
const STILL: Duration = Duration::from_millis(1000);
const MOVING: Duration = Duration::from_millis(200);
/// Messages are taken in for so long before a frame is drawn again.
const BUDGET: Duration = Duration::from_millis(12);

/// Asks the command line; `false` when it can't take more now.
pub type Asks = Box<dyn Fn(Request) -> bool + Send>;

/// What the screen is connected with.
pub struct Wires {
    pub link: Link,
    pub inbox: Receiver<Msg>,
    pub samples: Arc<Samples>,
    pub asks: Asks,
    pub loads: Sender<SourceOf>,
}

impl std::fmt::Debug for Wires {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wires").field("link", &self.link).finish_non_exhaustive()
    }
}

/// The state as it was when the screen was left.
#[derive(Debug)]
pub struct Left {
    pub state: State,
    /// Why, when it wasn't by a person.
    pub broken: Option<String>,
    /// What other threads said about their end meanwhile.
    pub faults: Vec<String>,
}

/// Shows the cockpit until it is left. Runs on a thread of its own, named [`THREAD`].
#[must_use]
pub fn show(state: State, wires: Wires) -> Left {
    let faults = Faults::watch();
    let mut screen = Screen { state, wires, canvas: Canvas::new(), change: Change::Something };
    let broken = screen.run().err().map(|error| format!("the terminal is gone: {error}"));
    if broken.is_some() {
        // Nobody sees the run any more: it stops where that is safe.
        (screen.wires.asks)(Request::Detach(LetGo::NoTerminal));
    }
    Left { state: screen.state, broken, faults: faults.end() }
}

struct Screen {
    state: State,
    wires: Wires,
    canvas: Canvas,
    change: Change,
}

impl Screen {
    fn run(&mut self) -> io::Result<()> {
        let mut guard = Guard::enter(self.state.mouse)?;
        let input = Input::start(self.wires.link.clone())?;
        let mut pace = Pace::begin(Instant::now());
        // The first frame is there before anybody has answered anything.
        self.draw()?;
        loop {
            let now = Instant::now();
            let tick = if self.state.is_moving() { MOVING } else { STILL };
            let due = pace.due(self.change, tick);
            if now >= due {
                update::tick(&mut self.state, Timestamp::now());
                self.draw()?;
                pace.drawn(now);
                self.change = Change::Nothing;
                continue;
            }
            match self.wires.inbox.recv_timeout(due - now) {
                Ok(message) => {
                    if self.take(message, &mut guard)? {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                // It holds a sender itself.
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        drop(input);
        guard.give_back();
        Ok(())
    }

    /// This message and those that wait behind it. `true`: the screen is to be left.
    fn take(&mut self, first: Msg, guard: &mut Guard) -> io::Result<bool> {
        let began = Instant::now();
        let mut next = Some(first);
        while let Some(message) = next {
            if matches!(message, Msg::Wake) {
                self.sample();
            }
            let by_hand = matches!(message, Msg::Key(_) | Msg::Paste(_) | Msg::Mouse(..));
            self.change = self.change.max(if by_hand { Change::Key } else { Change::Something });
            self.state.now = Timestamp::now().max(self.state.now);
            let effects = update::update(&mut self.state, message);
            for effect in effects {
                if self.carry_out(effect, guard)? {
                    return Ok(true);
                }
            }
            next = if began.elapsed() < BUDGET { self.wires.inbox.try_recv().ok() } else { None };
        }
        for effect in update::wanted(&mut self.state) {
            self.carry_out(effect, guard)?;
        }
        Ok(false)
    }

    fn sample(&mut self) {
        let latest = self.wires.samples.take();
        self.state.add_output(latest.output, latest.lost);
        if let Some(doing) = latest.doing {
            self.state.doing = doing;
        }
        if let Some(readings) = latest.readings {
            self.state.readings = readings;
        }
        if latest.company.is_some() {
            self.state.company = latest.company;
        }
        if let Some(seen) = latest.seen {
            self.state.seen = seen;
        }
        if let Some(activity) = latest.activity {
            self.state.activity.latest = activity;
        }
    }

    fn carry_out(&mut self, effect: Effect, guard: &mut Guard) -> io::Result<bool> {
        match effect {
            Effect::Ask(id, command) => {
                if !(self.wires.asks)(Request::Command(id, command)) {
                    let refused = Some("the engine isn't listening now".to_owned());
                    let answer = Msg::Answered { id, refused };
                    update::update(&mut self.state, answer);
                }
            }
            Effect::Detach(why) => drop((self.wires.asks)(Request::Detach(why))),
            Effect::LookBack(look) => {
                if !(self.wires.asks)(Request::LookBack(look)) {
                    // It is asked for again with the next message.
                    self.state.looks_back = None;
                }
            }
            Effect::Look(id, sql) => {
                if !(self.wires.asks)(Request::Look(id, sql.clone())) {
                    let why = "the engine isn't listening now".to_owned();
                    let answer = Arc::new(Answer::failed(sql, why, Vec::new()));
                    update::update(&mut self.state, Msg::Looked { id, answer });
                }
            }
            Effect::StopLook => drop((self.wires.asks)(Request::StopLook)),
            Effect::Copy { what, text } => clipboard::copy(what, text, self.wires.link.clone()),
            Effect::Mouse(taken) => guard.mouse(taken)?,
            Effect::Watch(on) => {
                if !(self.wires.asks)(Request::Watch(on)) {
                    // It is asked for again with the next message.
                    self.state.activity.watched = !on;
                }
            }
            Effect::Load(of) => drop(self.wires.loads.send(of)),
            Effect::Redraw => self.canvas.forget(),
            Effect::Retake => {
                guard.take()?;
                self.canvas.forget();
            }
            Effect::Suspend => {
                guard.give_back();
                // The whole process stops here, and goes on here.
                if let Err(error) = nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP) {
                    tracing::warn!(%error, "suspend");
                }
                guard.take()?;
                self.canvas.forget();
            }
            Effect::Close => return Ok(true),
        }
        Ok(false)
    }

    fn draw(&mut self) -> io::Result<()> {
        let Self { state, canvas, .. } = self;
        let mut seen = view::Seen::default();
        canvas.frame(|area, buf| seen = view::draw(state, area, buf))?;
        state.saw(seen);
        Ok(())
    }
}
