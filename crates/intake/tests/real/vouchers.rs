//! Whose addresses the programs that come along may vouch for, held against what they make of recorded requests.

use std::{collections::BTreeMap, path::Path};

use model::{Address, Event};

use crate::city::City;

/// The events of every recorded request of every adapter, as its contract's snapshots have them.
fn recorded() -> BTreeMap<String, Vec<Event>> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the folder of all crates");
    let mut recorded: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for folder in std::fs::read_dir(crates).expect("crates").map(|entry| entry.expect("a crate").path()) {
        let Ok(fixtures) = std::fs::read_dir(folder.join("fixtures")) else { continue };
        let Some(adapter) = folder.file_name().and_then(|name| name.to_str()?.strip_prefix("adapter-")) else { continue };
        for file in fixtures.map(|entry| entry.expect("a file").path()).filter(|path| path.extension().is_some_and(|end| end == "snap")) {
            let text = std::fs::read_to_string(&file).expect("a snapshot");
            let (_, said) = text.trim_start_matches("---").split_once("---\n").expect("a head and what was said");
            // What nobody can parse has its reason there in place of events.
            recorded.entry(adapter.to_owned()).or_default().extend(serde_json::from_str::<Vec<Event>>(said).unwrap_or_default());
        }
    }
    recorded
}

#[tokio::test]
async fn the_programs_that_come_along_vouch_for_what_they_send_and_no_more() {
    let city = City::new().await;
    let recorded = recorded();
    assert!(recorded.len() >= 6, "{:?}", recorded.keys());
    let mut directory = (*city.rooms.directory).clone();
    // The desk's recorded requests have citizens answered by a mailbox of this name.
    directory.vouchers.insert("mail".parse().expect("a name"), directory.vouchers[&"email".parse().expect("a name")].clone());
    for (adapter, events) in &recorded {
        let name = adapter.parse().expect("a name");
        assert!(!events.is_empty(), "{adapter} has recorded requests");
        for event in events {
            assert_eq!(directory.vouched(&name, event), Ok(()), "{adapter}: {event:?}");
        }
    }
    let silence = |adapter: &str, address: &str| {
        let address: Address = address.parse().expect("an address");
        city.rooms.directory.vouched(&adapter.parse().expect("a name"), &Event::OptOut { address }).is_ok()
    };
    assert!(silence("whatsapp", "tel:+6281200000001") && silence("email", "mailto:a@example.id"));
    for (adapter, address) in [("whatsapp", "mailto:a@example.id"), ("email", "tel:+6281200000001"), ("sms", "whatsapp:someone")] {
        assert!(!silence(adapter, address), "{adapter} is not to speak of {address}");
    }
    for adapter in ["desk", "web", "rtrw", "x"] {
        assert!(!silence(adapter, "tel:+6281200000001") && !silence(adapter, "mailto:a@example.id"), "{adapter}");
    }
}
