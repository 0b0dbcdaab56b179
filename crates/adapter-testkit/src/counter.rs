//! Pages behind a door whose bus is away, and people who fill their forms.

use std::{sync::Arc, time::Duration};

use adapter_sdk::{
    Bytes, Category, Channel, Door, DoorDirectory, Http, Language, Pages, Raw, Reply, ReplyId, ReplyKind, ReplyTo, Settings, Site,
    Timestamp,
    axum::{
        Router,
        body::Body,
        http::{HeaderMap, Request, StatusCode, header},
    },
    model::{Area, clock::Zone},
    outgoing::Limits,
    spool::{Spool, SpoolOptions},
};
use tempfile::TempDir;
use tower::ServiceExt;

/// The core's acknowledgement of what a form or a desk took in: with a number, an agency and a day.
pub fn acknowledgement(to: ReplyTo) -> Reply {
    let params = [("reference", "7KQ2-M4XT-9PCH"), ("agency", "Dinas Bina Marga"), ("deadline", "Jumat, 27 November 2026")];
    Reply {
        id: ReplyId::new(Timestamp::UNIX_EPOCH),
        to,
        kind: ReplyKind::Forwarded,
        language: Language::Id,
        text: "Terima kasih.".into(),
        short: Vec::new(),
        params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        menu: None,
        files: Vec::new(),
    }
}

/// A small city: two kecamatan with three kelurahan, two categories, and three channels of the adapter: one for the whole city, two of
/// offices.
///
/// # Panics
/// When `adapter` is no adapter's name.
pub fn small_city(adapter: &str) -> DoorDirectory {
    let area = |code: &str, name: &str| Area { code: code.into(), name: name.into() };
    let category = |code: &str, name_id: &str, name_en: &str| Category {
        code: code.into(),
        name_id: name_id.into(),
        name_en: name_en.into(),
        keywords: Vec::new(),
    };
    let channel = |account: &str, label: &str, area: Option<&str>| Channel {
        adapter: adapter.parse().expect("a name"),
        account: account.into(),
        label: label.into(),
        area: area.map(Into::into),
        from: jiff::civil::date(2026, 1, 1),
        until: None,
        hours: None,
    };
    DoorDirectory {
        site: Site { name: "Kota Contoh".into(), base_url: "https://lapor.example.id".into(), zone: Zone::Wib },
        categories: vec![category("road", "Jalan rusak", "Broken road"), category("waste", "Sampah", "Waste")],
        areas: vec![
            area("9171", "Kota Contoh"),
            area("9171010", "Alun"),
            area("9171010001", "Melati"),
            area("9171010002", "Kenanga"),
            area("9171020", "Sawah"),
            area("9171020001", "Anggrek"),
        ],
        channels: vec![
            channel("utama", "Seluruh kota", None),
            channel("kel-melati", "Kelurahan Melati", Some("9171010001")),
            channel("kel-anggrek", "Kelurahan Anggrek", Some("9171020001")),
        ],
        staff_key: String::new(),
        sign_in_url: "https://lapor.example.id/masuk".into(),
        ended: std::collections::BTreeMap::new(),
    }
}

/// An adapter's pages with everything they have around them but the bus.
pub struct Counter<A> {
    folder: Arc<TempDir>,
    /// The adapter, to send it replies and to parse what it took.
    pub adapter: Arc<A>,
    spool: Option<Spool>,
    router: Router,
}

/// What somebody sees.
#[derive(Debug)]
pub struct Shown {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The page.
    pub text: String,
}

