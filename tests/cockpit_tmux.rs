//! The cockpit in a real tmux: driven by one, watched by another, on a real PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::process::{Command, Output};

use common::pty::Pty;
use common::runs::Bench;
use common::tmux::Tmux;

const PLAN: &str = r#"
[plan]
id = "p"
title = "Shared"
environment = "dev"
stepping = "manual"

[[phase]]
title = "Work"

[[phase.step]]
id = "one"
title = "First"
sql = "CREATE TABLE one (n int)"
rollback = { sql = "DROP TABLE one" }

[[phase.step]]
id = "two"
title = "Second"
sql = "CREATE TABLE two (n int)"
rollback = { sql = "DROP TABLE two" }
"#;

fn environment(bench: &Bench) -> Vec<(String, String)> {
    let known = bench.server.config(&bench.db).libpq_environment();
    known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The program as a person calls it, on the bench's database.
fn call(bench: &Bench, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdpoint"));
    command.args(args).args(["--state-dir", &bench.path("state").display().to_string()]);
    command.current_dir(bench.path("")).env_remove("TMUX").envs(environment(bench));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A run that waits for its first key, and that nobody has.
async fn left() -> Bench {
    let bench = Bench::new().await;
    bench.file("plan.toml", PLAN);
    let state = bench.path("state").display().to_string();
    let args = ["run", "plan.toml", "--state-dir", &state];
    let mut pty = Pty::start(&args, &bench.path(""), &environment(&bench), 100, 30);
    pty.until_says("go: \"First\"");
    pty.keys("Q");
    pty.until_says("Leave now");
    pty.keys("\t\r");
    assert_eq!(pty.end(), 6, "{}", pty.text());
    bench
}

/// One drives, one watches on a smaller screen: their keys do nothing, and their screen changes nothing.
#[tokio::test]
async fn one_drives_and_others_watch() {
    let (bench, tmux) = (left().await, Tmux::new());
    let socket = tmux.socket();
    // What would be typed is said without anything being made.
    let output = call(&bench, &["share", "--socket-path", &socket]);
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("Shared: ") && told.contains("attach-session -r -t holdpoint-"), "{told}");
    assert!(told.contains("window-size largest") && told.contains("--start"), "{told}");
    assert!(!std::path::Path::new(&socket).exists());

    let output = call(&bench, &["share", "--start", "--session", "night", "--socket-path", &socket]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains(&format!("tmux -S {socket} attach-session -r -t night")),
        "{}",
        said(&output)
    );
    let mut driver = tmux.client(&["attach-session", "-t", "night"], &[], 130, 40);
    driver.until("the driver's whole screen", |text| {
        text.contains("go: \"First\"") && text.lines().next().is_some_and(|line| line.contains("PG "))
    });
    let mut watcher = tmux.client(&["attach-session", "-r", "-t", "night"], &[], 80, 24);
    watcher.until_says("Shared");
    driver.until_says("you drive · 1 watch");
    assert_eq!(tmux.ask(&["display-message", "-p", "-t", "night", "#{window_width}"]), "130");

    // Whoever watches presses the key that does the step, and the one that asks for help; then the driver
    // looks at the log. What the watcher's keys had done would be there by then.
    watcher.keys("\r?");
    driver.keys("L");
    let screen = driver.until_says("keys locked");
    assert!(screen.contains("go: \"First\"") && !screen.contains("─ Keys "), "{screen}");
    driver.keys("L");
    driver.until_says("you drive");

    // The driver's own screen changes its size under way.
    driver.keys("\r");
    driver.resize(100, 30);
    driver.until("the next step on the smaller screen", |text| {
        text.contains("go: \"Second\"") && text.lines().nth(1).is_some_and(|line| line.contains("1 watch"))
    });
    assert_eq!(tmux.ask(&["display-message", "-p", "-t", "night", "#{window_width}"]), "100");

    // A second call finds it.
    let output = call(&bench, &["share", "--session", "night", "--socket-path", &socket]);
    assert!(said(&output).contains("is there already"), "{}", said(&output));

    // tmux dies under it: the run stops where that is safe, and is taken up again elsewhere.
    tmux.kill();
    driver.end();
    let began = std::time::Instant::now();
    while said(&call(&bench, &["status"])).contains("has it") {
        assert!(began.elapsed() < std::time::Duration::from_secs(30), "the run isn't let go of");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let state = bench.path("state").display().to_string();
    let mut again =
        Pty::start(&["resume", "--state-dir", &state], &bench.path(""), &environment(&bench), 100, 30);
    again.until_says("go: \"Second\"");
    again.press_until("\r", |text| text.contains("✓ DONE"));
    again.keys("Q");
    assert_eq!(again.end(), 0, "{}", again.text());

    // A run that is over isn't shared.
    let runs = std::fs::read_dir(bench.path("state")).unwrap();
    let id = runs
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .find(|name| name.len() == 36);
    let output = call(&bench, &["share", &id.unwrap(), "--socket-path", &socket]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("is over (done"), "{}", said(&output));
}

/// The mouse as a multiplexer hands it on: the button opens its question, and rolls back.
#[tokio::test]
async fn the_button_is_clicked_in_tmux() {
    let (bench, tmux) = (left().await, Tmux::new());
    let socket = tmux.socket();
    let output = call(&bench, &["share", "--start", "--session", "mouse", "--socket-path", &socket]);
    assert!(output.status.success(), "{}", said(&output));
    let mut driver = tmux.client(&["attach-session", "-t", "mouse"], &[], 120, 37);
    driver.until_says("go: \"First\"");
    driver.press_until("\r", |text| text.contains("go: \"Second\""));
    // Until it is asked for, the mouse is the terminal's.
    driver.click("R ROLL BACK 1 step");
    driver.keys("M");
    let screen = driver.until_says("the mouse is taken");
    assert!(!screen.contains("Roll back everything"), "{screen}");
    driver.click("R ROLL BACK 1 step");
    driver.until_says("Roll back everything");
    driver.click("reason");
    driver.keys("by hand");
    driver.click_until("  Roll back ", |text| text.contains("▸ Roll back "));
    driver.click_until("▸ Roll back ", |text| text.contains("✓ ROLLED BACK"));
    assert_eq!(bench.value("SELECT to_regclass('one') IS NULL").await, "t");
}

/// From the first key to the last, through a multiplexer.
#[test]
fn kochel_is_stepped_through_in_tmux() {
    let tmux = Tmux::new();
    let home = tempfile::tempdir().unwrap();
    let environment = [("HOME".to_owned(), home.path().display().to_string())];
    let demo = format!("{} demo", env!("CARGO_BIN_EXE_holdpoint"));
    let args = ["new-session", "-s", "kochel", &demo, ";", "set-option", "remain-on-exit", "on"];
    let mut driver = tmux.client(&args, &environment, 120, 37);
    driver.walk();
    let screen = driver.until_says("✓ DONE");
    assert!(screen.contains("100 %") && screen.contains("nobody drives"), "{screen}");
    driver.keys("Q");
    // The summary stays.
    driver.until("the summary on the normal screen", |text| {
        text.contains("deviations") && text.contains("journal: ")
    });
}

#[tokio::test]
async fn without_tmux_it_is_said() {
    let bench = left().await;
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdpoint"));
    command.args(["share", "--start", "--state-dir", &bench.path("state").display().to_string()]);
    let output = command.current_dir(bench.path("")).env("PATH", "/nonexistent").output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("tmux isn't installed"), "{}", said(&output));
}
