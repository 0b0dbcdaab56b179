//! Passkeys: with a device played in memory, what is taken and what is refused; and in a real browser with its virtual authenticator.

use std::{path::Path, process::Stdio};

use axum::http::{StatusCode, header};
use bus::Stop;
use jiff::SignedDuration;
use model::Role;
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command};

use super::{Answer, PASSWORD, Visitor, World, device::Device};

const STRANGE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
const REFUSED: StatusCode = StatusCode::FORBIDDEN;
const PAUSED: StatusCode = StatusCode::TOO_MANY_REQUESTS;

/// The first cookie of that name that an answer sets, as a browser sends it back.
fn cookie(answer: &Answer, name: &str) -> String {
    let all = answer.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().expect("text"));
    let mut named = all.filter_map(|line| line.split(';').next()).filter(|pair| pair.split('=').next() == Some(name));
    named.next().unwrap_or_else(|| panic!("no {name} in {:?}", answer.headers)).to_owned()
}

/// What the page asks the device for.
fn options(answer: &Answer) -> Value {
    let written =
        answer.text.split("data-options=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_else(|| panic!("{}", answer.words()));
    let read = ["&#34;", "&quot;"].iter().fold(written.to_owned(), |text, mark| text.replace(mark, "\""));
    serde_json::from_str(&read.replace("&#38;", "&")).expect("JSON")
}

impl World {
    async fn send(&self, page: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        self.ask(super::form(page, fields).header(header::COOKIE, cookie).body(super::encoded(fields)).expect("a request")).await
    }

    /// A browser begins to sign in: its cookie, and what the device is asked for.
    async fn asked(&self) -> (String, Value) {
        let answer = self.post("/masuk/kunci", &[]).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        (cookie(&answer, "muara-kunci"), serde_json::from_str(&answer.text).expect("JSON"))
    }

    /// Signs in with a device alone.
    async fn by_passkey(&self, device: &mut Device) -> Answer {
        let (cookie, asked) = self.asked().await;
        self.send("/masuk/kunci/selesai", &cookie, &[("credential", &device.get(&asked)), ("next", "/sandi")]).await
    }

    async fn password_of(&self, login: &str) -> Answer {
        self.post("/masuk", &[("login", login), ("password", PASSWORD)]).await
    }

    async fn signed_in(&self, answer: &Answer) -> Visitor<'_> {
        let mut visitor = Visitor { world: self, cookie: cookie(answer, "muara"), csrf: String::new() };
        visitor.csrf = visitor.get("/sandi").await.field("csrf");
        visitor
    }

    /// Adds a passkey; who did goes on in a new session.
    async fn with_passkey<'a>(&'a self, visitor: &Visitor<'a>, name: &str) -> (Device, Visitor<'a>) {
        let mut device = Device::new();
        let done = self.add(visitor, name, &mut device).await;
        assert_eq!(done.leads_to(), "/faktor?done=kunci");
        let visitor = self.signed_in(&done).await;
        (device, visitor)
    }

    async fn add(&self, visitor: &Visitor<'_>, name: &str, device: &mut Device) -> Answer {
        let begun = visitor.post("/faktor/kunci", &[("name", name), ("password", PASSWORD)]).await;
        assert_eq!(begun.status, StatusCode::OK, "{}", begun.words());
        let both = format!("{}; {}", visitor.cookie, cookie(&begun, "muara-kunci"));
        let made = device.create(&options(&begun));
        self.send("/faktor/kunci/selesai", &both, &[("csrf", &visitor.csrf), ("credential", &made)]).await
    }
}

/// The address that the first passkey's forms post to.
async fn first_key(visitor: &Visitor<'_>) -> String {
    let page = visitor.get("/faktor").await;
    let found = page.text.split("action=\"").find(|part| part.starts_with("/faktor/kunci/"));
    found.and_then(|part| part.split('"').next()).unwrap_or_else(|| panic!("{}", page.words())).to_owned()
}

