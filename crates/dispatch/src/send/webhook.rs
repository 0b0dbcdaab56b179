//! A POST in the form of Standard Webhooks: headers `webhook-id`, `webhook-timestamp`, `webhook-signature`, so that receivers find a library for
//! it in their language. The id stays the same however often it is tried: a receiver that knows it answers 200 and does nothing.

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use outgoing::Http;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Tried, no_answer, refusal};
use crate::notice::Notice;

/// What is posted. Fields are only ever added.
#[derive(Debug, Serialize)]
struct Posted<'a> {
    r#type: &'static str,
    reference: String,
    agency: &'a str,
    category: Option<&'a str>,
    category_name: Option<&'a str>,
    area: Option<&'a str>,
    area_name: Option<String>,
    place: Option<&'a str>,
    lat: Option<f64>,
    lon: Option<f64>,
    text: &'a str,
    visibility: &'static str,
    opened_at: Timestamp,
    deadline: Option<Timestamp>,
}

/// What a receiver may answer.
#[derive(Debug, Default, Deserialize)]
struct Answer {
    /// Its own number.
    #[serde(default)]
    reference: Option<String>,
}

pub(crate) async fn send(http: &Http, notice: &Notice<'_>, target: &str, secret: Option<&str>, now: Timestamp) -> Tried {
    let Some(key) = secret.and_then(key) else { return Tried::Refused("the agency has no usable key for the signature".to_owned()) };
    let Ok(http) = http.trusting(target) else { return Tried::Refused("the agency's address is no address".to_owned()) };
    let body = serde_json::to_string(&posted(notice)).expect("numbers and texts are JSON");
    let (id, at) = (notice.key(), now.as_second());
    let signature = sign(&key, &id, at, &body);
    let call =
        http.post(target).header("webhook-id", &id).header("webhook-timestamp", &at.to_string()).header("webhook-signature", &signature);
    match call.body("application/json", body).send().await {
        Ok(response) if response.status.is_success() => Tried::Delivered(response.json::<Answer>().unwrap_or_default().reference),
        Ok(response) => refusal(&response),
        Err(error) => match no_answer(&error) {
            // The receiver knows the id: asking again does no harm.
            Tried::Unknown(error) => Tried::NotNow { after: None, error },
            other => other,
        },
    }
}

fn posted<'a>(notice: &'a Notice<'_>) -> Posted<'a> {
    let complaint = notice.complaint;
    Posted {
        r#type: "complaint.dispatched",
        reference: complaint.reference.to_string(),
        agency: &notice.agency.code,
        category: complaint.category.as_deref(),
        category_name: notice.category(),
        area: complaint.area.as_deref(),
        area_name: notice.area(),
        place: complaint.place.as_deref(),
        lat: complaint.location.map(|point| point.lat),
        lon: complaint.location.map(|point| point.lon),
        text: &complaint.text,
        visibility: complaint.visibility.as_str(),
        opened_at: complaint.opened_at,
        deadline: notice.deadline(),
    }
}

/// `whsec_` and base64, as the standard writes keys; anything else is taken as it stands. Empty: none.
fn key(secret: &str) -> Option<Vec<u8>> {
    let key = match secret.strip_prefix("whsec_") {
        Some(encoded) => BASE64_STANDARD.decode(encoded).ok()?,
        None => secret.as_bytes().to_vec(),
    };
    (!key.is_empty()).then_some(key)
}

fn sign(key: &[u8], id: &str, at: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    mac.update(format!("{id}.{at}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standard() {
        // The example that the standard's libraries are tested with.
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a key");
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn an_empty_or_broken_key_signs_nothing() {
        assert_eq!(key(""), None);
        assert_eq!(key("whsec_"), None);
        assert_eq!(key("whsec_%"), None);
        assert_eq!(key("kunci"), Some(b"kunci".to_vec()));
    }
}
