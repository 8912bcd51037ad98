//! Events of a small plan, for tests of the fold and of the journal.
#![allow(dead_code, unused_imports, reason = "each test crate uses its part")]

use holdpoint::plan::expect::Verdict;
use holdpoint::plan::model::{Environment, Kind, OnFailure, Stepping};
use holdpoint::run::event::*;
use holdpoint::run::state::Run;
use uuid::Uuid;

pub fn id() -> Uuid {
    Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001)
}

pub fn at(seq: u64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_700_000_000 + i64::try_from(seq).unwrap()).unwrap()
}

pub fn person() -> Person {
    Person { name: "Ada".into(), how: Assurance::Typed }
}

pub fn problem() -> Problem {
    Problem { message: "division by zero".into(), ..Problem::default() }
}

pub fn operator() -> Operator {
    Operator { os_user: "ada".into(), host: "box".into(), pid: 7 }
}

pub fn target() -> TargetIdentity {
    TargetIdentity {
        host: "localhost".into(),
        port: 5432,
        database: "shop".into(),
        user: "postgres".into(),
        server_version: "15.8".into(),
        system_identifier: Some("7".into()),
        database_oid: 5,
        timeline: Some("1".into()),
    }
}

pub fn source() -> SourceRef {
    SourceRef { file: "a.sql".into(), section: None, line: 0, from: 0, to: 10, digest: "d".into() }
}

pub fn outline(id: &str, action: &str, changes: bool) -> StepOutline {
    StepOutline {
        id: id.into(),
        title: id.to_uppercase(),
        action: action.into(),
        changes,
        people: vec![],
        optional: false,
        on_failure: OnFailure::Hold,
        rollback: changes.then(|| "file back.sql".into()),
        checkpoints: vec![],
        items: vec![],
        roles: vec![],
        any_order: false,
        decision: (String::new(), String::new()),
    }
}

/// Two steps that change, a checklist, a sign-off, and a procedure of one step. `a` has a checkpoint.
pub fn opened() -> Opened {
    let mut a = outline("a", "file", true);
    a.checkpoints = vec![CheckpointOutline { id: "a/rows".into(), title: "rows".into() }];
    let mut list = outline("list", "confirm", false);
    list.items = vec![
        ItemOutline { item: "backup".into(), proven: false, write: false },
        ItemOutline { item: "counts".into(), proven: true, write: false },
        ItemOutline { item: "ticket".into(), proven: false, write: true },
    ];
    let mut sign = outline("sign", "signoff", false);
    sign.roles = vec!["dba".into(), "lead".into()];
    sign.decision = ("approve".into(), "decline".into());
    let phase = |id: &str, steps| PhaseOutline { id: id.into(), title: id.into(), steps };
    Opened {
        program: "holdpoint 0.1.0".into(),
        plan_id: "shop".into(),
        title: "Shop".into(),
        environment: Environment::Dev,
        stepping: Stepping::Auto,
        plan_digest: "p".into(),
        plan_path: "shop.toml".into(),
        authorization: None,
        timezone: "UTC".into(),
        operator: operator(),
        target: target(),
        source: None,
        mode: Mode::Run,
        selection: Selection::default(),
        outline: vec![phase("one", vec![a, outline("b", "file", true)]), phase("two", vec![list, sign])],
        procedures: vec![ProcedureOutline {
            id: "proc".into(),
            title: "Proc".into(),
            undoes: vec!["a".into()],
            steps: vec![outline("p1", "sql", true)],
        }],
        vars: [("n".to_owned(), "1".to_owned())].into(),
    }
}

pub fn open() -> Event {
    Event::RunOpened(Box::new(opened()))
}

pub fn resumed() -> Event {
    Event::RunResumed {
        program: "holdpoint 0.1.0".into(),
        operator: operator(),
        target: target(),
        selection: Selection::default(),
        plan_digest: "p".into(),
        vars: [].into(),
    }
}

pub fn lock() -> Event {
    Event::LockTaken { pid: 1, waited_ms: 0 }
}

pub fn fence(epoch: i64) -> Event {
    Event::FenceTaken { epoch, ended_backends: vec![] }
}

pub use Direction::{Back, Forward};

pub fn started(step: &str, direction: Direction, generation: u32, attempt: u32) -> Event {
    Event::StepStarted { step: step.into(), direction, generation, attempt }
}

pub fn unit(step: &str, name: &str, direction: Direction, generation: u32) -> Unit {
    Unit { step: step.into(), unit: name.into(), direction, generation }
}

pub fn unit_started(unit: Unit, attempt: u32) -> Event {
    Event::UnitStarted { unit, attempt, pid: 11, backend_start: "then".into(), source: source() }
}

