//! What hands do besides driving: queries, notes, the palette, filters, the mouse, copies.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod cockpit_support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use cockpit_support::Scene;
use holdpoint::cockpit::console::{Answer, Part};
use holdpoint::cockpit::filter::Place;
use holdpoint::cockpit::keymap::{self, Act, ENTRIES};
use holdpoint::cockpit::message::{Effect, Key, Msg};
use holdpoint::cockpit::mouse::{Hit, Mouse};
use holdpoint::cockpit::question::About;
use holdpoint::cockpit::state::{Spot, Tab};
use holdpoint::cockpit::{copying, palette};
use holdpoint::run::command::Wish;
use holdpoint::run::event::*;
use holdpoint::text::scrub;

/// A result of one row a list.
fn answer(columns: &[&str], rows: &[&[Option<&str>]]) -> Answer {
    let columns = columns.iter().map(|name| ((*name).to_owned(), false)).collect();
    let rows = rows.iter().map(|row| row.iter().map(|cell| cell.map(str::to_owned)).collect()).collect();
    Answer::new("SELECT 1".into(), columns, rows)
}

/// Asks, and has it answered.
fn asked(scene: &mut Scene, sql: &str, answer: Answer) {
    scene.press('q').type_in(sql).key(Key::Ctrl('r'));
    let [Effect::Look(id, sent)] = scene.effects.as_slice() else { panic!("{:?}", scene.effects) };
    assert_eq!(sent, sql);
    let id = *id;
    scene.send(Msg::Looked { id, answer: Arc::new(answer) });
}

#[test]
fn a_query_is_sent_by_a_semicolon_and_enter() {
    let mut scene = Scene::stepping();
    scene.press('q').type_in("SELECT 1").key(Key::Enter).type_in("FROM t").key(Key::Enter);
    assert_eq!(scene.effects, [], "without a semicolon it goes on in the next line");
    scene.type_in(";").key(Key::Enter);
    assert_eq!(scene.effects, [Effect::Look(1, "SELECT 1\nFROM t\n;".into())]);
    // One after the other; the one that runs can be stopped.
    scene.key(Key::Ctrl('r'));
    assert_eq!(scene.effects, []);
    assert!(scene.frame(80, 24).contains("Ctrl-C stops it"));
    scene.key(Key::Ctrl('c'));
    assert_eq!(scene.effects, [Effect::StopLook]);
    // An answer to another question isn't this one's.
    scene.send(Msg::Looked { id: 7, answer: Arc::new(answer(&["n"], &[])) });
    assert!(scene.state.console.asked.is_some());
    // With no query under way Ctrl-C is about the run.
    scene.send(Msg::Looked {
        id: 1,
        answer: Arc::new(Answer::failed("x".into(), "ERROR: gone".into(), vec![])),
    });
    assert!(scene.frame(120, 36).contains("ERROR: gone"));
    scene.key(Key::Ctrl('c'));
    assert_eq!(scene.state.question.as_ref().map(|q| &q.about), Some(&About::Interrupt));
}

#[test]
fn what_was_asked_comes_back_by_the_arrow() {
    let mut scene = Scene::stepping();
    for sql in ["SELECT 1", "SELECT 2"] {
        asked(&mut scene, sql, answer(&["n"], &[&[Some("1")]]));
        scene.key(Key::Ctrl('u')).key(Key::Esc);
    }
    // What was sent stands there until something else is typed.
    asked(&mut scene, "SELECT 3", answer(&["n"], &[]));
    assert_eq!(scene.state.console.text(), "SELECT 3");
    scene.key(Key::Up);
    assert_eq!(scene.state.console.text(), "SELECT 2");
    scene.key(Key::Ctrl('u')).type_in("SEL");
    assert_eq!(scene.state.console.text(), "SEL");
    scene.key(Key::Up).key(Key::Up);
    assert_eq!(scene.state.console.text(), "SELECT 2");
    scene.key(Key::Up).key(Key::Up);
    assert_eq!(scene.state.console.text(), "SELECT 1");
    scene.key(Key::Down).key(Key::Down).key(Key::Down);
    assert_eq!(scene.state.console.text(), "SEL", "what had been typed is there again");
}

