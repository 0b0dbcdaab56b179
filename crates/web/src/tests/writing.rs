//! What helps who writes: drafts, templates, the platform's limits, colleagues at the same complaint, several complaints at once, and taking back.

use axum::http::StatusCode;
use bus::Announcement;
use jiff::SignedDuration;
use model::{
    Action, Audience, DispatchState,
    room::{Beyond, Counts, Room},
};

use super::{Visitor, Wish, World, admins};

#[tokio::test]
async fn a_draft_is_kept_for_its_writer_alone_and_is_gone_when_it_is_sent() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let page = format!("/aduan/{}", complaint.id);
    let (officer, colleague) = (world.sign_in("jalan").await, world.sign_in("jalan.penyelia").await);
    let kept = officer.post(&format!("{page}/draf"), &[("form", "jawab"), ("text", "Tim turun bes")]).await;
    assert_eq!(kept.leads_to(), format!("{page}?done=draf#tindakan"));
    let quiet = officer.post(&format!("{page}/draf"), &[("form", "jawab"), ("text", "Tim turun besok"), ("quiet", "ya")]).await;
    assert!(quiet.status == StatusCode::OK && quiet.text.starts_with("Draf tersimpan "), "{}", quiet.text);
    let shown = officer.get(&page).await;
    assert!(shown.text.contains("Tim turun besok</textarea>") && shown.words().contains("Draf Anda dari "), "{}", shown.words());
    assert!(!colleague.get(&page).await.text.contains("Tim turun"), "a draft is nobody else's");
    assert_eq!(world.complaint(complaint.id).await.version, complaint.version, "nothing happened yet");

    let fields = [("text", "Tim turun besok."), ("version", &shown.field("version"))];
    assert_eq!(officer.post(&format!("{page}/jawab"), &fields).await.status, StatusCode::SEE_OTHER);
    let shown = officer.get(&page).await;
    assert!(!shown.text.contains("Tim turun besok</textarea>") && !shown.words().contains("Draf Anda dari"), "{}", shown.words());

    for text in ["Satu kata", "  "] {
        officer.post(&format!("{page}/draf"), &[("form", "catat"), ("text", text)]).await;
    }
    assert!(!officer.get(&page).await.text.contains("Satu kata"), "without words nothing is kept");
    let long = officer.post(&format!("{page}/draf"), &[("form", "jawab"), ("text", &"x".repeat(4001))]).await;
    assert_eq!(long.status, StatusCode::UNPROCESSABLE_ENTITY);
    for (login, expected) in [("taman", StatusCode::NOT_FOUND), ("loket", StatusCode::NOT_FOUND)] {
        let answer = world.sign_in(login).await.post(&format!("{page}/draf"), &[("form", "jawab"), ("text", "x")]).await;
        assert_eq!(answer.status, expected, "{login}");
    }
}

async fn template(by: &Visitor<'_>, name: &str, text: &str) -> super::Answer {
    by.post("/templat", &[("name", name), ("language", "id"), ("text", text)]).await
}

