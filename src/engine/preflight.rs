//! Everything about a plan's scripts that would stop it in the middle, found before the window.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::notes::{is_psqls_matter, notes, saved, words_of};
use super::sources::{Source, Sources};
use super::values::written_in;
use crate::plan::model::{Action, Ask, Plan, PlanFile, Runner, Step, Transaction, Undo};
use crate::run::event::Place;
use crate::script::{
    Coding, Kind, ScanReport, Session, Shell, Switch, Then, Transaction as Control, Variables, scan_with,
};

/// Transactions of one step that are worth a word.
const MANY: usize = 100_000;

/// Something to say about a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub step: String,
    pub place: Place,
    pub what: String,
    pub hint: Option<String>,
    /// It would stop the run.
    pub error: bool,
    /// Other lines of the file of which the same is to be said.
    pub again: Vec<u64>,
}

/// What was found in all scripts of a plan.
#[derive(Debug, Clone, Default)]
pub struct Preflight {
    pub findings: Vec<Finding>,
    /// Files that scripts include, and the plan doesn't name.
    pub included: Vec<PlanFile>,
    pub statements: usize,
}

impl Preflight {
    /// Whether the plan can't be run.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.error)
    }
}

/// Reads every script of the plan from end to end.
#[must_use]
pub fn preflight(plan: &Plan, vars: &Variables) -> Preflight {
    let opened = Arc::new(Mutex::new(BTreeSet::new()));
    let sources = Sources::noting(&plan.sql_dir, Arc::clone(&opened));
    let mut preflight = Preflight::default();
    for step in plan.phases.iter().flat_map(|phase| &phase.steps) {
        look(&mut preflight, plan, &sources, vars, &step.id, step);
        if let Some(Undo::Own(undo)) = &step.rollback {
            look(&mut preflight, plan, &sources, vars, &format!("{} (rollback)", step.id), undo);
        }
    }
    let vars = with_those_of_rollbacks(plan, vars);
    for step in plan.rollbacks.iter().flat_map(|procedure| &procedure.steps) {
        look(&mut preflight, plan, &sources, &vars, &step.id, step);
    }
    outside_of_sections(&mut preflight, plan, &sources, &vars);
    let named: BTreeSet<&str> = plan.files.iter().map(|file| file.name.as_str()).collect();
    let opened: Vec<PathBuf> = opened.lock().map(|set| set.iter().cloned().collect()).unwrap_or_default();
    preflight.included = opened
        .into_iter()
        .map(|path| PlanFile { name: path.to_string_lossy().into_owned(), path: plan.sql_dir.join(&path) })
        .filter(|file| !named.contains(file.name.as_str()))
        .collect();
    preflight
}

/// Statements of a file that no step runs, since they stand before the first section.
fn outside_of_sections(preflight: &mut Preflight, plan: &Plan, sources: &Sources, vars: &Variables) {
    let mut seen = BTreeSet::new();
    let steps: Vec<&Step> = plan
        .phases
        .iter()
        .flat_map(|phase| &phase.steps)
        .chain(plan.rollbacks.iter().flat_map(|procedure| &procedure.steps))
        .flat_map(with_its_own)
        .collect();
    let whole: BTreeSet<&str> = steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::File { file, section: None } => Some(file.name.as_str()),
            _ => None,
        })
        .collect();
    for step in &steps {
        let Action::File { file, section: Some(part) } = &step.action else { continue };
        if whole.contains(file.name.as_str()) || !seen.insert(file.name.as_str()) {
            continue;
        }
        let Some((count, place)) = sources.before_sections(part, &file.name, vars.clone()) else { continue };
        let statements = if count == 1 { "a statement".to_owned() } else { format!("{count} statements") };
        preflight.findings.push(Finding {
            step: step.id.clone(),
            place: super::problems::place_of(&place),
            what: format!(
                "{statements}, and no step runs it: it stands before the first section that the plan uses"
            ),
            hint: Some("put it into a section, or into a file of its own".to_owned()),
            error: false,
            again: Vec::new(),
        });
    }
}

