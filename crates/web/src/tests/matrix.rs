//! Who sees what: every role on every page, and nobody what is another agency's.

use axum::http::{StatusCode, header};
use model::{Role, Visibility};

use super::{LOGINS, Wish, World};

const OK: u16 = 200;
const NOT_FOUND: u16 = 404;
const NOT_FOR_YOU: u16 = 403;
const SIGN_IN: u16 = 303;

#[tokio::test]
async fn every_role_gets_its_own_pages_and_no_others() {
    let world = World::new().await;
    let roads = world.complain(Wish { photos: 1, ..Wish::default() }).await;
    let entered = world.complain(Wish { account: "kel-melati", category: None, ..Wish::default() }).await;
    let photo = world.photo_of(roads.id).await;
    let (roads, entered, photo) = (format!("/aduan/{}", roads.id), format!("/aduan/{}", entered.id), format!("/berkas/{photo}"));
    // jalan, jalan.penyelia, taman, triase, loket, admin, nobody
    let table: [(&str, [u16; 7]); 24] = [
        ("/antrean", [OK, OK, OK, OK, NOT_FOR_YOU, OK, SIGN_IN]),
        ("/usulan", [OK, OK, OK, OK, NOT_FOR_YOU, OK, SIGN_IN]),
        ("/tak-sampai", [OK, OK, OK, OK, NOT_FOR_YOU, OK, SIGN_IN]),
        ("/loket", [NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, OK, NOT_FOR_YOU, SIGN_IN]),
        ("/pos", [NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, OK, OK, OK, SIGN_IN]),
        (&roads, [OK, OK, NOT_FOUND, OK, NOT_FOUND, OK, SIGN_IN]),
        (&photo, [OK, OK, NOT_FOUND, OK, NOT_FOUND, OK, SIGN_IN]),
        (&entered, [NOT_FOUND, NOT_FOUND, NOT_FOUND, OK, OK, OK, SIGN_IN]),
        ("/sandi", [OK, OK, OK, OK, OK, OK, SIGN_IN]),
        ("/faktor", [OK, OK, OK, OK, OK, OK, SIGN_IN]),
        ("/peta.json", [OK, OK, OK, OK, OK, OK, SIGN_IN]),
        ("/aturan", [NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, OK, NOT_FOR_YOU, OK, SIGN_IN]),
        ("/templat", [NOT_FOR_YOU, OK, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, OK, SIGN_IN]),
        ("/pengurus", [NOT_FOR_YOU, OK, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, SIGN_IN]),
        ("/admin", [NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, OK, SIGN_IN]),
        ("/admin/terparkir", [NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, OK, SIGN_IN]),
        ("/impor", [NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, OK, OK, OK, SIGN_IN]),
        ("/admin/neraca", [NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, OK, SIGN_IN]),
        ("/admin/kabar", [NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, OK, SIGN_IN]),
        ("/admin/petugas", [NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, OK, SIGN_IN]),
        ("/admin/eskalasi", [NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, OK, SIGN_IN]),
        ("/admin/direktori", [NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, OK, SIGN_IN]),
        ("/admin/catatan", [NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, NOT_FOR_YOU, OK, SIGN_IN]),
        ("/", [OK; 7]),
    ];
    for (place, (login, _)) in LOGINS.into_iter().enumerate() {
        let visitor = world.sign_in(login).await;
        for (page, expected) in &table {
            assert_eq!(visitor.get(page).await.status.as_u16(), expected[place], "{login} on {page}");
        }
    }
    for (page, expected) in &table {
        assert_eq!(world.get(page).await.status.as_u16(), expected[6], "nobody on {page}");
    }
}

