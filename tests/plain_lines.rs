//! Whole runs as an operator finds them in a log.

mod plain_support;

use holdpoint::plain::{Printer, Style};
use holdpoint::plan::expect::Verdict;
use holdpoint::plan::model::Kind;
use holdpoint::run::event::*;
use plain_support::*;

fn before_changes(mode: Mode, by: Person) -> Vec<Event> {
    [opening(mode), quiet(), people(by), fence(1)].concat()
}

fn quality() -> Vec<Event> {
    let mut events = vec![started("quality", Forward, 1), begins("quality", Forward, 1)];
    events.extend([
        checkpoint(
            "quality",
            "checkpoint-3",
            "Checkpoint 3: quality_score exists",
            8,
            pass("1 row", "1 row"),
        ),
        Event::CommitIntent { unit: unit("quality", Forward), xid: None },
        committed("quality", Forward, 9, 0, &[("public.venture_artifacts", 0)]),
        applied("quality", Forward, 3_210),
        Event::StepVerified { step: "quality".into(), elapsed_ms: 3_210, checkpoints: 1 },
    ]);
    events
}

fn done() -> Event {
    let summary = Summary {
        steps: [("verified".to_owned(), 5)].into(),
        checkpoints_passed: 4,
        checkpoints_failed: 0,
        deviations: 0,
        elapsed_ms: 761_000,
        deltas: [(Kind::Tables, (43, 46)), (Kind::Functions, (12, 12)), (Kind::Size, (1, 2))].into(),
        rows: [
            ("lifecycle_stage_config".to_owned(), (0, 25)),
            ("venture_artifacts".to_owned(), (12_034, 12_030)),
        ]
        .into(),
        ..Summary::default()
    };
    Event::Ended { outcome: Ending::Done, exit_code: 0, summary }
}

#[test]
fn a_good_run() {
    let events = [before_changes(Mode::Run, ada()), stages(), quality(), vec![done()]].concat();
    same(
        &log(events),
        r#"
2025-12-09 CET
09:30:01 ▶ Migration Phase A: Kochel Integration [DEV]
           target   postgres@localhost:5432/postgres, PostgreSQL 15.8
           run      01990000-0000-7000-8000-000000000001 by ada on box (pid 7), holdpoint 0.1.0
           plan     kochel-phase-a: 5 steps in 3 phases, plans/kochel-phase-a.toml (sha256 3f9a1c44d0e2)
09:30:02 · holds the lock on this database (pid 4700)
09:30:03   ✓ target: 2.1.2 This is DEV (not PROD)                     3 ms  expected >= 1, got 3
09:30:04 ▶ 2 Pre-migration checks
09:30:04   ▶ 1.3 No active transactions
09:30:05   ✓ 1.3 No active transactions                               4 ms  expected 0 rows, got 0 rows
09:30:08   ▶ 1.3 Assumptions
09:30:09     ✓ Low-activity window                                          by proof
               proof    quiet: expected verified, got verified, 1 of 1 checkpoints passed
09:30:10   ◆ waits: the driver confirms: Backup exists
09:30:11     ✓ Backup exists                                                by Ada (typed)
09:30:14   ✓ 1.3 Assumptions                                        12.4 s  2 items confirmed
09:30:15 ▶ 6.1 Pre-execution
09:30:15   ▶ Chairman's authorization
09:30:16   ◆ waits: signed by Chairman
             Phase A is authorized.
09:30:17     ✓ Chairman: approved, by Ada (typed)
               “Phase A is authorized.”
09:30:20   ✓ Chairman's authorization                               31.0 s  signed by Chairman
09:30:21 · ledger ready, epoch 1: older runners can't write
09:30:22 · measured before the first change: tables 43, functions 12
           guarded  venture_artifacts (12 034 rows)
09:30:23 ▶ 3.2 Migration execution, in this exact order
09:30:23   ▶ Step 1: Lifecycle stage configuration
09:30:25     ✓ Checkpoint 1: 25 stages                               12 ms  expected 25, got 25
09:30:27     · committed                                            430 ms  38 statements, 31 rows; lifecycle_stage_config +25, lifecycle_phases +6
09:30:29   ✓ Step 1: Lifecycle stage configuration                  441 ms  applied, 1 checkpoint passed
09:30:30   ▶ Step 3: Venture artifacts quality score
09:30:32     ✓ Checkpoint 3: quality_score exists                     8 ms  expected 1 row, got 1 row
09:30:34     · committed                                            430 ms  9 statements, 0 rows; venture_artifacts changed
09:30:36   ✓ Step 3: Venture artifacts quality score                 3.2 s  applied, 1 checkpoint passed
09:30:37 ✓ done: the plan has been run to its end
           exit     0: done
✓ done: the plan has been run to its end (exit 0)
plan         Migration Phase A: Kochel Integration [DEV]
phases       ✓ 2 Pre-migration checks                               12.4 s  2 of 2 steps
             ✓ 6.1 Pre-execution                                    31.0 s  1 of 1 step
             ✓ 3.2 Migration execution, in this exact order          3.6 s  2 of 2 steps
steps        5 verified
checkpoints  4 passed, 0 failed
deviations   none
objects      tables 43 → 46 ▲3
             unchanged: functions 12
rows         lifecycle_stage_config new, 25 rows
             venture_artifacts      12 034 → 12 030 ▼4
time         36.0 s from the opening; 47.0 s of it in steps
run          01990000-0000-7000-8000-000000000001
"#,
    );
}

