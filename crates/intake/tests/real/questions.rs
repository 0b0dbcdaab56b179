//! What citizens are asked, what a line is there for, and what platforms say beside messages.

use bus::Delivery;
use intake::{Recorded, Rooms, handle_batch};
use model::{Address, Answer, Event, Inbound, Line, Notice, NoticeState, Purpose, Question, Receipt, ReceiptState, ReplyKind, TraceId};

use crate::city::{City, LATER, after, at, in_mawar, message, opened};

pub(crate) async fn handle(city: &City, event: Event) {
    let delivery = Delivery { item: event, adapter: "chat".parse().expect("a name"), trace: TraceId::random(), attempt: 1 };
    for result in handle_batch(&city.db, &city.rooms, vec![delivery], LATER).await {
        result.expect("is handled");
    }
}

#[tokio::test]
async fn a_place_that_comes_hours_later_answers_our_question_and_routes_the_complaint() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "pohon tumbang")).await);
    assert_eq!(city.complaint(complaint).await.questions.open.map(|(question, _)| question), Some(Question::Place));
    // The tests' clock stands at `LATER`: what is asked then is answered then.
    let asked = LATER + jiff::SignedDuration::from_hours(3);
    let place = Inbound { location: Some(in_mawar()), sent_at: asked, received_at: asked, ..message(1, "m2", "") };
    assert_eq!(city.record_one(&place).await, Recorded::FollowUp(complaint));
    let whole = city.complaint(complaint).await;
    assert_eq!((whole.area.as_deref(), whole.questions.open), (Some("3171010001"), None));
    assert_eq!(whole.pending().map(|dispatch| dispatch.agency).collect::<Vec<_>>(), [city.agency("parks")]);
    assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Received, ReplyKind::Routed]);
}

#[tokio::test]
async fn who_ignores_the_question_has_a_number_and_an_owner_and_their_next_matter_is_another() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    let asked = LATER + jiff::SignedDuration::from_hours(1);
    let next = Inbound { sent_at: asked, received_at: asked, ..message(1, "m2", "pohon tumbang di depan pasar") };
    opened(city.record_one(&next).await);
    let whole = city.complaint(complaint).await;
    assert_eq!(whole.pending().map(|dispatch| dispatch.agency).collect::<Vec<_>>(), [city.agency("roads")]);
    assert_eq!(whole.questions.asked, [Question::Place]);
}

#[tokio::test]
async fn one_question_follows_the_other_and_each_is_asked_once() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "tolong segera ditangani")).await);
    let said = |minutes: i64, id: &str, text: &str| {
        let then = LATER + jiff::SignedDuration::from_mins(minutes);
        Inbound { sent_at: then, received_at: then, ..message(1, id, text) }
    };
    assert_eq!(city.record_one(&said(20, "m2", "depan pasar kel mawar")).await, Recorded::FollowUp(complaint));
    assert_eq!(city.complaint(complaint).await.questions.open.map(|(question, _)| question), Some(Question::Category));
    assert_eq!(city.record_one(&said(40, "m3", "2")).await, Recorded::FollowUp(complaint));
    let whole = city.complaint(complaint).await;
    assert_eq!(whole.category.as_deref(), Some(city.rooms.directory.menu[1].as_str()));
    assert_eq!(whole.text, "tolong segera ditangani");
    assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Received, ReplyKind::Wanted, ReplyKind::Routed]);
    let replies = city.replies(complaint).await;
    assert!(replies[1].draft.facts.asks.as_ref().is_some_and(|asks| asks.choices.len() == 2));
}

#[tokio::test]
async fn a_skipped_question_is_the_last_one() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "tolong segera ditangani")).await);
    assert_eq!(city.record_one(&at(1, message(1, "m2", "Lewati"))).await, Recorded::FollowUp(complaint));
    assert!(city.complaint(complaint).await.questions.skipped);
    assert_eq!(city.reply_kinds(complaint).await, [ReplyKind::Received]);
}

