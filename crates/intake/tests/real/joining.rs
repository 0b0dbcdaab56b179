//! What belongs together, and what does not.

use intake::Recorded;
use model::{Action, Address, Audience, Inbound, NOTE, Proof, Receipt, ReceiptState, ReplyKind, Status, UpdateKind};
use proptest::{prelude::*, test_runner::TestRunner};
use store::reply;

use crate::city::{City, LATER, at, in_mawar, message, opened, photo};

const LEASE: std::time::Duration = std::time::Duration::from_mins(1);

#[tokio::test]
async fn a_photo_and_then_its_words_are_one_complaint() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&photo(message(1, "m1", ""))).await);
    assert_eq!(city.complaint(complaint).await.status(), Status::Received);
    let words = at(2, message(1, "m2", "jalan rusak di depan pasar"));
    assert_eq!(city.record_one(&words).await, Recorded::FollowUp(complaint));
    let whole = city.complaint(complaint).await;
    assert_eq!(whole.text, "jalan rusak di depan pasar");
    assert_eq!(whole.status(), Status::Forwarded, "nobody had it, so triage read it again");
    assert_eq!(whole.pending().map(|dispatch| dispatch.agency).collect::<Vec<_>>(), [city.agency("roads")]);
    assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Forwarded], "one photo with its words, one answer");
}

#[tokio::test]
async fn a_photo_waits_a_moment_for_its_words_and_is_answered_without_them() {
    let city = City::new().await;
    let claimed = |seconds: i64| {
        let then = LATER + jiff::SignedDuration::from_secs(seconds);
        reply::claim(&city.db, then, LEASE, 100)
    };
    let complaint = opened(city.record_one(&photo(message(1, "m1", ""))).await);
    assert!(claimed(1).await.expect("claims").is_empty(), "not at once");
    let answers = claimed(model::SETTLING.as_secs()).await.expect("claims");
    assert_eq!(answers.iter().map(|answer| answer.draft.kind).collect::<Vec<_>>(), [ReplyKind::Received]);
    for answer in answers {
        reply::published(&city.db, answer, "words", LATER).await.expect("is noted");
    }
    // Too late for one answer: the first is out.
    assert_eq!(city.record_one(&at(2, message(1, "m2", "jalan rusak"))).await, Recorded::FollowUp(complaint));
    assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Received, ReplyKind::Routed]);
}

#[tokio::test]
async fn what_a_worker_holds_already_is_sent_and_not_taken_back() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&photo(message(1, "m1", ""))).await);
    let held = reply::claim(&city.db, LATER + model::SETTLING, LEASE, 100).await.expect("claims");
    assert_eq!(city.record_one(&at(1, message(1, "m2", "jalan rusak"))).await, Recorded::FollowUp(complaint));
    for answer in held {
        reply::published(&city.db, answer, "words", LATER).await.expect("is still there");
    }
    assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Received, ReplyKind::Routed]);
}

#[tokio::test]
async fn photos_place_and_words_in_one_batch_or_in_many_are_answered_once() {
    let parts = || {
        let place = Inbound { location: Some(in_mawar()), ..message(1, "m3", "") };
        [photo(message(1, "m1", "")), photo(message(1, "m2", "")), place, message(1, "m4", "jalan rusak")]
    };
    let together = City::new().await;
    let complaint = opened(together.record(&parts()).await[0]);
    let apart = City::new().await;
    let mut recorded = Vec::new();
    for part in parts() {
        recorded.push(apart.record_one(&part).await);
    }
    for (city, complaint) in [(&together, complaint), (&apart, opened(recorded[0]))] {
        assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Forwarded]);
        assert!(!city.replies(complaint).await[0].draft.facts.settles, "it knows the words, and goes out at once");
        let whole = city.complaint(complaint).await;
        assert_eq!((whole.text.as_str(), whole.location, whole.questions.open), ("jalan rusak", Some(in_mawar()), None));
    }
}

#[tokio::test]
async fn danger_in_the_words_of_a_photo_stands_in_its_one_answer() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&photo(message(1, "m1", ""))).await);
    assert_eq!(city.record_one(&at(1, message(1, "m2", "ada kebakaran rumah"))).await, Recorded::FollowUp(complaint));
    let replies = city.replies(complaint).await;
    assert_eq!(replies.len(), 1);
    assert!(replies[0].draft.facts.danger && !replies[0].draft.facts.settles);
}

