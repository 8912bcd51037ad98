//! All that the cockpit shows.
//!
//! The run is the fold of its events and nothing else; plain's printer keeps it, since the log that is
//! shown and the summary that stays behind are its lines. Everything beside the run is a sample, or
//! what the person at the keys has selected, folded or typed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::console::Console;
use super::filter::{self, Place};
use super::log::Log;
use super::message::{Over, SourceOf};
use super::mouse;
use super::notes::Notes;
use super::palette::Palette;
use super::question::{Draft, Question};
use super::source::Source;
use super::theme::Theme;
use super::told::Told;
use super::way_back;
use super::{activity, deltas};
use crate::plain::{LogLine, Named, Printer, Style};
use crate::plan::model::{Action, Plan, Step, Undo};
use crate::run::event::{Direction, Ending, Envelope, HoldReason, Mode, Operator};
use crate::run::outlook::LookBack;
use crate::run::sample::{Doing, Reading, Sighting};
use crate::run::state::{Run, RunState, Status, StepState};

pub use super::place::{Extent, Focus, Spot, Tab};

/// Events of before this process that are in the log.
const PAST_IN_LOG: usize = 5_000;
/// Lines of output that are kept, over all steps.
const OUTPUT_LINES: usize = 2_000;

/// What doesn't change while the cockpit is open.
#[derive(Debug, Clone)]
pub struct Setting {
    pub plan: Arc<Plan>,
    pub mode: Mode,
    pub operator: Operator,
    /// The database, in words, before the server has said anything.
    pub target: String,
    pub theme: Theme,
    pub ascii: bool,
    /// Where the run's folder is, when a command has to name it to find it.
    pub named: Named,
    /// The mouse drives too, from the beginning.
    pub mouse: bool,
}

/// A line that a script, a command or the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub step: String,
    /// The event that it was said after.
    pub after: u64,
    pub line: String,
}

/// A word at the bottom that goes away by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    pub text: String,
    pub bad: bool,
    pub until: Timestamp,
}

/// Who is attached to the terminal session that the cockpit runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Company {
    /// Whose keys count.
    pub drive: usize,
    /// Who only looks.
    pub watch: usize,
}

