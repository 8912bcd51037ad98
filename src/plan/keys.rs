//! The table behind [`super::schema`]: PLAN-FORMAT's keys, a line each.

use super::schema::Place::*;
use super::schema::{Key, Place, Role};

const fn key(
    name: &'static str,
    places: &'static [Place],
    takes: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key { name, places, role: Role::Own, takes, meaning, default, built: true }
}

const fn action(
    name: &'static str,
    places: &'static [Place],
    takes: &'static str,
    built: bool,
    meaning: &'static str,
) -> Key {
    Key { name, places, role: Role::Action, takes, meaning, default: "", built }
}

const fn of(
    name: &'static str,
    actions: &'static [&'static str],
    takes: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Key {
    Key { name, places: STEPS, role: Role::Of(actions), takes, meaning, default, built: true }
}

const fn later(mut key: Key) -> Key {
    key.built = false;
    key
}

const STEPS: &[Place] = &[Step, Rollback];
const SERVERS: &[Place] = &[Target, Source];
/// Actions that run SQL which may change something.
const SCRIPTS: &[&str] = &["file", "files", "sql"];
const CHANGING: &[&str] = &["file", "files", "sql", "command", "restore"];

pub(super) const KEYS: &[Key] = &[
    key("plan", &[Root], "table", "required", "the plan's head"),
    key("vars", &[Root], "table", "none", "variables: name = text, or { default, demo, env, ask, secret }"),
    key("target", &[Root], "table", "as libpq", "the database that is changed"),
    later(key("source", &[Root], "table", "none", "the database that data is copied from")),
    key("defaults", &[Root], "table", "none", "keys for every step"),
    key("phase", &[Root], "list of tables", "required", "the phases in order"),
    key("rollback", &[Root], "list of tables", "none", "named procedures"),
    // [plan]
    key("id", &[Plan], "id", "required", "name for machines"),
    key("title", &[Plan], "text", "required", "name for people"),
    key("environment", &[Plan], "dev, staging, production", "required", "strictness and colour"),
    key("sql_dir", &[Plan], "path", "the plan's folder", "where the SQL files are"),
    key("artifacts", &[Plan], "path", "the run's folder", "where the run writes"),
    key("authorization", &[Plan], "id of a signoff step", "none", "nothing changes before it"),
    key("stepping", &[Plan], "manual, auto", "manual", "manual: each change waits for a key"),
    key("window", &[Plan], "`2024-02-06 09:00..12:00 Europe/Berlin`", "none", "the maintenance window"),
    key("env_file", &[Plan], "path", "none", "where variables come from"),
    key("reference", &[Plan], "text", "none", "shown, in the evidence"),
    key("about", &[Plan, Phase, Step], "text", "none", "prose"),
    key("meta", &[Plan], "table of texts", "none", "shown, in the evidence"),
    key("rollback_advice", &[Plan], "table", "none", "shown with the rollback"),
    key("fixture", &[Plan], "file, or { target, source }", "none", "makes the databases before the window"),
    key(
        "notify",
        &[Plan],
        "list (argv) or text (shell)",
        "HOLDPOINT_NOTIFY",
        "the program that gets the messages of notify steps",
    ),
    key("timezone", &[Plan], "IANA name", "the runner's, recorded", "for times in the plan"),
    key("guards", &[Plan], "list of tables", "none", "their rows are part of the before-image"),
    key("do", &[Advice], "list of texts", "none", "when to roll back"),
    key("do_not", &[Advice], "list of texts", "none", "when not to"),
    key("within", &[Advice], "duration", "none", "how long it may take; rehearse measures"),
    key("target", &[Fixture], "file", "none", "makes the target"),
    key("source", &[Fixture], "file", "none", "makes the source"),
    // vars
    key("default", &[Var], "text", "none", "its value unless another is given"),
    key("demo", &[Var], "text", "none", "its value in demo and rehearse"),
    key("env", &[Var], "text", "none", "the environment variable it comes from"),
    key("ask", &[Var], "text", "none", "the question it is asked with"),
    key("secret", &[Var], "bool", "false", "masked everywhere"),
    // [target], [source]
    key("url", SERVERS, "text", "as libpq", "connection"),
    later(key("pooler", SERVERS, "text", "none", "connection through a pooler")),
    key("monitor_role", &[Target], "role", "as the run", "as whom the cockpit's console and Activity log in"),
    key("database", SERVERS, "cell or list of cells", "none", "guard"),
    key("host", SERVERS, "cell or list of cells", "none", "guard"),
    key("port", SERVERS, "cell or list of cells", "none", "guard"),
    key("user", SERVERS, "cell or list of cells", "none", "guard"),
    key("server", SERVERS, "cell or list of cells", "none", "guard on the server's version"),
    key("checkpoint", &[Target, Source, Step, Rollback], "list of checkpoints", "none", "what must hold"),
    // phases
    key("id", &[Phase, Step, Watch, Checkpoint], "id", "a slug of the title", "name for references"),
    key("title", &[Phase, Step, Watch, Checkpoint, Procedure], "text", "required", "name for people"),
    key("starts", &[Phase, Step], "`09:00`, `day 2`", "none", "timeline"),
    key("takes", &[Phase, Step], "duration or range", "none", "planned; outside is a deviation"),
    key("within", &[Phase], "duration", "none", "summed time of its statements; over it fails"),
    key("team", &[Phase], "role = duty", "none", "who does what"),
    key("watch", &[Phase], "list of watches", "none", "sampled while the phase runs"),
    key("owner", &[Phase, Step, Defaults], "text", "the driver", "who"),
    key("needs", &[Phase, Step], "ids", "none", "what must have passed"),
    key("step", &[Phase, Procedure], "list of steps", "required", "its steps in order"),
    key("every", &[Watch], "duration", "required", "how often it is sampled"),
    key("for", &[Watch], "duration", "0s", "breached when it lasts so long"),
    // what phases, steps, checkpoints and [defaults] share
    key(
        "else",
        &[Defaults, Phase, Step, Rollback, Checkpoint, Watch],
        "text",
        "none",
        "what to do when it fails",
    ),
    key(
        "on_failure",
        &[Defaults, Phase, Step, Rollback, Checkpoint, Watch],
        "hold, stop, continue, rollback, or a rollback's id",
        "hold",
        "policy",
    ),
    key(
        "on",
        &[Defaults, Phase, Step, Rollback, Checkpoint, Watch],
        "target, source, pooler, both",
        "target",
        "where; all but target isn't built yet",
    ),
    key("as", &[Defaults, Step, Rollback, Checkpoint, Watch], "role", "none", "SET ROLE"),
    key("expect", &[Step, Rollback, Checkpoint, Watch], "cell or table", "success", "what must come"),
    key("save", &[Step, Checkpoint, Watch], "name", "none", "keeps the value or the row"),
    key(
        "into",
        &[Step, Checkpoint, Watch],
        "path",
        "none; of a snapshot the step's id",
        "the result as a file below `artifacts`",
    ),
    // steps
    key("optional", &[Defaults, Step], "bool", "false", "skipping it is no deviation"),
    key("rollback", &[Step], "one action with checkpoints, or { by }", "not undoable", "undoes the step"),
    key("by", &[Rollback], "step id", "none", "undone when that step is undone"),
    key("lock_timeout", &[Defaults, Step, Rollback], "duration", "5s", "how long a lock is waited for"),
    key("lock_retries", &[Defaults, Step, Rollback], "whole number", "5", "how often it is tried again"),
    key(
        "unsafe_vars",
        &[Defaults],
        "list of names",
        "none",
        "variables from the database that :name may paste",
    ),
    key(
        "encoding",
        &[Defaults, Phase],
        "encoding of PostgreSQL's",
        "UTF8",
        "what the files of scripts are written in",
    ),
    key(
        "allow_shell",
        &[Defaults],
        "list of `\\!`, `backticks`, `\\g |`, `\\o |`, `\\copy program`",
        "none",
        "shell commands that scripts may run",
    ),
    key("transaction", &[Defaults, Phase], "single, none, script", "single", "how SQL runs"),
    key(
        "verify",
        &[Defaults],
        "before_commit, after_commit, both",
        "before_commit where they can",
        "when checkpoints run",
    ),
    key("idempotent", &[Defaults], "bool", "false", "rehearse runs it twice and compares"),
    of("unsafe_vars", SCRIPTS, "list of names", "none", "variables from the database that :name may paste"),
    of(
        "allow_shell",
        SCRIPTS,
        "list of `\\!`, `backticks`, `\\g |`, `\\o |`, `\\copy program`",
        "none",
        "shell commands that the script may run",
    ),
    of(
        "encoding",
        &["file", "files"],
        "encoding of PostgreSQL's",
        "UTF8",
        "what its files are written in, as PGCLIENTENCODING tells psql",
    ),
    of("transaction", SCRIPTS, "single, none, script", "single", "how SQL runs"),
    of(
        "runner",
        &["file", "files"],
        "holdpoint, psql",
        "holdpoint",
        "who runs it; with psql the ledger knows less",
    ),
    of(
        "verify",
        &["file", "files", "sql", "backup"],
        "before_commit, after_commit, both; in a backup list or restore",
        "before_commit where they can; list",
        "when checkpoints run; how a backup is proven",
    ),
    Key {
        places: &[Step],
        ..of(
            "idempotent",
            &["file", "files", "sql", "command"],
            "bool",
            "false",
            "rehearse runs it twice and compares",
        )
    },
    Key {
        places: &[Step],
        ..of("irreversible", CHANGING, "text", "none", "the point of no return, and why")
    },
    Key { places: &[Step], ..of("adds", CHANGING, "kinds", "none", "what this step adds") },
    Key { places: &[Step], ..of("changes", CHANGING, "bool", "true", "false: nothing to undo") },
    // actions
    action("file", STEPS, "path", true, "an SQL script"),
    action(
        "files",
        STEPS,
        "glob",
        true,
        "SQL scripts, sorted; in a rollback {file} is each applied file's name",
    ),
    action("sql", STEPS, "text", true, "statements"),
    action("check", STEPS, "SQL", true, "one read-only checkpoint"),
    action("inventory", STEPS, "kinds", true, "counts or names of objects"),
    action("confirm", STEPS, "text, or list of items", true, "a checklist"),
    action("signoff", &[Step], "role or roles", true, "signature"),
    action(
        "snapshot",
        &[Step],
        "schema, enums, dependencies, rows, content, timings",
        true,
        "what there is now, as an artifact and to be compared with",
    ),
    action(
        "compare",
        &[Step],
        "schema, rows, content, timings",
        true,
        "two sides must agree; with a source, estimates and sequences it isn't built yet",
    ),
    action("probe", &[Step], "SQL", true, "in a transaction that is always rolled back"),
    action("command", STEPS, "list (argv) or text (shell)", true, "a program"),
    action("backup", &[Step], "path", true, "pg_dump of the whole database, custom format"),
    action(
        "restore",
        STEPS,
        "step id of a backup",
        true,
        "the database as it was in that backup; the ledger survives it",
    ),
    action("notify", STEPS, "text", true, "a message to people"),
    action("requires", STEPS, "table", true, "evidence of a rehearsal, or of another run"),
    action("soak", &[Step], "duration", true, "waits while the phase's watches are sampled"),
    action(
        "report",
        STEPS,
        "path",
        true,
        "the evidence so far, as .md, .html or .json; written again at the run's end",
    ),
    action(
        "undo",
        &[Step],
        "ids",
        true,
        "of a [[rollback]]: the own rollbacks of steps and phases; a variable may stand in one",
    ),
    // keys of actions
    of("section", &["file"], "text", "whole", "part of the script, from the comment that begins so"),
    of("queries", &["snapshot"], "list of SQL", "none", "for timings"),
    of("with", &["compare"], "snapshot's id", "source", "the other side"),
    of("tables", &["snapshot", "compare"], "list of tables", "all", "scope"),
    of("tolerance", &["compare"], "table = { rows, reason }", "none", "what may differ"),
    of("stdin", &["command"], "text", "none", "what it reads"),
    of("cwd", &["command"], "path", "the plan's folder", "where it runs"),
    of("env", &["command"], "table of texts", "none", "more of its environment"),
    of(
        "demo",
        &["file", "files", "sql", "command"],
        "bool",
        "false",
        "runs in demo and rehearse, too; of a script: its shell commands",
    ),
    of("timeout", &["command"], "duration", "none", "how long it may run"),
    of("items", &["signoff"], "list of items", "none", "what is signed"),
    of("statement", &["signoff"], "text, or role = text", "title", "the words that are signed"),
    of("order", &["signoff"], "listed, any", "listed", "in which order they sign"),
    of("decision", &["signoff"], "two words", "signed, declined", "the words for yes and no"),
    of("to", &["notify"], "roles", "none", "who is told"),
    of("remind", &["notify"], "duration", "none", "told again so often while its phase or procedure runs"),
    // checkpoints
    key("sql", &[Checkpoint, Watch], "one statement", "", "what is asked"),
    key("inventory", &[Checkpoint, Watch], "kinds", "", "what is asked"),
    key("again", &[Checkpoint, Watch], "id of a checkpoint or check step", "", "asks that again"),
    // expect
    key("value", &[Expect], "cell", "none", "one row, one column"),
    key("rows", &[Expect], "cell", "none", "how many rows"),
    key("table", &[Expect], "rows of cells", "none", "rows in this order"),
    key("set", &[Expect], "rows of cells", "none", "rows in any order"),
    key("includes", &[Expect], "rows of cells", "none", "rows among others"),
    key("column", &[Expect], "names", "all", "look only at these"),
    key("each", &[Expect], "column = cell", "none", "every row, at least one"),
    key("contains", &[Expect], "text or texts", "none", "fragments, rows joined"),
    key("error", &[Expect], "SQLSTATE, texts", "none", "it must fail so"),
    key("within", &[Expect], "duration", "none", "slower fails"),
    key("warnings", &[Expect], "cell", "any", "of a script"),
    key("exit", &[Expect], "cell", "0", "of a command"),
    // kinds
    key("tables", &[Kinds], "cell or names", "none", "base tables"),
    key("views", &[Kinds], "cell or names", "none", "views"),
    key("columns", &[Kinds], "cell or names", "none", "columns, as table.column"),
    key("indexes", &[Kinds], "cell or names", "none", "indexes"),
    key("foreign_keys", &[Kinds], "cell or names", "none", "foreign keys"),
    key("policies", &[Kinds], "cell or names", "none", "row security policies"),
    key("functions", &[Kinds], "cell or names", "none", "functions"),
    key("triggers", &[Kinds], "cell or names", "none", "triggers"),
    key("enums", &[Kinds], "cell or names", "none", "enum types"),
    key("sequences", &[Kinds], "cell or names", "none", "sequences"),
    key("size", &[Kinds], "cell", "none", "the database's size"),
    key("rows", &[Kinds], "table = cell", "none", "rows of tables"),
    key("orphans", &[Kinds], "cell", "none", "rows whose foreign key points at nothing"),
    key("unvalidated_constraints", &[Kinds], "cell", "none", "constraints that are NOT VALID"),
    key("invalid_indexes", &[Kinds], "cell", "none", "indexes that a failed build left"),
    key("disabled_triggers", &[Kinds], "cell", "none", "triggers that are switched off"),
    // items
    key("item", &[Item], "text", "required", "what is confirmed"),
    key("proof", &[Item], "ids, or target, files, vars", "none", "ticks it"),
    key("owner", &[Item], "text", "the driver", "who"),
    key("write", &[Item], "bool", "false", "wants text"),
    // requires
    key("run", &[Requires], "plan id", "", "a run of that plan"),
    key("rehearsal", &[Requires], "plan id", "", "a rehearsal of that plan"),
    key("plan", &[Requires], "path", "any text", "of a run: the plan's file, as it must have been"),
    key("environment", &[Requires], "dev, staging, production", "any", "where it was"),
    key("age", &[Requires], "duration", "any", "no older"),
    key("passed", &[Requires], "ids", "none", "what must have passed in it"),
    key("rollback", &[Requires], "cell on a duration", "any", "how long its rollback took"),
    key("residue", &[Requires], "cell", "any", "what its rollback left"),
    key("rows", &[Tolerance], "whole number", "required", "how many rows may differ"),
    key("reason", &[Tolerance], "text", "required", "why"),
    // [[rollback]]
    key("id", &[Procedure], "id", "required", "name for `on_failure` and the person"),
    key("when", &[Procedure], "text", "none", "when it is the right one"),
    key("undoes", &[Procedure], "ids", "none", "what it undoes"),
    key("within", &[Procedure], "duration", "none", "how long it may take; over it is a deviation"),
];
