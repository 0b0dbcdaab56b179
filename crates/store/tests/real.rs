//! The statements against a real PostgreSQL, each test in a fresh database.

#[path = "real/ages.rs"]
mod ages;

use std::time::Duration;

use futures::{StreamExt, future::join_all};
use model::{
    Action, Actor, AdapterName, Address, AgencyId, Area, Attachment, AttachmentKind, BlobId, Category, Channel, CitizenId, Complaint,
    ComplaintId, Content, Decision, Directory, DispatchState, Inbound, Language, Limit, MessageId, MessageKey, Moved, Opening, Receipt,
    ReceiptState, Role, StaffId, Stage, Timestamp, TraceId, TrackingCode, Triaged, UpdateKind, Visibility,
    clock::{Amount, Unit, Zone},
};
use servers::testing::TestDatabase;
use store::{
    PgPool, StoreError, attachment, citizen, clocks, complaint,
    consult::Consultation,
    directory::{self, Holiday, Seed, SeedAgency, SeedLimit},
    dispatch::{self, SendKind},
    learned::{self, Back, Decided},
    live, message, missed,
    queue::{self, Asked, Filter, Scope, Start, View},
    reply::{self, ReplyState},
    search::{self, Sought, Word},
    staff,
};

const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);
const LEASE: Duration = Duration::from_mins(1);

fn after(seconds: i64) -> Timestamp {
    NOW + jiff::SignedDuration::from_secs(seconds)
}

struct World {
    _database: TestDatabase,
    db: PgPool,
    directory: Directory,
}

impl World {
    async fn new() -> Self {
        let database = servers::testing::database("store_world", prepare).await;
        let db = store::connect(&database.url(), 8).await.expect("connects");
        let directory = directory::load(&db).await.expect("loads");
        Self { _database: database, db, directory }
    }

    fn agency(&self, code: &str) -> AgencyId {
        self.directory.agencies.values().find(|agency| agency.code == code).expect("is in the seed").id
    }

    /// A complaint of its own citizen, with one photo; the category decides who gets it.
    async fn opened(&self, id: &str, category: Option<&str>) -> Decision {
        self.opened_as(id, category, |_| ()).await
    }

    /// The same, after something was changed before it was written.
    async fn opened_as(&self, id: &str, category: Option<&str>, change: impl FnOnce(&mut Decision)) -> Decision {
        let inbound = inbound(id);
        let (citizen, message) = (CitizenId::new(NOW), MessageId::new(NOW));
        let opening = Opening {
            citizen,
            message,
            reference: inbound.reference,
            tracking: TrackingCode::random(),
            adapter: inbound.key.adapter.clone(),
            account: inbound.key.account.clone(),
            text: inbound.text.clone(),
            place: Some("depan pasar".into()),
            location: model::Point::new(-6.2, 106.8),
            visibility: Visibility::Public,
            language: Language::Id,
            reply_to: inbound.reply_to.clone(),
            opened_at: NOW,
            triaged: Triaged { category: category.map(Into::into), area: Some("3171".into()), ..Triaged::default() },
            held: None,
            trace: TraceId::random(),
        };
        let mut decision = model::open(opening, &self.directory, NOW);
        change(&mut decision);
        let seen = citizen::Seen {
            id: citizen,
            is_new: true,
            name: None,
            language: Language::Id,
            new_addresses: inbound.sender.clone(),
            used_addresses: Vec::new(),
        };
        let new = message::New {
            id: message,
            inbound: &inbound,
            citizen,
            complaint: Some(decision.complaint.id),
            cut: None,
            trace: decision.complaint.trace,
        };
        let mut tx = store::begin(&self.db).await.expect("begins");
        citizen::write(&mut tx, &[seen], NOW).await.expect("is written");
        message::insert(&mut tx, &[new], NOW).await.expect("is written");
        complaint::write(&mut tx, &decision).await.expect("is written");
        store::commit(tx).await.expect("commits");
        decision
    }

    async fn officer(&self, agency: &str) -> Actor {
        self.staff(Role::Officer, Some(self.agency(agency))).await
    }

    async fn staff(&self, role: Role, agency: Option<AgencyId>) -> Actor {
        let new = staff::NewStaff {
            login: format!("{role}.{}", StaffId::new(NOW)),
            name: "Petugas".into(),
            role,
            agency,
            office: None,
            language: Language::Id,
        };
        let mut tx = store::begin(&self.db).await.expect("begins");
        let id = staff::create(&mut tx, &new, "no password fits", NOW).await.expect("is written").expect("is new");
        store::commit(tx).await.expect("commits");
        Actor::Staff { id, role, agency }
    }

    async fn act(&self, id: ComplaintId, action: Action, by: Actor, now: Timestamp) {
        let mut tx = store::begin(&self.db).await.expect("begins");
        let complaint = complaint::lock(&mut tx, id).await.expect("loads").expect("is there");
        let decision = model::decide(complaint, action, by, &self.directory, now).expect("is allowed");
        complaint::write(&mut tx, &decision).await.expect("is written");
        store::commit(tx).await.expect("commits");
    }

    async fn load(&self, id: ComplaintId) -> Complaint {
        complaint::load(&self.db, id).await.expect("loads").expect("is there")
    }
}

async fn prepare(url: String) -> Result<(), StoreError> {
    let db = store::connect(&url, 1).await?;
    store::migrate(&db).await?;
    assert!(directory::seed(&db, &seed(), NOW).await?);
    db.close().await;
    Ok(())
}

fn seed() -> Seed {
    let agency = |code: &str, send_kind: SendKind| SeedAgency {
        code: code.into(),
        name: format!("Dinas {code}"),
        send_kind: send_kind.as_str().into(),
        send_target: Some("https://dinas.example.id".into()),
    };
    let category = |code: &str| Category { code: code.into(), name_id: code.into(), name_en: code.into(), keywords: vec![code.into()] };
    Seed {
        areas: vec![
            (Area { code: "31".into(), name: "Provinsi".into() }, None),
            (Area { code: "3171".into(), name: "Kota".into() }, Some("{}".into())),
        ],
        agencies: vec![agency("roads", SendKind::Queue), agency("parks", SendKind::Webhook)],
        categories: vec![category("road"), category("tree")],
        rules: vec![(Some("road".into()), None, "roads".into()), (Some("tree".into()), Some("31".into()), "parks".into())],
        limits: vec![
            SeedLimit { agency: Some("roads".into()), ..SeedLimit::working_days(3, "aturan") },
            stage(Stage::Forward, 3, Unit::WorkingDays),
            stage(Stage::FirstAnswer, 6, Unit::WorkingHours),
            stage(Stage::Silence, 10, Unit::WorkingDays),
        ],
        holidays: vec![Holiday { day: jiff::civil::date(2026, 12, 25), name: "Natal".into(), source: "SKB".into() }],
        channels: vec![channel("1")],
        ..Seed::default()
    }
}

fn stage(stage: Stage, number: u16, unit: Unit) -> SeedLimit {
    SeedLimit { limit: Limit::new(stage, Amount { number, unit }, "aturan"), agency: None }
}

fn channel(account: &str) -> Channel {
    Channel {
        adapter: "chat".parse().expect("a name"),
        account: account.into(),
        label: "Chat".into(),
        area: Some("3171".into()),
        from: jiff::civil::date(2026, 1, 1),
        until: None,
        hours: None,
    }
}

