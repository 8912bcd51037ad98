//! Every key of the format in one table: the loader's checks and the documentation come from here.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::keys::KEYS;

/// A kind of table in a plan, and so the set of keys that may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Root,
    Plan,
    Advice,
    Var,
    Target,
    Source,
    Fixture,
    Defaults,
    Phase,
    Watch,
    Step,
    /// A step's own rollback.
    Rollback,
    /// A named `[[rollback]]`.
    Procedure,
    Checkpoint,
    Expect,
    Kinds,
    Item,
    Requires,
    Tolerance,
}

impl Place {
    /// As it stands in a sentence: "unknown key `x` in …".
    pub fn words(self) -> &'static str {
        match self {
            Self::Root => "the plan",
            Self::Plan => "[plan]",
            Self::Advice => "[plan.rollback_advice]",
            Self::Var => "a variable",
            Self::Target => "[target]",
            Self::Source => "[source]",
            Self::Fixture => "a fixture",
            Self::Defaults => "[defaults]",
            Self::Phase => "a phase",
            Self::Watch => "a watch",
            Self::Step => "a step",
            Self::Rollback => "a step's rollback",
            Self::Procedure => "a [[rollback]]",
            Self::Checkpoint => "a checkpoint",
            Self::Expect => "`expect`",
            Self::Kinds => "a list of kinds",
            Self::Item => "an item",
            Self::Requires => "`requires`",
            Self::Tolerance => "a tolerance",
        }
    }
}

/// What a key does in its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// One of the actions; a step has at most one.
    Action,
    /// Belongs to these actions alone.
    Of(&'static [&'static str]),
    /// Belongs to the table.
    Own,
}

/// One key.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Key {
    pub name: &'static str,
    pub places: &'static [Place],
    pub role: Role,
    /// The type in words.
    pub takes: &'static str,
    pub meaning: &'static str,
    pub default: &'static str,
    /// Whether this version can do it.
    pub built: bool,
}

/// All keys.
pub fn keys() -> &'static [Key] {
    KEYS
}

/// The key of this name in this place.
pub fn find(place: Place, name: &str) -> Option<&'static Key> {
    static INDEX: OnceLock<HashMap<(Place, &'static str), &'static Key>> = OnceLock::new();
    INDEX
        .get_or_init(|| {
            KEYS.iter().flat_map(|key| key.places.iter().map(move |p| ((*p, key.name), key))).collect()
        })
        .get(&(place, name))
        .copied()
}

/// The names that may stand in a place.
pub fn names(place: Place) -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter(move |key| key.places.contains(&place)).map(|key| key.name)
}

/// Where else a key may stand.
pub fn elsewhere(name: &str) -> Vec<Place> {
    let mut places: Vec<Place> =
        KEYS.iter().filter(|key| key.name == name).flat_map(|key| key.places).copied().collect();
    places.sort();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_once_in_a_place() {
        let mut seen = std::collections::HashSet::new();
        for key in KEYS {
            for place in key.places {
                assert!(seen.insert((*place, key.name)), "{} twice in {place:?}", key.name);
            }
            assert!(!key.meaning.is_empty() && !key.takes.is_empty(), "{}", key.name);
        }
    }

    #[test]
    fn keys_of_actions_name_actions() {
        for key in KEYS {
            if let Role::Of(actions) = key.role {
                for action in actions {
                    let found = find(Place::Step, action).expect(action);
                    assert_eq!(found.role, Role::Action, "{} of {action}", key.name);
                }
            }
        }
    }
}
