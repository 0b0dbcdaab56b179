//! An answer that WhatsApp refuses for good reaches its citizen by SMS, where they proved to be; and where nothing is left, a person tells them.

use simulator::{Endpoint, Fault};
use tests::{Browser, Kannel, World, eventually};

const CHAT: &str = "6281200000021";
const PHONE: &str = "6281200000022";
const NUMBERS: &str = "join_wait = 2\n[[adapter.numbers]]\nnumber = \"1708\"\ngateway = \"kota\"\nper_second = 100\n";
/// Not on WhatsApp, or has blocked us.
const NOT_THERE: Fault = Fault::Code(131_026);

async fn act(officer: &mut Browser, page: &str, form: &str, fields: &[(&str, &str)]) {
    officer.get(page).await;
    let answer = officer.post(&format!("{page}/{form}"), fields).await;
    assert!(answer.status < 400, "{form}: {} {}", answer.status, answer.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_whatsapp_refuses_arrives_by_sms_and_then_by_a_person() {
    let mut world = World::start().await;
    let port = servers::free_port().expect("a free port");
    let mut kannel = Kannel::start(world.folder(), port, "").await;
    world.muara(&["channel", "add", "sms", "--account", "1708", "--label", "SMS 1708"]);
    world.start_adapter("sms", "adapter-sms", port, &format!("{NUMBERS}{}", kannel.table(port))).await;

    // By SMS first, then on in WhatsApp, with a code from the complaint's page.
    kannel.deliver(PHONE, "1708", "text Jalan berlubang besar di depan pasar Kelurahan Gambir");
    kannel.hears("+6281200000022", &["nomor laporan Anda"]).await;
    let (id, tracking) = (world.ask("select id from complaint"), world.ask("select tracking from complaint"));
    let mut citizen = Browser::new(&world.url());
    citizen.get(&format!("/t/{tracking}")).await;
    let shown = citizen.post(&format!("/t/{tracking}/sambung"), &[]).await;
    let (_, from_code) = shown.text.split_once("SAMBUNG ").expect("a code");
    let code: String = from_code.chars().take(11).collect();
    world.platform.text(CHAT, &format!("SAMBUNG {code}"));
    eventually("the complaint goes on in WhatsApp", || async {
        world.count("select count(*) from complaint where reply_to ->> 'adapter' = 'whatsapp'") == 1
    })
    .await;

    // WhatsApp says no for good.
    let mut officer = world.signed_in("jalan1").await;
    let page = format!("/aduan/{id}");
    world.platform.fail(Endpoint::Messages, NOT_THERE);
    act(&mut officer, &page, "jawab", &[("text", "Tim turun besok pagi")]).await;
    let answer = kannel.hears("+6281200000022", &["Tim turun besok pagi"]).await;
    assert!(answer.starts_with(&world.ask("select reference from complaint")), "{answer}");
    eventually("the network's report is noted", || async {
        world.count(
            "select count(*) from reply_rung join reply on reply.id = reply_rung.reply where way = 'written' and receipt = 'delivered'",
        ) == 1
    })
    .await;
    assert_eq!(world.count("select count(*) from unreached"), 0);

    // They want no more SMS: then a person tells them.
    kannel.deliver(PHONE, "1708", "text STOP");
    eventually("silence is noted", || async { world.count("select count(*) from opt_out") == 1 }).await;
    act(&mut officer, &page, "jawab", &[("text", "Ditunda karena hujan")]).await;
    eventually("it is a task", || async { world.count("select count(*) from unreached where done_at is null") == 1 }).await;
    let list = officer.get("/tak-sampai").await;
    assert!(list.text.contains("Ditunda karena hujan") && !list.text.contains("Tim turun besok pagi"), "{}", list.text);
    let told = officer.post(&format!("/tak-sampai/{id}"), &[("how", "home"), ("text", "Bertemu di rumah.")]).await;
    assert!(told.status < 400 && told.text.contains("Semua jawaban sampai"), "{} {}", told.status, told.text);
    assert!(officer.get(&page).await.text.contains("Bertemu di rumah."));
    world.settled().await;
    assert!(!kannel.came().iter().any(|line| line.contains("Ditunda")), "{:?}", kannel.came());
}