/// A step and its own rollback.
fn with_its_own(step: &Step) -> impl Iterator<Item = &Step> {
    let own = match &step.rollback {
        Some(Undo::Own(undo)) => Some(undo.as_ref()),
        _ => None,
    };
    std::iter::once(step).chain(own)
}

/// A variable that only a procedure uses is asked for when that starts; until then any value does.
fn with_those_of_rollbacks(plan: &Plan, vars: &Variables) -> Variables {
    let mut all = vars.clone();
    for var in plan.vars.iter().filter(|var| var.only_rollback && vars.get(&var.name).is_none()) {
        let _ = all.set(&var.name, var.default.clone().unwrap_or_default());
    }
    all
}

/// A checkpoint that would be refused when its turn comes.
fn only_read(preflight: &mut Preflight, plan: &Plan, id: &str, step: &Step) {
    let own = match &step.action {
        Action::Check { sql, line } => Some((sql, *line)),
        _ => None,
    };
    let others = step.checkpoints.iter().filter_map(|checkpoint| match &checkpoint.ask {
        Ask::Sql(sql) => Some((sql, checkpoint.line)),
        Ask::Inventory(_) | Ask::Compare(_) => None,
    });
    if let Action::Probe { .. } = step.action {
        return probe_checkpoints(preflight, plan, id, step);
    }
    let timed = match &step.action {
        Action::Snapshot(snapshot) => snapshot.queries.as_slice(),
        _ => &[],
    };
    let others = others.chain(timed.iter().map(|query| (query, step.line)));
    for (sql, line) in own.into_iter().chain(others).filter(|(sql, _)| !crate::script::reads_only(sql)) {
        preflight.findings.push(Finding {
            step: id.to_owned(),
            place: in_plan(plan, line),
            what: match &step.action {
                Action::Snapshot(_) => {
                    format!("a query that is timed may only read, and this one begins with {}", first_word(sql))
                }
                _ => format!("a checkpoint may only read, and this one begins with {}", first_word(sql)),
            },
            hint: Some("begin it with SELECT, VALUES, TABLE, WITH, SHOW or EXPLAIN; what changes something is a step with `sql`".into()),
            error: true,
            again: Vec::new(),
        });
    }
}

fn in_plan(plan: &Plan, line: usize) -> Place {
    Place {
        file: plan.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        line: line as u64,
        column: 1,
        includes: Vec::new(),
    }
}

/// A checkpoint of a probe may write, but not end its transaction, copy or change the session.
fn probe_checkpoints(preflight: &mut Preflight, plan: &Plan, id: &str, step: &Step) {
    for checkpoint in &step.checkpoints {
        let Ask::Sql(sql) = &checkpoint.ask else { continue };
        if super::probe::may_ask(sql) {
            continue;
        }
        preflight.findings.push(Finding {
            step: id.to_owned(),
            place: in_plan(plan, checkpoint.line),
            what: format!(
                "a probe's checkpoint is a query or changes rows, and this one begins with {}",
                first_word(sql)
            ),
            hint: Some(
                "put SET and other statements into `probe`; nothing in it may end the transaction".into(),
            ),
            error: true,
            again: Vec::new(),
        });
    }
}

fn first_word(sql: &str) -> String {
    sql.split_whitespace().next().unwrap_or("nothing").chars().take(30).collect()
}

