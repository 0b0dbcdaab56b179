//! What each adapter costs and takes on this machine: lines of its own code, size of its program, cold start, memory at rest, and the
//! messages a second of its door and of what is behind it, up to events on the bus.
//!
//! `cargo xtask bench` runs it in release, after the limits of disk and bus alone; a part's name as an argument runs that one.
//!
//! - *door*: callers send one after the other while NATS is away, so that nothing else happens: each yes is a synced spool.
//! - *to events*: NATS comes back, and what waits is forwarded, parsed and published, until every event is on the bus. For a platform that we
//!   ask (a mailbox, X) everything lies there before its adapter starts: asking, spool, parsing and publishing together.

use std::{
    fs,
    future::Future,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bus::{Bus, BusConfig};
use reqwest::{Client, RequestBuilder, header, multipart::Form};
use serde_json::json;
use servers::mail::Mail;
use simulator::x::XPlatform;
use tests::{APP_SECRET, GATEWAY_WORD, OFFICE, Wishes, World, built};

/// How long callers come to a door.
const TIME: Duration = Duration::from_secs(8);
/// How many callers there are.
const CALLERS: u64 = 16;
/// What lies on a platform that we ask: X gives the last 800 mentions and no more.
const WAITING: u64 = 800;
/// After this time nothing happens any more that belongs to a start.
const REST: Duration = Duration::from_secs(4);
const X_ACCOUNT: &str = "1000000000000000001";
const BOT_WORD: &str = "word-of-the-webhook";

/// The name of an adapter's process in the world, and of its program.
const ADAPTERS: [(&str, &str); 8] = [
    ("whatsapp", "adapter-whatsapp"),
    ("email", "adapter-email"),
    ("sms", "adapter-sms"),
    ("x", "adapter-x"),
    ("telegram", "adapter-telegram"),
    ("desk", "adapter-desk"),
    ("form", "adapter-web"),
    ("rtrw", "adapter-rtrw"),
];

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let only = std::env::args().nth(1);
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    println!(
        "{:<10}{:>8}{:>12}{:>14}{:>12}{:>12}{:>14}",
        "", "lines", "binary MiB", "cold start ms", "rest MiB", "door /s", "to events /s"
    );
    for (name, program) in ADAPTERS.into_iter().filter(|(name, _)| wanted(name)) {
        measure(name, program).await?;
    }
    Ok(())
}

/// One adapter in a world of its own: they must not disturb each other.
async fn measure(name: &'static str, program: &'static str) -> anyhow::Result<()> {
    let lines = lines_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates").join(program).join("src"))?;
    let size = fs::metadata(built("muara").with_file_name(program))?.len();
    let mut bench = Bench::start(name, program).await;
    let cold = bench.cold_start().await;
    tokio::time::sleep(REST).await;
    let rest = bench.world.process(name).resident_kib();
    let (door, events) = match name {
        "rtrw" => (None, None), // a clerk's upload now and then
        "email" | "x" => (None, Some(bench.platform_to_events().await)),
        _ => {
            let (door, events) = bench.through_the_door().await;
            (Some(door), Some(events))
        }
    };
    let shown = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.0}"));
    let mib = |bytes: u64| float(bytes) / 1024.0 / 1024.0;
    println!(
        "{name:<10}{lines:>8}{:>12.1}{:>14.0}{:>12.1}{:>12}{:>14}",
        mib(size),
        cold.as_secs_f64() * 1000.0,
        mib(rest * 1024),
        shown(door),
        shown(events)
    );
    Ok(())
}

/// A world in which the core does nothing, and one adapter.
struct Bench {
    world: World,
    name: &'static str,
    health: String,
    client: Client,
    clerk: String,
    mail: Option<Mail>,
    x: Option<XPlatform>,
}

