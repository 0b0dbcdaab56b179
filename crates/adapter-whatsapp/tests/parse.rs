//! What becomes of Meta's JSON: the decisions that snapshots show but do not explain, bytes that nobody sends, and what others recorded.

use std::{
    path::{Path, PathBuf},
    sync::LazyLock,
};

use adapter_sdk::{
    Adapter, Address, AttachmentKind, Audience, Content, Event, Http, Inbound, Notice, NoticeState, Raw, Receipt, ReceiptState, Timestamp,
    TraceId, outgoing::Limits,
};
use adapter_whatsapp::{Config, WhatsApp};
use proptest::prelude::*;
use serde_json::{Value, json};

static ADAPTER: LazyLock<WhatsApp> = LazyLock::new(adapter);

fn adapter() -> WhatsApp {
    let config: Config = serde_json::from_value(json!({
        "accounts": [{ "phone_number_id": "100000000000001", "access_token": "word-one" }],
        "app_secret": "word-two", "verify_token": "word-three",
        "graph_url": "http://127.0.0.1:1", "version": "v26.0", "pair_pause": 6, "throughput": 80,
    }))
    .expect("a configuration");
    WhatsApp::open(config, Http::new(Limits::default()).expect("a client")).expect("an adapter")
}

fn raw(body: impl Into<adapter_sdk::Bytes>) -> Raw {
    Raw {
        adapter: "whatsapp".parse().expect("a name"),
        received_at: Timestamp::from_second(1_795_300_000).expect("in range"),
        trace: "1".parse::<TraceId>().expect("a trace"),
        query: String::new(),
        headers: Vec::new(),
        body: body.into(),
    }
}

fn events(name: &str) -> Vec<Event> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{name}.http"));
    let request = std::fs::read_to_string(path).expect("a fixture");
    let (_, body) = request.split_once("\n\n").expect("a body");
    ADAPTER.parse(&raw(body.to_owned())).expect("events")
}

fn messages(name: &str) -> Vec<Inbound> {
    events(name)
        .into_iter()
        .map(|event| match event {
            Event::Message(inbound) => *inbound,
            other => panic!("{name} gives {other:?}"),
        })
        .collect()
}

fn message(name: &str) -> Inbound {
    let mut all = messages(name);
    assert_eq!(all.len(), 1, "{name}");
    all.remove(0)
}

fn receipts(name: &str) -> Vec<Receipt> {
    events(name)
        .into_iter()
        .map(|event| match event {
            Event::Receipt(receipt) => receipt,
            other => panic!("{name} gives {other:?}"),
        })
        .collect()
}

fn notice(name: &str) -> Notice {
    match events(name).as_slice() {
        [Event::Notice(notice)] => notice.clone(),
        other => panic!("{name} gives {other:?}"),
    }
}

fn moved(name: &str) -> (Vec<String>, Vec<String>) {
    let words = |addresses: &[Address]| addresses.iter().map(ToString::to_string).collect();
    match events(name).as_slice() {
        [Event::Moved { from, to, .. }] => (words(from), words(to)),
        other => panic!("{name} gives {other:?}"),
    }
}

fn addresses(inbound: &Inbound) -> Vec<String> {
    inbound.sender.iter().map(ToString::to_string).collect()
}

#[test]
fn the_scoped_id_comes_first_and_the_number_is_answered() {
    let text = message("text");
    assert_eq!(addresses(&text), ["whatsapp:ID.10000000000000000001", "tel:+6281000000001"]);
    let to = text.reply_to.expect("a way back");
    assert_eq!((to.address.to_string().as_str(), to.account.as_str()), ("tel:+6281000000001", "100000000000001"));
    assert_eq!(to.thread.as_deref(), Some("1795238460/wamid.INVENTED0001=="));
    assert_eq!((to.audience, text.audience), (Audience::Private, Audience::Private));
    assert_eq!(text.sender_name.as_deref(), Some("Sari"));
    assert_eq!(text.sent_at.as_second(), 1_795_238_460);
}

#[test]
fn a_citizen_without_a_number_is_known_and_answered_by_the_scoped_id() {
    for (name, id) in [("username-only", "ID.10000000000000000003"), ("id-in-place-of-number", "ID.10000000000000000004")] {
        let inbound = message(name);
        assert_eq!(addresses(&inbound), [format!("whatsapp:{id}")], "{name}");
        assert_eq!(inbound.reply_to.expect("a way back").address.path(), id, "{name}");
    }
}

#[test]
fn free_words_are_open_for_a_day_after_each_message() {
    let text = message("text");
    let until = text.reply_to.expect("a way back").open_until.expect("a limit");
    assert_eq!(until.duration_since(text.sent_at).as_hours(), 24);
}

