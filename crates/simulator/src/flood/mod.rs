//! A flood: a whole city complains at once, over the real protocols, as people and platforms do. What was said yes to is kept in a ledger, and
//! looked for afterwards.
//!
//! ```no_run
//! # use simulator::{Platform, flood::{Doors, Flood, Plan, Shape, Way, Arrived, judge}};
//! # async fn play(platform: Platform, shape: Shape) -> anyhow::Result<()> {
//! let mut doors = Doors::new(platform);
//! doors.whatsapp = Some(("http://127.0.0.1:8101/webhook".to_owned(), "the app's secret".to_owned()));
//! let flood = Flood::begin(Plan::new(shape), doors)?;
//! flood.poured().await;
//! let arrived = Arrived::read("postgres:///muara")?;
//! println!("{}", judge(&flood.plan, &flood.ledger(), &arrived, &flood.heard(&[]).await));
//! # Ok(())
//! # }
//! ```

mod arrived;
mod judge;
mod plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::Semaphore,
    task::JoinHandle,
};

pub use self::{
    arrived::{Arrived, ArrivedMessage, ArrivedReply},
    judge::{Line, Report, judge},
    plan::{Citizen, Delivery, Item, Manner, Medium, Plan, Shape, Way},
};
use crate::{Fault, Platform, sms::Gateway, webhook, x::XPlatform};

/// Where people and platforms reach us, and the platforms that answer them. A way without a door must not be in the plan.
#[derive(Debug, Clone)]
pub struct Doors {
    /// Meta, played: has the files, and takes the answers.
    pub platform: Platform,
    /// The webhook of adapter-whatsapp, and the app's secret.
    pub whatsapp: Option<(String, String)>,
    /// The form of adapter-web.
    pub form: Option<String>,
    /// The webhook of adapter-sms for our gateway, and the gateway.
    pub sms: Option<(String, Gateway)>,
    /// X, where adapter-x looks.
    pub x: Option<XPlatform>,
    /// Where the city's mail server listens, and the city's address.
    pub mail: Option<(SocketAddr, String)>,
    /// How long something is brought again and again until it is told yes.
    pub patience: Duration,
    /// At most so much is under way at once.
    pub at_once: usize,
}

impl Doors {
    /// No door yet.
    pub fn new(platform: Platform) -> Self {
        let (patience, at_once) = (Duration::from_mins(10), 48);
        Self { platform, whatsapp: None, form: None, sms: None, x: None, mail: None, patience, at_once }
    }

    fn is_open(&self, way: Way) -> bool {
        match way {
            Way::Whatsapp => self.whatsapp.is_some(),
            Way::Form => self.form.is_some(),
            Way::Sms => self.sms.is_some(),
            Way::X => self.x.is_some(),
            Way::Mail => self.mail.is_some(),
        }
    }
}

/// What the door said of one item.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// How often it said yes.
    pub yes: u32,
    /// When it said so first, since the beginning.
    pub first: Option<Duration>,
    /// What else it answered, and how often; 0: nothing.
    pub no: BTreeMap<u16, u32>,
    /// What the platform calls it, where only the platform knows: a post's number.
    pub id: Option<String>,
    /// Where the form led to: the page with the number.
    pub page: Option<String>,
}

/// What was sent and what the doors answered: an entry for each item of the plan.
pub type Ledger = Vec<Told>;

/// Something that a citizen got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// By which way.
    pub way: Way,
    /// Who: telephone number, name on X, address, or the number of the item at the form.
    pub to: String,
    /// Which reply it is, where the platform is told.
    pub reply: Option<String>,
    /// The words.
    pub text: String,
}

/// A flood that pours.
#[derive(Debug)]
pub struct Flood {
    /// What it sends.
    pub plan: Arc<Plan>,
    shared: Arc<Shared>,
    pouring: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    plan: Arc<Plan>,
    doors: Doors,
    began: Instant,
    ledger: Mutex<Ledger>,
    client: reqwest::Client,
}

