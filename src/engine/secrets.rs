//! Keeps the values of secret variables out of events and of everything that is printed.

use crate::run::event::Event;

/// What stands in the place of a secret.
const MASK: &str = "•••";

/// Fields that are compared with something, and hold nothing that a script or a database said.
const KEPT: &[&str] = &[
    "event",
    "step",
    "unit",
    "direction",
    "how",
    "phase",
    "checkpoint",
    "when",
    "sqlstate",
    "digest",
    "prev",
    "file",
    "backend_start",
    "xid",
    "outcome",
    "mode",
    "environment",
    "stepping",
    "fingerprint",
    "plan_digest",
];

/// Values that must not leave the process.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// Longest first, so that one that holds another is masked whole.
    values: Vec<String>,
}

impl Secrets {
    /// The secret ones among the plan's values. One of a letter or two would mask everything.
    #[must_use]
    pub fn new(values: impl IntoIterator<Item = String>) -> Self {
        let mut values: Vec<String> = values.into_iter().filter(|value| value.chars().count() > 2).collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self { values }
    }

    /// The text without secrets.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
    }

    /// The event without secrets, wherever a text in it came from.
    #[must_use]
    pub fn masked(&self, event: Event) -> Event {
        if self.values.is_empty() {
            return event;
        }
        let Ok(mut value) = serde_json::to_value(&event) else { return event };
        if !self.mask_value(&mut value) {
            return event;
        }
        serde_json::from_value(value).unwrap_or(event)
    }

    /// Whether anything was masked.
    fn mask_value(&self, value: &mut serde_json::Value) -> bool {
        use serde_json::Value;
        match value {
            Value::String(text) => {
                let masked = self.mask(text);
                let changed = masked != *text;
                *text = masked;
                changed
            }
            Value::Array(list) => list.iter_mut().fold(false, |any, item| self.mask_value(item) | any),
            // Ids, names and words of the contract stay what they are: the ledger has the same.
            Value::Object(map) => map
                .iter_mut()
                .filter(|(key, _)| !KEPT.contains(&key.as_str()))
                .fold(false, |any, (_, item)| self.mask_value(item) | any),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_deep_inside_events() {
        let secrets = Secrets::new(["hunter22".to_owned(), "x".to_owned()]);
        let event = Event::Deviation { step: None, what: "password \"hunter22\" is x".into() };
        let masked = Event::Deviation { step: None, what: "password \"•••\" is x".into() };
        assert_eq!(secrets.masked(event), masked);
    }

    #[test]
    fn a_secret_inside_another_leaves_nothing_behind() {
        let secrets = Secrets::new(["abc".to_owned(), "abcdef".to_owned()]);
        assert_eq!(secrets.mask("abcdef abc"), "••• •••");
    }
}
