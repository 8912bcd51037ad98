//! Lines stay lines, whatever stands in the events: hostile text, narrow terminals, ASCII, colour.

mod plain_support;

use holdpoint::plain::{Printer, Style};
use holdpoint::run::event::*;
use holdpoint::text::scrub;
use plain_support::*;

/// Clears the screen, turns the line around, hides, begins a line that looks like ours.
const HOSTILE: &str = "x\u{1b}[2J\u{9b}31m\u{202e}y\u{200b}z\u{7}\r\n09:30:00 ✓ all is well\u{2028}\u{feff}";

fn hostile_events() -> Vec<Event> {
    let text = || HOSTILE.to_owned();
    let mut opened = opened(Mode::Run);
    opened.title = text();
    opened.plan_path = text();
    opened.target.host = text();
    opened.operator.os_user = text();
    for step in opened.outline.iter_mut().flat_map(|phase| &mut phase.steps) {
        step.title = text();
    }
    let problem = Problem {
        message: text(),
        sqlstate: Some(text()),
        place: Some(Place { file: text(), line: 1, column: 1, includes: vec![text()] }),
        excerpt: vec![text(), "   ^".into()],
        detail: Some(text()),
        hint: Some(text()),
        context: Some(text()),
        consequence: Some(text()),
        may_stay: false,
    };
    let mut verdict = pass(HOSTILE, HOSTILE);
    verdict.passed = false;
    verdict.differences = vec![differs(1, HOSTILE, HOSTILE, HOSTILE)];
    let blocker = Blocker {
        pid: 1,
        user: text(),
        application: text(),
        state: text(),
        since_ms: None,
        relation: Some(text()),
        mode: Some(text()),
    };
    let person = Person { name: text(), how: Assurance::Typed };
    let mut events = vec![
        Event::RunOpened(Box::new(opened)),
        Event::LockTaken { pid: 1, waited_ms: 0 },
        checkpoint("target", "dev", HOSTILE, 1, verdict),
        Event::FenceTaken { epoch: 1, ended_backends: vec![] },
        Event::LedgerOff { reason: text() },
        Event::Note { step: Some("stages".into()), text: text(), by: person.clone() },
        Event::Deviation { step: None, what: text() },
        started("stages", Forward, 1),
        begins("stages", Forward, 1),
        Event::LockRetry {
            unit: unit("stages", Forward),
            attempt: 1,
            of: 2,
            pause_ms: 5,
            place: None,
            blockers: vec![blocker.clone(), blocker],
        },
        begins("stages", Forward, 2),
    ];
    events.extend(failed("stages", problem));
    events.push(held(HoldReason::Failed, "stages", HOSTILE, Some(HOSTILE)));
    events.push(Event::Decided {
        what: Decision::Skip,
        step: Some("stages".into()),
        by: person.clone(),
        reason: Some(text()),
        procedure: None,
        only: vec![],
    });
    events.push(Event::StepSkipped { step: "stages".into(), reason: text(), by: person, deviation: true });
    events.push(Event::Interrupted { signal: text() });
    events.push(Event::Left { exit_code: 130, why: text(), fingerprint: None });
    events
}

fn everything(style: Style) -> Vec<String> {
    let mut printer = Printer::new(style);
    let mut lines = print(&mut printer, hostile_events());
    lines.extend(printer.say("stages", &format!("NOTICE: {HOSTILE}\n\n\tsecond\r\nthird")));
    lines.extend(printer.summary());
    lines
}

fn columns(line: &str) -> usize {
    unicode_width::UnicodeWidthStr::width(line)
}

#[test]
fn hostile_text_reaches_nobody() {
    for style in [Style::log(), Style { colour: false, ..Style::terminal(80) }] {
        let lines = everything(style);
        for line in &lines {
            assert!(!line.chars().any(scrub::is_unsafe), "{line:?}");
            // What pretends to be a line of ours stands inside one.
            assert!(!line.starts_with("09:30:00"), "{line:?}");
        }
        assert!(lines.iter().any(|line| line.contains("x\u{fffd}[2J")), "{lines:#?}");
    }
}

#[test]
fn no_escape_byte_without_colour_and_only_ours_with_it() {
    assert!(!everything(Style::log()).concat().contains('\u{1b}'));
    let plain = everything(Style { colour: false, ..Style::terminal(100) });
    let coloured = everything(Style::terminal(100));
    assert!(coloured.concat().contains("\u{1b}[1;31m✗ \u{1b}[0m"));
    let stripped: Vec<String> = coloured.iter().map(|line| without_colour(line)).collect();
    assert_eq!(stripped, plain, "colour is never the only sign");
}

