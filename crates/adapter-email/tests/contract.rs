//! The adapter keeps the contract C1 to C13, against a real Dovecot and a real Exim, and every fixture has its snapshot.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use adapter_email::Email;
use adapter_sdk::{Address, Audience, Language, Reply, ReplyId, ReplyKind, ReplyTo, Timestamp};
use adapter_testkit::{
    Contract, Elsewhere, Probe, Trouble, Wanted,
    mail::{ADDRESSES, Mail, Mood, PASSWORD},
};
use mail_parser::MessageParser;

const KEY: &str = "kunci-contoh-untuk-uji-yang-panjang";
const US: &str = ADDRESSES[0];
const OTHER: &str = ADDRESSES[1];

struct Office {
    mail: Mail,
    offered: u32,
    /// How many mails to people were looked at.
    read: usize,
}

fn office() -> MutexGuard<'static, Office> {
    static OFFICE: OnceLock<Mutex<Office>> = OnceLock::new();
    let start = || {
        let mail = Mail::start().unwrap_or_else(|problem| panic!("no mail servers for the tests: {problem}"));
        Mutex::new(Office { mail, offered: 0, read: 0 })
    };
    OFFICE.get_or_init(start).lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn the_contract_is_kept() {
    adapter_testkit::poll::<Email>(Contract {
        config,
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"),
        secrets: &[KEY, PASSWORD],
        ignored: &["own", "own-passed-back", "bounce-delayed", "bounce-of-a-forged-mail"],
        unparsable: &["refused-by-the-server", "no-mailbox-of-ours"],
        reply: Some(reply),
        // Mail has no limit of length.
        text_limit: None,
        elsewhere: Some(Elsewhere { mend: || feel(Mood::Fine), offer, state, troubles: TROUBLES, received }),
        probe: Some(Probe { healthy: |_| feel(Mood::Fine), broken: &[] }),
        ..Contract::default()
    });
}

const TROUBLES: &[Trouble] = &[
    Trouble { what: "554 for every recipient", begin: || feel(Mood::Refuses), wanted: Wanted::AnyNo },
    Trouble { what: "451 for every recipient", begin: || feel(Mood::Busy), wanted: Wanted::Unreachable },
    Trouble { what: "silence", begin: || feel(Mood::Silent), wanted: Wanted::Unreachable },
];

fn config(_: &str) -> String {
    let office = office();
    let server = |port: u16, user: &str| {
        format!("{{ host = '127.0.0.1', port = {port}, security = 'none', user = '{user}', password = '{PASSWORD}' }}")
    };
    let account = |address: &str| {
        let (imap, smtp) = (server(office.mail.imap_port(), address), server(office.mail.smtp_port(), address));
        format!("{{ address = '{address}', name = 'Pengaduan', authserv_id = 'mx.kota.example.id', imap = {imap}, smtp = {smtp} }}")
    };
    format!("reply_key = '{KEY}'\nidle = 1\npatience = 8\nmost_answers = 1000\naccounts = [{}, {}]\n", account(US), account(OTHER))
}

fn feel(mood: Mood) {
    office().mail.feel(mood).expect("Exim is told");
}

fn offer() {
    let mut office = office();
    office.offered += 1;
    for address in ADDRESSES {
        let mail = format!("From: warga@warga.example.id\r\nTo: {address}\r\nSubject: Laporan {}\r\n\r\nJalan rusak.\r\n", office.offered);
        office.mail.deliver(address, mail.as_bytes()).expect("delivered");
    }
}

/// Flags are letters behind the comma of a file's name. Whether Dovecot keeps a mail in `new` or `cur` is its own business.
fn state() -> String {
    let office = office();
    let names = |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name().into_string());
    let mut all = Vec::new();
    for address in ADDRESSES {
        for part in ["new", "cur"] {
            all.extend(names(&office.mail.mailbox(address).join(part)).flatten().map(|name| name.trim_end_matches(":2,").to_owned()));
        }
    }
    all.sort();
    all.join(" ")
}

/// What arrived for people since the last call. Exim delivers in its own time: as long as its queue is not empty, it is waited for.
fn received() -> Vec<String> {
    let mut office = office();
    let until = Instant::now() + Duration::from_secs(30);
    while office.mail.is_delivering() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    let all = office.mail.sent_to_people();
    let new = all[office.read..].iter().map(|mail| text(mail)).collect();
    office.read = all.len();
    new
}

/// The words between our frame's lines.
fn text(mail: &str) -> String {
    let mail = MessageParser::default().parse(mail.as_bytes()).expect("a mail");
    let text = mail.body_text(0).expect("a text").replace("\r\n", "\n");
    let (_, words) = text.split_once("--\n\n").expect("the line above which to answer");
    words.rsplit_once("\n\n").expect("the last line").0.to_owned()
}

fn reply() -> Reply {
    let to = ReplyTo {
        adapter: "email".parse().expect("a name"),
        account: US.into(),
        address: Address::new("mailto", "warga@warga.example.id").expect("an address"),
        thread: Some(r#"{"m":"m1@warga.example.id","s":"Lampu mati"}"#.into()),
        audience: Audience::Private,
        open_until: None,
    };
    let text = "Terima kasih. Laporan Anda sudah kami terima.".into();
    let (id, kind) = (ReplyId::new(Timestamp::UNIX_EPOCH), ReplyKind::Received);
    Reply { id, to, kind, language: Language::Id, text, short: Vec::new(), params: BTreeMap::new(), menu: None, files: Vec::new() }
}
