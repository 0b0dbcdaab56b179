//! Whatever X sends, `parse` neither panics nor gives anything that the core could not take.

use std::sync::LazyLock;

use adapter_sdk::{Adapter, Audience, Event, Http, Raw, Reference, Settings, Timestamp, TraceId, outgoing::Limits};
use adapter_x::X;
use proptest::prelude::*;
use serde_json::{Map, Value};

/// Names that X uses, and some that it does not.
const NAMES: [&str; 33] = [
    "data",
    "includes",
    "errors",
    "meta",
    "users",
    "media",
    "places",
    "tweets",
    "id",
    "text",
    "note_tweet",
    "author_id",
    "conversation_id",
    "created_at",
    "in_reply_to_user_id",
    "lang",
    "edit_history_tweet_ids",
    "referenced_tweets",
    "attachments",
    "media_keys",
    "entities",
    "mentions",
    "urls",
    "url",
    "geo",
    "coordinates",
    "place_id",
    "type",
    "variants",
    "bit_rate",
    "sender_id",
    "event_type",
    "media_key",
];

/// One for all cases: making a client reads the machine's certificates.
static ADAPTER: LazyLock<X> = LazyLock::new(adapter);

fn adapter() -> X {
    let text = "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\nstate_folder = '/nowhere'\n\
                [[adapter.accounts]]\nuser_id = '1000000000000000001'\nusername = 'lapor_contoh'\n\
                consumer_key = 'a'\nconsumer_secret = 'b'\naccess_token = 'c'\naccess_token_secret = 'd'\n";
    let settings = Settings::layered(&[X::DEFAULTS, text]).expect("a configuration");
    X::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("an adapter")
}

fn json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "1991900000000000001",
        "1000000000000000001",
        "2000000000000000002",
        "replied_to",
        "quoted",
        "retweeted",
        "MessageCreate",
        "photo",
        "video",
        "video/mp4",
        "3_1",
        "@lapor_contoh jalan rusak &amp; gelap https://t.co/a",
        "https://t.co/a",
        "2026-11-21T08:00:00.000Z",
        "https://api.x.com/2/problems/resource-not-found",
        "tweet",
        "",
    ]);
    let leaf = prop_oneof![
        word.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 96, 8, |inner| {
        let object = prop::collection::vec((prop::sample::select(NAMES.to_vec()), inner.clone()), 0..10);
        let object =
            object.prop_map(|all| Value::Object(all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>()));
        prop_oneof![prop::collection::vec(inner, 0..5).prop_map(Value::Array), object]
    })
}

/// A post that is nearly one.
fn post() -> impl Strategy<Value = Value> {
    let more = prop::collection::vec((prop::sample::select(NAMES.to_vec()), json()), 0..8);
    (more, json(), prop::option::of("[0-9]{1,25}")).prop_map(|(more, includes, id)| {
        let mut data: Map<String, Value> = more.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        data.insert("id".into(), id.map_or(Value::from("1991900000000000001"), Value::from));
        Value::Object(Map::from_iter([("data".to_owned(), Value::Object(data)), ("includes".to_owned(), includes)]))
    })
}

fn raw(way: &str, account: &str, body: Vec<u8>) -> Raw {
    Raw {
        adapter: "x".parse().expect("a name"),
        received_at: Timestamp::from_second(1_795_000_000).expect("a time"),
        trace: TraceId::random(),
        query: String::new(),
        headers: vec![("account".into(), account.into()), ("way".into(), way.into())],
        body: body.into(),
    }
}

fn whole(events: &[Event]) -> Result<(), TestCaseError> {
    for event in events {
        match event {
            Event::Message(inbound) => {
                prop_assert!(!inbound.key.id.is_empty() && inbound.key.id.len() <= 512);
                prop_assert!(!inbound.sender.is_empty() && inbound.sender.iter().all(|address| address.path() != "1000000000000000001"));
                prop_assert_eq!(inbound.reference, Reference::of(&inbound.key, 0));
                let direct = inbound.key.id.starts_with("direct:");
                prop_assert_eq!(inbound.audience == Audience::Private, direct);
                prop_assert!(inbound.reply_to.as_ref().is_none_or(|to| to.audience == inbound.audience && to.address == inbound.sender[0]));
            }
            Event::Withdrawn { key, .. } => prop_assert!(key.id.bytes().all(|b| b.is_ascii_digit())),
            Event::Receipt(_)
            | Event::Receipts { .. }
            | Event::OptOut { .. }
            | Event::OptIn { .. }
            | Event::Moved { .. }
            | Event::Notice(_) => {
                prop_assert!(false, "X tells none of these");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn no_post_brings_it_down(post in post(), way in prop::sample::select(vec!["mention", "hashtag", "direct", "gone", ""])) {
        let raw = raw(way, "1000000000000000001", post.to_string().into_bytes());
        if let Ok(events) = ADAPTER.parse(&raw) {
            whole(&events)?;
            prop_assert_eq!(&events, &ADAPTER.parse(&raw).expect("the same bytes"));
        }
    }

    #[test]
    fn no_bytes_bring_it_down(body in prop::collection::vec(any::<u8>(), 0..200), account in "[0-9a-z]{0,30}", way in "[a-z]{0,8}") {
        if let Ok(events) = ADAPTER.parse(&raw(&way, &account, body)) {
            whole(&events)?;
        }
    }
}