#[test]
fn whoever_has_another_number_or_id_stays_who_they_are() {
    let (old, new) = ("whatsapp:ID.10000000000000000001", "whatsapp:ID.10000000000000000009");
    let number = moved("number-changed");
    assert_eq!(number, (vec![old.to_owned(), "tel:+6281000000001".into()], vec![new.to_owned(), "tel:+6281000000009".into()]));
    assert_eq!(moved("user-id-changed"), (vec![old.to_owned()], vec![new.to_owned()]));
    assert_eq!(moved("number-changed-without-id"), (vec!["tel:+6281000000001".to_owned()], vec!["tel:+6281000000009".to_owned()]));
    assert!(events("identity-changed").is_empty(), "a new telephone is no new number");
}

#[test]
fn what_meta_says_of_templates_and_accounts_is_a_notice_without_numbers() {
    let cases = [
        ("template-paused", "template laporan_selesai (id)", "PAUSED", NoticeState::Broken),
        ("template-approved", "template laporan_selesai (id)", "APPROVED", NoticeState::Fine),
        ("template-rejected", "template laporan_selesai (id)", "REJECTED", NoticeState::Broken),
        ("template-quality", "template laporan_selesai (id): quality", "YELLOW", NoticeState::Watch),
        ("template-category", "template laporan_selesai (id): category", "MARKETING", NoticeState::Watch),
        ("number-quality", "number …0000", "FLAGGED", NoticeState::Watch),
        ("account-alert", "account: alert", "OBA_REJECTED", NoticeState::Broken),
        ("account-update", "account", "ACCOUNT_RESTRICTION", NoticeState::Broken),
    ];
    for (name, subject, word, state) in cases {
        let notice = notice(name);
        assert_eq!((notice.subject.as_str(), notice.word.as_str(), notice.state), (subject, word, state), "{name}");
        assert!(!format!("{notice:?}").contains("6281"), "{notice:?}");
        assert_eq!(notice.account, "700000000000001", "{name}");
    }
    assert_eq!(notice("template-rejected").detail, "INVALID_FORMAT; Two parameters stand side by side.");
    assert_eq!(notice("template-approved").at.as_second(), 1_795_240_200);
}

#[test]
fn what_was_tapped_in_our_menu_is_a_category_in_whole_words_or_a_skip() {
    let chosen = message("menu-category");
    assert_eq!((chosen.category.as_deref(), chosen.text.as_str()), (Some("civil_registry"), "Kependudukan (KTP, KK, akta)"));
    assert_eq!(chosen.in_reply_to.as_deref(), Some("wamid.OURS=="));
    let skipped = message("menu-skipped");
    assert_eq!((skipped.category, skipped.text.as_str()), (None, "Lewati"));
}

#[test]
fn an_album_is_a_message_for_each_picture_and_the_words_are_with_one() {
    let album = messages("album");
    assert_eq!(album.iter().map(|one| one.attachments.len()).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(album.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), ["", "", "Jalan rusak di depan pasar"]);
    assert_eq!(album.iter().map(|one| one.key.id.as_str()).collect::<std::collections::BTreeSet<_>>().len(), 3);
}

#[test]
fn a_window_that_closed_meanwhile_is_no_ordinary_failure() {
    let receipts = receipts("status-window-closed");
    assert!(
        matches!(&receipts[0].state, ReceiptState::WindowClosed { code, detail } if code == "131047" && detail == "Re-engagement message")
    );
    assert!(receipts[0].reply.is_some());
}

#[test]
fn names_belong_to_their_senders_in_whatever_order_they_come() {
    let all = messages("two-people-in-one");
    let names: Vec<_> = all.iter().map(|inbound| inbound.sender_name.as_deref().unwrap_or_default()).collect();
    assert_eq!(names, ["Sari", "Pak Joko 🌿"]);
}

#[test]
fn one_odd_message_does_not_take_its_neighbours_with_it() {
    let all = messages("odd-neighbours");
    assert_eq!(all.len(), 6);
    let unreadable: Vec<_> = all.iter().map(|inbound| inbound.unreadable.as_deref()).collect();
    assert_eq!(unreadable, [Some("text"), Some("unknown"), None, None, Some("7"), None]);
    assert_eq!(all[5].text, "Yang ini biasa saja");
    assert_eq!(all[5].sent_at, all[5].received_at, "a time that cannot be read is the door's");
    let nobody = &all[2];
    assert_eq!((nobody.text.as_str(), nobody.reply_to.as_ref()), ("Saya siapa?", None));
    assert!(addresses(nobody)[0].starts_with("whatsapp:unknown/"));
    assert!(all[3].key.id.starts_with("sha256:"));
}

