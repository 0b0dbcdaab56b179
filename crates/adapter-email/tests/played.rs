//! Mail servers that do what a real one rarely does: take tokens, and keep back a mail that they list.

use std::sync::{Arc, Mutex};

use adapter_email::Email;
use adapter_sdk::{Adapter, Http, Poll, Settings, outgoing::Limits};
use adapter_testkit::{Canned, FakePlatform};
use base64::{Engine, prelude::BASE64_STANDARD};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

const US: &str = "aduan@kota.example.id";

/// A mail server as it is played here.
#[derive(Default)]
struct Played {
    /// Which token it takes.
    token: String,
    /// What it lists; of these it gives out all but `kept_back`.
    mails: u32,
    kept_back: Option<u32>,
    /// The tokens that were shown.
    shown: Mutex<Vec<String>>,
}

async fn start(played: Arc<Played>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, played.clone()));
        }
    });
    port
}

async fn converse(stream: TcpStream, played: Arc<Played>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"* OK ready\r\n").await.ok()?;
    loop {
        let line = read(&mut stream).await?;
        let (tag, command) = line.split_once(' ')?;
        let uid = command.split(' ').nth(2).unwrap_or_default();
        let said = match command.split(' ').take(2).collect::<Vec<_>>().as_slice() {
            ["AUTHENTICATE", "XOAUTH2"] => {
                stream.write_all(b"+ \r\n").await.ok()?;
                let answer = String::from_utf8(BASE64_STANDARD.decode(read(&mut stream).await?).ok()?).ok()?;
                let token = answer.split("Bearer ").nth(1)?.trim_end_matches('\u{1}').to_owned();
                assert!(answer.starts_with(&format!("user={US}\u{1}auth=")), "{answer:?}");
                let right = token == played.token;
                played.shown.lock().expect("nobody panicked").push(token);
                if !right {
                    stream.write_all(b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n").await.ok()?;
                    assert_eq!(read(&mut stream).await?, "", "the error is acknowledged with nothing");
                }
                if right { format!("{tag} OK in\r\n") } else { format!("{tag} NO out\r\n") }
            }
            ["LOGIN", ..] => format!("{tag} OK in\r\n"),
            ["CAPABILITY", ..] => format!("* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n"),
            ["EXAMINE", ..] => {
                let (count, next) = (played.mails, played.mails + 1);
                format!("* {count} EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT {next}] x\r\n{tag} OK [READ-ONLY] x\r\n")
            }
            ["UID", "SEARCH"] => {
                let all: Vec<String> = (1..=played.mails).map(|uid| uid.to_string()).collect();
                format!("* SEARCH {}\r\n{tag} OK\r\n", all.join(" "))
            }
            ["UID", "FETCH"] if command.contains("RFC822.SIZE") => {
                let lines: Vec<String> = uid.split(',').map(|uid| format!("* {uid} FETCH (UID {uid} RFC822.SIZE 60)\r\n")).collect();
                format!("{}{tag} OK\r\n", lines.concat())
            }
            ["UID", "FETCH"] if played.kept_back.is_some_and(|kept| kept.to_string() == uid) => format!("{tag} NO I cannot\r\n"),
            ["UID", "FETCH"] => {
                let mail = format!("From: warga@warga.example.id\r\nSubject: {uid}\r\n\r\nIsi\r\n");
                format!("* {uid} FETCH (UID {uid} BODY[] {{{}}}\r\n{mail})\r\n{tag} OK\r\n", mail.len())
            }
            _ => format!("{tag} OK\r\n"),
        };
        stream.write_all(said.as_bytes()).await.ok()?;
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let count = stream.read_line(&mut line).await.ok()?;
    (count > 0).then(|| line.trim_end().to_owned())
}

fn opened(port: u16, login: &str) -> Email {
    opened_with(port, login, "/dev/null/state")
}

fn opened_with(port: u16, login: &str, state: &str) -> Email {
    let imap = format!("{{ host = '127.0.0.1', port = {port}, security = 'none', user = '{US}', {login} }}");
    let text = format!(
        "[door]\nlisten = '127.0.0.1:0'\n[spool]\nfolder = '/nowhere'\n[adapter]\nstate_folder = '{state}'\nidle = 1\nreply_key = 'kunci-contoh-untuk-uji-yang-panjang'\n\
         accounts = [{{ address = '{US}', imap = {imap}, smtp = {{ host = '127.0.0.1', port = 9, security = 'none' }} }}]\n"
    );
    let settings = Settings::<<Email as Adapter>::Config>::layered(&[Email::DEFAULTS, &text]).unwrap_or_else(|error| panic!("{error}"));
    Email::open(settings.adapter, Http::new(Limits::default()).expect("a client")).expect("it opens")
}

#[tokio::test]
async fn a_token_is_asked_for_and_another_one_when_the_server_does_not_take_it() {
    let giver = FakePlatform::start().await;
    let played = Arc::new(Played { token: "baru".into(), ..Played::default() });
    let port = start(played.clone()).await;
    let oauth = format!(
        "oauth = {{ token_url = '{}/token', client_id = 'kami', client_secret = 'rahasia-giver', refresh_token = 'segar' }}",
        giver.url()
    );
    let email = opened(port, &oauth);

    giver.always(Canned::json(200, r#"{"access_token":"lama","expires_in":3600}"#));
    let error = email.poll(US, None).await.expect_err("the server does not take it");
    assert!(!format!("{error:?}").contains("lama"), "{error:?}");
    giver.always(Canned::json(200, r#"{"access_token":"baru","expires_in":3600,"refresh_token":"lebih segar"}"#));
    email.poll(US, None).await.expect("it does now");
    assert_eq!(*played.shown.lock().expect("nobody panicked"), ["lama", "baru"]);
    let asked: Vec<String> = giver.seen().iter().map(|seen| String::from_utf8_lossy(&seen.body).into_owned()).collect();
    assert_eq!(asked.len(), 2);
    for part in ["grant_type=refresh_token", "refresh_token=segar", "client_id=kami", "client_secret=rahasia-giver"] {
        assert!(asked[0].contains(part), "{part} in {}", asked[0]);
    }

    giver.always(Canned::status(400));
    let refused = opened(port, &oauth).poll(US, None).await.expect_err("no token is given");
    let told = format!("{refused:?}");
    assert!(told.contains("Refused(400)") && !told.contains("segar") && !told.contains("rahasia-giver"), "{told}");
}

/// What the giver was asked with, so far.
fn shown_to(giver: &FakePlatform) -> Vec<String> {
    let bodies = giver.seen().into_iter().map(|seen| String::from_utf8_lossy(&seen.body).into_owned());
    bodies.filter_map(|body| body.split('&').find_map(|pair| pair.strip_prefix("refresh_token=")).map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_refresh_token_that_changes_with_every_use_outlives_a_restart_until_the_configuration_has_another() {
    let giver = FakePlatform::start().await;
    let port = start(Arc::new(Played { token: "masuk".into(), ..Played::default() })).await;
    let folder = tempfile::TempDir::new().expect("a folder");
    let state = folder.path().join("state");
    let email = |first: &str| {
        let oauth = format!("oauth = {{ token_url = '{}/token', client_id = 'kami', refresh_token = '{first}' }}", giver.url());
        opened_with(port, &oauth, &state.display().to_string())
    };
    let now_gives =
        |next: &str| giver.always(Canned::json(200, format!(r#"{{"access_token":"masuk","expires_in":0,"refresh_token":"{next}"}}"#)));

    now_gives("segar-dua");
    email("segar-satu").poll(US, None).await.expect("it lets us in");
    now_gives("segar-tiga");
    email("segar-satu").poll(US, None).await.expect("after a restart too");
    assert_eq!(shown_to(&giver), ["segar-satu", "segar-dua"], "the first one is dead, and the newest was kept");

    now_gives("lain-dua");
    email("lain-satu").poll(US, None).await.expect("the administrator's new one");
    assert_eq!(shown_to(&giver).last().expect("asked"), "lain-satu", "a changed configuration counts at once");
    email("segar-satu").poll(US, None).await.expect("and back");
    assert_eq!(shown_to(&giver).last().expect("asked"), "segar-tiga");

    // What was kept is refused: the configuration's own is tried.
    giver.always(Canned::status(400));
    email("segar-satu").poll(US, None).await.expect_err("neither is taken");
    assert_eq!(shown_to(&giver)[4..], ["lain-dua", "segar-satu"]);

    let files: Vec<_> = std::fs::read_dir(&state).expect("the folder").flatten().collect();
    assert_eq!(files.len(), 2);
    for file in files {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);
        assert!(!file.file_name().to_string_lossy().contains("satu"), "its name shows no token");
    }
}

#[tokio::test]
async fn a_mail_that_the_server_keeps_back_is_left_to_a_person_and_holds_nothing_up() {
    let played = Arc::new(Played { mails: 3, kept_back: Some(2), ..Played::default() });
    let email = opened(start(played).await, "password = 'sandi'");
    let mut cursor = None;
    let (mut bodies, mut refusals) = (Vec::new(), 0);
    while bodies.len() < 3 {
        match email.poll(US, cursor.clone()).await {
            Ok(batch) => {
                cursor = batch.cursor.or(cursor);
                bodies.extend(batch.items.into_iter().map(|item| (item.headers.iter().any(|(name, _)| name == "refused"), item.body)));
            }
            Err(_) => refusals += 1,
        }
        assert!(refusals < 20, "it holds everything up");
    }
    let told: Vec<bool> = bodies.iter().map(|(refused, _)| *refused).collect();
    assert_eq!(told, [false, true, false]);
    assert_eq!(&bodies[1].1[..], b"uid 2");
}
