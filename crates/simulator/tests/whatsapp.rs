//! The WhatsApp adapter meets the platform: replies, files, handshake and signature over the real protocol.

use std::collections::BTreeMap;

use adapter_sdk::{
    Adapter, Address, AttachmentKind, Audience, Content, Event, FetchError, Http, Language, Menu, Raw, ReceiptState, Reply, ReplyFile,
    ReplyId, ReplyKind, ReplyTo, Request, SendError, State, Timestamp, TraceId, Webhook,
    axum::http::{HeaderMap, Method},
    model::Choice,
    outgoing::Limits,
};
use adapter_whatsapp::WhatsApp;
use jiff::SignedDuration;
use serde_json::{Value, json};
use simulator::{Endpoint, Fault, Form, Options, Platform, WindowErrors, webhook};

const SARI: &str = "6281000000001";
const SECRET: &str = "simulator-secret";

fn open(platform: &Platform, more: &Value) -> WhatsApp {
    let mut config = json!({
        "accounts": [{ "phone_number_id": "100000000000001", "access_token": "simulator-token", "label": "uji" }],
        "app_secret": SECRET, "verify_token": "simulator-word", "graph_url": platform.url, "version": "v26.0", "pair_pause": 0,
        "throughput": 1000,
        "templates": {},
    });
    for (key, value) in more.as_object().expect("a table") {
        config[key] = value.clone();
    }
    let limits = Limits { total: std::time::Duration::from_secs(2), max_body: 1 << 20, ..Limits::default() };
    WhatsApp::open(serde_json::from_value(config).expect("a configuration"), Http::new(limits).expect("a client")).expect("an adapter")
}

fn templates() -> Value {
    json!({ "templates": { "resolved": { "name": "laporan_selesai", "languages": ["id", "en"], "params": ["reference", "agency", "text"] } } })
}

fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the test plays a citizen who writes now")]
    Timestamp::now()
}

/// What the door would keep of the webhook's calls.
fn raw(body: Vec<u8>) -> Raw {
    let adapter = "whatsapp".parse().expect("a name");
    Raw { adapter, received_at: now(), trace: TraceId::random(), query: String::new(), headers: Vec::new(), body: body.into() }
}

/// What the adapter makes of everything that citizens wrote so far.
async fn heard(platform: &Platform, adapter: &WhatsApp) -> Vec<Event> {
    let door = Door::start().await;
    platform.deliver(&door.url, SECRET).await;
    let bodies = door.bodies();
    bodies.into_iter().flat_map(|body| adapter.parse(&raw(body)).expect("events")).collect()
}

#[derive(Clone)]
struct Door {
    url: String,
    bodies: std::sync::Arc<std::sync::Mutex<Vec<Vec<u8>>>>,
}

impl Door {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/webhook", listener.local_addr().expect("an address"));
        let door = Self { url, bodies: std::sync::Arc::default() };
        let keep = door.clone();
        let take = move |body: axum::body::Bytes| async move { keep.bodies.lock().expect("a lock").push(body.to_vec()) };
        let routes = axum::Router::new().route("/webhook", axum::routing::post(take));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        door
    }

    fn bodies(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.bodies.lock().expect("a lock"))
    }
}

/// The reply that answers this event.
fn answer(event: &Event, kind: ReplyKind, text: &str) -> Reply {
    let Event::Message(inbound) = event else { panic!("a message") };
    reply(inbound.reply_to.clone().expect("a way back"), kind, text)
}

fn reply(to: ReplyTo, kind: ReplyKind, text: &str) -> Reply {
    let params = [("reference", "7KQ2-M4XT-9PCH"), ("agency", "Dinas Bina Marga"), ("text", "Sudah\nditambal   rata")];
    let params: BTreeMap<_, _> = params.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Reply {
        id: ReplyId::new(now()),
        to,
        kind,
        language: Language::Id,
        text: text.into(),
        short: Vec::new(),
        params,
        menu: None,
        files: Vec::new(),
    }
}

/// As a desk names a telephone number: nobody wrote from it here.
fn from_a_desk() -> ReplyTo {
    let address = format!("tel:+{SARI}").parse::<Address>().expect("an address");
    ReplyTo {
        adapter: "whatsapp".parse().expect("a name"),
        account: "100000000000001".into(),
        address,
        thread: None,
        audience: Audience::Private,
        open_until: None,
    }
}