impl Bench {
    async fn start(name: &'static str, program: &'static str) -> Self {
        let wishes = Wishes {
            with_forms: true,
            form: "burst = 1000000\nper_minute = 60000000\n",
            durable: true,
            spool_bytes: Some(2 << 30),
            ..Wishes::default()
        };
        let mut world = World::start_with(wishes).await;
        world.expect_leftovers();
        let (mut mail, mut x) = (None, None);
        match name {
            "email" => mail = Some(world.open_mailbox().await),
            "sms" => {
                let table = format!(
                    "[[adapter.numbers]]\nnumber = \"1708\"\ngateway = \"lokal\"\n\
                     [adapter.http.lokal]\nsecret = \"{GATEWAY_WORD}\"\nfrom = \"from\"\ntext = \"text\"\nid = \"id\"\n"
                );
                world.start_adapter(name, program, servers::free_port().expect("a free port"), &table).await;
            }
            "x" => {
                let platform = XPlatform::start().await.expect("a port");
                let state = world.folder().join("state-x");
                let table = format!(
                    "api_url = \"{}\"\nstate_folder = \"{}\"\nevery = \"1s\"\nbudget.monthly = 0.0\n\
                     [[adapter.accounts]]\nuser_id = \"{X_ACCOUNT}\"\nusername = \"lapor_contoh\"\nconsumer_key = \"simulator-key\"\n\
                     consumer_secret = \"simulator&secret\"\naccess_token = \"{X_ACCOUNT}-simulator\"\naccess_token_secret = \"simulator=token secret\"\n",
                    platform.url,
                    state.display()
                );
                world.start_adapter(name, program, servers::free_port().expect("a free port"), &table).await;
                x = Some(platform);
            }
            "telegram" => {
                let table = format!(
                    "way = \"webhook\"\n[[adapter.bots]]\nid = \"7000000001\"\ntoken = \"7000000001:simulator-token\"\nsecret_token = \"{BOT_WORD}\"\n"
                );
                world.start_adapter(name, program, servers::free_port().expect("a free port"), &table).await;
            }
            "rtrw" => {
                let table = String::new();
                world.start_adapter(name, program, servers::free_port().expect("a free port"), &table).await;
            }
            _ => {}
        }
        let client = tests::client();
        let clerk = if name == "desk" { signed_in(&world, &client).await } else { String::new() };
        let health = health_of(&world, name);
        // Events stay on the bus, where they are counted.
        world.process("intake").stop();
        Self { world, name, health, client, clerk, mail, x }
    }

    async fn healthy(&self) -> bool {
        self.client.get(&self.health).send().await.is_ok_and(|answer| answer.status().as_u16() == 200)
    }

