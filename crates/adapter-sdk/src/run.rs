//! From an adapter to a running process: door, spool, and the loops behind them.

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::Router;
use bus::{Announcement, Bus, BusConfig, BusError, Delivery, Queue, Stop, Who};
use futures::{FutureExt, future::BoxFuture};
use model::{AdapterName, Failure, Raw, Reply, Timestamp};
use outgoing::{Http, Limits};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::{
    Adapter, BusSettings, ConfigError, Door, EitherWay, Finding, HttpSettings, Pages, Poll, Replay, ReplayError, Replayed, RunError,
    Settings, Webhook,
    any::{AnyAdapter, AnyPoll, AnyWebhook},
    clock::now,
    deliver::Deliver,
    directory,
    door::{Keeper, Straight, Ways},
    forward,
    normalize::Normalize,
    order::Order,
    poll::Poller,
    probe::everything,
    pulse::{Pulse, chain},
    receipts::Receipts,
    replay::over_all,
    server::{self, Health},
    settings::Durability,
    spool::{Spool, SpoolOptions},
    telemetry, webhook,
};

/// Raw messages that are normalized at once, and replies that are on their way at once; fewer of them are at the platform.
const RAWS_AT_ONCE: usize = 8;
const REPLIES_AT_ONCE: usize = 32;
/// The core shows an adapter as silent after a minute.
const ANNOUNCE: Duration = Duration::from_secs(20);
/// With so many copies a power cut of one server, or its disk's end, loses nothing.
const SAFE_REPLICAS: usize = 3;
/// The first look at the platform, so that a program that starts again and again asks nobody; and those after it: tokens end by the day.
const FIRST_LOOK: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_hours(24);
/// Before a loop that failed begins again.
const PAUSE: Duration = Duration::from_secs(2);

/// An adapter that was opened, its type forgotten.
pub(crate) struct Opened {
    pub(crate) name: AdapterName,
    pub(crate) adapter: Arc<dyn AnyAdapter>,
    kind: Kind,
}

enum Kind {
    Webhook(Arc<dyn AnyWebhook>),
    Poll(Arc<dyn AnyPoll>),
    Pages(Box<dyn FnOnce(Door) -> Router + Send>),
}

fn opened<A: Adapter>(config: A::Config, http: &HttpSettings, kind: impl FnOnce(Arc<A>) -> Kind) -> Result<Opened, ConfigError> {
    let name = A::NAME.parse().map_err(|_| ConfigError::Name(A::NAME))?;
    let adapter = Arc::new(A::open(config, client(http)?)?);
    Ok(Opened { name, adapter: adapter.clone(), kind: kind(adapter) })
}

pub(crate) fn open_webhook<A: Webhook>(config: A::Config, http: &HttpSettings) -> Result<Opened, ConfigError> {
    opened::<A>(config, http, |platform| Kind::Webhook(platform))
}

pub(crate) fn open_poll<A: Poll>(config: A::Config, http: &HttpSettings) -> Result<Opened, ConfigError> {
    opened::<A>(config, http, |platform| Kind::Poll(platform))
}

pub(crate) fn open_either_way<A: EitherWay>(config: A::Config, http: &HttpSettings) -> Result<Opened, ConfigError> {
    opened::<A>(config, http, |platform| if platform.polls() { Kind::Poll(platform) } else { Kind::Webhook(platform) })
}

pub(crate) fn open_pages<A: Pages>(config: A::Config, http: &HttpSettings) -> Result<Opened, ConfigError> {
    opened::<A>(config, http, |pages| Kind::Pages(Box::new(move |door| pages.pages(door))))
}

pub(crate) fn client(settings: &HttpSettings) -> Result<Http, ConfigError> {
    let limits = Limits { connect: settings.connect, total: settings.total, max_body: settings.max_body.get(), ..Limits::default() };
    Http::new(limits).map_err(|source| ConfigError::Address { key: "http".into(), source })
}

/// Looks at everything that an adapter depends on, its platform included; see [`Adapter::probe`].
pub async fn probe<A: Adapter>(settings: Settings<A::Config>) -> Result<Vec<Finding>, ConfigError> {
    let (settings, config) = settings.split();
    let adapter = A::open(config, client(&settings.http)?)?;
    let name = A::NAME.parse().map_err(|_| ConfigError::Name(A::NAME))?;
    Ok(everything(&name, &adapter, &settings, now()).await)
}

