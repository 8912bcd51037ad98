//! Files that don't fit into memory, and what goes wrong in the middle of them.

use crate::both::{Mode, create, events, holdpoint};
use crate::server::Server;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

/// Memory of the program at its highest, in MB. A debug build's own code is a third of them.
const MEMORY: u64 = 96;

/// `HOLDPOINT_LARGE_MB=300` for the size that is promised; the default keeps the test short.
fn megabytes() -> usize {
    std::env::var("HOLDPOINT_LARGE_MB").ok().and_then(|mb| mb.parse().ok()).unwrap_or(100)
}

/// Runs the program; its exit code, what it said, and its memory at its highest in MB.
fn watched(mut command: std::process::Command) -> (i32, String, u64) {
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let watch = std::thread::spawn(move || {
        let mut peak = 0;
        while let Ok(text) = std::fs::read_to_string(&status) {
            let Some(line) = text.lines().find(|line| line.starts_with("VmHWM:")) else { break };
            peak = line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024;
            std::thread::sleep(Duration::from_millis(5));
        }
        peak
    });
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), said, watch.join().unwrap())
}

fn value(server: &Server, database: &str, sql: &str) -> String {
    let output = server.program("psql", database).args(["-XAtc", sql]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Three quarters are COPY data, the rest INSERTs (500,000 of them in 100 MB).
fn write_large(path: &Path, megabytes: usize) -> (usize, usize) {
    let mut out = BufWriter::new(File::create(path).unwrap());
    writeln!(
        out,
        "CREATE TABLE c(a int, b text);\nCREATE TABLE i(a int, b text);\nCOPY c (a, b) FROM stdin;"
    )
    .unwrap();
    let rows = megabytes * 750_000 / 108;
    for row in 0..rows {
        writeln!(out, "{row}\t{}", "größe; 'x'\\t".repeat(8)).unwrap();
    }
    writeln!(out, "\\.\n").unwrap();
    let inserts = megabytes * 5_000;
    for insert in 0..inserts {
        writeln!(out, "INSERT INTO i VALUES ({insert}, 'it''s; one');").unwrap();
    }
    out.flush().unwrap();
    (rows, inserts)
}

#[test]
fn a_large_file_needs_little_memory() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    create(&server, "large", "template1");
    let (rows, inserts) = write_large(&folder.path().join("large.sql"), megabytes());
    let mut command = holdpoint(&server, "large", folder.path(), folder.path(), "large.sql", Mode::Single);
    command.env("PGOPTIONS", "-c log_statement=none");
    let (exit, said, peak) = watched(command);
    println!("{} MB through {peak} MB of memory", megabytes());
    assert_eq!(exit, 0, "{said}");
    assert!(peak < MEMORY, "{peak} MB");
    assert_eq!(
        value(&server, "large", "SELECT count(*), sum(a) FROM c"),
        format!("{rows}|{}", (0..rows).sum::<usize>())
    );
    assert_eq!(
        value(&server, "large", "SELECT count(*), sum(a) FROM i"),
        format!("{inserts}|{}", (0..inserts).sum::<usize>())
    );
}

/// The server refuses a row while we still send: it is told which one, the session goes on, nothing stays.
#[test]
fn a_bad_row_in_much_copy_data_is_named_and_undone() {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    create(&server, "bad", "template1");
    let mut out = BufWriter::new(File::create(folder.path().join("bad.sql")).unwrap());
    writeln!(out, "CREATE TABLE c(a int, b text);\nCOPY c (a, b) FROM stdin;").unwrap();
    for row in 1..=200_000 {
        let a = if row == 150_000 { "x".to_owned() } else { row.to_string() };
        writeln!(out, "{a}\tsomething that makes the row longer").unwrap();
    }
    writeln!(out, "\\.\nCREATE TABLE behind(a int);").unwrap();
    out.flush().unwrap();
    drop(out);
    let mut command = holdpoint(&server, "bad", folder.path(), folder.path(), "bad.sql", Mode::Single);
    command.env("PGAPPNAME", "bad");
    let (exit, said, peak) = watched(command);
    assert_eq!(exit, 6, "{said}");
    assert!(peak < MEMORY, "{peak} MB");
    let failed = events(folder.path()).into_iter().find(|event| event["event"] == "unit_failed").unwrap();
    assert_eq!(failed["problem"]["sqlstate"], "22P02");
    assert_eq!(failed["problem"]["context"], "COPY c, line 150000, column a: \"x\"");
    assert_eq!(failed["problem"]["place"]["line"], 150_002);
    assert_eq!(value(&server, "bad", "SELECT to_regclass('c'), to_regclass('behind')"), "|");
    // The same session said ROLLBACK: it was still in order.
    let sent = server.log().simple("bad work");
    let last = sent.last().unwrap();
    assert!(last.text == "/* holdpoint */ ROLLBACK" && last.error.is_none(), "{last:?}");
}

/// Bytes of one large piece.
const PIECE: usize = 16 << 20;

fn statement(out: &mut dyn Write) {
    write!(out, "INSERT INTO t VALUES (1, '{}');", "größe; ".repeat(PIECE / 9)).unwrap();
}

fn row(out: &mut dyn Write) {
    write!(out, "COPY t FROM stdin;\n1\t{}\n\\.\n", "größe; ".repeat(PIECE / 9)).unwrap();
}

fn many(out: &mut dyn Write) {
    for n in 0..50_000 {
        writeln!(out, "INSERT INTO t VALUES ({n}, 'it''s; one');").unwrap();
    }
}

/// Each of them is durable in the journal by itself, which takes its time.
fn some(out: &mut dyn Write) {
    for n in 0..1_000 {
        writeln!(out, "INSERT INTO t VALUES ({n}, 'it''s; one');").unwrap();
    }
}

/// Less than one copy of a statement more.
const A_QUARTER_OF_A_COPY: u64 = 4;

fn weight_with_nothing(server: &Server) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    create(server, "nothing", "template1");
    std::fs::write(folder.path().join("a.sql"), "CREATE TABLE t (a int, b text);\n").unwrap();
    let (exit, said, peak) =
        watched(holdpoint(server, "nothing", folder.path(), folder.path(), "a.sql", Mode::Single));
    assert_eq!(exit, 0, "{said}");
    assert!(peak < MEMORY / 2, "{peak} MB with nothing to carry");
    println!("nothing: {peak} MB");
    peak
}

