//! Every limit, against a server on loopback.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use outgoing::{Http, HttpError, Limits, Method};

async fn serve(routes: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

fn strict() -> Http {
    Http::new(limits()).expect("a client")
}

fn limits() -> Limits {
    Limits { connect: Duration::from_secs(2), total: Duration::from_secs(5), max_body: 1000, redirects: 2, allow_private: false }
}

fn trusting(address: SocketAddr) -> Http {
    strict().trusting(&format!("http://{address}")).expect("an address")
}

async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 10_000).await.expect("a small body");
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("-").to_owned();
    let told = [parts.method.to_string(), parts.uri.to_string(), header("authorization"), header("content-type"), header("user-agent")];
    [told.join("|").as_bytes(), b"|", &body].concat().into_response()
}

/// A server that must not be called, and how often it was.
async fn witness() -> (SocketAddr, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let count = move || async move { _ = counted.fetch_add(1, Ordering::Relaxed) };
    (serve(Router::new().fallback(any(count))).await, calls)
}

fn redirect(to: String) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, to)]).into_response()
}

fn text(response: &outgoing::Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

#[tokio::test]
async fn a_call_carries_what_it_was_given() {
    let address = serve(Router::new().fallback(any(echo))).await;
    let http = trusting(address);
    let agent = concat!("Muara/", env!("CARGO_PKG_VERSION"));
    let answer =
        http.post(&format!("http://{address}/a")).query(&[("q", "x y&z")]).bearer("word").json(&[1, 2]).send().await.expect("an answer");
    assert_eq!(text(&answer), format!("POST|/a?q=x+y%26z|Bearer word|application/json|{agent}|[1,2]"));
    let answer = http.post(&format!("http://{address}/f")).form(&[("a", "1 2"), ("b", "ü")]).send().await.expect("an answer");
    assert_eq!(text(&answer), format!("POST|/f|-|application/x-www-form-urlencoded|{agent}|a=1+2&b=%C3%BC"));
    let answer = http.call(Method::DELETE, &format!("http://{address}/d")).send().await.expect("an answer");
    assert!(text(&answer).starts_with("DELETE|/d|"));
    let wrong = http.get(&format!("http://{address}/")).header("x-broken", "a\nb").send().await;
    assert!(matches!(wrong, Err(HttpError::Header)));
}

#[tokio::test]
async fn an_error_status_is_an_answer_that_says_how_long_to_wait() {
    let busy = || async { (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "7")], r#"{"code":1}"#) };
    let address = serve(Router::new().route("/", get(busy))).await;
    let answer = trusting(address).get(&format!("http://{address}/")).send().await.expect("an answer");
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.retry_after(), Some(Duration::from_secs(7)));
    assert_eq!(answer.json::<serde_json::Value>().expect("JSON")["code"], 1);
    assert!(matches!(answer.json::<Vec<u8>>(), Err(HttpError::Json { line: 1, .. })));
}

#[tokio::test]
async fn nobody_makes_us_wait_for_more_than_a_day() {
    let busy = || async { (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "99999999999")]) };
    let address = serve(Router::new().route("/", get(busy))).await;
    let answer = trusting(address).get(&format!("http://{address}/")).send().await.expect("an answer");
    assert_eq!(answer.retry_after(), Some(Duration::from_hours(24)));
}

