//! Making the schema `holdpoint`, and looking closely at one that is already there.
//!
//! A role that may create objects could prepare a table of our name with a trigger, and our write as
//! superuser would run it. So nothing is made with IF NOT EXISTS, and what exists must be ours to the
//! letter: owner, kinds, columns; no triggers, rules, policies or rights of others.

use crate::pg::PgError;
use crate::pg::Session;

/// Why an existing schema isn't used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It was made or changed by somebody else.
    #[error(
        "the schema holdpoint in this database isn't ours: {}. Nothing was changed. \
         Look at it, and drop it (DROP SCHEMA holdpoint CASCADE) only if no other holdpoint uses this database",
        reasons.join("; ")
    )]
    Foreign { reasons: Vec<String> },
    /// The server refused to make it.
    #[error("the ledger can't be made: {error}. {advice}")]
    Create {
        #[source]
        error: PgError,
        advice: String,
    },
    #[error(transparent)]
    Pg(#[from] PgError),
}

/// One table of ours: name, primary key, and its columns as `name type notnull`.
const TABLES: &[(&str, &str, &[&str])] = &[
    (
        "fence",
        "PRIMARY KEY (one)",
        &[
            "one boolean true",
            "epoch bigint true",
            "run text true",
            "taken_at timestamp with time zone true",
            "head text true",
        ],
    ),
    (
        "ledger",
        "PRIMARY KEY (run, step, unit, direction, generation)",
        &[
            "run text true",
            "step text true",
            "unit text true",
            "direction text true",
            "generation integer true",
            "epoch bigint true",
            "statements bigint true",
            "digest text true",
            "head text true",
            "applied_at timestamp with time zone true",
        ],
    ),
    (
        "intent",
        "PRIMARY KEY (run, step, unit, direction, generation, attempt)",
        &[
            "run text true",
            "step text true",
            "unit text true",
            "direction text true",
            "generation integer true",
            "attempt integer true",
            "epoch bigint true",
            "probe text false",
            "pid integer true",
            "backend_start text true",
            "head text true",
            "made_at timestamp with time zone true",
            "outcome text false",
        ],
    ),
    (
        "backend",
        "PRIMARY KEY (pid, backend_start)",
        &["run text true", "epoch bigint true", "pid integer true", "backend_start text true"],
    ),
    (ADDED, "PRIMARY KEY (run)", &["run text true", "plan text true"]),
];

/// The table that version 1 hadn't got.
const ADDED: &str = "run";

/// The names of all our tables.
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|(table, ..)| *table)
}

/// Which one an existing schema is, as far as it is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// As it was before runs had their plans in it.
    One,
    Two,
}

const BEGIN: &str = "BEGIN; SET LOCAL search_path = '';";

const CREATE: &str = r#"
CREATE SCHEMA holdpoint;
CREATE TABLE holdpoint.fence (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),
  epoch      bigint NOT NULL,
  run        text NOT NULL,
  taken_at   timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  head       text NOT NULL
);
CREATE TABLE holdpoint.ledger (
  run        text NOT NULL,
  step       text NOT NULL,
  unit       text NOT NULL,
  direction  text NOT NULL CHECK (direction IN ('forward', 'back')),
  generation integer NOT NULL,
  epoch      bigint NOT NULL,
  statements bigint NOT NULL,
  digest     text NOT NULL,
  head       text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  PRIMARY KEY (run, step, unit, direction, generation)
);
CREATE TABLE holdpoint.intent (
  run        text NOT NULL,
  step       text NOT NULL,
  unit       text NOT NULL,
  direction  text NOT NULL CHECK (direction IN ('forward', 'back')),
  generation integer NOT NULL,
  attempt    integer NOT NULL,
  epoch      bigint NOT NULL,
  probe      text,
  pid        integer NOT NULL,
  backend_start text NOT NULL,
  head       text NOT NULL,
  made_at    timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
  outcome    text CHECK (outcome IN ('applied', 'failed')),
  PRIMARY KEY (run, step, unit, direction, generation, attempt)
);
CREATE TABLE holdpoint.backend (
  run        text NOT NULL,
  epoch      bigint NOT NULL,
  pid        integer NOT NULL,
  backend_start text NOT NULL,
  PRIMARY KEY (pid, backend_start)
);
INSERT INTO holdpoint.fence (epoch, run, head) VALUES (0, '', '');
"#;

