//! `durability = "bus"`: no spool, three servers.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use adapter_sdk::{
    Event, RunError, Settings, Stop,
    outgoing::{Http, Limits},
    start_webhook,
};
use bus::{Bus, BusConfig, Queue};
use servers::{Nats, NatsOptions};
use tempfile::TempDir;

use crate::chat::{Chat, Config};

/// How long a state is waited for. Three servers choose leaders again and again here, which takes a second on an idle machine and minutes on one
/// that does much else; only a hang takes longer.
const PATIENCE: Duration = Duration::from_mins(10);

/// What three copies of every stream may promise to keep: more than a small disk holds, which is no matter here.
const PROMISED: u64 = 1 << 40;

/// Three servers that are one JetStream.
struct Cluster {
    servers: Vec<Nats>,
    folder: TempDir,
}

impl Cluster {
    async fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        let ports: Vec<u16> = (0..3).map(|_| servers::free_port().expect("a free port")).collect();
        let routes = ports.iter().map(|port| format!("\"nats://127.0.0.1:{port}\"")).collect::<Vec<_>>().join(", ");
        let start = |(number, port): (usize, &u16)| {
            let config = format!("cluster {{ name: kota, listen: \"127.0.0.1:{port}\", routes: [{routes}] }}\n");
            Nats::start(&folder.path().join(number.to_string()), NatsOptions { config, room: Some(PROMISED), ..NatsOptions::default() })
                .expect("a server")
        };
        let servers = ports.iter().enumerate().map(start).collect();
        let cluster = Self { servers, folder };
        let bus = cluster.bus().await;
        until("the three have chosen a leader", || async { bus.ensure().await.is_ok() }).await;
        cluster
    }

    fn url(&self) -> String {
        self.servers.iter().map(Nats::url).collect::<Vec<_>>().join(",")
    }

    async fn bus(&self) -> Bus {
        Bus::connect(&BusConfig { url: self.url(), user: None, key: None, password: None, name: "test".into(), replicas: 3 })
            .await
            .expect("a bus")
    }
}

fn settings(url: &str, folder: &TempDir) -> Settings<Config> {
    let spool = folder.path().join("door");
    let text = format!(
        "[bus]\nurl = '{url}'\n[door]\nlisten = '127.0.0.1:0'\ndurability = 'bus'\n[spool]\nfolder = '{}'\n\
         [adapter]\napi = 'http://127.0.0.1:9'\ntoken = 'word'\n",
        spool.display()
    );
    Settings::from_toml(&text).expect("settings")
}

async fn until<F: Future<Output = bool>>(what: &str, yes: impl Fn() -> F) {
    assert!(comes(yes).await, "never came: {what}");
}

async fn comes<F: Future<Output = bool>>(yes: impl Fn() -> F) -> bool {
    let waiting = async {
        while !yes().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.is_ok()
}

/// A citizen's machine that comes again until it is taken, and what it was told yes for.
struct Sender {
    http: Http,
    url: String,
    accepted: Mutex<BTreeSet<String>>,
}

impl Sender {
    /// The door's answer; `None` when it gave none in time, and may or may not have it.
    async fn says(&self, id: &str) -> Option<u16> {
        let body = serde_json::json!({ "messages": [{ "id": id, "text": "jalan berlubang" }] }).to_string();
        let call = self.http.post(&format!("{}/webhook", self.url)).body("application/json", body).header("x-token", "word");
        let status = call.send().await.ok()?.status.as_u16();
        if status == 200 {
            self.accepted.lock().expect("a lock").insert(id.to_owned());
        }
        Some(status)
    }

    async fn is_heard(&self, id: &str) {
        until("the door takes it", || async { self.says(id).await == Some(200) }).await;
    }
}

/// What the door and the bus said is shown when the test fails: three servers fail in many ways.
fn log() {
    let words = tracing_subscriber::fmt().with_env_filter("info,bus=debug").with_ansi(false).with_test_writer();
    let _ = words.try_init(); // a second test of the same process finds it
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_disk_of_its_own_a_door_loses_nothing_when_a_server_of_three_is_lost_for_good() {
    let mut cluster = Cluster::start().await;
    let folder = TempDir::new().expect("a folder");
    let stop = Stop::new();
    log();
    let running = start_webhook::<Chat>(settings(&cluster.url(), &folder), stop.clone()).await.expect("a door");
    let url = format!("http://{}", running.address());
    let ending = tokio::spawn(running.ended());
    let http = Http::new(Limits { allow_private: true, ..Limits::default() }).expect("a client");
    let sender = Sender { http, url, accepted: Mutex::default() };
    let seen: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let (reader, note, until_stop) = (cluster.bus().await, seen.clone(), stop.clone());
    let reading = tokio::spawn(async move {
        let handle = move |delivery: bus::Delivery<Event>| {
            if let Event::Message(inbound) = delivery.item {
                note.lock().expect("a lock").insert(inbound.key.id);
            }
            std::future::ready(Ok(()))
        };
        reader.consume(Queue::Events, until_stop, 1, handle).await
    });
    let missing = || {
        let (accepted, seen) = (sender.accepted.lock().expect("a lock"), seen.lock().expect("a lock"));
        accepted.difference(&seen).cloned().collect::<Vec<_>>()
    };
    for n in 0..10 {
        sender.is_heard(&format!("before-{n}")).await;
    }
    // The whole road has been gone once. A consumer that was made a moment before two of three servers fall, and never had a leader, gets none by itself
    // (nats-server 2.15.1): no matter of the door's.
    until("the road is open to its end", || async { missing().is_empty() }).await;
    cluster.servers[0].kill9();
    std::fs::remove_dir_all(cluster.folder.path().join("0/jetstream")).expect("a disk that is gone");
    for n in 0..10 {
        sender.is_heard(&format!("after-{n}")).await;
    }
    cluster.servers[1].kill9();
    // One of three may not decide: the door has to say no, and does so at once.
    until("the door says that it takes nothing", || async { sender.says("lost").await == Some(503) }).await;
    cluster.servers[1].restart().expect("a server");
    sender.is_heard("again").await;

    if !comes(|| async { missing().is_empty() }).await {
        let backlog = cluster.bus().await.backlog().await;
        let (door, reader) = (ending.is_finished(), if reading.is_finished() { Some(reading.await) } else { None });
        panic!("accepted and not read: {:?}; the door has ended: {door}; the reader: {reader:?}; what waits: {backlog:?}", missing());
    }
    let files = std::fs::read_dir(folder.path().join("door")).expect("a folder").count();
    assert_eq!(files, 0, "nothing of a citizen lies on this machine");
    stop.cancel();
    ending.await.expect("no panic").expect("it stops well");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_door_without_a_disk_refuses_a_bus_that_keeps_one_copy() {
    let nats = servers::testing::nats();
    let folder = TempDir::new().expect("a folder");
    let core = Bus::connect(&BusConfig { url: nats.url(), user: None, key: None, password: None, name: "test".into(), replicas: 1 })
        .await
        .expect("a bus");
    core.ensure().await.expect("streams");
    let running = start_webhook::<Chat>(settings(&nats.url(), &folder), Stop::new()).await.expect("a door");
    let ended = tokio::time::timeout(PATIENCE, running.ended()).await.expect("it ends");
    assert!(matches!(ended, Err(RunError::Replicas)), "{ended:?}");
}
