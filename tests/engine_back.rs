//! The way back and what may come in between: a run that is over and is opened again, people in a
//! procedure, decisions that outlive the process.

mod common;
#[path = "engine_back/half.rs"]
mod half;
#[path = "engine_back/lost.rs"]
mod lost;
#[path = "engine_back/others.rs"]
mod others;
#[path = "engine_back/past_return.rs"]
mod past_return;
#[path = "engine_back/unguarded.rs"]
mod unguarded;

use common::runs::{Bench, Ran, step};
use serde_json::{Value, json};

fn undoable(id: &str, undo: &str) -> String {
    format!("{}[phase.step.rollback]\nsql = '''{undo}'''\n", step(id, ""))
}

/// Makes a table, fills it in a second step, and changes rows of a guarded one; done.
async fn done() -> Bench {
    let bench = Bench::with(
        "CREATE TABLE g (id int PRIMARY KEY, t text); INSERT INTO g VALUES (1, 'one'), (2, 'two')",
    )
    .await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.file("fill.sql", "INSERT INTO a SELECT generate_series(1, 5);");
    bench.file("b.sql", "UPDATE g SET t = 'ONE' WHERE id = 1;");
    bench.plan_with(
        "guards = [\"g\"]",
        &[
            undoable("a", "DROP TABLE a"),
            undoable("fill", "DELETE FROM a"),
            undoable("b", "UPDATE g SET t = 'one' WHERE id = 1"),
        ]
        .concat(),
    );
    bench.run().await.exits(0);
    bench
}

fn id(bench: &Bench) -> String {
    let runs = std::fs::read_dir(bench.path("state")).expect("the state").flatten();
    let names = runs.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name());
    names.map(|name| name.to_string_lossy().into_owned()).max().expect("a run")
}

