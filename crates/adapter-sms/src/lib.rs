#![doc = include_str!("../README.md")]

pub mod config;
mod fields;
mod gateway;
pub mod gsm7;
pub mod hand_in;
pub mod keyword;
mod number;
mod pace;
mod parse;
mod pieces;
mod probe;
mod said;
mod send;
pub mod udh;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use adapter_sdk::{
    Adapter, Answer, Bytes, ConfigError, Door, DoorError, Event, FetchError, Finding, Http, ParseError, Raw, Refused, RemoteMedia, Reply,
    Request, SendError, Sent, Timestamp, Webhook,
    model::room::{Beyond, Counts, Room},
};

pub use config::Config;
use futures::{StreamExt, future::join_all, stream};
pub use gateway::{Alphabet, Gammu, Generic, Kannel, LongTexts, MessageIds, Physical, Record, SendType, Smpp, TextCoding, Twilio, What};
use gateway::{
    Gateway,
    smpp::{self, Incoming, Link},
};
use said::{Delivery, Said};

/// How often parts whose wait is over and messages that were handed in are looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Where parts wait, in the door's folder.
const PARTS: &str = "parts";
/// Where links keep what they must know after a restart, in the door's folder.
const LINKS: &str = "smpp";
/// Messages of a link that are on their way to the disk at once.
const AT_ONCE: usize = 32;

/// The adapter.
pub struct Sms {
    config: Config,
    http: Http,
    pace: pace::Pace,
    halves: adapter_sdk::Halves,
    links: BTreeMap<String, Link>,
    room: OnceLock<Option<pieces::Room>>,
}

impl std::fmt::Debug for Sms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sms").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Sms {
    /// Which gateway a request says that it is of.
    fn gateway(&self, request: &Request) -> Option<(String, Gateway<'_>)> {
        let name = request.query_value("gateway")?;
        let gateway = self.config.gateway(&name)?;
        Some((name, gateway))
    }

    /// Who called: behind a reverse proxy of ours, whom it names last.
    fn caller(&self, request: &Request) -> Option<IpAddr> {
        let peer = request.peer?.to_canonical();
        if !self.config.proxies.contains(&peer) {
            return Some(peer);
        }
        let named =
            request.headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let named: Vec<IpAddr> = named.map(|name| name.trim().parse().ok()).collect::<Option<_>>()?;
        named.into_iter().rev().find(|address| !self.config.proxies.contains(address))
    }

    /// Keeps what came from a gateway: a part of a long message in the waiting room, everything else behind the door.
    async fn take(
        &self,
        gateway: Option<(String, Gateway<'_>)>,
        query: String,
        headers: Vec<(String, String)>,
        body: Bytes,
        door: &Door,
    ) -> Result<(), DoorError> {
        let content_type = headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str());
        let delivery = Delivery::new(&query, content_type, &body);
        if delivery.content_type != pieces::CONTENT_TYPE
            && let Some((name, gateway)) = gateway
            && let Ok(said) = gateway.said(&delivery)
            && let [Said::Heard(heard)] = said.as_slice()
            && heard.part.is_some()
            && let Some(room) = self.room(door)
        {
            return room.keep(&name, heard, pieces::Piece::of(&delivery), door, now()).await;
        }
        door.take(query, headers, body).await.map(drop)
    }

    /// Takes in what comes over a link, in its order, several at once.
    async fn listen(&self, name: &str, link: &Link, door: &Door) {
        let folder = door.folder().join(LINKS).join(name);
        hand_in::forget(&folder);
        let incoming = link.listen(folder);
        let incoming = stream::unfold(incoming, |mut incoming| async { Some((incoming.recv().await?, incoming)) });
        let kept = incoming.map(|Incoming { pdu, name: id, kept }| async move {
            let query = self.query_of(name, link, &pdu, &id);
            let headers = vec![("content-type".to_owned(), smpp::CONTENT_TYPE.to_owned())];
            let gateway = self.config.gateway(name).map(|gateway| (name.to_owned(), gateway));
            let _ = kept.send(self.take(gateway, query, headers, pdu, door).await); // the link has ended: it comes again
        });
        kept.buffered(AT_ONCE).collect::<()>().await;
    }

    /// What is kept beside the octets: our name for the message and, of a report, what is known of the message that it is on.
    fn query_of(&self, name: &str, link: &Link, pdu: &[u8], id: &str) -> String {
        let query = format!("gateway={name}&id={id}");
        let reported = self.config.smpp.get(name).and_then(|smpp| smpp::reported(smpp, pdu));
        match reported.and_then(|id| hand_in::note_of(link.folder()?, &id)) {
            Some(note) => format!("{query}&reply={}&account={}", note.reply, fields::encoded(&note.account)),
            None => query,
        }
    }

    /// The waiting room; `None` where the disk gives none, and parts then go alone.
    fn room(&self, door: &Door) -> Option<&pieces::Room> {
        let wait = Duration::from_secs(self.config.join_wait.into());
        let open = || match pieces::Room::open(door.folder().join(PARTS), wait) {
            Ok(room) => Some(room),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "No folder for parts of long messages: they are not joined.");
                None
            }
        };
        self.room.get_or_init(open).as_ref()
    }
}

