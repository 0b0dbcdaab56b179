//! Evidence at closing: a photo where one is needed, what it says, what speaks against it, and the second pair of eyes.

use axum::http::StatusCode;
use model::{Action, Complaint, Language, Point, Role, Status, UpdateKind, Visibility};
use store::{
    access::Scope,
    evidence::{self, Doubt, Why},
    staff::NewStaff,
};

use super::{Answer, NOW, PASSWORD, Visitor, Wish, World, city::PICTURE};
use crate::says::photo;

/// A supervisor of the parks agency, besides the one of the roads agency.
async fn another_supervisor(world: &World) {
    let hash = store::staff::hash_password(PASSWORD);
    let (role, agency) = (Role::Supervisor, Some(world.agency("tamhut")));
    let new = NewStaff { login: "taman.penyelia".into(), name: "Tia".into(), role, agency, office: None, language: Language::Id };
    let mut tx = store::begin(&world.db).await.expect("a database");
    store::staff::create(&mut tx, &new, &hash, NOW).await.expect("a database").expect("a new login");
    store::commit(tx).await.expect("a database");
}

async fn rate(world: &World, percent: i16) {
    let mut tx = store::begin(&world.db).await.expect("a database");
    assert!(evidence::set_rate(&mut tx, None, percent, "Surat edaran contoh", world.now()).await.expect("a database"));
    store::commit(tx).await.expect("a database");
    world.pass(jiff::SignedDuration::from_secs(1));
}

async fn settle(officer: &Visitor<'_>, complaint: &Complaint, file: &[u8]) -> Answer {
    officer.post_file(&format!("/aduan/{}/selesai", complaint.id), &[("text", "Sudah ditambal.")], file).await
}

/// As the pages' sweep does, after the file was promoted.
async fn judge(world: &World) {
    world.promote().await;
    while evidence::judge(&world.db, 1, world.now()).await.expect("a database") > 0 {}
}

async fn waiting(world: &World) -> Vec<evidence::Review> {
    let reviews = evidence::reviews(&world.db, &Scope::Everything, 0, 50).await.expect("a database");
    assert_eq!(evidence::count(&world.db, &Scope::Everything).await.expect("a database"), reviews.len() as u64);
    reviews
}

#[tokio::test]
async fn a_category_may_ask_for_a_photo_and_is_not_settled_without_one() {
    let world = World::new().await;
    let mut tx = store::begin(&world.db).await.expect("a database");
    assert!(evidence::set_proof(&mut tx, "road", true).await.expect("a database"));
    assert!(!evidence::set_proof(&mut tx, "none", true).await.expect("a database"));
    store::commit(tx).await.expect("a database");
    world.rooms.refresh().await.expect("a directory");
    let road = world.complain(Wish::default()).await;
    let tree = world.complain(Wish { tel: "081200000002", category: Some("tree"), ..Wish::default() }).await;
    let officer = world.sign_in("jalan").await;
    let page = officer.get(&format!("/aduan/{}", road.id)).await;
    assert!(
        page.text.contains("Wajib untuk kategori ini.") && page.text.contains("aria-describedby=\"foto-hint\" required"),
        "{}",
        page.words()
    );
    let without = officer.post(&format!("/aduan/{}/selesai", road.id), &[("text", "Sudah ditambal.")]).await;
    assert_eq!(without.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        without.text.contains("diselesaikan dengan foto") && without.text.contains(">Sudah ditambal.</textarea>"),
        "{}",
        without.words()
    );
    assert_eq!(world.complaint(road.id).await.status(), Status::Forwarded);
    assert_eq!(settle(&officer, &road, PICTURE).await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.complaint(road.id).await.status(), Status::Resolved);
    let parks = world.sign_in("taman").await;
    assert!(!parks.get(&format!("/aduan/{}", tree.id)).await.text.contains("Wajib untuk kategori ini."));
    let without = parks.post(&format!("/aduan/{}/selesai", tree.id), &[("text", "Sudah dipangkas.")]).await;
    assert_eq!(without.status, StatusCode::SEE_OTHER, "{}", without.text);
}

