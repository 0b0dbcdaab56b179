//! The form and the desk in a real browser, before a whole running system: the acknowledgement comes onto the open page by itself. The
//! script is `tests/browser/forms.mjs`. With `MUARA_PICTURES=<folder>` it leaves a picture of every page, and the slips as PDF.

use std::{path::Path, process::Stdio};

use serde_json::json;
use tests::{PASSWORD, Wishes, World, eventually};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_form_and_the_desk_stand_in_a_real_browser() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    assert!(script.join("node_modules").exists(), "run `npm ci` in tests/browser: the browser test needs its packages");
    let world = World::start_with(Wishes { with_forms: true, ..Wishes::default() }).await;
    world.muara(&["staff", "add", "loket1", "--name", "Sari", "--role", "clerk", "--office", "kel-gambir", "--password-file", "password"]);
    for door in [world.form(), world.desk()] {
        eventually("the doors know the city", || knows_the_city(&door)).await;
    }
    let city = json!({
        "base": world.url(),
        "form": world.form(),
        "desk": world.desk(),
        "login": "loket1",
        "password": PASSWORD,
        "maps": Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/ui/dist/leaflet.js").exists(),
        "prints": std::env::var_os("MUARA_PICTURES").map(|folder| folder.to_string_lossy().into_owned()),
    });
    let told = Command::new("node")
        .arg("forms.mjs")
        .current_dir(script)
        .env("MUARA_CITY", city.to_string())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node is installed");
    println!("{}", String::from_utf8_lossy(&told.stdout));
    assert!(told.status.success(), "{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    world.settled().await;
    // The phone, the line that was lost and found, the one without scripts, the keyboard, and the desk.
    assert_eq!(world.complaints(), 5, "a form that is sent again is no second complaint");
}

/// Whether a door has heard of the city: its pages then carry its name.
async fn knows_the_city(door: &str) -> bool {
    tests::Browser::new(door).get("/").await.text.contains("Kota Uji")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_comes_again_is_one_complaint_and_a_changed_one_joins_it() {
    let world = World::start_with(Wishes { with_forms: true, ..Wishes::default() }).await;
    let mut browser = tests::Browser::new(&world.form());
    let id = "0f8b2c1e-5d7a-4c3e-9b1a-2f6d8e4c7a90";
    let first = browser.post_files("/", &[("kiriman", id), ("isi", "Jalan berlubang di Kelurahan Gambir")], &[]).await;
    let again = browser.post_files("/", &[("kiriman", id), ("isi", "Jalan berlubang di Kelurahan Gambir")], &[]).await;
    assert_eq!(number(&first.text), number(&again.text));
    world.complaints_become(1).await;
    let changed = browser.post_files("/", &[("kiriman", id), ("isi", "Lubangnya sekarang dua")], &[]).await;
    assert_eq!(number(&first.text), number(&changed.text));
    eventually("the changed words are recorded", || async { world.count("select count(*) from message") == 2 }).await;
    world.settled().await;
    assert_eq!(world.complaints(), 1);
    assert_eq!(world.ask("select reference from complaint"), number(&first.text));
}

fn number(receipt: &str) -> String {
    let (_, rest) = receipt.split_once("id=\"nomor\">").unwrap_or_else(|| panic!("a receipt: {receipt}"));
    rest.split_once('<').expect("an end").0.to_owned()
}
