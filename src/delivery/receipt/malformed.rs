//! Entries that no reader of the wire should make anything of, put anywhere into what it can read:
//! they cost themselves only (L6).

use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

/// An entry and where to put it.
#[derive(Clone, Debug)]
pub(crate) struct Malformed {
    /// Which object inside which to go into, from the outermost.
    path: Vec<Index>,
    name: &'static str,
    entry: Value,
}

impl Malformed {
    pub(crate) fn any() -> impl Strategy<Value = Self> {
        let names = prop::sample::select(vec!["", "malformed", "!malformed", "$malformed", "@malformed:b"]);
        let entries = [
            json!(null),
            json!(true),
            json!(5),
            json!("5"),
            json!([]),
            json!([{ "ts": 5 }]),
            json!({ "ts": "5" }),
            json!({ "ts": -5 }),
            json!({ "ts": 5.5 }),
            json!({ "ts": null }),
        ];
        (prop::collection::vec(any::<Index>(), 0..7), names, prop::sample::select(entries.to_vec()))
            .prop_map(|(path, name, entry)| Self { path, name, entry })
    }

    /// The same content with the entry in it.
    pub(crate) fn put_into(&self, content: &Value) -> Value {
        let mut spoiled = content.clone();
        let mut target = &mut spoiled;
        for step in &self.path {
            let inner = |target: &Value| target.as_object().unwrap().values().filter(|value| value.is_object()).count();
            if inner(target) == 0 {
                break;
            }
            let step = step.index(inner(target));
            let mut objects = target.as_object_mut().unwrap().values_mut().filter(|value| value.is_object());
            target = objects.nth(step).unwrap();
        }
        target[self.name] = self.entry.clone();
        spoiled
    }
}
