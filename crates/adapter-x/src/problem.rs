//! What X's refusals mean for us. Its problem types are few and its words change, so the status decides, then the type, then the words.
//! Nothing of X's words goes further than this file: they name accounts.

use std::time::Duration;

use adapter_sdk::{BoxError, FetchError, Response, SendError, Timestamp};

use crate::wire::Problem;

/// When X says "too fast" without saying how long.
const PAUSE: Duration = Duration::from_mins(1);
/// X's windows are a quarter of an hour or a day; nobody waits longer at once, so that a wrong clock does no harm.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);
/// Credits, caps and locks are mended by people.
const PEOPLE: Duration = Duration::from_mins(30);

/// X said no.
#[derive(Debug)]
pub(crate) enum No {
    /// Too fast.
    Wait(Duration),
    /// The credits or the plan's share are used up: an administrator must act.
    Money,
    /// Our keys, our app or our account: an administrator must act.
    Ours(u16),
    /// Its own trouble.
    Later(u16),
    /// Final for this request.
    Final { code: &'static str, detail: &'static str },
}

/// X's refusal, by its status alone.
#[derive(Debug, thiserror::Error)]
#[error("X answered {0}")]
pub(crate) struct Status(pub(crate) u16);

impl No {
    /// Reads an answer that is no success.
    pub(crate) fn read(answer: &Response, now: Timestamp) -> Self {
        let problem: Problem = answer.json().unwrap_or_default();
        let status = answer.status.as_u16();
        match status {
            402 => Self::Money,
            429 if problem.name() == "usage-capped" => Self::Money,
            429 => Self::Wait(pause(answer, now)),
            401 => Self::Ours(status),
            403 => forbidden(&problem),
            408 | 500.. => Self::Later(status),
            404 => Self::Final { code: "gone", detail: "what should be answered is not there any more" },
            400 => Self::Final { code: "400", detail: "X cannot do what it was asked" },
            _ => Self::Final { code: "refused", detail: "X refuses" },
        }
    }

    /// Whether an administrator must act before anything gets better.
    pub(crate) fn alarm(&self) -> Option<&'static str> {
        match self {
            Self::Money => Some("X's credits or the plan's share are used up; buy credits or raise the limit in X's console"),
            Self::Ours(_) => Some("X does not take our keys, or has restricted the app or the account; look at X's console"),
            Self::Wait(_) | Self::Later(_) | Self::Final { .. } => None,
        }
    }

    pub(crate) fn to_send(&self) -> SendError {
        match self {
            Self::Wait(pause) => SendError::Throttled(Some(*pause)),
            Self::Money => SendError::Throttled(Some(PEOPLE)),
            Self::Ours(status) | Self::Later(status) => SendError::Unreachable(Status(*status).into()),
            Self::Final { code, detail } => SendError::rejected(*code, *detail),
        }
    }

    pub(crate) fn to_fetch(&self) -> FetchError {
        match self {
            Self::Wait(pause) => FetchError::Throttled(Some(*pause)),
            Self::Money => FetchError::Throttled(Some(PEOPLE)),
            Self::Ours(status) | Self::Later(status) => FetchError::Later(Status(*status).into()),
            Self::Final { code, .. } => FetchError::Gone(format!("X answered with {code}")),
        }
    }
}

/// 403 is everything at once: the words tell a refused reply from a locked account.
fn forbidden(problem: &Problem) -> No {
    let words = format!("{} {}", problem.title, problem.detail).to_lowercase();
    let says = |all: &[&str]| all.iter().any(|word| words.contains(word));
    match problem.name() {
        "client-forbidden" | "unsupported-authentication" | "oauth1-permissions" | "oauth2-permissions" => return No::Ours(403),
        "usage-capped" | "credits" => return No::Money,
        "resource-not-found" => return No::Final { code: "gone", detail: "what should be answered is not there any more" },
        _ => {}
    }
    if says(&["duplicate"]) {
        No::Final { code: "duplicate", detail: "X takes no second post with the same words" }
    } else if says(&["summon", "mentioned", "engaged", "reply to this", "not allowed to reply"]) {
        No::Final { code: "not_mentioned", detail: "X lets us answer only those who mention our account" }
    } else if says(&["blocked"]) {
        No::Final { code: "blocked", detail: "the citizen has blocked our account" }
    } else if says(&["deleted or not visible", "does not exist", "not found"]) {
        No::Final { code: "gone", detail: "what should be answered is not there any more" }
    } else if says(&["suspended", "locked", "not permitted to perform this action", "not permitted to access"]) {
        No::Ours(403)
    } else if says(&["cannot send messages to this user", "dm", "direct message"]) {
        No::Final { code: "direct_closed", detail: "the citizen takes no direct messages from us" }
    } else {
        No::Final { code: "403", detail: "X forbids this answer" }
    }
}

/// How long a 429 wants us to wait: until its window ends, by X's own clock where the answer carries it.
fn pause(answer: &Response, now: Timestamp) -> Duration {
    window_ends(answer, now).or_else(|| answer.retry_after()).unwrap_or(PAUSE).clamp(Duration::from_secs(1), LONGEST_PAUSE)
}

