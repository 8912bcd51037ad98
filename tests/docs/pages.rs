//! README.md and docs/answers.md: every command is run as it is written, in an empty folder with an
//! empty home, and what is shown as output is what comes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use holdpoint::engine::fixture;
use holdpoint::engine::pilot::Answers;
use holdpoint::pg::Environment;
use holdpoint::plan::{LoadOptions, load};

use super::server::TestServer;
use super::surroundings::surroundings;

const PROGRAM: &str = env!("CARGO_BIN_EXE_holdpoint");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).expect(name)
}

/// Blocks of a page whose fence is ```` ```WORDS ````.
fn blocks(page: &str, words: &str) -> Vec<String> {
    let fence = format!("\n```{words}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap_or_default().to_owned()).collect()
}

/// An empty folder with an empty home, and nothing of the caller's environment.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("home")).expect("a home");
        std::fs::create_dir(folder.path().join("work")).expect("a folder to work in");
        Self { folder }
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(surroundings())
            .env("HOME", self.folder.path().join("home"))
            .env("LC_ALL", "C.UTF-8")
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .current_dir(self.work());
        command
    }
}

fn shown(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// `holdpoint …     # exit 6` must end so; everything else must succeed.
fn checked(line: &str) -> String {
    match line.rsplit_once("# exit ") {
        Some((command, code)) => {
            let command = command.trim_end();
            format!(
                "code=0; {command} || code=$?; [ $code = {code} ] || {{ echo \"exit $code: {command}\" >&2; exit 99; }}"
            )
        }
        None => line.to_owned(),
    }
}

#[tokio::test]
async fn the_walkthrough_of_the_readme_works_as_written() {
    let server = TestServer::start().await;
    let database = server.fresh_database().await;
    let desk = Desk::new();
    let bin = desk.folder.path().join("bin");
    std::fs::create_dir(&bin).expect("a folder for programs");
    std::os::unix::fs::symlink(PROGRAM, bin.join("holdpoint")).expect("the program on the PATH");
    let path = format!(
        "{}:{}:{}",
        bin.display(),
        server.embedded().bin_dir().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let blocks = blocks(&page("README.md"), "sh walkthrough");
    assert!(blocks.len() >= 6, "{} blocks", blocks.len());
    let script: Vec<String> =
        blocks.iter().flat_map(|block| block.lines().map(checked).chain([String::new()])).collect();
    let mut command = desk.command("bash");
    command.arg("-euo").arg("pipefail").arg("-c").arg(script.join("\n")).env("PATH", path);
    command.envs(server.config(&database).libpq_environment());
    let output = command.output().expect("bash runs");
    assert!(output.status.success(), "{}\n{}", output.status, shown(&output));

    // What the text around the commands says came of them.
    let text = String::from_utf8_lossy(&output.stdout);
    let status: Vec<&str> = text.lines().filter(|line| line.contains("orders-currency  ")).collect();
    assert!(status.iter().any(|line| line.contains("(exit 6)")), "{text}");
    assert!(status.iter().any(|line| line.contains("rolled back cleanly (exit 4)")), "{text}");
    assert!(status.iter().any(|line| line.contains("done (exit 0)")), "{text}");
    let left = "SELECT count(*) FROM orders WHERE currency = 'EUR'";
    assert_eq!(server.value(&database, left).await, "100");
    assert_eq!(
        server.value(&database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'holdpoint'").await,
        "0"
    );
    let events = std::fs::read_to_string(desk.work().join("shop/events.jsonl")).expect("the events");
    assert!(events.lines().all(|line| line.starts_with("{\"v\":1,\"seq\":")), "{events}");
}

/// A line without what differs from run to run.
fn lasting(line: &str) -> String {
    let mut out = String::new();
    for word in line.split_whitespace() {
        let is_time = word.len() == 8 && word.matches(':').count() == 2;
        let figure = word.chars().all(|c| c.is_ascii_digit() || c == '.');
        out.push_str(match word {
            _ if is_time => "TIME",
            _ if figure => "N",
            "ms" | "s" | "min" => "UNIT",
            word => word,
        });
        out.push(' ');
    }
    out.trim_end().to_owned()
}

#[test]
fn the_demo_prints_what_the_readme_shows() {
    let desk = Desk::new();
    let output = desk.command(PROGRAM).args(["demo", "--plain"]).output().expect("the demo runs");
    assert!(output.status.success(), "{}\n{}", output.status, shown(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = text.lines().map(lasting);
    let excerpt = blocks(&page("README.md"), "text").into_iter().next().expect("an excerpt");
    let wanted = excerpt.lines().filter(|line| line.trim() != "…");
    for line in wanted {
        let whole = line.strip_suffix('…').map_or_else(|| lasting(line), lasting);
        let found = lines
            .any(|printed| if line.ends_with('…') { printed.starts_with(&whole) } else { printed == whole });
        assert!(found, "README.md shows a line that the demo doesn't print (here):\n{line}\n\n{text}");
    }
}

#[test]
fn the_answers_page_shows_every_kind_of_answer() {
    let page = page("docs/answers.md");
    let example = blocks(&page, "toml answers").into_iter().next().expect("an example");
    let answers: Answers = toml::from_str(&example).expect("answers");
    assert_eq!(
        (answers.go.len(), answers.confirm.len(), answers.sign.len(), answers.failed.len()),
        (4, 3, 2, 7)
    );
}

#[tokio::test]
async fn the_answers_for_the_shipped_plan_bring_it_to_its_end() {
    let server = TestServer::start().await;
    let desk = Desk::new();
    // The plan's guards name one host, and this isn't it.
    let own = page("plans/kochel-phase-a.toml").replace("db.dedlbzhpgkmetvhbkyzq.supabase.co", "~ ^/");
    let own = own.replace("../migrations/kochel", &root().join("migrations/kochel").display().to_string());
    std::fs::write(desk.work().join("plan.toml"), own).expect("a plan");
    let loaded = load(&desk.work().join("plan.toml"), LoadOptions::default()).expect("the plan loads");
    let before = loaded.plan.fixture.clone().and_then(|fixture| fixture.target).expect("a fixture");
    let target = server.config("postgres");
    fixture::load(&loaded.plan, &before, &target).await.expect("reached").expect("the fixture");

    let run = |answers: &Path| {
        let mut command = desk.command(PROGRAM);
        command.args(["run", "plan.toml", "--plain", "--answers"]).arg(answers);
        command.envs(target.libpq_environment());
        command.output().expect("the program runs")
    };
    let nothing = desk.work().join("nothing.toml");
    std::fs::write(&nothing, "").expect("no answers");
    let refused = run(&nothing);
    assert_eq!(refused.status.code(), Some(3), "{}", shown(&refused));
    let output = run(&root().join("plans/answers/kochel-phase-a.toml"));
    assert_eq!(output.status.code(), Some(0), "{}", shown(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("C. Hair"), "{}", shown(&output));
}

#[test]
fn what_the_readme_says_of_connections_is_so() {
    use holdpoint::pg::ConnectConfig;
    let readme = page("README.md");
    let row = |mark: &str| {
        readme.lines().find(|line| line.starts_with(&format!("| {mark} |"))).expect(mark).to_owned()
    };
    let keys = |row: &str| -> Vec<String> {
        row.split('`')
            .skip(1)
            .step_by(2)
            .filter(|key| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            .map(str::to_owned)
            .collect()
    };
    let parse = |key: &str| ConnectConfig::parse(&format!("{key}=1 user=u"), &Environment::empty());
    for key in keys(&row("supported")) {
        let error = parse(&key).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            !error.contains("supported") && !error.contains("unknown") || key == "sslmode",
            "{key}: {error}"
        );
    }
    for key in keys(&row("not yet")) {
        let error = parse(&key).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("isn't supported yet") || key == "sslmode", "{key}: {error}");
    }
}
