//! Events that have no place of their own in the report, so that nothing that happens is missing in it.

use std::collections::BTreeMap;

use super::gather::Gather;
use super::model::{FileTold, OtherTold};
use crate::run::event::Envelope;

impl Gather {
    /// Whatever it is, it happened: it is told as it stands. A file that it names is one that the run wrote.
    pub(super) fn other(&mut self, envelope: &Envelope) {
        let mut fields = BTreeMap::new();
        if let Ok(serde_json::Value::Object(map)) = serde_json::to_value(&envelope.event) {
            let own = map.iter().filter(|(name, _)| *name != "event" && *name != "step");
            own.for_each(|(name, value)| flatten(name, value, &mut fields));
        }
        let (at, event) = (envelope.at, envelope.event.name());
        let step = envelope.event.step().map(str::to_owned);
        let digest = fields.get("digest").filter(|_| step.is_some());
        if let (Some(path), Some(digest), Some(bytes)) =
            (fields.get("path"), digest, fields.get("bytes").and_then(|bytes| bytes.parse().ok()))
        {
            let base = path.rsplit('/').next().unwrap_or_default();
            self.files.push(FileTold {
                at,
                step: step.clone().unwrap_or_default(),
                name: fields.get("file").map_or(base, String::as_str).to_owned(),
                what: event.replace('_', " "),
                path: path.clone(),
                bytes,
                digest: digest.clone(),
            });
        }
        self.others.push(OtherTold { seq: envelope.seq, at, event: event.to_owned(), step, fields });
    }
}

/// The fields of fields as `outer.inner`; of lists the entries, one after another.
fn flatten(name: &str, value: &serde_json::Value, into: &mut BTreeMap<String, String>) {
    use serde_json::Value;
    match value {
        Value::Null => {}
        Value::String(text) => {
            into.insert(name.to_owned(), text.clone());
        }
        Value::Object(map) => {
            map.iter().for_each(|(inner, value)| flatten(&format!("{name}.{inner}"), value, into))
        }
        Value::Array(values) if values.iter().all(Value::is_string) => {
            let texts: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
            into.insert(name.to_owned(), texts.join("\n"));
        }
        other => {
            into.insert(name.to_owned(), other.to_string());
        }
    }
}
