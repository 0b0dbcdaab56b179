//! A power cut, played honestly: every process dies at once, and what was not synced is gone, of the spool and of JetStream.
//!
//! Of the spool stays what its own `fdatasync` calls had returned for. Of JetStream stays, at worst, what it was when it last synced: the server
//! is stopped in the middle of its work, its folder copied, and at the "cut" each stream is put back as it was then, or left as it is now: the
//! kernel writes pages in any order, so a consumer's acknowledgement may be on the disk when the event it stands for is not.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use bus::{Bus, BusConfig, Queue, Stop};
use model::{Audience, Event, Inbound, MessageKey, Raw, Reference, RemoteMedia, Reply, ReplyTo, Visibility};
use servers::{Nats, NatsOptions};
use tempfile::TempDir;

use crate::{
    Adapter, Bytes, ConfigError, FetchError, Http, ParseError, Refused, Request, SendError, Sent, Settings, Webhook,
    outgoing::{Limits, Response},
    spool::tests::Faults,
    start_webhook,
};

/// Nothing here takes longer, unless it never happens; the server waits half a minute before it gives a message to another process.
const PATIENCE: Duration = Duration::from_mins(2);

/// Takes anything: the body is the message's id.
struct Plain;

#[derive(serde::Deserialize)]
struct Nothing {}

impl Adapter for Plain {
    const NAME: &'static str = "plain";
    const DEFAULTS: &'static str = "";
    type Config = Nothing;

    fn open(Nothing {}: Nothing, _: Http) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        let id = String::from_utf8_lossy(&raw.body).into_owned();
        let key = MessageKey { adapter: raw.adapter.clone(), account: "kota".into(), id };
        let sender: model::Address = "plain:someone".parse().expect("an address");
        let to = ReplyTo {
            adapter: raw.adapter.clone(),
            account: "kota".into(),
            address: sender.clone(),
            thread: None,
            audience: Audience::Private,
            open_until: None,
        };
        let inbound = serde_json::json!({
            "reference": Reference::of(&key, 0), "key": key, "sender": [sender], "audience": "private", "text": "jalan berlubang",
            "sent_at": raw.received_at, "received_at": raw.received_at, "reply_to": to, "visibility": Visibility::default(),
        });
        Ok(vec![Event::Message(Box::new(serde_json::from_value::<Inbound>(inbound)?))])
    }

    async fn fetch(&self, _: &RemoteMedia) -> Result<Bytes, FetchError> {
        Err(FetchError::Gone("there are no files here".into()))
    }

    async fn send(&self, _: &Reply) -> Result<Sent, SendError> {
        Ok(Sent::default())
    }
}

impl Webhook for Plain {
    fn verify(&self, _: &Request) -> Result<(), Refused> {
        Ok(())
    }
}

/// One machine between two power cuts.
struct Machine {
    nats: Nats,
    /// The server's counters.
    monitor: String,
    address: String,
    stop: Stop,
    http: Http,
}

impl Machine {
    /// Starts NATS on what is in `jetstream`, and the adapter on what is in `spool`.
    async fn start(jetstream: &Path, spool: &Path, keep: &str) -> Self {
        let port = servers::free_port().expect("a free port");
        let options = NatsOptions { config: format!("http: \"127.0.0.1:{port}\"\n"), ..NatsOptions::default() };
        let nats = Nats::start(jetstream, options).expect("a server");
        Bus::connect(&config(&nats)).await.expect("a bus").ensure().await.expect("streams");
        let text = format!(
            "[bus]\nurl = '{}'\n[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '{}'\nkeep = '{keep}'\n[adapter]\n",
            nats.url(),
            spool.display()
        );
        let stop = Stop::new();
        let running = start_webhook::<Plain>(Settings::from_toml(&text).expect("settings"), stop.clone()).await.expect("a door");
        let address = running.address().to_string();
        tokio::spawn(running.ended());
        let http = Http::new(Limits { allow_private: true, ..Limits::default() }).expect("a client");
        Self { nats, monitor: format!("127.0.0.1:{port}"), address, stop, http }
    }

    async fn says(&self, ids: std::ops::Range<usize>) {
        for id in ids {
            let call = self.http.post(&format!("http://{}/webhook", self.address)).body("text/plain", id.to_string());
            assert_eq!(call.send().await.expect("an answer").status.as_u16(), 200, "the door says yes");
        }
    }

    async fn json(&self, url: String) -> serde_json::Value {
        let answer: Response = self.http.get(&url).send().await.expect("an answer");
        answer.json().expect("JSON")
    }

    /// What the server has of a stream: its messages, and what its consumer has not acknowledged.
    async fn holds(&self, stream: &str) -> (u64, u64) {
        let all = self.json(format!("http://{}/jsz?streams=true&consumers=true", self.monitor)).await;
        let details = all["account_details"][0]["stream_detail"].as_array().cloned().unwrap_or_default();
        let Some(found) = details.iter().find(|detail| detail["name"] == stream) else { return (0, 0) };
        let consumers = found["consumer_detail"].as_array().cloned().unwrap_or_default();
        let open = consumers.iter().map(|c| c["num_pending"].as_u64().unwrap_or(0) + c["num_ack_pending"].as_u64().unwrap_or(0)).sum();
        (found["state"]["messages"].as_u64().unwrap_or(0), open)
    }

    /// What the bus does not have yet, and the bytes that still lie in the spool.
    async fn spooled(&self) -> (u64, u64) {
        let health = self.json(format!("http://{}/health", self.address)).await;
        (health["spool_waiting"].as_u64().expect("a number"), health["spool_bytes"].as_u64().expect("a number"))
    }