#[tokio::test]
async fn a_reply_within_the_day_is_text_that_quotes_the_citizen() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &templates());
    let wamid = platform.text(SARI, "Jalan rusak di depan pasar");
    let events = heard(&platform, &adapter).await;
    let reply = answer(&events[0], ReplyKind::Resolved, "Sudah selesai");
    let sent = adapter.send(&reply).await.expect("sent");
    let got = platform.received(SARI).remove(0);
    assert_eq!((got.form, got.text.as_str(), got.quoted), (Form::Text, "Sudah selesai", Some(wamid)));
    assert_eq!((Some(got.wamid.clone()), got.callback), (sent.platform_id, Some(reply.id.to_string())));
    let states: Vec<String> = heard(&platform, &adapter)
        .await
        .into_iter()
        .map(|event| match event {
            Event::Receipt(receipt) if receipt.reply == Some(reply.id) && receipt.platform_id == Some(got.wamid.clone()) => {
                receipt.state.as_str().to_owned()
            }
            other => panic!("a receipt of the reply, not {other:?}"),
        })
        .collect();
    assert_eq!(states, ["sent", "delivered", "read"]);
}

#[tokio::test]
async fn a_reply_after_the_day_is_the_approved_template() {
    // This platform takes text first and fails it later: text must not even be tried.
    let options = Options { window_errors: WindowErrors::InStatus, ..Options::default() };
    let platform = Platform::start_with(options).await.expect("a platform");
    let adapter = open(&platform, &templates());
    platform.pass(SignedDuration::from_hours(-25));
    platform.text(SARI, "Jalan rusak");
    let events = heard(&platform, &adapter).await;
    platform.pass(SignedDuration::from_hours(25));
    adapter.send(&answer(&events[0], ReplyKind::Resolved, "Sudah selesai")).await.expect("sent");
    let got = platform.received(SARI).remove(0);
    assert_eq!(got.form, Form::Template { name: "laporan_selesai".into(), language: "id".into() });
    assert_eq!(got.text, "7KQ2-M4XT-9PCH\nDinas Bina Marga\nSudah ditambal rata");
}

#[tokio::test]
async fn a_number_that_never_wrote_gets_the_template_first() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &templates());
    adapter.send(&reply(from_a_desk(), ReplyKind::Resolved, "Sudah selesai")).await.expect("sent");
    assert!(matches!(platform.received(SARI)[0].form, Form::Template { .. }));
    let error = adapter.send(&reply(from_a_desk(), ReplyKind::Received, "Terima kasih")).await.expect_err("no template for this kind");
    assert!(matches!(error, SendError::Rejected { code, .. } if code == "131047"));
}

#[tokio::test]
async fn a_closed_window_that_nobody_foresaw_is_met_with_the_template() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &templates());
    platform.text(SARI, "Jalan rusak");
    let events = heard(&platform, &adapter).await;
    platform.pass(SignedDuration::from_hours(30)); // their clock is not ours
    adapter.send(&answer(&events[0], ReplyKind::Resolved, "Sudah selesai")).await.expect("sent");
    assert!(matches!(platform.received(SARI)[0].form, Form::Template { .. }));
    assert_eq!(platform.requests(Endpoint::Messages), 2);
}

#[tokio::test]
async fn a_template_that_meta_paused_gives_way_to_text() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &templates());
    platform.text(SARI, "Jalan rusak");
    platform.fail_times(Endpoint::Messages, Fault::Code(132_015), 1);
    adapter.send(&reply(from_a_desk(), ReplyKind::Resolved, "Sudah selesai")).await.expect("sent");
    assert_eq!(platform.received(SARI)[0].form, Form::Text);
}

/// A registry that can be asked: the business account is known.
fn with_registry() -> Value {
    let mut config = templates();
    config["accounts"] = json!([{
        "phone_number_id": "100000000000001", "access_token": "simulator-token", "label": "uji", "business_account_id": "700000000000001",
    }]);
    config
}

#[tokio::test]
async fn a_paused_template_is_not_sent_and_its_other_language_is() {
    let platform = Platform::start().await.expect("a platform");
    for (name, language, word) in
        [("a", "id", "APPROVED"), ("laporan_selesai", "id", "PAUSED"), ("laporan_selesai", "en", "APPROVED"), ("z", "id", "REJECTED")]
    {
        platform.template(name, language, word);
    }
    platform.text(SARI, "Jalan rusak");
    let adapter = open(&platform, &with_registry());
    adapter.send(&reply(from_a_desk(), ReplyKind::Resolved, "Sudah selesai")).await.expect("sent");
    assert_eq!(platform.received(SARI)[0].form, Form::Template { name: "laporan_selesai".into(), language: "en".into() });
    assert_eq!(platform.requests(Endpoint::Messages), 1, "the paused one was not even tried");
    assert_eq!(platform.requests(Endpoint::Templates), 2, "four templates, two to a page, asked for once");
}

