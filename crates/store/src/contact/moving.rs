//! What is not sealed with the key of today becomes so: rows of a version that did not seal, and rows of an earlier key. In pages, each a transaction;
//! broken off anywhere it goes on where something is left. The system runs meanwhile: a value is found under either name.

use std::collections::BTreeSet;

use model::Address;
use sqlx::Connection;
use uuid::Uuid;

use super::{BODY, COMPLAINT_WAY, NAME, Place, REPLACED_BY, REPLY_WAY, Ring, SENDER, SENDER_NAME, TELEPHONE, WORK_MESSAGE, ring, turning};
use crate::{PgPool, Result, StoreError, Tx, convert::At};

/// Rows of a page: a transaction is short, and nobody waits for it.
const PAGE: i64 = 500;

/// What a pass over all tables did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pass {
    /// Rows that are sealed with the key of today now.
    pub moved: u64,
    /// Rows that no key of ours opens, or that are not for their row. They stay as they are.
    pub closed: u64,
}

/// Whether nothing is left that nobody has sealed.
pub(super) async fn is_done(db: &PgPool) -> Result<bool> {
    sqlx::query_scalar!(r#"select exists (select from setting where name = 'contact.sealed') as "done!""#)
        .fetch_one(db)
        .await
        .map_err(StoreError::from_sqlx)
}

/// Any number: the key of the lock under which rows are moved.
const MOVING: i64 = 715_152;

/// One pass over all tables. `None`: another process is at it.
pub async fn pass(db: &PgPool) -> Result<Option<Pass>> {
    // A connection of its own holds the lock as long as it lives.
    let mut holder = db.acquire().await.map_err(StoreError::from_sqlx)?.detach();
    let got: bool =
        sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(MOVING).fetch_one(&mut holder).await.map_err(StoreError::from_sqlx)?;
    let result = if got { all(db).await.map(Some) } else { Ok(None) };
    if got {
        // At once, and not only when the server notices that the connection is gone.
        let _ = sqlx::query("select pg_advisory_unlock($1)").bind(MOVING).execute(&mut holder).await;
    }
    let _ = holder.close().await;
    result
}

async fn all(db: &PgPool) -> Result<Pass> {
    let mut done = Pass::default();
    for table in Table::ALL {
        let mut after = After::default();
        loop {
            let page = match page(db, table, &after).await {
                // Somebody was faster: the same page again.
                Err(StoreError::Stale) => continue,
                result => result?,
            };
            done.moved += page.moved;
            done.closed += page.closed;
            let Some(last) = page.last else { break };
            after = last;
        }
    }
    if done.closed == 0 && plain(db).await? == 0 {
        sqlx::query!("insert into setting (name, value) values ('contact.sealed', 'true') on conflict do nothing")
            .execute(db)
            .await
            .map_err(StoreError::from_sqlx)?;
    }
    Ok(done)
}

/// Values that nobody has sealed.
async fn plain(db: &PgPool) -> Result<i64> {
    Ok(turning::held(db).await?.into_iter().filter(|held| held.key.is_empty()).map(|held| held.values).sum())
}

/// The tables, small ones first: silence that somebody asked for is known under the new name before anything else is.
#[derive(Debug, Clone, Copy)]
enum Table {
    OptOut,
    Block,
    ConnectTry,
    Body,
    Telephone,
    WorkMessage,
    FormerAddress,
    CitizenAddress,
    Citizen,
    Complaint,
    Reply,
    Message,
}

impl Table {
    const ALL: [Self; 12] = [
        Self::OptOut,
        Self::Block,
        Self::ConnectTry,
        Self::Body,
        Self::Telephone,
        Self::WorkMessage,
        Self::FormerAddress,
        Self::CitizenAddress,
        Self::Citizen,
        Self::Complaint,
        Self::Reply,
        Self::Message,
    ];
}

/// Up to where a table was read: by id, or by address.
#[derive(Debug, Clone, Default)]
struct After {
    id: Uuid,
    text: String,
}

#[derive(Default)]
struct Page {
    moved: u64,
    closed: u64,
    /// `None`: that was the end.
    last: Option<After>,
}

impl Page {
    fn of_ids(count: usize, last: Option<Uuid>) -> Self {
        let more = i64::try_from(count).is_ok_and(|count| count == PAGE);
        Self { last: last.filter(|_| more).map(|id| After { id, text: String::new() }), ..Self::default() }
    }

    fn of_texts(count: usize, last: Option<String>) -> Self {
        let more = i64::try_from(count).is_ok_and(|count| count == PAGE);
        Self { last: last.filter(|_| more).map(|text| After { id: Uuid::nil(), text }), ..Self::default() }
    }

    /// Counts a value; one that does not open stays where it is. That the key of it is missing ends the pass.
    fn take<T>(&mut self, opened: Result<T>) -> Result<Option<T>> {
        match opened {
            Ok(value) => Ok(Some(value)),
            Err(StoreError::Corrupt { .. }) => {
                self.closed += 1;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

async fn page(db: &PgPool, table: Table, after: &After) -> Result<Page> {
    let mut tx = crate::begin(db).await?;
    // The last page of a large table reads all of it, and finds nothing.
    sqlx::query("set local statement_timeout = 0").execute(&mut *tx).await.map_err(StoreError::from_sqlx)?;
    let ring = ring()?;
    let page = match table {
        Table::OptOut => opt_outs(&mut tx, &ring, &after.text).await,
        Table::Block => blocks(&mut tx, &ring, after.id).await,
        Table::ConnectTry => tries(&mut tx, &ring, after.id).await,
        Table::Body => lone(&mut tx, &ring, BODY, after.id).await,
        Table::Telephone => lone(&mut tx, &ring, TELEPHONE, after.id).await,
        Table::WorkMessage => lone(&mut tx, &ring, WORK_MESSAGE, after.id).await,
        Table::FormerAddress => former(&mut tx, &ring, &after.text).await,
        Table::CitizenAddress => addresses(&mut tx, &ring, &after.text).await,
        Table::Citizen => names(&mut tx, &ring, after.id).await,
        Table::Complaint => ways(&mut tx, &ring, COMPLAINT_WAY, after.id).await,
        Table::Reply => ways(&mut tx, &ring, REPLY_WAY, after.id).await,
        Table::Message => messages(&mut tx, &ring, after.id).await,
    }?;
    crate::commit(tx).await?;
    Ok(page)
}

async fn opt_outs(tx: &mut Tx, ring: &Ring, after: &str) -> Result<Page> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "select address, sealed from opt_out
        where address > $1 and not coalesce(starts_with(sealed, $2), false)
        order by address limit $3 for update",
    )
    .bind(after)
    .bind(ring.mark())
    .bind(PAGE)
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut page = Page::of_texts(rows.len(), rows.last().map(|(address, _)| address.clone()));
    for (old, sealed) in rows {
        let Some(address) = page.take(ring.open_address(old.clone(), sealed))? else { continue };
        let (new, sealed) = (ring.pseudonym(&address), ring.seal_address(&address));
        // In place: who waits for this row to delete it finds it again under its new name.
        let in_place = sqlx::query(
            "update opt_out set address = $2, sealed = $3
            where address = $1 and ($1 = $2 or not exists (select from opt_out as other where other.address = $2))",
        )
        .bind(&old)
        .bind(&new)
        .bind(&sealed)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
        page.moved += 1;
        if in_place.rows_affected() > 0 {
            continue;
        }
        sqlx::query(
            "with gone as (delete from opt_out where address = $1 returning at)
            insert into opt_out (address, sealed, at) select $2, $3, at from gone on conflict (address) do nothing",
        )
        .bind(old)
        .bind(new)
        .bind(sealed)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    }
    Ok(page)
}

/// Blocks by the complaint at which they were made: an order that a move of the address does not change.
async fn blocks(tx: &mut Tx, ring: &Ring, after: Uuid) -> Result<Page> {
    let rows: Vec<(String, String, String, Option<String>, Uuid)> = sqlx::query_as(
        "select adapter, account, address, sealed, complaint from block
        where complaint >= $1 and not coalesce(starts_with(sealed, $2), false)
        order by complaint, adapter, account, address limit $3 for update",
    )
    .bind(after)
    .bind(ring.mark())
    .bind(PAGE)
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut page = Page::of_ids(rows.len(), rows.last().map(|row| row.4));
    for (adapter, account, old, sealed, _) in rows {
        let Some(address) = page.take(ring.open_address(old.clone(), sealed))? else { continue };
        let (new, sealed) = (ring.pseudonym(&address), ring.seal_address(&address));
        let in_place = sqlx::query(
            "update block set address = $4, sealed = $5
            where adapter = $1 and account = $2 and address = $3
              and ($3 = $4 or not exists (
                select from block as other where other.adapter = $1 and other.account = $2 and other.address = $4
              ))",
        )
        .bind(&adapter)
        .bind(&account)
        .bind(&old)
        .bind(&new)
        .bind(&sealed)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
        page.moved += in_place.rows_affected();
        if in_place.rows_affected() > 0 {
            continue;
        }
        let moved = sqlx::query(
            "with gone as (
              delete from block
              where adapter = $1 and account = $2 and address = $3
              returning *
            )
            insert into block (adapter, account, address, sealed, complaint, since, until)
            select adapter, account, $4, $5, complaint, since, until from gone
            on conflict (adapter, account, address) do update set until = greatest(block.until, excluded.until)",
        )
        .bind(adapter)
        .bind(account)
        .bind(old)
        .bind(new)
        .bind(sealed)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
        page.moved += moved.rows_affected();
    }
    // A page of one complaint's blocks alone that all stay closed would be read for ever.
    if page.moved == 0 {
        page.last = None;
    }
    Ok(page)
}

/// Tries are forgotten within a day, so those of an earlier key are left to that; it is still asked for them.
async fn tries(tx: &mut Tx, ring: &Ring, after: Uuid) -> Result<Page> {
    let rows: Vec<(Uuid, String)> =
        sqlx::query_as("select id, address from connect_try where id > $1 and address not like '%:~%~%' order by id limit $2 for update")
            .bind(after)
            .bind(PAGE)
            .fetch_all(&mut **tx)
            .await
            .map_err(StoreError::from_sqlx)?;
    let mut page = Page::of_ids(rows.len(), rows.last().map(|row| row.0));
    for (id, written) in rows {
        let name = written.parse::<Address>().map(|address| ring.pseudonym(&address)).unwrap_or_default();
        sqlx::query("update connect_try set address = $2 where id = $1")
            .bind(id)
            .bind(name)
            .execute(&mut **tx)
            .await
            .map_err(StoreError::from_sqlx)?;
        page.moved += 1;
    }
    Ok(page)
}

/// Addresses that stand alone in their row: of bodies, and of messages to them that still wait.
async fn lone(tx: &mut Tx, ring: &Ring, place: Place, after: Uuid) -> Result<Page> {
    let (read, write) = if place == BODY {
        (
            "select id, sealed from body where id > $1 and sealed is not null and not starts_with(sealed, $2) order by id limit $3 for update",
            "update body set sealed = $2 where id = $1",
        )
    } else if place == TELEPHONE {
        (
            "select id, sealed from telephone where id > $1 and not starts_with(sealed, $2) order by id limit $3 for update",
            "update telephone set sealed = $2 where id = $1",
        )
    } else {
        (
            "select id, sealed from work_message
            where id > $1 and sealed is not null and not starts_with(sealed, $2)
            order by id limit $3 for update",
            "update work_message set sealed = $2 where id = $1",
        )
    };
    let rows: Vec<(Uuid, String)> =
        sqlx::query_as(read).bind(after).bind(ring.mark()).bind(PAGE).fetch_all(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    let mut page = Page::of_ids(rows.len(), rows.last().map(|row| row.0));
    for (id, sealed) in rows {
        let Some(address) = page.take(ring.open_one(place, id, sealed))? else { continue };
        let sealed = ring.seal(place, id.as_bytes(), &address.to_string());
        sqlx::query(write).bind(id).bind(sealed).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
        page.moved += 1;
    }
    Ok(page)
}

async fn former(tx: &mut Tx, ring: &Ring, after: &str) -> Result<Page> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "select distinct on (address) address, sealed from former_address
        where address > $1 and not coalesce(starts_with(sealed, $2), false)
        order by address limit $3",
    )
    .bind(after)
    .bind(ring.mark())
    .bind(PAGE)
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut page = Page::of_texts(rows.len(), rows.last().map(|(address, _)| address.clone()));
    for (old, sealed) in rows {
        let Some(address) = page.take(ring.open_address(old.clone(), sealed))? else { continue };
        let new = ring.pseudonym(&address);
        let same: Vec<(Uuid, At, String)> =
            sqlx::query_as("select citizen, until, replaced_by from former_address where address = $1 for update")
                .bind(&old)
                .fetch_all(&mut **tx)
                .await
                .map_err(StoreError::from_sqlx)?;
        for (citizen, until, by) in same {
            let Some(by) = page.take(ring.open(REPLACED_BY, old.as_bytes(), by))? else { continue };
            sqlx::query(
                "update former_address set address = $4, sealed = $5, replaced_by = $6 where citizen = $1 and until = $2 and address = $3",
            )
            .bind(citizen)
            .bind(until)
            .bind(&old)
            .bind(&new)
            .bind(ring.seal_address(&address))
            .bind(ring.seal(REPLACED_BY, new.as_bytes(), &by))
            .execute(&mut **tx)
            .await
            .map_err(StoreError::from_sqlx)?;
            page.moved += 1;
        }
    }
    Ok(page)
}

async fn addresses(tx: &mut Tx, ring: &Ring, after: &str) -> Result<Page> {
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(
        "select address, sealed from citizen_address
        where address > $1 and not coalesce(starts_with(sealed, $2), false)
        order by address limit $3 for update",
    )
    .bind(after)
    .bind(ring.mark())
    .bind(PAGE)
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut page = Page::of_texts(rows.len(), rows.last().map(|(address, _)| address.clone()));
    for (old, sealed) in rows {
        let Some(address) = page.take(ring.open_address(old.clone(), sealed))? else { continue };
        rename(tx, ring, old, &address).await?;
        page.moved += 1;
    }
    Ok(page)
}

/// Of two rows that were one address written in two ways, the later becomes history of whose it was.
async fn rename(tx: &mut Tx, ring: &Ring, old: String, address: &Address) -> Result<()> {
    let (new, sealed) = (ring.pseudonym(address), ring.seal_address(address));
    let in_place = sqlx::query(
        "update citizen_address set address = $2, sealed = $3
        where address = $1 and ($1 = $2 or not exists (select from citizen_address as other where other.address = $2))",
    )
    .bind(&old)
    .bind(&new)
    .bind(&sealed)
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if in_place.rows_affected() > 0 {
        return Ok(());
    }
    sqlx::query(
        "with gone as (
          delete from citizen_address where address = $1 returning *
        ), kept as (
          insert into citizen_address (address, sealed, citizen, first_seen, last_seen)
          select $2, $3, citizen, first_seen, last_seen from gone
          on conflict (address) do nothing
          returning address
        )
        insert into former_address (address, sealed, citizen, first_seen, until, replaced_by)
        select $2, $3, citizen, first_seen, now(), $4 from gone where not exists (select from kept)
        on conflict do nothing",
    )
    .bind(old)
    .bind(&new)
    .bind(sealed)
    .bind(ring.seal(REPLACED_BY, new.as_bytes(), &address.to_string()))
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

async fn names(tx: &mut Tx, ring: &Ring, after: Uuid) -> Result<Page> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as(
        "select id, name from citizen where id > $1 and name is not null and not starts_with(name, $2) order by id limit $3 for update",
    )
    .bind(after)
    .bind(ring.mark())
    .bind(PAGE)
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut page = Page::of_ids(rows.len(), rows.last().map(|row| row.0));
    let (mut ids, mut sealed) = (Vec::new(), Vec::new());
    for (id, name) in rows {
        let Some(name) = page.take(ring.open(NAME, id.as_bytes(), name))? else { continue };
        ids.push(id);
        sealed.push(ring.seal(NAME, id.as_bytes(), &name));
    }
    let written =
        sqlx::query("update citizen set name = new.name from unnest($1::uuid[], $2::text[]) as new (id, name) where citizen.id = new.id")
            .bind(ids)
            .bind(sealed)
            .execute(&mut **tx)
            .await
            .map_err(StoreError::from_sqlx)?;
    page.moved += written.rows_affected();
    Ok(page)
}

