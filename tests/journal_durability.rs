//! What is appended is there after a crash, and what isn't whole is told from damage.

mod run_support;

use std::path::Path;

use holdpoint::journal::{GENESIS, Journal, JournalError, RunFolder, StateDir, digest, read_run};
use holdpoint::run::event::{Envelope, Event};
use run_support::*;

fn new_run(state: &Path) -> RunFolder {
    let state = StateDir::find(Some(state), Path::new("plan.toml")).unwrap();
    state.create_run(id()).unwrap()
}

/// A journal with these events, closed again.
fn written(state: &Path, events: Vec<Event>) -> (RunFolder, Vec<Envelope>) {
    let folder = new_run(state);
    let mut journal = Journal::create(&folder, id()).unwrap();
    let envelopes = events.into_iter().map(|event| journal.append(event).unwrap()).collect();
    (folder, envelopes)
}

#[test]
fn what_was_appended_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, envelopes) = written(dir.path(), whole_run());
    let (run, tail) = read_run(&folder.journal()).unwrap();
    assert_eq!(tail.lines, envelopes.len() as u64);
    assert_eq!(tail.torn, None);
    assert_eq!(run, holdpoint::run::state::Run::fold(&envelopes).unwrap());
    assert!(run.is_ended());

    let text = std::fs::read_to_string(folder.journal()).unwrap();
    let mut prev = GENESIS.to_owned();
    for (line, envelope) in text.lines().zip(&envelopes) {
        assert_eq!(envelope.prev, prev);
        assert_eq!(&serde_json::from_str::<Envelope>(line).unwrap(), envelope);
        prev = digest(line.as_bytes());
    }
}

#[test]
fn an_illegal_event_is_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let folder = new_run(dir.path());
    let mut journal = Journal::create(&folder, id()).unwrap();
    journal.append(open()).unwrap();
    let before = std::fs::read(folder.journal()).unwrap();
    let run = journal.run().clone();
    let error = journal.append(started("a", Forward, 0, 1)).unwrap_err();
    assert!(matches!(error, JournalError::Illegal(_)), "{error}");
    assert_eq!(std::fs::read(folder.journal()).unwrap(), before);
    assert_eq!(*journal.run(), run);
    journal.append(lock()).unwrap();
}
