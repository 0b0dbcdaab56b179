//! `deploy/nats-accounts.conf` on a real server: an adapter's user does its own work, and reads and writes nobody else's.

use std::{fmt::Write as _, fs, iter, path::Path, time::Duration};

use bus::{Announcement, Bus, BusConfig, Delivery, Permissions, Queue, Stop};
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt, Ready, join_all, ready};
use model::{AdapterName, Content, DoorDirectory, Failure, Raw, Site, Timestamp, TraceId};
use servers::{
    NatsOptions,
    testing::{Scratch, TestNats, nats_with},
};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

const FILE: &str = "../deploy/nats-accounts.conf";

#[test]
fn the_accounts_file_gives_each_adapter_what_the_bus_says_it_needs() {
    let written = fs::read_to_string(FILE).expect("the file is there");
    let expected = accounts();
    assert!(written == expected, "{FILE} is not what `bus::Permissions` says. It should be:\n{expected}");
}

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
    let stranger = BusConfig { url: guarded.nats.url(), user: None, password: None, name: "stranger".to_owned(), replicas: 1 };
    let connecting = tokio::time::timeout(Duration::from_secs(2), Bus::connect(&stranger)).await;
    assert!(!matches!(connecting, Ok(Ok(_))), "a stranger was let in");
}

/// A server with the accounts as they are deployed.
struct Guarded {
    nats: TestNats,
    _passwords: Scratch,
}

impl Guarded {
    async fn start() -> Guarded {
        let passwords = Scratch::new().expect("a folder can be made");
        let file = |name: &str| passwords.path().join(name);
        fs::copy(FILE, file("nats-accounts.conf")).expect("the file can be copied");
        let users = iter::once("muara".to_owned()).chain(adapters());
        let text = users.fold(String::new(), |text, user| text + &format!("{user}_password: \"{}\"\n", password(&user)));
        fs::write(file("passwords.conf"), text).expect("the file can be written");
        let config = format!("include \"{}\"\n", relative(&file("nats-accounts.conf")));
        let nats = nats_with(NatsOptions { config, ..NatsOptions::default() });
        let guarded = Guarded { nats, _passwords: passwords };
        guarded.sign_in("muara").await.ensure().await.expect("the core makes the streams");
        guarded
    }

    async fn sign_in(&self, user: &str) -> Bus {
        let password = Some(password(user.trim_start_matches("adapter-")).into());
        let config = BusConfig { url: self.nats.url(), user: Some(user.to_owned()), password, name: user.to_owned(), replicas: 1 };
        Bus::connect(&config).await.expect("the user may come in")
    }
}

/// The server reads `include` from its own folder.
fn relative(path: &Path) -> String {
    let depth = std::env::temp_dir().components().count() + 1;
    format!("{}{}", "../".repeat(depth), path.display().to_string().trim_start_matches('/'))
}

fn password(user: &str) -> String {
    format!("only-for-this-test-{user}")
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
    Announcement {
        adapter: adapter(name),
        version: "1".to_owned(),
        accounts: Vec::new(),
        started_at: Timestamp::UNIX_EPOCH,
        last_seen: Timestamp::UNIX_EPOCH,
        last_message: None,
        last_error: None,
        url: None,
        spool_waiting: 0,
    }
}

fn directory() -> DoorDirectory {
    DoorDirectory {
        site: Site { name: "Kota Contoh".to_owned(), base_url: "http://127.0.0.1".to_owned(), zone: model::clock::Zone::Wib },
        categories: Vec::new(),
        areas: Vec::new(),
        channels: Vec::new(),
        staff_key: String::new(),
        sign_in_url: "http://127.0.0.1/masuk".to_owned(),
    }
}

/// Those that are deployed: each has a file of settings.
fn adapters() -> Vec<String> {
    let files = fs::read_dir("../deploy/adapters").expect("the folder is there").flatten();
    let mut names: Vec<String> = files.filter_map(|file| Some(file.path().file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}

/// The whole file.
fn accounts() -> String {
    let mut text = String::from(
        "# Who may do what on the bus. The core may do everything. An adapter's user writes what came in at its own door and its own events, reads its own queues,\n\
         # and answers come to an inbox of its own: a stolen password shows nobody else's messages.\n\
         #\n\
         # Passwords: passwords.conf beside this file, one line a user, `whatsapp_password: \"…\"`.\n\
         # A test compares the subjects with those in the code. A new adapter is a copy of another's lines with its own name.\n\n\
         include \"passwords.conf\"\n\n\
         accounts {\n  MUARA {\n    jetstream: enabled\n    users = [\n      { user: \"muara\", password: $muara_password }\n",
    );
    for name in adapters() {
        let user = format!("adapter-{name}");
        let permissions = Permissions::of_adapter(&adapter(&name), &user);
        let _ = write!(text, "      {{\n        user: \"{user}\", password: ${name}_password\n        permissions = {{\n");
        for (what, subjects) in [("publish", &permissions.publish), ("subscribe", &permissions.subscribe)] {
            let _ = writeln!(text, "          {what} = [");
            for subject in subjects {
                let _ = writeln!(text, "            \"{subject}\"");
            }
            text.push_str("          ]\n");
        }
        text.push_str("        }\n      }\n");
    }
    text.push_str("    ]\n  }\n}\n");
    text
}