impl Flood {
    /// Begins to pour.
    ///
    /// # Errors
    /// A way of the plan has no door.
    pub fn begin(plan: Plan, doors: Doors) -> anyhow::Result<Self> {
        if let Some(way) = plan.shape.ways.iter().find(|way| !doors.is_open(**way)) {
            bail!("the plan has {way:?}, and there is no door for it");
        }
        for citizen in plan.citizens.iter().filter(|citizen| citizen.way == Way::Whatsapp) {
            doors.platform.name(&citizen.person.phone, &citizen.person.name);
        }
        for medium in &plan.media {
            let fault = match medium.manner {
                Manner::Fine | Manner::Torn => None,
                Manner::Slow => Some((Fault::Slow(Duration::from_millis(1_500)), u32::MAX)),
                Manner::Broken => Some((Fault::Broken, 1)),
                Manner::Gone => Some((Fault::Gone, u32::MAX)),
            };
            doors.platform.offer(&medium.id, medium.bytes.clone(), "image/jpeg", fault);
        }
        let plan = Arc::new(plan);
        let ledger = Mutex::new(vec![Told::default(); plan.items.len()]);
        let shared = Arc::new(Shared { plan: plan.clone(), doors, began: Instant::now(), ledger, client: webhook::client_that_stays() });
        let pouring = Mutex::new(Some(tokio::spawn(pour(shared.clone()))));
        Ok(Self { plan, shared, pouring })
    }

    /// Waits until everything was brought and told yes, or given up.
    pub async fn poured(&self) {
        let pouring = self.pouring.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(pouring) = pouring {
            let _ = pouring.await; // a delivery that panicked is one that was not told yes
        }
    }

