//! `holdpoint rehearse`: what holds is proven, what doesn't is named, and nothing stays behind.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
mod scene;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use scene::corner::Corner;
use scene::{Said, open_folder, plan_text, wait_for};
use serde_json::Value;

/// A plan with its fixture in a folder of its own, and what came of rehearsing it.
struct Stage {
    corner: Corner,
    folder: tempfile::TempDir,
}

impl Stage {
    fn new(keys: &str, before: &str, steps: &str) -> Self {
        let stage = Self { corner: Corner::new(), folder: open_folder() };
        std::fs::write(stage.folder.path().join("before.sql"), before).unwrap();
        let keys = format!("fixture = \"before.sql\"\n{keys}");
        let body = format!("[[phase]]\nid = \"main\"\ntitle = \"Main\"\n{steps}");
        std::fs::write(stage.plan(), plan_text(&keys, &body)).unwrap();
        stage
    }

    fn plan(&self) -> PathBuf {
        self.folder.path().join("plan.toml")
    }

    fn rehearse(&self, words: &str) -> Said {
        Said::by(self.corner.command(&format!("rehearse {} {words}", self.plan().display())))
    }

    /// What it found, with the exit code that belongs to it; nothing may stay behind.
    #[track_caller]
    fn finds(&self, code: i32) -> Value {
        let said = self.rehearse("--json");
        said.exits(code);
        self.corner.is_clean();
        let found: Value = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}\n{said}"));
        assert_eq!(found["passed"], code == 0, "{found:#}");
        let kept = records(self.folder.path());
        let newest: Value =
            serde_json::from_str(&std::fs::read_to_string(kept.last().unwrap()).unwrap()).unwrap();
        assert_eq!(newest["rehearsal"], found);
        found
    }
}

/// Records in the state folder beside a plan, the newest last.
fn records(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder.join(".holdpoint/rehearsals")) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
}

fn step(id: &str, sql: &str, keys: &str, back: &str) -> String {
    let back = match back {
        "" => String::new(),
        back => format!("rollback = {{ sql = '''{back}''' }}\n"),
    };
    format!("[[phase.step]]\nid = \"{id}\"\ntitle = \"Step {id}\"\nsql = '''{sql}'''\n{keys}\n{back}\n")
}

fn part<'a>(found: &'a Value, step: &str, part: &str) -> &'a str {
    let steps = found["steps"].as_array().unwrap();
    let step = steps.iter().find(|known| known["id"] == step).unwrap_or_else(|| panic!("{step}: {found:#}"));
    step[part]["outcome"].as_str().unwrap()
}

/// The old database of a restore beside the target goes at once: nothing of a walk is there for the next.
#[test]
fn a_restore_into_a_new_database_is_rehearsed() {
    let backup = "[[phase.step]]\nid = \"backup\"\ntitle = \"backup\"\nbackup = \"shop.dump\"\n";
    let migrate = step("migrate", "CREATE TABLE more (id int); DELETE FROM t", "", "")
        + "[phase.step.rollback]\nrestore = \"backup\"\nbeside = true\n";
    let before = "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)";
    let found = Stage::new("", before, &format!("{backup}{migrate}")).finds(0);
    assert_eq!(part(&found, "migrate", "back"), "passed", "{found:#}");
}

