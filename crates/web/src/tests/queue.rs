//! The lists: what is in which, what narrows them, paging while rows change, and what is searched by whom.

use axum::http::StatusCode;
use jiff::SignedDuration;
use model::{Action, Complaint, Role, Visibility};

use super::{Answer, LOGINS, Visitor, Wish, World};

/// The numbers of a page, in its order.
fn numbers(page: &Answer) -> Vec<String> {
    let lines = page.text.split("class=\"number\" href=\"").skip(1);
    lines.filter_map(|line| line.split('>').nth(1)?.split('<').next().map(str::to_owned)).collect()
}

/// Where the link of this kind leads, `rel="next"` or `rel="prev"`.
fn link(page: &Answer, rel: &str) -> Option<String> {
    let link = page.text.split("href=\"").find(|part| part.split('>').next().is_some_and(|tag| tag.contains(&format!("rel=\"{rel}\""))))?;
    Some(link.split('"').next()?.replace("&#38;", "&").replace("&amp;", "&"))
}

/// The count beside a list.
fn count(page: &Answer, view: &str) -> String {
    let tab = page
        .text
        .split("<li><a href=\"")
        .find(|part| part.contains(&format!("/antrean?view={view}")))
        .unwrap_or_else(|| panic!("no {view}"));
    let tab = tab.split("class=\"count\">").nth(1).expect("a count");
    tab.split('<').next().expect("a count").to_owned()
}

fn names(complaints: &[&Complaint]) -> Vec<String> {
    complaints.iter().map(|complaint| complaint.reference.to_string()).collect()
}

#[tokio::test]
async fn every_list_holds_what_its_name_says_and_counts_it() {
    let world = World::new().await;
    let fresh = world.complain(Wish::default()).await;
    let mine = world.complain(Wish { tel: "081200000002", ..Wish::default() }).await;
    let asked = world.complain(Wish { tel: "081200000003", ..Wish::default() }).await;
    let late = world.complain(Wish { tel: "081200000004", hours_ago: 24 * 20, ..Wish::default() }).await;
    // Five working days ago, to the day: due this afternoon.
    let today = world.complain(Wish { tel: "081200000005", hours_ago: 24 * 7, ..Wish::default() }).await;
    let done = world.complain(Wish { tel: "081200000006", ..Wish::default() }).await;
    let untriaged = world.complain(Wish { tel: "081200000007", category: None, ..Wish::default() }).await;
    world.act("jalan", mine.id, Action::Claim).await;
    world.act("jalan.dua", asked.id, Action::Claim).await;
    world.act("jalan.dua", asked.id, Action::Ask { text: "Di mana?".into() }).await;
    // Due this afternoon, but the citizen is asked: its clock stands. Late before they were asked: it stays late.
    let asked_today = world.complain(Wish { tel: "081200000008", hours_ago: 24 * 7, ..Wish::default() }).await;
    let asked_late = world.complain(Wish { tel: "081200000009", hours_ago: 24 * 19, ..Wish::default() }).await;
    for waits in [&asked_today, &asked_late] {
        world.act("jalan.dua", waits.id, Action::Ask { text: "Di mana?".into() }).await;
    }
    world.act("jalan.dua", done.id, Action::Claim).await;
    world.act("jalan.dua", done.id, Action::Resolve { text: "Sudah.".into(), photo: None }).await;
    let officer = world.sign_in("jalan").await;
    let expected = [
        ("open", vec![&late, &asked_late, &today, &asked_today, &asked, &mine, &fresh]),
        ("mine", vec![&mine]),
        ("unassigned", vec![&late, &today, &fresh]),
        ("today", vec![&today]),
        ("overdue", vec![&late, &asked_late]),
        ("escalated", vec![]),
        ("waiting", vec![&asked, &asked_today, &asked_late]),
        ("done", vec![&done]),
    ];
    for (view, complaints) in expected {
        let page = officer.get(&format!("/antrean?view={view}")).await;
        let mut shown = numbers(&page);
        if view == "open" {
            assert_eq!(shown[..2], names(&[&late, &asked_late]), "the nearest deadline comes first");
        }
        shown.sort();
        let mut wanted = names(&complaints);
        wanted.sort();
        assert_eq!(shown, wanted, "{view}");
        assert_eq!(count(&page, view), complaints.len().to_string(), "{view}");
    }
    let triage = world.sign_in("triase").await;
    let page = triage.get("/antrean").await;
    assert_eq!((numbers(&page), count(&page, "triage")), (names(&[&untriaged]), "1".to_owned()));
    assert!(page.text.contains("href=\"/usulan\""), "suggestions are one of the lists");
    assert!(
        !page.text.contains("/admin/terparkir") && world.sign_in("admin").await.get("/antrean").await.text.contains("/admin/terparkir")
    );
}