#[tokio::test]
async fn a_passkey_alone_opens_the_account_and_nothing_else_is_asked_for() {
    let world = World::new().await;
    let (other, officer) = (world.sign_in("jalan").await, world.sign_in("jalan").await);
    let (mut device, officer_after) = world.with_passkey(&officer, "ponsel kantor").await;
    for session in [&other, &officer] {
        assert_eq!(session.get("/antrean").await.status, StatusCode::SEE_OTHER, "sessions from before have ended");
    }
    let page = officer_after.get("/faktor").await.words();
    assert!(page.contains("ponsel kantor") && page.contains("Belum pernah dipakai"), "{page}");
    assert!(page.contains("Verifikasi dua langkah aktif, dengan kunci sandi"), "{page}");

    let came = world.by_passkey(&mut device).await;
    assert_eq!(came.leads_to(), "/sandi");
    let officer = world.signed_in(&came).await;
    assert_eq!(officer.get("/antrean").await.status, StatusCode::OK);
    assert!(officer.get("/faktor").await.words().contains("Terakhir dipakai"), "when it was used is said");
    assert_eq!(world.by_passkey(&mut device).await.status, StatusCode::SEE_OTHER, "again, with its next counter");
    for (action, times) in [("staff.passkey_added", 1), ("staff.passkey_used", 2)] {
        let written = world.audited(action).await;
        assert_eq!(written.len(), times, "{action}");
        assert!(written.iter().all(|entry| entry.subject == "jalan" && entry.detail["passkey"].is_string()), "{written:?}");
    }
}

#[tokio::test]
async fn after_the_password_a_passkey_is_the_second_step_and_only_ones_own() {
    let world = World::new().await;
    let (mut own, _) = world.with_passkey(&world.sign_in("jalan").await, "ponsel").await;
    let (mut others, _) = world.with_passkey(&world.sign_in("taman").await, "ponsel").await;
    let asked = world.password_of("jalan").await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.words());
    assert!(!asked.headers.contains_key(header::SET_COOKIE), "nobody is signed in yet");
    assert!(!asked.text.contains("name=\"code\"") && asked.text.contains("data-passkey=\"get\""), "{}", asked.text);
    let ticket = asked.field("ticket");
    let step = async |device: &mut Device, ticket: &str| {
        let (cookie, asked) = world.asked().await;
        world.send("/masuk/kunci/selesai", &cookie, &[("credential", &device.get(&asked)), ("ticket", ticket), ("next", "/aduan")]).await
    };
    let wrong = step(&mut others, &ticket).await;
    assert_eq!(wrong.status, REFUSED);
    assert!(wrong.words().contains("milik akun lain") && wrong.field("ticket") == ticket, "{}", wrong.words());
    assert_eq!(world.post("/masuk/kode", &[("ticket", &ticket), ("code", "123456")]).await.status, STRANGE, "there is no code");
    assert_eq!(step(&mut own, &ticket).await.leads_to(), "/aduan");
    let again = step(&mut own, &ticket).await;
    assert!(again.status == STRANGE && again.words().contains("kedaluwarsa"), "{}", again.words());
}

#[tokio::test]
async fn an_answer_counts_once_in_time_in_the_browser_that_asked_and_from_our_own_page() {
    let world = World::new().await;
    let (mut device, _) = world.with_passkey(&world.sign_in("jalan").await, "ponsel").await;
    let finish = async |cookie: &str, credential: &str| world.send("/masuk/kunci/selesai", cookie, &[("credential", credential)]).await;

    let (cookie, asked) = world.asked().await;
    let answer = device.get(&asked);
    for elsewhere in ["", "muara-kunci=0123456789abcdef"] {
        let refused = finish(elsewhere, &answer).await;
        assert!(refused.status == STRANGE && refused.words().contains("Silakan mulai lagi"), "{}", refused.words());
    }
    assert_eq!(finish(&cookie, &answer).await.status, StatusCode::SEE_OTHER, "a stranger uses nothing up");
    assert_eq!(finish(&cookie, &answer).await.status, STRANGE, "once");

    let (cookie, _) = world.asked().await;
    let stale = finish(&cookie, &answer).await;
    assert!(stale.status == STRANGE && stale.words().contains("tidak dapat diperiksa"), "an answer to another question: {}", stale.words());

    let (cookie, asked) = world.asked().await;
    world.pass(SignedDuration::from_secs(301));
    assert_eq!(finish(&cookie, &device.get(&asked)).await.status, STRANGE, "five minutes");

    device.origin = "http://localhost.evil.example".into();
    assert_eq!(world.by_passkey(&mut device).await.status, STRANGE, "another page asked");
    device.origin = "http://localhost:8100".into();
    assert_eq!(world.by_passkey(&mut device).await.status, STRANGE, "another port is another page");
    device.origin = "http://localhost".into();
    device.verifies = false;
    let unasked = world.by_passkey(&mut device).await;
    assert!(unasked.status == STRANGE && unasked.words().contains("tidak meminta sidik jari"), "{}", unasked.words());
    device.verifies = true;

    let (cookie, asked) = world.asked().await;
    let mut forged: Value = serde_json::from_str(&device.get(&asked)).expect("JSON");
    forged["response"]["signature"] = json!(device.get(&asked).len().to_string().repeat(16));
    assert_eq!(finish(&cookie, &forged.to_string()).await.status, STRANGE, "not signed by the key");
    let stranger = world.by_passkey(&mut Device::new()).await;
    assert_eq!(stranger.status, REFUSED, "whose it is nobody says");
    assert_eq!(world.by_passkey(&mut device).await.status, StatusCode::SEE_OTHER, "and the right one still opens");
    assert_eq!(world.audited("staff.passkey_used").await.len(), 2);
}

