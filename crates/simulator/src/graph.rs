//! Meta's Graph API as far as a WhatsApp adapter uses it: messages, media, templates, blocked senders.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Multipart, Path, Query, State as Shared},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Fault, Platform, Received,
    state::{Endpoint, Form, State, WindowErrors, digits},
    webhook::hex,
};

/// Free text is allowed so long after the citizen's last message.
const WINDOW: SignedDuration = SignedDuration::from_hours(24);
/// The longest text the platform takes, in characters.
const LONGEST: usize = 4096;

/// The largest picture the platform takes, in bytes; a form may hold a little more.
const LARGEST_PICTURE: usize = 5 * 1024 * 1024;
const LARGEST_UPLOAD: usize = 101 * 1024 * 1024;

pub(crate) fn routes(platform: Platform) -> Router {
    Router::new()
        .route("/{version}/{account}/messages", post(messages))
        .route("/{version}/{account}/media", post(upload).layer(DefaultBodyLimit::max(LARGEST_UPLOAD)))
        .route("/{version}/debug_token", get(debug_token))
        .route("/{version}/{business}/message_templates", get(templates))
        .route("/{version}/{account}/block_users", get(blocked).post(block).delete(unblock))
        .route("/{version}/{media}", get(media))
        .route("/berkas/{token}", get(file))
        .route("/simulator/received/{phone}", get(received))
        .route("/simulator/fault", post(fault))
        .with_state(platform)
}

/// An error of the platform.
struct Refusal(StatusCode, u32, &'static str);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, code, title) = self;
        (status, Json(json!({ "error": error(code, title) }))).into_response()
    }
}

fn error(code: u32, title: &str) -> Value {
    json!({
        "message": format!("(#{code}) {title}"), "title": title, "type": "OAuthException", "code": code,
        "error_data": { "messaging_product": "whatsapp", "details": title }, "fbtrace_id": "Simulator",
    })
}

fn bad(code: u32, title: &'static str) -> Refusal {
    Refusal(StatusCode::BAD_REQUEST, code, title)
}

#[derive(Deserialize)]
struct Outgoing {
    messaging_product: String,
    to: Option<String>,
    recipient: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    text: Option<Text>,
    template: Option<Template>,
    interactive: Option<Value>,
    image: Option<Shown>,
    context: Option<Context>,
    biz_opaque_callback_data: Option<String>,
}

#[derive(Deserialize)]
struct Text {
    body: String,
}

/// A picture that was uploaded before.
#[derive(Deserialize)]
struct Shown {
    id: String,
    #[serde(default)]
    caption: String,
}

#[derive(Deserialize)]
struct Context {
    message_id: String,
}

