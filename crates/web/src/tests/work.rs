//! What staff do with a complaint.

use axum::http::{StatusCode, header};
use model::{Action, DispatchState, ReplyKind, Status};

use super::{Wish, World, city::PICTURE};

#[tokio::test]
async fn an_officer_takes_asks_answers_and_resolves_and_the_citizen_hears_each_step() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let officer = world.sign_in("jalan").await;
    let page = format!("/aduan/{}", complaint.id);
    for (action, fields, status) in [
        ("ambil", &[][..], Status::InProgress),
        ("tanya", &[("text", "Di sisi mana?")][..], Status::AwaitingCitizen),
        ("jawab", &[("text", "Tim turun besok.")][..], Status::InProgress),
        ("catat", &[("text", "Aspal dingin cukup.")][..], Status::InProgress),
        ("selesai", &[("text", "Sudah ditambal.")][..], Status::Resolved),
    ] {
        let version = officer.get(&page).await.field("version");
        let answer = officer.post(&format!("{page}/{action}"), &[fields, &[("version", version.as_str())]].concat()).await;
        assert_eq!(answer.leads_to(), format!("{page}?done={action}"));
        assert_eq!(world.complaint(complaint.id).await.status(), status, "{action}");
    }
    let replies = store::reply::of_complaint(&world.db, complaint.id).await.expect("a database");
    let kinds: Vec<ReplyKind> = replies.iter().map(|reply| reply.draft.kind).collect();
    assert_eq!(kinds, [ReplyKind::Forwarded, ReplyKind::Started, ReplyKind::Asked, ReplyKind::Answered, ReplyKind::Resolved]);
    let shown = officer.get(&format!("{page}?done=selesai")).await;
    assert!(shown.text.contains("Laporan dinyatakan selesai.") && shown.text.contains("Aspal dingin cukup."));
}

#[tokio::test]
async fn a_resolution_photo_goes_through_quarantine_to_the_citizens_page() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let officer = world.sign_in("jalan").await;
    let page = format!("/aduan/{}/selesai", complaint.id);
    for (file, said) in [(b"<html>".to_vec(), "bukan foto"), (vec![0xFF; 13_000_000], "")] {
        let answer = officer.post_file(&page, &[("text", "Sudah ditambal.")], &file).await;
        assert!(answer.status.is_client_error(), "{}", answer.status);
        assert!(answer.text.contains(said) && world.complaint(complaint.id).await.status() == Status::Forwarded);
    }
    let answer = officer.post_file(&page, &[("text", "Sudah ditambal.")], PICTURE).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let tracking = format!("/t/{}", complaint.tracking.as_str());
    assert!(!world.get(&tracking).await.text.contains("/foto/"), "unchecked photos are shown to nobody");
    world.promote().await;
    let shown = world.get(&tracking).await;
    let address = shown.text.split('"').find(|part| part.contains("/foto/")).expect("a photo").to_owned();
    assert_eq!(world.get(&address).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_refused_action_keeps_what_was_typed_and_says_why() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let officer = world.sign_in("jalan").await;
    let page = format!("/aduan/{}", complaint.id);
    let seen = officer.get(&page).await.field("version");
    world.act("jalan.dua", complaint.id, Action::Note { text: "Baru saja berubah".into() }).await;
    let stale = officer.post(&format!("{page}/jawab"), &[("text", "Kata-kata yang panjang"), ("version", &seen)]).await;
    assert_eq!(stale.status, StatusCode::CONFLICT);
    for part in ["Belum tersimpan", "Kata-kata yang panjang</textarea>", "Baru saja berubah", "role=\"alert\""] {
        assert!(stale.text.contains(part), "{part}");
    }
    let again = officer.post(&format!("{page}/jawab"), &[("text", "Kata-kata yang panjang"), ("version", &stale.field("version"))]).await;
    assert_eq!(again.status, StatusCode::SEE_OTHER, "pressed again, it is done");

    let colleague = world.sign_in("jalan.dua").await;
    let taken = colleague.post(&format!("{page}/tanya"), &[("text", "Boleh saya?")]).await;
    assert_eq!(taken.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(taken.text.contains("sedang ditangani rekan Anda"));
    let long = "x".repeat(4001);
    let too_long = officer.post(&format!("{page}/jawab"), &[("text", &long)]).await;
    assert!(too_long.status == StatusCode::UNPROCESSABLE_ENTITY && too_long.text.contains(&long));
}

#[tokio::test]
async fn buttons_are_there_for_what_the_rules_allow_and_for_nothing_else() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    world.act("jalan", complaint.id, Action::Claim).await;
    let page = format!("/aduan/{}", complaint.id);
    for (login, expected) in [
        ("jalan", &["jawab", "tanya", "selesai", "koordinasi", "bagi", "alihkan", "lokasi", "catat", "gabung", "tingkat", "batal"][..]),
        ("jalan.dua", &["catat", "gabung", "tingkat"][..]),
        (
            "jalan.penyelia",
            &["ambil", "jawab", "tanya", "selesai", "koordinasi", "bagi", "alihkan", "lokasi", "catat", "gabung", "blokir", "tingkat"][..],
        ),
        ("triase", &["arahkan", "lokasi", "catat", "gabung", "tingkat"][..]),
    ] {
        let shown = world.sign_in(login).await.get(&page).await;
        let start = format!(" action=\"{page}/");
        let mut forms: Vec<&str> = shown.text.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let mut expected = expected.to_vec();
        forms.sort_unstable();
        expected.sort_unstable();
        assert_eq!(forms, expected, "{login}");
    }
}

