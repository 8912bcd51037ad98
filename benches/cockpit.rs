//! How fast the cockpit is with a plan of 2,000 steps and a journal of 100,000 events.
//!
//! `cargo bench --bench cockpit` prints, beside what is wanted: how long it takes to open, how long a frame
//! takes at 200 × 60, how soon a key is answered while 50,000 lines of output a second come in, how much
//! memory that takes, and what it costs to do nothing. The last three are measured on the real screen in a
//! terminal of its own. Nothing fails: the machine decides.

#[allow(unused_imports, clippy::unwrap_used, reason = "shared with tests")]
#[path = "../tests/plain_support/mod.rs"]
mod events;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use holdpoint::cockpit::link::link;
use holdpoint::cockpit::message::Msg;
use holdpoint::cockpit::state::{Setting, State, Tab};
use holdpoint::cockpit::term::screen::{THREAD, Wires, show};
use holdpoint::cockpit::theme::Theme;
use holdpoint::cockpit::update::{catch_up, update, wanted};
use holdpoint::cockpit::view;
use holdpoint::engine::outline::outline;
use holdpoint::plan::model::Plan;
use holdpoint::plan::{LoadOptions, load};
use holdpoint::run::event::{Decision, Direction, Envelope, Event, HoldReason, Mode};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

const PHASES: usize = 20;
const STEPS: usize = 100;
const EVENTS: usize = 100_000;
const LINES_A_SECOND: u32 = 50_000;
const SIZE: (u16, u16) = (200, 60);

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mode = std::env::args().nth(1).unwrap_or_default();
    match mode.as_str() {
        "screen-flooded" => screen(true),
        "screen-idle" => screen(false),
        _ => measure(),
    }
}

fn plan() -> Result<Plan, Failure> {
    let mut text = String::from(
        "[plan]\nid = \"bench\"\ntitle = \"Two thousand steps\"\nenvironment = \"dev\"\nstepping = \"manual\"\n",
    );
    for phase in 0..PHASES {
        write!(text, "\n[[phase]]\nid = \"phase{phase}\"\ntitle = \"Phase {phase}\"\n")?;
        for step in 0..STEPS {
            write!(
                text,
                "\n[[phase.step]]\nid = \"s{phase}-{step}\"\ntitle = \"Step {phase}.{step}\"\nsql = \"CREATE TABLE t{phase}_{step} (n \
                 int)\"\nrollback = {{ sql = \"DROP TABLE t{phase}_{step}\" }}\n[[phase.step.checkpoint]]\ntitle = \"it is \
                 there\"\nsql = \"SELECT 1\"\nexpect = 1\n"
            )?;
        }
    }
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("plan.toml");
    std::fs::write(&path, text)?;
    Ok(load(&path, LoadOptions::default()).map_err(|error| error.to_string())?.plan)
}

/// All steps but the last are done, and there are many notes.
fn journal(plan: &Plan) -> Vec<Envelope> {
    let mut opened = events::opened(Mode::Run);
    opened.outline = outline(plan);
    opened.authorization = None;
    let mut all = vec![Event::RunOpened(Box::new(opened)), Event::LockTaken { pid: 4700, waited_ms: 2 }];
    all.extend(events::fence(1));
    let steps: Vec<_> = plan.phases.iter().flat_map(|phase| &phase.steps).collect();
    let notes = (EVENTS - steps.len() * 8) / steps.len();
    let waits = |id: &str, into: &mut Vec<Event>| {
        into.push(events::held(HoldReason::Stepping, id, "go", None));
    };
    for (at, step) in steps.iter().enumerate() {
        let id = step.id.as_str();
        waits(id, &mut all);
        if at + 1 == steps.len() {
            break;
        }
        let go = Decision::Go;
        all.push(Event::Decided {
            what: go,
            step: None,
            by: events::ada(),
            reason: None,
            procedure: None,
            only: vec![],
        });
        all.push(events::started(id, Direction::Forward, 1));
        all.push(events::begins(id, Direction::Forward, 1));
        all.push(Event::CommitIntent { unit: events::unit(id, Direction::Forward), xid: None });
        all.push(events::committed(id, Direction::Forward, 1, 10, &[]));
        all.push(events::applied(id, Direction::Forward, 10));
        let checkpoint = &step.checkpoints[0];
        all.push(events::checkpoint(id, &checkpoint.id, &checkpoint.title, 3, events::pass("1", "1")));
        all.push(Event::StepVerified { step: id.into(), elapsed_ms: 20, checkpoints: 1 });
        for note in 0..notes {
            let text = format!("note {note} on this step, which is as long as notes are");
            all.push(Event::Note { step: Some(id.into()), text, by: events::ada() });
        }
    }
    all.into_iter().enumerate().map(|(at, event)| events::envelope(at as u64 + 1, event)).collect()
}

