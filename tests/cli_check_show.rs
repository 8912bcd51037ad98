//! `holdpoint check` and `show`: what is wrong with a plan is found without a database.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
mod scene;

use std::process::Stdio;

use scene::{Corner, Said, one_step, plan_text};

#[test]
fn a_good_plan_and_the_shipped_one() {
    let corner = Corner::new();
    corner.plan(&one_step("CREATE TABLE a (n int);"));
    corner.type_in("check plan.toml").exits(0).says("✓ plan.toml: 1 phase, 1 step, 0 files, 1 statement");
    let said = corner.type_in("check kochel-phase-a");
    said.exits(0).says("18 steps").never_says("error");
    // The worst of several counts.
    corner.file("bad.toml", "[plan]\nid = 1\n");
    corner.type_in("check plan.toml bad.toml kochel-phase-a").exits(2).says("✓ plan.toml").says("✗ bad.toml");
    corner.type_in("check").exits(2).complains("<PLANS>");
}

#[test]
fn what_isnt_a_plan() {
    let corner = Corner::new();
    corner.file("empty.toml", "");
    corner.file("latin.toml", b"[plan]\nid = \"p\"\ntitle = \"Gr\xf6\xdfe\"\n");
    corner.file("broken.toml", "[plan\nid = \"p\"\n");
    corner.file("zero.toml", b"[plan]\nid = \"\0\"\n");
    std::fs::create_dir(corner.path("folder.toml")).unwrap();
    for (name, place, words) in [
        ("missing.toml", "missing.toml", "no such file"),
        ("folder.toml", "folder.toml", "this is a directory, not a plan"),
        ("empty.toml", "empty.toml: error: the file is empty", "[plan]"),
        ("latin.toml", "latin.toml", "isn't UTF-8: byte 27 (line 3) is 0xf6"),
        ("broken.toml", "broken.toml:1:6", ""),
        ("zero.toml", "zero.toml:2:", ""),
        ("/dev/null", "/dev/null", "not a regular file"),
    ] {
        for command in ["check", "run --plain", "demo --plain"] {
            let said = corner.type_in(&format!("{command} {name}"));
            said.exits(2).says(place).says(words).never_says("panicked");
        }
    }
    corner
        .type_in("check nonsense")
        .exits(2)
        .complains("there is no file nonsense")
        .complains("kochel-phase-a");
}

#[test]
fn a_hundred_thousand_steps() {
    let corner = Corner::new();
    let mut body = "[[phase]]\nid = \"p\"\ntitle = \"P\"\n".to_owned();
    for n in 0..100_000 {
        body.push_str(&format!("[[phase.step]]\nid = \"s{n}\"\ntitle = \"S{n}\"\nconfirm = \"x\"\n"));
    }
    corner.plan(&body);
    corner.type_in("check plan.toml").exits(0).says("100000 steps");
    // And with a fault in the last of them.
    corner.plan(&format!("{body}[[phase.step]]\nid = \"s7\"\ntitle = \"twice\"\nconfirm = \"x\"\n"));
    corner.type_in("check plan.toml").exits(2).says("s7");
}

#[test]
fn all_errors_at_once_each_with_its_place_and_a_caret() {
    let corner = Corner::new();
    corner.plan("[[phase]]\nid = \"a\"\ntitle = \"A\"\n[[phase.step]]\nid = \"s\"\ntitel = \"S\"\nfile = \"gone.sql\"\n");
    corner.file("gome.sql", "SELECT 1;");
    corner
        .type_in("check plan.toml")
        .exits(2)
        .says("plan.toml:12:1: error")
        .says("`title`")
        .says("^^^^^")
        .says("plan.toml:13:8: error: there is no file `gone.sql`")
        .says("gome.sql");
}