fn inbound(id: &str) -> Inbound {
    let adapter: AdapterName = "chat".parse().expect("a name");
    let key = MessageKey { adapter: adapter.clone(), account: "1".into(), id: id.into() };
    let address: Address = format!("chat:{id}").parse().expect("an address");
    let content = Content::Quarantined { blob: BlobId(format!("blob-{id}")), bytes: 3, sha256: "00".into() };
    Inbound {
        visibility: Visibility::Public,
        attachments: vec![Attachment { kind: AttachmentKind::Image, mime: None, filename: None, content }],
        ..Inbound::private(key, address, "jalan rusak", NOW)
    }
}

#[tokio::test]
async fn a_complaint_is_read_as_it_was_written() {
    let world = World::new().await;
    let written = world.opened("m1", Some("road")).await.complaint;
    let read = world.load(written.id).await;
    assert_eq!(read, Complaint { version: 1, ..written.clone() });
    assert_eq!(complaint::by_code(&world.db, &written.tracking).await.expect("loads"), Some(read.clone()));
    assert_eq!(complaint::by_reference(&world.db, &written.reference).await.expect("loads"), Some(read));
    assert_eq!(complaint::by_code(&world.db, &TrackingCode::random()).await.expect("loads"), None);
}

#[tokio::test]
async fn a_decision_on_an_older_version_is_stale_and_writes_nothing() {
    let world = World::new().await;
    let id = world.opened("m1", Some("road")).await.complaint.id;
    let officer = world.officer("roads").await;
    let old = world.load(id).await;
    world.act(id, Action::Claim, officer, after(1)).await;
    let late = model::decide(old, Action::Answer { text: "siap".into() }, officer, &world.directory, after(2)).expect("is allowed");
    let mut tx = store::begin(&world.db).await.expect("begins");
    let refused = complaint::write(&mut tx, &late).await;
    assert!(matches!(refused, Err(StoreError::Stale)), "{refused:?}");
    drop(tx);
    assert_eq!(world.load(id).await.version, 2);
    let steps = complaint::history(&world.db, id).await.expect("loads");
    assert!(steps.iter().all(|step| step.kind != UpdateKind::Answered));
}

#[tokio::test]
async fn the_history_tells_who_did_what() {
    let world = World::new().await;
    let id = world.opened("m1", Some("road")).await.complaint.id;
    let officer = world.officer("roads").await;
    world.act(id, Action::Claim, officer, after(1)).await;
    let to = vec![world.agency("parks")];
    world.act(id, Action::HandOver { to: to.clone(), reason: "pohon".into() }, officer, after(2)).await;
    let steps = complaint::history(&world.db, id).await.expect("loads");
    let kinds: Vec<UpdateKind> = steps.iter().map(|step| step.kind).collect();
    assert_eq!(kinds, [UpdateKind::Opened, UpdateKind::Routed, UpdateKind::Claimed, UpdateKind::HandedOver]);
    assert_eq!((steps[0].by, steps[3].by), (Actor::System, officer));
    assert_eq!((&steps[3].to, steps[3].text.as_deref()), (&to, Some("pohon")));
}

#[tokio::test]
async fn who_may_not_sign_in_is_given_no_complaint() {
    let world = World::new().await;
    let opened = world.opened("m1", Some("road")).await.complaint;
    let officer = world.officer("roads").await;
    let Actor::Staff { id, .. } = officer else { unreachable!("an officer is staff") };
    let mut tx = store::begin(&world.db).await.expect("begins");
    assert!(staff::set_active(&mut tx, id, false).await.expect("is written"));
    store::commit(tx).await.expect("commits");
    let mut tx = store::begin(&world.db).await.expect("begins");
    let complaint = complaint::lock(&mut tx, opened.id).await.expect("loads").expect("is there");
    let decision = model::decide(complaint, Action::Claim, officer, &world.directory, NOW).expect("the rules do not know accounts");
    let refused = complaint::write(&mut tx, &decision).await;
    assert!(matches!(&refused, Err(StoreError::Conflict { constraint }) if constraint == "dispatch_with_somebody"), "{refused:?}");
    drop(tx);
    assert_eq!(world.load(opened.id).await.dispatches[0].officer, None);
}

#[tokio::test]
async fn claims_are_not_given_twice_and_come_back_after_the_lease() {
    let world = World::new().await;
    for n in 0..20 {
        world.opened(&format!("m{n}"), Some("tree")).await;
    }
    let take = || async { reply::claim(&world.db, NOW, LEASE, 5).await.expect("claims") };
    let taken = join_all((0..8).map(|_| take())).await.concat_ids();
    assert_eq!(taken.len(), 20);
    assert!(take().await.is_empty());
    let again = reply::claim(&world.db, after(61), LEASE, 100).await.expect("claims");
    assert_eq!(again.len(), 20);
    assert!(again.iter().all(|claimed| claimed.attempts == 2));
}

trait ConcatIds {
    fn concat_ids(self) -> std::collections::HashSet<model::ReplyId>;
}

impl ConcatIds for Vec<Vec<reply::Claimed>> {
    /// Each reply once: twice would be fewer than were given out.
    fn concat_ids(self) -> std::collections::HashSet<model::ReplyId> {
        self.into_iter().flatten().map(|claimed| claimed.draft.id).collect()
    }
}

#[tokio::test]
async fn a_reply_is_settled_only_by_who_holds_its_lease() {
    let world = World::new().await;
    let id = world.opened("m1", Some("road")).await.complaint.id;
    let slow = reply::claim(&world.db, NOW, LEASE, 1).await.expect("claims").remove(0);
    let quick = reply::claim(&world.db, after(61), LEASE, 1).await.expect("claims").remove(0);
    let refused = reply::published(&world.db, slow, "terlambat", after(62)).await;
    assert!(matches!(refused, Err(StoreError::Stale)), "{refused:?}");
    reply::published(&world.db, quick, "sampai", after(62)).await.expect("is noted");
    let sent = reply::of_complaint(&world.db, id).await.expect("loads");
    assert_eq!((sent[0].state, sent[0].text.as_deref()), (ReplyState::Published, Some("sampai")));
    assert!(reply::claim(&world.db, after(600), LEASE, 1).await.expect("claims").is_empty());
}

#[tokio::test]
async fn a_reply_that_the_bus_did_not_take_is_due_again_later() {
    let world = World::new().await;
    world.opened("m1", Some("road")).await;
    let claimed = reply::claim(&world.db, NOW, LEASE, 1).await.expect("claims").remove(0);
    reply::retry(&world.db, claimed, after(30)).await.expect("is noted");
    assert!(reply::claim(&world.db, after(29), LEASE, 1).await.expect("claims").is_empty());
    assert_eq!(reply::claim(&world.db, after(30), LEASE, 1).await.expect("claims").len(), 1);
}

