//! The Bot API: `/bot<token>/<method>` and `/file/bot<token>/<path>`.

use std::time::Duration;

use axum::{
    Router,
    body::to_bytes,
    extract::{DefaultBodyLimit, FromRequest, Multipart, Path, Request, State as Shared},
    http::{StatusCode, header},
    response::{IntoResponse, Json, Response},
    routing::{any, get},
};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    Got, TelegramFault, TelegramPlatform,
    state::{chat, now},
};

/// More than any call has.
const MOST_BYTES: usize = 64 << 20;
/// The largest file that a bot is given, in bytes.
const LARGEST: usize = 20 << 20;
/// The longest text, in UTF-16 units.
const LONGEST: usize = 4096;

/// A no: its code, and its words.
struct No(u16, &'static str);

impl IntoResponse for No {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(json!({ "ok": false, "error_code": self.0, "description": self.1 }))).into_response()
    }
}

pub(super) fn routes(platform: TelegramPlatform) -> Router {
    Router::new()
        .route("/{bot}/{method}", any(call))
        .route("/file/{bot}/{*path}", get(file))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(platform)
}

impl TelegramPlatform {
    fn knows(&self, bot: &str) -> Result<(), No> {
        let token = bot.strip_prefix("bot").ok_or(No(404, "Not Found"))?;
        if self.state().options.token == token { Ok(()) } else { Err(No(401, "Unauthorized")) }
    }
}

async fn call(Shared(platform): Shared<TelegramPlatform>, Path((bot, method)): Path<(String, String)>, request: Request) -> Response {
    let fault = platform.change(|state| state.fault(&method));
    if let Err(no) = platform.knows(&bot) {
        return no.into_response();
    }
    match fault {
        Some(TelegramFault::TooMany(seconds)) => {
            let body =
                json!({ "ok": false, "error_code": 429, "description": "Too Many Requests", "parameters": { "retry_after": seconds } });
            return (StatusCode::TOO_MANY_REQUESTS, Json(body)).into_response();
        }
        Some(TelegramFault::Code(code, words)) => return No(code, words).into_response(),
        Some(TelegramFault::Lost) | None => {}
    }
    let Some((asked, photo)) = asked(request).await else { return No(400, "Bad Request: the call cannot be read").into_response() };
    let done = match method.as_str() {
        "getMe" => Ok(json!({ "id": platform.state().options.bot, "is_bot": true, "first_name": "Lapor" })),
        "getWebhookInfo" => {
            let url = platform.state().webhook.clone();
            let waiting = platform.waiting();
            Ok(json!({ "url": url, "pending_update_count": waiting }))
        }
        "setWebhook" => {
            platform.set_webhook(&text(&asked, "url"));
            Ok(json!(true))
        }
        "deleteWebhook" => {
            platform.set_webhook("");
            Ok(json!(true))
        }
        "getUpdates" => updates(&platform, &asked).await,
        "getFile" => found(&platform, &asked),
        "sendMessage" => taken(&platform, &asked, None),
        "sendPhoto" => {
            photo.ok_or(No(400, "Bad Request: there is no photo in the request")).and_then(|photo| taken(&platform, &asked, Some(photo)))
        }
        "answerCallbackQuery" => {
            platform.change(|state| state.heard.push(text(&asked, "callback_query_id")));
            Ok(json!(true))
        }
        _ => Err(No(404, "Not Found: method not found")),
    };
    if fault == Some(TelegramFault::Lost) {
        return std::future::pending().await;
    }
    match done {
        Ok(result) => Json(json!({ "ok": true, "result": result })).into_response(),
        Err(no) => no.into_response(),
    }
}

/// What a call names, in its address, as JSON or as a form, and the photo in the form.
async fn asked(request: Request) -> Option<(Map<String, Value>, Option<Bytes>)> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned();
    let query = reqwest::Url::parse(&format!("http://call.invalid/?{}", request.uri().query().unwrap_or_default())).ok()?;
    let mut asked: Map<String, Value> = query.query_pairs().map(|(name, value)| (name.into_owned(), json!(value))).collect();
    let mut photo = None;
    if kind.starts_with("multipart/form-data") {
        let mut form = Multipart::from_request(request, &()).await.ok()?;
        while let Some(field) = form.next_field().await.ok()? {
            match field.name().map(str::to_owned)?.as_str() {
                "photo" => photo = Some(field.bytes().await.ok()?),
                name => _ = asked.insert(name.to_owned(), json!(field.text().await.ok()?)),
            }
        }
        return Some((asked, photo));
    }
    let body = to_bytes(request.into_body(), MOST_BYTES).await.ok()?;
    if !body.is_empty() {
        asked.extend(serde_json::from_slice::<Map<String, Value>>(&body).ok()?);
    }
    Some((asked, photo))
}

