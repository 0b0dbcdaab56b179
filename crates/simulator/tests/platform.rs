//! The platform keeps Meta's rules, so that what passes here has met them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use jiff::SignedDuration;
use reqwest::Client;
use serde_json::{Value, json};
use simulator::{Endpoint, Fault, Form, Options, Order, Platform, WindowErrors, load, webhook};

const BUDI: &str = "0810 0000 0001";
const SECRET: &str = "simulator-secret";

fn client() -> Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "a test plays the adapter")]
    Client::new()
}

async fn send(platform: &Platform, message: Value) -> (u16, Value) {
    let url = format!("{}/v26.0/100000000000001/messages", platform.url);
    let answer = client().post(url).bearer_auth("simulator-token").json(&message).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or_default())
}

fn text(to: &str, body: &str) -> Value {
    json!({ "messaging_product": "whatsapp", "to": to, "type": "text", "text": { "body": body }, "biz_opaque_callback_data": "reply-1" })
}

fn template(to: &str, parameter: &str) -> Value {
    let components = json!([{ "type": "body", "parameters": [{ "type": "text", "text": parameter }] }]);
    json!({ "messaging_product": "whatsapp", "to": to, "type": "template",
        "template": { "name": "laporan_selesai", "language": { "code": "id" }, "components": components } })
}

fn code(answer: &Value) -> u64 {
    answer["error"]["code"].as_u64().unwrap_or(0)
}

/// What a webhook of ours heard; it says no as often as it is told.
#[derive(Clone, Default)]
struct Webhook(Arc<Mutex<(Vec<Value>, u32)>>);

impl Webhook {
    async fn start(refusals: u32) -> (Self, String) {
        let webhook = Self(Arc::new(Mutex::new((Vec::new(), refusals))));
        let routes = Router::new().route("/webhook", post(hear)).with_state(webhook.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/webhook", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (webhook, url)
    }

    fn heard(&self) -> Vec<Value> {
        self.0.lock().expect("a lock").0.clone()
    }
}

async fn hear(State(webhook): State<Webhook>, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert_eq!(headers[webhook::SIGNATURE].to_str().expect("text"), webhook::signature(&body, SECRET));
    let mut inner = webhook.0.lock().expect("a lock");
    if inner.1 > 0 {
        inner.1 -= 1;
        return StatusCode::SERVICE_UNAVAILABLE;
    }
    let body: Value = serde_json::from_slice(&body).expect("JSON");
    let changes = body["entry"][0]["changes"].as_array().expect("changes").iter().map(|change| change["value"].clone());
    inner.0.extend(changes);
    StatusCode::OK
}

#[tokio::test]
async fn free_text_needs_a_message_of_the_last_day_and_a_template_does_not() {
    let platform = Platform::start().await.expect("a platform");
    let (status, answer) = send(&platform, text(BUDI, "halo")).await;
    assert_eq!((status, code(&answer)), (400, 131_047));
    assert_eq!(send(&platform, template(BUDI, "ABCD")).await.0, 200);
    platform.text(BUDI, "Ada lubang");
    assert_eq!(send(&platform, text(BUDI, "Terima kasih")).await.0, 200);
    platform.pass(SignedDuration::from_hours(25));
    assert_eq!(code(&send(&platform, text(BUDI, "halo")).await.1), 131_047);
    let got = platform.received(BUDI);
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].form, Form::Template { name: "laporan_selesai".into(), language: "id".into() });
    assert_eq!((got[1].form.clone(), got[1].text.as_str()), (Form::Text, "Terima kasih"));
}

#[tokio::test]
async fn a_closed_window_can_also_be_told_later() {
    let options = Options { window_errors: WindowErrors::InStatus, ..Options::default() };
    let platform = Platform::start_with(options).await.expect("a platform");
    assert_eq!(send(&platform, text(BUDI, "halo")).await.0, 200);
    assert!(platform.received(BUDI).is_empty());
    let (webhook, url) = Webhook::start(0).await;
    platform.deliver(&url, SECRET).await;
    let status = &webhook.heard()[0]["statuses"][0];
    assert_eq!((&status["status"], &status["errors"][0]["code"]), (&json!("failed"), &json!(131_047)));
}

