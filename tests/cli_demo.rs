//! `holdpoint demo`: works anywhere, for anybody, and leaves nothing behind.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
mod scene;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use scene::corner::{Corner, servers_in};
use scene::{Said, is_root, one_step, open_folder, plan_text, wait_for};

#[test]
fn it_runs_kochel_to_its_end_and_leaves_nothing() {
    let corner = Corner::new();
    let said = corner.demo("--events events.jsonl");
    said.exits(0)
        .complains("there are more to try: holdpoint demo cloud-migration-lane3, holdpoint demo production-promotion, holdpoint demo v7-database-phase, holdpoint demo week2-staging");
    let text = std::fs::read_to_string(corner.tmp.path().join("events.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "ended");
    assert_eq!(last["summary"]["steps"]["verified"], 18);
    assert_eq!(last["summary"]["checkpoints_failed"], 0);
    // The answers of people are marked as the demo's.
    assert!(text.contains("\"how\":\"demo\""), "{text}");
    std::fs::remove_file(corner.tmp.path().join("events.jsonl")).unwrap();
    corner.is_clean();
}

#[test]
fn it_needs_no_home() {
    let corner = Corner::new();
    let mut unset = corner.command("demo --plain");
    unset.env_remove("HOME").env_remove("XDG_CACHE_HOME");
    Said::by(unset).exits(0);
    let mut empty = corner.command("demo --plain");
    empty.env("HOME", "");
    Said::by(empty).exits(0);
    let mut gone = corner.command("demo --plain");
    gone.env("HOME", "/proc/nobody/home");
    Said::by(gone).exits(0);
    assert_eq!(corner.processes(), [0; 0]);
    // Template and journals have to be somewhere; nobody else may look into them.
    for name in corner.leftovers() {
        assert!(name.starts_with("holdpoint-cache-") || name.starts_with("holdpoint-state-"), "{name}");
        let mode = corner.tmp.path().join(&name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{name}");
    }
}

#[test]
fn it_works_from_a_folder_that_cant_be_written() {
    let corner = Corner::new();
    let mut command = corner.command("demo --plain");
    command.current_dir("/proc");
    Said::by(command).exits(0);
    corner.is_clean();
}

#[test]
fn it_works_for_a_normal_user() {
    if !is_root() {
        println!("not root: the other tests here are the normal user's");
        return;
    }
    let corner = Corner::new();
    let program = corner.home.path().join("holdpoint");
    std::fs::copy(scene::PROGRAM, &program).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let theirs = open_folder();
    std::fs::set_permissions(theirs.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
    let mut command = Command::new("runuser");
    // Without a home that exists, as such users are.
    command.args(["-u", "nobody", "--"]).arg(&program).args(["demo", "--plain"]);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("TMPDIR", theirs.path()).current_dir("/").stdin(Stdio::null());
    Said::by(command).exits(0);
    assert_eq!(servers_in(theirs.path()), [0; 0]);
    let left: Vec<_> = std::fs::read_dir(theirs.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("holdpoint-p")), "{left:?}");
}

#[test]
fn what_keep_prints_works() {
    let corner = Corner::new();
    let said = corner.demo("--keep");
    said.exits(0);
    let after = |words: &str| -> String {
        let line = said.err.lines().find_map(|line| line.split_once(words)).map(|(_, rest)| rest);
        line.unwrap_or_else(|| panic!("it doesn't say \"{words}\"\n{said}")).trim().to_owned()
    };
    let shell = |line: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", line]).stdin(Stdio::null());
        Said::by(command)
    };
    let connect = after("To look at it: ");
    let rows = shell(&format!("{connect} -Atc 'SELECT count(*) FROM lifecycle_stage_config'"));
    rows.exits(0);
    assert_eq!(rows.out.trim(), "25");
    assert!(!corner.processes().is_empty());
    shell(&after("to stop and remove it: ")).exits(0);
    wait_for("the server to be gone", || corner.processes().is_empty().then_some(()));
    assert_eq!(corner.leftovers(), [""; 0]);
}

#[test]
fn its_help_names_every_shipped_plan() {
    let corner = Corner::new();
    let said = Said::by(corner.command("demo --help"));
    said.exits(0).says("kochel-phase-a (when none is given)");
    let plans = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/plans")).unwrap();
    let names = plans.filter_map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.strip_suffix(".toml").map(str::to_owned)
    });
    let names: Vec<String> = names.collect();
    assert!(names.len() >= 5, "{names:?}");
    for name in &names {
        said.says(name);
    }
}

#[test]
fn a_plan_that_isnt_there_is_a_usage_error() {
    let corner = Corner::new();
    let said = corner.demo("NOPE");
    said.exits(2).complains("there is no file NOPE").complains("kochel-phase-a").reads_well();
    corner.demo("nope.toml").exits(2).complains("nope.toml").reads_well();
    corner.is_clean();
}

