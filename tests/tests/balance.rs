//! The balance over the whole road: what was taken is found again, and what is taken away has its name.

use std::process::Command;

use tests::{APP_SECRET, World, eventually};

const TINI: &str = "6281200000003";
const BUDI: &str = "6281200000004";
const SARI: &str = "6281200000005";

/// What `muara balance --json` says of WhatsApp.
#[derive(Debug)]
struct Day {
    sums: Vec<serde_json::Value>,
    missing: Vec<(String, String)>,
}

impl Day {
    fn sum(&self, part: &str, state: &str) -> u64 {
        let sums = self.sums.iter().filter(|sum| sum["part"] == part && sum["state"] == state);
        sums.map(|sum| sum["count"].as_u64().expect("a number")).sum()
    }

    /// The names of what is missing of a kind.
    fn missing(&self, kind: &str) -> Vec<&str> {
        self.missing.iter().filter(|(of, _)| of == kind).map(|(_, name)| name.as_str()).collect()
    }
}

/// The days since the test began, in the site's zone: one, unless it is midnight.
fn days(world: &World, began: &str) -> Vec<String> {
    let now = today(world);
    if now == began { vec![now] } else { vec![began.to_owned(), now] }
}

fn today(world: &World) -> String {
    world.ask("select (now() at time zone 'Asia/Jakarta')::date")
}

