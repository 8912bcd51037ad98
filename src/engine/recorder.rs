//! The one owner of the truth.
//!
//! A thread of its own (writing waits for the disk) takes facts from the conductor and commands from
//! people. A fact is folded, made durable and handed out before its sender goes on. A command is judged
//! by [`gate`]; accepted, it becomes facts at once and then a wish for the conductor.

use std::sync::{Arc, Mutex, RwLock, Weak};

use tokio::sync::{mpsc, oneshot};

use crate::journal::{Journal, JournalError};
use crate::run::command::{Command, Wish};
use crate::run::event::{Decision, Envelope, Event};
use crate::run::gate::{self, Refused};
use crate::run::state::Run;

enum Message {
    Fact(Box<Event>, oneshot::Sender<Result<Arc<Envelope>, JournalError>>),
    Command(Command, oneshot::Sender<Result<(), Refused>>),
}

/// A handle to the recorder; clones share it.
#[derive(Debug, Clone)]
pub struct Recorder {
    inbox: mpsc::UnboundedSender<Message>,
    shared: Arc<Shared>,
}

/// A handle that doesn't keep the recorder at work: it ends with the last of the others.
#[derive(Debug, Clone)]
pub struct WeakRecorder {
    inbox: mpsc::WeakUnboundedSender<Message>,
    shared: Weak<Shared>,
}

impl WeakRecorder {
    /// `None`: the recorder has ended, and with it the run is let go of.
    #[must_use]
    pub fn upgrade(&self) -> Option<Recorder> {
        Some(Recorder { inbox: self.inbox.upgrade()?, shared: self.shared.upgrade()? })
    }
}

#[derive(Debug)]
struct Shared {
    run: RwLock<Run>,
    /// Hash of the last durable line.
    head: RwLock<String>,
    listeners: Mutex<Vec<Listener>>,
}

/// Somebody who hears every event.
pub type Listener = mpsc::UnboundedSender<Arc<Envelope>>;

/// Wishes that were allowed, for the conductor.
pub type Wishes = mpsc::UnboundedReceiver<Command>;

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Fact(..) => "Fact",
            Self::Command(..) => "Command",
        })
    }
}

impl Recorder {
    /// Starts the thread that owns `journal` and the fold that it holds.
    #[must_use]
    pub fn start(journal: Journal, run: Run, listeners: Vec<Listener>) -> (Self, Wishes) {
        let (inbox, messages) = mpsc::unbounded_channel();
        let (wishes_in, wishes) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            head: RwLock::new(journal.head().to_owned()),
            run: RwLock::new(run),
            listeners: Mutex::new(listeners),
        });
        let owner = Owner { journal, shared: Arc::clone(&shared), wishes: wishes_in };
        std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || owner.serve(messages))
            .map_or_else(|error| tracing::error!(%error, "the recorder's thread didn't start"), drop);
        (Self { inbox, shared }, wishes)
    }

    #[must_use]
    pub fn downgrade(&self) -> WeakRecorder {
        WeakRecorder { inbox: self.inbox.downgrade(), shared: Arc::downgrade(&self.shared) }
    }

    /// Makes a fact durable. When this returns, it is on disk, folded and handed out.
    ///
    /// # Errors
    /// When the journal can't be written, or the state machines don't allow the event.
    pub async fn record(&self, event: Event) -> Result<Arc<Envelope>, JournalError> {
        let (reply, answer) = oneshot::channel();
        if self.inbox.send(Message::Fact(Box::new(event), reply)).is_err() {
            return Err(JournalError::Gone);
        }
        answer.await.unwrap_or(Err(JournalError::Gone))
    }

    /// Asks for something on behalf of a person.
    ///
    /// # Errors
    /// [`Refused`], with the reason.
    pub async fn ask(&self, command: Command) -> Result<(), Refused> {
        let (reply, answer) = oneshot::channel();
        if self.inbox.send(Message::Command(command, reply)).is_err() {
            return Err(Refused("the run is over".into()));
        }
        answer.await.unwrap_or_else(|_| Err(Refused("the run is over".into())))
    }

    /// Every envelope from now on.
    #[must_use]
    pub fn listen(&self) -> mpsc::UnboundedReceiver<Arc<Envelope>> {
        let (sender, receiver) = mpsc::unbounded_channel();
        if let Ok(mut listeners) = self.shared.listeners.lock() {
            listeners.push(sender);
        }
        receiver
    }

    /// Looks at the run as it is now.
    pub fn look<T>(&self, look: impl FnOnce(&Run) -> T) -> T {
        match self.shared.run.read() {
            Ok(run) => look(&run),
            Err(poisoned) => look(&poisoned.into_inner()),
        }
    }

    /// Hash of the last durable line.
    #[must_use]
    pub fn head(&self) -> String {
        self.shared.head.read().map_or_else(|poisoned| poisoned.into_inner().clone(), |head| head.clone())
    }
}

