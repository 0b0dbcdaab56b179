//! X (API v2) as far as a complaint adapter uses it, written from the platform's published description: mentions, recent search, look-up,
//! posts and answers, edits and deletions, direct messages, OAuth 1.0a and 2.0, windows, credits and X's ways of saying no.
//!
//! Tests and plays hold an [`XPlatform`]; programs reach it over HTTP.

mod api;
mod auth;
mod state;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::state::State;
pub use self::{
    auth::signature,
    state::{Said, XEndpoint, XFault},
};

/// How long the waiting functions wait before they give up: a guard against hanging, not a measure.
const PATIENCE: Duration = Duration::from_mins(1);

/// What the platform is told at its start. The words protect nothing.
#[derive(Debug, Clone)]
pub struct XOptions {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The number of our account.
    pub user_id: String,
    /// Its name without `@`.
    pub username: String,
    /// OAuth 1.0a: the app's key and secret, the account's token and its secret.
    pub keys: [String; 4],
    /// OAuth 2.0: client id and the refresh token that works first.
    pub client_id: String,
    /// It changes with each use.
    pub refresh_token: String,
    /// How long an access token of OAuth 2.0 lives.
    pub token_life: SignedDuration,
    /// Whether only those may be answered who mention or quote our account.
    pub only_summoned: bool,
    /// Requests of each kind within 15 minutes; `None`: as many as one likes.
    pub window: Option<u32>,
    /// How many posts a mention timeline holds.
    pub timeline: usize,
}

impl Default for XOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            user_id: "1000000000000000001".into(),
            username: "lapor_contoh".into(),
            keys: ["simulator-key", "simulator&secret", "1000000000000000001-simulator", "simulator=token secret"].map(Into::into),
            client_id: "simulator-client".into(),
            refresh_token: "simulator-refresh".into(),
            token_life: SignedDuration::from_hours(2),
            only_summoned: true,
            window: None,
            timeline: 800,
        }
    }
}

/// A post that a citizen writes.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// The words; `@names` and `#tags` in them are found.
    pub text: String,
    /// Which post it answers.
    pub answers: Option<String>,
    /// Which post it quotes.
    pub quotes: Option<String>,
    /// A photo and its alternative text.
    pub photo: Option<(Bytes, String)>,
    /// Longitude and latitude, and the name of the place.
    pub place: Option<(f64, f64, String)>,
    /// When; now, if not given.
    pub at: Option<Timestamp>,
}

impl From<&str> for Draft {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

/// A running platform. Cheap to clone; the server ends with the last clone.
#[derive(Debug, Clone)]
pub struct XPlatform {
    /// Where it is, without a slash at the end: the adapter's `api_url`.
    pub url: String,
    state: Arc<Mutex<State>>,
    changes: watch::Sender<u64>,
    _running: Arc<DropGuard>,
}

impl XPlatform {
    /// Starts on loopback, on a port that the system chooses.
    pub async fn start() -> std::io::Result<Self> {
        Self::start_with(XOptions::default()).await
    }

    /// Starts with other options.
    pub async fn start_with(options: XOptions) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let stop = CancellationToken::new();
        let url = format!("http://{}", listener.local_addr()?);
        let platform = Self {
            state: Arc::new(Mutex::new(State::new(options, url.clone()))),
            url,
            changes: watch::Sender::new(0),
            _running: Arc::new(stop.clone().drop_guard()),
        };
        // The server's copy must not keep the server alive.
        let quiet = Self { _running: Arc::new(CancellationToken::new().drop_guard()), ..platform.clone() };
        let serve = axum::serve(listener, api::routes(quiet)).with_graceful_shutdown(async move { stop.cancelled().await });
        tokio::spawn(async move { serve.await });
        Ok(platform)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // a test that panicked has its own message
    }

    fn changed(&self) {
        self.changes.send_modify(|turn| *turn += 1);
    }

    fn change<T>(&self, what: impl FnOnce(&mut State) -> T) -> T {
        let done = what(&mut self.state());
        self.changed();
        done
    }

    /// The number of a citizen, who is there from now on.
    pub fn user(&self, username: &str) -> String {
        self.state().user(username)
    }

