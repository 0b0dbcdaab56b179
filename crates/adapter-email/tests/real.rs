//! Against a real Dovecot and a real Exim, which the tests start; and against servers that break off on purpose.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use adapter_email::Email;
use adapter_sdk::{
    Adapter, AdapterName, Address, AttachmentKind, Audience, Batch, Event, Http, Item, Language, Poll, Raw, ReceiptState, Reference, Reply,
    ReplyFile, ReplyId, ReplyKind, ReplyTo, SendError, Settings, State, Timestamp, TraceId,
    axum::{self, Form, Json, Router, extract, http::StatusCode, routing::post},
    outgoing::Limits,
};
use adapter_testkit::mail::{ADDRESSES, Mail, Mood, PASSWORD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::mpsc,
};

const US: &str = ADDRESSES[0];
/// So long a test waits for what must come; far longer than it takes.
const PATIENCE: Duration = Duration::from_mins(1);

fn post_office() -> Mail {
    Mail::start().unwrap_or_else(|problem| panic!("no mail servers for the tests: {problem}"))
}

struct Wish<'a> {
    imap: u16,
    smtp: u16,
    security: &'a str,
    /// More of `[adapter]`.
    more: &'a str,
    /// More of both servers.
    server: String,
    folders: &'a str,
}

impl Default for Wish<'_> {
    fn default() -> Self {
        Self { imap: 9, smtp: 9, security: "none", more: "", server: String::new(), folders: "['INBOX']" }
    }
}

fn opened(wish: &Wish<'_>) -> Email {
    let host = if wish.security == "none" { "127.0.0.1" } else { "localhost" };
    let server = |port: u16| {
        format!(
            "{{ host = '{host}', port = {port}, security = '{}', user = '{US}', password = '{PASSWORD}'{} }}",
            wish.security, wish.server
        )
    };
    let text = format!(
        "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\nreply_key = 'kunci-contoh-untuk-uji-yang-panjang'\nidle = 1\n{}{}\n\
         accounts = [{{ address = '{US}', name = 'Pengaduan', folders = {}, imap = {}, smtp = {} }}]\n",
        if wish.more.contains("patience") { "" } else { "patience = 10\n" },
        wish.more,
        wish.folders,
        server(wish.imap),
        server(wish.smtp),
    );
    let settings =
        Settings::<<Email as Adapter>::Config>::layered(&[Email::DEFAULTS, &text]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    Email::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("it opens")
}

fn at(mail: &Mail) -> Wish<'static> {
    Wish { imap: mail.imap_port(), smtp: mail.smtp_port(), ..Wish::default() }
}

fn letter(number: u32, words: &str) -> Vec<u8> {
    format!(
        "From: Warga <warga{number}@warga.example.id>\r\nTo: {US}\r\nSubject: Laporan {number}\r\nMessage-ID: <m{number}@warga.example.id>\r\n\
         Date: Sat, 21 Nov 2026 09:00:00 +0700\r\n\r\n{words}\r\n"
    )
    .into_bytes()
}

async fn poll(email: &Email, cursor: Option<Vec<u8>>) -> Batch {
    tokio::time::timeout(PATIENCE, email.poll(US, cursor)).await.expect("a poll ends").unwrap_or_else(|error| panic!("{error:?}"))
}

/// Polls until nothing more comes.
async fn everything(email: &Email, mut cursor: Option<Vec<u8>>) -> (Vec<Item>, Option<Vec<u8>>) {
    let mut items = Vec::new();
    loop {
        let batch = poll(email, cursor.clone()).await;
        cursor = batch.cursor.or(cursor);
        items.extend(batch.items);
        if !batch.more {
            return (items, cursor);
        }
    }
}

fn events(email: &Email, item: &Item) -> Vec<Event> {
    let adapter: AdapterName = "email".parse().expect("a name");
    let raw = Raw {
        adapter,
        received_at: now(),
        trace: TraceId::random(),
        query: String::new(),
        headers: item.headers.clone(),
        body: item.body.clone(),
    };
    email.parse(&raw).expect("it parses")
}

fn keys(email: &Email, items: &[Item]) -> BTreeSet<String> {
    let key = |event: Event| if let Event::Message(inbound) = event { Some(inbound.key.id) } else { None };
    items.iter().flat_map(|item| events(email, item)).filter_map(key).collect()
}