#[tokio::test]
async fn whoever_makes_a_passkey_gives_their_password_and_makes_it_for_themselves() {
    let world = World::new().await;
    let officer = world.sign_in("jalan").await;
    let try_it = async |name: &str, password: &str| officer.post("/faktor/kunci", &[("name", name), ("password", password)]).await;
    let wrong = try_it("ponsel", "salah").await;
    assert!(wrong.status == STRANGE && wrong.words().contains("tidak cocok") && !wrong.text.contains("data-options"), "a stolen session");
    assert_eq!(try_it("", PASSWORD).await.status, STRANGE, "a name is needed");
    assert_eq!(try_it(&"n".repeat(61), PASSWORD).await.status, STRANGE);

    let begun = try_it("ponsel", PASSWORD).await;
    let (kept, asked) = (cookie(&begun, "muara-kunci"), options(&begun));
    assert_eq!(asked["authenticatorSelection"]["residentKey"], "required", "nobody types a name to sign in");
    assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
    let other = world.sign_in("taman").await;
    let mut device = Device::new();
    let made = device.create(&asked);
    let finish = async |who: &Visitor<'_>, kept: &str, made: &str| {
        let both = format!("{}; {kept}", who.cookie);
        world.send("/faktor/kunci/selesai", &both, &[("csrf", &who.csrf), ("credential", made)]).await
    };
    assert_eq!(finish(&other, &kept, &made).await.status, STRANGE, "somebody else's session");
    assert_eq!(finish(&officer, &kept, &made).await.status, STRANGE, "and it is used up");
    let (signing, _) = world.asked().await;
    assert_eq!(finish(&officer, &signing, &made).await.status, STRANGE, "what was asked for to sign in makes no key");
    let forged = world.send("/faktor/kunci/selesai", &format!("{}; {kept}", officer.cookie), &[("csrf", "x"), ("credential", &made)]).await;
    assert_eq!(forged.status, REFUSED, "without the session's token");

    assert_eq!(world.add(&officer, "ponsel", &mut device).await.status, StatusCode::SEE_OTHER);
    let other_after = world.add(&other, "ponsel", &mut device).await;
    assert!(other_after.status == STRANGE && other_after.words().contains("sudah menyimpan"), "one key, two accounts");
    assert_eq!(world.by_passkey(&mut device).await.status, REFUSED, "it says now that it is the other's");
}

#[tokio::test]
async fn nobody_has_more_than_ten_passkeys() {
    let world = World::new().await;
    let mut officer = world.sign_in("jalan").await;
    for n in 1..=10 {
        officer = world.with_passkey(&officer, &format!("kunci {n}")).await.1;
    }
    let page = officer.get("/faktor").await;
    assert!(page.words().contains("Sudah ada 10 kunci sandi") && !page.text.contains("action=\"/faktor/kunci\""), "{}", page.words());
    let more = officer.post("/faktor/kunci", &[("name", "lagi"), ("password", PASSWORD)]).await;
    assert!(more.status == STRANGE && more.words().contains("Sudah ada 10 kunci sandi"), "{}", more.words());
}

