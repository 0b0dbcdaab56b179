use std::{sync::Arc, time::Duration};

use bus::{Bus, BusError, Delivery, Queue, Stop};
use model::{Event, Failure, Raw, TraceId};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::world::{
    ACK_WAIT, Notes, Reader, World, adapter, connect, event, jetstream, name_of, raw, reply, retry_in, seen, send, soon, until, waiting,
};

#[tokio::test]
async fn what_was_handled_is_acknowledged_and_gone() {
    let world = World::new().await;
    send(&world.bus, &["a", "b"]).await;
    let mut reader = Reader::of_events(&world.bus, |_| Ok(()));
    let mut names = vec![reader.next().await, reader.next().await];
    names.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(names, [seen("a", 1), seen("b", 1)]);
    // Stopping waits for the server's word.
    assert_eq!(reader.stop().await, []);
    assert_eq!(waiting(&world.nats, "EVENTS").await, 0);
}

#[tokio::test]
async fn a_message_that_must_wait_holds_nobody_up_and_comes_back() {
    let world = World::new().await;
    send(&world.bus, &["slow"]).await;
    let mut reader = Reader::of_events(&world.bus, |seen| match (seen.name.as_str(), seen.attempt) {
        ("slow", 1) => Err(retry_in(Duration::from_millis(500))),
        ("slow", 2) => Err(Failure::retry("and once more, after the bus's own pause")),
        _ => Ok(()),
    });
    assert_eq!(reader.next().await, seen("slow", 1));
    send(&world.bus, &["quick"]).await;
    assert_eq!(reader.next().await, seen("quick", 1));
    assert_eq!(reader.next().await, seen("slow", 2));
    assert_eq!(reader.next().await, seen("slow", 3));
    assert_eq!(reader.stop().await, []);
    assert_eq!(waiting(&world.nats, "EVENTS").await, 0);
}

#[tokio::test]
async fn a_handler_that_panics_is_asked_again() {
    let world = World::new().await;
    send(&world.bus, &["a"]).await;
    let mut reader = Reader::of_events(&world.bus, |seen| {
        assert!(seen.attempt > 1, "a bug that shows once");
        Ok(())
    });
    assert_eq!(reader.next().await, seen("a", 1));
    assert_eq!(reader.next().await, seen("a", 2));
    assert_eq!(reader.stop().await, []);
    assert_eq!(waiting(&world.nats, "EVENTS").await, 0);
}

#[tokio::test]
async fn a_handler_may_take_longer_than_the_server_waits() {
    let world = World::new().await;
    send(&world.bus, &["long"]).await;
    let notes = Notes::default();
    let stop = Stop::new();
    let run = {
        let (bus, stop, notes) = (world.bus.clone(), stop.clone(), notes.clone());
        tokio::spawn(async move {
            bus.consume(Queue::Events, stop, 1, move |_: Delivery<Event>| {
                let notes = notes.clone();
                async move {
                    notes.add("begun");
                    tokio::time::sleep(ACK_WAIT * 2).await;
                    notes.add("ended");
                    Ok(())
                }
            })
            .await
        })
    };
    until(|| async { notes.len() > 0 }).await;
    // Another process would get what the server believes to be lost.
    let other = Reader::of_events(&connect(&world.nats.url()).await, |_| Ok(()));
    until(|| async { notes.len() > 1 }).await;
    stop.cancel();
    soon(run).await.expect("no panic").expect("no error");
    assert_eq!(notes.sorted(), ["begun", "ended"]);
    assert_eq!(other.stop().await, []);
    assert_eq!(waiting(&world.nats, "EVENTS").await, 0);
}

#[tokio::test]
async fn stopping_lets_a_handler_finish() {
    let world = World::new().await;
    send(&world.bus, &["a"]).await;
    let (notes, gate, stop) = (Notes::default(), Stop::new(), Stop::new());
    let run = {
        let (bus, stop, notes, gate) = (world.bus.clone(), stop.clone(), notes.clone(), gate.clone());
        tokio::spawn(async move {
            bus.consume(Queue::Events, stop, 1, move |_: Delivery<Event>| {
                let (notes, gate) = (notes.clone(), gate.clone());
                async move {
                    notes.add("begun");
                    gate.cancelled().await;
                    Ok(())
                }
            })
            .await
        })
    };
    until(|| async { notes.len() > 0 }).await;
    stop.cancel();
    // What comes now is not begun.
    send(&world.bus, &["b"]).await;
    assert!(!run.is_finished());
    gate.cancel();
    soon(run).await.expect("no panic").expect("no error");
    assert_eq!(notes.sorted(), ["begun"]);
    assert_eq!(waiting(&world.nats, "EVENTS").await, 1);
}

