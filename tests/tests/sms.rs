//! Text messages go the whole way, through gateways that nobody here wrote.

use tests::{Gammu, Kannel, World, eventually};

const SARI: &str = "6281200000011";
const NUMBERS: &str = "join_wait = 2\n[[adapter.numbers]]\nnumber = \"1708\"\ngateway = \"kota\"\nper_second = 100\n\
                       help = \"Format: BKN<spasi>isi aduan\"\n[[adapter.numbers.keywords]]\nword = \"BKN\"\naccount = \"1708-bkn\"\n";

async fn with_kannel(more: &str) -> (World, Kannel) {
    let mut world = World::start().await;
    let port = servers::free_port().expect("a free port");
    let kannel = Kannel::start(world.folder(), port, more).await;
    for (account, label) in [("1708", "SMS 1708"), ("1708-bkn", "SMS 1708, BKN")] {
        world.muara(&["channel", "add", "sms", "--account", account, "--label", label]);
    }
    world.start_adapter("sms", "adapter-sms", port, &format!("{NUMBERS}{}", kannel.table(port))).await;
    (world, kannel)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sms_becomes_a_complaint_and_is_answered_with_one_sms_that_begins_with_the_number() {
    let (world, mut kannel) = with_kannel("").await;
    kannel.deliver(SARI, "1708", "text bkn#Jalan berlubang besar di depan pasar Kelurahan Gambir");
    let answer = kannel.hears("+6281200000011", &["nomor laporan Anda"]).await;
    let number = world.ask("select reference from complaint");
    assert!(answer.starts_with(&number), "{answer}");
    assert!(answer.chars().count() <= 160 && answer.contains("/t/"), "{answer}");
    assert_eq!(world.ask("select account from complaint"), "1708-bkn", "the keyword's own channel");
    assert_eq!(world.ask("select text from complaint"), "Jalan berlubang besar di depan pasar Kelurahan Gambir");
    eventually("the network's report is noted", || async { world.count("select count(*) from reply where receipt = 'delivered'") == 1 })
        .await;
    world.settled().await;
    assert_eq!(kannel.came().len(), 1, "one SMS and no more: {:?}", kannel.came());
    let mut probe = std::process::Command::new(tests::built("adapter-sms"));
    let found = probe.current_dir(world.folder()).args(["probe", "--config", "sms.toml"]).output().expect("the adapter starts");
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.contains("user of kota: Kannel knows it") && found.contains("links of kota: 1 online"), "{found}");
    for secret in [SARI, "berlubang", tests::GATEWAY_WORD, "sandi-contoh"] {
        assert!(!world.log("sms").contains(secret), "the adapter logs {secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_sms_is_one_complaint_whoever_joins_its_parts_and_a_lost_part_is_said() {
    // Kannel joins nothing here: the door does.
    let (world, mut kannel) = with_kannel("sms-combine-concatenated-mo = false").await;
    kannel.deliver(SARI, "1708", "udh-text %05%00%03%07%02%02 Kelurahan Gambir, sudah seminggu");
    kannel.deliver(SARI, "1708", "udh-text %05%00%03%07%02%01 BKN Jalan berlubang di depan pasar ");
    world.complaints_become(1).await;
    assert_eq!(unescaped(&world.ask("select text from complaint")), "Jalan berlubang di depan pasar Kelurahan Gambir, sudah seminggu");
    kannel.deliver("6281200000012", "1708", "udh-text %05%00%03%09%03%03 sejak Senin");
    kannel.deliver("6281200000012", "1708", "udh-text %05%00%03%09%03%01 Lampu jalan mati di Kelurahan Menteng ");
    world.complaints_become(2).await;
    let torn = unescaped(&world.ask("select text from complaint where account = '1708'"));
    assert_eq!(torn, "Lampu jalan mati di Kelurahan Menteng [bagian 2 dari 3 tidak sampai] sejak Senin");
    kannel.hears("+6281200000012", &["nomor laporan Anda"]).await;
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn emoji_and_curly_quotes_arrive_and_silence_is_kept_until_it_is_ended() {
    let (world, mut kannel) = with_kannel("").await;
    let ucs2 = |text: &str| {
        let bytes: Vec<String> = text.encode_utf16().flat_map(u16::to_be_bytes).map(|byte| format!("%{byte:02x}")).collect();
        bytes.concat()
    };
    kannel.deliver(SARI, "1708", &format!("ucs2 {}", ucs2("Banjir 🌊 di “Kelurahan Senen”")));
    kannel.hears("+6281200000011", &["nomor laporan Anda"]).await;
    assert_eq!(world.ask("select text from complaint"), "Banjir 🌊 di “Kelurahan Senen”");
    kannel.deliver("6281200000013", "1708", "text STOP");
    eventually("silence is noted", || async { world.count("select count(*) from opt_out") == 1 }).await;
    kannel.deliver("6281200000013", "1708", "text Sampah menumpuk di Kelurahan Senen");
    world.complaints_become(2).await;
    eventually("the answer is withheld", || async { world.count("select count(*) from reply where state = 'withheld'") == 1 }).await;
    kannel.deliver("6281200000013", "1708", "text mulai");
    eventually("the silence has ended", || async { world.count("select count(*) from opt_out") == 0 }).await;
    kannel.deliver("6281200000014", "1708", "text BKN");
    assert_eq!(kannel.hears("+6281200000014", &["Format"]).await, "Format: BKN<spasi>isi aduan");
    world.settled().await;
    assert!(!kannel.came().iter().any(|line| line.contains("6281200000013")), "{:?}", kannel.came());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nats_is_down_a_gateway_that_hears_yes_loses_nothing_and_the_order_stays() {
    let (mut world, mut kannel) = with_kannel("").await;
    world.nats.kill9();
    // Kannel calls the door for several messages side by side, so a citizen's next one is sent when the last has arrived.
    for part in 1..=3 {
        for n in 0..10 {
            kannel.deliver(&format!("62812100000{n:02}"), "1708", &format!("text Kelurahan Gambir jalan rusak kalimat {part}."));
        }
        eventually("the door has said yes to all of them", || async { accepted(&world).await == 10 * part }).await;
    }
    assert_eq!(world.complaints(), 0);
    world.process("sms").kill();
    world.nats.restart().expect("NATS starts again");
    world.process("sms").resume();
    world.complaints_become(10).await;
    eventually("every message is recorded", || async { world.count("select count(*) from message where adapter = 'sms'") == 30 }).await;
    world.settled().await;
    assert_eq!(world.complaints(), 10, "three messages in one breath are one complaint");
    let in_order = "select count(*) from complaint where text like '%kalimat 1.%kalimat 2.%kalimat 3.%'";
    assert_eq!(world.count(in_order), 10, "{}", world.ask("select string_agg(text, '|') from complaint"));
    // Kannel says yes to an answer before the network has it.
    eventually("each citizen hears", || async { kannel.came().len() >= 10 }).await;
    assert_eq!(kannel.came().len(), 10, "once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_modem_hands_in_also_while_the_adapter_is_down_and_its_answer_is_sent() {
    let mut world = World::start().await;
    let port = servers::free_port().expect("a free port");
    let gammu = Gammu::start(world.folder()).await;
    world.muara(&["channel", "add", "sms", "--account", "+6281200000000", "--label", "SMS"]);
    let number = "[[adapter.numbers]]\nnumber = \"+6281200000000\"\ngateway = \"modem1\"\nper_second = 10\n";
    world.start_adapter("sms", "adapter-sms", port, &format!("{number}{}", gammu.table())).await;
    gammu.deliver("+6281200000021", "Jalan berlubang di Kelurahan Gambir");
    let sent = gammu.sends(&["nomor laporan Anda"]).await;
    let reference = world.ask("select reference from complaint");
    assert!(sent.contains(&reference) && sent.contains("+6281200000021"), "{sent}");
    eventually("the modem's report is noted", || async {
        world.log("sms").contains("Normalized a raw message") && world.count("select count(*) from reply where receipt = 'sent'") == 1
    })
    .await;
    world.process("sms").kill();
    let long = "Lampu jalan mati di Kelurahan Menteng, tolong segera diperbaiki karena gelap sekali kalau malam dan banyak anak yang lewat situ pulang mengaji; sudah dua minggu begini dan belum ada yang datang.";
    gammu.deliver("+6281200000022", long);
    let folder = world.folder().join("modem1");
    eventually("SMSD has handed it in", || {
        std::future::ready(
            std::fs::read_dir(&folder).expect("the folder").flatten().any(|entry| entry.path().extension().is_some_and(|e| e == "json")),
        )
    })
    .await;
    world.process("sms").resume();
    world.complaints_become(2).await;
    assert_eq!(world.ask("select text from complaint where text like 'Lampu%'"), long);
    eventually("both are answered", || async { world.count("select count(*) from reply where receipt = 'sent'") == 2 }).await;
    world.settled().await;
}

/// How many messages the door has said yes to.
async fn accepted(world: &World) -> u64 {
    let metrics = tests::client().get(format!("{}/metrics", world.adapter_url("sms"))).send().await.expect("metrics");
    let metrics = metrics.text().await.expect("text");
    let line = metrics.lines().find(|line| line.starts_with("muara_door_requests_total") && line.contains("accepted"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

/// The fake network gives text with a header on as it is written.
fn unescaped(text: &str) -> String {
    text.replace("%20", " ")
}
