//! People who never wrote to the city are reached on their telephones: by WhatsApp as an approved template, and by SMS. People on the spot get the link to
//! their task; what does not arrive is seen by who gave it, who hands the link on. Heads of agencies are told of clocks; what does not arrive becomes a
//! mail.

use servers::mail::Mail;
use simulator::{Endpoint, Fault, Form, sms};
use tests::{Browser, GATEWAY_WORD, World, client, eventually};

const SARI: &str = "6281200000001";
/// The head of a neighbourhood, and one of another. They never wrote to the city.
const MELATI: &str = "6281200000701";
const MAWAR: &str = "6281200000702";
/// The head of an agency, and the secretary of the city.
const HEAD: &str = "6281200000703";
const SECRETARY: &str = "6281200000704";
const HEADS_MAIL: &str = "rina@warga.example.id";
const WHATSAPP: &str = "100000000000001";
/// Meta's word for a telephone that has no WhatsApp.
const GONE: Fault = Fault::Code(131_026);

#[tokio::test(flavor = "multi_thread")]
async fn the_link_to_a_task_goes_by_template_and_by_sms_and_what_does_not_arrive_is_handed_on() {
    let mut world = World::start().await;
    let gateway = sms::Gateway::start().await.expect("a free port");
    world.muara(&["channel", "add", "sms", "--account", sms::NUMBER, "--label", "SMS 1708"]);
    for (adapter, account) in [("sms", sms::NUMBER), ("whatsapp", WHATSAPP)] {
        world.muara(&["channel", "reaches", adapter, "--account", account, "tel"]);
    }
    let port = servers::free_port().expect("a free port");
    world.start_adapter("sms", "adapter-sms", port, &gateway.table(GATEWAY_WORD)).await;
    world.platform.text(SARI, "Jalan rusak parah di depan pasar Kelurahan Gambir");
    world.hears(SARI, &["Nomor: "]).await;
    let (page, number) = (format!("/aduan/{}", world.ask("select id from complaint")), world.ask("select reference from complaint"));

    let mut supervisor = world.signed_in("jalan2").await;
    known(&mut supervisor, "RT 03 Melati", "0812-0000-0701", &format!("whatsapp {WHATSAPP}")).await;
    let listed = known(&mut supervisor, "RT 04 Mawar", "+62 812 0000 0702", &format!("sms {}", sms::NUMBER)).await;
    assert!(listed.contains("RT 04 Mawar") && !listed.contains("0000702"), "only its ends are shown: {listed}");

    // Outside a conversation the platform takes no free words: they would have been refused.
    let free = serde_json::json!({ "messaging_product": "whatsapp", "to": MELATI, "type": "text", "text": { "body": "Yth. RT 03" } });
    let graph = format!("{}/v26.0/{WHATSAPP}/messages", world.platform.url);
    let refused = client().post(graph).bearer_auth("simulator-token").json(&free).send().await.expect("an answer");
    assert!(refused.text().await.expect("words").contains("131047"));

    let mut officer = world.signed_in("jalan1").await;
    entrust(&world, &mut officer, &page, "RT 03 Melati").await;
    let heard = world.hears(MELATI, &["RT 03 Melati", "/tugas/"]).await;
    assert!(matches!(&heard.form, Form::Template { name, .. } if name == "permintaan_bantuan"), "{heard:?}");
    assert!(!heard.text.contains(&number) && !heard.text.contains("Tolong pasang rambu"), "{heard:?}");
    let task = Browser::new(&world.url()).get(&path(&heard.text)).await;
    assert!(task.status == 200 && task.text.contains("Tolong pasang rambu"), "{} {}", task.status, task.text);
    eventually("its reading is noted", || async { world.count("select count(*) from work_message where receipt = 'read'") == 1 }).await;
    assert!(officer.get(&page).await.text.contains("Pesannya dibaca"));

    entrust(&world, &mut officer, &page, "RT 04 Mawar").await;
    eventually("the link is on the other telephone", || async {
        gateway.came().iter().any(|text| text.to == MAWAR && text.message.contains("/tugas/"))
    })
    .await;
    let text = gateway.came().into_iter().find(|text| text.to == MAWAR).expect("it came").message;
    assert_eq!(Browser::new(&world.url()).get(&path(&text)).await.status, 200, "{text}");
    assert_eq!(gateway.came().len(), 1, "in one message: {:?}", gateway.came());

    world.platform.fail(Endpoint::Messages, GONE);
    entrust(&world, &mut officer, &page, "RT 03 Melati").await;
    eventually("Meta's no is noted", || async { world.count("select count(*) from work_message where receipt = 'failed'") == 1 }).await;
    let shown = officer.get(&page).await.text;
    assert!(shown.contains("Pesannya tidak sampai (131026"), "{shown}");
    let failed = world.ask("select task from work_message where receipt = 'failed'");
    let by_hand = officer.post(&format!("{page}/tugas/{failed}/tautan"), &[]).await;
    assert_eq!(Browser::new(&world.url()).get(&path(&by_hand.text)).await.status, 200);

    // Nothing of it stays: not where it went, and no link in a log.
    assert_eq!(world.count("select count(*) from work_message where sealed is not null"), 0);
    for name in world.process_names() {
        let log = world.log(name);
        for secret in ["/tugas/", "0000701", "0000702"] {
            let line = log.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} in the log of {name}");
        }
    }
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missed_clock_reaches_the_heads_telephone_by_template_or_sms_and_what_is_refused_becomes_a_mail() {
    let mut world = World::start().await;
    let mail = Mail::start().unwrap_or_else(|problem| panic!("no mail servers for the tests: {problem}"));
    world.mail_by(&mail).await;
    let gateway = sms::Gateway::start().await.expect("a free port");
    world.muara(&["channel", "add", "sms", "--account", sms::NUMBER, "--label", "SMS 1708"]);
    for (adapter, account) in [("sms", sms::NUMBER), ("whatsapp", WHATSAPP)] {
        world.muara(&["channel", "reaches", adapter, "--account", account, "tel"]);
    }
    let port = servers::free_port().expect("a free port");
    world.start_adapter("sms", "adapter-sms", port, &gateway.table(GATEWAY_WORD)).await;
    let mut admin = world.signed_in("admin1").await;
    let roads = world.ask("select id from agency where code = 'dbm'");
    for (agency, name, mail, telephone, channel) in [
        (roads.as_str(), "Kepala Dinas", HEADS_MAIL, "0812-0000-0703", format!("whatsapp {WHATSAPP}")),
        ("", "Sekretaris Daerah", "", "+62 812 0000 0704", format!("sms {}", sms::NUMBER)),
    ] {
        admin.get("/admin/eskalasi").await;
        let fields = [("agency", agency), ("name", name), ("mail", mail), ("telephone", telephone), ("telephone_channel", &channel)];
        let shown = admin.post("/admin/eskalasi/jabatan", &fields).await;
        assert!(shown.status == 200 && shown.text.contains(name) && !shown.text.contains("000070"), "{} {}", shown.status, shown.text);
    }
    for post in ["head", "secretary"] {
        let fields = [("stage", "settle"), ("moment", "at"), ("post", post), ("way", "telephone"), ("source", "aturan uji")];
        assert!(admin.post("/admin/eskalasi", &fields).await.text.contains("Aturan dimulai"));
    }
    let late = complains(&world, "Jalan rusak parah di depan pasar Kelurahan Gambir").await;
    world.missed(&late);
    let (number, page) = (world.ask(&format!("select reference from complaint where id = '{late}'")), format!("/aduan/{late}"));
    let heard = world.hears(HEAD, &[&number, "lewat sejak", &page]).await;
    assert!(matches!(&heard.form, Form::Template { name, .. } if name == "batas_waktu_laporan"), "{heard:?}");
    assert!(!heard.text.contains("rusak") && !heard.text.contains("Gambir"), "{heard:?}");
    eventually("the secretary has it too", || async {
        gateway.came().iter().any(|text| text.to == SECRETARY && text.message.contains(&number) && text.message.contains(&page))
    })
    .await;
    assert_eq!(gateway.came().len(), 1, "in one message: {:?}", gateway.came());
    let stranger = Browser::new(&world.url()).get(&page).await;
    assert!(!stranger.text.contains("rusak parah"), "the link opens nothing for who is not signed in");
    let read = "select count(*) from work_message where receipt = 'read' and escalation is not null";
    eventually("the head's reading is noted", || async { world.count(read) == 1 }).await;
    assert_eq!(mail.sent_to_people().len(), 0, "it arrived");

    let refused = complains(&world, "Jalan berlubang di depan sekolah Kelurahan Menteng").await;
    world.platform.fail(Endpoint::Messages, GONE);
    world.missed(&refused);
    let number = world.ask(&format!("select reference from complaint where id = '{refused}'"));
    eventually("the head has a mail instead", || async {
        mail.sent_to_people().iter().any(|mail| mail.contains(&format!("Envelope-to: {HEADS_MAIL}")) && mail.contains(&number))
    })
    .await;
    let figures = admin.get("/admin/neraca").await.text;
    assert!(figures.contains("Pesan ke telepon petugas") && figures.contains("SMS 1708"), "{figures}");
    let shown = admin.get("/admin/eskalasi").await.text;
    assert!(shown.contains("Ditolak (131026") && shown.contains("Surel dikirim sebagai gantinya."), "{shown}");

    assert_eq!(world.count("select count(*) from work_message where sealed is not null"), 0);
    for name in world.process_names() {
        let log = world.log(name);
        for secret in ["0000703", "0000704", HEADS_MAIL] {
            let line = log.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret} in the log of {name}");
        }
    }
    world.platform.mend(Endpoint::Messages);
    world.settled().await;
}