#[tokio::test]
async fn receipts_count_by_their_rank_whatever_their_order() {
    let world = World::new().await;
    let decision = world.opened("m1", Some("road")).await;
    let of = |state| Receipt {
        reply: Some(decision.replies[0].id),
        platform_id: Some("p1".into()),
        adapter: "chat".parse().expect("a name"),
        account: "1".into(),
        state,
        at: NOW,
        file_refused: None,
    };
    let failed = || ReceiptState::Failed { code: "131047".into(), detail: "too late".into() };
    let noted = async |receipts: &[Receipt]| {
        let known = reply::receipts(&world.db, receipts).await.expect("is noted");
        let sent = reply::of_complaint(&world.db, decision.complaint.id).await.expect("loads").remove(0);
        (known, sent.receipt.unwrap_or_default(), sent.error)
    };
    let unknown = || ReceiptState::Unknown { detail: "fell silent".into() };
    assert_eq!(noted(&[of(unknown())]).await, (vec![true], "unknown".into(), Some("fell silent".into())));
    assert_eq!(noted(&[of(ReceiptState::Sent), of(failed())]).await, (vec![true, true], "failed".into(), Some("131047: too late".into())));
    assert_eq!(noted(&[of(ReceiptState::Read), of(ReceiptState::Delivered)]).await, (vec![true, true], "read".into(), None));
    assert_eq!(noted(&[of(failed())]).await.1, "read");
    let by_platform_id = Receipt { reply: None, ..of(ReceiptState::Sent) };
    let other_account = Receipt { account: "2".into(), ..by_platform_id.clone() };
    assert_eq!(noted(&[other_account, by_platform_id]).await.0, [false, true]);
}

#[tokio::test]
async fn a_photo_that_was_refused_is_noted_whenever_it_is_told_and_touches_nothing_else() {
    let world = World::new().await;
    let decision = world.opened("m1", Some("road")).await;
    let told = async |state, file_refused: Option<&str>| {
        let receipt = Receipt {
            reply: Some(decision.replies[0].id),
            platform_id: None,
            adapter: "chat".parse().expect("a name"),
            account: "1".into(),
            state,
            at: NOW,
            file_refused: file_refused.map(str::to_owned),
        };
        reply::receipts(&world.db, &[receipt]).await.expect("is noted");
        let sent = reply::of_complaint(&world.db, decision.complaint.id).await.expect("loads").remove(0);
        (sent.receipt.unwrap_or_default(), sent.error, sent.file_error)
    };
    let refused = || Some("131053: no such picture".to_owned());
    assert_eq!(told(ReceiptState::Delivered, None).await, ("delivered".into(), None, None));
    assert_eq!(told(ReceiptState::Sent, Some("131053: no such picture")).await, ("delivered".into(), None, refused()), "late");
    assert_eq!(told(ReceiptState::Read, None).await, ("read".into(), None, refused()), "and it stays");
}

#[tokio::test]
async fn an_agency_with_only_its_queue_needs_no_sending_and_another_is_told_once() {
    let world = World::new().await;
    world.opened("m1", Some("road")).await;
    let id = world.opened("m2", Some("tree")).await.complaint.id;
    let mut claimed = dispatch::claim(&world.db, NOW, LEASE, 10).await.expect("claims");
    let only = claimed.remove(0);
    assert!(claimed.is_empty());
    assert_eq!((only.complaint.id, only.agency.id, only.send_kind), (id, world.agency("parks"), SendKind::Webhook));
    assert_eq!(only.send_target.as_deref(), Some("https://dinas.example.id"));
    let outcome = dispatch::Outcome::Delivered { agency_reference: Some("A-1".into()) };
    dispatch::settle(&world.db, only, outcome, after(1)).await.expect("is noted");
    assert!(dispatch::claim(&world.db, after(600), LEASE, 10).await.expect("claims").is_empty());
}

#[tokio::test]
async fn a_sending_that_failed_comes_again_and_one_that_was_refused_does_not() {
    let world = World::new().await;
    world.opened("m1", Some("tree")).await;
    let first = dispatch::claim(&world.db, NOW, LEASE, 10).await.expect("claims").remove(0);
    let again = dispatch::Outcome::Retry { after: Duration::from_secs(30), error: "timeout".into() };
    dispatch::settle(&world.db, first, again, after(1)).await.expect("is noted");
    assert!(dispatch::claim(&world.db, after(30), LEASE, 10).await.expect("claims").is_empty());
    let second = dispatch::claim(&world.db, after(31), LEASE, 10).await.expect("claims").remove(0);
    assert_eq!(second.attempts, 2);
    let third = dispatch::claim(&world.db, after(92), LEASE, 10).await.expect("claims").remove(0);
    let lost = dispatch::settle(&world.db, second, dispatch::Outcome::Delivered { agency_reference: None }, after(93)).await;
    assert!(matches!(lost, Err(StoreError::Stale)), "{lost:?}");
    dispatch::settle(&world.db, third, dispatch::Outcome::Refused { error: "410".into() }, after(93)).await.expect("is noted");
    assert!(dispatch::claim(&world.db, after(6_000), LEASE, 10).await.expect("claims").is_empty());
}

#[tokio::test]
async fn an_agency_that_gets_a_complaint_back_is_told_again_by_the_same_dispatch() {
    let world = World::new().await;
    let id = world.opened("m1", Some("tree")).await.complaint.id;
    let (parks, roads) = (world.officer("parks").await, world.officer("roads").await);
    let sent = dispatch::claim(&world.db, NOW, LEASE, 10).await.expect("claims").remove(0);
    let dispatch_id = sent.id;
    dispatch::settle(&world.db, sent, dispatch::Outcome::Delivered { agency_reference: None }, after(1)).await.expect("is noted");
    world.act(id, Action::HandOver { to: vec![world.agency("roads")], reason: "aspal".into() }, parks, after(2)).await;
    world.act(id, Action::HandOver { to: vec![world.agency("parks")], reason: "pohon".into() }, roads, after(3)).await;
    let again = dispatch::claim(&world.db, after(4), LEASE, 10).await.expect("claims").remove(0);
    assert_eq!(again.id, dispatch_id);
    let states: Vec<DispatchState> = again.complaint.dispatches.iter().map(|dispatch| dispatch.state).collect();
    assert_eq!(states, [DispatchState::Open, DispatchState::HandedOver]);
}

#[tokio::test]
async fn what_was_handed_over_before_it_was_sent_is_not_sent() {
    let world = World::new().await;
    let id = world.opened("m1", Some("tree")).await.complaint.id;
    let parks = world.officer("parks").await;
    world.act(id, Action::HandOver { to: vec![world.agency("roads")], reason: "aspal".into() }, parks, after(2)).await;
    assert!(dispatch::claim(&world.db, after(3), LEASE, 10).await.expect("claims").is_empty());
}

#[tokio::test]
async fn an_attachment_is_settled_once_and_found_with_its_complaint() {
    let world = World::new().await;
    let id = world.opened("m1", Some("road")).await.complaint.id;
    let claimed = attachment::claim(&world.db, NOW, LEASE, 10).await.expect("claims").remove(0);
    assert_eq!((claimed.blob.0.as_str(), claimed.complaint), ("blob-m1", Some(id)));
    let file = claimed.id;
    let kept = attachment::Outcome::Kept {
        kind: AttachmentKind::Image,
        media_type: "image/jpeg".into(),
        bytes: 3,
        sha256: "ab".into(),
        width: Some(20),
        height: Some(10),
        original_key: "original/x".into(),
        public_key: Some("public/x".into()),
    };
    attachment::settle(&world.db, claimed, kept, after(1)).await.expect("is noted");
    let (found, owner) = attachment::load(&world.db, file).await.expect("loads").expect("is there");
    assert_eq!((owner, found.state, found.width), (id, attachment::AttachmentState::Kept, Some(20)));
    assert!(attachment::claim(&world.db, after(600), LEASE, 10).await.expect("claims").is_empty());
}

