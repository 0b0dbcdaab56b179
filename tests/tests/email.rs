//! The whole road by mail, on real parts: a mail is a complaint, the answer is a mail, and what comes back finds its place.

use servers::mail::Mail;
use tests::{OFFICE, World, eventually};

const BUDI: &str = "budi@warga.example.id";

fn letter(from: &str, to: &str, id: &str, head: &str, words: &str) -> String {
    format!(
        "From: Warga <{from}>\nTo: {to}\nMessage-ID: <{id}@warga.example.id>\nDate: {}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n{head}\n\n{words}\n",
        now()
    )
}

/// A mail is dated by whoever writes it.
#[expect(clippy::disallowed_methods, reason = "the citizen's own clock")]
fn now() -> String {
    jiff::fmt::rfc2822::to_string(&jiff::Zoned::now()).expect("a date")
}

/// Waits for a mail to somebody that holds all of these words.
async fn hears(mail: &Mail, who: &str, words: &[&str]) -> String {
    let fits = || {
        mail.sent_to_people()
            .into_iter()
            .find(|mail| mail.contains(&format!("Envelope-to: {who}")) && words.iter().all(|word| mail.contains(word)))
    };
    eventually(&format!("{who} hears {words:?}"), || async { fits().is_some() }).await;
    fits().expect("it was there")
}

fn header(mail: &str, name: &str) -> String {
    let line = mail.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("{name} in {mail}")).trim().to_owned()
}

