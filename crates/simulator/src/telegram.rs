//! Telegram (Bot API 10.1) as far as a complaint adapter uses it, written from the platform's published description: one bot, private chats, both
//! ways of hearing what is new, files, buttons, and Telegram's ways of saying no.
//!
//! Tests and plays hold a [`TelegramPlatform`]; programs reach it over HTTP.

mod api;
mod state;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::state::State;
pub use self::state::{Got, TelegramFault};
use crate::webhook;

/// How long the waiting functions wait before they give up: a guard against hanging, not a measure.
const PATIENCE: Duration = Duration::from_mins(1);
/// The header with the word that Telegram shows at a webhook.
const WORD: &str = "x-telegram-bot-api-secret-token";

/// What the platform is told at its start. The words protect nothing.
#[derive(Debug, Clone)]
pub struct TelegramOptions {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The number of our bot.
    pub bot: i64,
    /// What it signs in with.
    pub token: String,
}

impl Default for TelegramOptions {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), bot: 7_000_000_001, token: "7000000001:simulator-token".into() }
    }
}

/// A running platform. Cheap to clone; the server ends with the last clone.
#[derive(Debug, Clone)]
pub struct TelegramPlatform {
    /// Where it is, without a slash at the end: the adapter's `api_url`.
    pub url: String,
    state: Arc<Mutex<State>>,
    changes: watch::Sender<u64>,
    client: reqwest::Client,
    _running: Arc<DropGuard>,
}

impl TelegramPlatform {
    /// Starts on loopback, on a port that the system chooses.
    pub async fn start() -> std::io::Result<Self> {
        Self::start_with(TelegramOptions::default()).await
    }