#[tokio::test]
async fn what_staff_noted_below_the_words_is_kept_and_decides_nothing() {
    let city = City::new().await;
    let note = |text: &str| format!("{text}\n\n{NOTE}Catatan petugas\nDiteruskan ketua jalan rusak{NOTE}");
    let plain = opened(city.record_one(&message(1, "m1", &note("halo pak"))).await);
    let complaint = city.complaint(plain).await;
    assert_eq!((complaint.category.as_deref(), complaint.text.contains("Diteruskan")), (None, true));
    let sent = at(1, message(1, "m2", "jalan rusak"));
    assert_eq!(city.record_one(&sent).await, Recorded::FollowUp(plain));
    assert_eq!(city.complaint(plain).await.category.as_deref(), Some("road"), "what comes after the note counts");
    let odd = opened(city.record_one(&message(2, "m3", &format!("{NOTE}jalan rusak"))).await);
    assert_eq!(city.complaint(odd).await.category.as_deref(), Some("road"), "one mark alone hides nothing");
}

#[tokio::test]
async fn words_and_then_the_place_are_one_complaint_with_its_area() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "pohon tumbang")).await);
    let place = at(1, Inbound { location: Some(in_mawar()), ..message(1, "m2", "") });
    assert_eq!(city.record_one(&place).await, Recorded::FollowUp(complaint));
    let whole = city.complaint(complaint).await;
    assert_eq!(whole.area.as_deref(), Some("3171010001"));
    assert_eq!(whole.location, Some(in_mawar()));
    assert_eq!(whole.pending().map(|dispatch| dispatch.agency).collect::<Vec<_>>(), [city.agency("parks")]);
}

#[tokio::test]
async fn the_place_is_added_also_when_an_agency_has_it_already() {
    let city = City::new().await;
    let place = Inbound { location: Some(in_mawar()), place: Some("depan warung".into()), ..message(1, "m2", "") };
    let recorded = city.record(&[message(1, "m1", "jalan rusak"), place]).await;
    let whole = city.complaint(opened(recorded[0])).await;
    assert_eq!((whole.area.as_deref(), whole.place.as_deref()), (Some("3171010001"), Some("depan warung")));
    assert_eq!(whole.why.area.as_deref(), Some("point"));
    assert_eq!(whole.why.category, ["jalan rusak"], "why the agency has it stays");
}

#[tokio::test]
async fn an_album_of_five_is_one_complaint_with_five_photos_and_one_acknowledgement() {
    let city = City::new().await;
    let album: Vec<Inbound> = (0..5).map(|n| photo(message(1, &format!("m{n}"), if n == 0 { "jalan rusak" } else { "" }))).collect();
    let recorded = city.record(&album).await;
    let complaint = opened(recorded[0]);
    assert!(recorded[1..].iter().all(|recorded| *recorded == Recorded::FollowUp(complaint)), "{recorded:?}");
    let messages = store::message::of_complaint(&city.db, complaint).await.expect("loads");
    assert_eq!(messages.iter().map(|message| message.attachments.len()).sum::<usize>(), 5);
    assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Forwarded]);
}

#[tokio::test]
async fn eleven_minutes_later_is_another_matter_and_another_citizen_always() {
    let city = City::new().await;
    opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    opened(city.record_one(&message(2, "m2", "jalan rusak")).await);
    opened(city.record_one(&at(11, message(1, "m3", "pohon tumbang"))).await);
    assert_eq!(city.complaints().await, 3);
}

#[tokio::test]
async fn what_was_said_first_and_arrives_last_still_joins() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&at(5, photo(message(1, "m2", "")))).await);
    assert_eq!(city.record_one(&message(1, "m1", "jalan rusak")).await, Recorded::FollowUp(complaint));
}

#[tokio::test]
async fn another_account_another_audience_and_another_thread_are_other_matters() {
    let city = City::new().await;
    let first = Inbound { thread: Some("a".into()), ..message(1, "m1", "jalan rusak") };
    opened(city.record_one(&first).await);
    let mut other_account = message(1, "m2", "jalan rusak");
    other_account.key.account = "2".into();
    opened(city.record_one(&other_account).await);
    opened(city.record_one(&Inbound { audience: Audience::Public, ..message(1, "m3", "jalan rusak") }).await);
    opened(city.record_one(&Inbound { thread: Some("b".into()), ..message(1, "m4", "jalan rusak") }).await);
}

