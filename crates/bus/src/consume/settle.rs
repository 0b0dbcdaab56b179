//! What becomes of a message once its handler has answered.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::future::join_all;
use model::Failure;
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{debug, warn};

use super::pull::Incoming;
use crate::{Bus, BusError, error::chain, parked::Aside};

/// So often may a message fail before it waits for a person.
pub(super) const ATTEMPTS: u32 = 20;
/// The longest pause between two attempts: twenty of them span about five hours.
const LONGEST_PAUSE: Duration = Duration::from_mins(30);
/// When PARKED is full or away, the message stays where it is and comes again after this.
const PARK_AGAIN: Duration = Duration::from_mins(1);

/// What a handler decided, or what was decided for it.
#[derive(Debug)]
pub(super) enum Verdict {
    Done,
    Retry { after: Option<Duration>, error: String },
    Park { reason: String, error: String },
}

/// Messages of one call with what was decided about each.
pub(super) type Settled = Vec<(Arc<Incoming>, Verdict)>;

impl Verdict {
    pub(super) fn panicked() -> Self {
        Self::Retry { after: None, error: "the handler panicked".to_owned() }
    }

    pub(super) fn unanswered() -> Self {
        Self::Retry { after: None, error: "the handler gave fewer results than it got messages".to_owned() }
    }

    /// A message that has failed too often is set aside, whatever it failed with.
    fn at(self, attempt: u32) -> Self {
        match self {
            Self::Retry { error, .. } if attempt >= ATTEMPTS => Self::Park { reason: format!("failed {attempt} times"), error },
            other => other,
        }
    }
}

impl From<Result<(), Failure>> for Verdict {
    fn from(result: Result<(), Failure>) -> Self {
        match result {
            Ok(()) => Self::Done,
            Err(Failure::Retry { after, source }) => Self::Retry { after, error: chain(source.as_ref()) },
            Err(Failure::Park { reason, source }) => Self::Park { reason: reason.to_owned(), error: chain(source.as_ref()) },
        }
    }
}

/// Settles all messages of a call side by side.
pub(super) async fn settle_all(bus: Bus, settled: Settled) {
    let (done, others): (Settled, Settled) = settled.into_iter().partition(|(_, verdict)| matches!(verdict, Verdict::Done));
    let done: Vec<Arc<Incoming>> = done.into_iter().map(|(message, _)| message).collect();
    let others = join_all(others.into_iter().map(|(message, verdict)| settle(&bus, message, verdict)));
    tokio::join!(acknowledge(&bus, &done), others);
}

/// Acknowledges messages of one consumer. The server works off what one connection says of a consumer in its order: its word for the last is
/// its word for all, and costs it and us no answer for each.
async fn acknowledge(bus: &Bus, done: &[Arc<Incoming>]) {
    let Some((last, before)) = done.split_last() else { return };
    let times = bus.connected_times();
    for message in before {
        if let Err(error) = say(bus, message, DONE).await {
            debug!(trace.id = %message.trace, "An acknowledgement was not sent: {error}.");
        }
    }
    confirm(bus, last, DONE).await;
    // On another connection than the one that said the first ones nothing is known of them.
    if bus.connected_times() != times {
        join_all(before.iter().map(|message| confirm(bus, message, DONE))).await;
    }
}

async fn confirm(bus: &Bus, message: &Incoming, answer: Bytes) {
    if !confirmed(bus, message, answer).await {
        // The server will deliver it again, which every handler bears.
        warn!(trace.id = %message.trace, stream = message.stream, "The server did not confirm an acknowledgement; the message may come again.");
    }
}

/// What was never begun goes to whoever asks next.
pub(super) async fn give_back(bus: Bus, messages: Vec<Arc<Incoming>>) {
    join_all(messages.iter().map(|message| confirmed(&bus, message, again(Duration::ZERO)))).await;
}

async fn settle(bus: &Bus, message: Arc<Incoming>, verdict: Verdict) {
    let answer = match verdict.at(message.attempt) {
        Verdict::Done => DONE,
        Verdict::Retry { after, error } => {
            let pause = after.unwrap_or_else(|| pause(message.attempt));
            warn!(
                trace.id = %message.trace, stream = message.stream, attempt = message.attempt, pause.ms = millis(pause), error,
                "Could not handle a message; it comes again."
            );
            again(pause)
        }
        Verdict::Park { reason, error } => park(bus, &message, &reason, &error).await,
    };
    confirm(bus, &message, answer).await;
}