/// Runs stored raw messages through this release's parser and shows what differs; see [`Replay`].
pub async fn replay<A: Adapter>(
    settings: Settings<A::Config>,
    span: Replay,
    out: &mut (dyn std::io::Write + Send),
) -> Result<Replayed, ReplayError> {
    let (settings, config) = settings.split();
    let adapter = Arc::new(A::open(config, client(&settings.http)?)?);
    let name = A::NAME.parse().map_err(|_| ConfigError::Name(A::NAME))?;
    replay_opened(name, adapter, &settings, span, out).await
}

pub(crate) async fn replay_opened(
    name: AdapterName,
    adapter: Arc<dyn AnyAdapter>,
    settings: &Settings<()>,
    span: Replay,
    out: &mut (dyn std::io::Write + Send),
) -> Result<Replayed, ReplayError> {
    let bus = Bus::connect(&bus_config(&name, &settings.bus)).await?;
    let receipts = Receipts::start(bus.clone(), name.clone());
    let normalize = Normalize::new(name, adapter, bus.clone(), receipts, Pulse::default(), settings.http.max_body.get());
    over_all(&normalize, &bus, span, out).await
}

/// Who the adapter is on the bus.
pub(crate) fn bus_config(name: &AdapterName, settings: &BusSettings) -> BusConfig {
    BusConfig {
        url: settings.url.clone(),
        // Answers come to an inbox of this name, also where a key says who we are.
        user: settings.user.clone().or_else(|| settings.key.as_ref().map(|_| Who::Adapter(name.clone()).to_string())),
        key: settings.key.as_ref().map(|key| key.expose().to_owned().into()),
        password: settings.password.as_ref().map(|password| password.expose().to_owned().into()),
        name: format!("adapter-{name}"),
        replicas: 1,
    }
}

/// A running adapter.
pub struct Running {
    address: SocketAddr,
    end: BoxFuture<'static, Result<(), RunError>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Running {
    /// Where its server listens: with `listen = "127.0.0.1:0"` the port that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends after it was stopped, or cannot go on, and everything it began has ended.
    pub fn ended(self) -> BoxFuture<'static, Result<(), RunError>> {
        self.end
    }
}

/// Opens the door and starts everything behind it; the future ends when the server listens. The bus may be away.
pub fn start_webhook<A: Webhook>(settings: Settings<A::Config>, stop: Stop) -> BoxFuture<'static, Result<Running, RunError>> {
    start_opened(settings, open_webhook::<A>, stop)
}

/// As [`start_webhook`], for an adapter that calls its platform.
pub fn start_poll<A: Poll>(settings: Settings<A::Config>, stop: Stop) -> BoxFuture<'static, Result<Running, RunError>> {
    start_opened(settings, open_poll::<A>, stop)
}

/// As [`start_webhook`], for an adapter with pages.
pub fn start_pages<A: Pages>(settings: Settings<A::Config>, stop: Stop) -> BoxFuture<'static, Result<Running, RunError>> {
    start_opened(settings, open_pages::<A>, stop)
}

/// Runs until `stop`.
pub fn run_webhook<A: Webhook>(settings: Settings<A::Config>, stop: Stop) -> BoxFuture<'static, Result<(), RunError>> {
    to_the_end(start_webhook::<A>(settings, stop))
}

/// Runs until `stop`.
pub fn run_poll<A: Poll>(settings: Settings<A::Config>, stop: Stop) -> BoxFuture<'static, Result<(), RunError>> {
    to_the_end(start_poll::<A>(settings, stop))
}

/// Runs until `stop`.
pub fn run_pages<A: Pages>(settings: Settings<A::Config>, stop: Stop) -> BoxFuture<'static, Result<(), RunError>> {
    to_the_end(start_pages::<A>(settings, stop))
}

fn to_the_end(starting: BoxFuture<'static, Result<Running, RunError>>) -> BoxFuture<'static, Result<(), RunError>> {
    async move { starting.await?.ended().await }.boxed()
}

fn start_opened<C: DeserializeOwned>(
    settings: Settings<C>,
    open: fn(C, &HttpSettings) -> Result<Opened, ConfigError>,
    stop: Stop,
) -> BoxFuture<'static, Result<Running, RunError>> {
    let (settings, config) = settings.split();
    match open(config, &settings.http) {
        Ok(opened) => start(opened, settings, stop),
        Err(error) => std::future::ready(Err(error.into())).boxed(),
    }
}

