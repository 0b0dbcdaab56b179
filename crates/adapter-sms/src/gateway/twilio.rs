//! Twilio's programmable messaging, and who speaks like it: a signed form in, an API out, a signed form for what became of it.

use adapter_sdk::{
    Attachment, AttachmentKind, Bytes, ConfigError, Content, FetchError, Http, HttpError, ParseError, ReceiptState, Refused, RemoteMedia,
    Request, Response, Secret, SendError, axum::http::Method,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{Outgoing, PAUSE, Trouble, code, locked_out, report_url};
use crate::{
    config::check_url,
    fields::{Fields, at_path},
    said::{Delivery, Heard, Said, Text, Told},
};

const SIGNATURE: &str = "x-twilio-signature";
/// More files than any message has.
const MOST_FILES: u32 = 20;

/// One account.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Twilio {
    /// `AC…`
    pub account_sid: String,
    /// Signs what Twilio sends, and opens the API; by `auth_token_file`.
    pub auth_token: Secret,
    /// The other token while the two are exchanged, by `other_auth_token_file`. It only checks signatures.
    #[serde(default)]
    pub other_auth_token: Secret,
    /// How Twilio reaches our door, scheme and host as entered there: they are signed.
    pub door_url: String,
    /// Where the API is.
    #[serde(default = "api_url")]
    pub api_url: String,
    /// `MG…`: a service sends in the number's place.
    #[serde(default)]
    pub messaging_service_sid: String,
    /// Who may call: addresses and networks. Empty: everybody who signs.
    #[serde(default)]
    pub allow_from: Vec<String>,
}

fn api_url() -> String {
    "https://api.twilio.com".to_owned()
}

impl Twilio {
    pub(super) fn check(&self, path: &dyn Fn(&str) -> String) -> Result<(), ConfigError> {
        check_url(&self.door_url, &path("door_url"))?;
        check_url(&self.api_url, &path("api_url"))?;
        for (key, empty) in [("account_sid", self.account_sid.is_empty()), ("auth_token", self.auth_token.is_empty())] {
            if empty {
                return Err(ConfigError::Value { key: format!("adapter.{}", path(key)), why: "must not be empty".into() });
            }
        }
        Ok(())
    }

    /// The signature is over the address as it was called, and every field of a form, by name. JSON is signed by its hash in the address.
    pub(super) fn verify(&self, request: &Request) -> Result<(), Refused> {
        let signature = request.header(SIGNATURE).and_then(|value| BASE64_STANDARD.decode(value).ok()).ok_or(Refused::Unsigned)?;
        let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
        let mut signed = format!("{}{}{query}", self.door_url.trim_end_matches('/'), request.path);
        if let Some(hash) = request.query_value("bodySHA256") {
            if !hash.eq_ignore_ascii_case(&hex(&Sha256::digest(&request.body))) {
                return Err(Refused::WrongSignature);
            }
        } else if request.method == Method::GET {
            // What is not signed is not there.
            if !request.body.is_empty() {
                return Err(Refused::WrongSignature);
            }
        } else {
            let fields = Fields::read(&request.body);
            let mut pairs = fields.pairs();
            pairs.sort();
            pairs.dedup();
            for (name, value) in pairs {
                signed.push_str(name);
                signed.push_str(&value);
            }
        }
        let tokens = [&self.auth_token, &self.other_auth_token].into_iter().filter(|token| !token.is_empty());
        let fits = |token: &Secret| {
            let mut mac = Hmac::<Sha1>::new_from_slice(token.expose().as_bytes()).expect("HMAC takes a key of any length");
            mac.update(signed.as_bytes());
            mac.verify_slice(&signature).is_ok() // compares in constant time
        };
        if tokens.into_iter().any(fits) { Ok(()) } else { Err(Refused::WrongSignature) }
    }

