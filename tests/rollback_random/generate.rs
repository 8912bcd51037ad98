//! Plans by chance: steps that fit the database as the steps before have left it, each with its way back.

use std::fmt::Write;

/// What is there before. `spare` columns are there to be dropped and made again, and nothing else uses
/// them; `first` isn't the last column and `last` is, which decides what happens to the order.
pub const WORLD: &str = "
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE FUNCTION body() RETURNS int LANGUAGE sql AS 'SELECT 0';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE b0 (id int PRIMARY KEY, spare_first int DEFAULT 7, v int NOT NULL, note text, spare_last int);
CREATE TABLE b1 (id serial PRIMARY KEY, spare_first int DEFAULT 7, v int NOT NULL, note text, spare_last int);
CREATE TABLE b2 (id int PRIMARY KEY, spare_first int DEFAULT 7, v int NOT NULL, note text, spare_last int);
INSERT INTO b0 SELECT n, n, n, 'note ' || n, n FROM generate_series(1, 20) n;
INSERT INTO b1 (v) SELECT n FROM generate_series(1, 20) n;
INSERT INTO b2 SELECT n, n, n, NULL, n FROM generate_series(1, 5) n;
ALTER TABLE b2 ENABLE ROW LEVEL SECURITY;
CREATE TRIGGER watched BEFORE UPDATE ON b0 FOR EACH ROW EXECUTE FUNCTION touch();
COMMENT ON TABLE b0 IS 'as it was';
";

/// Tables whose rows are compared.
pub const GUARDS: &str = "[\"b0\", \"b1\", \"b2\"]";

/// A generator with a seed: the same plan for the same one, on every machine.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).expect("less than n")
    }

    fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

/// A plan, and what can be known beforehand of its rollback.
#[derive(Debug, Default)]
pub struct Case {
    pub plan: String,
    /// Residue that cannot be helped: a column that was dropped comes back as the last one.
    pub column_order: Vec<String>,
    /// It isn't the plan that goes back, but a person later.
    pub by_hand: bool,
}

/// What has become of the database on the way.
struct World {
    tables: Vec<String>,
    /// Tables with row security.
    secured: Vec<String>,
    /// Columns that were dropped.
    dropped: Vec<String>,
    granted: Vec<String>,
    body: usize,
    comment: String,
    label: String,
    watched: bool,
    n: usize,
}

/// Forward and back. A transaction's statements, or one that can't be in any.
struct Change {
    forward: String,
    back: String,
    bare: bool,
}

fn change(forward: String, back: String) -> Change {
    Change { forward, back, bare: false }
}

/// A plan of up to `most` steps that fails somewhere, mostly in the end, and goes back from there.
pub fn case(chance: &mut Chance, most: usize) -> Case {
    let mut world = World {
        tables: ["b0", "b1", "b2"].map(str::to_owned).to_vec(),
        secured: vec!["b2".to_owned()],
        dropped: Vec::new(),
        granted: Vec::new(),
        body: 0,
        comment: "as it was".to_owned(),
        label: "ok".to_owned(),
        watched: true,
        n: 0,
    };
    let mut case = Case::default();
    // Mostly short ones: they take less time, and tell more when they fail.
    let further = most - 1;
    let steps = 1 + chance.below(most) * chance.below(most) * chance.below(most) / (further * further);
    let fails_at = if chance.below(3) == 0 { chance.below(steps) } else { steps - 1 };
    case.by_hand = chance.below(4) == 0;
    let mut text = String::new();
    for at in 0..steps {
        let bare = chance.below(6) == 0;
        let changes = if bare {
            vec![world.bare(chance)]
        } else {
            let several = if chance.below(2) == 0 { 1 + chance.below(5) } else { 1 };
            (0..several).map(|_| world.change(chance, &mut case)).collect()
        };
        step(&mut text, at, &changes, (at == fails_at).then(|| chance.below(3)), case.by_hand);
    }
    case.plan = text;
    case
}

/// `fails`: how.
fn step(text: &mut String, at: usize, changes: &[Change], fails: Option<usize>, by_hand: bool) {
    let bare = changes.iter().any(|change| change.bare);
    let end = |sql: &str| format!("{};\n", sql.trim_end_matches(';'));
    let mut forward: String = changes.iter().map(|change| end(&change.forward)).collect();
    let back: String = changes.iter().rev().map(|change| end(&change.back)).collect();
    match fails {
        Some(0) => forward = format!("SELECT 1/0;\n{forward}"),
        Some(1) => forward.push_str("SELECT * FROM nowhere;\n"),
        Some(_) => forward.push_str("DO $x$ BEGIN RAISE EXCEPTION 'by chance'; END $x$;\n"),
        None => {}
    }
    let transaction = if bare { "transaction = \"none\"\n" } else { "" };
    let policy = if by_hand { "" } else { "on_failure = \"rollback\"\n" };
    let how = if bare { "\n  transaction = \"none\"" } else { "" };
    write!(
        text,
        "\n[[phase.step]]\nid = \"s{at}\"\ntitle = \"s{at}\"\n{transaction}{policy}sql = '''\n{forward}'''\n\
         \n  [phase.step.rollback]{how}\n  sql = '''\n{back}'''\n"
    )
    .expect("text");
}

impl World {
    /// Only what PostgreSQL forbids in a transaction.
    fn bare(&mut self, chance: &mut Chance) -> Change {
        self.n += 1;
        let (n, table) = (self.n, chance.one(&self.tables).clone());
        let unique = if chance.below(2) == 0 { "" } else { "UNIQUE " };
        Change {
            forward: format!("CREATE {unique}INDEX CONCURRENTLY c{n} ON {table} (id, v)"),
            back: format!("DROP INDEX CONCURRENTLY IF EXISTS c{n}"),
            bare: true,
        }
    }