#[tokio::test]
async fn a_reply_whose_template_is_rejected_fails_with_the_reason_once_the_window_is_closed() {
    let platform = Platform::start().await.expect("a platform");
    platform.template("laporan_selesai", "id", "REJECTED");
    platform.template("laporan_selesai", "en", "REJECTED");
    let adapter = open(&platform, &with_registry());
    let to = ReplyTo { open_until: Some(now()), ..from_a_desk() };
    let error = adapter.send(&reply(to, ReplyKind::Resolved, "Sudah selesai")).await.expect_err("nothing gets through");
    let SendError::Rejected { code, detail } = error else { panic!("a final no: {error:?}") };
    assert_eq!(code, "131047");
    assert!(detail.contains("laporan_selesai") && detail.contains("REJECTED"), "{detail}");
    assert_eq!(platform.requests(Endpoint::Messages), 0);
}

#[tokio::test]
async fn a_registry_that_does_not_answer_stops_no_reply() {
    let platform = Platform::start().await.expect("a platform");
    platform.fail(Endpoint::Templates, Fault::Broken);
    let adapter = open(&platform, &with_registry());
    for _ in 0..3 {
        adapter.send(&reply(from_a_desk(), ReplyKind::Resolved, "Sudah selesai")).await.expect("sent");
    }
    assert_eq!(platform.requests(Endpoint::Templates), 1, "it is not asked again at once");
}

#[tokio::test]
async fn a_window_that_closed_in_a_status_is_told_apart_from_other_failures() {
    let options = Options { window_errors: WindowErrors::InStatus, ..Options::default() };
    let platform = Platform::start_with(options).await.expect("a platform");
    let adapter = open(&platform, &json!({}));
    adapter.send(&reply(from_a_desk(), ReplyKind::Resolved, "Sudah selesai")).await.expect("taken");
    let events = heard(&platform, &adapter).await;
    let [Event::Receipt(receipt)] = events.as_slice() else { panic!("a receipt: {events:?}") };
    assert!(matches!(&receipt.state, ReceiptState::WindowClosed { code, .. } if code == "131047"), "{receipt:?}");
}

/// A reply with something to tap, to who has just written.
async fn menu(platform: &Platform, adapter: &WhatsApp, menu: Menu) -> Reply {
    platform.text(SARI, "Tolong");
    let events = heard(platform, adapter).await;
    let message = events.iter().find(|event| matches!(event, Event::Message(_))).expect("a message");
    Reply { menu: Some(menu), ..answer(message, ReplyKind::Received, "Ini tentang apa?\n1. Jalan") }
}

fn list(count: usize) -> Menu {
    let choices =
        (0..count).map(|n| Choice { id: format!("category:c{n}"), title: format!("Kategori yang ke-{n} dan seterusnya") }).collect();
    Menu::Choices { body: "Ini tentang apa?".into(), button: "Pilih".into(), choices }
}

#[tokio::test]
async fn a_question_is_a_list_and_what_is_tapped_comes_back_as_a_category() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &json!({}));
    let reply = menu(&platform, &adapter, list(5)).await;
    adapter.send(&reply).await.expect("sent");
    let got = platform.received(SARI).remove(0);
    assert_eq!(got.text, "Ini tentang apa?");
    let _statuses = heard(&platform, &adapter).await;
    platform.tap(SARI, &got, "category:c3");
    let events = heard(&platform, &adapter).await;
    let [Event::Message(inbound)] = events.as_slice() else { panic!("a message: {events:?}") };
    assert_eq!(inbound.category.as_deref(), Some("c3"));
    assert_eq!(inbound.in_reply_to.as_ref(), Some(&got.wamid));
}

#[tokio::test]
async fn a_place_is_asked_for_with_the_map() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &json!({}));
    let reply = menu(&platform, &adapter, Menu::Location { body: "Di mana lokasinya?".into() }).await;
    adapter.send(&reply).await.expect("sent");
    assert_eq!(platform.received(SARI)[0].form, Form::Menu { kind: "location_request_message".into(), choices: Vec::new() });
}

#[tokio::test]
async fn a_menu_that_meta_cannot_read_or_that_does_not_fit_is_the_numbered_text() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &json!({}));
    let too_many = menu(&platform, &adapter, list(11)).await;
    adapter.send(&too_many).await.expect("sent");
    platform.fail_times(Endpoint::Messages, Fault::Code(131_009), 1);
    let refused = menu(&platform, &adapter, list(4)).await;
    adapter.send(&refused).await.expect("sent");
    for got in platform.received(SARI) {
        assert_eq!((got.form, got.text.as_str()), (Form::Text, "Ini tentang apa?\n1. Jalan"));
    }
}

