//! `probe`: asks the Graph API about each number, with the token that sends. Reads only.

use adapter_sdk::{Finding, Response};
use serde::Deserialize;

use crate::{Account, WhatsApp, refusal::No, wire::Odd};

/// What Meta tells of a number. Field `webhook_configuration`: where its webhooks go.
#[derive(Deserialize)]
struct Number {
    #[serde(default)]
    webhook_configuration: Odd<Webhooks>,
}

/// Of three places the most exact counts: the number's own, its business account's, the app's.
#[derive(Deserialize)]
struct Webhooks {
    #[serde(default)]
    phone_number: Option<String>,
    #[serde(default)]
    whatsapp_business_account: Option<String>,
    #[serde(default)]
    application: Option<String>,
}

impl Webhooks {
    fn any(self) -> Option<String> {
        [self.phone_number, self.whatsapp_business_account, self.application].into_iter().flatten().find(|url| !url.is_empty())
    }
}

impl WhatsApp {
    /// Two findings for each number: whether Meta knows it and takes our token, and whether its webhooks go anywhere.
    pub(crate) async fn look(&self) -> Vec<Finding> {
        if self.config.accounts.is_empty() {
            return vec![Finding::warning("numbers", "none is configured", "Name at least one in `[[adapter.accounts]]`.")];
        }
        let mut found = Vec::new();
        for account in &self.config.accounts {
            found.extend(self.look_at(account).await);
        }
        found
    }

    async fn look_at(&self, account: &Account) -> Vec<Finding> {
        let token = format!("access token of {}", account.name());
        let number = format!("number {}", account.name());
        let call = self.http.get(&self.graph(&[&account.phone_number_id])).bearer(account.access_token.expose());
        let answer = match call.query(&[("fields", "webhook_configuration")]).send().await {
            Ok(answer) => answer,
            Err(error) => {
                return vec![Finding::wrong(
                    token,
                    error.to_string(),
                    "Look whether this machine reaches the Graph API (`adapter.graph_url`).",
                )];
            }
        };
        if !answer.status.is_success() {
            return vec![refused(&answer, token, number)];
        }
        vec![Finding::fine(token, "valid"), Finding::fine(number.clone(), "known to Meta"), webhook(&answer, &number)]
    }
}

fn refused(answer: &Response, token: String, number: String) -> Finding {
    let code = No::read(answer).code;
    let seen = format!("Meta answers {} (code {})", answer.status.as_u16(), code.map_or("none".to_owned(), |code| code.to_string()));
    match (answer.status.as_u16(), code) {
        (401, _) | (_, Some(190)) => Finding::wrong(
            token,
            seen,
            "Make a new token of the system user in the Meta Business settings, and put it into `access_token_file`.",
        ),
        (403, _) | (_, Some(10 | 200..=299)) => Finding::wrong(
            token,
            seen,
            "Give the system user the permissions whatsapp_business_messaging and whatsapp_business_management.",
        ),
        (429 | 500.., _) => Finding::unknown(token, seen),
        _ => Finding::wrong(
            number,
            seen,
            "Compare `phone_number_id` with the number's id in the App Dashboard, and give the system user this account.",
        ),
    }
}

fn webhook(answer: &Response, number: &str) -> Finding {
    let what = format!("webhook of {number}");
    let configured = answer.json::<Number>().ok().and_then(|number| number.webhook_configuration.0).map(Webhooks::any);
    match configured {
        Some(Some(url)) => Finding::fine(what, format!("goes to {url}")),
        Some(None) => {
            Finding::wrong(what, "not subscribed", "Set the callback URL in the App Dashboard, and subscribe to the field `messages`.")
        }
        None => Finding::unknown(what, "Meta does not tell"),
    }
}
