//! The requests that X answers.

use std::collections::{BTreeMap, HashSet};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{OriginalUri, Path, State as Shared},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    Draft, XEndpoint, XFault, XPlatform,
    auth::{Asked, pairs_of},
    state::{Post, State, mentions as mentioned, names_in},
};

/// A window of requests.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// Recent search reaches so far back.
const RECENT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Direct messages are listed so long.
const DIRECTS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The heaviest post.
const HEAVIEST: usize = 280;

pub(super) fn routes(platform: XPlatform) -> Router {
    Router::new()
        .route("/2/users/me", get(me))
        .route("/2/users/{id}/mentions", get(mentions))
        .route("/2/users/{id}/tweets", get(own_posts))
        .route("/2/tweets", get(look_up).post(publish))
        .route("/2/tweets/search/recent", get(search))
        .route("/2/tweets/{id}", delete(remove))
        .route("/2/dm_events", get(directs))
        .route("/2/dm_conversations/with/{id}/dm_events", get(directs_with))
        .route("/2/dm_conversations/with/{id}/messages", post(send_direct))
        .route("/2/dm_conversations/media/{message}/{file}/{name}", get(direct_file))
        .route("/2/oauth2/token", post(token))
        .route("/media/{name}", get(file))
        .route("/simulator/post/{username}", post(citizen_posts))
        .route("/simulator/direct/{username}", post(citizen_writes))
        .with_state(platform)
}

/// X's way of saying no.
struct Refusal {
    status: u16,
    kind: &'static str,
    title: &'static str,
    detail: &'static str,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = if self.kind.is_empty() { "about:blank".to_owned() } else { format!("https://api.x.com/2/problems/{}", self.kind) };
        (status, Json(json!({ "title": self.title, "detail": self.detail, "type": kind, "status": self.status }))).into_response()
    }
}

fn forbidden(detail: &'static str) -> Refusal {
    Refusal { status: 403, kind: "", title: "Forbidden", detail }
}

fn invalid(detail: &'static str) -> Refusal {
    Refusal { status: 400, kind: "invalid-request", title: "Invalid Request", detail }
}

/// One request: who asks, and what.
struct Request {
    platform: XPlatform,
    query: BTreeMap<String, String>,
    fault: Option<XFault>,
    /// Requests that are left of the window, and when it ends.
    left: (Option<u32>, i64),
}

type Given = (Shared<XPlatform>, Method, OriginalUri, HeaderMap);

impl Request {
    /// Lets the request in, or says why not.
    async fn open(at: XEndpoint, (Shared(platform), method, OriginalUri(uri), headers): Given) -> Result<Self, Response> {
        let query = uri.query().unwrap_or_default().to_owned();
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let url = format!("http://{host}{}", uri.path());
        let (known, fault, left) = {
            let mut state = platform.state();
            *state.requests.entry(at).or_default() += 1;
            let known = state.known(&Asked { method: method.as_str(), url: &url, query: &query, headers: &headers });
            (known, state.fault(at), state.window(at))
        };
        platform.changed();
        let request = Self { platform, query: pairs_of(&query).into_iter().collect(), fault, left };
        if let Some(XFault::Silent) = request.fault {
            std::future::pending::<()>().await;
        }
        if let Err(stranger) = known {
            return Err(request.dressed(Refusal { status: 401, kind: "", title: "Unauthorized", detail: stranger.0 }.into_response()));
        }
        match request.refusal() {
            Some(refusal) => Err(request.dressed(refusal)),
            None => Ok(request),
        }
    }

    fn refusal(&self) -> Option<Response> {
        let too_many = Refusal { status: 429, kind: "", title: "Too Many Requests", detail: "Too Many Requests" };
        Some(match self.fault {
            Some(XFault::TooMany(_)) => too_many.into_response(),
            Some(XFault::NoCredits) => {
                let detail = "Your enrolled account [1] does not have any credits to fulfill this request.";
                Refusal { status: 402, kind: "credits", title: "CreditsDepleted", detail }.into_response()
            }
            Some(XFault::NotEnrolled) => {
                let detail = "When authenticating requests to the API v2 endpoints, you must use keys and tokens from an enrolled App.";
                Refusal { status: 403, kind: "client-forbidden", title: "Client Forbidden", detail }.into_response()
            }
            Some(XFault::Broken) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Some(XFault::Silent | XFault::Lost | XFault::Wrong) | None if self.left.0 == Some(u32::MAX) => too_many.into_response(),
            Some(XFault::Silent | XFault::Lost | XFault::Wrong) | None => return None,
        })
    }

