//! How many complaints a second are recorded, by the size of the batch, next to the same rows with the same commits in bare tables.
//!
//! `cargo run --release -p intake --example record_rate [-- <address of an empty database>]`; without an address it starts a PostgreSQL of its
//! own, which syncs every commit, and removes it at the end. Each complaint is a new citizen, a message, a complaint with two steps of
//! history, a dispatch where a rule fits, and a reply: six or seven rows and what they refer to. Client and server share the machine.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use intake::{Recorded, Rooms, record_batch};
use model::{
    Address, Area, Attachment, AttachmentKind, Category, Channel, ComplaintId, Content, Inbound, MessageKey, Reference, Timestamp, TraceId,
};
use store::{
    PgPool, StoreError, bare,
    directory::{self, Seed, SeedAgency},
};

/// Batches, the workers that record side by side, and how many complaints in all.
const RUNS: [(usize, usize, usize); 6] =
    [(1, 1, 1_000), (10, 1, 5_000), (100, 1, 20_000), (200, 1, 20_000), (100, 2, 20_000), (200, 2, 20_000)];
const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::Builder::new().prefix("muara-rate-").tempdir()?;
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let given = std::env::args().nth(1);
    let server = if given.is_none() { Some(servers::Postgres::start(folder.path())?) } else { None };
    if let Some(server) = &server {
        server.create_database("rate")?;
    }
    let url = given.or_else(|| server.as_ref().map(|server| server.url("rate"))).ok_or("no server")?;
    let db = store::connect(&url, 4).await?;
    store::migrate(&db).await?;
    directory::seed(&db, &seed(), NOW).await?;
    bare::prepare(&db).await?;
    let rooms = Rooms::load(&db).await?;

    println!("batch  workers   recorded/s    p50 ms    p99 ms   bare tables/s   part");
    run(&db, &rooms, 100, 1, 2_000, 0).await?; // warm
    for (round, (batch, workers, complaints)) in (1..).zip(RUNS) {
        let (recorded, bare) = run(&db, &rooms, batch, workers, complaints, round).await?;
        println!(
            "{batch:>5}  {workers:>7}  {:>11.0}  {:>8.2}  {:>8.2}  {:>14.0}  {:>4.0} %",
            recorded.per_second,
            recorded.p50.as_secs_f64() * 1e3,
            recorded.p99.as_secs_f64() * 1e3,
            bare.per_second,
            100.0 * recorded.per_second / bare.per_second
        );
    }
    let talk = talk(&db, &rooms).await?;
    let (p50, p99) = (talk.p50.as_secs_f64() * 1e3, talk.p99.as_secs_f64() * 1e3);
    println!("Talk, batches of 100: {:.0} messages/s, p50 {p50:.2} ms, p99 {p99:.2} ms.", talk.per_second);
    Ok(())
}

