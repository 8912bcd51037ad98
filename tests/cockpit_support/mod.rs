//! A cockpit without a terminal: a small Kochel, its events, keys, and frames as text.
#![allow(dead_code, reason = "each test crate uses its part")]

#[path = "../plain_support/mod.rs"]
pub mod events;
pub mod outlook;

pub mod server;

use std::fmt::Write;
use std::sync::Arc;

use holdpoint::cockpit::message::{Effect, Key, Msg, Over, SourceOf};
use holdpoint::cockpit::source::Source;
use holdpoint::cockpit::state::{Setting, State};
use holdpoint::cockpit::theme::Theme;
use holdpoint::cockpit::update::{update, wanted};
use holdpoint::cockpit::view;
use holdpoint::plan::model::Kind;
use holdpoint::plan::{LoadOptions, load};
use holdpoint::run::event::*;
use holdpoint::run::sample::{Doing, Lock, Sighting};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

pub use events::{Back, Forward};

const PLAN: &str = r#"
[plan]
id = "kochel-phase-a"
title = "Migration Phase A: Kochel Integration"
environment = "ENVIRONMENT"
stepping = "manual"
authorization = "authorization"
timezone = "Europe/Berlin"
window = "2025-12-09 09:00..12:00"
guards = ["venture_artifacts"]

[plan.rollback_advice]
do = ["Migration fails partway through execution"]
do_not = ["Minor discrepancies that can be fixed with targeted updates"]

[[phase]]
id = "preflight"
title = "2 Pre-migration checks"
starts = "09:00"
takes = "10min"

[[phase.step]]
id = "quiet"
title = "1.3 No active transactions"
check = "SELECT pid, state\nFROM pg_stat_activity\nWHERE xact_start IS NOT NULL"
expect = { rows = 0 }
else = "Wait for the low-activity window"

[[phase.step]]
id = "assumptions"
title = "1.3 Assumptions"
confirm = [{ item = "Backup exists" }, { item = "Low-activity window", proof = "quiet" }]

[[phase]]
id = "authorize"
title = "6.1 Pre-execution"
owner = "Chairman"

[[phase.step]]
id = "authorization"
title = "Chairman's authorization"
signoff = ["Chairman"]
statement = "Phase A is authorized."
decision = ["approved", "declined"]

[[phase]]
id = "execute"
title = "3.2 Migration execution, in this exact order"
starts = "09:30"

[[phase.step]]
id = "stages"
title = "Step 1: Lifecycle stage configuration"
file = "stages.sql"
takes = "1min"
adds = { tables = ["lifecycle_phases", "lifecycle_stage_config"], columns = 9, rows = { lifecycle_stage_config = 25 } }

  [[phase.step.checkpoint]]
  id = "checkpoint-1"
  title = "Checkpoint 1: 25 stages"
  sql = "SELECT count(*) FROM lifecycle_stage_config"
  expect = 25

  [phase.step.rollback]
  file = "stages_rollback.sql"

[[phase.step]]
id = "quality"
title = "Step 3: Venture artifacts quality score"
file = "20251209_venture_artifacts_quality_score.sql"

  [[phase.step.checkpoint]]
  id = "checkpoint-3"
  title = "Checkpoint 3: quality_score exists"
  sql = "SELECT column_name, data_type\nFROM information_schema.columns\nWHERE table_name = 'venture_artifacts'"
  expect = { rows = 1 }
  else = "Look whether the column was added by hand"

  [phase.step.rollback]
  sql = '''
  DROP INDEX IF EXISTS idx_quality;
  ALTER TABLE venture_artifacts DROP COLUMN IF EXISTS quality_score;'''
"#;

const FILES: [(&str, &str); 3] = [
    (
        "stages.sql",
        "-- The 25 stages.\nCREATE TABLE lifecycle_stage_config (\n  stage_number int PRIMARY KEY, -- 1 to 25\n  \
         stage_name text NOT NULL\n);\n\nINSERT INTO lifecycle_stage_config\nSELECT n, 'stage ' || n FROM \
         generate_series(1, 25) AS n;\n",
    ),
    (
        "stages_rollback.sql",
        "DROP TABLE IF EXISTS lifecycle_stage_config;\nDROP TABLE IF EXISTS lifecycle_phases;\n",
    ),
    (
        "20251209_venture_artifacts_quality_score.sql",
        "-- Adds the quality score.\n\\set ON_ERROR_STOP on\n\nALTER TABLE venture_artifacts\n  ADD COLUMN quality_score \
         int CHECK (quality_score BETWEEN 0 AND 100);\n\nUPDATE venture_artifacts SET quality_score = 50 WHERE \
         quality_score IS NULL;\n\nCREATE INDEX idx_quality ON venture_artifacts (quality_score);\n\n\n\nCOMMENT ON \
         COLUMN venture_artifacts.qualty_score IS 'x';\n",
    ),
];

