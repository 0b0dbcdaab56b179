//! Who sends too much and what reads like an advertisement: recorded like everything else, kept together or held, and answered within reason.

use intake::{Recorded, Rooms};
use jiff::SignedDuration;
use model::{
    Action, Actor, Audience, Guard, Guarded, Inbound, Proof, ReplyKind, Role, Signal, StaffId, Status, TrackingCode, UpdateKind, Verdict,
    Visibility,
};
use store::guard::Dated;

use crate::{
    blocks::admin,
    city::{City, LATER, after, at, message, opened, photo},
};

const ADVERT: &str = "SLOT GACOR maxwin x500, bonus new member, daftar sekarang di https://contoh-gacor.xyz/ref";

/// One conversation of its own, as each mail is: it joins nothing that came before.
fn alone(who: u32, id: &str, text: &str) -> Inbound {
    Inbound { thread: Some(id.into()), ..message(who, id, text) }
}

fn many(who: u32, count: usize) -> Vec<Inbound> {
    (0..count).map(|n| alone(who, &format!("c{who}m{n}"), &format!("jalan rusak di gang nomor {n}"))).collect()
}

#[tokio::test]
async fn a_sender_beyond_the_limit_is_kept_together_held_and_told_once() {
    let city = City::new().await;
    let most = usize::from(Guard::default().opens);
    let recorded = city.record(&many(1, most + 40)).await;
    assert!(recorded[..most].iter().all(|one| matches!(one, Recorded::New(_))), "{recorded:?}");
    let basket = opened(recorded[most]);
    assert!(recorded[most + 1..].iter().all(|one| *one == Recorded::FollowUp(basket)), "{recorded:?}");
    assert_eq!(city.complaints().await, i64::try_from(most).expect("few") + 1);
    let kept = city.complaint(basket).await;
    assert!(kept.is_held() && kept.dispatches.is_empty());
    assert_eq!(store::message::of_complaint(&city.db, basket).await.expect("loads").len(), 40, "all of it is there");
    let said: Vec<_> = city.replies(basket).await.iter().map(|reply| (reply.draft.kind, reply.draft.facts.guarded)).collect();
    assert_eq!(said, [(ReplyKind::Received, Some(Guarded::Flood))], "one word, and then none");
    // In another batch too, and somebody else is nobody's flood.
    assert_eq!(city.record_one(&alone(1, "later", "jalan rusak lagi")).await, Recorded::FollowUp(basket));
    let neighbour = opened(city.record_one(&alone(2, "neighbour", "jalan rusak")).await);
    assert!(!city.complaint(neighbour).await.is_held());
    // An hour on they are heard as before.
    let after_an_hour = at(61, alone(1, "hour", "jalan rusak di pasar"));
    assert!(!city.complaint(opened(city.record_one(&after_an_hour).await)).await.is_held());
}

#[tokio::test]
async fn a_redelivered_flood_adds_nothing() {
    let city = City::new().await;
    let flood = many(1, 25);
    let first = city.record(&flood).await;
    let again = city.record(&flood).await;
    for (first, again) in first.iter().zip(again) {
        assert_eq!(again, Recorded::Again(first.complaint()));
    }
}

#[tokio::test]
async fn an_emergency_beyond_the_limit_goes_its_way_and_more_of_them_open_no_flood() {
    let city = City::new().await;
    city.record(&many(1, 15)).await;
    let danger = opened(city.record_one(&alone(1, "d1", "kebakaran di gang sebelah")).await);
    let complaint = city.complaint(danger).await;
    assert!(!complaint.is_held() && !complaint.why.danger.is_empty());
    assert!(city.replies(danger).await[0].draft.facts.danger, "with the emergency number");
    let before = city.complaints().await;
    let more: Vec<Inbound> = (0..50).map(|n| alone(1, &format!("more{n}"), "kebakaran di gang sebelah")).collect();
    assert_eq!(city.record(&more).await, vec![Recorded::FollowUp(danger); 50]);
    assert_eq!(city.complaints().await, before);
}

#[tokio::test]
async fn a_whistle_blower_is_never_held_however_much_they_send() {
    let city = City::new().await;
    city.record(&many(1, 15)).await;
    let breach = opened(city.record_one(&alone(1, "b1", "petugas loket minta uang, ini pungli")).await);
    assert!(!city.complaint(breach).await.is_held());
    let sealed = Inbound { visibility: Visibility::Sealed, ..alone(1, "s1", ADVERT) };
    assert!(!city.complaint(opened(city.record_one(&sealed).await)).await.is_held());
}

