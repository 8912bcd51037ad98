//! The printer: takes every event of a run in, and answers with the lines it is worth.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::book::{Book, Group};
use super::log_line::LogLine;
use super::page::{Layout, Page};
use super::style::{Named, Style};
use super::symbols::Mark;
use crate::run::event::{Envelope, Event, Problem, Summary};
use crate::run::state::Run;

/// Turns the events of one run into lines. Feed it every envelope from the first on; those that
/// happened before a resume too, and drop (or print) what they give.
#[derive(Debug)]
pub struct Printer {
    pub(super) layout: Layout,
    asked_zone: Option<TimeZone>,
    zone: TimeZone,
    /// Of the last line, so that a new day is said.
    pub(super) day: Option<Date>,
    pub(super) run: Run,
    pub(super) book: Book,
    /// Whose header stands above.
    pub(super) group: Option<Group>,
    /// What was printed in full last, so that the step's failure needn't repeat the unit's.
    pub(super) shown: Option<(String, Problem)>,
    /// The plan's advice that was printed last.
    pub(super) advised: Option<String>,
    /// The figures of the end; measured by the engine, they aren't in the fold.
    pub(super) figures: Option<Summary>,
    /// Why the fold refused an event; after that it knows no more.
    pub(super) lost: Option<String>,
    stranger_said: bool,
    pub(super) named: Named,
}

impl Printer {
    #[must_use]
    pub fn new(style: Style) -> Self {
        let Style { colour, ascii, width, timezone, named } = style;
        Self {
            layout: Layout { colour, ascii, width },
            zone: timezone.clone().unwrap_or(TimeZone::UTC),
            asked_zone: timezone,
            day: None,
            run: Run::default(),
            book: Book::default(),
            group: None,
            shown: None,
            advised: None,
            figures: None,
            lost: None,
            named,
            stranger_said: false,
        }
    }

    /// From now on lines are laid out so: what was a log goes to a terminal at its end.
    pub fn restyle(&mut self, style: &Style) {
        self.layout = Layout { colour: style.colour, ascii: style.ascii, width: style.width };
    }

    /// The run as far as it was fed.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Takes an event in whose lines nobody will read.
    ///
    /// # Errors
    /// When it doesn't follow from the ones before; after the first of these the fold knows no more.
    pub fn take_in(&mut self, envelope: &Envelope) -> Result<(), String> {
        match &envelope.event {
            Event::RunOpened(opened) => {
                self.book = Book::of(opened);
                if self.asked_zone.is_none() {
                    self.zone = TimeZone::get(&opened.timezone).unwrap_or(TimeZone::UTC);
                }
            }
            Event::Ended { summary, .. } => self.figures = Some(summary.clone()),
            _ => {}
        }
        match &self.lost {
            None => self.run.apply(envelope).map_err(|illegal| {
                let why = illegal.to_string();
                self.lost = Some(why.clone());
                why
            }),
            Some(_) => Ok(()),
        }
    }

    /// Takes the event in. No lines when an operator has no use for it.
    pub fn line(&mut self, envelope: &Envelope) -> Vec<String> {
        self.page(envelope).lines
    }

    /// The same, to be laid out when somebody looks at it.
    pub fn log(&mut self, envelope: &Envelope) -> Vec<LogLine> {
        let Page { lines, columns, .. } = self.page(envelope);
        let mut columns = columns.into_iter().peekable();
        let laid = lines.into_iter().enumerate().map(|(at, text)| {
            let of = columns.next_if(|(line, _)| *line == at).map(|(_, columns)| columns);
            LogLine::new(text, of)
        });
        laid.collect()
    }

    fn page(&mut self, envelope: &Envelope) -> Page {
        let event = &envelope.event;
        let refused = self.take_in(envelope).err();
        let at = envelope.at.to_zoned(self.zone.clone());
        let mut page = Page::new(self.layout, &at.strftime("%H:%M:%S").to_string());
        if let Some(why) = refused {
            page.fact(0, Mark::Warn, &format!("the events don't follow from one another: {why}"));
            page.below(0, "", "what is shown from here on may be incomplete, and the summary is");
        }
        self.event(&mut page, event);
        if page.lines.is_empty() {
            return page;
        }
        let today = at.date();
        if self.day.replace(today) != Some(today) {
            let zone = at.strftime("%Z").to_string();
            let mut day = Page::new(self.layout, "");
            day.day(&format!("{today} {zone}"));
            page.columns.iter_mut().for_each(|(line, _)| *line += day.lines.len());
            page.lines.splice(0..0, day.lines);
        }
        page
    }

    /// What a script said (`\echo`) or the server (notices), below the step it belongs to.
    pub fn say(&mut self, step: &str, text: &str) -> Vec<String> {
        /// A script that talks more than this at once has filled its log; the journal isn't meant for it.
        const MOST: usize = 50;
        let mut page = Page::new(self.layout, "");
        let stranger = self.run.current_step().is_some_and(|current| current.id != step);
        if stranger {
            page.fact(2, Mark::Said, &format!("from {}:", self.book.title(step)));
        }
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        for line in lines.iter().take(MOST) {
            page.said(2, line);
        }
        if lines.len() > MOST {
            page.fact(2, Mark::Said, &format!("… and {} more lines", lines.len() - MOST));
        }
        page.lines
    }

    fn event(&mut self, page: &mut Page, event: &Event) {
        if self.run_event(page, event)
            || self.step_event(page, event)
            || self.unit_event(page, event)
            || self.program_event(page, event)
            || self.people_event(page, event)
            || self.back_event(page, event)
        {
            return;
        }
        match event {
            Event::CheckpointResult(result) => self.checkpoint(page, result),
            Event::Unknown if !self.stranger_said => {
                self.stranger_said = true;
                page.fact(0, Mark::Warn, "an event of a newer holdpoint that this one doesn't know; kept");
            }
            // Saved values, commit intents, and what has been said by another event.
            _ => {}
        }
    }
}
