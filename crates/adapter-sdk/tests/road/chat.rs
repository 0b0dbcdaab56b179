//! A small platform's adapter, in all three kinds.

use std::{sync::Arc, time::Duration};

use adapter_sdk::{
    Adapter, Answer, Attachment, AttachmentKind, Batch, Bytes, ConfigError, Content, Door, Event, Expiry, FetchError, Http, Inbound, Item,
    MessageKey, Pages, ParseError, Poll, Raw, Refused, RemoteMedia, Reply, ReplyFile, Request, Secret, SendError, Sent, Timestamp, Webhook,
    axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::post},
};
use serde::Deserialize;

pub(crate) struct Chat {
    config: Config,
    http: Http,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    api: String,
    token: Secret,
    /// Parse as a later release does.
    #[serde(default)]
    newer: bool,
}

#[derive(Deserialize)]
struct Body {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    id: String,
    text: String,
    #[serde(default)]
    from: Option<String>,
    #[serde(default)]
    files: Vec<String>,
}

impl Adapter for Chat {
    const NAME: &'static str = "chat";
    const DEFAULTS: &'static str = "";
    type Config = Config;

    fn open(config: Config, http: Http) -> Result<Self, ConfigError> {
        let http = http.trusting(&config.api).map_err(|source| ConfigError::Address { key: "adapter.api".into(), source })?;
        Ok(Self { config, http })
    }

    fn accounts(&self) -> Vec<String> {
        vec!["kota".into()]
    }

    fn expiries(&self) -> Vec<Expiry> {
        let ends = |second, what: &str| Expiry {
            at: Timestamp::from_second(second).expect("in range"),
            what: what.to_owned(),
            account: None,
            todo: "Make a new one.".to_owned(),
        };
        vec![ends(2_000_000_000, "subscription"), ends(1_900_000_000, "access token")]
    }

    fn keep_headers() -> &'static [&'static str] {
        &["content-type"]
    }

    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        assert!(raw.body != "panic", "asked to panic");
        if self.config.newer {
            return Ok(newer(raw));
        }
        let body: Body = serde_json::from_slice(&raw.body)?;
        Ok(body.messages.into_iter().map(|message| event(message, raw)).collect())
    }

    async fn fetch(&self, media: &RemoteMedia) -> Result<Bytes, FetchError> {
        let answer = self.http.get(&format!("{}/files/{}", self.config.api, media.id)).send().await?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(FetchError::from_answer(&answer)) }
    }

    fn takes(&self, file: &ReplyFile) -> bool {
        file.kind == AttachmentKind::Image && file.size < 1_000_000
    }

    async fn send(&self, reply: &Reply) -> Result<Sent, SendError> {
        let files: Vec<usize> = reply.files.iter().map(|file| file.bytes.len()).collect();
        let call = self.http.post(&format!("{}/send", self.config.api)).bearer(self.config.token.expose());
        let answer = call.json(&serde_json::json!({ "to": reply.to.address.path(), "text": reply.text, "files": files })).send().await?;
        match answer.status.as_u16() {
            200 => Ok(Sent::under(Some(String::from_utf8_lossy(&answer.body).into_owned()))),
            410 => Err(SendError::OptedOut),
            418 => Err(SendError::Unknown { platform_id: Some("perhaps".into()), detail: "the line broke".into() }),
            _ => Err(SendError::from_answer(&answer)),
        }
    }
}

/// Knows a second form of a message, finds the place in the text, and takes no note of what begins with a dot.
fn newer(raw: &Raw) -> Vec<Event> {
    let plain = |text: String| Message { id: text.clone(), text, from: None, files: vec!["late".into()] };
    let body = serde_json::from_slice(&raw.body);
    let body = body.unwrap_or_else(|_| Body { messages: vec![plain(String::from_utf8_lossy(&raw.body).into_owned())] });
    let mut events: Vec<Event> = body.messages.into_iter().filter(|m| !m.id.starts_with('.')).map(|message| event(message, raw)).collect();
    for event in &mut events {
        if let Event::Message(inbound) = event {
            inbound.place = inbound.text.split_once(" di ").map(|(_, place)| place.to_owned());
        }
    }
    events
}

fn event(message: Message, raw: &Raw) -> Event {
    let key = MessageKey { adapter: raw.adapter.clone(), account: "kota".into(), id: message.id };
    let sender = format!("chat:{}", message.from.as_deref().unwrap_or("someone"));
    let sender: adapter_sdk::Address = sender.parse().expect("an address");
    let file = |id: String| Attachment {
        kind: AttachmentKind::Image,
        mime: None,
        filename: None,
        content: Content::Remote(RemoteMedia { id, params: [].into() }),
    };
    Event::Message(Box::new(Inbound {
        attachments: message.files.into_iter().map(file).collect(),
        ..Inbound::private(key, sender, message.text, raw.received_at)
    }))
}

impl Webhook for Chat {
    fn verify(&self, request: &Request) -> Result<(), Refused> {
        match request.header("x-token") {
            None => Err(Refused::Unsigned),
            Some(token) if token == self.config.token.expose() => Ok(()),
            Some(_) => Err(Refused::WrongSignature),
        }
    }

    fn handshake(&self, request: &Request) -> Option<Answer> {
        Some(Answer::text(request.query_value("challenge")?))
    }
}

impl Poll for Chat {
    fn every(&self) -> Duration {
        Duration::from_millis(50)
    }

    async fn poll(&self, account: &str, cursor: Option<Vec<u8>>) -> Result<Batch, FetchError> {
        let after = cursor.map_or("0".to_owned(), |cursor| String::from_utf8_lossy(&cursor).into_owned());
        let answer = self.http.get(&format!("{}/new/{account}/{after}", self.config.api)).send().await?;
        if !answer.status.is_success() {
            return Err(FetchError::from_answer(&answer));
        }
        if answer.body.is_empty() {
            return Ok(Batch::default());
        }
        let after: u64 = after.parse().expect("a number");
        Ok(Batch {
            items: vec![Item { headers: Vec::new(), body: answer.body }],
            cursor: Some((after + 1).to_string().into_bytes()),
            more: true,
        })
    }
}

impl Pages for Chat {
    fn pages(self: Arc<Self>, door: Door) -> Router {
        Router::new().route("/form", post(submit)).route("/site", adapter_sdk::axum::routing::get(site)).with_state(door)
    }
}

async fn submit(State(door): State<Door>, body: Bytes) -> impl IntoResponse {
    door.submit(body, vec![("Content-Type".into(), "application/json".into())]).await.map(|trace| trace.to_string())
}

async fn site(State(door): State<Door>) -> impl IntoResponse {
    door.site().map(|site| site.name).ok_or(StatusCode::NOT_FOUND)
}
