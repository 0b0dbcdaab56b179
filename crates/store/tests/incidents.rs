//! Incidents against a real PostgreSQL: what is joined, suggested, parted and taken back.

use model::{
    Actor, Address, CitizenId, ComplaintId, Inbound, Language, MessageId, MessageKey, Opening, Role, Timestamp, TraceId, TrackingCode,
    Triaged, Visibility,
    incident::{self as rules, Change, Reason, Side, StepKind, Suggestion, SuggestionState},
};
use servers::testing::TestDatabase;
use sqlx::Row as _;
use store::{
    PgPool, StoreError, citizen, complaint, directory,
    incident::{self, NewStep},
    likeness::{self, Reach},
    message,
    queue::Scope,
    staff,
};

const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);

/// Nanoseconds that no table keeps.
fn after(minutes: i64) -> Timestamp {
    NOW + jiff::SignedDuration::from_mins(minutes) + jiff::SignedDuration::from_nanos(123)
}

struct World {
    _database: TestDatabase,
    db: PgPool,
    staff: Actor,
}

impl World {
    async fn new() -> Self {
        let database = servers::testing::database("store_incidents", prepare).await;
        let db = store::connect(&database.url(), 8).await.expect("connects");
        let new = staff::NewStaff {
            login: "triase".into(),
            name: "Tri Triase".into(),
            role: Role::Triage,
            agency: None,
            office: None,
            language: Language::Id,
        };
        let mut tx = store::begin(&db).await.expect("begins");
        let id = staff::create(&mut tx, &new, "no password fits", NOW).await.expect("is written").expect("is new");
        store::commit(tx).await.expect("commits");
        Self { _database: database, db, staff: Actor::Staff { id, role: Role::Triage, agency: None } }
    }

    /// A complaint of its own citizen, recorded so many minutes after [`NOW`].
    async fn opened(&self, minutes: i64, text: &str, visibility: Visibility) -> ComplaintId {
        let at = after(minutes);
        let inbound = inbound(&format!("m{minutes}"), text, at);
        let (citizen, message) = (CitizenId::new(at), MessageId::new(at));
        let opening = Opening {
            citizen,
            message,
            reference: inbound.reference,
            tracking: TrackingCode::random(),
            adapter: inbound.key.adapter.clone(),
            account: inbound.key.account.clone(),
            text: inbound.text.clone(),
            place: Some("jl melati".into()),
            location: None,
            visibility,
            language: Language::Id,
            reply_to: None,
            opened_at: at,
            triaged: Triaged::default(),
            held: None,
            trace: TraceId::random(),
        };
        let directory = directory::load(&self.db).await.expect("loads");
        let decision = model::open(opening, &directory, at);
        let seen = citizen::Seen {
            id: citizen,
            is_new: true,
            name: None,
            language: Language::Id,
            new_addresses: inbound.sender.clone(),
            used_addresses: Vec::new(),
        };
        let id = decision.complaint.id;
        let new = message::New { id: message, inbound: &inbound, citizen, complaint: Some(id), cut: None, trace: decision.complaint.trace };
        let mut tx = store::begin(&self.db).await.expect("begins");
        citizen::write(&mut tx, &[seen], at).await.expect("is written");
        message::insert(&mut tx, &[new], at).await.expect("is written");
        complaint::write(&mut tx, &decision).await.expect("is written");
        store::commit(tx).await.expect("commits");
        id
    }

    async fn sides(&self, ids: &[ComplaintId]) -> Vec<Side> {
        let mut tx = store::begin(&self.db).await.expect("begins");
        let found = incident::sides(&mut tx, ids).await.expect("is read");
        ids.iter().map(|id| found.iter().find(|side| side.complaint == *id).expect("is there").clone()).collect()
    }

    async fn write(&self, kind: StepKind, change: &Change, minutes: i64) -> Result<(), StoreError> {
        let undoes = None;
        let mut tx = store::begin(&self.db).await.expect("begins");
        incident::write(&mut tx, &[NewStep { kind, change, by: self.staff, at: after(minutes), undoes, reason: None }]).await?;
        store::commit(tx).await
    }

    async fn join(&self, one: ComplaintId, other: ComplaintId, minutes: i64) {
        let sides = self.sides(&[one, other]).await;
        let pair = self.pair(one, other).await;
        let change = rules::join(&sides[0], &sides[1], pair, None, self.staff, after(minutes)).expect("is allowed");
        self.write(StepKind::Joined, &change, minutes).await.expect("is written");
    }

    async fn pair(&self, one: ComplaintId, other: ComplaintId) -> Option<Suggestion> {
        let mut tx = store::begin(&self.db).await.expect("begins");
        incident::pairs(&mut tx, &[one, other]).await.expect("is read").pop()
    }

    async fn split(&self, id: ComplaintId, minutes: i64) {
        let side = self.sides(&[id]).await.remove(0);
        let ids: Vec<ComplaintId> = side.members.iter().map(|member| member.complaint).collect();
        let mut tx = store::begin(&self.db).await.expect("begins");
        let pairs = incident::pairs(&mut tx, &ids).await.expect("is read");
        let pairs = pairs.into_iter().filter(|pair| pair.complaint == id || pair.other == id).collect();
        let change = rules::split(&side, &self.sides(&ids).await, pairs, self.staff, after(minutes)).expect("is allowed");
        drop(tx);
        self.write(StepKind::Split, &change, minutes).await.expect("is written");
    }

