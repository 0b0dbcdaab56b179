//! Replies that did not arrive: the ladder of ways by which they go on ([`model::reach`]), a row a rung, and the tasks at its end.

use std::collections::HashMap;

use jiff::{SignedDuration, civil::Date};
use jiff_sqlx::ToSqlx;
use model::{
    AdapterName, Address, CitizenId, ComplaintId, Reference, ReplyDraft, ReplyId, ReplyTo, StaffId, Timestamp, TraceId, Visibility,
    reach::{Because, Ladder, Next, Told, Way, next},
};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    contact::{REPLY_WAY, normal, ring},
    convert::{At, at, known, small},
    live,
    queue::Scope,
    reply::{self, Columns},
};

/// What was done about one reply that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Climbed {
    /// The reply that failed.
    pub failed: ReplyId,
    /// Its complaint, where there is one.
    pub complaint: Option<ComplaintId>,
    /// Follows it through every log.
    pub trace: TraceId,
    /// The rung that was taken; `None`: it may be lost, or goes on already.
    pub way: Option<Way>,
}

/// So long after the platform's no the ladder goes on: a reply that comes again as a template is written before that.
const GRACE: SignedDuration = SignedDuration::from_secs(10);
/// Ways of one citizen that are looked at: the latest.
const MOST_WAYS: usize = 20;
/// Of these, before it is known which are still open.
const MOST_LOOKED_AT: i64 = 200;

/// A reply that failed.
struct Failed {
    draft: ReplyDraft,
    complaint: Option<ComplaintId>,
    again_of: Option<Uuid>,
    repeated: bool,
    trace: TraceId,
    error: Option<String>,
    created_at: Timestamp,
}

/// Its complaint, and what its citizen wishes.
struct Whose {
    complaint: ComplaintId,
    citizen: CitizenId,
    visibility: Visibility,
    at_office: bool,
    silence: Option<Because>,
}

/// Takes the oldest reply that failed and was not looked at, and writes what follows: one more rung with its reply, or the end of the ladder.
/// `None`: there is none. All of it is in this transaction; nobody else takes the same one meanwhile. `today` is the city's.
pub async fn climb(tx: &mut Tx, now: Timestamp, today: Date) -> Result<Option<Climbed>> {
    let Some(failed) = take(tx, now).await? else { return Ok(None) };
    let way = match failed.complaint.filter(|_| failed.draft.kind.must_arrive() && !failed.repeated) {
        Some(complaint) => go_on(tx, &failed, complaint, now, today).await?,
        None => None,
    };
    Ok(Some(Climbed { failed: failed.draft.id, complaint: failed.complaint, trace: failed.trace, way }))
}

async fn take(tx: &mut Tx, now: Timestamp) -> Result<Option<Failed>> {
    let row = sqlx::query!(
        r#"with failed as (
          select id
          from reply
          where receipt = 'failed'
            and climbed_at is null
            and receipt_at <= $2
          order by receipt_at
          limit 1
          for update skip locked
        )
        update reply
        set climbed_at = $1
        from failed
        where reply.id = failed.id
        returning reply.id, reply.kind, reply.cause, reply.reply_to, reply.language, reply.facts, reply.complaint, reply.again_of, reply.trace,
          reply.error, reply.created_at as "created_at: At",
          exists (select from reply again where again.complaint = reply.complaint and again.again_of = reply.id) as "repeated!""#,
        at(now) as At,
        at(now.checked_sub(GRACE).unwrap_or(now)) as At
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let Some(row) = row else { return Ok(None) };
    let draft = Columns { id: row.id, kind: row.kind, cause: row.cause, reply_to: row.reply_to, language: row.language, facts: row.facts };
    Ok(Some(Failed {
        draft: reply::into_model(draft)?,
        complaint: row.complaint.map(ComplaintId),
        again_of: row.again_of,
        repeated: row.repeated,
        trace: known(row.trace.parse().ok(), "reply", "trace")?,
        error: row.error,
        created_at: row.created_at.to_jiff(),
    }))
}

