//! Replies go out once, and what became of them comes back.

use adapter_sdk::{AttachmentKind, Bytes, Event, Receipt, ReceiptState, Reply, ReplyFile, TraceId};

use crate::world::{World, reply, trace};

fn receipts(world: &World) -> Vec<Receipt> {
    let single = |event| match event {
        Event::Receipt(receipt) => vec![receipt],
        Event::Receipts { receipts } => receipts,
        _ => Vec::new(),
    };
    world.events().into_iter().flat_map(single).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_sent_and_its_receipt_names_the_platforms_id() {
    let world = World::with_webhook().await;
    let bus = world.bus().await;
    world.platform.answers("/send", &[(200, "wamid.1")]);
    let _ = bus.publish_reply(&reply(1), trace()).await.expect("a bus");
    world.until("the receipt", |world| !receipts(world).is_empty()).await;
    let receipt = receipts(&world).remove(0);
    assert_eq!((receipt.reply, receipt.platform_id.as_deref(), &receipt.state), (Some(reply(1).id), Some("wamid.1"), &ReceiptState::Sent));
    assert_eq!(bus.sent(reply(1).id).await.expect("a bus").as_deref(), Some("wamid.1"));
    assert!(world.platform.calls("/send")[0].contains("reply 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_along_where_the_adapter_takes_it_and_never_holds_the_words_up() {
    let world = World::with_webhook().await;
    let (bus, name) = (world.bus().await, "chat".parse().expect("a name"));
    world.platform.answers("/send", &[(200, "only")]);
    let photo = |at: &str, size: u64| ReplyFile {
        kind: AttachmentKind::Image,
        mime: "image/jpeg".into(),
        filename: "foto.jpg".into(),
        size,
        at: at.to_owned(),
        bytes: Bytes::new(),
    };
    let kept = bus.put_file(&name, vec![1; 700_000].into()).await.expect("kept");
    let film = ReplyFile { kind: AttachmentKind::Video, ..photo(&kept, 700_000) };
    let files = vec![photo(&kept, 700_000), photo("0a/1/5", 5), film, photo(&kept, 2_000_000)];
    let _ = bus.publish_reply(&Reply { files, ..reply(1) }, trace()).await.expect("a bus");
    world.until("the receipt", |world| !receipts(world).is_empty()).await;
    assert!(world.platform.calls("/send")[0].contains("\"files\":[700000]"), "{:?}", world.platform.calls("/send"));
    assert!(receipts(&world).iter().all(|receipt| receipt.state == ReceiptState::Sent));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_bears_the_mark_is_not_sent_again() {
    let world = World::with_webhook().await;
    let bus = world.bus().await;
    world.platform.answers("/send", &[(200, "second")]);
    bus.mark_sent(reply(1).id, "first").await.expect("a bus");
    let _ = bus.publish_reply(&reply(1), trace()).await.expect("a bus");
    world.until("the receipt", |world| !receipts(world).is_empty()).await;
    assert_eq!(receipts(&world)[0].platform_id.as_deref(), Some("first"));
    assert_eq!(world.platform.calls("/send"), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_is_sent_once_although_the_bus_dies_before_the_mark_and_delivers_it_again() {
    let world = World::with_webhook().await;
    let bus = world.bus().await;
    world.platform.answers("/send", &[(200, "only")]);
    world.kill_nats_on_call();
    let _ = bus.publish_reply(&reply(1), trace()).await.expect("a bus");
    world.until("the call", |world| world.platform.calls("/send").len() == 1).await;
    while world.nats().running() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    world.nats().restart().expect("a server");
    world.until("the receipt", |world| !receipts(world).is_empty()).await;
    assert_eq!(receipts(&world)[0].platform_id.as_deref(), Some("only"));
    assert_eq!(world.platform.calls("/send").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_is_busy_or_broken_is_asked_again() {
    let world = World::with_webhook().await;
    let bus = world.bus().await;
    world.platform.answers("/send", &[(429, ""), (500, ""), (200, "third")]);
    let _ = bus.publish_reply(&reply(1), trace()).await.expect("a bus");
    world.until("the receipt", |world| !receipts(world).is_empty()).await;
    assert_eq!(receipts(&world).len(), 1);
    assert_eq!(receipts(&world)[0].platform_id.as_deref(), Some("third"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_no_is_a_receipt_that_staff_see() {
    let world = World::with_webhook().await;
    let bus = world.bus().await;
    world.platform.answers("/send", &[(400, "")]);
    let _ = bus.publish_reply(&reply(1), trace()).await.expect("a bus");
    world.until("the receipt", |world| !receipts(world).is_empty()).await;
    assert!(matches!(&receipts(&world)[0].state, ReceiptState::Failed { code, .. } if code == "400"));
    assert_eq!(world.platform.calls("/send").len(), 1);
    assert_eq!(bus.parked_count().await.expect("a bus"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_is_told_and_not_sent_again() {
    let world = World::with_webhook().await;
    let bus = world.bus().await;
    world.platform.answers("/send", &[(418, "")]);
    let _ = bus.publish_reply(&reply(1), trace()).await.expect("a bus");
    world.until("the receipt", |world| !receipts(world).is_empty()).await;
    let told = &receipts(&world)[0];
    assert!(matches!(&told.state, ReceiptState::Unknown { detail } if detail == "the line broke"), "{told:?}");
    assert_eq!(told.platform_id.as_deref(), Some("perhaps"), "a bounce may name it");
    assert_eq!(bus.sent(reply(1).id).await.expect("a bus").as_deref(), Some("perhaps"), "marked: a redelivery sends nothing");
    assert_eq!(world.platform.calls("/send").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_who_wants_no_messages_is_remembered() {
    let world = World::with_webhook().await;
    let bus = world.bus().await;
    world.platform.answers("/send", &[(410, "")]);
    let _ = bus.publish_reply(&reply(1), trace()).await.expect("a bus");
    world.until("both events", |world| world.events().len() == 2).await;
    assert!(matches!(&receipts(&world)[0].state, ReceiptState::Failed { code, .. } if code == "opted_out"));
    let opted_out = |event: &Event| matches!(event, Event::OptOut { address } if address.to_string() == "chat:someone");
    assert!(world.events().iter().any(opted_out));
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_to_one_citizen_leave_one_at_a_time_and_to_many_side_by_side() {
    let world = World::with_webhook().await;
    let bus = world.bus().await;
    world.platform.answers("/send", &[(200, "id")]);
    let send = async |replies: Vec<(Reply, TraceId)>| {
        for outcome in bus.publish_replies(&replies).await {
            let _ = outcome.expect("a bus");
        }
    };
    send((1..=20).map(|n| (reply(n), trace())).collect()).await;
    world.until("all receipts", |world| receipts(world).len() == 20).await;
    assert_eq!(world.platform.most_at_once(), 1);
    let others = (21..=60).map(|n| {
        let mut reply = reply(n);
        reply.to.address = format!("chat:{n}").parse().expect("an address");
        (reply, trace())
    });
    send(others.collect()).await;
    world.until("all receipts", |world| receipts(world).len() == 60).await;
    assert!(world.platform.most_at_once() > 1);
}
