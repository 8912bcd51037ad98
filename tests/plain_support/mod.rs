//! A small Kochel: its plan as a run is opened with it, and the events of its steps.
#![allow(dead_code, reason = "each test crate uses its part")]

use holdpoint::plain::{Printer, Style};
use holdpoint::plan::expect::{Difference, Verdict};
use holdpoint::plan::model::{Environment, Kind, OnFailure, Stepping};
use holdpoint::run::event::*;
use uuid::Uuid;

#[allow(unused_imports, reason = "each test crate uses its part")]
pub use Direction::{Back, Forward};

pub fn opened(mode: Mode) -> Opened {
    let mut quiet = step("quiet", "1.3 No active transactions", "check", &["quiet"]);
    quiet.checkpoints[0].title = quiet.title.clone();
    let mut assumptions = step("assumptions", "1.3 Assumptions", "confirm", &[]);
    assumptions.items = vec![item("Backup exists", false), item("Low-activity window", true)];
    let mut sign = step("authorization", "Chairman's authorization", "signoff", &[]);
    sign.roles = vec!["Chairman".into()];
    sign.decision = ("approved".into(), "declined".into());
    let mut stages = step("stages", "Step 1: Lifecycle stage configuration", "file", &["checkpoint-1"]);
    let mut quality = step("quality", "Step 3: Venture artifacts quality score", "file", &["checkpoint-3"]);
    for (step, undo) in [(&mut stages, "file stages_rollback.sql"), (&mut quality, "SQL")] {
        step.changes = true;
        step.rollback = Some(undo.into());
    }
    let phase = |id: &str, title: &str, steps| PhaseOutline { id: id.into(), title: title.into(), steps };
    Opened {
        program: "holdpoint 0.1.0".into(),
        plan_id: "kochel-phase-a".into(),
        title: "Migration Phase A: Kochel Integration".into(),
        environment: Environment::Dev,
        stepping: Stepping::Manual,
        plan_digest: "3f9a1c44d0e2b7".into(),
        plan_path: "plans/kochel-phase-a.toml".into(),
        authorization: Some("authorization".into()),
        timezone: "Europe/Berlin".into(),
        operator: operator(7),
        target: target(),
        source: None,
        mode,
        selection: Selection::default(),
        outline: vec![
            phase("preflight", "2 Pre-migration checks", vec![quiet, assumptions]),
            phase("authorize", "6.1 Pre-execution", vec![sign]),
            phase("execute", "3.2 Migration execution, in this exact order", vec![stages, quality]),
        ],
        procedures: vec![],
        vars: [].into(),
    }
}

fn step(id: &str, title: &str, action: &str, checkpoints: &[&str]) -> StepOutline {
    StepOutline {
        id: id.into(),
        title: title.into(),
        action: action.into(),
        changes: false,
        people: vec![],
        optional: false,
        on_failure: OnFailure::Hold,
        rollback: None,
        checkpoints: checkpoints
            .iter()
            .map(|&id| CheckpointOutline { id: id.into(), title: id.into() })
            .collect(),
        items: vec![],
        roles: vec![],
        any_order: false,
        decision: Default::default(),
    }
}

fn item(item: &str, proven: bool) -> ItemOutline {
    ItemOutline { item: item.into(), proven, write: false }
}

pub fn operator(pid: u32) -> Operator {
    Operator { os_user: "ada".into(), host: "box".into(), pid }
}

pub fn target() -> TargetIdentity {
    TargetIdentity {
        host: "localhost".into(),
        port: 5432,
        database: "postgres".into(),
        user: "postgres".into(),
        server_version: "15.8".into(),
        system_identifier: None,
        database_oid: 5,
        timeline: Some("1".into()),
    }
}

pub fn ada() -> Person {
    Person { name: "Ada".into(), how: Assurance::Typed }
}

pub fn demo() -> Person {
    Person { name: "demo".into(), how: Assurance::Demo }
}

/// Opening, lock and fence.
pub fn opening(mode: Mode) -> Vec<Event> {
    vec![
        Event::RunOpened(Box::new(opened(mode))),
        Event::LockTaken { pid: 4700, waited_ms: 2 },
        checkpoint("target", "dev", "2.1.2 This is DEV (not PROD)", 3, pass(">= 1", "3")),
    ]
}

