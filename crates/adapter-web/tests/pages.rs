//! The form and the receipt, with the bus away: everything here must work while the core is down.

use adapter_sdk::{Adapter, Audience, Content, DoorDirectory, Event, Inbound, Raw, Visibility};
use adapter_testkit::{Counter, Filled, Shown, acknowledgement, small_city};
use adapter_web::Web;

const ID: &str = "0f8b2c1e-5d7a-4c3e-9b1a-2f6d8e4c7a90";
const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x10JFIF\0 the rest of a photo";

fn form() -> Filled {
    Filled::new().text("kiriman", ID).text("bahasa", "id").text("isi", "Lubang di Jalan Melati").text("tampil", "hidden")
}

fn open() -> Counter<Web> {
    Counter::open(Web::DEFAULTS, Some(small_city(Web::NAME)), 16 << 20)
}

fn read(counter: &Counter<Web>, raw: &Raw) -> Inbound {
    let events = counter.adapter.parse(raw).expect("what the door took can be parsed");
    match events.as_slice() {
        [Event::Message(inbound)] => (**inbound).clone(),
        other => panic!("{other:?}"),
    }
}

/// The number and the link on a receipt.
async fn receipt(counter: &Counter<Web>, sent: &Shown) -> (String, String) {
    assert_eq!(sent.status, 303, "{}", sent.text);
    let page = counter.get(sent.location(), &[]).await;
    assert_eq!(page.status, 200);
    let between = |before: &str, after: &str| {
        let (_, rest) = page.text.split_once(before).unwrap_or_else(|| panic!("{before} in {}", page.text));
        rest.split_once(after).expect("an end").0.to_owned()
    };
    (between("id=\"nomor\">", "<"), between("id=\"tautan\" href=\"", "\""))
}

#[tokio::test]
async fn a_filled_form_becomes_one_message_with_the_number_and_link_that_the_citizen_was_shown() {
    let counter = open();
    let sent = counter
        .post(
            "/",
            &form()
                .text("lat", "-6.2")
                .text("lon", "106.8")
                .text("tempat", "depan pasar")
                .text("wilayah", "9171020001")
                .text("kategori", "road")
                .text("nama", " Warga ")
                .text("kontak", "0812 3456 7890")
                .text("tampil", "secret")
                .file("foto", "lubang.jpg", JPEG)
                .file("foto", "", b""),
            &[],
        )
        .await;
    let (number, link) = receipt(&counter, &sent).await;
    let kept = counter.kept().await;
    assert_eq!(kept.len(), 1);
    let inbound = read(&counter, &kept[0]);
    assert_eq!(inbound.reference.to_string(), number);
    assert_eq!(inbound.tracking.as_ref().map(|code| format!("https://lapor.example.id/t/{}", code.as_str())), Some(link));
    assert_eq!((inbound.key.account.as_str(), inbound.key.id.as_str()), ("utama", ID));
    assert_eq!(inbound.text, "Lubang di Jalan Melati");
    assert_eq!(inbound.place.as_deref(), Some("depan pasar, Kelurahan Anggrek, Kecamatan Sawah, Kota Contoh"));
    assert_eq!(inbound.office_area.as_deref(), Some("9171020001"));
    assert_eq!(inbound.category.as_deref(), Some("road"));
    assert_eq!(inbound.sender_name.as_deref(), Some("Warga"));
    assert_eq!(inbound.contact.iter().map(ToString::to_string).collect::<Vec<_>>(), ["tel:+6281234567890"]);
    assert_eq!(inbound.sender.iter().map(ToString::to_string).collect::<Vec<_>>(), [format!("web:{ID}")]);
    assert_eq!((inbound.visibility, inbound.audience), (Visibility::Hidden, Audience::Private), "the first of two values counts");
    let point = inbound.location.expect("a point");
    assert!((point.lat + 6.2).abs() < 1e-9 && (point.lon - 106.8).abs() < 1e-9);
    let [photo] = inbound.attachments.as_slice() else { panic!("{:?}", inbound.attachments) };
    let Content::Remote(media) = &photo.content else { panic!("{photo:?}") };
    assert_eq!(counter.adapter.fetch_from(&kept[0], media).await.expect("the photo"), JPEG);
}