#[tokio::test]
async fn a_file_that_staff_add_goes_through_quarantine_too() {
    let world = World::new().await;
    let id = world.opened("m1", Some("road")).await.complaint.id;
    let file = inbound("staff").attachments.remove(0);
    let mut tx = store::begin(&world.db).await.expect("begins");
    let added = attachment::add_by_staff(&mut tx, id, &file, after(1)).await.expect("is written");
    store::commit(tx).await.expect("commits");
    let due = attachment::claim(&world.db, after(2), LEASE, 10).await.expect("claims");
    assert!(due.iter().any(|claimed| claimed.id == added && claimed.complaint == Some(id)));
    assert_eq!(attachment::by_staff(&world.db, id).await.expect("loads")[0].id, added);
}

#[tokio::test]
async fn the_directory_is_read_as_it_was_seeded_and_seeded_once() {
    let world = World::new().await;
    let directory = &world.directory;
    assert_eq!((directory.areas.len(), directory.agencies.len(), directory.categories.len(), directory.rules.len()), (2, 2, 2, 2));
    let chat: AdapterName = "chat".parse().expect("a name");
    let matter = model::Matter {
        kind: None,
        category: None,
        adapter: &chat,
        account: "1",
        agency: Some(world.agency("roads")),
        on: jiff::civil::date(2026, 11, 20),
    };
    assert_eq!(directory.limit(Stage::Settle, &matter).map(|limit| limit.amount.number), Some(3));
    assert_eq!(directory.channels, [channel("1")]);
    assert!(!directory.calendar.is_working_day(jiff::civil::date(2026, 12, 25)));
    assert_eq!(directory::outlines(&world.db).await.expect("loads"), [("3171".to_owned(), "{}".to_owned())]);
    assert!(!directory::seed(&world.db, &seed(), NOW).await.expect("is asked"));
}

#[tokio::test]
async fn the_version_of_the_directory_moves_with_every_change_and_only_then() {
    let world = World::new().await;
    let version = || async { directory::version(&world.db).await.expect("answers") };
    let before = version().await;
    assert!(directory::add_channel(&world.db, &channel("2"), NOW).await.expect("is added"));
    let after = version().await;
    assert!(after > before);
    world.opened("m1", Some("road")).await;
    assert_eq!(version().await, after);
    assert!(!directory::add_channel(&world.db, &channel("2"), NOW).await.expect("is known"));
    let key = async || directory::first_setting(&world.db, "key", &"a".to_owned()).await.expect("answers");
    key().await;
    let made = version().await;
    key().await;
    assert_eq!(version().await, made, "asking for what is there changes nothing");
}

#[tokio::test]
async fn of_two_programs_that_start_at_once_one_makes_the_key() {
    let world = World::new().await;
    let make = async |value: &'static str| directory::first_setting(&world.db, "staff_key", &value.to_owned()).await.expect("answers");
    let (one, two) = futures::join!(make("a"), make("b"));
    assert_eq!(one, two);
    directory::set_setting(&world.db, "staff_key", &"c").await.expect("is written");
    assert_eq!(directory::setting::<String>(&world.db, "staff_key").await.expect("loads").as_deref(), Some("c"));
    assert_eq!(directory::setting::<String>(&world.db, "nothing").await.expect("loads"), None);
}

#[tokio::test]
async fn pages_that_stay_open_hear_of_every_step_of_every_complaint() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(world.opened(&format!("m{n}"), Some("road")).await.complaint.id);
    }
    let mut heard = live::listen(&world.db).await.expect("listens");
    let officer = world.officer("roads").await;
    for id in &ids {
        world.act(*id, Action::Claim, officer, after(1)).await;
    }
    for id in ids {
        assert_eq!(heard.next().await, Some(id));
    }
}

#[tokio::test]
async fn loops_are_woken_by_what_is_due_and_not_by_what_is_not() {
    let world = World::new().await;
    let mut woken = live::work(&world.db).await.expect("listens");
    world.opened("m1", Some("road")).await;
    assert_eq!(woken.next().await, Some(live::Work::Attachment));
    assert_eq!(woken.next().await, Some(live::Work::Reply), "a queue needs no sending");
    world.opened("m2", Some("tree")).await;
    assert_eq!(woken.next().await, Some(live::Work::Attachment));
    assert_eq!(woken.next().await, Some(live::Work::Dispatch));
}

#[tokio::test]
async fn what_the_schema_refuses_is_told_from_a_database_that_is_away() {
    let world = World::new().await;
    let mut decision = world.opened("m1", Some("road")).await;
    decision.complaint.id = ComplaintId::new(NOW);
    let mut tx = store::begin(&world.db).await.expect("begins");
    let refused = complaint::write(&mut tx, &decision).await;
    assert!(matches!(&refused, Err(StoreError::Conflict { constraint }) if constraint == "complaint_reference_key"), "{refused:?}");
    drop(tx);
    let mut tx = store::begin(&world.db).await.expect("begins");
    decision.complaint.text = "\0".into();
    let refused = complaint::write(&mut tx, &decision).await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    drop(tx);
    world.db.close().await;
    let away = complaint::load(&world.db, decision.complaint.id).await;
    assert!(matches!(away, Err(StoreError::Unavailable(_))), "{away:?}");
}

#[tokio::test]
async fn migrating_twice_at_once_and_again_changes_nothing() {
    let database = servers::testing::empty_database().await;
    let db = store::connect(&database.url(), 4).await.expect("connects");
    let (one, two) = futures::join!(store::migrate(&db), store::migrate(&db));
    one.and(two).expect("both are done");
    store::migrate(&db).await.expect("is done");
    assert!(directory::version(&db).await.expect("answers") > 0);
}

/// PostgreSQL counts a table's rows a minute late; what it plans until then must not read a whole channel, or the table.
#[tokio::test]
async fn keys_are_looked_up_by_themselves_among_rows_that_nobody_counted() {
    let world = World::new().await;
    world.opened("first", None).await;
    sqlx::query(
        "insert into message
        select (jsonb_populate_record(message, jsonb_build_object('id', gen_random_uuid(), 'platform_id', 'later-' || number))).*
        from message, generate_series(1, 30000) as number",
    )
    .execute(&world.db)
    .await
    .expect("copies the message");
    let keys: Vec<MessageKey> = (1..=100).map(|number| inbound(&format!("later-{number}")).key).collect();
    let mut tx = store::begin(&world.db).await.expect("begins");

    assert_eq!(message::recorded(&mut tx, &keys).await.expect("looks them up").len(), 100);

    let read: i64 = sqlx::query_scalar("select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relname = 'message'")
        .fetch_one(&mut *tx)
        .await
        .expect("the transaction's own counters");
    assert!(read <= 300, "{read} rows were read to find 100 among 30,001");
}

