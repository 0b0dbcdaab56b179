//! The pages in a real browser: phone and desktop, light and dark, keyboard, without scripts, and judged by axe. The script is
//! `tests/browser/web.mjs`; here the city is built that it looks at. With `MUARA_PICTURES=<folder>` it leaves a picture of every page.

use std::{path::Path, process::Stdio};

use bus::Stop;
use jiff::SignedDuration;
use model::{
    Action, Complaint, Point, Visibility,
    room::{Beyond, Counts, Room},
};
use serde_json::json;
use tokio::{net::TcpListener, process::Command};

use super::{PASSWORD, Wish, World, accounts, admins};
use crate::Context;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_stands_in_a_real_browser() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser");
    assert!(script.join("node_modules").exists(), "run `npm ci` in tests/browser: the browser test needs its packages");
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let stop = Stop::new();
    let pages = tokio::spawn(crate::run(Context { mails: true, ..world.context(&base) }, listener, stop.clone()));
    let city = Box::pin(lively(&world, &base)).await;
    let told = Command::new("node")
        .arg("web.mjs")
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

/// For looking at pages by hand: `cargo test -p web by_hand -- --ignored --nocapture`, until it is interrupted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "serves until it is interrupted"]
async fn serve_the_city_to_look_at_by_hand() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:8190").await.expect("the port is free");
    let base = "http://127.0.0.1:8190";
    let pages = tokio::spawn(crate::run(Context { mails: true, ..world.context(base) }, listener, Stop::new()));
    println!("{:#}", Box::pin(lively(&world, base)).await);
    pages.await.expect("a task").expect("pages");
}

/// A city with something on every page.
async fn lively(world: &World, base: &str) -> serde_json::Value {
    let here = Point::new(-6.171, 106.828);
    let open = world.complain(Wish { photos: 3, location: here, hours_ago: 30, ..Wish::default() }).await;
    let asked = world.complain(Wish { tel: "081200000002", name: Some("Budi Contoh"), hours_ago: 50, ..Wish::default() }).await;
    world.act("jalan", asked.id, Action::Claim).await;
    world.act("jalan", asked.id, Action::Ask { text: "Lubangnya di sisi mana? Dekat nomor rumah berapa?".into() }).await;
    let resolved = resolved(world).await;
    let late = "Lampu jalan mati sejak sebulan lalu, gelap sekali kalau malam dan anak-anak takut lewat sini.";
    let late = world.complain(Wish { tel: "081200000004", text: late, hours_ago: 24 * 20, ..Wish::default() }).await;
    super::escalation::told(world).await;
    super::rules::a_draft(world).await;
    super::rules::roads_to_parks(world).await;
    let danger = Wish {
        tel: "081200000005",
        text: "Tiang listrik miring hampir roboh!",
        category: None,
        area: None,
        danger: vec!["roboh".into()],
        photos: 1,
        ..Wish::default()
    };
    let triage = world.complain(danger).await;
    let secret = world.complain(Wish { tel: "081200000006", visibility: Visibility::Secret, hours_ago: 70, ..Wish::default() }).await;
    let entered = Wish { tel: "081200000007", account: "kel-melati", text: "Saluran air mampet di RT 03.", ..Wish::default() };
    let entered = world.complain(entered).await;
    super::unreached::fail(world, &entered).await;
    let rude = world.complain(Wish { tel: "081200000008", text: "Pohon peneduh ditebang semua!", hours_ago: 6, ..Wish::default() }).await;
    let supervisor = world.sign_in("jalan.penyelia").await;
    let reason = [("text", "Berkali-kali mengancam petugas yang menjawab."), ("days", "7")];
    assert!(supervisor.post(&format!("/aduan/{}/blokir", rude.id), &reason).await.status.is_redirection());
    let advert = "Slot gacor maxwin, daftar di contoh-gacor.xyz";
    let held = world.complain(Wish { tel: "081200000020", text: advert, held: true, hours_ago: 50, ..Wish::default() }).await;
    let same = Wish { tel: "081200000010", text: "Lubang di jalan depan pasar.", hours_ago: 2, ..Wish::default() };
    let same = world.complain(same).await;
    super::same::ask(world, &same, &open).await;
    let refused = refused(world).await;
    let incident = super::incidents::an_incident_and_two_pairs(world, &open, &asked, &resolved).await;
    let (closed, _) = super::incidents::a_closed_one(world).await;
    admins::park(world).await;
    channels(world).await;
    let task = super::tasks::entrusted(world, late.id, true).await;
    let body = super::tasks::reached_by_chat(world).await;
    let asked_by_chat = [("body", body.as_str()), ("text", "Tolong lihat apakah rambunya masih berdiri."), ("days", "1")];
    assert!(world.sign_in("jalan").await.post(&format!("/aduan/{}/titip", late.id), &asked_by_chat).await.status.is_redirection());
    super::escalation::by_telephone(world).await;
    let writes = Wish { tel: "081200000012", photos: 2, hours_ago: 4, ..Wish::default() };
    let writes = world.complain(writes).await;
    let words = "Laporan {nomor} dijadwalkan {instansi} sebelum {batas}.";
    let template = [("name", "Terjadwal"), ("language", "id"), ("text", words)];
    assert!(supervisor.post("/templat", &template).await.status.is_redirection());
    let new = [("name", "Baru Contoh"), ("login", "baru"), ("role", "triage")];
    let invited = world.sign_in("admin").await.post("/admin/petugas", &new).await.text;
    let invitation = invited.split_once("/undangan/").and_then(|(_, rest)| rest.split_once('<')).expect("a link").0.to_owned();
    accounts::mailed(world, "taman").await;
    let leaver = store::staff::by_login(&world.db, "jalan").await.expect("a database").expect("an account").0.id;
    world.pass(SignedDuration::from_mins(7));
    for _ in 0..6 {
        world.post("/masuk", &[("login", "taman"), ("password", "salah")]).await;
    }
    let now = world.now().as_second();
    let parked = world.bus.parked(None, 1).await.expect("a bus")[0].id;
    let track = |complaint: &Complaint| format!("/t/{}", complaint.tracking.as_str());
    let page = |complaint: &Complaint| format!("/aduan/{}", complaint.id);
    json!({
        "base": base,
        "password": PASSWORD,
        "number": open.reference.to_string(),
        "tracking": { "open": track(&open), "asked": track(&asked), "resolved": track(&resolved), "same": track(&same), "refused": track(&refused) },
        "complaints": { "open": page(&open), "triage": page(&triage), "secret": page(&secret), "blocked": page(&rude), "late": page(&late), "refused": page(&refused), "writes": page(&writes), "held": page(&held) },
        "task": task,
        "counts": true,
        "incident": incident,
        "closed": closed,
        "invitation": format!("/undangan/{invitation}"),
        "leaving": format!("/admin/petugas/{leaver}/tutup"),
        "parked": format!("/admin/terparkir/{parked}"),
        "now": now,
        "maps": !ui::asset("leaflet.js").is_empty(),
    })
}

