//! One thing a citizen sent.

use std::{collections::HashMap, fmt};

use model::{
    AdapterName, Address, Attachment, Audience, CitizenId, ComplaintId, Inbound, MessageId, MessageKey, Point, Timestamp, TraceId,
};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    attachment::{self, StoredAttachment},
    contact::{SENDER, SENDER_NAME, ring},
    convert::{At, at, known, point},
};

/// A message as staff and the citizen see it again. `Debug` shows no text and no name.
#[derive(Clone, PartialEq)]
pub struct RecordedMessage {
    /// Its key.
    pub id: MessageId,
    /// The words.
    pub text: String,
    /// What the citizen calls themselves.
    pub sender_name: Option<String>,
    /// The best address the platform vouched for.
    pub sender: Option<Address>,
    /// Addresses the citizen claims.
    pub contact: Vec<Address>,
    /// The platform's time, never later than the door's.
    pub sent_at: Timestamp,
    /// The door's time.
    pub received_at: Timestamp,
    /// Who could read it where it was written.
    pub audience: Audience,
    /// Where it is, if the citizen pointed at it.
    pub location: Option<Point>,
    /// Where it is in words.
    pub place: Option<String>,
    /// Whether it is an edit of an earlier message.
    pub is_edit: bool,
    /// When we noticed that the citizen took it back where it was written.
    pub withdrawn_at: Option<Timestamp>,
    /// What was too long and was cut, for staff.
    pub cut: Option<String>,
    /// In the order they were sent.
    pub attachments: Vec<StoredAttachment>,
}

impl fmt::Debug for RecordedMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedMessage").field("id", &self.id).field("attachments", &self.attachments).finish_non_exhaustive()
    }
}

/// A message that was recorded before.
#[derive(Debug, Clone)]
pub struct Known {
    /// Which.
    pub key: MessageKey,
    /// Who wrote it.
    pub citizen: CitizenId,
    /// What it belongs to; `None`: it could not be read.
    pub complaint: Option<ComplaintId>,
}

/// A message of a citizen's last minutes, or of one of their conversations.
#[derive(Debug, Clone)]
pub struct Earlier {
    /// Who wrote it.
    pub citizen: CitizenId,
    /// By which adapter.
    pub adapter: AdapterName,
    /// To which account.
    pub account: String,
    /// In which conversation.
    pub thread: Option<String>,
    /// Who could read it.
    pub audience: Audience,
    /// What it belongs to; `None`: it could not be read.
    pub complaint: Option<ComplaintId>,
    /// The platform's time.
    pub sent_at: Timestamp,
}

/// A message to be recorded, already bounded and free of what PostgreSQL refuses.
#[derive(Debug)]
pub struct New<'a> {
    /// Its key here.
    pub id: MessageId,
    /// The message.
    pub inbound: &'a Inbound,
    /// Who wrote it.
    pub citizen: CitizenId,
    /// What it belongs to.
    pub complaint: Option<ComplaintId>,
    /// What was cut.
    pub cut: Option<&'a str>,
    /// Follows it through every log.
    pub trace: TraceId,
}

/// Which of these keys are recorded.
pub async fn recorded(tx: &mut Tx, keys: &[MessageKey]) -> Result<Vec<Known>> {
    let (adapters, accounts, ids) = columns(keys.iter());
    let rows = sqlx::query!(
        // One look into the index for each key, also while PostgreSQL has not counted the rows yet.
        r#"select asked.adapter as "adapter!", asked.account as "account!", asked.platform_id as "platform_id!", m.citizen as "citizen!",
          m.complaint
        from unnest($1::text[], $2::text[], $3::text[]) as asked (adapter, account, platform_id)
        cross join lateral (
          (
            select message.citizen, message.complaint
            from message
            where message.adapter = asked.adapter
              and message.account = asked.account
              and message.platform_id = asked.platform_id
            limit 1
          )
          union all
          -- What was erased is known by a hash of its name: it is not recorded a second time.
          (
            select message.citizen, message.complaint
            from message
            where message.adapter = asked.adapter
              and message.account = asked.account
              and message.platform_id = forgotten_id(asked.platform_id)
            limit 1
          )
          limit 1
        ) m"#,
        &adapters,
        &accounts,
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let adapter = known(row.adapter.parse().ok(), "message", "adapter")?;
            Ok(Known {
                key: MessageKey { adapter, account: row.account, id: row.platform_id },
                citizen: CitizenId(row.citizen),
                complaint: row.complaint.map(ComplaintId),
            })
        })
        .collect()
}

