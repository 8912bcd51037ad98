//! Runs that were left, taken up again, and rolled back, as an operator finds them in a log.

mod plain_support;

use holdpoint::plain::{Printer, Style};
use holdpoint::run::event::*;
use plain_support::*;

#[test]
fn taken_up_again_after_a_crash() {
    let mut printer = Printer::new(Style::log());
    let before = [opening(Mode::Run), quiet(), people(ada()), fence(1)].concat();
    print(&mut printer, before);
    print(
        &mut printer,
        [
            started("stages", Forward, 1),
            begins("stages", Forward, 1),
            Event::CommitIntent { unit: unit("stages", Forward), xid: Some("742".into()) },
        ],
    );
    let resumed = Event::RunResumed {
        program: "holdpoint 0.1.1".into(),
        operator: operator(8),
        target: target(),
        selection: Selection { only: vec!["execute".into()], from: None },
        plan_digest: "another".into(),
        vars: [].into(),
    };
    let mut lines = print(
        &mut printer,
        [
            resumed,
            Event::LockTaken { pid: 5000, waited_ms: 2_300 },
            Event::FenceTaken { epoch: 2, ended_backends: vec![4711, 4712] },
            Event::UnitReconciled {
                unit: unit("stages", Forward),
                applied: true,
                evidence: vec!["its ledger row was committed with it".into()],
                by: None,
            },
            started("stages", Forward, 2),
            applied("stages", Forward, 500),
            checkpoint("stages", "checkpoint-1", "Checkpoint 1: 25 stages", 12, pass("25", "25")),
            Event::StepVerified { step: "stages".into(), elapsed_ms: 520, checkpoints: 1 },
            started("quality", Forward, 1),
            begins("quality", Forward, 1),
            Event::CommitIntent { unit: unit("quality", Forward), xid: None },
            Event::UnitUnknown {
                unit: unit("quality", Forward),
                evidence: vec!["the connection was lost in COMMIT: server closed it".into()],
            },
            held(HoldReason::Unknown, "quality", "was \"quality\" applied?", None),
        ],
    );
    lines.extend(printer.summary());
    same(
        &lines.join("\n"),
        r#"
2025-12-09 CET
09:30:26 ▶ taken up again by ada on box (pid 8)
           plan     Migration Phase A: Kochel Integration [DEV]
           target   postgres@localhost:5432/postgres, PostgreSQL 15.8
           run      01990000-0000-7000-8000-000000000001, holdpoint 0.1.1
           only     phase execute
           stands at 1 pending, 1 committing, 3 verified
09:30:26 ! the plan or a file of it isn't what the run was opened with (sha256 now another)
09:30:27 · holds the lock on this database (pid 5000), after waiting 2.3 s
09:30:28 · ledger ready, epoch 2: older runners can't write
09:30:28 ! ended 2 backends of the run before: pid 4711, 4712
09:30:29     ✓ found out: Step 1: Lifecycle stage configuration (stages) was applied
               evidence its ledger row was committed with it
09:30:30 ▶ 3.2 Migration execution, in this exact order
09:30:30   ▶ Step 1: Lifecycle stage configuration (try 2)
09:30:32     ✓ Checkpoint 1: 25 stages                               12 ms  expected 25, got 25
09:30:33   ✓ Step 1: Lifecycle stage configuration                  520 ms  applied, 1 checkpoint passed
09:30:34   ▶ Step 3: Venture artifacts quality score
09:30:37     ? nobody can say yet whether Step 3: Venture artifacts quality score (quality) was applied
               evidence the connection was lost in COMMIT: server closed it
09:30:38   ◆ waits: was "quality" applied?
             if it was applied: holdpoint resume 01990000-0000-7000-8000-000000000001 --rule quality=applied
             if it wasn't: holdpoint resume 01990000-0000-7000-8000-000000000001 --rule quality=not-applied
? whether something was applied isn't known yet
plan         Migration Phase A: Kochel Integration [DEV]
phases       ✓ 2 Pre-migration checks                               12.4 s  2 of 2 steps
             ✓ 6.1 Pre-execution                                    31.0 s  1 of 1 step
             ? 3.2 Migration execution, in this exact order          2.5 s  1 of 2 steps
steps        4 verified, 1 unknown
checkpoints  3 passed, 0 failed
deviations   none
time         37.0 s from the opening, in 2 sittings; 45.9 s of it in steps
run          01990000-0000-7000-8000-000000000001
  if it was applied: holdpoint resume 01990000-0000-7000-8000-000000000001 --rule quality=applied
  if it wasn't: holdpoint resume 01990000-0000-7000-8000-000000000001 --rule quality=not-applied
"#,
    );
}

