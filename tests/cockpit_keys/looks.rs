//! What is seen where somebody has to see it: who is in the way, which try it is, what a key does.

use holdpoint::cockpit::message::{Key, Msg};
use holdpoint::run::event::*;

use super::cockpit_support::states::go;
use super::cockpit_support::{Scene, events};

pub fn waiting_for_a_tick() -> Scene {
    let mut scene = Scene::new();
    scene.events(events::opening(Mode::Run)).events(events::quiet());
    scene.events(events::people(events::ada()).into_iter().take(3));
    scene
}

const SIZES: [(u16, u16); 5] = [(200, 60), (120, 36), (80, 24), (60, 16), (50, 10)];

/// Whatever the size: that it waits, who is in the way, and the how manieth try it is. In the try, and
/// between two of them, when nothing runs that could be looked at.
#[test]
fn who_keeps_a_step_from_its_lock_is_seen_at_every_size() {
    let mut scene = Scene::blocked();
    for (columns, lines) in SIZES {
        let frame = scene.frame(columns, lines);
        for words in ["WAITS FOR A LOCK", "4800", "try 1 of 6"] {
            assert!(frame.contains(words), "{words} at {columns}×{lines}\n{frame}");
        }
        assert!(!frame.contains("RUNNING"), "{frame}");
    }
    scene.gives_up_the_lock(1);
    for (columns, lines) in SIZES {
        let frame = scene.frame(columns, lines);
        for words in ["WAITS FOR A LOCK", "4800", "of 6", "4.0 s"] {
            assert!(frame.contains(words), "{words} at {columns}×{lines}\n{frame}");
        }
    }
    let words = "waits for a lock on venture_artifacts, held by pid 4800 (the app, idle in transaction 00:41), try 1 of 6 \
                 gave up, next try in 4.0 s";
    let frame = scene.frame(200, 60);
    assert!(frame.contains(words), "{frame}");
    // The clock goes on.
    scene.state.now += std::time::Duration::from_secs(3);
    let frame = scene.frame(200, 60);
    assert!(frame.contains("transaction 00:44") && frame.contains("next try in 1.0 s"), "{frame}");
    // It has it: nothing of that is left.
    scene.events([events::begins("quality", Direction::Forward, 4)]);
    let frame = scene.frame(120, 36);
    assert!(frame.contains("▶ RUNNING") && !frame.contains("held by"), "{frame}");
}

/// Where there is hardly any room, what keeps the step is more than its SQL.
#[test]
fn a_blocked_step_shows_more_than_sql() {
    let frame = Scene::blocked().frame(60, 16);
    let step: Vec<&str> = frame.lines().skip_while(|line| !line.contains("1 Step")).collect();
    assert!(step.iter().any(|line| line.contains("waits for a lock on")), "{frame}");
    let frame = Scene::failed().frame(60, 16);
    let step: Vec<&str> = frame.lines().skip_while(|line| !line.contains("1 Step")).collect();
    assert!(step.iter().any(|line| line.contains("qualty_score\" of relation")), "{frame}");
}

/// What an earlier try said isn't said by the one that runs.
#[test]
fn output_belongs_to_its_try() {
    let mut scene = Scene::blocked();
    assert!(scene.frame(120, 36).contains("| NOTICE: column \"quality_score\" is new"));
    scene.gives_up_the_lock(1);
    scene.events([events::begins("quality", Direction::Forward, 2)]);
    assert!(!scene.frame(120, 36).contains("is new"));
    scene.says("NOTICE: another one");
    assert!(scene.frame(120, 36).contains("| NOTICE: another one"));
    // It stays when the try has failed, and goes with the next.
    scene.events(events::failed("quality", events::syntax_error()));
    assert!(scene.frame(120, 36).contains("another one"));
    scene.events([events::held(HoldReason::Failed, "quality", "failed", None), again()]);
    scene.events([events::started("quality", Direction::Forward, 2)]);
    assert!(!scene.frame(120, 36).contains("another one"));
}

fn again() -> Event {
    match go() {
        Event::Decided { by, .. } => Event::Decided {
            what: Decision::Retry,
            step: None,
            by,
            reason: None,
            procedure: None,
            only: vec![],
        },
        other => other,
    }
}

/// One that fails again looks as if something had happened.
#[test]
fn a_retry_that_fails_again_says_so() {
    let mut scene = Scene::failed();
    assert!(scene.frame(120, 36).contains("✗ failed at 09:3"), "{}", scene.frame(120, 36));
    scene.events([again(), events::started("quality", Direction::Forward, 2)]);
    assert!(scene.frame(120, 36).contains("▶ running, try 2"), "{}", scene.frame(120, 36));
    scene.events([events::begins("quality", Direction::Forward, 1)]);
    scene.events(events::failed("quality", events::syntax_error()));
    scene.events([events::held(HoldReason::Failed, "quality", "failed", None)]);
    for (columns, lines) in [(80, 24), (120, 36)] {
        let frame = scene.frame(columns, lines);
        assert!(frame.contains("✗ try 2 failed at 09:3"), "{frame}");
    }
}

