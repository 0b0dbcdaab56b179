//! What may be about one thing, for people to decide.

use axum::http::StatusCode;
use model::{
    Complaint, Visibility,
    incident::{Reason, Suggestion, SuggestionState},
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
    let first = world.complain(Wish { photos: 1, ..Wish::default() }).await;
    let second = world.complain(Wish { text: "Lubang depan pasar", tel: "081200000002", hours_ago: 1, ..Wish::default() }).await;
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
    for part in [one.as_str(), &other, "Lubang depan pasar", "/berkas/", "83 %", "Selisih 2 jam", "Foto yang sama"] {
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
