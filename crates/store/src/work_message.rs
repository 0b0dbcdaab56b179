//! Messages through an adapter to people who work for the city or with it: a body gets the link to its task, and somebody on the way up is told of a clock.
//! A work list of `dispatch`, as those of mails are. To whom is forgotten as soon as the bus has the message, and what became of it comes back as of
//! a reply to a citizen.

use std::time::Duration;

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use model::{
    AdapterName, Address, AgencyId, Audience, ComplaintId, EscalationId, Receipt, Reference, ReplyId, ReplyTo, Stage, Timestamp, TraceId,
    TrackingCode,
};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx, citizen,
    contact::{WORK_MESSAGE, ring},
    convert::{At, at, known, later},
    error::still_ours,
    live,
    reply::{kept, words},
    task,
    telephone::Whose,
};

pub mod figures;

/// Why one was never sent: they want no messages at this address. As of `adapter_sdk`, where the platform knows it first.
pub const OPTED_OUT: &str = "opted_out";
/// Why one was never sent: the channel is none any more, or may not write first.
pub const CLOSED: &str = "channel_closed";
/// Why one was never sent: the account was closed, the post ended, or the number was taken away.
pub const LEFT: &str = "left";
/// Why one was never sent: it waited too long, for a channel that is paused or a bus that is away.
pub const LATE: &str = "late";

/// A channel by which people can be reached at their telephone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Which program …
    pub adapter: AdapterName,
    /// … and which account of ours.
    pub account: String,
    /// What the channel is called.
    pub label: String,
}

/// Channels of that day which may write first to this kind of address: those by which replies go on that failed elsewhere.
pub async fn ways(db: impl sqlx::PgExecutor<'_>, scheme: &str, today: Date) -> Result<Vec<Way>> {
    let rows = sqlx::query!(
        "select distinct on (adapter, account) adapter, account, label
        from channel
        where $1 = any(reaches)
          and valid_from <= $2
          and (valid_until is null or valid_until >= $2)
        order by adapter, account, valid_from",
        scheme,
        today.to_sqlx() as jiff_sqlx::Date
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| Ok(Way { adapter: known(row.adapter.parse().ok(), "channel", "adapter")?, account: row.account, label: row.label }))
        .collect()
}

/// What a message is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum About {
    /// A task of a body.
    Task(Uuid),
    /// A clock that ends or ended, and who is told.
    Escalation(EscalationId, Whose),
}

/// Where somebody is reached.
#[derive(Clone, Copy)]
pub(crate) struct To<'a> {
    pub(crate) adapter: &'a AdapterName,
    pub(crate) account: &'a str,
    pub(crate) address: &'a Address,
}