#[tokio::test]
async fn a_number_that_sends_too_fast_waits_before_the_platform_must_say_so() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &json!({ "throughput": 1 }));
    platform.text(SARI, "Jalan rusak");
    let events = heard(&platform, &adapter).await;
    let noted = || answer(&events[0], ReplyKind::Noted, "Ditambahkan");
    let replies = [(); 4].map(|()| noted());
    let (one, two, three, four) =
        tokio::join!(adapter.send(&replies[0]), adapter.send(&replies[1]), adapter.send(&replies[2]), adapter.send(&replies[3]));
    for sent in [one, two, three] {
        sent.expect("soon enough to be waited for");
    }
    assert!(matches!(four, Err(SendError::Throttled(Some(_)))), "{four:?}");
    assert_eq!(platform.requests(Endpoint::Messages), 3);
}

#[tokio::test]
async fn a_new_number_is_told_as_a_move_of_the_same_citizen() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &json!({}));
    platform.text(SARI, "Jalan rusak");
    let _message = heard(&platform, &adapter).await;
    let old = platform.user_id(SARI);
    platform.move_to(SARI, "6281000000002");
    let events = heard(&platform, &adapter).await;
    let [Event::Moved { from, to, .. }] = events.as_slice() else { panic!("a move: {events:?}") };
    let words = |addresses: &[Address]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(words(from), [format!("whatsapp:{old}"), format!("tel:+{SARI}")]);
    assert_eq!(words(to), [format!("whatsapp:{}", platform.user_id("6281000000002")), "tel:+6281000000002".to_owned()]);
}

#[tokio::test]
async fn the_probe_tells_webhook_quality_and_every_template_and_what_to_do() {
    let platform = Platform::start().await.expect("a platform");
    platform.subscribe("http://127.0.0.1:1/webhook", SECRET);
    platform.template("laporan_selesai", "id", "APPROVED");
    let adapter = open(&platform, &with_registry());
    let found = |state| {
        let adapter = &adapter;
        async move {
            let all = adapter.probe().await;
            all.into_iter()
                .filter(|finding| finding.state == state)
                .map(|finding| (finding.what, finding.seen, finding.advice))
                .collect::<Vec<_>>()
        }
    };
    let wrong = found(State::Wrong).await;
    assert!(
        matches!(wrong.as_slice(), [(what, seen, Some(_))] if what == "template laporan_selesai (en)" && seen == "not at Meta"),
        "{wrong:?}"
    );
    platform.template("laporan_selesai", "en", "PAUSED");
    platform.quality("RED");
    assert!(matches!(found(State::Wrong).await.as_slice(), [(_, seen, Some(_))] if seen == "PAUSED"));
    assert!(matches!(found(State::Warning).await.as_slice(), [(what, seen, Some(_))] if what == "quality of number uji" && seen == "RED"));
    let fine = found(State::Fine).await;
    for part in ["known to Meta, connected", "valid", "goes to http://127.0.0.1:1/webhook", "APPROVED"] {
        assert!(fine.iter().any(|(_, seen, _)| seen == part), "{part} in {fine:?}");
    }
    platform.fail(Endpoint::Templates, Fault::Code(190));
    assert!(found(State::Wrong).await.iter().any(|(what, ..)| what == "templates of uji"));
}

#[tokio::test]
async fn a_citizen_without_a_number_is_reached() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &json!({}));
    platform.hide_phone(SARI);
    platform.text(SARI, "Jalan rusak");
    let events = heard(&platform, &adapter).await;
    adapter.send(&answer(&events[0], ReplyKind::Received, "Terima kasih")).await.expect("sent");
    assert_eq!(platform.received(SARI)[0].text, "Terima kasih");
}

#[tokio::test]
async fn a_long_text_arrives_whole_and_in_order_and_goes_on_where_it_was_stopped() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &json!({}));
    platform.text(SARI, "Jalan rusak");
    let events = heard(&platform, &adapter).await;
    let text = (0..1500).map(|number| format!("kata{number}")).collect::<Vec<_>>().join(" ");
    let long = answer(&events[0], ReplyKind::Answered, &text);
    adapter.send(&long).await.expect("sent");
    let parts: Vec<String> = platform.received(SARI).into_iter().map(|message| message.text).collect();
    assert_eq!((parts.len(), parts.join(" ")), (4, text.clone()));

    // The third part fails; the same reply comes again later.
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &json!({}));
    platform.text(SARI, "Jalan rusak");
    let events = heard(&platform, &adapter).await;
    let long = answer(&events[0], ReplyKind::Answered, &text);
    platform.fail_after(Endpoint::Messages, Fault::Broken, 2);
    assert!(matches!(adapter.send(&long).await, Err(SendError::Unreachable(_))));
    assert_eq!(platform.received(SARI).len(), 2);
    let sent = adapter.send(&long).await.expect("sent");
    let got = platform.received(SARI);
    assert_eq!(got.iter().map(|message| message.text.as_str()).collect::<Vec<_>>().join(" "), text);
    assert_eq!(sent.platform_id.as_ref(), Some(&got[0].wamid), "receipts are found by the first part");
}