#[tokio::test]
async fn what_narrows_a_list_stands_in_its_address_and_narrows_the_counts_too() {
    let world = World::new().await;
    let danger = Wish { tel: "081200000002", danger: vec!["kabel".into()], area: Some("3171090002"), ..Wish::default() };
    let danger = world.complain(danger).await;
    let secret = world.complain(Wish { tel: "081200000003", visibility: Visibility::Secret, ..Wish::default() }).await;
    let old = world.complain(Wish { tel: "081200000004", hours_ago: 24 * 40, ..Wish::default() }).await;
    let counter = world.complain(Wish { tel: "081200000005", account: "kel-melati", ..Wish::default() }).await;
    let tree = world.complain(Wish { tel: "081200000006", category: Some("tree"), ..Wish::default() }).await;
    let gone = world.complain(Wish { tel: "081200000007", danger: vec!["api".into()], ..Wish::default() }).await;
    world.act("jalan", gone.id, Action::Resolve { text: "Sudah.".into(), photo: None }).await;
    let admin = world.sign_in("admin").await;
    let parks = world.agency("tamhut");
    for (filter, open, done) in [
        ("danger=ya".to_owned(), vec![&danger], "1"),
        ("area=3171090002".to_owned(), vec![&danger], "0"),
        ("area=3171090".to_owned(), vec![&danger, &secret, &old, &counter, &tree], "1"),
        ("visibility=secret".to_owned(), vec![&secret], "0"),
        ("age=30-".to_owned(), vec![&old], "0"),
        ("age=0-7".to_owned(), vec![&danger, &secret, &counter, &tree], "1"),
        ("channel=counter%20kel-melati".to_owned(), vec![&counter], "0"),
        (format!("agency={parks}"), vec![&tree], "0"),
        ("category=road&danger=ya&age=0-1&visibility=hidden".to_owned(), vec![&danger], "1"),
        ("area='%20or%20true&channel=x&age=999999-".to_owned(), vec![], "0"),
    ] {
        let page = admin.get(&format!("/antrean?view=open&{filter}")).await;
        let (mut shown, mut wanted) = (numbers(&page), names(&open));
        shown.sort();
        wanted.sort();
        assert_eq!(shown, wanted, "{filter}");
        assert_eq!((count(&page, "open"), count(&page, "done")), (open.len().to_string(), done.to_owned()), "{filter}");
        assert_eq!(numbers(&admin.get(&format!("/antrean?view=done&{filter}")).await).len().to_string(), done, "{filter}");
    }
}

#[tokio::test]
async fn pages_go_forward_and_back_and_stay_where_they_are_while_rows_come_and_go() {
    let world = World::new().await;
    let mut all = Vec::new();
    for n in 0..60 {
        all.push(world.complain(Wish { hours_ago: 24 * n, tel: &format!("0812000{n:05}"), ..Wish::default() }).await);
    }
    let officer = world.sign_in("jalan").await;
    let first = officer.get("/antrean").await;
    assert_eq!(link(&first, "prev"), None);
    let second = officer.get(&link(&first, "next").expect("a second page")).await;
    let third = officer.get(&link(&second, "next").expect("a third page")).await;
    assert_eq!((numbers(&second).len(), numbers(&third).len(), link(&third, "next")), (25, 10, None));
    assert_eq!(numbers(&officer.get(&link(&third, "prev").expect("a way back")).await), numbers(&second));
    assert_eq!(numbers(&officer.get(&link(&second, "prev").expect("a way back")).await), numbers(&first));

    // What stood on the first page is dealt with: the second one, loaded again, has not moved.
    for number in numbers(&first).iter().take(3) {
        let id = all.iter().find(|complaint| complaint.reference.to_string() == *number).expect("is one of them").id;
        world.act("jalan", id, Action::Resolve { text: "Sudah.".into(), photo: None }).await;
    }
    let again = officer.get(&link(&first, "next").expect("a second page")).await;
    assert_eq!(numbers(&again), numbers(&second));
    // Back from it there are fewer than a page: then the list is shown from its top, whole.
    let back = officer.get(&link(&again, "prev").expect("a way back")).await;
    assert_eq!((numbers(&back).len(), link(&back, "prev")), (25, None));
    assert_eq!(numbers(&back)[..22], numbers(&first)[3..]);
    for page in ["/antrean?after=x", "/antrean?before=1.2", "/antrean?after=0.99999999999999999999.x", "/antrean?view=done&after=0.0.0"] {
        assert_eq!(officer.get(page).await.status, StatusCode::OK, "{page}");
    }
}

/// What the search finds for somebody, by the form: numbers and where it stands.
async fn searched(visitor: &Visitor<'_>, text: &str) -> (Vec<String>, Option<String>) {
    let answer = visitor.post("/antrean/cari", &[("cari", text)]).await;
    if answer.status == StatusCode::SEE_OTHER {
        let address = answer.leads_to().to_owned();
        return (numbers(&visitor.get(&address).await), Some(address));
    }
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    (numbers(&answer), None)
}

