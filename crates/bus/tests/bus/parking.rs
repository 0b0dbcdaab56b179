use std::time::Duration;

use bus::{Delivery, Parked, Queue, Stop};
use model::{Failure, Raw};
use tokio::sync::mpsc;

use crate::world::{Notes, Reader, World, adapter, event, jetstream, raw, retry_in, seen, send, soon, until, waiting};

#[tokio::test]
async fn a_parked_message_keeps_its_bytes_its_reason_and_its_causes() {
    let world = World::new().await;
    send(&world.bus, &["a"]).await;
    let reader = Reader::of_events(&world.bus, |_| Err(Failure::park("names no office", "office `x` is unknown")));
    let parked = one_parked(&world).await;
    assert_eq!((parked.stream.as_str(), parked.adapter.clone()), ("EVENTS", adapter("chat")));
    assert_eq!((parked.reason.as_str(), parked.error.as_str(), parked.attempts), ("names no office", "office `x` is unknown", 1));
    assert_eq!(parked.bytes, serde_json::to_vec(&event("a")).expect("JSON"));
    assert!(parked.at > model::Timestamp::UNIX_EPOCH);
    assert!(!format!("{parked:?}").contains("platform_id"), "no content in a log");
    reader.stop().await;
    assert_eq!(waiting(&world.nats, "EVENTS").await, 0, "acknowledged where it came from");
}

#[tokio::test]
async fn every_retry_of_a_parked_message_arrives_though_its_id_is_known() {
    let world = World::new().await;
    send(&world.bus, &["a"]).await;
    let mended = Stop::new();
    let mut reader = Reader::of_events(&world.bus, {
        let mended = mended.clone();
        move |_| if mended.is_cancelled() { Ok(()) } else { Err(Failure::park("a bug", "that will be mended")) }
    });
    assert_eq!(reader.next().await, seen("a", 1));
    // Twice within the duplicate window: once too early, once after the repair.
    for _ in 0..2 {
        let parked = one_parked(&world).await;
        assert!(world.bus.retry_parked(parked.id).await.expect("retried"));
        assert_eq!(reader.next().await, seen("a", 1));
        assert!(!world.bus.retry_parked(parked.id).await.expect("it is gone"));
    }
    let parked = one_parked(&world).await;
    mended.cancel();
    assert!(world.bus.retry_parked(parked.id).await.expect("retried"));
    assert_eq!(reader.next().await, seen("a", 1));
    reader.stop().await;
    assert_eq!(world.bus.parked_count().await.expect("counted"), 0);
    assert_eq!(waiting(&world.nats, "EVENTS").await, 0);
}

#[tokio::test]
async fn bytes_that_are_no_event_are_parked_at_once_and_hold_nobody_up() {
    let world = World::new().await;
    let jetstream = jetstream(&world.nats).await;
    jetstream.publish("events.chat", "{not json".into()).await.expect("sent").await.expect("stored");
    jetstream.publish("events.NotAName", "{}".into()).await.expect("sent").await.expect("stored");
    send(&world.bus, &["good"]).await;
    let mut reader = Reader::of_events(&world.bus, |_| Ok(()));
    assert_eq!(reader.next().await, seen("good", 1));
    until(|| async { world.bus.parked_count().await.expect("counted") == 2 }).await;
    let parked = world.bus.parked(None, 10).await.expect("parked");
    let reasons: Vec<_> = parked.iter().map(|one| (one.reason.as_str(), one.attempts, &one.bytes[..])).collect();
    assert!(reasons.contains(&("cannot be read", 1, b"{not json")), "{reasons:?}");
    assert!(reasons.contains(&("its subject names no adapter", 1, b"{}")), "{reasons:?}");
    reader.stop().await;
    assert_eq!(waiting(&world.nats, "EVENTS").await, 0);
}

#[tokio::test]
async fn what_has_failed_twenty_times_is_parked() {
    let world = World::new().await;
    send(&world.bus, &["a"]).await;
    let mut reader = Reader::of_events(&world.bus, |_| Err(retry_in(Duration::from_millis(1))));
    for attempt in 1..=20 {
        assert_eq!(reader.next().await, seen("a", attempt));
    }
    let parked = one_parked(&world).await;
    assert_eq!((parked.reason.as_str(), parked.error.as_str(), parked.attempts), ("failed 20 times", "not yet", 20));
    assert_eq!(reader.stop().await, [], "and not tried again");
}