/// The most useful keys are named wherever there is a row for keys, and nothing of it is cut.
#[test]
fn the_keys_that_matter_keep_their_place() {
    for mut scene in
        [Scene::stepping(), Scene::blocked(), Scene::failed(), Scene::unverified(), Scene::busy()]
    {
        for (columns, lines) in [(200, 60), (120, 36), (80, 24)] {
            let frame = scene.frame(columns, lines);
            let keys = frame.lines().last().expect("a last line").to_owned();
            assert!(keys.contains("? help") && keys.contains("R ROLL BACK"), "{keys}");
            if columns > 80 {
                assert!(keys.contains("L lock") && keys.contains("Q leave"), "{keys}");
            }
        }
        if scene.state.tab == holdpoint::cockpit::state::Tab::Activity {
            continue;
        }
        let frame = scene.frame(60, 16);
        let keys = frame.lines().last().expect("a last line").to_owned();
        let first = if scene.state.run().is_holding() { "? help" } else { "h hold" };
        assert!(keys.contains(first), "{keys}");
    }
}

/// Help says everything to its end, and what the palette cuts has a sign.
#[test]
fn nothing_is_cut_without_a_sign() {
    let mut scene = Scene::stepping();
    scene.press('?');
    let mut read = String::new();
    for _ in 0..120 {
        let frame = scene.frame(80, 24);
        read.extend(frame.chars().filter(|c| c.is_alphanumeric()));
        scene.send(Msg::Key(Key::Char('j')));
    }
    for entry in holdpoint::cockpit::keymap::ENTRIES {
        let last = entry.what.split_whitespace().last().unwrap_or_default();
        let last: String = last.chars().filter(|c| c.is_alphanumeric()).collect();
        assert!(read.contains(&last), "{last}");
    }
    scene.key(Key::Esc).press(':');
    let frame = scene.frame(60, 16);
    for line in frame.lines().filter(|line| line.contains("not now:") || line.contains("Enter   go")) {
        assert!(
            line.contains("… ") || line.trim_end_matches(['│', '┃', ' ']).len() + 3 < line.len(),
            "{line}"
        );
    }
}

/// A filter is what stands there: no word of it is looked for elsewhere.
#[test]
fn a_filter_is_a_text_and_not_words() {
    let mut scene = Scene::unverified();
    scene.press('/').type_in("Step 3");
    let frame = scene.frame(80, 24);
    assert!(frame.contains("Step 3: Venture") && !frame.contains("Step 1: Lifecycle"), "{frame}");
    // "2 Pre-migration" and "3.2 Migration" have a 2, and there is no second step.
    scene.key(Key::Ctrl('u')).type_in("step  2");
    assert!(scene.frame(80, 24).contains("nothing fits the filter"));
}

/// Where there is room for hardly anything there is the list that the keys are about.
#[test]
fn sessions_are_listed_where_there_is_hardly_any_room() {
    let mut scene = Scene::busy();
    let frame = scene.frame(60, 16);
    assert!(frame.contains("▸ 4800") && frame.lines().any(|line| line.contains("└ 4711")), "{frame}");
    scene.key(Key::Tab).press('j').press('j');
    let frame = scene.frame(60, 16);
    assert_eq!(frame.lines().filter(|line| line.contains("▸ ")).count(), 1, "{frame}");
}

/// What is overridden is to be seen before it is, at any size at which it can be asked.
#[test]
fn what_failed_is_in_the_question_where_there_is_hardly_any_room() {
    let mut scene = Scene::unverified();
    scene.press('o');
    let frame = scene.frame(60, 16);
    assert!(frame.contains("Checkpoint 3") && frame.contains("2 rows"), "{frame}");
}

/// A title that is longer than its row is read whole, however long it is in its place.
#[test]
fn a_long_title_of_a_checkpoint_is_wrapped() {
    let long = "Checkpoint 3: the quality score of each of the venture artifacts that were made before the window is \
                fifty and none of them is null or beyond a hundred";
    let mut scene = Scene::new();
    scene.go_to_stepping_with(|opened| opened.outline[2].steps[1].checkpoints[0].title = long.into());
    scene.go_to_blocked();
    scene.go_to_unverified();
    for (columns, lines) in [(60, 24), (80, 24), (120, 36)] {
        let frame = scene.frame(columns, lines);
        // Beside the timeline, where that stands beside it.
        let beside = if columns >= 100 { 45 } else { 0 };
        let read = frame.lines().flat_map(|line| line.chars().skip(beside)).filter(|c| c.is_alphanumeric());
        let read: String = read.collect();
        let last = "noneofthemisnullorbeyondahundred";
        assert!(read.contains(last), "{columns}×{lines}\n{frame}");
    }
}

