//! A NATS server, a platform, an adapter between them, and what came out on the other side.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use adapter_sdk::{
    Bytes, Event, Reply, RunError, Running, Settings, Stop, TraceId,
    axum::{
        Router,
        body::to_bytes,
        extract::{Request, State},
        http::StatusCode,
        response::{IntoResponse, Response},
    },
    outgoing::{Http, Limits},
    start_pages, start_poll, start_webhook,
};
use bus::{Bus, BusConfig, Queue};
use futures::future::BoxFuture;
use servers::{Nats, NatsOptions};
use tempfile::TempDir;

use crate::chat::{Chat, Config};

/// Nothing that happens here takes longer, unless it never happens.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct World {
    nats: Arc<Mutex<Nats>>,
    nats_folder: TempDir,
    pub(crate) platform: Platform,
    pub(crate) folder: TempDir,
    pub(crate) stop: Stop,
    seen: Arc<Mutex<Vec<Event>>>,
    ending: Option<BoxFuture<'static, Result<(), RunError>>>,
    pub(crate) address: Option<SocketAddr>,
    http: Http,
}

impl World {
    pub(crate) async fn new() -> Self {
        let nats_folder = TempDir::new().expect("a folder");
        servers::set_nats_users(nats_folder.path(), "").expect("a file of users");
        let options = NatsOptions { config: format!("include {:?}\n", servers::NATS_USERS), ..NatsOptions::default() };
        let nats = Nats::start(nats_folder.path(), options).unwrap_or_else(|problem| panic!("no NATS for the tests: {problem}"));
        Self {
            nats: Arc::new(Mutex::new(nats)),
            nats_folder,
            platform: Platform::start().await,
            folder: TempDir::new().expect("a folder"),
            stop: Stop::new(),
            seen: Arc::default(),
            ending: None,
            address: None,
            http: Http::new(Limits { allow_private: true, ..Limits::default() }).expect("a client"),
        }
    }

    /// With every stream, a webhook adapter, and a reader of its events.
    pub(crate) async fn with_webhook() -> Self {
        let mut world = Self::new().await;
        world.bus().await;
        world.open("").await;
        world.listen().await;
        world
    }

