//! Fault runs: a flood pours over everything that an installation has, two of each role, while one thing after another is done to it. After
//! each: what was told yes is there once, everybody was answered, the balance is exact, and how long that took.
//!
//! The test `faults.rs` does a short choice, `cargo xtask faults` all of it.

mod blow;

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Command,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use servers::mail::Mail;
use simulator::{
    Random,
    flood::{Arrived, Doors, Flood, Ledger, Plan, Report, Shape, Way, judge},
    sms::{self, Gateway},
    x::XPlatform,
};

pub use blow::{Blow, Disk};

use crate::{APP_SECRET, GATEWAY_WORD, OFFICE, Wishes, World, disks::Disks};

/// Our account on X.
const ON_X: &str = "1000000000000000001";
/// How often it is looked whether everything is there.
const LOOK_AGAIN: Duration = Duration::from_millis(400);

/// How much is sent, and how long a fault lasts.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How many people complain.
    pub citizens: usize,
    /// Within which time.
    pub time: Duration,
    /// How long the fault lasts.
    pub hold: Duration,
    /// How long it may take after the flood until everything is there.
    pub patience: Duration,
}

/// A whole installation under a flood.
pub struct Battle {
    /// The installation.
    pub world: World,
    gateway: Gateway,
    x: XPlatform,
    mail: Option<Mail>,
    random: Random,
    seed: u64,
    since: String,
    clock: Option<std::path::PathBuf>,
}

/// What came of one fault.
#[derive(Debug)]
pub struct Row {
    /// What was done.
    pub name: String,
    /// What became of the flood.
    pub report: Report,
    /// What the balance says is missing or still on its way when patience ended; empty: it is exact.
    pub balance: Vec<String>,
    /// How long after the fault everything was there and answered that had been told yes until then. `None`: never.
    pub recovered: Option<Duration>,
    /// Which programs ended by themselves and were started again, as the system does with services.
    pub revived: Vec<&'static str>,
    /// What waits for a person: `parked`.
    pub parked: u64,
}

impl Row {
    /// The head of the table.
    pub const HEAD: &'static str =
        "fault                             taken  missing  doubled  torn  unanswered  twice  parked  balance    recovered  restarted";

    /// Nothing lost, nothing doubled, everybody answered at least once, the balance exact, nobody's hand needed.
    pub fn nothing_is_lost(&self) -> bool {
        let there = self.report.everything_is_there_once() && self.report.everybody_was_answered();
        there && self.balance.is_empty() && self.parked == 0 && self.recovered.is_some()
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let total = self.report.total();
        let balance = if self.balance.is_empty() { "exact".to_owned() } else { format!("{} off", self.balance.len()) };
        let recovered = self.recovered.map_or_else(|| "NEVER".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()));
        write!(
            f,
            "{:<32} {:>6} {:>8} {:>8} {:>5} {:>11} {:>6} {:>7}  {:<9} {:>10}  {}",
            self.name,
            total.taken,
            total.missing,
            total.doubled,
            total.split,
            total.unanswered,
            total.answered_twice,
            self.parked,
            balance,
            recovered,
            if self.revived.is_empty() { "-".to_owned() } else { self.revived.join(" ") }
        )?;
        for wrong in self.report.wrong.iter().chain(&self.balance) {
            write!(f, "\n    {wrong}")?;
        }
        Ok(())
    }
}

/// What an installation for fault runs is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Kind {
    /// Mail servers and the adapter of mail are there too.
    pub with_mail: bool,
    /// On small disks.
    pub small_disks: bool,
    /// Three NATS servers that are one; without proxies, so that programs find another by themselves.
    pub three_servers: bool,
    /// Programs believe a clock that [`Blow::Clock`] moves: needs `libfaketime`.
    pub with_clock: bool,
}

/// Whether small disks can be made here: as root, with the right to mount.
pub fn small_disks_are_possible() -> bool {
    Disks::possible()
}

/// Where `libfaketime` is, if it is here.
pub fn faketime() -> Option<std::path::PathBuf> {
    // The one for programs with threads.
    let arch = format!("/usr/lib/{}-linux-gnu/faketime/libfaketimeMT.so.1", std::env::consts::ARCH);
    [arch, "/usr/lib/faketime/libfaketimeMT.so.1".to_owned()].into_iter().map(Into::into).find(|file: &std::path::PathBuf| file.is_file())
}

