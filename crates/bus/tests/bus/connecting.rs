use std::{path::Path, time::Duration};

use bus::{Bus, BusError};
use servers::{Nats, NatsOptions, testing::nats};

use crate::world::{World, adapter, config, connect, event, jetstream, soon};

#[tokio::test]
async fn it_waits_for_a_server_that_is_not_there_yet() {
    let mut nats = nats();
    nats.kill9();
    let url = nats.url();
    let connecting = tokio::spawn(async move { Bus::connect(&config(&url)).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!connecting.is_finished());
    nats.restart().expect("a server");
    let bus = soon(connecting).await.expect("no panic").expect("a connection");
    assert!(bus.is_connected());
}

#[tokio::test]
async fn creating_the_streams_twice_changes_nothing_and_keeps_a_size_that_somebody_chose() {
    let world = World::new().await;
    let jetstream = jetstream(&world.nats).await;
    let mut chosen = jetstream.get_stream("RAW").await.expect("RAW").cached_info().config.clone();
    chosen.max_bytes = 1_234_567;
    chosen.max_age = Duration::from_hours(1);
    jetstream.update_stream(&chosen).await.expect("updated");
    world.bus.ensure().await.expect("again");
    let found = jetstream.get_stream("RAW").await.expect("RAW").cached_info().config.clone();
    assert_eq!(found.max_bytes, 1_234_567);
    assert_eq!(found.max_age, Duration::from_hours(14 * 24), "what is no matter of disks is put right");
}

#[tokio::test]
async fn a_small_server_gets_smaller_streams() {
    let folder = tempfile::tempdir().expect("a folder");
    let nats = configured(folder.path(), &format!("jetstream {{ store_dir: {:?}, max_file_store: 1GB }}", folder.path()));
    let bus = connect(&nats.url()).await;
    for _ in 0..2 {
        bus.ensure().await.expect("streams that fit");
    }
    let accepted = bus.publish_event(&event("a"), model::TraceId::random(), &adapter("chat")).await.expect("published");
    assert_eq!(accepted, bus::Accepted::Stored);
}

#[tokio::test]
async fn a_server_without_jetstream_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let nats = configured(folder.path(), "jetstream: false");
    let error = connect(&nats.url()).await.ensure().await.expect_err("nothing can be kept");
    assert!(matches!(error, BusError::NoJetStream), "{error}");
}

#[tokio::test]
async fn a_stream_that_nobody_created_is_named_in_the_error() {
    let nats = nats();
    let bus = connect(&nats.url()).await;
    let error = bus.publish_event(&event("a"), model::TraceId::random(), &adapter("chat")).await.expect_err("no stream");
    assert!(matches!(error, BusError::Missing(_)), "{error}");
    let error = bus.sent(model::ReplyId::new(model::Timestamp::UNIX_EPOCH)).await.expect_err("no bucket");
    assert!(error.to_string().contains("KV_sent"), "{error}");
    let error = bus.directory().await.expect_err("no bucket");
    assert!(matches!(error, BusError::Missing(_)), "{error}");
}

/// A server with more lines in its configuration; the last of a kind wins.
fn configured(folder: &Path, config: &str) -> Nats {
    Nats::start(folder, NatsOptions { config: config.to_owned(), ..NatsOptions::default() }).expect("a server")
}
