//! How staff get in: invitations, a second factor, pauses after wrong tries; and how they leave.

use std::time::Duration;

use axum::http::{StatusCode, header};
use bus::Stop;
use futures::future::join_all;
use jiff::SignedDuration;
use model::{Action, DispatchState, Language, Role, StaffId, UpdateKind};
use store::{
    mailing::MailOutcome,
    staff::{
        NewStaff,
        mail::{self, Occasion},
    },
};

use super::{Answer, PASSWORD, Visitor, Wish, World};
use crate::{Rooms, account::totp, router};

const STRANGE: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;
const PAUSED: StatusCode = StatusCode::TOO_MANY_REQUESTS;

impl World {
    /// The same city under other settings.
    pub(super) async fn with(self, change: impl FnOnce(&mut crate::Context)) -> Self {
        let mut context = self.context("http://localhost");
        change(&mut context);
        let rooms = Rooms::open(context, Stop::new()).await.expect("a directory");
        Self { router: router(rooms.clone()), rooms, ..self }
    }

    pub(super) async fn id_of(&self, login: &str) -> StaffId {
        store::staff::by_login(&self.db, login).await.expect("a database").expect("an account").0.id
    }

    pub(super) async fn audited(&self, action: &str) -> Vec<store::audit::Entry> {
        let all = store::audit::list(&self.db, None, 100).await.expect("a database");
        all.into_iter().map(|(_, entry)| entry).filter(|entry| entry.action == action).collect()
    }

    async fn try_password(&self, login: &str, password: &str) -> Answer {
        self.post("/masuk", &[("login", login), ("password", password)]).await
    }
}

/// What stands between two texts on a page.
fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let found = page.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    found.unwrap_or_else(|| panic!("no {before} in {page}")).0
}

/// Sets up a second factor; the app's secret, and the recovery codes.
async fn enrolled(world: &World, visitor: &Visitor<'_>) -> (Vec<u8>, Vec<String>) {
    let begun = visitor.post("/faktor/mulai", &[("password", PASSWORD)]).await;
    assert_eq!(begun.status, StatusCode::OK, "{}", begun.words());
    assert!(begun.text.contains("<svg class=\"qr\""), "a code to scan");
    let secret = between(&begun.text, "id=\"rahasia\">", "<").replace(' ', "");
    let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).expect("base32");
    let done = visitor.post("/faktor", &[("code", &totp::now(&secret, world.now()))]).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.words());
    assert!(done.headers.contains_key(header::SET_COOKIE), "a new session for who is at it");
    let codes: Vec<String> = done.text.split("<li><code>").skip(1).map(|part| part.split('<').next().expect("a code").to_owned()).collect();
    assert_eq!(codes.len(), 10);
    (secret, codes)
}

/// The first step; what the second one carries.
async fn ticket(world: &World, login: &str) -> String {
    let asked = world.try_password(login, PASSWORD).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.words());
    assert!(!asked.headers.contains_key(header::SET_COOKIE), "nobody is signed in yet");
    asked.field("ticket")
}

