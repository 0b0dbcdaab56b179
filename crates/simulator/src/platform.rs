//! The platform as tests and plays hold it: citizens write, the webhook is called, replies arrive.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    Endpoint, Fault, Form, Random, Received, WindowErrors, graph,
    state::{Media, Planned, State, digits},
    webhook,
};

/// What the platform is told at its start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The Bearer token it takes.
    pub access_token: String,
    /// What the app itself signs in with: `<app id>|<app secret>`.
    pub app_token: String,
    /// When the Bearer token ends; `None`: never, as those of system users.
    pub token_ends: Option<Timestamp>,
    /// The id of our number.
    pub phone_number_id: String,
    /// Our number as people see it, digits.
    pub display_phone_number: String,
    /// Shorter pauses between two messages to one citizen are refused with 131056. Zero: none is too short.
    pub pair_pause: SignedDuration,
    /// How long the address of a file lives.
    pub link_life: SignedDuration,
    /// How the closed window is told.
    pub window_errors: WindowErrors,
    /// Everybody is taken for having written just now: for a load whose messages the platform does not see.
    pub window_open_to_all: bool,
    /// How much of what waits the webhook hears in one request. Graph webhooks bundle up to 1,000 changes.
    pub bundle: usize,
    /// Whether messages to citizens are followed by `sent`, `delivered` and `read`.
    pub statuses: bool,
    /// How many senders can be blocked.
    pub most_blocked: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            access_token: "simulator-token".into(),
            app_token: "100000000000002|simulator-secret".into(),
            token_ends: None,
            phone_number_id: "100000000000001".into(),
            display_phone_number: "6281000000000".into(),
            pair_pause: SignedDuration::ZERO,
            link_life: SignedDuration::from_mins(5),
            window_errors: WindowErrors::InAnswer,
            window_open_to_all: false,
            bundle: 1,
            statuses: true,
            most_blocked: 64_000,
        }
    }
}

/// In which order and bundles the webhook hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// One after another, as it happened.
    AsItHappened,
    /// One request each, all at once.
    AtOnce,
    /// One after another, in an order drawn from this seed.
    Shuffled(u64),
    /// Everything in one request.
    InOne,
}

/// How long [`Platform::wait_for`] waits before it gives up: a guard against hanging, not a measure.
const PATIENCE: Duration = Duration::from_mins(1);
/// The pause before a refused delivery is tried again grows up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A running platform. Cheap to clone; the server ends with the last clone.
#[derive(Debug, Clone)]
pub struct Platform {
    /// Where it is, without a slash at the end: the adapter's `graph_url`.
    pub url: String,
    state: Arc<Mutex<State>>,
    changes: watch::Sender<u64>,
    client: reqwest::Client,
    _running: Arc<DropGuard>,
}

impl Platform {
    /// Starts on loopback, on a port that the system chooses.
    pub async fn start() -> std::io::Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// Starts with other options.
    pub async fn start_with(options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let stop = CancellationToken::new();
        let platform = Self {
            url: format!("http://{}", listener.local_addr()?),
            state: Arc::new(Mutex::new(State::new(options, stop.clone()))),
            changes: watch::Sender::new(0),
            client: webhook::client(),
            _running: Arc::new(stop.clone().drop_guard()),
        };
        // The server's copy must not keep the server alive.
        let serve = axum::serve(listener, graph::routes(platform.quiet())).with_graceful_shutdown(async move { stop.cancelled().await });
        tokio::spawn(async move { serve.await });
        Ok(platform)
    }

    /// A copy that does not keep the server alive: for the server itself.
    fn quiet(&self) -> Self {
        Self { _running: Arc::new(CancellationToken::new().drop_guard()), ..self.clone() }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // a test that panicked has its own message
    }

    pub(crate) fn changed(&self) {
        self.changes.send_modify(|turn| *turn += 1);
    }

