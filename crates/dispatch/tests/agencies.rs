//! Complaints to agencies: real PostgreSQL, and receivers of our own on loopback.

#[path = "parts/smtp.rs"]
mod smtp;
#[path = "parts/support.rs"]
mod support;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode, header::RETRY_AFTER},
    response::IntoResponse,
    routing::post,
};
use dispatch::{Agencies, Mail};
use jiff::{SignedDuration, Timestamp};
use model::{Action, Actor, AgencyId, Complaint, Language, Role, StaffId};
use outgoing::{Http, Limits};
use serde_json::{Value, json};
use smtp::{Behaviour, FakeSmtp, comes_back};
use store::dispatch::{Outcome, SendKind, SendState, Sending};
use support::{City, site, start};

/// What a receiver was sent: path with query, headers, body.
#[derive(Debug, Clone)]
struct Posted {
    path: String,
    headers: HeaderMap,
    body: String,
}

/// A receiver that answers as it is told, the last answer again and again.
struct Receiver {
    url: String,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Receiver {
    async fn answering(answers: &[(u16, Value)]) -> Self {
        let posted = Arc::new(Mutex::new(Vec::<Posted>::new()));
        let (answers, seen) = (answers.to_vec(), Arc::clone(&posted));
        let handle = move |uri: axum::http::Uri, headers: HeaderMap, body: String| async move {
            let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
            let mut posted = seen.lock().expect("no test holds it");
            posted.push(Posted { path, headers, body });
            let (status, answer) = answers[(posted.len() - 1).min(answers.len() - 1)].clone();
            let status = StatusCode::from_u16(status).expect("a status");
            (status, [(RETRY_AFTER, "90")], Json(answer)).into_response()
        };
        let app = Router::new().fallback(post(handle));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, posted }
    }

    fn posted(&self) -> Vec<Posted> {
        self.posted.lock().expect("no test holds it").clone()
    }
}

fn agencies(city: &City, mail: Option<Mail>) -> Agencies {
    // Loopback is private: only because the agency's own address says so does anything go there.
    let http = Http::new(Limits { total: Duration::from_secs(10), ..Limits::default() }).expect("a client");
    Agencies::new(city.db.clone(), site(), Language::Id, http, mail)
}