/// What version 2 has more.
const COMPLETE: &str = r#"
CREATE TABLE holdpoint.run (
  run        text PRIMARY KEY,
  plan       text NOT NULL
);
COMMENT ON SCHEMA holdpoint IS 'holdpoint: ledger of migrations, version 2. Written by holdpoint alone.';
"#;

/// What takes back the rights that ALTER DEFAULT PRIVILEGES may have handed out to what we have just made. Where a ledger
/// was there before, its keepers' own grants stay.
fn take_back(made_all: bool) -> String {
    format!(
        "DO LANGUAGE plpgsql $holdpoint$\nDECLARE found record;\nBEGIN\n\
         FOR found IN\n\
         SELECT 'SCHEMA' AS kind, 'holdpoint' AS name, x.grantee FROM pg_catalog.pg_namespace n, \
         pg_catalog.aclexplode(n.nspacl) x WHERE n.nspname = 'holdpoint' AND x.grantee <> n.nspowner AND {made_all}\n\
         UNION SELECT 'TABLE', 'holdpoint.' || c.relname, x.grantee FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, pg_catalog.aclexplode(c.relacl) x \
         WHERE n.nspname = 'holdpoint' AND c.relkind = 'r' AND x.grantee <> c.relowner \
         AND ({made_all} OR c.relname = '{ADDED}')\n\
         LOOP\n\
         EXECUTE pg_catalog.format('REVOKE ALL ON %s %s FROM %s', found.kind, found.name, CASE WHEN found.grantee = 0 \
         THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(found.grantee)) END);\n\
         END LOOP;\nEND $holdpoint$;\n"
    )
}

/// Everything about the schema that could make a write of ours do something else.
const INSPECT: &str = r#"
SELECT 'owner', n.nspname::text, pg_catalog.pg_get_userbyid(n.nspowner)::text
  FROM pg_catalog.pg_namespace n WHERE n.nspname = 'holdpoint' AND n.nspowner <> (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user)
UNION ALL
SELECT 'rights', n.nspname::text, pg_catalog.pg_get_userbyid(a.grantee)::text
  FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
 WHERE n.nspname = 'holdpoint' AND a.grantee <> n.nspowner AND a.privilege_type = 'CREATE'
UNION ALL
SELECT 'relation', c.relname::text, c.relkind::text || ' ' || pg_catalog.pg_get_userbyid(c.relowner)::text || ' ' || (c.relowner = n.nspowner)::text
       || ' ' || (c.relrowsecurity OR c.relhasrules OR c.relhastriggers)::text || ' ' || c.relpersistence::text
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'holdpoint' AND c.relkind NOT IN ('i', 'I', 't')
UNION ALL
SELECT 'column', c.relname::text, a.attname::text || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull::text
       || CASE WHEN a.attgenerated <> '' OR a.attidentity <> '' THEN ' generated' ELSE '' END
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'holdpoint' AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT 'grant', c.relname::text, pg_catalog.pg_get_userbyid(x.grantee)::text || ' ' || x.privilege_type
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace, pg_catalog.aclexplode(c.relacl) x
 WHERE n.nspname = 'holdpoint' AND c.relkind = 'r' AND x.grantee <> c.relowner AND x.privilege_type <> 'SELECT'
UNION ALL
SELECT 'grant', c.relname::text, pg_catalog.pg_get_userbyid(x.grantee)::text || ' ' || x.privilege_type || ' (' || a.attname || ')'
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace,
       pg_catalog.aclexplode(a.attacl) x
 WHERE n.nspname = 'holdpoint' AND c.relkind = 'r' AND x.grantee <> c.relowner AND x.privilege_type <> 'SELECT'
UNION ALL
SELECT 'policy', c.relname::text, p.polname::text
  FROM pg_catalog.pg_policy p JOIN pg_catalog.pg_class c ON c.oid = p.polrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'holdpoint'
UNION ALL
SELECT 'inherits', h.inhrelid::pg_catalog.regclass::text, h.inhparent::pg_catalog.regclass::text
  FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class c ON c.oid IN (h.inhrelid, h.inhparent)
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'holdpoint' AND c.relkind = 'r'
UNION ALL
SELECT 'function', p.proname::text, ''
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname = 'holdpoint'
UNION ALL
SELECT 'trigger', c.relname::text, t.tgname::text
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'holdpoint'
UNION ALL
SELECT 'default', c.relname::text, a.attname::text || ' ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid)
  FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_class c ON c.oid = d.adrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
 WHERE n.nspname = 'holdpoint'
