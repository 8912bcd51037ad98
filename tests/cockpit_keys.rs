//! What keys ask for: nothing dangerous without a question, nothing that the gate refuses, and a reason
//! on every key that does nothing.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod cockpit_support;
#[path = "cockpit_keys/looks.rs"]
mod looks;
#[path = "cockpit_keys/questions.rs"]
mod questions;

use cockpit_support::Scene;
use cockpit_support::states::go;
use holdpoint::cockpit::keymap::{self, Act, ENTRIES};
use holdpoint::cockpit::message::{Effect, Key, LetGo, Msg};
use holdpoint::cockpit::question::About;
use holdpoint::cockpit::state::Tab;
use holdpoint::run::command::Wish;
use holdpoint::run::event::*;

/// The one wish that the last key asked for.
#[track_caller]
fn wish(scene: &Scene) -> &Wish {
    match scene.effects.as_slice() {
        [Effect::Ask(_, command)] => &command.what,
        other => panic!("{other:?}; toast {:?}; question {:?}", scene.state.toast, scene.state.question),
    }
}

#[test]
fn every_key_has_one_command() {
    let mut keys: Vec<Key> = ENTRIES.iter().map(|entry| entry.key).collect();
    keys.push(keymap::ROLL_BACK.key);
    let all = keys.len();
    keys.sort_by_key(|key| format!("{key:?}"));
    keys.dedup();
    assert_eq!(keys.len(), all);
    // What a multiplexer takes for itself.
    for prefix in ['a', 'b', 'q', 's'] {
        assert_eq!(keymap::on(Key::Ctrl(prefix)), None);
    }
}

#[test]
fn enter_goes_and_nothing_else() {
    let mut scene = Scene::stepping();
    scene.key(Key::Enter);
    assert_eq!(*wish(&scene), Wish::Go);
    // Until it is answered, it isn't asked again.
    scene.key(Key::Enter);
    assert_eq!(scene.effects, []);
    scene.send(Msg::Answered { id: 1, refused: Some("the disk is full".into()) });
    assert!(scene.frame(120, 36).contains("go: the disk is full"));
}

#[test]
fn a_key_that_isnt_allowed_says_why() {
    let mut scene = Scene::stepping();
    scene.press('o');
    assert_eq!(scene.effects, []);
    let frame = scene.frame(120, 36);
    assert!(frame.contains("override: step `stages` is pending"), "{frame}");
    let mut scene = Scene::unverified();
    scene.key(Key::Enter);
    let frame = scene.frame(120, 36);
    assert!(frame.contains("retry them, override with a reason, or roll back"), "{frame}");
}

#[test]
fn going_back_is_asked_first_with_the_focus_on_cancel() {
    let mut scene = Scene::unverified();
    scene.press('R').key(Key::Enter);
    assert!(scene.state.question.is_none() && scene.effects.is_empty(), "Enter cancels");
    scene.press('R').key(Key::BackTab).type_in("wrong column").key(Key::Enter);
    // Whoever has typed a reason means it, and says so once more.
    let frame = scene.frame(120, 36);
    assert!(frame.contains("▸ Roll back") && scene.effects.is_empty(), "{frame}");
    scene.key(Key::Enter);
    let Wish::RollBack { to: None, reason, .. } = wish(&scene) else { panic!("{:?}", scene.effects) };
    assert_eq!(reason, "wrong column");
}

#[test]
fn a_reason_is_needed() {
    let mut scene = Scene::unverified();
    scene.press('R').key(Key::Right).key(Key::Enter);
    assert_eq!(scene.effects, []);
    assert!(scene.frame(120, 36).contains("reason is empty"));
}

#[test]
fn on_production_the_name_is_typed_and_not_pasted() {
    let mut scene = Scene::of("production", holdpoint::cockpit::theme::Theme::Dark);
    scene.go_to_stepping();
    scene.go_to_blocked();
    scene.go_to_unverified();
    scene.press('R').key(Key::BackTab).key(Key::BackTab).type_in("why").key(Key::Enter);
    scene.send(Msg::Paste("postgres".into()));
    scene.key(Key::Enter).key(Key::Right).key(Key::Enter);
    assert_eq!(scene.effects, []);
    assert!(scene.frame(120, 36).contains("database: type postgres"));
    // What is missing has the focus: the next letters go there.
    scene.type_in("postgres").key(Key::Enter).key(Key::Enter);
    assert!(matches!(wish(&scene), Wish::RollBack { .. }));
}

