//! Asking the server for messages, and noticing when it no longer knows that we asked.

use std::{sync::Arc, time::Duration};

use async_nats::{
    StatusCode, Subscriber,
    jetstream::{
        self, ErrorCode,
        consumer::{AckPolicy, PullConsumer, pull},
        stream::{ConsumerError, ConsumerErrorKind},
    },
};
use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture};
use model::{AdapterName, TraceId};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};
use tracing::{debug, warn};

use super::Queue;
use crate::{Bus, BusError, connect::Link, error::chain, parked, parts::Parts, redirected};

/// How long the server remembers what we asked for.
const EXPIRES: Duration = Duration::from_secs(30);
/// How often it says that it still does.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Two heartbeats missed and a little: it has forgotten.
const SILENCE: Duration = Duration::from_secs(12);
/// Pauses between attempts to find the stream: short at first, for a server that is just starting.
const FIND_AGAIN: [Duration; 5] =
    [Duration::from_millis(100), Duration::from_millis(250), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];
/// Messages with handlers at one time, over all processes, and those that wait for another attempt.
const MAX_ACK_PENDING: i64 = 100_000;

/// Which message: its number and its time.
pub(super) type Identity = (u64, i128);

/// One message as it came.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) stream: &'static str,
    pub(super) subject: String,
    pub(super) payload: Bytes,
    pub(super) parts: Option<Parts>,
    pub(super) trace: TraceId,
    pub(super) attempt: u32,
    /// Nobody published it: an answer of the server was sent here.
    pub(super) redirected: bool,
    /// Which message of the stream, and when it was stored there: the same again when it is delivered again. The number alone would not do: a
    /// server that lost its newest messages in a power cut gives their numbers to others.
    pub(super) sequence: u64,
    pub(super) stored_at: i128,
    /// Where the answer goes.
    pub(super) reply: async_nats::Subject,
}

impl Incoming {
    /// Which message it is, for as long as we live.
    pub(super) fn identity(&self) -> Identity {
        (self.sequence, self.stored_at)
    }

    pub(super) fn adapter(&self) -> Option<AdapterName> {
        self.adapter_word().parse().ok()
    }

    /// What it takes to acknowledge it.
    pub(super) fn without_payload(&self) -> Self {
        Self {
            stream: self.stream,
            subject: self.subject.clone(),
            payload: Bytes::new(),
            parts: None,
            trace: self.trace,
            attempt: self.attempt,
            redirected: self.redirected,
            sequence: self.sequence,
            stored_at: self.stored_at,
            reply: self.reply.clone(),
        }
    }

    pub(super) fn adapter_word(&self) -> &str {
        self.subject.split('.').nth(1).unwrap_or_default()
    }
}

/// What the server sent, or did not.
pub(super) enum News {
    Message(Incoming),
    /// Something about what we asked for: ask again if there is room.
    Changed,
    /// The server will not have such a consumer.
    Refused(BusError),
}

/// One conversation with the server about one queue. At most one request is open at a time.
pub(super) struct Pull {
    bus: Bus,
    queue: Queue,
    inbox: String,
    subscriber: Subscriber,
    link: watch::Receiver<Link>,
    consumer: Option<PullConsumer>,
    /// On its way to a consumer; `None` while we have one.
    finding: Option<BoxFuture<'static, Result<PullConsumer, ConsumerError>>>,
    failures: usize,
    /// Messages the server still owes us.
    open: usize,
    silent_at: Instant,
    /// Who answers what we ask.
    pub(super) server: Arc<str>,
}

impl Pull {
    pub(super) async fn start(bus: &Bus, queue: &Queue) -> Result<Self, BusError> {
        let inbox = bus.inner.client.new_inbox();
        let subscriber = bus.inner.client.subscribe(inbox.clone()).await.map_err(BusError::unavailable)?;
        let mut link = bus.inner.link.clone();
        link.mark_unchanged();
        let finding = find(bus.clone(), queue.clone(), Duration::ZERO);
        Ok(Self {
            bus: bus.clone(),
            queue: queue.clone(),
            inbox,
            subscriber,
            link,
            consumer: None,
            finding: Some(finding),
            failures: 0,
            open: 0,
            silent_at: Instant::now(),
            server: bus.server().into(),
        })
    }

    /// Asks for messages, if nothing is owed to us yet.
    pub(super) async fn ask(&mut self, most: usize) {
        let Some(consumer) = &self.consumer else { return };
        // Without a connection it would fill the client's buffer; its return wakes us.
        if self.open > 0 || most == 0 || !self.bus.is_connected() {
            return;
        }
        let server = self.bus.server();
        if *server != *self.server {
            self.server = server.into();
        }
        let request = pull::BatchConfig { batch: most, expires: Some(EXPIRES), idle_heartbeat: HEARTBEAT, ..pull::BatchConfig::default() };
        // A request that cannot be sent is one more that the server does not answer: silence brings us back here.
        if let Err(error) = consumer.request_batch(request, self.inbox.clone().into()).await {
            debug!("Could not ask for messages: {error}.");
        }
        self.open = most;
        self.hear();
    }

    /// Messages that are on their way to us, at most.
    pub(super) fn open(&self) -> usize {
        self.open
    }

