//! Evidence at closing: what photos of the result say of themselves, what speaks against them, and the second pair of eyes that looks at some of what was
//! settled. Something may be *not proven*; nothing is ever called false.

use jiff_sqlx::ToSqlx;
use model::{AgencyId, AttachmentId, ComplaintId, DispatchId, Look, Point, Reference, SAME_LOOK, StaffId, Timestamp};
use sqlx::FromRow;
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    access::Scope,
    convert::{At, at, known, point},
};

/// A photo that was taken further away than this from where the complaint is was taken elsewhere, in metres: telephones in streets are wrong by tens.
pub const FAR: f64 = 500.0;
/// Any number: the key of the lock under which photos are compared, so that of two that are the same the second one sees the first.
const ONE_AT_A_TIME: i64 = 715_213;

/// What a photo's file says of itself. Telephones write it; platforms take it away. That it says nothing speaks neither for nor against it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Says {
    /// When it was taken.
    pub taken_at: Option<Timestamp>,
    /// Where.
    pub place: Option<Point>,
}

/// Why a photo does not prove what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It was taken before somebody complained.
    Older,
    /// The same photo was there before: with another complaint, or sent by the citizen.
    Same,
    /// It was taken elsewhere.
    Far,
}

impl Doubt {
    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Older => "older",
            Self::Same => "same",
            Self::Far => "far",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Older, Self::Same, Self::Far].into_iter().find(|doubt| doubt.as_str() == word)
    }
}

/// Why something settled is looked at once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its citizen had opened it again before.
    Contested,
    /// Something speaks against its photo.
    Unproven,
    /// It is one of those that are looked at anyway.
    Sample,
}

impl Why {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "contested" => Some(Self::Contested),
            "unproven" => Some(Self::Unproven),
            "sample" => Some(Self::Sample),
            _ => None,
        }
    }
}

/// What whoever looked said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Confirmed,
    /// It is not: the complaint is open again.
    SentBack,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::SentBack => "sent_back",
        }
    }
}