fn look(preflight: &mut Preflight, plan: &Plan, sources: &Sources, vars: &Variables, id: &str, step: &Step) {
    only_read(preflight, plan, id, step);
    let scripts: Vec<Source> = match &step.action {
        Action::File { file, section } => vec![sources.part(&file.name, section.as_ref())],
        Action::Files { files, .. } => files.iter().map(|file| sources.file(&file.name)).collect(),
        Action::Sql { text, line } | Action::Probe { sql: text, line } => vec![Source::Inline {
            name: plan.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            text: text.clone(),
            line: *line,
            digest: String::new(),
        }],
        _ => return,
    };
    let given = saved(plan);
    if let Some(encoding) = step.encoding.as_ref().filter(|name| Coding::named(name).is_none()) {
        preflight.findings.push(Finding {
            step: id.to_owned(),
            place: in_plan(plan, step.line),
            what: format!("the encoding {encoding:?} isn't known"),
            hint: Some("name it as PostgreSQL does: LATIN1, WIN1252, SJIS, …".to_owned()),
            error: true,
            again: Vec::new(),
        });
    }
    for source in scripts {
        let mut vars = vars.clone();
        vars.allow_raw(step.unsafe_vars.iter().map(String::as_str));
        vars.allow_shell(step.allow_shell.iter().filter_map(|way| Shell::named(way)));
        let scanned = sources.open(&source, vars).map(|script| written_in(script, step)).and_then(scan_with);
        match scanned {
            Ok(report) => {
                judge(preflight, id, step, &report);
                let notes = notes(step, &report, &given).into_iter().map(|note| Finding {
                    step: id.to_owned(),
                    place: note.place,
                    what: note.what,
                    hint: note.hint,
                    error: false,
                    again: note.again,
                });
                preflight.findings.extend(notes);
            }
            Err(error) => preflight.findings.push(Finding {
                step: id.to_owned(),
                place: super::problems::place_of(&error.place),
                what: error.to_string(),
                hint: None,
                error: true,
                again: Vec::new(),
            }),
        }
    }
}

fn judge(preflight: &mut Preflight, id: &str, step: &Step, report: &ScanReport) {
    preflight.statements += report.count;
    let mut find = |place: &crate::script::Place, what: String, hint: Option<&str>, error: bool| {
        preflight.findings.push(Finding {
            step: id.to_owned(),
            place: super::problems::place_of(place),
            what,
            hint: hint.map(str::to_owned),
            error,
            again: Vec::new(),
        });
    };
    for problem in &report.problems {
        // What psql can do is noted.
        if !(step.runner == Runner::Psql && is_psqls_matter(problem.problem)) {
            find(&problem.place, problem.to_string(), None, true);
        }
    }
    if step.runner == Runner::Psql {
        by_psql(&mut find, step, report);
        return;
    }
    for (switch, on, place) in &report.switches {
        if let Some((what, hint, error)) = switched(step.transaction, *switch, *on) {
            find(place, what.to_owned(), Some(hint), error);
        }
    }
    for reconnect in &report.connects {
        if step.transaction == Transaction::Single && reconnect.in_the_middle {
            let what = "\\c would drop the transaction with everything that the step did so far";
            let hint = "take it out, or split the file there: each file has a session of its own";
            find(&reconnect.place, what.to_owned(), Some(hint), true);
        }
        for (what, name) in &reconnect.connect.unchecked {
            let what = format!("\\c names the {what} {name:?}: on any other the run is refused");
            find(&reconnect.place, what, None, false);
        }
    }
    if step.transaction == Transaction::None
        && report.count > MANY
        && let Some(first) = &report.first
    {
        let what = format!(
            "{} statements, each a transaction with its lines in the journal: that takes a while, and more than 1 KB on \
             the disk for each",
            report.count
        );
        let hint = "transaction = \"single\" runs them in one, as fast as psql does";
        find(first, what, Some(hint), false);
    }
    let mut commits = false;
    // Where the script's transaction began that is open at this place.
    let mut open: Option<&crate::script::Place> = None;
    for statement in &report.statements {
        if statement.then == Then::Execute {
            let what = "\\gexec runs what its query gives: nobody can check that before";
            find(&statement.place, what.to_owned(), None, false);
        }
        if step.transaction == Transaction::Script && statement.begins {
            open.get_or_insert(&statement.place);
        }
        // Of two branches only one is run; which, only the run knows.
        if step.transaction == Transaction::Script
            && !statement.uncertain
            && let Some((what, hint)) = out_of_turn(&statement.kind, open.is_some())
        {
            find(&statement.place, what.into_owned(), Some(hint), true);
        }
        match &statement.kind {
            Kind::Transaction(Control::Begin) => open = Some(&statement.place),
            Kind::Transaction(Control::Commit { .. } | Control::Rollback { .. }) => open = None,
            _ => {}
        }
        for kind in statement.kind.each() {
            if let Some((what, hint)) = refused(step, kind) {
                find(&statement.place, what.into_owned(), Some(hint), true);
            }
            commits |= matches!(kind, Kind::Transaction(Control::Commit { .. }));
        }
        let controls =
            |kind: &Kind| matches!(kind, Kind::Transaction(Control::Begin | Control::Commit { .. }));
        if step.transaction == Transaction::Script
            && let Kind::Several(kinds) = &statement.kind
            && kinds.iter().any(controls)
        {
            let what = "a transaction begins or ends in the middle of what is sent as one: there is no place for the ledger's row";
            find(&statement.place, what.to_owned(), Some("write ; instead of \\; around it"), true);
        }
    }
    if step.transaction == Transaction::Script
        && let Some(begun) = open
    {
        let what = "the script ends inside the transaction that begins here: its COMMIT is missing";
        find(begun, what.to_owned(), None, true);
    }
    if step.transaction == Transaction::Script
        && !commits
        && let Some(first) = &report.first
    {
        let what = "transaction = \"script\" is for files with their own BEGIN … COMMIT, and there is no COMMIT here";
        let hint = "leave the key out, or say transaction = \"single\" where a rollback has it from its step";
        find(first, what.to_owned(), Some(hint), true);
    }
}

