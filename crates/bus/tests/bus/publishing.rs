use async_nats::header::NATS_MESSAGE_ID;
use bus::{Accepted, BusError};
use bytes::Bytes;
use model::{Event, TraceId};

use crate::world::{World, adapter, event, jetstream, raw, reply, waiting};

#[tokio::test]
async fn the_same_message_twice_is_a_duplicate_and_kept_once() {
    let world = World::new().await;
    let one = raw("hello");
    assert_eq!(world.bus.publish_raw(&one).await.expect("published"), Accepted::Stored);
    // The platform comes again: another trace, another time, the same bytes.
    assert_eq!(world.bus.publish_raw(&raw("hello")).await.expect("published"), Accepted::Duplicate);
    assert_eq!(world.bus.publish_raw(&raw("hello!")).await.expect("published"), Accepted::Stored);
    assert_eq!(waiting(&world.nats, "RAW").await, 2);
}

#[tokio::test]
async fn a_replay_is_not_swallowed() {
    let world = World::new().await;
    let one = raw("hello");
    for _ in 0..2 {
        assert_eq!(world.bus.publish_raw_again(&one).await.expect("published"), Accepted::Stored);
    }
}

#[tokio::test]
async fn events_and_replies_are_recognised_too() {
    let world = World::new().await;
    let (chat, trace, answer) = (adapter("chat"), TraceId::random(), reply("chat"));
    let bus = &world.bus;
    assert_eq!(bus.publish_event(&event("a"), trace, &chat).await.expect("published"), Accepted::Stored);
    assert_eq!(bus.publish_event(&event("a"), trace, &chat).await.expect("published"), Accepted::Duplicate);
    assert_eq!(bus.publish_reply(&answer, trace).await.expect("published"), Accepted::Stored);
    assert_eq!(bus.publish_reply(&answer, trace).await.expect("published"), Accepted::Duplicate);
}

#[tokio::test]
async fn an_opt_out_may_be_said_again() {
    let world = World::new().await;
    let out = Event::OptOut { address: "tel:+6281234567890".parse().expect("an address") };
    for _ in 0..2 {
        assert_eq!(world.bus.publish_event(&out, TraceId::random(), &adapter("chat")).await.expect("published"), Accepted::Stored);
    }
}

#[tokio::test]
async fn many_are_published_at_once_and_each_is_kept() {
    let world = World::new().await;
    // More than are under way at one time.
    let events: Vec<_> = (0..2000).map(|n| (event(&n.to_string()), TraceId::random())).collect();
    world.bus.publish_events(&events, &adapter("chat")).await.expect("published");
    assert_eq!(waiting(&world.nats, "EVENTS").await, 2000);
    world.bus.publish_events(&events, &adapter("chat")).await.expect("duplicates are no error");
    assert_eq!(waiting(&world.nats, "EVENTS").await, 2000);

    let replies: Vec<_> = (0..300).map(|_| (reply("chat"), TraceId::random())).collect();
    let answers = world.bus.publish_replies(&replies).await;
    assert_eq!(answers.len(), 300);
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Accepted::Stored))));
}

#[tokio::test]
async fn a_full_stream_refuses_what_is_new_and_keeps_what_is_old() {
    let world = World::new().await;
    let jetstream = jetstream(&world.nats).await;
    let mut config = jetstream.get_stream("EVENTS").await.expect("EVENTS").cached_info().config.clone();
    config.max_bytes = 4096;
    jetstream.update_stream(&config).await.expect("updated");
    let mut refused = None;
    let mut stored = 0;
    for n in 0..100 {
        match world.bus.publish_event(&event(&n.to_string()), TraceId::random(), &adapter("chat")).await {
            Ok(_) => stored += 1,
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    assert!(matches!(refused, Some(BusError::Full(_))), "{refused:?}");
    assert_eq!(waiting(&world.nats, "EVENTS").await, stored);
}

#[tokio::test]
async fn an_event_that_no_message_can_hold_is_refused_as_too_large() {
    let world = World::new().await;
    let huge = event(&"x".repeat(1_100_000));
    let error = world.bus.publish_event(&huge, TraceId::random(), &adapter("chat")).await.expect_err("too large");
    assert!(matches!(error, BusError::TooLarge { bytes } if bytes > 1_100_000), "{error}");
}

#[tokio::test]
async fn the_trace_travels_in_a_header_and_personal_data_in_none() {
    let world = World::new().await;
    let mut one = raw(Bytes::from_static(b"secret"));
    one.query = "from=081234567890".to_owned();
    let _accepted = world.bus.publish_raw(&one).await.expect("published");
    let stream = jetstream(&world.nats).await.get_stream("RAW").await.expect("RAW");
    let message = stream.get_last_raw_message_by_subject("raw.chat").await.expect("the message");
    assert_eq!(message.headers.get("traceparent").map(|value| value.as_str().to_owned()), Some(one.trace.traceparent()));
    let id = message.headers.get(NATS_MESSAGE_ID).expect("an id").as_str().to_owned();
    assert!(id.starts_with("raw-") && !id.contains("0812"), "{id}");
}