    /// Gives a citizen a name.
    pub fn name(&self, phone: &str, name: &str) {
        name.clone_into(&mut self.state().citizen(&digits(phone)).name);
    }

    /// The citizen has a username: from now on the webhook does not hear the number, only the business-scoped id.
    pub fn hide_phone(&self, phone: &str) {
        self.state().citizen(&digits(phone)).hides_phone = true;
    }

    /// The citizen's business-scoped id.
    pub fn user_id(&self, phone: &str) -> String {
        self.state().citizen(&digits(phone)).user_id.clone()
    }

    /// The citizen never opens the chat: messages get delivered, not read.
    pub fn never_reads(&self, phone: &str) {
        self.state().citizen(&digits(phone)).reads = false;
    }

    /// A citizen writes. Gives the message's id.
    pub fn text(&self, phone: &str, text: &str) -> String {
        self.write(phone, "text", json!({ "body": text }), None)
    }

    /// A citizen answers a message: one of ours or of their own, by its id.
    pub fn quote(&self, phone: &str, text: &str, wamid: &str) -> String {
        self.write(phone, "text", json!({ "body": text }), Some(wamid))
    }

    /// A citizen sends a photo, a JPEG, with or without words.
    pub fn photo(&self, phone: &str, caption: Option<&str>, jpeg: impl Into<Bytes>) -> String {
        self.file(phone, "image", "image/jpeg", caption, jpeg)
    }

    /// A citizen speaks.
    pub fn voice(&self, phone: &str, ogg: impl Into<Bytes>) -> String {
        self.file(phone, "audio", "audio/ogg; codecs=opus", None, ogg)
    }

    /// A citizen sends a file of any kind: `image`, `video`, `document`, `sticker`, `audio` (spoken).
    pub fn file(&self, phone: &str, kind: &str, mime: &str, caption: Option<&str>, bytes: impl Into<Bytes>) -> String {
        let bytes = bytes.into();
        let id = self.state().keep_media(bytes, mime);
        let mut object = json!({ "id": id, "mime_type": mime });
        if let Some(caption) = caption {
            object["caption"] = json!(caption);
        }
        if kind == "audio" {
            object["voice"] = json!(true);
        }
        self.write(phone, kind, object, None)
    }

    /// A citizen points at a place.
    pub fn location(&self, phone: &str, lat: f64, lon: f64, name: Option<&str>) -> String {
        let mut object = json!({ "latitude": lat, "longitude": lon });
        if let Some(name) = name {
            object["name"] = json!(name);
        }
        self.write(phone, "location", object, None)
    }

    /// A citizen sends something else: `kind` and the object of that name.
    pub fn other(&self, phone: &str, kind: &str, object: Value) -> String {
        self.write(phone, kind, object, None)
    }

    /// A citizen taps one of the choices of a message they got.
    ///
    /// # Panics
    /// When the message offers no such choice: a test that taps it is wrong.
    pub fn tap(&self, phone: &str, message: &Received, id: &str) -> String {
        let Form::Menu { kind, choices } = &message.form else { panic!("there is nothing to tap in {message:?}") };
        let (id, title) = choices.iter().find(|(known, _)| known == id).unwrap_or_else(|| panic!("no choice {id} in {choices:?}"));
        let reply = if kind == "button" { "button_reply" } else { "list_reply" };
        let mut object = json!({ "type": reply });
        object[reply] = json!({ "id": id, "title": title });
        self.write(phone, "interactive", object, Some(&message.wamid))
    }

    /// Citizens block or report what comes from our number: `GREEN`, `YELLOW`, `RED`.
    pub fn quality(&self, rating: &'static str) {
        self.state().quality = rating;
    }

    /// A citizen has another number from now on: what they had stays with them.
    pub fn move_to(&self, phone: &str, new: &str) {
        let (phone, new) = (digits(phone), digits(new));
        self.state().move_to(&phone, &new);
        self.changed();
    }

