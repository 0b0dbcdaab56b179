//! One connection a process: who we are, waiting for the server, and knowing when it is away.

use std::{fmt, sync::Arc, time::Duration};

use async_nats::{Client, ClientError, ConnectOptions, Event, ServerAddr, ServerInfo, jetstream};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{OnceCell, watch},
    time::timeout,
};
use tracing::{debug, info, warn};

use crate::{BusError, permissions::inbox_prefix};

/// How long a publish, a question or an acknowledgement waits for its answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
/// How long the server leaves a message with us without a word before it gives it to another.
const ACK_WAIT: Duration = Duration::from_secs(30);
/// How often we say that we are still waiting for a server.
const REMIND: Duration = Duration::from_secs(10);
/// Publishes on their way that nobody has acknowledged yet; more than we ever pipeline.
const UNDERWAY: usize = 4096;

/// Where the bus is, and who we are there.
#[derive(Debug, Clone)]
pub struct BusConfig {
    /// `nats://127.0.0.1:4222`; several servers of a cluster with commas between.
    pub url: String,
    /// The user, where the server asks for one.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// The seed of its key, instead of a password: `SU…`. The user's name still names the inbox where answers come.
    pub key: Option<SecretString>,
    /// What the server's monitoring calls us: the process, not the user.
    pub name: String,
    /// How many servers keep each message: 1, or 3 in a cluster. Only [`Bus::ensure`] reads it.
    pub replicas: usize,
}

/// The bus. Cheap to clone; all clones share one connection.
#[derive(Clone)]
pub struct Bus {
    pub(crate) inner: Arc<Inner>,
    pub(crate) ack_wait: Duration,
    /// How long a consumer holds back the acknowledgement of what it has handled.
    pub(crate) certain_after: Duration,
}

pub(crate) struct Inner {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) link: watch::Receiver<Link>,
    pub(crate) replicas: usize,
    /// Who we are, in characters that may stand in a subject.
    pub(crate) owner: String,
    pub(crate) announced: OnceCell<jetstream::kv::Store>,
    pub(crate) quarantine: OnceCell<jetstream::object_store::ObjectStore>,
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus").field("link", &*self.inner.link.borrow()).finish_non_exhaustive()
    }
}

/// What we know of the connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Link {
    pub(crate) up: bool,
    /// How often it has come up: a higher number means that whatever the server kept for the old connection is gone.
    pub(crate) times: u64,
    /// Why the last attempt failed.
    trouble: Option<String>,
}

impl Bus {
    /// Waits, for ever if it must, until a server answers, and says so in the log; from then on the connection comes back by itself.
    ///
    /// # Errors
    /// [`BusError::Address`] and [`BusError::TooOld`]: their sentences say what to do.
    pub async fn connect(config: &BusConfig) -> Result<Self, BusError> {
        let servers = servers(&config.url)?;
        let (tell, link) = watch::channel(Link::default());
        let client = options(config, tell).connect(&servers[..]).await.map_err(BusError::unavailable)?;
        let info = first_info(&client, link.clone(), &servers).await;
        check(&info)?;
        info!(nats.version = %info.version, nats.server = %info.server_name, "Connected to NATS.");
        let jetstream = jetstream::context::ContextBuilder::new()
            .timeout(PATIENCE)
            .ack_timeout(PATIENCE)
            .max_ack_inflight(UNDERWAY)
            .build(client.clone());
        Ok(Self {
            ack_wait: ACK_WAIT,
            certain_after: Duration::ZERO,
            inner: Arc::new(Inner {
                client,
                jetstream,
                link,
                replicas: config.replicas.max(1),
                owner: subject_safe(config.user.as_deref().unwrap_or("nobody")),
                announced: OnceCell::new(),
                quarantine: OnceCell::new(),
            }),
        })
    }

    /// Whether the server is there now. A moment later it may not be.
    pub fn is_connected(&self) -> bool {
        self.inner.link.borrow().up
    }

    /// How often the connection has come up.
    pub(crate) fn connected_times(&self) -> u64 {
        self.inner.link.borrow().times
    }

    /// The same bus whose consumers lose a message after a shorter silence, for tests that cannot wait. All consumers of a queue must agree.
    #[doc(hidden)]
    #[must_use]
    pub fn with_ack_wait(self, ack_wait: Duration) -> Self {
        Self { ack_wait, ..self }
    }

    /// The same bus whose consumers acknowledge what they have handled only so long after. For handlers whose work is to publish on this bus: a
    /// server acknowledges what it has not synced yet, so an acknowledgement that it does sync could outlive, in a power cut, the message
    /// that was made. What is not acknowledged when the process ends is handled again, by this one or another.
    #[must_use]
    pub fn acknowledging_after(self, certain_after: Duration) -> Self {
        Self { certain_after, ..self }
    }