#[tokio::test]
async fn the_parts_of_an_album_are_one_complaint_with_one_answer_however_late_they_come() {
    let city = City::new().await;
    let part =
        |id: &str, album: &str, text: &str| Inbound { thread: Some(format!("{}{album}", Inbound::ALBUM)), ..photo(message(1, id, text)) };
    let complaint = opened(city.record_one(&part("m1", "a", "jalan rusak di depan pasar")).await);
    assert_eq!(city.record_one(&part("m2", "a", "")).await, Recorded::FollowUp(complaint));
    assert_eq!(city.record_one(&part("m3", "b", "")).await, Recorded::FollowUp(complaint), "more than an album holds are two albums");
    assert_eq!(city.record_one(&message(1, "m4", "sudah seminggu")).await, Recorded::FollowUp(complaint));
    assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Forwarded], "one sending, one answer");
    // A part that comes when nobody thinks of it any more, and another matter later.
    assert_eq!(city.record_one(&at(4_000, part("m5", "a", ""))).await, Recorded::FollowUp(complaint));
    opened(city.record_one(&at(5_000, message(1, "m6", "pohon tumbang"))).await);
}

#[tokio::test]
async fn a_conversation_goes_on_after_days_and_only_for_who_began_it() {
    let city = City::new().await;
    let mail = |who, id: &str| Inbound { thread: Some("thread".into()), ..message(who, id, "jalan rusak") };
    let complaint = opened(city.record_one(&mail(1, "m1")).await);
    assert_eq!(city.record_one(&at(5_000, mail(1, "m2"))).await, Recorded::FollowUp(complaint));
    assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Forwarded, ReplyKind::Noted]);
    opened(city.record_one(&at(5_000, mail(2, "m3"))).await);
}

/// Hands every reply to the bus and lets the platform name them `out-0`, `out-1`, ….
async fn deliver(city: &City) {
    let claimed = reply::claim(&city.db, LATER, LEASE, 100).await.expect("claims");
    for (n, claimed) in claimed.into_iter().enumerate() {
        let receipt = Receipt {
            reply: Some(claimed.draft.id),
            platform_id: Some(format!("out-{n}")),
            adapter: claimed.draft.to.adapter.clone(),
            account: claimed.draft.to.account.clone(),
            state: ReceiptState::Sent,
            at: LATER,
            file_refused: None,
        };
        reply::published(&city.db, claimed, "words", LATER).await.expect("is noted");
        assert!(reply::receipt(&city.db, &receipt).await.expect("is noted"));
    }
}

#[tokio::test]
async fn an_answer_to_our_reply_joins_and_a_strangers_answer_to_it_does_not() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    deliver(&city).await;
    let answer = |who, id: &str| at(300, Inbound { in_reply_to: Some("out-0".into()), ..message(who, id, "masih rusak") });
    assert_eq!(city.record_one(&answer(1, "m2")).await, Recorded::FollowUp(complaint));
    opened(city.record_one(&answer(2, "m3")).await);
    assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Forwarded, ReplyKind::Noted]);
}

#[tokio::test]
async fn who_carries_the_sign_of_our_answer_joins_and_we_go_on_writing_to_whose_complaint_it_is() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    let before = city.complaint(complaint).await;
    let neighbour = at(300, Inbound { proof: Proof::Answer(before.reference), ..message(2, "m2", "di sini juga") });
    assert_eq!(city.record_one(&neighbour).await, Recorded::FollowUp(complaint));
    assert_eq!(city.complaint(complaint).await.reply_to, before.reply_to);
    assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Forwarded, ReplyKind::Noted]);
    opened(city.record_one(&at(320, message(2, "m3", "pohon tumbang"))).await);
}

#[tokio::test]
async fn who_only_claims_to_be_somebody_joins_by_the_conversation_and_not_by_a_number() {
    let city = City::new().await;
    let claim = |id: &str, text: &str| Inbound { proof: Proof::Claim, ..message(1, id, text) };
    let complaint = opened(city.record_one(&claim("m1", "jalan rusak")).await);
    let number = city.complaint(complaint).await.reference;
    let by_number = opened(city.record_one(&at(1, claim("m2", &format!("bagaimana {number}?")))).await);
    assert_eq!(city.complaint(by_number).await.why.quoted, [number.to_string()], "staff read it");
    deliver(&city).await;
    let answer = at(300, Inbound { in_reply_to: Some("out-0".into()), ..claim("m3", "masih rusak") });
    assert_eq!(city.record_one(&answer).await, Recorded::FollowUp(complaint));
    city.act(complaint, "roads", Action::Ask { text: "di sebelah mana?".into() }).await;
    opened(city.record_one(&at(600, claim("m4", "di depan sekolah"))).await);
}