#[tokio::test]
async fn a_number_that_a_door_has_promised_is_given_also_beyond_the_limit() {
    let city = City::new().await;
    city.record(&many(1, 15)).await;
    let promised = Inbound { tracking: Some(TrackingCode::random()), ..alone(1, "slip", "pohon tumbang") };
    let complaint = opened(city.record_one(&promised).await);
    assert_eq!(city.complaint(complaint).await.reference, promised.reference);
}

#[tokio::test]
async fn automatic_answers_to_one_sender_end_with_one_that_says_so() {
    let city = City::new().await;
    let most = usize::from(Guard::default().answers);
    let complaint = opened(city.record_one(&message(1, "m0", "jalan rusak")).await);
    let messages: Vec<Inbound> = (1..=40_i64)
        .map(|n| Inbound { in_reply_to: Some("m0".into()), ..at(n * 15, message(1, &format!("m{n}"), "masih rusak")) })
        .collect();
    // In two batches, so that what went out before counts too.
    city.record(&messages[..10]).await;
    city.record(&messages[10..]).await;
    let replies = city.replies(complaint).await;
    assert_eq!(replies.len(), most, "{:?}", city.reply_kinds(complaint).await);
    let last = replies.iter().filter(|reply| reply.draft.facts.guarded == Some(Guarded::Last)).count();
    assert_eq!(last, 1);
    assert_eq!(store::message::of_complaint(&city.db, complaint).await.expect("loads").len(), 41, "all of it is there");
}

#[tokio::test]
async fn an_advertisement_is_numbered_held_with_its_reasons_and_given_to_nobody() {
    let city = City::new().await;
    let held = opened(city.record_one(&message(1, "m1", ADVERT)).await);
    let complaint = city.complaint(held).await;
    assert!(complaint.is_held() && complaint.dispatches.is_empty() && complaint.status() == Status::Received);
    let why = complaint.why.held.expect("is held");
    assert!(why.points >= Guard::default().points && why.signs.iter().any(|sign| sign.signal == Signal::Advert), "{why:?}");
    assert!(why.due > after(0) && why.due < after(4 * 24 * 60), "{}", why.due);
    let said: Vec<_> = city.replies(held).await.iter().map(|reply| (reply.draft.kind, reply.draft.facts.guarded)).collect();
    assert_eq!(said, [(ReplyKind::Received, Some(Guarded::Held))]);
    // Words of danger in the next breath let it go.
    let _ = city.record_one(&at(2, message(1, "m2", "tolong, ada kebakaran"))).await;
    assert!(!city.complaint(held).await.is_held());
}

#[tokio::test]
async fn what_staff_say_teaches_the_senders_history() {
    let city = City::new().await;
    let mild = "promo diskon, lihat https://contoh.example/promo";
    let fresh = opened(city.record_one(&message(2, "fresh", mild)).await);
    assert!(!city.complaint(fresh).await.is_held(), "too little by itself");
    for n in 0..2 {
        let spam = opened(city.record_one(&at(n * 100, message(1, &format!("s{n}"), ADVERT))).await);
        city.act_as(spam, triage(&city).await, Action::Reject { reason: "Iklan judi.".into() }).await;
        let closed = city.complaint(spam).await;
        assert_eq!((closed.status(), closed.why.held.and_then(|held| held.verdict)), (Status::Resolved, Some(Verdict::Spam)));
    }
    let again = opened(city.record_one(&at(300, message(1, "again", mild))).await);
    let held = city.complaint(again).await.why.held.expect("is held");
    let before = held.signs.iter().find(|sign| sign.signal == Signal::SpamBefore).expect("a reason");
    assert_eq!(before.found, ["2"]);
}

#[tokio::test]
async fn what_is_let_go_is_with_the_agency_that_the_rules_name() {
    let city = City::new().await;
    let held = opened(
        city.record_one(&alone(1, "m1", &format!("jalan rusak {ADVERT} gacor88 situs slot link alternatif https://a.vip https://b.vip")))
            .await,
    );
    assert!(city.complaint(held).await.is_held(), "{:?}", city.complaint(held).await.why.held);
    city.act_as(held, triage(&city).await, Action::Release).await;
    let complaint = city.complaint(held).await;
    assert_eq!(complaint.dispatches.iter().map(|dispatch| dispatch.agency).collect::<Vec<_>>(), [city.agency("roads")]);
    assert_eq!(complaint.dispatches[0].clocks.started, after(0), "its time began when it came in");
    let steps: Vec<UpdateKind> = store::complaint::history(&city.db, held).await.expect("loads").iter().map(|update| update.kind).collect();
    assert_eq!(steps, [UpdateKind::Opened, UpdateKind::Held, UpdateKind::Released, UpdateKind::Routed]);
}