/// Writes what a photo of the result says, in the transaction that settles the complaint.
pub async fn keep(tx: &mut Tx, photo: AttachmentId, complaint: ComplaintId, agency: AgencyId, says: &Says) -> Result<()> {
    sqlx::query("insert into closing_photo (attachment, complaint, agency, taken_at, lat, lon) values ($1, $2, $3, $4, $5, $6)")
        .bind(photo.0)
        .bind(complaint.0)
        .bind(agency.0)
        .bind(says.taken_at.map(ToSqlx::to_sqlx))
        .bind(says.place.map(|place| place.lat))
        .bind(says.place.map(|place| place.lon))
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// A photo that was kept and not compared yet.
#[derive(FromRow)]
struct Unjudged {
    attachment: Uuid,
    complaint: Uuid,
    agency: Uuid,
    taken_at: Option<At>,
    lat: Option<f64>,
    lon: Option<f64>,
    sha256: Option<String>,
    look: Option<i64>,
    opened_at: At,
    c_lat: Option<f64>,
    c_lon: Option<f64>,
}

/// Compares photos of the result that were promoted meanwhile, at most so many; how many. What something speaks against is looked at by a
/// second pair of eyes.
pub async fn judge(db: &PgPool, most: i64, now: Timestamp) -> Result<u64> {
    let mut tx = crate::begin(db).await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(ONE_AT_A_TIME).execute(&mut *tx).await.map_err(StoreError::from_sqlx)?;
    let photos: Vec<Unjudged> = sqlx::query_as(
        "select p.attachment, p.complaint, p.agency, p.taken_at, p.lat, p.lon, a.sha256, a.look, c.opened_at, c.lat as c_lat, c.lon as c_lon
        from closing_photo p
        join attachment a on a.id = p.attachment
        join complaint c on c.id = p.complaint
        where p.judged_at is null
          and a.state <> 'due'
        order by p.attachment
        limit $1",
    )
    .bind(most)
    .fetch_all(&mut *tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    for photo in &photos {
        judge_one(&mut tx, photo, now).await?;
    }
    crate::commit(tx).await?;
    Ok(photos.len() as u64)
}

async fn judge_one(tx: &mut Tx, photo: &Unjudged, now: Timestamp) -> Result<()> {
    let look = photo.look.map(|look| Look(look.cast_unsigned()));
    let same_as = match by_bytes(tx, photo).await? {
        Some(other) => Some(other),
        None => match look {
            Some(look) => by_look(tx, photo, look).await?,
            None => None,
        },
    };
    let apart = point(photo.lat, photo.lon).zip(point(photo.c_lat, photo.c_lon)).map(|(taken, wanted)| taken.metres_to(wanted));
    let found = [
        (photo.taken_at.is_some_and(|taken| taken.to_jiff() < photo.opened_at.to_jiff()), Doubt::Older),
        (same_as.is_some(), Doubt::Same),
        (apart.is_some_and(|metres| metres > FAR), Doubt::Far),
    ];
    let doubts: Vec<&str> = found.iter().filter(|(is, _)| *is).map(|(_, doubt)| doubt.as_str()).collect();
    sqlx::query("update closing_photo set judged_at = $2, doubts = $3, same_as = $4 where attachment = $1")
        .bind(photo.attachment)
        .bind(at(now))
        .bind(&doubts)
        .bind(same_as)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    if let Some(look) = look {
        sqlx::query("insert into closing_look (part, attachment, complaint, look) select part, $2, $3, $4 from unnest($1::integer[]) as given (part)")
            .bind(look.parts().as_slice())
            .bind(photo.attachment)
            .bind(photo.complaint)
            .bind(look.0.cast_signed())
            .execute(&mut **tx)
            .await
            .map_err(StoreError::from_sqlx)?;
    }
    if !doubts.is_empty() {
        sqlx::query(
            "insert into review (dispatch, complaint, agency, settled_at, reason)
            select d.id, d.complaint, d.agency, d.settled_at, 'unproven'
            from dispatch d
            where d.complaint = $1
              and d.agency = $2
              and d.work = 'done'
              and d.settled_at is not null
            on conflict (dispatch, settled_at) do update set reason = 'unproven' where review.outcome is null and review.reason = 'sample'",
        )
        .bind(photo.complaint)
        .bind(photo.agency)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    }
    Ok(())
}

/// What is secret is compared with nothing but itself, and nothing with it.
const NOT_SECRET: &str = "(c.id = $2 or c.visibility in ('public', 'hidden')
    and exists (select from complaint own where own.id = $2 and own.visibility in ('public', 'hidden')))";

/// Of what is about the same thing in the world, one photo may show all of it.
const NOT_TOGETHER: &str = " and (found.complaint = $2 or not exists (
    select from incident_member x join incident_member y on y.incident = x.incident where x.complaint = found.complaint and y.complaint = $2))";

/// The complaint that had the very same file earlier.
async fn by_bytes(tx: &mut Tx, photo: &Unjudged) -> Result<Option<Uuid>> {
    let Some(sha256) = &photo.sha256 else { return Ok(None) };
    let mut query = sqlx::QueryBuilder::new(
        "select found.complaint from (
           select coalesce(a.complaint, m.complaint) as complaint, a.id
           from attachment a left join message m on m.id = a.message
           where a.sha256 = $1 and a.id < $3
         ) found join complaint c on c.id = found.complaint
         where ",
    );
    query.push(NOT_SECRET).push(NOT_TOGETHER).push(" order by found.id limit 1");
    query
        .build_query_scalar()
        .bind(sha256)
        .bind(photo.complaint)
        .bind(photo.attachment)
        .fetch_optional(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)
}

/// The complaint with a photo that looks the same.
async fn by_look(tx: &mut Tx, photo: &Unjudged, look: Look) -> Result<Option<Uuid>> {
    let mut query = sqlx::QueryBuilder::new(
        "select found.complaint from (
           select complaint, look from closing_look where part = any($1) and attachment <> $3
           union all
           select complaint, look from look_part where part = any($1)
         ) found join complaint c on c.id = found.complaint
         where bit_count((found.look # $4)::bit(64)) <= $5 and ",
    );
    query.push(NOT_SECRET).push(NOT_TOGETHER).push(" order by found.complaint limit 1");
    let query = query.build_query_scalar().bind(look.asked()).bind(photo.complaint).bind(photo.attachment);
    query.bind(look.0.cast_signed()).bind(i64::from(SAME_LOOK)).fetch_optional(&mut **tx).await.map_err(StoreError::from_sqlx)
}

/// A photo of the result, as whoever looks sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Photo {
    /// Which file.
    pub id: AttachmentId,
    /// What its file says.
    pub says: Says,
    /// How far from the complaint it was taken, in metres, where both are known.
    pub metres: Option<f64>,
    /// What speaks against it; empty also while it was not compared yet.
    pub doubts: Vec<Doubt>,
    /// The complaint that had the same photo.
    pub same_as: Option<ComplaintId>,
    /// Whether it was compared.
    pub judged: bool,
}

