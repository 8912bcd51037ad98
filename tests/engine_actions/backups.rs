//! `backup`: a file that is whole and proven, or none.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::common::runs::Bench;

const WORLD: &str = "\
    DO $$ BEGIN CREATE ROLE backup_app; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; CREATE TYPE mood AS ENUM ('good', 'bad'); \
    CREATE TABLE customer (id int PRIMARY KEY, m mood); ALTER TABLE customer OWNER TO backup_app; \
    CREATE TABLE \"Order Lines\" (id int PRIMARY KEY, customer int REFERENCES customer); \
    CREATE TABLE parts (id int) PARTITION BY RANGE (id); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10); \
    CREATE VIEW good AS SELECT * FROM customer WHERE m = 'good'; GRANT SELECT ON good TO PUBLIC; \
    CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; \
    INSERT INTO customer SELECT n, 'good' FROM generate_series(1, 2000) n; INSERT INTO parts VALUES (1), (2)";

fn backup(keys: &str) -> String {
    format!(
        "\n[[phase.step]]\nid = \"backup\"\ntitle = \"backup\"\nbackup = \"{{artifacts}}/shop.dump\"\n{keys}\n"
    )
}

/// The folder of the client programs, each of them a link, but for those that a script stands in for.
fn programs(bench: &Bench, scripts: &[(&str, &str)]) -> PathBuf {
    let real = Path::new("/usr/lib/postgresql");
    let real = std::fs::read_dir(real)
        .expect("the folder of the programs")
        .next()
        .expect("the folder of the programs")
        .expect("the folder of the programs")
        .path()
        .join("bin");
    let folder = bench.path("programs");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).expect("the folder of the programs");
    for entry in std::fs::read_dir(&real).expect("the folder of the programs") {
        let entry = entry.expect("the folder of the programs");
        let name = entry.file_name();
        match scripts.iter().find(|(script, _)| name == *script) {
            Some((_, text)) => {
                let path = folder.join(&name);
                let text = text.replace("REAL", entry.path().to_str().expect("the folder of the programs"));
                std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("the folder of the programs");
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))
                    .expect("the folder of the programs");
            }
            None => std::os::unix::fs::symlink(entry.path(), folder.join(&name))
                .expect("the folder of the programs"),
        }
    }
    folder
}

fn files(bench: &Bench, folder: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(bench.path(folder))
        .map(|entries| {
            entries
                .map(|entry| {
                    entry
                        .expect("the folder of the programs")
                        .file_name()
                        .into_string()
                        .expect("the folder of the programs")
                })
                .collect()
        })
        .unwrap_or_default();
    names.sort();
    names
}

/// A folder with room for less than a backup.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn at(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).expect("the folder");
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4k,mode=755", "tmpfs"]).arg(folder);
        mount.output().is_ok_and(|done| done.status.success()).then(|| Self(folder.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).output();
    }
}

/// Everything that the fake pg_dump was called with stands behind the file that it wrote.
const FILE: &str = "for a in \"$@\"; do case \"$a\" in --file=*) file=${a#--file=};; esac; done";

