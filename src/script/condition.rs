//! The stack of `\if` blocks of one file.

use super::error::{Fault, Problem};
use super::split::At;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Branch {
    /// In a branch that is taken, no `\else` yet.
    Taken,
    /// No branch was taken yet.
    Waiting,
    /// A branch was taken before, or the whole block stands in one that isn't.
    Past,
    ElseTaken,
    ElsePast,
    /// The script is only looked at, and only the run knows whether this branch is taken.
    Maybe,
}

/// The value of `\if` and `\elif`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    /// The script is only looked at; every branch may be the one.
    Unknown,
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Truth::Yes } else { Truth::No }
    }
}

/// What psql remembers of the statement at the beginning of a branch, to throw away the text of a branch
/// that isn't taken.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Saved {
    pub query_len: usize,
    pub paren_depth: u32,
}

#[derive(Debug, Default)]
pub(super) struct Conditions {
    stack: Vec<(Branch, Saved)>,
    /// Where each of them begins.
    begun: Vec<At>,
    /// How many blocks from the outside are known: what stands in the others may run or not.
    certain: usize,
}

/// What to do with the statement's text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Text {
    Keep,
    Discard(Saved),
}

impl Conditions {
    /// Whether what stands here is executed.
    pub fn active(&self) -> bool {
        self.stack
            .last()
            .is_none_or(|(branch, _)| matches!(branch, Branch::Taken | Branch::ElseTaken | Branch::Maybe))
    }

    /// Whether only the run knows if what stands here is executed.
    pub fn uncertain(&self) -> bool {
        self.stack.len() > self.certain
    }

    pub fn is_empty(&self) -> bool {
        self.stack.is_empty()
    }

    /// Where the last block begins that is open.
    pub fn begun(&self) -> Option<At> {
        self.begun.get(self.stack.len().checked_sub(1)?).copied()
    }

    /// Whether `\elif` has to look at its value here.
    pub fn elif_matters(&self) -> bool {
        matches!(self.stack.last(), Some((Branch::Waiting | Branch::Maybe, _)))
    }

    /// `\if`; the value counts only where the block itself is active.
    pub fn begin(&mut self, value: Truth, now: Saved, at: At) {
        let branch = match (self.active(), value) {
            (false, _) => Branch::Past,
            (true, Truth::Yes) => Branch::Taken,
            (true, Truth::No) => Branch::Waiting,
            (true, Truth::Unknown) => Branch::Maybe,
        };
        if !self.uncertain() && branch != Branch::Maybe {
            self.certain = self.stack.len() + 1;
        }
        self.begun.truncate(self.stack.len());
        self.begun.push(at);
        self.stack.push((branch, now));
    }

    pub fn elif(&mut self, value: Truth, now: Saved) -> Result<Text, Fault> {
        let inner = self.stack.len().saturating_sub(1);
        let (branch, saved) = self.stack.last_mut().ok_or_else(|| lonely("elif"))?;
        match *branch {
            Branch::Taken => {
                *branch = Branch::Past;
                *saved = now;
                Ok(Text::Keep)
            }
            Branch::Waiting | Branch::Maybe => {
                match value {
                    Truth::Yes => *branch = Branch::Taken,
                    Truth::No => *branch = Branch::Waiting,
                    Truth::Unknown => {
                        *branch = Branch::Maybe;
                        self.certain = self.certain.min(inner);
                    }
                }
                Ok(Text::Discard(*saved))
            }
            Branch::Past => Ok(Text::Discard(*saved)),
            Branch::ElseTaken | Branch::ElsePast => Err(after_else("elif")),
        }
    }

    pub fn otherwise(&mut self, now: Saved) -> Result<Text, Fault> {
        let (branch, saved) = self.stack.last_mut().ok_or_else(|| lonely("else"))?;
        match *branch {
            Branch::Taken => {
                *branch = Branch::ElsePast;
                *saved = now;
                Ok(Text::Keep)
            }
            Branch::Waiting | Branch::Maybe => {
                *branch = Branch::ElseTaken;
                Ok(Text::Discard(*saved))
            }
            Branch::Past => {
                *branch = Branch::ElsePast;
                Ok(Text::Discard(*saved))
            }
            Branch::ElseTaken | Branch::ElsePast => Err(after_else("else")),
        }
    }

    pub fn end(&mut self) -> Result<Text, Fault> {
        let block = self.stack.pop();
        self.certain = self.certain.min(self.stack.len());
        match block {
            None => Err(lonely("endif")),
            Some((Branch::Taken | Branch::ElseTaken | Branch::Maybe, _)) => Ok(Text::Keep),
            Some((_, saved)) => Ok(Text::Discard(saved)),
        }
    }
}

fn lonely(command: &str) -> Fault {
    Fault::new(Problem::Condition, format!("\\{command}: no matching \\if"))
        .why("\\if blocks begin and end in the same file")
}

fn after_else(command: &str) -> Fault {
    Fault::new(Problem::Condition, format!("\\{command}: cannot occur after \\else"))
}
