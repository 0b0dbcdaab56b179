//! "Is it this one?" and "mine is another one" on the citizen's page.

use axum::http::StatusCode;
use model::{
    Actor, Complaint, Decision, UpdateKind, Visibility,
    incident::{How, StepKind},
    same::{Earlier, consider},
};
use store::incident;

use super::{Wish, World, incidents::suggest};

const SECRETS: [&str; 4] = ["Wati Contoh", "81200000001", "dua minggu", "Depan Pasar"];

/// What intake does when the second one may be the same as the first.
pub(super) async fn ask(world: &World, second: &Complaint, first: &Complaint) {
    suggest(world, second, first).await;
    let earlier = Earlier {
        complaint: first.id,
        category: first.category.clone(),
        area: first.area.clone(),
        street: Some("Jalan Melati Raya".into()),
        opened_at: first.opened_at,
        same: None,
    };
    let mut complaint = world.complaint(second.id).await;
    consider(&mut complaint, earlier, &world.rooms.directory());
    let mut tx = store::begin(&world.db).await.expect("begins");
    store::complaint::write(&mut tx, &Decision { complaint, updates: Vec::new(), replies: Vec::new(), missed: Vec::new() })
        .await
        .expect("is written");
    store::commit(tx).await.expect("commits");
}

/// Two complaints; the citizen of the second is asked. With the address of their page.
async fn asked(world: &World) -> (Complaint, Complaint, String) {
    let first = world.complain(Wish { name: Some("Wati Contoh"), photos: 1, hours_ago: 30, ..Wish::default() }).await;
    let second = world.complain(Wish { text: "Lubang di jalan", tel: "081200000002", hours_ago: 1, ..Wish::default() }).await;
    ask(world, &second, &first).await;
    let page = format!("/t/{}", second.tracking.as_str());
    (first, second, page)
}

async fn together(world: &World, one: &Complaint) -> Vec<How> {
    let found = incident::of_complaint(&world.db, one.id).await.expect("is read");
    found.map(|(_, members)| members.iter().map(|member| member.how).collect()).unwrap_or_default()
}

#[tokio::test]
async fn the_page_asks_with_category_street_area_and_day_and_tells_nothing_else() {
    let world = World::new().await;
    let (first, _, page) = asked(&world).await;
    let shown = world.get(&page).await;
    for part in
        ["Apakah ini hal yang sama?", "Jalan Melati Raya, Kelurahan Melati", "Kamis, 19 November 2026", "value=\"ya\"", "value=\"bukan\""]
    {
        assert!(shown.text.contains(part), "{part} in {}", shown.text);
    }
    assert!(!shown.text.contains(&first.reference.to_string()) && !shown.text.contains(first.tracking.as_str()));
    for secret in SECRETS {
        assert!(!shown.text.contains(secret), "{secret}");
    }
    assert_eq!(shown.text.matches("/foto/").count(), 0, "no photo of the other");
    let english = world.get(&format!("{page}?lang=en")).await;
    assert!(english.text.contains("Is it the same thing?"));
    let other = world.get(&format!("/t/{}", first.tracking.as_str())).await;
    assert!(!other.text.contains("/sama\""), "who came first is not asked");
}