/// Until the window that is used up ends; `None` where none is, or the answer does not say.
pub(crate) fn window_ends(answer: &Response, now: Timestamp) -> Option<Duration> {
    let number = |name: &str| answer.header(name)?.trim().parse::<i64>().ok();
    let used_up = answer.status.as_u16() == 429;
    let daily = ["x-user-limit-24hour", "x-app-limit-24hour"];
    let windows = ["x-rate-limit"].into_iter().chain(daily);
    let ends = windows.filter_map(|window| {
        let spent = number(&format!("{window}-remaining")).map_or(used_up && window == "x-rate-limit", |left| left <= 0);
        if spent { number(&format!("{window}-reset")) } else { None }
    });
    let end = ends.max()?;
    let clock = answer.header("date").and_then(|date| jiff::fmt::rfc2822::parse(date).ok()).map_or(now, |date| date.timestamp());
    // A second more: windows end at whole seconds.
    let seconds = u64::try_from(end.saturating_sub(clock.as_second()).saturating_add(1)).unwrap_or(1).max(1);
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

/// By how many seconds X's clock is ahead of ours; OAuth 1.0a fails when it is minutes.
pub(crate) fn clock_ahead(answer: &Response, now: Timestamp) -> Option<i64> {
    let date = jiff::fmt::rfc2822::parse(answer.header("date")?).ok()?;
    Some(date.timestamp().as_second() - now.as_second())
}

/// A cause for a failure without one.
pub(crate) fn because(what: &'static str) -> BoxError {
    what.into()
}

#[cfg(test)]
mod tests {
    use adapter_sdk::outgoing::{HeaderMap, StatusCode, header::HeaderValue};
    use serde_json::json;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &serde_json::Value) -> Response {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.insert(*name, HeaderValue::from_str(value).expect("a value"));
        }
        Response { status: StatusCode::from_u16(status).expect("a status"), headers: all, body: body.to_string().into() }
    }

    fn now() -> Timestamp {
        "2026-11-21T10:00:00Z".parse().expect("a time")
    }

    fn said(status: u16, kind: &str, detail: &str) -> String {
        let kind = format!("https://api.x.com/2/problems/{kind}");
        let answer = answer(status, &[], &json!({ "title": "Forbidden", "type": kind, "detail": detail }));
        match No::read(&answer, now()) {
            No::Final { code, .. } => code.to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_refusal_means_what_can_be_done_about_it() {
        for (status, kind, detail, expected) in [
            (403, "about:blank", "You are not allowed to create a Tweet with duplicate content.", "duplicate"),
            (403, "about:blank", "Reply to this conversation is not allowed because you have not been mentioned", "not_mentioned"),
            (403, "about:blank", "You attempted to reply to a Tweet that is deleted or not visible to you.", "gone"),
            (403, "about:blank", "You have been blocked from replying", "blocked"),
            (403, "about:blank", "Your account is suspended and is not permitted to access this feature.", "Ours(403)"),
            (403, "client-forbidden", "When authenticating requests …", "Ours(403)"),
            (403, "about:blank", "You cannot send messages to this user.", "direct_closed"),
            (403, "about:blank", "Something new", "403"),
            (402, "credits", "Your enrolled account does not have any credits", "Money"),
            (429, "usage-capped", "Usage cap exceeded: Monthly product cap", "Money"),
            (401, "about:blank", "Unauthorized", "Ours(401)"),
            (404, "resource-not-found", "", "gone"),
            (503, "about:blank", "", "Later(503)"),
            (400, "invalid-request", "", "400"),
        ] {
            assert_eq!(said(status, kind, detail), expected, "{status} {detail}");
        }
    }

    #[test]
    fn a_window_is_waited_for_by_the_clock_of_the_platform() {
        let ours = now().as_second();
        let reset = (ours + 300 + 90).to_string();
        // Our clock is 300 seconds late.
        let headers = [("x-rate-limit-reset", reset.as_str()), ("date", "Sat, 21 Nov 2026 10:05:00 GMT"), ("retry-after", "7")];
        assert_eq!(pause(&answer(429, &headers, &json!({})), now()), Duration::from_secs(91));
        assert_eq!(pause(&answer(429, &[("retry-after", "7")], &json!({})), now()), Duration::from_secs(7));
        assert_eq!(pause(&answer(429, &[], &json!({})), now()), PAUSE);
        assert_eq!(clock_ahead(&answer(200, &headers, &json!({})), now()), Some(300));
    }

    #[test]
    fn the_last_request_of_a_window_is_noticed_before_it_is_refused() {
        let reset = (now().as_second() + 60).to_string();
        let used = [("x-rate-limit-remaining", "0"), ("x-rate-limit-reset", reset.as_str())];
        assert_eq!(window_ends(&answer(200, &used, &json!({})), now()), Some(Duration::from_secs(61)));
        let left = [("x-rate-limit-remaining", "1"), ("x-rate-limit-reset", reset.as_str())];
        assert_eq!(window_ends(&answer(200, &left, &json!({})), now()), None);
        let day = (now().as_second() + 7200).to_string();
        let daily = [("x-rate-limit-remaining", "9"), ("x-user-limit-24hour-remaining", "0"), ("x-user-limit-24hour-reset", day.as_str())];
        assert_eq!(window_ends(&answer(429, &daily, &json!({})), now()), Some(Duration::from_secs(7201)));
        let wild = [("x-rate-limit-reset", "99999999999999")];
        assert_eq!(pause(&answer(429, &wild, &json!({})), now()), LONGEST_PAUSE);
    }
}
