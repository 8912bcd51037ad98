//! A database of 10,000 tables with columns, indexes, constraints, comments and grants: what it takes to
//! look at all of it.
//!
//! `cargo bench --bench catalog` prints the median of five `holdpoint snapshot` and `holdpoint diff` (two
//! databases, two files), beside `pg_dump --schema-only`, which is what people compare with `diff` today;
//! and what ten small steps and their rollback take there and on an empty database: images are taken
//! before each step. Nothing is judged: the machine decides.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use holdpoint::pg::Session;
use holdpoint::pg::embedded::{Embedded, Options};

const TABLES: usize = 10_000;
const RUNS: usize = 5;
const STEPS: usize = 10;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let settings = [("autovacuum", "off"), ("max_locks_per_transaction", "2000"), ("fsync", "on")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    let server = runtime.block_on(Embedded::start(Options { settings, ..Options::default() }))?;
    let folder = tempfile::tempdir()?;
    let began = Instant::now();
    runtime.block_on(fill(&server))?;
    println!(
        "{TABLES} tables, each with five columns, two indexes, three constraints; every tenth with a comment"
    );
    println!("and a grant (made in {} s); median of {RUNS}", began.elapsed().as_secs());
    let measured = measure(&server, folder.path());
    runtime.block_on(server.stop());
    measured
}

async fn fill(server: &Embedded) -> Result<(), Failure> {
    let mut session = Session::connect(&server.config("postgres"), "bench").await?;
    session.batch("CREATE DATABASE small").await?;
    session.batch("CREATE DATABASE large").await?;
    session.close().await;
    let mut session = Session::connect(&server.config("large"), "bench").await?;
    let tables = format!(
        "DO $$ BEGIN FOR i IN 1..{TABLES} LOOP
           EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, name text NOT NULL DEFAULT ''x'', price numeric(12, 2)
             CHECK (price >= 0), up int REFERENCES t%s, at timestamptz DEFAULT now());
             CREATE INDEX t%s_by_name ON t%s (name, at)', i, i, i, i);
           IF i % 10 = 0 THEN
             EXECUTE format('COMMENT ON TABLE t%s IS ''x''; GRANT SELECT ON t%s TO PUBLIC', i, i);
           END IF;
           IF i % 200 = 0 THEN COMMIT; END IF;
         END LOOP; END $$"
    );
    session.batch(&tables).await?;
    // As autovacuum leaves it.
    session.batch("VACUUM ANALYZE pg_catalog.pg_class, pg_catalog.pg_attribute, pg_catalog.pg_index, pg_catalog.pg_constraint, pg_catalog.pg_depend, pg_catalog.pg_attrdef, pg_catalog.pg_description, pg_catalog.pg_type, pg_catalog.pg_trigger").await?;
    session.close().await;
    let mut session = Session::connect(&server.config("postgres"), "bench").await?;
    session.batch("CREATE DATABASE other TEMPLATE large").await?;
    session.close().await;
    let mut session = Session::connect(&server.config("other"), "bench").await?;
    session.batch("ALTER TABLE t777 ALTER name SET DEFAULT 'y'; DROP INDEX t778_by_name").await?;
    session.close().await;
    Ok(())
}

