//! What `probe` sees of everything around an adapter.

use adapter_sdk::{Finding, State, probe};

use crate::{chat::Chat, world::World};

async fn found(world: &World, more: &str) -> Vec<Finding> {
    let mut settings = world.settings(more);
    if let Some(address) = world.address {
        settings.door.listen = address;
    }
    probe::<Chat>(settings).await.expect("a configuration")
}

fn states(found: &[Finding]) -> Vec<State> {
    found.iter().map(|finding| finding.state).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_running_adapter_everything_is_fine_and_nothing_is_disturbed() {
    let world = World::with_webhook().await;
    let found = found(&world, "").await;
    assert_eq!(states(&found), [State::Fine, State::Fine, State::Fine, State::Unknown], "{found:#?}");
    assert!(found[1].seen.starts_with("open"), "{found:#?}");
    assert!(found[3].seen.contains("nothing to look at"), "an adapter that looks at nothing does not say that all is well: {found:#?}");
    assert_eq!(world.says(&["a"]).await, 200);
    world.until("the message", |world| world.messages() == ["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_away_or_taken_is_told_with_what_to_do() {
    let mut world = World::new().await;
    world.nats().stop();
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    world.address = Some(other.local_addr().expect("an address"));
    std::fs::write(world.folder.path().join("spool"), "a file where the folder should be").expect("a file");
    let found = found(&world, "").await;
    assert_eq!(states(&found)[..3], [State::Wrong; 3], "{found:#?}");
    assert!(found[..3].iter().all(|finding| finding.advice.is_some()), "{found:#?}");
}
