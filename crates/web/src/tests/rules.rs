//! The rules of routing: written by one, tried, published by another, brought back; and why a complaint is where it is.

use axum::http::StatusCode;
use model::{AgencyId, Language, Role, Visibility};
use store::staff::NewStaff;

use super::{NOW, PASSWORD, Visitor, Wish, World};

/// A second person of triage.
async fn colleague(world: &World) {
    let mut tx = store::begin(&world.db).await.expect("a database");
    let new = NewStaff {
        login: "triase.dua".into(),
        name: "Dua Triase".into(),
        role: Role::Triage,
        agency: None,
        office: None,
        language: Language::Id,
    };
    store::staff::create(&mut tx, &new, &store::staff::hash_password(PASSWORD), NOW).await.expect("a database").expect("a new login");
    store::commit(tx).await.expect("a database");
}

async fn edition(world: &World) -> String {
    store::rules::draft(&world.db).await.expect("a database").expect("a draft").edition.to_string()
}

/// Sends the form of a row with the draft's present edition.
async fn set(world: &World, visitor: &Visitor<'_>, fields: &[(&str, &str)]) -> StatusCode {
    let edition = edition(world).await;
    visitor.post("/aturan/draf/baris", &[fields, &[("edition", edition.as_str())]].concat()).await.status
}

async fn row(world: &World, category: &str) -> String {
    let draft = store::rules::draft(&world.db).await.expect("a database").expect("a draft");
    let found = draft.rules.iter().find(|rule| rule.category.as_deref() == Some(category) && rule.area.is_none());
    found.expect("a row").id.to_string()
}

/// Trees go to the roads agency in one kelurahan, and services to the inspectorate: as a draft by triage.
pub(super) async fn a_draft(world: &World) {
    colleague(world).await;
    let triage = world.sign_in("triase").await;
    assert_eq!(triage.post("/aturan/draf", &[]).await.leads_to(), "/aturan/draf?done=mulai");
    let (roads, inspectorate) = (world.agency("dbm").to_string(), world.agency("insp").to_string());
    let trees = [("category", "tree"), ("area", "3171090001"), ("agency", roads.as_str())];
    assert_eq!(set(world, &triage, &trees).await, StatusCode::SEE_OTHER);
    let questions = [("category", "road"), ("kind", "information_request"), ("channel", "chat 0811"), ("agency", inspectorate.as_str())];
    assert_eq!(set(world, &triage, &questions).await, StatusCode::SEE_OTHER);
}

/// What moves many: roads of one kelurahan to the parks agency.
pub(super) async fn roads_to_parks(world: &World) {
    let triage = world.sign_in("triase").await;
    let parks = world.agency("tamhut").to_string();
    let roads = [("category", "road"), ("area", "3171090001"), ("agency", parks.as_str())];
    assert_eq!(set(world, &triage, &roads).await, StatusCode::SEE_OTHER);
}

fn who(world: &World, complaint: &model::Complaint) -> Vec<AgencyId> {
    assert!(world.now() >= complaint.opened_at);
    complaint.dispatches.iter().map(|dispatch| dispatch.agency).collect()
}