fn later(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

async fn sending(city: &City, complaint: &Complaint) -> Sending {
    let mut sendings = store::dispatch::of_complaint(&city.db, complaint.id).await.expect("sendings");
    assert_eq!(sendings.len(), 1);
    sendings.remove(0)
}

#[tokio::test]
async fn a_webhook_is_signed_and_says_everything_but_who_wrote() {
    let receiver = Receiver::answering(&[(200, json!({ "reference": "DBM-7" }))]).await;
    let city = City::new(SendKind::Webhook, &receiver.url, Some("whsec_cmFoYXNpYQ==")).await;
    let complaint = city.complaint("Jalan berlubang besar").await;
    agencies(&city, None).round(start()).await.expect("a round");

    let sending = sending(&city, &complaint).await;
    assert_eq!((sending.state, sending.agency_reference.as_deref()), (SendState::Delivered, Some("DBM-7")));
    let [posted] = <[Posted; 1]>::try_from(receiver.posted()).expect("one post");
    let header = |name: &str| posted.headers[name].to_str().expect("text").to_owned();
    assert_eq!(header("webhook-id"), format!("{}.1", sending.id));
    assert_eq!(header("webhook-timestamp"), start().as_second().to_string());
    assert!(header("webhook-signature").starts_with("v1,"));
    let body: Value = serde_json::from_str(&posted.body).expect("JSON");
    assert_eq!(body["reference"], complaint.reference.to_string());
    assert_eq!((&body["category_name"], &body["place"]), (&json!("Jalan rusak"), &json!("depan pasar")));
    assert!(!posted.body.contains("Warga Rahasia") && !posted.body.contains("62812"), "nothing says who wrote");
}

#[tokio::test]
async fn a_webhook_that_fails_is_tried_again_with_the_same_id_after_a_growing_pause() {
    let busy = (503, json!(null));
    let receiver = Receiver::answering(&[busy.clone(), busy, (200, json!({}))]).await;
    let city = City::new(SendKind::Webhook, &receiver.url, Some("kunci")).await;
    let complaint = city.complaint("Jalan rusak").await;
    let agencies = agencies(&city, None);

    agencies.round(start()).await.expect("a round");
    let first = sending(&city, &complaint).await;
    assert_eq!((first.state, first.error.as_deref()), (SendState::Due, Some("it answered 503")));
    assert_eq!(first.due_at, later(90), "the receiver asked for that pause");
    agencies.round(later(89)).await.expect("a round");
    assert_eq!(receiver.posted().len(), 1, "not before");
    agencies.round(later(90)).await.expect("a round");
    agencies.round(later(90 + 90)).await.expect("a round");

    let last = sending(&city, &complaint).await;
    assert_eq!((last.state, last.attempts, last.error), (SendState::Delivered, 3, None));
    let ids: Vec<String> = receiver.posted().iter().map(|posted| posted.headers["webhook-id"].to_str().expect("text").into()).collect();
    assert_eq!(ids, [format!("{}.1", last.id), format!("{}.1", last.id), format!("{}.1", last.id)]);
}

#[tokio::test]
async fn a_final_no_is_shown_to_staff_who_may_send_again() {
    let receiver = Receiver::answering(&[(422, json!(null)), (200, json!({}))]).await;
    let city = City::new(SendKind::Webhook, &receiver.url, Some("kunci")).await;
    let complaint = city.complaint("Jalan rusak").await;
    let agencies = agencies(&city, None);
    agencies.round(start()).await.expect("a round");
    agencies.round(later(100_000)).await.expect("a round");

    let refused = store::dispatch::refused(&city.db, 10).await.expect("a list");
    assert_eq!(refused, [sending(&city, &complaint).await]);
    assert_eq!((refused[0].error.as_deref(), refused[0].reference), (Some("it answered 422"), complaint.reference));
    assert_eq!(receiver.posted().len(), 1, "a final no is not asked again");

    assert!(store::dispatch::send_again(&city.db, refused[0].id, later(200_000)).await.expect("again"));
    agencies.round(later(200_000)).await.expect("a round");
    assert_eq!(sending(&city, &complaint).await.state, SendState::Delivered);
}

#[tokio::test]
async fn an_agency_that_gets_it_back_is_told_again_under_another_id() {
    let receiver = Receiver::answering(&[(200, json!({}))]).await;
    let city = City::new(SendKind::Webhook, &receiver.url, Some("kunci")).await;
    let opened = city.complaint("Jalan rusak").await;
    let agencies = agencies(&city, None);
    agencies.round(start()).await.expect("a round");

    let directory = store::directory::load(&city.db).await.expect("a directory");
    let other = directory.agencies.values().find(|agency| agency.code == "dishub").expect("an agency").id;
    let staff = |agency: AgencyId| Actor::Staff { id: StaffId::new(start()), role: Role::Supervisor, agency: Some(agency) };
    let hand_over = |to| Action::HandOver { to: vec![to], reason: "bukan wewenang kami".into() };
    let owner = opened.dispatches[0].agency;
    let there = act(&city, &opened, hand_over(other), staff(owner), &directory).await;
    act(&city, &there, hand_over(owner), staff(other), &directory).await;
    agencies.round(later(10)).await.expect("a round");

    let ids: Vec<String> = receiver.posted().iter().map(|posted| posted.headers["webhook-id"].to_str().expect("text").into()).collect();
    let dispatch = opened.dispatches[0].id;
    assert_eq!(ids, [format!("{dispatch}.1"), format!("{dispatch}.2")]);
}

/// Writes what follows from an action, but for the history, whose rows would want a member of staff.
async fn act(city: &City, complaint: &Complaint, action: Action, by: Actor, directory: &model::Directory) -> Complaint {
    let current = store::complaint::load(&city.db, complaint.id).await.expect("loaded").expect("there");
    let mut decision = model::decide(current, action, by, directory, later(5)).expect("allowed");
    for update in &mut decision.updates {
        update.by = Actor::System;
    }
    let mut tx = store::begin(&city.db).await.expect("a transaction");
    store::complaint::write(&mut tx, &decision).await.expect("written");
    store::commit(tx).await.expect("committed");
    decision.complaint
}

#[tokio::test]
async fn open311_gets_a_form_and_gives_its_number() {
    let receiver = Receiver::answering(&[(200, json!([{ "service_request_id": "638344" }]))]).await;
    let city = City::new(SendKind::Open311, &format!("{}/v2/?jurisdiction_id=contoh", receiver.url), Some("kunci")).await;
    let complaint = city.complaint(&"x".repeat(5000)).await;
    agencies(&city, None).round(start()).await.expect("a round");

    assert_eq!(sending(&city, &complaint).await.agency_reference.as_deref(), Some("638344"));
    let [posted] = <[Posted; 1]>::try_from(receiver.posted()).expect("one post");
    assert_eq!(posted.path, "/v2/requests.json?jurisdiction_id=contoh");
    for part in ["service_code=road", "lat=-6.2", "long=106.8", "address_string=depan+pasar", "api_key=kunci", "lapor.example.id"] {
        assert!(posted.body.contains(part), "{part} in {}", posted.body);
    }
    let text = posted.body.split('&').find_map(|pair| pair.strip_prefix("description=")).expect("a description");
    assert!(text.contains(&complaint.reference.to_string()));
    assert!(text.matches('x').count() < 4000, "within the protocol's limit, and the rest is pointed to");
}

#[tokio::test]
async fn what_may_have_arrived_by_open311_is_not_sent_again_by_itself() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = format!("http://{}", silent.local_addr().expect("an address"));
    let city = City::new(SendKind::Open311, &target, None).await;
    let complaint = city.complaint("Jalan rusak").await;
    agencies(&city, None).round(start()).await.expect("a round");

    let sending = sending(&city, &complaint).await;
    assert_eq!(sending.state, SendState::Refused);
    assert!(sending.error.expect("a reason").starts_with("it may have arrived or not"));
}

