//! Bodies without accounts: their list, the task they get, the page behind their link, and what it never shows.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use jiff::SignedDuration;
use model::{Action, Address, ComplaintId, Receipt, ReceiptState, TrackingCode, UpdateKind, Visibility};
use store::{task::Reached, work_message as message};

use super::{Answer, Visitor, Wish, World, city::PICTURE};

/// The roads agency knows a neighbourhood, and gives it a task; gives back the address of its page.
pub(super) async fn entrusted(world: &World, id: ComplaintId, photos: bool) -> String {
    let head = world.sign_in("jalan.penyelia").await;
    if store::task::bodies(&world.db, world.agency("dbm")).await.expect("a database").is_empty() {
        assert_eq!(add(&head, "RT 03/RW 05 Melati", "").await.leads_to(), "/pengurus?done=simpan");
    }
    let officer = world.sign_in("jalan").await;
    let body = store::task::bodies(&world.db, world.agency("dbm")).await.expect("a database")[0].id.to_string();
    let page = format!("/aduan/{id}");
    let mut fields = vec![("body", body.as_str()), ("text", "Tolong pasang rambu sementara di lubang itu."), ("days", "3")];
    fields.extend(photos.then_some(("photos", "ya")));
    assert_eq!(officer.post(&format!("{page}/titip"), &fields).await.leads_to(), format!("{page}?done=titip"));
    let task = store::task::of_complaint(&world.db, id).await.expect("a database").pop().expect("a task");
    let shown = officer.post(&format!("{page}/tugas/{}/tautan", task.id), &[]).await;
    let link = shown.text.split_once("/tugas/").expect("a link").1;
    format!("/tugas/{}", link.split(['<', ' ', '"']).next().expect("a code"))
}

async fn add(head: &Visitor<'_>, name: &str, email: &str) -> Answer {
    head.post("/pengurus", &[("name", name), ("kind", "rt"), ("mail", email)]).await
}

async fn say(world: &World, page: &str, says: &str, text: &str, photo: Option<&[u8]>) -> Answer {
    let mut body = Vec::new();
    for (name, value) in [("says", says), ("text", text)] {
        body.extend(format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes());
    }
    if let Some(photo) = photo {
        body.extend(b"--edge\r\ncontent-disposition: form-data; name=\"photo\"; filename=\"a.jpg\"\r\n\r\n");
        body.extend(photo);
        body.extend(b"\r\n");
    }
    body.extend(b"--edge--\r\n");
    let request = Request::post(page).header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
    world.ask(request.body(Body::from(body)).expect("a request")).await
}

