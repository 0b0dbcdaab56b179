//! Earlier complaints that may be about the same thing, found by their keys. What a key is, `triage` knows.

use std::collections::{HashMap, HashSet};

use model::{
    CitizenId, Complaint, ComplaintId, IncidentId, Point, Status, Timestamp,
    incident::{Incident, IncidentState},
};
use uuid::Uuid;

use crate::{
    PgPool, Result, StoreError, Tx,
    convert::{At, known, point},
};

/// Keeps new complaints under their keys, none twice. Without asking what is there already, which costs as much as half of the writing.
pub async fn keep(tx: &mut Tx, new: &[(ComplaintId, Vec<i64>)]) -> Result<()> {
    let (complaints, keys) = pairs(new);
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into likeness (key, complaint)
        select key, complaint
        from unnest($1::bigint[], $2::uuid[]) as new (key, complaint)",
        &keys,
        &complaints
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// Keeps complaints under further keys; what is there already stays.
pub async fn keep_more(tx: &mut Tx, known: &[(ComplaintId, Vec<i64>)]) -> Result<()> {
    let (complaints, keys) = pairs(known);
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into likeness (key, complaint)
        select key, complaint
        from unnest($1::bigint[], $2::uuid[]) as new (key, complaint)
        on conflict do nothing",
        &keys,
        &complaints
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// In the order of the index: neighbours are written together, and two writers never wait for each other in a circle.
fn pairs(kept: &[(ComplaintId, Vec<i64>)]) -> (Vec<Uuid>, Vec<i64>) {
    let mut pairs: Vec<(i64, Uuid)> = kept.iter().flat_map(|(complaint, keys)| keys.iter().map(move |key| (*key, complaint.0))).collect();
    pairs.sort_unstable();
    pairs.into_iter().map(|(key, complaint)| (complaint, key)).unzip()
}

/// How much is read: the same whatever is stored.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    /// Nothing recorded before this.
    pub since: Timestamp,
    /// So many of the latest under each key.
    pub latest: usize,
    /// So many complaints in the end, those that share most.
    pub found: usize,
}

/// For each list of keys with what sharing one says, the complaints that share most: `(place in `asked`, complaint)`, the best first.
///
/// Complaints of one batch share keys: each is read once, and counting is done here, where it costs a tenth of what a statement takes for it.
pub async fn find(tx: &mut Tx, asked: &[Vec<(i64, f32)>], reach: Reach) -> Result<Vec<(usize, ComplaintId)>> {
    let keys: HashSet<i64> = asked.iter().flatten().map(|(key, _)| *key).collect();
    let under = under(tx, keys, reach).await?;
    Ok(asked.iter().enumerate().flat_map(|(place, list)| most_shared(list, &under, reach.found).map(move |found| (place, found))).collect())
}

/// The latest complaints under each key.
async fn under(tx: &mut Tx, keys: HashSet<i64>, reach: Reach) -> Result<HashMap<i64, Vec<Uuid>>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let mut keys: Vec<i64> = keys.into_iter().collect();
    keys.sort_unstable(); // as they lie in the index
    let rows = sqlx::query!(
        r#"select given.key as "key!", array(
            select likeness.complaint
            from likeness
            where likeness.key = given.key
              and likeness.complaint >= $2
            order by likeness.complaint desc
            limit $3
          ) as "complaints!"
        from unnest($1::bigint[]) as given (key)"#,
        &keys,
        first_of(reach.since),
        i64::try_from(reach.latest).unwrap_or(i64::MAX)
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (row.key, row.complaints)).collect())
}

/// Of what lies under these keys, what they say most of; of equals the later.
fn most_shared(list: &[(i64, f32)], under: &HashMap<i64, Vec<Uuid>>, found: usize) -> impl Iterator<Item = ComplaintId> + use<> {
    let mut shares: HashMap<Uuid, f32> = HashMap::new();
    for (key, says) in list {
        for complaint in under.get(key).into_iter().flatten() {
            *shares.entry(*complaint).or_default() += says;
        }
    }
    let mut shares: Vec<(Uuid, f32)> = shares.into_iter().collect();
    shares.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
    shares.truncate(found);
    shares.into_iter().map(|(complaint, _)| ComplaintId(complaint))
}

/// The lowest id that a thing recorded at `time` can have: ids begin with milliseconds.
pub(crate) fn first_of(time: Timestamp) -> Uuid {
    let millis = u128::try_from(time.as_millisecond()).unwrap_or_default();
    Uuid::from_u128(millis << 80)
}

