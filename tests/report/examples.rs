//! The reports in docs/examples are of runs as they are today: each is made again and compared, but for what differs
//! from run to run.

use std::path::{Path, PathBuf};

use regex::Regex;

use crate::scene::Said;
use crate::scene::corner::Corner;

/// Shipped plans whose demo has its report in docs/examples.
const EXAMPLES: &[&str] = &["kochel-phase-a", "v7-database-phase", "week2-staging"];

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/examples").join(name)
}

/// Without times, sizes, ids, places and the machine; nor with what only says how quick the machine was: a step
/// that took longer or less than planned, and how often a watch was asked meanwhile.
fn lasting(text: &str) -> Vec<String> {
    let patterns = [
        (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "RUN"),
        (r"\b[0-9a-f]{64}\b", "DIGEST"),
        (r"sha256 [0-9a-f]{12}", "DIGEST"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d \([^)]*\)", "MOMENT"),
        (r"(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d", "TIME"),
        (r"\b(\d+(\.\d+)? ?(µs|ms|s)|\d+:\d\d)(?:\b|$)", "TOOK"),
        (r#"(<span class="mark warn">!</span> |! )?(TOOK (over|under)|\bwithin\b)"#, "AGAINST"),
        (r"(Deviations(?: \| |</dt><dd>))\d+", "${1}N"),
        (r"(Migration execution(?: \| |</td><td>))\d+", "${1}N"),
        (r"\b\d+(\.\d+)? (bytes|kB|MB)\b", "SIZE"),
        (r"\b\d{7,9}\b", "SIZE"),
        (", less than TOOK away from it", ""),
        (r"pg_dump \d+\.\d+", "pg_dump VERSION"),
        (r"/[^\s`|<]*/(artifacts|snapshots)/", "PLACE/"),
        (r"/[^\s,:<`|]*/holdpoint-[A-Za-z0-9-]+", "PLACE"),
        (r"postgres@[^<`|]*/postgres", "TARGET"),
        (r"system identifier \d+", "SYSTEM"),
        (r"database oid \d+", "OID"),
        (r"\b\d\d\.\d+ \([^)]*\)", "VERSION"),
        (r"PostgreSQL \d+[^|<]*", "PostgreSQL VERSION"),
        (r"\S+ on \S+, process \d+", "OPERATOR"),
        (r"OS user \S+ on [\w.-]+", "OPERATOR"),
        (r"\b\d+ events\b", "N events"),
        (r"Etc/UTC|\b[A-Z][a-z]+/[A-Z][A-Za-z_]+\b", "ZONE"),
        (r#"(x|y|x1|x2|y1|y2|width|height)="[\d.]+""#, "$1=N"),
    ];
    let patterns = patterns.map(|(pattern, word)| (Regex::new(pattern).unwrap(), word));
    let of_axis =
        |line: &&str| !line.starts_with("<line class=\"grid\"") && !line.starts_with("<text class=\"axis\"");
    let without = |line: &str| {
        patterns
            .iter()
            .fold(line.to_owned(), |line, (find, word)| find.replace_all(&line, *word).into_owned())
    };
    let lines = text.lines().filter(of_axis).map(without);
    lines.filter(|line| !line.contains("took TOOK, planned TOOK")).collect()
}

#[test]
fn the_examples_are_current() {
    std::thread::scope(|side_by_side| {
        for plan in EXAMPLES {
            side_by_side.spawn(|| is_current(plan));
        }
    });
}

fn is_current(plan: &str) {
    let corner = Corner::new();
    Said::by(corner.command(&format!("demo {plan} --plain --state-dir state"))).exits(0);
    for format in ["md", "html"] {
        let name = format!("{plan}.{format}");
        let made = Said::by(corner.command(&format!("report --state-dir state --format {format}")));
        made.exits(0);
        if std::env::var_os("HOLDPOINT_UPDATE").is_some() {
            std::fs::create_dir_all(example("")).unwrap();
            std::fs::write(example(&name), &made.out).unwrap();
        }
        let kept = std::fs::read_to_string(example(&name)).unwrap_or_default();
        let (kept, made) = (lasting(&kept), lasting(&made.out));
        let differs = kept.iter().zip(&made).find(|(kept, made)| kept != made);
        assert!(
            kept == made,
            "docs/examples/{name} isn't what the run of today says, first at {differs:#?}; HOLDPOINT_UPDATE=1 cargo \
             test --test report writes it anew"
        );
    }
}