/// What fails, in words.
fn failures(found: &Value) -> String {
    let findings = found["findings"].as_array().unwrap();
    let failing = findings.iter().filter(|finding| finding["fails"] == true);
    failing.map(|finding| finding["what"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn says(text: &str, words: &str) {
    assert!(text.contains(words), "it doesn't say \"{words}\":\n{text}");
}

#[test]
fn the_shipped_plan_holds_and_its_times_are_printed() {
    let corner = Corner::new();
    let plan = format!("{}/plans/kochel-phase-a.toml", env!("CARGO_MANIFEST_DIR"));
    let state = open_folder();
    let words = format!("rehearse {plan} --state-dir {}", state.path().display());
    let said = Said::by(corner.command(&words));
    said.exits(0).says("residue none (covers: schema, rows of all").says("the checkpoints of the rollbacks)");
    let row = said.out.lines().find(|line| line.starts_with("✓ Step 1: Lifecycle stage")).unwrap();
    let ticks = row.matches(" ✓").count();
    assert_eq!((row.matches(" ms").count() + row.matches(" s ").count(), ticks), (2, 3), "{row}");
    assert!(said.out.lines().all(|line| line.chars().count() <= 80 || line.contains("/")), "{said}");
    corner.is_clean();
    // The record is there for whoever asks, and for nobody else.
    says(&said.err, "kept as evidence");
}

#[test]
fn a_shipped_plan_is_rehearsed_by_its_name() {
    let corner = Corner::new();
    Said::by(corner.command("rehearse kochel-phase-a")).exits(0);
    corner.is_clean();
}

#[test]
fn what_a_rollback_leaves_is_named() {
    // The runbook's own mistake: its rollback passes its verification, and the parent keeps its title.
    let back = "rollback = { sql = \"SELECT 1\", checkpoint = [{ title = \"there\", sql = \"SELECT count(*) FROM parent\", expect = 1 }] }";
    let stage = Stage::new(
        "",
        "CREATE TABLE parent (id int PRIMARY KEY, title text); INSERT INTO parent VALUES (1, 'old');",
        &step("rename", "UPDATE parent SET title = 'new';", back, ""),
    );
    let found = stage.finds(1);
    assert_eq!(part(&found, "rename", "forward"), "passed");
    says(&failures(&found), "the whole rollback leaves row id = 1 of parent (title changed)");
    assert_eq!(found["residue"][0]["object"], "row id = 1 of parent");
    let said = stage.rehearse("");
    said.exits(1)
        .says("the rehearsal failed: 1 finding")
        .says("residue 1 row of parent (covers:")
        .says("row id = 1 of parent: title: changed");
}

/// A line may stand for many rows: they are counted, not the lines.
#[test]
fn objects_and_rows_that_are_left_are_counted() {
    let stage = Stage::new(
        "",
        "CREATE TABLE parent (id int PRIMARY KEY, title text); INSERT INTO parent SELECT n, 'old' FROM generate_series(1, 100) AS n;",
        &step("rename", "UPDATE parent SET title = 'new'; CREATE TABLE more ();", "", "SELECT 1"),
    );
    stage.rehearse("").exits(1).says("residue 1 object and 100 rows of parent (covers:");
}

/// Of a body of many lines what differs is shown, not how it begins.
#[test]
fn a_definition_of_many_lines_is_shown_where_it_differs() {
    let f = |line: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n  -- one\n  -- two\n  -- three\n  {line}\n\
             END $$;"
        )
    };
    let stage = Stage::new("", &f("RETURN 1;"), &step("f", &f("RETURN 2;"), "", "SELECT 1"));
    let found = stage.finds(1);
    says(&failures(&found), "function public.f() (RETURN 1; before, RETURN 2; now)");
    stage.rehearse("").exits(1).says("-   RETURN 1;").says("+   RETURN 2;");
}

#[test]
fn what_only_the_middle_leaves_is_found() {
    let steps = step("a", "CREATE TABLE a ();", "", "SELECT 1")
        + &step("b", "CREATE TABLE b ();", "", "DROP TABLE b; DROP TABLE a;");
    let found = Stage::new("", "", &steps).finds(1);
    let said = failures(&found);
    says(&said, "the rollback from right after \"Step a\" leaves table public.a");
    assert!(!said.contains("the whole rollback"), "{said}");
    assert_eq!((part(&found, "a", "middle"), part(&found, "b", "middle")), ("failed", "passed"));
    assert_eq!((part(&found, "a", "back"), part(&found, "b", "again")), ("passed", "passed"));
}

#[test]
fn seed_rows_that_double_are_caught() {
    let rows = (1..=7).map(|n| format!("('{n}')")).collect::<Vec<_>>().join(", ");
    let seed = format!("INSERT INTO seeds VALUES {rows} ON CONFLICT DO NOTHING;");
    let checkpoint = "idempotent = true\ncheckpoint = [{ title = \"seven\", sql = \"SELECT count(*) FROM seeds\", expect = 7 }]";
    let found = Stage::new(
        "",
        "CREATE TABLE seeds (name text);",
        &step("seed", &seed, checkpoint, "DELETE FROM seeds;"),
    )
    .finds(1);
    let said = failures(&found);
    says(&said, "it claims to be idempotent, and run a second time it changes rows of seeds (7 rows");
    says(&said, "14 rows: 7 added; they have no primary key to be named by");
    assert_eq!((part(&found, "seed", "forward"), part(&found, "seed", "twice")), ("passed", "failed"));
}

#[test]
fn a_true_claim_to_be_idempotent_passes_and_values_saved_before_are_there() {
    let steps = "[[phase.step]]\nid = \"many\"\ntitle = \"How many\"\ncheck = \"SELECT count(*) FROM seeds\"\nsave = \"before\"\n"
        .to_owned()
        + &step(
            "seed",
            "INSERT INTO seeds SELECT 'n' || :'before' ON CONFLICT DO NOTHING;",
            "idempotent = true\nadds = { rows = { seeds = 1 } }",
            "DELETE FROM seeds WHERE name = 'n0';",
        );
    let found = Stage::new("", "CREATE TABLE seeds (name text PRIMARY KEY);", &steps).finds(0);
    assert_eq!(part(&found, "seed", "twice"), "passed");
}

#[test]
fn a_checkpoint_that_fails_is_said_and_the_way_back_is_checked_all_the_same() {
    let wrong = "on_failure = \"rollback\"\nverify = \"after_commit\"\ncheckpoint = [{ title = \"two rows\", sql = \"SELECT count(*) FROM t\", expect = 2 }]";
    let steps = step("make", "CREATE TABLE t (n int);", "", "DROP TABLE t;")
        + &step("fill", "INSERT INTO t VALUES (1);", wrong, "DELETE FROM t;")
        + &step("never", "SELECT 1;", "changes = false", "");
    let found = Stage::new("", "", &steps).finds(1);
    says(&failures(&found), "forward it stops: \"Step fill\" didn't pass: \"two rows\": expected 2, got 1");
    assert_eq!((part(&found, "make", "forward"), part(&found, "fill", "forward")), ("passed", "failed"));
    assert_eq!((part(&found, "make", "back"), part(&found, "fill", "back")), ("passed", "passed"));
    assert_eq!((part(&found, "make", "middle"), part(&found, "never", "forward")), ("passed", "not_done"));
}

#[test]
fn a_rollback_that_takes_too_long_is_measured() {
    let keys = "rollback_advice = { within = \"100ms\" }";
    let slow = step("slow", "CREATE TABLE t ();", "", "SELECT pg_sleep(0.3); DROP TABLE t;");
    let found = Stage::new(keys, "", &slow).finds(1);
    says(&failures(&found), "and the plan allows 100ms");
    assert!(found["rollback_ms"].as_u64().unwrap() >= 300, "{found:#}");
    assert_eq!(found["within_ms"], 100);
    assert_eq!(part(&found, "slow", "back"), "passed");
}

#[test]
fn a_plan_that_runs_only_once_is_found() {
    // A sequence doesn't go back with the rows.
    let once = step("once", "SELECT 1 / (2 - nextval('s'));", "", "SELECT 1;");
    let found = Stage::new("", "CREATE SEQUENCE s;", &once).finds(1);
    says(&failures(&found), "forward again, after the rollback, it stops: \"Step once\" failed");
    says(&failures(&found), "division by zero");
    assert_eq!((part(&found, "once", "back"), part(&found, "once", "again")), ("passed", "failed"));
}

#[test]
fn a_rollback_that_fails_names_its_step() {
    let steps = step("a", "CREATE TABLE a ();", "", "DROP TABLE a;")
        + &step("b", "CREATE TABLE b ();", "", "DROP TABLE gone;");
    let found = Stage::new("", "", &steps).finds(1);
    says(&failures(&found), "the whole rollback: undoing \"Step b\" failed: table \"gone\" does not exist");
    assert_eq!((part(&found, "b", "back"), part(&found, "a", "middle")), ("failed", "passed"));
}

#[test]
fn a_change_without_a_rollback_fails_and_one_that_is_irreversible_is_said() {
    let found = Stage::new("", "", &step("a", "CREATE TABLE a ();", "", "")).finds(1);
    says(&failures(&found), "leaves table public.a");

    let steps = step("a", "CREATE TABLE a (n int);", "", "DROP TABLE a;")
        + &step("drop", "DROP TABLE old;", "irreversible = \"its rows are gone\"", "")
        + &step("c", "CREATE TABLE c ();", "", "DROP TABLE c;");
    let stage = Stage::new("", "CREATE TABLE old ();", &steps);
    let found = stage.finds(0);
    assert_eq!((part(&found, "a", "back"), part(&found, "drop", "back")), ("not_done", "not_done"));
    assert_eq!((part(&found, "c", "back"), part(&found, "a", "middle")), ("passed", "passed"));
    // What the plan says can't be undone stands apart, and "none" says since when.
    assert_eq!(found["residue"].as_array().map(Vec::len), Some(0), "{found:#}");
    assert_eq!((&found["since"], &found["stays"][0]["object"]), (&"drop".into(), &"table public.old".into()));
    stage
        .rehearse("")
        .exits(0)
        .says("irreversible: its rows are gone")
        .says("residue none since \"Step drop\", which can't be undone (covers:")
        .says("table public.old: it is gone");
    // What is left behind the point of no return is found too.
    let steps = steps.replace("DROP TABLE c;", "SELECT 1;");
    let found = Stage::new("", "CREATE TABLE old ();", &steps).finds(1);
    says(&failures(&found), "leaves table public.c");
}

#[test]
fn a_named_procedure_is_carried_out_from_the_end() {
    let steps = step("a", "CREATE TABLE a ();", "", "") + &step("b", "CREATE TABLE b ();", "", "");
    let procedure = |sql: &str, keys: &str| {
        format!(
            "\n[[rollback]]\nid = \"out\"\ntitle = \"All out\"\nundoes = [\"a\", \"b\"]\n{keys}\n\n\
             [[rollback.step]]\nid = \"drop\"\ntitle = \"Drop\"\nsql = \"{sql}\"\n"
        )
    };
    let found =
        Stage::new("", "", &(steps.clone() + &procedure("DROP TABLE IF EXISTS a, b;", "within = \"1min\"")))
            .finds(0);
    assert_eq!(found["procedures"][0]["part"]["outcome"], "passed", "{found:#}");
    assert_eq!(found["procedures"][0]["compared"], true);
    let found = Stage::new("", "", &(steps + &procedure("DROP TABLE IF EXISTS a;", ""))).finds(1);
    says(&failures(&found), "procedure \"All out\" leaves table public.b");
}

#[test]
fn roles_outlive_a_database_and_are_compared_too() {
    let steps = step("role", "CREATE ROLE left_over;", "", "SELECT 1;")
        + &step("t", "CREATE TABLE t ();", "", "DROP TABLE t;");
    let found = Stage::new("", "", &steps).finds(1);
    let said = failures(&found);
    says(&said, "leaves role left_over");
    // Each walk finds the server as it was: the role of the first isn't in the way of the next.
    says(&said, "the rollback from right after \"Step role\" leaves role left_over");

    let steps = step("role", "CREATE ROLE kept;", "", "DROP ROLE kept;");
    Stage::new("", "", &steps).finds(0);
}

#[test]
fn the_settings_of_the_database_are_there_in_every_walk() {
    let before = "CREATE SCHEMA app; CREATE TABLE app.t (n int); ALTER DATABASE postgres SET search_path = app, public;";
    let steps = step("a", "INSERT INTO t VALUES (1);", "", "DELETE FROM t;")
        + &step("b", "INSERT INTO t VALUES (2);", "", "DELETE FROM t WHERE n = 2;");
    Stage::new("", before, &steps).finds(0);
}

#[test]
fn a_plan_that_cant_be_run_cant_be_rehearsed() {
    let stage = Stage::new("", "", &step("a", "CREATE TABLE a (); COMMIT;", "", ""));
    stage.rehearse("").exits(2).reads_well();
    let stage = Stage::new("", "SELECT * FROM gone;", &step("a", "SELECT 1;", "", ""));
    stage
        .rehearse("")
        .exits(1)
        .complains("the fixture failed: before.sql:1:15: relation \"gone\"")
        .reads_well();
    stage.corner.is_clean();
    assert!(records(stage.folder.path()).is_empty());
}

#[test]
fn a_signal_ends_it_and_leaves_nothing() {
    for signal in ["INT", "TERM"] {
        let stage = Stage::new("", "", &step("slow", "SELECT pg_sleep(60);", "", "SELECT 1;"));
        let mut command = stage.corner.command(&format!("rehearse {}", stage.plan().display()));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The first walk has begun when its journal is there.
        wait_for("the step to begin", || {
            let journals =
                glob::glob(&format!("{}/*/runs/*/journal.jsonl", stage.corner.tmp.path().display()));
            let mut texts = journals.unwrap().filter_map(|path| std::fs::read_to_string(path.ok()?).ok());
            texts.any(|text| text.contains("\"event\":\"unit_started\"")).then_some(())
        });
        let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
        let signal = format!("SIG{signal}").parse::<nix::sys::signal::Signal>().unwrap();
        nix::sys::signal::kill(pid, signal).unwrap();
        let said = Said::of(child, "the rehearsal to end");
        said.exits(130).complains(&format!("interrupted by {signal}")).reads_well();
        stage.corner.is_clean();
        assert!(records(stage.folder.path()).is_empty());
    }
}

/// A shell command reaches out of the private server: it isn't run there unless the step says so.
#[test]
fn shell_commands_are_left_out_and_that_is_said() {
    let stage = |keys: &str, script: &str| {
        let allow = "allow_shell = ['\\!', 'backticks', '\\o |']";
        let step = step("a", script, &format!("{allow}\n{keys}"), "DROP TABLE t");
        Stage::new("", "CREATE TABLE old ();", &step)
    };
    let script = "CREATE TABLE t ();\n\\! touch ran\n\\o |cat > piped\nSELECT 1;\n\\o\n";
    let left_out = stage("", script);
    let found = left_out.finds(0)["findings"].to_string();
    says(&found, "! isn't run in a demo or rehearsal: touch ran");
    says(&found, "a pipe isn't run in a demo or rehearsal: cat > piped");
    let ran = |stage: &Stage, file: &str| stage.folder.path().join(file).exists();
    assert!(!ran(&left_out, "ran") && !ran(&left_out, "piped"));

    let run = stage("demo = true", script);
    run.rehearse("").exits(0);
    assert!(ran(&run, "ran") && ran(&run, "piped"));

    // What it would have given can't be made up.
    let needed = stage("", "\\set n `echo 5`\nCREATE TABLE t ();\n");
    let said = needed.rehearse("");
    said.exits(1);
    says(&said.out, "works with what a shell command writes, and none is run in a demo or rehearsal");
}
