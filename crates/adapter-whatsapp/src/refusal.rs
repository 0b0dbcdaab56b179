//! What Meta's refusals mean for us, by their codes: titles and HTTP statuses change, codes do not.

use std::time::Duration;

use adapter_sdk::{Response, SendError, without_numbers};

use crate::wire::{Refusal, RefusalError};

/// Meta lets one message in about six seconds through to the same person.
pub(crate) const PAIR_PAUSE: Duration = Duration::from_secs(6);
/// When Meta says "too fast" without saying how long.
const RATE_PAUSE: Duration = Duration::from_secs(20);
/// After a restriction for spam only patience helps; every message in between counts against us.
const SPAM_PAUSE: Duration = Duration::from_mins(15);

/// Meta said no.
#[derive(Debug)]
pub(crate) struct No {
    /// What the SDK is told.
    pub(crate) error: SendError,
    /// Whether the other form (a template instead of text, text instead of a template) may get through.
    pub(crate) other_form: bool,
    /// Whether an administrator must act before anything gets better.
    pub(crate) alarm: bool,
    /// Meta's code, for the log.
    pub(crate) code: Option<i64>,
}

/// What to do about a code.
#[derive(Clone, Copy)]
enum Means {
    /// Temporary trouble over there.
    Later,
    /// Nothing gets through until an administrator acts; replies wait, and are parked in the end.
    Broken,
    /// Too fast.
    Wait(Duration),
    /// Final for this reply.
    Final,
    /// Final, and an administrator should know.
    FinalAlarm,
    /// Free text outside the 24 hours.
    WindowClosed,
    /// This template cannot be sent as it is.
    TemplateBroken,
}

fn means(code: i64, transient: bool) -> Means {
    match code {
        // Our token, our number, our money, our account.
        0 | 190 | 133_010 | 131_042 | 131_031 | 368 => Means::Broken,
        3 | 10 | 200..=299 | 131_005 | 130_497 => Means::FinalAlarm,
        4 | 80_007 | 130_429 => Means::Wait(RATE_PAUSE),
        131_056 => Means::Wait(PAIR_PAUSE),
        131_048 => Means::Wait(SPAM_PAUSE),
        131_047 => Means::WindowClosed,
        132_000..=132_999 => Means::TemplateBroken,
        2 | 131_000 | 131_016 | 131_057 => Means::Later,
        // Not on WhatsApp or has blocked us, Meta's own choice, an experiment, a fault of ours in the request: never again.
        _ if transient => Means::Later,
        _ => Means::Final,
    }
}

impl No {
    /// Reads an answer that is no success.
    pub(crate) fn read(answer: &Response) -> Self {
        if let Ok(refusal) = answer.json::<Refusal>() {
            return Self::of(&refusal.error, answer.retry_after());
        }
        let alarm = answer.status.as_u16() == 401;
        Self { error: SendError::from_answer(answer), other_form: false, alarm, code: None }
    }

    fn of(refusal: &RefusalError, retry_after: Option<Duration>) -> Self {
        let code = refusal.code;
        let means = means(code, refusal.is_transient.0 == Some(true));
        let error = match means {
            Means::Later | Means::Broken => SendError::Unreachable(MetaError(code).into()),
            Means::Wait(pause) => SendError::Throttled(Some(retry_after.map_or(pause, |asked| asked.max(pause)))),
            Means::Final | Means::FinalAlarm | Means::WindowClosed | Means::TemplateBroken => {
                SendError::rejected(code.to_string(), without_numbers(refusal.title.text().unwrap_or_default()))
            }
        };
        let spam = code == 131_048;
        Self {
            error,
            other_form: matches!(means, Means::WindowClosed | Means::TemplateBroken),
            alarm: spam || matches!(means, Means::Broken | Means::FinalAlarm | Means::TemplateBroken),
            code: Some(code),
        }
    }

    /// A fault on our side of the platform, before or instead of its answer.
    pub(crate) fn other(error: impl Into<SendError>) -> Self {
        Self { error: error.into(), other_form: false, alarm: false, code: None }
    }
}

