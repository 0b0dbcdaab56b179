//! One program of the core at a time makes the streams.
//!
//! Programs that start together would otherwise each measure what the others are just making: two of them once took all the room of a small
//! server for the first streams, and none was left for the rest.

use std::time::Duration;

use async_nats::jetstream::{
    context::PublishErrorKind,
    message::PublishMessage,
    stream::{Config, StorageType, Stream},
};
use tracing::debug;

use crate::{Bus, BusError, error::chain};

/// Holds one message while somebody has the turn. In the server's memory: it takes no room from the streams, and a restart frees it.
const TURN: &str = "TURN";
/// A program that dies in the middle keeps the others waiting for so long.
const FREE_AFTER: Duration = Duration::from_secs(10);
/// How often the others look.
const LOOK: Duration = Duration::from_millis(100);

/// Ours until it is given back.
pub(crate) struct Turn(Option<(Stream, u64)>);

impl Bus {
    /// Waits until it is our turn. A server that has no memory for it lets everybody in at once.
    pub(crate) async fn turn(&self) -> Result<Turn, BusError> {
        let config = Config {
            name: TURN.to_owned(),
            subjects: vec![TURN.to_lowercase()],
            storage: StorageType::Memory,
            max_age: FREE_AFTER,
            max_bytes: 64 * 1024,
            num_replicas: self.inner.replicas,
            ..Config::default()
        };
        let stream = match self.inner.jetstream.get_or_create_stream(config).await.map_err(BusError::creating) {
            Ok(stream) => stream,
            Err(error @ BusError::Unavailable(_)) => return Err(error),
            Err(error) => {
                debug!("No turns at this server: {}.", chain(&error));
                return Ok(Turn(None));
            }
        };
        loop {
            if let Some(sequence) = self.take_turn().await? {
                return Ok(Turn(Some((stream, sequence))));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// `None`: somebody else has it.
    async fn take_turn(&self) -> Result<Option<u64>, BusError> {
        let subject = TURN.to_lowercase();
        let only_when_free = PublishMessage::build().expected_last_subject_sequence(0);
        let sent = match self.inner.jetstream.send_publish(subject.clone(), only_when_free).await {
            Ok(ack) => ack.await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(ack) => Ok(Some(ack.sequence)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(None),
            Err(error) => Err(BusError::publishing(error, &subject, 0)),
        }
    }
}

impl Turn {
    /// Gives it back. Where that fails it ends by itself.
    pub(crate) async fn end(self) {
        let Some((stream, sequence)) = self.0 else { return };
        if let Err(error) = stream.delete_message(sequence).await {
            debug!("The turn ends by itself: {}.", chain(&error));
        }
    }
}