fn opened(plan: Arc<Plan>, past: &[Envelope]) -> State {
    let setting = Setting {
        plan,
        mode: Mode::Run,
        operator: events::operator(7),
        target: "postgres@localhost/postgres".into(),
        theme: Theme::Dark,
        ascii: false,
        named: holdpoint::plain::Named::default(),
        mouse: false,
    };
    let mut state = State::new(setting, past[past.len() - 1].at);
    state.past(past);
    catch_up(&mut state);
    state.present = true;
    state
}

fn measure() -> Result<(), Failure> {
    let plan = Arc::new(plan()?);
    let past = journal(&plan);
    println!("{} steps, {} events, {} × {}", PHASES * STEPS, past.len(), SIZE.0, SIZE.1);
    let mut took = Vec::new();
    for _ in 0..3 {
        let began = Instant::now();
        let mut state = opened(Arc::clone(&plan), &past);
        frame(&mut state, &mut Buffer::empty(Rect::default()));
        took.push(began.elapsed());
    }
    took.sort();
    told("opening, from events to the first frame (median of 3)", took[1], Duration::from_millis(200));
    let mut state = opened(Arc::clone(&plan), &past);
    if let Some(refused) = state.log.all().iter().rev().take(50).find(|line| line.text().contains("can't be"))
    {
        println!("  the fold refused something: {}", refused.text());
    }
    drop(wanted(&mut state));
    let mut buffer = Buffer::empty(Rect::default());
    for tab in Tab::ALL {
        state.tab = tab;
        let mut frames: Vec<Duration> = (0..200).map(|_| frame(&mut state, &mut buffer)).collect();
        frames.sort();
        told(&format!("a frame, tab {} (median)", tab.title()), frames[100], Duration::from_millis(4));
    }
    state.tab = Tab::Step;
    let mut events: Vec<Duration> = Vec::new();
    for n in 0..200 {
        let text = format!("note {n}");
        let note = Event::Note { step: None, text, by: events::ada() };
        let envelope = Arc::new(events::envelope(state.run().seq + 1, note));
        let began = Instant::now();
        update(&mut state, Msg::Event(envelope));
        drop(wanted(&mut state));
        events.push(began.elapsed());
    }
    events.sort();
    told("taking in an event (median)", events[100], Duration::from_millis(1));
    flooded()?;
    idle()
}

fn frame(state: &mut State, buffer: &mut Buffer) -> Duration {
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    buffer.resize(area);
    buffer.reset();
    let began = Instant::now();
    let seen = view::draw(state, area, buffer);
    state.extent = seen.detail;
    began.elapsed()
}

fn told(what: &str, took: Duration, wanted: Duration) {
    let met = if took <= wanted { "" } else { "   MISSED" };
    println!("{what:<56} {:>9.2} ms   wanted < {} ms{met}", took.as_secs_f64() * 1e3, wanted.as_millis());
}