#[tokio::test]
async fn a_template_is_checked_when_it_is_kept_and_filled_when_it_is_used() {
    let world = World::new().await;
    let complaint = world.complain(Wish { area: None, ..Wish::default() }).await;
    let page = format!("/aduan/{}", complaint.id);
    let (head, officer) = (world.sign_in("jalan.penyelia").await, world.sign_in("jalan").await);
    for (text, said) in [("Halo {nomer}", "{nomer} bukan variabel"), ("Halo {", "kurung kurawal"), (" ", "Tuliskan sesuatu")] {
        let wrong = template(&head, "Salah", text).await;
        assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.words().contains(said), "{text}: {}", wrong.words());
    }
    let fine = template(&head, "Terjadwal", "Laporan {nomor} dijadwalkan {instansi} sebelum {batas}.").await;
    assert_eq!(fine.leads_to(), "/templat?done=simpan");
    let twice = template(&head, "terjadwal", "Lagi.").await;
    assert!(twice.status == StatusCode::UNPROCESSABLE_ENTITY && twice.words().contains("Sudah ada templat"), "{}", twice.words());
    template(&head, "Wilayah", "Di {wilayah} ada tim kami.").await;
    template(&world.sign_in("admin").await, "Salam kota", "Salam dari {kota}.").await;
    assert_eq!(template(&officer, "Curang", "x").await.status, StatusCode::FORBIDDEN);

    let shown = officer.get(&page).await;
    let filled = format!("data-text=\"Laporan {} dijadwalkan Dinas Bina Marga sebelum ", complaint.reference);
    assert!(shown.text.contains(&filled) && shown.text.contains("Salam dari Kota Contoh."), "{}", shown.text);
    assert!(shown.words().contains("Wilayah ({wilayah} tidak ada isinya di laporan ini"), "{}", shown.words());
    let tree = world.complain(Wish { tel: "081200000002", category: Some("tree"), ..Wish::default() }).await;
    let other = world.sign_in("taman").await.get(&format!("/aduan/{}", tree.id)).await;
    assert!(other.text.contains("Salam dari") && !other.text.contains("Terjadwal"), "another agency's are its own");

    // Without scripts the button puts it into the draft.
    let value = |name: &str| {
        let before = shown.text.split(&format!("\" data-text=\"{name}")).next().expect("is there");
        before.rsplit("value=\"").next().expect("a key").to_owned()
    };
    let used = [("form", "jawab"), ("text", "Yth. warga,"), ("template", &value("Salam")), ("pakai", "ya")];
    assert_eq!(officer.post(&format!("{page}/draf"), &used).await.status, StatusCode::SEE_OTHER);
    assert!(officer.get(&page).await.text.contains("Yth. warga,\n\nSalam dari Kota Contoh.</textarea>"));
    let all = store::template::of(&world.db, Some(world.agency("dbm"))).await.expect("a database");
    let empty = all.iter().find(|one| one.name == "Wilayah").expect("is kept").id.to_string();
    let refused = officer.post(&format!("{page}/draf"), &[("form", "jawab"), ("text", ""), ("template", &empty), ("pakai", "ya")]).await;
    assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.words().contains("{wilayah} tidak ada isinya"));

    for (text, said) in [("Selesai {batas}.", "{batas} tidak ada isinya"), ("Halo {nama}", "bukan variabel")] {
        let unsent = officer.post(&format!("{page}/jawab"), &[("text", text)]).await;
        assert!(unsent.status == StatusCode::UNPROCESSABLE_ENTITY && unsent.words().contains(said), "{}", unsent.words());
    }
    assert_eq!(world.complaint(complaint.id).await.version, complaint.version, "nothing unfilled is sent");
}

#[tokio::test]
async fn whoever_is_second_at_a_template_is_told() {
    let world = World::new().await;
    let head = world.sign_in("jalan.penyelia").await;
    template(&head, "Satu", "Kata lama.").await;
    let one = store::template::of(&world.db, Some(world.agency("dbm"))).await.expect("a database").remove(0);
    let change = |text: &'static str| [("name", "Satu"), ("language", "id"), ("text", text), ("edition", "1")];
    let page = format!("/templat/{}", one.id);
    assert_eq!(head.post(&page, &change("Kata baru.")).await.status, StatusCode::SEE_OTHER);
    let second = head.post(&page, &change("Kata ketiga.")).await;
    assert!(second.status == StatusCode::UNPROCESSABLE_ENTITY && second.words().contains("diubah atau dihapus orang lain"));
    assert!(second.text.contains("Kata ketiga.</textarea>"), "what was typed stays");
    let admin = world.sign_in("admin").await;
    assert!(
        admin.post(&page, &[("name", "Satu"), ("language", "id"), ("text", "x"), ("edition", "2")]).await.words().contains("orang lain")
    );
    assert_eq!(head.post(&format!("{page}/hapus"), &[("edition", "1")]).await.leads_to(), "/templat?done=basi");
    assert_eq!(head.post(&format!("{page}/hapus"), &[("edition", "2")]).await.leads_to(), "/templat?done=hapus");
    assert_eq!(store::template::of(&world.db, Some(world.agency("dbm"))).await.expect("a database"), []);
    let log = store::audit::list(&world.db, None, 10).await.expect("a database");
    assert_eq!(log.iter().filter(|(_, entry)| entry.action.starts_with("template.")).count(), 3, "kept, changed, removed");
}

