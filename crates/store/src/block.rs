//! Whose messages are not answered for a while. Written with the reply that says so ([`crate::reply::insert`]), asked by `intake` and by the
//! page of a complaint. A block is not taken out of the table when it ends: `until` says so.

use std::collections::HashMap;

use model::{AdapterName, Address, ComplaintId, ReplyKind, ReplyTo, Timestamp};

use crate::{
    PgPool, Result, StoreError, Tx,
    contact::ring,
    convert::{At, at, known},
    reply::New,
};

/// One address that is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Through which adapter.
    pub adapter: AdapterName,
    /// At which account of ours.
    pub account: String,
    /// Who writes.
    pub address: Address,
    /// The complaint where what they write is added, and whose history says who blocked them and why.
    pub complaint: ComplaintId,
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

struct Row {
    adapter: String,
    account: String,
    address: String,
    complaint: uuid::Uuid,
    since: At,
    until: At,
}

/// Of which address is known from what was asked.
fn into_block(row: Row, address: Address) -> Result<Block> {
    Ok(Block {
        adapter: known(row.adapter.parse().ok(), "block", "adapter")?,
        account: row.account,
        address,
        complaint: ComplaintId(row.complaint),
        since: row.since.to_jiff(),
        until: row.until.to_jiff(),
    })
}

/// Whether this way back is blocked now.
pub async fn of(db: &PgPool, to: &ReplyTo, now: Timestamp) -> Result<Option<Block>> {
    let row = sqlx::query_as!(
        Row,
        r#"select adapter, account, address, complaint, since as "since: At", until as "until: At"
        from block
        where adapter = $1
          and account = $2
          and address = any($3)
          and until > $4
        order by until desc
        limit 1"#,
        to.adapter.as_str(),
        to.account,
        &ring()?.pseudonyms(&to.address),
        at(now) as At
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    row.map(|row| into_block(row, to.address.clone())).transpose()
}

/// Which of these addresses are blocked now, wherever.
pub async fn among(tx: &mut Tx, addresses: &[Address], now: Timestamp) -> Result<Vec<Block>> {
    let ring = ring()?;
    let asked: HashMap<String, &Address> =
        addresses.iter().flat_map(|address| ring.pseudonyms(address).into_iter().map(move |name| (name, address))).collect();
    let names: Vec<String> = asked.keys().cloned().collect();
    let rows = sqlx::query_as!(
        Row,
        r#"select adapter, account, address, complaint, since as "since: At", until as "until: At"
        from block
        where address = any($1)
          and until > $2"#,
        &names,
        at(now) as At
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let found = rows.into_iter().filter_map(|row| asked.get(&row.address).map(|address| into_block(row, (*address).clone())));
    found.collect()
}

/// What these replies say of blocks. Of an address the newest counts: the end of an earlier one, which waits for its day, is called off.
pub(crate) async fn note(tx: &mut Tx, replies: &[New<'_>]) -> Result<()> {
    for new in replies {
        match (new.draft.kind, new.draft.facts.deadline, new.complaint) {
            (ReplyKind::Blocked, Some(until), Some(complaint)) => {
                call_off(tx, &new.draft.to).await?;
                begin(tx, &new.draft.to, complaint, new.now, until).await?;
            }
            (ReplyKind::Unblocked, None, _) => {
                call_off(tx, &new.draft.to).await?;
                end(tx, &new.draft.to, new.now).await?;
            }
            _ => {}
        }
    }
    Ok(())
}

async fn begin(tx: &mut Tx, to: &ReplyTo, complaint: ComplaintId, now: Timestamp, until: Timestamp) -> Result<()> {
    let ring = ring()?;
    sqlx::query!(
        "with earlier as (
          -- Under the name that another key gave it.
          delete from block
          where adapter = $1 and account = $2 and address = any($8) and address <> $3
        )
        insert into block (adapter, account, address, sealed, complaint, since, until)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (adapter, account, address) do update
        set complaint = excluded.complaint, since = excluded.since, until = excluded.until",
        to.adapter.as_str(),
        to.account,
        ring.pseudonym(&to.address),
        ring.seal_address(&to.address),
        complaint.0,
        at(now) as At,
        at(until) as At,
        &ring.pseudonyms(&to.address)
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

async fn end(tx: &mut Tx, to: &ReplyTo, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update block
        set until = $4
        where adapter = $1
          and account = $2
          and address = any($3)
          and until > $4",
        to.adapter.as_str(),
        to.account,
        &ring()?.pseudonyms(&to.address),
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

async fn call_off(tx: &mut Tx, to: &ReplyTo) -> Result<()> {
    sqlx::query!(
        "delete from reply
        where state = 'due'
          and lease_until is null
          and kind = 'unblocked'
          and adapter = $1
          and account = $2
          and reply_to ->> 'address' = any($3)",
        to.adapter.as_str(),
        to.account,
        &ring()?.pseudonyms(&to.address)
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}
