//! Statements that PostgreSQL forbids in a transaction block, and the names a probe asks for.

use super::kind::{Bare, Reindex};
use super::reader::Reader;

/// `first` is the statement's first word, in capitals; the reader stands behind it.
pub(super) fn parse(first: &str, r: &mut Reader<'_, '_>) -> Option<Bare> {
    match first {
        "CREATE" => create(r),
        "DROP" => drop(r),
        "ALTER" => alter(r),
        "REINDEX" => reindex(r),
        "VACUUM" => Some(Bare::Vacuum),
        // CLUSTER; CLUSTER VERBOSE; CLUSTER (VERBOSE)
        "CLUSTER" => {
            let _ = r.take("VERBOSE") || r.parentheses();
            r.at_end().then_some(Bare::Cluster)
        }
        _ => None,
    }
}

fn create(r: &mut Reader<'_, '_>) -> Option<Bare> {
    r.take("UNIQUE");
    if r.take("INDEX") {
        if !r.take("CONCURRENTLY") {
            return None;
        }
        let if_not_exists = r.if_exists();
        let index = if r.is("ON") { None } else { Some(r.qualified()?) };
        let on = r.take("ON");
        r.take("ONLY");
        let table = r.qualified().filter(|_| on)?;
        // An index lives in its table's schema; the server takes no other name for it.
        let index = index.map(|mut index| {
            index.schema = index.schema.or_else(|| table.schema.clone());
            index
        });
        return Some(Bare::CreateIndexConcurrently { index, table, if_not_exists });
    }
    if r.take("DATABASE") {
        return Some(Bare::CreateDatabase { name: r.identifier()? });
    }
    if r.take("TABLESPACE") {
        return Some(Bare::CreateTablespace { name: r.identifier()? });
    }
    if r.take("SUBSCRIPTION") {
        let name = r.identifier()?;
        // It is allowed where no slot is made: create_slot = false, or connect = false.
        while !r.at_end() && !r.is("WITH") {
            r.any();
        }
        r.take("WITH");
        let options = r.words_in_parentheses();
        let off = |option: &str| {
            options.iter().position(|word| word == option).is_some_and(|i| {
                options
                    .get(i + 1..)
                    .and_then(|rest| rest.iter().find(|word| *word != "="))
                    .is_some_and(|value| matches!(value.trim_matches('\''), "FALSE" | "OFF" | "0" | "NO"))
            })
        };
        let slotless = off("CREATE_SLOT") || off("CONNECT");
        return (!slotless).then_some(Bare::CreateSubscription { name });
    }
    None
}

fn drop(r: &mut Reader<'_, '_>) -> Option<Bare> {
    if r.take("INDEX") {
        if !r.take("CONCURRENTLY") {
            return None;
        }
        let if_exists = r.if_exists();
        let mut indexes = vec![r.qualified()?];
        while r.symbol(",") {
            indexes.push(r.qualified()?);
        }
        return Some(Bare::DropIndexConcurrently { indexes, if_exists });
    }
    let (database, tablespace) = (r.take("DATABASE"), r.take("TABLESPACE"));
    if !(database || tablespace || r.take("SUBSCRIPTION")) {
        return None;
    }
    let if_exists = r.if_exists();
    let name = r.identifier()?;
    Some(match (database, tablespace) {
        (true, _) => Bare::DropDatabase { name, if_exists },
        (_, true) => Bare::DropTablespace { name, if_exists },
        _ => Bare::DropSubscription { name, if_exists },
    })
}

fn alter(r: &mut Reader<'_, '_>) -> Option<Bare> {
    if r.take("SYSTEM") {
        return Some(Bare::AlterSystem);
    }
    if r.take("DATABASE") {
        let name = r.identifier()?;
        return (r.take("SET") && r.take("TABLESPACE")).then_some(Bare::AlterDatabaseTablespace { name });
    }
    if r.take("SUBSCRIPTION") {
        let name = r.identifier()?;
        let refreshes = r.take("REFRESH")
            || ((r.take("SET") || r.take("ADD") || r.take("DROP")) && r.take("PUBLICATION"));
        return refreshes.then_some(Bare::AlterSubscription { name });
    }
    if r.take("TABLE") {
        r.if_exists();
        r.take("ONLY");
        let table = r.qualified()?;
        r.symbol("*");
        if r.take("DETACH") && r.take("PARTITION") {
            let partition = r.qualified()?;
            return r.take("CONCURRENTLY").then_some(Bare::DetachPartitionConcurrently { table, partition });
        }
    }
    None
}

fn reindex(r: &mut Reader<'_, '_>) -> Option<Bare> {
    let mut concurrently = concurrent_option(&r.words_in_parentheses());
    r.parentheses();
    let what = match r.word()?.as_str() {
        "INDEX" => Reindex::Index,
        "TABLE" => Reindex::Table,
        "SCHEMA" => Reindex::Schema,
        "DATABASE" => Reindex::Database,
        "SYSTEM" => Reindex::System,
        _ => return None,
    };
    concurrently |= r.take("CONCURRENTLY");
    let name = r.qualified();
    let whole = !matches!(what, Reindex::Index | Reindex::Table);
    (whole || concurrently).then_some(Bare::Reindex { what, name, concurrently })
}

/// `(CONCURRENTLY)`, `(VERBOSE, CONCURRENTLY true)`
fn concurrent_option(words: &[String]) -> bool {
    let at = words.iter().position(|word| word == "CONCURRENTLY");
    at.is_some_and(|at| {
        let value = words.get(at + 1).map_or("", |value| value.trim_matches('\''));
        !matches!(value, "FALSE" | "OFF" | "0")
    })
}
