//! An operator's link: what comes in is on the disk before the centre hears yes, what goes out is cut as the network wants it, and the link comes
//! back by itself.

mod played;

use std::{sync::Arc, time::Duration};

use adapter_sdk::{
    Adapter, Audience, Event, Http, Inbound, Language, Raw, ReceiptState, Reply, ReplyId, ReplyKind, ReplyTo, SendError, Settings, State,
    Timestamp, Webhook, outgoing::Limits,
};
use adapter_sms::{Sms, gsm7};
use adapter_testkit::TestDoor;
use played::{Centre, Mood, PASSWORD, Submitted, deliver, field, pdu};

const SARI: &str = "6281200000001";

fn adapter(centre: &Centre, more: &str) -> Arc<Sms> {
    let text = format!(
        "[adapter]\n[[adapter.numbers]]\nnumber = '1708'\ngateway = 'operator'\nper_second = 1000\nkeywords = [{{ word = 'BKN', account = '1708-bkn' }}]\n\
         [adapter.smpp.operator]\nhost = '127.0.0.1'\nport = {}\nsystem_id = 'muara'\npassword = '{PASSWORD}'\npatience = 5\n{more}\n",
        centre.port
    );
    let settings = Settings::layered(&[Sms::DEFAULTS, &text]).expect("a configuration");
    Arc::new(Sms::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("an adapter"))
}

fn door() -> TestDoor {
    TestDoor::open(&"sms".parse().expect("a name"))
}

/// The adapter beside its door, bound to the centre.
async fn bound(centre: &Centre, more: &str, door: &TestDoor) -> (Arc<Sms>, tokio::task::JoinHandle<()>) {
    let (adapter, before) = (adapter(centre, more), centre.binds());
    let beside = tokio::spawn(adapter.clone().begin(door.door()));
    until("it is bound", || centre.binds() > before).await;
    (adapter, beside)
}

