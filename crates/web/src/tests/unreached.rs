//! What reached nobody: who sees it, what is told of it, and how a person settles it.

use axum::http::StatusCode;
use jiff::SignedDuration;
use model::{Complaint, Receipt, ReceiptState, UpdateKind, Visibility};

use super::{Wish, World};

/// The last reply of a complaint fails, and no other way is left.
pub(super) async fn fail(world: &World, complaint: &Complaint) {
    let replies = store::reply::of_complaint(&world.db, complaint.id).await.expect("a database");
    let last = replies.last().expect("a reply").draft.clone();
    let receipt = Receipt {
        reply: Some(last.id),
        platform_id: None,
        adapter: last.to.adapter,
        account: last.to.account,
        state: ReceiptState::Failed { code: "131026".into(), detail: "Message undeliverable".into() },
        at: world.now() - SignedDuration::from_mins(1),
        file_refused: None,
    };
    assert!(store::reply::receipt(&world.db, &receipt).await.expect("a database"));
    let mut tx = store::begin(&world.db).await.expect("a database");
    let today = jiff::civil::date(2026, 11, 20);
    store::reach::climb(&mut tx, world.now(), today).await.expect("a database").expect("it failed");
    store::commit(tx).await.expect("a database");
}

#[tokio::test]
async fn an_answer_that_reached_nobody_is_a_task_until_somebody_has_told_them() {
    let world = World::new().await;
    let complaint = world.complain(Wish { name: Some("Budi Contoh"), ..Wish::default() }).await;
    let officer = world.sign_in("jalan").await;
    assert!(officer.get("/tak-sampai").await.text.contains("Semua jawaban sampai"));
    fail(&world, &complaint).await;
    let list = officer.get("/tak-sampai").await;
    let number = complaint.reference.to_string();
    for part in [&number, "Budi Contoh", "Tanda terima", "131026: Message undeliverable", "Tidak ada alamat lain", "1 laporan"] {
        assert!(list.text.contains(part), "{part} in {}", list.words());
    }
    assert!(!list.text.contains(complaint.tracking.as_str()), "the link is the citizen's");
    let queue = officer.get("/antrean").await;
    assert!(queue.text.contains("href=\"/tak-sampai\">Tak sampai <span class=\"count\">1</span>"), "{}", queue.text);
    assert!(officer.get(&format!("/aduan/{}", complaint.id)).await.text.contains("Menunggu disampaikan petugas."));
    assert!(!world.sign_in("taman").await.get("/tak-sampai").await.text.contains(&number), "another agency's");
    assert!(world.sign_in("triase").await.get("/tak-sampai").await.text.contains(&number));

    let place = format!("/tak-sampai/{}", complaint.id);
    let reply = list.field("reply");
    let unsaid = officer.post(&place, &[("reply", &reply), ("text", "Sudah ditelepon"), ("how", "")]).await;
    assert_eq!(unsaid.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unsaid.text.contains("Sudah ditelepon</textarea>") && unsaid.text.contains("pilih dulu"), "{}", unsaid.text);
    let fields = [("reply", reply.as_str()), ("text", "Diterima istrinya."), ("how", "telephone")];
    assert_eq!(world.sign_in("taman").await.post(&place, &fields).await.status, StatusCode::NOT_FOUND);
    assert_eq!(officer.post(&place, &fields).await.leads_to(), "/tak-sampai?done=disampaikan");
    let history = store::complaint::history(&world.db, complaint.id).await.expect("a database");
    let step = history.last().expect("a step");
    let words = step.text.as_deref().unwrap_or_default();
    assert_eq!((step.kind, words), (UpdateKind::Noted, "Disampaikan kepada warga lewat telepon.\nDiterima istrinya."));
    assert!(officer.get("/tak-sampai?done=disampaikan").await.text.contains("Semua jawaban sampai"));
    assert_eq!(officer.post(&place, &fields).await.leads_to(), "/tak-sampai?done=sudah");
    assert_eq!(store::complaint::history(&world.db, complaint.id).await.expect("a database").len(), history.len(), "told once");
}

#[tokio::test]
async fn whose_name_the_complaint_hides_the_list_hides_too_and_an_office_is_named() {
    let world = World::new().await;
    let secret = world.complain(Wish { name: Some("Sari Rahasia"), visibility: Visibility::Secret, ..Wish::default() }).await;
    fail(&world, &secret).await;
    let entered = world.complain(Wish { account: "kel-melati", tel: "081200000002", ..Wish::default() }).await;
    fail(&world, &entered).await;
    let officer = world.sign_in("jalan").await.get("/tak-sampai").await;
    assert!(officer.text.contains(&secret.reference.to_string()) && !officer.text.contains("Sari Rahasia"));
    assert!(!officer.text.contains("81200000001"), "{}", officer.words());
    assert!(officer.text.contains("Laporan rahasia: tidak dikirim") && officer.text.contains("Dilaporkan di loket"));
    let triage = world.sign_in("triase").await;
    let list = triage.get("/tak-sampai").await;
    assert!(!list.text.contains("Sari Rahasia") && !list.text.contains("81200000001"), "{}", list.words());
    // Who routes may ask who wrote, and says why.
    let asked = triage.post(&format!("/aduan/{}/pelapor", secret.id), &[("text", "Jawaban harus disampaikan sendiri.")]).await;
    assert!(asked.status.is_redirection(), "{}", asked.text);
    let list = triage.get("/tak-sampai").await;
    assert!(list.text.contains("Sari Rahasia") && list.text.contains("81200000001"), "{}", list.words());
    assert_eq!(world.sign_in("loket").await.get("/tak-sampai").await.status, StatusCode::FORBIDDEN);
}
