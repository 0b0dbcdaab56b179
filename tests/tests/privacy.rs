//! Nothing personal leaves the ways it is meant for: somebody unmistakable writes through three doors, staff write about them, they ask for their data and for
//! its end; meanwhile every program logs all it has, and somebody listens to every subject of the bus.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use servers::Nats;
use tests::{Browser, OFFICE, Page, Wishes, World, eventually};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

const NUMBER: &str = "6281298765432";
const TYPED: &str = "081311223344";
const MAIL: &str = "kartika.zamrud@warga.example.id";

/// What would tell somebody: names, addresses as they are and as they are written, and what was said.
const PLANTED: [&str; 9] = [
    "zamrud",
    "Rahayuningtyas",
    "81298765432",
    "81311223344",
    "kartika.z",
    "kata sandi burung",
    "nila kelabu",
    "tetangga bernama",
    "kenari",
];

/// Every subject that a message on the bus has had, answers too.
async fn listen(nats: &Nats) -> Arc<Mutex<BTreeSet<String>>> {
    let heard = Arc::new(Mutex::new(BTreeSet::new()));
    let mut line = BufReader::new(TcpStream::connect(("127.0.0.1", nats.port())).await.expect("the bus"));
    line.write_all(b"CONNECT {\"verbose\":false,\"headers\":true}\r\nSUB > 1\r\nPING\r\n").await.expect("is sent");
    let subjects = Arc::clone(&heard);
    tokio::spawn(async move {
        let mut text = String::new();
        while line.read_line(&mut text).await.is_ok_and(|bytes| bytes > 0) {
            let words: Vec<&str> = text.split_whitespace().collect();
            match words.first().copied() {
                Some("PING") => _ = line.write_all(b"PONG\r\n").await,
                // MSG subject sid [answer] bytes; HMSG the same with the bytes of the head before.
                Some("MSG" | "HMSG") => {
                    let bytes: usize = words.last().and_then(|bytes| bytes.parse().ok()).expect("a length");
                    let answer = words.get(3).filter(|word| word.contains('.'));
                    let names = [words[1].to_owned()].into_iter().chain(answer.map(|word| (*word).to_owned()));
                    subjects.lock().expect("nobody panicked").extend(names);
                    let mut body = vec![0; bytes + 2];
                    line.read_exact(&mut body).await.expect("its bytes");
                }
                _ => (),
            }
            text.clear();
        }
    });
    heard
}

/// What of the planted a text holds.
fn told(text: &str) -> Vec<&'static str> {
    let text = text.to_lowercase();
    PLANTED.into_iter().filter(|word| text.contains(&word.to_lowercase())).collect()
}

