//! What reaches the cockpit, and what it asks for.

use std::sync::Arc;

use super::console::Answer;
use super::mouse::Mouse;
use super::source::Source;
use crate::run::command::Command;
use crate::run::event::Envelope;
use crate::run::outlook::{LookBack, Outlook};

/// A key, as far as anybody here asks. Alt and the like are left to the terminal and its multiplexer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    Char(char),
    Ctrl(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Backspace,
    Delete,
}

/// One thing that happened.
#[derive(Debug)]
pub enum Msg {
    Key(Key),
    /// Text that was pasted.
    Paste(String),
    /// What the mouse did, and where.
    Mouse(Mouse, u16, u16),
    /// The terminal has another size.
    Resize,
    /// A fact about the run.
    Event(Arc<Envelope>),
    /// What goes on before the run's first event, in words.
    Stage(String),
    /// What became of what was asked for; the reason when it was refused.
    Answered {
        id: u64,
        refused: Option<String>,
    },
    /// What came of a query of the console.
    Looked {
        id: u64,
        answer: Arc<Answer>,
    },
    /// What became of a copy, in words, and whether that is bad.
    Copied(String, bool),
    /// A script was read.
    Source {
        of: SourceOf,
        source: Arc<Source>,
    },
    /// The engine has looked at the way back.
    Outlook(Arc<Outlook>),
    /// Open the question about a rollback as soon as the run waits for it: that is what the program was
    /// started for.
    AskBack {
        to: Option<String>,
        reason: String,
    },
    /// The engine is done with the run, for now or for good.
    Over(Over),
    /// The process was told to end by this signal.
    Signal(String),
    /// There is something new in the samples.
    Wake,
    /// Job control: stop, and go on.
    Suspend,
    Continued,
    /// The terminal is gone.
    Gone,
}

/// How the engine let go of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Over {
    pub exit: u8,
    /// What a person should read.
    pub words: String,
    /// Whether it went as wanted.
    pub good: bool,
}

/// Which script: of a step or its rollback, and by its name where there are several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceOf {
    pub step: String,
    pub back: bool,
    /// Empty: the only one, or the first.
    pub file: String,
}

/// Why the run is let go of while something is under way. It is in the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetGo {
    CtrlC,
    Left,
    NoTerminal,
}

impl LetGo {
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::CtrlC => "Ctrl-C",
            Self::Left => "leaving the cockpit",
            Self::NoTerminal => "the end of the terminal",
        }
    }
}

/// What is to be done outside of the state.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the engine; the answer carries this number.
    Ask(u64, Command),
    /// Let go of the run at the next safe point, now.
    Detach(LetGo),
    /// Ask the console's query; the answer carries this number.
    Look(u64, String),
    /// Cancel it.
    StopLook,
    /// Hand a text to the clipboard. What it is, in words.
    Copy { what: String, text: String },
    /// Take the mouse, or give it back.
    Mouse(bool),
    /// Read the script of a step.
    Load(SourceOf),
    /// Look at this rollback from now on; none: at nothing.
    LookBack(Option<LookBack>),
    /// Look at the server from now on, or not any more.
    Watch(bool),
    /// Stop the process, as Ctrl-Z does.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Take the terminal again: the process was stopped, and somebody else had it.
    Retake,
    /// Leave the screen.
    Close,
}
