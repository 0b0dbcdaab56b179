//! Words to a citizen: record and work list of `dispatch::replies`.

use std::time::Duration;

use model::{ComplaintId, Language, MessageKey, Receipt, ReceiptState, ReplyDraft, ReplyId, ReplyKind, ReplyTo, Timestamp, TraceId};
use tracing::warn;
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx, block, citizen,
    contact::{REPLY_WAY, ring},
    convert::{At, at, json, known, later, to_json},
    error::still_ours,
};

/// How far a reply is on its way to the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyState {
    /// To be published.
    Due,
    /// Handed to the bus.
    Published,
    /// Not sent: the citizen wants no messages at this address.
    Withheld,
}

impl ReplyState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Due, Self::Published, Self::Withheld];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Published => "published",
            Self::Withheld => "withheld",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// A reply that this worker has for a while.
#[derive(Debug)]
pub struct Claimed {
    /// What to say.
    pub draft: ReplyDraft,
    /// Whose matter it is, where there is one.
    pub complaint: Option<ComplaintId>,
    /// Follows it through every log.
    pub trace: TraceId,
    /// How often it was tried, this time included.
    pub attempts: u16,
    lease: At,
}

/// A reply as staff and the citizen see it.
#[derive(Debug, Clone, PartialEq)]
pub struct SentReply {
    /// What it says.
    pub draft: ReplyDraft,
    /// In which words, once it was handed to the bus.
    pub text: Option<String>,
    /// How far it is.
    pub state: ReplyState,
    /// What the platform said became of it: `sent`, `unknown`, `delivered`, `read`, `failed`.
    pub receipt: Option<String>,
    /// When, by the platform's clock.
    pub receipt_at: Option<Timestamp>,
    /// The platform's words when it failed; of one that was withheld, [`BLOCKED`] or nothing.
    pub error: Option<String>,
    /// Why a file that should go along did not, while the words went out: the platform's code and words.
    pub file_error: Option<String>,
    /// When it was decided.
    pub created_at: Timestamp,
}

/// A reply to be written.
#[derive(Debug, Clone, Copy)]
pub struct New<'a> {
    /// What to say.
    pub draft: &'a ReplyDraft,
    /// Whose matter it is, where there is one.
    pub complaint: Option<ComplaintId>,
    /// Follows it through every log.
    pub trace: TraceId,
    /// When it was decided.
    pub now: Timestamp,
}

/// What stands in [`SentReply::error`] of a reply that was withheld because its address is blocked.
pub const BLOCKED: &str = "blocked";

