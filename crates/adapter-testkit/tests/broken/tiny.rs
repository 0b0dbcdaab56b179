//! A very small platform's adapter, good but for one fault.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use adapter_sdk::{
    Adapter, Answer, Attachment, AttachmentKind, Audience, Batch, Bytes, ConfigError, Content, Door, Event, FetchError, Finding, Http,
    Inbound, Item, Language, MessageKey, Pages, ParseError, Poll, Raw, Reference, Refused, RemoteMedia, Reply, ReplyId, ReplyKind, ReplyTo,
    Request, Response, Secret, SendError, Sent, Timestamp, Visibility, Webhook,
    axum::{Router, routing::get},
};
use serde::Deserialize;

pub(crate) const TOKEN: &str = "token-of-the-platform";
pub(crate) const WORD: &str = "word-of-the-handshake";

/// What may be wrong with it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    None,
    Counting,
    KeyOfTheTime,
    AnotherName,
    Panics,
    BelievesAll,
    ComparesTheBeginning,
    SignsNoBody,
    NoHandshake,
    HandshakeForAll,
    PollMoves,
    PollWrites,
    PollRepeats,
    BusyIsNo,
    BrokenIsNo,
    SilenceIsNo,
    OptOutIsLater,
    Cuts,
    Reverses,
    SendsAll,
    SecretInError,
    SecretInLog,
    WordsInLog,
    WrongDefaults,
    OpenCalls,
    PagesNeedTheBus,
    FetchesAnything,
    EverythingIsPrivate,
    TakesEchoes,
    TwoAlike,
    NumberOfItsOwn,
    AnyKey,
    NobodyWrote,
    NoAccounts,
    ForgetsHowLong,
    RejectsHalfway,
    AddressInError,
    WordsInError,
    AddressInLog,
    NeedsARuntime,
    DoorToTheWorld,
    SilentFileIsGone,
    ProbeSaysFine,
    ProbeSaysNothing,
    ProbeAlwaysWrong,
    ProbeWrites,
    ProbeAdvisesNothing,
    ProbeTellsTheSecret,
    ProbeNeverEnds,
}

pub(crate) struct Tiny<const FAULT: u8> {
    config: Config,
    http: Http,
    parsed: AtomicU64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default = "nowhere")]
    api: String,
    #[serde(default)]
    token: Secret,
    #[serde(default)]
    word: Secret,
}

fn nowhere() -> String {
    "http://127.0.0.1:9".to_owned()
}

#[derive(Deserialize)]
struct Message {
    id: String,
    text: String,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    public: bool,
    #[serde(default)]
    echo: bool,
    #[serde(default)]
    file: Option<String>,
}

/// Not a signature to copy: it is enough to tell right from wrong here.
pub(crate) fn signature(body: &[u8]) -> String {
    let sum = body.iter().fold(0x1234_5678_u32, |sum, byte| sum.rotate_left(5) ^ u32::from(*byte));
    format!("{TOKEN}-{sum:08x}")
}

pub(crate) fn reply() -> Reply {
    let to = ReplyTo {
        adapter: "tiny".parse().expect("a name"),
        account: "kota".into(),
        address: "tiny:someone-with-a-long-name".parse().expect("an address"),
        thread: None,
        audience: Audience::Private,
        open_until: None,
    };
    let id = ReplyId::new(Timestamp::UNIX_EPOCH);
    let text = "Laporan Anda kami terima.".to_owned();
    Reply {
        id,
        to,
        kind: ReplyKind::Received,
        language: Language::Id,
        text,
        short: Vec::new(),
        params: BTreeMap::new(),
        menu: None,
        files: Vec::new(),
    }
}

impl<const FAULT: u8> Tiny<FAULT> {
    fn has(fault: Fault) -> bool {
        FAULT == fault as u8
    }

