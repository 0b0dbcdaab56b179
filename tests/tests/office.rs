//! A day at the office: sixty complaints come in by two doors; three agencies, a referee and citizens go through what such a day has, in a real browser; at the
//! end every citizen's page is read. The browser's part is `tests/browser/office.mjs`; between its parts a citizen answers where they wrote. No
//! time is waited for: what is late is late by a time that is given in.

use std::{path::Path, process::Stdio, sync::Arc};

use dispatch::Escalations;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use store::vault::Vault;
use tests::{Browser, PASSWORD, VAULT, Wishes, World, eventually};
use tokio::process::Command;

const TROUBLES: [&str; 4] = ["Jalan berlubang", "Pohon tumbang", "Sampah menumpuk", "Lampu jalan mati"];
const PLACES: [&str; 15] = [
    "Gambir",
    "Cideng",
    "Petojo Utara",
    "Petojo Selatan",
    "Kebon Kelapa",
    "Menteng",
    "Cikini",
    "Kebon Sirih",
    "Gondangdia",
    "Pegangsaan",
    "Senen",
    "Kwitang",
    "Kenari",
    "Bungur",
    "Kramat",
];
/// How many come by chat; the others by the form.
const BY_CHAT: usize = 40;

/// The words of the n-th complaint: no two speak of the same thing at the same place.
fn words(n: usize) -> String {
    format!("{} di Kelurahan {}", TROUBLES[n % TROUBLES.len()], PLACES[n / TROUBLES.len()])
}

fn phone(n: usize) -> String {
    format!("62812000010{n:02}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_day_at_the_office_ends_with_an_answer_on_every_citizens_page() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
    assert!(script.join("node_modules").exists(), "run `npm ci` in tests/browser: the browser test needs its packages");
    let world = World::start_with(Wishes { with_forms: true, form: "burst = 1000\nper_minute = 60000\n", ..Wishes::default() }).await;
    world.muara(&["staff", "add", "sampah1", "--name", "sampah1", "--role", "officer", "--agency=dlh", "--password-file", "password"]);
    come_in(&world).await;
    let agencies =
        "select count(distinct agency) from dispatch d join agency a on a.id = d.agency where a.code in ('dbm', 'distamhut', 'dlh')";
    assert_eq!(world.count(agencies), 3, "three agencies are at work");

    // By what it is about: roads (0, 4, 8), a tree (1), waste (2), a lamp (3). All of them came by chat.
    let (asked, tree, waste, lamp, late) = (0, 1, 2, 3, 8);
    let stories = json!({
        "asked": story(&world, asked), "tree": story(&world, tree), "waste": story(&world, waste), "lamp": story(&world, lamp),
        "late": story(&world, late),
    });
    let agency = |code: &str| world.ask(&format!("select id from agency where code = '{code}'"));
    let city = json!({
        "base": world.url(), "password": PASSWORD, "stories": stories,
        "agencies": { "roads": agency("dbm"), "parks": agency("distamhut") },
    });
    act(&script, "morning", &city).await;
    let question = world.hears(&phone(asked), &["Lubangnya di lajur mana?"]).await;
    world.platform.quote(&phone(asked), "Lajur kiri, dekat halte", &question.wamid);
    let answered = format!("select count(*) from update where kind = 'followed_up' and complaint = '{}'", id(&world, asked));
    eventually("the answer is in the history", || async { world.count(&answered) == 1 }).await;

    act(&script, "evening", &city).await;
    world.hears(&phone(asked), &["dinyatakan selesai", "Lubang sudah ditambal"]).await;
    world.hears(&phone(waste), &["dibuka kembali"]).await;
    world.settled().await;
    // Last of all: from here on the city's clocks are in days to come.
    missed(&world, late).await;
    let mut city = city;
    city["pages"] = pages(&world);
    act(&script, "night", &city).await;
    assert_eq!(world.complaints(), 60, "whatever was said, nothing was counted twice");
    let owners = "select count(*) from (select complaint from dispatch where responsible group by complaint having count(*) > 1) as two";
    assert_eq!(world.count(owners), 0, "never two responsible agencies");
}

/// Sixty: by chat and by the form, as they come.
async fn come_in(world: &World) {
    for n in 0..BY_CHAT {
        world.platform.text(&phone(n), &words(n));
    }
    let mut form = Browser::new(&world.form());
    eventually("the form knows the city", || async { Browser::new(&world.form()).get("/").await.text.contains("Kota Uji") }).await;
    for n in BY_CHAT..60 {
        let once = format!("0f8b2c1e-5d7a-4c3e-9b1a-2f6d8e4c7a{n:02}");
        let sent = form.post_files("/", &[("kiriman", once.as_str()), ("isi", &words(n))], &[]).await;
        assert!(sent.status < 400, "{n}: {} {}", sent.status, sent.text);
    }
    world.complaints_become(60).await;
}

fn id(world: &World, n: usize) -> String {
    world.ask(&format!("select id from complaint where text = '{}'", words(n)))
}

/// What the browser needs to know of one: its page, its number, and its citizen's page.
fn story(world: &World, n: usize) -> Value {
    let one = id(world, n);
    let ask = |column: &str| world.ask(&format!("select {column} from complaint where id = '{one}'"));
    json!({ "page": format!("/aduan/{one}"), "number": ask("reference"), "citizen": format!("/t/{}", ask("tracking")) })
}

/// Every citizen's page with its number.
fn pages(world: &World) -> Value {
    let all = world.ask("select string_agg('/t/' || tracking || ' ' || reference, E'\\n') from complaint");
    all.lines().filter_map(|line| line.split_once(' ')).map(|(page, number)| json!([page, number])).collect()
}

/// Its deadline passes, by a time that is given in, and somebody is told.
async fn missed(world: &World, n: usize) {
    let one = id(world, n);
    let due: Timestamp = world
        .ask(&format!(
            "select to_char(deadline at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from dispatch where complaint = '{one}'"
        ))
        .parse()
        .expect("a time");
    let db = store::connect(&world.postgres.url("muara"), 2).await.expect("a database");
    let vault = Vault::parse(VAULT).expect("keys");
    store::contact::begin(&db, &Arc::new(vault)).await.expect("the key that seals is ours");
    let clocks = Escalations::new(db.clone());
    let told = format!("select count(*) from escalation where stage = 'settle' and complaint = '{one}'");
    eventually("somebody is told that it is late", || async {
        // Another process may be looking at this moment: then it is asked again.
        clocks.round(due + SignedDuration::from_mins(1)).await.expect("looks");
        world.count(&told) > 0
    })
    .await;
    db.close().await;
}

async fn act(script: &Path, part: &str, city: &Value) {
    let told = Command::new("node")
        .args(["office.mjs", part])
        .current_dir(script)
        .env("MUARA_CITY", city.to_string())
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node is installed");
    assert!(told.status.success(), "{part}: {}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
}
