//! What may be about one thing, for people to decide.

use axum::http::StatusCode;
use model::{
    Action, Complaint, Point, Visibility,
    incident::{IncidentState, Reason, Suggestion, SuggestionState},
};
use store::incident;

use super::{Wish, World, city::NOW};

pub(super) async fn suggest(world: &World, complaint: &Complaint, other: &Complaint) {
    let pair = Suggestion {
        complaint: complaint.id,
        other: other.id,
        percent: 83,
        reasons: vec![Reason::Place { percent: 90 }, Reason::Hours { hours: 2 }, Reason::Picture],
        at: NOW,
        state: SuggestionState::Open,
        by: None,
        decided_at: None,
    };
    let mut tx = store::begin(&world.db).await.expect("begins");
    incident::suggest(&mut tx, &[pair]).await.expect("is kept");
    store::commit(tx).await.expect("commits");
}

async fn two(world: &World) -> (Complaint, Complaint) {
    let location = Point::new(-6.171, 106.828);
    let first = world.complain(Wish { photos: 1, location, ..Wish::default() }).await;
    let location = Point::new(-6.172, 106.829);
    let second = Wish { text: "Lubang depan pasar", tel: "081200000002", hours_ago: 1, photos: 2, location, ..Wish::default() };
    let second = world.complain(second).await;
    suggest(world, &second, &first).await;
    (first, second)
}

/// For the browser: two complaints that are one incident, and two more pairs to decide; where the incident is.
pub(crate) async fn an_incident_and_two_pairs(world: &World, open: &Complaint, asked: &Complaint, resolved: &Complaint) -> String {
    suggest(world, asked, open).await;
    let triage = world.sign_in("triase").await;
    assert_eq!(triage.post(&format!("/usulan/{}/{}", asked.id, open.id), &[("what", "gabung")]).await.status, StatusCode::SEE_OTHER);
    suggest(world, open, resolved).await;
    two(world).await;
    let (found, _) = incident::of_complaint(&world.db, open.id).await.expect("is read").expect("is there");
    let officer = world.sign_in("jalan").await;
    let note = [("what", "note"), ("text", "Semua di depan pasar.")];
    assert_eq!(officer.post(&format!("/kejadian/{}/tindakan", found.id), &note).await.status, StatusCode::SEE_OTHER);
    format!("/kejadian/{}", found.id)
}

#[tokio::test]
async fn a_pair_is_shown_side_by_side_joined_undone_and_joined_again() {
    let world = World::new().await;
    let (first, second) = two(&world).await;
    let triage = world.sign_in("triase").await;
    let shown = triage.get("/usulan").await;
    let (one, other) = (first.reference.to_string(), second.reference.to_string());
    let photo = format!("alt=\"Foto laporan {one}\"");
    let points = format!("data-points=\"-6.171,106.828,{one};-6.172,106.829,{other}\"");
    let parts = ["Lubang depan pasar", "/berkas/", "83 %", "Selisih 2 jam", "Foto yang sama", "Jarak kedua titik: 157 meter"];
    for part in parts.into_iter().chain([one.as_str(), &other, &photo, &points]) {
        assert!(shown.text.contains(part), "{part}");
    }
    let address = format!("/usulan/{}/{}", second.id, first.id);
    for turn in 0..2 {
        let answer = triage.post(&address, &[("what", "gabung")]).await;
        assert!(answer.leads_to().starts_with("/usulan?done=gabung"), "{turn}");
        let page = triage.get(answer.leads_to()).await;
        assert!(page.text.contains("Tidak ada usulan") && page.text.contains("Laporan sudah digabung"));
        let complaint = triage.get(&format!("/aduan/{}", first.id)).await;
        assert!(complaint.text.contains("Buka kejadian") && complaint.text.contains(&other) && complaint.text.contains("/pisah"));
        let back = page.text.split('"').find(|part| part.starts_with("/langkah/")).expect("a way back").to_owned();
        let undone = triage.post(&back, &[]).await;
        assert!(undone.leads_to().starts_with("/usulan?done=batal"));
        assert!(triage.get("/usulan").await.text.contains(&one), "it waits again");
        assert!(!triage.get(&format!("/aduan/{}", first.id)).await.text.contains("Buka kejadian"));
    }
}

