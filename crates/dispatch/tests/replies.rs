//! Replies to the bus: real PostgreSQL, a real NATS server.

#[path = "parts/support.rs"]
mod support;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bus::{Bus, BusConfig, Delivery, Queue, Stop};
use dispatch::{Context, Replies};
use jiff::{SignedDuration, Timestamp};
use model::{Attachment, AttachmentKind, Audience, BlobId, Complaint, Content, Facts, Language, Reply, ReplyDraft, ReplyId, ReplyKind};
use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
use outgoing::{Http, Limits};
use servers::testing::TestNats;
use store::{
    attachment::{self, Outcome},
    dispatch::SendKind,
    reply::{ReplyState, SentReply},
};
use support::{City, site, start};
use tokio::{sync::mpsc, time::timeout};

async fn connect(nats: &TestNats) -> Bus {
    let config = BusConfig { url: nats.url(), user: None, password: None, key: None, name: "test".into(), replicas: 1 };
    let bus = Bus::connect(&config).await.expect("a bus");
    bus.ensure().await.expect("streams");
    bus
}

/// What the adapter that delivers gets to see. A test that waits for nothing would hang, so each wait ends.
struct Adapter {
    replies: mpsc::UnboundedReceiver<Reply>,
    stop: Stop,
}

impl Adapter {
    fn new(bus: &Bus) -> Self {
        let (tell, replies) = mpsc::unbounded_channel();
        let (bus, stop) = (bus.clone(), Stop::new());
        let until = stop.clone();
        let handle = move |delivery: Delivery<Reply>| {
            let told = tell.send(delivery.item);
            async move { told.map_err(model::Failure::retry) }
        };
        tokio::spawn(async move { bus.consume(Queue::Replies("chat".parse().expect("a name")), until, 1, handle).await });
        Self { replies, stop }
    }

