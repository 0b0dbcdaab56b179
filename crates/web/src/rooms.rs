//! What the pages share: connections, the directory as it is now, limits.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use bus::{Bus, Stop};
use ed25519_dalek::SigningKey;
use model::{Directory, Role, Site, Timestamp};
use object_store::ObjectStore;
use store::{PgPool, StoreError, vault::Vault};
use watch::Last;

use crate::{
    WebError,
    account::{
        oidc::Elsewhere,
        passkey::{Keys, Off},
    },
    agency::head::Shapes,
    limits::Limits,
    live::Live,
    outlines::Outlines,
};

/// What the program that starts the pages brings along.
pub struct Context {
    /// The database.
    pub db: PgPool,
    /// The bus, for what adapters announce, what was parked, and photos on their way to quarantine.
    pub bus: Bus,
    /// Long-term storage of attachments.
    pub files: Arc<dyn ObjectStore>,
    /// How the installation speaks of itself. An `https` address makes cookies `Secure` and browsers insist on it.
    pub site: Site,
    /// Signs the tokens that let clerks into the desk.
    pub staff_key: SigningKey,
    /// Seals the second factors of staff; without it nobody can begin to have one.
    pub vault: Option<Arc<Vault>>,
    /// Roles that work only with a second factor.
    pub factor_for: Vec<Role>,
    /// Whether mails to staff go out: `dispatch` knows a mail server.
    pub mails: bool,
    /// Where staff may sign in with another account of theirs, if anywhere.
    pub elsewhere: Option<Elsewhere>,
    /// Where the desk is, if there is one: `https://desk.example.id`.
    pub desk_url: Option<String>,
    /// Where chats of neighbourhood groups are imported, if anywhere: `https://import.example.id`.
    pub import_url: Option<String>,
    /// Where the citizens' form is, if there is one.
    pub form_url: Option<String>,
    /// Whether a reverse proxy stands in front and names the visitor's address in `X-Forwarded-For`.
    pub behind_proxy: bool,
    /// The clock.
    pub clock: Clock,
}

/// Where the time comes from: the system's clock, or a test's.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's.
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "handlers are an edge: the one place where pages read the clock")]
        Self(Arc::new(Timestamp::now))
    }

    /// Any other, for tests.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }
}

/// The state of every handler. Cheap to clone.
#[derive(Clone)]
pub struct Rooms(Arc<Inner>);

struct Inner {
    context: Context,
    directory: RwLock<(i64, Arc<Directory>)>,
    passkeys: Result<Keys, Off>,
    live: Live,
    limits: Limits,
    outlines: Outlines,
    drawn: Shapes,
    watched: Last,
    stop: Stop,
}

impl fmt::Debug for Rooms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rooms")
    }
}

impl Rooms {
    /// Loads the directory and makes ready. When `stop` is cancelled, pages that stay open end.
    pub async fn open(context: Context, stop: Stop) -> Result<Self, StoreError> {
        let version = store::directory::version(&context.db).await?;
        let directory = store::directory::load(&context.db).await?;
        Ok(Self(Arc::new(Inner {
            passkeys: Keys::at(&context.site),
            context,
            directory: RwLock::new((version, Arc::new(directory))),
            live: Live::default(),
            limits: Limits::default(),
            outlines: Outlines::default(),
            drawn: Shapes::default(),
            watched: Last::default(),
            stop,
        })))
    }

    /// Loads the directory again if a row of it changed.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        let version = store::directory::version(self.db()).await?;
        if version == self.directory_version() {
            return Ok(());
        }
        let directory = store::directory::load(self.db()).await?;
        *self.0.directory.write().unwrap_or_else(PoisonError::into_inner) = (version, Arc::new(directory));
        Ok(())
    }

    /// The city's day.
    pub(crate) fn today(&self) -> jiff::civil::Date {
        self.now().to_zoned(self.directory().calendar.zone.time_zone()).date()
    }

    pub(crate) fn directory(&self) -> Arc<Directory> {
        self.0.directory.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    pub(crate) fn directory_version(&self) -> i64 {
        self.0.directory.read().unwrap_or_else(PoisonError::into_inner).0
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.context.clock.0()
    }

    pub(crate) fn db(&self) -> &PgPool {
        &self.0.context.db
    }

    pub(crate) fn bus(&self) -> &Bus {
        &self.0.context.bus
    }

    pub(crate) fn drawn(&self) -> &Shapes {
        &self.0.drawn
    }

    pub(crate) fn files(&self) -> &dyn ObjectStore {
        &*self.0.context.files
    }

    pub(crate) fn site(&self) -> &Site {
        &self.0.context.site
    }

    pub(crate) fn staff_key(&self) -> &SigningKey {
        &self.0.context.staff_key
    }

    pub(crate) fn vault(&self) -> Option<&Vault> {
        self.0.context.vault.as_deref()
    }

    /// Whether the role works only with a second factor.
    pub(crate) fn needs_factor(&self, role: Role) -> bool {
        self.0.context.factor_for.contains(&role)
    }

    /// Whether mails to staff go out.
    pub(crate) fn mails(&self) -> bool {
        self.0.context.mails
    }

    /// The other place where staff may sign in.
    pub(crate) fn elsewhere(&self) -> Result<&Elsewhere, WebError> {
        self.0.context.elsewhere.as_ref().ok_or(WebError::NotFound)
    }

    /// What makes and checks passkeys at our address, or why there are none.
    pub(crate) fn passkeys(&self) -> Result<&Keys, Off> {
        self.0.passkeys.as_ref().map_err(|off| *off)
    }

    pub(crate) fn desk_url(&self) -> Option<&str> {
        self.0.context.desk_url.as_deref().map(|url| url.trim_end_matches('/'))
    }

    pub(crate) fn import_url(&self) -> Option<&str> {
        self.0.context.import_url.as_deref().map(|url| url.trim_end_matches('/'))
    }

    /// Scheme and host of every program that our pages post a token to, for the content policy.
    pub(crate) fn token_origins(&self) -> Vec<String> {
        let origin = |url: &str| {
            let (scheme, rest) = url.split_once("://")?;
            Some(format!("{scheme}://{}", rest.split('/').next()?))
        };
        [self.desk_url(), self.import_url()].into_iter().flatten().filter_map(origin).collect()
    }

    pub(crate) fn form_url(&self) -> Option<&str> {
        self.0.context.form_url.as_deref()
    }

    pub(crate) fn https(&self) -> bool {
        self.site().base_url.starts_with("https://")
    }

    pub(crate) fn behind_proxy(&self) -> bool {
        self.0.context.behind_proxy
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn outlines(&self) -> &Outlines {
        &self.0.outlines
    }

    /// The last look at all channels.
    pub(crate) fn watched(&self) -> &Last {
        &self.0.watched
    }

    pub(crate) fn stop(&self) -> &Stop {
        &self.0.stop
    }
}