#[tokio::test]
async fn a_parked_raw_message_goes_back_to_its_adapter() {
    let world = World::new().await;
    let sent = raw("a body");
    let _accepted = world.bus.publish_raw(&sent).await.expect("published");
    let (tell, mut told) = mpsc::unbounded_channel();
    let (stop, mended) = (Stop::new(), Stop::new());
    let run = {
        let (bus, stop, mended) = (world.bus.clone(), stop.clone(), mended.clone());
        tokio::spawn(async move {
            bus.consume(Queue::Raw(adapter("chat")), stop, 1, move |delivery: Delivery<Raw>| {
                let (tell, mended) = (tell.clone(), mended.clone());
                async move {
                    if !mended.is_cancelled() {
                        return Err(Failure::park("cannot be parsed", "a new field"));
                    }
                    let _ = tell.send(delivery);
                    Ok(())
                }
            })
            .await
        })
    };
    let parked = one_parked(&world).await;
    assert_eq!((parked.stream.as_str(), parked.trace), ("RAW", sent.trace));
    mended.cancel();
    assert!(world.bus.retry_parked(parked.id).await.expect("retried"));
    let delivery = soon(told.recv()).await.expect("it arrives");
    assert_eq!((delivery.item, delivery.trace), (sent.clone(), sent.trace));
    stop.cancel();
    soon(run).await.expect("no panic").expect("no error");
}

#[tokio::test]
async fn what_never_was_in_raw_is_parked_once_and_can_go_there() {
    let world = World::new().await;
    let large = raw(vec![b'x'; 1_500_000]);
    for _ in 0..2 {
        world.bus.park_raw(&large, "larger than the door takes", "1500000 bytes").await.expect("parked");
    }
    let parked = one_parked(&world).await;
    assert_eq!((parked.stream.as_str(), parked.reason.as_str(), parked.attempts), ("RAW", "larger than the door takes", 0));
    let whole = world.bus.parked_one(parked.id).await.expect("read").expect("there");
    assert_eq!(serde_json::from_slice::<Raw>(&whole.bytes).expect("a raw message"), large);
    assert!(world.bus.retry_parked(parked.id).await.expect("retried"));
    assert_eq!(waiting(&world.nats, "RAW").await, 5, "the message and its four parts");
}

#[tokio::test]
async fn parked_messages_are_listed_in_pages_and_dropped_for_good() {
    let world = World::new().await;
    send(&world.bus, &["a", "b", "c"]).await;
    let reader = Reader::of_events(&world.bus, |_| Err(Failure::park("no", "no")));
    until(|| async { world.bus.parked_count().await.expect("counted") == 3 }).await;
    reader.stop().await;
    let first = world.bus.parked(None, 2).await.expect("a page");
    let second = world.bus.parked(first.last().map(|one| one.id), 2).await.expect("a page");
    assert_eq!((first.len(), second.len()), (2, 1));
    let id = first[0].id;
    assert!(world.bus.drop_parked(id).await.expect("dropped"));
    assert!(!world.bus.drop_parked(id).await.expect("gone"));
    assert!(world.bus.parked_one(id).await.expect("gone").is_none());
    // The server refuses the question for number nought as malformed; the page said that the bus was away.
    assert!(world.bus.parked_one(0).await.expect("no message has it").is_none());
    assert!(!world.bus.drop_parked(0).await.expect("no message has it"));
    assert!(!world.bus.retry_parked(0).await.expect("no message has it"));
    assert_eq!(world.bus.parked_count().await.expect("counted"), 2);
}

#[tokio::test]
async fn a_message_stays_where_it_is_while_there_is_no_room_to_park_it() {
    let world = World::new().await;
    let jetstream = jetstream(&world.nats).await;
    let mut config = jetstream.get_stream("PARKED").await.expect("PARKED").cached_info().config.clone();
    config.max_bytes = 10;
    jetstream.update_stream(&config).await.expect("updated");
    send(&world.bus, &["a"]).await;
    let handled = Notes::default();
    let reader = Reader::of_events(&world.bus, {
        let handled = handled.clone();
        move |_| {
            handled.add("a");
            Err(Failure::park("no", "no"))
        }
    });
    until(|| async { handled.len() > 0 }).await;
    reader.stop().await;
    assert_eq!(world.bus.parked_count().await.expect("counted"), 0);
    assert_eq!(waiting(&world.nats, "EVENTS").await, 1);
}

async fn one_parked(world: &World) -> Parked {
    until(|| async { world.bus.parked_count().await.expect("counted") == 1 }).await;
    let id = world.bus.parked(None, 1).await.expect("parked")[0].id;
    world.bus.parked_one(id).await.expect("read").expect("there")
}
