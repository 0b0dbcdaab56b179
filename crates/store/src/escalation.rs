//! Who is told that a clock ends or ended: the rules, who sits where, what was done, and the mails and messages that say so.
//!
//! One look at some complaints is one transaction: the rows that say that somebody was told, the steps in the histories, the mails and messages to be sent, the
//! marks of missed clocks, and when to look again are written together or not at all. A process that dies in the middle leaves nothing behind.

use std::collections::HashSet;

use jiff::civil::Date;
use model::{
    Actor, Complaint, ComplaintId, Decision, Directory, EscalationId, Timestamp, Update, UpdateId, UpdateKind,
    escalation::{Escalated, EscalationRule, Post, Running, look},
};
use uuid::Uuid;

use crate::{
    Result, StoreError, Tx, complaint,
    convert::{At, at},
    missed,
    work_message::{self, About, To},
};

mod follow;
mod mail;
mod posts;
mod rules;

use posts::{Person, Posts, Told, posts};

pub use follow::{Failed, Followed, PATIENCE, failed, follow};
pub use mail::{ClaimedMail, MailedClock, RefusedMail, claim, refused, settle};
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
    /// Messages to telephones, likewise.
    pub messages: u64,
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
    let day = directory.day(now);
    let complaints = complaint::lock_many(tx, ids).await?;
    let known = known_steps(tx, ids).await?;
    let pending = || complaints.iter().flat_map(Complaint::pending);
    let agencies: Vec<Uuid> = pending().map(|dispatch| dispatch.agency.0).collect();
    let officers: Vec<Uuid> = pending().filter_map(|dispatch| dispatch.officer).map(|officer| officer.0).collect();
    let posts = posts(tx, &agencies, &officers, day).await?;
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
    let (mails, messages) = tell(tx, &steps, day, now).await?;
    missed::write(tx, &missed_now).await?;
    write_lines(tx, &lines).await?;
    let nobody = steps.iter().filter(|step| step.reached.is_none()).count() as u64;
    Ok(Done { told: steps.len() as u64 - nobody, nobody, mails, messages })
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

/// Writes the steps into the histories, and what goes out: one mail or message for each address, however many posts somebody has. How many of each.
async fn tell(tx: &mut Tx, steps: &[Step<'_>], day: Date, now: Timestamp) -> Result<(u64, u64)> {
    let (mut mails, mut messages) = (Mails::default(), 0);
    for step in steps {
        let (mut mailed, mut called) = (HashSet::new(), HashSet::new());
        for person in &step.people {
            match person.told(step.rule.way) {
                Told::Mail(email) if mailed.insert(email.to_lowercase()) => mails.add(step.id, person, email),
                Told::Telephone(telephone) if called.insert(telephone.address.to_string()) => {
                    let to = To { adapter: &telephone.adapter, account: &telephone.account, address: &telephone.address };
                    work_message::put(tx, About::Escalation(step.id, person.whose), to, day, now).await?;
                    messages += 1;
                }
                _ => {}
            }
        }
    }
    let mails = mails.write(tx, now).await?;
    let history = |step: &Step<'_>| Decision {
        complaint: step.complaint.clone(),
        updates: vec![step.update(now)],
        replies: Vec::new(),
        missed: Vec::new(),
    };
    complaint::insert_updates(tx, &steps.iter().map(history).collect::<Vec<_>>()).await?;
    Ok((mails, messages))
}

/// Mails to be put on their list.
#[derive(Default)]
struct Mails {
    of: Vec<Uuid>,
    staff: Vec<Option<Uuid>>,
    addresses: Vec<String>,
}

impl Mails {
    fn add(&mut self, of: EscalationId, to: &Person, email: &str) {
        self.of.push(of.0);
        self.staff.push(to.whose.staff());
        self.addresses.push(email.to_owned());
    }

    async fn write(self, tx: &mut Tx, now: Timestamp) -> Result<u64> {
        if self.of.is_empty() {
            return Ok(0);
        }
        let written = sqlx::query!(
            "insert into escalation_mail (escalation, staff, email, state, due_at)
            select escalation, staff, email, 'due', $4
            from unnest($1::uuid[], $2::uuid[], $3::text[]) as new (escalation, staff, email)",
            &self.of,
            &self.staff as &[Option<Uuid>],
            &self.addresses,
            at(now) as At
        )
        .execute(&mut **tx)
        .await
        .map_err(StoreError::from_sqlx)?;
        Ok(written.rows_affected())
    }
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