fn measure(server: &Embedded, folder: &Path) -> Result<(), Failure> {
    let file = |name: &str| folder.join(name);
    let url = |database: &str| {
        let config = server.config(database);
        let of = |name: &str| {
            let found = config.libpq_environment().into_iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value).unwrap_or_default()
        };
        format!("host={} port={} user={} dbname={database}", of("PGHOST"), of("PGPORT"), of("PGUSER"))
    };
    let mut dump = Command::new(server.bin_dir().join("pg_dump"));
    dump.envs(server.config("large").libpq_environment()).args(["--schema-only", "-f"]).arg(file("dump.sql"));
    figure("pg_dump --schema-only", RUNS, || timed(&mut dump, 0))?;

    for (name, database) in [("a.json", "large"), ("b.json", "other")] {
        let mut kept = holdpoint(&["snapshot", "--target", &url(database), "--out"]);
        timed(kept.arg(file(name)), 0)?;
    }
    println!("{:<34} {:>6} MB", "a snapshot as a file", fs::metadata(file("a.json"))?.len() / 1_000_000);
    let mut snapshot = holdpoint(&["snapshot", "--target", &url("large")]);
    figure("holdpoint snapshot", RUNS, || timed(&mut snapshot, 0))?;
    let mut snapshot = holdpoint(&["snapshot", "--json", "--target", &url("large")]);
    figure("holdpoint snapshot --json", RUNS, || timed(&mut snapshot, 0))?;
    let mut diff = holdpoint(&["diff", &url("large"), &url("other")]);
    figure("holdpoint diff, two databases", RUNS, || timed(&mut diff, 1))?;
    let mut diff = holdpoint(&["diff"]);
    diff.arg(file("a.json")).arg(file("b.json"));
    figure("holdpoint diff, two files", RUNS, || timed(&mut diff, 1))?;
    let mut diff = holdpoint(&["diff"]);
    diff.arg(file("a.json")).arg(url("large"));
    figure("holdpoint diff, a file and now", RUNS, || timed(&mut diff, 0))?;

    for database in ["small", "large"] {
        let plan = plan(folder)?;
        let target = url(database);
        for (what, exit) in [("run", 0), ("rollback", 4)] {
            let events = file(&format!("{database}-{what}.jsonl"));
            let mut command = holdpoint(&[what]);
            match what {
                "run" => command.arg(&plan),
                // One that is over has to be named.
                _ => command.arg(only_run(&file(database))?).args(["--reason", "bench"]),
            };
            command.args(["--plain", "--target", &target, "--events"]).arg(&events);
            command.arg("--state-dir").arg(file(database));
            let took = timed(&mut command, exit)?;
            let label = format!("{what} of {STEPS} steps, {database} database");
            println!(
                "{label:<34} {:>6} ms  {:>6} ms a step",
                took.as_millis(),
                took.as_millis() / STEPS as u128
            );
        }
    }
    Ok(())
}

fn only_run(state: &Path) -> Result<std::ffi::OsString, Failure> {
    let runs = fs::read_dir(state)?.filter_map(Result::ok).filter(|entry| entry.path().is_dir());
    let names = runs.map(|entry| entry.file_name());
    names.into_iter().find(|name| name.to_string_lossy().len() == 36).ok_or_else(|| "there is no run".into())
}

/// Small steps, one after the other.
fn plan(folder: &Path) -> Result<PathBuf, Failure> {
    let mut text = String::from(
        "[plan]\nid = \"bench\"\ntitle = \"Bench\"\nenvironment = \"dev\"\nstepping = \"auto\"\n\n[[phase]]\ntitle = \"Phase\"\n",
    );
    for step in 0..STEPS {
        write!(
            text,
            "\n[[phase.step]]\nid = \"s{step}\"\ntitle = \"Step {step}\"\nsql = \"CREATE TABLE bench_{step} (n int)\"\n\
             rollback.sql = \"DROP TABLE bench_{step}\"\n"
        )?;
    }
    let path = folder.join("plan.toml");
    fs::write(&path, text)?;
    Ok(path)
}

fn holdpoint(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdpoint"));
    command.args(args);
    command
}

fn figure(
    what: &str,
    runs: usize,
    mut once: impl FnMut() -> Result<Duration, Failure>,
) -> Result<(), Failure> {
    let mut times = Vec::new();
    for _ in 0..runs {
        times.push(once()?);
    }
    times.sort();
    println!("{what:<34} {:>6} ms", times[times.len() / 2].as_millis());
    Ok(())
}

fn timed(command: &mut Command, exit: i32) -> Result<Duration, Failure> {
    let began = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let took = began.elapsed();
    if output.status.code() != Some(exit) {
        return Err(format!(
            "{command:?}: {}\n{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    Ok(took)
}
