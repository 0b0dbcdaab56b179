//! Sign-in, entry, slip and list, with the bus away: everything here must work while the core is down.

use std::{
    task::Poll,
    time::{Duration, Instant},
};

use adapter_desk::Desk;
use adapter_sdk::{
    Adapter, AttachmentKind, ClerkToken, DoorDirectory, Event, Inbound, Language, Raw, Timestamp, Visibility,
    model::{Role, StaffId},
};
use adapter_testkit::{Counter, Filled, Shown, StaffKey, acknowledgement, small_city};
use jiff::SignedDuration;
use uuid::Uuid;

const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0 the rest of a photo";

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

fn token(office: &str, staff: u128, expires_at: Timestamp) -> String {
    let clerk = ClerkToken {
        staff: StaffId(Uuid::from_u128(staff)),
        name: "Sari".into(),
        role: Role::Clerk,
        office: office.into(),
        expires_at,
        generation: 0,
    };
    StaffKey::new(3).sign(&clerk)
}

fn cookie(office: &str, staff: u128) -> String {
    format!("bahasa=id; loket={}", token(office, staff, now() + SignedDuration::from_hours(8)))
}

fn id(n: u64) -> String {
    // A UUID of version 7, of 20 November 2026 at 10.02 in Jakarta.
    format!("01a1f6e7-5c40-7000-a000-{n:012x}")
}

fn entry(n: u64) -> Filled {
    Filled::new()
        .text("kiriman", id(n))
        .text("bahasa", "id")
        .text("bahasa_warga", "id")
        .text("isi", "Lampu jalan mati")
        .text("tampil", "hidden")
}

fn read(counter: &Counter<Desk>, raw: &Raw) -> Inbound {
    let events = counter.adapter.parse(raw).expect("what the door took can be parsed");
    match events.as_slice() {
        [Event::Message(inbound)] => (**inbound).clone(),
        other => panic!("{other:?}"),
    }
}

fn between(page: &str, before: &str, after: &str) -> String {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("{before} in {page}"));
    rest.split_once(after).expect("an end").0.to_owned()
}

/// The number and the link on a slip.
async fn slip(counter: &Counter<Desk>, sent: &Shown, cookie: &str) -> (String, String) {
    assert_eq!(sent.status, 303, "{}", sent.text);
    let page = counter.get(sent.location(), &[("cookie", cookie)]).await;
    assert_eq!(page.status, 200);
    (between(&page.text, "id=\"nomor\">", "<"), between(&page.text, "class=\"slip-link\">", "<"))
}

#[tokio::test]
async fn a_clerk_arrives_with_a_token_of_the_core_and_leaves() {
    let counter = open();
    let good = token("kel-melati", 1, now() + SignedDuration::from_hours(8));
    let body = format!("token={good}");
    let arrived = counter.post_bytes("/masuk", "application/x-www-form-urlencoded", body, &[]).await;
    assert_eq!((arrived.status.as_u16(), arrived.location()), (303, "/"));
    let set = arrived.headers["set-cookie"].to_str().expect("text").to_owned();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && !set.contains("Secure"), "{set}");
    let cookie = set.split(';').next().expect("a cookie");
    let page = counter.get("/", &[("cookie", cookie)]).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("Sari") && page.text.contains("Kelurahan Melati"));
    assert!(page.text.contains("value=\"9171010001\" selected"), "the office's own kelurahan is chosen already");
    let left = counter.post_bytes("/keluar", "application/x-www-form-urlencoded", "csrf=", &[("cookie", cookie)]).await;
    assert!(left.headers["set-cookie"].to_str().expect("text").contains("Max-Age=0"));
}

#[tokio::test]
async fn nobody_sees_the_desk_without_a_token_that_is_ours_and_not_over() {
    let counter = open();
    let hour = SignedDuration::from_hours(1);
    let over = token("kel-melati", 1, now() - hour);
    let elsewhere = token("kel-tidak-ada", 1, now() + hour);
    let clerk = ClerkToken {
        staff: StaffId(Uuid::nil()),
        name: "x".into(),
        role: Role::Admin,
        office: "kel-melati".into(),
        expires_at: now() + hour,
        generation: 0,
    };
    let forged = StaffKey::new(4).sign(&clerk);
    for token in ["", "x.y", &over, &elsewhere, &forged] {
        let cookie = format!("loket={token}");
        for path in ["/", "/hari-ini", &format!("/slip/{}", id(1))] {
            let page = counter.get(path, &[("cookie", &cookie)]).await;
            assert_eq!(page.status, 403, "{path}");
            assert!(page.text.contains("https://lapor.example.id/masuk"));
        }
        let refused = counter.post_bytes("/masuk", "application/x-www-form-urlencoded", format!("token={token}"), &[]).await;
        assert!(refused.status == 403 && !refused.headers.contains_key("set-cookie"));
        assert_eq!(counter.post("/", &entry(1), &[("cookie", &cookie)]).await.status, 403);
    }
    assert!(counter.kept().await.is_empty());
}