async fn park(bus: &Bus, message: &Incoming, reason: &str, error: &str) -> Bytes {
    // What is wrong with a payload may quote it: the reason is for the log, the error only for the page of parked messages.
    warn!(trace.id = %message.trace, stream = message.stream, attempt = message.attempt, reason, "Set a message aside.");
    match whole(bus, message).await {
        Some(payload) => {
            let (stream, adapter, trace) = (message.stream, message.adapter_word(), message.trace);
            let aside = Aside { stream, adapter, reason, error, attempts: message.attempt, trace, payload };
            match bus.set_aside(aside).await {
                Ok(()) => DONE,
                Err(error) => {
                    warn!(trace.id = %trace, "Could not set a message aside, trying again later: {}.", chain(&error));
                    again(PARK_AGAIN)
                }
            }
        }
        None => again(PARK_AGAIN),
    }
}

/// The payload to set aside. When its parts have been gone for twenty attempts they are gone for good, and what is left is the message that
/// named them.
async fn whole(bus: &Bus, message: &Incoming) -> Option<Bytes> {
    let Some(parts) = &message.parts else { return Some(message.payload.clone()) };
    match bus.take_parts(message.stream, &message.subject, parts).await {
        Ok(Some(payload)) => Some(payload),
        Ok(None) if message.attempt >= ATTEMPTS => Some(message.payload.clone()),
        Ok(None) | Err(_) => None,
    }
}

const DONE: Bytes = Bytes::from_static(b"+ACK");

fn again(pause: Duration) -> Bytes {
    if pause.is_zero() { Bytes::from_static(b"-NAK") } else { format!("-NAK {{\"delay\":{}}}", pause.as_nanos()).into() }
}

/// A second, two, four, … half an hour.
fn pause(attempt: u32) -> Duration {
    LONGEST_PAUSE.min(Duration::from_secs(1 << attempt.saturating_sub(1).min(20)))
}

fn millis(pause: Duration) -> u64 {
    u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)
}

/// Sends an answer and waits for the server's word that it has it. Repeats it while the server may still listen: after that time it has
/// given the message to somebody else.
///
/// Through the client's one inbox for all answers: a subscription for each acknowledgement would cost three commands instead of one.
async fn confirmed(bus: &Bus, message: &Incoming, answer: Bytes) -> bool {
    let until = Instant::now() + bus.ack_wait;
    loop {
        match timeout_at(until, ask(bus, message, answer.clone())).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => debug!(trace.id = %message.trace, "An acknowledgement was not answered: {error}."),
            Err(_elapsed) => return false,
        }
        sleep(Duration::from_millis(250)).await;
    }
}

/// Says it without waiting for an answer.
async fn say(bus: &Bus, message: &Incoming, answer: Bytes) -> Result<(), BusError> {
    bus.connected().await?;
    bus.inner.client.publish(message.reply.clone(), answer).await.map_err(BusError::unavailable)
}

async fn ask(bus: &Bus, message: &Incoming, answer: Bytes) -> Result<(), BusError> {
    bus.connected().await?;
    bus.inner.client.request(message.reply.clone(), answer).await.map(drop).map_err(BusError::unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_twenty_attempts_outlast_a_long_outage() {
        assert_eq!(pause(1), Duration::from_secs(1));
        assert_eq!(pause(5), Duration::from_secs(16));
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
        let all: Duration = (1..ATTEMPTS).map(pause).sum();
        assert!(all > Duration::from_hours(4), "{all:?}");
    }

    #[test]
    fn the_twentieth_failure_is_the_last() {
        let retry = || Verdict::Retry { after: None, error: "no".to_owned() };
        assert!(matches!(retry().at(ATTEMPTS - 1), Verdict::Retry { .. }));
        assert!(matches!(retry().at(ATTEMPTS), Verdict::Park { reason, .. } if reason == "failed 20 times"));
        assert!(matches!(Verdict::Done.at(ATTEMPTS), Verdict::Done));
    }
}
