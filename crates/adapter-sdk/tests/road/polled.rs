//! We call the platform; the cursor is our memory.

use crate::world::World;

fn batch(id: &str) -> String {
    format!(r#"{{"messages":[{{"id":"{id}","text":"x"}}]}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_polled_arrives_and_after_a_restart_polling_goes_on_where_it_was() {
    let mut world = World::new().await;
    let bus = world.bus().await;
    world.platform.answers("/new/kota/0", &[(200, &batch("a"))]);
    world.platform.answers("/new/kota/1", &[(503, ""), (200, &batch("b"))]);
    world.platform.answers("/new/kota/2", &[(200, "")]);
    world.open_poll().await;
    world.listen().await;
    world.until("both", |world| world.messages() == ["a", "b"]).await;
    let name = "chat".parse().expect("a name");
    assert_eq!(bus.cursor(&name, "kota").await.expect("a bus"), Some(b"2".to_vec()));
    world.close().await;
    world.platform.answers("/new/kota/2", &[(200, &batch("c"))]);
    world.platform.answers("/new/kota/3", &[(200, "")]);
    let before = world.platform.calls("/new/kota/0").len();
    world.open_poll().await;
    world.until("the third", |world| world.messages() == ["a", "b", "c"]).await;
    assert_eq!(world.platform.calls("/new/kota/0").len(), before, "nothing was read from the beginning again");
}