    /// A citizen posts. Gives the post's number.
    pub fn post(&self, username: &str, draft: impl Into<Draft>) -> String {
        self.change(|state| state.post(username, draft.into()))
    }

    /// A citizen changes a post: a new number, in one history with the old one.
    pub fn edit(&self, id: &str, text: &str) -> String {
        self.change(|state| state.edit(id, text))
    }

    /// A citizen repeats a post.
    pub fn repost(&self, username: &str, id: &str) -> String {
        self.change(|state| state.repost(username, id))
    }

    /// A post is gone.
    pub fn delete(&self, id: &str) {
        self.change(|state| state.delete(id));
    }

    /// A citizen's posts are for their followers only, from now on.
    pub fn protect(&self, username: &str) {
        self.change(|state| state.protect(username));
    }

    /// A citizen writes to our account directly. Gives the number of the message.
    pub fn direct(&self, username: &str, text: &str) -> String {
        self.change(|state| state.direct(username, text, None))
    }

    /// The same with a photo, a JPEG.
    pub fn direct_photo(&self, username: &str, text: &str, jpeg: impl Into<Bytes>) -> String {
        self.change(|state| state.direct(username, text, Some(jpeg.into())))
    }

    /// What our account said below a post and below its own answers there, oldest first.
    pub fn answers(&self, post: &str) -> Vec<Said> {
        self.state().answers(post)
    }

    /// Everything our account posted, oldest first.
    pub fn posted(&self) -> Vec<Said> {
        self.state().posted()
    }

    /// What our account wrote to a citizen directly, oldest first.
    pub fn directs_to(&self, username: &str) -> Vec<Said> {
        self.state().directs_to(username)
    }

    /// Waits for an answer below a post; `None` after a minute.
    pub async fn wait_for_answer(&self, post: &str, fits: impl Fn(&Said) -> bool) -> Option<Said> {
        self.wait(|| self.answers(post).into_iter().find(&fits)).await
    }

    /// Waits for a direct message; `None` after a minute.
    pub async fn wait_for_direct(&self, username: &str, fits: impl Fn(&Said) -> bool) -> Option<Said> {
        self.wait(|| self.directs_to(username).into_iter().find(&fits)).await
    }

    /// Waits until so many requests of a kind came.
    pub async fn wait_for_requests(&self, at: XEndpoint, number: u64) -> bool {
        self.wait(|| (self.requests(at) >= number).then_some(())).await.is_some()
    }

    async fn wait<T>(&self, look: impl Fn() -> Option<T>) -> Option<T> {
        let mut changes = self.changes.subscribe();
        tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(found) = look() {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        })
        .await
        .ok()
        .flatten()
    }

    /// The next `times` requests of a kind fail; `None`: all of them, until [`XPlatform::mend`].
    pub fn fail(&self, at: XEndpoint, fault: XFault, times: Option<u32>) {
        self.state().faults.insert(at, (fault, times));
    }

    /// The same, after so many requests that do not fail.
    pub fn fail_after(&self, at: XEndpoint, spared: u32, fault: XFault, times: u32) {
        let mut state = self.state();
        state.faults.insert(at, (fault, Some(times)));
        state.spared.insert(at, spared);
    }

    /// From now on so many requests of each kind within 15 minutes.
    pub fn change_window(&self, window: Option<u32>) {
        self.state().options.window = window;
    }

    /// Gives a post another number, as if it had been made at another time.
    pub fn rename(&self, id: &str, new: &str) {
        self.state().rename(id, new);
    }

    /// Nothing fails any more.
    pub fn mend(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.spared.clear();
    }

    /// How many requests of a kind came, whatever they were answered.
    pub fn requests(&self, at: XEndpoint) -> u64 {
        self.state().requests.get(&at).copied().unwrap_or_default()
    }

    /// The platform's clock, from now on so far from the machine's.
    pub fn move_clock(&self, by: SignedDuration) {
        self.state().shift = by;
    }

    /// The platform's time.
    pub fn now(&self) -> Timestamp {
        self.state().now()
    }

    /// The refresh token that works now.
    pub fn refresh_token(&self) -> String {
        self.state().refresh_token.clone()
    }

    /// Withdraws the access token of OAuth 2.0 before its time.
    pub fn forget_access(&self) {
        self.state().access = None;
    }
}
