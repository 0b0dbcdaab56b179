//! What a new complaint brings with it: its agency, its clock, its answer; and what silence and nonsense come to.

use std::collections::HashSet;

use futures::StreamExt;
use intake::Recorded;
use model::{ComplaintId, Inbound, Language, ReplyKind, Status, UpdateKind};
use store::{citizen, reply::ReplyState};

use crate::city::{City, LATER, NOW, at, in_mawar, message, opened, photo};

#[tokio::test]
async fn a_complaint_with_a_rule_is_with_its_agency_and_one_without_waits_in_triage() {
    let city = City::new().await;
    let recorded = city.record(&[message(1, "m1", "jalan rusak"), message(2, "m2", "mau tanya")]).await;
    let (routed, waiting) = (opened(recorded[0]), opened(recorded[1]));
    let complaint = city.complaint(routed).await;
    assert_eq!((complaint.status(), complaint.version), (Status::Forwarded, 1));
    assert_eq!(complaint.why.category, ["jalan rusak"]);
    assert_eq!(complaint.dispatches.len(), 1);
    assert!(complaint.deadline().expect("has one") > NOW);
    assert_eq!(city.complaint(waiting).await.status(), Status::Received);
    assert_eq!(city.reply_kinds(routed).await, [ReplyKind::Forwarded]);
    assert_eq!(city.reply_kinds(waiting).await, [ReplyKind::Received]);
    let steps = store::complaint::history(&city.db, waiting).await.expect("loads");
    assert_eq!(steps.iter().map(|step| step.kind).collect::<Vec<_>>(), [UpdateKind::Opened, UpdateKind::ToTriage]);
}

#[tokio::test]
async fn what_was_said_and_where_is_found_again_as_it_was() {
    let city = City::new().await;
    let said = Inbound {
        sender_name: Some("Siti".into()),
        contact: vec!["mailto:siti@example.id".parse().expect("an address")],
        location: Some(in_mawar()),
        place: Some("depan warung".into()),
        language: Some(Language::En),
        ..photo(message(1, "m1", "pohon tumbang \u{1F333}"))
    };
    let complaint = opened(city.record_one(&said).await);
    let messages = store::message::of_complaint(&city.db, complaint).await.expect("loads");
    let found = &messages[0];
    assert_eq!((found.text.as_str(), found.sender_name.as_deref()), ("pohon tumbang \u{1F333}", Some("Siti")));
    assert_eq!((&found.sender, &found.contact), (&Some(said.sender[0].clone()), &said.contact));
    assert_eq!((found.location, found.place.as_deref()), (Some(in_mawar()), Some("depan warung")));
    assert_eq!(found.attachments.len(), 1);
    assert_eq!(city.complaint(complaint).await.language, Language::En);
    // Next time they need not say which language they speak.
    let later = opened(city.record_one(&at(500, message(1, "m2", "jalan rusak"))).await);
    assert_eq!(city.complaint(later).await.language, Language::En);
}

#[tokio::test]
async fn an_address_that_asked_for_silence_gets_none_of_our_replies() {
    let city = City::new().await;
    let first = message(1, "m1", "jalan rusak");
    let before = opened(city.record_one(&first).await);
    assert_eq!(city.reply_states(before).await, [ReplyState::Due]);
    citizen::opt_out(&city.db, &first.sender[0], LATER).await.expect("is noted");
    citizen::opt_out(&city.db, &first.sender[0], LATER).await.expect("is noted again");
    assert_eq!(city.reply_states(before).await, [ReplyState::Withheld]);
    let after = opened(city.record_one(&at(500, message(1, "m2", "jalan rusak"))).await);
    assert_eq!(city.reply_states(after).await, [ReplyState::Withheld]);
    let others = opened(city.record_one(&message(2, "m3", "jalan rusak")).await);
    assert_eq!(city.reply_states(others).await, [ReplyState::Due]);
}

#[tokio::test]
async fn what_cannot_be_read_is_recorded_and_answered_once_and_opens_nothing() {
    let city = City::new().await;
    let poll = |id: &str| Inbound { unreadable: Some("poll".into()), ..message(1, id, "") };
    let recorded = city.record(&[poll("m1"), poll("m2"), message(1, "m3", " ")]).await;
    assert_eq!(recorded, [Recorded::Unreadable; 3]);
    assert_eq!(city.record_one(&at(1, poll("m4"))).await, Recorded::Unreadable);
    assert_eq!(city.record_one(&poll("m1")).await, Recorded::Again(None));
    assert_eq!(city.complaints().await, 0);
    let due = store::reply::claim(&city.db, LATER, std::time::Duration::from_secs(1), 10).await.expect("claims");
    assert_eq!(due.iter().map(|due| (due.draft.kind, due.complaint)).collect::<Vec<_>>(), [(ReplyKind::Unreadable, None)]);
    // And what follows is a complaint of its own.
    opened(city.record_one(&at(2, message(1, "m5", "jalan rusak"))).await);
}

#[tokio::test]
async fn a_monstrous_message_is_recorded_with_a_note_of_what_was_cut() {
    let city = City::new().await;
    let monstrous = Inbound {
        sender_name: Some("N".repeat(10_000)),
        thread: Some("t".repeat(100_000)),
        place: Some("\0".into()),
        location: Some(model::Point { lat: f64::NAN, lon: 1e300 }),
        ..message(1, &"i".repeat(100_000), &format!("jalan rusak\0{}", "x".repeat(1_000_000)))
    };
    let complaint = opened(city.record_one(&monstrous).await);
    let message = &store::message::of_complaint(&city.db, complaint).await.expect("loads")[0];
    assert!(message.text.starts_with("jalan rusakx") && message.text.len() == 64 * 1024);
    assert_eq!(message.cut.as_deref(), Some("text: 1000011 bytes; sender_name: 10000 chars"));
    assert_eq!((message.location, message.place.as_deref()), (None, None));
    assert_eq!(city.record_one(&monstrous).await, Recorded::Again(Some(complaint)));
}

#[tokio::test]
async fn a_complaint_does_not_grow_without_end() {
    let city = City::new().await;
    let long = "x".repeat(40_000);
    let recorded = city.record(&[message(1, "m1", &long), message(1, "m2", &long)]).await;
    assert!(matches!(recorded[1], Recorded::New(_)), "a second dozen of pages is a matter of its own: {recorded:?}");
}

#[tokio::test]
async fn words_of_danger_are_marked_and_answered_with_the_emergency_number() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "tolong ada kebakaran")).await);
    assert!(!city.complaint(complaint).await.why.danger.is_empty());
    assert!(city.replies(complaint).await[0].draft.facts.danger);
}

#[tokio::test]
async fn a_batch_of_hundreds_wakes_the_pages_of_every_complaint() {
    let city = City::new().await;
    let heard = store::live::listen(&city.db).await.expect("listens");
    let batch: Vec<Inbound> = (0..450).map(|who| message(who, &format!("m{who}"), "jalan rusak")).collect();
    let opened: HashSet<ComplaintId> = city.record(&batch).await.into_iter().map(opened).collect();
    assert_eq!(heard.take(450).collect::<HashSet<_>>().await, opened);
}
