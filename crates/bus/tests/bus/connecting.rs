use std::{path::Path, time::Duration};

use async_nats::jetstream::stream;
use bus::{Bus, BusError};
use futures::future::join_all;
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
async fn programs_that_start_together_on_small_servers_all_get_their_streams() {
    for room in [1, 3, 6, 12, 15].map(|gib| gib << 30) {
        let folder = tempfile::tempdir().expect("a folder");
        let nats = Nats::start(folder.path(), NatsOptions { room: Some(room), ..NatsOptions::default() }).expect("a server");
        let programs = [connect(&nats.url()).await, connect(&nats.url()).await, connect(&nats.url()).await];
        for done in soon(join_all(programs.iter().map(Bus::ensure))).await {
            done.unwrap_or_else(|error| panic!("a server with {room} bytes: {error:?}"));
        }
        let sizes: Vec<_> = programs[0].fill().await.expect("all are there").iter().map(|fill| fill.max_bytes).collect();
        assert!(sizes.iter().sum::<u64>() <= room, "{sizes:?} in {room}");
        programs[0].ensure().await.expect("again");
        let again: Vec<_> = programs[0].fill().await.expect("all are there").iter().map(|fill| fill.max_bytes).collect();
        assert_eq!(again, sizes);
    }
}

#[tokio::test]
async fn streams_that_a_program_made_before_it_died_leave_room_for_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let nats = Nats::start(folder.path(), NatsOptions { room: Some(6 << 30), ..NatsOptions::default() }).expect("a server");
    let jetstream = async_nats::jetstream::new(async_nats::connect(nats.url()).await.expect("a connection"));
    for (name, gib) in [("RAW", 4), ("EVENTS", 2)] {
        let config = stream::Config { name: name.to_owned(), max_bytes: gib << 30, ..stream::Config::default() };
        let config = match name {
            "EVENTS" => stream::Config { retention: stream::RetentionPolicy::WorkQueue, ..config },
            _ => config,
        };
        jetstream.create_stream(config).await.expect("half of the work");
    }
    let bus = connect(&nats.url()).await;
    soon(bus.ensure()).await.expect("the other half");
    let accepted = bus.publish_event(&event("a"), model::TraceId::random(), &adapter("chat")).await.expect("published");
    assert_eq!(accepted, bus::Accepted::Stored);
}

#[tokio::test]
async fn a_program_that_dies_while_it_makes_the_streams_does_not_keep_the_others_waiting_for_ever() {
    let world = World::new().await;
    let jetstream = jetstream(&world.nats).await;
    // As if somebody had taken the turn and died.
    jetstream.publish("turn", "".into()).await.expect("sent").await.expect("the stream of turns is there");
    let before = std::time::Instant::now();
    soon(world.bus.ensure()).await.expect("its turn came");
    assert!(before.elapsed() > Duration::from_secs(1), "it did not wait for the other");
}

#[tokio::test]
async fn a_server_whose_memory_is_closed_gets_its_streams_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let accounts = "accounts { A { users: [{ user: a, password: a }], jetstream { max_mem: 0, max_file: 20GB } } }\nno_auth_user: a\n";
    let nats = configured(folder.path(), accounts);
    soon(connect(&nats.url()).await.ensure()).await.expect("streams");
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
