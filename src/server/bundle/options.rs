//! What a client's filter says about delivery receipts (PROTOCOL §7, 'Opt-in and size').

use serde_json::Value;

use crate::delivery::receipt::NATIVE_FILTER;

/// The event that receipts come in, and that a filter's types are about.
const RECEIPT_EVENT: &str = "m.receipt";

/// What one sync wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether it wants receipts at all. What it does not want waits for a sync that does.
    pub wanted: bool,
    /// An event with more receipts than this comes as a summary.
    pub summary_above: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { wanted: true, summary_above: None }
    }
}

impl Options {
    /// Reads a filter as the client wrote it. What makes no sense there counts as not written.
    pub fn from_filter(filter: &Value) -> Self {
        let Some(ephemeral) = filter.pointer("/room/ephemeral") else { return Self::default() };
        let names = |list: &str| ephemeral.get(list).and_then(Value::as_array);
        let among = |types: &Vec<Value>| {
            types.iter().filter_map(Value::as_str).any(|pattern| matches_type(pattern, RECEIPT_EVENT))
        };
        Self {
            wanted: names("types").is_none_or(among) && !names("not_types").is_some_and(among),
            summary_above: ephemeral.get(NATIVE_FILTER).and_then(|options| options.get("summary_above")?.as_u64()),
        }
    }
}

/// Whether an event's type is matched by a filter's pattern, in which `*` stands for anything.
/// Taking the leftmost place for each part is as good as trying all, and takes no time however many
/// stars there are.
pub fn matches_type(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| name.strip_prefix(start)) else { return false };
    let Some(end) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(end)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_filters_types_and_not_types_are_respected() {
        for (ephemeral, wanted) in [
            (json!({}), true),
            (json!({ "types": ["m.receipt"] }), true),
            (json!({ "types": ["m.typing", "m.rec*"] }), true),
            (json!({ "types": ["*"] }), true),
            (json!({ "types": ["m.typing"] }), false),
            (json!({ "types": [] }), false),
            (json!({ "not_types": [] }), true),
            (json!({ "not_types": ["m.typing"] }), true),
            (json!({ "not_types": ["m.receipt"] }), false),
            (json!({ "not_types": ["*"] }), false),
            (json!({ "types": ["m.receipt"], "not_types": ["m.*"] }), false),
            (json!({ "types": null, "not_types": "m.receipt" }), true),
            (json!({ "types": [1, "m.receipt"] }), true),
        ] {
            let filter = json!({ "room": { "ephemeral": ephemeral } });
            assert_eq!(Options::from_filter(&filter), Options { wanted, summary_above: None }, "{filter}");
        }
        for filter in [json!({}), json!(null), json!({ "room": { "timeline": { "types": [] } } }), json!([])] {
            assert_eq!(Options::from_filter(&filter), Options::default(), "{filter}");
        }
    }

    #[test]
    fn a_filter_says_from_how_many_receipts_an_event_is_summed_up() {
        for (ours, summary_above) in [
            (json!({ "summary_above": 20 }), Some(20)),
            (json!({ "summary_above": 0 }), Some(0)),
            (json!({ "summary_above": -1 }), None),
            (json!({ "summary_above": "20" }), None),
            (json!({}), None),
            (json!(20), None),
        ] {
            let filter = json!({ "room": { "ephemeral": { "dev.kvitto.delivery": ours } } });
            assert_eq!(Options::from_filter(&filter), Options { wanted: true, summary_above }, "{filter}");
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        for pattern in
            ["m.receipt", "*", "**", "m.*", "*.receipt", "m.*t", "*rec*", "m.receipt*", "*m.receipt", "m*e*e*t"]
        {
            assert!(matches_type(pattern, "m.receipt"), "{pattern}");
        }
        for pattern in
            ["", "m", "m.receipts", "m.receipt.*", "m.*.receipt", "*m.", "m.receipt*t", "*e*e*e*", "M.*", "m?receipt"]
        {
            assert!(!matches_type(pattern, "m.receipt"), "{pattern}");
        }
        assert!(!matches_type(&"*e".repeat(100_000), "m.receipt"));
    }
}
