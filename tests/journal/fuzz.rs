//! Reading never panics, whatever the bytes, and never takes in what doesn't follow.

use std::path::Path;

use crate::run_support::*;
use holdpoint::journal::{GENESIS, JournalError, Reader, digest, encode};
use holdpoint::run::event::Envelope;
use holdpoint::run::state::Run;
use proptest::prelude::*;

fn lines() -> (Vec<u8>, Vec<Envelope>) {
    let mut prev = GENESIS.to_owned();
    let mut text = Vec::new();
    let mut envelopes = Vec::new();
    for (seq, event) in whole_run().into_iter().enumerate() {
        let mut envelope = envelope(seq as u64 + 1, event);
        envelope.prev = prev;
        let line = encode(&envelope).unwrap();
        prev = digest(&line[..line.len() - 1]);
        text.extend(line);
        envelopes.push(envelope);
    }
    (text, envelopes)
}

/// The events that are read before the end or the first error.
fn read(bytes: &[u8]) -> (Vec<Envelope>, Result<u64, JournalError>) {
    let mut reader = Reader::new(bytes, Path::new("journal.jsonl"));
    let mut events = Vec::new();
    loop {
        match reader.next_event() {
            Ok(Some(event)) => events.push(event),
            Ok(None) => return (events, Ok(reader.tail().bytes)),
            Err(error) => return (events, Err(error)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let _ = Reader::new(&bytes[..], Path::new("j")).fold();
    }

    #[test]
    fn lines_of_json(values in prop::collection::vec("(\\{[\"a-z0-9:,\\[\\]{}]{0,60}\\}|null|[0-9]{1,30}|\"\")", 0..20)) {
        let text = values.join("\n");
        let _ = Reader::new(text.as_bytes(), Path::new("j")).fold();
    }

    /// Bytes are changed, cut out and put in: what is read before the damage is what was written.
    #[test]
    fn mutated_journals(edits in prop::collection::vec((0u8..4, any::<prop::sample::Index>(), any::<u8>(), 1usize..40), 1..5)) {
        let (text, envelopes) = lines();
        let mut bytes = text.clone();
        for (what, at, byte, length) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match what {
                0 => bytes[at] = byte,
                1 => bytes.truncate(at),
                2 => { bytes.drain(at..(at + length).min(bytes.len())); }
                _ => { bytes.splice(at..at, std::iter::repeat_n(byte, length)); }
            }
        }
        let (events, end) = read(&bytes);
        // A change within the last line can't be seen by the chain, and one that JSON doesn't mind
        // shows in the line after: so all but the last event read are as written.
        let sure = events.len().saturating_sub(1);
        prop_assert_eq!(&events[..sure], &envelopes[..sure]);
        if let Ok(durable) = end {
            prop_assert!(durable <= bytes.len() as u64);
        }
        let _ = Reader::new(&bytes[..], Path::new("j")).fold();
    }

    /// Every event comes back as it was written, whatever is in its texts.
    #[test]
    fn texts_survive(text in "\\PC{0,40}[\u{0}-\u{1f}]{0,5}", name in ".{0,20}") {
        let event = holdpoint::run::event::Event::Note {
            step: Some(text.clone()),
            text,
            by: holdpoint::run::event::Person { name, how: holdpoint::run::event::Assurance::Asserted },
        };
        let written = envelope(1, event);
        let line = encode(&written).unwrap();
        prop_assert_eq!(line.iter().filter(|&&b| b == b'\n').count(), 1);
        prop_assert_eq!(holdpoint::journal::decode(&line[..line.len() - 1]).unwrap(), written);
    }
}

#[test]
fn every_event_comes_back() {
    let u = unit("a", "02.sql", Back, 3);
    let mut events = whole_run();
    events.extend([
        resumed(),
        bare(u.clone(), 1),
        retry(u.clone()),
        unit_failed(u.clone()),
        unit_unknown(u.clone()),
        reconciled(u, true, Some(person())),
        unverified("a"),
        accepted("a"),
        skipped("a"),
        rollback(&["a"], Some("proc")),
        rollback_ended(),
        left(),
        deviation(),
        refused(),
        holdpoint::run::event::Event::BaselineTaken(Box::new(holdpoint::run::event::Baseline {
            counts: [(holdpoint::plan::model::Kind::ForeignKeys, 3)].into(),
            rows: [("public.t".to_owned(), holdpoint::run::event::RowCount { rows: 7, exact: true })].into(),
            fingerprint: "f".into(),
            guards: Default::default(),
        })),
        holdpoint::run::event::Event::Ended {
            outcome: holdpoint::run::event::Ending::RolledBack { clean: false },
            exit_code: 1,
            summary: holdpoint::run::event::Summary {
                deltas: [(holdpoint::plan::model::Kind::Tables, (1, 2))].into(),
                rows: [("t".to_owned(), (-1, i64::MAX))].into(),
                ..Default::default()
            },
        },
    ]);
    for (n, event) in events.into_iter().enumerate() {
        let written = envelope(n as u64 + 1, event);
        let line = encode(&written).unwrap();
        assert_eq!(holdpoint::journal::decode(&line[..line.len() - 1]).unwrap(), written);
        // The name in the line is the name that the program uses.
        let json: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(json["event"], written.event.name());
    }
}

#[test]
fn an_endless_line_is_not_read_into_memory() {
    struct Endless(u64);
    impl std::io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            buffer.fill(b'x');
            self.0 += buffer.len() as u64;
            assert!(self.0 < holdpoint::journal::MAX_LINE * 2, "it reads on and on");
            Ok(buffer.len())
        }
    }
    let source = std::io::BufReader::new(Endless(0));
    let error = Reader::new(source, Path::new("j")).next_event().unwrap_err();
    assert!(matches!(error, JournalError::Damaged { line: 1, .. }), "{error}");
}

#[test]
fn a_plan_of_a_hundred_thousand_steps_folds_in_time() {
    let mut opened = opened();
    opened.outline[0].steps = (0..100_000).map(|n| outline(&format!("s{n}"), "sql", true)).collect();
    let mut run = run_of([holdpoint::run::event::Event::RunOpened(Box::new(opened)), lock(), fence(1)]);
    let begin = std::time::Instant::now();
    for n in 0..100_000 {
        for event in whole(&format!("s{n}"), 0, 1) {
            take(&mut run, event).unwrap();
        }
    }
    // Half a million events; anything quadratic would take minutes.
    assert!(begin.elapsed() < std::time::Duration::from_secs(30), "{:?}", begin.elapsed());
    let events =
        encode(&envelope(1, holdpoint::run::event::Event::RunOpened(Box::new(run.opened.clone().unwrap()))));
    println!("{:?}, first line {} bytes", begin.elapsed(), events.unwrap().len());
    let _ = Run::default();
}
