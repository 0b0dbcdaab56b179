//! Handing in, choosing, and importing twice, with the bus away: everything here must work while the core is down.

use adapter_rtrw::ChatImport;
use adapter_sdk::{
    Adapter, AttachmentKind, ClerkToken, Content, DoorDirectory, Event, Inbound, Raw, Timestamp,
    model::{Role, StaffId},
};
use adapter_testkit::{Counter, Filled, StaffKey, small_city};
use jiff::SignedDuration;
use uuid::Uuid;

const CHAT: &str = "19/10/26 07.00 - Pak RT membuat grup \"RT 05\"
19/10/26 07.15 - Bu Wati: Lampu jalan depan pos mati
19/10/26 07.16 - Bu Wati: IMG-20261019-WA0001.jpg (file terlampir)
ini fotonya
19/10/26 07.17 - +62 810-0000-0001: Selokan mampet
19/10/26 07.18 - Mas Joko: <Media tidak disertakan>
";
/// The same morning, from another telephone.
const AGAIN: &str = "[19/10/26 07.15.09] Ibu Wati (tetangga): \u{200e}Lampu jalan depan pos mati
\u{200e}[19/10/26 07.16.40] Ibu Wati (tetangga): ini fotonya \u{200e}<terlampir: 00000009-PHOTO-2026-10-19-07-16-40.jpg>
[19/10/26 07.17.01] Pak Anu: Selokan  mampet
";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0 the rest of a photo";

#[expect(clippy::disallowed_methods, reason = "a token must be valid while the test runs")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn open() -> Counter<ChatImport> {
    let city = DoorDirectory { staff_key: StaffKey::new(3).public(), ..small_city(ChatImport::NAME) };
    Counter::open(ChatImport::DEFAULTS, Some(city), 16 << 20)
}

fn cookie(role: Role, staff: u128) -> String {
    let expires_at = now() + SignedDuration::from_hours(8);
    let clerk =
        ClerkToken { staff: StaffId(Uuid::from_u128(staff)), name: "Sari".into(), role, office: String::new(), expires_at, generation: 0 };
    format!("bahasa=id; impor={}", StaffKey::new(3).sign(&clerk))
}

fn form() -> Filled {
    Filled::new().text("grup", "RT 05/RW 02").text("pengekspor", "Ketua RT 05").text("izin", "known").text("wilayah", "9171020001")
}

async fn hand_in(counter: &Counter<ChatImport>, form: &Filled, cookie: &str) -> String {
    let sent = counter.post("/", form, &[("cookie", cookie)]).await;
    assert_eq!(sent.status, 303, "{}", sent.text);
    sent.location().to_owned()
}

async fn choose(counter: &Counter<ChatImport>, page: &str, marks: &str, cookie: &str) -> adapter_testkit::Shown {
    counter.post_bytes(page, "application/x-www-form-urlencoded", marks.to_owned(), &[("cookie", cookie)]).await
}

fn read(counter: &Counter<ChatImport>, raw: &Raw) -> Vec<Inbound> {
    let events = counter.adapter.parse(raw).expect("what the door took can be parsed");
    events.into_iter().map(|event| if let Event::Message(inbound) = event { *inbound } else { panic!("{event:?}") }).collect()
}

#[tokio::test]
async fn what_staff_tick_goes_through_the_door_and_nothing_else() {
    let counter = open();
    let cookie = cookie(Role::Triage, 1);
    let export = form().file("berkas", "_chat.txt", CHAT.as_bytes()).file("berkas", "IMG-20261019-WA0001.jpg", JPEG);
    let page = hand_in(&counter, &export, &cookie).await;
    let shown = counter.get(&page, &[("cookie", &cookie)]).await;
    for part in ["Lampu jalan depan pos mati", "Bu Wati", "IMG-20261019-WA0001.jpg", "value=\"2\"", "Tidak ikut diekspor"] {
        assert!(shown.text.contains(part), "{part} in {}", shown.text);
    }
    let done = choose(&counter, &page, "laporan=1&lanjut=2&laporan=3", &cookie).await;
    assert_eq!(done.status, 200, "{}", done.text);
    let kept = counter.kept().await;
    assert_eq!(kept.len(), 2, "one for each complaint");
    let lamp = read(&counter, &kept[0]);
    assert_eq!(lamp.len(), 2);
    assert!(lamp[0].text.starts_with("Lampu jalan depan pos mati\n\n"), "{}", lamp[0].text);
    for part in ["RT 05/RW 02", "Ketua RT 05", "Sari", "tahu bahwa laporan diteruskan"] {
        assert!(lamp[0].text.contains(part), "{part} in {}", lamp[0].text);
    }
    assert!(done.text.contains(&lamp[0].reference.to_string()));
    assert_eq!((lamp[1].text.as_str(), lamp[1].in_reply_to.as_ref()), ("ini fotonya", Some(&lamp[0].key.id)));
    assert_eq!(lamp[0].sender, lamp[1].sender);
    assert_eq!(lamp[0].office_area.as_deref(), Some("9171020001"));
    assert_eq!((lamp[0].tracking.is_some(), lamp[1].tracking.is_some(), lamp[0].reply_to.is_none()), (true, false, true));
    let Content::Remote(media) = &lamp[1].attachments[0].content else { panic!("{:?}", lamp[1].attachments) };
    assert_eq!(lamp[1].attachments[0].kind, AttachmentKind::Image);
    assert_eq!(counter.adapter.fetch_from(&kept[0], media).await.expect("the photo"), JPEG);
    let drain = read(&counter, &kept[1]);
    assert_eq!(drain[0].contact.iter().map(ToString::to_string).collect::<Vec<_>>(), ["tel:+6281000000001"]);
    assert_eq!(drain[0].sender_name, None);
    assert_ne!(drain[0].sender, lamp[0].sender);
}

