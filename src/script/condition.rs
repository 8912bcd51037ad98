//! The stack of `\if` blocks of one file.

use super::error::{Fault, Problem};

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
        self.stack.last().is_none_or(|(branch, _)| matches!(branch, Branch::Taken | Branch::ElseTaken))
    }

    pub fn is_empty(&self) -> bool {
        self.stack.is_empty()
    }

    /// Whether `\elif` has to look at its value here.
    pub fn elif_matters(&self) -> bool {
        matches!(self.stack.last(), Some((Branch::Waiting, _)))
    }

    /// `\if`; the value counts only where the block itself is active.
    pub fn begin(&mut self, value: bool, now: Saved) {
        let branch = match (self.active(), value) {
            (false, _) => Branch::Past,
            (true, true) => Branch::Taken,
            (true, false) => Branch::Waiting,
        };
        self.stack.push((branch, now));
    }

    pub fn elif(&mut self, value: bool, now: Saved) -> Result<Text, Fault> {
        let (branch, saved) = self.stack.last_mut().ok_or_else(|| lonely("elif"))?;
        match *branch {
            Branch::Taken => {
                *branch = Branch::Past;
                *saved = now;
                Ok(Text::Keep)
            }
            Branch::Waiting => {
                if value {
                    *branch = Branch::Taken;
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
            Branch::Waiting => {
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
        match self.stack.pop() {
            None => Err(lonely("endif")),
            Some((Branch::Taken | Branch::ElseTaken, _)) => Ok(Text::Keep),
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