/// The real screen, until its terminal goes away.
fn screen(flood: bool) -> Result<(), Failure> {
    let plan = Arc::new(plan()?);
    let state = opened(Arc::clone(&plan), &journal(&plan));
    let (link, inbox, samples) = link();
    let (loads, _read) = std::sync::mpsc::channel();
    let wires = Wires { link: link.clone(), inbox, samples, asks: Box::new(|_| true), loads };
    let screen = std::thread::Builder::new().name(THREAD.into()).spawn(move || show(state, wires))?;
    if flood {
        std::thread::spawn(move || {
            let began = Instant::now();
            let mut sent = 0_u32;
            loop {
                let due = (began.elapsed().as_secs_f64() * f64::from(LINES_A_SECOND)) as u32;
                while sent < due {
                    link.output("s19-99", 0, &format!("NOTICE: line {sent} of what the server has to say"));
                    sent += 1;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    }
    drop(screen.join());
    Ok(())
}

/// The screen in a terminal of its own.
struct Child {
    shown: Arc<Mutex<vt100::Parser>>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    _master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Child {
    fn start(mode: &str) -> Result<Self, Failure> {
        let pair = native_pty_system().openpty(PtySize {
            rows: SIZE.1,
            cols: SIZE.0,
            pixel_width: 0,
            pixel_height: 0,
        })?;
        let mut command = CommandBuilder::new(std::env::current_exe()?);
        command.arg(mode);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command)?;
        let (mut reader, writer) = (pair.master.try_clone_reader()?, pair.master.take_writer()?);
        let shown = Arc::new(Mutex::new(vt100::Parser::new(SIZE.1, SIZE.0, 0)));
        let sees = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut bytes = [0_u8; 65_536];
            while let Ok(read @ 1..) = reader.read(&mut bytes) {
                if let Ok(mut shown) = sees.lock() {
                    shown.process(&bytes[..read]);
                }
            }
        });
        let child = Self { shown, writer, child, _master: pair.master };
        child.until("Two thousand steps")?;
        Ok(child)
    }

    fn until(&self, words: &str) -> Result<Duration, Failure> {
        let began = Instant::now();
        loop {
            let there = self.shown.lock().is_ok_and(|shown| shown.screen().contents().contains(words));
            if there {
                return Ok(began.elapsed());
            }
            if began.elapsed() > Duration::from_secs(20) {
                return Err(format!("the screen doesn't show {words:?}").into());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }

    /// Pages of memory in use, and clock ticks of work, as the kernel has them.
    fn usage(&self) -> Result<(u64, u64), Failure> {
        let pid = self.child.process_id().ok_or("no pid")?;
        let statm = std::fs::read_to_string(format!("/proc/{pid}/statm"))?;
        let pages = statm.split(' ').nth(1).ok_or("statm")?.parse()?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(") ").next().ok_or("stat")?.split(' ').collect();
        Ok((pages, fields[11].parse::<u64>()? + fields[12].parse::<u64>()?))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn flooded() -> Result<(), Failure> {
    let mut child = Child::start("screen-flooded")?;
    std::thread::sleep(Duration::from_secs(2));
    let before = child.usage()?.0;
    let mut answers = Vec::new();
    for _ in 0..100 {
        for words in ["keys only look now", "keys drive again"] {
            child.writer.write_all(b"L")?;
            child.writer.flush()?;
            answers.push(child.until(words)?);
            std::thread::sleep(Duration::from_millis(37));
        }
    }
    answers.sort();
    let p99 = answers[answers.len() * 99 / 100];
    told(
        "a key under 50,000 lines/s, to the screen (median)",
        answers[answers.len() / 2],
        Duration::from_millis(50),
    );
    told("a key under 50,000 lines/s, to the screen (99 %)", p99, Duration::from_millis(50));
    let after = child.usage()?.0;
    let mib = |pages: u64| pages * 4 / 1024;
    println!("{:<56} {:>6} → {} MiB", "memory, before and after the flood", mib(before), mib(after));
    Ok(())
}

fn idle() -> Result<(), Failure> {
    const SECONDS: u64 = 10;
    let child = Child::start("screen-idle")?;
    std::thread::sleep(Duration::from_secs(2));
    let before = child.usage()?.1;
    std::thread::sleep(Duration::from_secs(SECONDS));
    let ticks = child.usage()?.1 - before;
    // 100 ticks a second: as many in SECONDS as tenths of a percent times SECONDS.
    let percent = ticks as f64 / SECONDS as f64;
    let met = if percent < 1.0 { "" } else { "   MISSED" };
    println!("{:<56} {percent:>9.2} %    wanted < 1 % of a core{met}", "idle");
    Ok(())
}