/// What one run came to.
struct Rate {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

impl Rate {
    fn of(complaints: usize, took: Duration, mut each: Vec<Duration>) -> Self {
        each.sort_unstable();
        let at = |part: usize| each[(each.len() * part / 100).min(each.len() - 1)];
        let complaints = u32::try_from(complaints).unwrap_or(u32::MAX);
        Self { per_second: f64::from(complaints) / took.as_secs_f64(), p50: at(50), p99: at(99) }
    }
}

async fn run(
    db: &PgPool,
    rooms: &Rooms,
    batch: usize,
    workers: usize,
    complaints: usize,
    round: usize,
) -> Result<(Rate, Rate), StoreError> {
    let batches = complaints / batch / workers;
    let work =
        |worker: usize| (0..batches).map(move |n| (0..batch).map(|m| message(&format!("{round}-{worker}-{n}-{m}"))).collect::<Vec<_>>());
    let prepared: Vec<Vec<Vec<(Inbound, TraceId)>>> = (0..workers).map(|worker| work(worker).collect()).collect();

    let start = Instant::now();
    let done = try_join_all(prepared.into_iter().map(|batches| tokio::spawn(record_all(db.clone(), rooms.clone(), batches)))).await;
    let took = start.elapsed();
    let done: Vec<(Vec<ComplaintId>, Duration)> =
        done.expect("no worker panics").into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
    let recorded = Rate::of(complaints, took, done.iter().map(|(_, each)| *each).collect());

    let mut rows = Vec::new();
    for (ids, _) in &done {
        rows.push(bare::rows(db, ids).await?);
    }
    let mut shares: Vec<Vec<bare::Rows>> = (0..workers).map(|_| Vec::new()).collect();
    for (n, rows) in rows.into_iter().enumerate() {
        shares[n % workers].push(rows);
    }
    let start = Instant::now();
    let done = try_join_all(shares.into_iter().map(|rows| tokio::spawn(insert_all(db.clone(), rows)))).await;
    let took = start.elapsed();
    let each: Vec<Duration> = done.expect("no worker panics").into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    Ok((recorded, Rate::of(complaints, took, each)))
}

/// What most citizens do: words, then a photo, then the place, each in a batch of its own. Two of three messages find their complaint,
/// lock it, complete it and are read by triage again.
async fn talk(db: &PgPool, rooms: &Rooms) -> Result<Rate, StoreError> {
    const BATCHES: usize = 150;
    const BATCH: usize = 100;
    let said = |n: usize, m: usize| {
        let (citizen, part) = (format!("talk-{}-{m}", n / 3), n % 3);
        let (mut inbound, trace) = message(&citizen);
        inbound.key.id = format!("{citizen}-{part}");
        inbound.reference = Reference::of(&inbound.key, 0);
        if part == 1 {
            let content = Content::Missing { why: "a photo".into() };
            inbound.attachments.push(Attachment { kind: AttachmentKind::Image, mime: None, filename: None, content });
        }
        if part > 0 {
            inbound.text = if part == 1 { String::new() } else { "Di seberang pasar, dekat halte.".into() };
        }
        (inbound, trace)
    };
    let batches = (0..BATCHES).map(|n| (0..BATCH).map(|m| said(n, m)).collect()).collect();
    let start = Instant::now();
    let done = record_all(db.clone(), rooms.clone(), batches).await?;
    Ok(Rate::of(BATCHES * BATCH, start.elapsed(), done.into_iter().map(|(_, each)| each).collect()))
}

async fn record_all(
    db: PgPool,
    rooms: Rooms,
    batches: Vec<Vec<(Inbound, TraceId)>>,
) -> Result<Vec<(Vec<ComplaintId>, Duration)>, StoreError> {
    let mut done = Vec::new();
    for batch in batches {
        let start = Instant::now();
        let recorded = record_batch(&db, &rooms, &batch, NOW).await?;
        let took = start.elapsed();
        done.push((recorded.into_iter().filter_map(Recorded::complaint).collect(), took));
    }
    Ok(done)
}

async fn insert_all(db: PgPool, batches: Vec<bare::Rows>) -> Result<Vec<Duration>, StoreError> {
    let mut each = Vec::new();
    for rows in batches {
        let start = Instant::now();
        bare::insert(&db, &rows).await?;
        each.push(start.elapsed());
    }
    Ok(each)
}

/// About as large as a city of ten million writes down: 300 areas, 24 categories of ten keywords, a rule for half of them.
fn seed() -> Seed {
    let areas = (0..300).map(|n| (Area { code: format!("3171{:03}{:03}", n / 10, n % 10), name: format!("Kelurahan Nomor{n}") }, None));
    let words = ["lubang", "genangan", "lampu", "sampah", "parkir", "pohon", "trotoar", "banjir", "bau", "bising"];
    let categories = (0..24).map(|n| Category {
        code: format!("category_{n}"),
        name_id: format!("Kategori {n}"),
        name_en: format!("Category {n}"),
        keywords: words.iter().map(|word| format!("{word} jenis{n}")).collect(),
    });
    let agency = |n: usize| SeedAgency { code: format!("a{n}"), name: format!("Dinas {n}"), send_kind: "queue".into(), send_target: None };
    Seed {
        areas: areas.collect(),
        agencies: (0..12).map(agency).collect(),
        categories: categories.collect(),
        rules: (0..24).step_by(2).map(|n| (Some(format!("category_{n}")), None, format!("a{}", n / 2))).collect(),
        channels: vec![Channel {
            adapter: "chat".parse().expect("a name"),
            account: "1".into(),
            label: "Chat".into(),
            area: None,
            from: jiff::civil::date(2020, 1, 1),
            until: None,
            hours: None,
        }],
        ..Seed::default()
    }
}

/// A message of a citizen nobody knows, about 450 bytes of text; every second one finds its agency by itself.
fn message(id: &str) -> (Inbound, TraceId) {
    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: id.into() };
    let address: Address = format!("chat:{id}").parse().expect("an address");
    let kind = Reference::of(&key, 0).to_string().bytes().fold(0, |sum, byte| (sum + usize::from(byte)) % 24);
    let text = format!(
        "Selamat pagi, saya mau melapor. Di depan rumah kami di Kelurahan Nomor{} ada lubang jenis{kind} yang sudah dua minggu \
         tidak diperbaiki, padahal setiap hari dilewati anak sekolah dan sepeda motor. Kemarin sore sudah ada yang jatuh. Kami \
         warga sekitar sudah memberi tanda dengan ranting dan karung, tetapi kalau malam tidak kelihatan. Mohon segera ditangani, \
         terima kasih banyak sebelumnya. Patokannya di seberang warung Bu Tini, sebelum tikungan.",
        kind * 11
    );
    let inbound = Inbound { sender_name: Some("Warga".into()), ..Inbound::private(key, address, text, NOW) };
    (inbound, TraceId::random())
}