#[tokio::test]
async fn a_body_says_how_far_it_is_and_the_agency_stays_responsible() {
    let world = World::new().await;
    let complaint = world.complain(Wish { photos: 1, ..Wish::default() }).await;
    let page = entrusted(&world, complaint.id, true).await;
    let shown = world.get(&page).await;
    assert_eq!(shown.status, StatusCode::OK);
    for part in ["Dinas Bina Marga kepada RT 03/RW 05 Melati", "Tolong pasang rambu sementara", "Kelurahan Melati", "Depan Pasar Bunga"] {
        assert!(shown.words().contains(part), "{part}: {}", shown.words());
    }
    for secret in ["Sari", "81200000001", "Jalan berlubang besar", complaint.tracking.as_str(), &complaint.reference.to_string()] {
        assert!(!shown.text.contains(secret), "{secret} is not theirs to know");
    }
    assert!(shown.text.contains("noindex"));
    let photo = shown.text.split('"').find(|part| part.contains("/foto/")).expect("a photo").to_owned();
    assert_eq!(world.get(&photo).await.status, StatusCode::OK);

    let dispatches = world.complaint(complaint.id).await.dispatches;
    assert_eq!(say(&world, &page, "working", "", None).await.leads_to(), format!("{page}?done=kirim"));
    let wordless = say(&world, &page, "done", " ", None).await;
    assert!(wordless.status == StatusCode::UNPROCESSABLE_ENTITY && wordless.words().contains("Tuliskan sesuatu dulu"));
    assert_eq!(say(&world, &page, "done", "Rambu sudah kami pasang.", Some(PICTURE)).await.status, StatusCode::SEE_OTHER);
    assert!(say(&world, &page, "done", "x", Some(b"<html>")).await.words().contains("bukan foto"));
    for _ in 0..2 {
        assert_eq!(say(&world, &page, "not_ours", "Itu RT sebelah.", None).await.status, StatusCode::SEE_OTHER);
    }
    let after = world.complaint(complaint.id).await;
    assert_eq!(after.dispatches, dispatches, "nobody but the agency settles it");
    let history = store::complaint::history(&world.db, complaint.id).await.expect("a database");
    let said = history.iter().filter(|update| update.kind == UpdateKind::Reported);
    assert_eq!(said.clone().count(), 3, "pressed twice, it is said once");
    assert_eq!(said.filter(|update| update.attachment.is_some()).count(), 1);
    let words = world.sign_in("jalan").await.get(&format!("/aduan/{}", complaint.id)).await.words();
    for part in ["Rambu sudah kami pasang.", "RT 03/RW 05 Melati: selesai menurut mereka", "Bukan bagian mereka,"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let citizens = world.get(&format!("/t/{}", complaint.tracking.as_str())).await.words();
    assert!(citizens.contains("meminta bantuan pengurus setempat"), "{citizens}");
    assert!(!citizens.contains("RT 03") && !citizens.contains("Rambu sudah"), "who was asked and what they said stays inside: {citizens}");
}

#[tokio::test]
async fn a_link_opens_one_task_until_it_ends_and_nothing_of_what_became_secret() {
    let world = World::new().await;
    let complaint = world.complain(Wish { photos: 1, ..Wish::default() }).await;
    let other = world.complain(Wish { tel: "081200000002", photos: 1, ..Wish::default() }).await;
    let page = entrusted(&world, complaint.id, false).await;
    let photo = world.photo_of(complaint.id).await;
    assert_eq!(world.get(&format!("{page}/foto/{photo}")).await.status, StatusCode::NOT_FOUND, "photos were not given along");
    let with = entrusted(&world, complaint.id, true).await;
    assert_eq!(world.get(&format!("{with}/foto/{photo}")).await.status, StatusCode::OK);
    let foreign = world.photo_of(other.id).await;
    assert_eq!(world.get(&format!("{with}/foto/{foreign}")).await.status, StatusCode::NOT_FOUND, "another complaint's");
    for code in [TrackingCode::random().as_str().to_owned(), complaint.tracking.as_str().to_owned(), "x".into()] {
        assert_eq!(world.get(&format!("/tugas/{code}")).await.status, StatusCode::NOT_FOUND);
    }

    let officer = world.sign_in("jalan").await;
    let task = store::task::of_complaint(&world.db, complaint.id).await.expect("a database").remove(0);
    let recall = format!("/aduan/{}/tugas/{}/tarik", complaint.id, task.id);
    let id = task.id.to_string();
    for (login, expected) in [("taman", StatusCode::NOT_FOUND), ("triase", StatusCode::NOT_FOUND), ("loket", StatusCode::NOT_FOUND)] {
        let stranger = world.sign_in(login).await;
        assert_eq!(stranger.post(&recall, &[("task", &id)]).await.status, expected, "{login}");
        let link = format!("/aduan/{}/tugas/{}/tautan", complaint.id, task.id);
        assert_eq!(stranger.post(&link, &[]).await.status, expected, "{login}");
    }
    assert_eq!(officer.post(&recall, &[("task", &id)]).await.leads_to(), format!("/aduan/{}?done=tugas", complaint.id));
    assert_eq!(world.get(&page).await.status, StatusCode::NOT_FOUND, "taken back");
    assert_eq!(say(&world, &page, "working", "", None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.get(&with).await.status, StatusCode::OK, "the other one goes on");

    let supervisor = world.sign_in("jalan.penyelia").await;
    let grade = format!("/aduan/{}/tingkat", complaint.id);
    assert!(supervisor.post(&grade, &[("grade", "secret"), ("text", "Pelapor takut.")]).await.status.is_redirection());
    assert_eq!(world.get(&with).await.status, StatusCode::NOT_FOUND, "it became secret");
    let body = store::task::bodies(&world.db, world.agency("dbm")).await.expect("a database")[0].id.to_string();
    let refused = officer.post(&format!("/aduan/{}/titip", complaint.id), &[("body", &body), ("text", "x")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);

    let last = entrusted(&world, other.id, true).await;
    world.act("jalan", other.id, Action::Resolve { text: "Sudah ditambal.".into(), photo: None }).await;
    assert!(world.get(&last).await.words().contains("Laporan ini sudah diselesaikan"));
    world.pass(SignedDuration::from_hours(24 * 18));
    assert_eq!(world.get(&last).await.status, StatusCode::NOT_FOUND, "it has expired");
}

#[tokio::test]
async fn every_agency_keeps_its_own_list_and_no_secret_complaint_is_given() {
    let world = World::new().await;
    let head = world.sign_in("jalan.penyelia").await;
    for (name, email, said) in [("", "", "Beri nama"), ("RT 01", "bukan surel", "tidak terbaca"), ("RT 01", "a@b", "tidak terbaca")] {
        let wrong = add(&head, name, email).await;
        assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.words().contains(said), "{name} {email}: {}", wrong.words());
    }
    add(&head, "RT 01", "rt01@contoh.example.id").await;
    assert!(add(&head, "rt 01", "").await.words().contains("Nama itu sudah ada"));
    assert_eq!(add(&world.sign_in("jalan").await, "RT 02", "").await.status, StatusCode::FORBIDDEN);
    let body = store::task::bodies(&world.db, world.agency("dbm")).await.expect("a database")[0].id.to_string();
    let tree = world.complain(Wish { category: Some("tree"), ..Wish::default() }).await;
    let foreign = world.sign_in("taman").await.post(&format!("/aduan/{}/titip", tree.id), &[("body", &body), ("text", "x")]).await;
    assert!(foreign.status == StatusCode::UNPROCESSABLE_ENTITY && foreign.words().contains("Pilih pengurus dari daftar dinas Anda"));
    for (n, visibility) in [Visibility::Secret, Visibility::Public].into_iter().enumerate() {
        let one = world.complain(Wish { tel: &format!("08120000003{n}"), visibility, ..Wish::default() }).await;
        let shown = world.sign_in("jalan").await.get(&format!("/aduan/{}", one.id)).await;
        assert_eq!(shown.text.contains("/titip\""), visibility == Visibility::Public, "{visibility:?}");
    }
    let road = world.complain(Wish { tel: "081200000040", ..Wish::default() }).await;
    let officer = world.sign_in("jalan").await;
    officer.post(&format!("/aduan/{}/titip", road.id), &[("body", &body), ("text", "Sapu jalan.")]).await;
    let now = world.now();
    let mut due = store::task::mail::claim(&world.db, now, std::time::Duration::from_mins(1), 9).await.expect("a database");
    assert_eq!(due.len(), 1, "the mail is on the list");
    let mail = due.remove(0);
    assert_eq!((mail.email.as_str(), mail.words.as_str()), ("rt01@contoh.example.id", "Sapu jalan."));
    assert!(!format!("{mail:?}").contains("rt01@"), "no address in a log");
    assert_eq!(world.get(&format!("/tugas/{}", mail.code.as_str())).await.status, StatusCode::OK, "its link opens the task");
    let gone = head.post(&format!("/pengurus/{body}/hapus"), &[]).await;
    assert_eq!(gone.leads_to(), "/pengurus?done=hapus");
    assert_eq!(head.post(&format!("/pengurus/{body}/hapus"), &[]).await.status, StatusCode::NOT_FOUND);
}

/// The chat may write first to telephones, and the roads agency knows a neighbourhood by one; gives back the body's key.
pub(super) async fn reached_by_chat(world: &World) -> String {
    let tel = ["tel".to_owned()];
    let chat = "chat".parse().expect("a name");
    assert!(store::directory::set_reaches(&world.db, &chat, "0811", &tel).await.expect("a database"));
    let head = world.sign_in("jalan.penyelia").await;
    let fields = [("name", "RW 05 Melati"), ("kind", "rw"), ("telephone", "0812-0000-0777"), ("channel", "chat 0811")];
    assert_eq!(head.post("/pengurus", &fields).await.leads_to(), "/pengurus?done=simpan");
    let bodies = store::task::bodies(&world.db, world.agency("dbm")).await.expect("a database");
    bodies.iter().find(|body| body.name == "RW 05 Melati").expect("is listed").id.to_string()
}

#[tokio::test]
async fn a_telephone_is_read_masked_and_goes_by_a_channel_that_may_write_first() {
    let world = World::new().await;
    let head = world.sign_in("jalan.penyelia").await;
    assert!(!head.get("/pengurus").await.text.contains("name=\"telephone\""), "no channel may write first");
    let by_hand = [("name", "RT 01"), ("kind", "rt"), ("telephone", "081200000777"), ("channel", "chat 0811")];
    let closed = head.post("/pengurus", &by_hand).await;
    assert!(closed.status == StatusCode::UNPROCESSABLE_ENTITY && closed.words().contains("Pilih kanal"), "{}", closed.words());
    reached_by_chat(&world).await;
    let form = head.get("/pengurus").await;
    assert!(form.text.contains("name=\"telephone\"") && form.words().contains("Pesan singkat 0811-1234-567"), "{}", form.words());
    assert!(form.words().contains("Pesan singkat 0811-1234-567, +62***777") && !form.text.contains("0000777"), "{}", form.words());
    for (telephone, mail, channel, said) in [
        ("1708", "", "chat 0811", "Nomor telepon itu tidak terbaca"),
        ("0812x", "", "chat 0811", "Nomor telepon itu tidak terbaca"),
        ("081200000777", "", "mail aduan", "Pilih kanal"),
        ("081200000777", "", "", "Pilih kanal"),
        ("081200000777", "rt@contoh.example.id", "chat 0811", "jangan keduanya"),
    ] {
        let fields = [("name", "RT 09"), ("kind", "rt"), ("telephone", telephone), ("mail", mail), ("channel", channel)];
        let wrong = head.post("/pengurus", &fields).await;
        assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.words().contains(said), "{telephone}: {}", wrong.words());
        assert!(wrong.text.contains("value=\"RT 09\""), "what was typed stays");
    }
    let read = store::task::bodies(&world.db, world.agency("dbm")).await.expect("a database").remove(0).reached;
    let address = Address::tel("081200000777").expect("a number");
    assert!(matches!(&read, Reached::Channel { address: kept, account, .. } if *kept == address && account == "0811"));
    let audit = store::audit::list(&world.db, None, 50).await.expect("a database");
    let added = audit.iter().find(|(_, entry)| entry.action == "body.added").expect("it is in the audit").1.detail.to_string();
    assert!(added.contains("RW 05 Melati") && added.contains("channel") && !added.contains("0777"), "the number is not: {added}");
}

#[tokio::test]
async fn who_gave_a_task_sees_what_became_of_its_message() {
    let world = World::new().await;
    let body = reached_by_chat(&world).await;
    let officer = world.sign_in("jalan").await;
    let page_of = |id: ComplaintId| format!("/aduan/{id}");
    let give = async |id: ComplaintId| {
        let given = officer.post(&format!("/aduan/{id}/titip"), &[("body", &body), ("text", "Sapu jalan."), ("days", "1")]).await;
        assert_eq!(given.leads_to(), format!("/aduan/{id}?done=titip"));
    };
    let complaint = world.complain(Wish::default()).await;
    give(complaint.id).await;
    let words = officer.get(&page_of(complaint.id)).await.words();
    assert!(words.contains("Pesannya menunggu dikirim") && !words.contains("0777"), "{words}");
    let lease = std::time::Duration::from_mins(1);
    let claimed = message::claim(&world.db, world.now(), lease, 9).await.expect("a database").remove(0);
    let (id, to) = (claimed.id, claimed.to.clone());
    let message::Says::Task { code, .. } = &claimed.says else { panic!("it is about a task") };
    assert_eq!(world.get(&format!("/tugas/{}", code.as_str())).await.status, StatusCode::OK, "its link opens the task");
    message::published(&world.db, claimed).await.expect("a database");
    assert!(officer.get(&page_of(complaint.id)).await.words().contains("Pesannya diserahkan ke kanal"));
    for (state, said) in [
        (ReceiptState::Unknown { detail: "no answer".into() }, "Tidak pasti apakah pesannya sampai (no answer)"),
        (ReceiptState::Failed { code: "131026".into(), detail: "gone".into() }, "Pesannya tidak sampai (131026: gone). Buat tautan"),
        (ReceiptState::Delivered, "Pesannya sampai di ponsel mereka"),
        (ReceiptState::Read, "Pesannya dibaca"),
    ] {
        let (adapter, account, at) = (to.adapter.clone(), to.account.clone(), world.now());
        let receipt = Receipt { reply: Some(id), platform_id: None, adapter, account, state, at, file_refused: None };
        assert_eq!(message::receipts(&world.db, &[receipt]).await.expect("a database"), [true]);
        let words = officer.get(&page_of(complaint.id)).await.words();
        assert!(words.contains(said), "{said}: {words}");
    }
    // Nobody who does not want it is written to, and nobody by a channel that may not any more; whoever gave the task reads why.
    let silent = world.complain(Wish { tel: "081200000002", ..Wish::default() }).await;
    store::citizen::opt_out(&world.db, &to.address, world.now()).await.expect("a database");
    give(silent.id).await;
    assert!(officer.get(&page_of(silent.id)).await.words().contains("nomor ini tidak mau dihubungi"));
    store::citizen::opt_in(&world.db, &to.address).await.expect("a database");
    assert!(store::directory::set_reaches(&world.db, &to.adapter, &to.account, &[]).await.expect("a database"));
    let closed = world.complain(Wish { tel: "081200000003", ..Wish::default() }).await;
    give(closed.id).await;
    assert!(officer.get(&page_of(closed.id)).await.words().contains("kanalnya tidak lagi dipakai"));
    assert_eq!(message::claim(&world.db, world.now(), lease, 9).await.expect("a database").len(), 0);
    let head = world.sign_in("jalan.penyelia").await;
    assert!(head.get("/pengurus").await.words().contains("Kanal yang tidak lagi dipakai untuk ini, +62***777"));
}