#[tokio::test]
async fn an_entry_says_what_the_citizen_said_and_what_the_clerk_noted() {
    let counter = open();
    let cookie = cookie("kel-melati", 1);
    let sent = counter
        .post(
            "/",
            &entry(1)
                .text("ringkas", "Lampu mati tiga malam")
                .text("kategori", "road")
                .text("tempat", "RT 03/RW 05")
                .text("wilayah", "9171020001")
                .text("nama", "Warga")
                .text("identitas", "ktp")
                .text("kontak", "0812 3456 7890")
                .text("mewakili", "Ibunya")
                .text("kebutuhan", "Huruf besar")
                .text("persetujuan", "1")
                .text("dibacakan", "ya")
                .file("foto", "surat.pdf", b"%PDF-1.7 a letter")
                .file("foto", "lampu.jpg", JPEG),
            &[("cookie", &cookie)],
        )
        .await;
    let (number, link) = slip(&counter, &sent, &cookie).await;
    let inbound = read(&counter, &counter.kept().await[0]);
    assert_eq!(inbound.reference.to_string(), number);
    assert_eq!(inbound.tracking.as_ref().map(|code| format!("https://lapor.example.id/t/{}", code.as_str())), Some(link));
    assert_eq!(inbound.key.account, "kel-melati");
    let (words, note) = inbound.text.split_once("\n\n").expect("words and note");
    assert_eq!(words, "Lampu jalan mati");
    let lines: Vec<&str> = note.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "— Catatan loket —",
            "Ringkasan: Lampu mati tiga malam",
            "Identitas: KTP",
            "Mewakili: Ibunya",
            "Kebutuhan khusus: Huruf besar",
            "Keterangan data ditunjukkan: versi 1",
        ]
    );
    assert!(lines[6].starts_with("Dicatat di Kelurahan Melati oleh Sari, 10.02–") && lines[6].ends_with(" WIB"), "{}", lines[6]);
    assert_eq!(inbound.place.as_deref(), Some("RT 03/RW 05, Kelurahan Anggrek, Kecamatan Sawah, Kota Contoh"));
    assert_eq!(inbound.office_area.as_deref(), Some("9171020001"));
    assert_eq!(inbound.sender_name.as_deref(), Some("Warga"));
    assert_eq!(inbound.contact.iter().map(ToString::to_string).collect::<Vec<_>>(), ["tel:+6281234567890"]);
    let reply_to = inbound.reply_to.expect("a way back");
    assert_eq!((reply_to.adapter.as_str(), reply_to.address.scheme()), ("desk", "desk"));
    let kinds: Vec<AttachmentKind> = inbound.attachments.iter().map(|attachment| attachment.kind).collect();
    assert_eq!(kinds, [AttachmentKind::Document, AttachmentKind::Image]);
}

#[tokio::test]
async fn the_office_is_only_a_hint_of_the_place_until_the_clerk_says_otherwise() {
    let counter = open();
    let sent = counter.post("/", &entry(1).text("wilayah", "9171010001"), &[("cookie", &cookie("kel-melati", 1))]).await;
    assert_eq!(sent.status, 303);
    let inbound = read(&counter, &counter.kept().await[0]);
    assert_eq!((inbound.place, inbound.office_area.as_deref()), (None, Some("9171010001")));
}

#[tokio::test]
async fn who_somebody_speaks_for_is_not_told_where_the_agency_must_not_learn_who_wrote() {
    let counter = open();
    let secret = Filled::new().text("kiriman", id(1)).text("isi", "Pungutan liar").text("tampil", "secret").text("mewakili", "Pak Anu");
    assert_eq!(counter.post("/", &secret, &[("cookie", &cookie("kel-melati", 1))]).await.status, 303);
    let inbound = read(&counter, &counter.kept().await[0]);
    assert_eq!(inbound.visibility, Visibility::Secret);
    assert!(inbound.text.contains("Mewakili: orang lain") && !inbound.text.contains("Pak Anu"), "{}", inbound.text);
}