/// And names no command to go on with: its server goes with it.
#[test]
fn the_demo_says_that_it_answers() {
    let stepping = vec![
        held(HoldReason::Stepping, "stages", "go: \"Step 1\"", None),
        Event::Decided {
            what: Decision::Go,
            step: None,
            by: demo(),
            reason: None,
            procedure: None,
            only: vec![],
        },
    ];
    let events = [before_changes(Mode::Demo, demo()), stepping, stages()].concat();
    same(
        &log(events),
        r#"
2025-12-09 CET
09:30:01 ▶ Migration Phase A: Kochel Integration [DEV]
           target   postgres@localhost:5432/postgres, PostgreSQL 15.8
           run      01990000-0000-7000-8000-000000000001 by ada on box (pid 7), holdpoint 0.1.0
           plan     kochel-phase-a: 5 steps in 3 phases, plans/kochel-phase-a.toml (sha256 3f9a1c44d0e2)
09:30:01 ! a DEMO on a server of its own: what people should do, the demo answers, marked DEMO
09:30:02 · holds the lock on this database (pid 4700)
09:30:03   ✓ target: 2.1.2 This is DEV (not PROD)                     3 ms  expected >= 1, got 3
09:30:04 ▶ 2 Pre-migration checks
09:30:04   ▶ 1.3 No active transactions
09:30:05   ✓ 1.3 No active transactions                               4 ms  expected 0 rows, got 0 rows
09:30:08   ▶ 1.3 Assumptions
09:30:09     ✓ Low-activity window                                          by proof
               proof    quiet: expected verified, got verified, 1 of 1 checkpoints passed
09:30:11     · Backup exists                                                by the DEMO, not a person
09:30:14   ✓ 1.3 Assumptions                                        12.4 s  2 items confirmed (1 by the DEMO)
09:30:15 ▶ 6.1 Pre-execution
09:30:15   ▶ Chairman's authorization
09:30:17     ✓ Chairman: approved, by the DEMO, not a person
               “Phase A is authorized.”
09:30:20   ✓ Chairman's authorization                               31.0 s  signed by the DEMO as Chairman
09:30:21 · ledger ready, epoch 1: older runners can't write
09:30:22 · measured before the first change: tables 43, functions 12
           guarded  venture_artifacts (12 034 rows)
09:30:24 ▶ 3.2 Migration execution, in this exact order
09:30:24   · go: Step 1: Lifecycle stage configuration, says the DEMO, not a person
09:30:25   ▶ Step 1: Lifecycle stage configuration
09:30:27     ✓ Checkpoint 1: 25 stages                               12 ms  expected 25, got 25
09:30:29     · committed                                            430 ms  38 statements, 31 rows; lifecycle_stage_config +25, lifecycle_phases +6
09:30:31   ✓ Step 1: Lifecycle stage configuration                  441 ms  applied, 1 checkpoint passed
! not over: it is running
plan         Migration Phase A: Kochel Integration [DEV]
phases       ✓ 2 Pre-migration checks                               12.4 s  2 of 2 steps
             ✓ 6.1 Pre-execution                                    31.0 s  1 of 1 step
             · 3.2 Migration execution, in this exact order         441 ms  1 of 2 steps
steps        1 pending, 4 verified
checkpoints  3 passed, 0 failed
deviations   none
time         30.0 s from the opening; 43.8 s of it in steps
run          01990000-0000-7000-8000-000000000001
"#,
    );
}

