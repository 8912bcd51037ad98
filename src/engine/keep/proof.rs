//! Whether a backup is worth something: its list of contents against the tables that were there, and a real
//! restore into a private server, which goes afterwards. The target isn't touched by either.

use std::path::Path;

use super::backup::{Failed, Then};
use crate::engine::conductor::Conductor;
use crate::engine::problems;
use crate::pg::embedded::{Embedded, Options};
use crate::pg::fingerprint::Fingerprint;
use crate::pg::ledger::{identifier, literal};
use crate::pg::measure::MeasureError;
use crate::pg::{ConnectConfig, PgError, Psql, Session, content};
use crate::plan::model::Step;
use crate::run::event::Residue;

/// The database that is restored into.
const PROOF: &str = "holdpoint_proof";
/// What isn't in a dump of one database, or is made anew in a restored one.
const NOT_IN_IT: [&str; 5] =
    ["database", "setting of database ", "privileges of database", "subscription ", "comment on database"];
/// So many are named.
const NAMED: usize = 5;

/// The tables that the list of contents doesn't have.
pub(super) fn missing(list: &[String], tables: &[Vec<String>]) -> Vec<String> {
    // `219; 1259 16391 TABLE public orders owner`; comments begin with `;`.
    let entries: Vec<&str> = list
        .iter()
        .filter(|line| !line.starts_with(';'))
        .filter_map(|line| line.splitn(4, ' ').nth(3))
        .filter(|entry| entry.starts_with("TABLE "))
        .collect();
    let there = |path: &[String]| {
        let wanted = format!("TABLE {} ", path.join(" ").replace(['\n', '\r'], " "));
        entries.iter().any(|entry| entry.starts_with(&wanted))
    };
    tables.iter().filter(|path| !there(path)).map(|path| path.join(".")).collect()
}

impl Conductor {
    /// Restores it into a private server and compares what comes out with what was dumped.
    pub(super) async fn restore_to_prove(
        &mut self,
        step: &Step,
        restore: &Psql,
        part: &Path,
        then: &Then,
    ) -> Result<String, Failed> {
        let folder = restore.program.parent();
        let bin_dir = folder.filter(|folder| folder.join("initdb").is_file()).map(Path::to_owned);
        let server = match Embedded::start(Options { bin_dir, ..Options::default() }).await {
            Ok(server) => server,
            Err(error) => {
                let mut problem =
                    problems::plain(format!("no private server to restore the backup into: {error}"));
                problem.hint = Some("install PostgreSQL's server programs on this machine, or prove it with verify = \"list\"".into());
                return Err(problem.into());
            }
        };
        let database = server.config(PROOF);
        prepare(&server, then).await.map_err(|error| refused(&error))?;
        let handed = database
            .hand_over(server.dir(), "holdpoint backup", &[])
            .map_err(|error| problems::plain(format!("the private server can't be handed over: {error}")))?;
        let args = vec!["--no-password".to_owned(), format!("--dbname={PROOF}"), part.display().to_string()];
        let said = self.run_with(step, restore, args, handed.environment, vec![handed.passfile]).await?;
        said.failed("pg_restore", &|why| {
            let mut problem = problems::plain(format!("the backup doesn't restore: pg_restore {why}"));
            problem.hint = Some(if why.contains("extension") {
                "an extension isn't installed beside the private server: the backup may be whole, and isn't proven".into()
            } else {
                "it can't be relied on: make it again, and look at the disk".to_owned()
            });
            problem
        })?;
        let words = || "comparing what was restored with what was there".to_owned();
        let compared = self.patiently(&step.id, words, held_against(&database, then)).await;
        let compared = compared.map_err(|why| self.interrupted_by(why))?;
        let differs = compared.map_err(|error| match error {
            MeasureError::Pg(error) => refused(&error),
            error => problems::plain(format!("what was restored can't be compared: failed to {error}")),
        })?;
        if !differs.is_empty() {
            let named: Vec<&str> = differs.iter().take(NAMED).map(String::as_str).collect();
            let more = match differs.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let what = format!(
                "what comes out of the backup isn't what was in the database: {}{more}",
                named.join(", ")
            );
            return Err(problems::plain(what).into());
        }
        let rows: u64 = then.rows.values().map(|content| content.rows).sum();
        Ok(format!(
            "restored into a private server: {} definitions and {rows} rows are the same",
            then.schema.objects.len()
        ))
    }
}

fn refused(error: &PgError) -> crate::run::event::Problem {
    problems::plain(format!("the private server: {}", error.sentence()))
}

/// A database of the same encoding, and the roles that own or are granted something.
async fn prepare(server: &Embedded, then: &Then) -> Result<(), PgError> {
    let mut session = Session::connect(&server.config("template1"), "proof").await?;
    let made = format!(
        "CREATE DATABASE {PROOF} TEMPLATE template0 ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C'",
        literal(&then.encoding)
    );
    session.batch(&made).await?;
    for role in &then.roles {
        if let Err(error) = session.batch(&format!("CREATE ROLE {}", identifier(role))).await
            && error.is_lost()
        {
            return Err(error);
        }
    }
    session.close().await;
    Ok(())
}

/// Whether a dump of one database has it. An extension comes in the version that is installed.
pub(super) fn is_in_it(residue: &Residue) -> bool {
    let both = residue.before.is_some() && residue.after.is_some();
    let other_version = both && residue.object.starts_with("extension ");
    !other_version && !NOT_IN_IT.iter().any(|kind| residue.object.starts_with(kind))
}

/// What differs between what was dumped and what came out.
async fn held_against(database: &ConnectConfig, then: &Then) -> Result<Vec<String>, MeasureError> {
    let mut session = Session::connect(database, "proof").await?;
    let mut now = Fingerprint::take(&mut session).await?;
    let other_major = now.major != then.schema.major;
    now.major = then.schema.major;
    let counts = |residue: &Residue| {
        // Definitions read otherwise in another major version.
        let both = residue.before.is_some() && residue.after.is_some();
        is_in_it(residue) && !(both && other_major)
    };
    let mut differs: Vec<String> = Fingerprint::diff(&then.schema, &now)?
        .into_iter()
        .filter(counts)
        .map(|residue| residue.object)
        .collect();
    if differs.is_empty() {
        let tables: Vec<String> = then.rows.keys().cloned().collect();
        let found = content::contents(&mut session, &tables, None).await?;
        for (table, before) in &then.rows {
            match found.get(table) {
                Some(now) if now.rows != before.rows => {
                    differs.push(format!("rows of {table} ({}, {} were there)", now.rows, before.rows));
                }
                Some(now) if now.hash == before.hash => {}
                _ => differs.push(format!("content of {table}")),
            }
        }
    }
    session.close().await;
    Ok(differs)
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn tables_are_found_in_the_list_by_their_whole_name() {
        let list: Vec<String> = [
            ";     dbname: shop",
            "219; 1259 16391 TABLE public orders app",
            "220; 1259 16392 TABLE sales Order Lines app",
            "3401; 0 16391 TABLE DATA public orders app",
        ]
        .map(str::to_owned)
        .to_vec();
        let table = |schema: &str, name: &str| vec![schema.to_owned(), name.to_owned()];
        let tables = [table("public", "orders"), table("sales", "Order Lines"), table("public", "order")];
        assert_eq!(missing(&list, &tables), ["public.order"]);
    }
}
