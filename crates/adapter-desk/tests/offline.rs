//! Entries that were written without a line, and what a browser is given to write them: tried at the door, with the bus away.

use adapter_desk::Desk;
use adapter_sdk::{
    Adapter, ClerkToken, DoorDirectory, Event, Inbound, Language, MessageKey, Reference, Timestamp,
    model::{OpeningHours, Role, StaffId},
};
use adapter_testkit::{Counter, Filled, Shown, StaffKey, small_city};
use jiff::SignedDuration;
use serde_json::Value;
use uuid::Uuid;

#[expect(clippy::disallowed_methods, reason = "a token must be valid while the test runs")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn city() -> DoorDirectory {
    DoorDirectory { staff_key: StaffKey::new(3).public(), ..small_city(Desk::NAME) }
}

fn open() -> Counter<Desk> {
    Counter::open(Desk::DEFAULTS, Some(city()), 16 << 20)
}

fn cookie(office: &str, staff: u128, name: &str) -> String {
    let clerk = ClerkToken {
        staff: StaffId(Uuid::from_u128(staff)),
        name: name.into(),
        role: Role::Clerk,
        office: office.into(),
        expires_at: "2200-01-01T00:00:00Z".parse().expect("a time"),
        generation: 0,
    };
    format!("loket={}", StaffKey::new(3).sign(&clerk))
}

async fn supplies(counter: &Counter<Desk>, cookie: &str) -> Value {
    let given = counter.get("/bekal.json", &[("cookie", cookie)]).await;
    assert_eq!(given.status, 200);
    serde_json::from_str(&given.text).expect("JSON")
}

fn id(n: u64) -> String {
    format!("01a1f6e7-5c40-7000-a000-{n:012x}")
}

/// An entry as `desk.js` sends it.
fn entry(n: u64, shift: &str, written: Timestamp) -> Filled {
    Filled::new()
        .text("kiriman", id(n))
        .text("bahasa", "id")
        .text("bahasa_warga", "id")
        .text("isi", "Lampu jalan mati")
        .text("tampil", "hidden")
        .text("giliran", shift)
        .text("kode", "bXVhcmEtY29udG9oLWtvZA")
        .text("dibuat", written.to_string())
}

async fn send(counter: &Counter<Desk>, entry: &Filled, cookie: &str) -> Shown {
    counter.post("/", entry, &[("cookie", cookie), ("accept", "application/json")]).await
}

