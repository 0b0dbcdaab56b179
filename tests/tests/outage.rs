//! Parts fail. Nothing that was said accepted is missing afterwards, and everything goes on by itself.

use tests::{APP_SECRET, Wishes, World, eventually};

const TINI: &str = "6281200000003";

#[tokio::test(flavor = "multi_thread")]
async fn intake_killed_between_commit_and_acknowledgement_records_once() {
    let (mut world, proxy) = World::start_with_a_proxy_before_intake().await;
    world.platform.text(TINI, "Jalan berlubang di Kelurahan Gambir");
    world.hears(TINI, &["Nomor: "]).await;
    world.settled().await;
    proxy.hold_requests();
    world.platform.text("6281200000004", "Lampu jalan mati di Kelurahan Menteng");
    world.complaints_become(2).await;
    world.process("intake").kill();
    // What was held is gone with the connection: the acknowledgement never arrives.
    proxy.cut().await;
    proxy.mend();
    world.process("intake").resume();
    world.platform.text("6281200000005", "Sampah menumpuk di Kelurahan Senen");
    world.complaints_become(3).await;
    world.hears("6281200000004", &["Nomor: "]).await;
    // The delivery that was never acknowledged comes again, and is known.
    eventually("the redelivered message was known", || async { world.log("intake").contains("Knew a message already") }).await;
    world.settled().await;
    assert_eq!(world.complaints(), 3);
    assert_eq!(world.platform.received("6281200000004").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_arrive_while_nats_is_stopped_are_kept_and_forwarded_later() {
    let mut world = World::start().await;
    world.nats.kill9();
    for n in 0..10 {
        world.platform.text(&format!("62814{n:08}"), "Saluran air mampet di Kelurahan Gambir");
    }
    eventually("every webhook was accepted", || async { world.platform.waiting() == 0 }).await;
    assert_eq!(world.complaints(), 0);
    world.nats.restart().expect("NATS starts again");
    world.complaints_become(10).await;
    for n in 0..10 {
        world.hears(&format!("62814{n:08}"), &["Nomor: "]).await;
    }
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_killed_with_a_full_hand_forwards_what_it_had_said_yes_to() {
    let mut world = World::start().await;
    world.nats.kill9();
    for n in 0..10 {
        world.platform.text(&format!("62815{n:08}"), "Pohon tumbang di Kelurahan Menteng");
    }
    eventually("every webhook was accepted", || async { world.platform.waiting() == 0 }).await;
    world.process("whatsapp").kill();
    world.nats.restart().expect("NATS starts again");
    world.process("whatsapp").resume();
    world.complaints_become(10).await;
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_says_503_and_what_was_accepted_is_still_there() {
    let mut world = World::start_with(Wishes { spool_bytes: Some(64 * 1024), ..Wishes::default() }).await;
    world.nats.kill9();
    let client = tests::client();
    let mut accepted = 0;
    let mut refused = 0;
    for n in 0..200 {
        let body = tests::text_webhook(&format!("62816{n:08}"), &format!("wamid.penuh{n}"), "Jalan rusak di Kelurahan Gambir");
        let signature = simulator::webhook::signature(&body, APP_SECRET);
        let answer = client.post(world.webhook()).header("x-hub-signature-256", signature).body(body).send().await.expect("an answer");
        match answer.status().as_u16() {
            200 => accepted += 1,
            503 => refused += 1,
            other => panic!("neither yes nor later: {other}"),
        }
    }
    assert!(accepted > 0 && refused > 0, "{accepted} accepted, {refused} refused");
    world.nats.restart().expect("NATS starts again");
    world.complaints_become(accepted).await;
    let body = tests::text_webhook("6281699999999", "wamid.lagi", "Jalan rusak di Kelurahan Gambir");
    eventually("the door takes messages again", || {
        let (body, signature) = (body.clone(), simulator::webhook::signature(&body, APP_SECRET));
        let post = client.post(world.webhook()).header("x-hub-signature-256", signature).body(body);
        async move { post.send().await.is_ok_and(|answer| answer.status() == 200) }
    })
    .await;
    world.complaints_become(accepted + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgresql_is_stopped_messages_wait_and_pages_say_so() {
    let mut world = World::start_with(Wishes { durable: true, ..Wishes::default() }).await;
    world.platform.text(TINI, "Jalan berlubang di Kelurahan Gambir");
    world.hears(TINI, &["Nomor: "]).await;
    world.postgres.kill9();
    world.platform.text("6281200000006", "Lampu jalan mati di Kelurahan Menteng");
    eventually("the webhook was accepted", || async { world.platform.waiting() == 0 }).await;
    let page = tests::Browser::new(&world.url()).get("/masuk").await;
    assert!(page.status == 200 || page.status == 503, "a page, not a hang: {}", page.status);
    world.postgres.restart().expect("PostgreSQL starts again");
    world.complaints_become(2).await;
    world.hears("6281200000006", &["Nomor: "]).await;
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_web_knows_who_is_signed_in() {
    let mut world = World::start().await;
    let mut officer = world.signed_in("jalan1").await;
    world.process("web").stop();
    world.process("web").resume();
    eventually("the pages are back", || async { tests::Browser::new(&world.url()).try_get("/health").await == Some(200) }).await;
    assert_eq!(officer.get("/antrean").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_answers_429_then_500_then_nothing_and_the_citizen_is_told_once() {
    use simulator::{Endpoint, Fault};
    let world = World::start().await;
    world.platform.fail_times(Endpoint::Messages, Fault::TooMany(Some(1)), 2);
    world.platform.text(TINI, "Jalan berlubang di Kelurahan Gambir");
    world.hears(TINI, &["Nomor: "]).await;
    world.platform.fail_times(Endpoint::Messages, Fault::Broken, 2);
    world.platform.text("6281200000007", "Lampu jalan mati di Kelurahan Menteng");
    world.hears("6281200000007", &["Nomor: "]).await;
    world.settled().await;
    assert_eq!(world.platform.received(TINI).len(), 1);
    assert_eq!(world.platform.received("6281200000007").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_program_stops_cleanly_when_asked() {
    let mut world = World::start_with(Wishes { with_forms: true, ..Wishes::default() }).await;
    for name in world.process_names() {
        world.process(name).stop();
    }
}
