//! The ramp of the promotion, with a service at work behind its flag: what it writes is what the watches see.

use std::path::PathBuf;
use std::time::Duration;

use holdpoint::pg::Session;
use tokio::task::JoinHandle;

use crate::book::Book;
use crate::production::{BEFORE, STATE, here, production, script};
use crate::scene::Said;

/// How the service does once its flag is above 10 %; until then it takes 100 ms, and nothing fails.
#[derive(Clone, Copy)]
struct Above {
    latency: i32,
    level: &'static str,
    status: &'static str,
}

const WELL: Above = Above { latency: 100, level: "INFO", status: "success" };

/// The service: it writes its log, and takes in what the flag lets it.
async fn serve(mut session: Session, flag: PathBuf, above: Above) {
    loop {
        let set: i32 =
            std::fs::read_to_string(&flag).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let Above { latency, level, status } = if set > 10 { above } else { WELL };
        let sql = format!(
            "INSERT INTO audit.service_logs (id, service, level, latency_ms) \
             SELECT (SELECT max(id) FROM audit.service_logs) + n, 'ingest', '{level}', {latency} FROM generate_series(1, 20) n"
        );
        if session.batch(&sql).await.is_err() {
            return;
        }
        if set > 0 {
            let sql = format!(
                "INSERT INTO vh.ingest_runs SELECT coalesce(max(id), 0) + 1, 1, '{status}' FROM vh.ingest_runs"
            );
            let _ = session.batch(&sql).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A promotion whose flag is the file that the service reads, and whose watches look every 50 ms.
struct Ramp {
    book: Book,
    flag: PathBuf,
    service: JoinHandle<()>,
}

impl Ramp {
    async fn with(above: Above) -> Self {
        let book = production().await;
        let flag = book.scene.path("flag");
        script(&book, "plans/ops/flag", &format!("echo \"$1 = $2\"\necho \"$2\" > {}", flag.display()));
        for (own, short) in [
            ("every  = \"10s\"", "every  = \"50ms\""),
            ("every  = \"1min\"\n  for    = \"3min\"", "every  = \"50ms\"\n  for    = \"200ms\""),
            ("every  = \"1min\"\n  again  = \"latency\"", "every  = \"50ms\"\n  again  = \"latency\""),
        ] {
            book.plan(own, short);
        }
        let session =
            Session::connect(&book.scene.server.config(&book.scene.database), "ingest").await.unwrap();
        // Only what the service writes now counts.
        book.scene.sql("UPDATE audit.service_logs SET timestamp = now() - interval '1 hour'").await;
        let service = tokio::spawn(serve(session, flag.clone(), above));
        Self { book, flag, service }
    }

    /// With the first stage held for a moment, and the second for so long.
    fn run(&self, hold_50: &str) -> Said {
        let given = here(&self.book)
            .replace("set_flag=production/set-flag", "set_flag=ops/flag --var sample=3s")
            .replace("hold_10=100ms", "hold_10=500ms")
            .replace("hold_50=100ms", &format!("hold_50={hold_50}"));
        let said = tokio::task::block_in_place(|| self.book.run(&format!("{given} --evidence elsewhere")));
        self.service.abort();
        said
    }

    fn flag(&self) -> String {
        std::fs::read_to_string(&self.flag).unwrap()
    }

    /// Stopped in the second stage by this watch, which the journal and the report say, too.
    fn stopped_by(&self, watch: &str, title: &str, got: &str) {
        let scene = &self.book.scene;
        // The first stage held, the second was left in the middle, and the third never began.
        let verified = scene.steps("step_verified");
        assert!(verified.contains(&"stable-10".to_owned()) && !verified.contains(&"stable-50".to_owned()));
        assert!(!scene.steps("step_started").contains(&"ramp-100".to_owned()));
        let breach = scene.events_named("watch_breached").pop().unwrap();
        assert_eq!(breach["watch"], watch);
        let told = breach["verdict"]["got"].as_str().unwrap();
        assert!(told.contains(got), "{breach:#}");
        let report = self.book.report(6);
        report.says(&format!("\"{title}\" is breached")).says(got).step("ramp-100", "pending");
    }

    fn went_back_by_itself(&self, said: &Said) {
        said.exits(6)
            .says("The ramp goes back")
            .says("undone: 50 %")
            .says("undone: 10 %")
            .says("as far as it was told (watch \"")
            .says("roll back the rest");
        assert_eq!(self.flag(), "0\n", "the flag is off");
        assert_eq!(self.book.scene.steps("step_undone"), ["ramp-50", "ramp-10"]);
        let report = self.book.report(6);
        report.says("ramp-back").step("ramp-50", "undone").step("ramp-10", "undone");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_p95_that_rises_by_12_percent_takes_the_flag_back() {
    let ramp = Ramp::with(Above { latency: 112, ..WELL }).await;
    let said = ramp.run("1h");
    said.says("watch \"p95 latency, last 10 minutes\" is breached")
        .says("{p95_before} + 10%")
        .says("got 112");
    ramp.went_back_by_itself(&said);
    ramp.stopped_by("p95", "p95 latency, last 10 minutes", "112");
    // What was promoted stands, and can go as well.
    assert_eq!(ramp.book.value("SELECT count(*) FROM eng.strategic_directives_v2").await, "60");
    ramp.book.rollback("").exits(4);
    assert_eq!(ramp.book.value(STATE).await, BEFORE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_p95_that_rises_by_9_percent_goes_on() {
    let ramp = Ramp::with(Above { latency: 109, ..WELL }).await;
    ramp.run("500ms").exits(0);
    assert_eq!(ramp.flag(), "100\n");
    let figures = ramp.book.scene.events_named("watch_ended");
    let p95 = figures.iter().find(|one| one["watch"] == "p95").unwrap();
    assert_eq!((&p95["breaches"], &p95["max"]), (&0.into(), &"109".into()), "{p95}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_log_takes_the_flag_back() {
    let ramp = Ramp::with(Above { level: "ERROR", ..WELL }).await;
    let said = ramp.run("1h");
    said.says("watch \"Error rate, last 10 minutes\" is breached");
    // Not only how many rows came.
    assert!(said.out.contains("got 1 row, 1 difference: errors "), "{}", said.out);
    ramp.went_back_by_itself(&said);
    ramp.stopped_by("errors", "Error rate, last 10 minutes", "1 row");
}

/// For this one the plan names no way: it stops there, and whoever is on duty takes the flag back.
#[tokio::test(flavor = "multi_thread")]
async fn runs_that_fail_stop_the_ramp_and_its_way_back_is_offered() {
    let ramp = Ramp::with(Above { status: "failed", ..WELL }).await;
    let said = ramp.run("1h");
    said.exits(6)
        .says("watch \"Ingest success by minute, last hour\" is breached")
        .says("holdpoint rollback");
    assert_eq!(ramp.flag(), "50\n", "nobody has said anything yet");
    ramp.stopped_by("ingest", "Ingest success by minute, last hour", "row");
    ramp.book.rollback("--procedure ramp-back --reason failed-runs").exits(6).says("undone: 10 %");
    assert_eq!(ramp.flag(), "0\n");
    ramp.book.report(6).step("ramp-50", "undone").step("eng-migrations", "verified");
}