#[tokio::test]
async fn replies_to_one_citizen_keep_their_distance_before_the_platform_must_say_so() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &json!({ "pair_pause": 6 }));
    platform.text(SARI, "Jalan rusak");
    let events = heard(&platform, &adapter).await;
    adapter.send(&answer(&events[0], ReplyKind::Received, "Terima kasih")).await.expect("sent");
    let error = adapter.send(&answer(&events[0], ReplyKind::Noted, "Ditambahkan")).await.expect_err("too early");
    assert!(matches!(error, SendError::Throttled(Some(_))));
    assert_eq!(platform.requests(Endpoint::Messages), 1);
}

#[tokio::test]
async fn failures_of_the_platform_are_told_apart() {
    let platform = Platform::start().await.expect("a platform");
    let mut adapter = open(&platform, &json!({}));
    platform.text(SARI, "Jalan rusak");
    let events = heard(&platform, &adapter).await;
    for (fault, wanted) in [
        (Fault::Broken, "unreachable"),
        (Fault::Silent, "unreachable"),
        (Fault::Wrong, "unreachable"),
        (Fault::Code(190), "unreachable"),
        (Fault::TooMany(Some(40)), "throttled"),
        (Fault::Code(131_026), "rejected"),
        (Fault::Code(131_056), "throttled"), // the last: the citizen rests afterwards
    ] {
        adapter = open(&platform, &json!({})); // a number that was too fast rests, and would rest for the next one too
        platform.fail(Endpoint::Messages, fault.clone());
        let error = adapter.send(&answer(&events[0], ReplyKind::Received, "Terima kasih")).await.expect_err("a failure");
        let got = match &error {
            SendError::Unreachable(_) => "unreachable",
            SendError::Throttled(_) => "throttled",
            SendError::Rejected { .. } => "rejected",
            SendError::OptedOut => "opted out",
            SendError::Unknown { .. } => "unknown",
        };
        assert_eq!(got, wanted, "{fault:?}");
        let shown = format!("{error:?} {error}");
        assert!(!shown.contains("simulator-token") && !shown.contains(SARI), "{shown}");
    }
    let asked = platform.requests(Endpoint::Messages);
    let error = adapter.send(&answer(&events[0], ReplyKind::Noted, "Ditambahkan")).await.expect_err("too early");
    assert!(matches!(error, SendError::Throttled(Some(_))));
    assert_eq!(platform.requests(Endpoint::Messages), asked, "the platform is not asked before the pause is over");
}

#[tokio::test]
async fn a_photo_comes_whole_also_when_its_address_died_once() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &json!({}));
    platform.photo(SARI, None, b"a photo of a road".to_vec());
    let events = heard(&platform, &adapter).await;
    let Event::Message(inbound) = &events[0] else { panic!("a message") };
    let Content::Remote(media) = &inbound.attachments[0].content else { panic!("remote") };
    assert_eq!(adapter.fetch(media).await.expect("the file"), b"a photo of a road".as_slice());
    platform.fail_times(Endpoint::MediaFile, Fault::Gone, 1);
    assert_eq!(adapter.fetch(media).await.expect("the file"), b"a photo of a road".as_slice());
    platform.fail(Endpoint::MediaFile, Fault::Gone);
    let before = platform.requests(Endpoint::MediaFile);
    assert!(adapter.fetch(media).await.is_err());
    assert_eq!(platform.requests(Endpoint::MediaFile) - before, 2, "asked for once again, and no more");
    platform.mend(Endpoint::MediaFile);
    platform.fail(Endpoint::MediaFile, Fault::Wrong);
    assert!(matches!(adapter.fetch(media).await, Err(FetchError::Later(_))), "bytes that are not the promised ones");
    platform.mend(Endpoint::MediaFile);
    platform.fail(Endpoint::MediaAddress, Fault::Code(100));
    let before = platform.requests(Endpoint::MediaAddress);
    assert!(matches!(adapter.fetch(media).await, Err(FetchError::Gone(_))));
    assert_eq!(platform.requests(Endpoint::MediaAddress) - before, 1, "a refusal is not asked for again");
    platform.fail(Endpoint::MediaAddress, Fault::Code(190));
    assert!(matches!(adapter.fetch(media).await, Err(FetchError::Throttled(Some(_)))), "a dead token does not lose the photo");
    platform.fail(Endpoint::MediaAddress, Fault::TooMany(Some(30)));
    assert!(matches!(adapter.fetch(media).await, Err(FetchError::Throttled(Some(wait))) if wait.as_secs() >= 30));
}

