//! The three formats of one journal, word for word; and what becomes of a journal that isn't whole.

use std::path::Path;

use serde_json::Value;

use crate::story::{RUN, Story, events};

fn is_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report/golden").join(name);
    if std::env::var_os("HOLDPOINT_UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        return;
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = wanted.lines().zip(text.lines()).find(|(has, is)| has != is);
    assert!(
        wanted == text,
        "{name} is another now, first at {differs:#?}; HOLDPOINT_UPDATE=1 writes it anew"
    );
}

#[test]
fn the_same_journal_gives_the_same_report() {
    let story = Story::told();
    for format in ["md", "html", "json"] {
        let text = story.written(format);
        assert_eq!(text, story.written(format), "{format}");
        is_golden(&format!("evening.{format}"), &text);
    }
}

#[test]
fn every_part_of_the_evidence_is_in_it() {
    let story = Story::told();
    let report: Value = serde_json::from_str(&story.written("json")).unwrap();
    assert_eq!(report["v"], 1);
    assert_eq!(report["standing"]["exit_code"], 1);
    assert_eq!(report["plan"]["reference"], "CHG-42 [see](https://example.org)");
    assert_eq!(report["sittings"].as_array().unwrap().len(), 2);
    assert_eq!(report["signatures"][1]["decides"], true);
    assert_eq!(report["signatures"][0]["by"]["os_user"], "ann");
    let currency = &report["phases"][1]["steps"][0];
    assert_eq!((&currency["undone"], &currency["tries"][0]["came"]), (&true.into(), &"failed".into()));
    assert_eq!(currency["checkpoints"][0]["results"][0]["differences"][0]["got"], "97");
    assert_eq!(
        currency["checkpoints"][0]["query"],
        "SELECT currency, count(*)\n FROM orders\nGROUP BY currency"
    );
    // 21:05 instead of 21:00; a little later than 21:10.
    assert_eq!(report["phases"][0]["planned"]["late_ms"], 303_000);
    let kinds: Vec<&str> =
        report["deviations"].as_array().unwrap().iter().filter_map(|one| one["kind"].as_str()).collect();
    assert_eq!(kinds, ["late", "late", "noted", "overridden", "skipped"]);
    assert_eq!(report["rollbacks"][0]["left"]["residue"].as_array().unwrap().len(), 2);
    assert_eq!(report["holds"].as_array().unwrap().len(), 8);
    assert_eq!(report["others"], serde_json::json!([]));
    let programs = report["programs"].as_array().unwrap();
    assert_eq!((programs.len(), &programs[0]["ending"]["code"]), (2, &22.into()));
    assert_eq!(report["messages"][1]["handed"]["how"], "failed");
    // Those of the plan, in its order, also the one that never ran.
    let watches = report["watches"].as_array().unwrap();
    assert_eq!(
        (&watches[0]["samples"], &watches[0]["breaches"][0]["by"]["name"]),
        (&412.into(), &"Ann".into())
    );
    assert_eq!((&watches[1]["id"], &watches[1]["samples"]), (&"backlog".into(), &0.into()));
    let md = story.written("md");
    for words in [
        "asserted by OS user ann",
        "NO-GO",
        "the answer",
        "Not compared: rows of clicks.",
        "3 rows written to orders since would be lost",
        "+ with a currency",
        "interrupted by SIGHUP",
        "syntax error at or near",
        "the whole rollback took 950 ms in the rehearsal of 2026-02-05 15:00 UTC",
        "Look at the orders from abroad",
        "wrote 40 lines, of which these are the last:",
        "ended, since it hadn't within 20.0 s",
        "handed to `/usr/local/bin/tell`",
        "reminder 1",
        "not sampled",
        "Ask in #shop who holds the lock",
    ] {
        assert!(md.contains(words), "{words}\n{md}");
    }
}

#[test]
fn a_run_that_goes_on_says_how_it_stood_and_when() {
    let plan = std::fs::read_to_string("tests/report/evening.toml").unwrap();
    let all = events();
    let until = all.iter().position(|event| event["event"] == "note").unwrap() + 1;
    let story = Story::of(&all[..until], &plan);
    let words =
        format!("This run isn't over. All of this is its state as of event {until} at 2026-02-06 21:13:40");
    for format in ["md", "html"] {
        let text = story.written(format);
        let text = text.replace("&#39;", "'");
        let at = text.find("STILL GOING").expect("it says so");
        assert!(text[at..].contains(&words), "{text}");
        assert!(
            text.contains("waits still") && text.contains("hasn't, as far as the journal tells"),
            "{text}"
        );
    }
    let report: Value = serde_json::from_str(&story.written("json")).unwrap();
    assert_eq!((&report["standing"]["over"], &report["standing"]["outcome"]), (&false.into(), &Value::Null));
}