#[tokio::test]
async fn a_complaint_is_handed_on_to_others_or_to_the_referee_but_never_nowhere() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let officer = world.sign_in("jalan").await;
    let page = format!("/aduan/{}/alihkan", complaint.id);
    let nowhere = officer.post(&page, &[("text", "Bukan kami")]).await;
    assert!(nowhere.status == StatusCode::UNPROCESSABLE_ENTITY && nowhere.text.contains("Pilih paling sedikit satu dinas"));
    let parks = world.agency("tamhut").to_string();
    assert_eq!(officer.post(&page, &[("text", "Ini pohon"), ("agency", &parks)]).await.status, StatusCode::SEE_OTHER);
    let gardener = world.sign_in("taman").await;
    assert!(gardener.get("/antrean").await.text.contains(&complaint.reference.to_string()));
    let back = gardener.post(&page, &[("text", "Bukan pohon kami"), ("to_referee", "ya")]).await;
    assert_eq!(back.status, StatusCode::SEE_OTHER);
    assert_eq!(world.complaint(complaint.id).await.status(), Status::Received);
    let triage = world.sign_in("triase").await;
    let number = complaint.reference.to_string();
    assert!(triage.get("/antrean?view=referee").await.text.contains(&number));
    assert!(!triage.get("/antrean").await.text.contains(&number), "what the referee has is in no other list");
    let page = format!("/aduan/{}", complaint.id);
    assert!(triage.get(&page).await.words().contains("Laporan ini di tangan penengah"));
    let citizens = format!("/t/{}", complaint.tracking.as_str());
    assert!(world.get(&citizens).await.words().contains("Penengah kota Menentukan dinas yang bertanggung jawab"));

    let place = format!("{page}/tetapkan");
    let fields = [("agency", parks.as_str()), ("lead", parks.as_str())];
    let wordless = triage.post(&place, &fields).await;
    assert!(wordless.status == StatusCode::UNPROCESSABLE_ENTITY && wordless.text.contains("Tuliskan sesuatu dulu"));
    let reason = [&fields[..], &[("text", "Pohon ini aset Dinas Pertamanan")]].concat();
    assert_eq!(gardener.post(&place, &reason).await.status, StatusCode::UNPROCESSABLE_ENTITY, "no agency is its own referee");
    assert_eq!(triage.post(&place, &reason).await.status, StatusCode::SEE_OTHER);
    let told = world.get(&citizens).await.words();
    for part in ["Penengah kota menetapkan", "Pohon ini aset Dinas Pertamanan", "Penanggung jawab · "] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(gardener.get(&page).await.words().contains("Dinas Anda ditetapkan oleh penengah."), "before they refuse again");
}

