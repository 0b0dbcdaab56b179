//! Meta's list of blocked senders: `POST`, `DELETE` and `GET` on `/{number}/block_users`. Synchronous, an answer for each user, at most 64,000 of
//! them for a number, and only who wrote within 24 hours can be entered (Meta, "Block users", 21 May 2026).
//!
//! What staff decided holds without Meta: the core answers a blocked sender no more. This list keeps their messages from coming at all, where it
//! takes them.

use std::time::Duration;

use adapter_sdk::{
    Address, Half, Reply, Response, SendError, Sent, Timestamp,
    outgoing::{HttpError, Method},
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    Account, WhatsApp,
    refusal::{MetaError, No},
    wire::{Fault, Odd},
};

/// What staff read of a refusal, and the page of a complaint has words for. Not Meta's codes: other platforms have such lists too.
const WINDOW: &str = "block_window";
const FULL: &str = "block_full";
const REFUSED: &str = "block_refused";

/// When Meta says "too fast" without saying how long.
const PAUSE: Duration = Duration::from_secs(20);

/// Which way a sender goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Enter,
    TakeOff,
}

/// Meta's answer, as far as it says what did not work. One of mixed success has status 400 and both lists.
#[derive(Deserialize)]
struct Listed {
    #[serde(default)]
    block_users: Odd<Users>,
}

#[derive(Default, Deserialize)]
struct Users {
    #[serde(default)]
    failed_users: Vec<Odd<User>>,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    errors: Vec<Odd<Fault>>,
}

