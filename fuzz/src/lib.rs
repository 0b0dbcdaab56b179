//! What the targets share: an adapter with a configuration, and what must hold of whatever it reads.
//!
//! An input is a recorded request, as `fixtures/*.http` have them: libFuzzer changes its address, its headers and its body.

use adapter_sdk::{Adapter, Event, Http, Reference, Request, Settings, Timestamp, TraceId, outgoing::Limits};

/// No id that the core takes is longer (rule C2 of `docs/adapter-spec.md`).
const LONGEST_KEY: usize = 512;

/// The adapter, configured by these lines besides its defaults.
///
/// # Panics
/// When the configuration is none.
pub fn open<A: Adapter>(table: &str) -> A {
    let text = format!("[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n{table}");
    let settings = Settings::<A::Config>::layered(&[A::DEFAULTS, &text]).expect("settings");
    A::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("it opens")
}

/// Reads one request twice. Nothing panics; both times the same comes out, and it is whole.
///
/// # Panics
/// When what comes out is not what the core was promised.
pub fn read<A: Adapter>(adapter: &A, bytes: &[u8]) {
    let Ok(request) = Request::recorded(bytes) else { return };
    let name: adapter_sdk::AdapterName = A::NAME.parse().expect("an adapter has a name");
    let at = Timestamp::from_second(1_795_300_000).expect("in range");
    let raw = request.into_raw(name.clone(), None, at, "1".parse::<TraceId>().expect("a trace"));
    let (Ok(events), Ok(again)) = (adapter.parse(&raw), adapter.parse(&raw)) else { return };
    assert_eq!(format!("{events:?}"), format!("{again:?}"), "parsing twice gives the same");
    for event in &events {
        if let Event::Message(inbound) = event {
            let key = &inbound.key;
            assert_eq!(key.adapter, name);
            assert!((1..=LONGEST_KEY).contains(&key.id.len()), "an id of {} bytes", key.id.len());
            assert!(!key.account.is_empty() && !inbound.sender.is_empty());
            assert_eq!(inbound.reference, Reference::of(key, 0));
        }
        let wire = serde_json::to_vec(event).expect("every event can be written");
        serde_json::from_slice::<Event>(&wire).expect("and read again");
    }
}