/// A desk, or a platform, is one account for a whole city: what waits for one citizen is not looked for among everybody's complaints.
#[tokio::test]
async fn what_waits_for_a_citizen_is_looked_up_among_their_own_complaints() {
    let world = World::new().await;
    let own = world.opened("first", None).await.complaint;
    sqlx::query(
        "with neighbours as (insert into citizen (id, created_at) select gen_random_uuid(), now() from generate_series(1, 300) returning id)
        insert into complaint (id, reference, tracking, citizen, adapter, account, text, visibility, language, status, opened_at, changed_at, why,
          trace, version)
        select gen_random_uuid(), 'N' || number || neighbours.id, 'T' || number || neighbours.id, neighbours.id, adapter, account, text, visibility,
          language, status, opened_at, changed_at, why, trace, version
        from complaint, neighbours, generate_series(1, 100) as number",
    )
    .execute(&world.db)
    .await
    .expect("copies the complaint");
    let asked = [(own.citizen, own.adapter.as_str(), own.account.as_str())];
    let read =
        "select sum(idx_tup_read)::bigint from pg_stat_user_indexes where relname = 'complaint' and indexrelname = 'complaint_of_account'";
    let read = || async { sqlx::query_scalar::<_, i64>(read).fetch_one(&world.db).await.expect("the counters") };
    let before = read().await;
    let mut tx = store::begin(&world.db).await.expect("begins");

    assert!(complaint::awaiting(&mut tx, &asked).await.expect("looks them up").is_empty());

    sqlx::query("select pg_stat_force_next_flush()").execute(&mut *tx).await.expect("the counters are shown at once");
    store::commit(tx).await.expect("commits");
    assert_eq!(read().await, before, "nothing of the account is read");
}

#[tokio::test]
async fn history_is_what_one_agency_finished_and_what_was_imported() {
    let world = World::new().await;
    let officer = world.officer("roads").await;
    let done = world.opened("1", Some("road")).await.complaint.id;
    world.opened("2", Some("road")).await;
    world.act(done, Action::Resolve { text: "Sudah ditambal".into(), photo: None }, officer, after(60)).await;
    let past = |key: &str| {
        let decided = Decided {
            opened_at: after(-1000),
            text: "pohon tumbang".into(),
            place: "depan sekolah".into(),
            area: String::new(),
            category: "tree".into(),
            agency: "parks".into(),
        };
        (key.to_owned(), decided)
    };
    for (times, expected) in [(1, 2), (2, 0)] {
        let mut tx = store::begin(&world.db).await.expect("begins");
        assert_eq!(learned::import(&mut tx, "lama", &[past("a"), past("b")]).await.expect("is kept"), expected, "time {times}");
        store::commit(tx).await.expect("commits");
    }
    let history = learned::history(&world.db, 100).await.expect("is read");
    let told: Vec<(&str, &str)> = history.iter().map(|row| (row.category.as_str(), row.agency.as_str())).collect();
    assert_eq!(told, [("tree", "parks"), ("tree", "parks"), ("road", "roads")], "the oldest first, and not the one that is open");
    assert_eq!(history[2].place, "depan pasar");
}

#[tokio::test]
async fn one_version_is_in_use_and_a_switch_moves_the_directory() {
    let world = World::new().await;
    assert_eq!(learned::in_use(&world.db).await.expect("is read"), None);
    let mut versions = Vec::new();
    for model in [b"one", b"two"] {
        let mut tx = store::begin(&world.db).await.expect("begins");
        versions.push(learned::add(&mut tx, NOW, 100, &serde_json::json!({}), model).await.expect("is kept"));
        store::commit(tx).await.expect("commits");
    }
    let mut seen = directory::version(&world.db).await.expect("is read");
    for (to, expected) in
        [(Some(versions[0]), Some(&b"one"[..])), (Some(versions[1]), Some(b"two")), (Some(versions[0]), Some(b"one")), (None, None)]
    {
        let mut tx = store::begin(&world.db).await.expect("begins");
        assert!(learned::switch(&mut tx, to, after(5)).await.expect("switches"));
        store::commit(tx).await.expect("commits");
        let used = learned::in_use(&world.db).await.expect("is read");
        assert_eq!(used.as_ref().map(|(_, model)| model.as_slice()), expected);
        let moved = directory::version(&world.db).await.expect("is read");
        assert!(moved > seen, "other processes hear of it");
        seen = moved;
    }
    let mut tx = store::begin(&world.db).await.expect("begins");
    assert!(!learned::switch(&mut tx, Some(999), after(6)).await.expect("answers"), "there is no such version");
}

#[tokio::test]
async fn one_act_leads_back_to_what_decided_before() {
    let world = World::new().await;
    let mut versions = Vec::new();
    for model in [b"one", b"two"] {
        let mut tx = store::begin(&world.db).await.expect("begins");
        versions.push(learned::add(&mut tx, NOW, 100, &serde_json::json!({}), model).await.expect("is kept"));
        store::commit(tx).await.expect("commits");
    }
    let back = async |seconds| {
        let mut tx = store::begin(&world.db).await.expect("begins");
        let to = learned::back(&mut tx, after(seconds)).await.expect("answers");
        store::commit(tx).await.expect("commits");
        let used = learned::in_use(&world.db).await.expect("is read").map(|(version, _)| version);
        (to, used)
    };
    let switch = async |version, seconds| {
        let mut tx = store::begin(&world.db).await.expect("begins");
        assert!(learned::switch(&mut tx, version, after(seconds)).await.expect("switches"));
        store::commit(tx).await.expect("commits");
    };
    let [one, two] = [versions[0], versions[1]];
    assert_eq!(back(1).await, (Back::Nowhere, None));
    switch(Some(one), 2).await;
    assert_eq!(back(3).await, (Back::Keywords, None), "before the first version keywords decided");
    assert_eq!(back(4).await, (Back::Version(one), Some(one)), "and back again");
    switch(Some(two), 5).await;
    assert_eq!(back(6).await, (Back::Version(one), Some(one)));
    assert_eq!(back(7).await, (Back::Version(two), Some(two)), "back twice is where one was");
    switch(None, 8).await;
    assert_eq!(back(9).await, (Back::Version(two), Some(two)), "what was switched off comes back");
}

#[tokio::test]
async fn corrections_by_staff_are_what_is_learned_next() {
    let world = World::new().await;
    let (roads, parks) = (world.officer("roads").await, world.officer("parks").await);
    let guessed = |decision: &mut Decision| decision.complaint.why.area = Some("learned: Kota".into());
    let handed = world.opened("1", Some("road")).await.complaint.id;
    let to = vec![world.agency("parks")];
    world.act(handed, Action::HandOver { to, reason: "Pohon di taman".into() }, roads, after(60)).await;
    world.act(handed, Action::Resolve { text: "Sudah dipangkas".into(), photo: None }, parks, after(120)).await;
    let both = world.opened_as("2", Some("road"), guessed).await.complaint.id;
    world.act(both, Action::Resolve { text: "Sudah ditambal".into(), photo: None }, roads, after(180)).await;
    let corrected = world.opened_as("3", None, guessed).await.complaint.id;
    let agencies = vec![world.agency("parks")];
    let triage = Action::Route { agencies, category: Some("tree".into()), area: Some("3171".into()) };
    world.act(corrected, triage, world.staff(Role::Triage, None).await, after(200)).await;
    world.act(corrected, Action::Resolve { text: "Sudah dipangkas".into(), photo: None }, parks, after(240)).await;

    let history = learned::history(&world.db, 100).await.expect("is read");
    let told: std::collections::BTreeSet<(&str, &str, &str)> =
        history.iter().map(|row| (row.agency.as_str(), row.category.as_str(), row.area.as_str())).collect();
    let expected = [("parks", "road", "3171"), ("roads", "road", ""), ("parks", "tree", "3171")];
    assert_eq!(told, expected.into(), "the agency that did it, and no area that only a model said");
}