#[tokio::test]
async fn what_is_not_the_same_goes_what_is_put_off_stays_and_who_splits_is_alone() {
    let world = World::new().await;
    let (first, second) = two(&world).await;
    let third = world.complain(Wish { text: "Jalan bolong", tel: "081200000003", hours_ago: 0, ..Wish::default() }).await;
    suggest(&world, &third, &first).await;
    let officer = world.sign_in("jalan").await;
    let pair = |complaint: &Complaint| format!("/usulan/{}/{}", complaint.id, first.id);
    assert_eq!(officer.post(&pair(&second), &[("what", "nanti")]).await.status, StatusCode::SEE_OTHER);
    assert!(officer.get("/usulan").await.text.contains("Ditunda"));
    assert_eq!(officer.post(&pair(&third), &[("what", "beda")]).await.status, StatusCode::SEE_OTHER);
    assert!(!officer.get("/usulan").await.text.contains("Jalan bolong"));
    assert_eq!(officer.post(&pair(&second), &[("what", "gabung")]).await.status, StatusCode::SEE_OTHER);
    let split = officer.post(&format!("/aduan/{}/pisah", second.id), &[]).await;
    assert!(split.leads_to().starts_with("/usulan?done=pisah"));
    assert!(incident::of_complaint(&world.db, first.id).await.expect("is read").is_none(), "of two nothing is left");
    let again = officer.post(&format!("/aduan/{}/pisah", second.id), &[]).await;
    assert!(again.leads_to().contains("refused=apart"));
}

#[tokio::test]
async fn an_agency_acts_on_all_and_sees_what_became_of_it() {
    let world = World::new().await;
    let (first, second) = two(&world).await;
    let officer = world.sign_in("jalan").await;
    officer.post(&format!("/usulan/{}/{}", second.id, first.id), &[("what", "gabung")]).await;
    let (found, _) = incident::of_complaint(&world.db, first.id).await.expect("is read").expect("is there");
    let page = format!("/kejadian/{}", found.id);
    assert!(officer.get(&page).await.text.contains("Tindakan untuk semua laporan"));
    let unsaid = officer.post(&format!("{page}/tindakan"), &[("what", "resolve")]).await;
    assert!(unsaid.status.is_client_error(), "without words nothing is resolved: {}", unsaid.status);
    let done = officer.post(&format!("{page}/tindakan"), &[("what", "resolve"), ("text", "Sudah ditambal.")]).await;
    assert_eq!(done.leads_to(), format!("{page}?done=tindakan"));
    let shown = officer.get(done.leads_to()).await;
    assert!(shown.text.contains("0 laporan selesai diproses, 0 tidak bisa, 2 menunggu") && shown.text.contains("Sudah ditambal."));
    assert!(world.sign_in("triase").await.get(&page).await.text.contains("Laporan di dalamnya"));
}

#[tokio::test]
async fn nobody_sees_or_joins_what_is_not_theirs_to_see() {
    let world = World::new().await;
    let (first, second) = two(&world).await;
    let gardener = world.sign_in("taman").await;
    assert!(!gardener.get("/usulan").await.text.contains(&first.reference.to_string()));
    let address = format!("/usulan/{}/{}", second.id, first.id);
    assert_eq!(gardener.post(&address, &[("what", "gabung")]).await.status, StatusCode::NOT_FOUND);
    assert!(world.sign_in("loket").await.get("/usulan").await.status.is_client_error(), "clerks decide nothing here");
    let triage = world.sign_in("triase").await;
    triage.post(&address, &[("what", "gabung")]).await;
    let (found, _) = incident::of_complaint(&world.db, first.id).await.expect("is read").expect("is there");
    assert_eq!(gardener.get(&format!("/kejadian/{}", found.id)).await.status, StatusCode::NOT_FOUND);
    let step = incident::steps(&world.db, &[first.id], 1).await.expect("is read").remove(0);
    assert_eq!(gardener.post(&format!("/langkah/{}/batal", step.id), &[]).await.status, StatusCode::NOT_FOUND);
    let secret = world.complain(Wish { visibility: Visibility::Secret, tel: "081200000009", ..Wish::default() }).await;
    suggest(&world, &secret, &first).await;
    assert!(!triage.get("/usulan").await.text.contains(&secret.reference.to_string()), "a confidential one is shown beside nothing");
    let refused = triage.post(&format!("/usulan/{}/{}", secret.id, first.id), &[("what", "gabung")]).await;
    assert!(refused.leads_to().contains("refused=confidential"));
}