#[tokio::test]
async fn yes_on_the_page_joins_and_a_second_press_or_a_late_no_changes_nothing() {
    let world = World::new().await;
    let (first, second, page) = asked(&world).await;
    let answer = world.post(&format!("{page}/sama"), &[("jawab", "ya")]).await;
    assert_eq!(answer.leads_to(), format!("{page}?done=sama"));
    assert_eq!(together(&world, &first).await, [How::Citizen, How::Citizen]);
    let shown = world.get(answer.leads_to()).await;
    assert!(shown.text.contains("digabungkan dengan laporan yang sama") && shown.text.contains("Anda menyatakan sama"), "{}", shown.text);
    assert!(!shown.text.contains("Apakah ini hal yang sama?"));
    let before = store::complaint::history(&world.db, second.id).await.expect("is read").len();
    for word in ["ya", "bukan"] {
        assert_eq!(world.post(&format!("{page}/sama"), &[("jawab", word)]).await.leads_to(), format!("{page}?done=putus"));
    }
    assert_eq!(store::complaint::history(&world.db, second.id).await.expect("is read").len(), before);
    assert_eq!(together(&world, &first).await.len(), 2);
    assert_eq!(store::reply::of_complaint(&world.db, second.id).await.expect("is read").len(), 1, "the page is the answer");

    let triage = world.sign_in("triase").await;
    let staff = triage.get(&format!("/aduan/{}", second.id)).await;
    assert!(staff.text.contains("Warga menyatakan sama dengan laporan sebelumnya") && staff.text.contains("kata pelapor sama"));
    let (found, _) = incident::of_complaint(&world.db, first.id).await.expect("is read").expect("is there");
    let incident = triage.get(&format!("/kejadian/{}", found.id)).await;
    assert!(incident.words().contains("Laporan digabung Warga"), "{}", incident.words());
    let step = incident::steps(&world.db, &[first.id], 1).await.expect("is read").remove(0);
    assert_eq!(step.by, Actor::Citizen);
    assert!(triage.post(&format!("/langkah/{}/batal", step.id), &[]).await.leads_to().contains("done=batal"));
    assert!(together(&world, &first).await.is_empty());
    assert!(!world.get(&page).await.text.contains("Apakah ini hal yang sama?"), "nobody is asked twice");
}

#[tokio::test]
async fn no_on_the_page_settles_it_and_staff_see_who_said_so() {
    let world = World::new().await;
    let (first, second, page) = asked(&world).await;
    assert_eq!(world.post(&format!("{page}/sama"), &[("jawab", "bukan")]).await.leads_to(), format!("{page}?done=beda"));
    let triage = world.sign_in("triase").await;
    assert!(triage.get("/usulan").await.text.contains("Tidak ada usulan"));
    assert!(triage.get(&format!("/aduan/{}", second.id)).await.text.contains("Warga menyatakan bukan laporan yang sama"));
    assert!(together(&world, &first).await.is_empty());
    let step = incident::steps(&world.db, &[second.id], 1).await.expect("is read").remove(0);
    assert_eq!((step.kind, step.by), (StepKind::Different, Actor::Citizen));
}

#[tokio::test]
async fn what_staff_decided_is_not_asked_any_more_and_an_old_page_does_no_harm() {
    let world = World::new().await;
    let (first, second, page) = asked(&world).await;
    let triage = world.sign_in("triase").await;
    triage.post(&format!("/usulan/{}/{}", second.id, first.id), &[("what", "beda")]).await;
    assert!(!world.get(&page).await.text.contains("Apakah ini hal yang sama?"));
    let answer = world.post(&format!("{page}/sama"), &[("jawab", "ya")]).await;
    assert_eq!(answer.leads_to(), format!("{page}?done=putus"));
    assert!(world.get(answer.leads_to()).await.text.contains("sudah diputuskan lebih dulu"));
    assert!(together(&world, &first).await.is_empty());
}

#[tokio::test]
async fn opening_the_page_answers_nothing_and_nonsense_is_refused() {
    let world = World::new().await;
    let (first, second, page) = asked(&world).await;
    for path in [format!("{page}?done=sama"), format!("{page}?jawab=ya"), page.clone()] {
        assert_eq!(world.get(&path).await.status, StatusCode::OK);
    }
    assert_eq!(world.get(&format!("{page}/sama")).await.status, StatusCode::NOT_FOUND);
    for word in ["", "mungkin"] {
        assert_eq!(world.post(&format!("{page}/sama"), &[("jawab", word)]).await.status, StatusCode::BAD_REQUEST);
    }
    assert_eq!(world.post("/t/AAAAAAAAAAAAAAAAAAAAAA/sama", &[("jawab", "ya")]).await.status, StatusCode::NOT_FOUND);
    assert!(together(&world, &first).await.is_empty());
    let kinds: Vec<_> = store::complaint::history(&world.db, second.id).await.expect("is read").iter().map(|step| step.kind).collect();
    assert!(!kinds.contains(&UpdateKind::SaidSame));
}

