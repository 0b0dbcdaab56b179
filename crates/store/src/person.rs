//! What is kept about one person, found, copied and erased because they ask for it. Who they are is proven before anything here is called: by an address
//! that a platform vouches for, or by the code of a complaint's page, which proves that complaint alone.

use model::{Address, CitizenId, Complaint, ComplaintId, Reference, Status, Timestamp, Update};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    audit::{self, Access},
    citizen, complaint,
    contact::{NAME, ring},
    convert::{At, at, known},
    message::{self, RecordedMessage},
    reply::{self, SentReply},
    retention,
};

/// Whose data it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Everything of somebody who proved an address.
    Citizen(CitizenId),
    /// One complaint, of somebody who has its code.
    Complaint(ComplaintId),
}

/// Who has this address; `None`: nobody that we know.
pub async fn by_address(db: &PgPool, address: &Address) -> Result<Option<Subject>> {
    let mut tx = crate::begin(db).await?;
    let known = citizen::known(&mut tx, std::slice::from_ref(address)).await?;
    Ok(known.first().map(|known| Subject::Citizen(known.citizen)))
}

/// A complaint of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theirs {
    /// Which.
    pub id: ComplaintId,
    /// Its number.
    pub reference: Reference,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// How far it is.
    pub status: Status,
    /// Why nothing of it may be erased now, in one word; `None`: it may.
    pub keeps: Option<String>,
}

/// Their complaints, the oldest first.
pub async fn complaints(db: &PgPool, subject: Subject) -> Result<Vec<Theirs>> {
    let mut tx = crate::begin(db).await?;
    theirs(&mut tx, subject).await
}

/// Their numbers.
pub(crate) async fn numbers(tx: &mut Tx, subject: Subject) -> Result<Vec<Reference>> {
    Ok(theirs(tx, subject).await?.into_iter().map(|one| one.reference).collect())
}

async fn theirs(tx: &mut Tx, subject: Subject) -> Result<Vec<Theirs>> {
    let (citizen, one) = match subject {
        Subject::Citizen(id) => (Some(id.0), None),
        Subject::Complaint(id) => (None, Some(id.0)),
    };
    let rows = sqlx::query!(
        r#"select id, reference, opened_at as "opened_at: At", status, keeps(complaint)
        from complaint
        where citizen = $1 or id = $2
        order by opened_at, id"#,
        citizen,
        one
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            Ok(Theirs {
                id: ComplaintId(row.id),
                reference: known(row.reference.parse().ok(), "complaint", "reference")?,
                opened_at: row.opened_at.to_jiff(),
                status: known(Status::from_word(&row.status), "complaint", "status")?,
                keeps: row.keeps,
            })
        })
        .collect()
}

/// Why nothing of a complaint may be erased now, in one word; `None`: it may.
pub async fn keeps(tx: &mut Tx, complaint: ComplaintId) -> Result<Option<String>> {
    let word = sqlx::query_scalar!("select keeps(complaint) from complaint where id = $1", complaint.0);
    Ok(word.fetch_optional(&mut **tx).await.map_err(StoreError::from_sqlx)?.flatten())
}

/// An address somebody has or had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAddress {
    /// The address.
    pub address: Address,
    /// Since when we know it.
    pub since: Timestamp,
    /// When they used it last, or until when it was theirs.
    pub until: Timestamp,
    /// Whether it was theirs once and is not any more.
    pub former: bool,
    /// Whether they asked for silence there.
    pub silent: bool,
}

/// One complaint with everything that was said about it.
#[derive(Debug)]
pub struct Told {
    /// The complaint.
    pub complaint: Complaint,
    /// What its citizen sent.
    pub messages: Vec<RecordedMessage>,
    /// What they were told.
    pub replies: Vec<SentReply>,
    /// Every step.
    pub history: Vec<Update>,
    /// Who had to do with what is personal of it.
    pub accesses: Vec<Access>,
    /// Why it may not be erased now.
    pub keeps: Option<String>,
}

