//! 20,000 small INSERTs in one transaction: `psql -q -1 -f` against holdpoint.
//!
//! `cargo bench --bench throughput` prints the median of five runs each, without judging: the machine
//! decides. Of holdpoint the whole run is timed (the plan checked, the script read before the window, the
//! journal and the ledger) and beside it what the transaction itself took.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use holdpoint::pg::embedded::{Embedded, Options};

const INSERTS: usize = 20_000;
const RUNS: usize = 5;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    // As a server is: with fsync.
    let settings = vec![("fsync".to_owned(), "on".to_owned()), ("autovacuum".to_owned(), "off".to_owned())];
    let server = runtime.block_on(Embedded::start(Options { settings, ..Options::default() }))?;
    let folder = tempfile::tempdir()?;
    let mut script = String::from("CREATE TABLE IF NOT EXISTS t(a int, b text);\n");
    for i in 0..INSERTS {
        script.push_str(&format!("INSERT INTO t VALUES ({i}, 'small');\n"));
    }
    fs::write(folder.path().join("inserts.sql"), script)?;
    fs::write(
        folder.path().join("plan.toml"),
        "[plan]\nid = \"bench\"\ntitle = \"Bench\"\nenvironment = \"dev\"\nstepping = \"auto\"\n\n[[phase]]\n\
         title = \"Phase\"\n\n[[phase.step]]\nid = \"inserts\"\ntitle = \"Inserts\"\nfile = \"inserts.sql\"\n",
    )?;
    let (mut psql, mut whole, mut inside) = (Vec::new(), Vec::new(), Vec::new());
    for run in 0..RUNS {
        let mut command = program(&server, &server.bin_dir().join("psql"));
        command.args(["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f"]);
        psql.push(timed(command.arg(folder.path().join("inserts.sql")))?);
        let events = folder.path().join("events");
        let mut command = program(&server, Path::new(env!("CARGO_BIN_EXE_holdpoint")));
        command.arg("run").arg(folder.path().join("plan.toml")).args(["--plain", "--events"]).arg(&events);
        command.arg("--state-dir").arg(folder.path().join(format!("state{run}")));
        whole.push(timed(&mut command)?);
        inside.push(in_transaction(&fs::read_to_string(&events)?).ok_or("no unit was applied")?);
    }
    runtime.block_on(server.stop());
    println!("{INSERTS} INSERTs in one transaction, median of {RUNS}");
    for (what, times) in [("psql -q -1 -f", psql), ("holdpoint run", whole), ("  its transaction", inside)] {
        let median = median(times);
        let rate = INSERTS as f64 / median.as_secs_f64();
        println!("{what:<18} {:>6} ms  {rate:>8.0} statements a second", median.as_millis());
    }
    Ok(())
}

fn program(server: &Embedded, path: &Path) -> Command {
    let mut command = Command::new(path);
    command.envs(server.config("postgres").libpq_environment());
    command
}

fn timed(command: &mut Command) -> Result<Duration, Failure> {
    let began = Instant::now();
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(began.elapsed())
}

/// From BEGIN to the confirmed COMMIT, as the events have it.
fn in_transaction(events: &str) -> Option<Duration> {
    let lines = events.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let applied = lines.into_iter().find(|event| event["event"] == "unit_applied")?;
    applied["elapsed_ms"].as_u64().map(Duration::from_millis)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