fn now() -> Timestamp {
    "2026-11-21T09:00:00Z".parse().expect("a time")
}

fn reply(to: &str) -> Reply {
    let reference =
        Reference::of(&adapter_sdk::MessageKey { adapter: "email".parse().expect("a name"), account: US.into(), id: "1".into() }, 0);
    Reply {
        id: ReplyId::new(now()),
        to: ReplyTo {
            adapter: "email".parse().expect("a name"),
            account: US.into(),
            address: Address::new("mailto", to).expect("an address"),
            thread: Some(r#"{"m":"m1@warga.example.id","s":"Lampu mati"}"#.into()),
            audience: Audience::Private,
            open_until: None,
        },
        kind: ReplyKind::Received,
        language: Language::Id,
        text: format!("Terima kasih. Laporan Anda sudah kami terima.\nNomor: {reference}"),
        short: Vec::new(),
        params: BTreeMap::from([("reference".into(), reference.to_string())]),
        menu: None,
        files: Vec::new(),
    }
}

#[tokio::test]
async fn each_mail_is_found_once_in_order_and_the_mailbox_stays_as_it_was() {
    let mail = post_office();
    for number in 0..45 {
        mail.deliver(US, &letter(number, "Lampu mati.")).expect("delivered");
    }
    let email = opened(&at(&mail));
    let first = poll(&email, None).await;
    assert_eq!((first.items.len(), first.more), (20, true), "not all at once");
    assert_eq!(first, poll(&email, None).await, "the same cursor gives the same");
    let (items, cursor) = everything(&email, None).await;
    let subjects: Vec<String> =
        items.iter().map(|item| String::from_utf8_lossy(&item.body).lines().nth(2).unwrap_or_default().to_owned()).collect();
    let wanted: Vec<String> = (0..45).map(|number| format!("Subject: Laporan {number}")).collect();
    assert_eq!(subjects, wanted);
    let again = poll(&email, cursor).await;
    assert!(again.items.is_empty() && !again.more && again.cursor.is_none());
    let seen = std::fs::read_dir(mail.mailbox(US).join("cur")).expect("a mailbox").flatten();
    let seen: Vec<_> = seen.map(|entry| entry.file_name()).filter(|name| name.to_string_lossy().ends_with('S')).collect();
    assert!(seen.is_empty(), "a mail was marked as read: {seen:?}");
}

#[tokio::test]
async fn news_end_the_waiting_long_before_its_time() {
    let mail = post_office();
    mail.deliver(US, &letter(1, "satu")).expect("delivered");
    let email = opened(&at(&mail));
    let (_, cursor) = everything(&email, None).await;
    let patient = opened_with_idle(&mail, 300);
    let waiting = tokio::spawn({
        let cursor = cursor.clone();
        async move {
            let batch = poll(&patient, cursor.clone()).await;
            if batch.items.is_empty() { poll(&patient, cursor).await } else { batch }
        }
    });
    mail.deliver(US, &letter(2, "dua")).expect("delivered");
    let batch = tokio::time::timeout(PATIENCE, waiting).await.expect("far less than the idle time").expect("no panic");
    assert_eq!(batch.items.len(), 1);
}

fn opened_with_idle(mail: &Mail, seconds: u32) -> Email {
    let text = format!("[adapter]\nidle = {seconds}\n");
    let server = |port: u16| format!("{{ host = '127.0.0.1', port = {port}, security = 'none', user = '{US}', password = '{PASSWORD}' }}");
    let text = format!(
        "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n{text}reply_key = 'kunci-contoh-untuk-uji-yang-panjang'\n\
         accounts = [{{ address = '{US}', imap = {}, smtp = {} }}]\n",
        server(mail.imap_port()),
        server(mail.smtp_port())
    );
    let settings = Settings::<<Email as Adapter>::Config>::layered(&[Email::DEFAULTS, &text]).expect("settings");
    Email::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("it opens")
}

#[tokio::test]
async fn a_mailbox_whose_uids_mean_other_mails_is_read_again_and_doubles_nothing() {
    let mut mail = post_office();
    for number in 0..3 {
        mail.deliver(US, &letter(number, "Lampu mati.")).expect("delivered");
    }
    let email = opened(&at(&mail));
    let (items, cursor) = everything(&email, None).await;
    let before = keys(&email, &items);
    assert_eq!(before.len(), 3);
    mail.new_uids(US).expect("it starts again");
    mail.deliver(US, &letter(9, "baru")).expect("delivered");
    let _ = email.poll(US, cursor.clone()).await; // the old connection is gone
    let (items, _) = everything(&email, cursor).await;
    let after = keys(&email, &items);
    assert!(after.is_superset(&before) && after.len() == 4, "{before:?} {after:?}");
}

#[tokio::test]
async fn what_came_while_the_server_was_away_comes_when_it_is_back() {
    let mut mail = post_office();
    mail.deliver(US, &letter(1, "satu")).expect("delivered");
    let email = opened(&at(&mail));
    let (_, cursor) = everything(&email, None).await;
    mail.kill_imap();
    assert!(email.poll(US, cursor.clone()).await.is_err(), "it says that the server is away");
    for number in 2..5 {
        mail.deliver(US, &letter(number, "waktu mati")).expect("delivered");
    }
    assert!(email.poll(US, cursor.clone()).await.is_err());
    mail.start_imap().expect("it starts again");
    let (items, _) = everything(&email, cursor).await;
    assert_eq!(items.len(), 3);
}

#[tokio::test]
async fn a_mail_that_is_too_large_is_a_message_that_says_so() {
    let mail = post_office();
    let mut large = letter(1, "Video banjir terlampir.\r\n");
    large.extend("lanjut ".repeat(100_000).bytes());
    mail.deliver(US, &large).expect("delivered");
    mail.deliver(US, &letter(2, "kecil")).expect("delivered");
    let email = opened(&Wish { more: "max_mail = '128 KiB'\n", ..at(&mail) });
    let (items, _) = everything(&email, None).await;
    let all: Vec<Event> = items.iter().flat_map(|item| events(&email, item)).collect();
    let [Event::Message(large), Event::Message(small)] = all.as_slice() else { panic!("{all:?}") };
    assert!(large.text.contains("Video banjir terlampir."), "{}", large.text);
    assert!(format!("{:?}", large.attachments).contains("more than we take"), "{:?}", large.attachments);
    assert!(small.text.contains("kecil") && small.attachments.is_empty());
}

#[tokio::test]
async fn two_folders_have_two_places() {
    let mail = post_office();
    mail.deliver(US, &letter(1, "masuk")).expect("delivered");
    // A folder in a Maildir is a folder whose name begins with a dot.
    mail.deliver(&format!("{US}/.Junk"), &letter(2, "sampah")).expect("delivered");
    let email = opened(&Wish { folders: "['INBOX', 'Junk']", ..at(&mail) });
    let (items, cursor) = everything(&email, None).await;
    assert_eq!(keys(&email, &items).len(), 2);
    mail.deliver(&format!("{US}/.Junk"), &letter(3, "sampah lagi")).expect("delivered");
    let (items, _) = everything(&email, cursor).await;
    assert_eq!(keys(&email, &items).len(), 1);
}

#[tokio::test]
async fn connections_are_protected_by_the_named_certificate_and_by_no_other() {
    let mail = post_office();
    mail.deliver(US, &letter(1, "aman")).expect("delivered");
    let pem = std::fs::read_to_string(mail.certificate()).expect("a certificate");
    let trusting = format!(", ca = '''{pem}'''");
    for (security, port) in [("tls", mail.imaps_port()), ("starttls", mail.imap_port())] {
        let email = opened(&Wish { imap: port, smtp: mail.smtp_port(), security, server: trusting.clone(), ..Wish::default() });
        assert_eq!(everything(&email, None).await.0.len(), 1, "{security}");
        let stranger = opened(&Wish { imap: port, smtp: mail.smtp_port(), security, ..Wish::default() });
        let error = stranger.poll(US, None).await.expect_err("nobody vouches for it");
        assert!(!format!("{error:?}").contains(PASSWORD), "{error:?}");
    }
    let email = opened(&Wish { smtp: mail.smtp_port(), security: "starttls", server: trusting, ..Wish::default() });
    email.send(&reply("warga@warga.example.id")).await.expect("it is sent over STARTTLS");
    let stranger = opened(&Wish { smtp: mail.smtp_port(), security: "starttls", ..Wish::default() });
    assert!(matches!(stranger.send(&reply("warga@warga.example.id")).await, Err(SendError::Unreachable(_))));
}

#[tokio::test]
async fn a_wrong_password_is_a_delay_and_shown_nowhere() {
    let mail = post_office();
    let wrong = "salah-sekali-ini";
    let server = |port: u16| format!("{{ host = '127.0.0.1', port = {port}, security = 'none', user = '{US}', password = '{wrong}' }}");
    let text = format!(
        "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\nreply_key = 'kunci-contoh-untuk-uji-yang-panjang'\n\
         accounts = [{{ address = '{US}', imap = {}, smtp = {} }}]\n",
        server(mail.imap_port()),
        server(mail.smtp_port())
    );
    let settings = Settings::<<Email as Adapter>::Config>::layered(&[Email::DEFAULTS, &text]).expect("settings");
    let email = Email::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("it opens");
    let polled = email.poll(US, None).await.expect_err("refused");
    assert!(format!("{polled:?}").contains("Login") && !format!("{polled:?}{polled}").contains(wrong), "{polled:?}");
    let sent = email.send(&reply("warga@warga.example.id")).await.expect_err("refused");
    assert!(matches!(&sent, SendError::Unreachable(_)) && !format!("{sent:?}").contains(wrong), "{sent:?}");
}

#[tokio::test]
async fn a_reply_arrives_and_one_that_cannot_comes_back_as_a_receipt() {
    let mail = post_office();
    let email = opened(&at(&mail));
    let sent = email.send(&reply("warga@warga.example.id")).await.expect("sent");
    let lost = reply("hilang@warga.example.id");
    email.send(&lost).await.expect("taken, for now");
    let arrived = eventually(|| mail.sent_to_people().into_iter().next()).await;
    let id = sent.platform_id.expect("an id");
    assert!(arrived.contains(&format!("Message-ID: <{id}>")), "{arrived}");
    for line in [
        "Auto-Submitted: auto-replied",
        "In-Reply-To: <m1@warga.example.id>",
        "Subject: Re: Lampu mati [",
        "Reply-To: ",
        "aduan+",
        "Return-path: <aduan+b-",
    ] {
        assert!(arrived.contains(line), "{line} in {arrived}");
    }
    let cursor = None;
    let mut found = Vec::new();
    for _ in 0..60 {
        found = everything(&email, cursor.clone()).await.0.iter().flat_map(|item| events(&email, item)).collect();
        if !found.is_empty() {
            break;
        }
    }
    let [Event::Receipt(receipt)] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(receipt.reply, Some(lost.id));
    assert!(matches!(&receipt.state, ReceiptState::Failed { code, .. } if code.starts_with('5')), "{receipt:?}");
}

#[tokio::test]
async fn a_photo_that_the_server_refuses_does_not_hold_the_words_up_and_its_no_is_told() {
    let mail = post_office();
    let email = opened(&at(&mail));
    let photo = ReplyFile {
        kind: AttachmentKind::Image,
        mime: "image/jpeg".into(),
        filename: "bukti.jpg".into(),
        size: 90_000,
        at: String::new(),
        bytes: vec![0xA5; 90_000].into(),
    };
    let whole = Reply { files: vec![photo], ..reply("warga@warga.example.id") };
    assert_eq!(email.send(&whole).await.expect("sent").file_refused, None);
    mail.feel(Mood::Light).expect("Exim is told");
    let light = Reply { id: ReplyId::new(now()), ..whole };
    let sent = email.send(&light).await.expect("the words go alone");
    assert!(sent.file_refused.as_deref().is_some_and(|why| why.starts_with("552: ")), "{sent:?}");
    let arrived = eventually(|| Some(mail.sent_to_people()).filter(|mails| mails.len() == 2)).await;
    let alone = arrived.iter().filter(|mail| !mail.contains("bukti.jpg")).collect::<Vec<_>>();
    assert!(matches!(alone.as_slice(), [mail] if mail.contains("Laporan Anda")), "{arrived:?}");
}

#[tokio::test]
async fn what_the_server_answers_becomes_the_right_error() {
    let mail = post_office();
    let email = opened(&at(&mail));
    let refused = email.send(&reply("tolak@warga.example.id")).await.expect_err("refused for good");
    assert!(matches!(&refused, SendError::Rejected { code, .. } if code == "550"), "{refused:?}");
    assert!(!format!("{refused:?}").contains("tolak@"), "{refused:?}");
    let later = email.send(&reply("nanti@warga.example.id")).await.expect_err("refused for now");
    assert!(matches!(later, SendError::Unreachable(_)), "{later:?}");
    let nobody = opened(&Wish { smtp: adapter_testkit::free_port().expect("a port"), ..Wish::default() });
    assert!(matches!(nobody.send(&reply("warga@warga.example.id")).await, Err(SendError::Unreachable(_))));
}

#[tokio::test]
async fn machines_get_no_automatic_answers_and_nobody_gets_too_many() {
    let mail = post_office();
    let email = opened(&Wish { more: "most_answers = 2\n", ..at(&mail) });
    let mut quiet = reply("pompa@warga.example.id");
    quiet.to.thread = Some(r#"{"m":"m1@warga.example.id","q":true}"#.into());
    let refused = email.send(&quiet).await.expect_err("a machine");
    assert!(matches!(&refused, SendError::Rejected { code, .. } if code == "quiet"), "{refused:?}");
    quiet.kind = ReplyKind::Answered;
    email.send(&quiet).await.expect("an officer's own words");
    for _ in 0..2 {
        email.send(&reply("warga@warga.example.id")).await.expect("sent");
    }
    let refused = email.send(&reply("Warga@warga.example.id")).await.expect_err("enough");
    assert!(matches!(&refused, SendError::Rejected { code, .. } if code == "rate"), "{refused:?}");
    email.send(&Reply { kind: ReplyKind::Answered, ..reply("warga@warga.example.id") }).await.expect("an officer's own words");
}

#[tokio::test]
async fn a_probe_says_what_is_fine_what_is_not_and_until_when_certificates_last() {
    let mail = post_office();
    mail.deliver(US, &letter(1, "satu")).expect("delivered");
    let pem = std::fs::read_to_string(mail.certificate()).expect("a certificate");
    let server = format!(", ca = '''{pem}'''");
    let email = opened(&Wish { imap: mail.imap_port(), smtp: mail.smtp_port(), security: "starttls", server, ..Wish::default() });
    let found = email.probe().await;
    let of = |part: &str| found.iter().find(|finding| finding.what.contains(part)).unwrap_or_else(|| panic!("{part} in {found:#?}"));
    for part in ["mailbox", "IDLE", "folder INBOX", "sending for", "envelope address"] {
        assert_eq!(of(part).state, State::Fine, "{:?}", of(part));
    }
    assert!(of("folder INBOX").seen.contains("1 mails"));
    let certificates: Vec<_> = found.iter().filter(|finding| finding.what.contains("certificate")).collect();
    assert_eq!(certificates.len(), 2, "{found:#?}");
    assert!(certificates.iter().all(|finding| finding.expires.is_some() && finding.state != State::Wrong), "{certificates:#?}");

    let wrong = opened(&Wish { folders: "['INBOX', 'Tidak Ada']", ..at(&mail) });
    let found = wrong.probe().await;
    let missing = found.iter().find(|finding| finding.what.contains("Tidak Ada")).expect("a finding");
    assert!(missing.state == State::Wrong && missing.advice.as_deref().is_some_and(|advice| advice.contains("folders")), "{missing:?}");
    let nobody = opened(&Wish {
        imap: adapter_testkit::free_port().expect("a port"),
        smtp: adapter_testkit::free_port().expect("a port"),
        ..Wish::default()
    });
    let found = nobody.probe().await;
    assert_eq!(found.iter().filter(|finding| finding.state == State::Wrong && finding.advice.is_some()).count(), 2, "{found:#?}");
}

/// How far a server on purpose plays along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Until {
    /// It takes the connection and says nothing.
    Hello,
    /// It says nothing to the recipient.
    Recipient,
    /// It breaks off in the middle of the mail.
    Middle,
    /// It has the whole mail and says nothing.
    End,
    /// It has the whole mail and hangs up.
    HangUp,
}

async fn unreliable(until: Until) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(play(stream, until));
        }
    });
    port
}