#[test]
fn files_wait_on_the_platform_with_what_it_takes_to_get_them() {
    let photo = message("image-caption");
    assert_eq!(photo.text, "Jalan berlubang di depan pasar, bahaya untuk motor");
    let Content::Remote(media) = &photo.attachments[0].content else { panic!("remote") };
    assert_eq!(media.id, "800000000000001");
    assert_eq!(media.params["account"], "100000000000001");
    let kinds = [
        ("image-without-words", AttachmentKind::Image),
        ("video", AttachmentKind::Video),
        ("document", AttachmentKind::Document),
        ("sticker", AttachmentKind::Sticker),
        ("audio", AttachmentKind::Audio),
        ("voice", AttachmentKind::Voice),
    ];
    for (name, kind) in kinds {
        assert_eq!(message(name).attachments[0].kind, kind, "{name}");
    }
    assert_eq!(message("document").attachments[0].filename.as_deref(), Some("surat warga.pdf"));
}

#[test]
fn a_place_is_read_as_numbers_and_as_strings() {
    let here = message("location").location.expect("a point");
    assert!((here.lat + 6.1801).abs() < 1e-9 && (here.lon - 106.8278).abs() < 1e-9);
    let there = message("location-in-strings");
    assert!(there.location.is_some());
    assert_eq!(there.place.as_deref(), Some("Pasar Contoh, Jl. Contoh Raya 1"));
    assert_eq!(message("location-nowhere").unreadable.as_deref(), Some("location"));
}

#[test]
fn what_was_tapped_or_filled_in_is_text() {
    assert_eq!(message("button-reply").text, "Belum selesai");
    assert_eq!(message("button-reply").in_reply_to.as_deref(), Some("wamid.OURS0002=="));
    assert_eq!(message("list-reply").text, "Jalan rusak\nLubang, aspal, jembatan");
    assert_eq!(message("template-button").text, "Belum selesai");
    assert_eq!(message("form-reply").text, "foto: [\"a\",\"b\"]\nkeluhan: Got mampet\nrt: 3");
    assert_eq!(message("form-reply-not-json").text, "Got mampet di RT 3");
    assert_eq!(message("contact-cards").text, "Ketua RT 03, +62 810-0000-0099\nPos Ronda");
}

#[test]
fn what_cannot_be_read_is_said_in_the_platforms_word() {
    let words = [
        ("unsupported-poll", "poll_creation"),
        ("unsupported", "unsupported"),
        ("interactive-with-error", "interactive"),
        ("type-of-tomorrow", "hologram"),
        ("edit-of-an-edit", "edit"),
    ];
    for (name, word) in words {
        let inbound = message(name);
        assert_eq!(inbound.unreadable.as_deref(), Some(word), "{name}");
        assert!(inbound.reply_to.is_some() && inbound.text.is_empty(), "{name}");
    }
}

#[test]
fn an_edit_says_what_it_replaces() {
    let edit = message("edit-text");
    assert_eq!(edit.replaces.expect("a key").id, "wamid.INVENTED0001==");
    assert_eq!(edit.text, "Lampu jalan di Jl. Kenanga RT 04, bukan RT 03");
    assert_eq!(message("edit-caption").attachments.len(), 1);
}

#[test]
fn what_is_not_for_us_is_nothing() {
    let silent = [
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
        "user-preferences",
    ];
    for name in silent {
        assert_eq!(events(name), [], "{name}");
    }
}

#[test]
fn receipts_name_the_reply_and_never_the_number() {
    let all = receipts("statuses");
    let states: Vec<_> = all.iter().map(|receipt| receipt.state.as_str()).collect();
    assert_eq!(states, ["sent", "delivered", "read", "read"]);
    assert!(all[0].reply.is_some() && all[3].reply.is_none());
    assert_eq!(all[0].platform_id.as_deref(), Some("wamid.OURS0001=="));
    let failed = receipts("status-failed").remove(0).state;
    assert_eq!(failed, ReceiptState::Failed { code: "131026".into(), detail: "Message undeliverable to *".into() });
    let silent = receipts("status-failed-without-reason").remove(0).state;
    assert_eq!(silent, ReceiptState::Failed { code: "unknown".into(), detail: String::new() });
}

#[test]
fn a_photo_that_fails_later_is_told_of_its_reply_and_says_nothing_of_the_words() {
    let told = receipts("status-photo-failed").remove(0);
    assert_eq!(told.reply, "0192f0c1-0000-7000-8000-000000000001".parse().ok());
    assert_eq!((told.state, told.platform_id), (ReceiptState::Sent, None));
    assert_eq!(told.file_refused.as_deref(), Some("131053: Media upload error for *"));
}

#[test]
fn a_frame_that_is_not_metas_is_parked_whole() {
    for body in ["", "null", "[]", "{}", r#"{"object":"page","entry":[]}"#, r#"{"object":"whatsapp_business_account"}"#] {
        assert!(ADAPTER.parse(&raw(body)).is_err(), "{body}");
    }
    let nameless =
        json!({ "object": "whatsapp_business_account", "entry": [{ "changes": [{ "field": "messages", "value": { "metadata": {} } }] }] });
    assert!(ADAPTER.parse(&raw(nameless.to_string())).is_err());
    assert!(ADAPTER.parse(&raw(vec![0xFF, 0xFE, 0x00])).is_err());
}

