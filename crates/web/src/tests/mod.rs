//! The world of a page's test: a real database, a real bus, storage in memory, a clock that stands until it is told to go on.

mod accounts;
mod admins;
mod blocks;
mod browser;
mod citizens;
mod city;
mod data;
mod desk;
mod device;
mod escalation;
mod evidence;
mod head;
mod held;
mod incidents;
mod matrix;
mod oidc;
mod passkeys;
mod posts;
mod privacy;
mod queue;
mod rules;
mod same;
mod secrets;
mod tasks;
mod unreached;
mod work;
mod writing;

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use bus::{Bus, BusConfig, Stop};
use ed25519_dalek::SigningKey;
use jiff::{SignedDuration, Timestamp};
use model::{Complaint, ComplaintId, Role, Site, clock::Zone};
use object_store::memory::InMemory;
use servers::testing::{TestDatabase, TestNats};
use store::{PgPool, StoreError, vault::Vault};
use tower::ServiceExt;

use crate::{Clock, Context, Rooms, router};

pub(crate) use city::{NOW, PASSWORD, Wish};

/// Everything a page needs, all of it real but the clock.
pub(crate) struct World {
    pub(crate) db: PgPool,
    pub(crate) bus: Bus,
    pub(crate) files: Arc<InMemory>,
    pub(crate) rooms: Rooms,
    router: Router,
    seconds: Arc<AtomicI64>,
    _database: TestDatabase,
    _nats: TestNats,
}

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// Where it leads, after a post.
    pub(crate) fn leads_to(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.headers[header::LOCATION].to_str().expect("text")
    }

    /// The value of the first field of that name.
    pub(crate) fn field(&self, name: &str) -> String {
        let start = self.text.find(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name} in {}", self.text));
        self.text[start..].split('"').nth(3).expect("a value").to_owned()
    }

    /// What a person reads: the page without its tags.
    pub(crate) fn words(&self) -> String {
        let mut words = String::new();
        for part in self.text.split('<') {
            words.push(' ');
            words.push_str(part.split_once('>').map_or("", |(_, text)| text));
        }
        words.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Somebody who is signed in.
pub(crate) struct Visitor<'a> {
    world: &'a World,
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = servers::testing::database("pages", prepare).await;
        let nats = servers::testing::nats();
        let db = store::connect(&database.url(), 4).await.expect("a database");
        let config = BusConfig { url: nats.url(), user: None, password: None, key: None, name: "web test".into(), replicas: 1 };
        let bus = Bus::connect(&config).await.expect("a bus");
        bus.ensure().await.expect("streams");
        let files = Arc::new(InMemory::new());
        let seconds = Arc::new(AtomicI64::new(NOW.as_second()));
        let context = context(&db, &bus, &files, &seconds, "http://localhost");
        let rooms = Rooms::open(context, Stop::new()).await.expect("a directory");
        Self { db, bus, files, router: router(rooms.clone()), rooms, seconds, _database: database, _nats: nats }
    }

    /// The same world for the whole role, reached at another address.
    pub(crate) fn context(&self, base_url: &str) -> Context {
        context(&self.db, &self.bus, &self.files, &self.seconds, base_url)
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: SignedDuration) {
        self.seconds.fetch_add(time.as_secs(), Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.rooms.now()
    }

    pub(crate) async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.expect("never fails");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 50_000_000).await.expect("a body");
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    /// A visitor who is not signed in opens a page.
    pub(crate) async fn get(&self, page: &str) -> Answer {
        self.ask(Request::get(page).body(Body::empty()).expect("a request")).await
    }

    /// A visitor who is not signed in sends a form.
    pub(crate) async fn post(&self, page: &str, fields: &[(&str, &str)]) -> Answer {
        self.ask(form(page, fields).body(encoded(fields)).expect("a request")).await
    }

    pub(crate) async fn sign_in(&self, login: &str) -> Visitor<'_> {
        let answer = self.post("/masuk", &[("login", login), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{login}: {}", answer.text);
        let cookie = answer.headers[header::SET_COOKIE].to_str().expect("text").split(';').next().expect("a cookie").to_owned();
        let mut visitor = Visitor { world: self, cookie, csrf: String::new() };
        visitor.csrf = visitor.get("/sandi").await.field("csrf");
        visitor
    }

    /// The complaint as it is in the database.
    pub(crate) async fn complaint(&self, id: ComplaintId) -> Complaint {
        store::complaint::load(&self.db, id).await.expect("a database").expect("a complaint")
    }
}

