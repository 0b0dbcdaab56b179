//! Calls to the Bot API. The token is part of every address: addresses are made here, given to the client, and shown nowhere; the client's
//! errors hold none.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use adapter_sdk::{
    FetchError, Http, HttpError, Response, SendError,
    outgoing::{Call, Url},
    without_numbers,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{Bot, wire::Answer};

/// When Telegram says "too fast" without saying how long.
const PAUSE: Duration = Duration::from_secs(5);
/// Nobody makes us wait longer: a wrong number there would silence the bot.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// Until something is asked for again that our own token did not get.
const OUR_FAULT: Duration = Duration::from_secs(90);

/// The Bot API of one installation.
#[derive(Debug)]
pub(crate) struct Api {
    http: Http,
    base: Url,
    /// Until when a bot was told to wait.
    resting: Mutex<HashMap<String, Instant>>,
}

/// Why there is no answer to use.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// Telegram said no.
    No(No),
    /// No answer, or none that can be read.
    Broken(HttpError),
    /// "Yes", and not what belongs to it.
    Odd,
}

/// Telegram's no.
#[derive(Debug)]
pub(crate) struct No {
    /// Its code; they are those of HTTP.
    pub(crate) code: u16,
    /// Its words, without numbers.
    pub(crate) words: String,
    /// How long it asks us to wait.
    pub(crate) wait: Option<Duration>,
}

impl Api {
    pub(crate) fn new(http: Http, base: Url) -> Self {
        Self { http, base, resting: Mutex::default() }
    }

    /// Begins a question, which changes nothing there.
    pub(crate) fn get(&self, bot: &Bot, method: &str) -> Call {
        self.http.get(&self.method(bot, method))
    }

    /// Begins an order.
    pub(crate) fn post(&self, bot: &Bot, method: &str) -> Call {
        self.http.post(&self.method(bot, method))
    }

    /// Begins the download of a file, by the path that Telegram told. Whatever is in it stays below the bot's own files.
    pub(crate) fn file(&self, bot: &Bot, path: &str) -> Call {
        self.http.get(&self.file_address(bot, path))
    }

    fn file_address(&self, bot: &Bot, path: &str) -> String {
        let token = format!("bot{}", bot.token.expose());
        let way: Vec<&str> = ["file", &token].into_iter().chain(path.split('/').filter(|part| !part.is_empty())).collect();
        self.address(&way)
    }

    fn method(&self, bot: &Bot, method: &str) -> String {
        self.address(&[&format!("bot{}", bot.token.expose()), method])
    }

    fn address(&self, way: &[&str]) -> String {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("`open` has read an http address").pop_if_empty().extend(way);
        url.into()
    }

    /// Sends a call, and gives what Telegram answered to it. A refusal of our token is told in the log.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, bot: &Bot, call: Call) -> Result<T, NoAnswer> {
        if let Some(wait) = self.rests(bot) {
            return Err(NoAnswer::No(No { code: 429, words: String::new(), wait: Some(wait) }));
        }
        let answer = call.send().await.map_err(NoAnswer::Broken)?;
        if answer.status.is_success() {
            let said: Answer<T> = answer.json().map_err(|_| NoAnswer::Odd)?;
            return said.result.filter(|_| said.ok).ok_or(NoAnswer::Odd);
        }
        let no = self.read(bot, &answer);
        if no.is_our_token() {
            tracing::error!(bot = %bot.name(), telegram.code = no.code, "Telegram does not know our token: an administrator must look at the bot.");
        }
        Err(NoAnswer::No(no))
    }

    fn read(&self, bot: &Bot, answer: &Response) -> No {
        let said = answer.json::<Answer<Value>>().ok();
        let words = said.as_ref().and_then(|said| said.description.text()).map(without_numbers).unwrap_or_default();
        let code = said.as_ref().and_then(|said| said.error_code.0).unwrap_or(answer.status.as_u16());
        let asked = said.and_then(|said| said.parameters.0?.retry_after.0).map(|seconds| Duration::from_secs(seconds).min(LONGEST_PAUSE));
        if let Some(wait) = asked {
            self.resting().insert(bot.id.clone(), Instant::now() + wait);
        }
        No { code, words: words.chars().take(200).collect(), wait: asked.or_else(|| answer.retry_after()) }
    }

    /// How long Telegram still wants to hear nothing from this bot.
    fn rests(&self, bot: &Bot) -> Option<Duration> {
        let until = *self.resting().get(&bot.id)?;
        until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }

    fn resting(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner) // the map is whole between any two statements
    }
}

/// The method that says to whoever tapped a button that it was heard.
pub(crate) const HEARD: &str = "answerCallbackQuery";

/// What it needs to know.
pub(crate) fn heard(tap: &str) -> Value {
    json!({ "callback_query_id": tap })
}

/// The same as the answer to a call of Telegram's, which may hold one order.
pub(crate) fn heard_in_answer(tap: &str) -> Value {
    json!({ "method": HEARD, "callback_query_id": tap })
}

impl No {
    /// Wrong or withdrawn: nothing gets through until somebody acts. To a token that was never one Telegram says that there is no such address.
    pub(crate) fn is_our_token(&self) -> bool {
        matches!(self.code, 401 | 404)
    }
}