#[test]
fn arrows_read_on_in_a_question_and_never_come_to_rest_on_a_danger() {
    let mut scene = Scene::unverified();
    scene.press('R').key(Key::Down).key(Key::Down).key(Key::Up);
    assert!(scene.frame(120, 36).contains("▸ Cancel"));
    scene.key(Key::Enter);
    assert!(scene.state.question.is_none() && scene.effects.is_empty(), "Enter still cancels");
}

#[test]
fn ctrl_c_asks_then_cancels_then_lets_go() {
    let mut scene = Scene::blocked();
    scene.key(Key::Ctrl('c'));
    assert_eq!(scene.effects, []);
    assert_eq!(scene.state.question.as_ref().map(|q| &q.about), Some(&About::Interrupt));
    scene.key(Key::Ctrl('c'));
    assert_eq!(*wish(&scene), Wish::Cancel);
    scene.key(Key::Ctrl('c'));
    assert_eq!(scene.effects, [Effect::Detach(LetGo::CtrlC)]);
}

/// Breaking it off from the question isn't Ctrl-C: the evidence says who did what.
#[test]
fn leaving_is_told_as_leaving() {
    let mut scene = Scene::blocked();
    scene.press('Q').key(Key::Tab).key(Key::Tab).key(Key::Enter);
    assert_eq!(scene.effects, [Effect::Detach(LetGo::Left)]);
}

#[test]
fn leaving_after_this_step_is_seen_and_can_be_taken_back() {
    let mut scene = Scene::blocked();
    scene.press('Q').key(Key::Tab).key(Key::Enter);
    assert_eq!(*wish(&scene), Wish::Hold);
    scene.send(Msg::Answered { id: 1, refused: None });
    scene.events([decided(Decision::Hold, None)]);
    scene.key(Key::Esc);
    assert!(scene.frame(120, 36).contains("the run will be left after this step"));
    scene.press('Q');
    assert!(scene.frame(120, 36).contains("the run will be left after it"));
    scene.key(Key::Tab).key(Key::Enter);
    assert_eq!(scene.effects, []);
    scene.key(Key::Esc);
    assert!(scene.frame(120, 36).contains("will hold after this step"));
    assert!(!scene.state.leave_when_held);
}

/// What is typed never goes without a word: not into nothing, and not with a question that is cancelled.
#[test]
fn what_is_typed_is_heard() {
    let mut scene = Scene::unverified();
    scene.press('R').type_in("oops");
    assert!(scene.frame(120, 36).contains("reason is empty: Tab goes there"));
}

/// A long title hides neither itself nor the figures, where somebody is about to go over them.
#[test]
fn what_is_overridden_is_read_whole() {
    let mut scene = Scene::unverified();
    for size in [(120, 36), (60, 36), (50, 36)] {
        let failed = scene.state.run().step("quality").expect("the step").failed_checkpoints();
        let verdict = failed.first().expect("a failed checkpoint").verdict.clone();
        let title = failed.first().expect("a failed checkpoint").title.clone();
        let read = |frame: &str| frame.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        scene.press('o');
        let frame = read(&scene.frame(size.0, size.1));
        for words in [&title, &verdict.got] {
            assert!(frame.contains(&read(words)), "{words}: {frame}");
        }
        scene.key(Key::Esc);
    }
}

/// What was left out is no success.
#[test]
fn a_phase_with_a_step_left_out_says_so() {
    use holdpoint::cockpit::timeline::{phase_sign, sign};
    use holdpoint::run::state::Status;
    let mut scene = Scene::failed();
    let plan = scene.state.plan();
    let phase = plan.phases.iter().position(|of| of.steps.iter().any(|step| step.id == "quality"));
    let phase = phase.expect("its phase");
    let ids: Vec<String> = plan.phases[phase].steps.iter().map(|step| step.id.clone()).collect();
    for id in &ids[ids.iter().position(|id| id == "quality").expect("the step")..] {
        let by = cockpit_support::events::ada();
        if id != "quality" {
            scene.events([cockpit_support::events::held(HoldReason::Stepping, id, "go", None)]);
        }
        scene.events([
            decided(Decision::Skip, Some(id)),
            Event::StepSkipped { step: id.clone(), reason: "x".into(), by, deviation: true },
        ]);
    }
    assert_eq!(scene.state.status("stages"), Status::Verified);
    assert_eq!(phase_sign(&scene.state, phase), sign(Status::Accepted));
}

