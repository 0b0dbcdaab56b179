//! Calls of every gateway of text messages, and packets of operators' centres.
#![no_main]

use std::sync::LazyLock;

use adapter_sms::Sms;
use libfuzzer_sys::fuzz_target;

static ADAPTER: LazyLock<Sms> = LazyLock::new(|| muara_fuzz::open("[adapter]\nnumbers = [\n\
     { number = '1708', gateway = 'kota', keywords = [{ word = 'BKN', account = '1708-bkn' }, { word = 'LAPOR BKN' }] },\n\
     { number = '1709', gateway = 'modem' }, { number = '1710', gateway = 'awan' }, { number = '1711', gateway = 'lokal' },\n\
     { number = '1712', gateway = 'septet' }, { number = '1713', gateway = 'operator' }]\n\
     smpp = { operator = { host = '127.0.0.1', system_id = 'm', password = 'x', default_alphabet = 'gsm7_packed', message_ids = 'hex_then_decimal' } }\n\
     kannel = { kota = { secret = 'word-of-the-gateway', door_url = 'http://127.0.0.1:1', send_url = 'http://127.0.0.1:1', username = 'm', password = 'x' } }\n\
     gammu = { modem = { folder = '/nowhere' } }\n\
     twilio = { awan = { account_sid = 'AC1', auth_token = 'x', door_url = 'https://sms.example.id' } }\n\
     [adapter.http.lokal]\nsecret = 'word-of-the-gateway'\nlist = 'results'\nfrom = 'from'\nto = 'to'\ntext = 'text'\nid = 'id'\ntime = 'time'\n\
     time_format = '%Y-%m-%d %H:%M:%S'\npart_reference = 'ref'\npart_of = 'of'\npart_number = 'part'\nreport_status = 'status'\n\
     report_reply = 'reply'\nfailed = ['no']\n\
     [adapter.http.septet]\nsecret = 'word-of-the-gateway'\nfrom = 'from'\ntext = 'text'\nudh = 'udh'\ntext_coding = 'gsm7_packed_hex'\n"));

fuzz_target!(|bytes: &[u8]| muara_fuzz::read(&*ADAPTER, bytes));
