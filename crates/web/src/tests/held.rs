//! What is held: the list *Karantina* with its reasons, what triage says of it, and what its citizen sees.

use axum::http::StatusCode;
use jiff::SignedDuration;
use model::{Status, Verdict};

use super::{Wish, World};

const LIST: &str = "/antrean?view=karantina";

fn advert() -> Wish<'static> {
    Wish { tel: "081200000021", text: "Slot gacor maxwin, daftar di contoh-gacor.xyz", held: true, ..Wish::default() }
}

#[tokio::test]
async fn triage_sees_what_is_held_with_its_reasons_and_nobody_else_does() {
    let world = World::new().await;
    let held = world.complain(advert()).await;
    let number = held.reference.to_string();
    let triage = world.sign_in("triase").await;
    let list = triage.get(LIST).await;
    for part in [number.as_str(), "Karantina <span class=\"count\">1</span>", "Ditahan: kata iklan: gacor (+60), menyebut masalah (-25)"] {
        assert!(list.text.contains(part) || list.words().contains(part), "{part} in {}", list.words());
    }
    assert!(!triage.get("/antrean?view=triage").await.text.contains(&number), "it is not to be sent on");
    assert!(!world.sign_in("jalan").await.get(LIST).await.text.contains(&number));
    assert_eq!(world.sign_in("jalan").await.get(&format!("/aduan/{}", held.id)).await.status, StatusCode::NOT_FOUND);
    let page = triage.get(&format!("/aduan/{}", held.id)).await;
    assert!(
        page.words().contains("Di karantina: harus diperiksa sebelum") && page.words().contains("Alasan ditahan, 35 poin"),
        "{}",
        page.words()
    );
    world.pass(SignedDuration::from_hours(24 * 5));
    let late = world.sign_in("triase").await.get(LIST).await;
    assert!(late.words().contains("Terlambat") || late.text.contains("class=\"chip late\""), "late ones are marked: {}", late.words());
}

#[tokio::test]
async fn one_is_let_go_and_another_closed_with_a_reason_that_its_citizen_reads_and_may_object_to() {
    let world = World::new().await;
    let (real, spam) = (world.complain(advert()).await, world.complain(Wish { tel: "081200000022", ..advert() }).await);
    let triage = world.sign_in("triase").await;
    let page = |complaint: &model::Complaint| format!("/aduan/{}", complaint.id);
    assert_eq!(world.sign_in("jalan.penyelia").await.post(&format!("{}/lepas", page(&real)), &[]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(triage.post(&format!("{}/lepas", page(&real)), &[]).await.leads_to(), format!("{}?done=lepas", page(&real)));
    let gone = world.complaint(real.id).await;
    assert!(gone.dispatches.len() == 1 && gone.why.held.is_some_and(|held| held.verdict == Some(Verdict::Real)));
    let again = triage.post(&format!("{}/lepas", page(&real)), &[]).await;
    assert!(again.status == StatusCode::UNPROCESSABLE_ENTITY && again.words().contains("tidak (lagi) di karantina"), "{}", again.words());

    let wordless = triage.post(&format!("{}/tolak", page(&spam)), &[("text", " ")]).await;
    assert_eq!(wordless.status, StatusCode::UNPROCESSABLE_ENTITY);
    triage.post(&format!("{}/tolak", page(&spam)), &[("text", "Iklan judi.")]).await;
    assert_eq!(world.complaint(spam.id).await.status(), Status::Resolved);
    let track = format!("/t/{}", spam.tracking.as_str());
    let shown = world.get(&track).await;
    assert!(shown.words().contains("menurut petugas ini bukan laporan") && shown.words().contains("Iklan judi."), "{}", shown.words());
    let objected = world.post(&format!("{track}/belum-selesai"), &[("reason", "Ini laporan sungguhan.")]).await;
    assert!(objected.status.is_redirection(), "{}", objected.text);
    let contested = world.complaint(spam.id).await;
    assert_eq!((contested.status(), contested.why.held.and_then(|held| held.verdict)), (Status::Received, Some(Verdict::Contested)));
    assert!(triage.get("/antrean?view=triage").await.text.contains(&spam.reference.to_string()), "a person has it now");
}

#[tokio::test]
async fn several_are_let_go_or_closed_at_once() {
    let world = World::new().await;
    let mut all = Vec::new();
    for tel in ["081200000031", "081200000032", "081200000033", "081200000034"] {
        all.push(world.complain(Wish { tel, ..advert() }).await.id.to_string());
    }
    let triage = world.sign_in("triase").await;
    let list = triage.get(LIST).await;
    assert!(list.text.contains("<option value=\"lepas\"") && list.text.contains("<option value=\"tolak\""), "{}", list.text);
    assert!(!triage.get("/antrean?view=open").await.text.contains("<option value=\"lepas\""));
    let ids = |some: &[String]| some.iter().map(|id| ("id".to_owned(), id.clone())).collect::<Vec<_>>();
    let post = |fields: Vec<(String, String)>| {
        let triage = &triage;
        async move {
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            triage.post("/antrean/sekaligus", &fields).await
        }
    };
    let with = |some: &[String], more: &[(&str, &str)]| {
        ids(some).into_iter().chain(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).collect::<Vec<_>>()
    };
    assert!(post(with(&all[..2], &[("what", "lepas")])).await.words().contains("2 laporan dikerjakan."));
    let wordless = post(with(&all[2..], &[("what", "tolak")])).await;
    assert_eq!(wordless.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(post(with(&all[2..], &[("what", "tolak"), ("text", "Iklan judi.")])).await.words().contains("2 laporan dikerjakan."));
    assert!(triage.get(LIST).await.text.contains("Karantina <span class=\"count\">0</span>"));
}

#[tokio::test]
async fn an_admin_is_told_what_waits_too_long_in_quarantine_and_of_requests_about_data() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    world.complain(advert()).await;
    world.post(&format!("/t/{}/data", complaint.tracking.as_str()), &[("what", "copy")]).await;
    let channels = async || world.sign_in("admin").await.get("/admin").await;
    let early = channels().await;
    assert!(!early.words().contains("Karantina belum diperiksa") && !early.words().contains("Permintaan data hampir"), "{}", early.words());
    world.pass(SignedDuration::from_hours(60));
    let near = channels().await;
    assert!(near.words().contains("Permintaan data hampir terlambat"), "{}", near.words());
    world.pass(SignedDuration::from_hours(60));
    let late = channels().await;
    for part in ["1 pesan di karantina belum diperiksa", "1 permintaan warga tentang datanya belum dijawab"] {
        assert!(late.words().contains(part), "{part} in {}", late.words());
    }
    assert!(
        late.text.contains("href=\"/permintaan-data\"") && late.text.contains("href=\"/antrean?view=karantina\""),
        "each leads to its list"
    );
}
