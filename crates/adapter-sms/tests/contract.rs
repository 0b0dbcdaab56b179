//! Every kind of gateway keeps the contract C1 to C12, and every fixture has its snapshot.

mod played;

use std::{collections::BTreeMap, sync::OnceLock};

use adapter_sdk::{Audience, Language, Reply, ReplyId, ReplyKind, ReplyTo, Request, Timestamp, axum::http::Method, outgoing::Url};
use adapter_sms::Sms;
use adapter_testkit::{Canned, Contract, Elsewhere, Probe, Refusal, Trouble, Wanted};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use played::{Centre, Mood, Submitted};
use sha1::Sha1;

const WORD: &str = "word-of-the-gateway";
const PASSWORD: &str = "password-at-the-gateway";
const TOKEN: &str = "token-of-the-account";
const KEY: &str = "key-of-the-signature";

/// What Kannel's status page says when all is well, shortened.
const RUNNING: &str = "<gateway><status>running, uptime 0d</status><boxes><box><type>smsbox</type><status>on-line 0d</status></box></boxes>\
                       <smscs><count>1</count><smsc><admin-id>modem</admin-id><status>online 3s</status></smsc></smscs></gateway>";
/// What a gateway takes in one request: four parts of 153 septets.
const LIMIT: usize = 4 * 153;

#[test]
fn kannel_keeps_the_contract() {
    adapter_testkit::webhook::<Sms>(Contract {
        config: |platform| {
            format!(
                "numbers = [\n\
                 {{ number = '1708', gateway = 'kota', per_second = 1000, keywords = [{{ word = 'BKN', account = '1708-bkn', category = 'kepegawaian' }}] }},\n\
                 {{ number = '1709', gateway = 'kota', without_keyword = 'ignore', keywords = [{{ word = 'LAPOR' }}] }},\n\
                 {{ number = '1710', gateway = 'kota', without_keyword = 'explain', keywords = [{{ word = 'LAPOR' }}] }},\n\
                 ]\n\
                 kannel = {{ kota = {{ secret = '{WORD}', door_url = 'http://127.0.0.1:8106', send_url = '{platform}/cgi-bin/sendsms', username = 'muara', password = '{PASSWORD}', status_url = '{platform}/status.xml', status_password = '{WORD}' }} }}\n"
            )
        },
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/kannel"),
        signed: shows_the_word,
        word_only: true,
        secrets: &[WORD, PASSWORD],
        ignored: &["own-number", "shared-without-keyword", "report-waiting"],
        unparsable: &["no-sender", "no-text", "parts-that-are-none"],
        reply: Some(|| reply("1708-bkn")),
        accepts: || text(202, "0: Accepted for delivery"),
        refusals: || {
            vec![
                Refusal {
                    answer: text(400, "Number(s) has/have been denied by white- and/or black-lists."),
                    wanted: Wanted::Rejected("400".into()),
                },
                Refusal { answer: text(403, "Authorization failed for sendsms"), wanted: Wanted::Unreachable },
                Refusal { answer: text(202, "something else"), wanted: Wanted::Unreachable },
            ]
        },
        text_limit: Some(LIMIT),
        sent_text: |seen| pair(seen.query.as_bytes(), "text"),
        probe: Some(Probe {
            healthy: |platform| {
                platform.at("/cgi-bin/sendsms", text(400, "Missing receiver number, rejected"));
                platform.at("/status.xml", text(200, RUNNING));
            },
            broken: &[
                |platform| platform.at("/cgi-bin/sendsms", text(403, "Authorization failed for sendsms")),
                |platform| platform.at("/status.xml", text(200, "<gateway><status>Denied</status></gateway>")),
                |platform| platform.at("/status.xml", text(200, &RUNNING.replace("smsbox", "wapbox"))),
                |platform| platform.at("/status.xml", text(200, &RUNNING.replace("online", "connecting"))),
            ],
        }),
        ..Contract::default()
    });
}