pub fn quiet() -> Vec<Event> {
    vec![
        started("quiet", Forward, 1),
        checkpoint("quiet", "quiet", "1.3 No active transactions", 4, pass("0 rows", "0 rows")),
        Event::StepApplied { step: "quiet".into(), direction: Forward, generation: 0, elapsed_ms: 5 },
        Event::StepVerified { step: "quiet".into(), elapsed_ms: 5, checkpoints: 1 },
    ]
}

pub fn people(by: Person) -> Vec<Event> {
    let proof = ProofShown {
        of: "quiet".into(),
        expected: "verified".into(),
        got: "verified, 1 of 1 checkpoints passed".into(),
        passed: true,
    };
    let proven = Person { name: "proof".into(), how: Assurance::Proof };
    let go = Decision::Go;
    let engine = Person { name: "engine".into(), how: Assurance::Policy };
    let released = || Event::Decided {
        what: go,
        step: None,
        by: engine.clone(),
        reason: Some("signed".into()),
        procedure: None,
        only: vec![],
    };
    vec![
        started("assumptions", Forward, 1),
        confirmed("assumptions", "Low-activity window", proven, vec![proof]),
        held(HoldReason::Person, "assumptions", "the driver confirms: Backup exists", None),
        confirmed("assumptions", "Backup exists", by.clone(), vec![]),
        released(),
        applied("assumptions", Forward, 9),
        Event::StepVerified { step: "assumptions".into(), elapsed_ms: 12_400, checkpoints: 0 },
        started("authorization", Forward, 1),
        held(HoldReason::Person, "authorization", "signed by Chairman", Some("Phase A is authorized.")),
        Event::Signed {
            step: "authorization".into(),
            role: "Chairman".into(),
            by,
            accepted: true,
            word: "approved".into(),
            statement: "Phase A is authorized.".into(),
            note: None,
        },
        released(),
        applied("authorization", Forward, 30),
        Event::StepVerified { step: "authorization".into(), elapsed_ms: 31_000, checkpoints: 0 },
    ]
}

pub fn fence(epoch: i64) -> Vec<Event> {
    let baseline = Baseline {
        counts: [(Kind::Tables, 43), (Kind::Functions, 12), (Kind::Size, 9_000_000)].into(),
        rows: [("venture_artifacts".to_owned(), RowCount { rows: 12_034, exact: true })].into(),
        fingerprint: "f".into(),
        guards: [("venture_artifacts".to_owned(), "g".to_owned())].into(),
    };
    vec![Event::FenceTaken { epoch, ended_backends: vec![] }, Event::BaselineTaken(Box::new(baseline))]
}

/// Step 1, from its start to verified.
pub fn stages() -> Vec<Event> {
    let mut events = vec![started("stages", Forward, 1), begins("stages", Forward, 1)];
    events.extend([
        checkpoint("stages", "checkpoint-1", "Checkpoint 1: 25 stages", 12, pass("25", "25")),
        Event::CommitIntent { unit: unit("stages", Forward), xid: Some("742".into()) },
        committed(
            "stages",
            Forward,
            38,
            31,
            &[("public.lifecycle_stage_config", 25), ("public.lifecycle_phases", 6)],
        ),
        applied("stages", Forward, 441),
        Event::StepVerified { step: "stages".into(), elapsed_ms: 441, checkpoints: 1 },
    ]);
    events
}

pub fn started(step: &str, direction: Direction, attempt: u32) -> Event {
    Event::StepStarted { step: step.into(), direction, generation: 0, attempt }
}

pub fn unit(step: &str, direction: Direction) -> Unit {
    Unit { step: step.into(), unit: String::new(), direction, generation: 0 }
}

pub fn begins(step: &str, direction: Direction, attempt: u32) -> Event {
    let source = SourceRef {
        file: format!("{step}.sql"),
        section: None,
        line: 0,
        from: 0,
        to: 10,
        digest: "d".into(),
    };
    Event::UnitStarted {
        unit: unit(step, direction),
        attempt,
        pid: 4711,
        backend_start: "then".into(),
        source,
    }
}

pub fn committed(
    step: &str,
    direction: Direction,
    statements: u64,
    rows: u64,
    inserted: &[(&str, i64)],
) -> Event {
    let touched = inserted
        .iter()
        .map(|(relation, inserted)| Touched {
            relation: (*relation).into(),
            lock: "AccessExclusive".into(),
            inserted: *inserted,
            updated: 0,
            deleted: 0,
            at_most: false,
        })
        .collect();
    Event::UnitApplied {
        unit: unit(step, direction),
        how: AppliedHow::Confirmed,
        statements,
        rows,
        warnings: 0,
        elapsed_ms: 430,
        touched,
    }
}

