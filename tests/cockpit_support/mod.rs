//! A cockpit without a terminal: a small Kochel, its events, keys, and frames as text.
#![allow(dead_code, reason = "each test crate uses its part")]

mod drawn;
#[path = "../plain_support/mod.rs"]
pub mod events;
pub mod outlook;
pub mod server;
pub mod states;

use std::sync::Arc;

use holdpoint::cockpit::message::{Effect, Key, Msg, SourceOf};
use holdpoint::cockpit::source::Source;
use holdpoint::cockpit::state::{Setting, State};
use holdpoint::cockpit::theme::Theme;
use holdpoint::cockpit::update::{update, wanted};
use holdpoint::plain::Named;
use holdpoint::plan::{LoadOptions, load};
use holdpoint::run::event::*;

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

const PROCEDURES: &str = r#"
[[rollback]]
id = "emergency"
title = "Emergency: stop, tell, roll back, verify"
when = "integrity is violated"
undoes = ["stages", "quality"]

[[rollback.step]]
id = "service"
title = "1 Stop the service"
command = "systemctl stop ventures"

[[rollback.step]]
id = "tell"
title = "2 Tell the Chairman"
notify = "Phase A goes back: {failure}"
to = ["Chairman"]

[[rollback.step]]
id = "hands"
title = "3 Hands off"
confirm = [{ item = "Nobody writes any more" }]

[[rollback.step]]
id = "back"
title = "4 Roll back"
undo = ["quality", "stages"]

[[rollback]]
id = "later"
title = "The day after"
undoes = ["quality"]

[[rollback.step]]
id = "only-quality"
title = "1 The column only"
undo = ["quality"]
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
         quality_score IS NULL;\n\nCREATE INDEX idx_quality ON venture_artifacts (quality_score);\n\n\n\n\nCOMMENT ON \
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
        Self::planned(&PLAN.replace("ENVIRONMENT", environment), theme)
    }

    /// A plan that names two more ways back.
    pub fn with_procedures(theme: Theme) -> Self {
        Self::planned(&format!("{}{PROCEDURES}", PLAN.replace("ENVIRONMENT", "staging")), theme)
    }

    fn planned(plan: &str, theme: Theme) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("plan.toml");
        std::fs::write(&path, plan).unwrap();
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
            named: Named::default(),
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
            assert_eq!(
                self.state.run().seq,
                seq,
                "{event:#?} was refused: {:?}",
                self.state.log.all().back()
            );
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
}