/// What a switch of psql's means in a script of this kind, and whether it can't be had.
fn switched(mode: Transaction, switch: Switch, on: bool) -> Option<(&'static str, &'static str, bool)> {
    match (switch, on, mode) {
        (Switch::Autocommit, false, Transaction::None) => Some((
            "AUTOCOMMIT off begins transactions, and with transaction = \"none\" nothing of the script commits them",
            "remove the line, or end each transaction with COMMIT and give the step transaction = \"script\"",
            true,
        )),
        (Switch::Autocommit, false, Transaction::Script) => Some((
            "AUTOCOMMIT off: from here on a transaction begins by itself and ends with the script's COMMIT",
            "write BEGIN where a transaction begins, and it can be seen",
            false,
        )),
        (Switch::StopOnError, false, Transaction::Single) => Some((
            "ON_ERROR_STOP off: a failed statement undoes the step, unless the script goes back to a savepoint; each is recorded as a deviation",
            "`\\set ON_ERROR_ROLLBACK on` passes over single statements",
            false,
        )),
        (Switch::StopOnError, false, _) => Some((
            "ON_ERROR_STOP off: from here on errors are passed over, and each is recorded as a deviation",
            "remove the line to stop at the first error",
            false,
        )),
        _ => None,
    }
}

/// Of a file that psql runs in one transaction.
pub(super) const CONNECTS_BY_PSQL: &str = "\\c would drop the transaction of this step, and what follows would be committed statement by statement, unrecorded";
pub(super) const CONNECTS_HINT: &str =
    "take it out, split the file there, or give the step transaction = \"none\"";

/// A script that the real psql runs: what would break its one transaction is refused all the same.
fn by_psql(
    find: &mut impl FnMut(&crate::script::Place, String, Option<&str>, bool),
    step: &Step,
    report: &ScanReport,
) {
    for reconnect in report.connects.iter().filter(|_| step.transaction == Transaction::Single) {
        find(&reconnect.place, CONNECTS_BY_PSQL.to_owned(), Some(CONNECTS_HINT), true);
    }
    for statement in &report.statements {
        for kind in statement.kind.each() {
            let prepares = matches!(
                kind,
                Kind::Transaction(Control::Prepare | Control::CommitPrepared | Control::RollbackPrepared)
            );
            if (step.transaction == Transaction::Single || prepares)
                && let Some((what, hint)) = refused(step, kind)
            {
                find(&statement.place, what.into_owned(), Some(hint), true);
            }
        }
    }
}

