//! How the platform calls a webhook: Meta's envelope, signed over its bytes.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The header that carries the signature.
pub const SIGNATURE: &str = "x-hub-signature-256";

/// The value of the signature header: `sha256=` and the HMAC of the raw body in hex.
///
/// # Panics
/// Never: HMAC takes a key of any length.
///
/// ```
/// assert!(simulator::webhook::signature(b"{}", "rahasia").starts_with("sha256="));
/// ```
pub fn signature(body: &[u8], secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    format!("sha256={}", hex(&mac.finalize().into_bytes()))
}

/// One request body for some changes: of the field `messages`, or of a template.
pub fn envelope(values: &[Value]) -> Vec<u8> {
    let field = |value: &Value| {
        if value.get("message_template_id").is_some() { "message_template_status_update" } else { "messages" }
    };
    let changes: Vec<Value> = values.iter().map(|value| json!({ "value": value, "field": field(value) })).collect();
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "700000000000001", "changes": changes }] }).to_string().into_bytes()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // writing into a String cannot fail
        hex
    })
}

/// A client that gives up after a while, as Meta does.
pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default(); // an error says that there is one already
    #[expect(clippy::disallowed_methods, reason = "the simulator plays the world outside; nothing of Muara leaves through it")]
    let builder = reqwest::Client::builder();
    builder.timeout(Duration::from_secs(20)).build().expect("a client without certificates of its own is built")
}

/// The same, which does not go where an answer leads.
pub(crate) fn client_that_stays() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default(); // an error says that there is one already
    #[expect(clippy::disallowed_methods, reason = "the simulator plays the world outside; nothing of Muara leaves through it")]
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    builder.timeout(Duration::from_secs(20)).build().expect("a client without certificates of its own is built")
}

/// Posts a signed body and tells the status; 0 when there was no answer.
pub(crate) async fn post(client: &reqwest::Client, url: &str, secret: &str, body: Vec<u8>) -> u16 {
    let signed = signature(&body, secret);
    let request = client.post(url).header("content-type", "application/json").header(SIGNATURE, signed).body(body);
    request.send().await.map_or(0, |answer| answer.status().as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_of_rfc_4231() {
        // Test case 2 of the RFC: key "Jefe".
        assert_eq!(
            signature(b"what do ya want for nothing?", "Jefe"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn the_envelope_holds_every_change() {
        let body: Value = serde_json::from_slice(&envelope(&[json!(1), json!(2)])).expect("JSON");
        assert_eq!(body["entry"][0]["changes"][1]["value"], 2);
        assert_eq!(body["object"], "whatsapp_business_account");
    }
}