#[tokio::test]
async fn the_rules_of_the_request_are_kept() {
    let options = Options { pair_pause: SignedDuration::from_secs(6), ..Options::default() };
    let platform = Platform::start_with(options).await.expect("a platform");
    platform.text(BUDI, "Ada lubang");
    assert_eq!(code(&send(&platform, text(BUDI, &"x".repeat(4097))).await.1), 131_009);
    assert_eq!(code(&send(&platform, template(BUDI, "dua\nbaris")).await.1), 132_012);
    assert_eq!(send(&platform, text(BUDI, &"x".repeat(4096))).await.0, 200);
    assert_eq!(code(&send(&platform, text(BUDI, "lagi")).await.1), 131_056);
    platform.pass(SignedDuration::from_secs(6));
    assert_eq!(send(&platform, text(BUDI, "lagi")).await.0, 200);
    let url = format!("{}/v26.0/100000000000001/messages", platform.url);
    let answer = client().post(url).bearer_auth("wrong").json(&text(BUDI, "x")).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 401);
}

#[tokio::test]
async fn a_citizen_with_a_username_is_reached_by_their_id_alone() {
    let platform = Platform::start().await.expect("a platform");
    platform.hide_phone(BUDI);
    platform.text(BUDI, "Ada lubang");
    let (webhook, url) = Webhook::start(0).await;
    platform.deliver(&url, SECRET).await;
    let heard = webhook.heard();
    assert!(!heard[0].to_string().contains("6281000000001"));
    let id = heard[0]["messages"][0]["from_user_id"].as_str().expect("an id").to_owned();
    let mut message = text("", "Terima kasih");
    message.as_object_mut().expect("an object").remove("to");
    message["recipient"] = json!(id);
    assert_eq!(send(&platform, message).await.0, 200);
    assert_eq!(platform.received(BUDI)[0].text, "Terima kasih");
}

#[tokio::test]
async fn files_come_in_two_steps_and_their_address_dies() {
    let platform = Platform::start().await.expect("a platform");
    platform.photo(BUDI, Some("lubang"), b"jpeg".to_vec());
    let (webhook, url) = Webhook::start(0).await;
    platform.deliver(&url, SECRET).await;
    let id = webhook.heard()[0]["messages"][0]["image"]["id"].as_str().expect("an id").to_owned();
    let ask = || client().get(format!("{}/v26.0/{id}", platform.url)).bearer_auth("simulator-token").send();
    let address: Value = ask().await.expect("an answer").json().await.expect("JSON");
    let file = address["url"].as_str().expect("a url").to_owned();
    assert_eq!(client().get(&file).send().await.expect("an answer").status().as_u16(), 401);
    let get = || client().get(&file).bearer_auth("simulator-token").send();
    assert_eq!(get().await.expect("an answer").bytes().await.expect("bytes"), b"jpeg".as_slice());
    platform.pass(SignedDuration::from_mins(5));
    assert_eq!(get().await.expect("an answer").status().as_u16(), 404);
}

#[tokio::test]
async fn what_the_webhook_refuses_comes_again_and_what_it_took_can_be_repeated() {
    let platform = Platform::start().await.expect("a platform");
    let (webhook, url) = Webhook::start(1).await;
    let first = platform.text(BUDI, "satu");
    assert_eq!(platform.deliver(&url, SECRET).await, [503]);
    platform.text(BUDI, "dua");
    assert_eq!(platform.deliver(&url, SECRET).await, [200, 200]);
    assert_eq!(platform.redeliver(2, &url, SECRET).await, [200, 200]);
    let ids: Vec<Value> = webhook.heard().iter().map(|value| value["messages"][0]["id"].clone()).collect();
    assert_eq!(ids.len(), 4);
    assert_eq!(ids[0], json!(first));
    assert_eq!(ids.iter().filter(|id| **id == json!(first)).count(), 2);
}