/// Something settled that waits for a second pair of eyes.
#[derive(Debug, Clone, PartialEq)]
pub struct Review {
    /// Whose part of which complaint.
    pub dispatch: DispatchId,
    /// Which complaint.
    pub complaint: ComplaintId,
    /// Its number.
    pub reference: Reference,
    /// Who settled it.
    pub agency: AgencyId,
    /// When.
    pub settled_at: Timestamp,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Code of its category.
    pub category: Option<String>,
    /// Why it is looked at.
    pub why: Why,
    /// Who said that it is done …
    pub by: Option<StaffId>,
    /// … their name …
    pub by_name: Option<String>,
    /// … and in which words.
    pub words: Option<String>,
    /// The photo that goes with them.
    pub photo: Option<Photo>,
}

#[derive(FromRow)]
struct Row {
    dispatch: Uuid,
    complaint: Uuid,
    reference: String,
    agency: Uuid,
    settled_at: At,
    opened_at: At,
    category: Option<String>,
    reason: String,
    staff: Option<Uuid>,
    name: Option<String>,
    text: Option<String>,
    photo: Option<Uuid>,
    taken_at: Option<At>,
    lat: Option<f64>,
    lon: Option<f64>,
    c_lat: Option<f64>,
    c_lon: Option<f64>,
    doubts: Option<Vec<String>>,
    same_as: Option<Uuid>,
    judged: bool,
}

/// What waits: settled, not opened again since, not looked at yet, and in the scope.
const OPEN: &str = "from review r join dispatch d on d.id = r.dispatch and d.settled_at = r.settled_at and d.work = 'done'
    join complaint c on c.id = r.complaint
    where r.outcome is null and ($1::uuid is null or r.agency = $1) and ($2::text is null or c.account = $2) and shown(c.visibility, $3)";

/// What waits for a second pair of eyes, the oldest first, after so many; at most so many.
pub async fn reviews(db: &PgPool, scope: &Scope, after: i64, most: i64) -> Result<Vec<Review>> {
    let mut query = sqlx::QueryBuilder::new(
        "select w.*, said.staff, said.text, s.name, p.attachment as photo, p.taken_at, p.lat, p.lon, p.doubts, p.same_as, ",
    );
    query.push("coalesce(p.judged_at is not null, false) as judged from (select r.dispatch, r.complaint, c.reference, r.agency, r.settled_at, c.opened_at, ");
    query
        .push("c.category, r.reason, c.lat as c_lat, c.lon as c_lon ")
        .push(OPEN)
        .push(" order by r.settled_at, r.dispatch offset $4 limit $5) w ");
    // The step that settled it.
    query.push(
        "left join lateral (select u.staff, u.text, u.attachment from update u where u.complaint = w.complaint and u.kind = 'resolved' and u.agency = w.agency
           order by u.at desc, u.id desc limit 1) said on true
         left join staff s on s.id = said.staff left join closing_photo p on p.attachment = said.attachment order by w.settled_at, w.dispatch",
    );
    let rows: Vec<Row> = query
        .build_query_as()
        .bind(scope.agency())
        .bind(scope.office().map(str::to_owned))
        .bind(scope.confided())
        .bind(after)
        .bind(most)
        .fetch_all(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    rows.into_iter().map(into_review).collect()
}

fn into_review(row: Row) -> Result<Review> {
    let place = point(row.lat, row.lon);
    let photo = row.photo.map(|id| Photo {
        id: AttachmentId(id),
        says: Says { taken_at: row.taken_at.map(At::to_jiff), place },
        metres: place.zip(point(row.c_lat, row.c_lon)).map(|(taken, wanted)| taken.metres_to(wanted)),
        doubts: row.doubts.unwrap_or_default().iter().filter_map(|word| Doubt::from_word(word)).collect(),
        same_as: row.same_as.map(ComplaintId),
        judged: row.judged,
    });
    Ok(Review {
        dispatch: DispatchId(row.dispatch),
        complaint: ComplaintId(row.complaint),
        reference: known(row.reference.parse().ok(), "complaint", "reference")?,
        agency: AgencyId(row.agency),
        settled_at: row.settled_at.to_jiff(),
        opened_at: row.opened_at.to_jiff(),
        category: row.category,
        why: known(Why::from_word(&row.reason), "review", "reason")?,
        by: row.staff.map(StaffId),
        by_name: row.name,
        words: row.text,
        photo,
    })
}

