//! What is appended is there after a crash, and what isn't whole is told from damage.

use std::path::Path;

use crate::run_support::*;
use holdpoint::journal::{
    COPY_LIMIT, FileToCopy, GENESIS, Journal, JournalError, RunEntry, RunFolder, StateDir, digest, encode,
    read_run,
};
use holdpoint::run::event::{Envelope, Event, HoldReason};
use holdpoint::run::state::Run;
use uuid::Uuid;

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
    assert_eq!(run, Run::fold(&envelopes).unwrap());
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

fn state(dir: &Path) -> StateDir {
    StateDir::find(Some(dir), Path::new("plan.toml")).unwrap()
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_torn_tail_is_cut_at_every_byte_of_the_last_line() {
    let dir = tempfile::tempdir().unwrap();
    let mut events = whole_run();
    events.truncate(7);
    let (folder, envelopes) = written(dir.path(), events);
    let whole = std::fs::read(folder.journal()).unwrap();
    let start = whole[..whole.len() - 1].iter().rposition(|&b| b == b'\n').unwrap() + 1;
    let before = Run::fold(&envelopes[..6]).unwrap();
    for cut in start + 1..whole.len() {
        std::fs::write(folder.journal(), &whole[..cut]).unwrap();
        let (mut journal, run, recovery) = Journal::open(&folder).unwrap();
        assert_eq!(run, before, "cut at byte {cut}");
        let torn = recovery.torn.unwrap();
        assert_eq!(torn.bytes, (cut - start) as u64);
        assert_eq!(std::fs::read(&torn.moved_to).unwrap(), &whole[start..cut]);
        assert_eq!(mode(&torn.moved_to), 0o600);
        assert_eq!(std::fs::read(folder.journal()).unwrap(), &whole[..start]);
        // And it goes on from there.
        journal.append(resumed()).unwrap();
        drop(journal);
        assert_eq!(read_run(&folder.journal()).unwrap().1.lines, 7);
        std::fs::remove_file(torn.moved_to).unwrap();
    }
    // A line of garbage with its newline is torn too, as long as nothing follows; NULs without one.
    for tail in [b"{\"v\":1,\"se\n".as_slice(), b"\0\0\0\0\0\0", b"\n", b"\xff\xfe\n"] {
        std::fs::write(folder.journal(), [&whole[..start], tail].concat()).unwrap();
        let (_, run, recovery) = Journal::open(&folder).unwrap();
        assert_eq!(run, before);
        assert_eq!(recovery.torn.unwrap().bytes, tail.len() as u64);
    }
}

#[test]
fn a_torn_first_line_is_a_run_that_never_began() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, _) = written(dir.path(), vec![open()]);
    let whole = std::fs::read(folder.journal()).unwrap();
    for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
        std::fs::write(folder.journal(), &whole[..cut]).unwrap();
        let error = Journal::open(&folder).unwrap_err();
        assert!(matches!(error, JournalError::NeverBegan { .. }), "{error}");
    }
}

#[test]
fn damage_before_the_last_line_is_an_error_with_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, _) = written(dir.path(), whole_run());
    let whole = std::fs::read(folder.journal()).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|&b| b == b'\n').collect();
    let damaged = |text: Vec<u8>, expected: u64, what: &str| {
        std::fs::write(folder.journal(), &text).unwrap();
        match Journal::open(&folder) {
            Err(JournalError::Damaged { line, .. }) => assert_eq!(line, expected, "{what}"),
            Err(error) => panic!("{what} {expected}: {error}"),
            Ok(_) => panic!("{what} {expected}: looks good"),
        }
        assert_eq!(std::fs::read(folder.journal()).unwrap(), text, "{what}: a damaged journal isn't touched");
    };
    for n in 0..lines.len() - 1 {
        let line = n as u64 + 1;
        let with = |i: usize, new: &[u8]| {
            let mut lines: Vec<Vec<u8>> = lines.iter().map(|l| l.to_vec()).collect();
            lines[i] = new.to_vec();
            lines.concat()
        };
        damaged(with(n, b"{}\n"), line, "an empty object for line");
        damaged(with(n, &lines[n][..lines[n].len() / 2]), line, "half of line");
        damaged(with(n, b""), line, "without line");
        damaged(with(n, &[lines[n], lines[n]].concat()), line + 1, "twice line");
        // A changed value: the line itself is good JSON, and the next one doesn't follow any more.
        let text = String::from_utf8(lines[n].to_vec()).unwrap();
        let changed = text.replacen("\"at\":\"2", "\"at\":\"3", 1);
        assert_ne!(changed, text);
        damaged(with(n, changed.as_bytes()), line + 1, "changed line");
        // Its own link.
        let at = text.rfind("\"prev\":\"").unwrap() + 8;
        let mut link = lines[n].to_vec();
        link[at] = if link[at] == b'f' { b'0' } else { b'f' };
        damaged(with(n, &link), line, "wrong link in line");
    }
    // The last line: a crash doesn't make JSON that doesn't follow.
    let last = lines.len() - 1;
    damaged([&lines[..last].concat()[..], b"{}\n"].concat(), last as u64 + 1, "an object at the end");
    damaged([&whole[..], lines[last]].concat(), last as u64 + 2, "the last line twice");
}

