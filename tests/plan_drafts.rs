//! The five runbooks as plans: all of them load, and each says exactly what it asks for that isn't
//! built yet. `tests/plans/` holds them as drafted; their SQL comes with their issues.

use std::path::{Path, PathBuf};

use holdpoint::plan::diagnostic::Severity;
use holdpoint::plan::digest::digest;
use holdpoint::plan::model::{Action, Ask, OnFailure, Plan, Proof, Side, Transaction, Undo};
use holdpoint::plan::show;
use holdpoint::plan::{FileCheck, LoadOptions, Loaded, load};

fn draft(name: &str) -> Loaded {
    let path = PathBuf::from(format!("tests/plans/{name}.toml"));
    match load(&path, LoadOptions { files: FileCheck::Skip }) {
        Ok(loaded) => loaded,
        Err(errors) => panic!("{errors}"),
    }
}

/// Keys that aren't built, with how often each is asked for.
fn not_built(name: &str) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for missing in draft(name).plan.not_built {
        match counts.iter_mut().find(|(key, _)| *key == missing.key) {
            Some((_, n)) => *n += 1,
            None => counts.push((missing.key, 1)),
        }
    }
    counts.sort();
    counts.iter().map(|(key, n)| format!("{key} {n}")).collect::<Vec<_>>().join(", ")
}

fn step<'p>(plan: &'p Plan, id: &str) -> &'p holdpoint::plan::model::Step {
    plan.phases.iter().flat_map(|phase| &phase.steps).find(|step| step.id == id).expect(id)
}

#[test]
fn each_draft_asks_for_this_of_later_versions() {
    assert_eq!(not_built("kochel-phase-a"), "");
    assert_eq!(not_built("v7-database-phase"), "");
    assert_eq!(not_built("cloud-migration-lane3"), "");
    assert_eq!(not_built("production-promotion"), "");
    assert_eq!(not_built("week2-staging"), "");
}

#[test]
fn drafts_have_nothing_but_that() {
    for name in [
        "kochel-phase-a",
        "v7-database-phase",
        "cloud-migration-lane3",
        "production-promotion",
        "week2-staging",
    ] {
        let loaded = draft(name);
        let others: Vec<String> = loaded
            .warnings
            .all
            .iter()
            .filter(|d| d.severity != Severity::NotBuilt)
            // Two runbooks count tables where views count too, and are told so.
            .filter(|d| !d.message.contains("lists views too"))
            .map(|d| d.message.clone())
            .collect();
        assert!(others.is_empty(), "{name}: {others:#?}");
        assert_eq!(loaded.warnings.count(Severity::NotBuilt), loaded.plan.not_built.len(), "{name}");
    }
}

#[test]
fn kochel_is_what_the_runbook_says() {
    let plan = draft("kochel-phase-a").plan;
    assert_eq!(plan.authorization.as_deref(), Some("authorization"));
    assert_eq!(plan.target.checkpoints.len(), 2);
    assert_eq!(plan.target.checkpoints[1].id, "dev");
    assert_eq!(plan.phases.len(), 5);
    let stages = step(&plan, "stages");
    assert!(stages.changes);
    assert_eq!(stages.transaction, Transaction::Single);
    assert_eq!(stages.lock_timeout, std::time::Duration::from_secs(5));
    let Action::File { file, section: None } = &stages.action else { panic!("{:?}", stages.action) };
    assert_eq!(file.name, "20251206_lifecycle_stage_config.sql");
    let Some(Undo::Own(undo)) = &stages.rollback else { panic!("no rollback") };
    assert_eq!(undo.id, "stages/rollback");
    // `again` is resolved to the text it repeats, and inherits what the runbook says to do.
    let again = &undo.checkpoints[0];
    assert!(matches!(&again.ask, Ask::Sql(sql) if sql.contains("lifecycle_phases")));
    assert_eq!(
        again.otherwise.as_deref(),
        Some("The migration may have already run: investigate before proceeding")
    );
    assert_eq!(again.id, "stages/rollback/5-3-lifecycle-tables-removed");
    let Action::Confirm(items) = &step(&plan, "pre-execution").action else { panic!("no checklist") };
    assert_eq!(items[2].proof, [Proof::Files]);
    assert_eq!(items[0].proof, [Proof::Target, Proof::Step("identity".into())]);
    let Action::Signoff(declaration) = &step(&plan, "declaration").action else { panic!("no sign-off") };
    assert_eq!(declaration.items.len(), 5);
    assert!(!step(&plan, "state").changes);
    assert_eq!(step(&plan, "state").checkpoints[0].save.as_deref(), Some("before"));
}

