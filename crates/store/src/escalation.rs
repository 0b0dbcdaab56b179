//! Who is told that a clock ends or ended: the rules, who sits where, what was done, and the mails that say so.
//!
//! One look at some complaints is one transaction: the rows that say that somebody was told, the steps in the histories, the mails to be sent, the
//! marks of missed clocks, and when to look again are written together or not at all. A process that dies in the middle leaves nothing behind.

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;
use jiff_sqlx::ToSqlx;
use model::{
    Actor, Complaint, ComplaintId, Decision, Directory, EscalationId, Stage, Timestamp, Update, UpdateId, UpdateKind,
    escalation::{Escalated, EscalationRule, Post, Running, Way, look},
};
use uuid::Uuid;

use crate::{
    Result, StoreError, Tx, complaint,
    convert::{At, at},
    missed,
};

mod mail;
mod rules;

pub use mail::{ClaimedMail, claim, refused, settle};
pub use rules::{Holder, NewHolder, NewRule, add, end, end_holder, hold, holders, mails, rules, set_mail};

/// Any number, the same in every process.
const LOCK: i64 = 0x6d75_6172_6100_0185;

/// Makes this process the one that looks, until the transaction ends; `false`: another one does.
pub async fn lock(tx: &mut Tx) -> Result<bool> {
    crate::only_one(tx, LOCK).await
}

/// How long what is new is left alone: no rule means what came in a moment ago.
const AT_FIRST: jiff::SignedDuration = jiff::SignedDuration::from_mins(10);
/// Rows of one page of what is looked at once more after a rule began.
const SWEPT: i64 = 2_000;

/// After a rule began: marks the next page of what is open, so that it is looked at once more. `false`: nothing is left to mark.
pub async fn sweep(tx: &mut Tx) -> Result<bool> {
    let after = sqlx::query_scalar!("select after from escalation_sweep for update").fetch_optional(&mut **tx).await;
    let Some(after) = after.map_err(StoreError::from_sqlx)? else { return Ok(false) };
    let last = sqlx::query_scalar!(
        r#"with page as (
          select id from queue_open where id > $1 order by id limit $2
        ), marked as (
          update queue_open q set look_at = null from page where q.id = page.id and q.look_at is not null
        )
        select id as "id!" from page order by id desc limit 1"#,
        after,
        SWEPT
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    match last {
        Some(last) => sqlx::query!("update escalation_sweep set after = $1", last).execute(&mut **tx).await,
        None => sqlx::query!("delete from escalation_sweep").execute(&mut **tx).await,
    }
    .map_err(StoreError::from_sqlx)?;
    Ok(last.is_some())
}

/// Complaints of which a clock is to be looked at by `now`: at most about `most` of them.
pub async fn due(tx: &mut Tx, now: Timestamp, most: u16) -> Result<Vec<ComplaintId>> {
    let new = now.checked_sub(AT_FIRST).unwrap_or(now);
    let ids = sqlx::query_scalar!(
        r#"(select complaint as "complaint!" from queue_open where look_at <= $1 and look_at < 'infinity' order by look_at limit $3)
        union
        (select complaint from queue_open where look_at is null and opened_at <= $2 order by opened_at limit $3)
        order by 1"#,
        at(now) as At,
        at(new) as At,
        i64::from(most)
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(ids.into_iter().map(ComplaintId).collect())
}

/// What one look did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// How often somebody was told.
    pub told: u64,
    /// How often there was nobody to tell.
    pub nobody: u64,
    /// Mails that are on their way.
    pub mails: u64,
}

/// Somebody who can be told.
#[derive(Debug, Clone)]
struct Person {
    staff: Option<Uuid>,
    email: Option<String>,
}

/// Who sits where, as far as some complaints need it.
#[derive(Debug, Default)]
struct Posts {
    officers: HashMap<Uuid, Person>,
    triage: Vec<Person>,
    supervisors: HashMap<Uuid, Vec<Person>>,
    heads: HashMap<Uuid, Vec<Person>>,
    secretary: Vec<Person>,
    admins: Vec<Person>,
}

impl Posts {
    fn of(&self, post: Post, clock: &Running) -> Vec<&Person> {
        let agency = clock.agency.map(|agency| agency.0).unwrap_or_default();
        match post {
            Post::Officer if clock.stage == Stage::Forward => self.triage.iter().collect(),
            Post::Officer => clock.officer.and_then(|officer| self.officers.get(&officer.0)).into_iter().collect(),
            Post::Supervisor => self.supervisors.get(&agency).into_iter().flatten().collect(),
            Post::Head => self.heads.get(&agency).into_iter().flatten().collect(),
            Post::Secretary => self.secretary.iter().collect(),
            Post::Admin => self.admins.iter().collect(),
        }
    }
}

