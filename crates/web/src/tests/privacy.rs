//! The five grades of privacy: every grade for every person on every page; asking who wrote; changing a grade; what is confidential and the agency
//! it is about.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use model::{Action, Complaint, Language, Role, Visibility};
use store::{
    access::Scope,
    queue::{Asked, Filter, Start, Times, View},
    search::{Sought, Word},
    staff::NewStaff,
};

use super::{NOW, PASSWORD, Visitor, Wish, World};

/// What a person sees of a complaint: nothing; its words; its words, and who wrote on request; all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sees {
    Nothing,
    Words,
    OnRequest,
    All,
}

use Sees::{All, Nothing, OnRequest, Words};

/// Everybody, with their role. Officers of the agency that has the complaints, of another, and of the inspectorate; named and not.
const PEOPLE: [(&str, Role); 9] = [
    ("jalan", Role::Officer),
    ("jalan.penyelia", Role::Supervisor),
    ("taman", Role::Officer),
    ("inspektur", Role::Officer),
    ("inspektur.lain", Role::Officer),
    ("triase", Role::Triage),
    ("triase.khusus", Role::Triage),
    ("loket", Role::Clerk),
    ("admin", Role::Admin),
];

/// Grade by person, in the order of [`PEOPLE`]. The clerk's office took all of them in.
const MATRIX: [(Visibility, [Sees; 9]); 5] = [
    (Visibility::Public, [All, All, Nothing, Nothing, Nothing, All, All, All, All]),
    (Visibility::Hidden, [All, All, Nothing, Nothing, Nothing, All, All, All, All]),
    (Visibility::Secret, [Words, Words, Nothing, Nothing, Nothing, OnRequest, OnRequest, Words, OnRequest]),
    (Visibility::Confidential, [Nothing, Nothing, Nothing, OnRequest, Nothing, Nothing, OnRequest, Nothing, Nothing]),
    (Visibility::Sealed, [Nothing, Nothing, Nothing, Words, Nothing, Nothing, Words, Nothing, Nothing]),
];

/// How a route is tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Try {
    /// Shows one complaint, or its file.
    Shows,
    /// Stays open as long as somebody looks: only who sees nothing gets an answer at once.
    Stays,
    /// Does something with one complaint, or with it and another.
    Acts,
    /// Shows what is of several complaints, or of none: nobody finds a word of what they do not see.
    Lists,
    /// Asks for nothing of a complaint and is tried elsewhere: signing in, a citizen's own page, an act on something else.
    Else,
}