#[tokio::test]
async fn who_writes_second_reads_what_happened_meanwhile() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let officer = world.sign_in("jalan").await;
    let page = format!("/aduan/{}", complaint.id);
    let seen = officer.get(&page).await;
    world.act("jalan.penyelia", complaint.id, Action::Note { text: "Tunggu keputusan camat.".into() }).await;
    let fields = [("text", "Besok ditambal."), ("version", &seen.field("version")), ("seen", &seen.field("seen"))];
    let told = officer.post(&format!("{page}/jawab"), &fields).await;
    assert_eq!(told.status, StatusCode::CONFLICT);
    let words = told.words();
    let since = words.split_once("Yang terjadi sementara Anda menulis").expect("is told").1;
    assert!(since.starts_with(" Catatan Peni Penyelia") || since.contains("Peni Penyelia"), "{since}");
    assert!(told.text.contains("Besok ditambal.</textarea>"), "the words stay");
    assert!(!since.split("Percakapan").next().expect("a part").contains("Laporan masuk"), "only what is new: {since}");
    let again = [("text", "Besok ditambal."), ("version", &told.field("version")), ("seen", &told.field("seen"))];
    assert_eq!(officer.post(&format!("{page}/jawab"), &again).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn two_people_at_one_complaint_see_each_other_until_they_leave_or_fall_silent() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let here = format!("/aduan/{}/hadir", complaint.id);
    let (officer, head) = (world.sign_in("jalan").await, world.sign_in("jalan.penyelia").await);
    let says = |state: &'static str| [("state", state)];
    assert_eq!(officer.post(&here, &says("lihat")).await.words(), "", "nobody sees themselves");
    assert_eq!(head.post(&here, &says("tulis")).await.words(), "Joko Jalan sedang membuka");
    assert_eq!(officer.post(&here, &says("lihat")).await.words(), "Peni Penyelia sedang menulis");
    assert!(
        officer.get(&format!("/aduan/{}", complaint.id)).await.words().contains("Peni Penyelia sedang menulis"),
        "also without scripts"
    );
    head.post(&here, &says("pergi")).await;
    assert_eq!(officer.post(&here, &says("lihat")).await.words(), "");
    world.pass(SignedDuration::from_secs(51));
    assert_eq!(head.post(&here, &says("lihat")).await.words(), "", "who says nothing is gone");
    assert_eq!(world.sign_in("taman").await.post(&here, &says("lihat")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(officer.post(&here, &says("apa")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(world.complaint(complaint.id).await, complaint, "looking is no step");
}

#[tokio::test]
async fn several_are_done_each_by_itself_and_each_result_is_told() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for n in 0..3 {
        ids.push(world.complain(Wish { tel: &format!("08120000001{n}"), ..Wish::default() }).await);
    }
    let tree = world.complain(Wish { tel: "081200000020", category: Some("tree"), ..Wish::default() }).await;
    world.act("jalan.dua", ids[2].id, Action::Claim).await;
    let officer = world.sign_in("jalan").await;
    let list = officer.get("/antrean").await;
    assert_eq!(list.text.matches("form=\"sekaligus\"").count(), 3);
    let all: Vec<String> = ids.iter().chain([&tree]).map(|complaint| complaint.id.to_string()).collect();
    let picked: Vec<(&str, &str)> = all.iter().map(|id| ("id", id.as_str())).collect();
    let claimed = officer.post("/antrean/sekaligus", &[&picked[..], &[("what", "ambil")]].concat()).await;
    let words = claimed.words();
    assert!(claimed.status == StatusCode::OK && words.contains("2 laporan dikerjakan."), "{words}");
    assert!(words.contains("sedang ditangani rekan Anda") && words.contains("Satu laporan Tidak lagi di antrean Anda."), "{words}");
    assert!(!words.contains(&tree.reference.to_string()), "what is not theirs is not named");
    for id in [&ids[0], &ids[1]] {
        assert_eq!(world.complaint(id.id).await.dispatches[0].state, DispatchState::InProgress);
    }
    let note = [&picked[..2], &[("what", "catat"), ("text", "Satu ruas dengan proyek pipa.")]].concat();
    assert!(officer.post("/antrean/sekaligus", &note).await.words().contains("2 laporan dikerjakan."));
    let parks = world.agency("tamhut").to_string();
    let over = [&picked[..1], &[("what", "alihkan"), ("agency", parks.as_str()), ("text", "Akar pohon.")]].concat();
    assert!(officer.post("/antrean/sekaligus", &over).await.words().contains("1 laporan dikerjakan."));
    for (fields, said) in [
        (vec![("what", "selesai"), ("text", "Beres.")], "Belum tersimpan"),
        (vec![("what", "alihkan"), ("agency", parks.as_str())], "Tuliskan sesuatu dulu"),
        (vec![("what", "alihkan"), ("text", "x")], "Pilih paling sedikit satu dinas"),
    ] {
        let wrong = officer.post("/antrean/sekaligus", &[&picked[1..2], &fields[..]].concat()).await;
        assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.words().contains(said), "{}", wrong.words());
    }
    assert!(officer.post("/antrean/sekaligus", &[("what", "ambil")]).await.words().contains("Tidak ada baris yang dicentang"));
    assert_eq!(world.sign_in("loket").await.post("/antrean/sekaligus", &picked).await.status, StatusCode::FORBIDDEN);
    let triage = world.sign_in("triase").await.get("/antrean?view=open").await;
    assert!(triage.text.contains("value=\"catat\"") && !triage.text.contains("<option value=\"ambil\""), "who routes takes nothing");
}

#[tokio::test]
async fn what_one_did_a_moment_ago_is_taken_back_by_a_button_while_nobody_touched_it() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let officer = world.sign_in("jalan").await;
    let page = format!("/aduan/{}", complaint.id);
    let version = || async { officer.get(&page).await.field("version") };
    assert!(!officer.get(&page).await.text.contains("/batal\""), "there is nothing to take back");
    officer.post(&format!("{page}/ambil"), &[]).await;
    assert!(!world.sign_in("jalan.penyelia").await.get(&page).await.text.contains("/batal\""), "only who did it");
    let undone = officer.post(&format!("{page}/batal"), &[("version", &version().await)]).await;
    assert_eq!(undone.leads_to(), format!("{page}?done=batal"));
    assert_eq!(world.complaint(complaint.id).await.dispatches[0].officer, None);

    let parks = world.agency("tamhut").to_string();
    officer.post(&format!("{page}/alihkan"), &[("text", "Akar pohon"), ("agency", &parks)]).await;
    let seen = version().await;
    assert!(officer.get(&page).await.words().contains("Anda mengalihkan laporan ini"));
    world.pass(SignedDuration::from_mins(11));
    assert!(!officer.get(&page).await.text.contains("/batal\""), "it is too late");
    let late = officer.post(&format!("{page}/batal"), &[("version", &seen)]).await;
    assert!(late.status == StatusCode::UNPROCESSABLE_ENTITY && late.words().contains("Tidak bisa ditarik kembali lagi"));
}

#[tokio::test]
async fn the_page_says_what_becomes_of_words_and_never_shows_the_citizens_link() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let room = Room { audience: Some(Audience::Private), counts: Counts::Parts, most: 3, beyond: Beyond::Link };
    world.bus.announce(&Announcement { room: vec![room], ..admins::said(&world, "chat", 5) }).await.expect("a bus");
    // Whoever looks at the channels makes the pages know.
    world.sign_in("admin").await.get("/admin").await;
    let shown = world.sign_in("jalan").await.get(&format!("/aduan/{}", complaint.id)).await;
    assert!(shown.text.contains("data-counts=\"parts\" data-most=\"3\" data-beyond=\"link\""), "{}", shown.text);
    assert!(shown.words().contains("Kata-kata Anda ikut bila semuanya muat dalam 3 SMS"), "{}", shown.words());
    assert!(shown.text.contains('\u{e000}'), "the words have a place");
    assert!(!shown.text.contains(complaint.tracking.as_str()), "the link is the citizen's key");
}