    /// Meta approves, rejects or pauses a template, and says so. Once one is known here, only approved ones are taken.
    pub fn template(&self, name: &str, language: &str, word: &str) {
        self.state().set_template(name, language, word);
        self.changed();
    }

    fn write(&self, phone: &str, kind: &str, object: Value, quoted: Option<&str>) -> String {
        let wamid = self.state().write(&digits(phone), kind, object, quoted);
        self.changed();
        wamid
    }

    /// A citizen wrote, and the webhook hears of it past this platform: who wrote may be answered.
    pub fn wrote(&self, phone: &str) {
        let mut state = self.state();
        let (at, account) = (state.now(), state.options.phone_number_id.clone());
        state.citizen(&digits(phone)).wrote.insert(account, at);
    }

    /// A file that messages name which were not made here. Asking for it fails so many times in this way.
    pub fn offer(&self, id: &str, bytes: impl Into<Bytes>, mime: &str, fault: Option<(Fault, u32)>) {
        let bytes = bytes.into();
        let media = Media { sha256: Sha256::digest(&bytes).into(), bytes, mime: mime.to_owned(), fault };
        self.state().media.insert(id.to_owned(), media);
    }

    /// Whether the city blocked this citizen.
    pub fn is_blocked(&self, phone: &str) -> bool {
        self.state().blocked.contains(&digits(phone))
    }

    /// What a citizen got, oldest first.
    pub fn received(&self, phone: &str) -> Vec<Received> {
        self.state().citizens.get(&digits(phone)).map_or_else(Vec::new, |citizen| citizen.received.clone())
    }

    /// The bytes of a file, by the platform's id.
    pub fn media(&self, id: &str) -> Option<Bytes> {
        self.state().media.get(id).map(|media| media.bytes.clone())
    }

    /// Everything that every citizen got.
    pub fn received_by_all(&self) -> Vec<(String, Received)> {
        let state = self.state();
        state.citizens.iter().flat_map(|(phone, citizen)| citizen.received.iter().map(|one| (phone.clone(), one.clone()))).collect()
    }

