//! The plan as JSON: `show --json`. Stable: fields are only ever added.

use crate::plan::duration;
use crate::plan::model::{
    Action, Ask, BackupProof, Checkpoint, Environment, Item, NotBuilt, OnFailure, Phase, Plan, Proof, Runner,
    Side, Step, Stepping, Transaction, Undo, Verify,
};

use super::words::{action_word, checkpoint_expected, step_expected};

/// The whole plan.
#[derive(Debug, Clone, serde::Serialize)]
pub struct PlanJson {
    /// Version of this shape.
    pub format: u32,
    pub id: String,
    pub title: String,
    pub environment: Environment,
    pub stepping: Stepping,
    pub authorization: Option<String>,
    /// Start and end, without offset, and the zone.
    pub window: Option<(String, String, Option<String>)>,
    pub reference: Option<String>,
    pub about: Option<String>,
    pub guards: Vec<String>,
    /// Names below `sql_dir`.
    pub files: Vec<String>,
    pub vars: Vec<String>,
    pub phases: Vec<PhaseJson>,
    pub rollbacks: Vec<RollbackJson>,
    pub not_built: Vec<NotBuiltJson>,
}

#[derive(Debug, Clone, serde::Serialize)]
pub struct PhaseJson {
    pub id: String,
    pub title: String,
    pub about: Option<String>,
    pub starts: Option<String>,
    pub takes: Option<String>,
    pub owner: Option<String>,
    pub needs: Vec<String>,
    pub watches: Vec<CheckpointJson>,
    pub steps: Vec<StepJson>,
}

#[derive(Debug, Clone, serde::Serialize)]
pub struct StepJson {
    pub id: String,
    pub title: String,
    pub about: Option<String>,
    pub line: usize,
    pub action: ActionJson,
    pub changes: bool,
    pub optional: bool,
    pub on: Side,
    /// The role of `as`.
    pub role: Option<String>,
    pub on_failure: OnFailure,
    #[serde(rename = "else")]
    pub otherwise: Option<String>,
    pub needs: Vec<String>,
    pub owner: Option<String>,
    pub starts: Option<String>,
    pub takes: Option<String>,
    pub transaction: Transaction,
    /// Who runs its script, when it isn't holdpoint.
    #[serde(skip_serializing_if = "is_holdpoint")]
    pub runner: Runner,
    pub lock_timeout: String,
    pub lock_retries: u32,
    pub unsafe_vars: Vec<String>,
    /// Shell commands that its script may run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_shell: Vec<String>,
    /// What its files are written in, when that isn't UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// Its shell commands run in demo and rehearse, too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub demo: bool,
    pub verify: Option<Verify>,
    /// In words.
    pub expected: Option<String>,
    pub save: Option<String>,
    /// In words.
    pub adds: Option<String>,
    pub checkpoints: Vec<CheckpointJson>,
    pub irreversible: Option<String>,
    /// Its own rollback.
    pub rollback: Option<Box<StepJson>>,
    /// The step that undoes it.
    pub undone_by: Option<String>,
}

/// What a step does; `kind` is the word of the format, or `group`.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct ActionJson {
    pub kind: &'static str,
    /// Below `sql_dir`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub section: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql: Option<String>,
    /// Of a report: where it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Expected figures and names, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inventory: Option<String>,
    /// Of a snapshot or a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<&'static str>,
    /// The snapshot that is compared with, or the backup that is restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
    /// Of a restore: into a new database.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub beside: bool,
    /// Of a backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proof: Option<BackupProof>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub queries: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undoes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soak: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemJson>,
}

#[derive(Debug, Clone, serde::Serialize)]
pub struct ItemJson {
    pub item: String,
    /// Ids, or `target`, `files`, `vars`.
    pub proof: Vec<String>,
    pub owner: Option<String>,
    pub write: bool,
}

#[derive(Debug, Clone, serde::Serialize)]
pub struct CheckpointJson {
    pub id: String,
    pub title: String,
    pub line: usize,
    pub sql: Option<String>,
    /// In words.
    pub expected: String,
    pub on: Side,
    pub role: Option<String>,
    pub save: Option<String>,
    pub on_failure: Option<OnFailure>,
    #[serde(rename = "else")]
    pub otherwise: Option<String>,
}

#[derive(Debug, Clone, serde::Serialize)]
pub struct RollbackJson {
    pub id: String,
    pub title: String,
    pub when: Option<String>,
    pub undoes: Vec<String>,
    pub within: Option<String>,
    pub steps: Vec<StepJson>,
}

#[derive(Debug, Clone, serde::Serialize)]
pub struct NotBuiltJson {
    pub place: String,
    pub key: String,
    pub line: usize,
}

fn is_holdpoint(runner: &Runner) -> bool {
    *runner == Runner::Holdpoint
}

/// The plan in that shape. Values of variables aren't in it.
pub fn json(plan: &Plan) -> PlanJson {
    PlanJson {
        format: 1,
        id: plan.id.clone(),
        title: plan.title.clone(),
        environment: plan.environment,
        stepping: plan.stepping,
        authorization: plan.authorization.clone(),
        window: plan.window.as_ref().map(|w| {
            (w.from.to_string(), w.to.to_string(), w.timezone.clone().or_else(|| plan.timezone.clone()))
        }),
        reference: plan.reference.clone(),
        about: plan.about.clone(),
        guards: plan.guards.clone(),
        files: plan.files.iter().map(|file| file.name.clone()).collect(),
        vars: plan.vars.iter().map(|var| var.name.clone()).collect(),
        phases: plan.phases.iter().map(phase).collect(),
        rollbacks: plan
            .rollbacks
            .iter()
            .map(|procedure| RollbackJson {
                id: procedure.id.clone(),
                title: procedure.title.clone(),
                when: procedure.when.clone(),
                undoes: procedure.undoes.clone(),
                within: procedure.within.map(duration::words),
                steps: procedure.steps.iter().map(step).collect(),
            })
            .collect(),
        not_built: plan
            .not_built
            .iter()
            .map(|NotBuilt { place, key, line }| NotBuiltJson {
                place: place.clone(),
                key: key.clone(),
                line: *line,
            })
            .collect(),
    }
}

