//! What an adapter says about itself.

use std::time::Duration;

use crate::world::{World, reply, trace};

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_announces_itself_with_its_accounts_and_its_last_trouble() {
    let world = World::with_webhook().await;
    let bus = world.bus().await;
    assert_eq!(world.post("not json", Some("word")).await, 200);
    let announced = loop {
        if let Some(announced) = bus.announced().await.expect("a bus").pop() {
            break announced;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((announced.adapter.as_str(), announced.accounts), ("chat", vec!["kota".to_owned()]));
    assert_eq!(announced.url, Some(world.url("")));
    let ends: Vec<&str> = announced.expiries.iter().map(|expiry| expiry.what.as_str()).collect();
    assert_eq!(ends, ["access token", "subscription"], "the first to end comes first");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_what_went_out_and_who_was_refused_is_announced_by_time_alone() {
    let world = World::with_webhook().await;
    let bus = world.bus().await;
    world.platform.answers("/send", &[(200, "sent-1")]);
    assert_eq!(world.says(&["m1"]).await, 200);
    assert_eq!(world.post("forged", Some("wrong word")).await, 401);
    let _accepted = bus.publish_reply(&reply(1), trace()).await.expect("published");
    // It speaks again and again; what happened since is in its next words.
    let announced = loop {
        let said = bus.announced().await.expect("a bus").pop();
        let is_told = |said: &bus::Announcement| {
            said.refused == 1 && said.by_account.iter().any(|one| one.last_message.is_some() && one.last_reply.is_some())
        };
        match said.filter(is_told) {
            Some(said) => break said,
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    assert!(announced.last_refused.is_some() && announced.last_message.is_some());
    let words = serde_json::to_string(&announced).expect("JSON");
    for secret in ["m1", "someone", "wrong word", "sent-1"] {
        assert!(!words.contains(secret), "{secret} in {words}");
    }
}