fn journal(bench: &Bench) -> Vec<Value> {
    let path = bench.path("state").join(id(bench)).join("journal.jsonl");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

async fn back(bench: &Bench, more: &[&str]) -> Ran {
    let id = id(bench);
    let words: Vec<&str> = ["rollback", &id].into_iter().chain(more.iter().copied()).collect();
    bench.call(&words).await
}

async fn state(bench: &Bench) -> String {
    let sql = "SELECT to_regclass('a') IS NOT NULL, (SELECT string_agg(t, ' ' ORDER BY id) FROM g)";
    bench.value(&format!("SELECT concat_ws(' ', a, g) FROM ({sql}) AS s (a, g)")).await
}

#[tokio::test]
async fn a_run_that_is_done_goes_back_the_morning_after() {
    let bench = done().await;
    assert_eq!(state(&bench).await, "t ONE two");
    let before = journal(&bench).len();
    let listed = back(&bench, &["--list"]).await;
    listed.exits(0).says("will undo 3 steps").says("DROP TABLE a").says("a has as many rows as then");
    assert!(!listed.out.contains("don't follow"), "{listed}");
    assert_eq!(journal(&bench).len(), before, "looking changes nothing");

    let ran = back(&bench, &["--reason", "wrong after all"]).await;
    ran.exits(4)
        .says("was over, and is open again to go back: wrong after all")
        .says("nothing is left behind");
    let reopened = ran.last("run_reopened");
    assert_eq!((&reopened["reason"], &reopened["since"]), (&json!("wrong after all"), &Value::Null));
    assert_eq!(state(&bench).await, "f one two");
    assert_eq!(ran.last("ended")["outcome"], json!({ "outcome": "rolled_back", "clean": true }));
    assert_eq!(bench.ledger().await.len(), 6);
    bench.call(&["status", "--state-dir", "state"]).await.exits(0).says("rolled back cleanly (exit 4)");
    back(&bench, &[]).await.exits(3).says("is over, and nothing of it is applied");
    bench.call(&["resume", &id(&bench)]).await.exits(3).says("is over");
}

/// What others did since the end is measured and named; only a person's word goes past it.
#[tokio::test]
async fn what_has_changed_since_the_end_is_named_and_wants_a_word() {
    let bench = done().await;
    bench.sql("CREATE VIEW theirs AS SELECT 1; INSERT INTO a VALUES (6), (7)").await;
    bench.sql("UPDATE g SET t = 'THEIRS' WHERE id = 1; UPDATE g SET t = 'also' WHERE id = 2").await;
    let before = journal(&bench).len();
    // The list says the same, and what it takes to go past it.
    back(&bench, &["--list"])
        .await
        .exits(0)
        .says("will undo 3 steps")
        .says("view public.theirs is new")
        .says("1 row of g that this run wrote, others have written again (id 1)")
        .says("it would be refused;")
        .says("--despite \"why\"");
    assert_eq!(journal(&bench).len(), before, "looking changes nothing");
    let ran = back(&bench, &["--list", "--target", "host=/nowhere"]).await;
    ran.exits(7).says("will undo 3 steps").says("what would be lost isn't counted");
    let ran = back(&bench, &[]).await;
    ran.exits(3)
        .says("view public.theirs is new")
        .says("2 rows written to a since would be lost with \"fill\"")
        .says("1 row of g that this run wrote, others have written again (id 1)")
        .says("--despite");
    assert_eq!((state(&bench).await.as_str(), journal(&bench).len()), ("t THEIRS also", before));
    back(&bench, &["--despite", " "]).await.exits(2).says("a reason is needed");

    let ran = back(&bench, &["--despite", "the seven rows are in the ticket"]).await;
    // The row that was written again is overwritten; theirs stay, and the view isn't ours.
    ran.exits(4).says("since its end: view public.theirs is new").says("by others");
    assert_eq!(ran.last("run_reopened")["despite"], "the seven rows are in the ticket");
    assert_eq!(state(&bench).await, "f one also");
}

#[tokio::test]
async fn another_run_since_is_named_and_an_open_one_stands_in_the_way() {
    let bench = done().await;
    let first = id(&bench);
    let plan = std::fs::read_to_string(bench.path("plan.toml")).expect("the plan");
    bench.file("c.sql", "CREATE TABLE c (n int);");
    bench.plan(&format!(
        "{}[[phase.step]]\nid = \"person\"\ntitle = \"P\"\nconfirm = \"so\"\n",
        step("c", "")
    ));
    bench.run().await.exits(6);
    // It is of the same plan's id, and open.
    let ran = bench.call(&["rollback", &first]).await;
    ran.exits(3).says("of this plan is open on this database");
    bench.call(&["resume", "--confirm", "person=Kim"]).await.exits(0);
    bench.file("plan.toml", &plan);
    let ran = bench.call(&["rollback", &first]).await;
    ran.exits(3).says("has worked on this database: 1 unit").says("table public.c is new");
    assert_eq!(state(&bench).await, "t ONE two");
}

/// Nobody knows what is there to be undone: it isn't guessed.
#[tokio::test]
async fn a_ledger_that_says_otherwise_keeps_it_closed() {
    let bench = done().await;
    bench.sql("DELETE FROM holdpoint.ledger WHERE step = 'fill'").await;
    back(&bench, &["--despite", "so"]).await.exits(3).says("the ledger's row is gone, of step `fill`");
    bench.sql("DROP SCHEMA holdpoint CASCADE").await;
    // Whoever asked for the list isn't sent to ask for it.
    back(&bench, &["--list"])
        .await
        .exits(3)
        .says("will undo")
        .says("the schema holdpoint is gone")
        .says("what is listed here is what the way back would be");
    back(&bench, &["--despite", "so"]).await.exits(3).says("the schema holdpoint is gone");
    let other = bench.server.fresh_database().await;
    let target = format!("dbname={other}");
    back(&bench, &["--target", &target]).await.exits(3).says("the run is bound to database");
    assert_eq!(state(&bench).await, "t ONE two");
    assert_eq!(journal(&bench).last().expect("a line")["event"], "ended");
}

/// A part goes back, and forward again to its end; one that a person had stopped goes back too.
#[tokio::test]
async fn a_part_of_it_and_one_that_was_stopped() {
    let bench = done().await;
    back(&bench, &["--to", "nowhere"]).await.exits(3).says("isn't among what this run applied");
    back(&bench, &["--to", "b"]).await.exits(6).says("go on forward, or roll back the rest");
    assert_eq!(state(&bench).await, "t one two");
    bench.resume().await.exits(0);
    assert_eq!(state(&bench).await, "t ONE two");

    bench.file("x.sql", "SELECT 1/0;");
    let plan = std::fs::read_to_string(bench.path("plan.toml")).expect("the plan");
    back(&bench, &[]).await.exits(4);
    bench.file("plan.toml", &format!("{plan}{}", step("x", "on_failure = \"stop\"")));
    bench.run().await.exits(1);
    back(&bench, &[]).await.exits(4).says("nothing is left behind");
    assert_eq!(state(&bench).await, "f one two");
}

/// Killed before the first step back: all that comes is the way back, or closing it as it was.
#[tokio::test]
async fn opened_again_and_killed() {
    for (point, end) in [("journal-after-line:1", true), ("journal-after-line:4", false)] {
        let bench = done().await;
        let id = id(&bench);
        let killed = bench.command(&["rollback", &id]).env("HOLDPOINT_CRASH_AT", point).output();
        assert_eq!(killed.expect("it runs").status.code(), None);
        assert!(journal(&bench).iter().any(|line| line["event"] == "run_reopened"));
        if end {
            let ran = bench.call(&["resume", "--end", "changed my mind"]).await;
            ran.exits(0).says("nothing was undone, and the run is over as it was");
            assert_eq!(ran.last("ended")["outcome"], json!({ "outcome": "done" }));
            assert_eq!(state(&bench).await, "t ONE two");
        }
        let ran = if end { bench.call(&["rollback", &id]).await } else { bench.resume().await };
        ran.exits(4);
        assert_eq!(state(&bench).await, "f one two");
    }
}

const SIGNED: &str = r#"
[[rollback]]
id = "together"
title = "With a signature"
undoes = ["a"]

[[rollback.step]]
id = "agreed"
title = "The owner agrees to go back"
signoff = "Owner"

[[rollback.step]]
id = "drop"
title = "Drop it"
sql = "DROP TABLE a"
"#;

/// A signature stands before what follows it, on the way back too.
#[tokio::test]
async fn a_signature_inside_a_procedure() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.plan(&format!("{}{SIGNED}", step("a", "")));
    bench.run().await.exits(0);
    let there = "SELECT to_regclass('a') IS NOT NULL";
    back(&bench, &[]).await.exits(6).says("The owner agrees to go back").says("[sign.\"agreed\"] \"Owner\"");
    assert_eq!(bench.value(there).await, "t");
    bench.file("no.toml", "[sign.agreed]\nOwner = { by = \"Kim\", accept = false, note = \"not today\" }\n");
    let ran = bench.call(&["resume", "--answers", "no.toml"]).await;
    ran.exits(6);
    assert_eq!(ran.last("signed")["accepted"], false);
    assert_eq!(
        (ran.last("held")["reason"].as_str(), ran.last("held")["step"].as_str()),
        (Some("failed"), Some("agreed"))
    );
    assert_eq!(bench.value(there).await, "t");
    bench.file("yes.toml", "[sign.agreed]\nOwner = \"Kim\"\n");
    let ran = bench.call(&["resume", "--answers", "yes.toml"]).await;
    ran.exits(4);
    assert_eq!(bench.value(there).await, "f");
}

