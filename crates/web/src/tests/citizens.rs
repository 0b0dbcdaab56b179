//! What citizens see of their complaint, and what they may do with it.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use futures::StreamExt;
use model::{Action, Status, UpdateKind};
use tower::ServiceExt;
use uuid::Uuid;

use super::{Wish, World, city::PICTURE};
use crate::router;

#[tokio::test]
async fn the_tracking_page_says_who_has_it_since_when_until_when_and_why() {
    let world = World::new().await;
    let complaint = world.complain(Wish { photos: 2, ..Wish::default() }).await;
    let words = world.get(&format!("/t/{}", complaint.tracking.as_str())).await.words();
    for part in [
        complaint.reference.to_string().as_str(),
        "Diteruskan",
        "Dinas Bina Marga",
        "Jumat, 20 November 2026",
        "Jumat, 27 November 2026",
        "sisa 5 hari kerja",
        "5 hari kerja sejak Jumat, 20 November 2026, menurut Pergub Contoh 12/2024.",
        "20 November 2026 pukul 07.00 WIB",
        "Laporan diterima",
        "Kelurahan Melati",
    ] {
        assert!(words.contains(part), "{part} in {words}");
    }
}

#[tokio::test]
async fn the_tracking_page_holds_nothing_personal() {
    let world = World::new().await;
    let text = "Nama saya Sari, rumah di Jalan Anggrek 5, telepon 081200000001. Jalan berlubang.";
    let complaint = world.complain(Wish { text, photos: 1, ..Wish::default() }).await;
    let page = format!("/t/{}", complaint.tracking.as_str());
    let once = Uuid::from_u128(1).to_string();
    world.post(&format!("{page}/pesan"), &[("text", "Telepon saja ke 081200000001, tanya Sari"), ("once", &once)]).await;
    world.act("jalan", complaint.id, Action::Claim).await;
    world.act("jalan", complaint.id, Action::Note { text: "Bu Sari galak".into() }).await;
    world.act("jalan", complaint.id, Action::Answer { text: "Tim turun besok pagi.".into() }).await;
    let answer = world.get(&page).await;
    for personal in ["Sari", "81200000001", "Anggrek", "Depan Pasar", "galak", "Joko", "tel:"] {
        assert!(!answer.text.contains(personal), "{personal}");
    }
    assert!(answer.text.contains("Tim turun besok pagi.") && answer.text.contains("Anda menambahkan pesan"));
    let lookup = world.get(&format!("/cek?number={}", complaint.reference)).await;
    for private in ["Sari", "Anggrek", "Tim turun", "Bina Marga", "Melati", complaint.tracking.as_str()] {
        assert!(!lookup.text.contains(private), "a number shows the status and nothing else: {private}");
    }
    assert!(lookup.text.contains("Sedang ditangani"));
}

#[tokio::test]
async fn a_number_is_read_as_people_type_it_and_a_mistyped_one_is_told() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let number = complaint.reference.to_string();
    for typed in [number.to_lowercase(), number.replace('-', ""), format!(" {} ", number.replace('-', " "))] {
        let answer = world.get(&format!("/cek?number={}", crate::page::encoded(&typed))).await;
        assert!(answer.text.contains("Diteruskan"), "{typed}");
    }
    for (typed, said) in [("7KQ2", "Ada huruf atau angka yang keliru"), ("<script>", "Ada huruf atau angka yang keliru")] {
        let answer = world.get(&format!("/cek?number={}", crate::page::encoded(typed))).await;
        assert!(answer.text.contains(said) && !answer.text.contains("<script>"), "{typed}");
    }
}

#[tokio::test]
async fn a_code_that_is_nobodys_is_not_found_whatever_it_looks_like() {
    let world = World::new().await;
    for code in ["AAAAAAAAAAAAAAAAAAAAAA", "kurang", "..%2f..%2fetc", "%00"] {
        for page in ["", "/live", "/foto/00000000-0000-0000-0000-000000000000"] {
            assert_eq!(world.get(&format!("/t/{code}{page}")).await.status, StatusCode::NOT_FOUND, "{code}{page}");
        }
    }
}

