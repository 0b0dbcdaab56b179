//! The adapter keeps the contract C1 to C12, and every fixture has its snapshot.

use std::collections::BTreeMap;

use adapter_sdk::{
    Answer, Audience, Language, Reply, ReplyId, ReplyKind, ReplyTo, Request, Timestamp,
    axum::http::{HeaderMap, Method},
};
use adapter_testkit::{Canned, Contract, Probe, Refusal, Seen, Wanted};
use adapter_whatsapp::WhatsApp;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

const APP_SECRET: &str = "word-of-the-app";
const VERIFY_TOKEN: &str = "word-of-the-handshake";
const ACCESS_TOKEN: &str = "word-of-the-system-user";

#[test]
fn the_contract_is_kept() {
    adapter_testkit::webhook::<WhatsApp>(Contract {
        config,
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"),
        signed,
        handshake: Some(handshake),
        secrets: &[APP_SECRET, VERIFY_TOKEN, ACCESS_TOKEN],
        ignored: &[
            "reaction",
            "reaction-removed",
            "order",
            "request-welcome",
            "call-permission",
            "identity-changed",
            "revoke",
            "group",
            "own-number",
            "echo",
            "status-of-a-group",
            "account-error",
            "account-partner",
            "user-preferences",
        ],
        unparsable: &["not-json", "another-product", "no-number-of-ours"],
        reply: Some(reply),
        accepts: || Canned::json(200, json!({ "messages": [{ "id": "wamid.TAKEN==" }] }).to_string()),
        refusals,
        text_limit: Some(4096),
        sent_text,
        probe: Some(Probe {
            healthy: |platform| platform.always(number(&json!({ "application": "https://lapor.example.id/webhook" }))),
            broken: &[
                |platform| platform.always(number(&json!({}))),
                |platform| platform.always(Canned::json(400, json!({ "error": { "code": 100, "message": "no such object" } }).to_string())),
            ],
        }),
        ..Contract::default()
    });
}

/// What the Graph API says of a number.
fn number(webhooks: &Value) -> Canned {
    Canned::json(200, json!({ "id": "100000000000001", "webhook_configuration": webhooks }).to_string())
}

fn config(platform: &str) -> String {
    format!(
        "accounts = [{{ phone_number_id = '100000000000001', access_token = '{ACCESS_TOKEN}' }}]\n\
         app_secret = '{APP_SECRET}'\nverify_token = '{VERIFY_TOKEN}'\ngraph_url = '{platform}'\npair_pause = 0\n"
    )
}

fn signed(request: &Request) -> Vec<(String, String)> {
    use std::fmt::Write as _;
    let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(&request.body);
    let mut value = String::from("sha256=");
    for byte in mac.finalize().into_bytes() {
        write!(value, "{byte:02x}").expect("a String takes it");
    }
    vec![("x-hub-signature-256".into(), value)]
}

fn handshake() -> (Request, Answer) {
    let query = format!("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={VERIFY_TOKEN}");
    let request = Request { method: Method::GET, path: "/webhook".into(), query, headers: HeaderMap::new(), body: "".into(), peer: None };
    (request, Answer::text("1158201444"))
}

fn reply() -> Reply {
    let to = ReplyTo {
        adapter: "whatsapp".parse().expect("a name"),
        account: "100000000000001".into(),
        address: "tel:+6281000000001".parse().expect("an address"),
        thread: None,
        audience: Audience::Private,
        open_until: None,
    };
    let text = "Terima kasih. Laporan Anda sudah kami terima.".into();
    let (id, kind) = (ReplyId::new(Timestamp::UNIX_EPOCH), ReplyKind::Received);
    Reply { id, to, kind, language: Language::Id, text, short: Vec::new(), params: BTreeMap::new(), menu: None, files: Vec::new() }
}

/// Meta says everything with 400 and a code. It has no opt-out of answers: a citizen blocks us, and that is 131026.
fn refusals() -> Vec<Refusal> {
    let refusal = |code: i64, wanted| {
        let body = json!({ "error": { "code": code, "title": "A title", "message": "to 6281000000001" } });
        Refusal { answer: Canned::json(400, body.to_string()), wanted }
    };
    vec![
        refusal(131_026, Wanted::Rejected("131026".into())),
        refusal(131_047, Wanted::Rejected("131047".into())),
        refusal(100, Wanted::Rejected("100".into())),
        refusal(190, Wanted::Unreachable),
        refusal(131_016, Wanted::Unreachable),
    ]
}

fn sent_text(seen: &Seen) -> Option<String> {
    let body: Value = serde_json::from_slice(&seen.body).ok()?;
    body["text"]["body"].as_str().map(str::to_owned)
}
