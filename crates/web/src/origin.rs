//! Only our own pages may post. A second lock besides the session's token, and the only one where there is no session.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::WebError;

/// Refuses a post that a browser says comes from another site.
pub(crate) async fn only_our_own_posts(request: Request, next: Next) -> Response {
    let acts = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if acts && comes_from_elsewhere(request.headers()) { WebError::ForeignPost.into_response() } else { next.run(request).await }
}

/// Browsers say it in `Sec-Fetch-Site` (over https and on localhost), else in `Origin`. `Origin: null` is what our own pages send
/// over plain http, because their policy is `no-referrer`; a program that is no browser sends neither, and carries nobody's cookie.
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let value = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = value(HeaderName::from_static("sec-fetch-site")) {
        return !matches!(site, "same-origin" | "none");
    }
    match value(header::ORIGIN) {
        None | Some("null") => false,
        Some(origin) => origin.split_once("://").map(|(_, host)| host) != value(header::HOST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_browser_on_another_site_is_refused() {
        let refused = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value"))).collect();
            comes_from_elsewhere(&headers)
        };
        assert!(!refused(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(refused(&[("sec-fetch-site", "cross-site"), ("origin", "https://a.example")]));
        assert!(refused(&[("sec-fetch-site", "same-site")]));
        assert!(refused(&[("origin", "https://evil.example"), ("host", "lapor.example")]));
        assert!(!refused(&[("origin", "https://lapor.example"), ("host", "lapor.example")]));
        assert!(!refused(&[]));
    }
}