    pub(crate) fn nats(&self) -> MutexGuard<'_, Nats> {
        self.nats.lock().expect("a lock")
    }

    /// Kills the server when the platform is called next, before it answers.
    pub(crate) fn kill_nats_on_call(&self) {
        let nats = self.nats.clone();
        self.platform.on_call(move || nats.lock().expect("a lock").kill9());
    }

    /// What a power cut takes: all that the server had not synced.
    pub(crate) fn kill_nats_and_lose_its_streams(&self) {
        self.nats().kill9();
        std::fs::remove_dir_all(self.nats_folder.path().join("jetstream")).expect("the server's streams");
    }

    /// Starts the server anew, and from now on it takes nothing under this subject; the empty one: it takes all.
    pub(crate) fn refuse(&self, subject: &str) {
        let users = format!(
            "no_auth_user: all\nauthorization {{ users = [{{ user: all, password: \"only-for-this-test\", \
             permissions: {{ publish: {{ deny: [{subject:?}] }} }} }}] }}\n"
        );
        let users = if subject.is_empty() { "" } else { &users };
        self.nats().stop();
        servers::set_nats_users(self.nats_folder.path(), users).expect("a file of users");
        self.nats().restart().expect("a server");
    }

    pub(crate) async fn bus(&self) -> Bus {
        let config = BusConfig { url: self.nats().url(), user: None, password: None, key: None, name: "test".into(), replicas: 1 };
        let bus = Bus::connect(&config).await.expect("a bus");
        bus.ensure().await.expect("streams");
        bus
    }

    pub(crate) fn settings(&self, more: &str) -> Settings<Config> {
        let text = format!(
            "[bus]\nurl = '{}'\n[door]\nlisten = '127.0.0.1:0'\nmax_body = '64 KiB'\n[http]\nmax_body = '100 KiB'\ntotal = '2s'\n\
             [adapter]\napi = '{}'\ntoken = 'word'\n[spool]\nfolder = '{}'\n{more}",
            self.nats().url(),
            self.platform.url,
            self.folder.path().join("spool").display(),
        );
        Settings::from_toml(&text).expect("settings")
    }

    /// Opens the webhook; `more` goes on in the table `[spool]`.
    pub(crate) async fn open(&mut self, more: &str) {
        let running = start_webhook::<Chat>(self.settings(more), self.stop.clone()).await.expect("an open door");
        self.keep(running);
    }

    pub(crate) async fn open_pages(&mut self) {
        let running = start_pages::<Chat>(self.settings(""), self.stop.clone()).await.expect("an open door");
        self.keep(running);
    }

    pub(crate) async fn open_poll(&mut self) {
        let running = start_poll::<Chat>(self.settings(""), self.stop.clone()).await.expect("an open door");
        self.keep(running);
    }

    fn keep(&mut self, running: Running) {
        self.address = Some(running.address());
        self.ending = Some(running.ended());
    }

    /// Stops the adapter as SIGTERM does, and waits for its end.
    pub(crate) async fn close(&mut self) {
        self.stop.cancel();
        let ending = self.ending.take().expect("it runs");
        tokio::time::timeout(PATIENCE, ending).await.expect("it stops").expect("it stops well");
        self.stop = Stop::new();
        // A program ends here, and the kernel frees its spool. In this process a read that is under way frees it a moment later.
        let Ok(lock) = std::fs::File::open(self.folder.path().join("spool/lock")) else { return };
        let free = async {
            while lock.try_lock().is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, free).await.expect("the spool is free");
    }

    /// Reads events until the end, as the core does.
    pub(crate) async fn listen(&self) {
        let (bus, seen, stop) = (self.bus().await, self.seen.clone(), Stop::new());
        tokio::spawn(async move {
            let handle = move |delivery: bus::Delivery<Event>| {
                seen.lock().expect("a lock").push(delivery.item);
                std::future::ready(Ok(()))
            };
            bus.consume(Queue::Events, stop, 1, handle).await
        });
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.seen.lock().expect("a lock").clone()
    }

    /// The ids of the messages that arrived, sorted.
    pub(crate) fn messages(&self) -> Vec<String> {
        let id = |event: Event| if let Event::Message(inbound) = event { Some(inbound.key.id) } else { None };
        let mut ids: Vec<String> = self.events().into_iter().filter_map(id).collect();
        ids.sort();
        ids
    }

    /// Waits until something is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !is_so(self) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, waiting).await.is_ok();
        assert!(came, "never came: {what}; events are {:?}", self.events());
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address.expect("an open door"))
    }

    /// Posts to the webhook with a token; the status.
    pub(crate) async fn post(&self, body: impl Into<Bytes>, token: Option<&str>) -> u16 {
        let mut call = self.http.post(&self.url("/webhook")).body("application/json", body);
        if let Some(token) = token {
            call = call.header("x-token", token);
        }
        call.send().await.expect("an answer").status.as_u16()
    }

    pub(crate) async fn says(&self, ids: &[&str]) -> u16 {
        let messages: Vec<_> = ids.iter().map(|id| serde_json::json!({ "id": id, "text": "jalan berlubang" })).collect();
        self.post(serde_json::json!({ "messages": messages }).to_string(), Some("word")).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.http.get(&self.url(path)).send().await.expect("an answer");
        (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned())
    }

    pub(crate) async fn submit(&self, body: impl Into<Bytes>) -> u16 {
        self.http.post(&self.url("/form")).body("application/json", body).send().await.expect("an answer").status.as_u16()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn reply(n: u128) -> Reply {
    let to = serde_json::json!({ "adapter": "chat", "account": "kota", "address": "chat:someone", "audience": "private" });
    let id = format!("00000000-0000-7000-8000-{n:012x}");
    let reply = serde_json::json!({ "id": id, "to": to, "kind": "received", "text": format!("reply {n}") });
    serde_json::from_value(reply).expect("a reply")
}

pub(crate) fn trace() -> TraceId {
    TraceId::random()
}

/// Answers as it was told: each path has a list of answers, of which the last stays.
#[derive(Clone)]
pub(crate) struct Platform {
    pub(crate) url: String,
    state: Arc<Mutex<Script>>,
}

#[derive(Default)]
struct Script {
    answers: HashMap<String, Vec<(u16, Bytes)>>,
    calls: Vec<(String, String)>,
    on_call: Option<Box<dyn FnOnce() + Send>>,
    under_way: usize,
    most_at_once: usize,
}

impl Platform {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let platform = Self { url, state: Arc::default() };
        let routes = Router::new().fallback(answer).with_state(platform.clone());
        tokio::spawn(async move { adapter_sdk::axum::serve(listener, routes).await });
        platform
    }

    pub(crate) fn answers(&self, path: &str, answers: &[(u16, &str)]) {
        let answers = answers.iter().map(|(status, body)| (*status, Bytes::copy_from_slice(body.as_bytes()))).collect();
        self.state.lock().expect("a lock").answers.insert(path.to_owned(), answers);
    }

    /// Something to do when the next call comes, before it is answered.
    pub(crate) fn on_call(&self, act: impl FnOnce() + Send + 'static) {
        self.state.lock().expect("a lock").on_call = Some(Box::new(act));
    }

    /// How many calls were under way together.
    pub(crate) fn most_at_once(&self) -> usize {
        self.state.lock().expect("a lock").most_at_once
    }

    /// Bodies of the calls of a path, in order.
    pub(crate) fn calls(&self, path: &str) -> Vec<String> {
        let state = self.state.lock().expect("a lock");
        state.calls.iter().filter(|(called, _)| called == path).map(|(_, body)| body.clone()).collect()
    }
}

async fn answer(State(platform): State<Platform>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let body = to_bytes(request.into_body(), 1 << 20).await.expect("a body");
    let act = {
        let mut state = platform.state.lock().expect("a lock");
        state.calls.push((path.clone(), String::from_utf8_lossy(&body).into_owned()));
        state.under_way += 1;
        state.most_at_once = state.most_at_once.max(state.under_way);
        state.on_call.take()
    };
    // Long enough for others to come meanwhile, if they do.
    tokio::time::sleep(Duration::from_millis(5)).await;
    if let Some(act) = act {
        tokio::task::spawn_blocking(act).await.expect("no panic");
    }
    let mut state = platform.state.lock().expect("a lock");
    state.under_way -= 1;
    let Some(answers) = state.answers.get_mut(&path) else { return StatusCode::NOT_FOUND.into_response() };
    let (status, body) = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
    let mut response = (StatusCode::from_u16(status).expect("a status"), body).into_response();
    if status == 429 {
        response.headers_mut().insert("retry-after", "1".parse().expect("a value"));
    }
    response
}
