//! Who may call, what they hear, and parts of one message that wait for each other at the door.

use std::{sync::Arc, time::Duration};

use adapter_sdk::{Adapter, Event, Http, Inbound, Raw, Refused, Request, Settings, Webhook, outgoing::Limits};
use adapter_sms::Sms;
use adapter_testkit::TestDoor;

const WORD: &str = "word-of-the-gateway";

fn adapter(more: &str) -> Sms {
    let text = format!(
        "{more}\n[[adapter.numbers]]\nnumber = '1708'\ngateway = 'kota'\nkeywords = [{{ word = 'BKN', account = '1708-bkn' }}]\n\
         [adapter.kannel.kota]\nsecret = '{WORD}'\ndoor_url = 'http://127.0.0.1:8106'\nsend_url = 'http://127.0.0.1:9/'\nusername = 'muara'\npassword = 'x'\n"
    );
    let settings = Settings::layered(&[Sms::DEFAULTS, &format!("[adapter]\n{text}")]).expect("a configuration");
    Sms::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("an adapter")
}

fn request(target: &str) -> Request {
    Request::recorded(format!("GET {target}\n\n").as_bytes()).expect("a request")
}

fn part(number: u8, of: u8, text: &str, id: &str) -> Request {
    let text = text.replace(' ', "+");
    request(&format!(
        "/webhook/{WORD}?gateway=kota&id={id}&from=%2B6281200000001&to=1708&coding=0&charset=UTF-8&udh=%05%00%03%07%{of:02x}%{number:02x}&text={text}"
    ))
}

