//! The roles: each runs until it is told to stop, and waits for whatever is not there yet.

use std::time::Duration;

use anyhow::Context;
use bus::{Bus, Stop};
use futures::future::BoxFuture;
use model::Language;
use outgoing::{Http, Limits};
use store::{PgPool, contact::KeysError};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    task::{JoinHandle, JoinSet},
};
use tracing::{info, warn};
use watch::balance::keep_balance;

use crate::{commands, config::Config, connect, doors, metrics, private, storage};

/// How long a role may take to finish what it has in hand.
const FAREWELL: Duration = Duration::from_secs(20);

/// Web, intake and dispatch in one process.
pub(crate) async fn all(config: Config, stop: Stop) -> anyhow::Result<()> {
    let Some(ground) = Ground::reach(&config, "muara all", &stop).await? else { return Ok(()) };
    store::migrate(&ground.db).await?;
    store::contact::begin(&ground.db, &private::vault(&config)?).await?;
    if !config.data.seed.as_os_str().is_empty() {
        commands::seed(&config, &config.data.seed).await?;
    }
    private::welcome(&config, &store::directory::load(&ground.db).await?)?;
    let roles = [
        ("web", ground.web(&config, &stop).await?),
        ("intake", ground.intake(&config, &stop)?),
        ("dispatch", ground.dispatch(&config, &stop)?),
        ("keys", ground.keys(Seals::Yes, &stop)),
    ];
    together(roles, &stop).await
}

/// The pages, and the directory that doors are drawn from.
pub(crate) async fn web(config: Config, stop: Stop) -> anyhow::Result<()> {
    let Some(ground) = Ground::reach(&config, "muara web", &stop).await? else { return Ok(()) };
    together([("web", ground.web(&config, &stop).await?), ("keys", ground.keys(Seals::No, &stop))], &stop).await
}

/// Events become complaints.
pub(crate) async fn intake(config: Config, stop: Stop) -> anyhow::Result<()> {
    let Some(ground) = Ground::reach(&config, "muara intake", &stop).await? else { return Ok(()) };
    together([("intake", ground.intake(&config, &stop)?), ("keys", ground.keys(Seals::No, &stop))], &stop).await
}

/// Complaints reach agencies, replies reach adapters.
pub(crate) async fn dispatch(config: Config, stop: Stop) -> anyhow::Result<()> {
    let Some(ground) = Ground::reach(&config, "muara dispatch", &stop).await? else { return Ok(()) };
    together([("dispatch", ground.dispatch(&config, &stop)?), ("keys", ground.keys(Seals::Yes, &stop))], &stop).await
}

/// What every role stands on.
struct Ground {
    db: PgPool,
    bus: Bus,
}

impl Ground {
    /// `None`: we were told to stop while waiting.
    async fn reach(config: &Config, name: &str, stop: &Stop) -> anyhow::Result<Option<Self>> {
        metrics::show(config, stop).await?;
        let Some(db) = connect::database_when_ready(config, stop).await? else { return Ok(None) };
        let Some(bus) = connect::bus_when_ready(config, name, stop).await? else { return Ok(None) };
        Ok(Some(Self { db, bus }))
    }

    async fn web(&self, config: &Config, stop: &Stop) -> anyhow::Result<Role> {
        let address = config.web.listen;
        let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        let staff_key = doors::staff_key(&self.db).await?;
        tokio::spawn(doors::keep_published(self.db.clone(), self.bus.clone(), config.site(), staff_key.clone(), stop.clone()));
        let context = web::Context {
            db: self.db.clone(),
            bus: self.bus.clone(),
            files: storage::open(&config.storage)?,
            site: config.site(),
            staff_key,
            vault: Some(private::vault(config)?),
            factor_for: config.web.second_factor.clone(),
            mails: config.mail()?.is_some(),
            elsewhere: config.elsewhere(&Http::new(Limits::default())?)?,
            desk_url: some(&config.web.desk_url),
            import_url: some(&config.web.import_url),
            form_url: some(&config.web.form_url),
            behind_proxy: config.web.behind_proxy,
            clock: web::Clock::system(),
        };
        let pages = web::run(context, listener, stop.clone());
        Ok(Box::pin(async move { Ok(pages.await?) }))
    }

