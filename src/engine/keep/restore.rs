//! `restore`: the database as it was in a backup of this run, in one transaction with the ledger's row.
//!
//! `pg_restore --clean --if-exists` makes SQL of the backup; what is there now is dropped before it, since a
//! restore leaves what came since and stumbles over what depends on it. That runs as any script does: a lock
//! that isn't to be had is tried for again, with who holds it; when anything fails, nothing has changed; after
//! a stop the ledger says what became of it. The ledger itself is neither in the backup nor dropped.

use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Instant;

use super::artifacts::unwritten;
use super::backup::{Failed, mb};
use super::compare::verdict;
use super::content::Kept;
use super::proof::is_in_it;
use super::snapshot::Found;
use crate::engine::conductor::Conductor;
use crate::engine::digests::hex;
use crate::engine::problems;
use crate::engine::sources::Source;
use crate::engine::stop::Stop;
use crate::engine::unit::millis;
use crate::pg::Psql;
use crate::pg::fingerprint::Fingerprint;
use crate::pg::image::Missing;
use crate::plan::expect::Verdict;
use crate::plan::model::{SnapshotKind, Step};
use crate::plan::slug::slug;
use crate::run::event::{BackupTaken, CheckpointResult, Direction, Event, Problem, When};
use sha2::{Digest, Sha256};

/// How objects begin that a restore makes anew, with the word that drops them, in the order in which they go.
const ANEW: [(&str, &str); 13] = [
    ("view ", "VIEW"),
    ("materialized view ", "MATERIALIZED VIEW"),
    ("foreign table ", "FOREIGN TABLE"),
    ("table ", "TABLE"),
    ("sequence ", "SEQUENCE"),
    ("function ", "ROUTINE"),
    ("procedure ", "ROUTINE"),
    ("aggregate ", "ROUTINE"),
    ("enum ", "TYPE"),
    ("composite type ", "TYPE"),
    ("range type ", "TYPE"),
    ("type ", "TYPE"),
    ("domain ", "DOMAIN"),
];
/// Those that go only when they weren't there.
const NEW: [(&str, &str); 4] = [
    ("event trigger ", "EVENT TRIGGER"),
    ("publication ", "PUBLICATION"),
    ("extension ", "EXTENSION"),
    ("schema ", "SCHEMA"),
];

impl Conductor {
    /// The SQL that brings the backup back, made now.
    pub(in crate::engine) async fn restore_script(
        &mut self,
        step: &Step,
        backup: &str,
    ) -> Result<Result<Source, Problem>, Stop> {
        match self.make_script(step, backup).await {
            Ok(source) => Ok(Ok(source)),
            Err(Failed::Stop(stop)) => Err(stop),
            Err(Failed::Problem(mut problem)) => {
                problem
                    .consequence
                    .get_or_insert_with(|| "nothing was restored, and nothing has changed".into());
                Ok(Err(*problem))
            }
        }
    }

    async fn make_script(&mut self, step: &Step, backup: &str) -> Result<Source, Failed> {
        let (taken, then) = self.whole_backup(step, backup).await?;
        let file = PathBuf::from(&taken.file.path);
        let restore = Psql::named("pg_restore", self.look.server_version())
            .map_err(|error| problems::plain(error.to_string()))?;
        let path = self.folder.path().join(format!("restore-{}.sql", slug(&step.id)));
        // All rows of the database will stand in it: it is this user's alone before pg_restore opens it.
        let _ = std::fs::remove_file(&path);
        let mut own = std::fs::OpenOptions::new();
        own.write(true).create_new(true).mode(0o600).open(&path).map_err(|error| unwritten(&path, &error))?;
        let args = vec![
            "--clean".to_owned(),
            "--if-exists".to_owned(),
            format!("--file={}", path.display()),
            file.display().to_string(),
        ];
        let said = self.run_tool(step, &restore, args, false).await?;
        said.failed("pg_restore", &|why| {
            let mut problem = problems::plain(format!("the backup can't be restored: pg_restore {why}"));
            if why.contains("No space left on device") {
                problem.hint = Some(format!("make room for {}, then retry", path.display()));
            }
            problem
        })?;
        let now = self.schema_for_restore(step).await?;
        let made = path.metadata().map_or(0, |file| file.len());
        self.says.say(&step.id, &format!("restores {}, {} of SQL", file.display(), mb(made)));
        Ok(Source::Made {
            name: format!("backup {backup}"),
            head: drops(&then, &now),
            path,
            digest: taken.file.digest,
        })
    }

    /// The newest backup of a step, whose file is as it was made, and the schema as it was then.
    pub(super) async fn whole_backup(
        &mut self,
        step: &Step,
        backup: &str,
    ) -> Result<(BackupTaken, Fingerprint), Failed> {
        let (taken, then) = self.backup_of(backup).map_err(problems::plain)?;
        let file = PathBuf::from(&taken.file.path);
        if let Err(error) = std::fs::metadata(&file) {
            let what = format!("backup \"{backup}\" can't be read from {}: {error}", file.display());
            return Err(problems::plain(what).into());
        }
        let found = self.digest_of(&step.id, &file).await?;
        if found.1 != taken.file.digest {
            let what = format!("{} isn't the backup that was made: its SHA-256 is another", file.display());
            return Err(problems::plain(what).into());
        }
        Ok((taken, then))
    }

