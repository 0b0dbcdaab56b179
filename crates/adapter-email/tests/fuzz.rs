//! Mails that nobody would write: the fixtures cut, mixed and disturbed. `MUARA_FUZZ_CASES` says how many; a few hundred by default.

use std::fs;

use adapter_email::Email;
use adapter_sdk::{Adapter, Content, Event, Http, Raw, Request, Settings, Timestamp, TraceId, outgoing::Limits};
use proptest::{prelude::*, test_runner::TestRunner};

/// What breaks readers of mail.
const SPICE: [&str; 24] = [
    "\r\n\r\n",
    "\r\n--m\r\n",
    "--",
    "=?utf-8?B?",
    "?=",
    "=?gb18030?Q?=",
    "Content-Type: multipart/mixed; boundary=\"",
    "Content-Type: message/rfc822\r\n\r\n",
    "Content-Transfer-Encoding: base64\r\n",
    "charset=utf-7",
    "format=flowed",
    "<div class=\"gmail_quote\">",
    "<style>",
    "<!--",
    "&#x110000;",
    "&#0;",
    "\u{E000}",
    "On 1 a@b wrote:",
    "Dari: x\r\nKepada: y\r\nPerihal: z\r\n",
    "x\u{9f}>\"",
    "Auto-Submitted: auto-replied\r\n",
    "Final-Recipient: rfc822;",
    "Status: 5.1.1",
    "\0",
];

fn email() -> Email {
    let server = "{ host = '127.0.0.1', port = 9, security = 'none', user = 'aduan', password = 'kata-sandi-contoh' }";
    let text = format!(
        "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\nreply_key = 'kunci-contoh-untuk-uji-yang-panjang'\n\
         accounts = [{{ address = 'aduan@kota.example.id', imap = {server}, smtp = {server} }}]\n"
    );
    let settings = Settings::<<Email as Adapter>::Config>::layered(&[Email::DEFAULTS, &text]).expect("settings");
    Email::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("it opens")
}

fn mails() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let files = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    let recorded = files.filter(|path| path.extension().is_some_and(|extension| extension == "http"));
    recorded.map(|path| Request::recorded(&fs::read(path).expect("a file")).expect("a recording").body.to_vec()).collect()
}

#[derive(Debug, Clone)]
enum Change {
    Byte(prop::sample::Index, u8),
    Spice(prop::sample::Index, usize),
    Cut(prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index, u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        3 => (any::<prop::sample::Index>(), 0..SPICE.len()).prop_map(|(at, spice)| Change::Spice(at, spice)),
        1 => any::<prop::sample::Index>().prop_map(Change::Cut),
        1 => (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..12_u8).prop_map(|(from, until, times)| Change::Repeat(from, until, times)),
    ]
}

fn apply(mail: &mut Vec<u8>, change: &Change) {
    if mail.is_empty() {
        return;
    }
    match change {
        Change::Byte(at, byte) => {
            let at = at.index(mail.len());
            mail[at] = *byte;
        }
        Change::Spice(at, spice) => {
            let at = at.index(mail.len());
            mail.splice(at..at, SPICE[*spice].bytes());
        }
        Change::Cut(at) => mail.truncate(at.index(mail.len())),
        Change::Repeat(from, until, times) => {
            let (a, b) = (from.index(mail.len()), until.index(mail.len()));
            let piece = mail[a.min(b)..a.max(b)].to_vec();
            if piece.len() * usize::from(*times) < 64 * 1024 {
                mail.splice(a..a, piece.repeat(usize::from(*times)));
            }
        }
    }
}

#[test]
fn no_mail_brings_the_reader_down_and_every_file_it_names_can_be_cut_out() {
    let cases = adapter_testkit::fuzz_cases();
    let (email, mails) = (email(), mails());
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let received_at: Timestamp = "2026-11-21T09:00:00Z".parse().expect("a time");
    let first = any::<prop::sample::Index>();
    let second = prop::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<prop::sample::Index>()));
    let all = (first, second, prop::collection::vec(change(), 0..12));
    let config = ProptestConfig { cases, failure_persistence: None, max_shrink_iters: 20_000, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&all, |(first, second, changes)| {
            let mut mail = first.get(&mails).clone();
            if let Some((other, from, until)) = second {
                let other = other.get(&mails);
                mail.truncate(from.index(mail.len() + 1));
                mail.extend(&other[until.index(other.len() + 1)..]);
            }
            for change in &changes {
                apply(&mut mail, change);
            }
            let headers = vec![("account".to_owned(), "aduan@kota.example.id".to_owned())];
            let raw = Raw {
                adapter: "email".parse().expect("a name"),
                received_at,
                trace: TraceId::random(),
                query: String::new(),
                headers,
                body: mail.into(),
            };
            for event in email.parse(&raw).into_iter().flatten() {
                let Event::Message(inbound) = event else { continue };
                prop_assert!(!inbound.sender.is_empty() && inbound.key.id.len() <= 512);
                for attachment in &inbound.attachments {
                    if let Content::Remote(media) = &attachment.content {
                        prop_assert!(runtime.block_on(email.fetch_from(&raw, media)).is_ok());
                    }
                }
            }
            Ok(())
        })
        .unwrap_or_else(|problem| panic!("{problem}"));
}
