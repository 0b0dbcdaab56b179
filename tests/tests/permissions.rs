//! What `muara channel credential` and `muara channel accounts` make, on a real server: an adapter's user does its own work, reads and writes nobody
//! else's, and can be given another credential while it runs.

use std::{fs, path::Path, process::Command, time::Duration};

use bus::{Announcement, Bus, BusConfig, Credential, Delivery, Queue, Stop};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, Ready, join_all, ready};
use model::{AdapterName, Content, DoorDirectory, Failure, Raw, Site, Timestamp, TraceId};
use servers::{
    NatsOptions,
    testing::{Scratch, TestNats, nats_with},
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

#[tokio::test]
async fn an_adapters_user_does_its_own_work() {
    let guarded = Guarded::start().await;
    let core = guarded.sign_in("muara").await;
    let whatsapp = guarded.sign_in("adapter-whatsapp").await;
    let name = adapter("whatsapp");

    core.put_directory(&directory(), Bytes::from(vec![b'x'; 2_000_000])).await.expect("the core publishes the directory");
    assert_eq!(whatsapp.directory().await.expect("an adapter reads it").map(|found| found.sign_in_url), Some(directory().sign_in_url));
    assert_eq!(whatsapp.outline().await.expect("in all its parts").map(|outline| outline.len()), Some(2_000_000));

    let _stored = whatsapp.publish_raw(&raw("whatsapp", b"in")).await.expect("what comes in goes to its own subject");
    assert_eq!(first(&whatsapp, &name, 1).await, [Bytes::from_static(b"in")]);
    let Content::Quarantined { blob, .. } = whatsapp.put_blob(vec![1; 300_000].into()).await.expect("an attachment is kept") else {
        panic!("an attachment goes into quarantine")
    };
    assert!(core.take_blob(&blob).await.expect("the core reads it").is_some());
    whatsapp.move_cursor(&name, "1", b"here").await.expect("its own cursor moves");
    whatsapp.announce(&announcement("whatsapp")).await.expect("it says that it lives");
    assert_eq!(core.announced().await.expect("the core hears it").len(), 1);
}

#[tokio::test]
async fn an_adapters_user_reads_and_writes_nobody_elses() {
    let guarded = Guarded::start().await;
    let core = guarded.sign_in("muara").await;
    let (desk, whatsapp) = (guarded.sign_in("adapter-desk").await, guarded.sign_in("adapter-whatsapp").await);
    let theirs = adapter("desk");
    let _stored = desk.publish_raw(&raw("desk", b"theirs")).await.expect("the desk may");
    desk.move_cursor(&theirs, "1", b"theirs").await.expect("the desk may");
    let Content::Quarantined { blob, .. } = desk.put_blob(Bytes::from_static(b"theirs")).await.expect("the desk may") else {
        panic!("an attachment goes into quarantine")
    };

    // Side by side: the server answers what is forbidden with silence, so each of them takes its time.
    let (raw, announcement, false_directory) = (raw("desk", b"false"), announcement("desk"), directory());
    let attempts = [
        ("write what came in at the desk", failed(whatsapp.publish_raw(&raw))),
        ("speak for the desk", failed(whatsapp.announce(&announcement))),
        ("move the desk's cursor", failed(whatsapp.move_cursor(&theirs, "1", b"false"))),
        ("read the desk's cursor", failed(whatsapp.cursor(&theirs, "1"))),
        ("read the desk's attachment", failed(whatsapp.take_blob(&blob))),
        ("read what is parked", failed(whatsapp.parked(None, 10))),
        ("publish a directory", failed(whatsapp.put_directory(&false_directory, Bytes::new()))),
        ("change the streams", failed(whatsapp.ensure())),
    ];
    let outcomes = join_all(attempts.map(|(what, failed)| async move { (what, failed.await) })).await;
    for (what, failed) in outcomes {
        assert!(failed, "whatsapp's user could {what}");
    }
    // What the desk wrote is read by the desk, and nobody has taken it away.
    assert_eq!(first(&desk, &theirs, 1).await, [Bytes::from_static(b"theirs")]);
    assert_eq!(desk.cursor(&theirs, "1").await.expect("its own"), Some(b"theirs".to_vec()));
    assert!(core.announced().await.expect("the core reads them").is_empty());
}

#[tokio::test]
async fn an_adapters_user_cannot_listen_to_anothers_queue() {
    const MESSAGES: usize = 100;
    let guarded = Guarded::start().await;
    let (desk, whatsapp) = (guarded.sign_in("adapter-desk").await, guarded.sign_in("adapter-whatsapp").await);
    let theirs = adapter("desk");
    let (stop, (tell, mut heard)) = (Stop::new(), unbounded_channel());
    let listening = tokio::spawn({
        let (stop, theirs) = (stop.clone(), theirs.clone());
        async move { whatsapp.consume(Queue::Raw(theirs), stop, 4, told(tell)).await }
    });
    for number in 0..MESSAGES {
        let _stored = desk.publish_raw(&raw("desk", &number.to_be_bytes())).await.expect("the desk may");
    }
    // Each message goes to one reader: those that the other one took would be missing here.
    assert_eq!(first(&desk, &theirs, MESSAGES).await.len(), MESSAGES);
    stop.cancel();
    let _refused_or_stopped = listening.await.expect("no panic");
    assert!(heard.try_recv().is_err(), "whatsapp's user heard what came in at the desk");
}

#[tokio::test]
async fn without_a_password_nobody_gets_in() {
    let guarded = Guarded::start().await;
    let stranger = BusConfig { url: guarded.nats.url(), user: None, password: None, key: None, name: "stranger".to_owned(), replicas: 1 };
    assert!(!guarded.lets_in(&stranger).await, "a stranger was let in");
    let foreign = BusConfig { key: Some(Credential::new().seed().to_owned().into()), ..guarded.config("adapter-whatsapp") };
    assert!(!guarded.lets_in(&foreign).await, "a key that nobody wrote down was let in");
}

#[tokio::test]
async fn a_credential_is_replaced_without_a_pause_and_then_the_old_one_opens_no_more() {
    let guarded = Guarded::start().await;
    let name = adapter("whatsapp");
    let (core, old) = (guarded.sign_in("muara").await, guarded.config("adapter-whatsapp"));
    let running = Bus::connect(&old).await.expect("the old one opens");

    muara(guarded.folder.path(), &["credential", "whatsapp", "--rotate"]);
    guarded.reload();
    let new = guarded.config("adapter-whatsapp");
    tests::eventually("the new one opens", || guarded.lets_in(&new)).await;
    // Nothing takes it away by itself, so a busy machine is waited for.
    tests::eventually("the old one opens until the program was started again", || guarded.lets_in(&old)).await;
    let _stored = running.publish_raw(&raw("whatsapp", b"meanwhile")).await.expect("the running program noticed nothing");

    muara(guarded.folder.path(), &["credential", "whatsapp", "--finish"]);
    guarded.reload();
    tests::eventually("the old one opens no more", || async { !guarded.lets_in(&old).await }).await;
    tests::eventually("whoever is still signed in with it is sent away", || async { !running.is_connected() }).await;
    let renewed = Bus::connect(&new).await.expect("the new one opens");
    assert_eq!(first(&renewed, &name, 1).await, [Bytes::from_static(b"meanwhile")]);
    assert!(core.announced().await.expect("the others did not notice").is_empty());
}

#[test]
fn the_accounts_file_holds_no_secret_and_every_adapters_own_subjects() {
    let folder = Scratch::new().expect("a folder can be made");
    let adapters = adapters();
    let said = muara(folder.path(), &["credential"].into_iter().chain(adapters.iter().map(String::as_str)).collect::<Vec<_>>());
    let file = muara(folder.path(), &["accounts"]);
    for name in &adapters {
        let seed = fs::read_to_string(folder.path().join(format!("adapter-{name}.nk"))).expect("the seed is there");
        assert!(!file.contains(seed.trim()) && !said.contains(seed.trim()), "the seed of {name} was shown");
        for subject in [format!("\"raw.{name}\""), format!("\"_INBOX_adapter-{name}.>\"")] {
            assert!(file.contains(&subject) && said.contains(&subject), "{subject} is missing");
        }
    }
    assert_eq!(muara(folder.path(), &["accounts"]), file, "asked again, it is the same");
}

/// A server with the accounts as `muara channel` makes them for a server of one's own.
struct Guarded {
    nats: TestNats,
    folder: Scratch,
}

impl Guarded {
    async fn start() -> Guarded {
        let folder = Scratch::new().expect("a folder can be made");
        let adapters = adapters();
        muara(folder.path(), &["credential"].into_iter().chain(adapters.iter().map(String::as_str)).collect::<Vec<_>>());
        let accounts = folder.path().join("accounts.conf");
        fs::write(&accounts, muara(folder.path(), &["accounts"])).expect("the file can be written");
        let nats = nats_with(NatsOptions { config: format!("include \"{}\"\n", relative(&accounts)), ..NatsOptions::default() });
        let guarded = Guarded { nats, folder };
        guarded.sign_in("muara").await.ensure().await.expect("the core makes the streams");
        guarded
    }

    async fn sign_in(&self, user: &str) -> Bus {
        Bus::connect(&self.config(user)).await.expect("the user may come in")
    }

    fn config(&self, user: &str) -> BusConfig {
        let seed = fs::read_to_string(self.folder.path().join(format!("{user}.nk"))).expect("the seed is there");
        let user = user.to_owned();
        BusConfig { url: self.nats.url(), user: Some(user.clone()), password: None, key: Some(seed.into()), name: user, replicas: 1 }
    }

    /// What an administrator does after a change: the file is written anew, and the server reads it.
    fn reload(&self) {
        fs::write(self.folder.path().join("accounts.conf"), muara(self.folder.path(), &["accounts"])).expect("the file can be written");
        let process = self.nats.process().expect("the server runs").to_string();
        assert!(Command::new("kill").args(["-HUP", &process]).status().expect("kill is there").success());
    }

    async fn lets_in(&self, config: &BusConfig) -> bool {
        let connecting = tokio::time::timeout(Duration::from_millis(500), Bus::connect(config)).await;
        matches!(connecting, Ok(Ok(_)))
    }
}

/// Runs `muara channel … --out <folder>`, which needs neither a database nor a bus, and returns what it said.
fn muara(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(tests::built("muara"));
    command.current_dir(folder).env("MUARA_BUS__PRIVATE", "false").arg("channel").args(arguments).arg("--out").arg(folder);
    let output = command.output().expect("muara starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The server reads `include` from its own folder.
fn relative(path: &Path) -> String {
    let depth = std::env::temp_dir().components().count() + 1;
    format!("{}{}", "../".repeat(depth), path.display().to_string().trim_start_matches('/'))
}

/// The first messages that wait in an adapter's own queue.
async fn first(bus: &Bus, adapter: &AdapterName, count: usize) -> Vec<Bytes> {
    let (stop, (tell, mut heard)) = (Stop::new(), unbounded_channel());
    let reading = bus.consume(Queue::Raw(adapter.clone()), stop.clone(), 1, told(tell));
    let waiting = async {
        let mut bodies = Vec::new();
        while bodies.len() < count {
            let next = tokio::time::timeout(Duration::from_mins(1), heard.recv()).await;
            bodies.push(next.expect("it comes").expect("the reader lives"));
        }
        stop.cancel();
        bodies
    };
    let (read, bodies) = futures::join!(reading, waiting);
    read.expect("the queue may be read");
    bodies
}

/// A handler that tells what it was given.
fn told(tell: UnboundedSender<Bytes>) -> impl Fn(Delivery<Raw>) -> Ready<Result<(), Failure>> + Send + Sync + 'static {
    move |delivery| {
        let _ = tell.send(delivery.item.body);
        ready(Ok(()))
    }
}

fn failed<'a, T, E>(attempt: impl Future<Output = Result<T, E>> + Send + 'a) -> BoxFuture<'a, bool> {
    async move { attempt.await.is_err() }.boxed()
}