impl Adapter for Sms {
    const NAME: &'static str = "sms";
    const DEFAULTS: &'static str = include_str!("../config.default.toml");
    type Config = Config;

    fn open(config: Config, http: Http) -> Result<Self, ConfigError> {
        config.check()?;
        let mut trusting = http;
        for (name, gateway) in config.gateways() {
            for url in gateway.urls() {
                let key = format!("adapter.{}.{name}", gateway.kind());
                trusting = trusting.trusting(&url).map_err(|source| ConfigError::Address { key, source })?;
            }
        }
        let links = config.smpp.iter().map(|(name, smpp)| (name.clone(), Link::new(name, smpp))).collect();
        let (pace, halves) = (pace::Pace::default(), adapter_sdk::Halves::default());
        Ok(Self { config, http: trusting, pace, halves, links, room: OnceLock::new() })
    }

    fn accounts(&self) -> Vec<String> {
        let mut accounts: Vec<String> = self.config.numbers.iter().flat_map(config::Number::accounts).map(str::to_owned).collect();
        accounts.sort();
        accounts.dedup();
        accounts
    }

    fn takes_words(&self) -> Vec<Room> {
        let most = self.config.answer_parts.try_into().unwrap_or(u32::MAX);
        vec![Room { audience: None, counts: Counts::Parts, most, beyond: Beyond::Link }]
    }

    fn keep_headers() -> &'static [&'static str] {
        &["content-type"]
    }

    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        self.events(raw)
    }

    async fn fetch(&self, media: &RemoteMedia) -> Result<Bytes, FetchError> {
        let gateway = media.params.get("gateway").and_then(|name| self.config.gateway(name));
        match gateway {
            Some(Gateway::Twilio(twilio)) => twilio.download(&self.http, &media.id).await,
            _ => Err(FetchError::Gone("no such gateway is configured".to_owned())),
        }
    }

    async fn send(&self, reply: &Reply) -> Result<Sent, SendError> {
        self.reply(reply).await
    }

    async fn probe(&self) -> Vec<Finding> {
        self.findings().await
    }
}

impl Webhook for Sms {
    fn verify(&self, request: &Request) -> Result<(), Refused> {
        let (_, gateway) = self.gateway(request).ok_or(Refused::Unsigned)?;
        let allowed = gateway.allow_from();
        let caller = self.caller(request);
        let may = |net: &String| net.parse::<config::Net>().is_ok_and(|net| caller.is_some_and(|caller| net.holds(caller)));
        if !allowed.is_empty() && !allowed.iter().any(may) {
            return Err(Refused::Stranger);
        }
        gateway.verify(request)
    }

    /// Nothing: Kannel and Twilio text a body to the citizen. Twilio wants it in its own words.
    fn accepted(&self, request: &Request) -> Answer {
        match self.gateway(request) {
            Some((_, Gateway::Twilio(_))) => Answer::typed("text/xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>"),
            _ => Answer::ok(),
        }
    }

    /// A part of a long message waits for the others.
    async fn keep(&self, request: Request, door: &Door) -> Result<(), DoorError> {
        let headers = request.kept(Self::keep_headers());
        let gateway = self.gateway(&request);
        self.take(gateway, request.query, headers, request.body, door).await
    }

    /// Lets parts go whose wait is over, takes in what modems handed in, and keeps the links to operators.
    async fn begin(self: Arc<Self>, door: Door) {
        let stop = door.closing().clone();
        let work = async {
            for gammu in self.config.gammu.values() {
                hand_in::forget(Path::new(&gammu.folder));
            }
            let mut ticks = tokio::time::interval(LOOK_AGAIN);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if let Some(room) = self.room(&door) {
                    room.sweep(&door, now()).await;
                }
                for (name, gammu) in &self.config.gammu {
                    hand_in::sweep(Path::new(&gammu.folder), name, &door, now()).await;
                }
            }
        };
        let links = join_all(self.links.iter().map(|(name, link)| self.listen(name, link, &door)));
        let ending = async {
            stop.cancelled().await;
            // What is on its way to the disk gets there while the links say good-bye.
            join_all(self.links.values().map(Link::end)).await;
        };
        tokio::select! {
            _ = async { tokio::join!(work, links) } => {}
            () = ending => {}
        }
    }
}

/// The clock is read here: a door has the time of its day.
fn now() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "doors and the hand-in are edges")]
    Timestamp::now()
}