#[tokio::test]
async fn a_number_that_a_stranger_names_is_shown_to_staff_and_stays_when_triage_reads_again() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    let number = city.complaint(complaint).await.reference;
    let stranger = opened(city.record_one(&message(2, "m2", &format!("seperti {number}"))).await);
    assert_eq!(city.record_one(&at(1, message(2, "m3", "jalan rusak"))).await, Recorded::FollowUp(stranger));
    assert_eq!(city.complaint(stranger).await.why.quoted, [number.to_string()]);
}

#[tokio::test]
async fn an_answer_to_an_earlier_message_of_ones_own_joins() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    let answer = at(300, Inbound { in_reply_to: Some("m1".into()), ..message(1, "m2", "sudah diperbaiki") });
    assert_eq!(city.record_one(&answer).await, Recorded::FollowUp(complaint));
}

#[tokio::test]
async fn an_edit_is_a_follow_up_and_changes_nothing_silently() {
    let city = City::new().await;
    let first = message(1, "m1", "jalan rusak di Mawar");
    let complaint = opened(city.record_one(&first).await);
    let edit = at(1, Inbound { replaces: Some(first.key.clone()), ..message(1, "m2", "jalan rusak di Melati") });
    assert_eq!(city.record_one(&edit).await, Recorded::FollowUp(complaint));
    assert_eq!(city.complaint(complaint).await.text, "jalan rusak di Mawar");
    let history = store::complaint::history(&city.db, complaint).await.expect("loads");
    let last = history.last().expect("has steps");
    assert_eq!((last.kind, last.text.as_deref()), (UpdateKind::FollowedUp, Some("jalan rusak di Melati")));
    let messages = store::message::of_complaint(&city.db, complaint).await.expect("loads");
    assert_eq!(messages.iter().map(|message| message.is_edit).collect::<Vec<_>>(), [false, true]);
    // Somebody else's "edit" of it is no edit.
    let forged = at(1, Inbound { replaces: Some(first.key.clone()), ..message(2, "m3", "jalan mulus") });
    opened(city.record_one(&forged).await);
}

#[tokio::test]
async fn a_citizen_who_quotes_their_number_joins_and_a_stranger_who_quotes_it_opens_their_own() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    let number = city.complaint(complaint).await.reference;
    let quote = |who, id: &str| at(500, message(who, id, &format!("bagaimana laporan {number}?")));
    assert_eq!(city.record_one(&quote(1, "m2")).await, Recorded::FollowUp(complaint));
    opened(city.record_one(&quote(2, "m3")).await);
    assert_eq!(store::message::of_complaint(&city.db, complaint).await.expect("loads").len(), 2);
}

#[tokio::test]
async fn a_resolved_complaint_is_not_in_the_same_breath_but_its_number_still_reaches_it() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    city.act(complaint, "roads", Action::Resolve { text: "sudah ditambal".into(), photo: None }).await;
    opened(city.record_one(&at(2, message(1, "m2", "pohon tumbang"))).await);
    let number = city.complaint(complaint).await.reference;
    let quote = at(500, message(1, "m3", &format!("{number} rusak lagi")));
    assert_eq!(city.record_one(&quote).await, Recorded::FollowUp(complaint));
}

#[tokio::test]
async fn an_answer_without_pointing_at_the_question_reaches_the_agency_that_asked() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    city.act(complaint, "roads", Action::Ask { text: "di sebelah mana?".into() }).await;
    assert_eq!(city.complaint(complaint).await.status(), Status::AwaitingCitizen);
    let answer = at(300, message(1, "m2", "di depan sekolah"));
    assert_eq!(city.record_one(&answer).await, Recorded::FollowUp(complaint));
    assert_eq!(city.complaint(complaint).await.status(), Status::InProgress);
    opened(city.record_one(&at(600, message(1, "m3", "pohon tumbang"))).await);
}

