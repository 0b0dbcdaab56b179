//! Answers of the server that somebody had sent where only others may publish.
//!
//! A client says with each question where the answer shall go, and the server does not ask whether it may publish there. So who may read one
//! stored message can have it stored again under another's subject. Such a copy gives itself away: the server's answers to "read me a
//! message" say in their headers where the message lay, and what was really published never does. (Tried with nats-server 2.15.)

use async_nats::{HeaderMap, header::NATS_STREAM, jetstream::message::StreamMessage};

use crate::BusError;

/// Whether a delivered message is an answer to somebody's question.
pub(crate) fn delivered(headers: &HeaderMap) -> bool {
    headers.get(NATS_STREAM).is_some()
}

/// The same for a message that we ask for: our own answer has these headers once.
pub(crate) fn read(message: &StreamMessage) -> bool {
    message.headers.get_all(NATS_STREAM).count() > 1
}

/// A message that was asked for, unless it is somebody's copy.
pub(crate) fn genuine(message: StreamMessage) -> Result<StreamMessage, BusError> {
    if read(&message) {
        tracing::error!(subject = %message.subject, "Somebody had an answer of the server written to the bus under another's name; a credential may be stolen.");
        return Err(BusError::refused("it was not written by whom it should be"));
    }
    Ok(message)
}