/// A citizen writes; the key of their complaint.
async fn complains(world: &World, words: &str) -> String {
    let before = world.count("select count(*) from complaint");
    let phone = format!("62812000000{:02}", before + 1);
    world.platform.text(&phone, words);
    world.hears(&phone, &["Nomor: "]).await;
    world.ask("select id from complaint order by opened_at desc limit 1")
}

/// A supervisor puts somebody on the agency's list; what the page says then.
async fn known(supervisor: &mut Browser, name: &str, telephone: &str, channel: &str) -> String {
    supervisor.get("/pengurus").await;
    let fields = [("name", name), ("kind", "rt"), ("mail", ""), ("telephone", telephone), ("channel", channel)];
    let answer = supervisor.post("/pengurus", &fields).await;
    assert!(answer.status == 200 && answer.text.contains("Ditambahkan."), "{} {}", answer.status, answer.text);
    answer.text
}

async fn entrust(world: &World, officer: &mut Browser, page: &str, name: &str) {
    let body = world.ask(&format!("select id from body where name = '{name}'"));
    officer.act(page, "titip", &[("body", &body), ("text", "Tolong pasang rambu di lubang itu."), ("days", "3")]).await;
}

/// The page of a task, from words with its link.
fn path(words: &str) -> String {
    let code: String = words.split_once("/tugas/").expect("a link").1.chars().take(22).collect();
    format!("/tugas/{code}")
}