#[test]
fn twilio_keeps_the_contract() {
    adapter_testkit::webhook::<Sms>(Contract {
        config: |platform| {
            format!(
                "numbers = [{{ number = '+6281200000000', gateway = 'awan', per_second = 1000 }}]\n\
                 twilio = {{ awan = {{ account_sid = 'AC00000000000000000000000000000001', auth_token = '{TOKEN}', door_url = 'https://sms.example.id', api_url = '{platform}' }} }}\n"
            )
        },
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/twilio"),
        signed: signed_by_twilio,
        secrets: &[TOKEN],
        ignored: &["own-number", "help-told", "report-queued"],
        unparsable: &["not-a-message"],
        reply: Some(|| reply("+6281200000000")),
        accepts: || Canned::json(201, r#"{"sid":"SM00000000000000000000000000000009","status":"queued"}"#),
        refusals: || {
            let no = |status, code: u32, wanted| Refusal {
                answer: Canned::json(status, format!(r#"{{"code":{code},"message":"to +6281200000001"}}"#)),
                wanted,
            };
            vec![
                no(400, 21211, Wanted::Rejected("21211".into())),
                no(400, 21610, Wanted::OptedOut),
                no(401, 20003, Wanted::Unreachable),
                no(400, 21606, Wanted::Unreachable),
                no(429, 20429, Wanted::Throttled(None)),
            ]
        },
        text_limit: Some(LIMIT),
        sent_text: |seen| pair(&seen.body, "Body"),
        probe: Some(Probe {
            healthy: |platform| {
                platform.at("/2010-04-01/Accounts/AC00000000000000000000000000000001.json", Canned::json(200, r#"{"status":"active"}"#));
                platform
                    .at("/2010-04-01/Accounts/AC00000000000000000000000000000001/Balance.json", Canned::json(200, r#"{"balance":"12.5"}"#));
            },
            broken: &[
                |platform| {
                    platform
                        .at("/2010-04-01/Accounts/AC00000000000000000000000000000001.json", Canned::json(200, r#"{"status":"suspended"}"#));
                },
                |platform| {
                    platform.at(
                        "/2010-04-01/Accounts/AC00000000000000000000000000000001/Balance.json",
                        Canned::json(200, r#"{"balance":"0"}"#),
                    );
                },
            ],
        }),
        ..Contract::default()
    });
}

#[test]
fn a_described_gateway_keeps_the_contract() {
    adapter_testkit::webhook::<Sms>(Contract {
        config: |platform| {
            format!(
                "numbers = [{{ number = '+6281200000000', gateway = 'lokal', per_second = 1000 }},\n\
                 {{ number = '081200000000', account = 'daftar', gateway = 'daftar', keywords = [{{ word = 'LAPOR' }}] }},\n\
                 {{ number = '1711', gateway = 'hex' }}]\n\
                 [adapter.http.lokal]\nsecret = '{WORD}'\nfrom = 'msisdn'\nto = 'to'\ntext = 'text'\nid = 'messageId'\n\
                 time = 'message-timestamp'\ntime_format = '%Y-%m-%d %H:%M:%S'\npart_reference = 'concat-ref'\npart_of = 'concat-total'\npart_number = 'concat-part'\n\
                 send_url = '{platform}/send'\nsend_body = 'user={{username}}&key={{password}}&to={{to_digits}}&message={{text}}&ref={{reply}}'\nusername = 'kota'\npassword = '{PASSWORD}'\n\
                 success_field = 'status'\nsuccess = ['0']\nsent_id = 'messageId'\nerror_field = 'status'\nthrottled = ['1']\nlater = ['5']\nlocked_out = ['4', '9']\nopted_out = ['7']\n\
                 report_status = 'status'\nreport_id = 'messageId'\nreport_reply = 'ref'\ndelivered = ['delivered']\nsent = ['accepted']\nfailed = ['failed', 'expired']\n\
                 [adapter.http.daftar]\nsecret = '{WORD}'\nlist = 'results'\nfrom = 'from'\nto = 'to'\ntext = 'text'\nid = 'messageId'\ntime = 'receivedAt'\ntime_format = '%Y-%m-%dT%H:%M:%S%.f%z'\n\
                 [adapter.http.hex]\nsecret = '{WORD}'\nfrom = 'from'\ntext = 'text'\nid = 'id'\ntext_coding = 'ucs2_hex'\n"
            )
        },
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/http"),
        signed: shows_the_word,
        word_only: true,
        secrets: &[WORD, PASSWORD],
        ignored: &["report-of-something"],
        unparsable: &["list-elsewhere", "not-json", "not-hex"],
        reply: Some(|| reply("+6281200000000")),
        accepts: || Canned::json(200, r#"{"status":"0","messageId":"out-1"}"#),
        refusals: || {
            let says = |status: &str, wanted| Refusal { answer: Canned::json(200, format!(r#"{{"status":"{status}"}}"#)), wanted };
            vec![
                says("1", Wanted::Throttled(None)),
                says("5", Wanted::Unreachable),
                says("9", Wanted::Unreachable),
                says("7", Wanted::OptedOut),
                says("12", Wanted::Rejected("12".into())),
                Refusal { answer: text(200, "<html>maintenance</html>"), wanted: Wanted::Unreachable },
            ]
        },
        text_limit: Some(LIMIT),
        sent_text: |seen| pair(&seen.body, "message"),
        ..Contract::default()
    });
}

#[test]
fn a_gateway_that_signs_its_bodies_keeps_the_contract() {
    adapter_testkit::webhook::<Sms>(Contract {
        config: |platform| {
            format!(
                "numbers = [{{ number = '+6281200000000', gateway = 'tanda', per_second = 1000 }}]\n\
                 http = {{ tanda = {{ signature_header = 'x-signature', signature_key = '{KEY}', from = 'data.from', text = 'data.text', id = 'data.id', \
                 send_url = '{platform}/v1?from={{from}}', send_type = 'json', send_body = '{{\"to\":\"{{to}}\",\"text\":\"{{text}}\",\"report\":\"{{report_url}}\"}}', \
                 send_headers = {{ authorization = 'Bearer {{password}}' }}, password = '{PASSWORD}', door_url = 'https://sms.example.id', balance_url = '{platform}/balance?key={{password}}', balance_field = 'left' }} }}\n"
            )
        },
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/signed"),
        signed: |request| {
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(KEY.as_bytes()).expect("HMAC takes a key of any length");
            mac.update(&request.body);
            vec![("x-signature".into(), BASE64_STANDARD.encode(mac.finalize().into_bytes()))]
        },
        secrets: &[KEY, PASSWORD],
        reply: Some(|| reply("+6281200000000")),
        accepts: || text(200, "OK"),
        refusals: || vec![Refusal { answer: text(422, ""), wanted: Wanted::Rejected("422".into()) }],
        text_limit: Some(LIMIT),
        probe: Some(Probe {
            healthy: |platform| platform.at("/balance", Canned::json(200, r#"{"left":250000}"#)),
            broken: &[|platform| platform.at("/balance", Canned::json(200, r#"{"left":0}"#))],
        }),
        sent_text: |seen| Some(serde_json::from_slice::<serde_json::Value>(&seen.body).ok()?["text"].as_str()?.to_owned()),
        ..Contract::default()
    });
}

#[test]
fn gammu_keeps_the_contract() {
    adapter_testkit::webhook::<Sms>(Contract {
        config: |_| {
            format!(
                "nameless = 'ignore'\nnumbers = [{{ number = '+6281200000000', gateway = 'modem1' }}]\n\
                 gammu = {{ modem1 = {{ folder = '/nowhere/modem1', config = '/nowhere/smsdrc', inject = '/nowhere/inject', secret = '{WORD}' }} }}\n"
            )
        },
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/gammu"),
        signed: shows_the_word,
        word_only: true,
        secrets: &[WORD],
        ignored: &["network-report", "advertising"],
        unparsable: &["nothing", "not-a-record"],
        ..Contract::default()
    });
}

#[test]
fn an_operators_link_keeps_the_contract() {
    adapter_testkit::webhook::<Sms>(Contract {
        config: |_| {
            format!(
                "nameless = 'ignore'\nnumbers = [{{ number = '1708', gateway = 'operator', per_second = 1000, keywords = [{{ word = 'BKN', account = '1708-bkn' }}] }}]\n\
                 smpp = {{ operator = {{ host = '127.0.0.1', port = {}, system_id = 'muara', password = '{}', patience = 5, message_ids = 'hex_then_decimal', opted_out = [1106], secret = '{WORD}' }} }}\n",
                centre().port,
                played::PASSWORD
            )
        },
        fixtures: concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/smpp"),
        signed: shows_the_word,
        word_only: true,
        secrets: &[WORD, played::PASSWORD],
        ignored: &["own-number", "name-as-sender", "report-waiting", "acknowledged-by-a-telephone"],
        unparsable: &["report-of-nothing", "nobody", "torn", "not-a-pdu", "another-command"],
        reply: Some(|| reply("1708-bkn")),
        text_limit: Some(160),
        elsewhere: Some(Elsewhere {
            mend: || centre().feel(Mood::Fine),
            offer: || {},
            state: String::new,
            troubles: &[
                Trouble { what: "0x0B", begin: || centre().feel(Mood::Refuses(0x0B)), wanted: Wanted::AnyNo },
                Trouble { what: "0x08", begin: || centre().feel(Mood::Refuses(0x08)), wanted: Wanted::Unreachable },
                Trouble { what: "0x0A, our own number", begin: || centre().feel(Mood::Refuses(0x0A)), wanted: Wanted::Unreachable },
                Trouble { what: "0x58", begin: || centre().feel(Mood::Refuses(0x58)), wanted: Wanted::Throttled(None) },
                Trouble { what: "0x14", begin: || centre().feel(Mood::Refuses(0x14)), wanted: Wanted::Throttled(None) },
                Trouble { what: "a code of the operator's own", begin: || centre().feel(Mood::Refuses(1106)), wanted: Wanted::OptedOut },
                Trouble { what: "silence", begin: || centre().feel(Mood::Silent), wanted: Wanted::Unknown },
            ],
            received: || centre().submitted().iter().map(Submitted::text).collect(),
        }),
        // The adapter of the rules before holds its link, so it is asked how that stands.
        probe: Some(Probe { healthy: |_| centre().feel(Mood::Fine), broken: &[] }),
        ..Contract::default()
    });
}

fn centre() -> &'static Centre {
    static CENTRE: OnceLock<Centre> = OnceLock::new();
    CENTRE.get_or_init(Centre::start)
}

fn text(status: u16, body: &str) -> Canned {
    Canned { status, headers: vec![("content-type".into(), "text/html".into())], body: body.into() }
}

fn shows_the_word(_: &Request) -> Vec<(String, String)> {
    vec![("x-gateway-secret".into(), WORD.into())]
}

fn signed_by_twilio(request: &Request) -> Vec<(String, String)> {
    let mut signed = format!("https://sms.example.id{}?{}", request.path, request.query);
    if request.method == Method::POST && request.query_value("bodySHA256").is_none() {
        let url = Url::parse(&format!("http://x.invalid/?{}", String::from_utf8_lossy(&request.body))).expect("a form");
        let fields: BTreeMap<String, String> = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        for (name, value) in fields {
            signed.push_str(&name);
            signed.push_str(&value);
        }
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(signed.as_bytes());
    vec![("x-twilio-signature".into(), BASE64_STANDARD.encode(mac.finalize().into_bytes()))]
}

fn pair(form: &[u8], name: &str) -> Option<String> {
    let url = Url::parse(&format!("http://x.invalid/?{}", String::from_utf8_lossy(form))).ok()?;
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

fn reply(account: &str) -> Reply {
    let to = ReplyTo {
        adapter: "sms".parse().expect("a name"),
        account: account.into(),
        address: "tel:+6281200000001".parse().expect("an address"),
        thread: None,
        audience: Audience::Private,
        open_until: None,
    };
    let text = "Terima kasih. Laporan Anda sudah kami terima.".into();
    let (id, kind) = (ReplyId::new(Timestamp::UNIX_EPOCH), ReplyKind::Received);
    Reply { id, to, kind, language: Language::Id, text, short: Vec::new(), params: BTreeMap::new(), menu: None, files: Vec::new() }
}