#[tokio::test]
async fn an_agency_nobody_listens_for_is_tried_again() {
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("an address");
    let city = City::new(SendKind::Open311, &format!("http://{gone}"), None).await;
    let complaint = city.complaint("Jalan rusak").await;
    agencies(&city, None).round(start()).await.expect("a round");
    assert_eq!(sending(&city, &complaint).await.state, SendState::Due);
}

#[tokio::test]
async fn a_black_hole_lets_nothing_out_and_counts_as_told() {
    let receiver = Receiver::answering(&[(200, json!({}))]).await;
    let city = City::new(SendKind::Blackhole, &receiver.url, Some("kunci")).await;
    let complaint = city.complaint("Jalan rusak").await;
    agencies(&city, None).round(start()).await.expect("a round");
    assert_eq!(sending(&city, &complaint).await.state, SendState::Delivered);
    assert!(receiver.posted().is_empty());
}

#[tokio::test]
async fn two_workers_never_send_the_same_dispatch() {
    let receiver = Receiver::answering(&[(200, json!({}))]).await;
    let city = City::new(SendKind::Webhook, &receiver.url, Some("kunci")).await;
    for _ in 0..12 {
        city.complaint("Jalan rusak").await;
    }
    let (one, two) = (agencies(&city, None), agencies(&city, None));
    let (first, second) = tokio::join!(one.round(start()), two.round(start()));
    first.and(second).expect("rounds");
    one.round(start()).await.expect("a round");

    let mut ids: Vec<String> = receiver.posted().iter().map(|posted| posted.headers["webhook-id"].to_str().expect("text").into()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), receiver.posted().len()), (12, 12));
}

#[tokio::test]
async fn a_claim_whose_worker_died_is_taken_over_and_its_late_settling_counts_no_more() {
    let receiver = Receiver::answering(&[(200, json!({}))]).await;
    let city = City::new(SendKind::Webhook, &receiver.url, Some("kunci")).await;
    let complaint = city.complaint("Jalan rusak").await;
    let lease = Duration::from_mins(3);
    let dead = store::dispatch::claim(&city.db, start(), lease, 8).await.expect("a claim").remove(0);

    let agencies = agencies(&city, None);
    agencies.round(later(179)).await.expect("a round");
    assert!(receiver.posted().is_empty(), "the lease still runs");
    agencies.round(later(180)).await.expect("a round");
    assert_eq!(sending(&city, &complaint).await.state, SendState::Delivered);

    let late = store::dispatch::settle(&city.db, dead, Outcome::Refused { error: "late".into() }, later(200)).await;
    assert!(matches!(late, Err(store::StoreError::Stale)), "{late:?}");
    assert_eq!(sending(&city, &complaint).await.state, SendState::Delivered);
}

