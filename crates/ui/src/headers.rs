//! Headers that every response carries: what a page may load, and what a browser may tell others.

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::Response,
};

/// What differs from program to program.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Origins besides our own that a form may be sent to: the desk, for a clerk's sign-in.
    pub form_targets: Vec<String>,
    /// The program is reached by https only, so browsers shall insist on it.
    pub https: bool,
}

const FIXED: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "geolocation=(self), camera=(self), microphone=(self), payment=(), usb=()"),
];

/// Adds the headers to every response that has not set its own. Pages are not kept by caches unless they say so.
pub fn secured<S: Clone + Send + Sync + 'static>(router: Router<S>, policy: &Policy) -> Router<S> {
    let targets = [&["'self'".to_owned()], policy.form_targets.as_slice()].concat().join(" ");
    let content = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; \
         form-action {targets}; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'; worker-src 'self'"
    );
    let content = HeaderValue::from_str(&content).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let https = policy.https;
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let content = content.clone();
        async move { headed(next.run(request).await, content, https) }
    }))
}

fn headed(mut response: Response, content: HeaderValue, https: bool) -> Response {
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(content);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in FIXED {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HeaderValue::from_static("max-age=31536000"));
    }
    response
}