/// Every route of the router. One that is missing here fails the test below.
const ROUTES: &[(&str, Try)] = &[
    ("/", Try::Lists),
    ("/cek", Try::Lists),
    ("/t/{code}", Try::Else),
    ("/t/{code}/foto/{id}", Try::Else),
    ("/t/{code}/pesan", Try::Else),
    ("/t/{code}/sama", Try::Else),
    ("/t/{code}/lain", Try::Else),
    ("/t/{code}/data", Try::Else),
    ("/t/{code}/sambung", Try::Else),
    ("/t/{code}/tingkat", Try::Else),
    ("/t/{code}/belum-selesai", Try::Else),
    ("/t/{code}/live", Try::Else),
    ("/masuk", Try::Else),
    ("/masuk/kode", Try::Else),
    ("/masuk/kunci", Try::Else),
    ("/masuk/kunci/selesai", Try::Else),
    ("/masuk/lain", Try::Else),
    ("/masuk/kembali", Try::Else),
    ("/akun-lain", Try::Else),
    ("/akun-lain/lepas", Try::Else),
    ("/undangan/{token}", Try::Else),
    ("/faktor", Try::Else),
    ("/faktor/mulai", Try::Else),
    ("/faktor/kode", Try::Else),
    ("/faktor/lepas", Try::Else),
    ("/faktor/kunci", Try::Else),
    ("/faktor/kunci/selesai", Try::Else),
    ("/faktor/kunci/{id}", Try::Else),
    ("/faktor/kunci/{id}/hapus", Try::Else),
    ("/keluar", Try::Else),
    ("/sandi", Try::Else),
    ("/telepon", Try::Else),
    ("/antrean", Try::Lists),
    ("/antrean/cari", Try::Lists),
    ("/antrean/simpan", Try::Else),
    ("/antrean/simpan/{id}/hapus", Try::Else),
    ("/antrean/live", Try::Else),
    // Tried beside its own tests: each line is asked for by itself.
    ("/antrean/sekaligus", Try::Else),
    ("/templat", Try::Lists),
    ("/templat/{id}", Try::Else),
    ("/templat/{id}/hapus", Try::Else),
    ("/aduan/{id}", Try::Shows),
    ("/aduan/{id}/live", Try::Stays),
    ("/aduan/{id}/ambil", Try::Acts),
    ("/aduan/{id}/tanya", Try::Acts),
    ("/aduan/{id}/jawab", Try::Acts),
    ("/aduan/{id}/catat", Try::Acts),
    ("/aduan/{id}/alihkan", Try::Acts),
    ("/aduan/{id}/arahkan", Try::Acts),
    ("/aduan/{id}/tetapkan", Try::Acts),
    ("/aduan/{id}/buka-lagi", Try::Acts),
    ("/aduan/{id}/selesai", Try::Acts),
    ("/aduan/{id}/lepas", Try::Acts),
    ("/aduan/{id}/tolak", Try::Acts),
    ("/aduan/{id}/blokir", Try::Acts),
    ("/aduan/{id}/buka-blokir", Try::Acts),
    ("/aduan/{id}/tingkat", Try::Acts),
    ("/aduan/{id}/pelapor", Try::Acts),
    ("/aduan/{id}/koordinasi", Try::Acts),
    ("/aduan/{id}/bagi", Try::Acts),
    ("/aduan/{id}/pimpin", Try::Acts),
    ("/aduan/{id}/disposisi", Try::Acts),
    ("/aduan/{id}/tarik", Try::Acts),
    ("/aduan/{id}/lokasi", Try::Acts),
    ("/aduan/{id}/titip", Try::Acts),
    // Of a task, which no secret complaint has: `tasks` tries them, and the body's own page.
    ("/aduan/{id}/tugas/{task}/tautan", Try::Else),
    ("/aduan/{id}/tugas/{task}/tarik", Try::Else),
    ("/pengurus", Try::Lists),
    ("/pengurus/{id}/hapus", Try::Else),
    ("/tugas/{code}", Try::Else),
    ("/tugas/{code}/foto/{id}", Try::Else),
    ("/aduan/{id}/draf", Try::Acts),
    ("/aduan/{id}/hadir", Try::Acts),
    ("/aduan/{id}/batal", Try::Acts),
    // Answers a question that was asked.
    ("/aduan/{id}/saran", Try::Else),
    // They keep clerks out before they look.
    ("/aduan/{id}/pisah", Try::Else),
    ("/aduan/{id}/gabung", Try::Else),
    ("/usulan", Try::Lists),
    ("/usulan/{complaint}/{other}", Try::Else),
    ("/tak-sampai", Try::Lists),
    ("/meja", Try::Lists),
    // Without a measure it is not there; `head` asks for each.
    ("/meja/daftar", Try::Lists),
    ("/meja/laporan", Try::Lists),
    ("/meja/laporan/unduh", Try::Else),
    ("/meja/unduh", Try::Else),
    ("/meja/periksa", Try::Lists),
    ("/meja/periksa/{dispatch}", Try::Else),
    ("/tak-sampai/{complaint}", Try::Else),
    ("/langkah/{id}/batal", Try::Else),
    ("/kejadian/{id}", Try::Else),
    ("/kejadian/{id}/tindakan", Try::Else),
    ("/kejadian/{id}/buka", Try::Else),
    ("/berkas/{id}", Try::Shows),
    ("/loket", Try::Lists),
    ("/pos", Try::Lists),
    ("/impor", Try::Lists),
    ("/peta.json", Try::Lists),
    ("/aturan", Try::Lists),
    ("/aturan/versi/{number}", Try::Else),
    ("/aturan/versi/{number}/kembali", Try::Else),
    ("/aturan/draf", Try::Lists),
    ("/aturan/draf/baris", Try::Else),
    ("/aturan/draf/baris/{id}/hapus", Try::Else),
    ("/aturan/draf/buang", Try::Else),
    ("/aturan/coba", Try::Lists),
    ("/aturan/terbitkan", Try::Else),
    ("/admin", Try::Lists),
    ("/admin/kanal/jeda", Try::Else),
    ("/admin/kanal/lanjut", Try::Else),
    ("/admin/terparkir", Try::Lists),
    ("/admin/terparkir/{id}", Try::Else),
    ("/admin/terparkir/{id}/isi", Try::Else),
    ("/admin/terparkir/{id}/ulangi", Try::Else),
    ("/admin/terparkir/{id}/buang", Try::Else),
    ("/admin/eskalasi", Try::Lists),
    ("/admin/eskalasi/jabatan", Try::Else),
    ("/admin/eskalasi/jabatan/{id}/akhiri", Try::Else),
    ("/admin/eskalasi/surel", Try::Else),
    ("/admin/eskalasi/telepon", Try::Else),
    ("/admin/eskalasi/{id}/akhiri", Try::Else),
    ("/admin/petugas", Try::Lists),
    ("/admin/petugas/{id}/aktif", Try::Else),
    ("/admin/petugas/{id}/tutup", Try::Else),
    ("/admin/petugas/{id}/faktor", Try::Else),
    ("/admin/petugas/{id}/rahasia", Try::Else),
    ("/admin/petugas/{id}/sandi", Try::Else),
    ("/admin/direktori", Try::Lists),
    ("/permintaan-data", Try::Lists),
    ("/permintaan-data/{id}", Try::Else),
    ("/admin/neraca", Try::Lists),
    ("/admin/kabar", Try::Lists),
    ("/admin/catatan", Try::Lists),
    ("/admin/catatan/periksa", Try::Else),
    ("/health", Try::Else),
];

