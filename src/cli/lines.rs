//! A run shown as lines of text, or of JSON: without a screen.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::args::Screenless;
use super::failure::Failure;
use super::out;
use crate::engine::says::Asides;
use crate::journal::encode;
use crate::plain::{Named, Printer, Style};
use crate::run::event::Envelope;

/// A name for standard output.
const STDOUT: &str = "-";

/// Who prints.
#[derive(Debug)]
pub struct Lines {
    printing: JoinHandle<Printer>,
    /// Standard output is for events alone.
    json_only: bool,
}

impl Lines {
    /// Begins to print. `past` is what happened before, when a run is taken up again.
    pub fn start(
        screenless: &Screenless,
        named: Named,
        past: &[Envelope],
        facts: mpsc::UnboundedReceiver<Arc<Envelope>>,
        asides: Asides,
    ) -> Result<Self, Failure> {
        out::run_begins();
        let events = match &screenless.events {
            Some(path) => Some(Events::open(path, past)?),
            None => None,
        };
        let json_only = screenless.events.as_deref() == Some(Path::new(STDOUT));
        let mut printer = Printer::new(Style {
            colour: out::wants_colour() && !json_only,
            ascii: screenless.ascii || out::is_ascii_only(),
            width: out::width(),
            timezone: None,
            named,
        });
        for envelope in past {
            printer.line(envelope);
        }
        let seen = past.last().map_or(0, |envelope| envelope.seq);
        let printing = tokio::spawn(print(Printing { printer, events, json_only, seen }, facts, asides));
        Ok(Self { printing, json_only })
    }

    /// Waits until everything is printed, and prints the summary. What to type next is given back for standard
    /// error, where it doesn't stand yet.
    pub async fn finish(self) -> Option<String> {
        let printer = self.printing.await.ok()?;
        let summary = printer.summary();
        if self.json_only {
            summary.iter().for_each(|line| out::hint(line));
            return None;
        }
        out::lines(&summary);
        printer.next().into_iter().next().map(|(what, command)| format!("{what}: {command}"))
    }

    /// A run that never began has no summary.
    pub async fn abandon(self) {
        let _ = self.printing.await;
    }
}

/// What prints, and how far it is.
struct Printing {
    printer: Printer,
    events: Option<Events>,
    json_only: bool,
    /// The last event that was printed.
    seen: u64,
}

impl Printing {
    fn fact(&mut self, envelope: &Envelope) {
        if let Some(events) = &mut self.events {
            events.write(envelope);
        }
        self.seen = envelope.seq;
        let lines = self.printer.line(envelope);
        self.put(&lines);
    }

    fn put(&self, lines: &[String]) {
        if self.json_only {
            lines.iter().for_each(|line| out::hint(line));
        } else {
            out::lines(lines);
        }
    }
}

async fn print(
    mut printing: Printing,
    mut facts: mpsc::UnboundedReceiver<Arc<Envelope>>,
    mut asides: Asides,
) -> Printer {
    loop {
        tokio::select! {
            biased;
            aside = asides.recv(), if !asides.is_closed() || !asides.is_empty() => {
                let Some(aside) = aside else { continue };
                // What was said stands below what it was said after.
                while printing.seen < aside.after
                    && let Ok(envelope) = facts.try_recv()
                {
                    printing.fact(&envelope);
                }
                let lines = printing.printer.say(&aside.step, &aside.text);
                printing.put(&lines);
            }
            fact = facts.recv() => match fact {
                Some(envelope) => printing.fact(&envelope),
                None => return printing.printer,
            },
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