#[tokio::test]
async fn private_addresses_are_refused_before_anyone_is_called() {
    let (address, calls) = witness().await;
    let port = address.port();
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.0.0.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://user:word@127.0.0.1:{port}/"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        let outcome = strict().get(&url).send().await;
        assert!(matches!(outcome, Err(HttpError::Private)), "{url}: {outcome:?}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn only_the_configured_port_of_a_trusted_host_is_reached() {
    let trusted = serve(Router::new().fallback(any(echo))).await;
    let (other, calls) = witness().await;
    let http = trusting(trusted);
    assert!(http.get(&format!("http://{trusted}/")).send().await.is_ok());
    for url in [format!("http://{other}/"), format!("https://{trusted}/"), format!("http://localhost:{}/", trusted.port())] {
        assert!(matches!(http.get(&url).send().await, Err(HttpError::Private)), "{url}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn other_schemes_are_no_addresses() {
    for url in ["file:///etc/passwd", "ftp://example.org/", "data:text/plain,x", "gopher://x/", "nonsense", ""] {
        assert!(matches!(strict().get(url).send().await, Err(HttpError::Url)), "{url}");
    }
    assert!(matches!(strict().trusting("file:///etc"), Err(HttpError::Url)));
}

#[tokio::test]
async fn redirects_are_followed_a_few_times_and_checked_each_time() {
    let (hidden, calls) = witness().await;
    let routes = Router::new()
        .route("/one", get(|| async { redirect("/two".into()) }))
        .route("/two", get(|| async { redirect("three".into()) }))
        .route("/three", get(echo))
        .route("/loop", get(|| async { redirect("/loop".into()) }))
        .route("/inside", get(move || async move { redirect(format!("http://{hidden}/secret")) }))
        .route("/cloud", get(|| async { redirect("http://169.254.169.254/".into()) }))
        .route("/file", get(|| async { redirect("file:///etc/passwd".into()) }))
        .route("/nowhere", get(|| async { StatusCode::FOUND }))
        .route("/posted", any(|| async { redirect("/three".into()) }));
    let address = serve(routes).await;
    let http = trusting(address);
    let get = |path: &str| http.get(&format!("http://{address}{path}")).bearer("word").send();
    assert!(text(&get("/one").await.expect("an answer")).starts_with("GET|/three|Bearer word"));
    assert!(matches!(get("/loop").await, Err(HttpError::Redirect)));
    assert!(matches!(get("/inside").await, Err(HttpError::Private)));
    assert!(matches!(get("/cloud").await, Err(HttpError::Private)));
    assert!(matches!(get("/file").await, Err(HttpError::Redirect)));
    assert!(matches!(get("/nowhere").await, Err(HttpError::Redirect)));
    let posted = http.post(&format!("http://{address}/posted")).send().await.expect("an answer");
    assert_eq!(posted.status, StatusCode::FOUND, "what was posted to one address is not posted to another");
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_token_for_one_host_is_not_told_to_another() {
    let told = |headers: HeaderMap| async move { format!("{:?}", headers.keys().collect::<Vec<_>>()) };
    let other = serve(Router::new().fallback(any(told))).await;
    let address = serve(Router::new().route("/", get(move || async move { redirect(format!("http://{other}/")) }))).await;
    let http = trusting(address).trusting(&format!("http://{other}")).expect("an address");
    let call = http
        .get(&format!("http://{address}/"))
        .bearer("word")
        .header("cookie", "c=word")
        .header("x-api-key", "word")
        .header("accept", "image/*");
    let answer = text(&call.send().await.expect("an answer"));
    assert!(answer.contains("accept") && !["authorization", "cookie", "x-api-key"].iter().any(|name| answer.contains(name)), "{answer}");
}

#[tokio::test]
async fn a_body_is_read_up_to_its_limit_whether_its_length_is_announced_or_not() {
    let announced = |bytes: usize| move || async move { vec![b'x'; bytes] };
    let unannounced = |bytes: usize| {
        move || async move { Body::from_stream(futures::stream::iter((0..bytes / 100).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 100])))) }
    };
    let endless = || async { Body::from_stream(futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 100]))) };
    let routes = Router::new()
        .route("/fits", get(announced(1000)))
        .route("/large", get(announced(1001)))
        .route("/chunks", get(unannounced(1000)))
        .route("/more", get(unannounced(1100)))
        .route("/endless", get(endless));
    let address = serve(routes).await;
    let http = trusting(address);
    let get = |path: &str| http.get(&format!("http://{address}{path}")).send();
    for path in ["/fits", "/chunks"] {
        assert_eq!(get(path).await.expect("an answer").body.len(), 1000, "{path}");
    }
    for path in ["/large", "/more", "/endless"] {
        assert!(matches!(get(path).await, Err(HttpError::TooLarge { limit: 1000 })), "{path}");
    }
    let more = http.limited(Duration::from_secs(5), 2000).get(&format!("http://{address}/large")).send().await;
    assert_eq!(more.expect("an answer").body.len(), 1001);
}

#[tokio::test]
async fn silence_and_slowness_end_in_time() {
    let slow = || async { Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>()) };
    let routes = Router::new().route("/silent", get(std::future::pending::<StatusCode>)).route("/slow", get(slow));
    let address = serve(routes).await;
    for path in ["/silent", "/slow"] {
        let call = trusting(address).get(&format!("http://{address}{path}")).timeout(Duration::from_millis(200));
        let error = call.send().await.expect_err("no answer");
        assert!(matches!(error, HttpError::Timeout(_)) && error.is_transient(), "{error:?}");
    }
}

#[tokio::test]
async fn a_closed_port_and_an_unknown_name_are_told_apart() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed = listener.local_addr().expect("an address");
    drop(listener);
    let refused = trusting(closed).get(&format!("http://{closed}/")).send().await.expect_err("nobody is there");
    assert!(matches!(refused, HttpError::Connect(_)) && refused.is_transient(), "{refused:?}");
    // `.invalid` never has an address (RFC 6761), so no question leaves for one that could.
    let unknown = strict().get("http://nobody.invalid/").send().await.expect_err("no such name");
    assert!(matches!(unknown, HttpError::Resolve) && unknown.is_transient(), "{unknown:?}");
}

#[tokio::test]
async fn no_error_and_no_debug_holds_an_address_or_a_token() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let closed = listener.local_addr().expect("an address");
    drop(listener);
    let http = trusting(closed);
    let call = http.get(&format!("http://{closed}/bot12345:quite-secret/getFile")).bearer("quite-secret");
    assert!(!format!("{call:?} {http:?}").contains("quite-secret"));
    let error = call.send().await.expect_err("nobody is there");
    assert!(!format!("{error} {error:?}").contains("quite-secret"), "{error:?}");
    let answer = outgoing::Response { status: StatusCode::OK, headers: HeaderMap::new(), body: "quite-secret".into() };
    assert!(!format!("{answer:?}").contains("quite-secret"));
}
