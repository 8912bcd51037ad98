//! Random scripts, by psql and by the real program: the same statements, the same end, the same error.
//!
//! `HOLDPOINT_RANDOM_SCRIPTS` says how many, and `HOLDPOINT_RANDOM_SEED` where the seeds begin. A script
//! that differs is made smaller and shown with its seed.

#![allow(clippy::unwrap_used)] // a test stops where it fails

#[allow(dead_code, reason = "the crosses use the rest")]
mod differ;
#[path = "script/server.rs"]
mod server;

use differ::batch;
use differ::kept::{Kept, is_kept, kept};
use differ::random::{Pieces, random};
use differ::script::Script;
use differ::verdict::Same;
use server::Server;
use std::collections::BTreeMap;

/// Failures that are made smaller and shown.
const SHOWN: usize = 5;

#[test]
fn random_scripts_do_what_they_do_by_psql() {
    let number =
        |name: &str, default| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(default);
    let first: u64 = number("HOLDPOINT_RANDOM_SEED", 1);
    let count: u64 = number("HOLDPOINT_RANDOM_SCRIPTS", 2000);
    let server = Server::start();
    let kept = kept();
    let all: Vec<Pieces> = (first..first + count).map(random).collect();
    let (mut same, mut on_purpose) = (BTreeMap::<Same, usize>::new(), 0);
    let mut differ = Vec::new();
    for (pieces, verdict) in all.iter().zip(batch::run(&server, &scripts(&all))) {
        match verdict {
            Ok(how) => *same.entry(how).or_default() += 1,
            Err(difference) if is_kept(&kept, &pieces.script(), &difference) => on_purpose += 1,
            Err(difference) => {
                println!("{}: {}", pieces.name, difference.text);
                differ.push(pieces);
            }
        }
    }
    println!("{count} random scripts: {same:?}, {on_purpose} differ as docs/psql.md says");
    if !differ.is_empty() {
        println!("{} differ; the first are being made smaller", differ.len());
    }
    let shown: Vec<String> = differ.iter().take(SHOWN).map(|pieces| shrunk(&server, pieces, &kept)).collect();
    let seeds: Vec<&str> = differ.iter().map(|pieces| pieces.name.as_str()).collect();
    assert!(differ.is_empty(), "{} of {count} differ: {seeds:?}\n{}", differ.len(), shown.join("\n"));
    // A generator of nothing but failures would prove little.
    assert!(same[&Same::Done] * 5 > count as usize, "{same:?}");
}

fn scripts(all: &[Pieces]) -> Vec<Script> {
    all.iter().map(Pieces::script).collect()
}

/// The smallest script that still differs, and how.
fn shrunk(server: &Server, pieces: &Pieces, kept: &[Kept]) -> String {
    let mut smallest = pieces.clone();
    let mut how = String::from("it doesn't differ when it runs again");
    let mut candidates = vec![pieces.clone()];
    loop {
        let verdicts = batch::run(server, &scripts(&candidates));
        let found = candidates.into_iter().zip(verdicts).find_map(|(pieces, verdict)| match verdict {
            Err(difference) if !is_kept(kept, &pieces.script(), &difference) => Some((pieces, difference)),
            _ => None,
        });
        let Some((found, difference)) = found else { break };
        (smallest, how) = (found, difference.text);
        candidates = smallest.smaller();
        if candidates.is_empty() {
            break;
        }
    }
    format!(
        "=== {}, at its smallest:\n{}\n{:?}\n{how}",
        pieces.name,
        smallest.script().text,
        smallest.script().text
    )
}