/// Any of what staff do, as chance wants; what the rules refuse is no act.
async fn some_act(world: &World, id: ComplaintId, dice: u64, people: &[Actor]) {
    let by = people[usize::try_from(dice % 3).expect("is small")];
    let other = world.agency(if dice.is_multiple_of(2) { "roads" } else { "parks" });
    let category = Some(if dice.is_multiple_of(5) { "road" } else { "tree" }.to_owned());
    let action = match dice / 8 % 9 {
        0 | 1 => Action::Claim,
        2 => Action::Ask { text: "Di mana?".into() },
        3 => Action::HandOver { to: vec![other], reason: "Bukan kami".into() },
        4 | 5 => Action::Resolve { text: "Sudah".into(), photo: None },
        6 => Action::Reopen { reason: "Belum".into() },
        7 => Action::Place { agencies: vec![other], reason: "Milik mereka".into(), category: None, area: None },
        _ => Action::Route { agencies: vec![other], category, area: Some("31".into()) },
    };
    let mut tx = store::begin(&world.db).await.expect("begins");
    let complaint = complaint::lock(&mut tx, id).await.expect("loads").expect("is there");
    let Ok(decision) = model::decide(complaint, action, by, &world.directory, after(60)) else { return };
    complaint::write(&mut tx, &decision).await.expect("is written");
    store::commit(tx).await.expect("commits");
}

#[tokio::test]
async fn lists_and_their_sums_are_right_after_a_storm_of_acts_at_once() {
    let world = World::new().await;
    let people = [world.officer("roads").await, world.officer("parks").await, world.staff(Role::Triage, None).await];
    let mut ids = Vec::new();
    for n in 0..24 {
        let category = [Some("road"), Some("tree"), None][n % 3];
        ids.push((n, world.opened(&format!("m{n}"), category).await.complaint.id));
    }
    assert_eq!(queue::disagreements(&world.db).await.expect("counts"), 0);
    let one_after_another = async |seed: u64| {
        let mut dice = seed;
        for _ in 0..80 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let (n, id) = ids[usize::try_from((dice >> 33) % 24).expect("is small")];
            match (dice >> 20) % 12 {
                0 => drop(queue::fold(&world.db).await.expect("sums up")),
                1 => {
                    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: format!("m{n}") };
                    message::withdraw(&world.db, &key, after(30)).await.expect("is noted");
                }
                _ => some_act(&world, id, dice >> 40, &people).await,
            }
        }
    };
    join_all((1..=6).map(one_after_another)).await;
    assert_eq!(queue::disagreements(&world.db).await.expect("counts"), 0, "lists are what complaints and dispatches say");
    assert!(queue::fold(&world.db).await.expect("sums up"));
    assert_eq!(queue::disagreements(&world.db).await.expect("counts"), 0, "also summed up");

    let mut all = Vec::new();
    for (_, id) in &ids {
        all.push(world.load(*id).await);
    }
    let times = queue::Times { now: after(0), tonight: after(36_000) };
    let Actor::Staff { id: me, agency: Some(roads), .. } = people[0] else { panic!("an officer") };
    for scope in [Scope::Everything, Scope::Agency(roads)] {
        let counts = queue::counts(&world.db, &scope, me, &Filter::default(), times).await.expect("counts");
        let theirs = |wanted: fn(DispatchState) -> bool| {
            let lines = all.iter().flat_map(|complaint| &complaint.dispatches);
            let count = lines.filter(|line| (scope == Scope::Everything || line.agency == roads) && wanted(line.state)).count();
            u64::try_from(count).expect("is small")
        };
        assert_eq!(counts.open, theirs(DispatchState::is_pending), "{scope:?}");
        assert_eq!(counts.waiting, theirs(|state| state == DispatchState::AwaitingCitizen), "{scope:?}");
        assert_eq!(counts.done, theirs(|state| !state.is_pending()), "{scope:?}");
        let late = |line: &&model::Dispatch| {
            let late = line.clocks.paused().map_or(line.deadline < times.now, |asked| line.deadline < asked.min(times.now));
            (scope == Scope::Everything || line.agency == roads) && line.state.is_pending() && late
        };
        let overdue = all.iter().flat_map(|complaint| &complaint.dispatches).filter(late).count();
        assert_eq!(counts.overdue, u64::try_from(overdue).expect("is small"), "what waits for the citizen is not overdue, {scope:?}");
        for view in View::ALL {
            let filter = Filter::default();
            let asked = Asked { me, view, filter: &filter, from: Start::Top, most: 500 };
            let lines = queue::rows(&world.db, &scope, &asked, times).await.expect("is read").rows.len();
            assert_eq!(counts.of(view), u64::try_from(lines).expect("is small"), "{view:?} in {scope:?}");
        }
    }
}

#[tokio::test]
async fn the_database_refuses_an_open_complaint_with_no_owner_or_with_two() {
    let world = World::new().await;
    let id = world.opened("m1", Some("road")).await.complaint.id;
    let triage = world.staff(Role::Triage, None).await;
    let agencies = vec![world.agency("roads"), world.agency("parks")];
    world.act(id, Action::Route { agencies, category: None, area: None }, triage, after(1)).await;
    let read = world.load(id).await;
    assert_eq!(read.owner(), Some(model::Owner::Agency(world.agency("roads"))));
    let breaks = async |statement: &'static str| {
        let mut tx = store::begin(&world.db).await.expect("begins");
        let done = sqlx::query(statement).bind(id.0).execute(&mut *tx).await.map(drop);
        let done = match done {
            Ok(()) => tx.commit().await,
            refused => refused,
        };
        let refused = done.expect_err(statement);
        refused.into_database_error().and_then(|error| error.constraint().map(str::to_owned)).expect(statement)
    };
    for (statement, constraint) in [
        ("update dispatch set responsible = true where complaint = $1", "dispatch_responsible"),
        ("update dispatch set responsible = false where complaint = $1", "one_owner"),
        ("update dispatch set work = 'done' where complaint = $1 and responsible", "one_owner"),
        ("update dispatch set work = 'handed_over' where complaint = $1 and responsible", "dispatch_given_away_is_not_responsible"),
        ("delete from dispatch where complaint = $1 and responsible", "one_owner"),
        ("update complaint set referee = 'asked' where id = $1", "one_owner"),
        ("update complaint set status = 'received' where id = $1", "one_owner"),
        ("update complaint set status = 'resolved' where id = $1", "one_owner"),
    ] {
        assert_eq!(breaks(statement).await, constraint, "{statement}");
    }
    assert_eq!(world.load(id).await, read, "nothing of it was written");
}

#[tokio::test]
async fn no_agency_is_above_itself_however_many_lie_between() {
    let world = World::new().await;
    let set = async |agency: &'static str, parent: Option<&'static str>| {
        directory::set_parent(&world.db, agency, parent).await.expect("is written")
    };
    assert!(set("roads", Some("parks")).await);
    let parents = directory::load(&world.db).await.expect("loads").parents;
    assert_eq!(parents, std::collections::BTreeMap::from([(world.agency("roads"), world.agency("parks"))]));
    assert!(!set("parks", Some("roads")).await, "it would be below itself");
    assert!(!set("parks", Some("parks")).await);
    assert!(!set("parks", Some("nobody")).await);
    assert!(set("roads", None).await);
    assert!(directory::load(&world.db).await.expect("loads").parents.is_empty());
}