#[test]
fn events_and_fields_of_a_newer_program_are_passed_over_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, _) = written(dir.path(), vec![open(), lock()]);
    let mut text = std::fs::read_to_string(folder.journal()).unwrap();
    let prev = digest(text.lines().last().unwrap().as_bytes());
    let newer = format!(
        r#"{{"v":2,"seq":3,"at":"2026-01-01T00:00:00Z","run":"{}","event":"moon_phase","phase":{{"x":[1,2]}},"prev":"{prev}"}}"#,
        id()
    );
    text.push_str(&newer);
    text.push('\n');
    let note = format!(
        r#"{{"v":2,"seq":4,"at":"2026-01-01T00:00:00Z","run":"{}","event":"note","step":null,"text":"t","mood":1,"by":{{"name":"A","how":"typed","badge":9}},"prev":"{}"}}"#,
        id(),
        digest(newer.as_bytes())
    );
    text.push_str(&note);
    text.push('\n');
    std::fs::write(folder.journal(), &text).unwrap();
    let (mut journal, run, recovery) = Journal::open(&folder).unwrap();
    assert_eq!((run.seq, run.notes.len(), recovery.torn), (4, 1, None));
    let next = journal.append(resumed()).unwrap();
    assert_eq!(next.prev, digest(note.as_bytes()));
    assert!(std::fs::read_to_string(folder.journal()).unwrap().starts_with(&text));
    assert!(matches!(journal.append(Event::Unknown), Err(JournalError::Unfit { .. })));
}

#[test]
fn a_run_that_cannot_be_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let folder = new_run(dir.path());
    let mut prev = GENESIS.to_owned();
    let mut text = Vec::new();
    for (seq, event) in [open(), undone("a", 0)].into_iter().enumerate() {
        let mut envelope = envelope(seq as u64 + 1, event);
        envelope.prev = prev;
        let line = encode(&envelope).unwrap();
        prev = digest(&line[..line.len() - 1]);
        text.extend(line);
    }
    std::fs::write(folder.journal(), text).unwrap();
    let error = Journal::open(&folder).unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("step_undone"), "{error}");
}

#[test]
fn one_process_has_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let folder = new_run(dir.path());
    let mut journal = Journal::create(&folder, id()).unwrap();
    journal.append(open()).unwrap();
    let error = Journal::open(&folder).unwrap_err();
    assert!(
        matches!(error, JournalError::Busy { pid: Some(pid), .. } if pid == std::process::id()),
        "{error}"
    );
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    assert_eq!(state(dir.path()).runs().unwrap()[0].taken, Some(Some(std::process::id())));
    drop(journal);
    assert_eq!(state(dir.path()).runs().unwrap()[0].taken, None);
    Journal::open(&folder).unwrap();
}

#[test]
fn folders_and_files_are_for_us_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, _) = written(&dir.path().join("deep/state"), whole_run());
    folder.key().unwrap();
    assert_eq!(mode(folder.path()), 0o700);
    assert_eq!(mode(folder.path().parent().unwrap()), 0o700);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert!(Journal::create(&folder, id()).is_err(), "a journal is never overwritten");
}

