//! Streams and buckets: names, limits, and the one function that creates them.
use crate::{Bus, BusError};

impl Bus {
    /// Creates or updates every stream and bucket. Idempotent. The core alone calls it.
    pub async fn ensure(&self) -> Result<(), BusError> {
        todo!()
    }
}
