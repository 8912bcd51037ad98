//! Every state under every tab, with everything that can lie over it, at every size.

use holdpoint::cockpit::mouse::Mouse;
use holdpoint::text::scrub;
use proptest::prelude::*;

use super::*;

/// One of the states that a run can be in.
fn scene(which: usize) -> Scene {
    match which {
        0 => Scene::new(),
        1 => Scene::stepping(),
        2 => Scene::blocked(),
        3 => Scene::failed(),
        4 => Scene::unverified(),
        5 => waiting_for_a_tick(),
        6 => waiting_for_a_signature(),
        7 => on_production(),
        8 => Scene::busy(),
        9 => lost(),
        10 => Scene::in_doubt(),
        11 => Scene::unverified_with_procedures(Theme::Light),
        12 => Scene::irreversible(),
        13 => Scene::to_go_back(Theme::Dark),
        14 => Scene::by_procedure(Theme::HighContrast),
        _ => Scene::rolled_back(),
    }
}
const SCENES: usize = 16;

fn on_production() -> Scene {
    let mut scene = Scene::of("production", Theme::HighContrast);
    scene.go_to_stepping();
    scene.go_to_blocked();
    scene.go_to_unverified();
    scene
}

fn lost() -> Scene {
    let mut scene = Scene::blocked();
    scene.state.activity.latest = Some(Arc::new(cockpit_support::server::lost()));
    scene
}

/// What lies over a tab, by the keys that open it; what isn't allowed there says so instead, which is drawn
/// too. Each tab has its filter, the timeline has one as well.
const OPENED: [&str; 24] = [
    "", "?", "R", "U", "P", "PP", "n", "s", "o", "E", "Q", "x", "c", "d", "K", "X", "w", "W", "a", ":",
    ":ro", "/st", "\t/st", "q",
];

/// With an answer in the console, that many columns wide.
fn answered(scene: &mut Scene, columns: usize) {
    scene.press('q').type_in("SELECT 1").key(Key::Ctrl('r'));
    let id = scene.state.console.asks;
    let names = (0..columns).map(|n| (format!("column {n}\u{202e}"), n % 2 == 0)).collect();
    let row = (0..columns).map(|n| (n % 5 != 0).then(|| format!("\u{1b}[2J{n}"))).collect();
    let answer = if columns == 1 { result() } else { Answer::new("SELECT 1".into(), names, vec![row; 3]) };
    scene.send(Msg::Looked { id, answer: Arc::new(answer) });
}

/// More than a server sends (1,664): every column can be reached, and none is drawn that isn't seen.
#[test]
fn ten_thousand_columns() {
    const COLUMNS: usize = 10_000;
    let all = holdpoint::text::words::unsigned(COLUMNS as u64);
    let mut scene = Scene::stepping();
    answered(&mut scene, COLUMNS);
    scene.key(Key::Tab);
    for (columns, lines) in SIZES {
        assert!(scene.frame(columns, lines).contains(&format!("column 1 of {all}")));
    }
    for _ in 1..COLUMNS {
        scene.send(Msg::Key(Key::Right));
    }
    let frame = scene.frame(120, 36);
    assert!(frame.contains(&format!("column {all} of {all}")) && frame.contains("column 9999"), "{frame}");
}

/// What a key answers takes lines of its own where it is long: no frame is broken by it, and the keys stay.
#[test]
fn a_long_word_leaves_the_frames_whole() {
    for (columns, lines) in [(60, 16), (80, 24), (120, 36)] {
        let mut scene = Scene::failed();
        let before = scene.frame(columns, lines);
        scene.state.toast("a reason that goes on and on, ".repeat(6), true);
        let frame = scene.frame(columns, lines);
        let rows: Vec<&str> = frame.lines().collect();
        let (keys, rows) = rows.split_last().unwrap();
        let first = rows.iter().position(|row| row.contains("a reason")).unwrap();
        let (above, words) = rows.split_at(first);
        assert_eq!(words.join(" ").matches("reason").count(), 6, "{frame}");
        assert!(!words.iter().any(|row| row.contains(['│', '╰', '╯'])), "{frame}");
        let edge = above.last().unwrap();
        assert!(edge.starts_with('╰') && edge.ends_with('╯'), "{frame}");
        assert_eq!(before.lines().last(), Some(*keys));
    }
}

fn any_key() -> impl Strategy<Value = Key> {
    let letters =
        prop::sample::select("acdhjknopqrswxyEfGgKLMQRSUWXY?:/;123456 ".chars().collect::<Vec<_>>());
    let others = prop::sample::select(vec![
        Key::Enter,
        Key::Esc,
        Key::Tab,
        Key::BackTab,
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Right,
        Key::PageUp,
        Key::PageDown,
        Key::Home,
        Key::End,
        Key::Backspace,
        Key::Ctrl('c'),
        Key::Ctrl('r'),
        Key::Ctrl('u'),
    ]);
    prop_oneof![letters.prop_map(Key::Char), others]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every state under every tab with everything that can lie over it, whatever is pressed and clicked
    /// then, at every size.
    #[test]
    fn every_state_is_drawn_at_every_size(
        which in 0_usize..SCENES,
        tab in prop::sample::select(('1'..='6').collect::<Vec<_>>()),
        opened in 0_usize..=OPENED.len(),
        wide in 1_usize..60,
        keys in prop::collection::vec(any_key(), 0..8),
        columns in 0_u16..=250,
        lines in 0_u16..=80,
        ascii: bool,
        clicks in prop::collection::vec((0_u16..250, 0_u16..80), 0..4),
    ) {
        let mut scene = scene(which);
        scene.press(tab);
        match OPENED.get(opened) {
            Some(keys) => for c in keys.chars() {
                scene.key(if c == '\t' { Key::Tab } else { Key::Char(c) });
            },
            None => answered(&mut scene, wide),
        }
        let drawn = |scene: &mut Scene, ascii: bool| {
            scene.state.setting.ascii = ascii;
            let frame = scene.frame(columns, lines);
            prop_assert!(!frame.chars().any(|c| c != '\n' && scrub::is_unsafe(c)));
            prop_assert!(!ascii || frame.is_ascii());
            Ok(())
        };
        drawn(&mut scene, ascii)?;
        for key in keys {
            scene.key(key);
        }
        scene.state.mouse = true;
        for (column, line) in clicks {
            scene.frame(columns, lines);
            let what = [Mouse::Click, Mouse::WheelUp, Mouse::WheelDown][usize::from(column) % 3];
            scene.send(Msg::Mouse(what, column, line));
        }
        drawn(&mut scene, !ascii)?;
    }
}