impl Shown {
    /// Where it sends the browser.
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl<A: Pages> Counter<A> {
    /// Opens an adapter with this configuration behind a door that takes bodies of 1 MiB and a spool of `spool_bytes`.
    ///
    /// # Panics
    /// When the configuration or the temporary folder cannot be used.
    pub fn open(config: &str, directory: Option<DoorDirectory>, spool_bytes: u64) -> Self {
        Self::open_in(Arc::new(TempDir::new().expect("a folder")), config, directory, spool_bytes)
    }

    /// Ends the process and starts it again in the same folder.
    #[must_use]
    pub fn restarted(mut self, config: &str, directory: Option<DoorDirectory>) -> Self {
        // The lock of the folder goes with the last handle.
        self.spool = None;
        self.router = Router::new();
        let folder = self.folder.clone();
        drop(self);
        Self::open_in(folder, config, directory, 16 << 20)
    }

    fn open_in(folder: Arc<TempDir>, config: &str, directory: Option<DoorDirectory>, spool_bytes: u64) -> Self {
        let settings = Settings::<A::Config>::from_toml(config).expect("a configuration");
        let adapter = Arc::new(A::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("an adapter"));
        let options = SpoolOptions::new(folder.path(), spool_bytes, Duration::from_mins(1));
        let spool = Spool::open(options).expect("a spool");
        let door = Door::new(A::NAME.parse().expect("a name"), spool.clone(), 1 << 20);
        if let Some(directory) = directory {
            door.learn(directory, None);
        }
        let router = adapter.clone().pages(door);
        Self { folder, adapter, spool: Some(spool), router }
    }

    /// Opens a page.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Shown {
        self.ask(Request::get(path), headers, Body::empty()).await
    }

    /// Sends a form.
    pub async fn post(&self, path: &str, form: &Filled, headers: &[(&str, &str)]) -> Shown {
        let request = Request::post(path).header(header::CONTENT_TYPE, form.content_type());
        self.ask(request, headers, form.body().into()).await
    }

    /// Sends any bytes as any type.
    pub async fn post_bytes(&self, path: &str, content_type: &str, body: impl Into<Body>, headers: &[(&str, &str)]) -> Shown {
        self.ask(Request::post(path).header(header::CONTENT_TYPE, content_type), headers, body.into()).await
    }

    async fn ask(&self, mut request: adapter_sdk::axum::http::request::Builder, headers: &[(&str, &str)], body: Body) -> Shown {
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body).expect("a request")).await.expect("a router never fails");
        let (parts, body) = response.into_parts();
        let bytes = adapter_sdk::axum::body::to_bytes(body, 16 << 20).await.expect("a body");
        Shown { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    /// Everything that the door keeps for the bus, in order.
    ///
    /// # Panics
    /// When the spool cannot be read.
    pub async fn kept(&self) -> Vec<Raw> {
        let spool = self.spool.as_ref().expect("open");
        if spool.level().waiting == 0 {
            return Vec::new();
        }
        let group = spool.next(1000, 64 << 20).await.expect("a readable spool");
        group.entries.into_iter().map(|entry| entry.raw).collect()
    }
}

impl<A> std::fmt::Debug for Counter<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counter").finish_non_exhaustive()
    }
}

/// A filled form, as a browser sends it.
#[derive(Debug, Clone, Default)]
pub struct Filled {
    boundary: String,
    parts: Vec<u8>,
}

impl Filled {
    /// An empty one.
    pub fn new() -> Self {
        Self::with_boundary("----batas7MA4YWxk")
    }

    /// With a boundary of one's own: browsers make a new one each time.
    pub fn with_boundary(boundary: &str) -> Self {
        Self { boundary: boundary.into(), parts: Vec::new() }
    }

    /// With a text field.
    #[must_use]
    pub fn text(self, field: &str, value: impl AsRef<[u8]>) -> Self {
        self.part(&format!("name=\"{field}\""), value.as_ref())
    }

    /// With a file, whatever its bytes are.
    #[must_use]
    pub fn file(self, field: &str, filename: &str, bytes: &[u8]) -> Self {
        self.part(&format!("name=\"{field}\"; filename=\"{filename}\"\r\nContent-Type: image/jpeg"), bytes)
    }

    fn part(mut self, head: &str, bytes: &[u8]) -> Self {
        self.parts.extend(format!("--{}\r\nContent-Disposition: form-data; {head}\r\n\r\n", self.boundary).bytes());
        self.parts.extend(bytes);
        self.parts.extend(b"\r\n");
        self
    }

    /// Its media type.
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// Its bytes.
    pub fn body(&self) -> Bytes {
        [&self.parts[..], b"--", self.boundary.as_bytes(), b"--\r\n"].concat().into()
    }
}