    /// The server's folder as it is at one moment.
    fn copy(&self, to: &Path) {
        let process = self.nats.process().expect("it runs").to_string();
        signal("STOP", &process);
        copy(&self.nats.folder().join("jetstream"), to);
        signal("CONT", &process);
    }

    /// Everybody dies at once; gives what the disk has of JetStream now, and of the spool.
    fn loses_power(mut self, spool: &Path, jetstream: &Path, spool_after: &Path, written: Written) {
        match written {
            Written::Now => signal("STOP", &self.nats.process().expect("it runs").to_string()),
            Written::All => self.nats.stop(),
        }
        Faults::of(spool).after_the_power_cut(spool, spool_after);
        copy(&self.nats.folder().join("jetstream"), jetstream);
        self.nats.kill9();
        // What is left of this process's adapter works on folders that nobody reads any more.
        self.stop.cancel();
    }
}

fn signal(signal: &str, process: &str) {
    assert!(Command::new("kill").args([&format!("-{signal}"), process]).status().expect("kill is there").success());
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp is there").success(), "{}", from.display());
}

fn config(nats: &Nats) -> BusConfig {
    BusConfig { url: nats.url(), user: None, password: None, key: None, name: "test".into(), replicas: 1 }
}

async fn until<F: Future<Output = bool>>(what: &str, yes: impl Fn() -> F) {
    let waiting = async {
        while !yes().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "never came: {what}");
}

/// Which streams are put back to when they were last synced; the others are as they were at the cut.
#[derive(Clone, Copy)]
struct Lost {
    events: bool,
    raw: bool,
}

/// What the kernel had written of those streams that are not put back.
#[derive(Clone, Copy)]
enum Written {
    /// What the server had given it.
    Now,
    /// Acknowledgements too that the server writes a moment later.
    All,
}

/// Says yes to ten messages, five of which JetStream has synced, cuts the power, and gives what the core reads afterwards.
async fn read_after_a_power_cut(keep: &str, lost: Lost) -> BTreeSet<String> {
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let machine = Machine::start(&at("nats"), &at("spool"), keep).await;
    machine.says(0..5).await;
    until("the first five are events", || async { machine.holds("EVENTS").await.0 == 5 }).await;
    machine.copy(&at("synced"));
    machine.says(5..10).await;
    until("the others are events", || async { machine.holds("EVENTS").await.0 == 10 }).await;
    until("the bus has taken all", || async { machine.spooled().await.0 == 0 }).await;
    let written = if keep == "0s" { Written::All } else { Written::Now };
    if keep == "0s" {
        until("all is acknowledged and forgotten", || async { machine.holds("RAW").await.1 == 0 && machine.spooled().await.1 == 0 }).await;
    }
    std::fs::create_dir(at("nats-after")).expect("a folder");
    machine.loses_power(&at("spool"), &at("nats-after/jetstream"), &at("spool-after"), written);
    for (stream, is_lost) in [("EVENTS", lost.events), ("RAW", lost.raw)] {
        if is_lost {
            let place = find(&at("nats-after/jetstream"), stream);
            std::fs::remove_dir_all(&place).expect("a stream");
            copy(&find(&at("synced"), stream), &place);
        }
    }
    let machine = Machine::start(&at("nats-after"), &at("spool-after"), keep).await;
    let read = read_all(&machine).await;
    machine.stop.cancel();
    read
}

fn find(jetstream: &Path, stream: &str) -> PathBuf {
    jetstream.join("jetstream/$G/streams").join(stream)
}

/// Reads as the core does, until nothing more can come: the spool is forwarded, RAW is normalized, EVENTS is read.
async fn read_all(machine: &Machine) -> BTreeSet<String> {
    let read = Arc::new(Mutex::new(BTreeSet::new()));
    let bus = Bus::connect(&config(&machine.nats)).await.expect("a bus");
    let (seen, stop) = (read.clone(), machine.stop.clone());
    tokio::spawn(async move {
        let handle = move |delivery: bus::Delivery<Event>| {
            if let Event::Message(inbound) = delivery.item {
                seen.lock().expect("a lock").insert(inbound.key.id);
            }
            std::future::ready(Ok(()))
        };
        bus.consume(Queue::Events, stop, 1, handle).await
    });
    until("everything is read, or nothing more comes", || async {
        let all = read.lock().expect("a lock").len() == 10;
        let quiet = machine.spooled().await.0 == 0 && machine.holds("RAW").await.1 == 0 && machine.holds("EVENTS").await.0 == 0;
        all || quiet
    })
    .await;
    read.lock().expect("a lock").clone()
}

fn all() -> BTreeSet<String> {
    (0..10).map(|id: usize| id.to_string()).collect()
}

const EVERYTHING: Lost = Lost { events: true, raw: true };
/// The acknowledgement outlives what it stands for.
const EVENTS_ONLY: Lost = Lost { events: true, raw: false };

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_that_takes_all_that_jetstream_had_not_synced_loses_nothing() {
    assert_eq!(read_after_a_power_cut("10m", EVERYTHING).await, all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_that_takes_events_and_leaves_their_acknowledgements_loses_nothing() {
    assert_eq!(read_after_a_power_cut("10m", EVENTS_ONLY).await, all());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_that_takes_raw_messages_and_leaves_their_events_loses_nothing() {
    assert_eq!(read_after_a_power_cut("10m", Lost { events: false, raw: true }).await, all());
}

/// That the tests above can fail, and what `keep` is for.
#[tokio::test(flavor = "multi_thread")]
async fn a_door_that_forgets_at_once_loses_in_a_power_cut_what_it_said_yes_to() {
    for lost in [EVERYTHING, EVENTS_ONLY] {
        assert_eq!(read_after_a_power_cut("0s", lost).await, (0..5).map(|id: usize| id.to_string()).collect());
    }
}
