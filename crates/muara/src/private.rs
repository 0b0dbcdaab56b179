//! `muara all` on one machine: a private PostgreSQL and a private NATS server as supervised children, around the roles.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use bus::{
    Who,
    accounts::{Server, to_nats_conf},
};
use model::Directory;
use servers::{NATS_USERS, Nats, NatsOptions, Postgres, set_nats_users};
use store::vault::Vault;
use tracing::info;

use crate::{
    config::Config,
    keys::{Keys, Made},
    roles, runtime,
};

/// The database inside the private cluster.
const DATABASE: &str = "muara";

/// Where the private cluster keeps its data.
fn cluster(config: &Config) -> PathBuf {
    config.data.folder.join("postgres")
}

/// Where the private NATS server keeps its data.
fn nats_folder(config: &Config) -> PathBuf {
    config.data.folder.join("nats")
}

/// Writes who may come to the private server; one that runs reads it at once. `false`: none runs.
pub(crate) fn publish_users(config: &Config) -> anyhow::Result<bool> {
    let users = to_nats_conf(&Keys::new(&config.bus.keys).users()?, Server::Private);
    Ok(set_nats_users(&nats_folder(config), &users)?)
}

/// Gives a credential to every adapter that a channel needs, so that on one machine nobody has to think of it. Nothing to do where the server
/// is not ours.
pub(crate) fn welcome(config: &Config, directory: &Directory) -> anyhow::Result<()> {
    if !config.bus.private {
        return Ok(());
    }
    let keys = Keys::new(&config.bus.keys);
    let mut made = Vec::new();
    for channel in &directory.channels {
        let who = Who::Adapter(channel.adapter.clone());
        if keys.ensure(&who)? == Made::Now {
            made.push(who.to_string());
        }
    }
    if !made.is_empty() {
        publish_users(config)?;
        info!("Made the credentials of {} in {}.", made.join(", "), config.bus.keys.display());
    }
    Ok(())
}

/// The keys that who wrote is sealed with. Where none are given and the database is a private one, the installation has its own beside it, made here
/// at the first use; it is the only copy, so whoever keeps backups keeps it too.
pub(crate) fn vault(config: &Config) -> anyhow::Result<Arc<Vault>> {
    if let Some(vault) = config.vault()? {
        return Ok(Arc::new(vault));
    }
    let path = config.data.folder.join("vault-keys");
    let cannot = |what| format!("cannot {what} {}", path.display());
    if !path.exists() && make_keys(&config.data.folder, &path).with_context(|| cannot("make"))? {
        info!("Made the key that who wrote is sealed with: {}. Keep a copy of it apart from the database's.", path.display());
    }
    let text = fs::read_to_string(&path).with_context(|| cannot("read"))?;
    Ok(Arc::new(Vault::parse(&text).with_context(|| path.display().to_string())?))
}

/// Whole or not at all, also when the machine stops in the middle. `false`: another process was faster.
fn make_keys(folder: &Path, path: &Path) -> io::Result<bool> {
    let draft = folder.join(format!("vault-keys.{}", std::process::id()));
    let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = file.write_all(format!("{}\n", Vault::new_line()).as_bytes()).and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => fs::File::open(folder)?.sync_all().map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// The address of the private database, which `muara all` may be running now; `None`: it never ran.
pub(crate) fn database_url(config: &Config) -> Option<String> {
    Postgres::url_in(&cluster(config), DATABASE)
}

/// Starts what is private, runs the roles, and stops in the opposite order.
pub(crate) fn run<F>(mut config: Config, roles: impl FnOnce(Config, bus::Stop) -> F) -> anyhow::Result<()>
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
    Keys::new(&config.bus.keys).ensure(&Who::Core)?;
    publish_users(config)?;
    let include = format!("include {NATS_USERS:?}\n");
    let options = NatsOptions { port: Some(config.bus.port), config: include, ..NatsOptions::default() };
    let mut nats = Nats::start(&nats_folder(config), options)?;
    nats.supervise();
    config.bus.url = nats.url();
    info!("Started a private NATS server at {}.", nats.url());
    Ok(nats)
}
