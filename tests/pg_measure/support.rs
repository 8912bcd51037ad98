//! What the tests of measuring share: a database with one of every kind of object.
#![allow(dead_code, reason = "every test binary uses a part of it")]

use std::path::Path;
use std::process::Stdio;

use crate::common::server::TestServer;

/// Loads the zoo into a fresh database; its name.
pub async fn zoo(server: &TestServer) -> String {
    let name = server.fresh_database().await;
    load(server, &name, Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pg_measure/zoo.sql")));
    name
}

pub fn load(server: &TestServer, database: &str, file: &Path) {
    let file = file.to_str().expect("a path in UTF-8");
    let output = server.psql_output(database, &["-q", "-v", "ON_ERROR_STOP=1", "-f", file]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// pg_dump into another, new database; its name.
pub async fn copy(server: &TestServer, database: &str) -> String {
    let file = tempfile::NamedTempFile::new().expect("a file for the dump");
    let path = file.path().to_str().expect("a path in UTF-8");
    let dump = server.program("pg_dump", database).args(["-f", path]).stderr(Stdio::piped()).output();
    let dump = dump.expect("pg_dump runs");
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let name = server.fresh_database().await;
    load(server, &name, file.path());
    name
}

/// What the ledger's schema might look like: no measurement may see any of it.
pub const LEDGER: &str = "CREATE SCHEMA holdpoint;
    CREATE TYPE holdpoint.state AS ENUM ('a');
    CREATE TABLE holdpoint.ledger (run uuid PRIMARY KEY, state holdpoint.state, n serial, CHECK (n > 0));
    CREATE INDEX ON holdpoint.ledger (n);
    CREATE VIEW holdpoint.v AS SELECT * FROM holdpoint.ledger;
    CREATE FUNCTION holdpoint.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER t BEFORE INSERT ON holdpoint.ledger FOR EACH ROW EXECUTE FUNCTION holdpoint.f();
    CREATE POLICY p ON holdpoint.ledger USING (true);
    CREATE RULE r AS ON DELETE TO holdpoint.ledger DO INSTEAD NOTHING;
    CREATE STATISTICS holdpoint.s ON run, n FROM holdpoint.ledger;
    GRANT USAGE ON SCHEMA holdpoint TO PUBLIC;
    GRANT SELECT ON holdpoint.ledger TO PUBLIC;
    ALTER DEFAULT PRIVILEGES IN SCHEMA holdpoint GRANT SELECT ON TABLES TO PUBLIC;
    COMMENT ON SCHEMA holdpoint IS 'x';
    COMMENT ON TABLE holdpoint.ledger IS 'x';
    COMMENT ON COLUMN holdpoint.ledger.n IS 'x';
    COMMENT ON CONSTRAINT ledger_pkey ON holdpoint.ledger IS 'x';
    COMMENT ON TRIGGER t ON holdpoint.ledger IS 'x';
    COMMENT ON POLICY p ON holdpoint.ledger IS 'x';
    COMMENT ON RULE r ON holdpoint.ledger IS 'x';
    COMMENT ON FUNCTION holdpoint.f() IS 'x';
    COMMENT ON TYPE holdpoint.state IS 'x';
    COMMENT ON STATISTICS holdpoint.s IS 'x';
    COMMENT ON INDEX holdpoint.ledger_n_idx IS 'x';
    INSERT INTO holdpoint.ledger VALUES (gen_random_uuid(), 'a');";
