//! Stored raw messages through a newer parser.

use adapter_sdk::{Replay, Replayed, Settings, Timestamp, replay};

use crate::{
    chat::{Chat, Config},
    world::World,
};

/// Of which a newer parser makes something else.
pub(crate) const MELATI: &str = r#"{"messages":[{"id":"c","text":"lubang di Melati"}]}"#;
/// Everything that is stored.
const ALL: Replay = Replay { from: Timestamp::UNIX_EPOCH, to: Timestamp::MAX, dry_run: false };

fn newer(world: &World) -> Settings<Config> {
    let mut settings = world.settings("");
    settings.adapter =
        serde_json::from_value(serde_json::json!({ "api": world.platform.url, "token": "word", "newer": true })).expect("a table");
    settings
}

async fn replayed(settings: Settings<Config>, span: Replay) -> (Replayed, String) {
    let mut out = Vec::new();
    let replayed = replay::<Chat>(settings, span, &mut out).await.expect("a replay");
    (replayed, String::from_utf8(out).expect("text"))
}

/// Three messages that were understood, one of them delivered twice, and one that was parked.
async fn yesterday() -> World {
    let mut world = World::with_webhook().await;
    let bus = world.bus().await;
    for id in ["a", ".b", "a"] {
        assert_eq!(world.says(&[id]).await, 200);
    }
    assert_eq!(world.post(MELATI, Some("word")).await, 200);
    assert_eq!(world.post("the other form", Some("word")).await, 200);
    world.until("what is understood", |world| world.messages() == [".b", "a", "c"]).await;
    while bus.parked_count().await.expect("a bus") == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    world.close().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_what_a_newer_parser_changes_and_publishes_nothing() {
    let world = yesterday().await;
    let (same, shown) = replayed(world.settings(""), Replay { dry_run: true, ..ALL }).await;
    assert_eq!(same, Replayed { messages: 4, same: 3, unparsable: 1, ..Replayed::default() }, "{shown}");
    let (other, shown) = replayed(newer(&world), Replay { dry_run: true, ..ALL }).await;
    assert_eq!(other, Replayed { messages: 4, same: 1, changed: 1, new: 1, gone: 1, unparsable: 0 }, "{shown}");
    assert!(shown.contains("-  \"place\": null") && shown.contains("+  \"place\": \"Melati\""), "{shown}");
    assert!(shown.contains("new (nothing is known") && shown.contains("message the other form"), "{shown}");
    assert!(shown.contains("not made any more: message .b"), "{shown}");
    assert_eq!(world.bus().await.made_of(&raw("the other form")).await.expect("a bus"), None, "nothing was published");
    assert_eq!(world.messages(), [".b", "a", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_publishes_what_was_parked_and_what_is_new_once() {
    let world = yesterday().await;
    world.platform.answers("/files/late", &[(200, "picture")]);
    let (first, shown) = replayed(newer(&world), ALL).await;
    assert_eq!(first.new, 1, "{shown}");
    world.until("the parked one", |world| world.messages() == [".b", "a", "c", "the other form"]).await;
    let (second, shown) = replayed(newer(&world), ALL).await;
    assert_eq!((second.new, second.changed), (0, 1), "what the core has under this key stays: {shown}");
    assert_eq!(world.messages().len(), 4, "nothing was added twice");
    let adapter_sdk::Event::Message(late) = world.events().pop().expect("it") else { panic!("a message") };
    assert!(matches!(late.attachments[0].content, adapter_sdk::Content::Quarantined { .. }), "with its file: {late:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_door_took_in_the_time_that_was_asked_for_is_looked_at() {
    let world = yesterday().await;
    let long_ago = Replay { to: Timestamp::UNIX_EPOCH, ..ALL };
    let later = Replay { from: Timestamp::MAX, ..ALL };
    for span in [long_ago, later] {
        assert_eq!(replayed(newer(&world), span).await.0, Replayed::default());
    }
}

pub(crate) fn raw(body: &'static str) -> adapter_sdk::Raw {
    adapter_sdk::Raw {
        adapter: "chat".parse().expect("a name"),
        received_at: Timestamp::UNIX_EPOCH,
        trace: crate::world::trace(),
        query: String::new(),
        headers: Vec::new(),
        body: body.into(),
    }
}
