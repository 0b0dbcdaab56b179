//! The traits: what an adapter is, and the three ways in.

use std::{future::Future, sync::Arc, time::Duration};

use bus::Expiry;
use bytes::Bytes;
use model::{Event, Raw, RemoteMedia, Reply, ReplyFile, room::Room};
use outgoing::Http;
use serde::de::DeserializeOwned;

use crate::{Answer, ConfigError, Door, DoorError, FetchError, Finding, ParseError, Refused, Request, SendError};

/// A way for citizens to reach us and be answered.
pub trait Adapter: Send + Sync + Sized + 'static {
    /// The name in keys, subjects and channel rows: `[a-z][a-z0-9_]*`.
    const NAME: &'static str;
    /// The crate's `config.default.toml`: every option, its default, a comment. Read beneath the administrator's file, and printed by
    /// `check --defaults`.
    const DEFAULTS: &'static str;
    /// The `[adapter]` table of the configuration. Put `#[serde(deny_unknown_fields)]` on it: a misspelt key is then an error that
    /// names the nearest known one. A [`crate::Secret`] called `token` is given as `token_file` or, in tests, as `token`.
    type Config: DeserializeOwned + Send;

    /// Checks the configuration and builds the adapter. No I/O: `check` calls this too. Hosts that the configuration names are
    /// reached through [`Http::trusting`]; addresses that come in messages through the plain client.
    fn open(config: Self::Config, http: Http) -> Result<Self, ConfigError>;

    /// Which accounts of ours it serves, as in its messages' keys: announced for the administrators' page.
    fn accounts(&self) -> Vec<String> {
        Vec::new()
    }

    /// What it signs in with and runs out, with what to do then: an access token whose end the platform told or the administrator wrote
    /// down. Asked every few seconds and announced; no I/O. The thing itself never.
    fn expiries(&self) -> Vec<Expiry> {
        Vec::new()
    }

    /// How much goes into one message to a citizen, where the platform counts: staff see it while they type. No I/O.
    fn takes_words(&self) -> Vec<Room> {
        Vec::new()
    }

    /// Which request headers go into [`Raw`], lower case. Never one that authenticates the platform.
    fn keep_headers() -> &'static [&'static str] {
        &[]
    }

    /// Reads the events in what came in. Pure: no clock, no network, no panic, and the same bytes give the same events for ever. Files
    /// are named as `Content::Remote`. Nothing for us in it (an echo, a group) is an empty list, not an error; an error is parked
    /// with its bytes for a person.
    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError>;

    /// Downloads one attachment through the SDK's client, which sets the limits.
    fn fetch(&self, media: &RemoteMedia) -> impl Future<Output = Result<Bytes, FetchError>> + Send;

    /// Gets an attachment that may be inside the raw bytes themselves: a part of a form, of a mail. Adapters whose files are on the
    /// platform leave it as it is.
    fn fetch_from(&self, raw: &Raw, media: &RemoteMedia) -> impl Future<Output = Result<Bytes, FetchError>> + Send {
        let _ = raw;
        self.fetch(media)
    }

    /// Whether it can send this file along with the words, by its kind and size. The others are left out: the words have the link to them.
    fn takes(&self, file: &ReplyFile) -> bool {
        let _ = file;
        false
    }

    /// Sends one reply, with those of its files that it [takes](Self::takes): their bytes are there. May be called again with the same `reply.id` after a crash: pass it on as the platform's key. A text longer
    /// than the platform takes is sent in several, in order, or rejected; never cut. Where the words got through and a file is refused for good,
    /// the reply is sent, and [`Sent::file_refused`] says why.
    fn send(&self, reply: &Reply) -> impl Future<Output = Result<Sent, SendError>> + Send;

    /// Looks at the platform for an administrator, and changes nothing there: is the token valid and until when, is the webhook
    /// subscribed, is the mailbox reachable, does the number exist. One [`Finding`] for each thing looked at, for each account; what is
    /// wrong says what to do. Every call ends by itself, as calls through [`Http`] do. Nothing in a finding is secret or personal.
    ///
    /// An adapter without a platform of its own (a desk, a form) leaves it as it is: then `probe` says that there is nothing to look at.
    fn probe(&self) -> impl Future<Output = Vec<Finding>> + Send {
        std::future::ready(Vec::new())
    }
}

