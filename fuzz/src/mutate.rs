//! Changes of JSON that leave it JSON.
//!
//! Most changes of bytes break JSON, and readers look at nothing of what is broken. So three times
//! of four libFuzzer's own change is replaced by one of the tree: something is taken out, put into
//! another place, or called by another name that stands somewhere in it.

use std::time::Duration;

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Value, json};

use crate::laws;

/// Changes the first `size` bytes of `data`, and says how many they are then.
pub fn json(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut chance = Chance(seed);
    let changed =
        laws::json(&data[..size]).filter(|_| chance.below(4) > 0).map(|json| changed(json, &mut chance).to_string());
    match changed {
        Some(text) if text.len() <= max_size => {
            data[..text.len()].copy_from_slice(text.as_bytes());
            text.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
}

fn changed(mut json: Value, chance: &mut Chance) -> Value {
    let (mut places, mut names) = (0, vec![String::new()]);
    survey(&json, &mut places, &mut names);
    let name = names.swap_remove(chance.below(names.len()));
    let piece = piece(&mut json, places, chance);
    let (how, which) = (chance.below(4), chance.next());
    let Some(place) = nth(&mut json, &mut chance.below(places)) else { return json };
    match place {
        Value::Object(inner) if how == 0 => _ = inner.insert(name, piece),
        Value::Object(inner) if how < 3 && !inner.is_empty() => {
            let former = inner.keys().nth(which % inner.len()).cloned().unwrap_or_default();
            let value = inner.remove(&former);
            if how == 1 {
                inner.insert(name, value.unwrap_or_default());
            }
        }
        Value::Array(inner) if how == 0 => inner.push(piece),
        Value::Array(inner) if how < 3 && !inner.is_empty() => _ = inner.swap_remove(which % inner.len()),
        place => *place = piece,
    }
    json
}

/// A part of the same JSON, or something that makes no sense in most places.
fn piece(json: &mut Value, places: usize, chance: &mut Chance) -> Value {
    let plain = [
        json!(null),
        json!(true),
        json!(false),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!([]),
        json!({}),
    ];
    let time = laws::SENT + Duration::from_millis(u64::from(chance.0 % 1000));
    match chance.below(3) {
        0 => plain[chance.below(plain.len())].clone(),
        1 => json!(time),
        _ => nth(json, &mut chance.below(places)).cloned().unwrap_or_default(),
    }
}

/// Counts the values, and gathers the names.
fn survey(json: &Value, places: &mut usize, names: &mut Vec<String>) {
    *places += 1;
    match json {
        Value::Object(inner) => {
            names.extend(inner.keys().cloned());
            inner.values().for_each(|inner| survey(inner, places, names));
        }
        Value::Array(inner) => inner.iter().for_each(|inner| survey(inner, places, names)),
        _ => {}
    }
}

/// The value so many after the first.
fn nth<'a>(json: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(json);
    }
    *left -= 1;
    match json {
        Value::Object(inner) => inner.values_mut().find_map(|inner| nth(inner, left)),
        Value::Array(inner) => inner.iter_mut().find_map(|inner| nth(inner, left)),
        _ => None,
    }
}

/// As much chance as a mutation needs, out of libFuzzer's seed (xorshift).
struct Chance(u32);

impl Chance {
    fn next(&mut self) -> usize {
        self.0 = self.0.max(1);
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 as usize
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() % end
    }
}