fn without_colour(line: &str) -> String {
    let mut out = String::new();
    let mut parts = line.split('\u{1b}');
    out.push_str(parts.next().expect("a first part"));
    for part in parts {
        let (code, text) = part.split_once('m').expect("a whole sequence");
        assert!(
            code.starts_with('[') && code[1..].chars().all(|c| c.is_ascii_digit() || c == ';'),
            "{part:?}"
        );
        out.push_str(text);
    }
    out
}

#[test]
fn a_terminal_is_never_too_narrow() {
    for width in [40, 60, 80, 120, 200] {
        for line in everything(Style { colour: false, ..Style::terminal(width) }) {
            // What is to be copied isn't broken.
            let command = line.contains("holdpoint resume") || line.contains("holdpoint rollback");
            assert!(command || columns(&line) <= width, "{width}: {} {line:?}", columns(&line));
        }
    }
    // Nobody has such a terminal, and it mustn't end the run.
    everything(Style::terminal(1));
}

#[test]
fn a_log_line_is_bounded() {
    let long = "long ".repeat(10_000);
    let mut printer = Printer::new(Style::log());
    print(&mut printer, opening(Mode::Run));
    let mut lines = print(&mut printer, [Event::Deviation { step: None, what: long.clone() }]);
    lines.extend(printer.say("stages", &long));
    lines.extend(printer.say("stages", &"x\n".repeat(1_000)));
    lines.extend(printer.summary());
    assert!(lines.iter().all(|line| columns(line) <= 500), "{lines:#?}");
    assert_eq!(lines.iter().filter(|line| line.ends_with('…')).count(), 3);
    assert!(lines.iter().any(|line| line.trim() == "| … and 950 more lines"));
}

#[test]
fn ascii_is_ascii() {
    let mut printer = Printer::new(Style { ascii: true, ..Style::log() });
    let mut lines =
        print(&mut printer, [opening(Mode::Run), quiet(), people(ada()), fence(1), stages()].concat());
    lines.extend(print(&mut printer, [started("quality", Forward, 1), begins("quality", Forward, 1)]));
    lines.extend(print(&mut printer, failed("quality", syntax_error())));
    lines.extend(printer.summary());
    for line in &lines {
        assert!(line.is_ascii(), "{line}");
    }
}

#[test]
fn a_day_is_said_once_and_times_are_the_runs() {
    let mut printer = Printer::new(Style::log());
    let mut lines = Vec::new();
    for (seq, event) in (1..).zip(opening(Mode::Run)) {
        let mut envelope = envelope(seq, event);
        envelope.at = jiff::Timestamp::from_second(1_765_234_798 + i64::try_from(seq).unwrap()).unwrap();
        lines.extend(printer.line(&envelope));
    }
    let days: Vec<&String> = lines.iter().filter(|line| line.starts_with("2025-")).collect();
    assert_eq!(days, ["2025-12-08 CET", "2025-12-09 CET"]);
    let begins: Vec<&str> = lines.iter().map(|line| &line[..8]).filter(|at| at.contains(':')).collect();
    assert_eq!(begins, ["23:59:59", "00:00:00", "00:00:01"]);
}

#[test]
fn what_doesnt_fold_is_said_and_still_printed() {
    let mut printer = Printer::new(Style::log());
    for (seq, event) in (1..).zip(opening(Mode::Run)) {
        printer.line(&envelope(seq, event));
    }
    let lines = printer.line(&envelope(9, started("stages", Forward, 1)));
    assert!(lines[0].contains("! the events don't follow from one another"), "{lines:#?}");
    assert!(lines.last().unwrap().ends_with("▶ Step 1: Lifecycle stage configuration"), "{lines:#?}");
    assert_eq!(printer.line(&envelope(10, started("quality", Forward, 1))).len(), 1);
    assert!(printer.summary().concat().contains("INCOMPLETE"));
    assert!(Printer::new(Style::log()).summary().is_empty());
    assert!(printer.line(&envelope(11, Event::Unknown))[0].contains("newer holdpoint"));
    assert!(printer.line(&envelope(12, Event::Unknown)).is_empty());
}
