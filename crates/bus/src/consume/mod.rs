//! The one place that acknowledges: what a handler answered decides what becomes of the message.
//!
//! | the handler | the message |
//! |---|---|
//! | `Ok` | acknowledged, and the server's word for it awaited, while the next ones are being handled; later where [`Bus::acknowledging_after`] says so |
//! | `Retry` | comes back: after the given time, or after a pause that doubles from a second to half an hour |
//! | `Retry`, 20 times | set aside |
//! | `Park` | set aside: its bytes, its reason and its causes are in PARKED before it is acknowledged |
//! | panics | as `Retry` |
//! | takes long | stays ours: the server is told every ten seconds that we are at it |
//! | dies with its process | comes back, to any process, 30 seconds later |
//!
//! A payload that is not what the handler takes is set aside at once, and holds nobody up.

mod engine;
mod pace;
mod pull;
mod settle;

pub(crate) use self::pull::durable;

use std::{panic::AssertUnwindSafe, sync::Arc};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use model::{AdapterName, Failure, TraceId};
use serde::de::DeserializeOwned;

use self::{engine::Shape, pull::Incoming, settle::Verdict};
use crate::{
    Bus, BusError, Stop,
    streams::{EVENTS, RAW, REPLIES},
};

/// What a handler is given.
#[derive(Debug, Clone)]
pub struct Delivery<T> {
    /// The message.
    pub item: T,
    /// Follows it through every log.
    pub trace: TraceId,
    /// 1 the first time.
    pub attempt: u32,
    /// Whose it is, by its subject. The server lets an adapter publish under its own name alone, so this is to be believed where the
    /// message says otherwise.
    pub adapter: AdapterName,
}

/// What to read. Several processes may read the same queue: each message goes to one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Queue {
    /// What came in through the door of one adapter ([`model::Raw`]).
    Raw(AdapterName),
    /// The events of all adapters ([`model::Event`]).
    Events,
    /// The replies that one adapter delivers ([`model::Reply`]).
    Replies(AdapterName),
}

impl Queue {
    pub(crate) fn stream(&self) -> &'static str {
        match self {
            Self::Raw(_) => RAW,
            Self::Events => EVENTS,
            Self::Replies(_) => REPLIES,
        }
    }

    /// The subjects it reads: one filter a durable.
    pub(crate) fn filter(&self) -> String {
        match self {
            Self::Raw(adapter) => format!("raw.{adapter}"),
            Self::Events => "events.>".to_owned(),
            Self::Replies(adapter) => format!("replies.{adapter}"),
        }
    }

    /// The name under which the server remembers what has been read, whoever reads.
    pub(crate) fn durable(&self) -> String {
        match self {
            Self::Raw(adapter) => format!("normalize-{adapter}"),
            Self::Events => "intake".to_owned(),
            Self::Replies(adapter) => format!("deliver-{adapter}"),
        }
    }
}

