//! What is done with a statement's result: psql's `;`, `\g`, `\gset` and their kin.

use super::shell::Sink;

/// What follows when the server has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// `;`, `\g` and `\gx`: rows are shown to people.
    Show {
        /// `\gx`: a line for each cell.
        expanded: bool,
        /// `\g /dev/null`, `\g FILE`, `\g |COMMAND`
        to: Sink,
    },
    /// `\gset`: the columns of the one row become variables, with this in front of their names.
    Set { prefix: String },
    /// `\gexec`: every cell is a statement and is run, row by row.
    Execute,
    /// `\gdesc`: it isn't run at all; its columns are shown.
    Describe,
    /// The reader's own (`\encoding`): nothing is shown, and psql's variables stay as they are.
    Nothing,
}

impl Then {
    pub const PLAIN: Then = Then::Show { expanded: false, to: Sink::Usual };

    /// What comes behind it can't be read before it is answered.
    pub fn decides(&self) -> bool {
        matches!(self, Then::Set { .. } | Then::Execute | Then::Nothing)
    }
}