    pub(super) fn said(delivery: &Delivery<'_>) -> Result<Vec<Said>, ParseError> {
        let fields = if delivery.is_json() { of_json(delivery)? } else { Fields::read(delivery.body) };
        let fields = fields.and(Fields::read(delivery.query.as_bytes()));
        if let Some(status) = fields.text("MessageStatus") {
            return Ok(report(&fields, &status).map(Said::Told).into_iter().collect());
        }
        let from = fields.text("From").ok_or_else(|| ParseError::new("not a message of Twilio: no From"))?;
        if let Some(wish) = fields.text("OptOutType") {
            let wanted = |wanted| Said::Silence { from, wanted };
            return Ok(match wish.as_str() {
                "STOP" => vec![wanted(true)],
                "START" => vec![wanted(false)],
                _ => Vec::new(), // HELP: answered there
            });
        }
        let sid = fields.text("MessageSid").or_else(|| fields.text("SmsSid"));
        if sid.is_none() && fields.bytes("Body").is_none() {
            return Err(ParseError::new("not a message of Twilio: neither MessageSid nor Body"));
        }
        let heard = Heard {
            id: sid,
            from,
            to: fields.text("To"),
            text: Text::Words(fields.text("Body").unwrap_or_default()),
            sent_at: None,
            part: None,
            attachments: files(&fields),
        };
        Ok(vec![Said::Heard(Box::new(heard))])
    }

    pub(super) async fn send(&self, out: Outgoing<'_>) -> Result<Option<String>, SendError> {
        let url = format!("{}/2010-04-01/Accounts/{}/Messages.json", self.api_url.trim_end_matches('/'), self.account_sid);
        let report = report_url(&self.door_url, &Secret::default(), &out, "");
        let from = match self.messaging_service_sid.as_str() {
            "" => ("From", out.number.sender()),
            service => ("MessagingServiceSid", service),
        };
        let pairs = [from, ("To", out.to.path()), ("Body", out.text), ("StatusCallback", &report)];
        let answer = out.http.post(&url).header("authorization", &self.basic()).form(&pairs).send().await?;
        if !answer.status.is_success() {
            return Err(no(&answer, out.gateway));
        }
        let taken: Value = answer.json().map_err(|_| SendError::from(Trouble::OddAnswer))?;
        at_path(&taken, "sid").map(Some).ok_or_else(|| Trouble::OddAnswer.into())
    }

    /// One picture. Our token goes only to the API's own address; from there it is sent on without.
    pub(crate) async fn download(&self, http: &Http, url: &str) -> Result<Bytes, FetchError> {
        let own = url.strip_prefix(self.api_url.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
        let call = http.get(url);
        let answer = if own { call.header("authorization", &self.basic()) } else { call }.send().await?;
        if answer.status.is_success() { Ok(answer.body) } else { Err(FetchError::from_answer(&answer)) }
    }

    /// Asks about the account.
    pub(crate) async fn asked(&self, http: &Http, about: &str) -> Result<Response, HttpError> {
        let url = format!("{}/2010-04-01/Accounts/{}{about}", self.api_url.trim_end_matches('/'), self.account_sid);
        http.get(&url).header("authorization", &self.basic()).send().await
    }

    fn basic(&self) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", self.account_sid, self.auth_token.expose())))
    }
}

fn of_json(delivery: &Delivery<'_>) -> Result<Fields, ParseError> {
    let value: Value = serde_json::from_slice(delivery.body)?;
    let object = value.as_object().ok_or_else(|| ParseError::new("not a message of Twilio: no object"))?;
    let pairs: Vec<String> = object
        .keys()
        .filter_map(|name| Some(format!("{}={}", crate::fields::encoded(name), crate::fields::encoded(&at_path(&value, name)?))))
        .collect();
    Ok(Fields::read(pairs.join("&").as_bytes()))
}

fn files(fields: &Fields) -> Vec<Attachment> {
    let count = fields.text("NumMedia").and_then(|count| count.parse::<u32>().ok()).unwrap_or(0);
    let file = |n: u32| {
        let mime = fields.text(&format!("MediaContentType{n}"));
        let kind = match mime.as_deref().unwrap_or_default().split('/').next() {
            Some("image") => AttachmentKind::Image,
            Some("video") => AttachmentKind::Video,
            Some("audio") => AttachmentKind::Audio,
            _ => AttachmentKind::Document,
        };
        let id = fields.text(&format!("MediaUrl{n}"))?;
        let params = std::collections::BTreeMap::from([("gateway".to_owned(), fields.text("gateway")?)]);
        Some(Attachment { kind, mime, filename: None, content: Content::Remote(RemoteMedia { id, params }) })
    };
    (0..count.min(MOST_FILES)).filter_map(file).collect()
}

