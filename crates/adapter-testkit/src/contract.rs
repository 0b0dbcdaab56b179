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
    /// `SendError::OptedOut`
    OptedOut,
}