fn adapter(name: &str) -> AdapterName {
    name.parse().expect("a name")
}

fn raw(name: &str, body: &[u8]) -> Raw {
    Raw {
        adapter: adapter(name),
        received_at: Timestamp::UNIX_EPOCH,
        trace: TraceId::random(),
        query: String::new(),
        headers: Vec::new(),
        body: Bytes::copy_from_slice(body),
    }
}

fn announcement(name: &str) -> Announcement {
    Announcement::new(adapter(name), "1", Timestamp::UNIX_EPOCH)
}

fn directory() -> DoorDirectory {
    DoorDirectory {
        site: Site { name: "Kota Contoh".to_owned(), base_url: "http://127.0.0.1".to_owned(), zone: model::clock::Zone::Wib },
        categories: Vec::new(),
        areas: Vec::new(),
        channels: Vec::new(),
        staff_key: String::new(),
        sign_in_url: "http://127.0.0.1/masuk".to_owned(),
        ended: std::collections::BTreeMap::new(),
    }
}

/// Those that are deployed: each has a file of settings.
fn adapters() -> Vec<String> {
    let files = fs::read_dir("../deploy/adapters").expect("the folder is there").flatten();
    // Beside an adapter's settings may lie an example for its gateway.
    let settings = files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|end| end == "toml"));
    let mut names: Vec<String> = settings.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}
