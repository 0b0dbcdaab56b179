//! What a clerk may look for before entering: what their own office took in, and of everything else only that it is there. What was
//! told in secret is found by its number alone.

use jiff::Timestamp;
use model::{
    Address, AgencyId, Point, Reference, ReplyKind, StaffId, Status, Visibility,
    desk::{FoundBy, Own, UndeliveredAnswer},
};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError,
    contact::{self, SENDER_NAME, ring},
    convert::{At, at, known, point},
};

/// How much of the citizen's words is shown.
const WORDS: i32 = 240;

/// A complaint that fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its number.
    pub reference: Reference,
    /// How far it is.
    pub status: Status,
    /// Who has it. Empty for a secret one of another office.
    pub agencies: Vec<AgencyId>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// What fits.
    pub by: FoundBy,
    /// What the office may see of its own.
    pub own: Option<Own>,
}

/// A complaint of the same area, to be compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Near {
    /// What may be said of it.
    pub found: Found,
    /// Its whole text and place, for the comparison; never shown.
    pub text: String,
    /// Where it is.
    pub location: Option<Point>,
}

/// Whether this clerk still is one, and of this office: their token says it of this morning.
pub async fn is_clerk(db: &PgPool, staff: StaffId, office: &str) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select exists (select from staff where id = $1 and active and role = 'clerk' and office = $2) as "found!""#,
        staff.0,
        office
    )
    .fetch_one(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(found)
}

struct Row {
    reference: String,
    status: String,
    visibility: String,
    opened_at: At,
    own: bool,
    agencies: Vec<Uuid>,
    words: String,
    place: Option<String>,
    category: Option<String>,
}

impl Row {
    fn found(self, by: FoundBy) -> Result<Found> {
        let secret = known(Visibility::from_word(&self.visibility), "complaint", "visibility")?.is_secret();
        let own = Own { words: self.words, place: self.place, category: self.category };
        Ok(Found {
            reference: known(self.reference.parse().ok(), "complaint", "reference")?,
            status: known(Status::from_word(&self.status), "complaint", "status")?,
            agencies: if secret { Vec::new() } else { self.agencies.into_iter().map(AgencyId).collect() },
            opened_at: self.opened_at.to_jiff(),
            by,
            own: (self.own && !secret).then_some(own),
        })
    }
}

/// The complaint with this number.
pub async fn by_number(db: &PgPool, office: &str, reference: &Reference) -> Result<Option<Found>> {
    let row = sqlx::query_as!(
        Row,
        r#"select c.reference, c.status, c.visibility, c.opened_at as "opened_at: At", c.account = $1 as "own!",
                  array(select d.agency from dispatch d where d.complaint = c.id and d.work <> 'handed_over' order by d.given_at) as "agencies!",
                  left(c.text, $3) as "words!", c.place, c.category
           from complaint c
           where c.reference = $2"#,
        office,
        reference.to_string(),
        WORDS
    )
    .fetch_optional(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    row.map(|row| row.found(FoundBy::Number)).transpose()
}

/// Complaints of somebody with this address: one that a platform vouched for, or one that was written down. The newest first.
pub async fn by_contact(db: &PgPool, office: &str, contact: &Address, most: u16) -> Result<Vec<Found>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select c.reference, c.status, c.visibility, c.opened_at as "opened_at: At", c.account = $1 as "own!",
                  array(select d.agency from dispatch d where d.complaint = c.id and d.work <> 'handed_over' order by d.given_at) as "agencies!",
                  left(c.text, $3) as "words!", c.place, c.category
           from complaint c
           where c.id in (
             select same.id from complaint same join citizen_address a on a.citizen = same.citizen where a.address = any($2)
             union
             select m.complaint from message m where m.contact <> '{}' and m.contact && $2
           )
             and c.visibility in ('public', 'hidden')
           order by c.opened_at desc, c.id desc
           limit $4"#,
        office,
        &ring()?.pseudonyms(contact),
        WORDS,
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(|row| row.found(FoundBy::Contact)).collect()
}