impl Battle {
    /// Brings everything up: the servers, two of each role, the adapters of WhatsApp, form, SMS, X and, where it is wished for, mail.
    pub async fn start(kind: Kind, seed: u64) -> Self {
        let clock = kind.with_clock.then(|| std::env::temp_dir().join(format!("muara-clock-{}", std::process::id())));
        let wishes = Wishes {
            with_forms: true,
            form: "burst = 1000000\nper_minute = 1000000\n",
            pairs: true,
            wires: !kind.three_servers,
            three_servers: kind.three_servers,
            small_disks: kind.small_disks,
            durable: true, // a database that does not sync may forget what it committed when it is killed
            keep: Some("6s"),
            environment: clock.as_deref().map(blow::faked).unwrap_or_default(),
            platform: simulator::Options { bundle: 20, ..simulator::Options::default() },
            ..Wishes::default()
        };
        if let Some(clock) = &clock {
            blow::set_clock(clock, 0);
        }
        let mut world = World::start_with(wishes).await;
        // As `muara all` looks after its own, and a service manager after others.
        world.nats.supervise();
        world.postgres.supervise();
        let gateway = Gateway::start().await.expect("a free port");
        let port = servers::free_port().expect("a free port");
        world.muara(&["channel", "add", "sms", "--account", sms::NUMBER, "--label", "SMS 1708"]);
        world.start_adapter("sms", "adapter-sms", port, &gateway.table(GATEWAY_WORD)).await;
        let x = XPlatform::start().await.expect("a free port");
        world.muara(&["channel", "add", "x", "--account", ON_X, "--label", "X @lapor_contoh"]);
        let table = on_x(&x, &world.folder().join("state-x"));
        world.add_adapter("x", "adapter-x", &table).await;
        let mail = if kind.with_mail { Some(world.open_mailbox().await) } else { None };
        let since = today(&world);
        Self { world, gateway, x, mail, random: Random::new(seed), seed, since, clock }
    }

    fn doors(&self, patience: Duration) -> Doors {
        let mut doors = Doors::new(self.world.platform.clone());
        doors.whatsapp = Some((self.world.webhook(), APP_SECRET.to_owned()));
        doors.form = Some(self.world.form());
        let gateway = format!("{}/webhook/{GATEWAY_WORD}?gateway={}", self.world.adapter_url("sms"), sms::NAME);
        doors.sms = Some((gateway, self.gateway.clone()));
        doors.x = Some(self.x.clone());
        let server = self.mail.as_ref().map(|mail| SocketAddr::from((Ipv4Addr::LOCALHOST, mail.smtp_port())));
        doors.mail = server.map(|server| (server, OFFICE.to_owned()));
        doors.patience = patience;
        doors
    }

    /// A flood as `pace` wants it; each has a seed of its own, so that nobody writes in two.
    fn flood(&mut self, pace: Pace) -> Flood {
        self.seed += 1;
        // WhatsApp has most of it; a post and a mail are each answered by a conversation of its own.
        let mut ways = vec![Way::Whatsapp; 6];
        ways.extend([Way::Form, Way::Form, Way::Sms, Way::Sms, Way::Sms, Way::X]);
        ways.extend(self.mail.iter().map(|_| Way::Mail));
        let shape = Shape { seed: self.seed, began: now(), citizens: pace.citizens, time: pace.time, ways, again: 30, in_bursts: 40 };
        Flood::begin(Plan::new(shape), self.doors(pace.patience)).expect("every way has a door")
    }

    /// Lets a flood pour, does these things meanwhile, each for a while and one after another, and looks what came of it.
    pub async fn fight(&mut self, blows: &[Blow], pace: Pace) -> Row {
        let flood = self.flood(pace);
        let parts = u32::try_from(blows.len()).unwrap_or(u32::MAX).saturating_add(1);
        for blow in blows {
            // Something is on its way whenever something breaks.
            tokio::time::sleep(pace.time.saturating_sub(pace.hold * (parts - 1)) / (2 * parts)).await;
            self.strike(*blow, pace.hold).await;
        }
        let (taken, undone) = (flood.ledger(), Instant::now());
        let mut revived = Vec::new();
        let recovered = self.recovered(&flood, &taken, undone, pace.patience, &mut revived).await;
        flood.poured().await;
        let (report, balance) = self.settled(&flood, pace.patience, &mut revived).await;
        revived.sort_unstable();
        revived.dedup();
        let name = blows.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Row { name, report, balance, recovered, revived, parked: self.parked() }
    }