#[tokio::test]
async fn a_line_decides_where_the_words_do_not_and_one_that_overrules_always() {
    let mut city = City::new().await;
    let line = |account: &str, overrules| Line {
        adapter: "chat".parse().expect("a name"),
        account: account.into(),
        purpose: Purpose {
            code: format!("purpose_{account}"),
            name_id: "Jalur".into(),
            name_en: "Line".into(),
            category: "tree".into(),
            overrules,
        },
    };
    store::directory::set_line(&city.db, &line("1", false)).await.expect("is written");
    store::directory::set_line(&city.db, &line("2", true)).await.expect("is written");
    city.rooms = Rooms::load(&city.db).await.expect("loads");
    let to = |who, account: &str, text: &str| {
        let mut message = message(who, &format!("m{who}"), text);
        message.key.account = account.into();
        message
    };
    let cases = [("1", "halo", "tree"), ("1", "jalan rusak", "road"), ("2", "jalan rusak", "tree")];
    for (who, (account, text, category)) in (1..).zip(cases) {
        let complaint = city.complaint(opened(city.record_one(&to(who, account, text)).await)).await;
        assert_eq!(complaint.category.as_deref(), Some(category), "{account} {text}");
    }
    assert!(store::directory::remove_line(&city.db, &"chat".parse().expect("a name"), "2").await.expect("is removed"));
}

fn tel(number: &str) -> Address {
    Address::tel(number).expect("a number")
}

#[tokio::test]
async fn a_citizen_with_another_number_goes_on_with_their_complaint_and_the_old_number_is_nobodys() {
    let city = City::new().await;
    let first = message(1, "m1", "jalan rusak");
    let (old, new) = (first.sender[0].clone(), tel("+6281299999999"));
    let complaint = opened(city.record_one(&first).await);
    let moved = || Event::Moved { adapter: "chat".parse().expect("a name"), from: vec![old.clone()], to: vec![new.clone()], at: after(5) };
    handle(&city, moved()).await;
    handle(&city, moved()).await;
    let from_new = Inbound { sender: vec![new.clone()], ..at(6, message(1, "m2", "masih rusak")) };
    assert_eq!(city.record_one(&from_new).await, Recorded::FollowUp(complaint));
    assert_eq!(
        city.complaint(complaint).await.reply_to.map(|to| to.address.to_string()),
        from_new.reply_to.map(|to| to.address.to_string())
    );
    opened(city.record_one(&at(7, message(1, "m3", "pohon tumbang"))).await);
}

#[tokio::test]
async fn who_wrote_from_the_new_number_before_we_heard_of_the_move_is_the_same_citizen() {
    let city = City::new().await;
    let scoped: Address = "chat:ID.9".parse().expect("an address");
    let first = message(1, "m1", "jalan rusak");
    let (old, new) = (first.sender[0].clone(), tel("+6281299999999"));
    let before = opened(city.record_one(&first).await);
    // Both ids came with the message; the move names one of them.
    let early = Inbound { sender: vec![scoped.clone(), new.clone()], ..at(30, message(9, "m2", "pohon tumbang")) };
    let after_it = opened(city.record_one(&early).await);
    let two = (city.complaint(before).await.citizen, city.complaint(after_it).await.citizen);
    assert_ne!(two.0, two.1, "nobody can know yet");
    let moved = || Event::Moved { adapter: "chat".parse().expect("a name"), from: vec![old.clone()], to: vec![new.clone()], at: after(29) };
    for _ in 0..3 {
        handle(&city, moved()).await;
        assert_eq!(city.complaint(before).await.citizen, two.0);
        assert_eq!(city.complaint(after_it).await.citizen, two.0, "one person, both complaints, each with its number");
    }
    let number = city.complaint(before).await.reference;
    let asks =
        |id: &str, sender: &Address| Inbound { sender: vec![sender.clone()], ..at(300, message(9, id, &format!("bagaimana {number}?"))) };
    assert_eq!(city.record_one(&asks("m3", &new)).await, Recorded::FollowUp(before));
    assert_eq!(city.record_one(&asks("m4", &scoped)).await, Recorded::FollowUp(before), "also by the other address they had");
    assert_eq!(city.record_one(&early).await, Recorded::Again(Some(after_it)));
    assert_eq!(city.complaints().await, 2);
}