#[tokio::test]
async fn what_the_referee_has_is_in_their_list_also_while_somebody_helps() {
    let world = World::new().await;
    let id = world.opened("m1", Some("road")).await.complaint.id;
    let (roads, parks, triage) = (world.officer("roads").await, world.officer("parks").await, world.staff(Role::Triage, None).await);
    let agencies = vec![world.agency("roads"), world.agency("parks")];
    world.act(id, Action::Route { agencies, category: None, area: None }, triage, after(1)).await;
    world.act(id, Action::Claim, parks, after(2)).await;
    world.act(id, Action::HandOver { to: vec![], reason: "bukan kami".into() }, roads, after(3)).await;
    let read = world.load(id).await;
    assert_eq!((read.owner(), read.referee, read.refusals), (Some(model::Owner::Referee), model::Referee::Asked, 1));
    let Actor::Staff { id: me, .. } = triage else { panic!("staff") };
    let times = queue::Times { now: after(4), tonight: after(36_000) };
    let filter = Filter::default();
    let lists = async || {
        let counts = queue::counts(&world.db, &Scope::Everything, me, &filter, times).await.expect("counts");
        (counts.triage, counts.referee, counts.open)
    };
    assert_eq!(lists().await, (0, 1, 1));
    let asked = Asked { me, view: View::Referee, filter: &filter, from: Start::Top, most: 10 };
    let lines = queue::rows(&world.db, &Scope::Everything, &asked, times).await.expect("is read");
    assert_eq!(lines.rows.iter().map(|row| row.complaint).collect::<Vec<_>>(), [id]);
    let place = Action::Place { agencies: vec![world.agency("parks")], reason: "pohon".into(), category: None, area: None };
    world.act(id, place, triage, after(5)).await;
    assert_eq!(lists().await, (0, 0, 1));
    assert_eq!(world.load(id).await.owner(), Some(model::Owner::Agency(world.agency("parks"))));
    assert_eq!(queue::disagreements(&world.db).await.expect("counts"), 0);
}

#[tokio::test]
async fn a_changed_complaint_is_found_by_what_it_is_now_and_by_whose_it_is_now() {
    let world = World::new().await;
    let complaint = world.opened("m1", Some("road")).await.complaint;
    let (roads, parks) = (Scope::Agency(world.agency("roads")), Scope::Agency(world.agency("parks")));
    let looking_for = |typed: &str| Sought { words: vec![Word { typed: typed.into(), ..Word::default() }], ..Sought::default() };
    let count = async |scope: &Scope, sought: &Sought| {
        search::find(&world.db, scope, sought, &Filter::default(), Start::Top, 25, NOW).await.expect("is found").total
    };
    assert_eq!((count(&roads, &looking_for("rusak")).await, count(&parks, &looking_for("rusak")).await), (1, 0));
    let number = Sought { number: Some(complaint.reference.to_string()[..6].to_owned()), ..Sought::default() };
    assert_eq!((count(&roads, &number).await, count(&parks, &number).await), (1, 0), "a number is nobody else's either");
    let to = vec![world.agency("parks")];
    world.act(complaint.id, Action::HandOver { to, reason: "Akar pohon".into() }, world.officer("roads").await, after(60)).await;
    assert_eq!(
        (count(&roads, &looking_for("rusaknya")).await, count(&parks, &looking_for("rusaknya")).await),
        (1, 1),
        "who had it still sees it"
    );
    assert_eq!(count(&parks, &looking_for("'; drop table complaint; --")).await, 0, "what is typed is never a statement");
    for typed in ["\\", "'", "& |", "!", ":*", "':d1'", "a:b"] {
        count(&Scope::Everything, &looking_for(typed)).await;
    }
}

#[tokio::test]
async fn who_is_asked_finds_the_complaint_without_having_it() {
    let world = World::new().await;
    let complaint = world.opened("m1", Some("road")).await.complaint;
    let (roads, parks) = (world.agency("roads"), world.agency("parks"));
    let Actor::Staff { id: by, .. } = world.officer("roads").await else { panic!("an officer is staff") };
    let sought = Sought { words: vec![Word { typed: "rusak".into(), ..Word::default() }], ..Sought::default() };
    let count = async |scope: Scope, filter: Filter| {
        search::find(&world.db, &scope, &sought, &filter, Start::Top, 25, NOW).await.expect("is found").total
    };
    assert_eq!(count(Scope::Agency(parks), Filter::default()).await, 0);
    let asks = Consultation {
        id: complaint.id.0,
        complaint: complaint.id,
        asker: roads,
        asked: parks,
        question: "Akar siapa?".into(),
        asked_at: after(60),
        due_at: after(3_600),
        answer: None,
    };
    let mut tx = store::begin(&world.db).await.expect("begins");
    store::consult::ask(&mut tx, &asks, by, Zone::default()).await.expect("is written");
    store::commit(tx).await.expect("commits");
    assert_eq!(count(Scope::Agency(parks), Filter::default()).await, 1);
    assert_eq!(count(Scope::Everything, Filter { agency: Some(parks), ..Filter::default() }).await, 0, "it does not have it");
    world.act(complaint.id, Action::Claim, world.officer("roads").await, after(90)).await;
    assert_eq!(count(Scope::Agency(parks), Filter::default()).await, 1, "also after the next step");
}

#[tokio::test]
async fn who_mistypes_a_word_is_led_to_it_once_it_was_learned() {
    let world = World::new().await;
    world.opened_as("m1", Some("road"), |decision| decision.complaint.text = "Trotoar ambruk, nomor 081200000001".into()).await;
    let mistyped = Sought { words: vec![Word { typed: "trotor".into(), ..Word::default() }], ..Sought::default() };
    let find =
        async || search::find(&world.db, &Scope::Everything, &mistyped, &Filter::default(), Start::Top, 25, NOW).await.expect("is found");
    assert_eq!(find().await.total, 0);
    assert_eq!(search::learn_words(&world.db).await.expect("is learned"), search::Learned::All);
    let found = find().await;
    assert_eq!(found.hits.len(), 1);
    assert_eq!(found.hits[0].why, [search::Why::Nearly]);
    assert!(found.hits[0].pieces.contains(&("Trotoar".into(), true)), "{:?}", found.hits[0].pieces);
}

#[tokio::test]
async fn clocks_come_back_as_they_were_written_whatever_was_done() {
    let world = World::new().await;
    let id = world.opened("m1", Some("road")).await.complaint.id;
    let officer = world.officer("roads").await;
    let steps = [
        (Action::Ask { text: "di mana?".into() }, 3_600),
        (Action::Answer { text: "besok".into() }, 7_200),
        (Action::Resolve { text: "sudah".into(), photo: None }, 10_000),
    ];
    for (action, seconds) in steps {
        let decided = model::decide(world.load(id).await, action.clone(), officer, &world.directory, after(seconds)).expect("is allowed");
        world.act(id, action, officer, after(seconds)).await;
        let read = world.load(id).await;
        assert_eq!((&read.dispatches, read.forward), (&decided.complaint.dispatches, decided.complaint.forward));
    }
    let clocks = &world.load(id).await.dispatches[0].clocks;
    assert_eq!((clocks.pauses.len(), clocks.settled), (1, Some(after(10_000))));
    assert_eq!(clocks.answer.and_then(|answer| answer.met), Some(after(7_200)));
    assert!(clocks.closes.is_some() && clocks.settle.is_some());
}

