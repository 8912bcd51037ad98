//! States of the small Kochel that tests begin with.

use std::sync::Arc;

use holdpoint::cockpit::message::{Msg, Over};
use holdpoint::cockpit::state::Said;
use holdpoint::cockpit::theme::Theme;
use holdpoint::engine::outline::procedures;
use holdpoint::plan::model::Kind;
use holdpoint::run::event::*;
use holdpoint::run::sample::{Doing, Lock, Sighting};

use super::events::{self, Back, Forward};
use super::{FILES, Scene, server};

impl Scene {
    /// Authorized; the first change waits for its key.
    pub fn stepping() -> Self {
        let mut scene = Self::new();
        scene.go_to_stepping();
        scene
    }

    pub fn go_to_stepping(&mut self) {
        self.go_to_stepping_with(|_| {});
    }

    /// The same, with something else in the plan.
    pub fn go_to_stepping_with(&mut self, change: impl Fn(&mut Opened)) {
        self.events(events::opening(Mode::Run).into_iter().map(|mut event| {
            if let Event::RunOpened(opened) = &mut event {
                change(opened);
            }
            event
        }));
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
        self.says("NOTICE: column \"quality_score\" is new");
    }

    /// The step says something now.
    pub fn says(&mut self, line: &str) {
        let after = self.state.run().seq;
        self.state.add_output([Said { step: "quality".into(), after, line: line.into() }], 0);
    }