/// Something on every line of the channels' page: one that is well, one that is missing, one paused, one never heard, one nobody knows.
async fn channels(world: &World) {
    let mut chat = admins::said(world, "chat", 5);
    chat.expiries.push(bus::Expiry {
        at: world.now() + SignedDuration::from_hours(100),
        what: "token akses".into(),
        account: None,
        todo: "Buat token baru di Meta Business Suite, lalu mulai ulang programnya.".into(),
    });
    chat.room = vec![Room { audience: None, counts: Counts::Parts, most: 3, beyond: Beyond::Link }];
    chat.last_error = Some("the platform cannot be reached with replies".into());
    chat.last_error_at = Some(world.now());
    for said in [chat, admins::said(world, "counter", 300), admins::said(world, "stranger", 5)] {
        world.bus.announce(&said).await.expect("a bus");
    }
    let admin = world.sign_in("admin").await;
    let paused =
        admin.post("/admin/kanal/jeda", &[("adapter", "chat"), ("account", "0811"), ("reason", "nomor dipindah ke kartu baru")]).await;
    assert_eq!(paused.leads_to(), "/admin?done=jeda");
}

/// One that the referee must place, while another agency helps and is asked.
async fn refused(world: &World) -> Complaint {
    let text = "Akar pohon mengangkat trotoar, kursi roda tidak bisa lewat.";
    let complaint = world.complain(Wish { tel: "081200000011", text, hours_ago: 7, ..Wish::default() }).await;
    let parks = world.agency("tamhut");
    world
        .act("jalan", complaint.id, Action::Share { with: vec![parks], text: "Pertamanan memangkas akar, kami menata trotoar.".into() })
        .await;
    let officer = world.sign_in("jalan").await;
    let asks = [("text", "Boleh akarnya dipotong?"), ("agency", &parks.to_string()), ("days", "2")];
    assert!(officer.post(&format!("/aduan/{}/koordinasi", complaint.id), &asks).await.status.is_redirection());
    world.act("jalan", complaint.id, Action::HandOver { to: vec![], reason: "Trotoar ini bagian dari taman kota.".into() }).await;
    complaint
}

/// One that went the whole way, with a photo of the result.
async fn resolved(world: &World) -> Complaint {
    let complaint = world.complain(Wish { tel: "081200000003", photos: 1, hours_ago: 80, ..Wish::default() }).await;
    world.act("jalan", complaint.id, Action::Claim).await;
    world.act("jalan", complaint.id, Action::Answer { text: "Tim sudah meninjau. Penambalan dijadwalkan besok pagi.".into() }).await;
    world.act("jalan", complaint.id, Action::Note { text: "Bawa aspal dingin dua karung.".into() }).await;
    let officer = world.sign_in("jalan").await;
    let text = [("text", "Lubang sudah ditambal dan jalan dibersihkan.")];
    let answer = officer.post_file(&format!("/aduan/{}/selesai", complaint.id), &text, super::city::PICTURE).await;
    assert_eq!(answer.status.as_u16(), 303, "{}", answer.text);
    world.promote().await;
    store::evidence::judge(&world.db, 10, world.now()).await.expect("a database");
    complaint
}
