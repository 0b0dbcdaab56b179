//! `probe`: asks the Graph API about each number, with the token that sends. Reads only.

use adapter_sdk::{Finding, NoticeState, Response, Timestamp};
use serde::Deserialize;

use crate::{
    Account, WhatsApp,
    notices::template_state,
    refusal::No,
    wire::{Odd, Words},
};

/// The fields of a number that are looked at.
const FIELDS: &str = "webhook_configuration,status,quality_rating";

/// What Meta tells of a number. Field `webhook_configuration`: where its webhooks go.
#[derive(Deserialize)]
struct Number {
    #[serde(default)]
    webhook_configuration: Odd<Webhooks>,
    /// `CONNECTED` where it can send.
    #[serde(default)]
    status: Odd<Words>,
    /// `GREEN`, `YELLOW`, `RED`; `UNKNOWN` or `NA` before it was used.
    #[serde(default)]
    quality_rating: Odd<Words>,
}

/// What Meta tells of a token at `/debug_token`.
#[derive(Deserialize)]
struct Debugged {
    data: Token,
}

/// Ends in Unix seconds; 0: never.
#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    expires_at: Odd<i64>,
    #[serde(default)]
    data_access_expires_at: Odd<i64>,
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
    /// For each number: whether Meta takes our token and knows the number, whether its webhooks go anywhere, how good it is, and whether its
    /// templates can be sent.
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
        let answer = match call.query(&[("fields", FIELDS)]).send().await {
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
        let mut found =
            vec![self.lasting(account, Finding::fine(token, "valid")).await, state(&answer, number.clone()), webhook(&answer, &number)];
        found.extend(quality(&answer, &number));
        found.extend(self.look_at_templates(account).await);
        found
    }

    /// The finding of a token with its end, where Meta tells one: of most system users' tokens it tells none.
    async fn lasting(&self, account: &Account, token: Finding) -> Finding {
        let (input, app) = (account.access_token.expose(), format!("{}|{}", self.config.app_id, self.config.app_secret.expose()));
        let asks = if self.config.app_id.is_empty() { input } else { app.as_str() };
        let call = self.http.get(&self.graph(&["debug_token"])).bearer(asks).query(&[("input_token", input)]);
        let told = match call.send().await {
            Ok(answer) if answer.status.is_success() => answer.json::<Debugged>().ok(),
            _ => None,
        };
        let Some(Debugged { data }) = told else { return token };
        // Of two ends the earlier counts; 0 is none.
        let ends = [data.expires_at.0, data.data_access_expires_at.0].into_iter().flatten().filter(|second| *second > 0).min();
        match ends.and_then(|second| Timestamp::from_second(second).ok()) {
            Some(until) => {
                let advice = "Make a new token of the system user in the Meta Business settings, and put it into `access_token_file`.";
                Finding { advice: Some(advice.to_owned()), ..token }.until(until)
            }
            None => token,
        }
    }

    /// One finding for each template and language that the configuration names.
    async fn look_at_templates(&self, account: &Account) -> Vec<Finding> {
        if self.config.templates.is_empty() {
            let advice = "Enter approved templates in `[adapter.templates]`: more than 24 hours after a citizen's message nothing else gets through.";
            return vec![Finding::warning("templates", "none is configured", advice)];
        }
        let what = format!("templates of {}", account.name());
        if account.business_account_id.is_empty() {
            return vec![Finding::unknown(what, "`business_account_id` is not configured, so Meta cannot be asked")];
        }
        let states = match self.ask_for_templates(account).await {
            Ok(states) => states,
            Err(no) => {
                let code = no.code.map_or("none".to_owned(), |code| code.to_string());
                let advice = "Compare `business_account_id` with WhatsApp Manager, and give the system user whatsapp_business_management.";
                return vec![Finding::wrong(what, format!("Meta does not tell (code {code})"), advice)];
            }
        };
        let named =
            self.config.templates.values().flat_map(|template| template.languages.iter().map(move |language| (&template.name, language)));
        let found = named.map(|(name, language)| {
            let what = format!("template {name} ({language})");
            let advice = "Look at it in WhatsApp Manager: mend it and hand it in again, or name another one in the configuration. It is not sent meanwhile.";
            match states.get(&(name.clone(), language.clone())) {
                None => Finding::wrong(what, "not at Meta", advice),
                Some(word) => match template_state(word) {
                    NoticeState::Fine => Finding::fine(what, word),
                    NoticeState::Watch => Finding::warning(what, word, advice),
                    NoticeState::Broken => Finding::wrong(what, word, advice),
                },
            }
        });
        found.collect()
    }
}

fn state(answer: &Response, number: String) -> Finding {
    let status = answer.json::<Number>().ok().and_then(|number| number.status.text().map(str::to_owned));
    match status.as_deref() {
        None => Finding::fine(number, "known to Meta"),
        Some("CONNECTED") => Finding::fine(number, "known to Meta, connected"),
        Some(other) => Finding::wrong(
            number,
            format!("known to Meta, {other}"),
            "Register the number in WhatsApp Manager; until then nothing is sent.",
        ),
    }
}

/// Nothing where Meta does not tell.
fn quality(answer: &Response, number: &str) -> Option<Finding> {
    let rating = answer.json::<Number>().ok()?.quality_rating.text()?.to_owned();
    let what = format!("quality of {number}");
    Some(match rating.as_str() {
        "GREEN" | "UNKNOWN" | "NA" => Finding::fine(what, rating),
        _ => {
            let advice = "Citizens block or report what we send: look at which replies go out, and to whom, before Meta lowers the limit.";
            Finding::warning(what, rating, advice)
        }
    })
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
