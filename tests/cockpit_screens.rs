//! What the cockpit draws: each tab and each question at three sizes, in colour and without; and every
//! state at any size without a panic and without a byte that could move the cursor.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "cockpit_screens/any_size.rs"]
mod any_size;
mod cockpit_support;

use std::sync::Arc;

use cockpit_support::states::go;
use cockpit_support::{Scene, events};
use holdpoint::cockpit::console::Answer;
use holdpoint::cockpit::message::{Key, Msg};
use holdpoint::cockpit::theme::Theme;
use holdpoint::run::event::*;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 36), (200, 60)];

/// The scene at all three sizes, and once more with its styles, with colours and without any.
fn shot(name: &str, make: impl Fn(Theme) -> Scene) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("cockpit_screens");
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (columns, lines) in SIZES {
            let frame = make(Theme::Dark).frame(columns, lines);
            insta::assert_snapshot!(format!("{name}-{columns}x{lines}"), frame);
        }
        insta::assert_snapshot!(format!("{name}-colour"), make(Theme::Dark).styled(120, 36));
        insta::assert_snapshot!(format!("{name}-mono"), make(Theme::Mono).styled(120, 36));
    });
}

fn with(theme: Theme, mut scene: Scene) -> Scene {
    scene.state.setting.theme = theme;
    scene
}

#[test]
fn opening() {
    shot("opening", |theme| {
        let mut scene = with(theme, Scene::new());
        scene.state.stages.push("connecting to localhost".into());
        scene
    });
}

#[test]
fn a_step_that_waits_for_its_key() {
    shot("stepping", |theme| with(theme, Scene::stepping()));
}

#[test]
fn a_step_that_cant_be_taken_back() {
    shot("no-way-back", |theme| with(theme, Scene::irreversible()));
}

#[test]
fn a_statement_that_waits_for_a_lock() {
    shot("blocked", |theme| with(theme, Scene::blocked()));
}

#[test]
fn a_lock_that_wasnt_to_be_had() {
    shot("lock-retry", |theme| {
        let mut scene = with(theme, Scene::blocked());
        scene.gives_up_the_lock(1);
        scene
    });
}

#[test]
fn a_statement_that_failed() {
    shot("failed", |theme| with(theme, Scene::failed()));
}

#[test]
fn a_checkpoint_that_failed() {
    shot("checkpoints", |theme| with(theme, Scene::unverified()));
}

#[test]
fn the_log() {
    shot("log", |theme| {
        let mut scene = with(theme, Scene::unverified());
        scene.press('5');
        scene
    });
}

#[test]
fn deltas() {
    shot("deltas", |theme| {
        let mut scene = with(theme, Scene::unverified());
        scene.press('3');
        scene
    });
    shot("deltas-rolled-back", |theme| {
        let mut scene = with(theme, Scene::rolled_back());
        scene.press('3').press('S').press('S');
        scene
    });
}

#[test]
fn activity() {
    shot("activity", |theme| with(theme, Scene::busy()));
    shot("activity-lost", |theme| {
        let mut scene = with(theme, Scene::stepping());
        scene.press('4');
        scene.state.activity.latest = Some(std::sync::Arc::new(cockpit_support::server::lost()));
        scene
    });
}

#[test]
fn sign_offs() {
    shot("sign-offs", |theme| {
        let mut scene = with(theme, Scene::stepping());
        scene.press('6');
        scene
    });
}

#[test]
fn all_of_it_is_undone_but_what_was_decided_for_good() {
    shot("rolled-back-a-part-stays", |theme| with(theme, Scene::rolled_back_but_for_a_part()));
    assert!(Scene::rolled_back_but_for_a_part().frame(120, 36).contains("ROLLED BACK, A PART STAYS"));
}

#[test]
fn the_end_of_a_rollback() {
    shot("rolled-back", |theme| with(theme, Scene::rolled_back()));
}