#[tokio::test]
async fn a_draft_is_tried_and_published_by_a_second_person_and_new_complaints_follow_it_at_once() {
    let world = World::new().await;
    let (roads, parks) = (world.agency("dbm"), world.agency("tamhut"));
    let tree = || Wish { category: Some("tree"), text: "Pohon tumbang", ..Wish::default() };
    let earlier = world.complain(tree()).await;
    world.complain(Wish { area: Some("3171090002"), tel: "081200000002", ..tree() }).await;
    let hidden = world.complain(Wish { visibility: Visibility::Confidential, tel: "081200000003", ..tree() }).await;
    world.complain(Wish { tel: "081200000004", ..Wish::default() }).await;
    assert_eq!(who(&world, &earlier), [parks]);
    a_draft(&world).await;

    let (author, other) = (world.sign_in("triase").await, world.sign_in("triase.dua").await);
    let last = store::rules::last(&world.db, &store::access::Scope::Everything, 10).await.expect("a database");
    assert_eq!((last.complaints.len(), last.seen.len()), (3, 3), "what is confidential is not even counted");
    assert!(!last.seen.contains_key(&hidden.id));
    let trial = author.get("/aturan/coba").await;
    assert!(trial.words().contains("1 laporan akan berpindah"), "{}", trial.words());
    assert!(trial.words().contains("Dicoba pada 3 laporan terakhir."), "{}", trial.words());
    assert!(trial.text.contains(&earlier.reference.to_string()) && !trial.text.contains(&hidden.reference.to_string()));
    assert!(trial.words().contains("2 baris baru"), "{}", trial.words());
    assert!(!trial.text.contains("action=\"/aturan/terbitkan\""), "who wrote it is not offered to publish it");
    let (edition, note) = (edition(&world).await, ("text", "Pohon di Melati ikut Bina Marga"));
    let form = |edition: &str| vec![("edition".to_owned(), edition.to_owned()), ("current".to_owned(), "1".to_owned())];
    let publish = async |visitor: &Visitor<'_>, edition: &str, note: (&str, &str)| {
        let form = form(edition);
        let fields: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain([note]).collect();
        visitor.post("/aturan/terbitkan", &fields).await
    };
    assert_eq!(publish(&author, &edition, note).await.status, StatusCode::FORBIDDEN);
    let unsaid = publish(&other, &edition, ("text", " ")).await;
    assert_eq!(unsaid.status, StatusCode::UNPROCESSABLE_ENTITY, "a note is needed");
    assert_eq!(publish(&other, "1", note).await.status, StatusCode::CONFLICT, "they read something else");
    for login in ["jalan", "jalan.penyelia", "loket"] {
        assert_eq!(publish(&world.sign_in(login).await, &edition, note).await.status, StatusCode::FORBIDDEN, "{login}");
    }
    assert_eq!(publish(&other, &edition, note).await.leads_to(), "/aturan?done=terbit");

    world.rooms.refresh().await.expect("a directory");
    let moved = world.complain(Wish { tel: "081200000005", ..tree() }).await;
    assert_eq!(who(&world, &moved), [roads]);
    assert_eq!((moved.why.version, earlier.why.version), (Some(2), Some(1)));
    assert_eq!(who(&world, &world.complaint(earlier.id).await), [parks], "what is there stays where it is");
    let table = other.get("/aturan").await;
    for said in ["Yang berlaku: versi 2", "Pohon di Melati ikut Bina Marga", "disusun Tri Triase, diterbitkan Dua Triase"] {
        assert!(table.words().contains(said), "{said}: {}", table.words());
    }
    // Why here, for staff and for the citizen, also by rules that do not count any more.
    for (complaint, version, agency) in [(&earlier, 1, "Dinas Pertamanan dan Hutan Kota"), (&moved, 2, "Dinas Bina Marga")] {
        let staff = other.get(&format!("/aduan/{}", complaint.id)).await.words();
        assert!(staff.contains(&format!("Aturan versi {version}: kategori Pohon dan taman, wilayah")), "{staff}");
        let citizen = world.get(&format!("/t/{}", complaint.tracking.as_str())).await.words();
        assert!(citizen.contains(&format!("aturan kota versi {version}")) && citizen.contains(agency), "{citizen}");
    }
    let unplaced = world.complain(Wish { category: Some("service"), tel: "081200000006", ..Wish::default() }).await;
    let staff = other.get(&format!("/aduan/{}", unplaced.id)).await.words();
    assert!(staff.contains("Aturan versi 2 tidak menunjuk dinas"), "{staff}");

    // Back in one act, with a reason.
    let back = "/aturan/versi/1/kembali";
    assert_eq!(other.post(back, &[("current", "2"), ("text", "")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.post(back, &[("current", "1"), ("text", "x")]).await.status, StatusCode::CONFLICT);
    assert_eq!(other.post(back, &[("current", "2"), ("text", "Salah dinas")]).await.leads_to(), "/aturan?done=kembali");
    world.rooms.refresh().await.expect("a directory");
    let again = world.complain(Wish { tel: "081200000007", ..tree() }).await;
    assert_eq!((who(&world, &again), again.why.version), (vec![parks], Some(3)));
    let log: Vec<_> =
        store::audit::list(&world.db, None, 50).await.expect("a database").into_iter().map(|(_, entry)| entry.action).collect();
    for (action, times) in [("rules.begun", 1), ("rules.changed", 2), ("rules.published", 1), ("rules.returned", 1)] {
        assert_eq!(log.iter().filter(|one| *one == action).count(), times, "{action}: {log:?}");
    }
}

#[tokio::test]
async fn rows_are_changed_and_removed_a_wrong_one_is_refused_and_nobody_overwrites_what_they_did_not_read() {
    let world = World::new().await;
    a_draft(&world).await;
    let (triage, other) = (world.sign_in("triase").await, world.sign_in("triase.dua").await);
    let (roads, parks) = (world.agency("dbm").to_string(), world.agency("tamhut").to_string());
    for wrong in [
        vec![("category", "road")],
        vec![("agency", "x"), ("category", "road")],
        vec![("agency", roads.as_str()), ("category", "none")],
        vec![("agency", roads.as_str()), ("area", "99")],
        vec![("agency", roads.as_str()), ("kind", "joke")],
        vec![("agency", roads.as_str()), ("channel", "chat 0812")],
        vec![("agency", roads.as_str()), ("channel", "nothing")],
        vec![("agency", roads.as_str()), ("category", "road")],
    ] {
        assert_eq!(set(&world, &triage, &wrong).await, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    }
    let read = edition(&world).await;
    let page = triage.get(&format!("/aturan/draf?edit={}", row(&world, "tree").await)).await;
    assert!(page.text.contains(&format!("<option value=\"{parks}\" selected")), "{}", page.text);
    let row = row(&world, "tree").await;
    let change = [("row", row.as_str()), ("category", "tree"), ("agency", roads.as_str()), ("despite", "ya")];
    assert_eq!(set(&world, &other, &change).await, StatusCode::SEE_OTHER);
    let stale = [&change[..], &[("edition", read.as_str())]].concat();
    let told = triage.post("/aturan/draf/baris", &stale).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    assert!(told.text.contains("Ada yang berubah") && told.text.contains("juga bila ada kata pungli"), "{}", told.text);
    let gone = format!("/aturan/draf/baris/{row}/hapus");
    assert_eq!(triage.post(&gone, &[("edition", &read)]).await.status, StatusCode::CONFLICT);
    assert_eq!(triage.post(&gone, &[("edition", &edition(&world).await)]).await.leads_to(), "/aturan/draf?done=hapus#daftar");
    let page = triage.get("/aturan/draf").await.words();
    assert!(page.contains("Pohon dan taman : ") || page.contains("Pohon dan taman: "), "what nobody gets is named: {page}");
    // Both wrote at one moment: who is named first is open.
    assert!(["Tri Triase, Dua Triase", "Dua Triase, Tri Triase"].iter().any(|both| page.contains(&format!("disusun {both}"))), "{page}");
    let narrowed = triage.get("/aturan/draf?category=road").await.words();
    assert!(narrowed.contains("1–2 dari 2 baris"), "{narrowed}");
    for login in ["jalan", "loket"] {
        let visitor = world.sign_in(login).await;
        for page in ["/aturan", "/aturan/draf", "/aturan/coba", "/aturan/versi/1"] {
            assert_eq!(visitor.get(page).await.status, StatusCode::FORBIDDEN, "{login} on {page}");
        }
        for page in ["/aturan/draf", "/aturan/draf/baris", gone.as_str(), "/aturan/draf/buang", "/aturan/versi/1/kembali"] {
            assert_eq!(visitor.post(page, &[("edition", "1")]).await.status, StatusCode::FORBIDDEN, "{login} on {page}");
        }
    }
    assert_eq!(triage.post("/aturan/draf/buang", &[("edition", &read)]).await.status, StatusCode::CONFLICT);
    assert_eq!(triage.post("/aturan/draf/buang", &[("edition", &edition(&world).await)]).await.leads_to(), "/aturan?done=buang");
    assert_eq!(triage.get("/aturan/draf").await.leads_to(), "/aturan");
    assert_eq!(triage.get("/aturan/coba").await.leads_to(), "/aturan");
    assert_eq!(triage.get("/aturan/versi/2").await.status, StatusCode::NOT_FOUND);
}

/// Roads of the kelurahan beside belong to the parks agency.
async fn roads_of_kenanga(world: &World) {
    colleague(world).await;
    let (triage, other) = (world.sign_in("triase").await, world.sign_in("triase.dua").await);
    triage.post("/aturan/draf", &[]).await;
    let parks = world.agency("tamhut").to_string();
    let roads = [("category", "road"), ("area", "3171090002"), ("agency", parks.as_str())];
    assert_eq!(set(world, &triage, &roads).await, StatusCode::SEE_OTHER);
    let edition = edition(world).await;
    let publish = [("edition", edition.as_str()), ("current", "1"), ("text", "Jalan di Kenanga")];
    assert_eq!(other.post("/aturan/terbitkan", &publish).await.status, StatusCode::SEE_OTHER);
    world.rooms.refresh().await.expect("a directory");
}

#[tokio::test]
async fn moving_the_pin_asks_the_rules_again_and_the_clock_goes_on() {
    let world = World::new().await;
    roads_of_kenanga(&world).await;
    let (roads, parks) = (world.agency("dbm"), world.agency("tamhut"));
    let complaint = world.complain(Wish { location: model::Point::new(-6.17, 106.83), hours_ago: 50, ..Wish::default() }).await;
    assert_eq!(who(&world, &complaint), [roads]);
    let (officer, neighbour) = (world.sign_in("jalan").await, world.sign_in("taman").await);
    let page = format!("/aduan/{}", complaint.id);
    let form = format!("{page}/lokasi");
    assert_eq!(neighbour.get(&page).await.status, StatusCode::NOT_FOUND);
    for wrong in [
        [("point", "-6.17, 106.83"), ("text", "")],
        [("point", "x"), ("text", "Salah titik")],
        [("point", "1, 1"), ("text", "Salah titik")],
        [("point", ""), ("text", "Salah titik")],
    ] {
        let answer = officer.post(&form, &wrong).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    }
    assert_eq!(world.complaint(complaint.id).await, complaint, "nothing changed");

    // Still in Melati, twenty metres from Kenanga: who would have it there sees it, and answers for nothing.
    let near = [("point", "-6.17, 106.8398"), ("text", "Lubangnya di ujung jalan")];
    assert_eq!(officer.post(&form, &near).await.leads_to(), format!("{page}?done=lokasi"));
    let moved = world.complaint(complaint.id).await;
    assert_eq!((who(&world, &moved), moved.area.as_deref()), (vec![roads], Some("3171090001")));
    let seen = neighbour.get(&page).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(seen.words().contains("Dekat batas wilayah Anda") && !seen.text.contains("/jawab\""), "{}", seen.words());
    let list = neighbour.get("/antrean?view=near").await;
    assert!(list.text.contains(&complaint.reference.to_string()), "{}", list.words());
    assert!(!neighbour.get("/antrean?view=open").await.text.contains(&complaint.reference.to_string()));
    assert_eq!(neighbour.post(&format!("{page}/jawab"), &[("text", "x")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(officer.get(&page).await.words().contains("Dekat batas Kelurahan Kenanga"));

    // Across the border: the rules give it to the other agency, with the time that has passed.
    let over = [("point", "-6.17 106.85"), ("text", "Ternyata di Kenanga")];
    assert_eq!(officer.post(&form, &over).await.status, StatusCode::SEE_OTHER);
    let moved = world.complaint(complaint.id).await;
    let owner = moved.responsible().expect("an owner");
    assert_eq!((owner.agency, moved.area.as_deref(), moved.why.version), (parks, Some("3171090002"), Some(2)));
    let before = complaint.responsible().expect("an owner");
    assert_eq!((owner.clocks.started, owner.deadline), (before.clocks.started, before.deadline), "the clock did not start again");
    assert!(moved.why.near.is_empty(), "{:?}", moved.why.near);
    for (visitor, page) in [(None, format!("/t/{}", complaint.tracking.as_str())), (Some(&neighbour), page.clone())] {
        let page = match visitor {
            Some(visitor) => visitor.get(&page).await,
            None => world.get(&page).await,
        };
        assert!(page.words().contains("Ternyata di Kenanga"), "{}", page.words());
    }
    // Only the area: the point is not known any more.
    assert_eq!(neighbour.post(&form, &[("area", "3171090001"), ("text", "Kata warga di Melati")]).await.status, StatusCode::SEE_OTHER);
    let back = world.complaint(complaint.id).await;
    assert_eq!((back.responsible().map(|dispatch| dispatch.agency), back.location), (Some(roads), None));
    assert_eq!(back.responsible().map(|dispatch| dispatch.deadline), Some(before.deadline));
}
