//! The road, step 5: a reply goes to the citizen, and what became of it goes back as an event.
//!
//! A reply is sent once although it is delivered again: the sent mark is looked up first and written after. Between the platform's yes
//! and the mark lies one crash that could send twice; the platform's idempotency key, where it has one, closes that too.

use std::{
    collections::{HashMap, VecDeque, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bus::{Bus, Delivery};
use metrics::counter;
use model::{AdapterName, Event, Failure, Receipt, ReceiptState, Reply, ReplyId, TraceId};
use tokio::sync::Semaphore;
use tracing::{info, warn};

use crate::{
    SendError,
    any::AnyAdapter,
    clock::now,
    pulse::{Pulse, chain},
    receipts::Receipts,
};

/// Replies to one citizen leave one at a time, as platforms want it; so many lanes hold all citizens. Their order is not promised: one that is
/// tried again later is overtaken.
const LANES: usize = 64;
/// Replies that the platform has in hand at once, with their files in memory.
const SENDING: usize = 8;
/// Tries to write the sent mark before the delivery is given back.
const TRIES_TO_MARK: u32 = 5;
/// Deliveries in which the bus is asked for a file.
const TRIES_FOR_A_FILE: u32 = 4;
/// What staff read of a file that was gone before it could go along; the page of a complaint has words for it.
const FILE_GONE: &str = "file_gone";
/// How many sent replies this process remembers by itself, in case the mark cannot be written.
const REMEMBERED: usize = 1024;

pub(crate) struct Deliver {
    name: AdapterName,
    adapter: Arc<dyn AnyAdapter>,
    bus: Bus,
    pulse: Pulse,
    lanes: Vec<tokio::sync::Mutex<()>>,
    sending: Semaphore,
    receipts: Receipts,
    sent: Mutex<Remembered>,
}

/// The platform's ids of replies sent lately, by reply.
#[derive(Default)]
struct Remembered {
    ids: HashMap<ReplyId, String>,
    order: VecDeque<ReplyId>,
}

impl Deliver {
    pub(crate) fn new(name: AdapterName, adapter: Arc<dyn AnyAdapter>, bus: Bus, receipts: Receipts, pulse: Pulse) -> Self {
        let lanes = std::iter::repeat_with(tokio::sync::Mutex::default).take(LANES).collect();
        Self { name, adapter, bus, pulse, lanes, sending: Semaphore::new(SENDING), receipts, sent: Mutex::default() }
    }

    /// `Ok`: the platform has it, or has said its final no; and the receipt is on the bus.
    pub(crate) async fn handle(&self, delivery: Delivery<Reply>) -> Result<(), Failure> {
        let Delivery { item: mut reply, trace, attempt, .. } = delivery;
        let _in_turn = self.lane(&reply).lock().await;
        let mut file_refused = None;
        let platform_id = if let Some(platform_id) = self.already_sent(reply.id).await? {
            platform_id
        } else {
            let one_of_few = self.sending.acquire().await.map_err(Failure::retry)?;
            let gone = self.bring_files(&mut reply, trace, attempt).await?;
            let sent = self.adapter.send(&reply).await;
            let files = std::mem::take(&mut reply.files).len();
            drop(one_of_few);
            match sent {
                Ok(sent) => {
                    file_refused = sent.file_refused.or(gone);
                    counter!("muara_replies_total", "outcome" => "sent").increment(1);
                    info!(trace.id = %trace, reply.id = %reply.id, kind = reply.kind.as_str(), files, "Sent a reply.");
                    self.pulse.answered(&reply.to.account);
                    self.mark(&reply, sent.platform_id.unwrap_or_default()).await?
                }
                Err(error) => return self.not_sent(&reply, trace, error).await,
            }
        };
        let receipt = self.of(&reply, ReceiptState::Sent, Some(platform_id).filter(|id| !id.is_empty()));
        self.tell(Receipt { file_refused, ..receipt }, trace).await
    }

    /// Brings the files that the adapter takes, and leaves out the others and those that are gone: the words stand without them. A bus that does
    /// not give one is asked again some times, and then the words go alone. Gives the reason for one that the adapter would have taken.
    async fn bring_files(&self, reply: &mut Reply, trace: TraceId, attempt: u32) -> Result<Option<String>, Failure> {
        let mut gone = None;
        for mut file in std::mem::take(&mut reply.files) {
            if !self.adapter.takes(&file) {
                continue;
            }
            match self.bus.take_file(&self.name, &file.at).await {
                Ok(Some(bytes)) => {
                    file.bytes = bytes;
                    reply.files.push(file);
                }
                Ok(None) => {
                    gone = Some(FILE_GONE.to_owned());
                    warn!(trace.id = %trace, reply.id = %reply.id, "A file of a reply is gone; the words go alone.");
                }
                Err(error) if attempt < TRIES_FOR_A_FILE => return Err(error.into()),
                Err(error) => {
                    gone = Some(FILE_GONE.to_owned());
                    warn!(trace.id = %trace, reply.id = %reply.id, error = chain(&error), "The bus does not give a file of a reply; the words go alone.");
                }
            }
        }
        Ok(gone)
    }

    fn lane(&self, reply: &Reply) -> &tokio::sync::Mutex<()> {
        let mut hasher = DefaultHasher::new();
        (&reply.to.account, &reply.to.address).hash(&mut hasher);
        let lane = usize::try_from(hasher.finish() % LANES as u64).unwrap_or(0);
        &self.lanes[lane]
    }

    async fn already_sent(&self, reply: ReplyId) -> Result<Option<String>, Failure> {
        let remembered = self.sent.lock().unwrap_or_else(PoisonError::into_inner).ids.get(&reply).cloned();
        match remembered {
            Some(platform_id) => Ok(Some(platform_id)),
            None => Ok(self.bus.sent(reply).await?),
        }
    }

    /// Writes the mark, stubbornly: a redelivery without it would write to the citizen twice.
    async fn mark(&self, reply: &Reply, platform_id: String) -> Result<String, Failure> {
        self.remember(reply.id, platform_id.clone());
        let mut pause = Duration::from_millis(100);
        for _ in 1..TRIES_TO_MARK {
            match self.bus.mark_sent(reply.id, &platform_id).await {
                Ok(()) => return Ok(platform_id),
                Err(error) => warn!(reply.id = %reply.id, error = chain(&error), "Could not write the sent mark; trying again."),
            }
            tokio::time::sleep(pause).await;
            pause *= 3;
        }
        self.bus.mark_sent(reply.id, &platform_id).await?;
        Ok(platform_id)
    }

    fn remember(&self, reply: ReplyId, platform_id: String) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if sent.ids.insert(reply, platform_id).is_none() {
            sent.order.push_back(reply);
        }
        if sent.order.len() > REMEMBERED
            && let Some(oldest) = sent.order.pop_front()
        {
            sent.ids.remove(&oldest);
        }
    }

    async fn not_sent(&self, reply: &Reply, trace: TraceId, error: SendError) -> Result<(), Failure> {
        let (outcome, trouble) = match &error {
            SendError::Unreachable(_) => ("unreachable", Some("the platform cannot be reached with replies")),
            SendError::Throttled(_) => ("throttled", Some("the platform asks to slow down")),
            SendError::Unknown { .. } => ("unknown", Some("nobody knows whether a reply was sent")),
            SendError::Rejected { .. } => ("rejected", Some("the platform rejected a reply")),
            SendError::OptedOut => ("opted_out", None), // nothing is wrong
        };
        counter!("muara_replies_total", "outcome" => outcome).increment(1);
        if let Some(trouble) = trouble {
            self.pulse.trouble(trouble);
        }
        warn!(trace.id = %trace, reply.id = %reply.id, error = chain(&error), "Did not send a reply.");
        match error {
            SendError::Unreachable(source) => Err(Failure::Retry { after: None, source }),
            SendError::Throttled(after) => Err(Failure::Retry { after, source: SendError::Throttled(after).into() }),
            SendError::Rejected { code, detail } => self.receipt(reply, trace, ReceiptState::Failed { code, detail }, None).await,
            SendError::Unknown { platform_id, detail } => {
                let marked = self.mark(reply, platform_id.unwrap_or_default()).await?;
                self.receipt(reply, trace, ReceiptState::Unknown { detail }, Some(marked).filter(|id| !id.is_empty())).await
            }
            SendError::OptedOut => {
                let opted_out = Event::OptOut { address: reply.to.address.clone() };
                let _ = self.bus.publish_event(&opted_out, trace, &self.name).await?;
                let state =
                    ReceiptState::Failed { code: "opted_out".into(), detail: "the citizen wants no messages at this address".into() };
                self.receipt(reply, trace, state, None).await
            }
        }
    }

    async fn receipt(&self, reply: &Reply, trace: TraceId, state: ReceiptState, platform_id: Option<String>) -> Result<(), Failure> {
        self.tell(self.of(reply, state, platform_id), trace).await
    }

    fn of(&self, reply: &Reply, state: ReceiptState, platform_id: Option<String>) -> Receipt {
        let (adapter, account) = (self.name.clone(), reply.to.account.clone());
        Receipt { reply: Some(reply.id), platform_id, adapter, account, state, at: now(), file_refused: None }
    }

    async fn tell(&self, receipt: Receipt, trace: TraceId) -> Result<(), Failure> {
        self.receipts.tell(vec![receipt], trace).await
    }
}