#[test]
fn what_a_rollback_leaves_says_whose_it_may_be() {
    let left =
        |object: &str| Residue { object: object.into(), before: None, after: Some("whatever it is".into()) };
    let residue = vec![left("table public.ours"), left("function public.f()")];
    let frame = Scene::rolled_back_but(residue, vec!["function public.f()".into()]).frame(120, 36);
    assert!(frame.contains("ROLLED BACK, RESIDUE"), "{frame}");
    let shown: Vec<&str> = frame.lines().map(str::trim).collect();
    let at = |words: &str| shown.iter().position(|line| line.contains(words));
    let whose = at("by this run or by others").unwrap_or_else(|| panic!("{frame}"));
    assert_eq!(at("function public.f()"), Some(whose - 1), "{frame}");
    assert!(at("table public.ours").is_some_and(|table| table < whose - 1), "{frame}");
}

/// The way back by a procedure stands where every other step stands, and says at once that it was asked for.
#[test]
fn a_procedure_on_its_way() {
    shot("to-go-back", Scene::to_go_back);
    shot("procedure", Scene::by_procedure);
    shot("procedure-sign-offs", |theme| {
        let mut scene = Scene::by_procedure(theme);
        scene.press('6');
        scene
    });
}

/// What a rollback left is told while it is what the run came to; not any more once it goes forward again.
#[test]
fn a_rollback_that_is_past_says_nothing_of_the_way_back() {
    let mut scene = Scene::undone();
    scene.events([events::held(HoldReason::RolledBackTo, "stages", "undone as told", None)]);
    assert!(scene.frame(120, 36).contains("no residue"));
    scene.events([go()]);
    let frame = scene.frame(120, 36);
    assert!(!frame.contains("no residue"), "{frame}");
}

/// A rehearsal that failed is no promise of how long the way back takes.
#[test]
fn a_rehearsal_that_failed_is_told_where_nothing_cuts_it_off() {
    for (columns, lines) in SIZES {
        let mut scene = Scene::unverified();
        let look = scene.state.looks_back.clone().unwrap();
        let mut outlook = cockpit_support::outlook::of(&look, scene.state.now);
        Arc::make_mut(&mut outlook).course.rehearsed.as_mut().unwrap().passed = false;
        scene.send(Msg::Outlook(outlook));
        let frame = scene.frame(columns, lines);
        assert!(columns == 80 || frame.contains("FAILED in rehearsal"), "{frame}");
        assert!(columns == 80 || frame.contains("its rehearsal failed"), "{frame}");
        assert!(!frame.lines().last().unwrap().contains("380 ms"), "{frame}");
    }
}

/// Nothing runs once the program that ran it is gone.
#[test]
fn what_was_broken_off_doesnt_run() {
    let mut scene = Scene::blocked();
    assert!(scene.frame(120, 36).contains("running"));
    let words = "the server is gone".into();
    scene.send(Msg::Over(holdpoint::cockpit::message::Over { exit: 7, words, good: false }));
    let frame = scene.frame(120, 36);
    assert!(frame.contains("broken off") && !frame.contains("running"), "{frame}");
    // And the keys at the bottom are those that do something now.
    let keys = frame.lines().last().unwrap();
    assert!(keys.contains("Q leave the screen") && !keys.contains("Enter"), "{frame}");
}

/// Until a rollback begins the hold that it was asked for in still stands: nobody goes on from there.
#[test]
fn nothing_goes_on_once_a_rollback_was_asked_for() {
    for key in [Key::Enter, Key::Char('r'), Key::Char('o'), Key::Char('s')] {
        let mut scene = Scene::to_go_back(Theme::Dark);
        scene.key(key);
        assert!(scene.effects.is_empty() && scene.state.question.is_none());
        let frame = scene.frame(120, 36);
        assert!(frame.contains("a rollback was asked for, and is about to begin"), "{frame}");
    }
}