    fn event(&self, message: Message, raw: &Raw) -> Event {
        let name = if Self::has(Fault::AnotherName) { "other" } else { "tiny" };
        let id = if Self::has(Fault::KeyOfTheTime) { raw.received_at.to_string() } else { message.id };
        let key = MessageKey { adapter: name.parse().expect("a name"), account: "kota".into(), id };
        let count = self.parsed.fetch_add(1, Ordering::Relaxed);
        let sender: adapter_sdk::Address = message.from.as_deref().unwrap_or("tiny:someone").parse().unwrap_or_else(|_| reply().to.address);
        let audience = if message.public && !Self::has(Fault::EverythingIsPrivate) { Audience::Public } else { Audience::Private };
        let to = ReplyTo {
            adapter: key.adapter.clone(),
            account: "kota".into(),
            address: sender.clone(),
            thread: None,
            audience,
            open_until: None,
        };
        let file = |id: String| Attachment {
            kind: AttachmentKind::Image,
            mime: None,
            filename: None,
            content: Content::Remote(RemoteMedia { id, params: BTreeMap::new() }),
        };
        Event::Message(Box::new(Inbound {
            reference: Reference::of(&key, u8::from(Self::has(Fault::NumberOfItsOwn))),
            key,
            sender: if Self::has(Fault::NobodyWrote) { Vec::new() } else { vec![sender] },
            proof: adapter_sdk::Proof::Platform,
            sender_name: None,
            contact: Vec::new(),
            audience,
            text: message.text,
            sent_at: raw.received_at,
            received_at: raw.received_at,
            language: None,
            location: None,
            place: Self::has(Fault::Counting).then(|| count.to_string()),
            office_area: None,
            category: None,
            visibility: Visibility::default(),
            attachments: message.file.into_iter().map(file).collect(),
            in_reply_to: None,
            thread: None,
            replaces: None,
            unreadable: None,
            reply_to: Some(to),
            tracking: None,
        }))
    }

    async fn send_part(&self, text: &str) -> Result<Sent, SendError> {
        let body = serde_json::json!({ "text": text });
        let answer = self.http.post(&format!("{}/send", self.config.api)).bearer(self.config.token.expose()).json(&body).send().await;
        let answer =
            answer.map_err(|error| if Self::has(Fault::SilenceIsNo) { SendError::rejected("silence", "") } else { error.into() })?;
        if answer.status.is_success() { Ok(Sent::default()) } else { Err(Self::no(&answer)) }
    }

    async fn look(&self) -> Vec<Finding> {
        let advice = "Make a new token.";
        if Self::has(Fault::ProbeNeverEnds) {
            std::future::pending::<()>().await;
        }
        let call = if Self::has(Fault::ProbeWrites) {
            self.http.post(&format!("{}/me", self.config.api))
        } else {
            self.http.get(&format!("{}/me", self.config.api))
        };
        let answer = call.bearer(self.config.token.expose()).send().await;
        let seen = if Self::has(Fault::ProbeTellsTheSecret) { format!("{TOKEN} is known") } else { "answered".to_owned() };
        match answer {
            _ if Self::has(Fault::ProbeSaysNothing) => Vec::new(),
            _ if Self::has(Fault::ProbeSaysFine) => vec![Finding::fine("token", seen)],
            _ if Self::has(Fault::ProbeAlwaysWrong) => vec![Finding::wrong("token", seen, advice)],
            Ok(answer) if answer.status.is_success() => vec![Finding::fine("token", seen)],
            Ok(_) if Self::has(Fault::ProbeAdvisesNothing) => vec![Finding { advice: None, ..Finding::wrong("token", seen, advice) }],
            Ok(_) => vec![Finding::wrong("token", seen, advice)],
            Err(_) => vec![Finding::unknown("token", "no answer")],
        }
    }

    fn no(answer: &Response) -> SendError {
        #[derive(Deserialize)]
        struct No {
            error: String,
        }
        match answer.json::<No>() {
            Ok(no) if no.error == "blocked" && Self::has(Fault::OptOutIsLater) => SendError::Unreachable("blocked".into()),
            Ok(no) if no.error == "blocked" => SendError::OptedOut,
            Ok(no) if Self::has(Fault::SecretInError) => SendError::rejected(no.error, format!("sent with {TOKEN}")),
            Ok(no) if Self::has(Fault::AddressInError) => SendError::rejected(no.error, format!("to {}", reply().to.address.path())),
            Ok(no) if Self::has(Fault::WordsInError) => SendError::rejected(no.error, format!("not taken: {}", reply().text)),
            Ok(no) => SendError::rejected(no.error, ""),
            Err(_) if answer.status.as_u16() == 429 && Self::has(Fault::BusyIsNo) => SendError::rejected("429", ""),
            Err(_) if answer.status.as_u16() == 429 && Self::has(Fault::ForgetsHowLong) => SendError::Throttled(None),
            Err(_) if answer.status.is_server_error() && Self::has(Fault::BrokenIsNo) => SendError::rejected("5xx", ""),
            Err(_) => SendError::from_answer(answer),
        }
    }
}

