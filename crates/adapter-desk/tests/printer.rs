//! Receipt printers and queue numbers: a printer that answers, one that is off, one that takes a call and says nothing.

use adapter_desk::Desk;
use adapter_sdk::{
    Adapter, ClerkToken, DoorDirectory, Timestamp,
    model::{Role, StaffId},
};
use adapter_testkit::{Counter, Filled, StaffKey, small_city};
use tokio::{io::AsyncReadExt, net::TcpListener};
use uuid::Uuid;

fn city() -> DoorDirectory {
    DoorDirectory { staff_key: StaffKey::new(3).public(), ..small_city(Desk::NAME) }
}

fn open(more: &str) -> Counter<Desk> {
    let config = Desk::DEFAULTS.replace("queue = false", "queue = true");
    Counter::open(&format!("{config}\n{more}"), Some(city()), 16 << 20)
}

fn printer(address: &str, at_once: bool) -> String {
    format!("[[adapter.printers]]\noffice = \"kel-melati\"\naddress = \"{address}\"\npaper = \"58\"\nat_once = {at_once}\n")
}

fn cookie(office: &str) -> String {
    let expires_at: Timestamp = "2200-01-01T00:00:00Z".parse().expect("a time");
    let clerk = ClerkToken {
        staff: StaffId(Uuid::from_u128(1)),
        name: "Sari".into(),
        role: Role::Clerk,
        office: office.into(),
        expires_at,
        generation: 0,
    };
    format!("loket={}", StaffKey::new(3).sign(&clerk))
}

const ID: &str = "01a1f6e7-5c40-7000-a000-000000000001";

fn entry() -> Filled {
    Filled::new().text("kiriman", ID).text("isi", "Lampu jalan mati").text("tampil", "hidden")
}

/// A printer on a port of this machine.
async fn listening() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    (listener, address)
}

