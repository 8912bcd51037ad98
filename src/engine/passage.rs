//! A file on its way through the work session, and the stream that its statements go by.

use std::collections::VecDeque;

use super::conductor::Conductor;
use super::follow::Next;
use super::outlet::Outlet;
use super::sources::{AnyScript, Source};
use super::stream::Stream;
use super::unit::Work;
use crate::pg::Session;
use crate::plan::model::Step;
use crate::run::event::Unit;

/// A file on its way through the work session.
pub(super) struct Passage<'a> {
    pub step: &'a Step,
    pub source: &'a Source,
    pub work: Work,
    pub script: AnyScript,
    /// Statements that were applied before a stop and are skipped now.
    pub skipped: u64,
    /// COPYs of the statement that failed whose data nobody took.
    pub unread: usize,
    /// What comes before the script's next item.
    pub next: VecDeque<Next>,
    /// `\o`: where results go.
    pub outlet: Option<Outlet>,
    /// The unit that ran last.
    pub last: Option<Unit>,
    /// The line in which the transaction begins that the file has open.
    pub block: Option<u64>,
}

impl Conductor {
    /// A script's way through a session: what it says is said for `of`.
    pub(super) fn stream<'a>(&'a mut self, work: &'a mut Session, step: &Step, of: &str) -> Stream<'a> {
        let (says, of) = (self.says.clone(), of.to_owned());
        let say = Box::new(move |line: &str| says.say(&of, line));
        let (disclosure, patience) = (self.disclosure, step.lock_timeout);
        Stream::new(work, &mut self.attention, &mut self.look, disclosure, patience, say)
    }
}
