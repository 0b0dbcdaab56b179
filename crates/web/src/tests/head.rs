//! The desk of the head: every number leads to a list with as many lines; who sees whose figures; and what is not said of whom one may not open.

use axum::http::StatusCode;
use model::{Action, Language, Role, Visibility};
use store::staff::NewStaff;

use super::{Answer, NOW, PASSWORD, Visitor, Wish, World};

/// Every number that leads somewhere: where to, and what it says.
fn figures(page: &Answer) -> Vec<(String, String)> {
    let links = page.text.split("<a class=\"figure\" href=\"").skip(1);
    let read = |link: &str| {
        let (href, rest) = link.split_once("\">").expect("a link");
        let (number, _) = rest.split_once("</a>").expect("a number");
        (href.replace("&#38;", "&").replace("&amp;", "&"), number.replace('.', ""))
    };
    links.map(read).collect()
}

/// How many lines a list says that it has.
fn total(page: &Answer, address: &str) -> String {
    let (_, rest) = page.text.split_once("role=\"status\">").unwrap_or_else(|| panic!("no total on {address}: {}", page.words()));
    rest.split([' ', '<']).next().expect("a number").to_owned()
}

/// Every number of a page is compared with its list; how many there were.
async fn follow(visitor: &Visitor<'_>, address: &str) -> usize {
    let page = visitor.get(address).await;
    assert_eq!(page.status, StatusCode::OK, "{address}");
    let figures = figures(&page);
    for (href, number) in &figures {
        if href == "/admin/terparkir" {
            continue;
        }
        let list = visitor.get(href).await;
        assert_eq!(list.status, StatusCode::OK, "{href} on {address}");
        assert_eq!(&total(&list, href), number, "{href} on {address}");
    }
    figures.len()
}

/// A city in which most of what is counted happened.
async fn busy(world: &World) {
    let road = world.complain(Wish::default()).await;
    world.complain(Wish { tel: "081200000002", hours_ago: 24 * 20, area: None, ..Wish::default() }).await;
    world.complain(Wish { tel: "081200000003", hours_ago: 24 * 7, area: Some("3171090"), ..Wish::default() }).await;
    world.complain(Wish { tel: "081200000004", category: Some("tree"), account: "kel-melati", ..Wish::default() }).await;
    let lost = world.complain(Wish { tel: "081200000005", category: None, ..Wish::default() }).await;
    let done = world.complain(Wish { tel: "081200000006", hours_ago: 24 * 15, ..Wish::default() }).await;
    world.act("jalan", done.id, Action::Claim).await;
    world.act("jalan", done.id, Action::Answer { text: "Kami cek.".into() }).await;
    world.act("jalan", done.id, Action::Resolve { text: "Sudah.".into(), photo: None }).await;
    let again = world.complain(Wish { tel: "081200000007", hours_ago: 24 * 3, ..Wish::default() }).await;
    world.act("jalan", again.id, Action::Resolve { text: "Sudah.".into(), photo: None }).await;
    world.act("jalan.penyelia", again.id, Action::Reopen { reason: "Belum rata.".into() }).await;
    let parks = world.agency("tamhut");
    let shared = world.complain(Wish { tel: "081200000008", ..Wish::default() }).await;
    world.act("jalan", shared.id, Action::Share { with: vec![parks], text: "Akar pohon.".into() }).await;
    let given = world.complain(Wish { tel: "081200000009", ..Wish::default() }).await;
    world.act("jalan", given.id, Action::HandOver { to: vec![parks], reason: "Taman.".into() }).await;
    let asked = world.complain(Wish { tel: "081200000010", hours_ago: 24 * 7, ..Wish::default() }).await;
    world.act("jalan", asked.id, Action::Ask { text: "Di mana?".into() }).await;
    for (n, visibility) in Visibility::ALL.into_iter().enumerate() {
        world.complain(Wish { tel: &format!("08120000010{n}"), visibility, ..Wish::default() }).await;
    }
    super::unreached::fail(world, &road).await;
    super::unreached::fail(world, &lost).await;
}

#[tokio::test]
async fn every_number_leads_to_a_list_with_as_many_lines() {
    let world = World::new().await;
    busy(&world).await;
    for (login, least) in [("admin", 60), ("triase", 60), ("jalan.penyelia", 40)] {
        let visitor = world.sign_in(login).await;
        let mut followed = 0;
        for address in [
            "/meja",
            "/meja?from=2026-11-10&to=2026-11-19",
            "/meja?area=3171090",
            "/meja?area=-",
            "/meja?category=-",
            "/meja?category=road&channel=chat%200811",
            "/meja?from=2026-08-01",
        ] {
            followed += follow(&visitor, address).await;
        }
        assert!(followed > least, "{login} was shown {followed} numbers");
    }
}