/// The cockpit, with a clock that events move.
pub struct Scene {
    pub state: State,
    pub effects: Vec<Effect>,
    _dir: tempfile::TempDir,
}

impl Scene {
    pub fn new() -> Self {
        Self::of("dev", Theme::Dark)
    }

    pub fn of(environment: &str, theme: Theme) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.toml");
        std::fs::write(&path, PLAN.replace("ENVIRONMENT", environment)).unwrap();
        for (name, text) in FILES {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let loaded = load(&path, LoadOptions::default()).unwrap_or_else(|error| panic!("{error}"));
        let setting = Setting {
            plan: Arc::new(loaded.plan),
            mode: Mode::Run,
            operator: events::operator(7),
            target: "postgres@localhost/postgres".into(),
            theme,
            ascii: false,
            state_dir: None,
            mouse: false,
        };
        let state = State::new(setting, events::envelope(0, Event::Unknown).at);
        Self { state, effects: Vec::new(), _dir: dir }
    }

    pub fn send(&mut self, message: Msg) {
        self.effects = update(&mut self.state, message);
        // Scripts are there at once, and so is what the engine knows of the way back.
        for effect in wanted(&mut self.state) {
            match effect {
                Effect::Load(of) => {
                    let source = Arc::new(self.read(&of));
                    self.state.sources.insert(of, Some(source));
                }
                Effect::LookBack(Some(look)) => {
                    let found = outlook::of(&look, self.state.now);
                    update(&mut self.state, Msg::Outlook(found));
                }
                _ => {}
            }
        }
    }

    fn read(&self, of: &SourceOf) -> Source {
        let text = |name: &str| FILES.iter().find(|(file, _)| *file == name).map_or("", |(_, text)| text);
        match (of.step.as_str(), of.back) {
            ("quality", true) => Source::read(
                "plan.toml",
                b"DROP INDEX IF EXISTS idx_quality;\nALTER TABLE venture_artifacts DROP COLUMN IF EXISTS quality_score;",
                77,
            ),
            ("quality", false) => Source::read(FILES[2].0, text(FILES[2].0).as_bytes(), 1),
            ("stages", true) => Source::read(FILES[1].0, text(FILES[1].0).as_bytes(), 1),
            ("stages", false) => Source::read(FILES[0].0, text(FILES[0].0).as_bytes(), 1),
            (_, _) => Source::read("plan.toml", b"SELECT pid, state\nFROM pg_stat_activity", 24),
        }
    }

    #[track_caller]
    pub fn events(&mut self, events: impl IntoIterator<Item = Event>) -> &mut Self {
        for event in events {
            let seq = self.state.run().seq + 1;
            let envelope = events::envelope(seq, event.clone());
            self.send(Msg::Event(Arc::new(envelope)));
            assert_eq!(self.state.run().seq, seq, "{event:#?} was refused: {:?}", self.state.log.back());
        }
        self
    }

    pub fn key(&mut self, key: Key) -> &mut Self {
        self.frame(120, 36);
        self.send(Msg::Key(key));
        self
    }

    pub fn press(&mut self, letter: char) -> &mut Self {
        self.key(Key::Char(letter))
    }