pub fn bare(unit: Unit, attempt: u32) -> Event {
    let probe =
        Some(ProbeState { what: "index i exists".into(), holds: false, oid: None, search_path: None });
    let (backend_start, source) = ("then".into(), source());
    Event::BareIntent { unit, attempt, pid: 11, backend_start, source, probe, runner: None }
}

pub fn intent(unit: Unit) -> Event {
    Event::CommitIntent { unit, xid: Some("742".into()) }
}

pub fn unit_applied(unit: Unit) -> Event {
    Event::UnitApplied {
        unit,
        how: AppliedHow::Confirmed,
        statements: 1,
        rows: 2,
        warnings: 0,
        elapsed_ms: 3,
        touched: vec![],
    }
}

pub fn unit_failed(unit: Unit) -> Event {
    Event::UnitFailed { unit, problem: problem() }
}

pub fn unit_unknown(unit: Unit) -> Event {
    Event::UnitUnknown { unit, evidence: vec!["the connection broke".into()] }
}

pub fn reconciled(unit: Unit, applied: bool, by: Option<Person>) -> Event {
    Event::UnitReconciled { unit, applied, evidence: vec!["ledger row".into()], by }
}

pub fn retry(unit: Unit) -> Event {
    Event::LockRetry { unit, attempt: 1, of: 3, pause_ms: 10, place: None, blockers: vec![] }
}

pub fn wrote(unit: Unit) -> Event {
    Event::FileWritten {
        unit,
        file: "out.csv".into(),
        path: "/runs/1/artifacts/out.csv".into(),
        bytes: 4,
        rows: 1,
        digest: "ab".into(),
        place: Place { file: "a.sql".into(), line: 1, column: 1, includes: vec![] },
    }
}

pub fn applied(step: &str, direction: Direction, generation: u32) -> Event {
    Event::StepApplied { step: step.into(), direction, generation, elapsed_ms: 5 }
}

pub fn verified(step: &str) -> Event {
    Event::StepVerified { step: step.into(), elapsed_ms: 6, checkpoints: 1 }
}

pub fn unverified(step: &str) -> Event {
    Event::StepUnverified { step: step.into(), elapsed_ms: 6, failed: vec!["a/rows".into()] }
}

pub fn accepted(step: &str) -> Event {
    Event::StepAccepted { step: step.into(), reason: "known".into(), by: person() }
}

pub fn failed(step: &str, direction: Direction, generation: u32) -> Event {
    Event::StepFailed { step: step.into(), direction, generation, problem: problem(), elapsed_ms: 4 }
}

pub fn undone(step: &str, generation: u32) -> Event {
    Event::StepUndone { step: step.into(), generation, elapsed_ms: 4 }
}

pub fn skipped(step: &str) -> Event {
    Event::StepSkipped { step: step.into(), reason: "not here".into(), by: person(), deviation: true }
}

pub fn assumed(step: &str) -> Event {
    Event::StepAssumed { step: step.into(), reason: "--from".into() }
}

pub fn checkpoint(step: &str, id: &str, direction: Direction, passed: bool) -> Event {
    Event::CheckpointResult(Box::new(CheckpointResult {
        step: step.into(),
        checkpoint: id.into(),
        title: "rows".into(),
        direction,
        when: When::AfterCommit,
        verdict: Verdict {
            passed,
            expected: "1".into(),
            got: if passed { "1" } else { "2" }.into(),
            differences: vec![],
            more: 0,
        },
        elapsed_ms: 1,
        otherwise: None,
    }))
}

pub fn held(reason: HoldReason, step: Option<&str>) -> Event {
    Event::Held { reason, step: step.map(Into::into), needs: "somebody".into(), hint: None }
}

pub fn decided(what: Decision, step: Option<&str>) -> Event {
    Event::Decided {
        what,
        step: step.map(Into::into),
        by: person(),
        reason: Some("so".into()),
        procedure: None,
        only: vec![],
    }
}

pub fn confirmed(step: &str, item: &str) -> Event {
    Event::Confirmed { step: step.into(), item: item.into(), by: person(), note: None, proof: vec![] }
}

pub fn signed(step: &str, role: &str, accepted: bool) -> Event {
    Event::Signed {
        step: step.into(),
        role: role.into(),
        by: person(),
        accepted,
        word: "approve".into(),
        statement: "fine".into(),
        note: None,
    }
}

pub fn rollback(steps: &[&str], procedure: Option<&str>) -> Event {
    Event::RollbackStarted {
        to: None,
        procedure: procedure.map(Into::into),
        steps: steps.iter().map(|&s| s.into()).collect(),
        kept: vec![],
        why: "it went wrong".into(),
        course: Course::default(),
    }
}