async fn posts(tx: &mut Tx, complaints: &[Complaint], day: Date) -> Result<Posts> {
    let pending = || complaints.iter().flat_map(Complaint::pending);
    let agencies: Vec<Uuid> = pending().map(|dispatch| dispatch.agency.0).collect();
    let officers: Vec<Uuid> = pending().filter_map(|dispatch| dispatch.officer).map(|officer| officer.0).collect();
    let staff = sqlx::query!(
        r#"select staff.id, role, agency, email as "email?"
        from staff
        left join staff_mail on staff_mail.staff = staff.id
        where active
          and (role in ('triage', 'admin') or (role = 'supervisor' and agency = any($1)) or id = any($2))
        order by staff.id"#,
        &agencies,
        &officers
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    let mut posts = Posts::default();
    for row in staff {
        let person = Person { staff: Some(row.id), email: row.email };
        match (row.role.as_str(), row.agency) {
            ("triage", _) => posts.triage.push(person.clone()),
            ("admin", _) => posts.admins.push(person.clone()),
            ("supervisor", Some(agency)) => posts.supervisors.entry(agency).or_default().push(person.clone()),
            _ => (),
        }
        posts.officers.insert(row.id, person);
    }
    let holders = sqlx::query!(
        "select post, agency, email
        from post_holder
        where (agency is null or agency = any($1))
          and valid_from <= $2
          and (valid_until is null or $2 <= valid_until)
        order by id",
        &agencies,
        day.to_sqlx() as jiff_sqlx::Date
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    for row in holders {
        let person = Person { staff: None, email: Some(row.email) };
        match row.agency {
            Some(agency) => posts.heads.entry(agency).or_default().push(person),
            None => posts.secretary.push(person),
        }
    }
    Ok(posts)
}

/// A rule came to somebody.
struct Step<'a> {
    id: EscalationId,
    complaint: &'a Complaint,
    clock: Running,
    rule: &'a EscalationRule,
    reached: Option<Post>,
    people: Vec<&'a Person>,
}

impl Step<'_> {
    fn update(&self, now: Timestamp) -> Update {
        let told = Escalated { stage: self.clock.stage, due: self.clock.due, asked: self.rule.to, reached: self.reached };
        Update {
            id: UpdateId::new(now),
            at: now,
            by: Actor::System,
            kind: UpdateKind::Escalated,
            agency: self.clock.agency,
            text: Some(told.to_text()),
            to: Vec::new(),
            message: None,
            attachment: None,
        }
    }
}

/// A row of the lists: which, when to look again, and whether somebody was told of a clock of it that still runs.
struct Line {
    id: Uuid,
    next: Option<Timestamp>,
    escalated: bool,
}

/// A clock's name and the rule by which somebody was told of it.
type Key = (Uuid, String, i64, Option<Uuid>, Timestamp);

/// Looks at some complaints. Whoever acts on one of them meanwhile waits, and is seen the next time.
pub async fn look_at(tx: &mut Tx, ids: &[ComplaintId], directory: &Directory, now: Timestamp) -> Result<Done> {
    let rules = rules(&mut **tx).await?;
    let day = now.to_zoned(directory.calendar.zone.time_zone()).date();
    let complaints = complaint::lock_many(tx, ids).await?;
    let known = known_steps(tx, ids).await?;
    let posts = posts(tx, &complaints, day).await?;
    let (mut steps, mut lines, mut missed_now) = (Vec::new(), Vec::new(), Vec::new());
    for complaint in &complaints {
        let running = complaint.running();
        missed_now.extend(complaint.missed(now).into_iter().map(|missed| (complaint.id, missed, now)));
        // In triage a complaint is a row of its own; given back there, it has no clock.
        let rows = complaint.pending().map(|dispatch| Some(dispatch.id)).chain(complaint.pending().next().is_none().then_some(None));
        for row in rows {
            let mut line = Line { id: row.map_or(complaint.id.0, |dispatch| dispatch.0), next: None, escalated: false };
            for clock in running.iter().filter(|clock| clock.dispatch == row) {
                let told = |rule: &EscalationRule| known.contains(&key(complaint, clock, rule));
                let looked = look(clock, complaint, &rules, told, directory, now);
                line.next = [line.next, looked.next].into_iter().flatten().min();
                line.escalated |= !looked.due.is_empty() || rules.iter().any(told);
                steps.extend(looked.due.into_iter().map(|rule| step(complaint, *clock, rule, &posts, now)));
            }
            lines.push(line);
        }
    }
    write_steps(tx, &steps, now).await?;
    let mails = write_mails(tx, &steps, now).await?;
    let histories: Vec<Decision> = steps
        .iter()
        .map(|step| Decision {
            complaint: step.complaint.clone(),
            updates: vec![step.update(now)],
            replies: Vec::new(),
            missed: Vec::new(),
        })
        .collect();
    complaint::insert_updates(tx, &histories).await?;
    missed::write(tx, &missed_now).await?;
    write_lines(tx, &lines).await?;
    let nobody = steps.iter().filter(|step| step.reached.is_none()).count() as u64;
    Ok(Done { told: steps.len() as u64 - nobody, nobody, mails })
}