UNION ALL
SELECT 'index', c.relname::text, pg_catalog.pg_get_indexdef(i.indexrelid)
  FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'holdpoint' AND NOT i.indisprimary
UNION ALL
SELECT 'constraint', c.relname::text, pg_catalog.pg_get_constraintdef(k.oid)
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = 'holdpoint' AND k.contype <> 'n'
"#;

/// Whether the schema is there at all.
///
/// # Errors
/// When the server can't be asked.
pub async fn exists(control: &mut Session) -> Result<bool, PgError> {
    let rows =
        control.query("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'holdpoint'", &[]).await?;
    Ok(!rows.rows.is_empty())
}

/// Makes the schema, or makes sure that the one that is there is ours, and completes an older one.
///
/// # Errors
/// [`SchemaError::Foreign`] names everything that isn't as we made it. Nothing is changed then: also a
/// new one is looked at before its COMMIT, since default privileges and event triggers had a hand in it.
pub async fn ensure(control: &mut Session) -> Result<(), SchemaError> {
    prepare(control, "COMMIT").await
}

/// Whether [`ensure`] would do it, tried out and rolled back: who is asked about the first change shall know
/// before that it can't be recorded, and until then nothing is written.
///
/// # Errors
/// As [`ensure`].
pub async fn could(control: &mut Session) -> Result<(), SchemaError> {
    prepare(control, "ROLLBACK").await
}

/// Makes what is missing, and ends like this.
async fn prepare(control: &mut Session, end: &str) -> Result<(), SchemaError> {
    let missing = if !exists(control).await? {
        format!("{BEGIN}{CREATE}{COMPLETE}{}", take_back(true))
    } else if verify(control).await? == Version::One {
        format!("{BEGIN}{COMPLETE}{}", take_back(false))
    } else {
        return Ok(());
    };
    let made = make(control, &missing).await;
    control.batch(if made.is_ok() { end } else { "ROLLBACK" }).await?;
    made
}

/// In a transaction that stays open, whatever comes of it.
async fn make(control: &mut Session, missing: &str) -> Result<(), SchemaError> {
    if let Err(error) = control.batch(missing).await {
        // The failed transaction answers no questions.
        control.batch("ROLLBACK").await?;
        let triggers = event_triggers(control).await?;
        return Err(SchemaError::Create { error, advice: advice(&triggers) });
    }
    match verify(control).await? {
        Version::Two => Ok(()),
        Version::One => Err(SchemaError::Foreign { reasons: vec![gone(ADDED)] }),
    }
}

/// Event triggers that could have had a hand in it.
async fn event_triggers(control: &mut Session) -> Result<Vec<String>, PgError> {
    let sql = "SELECT evtname FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D' \
               AND evtevent IN ('ddl_command_start', 'ddl_command_end') ORDER BY 1";
    let rows = control.query(sql, &[]).await?;
    Ok(rows.rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect())
}

fn advice(triggers: &[String]) -> String {
    if triggers.is_empty() {
        return "holdpoint needs to create the schema \"holdpoint\" in this database: \
                GRANT CREATE ON DATABASE … TO the role that runs it"
            .to_owned();
    }
    format!(
        "this database has the event trigger {}: have it let CREATE SCHEMA and CREATE TABLE in \"holdpoint\" pass, \
         or disable it for the window (ALTER EVENT TRIGGER … DISABLE)",
        triggers.join(", ")
    )
}

/// Looks closely at an existing schema.
///
/// # Errors
/// [`SchemaError::Foreign`] names everything that isn't as we made it.
pub async fn verify(control: &mut Session) -> Result<Version, SchemaError> {
    control.batch("SET search_path = ''").await?;
    let rows = control.query(INSPECT, &[]).await;
    // A failed query has spoilt the transaction that a new schema is made in; its end resets this too.
    let reset = control.batch("RESET search_path").await;
    let rows = rows?;
    reset?;
    let facts: Vec<[String; 3]> = rows
        .rows
        .into_iter()
        .map(|row| {
            let mut cells = row.into_iter().map(Option::unwrap_or_default);
            [
                cells.next().unwrap_or_default(),
                cells.next().unwrap_or_default(),
                cells.next().unwrap_or_default(),
            ]
        })
        .collect();
    let mut reasons = complaints(&facts);
    if reasons.is_empty() {
        // Only now may it be read: a view or a policy would have run somebody's function.
        let rows = control.query("SELECT pg_catalog.count(*) FROM holdpoint.fence", &[]).await?;
        if rows.scalar() != Some("1") {
            reasons.push("fence hasn't got its row".to_owned());
        }
    }
    let added = facts.iter().any(|[what, name, _]| what == "relation" && name == ADDED);
    match reasons.is_empty() {
        true if added => Ok(Version::Two),
        true => Ok(Version::One),
        false => Err(SchemaError::Foreign { reasons }),
    }
}

