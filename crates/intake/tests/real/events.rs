//! What becomes of each event: handled, again later, or set aside.

use bus::Delivery;
use intake::{Rooms, handle_batch};
use model::{Category, Event, Failure, Inbound, Receipt, ReceiptState, ReplyKind, TraceId, Visibility};
use store::reply;

use crate::city::{City, LATER, after, message, opened};

fn delivery(adapter: &str, item: Event) -> Delivery<Event> {
    Delivery { item, trace: TraceId::random(), attempt: 1, adapter: adapter.parse().expect("a name") }
}

fn written(message: Inbound) -> Delivery<Event> {
    delivery("chat", Event::Message(Box::new(message)))
}

#[tokio::test]
async fn one_poisoned_message_falls_out_and_the_others_are_recorded() {
    let city = City::new().await;
    // A category that these rooms know and the table does not: the row is refused.
    let mut directory = (*city.rooms.directory).clone();
    let ghost = Category { code: "ghost".into(), name_id: "x".into(), name_en: "x".into(), keywords: Vec::new() };
    directory.categories.insert("ghost".into(), ghost);
    let rooms = Rooms::new(directory, &[]);
    let poisoned = Inbound { category: Some("ghost".into()), ..message(2, "m2", "jalan rusak") };
    let events = vec![written(message(1, "m1", "jalan rusak")), written(poisoned), written(message(3, "m3", "jalan rusak"))];
    let results = handle_batch(&city.db, &rooms, events, after(1)).await;
    assert!(results[0].is_ok() && results[2].is_ok(), "{results:?}");
    assert!(matches!(results[1], Err(Failure::Park { .. })), "{results:?}");
    assert_eq!(city.complaints().await, 2);
}

#[tokio::test]
async fn an_account_without_a_channel_is_set_aside_and_so_is_an_adapter_that_speaks_for_another() {
    let city = City::new().await;
    let mut unknown = message(1, "m1", "jalan rusak");
    unknown.key.account = "404".into();
    let mut closed = message(1, "m2", "jalan rusak");
    closed.received_at = "2019-12-31T00:00:00Z".parse().expect("a time");
    let foreign = delivery("form", Event::Message(Box::new(message(1, "m3", "jalan rusak"))));
    let events = vec![written(unknown), written(closed), foreign, written(message(1, "m4", "jalan rusak"))];
    let results = handle_batch(&city.db, &city.rooms, events, after(1)).await;
    let reasons: Vec<Option<&str>> = results
        .iter()
        .map(|result| match result {
            Err(Failure::Park { reason, .. }) => Some(*reason),
            _ => None,
        })
        .collect();
    let no_channel = Some("no channel for this account");
    assert_eq!(reasons, [no_channel, no_channel, Some("names another adapter"), None]);
    assert_eq!(city.complaints().await, 1);
}