#[tokio::test]
async fn the_same_messages_from_another_telephone_are_the_same_messages() {
    let counter = open();
    let cookie = cookie(Role::Clerk, 1);
    let first = hand_in(&counter, &form().file("berkas", "_chat.txt", CHAT.as_bytes()), &cookie).await;
    let one = choose(&counter, &first, "laporan=1&lanjut=2&laporan=3", &cookie).await;
    let second = hand_in(&counter, &form().file("berkas", "chat.txt", AGAIN.as_bytes()).file("berkas", "x.jpg", JPEG), &cookie).await;
    let two = choose(&counter, &second, "laporan=0&lanjut=1&laporan=2", &cookie).await;
    assert_eq!((one.status.as_u16(), two.status.as_u16()), (200, 200));
    let third = hand_in(&counter, &form().file("berkas", "_chat.txt", CHAT.as_bytes()), &cookie).await;
    let marked = counter.get(&third, &[("cookie", &cookie)]).await;
    assert_eq!(marked.text.matches("Sudah diimpor: ").count(), 3, "{}", marked.text);
    assert!(marked.text.contains("3 sudah pernah diimpor lewat sini."));
    let kept = counter.kept().await;
    let lamp = read(&counter, &kept[0])[0].reference.to_string();
    assert_eq!(marked.text.matches(&format!("Sudah diimpor: {lamp}")).count(), 2, "both messages of one complaint");
    let keys =
        |raw: &[Raw]| raw.iter().flat_map(|raw| read(&counter, raw)).map(|inbound| (inbound.key, inbound.reference)).collect::<Vec<_>>();
    assert_eq!(keys(&kept[..2]), keys(&kept[2..]));
}

#[tokio::test]
async fn a_pasted_copy_and_a_forwarded_message_are_read() {
    let counter = open();
    let cookie = cookie(Role::Admin, 1);
    let pasted = form().text("tempelan", "[07:15, 19/10/2026] Bu Wati: Lampu mati\n[07:16, 19/10/2026] Bu Wati: di depan pos");
    let page = hand_in(&counter, &pasted, &cookie).await;
    assert!(counter.get(&page, &[("cookie", &cookie)]).await.text.contains("di depan pos"));
    let forwarded = form().text("tempelan", "Sampah menumpuk di gang 3").text("penulis", "Pak Anu");
    let page = hand_in(&counter, &forwarded, &cookie).await;
    assert_eq!(choose(&counter, &page, "laporan=0", &cookie).await.status, 200);
    let inbound = read(&counter, &counter.kept().await[0]).remove(0);
    assert!(inbound.text.starts_with("Sampah menumpuk di gang 3"));
    assert_eq!(inbound.sender_name.as_deref(), Some("Pak Anu"));
}

#[tokio::test]
async fn what_is_missing_or_no_chat_is_said_beside_the_field() {
    let counter = open();
    let cookie = cookie(Role::Triage, 1);
    let cases = [
        (Filled::new().file("berkas", "_chat.txt", CHAT.as_bytes()), "Tulis nama grupnya"),
        (form(), "Pilih berkas ekspor"),
        (form().file("berkas", "chat.zip", b"PK\x03\x04 broken"), "rusak"),
        (form().file("berkas", "chat.txt", b"\xff\xd8\xff"), "bukan teks"),
        (form().file("berkas", "chat.txt", b"no line with a time"), "Tidak ada pesan"),
        (form().text("tempelan", "tanpa penulis"), "tulis juga penulisnya"),
    ];
    for (form, words) in cases {
        let refused = counter.post("/", &form, &[("cookie", &cookie)]).await;
        assert_eq!(refused.status, 422, "{words}");
        assert!(refused.text.contains(words), "{words} in {}", refused.text);
    }
    let page = hand_in(&counter, &form().file("berkas", "_chat.txt", CHAT.as_bytes()), &cookie).await;
    let none = choose(&counter, &page, "", &cookie).await;
    assert!(none.status == 422 && none.text.contains("Belum ada pesan yang dicentang"));
    assert!(counter.kept().await.is_empty());
}

#[tokio::test]
async fn nobody_looks_into_anothers_upload_and_only_who_takes_complaints_in_may_import() {
    let counter = open();
    let (one, other) = (cookie(Role::Triage, 1), cookie(Role::Triage, 2));
    let page = hand_in(&counter, &form().file("berkas", "_chat.txt", CHAT.as_bytes()), &one).await;
    assert_eq!(counter.get(&page, &[("cookie", &one)]).await.status, 200);
    assert_eq!(counter.get(&page, &[("cookie", &other)]).await.status, 404);
    assert_eq!(choose(&counter, &page, "laporan=1", &other).await.status, 404);
    assert_eq!(choose(&counter, &format!("{page}/hapus"), "", &other).await.status, 303);
    assert_eq!(counter.get(&page, &[("cookie", &one)]).await.status, 200, "only one's own upload is deleted");
    assert_eq!(choose(&counter, &format!("{page}/hapus"), "", &one).await.status, 303);
    assert_eq!(counter.get(&page, &[("cookie", &one)]).await.status, 404);
    for role in [Role::Officer, Role::Supervisor] {
        assert_eq!(counter.get("/", &[("cookie", &cookie(role, 3))]).await.status, 403);
    }
    for nobody in ["", "impor=x.y"] {
        assert_eq!(counter.get(&page, &[("cookie", nobody)]).await.status, 403);
        assert_eq!(choose(&counter, &format!("{page}/hapus"), "", nobody).await.status, 403);
        assert_eq!(counter.post("/", &form(), &[("cookie", nobody)]).await.status, 403);
    }
    assert!(counter.kept().await.is_empty());
}
