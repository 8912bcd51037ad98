//! What each object was at moments of the run, and who changed it in between: from this follows what it
//! should be after a rollback. A function of its input alone.
//!
//! An interval has authors: the steps that may have changed something in it. One without authors is
//! others' time.

use std::collections::{BTreeMap, BTreeSet};

/// The author of what an earlier rollback did.
pub(super) const BACK: &str = "";

/// Objects and their values; an object that isn't there has no entry.
pub(super) type Values = BTreeMap<String, String>;

/// Moments in their order.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    points: Vec<Values>,
    /// Who may have changed something after the point of the same number.
    authors: Vec<BTreeSet<String>>,
}

/// What is to be said of one object.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It isn't as it was.
    Residue { object: String, before: Option<String>, after: Option<String> },
    /// Others wrote it, and it is as they left it.
    Others { object: String, before: Option<String>, after: Option<String> },
    /// It was changed by what was undone and by what stays: nobody can say what it should be.
    Unclear { object: String },
}

impl Timeline {
    /// A further moment. What stands between it and the next one may be by these authors.
    pub fn point(&mut self, values: Values, authors: BTreeSet<String>) {
        self.points.push(values);
        self.authors.push(authors);
    }

    /// Nothing is known of this moment, and from here on these may have changed something too.
    pub fn gap(&mut self, authors: BTreeSet<String>) {
        if let Some(last) = self.authors.last_mut() {
            last.extend(authors);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Judges what is there now. The last point is the one before the rollback.
    pub fn judge(&self, undone: &BTreeSet<String>, now: &Values) -> Vec<Finding> {
        let objects: BTreeSet<&String> = self.points.iter().chain([now]).flat_map(BTreeMap::keys).collect();
        objects.into_iter().filter_map(|object| self.judge_one(object, undone, now)).collect()
    }

    /// Whether an object is as these authors left it, after nothing else of this run: what stays because
    /// they do, and is known to.
    pub fn is_as_left_by(&self, authors: &BTreeSet<String>, object: &str, now: Option<&String>) -> bool {
        let mut left = None;
        for (at, pair) in self.points.windows(2).enumerate() {
            let (then, after) = (pair[0].get(object), pair[1].get(object));
            if then == after || self.authors[at].is_empty() {
                continue;
            }
            if self.authors[at].is_subset(authors) {
                left = Some(after);
            } else if left.is_none() {
                // What they found there was this run's work already.
                return false;
            }
        }
        left == Some(now)
    }

    /// What authors left of each object that they changed and that isn't back at what it was at first.
    pub fn left(&self) -> BTreeMap<&String, Option<&String>> {
        let mut left = BTreeMap::new();
        let by_authors = |(at, _): &(usize, &[Values])| !self.authors[*at].is_empty();
        for (_, pair) in self.points.windows(2).enumerate().filter(by_authors) {
            for object in pair[0].keys().chain(pair[1].keys()) {
                if pair[0].get(object) != pair[1].get(object) {
                    left.insert(object, pair[1].get(object));
                }
            }
        }
        let first = self.points.first();
        left.retain(|object, value| first.and_then(|first| first.get(*object)) != *value);
        left
    }

    fn judge_one(&self, object: &str, undone: &BTreeSet<String>, now: &Values) -> Option<Finding> {
        let values: Vec<Option<&String>> = self.points.iter().map(|point| point.get(object)).collect();
        let after = now.get(object);
        let (mut by_undone, mut by_stays, mut by_others) = (None, false, None);
        for (at, pair) in values.windows(2).enumerate().filter(|(_, pair)| pair[0] != pair[1]) {
            let authors = &self.authors[at];
            if authors.is_empty() {
                by_others = Some((pair[0], pair[1]));
            } else if authors.is_subset(undone) {
                by_undone = by_undone.or(Some(pair[0]));
            } else {
                by_stays = true;
            }
        }
        let last = values.last().copied().flatten();
        let owned = |value: Option<&String>| value.cloned();
        let residue = |before: Option<&String>| {
            (before != after).then(|| Finding::Residue {
                object: object.to_owned(),
                before: owned(before),
                after: owned(after),
            })
        };
        match (by_undone, by_stays, by_others) {
            (Some(_), true, _) => Some(Finding::Unclear { object: object.to_owned() }),
            (Some(before), false, Some((_, theirs))) => match after {
                after if after == before => None,
                after if after == theirs => Some(Finding::Others {
                    object: object.to_owned(),
                    before: owned(before),
                    after: owned(after),
                }),
                _ => residue(before),
            },
            (Some(before), false, None) => residue(before),
            (None, false, Some((before, _))) if after == last => Some(Finding::Others {
                object: object.to_owned(),
                before: owned(before),
                after: owned(after),
            }),
            (None, ..) => residue(last),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(object, value)| ((*object).to_owned(), (*value).to_owned())).collect()
    }

    fn by(steps: &[&str]) -> BTreeSet<String> {
        steps.iter().map(|step| (*step).to_owned()).collect()
    }

    /// `a` makes x, others write y, `b` makes z.
    fn timeline() -> Timeline {
        let mut timeline = Timeline::default();
        timeline.point(values(&[("o", "1")]), by(&["a"]));
        timeline.point(values(&[("o", "1"), ("x", "1")]), by(&[]));
        timeline.point(values(&[("o", "1"), ("x", "1"), ("y", "1")]), by(&["b"]));
        timeline.point(values(&[("o", "1"), ("x", "1"), ("y", "1"), ("z", "1")]), by(&[]));
        timeline
    }

    #[test]
    fn all_of_it_is_undone_and_others_rows_stay() {
        let found = timeline().judge(&by(&["a", "b"]), &values(&[("o", "1"), ("y", "1")]));
        assert!(matches!(found.as_slice(), [Finding::Others { object, .. }] if object == "y"), "{found:?}");
    }

    #[test]
    fn what_is_left_and_what_is_lost_is_residue() {
        let found = timeline().judge(&by(&["a", "b"]), &values(&[("x", "1"), ("y", "1")]));
        let residue: Vec<&str> = found
            .iter()
            .filter_map(|finding| match finding {
                Finding::Residue { object, .. } => Some(object.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(residue, ["o", "x"]);
    }

    #[test]
    fn a_part_leaves_the_rest_alone() {
        let whole = values(&[("o", "1"), ("x", "1"), ("y", "1"), ("z", "1")]);
        let found = timeline().judge(&by(&["a"]), &values(&[("o", "1"), ("y", "1"), ("z", "1")]));
        assert!(found.iter().all(|finding| !matches!(finding, Finding::Residue { .. })), "{found:?}");
        // What stays was taken away as well.
        let found = timeline().judge(&by(&["a"]), &values(&[("o", "1"), ("y", "1")]));
        assert!(
            found.iter().any(|f| matches!(f, Finding::Residue { object, .. } if object == "z")),
            "{found:?}"
        );
        let found = timeline().judge(&by(&["a"]), &whole);
        assert!(
            found.iter().any(|f| matches!(f, Finding::Residue { object, .. } if object == "x")),
            "{found:?}"
        );
    }

    #[test]
    fn what_authors_left_is_theirs_whoever_wrote_it_again() {
        let mut timeline = Timeline::default();
        timeline.point(values(&[("x", "0"), ("y", "0"), ("z", "0")]), by(&["a"]));
        timeline.point(values(&[("x", "1"), ("y", "1"), ("z", "0")]), by(&[]));
        // Others change x and z; the way back puts y back.
        timeline.point(values(&[("x", "2"), ("y", "1"), ("z", "2")]), by(&[BACK]));
        timeline.point(values(&[("x", "2"), ("y", "0"), ("z", "2")]), by(&[]));
        let left: Vec<_> = timeline.left().into_iter().collect();
        assert_eq!(left, [(&"x".to_owned(), Some(&"1".to_owned()))]);
    }

    #[test]
    fn changed_by_both_is_unclear() {
        let mut timeline = Timeline::default();
        timeline.point(values(&[]), by(&["a"]));
        timeline.point(values(&[("x", "1")]), by(&["b"]));
        timeline.point(values(&[("x", "2")]), by(&[]));
        let found = timeline.judge(&by(&["a"]), &values(&[("x", "2")]));
        assert_eq!(found, [Finding::Unclear { object: "x".into() }]);
    }
}