#[test]
fn what_stands_before_the_damage_is_reported_and_the_damage_with_it() {
    let story = Story::told();
    let whole = std::fs::read_to_string(story.journal()).unwrap();
    let damaged = whole.replacen("\"name\":\"Cleo\"", "\"name\":\"Carl\"", 1);
    let line = damaged.lines().position(|line| line.contains("Carl")).unwrap() + 1;
    std::fs::write(story.journal(), damaged).unwrap();
    for format in ["md", "html", "json"] {
        let output = story.report(&["--format", format]);
        assert_eq!(output.status.code(), Some(1), "{format}");
        let (said, text) =
            (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout).into_owned());
        assert!(said.contains(&format!("is damaged in line {line}: ")), "{said}");
        assert!(
            text.contains("two orders in pounds are right") && !text.contains("rows of clicks"),
            "{text}"
        );
        // The changed line itself isn't believed, nor how the run stood before it taken for how it stands.
        assert!(!text.contains("Carl") && text.contains("not known: the journal is damaged"), "{text}");
        if format != "json" {
            assert!(text.contains("THE JOURNAL IS DAMAGED"), "{text}");
            assert!(text.contains(&format!("damaged from line {line} on")), "{text}");
        }
    }
    // Whoever asks for the run's state hears it too, and when the journal is gone or empty.
    assert!(story.status().contains("damaged: "), "{}", story.status());
    std::fs::write(story.folder().join("before-image.json"), "{}").unwrap();
    std::fs::write(story.journal(), "").unwrap();
    assert!(story.status().contains("is empty, and the run had begun"), "{}", story.status());
    std::fs::remove_file(story.journal()).unwrap();
    assert!(story.status().contains("is gone, and the run had begun"), "{}", story.status());
    // An event that can't be, in a chain that is whole.
    let plan = std::fs::read_to_string("tests/report/evening.toml").unwrap();
    let mut all = events();
    let twice = all.iter().find(|event| event["event"] == "baseline_taken").unwrap().clone();
    all.insert(60, twice);
    let output = Story::of(&all, &plan).report(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("damaged from line 61 on"));
    // Nothing is whole: there is nothing to report.
    std::fs::write(story.journal(), whole.replacen("\"seq\":1,", "\"seq\":9,", 1)).unwrap();
    let output = story.report(&[]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), b"".as_slice()));
    assert!(String::from_utf8_lossy(&output.stderr).contains("damaged in line 1"));
}

#[test]
fn a_torn_last_line_is_no_damage_and_a_changed_plan_is_told() {
    let story = Story::told();
    let mut torn = std::fs::read(story.journal()).unwrap();
    torn.extend_from_slice(b"{\"v\":1,\"seq\":99");
    std::fs::write(story.journal(), torn).unwrap();
    let text = story.written("md");
    assert!(text.contains("the next one is unfinished (15 bytes, no newline at its end)"), "{text}");

    std::fs::write(story.folder().join("plan.toml"), "[plan]\nid = \"another\"\n").unwrap();
    let text = story.written("md");
    assert!(text.contains("! The run's plan can't be read") && !text.contains("GROUP BY"), "{text}");
    assert!(text.contains("Currencies that are used"), "what the journal has stays: {text}");
    std::fs::remove_file(story.folder().join("copies.json")).unwrap();
    assert!(story.written("md").contains("The run's plan can't be read"));
}

#[test]
fn the_run_that_is_meant_is_found_or_asked_for() {
    let story = Story::told();
    let fails = |args: &[&str], code: i32, words: &str| {
        let output = story.report(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(words) && output.stdout.is_empty(), "{args:?}: {said}");
    };
    fails(&["ffff"], 2, "there is no run ffff");
    fails(&["--format", "pdf"], 2, "possible values: md, html, json");
    fails(&["-o", "evidence.doc"], 2, "evidence.doc ends neither with .md nor with .html or .json");
    fails(&["-o", "/nowhere/evidence.md"], 7, "/nowhere/evidence.md can't be written");
    std::fs::create_dir(story.folder().with_file_name(RUN.replace("0001", "0002"))).unwrap();
    fails(&["01a0"], 2, "01a0 means several runs");
    fails(&[&RUN.replace("0001", "0002")], 7, "failed to read");
    // One that never began isn't the newest.
    assert!(story.written("md").contains(RUN));
    let empty = tempfile::tempdir().unwrap();
    let mut command = crate::scene::holdpoint(["report", "--state-dir"]);
    let output = command.arg(empty.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no runs in"));
}

#[test]
fn a_file_is_replaced_whole_and_its_name_says_the_format() {
    let (story, folder) = (Story::told(), tempfile::tempdir().unwrap());
    for (name, begins) in [("a.md", "# Orders"), ("a.html", "<!DOCTYPE html>"), ("a.json", "{\n  \"v\": 1,")]
    {
        let file = folder.path().join(name);
        std::fs::write(&file, "what was there").unwrap();
        let output = story.report(&[&RUN[..8], "-o", file.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("report of run {RUN} in {}\n", file.display())
        );
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(begins) && text.ends_with('\n'), "{text}");
        assert_eq!(text, story.written(name.split('.').next_back().unwrap()));
    }
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}