/// All of it.
#[derive(Debug)]
pub struct State {
    pub setting: Setting,
    pub printer: Printer,
    pub zone: TimeZone,
    pub log: Log,
    pub output: VecDeque<Said>,
    pub told: Told,
    /// The last sample of what is watched now, by the watch's id.
    pub readings: BTreeMap<String, Reading>,
    /// The event with which the present try of each step began: what was said before is another try's.
    pub tries: BTreeMap<String, u64>,
    /// Lines of output that weren't kept.
    pub output_lost: u64,
    /// What goes on before the first event.
    pub stages: Vec<String>,
    pub doing: Option<Doing>,
    pub seen: Option<Sighting>,
    /// The server, while somebody looks at it, and the session that is selected.
    pub activity: activity::Look,
    pub sources: BTreeMap<SourceOf, Option<Arc<Source>>>,
    /// What a rollback would do.
    pub back: way_back::Found,
    /// What the engine was asked to find out about it.
    pub looks_back: Option<LookBack>,
    pub now: Timestamp,
    pub selected: Spot,
    /// The selection goes along with the run.
    pub follow: bool,
    pub folded: BTreeSet<usize>,
    pub tab: Tab,
    /// What was looked at before something that went wrong came into view by itself.
    pub left_tab: Option<Tab>,
    pub focus: Focus,
    /// Columns of the SQL that are passed over at the left.
    pub shift: usize,
    /// First line shown, by tab; `None`: where the run is.
    pub scroll: BTreeMap<Tab, usize>,
    /// The tables of the deltas, in the order in which they are shown.
    pub deltas: deltas::List,
    pub extent: Extent,
    /// Of the question that is open.
    pub question_extent: Extent,
    pub question: Option<Question>,
    /// What was typed into the last one that was closed without an answer.
    pub draft: Option<Draft>,
    pub console: Console,
    pub palette: Option<Palette>,
    pub notes: Notes,
    pub filters: BTreeMap<Place, String>,
    /// The filter that is typed now.
    pub filtering: Option<Place>,
    /// The mouse is taken.
    pub mouse: bool,
    /// What lies where, as the last frame had it.
    pub hits: Vec<mouse::Place>,
    pub toast: Option<Toast>,
    /// Keys only look.
    pub locked: bool,
    /// Go on by itself where the plan waits for a key.
    pub auto: bool,
    /// Let go of the run at the next hold.
    pub leave_when_held: bool,
    /// The statement was cancelled by the second Ctrl-C: until then the next is the third.
    pub interrupted: Option<Timestamp>,
    /// The number of the command that isn't answered yet, and its words.
    pub asked: Option<(u64, &'static str)>,
    pub asks: u64,
    /// Who ticked or signed last, so that the name needn't be typed for every item.
    pub last_name: String,
    pub company: Option<Company>,
    pub signal: Option<String>,
    pub over: Option<Over>,
    /// The rollback that the program was started for, with its reason: asked about once the run waits.
    pub asks_back: Option<(Option<String>, String)>,
    /// The engine has said something in this process; what came before is the past of a run that is
    /// taken up again.
    pub present: bool,
    /// The hold of the past still stands, and is no question any more: the run goes on, or holds anew.
    pub taking_up: bool,
}

impl State {
    #[must_use]
    pub fn new(setting: Setting, now: Timestamp) -> Self {
        let style = Style { named: Named { at_screen: true, ..setting.named.clone() }, ..Style::log() };
        let zone = setting
            .plan
            .timezone
            .as_deref()
            .and_then(|name| TimeZone::get(name).ok())
            .unwrap_or_else(TimeZone::system);
        Self {
            printer: Printer::new(style),
            zone,
            log: Log::default(),
            output: VecDeque::new(),
            told: Told::default(),
            readings: BTreeMap::new(),
            tries: BTreeMap::new(),
            output_lost: 0,
            stages: Vec::new(),
            doing: None,
            seen: None,
            activity: activity::Look::default(),
            sources: BTreeMap::new(),
            back: way_back::Found::default(),
            looks_back: None,
            now,
            selected: Spot { phase: 0, step: Some(0) },
            follow: true,
            folded: BTreeSet::new(),
            tab: Tab::Step,
            left_tab: None,
            focus: Focus::Timeline,
            shift: 0,
            scroll: BTreeMap::new(),
            deltas: deltas::List::default(),
            extent: Extent::default(),
            question_extent: Extent::default(),
            question: None,
            draft: None,
            console: Console::default(),
            palette: None,
            notes: Notes::default(),
            filters: BTreeMap::new(),
            filtering: None,
            mouse: setting.mouse,
            hits: Vec::new(),
            toast: None,
            locked: false,
            auto: false,
            leave_when_held: false,
            interrupted: None,
            asked: None,
            asks: 0,
            last_name: setting.operator.os_user.clone(),
            company: None,
            signal: None,
            over: None,
            asks_back: None,
            present: false,
            taking_up: false,
            setting,
        }
    }

    #[must_use]
    pub fn run(&self) -> &Run {
        self.printer.run()
    }

    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.setting.plan
    }