/// Everything that is not the adapter's own, compiled once.
pub(crate) fn start(opened: Opened, settings: Settings<()>, stop: Stop) -> BoxFuture<'static, Result<Running, RunError>> {
    async move {
        telemetry::metrics();
        let pulse = Pulse::default();
        let bus = Arc::new(OnceLock::new());
        let keeper = keeper(&settings, &bus).await?;
        let ways = Ways { public_url: settings.door.public_url.clone(), proxies: settings.door.proxies };
        let door = Door::of_process(opened.name.clone(), keeper, settings.door.max_body.get(), ways, pulse.clone(), stop.clone());
        let health = server::routes(Health { door: door.clone(), bus: bus.clone(), pulse: pulse.clone() });
        let (routes, way) = ways_in(opened.kind, &door, &pulse);
        let listener = server::listen(settings.door.listen).await?;
        let address = listener.local_addr().map_err(|source| RunError::Listen { address: settings.door.listen.to_string(), source })?;
        info!(adapter = %opened.name, %address, "The door is open.");
        let url = settings.door.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        let mut tasks = JoinSet::new();
        if let Way::Webhook(platform) = &way {
            tasks.spawn(beside(platform.clone(), door.clone(), stop.clone()));
        }
        let behind = Behind {
            name: opened.name,
            adapter: opened.adapter,
            door,
            pulse,
            way,
            max_file: settings.http.max_body.get(),
            url,
            started_at: now(),
            bus,
            stop: stop.clone(),
        };
        tasks.spawn(server::serve(listener, routes.merge(health), stop.clone()).map(Ok));
        tasks.spawn(behind.run(settings));
        Ok(Running { address, end: all_ended(tasks, stop).boxed() })
    }
    .boxed()
}

/// What a webhook's adapter does beside its platform's calls. Most do nothing: that is no reason to stop.
async fn beside(platform: Arc<dyn AnyWebhook>, door: Door, stop: Stop) -> Result<(), RunError> {
    platform.begin(door).await;
    stop.cancelled().await;
    Ok(())
}

/// The first that ends takes the others along: half an adapter is worse than one that is started again.
async fn all_ended(mut tasks: JoinSet<Result<(), RunError>>, stop: Stop) -> Result<(), RunError> {
    let mut outcome = Ok(());
    while let Some(ended) = tasks.join_next().await {
        stop.cancel();
        let ended = ended.unwrap_or_else(|panic| Err(RunError::Broken(panic.into())));
        if outcome.is_ok() {
            outcome = ended;
        }
    }
    info!("The door is closed.");
    outcome
}

/// Where the door makes messages durable.
async fn keeper(settings: &Settings<()>, bus: &Arc<OnceLock<Bus>>) -> Result<Keeper, RunError> {
    match settings.door.durability {
        Durability::Spool => Ok(Keeper::Spool(open_spool(settings).await?)),
        Durability::Bus => {
            let folder = settings.spool.folder.clone();
            let failed = |source: std::io::Error| RunError::Spool { folder: folder.display().to_string(), source: source.into() };
            crate::spool::make_folder(&folder).map_err(failed)?;
            Ok(Keeper::Bus(Straight::new(bus.clone(), folder)))
        }
    }
}

async fn open_spool(settings: &Settings<()>) -> Result<Spool, RunError> {
    let options = SpoolOptions::new(&settings.spool.folder, settings.spool.max_bytes.0, settings.spool.keep);
    let folder = settings.spool.folder.display().to_string();
    let failed = |source| RunError::Spool { folder, source };
    match tokio::task::spawn_blocking(move || Spool::open(options)).await {
        Ok(Ok(spool)) => {
            let level = spool.level();
            info!(waiting = level.waiting, bytes = level.bytes, "Opened the spool.");
            Ok(spool)
        }
        Ok(Err(error)) => Err(failed(error.into())),
        Err(panic) => Err(failed(panic.into())),
    }
}

