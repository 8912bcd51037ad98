//! What becomes of what is typed into a question, and of the keys around it.

use holdpoint::cockpit::message::{Effect, Key, LetGo, Msg};
use holdpoint::run::command::Wish;
use holdpoint::run::event::*;

use super::cockpit_support::{Scene, events};
use super::wish;

/// A reason that was typed leads on, and is there again when the question was closed.
#[test]
fn a_typed_reason_is_never_lost() {
    let mut scene = Scene::unverified();
    scene.press('o').key(Key::Enter);
    assert!(scene.frame(120, 36).contains("reason is empty"), "Enter into nothing says what is missing");
    scene.type_in("seen").key(Key::Enter);
    assert!(scene.effects.is_empty() && scene.frame(120, 36).contains("▸ Go on"));
    scene.key(Key::Esc);
    assert!(scene.state.question.is_none() && scene.effects.is_empty());
    assert!(scene.frame(120, 36).contains("what was typed is there when you ask again"));
    // Another question has a reason of its own.
    scene.press('E');
    assert!(!scene.frame(120, 36).contains("seen"));
    scene.key(Key::Esc).press('o').type_in(" by Ada").key(Key::Enter).key(Key::Enter);
    let Wish::Override { reason, .. } = wish(&scene) else { panic!("{:?}", scene.effects) };
    assert_eq!(reason, "seen by Ada");
    // What was sent isn't a draft any more.
    scene.send(Msg::Answered { id: 1, refused: Some("the disk is full".into()) });
    scene.press('o');
    assert_eq!(scene.state.question.as_ref().map(|question| question.text(0)), Some(String::new()));
}

/// A name that proves that somebody looked is typed each time.
#[test]
fn a_typed_proof_isnt_kept() {
    let mut scene = Scene::of("production", holdpoint::cockpit::theme::Theme::Dark);
    scene.go_to_stepping();
    scene.go_to_blocked();
    scene.go_to_unverified();
    scene.press('R').key(Key::BackTab).type_in("postgres").key(Key::BackTab).type_in("why").key(Key::Esc);
    scene.press('R');
    let question = scene.state.question.as_ref().expect("asked again");
    assert_eq!((question.text(0), question.text(1)), ("why".to_owned(), String::new()));
}

/// The name stands there: neither another `c` nor Enter goes into it.
#[test]
fn a_second_c_is_not_typed_into_the_name() {
    let mut scene = super::looks::waiting_for_a_tick();
    scene.press('c').press('c');
    assert_eq!(scene.state.question.as_ref().map(|question| question.text(0)), Some("ada".to_owned()));
    assert!(scene.frame(120, 36).contains("▸ Confirm it"));
    scene.key(Key::Enter);
    let [Effect::Ask(_, command)] = scene.effects.as_slice() else { panic!("{:?}", scene.effects) };
    assert_eq!(command.by.name, "ada");
}

/// The cancel may be quicker than the third press: that lets go all the same, and asks nothing anew. Later,
/// or behind another key, it is a first one again.
#[test]
fn the_third_ctrl_c_is_the_third_however_quick_the_cancel_was() {
    let cancelled = |key: Option<char>, later: u64| {
        let mut scene = Scene::blocked();
        scene.key(Key::Ctrl('c')).key(Key::Ctrl('c'));
        assert_eq!(*wish(&scene), Wish::Cancel);
        scene.send(Msg::Answered { id: 1, refused: None });
        scene.events(events::failed("quality", events::syntax_error()));
        scene.state.interrupted = Some(scene.state.now + std::time::Duration::from_secs(8));
        scene.events([events::held(HoldReason::Failed, "quality", "cancelled", None)]);
        assert!(scene.frame(120, 36).contains("Ctrl-C once more leaves it"));
        scene.state.now += std::time::Duration::from_secs(later);
        if let Some(key) = key {
            scene.press(key);
        }
        scene.key(Key::Ctrl('c'));
        scene
    };
    assert!(matches!(wish(&cancelled(None, 0)), Wish::Leave { .. }));
    for scene in [cancelled(Some('2'), 0), cancelled(None, 9)] {
        assert!(scene.effects.is_empty() && scene.state.question.is_some());
    }
    // While it still runs, it is broken off.
    let mut scene = Scene::blocked();
    scene.key(Key::Ctrl('c')).key(Key::Ctrl('c')).key(Key::Ctrl('c'));
    assert_eq!(scene.effects, [Effect::Detach(LetGo::CtrlC)]);
}

/// A demo can't be taken up again, and nobody is told so.
#[test]
fn leaving_a_demo_promises_nothing() {
    let mut scene = Scene::stepping();
    scene.press('Q');
    assert!(scene.frame(120, 36).contains("holdpoint resume"));
    scene.key(Key::Esc);
    scene.state.setting.mode = Mode::Demo;
    scene.press('Q');
    let frame = scene.frame(120, 36);
    assert!(!frame.contains("resume") && frame.contains("its server goes with it"), "{frame}");
}

/// Nothing of it runs while it waits for people, and nothing failed.
#[test]
fn an_override_is_refused_in_true_words() {
    let mut scene = super::looks::waiting_for_a_tick();
    scene.press('o');
    let frame = scene.frame(120, 36);
    assert!(
        frame.contains("waits for people, and nothing failed") && !frame.contains("is running"),
        "{frame}"
    );
}

/// A key that does nothing says so; those that only lie beside others too.
#[test]
fn an_unbound_key_says_so() {
    let mut scene = Scene::stepping();
    for (key, name) in [(Key::Char('z'), "z"), (Key::Ctrl('x'), "Ctrl-X"), (Key::Delete, "Delete")] {
        scene.key(key);
        let said = format!("{name} does nothing here, ? lists the keys");
        assert!(scene.effects.is_empty() && scene.frame(80, 24).contains(&said), "{said}");
    }
}

/// What can still be done about a run that is over is named with its command.
#[test]
fn rolling_back_what_is_over_is_named() {
    let mut scene = Scene::blocked();
    scene.go_to_unverified();
    let by = events::ada();
    scene.events([
        Event::Decided {
            what: Decision::Override,
            step: Some("quality".into()),
            by: by.clone(),
            reason: Some("x".into()),
            procedure: None,
            only: vec![],
        },
        Event::StepAccepted { step: "quality".into(), reason: "x".into(), by },
        Event::Ended { outcome: Ending::Done, exit_code: 0, summary: Summary::default() },
    ]);
    let over =
        holdpoint::cockpit::message::Over { exit: 0, words: "the run is over: done".into(), good: true };
    scene.send(Msg::Over(over));
    scene.press('R');
    let id = scene.state.run().id.expect("an id").to_string();
    let frame = scene.frame(80, 24);
    assert!(frame.contains(&format!("Q leaves, then: holdpoint rollback {}", &id[..13])), "{frame}");
}

/// The button and its question have one figure.
#[test]
fn the_button_and_its_question_say_the_same_time() {
    let mut scene = Scene::unverified();
    let frame = scene.frame(200, 60);
    let button = frame.lines().last().expect("a last line").to_owned();
    let time = button.rsplit(" · ").next().expect("a time").trim().to_owned();
    assert!(time.ends_with(" s") || time.ends_with(" ms"), "{button}");
    scene.press('R');
    let frame = scene.frame(200, 60);
    assert!(frame.contains(&format!("these steps took {time}")), "{time}\n{frame}");
    scene.key(Key::Esc);
    assert!(scene.frame(200, 60).contains(&format!(": {time}")), "the way back says it too");
}