/// Runs the command, whether it finds everything or not.
fn muara(world: &World, arguments: &[&str]) -> String {
    let output = Command::new(tests::built("muara")).current_dir(world.folder()).args(["--config", "muara.toml"]).args(arguments).output();
    let output = output.expect("muara starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || error.contains("does not sum"), "{error}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// As if nothing were on its way any more.
fn look(world: &World, began: &str) -> Day {
    let mut both = Day { sums: Vec::new(), missing: Vec::new() };
    for day in days(world, began) {
        let said = muara(world, &["balance", "--day", &day, "--patience", "0s", "--json"]);
        let all: Vec<serde_json::Value> = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        let one = all.into_iter().find(|day| day["adapter"] == "whatsapp").expect("the adapter");
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        both.sums.extend(one["sums"].as_array().expect("sums").iter().cloned());
        both.missing.extend(one["missing"].as_array().expect("a list").iter().map(|one| (text(&one["kind"]), text(&one["name"]))));
    }
    both
}

/// Waits until the balance has nothing on its way.
async fn settled(world: &World, began: &str) -> Day {
    world.settled().await;
    eventually("nothing is on its way in the balance", || async {
        let day = look(world, began);
        // A reply that was refused a moment ago counts as lost until somebody went on with it.
        day.missing.is_empty() && ["door", "message", "reply"].iter().all(|part| day.sum(part, "under_way") == 0)
    })
    .await;
    look(world, began)
}

/// The same bytes, `times` over. Written now: what is older than a day would be answered by template.
async fn deliver(world: &World, id: &str, from: &str, text: &str, times: usize) {
    let now = world.ask("select floor(extract(epoch from now()))::bigint");
    let body = String::from_utf8(tests::text_webhook(from, id, text)).expect("text").replace("1795000000", &now).into_bytes();
    for _ in 0..times {
        let signature = simulator::webhook::signature(&body, APP_SECRET);
        let post = tests::client().post(world.webhook()).header("x-hub-signature-256", signature).body(body.clone());
        assert_eq!(post.send().await.expect("an answer").status(), 200);
    }
}

/// The lines of the adapter's raw messages: number at the door, and place in RAW.
async fn taken(bus: &bus::Bus) -> Vec<(bus::DoorNumber, u64)> {
    let adapter = "whatsapp".parse().expect("a name");
    let mut reader = bus.ledger_since(&adapter, jiff::Timestamp::UNIX_EPOCH).await.expect("a bus");
    let mut taken = Vec::new();
    while let Some(entry) = reader.next().await.expect("a bus") {
        if let bus::What::Raw { number: Some(number), .. } = entry.what {
            taken.push((number, entry.sequence));
        }
    }
    reader.close().await.expect("a bus");
    taken
}

/// Three messages, one of them delivered twice, and all their answers.
async fn three_messages(world: &World, began: &str) {
    world.platform.text(TINI, "Jalan berlubang di Kelurahan Gambir");
    world.platform.text(BUDI, "Lampu jalan mati di Kelurahan Menteng");
    // The same bytes again, as a platform delivers them that did not hear our yes.
    deliver(world, "wamid.lagi", SARI, "Sampah menumpuk di Kelurahan Senen", 2).await;
    world.complaints_become(3).await;
    for phone in [TINI, BUDI] {
        world.hears(phone, &["Nomor: "]).await;
    }
    let day = settled(world, began).await;
    assert_eq!(day.missing, []);
    assert_eq!((day.sum("door", "again"), day.sum("message", "done")), (1, 3), "{day:?}");
    assert!(day.sum("reply", "done") >= 2, "whoever wrote to the played platform itself is answered there: {day:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_away_by_hand_is_named_and_what_comes_again_is_known_again() {
    let world = World::start().await;
    let began = today(&world);
    three_messages(&world, &began).await;

    // A recorded row, past the program.
    world.ask("set session_replication_role = replica; delete from message where id = (select min(id::text)::uuid from message)");
    let day = look(&world, &began);
    assert_eq!((day.missing.len(), day.missing("message").len(), day.sum("message", "missing")), (1, 1, 1), "{day:?}");
    // A reply: its complaint is named.
    let complaint = world.ask("select complaint from reply order by id desc limit 1");
    world.ask("set session_replication_role = replica; delete from reply where id = (select id from reply order by id desc limit 1)");
    let day = look(&world, &began);
    assert_eq!((day.missing("acknowledgement"), day.sum("reply", "missing")), (vec![complaint.as_str()], 1), "{day:?}");
    // What nobody heard of since it was handed to the bus.
    let reply = world.ask("select id from reply order by id limit 1");
    world.ask("update reply set receipt = null, receipt_at = null where id = (select id from reply order by id limit 1)");
    let day = look(&world, &began);
    assert_eq!(day.missing("reply"), [reply.as_str()], "{day:?}");

    // A raw message is taken out of RAW: it was proven before …
    let bus_config = bus::BusConfig { url: world.nats.url(), user: None, password: None, key: None, name: "test".into(), replicas: 1 };
    let bus = bus::Bus::connect(&bus_config).await.expect("a bus");
    let (number, sequence) = taken(&bus).await.into_iter().nth(1).expect("a second raw message");
    assert!(bus.forget_raw(sequence).await.expect("a bus"));
    let day = look(&world, &began);
    assert_eq!(day.missing("number"), [""; 0], "{day:?}");
    // … and is missing where nobody had looked.
    world.ask("delete from balance_door");
    let day = look(&world, &began);
    assert_eq!((day.missing("number"), day.sum("door", "missing")), (vec![number.to_string().as_str()], 1), "{day:?}");

    let said = muara(&world, &["balance", "--day", &began, "--patience", "0s"]);
    assert!(said.contains(&format!("MISSING\twhatsapp number\t{number}\t")), "{said}");
    let page = world.signed_in("admin1").await.get("/admin/neraca").await;
    assert!(page.text.contains(&number.to_string()) && page.text.contains(&reply), "the page names them too");
    let list = muara(&world, &["channel", "list"]);
    assert!(list.contains("that were said yes to are nowhere"), "an alarm: {list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_is_counted_as_parked_and_what_somebody_gave_up_as_dropped() {
    let mut world = World::start().await;
    world.expect_leftovers();
    let began = today(&world);
    // An account that no channel has: its event is parked.
    let body = String::from_utf8(tests::text_webhook(TINI, "wamid.asing", "Jalan rusak")).expect("text");
    let body = body.replace("100000000000001", "100000000000009").into_bytes();
    let signature = simulator::webhook::signature(&body, APP_SECRET);
    let answer = tests::client().post(world.webhook()).header("x-hub-signature-256", signature).body(body).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    eventually("it is parked", || async { world.muara(&["parked", "list"]).contains("1 shown of 1 parked") }).await;
    let day = settled(&world, &began).await;
    assert_eq!((day.missing.len(), day.sum("message", "parked"), day.sum("door", "done")), (0, 1, 1), "{day:?}");
    let list = world.muara(&["parked", "list"]);
    let id = list.split('\t').next().expect("an id");
    assert!(world.muara(&["parked", "show", id]).contains("wamid.asing"));
    world.muara(&["parked", "drop", id, "--reason", "uji coba"]);
    let day = look(&world, &began);
    assert_eq!((day.missing.len(), day.sum("message", "dropped")), (0, 1), "{day:?}");
    assert_eq!(world.count("select count(*) from audit where action = 'parked.dropped' and detail ->> 'reason' = 'uji coba'"), 1);

    // The adapter reads it again by the core's command; it is parked again, and nothing is added.
    let config = world.folder().join("whatsapp.toml").display().to_string();
    let program = tests::built("adapter-whatsapp").display().to_string();
    let replay = ["replay", "--adapter", "whatsapp", "--from", "1d", "--adapter-config", &config, "--program", &program];
    let dry: Vec<&str> = replay.iter().copied().chain(["--dry-run"]).collect();
    for arguments in [&dry[..], &replay[..]] {
        assert!(world.muara(arguments).contains("1 raw messages: 1 as then"));
    }
    assert_eq!(world.complaints(), 0);
}
