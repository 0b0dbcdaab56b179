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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_larger_than_the_door_takes_waits_for_a_person_and_the_others_pass() {
    let mut world = World::new().await;
    let bus = world.bus().await;
    let large = format!(r#"{{"messages":[{{"id":"large","text":"{}"}}]}}"#, "x".repeat(80_000));
    world.platform.answers("/new/kota/0", &[(200, &large)]);
    world.platform.answers("/new/kota/1", &[(200, &batch("after"))]);
    world.platform.answers("/new/kota/2", &[(200, "")]);
    world.open_poll().await;
    world.listen().await;
    world.until("what came after", |world| world.messages() == ["after"]).await;
    let parked = bus.parked(None, 10).await.expect("a bus");
    let [one] = parked.as_slice() else { panic!("{parked:?}") };
    assert_eq!((one.stream.as_str(), one.reason.as_str()), ("RAW", "larger than the door takes"));
    assert!(one.error.contains("`door.max_body` is 65536"), "{}", one.error);
    assert!(bus.retry_parked(one.id).await.expect("a bus"), "a person lets it in");
    world.until("the large one", |world| world.messages() == ["after", "large"]).await;
}