    /// The answer with what X says about the window in its headers.
    fn dressed(&self, mut response: Response) -> Response {
        let state = self.platform.state();
        let now = state.now().as_second();
        let (left, mut reset) = self.left;
        let mut shown = left.map_or(100, |left| if left == u32::MAX { 0 } else { left });
        if let Some(XFault::TooMany(seconds)) = self.fault {
            (shown, reset) = (0, now + seconds);
        }
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&state.now()).unwrap_or_default();
        let headers = [
            ("x-rate-limit-limit", state.options.window.unwrap_or(100).to_string()),
            ("x-rate-limit-remaining", shown.to_string()),
            ("x-rate-limit-reset", reset.to_string()),
            ("date", date),
        ];
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    /// The answer, unless this request is one whose answer never comes.
    async fn answer(self, status: StatusCode, value: Value) -> Response {
        self.platform.changed();
        match self.fault {
            Some(XFault::Lost) => std::future::pending().await,
            Some(XFault::Wrong) => self.dressed("<html>sedang ada perbaikan</html>".into_response()),
            _ => self.dressed((status, Json(value)).into_response()),
        }
    }

    fn no(self, refusal: Refusal) -> Response {
        self.dressed(refusal.into_response())
    }

    fn asked(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    fn words(&self, name: &str) -> HashSet<String> {
        self.asked(name).split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.query.get(name)?.parse().ok()
    }
}

impl State {
    fn fault(&mut self, at: XEndpoint) -> Option<XFault> {
        if let Some(spared) = self.spared.get_mut(&at).filter(|spared| **spared > 0) {
            *spared -= 1;
            return None;
        }
        let (fault, left) = self.faults.get_mut(&at)?;
        let fault = *fault;
        if let Some(left) = left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.faults.remove(&at);
            }
        }
        Some(fault)
    }

    /// Requests that are left after this one (`u32::MAX`: this one is too many), and when the window ends.
    fn window(&mut self, at: XEndpoint) -> (Option<u32>, i64) {
        let (now, most) = (self.now(), self.options.window);
        let window = self.windows.entry(at).or_insert((0, now));
        if now.duration_since(window.1) >= WINDOW {
            *window = (0, now);
        }
        window.0 += 1;
        let ends = window.1.saturating_add(WINDOW).map_or(i64::MAX, Timestamp::as_second);
        (most.map(|most| most.checked_sub(window.0).unwrap_or(u32::MAX)), ends)
    }
}

async fn me(given: Given) -> Response {
    match Request::open(XEndpoint::Me, given).await {
        Ok(request) => {
            let user = {
                let state = request.platform.state();
                state.shown_user(&state.options.user_id)
            };
            request.answer(StatusCode::OK, json!({ "data": user })).await
        }
        Err(refused) => refused,
    }
}

/// Posts in pages, the newest first.
async fn listed(request: Request, most: usize, keep: impl Fn(&State, u64, &Post) -> bool) -> Response {
    let size = usize::try_from(request.number("max_results").unwrap_or(10)).unwrap_or(10);
    if !(5..=100).contains(&size) {
        return request.no(invalid("The `max_results` query parameter value is not between 5 and 100"));
    }
    let (since, until) = (request.number("since_id").unwrap_or(0), request.number("until_id").unwrap_or(u64::MAX));
    let start: Option<Timestamp> = request.asked("start_time").parse().ok();
    let token = if request.asked("pagination_token").is_empty() { request.asked("next_token") } else { request.asked("pagination_token") };
    let Ok(skip) = token.strip_prefix("token").map_or(Ok(0), str::parse::<usize>) else {
        return request.no(invalid("The token is not valid"));
    };
    let value = {
        let state = request.platform.state();
        let seen = |(id, post): &(&u64, &Post)| state.is_visible(post) && State::is_newest(**id, post) && keep(&state, **id, post);
        let held: Vec<(u64, Post)> = state.posts.iter().rev().filter(seen).take(most).map(|(id, post)| (*id, post.clone())).collect();
        let asked = |(id, post): &(u64, Post)| *id > since && *id < until && start.is_none_or(|start| post.at >= start);
        let all: Vec<(u64, Post)> = held.into_iter().filter(asked).collect();
        let page: Vec<(u64, Post)> = all.iter().skip(skip).take(size).cloned().collect();
        let next = (all.len() > skip + page.len()).then(|| format!("token{}", skip + page.len()));
        posts(&state, &page, &request, next)
    };
    request.answer(StatusCode::OK, value).await
}