#[tokio::test]
async fn an_agency_asks_another_one_and_keeps_the_complaint() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let (officer, gardener) = (world.sign_in("jalan").await, world.sign_in("taman").await);
    let page = format!("/aduan/{}", complaint.id);
    let parks = world.agency("tamhut").to_string();
    assert_eq!(gardener.get(&page).await.status, StatusCode::NOT_FOUND);
    let fields = [("text", "Akar pohon siapa ini?"), ("agency", parks.as_str()), ("days", "2")];
    assert_eq!(officer.post(&format!("{page}/koordinasi"), &fields).await.status, StatusCode::SEE_OTHER);
    let asked = gardener.get("/antrean?view=asked").await;
    assert!(asked.words().contains("Ditanya dinas lain 1") && asked.text.contains(&complaint.reference.to_string()), "{}", asked.words());
    let shown = gardener.get(&page).await;
    assert!(shown.words().contains("Akar pohon siapa ini?"));
    let answer = [("text", "Milik kami, boleh dipotong"), ("question", &shown.field("question"))];
    let forged = officer.post(&format!("{page}/saran"), &answer).await;
    assert_eq!(forged.status, StatusCode::UNPROCESSABLE_ENTITY, "only who is asked answers");
    assert_eq!(gardener.post(&format!("{page}/saran"), &answer).await.status, StatusCode::SEE_OTHER);
    let again = gardener.post(&format!("{page}/saran"), &answer).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "it is answered once");
    assert!(officer.get(&page).await.words().contains("Milik kami, boleh dipotong"));
    assert!(gardener.get("/antrean?view=asked").await.words().contains("Ditanya dinas lain 0"));
    let kept = world.complaint(complaint.id).await;
    assert_eq!((kept.dispatches.len(), kept.deadline()), (1, complaint.deadline()), "nothing was given away, and its time goes on");
    let told = world.get(&format!("/t/{}", complaint.tracking.as_str())).await.words();
    assert!(told.contains("meminta keterangan") && !told.contains("Akar pohon siapa"), "what agencies say to each other is theirs");
}

#[tokio::test]
async fn pages_say_who_is_responsible_and_who_helps() {
    let world = World::new().await;
    let complaint = world.complain(Wish { category: None, area: None, ..Wish::default() }).await;
    let triage = world.sign_in("triase").await;
    let (roads, parks) = (world.agency("dbm").to_string(), world.agency("tamhut").to_string());
    let page = format!("/aduan/{}", complaint.id);
    let fields = [("agency", roads.as_str()), ("agency", parks.as_str()), ("lead", parks.as_str())];
    assert_eq!(triage.post(&format!("{page}/arahkan"), &fields).await.status, StatusCode::SEE_OTHER);
    let routed = world.complaint(complaint.id).await;
    assert_eq!(routed.responsible().map(|dispatch| dispatch.agency), Some(world.agency("tamhut")));
    for (login, helps) in [("jalan", true), ("taman", false)] {
        let visitor = world.sign_in(login).await;
        let line = visitor.get("/antrean").await.words();
        assert_eq!(line.contains("Membantu"), helps, "{login}: {line}");
        let shown = visitor.get(&page).await.words();
        assert!(shown.contains("Penanggung jawab") && shown.contains("Membantu"), "{login}");
    }
    let told = world.get(&format!("/t/{}", complaint.tracking.as_str())).await.words();
    assert!(told.find("Penanggung jawab · ").expect("is said") < told.find("Membantu · ").expect("is said"), "who answers for it first");
}

