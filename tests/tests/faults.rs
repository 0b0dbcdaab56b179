//! Things break while a city complains by every way. The short form of `cargo xtask faults`.

use std::time::Duration;

use tests::faults::{Battle, Blow, Disk, Kind, Pace, small_disks_are_possible};

const BLOWS: [Blow; 7] = [
    Blow::Kill("intake"),
    Blow::Kill("dispatch"),
    Blow::Kill("whatsapp"),
    Blow::KillNats,
    Blow::KillPostgres,
    Blow::CutAdapters,
    Blow::CutDatabase,
];

/// Answers that the platform takes while its adapter is killed: it has a few under way at once.
const MAY_COME_TWICE: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_killed_or_cut_under_a_flood_everything_is_there_once_and_everybody_is_answered_once() {
    let mut battle = Battle::start(Kind::default(), 1).await;
    // Generous: a reply that a killed dispatcher had claimed is claimed again after two minutes.
    let patience = Duration::from_mins(6);
    let pace = Pace { citizens: 240, time: Duration::from_secs(24), hold: Duration::from_secs(1), patience };
    let row = battle.fight(&BLOWS, pace).await;
    println!("{row}\n{}", row.report);
    assert!(row.nothing_is_lost(), "{row}\n{}", row.report);
    assert_eq!(row.revived, [""; 0], "whatever is killed or cut beside it, no program ends by itself");
    // Meta, SMS gateways and X take no key of idempotency: who is killed between the platform's yes and the note of it may send once more.
    assert!(row.report.total().answered_twice <= MAY_COME_TWICE, "{row}\n{}", row.report);
}

/// nats-server takes nothing any more once it could not write, also when there is room again.
#[tokio::test(flavor = "multi_thread")]
async fn a_bus_whose_disk_was_full_takes_again_without_a_hand() {
    if !small_disks_are_possible() {
        println!("SKIPPED: small disks need root and the right to mount");
        return;
    }
    let mut battle = Battle::start(Kind { small_disks: true, ..Kind::default() }, 2).await;
    let pace = Pace { citizens: 100, time: Duration::from_secs(12), hold: Duration::from_secs(6), patience: Duration::from_mins(5) };
    let row = battle.fight(&[Blow::Fill(Disk::Nats)], pace).await;
    println!("{row}\n{}", row.report);
    assert!(row.nothing_is_lost(), "{row}\n{}", row.report);
}