    /// Waits until a citizen has got such a message, and gives it. `None` after a minute without one.
    pub async fn wait_for(&self, phone: &str, wanted: impl Fn(&Received) -> bool) -> Option<Received> {
        let mut changes = self.changes.subscribe();
        let found = async {
            loop {
                if let Some(found) = self.received(phone).into_iter().find(|message| wanted(message)) {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(PATIENCE, found).await.ok().flatten()
    }

    /// Waits for the next change: a citizen wrote or got something.
    pub async fn wait_for_change(&self) {
        let _ = self.changes.subscribe().changed().await; // an error is the end of the platform
    }

    /// Calls the webhook with everything it has not taken yet, as it happened. Gives the answers' statuses, 0 for none; what was not
    /// answered with a success stays for the next time.
    pub async fn deliver(&self, webhook: &str, secret: &str) -> Vec<u16> {
        self.deliver_in(Order::AsItHappened, webhook, secret).await
    }

    /// As [`Self::deliver`], in another order.
    pub async fn deliver_in(&self, order: Order, webhook: &str, secret: &str) -> Vec<u16> {
        let mut waiting: Vec<Value> = self.state().outbox.drain(..).collect();
        if let Order::Shuffled(seed) = order {
            Random::new(seed).shuffle(&mut waiting);
        }
        let bodies: Vec<Vec<Value>> = match order {
            Order::InOne if waiting.is_empty() => Vec::new(),
            Order::InOne => vec![waiting],
            Order::AsItHappened => waiting.chunks(self.bundle()).map(<[Value]>::to_vec).collect(),
            _ => waiting.into_iter().map(|value| vec![value]).collect(),
        };
        let answers = self.post_all(&bodies, order, webhook, secret).await;
        let mut state = self.state();
        for (values, status) in bodies.into_iter().zip(&answers).rev() {
            if (200..300).contains(status) {
                for value in values {
                    state.took(value);
                }
            } else {
                values.into_iter().rev().for_each(|value| state.outbox.push_front(value));
            }
        }
        answers
    }

    fn bundle(&self) -> usize {
        self.state().options.bundle.max(1)
    }

    /// Calls the webhook once more with the last so many things that it took, all at once: what Meta does when an answer was lost.
    pub async fn redeliver(&self, last: usize, webhook: &str, secret: &str) -> Vec<u16> {
        let bodies: Vec<Vec<Value>> = self.state().taken.iter().rev().take(last).map(|value| vec![value.clone()]).collect();
        self.post_all(&bodies, Order::AtOnce, webhook, secret).await
    }

    async fn post_all(&self, bodies: &[Vec<Value>], order: Order, webhook: &str, secret: &str) -> Vec<u16> {
        let mut answers = Vec::with_capacity(bodies.len());
        if order == Order::AtOnce {
            let post = |values: &Vec<Value>| {
                let (client, webhook, secret) = (self.client.clone(), webhook.to_owned(), secret.to_owned());
                let body = webhook::envelope(values);
                tokio::spawn(async move { webhook::post(&client, &webhook, &secret, body).await })
            };
            let calls: Vec<_> = bodies.iter().map(post).collect();
            for call in calls {
                answers.push(call.await.unwrap_or(0));
            }
        } else {
            for values in bodies {
                answers.push(webhook::post(&self.client, webhook, secret, webhook::envelope(values)).await);
            }
        }
        answers
    }

    /// Calls the webhook by itself from now on, as Meta does: soon after something happened, and again, later and later, what was
    /// not taken. Ends with the platform.
    pub fn subscribe(&self, webhook: &str, secret: &str) {
        self.state().webhook = Some(webhook.to_owned());
        let (stop, quiet) = (self.state().stop.clone(), self.quiet());
        let (webhook, secret) = (webhook.to_owned(), secret.to_owned());
        let calls = async move {
            let mut changes = quiet.changes.subscribe();
            let mut pause = Duration::from_millis(500);
            loop {
                let answers = quiet.deliver(&webhook, &secret).await;
                if answers.iter().any(|status| !(200..300).contains(status)) {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                } else {
                    pause = Duration::from_millis(500);
                    if quiet.state().outbox.is_empty() && changes.changed().await.is_err() {
                        return;
                    }
                }
            }
        };
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => (),
                () = calls => (),
            }
        });
    }

    /// How many webhook changes still wait to be taken.
    pub fn waiting(&self) -> usize {
        self.state().outbox.len()
    }

    /// Fails there until [`Self::mend`].
    pub fn fail(&self, at: Endpoint, fault: Fault) {
        self.plan(at, Planned { fault, spared: 0, left: None });
    }

    /// Fails there for so many requests.
    pub fn fail_times(&self, at: Endpoint, fault: Fault, times: u32) {
        self.plan(at, Planned { fault, spared: 0, left: Some(times.max(1)) });
    }

    /// Lets so many requests through there, and fails for one.
    pub fn fail_after(&self, at: Endpoint, fault: Fault, spared: u32) {
        self.plan(at, Planned { fault, spared, left: Some(1) });
    }

    fn plan(&self, at: Endpoint, planned: Planned) {
        self.state().faults.insert(at, planned);
    }

    /// Works there again.
    pub fn mend(&self, at: Endpoint) {
        self.state().faults.remove(&at);
    }

    /// How many requests came there.
    pub fn requests(&self, at: Endpoint) -> u64 {
        self.state().requests.get(&at).copied().unwrap_or(0)
    }

    /// Moves the platform's clock: windows close, addresses of files die.
    pub fn pass(&self, time: SignedDuration) {
        let mut state = self.state();
        state.shift = state.shift.checked_add(time).unwrap_or(SignedDuration::MAX);
    }

    /// The platform's time.
    pub fn now(&self) -> Timestamp {
        self.state().now()
    }
}