fn columns<'a>(keys: impl Iterator<Item = &'a MessageKey>) -> (Vec<String>, Vec<String>, Vec<String>) {
    let (mut adapters, mut accounts, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        adapters.push(key.adapter.as_str().to_owned());
        accounts.push(key.account.clone());
        ids.push(key.id.clone());
    }
    (adapters, accounts, ids)
}

struct EarlierRow {
    citizen: Uuid,
    adapter: String,
    account: String,
    thread: Option<String>,
    audience: String,
    complaint: Option<Uuid>,
    sent_at: At,
}

fn earlier(row: EarlierRow) -> Result<Earlier> {
    Ok(Earlier {
        citizen: CitizenId(row.citizen),
        adapter: known(row.adapter.parse().ok(), "message", "adapter")?,
        account: row.account,
        thread: row.thread,
        audience: known(audience(&row.audience), "message", "audience")?,
        complaint: row.complaint.map(ComplaintId),
        sent_at: row.sent_at.to_jiff(),
    })
}

/// How many of a citizen's messages within one window are looked at: an album is rarely longer, and the newest decide.
const MOST_WITHIN_A_BREATH: i64 = 30;

/// What these citizens sent within `[from, until]`, each.
pub async fn between(tx: &mut Tx, asked: &[(CitizenId, Timestamp, Timestamp)]) -> Result<Vec<Earlier>> {
    let citizens: Vec<Uuid> = asked.iter().map(|(citizen, ..)| citizen.0).collect();
    let from: Vec<At> = asked.iter().map(|(_, from, _)| at(*from)).collect();
    let until: Vec<At> = asked.iter().map(|(.., until)| at(*until)).collect();
    let rows = sqlx::query_as!(
        EarlierRow,
        r#"select m.citizen, m.adapter, m.account, m.thread, m.audience, m.complaint, m.sent_at as "sent_at: At"
        from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) as asked (citizen, since, until)
        cross join lateral (
          select citizen, adapter, account, thread, audience, complaint, sent_at
          from message
          where message.citizen = asked.citizen
            and message.sent_at between asked.since and asked.until
          order by message.sent_at desc
          limit $4
        ) as m"#,
        &citizens,
        &from as &[At],
        &until as &[At],
        MOST_WITHIN_A_BREATH
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(earlier).collect()
}

