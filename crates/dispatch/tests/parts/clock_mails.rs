//! The mails about clocks: what they say, when they go together, what is refused, and when they are forgotten.

use std::{collections::HashSet, sync::Arc};

use dispatch::{EscalationMails, Escalations, Retention};
use jiff::{SignedDuration, ToSpan};
use model::{Language, Role, escalation::Post};
use object_store::memory::InMemory;
use store::escalation;

use crate::{
    addresses, agency, city, head, holder,
    smtp::{Behaviour, FakeSmtp, comes_back},
    support::site,
    told, works,
};

#[tokio::test]
async fn a_mail_says_which_clock_and_why_them_and_never_what_the_citizen_wrote() {
    let (city, server) = (city().await, FakeSmtp::new(Behaviour::Accept).await);
    works(&city, "penyelia", Role::Supervisor).await;
    let complaint = city.complaint("jalan berlubang di depan rumah saya").await;
    let due = complaint.dispatches[0].deadline;
    let (worker, mails) =
        (Escalations::new(city.db.clone()), EscalationMails::new(city.db.clone(), site(), Language::Id, Some(server.mail())));
    for at in [due - 1.hour(), due + 1.minute(), due + 1.hour()] {
        worker.round(at).await.expect("looks");
        mails.round(at).await.expect("sends");
    }
    let sent = server.mails();
    assert_eq!(sent.len(), 2, "one for each rule");
    for (mail, subject) in sent.iter().zip(["Segera jatuh tempo", "Lewat batas waktu"]) {
        assert!(mail.contains(&format!("{subject}: laporan {}", complaint.reference)), "{mail}");
    }
    for part in ["To: penyelia@dbm.example", "Dinas Bina Marga"] {
        assert!(sent.iter().all(|mail| mail.contains(part)), "{part} in\n{}", sent[0]);
    }
    let link = format!("/aduan/{}", complaint.id);
    assert!(sent.iter().all(|mail| mail.replace("=\n", "").contains(&link)), "{}", sent[0]);
    assert_eq!(sent.iter().filter(|mail| mail.contains("jabatan petugas penangan kosong")).count(), 1, "why them");
    assert!(sent.iter().all(|mail| !mail.contains("rumah saya") && !mail.contains("Warga Rahasia") && !mail.contains("62812")));
}