#[tokio::test]
async fn a_file_that_is_too_large_is_not_downloaded() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &json!({}));
    platform.file(SARI, "document", "application/pdf", None, vec![0; (1 << 20) + 1]);
    let events = heard(&platform, &adapter).await;
    let Event::Message(inbound) = &events[0] else { panic!("a message") };
    let Content::Remote(media) = &inbound.attachments[0].content else { panic!("remote") };
    assert!(matches!(adapter.fetch(media).await, Err(FetchError::TooLarge)));
}

fn request(method: Method, query: &str, body: &str, signature: Option<&str>) -> Request {
    let mut headers = HeaderMap::new();
    headers.extend(signature.map(|signature| {
        let name = webhook::SIGNATURE.parse::<adapter_sdk::axum::http::HeaderName>().expect("a name");
        (name, signature.parse().expect("a value"))
    }));
    Request { method, path: "/webhook".into(), query: query.into(), headers, body: body.to_owned().into(), peer: None }
}

#[tokio::test]
async fn only_what_meta_signed_is_believed() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &json!({}));
    let body = r#"{"a":"é / < @ 🙏 \u00e9"}"#;
    let right = webhook::signature(body.as_bytes(), SECRET);
    let verify = |body: &str, signature: Option<&str>| adapter.verify(&request(Method::POST, "", body, signature));
    assert_eq!(verify(body, Some(&right)), Ok(()));
    assert!(verify(&format!("{body} "), Some(&right)).is_err());
    for wrong in ["", "sha256=", "sha256=zz", &right[7..], &right[..70], &webhook::signature(body.as_bytes(), "another")] {
        assert!(verify(body, Some(wrong)).is_err(), "{wrong}");
    }
    assert!(verify(body, None).is_err());
}

#[tokio::test]
async fn the_handshake_is_answered_to_who_knows_the_word() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &json!({}));
    let ask = |query: &str| adapter.handshake(&request(Method::GET, query, "", None));
    let right = ask("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=simulator-word").expect("an answer");
    assert_eq!((right.status.as_u16(), right.body.as_ref()), (200, b"1158201444".as_slice()));
    assert_eq!(right.content_type, Some("text/plain; charset=utf-8"));
    for wrong in [
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=simulator-wor",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=simulator-word",
        "hub.mode=subscribe&hub.verify_token=simulator-word",
    ] {
        assert_eq!(ask(wrong).expect("an answer").status.as_u16(), 403, "{wrong}");
    }
    assert_eq!(ask(""), None);
    assert_eq!(adapter.handshake(&request(Method::POST, "hub.mode=subscribe", "{}", None)), None);
}

/// A citizen wrote; how they are told that they are blocked, or not any more.
async fn blocking(platform: &Platform, adapter: &WhatsApp) -> (Reply, Reply) {
    platform.text(SARI, "kata-kata kotor");
    let event = heard(platform, adapter).await.into_iter().find(|event| matches!(event, Event::Message(_))).expect("a message");
    (answer(&event, ReplyKind::Blocked, "Tidak kami jawab lagi"), answer(&event, ReplyKind::Unblocked, "Kami jawab lagi"))
}

fn rejected(result: Result<adapter_sdk::Sent, SendError>) -> String {
    match result {
        Err(SendError::Rejected { code, .. }) => code,
        other => panic!("a final no, not {other:?}"),
    }
}

fn photo(bytes: usize) -> ReplyFile {
    ReplyFile {
        kind: AttachmentKind::Image,
        mime: "image/jpeg".into(),
        filename: "7KQ2-M4XT-9PCH.jpg".into(),
        size: u64::try_from(bytes).expect("small"),
        at: String::new(),
        bytes: (0..bytes).map(|n| u8::try_from(n % 251).expect("a byte")).collect(),
    }
}

#[tokio::test]
async fn who_is_blocked_is_told_first_and_reaches_us_again_when_it_is_taken_back() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &templates());
    let (blocked, unblocked) = blocking(&platform, &adapter).await;
    let sent = adapter.send(&blocked).await.expect("blocked");
    assert!(platform.is_blocked(SARI));
    let got = platform.received(SARI);
    assert_eq!((got.len(), got[0].text.as_str()), (1, "Tidak kami jawab lagi"));
    assert_eq!(sent.platform_id.as_deref(), Some(got[0].wamid.as_str()));
    heard(&platform, &adapter).await;
    platform.text(SARI, "halo?");
    assert!(heard(&platform, &adapter).await.is_empty(), "the platform keeps it away");
    adapter.send(&unblocked).await.expect("taken back");
    assert!(!platform.is_blocked(SARI));
    assert_eq!(platform.received(SARI).len(), 2);
    platform.text(SARI, "terima kasih");
    assert!(heard(&platform, &adapter).await.iter().any(|event| matches!(event, Event::Message(_))));
}