/// The address in angle brackets.
fn bare(address: &str) -> String {
    address.rsplit('<').next().unwrap_or_default().trim_end_matches('>').to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_becomes_a_complaint_its_answer_joins_and_a_bounce_is_seen() {
    let mut world = World::start().await;
    let mail = world.open_mailbox().await;

    let first =
        letter(BUDI, OFFICE, "pertama", "Subject: Lampu jalan mati di Kelurahan Gambir", "Lampu jalan mati sejak Senin.\n\n-- \nBudi");
    mail.send(BUDI, OFFICE, &first).expect("Exim takes it");
    let answer = hears(&mail, BUDI, &["In-Reply-To: <pertama@warga.example.id>", "Auto-Submitted: auto-replied"]).await;
    world.complaints_become(1).await;
    let number = world.ask("select reference from complaint");
    assert!(header(&answer, "Subject").ends_with(&format!("[{number}]")), "{answer}");
    assert_eq!(world.ask("select text from complaint"), "Lampu jalan mati di Kelurahan Gambir\n\nLampu jalan mati sejak Senin.");

    // A neighbour answers from the mail that was passed on to them; a stranger only knows the number.
    let signed = bare(&header(&answer, "Reply-To"));
    assert!(signed.starts_with("aduan+"), "{signed}");
    let subject = format!("Subject: Re: Lampu jalan mati [{number}]");
    mail.send("tini@warga.example.id", &signed, &letter("tini@warga.example.id", &signed, "kedua", &subject, "Sudah tiga tiang."))
        .expect("taken");
    hears(&mail, BUDI, &["sudah kami tambahkan"]).await;
    let stranger = letter("orang@warga.example.id", OFFICE, "ketiga", "Subject: Tanya", &format!("Bagaimana laporan {number}?"));
    mail.send("orang@warga.example.id", OFFICE, &stranger).expect("taken");
    hears(&mail, "orang@warga.example.id", &["Auto-Submitted"]).await;
    world.complaints_become(2).await;
    assert_eq!(
        world.count(
            "select count(*) from message m join complaint c on c.id = m.complaint where c.reference <> '' and m.text like 'Sudah tiga%'"
        ),
        1
    );
    assert_eq!(
        world.count(&format!("select count(*) from complaint where why -> 'quoted' ? '{number}'")),
        1,
        "staff read what the stranger named"
    );

    // Who writes without the sign, but to what we wrote and as the same sender.
    let id = bare(&header(&answer, "Message-ID"));
    let head = format!("{subject}\nIn-Reply-To: <{id}>\nReferences: <pertama@warga.example.id> <{id}>");
    mail.send(BUDI, OFFICE, &letter(BUDI, OFFICE, "keempat", &head, "Masih mati.")).expect("taken");
    eventually("it joins", || async {
        world.count("select count(*) from message where text = 'Masih mati.' and complaint is not null") == 1
    })
    .await;
    world.complaints_become(2).await;

    // A machine's answer to our answer is none.
    let head = format!("Subject: Balasan otomatis\nAuto-Submitted: auto-replied\nIn-Reply-To: <{id}>");
    mail.send("", &signed, &letter(BUDI, &signed, "kelima", &head, "Saya cuti.")).expect("taken");
    eventually("the answer is known to have arrived", || async {
        world.count("select count(*) from reply where receipt = 'delivered'") == 1
    })
    .await;

    // Somebody whose mailbox is gone.
    let lost = letter("hilang@warga.example.id", OFFICE, "keenam", "Subject: Jalan rusak di Kelurahan Gambir", "Jalan rusak.");
    mail.send("hilang@warga.example.id", OFFICE, &lost).expect("taken");
    let bounced =
        "select count(*) from reply r join complaint c on c.id = r.complaint where r.receipt = 'failed' and c.text like '%Jalan rusak.%'";
    eventually("the bounce is a failed receipt", || async { world.count(bounced) == 1 }).await;
    world.complaints_become(3).await;
    world.settled().await;
    let log = world.log("email");
    for secret in [BUDI, "Lampu jalan", servers::mail::PASSWORD] {
        assert!(!log.contains(secret), "the adapter logs {secret}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_to_an_agency_or_about_a_clock_that_comes_back_is_seen_and_the_next_post_up_is_told() {
    const GONE: &str = "hilang@warga.example.id";
    const SECRETARY: &str = "sekda@warga.example.id";
    let mut world = World::start().await;
    let mail = world.open_mailbox().await;
    world.mail_by(&mail).await;
    world.ask(&format!("update agency set send_kind = 'email', send_target = '{GONE}' where code = 'dbm'"));
    let mut admin = world.signed_in("admin1").await;
    let roads = world.ask("select id from agency where code = 'dbm'");
    for (agency, name, address) in [(roads.as_str(), "Kepala Dinas", GONE), ("", "Sekretaris Daerah", SECRETARY)] {
        admin.get("/admin/eskalasi").await;
        let shown = admin.post("/admin/eskalasi/jabatan", &[("agency", agency), ("name", name), ("mail", address)]).await;
        assert!(shown.status == 200 && shown.text.contains(name), "{} {}", shown.status, shown.text);
    }
    let fields = [("stage", "settle"), ("moment", "at"), ("post", "head"), ("way", "mail"), ("source", "aturan uji")];
    assert!(admin.post("/admin/eskalasi", &fields).await.text.contains("Aturan dimulai"));

    mail.send(BUDI, OFFICE, &letter(BUDI, OFFICE, "pertama", "Subject: Jalan rusak di Kelurahan Gambir", "Jalan rusak.")).expect("taken");
    world.complaints_become(1).await;
    eventually("the agency's mail is known to have come back", || async {
        world.count("select count(*) from dispatch where state = 'refused' and error like '5.%'") == 1
    })
    .await;
    let (complaint, number) = (world.ask("select id from complaint"), world.ask("select reference from complaint"));
    world.missed(&complaint);
    hears(&mail, SECRETARY, &[&number, "Lewat batas waktu"]).await;
    let shown = admin.get("/admin/eskalasi").await.text;
    assert!(shown.contains(GONE) && shown.contains("Jabatan di atasnya diberi tahu."), "{shown}");
    for name in world.process_names() {
        let log = world.log(name);
        let line = log.lines().find(|line| line.contains(GONE) || line.contains(SECRETARY));
        assert_eq!(line, None, "an address in the log of {name}");
    }
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_came_while_adapter_or_mailbox_were_away_is_read_once() {
    let mut world = World::start().await;
    let mut mail = world.open_mailbox().await;
    let send = |mail: &Mail, number: u32| {
        let from = format!("warga{number}@warga.example.id");
        let letter =
            letter(&from, OFFICE, &format!("m{number}"), &format!("Subject: Jalan rusak {number} di Kelurahan Gambir"), "Jalan rusak.");
        mail.deliver(OFFICE, letter.as_bytes()).expect("delivered");
    };
    send(&mail, 1);
    world.complaints_become(1).await;
    world.process("email").kill();
    send(&mail, 2);
    world.process("email").resume();
    world.complaints_become(2).await;
    mail.kill_imap();
    send(&mail, 3);
    mail.start_imap().expect("it starts again");
    world.complaints_become(3).await;
    mail.new_uids(OFFICE).expect("it starts again");
    send(&mail, 4);
    world.complaints_become(4).await;
    world.settled().await;
    assert_eq!(world.complaints(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_larger_than_the_door_waits_for_a_person_and_holds_nobody_up() {
    let mut world = World::start().await;
    let mail = world.open_mailbox_with("max_body = \"8 KiB\"\n").await;
    let subject = "Subject: Jalan rusak di Kelurahan Gambir";
    let large = letter(BUDI, OFFICE, "besar", subject, &"Jalan rusak sejak Senin.\n".repeat(800));
    mail.deliver(OFFICE, large.as_bytes()).expect("delivered");
    mail.deliver(OFFICE, letter("tini@warga.example.id", OFFICE, "kecil", subject, "Jalan rusak.").as_bytes()).expect("delivered");
    hears(&mail, "tini@warga.example.id", &["In-Reply-To: <kecil@warga.example.id>"]).await;
    world.complaints_become(1).await;
    let listed = world.muara(&["parked", "list"]);
    assert!(listed.contains("larger than the door takes") && listed.contains("1 shown of 1 parked"), "{listed}");
    world.process("email").stop();
    world.process("email").resume();
    world.muara(&["parked", "retry", "--all"]);
    hears(&mail, BUDI, &["In-Reply-To: <besar@warga.example.id>"]).await;
    world.complaints_become(2).await;
    world.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_photo_that_shows_the_work_is_in_the_answers_mail_without_its_place() {
    let mut world = World::start().await;
    let mail = world.open_mailbox().await;
    mail.deliver(OFFICE, letter(BUDI, OFFICE, "foto", "Subject: Jalan berlubang di Kelurahan Gambir", "Jalan berlubang.").as_bytes())
        .expect("delivered");
    hears(&mail, BUDI, &["In-Reply-To: <foto@warga.example.id>"]).await;
    let id = world.ask("select id from complaint");
    let mut officer = world.signed_in("jalan1").await;
    officer.get(&format!("/aduan/{id}")).await;
    let plain = simulator::scene::photo(simulator::scene::Scene::Pothole, &mut simulator::Random::new(7));
    let taken = simulator::exif::with_place(&plain, -6.17, 106.82, jiff::civil::datetime(2026, 11, 21, 9, 0, 0, 0));
    let photo = ("photo", "bukti.jpg", "image/jpeg", taken);
    let done = officer.post_files(&format!("/aduan/{id}/selesai"), &[("text", "Sudah ditambal.")], &[photo]).await;
    assert!(done.status < 400, "{} {}", done.status, done.text);
    let answer = hears(&mail, BUDI, &["multipart/mixed", "image/jpeg"]).await;
    let number = world.ask("select reference from complaint");
    assert!(answer.contains(&format!("filename=\"{number}.jpg\"")), "{answer}");
    let answer = answer.replace("\r\n", "\n");
    let (_, file) = answer.split_once("image/jpeg").expect("a file");
    let (_, file) = file.split_once("\n\n").expect("a head ends with an empty line");
    let encoded: String = file.lines().take_while(|line| !line.starts_with("--")).collect();
    assert!(encoded.starts_with("/9j/"), "a JPEG");
    assert!(!encoded.contains("RXhpZg"), "with what its camera wrote into it");
    world.settled().await;
}
