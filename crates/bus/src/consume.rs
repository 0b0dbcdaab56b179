//! The one place that acknowledges.
use crate::{Bus, BusError, Stop};
use model::{AdapterName, Failure, TraceId};
use serde::de::DeserializeOwned;

/// What a handler is given.
#[derive(Debug, Clone)]
pub struct Delivery<T> {
    /// The message.
    pub item: T,
    /// Follows it through every log.
    pub trace: TraceId,
    /// 1 the first time.
    pub attempt: u32,
    /// Whose it is, by its subject: a credential can publish under its own name alone.
    pub adapter: AdapterName,
}

/// What to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Queue {
    /// What came in through the door of one adapter.
    Raw(AdapterName),
    /// The events of all adapters.
    Events,
    /// The replies that one adapter delivers.
    Replies(AdapterName),
}

impl Bus {
    /// One message at a time.
    pub async fn consume<T, H, F>(&self, _queue: Queue, _stop: Stop, _concurrency: usize, _handle: H) -> Result<(), BusError>
    where
        T: DeserializeOwned + Send + 'static,
        H: Fn(Delivery<T>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Failure>> + Send + 'static,
    {
        todo!()
    }

    /// What is ready, up to `most`, in one call; one result a delivery, same order.
    pub async fn consume_batch<T, H, F>(&self, _queue: Queue, _stop: Stop, _most: usize, _handle: H) -> Result<(), BusError>
    where
        T: DeserializeOwned + Send,
        H: Fn(Vec<Delivery<T>>) -> F + Send + Sync,
        F: Future<Output = Vec<Result<(), Failure>>> + Send,
    {
        todo!()
    }
}