/// A complaint of a grade, and what nobody may find of it who does not see it.
struct Graded {
    complaint: Complaint,
    grade: Visibility,
    marker: String,
    name: String,
    digits: String,
}

/// The city with its inspectorate at work, and one complaint of every grade about the roads agency.
async fn graded(world: &World) -> Vec<Graded> {
    inspect(world).await;
    let mut all = Vec::new();
    for (n, grade) in Visibility::ALL.into_iter().enumerate() {
        let (marker, name, digits) = (format!("kata{}nya", grade.as_str()), format!("Nama{}", grade.as_str()), format!("8120000077{n}"));
        let (tel, text) = (format!("0{digits}"), format!("Jalan berlubang {marker}"));
        let (name_of, contact) = (Some(name.as_str()), Some(tel.as_str()));
        let wish =
            Wish { text: &text, name: name_of, tel: &tel, contact, visibility: grade, account: "kel-melati", photos: 1, ..Wish::default() };
        let complaint = world.complain(wish).await;
        assert_eq!(complaint.visibility, grade);
        all.push(Graded { complaint, grade, marker, name, digits });
    }
    all
}

/// Makes the inspectorate one, and names two people.
async fn inspect(world: &World) {
    let agency = world.agency("insp");
    let hash = store::staff::hash_password(PASSWORD);
    let mut tx = store::begin(&world.db).await.expect("a database");
    assert!(store::directory::set_inspectorate(&mut tx, "insp", true).await.expect("a database"));
    for (login, role, agency, named) in [
        ("inspektur", Role::Officer, Some(agency), true),
        ("inspektur.lain", Role::Officer, Some(agency), false),
        ("triase.khusus", Role::Triage, None, true),
    ] {
        let new = NewStaff { login: login.into(), name: login.into(), role, agency, office: None, language: Language::Id };
        let id = store::staff::create(&mut tx, &new, &hash, NOW).await.expect("a database").expect("a new login");
        if named {
            assert!(store::staff::set_named(&mut tx, id, true).await.expect("a database"));
        }
    }
    store::commit(tx).await.expect("a database");
    world.rooms.refresh().await.expect("a directory");
}

