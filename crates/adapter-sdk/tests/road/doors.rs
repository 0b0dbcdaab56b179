//! The door: who is let in, what they hear.

use adapter_sdk::{Event, model::Content};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_becomes_an_event_and_the_platform_hears_nothing_but_yes() {
    let world = World::with_webhook().await;
    assert_eq!(world.says(&["a", "b"]).await, 200);
    world.until("both messages of the request", |world| world.messages() == ["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handshake_is_answered_without_a_signature_and_nothing_is_kept() {
    let world = World::with_webhook().await;
    assert_eq!(world.get("/webhook?challenge=quite%20so").await, (200, "quite so".to_owned()));
    assert_eq!(world.says(&["a"]).await, 200);
    world.until("the message", |world| world.messages() == ["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_or_missing_signature_is_refused_and_counted() {
    let world = World::with_webhook().await;
    let body = r#"{"messages":[{"id":"forged","text":"x"}]}"#;
    assert_eq!(world.post(body, Some("guess")).await, 401);
    assert_eq!(world.post(body, None).await, 401);
    assert_eq!(world.says(&["real"]).await, 200);
    world.until("the real message", |world| world.messages() == ["real"]).await;
    let (status, metrics) = world.get("/metrics").await;
    assert_eq!(status, 200);
    let refused = metrics.lines().find_map(|line| line.strip_prefix("muara_signature_refused_total ")).expect("a counter");
    assert!(refused.parse::<u64>().expect("a number") >= 2, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_identical_posts_at_once_all_hear_yes_and_are_one_message() {
    let world = World::with_webhook().await;
    let statuses = futures::future::join_all((0..20).map(|_| world.says(&["same"]))).await;
    assert_eq!(statuses, [200; 20]);
    assert_eq!(world.says(&["last"]).await, 200);
    world.until("what came after", |world| world.messages().contains(&"last".to_owned())).await;
    assert_eq!(world.messages(), ["last", "same"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_body_is_refused_and_the_next_is_taken() {
    let world = World::with_webhook().await;
    assert_eq!(world.post(vec![b'x'; 64 * 1024 + 1], Some("word")).await, 413);
    assert_eq!(world.says(&["fits"]).await, 200);
    world.until("the message", |world| world.messages() == ["fits"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_parsed_is_parked_whole_while_the_next_goes_on() {
    let world = World::with_webhook().await;
    let bus = world.bus().await;
    for body in ["not json \u{1f30a}", "panic"] {
        assert_eq!(world.post(body, Some("word")).await, 200);
    }
    assert_eq!(world.says(&["next"]).await, 200);
    world.until("the next message", |world| world.messages() == ["next"]).await;
    let mut kept = Vec::new();
    while kept.len() < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        kept = bus.parked(None, 10).await.expect("parked messages");
    }
    let raws: Vec<adapter_sdk::Raw> = kept.iter().map(|parked| serde_json::from_slice(&parked.bytes).expect("a raw message")).collect();
    assert!(raws.iter().any(|raw| raw.body == "not json \u{1f30a}") && raws.iter().any(|raw| raw.body == "panic"));
    assert!(kept.iter().all(|parked| parked.reason == "cannot be parsed"), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_in_quarantine_or_say_why_they_are_missing() {
    let world = World::with_webhook().await;
    let large = "x".repeat(101 * 1024);
    world.platform.answers("/files/good", &[(200, "picture")]);
    world.platform.answers("/files/shaky", &[(500, ""), (200, "second try")]);
    world.platform.answers("/files/large", &[(200, &large)]);
    world.platform.answers("/files/empty", &[(200, "")]);
    let body = r#"{"messages":[{"id":"a","text":"","files":["good","shaky","gone","large","empty"]}]}"#;
    assert_eq!(world.post(body, Some("word")).await, 200);
    world.until("the message", |world| !world.events().is_empty()).await;
    let Event::Message(inbound) = world.events().remove(0) else { panic!("a message") };
    let bus = world.bus().await;
    let mut found = Vec::new();
    for attachment in &inbound.attachments {
        found.push(match &attachment.content {
            Content::Quarantined { blob, .. } => {
                let bytes = bus.take_blob(blob).await.expect("a bus").expect("a blob");
                String::from_utf8_lossy(&bytes).into_owned()
            }
            Content::Missing { why } => format!("missing: {why}"),
            Content::Remote(_) => "still there".to_owned(),
        });
    }
    let expected =
        ["picture", "second try", "missing: the platform answered 404", "missing: larger than we take", "missing: the file is empty"];
    assert_eq!(found, expected);
    assert_eq!(world.platform.calls("/files/gone").len(), 1, "what is gone is not asked for again and again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_away_for_a_while_is_waited_for() {
    let world = World::with_webhook().await;
    world.platform.answers("/files/later", &[(503, ""), (503, ""), (200, "there")]);
    let body = r#"{"messages":[{"id":"a","text":"","files":["later"]}]}"#;
    assert_eq!(world.post(body, Some("word")).await, 200);
    world.until("the message", |world| !world.events().is_empty()).await;
    let Event::Message(inbound) = world.events().remove(0) else { panic!("a message") };
    assert!(matches!(inbound.attachments[0].content, Content::Quarantined { .. }), "{inbound:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_enters_by_the_same_door() {
    let mut world = World::new().await;
    world.bus().await;
    world.open_pages().await;
    world.listen().await;
    assert_eq!(world.submit(r#"{"messages":[{"id":"form","text":"x"}]}"#).await, 200);
    assert_eq!(world.submit(vec![b'x'; 64 * 1024 + 1]).await, 413);
    world.until("the form", |world| world.messages() == ["form"]).await;
    let (status, health) = world.get("/health").await;
    assert_eq!(status, 200);
    assert!(health.contains(r#""door":true,"bus":true"#), "{health}");
}