#[tokio::test]
async fn a_form_that_is_sent_again_shows_the_same_number_and_link_and_is_kept_once() {
    let counter = open();
    let first = counter.post("/", &form(), &[]).await;
    let shown = receipt(&counter, &first).await;
    // A browser makes a new boundary, and the order of fields may differ.
    let again = Filled::with_boundary("other").text("tampil", "hidden").text("isi", "Lubang di Jalan Melati").text("kiriman", ID);
    let second = counter.post("/", &again.text("bahasa", "id"), &[]).await;
    assert_eq!(receipt(&counter, &second).await, shown);
    assert_eq!(second.location(), first.location());
    assert_eq!(counter.kept().await.len(), 1);
}

#[tokio::test]
async fn a_form_that_is_sent_again_after_a_restart_has_the_same_key_number_and_link() {
    let counter = open();
    let first = counter.post("/", &form(), &[]).await;
    let shown = receipt(&counter, &first).await;
    let receipt_address = first.location().to_owned();
    let counter = counter.restarted(Web::DEFAULTS, Some(small_city(Web::NAME)));
    assert_eq!(counter.get(&receipt_address, &[]).await.status, 200, "the receipt is there without anything remembered");
    let second = counter.post("/", &form(), &[]).await;
    assert_eq!(receipt(&counter, &second).await, shown);
    let keys: Vec<String> = counter.kept().await.iter().map(|raw| read(&counter, raw).key.id).collect();
    assert_eq!(keys, [ID, ID], "the core takes the second as a redelivery");
}

#[tokio::test]
async fn twenty_at_once_are_one_message() {
    let counter = open();
    let (adapter, sent) = (&counter, form());
    let answers = futures_of((0..20).map(|_| adapter.post("/", &sent, &[]))).await;
    let mut shown = Vec::new();
    for answer in &answers {
        shown.push(receipt(&counter, answer).await);
    }
    shown.dedup();
    assert_eq!(shown.len(), 1);
    let kept = counter.kept().await;
    assert!(kept.iter().all(|raw| read(&counter, raw).key.id == ID));
}