async fn go_on(tx: &mut Tx, failed: &Failed, complaint: ComplaintId, now: Timestamp, today: Date) -> Result<Option<Way>> {
    let whose = whose(tx, failed, complaint, now).await?;
    let (first, rungs, said_at, tried) = begun(tx, failed, now).await?;
    let (written, own) = match whose.silence {
        Some(_) => (Vec::new(), Vec::new()),
        None => (written(tx, &whose, now, today).await?, own(tx, &whose, now, today).await?),
    };
    let ladder = Ladder { said_at, silence: whose.silence, visibility: whose.visibility, at_office: whose.at_office, tried, written, own };
    let rung = Rung { first, number: rungs + 1, detail: failed.error.as_deref(), now };
    let way = match next(&ladder, now) {
        Next::Send(way, to) => {
            let Some(sent) = send(tx, failed, *to, now).await? else { return Ok(None) };
            rung.write(tx, way, Some(sent), Because::Refused).await?;
            way
        }
        Next::End(way, why) => {
            rung.write(tx, way, None, why).await?;
            if way != Way::Silence {
                open(tx, first, complaint, way == Way::Office, now).await?;
            }
            way
        }
    };
    live::tell(tx, complaint).await?;
    Ok(Some(way))
}

async fn whose(tx: &mut Tx, failed: &Failed, complaint: ComplaintId, now: Timestamp) -> Result<Whose> {
    let to = &failed.draft.to;
    let row = sqlx::query!(
        r#"select citizen, visibility,
          exists (select from staff where role = 'clerk' and office = complaint.account) as "at_office!",
          exists (select from opt_out where address = any($2)) as "opted_out!",
          exists (select from block where adapter = $3 and account = $4 and address = any($2) and until > $5) as "blocked!"
        from complaint
        where id = $1"#,
        complaint.0,
        &ring()?.pseudonyms(&to.address),
        to.adapter.as_str(),
        to.account,
        at(now) as At
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    // The word of `adapter_sdk` for an address whose owner told the platform so.
    let said_so = failed.error.as_deref().is_some_and(|error| error.split(':').next() == Some(Because::OptedOut.as_str()));
    let silence = match (row.opted_out || said_so, row.blocked) {
        (true, _) => Some(Because::OptedOut),
        (false, true) => Some(Because::Blocked),
        (false, false) => None,
    };
    Ok(Whose {
        complaint,
        citizen: CitizenId(row.citizen),
        visibility: known(Visibility::from_word(&row.visibility), "complaint", "visibility")?,
        at_office: row.at_office,
        silence,
    })
}

type Begun = (Uuid, usize, Timestamp, Vec<(AdapterName, Address)>);

/// The ladder that this reply is on, begun with what was tried before it if it is on none: its first reply, how many rungs there are, when it
/// was said first, and where it was sent.
async fn begun(tx: &mut Tx, failed: &Failed, now: Timestamp) -> Result<Begun> {
    let own = failed.draft.id.0;
    let begun = failed.again_of.unwrap_or(own);
    let first = sqlx::query_scalar!("select first from reply_rung where reply = $1 or reply = $2 limit 1", own, begun)
        .fetch_optional(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?
        .unwrap_or(begun);
    let mut rungs = rungs(tx, first).await?;
    for (reply, way, why) in [(begun, Way::Same, Because::Answered), (own, Way::Template, Because::WindowClosed)] {
        if !rungs.contains(&reply) {
            Rung { first, number: rungs.len() + 1, detail: None, now }.write(tx, way, Some(ReplyId(reply)), why).await?;
            rungs.push(reply);
        }
    }
    let rows = sqlx::query!(
        r#"select id, adapter, reply_to, created_at as "created_at: At"
        from reply
        where id = any($1)"#,
        &rungs
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let said_at = rows.iter().find(|row| row.id == first).map_or(failed.created_at, |row| row.created_at.to_jiff());
    let ring = ring()?;
    let tried = rows
        .into_iter()
        .map(|row| {
            let adapter = known(row.adapter.parse().ok(), "reply", "adapter")?;
            Ok((adapter, ring.read_way(REPLY_WAY, row.id, row.reply_to)?.address))
        })
        .collect::<Result<Vec<_>>>()?;
    Ok((first, rungs.len(), said_at, tried))
}

/// The replies of a ladder's rungs.
async fn rungs(tx: &mut Tx, first: Uuid) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(r#"select reply as "reply!" from reply_rung where first = $1 and reply is not null order by number"#, first)
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)
}

/// Open private ways by which this citizen was answered, at addresses that are still theirs; the latest first. An address that names only the
/// message it came with is a page (a form's, a slip's) and reaches nobody.
async fn written(tx: &mut Tx, whose: &Whose, now: Timestamp, today: Date) -> Result<Vec<ReplyTo>> {
    let rows = sqlx::query!(
        // From the citizen to their replies by the index, one look for each thing asked of them: `offset 0` keeps the planner from reading whole
        // tables instead, which it does while nobody has counted their rows.
        r#"select way.id as "id!", way.reply_to as "reply_to!", way.complaint = $2 as "own!"
        from (
          select distinct on (r.adapter, r.reply_to ->> 'address') r.reply_to, r.complaint, r.adapter, r.account, r.created_at, r.id
          from (select id from complaint where citizen = $1 offset 0) c
          cross join lateral (
            select reply.id, reply.reply_to, reply.complaint, reply.adapter, reply.account, reply.created_at
            from reply
            where reply.complaint = c.id
              and reply.reply_to ->> 'audience' = 'private'
            offset 0
          ) r
          order by r.adapter, r.reply_to ->> 'address', r.created_at desc, r.id desc
        ) way
        where not exists (select from channel_pause where channel_pause.adapter = way.adapter and channel_pause.account = way.account)
          and not exists (
            select from channel
            where channel.adapter = way.adapter
              and channel.account = way.account
            having count(*) > 0
              and not bool_or(valid_from <= $3 and (valid_until is null or valid_until >= $3))
          )
        order by way.created_at desc, way.id desc
        limit $4"#,
        whose.citizen.0,
        whose.complaint.0,
        today.to_sqlx() as jiff_sqlx::Date,
        MOST_LOOKED_AT
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let ring = ring()?;
    let mut ways = Vec::with_capacity(rows.len());
    for row in rows {
        let to = ring.read_way(REPLY_WAY, row.id, row.reply_to)?;
        // A conversation about something else is not gone on with.
        ways.push(if row.own { to } else { ReplyTo { thread: None, ..to } });
    }
    let theirs = addresses(tx, whose.citizen).await?;
    ways.retain(|to| theirs.iter().any(|address| normal(address) == normal(&to.address)));
    let mut open = open_to(tx, ways, now).await?;
    open.truncate(MOST_WAYS);
    Ok(open)
}

/// Every address of a citizen, those seen last first.
async fn addresses(tx: &mut Tx, citizen: CitizenId) -> Result<Vec<Address>> {
    let rows = sqlx::query!("select address, sealed from citizen_address where citizen = $1 order by last_seen desc, address", citizen.0)
        .fetch_all(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    let ring = ring()?;
    rows.into_iter().map(|row| ring.open_address(row.address, row.sealed)).collect()
}

/// Of these ways those where nobody asked for silence, that are not blocked, and that are more than the page of one message.
async fn open_to(tx: &mut Tx, ways: Vec<ReplyTo>, now: Timestamp) -> Result<Vec<ReplyTo>> {
    let ring = ring()?;
    let names: Vec<String> = ways.iter().map(|to| ring.pseudonym_lines(&to.address)).collect();
    let adapters: Vec<String> = ways.iter().map(|to| to.adapter.as_str().to_owned()).collect();
    let accounts: Vec<String> = ways.iter().map(|to| to.account.clone()).collect();
    let messages: Vec<String> = ways.iter().map(|to| to.address.path().to_owned()).collect();
    let open = sqlx::query_scalar!(
        r#"select not exists (select from opt_out where opt_out.address = any(way.names))
          and not exists (
            select from block
            where block.adapter = way.adapter
              and block.account = way.account
              and block.address = any(way.names)
              and block.until > $5
          )
          and not exists (
            select from message
            where message.adapter = way.adapter
              and message.account = way.account
              and message.platform_id = way.message
            offset 0
          ) as "open!"
        from (
          select string_to_array(names, E'\n') as names, adapter, account, message, place
          from unnest($1::text[], $2::text[], $3::text[], $4::text[]) with ordinality as asked (names, adapter, account, message, place)
        ) as way
        order by way.place"#,
        &names,
        &adapters,
        &accounts,
        &messages,
        at(now) as At
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(ways.into_iter().zip(open).filter_map(|(to, open)| open.then_some(to)).collect())
}

/// Telephone numbers and mail addresses that a platform vouched for, by channels that may write first; those seen last first.
async fn own(tx: &mut Tx, whose: &Whose, now: Timestamp, today: Date) -> Result<Vec<ReplyTo>> {
    let theirs = addresses(tx, whose.citizen).await?;
    let channels = sqlx::query!(
        "select adapter, account, reaches
        from channel
        where cardinality(reaches) > 0
          and valid_from <= $1
          and (valid_until is null or valid_until >= $1)
          and not exists (
            select from channel_pause
            where channel_pause.adapter = channel.adapter
              and channel_pause.account = channel.account
          )
        order by valid_from, adapter, account",
        today.to_sqlx() as jiff_sqlx::Date
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut ways = Vec::new();
    for address in &theirs {
        for channel in channels.iter().filter(|channel| channel.reaches.iter().any(|kind| kind == address.scheme())) {
            ways.push(ReplyTo {
                adapter: known(channel.adapter.parse().ok(), "channel", "adapter")?,
                account: channel.account.clone(),
                address: address.clone(),
                thread: None,
                audience: model::Audience::Private,
                open_until: None,
            });
        }
    }
    let mut open = open_to(tx, ways, now).await?;
    open.truncate(MOST_WAYS);
    Ok(open)
}

/// The same words there. `None`: this failure was answered already, as a template.
async fn send(tx: &mut Tx, failed: &Failed, to: ReplyTo, now: Timestamp) -> Result<Option<ReplyId>> {
    let facts = model::Facts { settles: false, ..failed.draft.facts.clone() };
    let draft = ReplyDraft { id: ReplyId::new(now), to, cause: failed.draft.id.0, facts, ..failed.draft.clone() };
    reply::insert(tx, &[reply::New { draft: &draft, complaint: failed.complaint, trace: failed.trace, now }]).await?;
    let written = sqlx::query_scalar!(r#"select exists (select from reply where id = $1) as "written!""#, draft.id.0)
        .fetch_one(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(written.then_some(draft.id))
}

/// A rung to be written.
struct Rung<'a> {
    first: Uuid,
    number: usize,
    detail: Option<&'a str>,
    now: Timestamp,
}

impl Rung<'_> {
    async fn write(&self, tx: &mut Tx, way: Way, reply: Option<ReplyId>, why: Because) -> Result<()> {
        sqlx::query!(
            "insert into reply_rung (first, number, way, reply, reason, detail, at)
            values ($1, $2, $3, $4, $5, $6, $7)",
            self.first,
            small(self.number),
            way.as_str(),
            reply.map(|reply| reply.0),
            why.as_str(),
            self.detail,
            at(self.now) as At
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
        Ok(())
    }
}

async fn open(tx: &mut Tx, first: Uuid, complaint: ComplaintId, desk: bool, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "insert into unreached (first, complaint, desk, opened_at)
        values ($1, $2, $3, $4)",
        first,
        complaint.0,
        desk,
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// A complaint whose citizen must be told by a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Which.
    pub complaint: ComplaintId,
    /// Its number.
    pub reference: Reference,
    /// Whether an office took it in.
    pub desk: bool,
    /// Since when it waits.
    pub opened_at: Timestamp,
    /// The replies that reached nobody, the oldest first.
    pub replies: Vec<ReplyId>,
}

/// Complaints with such a task, the oldest first, after so many; at most so many.
pub async fn tasks(db: &PgPool, scope: &Scope, after: i64, most: i64) -> Result<Vec<Task>> {
    let rows = sqlx::query!(
        r#"select u.complaint, c.reference, bool_or(u.desk) as "desk!", min(u.opened_at) as "opened_at!: At",
          array_agg(u.first order by u.first) as "replies!"
        from unreached u
        join complaint c on c.id = u.complaint
        where u.done_at is null
          and ($1::uuid is null or exists (select from dispatch d where d.complaint = c.id and d.agency = $1))
          and ($2::text is null or c.account = $2)
          and shown(c.visibility, $5)
        group by u.complaint, c.reference
        order by min(u.opened_at), u.complaint
        limit $4
        offset $3"#,
        scope.agency(),
        scope.office(),
        after,
        most,
        scope.confided()
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Task {
                complaint: ComplaintId(row.complaint),
                reference: known(row.reference.parse().ok(), "complaint", "reference")?,
                desk: row.desk,
                opened_at: row.opened_at.to_jiff(),
                replies: row.replies.into_iter().map(ReplyId).collect(),
            })
        })
        .collect()
}

/// How many complaints have such a task.
pub async fn count(db: &PgPool, scope: &Scope) -> Result<u64> {
    let count = sqlx::query_scalar!(
        r#"select count(distinct u.complaint) as "count!"
        from unreached u
        join complaint c on c.id = u.complaint
        where u.done_at is null
          and ($1::uuid is null or exists (select from dispatch d where d.complaint = c.id and d.agency = $1))
          and ($2::text is null or c.account = $2)
          and shown(c.visibility, $3)"#,
        scope.agency(),
        scope.office(),
        scope.confided()
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Somebody told the citizen: the tasks about these replies are done. How many were open.
pub async fn done(tx: &mut Tx, complaint: ComplaintId, replies: &[ReplyId], how: Told, by: StaffId, now: Timestamp) -> Result<u64> {
    let replies: Vec<Uuid> = replies.iter().map(|reply| reply.0).collect();
    let written = sqlx::query!(
        "update unreached
        set done_at = $4, how = $3, done_by = $5
        where complaint = $1
          and first = any($2)
          and done_at is null",
        complaint.0,
        &replies,
        how.as_str(),
        at(now) as At,
        by.0
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected())
}

/// A rung as staff see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// From 1.
    pub number: u16,
    /// By which way.
    pub way: Way,
    /// What was sent on it.
    pub reply: Option<ReplyId>,
    /// Why it was taken.
    pub why: Because,
    /// When.
    pub at: Timestamp,
    /// Whether it is a task that is still open.
    pub is_open: bool,
}

/// The ladders of a complaint's replies, by the first of each.
pub async fn of_complaint(db: &PgPool, complaint: ComplaintId) -> Result<HashMap<ReplyId, Vec<Step>>> {
    let rows = sqlx::query!(
        r#"select rung.first, rung.number, rung.way, rung.reply, rung.reason, rung.at as "at: At",
          exists (select from unreached where unreached.first = rung.first and done_at is null) as "waits!"
        from reply
        join reply_rung rung on rung.first = reply.id
        where reply.complaint = $1
        order by rung.first, rung.number"#,
        complaint.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut ladders: HashMap<ReplyId, Vec<Step>> = HashMap::new();
    for row in rows {
        let way = known(Way::from_word(&row.way), "reply_rung", "way")?;
        ladders.entry(ReplyId(row.first)).or_default().push(Step {
            number: u16::try_from(row.number).unwrap_or(u16::MAX),
            way,
            reply: row.reply.map(ReplyId),
            why: known(Because::from_word(&row.reason), "reply_rung", "reason")?,
            at: row.at.to_jiff(),
            is_open: row.waits && matches!(way, Way::Office | Way::Staff),
        });
    }
    Ok(ladders)
}