    /// The next news; nothing is lost when it is dropped half-way.
    pub(super) async fn next(&mut self) -> News {
        tokio::select! {
            biased;
            message = self.subscriber.next() => match message {
                Some(message) => self.read(message),
                // The client is closing; there is nothing to come back to.
                None => std::future::pending().await,
            },
            found = async { self.finding.as_mut().expect("guarded").await }, if self.finding.is_some() => self.found(found),
            Ok(()) = self.link.changed() => {
                if self.link.borrow_and_update().up {
                    // The server has forgotten what the old connection asked for.
                    self.open = 0;
                }
                News::Changed
            }
            () = sleep_until(self.silent_at), if self.open > 0 && self.finding.is_none() => {
                debug!(stream = self.queue.stream(), "The server has been silent; asking again.");
                self.lose();
                News::Changed
            }
        }
    }

    /// A message that is here already.
    pub(super) fn ready(&mut self) -> Option<News> {
        let message = self.subscriber.next().now_or_never()??;
        Some(self.read(message))
    }

    /// Stops listening, and gives what has arrived.
    pub(super) async fn leave(mut self) -> Vec<Incoming> {
        if let Err(error) = self.subscriber.unsubscribe().await {
            debug!("Could not unsubscribe: {error}.");
        }
        let mut arrived = Vec::new();
        while let Some(Some(message)) = self.subscriber.next().now_or_never() {
            arrived.extend(incoming(message, &self.queue, &self.bus));
        }
        arrived
    }

    fn read(&mut self, message: async_nats::Message) -> News {
        self.hear();
        match message.status {
            None | Some(StatusCode::OK) => {}
            Some(StatusCode::IDLE_HEARTBEAT) => return News::Changed,
            // The request is over: its time is up, or the consumer moved to another server.
            Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => {
                self.open = 0;
                return News::Changed;
            }
            Some(status) => {
                debug!(stream = self.queue.stream(), "The server ended a request: {status} {}.", message.description.unwrap_or_default());
                self.lose();
                return News::Changed;
            }
        }
        self.open = self.open.saturating_sub(1);
        match incoming(message, &self.queue, &self.bus) {
            Some(incoming) => News::Message(incoming),
            None => News::Changed,
        }
    }

    fn hear(&mut self) {
        self.silent_at = Instant::now() + SILENCE;
    }

    /// Something is not as we left it: make sure of the consumer before asking again.
    fn lose(&mut self) {
        self.open = 0;
        if self.finding.is_none() {
            self.consumer = None;
            self.look_again();
        }
    }

    fn look_again(&mut self) {
        let pause = FIND_AGAIN[self.failures.min(FIND_AGAIN.len() - 1)];
        self.failures += 1;
        self.finding = Some(find(self.bus.clone(), self.queue.clone(), pause));
    }

    fn found(&mut self, found: Result<PullConsumer, ConsumerError>) -> News {
        self.finding = None;
        match found {
            Ok(consumer) => {
                self.consumer = Some(consumer);
                self.failures = 0;
                News::Changed
            }
            Err(error) if passes(&error) => {
                // Once in a while, not at every attempt.
                if self.failures % 15 == 4 {
                    warn!("Cannot read {} yet, still trying: {}.", self.queue.filter(), chain(&error));
                }
                self.look_again();
                News::Changed
            }
            Err(error) => News::Refused(BusError::refused(error)),
        }
    }
}

/// Whether waiting helps: no answer, no stream yet, a cluster that is choosing a leader. A no to what we ask for does not pass.
fn passes(error: &ConsumerError) -> bool {
    match error.kind() {
        ConsumerErrorKind::JetStream(said) => said.error_code() == ErrorCode::STREAM_NOT_FOUND || said.code() >= 500,
        ConsumerErrorKind::TimedOut | ConsumerErrorKind::Request | ConsumerErrorKind::Other => true,
        ConsumerErrorKind::InvalidConsumerType | ConsumerErrorKind::InvalidName => false,
    }
}

/// Creates the durable consumer, or updates it, or finds that it is there: all the same to the server.
fn find(bus: Bus, queue: Queue, pause: Duration) -> BoxFuture<'static, Result<PullConsumer, ConsumerError>> {
    Box::pin(async move {
        sleep(pause).await;
        bus.inner.jetstream.create_consumer_on_stream(durable(&queue, bus.ack_wait), queue.stream()).await
    })
}

/// What the server is asked to remember of who reads a queue.
pub(crate) fn durable(queue: &Queue, ack_wait: Duration) -> pull::Config {
    pull::Config {
        durable_name: Some(queue.durable()),
        filter_subject: queue.filter(),
        ack_policy: AckPolicy::Explicit,
        ack_wait,
        max_ack_pending: MAX_ACK_PENDING,
        // We count attempts ourselves, and set aside what has had enough; the server would only fall silent about it.
        max_deliver: -1,
        ..pull::Config::default()
    }
}

fn incoming(message: async_nats::Message, queue: &Queue, bus: &Bus) -> Option<Incoming> {
    let message = jetstream::Message { message, context: bus.inner.jetstream.clone() };
    let (attempt, sequence, stored_at) = match message.info() {
        Ok(info) => (u32::try_from(info.delivered).unwrap_or(u32::MAX), info.stream_sequence, info.published.unix_timestamp_nanos()),
        Err(error) => {
            debug!("Something that is no message came to our inbox: {error}.");
            return None;
        }
    };
    let message = message.message;
    let headers = message.headers.unwrap_or_default();
    Some(Incoming {
        redirected: redirected::delivered(&headers),
        stream: queue.stream(),
        subject: message.subject.into_string(),
        parts: Parts::named_in(Some(&headers)),
        trace: parked::trace(&headers),
        payload: message.payload,
        attempt,
        sequence,
        stored_at,
        reply: message.reply?,
    })
}
