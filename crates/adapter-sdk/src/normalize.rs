//! The road, step 2: raw bytes become events, their files go to quarantine, the events to the bus.
//!
//! Comes again after a crash or a failure, with the same raw bytes: `parse` is pure, so the events have the same keys, and the bus or the
//! core absorbs them. Blobs of an event that was there already are deleted again.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use bus::{Accepted, Bus, Delivery};
use futures::{FutureExt, future::join_all};
use metrics::counter;
use model::{AdapterName, Attachment, BlobId, Content, Event, Failure, Inbound, Raw, Receipt, RemoteMedia};
use tokio::sync::Semaphore;
use tracing::{info, warn};

use crate::{
    Bytes, FetchError, ParseError,
    any::AnyAdapter,
    order::Ticket,
    pulse::{Pulse, chain},
    receipts::Receipts,
};

/// Files that are in memory at once.
const FILES_AT_ONCE: usize = 3;
/// Files of one message; more are named as missing. WhatsApp's albums end at thirty, our form at six.
const MOST_FILES: usize = 40;
/// A file is tried twice in each delivery, in so many deliveries with growing pauses (5, 20, 80 s): the complaint waits two minutes
/// for its photo, and then goes on without.
const DELIVERIES_FOR_A_FILE: u32 = 4;
const PAUSE_FOR_A_FILE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(2);
/// Before the second try within a delivery.
const BREATH: Duration = Duration::from_millis(500);
/// Bodies up to this size, in bytes, are read where they are: that takes less than giving them to another thread. A mail or form with photos is larger.
const READ_AT_ONCE: usize = 256 << 10;
/// The longest key, in bytes: an index holds it for ever.
const LONGEST_KEY: usize = 512;

pub(crate) struct Normalize {
    pub(crate) name: AdapterName,
    pub(crate) adapter: Arc<dyn AnyAdapter>,
    pub(crate) bus: Bus,
    receipts: Receipts,
    pub(crate) pulse: Pulse,
    /// The largest file, in bytes.
    pub(crate) max_file: usize,
    files: Semaphore,
}

impl Normalize {
    pub(crate) fn new(
        name: AdapterName,
        adapter: Arc<dyn AnyAdapter>,
        bus: Bus,
        receipts: Receipts,
        pulse: Pulse,
        max_file: usize,
    ) -> Self {
        Self { name, adapter, bus, receipts, pulse, max_file, files: Semaphore::new(FILES_AT_ONCE) }
    }

    /// `Ok`: every event is on the bus, and what was made of the message is noted: the balance and a later replay know nothing of it otherwise. Where
    /// only that failed the message comes again, and its events are known.
    pub(crate) async fn handle(&self, delivery: Delivery<Raw>, ticket: Ticket) -> Result<(), Failure> {
        let Delivery { item: raw, trace, attempt, .. } = delivery;
        let (raw, parsed) = self.parse_aside(raw).await;
        let mut events = parsed.map_err(|error| {
            counter!("muara_raw_parked_total").increment(1);
            self.pulse.trouble("a raw message could not be parsed and is parked");
            warn!(trace.id = %trace, "Parked a raw message: {error}.");
            Failure::park("cannot be parsed", error)
        })?;
        if events.is_empty() {
            counter!("muara_raw_ignored_total").increment(1);
        }
        let place = ticket.stand(&events).await;
        let made = events.clone();
        let mut blobs = Vec::new();
        for event in &mut events {
            if let Err(failure) = self.gather(&raw, event, attempt, &mut blobs).await {
                self.delete(blobs).await;
                return Err(failure);
            }
        }
        place.turn().await;
        self.publish(&events, &raw).await?;
        for event in &events {
            if let Event::Message(inbound) = event {
                self.pulse.heard(&inbound.key.account, raw.received_at);
            }
        }
        drop(place);
        self.bus.keep_made(&raw, &made).await?;
        info!(trace.id = %trace, events = events.len(), files = blobs.len(), "Normalized a raw message.");
        Ok(())
    }

