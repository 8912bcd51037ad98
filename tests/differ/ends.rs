//! The end of a script: what pg_dump has of its schema.

use crate::server::Server;
use std::collections::HashMap;

/// Everything in a database, in the words of pg_dump, by schema. What has none is under `-`.
pub fn ends(server: &Server, database: &str) -> HashMap<String, String> {
    let output =
        server.program("pg_dump", database).args(["-N", "holdpoint"]).output().expect("pg_dump runs");
    assert!(output.status.success(), "{database}: {}", String::from_utf8_lossy(&output.stderr));
    let dump = String::from_utf8(output.stdout).expect("a dump in UTF-8");
    let mut ends: HashMap<String, String> = HashMap::new();
    let mut schema = None;
    for line in dump.split_inclusive('\n') {
        if line.starts_with("-- Name: ") || line.starts_with("-- Data for Name: ") {
            // What stands between the parts depends on what the other schemas have.
            if let Some(end) = schema.and_then(|schema: &str| ends.get_mut(schema)) {
                end.truncate(end.trim_end().len());
                end.push('\n');
            }
            schema = line.split("; Schema: ").nth(1).and_then(|rest| rest.split("; Owner").next());
        }
        // In front of the first one stand the settings and a key that is new every time.
        if let Some(schema) = schema
            && line != "--\n"
            && !line.starts_with("SET default_table")
        {
            ends.entry(schema.to_owned()).or_default().push_str(line);
        }
    }
    // Behind the last one stands the key again.
    for end in ends.values_mut() {
        if let Some(at) = end.find("-- PostgreSQL database dump complete") {
            end.truncate(at);
        }
        end.truncate(end.trim_end().len());
    }
    ends
}
