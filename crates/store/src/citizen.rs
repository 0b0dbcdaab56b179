//! Who wrote to us, known by the addresses a platform gave.

use model::{Address, CitizenId, ComplaintId, Language, ReplyTo, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    contact::{COMPLAINT_WAY, NAME, REPLACED_BY, REPLY_WAY, Ring, normal, ring},
    convert::{At, at},
};

/// One address that we know.
#[derive(Debug, Clone)]
pub struct Known {
    /// The address.
    pub address: Address,
    /// Whose it is.
    pub citizen: CitizenId,
    /// What they called themselves last.
    pub name: Option<String>,
    /// The language they chose last.
    pub language: Language,
}

/// A citizen as the batch leaves them.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Who.
    pub id: CitizenId,
    /// Whether this batch saw them first.
    pub is_new: bool,
    /// What they call themselves.
    pub name: Option<String>,
    /// The language to answer in.
    pub language: Language,
    /// Addresses that are not in the table yet.
    pub new_addresses: Vec<Address>,
    /// Addresses that are, and were used again.
    pub used_addresses: Vec<Address>,
}

/// One transaction at a time for each of these addresses, until it ends: what two messages of one citizen come to is decided one after
/// the other. Always in the same order, so that two batches never wait for each other.
pub async fn lock(tx: &mut Tx, addresses: &[Address]) -> Result<()> {
    let mut keys: Vec<i64> = addresses.iter().map(lock_key).collect();
    keys.sort_unstable();
    keys.dedup();
    sqlx::query!(
        r#"select pg_advisory_xact_lock(key) as "locked!: ()"
        from unnest($1::bigint[]) as key"#,
        &keys
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

fn lock_key(address: &Address) -> i64 {
    let digest = Sha256::digest(normal(address));
    i64::from_be_bytes(std::array::from_fn(|i| digest[i]))
}

/// Which of these addresses we know.
pub async fn known(tx: &mut Tx, addresses: &[Address]) -> Result<Vec<Known>> {
    let ring = ring()?;
    let (places, asked): (Vec<i32>, Vec<String>) =
        (0..).zip(addresses).flat_map(|(place, address)| ring.pseudonyms(address).into_iter().map(move |name| (place, name))).unzip();
    let rows = sqlx::query!(
        // One look-up an address, whatever the planner believes: a plan that was made while the tables were empty reads them whole,
        // and is kept until somebody analyses them.
        r#"select asked.place as "place!", found.citizen, found.name, found.language
        from unnest($1::integer[], $2::text[]) as asked (place, address)
        cross join lateral (
          select a.citizen, c.name, c.language
          from citizen_address a
          join citizen c on c.id = a.citizen
          where a.address = asked.address
          limit 1
        ) as found"#,
        &places,
        &asked
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .filter_map(|row| {
            let address = usize::try_from(row.place).ok().and_then(|place| addresses.get(place))?.clone();
            let name = row.name.map(|name| ring.open(NAME, row.citizen.as_bytes(), name)).transpose();
            let (citizen, language) = (CitizenId(row.citizen), Language::from_tag(&row.language));
            Some(name.map(|name| Known { address, citizen, name, language }))
        })
        .collect()
}

/// Writes citizens and addresses. Call it under [`lock`].
pub async fn write(tx: &mut Tx, seen: &[Seen], now: Timestamp) -> Result<()> {
    write_citizens(tx, seen, now).await?;
    add_addresses(tx, seen, now).await?;
    touch_addresses(tx, seen, now).await
}

async fn write_citizens(tx: &mut Tx, seen: &[Seen], now: Timestamp) -> Result<()> {
    if seen.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = seen.iter().map(|citizen| citizen.id.0).collect();
    let ring = ring()?;
    let names: Vec<Option<String>> =
        seen.iter().map(|citizen| citizen.name.as_ref().map(|name| ring.seal(NAME, citizen.id.0.as_bytes(), name))).collect();
    let languages: Vec<String> = seen.iter().map(|citizen| citizen.language.tag().to_owned()).collect();
    sqlx::query!(
        "insert into citizen (id, name, language, created_at)
        select id, name, language, $4
        from unnest($1::uuid[], $2::text[], $3::text[]) as seen (id, name, language)
        on conflict (id) do update
        set name = excluded.name, language = excluded.language
        where (citizen.name, citizen.language) is distinct from (excluded.name, excluded.language)",
        &ids,
        &names as &[Option<String>],
        &languages,
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

async fn add_addresses(tx: &mut Tx, seen: &[Seen], now: Timestamp) -> Result<()> {
    let new = seen.iter().flat_map(|citizen| citizen.new_addresses.iter().map(|address| (citizen.id, address))).collect::<Vec<_>>();
    if new.is_empty() {
        return Ok(());
    }
    let (citizens, addresses, sealed) = columns(&*ring()?, &new);
    sqlx::query!(
        "insert into citizen_address (address, sealed, citizen, first_seen, last_seen)
        select address, sealed, citizen, $4, $4
        from unnest($1::text[], $2::text[], $3::uuid[]) as seen (address, sealed, citizen)",
        &addresses,
        &sealed,
        &citizens,
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Citizens, pseudonyms and sealed addresses, side by side.
fn columns(ring: &Ring, addresses: &[(CitizenId, &Address)]) -> (Vec<Uuid>, Vec<String>, Vec<String>) {
    let citizens = addresses.iter().map(|(citizen, _)| citizen.0).collect();
    let pseudonyms = addresses.iter().map(|(_, address)| ring.pseudonym(address)).collect();
    let sealed = addresses.iter().map(|(_, address)| ring.seal_address(address)).collect();
    (citizens, pseudonyms, sealed)
}

/// `last_seen` is kept to the day: a write for each message would buy nothing.
async fn touch_addresses(tx: &mut Tx, seen: &[Seen], now: Timestamp) -> Result<()> {
    let addresses = ring()?.pseudonyms_of(seen.iter().flat_map(|citizen| &citizen.used_addresses));
    if addresses.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update citizen_address
        set last_seen = $2
        where address = any($1)
          and last_seen < $2::timestamptz - interval '1 day'",
        &addresses,
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Those of the addresses that nobody has become this citizen's. Call it under [`lock`].
async fn take_addresses(tx: &mut Tx, citizen: CitizenId, addresses: &[Address], when: Timestamp) -> Result<()> {
    let owned = known(tx, addresses).await?;
    let free = addresses.iter().filter(|address| !owned.iter().any(|known| known.address == **address));
    let free: Vec<(CitizenId, &Address)> = free.map(|address| (citizen, address)).collect();
    let (citizens, pseudonyms, sealed) = columns(&*ring()?, &free);
    sqlx::query!(
        "insert into citizen_address (address, sealed, citizen, first_seen, last_seen)
        select address, sealed, citizen, $4, $4
        from unnest($1::text[], $2::text[], $3::uuid[]) as fresh (address, sealed, citizen)
        on conflict (address) do nothing",
        &pseudonyms,
        &sealed,
        &citizens,
        at(when) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// The platform says that the citizen of `from` has the addresses `to` now. What they had becomes history: it no longer tells who writes,
/// and open complaints are answered at the new address. `None`: we know nobody at `from`. Twice is as once.
///
/// Whoever wrote from the new address before we heard of the move, and never before the move itself, is the same person: what they wrote and
/// their complaints become this citizen's. An address that somebody wrote from earlier stays theirs: numbers change hands, and nobody is
/// merged by a guess.
pub async fn moved(db: &PgPool, from: &[Address], to: &[Address], when: Timestamp) -> Result<Option<CitizenId>> {
    let mut tx = crate::begin(db).await?;
    let all = [from, to, &addresses_of_owners(&mut tx, to).await?].concat();
    lock(&mut tx, &all).await?;
    let owners = known(&mut tx, from).await?;
    let Some(citizen) = from.iter().find_map(|address| owners.iter().find(|known| known.address == *address)).map(|known| known.citizen)
    else {
        return Ok(None);
    };
    let Some(best) = to.first() else { return Ok(Some(citizen)) };
    for newcomer in newcomers(&mut tx, citizen, to, when).await? {
        merge(&mut tx, newcomer, citizen).await?;
    }
    let old: Vec<&Address> =
        owners.iter().filter(|known| known.citizen == citizen && !to.contains(&known.address)).map(|known| &known.address).collect();
    retire(&mut tx, citizen, &old, best, when).await?;
    take_addresses(&mut tx, citizen, to, when).await?;
    for address in old {
        // A number is answered at the new number where there is one.
        let instead = to.iter().find(|new| new.scheme() == address.scheme()).unwrap_or(best);
        answer_at(&mut tx, citizen, address, instead).await?;
    }
    crate::commit(tx).await?;
    Ok(Some(citizen))
}

/// Whose two ways in are now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connected {
    /// The citizen that both are.
    pub citizen: CitizenId,
    /// Who was another one until now.
    pub merged: Option<CitizenId>,
}

/// The citizen of a page proved that they are who has these addresses: two become one, the one that is known longer. Call it under [`lock`].
/// Opt-outs and blocks are of addresses and stay what they are.
pub async fn connect(tx: &mut Tx, of_page: CitizenId, senders: &[Address], now: Timestamp) -> Result<Connected> {
    let owners = known(tx, senders).await?;
    let owner = senders.iter().find_map(|address| owners.iter().find(|known| known.address == *address)).map(|known| known.citizen);
    let connected = match owner.filter(|owner| *owner != of_page) {
        None => Connected { citizen: of_page, merged: None },
        Some(owner) => Connected { citizen: owner.min(of_page), merged: Some(owner.max(of_page)) },
    };
    if let Some(merged) = connected.merged {
        merge(tx, merged, connected.citizen).await?;
    }
    take_addresses(tx, connected.citizen, senders, now).await?;
    Ok(connected)
}

/// Every address of the citizen of a complaint.
pub async fn addresses_of(tx: &mut Tx, complaint: ComplaintId) -> Result<Vec<Address>> {
    let found = sqlx::query!(
        "select address, sealed
        from citizen_address
        join complaint on complaint.citizen = citizen_address.citizen
        where complaint.id = $1",
        complaint.0
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let ring = ring()?;
    found.into_iter().map(|row| ring.open_address(row.address, row.sealed)).collect()
}

/// Whether somebody asked for silence at one of these addresses.
pub async fn has_opted_out(tx: &mut Tx, addresses: &[Address]) -> Result<bool> {
    let addresses = ring()?.pseudonyms_of(addresses);
    sqlx::query_scalar!(r#"select exists (select from opt_out where address = any($1)) as "out!""#, &addresses)
        .fetch_one(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)
}

/// Every address of everybody who has one of these.
pub async fn addresses_of_owners(tx: &mut Tx, addresses: &[Address]) -> Result<Vec<Address>> {
    let addresses = ring()?.pseudonyms_of(addresses);
    let found = sqlx::query!(
        "select all_of_them.address, all_of_them.sealed
        from citizen_address asked
        join citizen_address all_of_them on all_of_them.citizen = asked.citizen
        where asked.address = any($1)",
        &addresses
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let ring = ring()?;
    found.into_iter().map(|row| ring.open_address(row.address, row.sealed)).collect()
}

/// How exactly a platform's clock is read: one of its machines may be behind another.
const CLOCKS: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// Others who have one of these addresses and wrote nothing before that moment, whichever way.
async fn newcomers(tx: &mut Tx, citizen: CitizenId, addresses: &[Address], when: Timestamp) -> Result<Vec<CitizenId>> {
    let addresses = ring()?.pseudonyms_of(addresses);
    let found = sqlx::query_scalar!(
        "select distinct a.citizen
        from citizen_address a
        where a.address = any($1)
          and a.citizen <> $2
          and exists (select from message where message.citizen = a.citizen)
          and not exists (select from message where message.citizen = a.citizen and message.sent_at < $3)
        order by a.citizen",
        &addresses,
        citizen.0,
        at(when.checked_sub(CLOCKS).unwrap_or(when)) as At
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(found.into_iter().map(CitizenId).collect())
}

/// All that is one citizen's becomes the other's. The row stays, and says whose it is.
async fn merge(tx: &mut Tx, one: CitizenId, into: CitizenId) -> Result<()> {
    // In the order of the ids, as everybody locks complaints.
    sqlx::query!("select id from complaint where citizen = $1 order by id for update", one.0)
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    let named = sqlx::query_scalar!("select name from citizen where id = $1 for update", one.0)
        .fetch_optional(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?
        .flatten();
    let ring = ring()?;
    // A name is sealed for its row.
    let name = named.map(|name| ring.open(NAME, one.0.as_bytes(), name)).transpose()?;
    let name = name.map(|name| ring.seal(NAME, into.0.as_bytes(), &name));
    sqlx::query!(
        "with of_complaints as (
          update complaint
          set citizen = $2, version = version + 1
          where citizen = $1
        ), of_messages as (
          update message
          set citizen = $2
          where citizen = $1
        ), of_addresses as (
          update citizen_address
          set citizen = $2
          where citizen = $1
        ), of_history as (
          update former_address
          set citizen = $2
          where citizen = $1
        ), gone as (
          update citizen
          set merged_into = $2
          where id = $1
          returning language
        )
        update citizen
        set name = coalesce($3, citizen.name), language = gone.language
        from gone
        where citizen.id = $2",
        one.0,
        into.0,
        name
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

async fn retire(tx: &mut Tx, citizen: CitizenId, old: &[&Address], best: &Address, when: Timestamp) -> Result<()> {
    let ring = ring()?;
    let gone = sqlx::query!(
        r#"delete from citizen_address
        where address = any($1)
          and citizen = $2
        returning address, sealed, first_seen as "first_seen: At""#,
        &ring.pseudonyms_of(old.iter().copied()),
        citizen.0
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    for row in gone {
        let address = ring.open_address(row.address, row.sealed)?;
        let pseudonym = ring.pseudonym(&address);
        sqlx::query!(
            "insert into former_address (address, sealed, citizen, first_seen, until, replaced_by)
            values ($1, $2, $3, $4, $5, $6)
            on conflict do nothing",
            pseudonym,
            ring.seal_address(&address),
            citizen.0,
            row.first_seen as At,
            at(when) as At,
            ring.seal(REPLACED_BY, pseudonym.as_bytes(), &best.to_string())
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    }
    Ok(())
}

/// Open complaints and replies that wait: only the address changes.
async fn answer_at(tx: &mut Tx, citizen: CitizenId, old: &Address, new: &Address) -> Result<()> {
    let ring = ring()?;
    let old = ring.pseudonyms(old);
    let complaints = sqlx::query!(
        r#"select id, reply_to as "reply_to!"
        from complaint
        where citizen = $1
          and reply_to ->> 'address' = any($2)
          and status <> 'resolved'
        order by id
        for update"#,
        citizen.0,
        &old
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    for row in complaints {
        let to = ReplyTo { address: new.clone(), ..ring.read_way(COMPLAINT_WAY, row.id, row.reply_to)? };
        let kept = ring.keep_way(COMPLAINT_WAY, row.id, &to);
        sqlx::query!("update complaint set reply_to = $2, version = version + 1 where id = $1", row.id, kept)
            .execute(&mut **tx)
            .await
            .map_err(StoreError::from_sqlx)?;
    }
    let replies = sqlx::query!(
        "select id, reply_to
        from reply
        where state = 'due'
          and reply_to ->> 'address' = any($1)
        order by id
        for update",
        &old
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    for row in replies {
        let to = ReplyTo { address: new.clone(), ..ring.read_way(REPLY_WAY, row.id, row.reply_to)? };
        let kept = ring.keep_way(REPLY_WAY, row.id, &to);
        sqlx::query!("update reply set reply_to = $2 where id = $1", row.id, kept)
            .execute(&mut **tx)
            .await
            .map_err(StoreError::from_sqlx)?;
    }
    // Who was blocked stays it.
    sqlx::query!(
        "update block
        set address = $2, sealed = $3
        where address = any($1)
          and not exists (
            select from block other
            where other.adapter = block.adapter
              and other.account = block.account
              and other.address = any($4)
          )",
        &old,
        ring.pseudonym(new),
        ring.seal_address(new),
        &ring.pseudonyms(new)
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// The citizen wants no more messages at this address. Replies that wait are withheld, as all later ones are. Twice is as once.
pub async fn opt_out(db: &PgPool, address: &Address, now: Timestamp) -> Result<()> {
    let ring = ring()?;
    sqlx::query!(
        "with silence as (
          insert into opt_out (address, sealed, at)
          values ($1, $2, $3)
          on conflict (address) do nothing
        )
        update reply
        set state = 'withheld'
        where state = 'due'
          and reply_to ->> 'address' = any($4)",
        ring.pseudonym(address),
        ring.seal_address(address),
        at(now) as At,
        &ring.pseudonyms(address)
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// The citizen wants messages at this address again. What was withheld meanwhile stays withheld: it is old. Twice is as once.
pub async fn opt_in(db: &PgPool, address: &Address) -> Result<()> {
    sqlx::query!("delete from opt_out where address = any($1)", &ring()?.pseudonyms(address))
        .execute(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_addresses_have_two_locks() {
        let address = |path: &str| Address::new("tel", path).expect("an address");
        assert_ne!(lock_key(&address("+62811")), lock_key(&address("+62812")));
        assert_eq!(lock_key(&address("+62811")), lock_key(&address("+62811")));
    }
}