#[tokio::test]
async fn a_limit_that_counted_is_neither_changed_nor_removed_but_ends() {
    let world = World::new().await;
    for wrong in ["update time_limit set amount = 99", "delete from time_limit", "update time_limit set unit = 'days'"] {
        let refused = sqlx::query(wrong).execute(&world.db).await;
        assert!(refused.is_err(), "{wrong}");
    }
    let end = "update time_limit set valid_until = '2026-12-31', source = 'aturan (diganti 2027)'";
    sqlx::query(end).execute(&world.db).await.expect("it ends");
    let directory = directory::load(&world.db).await.expect("loads");
    assert!(directory.limits.iter().all(|limit| limit.until == Some(jiff::civil::date(2026, 12, 31))));
}

#[tokio::test]
async fn a_missed_clock_stays_whatever_anybody_does_to_it_and_only_its_end_is_added_once() {
    let world = World::new().await;
    let id = world.opened("m1", Some("road")).await.complaint.id;
    let officer = world.officer("roads").await;
    let late = 40 * 24 * 3_600;
    world.act(id, Action::Note { text: "besok".into() }, officer, after(late)).await;
    let flags = missed::of_complaint(&world.db, id).await.expect("loads");
    assert!(!flags.is_empty() && flags.iter().all(|flag| flag.ended_at.is_none() && flag.noticed_at == after(late)));
    for wrong in [
        "delete from missed_clock",
        "truncate missed_clock",
        "update missed_clock set due = due + interval '1 year'",
        "update missed_clock set officer = null, agency = null",
        "update missed_clock set ended_at = due",
    ] {
        assert!(sqlx::query(wrong).execute(&world.db).await.is_err(), "{wrong}");
    }
    let parks = world.agency("parks");
    world.act(id, Action::HandOver { to: vec![parks], reason: "bukan kami".into() }, officer, after(late + 10)).await;
    let handed = missed::of_complaint(&world.db, id).await.expect("loads");
    let roads = world.agency("roads");
    let ours = |flags: &[missed::Flag]| flags.iter().filter(|flag| flag.agency == Some(roads)).cloned().collect::<Vec<_>>();
    assert!(ours(&handed).iter().all(|flag| flag.ended_at == Some(after(late + 10))));
    assert_eq!(ours(&handed).len(), flags.len());
    for wrong in [
        "update missed_clock set ended_at = null where ended_at is not null",
        "update missed_clock set ended_at = ended_at + interval '1 day' where ended_at is not null",
    ] {
        assert!(sqlx::query(wrong).execute(&world.db).await.is_err(), "{wrong}");
    }
    // The calendar changes so that nothing would have been late: what was noted stays.
    let off = (0..90).map(|day| Holiday {
        day: jiff::civil::date(2026, 11, 21) + jiff::Span::new().days(day),
        name: "Libur".into(),
        source: "SKB".into(),
    });
    clocks::write_holidays(&world.db, &off.collect::<Vec<_>>()).await.expect("is written");
    let directory = directory::load(&world.db).await.expect("loads");
    clocks::count(&world.db, &[id], &directory, after(late + 20)).await.expect("counts");
    assert_eq!(missed::of_complaint(&world.db, id).await.expect("loads"), handed);
    let counted = missed::count(&world.db, NOW, after(late)).await.expect("counts");
    assert_eq!(counted.iter().map(|(.., missed, _)| *missed).sum::<u64>(), handed.len() as u64);
}

#[tokio::test]
async fn a_rule_of_escalation_is_neither_changed_nor_removed_but_ends() {
    let world = World::new().await;
    for wrong in [
        "update escalation_rule set post = 'admin'",
        "delete from escalation_rule",
        "update escalation_rule set amount = 5, unit = 'days', moment = 'after'",
    ] {
        assert!(sqlx::query(wrong).execute(&world.db).await.is_err(), "{wrong}");
    }
    sqlx::query("update escalation_rule set valid_until = '2027-12-31', source = 'aturan'").execute(&world.db).await.expect("it ends");
}

#[tokio::test]
async fn days_off_that_are_written_late_move_what_runs_once_and_tell_it() {
    let world = World::new().await;
    let open = world.opened("m1", Some("road")).await.complaint;
    let waiting = world.opened("m2", None).await.complaint;
    let done = world.opened("m3", Some("road")).await.complaint;
    world.act(done.id, Action::Resolve { text: "sudah".into(), photo: None }, world.officer("roads").await, after(60)).await;

    let count = async |now: Timestamp| {
        let change = clocks::change(&world.db, now).await.expect("is asked")?;
        let mut tx = store::begin(&world.db).await.expect("begins");
        assert!(clocks::lock(&mut tx).await.expect("is asked"), "nobody else counts");
        let mut second = store::begin(&world.db).await.expect("begins");
        assert!(!clocks::lock(&mut second).await.expect("is asked"), "one at a time");
        let directory = directory::load(&world.db).await.expect("loads");
        let running = clocks::running(&world.db).await.expect("loads");
        let moved = clocks::count(&world.db, &running, &directory, now).await.expect("counts");
        clocks::counted(&mut tx, &change, now).await.expect("is written");
        store::commit(tx).await.expect("commits");
        Some(moved)
    };
    assert_eq!(count(after(100)).await, Some(0), "the first time it is only written down");
    assert_eq!(count(after(110)).await, None, "and then left alone");

    let off = Holiday { day: jiff::civil::date(2026, 11, 23), name: "Cuti bersama susulan".into(), source: "SKB perubahan".into() };
    assert_eq!(clocks::write_holidays(&world.db, std::slice::from_ref(&off)).await.expect("is written"), 1);
    assert_eq!(clocks::write_holidays(&world.db, &[off]).await.expect("is written"), 0, "the same again is nothing new");
    assert_eq!(count(after(200)).await, Some(2), "one with an agency, one in triage");
    assert_eq!(count(after(230)).await, None);
    assert_eq!(count(after(200 + 121)).await, Some(0), "once more for what was written meanwhile; nothing moves twice");
    assert_eq!(count(after(9_000)).await, None);

    let moved = world.load(open.id).await;
    assert!(moved.dispatches[0].deadline > open.dispatches[0].deadline);
    let steps = complaint::history(&world.db, open.id).await.expect("loads");
    let told: Vec<_> = steps.iter().filter(|step| step.kind == UpdateKind::Moved).collect();
    let moved_to =
        told.iter().filter_map(|step| Moved::from_text(step.text.as_deref()?, step.agency)).find(|moved| moved.stage == Stage::Settle);
    let moved_to = moved_to.expect("it is told");
    assert_eq!((moved_to.from, moved_to.to), (open.dispatches[0].deadline, moved.dispatches[0].deadline));
    assert!(told.iter().all(|step| step.by == Actor::System && step.kind.is_for_citizen()));
    assert!(world.load(waiting.id).await.forward.expect("has one").at > waiting.forward.expect("has one").at);
    assert_eq!(world.load(done.id).await.dispatches[0].deadline, done.dispatches[0].deadline, "what is done stays");
}

#[tokio::test]
async fn an_agency_works_at_its_own_hours_and_forgets_them_again() {
    let world = World::new().await;
    let own = model::clock::Office { hours: "mon-sat 07:00-14:00".parse().ok(), on_holidays: true };
    assert!(directory::set_office(&world.db, "roads", &own).await.expect("is written"));
    assert!(!directory::set_office(&world.db, "nobody", &own).await.expect("is asked"));
    let read = directory::load(&world.db).await.expect("loads");
    assert_eq!(read.offices.get(&world.agency("roads")), Some(&own));
    assert!(directory::set_office(&world.db, "roads", &model::clock::Office::default()).await.expect("is written"));
    assert!(directory::load(&world.db).await.expect("loads").offices.is_empty());
}
