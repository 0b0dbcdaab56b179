//! What admins see and do.

use std::time::Duration;

use axum::http::StatusCode;
use bus::{Announcement, Queue, Stop};
use model::{Address, Event, Failure, TraceId};

use super::World;

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

#[tokio::test]
async fn channels_show_whether_their_program_is_alive() {
    let world = World::new().await;
    let announcement = |adapter: &str, seconds: i64| Announcement {
        adapter: adapter.parse().expect("a name"),
        version: "0.1.0".into(),
        accounts: Vec::new(),
        started_at: world.now(),
        last_seen: world.now() - jiff::SignedDuration::from_secs(seconds),
        last_message: None,
        last_error: None,
        url: None,
        spool_waiting: 3,
    };
    for said in [announcement("chat", 5), announcement("counter", 300), announcement("stranger", 5)] {
        world.bus.announce(&said).await.expect("a bus");
    }
    let words = world.sign_in("admin").await.get("/admin").await.words();
    for part in ["Hidup", "Diam", "Belum pernah terdengar", "Program tanpa kanal", "stranger Hidup", "3 pesan menunggu di pintu"] {
        assert!(words.contains(part), "{part} in {words}");
    }
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
    let password = made.text.split("big-number\">").nth(1).and_then(|rest| rest.split('<').next()).expect("a password");
    let answer = world.post("/masuk", &[("login", "baru.satu"), ("password", password)]).await;
    assert_eq!(answer.leads_to(), "/antrean");
    assert!(!admin.get("/admin/petugas").await.text.contains(password), "shown once only");
    assert!(admin.get("/admin/catatan").await.words().contains("Akun dibuat: baru.satu"));
}

#[tokio::test]
async fn an_admin_cannot_lock_themselves_out() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let (staff, _) = store::staff::by_login(&world.db, "admin").await.expect("a database").expect("an account");
    for action in ["aktif", "sandi"] {
        let answer = admin.post(&format!("/admin/petugas/{}/{action}", staff.id), &[("active", "tidak")]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{action}");
    }
    assert_eq!(admin.get("/admin").await.status, StatusCode::OK);
}
