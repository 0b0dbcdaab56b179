//! What staff did besides acting on complaints: whom they let in, what they set aside. The history of a complaint is its updates.
//!
//! The entries are a chain: the database gives each a number and the hash of the one before, at the end of the transaction that writes it
//! (migration `…160_audit_chain`). [`verify`] reads it whole and names the first entry that does not fit.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use model::{ComplaintId, Role, StaffId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, at, known},
};

/// One thing somebody did.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its place in the chain, from 1.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// Who, by name; `None`: the program itself.
    pub who: Option<String>,
    /// What: `staff.created`, `parked.dropped`, ….
    pub action: String,
    /// To what: an id or a login, never personal data of a citizen.
    pub subject: String,
    /// What else is worth keeping, such as the reason that was given.
    pub detail: Value,
}

/// Writes an entry, in the transaction of what it tells about: neither is there without the other. The entry is never removed: nothing personal is in
/// it. What somebody typed about a complaint goes through [`write_about`].
pub async fn write(tx: &mut Tx, now: Timestamp, who: Option<StaffId>, action: &str, subject: &str, detail: &Value) -> Result<()> {
    entry(tx, now, who, action, subject, detail).await?;
    Ok(())
}

/// Writes an entry about complaints, the first one by its number. The reason that somebody typed may name people: it stands beside the chain and goes with the
/// words of the first of them that loses them; the chain has the SHA-256 of a salt and the reason, which fits them as long as they are here and tells nothing afterwards.
#[expect(clippy::too_many_arguments, reason = "the columns of a row")]
pub async fn write_about(
    tx: &mut Tx,
    now: Timestamp,
    who: Option<StaffId>,
    action: &str,
    complaints: &[ComplaintId],
    subject: &str,
    mut detail: Value,
    reason: Option<&str>,
) -> Result<()> {
    let salt: [u8; 16] = model::id::random_bytes();
    if let (Some(reason), Value::Object(fields)) = (reason, &mut detail) {
        fields.insert("reason_sha256".to_owned(), json!(fits(&salt, reason)));
    }
    let entry = entry(tx, now, who, action, subject, &detail).await?;
    let Some(reason) = reason else { return Ok(()) };
    sqlx::query!(
        "insert into audit_reason (entry, complaints, salt, words) values ($1, $2, $3, $4)",
        entry,
        &complaints.iter().map(|id| id.0).collect::<Vec<_>>(),
        salt.as_slice(),
        reason
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// What the chain keeps of a reason.
fn fits(salt: &[u8], reason: &str) -> String {
    hex(&Sha256::new().chain_update(salt).chain_update(reason).finalize())
}

async fn entry(tx: &mut Tx, now: Timestamp, who: Option<StaffId>, action: &str, subject: &str, detail: &Value) -> Result<Uuid> {
    let id = model::UpdateId::new(now).0;
    sqlx::query!(
        "insert into audit (id, at, staff, action, subject, detail) values ($1, $2, $3, $4, $5, $6)",
        id,
        at(now) as At,
        who.map(|id| id.0),
        action,
        subject,
        detail,
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(id)
}

/// Somebody who had to do with what is personal of a complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// When.
    pub at: Timestamp,
    /// What: `complaint.unmasked`, `citizen.copied`, ….
    pub action: String,
    /// Who, by what they are; `None`: the program itself, or a command.
    pub role: Option<Role>,
    /// Whom they work for, by name.
    pub agency: Option<String>,
}

/// Who asked who wrote this complaint, took a copy of it or erased it, the first one first. For its citizen: by role and agency, not by name.
pub async fn accesses(db: &PgPool, number: &str) -> Result<Vec<Access>> {
    let rows = sqlx::query!(
        r#"select audit.at as "at: At", audit.action, staff.role as "role?", agency.name as "agency?"
        from audit
        left join staff on staff.id = audit.staff
        left join agency on agency.id = staff.agency
        where audit.subject = $1
          and audit.action in ('complaint.unmasked', 'citizen.found', 'citizen.copied', 'citizen.erased')
        order by audit.number"#,
        number
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let role = row.role.map(|role| known(role.parse().ok(), "staff", "role")).transpose()?;
            Ok(Access { at: row.at.to_jiff(), action: row.action, role, agency: row.agency })
        })
        .collect()
}

/// The latest entries, the newest first; those with numbers below `before`.
pub async fn list(db: &PgPool, before: Option<i64>, most: u16) -> Result<Vec<(Uuid, Entry)>> {
    let rows = sqlx::query!(
        r#"select audit.id, number as "number!", at as "at: At", staff.name as "who?", action, subject, detail,
             audit_reason.words as "reason?"
           from audit
           left join staff on staff.id = audit.staff
           left join audit_reason on audit_reason.entry = audit.id
           where number < $1
           order by number desc
           limit $2"#,
        before.unwrap_or(i64::MAX),
        i64::from(most),
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows
        .into_iter()
        .map(|mut row| {
            let (at, number) = (row.at.to_jiff(), row.number);
            if let (Some(reason), Value::Object(fields)) = (row.reason, &mut row.detail) {
                fields.insert("reason".to_owned(), reason.into());
            }
            (row.id, Entry { number, at, who: row.who, action: row.action, subject: row.subject, detail: row.detail })
        })
        .collect())
}

/// SHA-256.
pub type Hash = [u8; 32];

/// An entry's number and hash. Kept somewhere else, it shows later whether what was written until then is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anchor {
    /// The entry's number; 0 before the first.
    pub number: i64,
    /// Its hash; zeros before the first.
    pub hash: Hash,
}

