//! A backup of a running system, put back where nothing is: everything is there, nothing is there twice, and the balance says so.

use std::process::Command;

use tests::{APP_SECRET, Wishes, World, eventually};

const TINI: &str = "6281200000003";
const BUDI: &str = "6281200000004";

/// How many messages of citizens the adapter has made of what its door took.
async fn messages_read(world: &World) -> usize {
    let config = bus::BusConfig { url: world.nats.url(), user: None, password: None, key: None, name: "test".into(), replicas: 1 };
    let bus = bus::Bus::connect(&config).await.expect("a bus");
    let mut reader = bus.ledger_since(&"whatsapp".parse().expect("a name"), jiff::Timestamp::UNIX_EPOCH).await.expect("a bus");
    let mut count = 0;
    while let Some(entry) = reader.next().await.expect("a bus") {
        if let bus::What::Made { events, .. } = entry.what {
            count += events.iter().filter(|event| matches!(event, model::Event::Message(_))).count();
        }
    }
    reader.close().await.expect("a bus");
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_kept_of_a_running_system_is_there_after_a_restore_and_balances() {
    let mut world = World::start().await;
    world.platform.text(TINI, "Jalan berlubang di Kelurahan Gambir");
    world.hears(TINI, &["Nomor: "]).await;
    world.settled().await;
    // One that is on its way: intake is away, and its event waits.
    world.process("intake").stop();
    world.platform.text(BUDI, "Lampu jalan mati di Kelurahan Menteng");
    eventually("the webhook was accepted", || async { world.platform.waiting() == 0 }).await;
    eventually("its event waits", || async { messages_read(&world).await == 2 }).await;
    let kept = tempfile::tempdir().expect("a folder");
    let backup = kept.path().join("backup");
    let said = world.muara(&["backup", &backup.display().to_string()]);
    assert!(said.contains("NOT IN IT"), "the keys are not in it, and it says so: {said}");
    let number = world.ask("select reference from complaint");
    let day = world.ask("select (now() at time zone 'Asia/Jakarta')::date");
    // Where something is, nothing is put back.
    let refused = Command::new(tests::built("muara"))
        .current_dir(world.folder())
        .args(["--config", "muara.toml", "restore"])
        .arg(&backup)
        .output()
        .expect("muara starts");
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("the database is not empty"), "{words}");
    assert_eq!(world.complaints(), 1);
    drop(world);

    let world = World::start_with(Wishes { restore: Some(backup), ..Wishes::default() }).await;
    world.complaints_become(2).await;
    // The played platform is a new one, to which nobody wrote: it takes no free words. That the reply goes out is what counts here.
    eventually("who was not answered yet is answered", || async {
        world.count("select count(distinct complaint) from reply where kind in ('received', 'forwarded') and state = 'published'") == 2
    })
    .await;
    world.settled().await;
    assert_eq!(world.count(&format!("select count(*) from complaint where reference = '{number}'")), 1);
    assert_eq!(world.platform.received(TINI).len(), 0, "who was answered is not answered again");
    // A platform that delivers again what it had delivered before adds nothing.
    let key = world.ask("select platform_id from message order by recorded_at, id limit 1");
    let body = tests::text_webhook(TINI, &key, "Jalan berlubang di Kelurahan Gambir");
    let signature = simulator::webhook::signature(&body, APP_SECRET);
    let answer = tests::client().post(world.webhook()).header("x-hub-signature-256", signature).body(body).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    eventually("it is known", || async { world.log("intake").contains("Knew a message already") }).await;
    assert_eq!(world.complaints(), 2);
    // The command ends with an error where something is missing.
    let said = world.muara(&["balance", "--day", &day]);
    assert!(said.contains("sums."), "{said}");
}
