//! The adapter keeps the contract C1 to C12, and every fixture has its snapshot.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{LazyLock, atomic::AtomicU64, atomic::Ordering},
};

use adapter_sdk::{Audience, Language, Reply, ReplyId, ReplyKind, ReplyTo, Timestamp};
use adapter_testkit::{Canned, Contract, FakePlatform, Probe, Refusal, Seen, Wanted};
use adapter_x::X;
use serde_json::{Value, json};
use tempfile::TempDir;

const US: &str = "1000000000000000001";
const SECRETS: [&str; 4] = ["word-of-the-app", "secret-of-the-app", "word-of-the-account", "secret-of-the-account"];

#[test]
fn the_contract_is_kept() {
    adapter_testkit::poll::<X>(Contract {
        config,
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"),
        secrets: &SECRETS,
        ignored: &["own-post", "repost", "between-others", "own-direct", "group-direct", "joined-direct", "nothing-gone"],
        unparsable: &["not-json", "no-account", "two-posts", "no-number"],
        public: &[
            "mention",
            "hashtag",
            "photo",
            "video",
            "place",
            "long-post",
            "edit",
            "quote",
            "quote-of-ours",
            "answer-to-ours",
            "friend-calls-us",
            "english",
            "mention-alone",
            "without-author",
            "odd-fields",
        ],
        reply: Some(reply),
        accepts: || Canned::json(201, json!({ "data": { "id": "1991900000000000001", "text": "taken" } }).to_string()),
        refusals,
        text_limit: Some(280),
        offers,
        sent_text,
        probe: Some(Probe { healthy, broken: &[somebody_else, without_credits] }),
        ..Contract::default()
    });
}

fn config(platform: &str) -> String {
    static FOLDER: LazyLock<TempDir> = LazyLock::new(|| TempDir::new().expect("a folder"));
    let state: PathBuf = FOLDER.path().join("state");
    let [key, secret, token, token_secret] = SECRETS;
    format!(
        "api_url = '{platform}'\nstate_folder = '{}'\nsettle = '0s'\nbudget = {{ monthly = 1000.0, for_answers = 0.5 }}\n\
         accounts = [{{ user_id = '{US}', username = 'lapor_contoh', hashtags = ['LAPORCONTOH'], direct_messages = true, \
         consumer_key = '{key}', consumer_secret = '{secret}', access_token = '{token}', access_token_secret = '{token_secret}' }}]\n",
        state.display()
    )
}

/// Each call is another reply: what was sent once is not sent again.
fn reply() -> Reply {
    static SECONDS: AtomicU64 = AtomicU64::new(1_795_000_000);
    let second = i64::try_from(SECONDS.fetch_add(1, Ordering::Relaxed)).expect("a few");
    let to = ReplyTo {
        adapter: "x".parse().expect("a name"),
        account: US.into(),
        address: "x:2000000000000000002".parse().expect("an address"),
        thread: Some("post/1991800000000000001".into()),
        audience: Audience::Public,
        open_until: None,
    };
    Reply {
        id: ReplyId::new(Timestamp::from_second(second).expect("a time")),
        to,
        kind: ReplyKind::Received,
        language: Language::Id,
        text: "Terima kasih, laporan Anda kami catat dengan nomor 7KQ2-M4XT-9PCH.".into(),
        short: Vec::new(),
        params: BTreeMap::new(),
        menu: None,
        files: Vec::new(),
    }
}

fn refusals() -> Vec<Refusal> {
    let refusal = |status: u16, kind: &str, detail: &str, wanted| {
        let kind = format!("https://api.x.com/2/problems/{kind}");
        Refusal { answer: Canned::json(status, json!({ "title": "A title", "type": kind, "detail": detail }).to_string()), wanted }
    };
    let no = |code: &str| Wanted::Rejected(code.into());
    vec![
        refusal(403, "about:blank", "You are not allowed to create a Tweet with duplicate content.", no("duplicate")),
        refusal(403, "about:blank", "Reply not allowed because you have not been mentioned by @warga_contoh", no("not_mentioned")),
        refusal(403, "about:blank", "You attempted to reply to a Tweet that is deleted or not visible to you.", no("gone")),
        refusal(400, "invalid-request", "", no("400")),
        refusal(403, "client-forbidden", "", Wanted::Unreachable),
        refusal(401, "about:blank", "Unauthorized", Wanted::Unreachable),
        refusal(402, "credits", "no credits", Wanted::Throttled(None)),
        refusal(429, "usage-capped", "", Wanted::Throttled(None)),
    ]
}

/// A page for every way of looking, in two answers: the fake platform gives the same one for both.
fn offers(platform: &FakePlatform) {
    let now = Timestamp::from_second(1_795_000_000).expect("a time");
    // A number far in the future is newer than wherever a first look begins.
    let id = "2900000000000000001";
    let post = json!({ "id": id, "text": "@lapor_contoh jalan rusak", "author_id": "2000000000000000002", "conversation_id": id,
        "created_at": now.to_string(), "edit_history_tweet_ids": [id] });
    let body = json!({ "data": [post], "includes": { "users": [{ "id": "2000000000000000002", "username": "warga_contoh" }] },
        "meta": { "result_count": 1 } });
    platform.always(Canned::json(200, body.to_string()));
}

fn sent_text(seen: &Seen) -> Option<String> {
    let body: Value = serde_json::from_slice(&seen.body).ok()?;
    body["text"].as_str().map(str::to_owned)
}

fn healthy(platform: &FakePlatform) {
    platform.always(Canned::json(200, json!({ "data": { "id": US, "username": "lapor_contoh" } }).to_string()));
}

fn somebody_else(platform: &FakePlatform) {
    platform.always(Canned::json(200, json!({ "data": { "id": "1000000000000000002", "username": "lain" } }).to_string()));
}

fn without_credits(platform: &FakePlatform) {
    platform.always(Canned::json(402, json!({ "title": "CreditsDepleted", "type": "https://api.x.com/2/problems/credits" }).to_string()));
}