#[tokio::test]
async fn a_second_factor_is_asked_for_from_its_first_code_on_and_no_code_opens_twice() {
    let world = World::new().await;
    let other = world.sign_in("jalan").await;
    let officer = world.sign_in("jalan").await;
    assert_eq!(officer.post("/faktor/mulai", &[("password", "salah")]).await.status, STRANGE, "a stolen session is not enough");
    let begun = officer.post("/faktor/mulai", &[("password", PASSWORD)]).await;
    assert_eq!(begun.status, StatusCode::OK);
    assert_eq!(officer.post("/faktor", &[("code", "000000")]).await.status, STRANGE);
    assert_eq!(world.try_password("jalan", PASSWORD).await.status, StatusCode::SEE_OTHER, "not before it is proven");
    let (secret, codes) = enrolled(&world, &officer).await;
    for session in [&other, &officer] {
        assert_eq!(session.get("/antrean").await.status, StatusCode::SEE_OTHER, "sessions from before have ended");
    }
    assert_eq!(world.audited("staff.factor_set").await.len(), 1);

    let first = ticket(&world, "jalan").await;
    let code = |ticket: &str, code: &str| {
        let fields =
            [("ticket".to_owned(), ticket.to_owned()), ("code".to_owned(), code.to_owned()), ("next".to_owned(), "/aduan".to_owned())];
        let world = &world;
        async move {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            world.post("/masuk/kode", &fields).await
        }
    };
    assert_eq!(code(&first, &totp::now(&secret, world.now())).await.status, STRANGE, "it was used to set it up");
    world.pass(SignedDuration::from_secs(30));
    let now = totp::now(&secret, world.now());
    assert_eq!(code("nonsense", &now).await.status, STRANGE);
    let spaced = format!(" {} {} ", &now[..3], &now[3..]);
    assert_eq!(code(&first, &spaced).await.leads_to(), "/aduan");
    assert_eq!(code(&first, &now).await.status, STRANGE, "the step is over");
    let second = ticket(&world, "jalan").await;
    assert_eq!(code(&second, &now).await.status, STRANGE, "no code opens twice");

    assert_eq!(code(&second, &codes[3].to_uppercase()).await.leads_to(), "/aduan", "a recovery code, however it is typed");
    let third = ticket(&world, "jalan").await;
    assert_eq!(code(&third, &codes[3]).await.status, STRANGE, "once");
    let used = world.audited("staff.recovery_used").await;
    assert_eq!((used.len(), used[0].detail["left"].as_i64()), (1, Some(9)));

    world.pass(SignedDuration::from_mins(11));
    let late = code(&third, &totp::now(&secret, world.now())).await;
    assert!(late.words().contains("sudah kedaluwarsa"), "{}", late.words());
}