#[test]
fn scripts_are_read_before_the_window() {
    let corner = Corner::new();
    let file = one_step("").replace("sql = '''\n\n'''", "file = \"f.sql\"");
    corner.plan(&file);
    for (script, place, words) in [
        ("SELECT 1;\n\\! rm -rf /\n", "f.sql:2:1", "\\!"),
        ("BEGIN;\nSELECT 1;\nCOMMIT;\n", "f.sql:1:1", "transaction = \"script\""),
        ("SELECT 1;\nVACUUM;\n", "f.sql:2:1", "transaction = \"none\""),
        ("PREPARE TRANSACTION 'x';\n", "f.sql:1:1", "prepared transaction"),
        ("\\ir nowhere.sql\n", "f.sql:1", "nowhere.sql"),
        ("\\i /etc/passwd\n", "f.sql:1", "outside of the plan's SQL folder"),
        ("\\i f.sql\n", "f.sql:1", "f.sql"),
        ("\\if maybe\n\\endif\n", "f.sql:1", "maybe"),
        ("\\if true\n", "f.sql", "\\endif"),
    ] {
        corner.file("f.sql", script);
        let said = corner.type_in("check plan.toml");
        said.exits(2).says(place).says(words).says("step s").never_says("panicked");
        // What check refuses, run refuses, before it looks for a server.
        corner.type_in("run plan.toml --plain --target host=/nonexistent").exits(2).says(place);
    }
    corner.file("f.sql", b"SELECT 1;\nSELECT '\xff';\n");
    corner.type_in("check plan.toml").exits(2).says("f.sql").says("UTF-8");
    corner.file("f.sql", b"\xef\xbb\xbfSELECT 1;\r\nSELECT 2;\r\n");
    corner.type_in("check plan.toml").exits(0).says("2 statements");
}

#[test]
fn a_checkpoint_that_would_change_something() {
    let corner = Corner::new();
    corner
        .plan(&one_step("").replace("sql = '''\n\n'''", "check = \"DELETE FROM t RETURNING 1\"\nexpect = 1"));
    corner.type_in("check plan.toml").exits(2).says("a checkpoint may only read").says("DELETE");
}

#[test]
fn a_file_that_goes_after_the_check() {
    let corner = Corner::new();
    corner.plan(&one_step("").replace("sql = '''\n\n'''", "file = \"f.sql\""));
    corner.file("f.sql", "SELECT 1;");
    corner.type_in("check plan.toml").exits(0);
    std::fs::remove_file(corner.path("f.sql")).unwrap();
    corner.type_in("run plan.toml --plain").exits(2).complains("there is no file `f.sql`");
}

#[test]
fn show_as_tree_as_rollback_and_as_json() {
    let corner = Corner::new();
    let tree = corner.type_in("show kochel-phase-a");
    tree.exits(0).says("Migration Phase A: Kochel Integration").says("Checkpoint 1: 25 stages");
    let back = corner.type_in("show kochel-phase-a --rollback");
    back.exits(0);
    let (contracts, stages) = (back.out.find("contracts").unwrap(), back.out.rfind("stages").unwrap());
    assert!(contracts < stages, "last step first\n{back}");
    let json = corner.type_in("show kochel-phase-a --json");
    json.exits(0);
    let value: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    assert!(value.to_string().contains("lifecycle_stage_config.sql"));
    corner.type_in("show nonsense").exits(2).complains("no file nonsense");
}

#[test]
fn what_is_typed_wrong_is_told_with_what_would_be_right() {
    let corner = Corner::new();
    corner.type_in("").exits(2).complains("Usage");
    corner.type_in("runn plan.toml").exits(2).complains("run");
    corner.type_in("run plan.toml --palin").exits(2).complains("--plain");
    corner.type_in("run").exits(2).complains("<PLAN>");
    corner.type_in("--help").exits(0).says("Usage: holdpoint");
    corner.type_in("--version").exits(0).says("holdpoint ");
    let mut command = corner.command("--help");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(writer).stderr(Stdio::piped());
    Said::of(command.spawn().unwrap(), "the help to end").exits(0).never_says("panicked");
    // A target with a password isn't shown by the help.
    let mut command = corner.command("run --help");
    command.env("HOLDPOINT_TARGET", "postgres://u:geheim@h/d");
    Said::by(command).exits(0).never_says("geheim");
}

#[test]
fn a_head_is_all_there_must_be() {
    let corner = Corner::new();
    corner.file("plan.toml", plan_text("", ""));
    corner.type_in("check plan.toml").exits(2).says("phase");
}