#[tokio::test]
async fn a_confidential_complaint_is_never_asked_about_nor_asks() {
    let world = World::new().await;
    let secret = world.complain(Wish { visibility: Visibility::Secret, hours_ago: 30, ..Wish::default() }).await;
    let second = world.complain(Wish { tel: "081200000002", hours_ago: 1, ..Wish::default() }).await;
    ask(&world, &second, &secret).await;
    let page = format!("/t/{}", second.tracking.as_str());
    assert!(!world.get(&page).await.text.contains("Apakah ini hal yang sama?"));
    assert_eq!(world.post(&format!("{page}/sama"), &[("jawab", "ya")]).await.leads_to(), format!("{page}?done=putus"));
    assert!(together(&world, &secret).await.is_empty());
    let other = world.complain(Wish { tel: "081200000003", hours_ago: 1, ..Wish::default() }).await;
    ask(&world, &secret, &other).await;
    assert!(!world.get(&format!("/t/{}", secret.tracking.as_str())).await.text.contains("Apakah ini hal yang sama?"));
}

/// Three complaints that staff joined; the third one's page.
async fn joined(world: &World) -> ([Complaint; 3], String) {
    let (first, second, _) = asked(world).await;
    let third = world.complain(Wish { text: "Jalan bolong", tel: "081200000003", hours_ago: 0, ..Wish::default() }).await;
    suggest(world, &third, &first).await;
    let triage = world.sign_in("triase").await;
    for complaint in [&second, &third] {
        triage.post(&format!("/usulan/{}/{}", complaint.id, first.id), &[("what", "gabung")]).await;
    }
    let page = format!("/t/{}", third.tracking.as_str());
    ([first, second, third], page)
}

#[tokio::test]
async fn the_page_says_what_the_complaint_is_joined_with_and_tells_nothing_else_of_it() {
    let world = World::new().await;
    let ([first, second, _], page) = joined(&world).await;
    let shown = world.get(&page).await;
    for part in ["Dilaporkan juga oleh warga lain", "Kamis, 19 November 2026", "Dan 1 laporan lain.", "Laporan saya hal lain"] {
        assert!(shown.text.contains(part), "{part} in {}", shown.text);
    }
    for other in [&first, &second] {
        assert!(!shown.text.contains(&other.reference.to_string()) && !shown.text.contains(other.tracking.as_str()));
    }
    for secret in SECRETS {
        assert!(!shown.text.contains(secret), "{secret}");
    }
    assert!(!world.get(&format!("/t/{}", second.tracking.as_str())).await.text.contains("Apakah ini hal yang sama?"));
}

#[tokio::test]
async fn who_says_that_theirs_is_another_one_is_alone_and_staff_read_why_and_can_take_it_back() {
    let world = World::new().await;
    let ([first, second, third], page) = joined(&world).await;
    let unsaid = world.post(&format!("{page}/lain"), &[("reason", "  ")]).await;
    assert_eq!(unsaid.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unsaid.text.contains("Tuliskan apa bedanya.") && unsaid.text.contains("<details class=\"quiet\" open"));
    assert_eq!(together(&world, &first).await.len(), 3);
    let why = [("reason", "Punya saya di jalan belakang pasar.")];
    for _ in 0..2 {
        assert_eq!(world.post(&format!("{page}/lain"), &why).await.leads_to(), format!("{page}?done=lain"));
    }
    assert_eq!(together(&world, &first).await.len(), 2);
    assert!(together(&world, &third).await.is_empty());
    let shown = world.get(&format!("{page}?done=lain")).await;
    assert!(shown.text.contains("sudah dipisahkan") && shown.text.contains("Anda menyatakan laporan Anda hal lain"));
    assert!(!shown.text.contains("belakang pasar") && !shown.text.contains("Dilaporkan juga"), "the citizen's own words stay out");
    let kinds: Vec<_> = store::complaint::history(&world.db, third.id).await.expect("is read").iter().map(|step| step.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == UpdateKind::Left).count(), 1);

    let triage = world.sign_in("triase").await;
    let staff = triage.get(&format!("/aduan/{}", third.id)).await;
    assert!(staff.text.contains("memisahkan laporannya") && staff.text.contains("Punya saya di jalan belakang pasar."));
    let step = incident::steps(&world.db, &[third.id], 1).await.expect("is read").remove(0);
    assert_eq!((step.kind, step.by), (StepKind::Split, Actor::Citizen));
    assert!(triage.post(&format!("/langkah/{}/batal", step.id), &[]).await.leads_to().contains("done=batal"));
    assert_eq!(together(&world, &third).await.len(), 3);
    assert_eq!(together(&world, &second).await.len(), 3);
}

