//! The suites of the three kinds.

use adapter_sdk::{Adapter, Pages, Poll, Request, Webhook, webhook_routes};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderName, HeaderValue},
};
use tokio::runtime::Runtime;
use tower::ServiceExt;

use crate::{Contract, FakePlatform, Fixture, TestDoor, log::Log, suite::Suite};

/// C1 to C13 for an adapter whose platform calls us. Call it from one `#[test]`; it starts its own runtime.
///
/// # Panics
/// When a rule is broken; the message begins with its number.
pub fn webhook<A: Webhook>(contract: Contract) {
    run::<A>(contract, A::keep_headers(), async |suite| {
        c4(suite).await;
        c5(suite).await;
    });
}

/// The rules for an adapter that calls its platform.
///
/// # Panics
/// When a rule is broken; the message begins with its number.
pub fn poll<A: Poll>(contract: Contract) {
    run::<A>(contract, &[], async |suite| c6(suite).await);
}

/// The rules for an adapter with pages.
///
/// # Panics
/// When a rule is broken; the message begins with its number.
pub fn pages<A: Pages>(contract: Contract) {
    run::<A>(contract, &[], async |suite| pages_without_a_bus(suite).await);
}

fn run<A: Adapter>(contract: Contract, keep_headers: &'static [&'static str], own: impl AsyncFnOnce(&mut Suite<A>)) {
    let runtime = runtime_on_this_thread();
    let log = Log::default();
    let mut suite = log.during(|| {
        let platform = runtime.block_on(FakePlatform::start());
        let mut suite = Suite::<A>::open(contract, platform, keep_headers);
        runtime.block_on(async {
            suite.of_every_kind().await;
            own(&mut suite).await;
        });
        suite
    });
    suite.c9_log(&log.text());
    suite.findings.tell(A::NAME);
}

/// One thread, so that what is logged anywhere is heard here.
fn runtime_on_this_thread() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("this machine makes a runtime")
}

/// C4: only what is signed is kept.
async fn c4<A: Webhook>(suite: &mut Suite<A>) {
    let fixtures = suite.fixtures.clone();
    for fixture in &fixtures {
        let signed = (suite.contract.signed)(&fixture.request);
        let name = &fixture.name;
        if signed.is_empty() {
            return suite.rule(4, false, || "the contract signs nothing (`signed`): then anyone may post".to_owned());
        }
        let unsigned = without(&fixture.request, &signed);
        let (status, kept) = post(suite, unsigned.clone()).await;
        suite.rule(4, status == 401 && kept == 0, || format!("{name} without a signature: {status}, {kept} kept"));

        let (status, kept) = post(suite, with(&unsigned, &signed)).await;
        suite.rule(4, (200..300).contains(&status) && kept == 1, || format!("{name}, signed: {status}, {kept} kept"));

        if !suite.contract.word_only {
            let mut changed = with(&unsigned, &signed);
            changed.body = [&changed.body[..], b" "].concat().into();
            let (status, kept) = post(suite, changed).await;
            suite.rule(4, status == 401 && kept == 0, || format!("{name}, changed after it was signed: {status}, {kept} kept"));
        }

        for (header, value) in &signed {
            for wrong in wrongs(value) {
                let forged = with(&unsigned, &[(header.clone(), wrong)]);
                let (status, kept) = post(suite, forged).await;
                suite.rule(4, status == 401 && kept == 0, || format!("{name} with a wrong `{header}`: {status}, {kept} kept"));
            }
        }
    }
}

/// Values that are nearly the right one.
fn wrongs(value: &str) -> Vec<String> {
    let last = if value.ends_with('0') { '1' } else { '0' };
    let mut shorter = value.to_owned();
    shorter.pop();
    vec![format!("{shorter}{last}"), format!("{value}0"), shorter, String::new(), "0".repeat(value.len()), "nonsense".to_owned()]
}

/// C5: the handshake is answered without a signature, and only to who knows the word.
async fn c5<A: Webhook>(suite: &mut Suite<A>) {
    let Some(handshake) = suite.contract.handshake else { return };
    let (request, answer) = handshake();
    let door = TestDoor::open(&suite.name);
    let (status, content_type, body) = ask(routes(suite, &door), request.clone()).await;
    let fits = status == answer.status.as_u16() && body == answer.body && content_type.as_deref() == answer.content_type;
    suite.rule(5, fits, || format!("the handshake hears {status} {content_type:?} {:?}", String::from_utf8_lossy(&body)));
    let kept = door.taken().await.len();
    suite.rule(5, kept == 0, || "the handshake was kept as a message".to_owned());
    for secret in suite.contract.secrets {
        if request.query.contains(secret) {
            let stranger = Request { query: request.query.replace(secret, "guess"), ..request.clone() };
            let (status, _, heard) = ask(routes(suite, &door), stranger).await;
            let refused = (400..500).contains(&status) && heard != answer.body;
            suite.rule(5, refused, || format!("a handshake with a wrong word hears {status}"));
        }
    }
}

