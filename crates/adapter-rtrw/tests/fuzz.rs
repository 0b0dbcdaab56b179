//! Chats that no telephone exports and imports that no door took: real shapes cut, mixed and disturbed. `MUARA_FUZZ_CASES` says how many of each.

use adapter_rtrw::{
    ChatImport,
    export::{Limits, Media, Package, parse},
};
use adapter_sdk::{Adapter, Http, Settings, outgoing};
use jiff::civil::{Date, date};
use proptest::{prelude::*, sample::Index, test_runner::TestRunner};

const TODAY: Date = date(2026, 11, 21);
const ANDROID: &str = "19/11/26 07.00 - Pesan dan panggilan dienkripsi secara end-to-end. Ketuk untuk info selengkapnya.
19/11/26 07.01 - Pak RT membuat grup \"RT 05/RW 02: Melati\"
19/11/26 07.15 - Bu Wati: Assalamualaikum bapak ibu
lampu jalan depan pos mati
19/11/26 07.16 - Bu Wati: IMG-20261119-WA0001.jpg (file terlampir)
ini fotonya
19/11/26 07.20 - +62 810-0000-0001: <Media tidak disertakan>
19/11/26 07.21 - Pak RT: nomor tiang 12 <Pesan ini diedit>
20/11/26 06.00 - Bu Wati: Pesan ini telah dihapus
20/11/26 06.01 - Mas Joko: lokasi: https://maps.google.com/?q=-6.1753924,106.8271528
";
const IPHONE: &str = "\u{200e}[11/19/26, 7:15:32\u{202f}AM] RT 05: \u{200e}Messages and calls are end-to-end encrypted.
[11/19/26, 7:15:40\u{202f}AM] ~ Bu Wati: lampu jalan mati\r
sudah tiga malam\r
\u{200e}[11/19/26, 7:16:01\u{202f}AM] Bu Wati: ini fotonya \u{200e}<attached: 00000012-PHOTO-2026-11-19-07-16-01.jpg>
\u{200e}[11/19/26, 7:20:00\u{202f}PM] Pak RT: \u{200e}image omitted
\u{200e}[11/20/26, 7:22:00\u{202f}AM] Bu Wati: \u{200e}This message was deleted.
";
const COPIED: &str = "[07:15, 19/10/2026] Bu Wati: Lampu mati\n[07:16, 19/10/2026] Bu Wati: di depan pos\n";
/// What breaks readers of chats.
const SPICE: [&str; 20] = [
    "\n",
    "\r\n",
    "\u{200e}",
    "\u{202f}",
    "\u{feff}",
    "\u{202e}",
    "19/11/26 07.15 - ",
    "31/02/2026 24.61 - X: ",
    "[11/19/26, 7:15:32 AM] ",
    "[99/99/9999, 99:99:99] ",
    "0000-00-00 00:00 - ",
    ": ",
    " (file terlampir)",
    "<attached: ../../etc/passwd>",
    "<terlampir: >",
    "https://maps.google.com/?q=91,181",
    "https://maps.google.com/?q=NaN,1e309",
    "<Media tidak disertakan>",
    "<Pesan ini diedit>",
    "\0",
];

/// One change of a chat.
#[derive(Debug, Clone)]
enum Change {
    Byte(Index, u8),
    Spice(Index, usize),
    Cut(Index),
    Repeat(Index, Index, u8),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        3 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        4 => (any::<Index>(), 0..SPICE.len()).prop_map(|(at, spice)| Change::Spice(at, spice)),
        1 => any::<Index>().prop_map(Change::Cut),
        1 => (any::<Index>(), any::<Index>(), 1..8_u8).prop_map(|(from, until, times)| Change::Repeat(from, until, times)),
    ];
    prop::collection::vec(change, 0..10)
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        if bytes.is_empty() {
            break;
        }
        match change {
            Change::Byte(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Change::Spice(at, spice) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, SPICE[*spice].bytes());
            }
            Change::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Change::Repeat(from, until, times) => {
                let (a, b) = (from.index(bytes.len()), until.index(bytes.len()));
                let piece = bytes[a.min(b)..a.max(b)].to_vec();
                if piece.len() * usize::from(*times) < 32 * 1024 {
                    bytes.splice(a..a, piece.repeat(usize::from(*times)));
                }
            }
        }
    }
    bytes
}

fn run<S: Strategy>(cases: &S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = ProptestConfig {
        cases: adapter_testkit::fuzz_cases(),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    };
    TestRunner::new(config).run(cases, test).unwrap_or_else(|problem| panic!("{problem}"));
}

#[test]
fn no_chat_brings_the_reader_down_nor_makes_more_of_itself() {
    let seeds = [ANDROID, IPHONE, COPIED];
    run(&(any::<Index>(), any::<Index>(), any::<bool>(), changes()), |(one, other, both, changes)| {
        let mut text = one.get(&seeds).as_bytes().to_vec();
        if both {
            text.extend_from_slice(other.get(&seeds).as_bytes());
        }
        let text = String::from_utf8_lossy(&changed(text, &changes)).into_owned();
        let chat = parse(&text, TODAY);
        prop_assert!(chat.messages.len() <= text.split(['\n', '\r']).count());
        prop_assert!(chat.messages.iter().map(|message| message.text.len()).sum::<usize>() <= text.len() * 2);
        for message in &chat.messages {
            prop_assert!(message.author.as_deref().is_none_or(|author| !author.is_empty() && author.chars().count() <= 100));
            prop_assert!(!matches!(&message.media, Some(Media::Named(name)) if name.contains(['/', '\\'])));
            prop_assert!(message.place.is_none_or(|(lat, lon)| lat.abs() <= 90.0 && lon.abs() <= 180.0));
        }
        Ok(())
    });
}

#[test]
fn no_zip_brings_the_reader_down_nor_is_unpacked_beyond_its_limits() {
    let limits = Limits { entries: 10, chat: 4096, file: 64 };
    let seeds = [packed(zip::CompressionMethod::Stored), packed(zip::CompressionMethod::Deflated)];
    run(&(any::<Index>(), changes()), |(seed, changes)| {
        if let Ok(package) = Package::read(changed(seed.get(&seeds).clone(), &changes).into(), limits) {
            prop_assert!(package.chat().len() <= 4096);
            if let Ok(Some(file)) = package.file("IMG-20261119-WA0001.jpg") {
                prop_assert!(file.len() <= 64);
            }
        }
        Ok(())
    });
}

fn packed(method: zip::CompressionMethod) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    for (name, content) in [("Grup/_chat.txt", ANDROID.as_bytes()), ("Grup/IMG-20261119-WA0001.jpg", b"\xff\xd8\xff photo")] {
        zip.start_file(name, options).expect("an entry");
        zip.write_all(content).expect("written");
    }
    zip.finish().expect("a zip").into_inner()
}

#[test]
fn no_import_brings_the_reader_down() {
    let text = "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n";
    let settings = Settings::<<ChatImport as Adapter>::Config>::layered(&[ChatImport::DEFAULTS, text]).expect("settings");
    let http = Http::new(outgoing::Limits::default()).expect("a client");
    let import = ChatImport::open(settings.adapter, http).expect("it opens");
    adapter_testkit::fuzz(&import, &adapter_testkit::recorded::<ChatImport>(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")));
}
