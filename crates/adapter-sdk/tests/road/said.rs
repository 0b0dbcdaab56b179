//! What an adapter says about itself.

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_announces_itself_with_its_accounts_and_its_last_trouble() {
    let world = World::with_webhook().await;
    let bus = world.bus().await;
    assert_eq!(world.post("not json", Some("word")).await, 200);
    let announced = loop {
        if let Some(announced) = bus.announced().await.expect("a bus").pop() {
            break announced;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!((announced.adapter.as_str(), announced.accounts), ("chat", vec!["kota".to_owned()]));
    assert_eq!(announced.url, Some(world.url("")));
}