fn routes<A: Webhook>(suite: &Suite<A>, door: &TestDoor) -> Router {
    webhook_routes(suite.adapter.clone(), door.door())
}

/// The status, and how many messages were kept.
async fn post<A: Webhook>(suite: &Suite<A>, request: Request) -> (u16, usize) {
    let door = TestDoor::open(&suite.name);
    let (status, _, _) = ask(routes(suite, &door), request).await;
    (status, door.taken().await.len())
}

async fn ask(routes: Router, request: Request) -> (u16, Option<String>, Vec<u8>) {
    let target = if request.query.is_empty() { request.path } else { format!("{}?{}", request.path, request.query) };
    let mut incoming = axum::http::Request::new(Body::from(request.body));
    *incoming.method_mut() = request.method;
    *incoming.uri_mut() = target.parse().unwrap_or_else(|error| panic!("{target} is no target of a request: {error}"));
    *incoming.headers_mut() = request.headers;
    let response = match routes.oneshot(incoming).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status().as_u16();
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap_or_default();
    (status, content_type, body.to_vec())
}

fn without(request: &Request, headers: &[(String, String)]) -> Request {
    let mut request = request.clone();
    for (name, _) in headers {
        request.headers.remove(name.as_str());
    }
    request
}

fn with(request: &Request, headers: &[(String, String)]) -> Request {
    let mut request = request.clone();
    for (name, value) in headers {
        let (name, value) = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str()));
        request.headers.insert(name.expect("a header that the contract gives"), value.expect("a header that the contract gives"));
    }
    request
}

/// C6: polling twice with one cursor gives the same, changes nothing there, and after its own cursor nothing comes again.
async fn c6<A: Poll>(suite: &mut Suite<A>) {
    let offers = suite.contract.offers;
    let accounts = suite.adapter.accounts();
    suite.rule(6, !accounts.is_empty(), || "no account to poll".to_owned());
    for account in accounts {
        suite.platform.forget();
        match suite.contract.elsewhere {
            None => offers(&suite.platform),
            Some(elsewhere) => {
                (elsewhere.mend)();
                (elsewhere.offer)();
            }
        }
        let before = suite.contract.elsewhere.map(|elsewhere| (elsewhere.state)());
        let first = suite.adapter.poll(&account, None).await;
        let second = suite.adapter.poll(&account, None).await;
        let (first, second) = match (first, second) {
            (Ok(first), Ok(second)) => (first, second),
            (first, second) => return suite.rule(6, false, || format!("{account}: a poll fails: {first:?}, {second:?}")),
        };
        suite.rule(6, !first.items.is_empty(), || format!("{account}: a poll finds nothing of what the platform offers (`offers`)"));
        suite.rule(6, first == second, || format!("{account}: polled again with the same cursor, it gives something else"));
        let changing = suite.platform.seen().iter().find(|seen| !seen.method.is_safe()).map(|seen| seen.method.clone());
        suite.rule(6, changing.is_none(), || format!("{account}: a poll calls {changing:?}, which may change something there"));
        let next = suite.adapter.poll(&account, first.cursor.clone()).await;
        let after = suite.contract.elsewhere.map(|elsewhere| (elsewhere.state)());
        suite.rule(6, before == after, || format!("{account}: a poll changes the platform from {before:?} to {after:?}"));
        let repeats = next.as_ref().is_ok_and(|next| next.items.iter().any(|item| first.items.contains(item)));
        suite.rule(6, !repeats, || format!("{account}: after its own cursor a poll gives the same items again"));
    }
    suite.platform.forget();
}

/// C10: pages are there before the bus is, and before anyone has told them of the city.
async fn pages_without_a_bus<A: Pages>(suite: &mut Suite<A>) {
    let door = TestDoor::open(&suite.name);
    let routes = suite.adapter.clone().pages(door.door());
    let front = Fixture { name: "the front page".into(), request: Request::recorded(b"GET /\n\n").expect("a constant request") };
    let peer = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    let routes = routes.layer(axum::extract::connect_info::MockConnectInfo(peer));
    let asked = tokio::spawn(ask(routes, front.request)).await;
    suite.rule(10, asked.is_ok(), || format!("{} panics while the bus is away", front.name));
    let kept = door.taken().await.len();
    suite.rule(10, kept == 0, || "a look at the front page was kept as a message".to_owned());
}