    async fn schema_for_restore(&mut self, step: &Step) -> Result<Fingerprint, Failed> {
        let read = self.read_now(SnapshotKind::Schema, &[], step.role.as_deref(), Missing::LeftOut).await?;
        match read? {
            Found::Kept(Kept::Schema { schema }) => Ok(schema),
            _ => Err(problems::plain("the schema can't be read").into()),
        }
    }

    /// The newest backup of a step, and the schema as it was then.
    fn backup_of(&self, step: &str) -> Result<(BackupTaken, Fingerprint), String> {
        let taken =
            self.recorder.look(|run| run.backups.iter().rev().find(|taken| taken.step == step).cloned());
        let Some(taken) = taken else {
            return Err(format!("backup \"{step}\" wasn't made in this run: there is nothing to restore"));
        };
        if taken.of_source {
            return Err(format!("backup \"{step}\" is of the source: it isn't what the target was"));
        }
        let path = &taken.schema.path;
        let bytes = std::fs::read(path).map_err(|error| format!("{path} can't be read: {error}"))?;
        if hex(&Sha256::digest(&bytes)) != taken.schema.digest {
            return Err(format!("{path} isn't as the run wrote it: what the backup held can't be known"));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Kept::Schema { schema }) => Ok((taken, schema)),
            Ok(_) => Err(format!("{path} holds something else")),
            Err(error) => Err(format!("{path}: {error}")),
        }
    }

    /// Holds the schema against that of the backup, once it is committed.
    pub(in crate::engine) async fn verify_restored(
        &mut self,
        step: &Step,
        backup: &str,
    ) -> Result<bool, Stop> {
        let began = Instant::now();
        let expected = format!("as in backup \"{backup}\"");
        let verdict = match (self.backup_of(backup), self.schema_for_restore(step).await) {
            (_, Err(Failed::Stop(stop))) => return Err(stop),
            (Err(why), _) => Verdict::fail(expected, "not compared", why),
            (_, Err(Failed::Problem(problem))) => Verdict::fail(expected, "not compared", problem.message),
            (Ok((_, then)), Ok(now)) => match Fingerprint::diff(&then, &now) {
                Ok(mut residue) => {
                    residue.retain(is_in_it);
                    verdict(expected, &residue, &[])
                }
                Err(error) => Verdict::fail(expected, "not compared", format!("failed to {error}")),
            },
        };
        let passed = verdict.passed;
        self.record(Event::CheckpointResult(Box::new(CheckpointResult {
            step: step.id.clone(),
            checkpoint: format!("{}/restored", step.id),
            title: "the schema is that of the backup".into(),
            direction: Direction::Forward,
            when: When::AfterCommit,
            verdict,
            elapsed_ms: millis(began.elapsed()),
            otherwise: step.otherwise.clone(),
        })))
        .await?;
        // All rows of the database stand in it.
        let made = self.folder.path().join(format!("restore-{}.sql", slug(&step.id)));
        if let Err(error) = std::fs::remove_file(&made)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, file = %made.display(), "SQL of a restore stays");
        }
        Ok(passed)
    }
}

/// Drops what the restore makes anew, and what wasn't there. holdpoint's own schema is in no fingerprint.
fn drops(then: &Fingerprint, now: &Fingerprint) -> String {
    let mut by_rank: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for object in now.objects.keys() {
        let anew = ANEW.iter().enumerate().find(|(_, (begin, _))| object.starts_with(begin));
        let new = NEW.iter().enumerate().find(|(_, (begin, _))| object.starts_with(begin));
        let (rank, begin, word) = match (anew, new) {
            (Some((rank, (begin, word))), _) => (rank, *begin, *word),
            (None, Some((rank, (begin, word)))) if !then.objects.contains_key(object) => {
                (rank + ANEW.len(), *begin, *word)
            }
            _ => continue,
        };
        let name = &object[begin.len()..];
        by_rank.entry(rank).or_default().push(format!("DROP {word} IF EXISTS {name} CASCADE;\n"));
    }
    let drops: String = by_rank.into_values().flatten().collect();
    format!("SET LOCAL client_min_messages = warning;\n{drops}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_goes_and_schemas_only_when_they_are_new() {
        let schema = |objects: &[&str]| Fingerprint {
            objects: objects.iter().map(|object| ((*object).to_owned(), String::new())).collect(),
            ..Fingerprint::default()
        };
        let then = schema(&["schema public", "table public.t"]);
        let now = schema(&[
            "schema public",
            "schema more",
            "table public.t",
            "column public.t.id",
            "enum public.\"A b\"",
            "function public.f(integer)",
            "view more.v",
        ]);
        assert_eq!(
            drops(&then, &now),
            "SET LOCAL client_min_messages = warning;\nDROP VIEW IF EXISTS more.v CASCADE;\n\
             DROP TABLE IF EXISTS public.t CASCADE;\nDROP ROUTINE IF EXISTS public.f(integer) CASCADE;\n\
             DROP TYPE IF EXISTS public.\"A b\" CASCADE;\nDROP SCHEMA IF EXISTS more CASCADE;\n"
        );
    }
}
