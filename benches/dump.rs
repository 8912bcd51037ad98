//! A dump of a gigabyte, through `psql -1 -f` and through holdpoint: throughput, and the most memory that
//! each of them ever had.
//!
//! `cargo bench --bench dump` makes the dump up (as pg_dump writes it: functions, COPY blocks, INSERTs), runs
//! it once through each against a private server, and prints figures without judging: the machine decides.
//! `HOLDPOINT_LARGE_MB` sets another size, and `HOLDPOINT_BENCH_KIND` another dump: `copy`, `inserts` (all of
//! it INSERTs), `statement` (one statement), `row` (one row of a COPY), `none` (statements of which each is a
//! transaction; two million are 83 MB and take hours).

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use holdpoint::pg::embedded::{Embedded, Options};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let megabytes = std::env::var("HOLDPOINT_LARGE_MB").ok().and_then(|mb| mb.parse().ok()).unwrap_or(1000);
    let kind = std::env::var("HOLDPOINT_BENCH_KIND").unwrap_or_else(|_| "dump".to_owned());
    let runtime = tokio::runtime::Runtime::new()?;
    let settings = ["autovacuum=off", "max_wal_size=4GB", "checkpoint_timeout=1h"];
    let settings = settings.iter().filter_map(|setting| setting.split_once('='));
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let server = runtime.block_on(Embedded::start(Options { settings, ..Options::default() }))?;
    let folder = tempfile::tempdir()?;
    let dump = folder.path().join("dump.sql");
    let statements = write(&dump, &kind, megabytes << 20)?;
    let bytes = fs::metadata(&dump)?.len();
    let none = kind == "none";
    let mode = if none { "transaction = \"none\"\n" } else { "" };
    let plan = format!(
        "[plan]\nid = \"bench\"\ntitle = \"Bench\"\nenvironment = \"dev\"\nstepping = \"auto\"\n\n[[phase]]\n\
         title = \"Phase\"\n\n[[phase.step]]\nid = \"dump\"\ntitle = \"Dump\"\nfile = \"dump.sql\"\n{mode}",
    );
    fs::write(folder.path().join("plan.toml"), plan)?;
    println!("{kind}: {} MB, {statements} statements", bytes / 1_000_000);

    let mut psql = Command::new(server.bin_dir().join("psql"));
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"]).args((!none).then_some("-1"));
    psql.arg("-f").arg(&dump);
    let (took, peak) = watched(psql.envs(server.config("postgres").libpq_environment()))?;
    told(if none { "psql -q -f" } else { "psql -q -1 -f" }, bytes, took, peak);

    let mut drop = Command::new(server.bin_dir().join("psql"));
    drop.args([
        "-X",
        "-q",
        "-c",
        "DROP SCHEMA public CASCADE",
        "-c",
        "CREATE SCHEMA public",
        "-c",
        "CHECKPOINT",
    ]);
    watched(drop.envs(server.config("postgres").libpq_environment()))?;

    let events = folder.path().join("events");
    let mut run = Command::new(env!("CARGO_BIN_EXE_holdpoint"));
    run.arg("run").arg(folder.path().join("plan.toml")).args(["--plain", "--events"]).arg(&events);
    run.arg("--state-dir").arg(folder.path().join("state"));
    let (took, peak) = watched(run.envs(server.config("postgres").libpq_environment()))?;
    told("holdpoint run", bytes, took, peak);
    if none {
        let state = fs::read_dir(folder.path().join("state"))?;
        let journals = state.filter_map(|run| run.ok()?.path().join("journal.jsonl").metadata().ok());
        println!("  its journal      {:>7} MB", journals.map(|file| file.len()).sum::<u64>() / 1_000_000);
    } else {
        let inside = in_transaction(&fs::read_to_string(&events)?).ok_or("no unit was applied")?;
        told("  its transaction", bytes, inside, peak);
    }
    runtime.block_on(server.stop());
    Ok(())
}

