//! What citizens ask about their own data: asked on their page, answered within a clock by who looks after data, and done.

use axum::http::{StatusCode, header};
use jiff::SignedDuration;
use model::{Action, Complaint};
use store::request;

use super::{Visitor, Wish, World};

async fn ask(world: &World, complaint: &Complaint, what: &str) -> String {
    let page = format!("/t/{}", complaint.tracking.as_str());
    assert_eq!(world.post(&format!("{page}/data"), &[("what", what)]).await.leads_to(), format!("{page}?done=data"));
    page
}

/// How many requests wait, and how many of them are late.
async fn waits(world: &World) -> (u64, u64) {
    let waiting = request::waiting(&world.db, world.now()).await.expect("a database");
    (waiting.all, waiting.late)
}

/// What becomes of the first request of the list that waits.
async fn decide(world: &World, admin: &Visitor<'_>, what: &str, reason: &str) -> String {
    let waits = request::list(&world.db, 1).await.expect("a database").remove(0);
    let answer = admin.post(&format!("/permintaan-data/{}", waits.id), &[("do", what), ("reason", reason)]).await;
    answer.leads_to().trim_start_matches("/permintaan-data?done=").to_owned()
}

async fn settled(world: &World, wish: Wish<'_>) -> Complaint {
    let complaint = world.complain(wish).await;
    world.act("jalan", complaint.id, Action::Resolve { text: "Sudah ditambal.".into(), photo: None }).await;
    world.complaint(complaint.id).await
}

/// Every reply that waits goes out and arrives.
async fn told(world: &World) -> Vec<String> {
    let mut said = Vec::new();
    for claimed in store::reply::claim(&world.db, world.now(), std::time::Duration::from_mins(1), 100).await.expect("a database") {
        let (id, text) = (claimed.draft.id, claimed.draft.facts.text.clone().unwrap_or_default());
        let to = claimed.draft.to.clone();
        store::reply::published(&world.db, claimed, &text, world.now()).await.expect("a database");
        let receipt = model::Receipt {
            reply: Some(id),
            adapter: to.adapter,
            account: to.account,
            platform_id: None,
            state: model::ReceiptState::Delivered,
            at: world.now(),
            file_refused: None,
        };
        assert!(store::reply::receipt(&world.db, &receipt).await.expect("a database"));
        said.push(text);
    }
    said
}

#[tokio::test]
async fn a_copy_is_asked_for_allowed_told_and_fetched_for_a_week_without_the_address() {
    let world = World::new().await;
    let complaint = world.complain(Wish { photos: 1, ..Wish::default() }).await;
    told(&world).await;
    let page = ask(&world, &complaint, "copy").await;
    ask(&world, &complaint, "copy").await;
    assert_eq!(waits(&world).await, (1, 0), "asked twice, it is one request");
    assert_eq!(world.get(&format!("{page}/data")).await.status, StatusCode::NOT_FOUND, "nobody allowed it yet");

    let admin = world.sign_in("admin").await;
    let list = admin.get("/permintaan-data").await;
    assert!(
        list.words().contains(&complaint.reference.to_string()) && list.words().contains("Belum ada yang mengambil"),
        "{}",
        list.words()
    );
    assert_eq!(decide(&world, &admin, "take", "").await, "ambil");
    assert!(!admin.get("/permintaan-data").await.words().contains("Belum ada yang mengambil"));
    assert_eq!(decide(&world, &admin, "allow", "").await, "salin");
    assert!(told(&world).await.concat().contains("Salinan data Anda sudah siap"), "in the channel they used");

    assert!(world.get(&page).await.words().contains("Unduh salinan"));
    let copy = world.get(&format!("{page}/data")).await;
    assert_eq!((copy.status, copy.headers[header::CONTENT_TYPE].to_str().expect("text")), (StatusCode::OK, "application/zip"));
    for name in ["data.json", "data.html", "berkas/"] {
        assert!(copy.text.contains(name), "{name}");
    }
    let (directory, subject) = (world.rooms.directory(), store::person::Subject::Complaint(complaint.id));
    let made = crate::copy(&world.db, world.rooms.site(), &directory, subject, world.now(), model::Language::Id).await.expect("a copy");
    let (json, html) = (String::from_utf8(made.json).expect("text"), made.html);
    for text in [&json, &html] {
        assert!(text.contains("Jalan berlubang besar"), "their words: {text}");
        assert!(!text.contains("81200000001") && !text.contains("Sari"), "the link may be with others: {text}");
    }
    assert!(html.contains("Menyalin data untuk Anda"), "who had to do with it, and when");

    for login in ["jalan", "jalan.penyelia", "triase", "loket"] {
        assert_eq!(world.sign_in(login).await.get("/permintaan-data").await.status, StatusCode::FORBIDDEN, "{login}");
    }
    world.pass(SignedDuration::from_hours(7 * 24 + 1));
    assert_eq!(world.get(&format!("{page}/data")).await.status, StatusCode::NOT_FOUND, "after a week it is gone");
}

