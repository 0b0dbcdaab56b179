//! `muara all` on one machine: a private PostgreSQL and a private NATS server as supervised children, around the roles.

use std::{fs, path::PathBuf};

use anyhow::Context;
use servers::{Nats, NatsOptions, Postgres};
use tracing::info;

use crate::{config::Config, roles, runtime};

/// The database inside the private cluster.
const DATABASE: &str = "muara";

/// Where the private cluster keeps its data.
fn cluster(config: &Config) -> PathBuf {
    config.data.folder.join("postgres")
}

/// The address of the private database, which `muara all` may be running now; `None`: it never ran.
pub(crate) fn database_url(config: &Config) -> Option<String> {
    Postgres::url_in(&cluster(config), DATABASE)
}

/// Starts what is private, runs the roles, and stops in the opposite order.
pub(crate) fn run<F>(mut config: Config, roles: fn(Config, bus::Stop) -> F) -> anyhow::Result<()>
where
    F: Future<Output = anyhow::Result<()>>,
{
    settings::start_log(&config.log)?;
    fs::create_dir_all(&config.data.folder).with_context(|| format!("cannot make {}", config.data.folder.display()))?;
    let mut postgres = config.database.private.then(|| private_postgres(&mut config)).transpose()?;
    let mut nats = config.bus.private.then(|| private_nats(&mut config)).transpose()?;
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let stop = bus::Stop::new();
        roles::stop_on_signal(&stop)?;
        roles(config, stop).await
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    if let Some(nats) = &mut nats {
        nats.stop();
    }
    if let Some(postgres) = &mut postgres {
        postgres.stop();
    }
    ended
}

fn private_postgres(config: &mut Config) -> anyhow::Result<Postgres> {
    let mut postgres = Postgres::start(&cluster(config))?;
    postgres.supervise();
    postgres.create_database(DATABASE)?;
    config.database.url = postgres.url(DATABASE);
    info!("Started a private PostgreSQL.");
    Ok(postgres)
}

fn private_nats(config: &mut Config) -> anyhow::Result<Nats> {
    let options = NatsOptions { port: Some(config.bus.port), ..NatsOptions::default() };
    let mut nats = Nats::start(&config.data.folder.join("nats"), options)?;
    nats.supervise();
    config.bus.url = nats.url();
    info!("Started a private NATS server at {}.", nats.url());
    Ok(nats)
}