struct Owner {
    journal: Journal,
    shared: Arc<Shared>,
    wishes: mpsc::UnboundedSender<Command>,
}

impl Owner {
    fn serve(mut self, mut messages: mpsc::UnboundedReceiver<Message>) {
        while let Some(message) = messages.blocking_recv() {
            match message {
                Message::Fact(event, reply) => {
                    // Nobody waits any more when the conductor was dropped: the fact stands all the same.
                    let _ = reply.send(self.write(*event));
                }
                Message::Command(command, reply) => {
                    let _ = reply.send(self.judge(command));
                }
            }
        }
    }

    fn write(&mut self, event: Event) -> Result<Arc<Envelope>, JournalError> {
        // The disk is waited for before anybody who looks at the run has to wait for us.
        let envelope = Arc::new(self.journal.append(event)?);
        self.shared.run.write().unwrap_or_else(std::sync::PoisonError::into_inner).apply(&envelope)?;
        if let Ok(mut head) = self.shared.head.write() {
            self.journal.head().clone_into(&mut head);
        }
        if let Ok(mut listeners) = self.shared.listeners.lock() {
            listeners.retain(|listener| listener.send(Arc::clone(&envelope)).is_ok());
        }
        Ok(envelope)
    }

    fn judge(&mut self, command: Command) -> Result<(), Refused> {
        {
            let run = self.shared.run.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            gate::judge(&run, &command)?;
        }
        for event in facts_of(&command) {
            self.write(event).map_err(|error| Refused(error.to_string()))?;
        }
        self.wishes.send(command).map_err(|_| Refused("the run is over".into()))
    }
}

/// What an accepted command says by itself, before the conductor acts on it.
fn facts_of(command: &Command) -> Vec<Event> {
    let by = command.by.clone();
    let decided = |what, step: Option<&String>, reason: Option<&String>| {
        vec![Event::Decided {
            what,
            step: step.cloned(),
            by: by.clone(),
            reason: reason.cloned(),
            procedure: None,
            only: Vec::new(),
        }]
    };
    match &command.what {
        Wish::Go => decided(Decision::Go, None, None),
        Wish::Retry => decided(Decision::Retry, None, None),
        Wish::Skip { step, reason } => decided(Decision::Skip, Some(step), Some(reason)),
        Wish::Override { step, reason } => decided(Decision::Override, Some(step), Some(reason)),
        Wish::RollBack { to, only, procedure, reason } => vec![Event::Decided {
            what: Decision::RollBack,
            step: to.clone(),
            by,
            reason: Some(reason.clone()),
            procedure: procedure.clone(),
            only: only.clone(),
        }],
        Wish::Hold => decided(Decision::Hold, None, None),
        Wish::Cancel => decided(Decision::Cancel, None, None),
        Wish::End { reason } => decided(Decision::End, None, Some(reason)),
        Wish::Rule { step, applied, reason, .. } => {
            let what = if *applied { Decision::RuledApplied } else { Decision::RuledNotApplied };
            decided(what, Some(step), Some(reason))
        }
        Wish::Confirm { step, item, note } => vec![Event::Confirmed {
            step: step.clone(),
            item: item.clone(),
            by,
            note: note.clone(),
            proof: Vec::new(),
        }],
        Wish::EndBackend { backend, what } => {
            vec![Event::BackendEnding { backend: backend.clone(), what: *what, by }]
        }
        // Signed needs the words of the plan; the conductor writes it.
        Wish::Sign { .. } | Wish::Leave { .. } => Vec::new(),
        // Told when it is answered, by the console.
        Wish::Look { .. } => Vec::new(),
        Wish::Note { step, text } => vec![Event::Note { step: step.clone(), text: text.clone(), by }],
    }
}