/// Writes replies; those to an address that asked for silence or is blocked are withheld: of a blocked one all but the news of it and what
/// speaks of danger. What was answered before is not answered again.
pub async fn insert(tx: &mut Tx, replies: &[New<'_>]) -> Result<()> {
    if replies.is_empty() {
        return Ok(());
    }
    block::note(tx, replies).await?;
    let ids: Vec<Uuid> = replies.iter().map(|new| new.draft.id.0).collect();
    let complaints: Vec<Option<Uuid>> = replies.iter().map(|new| new.complaint.map(|id| id.0)).collect();
    let kinds: Vec<String> = replies.iter().map(|new| new.draft.kind.as_str().to_owned()).collect();
    let causes: Vec<Uuid> = replies.iter().map(|new| new.draft.cause).collect();
    let adapters: Vec<String> = replies.iter().map(|new| new.draft.to.adapter.as_str().to_owned()).collect();
    let accounts: Vec<String> = replies.iter().map(|new| new.draft.to.account.clone()).collect();
    let ring = ring()?;
    let addresses: Vec<String> = replies.iter().map(|new| ring.pseudonym_lines(&new.draft.to.address)).collect();
    let ways: Vec<serde_json::Value> = replies.iter().map(|new| ring.keep_way(REPLY_WAY, new.draft.id.0, &new.draft.to)).collect();
    let languages: Vec<String> = replies.iter().map(|new| new.draft.language.tag().to_owned()).collect();
    let facts: Vec<serde_json::Value> = replies.iter().map(|new| to_json(&new.draft.facts)).collect();
    let traces: Vec<String> = replies.iter().map(|new| new.trace.to_string()).collect();
    let times: Vec<At> = replies.iter().map(|new| at(new.now)).collect();
    let due: Vec<At> = replies.iter().map(|new| at(new.draft.due_at(new.now))).collect();
    sqlx::query!(
        "insert into reply (id, complaint, kind, cause, adapter, account, reply_to, language, facts, trace, created_at, due_at, state, error)
        select new.id, new.complaint, new.kind, new.cause, new.adapter, new.account, new.reply_to, new.language, new.facts, new.trace,
          new.at, new.due_at, case when silence.opted_out or silence.blocked then 'withheld' else 'due' end,
          case when silence.blocked then 'blocked' end
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::text[],
          $10::jsonb[], $11::text[], $12::timestamptz[], $13::timestamptz[])
          as new (id, complaint, kind, cause, adapter, account, addresses, reply_to, language, facts, trace, at, due_at)
        cross join lateral (
          select exists (select from opt_out where opt_out.address = any(string_to_array(new.addresses, E'\\n'))) as opted_out,
            exists (
              select from block
              where block.adapter = new.adapter
                and block.account = new.account
                and block.address = any(string_to_array(new.addresses, E'\\n'))
                and block.until > new.at
                and new.kind not in ('blocked', 'unblocked')
                and not coalesce((new.facts ->> 'danger')::boolean, false)
            ) as blocked
        ) as silence
        on conflict on constraint reply_once do nothing",
        &ids,
        &complaints as &[Option<Uuid>],
        &kinds,
        &causes,
        &adapters,
        &accounts,
        &addresses,
        &ways,
        &languages,
        &facts,
        &traces,
        &times as &[At],
        &due as &[At]
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Whose acknowledgement still waits for words: [`model::SETTLING`]. Nobody sends it until this transaction ends.
pub async fn settling(tx: &mut Tx, complaints: &[ComplaintId], now: Timestamp) -> Result<Vec<ComplaintId>> {
    let complaints: Vec<Uuid> = complaints.iter().map(|complaint| complaint.0).collect();
    if complaints.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query_scalar!(
        r#"select complaint as "complaint!"
        from reply
        where complaint = any($1)
          and kind = 'received'
          and state = 'due'
          and due_at > $2
          and (lease_until is null or lease_until <= $2)
          and (facts ->> 'settles')::boolean
        order by id
        for update skip locked"#,
        &complaints,
        at(now) as At
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(found.into_iter().map(ComplaintId).collect())
}

/// Takes those acknowledgements back: others come in their place.
pub async fn take_back(tx: &mut Tx, complaints: &[ComplaintId]) -> Result<()> {
    let complaints: Vec<Uuid> = complaints.iter().map(|complaint| complaint.0).collect();
    if complaints.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "delete from reply
        where complaint = any($1)
          and kind = 'received'
          and state = 'due'
          and (facts ->> 'settles')::boolean",
        &complaints
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// The columns that a draft is read from.
pub(crate) struct Columns {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) cause: Uuid,
    pub(crate) reply_to: serde_json::Value,
    pub(crate) language: String,
    pub(crate) facts: serde_json::Value,
}

pub(crate) fn into_model(row: Columns) -> Result<ReplyDraft> {
    Ok(ReplyDraft {
        id: ReplyId(row.id),
        kind: known(ReplyKind::from_word(&row.kind), "reply", "kind")?,
        to: ring()?.read_way(REPLY_WAY, row.id, row.reply_to)?,
        language: Language::from_tag(&row.language),
        cause: row.cause,
        facts: json(row.facts, "reply", "facts")?,
    })
}

/// When a reply is looked at again that no key opens, or that somebody wrote by hand.
const CLOSED_AGAIN: Duration = Duration::from_hours(1);

/// Takes up to `limit` replies for `lease`; nobody else gets them meanwhile. The oldest first. Those of a paused channel stay where they
/// are.
pub async fn claim(db: &PgPool, now: Timestamp, lease: Duration, limit: u16) -> Result<Vec<Claimed>> {
    let rows = sqlx::query!(
        r#"with claimed as (
          update reply
          set lease_until = $2, attempts = attempts + 1
          where id in (
            select id
            from reply
            where state = 'due'
              and due_at <= $1
              and (lease_until is null or lease_until <= $1)
              and not exists (
                select from channel_pause
                where channel_pause.adapter = reply.adapter
                  and channel_pause.account = reply.account
              )
            order by due_at
            limit $3
            for update skip locked
          )
          returning id, kind, cause, reply_to, language, facts, complaint, trace, attempts, lease_until, due_at
        )
        select id, kind, cause, reply_to, language, facts, complaint, trace, attempts, lease_until as "lease_until!: At"
        from claimed
        order by due_at, id"#,
        at(now) as At,
        at(later(now, lease)) as At,
        i64::from(limit)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let (mut claimed, mut closed) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        let id = row.id;
        let reply =
            Columns { id: row.id, kind: row.kind, cause: row.cause, reply_to: row.reply_to, language: row.language, facts: row.facts };
        let draft = match into_model(reply) {
            Ok(draft) => draft,
            // One that cannot be read holds up no other.
            Err(error @ StoreError::Corrupt { .. }) => {
                warn!(reply.id = %id, error = &error as &dyn std::error::Error, "A reply cannot be read; it is looked at again in an hour.");
                closed.push(id);
                continue;
            }
            Err(error) => return Err(error),
        };
        claimed.push(Claimed {
            draft,
            complaint: row.complaint.map(ComplaintId),
            trace: known(row.trace.parse().ok(), "reply", "trace")?,
            attempts: u16::try_from(row.attempts).unwrap_or(0),
            lease: row.lease_until,
        });
    }
    if !closed.is_empty() {
        let again = at(later(now, CLOSED_AGAIN));
        sqlx::query!("update reply set due_at = $2, lease_until = null where id = any($1)", &closed, again as At)
            .execute(db)
            .await
            .map_err(StoreError::from_sqlx)?;
    }
    Ok(claimed)
}

/// The bus has it, in these words. [`StoreError::Stale`]: the lease ran out and another has it.
pub async fn published(db: &PgPool, claimed: Claimed, text: &str, now: Timestamp) -> Result<()> {
    match published_many(db, vec![(claimed, text.to_owned())], now).await? {
        0 => Err(StoreError::Stale),
        _ => Ok(()),
    }
}

/// The same for many, in one statement; how many were still ours.
pub async fn published_many(db: &PgPool, published: Vec<(Claimed, String)>, now: Timestamp) -> Result<u64> {
    let ids: Vec<Uuid> = published.iter().map(|(claimed, _)| claimed.draft.id.0).collect();
    let leases: Vec<At> = published.iter().map(|(claimed, _)| claimed.lease).collect();
    let texts: Vec<String> = published.into_iter().map(|(_, text)| text).collect();
    let written = sqlx::query!(
        "with mine as (
          -- In the order of the ids, so that two statements never wait for each other.
          select reply.id, given.text
          from unnest($1::uuid[], $2::timestamptz[], $3::text[]) as given (id, lease_until, text)
          join reply on reply.id = given.id and reply.lease_until = given.lease_until
          where reply.state = 'due'
          order by reply.id
          for update of reply
        )
        update reply
        set state = 'published', text = mine.text, published_at = $4, lease_until = null
        from mine
        where reply.id = mine.id",
        &ids,
        &leases as &[At],
        &texts,
        at(now) as At
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected())
}

/// The bus did not take it: back on the list at `due_at`. [`StoreError::Stale`]: the lease ran out and another has it.
pub async fn retry(db: &PgPool, claimed: Claimed, due_at: Timestamp) -> Result<()> {
    let written = sqlx::query!(
        "update reply
        set due_at = $3, lease_until = null
        where id = $1
          and lease_until = $2
          and state = 'due'",
        claimed.draft.id.0,
        claimed.lease as At,
        at(due_at) as At
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    still_ours(&written)
}

/// Writes what the platform said, unless it said something stronger before. `false`: no reply of ours is meant.
pub async fn receipt(db: &PgPool, receipt: &Receipt) -> Result<bool> {
    Ok(receipts(db, std::slice::from_ref(receipt)).await?.into_iter().all(|known| known))
}

/// The same for many, in one statement and the same order. Of several about one reply the strongest counts.
pub async fn receipts(db: &PgPool, receipts: &[Receipt]) -> Result<Vec<bool>> {
    let numbers: Vec<i32> = (0..).take(receipts.len()).collect();
    let replies: Vec<Option<Uuid>> = receipts.iter().map(|receipt| receipt.reply.map(|reply| reply.0)).collect();
    let adapters: Vec<String> = receipts.iter().map(|receipt| receipt.adapter.as_str().to_owned()).collect();
    let accounts: Vec<String> = receipts.iter().map(|receipt| kept(&receipt.account)).collect();
    let platform_ids: Vec<Option<String>> = receipts.iter().map(|receipt| receipt.platform_id.as_deref().map(kept)).collect();
    let states: Vec<String> = receipts.iter().map(|receipt| receipt.state.as_str().to_owned()).collect();
    let ranks: Vec<i16> = receipts.iter().map(|receipt| receipt.state.rank()).collect();
    let times: Vec<At> = receipts.iter().map(|receipt| at(receipt.at)).collect();
    let errors: Vec<Option<String>> = receipts.iter().map(|receipt| words(&receipt.state).map(|error| kept(&error))).collect();
    let files: Vec<Option<String>> = receipts.iter().map(|receipt| receipt.file_refused.as_deref().map(kept)).collect();
    let found = sqlx::query_scalar!(
        r#"with given as (
          select number, reply, adapter, account, platform_id, receipt, rank, at, error, file_error
          from unnest($1::integer[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[], $8::timestamptz[],
            $9::text[], $10::text[])
            as given (number, reply, adapter, account, platform_id, receipt, rank, at, error, file_error)
        ), meant as (
          -- That somebody could not be blocked outlives that the words reached them.
          select given.number, reply.id, given.platform_id, given.receipt, given.at, given.error, given.file_error,
            case when reply.kind = 'blocked' and given.error like 'block!_%' escape '!' then 5::smallint else given.rank end as rank
          from given
          join reply on reply.id = given.reply and reply.adapter = given.adapter
          union
          select given.number, reply.id, given.platform_id, given.receipt, given.at, given.error, given.file_error, given.rank
          from given
          join reply
            on reply.adapter = given.adapter
            and reply.account = given.account
            and reply.platform_id = given.platform_id
          where given.reply is null
        ), locked as (
          -- In the order of the ids, so that two statements never wait for each other.
          select id
          from reply
          where id in (select id from meant)
          order by id
          for update
        ), strongest as (
          select distinct on (id) id, receipt, rank, at, error,
            (array_agg(platform_id) filter (where platform_id is not null) over (partition by id))[1] as platform_id,
            (array_agg(file_error) filter (where file_error is not null) over (partition by id))[1] as file_error
          from meant
          join locked using (id)
          order by id, rank desc
        ), written as (
          update reply
          set platform_id = coalesce(reply.platform_id, strongest.platform_id),
            file_error = coalesce(strongest.file_error, reply.file_error),
            receipt = case when strongest.rank > reply.receipt_rank then strongest.receipt else reply.receipt end,
            receipt_at = case when strongest.rank > reply.receipt_rank then strongest.at else reply.receipt_at end,
            error = case when strongest.rank > reply.receipt_rank then strongest.error else reply.error end,
            receipt_rank = greatest(strongest.rank, reply.receipt_rank)
          from strongest
          where reply.id = strongest.id
        )
        select number as "number!"
        from meant"#,
        &numbers,
        &replies as &[Option<Uuid>],
        &adapters,
        &accounts,
        &platform_ids as &[Option<String>],
        &states,
        &ranks,
        &times as &[At],
        &errors as &[Option<String>],
        &files as &[Option<String>]
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(numbers.iter().map(|number| found.contains(number)).collect())
}

/// Puts a reply on the work list once more, to go out as what the platform approved; how many did. A repetition is not repeated: what
/// fails then is for staff.
pub async fn again(db: &PgPool, receipt: &Receipt, now: Timestamp) -> Result<u64> {
    let mut tx = crate::begin(db).await?;
    let found = sqlx::query!(
        "select id, reply_to
        from reply
        where adapter = $2
          and (id = $1 or ($1::uuid is null and account = $3 and platform_id = $4))
          and again_of is null
        order by id
        limit 1",
        receipt.reply.map(|reply| reply.0),
        receipt.adapter.as_str(),
        receipt.account,
        receipt.platform_id
    )
    .fetch_optional(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let Some(found) = found else { return Ok(0) };
    let ring = ring()?;
    let to = ReplyTo { open_until: Some(receipt.at), ..ring.read_way(REPLY_WAY, found.id, found.reply_to)? };
    let silent = citizen::has_opted_out(&mut tx, std::slice::from_ref(&to.address)).await?;
    let id = ReplyId::new(now).0;
    let written = sqlx::query!(
        "insert into reply (id, complaint, kind, cause, adapter, account, reply_to, language, facts, trace, created_at, due_at, state,
          again_of)
        select $1, complaint, kind, id, adapter, account, $3, language, facts, trace, $4, $4, case when $5 then 'withheld' else 'due' end, id
        from reply
        where id = $2
        on conflict on constraint reply_once do nothing",
        id,
        found.id,
        ring.keep_way(REPLY_WAY, id, &to),
        at(now) as At,
        silent
    )
    .execute(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    crate::commit(tx).await?;
    Ok(written.rows_affected())
}

/// Characters of what a platform says in a receipt: an index entry ends at 2.7 kB.
const MOST_OF_A_WORD: usize = 512;

/// What a platform says, as a table takes it: one NUL would make the database refuse all receipts of the statement.
pub(crate) fn kept(text: &str) -> String {
    text.chars().filter(|letter| *letter != '\0').take(MOST_OF_A_WORD).collect()
}

/// The platform's words for staff, when it said no.
pub(crate) fn words(state: &ReceiptState) -> Option<String> {
    match state {
        ReceiptState::Failed { code, detail } | ReceiptState::WindowClosed { code, detail } => Some(format!("{code}: {detail}")),
        ReceiptState::Unknown { detail } => Some(detail.clone()),
        ReceiptState::Sent | ReceiptState::Delivered | ReceiptState::Read => None,
    }
}

/// Which complaint each of these platform ids of our own replies is about: `(adapter, account, platform id)`.
pub async fn answered(tx: &mut Tx, asked: &[MessageKey]) -> Result<Vec<(MessageKey, ComplaintId)>> {
    let adapters: Vec<String> = asked.iter().map(|key| key.adapter.as_str().to_owned()).collect();
    let accounts: Vec<String> = asked.iter().map(|key| key.account.clone()).collect();
    let ids: Vec<String> = asked.iter().map(|key| key.id.clone()).collect();
    let rows = sqlx::query!(
        // `offset 0` keeps it at one look into the index for each key.
        r#"select asked.adapter as "adapter!", asked.account as "account!", asked.platform_id as "platform_id!", r.complaint as "complaint!"
        from unnest($1::text[], $2::text[], $3::text[]) as asked (adapter, account, platform_id)
        cross join lateral (
          select reply.complaint
          from reply
          where reply.adapter = asked.adapter
            and reply.account = asked.account
            and reply.platform_id = asked.platform_id
          offset 0
        ) r
        where r.complaint is not null"#,
        &adapters,
        &accounts,
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let adapter = known(row.adapter.parse().ok(), "reply", "adapter")?;
            Ok((MessageKey { adapter, account: row.account, id: row.platform_id }, ComplaintId(row.complaint)))
        })
        .collect()
}

/// Everything we said about a complaint, the oldest first.
pub async fn of_complaint(db: &PgPool, complaint: ComplaintId) -> Result<Vec<SentReply>> {
    let rows = sqlx::query!(
        r#"select id, kind, cause, reply_to, language, facts, text, state, receipt, receipt_at as "receipt_at: At", error,
          file_error, created_at as "created_at: At"
        from reply
        where complaint = $1
        order by created_at, id"#,
        complaint.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let reply =
                Columns { id: row.id, kind: row.kind, cause: row.cause, reply_to: row.reply_to, language: row.language, facts: row.facts };
            Ok(SentReply {
                draft: into_model(reply)?,
                text: row.text,
                state: known(ReplyState::from_word(&row.state), "reply", "state")?,
                receipt: row.receipt,
                receipt_at: row.receipt_at.map(At::to_jiff),
                error: row.error,
                file_error: row.file_error,
                created_at: row.created_at.to_jiff(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_says_nothing_that_a_table_does_not_take() {
        assert_eq!(kept("wamid\0.1"), "wamid.1");
        assert_eq!(kept(&"é".repeat(2000)).chars().count(), MOST_OF_A_WORD);
    }
}
