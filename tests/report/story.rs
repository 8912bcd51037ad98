//! A run that never was: evening.jsonl, with the plan evening.toml, put into a state folder as the program would.
//! Everything that a report shows happens in it once.

use std::path::{Path, PathBuf};
use std::process::Output;

use holdpoint::journal::{GENESIS, digest};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

pub const RUN: &str = "01a00000-0000-7000-8000-000000000001";

pub struct Story {
    state: TempDir,
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report").join(name)
}

/// Its events, as they are written down.
pub fn events() -> Vec<Map<String, Value>> {
    let text = std::fs::read_to_string(here("evening.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

impl Story {
    pub fn told() -> Self {
        let plan = std::fs::read_to_string(here("evening.toml")).unwrap();
        Self::of(&events(), &plan)
    }

    pub fn of(events: &[Map<String, Value>], plan: &str) -> Self {
        let story = Self { state: tempfile::tempdir().unwrap() };
        std::fs::create_dir(story.folder()).unwrap();
        let base: jiff::Timestamp = "2026-02-06T20:05:00Z".parse().unwrap();
        let mut lines = String::new();
        let mut prev = GENESIS.to_owned();
        for (at, event) in events.iter().enumerate() {
            let ms = event["t"].as_f64().unwrap() * 1000.0;
            #[expect(clippy::cast_possible_truncation, reason = "whole milliseconds")]
            let when = base + jiff::SignedDuration::from_millis(ms as i64);
            let mut line = Map::new();
            line.insert("v".into(), json!(1));
            line.insert("seq".into(), json!(at + 1));
            line.insert("at".into(), json!(when.to_string()));
            line.insert("run".into(), json!(RUN));
            line.extend(event.iter().filter(|(name, _)| *name != "t").map(|(k, v)| (k.clone(), v.clone())));
            line.insert("prev".into(), json!(prev));
            let line = serde_json::to_string(&line).unwrap();
            prev = digest(line.as_bytes());
            lines.push_str(&line);
            lines.push('\n');
        }
        std::fs::write(story.journal(), lines).unwrap();
        std::fs::write(story.folder().join("plan.toml"), plan).unwrap();
        let copies = json!([{
            "name": null, "original": "/srv/plans/evening.toml", "copy": "plan.toml", "bytes": plan.len(),
            "digest": digest(plan.as_bytes()),
        }]);
        std::fs::write(story.folder().join("copies.json"), copies.to_string()).unwrap();
        story
    }

    pub fn folder(&self) -> PathBuf {
        self.state.path().join(RUN)
    }

    pub fn journal(&self) -> PathBuf {
        self.folder().join("journal.jsonl")
    }

    /// What `holdpoint status` says.
    pub fn status(&self) -> String {
        let mut command = crate::scene::holdpoint(["status", "--state-dir"]);
        let output = command.arg(self.state.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What the program says when it is asked.
    pub fn report(&self, args: &[&str]) -> Output {
        let mut command = crate::scene::holdpoint(["report", "--state-dir"]);
        command.arg(self.state.path()).args(args).output().unwrap()
    }

    /// The report; the program ends with 0.
    #[track_caller]
    pub fn written(&self, format: &str) -> String {
        let output = self.report(&["--format", format]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}