#[tokio::test]
async fn with_two_open_questions_nobody_guesses_which_one_is_answered() {
    let city = City::new().await;
    let both = city.record(&[message(1, "m1", "jalan rusak"), at(30, message(1, "m2", "jalan rusak"))]).await;
    for complaint in both.into_iter().map(opened) {
        city.act(complaint, "roads", Action::Ask { text: "di sebelah mana?".into() }).await;
    }
    opened(city.record_one(&at(300, message(1, "m3", "di depan sekolah"))).await);
}

#[tokio::test]
async fn a_slip_from_a_form_always_opens_its_own_complaint_with_the_code_it_showed() {
    let city = City::new().await;
    opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    let code = model::TrackingCode::random();
    let slip = at(1, Inbound { tracking: Some(code.clone()), in_reply_to: Some("m1".into()), ..message(1, "m2", "pohon tumbang") });
    let complaint = opened(city.record_one(&slip).await);
    assert_eq!(city.complaint(complaint).await.tracking, code);
    assert_eq!(city.complaint(complaint).await.reference, slip.reference);
    let found = store::complaint::by_code(&city.db, &code).await.expect("loads");
    assert_eq!(found.map(|found| found.id), Some(complaint));
}

#[tokio::test]
async fn a_code_that_a_door_gave_twice_opens_only_the_first() {
    let city = City::new().await;
    let code = model::TrackingCode::random();
    let slip = |who, id: &str| Inbound { tracking: Some(code.clone()), ..message(who, id, "jalan rusak") };
    let first = opened(city.record_one(&slip(1, "m1")).await);
    let second = opened(city.record_one(&slip(2, "m2")).await);
    assert_eq!(city.complaint(first).await.tracking, code);
    assert_ne!(city.complaint(second).await.tracking, code);
}

#[tokio::test]
async fn a_citizen_is_known_by_any_address_the_platform_vouches_for_and_never_by_one_they_typed() {
    let city = City::new().await;
    let scoped: Address = "whatsapp:ID.1".parse().expect("an address");
    let first = message(1, "m1", "jalan rusak");
    let complaint = opened(city.record_one(&first).await);
    let both = at(1, Inbound { sender: vec![scoped.clone(), first.sender[0].clone()], ..message(1, "m2", "di pasar") });
    assert_eq!(city.record_one(&both).await, Recorded::FollowUp(complaint));
    let scoped_alone = at(2, Inbound { sender: vec![scoped], ..message(1, "m3", "tadi pagi") });
    assert_eq!(city.record_one(&scoped_alone).await, Recorded::FollowUp(complaint));
    let typed = at(3, Inbound { contact: vec![first.sender[0].clone()], ..message(9, "m4", "jalan rusak") });
    opened(city.record_one(&typed).await);
}

/// What a citizen may send, as numbers: who, after how many minutes, which words, whether with a photo.
type Sent = (u32, i64, u8, bool);

fn sent() -> impl Strategy<Value = Vec<Sent>> {
    prop::collection::vec((0..3u32, 0..60i64, 0..4u8, any::<bool>()), 1..12)
}

fn as_messages(sent: &[Sent]) -> Vec<Inbound> {
    let words = ["", "jalan rusak", "pohon tumbang", "halo"];
    let each = |(n, (who, minutes, text, with_photo)): (usize, &Sent)| {
        let plain = at(*minutes, message(*who, &format!("m{n}"), words[usize::from(*text)]));
        if *with_photo { photo(plain) } else { plain }
    };
    sent.iter().enumerate().map(each).collect()
}

/// Which messages are together, without the ids.
fn shape(recorded: &[Recorded]) -> Vec<(std::mem::Discriminant<Recorded>, Option<usize>)> {
    let first_of = |complaint| recorded.iter().position(|other| other.complaint() == Some(complaint));
    recorded.iter().map(|one| (std::mem::discriminant(one), one.complaint().and_then(first_of))).collect()
}

#[test]
fn a_batch_comes_to_the_same_as_its_messages_one_by_one() {
    let runtime = tokio::runtime::Runtime::new().expect("starts");
    let mut runner = TestRunner::new(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() });
    let outcome = runner.run(&sent(), |sent| {
        let messages = as_messages(&sent);
        let (together, apart) = runtime.block_on(async {
            let (one, other) = (City::new().await, City::new().await);
            let together = one.record(&messages).await;
            let mut apart = Vec::new();
            for message in &messages {
                apart.push(other.record_one(message).await);
            }
            (together, apart)
        });
        prop_assert_eq!(shape(&together), shape(&apart));
        Ok(())
    });
    outcome.expect("holds for every batch");
}