#[test]
fn null_isnt_a_word_and_cells_are_copied() {
    let mut scene = Scene::stepping();
    let row: &[Option<&str>] = &[Some("NULL"), None, Some(""), Some("a\tb\u{1b}]52;c;x\u{7}")];
    asked(&mut scene, "SELECT 1", answer(&["text", "nothing", "empty", "hostile"], &[row]));
    let frame = scene.frame(120, 36);
    let line = frame.lines().find(|line| line.contains("'NULL'")).unwrap();
    assert!(line.contains("│ NULL ") && line.contains("''"), "{line}");
    scene.key(Key::Tab).key(Key::Right).press('y');
    assert_eq!(scene.effects, [], "NULL is no text");
    scene.key(Key::End).press('y');
    let [Effect::Copy { text, .. }] = scene.effects.as_slice() else { panic!("{:?}", scene.effects) };
    assert_eq!(text, "a\tb\u{fffd}]52;c;x\u{fffd}");
    scene.press('Y');
    let [Effect::Copy { text, .. }] = scene.effects.as_slice() else { panic!("{:?}", scene.effects) };
    assert_eq!(text, "NULL\t\t\ta b\u{fffd}]52;c;x\u{fffd}");
    scene.press('q');
    assert!(!scene.state.console.open);
}

/// Ten thousand columns, a megabyte in a cell, everything that could move a cursor: every frame is drawn
/// at once, and safe.
#[test]
fn a_hostile_result_freezes_nothing() {
    let hostile = "\u{1b}]52;c;aGFja2Vk\u{7}\u{1b}[2J\u{0}\u{202e}\u{9b}1;1H\r\n";
    let names: Vec<String> = (0..10_000).map(|n| format!("{hostile}{n}")).collect();
    let columns = names.iter().map(|name| (name.clone(), false)).collect();
    let mut row: Vec<Option<String>> = vec![Some(hostile.into()); 10_000];
    row[0] = Some("x\u{202e}".repeat(300_000));
    row[9_999] = None;
    let rows = vec![row; 20];
    let began = Instant::now();
    let answer = Answer::new("SELECT hostile".into(), columns, rows);
    let mut scene = Scene::stepping();
    asked(&mut scene, "SELECT hostile", answer);
    scene.key(Key::Tab);
    let mut frames = 0;
    for key in [Key::Char('0'), Key::Right, Key::Down, Key::End, Key::Left, Key::PageDown, Key::Home] {
        scene.key(key);
        for (columns, lines) in [(80, 24), (200, 60)] {
            let frame = scene.frame(columns, lines);
            assert!(!frame.chars().any(|c| c != '\n' && scrub::is_unsafe(c)), "{frame}");
            frames += 1;
        }
    }
    // Without optimization and with three frames a key; what froze would take minutes.
    assert!(began.elapsed() < Duration::from_secs(20), "{frames} frames took {:?}", began.elapsed());
    assert_eq!(scene.state.console.part, Part::Result);
}

