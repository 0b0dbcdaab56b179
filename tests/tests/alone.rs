//! Each adapter is started, stopped, upgraded and killed alone, while the others run and traffic flows through all: nothing is lost,
//! nothing is doubled, and the others do not notice.
//!
//! Another adapter is one line in [`adapters`] and a way to say something to it. What somebody says to a platform that we ask (a mailbox, X, a bot)
//! is taken there whether our adapter runs or not: so after each blow it is counted what was recorded.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use reqwest::{Client, RequestBuilder, header, multipart::Form};
use servers::mail::Mail;
use simulator::{telegram::TelegramPlatform, x::XPlatform};
use tests::{APP_SECRET, GATEWAY_WORD, OFFICE, Wishes, World, eventually};

/// One adapter: its program in the world, and how somebody says the `n`th thing to it, once. `true`: they heard yes.
struct Adapter {
    process: &'static str,
    /// Its name in keys.
    name: &'static str,
    /// Between two things that are said.
    pause: Duration,
    says: fn(Arc<City>, u64) -> BoxFuture<'static, bool>,
}

const SOON: Duration = Duration::from_millis(100);
/// Each is answered by a conversation of its own with a mail server, or by a post.
const SELDOM: Duration = Duration::from_millis(400);

fn adapters() -> Vec<Adapter> {
    vec![
        Adapter {
            process: "whatsapp",
            name: "whatsapp",
            pause: SOON,
            says: |city, n| Box::pin(async move { city.yes(city.whatsapp(n)).await }),
        },
        Adapter { process: "form", name: "web", pause: SOON, says: |city, n| Box::pin(async move { city.yes(city.form(n)).await }) },
        Adapter { process: "desk", name: "desk", pause: SOON, says: |city, n| Box::pin(async move { city.yes(city.desk(n)).await }) },
        Adapter { process: "sms", name: "sms", pause: SOON, says: |city, n| Box::pin(async move { city.yes(city.sms(n)).await }) },
        Adapter { process: "email", name: "email", pause: SELDOM, says: |city, n| Box::pin(async move { city.email(n) }) },
        Adapter { process: "x", name: "x", pause: SELDOM, says: |city, n| Box::pin(async move { city.post(n) }) },
        Adapter { process: "telegram", name: "telegram", pause: SOON, says: |city, n| Box::pin(async move { city.chat(n) }) },
    ]
}

/// Where everything is.
struct City {
    client: Client,
    webhook: String,
    form: String,
    desk: String,
    sms: String,
    clerk: String,
    mail: Mail,
    x: XPlatform,
    telegram: TelegramPlatform,
}

