//! What goes onto the bus.
use crate::{Bus, BusError};
use model::{AdapterName, Event, Raw, Reply, TraceId};

/// The bus has it. Only then may a door say yes, or a cursor move.
#[must_use = "only what the bus has taken may be acknowledged to others"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// Stored now.
    Stored,
    /// It was there already: published lately with the same id.
    Duplicate,
}

impl Bus {
    /// Publishes what came in through a door.
    pub async fn publish_raw(&self, _raw: &Raw) -> Result<Accepted, BusError> {
        todo!()
    }
    /// The same with a fresh id.
    pub async fn publish_raw_again(&self, _raw: &Raw) -> Result<Accepted, BusError> {
        todo!()
    }
    /// Publishes one event.
    pub async fn publish_event(&self, _event: &Event, _trace: TraceId, _adapter: &AdapterName) -> Result<Accepted, BusError> {
        todo!()
    }
    /// Publishes many, then waits for all.
    pub async fn publish_events(&self, _events: &[(Event, TraceId)], _adapter: &AdapterName) -> Result<(), BusError> {
        todo!()
    }
    /// Publishes one reply.
    pub async fn publish_reply(&self, _reply: &Reply, _trace: TraceId) -> Result<Accepted, BusError> {
        todo!()
    }
    /// Publishes many; one answer each, same order.
    pub async fn publish_replies(&self, _replies: &[(Reply, TraceId)]) -> Vec<Result<Accepted, BusError>> {
        todo!()
    }
}
