//! Saved values: what `save = "before"` keeps of an answer, and under which names.

use std::collections::BTreeMap;

use super::Answer;
use super::show;

/// A saved value: text as the server gave it, and its type.
///
/// A variable of the plan is text by nature, and has no type of its own: given with type 0 (or
/// `unknown`, 705) it takes the type of what it is compared with, as a quoted literal does in SQL.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SavedValue {
    pub text: Option<String>,
    pub type_oid: u32,
}

/// Saved values by name.
pub type Saved = BTreeMap<String, SavedValue>;

/// The values that `save = "NAME"` gives: `NAME` when there is one column, and `NAME_COLUMN` for
/// each column.
pub fn save(name: &str, answer: &Answer) -> Result<Vec<(String, SavedValue)>, String> {
    if answer.total_rows != 1 {
        return Err(format!(
            "{} to save as {name}; saving needs exactly one",
            show::count(answer.total_rows, "row")
        ));
    }
    let Some(row) = answer.rows.first().filter(|_| answer.rows.len() == 1) else {
        let bound = answer.truncated.as_deref().unwrap_or("its bound");
        return Err(format!("the row to save as {name} wasn't kept ({bound}); select less"));
    };
    if let Some(cut) = &answer.cut {
        return Err(format!("only the beginning of {cut} was kept; it can't be saved as {name}"));
    }
    if answer.columns.is_empty() || row.len() != answer.columns.len() {
        return Err(format!("a row without columns can't be saved as {name}"));
    }
    let mut values = Vec::with_capacity(row.len() + 1);
    for (at, (column, text)) in answer.columns.iter().zip(row).enumerate() {
        if answer.columns[..at].iter().any(|other| other.name == column.name) {
            return Err(format!(
                "two columns are named {}; {name} can't tell them apart: name them with AS",
                show::plain(&column.name)
            ));
        }
        let value = SavedValue { text: text.clone(), type_oid: column.type_oid };
        if answer.columns.len() == 1 {
            values.push((name.to_owned(), value.clone()));
        }
        values.push((format!("{name}_{}", column.name), value));
    }
    Ok(values)
}