#[tokio::test]
async fn answers_go_by_the_adapter_that_is_configured_for_the_contact() {
    let config = format!("{}\n[adapter.answer_via.tel]\nadapter = \"whatsapp\"\naccount = \"106540352242922\"\n", Desk::DEFAULTS);
    let counter: Counter<Desk> = Counter::open(&config, Some(city()), 16 << 20);
    let cookie = cookie("kel-melati", 1);
    let sent = counter.post("/", &entry(1).text("kontak", "081234567890"), &[("cookie", &cookie)]).await;
    let reply_to = read(&counter, &counter.kept().await[0]).reply_to.expect("a way back");
    let said = (reply_to.adapter.as_str(), reply_to.account.as_str(), reply_to.address.to_string());
    assert_eq!(said, ("whatsapp", "106540352242922", "tel:+6281234567890".to_owned()));
    let page = counter.get(sent.location(), &[("cookie", &cookie)]).await.text;
    assert!(page.contains("Jawaban dikirim ke nomor telepon") && !page.contains("81234567890"), "the slip names no number");
    let mail = counter.post("/", &entry(2).text("kontak", "warga@contoh.id"), &[("cookie", &cookie)]).await;
    assert_eq!(mail.status, 303);
    assert_eq!(read(&counter, &counter.kept().await[1]).reply_to.expect("a way back").adapter.as_str(), "desk");
}

#[tokio::test]
async fn an_entry_that_is_sent_again_is_one_message_with_one_slip_also_after_a_restart() {
    let counter = open();
    let cookie = cookie("kel-melati", 1);
    let first = counter.post("/", &entry(1), &[("cookie", &cookie)]).await;
    let shown = slip(&counter, &first, &cookie).await;
    let second = counter.post("/", &entry(1), &[("cookie", &cookie)]).await;
    assert_eq!(slip(&counter, &second, &cookie).await, shown);
    let counter = counter.restarted(Desk::DEFAULTS, Some(city()));
    assert_eq!(slip(&counter, &first, &cookie).await, shown, "the slip is printed again after a restart");
    let third = counter.post("/", &entry(1), &[("cookie", &cookie)]).await;
    assert_eq!(slip(&counter, &third, &cookie).await, shown);
    assert_eq!(counter.kept().await.len(), 1);
}

#[tokio::test]
async fn a_corrected_entry_joins_its_complaint_under_the_same_slip() {
    let counter = open();
    let cookie = cookie("kel-melati", 1);
    let first = counter.post("/", &entry(1), &[("cookie", &cookie)]).await;
    let shown = slip(&counter, &first, &cookie).await;
    let corrected =
        Filled::new().text("kiriman", id(1)).text("bahasa_warga", "id").text("isi", "Lampu jalan mati di RW 06").text("tampil", "hidden");
    let second = counter.post("/", &corrected, &[("cookie", &cookie)]).await;
    assert_eq!(slip(&counter, &second, &cookie).await, shown);
    let kept = counter.kept().await;
    let (original, edit) = (read(&counter, &kept[0]), read(&counter, &kept[1]));
    assert_eq!((edit.replaces.as_ref(), edit.tracking), (Some(&original.key), None));
}

#[tokio::test]
async fn the_slip_has_what_the_citizen_needs_and_nothing_about_them() {
    let counter = open();
    let cookie = cookie("kel-melati", 1);
    let sent = counter
        .post(
            "/",
            &entry(1).text("nama", "Bunga Rahasia").text("kontak", "081234567890").text("kategori", "road").text("tempat", "Gang Buntu"),
            &[("cookie", &cookie)],
        )
        .await;
    for paper in ["80", "a5", "besar"] {
        let page = counter.get(&format!("{}?kertas={paper}", sent.location()), &[("cookie", &cookie)]).await.text;
        assert!(page.contains(&format!("class=\"slip-{paper}\"")), "{paper}");
        for words in [
            "Kota Contoh",
            "Tanda terima laporan",
            "Kelurahan Melati",
            "WIB",
            "Jalan rusak",
            "<svg class=\"qr\"",
            "3 hari kerja",
            "telepon 112",
        ] {
            assert!(page.contains(words), "{words}");
        }
        let slip = between(&page, "<article class=\"slip\"", "</article>");
        for secret in ["Bunga Rahasia", "81234567890", "Gang Buntu", "Lampu jalan mati", "Sari"] {
            assert!(!slip.contains(secret), "{secret}");
        }
    }
}

