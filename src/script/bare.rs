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
        // It is allowed where no slot is made.
        let options = with_options(r);
        let slotless = is_off(&options, "CREATE_SLOT") || is_off(&options, "CONNECT");
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
        let sets = (r.take("SET") || r.take("ADD") || r.take("DROP")) && r.take("PUBLICATION");
        let refreshes = r.take("REFRESH") || (sets && !is_off(&with_options(r), "REFRESH"));
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

/// The words of the next `WITH (…)`.
fn with_options(r: &mut Reader<'_, '_>) -> Vec<String> {
    while !r.at_end() && !r.take("WITH") {
        r.any();
    }
    r.words_in_parentheses()
}

/// `(…, option = false, …)`
fn is_off(words: &[String], option: &str) -> bool {
    let mut behind = words.iter().skip_while(|word| *word != option).skip(1).filter(|word| *word != "=");
    let value = behind.next().map_or("", |value| value.trim_matches('\''));
    matches!(value, "FALSE" | "OFF" | "0")
}

/// `(CONCURRENTLY)`, `(VERBOSE, CONCURRENTLY true)`
fn concurrent_option(words: &[String]) -> bool {
    words.iter().any(|word| word == "CONCURRENTLY") && !is_off(words, "CONCURRENTLY")
}
