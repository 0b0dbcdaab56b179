//! Every input is hostile: a clear refusal, and what came before is still there.

use tests::{APP_SECRET, Wishes, World, eventually};

const WATI: &str = "6281200000008";

async fn post(world: &World, body: Vec<u8>, signature: Option<String>) -> u16 {
    let mut request = tests::client().post(world.webhook()).body(body);
    if let Some(signature) = signature {
        request = request.header("x-hub-signature-256", signature);
    }
    request.send().await.map_or(0, |answer| answer.status().as_u16())
}

async fn post_signed(world: &World, body: Vec<u8>) -> u16 {
    let signature = simulator::webhook::signature(&body, APP_SECRET);
    post(world, body, Some(signature)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_or_missing_signature_is_refused_and_counted() {
    let world = World::start().await;
    let body = tests::text_webhook(WATI, "wamid.palsu", "Jalan rusak");
    assert_eq!(post(&world, body.clone(), None).await, 401);
    let forged = simulator::webhook::signature(&body, "another secret");
    assert_eq!(post(&world, body.clone(), Some(forged)).await, 401);
    assert_eq!(post(&world, body, Some("sha256=zz".into())).await, 401);
    let metrics = tests::client().get(format!("{}/metrics", world.door())).send().await.expect("an answer").text().await.expect("a text");
    let line =
        metrics.lines().find(|line| line.contains("signature_refused") && !line.starts_with('#')).unwrap_or_else(|| panic!("{metrics}"));
    assert!(line.ends_with(" 3"), "{line}");
    world.settled().await;
    assert_eq!(world.complaints(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_parsed_is_parked_with_its_bytes_and_holds_up_nobody() {
    let mut world = World::start().await;
    world.expect_leftovers();
    assert_eq!(post_signed(&world, b"{\"object\":\"whatsapp_business_account\",\"entry\":7}".to_vec()).await, 200);
    assert_eq!(post_signed(&world, vec![0xff, 0xfe, 0x00]).await, 200);
    world.platform.text(WATI, "Lampu jalan mati di Kelurahan Gambir");
    world.hears(WATI, &["Nomor: "]).await;
    eventually("both are parked", || async { world.muara(&["parked", "list"]).contains("2 parked") }).await;
    let mut admin = world.signed_in("admin1").await;
    let page = admin.get("/admin/terparkir").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("whatsapp"), "{}", page.text);
    // Tried again without a fix it is parked again: nothing is lost by trying.
    world.muara(&["parked", "retry", "--all"]);
    eventually("both are parked again", || async { world.muara(&["parked", "list"]).contains("2 shown of 2 parked") }).await;
    assert_eq!(world.complaints(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_for_an_unknown_account_is_parked_and_recorded_once_the_channel_is_there() {
    let mut world = World::start().await;
    world.expect_leftovers();
    let known = String::from_utf8(tests::text_webhook(WATI, "wamid.nomorbaru", "Jalan rusak di Kelurahan Gambir")).expect("JSON");
    let other = known.replace("100000000000001", "100000000000002");
    assert_eq!(post_signed(&world, other.into_bytes()).await, 200);
    eventually("it is parked", || async { world.muara(&["parked", "list"]).contains("1 parked") }).await;
    assert_eq!(world.complaints(), 0);
    world.muara(&["channel", "add", "whatsapp", "--account", "100000000000002", "--label", "WA kedua"]);
    eventually("the retried message is recorded", || async {
        world.muara(&["parked", "list"]).contains("0 parked") || {
            let listed = world.muara(&["parked", "list"]);
            let ids: Vec<&str> = listed.lines().filter_map(|line| line.split_once('\t')).map(|(id, _)| id).collect();
            for id in ids {
                world.muara(&["parked", "retry", id]);
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            world.complaints() == 1
        }
    })
    .await;
    world.complaints_become(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversized_body_is_refused_and_the_door_goes_on() {
    let world = World::start().await;
    let status = post_signed(&world, vec![b' '; 8 << 20]).await;
    assert!(status == 413 || status == 0, "refused, with a word or by closing: {status}");
    world.platform.text(WATI, "Lampu jalan mati di Kelurahan Gambir");
    world.hears(WATI, &["Nomor: "]).await;
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_of_an_image_and_a_wrong_type_are_refused_while_the_complaint_stays() {
    let world = World::start().await;
    world.platform.photo(WATI, Some("Jalan berlubang di Kelurahan Gambir"), tests::image_bomb());
    world.hears(WATI, &["Nomor: "]).await;
    world.platform.file(WATI, "image", "image/jpeg", None, &b"\x7fELF\x02\x01\x01\0\0\0 a program, not a picture"[..]);
    eventually("both are refused", || async { world.count("select count(*) from attachment where state = 'refused'") == 2 }).await;
    world.settled().await;
    assert_eq!(world.complaints(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_very_long_name_and_odd_characters_are_bounded_and_recorded() {
    let world = World::start().await;
    world.platform.name(WATI, &"Nama\u{0}".repeat(2_500));
    world.platform.text(WATI, "Jalan\u{0} rusak \u{202e}di Kelurahan Gambir 🚧");
    world.hears(WATI, &["Nomor: "]).await;
    // It is sealed: 200 characters of at most four bytes, a nonce, a tag and the key's name, in Base64. The name that came is ten times that.
    assert!(world.count("select max(length(sender_name)) from message") <= 1_200);
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_with_too_much_is_refused_in_plain_words_and_the_next_one_goes_through() {
    let world = World::start_with(Wishes { with_forms: true, ..Wishes::default() }).await;
    let mut browser = tests::Browser::new(&world.form());
    assert_eq!(browser.get("/").await.status, 200);
    let long = "N".repeat(10_000);
    let refused = browser.post_files("/", &[("isi", "Jalan rusak"), ("nama", &long)], &[]).await;
    assert_eq!(refused.status, 422, "{}", refused.text);
    assert!(refused.text.contains("Jalan rusak"), "what was typed is still there");
    let accepted = browser.post_files("/", &[("isi", "Jalan rusak di Kelurahan Gambir")], &[]).await;
    assert_eq!(accepted.status, 200, "{}", accepted.text);
    world.complaints_become(1).await;
    world.settled().await;
    assert_eq!(world.complaints(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_reads_like_an_advertisement_is_held_until_the_admin_says_otherwise_while_it_runs() {
    const ADVERT: &str = "SLOT GACOR maxwin x500, bonus new member, daftar sekarang di https://contoh-gacor.xyz/ref";
    let world = World::start().await;
    let held = || world.count("select count(*) from complaint where held");
    world.platform.text("6281200000011", ADVERT);
    world.hears("6281200000011", &["Nomor: "]).await;
    assert_eq!(held(), 1);

    let today = world.ask("select (now() at time zone 'Asia/Jakarta')::date");
    let said = world.muara(&["guard", "set", "--from", &today, "--points", "1000"]);
    assert!(said.contains("from 1000 points on"), "{said}");
    let rows = world.muara(&["guard", "list"]);
    assert_eq!(rows.lines().next().map(|first| first.starts_with(&today)), Some(true), "{rows}");
    assert_eq!(world.count("select count(*) from audit where action = 'guard.limits'"), 1);

    world.platform.text("6281200000012", &format!("{ADVERT} dua"));
    world.hears("6281200000012", &["Nomor: "]).await;
    assert_eq!((world.complaints(), held()), (2, 1), "the second goes its way");
}