    /// How long after `undone` everything that had been told yes until then is there, and answered on telephones.
    async fn recovered(
        &mut self,
        flood: &Flood,
        taken: &Ledger,
        undone: Instant,
        patience: Duration,
        revived: &mut Vec<&'static str>,
    ) -> Option<Duration> {
        while undone.elapsed() < patience {
            revived.extend(self.world.revive());
            if let Ok(arrived) = Arrived::read(&self.world.database()) {
                let report = judge(&flood.plan, taken, &arrived, &flood.heard_by_phone());
                let waits = |way| report.lines.get(&way).is_some_and(|line| line.unanswered > 0);
                if report.total().missing == 0 && !waits(Way::Whatsapp) && !waits(Way::Sms) {
                    return Some(undone.elapsed());
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        None
    }

    /// Waits until everything is there, answered and balanced, or patience ends; and says what is.
    async fn settled(&mut self, flood: &Flood, patience: Duration, revived: &mut Vec<&'static str>) -> (Report, Vec<String>) {
        let since = Instant::now();
        loop {
            revived.extend(self.world.revive());
            let mails = self.mail.as_ref().map(Mail::sent_to_people).unwrap_or_default();
            let arrived = Arrived::read(&self.world.database()).expect("the database answers");
            let report = judge(&flood.plan, &flood.ledger(), &arrived, &flood.heard(&mails).await);
            let there = report.total().missing + report.total().unanswered == 0;
            let balance = if there || since.elapsed() > patience { self.balance() } else { vec!["not looked at yet".to_owned()] };
            if (there && balance.is_empty()) || since.elapsed() > patience {
                return (report, balance);
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// What `muara balance` says is missing or on its way, over all days since the beginning.
    pub fn balance(&self) -> Vec<String> {
        let today = today(&self.world);
        let days = if today == self.since { vec![today] } else { vec![self.since.clone(), today] };
        days.iter().flat_map(|day| self.balance_of(day)).collect()
    }

    fn balance_of(&self, day: &str) -> Vec<String> {
        let mut command = Command::new(crate::built("muara"));
        command.current_dir(self.world.folder()).args(["--config", "muara.toml", "balance", "--day", day, "--patience", "0s", "--json"]);
        let output = command.output().expect("muara starts");
        let Ok(adapters) = serde_json::from_slice::<Vec<serde_json::Value>>(&output.stdout) else {
            return vec![format!("the balance cannot be drawn: {}", String::from_utf8_lossy(&output.stderr).trim())];
        };
        let mut off = Vec::new();
        for adapter in adapters {
            let name = adapter["adapter"].as_str().unwrap_or_default();
            let lists = |field: &str| adapter[field].as_array().cloned().unwrap_or_default();
            off.extend(lists("missing").iter().map(|one| format!("balance: {name} {} {} is missing", one["kind"], one["name"])));
            let moving = |sum: &&serde_json::Value| sum["state"] == "under_way" && sum["count"].as_u64() > Some(0);
            off.extend(
                lists("sums").iter().filter(moving).map(|sum| format!("balance: {name} {} {} under way", sum["count"], sum["part"])),
            );
        }
        off
    }

    /// How much waits for a person.
    fn parked(&self) -> u64 {
        let said = self.world.muara(&["parked", "list"]);
        let count = said.lines().rev().find_map(|line| line.split_once(" shown of ")?.1.split(' ').next()?.parse().ok());
        count.unwrap_or_else(|| panic!("parked list said: {said}"))
    }
}

impl Drop for Battle {
    fn drop(&mut self) {
        if let Some(clock) = &self.clock {
            let _ = std::fs::remove_file(clock);
        }
    }
}

fn on_x(x: &XPlatform, state: &std::path::Path) -> String {
    format!(
        "api_url = \"{}\"\nstate_folder = \"{}\"\nevery = \"300ms\"\nsettle = \"0s\"\nbudget.monthly = 0.0\n\
         [[adapter.accounts]]\nuser_id = \"{ON_X}\"\nusername = \"lapor_contoh\"\n\
         consumer_key = \"simulator-key\"\nconsumer_secret = \"simulator&secret\"\naccess_token = \"{ON_X}-simulator\"\n\
         access_token_secret = \"simulator=token secret\"\n",
        x.url,
        state.display()
    )
}

fn today(world: &World) -> String {
    world.ask("select (now() at time zone 'Asia/Jakarta')::date")
}

fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "a flood is an edge: it begins now, and platforms write down when people wrote")]
    Timestamp::now()
}