#[test]
fn runs_are_listed_newest_first_by_their_ends() {
    let dir = tempfile::tempdir().unwrap();
    let state = state(dir.path());
    assert_eq!(state.runs().unwrap(), []);
    let make = |n: u128, events: Vec<Event>| {
        let id = Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0000 + n);
        let folder = state.create_run(id).unwrap();
        let mut journal = Journal::create(&folder, id).unwrap();
        for event in events {
            journal.append(event).unwrap();
        }
        folder
    };
    make(1, whole_run());
    make(2, vec![open(), lock(), held(HoldReason::Person, None), left()]);
    make(3, vec![open(), lock(), held(HoldReason::Person, None)]);
    make(4, vec![]);
    let torn = make(5, vec![open(), lock()]);
    let text = std::fs::read(torn.journal()).unwrap();
    std::fs::write(torn.journal(), &text[..text.len() - 5]).unwrap();
    let bad = make(6, vec![open(), lock()]);
    std::fs::write(bad.journal(), b"{}\n{}\n").unwrap();
    std::fs::create_dir(dir.path().join("not-a-run")).unwrap();

    let runs = state.runs().unwrap();
    let standing: Vec<String> = runs.iter().map(|run| format!("{:?}", run.standing)).collect();
    assert!(standing[0].starts_with("Damaged"), "{standing:?}");
    assert_eq!(standing[1], "Open");
    assert_eq!(standing[2], "NeverBegan");
    assert!(standing[3].starts_with("Held"), "{standing:?}");
    assert!(standing[4].starts_with("Left { exit_code: 6"), "{standing:?}");
    assert!(standing[5].starts_with("Ended"), "{standing:?}");
    assert_eq!(runs[5].plan_id(), Some("shop"));
    assert_eq!(runs[5].events, whole_run().len() as u64);
    let open: Vec<bool> = runs.iter().map(RunEntry::is_open).collect();
    assert_eq!(open, [true, true, false, true, true, false]);

    assert_eq!(state.find_run(&runs[3].id.to_string().to_uppercase()).unwrap().id(), runs[3].id);
    assert!(matches!(state.find_run("0199"), Err(JournalError::Ambiguous { .. })));
    assert!(matches!(state.find_run("ffff"), Err(JournalError::NoSuchRun { .. })));
    assert!(matches!(state.find_run(""), Err(JournalError::NoSuchRun { .. })));
}

#[test]
fn what_the_run_was_opened_with_is_kept_and_proven() {
    let dir = tempfile::tempdir().unwrap();
    let folder = new_run(&dir.path().join("state"));
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let named = |name: &str, path| FileToCopy { name: Some(name.into()), path };
    let large = file("large.sql", &vec![b'x'; usize::try_from(COPY_LIMIT).unwrap() + 1]);
    let files = [
        FileToCopy { name: None, path: file("shop.toml", b"[plan]") },
        named("sub/a.sql", file("a.sql", b"SELECT 1;")),
        named("large.sql", large.clone()),
    ];
    folder.copy_in(&files).unwrap();
    let copies = folder.verify_copies().unwrap();
    assert_eq!(std::fs::read(folder.path().join("files/sub/a.sql")).unwrap(), b"SELECT 1;");
    assert_eq!(copies[1].path(), folder.path().join("files/sub/a.sql"));
    assert_eq!(
        (copies[2].path(), &copies[2].copy, copies[2].bytes),
        (large.as_path(), &None, COPY_LIMIT + 1)
    );
    assert!(!folder.path().join("files/large.sql").exists());
    assert_eq!(mode(copies[1].path()), 0o600);

    // The original may change, the copy and what is too large for one may not.
    file("a.sql", b"SELECT 2;");
    folder.verify_copies().unwrap();
    file("large.sql", &vec![b'y'; usize::try_from(COPY_LIMIT).unwrap() + 1]);
    assert!(matches!(folder.verify_copies(), Err(JournalError::Changed { path, .. }) if path == large));
    std::fs::write(copies[1].path(), b"SELECT 3;").unwrap();
    assert!(
        matches!(folder.verify_copies(), Err(JournalError::Changed { path, .. }) if path == copies[1].path())
    );
    for bad in ["../a.sql", "/etc/a.sql", "", "x/../../a.sql"] {
        let error = folder.copy_in(&[named(bad, dir.path().join("a.sql"))]).unwrap_err();
        assert!(matches!(error, JournalError::Unfit { .. }), "{bad}: {error}");
    }
}

#[test]
fn the_key_stays_and_is_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let folder = new_run(dir.path());
    let first = folder.key().unwrap().hmac(b"ALTER ROLE x PASSWORD 'y'");
    assert_eq!(first.len(), 64);
    assert_eq!(folder.key().unwrap().hmac(b"ALTER ROLE x PASSWORD 'y'"), first);
    assert_ne!(folder.key().unwrap().hmac(b"ALTER ROLE x PASSWORD 'z'"), first);
    assert_eq!(format!("{:?}", folder.key().unwrap()), "Key(•••)");
    std::fs::write(folder.path().join("key"), b"short").unwrap();
    assert!(matches!(folder.key(), Err(JournalError::Changed { .. })));
}