#[test]
fn a_plan_of_ones_own_runs_with_its_fixture() {
    let corner = Corner::new();
    let folder = open_folder();
    let body = one_step("UPDATE t SET n = n + 1 WHERE n = 1;");
    let keys = "fixture = \"before.sql\"\nstepping = \"manual\"";
    std::fs::write(folder.path().join("mine.toml"), plan_text(keys, &body)).unwrap();
    std::fs::write(folder.path().join("before.sql"), "CREATE TABLE t (n int);\nINSERT INTO t VALUES (1);\n")
        .unwrap();
    let plan = folder.path().join("mine.toml");
    corner.demo(plan.to_str().unwrap()).exits(0);
    // Its journal is beside it, where `resume --plan` and `status` look.
    let status = Said::by(corner.command(&format!("status {}", plan.display())));
    status.exits(0).says("done (exit 0)");

    std::fs::write(folder.path().join("before.sql"), "CREATE TABLE t (n int);\nSELECT * FROM gone;\n")
        .unwrap();
    let said = corner.demo(plan.to_str().unwrap());
    said.exits(1).complains("before.sql:2:15").complains("\"gone\" does not exist").reads_well();
    corner.is_clean();
}

#[test]
fn only_known_phases_and_variables_are_taken() {
    let corner = Corner::new();
    corner.demo("--only nowhere").exits(2).complains("--only nowhere").complains("preflight").reads_well();
    corner.demo("--var nobody=1").exits(2).complains("--var nobody").reads_well();
    corner.demo("--var novalue").exits(2).complains("NAME=VALUE").reads_well();
    corner.demo("--log loud").exits(2).complains("--log loud").reads_well();
    corner.is_clean();
}

#[test]
fn without_postgresql_it_says_what_to_install() {
    let corner = Corner::new();
    let said = corner.demo("--pg-bin /nonexistent");
    said.exits(7).complains("/nonexistent").complains("initdb").reads_well();

    // Only where the usual places are empty too; here they aren't, so a found server is as good.
    let mut bare = corner.command("demo --plain");
    bare.env("PATH", "/nonexistent");
    let said = Said::by(bare);
    if said.code != Some(0) {
        said.exits(7).complains("install").reads_well();
    }
    corner.is_clean();
}

#[test]
fn after_a_kill_the_server_stops_and_the_next_start_sweeps() {
    let corner = Corner::new();
    let folder = open_folder();
    let plan = folder.path().join("slow.toml");
    std::fs::write(&plan, plan_text("", &one_step("SELECT pg_sleep(600);"))).unwrap();
    let mut command = corner.command("demo --plain");
    command.arg(&plan).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let journal = wait_for("the step to run", || {
        let journal = journals_in(folder.path()).pop()?;
        std::fs::read_to_string(&journal).unwrap().contains("unit_started").then_some(journal)
    });
    assert!(!corner.processes().is_empty());
    child.kill().unwrap(); // SIGKILL
    child.wait().unwrap();
    wait_for("the server to stop by itself", || corner.processes().is_empty().then_some(()));
    assert_eq!(corner.leftovers().len(), 1, "the folder waits for the sweep: {:?}", corner.leftovers());
    corner.demo("").exits(0);
    corner.is_clean();
    // The server is gone, and so is what the run was bound to.
    let id = journal.parent().unwrap().file_name().unwrap().to_str().unwrap();
    let resume =
        |more: &str| Said::by(corner.command(&format!("resume {more} --plain --plan {}", plan.display())));
    resume(id).exits(3).complains("this run was a demo, and its server went with it").reads_well();
    resume("").exits(2).complains("no open run in").reads_well();
}

fn journals_in(folder: &Path) -> Vec<PathBuf> {
    glob::glob(&format!("{}/.holdpoint/*/journal.jsonl", folder.display()))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn a_signal_ends_the_demo_and_its_server() {
    for signal in ["INT", "TERM", "HUP"] {
        let corner = Corner::new();
        let folder = open_folder();
        let plan = folder.path().join("slow.toml");
        std::fs::write(&plan, plan_text("", &one_step("SELECT pg_sleep(600);"))).unwrap();
        let mut command = corner.command("demo --plain");
        command.arg(&plan).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        wait_for("the step to run", || {
            let journal = journals_in(folder.path()).pop()?;
            std::fs::read_to_string(journal).unwrap().contains("unit_started").then_some(())
        });
        Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        let said = Said::of(child, "the demo to end");
        said.exits(130).complains(&format!("interrupted by SIG{signal}"));
        corner.is_clean();
    }
}