/// Everything that is kept about somebody.
#[derive(Debug)]
pub struct Everything {
    /// What they call themselves; not told to who has a complaint's code only.
    pub name: Option<String>,
    /// Where they wrote from; not told to who has a complaint's code only.
    pub addresses: Vec<KnownAddress>,
    /// Their complaints, the oldest first.
    pub complaints: Vec<Told>,
}

/// Reads all of it.
pub async fn everything(db: &PgPool, subject: Subject) -> Result<Everything> {
    let mut told = Vec::new();
    for one in complaints(db, subject).await? {
        let Some(complaint) = complaint::load(db, one.id).await? else { continue };
        told.push(Told {
            messages: message::of_complaint(db, one.id).await?,
            replies: reply::of_complaint(db, one.id).await?,
            history: complaint::history(db, one.id).await?,
            accesses: audit::accesses(db, &one.reference.to_string()).await?,
            complaint,
            keeps: one.keeps,
        });
    }
    let (name, addresses) = match subject {
        Subject::Citizen(id) => (name(db, id).await?, addresses(db, id).await?),
        Subject::Complaint(_) => (None, Vec::new()),
    };
    Ok(Everything { name, addresses, complaints: told })
}

async fn name(db: &PgPool, citizen: CitizenId) -> Result<Option<String>> {
    let kept = sqlx::query_scalar!("select name from citizen where id = $1", citizen.0);
    let kept = kept.fetch_optional(db).await.map_err(StoreError::from_sqlx)?.flatten();
    let ring = ring()?;
    kept.map(|name| ring.open(NAME, citizen.0.as_bytes(), name)).transpose()
}

async fn addresses(db: &PgPool, citizen: CitizenId) -> Result<Vec<KnownAddress>> {
    let rows = sqlx::query!(
        r#"select address as "address!", sealed, since as "since!: At", until as "until!: At", former as "former!",
          exists (select from opt_out where opt_out.address = known.address) as "silent!"
        from (
          select address, sealed, first_seen as since, last_seen as until, false as former from citizen_address where citizen = $1
          union all
          select address, sealed, first_seen, until, true from former_address where citizen = $1
        ) as known
        order by since, address"#,
        citizen.0
    )
    .fetch_all(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    let ring = ring()?;
    rows.into_iter()
        .map(|row| {
            let address = ring.open_address(row.address, row.sealed)?;
            Ok(KnownAddress { address, since: row.since.to_jiff(), until: row.until.to_jiff(), former: row.former, silent: row.silent })
        })
        .collect()
}

/// What became of a request to erase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// Complaints that are bare now: category, area, times, agencies and status are left of them.
    pub erased: Vec<Theirs>,
    /// Those that the law or the work keeps, and why.
    pub kept: Vec<Theirs>,
    /// Whether name and addresses are gone too: nothing else of them was left.
    pub forgotten: bool,
}

/// Erases all of somebody that may be erased, as this request asks. Files in storage are on a work list afterwards ([`retention::files_left`]).
pub async fn erase(tx: &mut Tx, subject: Subject, request: Uuid, now: Timestamp) -> Result<Erased> {
    let before: Vec<Uuid> = theirs(tx, subject).await?.into_iter().map(|one| one.id.0).collect();
    let mut citizens = retention::lock(tx, &before).await?;
    if let Subject::Citizen(id) = subject {
        citizens.push(id.0);
    }
    // As it is now that nobody else writes.
    let (erased, kept): (Vec<Theirs>, Vec<Theirs>) = theirs(tx, subject).await?.into_iter().partition(|one| one.keeps.is_none());
    let ids: Vec<Uuid> = erased.iter().map(|one| one.id.0).collect();
    for data in ["files", "words", "contact"] {
        retention::erase(tx, data, &ids, now).await?;
    }
    sqlx::query!(
        "insert into removed (complaint, data, at, request)
        select complaint, data, $2, $3 from unnest($1::uuid[]) as complaint, unnest(array['contact', 'words', 'files']) as data
        on conflict (complaint, data) do update set at = excluded.at, rule = null, request = excluded.request",
        &ids,
        at(now) as At,
        request
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let forgotten = retention::forget_citizens(tx, &citizens, now).await? > 0;
    Ok(Erased { erased, kept, forgotten })
}