    /// For `replay`: publishes what is made of a raw message now and was not then. A file that is not to be had is missing: its address may
    /// have died long ago.
    pub(crate) async fn publish_late(&self, raw: &Raw, fresh: Vec<Event>, then: Vec<Event>) -> Result<(), Failure> {
        let mut events = fresh.clone();
        let mut blobs = Vec::new();
        for event in &mut events {
            if let Err(failure) = self.gather(raw, event, DELIVERIES_FOR_A_FILE, &mut blobs).await {
                self.delete(blobs).await;
                return Err(failure);
            }
        }
        self.publish(&events, raw).await?;
        let made: Vec<Event> = then.into_iter().chain(fresh).collect();
        Ok(self.bus.keep_made(raw, &made).await?)
    }

    pub(crate) fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        parse(&*self.adapter, &self.name, raw)
    }

    /// The same without holding up the door, which is served by this thread too, while something large is read.
    async fn parse_aside(&self, raw: Raw) -> (Raw, Result<Vec<Event>, ParseError>) {
        if raw.body.len() <= READ_AT_ONCE {
            let parsed = self.parse(&raw);
            return (raw, parsed);
        }
        let (adapter, name, body) = (self.adapter.clone(), self.name.clone(), raw.clone());
        let parsed = tokio::task::spawn_blocking(move || parse(&*adapter, &name, &body)).await;
        (raw, parsed.unwrap_or_else(|_| Err(ParseError::new("reading it was broken off"))))
    }

    /// Brings every file of an event into quarantine, or says why it is missing.
    async fn gather(&self, raw: &Raw, event: &mut Event, attempt: u32, blobs: &mut Vec<BlobId>) -> Result<(), Failure> {
        let Event::Message(inbound) = event else { return Ok(()) };
        for (place, attachment) in inbound.attachments.iter_mut().enumerate() {
            let Content::Remote(media) = &attachment.content else { continue };
            let found = if place < MOST_FILES { self.fetch(raw, media, attempt).await? } else { Err("more files than we take".to_owned()) };
            attachment.content = match found {
                Ok(bytes) => self.bus.put_blob(bytes).await?,
                Err(why) => Content::Missing { why },
            };
            note(attachment, blobs);
        }
        Ok(())
    }

    /// The bytes, or why they are missing for good.
    async fn fetch(&self, raw: &Raw, media: &RemoteMedia, attempt: u32) -> Result<Result<Bytes, String>, Failure> {
        let _one_of_few = self.files.acquire().await.map_err(Failure::retry)?;
        let mut error = match self.adapter.fetch_from(raw, media).await {
            Ok(bytes) => return Ok(self.fits(bytes)),
            Err(error) => error,
        };
        if matches!(error, FetchError::Later(_)) {
            tokio::time::sleep(BREATH).await;
            error = match self.adapter.fetch_from(raw, media).await {
                Ok(bytes) => return Ok(self.fits(bytes)),
                Err(error) => error,
            };
        }
        let after = match &error {
            FetchError::TooLarge => return Ok(Err("larger than we take".to_owned())),
            FetchError::Gone(why) => return Ok(Err(why.clone())),
            FetchError::Later(_) | FetchError::Throttled(None) => PAUSE_FOR_A_FILE * 4_u32.pow(attempt.clamp(1, 4) - 1),
            FetchError::Throttled(Some(after)) => *after,
        };
        self.pulse.trouble("the platform does not give files");
        if attempt >= DELIVERIES_FOR_A_FILE {
            warn!(trace.id = %raw.trace, error = chain(&error), "Gave up on a file; the message goes on without it.");
            return Ok(Err("could not be downloaded".to_owned()));
        }
        Err(Failure::Retry { after: Some(after.min(LONGEST_PAUSE)), source: error.into() })
    }

    fn fits(&self, bytes: Bytes) -> Result<Bytes, String> {
        match bytes.len() {
            0 => Err("the file is empty".to_owned()),
            len if len > self.max_file => Err("larger than we take".to_owned()),
            _ => Ok(bytes),
        }
    }

    async fn publish(&self, events: &[Event], raw: &Raw) -> Result<(), Failure> {
        let (receipts, events) = apart(events);
        let publishing = events.iter().map(|event| self.bus.publish_event(event, raw.trace, &self.name).boxed());
        let (told, outcomes) = tokio::join!(self.receipts.tell(receipts, raw.trace), join_all(publishing));
        let mut failed = None;
        for (event, outcome) in events.into_iter().zip(outcomes) {
            counter!("muara_events_total", "type" => kind(event)).increment(1);
            match outcome {
                Ok(Accepted::Stored) => {}
                // The event that is there has blobs of its own.
                Ok(Accepted::Duplicate) => self.delete(blobs_of(event).cloned().collect()).await,
                // It may have been stored all the same: its blobs stay, and expire if nobody claims them.
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(told, |error| Err(error.into()))
    }

    async fn delete(&self, blobs: Vec<BlobId>) {
        for blob in blobs {
            if let Err(error) = self.bus.delete_blob(&blob).await {
                warn!(error = chain(&error), "Could not delete an unclaimed file from quarantine; it expires.");
            }
        }
    }
}

fn parse(adapter: &dyn AnyAdapter, name: &AdapterName, raw: &Raw) -> Result<Vec<Event>, ParseError> {
    // C3 says that it never panics. Should it all the same, one message is parked, and the others go on.
    let parsed = catch_unwind(AssertUnwindSafe(|| adapter.parse(raw)));
    let mut events = parsed.unwrap_or_else(|_| Err(ParseError::new("the parser panicked")))?;
    for event in &mut events {
        if let Event::Message(inbound) = event {
            check(name, inbound)?;
            without_nul(inbound);
        }
    }
    Ok(events)
}

/// Receipts, whose order does not matter, and everything else.
fn apart(events: &[Event]) -> (Vec<Receipt>, Vec<&Event>) {
    let (mut receipts, mut others) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            Event::Receipt(receipt) => receipts.push(receipt.clone()),
            other => others.push(other),
        }
    }
    (receipts, others)
}