fn key(complaint: &Complaint, clock: &Running, rule: &EscalationRule) -> Key {
    (complaint.id.0, clock.stage.as_str().to_owned(), rule.id, clock.agency.map(|agency| agency.0), clock.started)
}

fn step<'a>(complaint: &'a Complaint, clock: Running, rule: &'a EscalationRule, posts: &'a Posts, now: Timestamp) -> Step<'a> {
    let reached = rule.to.reached(|post| !posts.of(post, &clock).is_empty());
    let people = reached.map(|post| posts.of(post, &clock)).unwrap_or_default();
    Step { id: EscalationId::new(now), complaint, clock, rule, reached, people }
}

async fn known_steps(tx: &mut Tx, ids: &[ComplaintId]) -> Result<HashSet<Key>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"select complaint, stage, rule, agency, started_at as "started_at: At" from escalation where complaint = any($1)"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(rows.into_iter().map(|row| (row.complaint, row.stage, row.rule, row.agency, row.started_at.to_jiff())).collect())
}

async fn write_steps(tx: &mut Tx, steps: &[Step<'_>], now: Timestamp) -> Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = steps.iter().map(|step| step.id.0).collect();
    let complaints: Vec<Uuid> = steps.iter().map(|step| step.complaint.id.0).collect();
    let stages: Vec<String> = steps.iter().map(|step| step.clock.stage.as_str().to_owned()).collect();
    let rules: Vec<i64> = steps.iter().map(|step| step.rule.id).collect();
    let agencies: Vec<Option<Uuid>> = steps.iter().map(|step| step.clock.agency.map(|agency| agency.0)).collect();
    let started: Vec<At> = steps.iter().map(|step| at(step.clock.started)).collect();
    let due: Vec<At> = steps.iter().map(|step| at(step.clock.due)).collect();
    let asked: Vec<String> = steps.iter().map(|step| step.rule.to.as_str().to_owned()).collect();
    let reached: Vec<Option<String>> = steps.iter().map(|step| step.reached.map(|post| post.as_str().to_owned())).collect();
    sqlx::query!(
        "insert into escalation (id, complaint, stage, rule, agency, started_at, due, at, asked, reached)
        select id, complaint, stage, rule, agency, started_at, due, $10, asked, reached
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::uuid[], $6::timestamptz[], $7::timestamptz[], $8::text[], $9::text[])
          as new (id, complaint, stage, rule, agency, started_at, due, asked, reached)",
        &ids,
        &complaints,
        &stages,
        &rules,
        &agencies as &[Option<Uuid>],
        &started as &[At],
        &due as &[At],
        &asked,
        &reached as &[Option<String>],
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}

/// One mail for each address, however many posts somebody has.
async fn write_mails(tx: &mut Tx, steps: &[Step<'_>], now: Timestamp) -> Result<u64> {
    let (mut of, mut staff, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
    for step in steps.iter().filter(|step| step.rule.way == Way::Email) {
        let mut seen = HashSet::new();
        for (person, email) in step.people.iter().filter_map(|person| Some((person, person.email.as_ref()?))) {
            if seen.insert(email.to_lowercase()) {
                of.push(step.id.0);
                staff.push(person.staff);
                addresses.push(email.clone());
            }
        }
    }
    if of.is_empty() {
        return Ok(0);
    }
    let written = sqlx::query!(
        "insert into escalation_mail (escalation, staff, email, state, due_at)
        select escalation, staff, email, 'due', $4
        from unnest($1::uuid[], $2::uuid[], $3::text[]) as new (escalation, staff, email)",
        &of,
        &staff as &[Option<Uuid>],
        &addresses,
        at(now) as At
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(written.rows_affected())
}

async fn write_lines(tx: &mut Tx, lines: &[Line]) -> Result<()> {
    let ids: Vec<Uuid> = lines.iter().map(|line| line.id).collect();
    let next: Vec<Option<At>> = lines.iter().map(|line| line.next.map(at)).collect();
    let escalated: Vec<bool> = lines.iter().map(|line| line.escalated).collect();
    sqlx::query!(
        "update queue_open q
        set look_at = coalesce(new.look_at, 'infinity'), escalated = new.escalated
        from unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) as new (id, look_at, escalated)
        where q.id = new.id",
        &ids,
        &next as &[Option<At>],
        &escalated
    )
    .execute(&mut **tx)
    .await
    .map_err(StoreError::from_sqlx)?;
    Ok(())
}