#[test]
fn a_checkpoint_fails() {
    let verdict = Verdict {
        passed: false,
        expected: "6 rows".into(),
        got: "5 rows".into(),
        differences: vec![
            differs(2, "phase_name", "THE ENGINE", "THE MOTOR"),
            differs(2, "stage_count", "4", "3"),
            differs(6, "", "LAUNCH & LEARN, 5", "no such row"),
        ],
        more: 3,
    };
    let mut result = checkpoint("stages", "checkpoint-1", "Checkpoint 1: stages per phase", 12, verdict);
    if let Event::CheckpointResult(result) = &mut result {
        result.otherwise = Some("DEV has 25 stages: STOP and verify the environment".into());
        result.when = When::AfterCommit;
    }
    let mut printer = Printer::new(Style::log());
    print(&mut printer, before_changes(Mode::Run, ada()));
    let mut events = vec![];
    events.extend([
        started("stages", Forward, 1),
        begins("stages", Forward, 1),
        Event::CommitIntent { unit: unit("stages", Forward), xid: None },
        committed("stages", Forward, 38, 31, &[]),
        applied("stages", Forward, 441),
        result,
        Event::StepUnverified { step: "stages".into(), elapsed_ms: 460, failed: vec!["checkpoint-1".into()] },
        held(HoldReason::Unverified, "stages", "\"Step 1\": checkpoint-1 didn't pass", None),
        Event::Left { exit_code: 6, why: "nobody is there to decide".into(), fingerprint: None },
    ]);
    let mut lines = print(&mut printer, events);
    lines.extend(printer.summary());
    same(
        &lines.join("\n"),
        r#"
09:30:23 ▶ 3.2 Migration execution, in this exact order
09:30:23   ▶ Step 1: Lifecycle stage configuration
09:30:26     · committed                                            430 ms  38 statements, 31 rows
09:30:28     ✗ Checkpoint 1: stages per phase                        12 ms  expected 6 rows, got 5 rows
                 row  column       expected           got
               ≠ 2    phase_name   THE ENGINE         THE MOTOR
               ≠ 2    stage_count  4                  3
               - 6                 LAUNCH & LEARN, 5  no such row
                 … and 3 more
               the plan says: DEV has 25 stages: STOP and verify the environment
09:30:29   ✗ Step 1: Lifecycle stage configuration                  460 ms  step stages is applied, but 1 checkpoint failed
09:30:30   ◆ waits: "Step 1": checkpoint-1 didn't pass
             to look again: holdpoint resume 01990000-0000-7000-8000-000000000001
             to go on all the same: holdpoint resume 01990000-0000-7000-8000-000000000001 --override stages="reason"
             to undo what was applied: holdpoint rollback 01990000-0000-7000-8000-000000000001
09:30:31 · lets go of the run: nobody is there to decide
           exit     6: waits for a person
✗ waits: "Step 1": checkpoint-1 didn't pass
plan         Migration Phase A: Kochel Integration [DEV]
phases       ✓ 2 Pre-migration checks                               12.4 s  2 of 2 steps
             ✓ 6.1 Pre-execution                                    31.0 s  1 of 1 step
             ✗ 3.2 Migration execution, in this exact order         460 ms  0 of 2 steps
steps        1 pending, 3 verified, 1 unverified
checkpoints  2 passed, 1 failed
deviations   none
time         30.0 s from the opening; 43.8 s of it in steps
run          01990000-0000-7000-8000-000000000001
  to look again: holdpoint resume 01990000-0000-7000-8000-000000000001
  to go on all the same: holdpoint resume 01990000-0000-7000-8000-000000000001 --override stages="reason"
  to undo what was applied: holdpoint rollback 01990000-0000-7000-8000-000000000001
"#,
    );
}