#[tokio::test]
async fn the_desk_is_for_supervisors_and_who_routes() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    world.complain(Wish { tel: "081200000002", category: Some("tree"), ..Wish::default() }).await;
    for login in ["jalan", "loket"] {
        let visitor = world.sign_in(login).await;
        for page in ["/meja", "/meja/daftar?measure=came"] {
            assert_eq!(visitor.get(page).await.status, StatusCode::FORBIDDEN, "{login} on {page}");
        }
        assert!(!visitor.get("/antrean").await.text.contains("\"/meja\""), "{login} is led there");
    }
    let supervisor = world.sign_in("jalan.penyelia").await;
    let page = supervisor.get("/meja").await;
    assert!(page.words().contains("Dinas Bina Marga · ") && page.text.contains("href=\"/meja\" aria-current=\"page\""), "{}", page.words());
    assert!(!page.words().contains("Dinas Pertamanan"), "another agency's figures");
    // Whatever they ask for, they get their own.
    let parks = world.agency("tamhut");
    for narrowed in ["/meja?x=1".to_owned(), "/meja/daftar?measure=came".to_owned()] {
        let asked = supervisor.get(&format!("{narrowed}&agency={parks}")).await;
        assert_eq!(asked.words(), supervisor.get(&narrowed).await.words(), "{narrowed}");
    }
    let list = supervisor.get("/meja/daftar?measure=came").await;
    assert!(list.text.contains(&complaint.reference.to_string()) && list.words().contains("1 laporan"), "{}", list.words());
    for wrong in ["", "?measure=all", "?measure=came'"] {
        assert_eq!(supervisor.get(&format!("/meja/daftar{wrong}")).await.status, StatusCode::NOT_FOUND, "{wrong}");
    }
    for odd in ["?from=x&to=y", "?from=9999-12-31&to=0001-01-01", "?area=%27&channel=%20&category=%00", "?agency=0", "?after=x"] {
        assert_eq!(supervisor.get(&format!("/meja{odd}")).await.status, StatusCode::OK, "{odd}");
        let list = format!("/meja/daftar{odd}&measure=came");
        assert_eq!(supervisor.get(&list).await.status, StatusCode::OK, "{odd}");
    }
}

#[tokio::test]
async fn what_is_confidential_is_counted_only_for_who_may_open_it() {
    let world = World::new().await;
    for (n, visibility) in Visibility::ALL.into_iter().enumerate() {
        world.complain(Wish { tel: &format!("08120000010{n}"), visibility, ..Wish::default() }).await;
    }
    let hash = store::staff::hash_password(PASSWORD);
    let mut tx = store::begin(&world.db).await.expect("a database");
    let new =
        NewStaff { login: "khusus".into(), name: "Khusus".into(), role: Role::Triage, agency: None, office: None, language: Language::Id };
    let id = store::staff::create(&mut tx, &new, &hash, NOW).await.expect("a database").expect("a new login");
    assert!(store::staff::set_named(&mut tx, id, true).await.expect("a database"));
    store::commit(tx).await.expect("a database");
    for (login, came) in [("jalan.penyelia", 3), ("triase", 3), ("admin", 3), ("khusus", 5)] {
        let visitor = world.sign_in(login).await;
        let list = visitor.get("/meja/daftar?measure=came").await;
        assert_eq!(total(&list, login), came.to_string(), "{login}");
        assert!(visitor.get("/meja").await.words().contains(&format!("Masuk {came} ")), "{login}");
    }
}

#[tokio::test]
async fn of_agencies_below_only_numbers_are_told_and_no_small_ones() {
    let world = World::new().await;
    assert!(store::directory::set_parent(&world.db, "tamhut", Some("dbm")).await.expect("a database"));
    world.rooms.refresh().await.expect("a directory");
    for n in 0..6 {
        world.complain(Wish { tel: &format!("0812000003{n:02}"), category: Some("tree"), ..Wish::default() }).await;
    }
    let late = Wish { tel: "081200000400", category: Some("tree"), hours_ago: 24 * 30, ..Wish::default() };
    let late = world.complain(late).await;
    let supervisor = world.sign_in("jalan.penyelia").await;
    let parks = world.agency("tamhut");
    let page = supervisor.get("/meja").await;
    let words = page.words();
    // Waiting, late, due today, came, settled, red flags.
    assert!(words.contains("Dinas Pertamanan dan Hutan Kota 7 &#60;5 0 6 0"), "{words}");
    assert!(words.contains("Angka di bawah lima tidak disebut"), "{words}");
    let theirs = supervisor.get(&format!("/meja?agency={parks}")).await;
    assert!(
        theirs.words().contains("Dinas Pertamanan dan Hutan Kota ·") && theirs.words().contains("Terlambat &#60;5"),
        "{}",
        theirs.words()
    );
    assert!(figures(&theirs).is_empty(), "a number leads into another agency");
    assert!(!theirs.text.contains("class=\"city\""), "a map says small numbers by its shades");
    let list = supervisor.get(&format!("/meja/daftar?measure=came&agency={parks}")).await;
    assert_eq!(list.status, StatusCode::NOT_FOUND);
    assert_eq!(supervisor.get(&format!("/aduan/{}", late.id)).await.status, StatusCode::NOT_FOUND);
}