async fn play(stream: tokio::net::TcpStream, until: Until) {
    if until == Until::Hello {
        return std::future::pending().await;
    }
    let mut stream = BufReader::new(stream);
    let _ = stream.write_all(b"220 x\r\n").await;
    let mut line = String::new();
    let mut in_mail = false;
    while stream.read_line(&mut line).await.is_ok_and(|count| count > 0) {
        let word = line.trim_end().to_owned();
        line.clear();
        let answer = match (in_mail, word.as_str()) {
            (true, "") if until == Until::Middle => return,
            (true, ".") if until == Until::HangUp => return,
            (true, ".") => return std::future::pending().await,
            (true, _) => continue,
            (false, word) if word.starts_with("EHLO") => "250-x\r\n250 AUTH PLAIN\r\n",
            (false, word) if word.starts_with("AUTH") => "235 ok\r\n",
            (false, word) if word.starts_with("RCPT") && until == Until::Recipient => return std::future::pending().await,
            (false, "DATA") => {
                in_mail = true;
                "354 go\r\n"
            }
            (false, _) => "250 ok\r\n",
        };
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

#[tokio::test]
async fn a_server_that_falls_silent_holds_nothing_up_and_what_nobody_knows_is_said() {
    for until in [Until::Hello, Until::Recipient, Until::Middle, Until::End, Until::HangUp] {
        let email = opened(&Wish { smtp: unreliable(until).await, more: "", ..Wish::default() }.patience(4));
        let mut long = reply("warga@warga.example.id");
        long.text = "Kata yang panjang sekali. ".repeat(400_000);
        let reply = if until == Until::Middle { long } else { reply("warga@warga.example.id") };
        let sent = tokio::time::timeout(PATIENCE, email.send(&reply)).await.expect("a send ends");
        match until {
            Until::End | Until::HangUp => {
                let Err(SendError::Unknown { platform_id: Some(id), .. }) = &sent else { panic!("{until:?}: {sent:?}") };
                assert!(id.starts_with(&reply.id.to_string().replace('-', "")));
            }
            Until::Hello | Until::Recipient | Until::Middle => {
                assert!(matches!(sent, Err(SendError::Unreachable(_))), "{until:?}: {sent:?}");
            }
        }
    }
}

impl Wish<'_> {
    fn patience(self, seconds: u32) -> Wish<'static> {
        let more: &'static str = Box::leak(format!("{}patience = {seconds}\n", self.more).into_boxed_str());
        Wish { more, imap: self.imap, smtp: self.smtp, security: "none", server: self.server, folders: "['INBOX']" }
    }
}

async fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(tokio::time::Instant::now() < until, "it never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Gives out tokens, and says of each whether it is good: to Dovecot when it asks, to Exim by telling it the newest.
#[derive(Clone, Default)]
struct Giver {
    state: Arc<Mutex<Given>>,
}

#[derive(Default)]
struct Given {
    url: String,
    good: Vec<String>,
    asked: Vec<BTreeMap<String, String>>,
    tell: Option<mpsc::UnboundedSender<String>>,
    /// It gives nothing any more.
    closed: bool,
}

impl Giver {
    async fn start() -> Self {
        let giver = Self::default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        giver.given().url = format!("http://{}", listener.local_addr().expect("an address"));
        let routes = Router::new().route("/token", post(give)).route("/introspect", post(introspect)).with_state(giver.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        giver
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.state.lock().expect("a lock")
    }

    /// The `oauth` table of both servers.
    fn table(&self, grant: &str) -> String {
        format!("oauth = {{ token_url = '{}/token', client_id = 'muara', {grant} }}", self.given().url)
    }
}

async fn give(
    extract::State(giver): extract::State<Giver>,
    Form(asked): Form<BTreeMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    let mut state = giver.given();
    state.asked.push(asked);
    if state.closed {
        return Err(StatusCode::BAD_REQUEST);
    }
    let number = state.asked.len();
    let token = format!("token-contoh-{number}");
    state.good.push(token.clone());
    if let Some(tell) = &state.tell {
        let _ = tell.send(token.clone());
    }
    // Each use of a refresh token gives another, as some givers do.
    Ok(Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600, "refresh_token": format!("segar-{number}") })))
}