#[tokio::test]
async fn nobody_is_merged_when_the_new_number_is_somebodys_already() {
    let city = City::new().await;
    let (one, two) = (message(1, "m1", "jalan rusak"), message(2, "m2", "pohon tumbang"));
    let first = opened(city.record_one(&one).await);
    let second = opened(city.record_one(&two).await);
    let event = Event::Moved { adapter: "chat".parse().expect("a name"), from: one.sender.clone(), to: two.sender.clone(), at: after(5) };
    handle(&city, event).await;
    assert_eq!(city.record_one(&at(6, message(2, "m3", "juga"))).await, Recorded::FollowUp(second));
    let answered_at = city.complaint(first).await.reply_to.map(|to| to.address);
    assert_eq!(answered_at.as_ref(), two.sender.first(), "the platform says that they are there now");
}

#[tokio::test]
async fn a_reply_that_came_too_late_for_free_words_goes_out_once_more_and_no_third_time() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    let receipt = |reply: &store::reply::SentReply| {
        Event::Receipt(Receipt {
            reply: Some(reply.draft.id),
            platform_id: Some("wamid.1".into()),
            adapter: "chat".parse().expect("a name"),
            account: "1".into(),
            state: ReceiptState::WindowClosed { code: "131047".into(), detail: "too late".into() },
            at: after(1),
            file_refused: None,
        })
    };
    let first = city.replies(complaint).await.remove(0);
    handle(&city, receipt(&first)).await;
    handle(&city, receipt(&first)).await;
    let replies = city.replies(complaint).await;
    assert_eq!(replies.len(), 2);
    assert_eq!((replies[0].receipt.as_deref(), replies[0].error.as_deref()), (Some("failed"), Some("131047: too late")));
    let again = replies.iter().find(|reply| reply.draft.id != first.draft.id).expect("the second");
    assert_eq!((again.draft.kind, again.draft.to.open_until), (first.draft.kind, Some(after(1))));
    assert_eq!(again.draft.facts, first.draft.facts);
    handle(&city, receipt(again)).await;
    assert_eq!(city.replies(complaint).await.len(), 2);
}

#[tokio::test]
async fn the_newest_notice_of_a_subject_counts_and_the_worst_stand_first() {
    let city = City::new().await;
    let notice = |subject: &str, state, minutes| Notice {
        adapter: "chat".parse().expect("a name"),
        account: "1".into(),
        subject: subject.into(),
        state,
        word: state.as_str().to_uppercase(),
        detail: "a\nreason".into(),
        at: after(minutes),
    };
    for notice in [
        notice("template a", NoticeState::Broken, 5),
        notice("template a", NoticeState::Fine, 1),
        notice("template b", NoticeState::Fine, 1),
        notice("template b", NoticeState::Watch, 2),
    ] {
        handle(&city, Event::Notice(notice)).await;
    }
    let kept = store::notice::all(&city.db).await.expect("loads");
    let shown: Vec<_> = kept.iter().map(|notice| (notice.subject.as_str(), notice.state)).collect();
    assert_eq!(shown, [("template a", NoticeState::Broken), ("template b", NoticeState::Watch)]);
    assert_eq!(kept[0].detail, "areason");
}

#[test]
fn an_answer_is_told_from_thanks() {
    let read = model::answer(Question::Place, "terima kasih banyak", None, None, None, false, &model::Directory::default());
    assert_eq!(read, None::<Answer>);
}