/// A lock that was never obtained: nothing of the step is there, and nothing of it is undone.
#[tokio::test]
async fn a_step_that_never_got_its_lock_isnt_rolled_back() {
    let bench = Bench::with("CREATE TABLE busy (n int)").await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.file("b.sql", "CREATE TABLE b (n int); ALTER TABLE busy ADD COLUMN m int;");
    let keys = "lock_timeout = \"100ms\"\nlock_retries = 1\non_failure = \"rollback\"\n";
    bench.plan(&format!(
        "{}{}[phase.step.rollback]\nsql = \"DROP TABLE b; ALTER TABLE busy DROP COLUMN m\"\n",
        undoable("a", "DROP TABLE a"),
        step("b", keys)
    ));
    let mut other = bench.server.session(&bench.db).await;
    other.batch("BEGIN; LOCK TABLE busy IN SHARE MODE").await.expect("the lock");
    let ran = bench.run().await;
    other.batch("ROLLBACK").await.expect("its end");
    other.close().await;
    ran.exits(4).says("nothing is left behind");
    assert_eq!(ran.all("lock_retry").len(), 1, "{ran}");
    assert_eq!(ran.last("rollback_started")["steps"], json!(["a"]));
    assert_eq!(bench.ledger().await, ["a forward 0", "a back 0"]);
}

/// The word was journaled, and the process died before it acted on it: nobody is asked again.
#[tokio::test]
async fn going_past_the_point_of_no_return_is_asked_for_once() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a (n int);");
    bench.plan(&step("a", "irreversible = \"nobody keeps the old rows\""));
    bench.run().await.exits(6).says("can't be taken back");
    bench.file("answers.toml", "[irreversible]\na = \"the board knows\"\n");
    // Resumed, locked, fenced; it holds, and the answer is the next line.
    for n in 4.. {
        let point = format!("journal-after-line:{n}");
        let words = ["resume", "--answers", "answers.toml"];
        let killed = bench.command(&words).env("HOLDPOINT_CRASH_AT", point).output().expect("it runs");
        assert_eq!(killed.status.code(), None, "it went past the decision");
        if journal(&bench).last().expect("a line")["what"] == "override" {
            break;
        }
    }
    let ran = bench.resume().await;
    ran.exits(0);
    let resumed = ran.events.iter().rposition(|event| event["event"] == "run_resumed").expect("it");
    assert!(ran.events[resumed..].iter().all(|event| event["event"] != "held"), "{ran}");
    assert_eq!(bench.ledger().await, ["a forward 0"]);
}