    /// From its start until its door answers; the best of three, with its program in memory.
    async fn cold_start(&mut self) -> Duration {
        let mut best = Duration::MAX;
        for _ in 0..3 {
            self.world.process(self.name).stop();
            let began = Instant::now();
            self.world.process(self.name).resume();
            while !self.healthy().await {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            best = best.min(began.elapsed());
        }
        best
    }

    /// Messages a second at its door, and from there to events.
    async fn through_the_door(&mut self) -> (f64, f64) {
        self.world.nats.kill9();
        let taken = Arc::new(AtomicU64::new(0));
        let began = Instant::now();
        let callers = (0..CALLERS).map(|caller| {
            let (bench, taken) = (&*self, taken.clone());
            async move {
                for n in 0.. {
                    if began.elapsed() > TIME {
                        return;
                    }
                    let answer = bench.said(caller << 32 | n).send().await;
                    if answer.is_ok_and(|answer| answer.status().as_u16() < 400) {
                        taken.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
        futures::future::join_all(callers).await;
        let taken = taken.load(Ordering::Relaxed);
        let door = per_second(taken, began.elapsed());
        self.world.nats.restart().expect("NATS comes back");
        let took = timed(self.events_become(taken)).await;
        (door, per_second(taken, took))
    }

    /// Messages a second from a platform that we ask.
    async fn platform_to_events(&mut self) -> f64 {
        self.world.process(self.name).stop();
        for n in 0..WAITING {
            if let Some(mail) = &self.mail {
                let letter = format!(
                    "From: Warga <warga{n}@warga.example.id>\r\nTo: {OFFICE}\r\nMessage-ID: <ukur{n}@warga.example.id>\r\n\
                     Subject: Jalan berlubang {n}\r\n\r\nJalan berlubang di Kelurahan Gambir, sudah sebulan.\r\n"
                );
                mail.deliver(OFFICE, letter.as_bytes()).expect("a mailbox takes mail");
            }
            if let Some(x) = &self.x {
                x.post(&format!("warga{n}"), "@lapor_contoh jalan berlubang di Kelurahan Gambir, sudah sebulan");
            }
        }
        self.world.process(self.name).resume();
        let took = timed(self.events_become(WAITING)).await;
        per_second(WAITING, took)
    }

    async fn events_become(&self, count: u64) {
        let url = self.world.nats.url();
        let config = BusConfig { url, user: None, password: None, key: None, name: "bench".into(), replicas: 1 };
        let bus = Bus::connect(&config).await.expect("a bus");
        loop {
            let fill = bus.fill().await.unwrap_or_default();
            if fill.iter().any(|fill| fill.stream == "EVENTS" && fill.messages >= count) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The `n`th thing that is said at its door.
    fn said(&self, n: u64) -> RequestBuilder {
        match self.name {
            "whatsapp" => {
                let body = tests::text_webhook(&format!("62817{n:08}"), &format!("wamid.ukur{n}"), "Jalan berlubang di Kelurahan Gambir");
                let signature = simulator::webhook::signature(&body, APP_SECRET);
                self.client.post(self.world.webhook()).header("x-hub-signature-256", signature).body(body)
            }
            "sms" => {
                let url = format!("{}/webhook/{GATEWAY_WORD}?gateway=lokal", self.world.adapter_url("sms"));
                let fields =
                    [("from", format!("+62819{n:010}")), ("text", "Pohon tumbang di Kelurahan Gambir".to_owned()), ("id", n.to_string())];
                self.client.post(url).form(&fields)
            }
            "telegram" => {
                let citizen = json!({ "id": 4_000_000_000_000 + n, "first_name": "Warga", "type": "private" });
                let message = json!({ "message_id": 1, "from": citizen, "chat": citizen, "date": 1_795_300_000, "text": "Taman rusak di Kelurahan Gambir" });
                let update = json!({ "update_id": n, "message": message });
                let url = format!("{}/webhook", self.world.adapter_url("telegram"));
                self.client.post(url).header("x-telegram-bot-api-secret-token", BOT_WORD).json(&update)
            }
            "desk" => {
                let form = Form::new().text("kiriman", format!("0f8b2c1e-5d7a-4c3e-8b1a-{n:012x}")).text("isi", "Sampah menumpuk di RW 06");
                self.client.post(self.world.desk()).header(header::COOKIE, &self.clerk).multipart(form)
            }
            _ => {
                let form = Form::new()
                    .text("kiriman", format!("0f8b2c1e-5d7a-4c3e-9b1a-{n:012x}"))
                    .text("isi", "Lampu jalan mati di Kelurahan Gambir");
                self.client.post(self.world.form()).multipart(form)
            }
        }
    }
}

fn health_of(world: &World, name: &str) -> String {
    let door = match name {
        "whatsapp" => world.door(),
        "desk" => world.desk(),
        "form" => world.form(),
        other => world.adapter_url(other),
    };
    format!("{door}/health")
}

/// The cookie of a clerk at the desk.
async fn signed_in(world: &World, client: &Client) -> String {
    let office = ["--role", "clerk", "--office", "kel-gambir", "--password-file", "password"];
    world.muara(&[&["staff", "add", "loket1", "--name", "Sari"][..], &office].concat());
    let desk = world.desk();
    let token = world.signed_in("loket1").await.get("/loket").await.input("token").expect("the clerk's token");
    let arrive = || client.post(format!("{desk}/masuk")).header(header::ORIGIN, &desk).form(&[("token", token.as_str())]);
    loop {
        let answer = arrive().send().await.expect("the desk answers");
        let cookie = answer.headers().get(header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok()?.split(';').next().map(str::to_owned));
        match cookie {
            Some(cookie) if answer.status().as_u16() < 400 => return cookie,
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

async fn timed(work: impl Future<Output = ()>) -> Duration {
    let began = Instant::now();
    work.await;
    began.elapsed()
}

/// Lines that say something: without blank ones, comments and tests.
fn lines_of(folder: &Path) -> anyhow::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            count += lines_of(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") && path.file_stem().is_none_or(|name| name != "tests") {
            let text = fs::read_to_string(&path)?;
            let code = text.split_once("#[cfg(test)]\nmod tests {").map_or(text.as_str(), |(code, _)| code);
            count += code.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        }
    }
    Ok(count)
}

fn float(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn per_second(count: u64, time: Duration) -> f64 {
    float(count) / time.as_secs_f64()
}