    /// The lock wasn't to be had: the next try follows.
    pub fn gives_up_the_lock(&mut self, attempt: u32) {
        let blockers = self.state.seen.take().map(|seen| seen.blockers).unwrap_or_default();
        self.state.doing = None;
        let unit = events::unit("quality", Forward);
        self.events([Event::LockRetry { unit, attempt, of: 5, pause_ms: 4_000, place: None, blockers }]);
        self.state.now = self.state.run().last_at.expect("when that was");
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

    /// The plan says of the next change that it can't be taken back.
    pub fn irreversible() -> Self {
        let mut scene = Self::new();
        scene.events(events::opening(Mode::Run)).events(events::quiet());
        scene.events(events::people(events::ada())).events(events::fence(1));
        let needs = "\"Step 1: Lifecycle stage configuration\" can't be taken back: its rows go to other systems at once";
        scene.events([events::held(HoldReason::Irreversible, "stages", needs, None)]);
        scene
    }

    /// The connection was lost in the COMMIT of the second change: nobody knows.
    pub fn in_doubt() -> Self {
        let mut scene = Self::blocked();
        scene.state.doing = None;
        scene.state.seen = None;
        scene.events([
            Event::CommitIntent { unit: events::unit("quality", Forward), xid: None },
            Event::UnitUnknown {
                unit: events::unit("quality", Forward),
                evidence: vec!["the connection was lost in COMMIT: the server closed it".into()],
            },
            events::held(HoldReason::Unknown, "quality", "was \"Step 3\" applied?", None),
        ]);
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

    /// Two procedures are in the plan, and a checkpoint failed.
    pub fn unverified_with_procedures(theme: Theme) -> Self {
        let mut scene = Self::with_procedures(theme);
        let procedures = procedures(scene.state.plan());
        scene.go_to_stepping_with(|opened| opened.procedures.clone_from(&procedures));
        scene.go_to_blocked();
        scene.go_to_unverified();
        scene
    }

    /// Somebody asked for the emergency procedure; nothing of it has begun.
    pub fn to_go_back(theme: Theme) -> Self {
        let mut scene = Self::unverified_with_procedures(theme);
        scene.events([Event::Decided {
            what: Decision::RollBack,
            step: None,
            by: events::ada(),
            reason: Some("wrong column".into()),
            procedure: Some("emergency".into()),
            only: vec![],
        }]);
        scene
    }

    /// The procedure waits for a person.
    pub fn by_procedure(theme: Theme) -> Self {
        let mut scene = Self::to_go_back(theme);
        let steps = vec!["quality".to_owned(), "stages".to_owned()];
        let turn = ProcedureTurn { procedure: "emergency".into(), undoes: steps.clone(), own: [].into() };
        scene.events([Event::RollbackStarted {
            to: None,
            procedure: Some("emergency".into()),
            steps,
            kept: vec![],
            why: "wrong column".into(),
            course: Course { procedures: vec![turn], ..Course::default() },
        }]);
        for step in ["service", "tell"] {
            scene.events([
                events::started(step, Forward, 1),
                events::applied(step, Forward, 120),
                Event::StepVerified { step: step.into(), elapsed_ms: 120, checkpoints: 0 },
            ]);
        }
        let needs = "the driver confirms: Nobody writes any more";
        scene.events([
            events::started("hands", Forward, 1),
            events::held(HoldReason::Person, "hands", needs, None),
        ]);
        scene
    }

    /// Everything was rolled back.
    pub fn rolled_back() -> Self {
        Self::rolled_back_but(vec![], vec![])
    }

    /// Everything was rolled back, but for this; of these objects nobody knows whose they are.
    pub fn rolled_back_but(residue: Vec<Residue>, unsure: Vec<String>) -> Self {
        let mut scene = Self::unverified();
        scene.goes_back(&["quality", "stages"], vec![]);
        scene.is_back(residue, vec![], unsure);
        scene
    }

    /// Everything is undone, and the run isn't over.
    pub fn undone() -> Self {
        let mut scene = Self::unverified();
        scene.goes_back(&["quality", "stages"], vec![]);
        scene.compares(vec![], vec![], vec![]);
        scene
    }

    /// Everything but what somebody had decided to do for good.
    pub fn rolled_back_but_for_a_part() -> Self {
        let mut scene = Self::unverified();
        let why = "the old scores are thrown away";
        scene.events([
            events::held(HoldReason::Irreversible, "quality", "a decision to do it for good", None),
            Event::Decided {
                what: Decision::Override,
                step: Some("quality".into()),
                by: events::ada(),
                reason: Some("the board wants it".into()),
                procedure: None,
                only: vec![],
            },
        ]);
        scene.goes_back(&["stages"], vec![("quality".into(), format!("irreversible: {why}"))]);
        let column = Residue {
            object: "column public.venture_artifacts.quality_score".into(),
            before: None,
            after: Some("integer".into()),
        };
        scene.is_back(vec![], vec![column], vec![]);
        scene
    }

    /// These steps are undone, and those stay.
    fn goes_back(&mut self, undone: &[&str], kept: Vec<(String, String)>) {
        let scene = self;
        let steps =
            kept.iter().map(|(step, _)| step.clone()).chain(undone.iter().map(|&step| step.to_owned()));
        let steps = steps.collect();
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
                steps,
                kept,
                why: "wrong column".into(),
                course: Default::default(),
            },
        ]);
        for &step in undone {
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
    }

    fn compares(&mut self, residue: Vec<Residue>, stays: Vec<Residue>, unsure: Vec<String>) {
        self.events([Event::RollbackEnded {
            residue,
            others: vec![],
            stays,
            unsure,
            moved: vec![],
            covers: vec!["schema".into(), "rows of venture_artifacts".into()],
            not_compared: vec!["sequence values".into()],
            not_put_back: vec![],
            elapsed_ms: 300,
        }]);
    }

    fn is_back(&mut self, residue: Vec<Residue>, stays: Vec<Residue>, unsure: Vec<String>) {
        let (scene, clean) = (self, residue.is_empty() && stays.is_empty());
        scene.compares(residue, stays, unsure);
        scene.events([Event::Ended {
            outcome: Ending::RolledBack { clean },
            exit_code: if clean { 4 } else { 1 },
            summary: Summary::default(),
        }]);
        let words = match clean {
            true => "the run is over: failed, and everything that was applied is undone",
            false => "the run is over: something is left of it",
        };
        let (exit, words) = (if clean { 4 } else { 1 }, words.into());
        scene.send(Msg::Over(Over { exit, words, good: clean }));
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