fn note(attachment: &Attachment, blobs: &mut Vec<BlobId>) {
    let state = match &attachment.content {
        Content::Quarantined { blob, .. } => {
            blobs.push(blob.clone());
            "quarantined"
        }
        Content::Missing { .. } | Content::Remote(_) => "missing",
    };
    counter!("muara_files_total", "state" => state).increment(1);
}

fn blobs_of(event: &Event) -> impl Iterator<Item = &BlobId> {
    let attachments = match event {
        Event::Message(inbound) => inbound.attachments.as_slice(),
        Event::Receipt(_)
        | Event::Receipts { .. }
        | Event::OptOut { .. }
        | Event::OptIn { .. }
        | Event::Moved { .. }
        | Event::Notice(_)
        | Event::Withdrawn { .. } => &[],
    };
    attachments.iter().filter_map(|attachment| match &attachment.content {
        Content::Quarantined { blob, .. } => Some(blob),
        Content::Missing { .. } | Content::Remote(_) => None,
    })
}

fn kind(event: &Event) -> &'static str {
    match event {
        Event::Message(_) => "message",
        Event::Receipt(_) | Event::Receipts { .. } => "receipt",
        Event::OptOut { .. } => "opt_out",
        Event::Moved { .. } => "moved",
        Event::Notice(_) => "notice",
        Event::OptIn { .. } => "opt_in",
        Event::Withdrawn { .. } => "withdrawn",
    }
}

/// What the core relies on, whatever an adapter does.
fn check(name: &AdapterName, inbound: &Inbound) -> Result<(), ParseError> {
    let wrong = match inbound {
        _ if inbound.key.adapter != *name => Some("a message under another adapter's name"),
        _ if inbound.key.id.is_empty() || inbound.key.id.len() > LONGEST_KEY => Some("a message whose key is empty or too long"),
        _ if inbound.key.account.is_empty() || inbound.key.account.len() > LONGEST_KEY => Some("a message without an account of ours"),
        _ if inbound.sender.is_empty() => Some("a message without a sender"),
        _ => None,
    };
    wrong.map_or(Ok(()), |what| Err(ParseError::new(what)))
}

/// PostgreSQL takes no NUL in a text, and no citizen means one.
fn without_nul(inbound: &mut Inbound) {
    let clean = |text: &mut String| {
        if text.contains('\0') {
            text.retain(|c| c != '\0');
        }
    };
    clean(&mut inbound.text);
    let optional = [
        &mut inbound.sender_name,
        &mut inbound.place,
        &mut inbound.office_area,
        &mut inbound.category,
        &mut inbound.in_reply_to,
        &mut inbound.thread,
        &mut inbound.unreadable,
    ];
    optional.into_iter().flatten().for_each(clean);
    for attachment in &mut inbound.attachments {
        [&mut attachment.mime, &mut attachment.filename].into_iter().flatten().for_each(clean);
    }
}