pub fn rollback_ended() -> Event {
    Event::RollbackEnded {
        residue: vec![],
        others: vec![],
        stays: vec![],
        unsure: vec![],
        not_put_back: vec![],
        moved: vec![],
        covers: vec!["schema".into()],
        not_compared: vec![],
        elapsed_ms: 9,
    }
}

pub fn reopened() -> Event {
    Event::RunReopened {
        by: person(),
        reason: "wrong after all".into(),
        to: None,
        only: vec![],
        procedure: None,
        since: vec![],
        despite: None,
    }
}

pub fn ended(outcome: Ending) -> Event {
    Event::Ended { outcome, exit_code: 0, summary: Summary::default() }
}

pub fn done() -> Event {
    ended(Ending::Done)
}

pub fn stopped() -> Event {
    ended(Ending::Stopped { why: "enough".into() })
}

pub fn refused() -> Event {
    ended(Ending::Refused { why: "wrong database".into() })
}

pub fn left() -> Event {
    Event::Left { exit_code: 6, why: "waits for a person".into(), fingerprint: None }
}

pub fn note() -> Event {
    Event::Note { step: None, text: "hm".into(), by: person() }
}

pub fn looked() -> Event {
    Event::Looked {
        by: person(),
        sql: "SELECT 1".into(),
        rows: Some(1),
        more: false,
        elapsed_ms: 3,
        error: None,
    }
}

pub fn deviation() -> Event {
    Event::Deviation { step: Some("a".into()), what: "late".into() }
}

/// All events of a step in one transaction, from its start to `verified`.
pub fn whole(step: &str, generation: u32, attempt: u32) -> Vec<Event> {
    let u = unit(step, "", Forward, generation);
    let mut events = vec![
        started(step, Forward, generation, attempt),
        unit_started(u.clone(), 1),
        intent(u.clone()),
        unit_applied(u),
        applied(step, Forward, generation),
    ];
    if step == "a" {
        events.push(checkpoint("a", "a/rows", Forward, true));
    }
    events.push(verified(step));
    events
}

/// A whole run, from its opening to its end.
pub fn whole_run() -> Vec<Event> {
    let mut events = vec![open(), lock(), fence(1)];
    events.extend(whole("a", 0, 1));
    events.extend(whole("b", 0, 1));
    events.extend([
        started("list", Forward, 0, 1),
        held(HoldReason::Person, Some("list")),
        confirmed("list", "backup"),
        confirmed("list", "counts"),
        confirmed("list", "ticket"),
        decided(Decision::Go, Some("list")),
        applied("list", Forward, 0),
        verified("list"),
        started("sign", Forward, 0, 1),
        signed("sign", "dba", true),
        signed("sign", "lead", true),
        applied("sign", Forward, 0),
        verified("sign"),
        done(),
    ]);
    events
}

pub fn envelope(seq: u64, event: Event) -> Envelope {
    Envelope { v: VERSION, seq, at: at(seq), run: id(), event, prev: String::new() }
}

/// Takes the event in as the next one.
pub fn take(run: &mut Run, event: Event) -> Result<(), holdpoint::run::Illegal> {
    let envelope = envelope(run.seq + 1, event);
    run.apply(&envelope)
}

/// The run that these events make; panics when one of them can't follow.
#[track_caller]
pub fn run_of(events: impl IntoIterator<Item = Event>) -> Run {
    let mut run = Run::default();
    for event in events {
        if let Err(illegal) = take(&mut run, event.clone()) {
            panic!("{illegal}\n{event:#?}");
        }
    }
    run
}

pub fn counts_taken(step: &str) -> Event {
    Event::CountsTaken(Box::new(Counts {
        step: step.into(),
        direction: Forward,
        objects: [(Kind::Tables, 3)].into(),
        rows: [("t".to_owned(), RowCount { rows: 7, exact: true })].into(),
        gone: vec!["old".into()],
        missing: vec![],
    }))
}

/// A session of somebody else.
pub fn stranger(pid: i32) -> Backend {
    Backend {
        pid,
        backend_start: "2025-12-09 08:00:00.000000+00".into(),
        user: "app".into(),
        database: "shop".into(),
        application: "the app".into(),
        client: String::new(),
        state: "active".into(),
        since_ms: Some(41_000),
    }
}

pub fn backend_ending(pid: i32) -> Event {
    Event::BackendEnding { backend: stranger(pid), what: BackendEnd::Terminate, by: person() }
}

pub fn backend_ended(pid: i32) -> Event {
    Event::BackendEnded {
        pid,
        backend_start: stranger(pid).backend_start,
        what: BackendEnd::Terminate,
        outcome: BackendOutcome::Done,
        why: None,
        elapsed_ms: 12,
    }
}