impl WhatsApp {
    /// Says it, then enters the sender: afterwards Meta lets no message through to them. Where it cannot be said any more, it is entered all
    /// the same, or Meta says why not.
    pub(crate) async fn block(&self, reply: &Reply, now: Timestamp) -> Result<Sent, SendError> {
        let mut told = self.told.take(reply.id);
        if told.sent == 0 {
            match self.reply(reply, now).await {
                Ok(sent) => told = Half { sent: 1, first: sent.platform_id },
                Err(SendError::Rejected { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        match self.change(Change::Enter, reply).await {
            Ok(()) => Ok(Sent::under(told.first)),
            Err(error) => {
                if !matches!(error, SendError::Rejected { .. }) {
                    self.told.keep(reply.id, told);
                }
                Err(error)
            }
        }
    }

    /// Takes the sender off the list, then says it, where Meta still lets us: weeks later it often does not, and nothing is lost with it.
    pub(crate) async fn unblock(&self, reply: &Reply, now: Timestamp) -> Result<Sent, SendError> {
        if self.told.take(reply.id).sent == 0 {
            self.change(Change::TakeOff, reply).await?;
        }
        match self.reply(reply, now).await {
            Err(SendError::Rejected { .. }) => Ok(Sent::default()),
            Err(error) => {
                self.told.keep(reply.id, Half { sent: 1, first: None });
                Err(error)
            }
            sent => sent,
        }
    }

    async fn change(&self, change: Change, reply: &Reply) -> Result<(), SendError> {
        // Without an account or with a strange address the notice was refused or waits already.
        let Some(account) = self.account(&reply.to.account) else {
            return Err(SendError::rejected(REFUSED, "no such account is configured"));
        };
        let user = user(&reply.to.address).ok_or_else(|| SendError::rejected(REFUSED, "not an address on WhatsApp"))?;
        let answer = self.ask_to_change(change, account, &user).await?;
        match failure(&answer) {
            None => Ok(()),
            Some(error) => {
                tracing::warn!(reply.id = %reply.id, account = %account.name(), "Meta did not change its list of blocked senders: {error}.");
                Err(error)
            }
        }
    }

    async fn ask_to_change(&self, change: Change, account: &Account, user: &serde_json::Value) -> Result<Response, HttpError> {
        let method = if change == Change::Enter { Method::POST } else { Method::DELETE };
        let url = self.graph(&[&account.phone_number_id, "block_users"]);
        let body = json!({ "messaging_product": "whatsapp", "block_users": [user] });
        self.http.call(method, &url).bearer(account.access_token.expose()).json(&body).send().await
    }
}

/// A telephone number as Meta documents it ("Block users", 21 May 2026). Somebody who hides theirs is named by `user_id`: so other clients of the same API do
/// and read it in the answers, where `wa_id` is left out then. Meta's own page shows telephone numbers alone.
fn user(address: &Address) -> Option<serde_json::Value> {
    match address.scheme() {
        "tel" => Some(json!({ "user": address.path() })),
        "whatsapp" => Some(json!({ "user_id": address.path() })),
        _ => None,
    }
}

/// Why the list was not changed; `None`: it was.
fn failure(answer: &Response) -> Option<SendError> {
    let users = answer.json::<Listed>().ok().and_then(|listed| listed.block_users.0).unwrap_or_default();
    let mut failed = users.failed_users.iter().filter_map(|user| user.0.as_ref()).flat_map(|user| &user.errors);
    let of_user = failed.find_map(|fault| fault.0.as_ref()?.code.text()?.parse::<i64>().ok());
    if answer.status.is_success() && users.failed_users.is_empty() {
        return None;
    }
    let no = No::read(answer);
    let code = of_user.or(no.code);
    Some(match code {
        Some(131_047) => SendError::rejected(WINDOW, "they did not write here within the last 24 hours"),
        Some(139_101) => SendError::rejected(FULL, "Meta's list has its 64,000 senders"),
        // Changed by somebody else meanwhile, or Meta's own fault.
        Some(code @ (139_102 | 139_103)) => SendError::Unreachable(MetaError(code).into()),
        Some(130_429) => SendError::Throttled(Some(answer.retry_after().unwrap_or(PAUSE))),
        Some(code) if of_user.is_some() || (139_000..140_000).contains(&code) => {
            SendError::rejected(REFUSED, format!("Meta's code {code}"))
        }
        _ => match no.error {
            SendError::Rejected { code, detail } => SendError::rejected(REFUSED, format!("Meta's code {code}: {detail}")),
            error => error,
        },
    })
}

#[cfg(test)]
mod tests {
    use adapter_sdk::outgoing::{HeaderMap, StatusCode};

    use super::*;

    fn answer(status: u16, body: &serde_json::Value) -> Response {
        Response { status: StatusCode::from_u16(status).expect("a status"), headers: HeaderMap::new(), body: body.to_string().into() }
    }

    fn mixed(code: &serde_json::Value) -> Response {
        let user = json!({ "input": "+6281000000001", "wa_id": "6281000000001" });
        let failed = json!({ "input": "x", "errors": [{ "message": "to 6281000000001", "code": code, "error_data": { "details": "6281000000001" } }] });
        let body = json!({
            "messaging_product": "whatsapp", "block_users": { "added_users": [user], "failed_users": [failed] },
            "error": { "message": "(#139100) Failed to block/unblock users", "type": "OAuthException", "code": 139_100 },
        });
        answer(400, &body)
    }

    fn code(response: &Response) -> String {
        match failure(response) {
            Some(SendError::Rejected { code, detail }) => {
                assert!(!detail.contains("62810"), "{detail}");
                code
            }
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn only_a_yes_without_failures_is_a_yes() {
        let fine = json!({ "messaging_product": "whatsapp", "block_users": { "added_users": [{ "input": "1", "wa_id": "1" }] } });
        assert!(failure(&answer(200, &fine)).is_none());
        assert!(failure(&answer(200, &json!({ "block_users": { "added_users": [], "failed_users": [] } }))).is_none());
        let failed = json!({ "block_users": { "failed_users": [{ "errors": [{ "code": 131_047 }] }] } });
        assert_eq!(code(&answer(200, &failed)), WINDOW, "a failure under a 200 is a failure");
        assert_eq!(code(&answer(200, &json!({ "block_users": { "failed_users": ["?"] } }))), REFUSED);
    }

    #[test]
    fn every_documented_code_has_its_meaning() {
        for number in [json!(131_047), json!("131047")] {
            assert_eq!(code(&mixed(&number)), WINDOW);
        }
        assert_eq!(code(&mixed(&json!(139_101))), FULL);
        assert_eq!(code(&mixed(&json!(131_021))), REFUSED);
        assert_eq!(code(&mixed(&json!("?"))), REFUSED);
        for again in [139_102, 139_103] {
            assert!(matches!(failure(&mixed(&json!(again))), Some(SendError::Unreachable(_))), "{again}");
        }
        assert!(matches!(failure(&mixed(&json!(130_429))), Some(SendError::Throttled(Some(_)))));
        let whole = |code: i64| answer(400, &json!({ "error": { "code": code, "title": "of 6281000000001" } }));
        assert_eq!(code(&whole(139_101)), FULL);
        assert_eq!(code(&whole(139_100)), REFUSED);
        assert_eq!(code(&whole(100)), REFUSED);
        assert!(matches!(failure(&whole(190)), Some(SendError::Unreachable(_))), "a dead token waits for an administrator");
        assert!(matches!(failure(&answer(502, &json!("<html>"))), Some(SendError::Unreachable(_))));
    }
}