    /// How long it pours already.
    pub fn age(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// What the doors said so far.
    pub fn ledger(&self) -> Ledger {
        self.shared.ledger().clone()
    }

    /// What citizens got so far. `mails`: every mail that came for one of them, whole.
    pub async fn heard(&self, mails: &[String]) -> Vec<Heard> {
        let mut heard = self.heard_by_phone();
        let (doors, ledger) = (&self.shared.doors, self.ledger());
        if let Some(x) = &doors.x {
            let posts = self.plan.items.iter().zip(&ledger).filter_map(|(item, told)| Some((item, told.id.as_ref()?)));
            for (item, post) in posts {
                let to = self.plan.citizens[item.citizen].username();
                heard.extend(x.answers(post).into_iter().map(|said| Heard { way: Way::X, to: to.clone(), reply: None, text: said.text }));
            }
        }
        let by_mail = self.plan.citizens.iter().filter(|citizen| citizen.way == Way::Mail);
        let addresses: BTreeSet<String> = by_mail.map(Citizen::address).collect();
        for mail in mails {
            let to = mail.lines().find_map(|line| line.strip_prefix("To:")).unwrap_or_default();
            let to = to.trim().rsplit('<').next().unwrap_or_default().trim_end_matches('>').to_owned();
            if addresses.contains(&to) {
                heard.push(Heard { way: Way::Mail, to, reply: None, text: mail.clone() });
            }
        }
        let Some(form) = &doors.form else { return heard };
        let origin = reqwest::Url::parse(form).ok();
        for (number, told) in ledger.iter().enumerate() {
            let Some(page) = told.page.as_ref().and_then(|page| origin.as_ref()?.join(page).ok()) else { continue };
            if let Ok(answer) = self.shared.client.get(page).send().await {
                let text = answer.text().await.unwrap_or_default();
                heard.push(Heard { way: Way::Form, to: number.to_string(), reply: None, text });
            }
        }
        heard
    }

    /// The same of telephones alone: quick.
    pub fn heard_by_phone(&self) -> Vec<Heard> {
        let doors = &self.shared.doors;
        let chats = doors.platform.received_by_all().into_iter();
        let mut heard: Vec<Heard> = chats.map(|(to, got)| Heard { way: Way::Whatsapp, to, reply: got.callback, text: got.text }).collect();
        let texts = doors.sms.iter().flat_map(|(_, gateway)| gateway.came());
        heard.extend(texts.map(|text| Heard { way: Way::Sms, to: text.to, reply: Some(text.reply), text: text.message }));
        heard
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        if let Some(pouring) = self.pouring.lock().unwrap_or_else(PoisonError::into_inner).take() {
            pouring.abort();
        }
    }
}

/// Brings each thing when it is due, whether what came before was taken or not.
async fn pour(shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(shared.doors.at_once.max(1)));
    let mut under_way = tokio::task::JoinSet::new();
    for delivery in &shared.plan.deliveries {
        tokio::time::sleep_until((shared.began + delivery.at).into()).await;
        let Ok(place) = room.clone().acquire_owned().await else { break };
        let (shared, item) = (shared.clone(), delivery.item);
        if shared.plan.items[item].way == Way::X {
            shared.post(item); // in order: a post's number is its time
            continue;
        }
        under_way.spawn(async move {
            shared.bring(item, place).await;
        });
        while under_way.try_join_next().is_some() {}
    }
    while under_way.join_next().await.is_some() {}
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings it until it is told yes, as platforms do; whoever waits leaves the room to others.
    async fn bring(&self, item: usize, place: tokio::sync::OwnedSemaphorePermit) {
        let (mut pause, begun) = (Duration::from_millis(300), Instant::now());
        let mut place = Some(place);
        loop {
            let status = self.say(item).await;
            if self.note(item, status) || begun.elapsed() > self.doors.patience {
                return;
            }
            place.take();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Writes the answer down; `true`: it was a yes.
    fn note(&self, item: usize, status: u16) -> bool {
        let yes = (200..400).contains(&status);
        let mut ledger = self.ledger();
        let told = &mut ledger[item];
        if yes {
            told.yes += 1;
            told.first.get_or_insert(self.began.elapsed());
        } else {
            *told.no.entry(status).or_default() += 1;
        }
        yes
    }

    fn post(&self, item: usize) {
        let Some(x) = &self.doors.x else { return };
        let said = &self.plan.items[item];
        let id = x.post(&self.plan.citizens[said.citizen].username(), String::from_utf8_lossy(&said.body).as_ref());
        self.ledger()[item].id = Some(id);
        self.note(item, 200);
    }

    /// Brings it once, and gives the status of the answer; 0 for none.
    async fn say(&self, number: usize) -> u16 {
        let item = &self.plan.items[number];
        match item.way {
            Way::Whatsapp => {
                let Some((url, secret)) = &self.doors.whatsapp else { return 0 };
                self.doors.platform.wrote(&self.plan.citizens[item.citizen].person.phone);
                webhook::post(&self.client, url, secret, item.body.clone()).await
            }
            Way::Form => {
                let Some(url) = &self.doors.form else { return 0 };
                let Some(answer) = self.send(url, item).await else { return 0 };
                let page = answer.headers().get("location").and_then(|page| page.to_str().ok()).map(str::to_owned);
                if page.is_some() {
                    self.ledger()[number].page = page;
                }
                answer.status().as_u16()
            }
            Way::Sms => {
                let Some((url, _)) = &self.doors.sms else { return 0 };
                self.send(url, item).await.map_or(0, |answer| answer.status().as_u16())
            }
            Way::X => 0,
            Way::Mail => {
                let Some((server, office)) = &self.doors.mail else { return 0 };
                let mail = String::from_utf8_lossy(&item.body).replace("{TO}", office);
                let sent = deliver(*server, &self.plan.citizens[item.citizen].address(), office, &mail).await;
                sent.map_or(0, |()| 250)
            }
        }
    }

    async fn send(&self, url: &str, item: &Item) -> Option<reqwest::Response> {
        self.client.post(url).header("content-type", &item.content_type).body(item.body.clone()).send().await.ok()
    }
}

/// Hands a mail in, as a neighbour's mail server would.
async fn deliver(server: SocketAddr, from: &str, to: &str, mail: &str) -> anyhow::Result<()> {
    let talk = async {
        let (answers, mut line) = TcpStream::connect(server).await?.into_split();
        let mut answers = BufReader::new(answers).lines();
        let body = mail.replace("\r\n.", "\r\n..");
        let said = [
            String::new(),
            "EHLO warga.example.id\r\n".to_owned(),
            format!("MAIL FROM:<{from}>\r\n"),
            format!("RCPT TO:<{to}>\r\n"),
            "DATA\r\n".to_owned(),
            format!("{body}\r\n.\r\n"),
        ];
        for words in said {
            line.write_all(words.as_bytes()).await?;
            loop {
                let answer = answers.next_line().await?.context("the server hung up")?;
                if answer.as_bytes().get(3) != Some(&b'-') {
                    ensure!(answer.starts_with(['2', '3']), "the server said {answer}");
                    break;
                }
            }
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_secs(20), talk).await?
}
