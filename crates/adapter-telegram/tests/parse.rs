//! What becomes of Telegram's JSON: the decisions that snapshots show but do not explain; and what a configuration may say.

use std::{path::Path, sync::LazyLock};

use adapter_sdk::{
    Adapter, Attachment, AttachmentKind, Bytes, Content, Event, Http, Inbound, Request, Settings, Timestamp, Webhook,
    axum::http::{HeaderMap, Method},
    outgoing::Limits,
};
use adapter_telegram::Telegram;
use adapter_testkit::{Fixture, TestDoor};
use proptest::prelude::*;

const WORD: &str = "word-of-the-webhook";

static ADAPTER: LazyLock<Telegram> = LazyLock::new(|| {
    open(&format!("bots = [{{ id = '7000000001', token = 'a' }}, {{ id = '7000000002', token = 'b', secret_token = '{WORD}' }}]\n"))
        .expect("an adapter")
});

fn open(adapter: &str) -> Result<Telegram, String> {
    let text = format!("[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\n{adapter}");
    let settings = Settings::layered(&[Telegram::DEFAULTS, &text]).map_err(|error| error.to_string())?;
    Telegram::open(settings.adapter, Http::new(Limits::default()).expect("a client")).map_err(|error| error.to_string())
}

fn events(name: &str) -> Vec<Event> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{name}.http"));
    let raw = Fixture::read(&path).raw(&"telegram".parse().expect("a name"), Telegram::keep_headers());
    ADAPTER.parse(&raw).expect("events")
}

fn message(name: &str) -> Inbound {
    match events(name).as_slice() {
        [Event::Message(inbound)] => (**inbound).clone(),
        other => panic!("{name} gives {other:?}"),
    }
}

fn sender(inbound: &Inbound) -> Vec<String> {
    inbound.sender.iter().map(ToString::to_string).collect()
}

fn files(inbound: &Inbound) -> Vec<(AttachmentKind, String)> {
    let id = |file: &Attachment| if let Content::Remote(media) = &file.content { media.id.clone() } else { String::new() };
    inbound.attachments.iter().map(|file| (file.kind, id(file))).collect()
}

#[test]
fn a_citizen_is_a_number_and_a_message_is_bot_chat_and_number() {
    let text = message("text");
    assert_eq!(sender(&text), ["telegram:4000000000001"]);
    assert_eq!((text.key.account.as_str(), text.key.id.as_str()), ("7000000001", "4000000000001/101"));
    assert_eq!(text.sender_name.as_deref(), Some("Sari Contoh"));
    assert_eq!(text.sent_at, Timestamp::from_second(1_795_238_561).expect("a time"));
    let way = text.reply_to.expect("a way back");
    assert_eq!((way.address.to_string().as_str(), way.thread.as_deref()), ("telegram:4000000000001", Some("4000000000001/101")));
    assert_eq!(message("username-only").sender_name.as_deref(), Some("@warga_tiga"));
    assert_eq!(sender(&message("without-from")), ["telegram:4000000000001"], "a private chat is named by its citizen");
}

#[test]
fn messages_with_the_number_zero_are_told_apart_by_their_updates() {
    let zero = message("message-zero");
    assert!(zero.key.id.starts_with("4000000000001/0/8000"), "{}", zero.key.id);
    assert_eq!(zero.reply_to.and_then(|way| way.thread).as_deref(), Some("4000000000001/0"));
}

#[test]
fn of_a_photo_the_largest_size_is_taken_wherever_it_stands() {
    assert_eq!(files(&message("photo")), [(AttachmentKind::Image, "photo-large".into())]);
    assert_eq!(message("photo").text, "Lubang di depan pasar Kelurahan Gambir");
}

