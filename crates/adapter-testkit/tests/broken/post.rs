//! A platform that does not speak HTTP, played by the test itself, and its adapter, good but for one fault.

use std::cell::RefCell;

use adapter_sdk::{
    Adapter, Batch, Bytes, ConfigError, Event, FetchError, Http, Inbound, Item, MessageKey, ParseError, Poll, Raw, RemoteMedia, Reply,
    SendError, Sent,
};
use adapter_testkit::{Bare, Contract, Elsewhere, Trouble, Wanted};

use crate::{rules, tiny};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures-bare");

/// What is wrong with the adapter.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Fault {
    None,
    MarksAsRead,
    ForgetsTheMailbox,
    BusyIsNo,
    Cuts,
}

/// How the office treats letters.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Mood {
    #[default]
    Takes,
    Busy,
    Gone,
    Silent,
}

#[derive(Default)]
struct Office {
    mood: Mood,
    letters: Vec<(String, bool)>,
    sent: Vec<String>,
}

thread_local! {
    /// The suite and the adapter run on one thread.
    static OFFICE: RefCell<Office> = RefCell::default();
}

fn office<T>(act: impl FnOnce(&mut Office) -> T) -> T {
    OFFICE.with_borrow_mut(act)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

struct Post<const FAULT: u8>;

impl<const FAULT: u8> Post<FAULT> {
    fn has(fault: Fault) -> bool {
        FAULT == fault as u8
    }
}

impl<const FAULT: u8> Adapter for Post<FAULT> {
    const NAME: &'static str = "tiny";
    const DEFAULTS: &'static str = "[door]\nlisten = '127.0.0.1:8199'\n[spool]\nfolder = 'spool'\n";
    type Config = Nothing;

    fn open(Nothing {}: Nothing, _: Http) -> Result<Self, ConfigError> {
        Ok(Self)
    }

    fn accounts(&self) -> Vec<String> {
        vec!["kota".into()]
    }

    fn parse(&self, raw: &Raw) -> Result<Vec<Event>, ParseError> {
        let account = raw.header("mailbox").ok_or_else(|| ParseError::new("no mailbox"))?.to_owned();
        let account = if Self::has(Fault::ForgetsTheMailbox) { String::new() } else { account };
        let text = std::str::from_utf8(&raw.body).map_err(|_| ParseError::new("not UTF-8"))?;
        let (id, text) =
            text.split_once('\n').filter(|(id, _)| (1..=512).contains(&id.len())).ok_or_else(|| ParseError::new("no first line"))?;
        let key = MessageKey { adapter: raw.adapter.clone(), account, id: id.to_owned() };
        let sender = tiny::reply().to.address;
        Ok(vec![Event::Message(Box::new(Inbound::private(key, sender, text, raw.received_at)))])
    }

    async fn fetch(&self, _: &RemoteMedia) -> Result<Bytes, FetchError> {
        Err(FetchError::Gone("there are no files here".into()))
    }

    async fn send(&self, reply: &Reply) -> Result<Sent, SendError> {
        match office(|office| office.mood) {
            Mood::Busy if Self::has(Fault::BusyIsNo) => return Err(SendError::rejected("busy", "")),
            Mood::Busy => return Err(SendError::Throttled(None)),
            Mood::Gone => return Err(SendError::rejected("gone", "")),
            Mood::Silent => return Err(SendError::Unreachable("no answer".into())),
            Mood::Takes => {}
        }
        let characters: Vec<char> = reply.text.chars().collect();
        let parts = characters.chunks(50).take(if Self::has(Fault::Cuts) { 1 } else { usize::MAX });
        office(|office| office.sent.extend(parts.map(|part| part.iter().collect::<String>())));
        Ok(Sent::default())
    }
}

impl<const FAULT: u8> Poll for Post<FAULT> {
    async fn poll(&self, account: &str, cursor: Option<Vec<u8>>) -> Result<Batch, FetchError> {
        let after = cursor.map_or(0, |cursor| usize::from(cursor[0]));
        let items: Vec<Item> = office(|office| {
            if Self::has(Fault::MarksAsRead) {
                office.letters.iter_mut().for_each(|letter| letter.1 = true);
            }
            let item = |letter: &(String, bool)| Item { headers: vec![("mailbox".into(), account.into())], body: letter.0.clone().into() };
            office.letters.iter().skip(after).map(item).collect()
        });
        let next = u8::try_from(after + items.len()).expect("a few");
        Ok(Batch { items, cursor: Some(vec![next]), more: false })
    }
}

fn contract() -> Contract {
    Contract {
        config: |_| String::new(),
        fixtures: FIXTURES,
        bare: Some(Bare { extension: "letter", headers: &[("mailbox", "kota")] }),
        reply: Some(tiny::reply),
        text_limit: Some(50),
        elsewhere: Some(Elsewhere {
            mend: || office(|office| office.mood = Mood::Takes),
            offer: || office(|office| office.letters.push(("id-1\nAda sampah".into(), false))),
            state: || office(|office| format!("{:?}", office.letters.iter().map(|letter| letter.1).collect::<Vec<_>>())),
            troubles: &[
                Trouble { what: "busy", begin: || office(|office| office.mood = Mood::Busy), wanted: Wanted::Throttled(None) },
                Trouble { what: "silence", begin: || office(|office| office.mood = Mood::Silent), wanted: Wanted::Unreachable },
                Trouble { what: "gone", begin: || office(|office| office.mood = Mood::Gone), wanted: Wanted::AnyNo },
            ],
            received: || office(|office| std::mem::take(&mut office.sent)),
        }),
        ..Contract::default()
    }
}

fn said<const FAULT: u8>(contract: Contract) -> String {
    let panic = std::panic::catch_unwind(|| adapter_testkit::poll::<Post<FAULT>>(contract)).expect_err("the broken adapter must not pass");
    panic.downcast_ref::<String>().cloned().expect("a message")
}

#[test]
fn a_good_adapter_of_a_platform_without_http_keeps_every_rule() {
    adapter_testkit::poll::<Post<{ Fault::None as u8 }>>(contract());
}

#[test]
fn the_rules_are_tried_where_the_platform_does_not_speak_http() {
    let marks = said::<{ Fault::MarksAsRead as u8 }>(contract());
    assert_eq!(rules(&marks), ["C6"], "{marks}");
    let busy = said::<{ Fault::BusyIsNo as u8 }>(contract());
    assert_eq!(rules(&busy), ["C7"], "{busy}");
    let cuts = said::<{ Fault::Cuts as u8 }>(contract());
    assert_eq!(rules(&cuts), ["C8"], "{cuts}");
    let forgets = said::<{ Fault::ForgetsTheMailbox as u8 }>(contract());
    assert_eq!(rules(&forgets), ["C2", "C3", "C11"], "{forgets}");
}

#[test]
fn a_platform_without_http_that_shows_no_trouble_is_refused() {
    let elsewhere = contract().elsewhere.map(|elsewhere| Elsewhere { troubles: &[], ..elsewhere });
    let said = said::<{ Fault::None as u8 }>(Contract { elsewhere, ..contract() });
    assert_eq!(rules(&said), ["C7"], "{said}");
}