/// Title, descriptions and previews of a page, and where it was in the end.
fn outside(page: &Page) -> String {
    let head = page.text.split("<body").next().unwrap_or_default();
    format!("{}\n{head}", page.path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_personal_is_in_logs_figures_addresses_previews_or_subjects_of_the_bus() {
    let environment = vec![("MUARA_LOG__LEVEL".to_owned(), "debug".to_owned())];
    let mut world = World::start_with(Wishes { with_forms: true, environment, ..Wishes::default() }).await;
    let subjects = listen(&world.nats).await;
    let mail = world.open_mailbox().await;
    let mut seen = Vec::new();

    // Through three doors.
    let photo = simulator::scene::photo(simulator::scene::Scene::Pothole, &mut simulator::Random::new(7));
    world.platform.photo(NUMBER, Some("Jalan rusak di Kelurahan Gambir, tetangga bernama zamrud, kata sandi burung"), photo);
    let acknowledged = world.hears(NUMBER, &["Nomor: ", "/t/"]).await;
    let mut form = Browser::new(&world.form());
    form.get("/").await;
    let fields = [
        ("kiriman", "0f8b2c1e-5d7a-4c3e-9b1a-2f6d8e4c7a91"),
        ("isi", "Lampu mati di Kelurahan Gambir, nila kelabu"),
        ("nama", "Kartika Rahayuningtyas"),
        ("kontak", TYPED),
    ];
    seen.push(outside(&form.post_files("/", &fields, &[]).await));
    let letter = format!(
        "From: Kartika Rahayuningtyas <{MAIL}>\nTo: {OFFICE}\nMessage-ID: <zamrud@warga.example.id>\nMIME-Version: 1.0\n\
         Content-Type: text/plain; charset=utf-8\nSubject: Saluran air di Kelurahan Gambir kenari\n\nSaluran mampet, tetangga bernama zamrud.\n"
    );
    mail.send(MAIL, OFFICE, &letter).expect("Exim takes it");
    world.complaints_become(3).await;
    world.settled().await;

    // Staff write about them, look for them, and settle it.
    let id = world.ask("select id from complaint where adapter = 'whatsapp'");
    let page = format!("/aduan/{id}");
    let mut officer = world.signed_in("jalan1").await;
    for (what, words) in [("ambil", ""), ("catat", "tetangga bernama zamrud menelepon"), ("jawab", "Kami hubungi Ibu zamrud")] {
        seen.push(outside(&officer.act(&page, what, &[("text", words)]).await));
    }
    let mut triage = world.signed_in("triase1").await;
    triage.get("/antrean").await;
    // What is typed to find a person is answered where it was typed, and never stands in an address.
    let found = triage.post("/antrean/cari", &[("cari", &format!("+{NUMBER}"))]).await;
    assert!(told(&found.path).is_empty(), "{}", found.path);
    officer.get(&page).await;
    officer.post_files(&format!("{page}/selesai"), &[("text", "Sudah ditambal, kata sandi burung")], &[]).await;
    world.hears(NUMBER, &["dinyatakan selesai"]).await;
    world.settled().await;

    // The citizen's own page, what they ask there, and the copy.
    let link = acknowledged.text.split_whitespace().find(|word| word.contains("/t/")).expect("a link");
    let path = link.trim_start_matches(&world.url()).to_owned();
    let mut citizen = Browser::new(&world.url());
    seen.push(outside(&citizen.get(&path).await));
    for what in ["copy", "erase"] {
        citizen.get(&path).await;
        seen.push(outside(&citizen.post(&format!("{path}/data"), &[("what", what)]).await));
    }
    let mut admin = world.signed_in("admin1").await;
    seen.push(admin.get("/permintaan-data").await.text);
    for page in ["/antrean", &page, "/admin/catatan", "/admin/terparkir", "/meja", "/usulan"] {
        seen.push(outside(&admin.get(page).await));
        seen.push(outside(&officer.get(page).await));
    }
    let out = world.folder().join("salinan");
    let said = world.muara(&[
        "citizen",
        "export",
        "--address",
        &format!("tel:+{NUMBER}"),
        "--proof",
        "kartu dilihat",
        "--by",
        "admin1",
        "--out",
        &out.display().to_string(),
    ]);
    seen.push(said);
    let data = std::fs::read_to_string(out.join("data.json")).expect("the copy");
    for word in ["kata sandi burung", NUMBER, "Kami hubungi Ibu zamrud"] {
        assert!(data.contains(word), "{word} is theirs to have: {data}");
    }
    assert!(!data.contains("menelepon"), "what staff wrote for each other is not");

    // The clock of silence has not run out: it is kept, and why is said. Afterwards it goes.
    let erase = ["citizen", "erase", "--address", &format!("tel:+{NUMBER}"), "--proof", "kartu dilihat", "--by", "admin1", "--write"];
    let kept = world.muara(&erase);
    assert!(kept.contains("kept: its citizen may still say"), "{kept}");
    world.ask("update dispatch set closed_at = now()");
    let gone = world.muara(&erase);
    assert!(gone.contains("erased: category") && gone.contains("Name and addresses are gone too"), "{gone}");
    seen.extend([kept, gone]);
    assert_eq!(std::fs::read_dir(out.join("berkas")).expect("the copy's files").count(), 1);
    let kept = world.ask("select coalesce(sum((original_key is not null)::int), 0) from attachment");
    assert_eq!(kept, "0", "no row names a file of theirs");
    eventually("files are gone from storage too", || async { world.count("select count(*) from removed_file") == 0 }).await;
    seen.push(outside(&citizen.get(&path).await));
    assert_eq!(world.count(&format!("select count(*) from message where complaint = '{id}' and text <> ''")), 0);

    nothing_told(&world, &seen).await;
    let subjects = subjects.lock().expect("nobody panicked").clone();
    assert!(subjects.contains("raw.whatsapp") && subjects.len() > 20, "somebody listened: {subjects:?}");
    for subject in &subjects {
        assert_eq!(told(subject), Vec::<&str>::new(), "{subject}");
    }
}

/// Neither in what was seen, nor in what any program logs, nor in the figures of the doors.
async fn nothing_told(world: &World, seen: &[String]) {
    for (place, text) in seen.iter().enumerate() {
        assert_eq!(told(text), Vec::<&str>::new(), "what was seen as number {place}: {text}");
    }
    let names: Vec<&str> = world.process_names().into_iter().collect();
    for program in names {
        let log = world.log(program);
        assert!(!log.is_empty(), "{program} logs");
        let lines: Vec<&str> = log.lines().filter(|line| !told(line).is_empty()).collect();
        assert!(lines.is_empty(), "{program} logs {lines:#?}");
    }
    for door in [world.door(), world.form(), world.adapter_url("email")] {
        let figures = tests::client().get(format!("{door}/metrics")).send().await.expect("an answer").text().await.expect("a text");
        assert!(figures.contains("muara_"), "{figures}");
        assert_eq!(told(&figures), Vec::<&str>::new());
    }
}