pub fn applied(step: &str, direction: Direction, elapsed_ms: u64) -> Event {
    Event::StepApplied { step: step.into(), direction, generation: 0, elapsed_ms }
}

pub fn failed(step: &str, problem: Problem) -> [Event; 2] {
    [
        Event::UnitFailed { unit: unit(step, Forward), problem: problem.clone() },
        Event::StepFailed { step: step.into(), direction: Forward, generation: 0, problem, elapsed_ms: 1200 },
    ]
}

pub fn held(reason: HoldReason, step: &str, needs: &str, hint: Option<&str>) -> Event {
    Event::Held { reason, step: Some(step.into()), needs: needs.into(), hint: hint.map(Into::into) }
}

pub fn confirmed(step: &str, item: &str, by: Person, proof: Vec<ProofShown>) -> Event {
    Event::Confirmed { step: step.into(), item: item.into(), by, note: None, proof }
}

pub fn pass(expected: &str, got: &str) -> Verdict {
    Verdict { passed: true, expected: expected.into(), got: got.into(), differences: vec![], more: 0 }
}

pub fn differs(row: usize, column: &str, expected: &str, got: &str) -> Difference {
    let [column, expected, got] = [column, expected, got].map(str::to_owned);
    Difference { row, column, expected, got, why: String::new() }
}

pub fn checkpoint(step: &str, id: &str, title: &str, elapsed_ms: u64, verdict: Verdict) -> Event {
    Event::CheckpointResult(Box::new(CheckpointResult {
        step: step.into(),
        checkpoint: id.into(),
        title: title.into(),
        direction: Forward,
        when: When::Standing,
        verdict,
        elapsed_ms,
        otherwise: None,
    }))
}

pub fn syntax_error() -> Problem {
    Problem {
        message: "column \"qualty_score\" of relation \"venture_artifacts\" does not exist".into(),
        sqlstate: Some("42703".into()),
        place: Some(Place {
            file: "20251209_venture_artifacts_quality_score.sql".into(),
            line: 14,
            column: 33,
            includes: vec!["all.sql:3".into()],
        }),
        excerpt: vec![
            "COMMENT ON COLUMN venture_artifacts.qualty_score IS 'x';".into(),
            format!("{}^", " ".repeat(18)),
        ],
        detail: None,
        hint: Some("Perhaps you meant to reference the column \"quality_score\".".into()),
        context: None,
        consequence: Some("nothing of this step was applied".into()),
        may_stay: false,
    }
}

/// The n-th event, a second after the one before.
pub fn envelope(seq: u64, event: Event) -> Envelope {
    let run = Uuid::from_u128(0x0199_0000_0000_7000_8000_0000_0000_0001);
    let second = i64::try_from(seq).expect("a small number");
    // 2025-12-09 09:30:00 in Berlin, and a second an event.
    let at = jiff::Timestamp::from_second(1_765_269_000 + second).expect("in range");
    Envelope { v: VERSION, seq, at, run, event, prev: String::new() }
}

/// Feeds all of it, and gives the lines of all.
#[track_caller]
pub fn print(printer: &mut Printer, events: impl IntoIterator<Item = Event>) -> Vec<String> {
    let mut lines = Vec::new();
    for event in events {
        let seq = printer.run().seq + 1;
        lines.extend(printer.line(&envelope(seq, event.clone())));
        assert_eq!(printer.run().seq, seq, "{event:#?} was refused:\n{}", lines.join("\n"));
    }
    assert!(lines.iter().all(|line| !line.trim().is_empty() && line.trim_end() == line), "{lines:#?}");
    lines
}

/// The lines of a log, with the run's figures behind them.
#[track_caller]
pub fn log(events: impl IntoIterator<Item = Event>) -> String {
    let mut printer = Printer::new(Style::log());
    let mut lines = print(&mut printer, events);
    lines.extend(printer.summary());
    lines.join("\n")
}

/// Compares with the golden text; the whole of what came is printed when it differs.
#[track_caller]
pub fn same(got: &str, golden: &str) {
    let golden = golden.strip_prefix('\n').unwrap_or(golden).trim_end();
    if got != golden {
        let differs = got.lines().zip(golden.lines()).position(|(a, b)| a != b);
        panic!("line {:?} differs; this came:\n\n{got}\n", differs.map(|at| at + 1));
    }
}