#[tokio::test]
async fn two_that_nothing_suggested_are_joined_by_number_with_a_reason_and_taken_back_nothing_is_left() {
    let world = World::new().await;
    let first = world.complain(Wish::default()).await;
    let second = world.complain(Wish { text: "Aspal ambles", tel: "081200000002", hours_ago: 1, ..Wish::default() }).await;
    let officer = world.sign_in("jalan").await;
    let page = format!("/aduan/{}", second.id);
    assert!(officer.get(&page).await.text.contains("Gabung dengan laporan lain"));
    let number = first.reference.to_string().to_lowercase();
    let answer = officer.post(&format!("{page}/gabung"), &[("number", &number), ("text", "Lubang yang sama, saya lihat sendiri.")]).await;
    assert_eq!(answer.leads_to(), format!("{page}?done=gabung"));
    let (found, members) = incident::of_complaint(&world.db, first.id).await.expect("is read").expect("is in one");
    assert_eq!((found.lead, members.len()), (first.id, 2));
    assert!(officer.get(answer.leads_to()).await.text.contains(&first.reference.to_string()));
    let shown = officer.get(&format!("/kejadian/{}", found.id)).await.text;
    assert!(shown.contains("Lubang yang sama, saya lihat sendiri."), "colleagues read why");
    let decided = incident::decided(&world.db, 10).await.expect("is read");
    assert!(matches!(decided.as_slice(), [(later, _, true)] if later.id == second.id), "the next model learns from it");

    let again = officer.post(&format!("{page}/gabung"), &[("number", &number), ("text", "lagi")]).await;
    assert!(again.status == StatusCode::UNPROCESSABLE_ENTITY && again.text.contains("sudah dalam satu kejadian"));
    let step = incident::steps(&world.db, &[first.id], 1).await.expect("is read").remove(0);
    assert!(officer.post(&format!("/langkah/{}/batal", step.id), &[]).await.leads_to().contains("done=batal"));
    assert!(incident::of_complaint(&world.db, first.id).await.expect("is read").is_none());
    assert!(incident::decided(&world.db, 10).await.expect("is read").is_empty());
    assert!(officer.get("/usulan").await.text.contains("Tidak ada usulan"), "no pair stays behind");
}