/// How many wait.
pub async fn count(db: &PgPool, scope: &Scope) -> Result<u64> {
    let mut query = sqlx::QueryBuilder::new("select count(*) ");
    query.push(OPEN);
    let count: i64 = query
        .build_query_scalar()
        .bind(scope.agency())
        .bind(scope.office().map(str::to_owned))
        .bind(scope.confided())
        .fetch_one(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// What waits for a second pair of eyes.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    /// Whose part.
    pub agency: AgencyId,
    /// When it was settled …
    pub settled_at: Timestamp,
    /// … and by whom.
    pub by: Option<StaffId>,
}

/// What waits under this dispatch; `None`: nothing does, or not any more. Nobody else decides meanwhile.
pub async fn lock(tx: &mut Tx, scope: &Scope, dispatch: DispatchId) -> Result<Option<Waiting>> {
    let mut query =
        sqlx::QueryBuilder::new("select r.agency, r.settled_at, (select u.staff from update u where u.complaint = r.complaint ");
    query.push("and u.kind = 'resolved' and u.agency = r.agency order by u.at desc, u.id desc limit 1) ");
    query.push(OPEN).push(" and r.dispatch = $4 for update of r");
    let found: Option<(Uuid, At, Option<Uuid>)> = query
        .build_query_as()
        .bind(scope.agency())
        .bind(scope.office().map(str::to_owned))
        .bind(scope.confided())
        .bind(dispatch.0)
        .fetch_optional(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(found.map(|(agency, settled, by)| Waiting { agency: AgencyId(agency), settled_at: settled.to_jiff(), by: by.map(StaffId) }))
}

/// The complaint that waits under this dispatch, if it is in the scope.
pub async fn waiting(db: &PgPool, scope: &Scope, dispatch: DispatchId) -> Result<Option<ComplaintId>> {
    let mut query = sqlx::QueryBuilder::new("select r.complaint ");
    query.push(OPEN).push(" and r.dispatch = $4");
    let found: Option<Uuid> = query
        .build_query_scalar()
        .bind(scope.agency())
        .bind(scope.office().map(str::to_owned))
        .bind(scope.confided())
        .bind(dispatch.0)
        .fetch_optional(db)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(found.map(ComplaintId))
}

/// Writes what somebody said who looked.
pub async fn decided(
    tx: &mut Tx,
    dispatch: DispatchId,
    settled_at: Timestamp,
    outcome: Outcome,
    words: &str,
    by: StaffId,
    now: Timestamp,
) -> Result<()> {
    sqlx::query(
        "update review
        set outcome = $3, words = nullif($4, ''), decided_by = $5, decided_at = $6
        where dispatch = $1
          and settled_at = $2
          and outcome is null",
    )
    .bind(dispatch.0)
    .bind(at(settled_at))
    .bind(outcome.as_str())
    .bind(words)
    .bind(by.0)
    .bind(at(now))
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// How many of a hundred things that an agency settles are looked at from now on; `None`: those of agencies that have no number of their own.
/// `false`: no agency has that code.
pub async fn set_rate(tx: &mut Tx, agency: Option<&str>, percent: i16, source: &str, now: Timestamp) -> Result<bool> {
    let written = sqlx::query(
        "insert into review_rate (agency, percent, source, valid_from)
        select a.id, $2, $3, $4
        from (select) one
        left join agency a on a.code = $1
        where $1::text is null or a.id is not null",
    )
    .bind(agency)
    .bind(percent)
    .bind(source)
    .bind(at(now))
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected() == 1)
}

/// Says that a category is settled only with a photo, or no longer; `false`: no category has that code.
pub async fn set_proof(tx: &mut Tx, category: &str, proof: bool) -> Result<bool> {
    let written = sqlx::query("update category set proof = $2 where code = $1")
        .bind(category)
        .bind(proof)
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected() == 1)
}