#[tokio::test]
async fn messages_can_come_at_once_or_in_one_request() {
    let platform = Platform::start().await.expect("a platform");
    let (webhook, url) = Webhook::start(0).await;
    for number in 0..20 {
        platform.text(BUDI, &number.to_string());
    }
    assert_eq!(platform.deliver_in(Order::AtOnce, &url, SECRET).await, [200; 20]);
    for number in 0..3 {
        platform.text(BUDI, &number.to_string());
    }
    assert_eq!(platform.deliver_in(Order::InOne, &url, SECRET).await, [200]);
    assert_eq!(webhook.heard().len(), 23);
}

#[tokio::test]
async fn a_subscribed_webhook_hears_by_itself_what_became_of_a_message() {
    let platform = Platform::start().await.expect("a platform");
    let (webhook, url) = Webhook::start(1).await;
    platform.subscribe(&url, SECRET);
    platform.text(BUDI, "Ada lubang");
    assert_eq!(send(&platform, text(BUDI, "Terima kasih")).await.0, 200);
    assert!(platform.wait_for(BUDI, |message| message.callback.as_deref() == Some("reply-1")).await.is_some());
    let all = async {
        while webhook.heard().len() < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), all).await.expect("everything is told");
    let words: Vec<Value> = webhook.heard()[1..].iter().map(|value| value["statuses"][0]["status"].clone()).collect();
    assert_eq!(words, [json!("sent"), json!("delivered"), json!("read")]);
}

#[tokio::test]
async fn failures_are_switched_on_and_off() {
    let platform = Platform::start().await.expect("a platform");
    platform.text(BUDI, "Ada lubang");
    platform.fail_times(Endpoint::Messages, Fault::TooMany(Some(9)), 1);
    let url = format!("{}/v26.0/100000000000001/messages", platform.url);
    let answer = client().post(&url).bearer_auth("simulator-token").json(&text(BUDI, "x")).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().expect("text")), (429, "9"));
    platform.fail(Endpoint::Messages, Fault::Broken);
    assert_eq!(send(&platform, text(BUDI, "x")).await.0, 500);
    platform.fail(Endpoint::Messages, Fault::Code(131_026));
    assert_eq!(code(&send(&platform, text(BUDI, "x")).await.1), 131_026);
    platform.fail(Endpoint::Messages, Fault::Wrong);
    assert_eq!(send(&platform, text(BUDI, "x")).await, (200, Value::Null));
    platform.fail(Endpoint::Messages, Fault::Silent);
    let silent = client().post(&url).bearer_auth("simulator-token").json(&text(BUDI, "x")).timeout(Duration::from_millis(200)).send();
    assert!(silent.await.is_err() && platform.received(BUDI).is_empty());
    platform.fail(Endpoint::Messages, Fault::Lost);
    let lost = client().post(&url).bearer_auth("simulator-token").json(&text(BUDI, "x")).timeout(Duration::from_secs(2)).send();
    assert!(lost.await.is_err());
    assert_eq!(platform.received(BUDI).len(), 1);
    platform.mend(Endpoint::Messages);
    assert_eq!(send(&platform, text(BUDI, "x")).await.0, 200);
}

#[tokio::test]
async fn load_counts_what_was_accepted_and_what_was_not() {
    let (webhook, url) = Webhook::start(3).await;
    let time = Duration::from_millis(500);
    let load =
        load::Load { target: url, secret: SECRET.into(), rate: 100, time, connections: 4, citizens: 20, seed: 1, texts: Arc::default() };
    let outcome = load::run(load).await.expect("an outcome");
    assert_eq!(outcome.statuses.values().sum::<u64>(), 50, "every request that was due was sent");
    assert_eq!((outcome.statuses[&503], outcome.accepted(), outcome.took.len()), (3, 47, 47));
    let ids: std::collections::HashSet<String> = webhook.heard().iter().map(|value| value["messages"][0]["id"].to_string()).collect();
    assert_eq!(ids.len(), 47, "no message is sent twice");
}

#[tokio::test]
async fn load_on_a_closed_door_says_so() {
    let load = load::Load {
        target: "http://127.0.0.1:1/webhook".into(),
        secret: SECRET.into(),
        rate: 50,
        time: Duration::from_millis(200),
        connections: 1,
        citizens: 1,
        seed: 1,
        texts: Arc::default(),
    };
    let outcome = load::run(load).await.expect("an outcome");
    assert_eq!((outcome.accepted(), outcome.statuses[&0]), (0, 10));
}
