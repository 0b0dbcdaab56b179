//! How fast the bus is on this machine, next to what the client does by itself: `cargo run --release -p bus --example throughput`.
//!
//! It starts a nats-server of its own in a folder for temporary files. `MUARA_TOOLS` names the folder with the program, if it is not in the path.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bus::{Bus, BusConfig, Delivery, Queue, Stop};
use futures::{StreamExt, TryStreamExt, stream};
use model::{AdapterName, Event, Raw, Receipt, ReceiptState, Timestamp, TraceId};

/// Messages a measurement.
const COUNT: usize = 20_000;
/// One after the other is slow: fewer will do.
const FEW: usize = 4_000;
/// What a complaint with its envelope has on average.
const BODY: usize = 700;

#[tokio::main]
async fn main() {
    let nats = servers::testing::nats();
    let config = BusConfig { url: nats.url(), user: None, password: None, key: None, name: "throughput".to_owned(), replicas: 1 };
    let bus = Bus::connect(&config).await.expect("a connection");
    bus.ensure().await.expect("streams");
    let jetstream = async_nats::jetstream::new(async_nats::connect(nats.url()).await.expect("a connection"));
    let stream = async_nats::jetstream::stream::Config { name: "BARE".into(), subjects: vec!["bare".into()], ..Default::default() };
    let bare = jetstream.create_stream(stream).await.expect("a stream");

    println!("{BODY} bytes a body, one nats-server, file storage, one connection a side.");
    let body = bytes::Bytes::from(vec![b'x'; BODY]);
    report("async-nats: publish and wait, one by one", FEW, async {
        for _ in 0..FEW {
            jetstream.publish("bare", body.clone()).await.expect("sent").await.expect("stored");
        }
    })
    .await;
    report("publish_raw: one by one", FEW, async {
        for n in 0..FEW {
            let _accepted = bus.publish_raw(&raw(n)).await.expect("published");
        }
    })
    .await;
    report("async-nats: publish, 256 under way", COUNT, async {
        let publish = |_| async { jetstream.publish("bare", body.clone()).await?.await };
        stream::iter(0..COUNT).map(publish).buffered(256).try_for_each(|_| async { Ok(()) }).await.expect("stored");
    })
    .await;
    report("publish_raw: 256 side by side", COUNT, async {
        let publish = |n| {
            let bus = &bus;
            async move { bus.publish_raw(&raw(FEW + n)).await }
        };
        stream::iter(0..COUNT).map(publish).buffered(256).try_for_each(|_| async { Ok(()) }).await.expect("stored");
    })
    .await;
    let events: Vec<_> = (0..COUNT).map(|n| (event(n), TraceId::random())).collect();
    let chat = adapter();
    report("publish_events: many at once", COUNT, async { bus.publish_events(&events, &chat).await.expect("published") }).await;

    report("async-nats: fetch 200, double_ack one by one", FEW, async {
        let config = async_nats::jetstream::consumer::pull::Config { durable_name: Some("bare".into()), ..Default::default() };
        let consumer = bare.create_consumer(config).await.expect("a consumer");
        let mut done = 0;
        while done < FEW {
            let mut batch = consumer.fetch().max_messages(200).messages().await.expect("a batch");
            while let Some(message) = batch.next().await {
                message.expect("a message").double_ack().await.expect("confirmed");
                done += 1;
            }
        }
    })
    .await;
    report("consume_batch of 200, every acknowledgement confirmed", COUNT, consume_batch(&bus)).await;
    let left = jetstream.get_stream("EVENTS").await.expect("EVENTS").cached_info().state.messages;
    assert_eq!(left, 0, "confirmed means gone");
    report("consume, 64 side by side, every acknowledgement confirmed", FEW + COUNT, consume(&bus)).await;
}

async fn consume_batch(bus: &Bus) {
    let (stop, done) = (Stop::new(), AtomicUsize::new(0));
    let handle = |deliveries: Vec<Delivery<Event>>| {
        if done.fetch_add(deliveries.len(), Ordering::Relaxed) + deliveries.len() >= COUNT {
            stop.cancel();
        }
        async move { deliveries.iter().map(|_| Ok(())).collect() }
    };
    bus.consume_batch(Queue::Events, stop.clone(), 200, handle).await.expect("consumed");
}

async fn consume(bus: &Bus) {
    let (stop, done) = (Stop::new(), Arc::new(AtomicUsize::new(0)));
    let handle = {
        let stop = stop.clone();
        move |_: Delivery<Raw>| {
            if done.fetch_add(1, Ordering::Relaxed) + 1 >= FEW + COUNT {
                stop.cancel();
            }
            async { Ok(()) }
        }
    };
    bus.consume(Queue::Raw(adapter()), stop, 64, handle).await.expect("consumed");
}

async fn report(what: &str, count: usize, work: impl Future<Output = ()>) {
    let start = Instant::now();
    work.await;
    let spent = start.elapsed();
    println!("{:>9.0}/s  {what}", rate(count, spent));
}

fn rate(count: usize, spent: Duration) -> f64 {
    f64::from(u32::try_from(count).expect("a small number")) / spent.as_secs_f64()
}

fn adapter() -> AdapterName {
    "chat".parse().expect("a name")
}

fn raw(n: usize) -> Raw {
    let mut body = n.to_string().into_bytes();
    body.resize(BODY, b'x');
    Raw {
        adapter: adapter(),
        received_at: Timestamp::UNIX_EPOCH,
        trace: TraceId::random(),
        query: String::new(),
        headers: Vec::new(),
        body: body.into(),
    }
}

fn event(n: usize) -> Event {
    Event::Receipt(Receipt {
        reply: None,
        platform_id: Some(format!("{n}{}", "x".repeat(BODY))),
        adapter: adapter(),
        account: "1".to_owned(),
        state: ReceiptState::Delivered,
        at: Timestamp::UNIX_EPOCH,
        file_refused: None,
    })
}
