//! The desk without a line, in a real browser and before a whole running system: what is entered in an hour without a network is there
//! once afterwards, under the numbers that were printed. The script is `tests/browser/offline.mjs`.

use std::{collections::BTreeSet, path::Path, process::Stdio};

use serde_json::{Value, json};
use tests::{PASSWORD, Wishes, World, eventually};
use tokio::process::Command;

/// In the hour; more come after it.
const ENTRIES: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_entered_without_a_line_is_there_once_under_its_printed_number() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = here.join("browser");
    assert!(script.join("node_modules").exists(), "run `npm ci` in tests/browser: the browser test needs its packages");
    let world = World::start_with(Wishes { with_forms: true, ..Wishes::default() }).await;
    for (login, name, office) in [("loket1", "Sari", "kel-gambir"), ("loket2", "Dewi", "kel-gambir"), ("loket3", "Budi", "kec-tebet")] {
        world.muara(&["staff", "add", login, "--name", name, "--role", "clerk", "--office", office, "--password-file", "password"]);
    }
    let desk = world.desk();
    eventually("the desk knows the city", || async { tests::Browser::new(&desk).get("/").await.text.contains("Kota Uji") }).await;
    let profile = world.folder().join("profile");
    let city = json!({
        "base": world.url(),
        "desk": desk,
        "clerks": { "one": "loket1", "colleague": "loket2", "elsewhere": "loket3" },
        "password": PASSWORD,
        "numbers": here.join("../crates/adapter-desk/fixtures/numbers.json"),
        "module": "/berkas-loket/0/number.js",
        "profile": profile,
        "entries": ENTRIES,
        "maps": here.join("../crates/ui/dist/qr.js").exists(),
    });
    let told = Command::new("node")
        .arg("offline.mjs")
        .current_dir(script)
        .env("MUARA_CITY", city.to_string())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("node is installed");
    println!("{}", String::from_utf8_lossy(&told.stdout));
    assert!(told.status.success(), "{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));

    let text = std::fs::read_to_string(profile.join("printed.json")).expect("what was printed");
    let printed: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    // The hour, the one that was mended, the one that was locked up, the one without an answer.
    assert_eq!(printed.len() as u64, ENTRIES + 3);
    world.complaints_become(printed.len() as u64).await;
    world.settled().await;
    assert_eq!(world.complaints(), printed.len() as u64, "each of them once");
    let said = |name: &str| printed.iter().map(|slip| slip[name].as_str().expect("text").to_owned()).collect::<BTreeSet<_>>();
    let lines = |what: &str| world.ask(what).lines().map(ToOwned::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(lines("select reference from complaint"), said("number"));
    let codes = lines("select tracking from complaint").into_iter().map(|code| format!("{}/t/{code}", world.url())).collect();
    assert_eq!(said("link"), codes, "the codes on the slips open the complaints");
    // Written in the hour, recorded after it; and who wrote stands there, also where a colleague sent.
    let left = world.ask("select text from message where text like '%gang terkunci%'");
    assert!(left.contains("oleh Sari,") && left.contains("Dikirim oleh Dewi."), "{left}");
    assert_eq!(world.count("select count(*) from message where sent_at > received_at"), 0);
    assert_eq!(world.count("select count(*) from attachment where state = 'kept' and media_type = 'image/jpeg'"), 2, "two scanned pages");
}
