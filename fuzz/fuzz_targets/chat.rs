//! Exported chats of groups: the text by itself, and whatever calls itself its package.
#![no_main]

use adapter_rtrw::export::{Limits, Media, Package, parse};
use jiff::civil::date;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let chat = parse(&text, date(2026, 11, 21));
    assert!(chat.messages.len() <= text.split(['\n', '\r']).count());
    for message in &chat.messages {
        assert!(!matches!(&message.media, Some(Media::Named(name)) if name.contains(['/', '\\'])));
        assert!(message.place.is_none_or(|(lat, lon)| lat.abs() <= 90.0 && lon.abs() <= 180.0));
    }
    let limits = Limits { entries: 10, chat: 4096, file: 64 };
    if let Ok(package) = Package::read(bytes.to_vec().into(), limits) {
        assert!(package.chat().len() <= limits.chat);
        if let Ok(Some(file)) = package.file("IMG-20261119-WA0001.jpg") {
            assert!(file.len() <= limits.file);
        }
    }
});
