//! What a statement is, as far as running it safely asks.

/// Kinds of statements. [`Kind::Other`] is everything that just runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Nothing but comments and semicolons.
    Empty,
    /// Begins with SELECT, VALUES, TABLE, WITH, SHOW or EXPLAIN.
    Query,
    Transaction(Transaction),
    /// The server will ask for inline data.
    CopyFromStdin {
        binary: bool,
    },
    CopyToStdout,
    /// The server itself reads or writes a file or runs a program.
    CopyServerSide {
        program: bool,
        from: bool,
    },
    Session(Session),
    /// PostgreSQL forbids it in a transaction block.
    Bare(Bare),
    /// Several statements sent as one, by `\;` in psql's way: one implicit transaction.
    Several(Vec<Kind>),
    /// Anything else, by its first word in capitals.
    Other(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// BEGIN, START TRANSACTION
    Begin,
    /// COMMIT, END
    Commit {
        chain: bool,
    },
    /// ROLLBACK, ABORT
    Rollback {
        chain: bool,
    },
    Savepoint,
    RollbackTo,
    Release,
    /// PREPARE TRANSACTION
    Prepare,
    CommitPrepared,
    RollbackPrepared,
}

/// What outlives the statement in the session, or sets how later ones work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Session {
    Set {
        name: String,
        local: bool,
    },
    /// None is ALL.
    Reset {
        name: Option<String>,
    },
    SetRole,
    SetSessionAuthorization,
    SetConstraints,
    /// SET TRANSACTION, SET SESSION CHARACTERISTICS
    SetTransaction,
    Discard {
        all: bool,
    },
    /// PREPARE, EXECUTE, DEALLOCATE
    Prepared,
    /// DECLARE, FETCH, MOVE, CLOSE
    Cursor,
    /// LISTEN, UNLISTEN
    Listen,
    Load,
    /// CREATE TEMP …, SELECT … INTO TEMP …
    Temporary,
}

/// What can't run in a transaction block, with what a probe needs to see whether it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bare {
    CreateIndexConcurrently {
        index: Option<QualifiedName>,
        table: QualifiedName,
        if_not_exists: bool,
    },
    DropIndexConcurrently {
        indexes: Vec<QualifiedName>,
        if_exists: bool,
    },
    Reindex {
        what: Reindex,
        name: Option<QualifiedName>,
        concurrently: bool,
    },
    DetachPartitionConcurrently {
        table: QualifiedName,
        partition: QualifiedName,
    },
    Vacuum,
    /// CLUSTER without a table
    Cluster,
    CreateDatabase {
        name: String,
    },
    DropDatabase {
        name: String,
        if_exists: bool,
    },
    AlterDatabaseTablespace {
        name: String,
    },
    CreateTablespace {
        name: String,
    },
    DropTablespace {
        name: String,
        if_exists: bool,
    },
    AlterSystem,
    CreateSubscription {
        name: String,
    },
    AlterSubscription {
        name: String,
    },
    DropSubscription {
        name: String,
        if_exists: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reindex {
    Index,
    Table,
    Schema,
    Database,
    System,
}

/// A name as the server would read it: folded to lower case unless quoted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QualifiedName {
    pub schema: Option<String>,
    pub name: String,
}

impl std::fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use super::vars::quote_identifier;
        if let Some(schema) = &self.schema {
            write!(f, "{}.", quote_identifier(schema))?;
        }
        f.write_str(&quote_identifier(&self.name))
    }
}

impl Kind {
    /// The kinds of all statements that are sent together; usually just this one.
    pub fn each(&self) -> &[Kind] {
        match self {
            Kind::Several(kinds) => kinds,
            kind => std::slice::from_ref(kind),
        }
    }

    /// BEGIN, COMMIT, SAVEPOINT and their kin.
    pub fn is_transaction_control(&self) -> bool {
        self.each().iter().any(|kind| matches!(kind, Kind::Transaction(_)))
    }

    /// It ends the transaction it runs in: COMMIT, ROLLBACK, PREPARE TRANSACTION. (A savepoint doesn't.)
    pub fn ends_transaction(&self) -> bool {
        use Transaction::{Commit, CommitPrepared, Prepare, Rollback, RollbackPrepared};
        self.each().iter().any(|kind| {
            matches!(
                kind,
                Kind::Transaction(
                    Commit { .. } | Rollback { .. } | Prepare | CommitPrepared | RollbackPrepared
                )
            )
        })
    }

    /// It can't run inside BEGIN … COMMIT.
    pub fn forbidden_in_transaction(&self) -> bool {
        use Transaction::{CommitPrepared, RollbackPrepared};
        self.each().iter().any(|kind| {
            matches!(
                kind,
                Kind::Bare(_)
                    | Kind::Session(Session::Discard { all: true })
                    | Kind::Transaction(CommitPrepared | RollbackPrepared)
            )
        })
    }

    /// It leaves something behind in the session or sets how later statements work.
    pub fn changes_session(&self) -> bool {
        self.each().iter().any(|kind| matches!(kind, Kind::Session(_)))
    }

    /// RESET ALL, DISCARD ALL: settings that we made are gone too.
    pub fn resets_everything(&self) -> bool {
        self.each().iter().any(|kind| {
            matches!(kind, Kind::Session(Session::Reset { name: None } | Session::Discard { all: true }))
        })
    }

    pub fn copies_from_stdin(&self) -> bool {
        self.each().iter().any(|kind| matches!(kind, Kind::CopyFromStdin { .. }))
    }

    pub fn copies_on_server(&self) -> bool {
        self.each().iter().any(|kind| matches!(kind, Kind::CopyServerSide { .. }))
    }

    /// Nothing may be in flight before or behind it: transaction control, COPY, session changes, what
    /// can't run in a transaction, and several statements in one.
    pub fn drains_window(&self) -> bool {
        !matches!(self, Kind::Empty | Kind::Query | Kind::Other(_))
    }
}