/// The office's own complaints of somebody whose name has all of these words, since a day. The newest first. A part of a word finds nothing: names are
/// sealed, and what they are found by are pseudonyms of whole words.
pub async fn by_name(db: &PgPool, office: &str, name: &str, since: Timestamp, most: u16) -> Result<Vec<Found>> {
    let ring = ring()?;
    let words: Vec<String> = contact::name_words(name).iter().map(|word| ring.name_marks(word).join("\n")).collect();
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query_as!(
        Row,
        r#"select c.reference, c.status, c.visibility, c.opened_at as "opened_at: At", true as "own!",
                  array(select d.agency from dispatch d where d.complaint = c.id and d.work <> 'handed_over' order by d.given_at) as "agencies!",
                  left(c.text, $4) as "words!", c.place, c.category
           from complaint c
           where c.account = $1
             and c.opened_at >= $3
             and c.visibility in ('public', 'hidden')
             and exists (
               select from message m
               where m.complaint = c.id
                 and m.names <> '{}'
                 and not exists (select from unnest($2::text[]) as word (marks) where not m.names && string_to_array(word.marks, E'\n'))
             )
           order by c.opened_at desc, c.id desc
           limit $5"#,
        office,
        &words,
        at(since) as At,
        WORDS,
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(|row| row.found(FoundBy::Name)).collect()
}

/// What was opened in this area since a day and is not settled, the newest first.
pub async fn near(db: &PgPool, office: &str, area: &str, since: Timestamp, most: u16) -> Result<Vec<Near>> {
    let rows = sqlx::query!(
        r#"select c.reference, c.status, c.visibility, c.opened_at as "opened_at: At", c.account = $1 as "own!",
                  array(select d.agency from dispatch d where d.complaint = c.id and d.work <> 'handed_over' order by d.given_at) as "agencies!",
                  c.text, c.place, c.category, c.lat, c.lon
           from complaint c
           where c.area = $2
             and c.opened_at >= $3
             and c.status <> 'resolved'
             and c.visibility in ('public', 'hidden')
           order by c.opened_at desc
           limit $4"#,
        office,
        area,
        at(since) as At,
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let words: String = row.text.chars().take(usize::try_from(WORDS).unwrap_or(0)).collect();
            let text = [Some(row.text.as_str()), row.place.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
            let shown = Row {
                reference: row.reference,
                status: row.status,
                visibility: row.visibility,
                opened_at: row.opened_at,
                own: row.own,
                agencies: row.agencies,
                words,
                place: row.place.clone(),
                category: row.category,
            };
            Ok(Near { found: shown.found(FoundBy::Place)?, text, location: point(row.lat, row.lon) })
        })
        .collect()
}

/// Answers to citizens of this office that did not arrive, and after which none did. The newest first.
pub async fn undelivered(db: &PgPool, office: &str, most: u16) -> Result<Vec<UndeliveredAnswer>> {
    let rows = sqlx::query!(
        r#"select c.reference, c.status, c.visibility, r.kind, r.created_at as "created_at: At", m.id as "message?", m.sender_name as "sender_name?",
                  coalesce(m.contact, '{}') as "contact!", m.contact_sealed as "contact_sealed?"
           from reply r
           join complaint c on c.id = r.complaint
           left join lateral (
             select m.id, m.sender_name, m.contact, m.contact_sealed from message m where m.complaint = c.id order by m.recorded_at, m.id limit 1
           ) m on true
           where c.account = $1
             and shown(c.visibility, false)
             and (r.receipt = 'failed' or r.state = 'withheld')
             and not exists (select from unreached told where told.complaint = c.id and told.done_at >= r.created_at)
             and not exists (
               select from reply later
               where later.complaint = c.id and later.created_at > r.created_at and later.receipt in ('sent', 'delivered', 'read')
             )
           order by r.created_at desc, r.id desc
           limit $2"#,
        office,
        i64::from(most)
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let ring = ring()?;
    rows.into_iter()
        .map(|row| {
            let secret = known(Visibility::from_word(&row.visibility), "complaint", "visibility")?.is_secret();
            let (name, contact) = match row.message.filter(|_| !secret) {
                Some(message) => (
                    row.sender_name.map(|name| ring.open(SENDER_NAME, message.as_bytes(), name)).transpose()?,
                    ring.open_contact(message, row.contact, row.contact_sealed)?,
                ),
                None => (None, Vec::new()),
            };
            Ok(UndeliveredAnswer {
                reference: known(row.reference.parse().ok(), "complaint", "reference")?,
                kind: known(ReplyKind::from_word(&row.kind), "reply", "kind")?,
                at: row.created_at.to_jiff(),
                status: known(Status::from_word(&row.status), "complaint", "status")?,
                name,
                contact,
            })
        })
        .collect()
}