/// Each question, over the state that it is asked in.
#[test]
fn questions() {
    shot("ask-roll-back", |theme| {
        let mut scene = with(theme, Scene::unverified());
        scene.press('R');
        scene
    });
    shot("ask-roll-back-on-production", |theme| {
        let mut scene = Scene::of("production", theme);
        scene.go_to_stepping();
        scene.go_to_blocked();
        scene.go_to_unverified();
        scene.press('R').key(Key::BackTab).type_in("postg");
        scene
    });
    shot("ask-override", |theme| {
        let mut scene = with(theme, Scene::unverified());
        scene.press('o').type_in("it was added by hand");
        scene
    });
    shot("ask-go-past", |theme| {
        let mut scene = with(theme, Scene::irreversible());
        scene.press('o').key(Key::BackTab).type_in("it was agreed with finance");
        scene
    });
    shot("ask-skip", |theme| {
        let mut scene = with(theme, Scene::failed());
        scene.press('s');
        scene
    });
    shot("ask-roll-back-to", |theme| {
        let mut scene = with(theme, Scene::unverified());
        scene.press('k').press('U');
        scene
    });
    shot("ask-procedure", |theme| {
        let mut scene = Scene::unverified_with_procedures(theme);
        scene.press('P');
        scene
    });
    shot("ask-end", |theme| {
        let mut scene = with(theme, Scene::failed());
        scene.press('E');
        scene
    });
    shot("ask-applied", |theme| {
        let mut scene = with(theme, Scene::in_doubt());
        scene.press('w').key(Key::BackTab).type_in("the column is there");
        scene
    });
    shot("ask-not-applied", |theme| {
        let mut scene = with(theme, Scene::in_doubt());
        scene.press('W');
        scene
    });
    shot("ask-auto-on-production", |theme| {
        let mut scene = Scene::of("production", theme);
        scene.go_to_stepping();
        scene.press('a');
        scene
    });
    shot("ask-cancel", |theme| {
        let mut scene = with(theme, Scene::blocked());
        scene.press('x');
        scene
    });
    shot("ask-interrupt", |theme| {
        let mut scene = with(theme, Scene::blocked());
        scene.key(Key::Ctrl('c'));
        scene
    });
    shot("ask-end-session", |theme| {
        let mut scene = with(theme, Scene::busy());
        scene.press('K');
        scene
    });
    shot("ask-cancel-session-on-production", |theme| {
        let mut scene = Scene::of("production", theme);
        scene.go_to_stepping();
        scene.go_to_blocked();
        scene.press('4');
        scene.state.activity.latest = Some(std::sync::Arc::new(cockpit_support::server::busy()));
        scene.key(Key::Tab).press('j').press('j').press('X');
        scene
    });
    shot("ask-leave", |theme| {
        let mut scene = with(theme, Scene::stepping());
        scene.press('Q');
        scene
    });
    shot("ask-tick", |theme| {
        let mut scene = with(theme, waiting_for_a_tick());
        scene.press('c');
        scene
    });
    shot("ask-sign", |theme| {
        let mut scene = with(theme, waiting_for_a_signature());
        scene.press('c').type_in("Ada");
        scene
    });
    shot("ask-decline", |theme| {
        let mut scene = with(theme, waiting_for_a_signature());
        scene.press('d').type_in("not on a Friday");
        scene
    });
    shot("help", |theme| {
        let mut scene = with(theme, Scene::stepping());
        scene.press('?');
        scene
    });
}

/// A result with everything that a cell can be.
fn result() -> Answer {
    let columns = [("id", true), ("title", false), ("stage", true), ("note", false)];
    let columns = columns.map(|(name, right)| (name.to_owned(), right)).to_vec();
    let row = |n: usize| {
        vec![
            Some(n.to_string()),
            Some(format!("venture {n}")),
            (!n.is_multiple_of(3)).then(|| (n * 7).to_string()),
            Some(if n == 2 {
                String::new()
            } else {
                format!("a longer text that is cut somewhere, number {n}")
            }),
        ]
    };
    let answer = Answer::new("SELECT".into(), columns, (1..=40).map(row).collect());
    Answer { more: true, elapsed_ms: 12, ..answer }
}

