use std::{collections::BTreeSet, time::Duration};

use async_nats::jetstream::consumer::pull;
use bus::{BusError, Delivery, Queue, Stop};
use model::{Event, TraceId};

use crate::world::{ACK_WAIT, Notes, Reader, World, adapter, event, jetstream, name_of, seen, send, soon, until, waiting};

#[tokio::test]
async fn a_server_killed_in_the_middle_loses_nothing() {
    let mut world = World::new().await;
    let names: Vec<String> = (0..3000).map(|n| format!("{n:04}")).collect();
    let events: Vec<_> = names.iter().map(|name| (event(name), TraceId::random())).collect();
    let (before, during) = events.split_at(2000);
    world.bus.publish_events(before, &adapter("chat")).await.expect("published");
    let done = Notes::default();
    let stop = Stop::new();
    let run = {
        let (bus, stop, done) = (world.bus.clone(), stop.clone(), done.clone());
        tokio::spawn(async move {
            bus.consume_batch(Queue::Events, stop, 50, |deliveries: Vec<Delivery<Event>>| {
                let done = done.clone();
                async move {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    deliveries.iter().map(|delivery| done.handled(name_of(&delivery.item))).collect()
                }
            })
            .await
        })
    };
    until(|| async { done.len() > 300 }).await;
    world.nats.kill9();
    // A publisher does not give up either: the ids make repetition harmless.
    let publishing = {
        let (bus, during) = (world.bus.clone(), during.to_vec());
        tokio::spawn(async move { while bus.publish_events(&during, &adapter("chat")).await.is_err() {} })
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    world.nats.restart().expect("a server");
    soon(publishing).await.expect("published in the end");
    let all: BTreeSet<String> = names.into_iter().collect();
    until(|| async { BTreeSet::from_iter(done.sorted()) == all }).await;
    stop.cancel();
    soon(run).await.expect("no panic").expect("no error");
    assert_eq!(waiting(&world.nats, "EVENTS").await, 0);
    assert_eq!(world.bus.parked_count().await.expect("counted"), 0);
}

#[tokio::test]
async fn a_handler_that_ends_while_the_server_is_away_is_acknowledged_when_it_is_back() {
    let mut world = World::new().await;
    send(&world.bus, &["a"]).await;
    let (begun, away) = (Notes::default(), Stop::new());
    let (stop, attempts) = (Stop::new(), begun.clone());
    let run = {
        let (bus, stop, away) = (world.bus.clone().with_ack_wait(Duration::from_secs(30)), stop.clone(), away.clone());
        tokio::spawn(async move {
            bus.consume(Queue::Events, stop, 1, move |delivery: Delivery<Event>| {
                let (attempts, away) = (attempts.clone(), away.clone());
                async move {
                    attempts.add(format!("attempt {}", delivery.attempt));
                    away.cancelled().await;
                    Ok(())
                }
            })
            .await
        })
    };
    until(|| async { begun.len() == 1 }).await;
    world.nats.kill9();
    until(|| async { !world.bus.is_connected() }).await;
    away.cancel();
    world.nats.restart().expect("a server");
    until(|| async { world.bus.is_connected() && waiting(&world.nats, "EVENTS").await == 0 }).await;
    stop.cancel();
    soon(run).await.expect("no panic").expect("no error");
    assert_eq!(begun.sorted(), ["attempt 1"]);
}

#[tokio::test]
async fn what_comes_again_while_it_is_handled_is_not_begun_twice() {
    let mut world = World::new().await;
    send(&world.bus, &["a"]).await;
    let (begun, gate, stop) = (Notes::default(), Stop::new(), Stop::new());
    let run = {
        let (bus, stop, begun, gate) = (world.bus.clone(), stop.clone(), begun.clone(), gate.clone());
        tokio::spawn(async move {
            bus.consume(Queue::Events, stop, 4, move |delivery: Delivery<Event>| {
                let (begun, gate) = (begun.clone(), gate.clone());
                async move {
                    begun.add(format!("attempt {}", delivery.attempt));
                    gate.cancelled().await;
                    Ok(())
                }
            })
            .await
        })
    };
    until(|| async { begun.len() == 1 }).await;
    world.nats.kill9();
    // Longer than the server waits for a word: it believes the message lost when it is back.
    tokio::time::sleep(ACK_WAIT + Duration::from_secs(1)).await;
    world.nats.restart().expect("a server");
    let jetstream = jetstream(&world.nats).await;
    until(|| async {
        let Ok(consumer) = jetstream.get_consumer_from_stream::<pull::Config, _, _>("intake", "EVENTS").await else { return false };
        consumer.cached_info().num_redelivered > 0
    })
    .await;
    gate.cancel();
    until(|| async { waiting(&world.nats, "EVENTS").await == 0 }).await;
    stop.cancel();
    soon(run).await.expect("no panic").expect("no error");
    assert_eq!(begun.sorted(), ["attempt 1"]);
}

#[tokio::test]
async fn an_idle_consumer_wakes_up_after_a_restart() {
    let mut world = World::new().await;
    let mut reader = Reader::of_events(&world.bus, |_| Ok(()));
    send(&world.bus, &["a"]).await;
    assert_eq!(reader.next().await, seen("a", 1));
    for name in ["b", "c"] {
        world.nats.kill9();
        until(|| async { !world.bus.is_connected() }).await;
        world.nats.restart().expect("a server");
        until(|| async { world.bus.publish_event(&event(name), TraceId::random(), &adapter("chat")).await.is_ok() }).await;
        while reader.next().await.name != name {}
    }
    reader.stop().await;
}

#[tokio::test]
async fn without_a_server_a_publish_says_so_and_a_consumer_can_still_stop() {
    let mut world = World::new().await;
    let reader = Reader::of_events(&world.bus, |_| Ok(()));
    world.nats.kill9();
    until(|| async { !world.bus.is_connected() }).await;
    let error = world.bus.publish_event(&event("a"), TraceId::random(), &adapter("chat")).await.expect_err("nobody is there");
    assert!(matches!(error, BusError::Unavailable(_)), "{error}");
    assert_eq!(reader.stop().await, []);
}
