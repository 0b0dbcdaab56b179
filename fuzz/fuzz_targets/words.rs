//! Words as people type them: numbers, codes, addresses, opening hours, texts with gaps, places; and what is found in them.
#![no_main]

use std::collections::BTreeMap;

use adapter_sdk::form::contact;
use libfuzzer_sys::fuzz_target;
use model::{Address, OpeningHours, Reference, TrackingCode, connect::Code, template, without_notes};
use triage::{Names, Side, is_of_breach, is_of_danger, keys, same_words, spellings, street_of_both};

fuzz_target!(|text: &str| {
    for number in Reference::find_in(text) {
        assert_eq!(number.to_string().parse::<Reference>().expect("a number is read as it is written"), number);
    }
    if let Ok(code) = text.parse::<TrackingCode>() {
        assert_eq!(code.as_str().parse::<TrackingCode>().expect("a code too"), code);
    }
    for address in [text.parse::<Address>().ok(), Address::tel(text).ok(), contact(text)].into_iter().flatten() {
        assert_eq!(address.to_string().parse::<Address>().expect("an address too"), address);
    }
    if let Ok(hours) = text.parse::<OpeningHours>() {
        assert_eq!(hours.to_string().parse::<OpeningHours>().expect("and hours"), hours);
    }
    let _ = Code::find_in(text);
    let _ = without_notes(text);
    let filled = template::check(text).and_then(|()| template::fill(text, &BTreeMap::new()));
    let _ = filled.and_then(|filled| template::finished(&filled));
    let _ = (is_of_danger(text), is_of_breach(text), same_words(text), spellings(text));
    for spot in Names::default().places(text) {
        assert!(text.get(spot.span.clone()).is_some(), "a place is cut where characters end");
    }
    let (text, place) = text.split_once('\n').unwrap_or((text, ""));
    let (own, other) = (Side { text, place, ..Side::default() }, Side { text: place, place: text, ..Side::default() });
    let _ = keys(&own, None);
    let _ = street_of_both(&own, &other);
});