#[derive(Deserialize)]
struct Template {
    name: String,
    language: Code,
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Component {
    #[serde(default)]
    parameters: Vec<Parameter>,
}

#[derive(Deserialize)]
struct Parameter {
    text: String,
}

async fn messages(
    Shared(platform): Shared<Platform>,
    Path((_, account)): Path<(String, String)>,
    headers: HeaderMap,
    body: bytes::Bytes,
) -> Response {
    let fault = platform.state().fault(Endpoint::Messages);
    if let Some(answer) = interrupt(fault.clone()).await {
        return answer;
    }
    let answer = match accept(&platform, &account, &headers, &body) {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    platform.changed();
    if fault == Some(Fault::Lost) { std::future::pending().await } else { answer }
}

/// Answers in place of the platform, or waits, or does nothing.
async fn interrupt(fault: Option<Fault>) -> Option<Response> {
    match fault? {
        Fault::TooMany(after) => {
            let mut answer = Refusal(StatusCode::TOO_MANY_REQUESTS, 130_429, "Rate limit hit").into_response();
            if let Some(after) = after {
                answer.headers_mut().insert(header::RETRY_AFTER, after.into());
            }
            Some(answer)
        }
        Fault::Broken => Some(Refusal(StatusCode::INTERNAL_SERVER_ERROR, 131_000, "Something went wrong").into_response()),
        Fault::Silent => std::future::pending().await,
        Fault::Slow(pause) => {
            tokio::time::sleep(pause).await;
            None
        }
        Fault::Wrong => Some("<html>sedang ada perbaikan</html>".into_response()),
        Fault::Gone => Some(StatusCode::NOT_FOUND.into_response()),
        Fault::Code(code) => Some(bad(code, "An error of the simulator").into_response()),
        Fault::Lost => None,
    }
}

fn authorized(platform: &Platform, headers: &HeaderMap) -> Result<(), Refusal> {
    let wanted = format!("Bearer {}", platform.state().options.access_token);
    let given = headers.get(header::AUTHORIZATION).is_some_and(|value| value.as_bytes() == wanted.as_bytes());
    if given { Ok(()) } else { Err(Refusal(StatusCode::UNAUTHORIZED, 190, "Invalid OAuth access token")) }
}

fn accept(platform: &Platform, account: &str, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
    authorized(platform, headers)?;
    let message: Outgoing = serde_json::from_slice(body).map_err(|_| bad(100, "Invalid parameter"))?;
    let mut state = platform.state();
    let (now, options) = (state.now(), state.options.clone());
    if account != options.phone_number_id {
        return Err(bad(33, "Object does not exist"));
    }
    if message.messaging_product != "whatsapp" || message.biz_opaque_callback_data.as_ref().is_some_and(|data| data.len() > 512) {
        return Err(bad(100, "Invalid parameter"));
    }
    let (form, text) = content(&message)?;
    if let Form::Picture { media } = &form {
        let known = state.media.get(media).is_some_and(|media| matches!(media.mime.as_str(), "image/jpeg" | "image/png"));
        if !known {
            return Err(bad(131_053, "Media upload error"));
        }
    }
    if let Form::Template { name, language } = &form {
        state.lets_through(name, language).map_err(|code| bad(code, "Template cannot be sent"))?;
    }
    let recipient = message.recipient.as_deref();
    let phone = state.find(message.to.as_deref(), recipient).ok_or(bad(131_026, "Message undeliverable"))?;
    if state.blocked.contains(&phone) {
        return Err(bad(131_026, "Message undeliverable"));
    }
    let citizen = state.citizen(&phone);
    let soon = citizen.last_got.is_some_and(|last| now.duration_since(last) < options.pair_pause);
    if soon {
        return Err(bad(131_056, "(Business Account, Consumer Account) pair rate limit hit"));
    }
    let open = options.window_open_to_all || citizen.wrote.get(account).is_some_and(|at| now.duration_since(*at) <= WINDOW);
    let closed = !matches!(form, Form::Template { .. }) && !open;
    if closed && options.window_errors == WindowErrors::InAnswer {
        return Err(bad(131_047, "Re-engagement message"));
    }
    let wamid = state.wamid();
    let callback = message.biz_opaque_callback_data.as_deref();
    if closed {
        state.status(&phone, &wamid, "failed", callback, Some(error(131_047, "Re-engagement message")));
    } else {
        let quoted = message.context.map(|context| context.message_id);
        let citizen = state.citizen(&phone);
        citizen.last_got = Some(now);
        let callback_kept = callback.map(str::to_owned);
        citizen.received.push(Received {
            wamid: wamid.clone(),
            account: account.to_owned(),
            form,
            text,
            quoted,
            callback: callback_kept,
            at: now,
        });
        if options.statuses {
            let words: &[&str] = if citizen.reads { &["sent", "delivered", "read"] } else { &["sent", "delivered"] };
            for word in words {
                state.status(&phone, &wamid, word, callback, None);
            }
        }
    }
    let contact = match (&message.to, recipient) {
        (Some(to), _) => json!({ "input": to, "wa_id": phone }),
        (None, id) => json!({ "input": id, "user_id": id }),
    };
    Ok(json!({ "messaging_product": "whatsapp", "contacts": [contact], "messages": [{ "id": wamid }] }))
}

fn content(message: &Outgoing) -> Result<(Form, String), Refusal> {
    if let ("interactive", Some(interactive)) = (message.kind.as_str(), &message.interactive) {
        return menu(interactive).ok_or(bad(131_009, "Parameter value is not valid"));
    }
    match (message.kind.as_str(), &message.text, &message.template) {
        ("text", Some(text), _) if (1..=LONGEST).contains(&text.body.chars().count()) => Ok((Form::Text, text.body.clone())),
        ("image", ..) => {
            let shown = message.image.as_ref().ok_or(bad(131_008, "Required parameter is missing"))?;
            Ok((Form::Picture { media: shown.id.clone() }, shown.caption.clone()))
        }
        ("template", _, Some(template)) => {
            let parameters = || template.components.iter().flat_map(|component| &component.parameters);
            // Meta takes no line breaks, tabs or runs of spaces in a parameter, and none that is empty.
            if parameters().any(|p| p.text.is_empty() || p.text.contains(['\n', '\t']) || p.text.contains("     ")) {
                return Err(bad(132_012, "Parameter format does not match"));
            }
            let form = Form::Template { name: template.name.clone(), language: template.language.code.clone() };
            Ok((form, parameters().map(|p| p.text.as_str()).collect::<Vec<_>>().join("\n")))
        }
        _ => Err(bad(131_009, "Parameter value is not valid")),
    }
}

/// Something to tap, within the platform's limits.
fn menu(interactive: &Value) -> Option<(Form, String)> {
    let fits = |value: &Value, longest: usize| value.as_str().is_some_and(|text| (1..=longest).contains(&text.chars().count()));
    let choice = |value: &Value, longest: usize| {
        let named = fits(&value["title"], longest)
            && fits(&value["id"], 200)
            && (value["description"].is_null() || fits(&value["description"], 72));
        named.then(|| (value["id"].as_str().unwrap_or_default().to_owned(), value["title"].as_str().unwrap_or_default().to_owned()))
    };
    let body = &interactive["body"]["text"];
    let action = &interactive["action"];
    let choices: Option<Vec<(String, String)>> = match interactive["type"].as_str()? {
        "location_request_message" if action["name"] == "send_location" => Some(Vec::new()),
        "button" => {
            action["buttons"].as_array().filter(|all| (1..=3).contains(&all.len()))?.iter().map(|one| choice(&one["reply"], 20)).collect()
        }
        "list" if fits(&action["button"], 20) => {
            let sections = action["sections"].as_array().filter(|all| (1..=10).contains(&all.len()))?;
            let rows: Vec<&Value> = sections.iter().filter_map(|section| section["rows"].as_array()).flatten().collect();
            (1..=10).contains(&rows.len()).then(|| rows.into_iter().map(|row| choice(row, 24)).collect()).flatten()
        }
        _ => None,
    };
    let kind = interactive["type"].as_str()?.to_owned();
    fits(body, 1024).then(|| Some((Form::Menu { kind, choices: choices? }, body.as_str()?.to_owned()))).flatten()
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    after: Option<usize>,
}

/// The templates of the business, some at a time.
async fn templates(Shared(platform): Shared<Platform>, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let fault = platform.state().fault(Endpoint::Templates);
    if let Some(answer) = interrupt(fault).await {
        return answer;
    }
    if let Err(refusal) = authorized(&platform, &headers) {
        return refusal.into_response();
    }
    let state = platform.state();
    let (from, most) = (asked.after.unwrap_or(0), asked.limit.unwrap_or(25).min(2));
    let page: Vec<Value> = state
        .templates
        .iter()
        .skip(from)
        .take(most)
        .map(|((name, language), status)| json!({ "name": name, "language": language, "status": status, "id": "1" }))
        .collect();
    let next = from + page.len();
    let mut paging = json!({ "cursors": { "before": from.to_string(), "after": next.to_string() } });
    if next < state.templates.len() {
        paging["next"] = json!(format!("{}/next", platform.url));
    }
    Json(json!({ "data": page, "paging": paging })).into_response()
}

#[derive(Deserialize)]
struct Blocking {
    messaging_product: String,
    block_users: Vec<Blocked>,
}

#[derive(Deserialize)]
struct Blocked {
    user: Option<String>,
    user_id: Option<String>,
}

async fn block(shared: Shared<Platform>, path: Path<(String, String)>, headers: HeaderMap, body: bytes::Bytes) -> Response {
    change_blocked(shared, path, &headers, &body, true).await
}

async fn unblock(shared: Shared<Platform>, path: Path<(String, String)>, headers: HeaderMap, body: bytes::Bytes) -> Response {
    change_blocked(shared, path, &headers, &body, false).await
}

async fn change_blocked(
    Shared(platform): Shared<Platform>,
    Path((_, account)): Path<(String, String)>,
    headers: &HeaderMap,
    body: &[u8],
    enter: bool,
) -> Response {
    let fault = platform.state().fault(Endpoint::Blocked);
    if let Some(answer) = interrupt(fault).await {
        return answer;
    }
    let answer = authorized(&platform, headers).and_then(|()| change_list(&platform, &account, body, enter));
    platform.changed();
    answer.unwrap_or_else(IntoResponse::into_response)
}

/// An answer for each user; a 400 as soon as one of them failed, with both lists in it.
fn change_list(platform: &Platform, account: &str, body: &[u8], enter: bool) -> Result<Response, Refusal> {
    let asked: Blocking = serde_json::from_slice(body).map_err(|_| bad(100, "Invalid parameter"))?;
    let mut state = platform.state();
    if asked.messaging_product != "whatsapp" || account != state.options.phone_number_id || asked.block_users.len() > 1000 {
        return Err(bad(100, "Invalid parameter"));
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for user in &asked.block_users {
        // Who is named by their id is not betrayed by their number.
        let told = |phone: Option<&str>| match (&user.user, &user.user_id) {
            (Some(input), _) => json!({ "input": input, "wa_id": phone }),
            (None, id) => json!({ "input": id, "user_id": id }),
        };
        match change_one(&mut state, account, user, enter) {
            Ok(phone) => done.push(told(Some(&phone))),
            Err((code, title)) => {
                let mut told = told(None);
                told["errors"] = json!([{ "message": title, "code": code, "error_data": { "details": title } }]);
                failed.push(told);
            }
        }
    }
    let mut answer = json!({ "messaging_product": "whatsapp", "block_users": {
        (if enter { "added_users" } else { "removed_users" }): done,
    } });
    if failed.is_empty() {
        return Ok(Json(answer).into_response());
    }
    answer["block_users"]["failed_users"] = failed.into();
    answer["error"] = error(139_100, "Failed to block/unblock users");
    Ok((StatusCode::BAD_REQUEST, Json(answer)).into_response())
}

fn change_one(state: &mut State, account: &str, user: &Blocked, enter: bool) -> Result<String, (u32, &'static str)> {
    let now = state.now();
    let phone = state.find(user.user.as_deref(), user.user_id.as_deref()).ok_or((131_047, "Re-engagement required"))?;
    if !enter {
        state.blocked.remove(&phone);
        return Ok(phone);
    }
    if digits(&state.options.display_phone_number) == phone {
        return Err((131_021, "Self Block"));
    }
    if state.citizen(&phone).wrote.get(account).is_none_or(|at| now.duration_since(*at) > WINDOW) {
        return Err((131_047, "Re-engagement required"));
    }
    if !state.blocked.contains(&phone) && state.blocked.len() >= state.options.most_blocked {
        return Err((139_101, "Blocklist limit reached"));
    }
    state.blocked.insert(phone.clone());
    Ok(phone)
}

/// Who is blocked, some at a time.
async fn blocked(
    Shared(platform): Shared<Platform>,
    Path((_, _account)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = authorized(&platform, &headers) {
        return refusal.into_response();
    }
    let state = platform.state();
    let (from, most) = (asked.after.unwrap_or(0), asked.limit.unwrap_or(25));
    let users = state.blocked.iter().skip(from).take(most).map(|phone| json!({ "messaging_product": "whatsapp", "wa_id": phone }));
    let data: Vec<Value> = users.collect();
    let next = from + data.len();
    Json(json!({ "data": data, "paging": { "cursors": { "before": from.to_string(), "after": next.to_string() } } })).into_response()
}

/// A file of ours, to be shown in a message.
async fn upload(
    Shared(platform): Shared<Platform>,
    Path((_, account)): Path<(String, String)>,
    headers: HeaderMap,
    form: Multipart,
) -> Response {
    let fault = platform.state().fault(Endpoint::Upload);
    if let Some(answer) = interrupt(fault.clone()).await {
        return answer;
    }
    let answer = match take(&platform, &account, &headers, form).await {
        Ok(id) => Json(json!({ "id": id })).into_response(),
        Err(refusal) => refusal.into_response(),
    };
    if fault == Some(Fault::Lost) { std::future::pending().await } else { answer }
}

async fn take(platform: &Platform, account: &str, headers: &HeaderMap, mut form: Multipart) -> Result<String, Refusal> {
    authorized(platform, headers)?;
    if account != platform.state().options.phone_number_id {
        return Err(bad(33, "Object does not exist"));
    }
    let (mut product, mut file) = (String::new(), None);
    let broken = || bad(100, "Invalid parameter");
    while let Some(field) = form.next_field().await.map_err(|_| broken())? {
        match field.name() {
            Some("messaging_product") => product = field.text().await.map_err(|_| broken())?,
            Some("file") => {
                let mime = field.content_type().unwrap_or_default().to_owned();
                file = Some((mime, field.bytes().await.map_err(|_| broken())?));
            }
            _ => (),
        }
    }
    match file {
        Some((mime, bytes)) if product == "whatsapp" && mime.starts_with("image/") && (1..=LARGEST_PICTURE).contains(&bytes.len()) => {
            Ok(platform.state().keep_media(bytes, &mime))
        }
        _ => Err(broken()),
    }
}

#[derive(Deserialize)]
struct Input {
    input_token: String,
}

/// What a token is, for the app alone: `<app id>|<app secret>`.
async fn debug_token(Shared(platform): Shared<Platform>, Query(asked): Query<Input>, headers: HeaderMap) -> Response {
    let state = platform.state();
    let app = format!("Bearer {}", state.options.app_token);
    if headers.get(header::AUTHORIZATION).is_none_or(|value| value.as_bytes() != app.as_bytes()) {
        return Refusal(StatusCode::BAD_REQUEST, 100, "You must provide an app access token").into_response();
    }
    let known = asked.input_token == state.options.access_token;
    let ends = state.options.token_ends.map_or(0, Timestamp::as_second);
    Json(json!({ "data": { "type": "SYSTEM_USER", "is_valid": known, "expires_at": if known { ends } else { 0 }, "data_access_expires_at": 0 } }))
        .into_response()
}

async fn media(Shared(platform): Shared<Platform>, Path((_, id)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let fault = platform.state().fault(Endpoint::MediaAddress);
    if let Some(answer) = interrupt(fault).await {
        return answer;
    }
    let fault = platform.state().fault_of(&id);
    if let Some(answer) = interrupt(fault).await {
        return answer;
    }
    if let Err(refusal) = authorized(&platform, &headers) {
        return refusal.into_response();
    }
    let mut state = platform.state();
    if id == state.options.phone_number_id {
        return Json(state.number()).into_response();
    }
    let Some(media) = state.media.get(&id).cloned() else { return bad(100, "Object does not exist").into_response() };
    let url = format!("{}/berkas/{}", platform.url, state.link(&id));
    Json(json!({
        "messaging_product": "whatsapp", "id": id, "url": url, "mime_type": media.mime,
        "sha256": hex(&media.sha256), "file_size": media.bytes.len(),
    }))
    .into_response()
}

async fn file(Shared(platform): Shared<Platform>, Path(token): Path<String>, headers: HeaderMap) -> Response {
    let fault = platform.state().fault(Endpoint::MediaFile);
    if let Some(answer) = interrupt(fault).await {
        return answer;
    }
    if let Err(refusal) = authorized(&platform, &headers) {
        return refusal.into_response();
    }
    let state = platform.state();
    let now = state.now();
    let link = state.links.get(&token).filter(|link| link.until > now);
    match link.and_then(|link| state.media.get(&link.media)) {
        Some(media) => ([(header::CONTENT_TYPE, media.mime.clone())], media.bytes.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What a citizen got: for whoever plays with the platform by hand.
async fn received(Shared(platform): Shared<Platform>, Path(phone): Path<String>) -> Json<Vec<Received>> {
    Json(platform.received(&digits(&phone)))
}

#[derive(Deserialize)]
struct Order {
    at: String,
    fault: String,
    #[serde(default)]
    number: Option<u64>,
    #[serde(default)]
    times: Option<u32>,
}

/// Switches a failure on or, with `"fault": "none"`, off.
async fn fault(Shared(platform): Shared<Platform>, Json(order): Json<Order>) -> Result<StatusCode, StatusCode> {
    let at = match order.at.as_str() {
        "messages" => Endpoint::Messages,
        "media_address" => Endpoint::MediaAddress,
        "media_file" => Endpoint::MediaFile,
        "templates" => Endpoint::Templates,
        "blocked" => Endpoint::Blocked,
        "upload" => Endpoint::Upload,
        _ => return Err(StatusCode::UNPROCESSABLE_ENTITY),
    };
    let fault = match order.fault.as_str() {
        "none" => None,
        "too_many" => Some(Fault::TooMany(order.number)),
        "broken" => Some(Fault::Broken),
        "silent" => Some(Fault::Silent),
        "lost" => Some(Fault::Lost),
        "slow" => Some(Fault::Slow(Duration::from_millis(order.number.unwrap_or(3000)))),
        "wrong" => Some(Fault::Wrong),
        "gone" => Some(Fault::Gone),
        "code" => Some(Fault::Code(order.number.and_then(|n| n.try_into().ok()).unwrap_or(131_000))),
        _ => return Err(StatusCode::UNPROCESSABLE_ENTITY),
    };
    match (fault, order.times) {
        (Some(fault), Some(times)) => platform.fail_times(at, fault, times),
        (Some(fault), None) => platform.fail(at, fault),
        (None, _) => platform.mend(at),
    }
    Ok(StatusCode::NO_CONTENT)
}