/// Statements of which each is a transaction. The journal is in memory here: a disk would take minutes.
fn in_pieces(server: &Server, number: usize) -> u64 {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let database = format!("pieces{number}");
    create(server, &database, "template1");
    let inserts = (0..number).map(|n| format!("INSERT INTO t VALUES ({n}, 'it''s; one');\n"));
    let script = format!("CREATE TABLE t (a int, b text);\n{}", inserts.collect::<String>());
    std::fs::write(folder.path().join("a.sql"), script).unwrap();
    let mut command = holdpoint(server, &database, folder.path(), folder.path(), "a.sql", Mode::None);
    command.env("PGOPTIONS", "-c log_statement=none");
    let (exit, said, peak) = watched(command);
    assert_eq!(exit, 0, "{said}");
    assert_eq!(value(server, &database, "SELECT count(*) FROM t"), number.to_string());
    peak
}

/// Each statement a transaction, and a few bytes of memory: it was 4 KB.
#[test]
fn many_statements_by_themselves_need_no_more_memory_than_few() {
    let server = Server::start();
    let (few, many) = (in_pieces(&server, 500), in_pieces(&server, 5_000));
    println!("500: {few} MB, 5000: {many} MB");
    assert!(many <= few + A_QUARTER_OF_A_COPY, "{few} and {many} MB");
}

/// A statement is in memory as often as it has to be, a row of COPY data or the number of statements doesn't
/// show at all.
#[test]
fn what_is_large_needs_memory_for_itself_alone() {
    type Write = fn(&mut dyn std::io::Write);
    let plain = MEMORY / 2;
    let server = Server::start();
    // What the program weighs when it has nothing to carry: what comes on top is copies of the statement.
    let own = weight_with_nothing(&server) + A_QUARTER_OF_A_COPY;
    let cases: [(&str, Mode, Write, u64); 8] = [
        ("statement", Mode::Single, statement, own + 4 * 16),
        ("statement", Mode::Script, statement, own + 5 * 16),
        ("statement", Mode::None, statement, own + 6 * 16),
        ("row", Mode::Single, row, plain),
        ("row", Mode::None, row, plain),
        ("many", Mode::Single, many, plain),
        ("many", Mode::Script, many, plain),
        ("some", Mode::None, some, plain),
    ];
    for (number, (name, mode, write, most)) in cases.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("piece{number}");
        create(&server, &database, "template1");
        let mut out = BufWriter::new(File::create(folder.path().join("a.sql")).unwrap());
        writeln!(out, "CREATE TABLE t (a int, b text);").unwrap();
        let in_transaction = matches!(mode, Mode::Script);
        writeln!(out, "{}", if in_transaction { "BEGIN;" } else { "" }).unwrap();
        write(&mut out);
        writeln!(out, "\n{}", if in_transaction { "COMMIT;" } else { "" }).unwrap();
        out.flush().unwrap();
        drop(out);
        let mut command = holdpoint(&server, &database, folder.path(), folder.path(), "a.sql", mode);
        command.env("PGOPTIONS", "-c log_statement=none");
        let (exit, said, peak) = watched(command);
        println!("{name} {mode:?}: {peak} MB");
        assert_eq!(exit, 0, "{name} {mode:?}: {said}");
        assert!(peak < most, "{name} {mode:?}: {peak} MB, and {most} are enough");
        let size = "SELECT count(*) > 0 AND (count(*) > 1 OR max(octet_length(b)) > 16000000) FROM t";
        assert_eq!(value(&server, &database, size), "t", "{name} {mode:?}");
    }
}