#[tokio::test]
async fn words_are_found_as_people_write_them_and_what_fits_is_marked() {
    let world = World::new().await;
    let hole = "Jln melati berlubang, lubangnya dalam sekali";
    let hole = world.complain(Wish { text: hole, tel: "081200000002", area: None, ..Wish::default() }).await;
    let lamp = "Lampu jalan padam <b>semua</b> di RT 03";
    let lamp = world.complain(Wish { text: lamp, tel: "081200000003", area: Some("3171090003"), ..Wish::default() }).await;
    store::search::learn_words(&world.db).await.expect("is learned");
    let officer = world.sign_in("jalan").await;
    for (typed, wanted) in [
        ("lubang", vec![&hole]),
        ("LUBANG dalam", vec![&hole]),
        ("jalan melati", vec![&hole]),
        ("jalan", vec![&lamp, &hole]),
        ("pemadaman", vec![&lamp]),
        ("berlubng", vec![&hole]),
        ("mawar", vec![&lamp]),
        ("pasar bunga", vec![&lamp, &hole]),
        ("lubang lampu", vec![]),
    ] {
        let (mut found, address) = searched(&officer, typed).await;
        let mut wanted = names(&wanted);
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{typed}");
        assert!(address.is_some(), "what is found by words can be shared: {typed}");
    }
    let page = officer.get("/antrean?cari=padam").await;
    assert!(page.text.contains("<mark>padam</mark>") && page.words().contains("Cocok: kata"), "{}", page.text);
    assert!(!page.text.contains("<b>semua"), "what citizens write is never markup");
    assert!(officer.get("/antrean?cari=padma").await.words().contains("kata yang mirip"));
    assert!(officer.get("/antrean?cari=mawar").await.words().contains("Cocok: wilayah"));
    assert!(officer.get("/antrean?cari=helikopter").await.words().contains("Tidak ada yang cocok"));
}

