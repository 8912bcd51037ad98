//! What the engine would say of a rollback of the small Kochel.

use std::sync::Arc;

use holdpoint::run::event::*;
use holdpoint::run::outlook::{Counted, Listing, LookBack, Outlook, ToRun};

/// As the engine makes it; rows are counted when somebody decides.
pub fn of(look: &LookBack, at: jiff::Timestamp) -> Arc<Outlook> {
    let to_run = |file: &str, line, head: &str| ToRun {
        of: None,
        file: file.into(),
        line,
        head: head.into(),
        uncertain: false,
    };
    let deed = |of: &str, head: &str| ToRun { of: Some(of.into()), ..to_run("", 0, head) };
    let by_procedure = look.goal.procedure.is_some();
    let listing = |step: &str| match step {
        // At the first that the procedure undoes.
        "quality" if by_procedure => vec![
            deed("1 Stop the service", "command systemctl stop ventures"),
            deed("2 Tell the Chairman", "notify Chairman"),
            deed("3 Hands off", "confirm 1 item"),
            ToRun {
                of: Some("4 Roll back".into()),
                ..to_run("plan.toml", 77, "DROP INDEX IF EXISTS idx_quality;")
            },
        ],
        _ if by_procedure => vec![],
        "stages" => vec![
            to_run("stages_rollback.sql", 1, "DROP TABLE IF EXISTS lifecycle_stage_config;"),
            to_run("stages_rollback.sql", 2, "DROP TABLE IF EXISTS lifecycle_phases;"),
        ],
        _ => vec![
            to_run("plan.toml", 77, "DROP INDEX IF EXISTS idx_quality;"),
            to_run("plan.toml", 78, "ALTER TABLE venture_artifacts DROP COLUMN IF EXISTS quality_score;"),
        ],
    };
    let item = |step: &String| {
        let (words, lost, ms) = match step.as_str() {
            "stages" => (
                "loses rows written to lifecycle_stage_config since",
                vec![LostRows {
                    table: "lifecycle_stage_config".into(),
                    column: None,
                    written_over: false,
                    from_before: None,
                    since: Some(3),
                    now: 28,
                    exact: true,
                }],
                260,
            ),
            _ => ("loses values written to venture_artifacts.quality_score since", vec![], 120),
        };
        UndoItem {
            step: step.clone(),
            runs: vec!["file".into()],
            way_back: Some(WayBack {
                step: step.clone(),
                verdict: WayBackVerdict::Loses,
                words: words.into(),
            }),
            half_applied: None,
            lost,
            rehearsed_ms: Some(ms),
        }
    };
    Arc::new(Outlook {
        goal: look.goal.clone(),
        steps: look.steps.clone(),
        course: Course {
            items: look.steps.iter().map(item).collect(),
            rehearsed: Some(Rehearsed {
                on: "2025-12-08T16:20:00Z".parse().unwrap(),
                rollback_ms: 430,
                passed: true,
                same_plan: true,
            }),
            ..Course::default()
        },
        listings: look
            .steps
            .iter()
            .map(|step| (step.clone(), Listing { statements: listing(step), ..Listing::default() }))
            .collect(),
        rows: if look.rows { Counted::At(at) } else { Counted::Not },
        notes: vec![],
    })
}