async fn introspect(extract::State(giver): extract::State<Giver>, Form(asked): Form<BTreeMap<String, String>>) -> Json<Value> {
    let good = asked.get("token").is_some_and(|token| giver.given().good.contains(token));
    Json(json!({ "active": good, "username": US }))
}

fn opened_with_tokens(mail: &Mail, oauth: &str) -> Email {
    let server = |port: u16| format!("{{ host = '127.0.0.1', port = {port}, security = 'none', user = '{US}', {oauth} }}");
    let text = format!(
        "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\nreply_key = 'kunci-contoh-untuk-uji-yang-panjang'\nidle = 1\npatience = 10\n\
         accounts = [{{ address = '{US}', imap = {}, smtp = {} }}]\n",
        server(mail.imap_port()),
        server(mail.smtp_port())
    );
    let settings =
        Settings::<<Email as Adapter>::Config>::layered(&[Email::DEFAULTS, &text]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    Email::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("it opens")
}

/// A post office that takes tokens, and who gives them out.
async fn post_office_with_tokens() -> (Mail, Giver, mpsc::UnboundedReceiver<String>) {
    let giver = Giver::start().await;
    let (tell, told) = mpsc::unbounded_channel();
    giver.given().tell = Some(tell);
    let introspection = format!("{}/introspect", giver.given().url);
    let mail = Mail::start_with_tokens(&introspection).unwrap_or_else(|problem| panic!("no mail servers for the tests: {problem}"));
    (mail, giver, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_both_servers_and_a_new_one_is_asked_for_when_it_ends() {
    let (mut mail, giver, mut told) = post_office_with_tokens().await;
    mail.deliver(US, &letter(1, "satu")).expect("delivered");
    let email = opened_with_tokens(&mail, &giver.table("refresh_token = 'segar-pertama'"));
    let (items, cursor) = everything(&email, None).await;
    assert_eq!(items.len(), 1);
    mail.take_token(&told.recv().await.expect("a token")).expect("told");
    email.send(&reply("warga@warga.example.id")).await.expect("Exim takes the token");
    let asked = giver.given().asked.clone();
    let [first] = asked.as_slice() else { panic!("one token for both servers, not {asked:?}") };
    let of = |name: &str| first.get(name).map(String::as_str);
    assert_eq!((of("grant_type"), of("client_id"), of("refresh_token")), (Some("refresh_token"), Some("muara"), Some("segar-pertama")));

    // It ends before its time, and with it the session.
    giver.given().good.clear();
    mail.kill_imap();
    mail.start_imap().expect("it starts again");
    mail.deliver(US, &letter(2, "dua")).expect("delivered");
    let mut found = None;
    for _ in 0..5 {
        if let Ok(batch) = tokio::time::timeout(PATIENCE, email.poll(US, cursor.clone())).await.expect("a poll ends") {
            found = Some(batch);
            break;
        }
    }
    assert_eq!(found.expect("a new token opens it").items.len(), 1);
    let last = giver.given().asked.last().cloned().expect("asked again");
    assert_eq!(last.get("refresh_token").map(String::as_str), Some("segar-1"), "with the newest refresh token");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_was_given_the_mailbox_asks_with_its_own_secret() {
    let (mail, giver, _told) = post_office_with_tokens().await;
    mail.deliver(US, &letter(1, "satu")).expect("delivered");
    let grant = "client_secret = 'sandi-contoh-aplikasi', grant = 'client_credentials', scope = 'https://mail.example.id/.default'";
    let email = opened_with_tokens(&mail, &giver.table(grant));
    assert_eq!(everything(&email, None).await.0.len(), 1);
    let asked = giver.given().asked.clone();
    let of = |name: &str| asked[0].get(name).map(String::as_str);
    assert_eq!((of("grant_type"), of("client_secret")), (Some("client_credentials"), Some("sandi-contoh-aplikasi")));
    assert_eq!((of("scope"), of("refresh_token")), (Some("https://mail.example.id/.default"), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_giver_that_gives_nothing_is_a_delay_and_the_probe_says_where_to_look() {
    let (mail, giver, _told) = post_office_with_tokens().await;
    giver.given().closed = true;
    let email = opened_with_tokens(&mail, &giver.table("refresh_token = 'segar-pertama'"));
    let polled = email.poll(US, None).await.expect_err("nothing to log in with");
    let sent = email.send(&reply("warga@warga.example.id")).await.expect_err("nothing to log in with");
    assert!(matches!(&sent, SendError::Unreachable(_)), "{sent:?}");
    for said in [format!("{polled:?}"), format!("{sent:?}")] {
        assert!(said.contains("400") && !said.contains("segar-pertama"), "{said}");
    }
    let found = email.probe().await;
    let wrong: Vec<_> = found.iter().filter(|finding| finding.state == State::Wrong).collect();
    assert!(wrong.len() == 2 && wrong[0].advice.as_deref().is_some_and(|advice| advice.contains("refresh token")), "{found:#?}");
}
