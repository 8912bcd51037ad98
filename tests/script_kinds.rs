//! What statements are taken for.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use holdpoint::script::{
    Bare, Kind, QualifiedName, Reindex, Session, Transaction, classify, reads_only, selects_only_constants,
};

fn kind(text: &str) -> Kind {
    classify(text).0
}

fn name(schema: Option<&str>, name: &str) -> QualifiedName {
    QualifiedName { schema: schema.map(str::to_owned), name: name.to_owned() }
}

#[test]
fn transaction_control() {
    use Transaction::{
        Begin, Commit, CommitPrepared, Prepare, Release, Rollback, RollbackPrepared, RollbackTo, Savepoint,
    };
    for (text, expected) in [
        ("BEGIN", Begin),
        ("-- x\n begin isolation level serializable;", Begin),
        ("START TRANSACTION READ WRITE", Begin),
        ("COMMIT", Commit { chain: false }),
        ("COMMIT WORK AND CHAIN", Commit { chain: true }),
        ("END TRANSACTION AND NO CHAIN", Commit { chain: false }),
        ("/* x */ROLLBACK;", Rollback { chain: false }),
        ("ABORT AND CHAIN", Rollback { chain: true }),
        ("ROLLBACK TO a", RollbackTo),
        ("ROLLBACK WORK TO SAVEPOINT a", RollbackTo),
        ("SAVEPOINT a", Savepoint),
        ("RELEASE a", Release),
        ("PREPARE TRANSACTION 'x'", Prepare),
        ("COMMIT PREPARED 'x'", CommitPrepared),
        ("ROLLBACK PREPARED 'x'", RollbackPrepared),
    ] {
        assert_eq!(kind(text), Kind::Transaction(expected), "{text}");
        assert!(kind(text).drains_window() && kind(text).is_transaction_control(), "{text}");
    }
    assert!(!kind("SELECT 'COMMIT'; -- COMMIT").is_transaction_control());
    assert!(kind("COMMIT").ends_transaction() && !kind("ROLLBACK TO a").ends_transaction());
}

#[test]
fn a_commit_doesnt_hide_behind_another_statement() {
    for text in [
        "SELECT 1; COMMIT",
        "SELECT 1;; commit and chain; begin",
        "CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMIT; SELECT 1",
    ] {
        assert!(kind(text).ends_transaction(), "{text}");
    }
    let body =
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END;";
    assert_eq!(kind(body), Kind::Other("CREATE".to_owned()));
}

#[test]
fn copies() {
    let stdin = |binary| Kind::CopyFromStdin { binary };
    for (text, expected) in [
        ("COPY t FROM STDIN", stdin(false)),
        ("copy a.\"from\" (\"to\", b) from stdin with (format csv)", stdin(false)),
        ("COPY t FROM stdout", stdin(false)),
        ("COPY binary FROM STDIN", stdin(false)),
        ("COPY BINARY t FROM STDIN", stdin(true)),
        ("COPY t FROM STDIN (FORMAT 'binary')", stdin(true)),
        ("COPY t FROM STDIN WITH (HEADER, FORMAT binary)", stdin(true)),
        ("COPY t FROM STDIN BINARY", stdin(true)),
        ("COPY t FROM STDIN (NULL 'binary')", stdin(false)),
        ("COPY t TO STDOUT", Kind::CopyToStdout),
        ("COPY (SELECT a FROM stdin) TO STDOUT CSV", Kind::CopyToStdout),
        ("COPY t FROM '/tmp/x'", Kind::CopyServerSide { program: false, from: true }),
        ("COPY t TO $$/tmp/x$$", Kind::CopyServerSide { program: false, from: false }),
        ("COPY t FROM PROGRAM 'x'", Kind::CopyServerSide { program: true, from: true }),
        ("COPY (SELECT 1) TO PROGRAM 'x'", Kind::CopyServerSide { program: true, from: false }),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
}

#[test]
fn session_changes() {
    let set = |name: &str, local| Session::Set { name: name.to_owned(), local };
    for (text, expected) in [
        ("SET search_path = a", set("search_path", false)),
        ("SET SESSION a.b TO 1", set("a.b", false)),
        ("SET LOCAL \"Lock_Timeout\" = 0", set("Lock_Timeout", true)),
        ("SET TIME ZONE 'UTC'", set("timezone", false)),
        ("SET ROLE x", Session::SetRole),
        ("SET LOCAL ROLE x", Session::SetRole),
        ("RESET ROLE", Session::SetRole),
        ("SET SESSION AUTHORIZATION x", Session::SetSessionAuthorization),
        ("SET LOCAL SESSION AUTHORIZATION x", Session::SetSessionAuthorization),
        ("RESET SESSION AUTHORIZATION", Session::SetSessionAuthorization),
        ("SET CONSTRAINTS ALL DEFERRED", Session::SetConstraints),
        ("SET TRANSACTION READ WRITE", Session::SetTransaction),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Session::SetTransaction),
        ("RESET a.b", Session::Reset { name: Some("a.b".to_owned()) }),
        ("RESET ALL", Session::Reset { name: None }),
        ("DISCARD ALL", Session::Discard { all: true }),
        ("DISCARD PLANS", Session::Discard { all: false }),
        ("PREPARE p AS SELECT 1", Session::Prepared),
        ("DECLARE c CURSOR FOR SELECT 1", Session::Cursor),
        ("LISTEN x", Session::Listen),
        ("LOAD 'x'", Session::Load),
        ("CREATE TEMP TABLE t(a int)", Session::Temporary),
        ("CREATE OR REPLACE LOCAL TEMPORARY VIEW v AS SELECT 1", Session::Temporary),
        ("SELECT 1 AS a INTO TEMP t", Session::Temporary),
    ] {
        assert_eq!(kind(text), Kind::Session(expected), "{text}");
        assert!(kind(text).drains_window() && kind(text).changes_session());
    }
    assert_eq!(kind("CREATE TABLE temp(a int)"), Kind::Other("CREATE".to_owned()));
}