    fn intake(&self, config: &Config, stop: &Stop) -> anyhow::Result<Role> {
        let files = storage::open(&config.storage)?;
        let context = intake::Context { db: self.db.clone(), bus: self.bus.clone(), files, limits: intake::promote::Limits::default() };
        let stop = stop.clone();
        let bus = self.bus.clone();
        Ok(Box::pin(async move {
            let (ended, ()) = tokio::join!(intake::run(context, stop.clone()), bus.keep_house(stop));
            Ok(ended?)
        }))
    }

    /// Asks now and then which key seals: every role stops that does not have it, rather than to know no citizen again. One of them seals what an
    /// earlier version left.
    fn keys(&self, seals: Seals, stop: &Stop) -> Role {
        let (db, stop) = (self.db.clone(), stop.clone());
        Box::pin(async move {
            // Beside the question: sealing what is left may take hours.
            let mut sealing: Option<JoinHandle<_>> = None;
            loop {
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = tokio::time::sleep(KEYS_PAUSE) => {}
                }
                match store::contact::refresh(&db).await {
                    Ok(true) if seals == Seals::Yes && sealing.as_ref().is_none_or(JoinHandle::is_finished) => {
                        let db = db.clone();
                        sealing = Some(tokio::spawn(stop.clone().run_until_cancelled_owned(async move { seal_the_rest(&db).await })));
                    }
                    Ok(_) => (),
                    Err(KeysError::Store(error)) => warn!("Which key seals could not be asked: {}.", connect::chain(&error)),
                    Err(error) => return Err(error.into()),
                }
            }
        })
    }

    fn dispatch(&self, config: &Config, stop: &Stop) -> anyhow::Result<Role> {
        let context = dispatch::Context {
            db: self.db.clone(),
            bus: self.bus.clone(),
            files: storage::open(&config.storage)?,
            site: config.site(),
            language: Language::Id,
            http: Http::new(Limits::default())?,
            mail: config.mail()?,
        };
        let loops = dispatch::run(context, stop.clone());
        let balance = keep_balance(self.db.clone(), self.bus.clone(), config.site().zone, commands::now, stop.clone());
        Ok(Box::pin(async move {
            tokio::join!(loops, balance);
            Ok(())
        }))
    }
}

/// How often a role asks which key seals: a third of what a rotation waits for it.
const KEYS_PAUSE: Duration = Duration::from_secs(store::contact::turning::HEARD.as_secs() / 3);

/// Whether a process seals what nobody has sealed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seals {
    Yes,
    No,
}

async fn seal_the_rest(db: &PgPool) {
    match store::contact::moving::pass(db).await {
        Ok(Some(pass)) if pass.moved > 0 || pass.closed > 0 => {
            info!(moved = pass.moved, closed = pass.closed, "Sealed who wrote in rows of an earlier version.");
        }
        Ok(_) => (),
        Err(error) => warn!("Rows of an earlier version could not be sealed: {}.", connect::chain(&error)),
    }
}

/// An address from the configuration; empty: there is none.
fn some(address: &str) -> Option<String> {
    (!address.is_empty()).then(|| address.trim_end_matches('/').to_owned())
}

type Role = BoxFuture<'static, anyhow::Result<()>>;

/// Runs roles side by side. When one ends before its time the others are stopped too: a supervisor starts the process again, whole.
async fn together<const N: usize>(roles: [(&'static str, Role); N], stop: &Stop) -> anyhow::Result<()> {
    let mut running = JoinSet::new();
    for (name, role) in roles {
        running.spawn(async move { role.await.with_context(|| format!("the role {name} ended")) });
    }
    let mut first_error = None;
    while let Some(ended) = running.join_next().await {
        stop.cancel();
        let result = ended.unwrap_or_else(|panic| Err(anyhow::Error::new(panic)));
        first_error = first_error.or(result.err());
    }
    first_error.map_or(Ok(()), Err)
}

/// Ctrl-C and SIGTERM ask us to stop; a second one does not wait.
pub(crate) fn stop_on_signal(stop: &Stop) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        info!("Stopping.");
        stop.cancel();
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {}, () = tokio::time::sleep(FAREWELL) => {} }
        warn!("Stopped without waiting for what was in hand.");
        std::process::exit(1);
    });
    Ok(())
}
