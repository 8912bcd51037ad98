//! `into`: the answer of a check or checkpoint as a file of the run, whole or not at all.
//!
//! `.csv` has a heading and RFC 4180's quotes, with NULL as nothing between two commas; `.json` is a list of
//! objects; any other name gets a table as psql prints it.

use super::conductor::Conductor;
use super::copy::Writing;
use super::print;
use super::stop::Stop;
use super::table::Table;
use crate::plan::expect::{Answer, Outcome, Verdict};
use crate::plan::model::{Ask, Checkpoint, Compared};

impl Conductor {
    /// Writes the answer where the plan wants it. What can't be written fails the checkpoint.
    pub(super) async fn keep_answer(
        &mut self,
        step: &str,
        checkpoint: &Checkpoint,
        outcome: &Outcome,
        verdict: Verdict,
    ) -> Result<Verdict, Stop> {
        let Some(into) = &checkpoint.into else { return Ok(verdict) };
        let (text, rows) = match (outcome, &checkpoint.ask) {
            (Outcome::Rows(answer), Ask::Compare(compare)) if !answer.columns.is_empty() => {
                match compare.of {
                    Compared::Schema => (lines(answer), answer.total_rows),
                    _ => match written(answer, into) {
                        Ok(text) => (text, answer.total_rows),
                        Err(why) => return Ok(unkept(verdict, into, why)),
                    },
                }
            }
            (_, Ask::Inventory(_) | Ask::Compare(_)) => (format!("{}\n", verdict.got.replace("; ", "\n")), 0),
            (Outcome::Rows(answer), _) => match written(answer, into) {
                Ok(text) => (text, answer.total_rows),
                Err(why) => return Ok(unkept(verdict, into, why)),
            },
            // There is no answer; why is in the verdict.
            (Outcome::Error(_), _) => return Ok(verdict),
        };
        let place = self.place_in_plan(checkpoint.line);
        let path = self.artifact(into).map_err(|problem| problem.message);
        let finished = path.and_then(|path| {
            let mut writing = Writing::at(&path, into, place).map_err(|problem| problem.message)?;
            writing.put(self.secrets.mask(&text).as_bytes());
            writing.count(rows);
            writing.finish().map_err(|error| error.to_string())
        });
        match finished {
            Ok(written) => {
                let own = checkpoint.id == step;
                self.record_artifact(step, (!own).then_some(checkpoint.id.as_str()), written).await?;
                Ok(verdict)
            }
            Err(why) => Ok(unkept(verdict, into, why)),
        }
    }
}

fn unkept(verdict: Verdict, file: &str, why: String) -> Verdict {
    let kept = Verdict::fail(format!("kept in {file}"), "not kept", why);
    Verdict::all_of(vec![(String::new(), verdict), (String::new(), kept)])
}

/// The file's text, or why there is none.
fn written(answer: &Answer, file: &str) -> Result<String, String> {
    if let Some(why) = answer.truncated.as_ref().or(answer.cut.as_ref()) {
        let kept = answer.rows.len();
        return Err(format!(
            "the answer has {} rows, and {kept} of them were kept ({why}): write it with `\\copy … to` in a script",
            answer.total_rows
        ));
    }
    let lower = file.to_lowercase();
    if lower.ends_with(".csv") {
        return Ok(csv(answer));
    }
    if lower.ends_with(".json") {
        return Ok(json(answer));
    }
    let columns = answer.columns.iter().map(|column| crate::pg::Column {
        name: column.name.clone(),
        type_oid: column.type_oid,
        type_modifier: -1,
        type_size: -1,
        table_oid: 0,
        table_column: 0,
    });
    let mut table = Table::new(columns.collect(), true);
    table.rows.clone_from(&answer.rows);
    table.total = answer.total_rows;
    Ok(print::aligned(&table))
}

/// An answer whose rows are lines.
fn lines(answer: &Answer) -> String {
    let lines = answer.rows.iter().filter_map(|row| row.first()?.as_deref());
    lines.map(|line| format!("{line}\n")).collect()
}

fn csv(answer: &Answer) -> String {
    let quoted = |text: &str| match text.is_empty() || text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    };
    let names: Vec<String> = answer.columns.iter().map(|column| quoted(&column.name)).collect();
    let rows = answer.rows.iter().map(|row| {
        let cells = row.iter().map(|cell| cell.as_deref().map(quoted).unwrap_or_default());
        cells.collect::<Vec<_>>().join(",")
    });
    let mut out = String::new();
    for line in std::iter::once(names.join(",")).chain(rows) {
        out.push_str(&line);
        out.push_str("\r\n");
    }
    out
}

fn json(answer: &Answer) -> String {
    let rows = answer.rows.iter().map(|row| {
        let cells = answer.columns.iter().zip(row).map(|(column, cell)| {
            let value = cell.as_ref().map_or("null".to_owned(), |text| value(text, column.type_oid));
            format!("{}: {value}", serde_json::Value::from(column.name.as_str()))
        });
        format!("  {{ {} }}", cells.collect::<Vec<_>>().join(", "))
    });
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() { "[]\n".to_owned() } else { format!("[\n{}\n]\n", rows.join(",\n")) }
}

/// Whole numbers, truth and JSON as such, everything else as the server writes it.
fn value(text: &str, type_oid: u32) -> String {
    match (type_oid, text) {
        (16, "t") => "true".to_owned(),
        (16, "f") => "false".to_owned(),
        (20 | 21 | 23 | 26 | 114 | 3802, text) => text.to_owned(),
        (_, text) => serde_json::Value::from(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::expect::Column;

    fn answer() -> Answer {
        let column = |name: &str| Column { name: name.to_owned(), type_oid: 25 };
        let row = |a: Option<&str>, b: &str| vec![a.map(str::to_owned), Some(b.to_owned())];
        Answer {
            columns: vec![column("a"), column("b, c")],
            rows: vec![row(None, "it's \"so\""), row(Some(""), "two\nlines")],
            total_rows: 2,
            ..Answer::default()
        }
    }

    #[test]
    fn null_and_the_empty_text_are_two_things() {
        let csv = written(&answer(), "x.CSV").unwrap();
        assert_eq!(csv, "a,\"b, c\"\r\n,\"it's \"\"so\"\"\"\r\n\"\",\"two\nlines\"\r\n");
        let json = written(&answer(), "x.json").unwrap();
        assert_eq!(
            json,
            "[\n  { \"a\": null, \"b, c\": \"it's \\\"so\\\"\" },\n  { \"a\": \"\", \"b, c\": \"two\\nlines\" }\n]\n"
        );
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    }

    #[test]
    fn a_part_is_no_file() {
        let answer = Answer { truncated: Some("rows".to_owned()), ..answer() };
        assert!(written(&answer, "x.csv").is_err());
    }
}