#[tokio::test]
async fn what_ends_while_the_last_mail_to_somebody_is_young_goes_in_one_mail() {
    let (city, server) = (city().await, FakeSmtp::new(Behaviour::Accept).await);
    works(&city, "penyelia", Role::Supervisor).await;
    let (worker, mails) =
        (Escalations::new(city.db.clone()), EscalationMails::new(city.db.clone(), site(), Language::Id, Some(server.mail())));
    let first = [city.complaint("jalan berlubang").await, city.complaint("lampu mati").await, city.complaint("pohon tumbang").await];
    let due = first[0].dispatches[0].deadline;
    worker.round(due + 1.minute()).await.expect("looks");
    mails.round(due + 1.minute()).await.expect("sends");
    let sent: Vec<String> = server.mails().iter().map(|mail| mail.replace("=\n", "")).collect();
    assert_eq!(sent.len(), 1, "six rows, two rules for each of three");
    assert!(sent[0].contains("3 batas waktu memerlukan perhatian Anda"), "{}", sent[0]);
    for complaint in &first {
        assert_eq!(sent[0].matches(&format!("- Laporan {}: selesai, lewat sejak", complaint.reference)).count(), 1, "{}", sent[0]);
        assert!(sent[0].contains(&format!("/aduan/{}", complaint.id)), "{}", sent[0]);
    }
    assert!(sent[0].contains("/antrean?view=3Descalated") && !sent[0].contains("Masih ada"), "{}", sent[0]);

    let late = city.complaint("saluran mampet").await;
    head(&city).await;
    worker.round(due + 240.hours()).await.expect("looks");
    mails.round(due + 20.minutes()).await.expect("waits");
    assert_eq!(server.mails().len(), 1, "the last one is young");
    mails.round(due + 240.hours()).await.expect("sends");
    let sent = server.mails();
    assert_eq!(sent.len(), 3, "the supervisor, and the head at once");
    let of = |who: &str| sent.iter().skip(1).find(|mail| mail.contains(&format!("To: {who}"))).expect("has a mail").clone();
    assert!(
        of("penyelia@dbm.example").contains(&format!("laporan {}", late.reference)),
        "only what is new: {}",
        of("penyelia@dbm.example")
    );
    assert!(of("kepala@dbm.example").contains("4 batas waktu"), "{}", of("kepala@dbm.example"));
    assert_eq!(addresses(&city, due + 480.hours()).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_mail_with_very_many_clocks_names_the_first_hundred_and_counts_the_rest() {
    let (city, server) = (city().await, FakeSmtp::new(Behaviour::Later).await);
    works(&city, "penyelia", Role::Supervisor).await;
    let mut complaints = Vec::new();
    for _ in 0..103 {
        complaints.push(city.complaint("banjir").await);
    }
    let due = complaints[0].dispatches[0].deadline;
    let worker = Escalations::new(city.db.clone());
    worker.round(due + 1.minute()).await.expect("looks");
    let later = EscalationMails::new(city.db.clone(), site(), Language::En, Some(server.mail()));
    later.round(due + 1.minute()).await.expect("tries");
    assert_eq!(addresses(&city, due + 1.minute()).await, Vec::<String>::new(), "all of them wait");
    let server = FakeSmtp::new(Behaviour::Accept).await;
    EscalationMails::new(city.db.clone(), site(), Language::En, Some(server.mail())).round(due + 2.hours()).await.expect("sends");
    let sent: Vec<String> = server.mails().iter().map(|mail| mail.replace("=\n", "")).collect();
    assert_eq!(sent.len(), 1);
    assert!(sent[0].contains("103 dates need your attention"), "{}", sent[0]);
    assert!(sent[0].matches("- Complaint ").count() == 100 && sent[0].contains("There are 3 more."), "{}", sent[0]);
}

#[tokio::test]
async fn a_mail_of_which_nobody_knows_is_sent_again_as_the_same_message_and_one_that_is_refused_is_shown() {
    let (city, server) = (city().await, FakeSmtp::new(Behaviour::SilentAfterData).await);
    works(&city, "penyelia", Role::Supervisor).await;
    let complaint = city.complaint("jalan berlubang").await;
    let due = complaint.dispatches[0].deadline;
    Escalations::new(city.db.clone()).round(due - 1.hour()).await.expect("looks");
    let mails = EscalationMails::new(city.db.clone(), site(), Language::Id, Some(server.mail()));
    mails.round(due).await.expect("tries");
    // The connection on which the server fell silent stays with who opened it: another process goes on.
    let another = EscalationMails::new(city.db.clone(), site(), Language::Id, Some(server.mail()));
    another.round(due + 1.hour()).await.expect("tries");
    let ids: Vec<String> =
        server.mails().iter().filter_map(|mail| mail.lines().find(|line| line.starts_with("Message-ID:")).map(str::to_owned)).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);

    let never = FakeSmtp::new(Behaviour::Never).await;
    let mails = EscalationMails::new(city.db.clone(), site(), Language::Id, Some(never.mail()));
    mails.round(due + 24.hours()).await.expect("tries");
    let refused = escalation::refused(&city.db, 5).await.expect("loads");
    let shown: Vec<_> = refused.iter().map(|one| (one.complaint, one.email.as_str(), one.instead.as_deref())).collect();
    assert_eq!(shown, [(complaint.id, "penyelia@dbm.example", None)]);
}

#[tokio::test]
async fn a_mail_that_is_refused_or_comes_back_goes_on_to_the_next_post_up_until_somebody_has_it() {
    let (city, never, server) = (city().await, FakeSmtp::new(Behaviour::Never).await, FakeSmtp::new(Behaviour::Accept).await);
    head(&city).await;
    holder(&city, None, "Sekretaris Daerah", "sekda@kota.example").await;
    works(&city, "admin", Role::Admin).await;
    let (first, second) = (city.complaint("jalan berlubang").await, city.complaint("lampu mati").await);
    let due = first.dispatches[0].deadline;
    let worker = Escalations::new(city.db.clone());
    let mails = |server: &FakeSmtp| EscalationMails::new(city.db.clone(), site(), Language::Id, Some(server.mail()));
    let instead = async || {
        let refused = escalation::refused(&city.db, 50).await.expect("loads");
        refused.into_iter().map(|one| (one.email, one.instead.unwrap_or_default())).collect::<HashSet<_>>()
    };
    let pair = |email: &str, instead: &str| (email.to_owned(), instead.to_owned());

    worker.round(due + 1.minute()).await.expect("looks");
    mails(&never).round(due + 1.minute()).await.expect("tries");
    assert_eq!(instead().await, HashSet::from([pair("kepala@dbm.example", "")]));
    worker.round(due + 2.minutes()).await.expect("follows");
    assert_eq!(instead().await, HashSet::from([pair("kepala@dbm.example", "up")]));
    assert_eq!(told(&city, &first).await.last(), Some(&(Post::Supervisor, Some(Post::Secretary))), "the history says who was told");

    mails(&server).round(due + 3.minutes()).await.expect("sends");
    let sent = server.mails();
    assert_eq!(sent.len(), 1);
    for complaint in [&first, &second] {
        assert!(sent[0].contains("To: sekda@kota.example") && sent[0].contains(&complaint.reference.to_string()), "{}", sent[0]);
    }
    assert!(comes_back(&city.db, &sent[0]).await);
    worker.round(due + 4.minutes()).await.expect("follows");
    assert_eq!(instead().await, HashSet::from([pair("kepala@dbm.example", "up"), pair("sekda@kota.example", "up")]), "all that it told of");
    mails(&never).round(due + 5.minutes()).await.expect("tries");
    worker.round(due + 6.minutes()).await.expect("follows");
    assert!(instead().await.contains(&pair("admin@dbm.example", "list")), "who has an account has it in the list");
    worker.round(due + 7.minutes()).await.expect("follows");
    assert_eq!(addresses(&city, due + 8.minutes()).await, Vec::<String>::new(), "nothing goes round and round");
}

#[tokio::test]
async fn where_a_colleague_of_the_same_post_has_it_nobody_above_is_told() {
    let (city, server) = (city().await, FakeSmtp::new(Behaviour::Accept).await);
    head(&city).await;
    holder(&city, Some(agency(&city).await), "Wakil Kepala", "wakil@dbm.example").await;
    holder(&city, None, "Sekretaris Daerah", "sekda@kota.example").await;
    let complaint = city.complaint("jalan berlubang").await;
    let due = complaint.dispatches[0].deadline;
    let worker = Escalations::new(city.db.clone());
    worker.round(due + 1.minute()).await.expect("looks");
    let mails = EscalationMails::new(city.db.clone(), site(), Language::Id, Some(server.mail()));
    mails.round(due + 1.minute()).await.expect("sends");
    let of_head = server.mails().into_iter().find(|mail| mail.contains("To: kepala@dbm.example")).expect("has a mail");
    assert!(comes_back(&city.db, &of_head).await);
    worker.round(due + 2.minutes()).await.expect("follows");
    let refused = escalation::refused(&city.db, 50).await.expect("loads");
    assert!(!refused.is_empty() && refused.iter().all(|one| one.instead.as_deref() == Some("others")), "{refused:?}");
    assert_eq!(addresses(&city, due + 3.minutes()).await, Vec::<String>::new());
}

#[tokio::test]
async fn mails_of_long_ago_go_once_a_day_and_what_grew_old_meanwhile_waits_for_the_next() {
    let (city, never) = (city().await, FakeSmtp::new(Behaviour::Never).await);
    works(&city, "penyelia", Role::Supervisor).await;
    let (worker, mails) =
        (Escalations::new(city.db.clone()), EscalationMails::new(city.db.clone(), site(), Language::Id, Some(never.mail())));
    let retention = Retention::new(city.db.clone(), Arc::new(InMemory::new()));
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let left =
        async || escalation::refused(&city.db, 50).await.expect("loads").into_iter().map(|one| one.complaint).collect::<HashSet<_>>();

    let first = city.complaint("jalan berlubang").await;
    let due = first.dispatches[0].deadline;
    worker.round(due).await.expect("looks");
    mails.round(due).await.expect("tries");
    let run = due + days(400);
    let second = city.complaint("lampu mati").await;
    let nearly_a_year_before = run - days(365) + 1.hour();
    worker.round(nearly_a_year_before).await.expect("looks");
    mails.round(nearly_a_year_before).await.expect("tries");

    retention.round(due + days(364)).await.expect("runs");
    assert_eq!(left().await, HashSet::from([first.id, second.id]), "a year is not over");
    for at in [run, run, run + 2.hours()] {
        retention.round(at).await.expect("runs");
        assert_eq!(left().await, HashSet::from([second.id]), "{at}");
    }
    retention.round(run + 25.hours()).await.expect("runs");
    assert_eq!(left().await, HashSet::new());
}