/// Waits for a state, however long a busy machine takes.
async fn until(what: &str, yes: impl Fn() -> bool) {
    for _ in 0..6000 {
        if yes() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came: {what}");
}

/// Everything that is behind the door when so many messages are.
async fn taken(door: &TestDoor, count: usize) -> Vec<Raw> {
    let mut all = Vec::new();
    for _ in 0..6000 {
        all.extend(door.taken().await);
        if all.len() >= count {
            return all;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("only {} of {count} came through the door", all.len())
}

fn message(adapter: &Sms, raw: &Raw) -> Inbound {
    match adapter.parse(raw).expect("events").as_slice() {
        [Event::Message(inbound)] => (**inbound).clone(),
        other => panic!("{other:?}"),
    }
}

fn septets(text: &str) -> Vec<u8> {
    gsm7::encode(text).expect("plain")
}

/// More than one part holds.
fn many_words() -> String {
    (0..60).map(|n| format!("kata{n}")).collect::<Vec<_>>().join(" ")
}

fn reply(text: &str) -> Reply {
    let to = ReplyTo {
        adapter: "sms".parse().expect("a name"),
        account: "1708-bkn".into(),
        address: "tel:+6281200000001".parse().expect("an address"),
        thread: None,
        audience: Audience::Private,
        open_until: None,
    };
    let (id, kind) = (ReplyId::new(Timestamp::UNIX_EPOCH), ReplyKind::Received);
    Reply { id, to, kind, language: Language::Id, text: text.into(), short: Vec::new(), params: [].into(), menu: None, files: Vec::new() }
}

#[tokio::test]
async fn every_alphabet_is_read_and_the_centre_hears_yes_when_it_is_on_the_disk() {
    let (centre, door) = (Centre::start(), door());
    let (adapter, _beside) = bound(&centre, "", &door).await;
    let utf16: Vec<u8> = "Banjir 🌊 di Senen".encode_utf16().flat_map(u16::to_be_bytes).collect();
    let texts: [(u8, Vec<u8>, &str); 4] = [
        (0, septets("bkn#Jalan [rusak] @ pasar €"), "Jalan [rusak] @ pasar €"),
        (3, b"Caf\xe9 ditutup".to_vec(), "Café ditutup"),
        (8, utf16, "Banjir 🌊 di Senen"),
        (0xF1, septets("Lampu mati"), "Lampu mati"),
    ];
    for (sequence, (coding, octets, _)) in (10..).zip(&texts) {
        centre.write(&deliver(sequence, SARI, 0, *coding, octets, &[]));
    }
    let raws = taken(&door, 4).await;
    for (raw, (.., wanted)) in raws.iter().zip(&texts) {
        assert_eq!(message(&adapter, raw).text, *wanted);
    }
    assert_eq!(&raws[1].body[..], deliver(11, SARI, 0, 3, b"Caf\xe9 ditutup", &[]), "octet for octet");
    assert_eq!(message(&adapter, &raws[0]).key.account, "1708-bkn");
    until("all are answered", || centre.answers() == [(10, 0), (11, 0), (12, 0), (13, 0)]).await;
    // Neither of these has words.
    centre.write(&deliver(20, SARI, 0, 4, &[0, 1, 2, 0xFF], &[]));
    centre.write(&deliver(21, SARI, 0x40, 0, &[6, 5, 4, 0x0B, 0x84, 0, 0, b'x'], &[]));
    for raw in taken(&door, 2).await {
        assert!(message(&adapter, &raw).unreadable.is_some());
    }
}

#[tokio::test]
async fn an_operator_whose_default_alphabet_is_another_one_is_understood_when_the_setting_says_so() {
    for (setting, octets) in [("latin1", b"Jalan rusak @ pasar".to_vec()), ("gsm7_packed", gsm7::pack(&septets("Jalan rusak @ pasar"), 0))]
    {
        let (centre, door) = (Centre::start(), door());
        let (adapter, _beside) = bound(&centre, &format!("default_alphabet = '{setting}'"), &door).await;
        centre.write(&deliver(1, SARI, 0, 0, &octets, &[]));
        assert_eq!(message(&adapter, &taken(&door, 1).await[0]).text, "Jalan rusak @ pasar", "{setting}");
        adapter.send(&reply("Terima kasih @ kota")).await.expect("it is sent");
        let wanted = if setting == "latin1" { b"Terima kasih @ kota".to_vec() } else { gsm7::pack(&septets("Terima kasih @ kota"), 0) };
        assert_eq!(centre.submitted()[0].message, wanted, "{setting}");
    }
}

#[tokio::test]
async fn parts_are_joined_however_the_centre_marks_them() {
    let (centre, door) = (Centre::start(), door());
    let (adapter, _beside) = bound(&centre, "", &door).await;
    let header = |number: u8, text: &str| [&[5, 0, 3, 7, 2, number][..], &septets(text)].concat();
    centre.write(&deliver(1, SARI, 0x40, 0, &header(2, "di depan pasar"), &[]));
    centre.write(&deliver(2, SARI, 0x40, 0, &header(1, "BKN Jalan rusak "), &[]));
    assert_eq!(message(&adapter, &taken(&door, 1).await[0]).text, "Jalan rusak di depan pasar");
    let sar = |number: u8| [field(0x020C, &[1, 9]), field(0x020E, &[2]), field(0x020F, &[number])].concat();
    centre.write(&deliver(3, SARI, 0, 0, &septets("Lampu mati "), &sar(1)));
    centre.write(&deliver(4, SARI, 0, 0, &septets("di Menteng"), &sar(2)));
    assert_eq!(message(&adapter, &taken(&door, 1).await[0]).text, "Lampu mati di Menteng");
    let long = "Sampah menumpuk. ".repeat(60);
    centre.write(&deliver(5, SARI, 0, 3, &[], &field(0x0424, long.as_bytes())));
    assert_eq!(message(&adapter, &taken(&door, 1).await[0]).text, long.trim_end());
    until("all are answered", || centre.answers().iter().filter(|(_, code)| *code == 0).count() == 5).await;
}

#[tokio::test]
async fn a_full_spool_makes_the_centre_deliver_again_and_nothing_is_lost() {
    let centre = Centre::start();
    let full = TestDoor::limited(&"sms".parse().expect("a name"), 1 << 20, 1);
    let (_adapter, beside) = bound(&centre, "", &full).await;
    centre.write(&deliver(7, SARI, 0, 0, &septets("Jalan rusak"), &[]));
    until("it is answered", || centre.answers() == [(7, 0x64)]).await;
    assert!(full.taken().await.is_empty());
    full.door().closing().cancel();
    beside.await.expect("it ends with the door");
    until("it said good-bye", || centre.good_byes() == 1).await;
}

#[tokio::test]
async fn what_is_delivered_again_after_the_link_broke_is_one_message_and_what_is_said_twice_is_two() {
    let (centre, door) = (Centre::start(), door());
    let (adapter, beside) = bound(&centre, "", &door).await;
    let says = |sequence: u32| centre.write(&deliver(sequence, SARI, 0, 0, &septets("1"), &[]));
    says(1);
    says(2);
    until("both are answered", || centre.answers().len() == 2).await;
    let two = taken(&door, 2).await;
    let keys: Vec<String> = two.iter().map(|raw| message(&adapter, raw).key.id).collect();
    assert_ne!(keys[0], keys[1], "the same word twice is two answers");
    // The link breaks before anybody knows whether the yes arrived; the adapter is killed with it.
    drop(adapter);
    beside.abort();
    centre.hang_up();
    let (adapter, _beside) = bound(&centre, "", &door).await;
    says(1);
    let again = taken(&door, 1).await;
    assert_eq!(message(&adapter, &again[0]).key.id, keys[1], "the last of those that may not have been heard");
}

#[tokio::test]
async fn a_long_answer_is_cut_in_three_ways_and_only_its_first_part_is_reported_on() {
    let words = many_words();
    let wide = "Banjir 🌊 ".repeat(20);
    for setting in ["udh", "sar", "payload"] {
        let (centre, door) = (Centre::start(), door());
        let (adapter, _beside) = bound(&centre, &format!("long_texts = '{setting}'"), &door).await;
        for text in [words.as_str(), wide.trim()] {
            let sent = adapter.send(&reply(text)).await.expect("it is sent");
            assert_eq!(sent.platform_id.as_deref(), Some("1a"), "the first part's");
            let parts = centre.submitted();
            assert_eq!(parts.iter().map(Submitted::text).collect::<String>(), text, "{setting}");
            assert!(parts.iter().all(|part| part.to == "6281200000001" && part.from == "1708"));
            let reports: Vec<u8> = parts.iter().map(|part| part.report).collect();
            assert_eq!(reports.iter().sum::<u8>(), 1, "{setting}");
            match setting {
                "payload" => assert_eq!(parts.len(), 1),
                "sar" => assert!(parts.len() > 1 && parts.iter().all(|part| part.fields.len() == 3 && part.message.len() <= 153)),
                _ => assert!(parts.len() > 1 && parts.iter().all(|part| part.esm_class == 0x40 && part.message.len() <= 159)),
            }
        }
    }
}

#[tokio::test]
async fn reports_are_understood_in_fields_and_in_words_with_ids_in_hex_and_in_decimal() {
    let (centre, door) = (Centre::start(), door());
    let (adapter, _beside) = bound(&centre, "message_ids = 'hex_then_decimal'", &door).await;
    let answer = reply("Terima kasih");
    let sent = adapter.send(&answer).await.expect("it is sent");
    assert_eq!(sent.platform_id.as_deref(), Some("26"), "0x1a");
    let words = |id: &str, stat: &str, err: &str| {
        format!("id:{id} sub:001 dlvrd:001 submit date:2611210900 done date:2611210901 stat:{stat} err:{err} text:Terima")
    };
    let told = |number: u32, message: &[u8], fields: &[u8]| centre.write(&deliver(number, SARI, 0x04, 0, message, fields));
    told(1, words("0000000026", "DELIVRD", "000").as_bytes(), &[]);
    told(2, words("0000000026", "UNDELIV", "011").as_bytes(), &[]);
    told(3, b"", &[field(0x001E, b"26"), field(0x0427, &[5])].concat());
    told(4, words("0000000026", "ENROUTE", "000").as_bytes(), &[]);
    told(5, words("99", "DELIVRD", "000").as_bytes(), &[]);
    let raws = taken(&door, 5).await;
    let receipts: Vec<_> = raws
        .iter()
        .map(|raw| match adapter.parse(raw).expect("events").as_slice() {
            [Event::Receipt(receipt)] => Some(receipt.clone()),
            [] => None,
            other => panic!("{other:?}"),
        })
        .collect();
    let failed = |code: &str| ReceiptState::Failed { code: code.into(), detail: "the network could not deliver it".into() };
    let states: Vec<Option<ReceiptState>> = receipts.iter().map(|receipt| receipt.as_ref().map(|receipt| receipt.state.clone())).collect();
    assert_eq!(
        states,
        [Some(ReceiptState::Delivered), Some(failed("UNDELIV 011")), Some(failed("UNDELIV")), None, Some(ReceiptState::Delivered)]
    );
    let ours = receipts[0].as_ref().expect("there");
    assert_eq!((ours.reply, ours.account.as_str(), ours.platform_id.as_deref()), (Some(answer.id), "1708-bkn", Some("26")));
    let foreign = receipts[4].as_ref().expect("there");
    assert_eq!((foreign.reply, foreign.account.as_str(), foreign.platform_id.as_deref()), (None, "1708", Some("99")));
}

#[tokio::test]
async fn a_link_that_breaks_or_falls_silent_comes_back_and_an_answer_of_unknown_fate_is_not_sent_again() {
    let (centre, door) = (Centre::start(), door());
    let (adapter, _beside) = bound(&centre, "enquire = 1", &door).await;
    until("it asks whether the centre is there", || centre.enquired() > 0).await;
    centre.feel(Mood::Silent);
    let unknown = adapter.send(&reply("Terima kasih")).await;
    assert!(matches!(unknown, Err(SendError::Unknown { .. })), "{unknown:?}");
    // It leaves the silent link by itself; until it has, the centre stays silent, or the link would be well again.
    until("it is bound again", || centre.binds() > 1).await;
    centre.feel(Mood::Fine);
    let before = centre.binds();
    centre.hang_up();
    until("it is bound once more", || centre.binds() > before).await;
    let mut sent = adapter.send(&reply("Terima kasih")).await;
    while matches!(sent, Err(SendError::Unreachable(_))) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        sent = adapter.send(&reply("Terima kasih")).await;
    }
    sent.expect("it is sent");
}

#[tokio::test]
async fn throttled_in_the_middle_of_a_long_answer_it_goes_on_there() {
    let (centre, door) = (Centre::start(), door());
    let (adapter, _beside) = bound(&centre, "", &door).await;
    let answer = reply(&many_words());
    centre.feel(Mood::Refuses(0x58));
    assert!(matches!(adapter.send(&answer).await, Err(SendError::Throttled(Some(_)))));
    centre.feel(Mood::Fine);
    adapter.send(&answer).await.expect("it goes on");
    let text: String = centre.submitted().iter().map(Submitted::text).collect();
    assert_eq!(text, answer.text, "no part twice, none left out");
}

#[tokio::test]
async fn a_wrong_password_is_told_apart_from_a_link_that_is_held_and_from_nobody() {
    let centre = Centre::start();
    let probed = async |more: &str| {
        let found = adapter(&centre, more).probe().await;
        assert!(found.iter().all(|finding| !format!("{finding:?}").contains(PASSWORD)));
        found[0].clone()
    };
    assert_eq!(probed("").await.state, State::Fine);
    until("it said good-bye", || centre.good_byes() == 1).await;
    centre.feel(Mood::Locked(0x05));
    assert_eq!(probed("").await.state, State::Fine, "we are there already");
    centre.feel(Mood::Locked(0x0E));
    let wrong = probed("").await;
    assert!(wrong.state == State::Wrong && wrong.advice.is_some(), "{wrong:?}");
    let nobody = probed("tls = true").await;
    assert_eq!(nobody.state, State::Wrong, "{nobody:?}");
}

#[tokio::test]
async fn what_is_no_smpp_ends_the_link_and_a_command_that_we_do_not_have_does_not() {
    let (centre, door) = (Centre::start(), door());
    let (adapter, _beside) = bound(&centre, "", &door).await;
    centre.write(&pdu(0x07, 0, 3, b"\0"));
    centre.write(&deliver(4, SARI, 0, 0, &septets("Jalan rusak"), &[]));
    until("the link still stands", || centre.answers() == [(4, 0)]).await;
    // Torn inside, whole outside: kept for a person, and answered, or the centre would bring it for ever.
    centre.write(&pdu(0x05, 0, 5, b"\0\x01\x01torn"));
    until("it is answered", || centre.answers().len() == 2).await;
    let raws = taken(&door, 2).await;
    assert!(adapter.parse(&raws[1]).is_err());
    centre.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    until("it begins a new link", || centre.binds() == 2).await;
}