fn decided(what: Decision, step: Option<&str>) -> Event {
    let by = cockpit_support::events::ada();
    let (step, reason) = (step.map(str::to_owned), Some("x".into()));
    Event::Decided { what, step, by, reason, procedure: None, only: vec![] }
}

#[test]
fn auto_goes_on_until_something_fails() {
    let mut scene = Scene::stepping();
    scene.press('a');
    assert_eq!(*wish(&scene), Wish::Go);
    scene.send(Msg::Answered { id: 1, refused: None });
    scene.events([go()]);
    scene.events(cockpit_support::events::stages());
    let held = |reason| cockpit_support::events::held(reason, "quality", "go: \"Step 3\"", None);
    scene.events([held(HoldReason::Stepping)]);
    assert_eq!(*wish(&scene), Wish::Go);
    scene.send(Msg::Answered { id: 2, refused: None });
    scene.events([
        go(),
        cockpit_support::events::started("quality", Direction::Forward, 1),
        cockpit_support::events::begins("quality", Direction::Forward, 1),
    ]);
    let problem = cockpit_support::events::syntax_error();
    scene.events(cockpit_support::events::failed("quality", problem));
    scene.events([held(HoldReason::Failed)]);
    assert!(!scene.state.auto);
    assert_eq!(scene.effects, []);
}

#[test]
fn locked_keys_only_look() {
    let mut scene = Scene::stepping();
    scene.press('L').key(Key::Enter);
    assert_eq!(scene.effects, []);
    assert!(scene.frame(120, 36).contains("L unlocks"));
    scene.press('2');
    assert_eq!(scene.state.tab, Tab::Checkpoints);
    scene.press('L').key(Key::Enter);
    assert_eq!(*wish(&scene), Wish::Go);
}

#[test]
fn a_failed_checkpoint_comes_into_view_by_itself() {
    let mut scene = Scene::unverified();
    assert_eq!(scene.state.tab, Tab::Checkpoints);
    let frame = scene.frame(120, 36);
    assert!(frame.contains("numeric") && frame.contains("and 3 more differences"), "{frame}");
    assert!(!frame.contains('\u{1b}'));
}

#[test]
fn selection_and_scrolling_survive_another_size() {
    let mut scene = Scene::unverified();
    scene.press('1').press('k').press('k').key(Key::Tab).press('j');
    let (selected, scroll) = (scene.state.selected, scene.state.scroll.clone());
    for (columns, lines) in [(80, 24), (20, 3), (0, 0), (200, 60)] {
        scene.frame(columns, lines);
        scene.send(Msg::Resize);
    }
    assert_eq!((scene.state.selected, &scene.state.scroll), (selected, &scroll));
    assert!(!scene.state.follow);
}

#[test]
fn the_program_isnt_stopped_with_locks_held() {
    let mut scene = Scene::blocked();
    scene.key(Key::Ctrl('z'));
    assert_eq!(scene.effects, []);
    assert!(scene.frame(120, 36).contains("h holds after this step"));
    let mut scene = Scene::stepping();
    scene.key(Key::Ctrl('z'));
    assert_eq!(scene.effects, [Effect::Suspend]);
}

#[test]
fn hints_show_the_verdict_of_the_gate() {
    for scene in [Scene::stepping(), Scene::blocked(), Scene::failed(), Scene::unverified()] {
        for (entry, verdict) in keymap::hints(&scene.state) {
            assert_eq!(verdict, keymap::verdict(&scene.state, entry.act));
        }
        let allowed = keymap::hints(&scene.state).iter().take_while(|(_, verdict)| verdict.is_ok()).count();
        let all = keymap::hints(&scene.state).iter().filter(|(_, verdict)| verdict.is_ok()).count();
        assert_eq!(allowed, all, "what is allowed stands first");
    }
    assert_eq!(keymap::on(Key::Enter), Some(Act::Go));
}