/// The platform has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sent {
    /// The platform's id of the (first) message, by which its receipts and the citizen's answers name it.
    pub platform_id: Option<String>,
    /// The words got through and a file that should go along did not, for good: the platform's code and words, for staff, without personal data.
    pub file_refused: Option<String>,
}

impl Sent {
    /// Everything got through, under this id of the platform.
    pub fn under(platform_id: Option<String>) -> Self {
        Self { platform_id, file_refused: None }
    }
}

/// The platform calls us.
pub trait Webhook: Adapter {
    /// Whether the request is from the platform: a signature over the raw bytes, compared in constant time. No I/O.
    fn verify(&self, request: &Request) -> Result<(), Refused>;

    /// The answer to the platform's question whether we are here, which carries no signature. `None`: not such a question.
    fn handshake(&self, request: &Request) -> Option<Answer> {
        let _ = request;
        None
    }

    /// What the platform wants to hear once the message is durable. Empty by default: some gateways text the body to the citizen.
    fn accepted(&self, request: &Request) -> Answer {
        let _ = request;
        Answer::ok()
    }

    /// Keeps a request that was verified. `Ok` means it is on the disk, and the platform hears yes. The door keeps it as it came; a
    /// platform that delivers one message in several requests may keep a piece elsewhere first, as durably, and submit the whole later.
    fn keep(&self, request: Request, door: &Door) -> impl Future<Output = Result<(), DoorError>> + Send {
        let headers = request.kept(Self::keep_headers());
        async move { door.take(request.query, headers, request.body).await.map(drop) }
    }

    /// Called once, when the door opens: for what an adapter does beside answering its platform. It ends with [`Door::closing`].
    fn begin(self: Arc<Self>, door: Door) -> impl Future<Output = ()> + Send {
        let _ = door;
        async {}
    }
}

/// We call the platform. Reads only: the cursor is our memory, and the SDK keeps it.
pub trait Poll: Adapter {
    /// How long to rest after a poll that found nothing more.
    fn every(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Reads what is new in one of [`Adapter::accounts`] after the cursor; `None` the first time. Changes nothing there: polled again
    /// with the same cursor it gives the same.
    fn poll(&self, account: &str, cursor: Option<Vec<u8>>) -> impl Future<Output = Result<Batch, FetchError>> + Send;
}

/// A platform that calls us or is called, as the administrator chose: never both at once.
pub trait EitherWay: Webhook + Poll {
    /// Whether we call the platform; else it calls us, and there is a door for it. By the configuration alone. No I/O.
    fn polls(&self) -> bool;
}

/// What one poll found. `Debug` shows sizes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// In the platform's order.
    pub items: Vec<Item>,
    /// Where to go on; moved only after the items are durable. `None`: where we were.
    pub cursor: Option<Vec<u8>>,
    /// There is more: poll again at once.
    pub more: bool,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("items", &self.items.len()).field("more", &self.more).finish_non_exhaustive()
    }
}

/// One thing that a poll found, as it will be given to [`Adapter::parse`]. `Debug` shows its size.
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    /// What `parse` needs to know beside the bytes (the mailbox, the feed), lower-case names.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: Bytes,
}

impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Item({} bytes)", self.body.len())
    }
}

/// A person types it in: a desk, a web form; a USSD or voice menu is a form on a telephone.
pub trait Pages: Adapter {
    /// The pages, served at `/`. `/health` and `/metrics` are the SDK's. [`Door::submit`] is all they may do.
    fn pages(self: Arc<Self>, door: Door) -> axum::Router;
}
