//! Four runbooks that were tried for real looked green and were wrong. Small versions of what went
//! unnoticed, each run to the end that it deserves: none looks green.

use crate::scene::Scene;

/// A plan of one phase with these steps.
fn steps(steps: &[&str]) -> String {
    format!("[[phase]]\nid = \"main\"\ntitle = \"Main\"\n\n{}", steps.join("\n\n"))
}

fn file_step(id: &str, more: &str) -> String {
    format!("[[phase.step]]\nid = \"{id}\"\ntitle = \"{id}\"\nfile = \"{id}.sql\"\n{more}")
}

// The V7 database phase.

/// Four tables and a view, as its files leave it.
const FOUR_AND_A_VIEW: &str = "CREATE TABLE gov_a (n int); CREATE TABLE gov_b (n int);
CREATE TABLE gov_c (n int); CREATE TABLE gov_d (n int);
CREATE VIEW gov_e AS SELECT * FROM gov_a;";

#[tokio::test]
async fn v7_a_view_doesnt_count_as_the_fifth_table() {
    let scene = Scene::new().await;
    scene.file("tables.sql", FOUR_AND_A_VIEW);
    let count = "[[phase.step.checkpoint]]\ntitle = \"5 tables\"\nexpect = 5\nsql = \"SELECT count(*) FROM information_schema.tables WHERE table_name LIKE 'gov%'\"\n";
    scene.plan(&steps(&[&file_step("tables", count)]));
    // The runbook's own check can't tell; the plan's author is told so.
    scene.type_in("check plan.toml").exits(0).says("warning").says("can't tell a view from a table");

    scene.plan(&steps(&[&file_step("tables", &format!("adds = {{ tables = 5 }}\n{count}"))]));
    scene.run("").exits(6).says("adds").says("expected tables 5, got tables 4");
    assert!(!scene.has("gov_a").await, "nothing is applied");
    scene.resume("--end x").exits(1);
    let names = "adds = { tables = [\"gov_a\", \"gov_b\", \"gov_c\", \"gov_d\", \"gov_e\"] }\n";
    scene.plan(&steps(&[&file_step("tables", names)]));
    scene.run("").exits(6).says("gov_e");
}

#[tokio::test]
async fn v7_the_first_error_stops() {
    for (what, script, state) in [
        (
            "a foreign key to a column that isn't unique",
            "CREATE TABLE parent (code text);\nCREATE TABLE child (code text REFERENCES parent (code));\n",
            "42830",
        ),
        (
            "a set-returning function in an aggregate",
            "CREATE TABLE parent (code text);\nCREATE VIEW v AS SELECT count(jsonb_array_elements('[1]')) FROM parent;\n",
            "0A000",
        ),
        (
            "what comes of an earlier error",
            "CREATE TABLE parent (code text);\nINSERT INTO child VALUES ('x');\n",
            "42P01",
        ),
    ] {
        let scene = Scene::new().await;
        scene.file("schema.sql", script);
        scene.file("seed.sql", "CREATE TABLE seeded (n int);");
        scene.plan(&steps(&[&file_step("schema", ""), &file_step("seed", "")]));
        scene
            .run("")
            .exits(6)
            .says(&format!("(SQLSTATE {state})"))
            .says("schema.sql:2:")
            .says("nothing of this step was applied");
        assert!(!scene.has("parent").await && !scene.has("seeded").await, "{what}");
    }
}

#[tokio::test]
async fn v7_seed_rows_that_double_on_a_second_run() {
    let scene = Scene::new().await;
    scene.sql("CREATE TABLE policy (name text)").await; // ON CONFLICT has no key to conflict on
    scene.file(
        "seed.sql",
        "INSERT INTO policy SELECT 'p' || n FROM generate_series(1, 7) n ON CONFLICT DO NOTHING;",
    );
    let seven = "[[phase.step.checkpoint]]\ntitle = \"7 policies\"\nsql = \"SELECT count(*) FROM policy\"\nexpect = 7\n";
    scene.plan(&steps(&[&file_step("seed", seven)]));
    scene.run("").exits(0);
    scene.run("").exits(6).says("expected 7, got 14");
    assert_eq!(scene.value("SELECT count(*) FROM policy").await, "7", "the second seven aren't there");
}

// Week 2 on staging.