    /// Whether the run is open in this process.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.present && !self.taking_up && self.run().opened.is_some()
    }

    /// Takes in what happened before this process: nothing of it asks for anything now. The log begins
    /// with the last of it; the journal has the rest.
    pub fn past(&mut self, all: &[Envelope]) {
        let (old, recent) = all.split_at(all.len().saturating_sub(PAST_IN_LOG));
        for envelope in old {
            if let Err(why) = self.printer.take_in(envelope) {
                self.add_log([format!("the events don't follow from one another: {why}").into()]);
            }
        }
        if !old.is_empty() {
            self.add_log([format!("({} earlier events are in the journal)", old.len()).into()]);
        }
        for envelope in recent {
            self.log_event(envelope);
        }
    }

    /// Takes an event in, and what the log says of it.
    pub fn log_event(&mut self, envelope: &Envelope) {
        let lines = self.printer.log(envelope);
        self.told.take(&self.setting.plan, envelope, &lines);
        self.add_log(lines);
    }

    /// The step that is looked at; of a phase, its first.
    #[must_use]
    pub fn looked_at(&self) -> Option<&Step> {
        let first = Spot { step: self.selected.step.or(Some(0)), ..self.selected };
        self.step_at(first)
    }

    /// The step that the run is about: that it waits for, that runs, that comes next.
    #[must_use]
    pub fn active(&self) -> Option<Spot> {
        let run = self.run();
        let held = run.hold().and_then(|hold| hold.step.as_deref());
        // A watch holds the run for no step; one that it was breached in is what it is about.
        let breached = (run.hold_reason() == Some(&HoldReason::Breached))
            .then(|| run.steps.iter().find(|step| step.status == Status::Failed))
            .flatten();
        // One that was stopped is about what stopped it.
        let stopped = matches!(run.state, RunState::Ended(Ending::Stopped { .. }, _));
        let failed = |step: &&StepState| matches!(step.status, Status::Failed | Status::Unverified);
        let ended = run.steps.iter().rfind(|step| stopped && failed(step));
        let id = held
            .or_else(|| ended.map(|step| step.id.as_str()))
            .or_else(|| breached.map(|step| step.id.as_str()))
            .or_else(|| run.current_step().map(|step| step.id.as_str()))
            .or_else(|| run.unanswered_failure().map(|step| step.id.as_str()))
            .or_else(|| run.next_step().map(|step| step.id.as_str()))?;
        self.find(id).map(|(spot, _)| spot)
    }

    /// The script of a step that is to be seen now: of its rollback while it goes back; of several
    /// the one that runs or failed. `None`: it has none.
    #[must_use]
    pub fn script_of(&self, step: &Step) -> Option<SourceOf> {
        let run = self.run().step(&step.id);
        let back = self.direction(&step.id) == Direction::Back;
        let action = match (&step.rollback, back) {
            (Some(Undo::Own(undo)), true) => &undo.action,
            (_, true) => return None,
            (_, false) => &step.action,
        };
        let file = match action {
            Action::File { .. } | Action::Sql { .. } | Action::Check { .. } | Action::Probe { .. } => {
                String::new()
            }
            Action::Files { files, .. } => {
                let runs = self.doing.as_ref().map(|doing| doing.file.to_string_lossy().into_owned());
                let place = run.and_then(|run| run.problem.as_ref()?.place.as_ref());
                let named = runs.or_else(|| place.map(|place| place.file.clone()));
                named.filter(|name| files.iter().any(|file| file.name == *name)).unwrap_or_default()
            }
            _ => return None,
        };
        Some(SourceOf { step: step.id.clone(), back, file })
    }

    /// Which way a step is looked at: one whose undo failed still goes back.
    #[must_use]
    pub fn direction(&self, step: &str) -> Direction {
        let back = |run: &StepState| {
            run.direction() == Direction::Back || run.shown() == Status::UndoFailed && self.run().goes_back()
        };
        if self.run().step(step).is_some_and(back) { Direction::Back } else { Direction::Forward }
    }

    /// Which statement of its script runs, and of how many: as the script has them, whatever transactions it has.
    #[must_use]
    pub fn statement(&self) -> Option<(u64, Option<usize>)> {
        let doing = self.doing.as_ref()?;
        let step = self.run().current_step().and_then(|step| self.find(&step.id));
        let of = step.and_then(|(_, step)| self.script_of(step));
        let source = of.and_then(|of| self.sources.get(&of)).and_then(Option::as_deref);
        let source = source.filter(|source| doing.file.to_string_lossy() == source.name.as_str());
        match source.and_then(|source| Some((source, source.at(doing.line, doing.column)?))) {
            Some((source, at)) => Some((at as u64 + 1, Some(source.statements.len()))),
            None => Some((doing.number, None)),
        }
    }

    #[must_use]
    pub fn status(&self, step: &str) -> Status {
        let Some(step) = self.run().step(step) else { return Status::Pending };
        let status = step.shown();
        // What runs without a transaction may have happened from its beginning on, and is known at its end
        // alone; to whoever looks on it runs all that time.
        let bare = step.units_of(step.direction()).last().is_some_and(|unit| unit.bare);
        if status == Status::Committing && bare { Status::Running } else { status }
    }

    /// A step is on its way, so that the clock matters.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.over.is_none()
            && (!self.is_open()
                || self.run().current_step().is_some_and(|step| step.status.is_moving())
                    && !self.run().is_holding())
    }

    /// More of the log.
    pub fn add_log(&mut self, lines: impl IntoIterator<Item = LogLine>) {
        let words = filter::of(&self.filters, Place::Tab(Tab::Log));
        self.log.add(lines, words);
    }

    /// Output of a step: notices, `\echo`.
    pub fn add_output(&mut self, lines: impl IntoIterator<Item = Said>, lost: u64) {
        self.output.extend(lines);
        let extra = self.output.len().saturating_sub(OUTPUT_LINES);
        self.output.drain(..extra);
        self.output_lost += lost + extra as u64;
    }

    pub fn toast(&mut self, text: impl Into<String>, bad: bool) {
        const STAYS: std::time::Duration = std::time::Duration::from_secs(8);
        self.toast = Some(Toast { text: text.into(), bad, until: self.now + STAYS });
    }
}