#[tokio::test]
async fn an_adapter_speaks_for_no_address_of_another_kind_and_by_no_other_adapter() {
    let city = City::new().await;
    let mail = || -> model::Address { "mailto:warga@example.id".parse().expect("an address") };
    let of_mail = Inbound { sender: vec![mail()], ..message(1, "m1", "jalan rusak") };
    let both = Inbound { sender: vec![message(1, "x", "").sender[0].clone(), mail()], ..message(1, "m2", "jalan rusak") };
    let by_mail = |inbound: Inbound| {
        let way = inbound.reply_to.clone().expect("a way back");
        let way = model::ReplyTo { adapter: "mail".parse().expect("a name"), account: "a@example.id".into(), address: mail(), ..way };
        Inbound { contact: vec![mail()], reply_to: Some(way), ..inbound }
    };
    let elsewhere = by_mail(message(1, "m3", "jalan rusak"));
    let moved = Event::Moved { adapter: "chat".parse().expect("a name"), from: vec![mail()], to: message(1, "x", "").sender, at: after(0) };
    let typed = Inbound { contact: vec![mail()], ..message(2, "m4", "jalan rusak") };
    let events = vec![
        written(of_mail),
        written(both),
        written(elsewhere),
        delivery("chat", Event::OptOut { address: mail() }),
        delivery("chat", Event::OptIn { address: mail() }),
        delivery("chat", moved),
        written(typed),
        delivery("mail", Event::OptOut { address: mail() }),
    ];
    let results = handle_batch(&city.db, &city.rooms, events, after(1)).await;
    let reason = |result: &Result<(), Failure>| match result {
        Err(Failure::Park { reason, .. }) => *reason,
        Err(Failure::Retry { .. }) => "again",
        Ok(()) => "taken",
    };
    let (kind, way) = ("vouches for another kind of address", "names another way to answer");
    let said: Vec<&str> = results.iter().map(reason).collect();
    assert_eq!(said, [kind, kind, way, kind, kind, kind, "taken", kind], "nobody wrote down that `mail` knows mail addresses");
    assert_eq!(city.complaints().await, 1);

    // What a counter was told counts from the moment that somebody writes it down, without a restart.
    let counter = model::Voucher { schemes: ["tel".to_owned()].into(), elsewhere: true };
    let post = model::Voucher { schemes: ["mailto".to_owned()].into(), elsewhere: false };
    let mut tx = store::begin(&city.db).await.expect("begins");
    store::directory::set_voucher(&mut tx, &"chat".parse().expect("a name"), &counter).await.expect("is written");
    store::directory::set_voucher(&mut tx, &"mail".parse().expect("a name"), &post).await.expect("is written");
    store::commit(tx).await.expect("commits");
    let rooms = Rooms::load(&city.db).await.expect("rooms");
    let events = vec![written(by_mail(message(3, "m5", "pohon tumbang"))), delivery("mail", Event::OptOut { address: mail() })];
    let results = handle_batch(&city.db, &rooms, events, after(1)).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
}

#[tokio::test]
async fn while_the_database_is_away_everything_comes_again() {
    let city = City::new().await;
    city.db.close().await;
    let events = vec![
        written(message(1, "m1", "jalan rusak")),
        written(message(2, "m2", "jalan rusak")),
        delivery("chat", Event::OptOut { address: message(1, "x", "").sender[0].clone() }),
    ];
    let results = handle_batch(&city.db, &city.rooms, events, after(1)).await;
    assert!(results.iter().all(|result| matches!(result, Err(Failure::Retry { .. }))), "{results:?}");
}

#[tokio::test]
async fn messages_receipts_and_silence_of_one_batch_are_all_handled() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "jalan rusak")).await);
    let sent = city.replies(complaint).await[0].draft.id;
    let state = |state| Receipt {
        reply: Some(sent),
        platform_id: Some("out-1".into()),
        adapter: "chat".parse().expect("a name"),
        account: "1".into(),
        state,
        at: after(1),
        file_refused: None,
    };
    let by_platform_id = Receipt { reply: None, ..state(ReceiptState::Delivered) };
    let failed = ReceiptState::Failed { code: "1".into(), detail: "late".into() };
    let address = message(2, "x", "").sender[0].clone();
    let first = vec![
        delivery("chat", Event::OptOut { address }),
        written(message(2, "m2", "jalan rusak")),
        delivery("chat", Event::Receipt(state(ReceiptState::Read))),
        delivery("chat", Event::Receipt(state(ReceiptState::Sent))),
    ];
    let results = handle_batch(&city.db, &city.rooms, first, after(2)).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let second = vec![delivery("chat", Event::Receipt(by_platform_id)), delivery("chat", Event::Receipt(state(failed)))];
    let results = handle_batch(&city.db, &city.rooms, second, after(2)).await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let replies = city.replies(complaint).await;
    assert_eq!((replies[0].draft.kind, replies[0].receipt.as_deref()), (ReplyKind::Forwarded, Some("read")));
    assert_eq!(replies[0].error, None, "what was read did not fail, whatever comes late");
    assert_eq!(reply::claim(&city.db, LATER, std::time::Duration::from_secs(1), 10).await.expect("claims").len(), 1);
}