#[tokio::test]
async fn codes_of_the_app_lead_to_new_recovery_codes_and_out_of_it_again() {
    let world = World::new().await;
    let (secret, old) = enrolled(&world, &world.sign_in("jalan").await).await;
    world.pass(SignedDuration::from_secs(60));
    let ticket = ticket(&world, "jalan").await;
    let answer = world.post("/masuk/kode", &[("ticket", &ticket), ("code", &totp::now(&secret, world.now()))]).await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().expect("text").split(';').next().expect("a cookie").to_owned();
    let mut officer = Visitor { world: &world, cookie, csrf: String::new() };
    officer.csrf = officer.get("/faktor").await.field("csrf");
    assert!(officer.get("/faktor").await.words().contains("Tersisa 10 kode pemulihan"));
    assert_eq!(officer.post("/faktor/kode", &[("code", "123456")]).await.status, STRANGE);
    world.pass(SignedDuration::from_secs(30));
    let fresh = officer.post("/faktor/kode", &[("code", &totp::now(&secret, world.now()))]).await;
    assert!(fresh.status == StatusCode::OK && !fresh.text.contains(&old[0]));
    assert_eq!(officer.post("/faktor/lepas", &[("code", &old[0])]).await.status, STRANGE, "the old ones open no more");
    let new = between(&fresh.text, "<li><code>", "<").to_owned();
    assert_eq!(officer.post("/faktor/lepas", &[("code", &new)]).await.leads_to(), "/faktor?done=lepas");
    assert_eq!(world.try_password("jalan", PASSWORD).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn guessing_codes_is_paused_also_for_the_right_one() {
    let world = World::new().await;
    let (secret, _) = enrolled(&world, &world.sign_in("jalan").await).await;
    world.pass(SignedDuration::from_secs(60));
    let ticket = ticket(&world, "jalan").await;
    let try_it = async |code: &str| world.post("/masuk/kode", &[("ticket", ticket.as_str()), ("code", code)]).await;
    for n in 0..5 {
        assert_eq!(try_it("123456").await.status, STRANGE, "{n}");
    }
    let paused = try_it(&totp::now(&secret, world.now())).await;
    assert_eq!(paused.status, PAUSED);
    assert!(paused.words().contains("Coba lagi dalam 30 detik"), "{}", paused.words());
    world.pass(SignedDuration::from_secs(30));
    assert_eq!(try_it(&totp::now(&secret, world.now())).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_role_that_needs_a_second_factor_works_only_with_one() {
    let world = World::new().await.with(|context| context.factor_for = vec![Role::Admin]).await;
    let admin = world.sign_in("admin").await;
    for page in ["/admin", "/antrean", "/admin/petugas", "/peta.json"] {
        assert_eq!(admin.get(page).await.leads_to(), "/faktor", "{page}");
    }
    let officer = world.id_of("jalan").await;
    assert_eq!(admin.post(&format!("/admin/petugas/{officer}/sandi"), &[]).await.leads_to(), "/faktor");
    assert_eq!(world.try_password("jalan", PASSWORD).await.status, StatusCode::SEE_OTHER, "nothing happened");
    assert!(admin.get("/faktor").await.words().contains("Peran Anda memerlukan"));
    assert_eq!(world.sign_in("jalan").await.get("/antrean").await.status, StatusCode::OK, "other roles go without");
    let (_, codes) = enrolled(&world, &admin).await;
    let ticket = ticket(&world, "admin").await;
    assert_eq!(world.post("/masuk/kode", &[("ticket", &ticket), ("code", &codes[0])]).await.leads_to(), "/admin");
}

#[tokio::test]
async fn without_a_key_nobody_begins_and_the_page_says_what_is_missing() {
    let world = World::new().await.with(|context| context.vault = None).await;
    let officer = world.sign_in("jalan").await;
    assert!(officer.get("/faktor").await.words().contains("vault.keys_file"));
    let begun = officer.post("/faktor/mulai", &[("password", PASSWORD)]).await;
    assert!(begun.words().contains("vault.keys_file") && !begun.text.contains("rahasia"));
}

#[tokio::test]
async fn an_admin_takes_a_second_factor_off_with_a_reason_that_is_written_down() {
    let world = World::new().await;
    enrolled(&world, &world.sign_in("jalan").await).await;
    let page = format!("/admin/petugas/{}/faktor", world.id_of("jalan").await);
    assert_eq!(world.sign_in("jalan.penyelia").await.post(&page, &[("reason", "x")]).await.status, StatusCode::FORBIDDEN);
    let admin = world.sign_in("admin").await;
    assert_eq!(admin.post(&page, &[("reason", " ")]).await.leads_to(), "/admin/petugas?done=alasan");
    assert!(admin.get("/admin/petugas").await.words().contains("Dua langkah"));
    assert_eq!(admin.post(&page, &[("reason", "ponsel hilang")]).await.leads_to(), "/admin/petugas?done=faktor");
    assert_eq!(world.try_password("jalan", PASSWORD).await.status, StatusCode::SEE_OTHER);
    let taken = world.audited("staff.factor_taken").await;
    assert_eq!((taken[0].subject.as_str(), taken[0].detail["reason"].as_str()), ("jalan", Some("ponsel hilang")));
    assert_eq!(admin.post(&page, &[("reason", "lagi")]).await.status, StatusCode::NOT_FOUND, "there is none any more");
}

#[tokio::test]
async fn pauses_grow_and_are_the_same_for_names_that_nobody_has() {
    let world = World::new().await;
    let mut told = Vec::new();
    for login in ["jalan", "tidak.ada", "taman"] {
        let mut answers = Vec::new();
        for (wait, expected) in
            [(0, STRANGE); 5].into_iter().chain([(0, PAUSED), (29, PAUSED), (1, STRANGE), (59, PAUSED), (1, STRANGE), (120, STRANGE)])
        {
            world.pass(SignedDuration::from_secs(wait));
            let answer = world.try_password(login, "salah").await;
            assert_eq!(answer.status, expected, "{login} after {wait} s: {}", answer.words());
            answers.push(between(&answer.text, "<main", "</main>").replace(login, "…"));
        }
        told.push(answers);
    }
    assert_eq!(told[0], told[1]);
    assert!(told[0][5].contains("Coba lagi dalam 30 detik") && told[0][10].contains("Coba lagi dalam 4 menit"), "{:?}", told[0]);
    // What an admin reads: two accounts, never the name that nobody has.
    let paused = loop {
        let paused = world.audited("staff.sign_in_paused").await;
        if paused.len() == 8 {
            break paused;
        }
        assert!(paused.len() < 8, "{paused:?}");
        tokio::task::yield_now().await;
    };
    assert!(paused.iter().all(|entry| entry.subject != "tidak.ada"));
    assert!(world.sign_in("admin").await.get("/admin/petugas").await.words().contains("8 kali salah masuk"));
    world.pass(SignedDuration::from_mins(15));
    assert_eq!(world.try_password("jalan", PASSWORD).await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.try_password("jalan", "salah").await.status, STRANGE, "it begins anew");
}

#[tokio::test]
async fn no_pause_of_strangers_stops_a_browser_that_signed_in_before() {
    let world = World::new().await;
    let first = world.try_password("jalan", PASSWORD).await;
    let known = first.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().expect("text"));
    let known =
        known.filter_map(|value| value.split(';').next()).find(|value| value.starts_with("muara-kenal=")).expect("is known").to_owned();
    let at_home = async |cookie: &str, login: &str, password: &str| {
        let fields = [("login", login), ("password", password)];
        world.ask(super::form("/masuk", &fields).header(header::COOKIE, cookie).body(super::encoded(&fields)).expect("a request")).await
    };
    for _ in 0..7 {
        world.try_password("jalan", "salah").await;
    }
    assert_eq!(world.try_password("jalan", PASSWORD).await.status, PAUSED, "a browser that nobody knows waits");
    assert_eq!(at_home(&known, "jalan", PASSWORD).await.status, StatusCode::SEE_OTHER);
    assert_eq!(at_home("muara-kenal=x.y", "jalan", PASSWORD).await.status, PAUSED, "an invented one is not known");
    for _ in 0..5 {
        world.try_password("taman", "salah").await;
    }
    assert_eq!(at_home(&known, "taman", PASSWORD).await.status, PAUSED, "it is known for its own account only");
    for _ in 0..5 {
        at_home(&known, "jalan", "salah").await;
    }
    assert_eq!(at_home(&known, "jalan", PASSWORD).await.status, PAUSED, "whoever sits at it may not guess on");
}

#[tokio::test]
async fn of_many_tries_at_once_no_more_count_than_one_after_the_other() {
    let world = World::new().await;
    let answers = join_all((0..20).map(|_| world.try_password("jalan", "salah"))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == STRANGE).count(), 5);
    assert_eq!(answers.iter().filter(|answer| answer.status == PAUSED).count(), 15);
}

#[tokio::test]
async fn an_invitation_is_used_once_within_three_days_by_who_has_the_link() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let link_in = |answer: &Answer| between(&answer.text, "fresh-link\">http://localhost", "<").to_owned();
    let made = admin.post("/admin/petugas", &[("name", "Baru"), ("login", "baru"), ("role", "triage")]).await;
    let link = link_in(&made);
    let words = admin.get("/admin/petugas").await;
    assert!(words.words().contains("Undangan berlaku sampai") && !words.text.contains(&link), "shown once only");
    let page = world.get(&link).await;
    assert!(page.status == StatusCode::OK && page.words().contains("Nama pengguna Anda: baru"), "{}", page.words());
    assert_eq!(world.get(&link).await.status, StatusCode::OK, "a preview uses nothing up");
    assert_eq!(world.post(&link, &[("new", "pendek")]).await.status, STRANGE);
    assert_eq!(world.post(&link, &[("new", "kata sandi pilihan sendiri")]).await.leads_to(), "/masuk?done=sandi");
    for again in [world.get(&link).await, world.post(&link, &[("new", "kata sandi pencuri")]).await] {
        assert!(again.status == StatusCode::NOT_FOUND && again.words().contains("tidak berlaku lagi"));
    }
    assert_eq!(world.try_password("baru", "kata sandi pilihan sendiri").await.leads_to(), "/antrean");
    assert_eq!(world.audited("staff.joined").await[0].subject, "baru");

    let reset = format!("/admin/petugas/{}/sandi", world.id_of("baru").await);
    let first = link_in(&admin.post(&reset, &[]).await);
    assert_eq!(world.try_password("baru", "kata sandi pilihan sendiri").await.status, STRANGE, "the old password opens nothing any more");
    let second = link_in(&admin.post(&reset, &[]).await);
    assert_eq!(world.get(&first).await.status, StatusCode::NOT_FOUND, "the newest link alone");
    world.pass(SignedDuration::from_hours(72));
    assert_eq!(world.get(&second).await.status, StatusCode::NOT_FOUND, "three days");
    let admin = world.sign_in("admin").await;
    let third = link_in(&admin.post(&reset, &[]).await);
    let close = format!("/admin/petugas/{}/tutup", world.id_of("baru").await);
    assert_eq!(admin.post(&close, &[("reason", "pindah tugas")]).await.leads_to(), "/admin/petugas?done=tutup");
    assert_eq!(world.get(&third).await.status, StatusCode::NOT_FOUND, "a closed account");
    assert_eq!(world.get("/undangan/nonsense").await.status, StatusCode::NOT_FOUND);
}

/// Sends what is due for staff about their accounts, as `dispatch` does; the links.
async fn deliver(world: &World, outcome: MailOutcome) -> Vec<String> {
    let claimed = mail::claim(&world.db, world.now(), Duration::from_mins(3), 10).await.expect("claims");
    let mut links = Vec::new();
    for mail in claimed {
        if let Occasion::Invitation { token, .. } = &mail.occasion {
            links.push(format!("/undangan/{token}"));
        }
        mail::settle(&world.db, mail, outcome.clone(), world.now()).await.expect("is written");
    }
    links
}

/// Somebody has an address, and a colleague's invitation was refused by the mail server.
pub(super) async fn mailed(world: &World, login: &str) {
    let mut tx = store::begin(&world.db).await.expect("begins");
    let new = NewStaff {
        login: "kiriman".into(),
        name: "Kiriman Contoh".into(),
        role: Role::Triage,
        agency: None,
        office: None,
        language: Language::Id,
    };
    let id = store::staff::create(&mut tx, &new, "-", world.now()).await.expect("is written").expect("is new");
    for (who, email) in [(id, "kiriman@contoh.example.id"), (world.id_of(login).await, "petugas@contoh.example.id")] {
        store::escalation::set_mail(&mut tx, who, Some(email)).await.expect("is written");
    }
    store::staff::invite_by_mail(&mut tx, id, None, "-", world.now()).await.expect("is written").expect("has an address");
    store::commit(tx).await.expect("commits");
    deliver(world, MailOutcome::Refused { error: "550 kotak surat tidak ada".into() }).await;
}

#[tokio::test]
async fn an_invitation_goes_by_mail_and_the_page_says_where_to_and_how_far_it_is() {
    let world = World::new().await.with(|context| context.mails = true).await;
    let admin = world.sign_in("admin").await;
    let fields = [("name", "Baru"), ("login", "baru"), ("role", "triage"), ("mail", "baru@contoh.example.id"), ("language", "en")];
    let wrong = admin.post("/admin/petugas", &[&fields[..3], &[("mail", "baru@contoh")]].concat()).await;
    assert!(wrong.status == STRANGE && wrong.words().contains("surel itu tidak dapat dipakai"), "{}", wrong.words());
    assert_eq!(admin.post("/admin/petugas", &fields).await.leads_to(), "/admin/petugas?done=surel");
    let page = admin.get("/admin/petugas").await;
    assert!(page.words().contains("Undangan ke b***@contoh.example.id menunggu dikirim"), "{}", page.words());
    assert!(!page.text.contains("baru@contoh") && !page.text.contains("/undangan/"), "neither address nor link");
    let (baru, _) = store::staff::by_login(&world.db, "baru").await.expect("a database").expect("an account");
    assert_eq!(baru.language, Language::En);

    let first = deliver(&world, MailOutcome::Refused { error: "550 no such user".into() }).await.remove(0);
    let words = admin.get("/admin/petugas").await.words();
    assert!(words.contains("Undangan ke b***@contoh.example.id tidak terkirim") && words.contains("550 no such user"), "{words}");
    // Again, and now it goes.
    let again = format!("/admin/petugas/{}/sandi", baru.id);
    assert_eq!(admin.post(&again, &[]).await.leads_to(), "/admin/petugas?done=surel");
    let second = deliver(&world, MailOutcome::Delivered).await.remove(0);
    let words = admin.get("/admin/petugas?done=surel").await.words();
    assert!(words.contains("Undangan terkirim ke b***@contoh.example.id") && words.contains("dikirim lewat surel"), "{words}");
    assert_eq!(world.get(&first).await.status, StatusCode::NOT_FOUND, "the newest link alone");
    assert_eq!(world.post(&second, &[("new", "kata sandi pilihan sendiri")]).await.leads_to(), "/masuk?done=sandi");
    assert!(!admin.get("/admin/petugas").await.words().contains("b***@contoh.example.id menunggu"), "nothing waits any more");
    let mailed: Vec<bool> = world.audited("staff.password").await.iter().filter_map(|entry| entry.detail["mailed"].as_bool()).collect();
    assert_eq!(mailed, [true]);
    // Shown instead, because the admin wants it so: nothing is sent.
    let shown = admin.post(&again, &[("show", "1")]).await;
    assert!(shown.text.contains("http://localhost/undangan/"), "{}", shown.words());
    assert!(deliver(&world, MailOutcome::Delivered).await.is_empty());
    world.pass(SignedDuration::from_hours(73));
    let words = world.sign_in("admin").await.get("/admin/petugas").await.words();
    assert!(words.contains("Undangan lewat waktu sejak"), "nobody set a password, and it is said: {words}");
}

#[tokio::test]
async fn where_no_mail_can_go_the_link_is_shown_and_the_page_says_why() {
    let world = World::new().await.with(|context| context.mails = true).await;
    let admin = world.sign_in("admin").await;
    let reset = format!("/admin/petugas/{}/sandi", world.id_of("jalan").await);
    let shown = admin.post(&reset, &[]).await;
    assert_eq!(shown.status, StatusCode::OK);
    assert!(shown.text.contains("/undangan/") && shown.words().contains("akun ini belum punya alamat surel"), "{}", shown.words());
    let fields = [("staff", world.id_of("jalan").await.to_string()), ("mail", "jalan@contoh.example.id".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert!(admin.post("/admin/eskalasi/surel", &fields).await.status.is_redirection());
    assert!(admin.get("/admin/petugas").await.words().contains("Kirim tautan ke j***@contoh.example.id"));
    let world = world.with(|context| context.mails = false).await;
    let admin = world.sign_in("admin").await;
    let page = admin.get("/admin/petugas").await.words();
    assert!(page.contains("server surel belum diatur") && !page.contains("Kirim tautan ke"), "{page}");
    let shown = admin.post(&reset, &[]).await;
    assert!(shown.text.contains("/undangan/") && shown.words().contains("server surel belum diatur"), "{}", shown.words());
    assert!(deliver(&world, MailOutcome::Delivered).await.is_empty(), "and nothing is sent");
}

#[tokio::test]
async fn an_account_that_is_closed_and_opened_again_has_no_link_from_before() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let at = |action: &str, id: StaffId| format!("/admin/petugas/{id}/{action}");
    let taman = world.id_of("taman").await;
    let shown = admin.post(&at("sandi", taman), &[]).await;
    let link = between(&shown.text, "fresh-link\">http://localhost", "<").to_owned();
    assert_eq!(world.get(&link).await.status, StatusCode::OK);
    assert_eq!(admin.post(&at("tutup", taman), &[("reason", "pindah tugas")]).await.leads_to(), "/admin/petugas?done=tutup");
    assert_eq!(admin.post(&at("aktif", taman), &[]).await.leads_to(), "/admin/petugas?done=buka");
    assert_eq!(world.get(&link).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.post(&link, &[("new", "kata sandi pilihan sendiri")]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn whoever_leaves_hands_everything_on_and_each_history_says_so() {
    let world = World::new().await;
    let mut held = Vec::new();
    for n in 0..4 {
        let complaint = world.complain(Wish { tel: &format!("08120000001{n}"), ..Wish::default() }).await;
        world.act("jalan", complaint.id, Action::Claim).await;
        held.push(complaint.id);
    }
    world.act("jalan", held[1], Action::Ask { text: "Di sisi mana?".into() }).await;
    world.act("jalan", held[3], Action::Resolve { text: "Sudah ditambal.".into(), photo: None }).await;
    let of_colleague = world.complain(Wish { tel: "081200000020", ..Wish::default() }).await;
    world.act("jalan.dua", of_colleague.id, Action::Claim).await;

    let (leaver, colleague) = (world.id_of("jalan").await, world.id_of("jalan.dua").await);
    let page = format!("/admin/petugas/{leaver}/tutup");
    let admin = world.sign_in("admin").await;
    let shown = admin.get(&page).await;
    assert!(shown.words().contains("Memegang 3 laporan") && shown.words().contains("Menunggu jawaban warga"), "{}", shown.words());
    assert!(
        shown.text.contains(&colleague.to_string()) && !shown.text.contains(&world.id_of("taman").await.to_string()),
        "colleagues alone"
    );
    assert_eq!(admin.post(&page, &[]).await.status, STRANGE, "a reason is needed");
    let strangers = world.id_of("taman").await.to_string();
    assert_eq!(admin.post(&page, &[("reason", "pindah"), ("to", &strangers)]).await.status, STRANGE);
    assert_eq!(world.sign_in("jalan.penyelia").await.post(&page, &[("reason", "x")]).await.status, StatusCode::FORBIDDEN);

    let session = world.sign_in("jalan").await;
    let to = colleague.to_string();
    assert_eq!(admin.post(&page, &[("reason", "pindah tugas"), ("to", &to)]).await.leads_to(), "/admin/petugas?done=tutup");
    assert_eq!(session.get("/antrean").await.status, StatusCode::SEE_OTHER);
    for (n, id) in held.iter().enumerate() {
        let complaint = world.complaint(*id).await;
        let history = store::complaint::history(&world.db, *id).await.expect("a database");
        let last = history.last().expect("a history");
        if n == 3 {
            assert_eq!(complaint.dispatches[0].officer, Some(leaver), "what is done stays theirs");
            continue;
        }
        assert_eq!(complaint.dispatches[0].officer, Some(colleague));
        assert_eq!(complaint.dispatches[0].state, if n == 1 { DispatchState::AwaitingCitizen } else { DispatchState::InProgress });
        assert_eq!(last.kind, UpdateKind::Noted);
        let said = last.text.as_deref().expect("words");
        assert!(said.contains("diserahkan kepada Dewi Dua") && said.contains("pindah tugas"), "{said}");
    }
    assert_eq!(admin.get(&page).await.status, StatusCode::NOT_FOUND, "closed already");

    // The colleague leaves too: all of it goes back to the agency, where anybody takes it.
    let page = format!("/admin/petugas/{colleague}/tutup");
    assert_eq!(admin.post(&page, &[("reason", "pensiun")]).await.leads_to(), "/admin/petugas?done=tutup");
    for id in held[..3].iter().chain([&of_colleague.id]) {
        assert_eq!(world.complaint(*id).await.dispatches[0].officer, None);
    }
    world.act("jalan.penyelia", held[0], Action::Claim).await;
    let closed = world.audited("staff.closed").await;
    assert_eq!((closed.len(), closed[0].detail["handed_on"].as_u64(), closed[1].detail["to"].as_str()), (2, Some(4), Some("jalan.dua")));
}

#[tokio::test]
async fn nobody_who_is_off_holds_a_complaint_however_busy_they_were_while_it_was_done() {
    let world = World::new().await;
    let mut open = Vec::new();
    for n in 0..12 {
        open.push(world.complain(Wish { tel: &format!("08120000{n:04}"), ..Wish::default() }).await.id);
    }
    let (officer, admin) = (world.sign_in("jalan").await, world.sign_in("admin").await);
    let leaver = world.id_of("jalan").await;
    let page = format!("/admin/petugas/{leaver}/tutup");
    let claims = join_all(open.iter().map(|id| {
        let page = format!("/aduan/{id}/ambil");
        let officer = &officer;
        async move { officer.post(&page, &[]).await.status }
    }));
    let close = async {
        let mut answer = admin.post(&page, &[("reason", "pindah")]).await;
        // Too busy three times: an admin tries again.
        while answer.status == STRANGE {
            answer = admin.post(&page, &[("reason", "pindah")]).await;
        }
        answer
    };
    let (claimed, closed) = futures::join!(claims, close);
    assert_eq!(closed.leads_to(), "/admin/petugas?done=tutup", "{claimed:?}");
    for id in open {
        assert_eq!(world.complaint(id).await.dispatches[0].officer, None, "{claimed:?}");
    }
}
