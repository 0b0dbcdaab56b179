//! An answer that does not arrive climbs over the whole road: WhatsApp says no, an SMS goes to the citizen's own telephone; the network says no
//! too, and a person tells them and writes down how.

use simulator::{Endpoint, Fault, sms};
use tests::{GATEWAY_WORD, World, eventually};

const SARI: &str = "6281200000001";
/// Meta's word for a telephone that no longer has WhatsApp.
const GONE: Fault = Fault::Code(131_026);

#[tokio::test(flavor = "multi_thread")]
async fn what_whatsapp_refuses_goes_out_by_sms_and_what_that_refuses_too_is_told_by_a_person() {
    let (world, gateway) = with_sms().await;
    world.platform.text(SARI, "Jalan rusak parah di depan pasar Kelurahan Gambir");
    world.hears(SARI, &["Nomor: "]).await;
    let number = world.ask("select reference from complaint");
    let page = format!("/aduan/{}", world.ask("select id from complaint"));
    let mut officer = world.signed_in("jalan1").await;

    world.platform.fail(Endpoint::Messages, GONE);
    officer.act(&page, "jawab", &[("text", "Tim turun besok pagi")]).await;
    eventually("the answer is read on the citizen's telephone", || async {
        gateway.came().iter().any(|text| text.to == SARI && text.message.contains(&number) && text.message.contains("/t/"))
    })
    .await;
    eventually("the network's yes is noted", || async {
        world.count("select count(*) from reply where receipt = 'sent' and adapter = 'sms'") == 1
    })
    .await;
    assert_eq!(world.ask("select string_agg(way, ' ' order by number) from reply_rung"), "same telephone");
    assert!(!officer.get("/tak-sampai").await.text.contains(&number), "nobody has to tell them");

    gateway.fail(Some(Fault::Code(9)));
    officer.act(&page, "jawab", &[("text", "Tim sudah di tempat")]).await;
    eventually("it is somebody's task", || async { world.count("select count(*) from unreached where done_at is null") == 1 }).await;
    let last = "select string_agg(way, ' ' order by number) from reply_rung where first = (select first from unreached)";
    assert_eq!(world.ask(last), "same written staff", "the way by which they were answered last comes first now");
    assert_eq!(gateway.came().len(), 1, "the second answer reached no telephone: {:?}", gateway.came());
    let task = officer.get("/tak-sampai").await.text;
    assert!(task.contains(&number) && task.contains("Tim sudah di tempat"), "{task}");

    let complaint = page.trim_start_matches("/aduan/");
    let told = officer.post(&format!("/tak-sampai/{complaint}"), &[("how", "telephone"), ("text", "Ibu Sari mendengar kabarnya")]).await;
    assert!(told.status < 400, "{} {}", told.status, told.text);
    assert_eq!(world.ask("select how from unreached"), "telephone");
    assert!(!officer.get("/tak-sampai").await.text.contains(&number), "the task is done");
    assert!(officer.get(&page).await.text.contains("Ibu Sari mendengar kabarnya"), "and stands in the history");
    world.settled().await;
}

async fn with_sms() -> (World, sms::Gateway) {
    let mut world = World::start().await;
    let gateway = sms::Gateway::start().await.expect("a free port");
    world.muara(&["channel", "add", "sms", "--account", sms::NUMBER, "--label", "SMS 1708"]);
    world.muara(&["channel", "reaches", "sms", "--account", sms::NUMBER, "tel"]);
    let port = servers::free_port().expect("a free port");
    world.start_adapter("sms", "adapter-sms", port, &gateway.table(GATEWAY_WORD)).await;
    (world, gateway)
}
