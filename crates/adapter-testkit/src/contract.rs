//! What an adapter's test says about it.

use adapter_sdk::{Answer, Reply, Request};

use crate::{Canned, FakePlatform, Seen};

/// What the suites need to know of an adapter. Fill in what it has and take the rest from [`Contract::default`]:
///
/// ```text
/// Contract { config: |platform| format!("api_url = '{platform}'\ntoken = 'word'"), secrets: &["word"], ..Contract::default() }
/// ```
#[derive(Clone)]
pub struct Contract {
    /// The `[adapter]` table, without its head, with the platform at this address (`http://127.0.0.1:…`).
    pub config: fn(platform: &str) -> String,
    /// The folder of `*.http` and their snapshots: `concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")`.
    pub fixtures: &'static str,
    /// Headers that make the door believe this request, given the secrets of `config`. Webhooks.
    pub signed: fn(&Request) -> Vec<(String, String)>,
    /// The platform signs nothing: it shows a word that it shares with us. Then nobody can notice that a body was changed on its way.
    pub word_only: bool,
    /// The platform's question whether we are here, and what it must hear. Webhooks that have one.
    pub handshake: Option<fn() -> (Request, Answer)>,
    /// Every secret in `config`: none may ever show.
    pub secrets: &'static [&'static str],
    /// Names of the fixtures that must give no event: our own echoes, groups.
    pub ignored: &'static [&'static str],
    /// Names of the fixtures that must not parse.
    pub unparsable: &'static [&'static str],
    /// Names of the fixtures written where everybody reads: their messages are `Audience::Public`, and no others are.
    pub public: &'static [&'static str],
    /// A reply as the core would send it, to an address of this platform. `None`: the adapter sends nothing over HTTP.
    pub reply: Option<fn() -> Reply>,
    /// What the platform answers when it takes that reply.
    pub accepts: fn() -> Canned,
    /// What the platform answers when it does not, and what that must become. At least one final no; an opt-out where the platform
    /// has one. The suite adds 429, 5xx, silence and a closed port by itself.
    pub refusals: fn() -> Vec<Refusal>,
    /// The most characters the platform takes in one message. `None`: no limit.
    pub text_limit: Option<usize>,
    /// Puts something new on the platform, for a poll to find. Pollers.
    pub offers: fn(&FakePlatform),
    /// The words of a reply in a request that the platform saw; `None` when that request carries none.
    pub sent_text: fn(&Seen) -> Option<String>,
    /// Recordings that are a body alone, without a request around it: mails, posts. Beside `*.http`.
    pub bare: Option<Bare>,
    /// A platform that does not speak HTTP (IMAP and SMTP, SMPP): what the suite cannot play by itself. Then `accepts`, `refusals`, `offers`
    /// and `sent_text` are not asked.
    pub elsewhere: Option<Elsewhere>,
    /// What `probe` finds on the platform. `None`: there is nothing to look at, and it says so.
    pub probe: Option<Probe>,
}

/// Fixtures without a request around them.
#[derive(Debug, Clone, Copy)]
pub struct Bare {
    /// How their names end: `eml`.
    pub extension: &'static str,
    /// The headers of [`adapter_sdk::Item`] that a poll would give along.
    pub headers: &'static [(&'static str, &'static str)],
}

/// A platform that the contract's own test plays, because it does not speak HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Elsewhere {
    /// Puts it right: from now on it takes everything. Called before each rule.
    pub mend: fn(),
    /// Puts something new there, for a poll to find. Pollers.
    pub offer: fn(),
    /// Everything there that a poll could change, in words of your own: flags, counts, places. Pollers.
    pub state: fn() -> String,
    /// What can go wrong when it is sent something. At least a final no, something that passes, and silence.
    pub troubles: &'static [Trouble],
    /// The texts that it has been sent since the last call, in order.
    pub received: fn() -> Vec<String>,
}

/// One way in which a platform does not take a reply.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// What it is: `550 no such user`.
    pub what: &'static str,
    /// From now on it is so, until `mend`.
    pub begin: fn(),
    /// What `send` must make of it.
    pub wanted: Wanted,
}

/// What `probe` is tried on.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    /// Lets the platform answer as it does when all is well.
    pub healthy: fn(&FakePlatform),
    /// Each lets it answer so that `probe` must find something wrong; the suite adds 401 to everything, silence and a closed port by itself
    /// (for a platform of your own it adds nothing).
    pub broken: &'static [fn(&FakePlatform)],
}

impl Default for Contract {
    fn default() -> Self {
        Self {
            config: |_| String::new(),
            fixtures: "",
            signed: |_| Vec::new(),
            word_only: false,
            handshake: None,
            secrets: &[],
            ignored: &[],
            unparsable: &[],
            public: &[],
            reply: None,
            accepts: || Canned::json(200, "{}"),
            refusals: Vec::new,
            text_limit: None,
            offers: |_| {},
            sent_text: |_| None,
            bare: None,
            elsewhere: None,
            probe: None,
        }
    }
}

/// An answer of the platform, and what it must become.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// What the platform says.
    pub answer: Canned,
    /// What `send` must make of it.
    pub wanted: Wanted,
}

/// A `SendError` without its causes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// `SendError::Unreachable`
    Unreachable,
    /// `SendError::Throttled`; the seconds, where the platform says them.
    Throttled(Option<u64>),
    /// `SendError::Rejected`, with this code.
    Rejected(String),
    /// `SendError::Rejected`, with whatever code.
    AnyNo,
    /// `SendError::OptedOut`
    OptedOut,
    /// `SendError::Unknown`
    Unknown,
}