impl Anchor {
    /// Before the first entry.
    pub const START: Self = Self { number: 0, hash: [0; 32] };
}

/// `17:9f86d0…`
impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, hex(&self.hash))
    }
}

impl FromStr for Anchor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "an anchor is a number, a colon and 64 hexadecimal digits";
        let (number, digits) = text.trim().split_once(':').ok_or(WRONG)?;
        let number: i64 = number.parse().map_err(|_| WRONG)?;
        if number < 0 || digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(WRONG);
        }
        let mut hash = Hash::default();
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| WRONG)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| WRONG)?;
        }
        Ok(Self { number, hash })
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The end of the chain as it is now.
pub async fn anchor(db: &PgPool) -> Result<Anchor> {
    let head = sqlx::query!("select number, hash from audit_chain").fetch_one(db).await.map_err(StoreError::from_sqlx)?;
    Ok(Anchor { number: head.number, hash: whole(&head.hash)? })
}

fn whole(bytes: &[u8]) -> Result<Hash> {
    bytes.try_into().map_err(|_| StoreError::Corrupt { table: "audit_chain", column: "hash" })
}

/// An entry with everything that its hash is made of, as text. What is altered by hand need not fit anything, so that much may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its place.
    pub number: i64,
    /// Its key.
    pub id: Uuid,
    /// When: RFC 3339 in UTC, with six digits of a second.
    pub at: String,
    /// Who, by key.
    pub staff: Option<Uuid>,
    /// Who, by name as it is now; not part of the hash.
    pub who: Option<String>,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// What else: JSON as PostgreSQL writes it.
    pub detail: String,
    /// The hash of the one before.
    pub previous: Vec<u8>,
    /// Its own.
    pub hash: Vec<u8>,
}

impl Link {
    /// The hash that belongs to what it says: see `audit_words` in the migration, which this repeats on its own.
    pub fn computed(&self) -> Hash {
        let mut words = Sha256::new();
        let mut field = |text: Option<&str>| match text {
            Some(text) => words.update(format!("{}:{text}\n", text.len())),
            None => words.update("-\n"),
        };
        field(Some(&self.number.to_string()));
        field(Some(&hex(&self.previous)));
        field(Some(&self.id.to_string()));
        field(Some(&self.at));
        field(self.staff.map(|id| id.to_string()).as_deref());
        field(Some(&self.action));
        field(Some(&self.subject));
        field(Some(&self.detail));
        words.finalize().into()
    }
}

/// How many entries are read at once.
const AT_ONCE: i64 = 2000;

/// The next entries of the chain after one, in its order, whatever their numbers; written between two times if they are given.
pub async fn links(tx: &mut Tx, after: Option<(i64, Uuid)>, from: Option<Timestamp>, until: Option<Timestamp>) -> Result<Vec<Link>> {
    let (number, id) = after.unwrap_or((i64::MIN, Uuid::nil()));
    let rows = sqlx::query!(
        r#"select number as "number!", audit.id, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "at!",
             audit.staff, staff.name as "who?", action, subject, detail::text as "detail!", previous, hash
           from audit left join staff on staff.id = audit.staff
           where number is not null and (number, audit.id) > ($1, $2)
             and ($3::timestamptz is null or at >= $3) and ($4::timestamptz is null or at < $4)
           order by number, audit.id
           limit $5"#,
        number,
        id,
        from.map(at) as Option<At>,
        until.map(at) as Option<At>,
        AT_ONCE,
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let link = rows.into_iter().map(|row| Link {
        number: row.number,
        id: row.id,
        at: row.at,
        staff: row.staff,
        who: row.who,
        action: row.action,
        subject: row.subject,
        detail: row.detail,
        previous: row.previous.unwrap_or_default(),
        hash: row.hash.unwrap_or_default(),
    });
    Ok(link.collect())
}

/// A transaction that sees one moment and changes nothing: what is added meanwhile is not seen.
pub async fn moment(db: &PgPool) -> Result<Tx> {
    let mut tx = crate::begin(db).await?;
    sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *tx).await.map_err(StoreError::from_sqlx)?;
    Ok(tx)
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It does not say what it said when it was written, or stands where another one stood.
    Altered,
    /// It is gone.
    Missing,
    /// It was put there past the program.
    Inserted,
}