impl<const FAULT: u8> Adapter for Tiny<FAULT> {
    const NAME: &'static str = "tiny";
    const DEFAULTS: &'static str = if FAULT == Fault::WrongDefaults as u8 {
        "[door]\nlisten = '127.0.0.1:8199'\n[spool]\nfolder = 'spool'\n[adapter]\ntokne = ''\n"
    } else if FAULT == Fault::DoorToTheWorld as u8 {
        "[door]\nlisten = '0.0.0.0:8199'\n[spool]\nfolder = 'spool'\n"
    } else {
        "[door]\nlisten = '127.0.0.1:8199'\n[spool]\nfolder = 'spool'\n"
    };
    type Config = Config;

    fn open(config: Config, http: Http) -> Result<Self, ConfigError> {
        if Self::has(Fault::OpenCalls) && !config.word.is_empty() {
            let api = config.api.trim_start_matches("http://").to_owned();
            if let Ok(mut stream) = std::net::TcpStream::connect(api) {
                std::io::Write::write_all(&mut stream, b"GET /greeting HTTP/1.1\r\nhost: x\r\n\r\n").expect("the platform");
            }
        }
        if Self::has(Fault::NeedsARuntime) {
            tokio::spawn(async {});
        }
        let http = http.trusting(&config.api).map_err(|source| ConfigError::Address { key: "adapter.api".into(), source })?;
        Ok(Self { config, http, parsed: AtomicU64::new(0) })
    }

    fn accounts(&self) -> Vec<String> {
        if Self::has(Fault::NoAccounts) { Vec::new() } else { vec!["kota".into()] }
    }

    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        assert!(!Self::has(Fault::Panics) || !raw.body.contains(&0xff), "odd bytes");
        if Self::has(Fault::SecretInLog) {
            adapter_log(format_args!("parsing with {TOKEN}"));
        }
        let message: Message = serde_json::from_slice(&raw.body)?;
        if Self::has(Fault::WordsInLog) {
            adapter_log(format_args!("they say {}", message.text));
        }
        if Self::has(Fault::AddressInLog) {
            adapter_log(format_args!("from {:?}", message.from));
        }
        let fits = !message.id.is_empty() && message.id.len() <= 512 || Self::has(Fault::AnyKey);
        if message.echo && !Self::has(Fault::TakesEchoes) {
            return Ok(Vec::new());
        }
        if !fits {
            return Err(ParseError::new("an id that is no id"));
        }
        let event = self.event(message, raw);
        Ok(if Self::has(Fault::TwoAlike) { vec![event.clone(), event] } else { vec![event] })
    }

    async fn fetch(&self, media: &RemoteMedia) -> Result<Bytes, FetchError> {
        let call = self.http.get(&format!("{}/files", self.config.api)).query(&[("id", &media.id)]);
        let call = if Self::has(Fault::FetchesAnything) { call.max_body(usize::MAX) } else { call };
        let answer = call.send().await;
        if answer.is_err() && Self::has(Fault::SilentFileIsGone) && !matches!(answer, Err(adapter_sdk::HttpError::TooLarge { .. })) {
            return Err(FetchError::Gone("no answer".into()));
        }
        let answer = answer?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(FetchError::from_answer(&answer)) }
    }

    async fn probe(&self) -> Vec<Finding> {
        self.look().await
    }

    async fn send(&self, reply: &Reply) -> Result<Sent, SendError> {
        let characters: Vec<char> = reply.text.chars().collect();
        let mut parts: Vec<String> = characters.chunks(50).map(|part| part.iter().collect()).collect();
        if Self::has(Fault::Cuts) {
            parts.truncate(1);
        }
        if Self::has(Fault::Reverses) {
            parts.reverse();
        }
        if Self::has(Fault::SendsAll) {
            parts = vec![reply.text.clone()];
        }
        for (number, part) in parts.iter().enumerate() {
            if number > 0 && Self::has(Fault::RejectsHalfway) {
                return Err(SendError::rejected("too_long", ""));
            }
            self.send_part(part).await?;
        }
        Ok(Sent::default())
    }
}

