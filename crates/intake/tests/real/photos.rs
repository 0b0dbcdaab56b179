//! The same photo with two complaints, when no byte is the same any more: forwarded, made smaller, compressed again.

use image::{DynamicImage, imageops::FilterType};
use intake::promote::promote_due;
use model::{
    Attachment, AttachmentKind, ComplaintId, Content, Inbound, Visibility,
    incident::{Reason, Suggestion, SuggestionState},
};
use store::{incident, queue::Scope};

use crate::{
    city::{LATER, message, opened},
    files::Room,
    scenes::{jpeg, letter, plain, street},
};

impl Room {
    /// Citizen `who` sends words with a photo that nobody has looked at yet.
    async fn photographed(&self, who: u32, words: &str, photo: Vec<u8>) -> ComplaintId {
        opened(self.city.record_one(&self.with_photo(message(who, &format!("foto-{who}"), words), photo).await).await)
    }

    async fn with_photo(&self, said: Inbound, photo: Vec<u8>) -> Inbound {
        let content = self.context.bus.put_blob(photo.into()).await.expect("is put");
        let file = Attachment { kind: AttachmentKind::Image, mime: Some("image/jpeg".into()), filename: None, content };
        Inbound { attachments: vec![file], ..said }
    }

    async fn look_at_all(&self) {
        while promote_due(&self.context, &self.rooms, LATER).await.expect("promotes") > 0 {}
    }

    async fn waiting(&self) -> Vec<Suggestion> {
        incident::waiting(&self.context.db, &Scope::Everything, 100).await.expect("is read")
    }
}

/// Words that have nothing in common and say nothing.
const WORDS: [&str; 20] = [
    "mohon ditindak",
    "begini keadaannya",
    "tolong dibantu",
    "silakan dicek",
    "kapan selesai",
    "sudah lama",
    "parah sekali",
    "kasihan warga",
    "lihat sendiri",
    "minta perhatian",
    "semoga didengar",
    "bikin susah",
    "harap maklum",
    "terlampir",
    "foto tadi pagi",
    "cepat pak",
    "aduh",
    "permisi",
    "bagaimana ini",
    "cuma lapor",
];

/// As another platform hands it on.
fn forwarded(photo: &DynamicImage) -> Vec<u8> {
    jpeg(&photo.resize(250, 188, FilterType::Lanczos3), 55)
}

#[tokio::test]
async fn a_photo_that_was_compressed_again_brings_two_complaints_before_a_person_and_joins_nothing() {
    let room = Room::new().await;
    let first = room.photographed(1, "mohon ditindak", jpeg(&street(3), 90)).await;
    room.look_at_all().await;
    assert!(room.waiting().await.is_empty());
    let second = room.photographed(2, "bagaimana ini pak wali", forwarded(&street(3))).await;
    let other = room.photographed(3, "tolong dibantu", forwarded(&street(4))).await;
    assert!(room.waiting().await.is_empty(), "nobody has looked at it yet, and the words say nothing");
    room.look_at_all().await;
    let waiting = room.waiting().await;
    let [pair] = waiting.as_slice() else { panic!("one pair: {waiting:?}") };
    assert_eq!((pair.complaint, pair.other, pair.state), (second, first, SuggestionState::Open));
    assert!(pair.reasons.contains(&Reason::Look) && !pair.reasons.contains(&Reason::Picture), "{:?}", pair.reasons);
    for complaint in [first, second, other] {
        assert!(incident::of_complaint(&room.context.db, complaint).await.expect("is read").is_none());
    }
}

#[tokio::test]
async fn it_does_not_matter_whose_photo_is_looked_at_first() {
    let room = Room::new().await;
    let first = room.photographed(1, "mohon ditindak", jpeg(&street(3), 90)).await;
    let second = room.photographed(2, "bagaimana ini pak wali", forwarded(&street(3))).await;
    // The older one waits: its blob is looked at when the younger one's was.
    let claimed = store::attachment::claim(&room.context.db, LATER, std::time::Duration::from_secs(1), 1).await.expect("claims");
    assert_eq!(claimed.iter().filter_map(|one| one.complaint).collect::<Vec<_>>(), [first]);
    room.look_at_all().await;
    assert!(room.waiting().await.is_empty());
    let after_the_lease = LATER + jiff::SignedDuration::from_secs(2);
    assert_eq!(promote_due(&room.context, &room.rooms, after_the_lease).await.expect("promotes"), 1);
    let pairs: Vec<_> = room.waiting().await.iter().map(|pair| (pair.complaint, pair.other)).collect();
    assert_eq!(pairs, [(second, first)], "the later one is asked about");
}

