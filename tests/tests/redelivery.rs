//! A platform delivers at least once, in any order. We record once.

use simulator::Order;
use tests::{APP_SECRET, World};

const BUDI: &str = "6281200000002";

#[tokio::test(flavor = "multi_thread")]
async fn a_redelivered_webhook_opens_no_second_complaint_not_even_twenty_at_once() {
    let world = World::start().await;
    world.platform.text(BUDI, "Pohon tumbang menutup jalan di Kelurahan Menteng");
    world.hears(BUDI, &["Nomor: "]).await;
    let posts = (0..20).map(|_| {
        let (platform, webhook) = (world.platform.clone(), world.webhook());
        async move { platform.redeliver(1, &webhook, APP_SECRET).await }
    });
    for statuses in futures::future::join_all(posts).await {
        assert!(statuses.iter().all(|status| *status == 200), "a redelivery is a success: {statuses:?}");
    }
    world.settled().await;
    assert_eq!(world.complaints(), 1);
    assert_eq!(world.count("select count(*) from message"), 1);
    assert_eq!(world.platform.received(BUDI).len(), 1, "one acknowledgement");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_first_deliveries_at_once_open_one_complaint() {
    let world = World::start().await;
    let body = tests::text_webhook(BUDI, "wamid.sekaligus", "Sampah menumpuk di Kelurahan Menteng");
    let client = tests::client();
    let posts = (0..20).map(|_| {
        let signature = simulator::webhook::signature(&body, APP_SECRET);
        client.post(world.webhook()).header("x-hub-signature-256", signature).body(body.clone()).send()
    });
    for answer in futures::future::join_all(posts).await {
        assert_eq!(answer.expect("an answer").status(), 200);
    }
    world.complaints_become(1).await;
    world.settled().await;
    assert_eq!(world.complaints(), 1);
    assert_eq!(world.count("select count(*) from message"), 1);
    assert_eq!(world.count("select count(*) from reply"), 1, "one acknowledgement");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_citizens_in_any_order_and_bundled_are_each_recorded_once() {
    let world = World::start().await;
    let phones: Vec<String> = (0..40).map(|n| format!("62813{n:08}")).collect();
    for phone in &phones {
        world.platform.text(phone, "Banjir di Kelurahan Gambir selutut");
    }
    world.platform.deliver_in(Order::Shuffled(3), &world.webhook(), APP_SECRET).await;
    world.complaints_become(40).await;
    for phone in &phones {
        world.hears(phone, &["Nomor: "]).await;
    }
    world.platform.redeliver(40, &world.webhook(), APP_SECRET).await;
    world.settled().await;
    assert_eq!(world.complaints(), 40);
    assert!(phones.iter().all(|phone| world.platform.received(phone).len() == 1), "one acknowledgement each");
}