#[tokio::test]
async fn an_older_a_distant_and_a_known_photo_are_not_proven_and_somebody_else_looks() {
    let world = World::new().await;
    another_supervisor(&world).await;
    rate(&world, 0).await;
    let here = Point::new(-6.2, 106.81);
    let fine = world.complain(Wish { location: here, hours_ago: 30, ..Wish::default() }).await;
    let officer = world.sign_in("jalan").await;
    // Taken today, across the street; nobody had that photo before.
    let good = photo(PICTURE, "2026:11:20 08:00:00", Some(([6, 12, 0], [106, 48, 36])));
    assert_eq!(settle(&officer, &fine, &good).await.status, StatusCode::SEE_OTHER);
    judge(&world).await;
    assert_eq!(waiting(&world).await, [], "nothing speaks against it");
    // Taken a year ago in another city, and the bytes of the one before: storage in this test knows one hash.
    let odd = world.complain(Wish { location: here, tel: "081200000002", hours_ago: 30, ..Wish::default() }).await;
    let bad = photo(PICTURE, "2025:11:20 08:00:00", Some(([6, 30, 0], [106, 48, 36])));
    assert_eq!(settle(&officer, &odd, &bad).await.status, StatusCode::SEE_OTHER);
    judge(&world).await;
    let reviews = waiting(&world).await;
    let [review] = &reviews[..] else { panic!("{reviews:?}") };
    let shown = review.photo.as_ref().expect("a photo");
    assert_eq!((review.complaint, review.why, &shown.doubts[..]), (odd.id, Why::Unproven, &[Doubt::Older, Doubt::Same, Doubt::Far][..]));
    assert_eq!(shown.same_as, Some(fine.id));

    let supervisor = world.sign_in("jalan.penyelia").await;
    let page = supervisor.get("/meja/periksa").await;
    let words = page.words();
    for part in [
        "Belum terbukti: menurut berkasnya, foto diambil sebelum laporan masuk",
        &format!("di laporan {}", fine.reference),
        "lebih dari 500 meter",
        "Foto belum terbukti",
    ] {
        assert!(words.contains(part), "{part} in {words}");
    }
    assert!(!words.to_lowercase().contains("palsu"), "nothing is called false");
    let other = world.sign_in("taman.penyelia").await;
    assert!(!other.get("/meja/periksa").await.text.contains(&odd.reference.to_string()), "another agency's");
    let place = format!("/meja/periksa/{}", review.dispatch);
    for (visitor, status) in [(&other, StatusCode::SEE_OTHER), (&officer, StatusCode::FORBIDDEN)] {
        assert_eq!(visitor.post(&place, &[("outcome", "confirmed")]).await.status, status);
    }
    assert_eq!(waiting(&world).await.len(), 1, "neither of them decided it");
    for (fields, reason) in
        [(&[("outcome", "")][..], "pilih benar selesai"), (&[("outcome", "sent_back"), ("text", " ")], "tuliskan sesuatu")]
    {
        let answer = supervisor.post(&place, fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.words().to_lowercase().contains(reason), "{reason} in {}", answer.words());
    }
    let back = supervisor.post(&place, &[("outcome", "sent_back"), ("text", "Foto lama. Ambil foto baru di lokasi.")]).await;
    assert_eq!(back.leads_to(), "/meja/periksa?done=kembali");
    assert_eq!(world.complaint(odd.id).await.status(), Status::Forwarded);
    let history = store::complaint::history(&world.db, odd.id).await.expect("a database");
    let last = history.last().expect("a step");
    assert_eq!((last.kind, last.text.as_deref()), (UpdateKind::Reopened, Some("Foto lama. Ambil foto baru di lokasi.")));
    let again = supervisor.post(&place, &[("outcome", "confirmed")]).await;
    assert_eq!(again.leads_to(), "/meja/periksa?done=sudah");
    let entries = store::audit::list(&world.db, None, 10).await.expect("a database");
    assert!(entries.iter().any(|(_, entry)| entry.action == "closing.sent_back" && entry.subject == odd.reference.to_string()));
    assert_eq!(waiting(&world).await, []);
}