#[tokio::test]
async fn two_workers_that_look_at_the_same_photos_at_once_suggest_each_pair_once() {
    let room = Room::new().await;
    for who in 0..4 {
        room.photographed(who, WORDS[who as usize], jpeg(&street(u64::from(who) + 10), 90)).await;
    }
    for who in 0..4 {
        room.photographed(who + 10, WORDS[who as usize + 4], forwarded(&street(u64::from(who) + 10))).await;
    }
    let worker = || async { while promote_due(&room.context, &room.rooms, LATER).await.expect("promotes") > 0 {} };
    futures::join!(worker(), worker());
    assert_eq!(room.waiting().await.len(), 4);
}

#[tokio::test]
async fn a_pair_that_its_words_suggested_is_told_of_the_photo_and_one_that_was_decided_stays() {
    let room = Room::new().await;
    let flood = "banjir setinggi lutut di jl melati raya, air masuk rumah";
    let first = room.photographed(1, flood, jpeg(&street(5), 90)).await;
    let second = room.photographed(2, "air masuk rumah sejak subuh, jalan melati raya tergenang", forwarded(&street(5))).await;
    let before = room.waiting().await.remove(0);
    assert!(!before.reasons.contains(&Reason::Look));
    room.look_at_all().await;
    let after = room.waiting().await;
    let [pair] = after.as_slice() else { panic!("one pair: {after:?}") };
    assert_eq!((pair.complaint, pair.other, pair.at), (second, first, before.at));
    assert!(pair.reasons.contains(&Reason::Look) && pair.percent > before.percent, "{pair:?}");

    let mut tx = store::begin(&room.context.db).await.expect("begins");
    let change = model::incident::part(pair.clone(), SuggestionState::Different, model::Actor::System, LATER).expect("is allowed");
    let step = incident::NewStep {
        kind: model::incident::StepKind::Different,
        change: &change,
        by: model::Actor::System,
        at: LATER,
        undoes: None,
        reason: None,
    };
    incident::write(&mut tx, &[step]).await.expect("is written");
    store::commit(tx).await.expect("commits");
    let more = room
        .with_photo(message(2, "lagi", &format!("{}: ini fotonya", room.city.complaint(second).await.reference)), jpeg(&street(5), 35))
        .await;
    assert_eq!(room.city.record_one(&more).await.complaint(), Some(second));
    room.look_at_all().await;
    assert!(room.waiting().await.is_empty(), "nobody is asked twice");
}

#[tokio::test]
async fn plain_pictures_confidential_complaints_and_what_staff_add_lead_to_nothing() {
    let room = Room::new().await;
    for (who, (_, picture)) in (0..).zip(plain()) {
        room.photographed(who, WORDS[2 * who as usize], jpeg(&picture, 80)).await;
        room.photographed(who + 100, WORDS[2 * who as usize + 1], jpeg(&picture, 40)).await;
    }
    let secret = room.with_photo(message(50, "rahasia", "mohon ditindak"), jpeg(&street(6), 90)).await;
    opened(room.city.record_one(&Inbound { visibility: Visibility::Secret, ..secret }).await);
    let open = room.photographed(51, "bagaimana ini pak wali", forwarded(&street(6))).await;
    let content = room.context.bus.put_blob(jpeg(&street(7), 90).into()).await.expect("is put");
    assert!(matches!(content, Content::Quarantined { .. }));
    let result = Attachment { kind: AttachmentKind::Image, mime: None, filename: None, content };
    let mut tx = store::begin(&room.context.db).await.expect("begins");
    store::attachment::add_by_staff(&mut tx, open, &result, LATER).await.expect("is added");
    store::commit(tx).await.expect("commits");
    room.photographed(52, "tolong dibantu", forwarded(&street(7))).await;
    room.look_at_all().await;
    assert!(room.waiting().await.is_empty());
}

#[tokio::test]
async fn a_picture_that_many_unrelated_complaints_share_says_nothing() {
    let room = Room::new().await;
    for who in 0..12 {
        room.photographed(who, &format!("surat nomor {who}"), jpeg(&letter(1), 60 + u8::try_from(who).expect("small"))).await;
        room.look_at_all().await;
    }
    let pairs = room.waiting().await.len();
    assert!(pairs <= 15, "the first few are asked about, three at most each: {pairs}");
    let last = room.photographed(40, "surat lain", jpeg(&letter(1), 95)).await;
    room.look_at_all().await;
    assert!(incident::waiting_of(&room.context.db, last).await.expect("is read").is_empty());
}