/// Puts a message on the list; refused at once where they want silence, and where the channel does not do it any more.
pub(crate) async fn put(tx: &mut Tx, about: About, to: To<'_>, today: Date, now: Timestamp) -> Result<()> {
    let open = ways(&mut **tx, to.address.scheme(), today).await?;
    let refused = if citizen::has_opted_out(tx, std::slice::from_ref(to.address)).await? {
        Some(OPTED_OUT)
    } else if open.iter().any(|way| way.adapter == *to.adapter && way.account == to.account) {
        None
    } else {
        Some(CLOSED)
    };
    let (task, told) = match about {
        About::Task(task) => (Some(task), None),
        About::Escalation(escalation, whose) => (None, Some((escalation, whose))),
    };
    let id = ReplyId::new(now).0;
    let sealed = ring()?.seal(WORK_MESSAGE, id.as_bytes(), &to.address.to_string());
    sqlx::query!(
        "insert into work_message (id, task, escalation, staff, holder, adapter, account, sealed, state, due_at, error)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        id,
        task,
        told.map(|(escalation, _)| escalation.0),
        told.and_then(|(_, whose)| whose.staff()),
        told.and_then(|(_, whose)| whose.holder()),
        to.adapter.as_str(),
        to.account,
        refused.is_none().then_some(sealed),
        refused.map_or("due", |_| "refused"),
        at(now) as At,
        refused
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Somebody is not reached by telephone any more: what waits is not sent, and nothing of where they were stays.
pub(crate) async fn forget(tx: &mut Tx, whose: Whose) -> Result<()> {
    sqlx::query!(
        "update work_message
        set state = case state when 'due' then 'refused' else state end,
          error = case state when 'due' then $3 end,
          sealed = null, lease_until = null, platform_id = null
        where staff = $1
          or holder = $2",
        whose.staff(),
        whose.holder(),
        LEFT
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// A message that this worker has for a while. `Debug` shows neither address nor link.
pub struct ClaimedMessage {
    /// Its key on the bus, the same with every try.
    pub id: ReplyId,
    /// To whom. No conversation is open there: `open_until` has passed.
    pub to: ReplyTo,
    /// What it says.
    pub says: Says,
    /// The complaint's number.
    pub reference: Reference,
    /// Follows it through every log.
    pub trace: TraceId,
    /// How often it was tried, this time included.
    pub attempts: u16,
    lease: At,
}

/// What a message says. No `Debug`: there is a link in it.
pub enum Says {
    /// A body is asked for help.
    Task {
        /// Which task.
        task: Uuid,
        /// The link's code, made for this try, because only hashes are kept.
        code: TrackingCode,
        /// What the body is called.
        name: String,
        /// Until when they shall have done it.
        due_at: Timestamp,
        /// Who asks.
        agency: AgencyId,
    },
    /// A clock ends or ended.
    Escalation {
        /// Which clock.
        stage: Stage,
        /// Its end.
        due: Timestamp,
        /// Of which complaint.
        complaint: ComplaintId,
    },
}

impl std::fmt::Debug for ClaimedMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClaimedMessage").field("id", &self.id).finish_non_exhaustive()
    }
}

/// When one is looked at again whose address no key opens.
const CLOSED_AGAIN: Duration = Duration::from_hours(1);

/// Takes up to `limit` messages for `lease`; nobody else gets them meanwhile. Not those of a paused channel: these wait. Of tasks not those that ended,
/// and of complaints that became secret.
pub async fn claim(db: &PgPool, now: Timestamp, lease: Duration, limit: u16) -> Result<Vec<ClaimedMessage>> {
    let mut tx = crate::begin(db).await?;
    let rows = sqlx::query_as!(
        Row,
        r#"with due as (
          select m.id
          from work_message m
          left join task t on t.id = m.task
          left join complaint c on c.id = t.complaint
          where m.state = 'due'
            and m.due_at <= $1
            and (m.lease_until is null or m.lease_until <= $1)
            and (m.task is null or (t.ended_at is null and t.expires_at > $1 and c.visibility in ('public', 'hidden')))
            and not exists (select from channel_pause p where p.adapter = m.adapter and p.account = m.account)
          order by m.due_at, m.id
          limit $3
          for update of m skip locked
        ), claimed as (
          update work_message m
          set lease_until = $2, attempts = attempts + 1
          from due
          where m.id = due.id
          returning m.id, m.task, m.escalation, m.adapter, m.account, m.sealed, m.attempts, m.lease_until
        )
        select m.id, m.task, m.adapter, m.account, m.sealed as "sealed!", m.attempts, m.lease_until as "lease_until!: At", b.name as "name?",
          coalesce(t.due_at, e.due) as "due!: At", t.agency as "agency?", e.stage as "stage?", c.id as complaint, c.reference, c.trace
        from claimed m
        left join task t on t.id = m.task
        left join body b on b.id = t.body
        left join escalation e on e.id = m.escalation
        join complaint c on c.id = coalesce(t.complaint, e.complaint)
        order by m.id"#,
        at(now) as At,
        at(later(now, lease)) as At,
        i64::from(limit)
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut claimed = Vec::with_capacity(rows.len());
    for row in rows {
        match ring()?.open_unless_corrupt(WORK_MESSAGE, row.id, row.sealed.clone())? {
            Some(address) => claimed.push(row.claimed(&mut tx, address, now).await?),
            // One that cannot be read holds up no other.
            None => put_off(&mut tx, row.id, now).await?,
        }
    }
    crate::commit(tx).await?;
    Ok(claimed)
}

struct Row {
    id: Uuid,
    task: Option<Uuid>,
    adapter: String,
    account: String,
    sealed: String,
    attempts: i32,
    lease_until: At,
    name: Option<String>,
    due: At,
    agency: Option<Uuid>,
    stage: Option<String>,
    complaint: Uuid,
    reference: String,
    trace: String,
}

impl Row {
    async fn claimed(self, tx: &mut Tx, address: Address, now: Timestamp) -> Result<ClaimedMessage> {
        let due = self.due.to_jiff();
        let says = if let Some(((task, name), agency)) = self.task.zip(self.name).zip(self.agency) {
            Says::Task { task, code: task::link(tx, task, now).await?, name, due_at: due, agency: AgencyId(agency) }
        } else {
            let stage = self.stage.as_deref().and_then(Stage::from_word);
            Says::Escalation { stage: known(stage, "escalation", "stage")?, due, complaint: ComplaintId(self.complaint) }
        };
        let to = ReplyTo {
            adapter: known(self.adapter.parse().ok(), "work_message", "adapter")?,
            account: self.account,
            address,
            thread: None,
            audience: Audience::Private,
            open_until: Some(now),
        };
        Ok(ClaimedMessage {
            id: ReplyId(self.id),
            to,
            says,
            reference: known(self.reference.parse().ok(), "complaint", "reference")?,
            trace: known(self.trace.parse().ok(), "complaint", "trace")?,
            attempts: u16::try_from(self.attempts).unwrap_or(u16::MAX),
            lease: self.lease_until,
        })
    }
}

async fn put_off(tx: &mut Tx, id: Uuid, now: Timestamp) -> Result<()> {
    let again = at(later(now, CLOSED_AGAIN));
    sqlx::query!("update work_message set due_at = $2, lease_until = null where id = $1", id, again as At)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// The bus has it; where it goes is forgotten here. [`StoreError::Stale`]: the lease ran out and another has it, or it is not wanted any more.
pub async fn published(db: &PgPool, claimed: ClaimedMessage) -> Result<()> {
    let written = sqlx::query!(
        "update work_message
        set state = 'published', sealed = null, lease_until = null
        where id = $1
          and state = 'due'
          and lease_until = $2",
        claimed.id.0,
        claimed.lease as At
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    still_ours(&written)
}

/// The bus did not take it: back on the list at `due_at`. [`StoreError::Stale`] as of [`published`].
pub async fn retry(db: &PgPool, claimed: ClaimedMessage, due_at: Timestamp) -> Result<()> {
    let written = sqlx::query!(
        "update work_message
        set due_at = $3, lease_until = null
        where id = $1
          and state = 'due'
          and lease_until = $2",
        claimed.id.0,
        claimed.lease as At,
        at(due_at) as At
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    still_ours(&written)
}

/// Writes what platforms said of such messages, unless they said something stronger before; which of the receipts were about one, in the same order.
pub async fn receipts(db: &PgPool, receipts: &[Receipt]) -> Result<Vec<bool>> {
    let mut tx = crate::begin(db).await?;
    let meant = meant(&mut tx, receipts).await?;
    let mut known = vec![false; receipts.len()];
    for (number, message) in meant {
        let Some((receipt, known)) = receipts.get(number).zip(known.get_mut(number)) else { continue };
        *known = true;
        if let Some(complaint) = note(&mut tx, message, receipt).await? {
            live::tell(&mut tx, complaint).await?;
        }
    }
    crate::commit(tx).await?;
    Ok(known)
}

/// Which message each receipt is about, by its place among the receipts; in the order of the messages, so that two at it never wait for each other.
async fn meant(tx: &mut Tx, receipts: &[Receipt]) -> Result<Vec<(usize, Uuid)>> {
    let numbers: Vec<i32> = (0..).take(receipts.len()).collect();
    let ids: Vec<Option<Uuid>> = receipts.iter().map(|receipt| receipt.reply.map(|reply| reply.0)).collect();
    let adapters: Vec<String> = receipts.iter().map(|receipt| receipt.adapter.as_str().to_owned()).collect();
    let accounts: Vec<String> = receipts.iter().map(|receipt| kept(&receipt.account)).collect();
    let platform_ids: Vec<Option<String>> = receipts.iter().map(|receipt| receipt.platform_id.as_deref().map(kept)).collect();
    let rows = sqlx::query!(
        r#"with given as (
          select number, id, adapter, account, platform_id
          from unnest($1::integer[], $2::uuid[], $3::text[], $4::text[], $5::text[]) as given (number, id, adapter, account, platform_id)
        )
        select given.number as "number!", m.id as "id!"
        from given
        join work_message m on m.id = given.id and m.adapter = given.adapter
        union
        select given.number, m.id
        from given
        join work_message m on m.adapter = given.adapter and m.account = given.account and m.platform_id = given.platform_id
        where given.id is null
        order by 2, 1"#,
        &numbers,
        &ids as &[Option<Uuid>],
        &adapters,
        &accounts,
        &platform_ids as &[Option<String>]
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (usize::try_from(row.number).unwrap_or(usize::MAX), row.id)).collect())
}

/// Whose page shows something new; `None`: it had been said before.
async fn note(tx: &mut Tx, message: Uuid, receipt: &Receipt) -> Result<Option<ComplaintId>> {
    sqlx::query!(
        "update work_message set platform_id = $2 where id = $1 and platform_id is null",
        message,
        receipt.platform_id.as_deref().map(kept)
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let complaint = sqlx::query_scalar!(
        r#"with noted as (
          update work_message
          set receipt = $2, receipt_rank = $3, receipt_at = $4, error = $5
          where id = $1
            and receipt_rank < $3
          returning task, escalation
        )
        select complaint as "complaint!" from task join noted on noted.task = task.id
        union all
        select complaint from escalation join noted on noted.escalation = escalation.id"#,
        message,
        receipt.state.as_str(),
        receipt.state.rank(),
        at(receipt.at) as At,
        words(&receipt.state).map(|error| kept(&error))
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(complaint.map(ComplaintId))
}