/// Any JSON, nested a little.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        prop::sample::select(vec!["text", "image", "edit", "interactive", "nfm_reply", "location", "contacts", "6281000000001"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let key = prop::sample::select(vec![
            "id",
            "from",
            "type",
            "text",
            "body",
            "image",
            "edit",
            "message",
            "interactive",
            "nfm_reply",
            "response_json",
            "location",
            "latitude",
            "contacts",
            "name",
            "phones",
            "context",
            "timestamp",
            "errors",
            "group_id",
            "status",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = ADAPTER.parse(&raw(bytes));
    }

    #[test]
    fn whatever_stands_in_a_message_the_frame_holds(odd in any_json(), contacts in any_json(), statuses in any_json()) {
        let value = json!({
            "metadata": { "phone_number_id": "100000000000001" },
            "contacts": [contacts], "statuses": [statuses],
            "messages": [odd, { "from": "6281000000001", "id": "wamid.SAFE", "timestamp": "1795238400", "type": "text", "text": { "body": "Got mampet" } }],
        });
        let body = json!({ "object": "whatsapp_business_account", "entry": [{ "changes": [{ "field": "messages", "value": value }] }] });
        let raw = raw(body.to_string());
        let events = ADAPTER.parse(&raw).expect("the frame is whole");
        prop_assert_eq!(&events, &ADAPTER.parse(&raw).expect("the same again"));
        let safe = events.iter().any(|event| matches!(event, Event::Message(inbound) if inbound.key.id == "wamid.SAFE" && inbound.text == "Got mampet"));
        prop_assert!(safe);
        for event in &events {
            let Event::Message(inbound) = event else { continue };
            prop_assert!(!inbound.sender.is_empty() && !inbound.key.id.is_empty() && inbound.key.id.len() <= 512);
        }
    }
}

/// What another project recorded: read where it is, never copied. `MUARA_DATA` names the folder that holds `webhook-payloads`.
#[test]
fn what_others_recorded_is_read() {
    let Some(folder) = data().map(|data| data.join("webhook-payloads/whatsapp-cloud-pywa")).filter(|folder| folder.is_dir()) else {
        eprintln!("SKIPPED: MUARA_DATA does not name a folder with webhook-payloads/whatsapp-cloud-pywa; recorded payloads were not read.");
        return;
    };
    let mut count = 0;
    for file in std::fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path()) {
        let Some(name) = file.file_stem().and_then(|name| name.to_str()).filter(|_| file.extension().is_some_and(|e| e == "json")) else {
            continue;
        };
        let all: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
        for (case, body) in all.as_object().expect("cases by name") {
            let events = ADAPTER.parse(&raw(body.to_string())).unwrap_or_else(|error| panic!("{name}/{case}: {error}"));
            expect(name, case, &events);
            count += 1;
        }
    }
    assert!(count > 70, "only {count} payloads were found");
}

fn data() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test is told where the data is")]
    std::env::var("MUARA_DATA").ok().map(PathBuf::from)
}

fn expect(file: &str, case: &str, events: &[Event]) {
    let place = format!("{file}/{case}: {events:?}");
    let unreadable = events.iter().any(|event| matches!(event, Event::Message(inbound) if inbound.unreadable.is_some()));
    match (file, case) {
        ("system", "phone_number_change") => assert!(matches!(events, [Event::Moved { .. }]), "{place}"),
        ("template_status_update" | "template_quality_update" | "template_category_update", _)
        | (
            "account_update",
            "account_deleted"
            | "account_restriction"
            | "account_violation"
            | "account_disabled"
            | "account_offboarded"
            | "account_reconnected",
        ) => assert!(matches!(events, [Event::Notice(_)]), "{place}"),
        ("message", "reaction" | "unreaction_empty" | "unreaction_no_emoji" | "order") | ("system" | "outgoing_message", _) => {
            assert!(events.is_empty(), "{place}");
        }
        ("message", "unsupported" | "unsupported_with_type" | "interactive_message_with_err") => assert!(unreadable, "{place}"),
        ("message" | "callback_button" | "callback_selection" | "flow_completion" | "edited_message", _) => {
            assert!(matches!(events, [Event::Message(_)]) && !unreadable, "{place}");
        }
        ("message_status", "group") => assert!(events.is_empty(), "{place}"),
        ("message_status", _) => assert!(matches!(events, [Event::Receipt(_)]), "{place}"),
        _ => assert!(events.is_empty(), "{place}"),
    }
}
