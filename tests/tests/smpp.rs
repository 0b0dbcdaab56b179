//! Text messages go the whole way over an operator's own link, to a centre that nobody here wrote.

use serde_json::{Value, json};
use tests::{Smsc, World, eventually};

const SARI: &str = "6281200000031";
const NUMBERS: &str = "join_wait = 2\n[[adapter.numbers]]\nnumber = \"1708\"\ngateway = \"operator\"\nper_second = 100\n\
                       [[adapter.numbers.keywords]]\nword = \"BKN\"\naccount = \"1708-bkn\"\n";

async fn with_smsc(secured: bool) -> (World, Smsc) {
    let mut world = World::start().await;
    let port = servers::free_port().expect("a free port");
    let smsc = Smsc::start(world.folder(), secured).await;
    for (account, label) in [("1708", "SMS 1708"), ("1708-bkn", "SMS 1708, BKN")] {
        world.muara(&["channel", "add", "sms", "--account", account, "--label", label]);
    }
    world.start_adapter("sms", "adapter-sms", port, &format!("{NUMBERS}{}", smsc.table())).await;
    (world, smsc)
}

fn says(from: &str, text: &str) -> Value {
    json!({ "source_addr": from, "destination_addr": "1708", "data_coding": 0, "short_message": text })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_over_an_operators_link_becomes_a_complaint_and_the_networks_report_on_its_answer_is_noted() {
    let (world, mut smsc) = with_smsc(true).await;
    smsc.deliver(&says(SARI, "bkn#Jalan berlubang @ pasar Kelurahan Gambir"));
    let answer = smsc.hears(SARI, 1).await.remove(0);
    let number = world.ask("select reference from complaint");
    assert!(answer["text"].as_str().expect("a text").starts_with(&number), "{answer}");
    assert_eq!((&answer["from"], &answer["esm_class"]), (&json!("1708"), &json!(0)));
    assert_eq!(world.ask("select account from complaint"), "1708-bkn", "the keyword's own channel");
    assert_eq!(world.ask("select text from complaint"), "Jalan berlubang @ pasar Kelurahan Gambir");
    eventually("the report is noted", || async { world.count("select count(*) from reply where receipt = 'delivered'") == 1 }).await;
    smsc.deliver(&says("6281200000099", "Lampu mati di Kelurahan Menteng"));
    eventually("the network's no is noted", || async { world.count("select count(*) from reply where receipt = 'failed'") == 1 }).await;
    assert!(world.ask("select error from reply where receipt = 'failed'").starts_with("UNDELIV 011"));
    let mut probe = std::process::Command::new(tests::built("adapter-sms"));
    let found = probe.current_dir(world.folder()).args(["probe", "--config", "sms.toml"]).output().expect("the adapter starts");
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.contains("link of operator: the centre lets us in"), "{found}");
    world.settled().await;
    for secret in [SARI, "berlubang", "sandi-op"] {
        assert!(!world.log("sms").contains(secret), "the adapter logs {secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_and_payloads_over_a_link_are_one_complaint_each() {
    let (world, mut smsc) = with_smsc(false).await;
    let part = |number: u8, text: &str| {
        json!({ "source_addr": SARI, "destination_addr": "1708", "data_coding": 0, "esm_class": 0x40,
                "udh": { "hex": format!("05000307020{number}") }, "short_message": text })
    };
    smsc.deliver(&part(2, "Kelurahan Gambir, sudah seminggu"));
    smsc.deliver(&part(1, "BKN Jalan berlubang di depan pasar "));
    world.complaints_become(1).await;
    assert_eq!(world.ask("select text from complaint"), "Jalan berlubang di depan pasar Kelurahan Gambir, sudah seminggu");
    let long = format!("Sampah menumpuk di Kelurahan Senen. {}", "Bau sekali dan banyak lalat. ".repeat(15));
    smsc.deliver(&json!({ "source_addr": "6281200000032", "destination_addr": "1708", "data_coding": 0, "short_message": "", "message_payload": { "message": long } }));
    world.complaints_become(2).await;
    assert_eq!(world.ask("select text from complaint where account = '1708'"), long.trim_end());
    smsc.deliver(&json!({ "source_addr": "6281200000033", "destination_addr": "1708", "data_coding": 8, "short_message": "Banjir 🌊 di “Kelurahan Senen”" }));
    world.complaints_become(3).await;
    assert_eq!(world.count("select count(*) from complaint where text = 'Banjir 🌊 di “Kelurahan Senen”'"), 1);
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_breaks_an_adapter_that_is_killed_and_a_bus_that_is_away_lose_and_double_nothing() {
    let (mut world, mut smsc) = with_smsc(false).await;
    smsc.deliver(&says(SARI, "Kelurahan Gambir jalan rusak kalimat 1."));
    world.complaints_become(1).await;
    world.nats.kill9();
    for n in 2..=10 {
        smsc.deliver(&says(SARI, &format!("kalimat {n}.")));
        match n {
            4 => smsc.hang_up(),
            7 => {
                world.process("sms").kill();
                world.process("sms").resume();
            }
            _ => {}
        }
    }
    eventually("the centre heard yes to all of them", || {
        std::future::ready(smsc.told("answered").iter().filter(|code| **code == json!(0)).count() >= 10)
    })
    .await;
    world.nats.restart().expect("NATS starts again");
    eventually("every message is recorded", || async { world.count("select count(*) from message where adapter = 'sms'") >= 10 }).await;
    world.settled().await;
    assert_eq!(
        world.count("select count(*) from message where adapter = 'sms'"),
        10,
        "{}",
        world.ask("select string_agg(text, '|' order by received_at) from message")
    );
    let in_order = (1..=10).map(|n| format!("%kalimat {n}.")).collect::<Vec<_>>().concat();
    assert_eq!(
        world.count(&format!("select count(*) from complaint where text like '{in_order}%'")),
        1,
        "{}",
        world.ask("select string_agg(text, '|') from complaint")
    );
}
