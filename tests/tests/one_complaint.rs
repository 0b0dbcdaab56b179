//! One complaint goes the whole way, on real parts, and its citizen hears of every step in the channel they used.

use tests::{Browser, World, eventually};

const SARI: &str = "6281200000001";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_becomes_a_complaint_that_an_agency_settles_and_the_citizen_hears_every_step() {
    let world = World::start().await;
    world.platform.text(SARI, "Selamat pagi, jalan berlubang besar di depan pasar Kelurahan Gambir, bahaya buat motor");
    let acknowledged = world.hears(SARI, &["Nomor: ", "/t/", "Diteruskan ke: "]).await;
    let number = value_after(&acknowledged.text, "Nomor: ");
    let link = value_after(&acknowledged.text, "Pantau di sini: ");

    let mut officer = world.signed_in("jalan1").await;
    let queue = officer.get("/antrean").await;
    assert!(queue.text.contains(&number), "the agency's queue shows it:\n{}", queue.text);
    let id = world.ask(&format!("select id from complaint where reference = '{number}'"));
    let page = format!("/aduan/{id}");
    officer.act(&page, "ambil", &[]).await;
    world.hears(SARI, &[&number, "sedang ditangani"]).await;
    officer.act(&page, "tanya", &[("text", "Di sisi mana lubangnya?")]).await;
    let question = world.hears(SARI, &["Di sisi mana lubangnya?"]).await;

    world.platform.quote(SARI, "Sisi utara, dekat halte", &question.wamid);
    world.hears(SARI, &["sudah kami tambahkan", &number]).await;
    assert!(officer.get(&page).await.text.contains("Sisi utara, dekat halte"));

    officer.act(&page, "jawab", &[("text", "Tim turun besok pagi")]).await;
    world.hears(SARI, &["Tim turun besok pagi"]).await;
    let photo = ("photo", "bukti.jpg", "image/jpeg", small_photo());
    officer.get(&page).await;
    let resolved = officer.post_files(&format!("{page}/selesai"), &[("text", "Lubang sudah ditambal")], &[photo]).await;
    assert!(resolved.status < 400, "{} {}", resolved.status, resolved.text);
    world.hears(SARI, &["dinyatakan selesai", "Lubang sudah ditambal"]).await;
    let picture = world.platform.wait_for(SARI, |message| matches!(message.form, simulator::Form::Picture { .. })).await;
    assert!(picture.is_some(), "the photo follows in the chat");

    let mut citizen = Browser::new(&world.url());
    let path = link.trim_start_matches(&world.url()).to_owned();
    eventually("the photo is on the tracking page", || {
        let (mut browser, path) = (Browser::new(&world.url()), path.clone());
        async move { browser.get(&path).await.text.contains("/foto/") }
    })
    .await;
    let tracking = citizen.get(&path).await;
    for step in [&number, "Lubang sudah ditambal", "Tim turun besok pagi"] {
        assert!(tracking.text.contains(step), "{step} in {}", tracking.text);
    }
    assert!(!tracking.text.contains(SARI), "the page holds no telephone number");

    citizen.post(&format!("{path}/belum-selesai"), &[("reason", "Masih berlubang di sebelahnya")]).await;
    world.hears(SARI, &[&number, "dibuka kembali"]).await;
    world.settled().await;
    one_trace_everywhere(&world, &world.ask("select trace from complaint"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_and_its_words_sent_apart_are_one_complaint_with_one_acknowledgement() {
    let world = World::start().await;
    world.platform.photo(SARI, None, small_photo());
    world.complaints_become(1).await;
    world.platform.text(SARI, "Lampu jalan mati di Kelurahan Gambir sudah seminggu");
    world.hears(SARI, &["Nomor: ", "Diteruskan ke"]).await;
    world.settled().await;
    assert_eq!(world.complaints(), 1);
    assert_eq!(world.count("select count(*) from attachment where state = 'kept'"), 1);
    assert_eq!(world.platform.received(SARI).len(), 1, "one answer to both");
    assert_eq!(world.count("select count(*) from reply"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_is_told_why_kept_away_by_the_platform_and_heard_again_when_it_is_taken_back() {
    let world = World::start().await;
    world.platform.text(SARI, "Jalan rusak parah di Kelurahan Gambir");
    world.hears(SARI, &["Nomor: "]).await;
    let page = format!("/aduan/{}", world.ask("select id from complaint"));
    let mut supervisor = world.signed_in("jalan2").await;
    supervisor.act(&page, "blokir", &[("text", "Mengancam petugas"), ("days", "7")]).await;
    world.hears(SARI, &["tidak kami jawab lagi sampai", "Mengancam petugas", "112"]).await;
    eventually("the platform keeps them away", || async { world.platform.is_blocked(SARI) }).await;
    eventually("it is noted", || async { world.count("select count(*) from reply where kind = 'blocked' and receipt is not null") == 1 })
        .await;
    assert!(supervisor.get(&page).await.text.contains("Dikirim otomatis"));
    supervisor.act(&page, "buka-blokir", &[("text", "Meminta maaf")]).await;
    // "Tidak kami jawab lagi" they heard before.
    world.hears(SARI, &["sini kami jawab lagi"]).await;
    assert!(!world.platform.is_blocked(SARI));
    world.settled().await;
    assert_eq!(world.count("select count(*) from reply where state = 'due'"), 0, "what waited for the day is called off");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_rule_can_place_waits_in_triage_and_goes_on_from_there() {
    let world = World::start().await;
    world.platform.text(SARI, "Tolong dibantu ya pak, sudah lama begini");
    let acknowledged = world.hears(SARI, &["sedang menentukan dinas"]).await;
    let number = value_after(&acknowledged.text, "Nomor: ");
    let id = world.ask("select id from complaint");
    let mut officer = world.signed_in("jalan1").await;
    assert_eq!(officer.get(&format!("/aduan/{id}")).await.status, 404, "no agency has it, so no officer sees it");
    let mut triage = world.signed_in("triase1").await;
    assert!(triage.get("/antrean?view=triage").await.text.contains(&number));
    let parks = world.ask("select id from agency where code = 'distamhut'");
    triage.act(&format!("/aduan/{id}"), "arahkan", &[("agency", &parks)]).await;
    world.hears(SARI, &[&number, "sudah diteruskan ke"]).await;
    let mut parks_officer = world.signed_in("taman1").await;
    assert!(parks_officer.get("/antrean").await.text.contains(&number));
    assert_eq!(officer.get(&format!("/aduan/{id}")).await.status, 404, "another agency's complaint stays unseen");
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_the_window_the_answer_goes_by_template_or_is_shown_as_failed() {
    let world = World::start().await;
    world.platform.text(SARI, "Jalan rusak parah di Kelurahan Gambir");
    world.hears(SARI, &["Nomor: "]).await;
    let id = world.ask("select id from complaint");
    world.platform.pass(jiff::SignedDuration::from_hours(30));
    let mut officer = world.signed_in("jalan1").await;
    officer.act(&format!("/aduan/{id}"), "jawab", &[("text", "Sedang kami cek")]).await;
    eventually("the answer is known to have failed", || async {
        world.count("select count(*) from reply where kind = 'answered' and receipt = 'failed'") == 1
    })
    .await;
    assert!(officer.get(&format!("/aduan/{id}")).await.text.contains("131047"), "staff see why");
    officer.get(&format!("/aduan/{id}")).await;
    officer.post_files(&format!("/aduan/{id}/selesai"), &[("text", "Sudah ditambal")], &[]).await;
    let number = world.ask("select reference from complaint");
    let template = world.hears(SARI, &[&number, "/t/"]).await;
    assert!(
        world
            .platform
            .received(SARI)
            .iter()
            .any(|message| matches!(&message.form, simulator::Form::Template { name, .. } if name == "laporan_selesai")),
        "{template:?}"
    );
    world.settled().await;
}

fn value_after(text: &str, label: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(label));
    line.unwrap_or_else(|| panic!("{label} in {text}")).trim().to_owned()
}

fn small_photo() -> Vec<u8> {
    simulator::scene::photo(simulator::scene::Scene::Pothole, &mut simulator::Random::new(7))
}

/// The id minted at the door stands in the log of every program on the road.
fn one_trace_everywhere(world: &World, trace: &str) {
    for program in ["whatsapp", "intake", "dispatch"] {
        assert!(world.log(program).contains(trace), "{program} never mentions {trace}");
    }
    for program in world.process_names() {
        let log = world.log(program);
        for secret in [SARI, "Sisi utara", "berlubang", tests::APP_SECRET, "simulator-token"] {
            assert!(!log.contains(secret), "{program} logs {secret}");
        }
    }
}
