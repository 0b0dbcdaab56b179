//! Kannel: tells us by `get-url` (or `post-url` of the same fields), takes texts at `sendsms`, reports by `dlr-url`.

use adapter_sdk::{ConfigError, ParseError, ReceiptState, Secret, SendError, Timestamp};
use serde::Deserialize;

use super::{Outgoing, Trouble, eight_bits, refused, report_url};
use crate::{
    config::{check_secret, check_url},
    fields::{Fields, words},
    gsm7::{self, Coding},
    said::{Delivery, Heard, Said, Text, Told},
    udh,
};

/// Reports we want: delivered (1), failed (2), accepted (8) and refused (16) by the network.
const DLR_MASK: &str = "27";

/// One Kannel. The README shows its configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kannel {
    /// The word at the end of the address in `get-url`, by `secret_file`.
    pub secret: Secret,
    /// Who may call: addresses and networks. Empty: everybody who knows the word.
    #[serde(default)]
    pub allow_from: Vec<String>,
    /// Where Kannel reaches our door, for reports: `http://127.0.0.1:8106`.
    pub door_url: String,
    /// `http://127.0.0.1:13013/cgi-bin/sendsms`
    pub send_url: String,
    /// Of `group = sendsms-user`.
    pub username: String,
    /// Of `group = sendsms-user`, by `password_file`.
    pub password: Secret,
    /// Through which `smsc-id`; empty: as Kannel routes.
    #[serde(default)]
    pub smsc: String,
    /// `http://127.0.0.1:13000/status.xml`, for `probe`; empty: not asked.
    #[serde(default)]
    pub status_url: String,
    /// `status-password`, by `status_password_file`.
    #[serde(default)]
    pub status_password: Secret,
}

impl Kannel {
    pub(super) fn check(&self, path: &dyn Fn(&str) -> String) -> Result<(), ConfigError> {
        check_secret(&self.secret, &path("secret"))?;
        check_url(&self.door_url, &path("door_url"))?;
        check_url(&self.send_url, &path("send_url"))?;
        if !self.status_url.is_empty() {
            check_url(&self.status_url, &path("status_url"))?;
        }
        Ok(())
    }

    pub(super) fn urls(&self) -> Vec<String> {
        [&self.send_url, &self.status_url].into_iter().filter(|url| !url.is_empty()).cloned().collect()
    }

    pub(super) fn said(delivery: &Delivery<'_>) -> Result<Vec<Said>, ParseError> {
        let fields = Fields::read(delivery.query.as_bytes()).and(Fields::read(delivery.body));
        if let Some(state) = fields.text("state") {
            return Ok(report(&fields, &state).map(Said::Told).into_iter().collect());
        }
        let from = fields.text("from").ok_or_else(|| ParseError::new("Kannel does not say who wrote: see get-url in the README"))?;
        let bytes =
            fields.bytes("text").ok_or_else(|| ParseError::new("Kannel does not say what was written: see get-url in the README"))?;
        let header = udh::read(fields.bytes("udh").unwrap_or_default());
        let charset = fields.text("charset").unwrap_or_default().to_ascii_uppercase();
        let text = match fields.text("coding").as_deref() {
            _ if header.to_application => Text::Unreadable("message to an application"),
            Some("2") => Text::Units(gsm7::units(bytes)),
            _ if charset.starts_with("UTF-16") || charset.starts_with("UCS") => Text::Units(gsm7::units(bytes)),
            Some("1") => eight_bits(bytes),
            _ => Text::Words(words(bytes)),
        };
        let heard = Heard {
            id: fields.text("id"),
            from,
            to: fields.text("to"),
            text,
            sent_at: seconds(fields.text("time")),
            part: header.part,
            attachments: Vec::new(),
        };
        Ok(vec![Said::Heard(Box::new(heard))])
    }

    pub(super) async fn send(&self, out: Outgoing<'_>) -> Result<Option<String>, SendError> {
        let report = report_url(&self.door_url, &self.secret, &out, "&state=%d&at=%T&answer=%A");
        let coding = if out.length.coding == Coding::Gsm7 { "0" } else { "2" };
        let mut pairs = vec![
            ("username", self.username.as_str()),
            ("password", self.password.expose()),
            ("from", out.number.sender()),
            ("to", out.to.path()),
            ("text", out.text),
            ("charset", "UTF-8"),
            ("coding", coding),
            ("dlr-mask", DLR_MASK),
            ("dlr-url", &report),
        ];
        if !self.smsc.is_empty() {
            pairs.push(("smsc", &self.smsc));
        }
        let answer = out.http.get(&self.send_url).query(&pairs).send().await?;
        if !answer.status.is_success() {
            return Err(refused(&answer, out.gateway));
        }
        // 202 with "0: Accepted for delivery" or "3: Queued for later delivery".
        let word = String::from_utf8_lossy(&answer.body);
        if word.starts_with("0:") || word.starts_with("3:") { Ok(None) } else { Err(Trouble::OddAnswer.into()) }
    }
}

/// A report on a message of ours: `%d`, `%T`, and what the network answered (`%A`).
fn report(fields: &Fields, state: &str) -> Option<Told> {
    let refusal =
        |code: &str, detail: &str| ReceiptState::Failed { code: why(fields).unwrap_or_else(|| code.to_owned()), detail: detail.to_owned() };
    let state = match state {
        "1" => ReceiptState::Delivered,
        "2" => refusal("dlr-2", "the network could not deliver it"),
        "8" => ReceiptState::Sent,
        "16" => refusal("dlr-16", "the network refused it"),
        // Waiting somewhere: nothing has become of it yet.
        _ => return None,
    };
    let reply = fields.text("reply").and_then(|id| id.parse().ok())?;
    Some(Told { reply: Some(reply), platform_id: None, account: fields.text("account"), from: None, state, at: seconds(fields.text("at")) })
}

/// The network's code in its own report: `… stat:UNDELIV err:011 …`. The text of the message, which follows, is left alone.
fn why(fields: &Fields) -> Option<String> {
    let answer = fields.text("answer")?;
    let word = |name: &str| {
        let (_, rest) = answer.split_once(name)?;
        let word: String = rest.chars().take_while(char::is_ascii_alphanumeric).take(10).collect();
        (!word.is_empty()).then_some(word)
    };
    match (word("stat:"), word("err:")) {
        (Some(stat), Some(err)) => Some(format!("{stat} {err}")),
        (stat, err) => stat.or(err),
    }
}

fn seconds(text: Option<String>) -> Option<Timestamp> {
    Timestamp::from_second(text?.parse().ok()?).ok()
}