    /// Takes back the latest step about a complaint.
    async fn undo(&self, about: ComplaintId, minutes: i64) -> Result<(), StoreError> {
        let step = incident::steps(&self.db, &[about], 1).await.expect("is read").remove(0);
        let mut tx = store::begin(&self.db).await.expect("begins");
        let change = incident::changed(&mut tx, step.id).await.expect("is read").ok_or(StoreError::Stale)?.reversed();
        let at = after(minutes);
        incident::write(
            &mut tx,
            &[NewStep { kind: StepKind::Undone, change: &change, by: self.staff, at, undoes: Some(step.id), reason: None }],
        )
        .await?;
        store::commit(tx).await
    }

    async fn suggest(&self, complaint: ComplaintId, other: ComplaintId, percent: u8) {
        let pair = Suggestion {
            complaint,
            other,
            percent,
            reasons: vec![Reason::Area, Reason::Hours { hours: 3 }],
            at: NOW,
            state: SuggestionState::Open,
            by: None,
            decided_at: None,
        };
        let mut tx = store::begin(&self.db).await.expect("begins");
        incident::suggest(&mut tx, &[pair]).await.expect("is kept");
        store::commit(tx).await.expect("commits");
    }

    /// Every row of what joining may touch, and of the complaints themselves.
    async fn rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for table in ["incident", "incident_member", "suggestion", "complaint", "update", "dispatch", "reply"] {
            let statement = format!("select '{table} ' || to_jsonb(t)::text as line from {table} t order by 1");
            let found = sqlx::query(sqlx::AssertSqlSafe(statement)).fetch_all(&self.db).await.expect("is read");
            rows.extend(found.iter().map(|row| row.get::<String, _>("line")));
        }
        rows
    }
}

async fn prepare(url: String) -> Result<(), StoreError> {
    let db = store::connect(&url, 1).await?;
    store::migrate(&db).await?;
    db.close().await;
    Ok(())
}

fn inbound(id: &str, text: &str, at: Timestamp) -> Inbound {
    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: id.into() };
    let address: Address = format!("chat:{id}").parse().expect("an address");
    Inbound { reply_to: None, ..Inbound::private(key, address, text, at) }
}

#[tokio::test]
async fn every_act_on_incidents_can_be_taken_back_and_leaves_the_rows_as_they_were() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(world.opened(n, "banjir", Visibility::Hidden).await);
    }
    world.suggest(ids[1], ids[0], 71).await;
    world.suggest(ids[4], ids[2], 62).await;
    let nothing = world.rows().await;

    world.join(ids[1], ids[0], 10).await;
    let two = world.rows().await;
    assert_ne!(two, nothing);
    world.undo(ids[1], 11).await.expect("is taken back");
    assert_eq!(world.rows().await, nothing, "joined, and taken back");
    world.undo(ids[1], 12).await.expect("is taken back");
    assert_eq!(world.rows().await, two, "the way back, taken back");

    world.join(ids[2], ids[3], 13).await;
    world.join(ids[4], ids[2], 14).await;
    let (apart, three) = (world.rows().await, ids[2]);
    world.join(three, ids[0], 15).await;
    let all = world.sides(&ids).await;
    assert!(all.iter().all(|side| side.members.len() == 5 && side.incident == all[0].incident));
    let whole = world.rows().await;
    world.undo(three, 16).await.expect("is taken back");
    assert_eq!(world.rows().await, apart, "two incidents that became one are two again");
    world.undo(three, 17).await.expect("is taken back");
    assert_eq!(world.rows().await, whole);

    for id in [ids[0], ids[4]] {
        world.split(id, 18).await;
        assert!(world.sides(&[id]).await[0].incident.is_none());
        world.undo(id, 19).await.expect("is taken back");
        assert_eq!(world.rows().await, whole, "split off, and taken back");
    }
}

#[tokio::test]
async fn a_step_is_taken_back_once_and_not_after_what_came_later() {
    let world = World::new().await;
    let (a, b, c) = (
        world.opened(0, "x", Visibility::Hidden).await,
        world.opened(1, "y", Visibility::Hidden).await,
        world.opened(2, "z", Visibility::Hidden).await,
    );
    world.join(a, b, 10).await;
    let first = incident::steps(&world.db, &[a], 1).await.expect("is read").remove(0);
    world.join(c, a, 11).await;
    world.split(b, 12).await;
    let rows = world.rows().await;
    let mut tx = store::begin(&world.db).await.expect("begins");
    let change = incident::changed(&mut tx, first.id).await.expect("is read").expect("is there").reversed();
    let undo = NewStep { kind: StepKind::Undone, change: &change, by: world.staff, at: after(13), undoes: Some(first.id), reason: None };
    assert!(matches!(incident::write(&mut tx, &[undo]).await, Err(StoreError::Stale)), "somebody else has changed it since");
    drop(tx);
    assert_eq!(world.rows().await, rows);
    world.undo(b, 14).await.expect("the latest can be taken back");
    let steps = incident::steps(&world.db, &[b], 10).await.expect("is read");
    let told: Vec<(StepKind, bool)> = steps.iter().map(|step| (step.kind, step.undone)).collect();
    assert_eq!(told, [(StepKind::Undone, false), (StepKind::Split, true), (StepKind::Joined, false)]);
    assert_eq!(steps[0].who.as_deref(), Some("Tri Triase"));
}

