//! Two databases of two million rows that differ in one byte: how long each comparison takes, and whether the one
//! that reads content names the row.
//!
//! `cargo bench --bench compare` makes two private servers, fills the same table in both, and runs a plan with the
//! comparisons one after the other: while they are the same, and with one byte changed. `HOLDPOINT_ROWS` sets another
//! number of rows. It prints figures without judging, but fails when the row isn't named exactly.

use std::fs;
use std::path::Path;
use std::process::Command;

use holdpoint::pg::Session;
use holdpoint::pg::embedded::{Embedded, Options};
use serde_json::Value;

type Failure = Box<dyn std::error::Error>;

const KINDS: [&str; 4] = ["estimates", "sequences", "rows", "content"];

fn main() -> Result<(), Failure> {
    let rows: u64 = std::env::var("HOLDPOINT_ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000_000);
    let runtime = tokio::runtime::Runtime::new()?;
    let make = format!(
        "CREATE TABLE big (id int PRIMARY KEY, note text, amount numeric, at timestamptz); \
         INSERT INTO big SELECT n, repeat('x', 40) || n, n / 7.0, '2026-01-01'::timestamptz + n * interval '1 s' \
         FROM generate_series(1, {rows}) AS n; ANALYZE"
    );
    let start = || async {
        let settings = [("autovacuum", "off"), ("max_wal_size", "4GB"), ("checkpoint_timeout", "1h")];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let server = Embedded::start(Options { settings, ..Options::default() }).await?;
        let mut session = Session::connect(&server.config("postgres"), "bench").await?;
        session.batch(&make).await?;
        session.close().await;
        Ok::<Embedded, Failure>(server)
    };
    let source = runtime.block_on(start())?;
    let target = runtime.block_on(start())?;
    let folder = tempfile::tempdir()?;
    let steps: String = KINDS
        .iter()
        .map(|kind| {
            format!(
                "\n[[phase.step]]\nid = \"{kind}\"\ntitle = \"{kind}\"\ncompare = \"{kind}\"\non_failure = \"continue\"\n"
            )
        })
        .collect();
    fs::write(
        folder.path().join("plan.toml"),
        format!(
            "[plan]\nid = \"bench\"\ntitle = \"Bench\"\nenvironment = \"dev\"\nstepping = \"auto\"\n\n[vars]\n\
             source = {{ env = \"SOURCE_URL\" }}\n\n[source]\nurl = \"{{source}}\"\n\n[[phase]]\ntitle = \"Phase\"\n{steps}"
        ),
    )?;
    println!("{rows} rows on each side");
    told("the same", folder.path(), &source, &target)?;
    let id = rows / 3 * 2;
    runtime.block_on(async {
        let mut session = Session::connect(&target.config("postgres"), "bench").await?;
        session
            .batch(&format!("UPDATE big SET note = overlay(note PLACING 'y' FROM 7) WHERE id = {id}"))
            .await?;
        session.close().await;
        Ok::<(), Failure>(())
    })?;
    let found = told("one byte", folder.path(), &source, &target)?;
    let wanted = format!("big, id = {id}");
    if found != [wanted.as_str()] {
        return Err(format!("it found {found:?} and not {wanted}").into());
    }
    println!("found: {wanted}");
    runtime.block_on(async {
        source.stop().await;
        target.stop().await;
    });
    Ok(())
}

/// Runs the plan, prints how long each comparison took, and gives what the one of content named.
fn told(what: &str, folder: &Path, source: &Embedded, target: &Embedded) -> Result<Vec<String>, Failure> {
    let events = folder.join("events");
    let mut run = Command::new(env!("CARGO_BIN_EXE_holdpoint"));
    run.arg("run").arg(folder.join("plan.toml")).args(["--plain", "--events"]).arg(&events);
    run.arg("--state-dir").arg(folder.join("state"));
    run.envs(target.config("postgres").libpq_environment());
    run.env("SOURCE_URL", format!("host={} user=postgres dbname=postgres", source.dir().display()));
    let _ = fs::remove_file(&events);
    let said = run.output()?;
    if !said.status.success() {
        return Err(String::from_utf8_lossy(&said.stderr).into_owned().into());
    }
    let mut named = Vec::new();
    for line in fs::read_to_string(&events)?.lines() {
        let event: Value = serde_json::from_str(line)?;
        if event["event"] != "checkpoint_result" {
            continue;
        }
        let (kind, verdict) = (event["checkpoint"].as_str().unwrap_or_default(), &event["verdict"]);
        let seconds = event["elapsed_ms"].as_f64().unwrap_or_default() / 1000.0;
        println!("{what:<10} {kind:<10} {seconds:>7.2} s   {}", verdict["got"].as_str().unwrap_or_default());
        if kind == "content" {
            let list = verdict["differences"].as_array().cloned().unwrap_or_default();
            named.extend(list.iter().filter_map(|one| one["column"].as_str().map(str::to_owned)));
        }
    }
    Ok(named)
}
