//! Mails to staff about their own account: real PostgreSQL, and a mail server of our own.

#[path = "parts/smtp.rs"]
mod smtp;
#[path = "parts/support.rs"]
#[expect(dead_code, reason = "complaints are for the other tests")]
mod support;

use dispatch::AccountMails;
use jiff::ToSpan;
use model::{Language, Role, StaffId};
use smtp::{Behaviour, FakeSmtp, comes_back};
use store::{dispatch::SendKind, escalation, mailing::MailState, staff::NewStaff};
use support::{City, site, start};

async fn ani(city: &City, language: Language) -> StaffId {
    let new = NewStaff { login: "ani".into(), name: "Ani Rahasia".into(), role: Role::Triage, agency: None, office: None, language };
    let mut tx = store::begin(&city.db).await.expect("begins");
    let id = store::staff::create(&mut tx, &new, "-", start()).await.expect("is made").expect("is new");
    escalation::set_mail(&mut tx, id, Some("ani@contoh.example")).await.expect("is written");
    store::commit(tx).await.expect("commits");
    id
}

async fn invited(city: &City, id: StaffId) {
    let mut tx = store::begin(&city.db).await.expect("begins");
    assert!(store::staff::invite_by_mail(&mut tx, id, None, "-", start()).await.expect("is written").is_some());
    store::commit(tx).await.expect("commits");
}

/// As its reader sees it.
fn plain(mail: &str) -> String {
    mail.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")
}

async fn state(city: &City, id: StaffId) -> (MailState, Option<String>) {
    let sent = store::staff::waiting(&city.db).await.expect("is read").remove(&id).and_then(|waits| waits.mail).expect("a mail");
    (sent.state, sent.error)
}

#[tokio::test]
async fn an_invitation_by_mail_says_in_the_accounts_language_what_it_is_and_its_link_sets_the_password() {
    for (language, says) in [(Language::Id, "abaikan saja"), (Language::En, "did not expect this mail")] {
        let (city, server) = (City::new(SendKind::Queue, "", None).await, FakeSmtp::new(Behaviour::Accept).await);
        let id = ani(&city, language).await;
        invited(&city, id).await;
        let mails = AccountMails::new(city.db.clone(), site(), Language::Id, Some(server.mail()));
        for _ in 0..2 {
            mails.round(start() + 1.minute()).await.expect("sends");
        }
        let sent = server.mails();
        assert_eq!(sent.len(), 1);
        let mail = plain(&sent[0]);
        for part in ["To: ani@contoh.example", ": ani", "Kota Contoh", says, "23 Nov", "https://lapor.example.id/undangan/"] {
            assert!(mail.contains(part), "{part} in\n{mail}");
        }
        assert!(!mail.contains("Ani Rahasia"), "no name: {mail}");
        assert!(comes_back(&city.db, &sent[0]).await);
        assert_eq!(state(&city, id).await, (MailState::Refused, Some("5.1.1 no such person".into())), "who invited them sees it");
        let token: String = mail.split_once("/undangan/").expect("a link").1.chars().take_while(char::is_ascii_hexdigit).collect();
        let mut tx = store::begin(&city.db).await.expect("begins");
        assert_eq!(store::staff::accept(&mut tx, &token, "hash", start() + 2.minutes()).await.expect("is written"), Some(id));
        store::commit(tx).await.expect("commits");
    }
}

#[tokio::test]
async fn an_invitation_that_a_server_does_not_take_waits_or_is_given_up_and_says_why() {
    for (behaviour, state_then, says) in [(Behaviour::Later, MailState::Due, "451"), (Behaviour::Never, MailState::Refused, "550")] {
        let (city, server) = (City::new(SendKind::Queue, "", None).await, FakeSmtp::new(behaviour).await);
        let id = ani(&city, Language::Id).await;
        invited(&city, id).await;
        let mails = AccountMails::new(city.db.clone(), site(), Language::Id, Some(server.mail()));
        mails.round(start() + 1.minute()).await.expect("tries");
        let (state, error) = state(&city, id).await;
        assert!(state == state_then && error.as_deref().is_some_and(|error| error.contains(says)), "{state:?} {error:?}");
        assert!(!error.unwrap_or_default().contains("ani@contoh.example"), "no address in what is shown and logged");
    }
    let city = City::new(SendKind::Queue, "", None).await;
    let id = ani(&city, Language::Id).await;
    invited(&city, id).await;
    AccountMails::new(city.db.clone(), site(), Language::Id, None).round(start() + 1.minute()).await.expect("tries");
    assert_eq!(state(&city, id).await, (MailState::Due, Some("no mail server is set".into())));
}

#[tokio::test]
async fn whose_recovery_code_was_used_reads_when_and_what_to_do() {
    let (city, server) = (City::new(SendKind::Queue, "", None).await, FakeSmtp::new(Behaviour::Accept).await);
    let id = ani(&city, Language::Id).await;
    let mut tx = store::begin(&city.db).await.expect("begins");
    store::staff::mail::tell_of_code(&mut tx, id, start()).await.expect("is written");
    store::commit(tx).await.expect("commits");
    AccountMails::new(city.db.clone(), site(), Language::Id, Some(server.mail())).round(start() + 1.minute()).await.expect("sends");
    let mail = plain(&server.mails().pop().expect("a mail"));
    for part in
        ["To: ani@contoh.example", "akun ani", "20 November 2026", "Sisa kode: 0", "hubungi admin", "https://lapor.example.id/faktor"]
    {
        assert!(mail.contains(part), "{part} in\n{mail}");
    }
}