impl Visitor<'_> {
    pub(crate) async fn get(&self, page: &str) -> Answer {
        self.world.ask(Request::get(page).header(header::COOKIE, &self.cookie).body(Body::empty()).expect("a request")).await
    }

    /// Sends a form with the session's token.
    pub(crate) async fn post(&self, page: &str, fields: &[(&str, &str)]) -> Answer {
        let fields = [fields, &[("csrf", self.csrf.as_str())]].concat();
        let request = form(page, &fields).header(header::COOKIE, &self.cookie);
        self.world.ask(request.body(encoded(&fields)).expect("a request")).await
    }

    /// Sends a form as it is, with a file.
    pub(crate) async fn post_file(&self, page: &str, fields: &[(&str, &str)], file: &[u8]) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields.iter().chain(&[("csrf", self.csrf.as_str())]) {
            body.extend(format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes());
        }
        body.extend(b"--edge\r\ncontent-disposition: form-data; name=\"photo\"; filename=\"foto.jpg\"\r\n\r\n");
        body.extend(file);
        body.extend(b"\r\n--edge--\r\n");
        let request = Request::post(page).header(header::COOKIE, &self.cookie);
        let request = request.header(header::CONTENT_TYPE, "multipart/form-data; boundary=edge");
        self.world.ask(request.body(Body::from(body)).expect("a request")).await
    }
}

fn form(page: &str, _fields: &[(&str, &str)]) -> axum::http::request::Builder {
    Request::builder().method(Method::POST).uri(page).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

fn encoded(fields: &[(&str, &str)]) -> Body {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", crate::page::encoded(value))).collect();
    Body::from(pairs.join("&"))
}

fn context(db: &PgPool, bus: &Bus, files: &Arc<InMemory>, seconds: &Arc<AtomicI64>, base_url: &str) -> Context {
    let seconds = seconds.clone();
    Context {
        db: db.clone(),
        bus: bus.clone(),
        files: files.clone(),
        site: Site { name: "Kota Contoh".into(), base_url: base_url.into(), zone: Zone::Wib },
        staff_key: SigningKey::from_bytes(&[7; 32]),
        vault: Some(Arc::new(Vault::parse(&format!("test {}", "5c".repeat(32))).expect("a key"))),
        factor_for: Vec::new(),
        mails: false,
        elsewhere: None,
        desk_url: Some("http://desk.example.id:8103/".into()),
        import_url: Some("http://import.example.id:8108/".into()),
        form_url: Some("http://form.example.id/".into()),
        behind_proxy: false,
        clock: Clock::from_fn(move || Timestamp::from_second(seconds.load(Ordering::Relaxed)).expect("in range")),
    }
}

async fn prepare(url: String) -> Result<(), StoreError> {
    let db = store::connect(&url, 1).await?;
    store::migrate(&db).await?;
    city::seed(&db).await?;
    db.close().await;
    Ok(())
}

/// Every role has one account per place: see [`city`].
pub(crate) const LOGINS: [(&str, Role); 6] = [
    ("jalan", Role::Officer),
    ("jalan.penyelia", Role::Supervisor),
    ("taman", Role::Officer),
    ("triase", Role::Triage),
    ("loket", Role::Clerk),
    ("admin", Role::Admin),
];