fn adapter_log(line: std::fmt::Arguments<'_>) {
    tracing::debug!("{line}");
}

impl<const FAULT: u8> Webhook for Tiny<FAULT> {
    fn verify(&self, request: &Request) -> Result<(), Refused> {
        let right = signature(&request.body);
        let given = request.header("x-signature");
        let fits = match given {
            _ if Self::has(Fault::BelievesAll) => true,
            Some(given) if Self::has(Fault::ComparesTheBeginning) => right.starts_with(given),
            Some(given) if Self::has(Fault::SignsNoBody) => given.starts_with(TOKEN) && given.len() == right.len() && !given.ends_with('0'),
            Some(given) => given == right,
            None => false,
        };
        match (given, fits) {
            (_, true) => Ok(()),
            (None, _) => Err(Refused::Unsigned),
            (Some(_), _) => Err(Refused::WrongSignature),
        }
    }

    fn handshake(&self, request: &Request) -> Option<Answer> {
        let knows = request.query_value("word").as_deref() == Some(self.config.word.expose());
        let answered = (knows || Self::has(Fault::HandshakeForAll)) && !Self::has(Fault::NoHandshake);
        request.query_value("challenge").filter(|_| answered).map(Answer::text)
    }
}

impl<const FAULT: u8> Poll for Tiny<FAULT> {
    fn every(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn poll(&self, account: &str, cursor: Option<Vec<u8>>) -> Result<Batch, FetchError> {
        let mut after = cursor.map_or("0".to_owned(), |cursor| String::from_utf8_lossy(&cursor).into_owned());
        if Self::has(Fault::PollMoves) {
            after = self.parsed.fetch_add(1, Ordering::Relaxed).to_string();
            after = if after == "0" { after } else { "1".into() };
        }
        if Self::has(Fault::PollWrites) {
            self.http.post(&format!("{}/read", self.config.api)).send().await?;
        }
        let answer = self.http.get(&format!("{}/new/{account}/{after}", self.config.api)).send().await?;
        let next = if Self::has(Fault::PollRepeats) { "0" } else { "1" };
        let items = if answer.body.is_empty() { Vec::new() } else { vec![Item { headers: Vec::new(), body: answer.body }] };
        Ok(Batch { items, cursor: Some(next.into()), more: false })
    }
}

impl<const FAULT: u8> Pages for Tiny<FAULT> {
    fn pages(self: Arc<Self>, door: Door) -> Router {
        let front = move || async move {
            let site = door.site();
            if Self::has(Fault::PagesNeedTheBus) {
                return site.expect("the bus").name;
            }
            site.map_or("Sebentar lagi.".to_owned(), |site| site.name)
        };
        Router::new().route("/", get(front))
    }
}

/// Takes any key, known or not.
pub(crate) struct Lax(Tiny<{ Fault::None as u8 }>);

#[derive(Deserialize)]
pub(crate) struct LaxConfig {
    #[serde(default = "nowhere")]
    api: String,
    #[serde(default)]
    token: Secret,
    #[serde(default)]
    word: Secret,
}

impl Adapter for Lax {
    const NAME: &'static str = "tiny";
    const DEFAULTS: &'static str = Tiny::<{ Fault::None as u8 }>::DEFAULTS;
    type Config = LaxConfig;

    fn open(config: LaxConfig, http: Http) -> Result<Self, ConfigError> {
        Tiny::open(Config { api: config.api, token: config.token, word: config.word }, http).map(Self)
    }
    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        self.0.parse(raw)
    }
    async fn fetch(&self, media: &RemoteMedia) -> Result<Bytes, FetchError> {
        self.0.fetch(media).await
    }
    async fn send(&self, reply: &Reply) -> Result<Sent, SendError> {
        self.0.send(reply).await
    }
    async fn probe(&self) -> Vec<Finding> {
        self.0.probe().await
    }
}

impl Webhook for Lax {
    fn verify(&self, request: &Request) -> Result<(), Refused> {
        self.0.verify(request)
    }
    fn handshake(&self, request: &Request) -> Option<Answer> {
        self.0.handshake(request)
    }
}