    fn change(&mut self, chance: &mut Chance, case: &mut Case) -> Change {
        self.n += 1;
        let (n, table) = (self.n, chance.one(&self.tables).clone());
        let base = *chance.one(&["b0", "b1", "b2"]);
        match chance.below(20) {
            0 | 1 => {
                self.tables.push(format!("t{n}"));
                change(
                    format!(
                        "CREATE TABLE t{n} (id int PRIMARY KEY, v int NOT NULL, note text DEFAULT 'x');\n\
                         INSERT INTO t{n} SELECT g, g FROM generate_series(1, 9) g"
                    ),
                    format!("DROP TABLE t{n}"),
                )
            }
            2 | 3 => change(
                format!("ALTER TABLE {table} ADD a{n} text DEFAULT 'added'"),
                format!("ALTER TABLE {table} DROP a{n}"),
            ),
            4 => {
                change(format!("CREATE INDEX i{n} ON {table} (v) WHERE v > {n}"), format!("DROP INDEX i{n}"))
            }
            5 => change(
                format!("ALTER TABLE {table} ADD CONSTRAINT k{n} CHECK (v > -{n}) NOT VALID"),
                format!("ALTER TABLE {table} DROP CONSTRAINT k{n}"),
            ),
            6 => {
                let before = std::mem::replace(&mut self.body, n);
                let body =
                    |n| format!("CREATE OR REPLACE FUNCTION body() RETURNS int LANGUAGE sql AS 'SELECT {n}'");
                change(body(n), body(before))
            }
            7 => change(
                format!("CREATE FUNCTION f{n}(a int) RETURNS int LANGUAGE sql AS 'SELECT a + {n}'"),
                format!("DROP FUNCTION f{n}(int)"),
            ),
            8 => change(
                format!("CREATE POLICY p{n} ON {table} USING (id > {n})"),
                format!("DROP POLICY p{n} ON {table}"),
            ),
            9 if !self.secured.contains(&table) => {
                self.secured.push(table.clone());
                change(
                    format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
                    format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"),
                )
            }
            10 if !self.granted.contains(&table) => {
                self.granted.push(table.clone());
                change(
                    format!("GRANT SELECT ON {table} TO PUBLIC"),
                    format!("REVOKE SELECT ON {table} FROM PUBLIC"),
                )
            }
            11 => change(
                format!(
                    "UPDATE {base} SET v = v + {n}, note = coalesce(note, '') || '+{n}' WHERE id % 2 = 0"
                ),
                format!(
                    "UPDATE {base} SET v = v - {n}, note = nullif(left(note, -{}), CASE WHEN '{base}' <> 'b0' THEN '' END) \
                     WHERE id % 2 = 0",
                    n.to_string().len() + 1
                ),
            ),
            12 => change(
                format!("INSERT INTO b1 (v) SELECT 1000 + {n} FROM generate_series(1, 3)"),
                format!("DELETE FROM b1 WHERE v % 100000 = 1000 + {n} AND id > 20"),
            ),
            13 => {
                let before = std::mem::replace(&mut self.label, format!("label {n}"));
                change(
                    format!("ALTER TYPE mood RENAME VALUE '{before}' TO 'label {n}'"),
                    format!("ALTER TYPE mood RENAME VALUE 'label {n}' TO '{before}'"),
                )
            }
            14 => change(
                format!("CREATE TYPE e{n} AS ENUM ('a', 'b'); ALTER TYPE e{n} ADD VALUE 'c' BEFORE 'b'"),
                format!("DROP TYPE e{n}"),
            ),
            15 => change(
                format!("CREATE VIEW w{n} AS SELECT id, v FROM {table} WHERE v < {n}"),
                format!("DROP VIEW w{n}"),
            ),
            16 => change(
                format!("CREATE TRIGGER g{n} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION touch()"),
                format!("DROP TRIGGER g{n} ON {table}"),
            ),
            17 => {
                let how =
                    |on| format!("ALTER TABLE b0 {} TRIGGER watched", if on { "ENABLE" } else { "DISABLE" });
                let before = self.watched;
                self.watched = !before;
                change(how(!before), how(before))
            }
            18 => {
                let spare = *chance.one(&["spare_first", "spare_last"]);
                let column = format!("{base}.{spare}");
                if self.dropped.contains(&column) {
                    return self.comment(n);
                }
                self.dropped.push(column);
                if spare == "spare_first" {
                    case.column_order.push(format!("column order of public.{base}"));
                }
                let default = if spare == "spare_first" { " DEFAULT 7" } else { "" };
                change(
                    format!(
                        "CREATE TABLE aside{n} AS SELECT id, {spare} FROM {base};\nALTER TABLE {base} DROP {spare}"
                    ),
                    format!(
                        "ALTER TABLE {base} ADD {spare} int{default};\n\
                         UPDATE {base} b SET {spare} = a.{spare} FROM aside{n} a WHERE a.id = b.id;\nDROP TABLE aside{n}"
                    ),
                )
            }
            _ => self.comment(n),
        }
    }

    fn comment(&mut self, n: usize) -> Change {
        let before = std::mem::replace(&mut self.comment, format!("comment {n}"));
        change(format!("COMMENT ON TABLE b0 IS 'comment {n}'"), format!("COMMENT ON TABLE b0 IS '{before}'"))
    }
}