impl NoAnswer {
    pub(crate) fn into_send(self) -> SendError {
        match self {
            Self::No(no) => match no.code {
                429 => SendError::Throttled(Some(no.wait.unwrap_or(PAUSE))),
                401 | 404 | 408 | 409 | 500.. => SendError::Unreachable(Refused(no.code).into()),
                code => SendError::rejected(code.to_string(), no.words),
            },
            Self::Broken(error) => error.into(),
            Self::Odd => SendError::Unreachable(OddAnswer.into()),
        }
    }

    pub(crate) fn into_fetch(self) -> FetchError {
        match self {
            Self::No(no) => match no.code {
                429 => FetchError::Throttled(Some(no.wait.unwrap_or(PAUSE))),
                401 | 404 => FetchError::Throttled(Some(OUR_FAULT)),
                409 => FetchError::Later(Conflict.into()),
                408 | 500.. => FetchError::Later(Refused(no.code).into()),
                code => FetchError::Gone(format!("the platform answered {code}")),
            },
            Self::Broken(error) => error.into(),
            Self::Odd => FetchError::Later(OddAnswer.into()),
        }
    }
}

/// A no by its code alone.
#[derive(Debug, thiserror::Error)]
#[error("Telegram refuses with code {0}")]
struct Refused(u16);

/// Telegram gives the news to one asker, or to a webhook.
#[derive(Debug, thiserror::Error)]
#[error("another program asks for this bot's messages, or a webhook is set for it: Telegram gives them one way only (`probe` says which)")]
struct Conflict;

/// A success that is none of Telegram's.
#[derive(Debug, thiserror::Error)]
#[error("the platform said yes, but not in its usual words")]
struct OddAnswer;

#[cfg(test)]
mod tests {
    use adapter_sdk::{
        Secret,
        outgoing::{HeaderMap, Limits, StatusCode},
    };

    use super::*;

    const TOKEN: &str = "7000000001:word-of-the-bot";

    fn bot() -> Bot {
        Bot { id: "7000000001".into(), token: Secret::new(TOKEN), secret_token: Secret::default(), label: String::new() }
    }

    fn api() -> Api {
        Api::new(Http::new(Limits::default()).expect("a client"), Url::parse("http://127.0.0.1:1/below/").expect("an address"))
    }

    fn answer(status: u16, body: &Value) -> Response {
        Response { status: StatusCode::from_u16(status).expect("a status"), headers: HeaderMap::new(), body: body.to_string().into() }
    }

    fn no(code: u16, words: &str) -> NoAnswer {
        let body = json!({ "ok": false, "error_code": code, "description": words });
        NoAnswer::No(api().read(&bot(), &answer(code, &body)))
    }

    #[test]
    fn every_code_of_the_platform_has_its_meaning_for_answers() {
        for (code, words) in [(403, "Forbidden: bot was blocked by the user"), (400, "Bad Request: chat not found")] {
            let SendError::Rejected { code: said, detail } = no(code, words).into_send() else { panic!("{code} is final") };
            assert_eq!((said, detail), (code.to_string(), words.to_owned()));
        }
        for code in [401, 404, 409, 500, 502] {
            assert!(matches!(no(code, "").into_send(), SendError::Unreachable(_)), "{code}");
        }
    }

    #[test]
    fn a_pause_that_telegram_asks_for_is_kept_for_everything_the_bot_does() {
        let (api, bot) = (api(), bot());
        let body = json!({ "ok": false, "error_code": 429, "description": "Too Many Requests", "parameters": { "retry_after": 14 } });
        let no = NoAnswer::No(api.read(&bot, &answer(429, &body)));
        assert!(matches!(no.into_send(), SendError::Throttled(Some(wait)) if wait == Duration::from_secs(14)));
        assert!(api.rests(&bot).is_some_and(|left| left > Duration::from_secs(12)));
        let long = json!({ "ok": false, "parameters": { "retry_after": u64::MAX } });
        assert_eq!(api.read(&bot, &answer(429, &long)).wait, Some(LONGEST_PAUSE));
    }

    #[test]
    fn a_conflict_is_said_in_a_plain_sentence() {
        let FetchError::Later(why) = no(409, "Conflict: terminated by other getUpdates request").into_fetch() else { panic!("for later") };
        assert!(why.to_string().starts_with("another program asks for this bot's messages, or a webhook is set"), "{why}");
    }

    #[test]
    fn a_path_of_the_platform_stays_below_the_bots_files() {
        let below = format!("http://127.0.0.1:1/below/file/bot{TOKEN}/");
        let address = |path: &str| api().file_address(&bot(), path);
        assert_eq!(address("photos/file_1.jpg"), format!("{below}photos/file_1.jpg"));
        for path in ["../../../etc", "/etc/../..", "https://other.example/a?b#c", "%2e%2e/%2e%2e/getMe"] {
            assert!(address(path).starts_with(&below) && !address(path).contains(['?', '#']), "{path}");
        }
    }

    #[tokio::test]
    async fn no_error_shows_the_token() {
        let (api, bot) = (api(), bot());
        let api = Api { http: api.http.trusting("http://127.0.0.1:1").expect("an address"), ..api };
        let failed = api.ask::<Value>(&bot, api.get(&bot, "getMe")).await.expect_err("nobody is there");
        let fetch = format!("{failed:?} {:?}", api.ask::<Value>(&bot, api.get(&bot, "getMe")).await.map_err(NoAnswer::into_fetch));
        let send = format!("{:?} {:?}", failed.into_send(), api.get(&bot, "getMe"));
        for shown in [fetch, send, format!("{api:?} {bot:?}")] {
            assert!(!shown.contains("word-of-the-bot"), "{shown}");
        }
    }
}
