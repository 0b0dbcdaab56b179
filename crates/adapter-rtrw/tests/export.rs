//! Exports as telephones make them, and as nobody should make them.

use adapter_rtrw::export::{Chat, DateOrder, Kind, Limits, Media, Package, PackageError, parse};
use jiff::civil::{Date, date};
use proptest::prelude::*;

const TODAY: Date = date(2026, 11, 21);

fn read(text: &str) -> Chat {
    parse(text, TODAY)
}

fn said(chat: &Chat) -> Vec<(String, String)> {
    let one = |message: &adapter_rtrw::export::Message| (message.author.clone().unwrap_or_default(), message.text.clone());
    chat.messages.iter().map(one).collect()
}

const ANDROID: &str = "19/11/26 07.00 - Pesan dan panggilan dienkripsi secara end-to-end. Ketuk untuk info selengkapnya.
19/11/26 07.01 - Pak RT membuat grup \"RT 05/RW 02: Melati\"
19/11/26 07.01 - Pak RT menambahkan Anda
19/11/26 07.15 - Bu Wati: Assalamualaikum bapak ibu
lampu jalan depan pos mati
sudah tiga malam
19/11/26 07.16 - Bu Wati: IMG-20261119-WA0001.jpg (file terlampir)
ini fotonya
19/11/26 07.20 - +62 810-0000-0001: <Media tidak disertakan>
19/11/26 07.21 - Pak RT: Baik bu, saya teruskan. Catatan: nomor tiang 12 <Pesan ini diedit>
20/11/26 06.00 - Bu Wati: Pesan ini telah dihapus
20/11/26 06.01 - Mas Joko: lokasi: https://maps.google.com/?q=-6.1753924,106.8271528
20/11/26 06.02 - Mas Joko keluar
";

const IPHONE: &str = "\u{200e}[11/19/26, 7:15:32\u{202f}AM] RT 05: \u{200e}Messages and calls are end-to-end encrypted.
[11/19/26, 7:15:40\u{202f}AM] ~ Bu Wati: lampu jalan mati\r
sudah tiga malam\r
\u{200e}[11/19/26, 7:16:01\u{202f}AM] Bu Wati: ini fotonya \u{200e}<attached: 00000012-PHOTO-2026-11-19-07-16-01.jpg>
\u{200e}[11/19/26, 7:20:00\u{202f}PM] Pak RT: \u{200e}image omitted
[11/20/26, 7:21:00\u{202f}AM] Pak RT: Noted \u{200e}<This message was edited>
\u{200e}[11/20/26, 7:22:00\u{202f}AM] Bu Wati: \u{200e}This message was deleted.
";

#[test]
fn an_indonesian_android_export_is_read_line_by_line() {
    use Kind::{Deleted, Edited, Said, System};
    let chat = read(ANDROID);
    assert_eq!((chat.order, chat.doubtful), (DateOrder::DayFirst, false));
    let kinds: Vec<Kind> = chat.messages.iter().map(|message| message.kind).collect();
    assert_eq!(kinds, [System, System, System, Said, Said, Said, Edited, Deleted, Said, System]);
    let said = said(&chat);
    assert_eq!(said[3], ("Bu Wati".into(), "Assalamualaikum bapak ibu\nlampu jalan depan pos mati\nsudah tiga malam".into()));
    assert_eq!(said[4].1, "ini fotonya");
    assert_eq!(chat.messages[4].media, Some(Media::Named("IMG-20261119-WA0001.jpg".into())));
    assert_eq!((said[5].0.as_str(), &chat.messages[5].media), ("+62 810-0000-0001", &Some(Media::Omitted)));
    assert_eq!(said[6].1, "Baik bu, saya teruskan. Catatan: nomor tiang 12");
    assert_eq!(chat.messages[8].place, Some((-6.175_392_4, 106.827_152_8)));
    assert_eq!(chat.messages[3].at.to_string(), "2026-11-19T07:15:00");
}

#[test]
fn an_english_iphone_export_is_read_with_its_marks_and_halves_of_the_day() {
    let chat = read(IPHONE);
    assert_eq!((chat.order, chat.doubtful), (DateOrder::MonthFirst, false));
    let said = said(&chat);
    assert_eq!(chat.messages[0].kind, Kind::System);
    assert_eq!(said[1], ("Bu Wati".into(), "lampu jalan mati\nsudah tiga malam".into()));
    assert_eq!(said[2].1, "ini fotonya");
    assert_eq!(chat.messages[2].media, Some(Media::Named("00000012-PHOTO-2026-11-19-07-16-01.jpg".into())));
    assert_eq!((&chat.messages[3].media, chat.messages[3].at.hour()), (&Some(Media::Omitted), 19));
    assert_eq!((said[4].1.as_str(), chat.messages[4].kind), ("Noted", Kind::Edited));
    assert_eq!(chat.messages[5].kind, Kind::Deleted);
}