#[tokio::test]
async fn what_is_open_is_not_erased_what_is_late_is_red_and_a_refusal_says_why() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    told(&world).await;
    let page = ask(&world, &complaint, "erase").await;
    let admin = world.sign_in("admin").await;
    assert!(admin.get("/permintaan-data").await.words().contains("laporan ini belum selesai"));
    assert_eq!(decide(&world, &admin, "allow", "").await, "tertahan");
    world.pass(SignedDuration::from_hours(71));
    let admin = world.sign_in("admin").await;
    assert!(!admin.get("/permintaan-data").await.text.contains("clock-late"));
    world.pass(SignedDuration::from_hours(1) + SignedDuration::from_secs(1));
    let late = admin.get("/permintaan-data").await;
    assert!(late.text.contains("clock-late") && late.words().contains("1 permintaan lewat dari 3 × 24 jam"), "{}", late.words());

    assert_eq!(decide(&world, &admin, "refuse", "").await, "alasan");
    assert_eq!(decide(&world, &admin, "refuse", "Laporan masih dikerjakan.").await, "tolak");
    assert!(told(&world).await.concat().contains("tidak dapat kami penuhi: Laporan masih dikerjakan."));
    assert!(world.get(&page).await.words().contains("tidak dapat dipenuhi: Laporan masih dikerjakan."));
    assert_eq!(waits(&world).await, (0, 0));
    assert_eq!(world.complaint(complaint.id).await.text, complaint.text);
}

#[tokio::test]
async fn what_is_allowed_to_be_erased_goes_after_the_citizen_was_told_and_leaves_a_tombstone() {
    let world = World::new().await;
    let complaint = settled(&world, Wish { photos: 1, ..Wish::default() }).await;
    told(&world).await;
    let page = ask(&world, &complaint, "erase").await;
    let admin = world.sign_in("admin").await;
    assert_eq!(decide(&world, &admin, "allow", "").await, "hapus");
    assert_eq!(request::work_off(&world.db, world.now()).await.expect("runs"), 0, "they are told first");
    assert!(told(&world).await.concat().contains("Kami menghapus data Anda"));
    assert_eq!(request::work_off(&world.db, world.now()).await.expect("runs"), 1);
    assert_eq!(request::work_off(&world.db, world.now()).await.expect("runs"), 0, "once");

    let bare = world.complaint(complaint.id).await;
    assert_eq!((bare.text.as_str(), &bare.place, &bare.reply_to), ("", &None, &None));
    assert_eq!(
        (&bare.category, &bare.area, bare.status(), bare.opened_at),
        (&complaint.category, &complaint.area, complaint.status(), complaint.opened_at)
    );
    let shown = world.get(&page).await;
    for words in ["Kata-kata laporan: dihapus", "atas permintaan pelapor"] {
        assert!(shown.words().contains(words), "{words}: {}", shown.words());
    }
    assert!(shown.words().contains("tidak bisa dibuka kembali") && !shown.text.contains("/belum-selesai"), "{}", shown.words());
    let again = world.post(&format!("{page}/belum-selesai"), &[("reason", "Masih berlubang")]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(again.words().contains("buat laporan baru"), "{}", again.words());
    let triage = world.sign_in("triase").await;
    let version = bare.version.to_string();
    let again = triage.post(&format!("/aduan/{}/buka-lagi", complaint.id), &[("version", &version), ("text", "Masih berlubang")]).await;
    assert!(again.words().contains("Data laporan ini sudah dihapus"), "{} {}", again.status, again.words());
    assert_eq!(world.complaint(complaint.id).await.status(), complaint.status());
    let officer = world.sign_in("jalan").await.get(&format!("/aduan/{}", complaint.id)).await;
    assert_eq!(officer.status, StatusCode::OK);
    assert!(officer.words().contains("Berkas laporan: dihapus"), "{}", officer.words());
    for gone in ["Jalan berlubang besar", "Sari", "81200000001", "Sudah ditambal", "Depan Pasar Bunga"] {
        assert!(!shown.text.contains(gone) && !officer.text.contains(gone), "{gone}");
    }
    assert!(admin.get("/permintaan-data").await.words().contains("1 laporan dikerjakan, 0 harus tetap disimpan"));
    assert_eq!(store::retention::files_left(&world.db, 10).await.expect("a database").len(), 2, "original and copy are to go from storage");
    assert_eq!(store::audit::verify(&world.db, &[]).await.expect("a database").fault, None);
}
