//! `notify`: a message to people, shown and handed to the program that the plan names, now and again.
//!
//! The program gets the message on its standard input, and who it is for in its environment. It never fails
//! the run: one that isn't there, fails or hangs is told, recorded and left behind. Reminders come from tasks
//! beside the run; they end with the phase or procedure of their step.

use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::task::JoinHandle;

use super::command::not_started;
use super::conductor::Conductor;
use super::program::words;
use super::recorder::Recorder;
use super::stop::Stop;
use super::texts::Texts;
use crate::pg::child::{Child, Ended, News, Program};
use crate::pg::handover::inherited;
use crate::plan::model::{Action, Call, Notice, Step};
use crate::run::event::{self, Event, Handed, Mode};

/// The program when the plan names none.
const NOTIFY: &str = "HOLDPOINT_NOTIFY";
/// How long it may take. The run waits for it: what the message is about shall not happen before it.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take to end once it was asked to.
const GRACE: Duration = Duration::from_secs(1);

/// A message that is told again, until this is dropped.
#[derive(Debug)]
pub(super) struct Reminder {
    step: String,
    task: JoinHandle<()>,
}

impl Drop for Reminder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Tells messages, with or without the conductor.
struct Teller {
    texts: Texts,
    recorder: Recorder,
    program: Option<Call>,
    /// Messages are shown and nothing else.
    shows: bool,
    folder: PathBuf,
    plan: String,
    run: String,
}

impl Conductor {
    /// Tells a step's message; `id` is the step that the events name.
    pub(super) async fn tell(&mut self, step: &Step, notice: &Notice, id: &str) -> Result<(), Stop> {
        let told = self.teller().tell(id, notice, 0).await;
        let failed = match &told.handed {
            Handed::Failed { program, why } => Some(format!("{program} didn't take the message: {why}")),
            _ => None,
        };
        self.record(Event::Notified(Box::new(told))).await?;
        if let Some(what) = failed {
            self.record(Event::Deviation { step: Some(id.to_owned()), what }).await?;
        }
        self.remind(step, id);
        Ok(())
    }

    /// Tells the message of a step again and again from now on, when the plan says so.
    pub(super) fn remind(&mut self, step: &Step, id: &str) {
        let Action::Notify(notice) = &step.action else { return };
        let Some(every) = notice.remind.filter(|_| self.mode != Mode::Demo) else { return };
        if self.reminders.iter().any(|reminder| reminder.step == id) {
            return;
        }
        let (teller, notice, of) = (self.teller(), notice.clone(), id.to_owned());
        let known = self.recorder.look(|run| run.notices.iter().filter(|told| told.step == of).count());
        let task = tokio::spawn(async move {
            let mut number = u32::try_from(known).unwrap_or(u32::MAX).max(1);
            loop {
                tokio::time::sleep(every).await;
                let told = teller.tell(&of, &notice, number).await;
                let event = teller.texts.secrets.masked(Event::Notified(Box::new(told)));
                // A journal that takes nothing more ends the run by itself.
                if teller.recorder.record(event).await.is_err() {
                    return;
                }
                number = number.saturating_add(1);
            }
        });
        self.reminders.push(Reminder { step: id.to_owned(), task });
    }

    /// Reminders of messages that were told before this process took the run up.
    pub(super) fn remind_of_settled(&mut self, steps: &[Step]) {
        for step in steps.iter().filter(|step| matches!(step.action, Action::Notify(_))) {
            if self.settled(&step.id)
                && self.recorder.look(|run| run.notices.iter().any(|n| n.step == step.id))
            {
                self.remind(step, &step.id);
            }
        }
    }

    /// Their phase or procedure is over.
    pub(super) fn remind_no_more(&mut self) {
        self.reminders.clear();
    }

    fn teller(&self) -> Teller {
        let from_env = || {
            let path = std::env::var(NOTIFY).ok().filter(|path| !path.is_empty())?;
            Some(Call::Argv(vec![path]))
        };
        Teller {
            texts: self.texts(),
            recorder: self.recorder.clone(),
            program: self.plan.notify.clone().or_else(from_env),
            shows: self.mode == Mode::Demo,
            folder: self.plan.folder(),
            plan: self.plan.id.clone(),
            run: self.run.clone(),
        }
    }
}

impl Teller {
    async fn tell(&self, step: &str, notice: &Notice, reminder: u32) -> event::Notice {
        let text = self.texts.masked(&notice.text);
        let handed = match &self.program {
            _ if self.shows => Handed::LeftOut,
            None => Handed::Shown,
            Some(call) => {
                let shown = self.texts.masked(&call.words());
                match self.hand(call, step, &text, &notice.to, reminder).await {
                    Ok(()) => Handed::Over { program: shown },
                    Err(why) => Handed::Failed { program: shown, why: self.texts.secrets.mask(&why) },
                }
            }
        };
        event::Notice { step: step.to_owned(), to: notice.to.clone(), text, reminder, handed }
    }

    async fn hand(
        &self,
        call: &Call,
        step: &str,
        text: &str,
        to: &[String],
        number: u32,
    ) -> Result<(), String> {
        let (program, args) = match call {
            Call::Shell(text) => (PathBuf::from("/bin/sh"), vec!["-c".into(), text.into()]),
            Call::Argv(all) => {
                let mut missing = Vec::new();
                let mut all = all.iter().map(|word| self.texts.fill_noting(word, &mut missing));
                let program = PathBuf::from(all.next().unwrap_or_default());
                let args = all.map(Into::into).collect();
                if let Some(name) = missing.first() {
                    return Err(format!("`{{{name}}}` has no value here"));
                }
                (program, args)
            }
        };
        let mut environment = inherited();
        for (name, value) in [
            ("HOLDPOINT_TO", to.join("\n")),
            ("HOLDPOINT_PLAN", self.plan.clone()),
            ("HOLDPOINT_RUN", self.run.clone()),
            ("HOLDPOINT_STEP", step.to_owned()),
            ("HOLDPOINT_REMINDER", number.to_string()),
        ] {
            environment.push((name.into(), value.into()));
        }
        let mut child = Child::start(Program {
            program,
            args,
            folder: self.folder.clone(),
            environment,
            input: format!("{text}\n").into_bytes(),
            remove: Vec::new(),
        })
        .map_err(|error| not_started(&error))?;
        let mut last = String::new();
        let heard = tokio::time::timeout(PATIENCE, async {
            loop {
                match child.next().await {
                    News::Said(line) if !line.text.trim().is_empty() => last = line.text,
                    News::Said(_) => {}
                    News::Ended(ended) => return ended,
                }
            }
        });
        let ended = heard.await;
        let said = match last.trim() {
            "" => String::new(),
            last => format!(": {}", last.chars().take(300).collect::<String>()),
        };
        match ended {
            Ok(Ended::Code(0)) => Ok(()),
            Ok(ended) => Err(format!("it {}{said}", words(ended))),
            Err(_) => {
                child.stop(Signal::SIGTERM, GRACE, drop).await;
                Err(format!("it didn't end within {} s, and was ended{said}", PATIENCE.as_secs()))
            }
        }
    }
}
