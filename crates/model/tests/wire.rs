//! What was ever sent over the bus is still read, and what we send now is what the newest files say.

use std::{fs, path::PathBuf};

use model::{Event, MessageKey, Raw, Reference, Reply};
use serde_json::Value;

fn files(part: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("wire");
    let mut found: Vec<_> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(part)))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("a file").replace("@REF@", &reference())))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no file for {part}");
    found
}

/// The files hold no number of their own: it must be a valid one.
fn reference() -> String {
    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: "m1".into() };
    Reference::of(&key, 0).to_string()
}

fn reads<T: serde::de::DeserializeOwned + serde::Serialize>(part: &str) {
    for (name, text) in files(part) {
        let read: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let again = serde_json::to_value(&read).expect("it is written");
        let mut old: Value = serde_json::from_str(&text).expect("it is JSON");
        if let Some(object) = old.as_object_mut() {
            object.remove("a_field_of_tomorrow");
        }
        contains(&again, &old, &name);
    }
}

/// Everything the file says is still said: nothing was dropped or renamed on the way through.
fn contains(now: &Value, old: &Value, at: &str) {
    match (now, old) {
        (Value::Object(now), Value::Object(old)) => {
            for (key, value) in old {
                contains(now.get(key).unwrap_or(&Value::Null), value, &format!("{at}/{key}"));
            }
        }
        (Value::Array(now), Value::Array(old)) => {
            assert_eq!(now.len(), old.len(), "{at}");
            now.iter().zip(old).for_each(|(now, old)| contains(now, old, at));
        }
        _ => assert_eq!(now, old, "{at}"),
    }
}

#[test]
fn every_raw_ever_sent_is_read() {
    reads::<Raw>("-raw");
}

#[test]
fn every_event_ever_sent_is_read() {
    reads::<Event>("-event-");
}

#[test]
fn every_reply_ever_sent_is_read() {
    reads::<Reply>("-reply");
}