#[tokio::test]
async fn triage_gives_a_complaint_to_several_agencies_with_category_and_area() {
    let world = World::new().await;
    let complaint = world.complain(Wish { category: None, area: None, danger: vec!["tumbang".into()], ..Wish::default() }).await;
    let triage = world.sign_in("triase").await;
    let queue = triage.get("/antrean").await;
    assert!(queue.text.contains("Bahaya"));
    let (roads, parks) = (world.agency("dbm").to_string(), world.agency("tamhut").to_string());
    let page = format!("/aduan/{}/arahkan", complaint.id);
    let fields = [("agency", roads.as_str()), ("agency", parks.as_str()), ("category", "tree"), ("area", "3171090002")];
    assert_eq!(triage.post(&page, &fields).await.status, StatusCode::SEE_OTHER);
    let routed = world.complaint(complaint.id).await;
    assert_eq!((routed.category.as_deref(), routed.area.as_deref(), routed.dispatches.len()), (Some("tree"), Some("3171090002"), 2));
    let nobody = triage.post(&page, &[("category", "tree")]).await;
    assert_eq!(nobody.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_supervisor_opens_again_what_their_agency_closed() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    world.act("jalan", complaint.id, Action::Resolve { text: "Beres".into(), photo: None }).await;
    let page = format!("/aduan/{}/buka-lagi", complaint.id);
    let officer = world.sign_in("jalan").await;
    assert_eq!(officer.post(&page, &[("text", "Belum")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let supervisor = world.sign_in("jalan.penyelia").await;
    assert_eq!(supervisor.post(&page, &[("text", "Belum rapi")]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.complaint(complaint.id).await.dispatches[0].state, DispatchState::Open);
}

#[tokio::test]
async fn lists_count_exactly_and_narrow_by_the_address() {
    let world = World::new().await;
    world.complain(Wish { hours_ago: 24 * 30, ..Wish::default() }).await;
    let mine = world.complain(Wish { area: Some("3171090002"), ..Wish::default() }).await;
    let done = world.complain(Wish::default()).await;
    world.act("jalan", mine.id, Action::Claim).await;
    world.act("jalan", done.id, Action::Resolve { text: "Beres".into(), photo: None }).await;
    let officer = world.sign_in("jalan").await;
    let words = officer.get("/antrean").await.words();
    let counts = "Dinas saya 2 Saya tangani 1 Belum diambil 1 Jatuh tempo hari ini 0 Terlambat 1 Dieskalasi 0 Menunggu warga 0 Ditanya dinas lain 0 Dekat batas 0 Selesai 1";
    assert!(words.contains(counts), "{words}");
    assert!(words.contains("terlambat 23 hari"), "{words}");
    let narrowed = officer.get("/antrean?view=open&area=3171090002").await;
    assert!(narrowed.words().contains("1 laporan") && narrowed.text.contains(&mine.reference.to_string()));
    let other = officer.get("/antrean?view=open&category=tree").await;
    assert!(other.words().contains("Tidak ada yang menunggu"));
}

#[tokio::test]
async fn files_that_a_browser_might_run_are_downloads() {
    let world = World::new().await;
    let complaint = world.complain(Wish { photos: 1, ..Wish::default() }).await;
    let photo = world.photo_of(complaint.id).await;
    let officer = world.sign_in("jalan").await;
    let answer = officer.get(&format!("/berkas/{photo}")).await;
    assert_eq!(answer.headers[header::CONTENT_DISPOSITION], "inline");
    assert_eq!(answer.headers[header::CONTENT_SECURITY_POLICY], "default-src 'none'; sandbox");
    assert_eq!(answer.headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
}

#[tokio::test]
async fn a_body_that_is_too_large_or_no_form_is_refused_with_a_page() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let officer = world.sign_in("jalan").await;
    let page = format!("/aduan/{}/jawab", complaint.id);
    let large = "x".repeat(100_000);
    let answer = officer.post(&page, &[("text", &large)]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.words().contains("Kiriman terlalu besar"));
}