#[tokio::test]
async fn a_complaint_is_in_one_incident_at_most_whoever_is_faster() {
    let world = World::new().await;
    let (a, b, c) = (
        world.opened(0, "x", Visibility::Hidden).await,
        world.opened(1, "y", Visibility::Hidden).await,
        world.opened(2, "z", Visibility::Hidden).await,
    );
    let sides = world.sides(&[a, b, c]).await;
    let first = rules::join(&sides[0], &sides[1], None, None, world.staff, after(5)).expect("is allowed");
    let second = rules::join(&sides[1], &sides[2], None, None, world.staff, after(5)).expect("is allowed");
    world.write(StepKind::Joined, &first, 5).await.expect("is written");
    match world.write(StepKind::Joined, &second, 5).await {
        Err(StoreError::Conflict { constraint }) => assert_eq!(constraint, "incident_member_pkey"),
        other => panic!("{other:?}"),
    }
    assert_eq!(world.sides(&[b]).await[0].members.len(), 2);
}

#[tokio::test]
async fn suggestions_wait_where_both_sides_may_be_seen_and_decided_ones_teach() {
    let world = World::new().await;
    let (a, b, secret) = (
        world.opened(0, "banjir", Visibility::Hidden).await,
        world.opened(1, "genangan", Visibility::Hidden).await,
        world.opened(2, "pungli", Visibility::Secret).await,
    );
    world.suggest(b, a, 80).await;
    world.suggest(a, b, 99).await;
    world.suggest(secret, a, 90).await;
    let waiting = incident::waiting(&world.db, &Scope::Everything, 10).await.expect("is read");
    assert_eq!(waiting.iter().map(|pair| (pair.complaint, pair.other, pair.percent)).collect::<Vec<_>>(), [(b, a, 80)], "one pair, once");
    let nobody = Scope::Agency(model::AgencyId(uuid::Uuid::nil()));
    assert!(incident::waiting(&world.db, &nobody, 10).await.expect("is read").is_empty());

    let change = rules::part(waiting[0].clone(), SuggestionState::Different, world.staff, after(9)).expect("is allowed");
    world.write(StepKind::Different, &change, 9).await.expect("is written");
    assert!(incident::waiting(&world.db, &Scope::Everything, 10).await.expect("is read").is_empty());
    let taught = incident::decided(&world.db, 10).await.expect("is read");
    assert_eq!(
        taught.iter().map(|(one, other, same)| (one.text.as_str(), other.text.as_str(), *same)).collect::<Vec<_>>(),
        [("genangan", "banjir", false)]
    );
}

#[tokio::test]
async fn the_latest_with_a_key_are_found_those_that_share_most_first_and_nothing_confidential() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for n in 0..6 {
        let visibility = if n == 5 { Visibility::Secret } else { Visibility::Hidden };
        ids.push(world.opened(n, "banjir", visibility).await);
    }
    let kept: Vec<(ComplaintId, Vec<i64>)> =
        vec![(ids[0], vec![1, 2, 3]), (ids[1], vec![1]), (ids[2], vec![1]), (ids[3], vec![1]), (ids[4], vec![2]), (ids[5], vec![1, 2])];
    let mut tx = store::begin(&world.db).await.expect("begins");
    likeness::keep(&mut tx, &kept).await.expect("is kept");
    likeness::keep_more(&mut tx, &kept).await.expect("is kept once");
    let asked = vec![vec![(1, 1.0), (2, 2.0)], vec![(9, 1.0)], vec![(3, 1.0)]];
    let reach = Reach { since: NOW, latest: 3, found: 3 };
    let found = likeness::find(&mut tx, &asked, reach).await.expect("is found");
    assert_eq!(found, [(0, ids[5]), (0, ids[4]), (0, ids[0]), (2, ids[0])], "of key 1 only the latest three");
    let late = Reach { since: after(3), ..reach };
    assert_eq!(likeness::find(&mut tx, &asked, late).await.expect("is found"), [(0, ids[5]), (0, ids[4]), (0, ids[3])]);
    let read = likeness::candidates(&mut tx, &[ids[5], ids[0]]).await.expect("is read");
    assert_eq!(read.iter().map(|candidate| candidate.id).collect::<Vec<_>>(), [ids[0]]);
    store::commit(tx).await.expect("commits");
    assert_eq!(likeness::forget(&world.db, after(3), 2).await.expect("forgets"), 2);
    assert_eq!(likeness::forget(&world.db, after(3), 100).await.expect("forgets"), 3);
}
