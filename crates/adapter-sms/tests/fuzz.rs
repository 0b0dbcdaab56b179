//! Any bytes at any gateway: nothing panics, and what comes out is whole. `MUARA_FUZZ_CASES` says how many are tried.

use std::sync::LazyLock;

use adapter_sdk::{Adapter, Event, Http, Raw, Reference, Settings, Timestamp, TraceId, outgoing::Limits};
use adapter_sms::Sms;
use proptest::prelude::*;

static ADAPTER: LazyLock<Sms> = LazyLock::new(|| {
    let text = "[adapter]\nnumbers = [\n\
        { number = '1708', gateway = 'kota', keywords = [{ word = 'BKN', account = '1708-bkn' }, { word = 'LAPOR BKN' }] },\n\
        { number = '1709', gateway = 'modem' }, { number = '1710', gateway = 'awan' }, { number = '1711', gateway = 'lokal' }, { number = '1712', gateway = 'septet' }, { number = '1713', gateway = 'operator' }]\n\
        smpp = { operator = { host = '127.0.0.1', system_id = 'm', password = 'x', default_alphabet = 'gsm7_packed', message_ids = 'hex_then_decimal' } }\n\
        kannel = { kota = { secret = 'word-of-the-gateway', door_url = 'http://127.0.0.1:1', send_url = 'http://127.0.0.1:1', username = 'm', password = 'x' } }\n\
        gammu = { modem = { folder = '/nowhere' }, modem1 = { folder = '/elsewhere' } }\n\
        twilio = { awan = { account_sid = 'AC1', auth_token = 'x', door_url = 'https://sms.example.id' } }\n\
        [adapter.http.lokal]\nsecret = 'word-of-the-gateway'\nlist = 'results'\nfrom = 'from'\nto = 'to'\ntext = 'text'\nid = 'id'\ntime = 'time'\ntime_format = '%Y-%m-%d %H:%M:%S'\n\
        part_reference = 'ref'\npart_of = 'of'\npart_number = 'part'\nreport_status = 'status'\nreport_reply = 'reply'\nfailed = ['no']\n\
        [adapter.http.septet]\nsecret = 'word-of-the-gateway'\nfrom = 'from'\ntext = 'text'\nudh = 'udh'\ntext_coding = 'gsm7_packed_hex'\n";
    let settings = Settings::layered(&[Sms::DEFAULTS, text]).expect("a configuration");
    Sms::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("an adapter")
});

#[test]
fn no_recorded_message_that_was_disturbed_brings_the_reader_down() {
    adapter_testkit::fuzz(&*ADAPTER, &adapter_testkit::recorded::<Sms>(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures")));
}

fn raw(query: String, content_type: &str, body: Vec<u8>) -> Raw {
    Raw {
        adapter: "sms".parse().expect("a name"),
        received_at: Timestamp::from_second(1_795_300_000).expect("in range"),
        trace: "1".parse::<TraceId>().expect("a trace"),
        query,
        headers: vec![("content-type".into(), content_type.into())],
        body: body.into(),
    }
}

fn whole(raw: &Raw) -> Result<(), TestCaseError> {
    for event in ADAPTER.parse(raw).into_iter().flatten() {
        match event {
            Event::Message(inbound) => {
                prop_assert!((1..=512).contains(&inbound.key.id.len()) && (1..=512).contains(&inbound.key.account.len()));
                prop_assert_eq!(inbound.sender.len(), 1);
                prop_assert_eq!(inbound.reference, Reference::of(&inbound.key, 0));
            }
            Event::Receipt(receipt) => prop_assert!(receipt.reply.is_some() || receipt.platform_id.is_some()),
            Event::OptOut { address } | Event::OptIn { address } => prop_assert_eq!(address.scheme(), "tel"),
            Event::Receipts { .. } | Event::Moved { .. } | Event::Notice(_) | Event::Withdrawn { .. } => {
                prop_assert!(false, "no gateway tells these");
            }
        }
    }
    Ok(())
}

/// A length of something short.
fn octet(length: usize) -> u8 {
    u8::try_from(length).expect("short")
}

/// A value as gateways write it, and as they never would.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[A-Za-z0-9 +#*%]{0,40}",
        2 => "(%[0-9a-f]{2}){0,30}",
        1 => "[0-9]{1,20}",
        1 => "(BKN|bkn|LAPOR BKN|STOP|mulai)[ #*%0-9a-z]{0,20}",
        1 => "\\PC{0,30}",
        1 => Just("0812".repeat(200)),
    ]
}

fn form(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::collection::vec((proptest::sample::select(names), value()), 0..10).prop_map(|pairs| {
        pairs.into_iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).collect::<Vec<_>>().join("&")
    })
}