/// A value that is wider than its column is read to its end by the arrows.
#[test]
fn wide_cells_are_read_by_the_arrows() {
    let mut scene = Scene::unverified();
    let wide = format!("{}the end", "a long way to ".repeat(20));
    let result =
        scene.state.run().step("quality").and_then(|step| step.checkpoints.get("checkpoint-3").cloned());
    let mut result = result.expect("its result");
    result.verdict.differences[1].got = wide;
    scene.events([again(), Event::CheckpointResult(Box::new(result))]);
    scene.press('2').key(Key::Tab);
    let frame = scene.frame(120, 36);
    assert!(frame.contains("← → read on") && !frame.contains("the end"), "{frame}");
    for _ in 0..30 {
        scene.key(Key::Right);
    }
    let frame = scene.frame(120, 36);
    assert!(frame.contains("the end") && frame.contains("integer"), "{frame}");
    for _ in 0..30 {
        scene.key(Key::Left);
    }
    assert!(scene.frame(120, 36).contains("a long way to a long way"));
}

/// What an action that runs no SQL tells stands at its step, whatever action it is; what has its place
/// elsewhere doesn't stand there twice.
#[test]
fn what_an_action_tells_stands_at_its_step() {
    let mut scene = Scene::new();
    scene.events(events::opening(Mode::Run)).events(events::quiet());
    scene.events(events::people(events::ada()).into_iter().take(1));
    let step = "assumptions".to_owned();
    scene.events([Event::ReportWritten(Box::new(ReportWritten {
        step: step.clone(),
        artifact: Artifact { path: "/tmp/evidence.md".into(), bytes: 12_345, digest: "d1".into() },
        events: 17,
    }))]);
    scene.events([Event::Note { step: Some(step), text: "only once".into(), by: events::ada() }]);
    for (columns, lines) in [(120, 36), (100, 30)] {
        let frame = scene.frame(columns, lines);
        let step: Vec<&str> = frame.lines().skip_while(|line| !line.contains("1 Step")).collect();
        assert!(step.iter().any(|line| line.contains("evidence.md")), "{frame}");
        assert_eq!(step.iter().filter(|line| line.contains("only once")).count(), 1, "{frame}");
    }
}

/// What is longer than its row has a sign where it is cut, whatever it is.
#[test]
fn what_is_cut_says_so() {
    let frame = Scene::failed().frame(80, 24);
    let line = frame.lines().find(|line| line.contains("included from")).expect("where it failed");
    assert!(line.contains("all.sql") || line.contains('…'), "{line}");
}

/// What is watched moves with its samples, and a breach is seen from wherever somebody looks.
#[test]
fn watches_show_their_last_sample_and_a_breach() {
    let mut scene = Scene::blocked();
    let reading = |got: &str, holds: bool, breached: bool| holdpoint::run::sample::Reading {
        title: "Errors of the shop".into(),
        at: scene.state.now,
        expected: "< 5".into(),
        got: got.into(),
        holds,
        breached,
    };
    let (good, bad) = (reading("2", true, false), reading("91", false, true));
    scene.state.readings.insert("errors".into(), good);
    scene.press('2');
    for (columns, lines) in [(60, 16), (80, 24), (120, 36)] {
        let frame = scene.frame(columns, lines);
        assert!(frame.contains("✓ Errors of the shop") && !frame.contains("BREACHED"), "{frame}");
    }
    scene.state.readings.insert("errors".into(), bad);
    for (columns, lines) in [(80, 24), (120, 36)] {
        let frame = scene.frame(columns, lines);
        assert!(frame.contains("BREACHED") && frame.contains("got 91"), "{frame}");
    }
    scene.press('1');
    assert!(scene.frame(120, 36).contains("2 Checks ✗") || scene.frame(120, 36).contains("2 Checkpoints ✗"));
}

/// What a run that is taken up again had waited for isn't asked now: it goes on, or asks anew.
#[test]
fn the_hold_of_before_is_no_question() {
    let mut scene = Scene::stepping();
    assert!(scene.frame(120, 36).contains("Enter does it"));
    let run = scene.state.run();
    let resumed = Event::RunResumed {
        program: "holdpoint".into(),
        operator: events::operator(8),
        target: run.target.clone().expect("a target"),
        selection: run.selection.clone(),
        plan_digest: run.plan_digest.clone(),
        vars: Default::default(),
    };
    scene.events([resumed]);
    let frame = scene.frame(120, 36);
    assert!(frame.contains("OPENING") && frame.contains("taking the run up again …"), "{frame}");
    assert!(!frame.contains("Enter does it"), "{frame}");
    scene.key(Key::Enter);
    assert!(scene.effects.is_empty(), "{:?}", scene.effects);
    scene.events([go(), events::held(HoldReason::Stepping, "quality", "go: \"Quality\"", None)]);
    assert!(scene.frame(120, 36).contains("Enter does it"));
}

/// Why a key does nothing is read whole, also where it doesn't fit in a line.
#[test]
fn a_reason_is_never_cut() {
    let mut scene = Scene::stepping();
    scene.press('P');
    let frame = scene.frame(60, 16);
    assert!(frame.contains("procedure: the plan names no ways of its own"), "{frame}");
    assert!(frame.contains("R undoes its steps"), "{frame}");
}