#[tokio::test]
async fn a_counter_that_goes_back_is_refused_written_down_and_said_to_its_owner() {
    let world = World::new().await;
    let (mut device, _) = world.with_passkey(&world.sign_in("jalan").await, "kunci lama").await;
    device.counter = 6;
    assert_eq!(world.by_passkey(&mut device).await.status, StatusCode::SEE_OTHER);
    device.counter = 3;
    let copy = world.by_passkey(&mut device).await;
    assert_eq!(copy.status, REFUSED);
    assert!(copy.words().contains("mungkin ada salinannya"), "{}", copy.words());
    let written = world.audited("staff.passkey_doubted").await;
    assert_eq!((written.len(), written[0].subject.as_str()), (1, "jalan"));
    device.counter = 7;
    assert_eq!(world.by_passkey(&mut device).await.status, StatusCode::SEE_OTHER, "the one that goes on counting still opens");
    device.counter = 7;
    let came = world.by_passkey(&mut device).await;
    assert_eq!(came.status, REFUSED, "the same number twice");
    device.counter = 8;
    let officer = world.signed_in(&world.by_passkey(&mut device).await).await;
    assert!(officer.get("/faktor").await.words().contains("kunci ini ditolak karena mungkin ada salinannya"));
}

#[tokio::test]
async fn an_owner_renames_a_passkey_and_removes_it_with_their_password() {
    let world = World::new().await;
    let (mut device, officer) = world.with_passkey(&world.sign_in("jalan").await, "ponsel").await;
    let key = first_key(&officer).await;
    let stranger = world.sign_in("taman").await;
    assert_eq!(stranger.post(&key, &[("name", "milikku")]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(stranger.post(&format!("{key}/hapus"), &[("password", PASSWORD)]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(officer.post(&key, &[("name", " ")]).await.status, STRANGE);
    assert_eq!(officer.post(&key, &[("name", "<b>komputer</b>")]).await.leads_to(), "/faktor?done=nama");
    let page = officer.get("/faktor").await;
    assert!(page.words().contains("&#60;b&#62;komputer") && !page.text.contains("<b>komputer"), "{}", page.words());
    assert_eq!(officer.post(&format!("{key}/hapus"), &[("password", "salah")]).await.status, STRANGE, "a stolen session is not enough");
    assert_eq!(world.by_passkey(&mut device).await.status, StatusCode::SEE_OTHER);
    let gone = officer.post(&format!("{key}/hapus"), &[("password", PASSWORD)]).await;
    assert_eq!(gone.leads_to(), "/faktor?done=hapus-kunci");
    assert_eq!(officer.get("/antrean").await.status, StatusCode::SEE_OTHER, "sessions from before have ended");
    let unknown = world.by_passkey(&mut device).await;
    assert!(unknown.status == REFUSED && unknown.words().contains("tidak dikenal"), "{}", unknown.words());
    assert_eq!(world.password_of("jalan").await.status, StatusCode::SEE_OTHER, "the password is enough again");
    assert_eq!(world.audited("staff.passkey_removed").await.len(), 1);
}

#[tokio::test]
async fn whoever_leaves_is_helped_or_gets_a_new_link_has_no_passkey_left() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let person = format!("/admin/petugas/{}", world.id_of("jalan").await);
    for (page, fields) in [("faktor", [("reason", "ponsel hilang")]), ("sandi", [("", "")]), ("tutup", [("reason", "pindah")])] {
        if page == "tutup" {
            let mut tx = store::begin(&world.db).await.expect("a database");
            store::staff::set_password(&mut tx, world.id_of("jalan").await, &store::staff::hash_password(PASSWORD)).await.expect("is set");
            store::commit(tx).await.expect("a database");
        }
        let (mut device, session) = world.with_passkey(&world.sign_in("jalan").await, "ponsel").await;
        assert!(admin.get("/admin/petugas").await.words().contains("Dua langkah"), "it counts as a second step");
        // On its way when it happens: too late.
        let (cookie, asked) = world.asked().await;
        let done = admin.post(&format!("{person}/{page}"), &fields).await;
        assert!(done.status.is_success() || done.status.is_redirection(), "{page}: {}", done.words());
        let late = world.send("/masuk/kunci/selesai", &cookie, &[("credential", &device.get(&asked))]).await;
        assert_eq!(late.status, REFUSED, "{page}");
        assert_eq!(session.get("/antrean").await.status, StatusCode::SEE_OTHER, "{page}: sessions have ended");
    }
    assert_eq!(admin.post(&format!("{person}/aktif"), &[]).await.status, StatusCode::SEE_OTHER);
    let staff = world.id_of("jalan").await;
    assert!(store::passkey::of(&world.db, staff).await.expect("a database").is_empty(), "who comes back begins without");
}

#[tokio::test]
async fn a_new_password_of_ones_own_takes_passkeys_along_unless_one_says_no() {
    let world = World::new().await;
    let (mut device, officer) = world.with_passkey(&world.sign_in("jalan").await, "ponsel").await;
    assert!(officer.get("/sandi").await.text.contains("name=\"passkeys\" value=\"hapus\" checked"));
    let new = "kata sandi pilihan sendiri";
    let kept = officer.post("/sandi", &[("old", PASSWORD), ("new", new)]).await;
    assert_eq!(world.by_passkey(&mut device).await.status, StatusCode::SEE_OTHER);
    let officer = world.signed_in(&kept).await;
    let fields = [("old", new), ("new", PASSWORD), ("passkeys", "hapus")];
    assert_eq!(officer.post("/sandi", &fields).await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.by_passkey(&mut device).await.status, REFUSED);
    let written = world.audited("staff.own_password").await;
    assert_eq!(written.iter().map(|entry| entry.detail["passkeys_removed"].as_i64()).collect::<Vec<_>>(), [Some(1), Some(0)]);
}

#[tokio::test]
async fn a_role_that_needs_a_second_factor_works_with_a_passkey() {
    let world = World::new().await.with(|context| context.factor_for = vec![Role::Admin]).await;
    let admin = world.sign_in("admin").await;
    assert_eq!(admin.get("/admin").await.leads_to(), "/faktor");
    assert!(admin.get("/faktor").await.words().contains("Peran Anda memerlukan"));
    let begun = admin.post("/faktor/kunci", &[("name", "ponsel"), ("password", PASSWORD)]).await;
    let mut device = Device::new();
    let both = format!("{}; {}", admin.cookie, cookie(&begun, "muara-kunci"));
    // The token stands on a page that they may open.
    let csrf = admin.get("/faktor").await.field("csrf");
    let made = device.create(&options(&begun));
    let done = world.send("/faktor/kunci/selesai", &both, &[("csrf", &csrf), ("credential", &made)]).await;
    let admin = world.signed_in(&done).await;
    assert_eq!(admin.get("/admin").await.status, StatusCode::OK);
    assert!(!admin.get("/faktor").await.words().contains("Peran Anda memerlukan"));
    let came = world.by_passkey(&mut device).await;
    assert_eq!(world.signed_in(&came).await.get("/admin").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_answer_is_refused_in_a_sentence_and_what_is_too_large_before_it_is_read() {
    let world = World::new().await;
    let long = format!("{{\"id\":\"{}\"}}", "a".repeat(70_000));
    for (sent, expected) in [
        ("", STRANGE),
        ("[]", STRANGE),
        ("{\"id\":1}", STRANGE),
        ("\u{0}", STRANGE),
        (&"[".repeat(5000), STRANGE),
        (&long, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let (cookie, _) = world.asked().await;
        let answer = world.send("/masuk/kunci/selesai", &cookie, &[("credential", sent)]).await;
        assert_eq!(answer.status, expected, "{}", answer.words());
        if expected == STRANGE {
            assert!(answer.words().contains("tidak dapat diperiksa"), "{}", answer.words());
        }
    }
    let mut device = Device::new();
    let officer = world.sign_in("jalan").await;
    let begun = officer.post("/faktor/kunci", &[("name", "ponsel"), ("password", PASSWORD)]).await;
    let made = device.create(&options(&begun));
    let both = format!("{}; {}", officer.cookie, cookie(&begun, "muara-kunci"));
    let mut broken: Value = serde_json::from_str(&made).expect("JSON");
    broken["response"]["attestationObject"] = json!("o2NmbXRkbm9uZQ");
    let answer = world.send("/faktor/kunci/selesai", &both, &[("csrf", &officer.csrf), ("credential", &broken.to_string())]).await;
    assert!(answer.status == STRANGE && answer.words().contains("tidak dapat diperiksa"), "{}", answer.words());
}

#[tokio::test]
async fn tries_with_passkeys_are_paused_as_codes_are() {
    let world = World::new().await;
    let (mut device, _) = world.with_passkey(&world.sign_in("jalan").await, "ponsel").await;
    let ticket = world.password_of("jalan").await.field("ticket");
    let step = async |sent: &str, cookie: &str| {
        world.send("/masuk/kunci/selesai", cookie, &[("credential", sent), ("ticket", ticket.as_str())]).await
    };
    for n in 0..5 {
        assert_eq!(step("{}", &world.asked().await.0).await.status, STRANGE, "{n}");
    }
    let (cookie, asked) = world.asked().await;
    let paused = step(&device.get(&asked), &cookie).await;
    assert!(paused.status == PAUSED && paused.words().contains("Coba lagi dalam 30 detik"), "{}", paused.words());
    assert_eq!(world.by_passkey(&mut device).await.status, StatusCode::SEE_OTHER, "who knows the password pauses nobody's passkey");
    world.pass(SignedDuration::from_secs(30));
    let (cookie, asked) = world.asked().await;
    assert_eq!(step(&device.get(&asked), &cookie).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn where_browsers_ask_no_device_there_are_no_passkeys_and_admins_read_why() {
    for (address, why) in [("http://lapor.example.id", "belum memakai https"), ("https://192.0.2.7", "berupa angka IP")] {
        let world = World::new().await.with(|context| context.site.base_url = address.into()).await;
        assert!(!world.get("/masuk").await.text.contains("data-passkey"), "{address}");
        assert_eq!(world.post("/masuk/kunci", &[]).await.status, StatusCode::NOT_FOUND);
        let https = address.starts_with("https");
        for (login, told) in [("admin", true), ("jalan", false)] {
            let answer = world.password_of(login).await;
            let session = cookie(&answer, if https { "__Host-muara" } else { "muara" });
            let visitor = Visitor { world: &world, cookie: session, csrf: String::new() };
            let page = visitor.get("/faktor").await;
            assert_eq!(page.words().contains(why), told, "{login} at {address}: {}", page.words());
            assert!(!page.text.contains("action=\"/faktor/kunci\""), "{address}");
        }
    }
}

#[tokio::test]
async fn a_passkey_of_another_address_is_named_and_still_asked_for() {
    let world = World::new().await;
    let cookie = world.with_passkey(&world.sign_in("jalan").await, "ponsel").await.1.cookie;
    let world = world.with(|context| context.site.base_url = "http://lapor.example.id".into()).await;
    let page = Visitor { world: &world, cookie, csrf: String::new() }.get("/faktor").await;
    assert!(page.words().contains("dibuat untuk alamat localhost"), "{}", page.words());
    let asked = world.password_of("jalan").await;
    assert!(asked.status == StatusCode::OK && asked.words().contains("tidak dapat dipakai di alamat ini"), "{}", asked.words());
}

/// The recovery codes on a page that shows new ones.
fn codes(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.words());
    answer.text.split("<li><code>").skip(1).map(|part| part.split('<').next().expect("a code").to_owned()).collect()
}

#[tokio::test]
async fn who_has_only_passkeys_makes_recovery_codes_with_password_or_passkey_and_comes_in_by_one_once() {
    let world = World::new().await.with(|context| context.mails = true).await;
    let jalan = world.id_of("jalan").await;
    let mut tx = store::begin(&world.db).await.expect("begins");
    store::escalation::set_mail(&mut tx, jalan, Some("jalan@contoh.example.id")).await.expect("is written");
    store::commit(tx).await.expect("commits");
    let officer = world.sign_in("jalan").await;
    assert_eq!(
        officer.post("/faktor/kode", &[("password", PASSWORD)]).await.status,
        StatusCode::NOT_FOUND,
        "they stand in for nothing yet"
    );
    let (mut device, officer) = world.with_passkey(&officer, "ponsel").await;
    assert!(officer.get("/faktor").await.words().contains("Belum ada kode pemulihan"));
    assert!(!world.password_of("jalan").await.text.contains("/masuk/kode"), "no code is asked for where there is none");
    let wrong = officer.post("/faktor/kode", &[("password", "salah")]).await;
    assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && !wrong.text.contains("<li><code>"), "{}", wrong.words());
    let old = codes(&officer.post("/faktor/kode", &[("password", PASSWORD)]).await);
    assert_eq!(old.len(), 10);
    // Again, with the passkey in place of the password.
    let (cookie, asked) = world.asked().await;
    let fields = [("csrf", officer.csrf.as_str()), ("credential", &device.get(&asked))];
    let fresh = world.send("/faktor/kode", &format!("{}; {cookie}", officer.cookie), &fields).await;
    let new = codes(&fresh);
    assert!(new.len() == 10 && !new.contains(&old[0]) && fresh.words().contains("yang lama tidak berlaku lagi"), "{}", fresh.words());
    let again = world.send("/faktor/kode", &format!("{}; {cookie}", officer.cookie), &fields).await;
    assert!(!again.status.is_success() && !again.text.contains("<li><code>"), "an answer counts once: {}", again.words());

    let second = world.password_of("jalan").await;
    assert!(second.words().contains("Salah satu kode yang Anda simpan"), "{}", second.words());
    let enter = async |code: &str| world.post("/masuk/kode", &[("ticket", &second.field("ticket")), ("code", code)]).await;
    for wrong in [old[0].as_str(), "123456"] {
        assert_eq!(enter(wrong).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    let came = enter(&new[0]).await;
    assert_eq!(came.leads_to(), "/antrean");
    let page = world.signed_in(&came).await.get("/faktor").await.words();
    assert!(page.contains("Tersisa 9 kode pemulihan") && page.contains("Kode pemulihan terakhir dipakai"), "{page}");
    let second = world.password_of("jalan").await;
    let used = world.post("/masuk/kode", &[("ticket", &second.field("ticket")), ("code", &new[0])]).await;
    assert_eq!(used.status, StatusCode::UNPROCESSABLE_ENTITY, "once");
    let told = store::staff::mail::claim(&world.db, world.now(), std::time::Duration::from_mins(3), 10).await.expect("claims");
    assert_eq!(told.iter().map(|mail| mail.email.as_str()).collect::<Vec<_>>(), ["jalan@contoh.example.id"], "they are told, once");
    assert_eq!(world.audited("staff.recovery_used").await[0].detail["left"], 9);
    assert_eq!(world.audited("staff.recovery_codes").await.len(), 2);
}

#[tokio::test]
async fn a_passkey_of_somebody_else_makes_no_recovery_codes() {
    let world = World::new().await;
    let (mut device, _) = world.with_passkey(&world.sign_in("taman").await, "ponsel taman").await;
    let (_, officer) = world.with_passkey(&world.sign_in("jalan").await, "ponsel").await;
    let (cookie, asked) = world.asked().await;
    let fields = [("csrf", officer.csrf.as_str()), ("credential", &device.get(&asked))];
    let refused = world.send("/faktor/kode", &format!("{}; {cookie}", officer.cookie), &fields).await;
    assert!(!refused.status.is_success() && refused.words().contains("milik akun lain"), "{}", refused.words());
    assert!(!refused.text.contains("<li><code>"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_come_in_with_a_passkey_in_a_real_browser() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser");
    assert!(script.join("node_modules").exists(), "run `npm ci` in tests/browser: the browser test needs its packages");
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    // A number is no name that a passkey can be bound to.
    let base = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
    let stop = Stop::new();
    let pages = tokio::spawn(crate::run(world.context(&base), listener, stop.clone()));
    let city = json!({ "base": base, "login": "jalan", "password": PASSWORD });
    let told = Command::new("node")
        .arg("passkey.mjs")
        .current_dir(script)
        .env("MUARA_CITY", city.to_string())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node is installed");
    stop.cancel();
    pages.await.expect("a task").expect("pages");
    assert!(told.status.success(), "{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
}
