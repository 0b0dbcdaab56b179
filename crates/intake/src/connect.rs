//! "Continue in another channel": a message that brings a code from a citizen's page. Code and platform together prove that both are one
//! citizen's. It opens no complaint, and whatever is wrong with a code is answered in the same words.

use metrics::counter;
use model::{
    Action, Actor, Address, Audience, CitizenId, Complaint, ComplaintId, Facts, Inbound, MessageId, Proof, ReplyDraft, ReplyId, ReplyKind,
    Timestamp, TraceId,
    connect::{Code, Connected, MOST_TRIES, TRIES_WITHIN},
    decide,
};
use store::{PgPool, StoreError, Tx, audit, block, citizen, complaint, connect, message, reply};
use tracing::info;

use crate::{Recorded, Rooms};

/// What is kept of the text: a code stands nowhere.
const WITHOUT_CODE: &str = "SAMBUNG ***";

/// The code that a message brings. What a form took has a number of its own and is a complaint; what edits an earlier message is none.
pub(crate) fn code_in(inbound: &Inbound) -> Option<Code> {
    (inbound.tracking.is_none() && inbound.replaces.is_none()).then(|| Code::find_in(&inbound.text)).flatten()
}

/// Records the message and does what it asks, in one transaction.
pub(crate) async fn take(
    db: &PgPool,
    rooms: &Rooms,
    inbound: &Inbound,
    code: &Code,
    trace: TraceId,
    now: Timestamp,
) -> Result<Recorded, StoreError> {
    let mut tx = store::begin(db).await?;
    let inbound = Inbound { text: WITHOUT_CODE.to_owned(), ..inbound.clone() };
    let open = connect::open(&mut tx, code, now).await?;
    lock(&mut tx, &inbound, open).await?;
    if let Some(known) = message::recorded(&mut tx, std::slice::from_ref(&inbound.key)).await?.pop() {
        return Ok(Recorded::Again(known.complaint));
    }
    let mut desk = Desk { tx, rooms, inbound: &inbound, trace, now };
    let complaint = match open {
        Some(complaint) if desk.may().await? => Some(desk.connect(complaint).await?),
        // Whoever can read it could use it.
        open => {
            if open.is_some() && inbound.audience == Audience::Public {
                connect::spend(&mut desk.tx, code, now).await?;
            }
            desk.refuse().await?;
            None
        }
    };
    if complaint.is_some() {
        connect::spend(&mut desk.tx, code, now).await?;
    }
    store::commit(desk.tx).await?;
    tell(&inbound, complaint, trace);
    Ok(Recorded::Code(complaint))
}

fn tell(inbound: &Inbound, complaint: Option<ComplaintId>, trace: TraceId) {
    let adapter = &inbound.key.adapter;
    let outcome = if complaint.is_some() { "connected" } else { "refused" };
    counter!("muara_codes_total", "adapter" => adapter.to_string(), "outcome" => outcome).increment(1);
    if let Some(id) = complaint {
        info!(trace.id = %trace, complaint.id = %id, %adapter, "A citizen goes on with a complaint in another channel.");
    } else {
        info!(trace.id = %trace, %adapter, "Somebody sent a code that does not count.");
    }
}

/// Nobody else decides meanwhile about anybody whom this may make one.
async fn lock(tx: &mut Tx, inbound: &Inbound, open: Option<ComplaintId>) -> Result<(), StoreError> {
    let of_page = match open {
        Some(complaint) => citizen::addresses_of(tx, complaint).await?,
        None => Vec::new(),
    };
    let of_sender = citizen::addresses_of_owners(tx, &inbound.sender).await?;
    citizen::lock(tx, &[inbound.sender.clone(), of_page, of_sender].concat()).await
}

struct Desk<'a> {
    tx: Tx,
    rooms: &'a Rooms,
    inbound: &'a Inbound,
    trace: TraceId,
    now: Timestamp,
}