#[test]
fn every_kind_of_file_is_taken_once() {
    for (name, kind, id) in [
        ("video", AttachmentKind::Video, "video-1"),
        ("video-note", AttachmentKind::Video, "round-1"),
        ("animation", AttachmentKind::Video, "animation-1"),
        ("voice", AttachmentKind::Voice, "voice-1"),
        ("audio", AttachmentKind::Audio, "audio-1"),
        ("document", AttachmentKind::Document, "document-1"),
        ("sticker", AttachmentKind::Sticker, "sticker-1"),
    ] {
        assert_eq!(files(&message(name)), [(kind, id.to_owned())], "{name}");
    }
    let live = [(AttachmentKind::Image, "photo-large".to_owned()), (AttachmentKind::Video, "live-1".to_owned())];
    assert_eq!(files(&message("live-photo")), live);
}

#[test]
fn a_telephone_number_is_the_senders_only_where_telegram_says_so() {
    let own = message("contact-own");
    assert_eq!(sender(&own), ["telegram:4000000000001", "tel:+6281000000001"]);
    for name in ["contact-of-another", "contact-of-nobody"] {
        let inbound = message(name);
        assert_eq!(sender(&inbound), ["telegram:4000000000001"], "{name}");
        assert!(inbound.contact.is_empty() && inbound.text.contains("81"), "{name}: the words stay");
    }
}

#[test]
fn a_place_has_a_point_and_a_venue_its_name_too() {
    assert!(message("location").location.is_some() && message("location").place.is_none());
    assert_eq!(message("venue").place.as_deref(), Some("Pasar Contoh, Jl. Kenanga 5"));
    assert_eq!(message("location-nowhere").unreadable.as_deref(), Some("unknown"));
}

#[test]
fn an_answer_an_album_and_an_edit_name_what_they_belong_to() {
    assert_eq!(message("reply").in_reply_to.as_deref(), Some("4000000000001/90"));
    let parts = [message("album-first"), message("album-second")];
    assert_eq!(parts[0].thread.as_deref(), Some("album:13700000000000001"));
    assert_eq!(parts[0].thread, parts[1].thread);
    let edit = message("edit-text");
    let original = edit.replaces.expect("it replaces one");
    assert!(edit.key.id.starts_with(&format!("{}/edit/", original.id)), "{} {}", edit.key.id, original.id);
    assert!(edit.sent_at > message("text").sent_at);
}

#[test]
fn a_tap_on_a_button_is_a_choice_in_words_that_answers_our_message() {
    let same = message("tap-same");
    assert_eq!((same.text.as_str(), same.category.as_deref()), ("Ya, sama", None));
    assert_eq!(same.in_reply_to.as_deref(), Some("4000000000001/91"));
    assert_eq!(sender(&same), ["telegram:4000000000001"], "whoever tapped, and not the bot that wrote the message");
    let category = message("tap-category");
    assert_eq!((category.text.as_str(), category.category.as_deref()), ("Jalan & jembatan", Some("road")));
    let old = message("tap-on-old-message");
    assert_eq!((old.text.as_str(), old.category.as_deref()), ("road", Some("road")), "Telegram forgot the words");
}

#[test]
fn what_cannot_be_read_is_asked_for_again_and_the_first_button_is_no_complaint() {
    for (name, kind) in [("poll", "poll"), ("rich-message", "rich_message"), ("part-of-tomorrow", "unknown"), ("command", "command")] {
        assert_eq!(message(name).unreadable.as_deref(), Some(kind), "{name}");
    }
    assert_eq!(message("command-with-words").unreadable, None, "words behind a command are words");
    assert!(events("start").is_empty() && events("start-with-payload").is_empty());
}

#[test]
fn odd_fields_take_nothing_with_them() {
    let odd = message("odd-fields");
    assert_eq!((odd.text.as_str(), odd.attachments.len(), odd.thread, odd.in_reply_to), ("17", 1, None, None));
}

