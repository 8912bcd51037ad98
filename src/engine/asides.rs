//! What a script does beside its statements: it says something, runs a shell command, sends results
//! elsewhere.

use super::heard::Broken;
use super::problems;
use super::shell;
use super::sources::AnyScript;
use super::stream::Stream;
use crate::script::{EchoTo, Item, unmarked};

impl Stream<'_> {
    /// What a script has done that isn't SQL.
    ///
    /// # Errors
    /// A shell command that was interrupted, a file that can't be written.
    pub async fn aside_of(&mut self, item: Item, script: &mut AnyScript) -> Result<(), Broken> {
        match item {
            Item::Shell { command, place } => {
                let ended = self.shell(&command, &problems::place_of(&place)).await?;
                script.shell_ended(shell::code(ended));
            }
            Item::Backticks { command, place } => {
                let (text, ended) = self.captured(&command, &problems::place_of(&place)).await?;
                script.shell_ended(shell::code(ended));
                script.answer(text);
            }
            Item::Output { to, place } => self.output(&to, &problems::place_of(&place)).await?,
            Item::Echo { text, to: EchoTo::Query, .. } if self.put(&unmarked(&text)) => {}
            Item::Echo { text, .. } => (self.say)(&script.coding().shown(&text)),
            other => self.aside(&other),
        }
        Ok(())
    }

    /// What a script says to people.
    pub fn aside(&mut self, item: &Item) {
        match item {
            Item::Echo { text, .. } => (self.say)(text),
            Item::Notice { text, .. } => (self.say)(text),
            _ => {}
        }
    }
}