    async fn next(&mut self) -> Reply {
        timeout(Duration::from_mins(1), self.replies.recv()).await.expect("a reply in time").expect("a reply")
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn replies(city: &City, bus: &Bus) -> Replies {
    Replies { db: city.db.clone(), bus: bus.clone(), site: site(), files: Arc::new(InMemory::new()) }
}

fn later(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

async fn reply(city: &City, complaint: &Complaint) -> SentReply {
    let mut replies = store::reply::of_complaint(&city.db, complaint.id).await.expect("replies");
    assert_eq!(replies.len(), 1);
    replies.remove(0)
}

#[tokio::test]
async fn an_acknowledgement_reaches_the_adapter_in_words_and_is_kept_in_them() {
    let (city, nats) = (City::new(SendKind::Queue, "", None).await, servers::testing::nats());
    let bus = connect(&nats).await;
    let complaint = city.complaint("Jalan rusak").await;
    replies(&city, &bus).round(start()).await.expect("a round");

    let heard = Adapter::new(&bus).next().await;
    assert_eq!((heard.kind, heard.to.account.as_str()), (ReplyKind::Forwarded, "1"));
    for part in
        [complaint.reference.to_string(), format!("https://lapor.example.id/t/{}", complaint.tracking.as_str()), "Dinas Bina Marga".into()]
    {
        assert!(heard.text.contains(&part), "{part}");
    }
    let kept = reply(&city, &complaint).await;
    assert_eq!((kept.state, kept.text.as_deref(), kept.draft.id), (ReplyState::Published, Some(heard.text.as_str()), heard.id));
}

#[tokio::test]
async fn two_workers_publish_each_reply_once() {
    let (city, nats) = (City::new(SendKind::Queue, "", None).await, servers::testing::nats());
    let bus = connect(&nats).await;
    let mut expected = BTreeSet::new();
    for _ in 0..20 {
        expected.insert(city.complaint("Jalan rusak").await.reference.to_string());
    }
    let (one, two) = (replies(&city, &bus), replies(&city, &bus));
    let (first, second) = tokio::join!(one.round(start()), two.round(start()));
    first.and(second).expect("rounds");

    let mut adapter = Adapter::new(&bus);
    let mut heard = BTreeSet::new();
    for _ in 0..20 {
        assert!(heard.insert(adapter.next().await.params["reference"].clone()), "none twice");
    }
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn a_reply_whose_worker_died_is_published_by_another_after_the_lease() {
    let (city, nats) = (City::new(SendKind::Queue, "", None).await, servers::testing::nats());
    let bus = connect(&nats).await;
    let complaint = city.complaint("Jalan rusak").await;
    let dead = store::reply::claim(&city.db, start(), Duration::from_mins(2), 8).await.expect("a claim").remove(0);

    let replies = replies(&city, &bus);
    replies.round(later(119)).await.expect("a round");
    assert_eq!(reply(&city, &complaint).await.state, ReplyState::Due, "the lease still runs");
    replies.round(later(120)).await.expect("a round");
    assert_eq!(reply(&city, &complaint).await.state, ReplyState::Published);
    let late = store::reply::published(&city.db, dead, "terlambat", later(130)).await;
    assert!(matches!(late, Err(store::StoreError::Stale)), "{late:?}");
    assert_ne!(reply(&city, &complaint).await.text.as_deref(), Some("terlambat"));
}

#[tokio::test]
async fn a_bus_that_is_down_delays_and_loses_nothing() {
    let (city, mut nats) = (City::new(SendKind::Queue, "", None).await, servers::testing::nats());
    let bus = connect(&nats).await;
    let complaint = city.complaint("Jalan rusak").await;
    nats.kill9();
    let replies = replies(&city, &bus);
    replies.round(start()).await.expect("the database is well");
    assert_eq!(reply(&city, &complaint).await.state, ReplyState::Due);

    nats.restart().expect("the server comes back");
    replies.round(start()).await.expect("a round");
    assert_eq!(reply(&city, &complaint).await.state, ReplyState::Due, "a pause first");
    replies.round(later(5)).await.expect("a round");
    assert_eq!(reply(&city, &complaint).await.state, ReplyState::Published);
    assert_eq!(Adapter::new(&bus).next().await.id, reply(&city, &complaint).await.draft.id);
}

/// An answer with a photo that nobody has looked at yet.
async fn answer_with_photo(city: &City, complaint: &Complaint, audience: Audience) -> ReplyId {
    let content = Content::Quarantined { blob: BlobId("muara.0a".into()), bytes: 4, sha256: "0".repeat(64) };
    let photo = Attachment { kind: AttachmentKind::Image, mime: None, filename: None, content };
    let mut tx = store::begin(&city.db).await.expect("a transaction");
    let photo = attachment::add_by_staff(&mut tx, complaint.id, &photo, start()).await.expect("a photo");
    let mut to = complaint.reply_to.clone().expect("a way to answer");
    to.audience = audience;
    let facts = Facts {
        reference: Some(complaint.reference.to_string()),
        tracking: Some(complaint.tracking.clone()),
        agency: Some("Dinas Bina Marga".into()),
        text: Some("Sudah ditambal.".into()),
        photo: Some(photo),
        ..Facts::default()
    };
    let id = ReplyId::new(start());
    let draft = ReplyDraft { id, kind: ReplyKind::Resolved, to, language: Language::Id, cause: id.0, facts };
    let new = store::reply::New { draft: &draft, complaint: Some(complaint.id), trace: complaint.trace, now: start() };
    store::reply::insert(&mut tx, &[new]).await.expect("an answer");
    store::commit(tx).await.expect("committed");
    id
}

async fn state_of(city: &City, complaint: &Complaint, id: ReplyId) -> ReplyState {
    let replies = store::reply::of_complaint(&city.db, complaint.id).await.expect("replies");
    replies.iter().find(|reply| reply.draft.id == id).expect("the answer").state
}

#[tokio::test]
async fn an_answer_waits_a_little_for_its_photo_and_takes_the_copy_along_that_may_be_shown() {
    let (city, nats) = (City::new(SendKind::Queue, "", None).await, servers::testing::nats());
    let bus = connect(&nats).await;
    let complaint = city.complaint("Jalan rusak").await;
    let files = Arc::new(InMemory::new());
    let replies = Replies { files: files.clone(), ..replies(&city, &bus) };
    let mut adapter = Adapter::new(&bus);
    replies.round(start()).await.expect("a round");
    assert!(adapter.next().await.files.is_empty(), "an acknowledgement has none");

    let answer = answer_with_photo(&city, &complaint, Audience::Private).await;
    replies.round(later(1)).await.expect("a round");
    assert_eq!(state_of(&city, &complaint, answer).await, ReplyState::Due, "nobody has looked at the photo yet");
    let claimed = attachment::claim(&city.db, later(2), Duration::from_mins(1), 1).await.expect("a claim").remove(0);
    files.put(&Path::from("umum/1.jpg"), vec![9_u8; 700_000].into()).await.expect("stored");
    files.put(&Path::from("asli/1"), vec![1_u8; 10].into()).await.expect("stored");
    let kept = Outcome::Kept {
        kind: AttachmentKind::Image,
        media_type: "image/jpeg".into(),
        bytes: 10,
        sha256: "0".repeat(64),
        width: Some(20),
        height: Some(10),
        original_key: "asli/1".into(),
        public_key: Some("umum/1.jpg".into()),
    };
    attachment::settle(&city.db, claimed, kept, later(3)).await.expect("settled");
    replies.round(later(10)).await.expect("a round");
    let heard = adapter.next().await;
    assert!(heard.text.contains("Foto hasilnya"), "{}", heard.text);
    let [file] = heard.files.as_slice() else { panic!("{heard:?}") };
    assert_eq!(
        (file.size, file.mime.as_str(), file.filename.as_str()),
        (700_000, "image/jpeg", format!("{}.jpg", complaint.reference).as_str())
    );
    let bytes = bus.take_file(&heard.to.adapter, &file.at).await.expect("read").expect("there");
    assert!(bytes.len() == 700_000 && bytes.iter().all(|byte| *byte == 9), "the copy, not the original");
    assert_eq!(state_of(&city, &complaint, answer).await, ReplyState::Published);
}

#[tokio::test]
async fn a_photo_that_is_not_to_be_had_and_one_for_everybodys_eyes_leave_the_words_alone() {
    let (city, nats) = (City::new(SendKind::Queue, "", None).await, servers::testing::nats());
    let bus = connect(&nats).await;
    let replies = replies(&city, &bus);
    let mut adapter = Adapter::new(&bus);
    let complaint = city.complaint("Jalan rusak").await;
    replies.round(start()).await.expect("a round");
    assert_eq!(adapter.next().await.kind, ReplyKind::Forwarded);

    let public = answer_with_photo(&city, &complaint, Audience::Public).await;
    replies.round(later(1)).await.expect("a round");
    let heard = adapter.next().await;
    assert!(heard.id == public && heard.files.is_empty() && !heard.text.contains("Foto"), "{}", heard.text);

    // Its check never comes to an end; the citizen hears all the same.
    let private = answer_with_photo(&city, &complaint, Audience::Private).await;
    let mut rounds = 0;
    while state_of(&city, &complaint, private).await == ReplyState::Due {
        rounds += 1;
        assert!(rounds < 20, "it waits for ever");
        replies.round(later(rounds * 600)).await.expect("a round");
    }
    let heard = adapter.next().await;
    assert!(heard.id == private && heard.files.is_empty(), "{heard:?}");
    assert_eq!(rounds, 7, "six tries, and then without");
}

#[tokio::test]
async fn the_loops_wake_by_themselves_and_stop_when_told() {
    let (city, nats) = (City::new(SendKind::Blackhole, "", None).await, servers::testing::nats());
    let bus = connect(&nats).await;
    let mut adapter = Adapter::new(&bus);
    let stop = Stop::new();
    let context = Context {
        db: city.db.clone(),
        bus: bus.clone(),
        site: site(),
        files: Arc::new(InMemory::new()),
        language: Language::Id,
        http: Http::new(Limits::default()).expect("a client"),
        mail: None,
    };
    let running = tokio::spawn(dispatch::run(context, stop.clone()));
    let first = city.complaint("Jalan rusak").await;
    assert_eq!(adapter.next().await.params["reference"], first.reference.to_string());
    let second = city.complaint("Lampu mati").await;
    assert_eq!(adapter.next().await.params["reference"], second.reference.to_string());

    stop.cancel();
    timeout(Duration::from_mins(1), running).await.expect("an end in time").expect("no panic");
    let sendings = store::dispatch::of_complaint(&city.db, first.id).await.expect("sendings");
    assert_eq!(sendings[0].state, store::dispatch::SendState::Delivered);
}
