//! What lies on the bus: every shape of it that can be read can be written, and is then read as the same.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use model::{Event, Raw, Reply, desk};
use serde::{Serialize, de::DeserializeOwned};

fn there_and_back<T: Serialize + DeserializeOwned + Debug>(bytes: &[u8]) {
    let Ok(value) = serde_json::from_slice::<T>(bytes) else { return };
    let written = serde_json::to_vec(&value).expect("what was read can be written");
    let again: T = serde_json::from_slice(&written).expect("and read again");
    assert_eq!(serde_json::to_vec(&again).expect("written"), written);
}

fuzz_target!(|bytes: &[u8]| {
    there_and_back::<Event>(bytes);
    there_and_back::<Raw>(bytes);
    there_and_back::<Reply>(bytes);
    there_and_back::<desk::Search>(bytes);
});
