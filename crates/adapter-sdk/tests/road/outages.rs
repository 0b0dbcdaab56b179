//! NATS goes away, comes back, loses its memory; the adapter is stopped and started again.

use std::time::Duration;

use adapter_sdk::spool::{Spool, SpoolOptions};

use crate::{
    replayed::{MELATI, raw},
    world::{PATIENCE, World},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_while_nats_is_down_arrives_when_it_is_back() {
    let world = World::with_webhook().await;
    assert_eq!(world.says(&["before"]).await, 200);
    world.until("the first", |world| world.messages() == ["before"]).await;
    world.nats().kill9();
    for n in 0..30 {
        assert_eq!(world.says(&[&format!("during-{n:02}")]).await, 200);
    }
    let (status, health) = world.get("/health").await;
    assert_eq!(status, 200, "the door takes: {health}");
    world.nats().restart().expect("a server");
    world.until("all of them", |world| world.messages().len() == 31).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_opens_before_there_is_a_bus_and_forwards_when_there_is_one() {
    let mut world = World::new().await;
    world.nats().stop();
    world.open("").await;
    assert_eq!(world.says(&["early"]).await, 200);
    world.nats().restart().expect("a server");
    world.listen().await;
    world.until("the message", |world| world.messages() == ["early"]).await;
}

/// An SMS gateway does not come again: what it says once, at any time, must be there, and a citizen's words in their order.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_never_retries_loses_nothing_in_a_long_outage_and_each_sender_is_heard_in_order() {
    const SENDERS: usize = 12;
    const EACH: usize = 100;
    let world = World::with_webhook().await;
    world.nats().kill9();
    let senders = (0..SENDERS).map(|sender| {
        let world = &world;
        async move {
            for n in 0..EACH {
                let message =
                    serde_json::json!({ "id": format!("{sender}-{n:03}"), "text": "jalan berlubang", "from": format!("s{sender}") });
                let said = world.post(serde_json::json!({ "messages": [message] }).to_string(), Some("word")).await;
                assert_eq!(said, 200, "there is no second time");
            }
        }
    });
    futures::future::join_all(senders).await;
    let (_, health) = world.get("/health").await;
    assert!(health.contains(r#""bus":false"#) && health.contains(&format!(r#""spool_waiting":{}"#, SENDERS * EACH)), "{health}");
    world.nats().restart().expect("a server");
    world.until("all of them", |world| world.events().len() >= SENDERS * EACH).await;
    let mut heard: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    for event in world.events() {
        let adapter_sdk::Event::Message(inbound) = event else { continue };
        heard.entry(inbound.sender[0].path().to_owned()).or_default().push(inbound.key.id);
    }
    assert_eq!(heard.len(), SENDERS);
    for (sender, ids) in heard {
        let number = sender.trim_start_matches('s');
        assert_eq!(ids, (0..EACH).map(|n| format!("{number}-{n:03}")).collect::<Vec<_>>(), "{sender} in order, each once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_says_come_again_and_takes_again_when_the_bus_is_back() {
    let mut world = World::new().await;
    world.nats().stop();
    world.open("max_bytes = '20 KiB'\nkeep = '0s'").await;
    let mut accepted = Vec::new();
    loop {
        let id = format!("{:03}", accepted.len());
        match world.says(&[&id]).await {
            200 => accepted.push(id),
            status => break assert_eq!(status, 503),
        }
    }
    assert!(accepted.len() > 20, "{}", accepted.len());
    let (status, health) = world.get("/health").await;
    assert_eq!(status, 503, "whoever watches the door sees it: {health}");
    assert!(health.contains("the door is full"), "{health}");
    let metric = |text: &str, name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
    assert_eq!(metric(&world.get("/metrics").await.1, "muara_door_full"), Some(1.0));
    world.nats().restart().expect("a server");
    world.listen().await;
    let bus = world.bus().await;
    let told = loop {
        if let Some(told) = bus.announced().await.expect("a bus").pop() {
            break told;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(told.last_error.is_some_and(|error| error.contains("full")), "the administrators' page shows it");
    world.until("what was accepted, and nothing else", |world| world.messages() == accepted).await;
    while world.says(&["after"]).await != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    world.until("what came after", |world| world.messages().last().is_some_and(|id| id == "after")).await;
    assert_eq!(metric(&world.get("/metrics").await.1, "muara_door_full"), Some(0.0));
    assert_eq!(world.get("/health").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_spooled_before_a_stop_arrives_after_the_start_and_what_comes_again_has_its_own_key() {
    let mut world = World::with_webhook().await;
    assert_eq!(world.says(&["a"]).await, 200);
    world.until("the first", |world| world.messages() == ["a"]).await;
    world.nats().stop();
    assert_eq!(world.says(&["b"]).await, 200);
    world.close().await;
    world.nats().restart().expect("a server");
    world.open("").await;
    assert_eq!(world.says(&["c"]).await, 200);
    // `a` may come again, because it was not certainly on the server's disk; the core knows it by its key.
    let each = |world: &World| world.messages().into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>();
    world.until("the others", |world| each(world) == ["a", "b", "c"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_lost_what_it_had_acknowledged_gets_it_again() {
    let mut world = World::new().await;
    let bus = world.bus().await;
    world.open("").await;
    for n in 0..5 {
        assert_eq!(world.says(&[&format!("{n}")]).await, 200);
    }
    let spooled = || async { world.get("/health").await.1.contains(r#""spool_waiting":0"#) };
    while !spooled().await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    drop(bus);
    // A power cut before the server synced: it comes back with nothing of what it said yes to.
    world.kill_nats_and_lose_its_streams();
    world.nats().restart().expect("a server");
    world.listen().await;
    world.until("all of them", |world| world.messages() == ["0", "1", "2", "3", "4"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_holds_nobody_up() {
    let mut world = World::new().await;
    world.nats().stop();
    world.open("").await;
    for id in ["a", "b", "c"] {
        assert_eq!(world.says(&[id]).await, 200);
    }
    world.close().await;
    let folder = world.folder.path().join("spool");
    drop(Spool::open(SpoolOptions::new(&folder, 1 << 20, std::time::Duration::ZERO)).expect("nobody else has it"));
    let file = folder.join("0000000000000001.spool");
    let mut bytes = std::fs::read(&file).expect("a segment");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    std::fs::write(&file, bytes).expect("a segment");
    world.nats().restart().expect("a server");
    world.open("").await;
    world.listen().await;
    world.until("the others", |world| world.messages() == ["a", "c"]).await;
    assert_eq!(std::fs::read_dir(folder.join("damaged")).expect("a folder").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_know_their_city_while_the_bus_is_down() {
    let mut world = World::new().await;
    let directory = serde_json::json!({
        "site": { "name": "Kota Contoh", "base_url": "https://lapor.example.id" },
        "categories": [], "areas": [], "channels": [], "staff_key": "", "sign_in_url": "https://lapor.example.id/masuk",
    });
    let directory = serde_json::from_value(directory).expect("a directory");
    let bus = world.bus().await;
    bus.put_directory(&directory, "{}".into()).await.expect("a bus");
    world.open_pages().await;
    while world.get("/site").await != (200, "Kota Contoh".to_owned()) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    world.close().await;
    world.nats().stop();
    world.open_pages().await;
    assert_eq!(world.get("/site").await, (200, "Kota Contoh".to_owned()));
}

/// As on a disk that is full in between: the balance would miss what nothing is noted of, although its events are there.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_comes_again_until_what_was_made_of_it_is_noted() {
    let world = World::with_webhook().await;
    let bus = world.bus().await;
    world.refuse("raw.*.made.>");
    assert_eq!(world.post(MELATI, Some("word")).await, 200);
    world.until("its event", |world| world.messages() == ["c"]).await;
    assert_eq!(bus.made_of(&raw(MELATI)).await.expect("a bus"), None, "nothing could be noted");
    world.refuse("");
    // Its event may come once more, as after every outage: whoever records it knows its key.
    let noted = async {
        // Who lost the server has to find it again first.
        while !matches!(bus.made_of(&raw(MELATI)).await, Ok(Some(_))) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, noted).await.expect("it is noted when that is possible again");
}