/// What can't stand at this place of a script that controls its transactions.
fn out_of_turn(kind: &Kind, open: bool) -> Option<(Cow<'static, str>, &'static str)> {
    let alone = "BEGIN and COMMIT stand alone, each with a semicolon of its own";
    match kind {
        Kind::Several(kinds) if kinds.iter().any(Kind::is_transaction_control) => Some((
            "the ledger's row can't go in before a COMMIT that is sent along with other statements".into(),
            alone,
        )),
        Kind::Transaction(Control::Begin) if open => Some((
            "a transaction is begun inside another one".into(),
            "write the COMMIT of the first one before it",
        )),
        Kind::Transaction(Control::Begin) => None,
        Kind::Transaction(_) if !open => {
            Some(("no transaction is open here".into(), "write a BEGIN before it"))
        }
        kind if open && kind.forbidden_in_transaction() => {
            Some((stays_out(kind), "move it behind the COMMIT"))
        }
        _ => None,
    }
}

/// Which statement it is that can't be in a transaction.
fn stays_out(kind: &Kind) -> Cow<'static, str> {
    let bare = kind.each().iter().find_map(|kind| match kind {
        Kind::Bare(bare) => Some(words_of(bare)),
        Kind::Session(Session::Discard { .. }) => Some("DISCARD ALL"),
        _ => None,
    });
    format!("{} can't run inside a transaction", bare.unwrap_or("this")).into()
}

/// What can't be in a script of this kind.
fn refused(step: &Step, kind: &Kind) -> Option<(Cow<'static, str>, &'static str)> {
    use Control::{Begin, Commit, CommitPrepared, Prepare, Rollback, RollbackPrepared};
    match (step.transaction, kind) {
        (_, Kind::Transaction(Prepare | CommitPrepared | RollbackPrepared)) => Some((
            "a prepared transaction outlives the run and can't be recorded with it".into(),
            "take it out of the script",
        )),
        (_, Kind::Transaction(Begin | Commit { .. } | Rollback { .. }))
            if matches!(step.action, Action::Probe { .. }) =>
        {
            Some((
                "a probe is one transaction that is always rolled back, and this would end it".into(),
                "take it out; what is to stay belongs into a step with `sql` or `file`",
            ))
        }
        (Transaction::Single, Kind::Transaction(Begin | Commit { .. } | Rollback { .. })) => Some((
            "the script controls the transaction, and the step runs in one of its own".into(),
            "take it out, or give the step transaction = \"script\"",
        )),
        (Transaction::Single, kind) if kind.forbidden_in_transaction() => Some((
            stays_out(kind),
            "give the step transaction = \"none\", or put it into a step of its own",
        )),
        (Transaction::None, kind) if kind.is_transaction_control() => Some((
            "the script controls transactions, and with transaction = \"none\" each statement is committed by itself".into(),
            "take it out, or give the step transaction = \"script\"",
        )),
        (Transaction::Script, Kind::Transaction(Rollback { .. })) => Some((
            "a ROLLBACK in the script would leave a step that is applied in part on purpose".into(),
            "take the part that is rolled back out of the script",
        )),
        (Transaction::Script, Kind::Transaction(Commit { chain: true })) => Some((
            "COMMIT AND CHAIN begins a transaction that can't be marked as this step's".into(),
            "write COMMIT; BEGIN;",
        )),
        _ => None,
    }
}

/// A path as the SQL folder has it.
pub(super) type Noted = Arc<Mutex<BTreeSet<PathBuf>>>;

/// Notes that a file was opened.
pub(super) fn note(noted: Option<&Noted>, path: &Path) {
    if let Some(mut set) = noted.and_then(|noted| noted.lock().ok()) {
        set.insert(path.to_path_buf());
    }
}
