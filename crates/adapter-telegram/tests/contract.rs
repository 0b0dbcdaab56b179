//! The adapter keeps the contract C1 to C13 in both of its ways in, and every fixture has its snapshot.

use std::collections::BTreeMap;

use adapter_sdk::{Language, MessageKey, Reply, ReplyId, ReplyKind, ReplyTo, Request, Timestamp};
use adapter_telegram::Telegram;
use adapter_testkit::{Canned, Contract, FakePlatform, Probe, Refusal, Seen, Wanted};
use serde_json::{Value, json};

const BOT: &str = "7000000001";
const TOKEN: &str = "7000000001:word-of-the-bot";
const WORD: &str = "word-of-the-webhook";
const CITIZEN: &str = "telegram:4000000000001";

#[test]
fn the_contract_is_kept_by_webhook() {
    adapter_testkit::webhook::<Telegram>(Contract {
        config: |platform| config("webhook", platform),
        signed,
        word_only: true,
        probe: Some(Probe {
            healthy: |platform| at_telegram(platform, BOT, "https://telegram.example.id/webhook"),
            broken: &[
                |platform| at_telegram(platform, "7000000002", "https://telegram.example.id/webhook"),
                |platform| at_telegram(platform, BOT, ""),
            ],
        }),
        ..contract()
    });
}

#[test]
fn the_contract_is_kept_by_polling() {
    adapter_testkit::poll::<Telegram>(Contract {
        config: |platform| config("polling", platform),
        offers,
        probe: Some(Probe {
            healthy: |platform| at_telegram(platform, BOT, ""),
            broken: &[|platform| at_telegram(platform, BOT, "https://telegram.example.id/webhook")],
        }),
        ..contract()
    });
}

fn contract() -> Contract {
    Contract {
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"),
        secrets: &[TOKEN, "word-of-the-bot", WORD],
        ignored: &[
            "start",
            "start-with-payload",
            "pinned",
            "live-location-moves",
            "tap-of-another-program",
            "group",
            "group-edit",
            "group-tap",
            "channel-post",
            "blocked",
            "unblocked",
            "echo",
            "reaction",
            "update-of-tomorrow",
        ],
        unparsable: &["not-json", "no-number", "no-bot", "no-chat", "chat-of-no-kind"],
        reply: Some(reply),
        accepts: || {
            let chat = json!({ "id": 4_000_000_000_001_i64, "type": "private" });
            Canned::json(200, json!({ "ok": true, "result": { "message_id": 900, "chat": chat, "date": 1 } }).to_string())
        },
        refusals,
        text_limit: Some(4096),
        sent_text,
        ..Contract::default()
    }
}

fn config(way: &str, platform: &str) -> String {
    format!(
        "way = '{way}'\napi_url = '{platform}'\nwait = '1s'\n\
         bots = [{{ id = '{BOT}', token = '{TOKEN}', secret_token = '{WORD}', label = 'resmi' }}]\n"
    )
}

fn signed(_: &Request) -> Vec<(String, String)> {
    vec![("x-telegram-bot-api-secret-token".into(), WORD.into())]
}

fn reply() -> Reply {
    let key = MessageKey { adapter: "telegram".parse().expect("a name"), account: BOT.into(), id: "4000000000001/101".into() };
    let to = ReplyTo { thread: Some(key.id.clone()), ..ReplyTo::private(&key, CITIZEN.parse().expect("an address")) };
    let text = "Terima kasih. Laporan Anda sudah kami terima.".into();
    let (id, kind) = (ReplyId::new(Timestamp::UNIX_EPOCH), ReplyKind::Received);
    Reply { id, to, kind, language: Language::Id, text, short: Vec::new(), params: BTreeMap::new(), menu: None, files: Vec::new() }
}

fn refusals() -> Vec<Refusal> {
    let refusal = |code: u16, words: &str, wanted| {
        let body = json!({ "ok": false, "error_code": code, "description": words });
        Refusal { answer: Canned::json(code, body.to_string()), wanted }
    };
    vec![
        refusal(403, "Forbidden: bot was blocked by the user", Wanted::Rejected("403".into())),
        refusal(403, "Forbidden: user is deactivated", Wanted::Rejected("403".into())),
        refusal(400, "Bad Request: chat not found", Wanted::Rejected("400".into())),
        refusal(401, "Unauthorized", Wanted::Unreachable),
        refusal(404, "Not Found", Wanted::Unreachable),
        refusal(502, "Bad Gateway", Wanted::Unreachable),
        Refusal { answer: Canned::json(200, "<html>"), wanted: Wanted::Unreachable },
    ]
}

fn sent_text(seen: &Seen) -> Option<String> {
    let body: Value = serde_json::from_slice(&seen.body).ok()?;
    body["text"].as_str().map(str::to_owned)
}

/// Two updates, as a question finds them until they are confirmed.
fn offers(platform: &FakePlatform) {
    let update = |number: i64| {
        let chat = json!({ "id": 4_000_000_000_001_i64, "type": "private" });
        json!({ "update_id": number, "message": { "message_id": number, "chat": chat, "from": { "id": 4_000_000_000_001_i64 }, "date": 1_795_238_460, "text": "jalan rusak" } })
    };
    let body = json!({ "ok": true, "result": [update(5), update(6)] });
    platform.at(&format!("/bot{TOKEN}/getUpdates"), Canned::json(200, body.to_string()));
}

/// What Telegram says of the bot, and of its webhook.
fn at_telegram(platform: &FakePlatform, id: &str, webhook: &str) {
    let me = json!({ "ok": true, "result": { "id": id.parse::<i64>().expect("a number"), "is_bot": true, "first_name": "Lapor" } });
    let hook = json!({ "ok": true, "result": { "url": webhook, "has_custom_certificate": false, "pending_update_count": 0 } });
    platform.at(&format!("/bot{TOKEN}/getMe"), Canned::json(200, me.to_string()));
    platform.at(&format!("/bot{TOKEN}/getWebhookInfo"), Canned::json(200, hook.to_string()));
}