#[tokio::test]
async fn it_is_listed_or_restored_and_told_with_its_digest() {
    let bench = Bench::with(WORLD).await;
    bench.plan_with("artifacts = \"kept\"", &backup(""));
    let ran = bench.run().await;
    ran.exits(0).says("its list has all 4 tables").says("sha256");
    let taken = ran.last("backup_taken");
    assert_eq!((taken["tables"].as_u64(), taken["proof"].as_str()), (Some(4), Some("list")), "{ran}");
    let file = std::fs::read(bench.path("kept/shop.dump")).unwrap();
    assert_eq!(taken["file"]["bytes"], file.len());
    assert!(file.starts_with(b"PGDMP"));
    // It has all the rows: it is nobody else's to read, whatever the folder allows.
    let mode = std::fs::metadata(bench.path("kept/shop.dump")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(taken["database_bytes"].as_u64().unwrap() > 1_000_000, "{taken}");
    assert_eq!(bench.value("SELECT to_regclass('holdpoint.ledger')").await, "", "it changes nothing");

    // Again under that name: the older one isn't lost. The ledger is there now, and isn't in it.
    let change = "\n[[phase.step]]\nid = \"more\"\ntitle = \"more\"\nsql = \"CREATE TABLE more (id int)\"\n";
    bench.plan_with("artifacts = \"kept\"", &format!("{change}{}", backup("verify = \"restore\"")));
    let ran = bench.run().await;
    ran.exits(0).says("shop.dump.~1~ now").says("restored into a private server");
    assert_eq!(files(&bench, "kept"), ["shop.dump", "shop.dump.~1~"]);
    assert_eq!(std::fs::read(bench.path("kept/shop.dump.~1~")).unwrap(), file);
    let proven = ran.last("backup_taken")["proven"].as_str().unwrap().to_owned();
    assert!(proven.ends_with("definitions and 2004 rows are the same"), "{proven}");
}

#[tokio::test]
async fn a_truncated_one_lists_and_is_found_when_it_is_restored() {
    let bench = Bench::with(WORLD).await;
    let cut = format!(
        "{FILE}\ncase \"$1\" in --version) exec REAL \"$@\";; esac\nREAL \"$@\" || exit 1\nsize=$(wc -c < \"$file\")\ntruncate -s $((size - 2000)) \"$file\""
    );
    bench.env("HOLDPOINT_PG_BIN", programs(&bench, &[("pg_dump", &cut)]).to_str().unwrap());
    bench.env("PATH", "/usr/bin:/bin");
    bench.plan_with("artifacts = \"kept\"", &backup(""));
    bench.run().await.exits(0).says("its list has all 4 tables");
    bench.plan_with("artifacts = \"kept\"", &backup("verify = \"restore\"").replace("shop", "proven"));
    let ran = bench.run().await;
    ran.exits(6)
        .failed_with("backup", "the backup doesn't restore")
        .says("a half one is never left under its name");
    assert_eq!(files(&bench, "kept"), ["shop.dump"]);
}

/// As many rows and the same definitions aren't enough: what is in them counts.
#[tokio::test]
async fn one_that_restores_to_other_content_is_no_backup() {
    let bench = Bench::with(WORLD).await;
    let other = "case \"$*\" in *--dbname=*) REAL \"$@\" && exec \"$(dirname REAL)/psql\" -qX holdpoint_proof \
                 -c \"UPDATE customer SET m = 'bad' WHERE id = 7\";; *) exec REAL \"$@\";; esac";
    bench.env("PATH", "/usr/bin:/bin");
    bench.env("HOLDPOINT_PG_BIN", programs(&bench, &[("pg_restore", other)]).to_str().unwrap());
    bench.plan_with("artifacts = \"kept\"", &backup("verify = \"restore\""));
    let ran = bench.run().await;
    ran.exits(6).failed_with(
        "backup",
        "what comes out of the backup isn't what was in the database: content of customer",
    );
    assert_eq!(files(&bench, "kept"), [""; 0]);
}

/// The disk is really full: a small file system where that can be mounted.
#[tokio::test]
async fn a_disk_that_fills_up_leaves_no_file() {
    let bench = Bench::with(&format!(
        "{WORLD}; CREATE TABLE large AS SELECT n, sha256(n::text::bytea) AS h FROM generate_series(1, 20000) n"
    ))
    .await;
    bench.plan_with("artifacts = \"kept\"", &backup(""));
    let kept = bench.path("kept");
    std::fs::create_dir(&kept).unwrap();
    let mount = |args: &[&str]| {
        let mounted = std::process::Command::new(args[0]).args(&args[1..]).arg(&kept).output();
        mounted.is_ok_and(|mounted| mounted.status.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs"]) {
        eprintln!("no file system may be mounted here: not tried");
        return;
    }
    let ran = bench.run().await;
    let left = files(&bench, "kept");
    // Room again, and it is made.
    let grown = mount(&["mount", "-o", "remount,size=64m"]);
    let again = bench.resume().await;
    let made = files(&bench, "kept");
    assert!(mount(&["umount"]));
    ran.exits(6).failed_with("backup", "the disk is full: pg_dump had written").says("make room for");
    assert_eq!(left, [""; 0]);
    assert!(grown);
    again.exits(0);
    assert_eq!(made, ["shop.dump"]);
}

#[tokio::test]
async fn what_goes_wrong_is_said_and_leaves_no_file() {
    let bench = Bench::with(WORLD).await;
    let keys = "artifacts = \"kept\"";
    bench.plan_with(keys, &backup("lock_timeout = \"100ms\""));
    let old = "case \"$1\" in --version) echo 'pg_dump (PostgreSQL) 9.6.24';; esac";
    bench.env("PATH", "/usr/bin:/bin");
    bench.env("HOLDPOINT_PG_BIN", programs(&bench, &[("pg_dump", old)]).to_str().unwrap());
    // Before the window, and before there is a run.
    bench.run().await.exits(3).says("is pg_dump 9.6.24, older than the server");

    // A disk that is full: a real one where this user may have one, else what pg_dump says of it.
    let disk = SmallDisk::at(&bench.path("kept"));
    let full = format!(
        "{FILE}\ncase \"$1\" in --version) exec REAL \"$@\";; esac\nhead -c 5000 /dev/zero > \"$file\"\n\
         echo 'pg_dump: error: could not write to output file: No space left on device' >&2; exit 1"
    );
    let stands_in = [("pg_dump", full.as_str())];
    programs(&bench, if disk.is_some() { &[] } else { &stands_in });
    let ran = bench.run().await;
    ran.exits(6).failed_with("backup", "the disk is full: pg_dump had written").says("make room for");
    assert_eq!(files(&bench, "kept"), [""; 0]);
    drop(disk);
    bench.call(&["resume", "--end", "test"]).await;

    // A table that isn't in its list.
    let without =
        "case \"$1\" in --version) exec REAL \"$@\";; esac\nexec REAL --exclude-table=customer \"$@\"";
    programs(&bench, &[("pg_dump", without)]);
    let ran = bench.run().await;
    ran.exits(6).failed_with("backup", "the backup isn't whole: table public.customer isn't in it");
    bench.call(&["resume", "--end", "test"]).await;
    assert_eq!(files(&bench, "kept"), [""; 0]);

    // A lock that isn't to be had; then it is made.
    programs(&bench, &[]);
    let config = bench.server.config(&bench.db);
    let mut holder = holdpoint::pg::Session::connect(&config, "holder").await.unwrap();
    holder.batch("BEGIN; LOCK TABLE customer").await.unwrap();
    let ran = bench.run().await;
    ran.exits(6).failed_with("backup", "lock timeout").says("somebody holds a lock on a table");
    holder.batch("ROLLBACK").await.unwrap();
    bench.resume().await.exits(0);
    assert_eq!(files(&bench, "kept"), ["shop.dump"]);
}

/// Neither a password nor the connection is in the arguments of what runs.
#[tokio::test]
async fn killed_in_the_middle_no_half_file_is_left_for_a_whole_one() {
    let bench = Bench::with(WORLD).await;
    let mark = bench.path("started");
    let slow = format!(
        "{FILE}\ncase \"$1\" in --version) exec REAL \"$@\";; esac\nif [ ! -e {mark} ]; then printf half > \"$file\"; \
         echo \"$@\" > {mark}; sleep 60; fi\nexec REAL \"$@\"",
        mark = mark.display()
    );
    bench.env("PATH", "/usr/bin:/bin");
    bench.env("HOLDPOINT_PG_BIN", programs(&bench, &[("pg_dump", &slow)]).to_str().unwrap());
    bench.env("PGPASSWORD", "correct-horse");
    bench.plan_with("artifacts = \"kept\"", &backup(""));
    let running = bench.begin(&["run"]);
    let began = std::time::Instant::now();
    while std::fs::read_to_string(&mark).unwrap_or_default().is_empty() {
        assert!(began.elapsed().as_secs() < 60, "pg_dump wasn't started");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    drop(running);
    let args = std::fs::read_to_string(&mark).unwrap();
    assert!(args.contains("--exclude-schema=holdpoint") && !args.contains("correct-horse"), "{args}");
    assert!(!bench.path("kept/shop.dump").exists());
    let ran = bench.resume().await;
    ran.exits(0);
    assert_eq!(files(&bench, "kept"), ["shop.dump"], "{ran}");
    assert_eq!(ran.all("backup_taken").len(), 1, "{ran}");
}

/// However long it reads, who interrupts it isn't made to wait, and a backup that isn't proven and told isn't left.
#[tokio::test]
async fn an_interrupt_ends_it_while_it_reads() {
    let bench = Bench::with(WORLD).await;
    bench.env("PATH", "/usr/bin:/bin");
    let keys = "verify = \"restore\"\nlock_timeout = \"1h\"";
    bench.plan_with("artifacts = \"kept\"", &backup(keys));
    let mut holder = bench.server.session(&bench.db).await;
    holder.batch("BEGIN; LOCK TABLE customer").await.unwrap();
    let mut running = bench.begin(&["run"]);
    let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'customer'::regclass)";
    bench.until("the rows are waited for", waits).await;
    running.interrupt();
    running.end().await.exits(130);
    assert_eq!(bench.value(waits).await, "f", "nobody waits on");
    holder.batch("ROLLBACK").await.unwrap();
    bench.resume().await.exits(0);

    // A file that takes minutes to read.
    let large = format!(
        "{FILE}\ncase \"$1\" in --version) exec REAL \"$@\";; esac\nREAL \"$@\" || exit 1\ntruncate -s +800G \"$file\""
    );
    bench.env("HOLDPOINT_PG_BIN", programs(&bench, &[("pg_dump", &large)]).to_str().unwrap());
    bench.plan_with("artifacts = \"kept\"", &backup("").replace("shop", "large"));
    let mut running = bench.begin(&["run"]);
    bench.until_said("its SHA-256: 0 kB of 858").await;
    assert_eq!(files(&bench, "kept"), ["large.dump.part", "shop.dump"]);
    running.interrupt();
    running.end().await.exits(130);
    assert_eq!(files(&bench, "kept"), ["shop.dump"]);
    bench.env("HOLDPOINT_PG_BIN", programs(&bench, &[]).to_str().unwrap());
    bench.resume().await.exits(0);
    assert_eq!(files(&bench, "kept"), ["large.dump", "shop.dump"]);
}

/// A long one says how far it is.
#[tokio::test]
async fn how_much_is_written_is_told_while_it_is() {
    let bench = Bench::with(WORLD).await;
    let go = bench.path("go");
    let slow = format!(
        "{FILE}\ncase \"$1\" in --version) exec REAL \"$@\";; esac\nhead -c 5000 /dev/zero > \"$file\"\n\
         until [ -e {} ]; do sleep 0.05; done\nexec REAL \"$@\"",
        go.display()
    );
    bench.env("PATH", "/usr/bin:/bin");
    bench.env("HOLDPOINT_PG_BIN", programs(&bench, &[("pg_dump", &slow)]).to_str().unwrap());
    bench.plan_with("artifacts = \"kept\"", &backup(""));
    let running = bench.begin(&["run"]);
    bench.until_said("5 kB written; the database has ").await;
    bench.file("go", "");
    running.end().await.exits(0);
}
