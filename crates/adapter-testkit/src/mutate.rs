//! What a fixture could have been: bytes changed, cut, doubled; values of another type, shape or size.

use proptest::{
    prelude::{Strategy, any},
    prop_oneof,
    sample::Index,
};
use serde_json::Value;

/// One change of a body.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// One byte is another.
    Byte(Index, u8),
    /// The end is missing.
    Cut(Index),
    /// These bytes come in between.
    Insert(Index, Vec<u8>),
    /// A piece comes twice.
    Double(Index, Index),
    /// Something else altogether.
    Replace(Vec<u8>),
    /// If it is JSON: one value somewhere is another.
    Json(Index, Other),
}

/// What a JSON value becomes.
#[derive(Debug, Clone)]
pub(crate) enum Other {
    Null,
    True,
    Number(i64),
    Float(f64),
    Text(String),
    EmptyList,
    EmptyObject,
    /// Its own value, in a list.
    InList,
    /// Its own value, as text.
    AsText,
    /// It is not there.
    Gone,
    /// A text of many characters.
    Long,
}

pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    proptest::collection::vec(change(), 1..4)
}

fn change() -> impl Strategy<Value = Change> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        2 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => (any::<Index>(), bytes()).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Double(from, to)),
        1 => bytes().prop_map(Change::Replace),
        8 => (any::<Index>(), other()).prop_map(|(at, other)| Change::Json(at, other)),
    ]
}

fn other() -> impl Strategy<Value = Other> {
    prop_oneof![
        proptest::strategy::Just(Other::Null),
        proptest::strategy::Just(Other::True),
        any::<i64>().prop_map(Other::Number),
        any::<f64>().prop_map(Other::Float),
        ".{0,20}".prop_map(Other::Text),
        proptest::strategy::Just(Other::EmptyList),
        proptest::strategy::Just(Other::EmptyObject),
        proptest::strategy::Just(Other::InList),
        proptest::strategy::Just(Other::AsText),
        proptest::strategy::Just(Other::Gone),
        proptest::strategy::Just(Other::Long),
    ]
}

pub(crate) fn changed(body: &[u8], changes: &[Change]) -> Vec<u8> {
    changes.iter().fold(body.to_vec(), apply)
}

fn apply(mut body: Vec<u8>, change: &Change) -> Vec<u8> {
    match change {
        Change::Byte(at, byte) if !body.is_empty() => {
            let at = at.index(body.len());
            body[at] = *byte;
        }
        Change::Byte(_, byte) => body.push(*byte),
        Change::Cut(at) => body.truncate(at.index(body.len() + 1)),
        Change::Insert(at, bytes) => {
            let at = at.index(body.len() + 1);
            body.splice(at..at, bytes.iter().copied());
        }
        Change::Double(from, to) => {
            let (from, to) = (from.index(body.len() + 1), to.index(body.len() + 1));
            let piece = body[from.min(to)..from.max(to)].to_vec();
            let end = from.max(to);
            body.splice(end..end, piece);
        }
        Change::Replace(bytes) => body.clone_from(bytes),
        Change::Json(at, other) => {
            if let Ok(mut value) = serde_json::from_slice::<Value>(&body) {
                let place = at.index(count(&value));
                replace(&mut value, &mut { place }, other);
                body = value.to_string().into_bytes();
            }
        }
    }
    body
}

/// How many values there are, this one included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// Replaces the value at a place, counted in the order of [`count`]. `true`: this one shall go.
fn replace(value: &mut Value, place: &mut usize, other: &Other) -> bool {
    if *place == 0 {
        *place = usize::MAX;
        return put(value, other);
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.retain_mut(|item| *place == usize::MAX || !replace(item, place, other)),
        Value::Object(fields) => fields.retain(|_, field| *place == usize::MAX || !replace(field, place, other)),
        _ => {}
    }
    false
}

fn put(value: &mut Value, other: &Other) -> bool {
    let old = value.take();
    *value = match other {
        Other::Null => Value::Null,
        Other::True => Value::Bool(true),
        Other::Number(number) => (*number).into(),
        Other::Float(number) => (*number).into(),
        Other::Text(text) => text.as_str().into(),
        Other::EmptyList => Value::Array(Vec::new()),
        Other::EmptyObject => Value::Object(serde_json::Map::new()),
        Other::InList => Value::Array(vec![old]),
        Other::AsText => old.to_string().into(),
        Other::Long => "ü".repeat(20_000).into(),
        Other::Gone => return true,
    };
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_a_json_body_can_be_changed() {
        let body: Value = serde_json::json!({ "a": [1, { "b": 2 }], "c": "d" });
        let places = count(&body);
        assert_eq!(places, 6);
        let mut all = std::collections::BTreeSet::new();
        for place in 0..places {
            let mut changed = body.clone();
            replace(&mut changed, &mut { place }, &Other::Null);
            assert_ne!(changed, body, "place {place}");
            all.insert(changed.to_string());
        }
        assert_eq!(all.len(), places);
        let mut gone = body.clone();
        replace(&mut gone, &mut 1, &Other::Gone);
        assert_eq!(gone, serde_json::json!({ "c": "d" }));
    }
}