#[tokio::test]
async fn nobody_acts_on_a_complaint_that_is_not_theirs_to_see() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let stranger = world.sign_in("taman").await;
    for action in [
        "ambil",
        "tanya",
        "jawab",
        "catat",
        "alihkan",
        "arahkan",
        "tetapkan",
        "koordinasi",
        "bagi",
        "pimpin",
        "disposisi",
        "tarik",
        "lokasi",
        "buka-lagi",
        "selesai",
        "blokir",
        "buka-blokir",
        "gabung",
        "pisah",
    ] {
        let page = format!("/aduan/{}/{action}", complaint.id);
        let parks = world.agency("tamhut").to_string();
        let answer = stranger.post(&page, &[("text", "x"), ("agency", &parks), ("to_referee", "ya")]).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{action}");
    }
    assert_eq!(world.complaint(complaint.id).await, complaint, "nothing changed");
}

#[tokio::test]
async fn a_clerk_may_look_at_what_their_office_entered_and_do_nothing_with_it() {
    let world = World::new().await;
    let own = world.complain(Wish { account: "kel-melati", text: "Dicatat di loket sendiri", ..Wish::default() }).await;
    world.complain(Wish { account: "kel-kenanga", text: "Dicatat di loket lain", ..Wish::default() }).await;
    let clerk = world.sign_in("loket").await;
    let list = clerk.get("/loket").await;
    assert!(list.text.contains("Dicatat di loket sendiri") && !list.text.contains("loket lain"), "{}", list.text);
    let page = clerk.get(&format!("/aduan/{}", own.id)).await;
    assert!(!page.text.contains(&format!("action=\"/aduan/{}", own.id)), "no form is offered");
    let answer = clerk.post(&format!("/aduan/{}/jawab", own.id), &[("text", "x")]).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(world.complaint(own.id).await, own);
}

#[tokio::test]
async fn a_secret_hides_from_the_agency_who_wrote() {
    let world = World::new().await;
    let secret = world.complain(Wish { visibility: Visibility::Secret, ..Wish::default() }).await;
    let open = world.complain(Wish { tel: "081200000002", name: Some("Budi Contoh"), ..Wish::default() }).await;
    for (login, role) in LOGINS.into_iter().filter(|(_, role)| *role != Role::Clerk) {
        let visitor = world.sign_in(login).await;
        let page = visitor.get(&format!("/aduan/{}", secret.id)).await;
        let knows = page.text.contains("Sari") || page.text.contains("81200000001");
        assert!(!knows, "{login}, {role}: who routes has to say why first");
        if page.status == StatusCode::OK {
            let other = visitor.get(&format!("/aduan/{}", open.id)).await;
            assert!(other.text.contains("Budi Contoh") && other.text.contains("81200000002"), "{login}");
        }
    }
}

#[tokio::test]
async fn lists_hold_only_what_is_in_the_scope_however_they_are_asked() {
    let world = World::new().await;
    world.complain(Wish { text: "Jalan berlubang", ..Wish::default() }).await;
    let tree = world.complain(Wish { text: "Pohon tumbang", category: Some("tree"), ..Wish::default() }).await;
    world.complain(Wish { text: "Belum ada dinasnya", category: None, ..Wish::default() }).await;
    let officer = world.sign_in("jalan").await;
    let parks = world.agency("tamhut");
    for view in ["mine", "open", "unassigned", "today", "overdue", "escalated", "waiting", "triage", "done", "nonsense"] {
        for filter in [String::new(), format!("&agency={parks}"), "&category=tree".to_owned()] {
            let page = officer.get(&format!("/antrean?view={view}{filter}")).await;
            assert!(!page.text.contains("Pohon tumbang") && !page.text.contains("Belum ada dinasnya"), "{view}{filter}");
        }
    }
    assert!(officer.get("/antrean").await.text.contains("Jalan berlubang"));
    let by_number = officer.get(&format!("/antrean?number={}", tree.reference)).await;
    assert_eq!(by_number.status, StatusCode::OK, "a number of another agency leads nowhere");
    let triage = world.sign_in("triase").await;
    let page = triage.get("/antrean").await;
    assert!(page.text.contains("Belum ada dinasnya") && !page.text.contains("Jalan berlubang"), "triage begins with triage");
    assert_eq!(triage.get(&format!("/antrean?number={}", tree.reference)).await.leads_to(), format!("/aduan/{}", tree.id));
}