/// The same by way of a checkpoint, whose values are in the journal.
#[test]
fn a_hostile_checkpoint_freezes_nothing() {
    let hostile = "\u{1b}]52;c;aGFja2Vk\u{7}\u{1b}[2J\u{0}\u{202e}\u{9b}1;1H";
    let huge = hostile.repeat(1 << 12);
    let differs = |n: usize| cockpit_support::events::differs(n, hostile, &huge, hostile);
    let verdict = holdpoint::plan::expect::Verdict {
        passed: false,
        expected: "1 row".into(),
        got: huge.clone(),
        differences: (0..20).map(differs).collect(),
        more: 9_980,
    };
    let mut scene = Scene::blocked();
    let result = cockpit_support::events::checkpoint("quality", "checkpoint-3", hostile, 7, verdict);
    let began = Instant::now();
    scene.events([result]);
    scene.press('2');
    for (columns, lines) in [(80, 24), (120, 36), (200, 60)] {
        let frame = scene.frame(columns, lines);
        assert!(frame.contains("and 9980 more") || frame.contains("]52;"), "{frame}");
        assert!(!frame.chars().any(|c| c != '\n' && scrub::is_unsafe(c)), "{frame}");
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

/// Where there is no room for it, it is said that it has the keys.
#[test]
fn a_console_without_room_says_so() {
    let mut scene = Scene::stepping();
    scene.press('q');
    assert!(scene.frame(50, 10).contains("console has no room: Esc closes it"));
}

#[test]
fn a_note_has_lines_and_stands_at_its_step() {
    let mut scene = Scene::stepping();
    scene.press('n').type_in("slow disk").key(Key::Enter);
    scene.send(Msg::Paste("asked Ada\r\nand \u{1b}Bob".into()));
    scene.key(Key::Tab).key(Key::Enter);
    let [Effect::Ask(_, command)] = scene.effects.as_slice() else { panic!("{:?}", scene.effects) };
    let Wish::Note { step, text } = &command.what else { panic!("{command:?}") };
    assert_eq!((step.as_deref(), text.as_str()), (Some("stages"), "slow disk\nasked Ada\nand \u{fffd}Bob"));
    let note = Event::Note { step: step.clone(), text: text.clone(), by: command.by.clone() };
    scene.events([note]);
    let frame = scene.frame(120, 36);
    assert!(frame.contains("note by") && frame.contains("asked Ada"), "{frame}");
    scene.press('5');
    let log = scene.frame(120, 36);
    assert!(log.contains("slow disk") && log.contains("asked Ada"), "{log}");
}

#[test]
fn the_palette_has_every_command_with_its_verdict() {
    let mut scene = Scene::stepping();
    scene.press(':');
    let all = palette::found(&scene.state);
    assert_eq!(all.len(), ENTRIES.len() + 1);
    for (entry, verdict) in &all {
        assert_eq!(*verdict, keymap::verdict(&scene.state, entry.act), "{}", entry.word);
    }
    scene.type_in("overr");
    let frame = scene.frame(120, 36);
    assert!(frame.contains("not now: step `stages` is pending"), "{frame}");
    scene.key(Key::Enter);
    assert_eq!(scene.effects, [], "what isn't allowed isn't done");
    assert!(scene.state.palette.is_some());
    // A few letters, in their order.
    scene.key(Key::Ctrl('u')).type_in("rlbk");
    assert_eq!(palette::found(&scene.state)[0].0.act, Act::RollBack);
    scene.key(Key::Ctrl('u')).type_in("note").key(Key::Enter);
    assert!(scene.state.palette.is_none());
    assert_eq!(scene.state.question.as_ref().map(|q| &q.about), Some(&About::Reason(Act::Note)));
    // Not by Esc alone.
    scene.key(Key::Esc).press(':').key(Key::Backspace);
    assert!(scene.state.palette.is_none());
}

#[test]
fn a_filter_keeps_what_has_the_words() {
    let mut scene = Scene::unverified();
    scene.press('/').type_in("QUALITY score");
    let frame = scene.frame(120, 36);
    let tree = frame.lines().take_while(|line| !line.contains("Way back")).skip(5);
    let left: String = tree.map(|line| line.chars().take(45).collect::<String>() + "\n").collect();
    assert!(left.contains("Step 3: Venture") && !left.contains("Step 1"), "{left}");
    scene.key(Key::Enter);
    assert_eq!(scene.state.filtering, None);
    // `j` moves again, and not out of what is shown.
    scene.press('g').press('j').press('j');
    assert_eq!(scene.state.selected, Spot { phase: 2, step: Some(1) });
    scene.key(Key::Esc);
    assert!(scene.frame(120, 36).contains("Step 1: Lifecycle"));
    // The log, also for what comes later.
    scene.press('5').key(Key::Tab).press('/').type_in("note");
    assert_eq!(scene.state.log.len(), 0);
    scene.events([Event::Note { step: None, text: "first note".into(), by: cockpit_support::events::ada() }]);
    scene.key(Key::Enter);
    let frame = scene.frame(120, 36);
    assert!(frame.contains("first note") && !frame.contains("Checkpoint 1: 25"), "{frame}");
    assert_eq!(scene.state.log.shown(0).count(), 1);
    // An empty one is none.
    scene.press('/').key(Key::Ctrl('u')).key(Key::Enter);
    assert!(scene.state.filters.is_empty() && scene.state.log.len() > 10);
    scene.press('2').press('/').type_in("nowhere").key(Key::Enter);
    assert!(scene.frame(120, 36).contains("nothing fits the filter"));
    assert!(scene.state.filters.contains_key(&Place::Tab(Tab::Checkpoints)));
}

/// Where something lies on a screen of this size.
fn place(scene: &mut Scene, wanted: impl Fn(&Hit) -> bool) -> (u16, u16) {
    scene.frame(120, 36);
    let place = scene.state.hits.iter().rev().find(|place| wanted(&place.hit)).expect("it lies somewhere");
    (place.x + place.width / 2, place.y)
}

fn click(scene: &mut Scene, wanted: impl Fn(&Hit) -> bool) {
    let (x, y) = place(scene, wanted);
    scene.send(Msg::Mouse(Mouse::Click, x, y));
}

#[test]
fn the_mouse_drives_only_when_it_was_asked_for() {
    let mut scene = Scene::unverified();
    click(&mut scene, |hit| *hit == Hit::Act(Act::RollBack));
    assert!(scene.state.question.is_none(), "it is off");
    scene.press('M');
    assert_eq!(scene.effects, [Effect::Mouse(true)]);
    click(&mut scene, |hit| *hit == Hit::Row(Spot { phase: 0, step: Some(1) }));
    assert_eq!(scene.state.selected, Spot { phase: 0, step: Some(1) });
    click(&mut scene, |hit| *hit == Hit::Tab(Tab::Log));
    assert_eq!(scene.state.tab, Tab::Log);
    click(&mut scene, |hit| *hit == Hit::Row(Spot { phase: 1, step: None }));
    click(&mut scene, |hit| *hit == Hit::Row(Spot { phase: 1, step: None }));
    assert!(scene.state.folded.contains(&1), "a phase that is clicked again folds");
    // The button opens its question; behind that nothing can be reached.
    click(&mut scene, |hit| *hit == Hit::Act(Act::RollBack));
    assert!(matches!(scene.state.question.as_ref().map(|q| &q.about), Some(About::RollBack { .. })));
    click(&mut scene, |hit| *hit == Hit::Tab(Tab::Step));
    assert_eq!(scene.state.tab, Tab::Log);
    click(&mut scene, |hit| *hit == Hit::Field(0));
    scene.type_in("wrong column");
    // What can't be taken back takes two clicks.
    click(&mut scene, |hit| *hit == Hit::Button(1));
    assert_eq!(scene.effects, []);
    click(&mut scene, |hit| *hit == Hit::Button(1));
    let [Effect::Ask(_, command)] = scene.effects.as_slice() else { panic!("{:?}", scene.effects) };
    assert!(matches!(&command.what, Wish::RollBack { reason, .. } if reason == "wrong column"));
}

#[test]
fn the_wheel_scrolls_what_is_under_it() {
    let mut scene = Scene::unverified();
    scene.press('M').press('5');
    // More lines than there is room for.
    scene.frame(80, 24);
    let detail = scene.state.hits.iter().find(|place| place.hit == Hit::Detail).copied().unwrap();
    let (x, y) = (detail.x + 5, detail.y + 3);
    scene.send(Msg::Mouse(Mouse::WheelUp, x, y));
    assert!(scene.state.scroll.contains_key(&Tab::Log), "{:?}", scene.state.extent);
    scene.press('f');
    assert!(scene.state.scroll.is_empty(), "f follows again");
}

#[test]
fn a_lock_stops_every_hand() {
    let mut scene = Scene::unverified();
    // Where the tables can be sorted, which only looks.
    scene.press('3').press('M').press('L');
    let free = [
        Act::Lock,
        Act::Follow,
        Act::Help,
        Act::Redraw,
        Act::Palette,
        Act::Filter,
        Act::Copy,
        Act::Mouse,
        Act::Sort,
    ];
    for entry in ENTRIES.iter().chain([&keymap::ROLL_BACK]) {
        let verdict = keymap::verdict(&scene.state, entry.act);
        assert_eq!(verdict.is_ok(), free.contains(&entry.act), "{}: {verdict:?}", entry.word);
        if verdict.is_ok() {
            continue;
        }
        assert!(verdict.unwrap_err().contains("L unlocks"), "{}", entry.word);
        // By its key, by the palette, by the mouse.
        scene.key(entry.key);
        assert!(scene.effects.is_empty() && scene.state.question.is_none() && !scene.state.console.open);
        scene.press(':').type_in(entry.cap).key(Key::Enter);
        assert!(scene.effects.is_empty() && scene.state.question.is_none() && !scene.state.console.open);
        scene.key(Key::Esc);
    }
    let acts: Vec<(u16, u16)> =
        scene.state.hits.iter().filter(|p| matches!(p.hit, Hit::Act(_))).map(|p| (p.x, p.y)).collect();
    assert!(acts.len() > 3, "{acts:?}");
    for (x, y) in acts {
        scene.send(Msg::Mouse(Mouse::Click, x, y));
        assert!(scene.effects.is_empty());
        assert!(scene.state.question.take().is_none_or(|question| question.about == About::Help));
        scene.state.palette = None;
        scene.state.filtering = None;
        // The key of the lock itself unlocks.
        scene.state.locked = true;
    }
    // A query that was typed before.
    scene.press('L').press('q').type_in("SELECT 1");
    scene.state.locked = true;
    scene.key(Key::Ctrl('r'));
    assert_eq!(scene.effects, []);
}

#[test]
fn what_is_looked_at_is_copied() {
    let mut scene = Scene::unverified();
    scene.press('1').press('y');
    let [Effect::Copy { what, text }] = scene.effects.as_slice() else { panic!("{:?}", scene.effects) };
    assert!(
        what.contains("Step 3") && text.starts_with("-- Adds the quality score.\n\\set"),
        "{what}: {text}"
    );
    scene.press('2').press('y');
    let [Effect::Copy { what, text }] = scene.effects.as_slice() else { panic!("{:?}", scene.effects) };
    assert!(what.contains("checkpoint-3") && text.starts_with("SELECT column_name"), "{what}: {text}");
    scene.press('5');
    let (_, log) = copying::wanted(&scene.state).unwrap();
    assert!(log.contains("Checkpoint 3"));
    scene.press('6').press('y');
    let [Effect::Copy { what, text }] = scene.effects.as_slice() else { panic!("{:?}", scene.effects) };
    assert!(what == "the sign-offs" && text.contains("✓ Chairman"), "{what}: {text}");
    // Figures as a spreadsheet takes them: those that the filter leaves.
    scene.press('3').press('y');
    let [Effect::Copy { text, .. }] = scene.effects.as_slice() else { panic!("{:?}", scene.effects) };
    assert!(text.starts_with("\tbefore\tnow\n") && text.contains("tables\t43\t45\n"), "{text}");
    assert!(
        text.contains("audit.entries\t≈1204881\t≈1204881") && text.contains("leo_interfaces\t48\t52"),
        "{text}"
    );
    scene.key(Key::Tab).press('/').type_in("leo").key(Key::Enter).press('y');
    let [Effect::Copy { text, .. }] = scene.effects.as_slice() else { panic!("{:?}", scene.effects) };
    assert!(text.contains("leo_interfaces") && !text.contains("audit"), "{text}");
    let mut scene = Scene::busy();
    scene.press('y');
    let [Effect::Copy { text, .. }] = scene.effects.as_slice() else { panic!("{:?}", scene.effects) };
    let blocked = text.lines().find(|line| line.starts_with("4711\t")).unwrap();
    assert!(blocked.contains("\tholdpoint work\t") && blocked.contains("\t4800\tALTER TABLE"), "{text}");
    assert!(!text.chars().any(|c| c != '\t' && c != '\n' && scrub::is_unsafe(c)), "{text:?}");
    // Where there is nothing, that is said.
    let mut scene = Scene::new();
    scene.press('5').press('y');
    assert_eq!(scene.effects, []);
    assert!(scene.frame(120, 36).contains("copy: the log is empty"));
}

/// Whatever is looked at can be filtered.
#[test]
fn every_tab_has_a_filter() {
    let mut scene = Scene::unverified();
    scene.press('1').key(Key::Tab).press('/').type_in("create INDEX").key(Key::Enter);
    let frame = scene.frame(120, 36);
    assert!(frame.contains("9   CREATE INDEX idx_quality") && !frame.contains("ALTER TABLE"), "{frame}");
    scene.key(Key::Esc);
    assert!(scene.frame(120, 36).contains("ALTER TABLE"));
    scene.press('6').press('/').type_in("chairman").key(Key::Enter);
    let frame = scene.frame(120, 36);
    assert!(frame.contains("✓ Chairman") && !frame.contains("Backup exists"), "{frame}");
    for tab in '1'..='6' {
        let mut scene = Scene::busy();
        scene.press(tab).key(Key::Tab).press('/').type_in("no such words").key(Key::Enter);
        let frame = scene.frame(120, 36);
        assert!(
            frame.contains("nothing fits the filter")
                || frame.contains("filtered out")
                || frame.contains("0 of "),
            "{tab}\n{frame}"
        );
    }
}

/// A log in a narrow panel keeps its units and ends what it cuts with a sign.
#[test]
fn the_log_is_laid_out_for_the_room_that_there_is() {
    let mut scene = Scene::unverified();
    scene.press('5');
    for (columns, lines) in [(60, 16), (80, 24), (100, 30), (120, 36), (170, 40), (200, 60)] {
        scene.state.log.find(Some("✓ Step 1"));
        let frame = scene.frame(columns, lines);
        let line = frame
            .lines()
            .find(|line| line.contains("✓ Step 1") && line.contains(":"))
            .unwrap_or_else(|| panic!("{frame}"));
        assert!(line.contains("441 ms"), "{line}\n{frame}");
    }
}

/// Long lines of SQL can be read to their end.
#[test]
fn long_lines_of_sql_are_read_by_the_arrows() {
    let mut scene = Scene::stepping();
    scene.press('j');
    let line = |scene: &mut Scene| {
        let frame = scene.frame(120, 36);
        let found = frame.lines().find(|line| line.contains("BETWEEN 0")).map(str::to_owned);
        found.unwrap_or_else(|| panic!("{frame}"))
    };
    let first = line(&mut scene);
    assert!(first.contains("ADD COLUMN") && first.contains('…') && !first.contains("100);"), "{first}");
    scene.key(Key::Tab).key(Key::Right);
    let rest = line(&mut scene);
    assert!(rest.contains("BETWEEN 0 AND 100);") && !rest.contains("ADD COLUMN"), "{rest}");
    for _ in 0..40 {
        scene.key(Key::Right);
    }
    assert!(scene.state.shift < 100, "{}", scene.state.shift);
    for _ in 0..9 {
        scene.key(Key::Left);
    }
    assert_eq!(line(&mut scene), first);
}