#[tokio::test]
async fn a_mail_has_the_number_the_words_and_an_id_of_ours() {
    let server = FakeSmtp::new(Behaviour::Accept).await;
    let city = City::new(SendKind::Email, "bidang-jalan@dbm.example", None).await;
    let complaint = city.complaint("Jalan berlubang").await;
    agencies(&city, Some(server.mail())).round(start()).await.expect("a round");

    let sending = sending(&city, &complaint).await;
    assert_eq!((sending.state, sending.error), (SendState::Delivered, None));
    let [mail] = <[String; 1]>::try_from(server.mails()).expect("one mail");
    for part in [
        format!("Message-ID: <{}.agency.1@example.id>", sending.id.0.simple()),
        "To: bidang-jalan@dbm.example".into(),
        "Auto-Submitted: auto-generated".into(),
        format!("Subject: Laporan {}: Jalan rusak", complaint.reference),
        "Jalan berlubang".into(),
        "Koordinat: -6.20000, 106.80000".into(),
    ] {
        assert!(mail.contains(&part), "{part} in\n{mail}");
    }
    assert!(!mail.contains("Warga Rahasia") && !mail.contains("62812"), "nothing says who wrote");
    assert!(!mail.contains("Wilayah:"), "a line without its fact is left out");
}

#[tokio::test]
async fn an_agency_whose_mailbox_is_gone_is_not_told_and_a_person_must_look() {
    let server = FakeSmtp::new(Behaviour::Accept).await;
    let city = City::new(SendKind::Email, "bidang-jalan@dbm.example", None).await;
    let complaint = city.complaint("Jalan berlubang").await;
    let agencies = agencies(&city, Some(server.mail()));
    agencies.round(start()).await.expect("a round");
    let mail = server.mails().remove(0);
    assert!(!comes_back(&city.db, &mail.replace("agency.1@", "agency.2@")).await, "never told so often");
    assert!(comes_back(&city.db, &mail).await && comes_back(&city.db, &mail).await, "however often the host says it");
    let returned = sending(&city, &complaint).await;
    assert_eq!((returned.state, returned.error.as_deref()), (SendState::Refused, Some("5.1.1 no such person")));
    assert!(store::dispatch::send_again(&city.db, returned.id, later(60)).await.expect("is written"));
    agencies.round(later(60)).await.expect("a round");
    assert_eq!((server.mails().len(), sending(&city, &complaint).await.state), (2, SendState::Delivered));
}

#[tokio::test]
async fn a_mail_server_may_say_later_or_never() {
    for (behaviour, state) in [(Behaviour::Later, SendState::Due), (Behaviour::Never, SendState::Refused)] {
        let server = FakeSmtp::new(behaviour).await;
        let city = City::new(SendKind::Email, "a@dbm.example", None).await;
        let complaint = city.complaint("Jalan rusak").await;
        agencies(&city, Some(server.mail())).round(start()).await.expect("a round");
        let sending = sending(&city, &complaint).await;
        assert_eq!(sending.state, state, "{:?}", sending.error);
        assert!(!sending.error.expect("a reason").contains("dbm.example"), "the server's words hold addresses");
    }
}

#[tokio::test]
async fn a_mail_under_way_without_an_answer_is_left_to_a_person() {
    let server = FakeSmtp::new(Behaviour::SilentAfterData).await;
    let city = City::new(SendKind::Email, "a@dbm.example", None).await;
    let complaint = city.complaint("Jalan rusak").await;
    let agencies = agencies(&city, Some(server.mail()));
    agencies.round(start()).await.expect("a round");
    agencies.round(later(100_000)).await.expect("a round");
    let sending = sending(&city, &complaint).await;
    assert_eq!((sending.state, sending.attempts), (SendState::Refused, 1));
    assert!(sending.error.expect("a reason").starts_with("it may have arrived or not"));
}

#[tokio::test]
async fn a_mail_server_that_never_greets_is_tried_again() {
    let server = FakeSmtp::new(Behaviour::Mute).await;
    let city = City::new(SendKind::Email, "a@dbm.example", None).await;
    let complaint = city.complaint("Jalan rusak").await;
    agencies(&city, Some(server.mail())).round(start()).await.expect("a round");
    assert_eq!(sending(&city, &complaint).await.state, SendState::Due, "nothing has left");
}

#[tokio::test]
async fn a_mail_whose_sender_died_is_not_sent_blindly() {
    let server = FakeSmtp::new(Behaviour::Accept).await;
    let city = City::new(SendKind::Email, "a@dbm.example", None).await;
    let complaint = city.complaint("Jalan rusak").await;
    let _dead = store::dispatch::claim(&city.db, start(), Duration::from_mins(3), 8).await.expect("a claim");
    agencies(&city, Some(server.mail())).round(later(180)).await.expect("a round");
    assert_eq!(sending(&city, &complaint).await.state, SendState::Refused);
    assert!(server.mails().is_empty());
}