/// Forgets the keys of what was recorded before: nothing is compared with it any more. At most `most` at a time; how many.
pub async fn forget(db: &PgPool, before: Timestamp, most: i64) -> Result<u64> {
    let done = sqlx::query!(
        "delete from likeness
        where ctid = any(array(
          select ctid
          from likeness
          where complaint < $1
          limit $2
        ))",
        first_of(before),
        most
    )
    .execute(db)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(done.rows_affected())
}

/// A complaint as far as it tells what it is about.
#[derive(Clone)]
pub struct Candidate {
    /// Which.
    pub id: ComplaintId,
    /// Whose.
    pub citizen: CitizenId,
    /// Its words.
    pub text: String,
    /// Where it is, in words.
    pub place: String,
    /// Code of its area; empty: unknown.
    pub area: String,
    /// Code of its category.
    pub category: Option<String>,
    /// Where it is.
    pub location: Option<Point>,
    /// When it came.
    pub opened_at: Timestamp,
    /// As its citizen sees it.
    pub status: Status,
    /// Its incident, if it is in one.
    pub incident: Option<Incident>,
}

impl Candidate {
    /// The same of a complaint that is not written yet.
    pub fn of(complaint: &Complaint) -> Self {
        Self {
            id: complaint.id,
            citizen: complaint.citizen,
            text: complaint.text.clone(),
            place: complaint.place.clone().unwrap_or_default(),
            area: complaint.area.clone().unwrap_or_default(),
            category: complaint.category.clone(),
            location: complaint.location,
            opened_at: complaint.opened_at,
            status: complaint.status(),
            incident: None,
        }
    }
}

/// These complaints, without confidential ones: nothing is compared with those.
pub async fn candidates(tx: &mut Tx, ids: &[ComplaintId]) -> Result<Vec<Candidate>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        // One look into the index for each: with a list the planner reads the whole table while nobody has counted its rows.
        r#"select c.id as "id!", c.citizen as "citizen!", c.text as "text!", c.place, c.area, c.category, c.lat, c.lon,
          c.opened_at as "opened_at!: At", c.status as "status!",
          incident.id as "incident?", incident.lead as "lead?", incident.category as incident_category, incident.area as incident_area,
          incident.place as incident_place, incident.opened_at as "incident_opened_at?: At", incident.state as "state?"
        from unnest($1::uuid[]) as asked (id)
        cross join lateral (
          select id, citizen, text, place, area, category, lat, lon, opened_at, status, visibility
          from complaint
          where complaint.id = asked.id
          limit 1
        ) as c
        left join lateral (
          select incident.id, incident.lead, incident.category, incident.area, incident.place, incident.opened_at, incident.state
          from incident_member
          join incident on incident.id = incident_member.incident
          where incident_member.complaint = asked.id
          limit 1
        ) as incident on true
        where c.visibility in ('public', 'hidden')
        order by c.id"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    rows.into_iter()
        .map(|row| {
            let incident = match (row.incident, row.lead, row.incident_opened_at, row.state) {
                (Some(id), Some(lead), Some(opened_at), Some(state)) => Some(Incident {
                    id: IncidentId(id),
                    lead: ComplaintId(lead),
                    category: row.incident_category,
                    area: row.incident_area,
                    place: row.incident_place,
                    opened_at: opened_at.to_jiff(),
                    state: known(IncidentState::from_word(&state), "incident", "state")?,
                }),
                _ => None,
            };
            Ok(Candidate {
                id: ComplaintId(row.id),
                citizen: CitizenId(row.citizen),
                text: row.text,
                place: row.place.unwrap_or_default(),
                area: row.area.unwrap_or_default(),
                category: row.category,
                location: point(row.lat, row.lon),
                opened_at: row.opened_at.to_jiff(),
                status: known(Status::from_word(&row.status), "complaint", "status")?,
                incident,
            })
        })
        .collect()
}

/// Complaints that came with one of these pictures, by SHA-256: `(sum, complaint)`, the latest of each.
pub async fn with_pictures(tx: &mut Tx, sums: &[String], since: Timestamp, latest: usize) -> Result<Vec<(String, ComplaintId)>> {
    if sums.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        r#"select given.sum as "sum!", found.complaint as "complaint!"
        from unnest($1::text[]) as given (sum)
        cross join lateral (
          select message.complaint
          from attachment
          join message on message.id = attachment.message
          where attachment.sha256 = given.sum
            and attachment.kind = 'image'
            and message.complaint >= $2
          order by message.complaint desc
          limit $3
        ) as found"#,
        sums,
        first_of(since),
        i64::try_from(latest).unwrap_or(i64::MAX)
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (row.sum, ComplaintId(row.complaint))).collect())
}