fn told(what: &str, bytes: u64, took: Duration, peak: u64) {
    let rate = bytes as f64 / 1e6 / took.as_secs_f64();
    println!("{what:<18} {:>7.1} s {rate:>6.0} MB/s   at most {peak} MB of memory", took.as_secs_f64());
}

/// Writes the dump; how many statements are in it.
fn write(path: &Path, kind: &str, bytes: usize) -> Result<usize, Failure> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut statements = 0;
    match kind {
        "statement" => {
            writeln!(out, "CREATE TABLE s(a int, b text);\nINSERT INTO s VALUES\n(0, 'first')")?;
            for n in 0..bytes / 100 {
                writeln!(
                    out,
                    ", ({n}, 'a value of a very long statement, written on a line of its own, {:>20}')",
                    n
                )?;
            }
            writeln!(out, ";")?;
            statements += 2;
        }
        "none" => {
            writeln!(out, "CREATE TABLE n(a int, b text);")?;
            let mut written = 0;
            while written < bytes {
                let row = format!("INSERT INTO n VALUES ({statements}, 'it''s; one');\n");
                out.write_all(row.as_bytes())?;
                written += row.len();
                statements += 1;
            }
        }
        "row" => {
            writeln!(out, "CREATE TABLE r(a int, b text);\nCOPY r FROM stdin;")?;
            write!(out, "1\t")?;
            for _ in 0..bytes / 64 {
                write!(
                    out,
                    "{}",
                    "one row that is very long; 'größe' ".repeat(2).get(..64).unwrap_or_default()
                )?;
            }
            writeln!(out, "\n\\.\n")?;
            statements += 2;
        }
        _ => {
            // A tenth of a dump are INSERTs, and between its tables are functions.
            let blocks = 20;
            let insert = if kind == "inserts" {
                100
            } else if kind == "copy" {
                0
            } else {
                10
            };
            for block in 0..blocks {
                statements += table(&mut out, block, bytes / blocks, insert)?;
            }
        }
    }
    out.flush()?;
    Ok(statements)
}

fn table(out: &mut impl Write, block: usize, bytes: usize, percent: usize) -> Result<usize, Failure> {
    let mut statements = 3;
    writeln!(
        out,
        "--\n-- Name: t{block}; Type: TABLE\n--\n\nCREATE TABLE public.t{block} (\n    id integer,\n    name text,\n    at timestamp\n);\n"
    )?;
    writeln!(
        out,
        "CREATE FUNCTION public.f{block}(n integer) RETURNS integer\n    LANGUAGE plpgsql\n    AS $$\nbegin\n  -- 'not' a string; nor an end\n  return n + 1;\nend;\n$$;\n"
    )?;
    let mut written = 0;
    let mut n = 0;
    writeln!(out, "COPY public.t{block} (id, name, at) FROM stdin;")?;
    while written < bytes / 100 * (100 - percent) {
        n += 1;
        let row = format!("{n}\tsomebody's name; größe \\t {:x}\t2026-11-21 10:00:00\n", n * 7_919);
        out.write_all(row.as_bytes())?;
        written += row.len();
    }
    writeln!(out, "\\.\n\n")?;
    while written < bytes / 100 * 100 && percent > 0 {
        n += 1;
        let row =
            format!("INSERT INTO public.t{block} VALUES ({n}, 'somebody''s name', '2026-11-21 10:00:00');\n");
        out.write_all(row.as_bytes())?;
        written += row.len();
        statements += 1;
    }
    Ok(statements)
}

/// Runs it; how long it took, and its memory at its highest in MB.
fn watched(command: &mut Command) -> Result<(Duration, u64), Failure> {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(peak);
        if let Some(ended) = child.try_wait()? {
            break ended;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    if ended.success() {
        Ok((began.elapsed(), peak / 1024))
    } else {
        Err(format!("{command:?}: {ended}").into())
    }
}

/// From BEGIN to the confirmed COMMIT, as the events have it.
fn in_transaction(events: &str) -> Option<Duration> {
    let lines = events.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let applied = lines.into_iter().find(|event| event["event"] == "unit_applied")?;
    applied["elapsed_ms"].as_u64().map(Duration::from_millis)
}
