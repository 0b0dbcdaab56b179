//! What an agency did with an incident reaches each of its complaints: its own rules, its own history, its own answer to its citizen, in
//! their channel and at their level of privacy. In batches, each of them whole: after a kill the rest is done, and nothing twice.

use std::time::Duration;

use bus::Stop;
use jiff::SignedDuration;
use model::{Complaint, ComplaintId, Decision, Directory, Timestamp, decide, incident::Act};
use store::{
    PgPool, StoreError, complaint, connect,
    incident::{self, ClaimedAct},
    likeness, look,
};
use tokio::time::timeout;
use tracing::{info, warn};

use crate::{Rooms, run::now};

/// Complaints of one transaction.
const BATCH: i64 = 50;
/// Longer than a batch takes; whoever dies with one loses it after that.
const LEASE: Duration = Duration::from_mins(1);
/// Keys are asked for during sixty days.
const KEPT: SignedDuration = SignedDuration::from_hours(70 * 24);
/// Keys of one transaction.
const MOST_FORGOTTEN: i64 = 20_000;
/// Between two looks for something to do.
const PAUSE: Duration = Duration::from_secs(1);

/// Looks for acts until `stop`.
pub(crate) async fn run(db: &PgPool, stop: Stop) {
    let mut tidy_at = now();
    while !stop.is_cancelled() {
        if now() >= tidy_at {
            tidy_at = tidied(db, now()).await;
        }
        match timeout(LEASE, act_once(db, now())).await {
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => (),
            Ok(Err(error)) => warn!("What was done with an incident has to wait: {error}."),
            Err(_silent) => warn!("What was done with an incident took too long, and is tried again."),
        }
        tokio::select! {
            () = stop.cancelled() => (),
            () = tokio::time::sleep(PAUSE) => (),
        }
    }
}

/// Forgets the keys and looks of what nothing is compared with any more; when to look again.
async fn tidied(db: &PgPool, now: Timestamp) -> Timestamp {
    let before = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
    let forgotten = async {
        Ok::<u64, StoreError>(likeness::forget(db, before, MOST_FORGOTTEN).await?.max(look::forget(db, before, MOST_FORGOTTEN).await?))
    };
    let all = match forgotten.await {
        Ok(forgotten) => forgotten < MOST_FORGOTTEN.unsigned_abs(),
        Err(error) => {
            warn!("Old keys of complaints have to wait: {error}.");
            true
        }
    };
    let a_day_ago = now.checked_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
    if let Err(error) = store::guard::forget_words(db, a_day_ago, MOST_FORGOTTEN).await {
        warn!("Old words of several senders have to wait: {error}.");
    }
    if let Err(error) = connect::forget(db, a_day_ago).await {
        warn!("Old codes of citizens' pages have to wait: {error}.");
    }
    let pause = if all { SignedDuration::from_hours(1) } else { SignedDuration::from_secs(1) };
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
}

/// Does one act that is due, to the end. `false`: none was.
pub async fn act_once(db: &PgPool, now: Timestamp) -> Result<bool, StoreError> {
    let Some(act) = incident::claim_act(db, now, LEASE).await? else { return Ok(false) };
    let rooms = Rooms::load(db).await?;
    while step_of(db, &act, &rooms.directory, now, BATCH).await? {}
    let mut tx = store::begin(db).await?;
    let (id, kind) = (act.incident, act.act.as_str());
    // Who opens it again means it, also where no complaint of it could be.
    if !matches!(act.act, Act::Reopen(_)) {
        incident::close_if_done(&mut tx, id).await?;
    }
    incident::finish_act(&mut tx, act).await?;
    store::commit(tx).await?;
    info!(incident.id = %id, kind, "Did for every complaint of an incident what an agency did with it.");
    Ok(true)
}

/// One batch of at most so many complaints; `false`: nothing was left.
pub async fn step_of(db: &PgPool, act: &ClaimedAct, directory: &Directory, now: Timestamp, most: i64) -> Result<bool, StoreError> {
    let mut tx = store::begin(db).await?;
    let left = incident::left(&mut tx, act, most).await?;
    if left.is_empty() {
        return Ok(false);
    }
    let (mut decisions, mut outcomes): (Vec<Decision>, Vec<(ComplaintId, String)>) = (Vec::new(), Vec::new());
    for complaint in complaint::lock_many(&mut tx, &left).await? {
        let id = complaint.id;
        match for_one(complaint, act, directory, now) {
            Ok(decision) => {
                decisions.push(decision);
                outcomes.push((id, "done".to_owned()));
            }
            Err(refused) => outcomes.push((id, refused)),
        }
    }
    complaint::write_many(&mut tx, &decisions).await?;
    incident::settle_on(&mut tx, act, &outcomes).await?;
    store::commit(tx).await?;
    Ok(true)
}

fn for_one(complaint: Complaint, act: &ClaimedAct, directory: &Directory, now: Timestamp) -> Result<Decision, String> {
    decide(complaint, act.act.for_one(), act.by, directory, now).map_err(|refused| refused.to_string())
}
