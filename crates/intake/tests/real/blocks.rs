//! Who is blocked: kept, not answered, and heard all the same when it is serious.

use intake::Recorded;
use model::{Action, Actor, ComplaintId, Event, Inbound, ReplyKind, Role, StaffId, TrackingCode};

use crate::{
    city::{City, LATER, at, message, opened, photo},
    questions::handle,
};

/// An admin blocks who wrote this, for a week.
async fn block(city: &City, complaint: ComplaintId) {
    let until = LATER + jiff::SignedDuration::from_hours(7 * 24);
    city.act_as(complaint, admin(city).await, Action::Block { reason: "mengancam petugas".into(), until }).await;
}

pub(crate) async fn admin(city: &City) -> Actor {
    let new = store::staff::NewStaff {
        login: format!("admin.{}", StaffId::new(LATER)),
        name: "Admin".into(),
        role: Role::Admin,
        agency: None,
        office: None,
        language: model::Language::Id,
    };
    let mut tx = store::begin(&city.db).await.expect("begins");
    let id = store::staff::create(&mut tx, &new, "no password fits", LATER).await.expect("is created").expect("is new");
    store::commit(tx).await.expect("commits");
    Actor::Staff { id, role: Role::Admin, agency: None }
}

#[tokio::test]
async fn what_a_blocked_sender_writes_is_kept_with_their_complaint_and_not_answered() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    block(&city, complaint).await;
    let kinds = city.reply_kinds(complaint).await;
    let sent = [
        at(60, message(1, "m2", "pohon tumbang di taman")),
        at(120, photo(message(1, "m3", ""))),
        at(180, Inbound { unreadable: Some("poll_creation".into()), ..message(1, "m4", "") }),
        at(240, Inbound { in_reply_to: Some("m1".into()), ..message(1, "m5", "masih rusak") }),
    ];
    let recorded = city.record(&sent).await;
    assert_eq!(recorded, [Recorded::FollowUp(complaint); 4]);
    assert_eq!(city.complaints().await, 1, "no complaint of its own");
    assert_eq!(city.reply_kinds(complaint).await, kinds, "and not a word");
    assert_eq!(store::message::of_complaint(&city.db, complaint).await.expect("loads").len(), 5, "all of it is kept");
    assert_eq!(city.complaint(complaint).await.text, "jalan rusak");
    assert_eq!(city.record_one(&sent[0]).await, Recorded::Again(Some(complaint)));
}

#[tokio::test]
async fn words_of_danger_and_a_promised_number_open_a_complaint_whoever_writes() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    block(&city, complaint).await;
    let danger = opened(city.record_one(&at(60, message(1, "m2", "kebakaran di gang sebelah"))).await);
    assert_eq!(city.reply_states(danger).await, [store::reply::ReplyState::Due], "with the emergency number");
    let slip = at(90, Inbound { tracking: Some(TrackingCode::random()), ..message(1, "m3", "pohon tumbang") });
    let promised = opened(city.record_one(&slip).await);
    assert_eq!(city.reply_states(promised).await, [store::reply::ReplyState::Withheld], "the slip says it already");
}

#[tokio::test]
async fn a_block_holds_for_one_sender_at_one_account_and_until_its_day() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    block(&city, complaint).await;
    opened(city.record_one(&at(60, message(2, "m2", "jalan rusak"))).await);
    let mut elsewhere = at(60, message(1, "m3", "jalan rusak"));
    elsewhere.key.account = "2".into();
    if let Some(to) = &mut elsewhere.reply_to {
        to.account = "2".into();
    }
    let other = opened(city.record_one(&elsewhere).await);
    assert_eq!(city.reply_states(other).await, [store::reply::ReplyState::Due]);
    city.act_as(complaint, admin(&city).await, Action::Unblock { reason: "meminta maaf".into() }).await;
    let again = opened(city.record_one(&at(600, message(1, "m4", "pohon tumbang"))).await);
    assert_eq!(city.reply_kinds(again).await, [ReplyKind::Received]);
}

#[tokio::test]
async fn another_number_is_no_way_around_a_block() {
    let city = City::new().await;
    let first = message(1, "m1", "jalan rusak");
    let complaint = opened(city.record_one(&first).await);
    block(&city, complaint).await;
    let new = message(9, "m2", "").sender;
    let moved = Event::Moved { adapter: "chat".parse().expect("a name"), from: first.sender.clone(), to: new, at: at(5, first).sent_at };
    handle(&city, moved).await;
    assert_eq!(city.record_one(&at(60, message(9, "m3", "pohon tumbang"))).await, Recorded::FollowUp(complaint));
}