fn gone(table: &str) -> String {
    format!("the table {table} is missing")
}

fn complaints(facts: &[[String; 3]]) -> Vec<String> {
    let mut reasons = Vec::new();
    let is_table = |name: &str| TABLES.iter().any(|(table, ..)| *table == name);
    for [what, name, detail] in facts {
        match what.as_str() {
            "owner" => reasons.push(format!("it belongs to role {detail}")),
            "rights" => reasons.push(format!("role {detail} may create objects in it")),
            "relation" => {
                let mut words = detail.split(' ');
                let (kind, owner, ours, hooked, persistence) = (
                    words.next().unwrap_or_default(),
                    words.next().unwrap_or_default(),
                    words.next().unwrap_or_default(),
                    words.next().unwrap_or_default(),
                    words.next().unwrap_or_default(),
                );
                if !is_table(name) {
                    reasons.push(format!("there is an object {name} that we don't make"));
                } else if kind != "r" || persistence != "p" {
                    reasons.push(format!("{name} isn't an ordinary table"));
                } else if ours != "true" {
                    reasons.push(format!("{name} belongs to role {owner}"));
                } else if hooked == "true" {
                    reasons.push(format!("{name} has triggers, rules or row security"));
                }
            }
            "grant" => reasons.push(format!("{name} is granted: {detail}")),
            "trigger" => reasons.push(format!("{name} has the trigger {detail}")),
            "index" => reasons.push(format!("{name} has an index that we don't make: {detail}")),
            "default" if !known_default(detail) => {
                reasons.push(format!("{name} has a default that we don't make: {detail}"));
            }
            "constraint" if !known_constraint(name, detail) => {
                reasons.push(format!("{name} has a constraint that we don't make: {detail}"));
            }
            "policy" => reasons.push(format!("{name} has the policy {detail}")),
            "inherits" => reasons.push(format!("{name} inherits from {detail}")),
            "function" => reasons.push(format!("there is a function {name} that we don't make")),
            _ => {}
        }
    }
    for (table, key, columns) in TABLES {
        let have: Vec<&str> = facts
            .iter()
            .filter(|[what, name, _]| what == "column" && name == table)
            .map(|[_, _, detail]| detail.as_str())
            .collect();
        let made = facts.iter().any(|[what, name, _]| what == "relation" && name == table);
        if *table == ADDED && !made {
            continue;
        }
        if have.is_empty() {
            reasons.push(gone(table));
        } else if have.len() != columns.len() || columns.iter().any(|column| !have.contains(column)) {
            reasons.push(format!("the columns of {table} aren't ours"));
        } else if !facts
            .iter()
            .any(|[what, name, detail]| what == "constraint" && name == table && detail == key)
        {
            reasons.push(format!("{table} has lost its primary key"));
        }
    }
    reasons
}

fn known_default(detail: &str) -> bool {
    matches!(
        detail,
        "one true"
            | "taken_at pg_catalog.clock_timestamp()"
            | "applied_at pg_catalog.clock_timestamp()"
            | "made_at pg_catalog.clock_timestamp()"
            | "taken_at clock_timestamp()"
            | "applied_at clock_timestamp()"
            | "made_at clock_timestamp()"
    )
}

fn known_constraint(table: &str, detail: &str) -> bool {
    let key = TABLES.iter().any(|(name, key, _)| *name == table && *key == detail);
    key || matches!(
        detail,
        "CHECK (one)"
            | "CHECK ((direction = ANY (ARRAY['forward'::text, 'back'::text])))"
            | "CHECK ((outcome = ANY (ARRAY['applied'::text, 'failed'::text])))"
    )
}