async fn taken(counter: &Counter<Desk>, nth: usize) -> Inbound {
    let kept = counter.kept().await;
    let events = counter.adapter.parse(&kept[nth]).expect("what the door took can be parsed");
    match events.as_slice() {
        [Event::Message(inbound)] => (**inbound).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_browser_and_the_core_make_the_same_numbers() {
    // `tests/browser/offline.mjs` tries the same file against `number.js`.
    let vectors: Vec<Value> = serde_json::from_str(include_str!("../fixtures/numbers.json")).expect("JSON");
    assert!(vectors.len() > 4);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().expect("text").to_owned();
        let key = MessageKey { adapter: text("adapter").parse().expect("a name"), account: text("account"), id: text("id") };
        let turn = vector["turn"].as_u64().and_then(|turn| u8::try_from(turn).ok()).expect("a turn");
        assert_eq!(Reference::of(&key, turn).to_string(), text("number"), "{vector}");
    }
}

#[tokio::test]
async fn supplies_are_for_a_clerk_and_their_key_is_the_offices() {
    let counter = open();
    assert_eq!(counter.get("/bekal.json", &[]).await.status, 403);
    let (one, colleague) =
        (supplies(&counter, &cookie("kel-melati", 1, "Sari")).await, supplies(&counter, &cookie("kel-melati", 2, "Dewi")).await);
    let elsewhere = supplies(&counter, &cookie("kel-anggrek", 3, "Budi")).await;
    assert_eq!(one["key"], colleague["key"], "a colleague can send what was left");
    assert_ne!(one["key"], elsewhere["key"], "another office cannot read it");
    assert_ne!(one["shift"], colleague["shift"]);
    assert_eq!((one["office"].as_str(), one["label"].as_str()), (Some("kel-melati"), Some("Kelurahan Melati")));
    assert_eq!(one["categories"]["road"]["id"], "Jalan rusak");
    let counter = counter.restarted(Desk::DEFAULTS, Some(city()));
    assert_eq!(supplies(&counter, &cookie("kel-melati", 1, "Sari")).await["key"], one["key"], "a restart locks nobody out");
}

#[tokio::test]
async fn an_entry_written_without_a_line_keeps_its_time_its_number_and_its_link() {
    let counter = open();
    let cookie = cookie("kel-melati", 1, "Sari");
    let shift = supplies(&counter, &cookie).await["shift"].as_str().expect("a word").to_owned();
    let written = now() - SignedDuration::from_hours(3);
    let sent = send(&counter, &entry(1, &shift, written), &cookie).await;
    assert_eq!(sent.status, 200, "{}", sent.text);
    let said: Value = serde_json::from_str(&sent.text).expect("JSON");
    let key = MessageKey { adapter: "desk".parse().expect("a name"), account: "kel-melati".into(), id: id(1) };
    assert_eq!(said["number"], Reference::of(&key, 0).to_string());
    let inbound = taken(&counter, 0).await;
    assert_eq!(inbound.sent_at.as_second(), written.as_second());
    assert!(inbound.received_at > inbound.sent_at);
    assert_eq!(inbound.tracking.as_ref().map(|code| code.as_str().to_owned()).as_deref(), Some("bXVhcmEtY29udG9oLWtvZA"));
    assert!(inbound.text.contains("oleh Sari,") && inbound.text.contains("Ditulis tanpa jaringan pada "), "{}", inbound.text);
    assert!(!inbound.text.contains("Dikirim oleh"));
    let slip = counter.get(said["next"].as_str().expect("a path"), &[("cookie", &cookie)]).await.text;
    assert!(slip.contains("/t/bXVhcmEtY29udG9oLWtvZA<"), "the slip of the door has the link of the slip that is printed already");
    let again = send(&counter, &entry(1, &shift, written), &cookie).await;
    assert_eq!((again.status.as_u16(), counter.kept().await.len()), (200, 1), "sent twice it is one");
}

#[tokio::test]
async fn a_wrong_clock_makes_no_entry_of_tomorrow_or_of_long_ago() {
    let counter = open();
    let cookie = cookie("kel-melati", 1, "Sari");
    let shift = supplies(&counter, &cookie).await["shift"].as_str().expect("a word").to_owned();
    for (nth, written) in [now() + SignedDuration::from_hours(48), Timestamp::UNIX_EPOCH, now()].into_iter().enumerate() {
        let n = nth as u64 + 1;
        assert_eq!(send(&counter, &entry(n, &shift, written), &cookie).await.status, 200);
        let inbound = taken(&counter, nth).await;
        assert_eq!(inbound.sent_at, inbound.received_at, "{written}");
        assert!(!inbound.text.contains("Ditulis tanpa jaringan"));
    }
}

#[tokio::test]
async fn a_colleague_sends_what_was_left_and_it_says_who_wrote_it() {
    let counter = open();
    let (sari, dewi) = (cookie("kel-melati", 1, "Sari"), cookie("kel-melati", 2, "Dewi"));
    let shift = supplies(&counter, &sari).await["shift"].as_str().expect("a word").to_owned();
    assert_eq!(send(&counter, &entry(1, &shift, now() - SignedDuration::from_hours(20)), &dewi).await.status, 200);
    let text = taken(&counter, 0).await.text;
    assert!(text.contains("oleh Sari,") && text.contains("Dikirim oleh Dewi."), "{text}");
    let forged = format!("{}x", &shift[..shift.len() - 1]);
    assert_eq!(send(&counter, &entry(2, &forged, now() - SignedDuration::from_hours(2)), &dewi).await.status, 200);
    let text = taken(&counter, 1).await.text;
    assert!(
        text.contains("oleh –,") && text.contains("Dikirim oleh Dewi.") && !text.contains("Sari"),
        "nobody is named whom nobody vouches for: {text}"
    );
}

#[tokio::test]
async fn an_entry_of_another_office_waits_for_its_own_clerk() {
    let counter = open();
    let (sari, budi) = (cookie("kel-melati", 1, "Sari"), cookie("kel-anggrek", 3, "Budi"));
    let shift = supplies(&counter, &sari).await["shift"].as_str().expect("a word").to_owned();
    let refused = send(&counter, &entry(1, &shift, now()), &budi).await;
    assert_eq!(refused.status, 409);
    assert!(refused.text.contains("petugas loket lain"), "{}", refused.text);
    assert!(counter.kept().await.is_empty());
}

#[tokio::test]
async fn a_corrected_entry_keeps_the_link_that_is_on_the_slip() {
    let counter = open();
    let cookie = cookie("kel-melati", 1, "Sari");
    let shift = supplies(&counter, &cookie).await["shift"].as_str().expect("a word").to_owned();
    send(&counter, &entry(1, &shift, now()), &cookie).await;
    let other =
        Filled::new().text("kiriman", id(1)).text("isi", "Lampunya dua").text("kode", "AAAAAAAAAAAAAAAAAAAAAA").text("giliran", &shift);
    assert_eq!(send(&counter, &other, &cookie).await.status, 200);
    let slip = counter.get(&format!("/slip/{}", id(1)), &[("cookie", &cookie)]).await.text;
    assert!(slip.contains("/t/bXVhcmEtY29udG9oLWtvZA<") && !slip.contains("/t/AAAAAAAAAAAAAAAAAAAAAA<"));
}

#[tokio::test]
async fn a_page_without_a_clerk_names_nobody_and_the_worker_fetches_only_what_is_there() {
    let counter = open();
    assert_eq!(counter.get("/luring", &[]).await.status, 403);
    let closed = counter.get("/tutup", &[]).await;
    assert!(closed.status == 200 && closed.text.contains("Loket tanpa jaringan"));
    let worker = counter.get("/pekerja.js", &[]).await;
    assert_eq!(worker.headers["content-type"], "text/javascript; charset=utf-8");
    let line = worker.text.lines().nth(1).expect("the files");
    let list = line.strip_prefix("const FILES = ").and_then(|list| list.strip_suffix(';')).expect("a list");
    let files: Vec<String> = serde_json::from_str(list).expect("JSON");
    assert!(files.iter().any(|file| file.ends_with("/number.js")) && !files.iter().any(|file| file.ends_with("/worker.js")));
    for file in files {
        let found = counter.get(&file, &[]).await;
        assert_eq!(found.status, 200, "{file}");
        let kept = found.headers["cache-control"].to_str().expect("text");
        assert_eq!(kept.contains("immutable"), file != "/tutup", "{file}: {kept}");
    }
    assert_eq!(counter.get("/berkas-loket/0/number.js", &[]).await.headers["cache-control"], "no-cache");
    assert_eq!(counter.get("/berkas-loket/0/..%2Fsrc%2Flib.rs", &[]).await.status, 404);
}

#[tokio::test]
async fn who_left_without_a_line_is_signed_out_later_but_not_who_came_after() {
    let counter = open();
    let (sari, dewi) = (cookie("kel-melati", 1, "Sari"), cookie("kel-melati", 2, "Dewi"));
    let shift = supplies(&counter, &sari).await["shift"].as_str().expect("a word").to_owned();
    let body = format!("giliran={shift}");
    let leave = async |cookie: &str| {
        let left = counter.post_bytes("/keluar", "application/x-www-form-urlencoded", body.clone(), &[("cookie", cookie)]).await;
        (left.status.as_u16(), left.headers.contains_key("set-cookie"))
    };
    assert_eq!(leave(&dewi).await, (303, false));
    assert_eq!(leave(&sari).await, (303, true));
}

#[tokio::test]
async fn an_entry_outside_the_hours_is_taken_and_marked() {
    let mut city = city();
    let never: OpeningHours = "mon 00:00-00:01".parse().expect("hours");
    let always: OpeningHours = "mon-sun 00:00-23:59".parse().expect("hours");
    city.channels[1].hours = Some(never);
    city.channels[2].hours = Some(always);
    let counter: Counter<Desk> = Counter::open(Desk::DEFAULTS, Some(city), 16 << 20);
    let (closed, open) = (cookie("kel-melati", 1, "Sari"), cookie("kel-anggrek", 3, "Budi"));
    let page = counter.get("/", &[("cookie", &closed)]).await.text;
    assert!(page.contains("Loket sedang tutup") && page.contains("Senin 00.00–00.01"));
    let shift = async |cookie: &str| supplies(&counter, cookie).await["shift"].as_str().expect("a word").to_owned();
    // A minute before midnight both are shut; nobody runs tests for long at that minute.
    assert_eq!(send(&counter, &entry(1, &shift(&closed).await, now()), &closed).await.status, 200);
    assert!(taken(&counter, 0).await.text.contains("Di luar jam layanan"));
    assert_eq!(send(&counter, &entry(2, &shift(&open).await, now()), &open).await.status, 200);
    let text = taken(&counter, 1).await.text;
    assert!(
        text.contains("Di luar jam layanan") == counter.get("/", &[("cookie", &open)]).await.text.contains("Loket sedang tutup"),
        "{text}"
    );
    let slip = counter.get(&format!("/slip/{}", id(2)), &[("cookie", &open)]).await.text;
    assert!(slip.contains("Jam layanan") && slip.contains("Senin–Minggu 00.00–23.59"));
}

#[tokio::test]
async fn a_related_number_is_checked_and_noted() {
    let counter = open();
    let cookie = cookie("kel-melati", 1, "Sari");
    let wrong = Filled::new().text("kiriman", id(1)).text("isi", "x").text("terkait", "7KQ2-M4XT-9PCX");
    let refused = counter.post("/", &wrong, &[("cookie", &cookie)]).await;
    assert!(refused.status == 422 && refused.text.contains("href=\"#terkait\""));
    let key = MessageKey { adapter: "desk".parse().expect("a name"), account: "a".into(), id: "1".into() };
    let number = Reference::of(&key, 0).to_string();
    let right = Filled::new().text("kiriman", id(1)).text("isi", "x").text("terkait", number.to_lowercase());
    assert_eq!(counter.post("/", &right, &[("cookie", &cookie)]).await.status, 303);
    let inbound = taken(&counter, 0).await;
    assert!(inbound.text.contains(&format!("Terkait laporan {number}")), "{}", inbound.text);
    assert_eq!(inbound.language, Some(Language::Id));
}