impl City {
    async fn of(world: &World, mail: Mail, x: XPlatform, telegram: TelegramPlatform) -> Self {
        let client = tests::client();
        world.muara(&[
            "staff",
            "add",
            "loket1",
            "--name",
            "Sari",
            "--role",
            "clerk",
            "--office",
            "kel-gambir",
            "--password-file",
            "password",
        ]);
        let desk = world.desk();
        eventually("the desk knows the city", || async {
            client.get(&desk).send().await.is_ok_and(|answer| answer.status().as_u16() < 500)
        })
        .await;
        let token = world.signed_in("loket1").await.get("/loket").await.input("token").expect("the clerk's token");
        let arrive = || client.post(format!("{desk}/masuk")).header(header::ORIGIN, &desk).form(&[("token", token.as_str())]);
        let clerk = tokio::time::timeout(tests::PATIENCE, async {
            loop {
                let answer = arrive().send().await.expect("the desk answers");
                let cookie = answer.headers().get(header::SET_COOKIE).and_then(|cookie| cookie.to_str().ok()?.split(';').next());
                match cookie {
                    Some(cookie) if answer.status().as_u16() < 400 => break cookie.to_owned(),
                    _ => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        });
        let clerk = clerk.await.expect("the desk lets the clerk in");
        Self { client, webhook: world.webhook(), form: world.form(), desk, sms: world.adapter_url("sms"), clerk, mail, x, telegram }
    }

    fn whatsapp(&self, n: u64) -> RequestBuilder {
        let body = tests::text_webhook(&format!("62817{n:08}"), &format!("wamid.sendiri{n}"), "Jalan berlubang di Kelurahan Gambir");
        self.client.post(&self.webhook).header("x-hub-signature-256", simulator::webhook::signature(&body, APP_SECRET)).body(body)
    }

    fn form(&self, n: u64) -> RequestBuilder {
        let form =
            Form::new().text("kiriman", format!("0f8b2c1e-5d7a-4c3e-9b1a-{n:012x}")).text("isi", "Lampu jalan mati di Kelurahan Gambir");
        self.client.post(&self.form).multipart(form)
    }

    fn desk(&self, n: u64) -> RequestBuilder {
        let form = Form::new().text("kiriman", format!("0f8b2c1e-5d7a-4c3e-8b1a-{n:012x}")).text("isi", "Sampah menumpuk di RW 06");
        self.client.post(&self.desk).header(header::COOKIE, &self.clerk).multipart(form)
    }

    fn sms(&self, n: u64) -> RequestBuilder {
        let form = [("from", format!("+62819{n:08}")), ("text", "Pohon tumbang di Kelurahan Gambir".to_owned()), ("id", n.to_string())];
        self.client.post(format!("{}/webhook/{GATEWAY_WORD}?gateway=lokal", self.sms)).form(&form)
    }

    /// A mail is in the mailbox, whoever reads it when.
    fn email(&self, n: u64) -> bool {
        let letter = format!(
            "From: Warga <warga{n}@warga.example.id>\r\nTo: {OFFICE}\r\nMessage-ID: <sendiri{n}@warga.example.id>\r\n\
             Subject: Saluran tersumbat {n} di Kelurahan Gambir\r\n\r\nSaluran air tersumbat.\r\n"
        );
        self.mail.deliver(OFFICE, letter.as_bytes()).expect("a mailbox takes mail");
        true
    }

    /// A post is there, whoever reads it when.
    fn post(&self, n: u64) -> bool {
        self.x.post(&format!("warga{n}"), "@lapor_contoh trotoar rusak di Kelurahan Gambir");
        true
    }

    /// A message to the bot waits at its platform, whoever asks for it when.
    fn chat(&self, n: u64) -> bool {
        let citizen = 4_000_000_000_000 + i64::try_from(n).expect("few");
        self.telegram.text(citizen, "Taman rusak di Kelurahan Gambir");
        true
    }

    /// Whether it was taken; a door that is closed or away is no yes, and anything else is a fault.
    async fn yes(&self, request: RequestBuilder) -> bool {
        match request.send().await {
            Ok(answer) if answer.status().as_u16() < 400 => true,
            Ok(answer) => {
                assert_eq!(answer.status().as_u16(), 503, "neither yes nor later");
                false
            }
            Err(_away) => false,
        }
    }
}

/// Says one thing after the other, each until it is taken, as platforms and people do.
#[derive(Default)]
struct Traffic {
    taken: AtomicU64,
    refused: AtomicU64,
    stop: AtomicBool,
}

impl Traffic {
    async fn flow(self: Arc<Self>, city: Arc<City>, adapter: Adapter) {
        for n in 0.. {
            while !(adapter.says)(city.clone(), n).await {
                self.refused.fetch_add(1, SeqCst);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            self.taken.fetch_add(1, SeqCst);
            if self.stop.load(SeqCst) {
                return;
            }
            tokio::time::sleep(adapter.pause).await;
        }
    }
}

/// What is done to an adapter.
#[derive(Debug, Clone, Copy)]
enum Blow {
    Stop,
    Upgrade,
    Kill,
}

#[tokio::test(flavor = "multi_thread")]
async fn each_adapter_is_stopped_upgraded_and_killed_alone_and_the_others_do_not_notice() {
    let mut world = World::start_with(Wishes { with_forms: true, form: "burst = 10000\nper_minute = 60000\n", ..Wishes::default() }).await;
    start_sms(&mut world).await;
    let mail = world.open_mailbox().await;
    let x = start_x(&mut world).await;
    let telegram = start_telegram(&mut world).await;
    let city = Arc::new(City::of(&world, mail, x, telegram).await);
    let traffic: BTreeMap<&str, Arc<Traffic>> = adapters().iter().map(|adapter| (adapter.process, Arc::default())).collect();
    let flows: Vec<_> =
        adapters().into_iter().map(|adapter| tokio::spawn(traffic[adapter.process].clone().flow(city.clone(), adapter))).collect();
    for adapter in adapters() {
        for blow in [Blow::Stop, Blow::Upgrade, Blow::Kill] {
            strike(&mut world, &traffic, &adapter, blow).await;
        }
    }
    for traffic in traffic.values() {
        traffic.stop.store(true, SeqCst);
    }
    for flow in flows {
        flow.await.expect("nobody heard anything but yes or later");
    }
    let taken: u64 = traffic.values().map(|traffic| traffic.taken.load(SeqCst)).sum();
    world.complaints_become(taken).await;
    world.settled().await;
    assert_eq!(world.count("select count(*) from message"), taken, "each was recorded once");
    assert_eq!(world.count("select count(distinct reference) from complaint"), taken, "and has its own number");
}

/// A gateway through which nothing can be sent: what comes in is what counts here.
async fn start_sms(world: &mut World) {
    let port = servers::free_port().expect("a free port");
    world.muara(&["channel", "add", "sms", "--account", "1708", "--label", "SMS 1708"]);
    let table = format!(
        "[[adapter.numbers]]\nnumber = \"1708\"\ngateway = \"lokal\"\n\
         [adapter.http.lokal]\nsecret = \"{GATEWAY_WORD}\"\nfrom = \"from\"\ntext = \"text\"\nid = \"id\"\n"
    );
    world.start_adapter("sms", "adapter-sms", port, &table).await;
}

/// X, played by the simulator.
async fn start_x(world: &mut World) -> XPlatform {
    let (us, platform) = ("1000000000000000001", XPlatform::start().await.expect("a port"));
    world.muara(&["channel", "add", "x", "--account", us, "--label", "X @lapor_contoh"]);
    let state = world.folder().join("state-x");
    let adapter = format!(
        "api_url = \"{}\"\nstate_folder = \"{}\"\nevery = \"300ms\"\nsettle = \"0s\"\nbudget.monthly = 0.0\n\
         [[adapter.accounts]]\nuser_id = \"{us}\"\nusername = \"lapor_contoh\"\n\
         consumer_key = \"simulator-key\"\nconsumer_secret = \"simulator&secret\"\naccess_token = \"1000000000000000001-simulator\"\n\
         access_token_secret = \"simulator=token secret\"\n",
        platform.url,
        state.display()
    );
    world.add_adapter("x", "adapter-x", &adapter).await;
    platform
}

/// Telegram, played by the simulator, which is asked.
async fn start_telegram(world: &mut World) -> TelegramPlatform {
    let (bot, platform) = ("7000000001", TelegramPlatform::start().await.expect("a port"));
    world.muara(&["channel", "add", "telegram", "--account", bot, "--label", "Telegram"]);
    let adapter =
        format!("api_url = \"{}\"\nwait = \"2s\"\n[[adapter.bots]]\nid = \"{bot}\"\ntoken = \"{bot}:simulator-token\"\n", platform.url);
    world.add_adapter("telegram", "adapter-telegram", &adapter).await;
    platform
}

/// Does it, lets the others take some messages meanwhile, and lets this one take some afterwards.
async fn strike(world: &mut World, traffic: &BTreeMap<&str, Arc<Traffic>>, adapter: &Adapter, blow: Blow) {
    let name = adapter.process;
    let others: Vec<&str> = traffic.keys().copied().filter(|other| *other != name).collect();
    let before: Vec<(u64, Option<u32>)> =
        others.iter().map(|other| (traffic[other].refused.load(SeqCst), world.process(other).id())).collect();
    let id = world.process(name).id();
    match blow {
        Blow::Stop => world.process(name).stop(),
        Blow::Kill => world.process(name).kill(),
        Blow::Upgrade => {
            let program = world.process(name).program().to_owned();
            let newer = beside(&program, world.folder());
            world.process(name).upgrade(&newer);
        }
    }
    more_is_taken(traffic, &others).await;
    if !matches!(blow, Blow::Upgrade) {
        world.process(name).resume();
    }
    more_is_taken(traffic, &[name]).await;
    let recorded = || world.count(&format!("select count(*) from message where adapter = '{}'", adapter.name));
    let so_far = recorded();
    eventually(&format!("more of {name} is recorded"), || async { recorded() >= so_far + 3 }).await;
    assert_ne!(world.process(name).id(), id, "{name} is another process after {blow:?}");
    for (other, (refused, id)) in others.iter().zip(before) {
        assert_eq!(traffic[other].refused.load(SeqCst), refused, "{other} noticed that {name} suffered {blow:?}");
        assert_eq!(world.process(other).id(), id, "{other} was started again when {name} suffered {blow:?}");
    }
}

async fn more_is_taken(traffic: &BTreeMap<&str, Arc<Traffic>>, of: &[&str]) {
    for name in of {
        let so_far = traffic[name].taken.load(SeqCst);
        eventually(&format!("{name} takes more"), || async { traffic[name].taken.load(SeqCst) >= so_far + 3 }).await;
    }
}

/// The same program in another file, as the next release would be.
fn beside(program: &Path, folder: &Path) -> PathBuf {
    let newer = folder.join(format!("{}-newer", program.file_name().expect("a name").to_string_lossy()));
    std::fs::copy(program, &newer).expect("a copy of the program");
    newer
}
