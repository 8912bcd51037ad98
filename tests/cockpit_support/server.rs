//! What a server may look like: an app that keeps the step waiting, others behind it, and who looks on.

use holdpoint::run::activity::{Activity, Figures, Replica, Seen, Server, Working};
use holdpoint::run::event::Backend;

fn seen(pid: i32, application: &str, state: &str, blocked_by: &[i32], query: &str) -> Seen {
    Seen {
        backend: Backend {
            pid,
            backend_start: format!("2025-12-09 08:1{}:07.123456+00", pid % 10),
            user: if application.starts_with("holdpoint") { "postgres" } else { "app" }.into(),
            database: "postgres".into(),
            application: application.into(),
            client: if pid % 2 == 0 { "10.0.0.17".into() } else { String::new() },
            state: state.into(),
            since_ms: Some(41_000),
        },
        kind: "client backend".into(),
        ours: application.strip_prefix("holdpoint ").map(str::to_owned),
        waits: (!blocked_by.is_empty()).then(|| "Lock: relation".into()),
        query_ms: (state == "active").then_some(3_200),
        transaction_ms: (state != "idle").then_some(47_000),
        query: query.into(),
        blocked_by: blocked_by.to_vec(),
    }
}

/// The step waits for the app, and a report behind the step.
pub fn busy() -> Activity {
    let mut worker = seen(4_912, "", "active", &[], "");
    worker.kind = "autovacuum worker".into();
    worker.query = "autovacuum: VACUUM public.ventures".into();
    Activity {
        sessions: vec![
            seen(
                4_800,
                "the app",
                "idle in transaction",
                &[],
                "SELECT \u{1b}[2Jquality_score\nFROM venture_artifacts WHERE id = 7",
            ),
            seen(
                4_711,
                "holdpoint work",
                "active",
                &[4_800],
                "ALTER TABLE venture_artifacts ADD COLUMN quality_score int",
            ),
            seen(4_803, "a report", "active", &[4_711], "SELECT count(*) FROM venture_artifacts"),
            seen(4_804, "a report", "active", &[4_711, 4_800], "SELECT max(id) FROM venture_artifacts"),
            seen(4_709, "holdpoint control", "idle", &[], "SELECT 1"),
            seen(4_710, "holdpoint look", "idle", &[], ""),
            seen(4_815, "psql", "active", &[], "CREATE INDEX ON audit.entries (at)"),
            worker,
            seen(4_820, "the app", "idle", &[], "COMMIT"),
        ],
        more: 0,
        figures: Figures { running: 2, waiting: 3, blocking: 2, idle: 3, in_transaction: 1, all: 9, of: 100 },
        progress: vec![Working {
            pid: 4_815,
            command: "CREATE INDEX".into(),
            relation: "audit.entries".into(),
            phase: "building index: scanning table".into(),
            done: 12_034,
            of: 28_000,
            unit: "blocks".into(),
        }],
        replicas: vec![
            Replica {
                name: "standby-1".into(),
                state: "streaming, sync".into(),
                bytes: Some(812),
                lag_ms: Some(4),
                slot: false,
            },
            Replica {
                name: "old_standby".into(),
                state: "extended".into(),
                bytes: Some(5_100_000_000),
                lag_ms: None,
                slot: true,
            },
        ],
        server: Server { wal: "16/B374D848".into(), size: Some(9_128_000), ..Server::default() },
        hidden: vec![],
        trouble: None,
    }
}

/// A standby, of which the monitoring session is lost, and of which not everything may be seen.
pub fn lost() -> Activity {
    let mut hidden = seen(4_902, "the app", "", &[], "");
    hidden.backend.backend_start = String::new();
    hidden.kind = String::new();
    hidden.query_ms = None;
    hidden.transaction_ms = None;
    Activity {
        sessions: vec![hidden],
        more: 41,
        figures: Figures { all: 42, of: 45, ..Figures::default() },
        server: Server {
            standby: true,
            wal: "16/B374D848".into(),
            behind: Some(1_200_000),
            behind_ms: Some(3_000),
            size: None,
        },
        hidden: vec![
            "what 42 of the sessions do: that needs pg_read_all_stats, which is in pg_monitor".into(),
        ],
        trouble: Some("terminating connection due to administrator command".into()),
        ..Activity::default()
    }
}