#[tokio::test]
async fn week2_without_the_platforms_functions_it_stops() {
    let scene = Scene::new().await;
    scene.sql("CREATE TABLE t (owner uuid)").await;
    scene.file(
        "policies.sql",
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY;\nCREATE POLICY own ON t USING (owner = auth.uid());\n",
    );
    let literal = "[[phase.step]]\nid = \"done\"\ntitle = \"Done\"\ncheck = \"SELECT 'All schema updates applied successfully' AS status\"\nexpect = \"All schema updates applied successfully\"\n";
    scene.plan(&steps(&[&file_step("policies", ""), literal]));
    // A check that selects a constant can't fail.
    scene.type_in("check plan.toml").exits(0).says("this query selects constants: it can't fail");
    scene.run("").exits(6).says("schema \"auth\" does not exist").says("policies.sql:2:");
    assert_eq!(scene.value("SELECT relrowsecurity FROM pg_class WHERE relname = 't'").await, "f");
    assert!(scene.steps("step_verified").is_empty(), "the literal PASS isn't reached");
}

#[tokio::test]
async fn week2_numbers_are_compared_as_numbers() {
    let scene = Scene::new().await;
    let make: String = (1..=13).map(|n| format!("CREATE POLICY p{n} ON t USING (true);\n")).collect();
    scene.file("policies.sql", format!("CREATE TABLE t (n int);\n{make}"));
    let at_least = "[[phase.step.checkpoint]]\ntitle = \"RLS policies\"\nsql = \"SELECT count(*) FROM pg_policies\"\nexpect = \">= 15\"\n";
    scene.plan(&steps(&[&file_step("policies", at_least)]));
    scene.run("").exits(6).says("RLS policies").says(">= 15").says("13");
    scene.resume("--end x").exits(1);
    // What nobody parsed: a text that has the number in it isn't the number.
    let text = at_least.replace("count(*)", "'RLS POLICIES: ' || count(*) || ' (expected: 15+)'");
    scene.plan(&steps(&[&file_step("policies", &text)]));
    scene.run("").exits(6);
    assert!(!scene.has("t").await);
}

// Kochel, phase A.

#[tokio::test]
async fn kochel_eleven_arent_twelve() {
    let scene = Scene::new().await;
    scene.file(
        "stages.sql",
        "CREATE TABLE stages AS SELECT n, n <= 11 AS required FROM generate_series(1, 25) n;",
    );
    let twelve = "[[phase.step.checkpoint]]\ntitle = \"4.1.3 required stages\"\nsql = \"SELECT count(*) FROM stages WHERE required\"\nexpect = 12\n";
    scene.plan(&steps(&[&file_step("stages", twelve)]));
    scene.run("").exits(6).says("4.1.3 required stages").says("expected 12, got 11");
}

#[tokio::test]
async fn kochel_contracts_that_double() {
    let scene = Scene::new().await;
    scene.sql("CREATE TABLE contracts (prd text, name text)").await;
    scene.file("contracts.sql", "INSERT INTO contracts SELECT 'K', 'c' || n FROM generate_series(1, 4) n;");
    let four = "adds = { rows = { contracts = 4 } }\n[[phase.step.checkpoint]]\ntitle = \"4 contracts\"\nsql = \"SELECT count(*) FROM contracts WHERE prd = 'K'\"\nexpect = 4\n";
    scene.plan(&steps(&[&file_step("contracts", four)]));
    scene.run("").exits(0);
    scene.run("").exits(6).says("expected 4, got 8");
    assert_eq!(scene.value("SELECT count(*) FROM contracts").await, "4");
}

#[tokio::test]
async fn kochel_a_rollback_that_leaves_the_parent_changed() {
    let scene = Scene::new().await;
    scene.sql("CREATE TABLE directives (id text PRIMARY KEY, title text); INSERT INTO directives VALUES ('SD-1', 'as it was')").await;
    scene.file(
        "children.sql",
        "UPDATE directives SET title = 'orchestrator' WHERE id = 'SD-1';\nINSERT INTO directives SELECT 'SD-1.' || n, 'child' FROM generate_series(1, 11) n;",
    );
    let own_rollback = "[phase.step.rollback]\nsql = \"DELETE FROM directives WHERE id LIKE 'SD-1.%'\"\n[[phase.step.rollback.checkpoint]]\ntitle = \"5.3 Only the parent remains\"\nsql = \"SELECT count(*) FROM directives\"\nexpect = 1\n";
    let person = "[[phase.step]]\nid = \"go\"\ntitle = \"Go\"\nconfirm = \"goes on\"\n";
    scene.plan_with(
        "stepping = \"auto\"\nguards = [\"directives\"]",
        &steps(&[&file_step("children", own_rollback), person]),
    );
    scene.run("").exits(6);
    let said = scene.rollback("");
    // Its own verification passes, and the before-image doesn't.
    said.exits(1).says("5.3 Only the parent remains").says("rows of directives: it has changed");
    let ended = scene.events_named("rollback_ended").pop().unwrap();
    assert_eq!(ended["residue"][0]["object"], "rows of directives");
    assert_eq!(scene.value("SELECT title FROM directives").await, "orchestrator");
}

