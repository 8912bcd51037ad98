//! What differs between two fingerprints, object by object.

use std::collections::BTreeSet;

use super::Fingerprint;
use crate::pg::measure::MeasureError;
use crate::run::event::Residue;

impl Fingerprint {
    /// What was added, removed and changed, with both definitions. Sorted by object; the order of
    /// columns is an object of its own. Both must come from the same major version.
    pub fn diff(before: &Self, after: &Self) -> Result<Vec<Residue>, MeasureError> {
        if before.major != after.major {
            return Err(MeasureError::OtherMajor { before: before.major, after: after.major });
        }
        Ok(Self::diff_across(before, after))
    }

    /// As [`Self::diff`], of any versions. What two versions merely write differently is a difference here: it
    /// never hides one.
    #[must_use]
    pub fn diff_across(before: &Self, after: &Self) -> Vec<Residue> {
        let keys: BTreeSet<&String> = before.objects.keys().chain(after.objects.keys()).collect();
        let mut residue: Vec<Residue> = keys
            .into_iter()
            .map(|key| (key, before.objects.get(key), after.objects.get(key)))
            .filter(|(_, before, after)| before != after)
            .map(|(key, before, after)| Residue {
                object: key.clone(),
                before: before.cloned(),
                after: after.cloned(),
            })
            .collect();
        for (table, then) in &before.column_order {
            let Some(now) = after.column_order.get(table) else { continue };
            let both = |columns: &[String], other: &[String]| -> Vec<String> {
                columns.iter().filter(|column| other.contains(column)).cloned().collect()
            };
            let (then, now) = (both(then, now), both(now, then));
            if then != now {
                residue.push(Residue {
                    object: format!("column order of {table}"),
                    before: Some(then.join(", ")),
                    after: Some(now.join(", ")),
                });
            }
        }
        residue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(objects: &[(&str, &str)], order: &[&str]) -> Fingerprint {
        Fingerprint {
            major: 15,
            objects: objects.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect(),
            column_order: [("public.t".to_owned(), order.iter().map(ToString::to_string).collect())].into(),
        }
    }

    #[test]
    fn added_removed_changed() {
        let before = with(&[("table a", "1"), ("table b", "1"), ("table c", "1")], &["x"]);
        let after = with(&[("table b", "2"), ("table c", "1"), ("table d", "1")], &["x"]);
        let residue = Fingerprint::diff(&before, &after).unwrap();
        let shown: Vec<_> = residue
            .iter()
            .map(|r| format!("{} {:?} {:?}", r.object, r.before.as_deref(), r.after.as_deref()))
            .collect();
        assert_eq!(
            shown,
            ["table a Some(\"1\") None", "table b Some(\"1\") Some(\"2\")", "table d None Some(\"1\")"]
        );
        assert_ne!(before.digest(), after.digest());
        assert_eq!(before.digest(), before.clone().digest());
    }

    #[test]
    fn a_new_column_is_no_change_of_order_but_a_moved_one_is() {
        let before = with(&[], &["a", "b", "c"]);
        assert_eq!(Fingerprint::diff(&before, &with(&[], &["a", "b", "c", "d"])).unwrap(), []);
        let moved = Fingerprint::diff(&before, &with(&[], &["a", "c", "b"])).unwrap();
        assert_eq!(moved[0].object, "column order of public.t");
        assert_eq!(moved[0].after.as_deref(), Some("a, c, b"));
    }

    #[test]
    fn another_major_version_is_refused() {
        let newer = Fingerprint { major: 16, ..with(&[], &[]) };
        assert!(Fingerprint::diff(&with(&[], &[]), &newer).is_err());
    }
}
