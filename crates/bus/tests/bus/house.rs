use std::time::Duration;

use bus::{Delivery, Queue, Stop};
use model::Raw;

use crate::world::{Notes, World, adapter, jetstream, raw, soon, until, waiting};

#[tokio::test]
async fn it_says_how_full_each_stream_is() {
    let world = World::new().await;
    let _accepted = world.bus.publish_raw(&raw("a")).await.expect("published");
    let fill = world.bus.fill().await.expect("asked");
    let of = |name: &str| fill.iter().find(|fill| fill.stream == name).expect(name).clone();
    assert_eq!((of("RAW").messages, of("EVENTS").messages), (1, 0));
    assert!(of("RAW").bytes > 0 && of("RAW").max_bytes > of("RAW").bytes);
    assert_eq!(fill.len(), 10);
}

#[tokio::test]
async fn room_is_made_by_removing_what_was_read_and_nothing_else() {
    let world = World::new().await;
    let bus = &world.bus;
    let publish = async |from: usize| {
        for n in from..from + 20 {
            let _accepted = bus.publish_raw(&raw(n.to_string())).await.expect("published");
        }
    };
    // An adapter that has read all, and one that has read nothing of its one message, the oldest.
    let mut letter = raw("a letter");
    letter.adapter = adapter("mail");
    let _accepted = bus.publish_raw(&letter).await.expect("published");
    publish(0).await;
    read_all(&world, 20).await;
    let raws = jetstream(&world.nats).await.get_stream("RAW").await.expect("RAW");
    let mail = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some("normalize-mail".into()),
        filter_subject: "raw.mail".into(),
        ..Default::default()
    };
    raws.create_consumer(mail).await.expect("a consumer");
    assert!(!bus.make_room(Duration::ZERO).await.expect("looked"), "the letter is unread");
    assert_eq!(waiting(&world.nats, "RAW").await, 21);

    raws.delete_consumer("normalize-mail").await.expect("removed");
    assert!(!bus.make_room(Duration::from_mins(10)).await.expect("looked"), "all is too young");
    assert!(bus.make_room(Duration::ZERO).await.expect("looked"));
    assert_eq!(waiting(&world.nats, "RAW").await, 16, "a quarter is gone");

    // With as much unread on top, room is made up to there and no further.
    publish(100).await;
    while bus.make_room(Duration::ZERO).await.expect("looked") {}
    let left = waiting(&world.nats, "RAW").await;
    assert!((20..36).contains(&left), "{left}");
    read_all(&world, 20).await;
}

async fn read_all(world: &World, count: usize) {
    let (stop, done) = (Stop::new(), Notes::default());
    let run = {
        let (bus, stop, done) = (world.bus.clone(), stop.clone(), done.clone());
        tokio::spawn(async move {
            bus.consume(Queue::Raw(adapter("chat")), stop, 4, move |_: Delivery<Raw>| {
                let handled = done.handled("one");
                async { handled }
            })
            .await
        })
    };
    until(|| async { done.len() >= count }).await;
    stop.cancel();
    soon(run).await.expect("no panic").expect("no error");
}