fn posts(state: &State, page: &[(u64, Post)], request: &Request, next: Option<String>) -> Value {
    let fields = request.words("tweet.fields");
    let data: Vec<Value> = page.iter().map(|(id, post)| state.shown(*id, post, &fields)).collect();
    let includes = state.included(page, &request.words("expansions"), &fields);
    let mut value = json!({ "meta": { "result_count": data.len() } });
    if !data.is_empty() {
        value["data"] = Value::Array(data);
    }
    if !includes.is_empty() {
        value["includes"] = Value::Object(includes);
    }
    if let Some(next) = next {
        value["meta"]["next_token"] = Value::String(next);
    }
    value
}

async fn mentions(Path(id): Path<String>, given: Given) -> Response {
    match Request::open(XEndpoint::Mentions, given).await {
        Ok(request) => {
            let (most, username) = {
                let state = request.platform.state();
                (state.options.timeline, state.users.get(&id).map(|user| user.username.clone()).unwrap_or_default())
            };
            listed(request, most, move |_, _, post| mentioned(post, &username)).await
        }
        Err(refused) => refused,
    }
}

async fn own_posts(Path(id): Path<String>, given: Given) -> Response {
    match Request::open(XEndpoint::OwnPosts, given).await {
        Ok(request) => listed(request, 3200, move |_, _, post| post.author == id).await,
        Err(refused) => refused,
    }
}