#[tokio::test]
async fn a_receipt_that_runs_ahead_comes_again_and_one_of_a_foreign_message_is_let_go() {
    let city = City::new().await;
    let receipt = Receipt {
        reply: None,
        platform_id: Some("unknown".into()),
        adapter: "chat".parse().expect("a name"),
        account: "1".into(),
        state: ReceiptState::Delivered,
        at: after(0),
        file_refused: None,
    };
    let event = || vec![delivery("chat", Event::Receipt(receipt.clone()))];
    let young = handle_batch(&city.db, &city.rooms, event(), after(1)).await;
    assert!(matches!(young[0], Err(Failure::Retry { after: Some(_), .. })), "{young:?}");
    let old = handle_batch(&city.db, &city.rooms, event(), LATER).await;
    assert!(old[0].is_ok(), "{old:?}");
}

#[tokio::test]
async fn receipts_in_a_bundle_are_as_receipts_alone_and_one_result_stands_for_all() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&message(1, "m1", "lampu mati")).await);
    let sent = city.replies(complaint).await[0].draft.id;
    let of = |reply, platform_id: &str, state| Receipt {
        reply,
        platform_id: Some(platform_id.into()),
        adapter: "chat".parse().expect("a name"),
        account: "1".into(),
        state,
        at: after(1),
        file_refused: None,
    };
    let bundle = |receipts| delivery("chat", Event::Receipts { receipts });
    // The platform's word comes with our own note of its name, in another event of the batch and before it.
    let events = || {
        vec![
            bundle(vec![of(None, "out-1", ReceiptState::Read), of(None, "foreign", ReceiptState::Read)]),
            bundle(vec![of(Some(sent), "out-1", ReceiptState::Sent), of(None, "out-1", ReceiptState::Delivered)]),
            bundle(Vec::new()),
            delivery("other", Event::Receipts { receipts: vec![of(Some(sent), "out-1", ReceiptState::Sent)] }),
        ]
    };
    let young = handle_batch(&city.db, &city.rooms, events(), after(2)).await;
    assert!(matches!(&young[..], [Err(Failure::Retry { .. }), Ok(()), Ok(()), Err(Failure::Park { .. })]), "{young:?}");
    let old = handle_batch(&city.db, &city.rooms, events(), LATER).await;
    assert!(matches!(&old[..], [Ok(()), Ok(()), Ok(()), Err(Failure::Park { .. })]), "{old:?}");
    assert_eq!(city.replies(complaint).await[0].receipt.as_deref(), Some("read"));
}

#[tokio::test]
async fn a_message_that_was_taken_back_hides_its_complaint_and_keeps_its_number() {
    let city = City::new().await;
    let open = Inbound { visibility: Visibility::Public, ..message(1, "m1", "jalan rusak") };
    let complaint = opened(city.record_one(&open).await);
    let number = city.complaint(complaint).await.reference;
    let taken_back = |adapter: &str, id: &str| {
        let key = model::MessageKey { id: id.into(), ..open.key.clone() };
        delivery(adapter, Event::Withdrawn { key, at: after(5) })
    };
    let results = handle_batch(&city.db, &city.rooms, vec![taken_back("form", "m1")], after(5)).await;
    assert!(matches!(results[0], Err(Failure::Park { .. })), "for another adapter's message: {results:?}");
    assert_eq!(city.complaint(complaint).await.visibility, Visibility::Public);

    for _ in 0..2 {
        let results = handle_batch(&city.db, &city.rooms, vec![taken_back("chat", "m1")], after(5)).await;
        assert!(results[0].is_ok(), "{results:?}");
    }
    let hidden = city.complaint(complaint).await;
    assert_eq!((hidden.visibility, hidden.reference), (Visibility::Hidden, number));
    let messages = store::message::of_complaint(&city.db, complaint).await.expect("loads");
    assert_eq!(messages[0].withdrawn_at, Some(after(5)));

    let early = handle_batch(&city.db, &city.rooms, vec![taken_back("chat", "m2")], after(6)).await;
    assert!(matches!(early[0], Err(Failure::Retry { .. })), "the message may still be on its way: {early:?}");
    let late = handle_batch(&city.db, &city.rooms, vec![taken_back("chat", "m2")], after(60)).await;
    assert!(late[0].is_ok(), "{late:?}");
}