#[test]
fn a_configuration_that_cannot_work_says_which_key() {
    let bot = |more: &str| format!("bots = [{{ id = '7000000001', token = 'a'{more} }}]\n");
    for (text, key) in [
        ("bots = [{ id = 'lapor_bot', token = 'a' }]\n".to_owned(), "adapter.bots.id"),
        ("bots = [{ id = '07', token = 'a' }]\n".to_owned(), "adapter.bots.id"),
        ("bots = [{ id = '7', token = '' }]\n".to_owned(), "adapter.bots.token"),
        ("bots = [{ id = '7', token = 'a/../b' }]\n".to_owned(), "adapter.bots.token"),
        (format!("way = 'webhook'\n{}", bot("")), "adapter.bots.secret_token"),
        (bot(", secret_token = 'short'"), "adapter.bots.secret_token"),
        (bot(", secret_token = 'with spaces in the word'"), "adapter.bots.secret_token"),
        (format!("wait = '0s'\n{}", bot("")), "adapter.wait"),
        (format!("wait = '2m'\n{}", bot("")), "adapter.wait"),
        ("bots = [{ id = '7', token = 'a' }, { id = '7', token = 'b' }]\n".to_owned(), "adapter.bots.id"),
    ] {
        let said = open(&text).map(drop).expect_err(&text);
        assert!(said.contains(key), "{text}: {said}");
    }
    let twice = format!(
        "way = 'webhook'\nbots = [{{ id = '7', token = 'a', secret_token = '{WORD}' }}, {{ id = '8', token = 'b', secret_token = '{WORD}' }}]\n"
    );
    assert!(open(&twice).map(drop).expect_err("one word for two bots").contains("another one for each bot"));
}

/// A call of Telegram's with this word, and a header that somebody put there.
fn call(word: &str, body: &'static str) -> Request {
    let mut headers = HeaderMap::new();
    headers.insert("x-telegram-bot-api-secret-token", word.parse().expect("a value"));
    headers.insert("x-muara-bot", "7000000001".parse().expect("a value"));
    let body = Bytes::from_static(body.as_bytes());
    Request { method: Method::POST, path: "/webhook".into(), query: "bot=7000000001".into(), headers, body, peer: None }
}

#[tokio::test]
async fn the_word_alone_says_which_bot_it_is_and_is_not_kept() {
    let door = TestDoor::open(&"telegram".parse().expect("a name"));
    let request = call(WORD, "{\"update_id\":1}");
    assert_eq!(ADAPTER.verify(&request), Ok(()));
    assert!(ADAPTER.verify(&call("", "{}")).is_err(), "a bot without a word is nobody's");
    ADAPTER.keep(request, &door.door()).await.expect("it is kept");
    let taken = door.taken().await;
    assert_eq!(taken[0].headers, [("x-muara-bot".to_owned(), "7000000002".to_owned())]);
    assert!(taken[0].query.is_empty());
}

#[test]
fn a_tap_is_answered_with_the_word_that_it_was_heard() {
    let tap = "{\"update_id\":1,\"callback_query\":{\"id\":\"99\",\"from\":{\"id\":5},\"data\":\"same:yes\"}}";
    let said: serde_json::Value = serde_json::from_slice(&ADAPTER.accepted(&call(WORD, tap)).body).expect("JSON");
    assert_eq!(said, serde_json::json!({ "method": "answerCallbackQuery", "callback_query_id": "99" }));
    assert!(ADAPTER.accepted(&call(WORD, "{\"update_id\":1}")).body.is_empty());
}

proptest! {
    #[test]
    fn any_number_of_a_chat_and_a_citizen_is_kept_whole(id in 1_i64..(1 << 52), number in 1_i64..i64::MAX) {
        let body = format!("{{\"update_id\":1,\"message\":{{\"message_id\":{number},\"chat\":{{\"id\":{id},\"type\":\"private\"}},\"from\":{{\"id\":{id}}},\"date\":1795238460,\"text\":\"jalan rusak\"}}}}");
        let request = Request::recorded(format!("POST /webhook\nx-muara-bot: 7000000001\n\n{body}").as_bytes()).expect("a request");
        let raw = request.into_raw("telegram".parse().expect("a name"), None, Timestamp::UNIX_EPOCH, "1".parse().expect("a trace"));
        let events = ADAPTER.parse(&raw).expect("events");
        let [Event::Message(inbound)] = events.as_slice() else { panic!("one message") };
        prop_assert_eq!(&inbound.key.id, &format!("{id}/{number}"));
        prop_assert_eq!(sender(inbound), [format!("telegram:{id}")]);
    }
}
