//! Open311 `GeoReport` v2: `POST {target}/requests.json`. The protocol has no key against doubles, so what may have arrived is not sent
//! again by itself.

use outgoing::Http;
use serde::Deserialize;

use super::{Tried, no_answer, refusal};
use crate::notice::Notice;

/// The protocol's own limit.
const MOST_CHARACTERS: usize = 4000;
/// What a service without our categories is given.
const OTHER: &str = "other";

/// One element of the answer: an id at once, or a token for one that comes later.
#[derive(Debug, Deserialize)]
struct Created {
    #[serde(default)]
    service_request_id: Option<serde_json::Value>,
    #[serde(default)]
    token: Option<serde_json::Value>,
}

pub(crate) async fn send(http: &Http, notice: &Notice<'_>, target: &str, api_key: Option<&str>) -> Tried {
    let Some(address) = requests(target) else { return Tried::Refused("the agency's address is no address".to_owned()) };
    let Ok(http) = http.trusting(&address) else { return Tried::Refused("the agency's address is no address".to_owned()) };
    let form = form(notice, api_key);
    let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    match http.post(&address).form(&pairs).send().await {
        Ok(response) if response.status.is_success() => Tried::Delivered(response.json::<Vec<Created>>().ok().and_then(number)),
        Ok(response) => refusal(&response),
        Err(error) => no_answer(&error),
    }
}

/// `https://host/path?jurisdiction_id=x` → `https://host/path/requests.json?jurisdiction_id=x`.
fn requests(target: &str) -> Option<String> {
    let mut url = outgoing::Url::parse(target).ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().push("requests.json");
    Some(url.into())
}

fn form(notice: &Notice<'_>, api_key: Option<&str>) -> Vec<(&'static str, String)> {
    let complaint = notice.complaint;
    let mut form = vec![
        ("service_code", complaint.category.clone().unwrap_or_else(|| OTHER.to_owned())),
        ("description", notice.text_within(MOST_CHARACTERS)),
    ];
    if let Some(point) = complaint.location {
        form.push(("lat", point.lat.to_string()));
        form.push(("long", point.lon.to_string()));
    }
    // The protocol wants a place in some form.
    let place = [complaint.place.clone(), notice.area()].into_iter().flatten().collect::<Vec<_>>().join(", ");
    if !place.is_empty() || complaint.location.is_none() {
        form.push(("address_string", if place.is_empty() { notice.site.name.clone() } else { place }));
    }
    if let Some(key) = api_key {
        form.push(("api_key", key.to_owned()));
    }
    form
}

fn number(created: Vec<Created>) -> Option<String> {
    let first = created.into_iter().next()?;
    let text = |value: serde_json::Value| match value {
        serde_json::Value::String(text) if !text.is_empty() => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let token = || first.token.and_then(text).map(|token| format!("token {token}"));
    first.service_request_id.and_then(text).or_else(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_keeps_its_query_and_one_slash() {
        assert_eq!(requests("https://a.example/v2").as_deref(), Some("https://a.example/v2/requests.json"));
        assert_eq!(
            requests("https://a.example/v2/?jurisdiction_id=x").as_deref(),
            Some("https://a.example/v2/requests.json?jurisdiction_id=x")
        );
        assert_eq!(requests("mailto:a@b"), None);
        assert_eq!(requests("nonsense"), None);
    }

    #[test]
    fn the_number_is_read_however_it_is_written() {
        let read = |json: &str| number(serde_json::from_str(json).expect("an answer"));
        assert_eq!(read(r#"[{"service_request_id":"293944"}]"#).as_deref(), Some("293944"));
        assert_eq!(read(r#"[{"service_request_id":293944,"account_id":null}]"#).as_deref(), Some("293944"));
        assert_eq!(read(r#"[{"token":"abc"}]"#).as_deref(), Some("token abc"));
        assert_eq!(read("[]"), None);
    }
}