fn sees(grade: Visibility, person: usize) -> Sees {
    MATRIX.iter().find(|(row, _)| *row == grade).expect("every grade has a row").1[person]
}

/// The routes as the router writes them down.
fn routes() -> BTreeSet<String> {
    let code = include_str!("../lib.rs");
    let written = code.split(".route(").skip(1).map(|rest| rest.split([',', ')']).next().expect("an address").trim());
    written
        .map(|address| match address {
            "model::desk::SEARCH" | "model::desk::UNDELIVERED" => address.to_owned(),
            quoted => quoted.trim_matches('"').to_owned(),
        })
        .collect()
}

#[test]
fn every_route_role_and_grade_is_in_the_matrix() {
    let known: BTreeSet<String> = ROUTES.iter().map(|(route, _)| (*route).to_owned()).collect();
    // Asked with a clerk's token, by the desk: `desk` tries them.
    let by_token = ["model::desk::SEARCH".to_owned(), "model::desk::UNDELIVERED".to_owned()];
    let written: BTreeSet<String> = routes().into_iter().filter(|route| !by_token.contains(route)).collect();
    assert!(written.len() > 60, "the router is read: {}", written.len());
    assert_eq!(written, known, "say in ROUTES how a new page is tried");
    for role in Role::ALL {
        assert!(PEOPLE.iter().any(|(_, one)| *one == role), "nobody is {role}");
    }
    assert_eq!(MATRIX.map(|(grade, _)| grade), Visibility::ALL);
}

#[tokio::test]
async fn every_grade_is_seen_by_whom_it_may_be_on_every_page_and_by_nobody_else() {
    let world = World::new().await;
    let graded = graded(&world).await;
    for (person, (login, _)) in PEOPLE.into_iter().enumerate() {
        let visitor = world.sign_in(login).await;
        for one in &graded {
            let seen = sees(one.grade, person);
            let photo = world.photo_of(one.complaint.id).await;
            for (route, _) in ROUTES.iter().filter(|(_, how)| *how == Try::Shows) {
                let id = if route.starts_with("/berkas") { photo.to_string() } else { one.complaint.id.to_string() };
                let page = visitor.get(&route.replace("{id}", &id)).await;
                let expected = if seen == Nothing { StatusCode::NOT_FOUND } else { StatusCode::OK };
                assert_eq!(page.status, expected, "{login} on {route} of a {} one", one.grade.as_str());
                if *route == "/aduan/{id}" {
                    let cell = format!("{login} on the page of a {} one", one.grade.as_str());
                    assert_eq!(page.text.contains(&one.marker), seen != Nothing, "{cell}: words");
                    assert_eq!(page.text.contains(&one.name), seen == All, "{cell}: name");
                    assert_eq!(page.text.contains(&one.digits), seen == All, "{cell}: number");
                    assert_eq!(page.text.contains("/pelapor\""), seen == OnRequest, "{cell}: may ask");
                }
            }
            if seen == Nothing {
                let page = visitor.get(&format!("/aduan/{}/live", one.complaint.id)).await;
                assert_eq!(page.status, StatusCode::NOT_FOUND, "{login} listens to a {} one", one.grade.as_str());
            }
            for (route, _) in ROUTES.iter().filter(|(_, how)| *how == Try::Acts) {
                // Of an earlier version: nothing that is allowed is done either.
                let fields = [("version", "0"), ("grade", "public"), ("days", "1")];
                let answer = visitor.post(&route.replace("{id}", &one.complaint.id.to_string()), &fields).await;
                let cell = format!("{login} on {route} of a {} one: {}", one.grade.as_str(), answer.status);
                assert_eq!(answer.status == StatusCode::NOT_FOUND, seen == Nothing, "{cell}");
                assert!(answer.status == StatusCode::NOT_FOUND || answer.status.is_client_error(), "{cell}");
            }
        }
        lists(&visitor, login, person, &graded).await;
    }
    for one in &graded {
        assert_eq!(world.complaint(one.complaint.id).await, one.complaint, "nothing changed");
    }
}

