//! Every mail of two public collections of odd mails is read, by `MUARA_DATA`. They are not part of this repository.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use adapter_email::Email;
use adapter_sdk::{Adapter, Content, Event, Http, Raw, Settings, Timestamp, TraceId, outgoing::Limits};

fn email() -> Email {
    let server = "{ host = '127.0.0.1', port = 9, security = 'none', user = 'aduan', password = 'kata-sandi-contoh' }";
    let text = format!(
        "[adapter]\nreply_key = 'kunci-contoh-untuk-uji-yang-panjang'\naccounts = [{{ address = 'aduan@kota.example.id', imap = {server}, smtp = {server} }}]\n"
    );
    let settings = Settings::<<Email as Adapter>::Config>::layered(&[Email::DEFAULTS, &text]).expect("settings");
    Email::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("it opens")
}

fn mails(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            mails(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "eml") {
            found.push(path);
        }
    }
}

/// Whether a person who opens the mail sees words in it: letters outside of attachments, in what the collection says of it.
fn has_words(path: &Path) -> bool {
    let told = fs::read_to_string(path.with_extension("json")).unwrap_or_default();
    let Ok(told) = serde_json::from_str::<serde_json::Value>(&told) else { return false };
    let texts = told["text_body"].as_array().cloned().unwrap_or_default();
    let part =
        |number: &serde_json::Value| told["parts"][usize::try_from(number.as_u64()?).ok()?]["body"]["Text"].as_str().map(str::to_owned);
    texts.iter().filter_map(part).any(|text| text.chars().filter(|c| c.is_alphanumeric()).count() > 3)
}

#[tokio::test]
async fn every_mail_of_the_collections_is_read_and_shows_what_a_person_would_see() {
    let Some(data) = env::var_os("MUARA_DATA") else {
        eprintln!("SKIPPED: MUARA_DATA names no folder with the collections of mails");
        return;
    };
    let mut all = Vec::new();
    mails(&PathBuf::from(data).join("email-eml"), &mut all);
    all.sort();
    assert!(all.len() >= 150, "only {} mails were found", all.len());
    let email = email();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wordless = Vec::new();
    for path in &all {
        let headers = vec![("account".to_owned(), "aduan@kota.example.id".to_owned())];
        let body = fs::read(path).expect("a file").into();
        let received_at: Timestamp = "2026-11-21T09:00:00Z".parse().expect("a time");
        let raw =
            Raw { adapter: "email".parse().expect("a name"), received_at, trace: TraceId::random(), query: String::new(), headers, body };
        let events = email.parse(&raw).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for event in &events {
            let Event::Message(inbound) = event else {
                *counts.entry("receipts").or_default() += 1;
                continue;
            };
            *counts.entry("messages").or_default() += 1;
            *counts.entry("attachments").or_default() += inbound.attachments.len();
            assert!(!inbound.text.contains('\u{E000}'), "{}: a mark of ours is left", path.display());
            for attachment in &inbound.attachments {
                let Content::Remote(media) = &attachment.content else { continue };
                let bytes = email.fetch_from(&raw, media).await.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                assert!(!bytes.is_empty(), "{}: {:?} is empty", path.display(), attachment.filename);
            }
            if inbound.text.trim().is_empty() && inbound.unreadable.is_none() && has_words(path) {
                wordless.push(path.display().to_string());
            }
        }
        if events.is_empty() {
            *counts.entry("nothing for us").or_default() += 1;
        }
    }
    println!("{} mails: {counts:?}", all.len());
    assert!(wordless.is_empty(), "a person sees words in these, and we do not: {wordless:#?}");
}