#[test]
fn the_order_of_day_and_month_is_the_one_in_which_time_goes_forward() {
    // Both are dates in both orders; only one does not jump back.
    let chat = read("02/10/26 07.00 - A: satu\n03/10/26 07.00 - A: dua\n01/11/26 07.00 - A: tiga\n");
    assert_eq!((chat.order, chat.doubtful), (DateOrder::DayFirst, false));
    let chat = read("10/2/26, 07:00 - A: one\n10/3/26, 07:00 - A: two\n11/1/26, 07:00 - A: three\n");
    assert_eq!((chat.order, chat.doubtful), (DateOrder::MonthFirst, false));
    let chat = read("05/06/26 07.00 - A: satu\n");
    assert!(chat.doubtful, "one date that can be read in two ways");
}

#[test]
fn lines_copied_in_a_browser_and_on_a_telephone_are_read() {
    let chat = read("[07:15, 19/11/2026] Bu Wati: lampu mati\n[07:16, 19/11/2026] +62 810-0000-0001: sama\n");
    assert_eq!(said(&chat), [("Bu Wati".to_owned(), "lampu mati".to_owned()), ("+62 810-0000-0001".to_owned(), "sama".to_owned())]);
    let chat = read("[19/11 07.15] Bu Wati: lampu mati\n[19/11 07.16] Bu Wati: tolong\n");
    assert_eq!(chat.messages[0].at.to_string(), "2026-11-19T07:15:00");
}

#[test]
fn a_name_that_looks_like_a_path_names_no_file() {
    for name in ["../../etc/passwd", "a/b.jpg", "a\\b.jpg", ".."] {
        let chat = read(&format!("19/11/26 07.16 - A: {name} (file terlampir)\n"));
        assert_eq!(chat.messages[0].media, None, "{name}");
    }
}

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    // A zip by hand: entries as they are, not packed.
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    let short = |n: usize| u16::try_from(n).expect("small").to_le_bytes();
    let long = |n: usize| u32::try_from(n).expect("small").to_le_bytes();
    for (name, content) in entries {
        let at = bytes.len();
        let about: Vec<u8> = [
            &[20, 0, 0, 8, 0, 0, 0, 0, 0, 0][..],
            &crc(content).to_le_bytes(),
            &long(content.len()),
            &long(content.len()),
            &short(name.len()),
            &[0, 0],
        ]
        .concat();
        bytes.extend([b"PK\x03\x04".as_slice(), &about, name.as_bytes(), content].concat());
        directory.extend([b"PK\x01\x02".as_slice(), &[20, 0], &about, &[0; 10], &long(at), name.as_bytes()].concat());
    }
    let (at, count) = (bytes.len(), entries.len());
    bytes.extend_from_slice(&directory);
    bytes.extend([b"PK\x05\x06".as_slice(), &[0; 4], &short(count), &short(count), &long(directory.len()), &long(at), &[0, 0]].concat());
    bytes
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

#[test]
fn a_zip_gives_its_chat_and_its_files_by_name() {
    let bytes =
        zip(&[("Grup/_chat.txt", ANDROID.as_bytes()), ("Grup/IMG-20261119-WA0001.jpg", b"\xff\xd8\xff photo"), ("._chat.txt", b"x")]);
    let package = Package::read(bytes.into(), Limits::default()).expect("a package");
    assert_eq!(package.chat(), ANDROID);
    assert!(package.has("IMG-20261119-WA0001.jpg") && !package.has("another.jpg"));
    assert_eq!(package.file("IMG-20261119-WA0001.jpg"), Ok(Some(b"\xff\xd8\xff photo".as_slice().into())));
    assert_eq!(package.file("another.jpg"), Ok(None));
}