/// Found by the draws below.
#[test]
fn a_number_of_nothing_but_control_characters_is_no_account() -> Result<(), TestCaseError> {
    whole(&raw("gateway=kota&to=%C2%80&text=&from=A".into(), "", Vec::new()))?;
    whole(&raw("gateway=kota&to=%80&text=&from=A".into(), "", Vec::new()))
}

const KANNEL: &[&str] = &["id", "from", "to", "time", "coding", "charset", "udh", "text", "state", "reply", "at", "answer"];
const OTHERS: &[&str] = &[
    "From",
    "To",
    "Body",
    "MessageSid",
    "MessageStatus",
    "NumMedia",
    "MediaUrl0",
    "OptOutType",
    "from",
    "text",
    "udh",
    "status",
    "reply",
    "ref",
    "of",
    "part",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(adapter_testkit::fuzz_cases()) })]

    #[test]
    fn any_query_of_kannel_gives_whole_events_or_an_error(query in form(KANNEL)) {
        whole(&raw(format!("gateway=kota&{query}"), "", Vec::new()))?;
    }

    #[test]
    fn any_form_of_the_others_does_too(form in form(OTHERS), gateway in proptest::sample::select(&["awan", "septet", "lokal", "modem"][..])) {
        whole(&raw(format!("gateway={gateway}"), "application/x-www-form-urlencoded", form.into_bytes()))?;
    }

    #[test]
    fn any_bytes_do_too(query in "\\PC{0,60}", body in proptest::collection::vec(any::<u8>(), 0..200), json in any::<bool>()) {
        for gateway in ["kota", "awan", "septet", "lokal", "modem", "operator"] {
            whole(&raw(format!("gateway={gateway}&{query}"), if json { "application/json" } else { "" }, body.clone()))?;
        }
    }

    #[test]
    fn any_pdu_of_an_operators_centre_does_too(
        deliver in any::<bool>(), from in "[0-9A-Z+ ]{0,30}", esm_class in any::<u8>(), coding in any::<u8>(), message in proptest::collection::vec(any::<u8>(), 0..160),
        fields in proptest::collection::vec((proptest::sample::select(&[0x001E_u16, 0x020C, 0x020E, 0x020F, 0x0424, 0x0427, 0x1403][..]), proptest::collection::vec(any::<u8>(), 0..20)), 0..6),
        rest in proptest::collection::vec(any::<u8>(), 0..9), query in "(&(id|reply|account)=[0-9a-f-]{0,36}){0,3}",
    ) {
        let fields: Vec<u8> = fields.iter().flat_map(|(tag, value)| [&tag.to_be_bytes()[..], &[0, octet(value.len())], value].concat()).collect();
        let head = [b"\0\x01\x01", from.as_bytes(), b"\0\x00\x011713\0", &[esm_class]].concat();
        let body = if deliver {
            [&head[..], &[0, 0, 0, 0, 0, 0, coding, 0, octet(message.len())], &message, &fields, &rest].concat()
        } else {
            [&head[..], &[0, coding], &fields, &rest].concat()
        };
        let length = u32::try_from(16 + body.len()).expect("short");
        let pdu = [&[length, if deliver { 5 } else { 0x103 }, 0, 7].map(u32::to_be_bytes).concat()[..], &body].concat();
        whole(&raw(format!("gateway=operator{query}"), "application/x-smpp", pdu))?;
    }

    #[test]
    fn any_parts_are_joined_and_nothing_that_arrived_is_left_out(
        of in 2..9_u8, present in proptest::collection::btree_set(1..9_u8, 1..8), words in proptest::collection::vec("[c-z]{3,9}", 9)
    ) {
        let present: std::collections::BTreeSet<u8> = present.into_iter().map(|number| (number - 1) % of + 1).collect();
        let pieces: Vec<serde_json::Value> = present.iter().rev().map(|number| {
            let word = &words[usize::from(*number)];
            let query = format!("gateway=kota&id=p{number}&from=081200000001&to=1708&coding=0&udh=%05%00%03%07%{of:02x}%{number:02x}&text={word}");
            serde_json::json!({ "query": query, "content_type": "", "body": "" })
        }).collect();
        let body = serde_json::to_vec(&pieces).expect("JSON");
        let events = ADAPTER.parse(&raw("gateway=kota".into(), "application/x-muara-parts+json", body)).expect("events");
        let [Event::Message(inbound)] = events.as_slice() else { panic!("{events:?}") };
        let mut rest = inbound.text.as_str();
        for number in &present {
            let (_, after) = rest.split_once(&words[usize::from(*number)]).expect("each part is there, in its order");
            rest = after;
        }
        prop_assert_eq!(inbound.text.contains("tidak sampai"), present.len() < usize::from(of));
    }
}