/// How many servers keep a raw message; waits for the stream.
async fn replicas(bus: &Bus) -> Result<usize, RunError> {
    loop {
        match bus.raw_replicas().await {
            Ok(replicas) => return Ok(replicas),
            Err(error @ BusError::Refused(_)) => return Err(RunError::Bus(error.into())),
            Err(error) => {
                warn!(error = chain(&error), "Cannot ask yet how many servers keep a message; the door waits for that.");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// What a kind needs behind its routes.
enum Way {
    Webhook(Arc<dyn AnyWebhook>),
    Poll(Arc<dyn AnyPoll>),
    Pages,
}

fn ways_in(kind: Kind, door: &Door, pulse: &Pulse) -> (Router, Way) {
    match kind {
        Kind::Webhook(platform) => (webhook::routes(platform.clone(), door.clone(), pulse.clone()), Way::Webhook(platform)),
        Kind::Poll(platform) => (Router::new(), Way::Poll(platform)),
        Kind::Pages(pages) => {
            directory::from_disk(door);
            (pages(door.clone()), Way::Pages)
        }
    }
}

/// Everything that needs the bus.
struct Behind {
    name: AdapterName,
    adapter: Arc<dyn AnyAdapter>,
    door: Door,
    pulse: Pulse,
    way: Way,
    max_file: usize,
    url: String,
    started_at: Timestamp,
    bus: Arc<OnceLock<Bus>>,
    stop: Stop,
}

impl Behind {
    async fn run(self, settings: Settings<()>) -> Result<(), RunError> {
        let config = bus_config(&self.name, &settings.bus);
        let Some(connected) = self.stop.run_until_cancelled(Bus::connect(&config)).await else { return Ok(()) };
        let bus = connected.map_err(|error| RunError::Bus(error.into()))?;
        let mut tasks = JoinSet::new();
        // What JetStream acknowledges it has on its disk a little later; with three replicas it need not be.
        let mut certain_after = settings.spool.keep / 2;
        if let Some(spool) = self.door.spool() {
            tasks.spawn(forward::forward(spool.clone(), bus.clone(), self.pulse.clone(), self.stop.clone()));
        } else {
            let Some(found) = self.stop.run_until_cancelled(replicas(&bus)).await else { return Ok(()) };
            if found? < SAFE_REPLICAS {
                return Err(RunError::Replicas);
            }
            certain_after = Duration::ZERO;
        }
        let _ = self.bus.set(bus.clone());
        let receipts = Receipts::start(bus.clone(), self.name.clone());
        tasks.spawn(self.normalizing(&bus.clone().acknowledging_after(certain_after), receipts.clone()));
        tasks.spawn(self.delivering(&bus, receipts));
        self.spawn_way(&bus, &mut tasks);
        let stop = self.stop.clone();
        tasks.spawn(look_at_the_platform(self.adapter.clone(), self.pulse.clone(), self.stop.clone()));
        tasks.spawn(self.announce(bus));
        let mut outcome = Ok(());
        while let Some(ended) = tasks.join_next().await {
            stop.cancel();
            if let Err(panic) = ended {
                outcome = Err(RunError::Broken(panic.into()));
            }
        }
        outcome
    }

    fn spawn_way(&self, bus: &Bus, tasks: &mut JoinSet<()>) {
        match &self.way {
            Way::Webhook(_) => {}
            Way::Pages => _ = tasks.spawn(directory::keep_fresh(self.door.clone(), bus.clone(), self.stop.clone())),
            Way::Poll(platform) => {
                for account in self.adapter.accounts() {
                    let poller = Poller {
                        name: self.name.clone(),
                        account,
                        platform: platform.clone(),
                        door: self.door.clone(),
                        bus: bus.clone(),
                        pulse: self.pulse.clone(),
                    };
                    tasks.spawn(poller.run(self.stop.clone()));
                }
            }
        }
    }

    fn normalizing(&self, bus: &Bus, receipts: Receipts) -> BoxFuture<'static, ()> {
        let (name, adapter, pulse) = (self.name.clone(), self.adapter.clone(), self.pulse.clone());
        let normalize = Normalize::new(name, adapter, bus.clone(), receipts, pulse, self.max_file);
        let (normalize, bus, queue, stop) = (Arc::new(normalize), bus.clone(), Queue::Raw(self.name.clone()), self.stop.clone());
        let order = Order::default();
        let handle = move |delivery: Delivery<Raw>| -> BoxFuture<'static, Result<(), Failure>> {
            let (normalize, ticket) = (normalize.clone(), order.ticket());
            async move { normalize.handle(delivery, ticket).await }.boxed()
        };
        again(self.pulse.clone(), stop.clone(), move || {
            let (bus, queue, stop, handle) = (bus.clone(), queue.clone(), stop.clone(), handle.clone());
            async move { bus.consume(queue, stop, RAWS_AT_ONCE, handle).await }.boxed()
        })
    }

    fn delivering(&self, bus: &Bus, receipts: Receipts) -> BoxFuture<'static, ()> {
        let deliver = Deliver::new(self.name.clone(), self.adapter.clone(), bus.clone(), receipts, self.pulse.clone());
        let (deliver, bus, queue, stop) = (Arc::new(deliver), bus.clone(), Queue::Replies(self.name.clone()), self.stop.clone());
        let handle = move |delivery: Delivery<Reply>| -> BoxFuture<'static, Result<(), Failure>> {
            let deliver = deliver.clone();
            async move { deliver.handle(delivery).await }.boxed()
        };
        again(self.pulse.clone(), stop.clone(), move || {
            let (bus, queue, stop, handle) = (bus.clone(), queue.clone(), stop.clone(), handle.clone());
            async move { bus.consume(queue, stop, REPLIES_AT_ONCE, handle).await }.boxed()
        })
    }

    async fn announce(self, bus: Bus) {
        let announcing = async {
            let mut ticks = tokio::time::interval(ANNOUNCE);
            loop {
                ticks.tick().await;
                if let Some(metrics) = telemetry::metrics() {
                    metrics.run_upkeep();
                }
                if let Err(error) = bus.announce(&self.announcement()).await {
                    tracing::debug!(error = chain(&error), "Could not announce the adapter.");
                }
            }
        };
        self.stop.run_until_cancelled(announcing).await;
    }

    fn announcement(&self) -> Announcement {
        // The number first: what is taken meanwhile is then waiting and not missing.
        let door = self.door.spool().map(Spool::last_number);
        let spool_waiting = self.door.level().waiting;
        let (refused, last_refused) = self.pulse.refusals();
        let (last_error_at, last_error) = self.pulse.last_trouble().unzip();
        let mut expiries = self.adapter.expiries();
        expiries.extend(self.pulse.expiries());
        expiries.sort();
        expiries.dedup();
        Announcement {
            accounts: self.adapter.accounts(),
            last_seen: now(),
            last_message: self.door.last_taken(),
            last_error,
            last_error_at,
            url: Some(self.url.clone()),
            spool_waiting,
            spool_oldest: self.pulse.oldest_waiting().filter(|_| spool_waiting > 0),
            refused,
            last_refused,
            by_account: self.pulse.accounts(),
            expiries,
            door,
            room: self.adapter.takes_words(),
            ..Announcement::new(self.name.clone(), env!("CARGO_PKG_VERSION"), self.started_at)
        }
    }
}

/// Asks the platform now and then how long what we sign in with lasts; ends by `stop` alone.
async fn look_at_the_platform(adapter: Arc<dyn AnyAdapter>, pulse: Pulse, stop: Stop) {
    let mut pause = FIRST_LOOK;
    while stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_some() {
        pause = LOOK_AGAIN;
        // An adapter whose `probe` panics goes on with its work.
        let looking = AssertUnwindSafe(adapter.probe()).catch_unwind();
        if let Some(Ok(found)) = stop.run_until_cancelled(looking).await {
            pulse.ends(&found);
        }
    }
}

/// Begins a loop of the bus again when it fails, until it ends by `stop`.
fn again(
    pulse: Pulse,
    stop: Stop,
    begin: impl Fn() -> BoxFuture<'static, Result<(), BusError>> + Send + 'static,
) -> BoxFuture<'static, ()> {
    async move {
        while let Err(error) = begin().await {
            warn!(error = chain(&error), "Cannot read from the bus; trying again.");
            pulse.trouble("the bus cannot be read");
            if stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await.is_none() {
                return;
            }
        }
    }
    .boxed()
}
