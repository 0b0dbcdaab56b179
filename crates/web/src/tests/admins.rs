//! What admins see and do.

use std::time::Duration;

use axum::http::StatusCode;
use bus::{Announcement, Expiry, Queue, Stop};
use jiff::SignedDuration;
use model::{Address, Event, Failure, TraceId};

use super::{Wish, World};

/// Sets one message aside, as intake would.
pub(super) async fn park(world: &World) {
    let event = Event::OptOut { address: Address::tel("081200000009").expect("a number") };
    let accepted = world.bus.publish_event(&event, TraceId::random(), &"chat".parse().expect("a name")).await.expect("a bus");
    assert_eq!(accepted, bus::Accepted::Stored);
    let stop = Stop::new();
    let (bus, until) = (world.bus.clone(), stop.clone());
    let consuming = tokio::spawn(async move {
        bus.consume(Queue::Events, until, 1, |_: bus::Delivery<Event>| async { Err(Failure::park("a hand must look", "no words")) }).await
    });
    while world.bus.parked_count().await.expect("a bus") == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    consuming.await.expect("a task").expect("a bus");
}

#[tokio::test]
async fn a_parked_message_is_listed_read_on_record_and_dropped_with_a_reason() {
    let world = World::new().await;
    park(&world).await;
    let admin = world.sign_in("admin").await;
    let list = admin.get("/admin/terparkir").await;
    assert!(list.text.contains("a hand must look"), "{}", list.words());
    let page = list.text.split('"').find(|part| part.starts_with("/admin/terparkir/")).expect("a link").to_owned();
    let one = admin.get(&page).await;
    assert!(!one.text.contains("81200000009"), "the content is not shown unasked");
    let read = admin.post(&format!("{page}/isi"), &[]).await;
    assert!(read.text.contains("81200000009"));
    let empty = admin.post(&format!("{page}/buang"), &[("reason", "")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    let dropped = admin.post(&format!("{page}/buang"), &[("reason", "uji coba")]).await;
    assert_eq!(dropped.leads_to(), "/admin/terparkir?done=buang");
    assert_eq!(world.bus.parked_count().await.expect("a bus"), 0);
    let audit = admin.get("/admin/catatan").await.words();
    for part in ["Isi pesan terparkir dibuka", "Pesan terparkir dibuang", "uji coba", "Adi Admin"] {
        assert!(audit.contains(part), "{part} in {audit}");
    }
}

#[tokio::test]
async fn a_parked_message_goes_its_way_again() {
    let world = World::new().await;
    park(&world).await;
    let admin = world.sign_in("admin").await;
    let list = admin.get("/admin/terparkir").await;
    let page = list.text.split('"').find(|part| part.starts_with("/admin/terparkir/")).expect("a link").to_owned();
    assert_eq!(admin.post(&format!("{page}/ulangi"), &[]).await.leads_to(), "/admin/terparkir?done=ulangi");
    assert_eq!(world.bus.parked_count().await.expect("a bus"), 0);
    assert_eq!(admin.post(&format!("{page}/ulangi"), &[]).await.leads_to(), "/admin/terparkir?done=hilang");
}

/// What an adapter of this world says, so many seconds ago.
pub(super) fn said(world: &World, adapter: &str, seconds: i64) -> Announcement {
    Announcement {
        last_seen: world.now() - SignedDuration::from_secs(seconds),
        ..Announcement::new(adapter.parse().expect("a name"), "0.1.0", world.now() - SignedDuration::from_hours(50))
    }
}

#[tokio::test]
async fn channels_show_whether_their_program_is_alive() {
    let world = World::new().await;
    for said in [said(&world, "chat", 5), said(&world, "counter", 300), said(&world, "stranger", 5)] {
        world.bus.announce(&said).await.expect("a bus");
    }
    let admin = world.sign_in("admin").await;
    let words = admin.get("/admin").await.words();
    for part in [
        "Pesan singkat 0811-1234-567 Berjalan",
        "Loket Kelurahan Melati Program mati",
        "Program tidak terdengar Terakhir terdengar",
        "Program tanpa kanal",
        "stranger Perlu dilihat",
        "Belum dipasang",
        "Surel aduan@contoh.example.id Belum pernah terdengar",
    ] {
        assert!(words.contains(part), "{part} in {words}");
    }
    assert!(!words.contains("Semua kanal berjalan"), "{words}");
    assert!(words.contains("Senin–Jumat 07.30–16.00 Sedang buka"), "{words}");
    let place = |label: &str| words.find(label).expect("is there");
    assert!(place("Loket Kelurahan Melati") < place("Pesan singkat 0811-1234-567"), "what needs somebody stands first");
    let elsewhere = admin.get("/admin/petugas").await.words();
    assert!(elsewhere.contains("hal perlu dilihat sekarang"), "no page hides it: {elsewhere}");
    assert!(
        !world.sign_in("jalan").await.get("/antrean").await.words().contains("perlu dilihat sekarang"),
        "officers can do nothing about it"
    );
}

#[tokio::test]
async fn each_alarm_says_why_and_what_to_do() {
    let world = World::new().await;
    let at = |hours: i64| world.now() + SignedDuration::from_hours(hours);
    let expiry = |hours, what: &str| Expiry { at: at(hours), what: what.into(), account: None, todo: "Buat token baru di Meta.".into() };
    let chat = Announcement {
        accounts: vec!["0811".into(), "0999".into()],
        last_error: Some("the platform cannot be reached with replies".into()),
        last_error_at: Some(world.now()),
        spool_waiting: 3,
        spool_oldest: Some(at(-1)),
        refused: 7,
        last_refused: Some(world.now()),
        expiries: vec![expiry(-1, "token lama"), expiry(100, "token akses")],
        ..said(&world, "chat", 5)
    };
    world.bus.announce(&chat).await.expect("a bus");
    let page = world.sign_in("admin").await.get("/admin").await;
    let words = page.words();
    for part in [
        "token lama berakhir",
        "token akses berakhir",
        "Buat token baru di Meta.",
        "3 pesan menunggu sejak",
        "7 permintaan ditolak",
        "Kata program: the platform cannot be reached with replies",
        "melayani akun 0999",
        "Pesan singkat 0811-1234-567 Perlu dilihat",
    ] {
        assert!(words.contains(part), "{part} in {words}");
    }
}

#[tokio::test]
async fn a_channel_is_called_silent_with_the_reason_once_its_rhythm_is_known() {
    let world = World::new().await;
    // Four weeks in which something came in every second hour of every day, then nothing for a day.
    for hours in (24..24 * 28).step_by(2) {
        world.complain(Wish { hours_ago: hours, ..Wish::default() }).await;
    }
    world.bus.announce(&said(&world, "chat", 5)).await.expect("a bus");
    let words = world.sign_in("admin").await.get("/admin").await.words();
    assert!(words.contains("Diam di luar kebiasaan Tidak ada pesan sejak 19 November 2026 pukul 10.00 WIB"), "{words}");
    assert!(words.contains("Dari 23 jam seperti ini biasanya 10 jam ada pesannya."), "{words}");
    assert!(words.contains("Hari ini 0 7 hari 73"), "{words}");
}

#[tokio::test]
async fn answers_of_a_paused_channel_wait_and_go_when_it_is_resumed() {
    let world = World::new().await;
    world.complain(Wish::default()).await;
    world.bus.announce(&said(&world, "chat", 5)).await.expect("a bus");
    let admin = world.sign_in("admin").await;
    let channel = [("adapter", "chat"), ("account", "0811")];
    let paused = admin.post("/admin/kanal/jeda", &[channel[0], channel[1], ("reason", "nomor dipindah")]).await;
    assert_eq!(paused.leads_to(), "/admin?done=jeda");
    let words = admin.get("/admin").await.words();
    assert!(
        words.contains("Jawaban dijeda") && words.contains("Alasan: nomor dipindah") && words.contains("Jawaban menunggu 1"),
        "{words}"
    );
    let claim = || store::reply::claim(&world.db, world.now(), Duration::from_secs(1), 10);
    assert!(claim().await.expect("a database").is_empty(), "nothing goes out");

    assert_eq!(admin.post("/admin/kanal/lanjut", &channel).await.leads_to(), "/admin?done=lanjut");
    assert_eq!(claim().await.expect("a database").len(), 1, "what waited goes");
    let audit = admin.get("/admin/catatan").await.words();
    for part in ["Jawaban kanal dijeda", "Jawaban kanal dilanjutkan", "chat 0811", "nomor dipindah"] {
        assert!(audit.contains(part), "{part} in {audit}");
    }
    let unknown = admin.post("/admin/kanal/jeda", &[("adapter", "chat"), ("account", "elsewhere")]).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let officer = world.sign_in("jalan").await.post("/admin/kanal/jeda", &channel).await;
    assert_eq!(officer.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_admin_makes_accounts_and_each_role_needs_its_place() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let roads = world.agency("dbm").to_string();
    for (fields, said) in [
        (&[("name", "Baru"), ("login", "baru"), ("role", "officer")][..], "perlu dinas"),
        (&[("name", "Baru"), ("login", "baru"), ("role", "clerk")][..], "perlu loket"),
        (&[("name", "Baru"), ("login", "Ada Spasi"), ("role", "triage")][..], "Nama pengguna"),
        (&[("name", "Baru"), ("login", "jalan"), ("role", "triage")][..], "sudah dipakai"),
        (&[("name", "Baru"), ("login", "baru"), ("role", "")][..], "Pilih peran"),
    ] {
        let answer = admin.post("/admin/petugas", fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(answer.text.contains(said), "{said}");
    }
    let made = admin.post("/admin/petugas", &[("name", "Baru"), ("login", "Baru.Satu"), ("role", "officer"), ("agency", &roads)]).await;
    assert_eq!(made.status, StatusCode::OK);
    assert!(made.text.contains("http://localhost/undangan/"), "the link is shown: {}", made.words());
    assert!(admin.get("/admin/catatan").await.words().contains("Akun dibuat: baru.satu"));
}

#[tokio::test]
async fn an_admin_cannot_lock_themselves_out() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let (staff, _) = store::staff::by_login(&world.db, "admin").await.expect("a database").expect("an account");
    for action in ["aktif", "sandi", "tutup", "faktor"] {
        let answer = admin.post(&format!("/admin/petugas/{}/{action}", staff.id), &[("reason", "x")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{action}");
    }
    assert_eq!(admin.get("/admin").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_audit_page_says_whether_everything_is_as_it_was_written() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    admin.post("/admin/petugas", &[("name", "Baru"), ("login", "baru"), ("role", "triage")]).await;
    let page = admin.get("/admin/catatan").await;
    let anchor = store::audit::anchor(&world.db).await.expect("a database");
    assert!(anchor.number == 1 && page.text.contains(&anchor.to_string()), "{}", page.words());
    let checked = admin.post("/admin/catatan/periksa", &[]).await.words();
    assert!(checked.contains("1 catatan diperiksa. Semuanya masih seperti ketika ditulis."), "{checked}");
    assert_eq!(world.sign_in("triase").await.post("/admin/catatan/periksa", &[]).await.status, StatusCode::FORBIDDEN);
}