fn message(adapter: &Sms, raw: &Raw) -> Inbound {
    match adapter.parse(raw).expect("events").as_slice() {
        [Event::Message(inbound)] => (**inbound).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_word_may_stand_at_the_end_of_the_address_and_nothing_else_will_do() {
    let adapter = adapter("");
    let verify = |target: &str| adapter.verify(&request(target));
    assert_eq!(verify(&format!("/webhook/{WORD}?gateway=kota")), Ok(()));
    assert_eq!(verify("/webhook/word-of-the-gatewax?gateway=kota"), Err(Refused::WrongSignature));
    assert_eq!(verify(&format!("/webhook/{WORD}/x?gateway=kota")), Err(Refused::WrongSignature));
    assert_eq!(verify("/webhook?gateway=kota"), Err(Refused::Unsigned));
    assert_eq!(verify(&format!("/webhook/{WORD}?gateway=lain")), Err(Refused::Unsigned), "of a gateway that is not ours");
    assert_eq!(verify(&format!("/webhook/{WORD}")), Err(Refused::Unsigned));
}

#[test]
fn who_may_call_is_held_to_its_addresses_also_behind_a_proxy() {
    let text = "proxies = ['127.0.0.1']\n[[adapter.numbers]]\nnumber = '1708'\ngateway = 'kota'\n[adapter.kannel.kota]\n\
                secret = 'word-of-the-gateway'\nallow_from = ['203.0.113.0/24']\ndoor_url = 'http://127.0.0.1:8106'\nsend_url = 'http://127.0.0.1:9/'\nusername = 'm'\npassword = 'x'\n";
    let settings = Settings::layered(&[Sms::DEFAULTS, &format!("[adapter]\n{text}")]).expect("a configuration");
    let adapter = Sms::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("an adapter");
    let from = |peer: Option<&str>, forwarded: &str| {
        let mut request = request(&format!("/webhook/{WORD}?gateway=kota"));
        request.peer = peer.map(|peer| peer.parse().expect("an address"));
        if !forwarded.is_empty() {
            request.headers.insert("x-forwarded-for", forwarded.parse().expect("a value"));
        }
        adapter.verify(&request)
    };
    assert_eq!(from(Some("203.0.113.9"), ""), Ok(()));
    assert_eq!(from(Some("198.51.100.1"), ""), Err(Refused::Stranger));
    assert_eq!(from(Some("198.51.100.1"), "203.0.113.9"), Err(Refused::Stranger), "only a proxy of ours is believed");
    assert_eq!(from(Some("127.0.0.1"), "198.51.100.1, 203.0.113.9"), Ok(()), "the last one is whom the proxy saw");
    assert_eq!(
        from(Some("127.0.0.1"), "203.0.113.9, 198.51.100.1"),
        Err(Refused::Stranger),
        "what stands before it anybody may have written"
    );
    assert_eq!(from(Some("127.0.0.1"), "203.0.113.9, nonsense"), Err(Refused::Stranger));
    assert_eq!(from(None, ""), Err(Refused::Stranger));
}

#[test]
fn a_gateway_hears_nothing_that_it_could_text_to_the_citizen() {
    let answer = adapter("").accepted(&request(&format!("/webhook/{WORD}?gateway=kota")));
    assert_eq!((answer.status.as_u16(), answer.content_type, answer.body.len()), (200, None, 0));
}

#[tokio::test]
async fn parts_in_any_order_and_twice_become_one_message() {
    let (adapter, door) = (adapter(""), TestDoor::open(&"sms".parse().expect("a name")));
    let parts =
        [(3, "mohon dicek", "c"), (1, "BKN Nama saya ", "a"), (3, "mohon dicek", "c"), (2, "belum ada, ", "b"), (1, "BKN Nama saya ", "a")];
    for (number, text, id) in parts {
        adapter.keep(part(number, 3, text, id), &door.door()).await.expect("it is kept");
    }
    let taken = door.taken().await;
    assert_eq!(taken.len(), 1);
    let inbound = message(&adapter, &taken[0]);
    assert_eq!((inbound.text.as_str(), inbound.key.account.as_str()), ("Nama saya belum ada, mohon dicek", "1708-bkn"));
}

#[tokio::test]
async fn a_part_that_was_lost_is_said_and_nothing_else_is_lost_with_it() {
    let (patient, door) = (adapter("join_wait = 3600"), TestDoor::open(&"sms".parse().expect("a name")));
    patient.keep(part(3, 3, "mohon dicek", "c"), &door.door()).await.expect("it is kept");
    patient.keep(part(1, 3, "BKN Nama saya ", "a"), &door.door()).await.expect("it is kept");
    assert!(door.taken().await.is_empty(), "they wait for the second");
    drop(patient);
    // The process was killed; the next one finds them on the disk, and its wait is over.
    let next = Arc::new(adapter("join_wait = 0"));
    let beside = tokio::spawn(next.clone().begin(door.door()));
    let taken = taken(&door).await;
    assert_eq!(message(&next, &taken[0]).text, "Nama saya [bagian 2 dari 3 tidak sampai] mohon dicek");
    // Late, it goes on alone; once more, it is known.
    for _ in 0..2 {
        next.keep(part(2, 3, "belum ada, ", "b"), &door.door()).await.expect("it is kept");
    }
    let late = door.taken().await;
    assert_eq!(late.len(), 1);
    let late = message(&next, &late[0]);
    assert_eq!(late.text, "[bagian 1 dari 3 tidak sampai] belum ada, [bagian 3 dari 3 tidak sampai]");
    door.door().closing().cancel();
    beside.await.expect("it ends with the door");
}

#[tokio::test]
async fn a_counter_that_comes_round_does_not_mix_two_messages() {
    let (adapter, door) = (adapter(""), TestDoor::open(&"sms".parse().expect("a name")));
    for (number, text, id) in [(1, "BKN satu ", "a"), (1, "BKN dua ", "b"), (2, "selesai", "c")] {
        adapter.keep(part(number, 2, text, id), &door.door()).await.expect("it is kept");
    }
    let texts: Vec<String> = door.taken().await.iter().map(|raw| message(&adapter, raw).text).collect();
    assert_eq!(texts, ["satu [bagian 2 dari 2 tidak sampai]", "dua selesai"]);
}

#[tokio::test]
async fn a_full_door_keeps_no_part_and_says_so() {
    let (adapter, door) = (adapter(""), TestDoor::limited(&"sms".parse().expect("a name"), 1 << 20, 1));
    adapter.keep(part(1, 2, "satu ", "a"), &door.door()).await.expect("it waits beside the spool");
    adapter.keep(part(2, 2, "dua", "b"), &door.door()).await.expect_err("the spool takes nothing");
    assert!(door.taken().await.is_empty());
}

/// Waits until the door has something.
async fn taken(door: &TestDoor) -> Vec<Raw> {
    for _ in 0..3000 {
        let taken = door.taken().await;
        if !taken.is_empty() {
            return taken;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing came through the door")
}
