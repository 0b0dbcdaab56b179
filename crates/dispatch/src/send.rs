//! The ways to an agency: one file each, one arm each.

pub(crate) mod email;
pub(crate) mod open311;
pub(crate) mod webhook;

use std::time::Duration;

use outgoing::{HttpError, Response};

/// What one try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tried {
    /// The agency's system has it, under this number.
    Delivered(Option<String>),
    /// It certainly did not arrive; another try may succeed.
    NotNow {
        /// How long the other side asks us to wait.
        after: Option<Duration>,
        /// For staff, without personal data.
        error: String,
    },
    /// It may have arrived or not.
    Unknown(String),
    /// A final no.
    Refused(String),
}

/// Reads an answer that is no success: some statuses pass, the others are final.
fn refusal(response: &Response) -> Tried {
    let status = response.status;
    let error = format!("it answered {}", status.as_u16());
    let passes = status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429);
    if passes { Tried::NotNow { after: response.retry_after(), error } } else { Tried::Refused(error) }
}

/// Reads why there is no answer.
fn no_answer(error: &HttpError) -> Tried {
    let words = error.to_string();
    match error {
        HttpError::Resolve | HttpError::Connect(_) => Tried::NotNow { after: None, error: words },
        HttpError::Timeout(_) | HttpError::Broken(_) | HttpError::TooLarge { .. } => Tried::Unknown(words),
        _ => Tried::Refused(words),
    }
}
