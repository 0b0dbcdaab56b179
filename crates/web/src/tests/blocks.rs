//! Who abuses the conversation is not answered for a while: who may say so, what follows, and how it ends.

use axum::http::StatusCode;
use jiff::SignedDuration;
use model::{Receipt, ReceiptState, ReplyKind, Status};
use store::reply::ReplyState;

use super::{Wish, World};

#[tokio::test]
async fn a_supervisor_blocks_with_a_reason_everybody_can_read_it_and_takes_it_back() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let supervisor = world.sign_in("jalan.penyelia").await;
    let page = format!("/aduan/{}", complaint.id);
    let version = supervisor.get(&page).await.field("version");
    let fields = [("text", "Mengancam petugas lapangan."), ("days", "7"), ("version", version.as_str())];
    let answer = supervisor.post(&format!("{page}/blokir"), &fields).await;
    assert_eq!(answer.leads_to(), format!("{page}?done=blokir"));

    let shown = supervisor.get(&format!("{page}?done=blokir")).await;
    for part in ["Warga diblokir dan sudah diberi tahu.", "sampai 27 November 2026", "Mengancam petugas lapangan.", "Dikirim otomatis"] {
        assert!(shown.text.contains(part), "{part}");
    }
    assert!(shown.text.contains("/buka-blokir\"") && !shown.text.contains("/blokir\""), "one of the two forms");
    assert_eq!(world.complaint(complaint.id).await.status(), Status::Forwarded, "the complaint goes on");
    let audit = store::audit::list(&world.db, None, 5).await.expect("a database");
    let entry = audit.iter().find(|(_, entry)| entry.action == "citizen.blocked").expect("admins read it");
    assert_eq!((entry.1.subject.as_str(), entry.1.who.as_deref()), (complaint.reference.to_string().as_str(), Some("Peni Penyelia")));
    let track = world.get(&format!("/t/{}", complaint.tracking.as_str())).await;
    assert!(!track.text.contains("Mengancam"), "the link may be open on somebody else's screen");

    // What an officer answers meanwhile is kept, and not sent.
    let officer = world.sign_in("jalan").await;
    assert_eq!(officer.post(&format!("{page}/jawab"), &[("text", "Tim turun besok.")]).await.status, StatusCode::SEE_OTHER);
    assert!(officer.get(&page).await.text.contains("Tidak dikirim: warga ini sedang diblokir"));

    let back = supervisor.post(&format!("{page}/buka-blokir"), &[("text", "Sudah meminta maaf.")]).await;
    assert_eq!(back.leads_to(), format!("{page}?done=buka-blokir"));
    let replies = store::reply::of_complaint(&world.db, complaint.id).await.expect("a database");
    let ends: Vec<_> = replies.iter().filter(|reply| reply.draft.kind == ReplyKind::Unblocked).collect();
    assert_eq!((ends.len(), ends[0].state), (1, ReplyState::Due), "the one that waited for its day is called off");
    assert!(supervisor.get(&page).await.text.contains("/blokir\""));
    assert!(supervisor.post(&format!("{page}/jawab"), &[("text", "Sudah dijadwalkan.")]).await.status.is_redirection());
    let replies = store::reply::of_complaint(&world.db, complaint.id).await.expect("a database");
    let states: Vec<_> = replies.iter().filter(|reply| reply.draft.kind == ReplyKind::Answered).map(|reply| reply.state).collect();
    assert!(states.contains(&ReplyState::Withheld) && states.contains(&ReplyState::Due), "answered again: {states:?}");
}

#[tokio::test]
async fn a_block_ends_by_itself_on_its_day() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let admin = world.sign_in("admin").await;
    let page = format!("/aduan/{}", complaint.id);
    assert!(admin.post(&format!("{page}/blokir"), &[("text", "Kata-kata kotor."), ("days", "1")]).await.status.is_redirection());
    let to = complaint.reply_to.expect("a way back");
    let until = world.rooms.now() + SignedDuration::from_hours(24);
    assert!(store::block::of(&world.db, &to, world.rooms.now()).await.expect("a database").is_some());
    assert!(store::block::of(&world.db, &to, until).await.expect("a database").is_none());
    let due = store::reply::claim(&world.db, until, std::time::Duration::from_mins(1), 100).await.expect("claims");
    assert!(due.iter().any(|claimed| claimed.draft.kind == ReplyKind::Unblocked), "and the platform hears of it");
}

#[tokio::test]
async fn a_photo_that_did_not_get_through_stands_below_the_answer_with_the_reason() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let complaint = world.complain(Wish::default()).await;
    let page = format!("/aduan/{}", complaint.id);
    let told = store::reply::of_complaint(&world.db, complaint.id).await.expect("a database").remove(0);
    for (why, words) in [("131053: Media upload error", "Foto tidak ikut sampai"), ("file_gone", "sudah tidak tersedia")] {
        assert!(!admin.get(&page).await.text.contains(words));
        let receipt = Receipt {
            reply: Some(told.draft.id),
            platform_id: None,
            adapter: told.draft.to.adapter.clone(),
            account: told.draft.to.account.clone(),
            state: ReceiptState::Sent,
            at: world.rooms.now(),
            file_refused: Some(why.into()),
        };
        assert!(store::reply::receipt(&world.db, &receipt).await.expect("is noted"));
        let shown = admin.get(&page).await.text;
        assert!(shown.contains(words), "{why}");
        assert_eq!(shown.contains("131053: Media upload error"), why.starts_with('1'), "the platform's own words");
    }
}

#[tokio::test]
async fn why_the_platform_did_not_block_somebody_is_said_in_plain_words_and_outlives_the_delivery() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let cases = [
        ("block_window", "24 jam terakhir", "081200000011"),
        ("block_full", "sudah penuh", "081200000012"),
        ("block_refused", "tidak berubah", "081200000013"),
    ];
    for (code, words, tel) in cases {
        let complaint = world.complain(Wish { tel, ..Wish::default() }).await;
        let page = format!("/aduan/{}", complaint.id);
        assert!(admin.post(&format!("{page}/blokir"), &[("text", "Kata-kata kotor."), ("days", "30")]).await.status.is_redirection());
        for claimed in store::reply::claim(&world.db, world.rooms.now(), std::time::Duration::from_mins(1), 100).await.expect("claims") {
            store::reply::published(&world.db, claimed, "kata", world.rooms.now()).await.expect("is noted");
        }
        let replies = store::reply::of_complaint(&world.db, complaint.id).await.expect("a database");
        let told = replies.iter().find(|reply| reply.draft.kind == ReplyKind::Blocked).expect("told");
        for state in [ReceiptState::Failed { code: code.into(), detail: "x".into() }, ReceiptState::Read] {
            let receipt = Receipt {
                reply: Some(told.draft.id),
                platform_id: None,
                adapter: told.draft.to.adapter.clone(),
                account: told.draft.to.account.clone(),
                state,
                at: world.rooms.now(),
                file_refused: None,
            };
            assert!(store::reply::receipt(&world.db, &receipt).await.expect("is noted"));
        }
        assert!(admin.get(&page).await.text.contains(words), "{code}");
    }
}
