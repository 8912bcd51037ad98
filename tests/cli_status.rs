//! `holdpoint status`: where a run stands, in words of whoever asks, not in names of events.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
mod scene;

use std::process::{Child, Stdio};

use scene::{Said, Scene, main_of, makes, undoable, wait_for};

/// The way back from `slow` waits for whoever holds the advisory lock 7; the owner hasn't signed.
fn plan() -> String {
    let slow =
        undoable("slow", "CREATE TABLE slow (n int);", "SELECT pg_advisory_xact_lock(7); DROP TABLE slow;");
    let owner = "\n[[phase.step]]\nid = \"owner\"\ntitle = \"Owner\"\nsignoff = \"Owner\"\n";
    main_of(&[makes("first"), slow, makes("third"), owner.to_owned()])
}

fn begin(scene: &Scene, words: &str) -> Child {
    let mut command = scene.command(words.split(' '));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[tokio::test]
async fn a_rollback_that_is_under_way_is_said_to_be() {
    let scene = Scene::new().await;
    scene.plan(&plan());
    scene.run("").exits(6);
    scene.type_in("status").exits(0).says("waits (exit 6): signed by Owner").never_says("rolling back");
    let mut other = scene.server.session(&scene.database).await;
    other.batch("SELECT pg_advisory_lock(7)").await.unwrap();
    let mut child = begin(&scene, "rollback --plain --reason late");
    wait_for("the undo of \"slow\" to be under way", || {
        scene.server.log().contains("SELECT pg_advisory_xact_lock(7)").then_some(())
    });
    let words = "rolling back, 1 of 3 steps undone, at \"slow\"";
    scene.type_in("status").exits(0).says(&format!("{words} (process {} has it)", child.id()));
    // Killed there: what was under way is still said, and what goes on with it.
    child.kill().unwrap();
    Said::of(child, "the rollback to be gone");
    let id = scene.only_run().file_name().unwrap().to_string_lossy().into_owned();
    scene
        .type_in("status")
        .exits(0)
        .says(&format!("{words}; its process ended without a word: `holdpoint resume {id}`"))
        .never_says("unit_")
        .never_says("has it");
    other.batch("SELECT pg_advisory_unlock(7); DROP TABLE first").await.unwrap();
    other.close().await;
    // One that waits says which way it went.
    scene.resume("").exits(6).says("rolling back, 2 of 3 steps undone");
    scene
        .type_in("status")
        .says("waits (exit 6): undoing \"first\" failed")
        .says("(rolling back, 2 of 3 steps undone");
}

#[tokio::test]
async fn a_run_that_is_under_way_says_how_far_it_is() {
    let scene = Scene::new().await;
    scene.plan(&plan().replace("CREATE TABLE third (n int);\"", "SELECT pg_advisory_xact_lock(7);\""));
    let mut other = scene.server.session(&scene.database).await;
    other.batch("SELECT pg_advisory_lock(7)").await.unwrap();
    let mut child = begin(&scene, "run plan.toml --plain");
    wait_for("the third step to be under way", || {
        scene.server.log().contains("SELECT pg_advisory_xact_lock(7)").then_some(())
    });
    let words = "running, 2 of 4 steps done, at \"third\"";
    scene.type_in("status").exits(0).says(&format!("{words} (process {} has it)", child.id()));
    child.kill().unwrap();
    Said::of(child, "the run to be gone");
    scene.type_in("status").exits(0).says(&format!("{words}; its process ended without a word"));
    other.close().await;
}

/// The plan is named as every other command takes it, or alone.
#[tokio::test]
async fn status_takes_the_plan_as_the_others_do() {
    let scene = Scene::new().await;
    scene.plan(&plan());
    scene.run("").exits(6);
    std::fs::create_dir(scene.path("elsewhere")).unwrap();
    let from_elsewhere = |words: &str| {
        let mut command = scene.command(words.split(' '));
        command.current_dir(scene.path("elsewhere"));
        Said::by(command)
    };
    for words in ["status --plan ../plan.toml", "status ../plan.toml", "report --plan ../plan.toml"] {
        from_elsewhere(words).exits(0).says("signed by Owner");
    }
    from_elsewhere("status --plan ../plan.toml ../plan.toml").exits(2);
}

/// It goes on with what it was opened with: whoever has edited the plan is told wherever they look.
#[tokio::test]
async fn a_plan_that_was_edited_is_said_to_be() {
    let scene = Scene::new().await;
    scene.plan(&plan());
    scene.run("").exits(6);
    scene.type_in("status").exits(0).never_says("changed on disk");
    scene.plan(&plan().replace("\"Owner\"", "\"Boss\""));
    scene
        .type_in("status")
        .exits(0)
        .says("signed by Owner; changed on disk since it was opened, and not used by it: the plan");
    scene.resume("").exits(6).says("changed on disk since this run was opened: the plan");
    scene
        .type_in("report")
        .exits(0)
        .says("changed on disk since this run was opened: the plan. The run goes on with what");
    scene.type_in("status").exits(0).says("changed on disk since it was opened");
    scene.resume("--confirm owner=Ann").exits(0);
    scene.type_in("status").exits(0).says("done (exit 0)").never_says("changed on disk");
}
