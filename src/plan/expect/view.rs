//! The part of an answer that an expectation looks at.

use super::answer::Answer;
use super::compare::Field;
use super::show;
use super::value::Kind;
use super::verdict::names;

/// Columns of an answer, by their place in it.
#[derive(Debug)]
pub(super) struct View<'a> {
    answer: &'a Answer,
    columns: Vec<(usize, Kind)>,
}

impl<'a> View<'a> {
    /// The named columns in the order they are named; all when none is.
    pub(super) fn new(answer: &'a Answer, wanted: &[String]) -> Result<View<'a>, String> {
        let places = if wanted.is_empty() {
            (0..answer.columns.len()).collect()
        } else {
            wanted.iter().map(|name| place(answer, name)).collect::<Result<Vec<_>, _>>()?
        };
        // No server sends that; were it taken for NULL, it could pass.
        let width = answer.columns.len();
        if let Some(row) = answer.rows.iter().position(|row| row.len() != width) {
            return Err(format!(
                "row {} has {} for {}",
                row + 1,
                show::count(answer.rows[row].len() as u64, "value"),
                show::count(width as u64, "column")
            ));
        }
        let columns = places.into_iter().map(|at| (at, Kind::of(answer.columns[at].type_oid))).collect();
        Ok(View { answer, columns })
    }

    pub(super) fn width(&self) -> usize {
        self.columns.len()
    }

    /// How many rows were kept.
    pub(super) fn height(&self) -> usize {
        self.answer.rows.len()
    }

    pub(super) fn column(&self, at: usize) -> String {
        self.columns
            .get(at)
            .map_or_else(String::new, |(place, _)| show::plain(&self.answer.columns[*place].name))
    }

    pub(super) fn columns(&self) -> String {
        names(self.columns.iter().map(|(place, _)| self.answer.columns[*place].name.as_str()))
    }

    pub(super) fn row(&self, row: usize) -> Vec<Field<'_>> {
        (0..self.width()).map(|at| self.field(row, at)).collect()
    }

    pub(super) fn field(&self, row: usize, at: usize) -> Field<'_> {
        let (place, kind) = &self.columns[at];
        let text = self.answer.rows.get(row).and_then(|row| row.get(*place)).and_then(|text| text.as_deref());
        Field::new(kind, text)
    }

    /// All kept rows as one text, for looking for fragments: cells parted by tabs, rows by line ends.
    pub(super) fn joined(&self) -> String {
        let mut joined = String::new();
        for row in &self.answer.rows {
            for (at, (place, _)) in self.columns.iter().enumerate() {
                if at > 0 {
                    joined.push('\t');
                }
                if let Some(Some(text)) = row.get(*place) {
                    joined.push_str(text);
                }
            }
            joined.push('\n');
        }
        joined
    }

    /// A row in words.
    pub(super) fn shown(&self, row: usize) -> String {
        show::row(self.row(row).iter().map(Field::shown))
    }
}

/// Why the kept rows aren't all there are; what rests on all rows can't be judged then.
pub(super) fn incomplete(answer: &Answer) -> Option<String> {
    let kept = u64::try_from(answer.rows.len()).unwrap_or(u64::MAX);
    if answer.truncated.is_none() && kept == answer.total_rows {
        return None;
    }
    let bound =
        answer.truncated.as_deref().map_or_else(String::new, |bound| format!(" ({})", show::plain(bound)));
    Some(format!(
        "only {kept} of {} were kept{bound}, so this can't be judged; let the query select or \
         count what matters",
        show::count(answer.total_rows, "row")
    ))
}

fn place(answer: &Answer, name: &str) -> Result<usize, String> {
    let mut places =
        answer.columns.iter().enumerate().filter(|(_, column)| column.name == name).map(|(at, _)| at);
    match (places.next(), places.next()) {
        (Some(at), None) => Ok(at),
        (Some(_), Some(_)) => {
            Err(format!("more than one column is named {}; name them apart with AS", show::plain(name)))
        }
        (None, _) => Err(format!(
            "there is no column {}; there is {}",
            show::plain(name),
            if answer.columns.is_empty() {
                "none at all".to_owned()
            } else {
                names(answer.columns.iter().map(|column| column.name.as_str()))
            }
        )),
    }
}