/// Everything of one connection.
async fn one_print(listener: &TcpListener) -> Vec<u8> {
    let (mut line, _) = listener.accept().await.expect("a caller");
    let mut bytes = Vec::new();
    line.read_to_end(&mut bytes).await.expect("a slip");
    bytes
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

#[tokio::test]
async fn the_offices_printer_gets_each_new_slip_once_and_again_when_asked() {
    let (listener, address) = listening().await;
    let counter = open(&printer(&address, true));
    let cookie = cookie("kel-melati");
    let sent = counter.post("/", &entry(), &[("cookie", &cookie)]).await;
    assert_eq!(sent.status, 303);
    let printed = one_print(&listener).await;
    let page = counter.get(sent.location(), &[("cookie", &cookie)]).await.text;
    let (_, rest) = page.split_once("id=\"nomor\">").expect("a number");
    let number = rest.split_once('<').expect("an end").0;
    assert!(holds(&printed, number) && holds(&printed, "Kelurahan Melati") && !holds(&printed, "Lampu jalan mati"));
    assert!(printed.starts_with(b"\x1b@") && printed.ends_with(b"\x1dVB\0"));
    assert!(holds(&printed, "1P0https://lapor.example.id/t/"), "the printer draws the code by itself");
    // Sent again it is the same entry, and asked for it is printed again: one caller, not two.
    counter.post("/", &entry(), &[("cookie", &cookie)]).await;
    let path = format!("/slip/{ID}/cetak");
    let headers = [("cookie", cookie.as_str())];
    let asking = counter.post_bytes(&path, "application/x-www-form-urlencoded", "", &headers);
    let (asked, second) = tokio::join!(asking, one_print(&listener));
    assert_eq!((asked.status.as_u16(), asked.location()), (303, format!("/slip/{ID}").as_str()));
    assert_eq!(second, printed);
    let page = counter.get(asked.location(), &[("cookie", &cookie)]).await.text;
    assert!(page.contains("Printer loket sudah menerima slip."));
}

#[tokio::test]
async fn a_printer_that_is_off_holds_up_no_entry_and_the_slip_says_so() {
    let (listener, address) = listening().await;
    drop(listener);
    let counter = open(&printer(&address, true));
    let cookie = cookie("kel-melati");
    let sent = counter.post("/", &entry(), &[("cookie", &cookie)]).await;
    assert_eq!((sent.status.as_u16(), counter.kept().await.len()), (303, 1));
    let path = format!("/slip/{ID}/cetak");
    let asked = counter.post_bytes(&path, "application/x-www-form-urlencoded", "", &[("cookie", &cookie)]).await;
    let page = counter.get(asked.location(), &[("cookie", &cookie)]).await.text;
    assert!(page.contains("Printer loket tidak menjawab") && page.contains("Cetak slip"), "the browser can still print");
}

#[tokio::test]
async fn a_slip_is_printed_for_its_own_office_only() {
    let (_listener, address) = listening().await;
    let counter = open(&printer(&address, false));
    counter.post("/", &entry(), &[("cookie", &cookie("kel-melati"))]).await;
    let other = cookie("kel-anggrek");
    let path = format!("/slip/{ID}/cetak");
    assert_eq!(counter.post_bytes(&path, "application/x-www-form-urlencoded", "", &[("cookie", &other)]).await.status, 404);
    assert_eq!(counter.post_bytes(&path, "application/x-www-form-urlencoded", "", &[]).await.status, 403);
    let foreign = [("cookie", cookie("kel-melati")), ("sec-fetch-site", "cross-site".to_owned())];
    let foreign: Vec<(&str, &str)> = foreign.iter().map(|(name, value)| (*name, value.as_str())).collect();
    assert_eq!(counter.post_bytes(&path, "application/x-www-form-urlencoded", "", &foreign).await.status, 403);
}

#[tokio::test]
async fn a_probe_calls_every_printer_and_prints_nothing() {
    let (listener, address) = listening().await;
    let counter = open(&printer(&address, false));
    let (findings, printed) = tokio::join!(counter.adapter.probe(), one_print(&listener));
    assert_eq!((findings.len(), findings[0].seen.as_str(), printed.len()), (1, "takes a call", 0));
    drop(listener);
    let findings = counter.adapter.probe().await;
    assert!(findings[0].advice.is_some(), "{findings:?}");
}

#[test]
fn a_printer_without_a_port_or_a_second_one_is_refused() {
    let twice = format!("{}{}", printer("192.0.2.1:9100", false), printer("192.0.2.2:9100", false));
    for (table, why) in [
        (printer("192.0.2.1", false), "is not `host:port`"),
        (printer(":9100", false), "is not `host:port`"),
        (twice, "names two printers"),
        ("[[adapter.printers]]\noffice = \"a\"\naddress = \"b:9100\"\npaper = \"110\"\n".to_owned(), "110"),
    ] {
        let settings = adapter_sdk::Settings::<adapter_desk::Config>::from_toml(&format!("{}\n{table}", Desk::DEFAULTS));
        let http = adapter_sdk::Http::new(adapter_sdk::outgoing::Limits::default()).expect("a client");
        let error = match settings {
            Ok(settings) => Desk::open(settings.adapter, http).err().expect("refused").to_string(),
            Err(error) => error.to_string(),
        };
        assert!(error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_queue_number_is_given_called_and_tied_to_its_entry() {
    let counter = open("");
    let cookie = cookie("kel-melati");
    let post = async |path: &str| counter.post_bytes(path, "application/x-www-form-urlencoded", "", &[("cookie", &cookie)]).await;
    let given = post("/antrean/ambil").await;
    assert_eq!(given.location(), "/antrean/nomor/1");
    let ticket = counter.get(given.location(), &[("cookie", &cookie)]).await.text;
    assert!(ticket.contains("id=\"nomor\">001<"));
    post("/antrean/ambil").await;
    post("/antrean/panggil").await;
    let queue = counter.get("/antrean", &[("cookie", &cookie)]).await.text;
    assert!(queue.contains("<strong>001</strong>") && queue.contains("Menunggu (1)") && queue.contains("/?antrean=1"), "{queue}");
    let form = counter.get("/?antrean=1", &[("cookie", &cookie)]).await.text;
    assert!(form.contains("name=\"antrean\" value=\"1\""));
    assert_eq!(counter.post("/", &entry().text("antrean", "1"), &[("cookie", &cookie)]).await.status, 303);
    let queue = counter.get("/antrean", &[("cookie", &cookie)]).await.text;
    assert!(!queue.contains("/?antrean=1"), "an entry came of it");
    let screen = counter.get("/antrean/layar", &[("cookie", &cookie)]).await.text;
    assert!(screen.contains(">001<") && screen.contains("1 orang menunggu"));
    let counter = counter.restarted(&Desk::DEFAULTS.replace("queue = false", "queue = true"), Some(city()));
    assert!(counter.get("/antrean", &[("cookie", &cookie)]).await.text.contains("Menunggu (1)"), "a restart forgets nobody");
}

#[tokio::test]
async fn a_queue_number_comes_out_of_the_offices_printer() {
    let (listener, address) = listening().await;
    let counter = open(&printer(&address, true));
    let cookie = cookie("kel-melati");
    let given = counter.post_bytes("/antrean/ambil", "application/x-www-form-urlencoded", "", &[("cookie", &cookie)]).await;
    assert_eq!(given.location(), "/antrean/nomor/1");
    let printed = one_print(&listener).await;
    assert!(holds(&printed, "001") && holds(&printed, "Kelurahan Melati"));
}

#[tokio::test]
async fn without_a_queue_there_is_none() {
    let counter: Counter<Desk> = Counter::open(Desk::DEFAULTS, Some(city()), 16 << 20);
    let cookie = cookie("kel-melati");
    assert_eq!(counter.get("/antrean", &[("cookie", &cookie)]).await.status, 404);
    assert!(!counter.get("/", &[("cookie", &cookie)]).await.text.contains("/antrean"));
}
