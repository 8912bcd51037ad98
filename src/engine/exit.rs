//! Exit codes: the same everywhere, and part of the contract with pipelines.

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything that was asked for is done and verified.
    Done = 0,
    /// Something failed, or a comparison found something.
    Failed = 1,
    /// The command line or the plan is wrong.
    Usage = 2,
    /// Refused before any change.
    Refused = 3,
    /// It failed and everything that was applied is undone.
    RolledBack = 4,
    /// Nobody can say yet whether something was applied.
    Unknown = 5,
    /// A person is needed.
    Waiting = 6,
    /// A server, disk or file can't be reached.
    Unreachable = 7,
    /// A signal came; the run stopped at a safe point.
    Interrupted = 130,
}

impl Exit {
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}
