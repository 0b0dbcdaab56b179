//! The program: `graph` runs the platform alone, `demo` plays a city, `load` measures a door, `flood` sees whether anything is lost.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use jiff::SignedDuration;
use simulator::{
    Options, Platform, demo,
    flood::{Arrived, Doors, Flood, Plan, Report, Shape, Way, judge},
    load,
    sms::Gateway,
    x::{XOptions, XPlatform},
};
use tokio_util::sync::CancellationToken;

/// A city that complains: plays the platforms over their real protocols.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    play: Play,
}

#[derive(Subcommand)]
enum Play {
    /// Runs Meta's Graph API alone. GET /simulator/received/{phone} shows what somebody got; POST /simulator/fault makes it fail.
    Graph {
        #[command(flatten)]
        graph: Graph,
        /// Tells this webhook what becomes of messages (sent, delivered, read).
        #[arg(long)]
        webhook: Option<String>,
    },
    /// Runs X's API (v2) alone. POST /simulator/post/{name} with words: somebody posts; /simulator/direct/{name}: they write directly.
    X {
        /// Where it listens: what the adapter has as its address.
        #[arg(long, default_value = "127.0.0.1:8121")]
        listen: SocketAddr,
    },
    /// Plays a small lively city, one line for every event, until Ctrl-C.
    Demo {
        #[command(flatten)]
        graph: Graph,
        /// The webhook of adapter-whatsapp.
        #[arg(long)]
        whatsapp: Option<String>,
        /// The web form of adapter-web.
        #[arg(long)]
        web: Option<String>,
        /// Where X listens, for adapter-x, with the keys that `x` prints. Without it nobody is on X.
        #[arg(long)]
        x: Option<SocketAddr>,
        /// The same seed plays the same city.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many people live there.
        #[arg(long, default_value_t = 60)]
        people: usize,
        /// The usual time between two events, in milliseconds.
        #[arg(long, default_value_t = 2500)]
        pause: u64,
        /// Ends after so many events.
        #[arg(long)]
        events: Option<u64>,
    },
    /// Posts signed webhooks and prints accepted requests per second, p50, p99, p99.9 and the statuses.
    Load {
        /// The webhook of adapter-whatsapp, http only.
        #[arg(long)]
        target: String,
        #[command(flatten)]
        secret: Secret,
        /// Requests per second; 0: as fast as the answers come.
        #[arg(long, default_value_t = 500)]
        rate: u32,
        /// For how long.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// How many connections.
        #[arg(long, default_value_t = 16)]
        connections: u32,
        /// How many citizens write.
        #[arg(long, default_value_t = 10_000)]
        citizens: usize,
        /// The same seed sends the same words.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Lets a city complain at once, by every way that is named, and looks whether each thing that was told yes is recorded once and answered
    /// once. Ends with 1 if not. Plays the platforms: adapters have these addresses, as in `demo`.
    Flood(Pour),
}

#[derive(Args)]
struct Pour {
    #[command(flatten)]
    graph: Graph,
    /// The webhook of adapter-whatsapp.
    #[arg(long)]
    whatsapp: Option<String>,
    /// The form of adapter-web; its `burst` and `per_minute` must let so many in.
    #[arg(long)]
    web: Option<String>,
    /// The webhook of adapter-sms with the gateway's word and name, as in `http://127.0.0.1:8106/webhook/WORD?gateway=lokal`
    #[arg(long)]
    sms: Option<String>,
    /// Where the SMS gateway listens, for adapter-sms: `send_url` is /send there.
    #[arg(long, default_value = "127.0.0.1:8122")]
    sms_listen: SocketAddr,
    /// Where X listens, for adapter-x. Without it nobody is on X.
    #[arg(long)]
    x: Option<SocketAddr>,
    /// How many people complain, each once.
    #[arg(long, default_value_t = 1000)]
    citizens: usize,
    /// Within how many seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The same seed sends the same in the same order; a second flood on one system needs another.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// In so many of a hundred cases a platform brings the same again.
    #[arg(long, default_value_t = 30)]
    again: usize,
    /// So many of a hundred come in bursts.
    #[arg(long, default_value_t = 40)]
    bursts: usize,
    /// Where the database is, to look what arrived: postgres://… It is only read, by psql.
    #[arg(long)]
    database: String,
    /// How many seconds it may take after the flood until everything is there.
    #[arg(long, default_value_t = 300)]
    patience: u64,
}

impl Pour {
    async fn doors(&self) -> anyhow::Result<Doors> {
        let mut doors = Doors::new(self.graph.start().await?);
        doors.whatsapp = self.whatsapp.clone().map(|url| anyhow::Ok((url, self.graph.secret.read()?))).transpose()?;
        doors.form.clone_from(&self.web);
        if let Some(url) = &self.sms {
            doors.sms = Some((url.clone(), Gateway::start_at(self.sms_listen).await.context("the SMS gateway cannot listen")?));
        }
        if let Some(listen) = self.x {
            doors.x = Some(XPlatform::start_with(XOptions { listen, ..XOptions::default() }).await.context("X cannot listen")?);
        }
        Ok(doors)
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        let named = [(Way::Whatsapp, self.whatsapp.is_some()), (Way::Form, self.web.is_some()), (Way::Sms, self.sms.is_some())];
        let named = named.into_iter().chain([(Way::X, self.x.is_some())]);
        let ways: Vec<Way> = named.filter(|(_, is_named)| *is_named).map(|(way, _)| way).collect();
        anyhow::ensure!(!ways.is_empty(), "name at least one of --whatsapp, --web, --sms and --x");
        anyhow::ensure!((1..=100_000).contains(&self.citizens), "a flood has 1 to 100,000 citizens");
        #[expect(clippy::disallowed_methods, reason = "the program is an edge: the flood begins now")]
        let began = jiff::Timestamp::now();
        let (seed, time) = (self.seed, Duration::from_secs(self.seconds));
        Ok(Plan::new(Shape { seed, began, citizens: self.citizens, time, ways, again: self.again, in_bursts: self.bursts }))
    }