    /// How many servers keep each raw message.
    pub async fn raw_replicas(&self) -> Result<usize, BusError> {
        self.connected().await?;
        let stream = self.inner.jetstream.get_stream(crate::streams::RAW).await;
        let stream = stream.map_err(|error| BusError::finding(error, "stream RAW"))?;
        Ok(stream.cached_info().config.num_replicas)
    }

    /// Writes out what is still under way; for the end of a process.
    pub async fn flush(&self) -> Result<(), BusError> {
        timeout(PATIENCE, self.inner.client.flush()).await.map_err(BusError::unavailable)?.map_err(BusError::unavailable)
    }

    /// Waits a little for a connection that is away, instead of filling the client's buffer with what will be repeated anyway.
    pub(crate) async fn connected(&self) -> Result<(), BusError> {
        if self.is_connected() {
            return Ok(());
        }
        let mut link = self.inner.link.clone();
        match timeout(PATIENCE, link.wait_for(|link| link.up)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(closed)) => Err(BusError::unavailable(closed)),
            Err(elapsed) => Err(BusError::unavailable(elapsed)),
        }
    }
}

fn servers(url: &str) -> Result<Vec<ServerAddr>, BusError> {
    let servers = url.split(',').map(|one| one.trim().parse::<ServerAddr>()).collect::<Result<Vec<_>, _>>();
    servers.map_err(|error| BusError::Address(error.into()))
}

fn options(config: &BusConfig, tell: watch::Sender<Link>) -> ConnectOptions {
    let tell = Arc::new(tell);
    let options = ConnectOptions::new()
        .name(&config.name)
        .retry_on_initial_connect()
        .max_reconnects(None)
        .connection_timeout(PATIENCE)
        .request_timeout(Some(PATIENCE))
        // A dead peer (a pulled cable says nothing) is noticed within two of these.
        .ping_interval(Duration::from_secs(15))
        .event_callback(move |event| {
            notice(&tell, event);
            std::future::ready(())
        });
    let Some(user) = &config.user else { return options };
    let options = options.custom_inbox_prefix(inbox_prefix(user));
    if let Some(key) = &config.key {
        return options.nkey(key.expose_secret().trim().to_owned());
    }
    let password = config.password.as_ref().map(|password| password.expose_secret().to_owned()).unwrap_or_default();
    options.user_and_password(user.clone(), password)
}

/// What may stand in a subject: a user's name is chosen by people.
pub(crate) fn subject_safe(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

fn notice(link: &watch::Sender<Link>, event: Event) {
    match event {
        Event::Connected => link.send_modify(|link| {
            link.up = true;
            link.times += 1;
            if link.times > 1 {
                info!("NATS is back.");
            }
        }),
        Event::Disconnected => {
            warn!("Lost the connection to NATS; trying again until it is back.");
            link.send_modify(|link| link.up = false);
        }
        Event::ClientError(ClientError::Other(trouble)) => link.send_modify(|link| link.trouble = Some(trouble)),
        Event::ServerError(error) => warn!("NATS says: {error}."),
        other => debug!("NATS client: {other}."),
    }
}

async fn first_info(client: &Client, mut link: watch::Receiver<Link>, servers: &[ServerAddr]) -> ServerInfo {
    let places = servers.iter().map(|server| format!("{}:{}", server.host(), server.port())).collect::<Vec<_>>().join(", ");
    loop {
        // The event may come a moment before the server's introduction can be read.
        if let Some(info) = client.try_server_info() {
            return info;
        }
        if link.borrow().up {
            tokio::time::sleep(Duration::from_millis(5)).await;
        } else if timeout(REMIND, link.wait_for(|link| link.up)).await.is_err() {
            let trouble = link.borrow().trouble.clone().unwrap_or_else(|| "no answer".to_owned());
            warn!("Waiting for NATS at {places}: {trouble}.");
        }
    }
}

fn check(info: &ServerInfo) -> Result<(), BusError> {
    if version(&info.version) < Some((2, 10)) {
        return Err(BusError::TooOld { version: info.version.clone() });
    }
    Ok(())
}

/// Major and minor; `None` for what is no version.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim_start_matches('v').split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(version: &str) -> ServerInfo {
        ServerInfo { version: version.to_owned(), ..ServerInfo::default() }
    }

    #[test]
    fn servers_before_2_10_are_refused_with_a_sentence_that_says_what_to_do() {
        for old in ["2.9.10", "1.4.1", "", "nonsense"] {
            let error = check(&server(old)).expect_err(old);
            assert!(error.to_string().contains("install a newer nats-server"), "{error}");
        }
        for new in ["2.10.27", "2.15.1", "v3.0.0", "2.12.0-RC.1"] {
            assert!(check(&server(new)).is_ok(), "{new}");
        }
    }

    #[test]
    fn several_servers_are_written_with_commas() {
        assert_eq!(servers("nats://a:4222, nats://b:4222").expect("two").len(), 2);
        assert!(matches!(servers("nats://a:port"), Err(BusError::Address(_))));
    }
}