/// Commits of the way back.
fn commits(ran: &Ran) -> usize {
    ran.all("commit_intent").into_iter().filter(|event| event["direction"] == "back").count()
}

/// A script with transactions of its own is undone by a few words in one.
#[tokio::test]
async fn words_that_undo_a_script_with_transactions_need_none_of_their_own() {
    let bench = Bench::new().await;
    bench.file("a.sql", "BEGIN; CREATE TABLE a (n int); COMMIT; BEGIN; CREATE TABLE b (n int); COMMIT;");
    let a = |undo: &str| {
        format!("{}[phase.step.rollback]\nsql = \"{undo}\"\n", step("a", "transaction = \"script\""))
    };
    bench.plan(&a("DROP TABLE b; DROP TABLE a"));
    bench.run().await.exits(0);
    let ran = back(&bench, &[]).await;
    ran.exits(4);
    assert_eq!(commits(&ran), 1, "one transaction: {ran}");
    // With its own COMMITs it is a script again.
    bench.plan(&a("BEGIN; DROP TABLE b; COMMIT; BEGIN; DROP TABLE a; COMMIT"));
    bench.run().await.exits(0);
    let ran = back(&bench, &[]).await;
    ran.exits(4);
    assert_eq!(commits(&ran), 2, "{ran}");
}

/// What others write while the run goes back is theirs, before and after the undo that writes there too.
#[tokio::test]
async fn rows_that_others_write_during_the_rollback_are_listed_apart() {
    let bench = Bench::with(
        "CREATE TABLE g (id int PRIMARY KEY, t text); INSERT INTO g VALUES (1, 'one'), (2, 'two'), (3, 'three'); \
         CREATE TABLE loose (n int)",
    )
    .await;
    for name in ["a", "c"] {
        bench.file(&format!("{name}.sql"), &format!("CREATE TABLE {name} (n int);"));
    }
    bench.file("b.sql", "UPDATE g SET t = upper(t) WHERE id IN (1, 3);");
    bench.plan_with(
        "guards = [\"g\"]",
        &[
            undoable("a", "DROP TABLE a"),
            undoable("b", "UPDATE g SET t = lower(t) WHERE id = 1"),
            undoable("c", "DROP TABLE c"),
        ]
        .concat(),
    );
    bench.run().await.exits(0);
    let mut sessions = Vec::new();
    for table in ["c", "a"] {
        let mut session = bench.server.session(&bench.db).await;
        session.batch(&format!("BEGIN; LOCK TABLE {table} IN ACCESS SHARE MODE")).await.expect("the lock");
        sessions.push(session);
    }
    let id = id(&bench);
    let mut running = bench.begin(&["rollback", &id]);
    for (step, write) in [
        (
            "c",
            "INSERT INTO g VALUES (7, 'theirs'); UPDATE g SET t = 'x' WHERE id = 1; CREATE TABLE theirs (id serial PRIMARY KEY); ALTER TABLE loose ADD x int; \
             CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        ),
        ("a", "UPDATE g SET t = 'theirs' WHERE id = 2"),
    ] {
        let begun = |e: &Value| e["event"] == "unit_started" && e["step"] == step && e["direction"] == "back";
        running.until_event("the undo has begun", begun).await;
        bench.until_work_waits().await;
        bench.sql(write).await;
        let mut session = sessions.remove(0);
        session.batch("COMMIT").await.expect("its end");
        session.close().await;
    }
    let ran = running.end().await;
    // Row 3 is ours: it was changed, and the undo forgot it.
    ran.exits(1).says("1 row changed (id 3: t)").says("by others");
    let ended = ran.last("rollback_ended");
    // Of a function no footprint says whose it is, and the words don't pretend to know.
    assert_eq!(ended["residue"].as_array().map(Vec::len), Some(2), "{ran}");
    assert_eq!(ended["unsure"], json!(["function public.f()"]), "{ran}");
    ran.says_wrapped("that came while it went back, by this run or by others");
    ran.says("column public.loose.x: made");
    assert_eq!(ended["others"][0]["after"], "2 rows changed (id 1: t; 2: t), 1 row added (id 7)", "{ran}");
    // No undo's footprint has the table, nor what belongs to it.
    ran.says("table public.theirs: made, since this run began").says("sequence public.theirs_id_seq: made");
    assert_eq!(ended["others"].as_array().map(Vec::len), Some(7), "{ran}");
}

/// A phase whose statements took longer than it allows stops there, once; a procedure has done its work by then.
#[tokio::test]
async fn what_takes_longer_than_it_may_fails_the_phase_and_not_the_way_back() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a (n int); SELECT pg_sleep(0.06);");
    bench.file("b.sql", "SELECT pg_sleep(0.06);");
    let slow = "[[rollback]]\nid = \"slow\"\ntitle = \"Slowly\"\nundoes = [\"a\"]\nwithin = \"20ms\"\n\
                [[rollback.step]]\nid = \"drop\"\ntitle = \"Drop\"\nsql = \"DROP TABLE a; SELECT pg_sleep(0.05)\"\n";
    let person =
        "[[phase]]\ntitle = \"Late\"\nwithin = \"1h\"\n[[phase.step]]\ntitle = \"P\"\nconfirm = \"so\"\n";
    bench.plan(&format!("{}{}{person}{slow}", step("a", ""), step("b", "changes = false")));
    let plan = std::fs::read_to_string(bench.path("plan.toml")).expect("the plan");
    let within = "title = \"Work\"\nwithin = \"100ms\"\nelse = \"Ask Ada\"";
    bench.file("plan.toml", &plan.replace("title = \"Work\"", within));
    let ran = bench.run().await;
    ran.exits(6)
        .says("the statements of phase \"Work\" took longer than they may: expected at most 100ms, got ")
        .says("Ask Ada");
    assert_eq!(
        (&ran.last("held")["reason"], ran.all("watch_breached").len()),
        (&"breached".into(), 1),
        "{ran}"
    );
    assert_eq!(bench.value("SELECT to_regclass('a')").await, "a", "late, and applied all the same");
    // Taken up, it goes on to the next phase, and that is told once.
    let ran = bench.resume().await;
    ran.exits(6).says("P");
    assert_eq!(
        (ran.last("held")["reason"].as_str(), ran.all("watch_breached").len()),
        (Some("person"), 1),
        "{ran}"
    );
    let ran = back(&bench, &[]).await;
    ran.exits(4);
    let told: Vec<&str> =
        ran.all("deviation").into_iter().filter_map(|event| event["what"].as_str()).collect();
    assert_eq!(told.len(), 2, "{told:?}\n{ran}");
    assert!(told[0].starts_with("the statements of phase \"Work\" took longer than they may"), "{told:?}");
    assert!(
        told[1].starts_with("procedure \"Slowly\" took ") && told[1].ends_with("allows 20ms"),
        "{told:?}"
    );
}