#[tokio::test]
async fn who_did_not_write_within_the_day_or_finds_the_list_full_is_not_entered_and_staff_read_why() {
    let platform = Platform::start_with(Options { most_blocked: 0, ..Options::default() }).await.expect("a platform");
    let adapter = open(&platform, &templates());
    let (blocked, _) = blocking(&platform, &adapter).await;
    assert_eq!(rejected(adapter.send(&blocked).await), "block_full");
    assert_eq!(platform.received(SARI).len(), 1, "they were told all the same: we do not answer them");
    let (late, _) = blocking(&platform, &adapter).await;
    platform.pass(SignedDuration::from_hours(25));
    assert_eq!(rejected(adapter.send(&late).await), "block_window");
    assert!(!platform.is_blocked(SARI));
}

#[tokio::test]
async fn a_list_that_cannot_be_reached_is_tried_again_and_nothing_is_said_twice() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &templates());
    let (blocked, unblocked) = blocking(&platform, &adapter).await;
    for fault in [Fault::Broken, Fault::Code(139_103), Fault::Code(139_102), Fault::TooMany(Some(3))] {
        platform.fail_times(Endpoint::Blocked, fault, 1);
        let error = adapter.send(&blocked).await.expect_err("not now");
        assert!(matches!(error, SendError::Unreachable(_) | SendError::Throttled(_)), "{error:?}");
        assert!(!platform.is_blocked(SARI));
    }
    adapter.send(&blocked).await.expect("blocked");
    assert!(platform.is_blocked(SARI));
    assert_eq!(platform.received(SARI).len(), 1);

    platform.fail_times(Endpoint::Blocked, Fault::Broken, 1);
    assert!(adapter.send(&unblocked).await.is_err() && platform.is_blocked(SARI));
    platform.fail_times(Endpoint::Messages, Fault::Broken, 1);
    assert!(adapter.send(&unblocked).await.is_err() && !platform.is_blocked(SARI));
    let asked = platform.requests(Endpoint::Blocked);
    adapter.send(&unblocked).await.expect("said");
    assert_eq!((platform.requests(Endpoint::Blocked), platform.received(SARI).len()), (asked, 2));
}

#[tokio::test]
async fn the_end_of_a_block_weeks_later_needs_no_words() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &templates());
    let (blocked, unblocked) = blocking(&platform, &adapter).await;
    adapter.send(&blocked).await.expect("blocked");
    // Beyond the day there is no template for it.
    let mut late = unblocked;
    late.to.open_until = late.to.open_until.map(|until| until - SignedDuration::from_hours(25));
    adapter.send(&late).await.expect("taken back");
    assert!(!platform.is_blocked(SARI));
    assert_eq!(platform.received(SARI).len(), 1);
}

#[tokio::test]
async fn who_hides_the_number_is_blocked_by_their_id() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &templates());
    platform.hide_phone(SARI);
    let (blocked, unblocked) = blocking(&platform, &adapter).await;
    assert_eq!(blocked.to.address.to_string(), format!("whatsapp:{}", platform.user_id(SARI)));
    adapter.send(&blocked).await.expect("blocked");
    assert!(platform.is_blocked(SARI));
    adapter.send(&unblocked).await.expect("taken back");
    assert!(!platform.is_blocked(SARI));
}

#[tokio::test]
async fn whose_id_has_changed_cannot_be_blocked_by_the_old_one_and_staff_read_why() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &templates());
    platform.hide_phone(SARI);
    let (mut blocked, _) = blocking(&platform, &adapter).await;
    blocked.to.address = Address::new("whatsapp", "ID.99999999999999999999").expect("an id of Meta's form");
    assert_eq!(rejected(adapter.send(&blocked).await), "block_window");
    assert!(!platform.is_blocked(SARI));
}