#[tokio::test]
async fn a_list_is_read_page_by_page_without_missing_or_repeating_a_line() {
    let world = World::new().await;
    let mut expected = Vec::new();
    for n in 0..60 {
        let complaint = world.complain(Wish { hours_ago: n, tel: &format!("0812000{n:05}"), ..Wish::default() }).await;
        expected.push(complaint.reference.to_string());
    }
    let officer = world.sign_in("jalan").await;
    let (mut seen, mut next) = (Vec::new(), "/antrean".to_owned());
    for _ in 0..10 {
        let page = officer.get(&next).await;
        assert!(page.words().contains("60 laporan"), "the count is exact on every page");
        let lines = page.text.split("class=\"number\" href=\"").skip(1);
        seen.extend(lines.filter_map(|line| line.split('>').nth(1)?.split('<').next().map(str::to_owned)));
        let Some(link) = page.text.split("href=\"").find(|part| part.contains("rel=\"next\"")) else { break };
        next = link.split('"').next().expect("an address").replace("&#38;", "&");
    }
    assert_eq!(seen.len(), 60);
    seen.sort();
    expected.sort();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn opening_pages_changes_nothing() {
    let world = World::new().await;
    let complaint = world.complain(Wish { photos: 1, ..Wish::default() }).await;
    let code = complaint.tracking.as_str().to_owned();
    let photo = world.photo_of(complaint.id).await;
    let admin = world.sign_in("admin").await;
    let before = (world.complaint(complaint.id).await, store::audit::list(&world.db, None, 50).await.expect("a database").len());
    let id = complaint.id;
    for page in [
        "/".to_owned(),
        format!("/cek?number={}", complaint.reference),
        format!("/t/{code}"),
        format!("/t/{code}?done=belum"),
        format!("/t/{code}/foto/{photo}"),
        format!("/aduan/{id}"),
        format!("/berkas/{photo}"),
        "/antrean?view=open".to_owned(),
        "/aturan".to_owned(),
        "/admin".to_owned(),
        "/admin/terparkir".to_owned(),
        "/admin/petugas".to_owned(),
        "/admin/direktori".to_owned(),
        "/admin/eskalasi".to_owned(),
        "/admin/catatan".to_owned(),
    ] {
        assert_eq!(admin.get(&page).await.status, StatusCode::OK, "{page}");
    }
    // What only a post does is no page.
    for page in [
        format!("/t/{code}/belum-selesai"),
        format!("/t/{code}/pesan"),
        format!("/t/{code}/sama"),
        format!("/aduan/{id}/ambil"),
        "/keluar".to_owned(),
    ] {
        assert_eq!(admin.get(&page).await.status, StatusCode::NOT_FOUND, "{page}");
    }
    let after = (world.complaint(complaint.id).await, store::audit::list(&world.db, None, 50).await.expect("a database").len());
    assert_eq!(before, after);
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_others_out() {
    let world = World::new().await;
    let complaint = world.complain(Wish { photos: 1, ..Wish::default() }).await;
    let photo = world.photo_of(complaint.id).await;
    let code = complaint.tracking.as_str();
    for page in ["/".to_owned(), "/nowhere".to_owned(), format!("/t/{code}"), format!("/t/{code}/foto/{photo}"), "/masuk".to_owned()] {
        let answer = world.get(&page).await;
        let value = |name: &str| answer.headers.get(name).map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default();
        assert!(value("content-security-policy").contains("default-src 'none'"), "{page}");
        assert!(!value("content-security-policy").contains("unsafe"), "{page}");
        assert_eq!(value("referrer-policy"), "no-referrer", "{page}");
        assert_eq!(value("x-content-type-options"), "nosniff", "{page}");
        assert!(!value("cache-control").contains("public"), "{page}");
    }
    let tracking = world.get(&format!("/t/{code}")).await;
    assert!(tracking.text.contains("noindex") && tracking.text.contains("no-referrer"));
    assert!(!tracking.headers.contains_key(header::SET_COOKIE));
    assert!(!world.get("/").await.text.contains("noindex"), "the first page may be found");
}
