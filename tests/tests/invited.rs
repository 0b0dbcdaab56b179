//! An account begins with a link that comes by mail, through a real mail server, and its owner sets the password behind it.

use servers::mail::Mail;
use tests::{Browser, World, eventually};

const RINA: &str = "rina@warga.example.id";
const PASSWORD: &str = "kata-sandi-milik-rina-sendiri";

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_comes_by_mail_and_its_link_opens_the_account_once() {
    let mut world = World::start().await;
    let mail = Mail::start().unwrap_or_else(|problem| panic!("no mail servers for the tests: {problem}"));
    world.mail_by(&mail).await;

    let mut admin = world.signed_in("admin1").await;
    admin.get("/admin/petugas").await;
    let agency = world.ask("select id from agency where code = 'dbm'");
    let fields = [
        ("name", "Rina Contoh"),
        ("login", "rina"),
        ("role", "officer"),
        ("agency", &agency),
        ("office", ""),
        ("mail", RINA),
        ("language", "en"),
    ];
    let shown = admin.post("/admin/petugas", &fields).await;
    assert!(shown.status == 200 && !shown.text.contains("/undangan/") && !shown.text.contains(RINA), "{} {}", shown.status, shown.text);
    let first = link(&mail, &[]).await;
    sets_password(&world, &first).await;
    assert_eq!(signed_in(&world).await, 200);
    assert!(Browser::new(&world.url()).get(&first).await.text.contains("tidak berlaku lagi"), "once");

    // The operator's way, for a password that is lost: what it was opens nothing any more.
    let said = world.muara(&["staff", "invite", "rina", "--mail"]);
    assert!(said.contains("rina: a link goes to ") && !said.contains(RINA) && !said.contains("/undangan/"), "{said}");
    let second = link(&mail, &[&first]).await;
    assert_eq!(signed_in(&world).await, 422);
    sets_password(&world, &second).await;
    assert_eq!(signed_in(&world).await, 200);

    let log = world.log("all");
    for secret in [RINA, "/undangan/", &first, &second] {
        assert!(!log.contains(secret), "{secret} in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_makes_an_account_with_address_and_language() {
    let world = World::start().await;
    let add = ["staff", "add", "rina", "--name", "Rina", "--role", "triage", "--password-file", "password"];
    world.muara(&[&add[..], &["--email", RINA, "--language", "en"]].concat());
    assert_eq!(
        world.ask("select email || ' ' || language from staff join staff_mail on staff = staff.id where login = 'rina'"),
        format!("{RINA} en")
    );
    let refused = world.muara_refuses(&["staff", "add", "tono", "--name", "Tono", "--role", "triage", "--email", "bukan surel"]);
    assert!(refused.contains("bukan surel is no mail address"), "{refused}");
    assert_eq!(world.count("select count(*) from staff where login = 'tono'"), 0);
}

/// The path of the link that came besides those that are known.
async fn link(mail: &Mail, known: &[&str]) -> String {
    let came = || {
        let to_her = mail.sent_to_people().into_iter().filter(|mail| mail.contains(&format!("Envelope-to: {RINA}")));
        to_her.map(|mail| path(&mail)).find(|path| !known.contains(&path.as_str()))
    };
    eventually("a mail with another link comes", || async { came().is_some() }).await;
    came().expect("it was there")
}

fn path(mail: &str) -> String {
    let plain = mail.replace("=\r\n", "").replace("=\n", "");
    let token: String = plain.split_once("/undangan/").expect("a link").1.chars().take_while(char::is_ascii_hexdigit).collect();
    format!("/undangan/{token}")
}

async fn sets_password(world: &World, link: &str) {
    let mut rina = Browser::new(&world.url());
    assert_eq!(rina.get(link).await.status, 200);
    let set = rina.post(link, &[("new", PASSWORD)]).await;
    assert!(set.status < 400, "{} {}", set.status, set.text);
}

async fn signed_in(world: &World) -> u16 {
    let mut rina = Browser::new(&world.url());
    rina.get("/masuk").await;
    rina.post("/masuk", &[("login", "rina"), ("password", PASSWORD)]).await.status
}