/// What a person finds in everything that shows many: no word, name or number of what they do not see.
async fn lists(visitor: &Visitor<'_>, login: &str, person: usize, graded: &[Graded]) {
    let mut pages = Vec::new();
    for (route, _) in ROUTES.iter().filter(|(route, how)| *how == Try::Lists && *route != "/antrean/cari") {
        pages.push(((*route).to_owned(), visitor.get(route).await));
    }
    for view in ["mine", "open", "unassigned", "today", "overdue", "waiting", "triage", "referee", "asked", "near", "escalated", "done"] {
        for narrowed in ["", "&visibility=confidential", "&visibility=sealed", "&category=road", "&cari=berlubang"] {
            let address = format!("/antrean?view={view}{narrowed}");
            pages.push((address.clone(), visitor.get(&address).await));
        }
    }
    for one in graded {
        for typed in [one.marker.clone(), one.name.clone(), format!("0{}", one.digits), one.complaint.reference.to_string()] {
            // What they typed stands in the page: of this one only its number leads anywhere.
            let answer = visitor.post("/antrean/cari", &[("cari", &typed)]).await;
            // Words and numbers lead to an address; names and contacts are answered where they were typed.
            let page = if answer.status == StatusCode::SEE_OTHER { visitor.get(answer.leads_to()).await } else { answer };
            let own = one.complaint.id.to_string();
            let led = page.headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default();
            let found = page.text.contains(&own) || led.contains(&own);
            let by_who = typed == one.name || typed.starts_with("08");
            let may = sees(one.grade, person);
            let expected = login != "loket" && if by_who { may == All } else { may != Nothing };
            assert_eq!(found, expected, "{login} looks for {typed}");
        }
    }
    for (address, page) in &pages {
        for one in graded {
            let cell = format!("{login} on {address}, a {} one", one.grade.as_str());
            let seen = sees(one.grade, person);
            if seen == Nothing {
                assert!(!page.text.contains(&one.marker), "{cell}: words");
                assert!(!page.text.contains(&one.complaint.id.to_string()), "{cell}: its page");
            }
            if seen != All {
                assert!(!page.text.contains(&one.name) && !page.text.contains(&one.digits), "{cell}: who wrote");
            }
        }
    }
    let open = pages.iter().find(|(address, _)| address == "/antrean?view=open").expect("the open list");
    let theirs = (0..5).filter(|n| sees(graded[*n].grade, person) != Nothing).count();
    if login != "loket" {
        assert_eq!(graded.iter().filter(|one| open.1.text.contains(&one.marker)).count(), theirs, "{login} has a list of theirs");
    }
}