/// The first entry that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Which: its number, if it has one.
    pub number: Option<i64>,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// What reading the whole chain showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many entries fit, from the first one on.
    pub fine: i64,
    /// The first one that does not.
    pub fault: Option<Fault>,
    /// The last one that was read and fits: an anchor, if all are fine.
    pub last: Anchor,
}

/// Reads the whole chain as it is at one moment and computes every hash anew. Each anchor is looked for: with one that was kept elsewhere
/// also an end that was cut off, and a chain that was written anew from some place on, show.
pub async fn verify(db: &PgPool, anchors: &[Anchor]) -> Result<Verified> {
    let mut tx = moment(db).await?;
    let head = sqlx::query!("select number, hash from audit_chain").fetch_optional(&mut *tx).await.map_err(StoreError::from_sqlx)?;
    let mut walk = Walk { last: Anchor::START, fine: 0 };
    let mut after = None;
    loop {
        let links = links(&mut tx, after, None, None).await?;
        let Some(end) = links.last() else { break };
        after = Some((end.number, end.id));
        for link in &links {
            if let Err(fault) = walk.step(link, anchors) {
                return Ok(walk.done(Some(fault)));
            }
        }
    }
    let head = head.and_then(|head| Some(Anchor { number: head.number, hash: whole(&head.hash).ok()? }));
    let stray = sqlx::query_scalar!(r#"select exists (select 1 from audit where number is null) as "stray!""#)
        .fetch_one(&mut *tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    let mut fault = walk.end(head, anchors);
    if fault.is_none() && stray {
        fault = Some(Fault { number: None, wrong: Wrong::Inserted });
    }
    Ok(walk.done(fault))
}

/// A walk along the chain.
struct Walk {
    last: Anchor,
    fine: i64,
}

impl Walk {
    fn step(&mut self, link: &Link, anchors: &[Anchor]) -> Result<(), Fault> {
        let fault = |number, wrong| Err(Fault { number: Some(number), wrong });
        let expected = self.last.number + 1;
        if link.number < expected {
            return fault(link.number, Wrong::Inserted);
        }
        if link.number > expected {
            return fault(expected, Wrong::Missing);
        }
        if link.hash != link.computed() {
            return fault(link.number, Wrong::Altered);
        }
        if link.previous != self.last.hash {
            // It fits itself, so it is the one before that is no longer what it was when this one was written.
            self.fine = (self.fine - 1).max(0);
            return fault(self.last.number.max(1), Wrong::Altered);
        }
        let here = Anchor { number: link.number, hash: link.computed() };
        if anchors.iter().any(|anchor| anchor.number == here.number && *anchor != here) {
            return fault(here.number, Wrong::Altered);
        }
        self.last = here;
        self.fine += 1;
        Ok(())
    }

    /// The chain ends where it is known to end.
    fn end(&mut self, head: Option<Anchor>, anchors: &[Anchor]) -> Option<Fault> {
        let last = self.last;
        let furthest = anchors.iter().map(|anchor| anchor.number).chain(head.map(|head| head.number)).max().unwrap_or_default();
        if furthest > last.number {
            return Some(Fault { number: Some(last.number + 1), wrong: Wrong::Missing });
        }
        // Without its end the chain was tampered with, though nobody can say where.
        let Some(head) = head else { return Some(Fault { number: None, wrong: Wrong::Missing }) };
        if head.number < last.number {
            self.fine = head.number;
            return Some(Fault { number: Some(head.number + 1), wrong: Wrong::Inserted });
        }
        if head.hash != last.hash {
            self.fine = (self.fine - 1).max(0);
            return Some(Fault { number: Some(last.number.max(1)), wrong: Wrong::Altered });
        }
        None
    }

    fn done(&self, fault: Option<Fault>) -> Verified {
        Verified { fine: self.fine, fault, last: self.last }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_read_as_it_was_printed_and_nothing_else_is_one() {
        let anchor = Anchor { number: 17, hash: [0xab; 32] };
        assert_eq!(anchor.to_string().parse(), Ok(anchor));
        assert_eq!(format!(" {anchor}\n").parse(), Ok(anchor), "as a file gives it");
        for wrong in ["", "17", "17:ab", "-1:abab", &anchor.to_string()[1..][..30], &anchor.to_string().replace("ab", "xy")] {
            assert!(wrong.parse::<Anchor>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_two_entries_have_the_same_words_by_moving_a_border() {
        let link = |action: &str, subject: &str| Link {
            number: 1,
            id: Uuid::nil(),
            at: "2026-11-20T03:00:00.000000Z".into(),
            staff: None,
            who: None,
            action: action.into(),
            subject: subject.into(),
            detail: "{}".into(),
            previous: vec![0; 32],
            hash: Vec::new(),
        };
        assert_ne!(link("ab", "c").computed(), link("a", "bc").computed());
        assert_ne!(link("a\n1:b", "c").computed(), link("a", "b\n1:c").computed());
    }
}