#[test]
fn lock_timeout_is_noticed() {
    for text in [
        "SET lock_timeout = 0",
        "SET LOCAL Lock_Timeout TO '1s'",
        "SELECT set_config('lock_timeout', '0', false)",
        "RESET ALL",
        "DISCARD ALL",
        "SELECT 1; RESET ALL",
        "DO $$ BEGIN SET lock_timeout = 0; END $$",
    ] {
        assert!(classify(text).1, "{text}");
    }
    for text in ["SET statement_timeout = 0", "SELECT '_timeout', 'lock_time'", "DISCARD PLANS", "lock_"] {
        assert!(!classify(text).1, "{text}");
    }
}

#[test]
fn indexes_are_named_for_the_probe() {
    let create = |index: Option<QualifiedName>, table, if_not_exists| {
        Kind::Bare(Bare::CreateIndexConcurrently { index, table, if_not_exists })
    };
    assert_eq!(
        kind("CREATE UNIQUE INDEX CONCURRENTLY Idx ON ONLY App.\"T\"\"x\" (a)"),
        create(Some(name(Some("app"), "idx")), name(Some("app"), "T\"x"), false)
    );
    assert_eq!(
        kind("create index concurrently if not exists i on t using gin (a)"),
        create(Some(name(None, "i")), name(None, "t"), true)
    );
    assert_eq!(kind("CREATE INDEX CONCURRENTLY ON t (a)"), create(None, name(None, "t"), false));
    assert_eq!(kind("CREATE INDEX concurrently_not ON t (a)"), Kind::Other("CREATE".to_owned()));
    assert_eq!(
        kind("DROP INDEX CONCURRENTLY IF EXISTS a, s.b CASCADE"),
        Kind::Bare(Bare::DropIndexConcurrently {
            indexes: vec![name(None, "a"), name(Some("s"), "b")],
            if_exists: true
        })
    );
    for (text, what, concurrently) in [
        ("REINDEX (VERBOSE, CONCURRENTLY) TABLE s.t", Reindex::Table, true),
        ("REINDEX INDEX CONCURRENTLY s.t", Reindex::Index, true),
        ("REINDEX DATABASE s.t", Reindex::Database, false),
    ] {
        let expected = Bare::Reindex { what, name: Some(name(Some("s"), "t")), concurrently };
        assert_eq!(kind(text), Kind::Bare(expected), "{text}");
    }
    assert_eq!(
        kind("ALTER TABLE IF EXISTS a.b DETACH PARTITION a.c CONCURRENTLY"),
        Kind::Bare(Bare::DetachPartitionConcurrently {
            table: name(Some("a"), "b"),
            partition: name(Some("a"), "c")
        })
    );
}

#[test]
fn what_reads_only() {
    for text in ["SELECT 1;", "-- x\n (SELECT 1) UNION (SELECT 2)", "with a as (select 1) table a", "SHOW x"]
    {
        assert!(reads_only(text), "{text}");
    }
    for text in ["", "-- x", "SELECT 1; SELECT 2", "UPDATE t SET a = 1", "SET x = 1", "CALL f()", "selects"] {
        assert!(!reads_only(text), "{text}");
    }
}

#[test]
fn checks_that_cant_fail() {
    for text in [
        "SELECT 1",
        "SELECT true AS \"all good\", 'x'::text ok, 1 + 2;",
        "SELECT (SELECT 1) WHERE 1 = 0",
        "VALUES (1, 'a'), (2, NULL)",
        "SELECT date '2024-01-01', 'x'::character varying, CAST(1 AS numeric)",
        "SELECT CASE WHEN 1 > 0 THEN 'yes' ELSE 'no' END result",
    ] {
        assert!(selects_only_constants(text), "{text}");
    }
    for text in [
        "SELECT count(*) FROM t",
        "SELECT now()",
        "SELECT current_user",
        "SELECT a",
        "SELECT 1 FROM t",
        "SELECT EXISTS (SELECT 1 FROM t)",
        "TABLE t",
        "SELECT 1; SELECT 2",
        "UPDATE t SET a = 1",
        "",
    ] {
        assert!(!selects_only_constants(text), "{text}");
    }
}

#[test]
fn the_rest() {
    assert_eq!(kind("-- nothing\n ;; /* x */"), Kind::Empty);
    assert_eq!(kind("insert into t values (1)"), Kind::Other("INSERT".to_owned()));
    assert_eq!(kind("?"), Kind::Other(String::new()));
    assert!(!kind("INSERT INTO t VALUES (1)").drains_window());
    assert!(kind("VACUUM").forbidden_in_transaction() && kind("SELECT 1; VACUUM").forbidden_in_transaction());
}
