//! What was set aside for a person.
use crate::{Bus, BusError};
use bytes::Bytes;
use model::{AdapterName, Timestamp, TraceId};

/// One message that was set aside.
#[derive(Debug, Clone)]
pub struct Parked {
    /// Its place in the stream PARKED.
    pub id: u64,
    /// The stream it came from: `RAW`, `EVENTS` or `REPLIES`.
    pub stream: String,
    /// Whose it is.
    pub adapter: AdapterName,
    /// One clause, without personal data.
    pub reason: String,
    /// The causes, outermost first.
    pub error: String,
    /// When it was set aside.
    pub at: Timestamp,
    /// How often it was tried.
    pub attempts: u32,
    /// Follows it through every log.
    pub trace: TraceId,
    /// The message as it was.
    pub bytes: Bytes,
}

impl Bus {
    /// Oldest first, after a given one.
    pub async fn parked(&self, _after: Option<u64>, _most: usize) -> Result<Vec<Parked>, BusError> {
        todo!()
    }
    /// One of them.
    pub async fn parked_one(&self, _id: u64) -> Result<Option<Parked>, BusError> {
        todo!()
    }
    /// Publishes it again where it came from, with a fresh id, then removes it here. `false`: it is gone.
    pub async fn retry_parked(&self, _id: u64) -> Result<bool, BusError> {
        todo!()
    }
    /// Removes it for good. `false`: it was gone.
    pub async fn drop_parked(&self, _id: u64) -> Result<bool, BusError> {
        todo!()
    }
    /// How many there are.
    pub async fn parked_count(&self) -> Result<u64, BusError> {
        todo!()
    }
}