#[tokio::test]
async fn the_slip_is_in_the_language_of_the_citizen() {
    let counter = open();
    let cookie = cookie("kel-melati", 1);
    let english =
        Filled::new().text("kiriman", id(1)).text("bahasa", "id").text("bahasa_warga", "en").text("isi", "x").text("kategori", "road");
    let sent = counter.post("/", &english, &[("cookie", &cookie)]).await;
    let page = counter.get(sent.location(), &[("cookie", &cookie)]).await.text;
    let slip = between(&page, "<article class=\"slip\"", "</article>");
    assert!(
        slip.starts_with(" lang=\"en\"")
            && slip.contains("Complaint number")
            && slip.contains("Broken road")
            && slip.contains("within 3 working days")
    );
    assert!(page.contains("Cetak slip"), "the clerk's part stays in the clerk's language");
    assert_eq!(read(&counter, &counter.kept().await[0]).language, Some(Language::En));
}

#[tokio::test]
async fn the_acknowledgement_comes_onto_the_slip_and_into_the_list_and_is_there_after_a_restart() {
    let counter = open();
    let cookie = cookie("kel-melati", 1);
    let sent = counter.post("/", &entry(1), &[("cookie", &cookie)]).await;
    let before = counter.get(sent.location(), &[("cookie", &cookie)]).await.text;
    assert!(before.contains("sedang dikirim ke pusat"));
    let to = read(&counter, &counter.kept().await[0]).reply_to.expect("a way back");
    counter.adapter.send(&acknowledgement(to)).await.expect("taken");
    let counter = counter.restarted(Desk::DEFAULTS, Some(city()));
    let after = counter.get(sent.location(), &[("cookie", &cookie)]).await.text;
    assert!(after.contains("Sudah diteruskan ke Dinas Bina Marga.") && !after.contains("sedang dikirim ke pusat"));
    assert!(between(&after, "<article", "</article>").contains("Jumat, 27 November 2026"));
    let list = counter.get("/hari-ini", &[("cookie", &cookie)]).await.text;
    assert!(list.contains("Dinas Bina Marga"), "{list}");
}