#[tokio::test]
async fn a_photo_follows_the_words_as_a_picture() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &templates());
    platform.text(SARI, "Jalan rusak");
    let events = heard(&platform, &adapter).await;
    let file = photo(3_000_000);
    assert!(adapter.takes(&file) && !adapter.takes(&photo(5 * 1024 * 1024 + 1)));
    assert!(!adapter.takes(&ReplyFile { mime: "image/webp".into(), ..photo(10) }), "Meta shows no such picture");
    let reply = Reply { files: vec![file.clone()], ..answer(&events[0], ReplyKind::Resolved, "Sudah selesai") };
    let sent = adapter.send(&reply).await.expect("sent");
    let got = platform.received(SARI);
    let [words, picture] = got.as_slice() else { panic!("{got:#?}") };
    assert_eq!((words.text.as_str(), Some(words.wamid.clone())), ("Sudah selesai", sent.platform_id));
    let Form::Picture { media } = &picture.form else { panic!("{picture:?}") };
    assert_eq!(platform.media(media), Some(file.bytes));
    assert_eq!(picture.callback, Some(format!("file:{}", reply.id)));
    let told = heard(&platform, &adapter).await;
    let words_alone = |event: &Event| matches!(event, Event::Receipt(receipt) if receipt.platform_id.as_deref() == Some(&words.wamid));
    assert!(told.len() == 3 && told.iter().all(words_alone), "the reply is the words: {told:?}");
}

#[tokio::test]
async fn a_photo_that_does_not_get_through_now_is_sent_alone_later_and_one_that_never_will_is_left_out() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &templates());
    platform.text(SARI, "Jalan rusak");
    let events = heard(&platform, &adapter).await;
    let reply = Reply { files: vec![photo(1000)], ..answer(&events[0], ReplyKind::Resolved, "Sudah selesai") };
    let forms = || platform.received(SARI).into_iter().map(|got| got.form).collect::<Vec<_>>();

    platform.fail_times(Endpoint::Upload, Fault::Broken, 1);
    assert!(matches!(adapter.send(&reply).await, Err(SendError::Unreachable(_))));
    platform.fail_times(Endpoint::Messages, Fault::Broken, 1);
    assert!(matches!(adapter.send(&reply).await, Err(SendError::Unreachable(_))));
    assert_eq!(forms(), [Form::Text], "the words are there once");
    // A day later Meta takes no picture any more, and no template repeats the words.
    platform.pass(SignedDuration::from_hours(25));
    adapter.send(&reply).await.expect("the words had gone out");
    assert_eq!(forms(), [Form::Text]);

    platform.text(SARI, "Lampu mati");
    let events = heard(&platform, &adapter).await;
    let message = events.iter().find(|event| matches!(event, Event::Message(_))).expect("a message");
    platform.fail(Endpoint::Upload, Fault::Code(131_053));
    let reply = Reply { files: vec![photo(1000)], ..answer(message, ReplyKind::Resolved, "Sudah menyala") };
    let sent = adapter.send(&reply).await.expect("the words go out");
    let last = platform.received(SARI).pop().expect("the words");
    assert_eq!((last.text.as_str(), Some(last.wamid)), ("Sudah menyala", sent.platform_id));
    assert!(sent.file_refused.as_deref().is_some_and(|why| why.starts_with("131053: ")), "{:?}", sent.file_refused);
}

#[tokio::test]
async fn outside_the_day_the_template_goes_alone() {
    let platform = Platform::start().await.expect("a platform");
    let adapter = open(&platform, &templates());
    let reply = Reply { files: vec![photo(1000)], ..reply(from_a_desk(), ReplyKind::Resolved, "Sudah selesai") };
    adapter.send(&reply).await.expect("sent");
    let got = platform.received(SARI);
    assert!(matches!(got.as_slice(), [one] if matches!(one.form, Form::Template { .. })), "{got:#?}");
    assert_eq!(platform.requests(Endpoint::Upload), 0);
}

#[tokio::test]
async fn a_probe_says_until_when_the_token_lasts_where_meta_tells() {
    let ends = now() + SignedDuration::from_hours(72);
    let platform = Platform::start_with(Options { token_ends: Some(ends), ..Options::default() }).await.expect("a platform");
    let token =
        |found: &[adapter_sdk::Finding]| found.iter().find(|finding| finding.what.starts_with("access token")).cloned().expect("the token");
    let app = json!({ "app_id": "100000000000002" });
    let found = token(&open(&platform, &app).probe().await);
    assert_eq!(found.expires.map(Timestamp::as_second), Some(ends.as_second()));
    let seen = found.at(now());
    assert!(seen.state == State::Warning && seen.advice.as_deref().is_some_and(|advice| advice.contains("system user")), "{seen}");
    // Meta tells nobody else, and of a token without an end nothing is said.
    assert_eq!(token(&open(&platform, &json!({})).probe().await).expires, None);
    let lasting = Platform::start().await.expect("a platform");
    assert_eq!(token(&open(&lasting, &app).probe().await).expires, None);
}