#[tokio::test]
async fn kochel_a_file_of_another_name_is_found_before_the_window() {
    let scene = Scene::new().await;
    scene.file("20251209_kochel_crewai_contract.sql", "SELECT 1;");
    scene
        .plan(&steps(&[&file_step("20251209_kochel_crewai_contracts", "").replace("id = \"2", "id = \"s2")]));
    for words in ["check plan.toml", "run plan.toml --plain"] {
        scene
            .type_in(words)
            .exits(2)
            .says("there is no file `20251209_kochel_crewai_contracts.sql`")
            .says("there is `20251209_kochel_crewai_contract.sql`");
    }
    assert!(scene.runs().is_empty());
}

// Cloud migration, lane 3.

#[tokio::test]
async fn lane3_an_empty_target_isnt_passed() {
    let scene = Scene::new().await;
    scene.sql("CREATE TABLE copied AS SELECT generate_series(1, 500) n").await;
    scene.file("copy.sql", "TRUNCATE copied;");
    let before = "[[phase.step]]\nid = \"before\"\ntitle = \"Before\"\ncheck = \"SELECT count(*) FROM copied\"\nexpect = \">= 1\"\nsave = \"before\"\n";
    let same = "[[phase.step.checkpoint]]\ntitle = \"As many as before\"\nsql = \"SELECT count(*) FROM copied\"\nexpect = \"{before}\"\n";
    scene.plan(&steps(&[before, &file_step("copy", same)]));
    scene.run("").exits(6).says("As many as before").says("500").says("got 0");
    assert_eq!(scene.value("SELECT count(*) FROM copied").await, "500");
    scene.resume("--end x").exits(1);

    // A gate that can't be evaluated is shut.
    let broken = same.replace("FROM copied", "FROM copied_elsewhere");
    scene.plan(&steps(&[before, &file_step("copy", &broken)]));
    scene.run("").exits(6).says("got error 42P01");
    assert_eq!(scene.value("SELECT count(*) FROM copied").await, "500");
}

#[tokio::test]
async fn lane3_as_many_rows_of_wrong_content() {
    let scene = Scene::new().await;
    scene.sql("CREATE TABLE rows (id int PRIMARY KEY, v text); INSERT INTO rows SELECT n, 'right ' || n FROM generate_series(1, 500) n").await;
    scene.file("swap.sql", "CREATE TABLE aside AS SELECT * FROM rows;\nTRUNCATE rows;\nINSERT INTO rows SELECT id, 'wrong' FROM aside;");
    let undo = "[phase.step.rollback]\nsql = \"DROP TABLE aside\"\n[[phase.step.rollback.checkpoint]]\ntitle = \"As many as before\"\nsql = \"SELECT count(*) FROM rows\"\nexpect = 500\n";
    let person = "[[phase.step]]\nid = \"go\"\ntitle = \"Go\"\nconfirm = \"goes on\"\n";
    scene.plan_with("stepping = \"auto\"\nguards = [\"rows\"]", &steps(&[&file_step("swap", undo), person]));
    scene.run("").exits(6);
    scene.rollback("").exits(1).says("As many as before").says("rows of rows: it has changed");
}

#[tokio::test]
async fn going_on_regardless_is_in_the_evidence() {
    let scene = Scene::new().await;
    scene.sql("CREATE TABLE t (n int)").await;
    let gate = "[[phase.step]]\nid = \"gate\"\ntitle = \"Gate\"\ncheck = \"SELECT count(*) FROM t\"\nexpect = \">= 1\"\n";
    scene.plan(&steps(&[gate]));
    scene.run("").exits(6);
    scene.resume("--override gate=").exits(2).complains("a reason is needed");
    let said = scene.resume("--override gate=empty-on-purpose");
    said.exits(0).says("deviations Gate: accepted: empty-on-purpose");
    let ended = scene.events_named("ended").pop().unwrap();
    assert_eq!(ended["summary"]["deviations"], 1);
}
