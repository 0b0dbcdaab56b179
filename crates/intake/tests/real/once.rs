//! Exactly once, whoever delivers how often and how many at a time.

use std::collections::HashSet;

use futures::future::join_all;
use intake::Recorded;
use model::{Inbound, Reference, ReplyKind};

use crate::city::{City, message, opened, photo};

#[tokio::test]
async fn a_redelivered_message_opens_no_second_complaint() {
    let city = City::new().await;
    let first = message(1, "m1", "jalan rusak");
    let complaint = opened(city.record_one(&first).await);
    assert_eq!(city.record_one(&first).await, Recorded::Again(Some(complaint)));
    assert_eq!(city.complaints().await, 1);
    assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Forwarded]);
}

#[tokio::test]
async fn a_message_twice_in_one_batch_is_recorded_once() {
    let city = City::new().await;
    let recorded = city.record(&[message(1, "m1", "jalan rusak"), message(1, "m1", "jalan rusak")]).await;
    assert_eq!(recorded[1], Recorded::Again(Some(opened(recorded[0]))));
    assert_eq!(city.complaints().await, 1);
}

#[tokio::test]
async fn twenty_deliveries_of_one_message_at_once_open_one_complaint() {
    let city = City::new().await;
    let twenty = [message(1, "m1", "jalan rusak")];
    let recorded: Vec<Recorded> = join_all((0..20).map(|_| city.record(&twenty))).await.concat();
    let new: Vec<_> = recorded.iter().filter(|recorded| matches!(recorded, Recorded::New(_))).collect();
    assert_eq!(new.len(), 1, "{recorded:?}");
    let belong_to: HashSet<_> = recorded.iter().map(|recorded| recorded.complaint()).collect();
    assert_eq!(belong_to.len(), 1);
    assert_eq!(city.complaints().await, 1);
}

#[tokio::test]
async fn the_same_message_from_two_identities_at_once_is_recorded_once() {
    let city = City::new().await;
    // The locks are those of the senders: here only the key in the database keeps the two apart.
    let (one, two) = ([message(1, "m1", "jalan rusak")], [message(2, "m1", "jalan rusak")]);
    for round in 0..10 {
        let id = format!("m{round}");
        let named = |messages: &[Inbound]| {
            let key = model::MessageKey { id: id.clone(), ..messages[0].key.clone() };
            [Inbound { reference: Reference::of(&key, 0), key, ..messages[0].clone() }]
        };
        let (one, two) = (named(&one), named(&two));
        let (a, b) = futures::join!(city.record(&one), city.record(&two));
        let new = [a[0], b[0]].iter().filter(|recorded| !matches!(recorded, Recorded::Again(_))).count();
        assert_eq!(new, 1, "{a:?} {b:?}");
    }
}

#[tokio::test]
async fn an_album_that_arrives_at_twenty_places_at_once_is_one_complaint_with_one_acknowledgement() {
    let city = City::new().await;
    let photos: Vec<[Inbound; 1]> = (0..20).map(|n| [photo(message(1, &format!("m{n}"), ""))]).collect();
    let recorded: Vec<Recorded> = join_all(photos.iter().map(|photo| city.record(photo))).await.concat();
    let complaints: HashSet<_> = recorded.iter().filter_map(|recorded| recorded.complaint()).collect();
    assert_eq!(complaints.len(), 1, "{recorded:?}");
    let complaint = recorded[0].complaint().expect("belongs to one");
    assert_eq!(store::message::of_complaint(&city.db, complaint).await.expect("loads").len(), 20);
    assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Received]);
}

#[tokio::test]
async fn batches_that_cross_each_other_do_not_wait_for_each_other_for_ever() {
    let city = City::new().await;
    let batch = |round: u32, reversed: bool| {
        let mut messages: Vec<Inbound> = (0..20).map(|who| message(who, &format!("{round}-{reversed}-{who}"), "jalan rusak")).collect();
        if reversed {
            messages.reverse();
        }
        messages
    };
    for round in 0..10 {
        let (ahead, behind) = (batch(round, false), batch(round, true));
        let recorded = join_all([city.record(&ahead), city.record(&behind)]).await.concat();
        assert_eq!(recorded.len(), 40);
    }
    assert_eq!(city.complaints().await, 20, "each citizen has one, and all they wrote within minutes is in it");
}

#[tokio::test]
async fn a_number_taken_by_chance_gets_the_next_turn() {
    let city = City::new().await;
    let taken = message(1, "m1", "jalan rusak");
    let other = Inbound { reference: taken.reference, ..message(2, "m2", "jalan rusak") };
    opened(city.record_one(&other).await);
    let complaint = opened(city.record_one(&taken).await);
    assert_eq!(city.complaint(complaint).await.reference, Reference::of(&taken.key, 1));
    assert_eq!(city.record_one(&taken).await, Recorded::Again(Some(complaint)));
}

#[tokio::test]
async fn a_number_taken_within_the_batch_gets_the_next_turn_too() {
    let city = City::new().await;
    let first = message(1, "m1", "jalan rusak");
    let second = Inbound { reference: first.reference, ..message(2, "m2", "jalan rusak") };
    let recorded = city.record(&[first.clone(), second.clone()]).await;
    assert_eq!(city.complaint(opened(recorded[0])).await.reference, first.reference);
    assert_eq!(city.complaint(opened(recorded[1])).await.reference, Reference::of(&second.key, 0));
}

#[tokio::test]
async fn two_that_take_one_number_at_once_get_two() {
    let city = City::new().await;
    for round in 0..10 {
        let one = [message(1, &format!("a{round}"), "jalan rusak")];
        let two = [Inbound {
            reference: one[0].reference,
            tracking: Some(model::TrackingCode::random()),
            ..message(2, &format!("b{round}"), "pohon tumbang")
        }];
        let one = [Inbound { tracking: Some(model::TrackingCode::random()), ..one[0].clone() }];
        let (a, b) = futures::join!(city.record(&one), city.record(&two));
        let (a, b) = (city.complaint(opened(a[0])).await, city.complaint(opened(b[0])).await);
        assert_ne!(a.reference, b.reference);
    }
}