/// What went wrong comes into view by itself, and goes again when it is dealt with; what a person chose
/// stays.
#[test]
fn what_came_into_view_by_itself_goes_again() {
    let failed = [
        Event::StepUnverified { step: "stages".into(), elapsed_ms: 12, failed: vec!["checkpoint-1".into()] },
        cockpit_support::events::held(HoldReason::Unverified, "stages", "1 of its checkpoints failed", None),
    ];
    let goes_on = [
        Event::StepAccepted { step: "stages".into(), reason: "x".into(), by: cockpit_support::events::ada() },
        cockpit_support::events::held(HoldReason::Stepping, "quality", "go: \"Step 3\"", None),
    ];
    let decided = decided(Decision::Override, Some("stages"));
    for (chosen, then) in [(None, Tab::Step), (Some('5'), Tab::Log)] {
        let mut scene = Scene::stepping();
        scene.events([go()]);
        let mut stages = cockpit_support::events::stages();
        assert!(matches!(stages.pop(), Some(Event::StepVerified { .. })));
        let mut result = stages.pop();
        if let Some(Event::CheckpointResult(result)) = &mut result {
            result.verdict.passed = false;
        }
        scene.events(stages.into_iter().chain(result).chain(failed.clone()));
        assert_eq!(scene.state.tab, Tab::Checkpoints);
        if let Some(key) = chosen {
            scene.press(key);
        }
        scene.events([decided.clone()]).events(goes_on.clone());
        assert_eq!(scene.state.tab, then);
    }
}

/// Every status has a sign of its own, where there is only ASCII too.
#[test]
fn no_two_statuses_look_alike() {
    use holdpoint::cockpit::timeline::{phase_sign, sign, step_sign};
    use holdpoint::run::state::Status;
    let all = [
        Status::Pending,
        Status::Skipped,
        Status::Assumed,
        Status::Running,
        Status::Committing,
        Status::Applied,
        Status::Verified,
        Status::Unverified,
        Status::Accepted,
        Status::Failed,
        Status::Unknown,
        Status::Undoing,
        Status::UndoFailed,
    ];
    let mut signs: Vec<char> = all.into_iter().map(|status| sign(status).0).collect();
    signs.push(step_sign(&Scene::stepping().state, "stages").0);
    let (undone, _, word) = step_sign(&Scene::rolled_back().state, "stages");
    assert_eq!(word, "undone");
    // Its phase neither runs nor lies ahead, though what it checked before stays verified.
    let back = Scene::rolled_back().state;
    let phase = back.plan().phases.iter().position(|of| of.steps.iter().any(|step| step.id == "stages"));
    assert_eq!(phase_sign(&back, phase.expect("its phase")).0, undone);
    signs.push(undone);
    for signs in [signs.clone(), signs.into_iter().map(holdpoint::text::ascii::letter).collect()] {
        let mut alone = signs.clone();
        alone.sort_unstable();
        alone.dedup();
        assert_eq!(alone.len(), signs.len(), "{signs:?}");
    }
}

/// Where the button can't be pressed it says why, at every size.
#[test]
fn the_button_says_why_it_does_nothing() {
    let mut locked = Scene::unverified();
    locked.press('L');
    for (mut scene, why) in [
        (Scene::new(), "nothing applied"),
        (Scene::stepping(), "nothing applied"),
        (Scene::blocked(), "a step runs"),
        (locked, "keys are locked"),
        (Scene::rolled_back(), "nothing applied"),
    ] {
        for (columns, lines) in [(60, 16), (80, 24), (120, 36)] {
            let frame = scene.frame(columns, lines);
            assert!(frame.lines().last().is_some_and(|line| line.contains(why)), "{why}\n{frame}");
        }
    }
    assert!(
        Scene::blocked()
            .frame(200, 60)
            .contains("R ROLL BACK: step `quality` is running: hold, cancel or wait until it is over")
    );
}

/// Why a key did nothing goes with what the run was then.
#[test]
fn a_refused_key_is_forgotten_when_the_run_goes_on() {
    let mut scene = Scene::failed();
    scene.press('o');
    assert!(scene.frame(120, 36).contains("override:"));
    scene.events([decided(Decision::Retry, Some("quality"))]);
    let frame = scene.frame(120, 36);
    assert!(!frame.contains("override:"), "{frame}");
}