    /// Pours, waits until everything is there or patience ends, and says what came of it.
    async fn pour(&self) -> anyhow::Result<Report> {
        let flood = Flood::begin(self.plan()?, self.doors().await?)?;
        flood.poured().await;
        say(&format!("{} things were brought in {:.1} s.", flood.plan.items.len(), flood.age().as_secs_f64()));
        let until = std::time::Instant::now() + Duration::from_secs(self.patience);
        loop {
            let report = judge(&flood.plan, &flood.ledger(), &Arrived::read(&self.database)?, &flood.heard(&[]).await);
            let still = report.everything_is_there_once() && report.everybody_was_answered();
            if still || std::time::Instant::now() > until {
                return Ok(report);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

#[derive(Args)]
#[group(id = "platform")] // clap calls a group as the type, and there is a command of that name
struct Graph {
    /// Where the Graph API listens: what the adapter has as its address.
    #[arg(long, default_value = "127.0.0.1:8120")]
    listen: SocketAddr,
    /// The Bearer token it takes, in a file. Without it: simulator-token.
    #[arg(long)]
    access_token_file: Option<PathBuf>,
    /// The id of our number.
    #[arg(long, default_value = "100000000000001")]
    phone_number_id: String,
    #[command(flatten)]
    secret: Secret,
}

#[derive(Args)]
struct Secret {
    /// The app's secret, in a file: signs the webhooks. Without it: simulator-secret.
    #[arg(long)]
    app_secret_file: Option<PathBuf>,
}

impl Secret {
    fn read(&self) -> anyhow::Result<String> {
        self.app_secret_file.as_ref().map_or(Ok("simulator-secret".into()), secret)
    }
}

impl Graph {
    async fn start(&self) -> anyhow::Result<Platform> {
        let mut options = Options {
            listen: self.listen,
            phone_number_id: self.phone_number_id.clone(),
            pair_pause: SignedDuration::from_secs(5), // a little less than adapters keep, as at Meta
            ..Options::default()
        };
        if let Some(file) = &self.access_token_file {
            options.access_token = secret(file)?;
        }
        let platform = Platform::start_with(options).await.with_context(|| format!("cannot listen on {}", self.listen))?;
        say(&format!("The platform listens on {}.", platform.url));
        Ok(platform)
    }
}

fn secret(file: &PathBuf) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(text.trim().to_owned())
}

/// Everything this program says is for a screen.
fn say(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{line}"); // a closed pipe ends the play at the next signal
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(play(cli.play))
}

async fn play(play: Play) -> anyhow::Result<()> {
    match play {
        Play::Graph { graph, webhook } => {
            let platform = graph.start().await?;
            if let Some(webhook) = webhook {
                platform.subscribe(&webhook, &graph.secret.read()?);
            }
            tokio::signal::ctrl_c().await?;
        }
        Play::X { listen } => {
            let options = XOptions { listen, ..XOptions::default() };
            let (user_id, username, keys) = (options.user_id.clone(), options.username.clone(), options.keys.join(", "));
            let platform = XPlatform::start_with(options).await.with_context(|| format!("cannot listen on {listen}"))?;
            say(&format!("X listens on {}. Our account is {user_id} (@{username}); its keys are {keys}.", platform.url));
            tokio::signal::ctrl_c().await?;
        }
        Play::Demo { graph, whatsapp, web, x, seed, people, pause, events } => {
            anyhow::ensure!(whatsapp.is_some() || web.is_some(), "name at least one of --whatsapp and --web");
            let app_secret = graph.secret.read()?;
            let platform = graph.start().await?;
            let x = match x {
                Some(listen) => {
                    let options = XOptions { listen, ..XOptions::default() };
                    Some(XPlatform::start_with(options).await.with_context(|| format!("cannot listen on {listen}"))?)
                }
                None => None,
            };
            let stop = CancellationToken::new();
            tokio::spawn(stop_at_signal(stop.clone()));
            let demo = demo::Demo { whatsapp, app_secret, web, x, seed, people, pause: Duration::from_millis(pause), events };
            demo::run(demo, platform, stop, say).await;
        }
        Play::Load { target, secret, rate, seconds, connections, citizens, seed } => {
            let time = Duration::from_secs(seconds);
            let load = load::Load { target, secret: secret.read()?, rate, time, connections, citizens, seed, texts: Arc::default() };
            say(&load::run(load).await?.to_string());
        }
        Play::Flood(pour) => {
            let report = pour.pour().await?;
            say(&report.to_string());
            let fine = report.everything_is_there_once() && report.everybody_was_answered() && report.nobody_was_answered_twice();
            anyhow::ensure!(fine, "something is missing or doubled");
        }
    }
    Ok(())
}

async fn stop_at_signal(stop: CancellationToken) {
    let _ = tokio::signal::ctrl_c().await; // without signals there is nothing to wait for
    stop.cancel();
}