fn text(asked: &Map<String, Value>, name: &str) -> String {
    asked.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A number, or the text that stands for one in an address or a form.
fn number(asked: &Map<String, Value>, name: &str) -> Option<i64> {
    let value = asked.get(name)?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// Waits until there is something, or the time is over. An `offset` confirms what lies before it.
async fn updates(platform: &TelegramPlatform, asked: &Map<String, Value>) -> Result<Value, No> {
    let mut changes = platform.changes.subscribe();
    if let Some(offset) = number(asked, "offset") {
        platform.change(|state| state.confirm(offset));
    }
    let limit = number(asked, "limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(100).clamp(1, 100);
    let wait = number(asked, "timeout").and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or_default();
    let end = tokio::time::Instant::now() + Duration::from_secs(wait);
    loop {
        if !platform.state().webhook.is_empty() {
            return Err(No(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
            ));
        }
        let found: Vec<Value> = platform.state().waiting.iter().take(limit).map(|(_, update)| update.clone()).collect();
        if !found.is_empty() || tokio::time::timeout_at(end, changes.changed()).await.is_err() {
            return Ok(json!(found));
        }
    }
}

fn found(platform: &TelegramPlatform, asked: &Map<String, Value>) -> Result<Value, No> {
    let id = text(asked, "file_id");
    match platform.state().files.get(&id) {
        None => Err(No(400, "Bad Request: wrong file_id or the file is temporarily unavailable")),
        Some(bytes) if bytes.len() > LARGEST => Err(No(400, "Bad Request: file is too big")),
        Some(bytes) => Ok(json!({ "file_id": id, "file_size": bytes.len(), "file_path": format!("photos/{id}") })),
    }
}

async fn file(Shared(platform): Shared<TelegramPlatform>, Path((bot, path)): Path<(String, String)>) -> Response {
    let fault = platform.change(|state| state.fault("file"));
    if let Err(no) = platform.knows(&bot) {
        return no.into_response();
    }
    if let Some(TelegramFault::Code(code, words)) = fault {
        return No(code, words).into_response();
    }
    let bytes = path.strip_prefix("photos/").and_then(|id| platform.state().files.get(id).cloned());
    bytes.map_or_else(|| No(404, "Not Found").into_response(), IntoResponse::into_response)
}

/// A message to a citizen who began the chat and did not block the bot.
fn taken(platform: &TelegramPlatform, asked: &Map<String, Value>, photo: Option<Bytes>) -> Result<Value, No> {
    let citizen = number(asked, "chat_id").ok_or(No(400, "Bad Request: chat_id is empty"))?;
    let words = text(asked, "text");
    let units = words.encode_utf16().count();
    if photo.is_none() && units == 0 {
        return Err(No(400, "Bad Request: message text is empty"));
    }
    if units > LONGEST {
        return Err(No(400, "Bad Request: message is too long"));
    }
    let buttons = buttons(asked.get("reply_markup"))?;
    let answers = asked.get("reply_parameters").and_then(|answered| answered["message_id"].as_i64());
    platform.change(|state| {
        let id = state.next();
        let known = state.citizens.get_mut(&citizen).ok_or(No(400, "Bad Request: chat not found"))?;
        if known.blocked {
            return Err(No(403, "Forbidden: bot was blocked by the user"));
        }
        known.got.push(Got { id, text: words.clone(), answers, buttons, photo });
        Ok(json!({ "message_id": id, "chat": chat(citizen), "date": now(), "text": words }))
    })
}

fn buttons(markup: Option<&Value>) -> Result<Vec<(String, String)>, No> {
    let rows = markup.and_then(|markup| markup["inline_keyboard"].as_array());
    let all = rows.into_iter().flatten().flat_map(|row| row.as_array().into_iter().flatten());
    all.map(|button| {
        let word = |name: &str| button[name].as_str().unwrap_or_default().to_owned();
        let (data, text) = (word("callback_data"), word("text"));
        if (1..=64).contains(&data.len()) && !text.is_empty() { Ok((data, text)) } else { Err(No(400, "Bad Request: BUTTON_DATA_INVALID")) }
    })
    .collect()
}