/// The newest message of each of these citizens in each of these conversations.
pub async fn in_threads(tx: &mut Tx, asked: &[(CitizenId, &AdapterName, &str, &str)]) -> Result<Vec<Earlier>> {
    let citizens: Vec<Uuid> = asked.iter().map(|(citizen, ..)| citizen.0).collect();
    let adapters: Vec<String> = asked.iter().map(|(_, adapter, ..)| adapter.as_str().to_owned()).collect();
    let accounts: Vec<String> = asked.iter().map(|(_, _, account, _)| (*account).to_owned()).collect();
    let threads: Vec<String> = asked.iter().map(|(.., thread)| (*thread).to_owned()).collect();
    let rows = sqlx::query_as!(
        EarlierRow,
        r#"select m.citizen, m.adapter, m.account, m.thread, m.audience, m.complaint, m.sent_at as "sent_at: At"
        from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as asked (citizen, adapter, account, thread)
        cross join lateral (
          select citizen, adapter, account, thread, audience, complaint, sent_at
          from message
          where message.citizen = asked.citizen
            and message.thread = asked.thread
            and message.adapter = asked.adapter
            and message.account = asked.account
            and message.complaint is not null
          order by message.sent_at desc
          limit 1
        ) as m"#,
        &citizens,
        &adapters,
        &accounts,
        &threads
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(earlier).collect()
}

/// Records messages and their attachments. [`StoreError::Stale`]: somebody recorded one of them meanwhile.
pub async fn insert(tx: &mut Tx, messages: &[New<'_>], now: Timestamp) -> Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    insert_rows(tx, messages, now).await?;
    let files: Vec<(MessageId, usize, &Attachment)> = messages
        .iter()
        .flat_map(|new| new.inbound.attachments.iter().enumerate().map(|(position, file)| (new.id, position, file)))
        .collect();
    attachment::insert(tx, &files, now).await
}

async fn insert_rows(tx: &mut Tx, messages: &[New<'_>], now: Timestamp) -> Result<()> {
    // In the order of the keys: two batches that hold the same two messages must not wait for each other.
    let mut messages: Vec<&New<'_>> = messages.iter().collect();
    messages.sort_unstable_by_key(|new| &new.inbound.key);
    let each = |value: fn(&Inbound) -> String| messages.iter().map(|new| value(new.inbound)).collect::<Vec<String>>();
    let maybe = |value: fn(&Inbound) -> Option<String>| messages.iter().map(|new| value(new.inbound)).collect::<Vec<Option<String>>>();
    let (adapters, accounts, platform_ids) = columns(messages.iter().map(|new| &new.inbound.key));
    let ids: Vec<Uuid> = messages.iter().map(|new| new.id.0).collect();
    let citizens: Vec<Uuid> = messages.iter().map(|new| new.citizen.0).collect();
    let complaints: Vec<Option<Uuid>> = messages.iter().map(|new| new.complaint.map(|id| id.0)).collect();
    let lat: Vec<Option<f64>> = messages.iter().map(|new| new.inbound.location.map(|point| point.lat)).collect();
    let lon: Vec<Option<f64>> = messages.iter().map(|new| new.inbound.location.map(|point| point.lon)).collect();
    let cut: Vec<Option<String>> = messages.iter().map(|new| new.cut.map(str::to_owned)).collect();
    let sent_at: Vec<At> = messages.iter().map(|new| at(new.inbound.sent_at)).collect();
    let received_at: Vec<At> = messages.iter().map(|new| at(new.inbound.received_at)).collect();
    let traces: Vec<String> = messages.iter().map(|new| new.trace.to_string()).collect();
    let who = Who::of(&messages)?;
    let written = sqlx::query!(
        "insert into message (id, adapter, account, platform_id, citizen, complaint, sender, sender_name, names, contact, contact_sealed,
          audience, text, lat, lon, place, thread, in_reply_to, replaces, unreadable, cut, sent_at, received_at, recorded_at, trace)
        select id, adapter, account, platform_id, citizen, complaint, sender, sender_name, string_to_array(names, E'\\n'),
          string_to_array(contact, E'\\n'), contact_sealed,
          audience, text, lat, lon, place, thread, in_reply_to, replaces, unreadable, cut, sent_at, received_at, $23, trace
        from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[],
          $10::text[], $11::text[], $12::float8[], $13::float8[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[],
          $19::text[], $20::timestamptz[], $21::timestamptz[], $22::text[], $24::text[], $25::text[])
          as new (id, adapter, account, platform_id, citizen, complaint, sender, sender_name, contact, audience, text, lat, lon, place,
            thread, in_reply_to, replaces, unreadable, cut, sent_at, received_at, trace, names, contact_sealed)
        on conflict on constraint message_key do nothing",
        &ids,
        &adapters,
        &accounts,
        &platform_ids,
        &citizens,
        &complaints as &[Option<Uuid>],
        &who.sender,
        &who.name as &[Option<String>],
        &who.contact,
        &each(|inbound| audience_word(inbound.audience).to_owned()),
        &each(|inbound| inbound.text.clone()),
        &lat as &[Option<f64>],
        &lon as &[Option<f64>],
        &maybe(|inbound| inbound.place.clone()) as &[Option<String>],
        &maybe(|inbound| inbound.thread.clone()) as &[Option<String>],
        &maybe(|inbound| inbound.in_reply_to.clone()) as &[Option<String>],
        &maybe(|inbound| inbound.replaces.as_ref().map(|key| key.id.clone())) as &[Option<String>],
        &maybe(|inbound| inbound.unreadable.clone()) as &[Option<String>],
        &cut as &[Option<String>],
        &sent_at as &[At],
        &received_at as &[At],
        &traces,
        at(now) as At,
        &who.names,
        &who.contact_sealed as &[Option<String>]
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    if usize::try_from(written.rows_affected()).is_ok_and(|count| count == messages.len()) { Ok(()) } else { Err(StoreError::Stale) }
}

/// Who wrote, as the table keeps it, side by side; lists are a line for each.
#[derive(Default)]
struct Who {
    sender: Vec<String>,
    name: Vec<Option<String>>,
    names: Vec<String>,
    contact: Vec<String>,
    contact_sealed: Vec<Option<String>>,
}

impl Who {
    fn of(messages: &[&New<'_>]) -> Result<Self> {
        let ring = ring()?;
        let mut who = Self::default();
        for new in messages {
            let (id, inbound) = (new.id.0, new.inbound);
            who.sender.push(inbound.sender.first().map(|best| ring.seal(SENDER, id.as_bytes(), &best.to_string())).unwrap_or_default());
            who.name.push(inbound.sender_name.as_ref().map(|name| ring.seal(SENDER_NAME, id.as_bytes(), name)));
            who.names.push(ring.name_lines(inbound.sender_name.as_deref()));
            who.contact.push(inbound.contact.iter().map(|address| ring.pseudonym(address)).collect::<Vec<_>>().join("\n"));
            who.contact_sealed.push(ring.seal_contact(id, &inbound.contact));
        }
        Ok(who)
    }
}

fn audience_word(audience: Audience) -> &'static str {
    match audience {
        Audience::Private => "private",
        Audience::Public => "public",
    }
}

fn audience(word: &str) -> Option<Audience> {
    match word {
        "private" => Some(Audience::Private),
        "public" => Some(Audience::Public),
        _ => None,
    }
}

/// Notes that a citizen took a message back where they wrote it, and hides its complaint from everybody but them and who works on it.
/// `false`: no such message is recorded.
pub async fn withdraw(db: &PgPool, key: &MessageKey, since: Timestamp) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"with gone as (
          update message
          set withdrawn_at = coalesce(withdrawn_at, $4)
          where adapter = $1 and account = $2 and platform_id = $3
          returning complaint
        ), hidden as (
          update complaint
          set visibility = 'hidden', version = version + 1
          from gone
          where complaint.id = gone.complaint and visibility = 'public'
        )
        select count(*) as "count!" from gone"#,
        key.adapter.as_str(),
        key.account,
        key.id,
        at(since) as At
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(found > 0)
}

/// Every message of a complaint, the oldest first.
pub async fn of_complaint(db: &PgPool, complaint: ComplaintId) -> Result<Vec<RecordedMessage>> {
    let rows = sqlx::query!(
        r#"select id, text, sender_name, sender, contact, contact_sealed, sent_at as "sent_at: At", received_at as "received_at: At", audience, lat, lon,
          place, replaces is not null as "is_edit!", cut, withdrawn_at as "withdrawn_at: At"
        from message
        where complaint = $1
        order by sent_at, id"#,
        complaint.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
    let mut attachments: HashMap<Uuid, Vec<StoredAttachment>> = HashMap::new();
    for (message, attachment) in attachment::of_messages(db, &ids).await? {
        attachments.entry(message).or_default().push(attachment);
    }
    let ring = ring()?;
    rows.into_iter()
        .map(|row| {
            Ok(RecordedMessage {
                id: MessageId(row.id),
                text: row.text,
                sender_name: row.sender_name.map(|name| ring.open(SENDER_NAME, row.id.as_bytes(), name)).transpose()?,
                sender: ring.open(SENDER, row.id.as_bytes(), row.sender)?.parse().ok(),
                contact: ring.open_contact(row.id, row.contact, row.contact_sealed)?,
                sent_at: row.sent_at.to_jiff(),
                received_at: row.received_at.to_jiff(),
                audience: known(audience(&row.audience), "message", "audience")?,
                location: point(row.lat, row.lon),
                place: row.place,
                is_edit: row.is_edit,
                withdrawn_at: row.withdrawn_at.map(At::to_jiff),
                cut: row.cut,
                attachments: attachments.remove(&row.id).unwrap_or_default(),
            })
        })
        .collect()
}