#[tokio::test]
async fn every_count_list_and_search_of_the_store_leaves_out_what_is_confidential() {
    let world = World::new().await;
    let graded = graded(&world).await;
    let admin = store::staff::by_login(&world.db, "admin").await.expect("a database").expect("an account").0;
    let times = Times { now: NOW, tonight: NOW };
    let filter = Filter::default();
    for (login, _) in PEOPLE {
        let staff = store::staff::by_login(&world.db, login).await.expect("a database").expect("an account").0;
        let person = PEOPLE.iter().position(|(one, _)| *one == login).expect("is listed");
        let theirs = graded.iter().filter(|one| sees(one.grade, person) != Nothing).count();
        let scope = Scope::of(&staff);
        let counts = store::queue::counts(&world.db, &scope, staff.id, &filter, times).await.expect("counted");
        assert_eq!((counts.open, counts.unassigned), (theirs as u64, theirs as u64), "{login}");
        for view in View::ALL {
            let asked = Asked { me: staff.id, view, filter: &filter, from: Start::Top, most: 50 };
            let lines = store::queue::rows(&world.db, &scope, &asked, times).await.expect("a list").rows;
            assert_eq!(lines.len() as u64, counts.of(view), "{login}, {view:?}");
        }
        assert_eq!(store::queue::entries(&world.db, &scope, None, 50).await.expect("a list").len(), theirs, "{login}");
        let sought = Sought { words: vec![Word { typed: "berlubang".into(), ..Word::default() }], ..Sought::default() };
        let hits = store::search::find(&world.db, &scope, &sought, &filter, Start::Top, 50, NOW).await.expect("is found");
        assert_eq!(hits.total, theirs, "{login}");
        for one in &graded {
            let found = store::queue::by_reference(&world.db, &scope, &one.complaint.reference).await.expect("a database");
            assert_eq!(found.is_some(), sees(one.grade, person) != Nothing, "{login}, {}", one.grade.as_str());
        }
    }
    // What is done is counted in sums of its own.
    for login in ["jalan", "inspektur"] {
        for one in &graded {
            let holder = if one.grade.is_confidential() { "inspektur" } else { "jalan" };
            if holder == login {
                world.act(login, one.complaint.id, Action::Resolve { text: "x".into(), photo: None }).await;
            }
        }
    }
    let done =
        async |scope: &Scope| store::queue::counts(&world.db, scope, admin.id, &Filter::default(), times).await.expect("counted").done;
    assert_eq!(done(&Scope::Everything).await, 3);
    assert_eq!(done(&Scope::Agency(world.agency("insp"))).await, 0);
    assert_eq!(done(&Scope::Confided(None)).await, 5);
    assert_eq!(store::queue::disagreements(&world.db).await.expect("is read"), 0);
    assert_eq!(store::queue::suggestions(&world.db, &Scope::Everything).await.expect("counted"), 0);
}

#[tokio::test]
async fn who_wrote_is_shown_after_a_reason_for_a_quarter_of_an_hour_and_it_is_written_down() {
    let world = World::new().await;
    let graded = graded(&world).await;
    let entries = async || store::audit::list(&world.db, None, 50).await.expect("a database");
    let before = entries().await.len();
    for (person, (login, _)) in PEOPLE.into_iter().enumerate() {
        let visitor = world.sign_in(login).await;
        for one in &graded {
            let page = format!("/aduan/{}", one.complaint.id);
            let answer = visitor.post(&format!("{page}/pelapor"), &[("text", "")]).await;
            assert_ne!(answer.status, StatusCode::SEE_OTHER, "{login}: without a reason");
            let answer = visitor.post(&format!("{page}/pelapor"), &[("text", "Pelapor minta dihubungi")]).await;
            let asked = sees(one.grade, person) == OnRequest;
            assert_eq!(answer.status == StatusCode::SEE_OTHER, asked, "{login}, {}", one.grade.as_str());
            if asked {
                let shown = visitor.get(&page).await;
                assert!(shown.text.contains(&one.name) && shown.text.contains(&one.digits), "{login}, {}", one.grade.as_str());
            }
        }
    }
    let entries = entries().await;
    let asked = MATRIX.iter().flat_map(|(_, row)| row).filter(|seen| **seen == OnRequest).count();
    let written: Vec<_> = entries.iter().filter(|(_, entry)| entry.action == "complaint.unmasked").collect();
    assert_eq!((written.len(), entries.len() - before), (asked, asked), "each one, and nothing else");
    assert!(written.iter().all(|(_, entry)| entry.detail["reason"] == "Pelapor minta dihubungi" && entry.who.is_some()));
    // Only theirs, only that one, only for a while.
    let secret = &graded[2];
    let other =
        world.complain(Wish { visibility: Visibility::Secret, tel: "081200000888", name: Some("Lainnya"), ..Wish::default() }).await;
    let triage = world.sign_in("triase").await;
    assert!(!triage.get(&format!("/aduan/{}", other.id)).await.text.contains("Lainnya"), "one complaint opens no other");
    world.pass(jiff::SignedDuration::from_mins(16));
    assert!(!triage.get(&format!("/aduan/{}", secret.complaint.id)).await.text.contains(&secret.name), "it ends");
}