#[tokio::test]
async fn a_sample_and_all_that_was_contested_is_looked_at_by_somebody_else() {
    let world = World::new().await;
    rate(&world, 0).await;
    let resolve = || Action::Resolve { text: "Sudah.".into(), photo: None };
    let contested = world.complain(Wish::default()).await;
    world.act("jalan", contested.id, resolve()).await;
    assert_eq!(waiting(&world).await, [], "none of a hundred");
    world.pass(jiff::SignedDuration::from_hours(1));
    let page = format!("/t/{}/belum-selesai", contested.tracking.as_str());
    assert!(world.post(&page, &[("reason", "Masih berlubang.")]).await.status.is_redirection());
    world.pass(jiff::SignedDuration::from_hours(1));
    world.act("jalan", contested.id, resolve()).await;
    let reviews = waiting(&world).await;
    assert_eq!(reviews.iter().map(|review| (review.complaint, review.why)).collect::<Vec<_>>(), [(contested.id, Why::Contested)]);

    rate(&world, 100).await;
    let mine = world.complain(Wish { tel: "081200000002", ..Wish::default() }).await;
    world.act("jalan.penyelia", mine.id, resolve()).await;
    let sealed = world.complain(Wish { tel: "081200000003", visibility: Visibility::Secret, ..Wish::default() }).await;
    world.act("jalan", sealed.id, resolve()).await;
    let reviews = waiting(&world).await;
    assert_eq!(reviews.iter().filter(|review| review.why == Why::Sample).count(), 2, "all of a hundred");
    let supervisor = world.sign_in("jalan.penyelia").await;
    let list = supervisor.get("/meja/periksa").await;
    assert!(list.words().contains("3 laporan") && list.words().contains("Anda sendiri yang menyelesaikannya"), "{}", list.words());
    let of = |complaint: &Complaint| reviews.iter().find(|review| review.complaint == complaint.id).expect("waits").dispatch;
    let own = supervisor.post(&format!("/meja/periksa/{}", of(&mine)), &[("outcome", "confirmed")]).await;
    assert_eq!(own.status, StatusCode::UNPROCESSABLE_ENTITY, "one's own work");
    let done = supervisor.post(&format!("/meja/periksa/{}", of(&contested)), &[("outcome", "confirmed")]).await;
    assert_eq!(done.leads_to(), "/meja/periksa?done=benar");
    assert_eq!(world.complaint(contested.id).await.status(), Status::Resolved, "it stays settled");
    let triage = world.sign_in("triase").await;
    let done = triage.post(&format!("/meja/periksa/{}", of(&mine)), &[("outcome", "confirmed")]).await;
    assert_eq!(done.leads_to(), "/meja/periksa?done=benar", "who routes looks at a supervisor's own");
    assert_eq!(waiting(&world).await.len(), 1);
    for wrong in ["/meja/periksa/x", "/meja/periksa/00000000-0000-0000-0000-000000000000"] {
        let answer = supervisor.post(wrong, &[("outcome", "confirmed")]).await;
        assert!(answer.status == StatusCode::NOT_FOUND || answer.leads_to() == "/meja/periksa?done=sudah", "{wrong}");
    }
}

#[tokio::test]
async fn whether_something_is_in_the_sample_is_not_changed_by_trying_again() {
    let world = World::new().await;
    rate(&world, 50).await;
    let mut chosen = 0;
    for n in 0..24 {
        let complaint = world.complain(Wish { tel: &format!("0812000005{n:02}"), ..Wish::default() }).await;
        let mut told = Vec::new();
        for _ in 0..3 {
            world.act("jalan", complaint.id, Action::Resolve { text: "Sudah.".into(), photo: None }).await;
            told.push(waiting(&world).await.iter().any(|review| review.complaint == complaint.id));
            world.pass(jiff::SignedDuration::from_secs(60));
            world.act("jalan.penyelia", complaint.id, Action::Reopen { reason: "Lagi.".into() }).await;
            world.pass(jiff::SignedDuration::from_secs(60));
        }
        assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
        chosen += u32::from(told[0]);
    }
    // Of 24 by halves none or all in one of eight million tries.
    assert!((1..24).contains(&chosen), "{chosen} of 24");
}