    /// Starts with other options.
    pub async fn start_with(options: TelegramOptions) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let stop = CancellationToken::new();
        let platform = Self {
            url: format!("http://{}", listener.local_addr()?),
            state: Arc::new(Mutex::new(State::new(options))),
            changes: watch::Sender::new(0),
            client: webhook::client(),
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

    /// A citizen opens the chat with the bot.
    pub fn begin(&self, citizen: i64) -> i64 {
        self.text(citizen, "/start")
    }

    /// A citizen writes. Gives the message's number in their chat.
    pub fn text(&self, citizen: i64, text: &str) -> i64 {
        self.say(citizen, &json!({ "text": text }))
    }

    /// A citizen answers a message, one of ours or of their own.
    pub fn answer(&self, citizen: i64, text: &str, message: i64) -> i64 {
        self.say(citizen, &json!({ "text": text, "reply_to_message": { "message_id": message } }))
    }

    /// A citizen sends a photo, a JPEG, with or without words.
    pub fn photo(&self, citizen: i64, caption: Option<&str>, jpeg: impl Into<Bytes>) -> i64 {
        let parts = self.state().photo(caption, jpeg.into());
        self.say(citizen, &parts)
    }

    /// A citizen sends several photos at once: a message each, with the words at the first.
    pub fn album(&self, citizen: i64, caption: &str, jpegs: &[Bytes]) -> Vec<i64> {
        let album = self.state().next().to_string();
        let part = |(at, jpeg): (usize, &Bytes)| {
            let mut parts = self.state().photo((at == 0).then_some(caption), jpeg.clone());
            parts["media_group_id"] = json!(album);
            self.say(citizen, &parts)
        };
        jpegs.iter().enumerate().map(part).collect()
    }

    /// A citizen points at a place.
    pub fn location(&self, citizen: i64, lat: f64, lon: f64) -> i64 {
        self.say(citizen, &json!({ "location": { "latitude": lat, "longitude": lon } }))
    }

    /// A citizen sends anything else: the parts of the message, each under its name.
    pub fn say(&self, citizen: i64, parts: &Value) -> i64 {
        self.change(|state| state.say(citizen, parts))
    }

    /// A citizen changes what they wrote.
    pub fn edit(&self, citizen: i64, message: i64, text: &str) {
        self.change(|state| state.edit(citizen, message, text));
    }

    /// A citizen taps a button below a message of ours.
    ///
    /// # Panics
    /// When the message has no such button: a test that taps it is wrong.
    pub fn tap(&self, citizen: i64, message: &Got, data: &str) {
        assert!(message.buttons.iter().any(|(known, _)| known == data), "no button {data} in {message:?}");
        self.change(|state| state.tap(citizen, message, data));
    }

    /// Somebody writes in a group that the bot is in.
    pub fn in_group(&self, citizen: i64, text: &str) {
        self.change(|state| state.in_group(citizen, text));
    }

    /// A citizen blocks the bot, or takes that back; the bot hears of it.
    pub fn block(&self, citizen: i64, blocked: bool) {
        self.change(|state| state.block(citizen, blocked));
    }

    /// A file that messages may name which was not sent here.
    pub fn offer(&self, id: &str, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        self.change(|state| state.files.insert(id.to_owned(), bytes));
    }

    /// What a citizen got, oldest first.
    pub fn received(&self, citizen: i64) -> Vec<Got> {
        self.state().citizens.get(&citizen).map_or_else(Vec::new, |citizen| citizen.got.clone())
    }

    /// Taps of which the bot said that it heard them.
    pub fn heard(&self) -> Vec<String> {
        self.state().heard.clone()
    }

    /// How many updates nobody confirmed yet.
    pub fn waiting(&self) -> usize {
        self.state().waiting.len()
    }

    /// The numbers of those updates.
    pub fn waiting_numbers(&self) -> Vec<i64> {
        self.state().waiting.iter().map(|(number, _)| *number).collect()
    }

    /// From now on updates have numbers from here on: after a week without news Telegram may begin anywhere.
    pub fn number_from(&self, number: i64) {
        self.state().next_update = number;
    }

    /// Sets a webhook, or with an empty address none: questions are refused while there is one.
    pub fn set_webhook(&self, url: &str) {
        self.change(|state| url.clone_into(&mut state.webhook));
    }

    /// Calls a webhook with every update that it has not taken yet, one after another. Gives the answers' statuses, 0 for none; what was not
    /// answered with a success stays, and so does what comes after it.
    pub async fn deliver(&self, webhook: &str, word: &str) -> Vec<u16> {
        let waiting = self.state().waiting.clone();
        let mut statuses = Vec::new();
        for (number, update) in waiting {
            let request = self.client.post(webhook).header("content-type", "application/json").header(WORD, word);
            let (status, said) = match request.body(update.to_string()).send().await {
                Ok(answer) => (answer.status().as_u16(), answer.json::<Value>().await.unwrap_or_default()),
                Err(_) => (0, Value::Null),
            };
            statuses.push(status);
            if !(200..300).contains(&status) {
                break;
            }
            self.change(|state| {
                state.confirm(number + 1);
                state.order(&said);
            });
        }
        statuses
    }

    /// The next `times` calls of a method fail; `None`: all of them, until [`TelegramPlatform::mend`].
    pub fn fail(&self, method: &str, fault: TelegramFault, times: Option<u32>) {
        self.state().faults.insert(method.to_owned(), (fault, times));
    }

    /// Nothing fails any more.
    pub fn mend(&self) {
        self.state().faults.clear();
    }

    /// How often a method was called, whatever was answered.
    pub fn requests(&self, method: &str) -> u64 {
        self.state().requests.get(method).copied().unwrap_or_default()
    }

    /// Waits until a citizen has got such a message, and gives it. `None` after a minute without one.
    pub async fn wait_for(&self, citizen: i64, wanted: impl Fn(&Got) -> bool) -> Option<Got> {
        self.wait(|| self.received(citizen).into_iter().find(|message| wanted(message))).await
    }

    /// Waits until every update is confirmed.
    pub async fn wait_until_heard(&self) -> bool {
        self.wait(|| (self.waiting() == 0).then_some(())).await.is_some()
    }

    /// Waits until a method was called so often.
    pub async fn wait_for_requests(&self, method: &str, number: u64) -> bool {
        self.wait(|| (self.requests(method) >= number).then_some(())).await.is_some()
    }

    async fn wait<T>(&self, look: impl Fn() -> Option<T>) -> Option<T> {
        let mut changes = self.changes.subscribe();
        let found = async {
            loop {
                if let Some(found) = look() {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.ok().flatten()
    }
}