/// And no proof: a checklist that rests on the phase isn't ticked by it.
#[tokio::test]
async fn a_phase_that_took_longer_than_it_may_proves_nothing() {
    let bench = Bench::new().await;
    bench.file("a.sql", "CREATE TABLE a (n int); SELECT pg_sleep(0.06);");
    let person = "[[phase]]\ntitle = \"Late\"\n[[phase.step]]\nid = \"p\"\ntitle = \"P\"\n\
                  confirm = [{ item = \"In time\", proof = \"main\" }]\n";
    bench.plan(&format!("{}{person}", step("a", "")));
    let plan = std::fs::read_to_string(bench.path("plan.toml")).expect("the plan");
    let head = plan.find("title = \"Work\"").expect("the phase");
    let (before, after) = plan.split_at(head);
    let id = if before.trim_end().ends_with("id = \"main\"") { "" } else { "id = \"main\"\n" };
    bench.file("plan.toml", &format!("{before}{id}within = \"50ms\"\n{after}"));
    bench.run().await.exits(6);
    let ran = bench.resume().await;
    ran.exits(6).failed_with("p", "expected 1 steps verified within 50ms, got its statements took");
    // The plan may go back by itself, or stop.
    for (policy, code, table) in [("rollback", 4, ""), ("stop", 1, "a")] {
        let bench = Bench::new().await;
        bench.file("a.sql", "CREATE TABLE a (n int); SELECT pg_sleep(0.06);");
        let policed = format!("within = \"50ms\"\non_failure = \"{policy}\"\n");
        let own = "[phase.step.rollback]\nsql = \"DROP TABLE a\"\n";
        bench.plan(&step("a", own));
        let plan = std::fs::read_to_string(bench.path("plan.toml")).expect("the plan");
        bench.file("plan.toml", &plan.replacen("title = \"Work\"", &format!("{policed}title = \"Work\""), 1));
        let ran = bench.run().await;
        ran.exits(code);
        assert_eq!(bench.value("SELECT to_regclass('a')").await, table, "{policy}: {ran}");
    }
}