/// Meta's refusal, by its code alone: its words may hold a number.
#[derive(Debug, thiserror::Error)]
#[error("Meta refuses with code {0}")]
pub(crate) struct MetaError(pub(crate) i64);

/// An answer that should have held the id of a message.
#[derive(Debug, thiserror::Error)]
#[error("the platform said yes, but not in its usual words")]
pub(crate) struct NoAnswer;

#[cfg(test)]
mod tests {
    use adapter_sdk::outgoing::{HeaderMap, StatusCode};
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &str, retry_after: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        headers.extend(retry_after.map(|after| {
            let name: adapter_sdk::outgoing::header::HeaderName = "retry-after".parse().expect("a name");
            (name, after.parse().expect("a value"))
        }));
        Response { status: StatusCode::from_u16(status).expect("a status"), headers, body: body.to_owned().into() }
    }

    fn refusal(code: i64) -> No {
        let body = json!({ "error": { "code": code, "title": "Something about 6281234567890", "message": "to 6281234567890" } });
        No::read(&answer(400, &body.to_string(), None))
    }

    #[test]
    fn every_code_of_the_card_has_its_meaning() {
        for code in [0, 190, 133_010, 131_042, 131_031, 368] {
            let no = refusal(code);
            assert!(matches!(no.error, SendError::Unreachable(_)) && no.alarm, "{code}");
        }
        for code in [2, 131_000, 131_016, 131_057] {
            let no = refusal(code);
            assert!(matches!(no.error, SendError::Unreachable(_)) && !no.alarm, "{code}");
        }
        for code in [4, 80_007, 130_429, 131_056, 131_048] {
            assert!(matches!(refusal(code).error, SendError::Throttled(Some(pause)) if pause >= PAIR_PAUSE), "{code}");
        }
        for code in [131_026, 131_049, 131_050, 130_472, 131_008, 131_009, 100, 33, 131_062] {
            let no = refusal(code);
            assert!(matches!(no.error, SendError::Rejected { .. }) && !no.other_form && !no.alarm, "{code}");
        }
        for code in [3, 10, 200, 299, 131_005, 130_497] {
            let no = refusal(code);
            assert!(matches!(no.error, SendError::Rejected { .. }) && no.alarm, "{code}");
        }
        for code in [132_000, 132_001, 132_005, 132_007, 132_012, 132_015, 132_016] {
            let no = refusal(code);
            assert!(no.other_form && no.alarm, "{code}");
        }
        assert!(refusal(131_047).other_form && !refusal(131_047).alarm);
    }

    #[test]
    fn a_rejection_never_names_the_number() {
        let SendError::Rejected { code, detail } = refusal(131_026).error else { panic!("final") };
        assert_eq!((code.as_str(), detail.as_str()), ("131026", "Something about *"));
    }

    #[test]
    fn a_longer_pause_that_meta_asks_for_is_kept() {
        let body = json!({ "error": { "code": 130_429 } }).to_string();
        let no = No::read(&answer(429, &body, Some("90")));
        assert!(matches!(no.error, SendError::Throttled(Some(pause)) if pause == Duration::from_secs(90)));
    }

    #[test]
    fn an_answer_without_a_code_is_read_by_its_status() {
        assert!(matches!(No::read(&answer(502, "<html>", None)).error, SendError::Unreachable(_)));
        assert!(matches!(No::read(&answer(429, "", Some("7"))).error, SendError::Throttled(Some(pause)) if pause.as_secs() == 7));
        assert!(matches!(No::read(&answer(404, "", None)).error, SendError::Rejected { .. }));
        assert!(No::read(&answer(401, "", None)).alarm);
    }

    #[test]
    fn what_meta_calls_transient_is_tried_again() {
        let body = json!({ "error": { "code": 999, "is_transient": true } }).to_string();
        assert!(matches!(No::read(&answer(400, &body, None)).error, SendError::Unreachable(_)));
    }
}