#[test]
fn lane3_inherits_and_resolves() {
    let plan = draft("cloud-migration-lane3").plan;
    assert_eq!(step(&plan, "pg-dump").on, Side::None);
    assert!(!step(&plan, "pg-dump").changes);
    assert_eq!(step(&plan, "dump-schema").on, Side::Source);
    assert_eq!(step(&plan, "dump-schema").on_failure, OnFailure::Stop);
    assert!(matches!(&step(&plan, "load-data").rollback, Some(Undo::By(by)) if by == "load-schema"));
    let checkpoints = &step(&plan, "keys").checkpoints;
    assert_eq!((checkpoints[1].on, checkpoints[2].on), (Side::Source, Side::Target));
    assert_eq!(plan.rollbacks[0].undoes, ["schema", "backfill"]);
}

#[test]
fn v7_knows_all_sections_of_its_file() {
    let plan = draft("v7-database-phase").plan;
    let Action::File { section: Some(section), .. } = &step(&plan, "s1").action else { panic!("no section") };
    assert_eq!(section.begin, "Section 1");
    assert_eq!(section.all.len(), 13);
    assert!(section.all.contains(&"Section 9".to_owned()), "the rollback's sections count, too");
    assert_eq!(step(&plan, "s7").transaction, Transaction::None);
    assert_eq!(step(&plan, "s7").on_failure, OnFailure::Continue);
    // A phase's policy is its steps'.
    assert_eq!(step(&plan, "s1").on_failure, OnFailure::Stop);
    assert_eq!(step(&plan, "s1").owner.as_deref(), Some("DB Team Lead"));
}

#[test]
fn variables_of_a_rollback_alone_are_known() {
    let plan = draft("production-promotion").plan;
    let only: Vec<&str> = plan.vars.iter().filter(|v| v.only_rollback).map(|v| v.name.as_str()).collect();
    assert_eq!(only, ["component", "issue", "impact", "eta", "action", "rollback_notice"]);
}

/// The plan that ships, with its files: everything is there, and the digest follows it.
#[test]
fn the_shipped_kochel_plan_loads_with_its_files() {
    let path = Path::new("plans/kochel-phase-a.toml");
    let loaded = load(path, LoadOptions::default()).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    assert_eq!(loaded.plan.files.len(), 6);
    let first = digest(&loaded.plan, &loaded.source, &[]).expect("digest");
    assert_eq!(first.files.len(), 7);
    assert_eq!(first, digest(&loaded.plan, &loaded.source, &[]).expect("digest"));
    let fewer = digest(&loaded.plan, &format!("{}\n", loaded.source), &[]).expect("digest");
    assert_ne!(first.sha256, fewer.sha256);
    assert_eq!(first.changes(&fewer).len(), 1);
}

/// Compares with a file in `tests/plans/show/`; HOLDPOINT_UPDATE=1 writes it anew.
fn golden(name: &str, text: &str) {
    let path = PathBuf::from("tests/plans/show").join(name);
    if std::env::var_os("HOLDPOINT_UPDATE").is_some() {
        std::fs::create_dir_all("tests/plans/show").expect("folder");
        std::fs::write(&path, text).expect("write");
    }
    let expected = std::fs::read_to_string(&path).expect("golden text");
    assert!(text == expected, "{} differs:\n{text}", path.display());
}

#[test]
fn shown_as_before() {
    let kochel = draft("kochel-phase-a").plan;
    golden("kochel-tree-120.txt", &show::tree(&kochel, 120));
    golden("kochel-tree-80.txt", &show::tree(&kochel, 80));
    golden("kochel-rollback-80.txt", &show::rollback(&kochel, &Default::default(), 80));
    let json = serde_json::to_string_pretty(&show::json(&kochel)).expect("json");
    golden("kochel.json", &(json + "\n"));
    let lane3 = draft("cloud-migration-lane3").plan;
    golden("lane3-tree-120.txt", &show::tree(&lane3, 120));
    golden("lane3-rollback-80.txt", &show::rollback(&lane3, &Default::default(), 80));
    for name in ["kochel-tree-80.txt", "kochel-rollback-80.txt"] {
        let text = std::fs::read_to_string(format!("tests/plans/show/{name}")).expect("golden");
        for line in text.lines() {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= 80, "{name}: {line}");
        }
    }
}
