//! A server of one's own, a bus on it, and things to send.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use bus::{Bus, BusConfig, BusError, Delivery, Queue, Stop};
use bytes::Bytes;
use model::{
    AdapterName, Audience, Event, Failure, Language, Raw, Receipt, ReceiptState, Reply, ReplyId, ReplyKind, ReplyTo, Timestamp, TraceId,
};
use servers::testing::TestNats;
use tokio::{sync::mpsc, task::JoinHandle};

/// Long enough for a slow machine, short enough to notice that something never comes.
const PATIENCE: Duration = Duration::from_mins(1);
/// How soon the server takes a message away from who does not answer.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(2);

pub(crate) struct World {
    pub(crate) nats: TestNats,
    pub(crate) bus: Bus,
}

impl World {
    pub(crate) async fn new() -> Self {
        let nats = servers::testing::nats();
        let bus = connect(&nats.url()).await;
        bus.ensure().await.expect("streams");
        Self { nats, bus }
    }
}

pub(crate) fn config(url: &str) -> BusConfig {
    BusConfig { url: url.to_owned(), user: None, password: None, key: None, name: "test".to_owned(), replicas: 1 }
}

pub(crate) async fn connect(url: &str) -> Bus {
    Bus::connect(&config(url)).await.expect("a connection").with_ack_wait(ACK_WAIT)
}

/// Fails the test when something does not come at all.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it comes")
}

/// Waits until a question is answered with yes.
pub(crate) async fn until<F: Future<Output = bool>>(question: impl Fn() -> F) {
    soon(async {
        while !question().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// A consumer in a task of its own, and what its handler was given.
pub(crate) struct Reader {
    pub(crate) stop: Stop,
    pub(crate) task: JoinHandle<Result<(), BusError>>,
    seen: mpsc::UnboundedReceiver<Seen>,
}

/// One call of a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) attempt: u32,
}

pub(crate) fn seen(name: &str, attempt: u32) -> Seen {
    Seen { name: name.to_owned(), attempt }
}

impl Reader {
    /// Reads the events, and answers as it is told.
    pub(crate) fn of_events(bus: &Bus, answer: impl Fn(&Seen) -> Result<(), Failure> + Send + Sync + 'static) -> Self {
        let (tell, listen) = mpsc::unbounded_channel();
        let answer = Arc::new(answer);
        Self::spawn(bus, listen, move |bus, stop| async move {
            bus.consume(Queue::Events, stop, 4, move |delivery: Delivery<Event>| {
                let (answer, tell) = (Arc::clone(&answer), tell.clone());
                async move {
                    let seen = Seen { name: name_of(&delivery.item), attempt: delivery.attempt };
                    let _ = tell.send(seen.clone());
                    answer(&seen)
                }
            })
            .await
        })
    }

    fn spawn<F>(bus: &Bus, seen: mpsc::UnboundedReceiver<Seen>, run: impl FnOnce(Bus, Stop) -> F) -> Self
    where
        F: Future<Output = Result<(), BusError>> + Send + 'static,
    {
        let stop = Stop::new();
        let task = tokio::spawn(run(bus.clone(), stop.clone()));
        Self { stop, task, seen }
    }

    pub(crate) async fn next(&mut self) -> Seen {
        soon(self.seen.recv()).await.expect("the reader lives")
    }

    /// Stops it, and gives what was seen and not asked for.
    pub(crate) async fn stop(mut self) -> Vec<Seen> {
        self.stop.cancel();
        soon(self.task).await.expect("no panic").expect("no error");
        let mut rest = Vec::new();
        while let Ok(seen) = self.seen.try_recv() {
            rest.push(seen);
        }
        rest
    }
}

/// A list that handlers fill.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Vec<String>>>);

impl Notes {
    pub(crate) fn add(&self, note: impl Into<String>) {
        self.0.lock().expect("no panic").push(note.into());
    }

    /// For a handler whose whole work is to note it.
    #[expect(clippy::unnecessary_wraps, reason = "it is the answer of a handler")]
    pub(crate) fn handled(&self, note: impl Into<String>) -> Result<(), Failure> {
        self.add(note);
        Ok(())
    }

    pub(crate) fn sorted(&self) -> Vec<String> {
        let mut notes = self.0.lock().expect("no panic").clone();
        notes.sort();
        notes
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().expect("no panic").len()
    }
}

pub(crate) fn adapter(name: &str) -> AdapterName {
    name.parse().expect("a name")
}

pub(crate) fn raw(body: impl Into<Bytes>) -> Raw {
    Raw {
        adapter: adapter("chat"),
        received_at: Timestamp::UNIX_EPOCH,
        trace: TraceId::random(),
        query: String::new(),
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        body: body.into(),
    }
}

/// An event that can be told from others by its name.
pub(crate) fn event(name: &str) -> Event {
    Event::Receipt(Receipt {
        reply: None,
        platform_id: Some(name.to_owned()),
        adapter: adapter("chat"),
        account: "1".to_owned(),
        state: ReceiptState::Delivered,
        at: Timestamp::UNIX_EPOCH,
        file_refused: None,
    })
}

pub(crate) fn name_of(event: &Event) -> String {
    let Event::Receipt(receipt) = event else { panic!("only receipts are sent here") };
    receipt.platform_id.clone().expect("a name")
}

pub(crate) async fn send(bus: &Bus, names: &[&str]) {
    for name in names {
        let accepted = bus.publish_event(&event(name), TraceId::random(), &adapter("chat")).await.expect("published");
        assert_eq!(accepted, bus::Accepted::Stored);
    }
}

pub(crate) fn reply(to: &str) -> Reply {
    Reply {
        id: ReplyId::new(Timestamp::UNIX_EPOCH),
        to: ReplyTo {
            adapter: adapter(to),
            account: "1".to_owned(),
            address: "tel:+6281234567890".parse().expect("an address"),
            thread: None,
            audience: Audience::Private,
            open_until: None,
        },
        kind: ReplyKind::Received,
        language: Language::Id,
        text: "Terima kasih.".to_owned(),
        short: Vec::new(),
        params: std::collections::BTreeMap::new(),
        menu: None,
        files: Vec::new(),
    }
}

pub(crate) fn retry_in(pause: Duration) -> Failure {
    Failure::Retry { after: Some(pause), source: "not yet".into() }
}

/// A client of NATS's own, to look behind the bus.
pub(crate) async fn jetstream(nats: &TestNats) -> async_nats::jetstream::Context {
    async_nats::jetstream::new(async_nats::connect(nats.url()).await.expect("a connection"))
}

/// How many messages a work queue still holds.
pub(crate) async fn waiting(nats: &TestNats, stream: &str) -> u64 {
    jetstream(nats).await.get_stream(stream).await.expect("a stream").cached_info().state.messages
}