impl Bus {
    /// Reads a queue one message at a time, `concurrency` of them side by side, each in a task of its own, until `stop`. `handle` is called
    /// in the order of the queue (but for messages in parts, and those that come again); what it returns runs in no order. At `stop` nothing new
    /// is begun, what was not begun goes back at once, and handlers may finish.
    ///
    /// A server that is away or restarts, a stream that is not there yet, a consumer that somebody removed: all are waited for, with a line
    /// in the log. A handler may take as long as it likes; where everything must wait for one thing (a database that is down), waiting inside
    /// the handler costs no attempts.
    ///
    /// # Errors
    /// [`BusError::Refused`] when the server will not have such a consumer, which no waiting mends.
    pub async fn consume<T, H, F>(&self, queue: Queue, stop: Stop, concurrency: usize, handle: H) -> Result<(), BusError>
    where
        T: DeserializeOwned + Send + 'static,
        H: Fn(Delivery<T>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        let handle = Arc::new(handle);
        let call = |messages: Vec<Arc<Incoming>>| -> BoxFuture<'_, Vec<Verdict>> {
            let (bus, handle) = (self.clone(), Arc::clone(&handle));
            Box::pin(async move {
                let mut verdicts = Vec::with_capacity(messages.len());
                for message in messages {
                    let delivery = match bus.open(&message).await {
                        Ok(delivery) => delivery,
                        Err(verdict) => {
                            verdicts.push(verdict);
                            continue;
                        }
                    };
                    // The call in the order of the queue, what it begins side by side.
                    let begun = std::panic::catch_unwind(AssertUnwindSafe(|| handle(delivery)));
                    let Ok(begun) = begun else {
                        verdicts.push(Verdict::panicked());
                        continue;
                    };
                    let handled = tokio::spawn(begun).await;
                    verdicts.push(handled.map_or_else(|_died| Verdict::panicked(), Verdict::from));
                }
                verdicts
            })
        };
        engine::run(self, &queue, &stop, Shape::singles(concurrency), &call).await
    }

    /// Reads a queue in batches: what is ready, up to `most`, in one call; a quiet queue gives batches of one. The handler answers with one
    /// result a delivery, in the same order, and each is settled by its own. The next batch is fetched while this one is handled.
    ///
    /// What has failed often comes alone, so that a message that brings down its whole batch falls out by itself.
    ///
    /// Otherwise as [`Bus::consume`].
    pub async fn consume_batch<T, H, F>(&self, queue: Queue, stop: Stop, most: usize, handle: H) -> Result<(), BusError>
    where
        T: DeserializeOwned + Send,
        H: Fn(Vec<Delivery<T>>) -> F + Send + Sync,
        F: Future<Output = Vec<Result<(), Failure>>> + Send,
    {
        let handle = &handle;
        let call = |messages: Vec<Arc<Incoming>>| -> BoxFuture<'_, Vec<Verdict>> {
            Box::pin(async move {
                let (mut verdicts, mut deliveries) = (Vec::with_capacity(messages.len()), Vec::with_capacity(messages.len()));
                for message in &messages {
                    match self.open(message).await {
                        Ok(delivery) => {
                            deliveries.push(delivery);
                            verdicts.push(None);
                        }
                        Err(verdict) => verdicts.push(Some(verdict)),
                    }
                }
                if deliveries.is_empty() {
                    return verdicts.into_iter().flatten().collect();
                }
                let mut answers = AssertUnwindSafe(async { handle(deliveries).await }).catch_unwind().await.map(Vec::into_iter).ok();
                let mut answer = || match &mut answers {
                    Some(answers) => answers.next().map_or_else(Verdict::unanswered, Verdict::from),
                    None => Verdict::panicked(),
                };
                verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(&mut answer)).collect()
            })
        };
        engine::run(self, &queue, &stop, Shape::batches(most), &call).await
    }

    /// Makes a delivery of what came, or says why it is none.
    async fn open<T: DeserializeOwned>(&self, message: &Incoming) -> Result<Delivery<T>, Verdict> {
        let Some(adapter) = message.adapter() else {
            return Err(Verdict::Park { reason: "its subject names no adapter".to_owned(), error: String::new() });
        };
        if message.redirected {
            let reason = "it is an answer of the server that somebody had sent here: a credential may be stolen".to_owned();
            return Err(Verdict::Park { reason, error: String::new() });
        }
        let payload = self.payload(message).await?;
        match serde_json::from_slice(&payload) {
            Ok(item) => Ok(Delivery { item, trace: message.trace, attempt: message.attempt, adapter }),
            Err(error) => Err(Verdict::Park { reason: "cannot be read".to_owned(), error: error.to_string() }),
        }
    }

    async fn payload(&self, message: &Incoming) -> Result<Bytes, Verdict> {
        let Some(parts) = &message.parts else { return Ok(message.payload.clone()) };
        match self.take_parts(message.stream, &message.subject, parts).await {
            Ok(Some(payload)) => Ok(payload),
            Ok(None) => Err(Verdict::Retry { after: None, error: "a part of the message is not there".to_owned() }),
            Err(error) => Err(Verdict::from(Err(error.into()))),
        }
    }
}