impl Desk<'_> {
    /// Whether this sender's word counts: the platform vouches for them, they can be answered where nobody else reads it, they are not blocked
    /// there, and have not guessed too often.
    async fn may(&mut self) -> Result<bool, StoreError> {
        let inbound = self.inbound;
        let proven = inbound.proof == Proof::Platform && inbound.audience == Audience::Private && self.way_back().is_some();
        Ok(proven && !self.is_blocked().await? && self.tries().await? < MOST_TRIES)
    }

    fn way_back(&self) -> Option<&model::ReplyTo> {
        self.inbound.reply_to.as_ref().filter(|to| to.audience == Audience::Private)
    }

    async fn tries(&mut self) -> Result<i64, StoreError> {
        let since = self.now.checked_sub(TRIES_WITHIN).unwrap_or(Timestamp::MIN);
        connect::tries(&mut self.tx, &self.inbound.sender, since).await
    }

    async fn is_blocked(&mut self) -> Result<bool, StoreError> {
        let back = self.inbound.reply_to.iter().map(|to| to.address.clone());
        let addresses: Vec<Address> = self.inbound.sender.iter().cloned().chain(back).collect();
        let key = &self.inbound.key;
        let blocks = block::among(&mut self.tx, &addresses, self.now).await?;
        Ok(blocks.iter().any(|block| block.adapter == key.adapter && block.account == key.account))
    }

    /// Makes both one citizen, and the complaint goes on here.
    async fn connect(&mut self, id: ComplaintId) -> Result<ComplaintId, StoreError> {
        let before = self.complaint(id).await?;
        let connected = citizen::connect(&mut self.tx, before.citizen, &self.inbound.sender, self.now).await?;
        let complaint = self.complaint(id).await?;
        let message = self.record(connected.citizen, Some(id)).await?;
        let silent = citizen::has_opted_out(&mut self.tx, &self.inbound.sender).await?;
        let action = Action::Connect { message, reply_to: self.way_back().filter(|_| !silent).cloned() };
        let number = complaint.reference;
        if let Ok(mut decision) = decide(complaint, action, Actor::Citizen, &self.rooms.directory, self.now) {
            decision.replies.extend(self.notice(&before, message));
            complaint::write(&mut self.tx, &decision).await?;
        }
        let key = &self.inbound.key;
        let detail =
            serde_json::json!({ "adapter": key.adapter, "account": key.account, "citizen": connected.citizen, "merged": connected.merged });
        audit::write(&mut self.tx, self.now, None, "citizen.connected", &number.to_string(), &detail).await?;
        Ok(id)
    }

    async fn complaint(&mut self, id: ComplaintId) -> Result<Complaint, StoreError> {
        complaint::lock(&mut self.tx, id).await?.ok_or(StoreError::Stale)
    }

    /// Where it was answered before is told too: whoever holds the link may not be who wrote.
    fn notice(&self, before: &Complaint, message: MessageId) -> Option<ReplyDraft> {
        let to = before.reply_to.clone().filter(|to| to.audience == Audience::Private)?;
        let here = self.way_back()?;
        let elsewhere = (&to.adapter, &to.account, &to.address) != (&here.adapter, &here.account, &here.address);
        let facts = Facts {
            reference: Some(before.reference.to_string()),
            tracking: Some(before.tracking.clone()),
            connected: Some(Connected::Elsewhere),
            ..Facts::default()
        };
        let (id, kind, language) = (ReplyId::new(self.now), ReplyKind::Noted, before.language);
        elsewhere.then_some(ReplyDraft { id, kind, to, language, cause: message.0, facts })
    }

    /// Counts it, and says that it does not count; after too many, nothing.
    async fn refuse(&mut self) -> Result<(), StoreError> {
        let quiet = self.is_blocked().await? || self.tries().await? >= MOST_TRIES;
        if let Some(sender) = self.inbound.sender.first() {
            connect::tried(&mut self.tx, sender, self.now).await?;
        }
        let citizen = self.sender().await?;
        let message = self.record(citizen, None).await?;
        let Some(to) = self.way_back().filter(|_| !quiet).cloned() else { return Ok(()) };
        let facts = Facts { connected: Some(Connected::Refused), ..Facts::default() };
        let language = self.inbound.language.unwrap_or_default();
        let draft = ReplyDraft { id: ReplyId::new(self.now), kind: ReplyKind::Noted, to, language, cause: message.0, facts };
        reply::insert(&mut self.tx, &[reply::New { draft: &draft, complaint: None, trace: self.trace, now: self.now }]).await
    }

    /// Whose the sender's addresses are; a new citizen where they are nobody's.
    async fn sender(&mut self) -> Result<CitizenId, StoreError> {
        let known = citizen::known(&mut self.tx, &self.inbound.sender).await?;
        let owner = self.inbound.sender.iter().find_map(|address| known.iter().find(|known| known.address == *address));
        if let Some(owner) = owner {
            return Ok(owner.citizen);
        }
        let seen = citizen::Seen {
            id: CitizenId::new(self.now),
            is_new: true,
            name: self.inbound.sender_name.clone(),
            language: self.inbound.language.unwrap_or_default(),
            new_addresses: self.inbound.sender.clone(),
            used_addresses: Vec::new(),
        };
        citizen::write(&mut self.tx, std::slice::from_ref(&seen), self.now).await?;
        Ok(seen.id)
    }

    async fn record(&mut self, citizen: CitizenId, complaint: Option<ComplaintId>) -> Result<MessageId, StoreError> {
        let id = MessageId::new(self.now);
        let new = message::New { id, inbound: self.inbound, citizen, complaint, cut: None, trace: self.trace };
        message::insert(&mut self.tx, &[new], self.now).await?;
        Ok(id)
    }
}
