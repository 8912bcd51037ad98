//! The record of a rehearsal: whole on disk, private, the newest first, and never believed when changed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod run_support;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use holdpoint::journal::{JournalError, StateDir};
use holdpoint::run::rehearsal::{Finding, Ground, Part, Rehearsal, StepRehearsed, VERSION};
use uuid::Uuid;

fn state(dir: &Path) -> StateDir {
    StateDir::find(Some(dir), Path::new("plan.toml")).unwrap()
}

fn rehearsal(plan: &str) -> Rehearsal {
    let step = StepRehearsed {
        id: "make".into(),
        title: "Makes the table".into(),
        changes: true,
        forward: Part::passed(12),
        back: Part::passed(3),
        middle: Part::failed("leaves public.t", Some(4)),
        again: Part::not_done("the rollback left something"),
        twice: Part::default(),
        checkpoints: [("made".to_owned(), true)].into(),
    };
    Rehearsal {
        v: VERSION,
        id: Uuid::now_v7(),
        plan_id: plan.into(),
        title: "A plan".into(),
        plan_digest: "abc".into(),
        plan_path: "/plans/a.toml".into(),
        at: run_support::at(1),
        elapsed_ms: 900,
        operator: run_support::operator(),
        program: "holdpoint 0.1.0".into(),
        server_version: "15.8".into(),
        ground: Ground::Fixture { file: Some("fixture.sql".into()), source: None },
        environment: None,
        passed: false,
        steps: vec![step],
        procedures: vec![],
        forward_ms: 12,
        rollback_ms: 3,
        within_ms: Some(60_000),
        residue: vec![],
        since: None,
        stays: vec![],
        covers: vec!["schema".into()],
        not_compared: vec!["sequence values".into()],
        findings: vec![Finding {
            fails: true,
            step: Some("make".into()),
            what: "its rollback from the middle leaves public.t".into(),
            hint: None,
        }],
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir.join("rehearsals")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

#[test]
fn the_newest_of_a_plan_is_found_as_it_was_kept() {
    let dir = tempfile::tempdir().unwrap();
    let state = state(dir.path());
    assert_eq!(state.last_rehearsal("a").unwrap(), None);
    let (first, second, other) = (rehearsal("a"), rehearsal("a"), rehearsal("b"));
    for kept in [&first, &second, &other] {
        state.keep_rehearsal(kept).unwrap();
    }
    let found = state.last_rehearsal("a").unwrap().unwrap();
    assert_eq!(found.rehearsal, second);
    assert_eq!(found.rehearsal.undoing_took("make").unwrap().as_millis(), 3);
    assert_eq!(state.last_rehearsal("b").unwrap().unwrap().rehearsal, other);
    assert_eq!(state.last_rehearsal("c").unwrap(), None);
    // A folder of records isn't taken for a run.
    assert!(state.runs().unwrap().is_empty());
}

#[test]
fn only_its_owner_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = state(dir.path()).keep_rehearsal(&rehearsal("a")).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
}

#[test]
fn a_changed_record_is_refused_and_not_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let state = state(dir.path());
    state.keep_rehearsal(&rehearsal("a")).unwrap();
    let newest = state.keep_rehearsal(&rehearsal("a")).unwrap();
    let whole = std::fs::read_to_string(&newest).unwrap();
    let edits = [
        whole.replace("\"passed\": false", "\"passed\": true"),
        whole.replace("\"rollback_ms\": 3", "\"rollback_ms\": 2"),
        whole[..whole.len() / 2].to_owned(),
        String::new(),
    ];
    for edited in edits {
        assert_ne!(edited, whole);
        std::fs::write(&newest, edited).unwrap();
        let error = state.last_rehearsal("a").unwrap_err();
        assert!(matches!(error, JournalError::RehearsalChanged { .. }), "{error}");
        assert!(error.to_string().contains("rehearse again"), "{error}");
    }
    // An old one under a new name isn't a new one.
    std::fs::write(&newest, whole).unwrap();
    let first = files(dir.path()).remove(0);
    std::fs::copy(first, newest.with_file_name(format!("{}.json", Uuid::now_v7()))).unwrap();
    assert!(matches!(state.last_rehearsal("a").unwrap_err(), JournalError::RehearsalChanged { .. }));
}

#[test]
fn what_a_killed_program_left_aside_goes_with_the_next_record() {
    let dir = tempfile::tempdir().unwrap();
    let state = state(dir.path());
    let path = state.keep_rehearsal(&rehearsal("a")).unwrap();
    let aside = path.with_file_name(format!("{}.new", Uuid::now_v7()));
    std::fs::write(&aside, "{").unwrap();
    assert!(state.last_rehearsal("a").unwrap().is_some());
    state.keep_rehearsal(&rehearsal("a")).unwrap();
    assert!(!aside.exists());
    assert_eq!(files(dir.path()).len(), 2);
}