#[tokio::test]
async fn staff_raise_a_grade_and_only_a_supervisor_or_the_citizen_lowers_it() {
    let world = World::new().await;
    inspect(&world).await;
    let complaint = world.complain(Wish::default()).await;
    let id = complaint.id;
    let (officer, supervisor) = (world.sign_in("jalan").await, world.sign_in("jalan.penyelia").await);
    let regrade = async |visitor: &Visitor<'_>, grade: &str, text: &str| {
        visitor.post(&format!("/aduan/{id}/tingkat"), &[("grade", grade), ("text", text)]).await.status
    };
    let grade = async || world.complaint(id).await.visibility;
    assert_eq!(regrade(&officer, "secret", "").await, StatusCode::UNPROCESSABLE_ENTITY, "a reason is needed");
    assert_eq!(regrade(&officer, "sealed", "x").await, StatusCode::UNPROCESSABLE_ENTITY, "nobody seals later");
    assert_eq!(regrade(&officer, "secret", "Pelapor takut dikenali").await, StatusCode::SEE_OTHER);
    assert_eq!(grade().await, Visibility::Secret);
    assert!(!officer.get(&format!("/aduan/{id}")).await.text.contains("Sari"), "and it is so at once");
    assert_eq!(regrade(&officer, "hidden", "x").await, StatusCode::UNPROCESSABLE_ENTITY, "an officer lowers none");
    assert_eq!(regrade(&supervisor, "hidden", "Pelapor setuju lewat telepon").await, StatusCode::SEE_OTHER);
    assert_eq!(grade().await, Visibility::Hidden);
    // The citizen's own word is enough, and nobody need ask why.
    let code = complaint.tracking.as_str();
    let answer = world.post(&format!("/t/{code}/tingkat"), &[("grade", "secret")]).await;
    assert_eq!(answer.leads_to(), format!("/t/{code}?done=tingkat"));
    assert_eq!(grade().await, Visibility::Secret);
    let page = world.get(&format!("/t/{code}")).await;
    assert!(page.words().contains("Pelapor takut dikenali") && !page.text.contains("value=\"sealed\""), "{}", page.text);
    assert_eq!(world.post(&format!("/t/{code}/tingkat"), &[("grade", "sealed")]).await.status, StatusCode::BAD_REQUEST);
    // Raised to confidential it leaves the agency, in its lists too.
    assert_eq!(regrade(&officer, "confidential", "Petugas dinas disebut").await, StatusCode::SEE_OTHER);
    assert_eq!(officer.get(&format!("/aduan/{id}")).await.status, StatusCode::NOT_FOUND);
    for view in ["open", "done", "triage"] {
        assert!(!officer.get(&format!("/antrean?view={view}")).await.text.contains("Jalan berlubang"), "{view}");
    }
    let inspector = world.sign_in("inspektur").await;
    assert!(inspector.get("/antrean?view=open").await.text.contains("Jalan berlubang"));
    let log: Vec<String> = store::audit::list(&world.db, None, 50).await.expect("a database").into_iter().map(|(_, e)| e.action).collect();
    assert_eq!(log.iter().filter(|action| *action == "complaint.regraded").count(), 3, "each act of staff is written down: {log:?}");
}