/// Ways back of complaints and of replies. The version of a complaint stays: nothing that somebody decides on changes.
async fn ways(tx: &mut Tx, ring: &Ring, place: Place, after: Uuid) -> Result<Page> {
    let (read, write) = if place == COMPLAINT_WAY {
        (
            "select id, reply_to from complaint
            where id > $1 and reply_to is not null and not coalesce(starts_with(reply_to ->> 'sealed', $2), false)
            order by id limit $3 for update",
            "update complaint set reply_to = new.way from unnest($1::uuid[], $2::jsonb[]) as new (id, way) where complaint.id = new.id",
        )
    } else {
        (
            // Whose address was erased has none to seal.
            "select id, reply_to from reply
            where id > $1 and reply_to ->> 'address' <> 'gone:-' and not coalesce(starts_with(reply_to ->> 'sealed', $2), false)
            order by id limit $3 for update",
            "update reply set reply_to = new.way from unnest($1::uuid[], $2::jsonb[]) as new (id, way) where reply.id = new.id",
        )
    };
    let rows: Vec<(Uuid, serde_json::Value)> =
        sqlx::query_as(read).bind(after).bind(ring.mark()).bind(PAGE).fetch_all(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    let mut page = Page::of_ids(rows.len(), rows.last().map(|row| row.0));
    let (mut ids, mut kept) = (Vec::new(), Vec::new());
    for (id, way) in rows {
        let Some(to) = page.take(ring.read_way(place, id, way))? else { continue };
        ids.push(id);
        kept.push(ring.keep_way(place, id, &to));
    }
    let written = sqlx::query(write).bind(ids).bind(kept).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    page.moved += written.rows_affected();
    Ok(page)
}

/// What a message says of who sent it.
type Said = (Uuid, Option<Uuid>, String, Option<String>, Vec<String>, Option<String>);

async fn messages(tx: &mut Tx, ring: &Ring, after: Uuid) -> Result<Page> {
    let rows: Vec<Said> = sqlx::query_as(
        "select id, complaint, sender, sender_name, contact, contact_sealed from message
        where id > $1
          and (
            (sender <> '' and not starts_with(sender, $2))
            or (sender_name is not null and not starts_with(sender_name, $2))
            or (contact <> '{}' and not coalesce(starts_with(contact_sealed, $2), false))
          )
        order by id limit $3 for update",
    )
    .bind(after)
    .bind(ring.mark())
    .bind(PAGE)
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut page = Page::of_ids(rows.len(), rows.last().map(|row| row.0));
    let mut complaints = BTreeSet::new();
    for (id, complaint, sender, name, contact, sealed) in rows {
        let opened = open_message(ring, id, sender, name, contact, sealed);
        let Some((sender, name, contact)) = page.take(opened)? else { continue };
        write_message(tx, ring, id, &sender, name.as_deref(), &contact).await?;
        complaints.extend(complaint);
        page.moved += 1;
    }
    // Names are found by the key of today.
    let complaints: Vec<Uuid> = complaints.into_iter().collect();
    sqlx::query("select keep_words($1)").bind(complaints).execute(&mut **tx).await.map_err(StoreError::from_sqlx)?;
    Ok(page)
}

fn open_message(
    ring: &Ring,
    id: Uuid,
    sender: String,
    name: Option<String>,
    contact: Vec<String>,
    sealed: Option<String>,
) -> Result<(String, Option<String>, Vec<Address>)> {
    let sender = ring.open(SENDER, id.as_bytes(), sender)?;
    let name = name.map(|name| ring.open(SENDER_NAME, id.as_bytes(), name)).transpose()?;
    Ok((sender, name, ring.open_contact(id, contact, sealed)?))
}

async fn write_message(tx: &mut Tx, ring: &Ring, id: Uuid, sender: &str, name: Option<&str>, contact: &[Address]) -> Result<()> {
    let names = contact.iter().map(|address| ring.pseudonym(address)).collect::<Vec<_>>();
    sqlx::query(
        "update message
        set sender = $2, sender_name = $3, names = string_to_array($4, E'\\n'), contact = $5, contact_sealed = $6
        where id = $1",
    )
    .bind(id)
    .bind(if sender.is_empty() { String::new() } else { ring.seal(SENDER, id.as_bytes(), sender) })
    .bind(name.map(|name| ring.seal(SENDER_NAME, id.as_bytes(), name)))
    .bind(ring.name_lines(name))
    .bind(names)
    .bind(ring.seal_contact(id, contact))
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}
