//! Signing in at a provider of OpenID Connect: a real one (npm's `oidc-provider`) in a real browser, and what never gets that far.

use std::{net::TcpStream, path::Path, process::Stdio, sync::Arc, time::Duration};

use axum::http::StatusCode;
use bus::Stop;
use oidc::{Provider, Settings};
use outgoing::{Http, Limits};
use serde_json::json;
use servers::{Child, free_port, spawn, tied};
use tokio::{net::TcpListener, process::Command, time::Instant};

use super::{PASSWORD, World};
use crate::{Clock, Elsewhere};

const SECRET: &str = "sandi-contoh-klien";
/// The provider is node, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

fn at(issuer: &str) -> Elsewhere {
    let settings = Settings { issuer: issuer.to_owned(), client_id: "muara".into(), client_secret: SECRET.to_owned().into() };
    let http = Http::new(Limits::default()).expect("a client");
    Elsewhere { name: "SSO Kota Contoh".into(), provider: Arc::new(Provider::new(settings, &http).expect("an issuer")) }
}

/// A provider that nobody here wrote.
async fn provider(back: &str) -> (Child, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/oidc");
    assert!(folder.join("node_modules").exists(), "run `npm ci` in tests/oidc: the test needs a provider of OpenID Connect");
    let port = free_port().expect("a free port");
    let node =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).map(|folder| folder.join("node")).find(|node| node.is_file());
    let mut command = tied(&node.expect("node is installed"));
    command.current_dir(folder).args(["provider.mjs", &port.to_string(), "muara", SECRET, back]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = spawn(command).expect("node starts");
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < until, "the provider does not listen");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    (child, format!("http://127.0.0.1:{port}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn staff_sign_in_at_a_real_provider_in_a_real_browser() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser");
    assert!(script.join("node_modules").exists(), "run `npm ci` in tests/browser: the browser test needs its packages");
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    let (_provider, issuer) = provider(&format!("{base}/masuk/kembali")).await;
    let mut context = world.context(&base);
    context.elsewhere = Some(at(&issuer));
    // The provider has no other clock.
    context.clock = Clock::system();
    let stop = Stop::new();
    let pages = tokio::spawn(crate::run(context, listener, stop.clone()));
    let city = json!({ "base": base, "login": "triase", "other": "admin", "password": PASSWORD, "name": "SSO Kota Contoh" });
    let told = Command::new("node")
        .arg("oidc.mjs")
        .current_dir(script)
        .env("MUARA_CITY", city.to_string())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node is installed");
    stop.cancel();
    pages.await.expect("a task").expect("pages");
    assert!(told.status.success(), "{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
}

#[tokio::test]
async fn who_did_not_go_from_this_browser_does_not_come_back_signed_in() {
    // Nobody listens there: whoever is believed would be asked about.
    let world = World::new().await.with(|context| context.elsewhere = Some(at("http://127.0.0.1:9"))).await;
    let state = "keadaan-contoh";
    let kept = store::oidc::Try { nonce: "n".into(), verifier: "v".into(), staff: None, back: String::new() };
    store::oidc::begin(&world.db, state, &kept, world.now()).await.expect("a database");
    let without_cookie = world.get(&format!("/masuk/kembali?state={state}&code=x")).await;
    assert_eq!(without_cookie.status, StatusCode::BAD_REQUEST);
    assert!(without_cookie.text.contains("tidak selesai"), "{}", without_cookie.text);
    assert_eq!(
        store::oidc::end(&world.db, state, world.now()).await.expect("a database"),
        Some(kept.clone()),
        "a stranger uses nothing up"
    );
    assert_eq!(store::oidc::end(&world.db, state, world.now()).await.expect("a database"), None, "it is used once");
    store::oidc::begin(&world.db, state, &kept, world.now()).await.expect("a database");
    world.pass(jiff::SignedDuration::from_mins(11));
    assert_eq!(
        store::oidc::end(&world.db, state, world.now()).await.expect("a database"),
        None,
        "the way takes no longer than ten minutes"
    );
}

#[tokio::test]
async fn a_provider_that_is_away_leaves_the_password() {
    let world = World::new().await.with(|context| context.elsewhere = Some(at("http://127.0.0.1:9"))).await;
    let page = world.get("/masuk/lain").await;
    assert_eq!(page.status, StatusCode::BAD_GATEWAY);
    assert!(page.text.contains("Masuk dengan kata sandi") && page.text.contains("name=\"password\""), "{}", page.text);
}

#[tokio::test]
async fn where_there_is_no_provider_there_is_no_page_about_one() {
    let world = World::new().await;
    assert!(!world.get("/masuk").await.text.contains("/masuk/lain"));
    assert_eq!(world.get("/masuk/lain").await.status, StatusCode::NOT_FOUND);
    assert_eq!(world.sign_in("admin").await.get("/akun-lain").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_new_link_for_the_password_leaves_no_other_way_in() {
    let world = World::new().await.with(|context| context.elsewhere = Some(at("http://127.0.0.1:9"))).await;
    let staff = store::staff::by_login(&world.db, "triase").await.expect("a database").expect("an account").0.id;
    let mut tx = store::begin(&world.db).await.expect("a database");
    assert!(store::oidc::connect(&mut tx, staff, "http://127.0.0.1:9", "7", None, world.now()).await.expect("a database"));
    store::commit(tx).await.expect("a database");
    assert!(store::oidc::staff(&world.db, "http://127.0.0.1:9", "7").await.expect("a database").is_some());
    let admin = world.sign_in("admin").await;
    assert_eq!(admin.post(&format!("/admin/petugas/{staff}/sandi"), &[]).await.status, StatusCode::OK);
    assert!(store::oidc::staff(&world.db, "http://127.0.0.1:9", "7").await.expect("a database").is_none());
}