#[test]
fn a_statement_fails_after_waiting_for_a_lock() {
    let blocker = Blocker {
        pid: 4711,
        user: "app".into(),
        application: "billing".into(),
        state: "idle in transaction".into(),
        since_ms: Some(41_000),
        relation: Some("venture_artifacts".into()),
        mode: Some("ShareLock".into()),
    };
    let other = Blocker { pid: 4712, application: String::new(), since_ms: None, ..blocker.clone() };
    let retry = |attempt, blockers| Event::LockRetry {
        unit: unit("quality", Forward),
        attempt,
        of: 5,
        pause_ms: 740,
        place: Some(Place { file: "quality.sql".into(), line: 3, column: 1, includes: vec![] }),
        blockers,
    };
    let mut printer = Printer::new(Style::log());
    print(&mut printer, [before_changes(Mode::Run, ada()), stages()].concat());
    let mut events = vec![];
    events.extend([
        started("quality", Forward, 1),
        begins("quality", Forward, 1),
        retry(1, vec![blocker.clone()]),
        begins("quality", Forward, 2),
        retry(2, vec![blocker, other]),
        begins("quality", Forward, 3),
        retry(3, vec![]),
        begins("quality", Forward, 4),
    ]);
    events.extend(failed("quality", syntax_error()));
    events.push(held(
        HoldReason::Failed,
        "quality",
        "\"Step 3\" failed: column \"qualty_score\" …",
        Some("Look at section 3.2"),
    ));
    let mut lines = print(&mut printer, events);
    lines.extend(printer.summary());
    same(
        &lines.join("\n"),
        r#"
09:30:30   ▶ Step 3: Venture artifacts quality score
09:30:32     ! waits for pid 4711 (billing, idle in transaction 00:41) holding ShareLock on venture_artifacts; retry 1 of 5 in 0.7 s
               at       quality.sql:3:1
09:30:34     ! waits for 2 sessions; retry 2 of 5 in 0.7 s
               pid 4711 (billing, idle in transaction 00:41) holding ShareLock on venture_artifacts
               pid 4712 (app, idle in transaction) holding ShareLock on venture_artifacts
               at       quality.sql:3:1
09:30:36     ! waited for a lock, and whoever held it is gone; retry 3 of 5 in 0.7 s
               at       quality.sql:3:1
09:30:38     ✗ failed
               column "qualty_score" of relation "venture_artifacts" does not exist (SQLSTATE 42703)
               at       20251209_venture_artifacts_quality_score.sql:14:33 (included from all.sql:3)
                 COMMENT ON COLUMN venture_artifacts.qualty_score IS 'x';
                                   ^
               hint     Perhaps you meant to reference the column "quality_score".
               means    nothing of this step was applied
09:30:39   ✗ Step 3: Venture artifacts quality score                 1.2 s  step quality failed
09:30:40   ◆ waits: somebody has to decide about Step 3: Venture artifacts quality score (quality)
             the plan says: Look at section 3.2
             to try it again: holdpoint resume 01990000-0000-7000-8000-000000000001
             to leave it out: holdpoint resume 01990000-0000-7000-8000-000000000001 --skip quality="reason"
             to undo what was applied: holdpoint rollback 01990000-0000-7000-8000-000000000001
✗ waits: "Step 3" failed: column "qualty_score" …
plan         Migration Phase A: Kochel Integration [DEV]
phases       ✓ 2 Pre-migration checks                               12.4 s  2 of 2 steps
             ✓ 6.1 Pre-execution                                    31.0 s  1 of 1 step
             ✗ 3.2 Migration execution, in this exact order          1.6 s  1 of 2 steps
steps        4 verified, 1 failed
checkpoints  3 passed, 0 failed
deviations   none
time         39.0 s from the opening; 45.0 s of it in steps
run          01990000-0000-7000-8000-000000000001
  to try it again: holdpoint resume 01990000-0000-7000-8000-000000000001
  to leave it out: holdpoint resume 01990000-0000-7000-8000-000000000001 --skip quality="reason"
  to undo what was applied: holdpoint rollback 01990000-0000-7000-8000-000000000001
"#,
    );
}