fn phase(phase: &Phase) -> PhaseJson {
    PhaseJson {
        id: phase.id.clone(),
        title: phase.title.clone(),
        about: phase.about.clone(),
        starts: phase.starts.clone(),
        takes: phase.takes.as_ref().map(duration::takes_words),
        owner: phase.owner.clone(),
        needs: phase.needs.clone(),
        watches: phase.watches.iter().map(|watch| checkpoint(&watch.checkpoint)).collect(),
        steps: phase.steps.iter().map(step).collect(),
    }
}

fn step(of: &Step) -> StepJson {
    let (rollback, undone_by) = match &of.rollback {
        Some(Undo::Own(own)) => (Some(Box::new(step(own))), None),
        Some(Undo::By(by)) => (None, Some(by.clone())),
        None => (None, None),
    };
    StepJson {
        id: of.id.clone(),
        title: of.title.clone(),
        about: of.about.clone(),
        line: of.line,
        action: action(&of.action),
        changes: of.changes,
        optional: of.optional,
        on: of.on,
        role: of.role.clone(),
        on_failure: of.on_failure.clone(),
        otherwise: of.otherwise.clone(),
        needs: of.needs.clone(),
        owner: of.owner.clone(),
        starts: of.starts.clone(),
        takes: of.takes.as_ref().map(duration::takes_words),
        transaction: of.transaction,
        runner: of.runner,
        lock_timeout: duration::words(of.lock_timeout),
        lock_retries: of.lock_retries,
        unsafe_vars: of.unsafe_vars.clone(),
        allow_shell: of.allow_shell.clone(),
        encoding: of.encoding.clone(),
        demo: of.demo,
        verify: of.verify,
        expected: Some(step_expected(of)).filter(|words| !words.is_empty()),
        save: of.save.clone(),
        adds: of.adds.as_ref().map(super::kinds),
        checkpoints: of.checkpoints.iter().map(checkpoint).collect(),
        irreversible: of.irreversible.clone(),
        rollback,
        undone_by,
    }
}

fn action(action: &Action) -> ActionJson {
    let mut out = ActionJson { kind: action_word(action), ..ActionJson::default() };
    match action {
        Action::Group | Action::Requires(_) | Action::Later(_) => {}
        Action::Report(path) => out.path = Some(path.clone()),
        Action::Snapshot(snapshot) => {
            out.of = Some(snapshot.of.word());
            out.queries = snapshot.queries.clone();
            out.tables = snapshot.tables.clone();
        }
        Action::Backup(backup) => {
            out.files.push(backup.path.clone());
            out.proof = Some(backup.proof);
        }
        Action::Restore(restore) => {
            out.with = Some(restore.backup.clone());
            out.beside = restore.beside;
        }
        Action::Undo(ids) => out.undoes = ids.clone(),
        Action::Compare(compare) => {
            out.of = Some(compare.of.word());
            out.with = Some(compare.with.clone().unwrap_or_else(|| "source".to_owned()));
            out.tables = compare.tables.clone();
        }
        Action::File { file, section } => {
            out.files.push(file.name.clone());
            out.section = section.as_ref().map(|section| section.begin.clone());
        }
        Action::Files { files, .. } => out.files = files.iter().map(|file| file.name.clone()).collect(),
        Action::Sql { text, .. } => out.sql = Some(text.clone()),
        Action::Check { sql, .. } | Action::Probe { sql, .. } => out.sql = Some(sql.clone()),
        Action::Inventory(kinds) => out.inventory = Some(super::kinds(kinds)),
        Action::Command(program) => out.command = Some(program.call.words()),
        Action::Notify(notice) => {
            out.roles = notice.to.clone();
            out.message = Some(notice.text.clone());
        }
        Action::Soak(text) => out.soak = Some(text.clone()),
        Action::Confirm(list) => out.items = items(list),
        Action::Signoff(signoff) => {
            out.roles = signoff.roles.clone();
            out.statement = Some(signoff.statement.clone());
            out.items = items(&signoff.items);
        }
    }
    out
}

fn items(items: &[Item]) -> Vec<ItemJson> {
    let proof = |proof: &Proof| match proof {
        Proof::Target => "target".to_owned(),
        Proof::Files => "files".to_owned(),
        Proof::Vars => "vars".to_owned(),
        Proof::Step(id) | Proof::Checkpoint(id) | Proof::Phase(id) | Proof::Watch(id) => id.clone(),
    };
    let item = |item: &Item| ItemJson {
        item: item.item.clone(),
        proof: item.proof.iter().map(proof).collect(),
        owner: item.owner.clone(),
        write: item.write,
    };
    items.iter().map(item).collect()
}

fn checkpoint(checkpoint: &Checkpoint) -> CheckpointJson {
    CheckpointJson {
        id: checkpoint.id.clone(),
        title: checkpoint.title.clone(),
        line: checkpoint.line,
        sql: match &checkpoint.ask {
            Ask::Sql(sql) => Some(sql.clone()),
            Ask::Inventory(_) | Ask::Compare(_) => None,
        },
        expected: checkpoint_expected(checkpoint),
        on: checkpoint.on,
        role: checkpoint.role.clone(),
        save: checkpoint.save.clone(),
        on_failure: checkpoint.on_failure.clone(),
        otherwise: checkpoint.otherwise.clone(),
    }
}