#[tokio::test]
async fn a_number_is_found_whole_or_by_its_beginning_with_or_without_dashes() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let officer = world.sign_in("jalan").await;
    let number = complaint.reference.to_string();
    for whole in [number.clone(), number.replace('-', ""), number.to_lowercase()] {
        assert_eq!(officer.post("/antrean/cari", &[("cari", &whole)]).await.leads_to(), format!("/aduan/{}", complaint.id));
        assert_eq!(officer.get(&format!("/antrean?cari={whole}")).await.leads_to(), format!("/aduan/{}", complaint.id));
    }
    for part in [&number[..4], &number[..6], &number.replace('-', "")[..7].to_lowercase()] {
        assert_eq!(searched(&officer, part).await.0, names(&[&complaint]), "{part}");
    }
    let stranger = world.sign_in("taman").await;
    assert_eq!(searched(&stranger, &number[..6]).await.0, Vec::<String>::new());
    assert_eq!(searched(&stranger, &number).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn nobody_finds_or_counts_what_is_not_theirs_to_see_and_secrets_keep_their_names() {
    let world = World::new().await;
    let text = "Kabel semrawut di depan kantor";
    let mut complaints = Vec::new();
    for (n, grade) in [Visibility::Public, Visibility::Hidden, Visibility::Secret].into_iter().enumerate() {
        let (tel, name) = (format!("08120000010{n}"), format!("Warga{} Contoh", grade.as_str()));
        let contact = format!("08120000020{n}");
        let wish = Wish { text, tel: &tel, name: Some(&name), contact: Some(&contact), visibility: grade, ..Wish::default() };
        complaints.push((world.complain(wish).await, grade, name, contact));
    }
    for (login, role) in LOGINS.into_iter().filter(|(_, role)| *role != Role::Clerk) {
        let visitor = world.sign_in(login).await;
        let theirs = login != "taman";
        let by_words = visitor.get("/antrean?cari=semrawut").await;
        assert_eq!(numbers(&by_words).len(), if theirs { 3 } else { 0 }, "{login}");
        assert_eq!(by_words.words().contains("3 laporan cocok"), theirs, "{login}");
        for (complaint, grade, name, contact) in &complaints {
            let may = theirs && (*grade != Visibility::Secret || role.may_triage());
            let wanted = if may { names(&[complaint]) } else { Vec::new() };
            let first = name.split(' ').next().expect("a name");
            assert_eq!(searched(&visitor, first).await.0, wanted, "{login} by the name of a {} one", grade.as_str());
            assert_eq!(searched(&visitor, contact).await.0, wanted, "{login} by the contact of a {} one", grade.as_str());
            let (_, address) = searched(&visitor, contact).await;
            assert_eq!(address, None, "a contact stands in no address");
            if may {
                assert_eq!(searched(&visitor, first).await.1, None, "nor does a name that was found");
            }
            let shared = visitor.get(&format!("/antrean?cari={first}")).await;
            assert_eq!(numbers(&shared), Vec::<String>::new(), "an address finds nobody by name");
        }
    }
    let clerk = world.sign_in("loket").await;
    assert_eq!(clerk.get("/antrean?cari=semrawut").await.status, StatusCode::FORBIDDEN);
    assert_eq!(clerk.post("/antrean/cari", &[("cari", "semrawut")]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        world.post("/antrean/cari", &[("cari", "semrawut")]).await.status,
        StatusCode::SEE_OTHER,
        "nobody searches without signing in"
    );
}

#[tokio::test]
async fn many_hits_are_paged_without_missing_or_repeating_one_and_filters_narrow_them() {
    let world = World::new().await;
    for n in 0..60 {
        let account = if n % 4 == 0 { "kel-melati" } else { "0811" };
        let wish = Wish { hours_ago: 30 * n, tel: &format!("0812000{n:05}"), account, text: "Sampah menumpuk", ..Wish::default() };
        world.complain(wish).await;
    }
    world.pass(SignedDuration::from_mins(1));
    let officer = world.sign_in("jalan").await;
    let first = officer.get("/antrean?cari=sampah").await;
    assert!(first.words().contains("60 laporan cocok"), "{}", first.words());
    let second = officer.get(&link(&first, "next").expect("a second page")).await;
    let third = officer.get(&link(&second, "next").expect("a third page")).await;
    let mut seen: Vec<String> = [&first, &second, &third].into_iter().flat_map(numbers).collect();
    assert_eq!(numbers(&officer.get(&link(&third, "prev").expect("a way back")).await), numbers(&second));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 60);
    for (filter, many) in [("channel=counter%20kel-melati", 15), ("age=0-7", 6), ("category=tree", 0), ("area=3171090001", 60)] {
        let page = officer.get(&format!("/antrean?cari=sampah&{filter}")).await;
        assert!(page.words().contains(&format!("{many} laporan cocok")), "{filter}: {}", page.words());
    }
}

#[tokio::test]
async fn a_list_is_kept_by_name_for_oneself_or_by_a_supervisor_for_all() {
    let world = World::new().await;
    let officer = world.sign_in("jalan").await;
    let supervisor = world.sign_in("jalan.penyelia").await;
    let own = [("view", "overdue"), ("area", "3171090001"), ("name", "Terlambat di Melati")];
    let kept = officer.post("/antrean/simpan", &own).await;
    assert_eq!(kept.leads_to(), "/antrean?view=overdue&area=3171090001&done=simpan");
    let shown = |page: &Answer, name: &str| page.text.contains(name);
    assert!(shown(&officer.get("/antrean").await, "Terlambat di Melati"));
    assert!(!shown(&supervisor.get("/antrean").await, "Terlambat di Melati"), "one's own list is one's own");
    let refused = officer.post("/antrean/simpan", &[("view", "open"), ("name", "Untuk semua"), ("shared", "ya")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "an officer shares nothing");
    supervisor.post("/antrean/simpan", &[("cari", "lampu mati"), ("name", "Lampu"), ("shared", "ya")]).await;
    let colleague = world.sign_in("jalan.dua").await;
    let page = colleague.get("/antrean").await;
    assert!(shown(&page, "Lampu") && page.text.contains("/antrean?cari=lampu%20mati"));
    for stranger in ["taman", "triase"] {
        assert!(!shown(&world.sign_in(stranger).await.get("/antrean").await, "Lampu"), "{stranger}");
    }
    let removes = |page: &Answer| {
        page.text.split('"').find(|part| part.starts_with("/antrean/simpan/") && part.ends_with("/hapus")).map(str::to_owned)
    };
    assert_eq!(removes(&page), None, "nobody is offered to remove what is everybody's");
    let shared = removes(&supervisor.get("/antrean").await).expect("a way to remove it");
    assert_eq!(colleague.post(&shared, &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(supervisor.post(&shared, &[]).await.leads_to(), "/antrean?done=simpan-hapus");
    assert!(!shown(&colleague.get("/antrean").await, "Lampu"));
    for n in 0..25 {
        let answer = officer.post("/antrean/simpan", &[("view", "open"), ("name", &format!("Daftar {n}"))]).await;
        assert_eq!(answer.leads_to().ends_with("penuh"), n >= 19, "{n}: {}", answer.leads_to());
    }
    let nameless = officer.post("/antrean/simpan", &[("view", "nonsense"), ("name", " ")]).await;
    assert_eq!(nameless.leads_to(), "/antrean?view=open&done=simpan-salah");
}