#[test]
fn a_zip_is_never_unpacked_beyond_its_limits() {
    let limits = Limits { entries: 2, chat: 100, file: 10 };
    let of = |entries: &[(&str, &[u8])]| Package::read(zip(entries).into(), limits);
    assert_eq!(of(&[("_chat.txt", &[b'x'; 101])]).err(), Some(PackageError::TooLarge));
    assert_eq!(of(&[("a", b""), ("b", b""), ("_chat.txt", b"")]).err(), Some(PackageError::TooMany));
    assert_eq!(of(&[("a.jpg", b"x")]).err(), Some(PackageError::NoChat));
    assert_eq!(of(&[("_chat.txt", b"\xff\xfe")]).err(), Some(PackageError::NotText));
    let package = of(&[("_chat.txt", b"x"), ("big.jpg", &[0; 11])]).expect("a package");
    assert_eq!(package.file("big.jpg"), Err(PackageError::TooLarge));
    assert_eq!(Package::read(b"PK\x03\x04 and nothing more".as_slice().into(), limits).err(), Some(PackageError::Broken));
}

#[test]
fn a_zip_that_lies_about_a_size_is_caught() {
    // The directory says three bytes; there are more.
    let mut bytes = zip(&[("_chat.txt", b"19/11/26 07.16 - A: x\n")]);
    let at = bytes.windows(4).rposition(|four| four == b"PK\x01\x02").expect("a directory");
    bytes[at + 24] = 3;
    let read = Package::read(bytes.into(), Limits { chat: 10, ..Limits::default() });
    assert!(read.is_err() || read.is_ok_and(|package| package.chat().len() <= 10));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,400}") {
        let _ = read(&text);
    }

    #[test]
    fn no_lines_that_look_like_an_export_make_it_panic_and_none_are_lost(
        lines in proptest::collection::vec(
            "(\u{200e}?\\[?[0-9]{1,4}[/.-][0-9]{1,2}([/.-][0-9]{0,4})?,? [0-9]{1,2}[.:][0-9]{2}([.:][0-9]{2})?( ?[AaPp][Mm])?(\\] | - )([A-Z][a-z]{0,8}: )?(<attached: \\PC{0,9}>|<Media omitted>|\\PC{0,30}( \\(file terlampir\\))?)|\\PC{0,20})",
            0..30,
        ),
    ) {
        let text = lines.join("\n");
        let chat = read(&text);
        prop_assert!(chat.messages.len() <= lines.len());
        for message in &chat.messages {
            prop_assert!(message.author.as_deref().is_none_or(|author| !author.is_empty() && author.chars().count() <= 100));
            prop_assert!(!matches!(&message.media, Some(Media::Named(name)) if name.contains(['/', '\\'])));
        }
    }

    #[test]
    fn what_is_exported_in_one_form_is_read_in_that_form(
        messages in proptest::collection::vec(("[A-Z][a-z]{1,8}", "[a-z]{1,12}( [a-z]{1,9}){0,4}"), 1..20),
        iphone in any::<bool>(),
    ) {
        let line = |(n, (author, text)): (usize, &(String, String))| {
            let minute = n % 60;
            if iphone { format!("[21/10/2026, 10:{minute:02}:07] {author}: {text}") } else { format!("21/10/26 10.{minute:02} - {author}: {text}") }
        };
        let text = messages.iter().enumerate().map(line).collect::<Vec<_>>().join("\n");
        let chat = read(&text);
        let kept: Vec<_> = chat.messages.iter().filter(|message| message.kind == Kind::Said).map(|m| (m.author.clone().unwrap_or_default(), m.text.clone())).collect();
        let left: Vec<_> = messages.iter().filter(|pair| kept.contains(pair)).cloned().collect();
        prop_assert_eq!(kept, left);
    }

    #[test]
    fn no_bytes_make_the_package_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600), zipped in any::<bool>()) {
        let bytes = if zipped { [b"PK\x03\x04".as_slice(), &bytes].concat() } else { bytes };
        let _ = Package::read(bytes.into(), Limits::default());
    }

    #[test]
    fn a_zip_with_a_flipped_byte_is_refused_or_read_within_its_limits(at in 0_usize..400, value in any::<u8>()) {
        let mut bytes = zip(&[("_chat.txt", ANDROID.as_bytes()), ("a.jpg", b"photo")]);
        let place = at % bytes.len();
        bytes[place] = value;
        let limits = Limits { entries: 10, chat: 4096, file: 64 };
        if let Ok(package) = Package::read(bytes.into(), limits) {
            prop_assert!(package.chat().len() <= 4096);
            let _ = package.file("a.jpg");
        }
    }
}