async fn futures_of<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut done = Vec::new();
    let mut all: Vec<_> = futures.map(Box::pin).collect();
    std::future::poll_fn(|context| {
        all.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

#[tokio::test]
async fn a_form_that_came_and_was_changed_joins_its_complaint_and_loses_no_words() {
    let counter = open();
    let first = counter.post("/", &form(), &[]).await;
    let shown = receipt(&counter, &first).await;
    let changed = Filled::new().text("kiriman", ID).text("bahasa", "id").text("isi", "Lubang, sudah makan korban").text("tampil", "hidden");
    assert_eq!(receipt(&counter, &counter.post("/", &changed, &[]).await).await, shown);
    let kept = counter.kept().await;
    let (original, edit) = (read(&counter, &kept[0]), read(&counter, &kept[1]));
    assert_eq!(edit.replaces.as_ref(), Some(&original.key));
    assert_ne!(edit.key, original.key);
    assert_eq!(edit.tracking, None, "a code of its own would open another complaint");
    assert_eq!(edit.text, "Lubang, sudah makan korban");
}

#[tokio::test]
async fn the_receipt_says_that_it_is_safe_and_then_who_has_it() {
    let counter = open();
    let sent = counter.post("/", &form(), &[]).await;
    let before = counter.get(sent.location(), &[]).await.text;
    assert!(before.contains("Sudah aman di kami"), "{before}");
    let inbound = read(&counter, &counter.kept().await[0]);
    counter.adapter.send(&acknowledgement(inbound.reply_to.expect("a way back"))).await.expect("taken");
    let after = counter.get(sent.location(), &[]).await.text;
    assert!(after.contains("Sudah diteruskan ke Dinas Bina Marga") && after.contains("Jumat, 27 November 2026"), "{after}");
    assert!(!after.contains("Sudah aman di kami"));
}

#[tokio::test]
async fn nobody_gets_a_receipt_for_what_was_never_sent() {
    let counter = open();
    for address in ["/terima/0f8b2c1e-5d7a-4c3e-9b1a-2f6d8e4c7a90", "/terima/x?bukti=1.A", &format!("/terima/{ID}?bukti=1790000000.AAAA")] {
        let page = counter.get(address, &[]).await;
        assert_eq!(page.status, 404, "{address}");
        assert!(!page.text.contains("id=\"nomor\""));
        assert_eq!(counter.get(&address.replace('?', "/kabar?"), &[]).await.status, 404);
    }
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_the_field_and_everything_typed_is_kept() {
    let counter = open();
    let name = "n".repeat(10_000);
    let long = "x".repeat(5_001);
    let sent = counter
        .post(
            "/",
            &Filled::new()
                .text("kiriman", ID)
                .text("bahasa", "id")
                .text("isi", &long)
                .text("nama", &name)
                .text("kontak", "bukan nomor")
                .text("tempat", "depan <b>pasar</b>")
                .text("wilayah", "9171010002")
                .text("kategori", "waste")
                .text("tampil", "secret")
                .text("lat", "-6.2")
                .text("lon", "106.8"),
            &[],
        )
        .await;
    assert_eq!(sent.status, 422);
    for words in [
        "Ada 3 hal",
        "href=\"#teks\"",
        "Tulisan ini 5.001 huruf, paling banyak 5.000",
        "href=\"#nama\"",
        "Nama ini 10.000 huruf, paling banyak 100",
        "href=\"#kontak\"",
        &name,
        &long,
        "value=\"bukan nomor\"",
        "depan &#60;b&#62;pasar",
        "value=\"9171010002\" selected",
        "value=\"waste\" checked",
        "value=\"secret\" checked",
        "name=\"lat\" value=\"-6.2\"",
        &format!("name=\"kiriman\" value=\"{ID}\""),
        "aria-describedby=\"kontak-hint kontak-error\"",
        "aria-invalid=\"true\"",
    ] {
        let words = words.replace("kontak-hint kontak-error", " kontak-error");
        assert!(sent.text.contains(&words), "{words:.80} in {}", &sent.text[..sent.text.len().min(6000)]);
    }
    assert!(counter.kept().await.is_empty());
}

#[tokio::test]
async fn nothing_written_and_nothing_shown_is_no_complaint_but_a_photo_alone_is() {
    let counter = open();
    let empty = Filled::new().text("kiriman", ID).text("bahasa", "en").text("isi", " \r\n ");
    let refused = counter.post("/", &empty, &[]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("Write what happened"), "a form is answered in its own language");
    assert_eq!(counter.post("/", &empty.file("foto", "a.jpg", JPEG), &[]).await.status, 303);
}

#[tokio::test]
async fn files_are_judged_by_their_bytes_and_counted() {
    let counter = open();
    for (form, words) in [
        (form().file("foto", "foto.jpg", b"MZ\x90\0 a program"), "Berkas ke-1 bukan foto"),
        (form().file("foto", "foto.jpg", b"<svg onload=alert(1)>"), "Berkas ke-1 bukan foto"),
        (form().file("foto", "a.jpg", JPEG).file("foto", "b.jpg", b"\0\0\0\x18ftypheic"), "Foto ke-2 berformat HEIC"),
        (form().file("foto", "a.jpg", b""), "Foto ke-1 kosong"),
        ((0..11).fold(form(), |form, _| form.file("foto", "a.jpg", JPEG)), "Paling banyak 10 foto"),
    ] {
        let sent = counter.post("/", &form, &[]).await;
        assert_eq!(sent.status, 422);
        assert!(sent.text.contains(words) && sent.text.contains("foto-error"), "{words}");
    }
    assert!(counter.kept().await.is_empty());
}

#[tokio::test]
async fn bytes_that_are_no_text_are_named_and_shown() {
    let counter = open();
    let sent = counter.post("/", &Filled::new().text("kiriman", ID).text("bahasa", "id").text("isi", b"lubang \xc3\x28"), &[]).await;
    assert_eq!(sent.status, 422);
    assert!(sent.text.contains("Sebagian tulisan tidak dapat dibaca") && sent.text.contains("lubang \u{fffd}("));
}

#[tokio::test]
async fn hostile_bodies_are_refused_in_words() {
    let counter = open();
    let boundary = "multipart/form-data; boundary=b";
    let bomb = "--b\r\nContent-Disposition: form-data; name=\"isi\"\r\n\r\nx\r\n".repeat(500) + "--b--";
    for (content_type, body, status) in [
        (boundary, bomb, 400),
        (boundary, "--b\r\n".to_owned() + &"a: b\r\n".repeat(1000), 400),
        (boundary, "--b\r\nContent-Disposition: form-data; name=\"isi\"\r\n\r\ncut".into(), 400),
        (boundary, String::new(), 400),
        ("application/json", "{}".into(), 400),
        ("application/x-www-form-urlencoded", "isi=x".into(), 400),
        (boundary, "x".repeat((1 << 20) + 1), 413),
    ] {
        let sent = counter.post_bytes("/", content_type, body, &[]).await;
        assert_eq!(sent.status, status, "{content_type}");
        assert!(sent.text.contains("<h1>Belum terkirim</h1>") && sent.text.contains("tulisan Anda biasanya masih ada"), "{}", sent.text);
    }
    assert!(counter.kept().await.is_empty());
}

#[tokio::test]
async fn a_full_door_says_so_and_keeps_what_was_typed() {
    let counter: Counter<Web> = Counter::open(Web::DEFAULTS, Some(small_city(Web::NAME)), 400);
    let sent = counter.post("/", &form(), &[]).await;
    assert_eq!(sent.status, 503);
    assert!(sent.headers.contains_key("retry-after"));
    assert!(sent.text.contains("penyimpanan kami sedang penuh") && sent.text.contains("Lubang di Jalan Melati"), "{}", sent.text);
    let again = counter.post("/", &form(), &[("accept", "application/json")]).await;
    assert_eq!(again.status, 503);
    assert!(again.text.contains("\"field\":\"kirim\""), "{}", again.text);
}

#[tokio::test]
async fn scripts_get_an_address_or_problems_as_json() {
    let counter = open();
    let json = [("accept", "application/json")];
    let sent = counter.post("/", &form(), &json).await;
    assert_eq!(sent.status, 200);
    assert!(sent.text.starts_with("{\"next\":\"/terima/"), "{}", sent.text);
    let wrong = counter.post("/", &form().text("kontak", "x"), &json).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("\"field\":\"kontak\""), "{}", wrong.text);
}

#[tokio::test]
async fn a_flood_from_one_address_is_told_to_wait_and_loses_nothing_typed() {
    let config = Web::DEFAULTS.replace("burst = 30", "burst = 2").replace("per_minute = 20", "per_minute = 1");
    let counter: Counter<Web> = Counter::open(&config, Some(small_city(Web::NAME)), 16 << 20);
    let nth = |n: usize| {
        Filled::new()
            .text("kiriman", format!("0f8b2c1e-5d7a-4c3e-9b1a-00000000000{n}"))
            .text("bahasa", "id")
            .text("isi", format!("isi {n}"))
    };
    assert_eq!(counter.post("/", &nth(1), &[]).await.status, 303);
    assert_eq!(counter.post("/", &nth(2), &[]).await.status, 303);
    let third = counter.post("/", &nth(3), &[]).await;
    assert_eq!(third.status, 429);
    assert!(third.text.contains("Terlalu banyak laporan dari sambungan ini") && third.text.contains("isi 3"));
    assert_eq!(counter.post("/", &nth(1), &[]).await.status, 303, "what we have already is no flood");
    assert_eq!(counter.kept().await.len(), 2);
}

#[tokio::test]
async fn another_site_cannot_post_and_a_program_that_fills_everything_is_asked_again() {
    let counter = open();
    let foreign = counter.post("/", &form(), &[("origin", "https://evil.example"), ("host", "lapor.example.id")]).await;
    assert_eq!(foreign.status, 403);
    let robot = counter.post("/", &form().text("situs", "https://spam.example"), &[]).await;
    assert_eq!(robot.status, 422);
    assert!(robot.text.contains("Kolom tersembunyi ikut terisi") && !robot.text.contains("spam.example"));
    assert!(counter.kept().await.is_empty());
}

#[tokio::test]
async fn a_category_that_is_gone_is_said_and_an_unknown_area_is_left_out() {
    let counter = open();
    assert_eq!(counter.post("/", &form().text("kategori", "gone"), &[]).await.status, 422);
    assert_eq!(counter.post("/", &form().text("wilayah", "0000000000"), &[]).await.status, 303);
    let inbound = read(&counter, &counter.kept().await[0]);
    assert_eq!((inbound.place, inbound.office_area), (None, None));
}

#[tokio::test]
async fn before_the_core_was_ever_reached_the_form_works_without_areas_and_says_that_the_link_follows() {
    let counter: Counter<Web> = Counter::open(Web::DEFAULTS, None, 16 << 20);
    let page = counter.get("/", &[]).await;
    assert!(page.text.contains("Layanan Pengaduan") && !page.text.contains("<select"));
    let sent = counter.post("/", &form(), &[]).await;
    let receipt = counter.get(sent.location(), &[]).await;
    assert!(receipt.text.contains("id=\"nomor\"") && receipt.text.contains("Tautan pelacakan belum dapat dibuat"), "{}", receipt.text);
    assert!(read(&counter, &counter.kept().await[0]).tracking.is_some());
}

#[tokio::test]
async fn every_page_forbids_foreign_content_and_is_not_kept_or_told_to_others() {
    let counter = open();
    let sent = counter.post("/", &form(), &[]).await;
    for page in [counter.get("/", &[]).await, counter.get(sent.location(), &[]).await, counter.get("/tidak-ada", &[]).await, sent] {
        let header = |name: &str| page.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        assert!(header("content-security-policy").starts_with("default-src 'none'"));
        assert_eq!((header("cache-control").as_str(), header("referrer-policy").as_str()), ("no-store", "no-referrer"));
        assert!(!page.text.contains(" style=") && !page.text.contains("<script>") && !page.text.contains("onclick"));
    }
}

#[tokio::test]
async fn each_drawn_form_has_an_id_of_its_own_and_speaks_the_language_that_was_asked_for() {
    let counter = open();
    let id = |page: &Shown| page.text.split_once("name=\"kiriman\" value=\"").expect("an id").1[..36].to_owned();
    let (first, second) = (counter.get("/", &[]).await, counter.get("/?lang=en", &[]).await);
    assert_ne!(id(&first), id(&second));
    assert!(first.text.contains("Apa yang terjadi?") && second.text.contains("What happened?"));
    assert!(second.text.contains("Broken road"));
}

#[tokio::test]
async fn a_page_weighs_little() {
    let counter = open();
    let many = DoorDirectory {
        areas: (0..270)
            .map(|n| adapter_sdk::model::Area { code: format!("9171010{n:03}"), name: format!("Kelurahan bernama panjang {n}") })
            .collect(),
        ..small_city(Web::NAME)
    };
    let large: Counter<Web> = Counter::open(Web::DEFAULTS, Some(many), 16 << 20);
    let page = large.get("/", &[]).await.text;
    let mut bytes = page.len();
    for address in
        page.split('"').filter(|part| part.starts_with("/aset/")).filter(|part| !part.contains("pick.") && !part.contains("leaflet"))
    {
        bytes += counter.get(address, &[]).await.text.len();
    }
    assert!(bytes < 90_000, "{bytes} bytes before compression");
}