#[tokio::test]
async fn by_number_nobody_reaches_what_is_not_theirs_and_what_was_typed_stays() {
    let world = World::new().await;
    let road = world.complain(Wish::default()).await;
    let tree = world.complain(Wish { text: "Pohon miring", category: Some("tree"), tel: "081200000002", ..Wish::default() }).await;
    let secret = world.complain(Wish { visibility: Visibility::Secret, tel: "081200000003", ..Wish::default() }).await;
    let officer = world.sign_in("jalan").await;
    let page = format!("/aduan/{}/gabung", road.id);
    let asked = async |number: &str, text: &str| officer.post(&page, &[("number", number), ("text", text)]).await;
    let unknown = "Tidak ada laporan dengan nomor itu";
    for number in [
        tree.reference.to_string(),
        "bukan nomor".into(),
        model::Reference::of(&model::MessageKey { adapter: "chat".parse().expect("a name"), account: "x".into(), id: "y".into() }, 0)
            .to_string(),
    ] {
        let answer = asked(&number, "sama persis").await;
        assert!(answer.status == StatusCode::UNPROCESSABLE_ENTITY && answer.text.contains(unknown), "{number}");
        assert!(answer.text.contains(&format!("value=\"{number}\"")) && answer.text.contains("sama persis"), "what was typed stays");
    }
    assert!(asked(&road.reference.to_string(), "diri sendiri").await.status.is_client_error());
    let second = world.complain(Wish { text: "Aspal ambles", tel: "081200000004", ..Wish::default() }).await;
    assert!(asked(&second.reference.to_string(), " ").await.status.is_client_error(), "without a reason nothing is joined");
    assert!(asked(&secret.reference.to_string(), "sama").await.status.is_client_error(), "a confidential one joins nothing");
    assert!(!officer.get(&format!("/aduan/{}", secret.id)).await.text.contains("/gabung\""));
    assert_eq!(
        world.sign_in("taman").await.post(&page, &[("number", &tree.reference.to_string()), ("text", "x")]).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(world.sign_in("loket").await.post(&page, &[("number", "x"), ("text", "x")]).await.status, StatusCode::FORBIDDEN);
    assert!(incident::of_complaint(&world.db, road.id).await.expect("is read").is_none());

    // Two incidents, each with one of the other agency: only who sees all of it makes one of them.
    let third = world.complain(Wish { text: "Pohon roboh ke jalan", category: Some("tree"), tel: "081200000005", ..Wish::default() }).await;
    let triage = world.sign_in("triase").await;
    for (one, other) in [(&road, &tree), (&second, &third)] {
        let fields = [("number", other.reference.to_string()), ("text", "satu hal".to_owned())];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert!(triage.post(&format!("/aduan/{}/gabung", one.id), &fields).await.status.is_redirection());
    }
    let refused = asked(&second.reference.to_string(), "satu hal").await;
    assert!(refused.text.contains("Mintalah petugas triase"), "{}", refused.status);
    let fields = [("number", second.reference.to_string()), ("text", "satu hal".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert!(triage.post(&page, &fields).await.status.is_redirection());
    let (_, members) = incident::of_complaint(&world.db, third.id).await.expect("is read").expect("is in one");
    assert_eq!(members.len(), 4);
}

/// Joined, resolved one by one, and closed as intake does it.
pub(crate) async fn a_closed_one(world: &World) -> (String, Complaint) {
    let (first, second) = two(world).await;
    let officer = world.sign_in("jalan").await;
    officer.post(&format!("/usulan/{}/{}", second.id, first.id), &[("what", "gabung")]).await;
    for complaint in [&first, &second] {
        world.act("jalan", complaint.id, Action::Resolve { text: "Sudah ditambal.".into(), photo: None }).await;
    }
    let (found, _) = incident::of_complaint(&world.db, first.id).await.expect("is read").expect("is in one");
    let mut tx = store::begin(&world.db).await.expect("begins");
    assert!(incident::close_if_done(&mut tx, found.id).await.expect("is closed"));
    store::commit(tx).await.expect("commits");
    (format!("/kejadian/{}", found.id), first)
}

#[tokio::test]
async fn a_closed_incident_is_opened_again_by_who_may_open_complaints_with_a_reason_and_taken_back() {
    let world = World::new().await;
    let (page, first) = a_closed_one(&world).await;
    let state = async || incident::of_complaint(&world.db, first.id).await.expect("is read").expect("is there").0.state;
    let open = format!("{page}/buka");
    let officer = world.sign_in("jalan").await;
    assert!(!officer.get(&page).await.text.contains(&open), "an officer opens no complaint again either");
    assert!(officer.post(&open, &[("text", "Air datang lagi.")]).await.leads_to().contains("refused=role"));
    assert_eq!(world.sign_in("taman").await.post(&open, &[("text", "x")]).await.status, StatusCode::NOT_FOUND);
    let supervisor = world.sign_in("jalan.penyelia").await;
    assert!(supervisor.get(&page).await.text.contains(&open));
    assert!(supervisor.post(&open, &[("text", "")]).await.leads_to().contains("refused=words"));
    assert_eq!(state().await, IncidentState::Closed);
    let done = supervisor.post(&open, &[("text", "Air datang lagi."), ("all", "ya")]).await;
    let shown = supervisor.get(done.leads_to()).await.text;
    assert!(shown.contains("Kejadian terbuka kembali") && shown.contains("Air datang lagi."), "{shown}");
    assert!(shown.contains("Buka semua laporan kembali") && shown.contains("2 menunggu"), "each complaint waits for its turn");
    assert_eq!(state().await, IncidentState::Open);
    assert!(supervisor.post(&open, &[("text", "lagi")]).await.leads_to().contains("refused=open"));
    let step = incident::steps(&world.db, &[first.id], 1).await.expect("is read").remove(0);
    assert!(supervisor.post(&format!("/langkah/{}/batal", step.id), &[]).await.leads_to().contains("done=batal"));
    assert_eq!(state().await, IncidentState::Closed);
}
