//! Links of tasks, and clocks, that go through an adapter to telephones: real PostgreSQL, a real NATS server, and receipts as platforms bring them.

#[path = "parts/support.rs"]
mod support;
#[path = "parts/telephones.rs"]
mod telephones;

use std::time::Duration;

use bus::{Bus, BusConfig, Delivery, Queue, Stop};
use dispatch::WorkMessages;
use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, date},
};
use model::{
    Action, Actor, Address, AgencyId, Audience, Complaint, Language, Receipt, ReceiptState, Reply, ReplyId, ReplyKind, Role, StaffId,
    UpdateId, Visibility, decide, task::BodyKind,
};
use servers::testing::TestNats;
use store::{
    channel::{self, Pause},
    citizen, complaint, directory,
    dispatch::SendKind,
    staff::NewStaff,
    task::{self, Body, NewTask, Reached, Sent, Task},
    work_message::{self as message, CLOSED, OPTED_OUT, Says},
};
use support::{City, site, start};
use tokio::{sync::mpsc, time::timeout};
use uuid::Uuid;

const NUMBER: &str = "+6281200000777";
const TODAY: Date = date(2026, 11, 20);

/// A city whose channel `chat 1` may write first to telephones, and an officer of the roads agency.
struct World {
    city: City,
    nats: TestNats,
    agency: AgencyId,
    by: StaffId,
}

async fn connect(nats: &TestNats) -> Bus {
    let config = BusConfig { url: nats.url(), user: None, password: None, key: None, name: "test".into(), replicas: 1 };
    let bus = Bus::connect(&config).await.expect("a bus");
    bus.ensure().await.expect("streams");
    bus
}