#[test]
fn rolled_back_with_residue() {
    let mut printer = Printer::new(Style::log());
    let before = [opening(Mode::Run), quiet(), people(ada()), fence(1), stages()].concat();
    print(&mut printer, before);
    print(&mut printer, [started("quality", Forward, 1), begins("quality", Forward, 1)]);
    print(&mut printer, failed("quality", syntax_error()));
    let mut back = checkpoint("stages", "gone", "5.3 Lifecycle tables removed", 3, pass("0 rows", "0 rows"));
    if let Event::CheckpointResult(result) = &mut back {
        result.direction = Back;
    }
    let residue = |object: &str, before: Option<&str>, after: Option<&str>| Residue {
        object: object.into(),
        before: before.map(Into::into),
        after: after.map(Into::into),
    };
    let mut lines = print(
        &mut printer,
        [
            Event::RollbackStarted {
                to: None,
                procedure: None,
                steps: vec!["stages".into()],
                kept: vec![("quality".into(), "irreversible: mails were sent".into())],
                why: "Ada gave up".into(),
                course: Course::default(),
            },
            started("stages", Back, 1),
            begins("stages", Back, 1),
            Event::CommitIntent { unit: unit("stages", Back), xid: None },
            committed("stages", Back, 3, 0, &[]),
            applied("stages", Back, 90),
            back,
            Event::StepUndone { step: "stages".into(), generation: 0, elapsed_ms: 95 },
            Event::RollbackEnded {
                residue: vec![
                    residue("function public.get_stage_info(integer)", None, Some("CREATE FUNCTION …")),
                    residue("rows of venture_artifacts", Some("12034 rows"), Some("12033 rows")),
                ],
                others: vec![],
                stays: vec![],
                unsure: vec![],
                not_put_back: vec![],
                moved: vec![residue(
                    "value of sequence public.ids",
                    Some("last value 4"),
                    Some("last value 9"),
                )],
                covers: vec!["schema".into(), "rows of venture_artifacts".into()],
                not_compared: vec!["rows of tables that the plan doesn't guard, sequence values".into()],
                elapsed_ms: 310,
            },
            Event::Deviation { step: None, what: "two objects differ".into() },
            Event::Ended {
                outcome: Ending::RolledBack { clean: false },
                exit_code: 1,
                summary: Summary { elapsed_ms: 62_000, ..Summary::default() },
            },
        ],
    );
    lines.extend(printer.summary());
    same(
        &lines.join("\n"),
        r#"
09:30:34 ◀ rolls back: Ada gave up
09:30:34   · will undo 1 step, in this order:
               1  Step 1: Lifecycle stage configuration (file stages_rollback.sql)
09:30:34   ! stays: Step 3: Venture artifacts quality score: irreversible: mails were sent
09:30:35   ◀ undo: Step 1: Lifecycle stage configuration
09:30:38     · committed                                            430 ms  3 statements, 0 rows
09:30:40     ✓ 5.3 Lifecycle tables removed                           3 ms  expected 0 rows, got 0 rows
09:30:41   ✓ undone: Step 1: Lifecycle stage configuration           95 ms  1 checkpoint passed
09:30:42 ✗ undone, but 1 object and rows of venture_artifacts aren't as before  310 ms
09:30:42   ✗ function public.get_stage_info(integer): it wasn't there before
             + CREATE FUNCTION …
09:30:42   ✗ rows of venture_artifacts: it has changed
             - 12034 rows
             + 12033 rows
           compared: schema, rows of venture_artifacts
           moved on value of sequence public.ids: last value 4, now last value 9; no rollback takes that back
           not compared: rows of tables that the plan doesn't guard, sequence values
09:30:43 ! deviation: two objects differ
09:30:44 ✗ rolled back, but not everything is as it was before
           exit     1: something failed, or isn't as it should be
✗ rolled back, but not everything is as it was before (exit 1)
plan         Migration Phase A: Kochel Integration [DEV]
phases       ✓ 2 Pre-migration checks                               12.4 s  2 of 2 steps
             ✓ 6.1 Pre-execution                                    31.0 s  1 of 1 step
             ✗ 3.2 Migration execution, in this exact order          1.7 s  0 of 2 steps
steps        1 undone, 3 verified, 1 failed
checkpoints  2 passed, 0 failed
             of rollbacks: 1 passed, 0 failed
deviations   two objects differ
time         43.0 s from the opening; 45.1 s of it in steps
run          01990000-0000-7000-8000-000000000001
"#,
    );
}