#[tokio::test]
async fn photos_are_shown_to_the_holder_of_their_own_link_alone() {
    let world = World::new().await;
    let own = world.complain(Wish { photos: 1, ..Wish::default() }).await;
    let other = world.complain(Wish { photos: 1, tel: "081200000002", ..Wish::default() }).await;
    let photo = world.photo_of(own.id).await;
    let page = world.get(&format!("/t/{}", own.tracking.as_str())).await;
    let address = format!("/t/{}/foto/{photo}", own.tracking.as_str());
    assert!(page.text.contains(&address));
    let shown = world.get(&address).await;
    assert_eq!((shown.status, &shown.headers[header::CONTENT_TYPE]), (StatusCode::OK, &"image/jpeg".parse().expect("a value")));
    assert_eq!(world.get(&format!("/t/{}/foto/{photo}", other.tracking.as_str())).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_citizen_says_that_it_is_not_done_and_the_agency_has_it_again() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let page = format!("/t/{}", complaint.tracking.as_str());
    assert!(!world.get(&page).await.text.contains("/belum-selesai"), "an open complaint offers no such button");
    world.act("jalan", complaint.id, Action::Resolve { text: "Sudah ditambal.".into(), photo: None }).await;
    assert!(world.get(&page).await.text.contains("/belum-selesai"));

    let empty = world.post(&format!("{page}/belum-selesai"), &[("reason", "  ")]).await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    let long = "x".repeat(4001);
    let too_long = world.post(&format!("{page}/belum-selesai"), &[("reason", &long)]).await;
    assert!(too_long.status == StatusCode::UNPROCESSABLE_ENTITY && too_long.text.contains(&long), "what was typed is kept");

    for _ in 0..2 {
        let answer = world.post(&format!("{page}/belum-selesai"), &[("reason", "Masih berlubang")]).await;
        assert_eq!(answer.leads_to(), format!("{page}?done=belum"), "pressed twice is pressed once");
    }
    assert_eq!(world.complaint(complaint.id).await.status(), Status::Forwarded);
    let history = store::complaint::history(&world.db, complaint.id).await.expect("a database");
    assert_eq!(history.iter().filter(|update| update.kind == UpdateKind::Reopened).count(), 1);
    let officer = world.sign_in("jalan").await;
    assert!(officer.get(&format!("/aduan/{}", complaint.id)).await.text.contains("Masih berlubang"));
}

#[tokio::test]
async fn words_on_the_page_reach_the_officer_once_and_answer_their_question() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    world.act("jalan", complaint.id, Action::Ask { text: "Di sisi mana?".into() }).await;
    let page = format!("/t/{}", complaint.tracking.as_str());
    let asked = world.get(&page).await;
    assert!(asked.text.contains("Di sisi mana?") && asked.text.contains("Jawab pertanyaan petugas"));
    let once = asked.field("once");
    for _ in 0..2 {
        let answer = world.post(&format!("{page}/pesan"), &[("text", "Sisi utara\u{0}\r\ndekat halte"), ("once", &once)]).await;
        assert_eq!(answer.leads_to(), format!("{page}?done=pesan"));
    }
    let messages = store::message::of_complaint(&world.db, complaint.id).await.expect("a database");
    let texts: Vec<&str> = messages.iter().skip(1).map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["Sisi utara\ndekat halte"]);
    assert_eq!(world.complaint(complaint.id).await.status(), Status::InProgress);
    assert_eq!(world.post(&format!("{page}/pesan"), &[("text", "x")]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.post(&format!("{page}/pesan"), &[("once", &once)]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_flood_of_words_from_one_link_is_stopped() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let page = format!("/t/{}/pesan", complaint.tracking.as_str());
    let mut answers = Vec::new();
    for n in 0..12 {
        let once = Uuid::from_u128(n).to_string();
        answers.push(world.post(&page, &[("text", "lagi"), ("once", &once)]).await.status);
    }
    assert_eq!((answers[0], answers[11]), (StatusCode::SEE_OTHER, StatusCode::TOO_MANY_REQUESTS));
}

#[tokio::test]
async fn an_open_page_hears_of_its_own_complaint_and_of_no_other() {
    let world = World::new().await;
    let own = world.complain(Wish::default()).await;
    let other = world.complain(Wish { tel: "081200000002", ..Wish::default() }).await;
    let page = Request::get(format!("/t/{}/live", own.tracking.as_str())).body(Body::empty()).expect("a request");
    let answer = router(world.rooms.clone()).oneshot(page).await.expect("never fails");
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut events = answer.into_body().into_data_stream();
    world.rooms.live().tell(store::live::Change::Steps(other.id));
    world.rooms.live().tell(store::live::Change::Present(own.id));
    world.rooms.live().tell(store::live::Change::Steps(own.id));
    let first = events.next().await.expect("an event").expect("bytes");
    assert_eq!(first, "event: change\ndata: again\n\n");
    world.rooms.stop().cancel();
    assert!(events.next().await.is_none(), "one event only, and the end when the program stops");
}

#[tokio::test]
async fn pages_speak_the_language_that_was_chosen() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let answer = world.get(&format!("/t/{}?lang=en", complaint.tracking.as_str())).await;
    assert!(answer.words().contains("5 working days left") && answer.text.contains("<html lang=\"en\">"));
    assert!(answer.headers[header::SET_COOKIE].to_str().expect("text").starts_with("bahasa=en"));
    assert!(world.get("/nowhere").await.words().contains("Halaman tidak ditemukan"));
}

#[tokio::test]
async fn a_tracking_page_is_light() {
    let world = World::new().await;
    let complaint = world.complain(Wish { photos: 3, ..Wish::default() }).await;
    for n in 0..20 {
        world.act("jalan", complaint.id, Action::Answer { text: format!("Kabar nomor {n} dari lapangan, tim masih bekerja.") }).await;
    }
    let mut total = 0;
    for page in [
        format!("/t/{}", complaint.tracking.as_str()),
        ui::asset("muara.css").into(),
        ui::asset("live.js").into(),
        ui::asset("mark.svg").into(),
    ] {
        let request = Request::get(page).header(header::ACCEPT_ENCODING, "gzip").body(Body::empty()).expect("a request");
        let answer = router(world.rooms.clone()).oneshot(request).await.expect("never fails");
        assert_eq!(answer.status(), StatusCode::OK);
        total += axum::body::to_bytes(answer.into_body(), 1_000_000).await.expect("a body").len();
    }
    assert!(total < 50_000, "{total} bytes without photos");
    assert!(PICTURE.len() < total);
}
