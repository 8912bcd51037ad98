//! plans/README.md: a table of every section of every runbook, and what of the plan does it.

use std::collections::BTreeSet;
use std::path::Path;

use holdpoint::plan::{LoadOptions, load};

/// Sections of each runbook, as many as it has. The runbooks themselves aren't here.
const SECTIONS: [(&str, usize); 5] = [
    ("kochel-phase-a", 23),
    ("week2-staging", 31),
    ("v7-database-phase", 24),
    ("cloud-migration-lane3", 6),
    ("production-promotion", 7),
];

/// Keys of `[plan]` and `[target]`, and of a phase, that a row may name beside ids.
const KEYS: [&str; 17] = [
    "plan.env_file",
    "plan.about",
    "plan.meta",
    "plan.reference",
    "plan.guards",
    "plan.authorization",
    "plan.stepping",
    "plan.rollback_advice",
    "target.database",
    "target.host",
    "target.port",
    "target.user",
    "phase.team",
    "starts",
    "takes",
    "within",
    "owner",
];
const POLICIES: [&str; 2] = ["on_failure", "else"];

struct Row {
    plan: String,
    section: String,
    phase: String,
    steps: String,
}

fn rows() -> Vec<Row> {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("plans/README.md")).unwrap();
    let mut plan = String::new();
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("## ") {
            plan = name.to_owned();
        }
        let Some(cells) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else { continue };
        let cells: Vec<&str> = cells.split(" | ").collect();
        let [section, phase, steps] = cells[..] else { panic!("three cells: {line}") };
        if section != "section" {
            let (section, phase, steps) = (section.to_owned(), phase.to_owned(), steps.to_owned());
            rows.push(Row { plan: plan.clone(), section, phase, steps });
        }
    }
    rows
}

/// What stands between backquotes.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_section_is_in_the_table_once() {
    let rows = rows();
    for (plan, sections) in SECTIONS {
        let names: Vec<&str> =
            rows.iter().filter(|row| row.plan == plan).map(|row| row.section.as_str()).collect();
        assert_eq!(names.len(), sections, "{plan}: {names:#?}");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), sections, "{plan}: one stands twice");
    }
    let known: BTreeSet<&str> = SECTIONS.iter().map(|(plan, _)| *plan).collect();
    assert_eq!(rows.iter().map(|row| row.plan.as_str()).collect::<BTreeSet<_>>(), known);
}

#[test]
fn every_step_that_the_table_names_is_in_its_plan() {
    for row in rows() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("plans/{}.toml", row.plan));
        let place = format!("{}, \"{}\"", row.plan, row.section);
        if row.phase == "not yet" {
            assert_eq!(row.steps, "not yet", "{place}");
            continue;
        }
        let plan = load(&path, LoadOptions::default()).unwrap_or_else(|errors| panic!("{errors}")).plan;
        let groups: BTreeSet<&str> = (plan.phases.iter().map(|phase| phase.id.as_str()))
            .chain(plan.rollbacks.iter().map(|procedure| procedure.id.as_str()))
            .collect();
        let steps = (plan.phases.iter().flat_map(|phase| &phase.steps))
            .chain(plan.rollbacks.iter().flat_map(|procedure| &procedure.steps));
        let mut ids: BTreeSet<&str> = groups.clone();
        for step in steps {
            ids.insert(&step.id);
            ids.extend(step.checkpoints.iter().map(|checkpoint| checkpoint.id.as_str()));
        }
        let watches = plan.phases.iter().flat_map(|phase| &phase.watches);
        ids.extend(watches.map(|watch| watch.checkpoint.id.as_str()));
        ids.extend(plan.target.checkpoints.iter().map(|checkpoint| checkpoint.id.as_str()));
        let in_the_head = ["plan", "target"].contains(&row.phase.as_str());
        assert!(in_the_head || !quoted(&row.phase).is_empty(), "{place}: \"{}\"", row.phase);
        for phase in quoted(&row.phase) {
            assert!(groups.contains(phase), "{place}: there is no phase or rollback `{phase}`");
        }
        assert!(!row.steps.trim().is_empty(), "{place} names nothing");
        for name in quoted(&row.steps) {
            let known = ids.contains(name) || KEYS.contains(&name) || POLICIES.contains(&name);
            assert!(known, "{place}: there is no step or checkpoint `{name}`");
        }
    }
}