/// `(#A OR #B) -is:retweet -from:name`, as much of X's language as that.
async fn search(given: Given) -> Response {
    let request = match Request::open(XEndpoint::Search, given).await {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    let query = request.asked("query").to_owned();
    if query.is_empty() || query.chars().count() > 512 {
        return request.no(invalid("The query is empty or too long"));
    }
    let earliest = request.platform.now().checked_sub(RECENT).unwrap_or(Timestamp::MIN);
    let since = request.number("since_id").map(|id| i64::try_from(id >> 22).unwrap_or(i64::MAX) + 1_288_834_974_657);
    if since.is_some_and(|ms| ms < earliest.as_millisecond()) {
        return request.no(invalid("'since_id' must be a tweet id created after the last 7 days"));
    }
    let tags = names_in(&query, '#');
    let not_from = query.split("-from:").nth(1).map(|name| name.split_whitespace().next().unwrap_or_default().to_owned());
    listed(request, usize::MAX, move |state, _, post| {
        let found = names_in(&post.text, '#');
        let tagged = found.iter().any(|tag| tags.iter().any(|asked| asked.eq_ignore_ascii_case(tag)));
        let author = state.users.get(&post.author).map(|user| user.username.as_str());
        tagged && post.repeats.is_none() && post.at >= earliest && author != not_from.as_deref()
    })
    .await
}

async fn look_up(given: Given) -> Response {
    let request = match Request::open(XEndpoint::Lookup, given).await {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    let ids: Vec<String> = request.asked("ids").split(',').map(str::to_owned).collect();
    if ids.len() > 100 {
        return request.no(invalid("more than 100 ids"));
    }
    let value = {
        let state = request.platform.state();
        let visible =
            |id: &String| state.find(id).filter(|post| state.is_visible(post)).map(|post| (id.parse().unwrap_or_default(), post.clone()));
        let found: Vec<(u64, Post)> = ids.iter().filter_map(visible).collect();
        let mut value = posts(&state, &found, &request, None);
        let gone = |id: &&String| found.iter().all(|(known, _)| known.to_string() != **id);
        let errors: Vec<Value> = ids.iter().filter(gone).map(|id| missing(&state, id)).collect();
        if !errors.is_empty() {
            value["errors"] = Value::Array(errors);
        }
        value
    };
    request.answer(StatusCode::OK, value).await
}

fn missing(state: &State, id: &str) -> Value {
    let protected = state.find(id).is_some_and(|post| !post.deleted && state.is_protected(post));
    let (kind, title) =
        if protected { ("not-authorized-for-resource", "Authorization Error") } else { ("resource-not-found", "Not Found Error") };
    json!({
        "value": id, "resource_id": id, "resource_type": "tweet", "parameter": "ids", "title": title,
        "detail": format!("Could not find tweet with ids: [{id}]."), "type": format!("https://api.x.com/2/problems/{kind}"),
    })
}

async fn publish(given: Given, body: Bytes) -> Response {
    let request = match Request::open(XEndpoint::Post, given).await {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    let Ok(body) = serde_json::from_slice::<Value>(&body) else { return request.no(invalid("not JSON")) };
    let text = body["text"].as_str().unwrap_or_default().to_owned();
    let above = body["reply"]["in_reply_to_tweet_id"].as_str().map(str::to_owned);
    let done = { allowed(&mut request.platform.state(), &text, above) };
    match done {
        Ok(id) => request.answer(StatusCode::CREATED, json!({ "data": { "id": id, "text": text, "edit_history_tweet_ids": [id] } })).await,
        Err(refusal) => request.no(refusal),
    }
}

fn allowed(state: &mut State, text: &str, above: Option<String>) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Err(invalid("The text is empty"));
    }
    if weight(text) > HEAVIEST {
        return Err(forbidden("Your Tweet text is too long."));
    }
    if let Some(above) = &above {
        let found = state.find(above).filter(|post| state.is_visible(post));
        let post = found.ok_or(forbidden("You attempted to reply to a Tweet that is deleted or not visible to you."))?;
        if state.options.only_summoned && !state.summons(post) {
            return Err(forbidden(
                "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the author.",
            ));
        }
    }
    let again = state.posted().iter().any(|said| said.text == text && said.answers == above);
    if again {
        return Err(forbidden("You are not allowed to create a Tweet with duplicate content."));
    }
    let ours = state.options.user_id.clone();
    Ok(state.write(ours, Draft { text: text.to_owned(), answers: above, ..Draft::default() }))
}

/// X's count, as its documentation tells it: links 23, most letters one, the rest two.
fn weight(text: &str) -> usize {
    let light = |c: char| matches!(u32::from(c), 0..=4351 | 8192..=8205 | 8208..=8223 | 8242..=8247);
    let word = |word: &str| if word.starts_with("http") { 23 } else { word.chars().map(|c| if light(c) { 1 } else { 2 }).sum() };
    text.split(' ').map(word).sum::<usize>() + text.matches(' ').count()
}

async fn remove(Path(id): Path<String>, given: Given) -> Response {
    let request = match Request::open(XEndpoint::Delete, given).await {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    let ours = {
        let state = request.platform.state();
        state.find(&id).is_some_and(|post| post.author == state.options.user_id)
    };
    if !ours {
        return request.no(forbidden("You are not authorized to delete this Tweet."));
    }
    request.platform.delete(&id);
    request.answer(StatusCode::OK, json!({ "data": { "deleted": true } })).await
}

async fn directs(given: Given) -> Response {
    match Request::open(XEndpoint::DirectRead, given).await {
        Ok(request) => conversation(request, None).await,
        Err(refused) => refused,
    }
}

async fn directs_with(Path(id): Path<String>, given: Given) -> Response {
    match Request::open(XEndpoint::DirectRead, given).await {
        Ok(request) => conversation(request, Some(id)).await,
        Err(refused) => refused,
    }
}

async fn conversation(request: Request, with: Option<String>) -> Response {
    let size = usize::try_from(request.number("max_results").unwrap_or(100)).unwrap_or(100).clamp(1, 100);
    let Ok(skip) = request.asked("pagination_token").strip_prefix("token").map_or(Ok(0), str::parse::<usize>) else {
        return request.no(invalid("The token is not valid"));
    };
    let fields = request.words("dm_event.fields");
    let value = {
        let state = request.platform.state();
        let now = state.now();
        let ours = |direct: &super::state::Direct| with.as_ref().is_none_or(|with| direct.from == *with || direct.to == *with);
        let all: Vec<_> =
            state.directs.iter().rev().filter(|(_, direct)| ours(direct) && now.duration_since(direct.at) < DIRECTS).collect();
        let page: Vec<_> = all.iter().skip(skip).take(size).collect();
        let data: Vec<Value> = page
            .iter()
            .map(|(id, direct)| {
                let mut both = [direct.from.as_str(), direct.to.as_str()];
                both.sort_by_key(|id| (id.len(), *id));
                let mut all = serde_json::Map::new();
                all.insert("sender_id".into(), json!(direct.from));
                all.insert("dm_conversation_id".into(), json!(both.join("-")));
                all.insert("created_at".into(), json!(direct.at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()));
                if direct.photo.is_some() {
                    all.insert("attachments".into(), json!({ "media_keys": [format!("3_{id}")] }));
                }
                all.retain(|field, _| fields.contains(field));
                all.insert("id".into(), json!(id.to_string()));
                all.insert("event_type".into(), json!("MessageCreate"));
                all.insert("text".into(), json!(direct.text));
                Value::Object(all)
            })
            .collect();
        let mut value = json!({ "meta": { "result_count": data.len() } });
        if request.words("expansions").contains("sender_id") {
            let senders: HashSet<&str> = page.iter().map(|(_, direct)| direct.from.as_str()).collect();
            value["includes"] = json!({ "users": senders.iter().map(|id| state.shown_user(id)).collect::<Vec<_>>() });
        }
        if request.words("expansions").contains("attachments.media_keys") {
            // What the address names is given at the API alone, to who is in the conversation.
            let address = |id: &u64| format!("{}/1.1/ton/data/dm/{id}/{id}/foto_{id}.jpg", state.url);
            let shown = page.iter().filter(|(_, direct)| direct.photo.is_some());
            let media: Vec<Value> =
                shown.map(|(id, _)| json!({ "media_key": format!("3_{id}"), "type": "photo", "url": address(id) })).collect();
            value["includes"]["media"] = json!(media);
        }
        if all.len() > skip + page.len() {
            value["meta"]["next_token"] = json!(format!("token{}", skip + page.len()));
        }
        value["data"] = Value::Array(data);
        value
    };
    request.answer(StatusCode::OK, value).await
}

async fn send_direct(Path(id): Path<String>, given: Given, body: Bytes) -> Response {
    let request = match Request::open(XEndpoint::DirectSend, given).await {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(text) = body["text"].as_str() else { return request.no(invalid("no text")) };
    let done = {
        let mut state = request.platform.state();
        let ours = state.options.user_id.clone();
        // Who never wrote to us takes no messages from us.
        let known = state.directs.values().any(|direct| direct.from == id);
        known.then(|| state.write_direct(ours, id, text.to_owned(), None))
    };
    match done {
        Some(id) => request.answer(StatusCode::CREATED, json!({ "data": { "dm_conversation_id": "1-2", "dm_event_id": id } })).await,
        None => request.no(forbidden("You cannot send messages to this user.")),
    }
}

async fn token(Shared(platform): Shared<XPlatform>, body: Bytes) -> Response {
    let form: BTreeMap<String, String> = pairs_of(&String::from_utf8_lossy(&body)).into_iter().collect();
    let word = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let mut state = platform.state();
    *state.requests.entry(XEndpoint::Token).or_default() += 1;
    let known = word("grant_type") == "refresh_token" && word("client_id") == state.options.client_id;
    if !known || word("refresh_token") != state.refresh_token {
        let said = json!({ "error": "invalid_request", "error_description": "Value passed for the token was invalid." });
        return (StatusCode::BAD_REQUEST, Json(said)).into_response();
    }
    let turn = state.requests[&XEndpoint::Token];
    let (access, refresh) = (format!("simulator-access-{turn}"), format!("simulator-refresh-{turn}"));
    let until = state.now().checked_add(state.options.token_life).unwrap_or(Timestamp::MAX);
    state.access = Some((access.clone(), until));
    state.refresh_token.clone_from(&refresh);
    let lives = state.options.token_life.as_secs();
    Json(json!({ "token_type": "bearer", "expires_in": lives, "access_token": access, "refresh_token": refresh })).into_response()
}

async fn file(Shared(platform): Shared<XPlatform>, Path(name): Path<String>) -> Response {
    let mut state = platform.state();
    *state.requests.entry(XEndpoint::Media).or_default() += 1;
    match state.files.get(&name) {
        Some(bytes) => ([(header::CONTENT_TYPE, "image/jpeg")], bytes.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn direct_file(Path((message, file, name)): Path<(u64, u64, String)>, given: Given) -> Response {
    let request = match Request::open(XEndpoint::DirectFile, given).await {
        Ok(request) => request,
        Err(refused) => return refused,
    };
    let photo = request.platform.state().directs.get(&message).and_then(|direct| direct.photo.clone());
    match photo.filter(|_| file == message && name == format!("foto_{message}.jpg")) {
        Some(bytes) => ([(header::CONTENT_TYPE, "image/jpeg")], bytes).into_response(),
        None => {
            request.no(Refusal { status: 404, kind: "resource-not-found", title: "Not Found Error", detail: "Could not find the media" })
        }
    }
}

/// For people at a terminal: the body is what the citizen posts.
async fn citizen_posts(Shared(platform): Shared<XPlatform>, Path(username): Path<String>, body: String) -> String {
    format!("{}\n", platform.post(&username, body.trim()))
}

/// The same for direct messages.
async fn citizen_writes(Shared(platform): Shared<XPlatform>, Path(username): Path<String>, body: String) -> String {
    format!("{}\n", platform.direct(&username, body.trim()))
}