#[tokio::test]
async fn who_leaves_an_incident_of_two_leaves_none_and_nobody_leaves_by_opening_a_link() {
    let world = World::new().await;
    let (first, second, page) = asked(&world).await;
    world.post(&format!("{page}/sama"), &[("jawab", "ya")]).await;
    assert_eq!(world.get(&format!("{page}/lain")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(together(&world, &second).await.len(), 2);
    world.post(&format!("{page}/lain"), &[("reason", "Salah tekan, ini jalan lain.")]).await;
    assert!(together(&world, &first).await.is_empty() && together(&world, &second).await.is_empty());
    assert!(!world.get(&page).await.text.contains("Apakah ini hal yang sama?"), "nobody is asked twice");
    let alone = world.complain(Wish { tel: "081200000004", ..Wish::default() }).await;
    let alone = format!("/t/{}", alone.tracking.as_str());
    assert_eq!(world.post(&format!("{alone}/lain"), &[("reason", "x")]).await.leads_to(), format!("{alone}?done=lain"));
}

#[tokio::test]
async fn a_code_to_go_on_elsewhere_is_shown_once_and_only_its_hash_is_kept() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let page = format!("/t/{}", complaint.tracking.as_str());
    assert!(world.get(&page).await.text.contains("Lanjutkan di saluran lain"));
    assert_eq!(world.get(&format!("{page}/sambung")).await.status, StatusCode::NOT_FOUND);
    let mut made = Vec::new();
    for _ in 0..2 {
        let answer = world.post(&format!("{page}/sambung"), &[]).await;
        assert_eq!((answer.status, answer.headers["cache-control"].to_str().ok()), (StatusCode::OK, Some("no-store")));
        let line = answer.text.lines().find(|line| line.contains("SAMBUNG ")).expect("a code");
        let typed = line.split("SAMBUNG ").nth(1).and_then(|rest| rest.split('<').next()).expect("a code");
        made.push(model::connect::Code::find_in(&format!("sambung {typed}")).expect("is read as it is shown"));
        assert!(answer.text.contains("Pesan singkat 0811-1234-567") && !answer.text.contains("Loket Kelurahan"));
    }
    assert!(!world.get(&page).await.text.contains("SAMBUNG "), "never again");
    let mut tx = store::begin(&world.db).await.expect("begins");
    let now = world.now();
    assert_eq!(store::connect::open(&mut tx, &made[0], now).await.expect("is read"), None, "a new one takes its place");
    assert_eq!(store::connect::open(&mut tx, &made[1], now).await.expect("is read"), Some(complaint.id));
    assert_eq!(store::connect::open(&mut tx, &made[1], now + model::connect::HOLDS).await.expect("is read"), None);
    drop(tx);
    let secret = world.complain(Wish { visibility: Visibility::Secret, tel: "081200000009", ..Wish::default() }).await;
    let secret = format!("/t/{}", secret.tracking.as_str());
    assert!(!world.get(&secret).await.text.contains("Lanjutkan di saluran lain"));
    assert_eq!(world.post(&format!("{secret}/sambung"), &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn codes_are_not_made_by_the_dozen() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let page = format!("/t/{}/sambung", complaint.tracking.as_str());
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(world.post(&page, &[]).await.status);
    }
    assert_eq!((answers[0], answers[11]), (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS));
}