    pub fn type_in(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            self.press(c);
        }
        self
    }

    pub fn buffer(&mut self, columns: u16, lines: u16) -> Buffer {
        let area = Rect::new(0, 0, columns, lines);
        let mut buffer = Buffer::empty(area);
        let seen = view::draw(&self.state, area, &mut buffer);
        self.state.saw(seen);
        buffer
    }

    /// As text.
    pub fn frame(&mut self, columns: u16, lines: u16) -> String {
        let buffer = self.buffer(columns, lines);
        let mut out = String::new();
        for y in 0..lines {
            let line: String = (0..columns).map(|x| buffer[(x, y)].symbol()).collect();
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    /// As text with its styles: `{role of the style|text}` wherever it isn't plain.
    pub fn styled(&mut self, columns: u16, lines: u16) -> String {
        let buffer = self.buffer(columns, lines);
        let mut out = String::new();
        for y in 0..lines {
            let mut line = String::new();
            let mut open = String::new();
            for x in 0..columns {
                let cell = &buffer[(x, y)];
                let style = words(cell.fg, cell.bg, cell.modifier);
                if style != open {
                    if !open.is_empty() {
                        line.push('}');
                    }
                    if !style.is_empty() {
                        let _ = write!(line, "{{{style}|");
                    }
                    open = style;
                }
                line.push_str(cell.symbol());
            }
            if !open.is_empty() {
                line.push('}');
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    // States that tests begin with.

    /// Authorized; the first change waits for its key.
    pub fn stepping() -> Self {
        let mut scene = Self::new();
        scene.go_to_stepping();
        scene
    }

    pub fn go_to_stepping(&mut self) {
        self.events(events::opening(Mode::Run));
        self.events(events::quiet());
        self.events(events::people(events::ada()));
        self.events(events::fence(1).into_iter().map(|event| match event {
            Event::BaselineTaken(mut baseline) => {
                baseline.counts.extend(OBJECTS);
                let others = [
                    ("audit.entries", 1_204_881, false),
                    ("leo_interfaces", 48, true),
                    ("ventures", 7, true),
                ];
                baseline
                    .rows
                    .extend(others.map(|(table, rows, exact)| (table.to_owned(), RowCount { rows, exact })));
                Event::BaselineTaken(baseline)
            }
            other => other,
        }));
        self.events([events::held(
            HoldReason::Stepping,
            "stages",
            "go: \"Step 1: Lifecycle stage configuration\"",
            None,
        )]);
    }

    /// The first change is done, the second runs and waits for a lock.
    pub fn blocked() -> Self {
        let mut scene = Self::stepping();
        scene.go_to_blocked();
        scene
    }

    pub fn go_to_blocked(&mut self) {
        self.events([go()]);
        let mut stages = events::stages();
        let added = [(Kind::Tables, 45), (Kind::Columns, 421), (Kind::Indexes, 92)];
        let rows = [("lifecycle_phases", 6), ("lifecycle_stage_config", 25)];
        stages.insert(stages.len() - 2, counts("stages", Forward, &added, &rows, &[]));
        self.events(stages);
        self.events([events::held(HoldReason::Stepping, "quality", "go: \"Step 3\"", None), go()]);
        self.events([events::started("quality", Forward, 1), events::begins("quality", Forward, 1)]);
        self.state.doing = Some(Doing {
            pid: 4711,
            file: std::path::Path::new(FILES[2].0).into(),
            line: 4,
            column: 1,
            number: 1,
            rows: 0,
            since: self.state.now,
        });
        let since = self.state.now;
        self.state.now = since + std::time::Duration::from_millis(3_200);
        self.state.seen = Some(Sighting {
            pid: 4711,
            waits: Some("Lock: relation".into()),
            locks: vec![Lock {
                relation: "venture_artifacts".into(),
                mode: "AccessExclusive".into(),
                granted: false,
                rows: Some(12_034),
                bytes: 4_300_000,
            }],
            more_locks: 0,
            blockers: vec![Blocker {
                pid: 4_800,
                user: "app".into(),
                application: "the app".into(),
                state: "idle in transaction".into(),
                since_ms: Some(41_000),
                relation: Some("venture_artifacts".into()),
                mode: Some("AccessShare".into()),
            }],
        });
        self.state
            .add_output([("quality".to_owned(), "NOTICE: column \"quality_score\" is new".to_owned())], 0);
    }

    /// The same, with the server looked at.
    pub fn busy() -> Self {
        let mut scene = Self::blocked();
        scene.press('4');
        scene.state.activity.latest = Some(Arc::new(server::busy()));
        scene
    }

    /// The second change failed with an error.
    pub fn failed() -> Self {
        let mut scene = Self::blocked();
        scene.state.doing = None;
        scene.state.seen = None;
        scene.events(events::failed("quality", events::syntax_error()));
        scene.events([events::held(
            HoldReason::Failed,
            "quality",
            "\"Step 3\" failed: column \"qualty_score\" does not exist",
            Some("Look whether the column was added by hand"),
        )]);
        scene
    }

    /// The second change is applied, and its checkpoint failed.
    pub fn unverified() -> Self {
        let mut scene = Self::blocked();
        scene.go_to_unverified();
        scene
    }

    pub fn go_to_unverified(&mut self) {
        self.state.doing = None;
        self.state.seen = None;
        let verdict = holdpoint::plan::expect::Verdict {
            passed: false,
            expected: "1 row".into(),
            got: "2 rows".into(),
            differences: vec![
                events::differs(0, "rows", "1 row", "2 rows"),
                events::differs(1, "data_type", "integer", "numeric"),
                events::differs(2, "column_name", "no such row", "quality_scor\u{1b}[2Je"),
            ],
            more: 3,
        };
        self.events([
            Event::CommitIntent { unit: events::unit("quality", Forward), xid: Some("743".into()) },
            events::committed("quality", Forward, 4, 12_034, &[("public.venture_artifacts", 12_034)]),
            counts(
                "quality",
                Forward,
                &[(Kind::Tables, 45), (Kind::Columns, 422), (Kind::Indexes, 93)],
                &[("venture_artifacts", 12_034), ("leo_interfaces", 52)],
                &[],
            ),
            events::applied("quality", Forward, 3_400),
            events::checkpoint("quality", "checkpoint-3", "Checkpoint 3: quality_score exists", 7, verdict),
            Event::StepUnverified {
                step: "quality".into(),
                elapsed_ms: 3_410,
                failed: vec!["checkpoint-3".into()],
            },
            events::held(
                HoldReason::Unverified,
                "quality",
                "\"Step 3\" is applied, and 1 of its checkpoints failed",
                Some("Look whether the column was added by hand"),
            ),
        ]);
    }

    /// Everything was rolled back.
    pub fn rolled_back() -> Self {
        let mut scene = Self::unverified();
        scene.events([
            Event::Decided {
                what: Decision::RollBack,
                step: None,
                by: events::ada(),
                reason: Some("wrong column".into()),
                procedure: None,
                only: vec![],
            },
            Event::RollbackStarted {
                to: None,
                procedure: None,
                steps: vec!["quality".into(), "stages".into()],
                kept: vec![],
                why: "wrong column".into(),
                course: Default::default(),
            },
        ]);
        for step in ["quality", "stages"] {
            scene.events([
                events::started(step, Back, 1),
                Event::UnitStarted {
                    unit: events::unit(step, Back),
                    attempt: 1,
                    pid: 4711,
                    backend_start: "then".into(),
                    source: SourceRef {
                        file: "x".into(),
                        section: None,
                        line: 0,
                        from: 0,
                        to: 1,
                        digest: "d".into(),
                    },
                },
                Event::CommitIntent { unit: events::unit(step, Back), xid: None },
                events::committed(step, Back, 2, 0, &[]),
                match step {
                    "quality" => counts(step, Back, &[(Kind::Columns, 421), (Kind::Indexes, 92)], &[], &[]),
                    _ => counts(step, Back, &OBJECTS, &[], &["lifecycle_phases", "lifecycle_stage_config"]),
                },
                events::applied(step, Back, 120),
                Event::StepUndone { step: step.into(), generation: 0, elapsed_ms: 130 },
            ]);
        }
        scene.events([
            Event::RollbackEnded {
                residue: vec![],
                others: vec![],
                moved: vec![],
                covers: vec!["schema".into(), "rows of venture_artifacts".into()],
                not_compared: vec!["sequence values".into()],
                elapsed_ms: 300,
            },
            Event::Ended {
                outcome: Ending::RolledBack { clean: true },
                exit_code: 4,
                summary: Summary::default(),
            },
        ]);
        let words = "the run is over: failed, and everything that was applied is undone".into();
        scene.send(Msg::Over(Over { exit: 4, words, good: true }));
        scene
    }
}

/// What there was before the first change, of what changes.
const OBJECTS: [(Kind, u64); 6] = [
    (Kind::Tables, 43),
    (Kind::Columns, 412),
    (Kind::Indexes, 88),
    (Kind::ForeignKeys, 42),
    (Kind::Policies, 18),
    (Kind::Views, 2),
];

/// What there is after a step or its rollback.
pub fn counts(
    step: &str,
    direction: Direction,
    objects: &[(Kind, u64)],
    rows: &[(&str, i64)],
    gone: &[&str],
) -> Event {
    let rows = rows.iter().map(|(table, rows)| ((*table).to_owned(), RowCount { rows: *rows, exact: true }));
    Event::CountsTaken(Box::new(Counts {
        step: step.into(),
        direction,
        objects: objects.iter().copied().collect(),
        rows: rows.collect(),
        gone: gone.iter().map(|table| (*table).to_owned()).collect(),
        missing: vec![],
    }))
}

/// The person's key.
pub fn go() -> Event {
    Event::Decided {
        what: Decision::Go,
        step: None,
        by: events::ada(),
        reason: None,
        procedure: None,
        only: vec![],
    }
}

fn words(fg: Color, bg: Color, modifier: Modifier) -> String {
    let mut parts = Vec::new();
    let colour = |color: Color| match color {
        Color::Indexed(n) => n.to_string(),
        other => format!("{other:?}").to_lowercase(),
    };
    if fg != Color::Reset {
        parts.push(colour(fg));
    }
    if bg != Color::Reset {
        parts.push(format!("on {}", colour(bg)));
    }
    for (flag, word) in [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::ITALIC, "italic"),
        (Modifier::UNDERLINED, "underlined"),
        (Modifier::REVERSED, "reversed"),
    ] {
        if modifier.contains(flag) {
            parts.push(word.to_owned());
        }
    }
    parts.join(" ")
}