/// What the benchmark of finding fills a store with: a complaint without a citizen's words to us, and its keys.
#[cfg(feature = "bare")]
pub use filling::{Bare, bare_citizen, begin_filling, bytes, fill, settle};

#[cfg(feature = "bare")]
mod filling {
    use model::{CitizenId, ComplaintId, Reference, Timestamp, TraceId, TrackingCode};
    use uuid::Uuid;

    use crate::{
        PgPool, Result, StoreError, aside,
        convert::{At, at},
    };

    /// A complaint as far as finding reads it.
    #[derive(Clone)]
    pub struct Bare {
        /// Which.
        pub id: ComplaintId,
        /// Whose.
        pub citizen: CitizenId,
        /// Its words.
        pub text: String,
        /// Where it is.
        pub place: String,
        /// Code of its area.
        pub area: String,
        /// When it came.
        pub opened_at: Timestamp,
        /// Where it is kept.
        pub keys: Vec<i64>,
    }

    /// Whose all of them are.
    pub async fn bare_citizen(db: &PgPool, id: CitizenId, now: Timestamp) -> Result<()> {
        sqlx::query("insert into citizen (id, created_at) values ($1, $2)")
            .bind(id.0)
            .bind(at(now))
            .execute(db)
            .await
            .map_err(StoreError::from_sqlx)?;
        Ok(())
    }

    /// Before a long filling: sets indexes aside until [`settle`].
    pub async fn begin_filling(db: &PgPool) -> Result<()> {
        aside::indexes(db, &["complaint"], &[]).await?;
        aside::primary_key(db, "likeness").await
    }

    /// Writes complaints and their keys past the triggers, with one commit; only for a superuser of the server.
    pub async fn fill(db: &PgPool, rows: &[Bare]) -> Result<()> {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
        let citizens: Vec<Uuid> = rows.iter().map(|row| row.citizen.0).collect();
        let references: Vec<String> = rows.iter().map(|row| number(row.id).to_string()).collect();
        let codes: Vec<String> = rows.iter().map(|_| TrackingCode::random().as_str().to_owned()).collect();
        let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        let places: Vec<&str> = rows.iter().map(|row| row.place.as_str()).collect();
        let areas: Vec<&str> = rows.iter().map(|row| row.area.as_str()).collect();
        let times: Vec<At> = rows.iter().map(|row| at(row.opened_at)).collect();
        let mut tx = crate::begin(db).await?;
        for setting in ["set local session_replication_role = replica", "set local statement_timeout = 0"] {
            sqlx::query(setting).execute(&mut *tx).await.map_err(StoreError::from_sqlx)?;
        }
        sqlx::query(
            "insert into complaint (id, reference, tracking, citizen, adapter, account, text, area, place, visibility, language, status,
              opened_at, changed_at, why, trace, version)
            select id, reference, tracking, citizen, 'chat', '1', text, area, place, 'hidden', 'id', 'received', at, at, '{}', $9, 1
            from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::timestamptz[])
              as new (id, reference, tracking, citizen, text, area, place, at)",
        )
        .bind(&ids)
        .bind(&references)
        .bind(&codes)
        .bind(&citizens)
        .bind(&texts)
        .bind(&areas)
        .bind(&places)
        .bind(&times)
        .bind(TraceId::random().to_string())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::from_sqlx)?;
        super::keep(&mut tx, &rows.iter().map(|row| (row.id, row.keys.clone())).collect::<Vec<_>>()).await?;
        crate::commit(tx).await
    }

    fn number(id: ComplaintId) -> Reference {
        let key = model::MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: id.to_string() };
        Reference::of(&key, 0)
    }

    /// As after a quiet night.
    pub async fn settle(db: &PgPool) -> Result<()> {
        let mut connection = db.acquire().await.map_err(StoreError::from_sqlx)?.detach();
        for statement in ["set statement_timeout = 0", "set maintenance_work_mem = '1GB'"] {
            sqlx::query(statement).execute(&mut connection).await.map_err(StoreError::from_sqlx)?;
        }
        aside::make_again(&mut connection).await?;
        for statement in ["vacuum analyze likeness", "analyze complaint"] {
            sqlx::query(statement).execute(&mut connection).await.map_err(StoreError::from_sqlx)?;
        }
        Ok(())
    }

    /// What the keys take on disk, with their index.
    pub async fn bytes(db: &PgPool) -> Result<i64> {
        sqlx::query_scalar("select pg_total_relation_size('likeness')").fetch_one(db).await.map_err(StoreError::from_sqlx)
    }
}