/// When the n-th thing of a test happens; ids are of their time.
fn at(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

fn number() -> Address {
    Address::tel(NUMBER).expect("a number")
}

impl World {
    async fn new() -> Self {
        let (city, nats) = (City::new(SendKind::Queue, "", None).await, servers::testing::nats());
        let adapter: model::AdapterName = "chat".parse().expect("a name");
        let row = model::Channel {
            adapter: adapter.clone(),
            account: "1".into(),
            label: "Pesan singkat".into(),
            area: None,
            from: date(2026, 1, 1),
            until: None,
            hours: None,
        };
        assert!(directory::add_channel(&city.db, &row, start()).await.expect("is written"));
        assert!(directory::set_reaches(&city.db, &adapter, "1", &["tel".to_owned()]).await.expect("is written"));
        let known = directory::load(&city.db).await.expect("loads");
        let agency = known.agencies.values().find(|agency| agency.code == "dbm").expect("is there").id;
        let new = NewStaff {
            login: "a".into(),
            name: "a".into(),
            role: Role::Officer,
            agency: Some(agency),
            office: None,
            language: Language::Id,
        };
        let mut tx = store::begin(&city.db).await.expect("begins");
        let by = store::staff::create(&mut tx, &new, "-", start()).await.expect("is made").expect("is new");
        store::commit(tx).await.expect("commits");
        Self { city, nats, agency, by }
    }

    async fn body(&self, name: &str) -> Uuid {
        let reached = Reached::Channel { adapter: "chat".parse().expect("a name"), account: "1".into(), address: number() };
        let body = Body { id: UpdateId::new(start()).0, kind: BodyKind::Rt, name: name.into(), reached };
        let mut tx = store::begin(&self.city.db).await.expect("begins");
        assert!(task::add_body(&mut tx, self.agency, &body, self.by, start()).await.expect("is written"));
        store::commit(tx).await.expect("commits");
        let read = task::bodies(&self.city.db, self.agency).await.expect("is read").into_iter().find(|one| one.id == body.id);
        assert_eq!(read.as_ref(), Some(&body), "what was sealed opens again");
        assert!(!format!("{read:?}").contains("0777"), "no address in a log");
        body.id
    }

    async fn give(&self, body: Uuid, complaint: &Complaint, today: Date) -> Uuid {
        let id = UpdateId::new(start()).0;
        let new = NewTask {
            id,
            complaint: complaint.id,
            body,
            agency: self.agency,
            words: "Tolong pasang rambu.".into(),
            photos: false,
            due_at: at(0) + 72.hours(),
            expires_at: at(0) + 400.hours(),
            today,
        };
        let mut tx = store::begin(&self.city.db).await.expect("begins");
        assert!(task::give(&mut tx, &new, self.by, start()).await.expect("is written"));
        store::commit(tx).await.expect("commits");
        id
    }

    async fn round(&self, bus: &Bus, now: Timestamp) {
        WorkMessages::new(self.city.db.clone(), bus.clone(), site(), Language::Id).round(now).await.expect("a round");
    }

    async fn task(&self, complaint: &Complaint) -> Task {
        task::of_complaint(&self.city.db, complaint.id).await.expect("loads").pop().expect("a task")
    }

    async fn says(&self, complaint: &Complaint) -> Option<String> {
        self.task(complaint).await.message.expect("a message").receipt
    }
}

/// What the adapter that delivers gets.
async fn delivered(bus: &Bus, count: usize) -> Vec<Reply> {
    let (tell, mut replies) = mpsc::unbounded_channel();
    let (bus, stop) = (bus.clone(), Stop::new());
    let until = stop.clone();
    let handle = move |delivery: Delivery<Reply>| {
        let told = tell.send(delivery.item);
        async move { told.map_err(model::Failure::retry) }
    };
    let consumer = tokio::spawn(async move { bus.consume(Queue::Replies("chat".parse().expect("a name")), until, 1, handle).await });
    let mut heard = Vec::new();
    for _ in 0..count {
        heard.push(timeout(Duration::from_mins(1), replies.recv()).await.expect("a message in time").expect("a message"));
    }
    assert!(timeout(Duration::from_millis(500), replies.recv()).await.is_err(), "and no more");
    stop.cancel();
    consumer.abort();
    heard
}

fn receipt(reply: Option<ReplyId>, platform_id: Option<&str>, state: ReceiptState) -> Receipt {
    let adapter = "chat".parse().expect("a name");
    Receipt { reply, platform_id: platform_id.map(Into::into), adapter, account: "1".into(), state, at: at(9), file_refused: None }
}

#[tokio::test]
async fn a_body_gets_the_link_through_the_adapter_once_and_nothing_of_the_complaint() {
    let world = World::new().await;
    let bus = connect(&world.nats).await;
    let complaint = world.city.complaint("jalan berlubang di depan rumah saya").await;
    let body = world.body("RT 03 Melati").await;
    let id = world.give(body, &complaint, TODAY).await;
    assert_eq!(world.task(&complaint).await.message.map(|sent| sent.state).as_deref(), Some("due"));
    for minute in [1, 2] {
        world.round(&bus, at(minute)).await;
    }
    let heard = delivered(&bus, 1).await.remove(0);
    assert_eq!((heard.kind, heard.to.account.as_str(), &heard.to.address), (ReplyKind::Entrusted, "1", &number()));
    assert_eq!((heard.to.audience, heard.to.open_until), (Audience::Private, Some(at(1))), "no conversation is open: a template only");
    let said = serde_json::to_string(&heard).expect("it is JSON");
    for part in ["RT 03 Melati", "Dinas Bina Marga", "23 November 2026"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    for secret in ["rumah saya", "Tolong pasang", "Warga Rahasia", complaint.tracking.as_str(), &complaint.reference.to_string()] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    let code = heard.params["link"].strip_prefix("https://lapor.example.id/tugas/").expect("a link").parse().expect("a code");
    assert_eq!(task::by_code(&world.city.db, &code, at(3)).await.expect("loads").expect("the link opens it").id, id);

    // What platforms say comes in any order, twice, and of things that are not ours.
    assert_eq!(world.says(&complaint).await, None);
    let ours = receipt(Some(heard.id), Some("p.1"), ReceiptState::Sent);
    let stranger = Receipt { adapter: "other".parse().expect("a name"), ..receipt(Some(heard.id), None, ReceiptState::Read) };
    let unknown = receipt(None, Some("p.9"), ReceiptState::Read);
    let known = message::receipts(&world.city.db, &[stranger, unknown, ours]).await.expect("is written");
    assert_eq!(known, [false, false, true], "another adapter's word does not count");
    assert_eq!(world.says(&complaint).await.as_deref(), Some("sent"));
    let later = [
        receipt(None, Some("p.1"), ReceiptState::Delivered),
        receipt(Some(heard.id), None, ReceiptState::Failed { code: "1".into(), detail: "late".into() }),
    ];
    for _ in 0..2 {
        assert_eq!(message::receipts(&world.city.db, &later).await.expect("is written"), [true, true]);
    }
    assert_eq!(world.says(&complaint).await.as_deref(), Some("delivered"), "what arrived did not fail");
}

#[tokio::test]
async fn what_a_platform_refuses_is_seen_at_the_task_in_its_words() {
    let world = World::new().await;
    let bus = connect(&world.nats).await;
    let complaint = world.city.complaint("jalan berlubang").await;
    world.give(world.body("RT 03").await, &complaint, TODAY).await;
    world.round(&bus, at(1)).await;
    let heard = delivered(&bus, 1).await.remove(0);
    let state = ReceiptState::WindowClosed { code: "131047".into(), detail: "no template\0".into() };
    message::receipts(&world.city.db, &[receipt(Some(heard.id), None, state)]).await.expect("is written");
    let sent = world.task(&complaint).await.message;
    let expected = Sent { state: "published".into(), receipt: Some("failed".into()), error: Some("131047: no template".into()) };
    assert_eq!(sent, Some(expected));
    world.round(&bus, at(90)).await;
    assert_eq!(delivered(&bus, 0).await.len(), 0, "nobody is written to again by itself");
}

#[tokio::test]
async fn a_link_waits_for_a_paused_channel_and_goes_nowhere_where_it_must_not() {
    let world = World::new().await;
    let bus = connect(&world.nats).await;
    let db = &world.city.db;
    let complaint = world.city.complaint("jalan berlubang").await;
    let body = world.body("RT 03").await;
    let pause = Pause { adapter: "chat".parse().expect("a name"), account: "1".into(), since: start(), reason: "kartu".into() };
    let mut tx = store::begin(db).await.expect("begins");
    channel::pause(&mut tx, &pause).await.expect("is written");
    store::commit(tx).await.expect("commits");
    world.give(body, &complaint, TODAY).await;
    world.round(&bus, at(1)).await;
    assert_eq!(world.task(&complaint).await.message.map(|sent| sent.state).as_deref(), Some("due"), "the channel is paused");
    let mut tx = store::begin(db).await.expect("begins");
    channel::resume(&mut tx, &pause.adapter, "1").await.expect("is written");
    store::commit(tx).await.expect("commits");

    // One that is taken back, and one of a complaint that became secret, wait no more either.
    let taken_back = world.city.complaint("lampu mati").await;
    let ended = world.give(body, &taken_back, TODAY).await;
    let secret = world.city.complaint("pungutan liar").await;
    world.give(body, &secret, TODAY).await;
    let mut tx = store::begin(db).await.expect("begins");
    let read = complaint::lock(&mut tx, secret.id).await.expect("loads").expect("is there");
    let supervisor = Actor::Staff { id: world.by, role: Role::Supervisor, agency: Some(world.agency) };
    let known = directory::load(db).await.expect("loads");
    let hide = Action::Regrade { to: Visibility::Secret, reason: "Pelapor takut.".into() };
    complaint::write(&mut tx, &decide(read, hide, supervisor, &known, at(1)).expect("is allowed")).await.expect("is written");
    assert!(task::end(&mut tx, ended, at(1)).await.expect("is written"));
    store::commit(tx).await.expect("commits");
    assert_eq!(world.task(&taken_back).await.message, None);
    world.round(&bus, at(2)).await;
    assert_eq!(world.task(&secret).await.message.map(|sent| sent.state).as_deref(), Some("due"));

    // A channel that is closed, and somebody who wants no messages there.
    let closed = world.city.complaint("pohon tumbang").await;
    world.give(body, &closed, date(2025, 1, 1)).await;
    citizen::opt_out(db, &number(), at(3)).await.expect("is noted");
    let silent = world.city.complaint("saluran mampet").await;
    world.give(body, &silent, TODAY).await;
    for (complaint, why) in [(&closed, CLOSED), (&silent, OPTED_OUT)] {
        let sent = world.task(complaint).await.message.expect("it is said");
        assert_eq!((sent.state.as_str(), sent.error.as_deref()), ("refused", Some(why)));
    }
    world.round(&bus, at(4)).await;
    let links: Vec<String> = delivered(&bus, 1).await.into_iter().map(|reply| reply.params["link"].clone()).collect();
    let code = links[0].rsplit('/').next().expect("a code").parse().expect("a code");
    assert_eq!(task::by_code(db, &code, at(5)).await.expect("loads").map(|task| task.complaint), Some(complaint.id));
}

#[tokio::test]
async fn a_bus_that_is_away_loses_no_link_and_two_workers_send_one() {
    let world = World::new().await;
    let bus = connect(&world.nats).await;
    let complaint = world.city.complaint("jalan berlubang").await;
    world.give(world.body("RT 03").await, &complaint, TODAY).await;
    let lease = Duration::from_mins(2);
    let mut first = message::claim(&world.city.db, at(1), lease, 9).await.expect("is claimed");
    assert_eq!(first.len(), 1);
    assert_eq!(message::claim(&world.city.db, at(1), lease, 9).await.expect("is claimed").len(), 0, "one has it");
    let first = first.remove(0);
    let Says::Task { code, .. } = &first.says else { panic!("it is about a task") };
    let code = code.clone();
    assert!(!format!("{first:?}").contains("0777") && !format!("{first:?}").contains(code.as_str()));
    // Its worker died after the bus took it: the next one says it again, under the same name.
    let request_of = |claimed: &message::ClaimedMessage| {
        let Says::Task { code, name, due_at, .. } = &claimed.says else { panic!("it is about a task") };
        let request = model::task::Request {
            id: claimed.id,
            to: claimed.to.clone(),
            language: Language::Id,
            name: name.clone(),
            agency: "Dinas".into(),
            due_at: *due_at,
            code: code.clone(),
        };
        request.word(&site())
    };
    let _ = bus.publish_reply(&request_of(&first), first.trace).await.expect("is taken");
    world.round(&bus, at(4)).await;
    let heard = delivered(&bus, 1).await.remove(0);
    assert_eq!(heard.id, first.id, "the same message");
    assert!(task::by_code(&world.city.db, &code, at(5)).await.expect("loads").is_some(), "the link that was sent opens the task");
    assert!(matches!(message::published(&world.city.db, first).await, Err(store::StoreError::Stale)));
    let again = world.city.complaint("lampu mati").await;
    world.give(world.body("RT 04").await, &again, TODAY).await;
    let claimed = message::claim(&world.city.db, at(6), lease, 9).await.expect("is claimed").remove(0);
    message::retry(&world.city.db, claimed, at(8)).await.expect("is put back");
    assert_eq!(message::claim(&world.city.db, at(7), lease, 9).await.expect("is claimed").len(), 0);
    assert_eq!(message::claim(&world.city.db, at(8), lease, 9).await.expect("is claimed")[0].attempts, 2);
}