#[tokio::test]
async fn a_masked_page_that_is_posted_changes_nothing_about_who_wrote() {
    let world = World::new().await;
    let secret = world.complain(Wish { visibility: Visibility::Secret, contact: Some("081200000055"), ..Wish::default() }).await;
    let kept = async || store::message::of_complaint(&world.db, secret.id).await.expect("a database");
    let before = kept().await;
    assert!(before[0].sender_name.is_some() && !before[0].contact.is_empty() && before[0].sender.is_some());
    let masked = [
        ("name", "•••"),
        ("nama", "•••"),
        ("contact", "•••"),
        ("kontak", "•••"),
        ("sender", "•••"),
        ("text", "Kami tindak lanjuti"),
        ("agency", ""),
        ("days", "1"),
        ("grade", "confidential"),
    ];
    for login in ["jalan", "jalan.penyelia", "triase", "admin"] {
        let visitor = world.sign_in(login).await;
        for (route, _) in ROUTES.iter().filter(|(_, how)| *how == Try::Acts) {
            visitor.post(&route.replace("{id}", &secret.id.to_string()), &masked).await;
            assert_eq!(kept().await, before, "{login} on {route}");
            let now = world.complaint(secret.id).await;
            assert_eq!((&now.citizen, &now.reply_to), (&secret.citizen, &secret.reply_to), "{login} on {route}");
        }
    }
}

#[tokio::test]
async fn as_long_as_nobody_is_named_the_admin_sees_what_is_confidential() {
    let world = World::new().await;
    let complaint = world.complain(Wish { visibility: Visibility::Confidential, ..Wish::default() }).await;
    let page = format!("/aduan/{}", complaint.id);
    let (admin, triage) = (world.sign_in("admin").await, world.sign_in("triase").await);
    assert_eq!(admin.get(&page).await.status, StatusCode::OK);
    assert_eq!(triage.get(&page).await.status, StatusCode::NOT_FOUND);
    let person = store::staff::by_login(&world.db, "triase").await.expect("a database").expect("an account").0.id;
    let name = format!("/admin/petugas/{person}/rahasia");
    assert_eq!(triage.post(&name, &[("reason", "x")]).await.status, StatusCode::FORBIDDEN, "only an admin names");
    assert_eq!(admin.post(&name, &[("reason", "")]).await.leads_to(), "/admin/petugas?done=alasan-rahasia");
    assert_eq!(admin.post(&name, &[("reason", "Ditugaskan kepala")]).await.leads_to(), "/admin/petugas?done=rahasia");
    assert_eq!(admin.get(&page).await.status, StatusCode::NOT_FOUND, "named staff only");
    assert_eq!(triage.get(&page).await.status, StatusCode::OK);
    let officer = store::staff::by_login(&world.db, "jalan").await.expect("a database").expect("an account").0.id;
    let refused = admin.post(&format!("/admin/petugas/{officer}/rahasia"), &[("reason", "x")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "nobody of an agency that is no inspectorate is named");
}

#[tokio::test]
async fn the_code_alone_opens_what_is_sealed_and_answers_are_read_there() {
    let world = World::new().await;
    inspect(&world).await;
    let sealed = world.complain(Wish { visibility: Visibility::Sealed, ..Wish::default() }).await;
    world.act("inspektur", sealed.id, Action::Answer { text: "Kami periksa minggu ini".into() }).await;
    let code = sealed.tracking.as_str();
    let found = world.get(&format!("/cek?number={code}")).await;
    assert_eq!(found.leads_to(), format!("/t/{code}"));
    let page = world.get(&format!("/t/{code}")).await;
    assert!(page.words().contains("Kami periksa minggu ini") && page.words().contains("tersegel"), "{}", page.text);
    assert!(!page.text.contains("/sambung"), "it is tied to no telephone");
    let once = page.field("once");
    world.post(&format!("/t/{code}/pesan"), &[("text", "Ada bukti lagi"), ("once", &once)]).await;
    let inspector = world.sign_in("inspektur").await;
    assert!(inspector.get(&format!("/aduan/{}", sealed.id)).await.words().contains("Ada bukti lagi"));
}