#[tokio::test]
async fn the_same_words_from_many_are_counted_once_a_sender_and_hold_nothing_by_themselves() {
    let city = City::new().await;
    let petition = "Selamatkan lapangan bola kami dari penggusuran";
    let flood: Vec<Inbound> = (1..=30).map(|who| message(who, &format!("p{who}"), petition)).collect();
    for one in city.record(&flood).await {
        assert!(!city.complaint(opened(one)).await.is_held());
    }
    let mild = "promo pinjaman dana, lihat https://contoh.example";
    let few = opened(city.record_one(&photo(message(40, "q0", mild))).await);
    assert!(!city.complaint(few).await.is_held());
    let copies: Vec<Inbound> = (41..=55).map(|who| photo(message(who, &format!("q{who}"), mild))).collect();
    let last = opened(*city.record(&copies).await.last().expect("some"));
    let held = city.complaint(last).await.why.held.expect("with so many copies");
    let same = held.signs.iter().find(|sign| sign.signal == Signal::SameWords).expect("a reason");
    assert_eq!(same.found, ["15"]);
}

#[tokio::test]
async fn limits_hold_from_their_day_on() {
    let city = City::new().await;
    let Actor::Staff { id, .. } = admin(&city).await else { panic!("staff") };
    let today = city.rooms.directory.day(LATER);
    let strict = Guard { opens: 2, ..Guard::default() };
    let mut tx = store::begin(&city.db).await.expect("begins");
    for (from, guard) in [(today, strict), (today.tomorrow().expect("a day"), Guard::default())] {
        assert!(store::guard::add(&mut tx, &Dated { from, guard }, Some(id), LATER).await.expect("is written"));
    }
    assert!(
        !store::guard::add(&mut tx, &Dated { from: today, guard: Guard::default() }, Some(id), LATER).await.expect("is asked"),
        "never changed"
    );
    store::commit(tx).await.expect("commits");
    let rooms = Rooms::load(&city.db).await.expect("loads");
    let batch: Vec<_> = many(1, 5).into_iter().map(|one| (one, model::TraceId::random())).collect();
    let recorded = intake::record_batch(&city.db, &rooms, &batch, LATER).await.expect("is recorded");
    assert_eq!(recorded.iter().filter(|one| matches!(one, Recorded::New(_))).count(), 3, "two, and the one that gathers");
    let tomorrow = LATER + SignedDuration::from_hours(24);
    let batch: Vec<_> = many(2, 5).into_iter().map(|one| (one, model::TraceId::random())).collect();
    let recorded = intake::record_batch(&city.db, &rooms, &batch, tomorrow).await.expect("is recorded");
    assert!(recorded.iter().all(|one| matches!(one, Recorded::New(_))));
}

#[tokio::test]
async fn a_breath_without_end_is_kept_and_its_danger_is_heard() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m0", "lampu mati")).await);
    let flood: Vec<Inbound> = (1..=100).map(|n| message(1, &format!("m{n}"), &format!("pesan ke {n}"))).collect();
    city.record(&flood).await;
    let text = city.complaint(complaint).await.text;
    assert!(text.contains("pesan ke 5") && !text.contains("pesan ke 90"), "read closely up to a number");
    assert_eq!(store::message::of_complaint(&city.db, complaint).await.expect("loads").len(), 101, "all of it is there");
    let _ = city.record_one(&message(1, "danger", "sekarang kebakaran")).await;
    assert!(!city.complaint(complaint).await.why.danger.is_empty());
}

#[tokio::test]
async fn a_public_post_is_held_without_calling_anybody_a_spammer() {
    let city = City::new().await;
    let mut post = Inbound { audience: Audience::Public, proof: Proof::Platform, ..message(1, "m1", ADVERT) };
    post.reply_to = post.reply_to.map(|to| model::ReplyTo { audience: Audience::Public, ..to });
    let held = opened(city.record_one(&post).await);
    let before = city.replies(held).await.len();
    city.act_as(held, triage(&city).await, Action::Reject { reason: "Iklan judi.".into() }).await;
    assert_eq!(city.replies(held).await.len(), before);
}

async fn triage(city: &City) -> Actor {
    let new = store::staff::NewStaff {
        login: format!("triage.{}", StaffId::new(LATER)),
        name: "Triase".into(),
        role: Role::Triage,
        agency: None,
        office: None,
        language: model::Language::Id,
    };
    let mut tx = store::begin(&city.db).await.expect("begins");
    let id = store::staff::create(&mut tx, &new, "no password fits", LATER).await.expect("is created").expect("is new");
    store::commit(tx).await.expect("commits");
    Actor::Staff { id, role: Role::Triage, agency: None }
}