fn report(fields: &Fields, status: &str) -> Option<Told> {
    let state = match status {
        "sent" => ReceiptState::Sent,
        "delivered" => ReceiptState::Delivered,
        "read" => ReceiptState::Read,
        "failed" | "undelivered" | "canceled" => ReceiptState::Failed {
            code: code(&fields.text("ErrorCode").unwrap_or_else(|| status.to_owned())),
            detail: "the network could not deliver it".to_owned(),
        },
        _ => return None, // queued, sending: nothing has become of it yet
    };
    let reply = fields.text("reply").and_then(|id| id.parse().ok());
    let platform_id = fields.text("MessageSid").or_else(|| fields.text("SmsSid"));
    if reply.is_none() && platform_id.is_none() {
        return None;
    }
    Some(Told { reply, platform_id, account: fields.text("account"), from: fields.text("From"), state, at: None })
}

/// Twilio's codes are what counts; the status is coarse.
fn no(answer: &Response, gateway: &str) -> SendError {
    let said = answer.json::<Value>().ok().and_then(|body| at_path(&body, "code")?.parse::<u32>().ok());
    let Some(number) = said else {
        return if answer.status.as_u16() == 401 { locked_out(gateway) } else { SendError::from_answer(answer) };
    };
    match number {
        21610 => SendError::OptedOut,
        // Token, account, credit, a number that is not ours: replies wait until an administrator has acted.
        20003 | 20005 | 20404 | 21606 | 21212 | 21659 | 21660 | 30002 => locked_out(gateway),
        20429 | 14107 | 30001 | 30022 | 63018 => SendError::Throttled(Some(answer.retry_after().unwrap_or(PAUSE))),
        _ if answer.status.is_server_error() => Trouble::Itself(number.to_string()).into(),
        _ if answer.status.as_u16() == 429 => SendError::Throttled(Some(answer.retry_after().unwrap_or(PAUSE))),
        // Not a telephone, not allowed there, blocked: for good.
        _ => SendError::rejected(number.to_string(), "the gateway does not send it"),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing into a String cannot fail
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(token: &str, other: &str) -> Twilio {
        let table = serde_json::json!({ "account_sid": "AC1", "auth_token": token, "other_auth_token": other, "door_url": "https://mycompany.com" });
        serde_json::from_value(table).expect("an account")
    }

    /// The example of Twilio's documentation: address, fields, token and signature.
    const DOCUMENTED: &str = "POST /myapp.php?foo=1&bar=2\ncontent-type: application/x-www-form-urlencoded\nx-twilio-signature: @\n\n\
        To=%2B18005551212&From=%2B14158675309&Digits=1234&Caller=%2B14158675309&CallSid=CA1234567890ABCDE";

    #[test]
    fn the_documented_signature_is_right_and_others_are_not() {
        let signed = |signature: &str| Request::recorded(DOCUMENTED.replace('@', signature).as_bytes()).expect("a request");
        let right = signed("RSOYDt4T1cUTdK1PDd93/VVr8B8=");
        assert_eq!(account("12345", "").verify(&right), Ok(()));
        assert_eq!(account("54321", "12345").verify(&right), Ok(()), "while tokens are exchanged");
        assert_eq!(account("54321", "").verify(&right), Err(Refused::WrongSignature));
        assert_eq!(account("12345", "").verify(&signed("AAAADt4T1cUTdK1PDd93/VVr8B8=")), Err(Refused::WrongSignature));
        assert_eq!(account("12345", "").verify(&signed("%")), Err(Refused::Unsigned));
    }

    #[test]
    fn a_signed_address_lends_its_signature_to_no_body() {
        let get = "GET /webhook?gateway=awan\nx-twilio-signature: @\n\n";
        let mut mac = Hmac::<Sha1>::new_from_slice(b"12345").expect("a key");
        mac.update(b"https://mycompany.com/webhook?gateway=awan");
        let get = get.replace('@', &BASE64_STANDARD.encode(mac.finalize().into_bytes()));
        let request = Request::recorded(get.as_bytes()).expect("a request");
        assert_eq!(account("12345", "").verify(&request), Ok(()));
        let with_body = Request { body: "From=x".into(), ..request };
        assert_eq!(account("12345", "").verify(&with_body), Err(Refused::WrongSignature));
    }
}