#[tokio::test]
async fn what_a_dead_process_held_goes_to_another() {
    let world = World::new().await;
    send(&world.bus, &["a"]).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let dying = {
        let bus = connect(&world.nats.url()).await;
        tokio::spawn(async move {
            bus.consume_batch(Queue::Events, Stop::new(), 10, move |_: Vec<Delivery<Event>>| {
                let _ = tell.send(());
                std::future::pending()
            })
            .await
        })
    };
    soon(told.recv()).await.expect("it began");
    dying.abort();
    let mut heir = Reader::of_events(&world.bus, |_| Ok(()));
    assert_eq!(heir.next().await, seen("a", 2));
    heir.stop().await;
}

#[tokio::test]
async fn two_consumers_share_and_nothing_is_handled_twice() {
    let world = World::new().await;
    let names: Vec<String> = (0..200).map(|n| format!("{n:03}")).collect();
    send(&world.bus, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (left, right, both) = (Notes::default(), Notes::default(), Stop::new());
    let stop = Stop::new();
    let mut runs = Vec::new();
    for notes in [&left, &right] {
        // As in two processes: each with a connection of its own.
        let (bus, stop, notes, both) = (connect(&world.nats.url()).await, stop.clone(), notes.clone(), both.clone());
        runs.push(tokio::spawn(async move {
            bus.consume(Queue::Events, stop, 4, move |delivery: Delivery<Event>| {
                let (notes, both) = (notes.clone(), both.clone());
                async move {
                    notes.add(name_of(&delivery.item));
                    both.cancelled().await;
                    Ok(())
                }
            })
            .await
        }));
    }
    until(|| async { left.len() > 0 && right.len() > 0 }).await;
    both.cancel();
    until(|| async { left.len() + right.len() >= names.len() }).await;
    stop.cancel();
    for run in runs {
        soon(run).await.expect("no panic").expect("no error");
    }
    let mut all = [left.sorted(), right.sorted()].concat();
    all.sort();
    assert_eq!(all, names);
    assert_eq!(waiting(&world.nats, "EVENTS").await, 0);
}

#[tokio::test]
async fn each_result_of_a_batch_settles_its_own_message() {
    let world = World::new().await;
    let names: Vec<String> = (0..50).map(|n| format!("{n:02}")).collect();
    send(&world.bus, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (done, batches) = (Notes::default(), Notes::default());
    let (stop, run) = batch(&world.bus, 20, {
        let (done, batches) = (done.clone(), batches.clone());
        move |deliveries| {
            batches.add(deliveries.len().to_string());
            deliveries
                .iter()
                .map(|delivery| match (name_of(&delivery.item).as_str(), delivery.attempt) {
                    ("07", 1) => Err(retry_in(Duration::from_millis(10))),
                    ("13", _) => Err(Failure::park("is unlucky", "thirteen")),
                    (name, _) => {
                        done.add(name);
                        Ok(())
                    }
                })
                .collect()
        }
    });
    until(|| async { done.len() >= 49 }).await;
    stop.cancel();
    soon(run).await.expect("no panic").expect("no error");
    let handled: Vec<String> = names.into_iter().filter(|name| name != "13").collect();
    assert_eq!(done.sorted(), handled, "each once, the seventh at its second attempt");
    assert_eq!(waiting(&world.nats, "EVENTS").await, 0);
    let parked = world.bus.parked(None, 10).await.expect("parked");
    assert_eq!(parked.iter().map(|one| one.reason.as_str()).collect::<Vec<_>>(), ["is unlucky"]);
    assert!(batches.sorted().iter().any(|size| size == "20"), "fetched together: {:?}", batches.sorted());
}

#[tokio::test]
async fn a_message_that_brings_down_its_batch_falls_out_alone() {
    let world = World::new().await;
    send(&world.bus, &["a", "bomb", "b", "c"]).await;
    let done = Notes::default();
    let (stop, run) = batch(&world.bus, 10, {
        let done = done.clone();
        move |deliveries| {
            let names: Vec<String> = deliveries.iter().map(|delivery| name_of(&delivery.item)).collect();
            assert!(!names.contains(&"bomb".to_owned()) || deliveries.iter().all(|delivery| delivery.attempt > 6), "the bomb");
            names.into_iter().map(|name| done.handled(name)).collect()
        }
    });
    // Fails with its company three times, then alone until it gives in; the others are through long before.
    until(|| async { done.len() >= 3 }).await;
    assert_eq!(done.sorted(), ["a", "b", "c"]);
    stop.cancel();
    soon(run).await.expect("no panic").expect("no error");
}

#[tokio::test]
async fn a_handler_that_answers_too_little_gets_the_rest_again() {
    let world = World::new().await;
    send(&world.bus, &["a", "b"]).await;
    let done = Notes::default();
    let (stop, run) = batch(&world.bus, 10, {
        let done = done.clone();
        move |deliveries| {
            done.add(name_of(&deliveries[0].item));
            vec![Ok(())]
        }
    });
    until(|| async { done.len() >= 2 }).await;
    stop.cancel();
    soon(run).await.expect("no panic").expect("no error");
    assert_eq!(done.sorted(), ["a", "b"]);
    assert_eq!(waiting(&world.nats, "EVENTS").await, 0);
}

#[tokio::test]
async fn each_adapter_reads_its_own_and_the_subject_says_whose_it_is() {
    let world = World::new().await;
    let bus = &world.bus;
    let mut mail = raw("a mail");
    mail.adapter = adapter("mail");
    let chat = raw("a chat");
    for raw in [&mail, &chat] {
        let _accepted = bus.publish_raw(raw).await.expect("published");
    }
    let _accepted = bus.publish_reply(&reply("mail"), TraceId::random()).await.expect("published");
    let (tell, mut told) = mpsc::unbounded_channel();
    let stop = Stop::new();
    let run = {
        let (bus, stop) = (bus.clone(), stop.clone());
        tokio::spawn(async move {
            bus.consume(Queue::Raw(adapter("mail")), stop, 1, move |delivery: Delivery<Raw>| {
                let _ = tell.send(delivery);
                async { Ok(()) }
            })
            .await
        })
    };
    let delivery = soon(told.recv()).await.expect("a mail");
    assert_eq!(delivery.item, mail);
    assert_eq!(delivery.trace, mail.trace);
    assert_eq!(delivery.adapter, adapter("mail"));
    stop.cancel();
    soon(run).await.expect("no panic").expect("no error");
    assert!(told.recv().await.is_none(), "nothing else");
    assert_eq!(waiting(&world.nats, "RAW").await, 2, "RAW keeps what was read, for replay");
    assert_eq!(waiting(&world.nats, "REPLIES").await, 1);
}

#[tokio::test]
async fn stopping_gives_back_what_was_not_begun() {
    let world = World::new().await;
    let names: Vec<String> = (0..30).map(|n| format!("{n:02}")).collect();
    send(&world.bus, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let begun = Notes::default();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let stop = Stop::new();
    // The server would wait longer than this test.
    let bus = world.bus.clone().with_ack_wait(Duration::from_mins(10));
    let run = {
        let (bus, stop, begun, gate) = (bus.clone(), stop.clone(), begun.clone(), Arc::clone(&gate));
        tokio::spawn(async move {
            bus.consume_batch(Queue::Events, stop, 10, |deliveries: Vec<Delivery<Event>>| {
                let (begun, gate) = (begun.clone(), Arc::clone(&gate));
                async move {
                    for delivery in &deliveries {
                        begun.add(name_of(&delivery.item));
                    }
                    gate.acquire().await.expect("open").forget();
                    deliveries.iter().map(|_| Ok(())).collect()
                }
            })
            .await
        })
    };
    until(|| async { begun.len() > 0 }).await;
    stop.cancel();
    gate.add_permits(1);
    soon(run).await.expect("no panic").expect("no error");
    let first = begun.sorted();
    assert!(first.len() <= 10);
    // What was fetched ahead does not wait for the server to lose patience.
    let rest = Notes::default();
    let reader = Reader::of_events(&bus, {
        let rest = rest.clone();
        move |seen| {
            rest.add(&seen.name);
            Ok(())
        }
    });
    until(|| async { rest.len() >= names.len() - first.len() }).await;
    reader.stop().await;
    let mut all = [first, rest.sorted()].concat();
    all.sort();
    assert_eq!(all, names);
}

#[tokio::test]
async fn a_consumer_may_start_before_the_streams_are_there() {
    let nats = servers::testing::nats();
    let bus = connect(&nats.url()).await;
    let mut reader = Reader::of_events(&bus, |_| Ok(()));
    tokio::time::sleep(Duration::from_millis(300)).await;
    bus.ensure().await.expect("streams");
    send(&bus, &["a"]).await;
    assert_eq!(reader.next().await, seen("a", 1));
    reader.stop().await;
}

#[tokio::test]
async fn a_consumer_that_somebody_removed_is_made_again() {
    let world = World::new().await;
    let mut reader = Reader::of_events(&world.bus, |_| Ok(()));
    send(&world.bus, &["a"]).await;
    assert_eq!(reader.next().await, seen("a", 1));
    let jetstream = jetstream(&world.nats).await;
    until(|| async { waiting(&world.nats, "EVENTS").await == 0 }).await;
    jetstream.get_stream("EVENTS").await.expect("EVENTS").delete_consumer("intake").await.expect("removed");
    send(&world.bus, &["b"]).await;
    assert_eq!(reader.next().await, seen("b", 1));
    // And the whole stream.
    until(|| async { waiting(&world.nats, "EVENTS").await == 0 }).await;
    jetstream.delete_stream("EVENTS").await.expect("removed");
    world.bus.ensure().await.expect("again");
    send(&world.bus, &["c"]).await;
    assert_eq!(reader.next().await, seen("c", 1));
    reader.stop().await;
}

#[tokio::test]
async fn an_outage_behind_the_handler_does_not_use_up_the_attempts_of_all_that_wait() {
    let world = World::new().await;
    let names: Vec<String> = (0..100).map(|n| format!("{n:03}")).collect();
    send(&world.bus, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (failed, done, up) = (Notes::default(), Notes::default(), Stop::new());
    let reader = Reader::of_events(&world.bus, {
        let (failed, done, up) = (failed.clone(), done.clone(), up.clone());
        move |seen| {
            if up.is_cancelled() {
                done.add(&seen.name);
                return Ok(());
            }
            failed.add(&seen.name);
            Err(Failure::retry("the database is away"))
        }
    });
    until(|| async { failed.len() >= 5 }).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(failed.len() < 20, "it tries one at a time: {}", failed.len());
    up.cancel();
    until(|| async { done.len() >= names.len() }).await;
    assert_eq!(done.sorted(), names);
    reader.stop().await;
}

#[tokio::test]
async fn a_consumer_that_the_server_will_not_have_ends_with_an_error() {
    let world = World::new().await;
    let stream = jetstream(&world.nats).await.get_stream("EVENTS").await.expect("EVENTS");
    let foreign = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some("foreign".to_owned()),
        filter_subject: "events.chat".to_owned(),
        ..Default::default()
    };
    stream.create_consumer(foreign).await.expect("a consumer that takes what is ours");
    let refused = soon(world.bus.consume(Queue::Events, Stop::new(), 1, |_: Delivery<Event>| async { Ok(()) })).await;
    assert!(matches!(refused, Err(BusError::Refused(_))), "{refused:?}");
}

fn batch(
    bus: &Bus,
    most: usize,
    handle: impl Fn(&[Delivery<Event>]) -> Vec<Result<(), Failure>> + Send + Sync + 'static,
) -> (Stop, JoinHandle<Result<(), BusError>>) {
    let (bus, stop) = (bus.clone(), Stop::new());
    let until = stop.clone();
    let handle = Arc::new(handle);
    let run = tokio::spawn(async move {
        bus.consume_batch(Queue::Events, until, most, |deliveries: Vec<Delivery<Event>>| {
            let handle = Arc::clone(&handle);
            async move { handle(&deliveries) }
        })
        .await
    });
    (stop, run)
}

#[tokio::test]
async fn a_quiet_queue_gives_batches_of_one() {
    let world = World::new().await;
    let sizes = Notes::default();
    let (stop, run) = batch(&world.bus, 10, {
        let sizes = sizes.clone();
        move |deliveries| {
            sizes.add(deliveries.len().to_string());
            deliveries.iter().map(|_| Ok(())).collect()
        }
    });
    for n in 0..3 {
        let accepted = world.bus.publish_event(&event(&n.to_string()), TraceId::random(), &adapter("chat")).await.expect("published");
        assert_eq!(accepted, bus::Accepted::Stored);
        until(|| async { sizes.len() == n + 1 }).await;
    }
    stop.cancel();
    soon(run).await.expect("no panic").expect("no error");
    assert_eq!(sizes.sorted(), ["1", "1", "1"]);
}
