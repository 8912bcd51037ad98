//! The pictures in screenshots/: real frames of real runs, in colours. They have to be what the program
//! draws; `HOLDPOINT_UPDATE_SCREENSHOTS=1 cargo test --test screenshots` makes them anew, and PNGs of them
//! where `rsvg-convert` is installed.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "../common/mod.rs"]
mod common;
mod svg;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::pty::{Pty, banner};
use common::runs::Bench;

/// Compares the screen with its picture, or makes the picture.
#[track_caller]
fn shot(pty: &Pty, name: &str, title: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("screenshots");
    let path = folder.join(format!("{name}.svg"));
    let picture = svg::picture(&pty.screen(), title);
    if std::env::var_os("HOLDPOINT_UPDATE_SCREENSHOTS").is_some() {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(&path, picture).unwrap();
        let made = Command::new("rsvg-convert")
            .args(["--zoom", "1.6", "-o"])
            .arg(path.with_extension("png"))
            .arg(&path)
            .status();
        if !made.is_ok_and(|status| status.success()) {
            println!("{name}: no PNG; rsvg-convert (Debian: librsvg2-bin) makes it");
        }
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (kept, now) = (svg::said(&kept), svg::said(&picture));
    let differ = |one: &Words, other: &Words| -> Vec<String> {
        one.iter()
            .filter(|(word, n)| other.get(word) != Some(n))
            .map(|((style, word), n)| format!("{word} ×{n} ({style})"))
            .collect()
    };
    let (only_kept, only_now) = (differ(&kept, &now), differ(&now, &kept));
    assert!(
        only_kept.is_empty() && only_now.is_empty(),
        "{name}.svg isn't what the program draws any more: HOLDPOINT_UPDATE_SCREENSHOTS=1 cargo test --test screenshots makes it \
         anew.\nthe picture has: {only_kept:#?}\nthe program draws: {only_now:#?}\n{}",
        pty.text()
    );
}

type Words = std::collections::BTreeMap<(String, String), usize>;

/// Nothing is under way, and no word of the last key stands at the bottom.
fn is_quiet(text: &str) -> bool {
    let bottom = text.lines().rev().nth(1).unwrap_or_default().trim();
    (bottom.is_empty() || bottom.starts_with("the plan says: ") || bottom.starts_with("its rollback "))
        && !["reading …", "─ Confirm: ", "─ Sign as "].iter().any(|words| text.contains(words))
}

/// Esc, in the form that no key that follows can be taken for a part of.
const ESC: &str = "\u{1b}[27u";

/// Takes away what the last keys left: a word at the bottom, or a question.
#[track_caller]
fn quiet(pty: &mut Pty) {
    pty.press_until(ESC, is_quiet);
}

/// The migration that comes with it, from the middle to the end.
#[test]
fn kochel() {
    let home = tempfile::tempdir().unwrap();
    let environment = [("HOME".to_owned(), home.path().display().to_string())];
    let mut pty = Pty::start(&["demo"], home.path(), &environment, 120, 36);
    pty.walk_to(|text| text.contains("go: \"Step 3"));
    quiet(&mut pty);
    let middle = |text: &str| {
        text.contains("R ROLL BACK 2 steps · ") && text.contains("never rehearsed") && is_quiet(text)
    };
    pty.until("the middle of the run", middle);
    shot(&pty, "timeline", "The timeline in the middle of a run");
    pty.resize(80, 24);
    pty.until("80×24", |text| {
        text.lines().nth(1).is_some_and(|line| line.contains("you drive"))
            && text.contains("R ROLL BACK 2 steps")
    });
    shot(&pty, "80x24", "The same moment at 80×24");
    pty.resize(120, 36);
    pty.until("120×36", middle);
    pty.walk_to(|text| text.contains("go: \"Step 4"));
    quiet(&mut pty);
    pty.press_until("3", |text| {
        text.contains("R ROLL BACK 3 steps · ") && text.contains("▲25") && is_quiet(text)
    });
    shot(&pty, "deltas", "Objects and rows, before the run and now");
    pty.press_until("1", |text| text.contains("20251209_kochel_crewai_contracts.sql ·"));
    let signs = |text: &str| banner(text).contains("signs as ") && text.contains("R ROLL BACK 4 steps");
    pty.walk_to(signs);
    quiet(&mut pty);
    pty.press_until("6", |text| {
        signs(text)
            && text.contains("smoke test")
            && text.contains("R ROLL BACK 4 steps · ")
            && is_quiet(text)
    });
    shot(&pty, "sign-offs", "Who has confirmed and signed what");
    pty.walk();
    quiet(&mut pty);
    pty.press_until("5", |text| {
        text.contains("✓ DONE")
            && text.contains("nobody drives")
            && text.contains("Chairman: signed")
            && is_quiet(text)
    });
    shot(&pty, "end", "The end of a run");
}

const SHOP: &str = r#"
[plan]
id            = "shop-currencies"
title         = "Orders get a currency"
environment   = "production"
stepping      = "manual"
guards        = ["customers"]

[plan.rollback_advice]
do     = ["An order has a wrong currency", "The shop can't take orders"]
do_not = ["Only the index is slow: make it anew instead"]
within = "5min"

[[phase]]
id    = "before"
title = "Before"

[[phase.step]]
title  = "Nobody changes orders by hand"
check  = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'psql'"
expect = 0

[[phase]]
id     = "change"
title  = "Change"
starts = "22:00"

[[phase.step]]
id    = "currencies"
title = "Currencies"
file  = "currencies.sql"
takes = "1min"

  [phase.step.rollback]
  file = "currencies_back.sql"

[[phase.step]]
id           = "currency"
title        = "Orders get their currency"
file         = "orders.sql"
takes        = "2min"
lock_timeout = "50s"
verify       = "after_commit"

  [[phase.step.checkpoint]]
  title  = "Orders by currency"
  sql    = "SELECT currency, count(*) AS orders, sum(total) AS total FROM orders GROUP BY currency ORDER BY currency"
  expect = { table = [["CHF", 100, 51000], ["EUR", 850, 351050], ["USD", 50, 98450]] }
  else   = "Ask the shop which orders of 2019 were in dollars"

  [phase.step.rollback]
  file = "orders_back.sql"

[[phase]]
id    = "close"
title = "Close"

[[phase.step]]
title   = "The shop's owner accepts"
signoff = "Owner"
"#;

const SCRIPTS: [(&str, &str); 4] = [
    (
        "currencies.sql",
        "CREATE TABLE currencies (code char(3) PRIMARY KEY, name text NOT NULL);\n\nINSERT INTO currencies VALUES\n    ('CHF', 'Swiss \
         franc'),\n    ('EUR', 'Euro'),\n    ('USD', 'US dollar');\n",
    ),
    ("currencies_back.sql", "DROP TABLE currencies;\n"),
    (
        "orders.sql",
        "-- Every order in euros; those of the shops abroad in theirs.\nALTER TABLE orders\n    ADD COLUMN currency char(3) \
         REFERENCES currencies DEFAULT 'EUR';\n\nUPDATE orders SET currency = 'CHF' WHERE id % 10 = 0;\nUPDATE orders SET currency \
         = 'USD' WHERE id % 20 = 5;\n\nALTER TABLE orders ALTER COLUMN currency SET NOT NULL;\nCREATE INDEX orders_by_currency ON \
         orders (currency);\n",
    ),
    ("orders_back.sql", "DROP INDEX orders_by_currency;\nALTER TABLE orders DROP COLUMN currency;\n"),
];

const BEFORE: &str = "CREATE TABLE orders (id int PRIMARY KEY, total int NOT NULL); INSERT INTO orders SELECT n, n FROM \
                      generate_series(1, 1000) AS n; CREATE TABLE customers (id int PRIMARY KEY, name text); INSERT INTO customers \
                      SELECT n, 'customer ' || n FROM generate_series(1, 40) AS n; ANALYZE";

/// A statement that waits for somebody, a checkpoint that fails, and the question that is asked then.
#[tokio::test]
async fn shop() {
    let bench = Bench::with(BEFORE).await;
    bench.file("plan.toml", SHOP);
    SCRIPTS.iter().for_each(|(name, text)| bench.file(name, text));
    let known = bench.server.config(&bench.db).libpq_environment();
    let environment: Vec<(String, String)> =
        known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let state = bench.path("state").display().to_string();
    let start = |args: &[&str], more: &[(&str, &str)], folder: &Path| {
        let mut environment = environment.clone();
        environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let args: Vec<&str> = args.iter().copied().chain(["--state-dir", &state]).collect();
        Pty::start(&args, folder, &environment, 120, 36)
    };
    let folder = bench.path("");
    let mut pty = start(&["run", "plan.toml"], &[], &folder);
    pty.until_says("go: \"Currencies\"");
    pty.keys("\r");
    pty.until_says("go: \"Orders get their currency\"");
    let mut blocker = bench.server.session(&bench.db).await;
    blocker.batch("SET application_name = 'reports'; BEGIN; SELECT count(*) FROM orders").await.unwrap();
    pty.keys("\r");
    pty.until_says("held by pid");
    pty.press_until("4", |text| {
        text.contains("reports, idle in transaction")
            && text.contains("AccessExclusive")
            && !text.contains("orders.sql ·")
    });
    shot(&pty, "blocked", "A statement that waits, and who is in its way");
    blocker.batch("COMMIT").await.unwrap();
    let failed = |text: &str| {
        text.contains("CHECKPOINT FAILED")
            && text.contains("R ROLL BACK 2 steps · ")
            && text.contains("never rehearsed")
            && !text.contains("Activity !")
            && is_quiet(text)
    };
    pty.until("the failure", failed);
    pty.press_until("2", |text| failed(text) && text.contains("row 1 total"));
    shot(&pty, "checkpoint", "A checkpoint that failed, cell by cell");
    bench.sql("INSERT INTO currencies VALUES ('GBP', 'Pound sterling')").await;
    pty.keys("R");
    pty.until("the question", |text| {
        text.contains("Roll back when") && text.contains("1 row written to currencies since")
    });
    shot(&pty, "rollback", "What is asked before anything is rolled back");
    pty.keys(ESC);
    pty.until("the question is closed", |text| !text.contains("Roll back when"));
    pty.keys("Q");
    pty.until_says("Leave now");
    pty.keys("\t\r");
    pty.end();
    let mut pty = start(&["resume"], &[("NO_COLOR", "1")], &folder);
    pty.until("the failure, without colours", failed);
    pty.press_until("2", |text| failed(text) && text.contains("row 1 total"));
    shot(&pty, "no-colour", "The same without colours");
}