#[tokio::test]
async fn the_list_shows_the_offices_own_day_and_the_clerks_own_part_of_it() {
    let counter = open();
    let (mine, colleague, elsewhere) = (cookie("kel-melati", 1), cookie("kel-melati", 2), cookie("kel-anggrek", 3));
    let (first, _) = slip(&counter, &counter.post("/", &entry(1), &[("cookie", &mine)]).await, &mine).await;
    let sent = counter.post("/", &entry(2), &[("cookie", &colleague)]).await;
    let (second, _) = slip(&counter, &sent, &colleague).await;
    let all = counter.get("/hari-ini", &[("cookie", &mine)]).await.text;
    assert!(all.contains(&first) && all.contains(&second) && all.contains("/slip/"));
    let own = counter.get("/hari-ini?saya", &[("cookie", &mine)]).await.text;
    assert!(own.contains(&first) && !own.contains(&second));
    let other_office = counter.get("/hari-ini", &[("cookie", &elsewhere)]).await.text;
    assert!(!other_office.contains(&first) && other_office.contains("Belum ada laporan hari ini"));
    assert_eq!(counter.get(sent.location(), &[("cookie", &elsewhere)]).await.status, 404, "a slip belongs to its office");
    assert_eq!(counter.post("/", &entry(2), &[("cookie", &elsewhere)]).await.status, 409, "and so does its id");
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_the_field_and_everything_typed_is_kept() {
    let counter = open();
    let name = "n".repeat(10_000);
    let wrong = Filled::new()
        .text("kiriman", id(1))
        .text("bahasa", "id")
        .text("nama", &name)
        .text("kontak", "rumah")
        .text("identitas", "sim")
        .text("kebutuhan", b"bi\xffcara")
        .text("ringkas", "Ringkasannya")
        .text("mewakili", "Tetangga")
        .text("bahasa_warga", "en");
    let sent = counter.post("/", &wrong, &[("cookie", &cookie("kel-melati", 1))]).await;
    assert_eq!(sent.status, 422);
    for words in [
        "Ada 4 hal",
        "href=\"#teks\"",
        "Nama ini 10.000 huruf, paling banyak 100",
        "href=\"#kontak\"",
        "href=\"#kebutuhan\"",
        &name,
        "value=\"sim\" selected",
        "Ringkasannya",
        "value=\"Tetangga\"",
        "value=\"en\" lang=\"en\" selected",
        &format!("name=\"kiriman\" value=\"{}\"", id(1)),
    ] {
        assert!(sent.text.contains(words), "{words:.60}");
    }
    assert!(counter.kept().await.is_empty());
}

#[tokio::test]
async fn hostile_bodies_files_and_sites_are_refused() {
    let counter = open();
    let cookie = cookie("kel-melati", 1);
    let bomb = "--b\r\nContent-Disposition: form-data; name=\"isi\"\r\n\r\nx\r\n".repeat(500) + "--b--";
    for (body, status) in [(bomb, 400), ("--b\r\n".to_owned(), 400), ("x".repeat((1 << 20) + 1), 413)] {
        let sent = counter.post_bytes("/", "multipart/form-data; boundary=b", body, &[("cookie", &cookie)]).await;
        assert_eq!(sent.status, status);
    }
    let program = counter.post("/", &entry(1).file("foto", "surat.pdf", b"MZ\x90\0"), &[("cookie", &cookie)]).await;
    assert!(program.status == 422 && program.text.contains("bukan foto atau PDF"));
    let foreign = counter.post("/", &entry(1), &[("cookie", &cookie), ("sec-fetch-site", "cross-site")]).await;
    assert_eq!(foreign.status, 403);
    assert!(counter.kept().await.is_empty());
}

#[tokio::test]
async fn a_full_door_says_so_and_lists_no_slip() {
    let counter: Counter<Desk> = Counter::open(Desk::DEFAULTS, Some(city()), 400);
    let cookie = cookie("kel-melati", 1);
    let sent = counter.post("/", &entry(1), &[("cookie", &cookie)]).await;
    assert_eq!(sent.status, 503);
    assert!(sent.text.contains("penyimpanan kami sedang penuh") && sent.text.contains("Lampu jalan mati"));
    assert!(counter.get("/hari-ini", &[("cookie", &cookie)]).await.text.contains("Belum ada laporan hari ini"));
    assert_eq!(counter.get(&format!("/slip/{}", id(1)), &[("cookie", &cookie)]).await.status, 404);
}

#[tokio::test]
async fn an_entry_whose_sender_hangs_up_is_still_listed() {
    let counter = open();
    let cookie = cookie("kel-melati", 1);
    let mut hung_up = Vec::new();
    for n in 1..=12 {
        let (form, headers) = (entry(n), [("cookie", cookie.as_str())]);
        let mut sending = std::pin::pin!(counter.post("/", &form, &headers));
        for _ in 0..n {
            let answered = std::future::poll_fn(|wake| Poll::Ready(sending.as_mut().poll(wake).is_ready())).await;
            if answered {
                break;
            }
            tokio::task::yield_now().await;
        }
        hung_up.push(id(n));
    }
    let since = Instant::now();
    loop {
        let kept = counter.kept().await.len();
        let mut listed = 0;
        for id in &hung_up {
            listed += usize::from(counter.get(&format!("/slip/{id}"), &[("cookie", &cookie)]).await.status == 200);
        }
        if kept == hung_up.len() && listed == kept {
            return;
        }
        assert!(since.elapsed() < Duration::from_mins(1), "{kept} of {} kept, {listed} listed", hung_up.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_shift_that_ends_in_the_middle_of_an_entry_is_told_in_place() {
    let counter = open();
    let over = format!("loket={}", token("kel-melati", 1, now() - SignedDuration::from_secs(1)));
    let sent = counter.post("/", &entry(1), &[("cookie", &over), ("accept", "application/json")]).await;
    assert_eq!(sent.status, 403);
    assert!(sent.text.contains("Masuk lagi di tab lain"), "{}", sent.text);
}

#[test]
fn a_configuration_that_answers_by_itself_is_refused() {
    for (table, why) in [
        ("[adapter.answer_via.fax]\nadapter = \"whatsapp\"\naccount = \"1\"", "knows `tel` and `mailto`"),
        ("[adapter.answer_via.tel]\nadapter = \"desk\"\naccount = \"1\"", "must name another adapter"),
    ] {
        let settings = adapter_sdk::Settings::from_toml(&format!("{}\n{table}\n", Desk::DEFAULTS)).expect("a configuration");
        let http = adapter_sdk::Http::new(adapter_sdk::outgoing::Limits::default()).expect("a client");
        let error = Desk::open(settings.adapter, http).err().expect("refused").to_string();
        assert!(error.contains(why), "{error}");
    }
}