fn asked(mut scene: Scene, answer: Answer) -> Scene {
    scene.press('q').type_in("SELECT * FROM ventures").key(Key::Ctrl('r'));
    let id = scene.state.console.asks;
    scene.send(Msg::Looked { id, answer: Arc::new(answer) });
    scene
}

#[test]
fn the_console() {
    shot("console-empty", |theme| {
        let mut scene = with(theme, Scene::stepping());
        scene.press('q');
        scene
    });
    shot("console", |theme| {
        let mut scene = asked(with(theme, Scene::stepping()), result());
        scene.key(Key::Tab).key(Key::Down).key(Key::Down).key(Key::Right).key(Key::Right);
        scene
    });
    shot("console-failed", |theme| {
        let more = vec![
            "SELECT * FROM ventures".into(),
            "              ^".into(),
            "HINT: Perhaps another one.".into(),
        ];
        let message = "ERROR: relation \"ventures\" does not exist".to_owned();
        asked(with(theme, Scene::blocked()), Answer::failed("x".into(), message, more))
    });
}

#[test]
fn the_palette() {
    shot("palette", |theme| {
        let mut scene = with(theme, Scene::unverified());
        scene.press(':');
        scene
    });
    shot("palette-typed", |theme| {
        let mut scene = with(theme, Scene::unverified());
        scene.press(':').type_in("ro");
        scene
    });
}

#[test]
fn a_note() {
    shot("ask-note", |theme| {
        let mut scene = with(theme, Scene::stepping());
        scene.press('n').type_in("the disk is slow").key(Key::Enter).type_in("Ada knows");
        scene
    });
    shot("note", |theme| {
        let mut scene = with(theme, Scene::stepping());
        let text = "the disk is slow\nAda knows".to_owned();
        scene.events([Event::Note { step: Some("stages".into()), text, by: events::ada() }]);
        scene
    });
}

#[test]
fn filters() {
    shot("filter", |theme| {
        let mut scene = with(theme, Scene::unverified());
        scene.press('/').type_in("step");
        scene
    });
    shot("filter-log", |theme| {
        let mut scene = with(theme, Scene::unverified());
        scene.press('5').key(Key::Tab).press('/').type_in("checkpoint").key(Key::Enter);
        scene
    });
}

fn waiting_for_a_tick() -> Scene {
    let mut scene = Scene::new();
    scene.events(events::opening(Mode::Run)).events(events::quiet());
    scene.events(events::people(events::ada()).into_iter().take(3));
    scene
}

fn waiting_for_a_signature() -> Scene {
    let mut scene = Scene::new();
    scene.events(events::opening(Mode::Run)).events(events::quiet());
    scene.events(events::people(events::ada()).into_iter().take(9));
    scene
}

/// Below 60 × 16: what is left.
#[test]
fn small_screens() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("cockpit_screens");
    settings.bind(|| {
        for (columns, lines) in [(60, 16), (59, 15), (40, 6), (40, 2), (40, 1)] {
            let frame = Scene::blocked().frame(columns, lines);
            insta::assert_snapshot!(format!("small-{columns}x{lines}"), frame);
        }
        for (name, mut scene) in [("failed", Scene::failed()), ("activity", Scene::busy())] {
            insta::assert_snapshot!(format!("small-{name}-60x16"), scene.frame(60, 16));
        }
        insta::assert_snapshot!("small-hold-40x6", Scene::stepping().frame(40, 6));
    });
}

#[test]
fn only_ascii() {
    for mut scene in [Scene::blocked(), Scene::unverified(), Scene::rolled_back()] {
        scene.state.setting.ascii = true;
        let note = "slow\nbut sure".to_owned();
        scene.events(match scene.state.run().is_ended() {
            true => vec![],
            false => vec![Event::Note { step: Some("quality".into()), text: note, by: events::ada() }],
        });
        for key in ["", "R", "n", ":", "/", "q", "?"] {
            scene.key(Key::Esc).key(Key::Esc).type_in(key);
            for (columns, lines) in SIZES {
                let frame = scene.frame(columns, lines);
                assert!(frame.is_ascii(), "{frame}");
            }
        }
    }
}
