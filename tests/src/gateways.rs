//! Gateways of text messages that nobody here wrote, as children of a test: Debian's Kannel, on whose far side we play the network, and
//! Gammu SMSD with its dummy telephone. Their configurations are those of `deploy/adapters`, with other ports and folders.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use servers::{Child, free_port, spawn, tied};

use crate::{PATIENCE, eventually};

/// The word at the end of the address that Kannel calls. Protects nothing.
pub const GATEWAY_WORD: &str = "kata-contoh-untuk-uji";
const PASSWORD: &str = "sandi-contoh-untuk-uji";

/// A program of Debian's packages.
pub(crate) fn debian(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|program| program.is_file());
    found.unwrap_or_else(|| panic!("{name} is not here: install Debian's `{package}`, as `cargo xtask test` does when it is root"))
}

/// A running Kannel, and the network behind it.
pub struct Kannel {
    ports: [u16; 4],
    folder: PathBuf,
    _boxes: Vec<Child>,
    network: TcpStream,
    came: Arc<Mutex<Vec<String>>>,
}

impl Kannel {
    /// Starts one that gives every message to the door at this port. `more` goes into `group = core`.
    pub async fn start(folder: &Path, door_port: u16, more: &str) -> Self {
        let folder = folder.join("kannel");
        fs::create_dir_all(folder.join("store")).expect("the folder is ours");
        let ports = [(); 4].map(|()| free_port().expect("a free port"));
        fs::write(folder.join("kannel.conf"), settings(&folder, ports, door_port, more)).expect("the folder is ours");
        let start = |name: &str| {
            let mut command = tied(&debian(name, "kannel"));
            let log = fs::File::create(folder.join(format!("{name}.out"))).expect("the folder is ours");
            command.arg(folder.join("kannel.conf")).stdout(log.try_clone().expect("a file")).stderr(log).stdin(Stdio::null());
            spawn(command).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let bearerbox = start("bearerbox");
        open(ports[1]).await;
        let smsbox = start("smsbox");
        open(ports[2]).await;
        let network = open(ports[3]).await;
        let came = Arc::new(Mutex::new(Vec::new()));
        let (lines, kept) = (BufReader::new(network.try_clone().expect("a socket")), came.clone());
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { ports, folder, _boxes: vec![smsbox, bearerbox], network, came }
    }

    /// The `[adapter.kannel.kota]` table that fits it.
    pub fn table(&self, door_port: u16) -> String {
        table(self.ports, door_port)
    }

    /// The network delivers a message in the line protocol of Kannel's fake network: `text …`, `ucs2 …`, `udh-text <header> …`.
    pub fn deliver(&mut self, from: &str, to: &str, message: &str) {
        writeln!(self.network, "{from} {to} {message}").expect("Kannel listens");
    }

    /// What Kannel gave to the network, in order: `<from> <to> text …`.
    pub fn came(&self) -> Vec<String> {
        self.lines().clone()
    }

    /// Waits for a message to this telephone that holds these words, and returns its text.
    pub async fn hears(&self, to: &str, words: &[&str]) -> String {
        let mut found = None;
        eventually(&format!("{to} hears {words:?}"), || {
            found = self
                .lines()
                .iter()
                .filter(|line| line.split(' ').nth(1) == Some(to))
                .find(|line| words.iter().all(|word| line.contains(word)))
                .cloned();
            std::future::ready(found.is_some())
        })
        .await;
        let line = found.expect("it was found");
        line.split_once(" text ").map(|(_, text)| text.to_owned()).unwrap_or(line)
    }

    /// What it logs.
    pub fn log(&self) -> String {
        ["bearerbox.log", "smsbox.log"].map(|name| fs::read_to_string(self.folder.join(name)).unwrap_or_default()).concat()
    }

    fn lines(&self) -> MutexGuard<'_, Vec<String>> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn table([admin, _, send, _]: [u16; 4], door_port: u16) -> String {
    format!(
        "[adapter.kannel.kota]\nsecret = \"{GATEWAY_WORD}\"\nallow_from = [\"127.0.0.1\"]\ndoor_url = \"http://127.0.0.1:{door_port}\"\n\
         send_url = \"http://127.0.0.1:{send}/cgi-bin/sendsms\"\nusername = \"muara\"\npassword = \"{PASSWORD}\"\n\
         status_url = \"http://127.0.0.1:{admin}/status.xml\"\nstatus_password = \"{PASSWORD}\"\n"
    )
}

/// `deploy/adapters/kannel.conf` with our ports, our folder, and Kannel's fake network in the operator's place.
fn settings(folder: &Path, [admin, boxes, send, network]: [u16; 4], door_port: u16, more: &str) -> String {
    let example = fs::read_to_string("../deploy/adapters/kannel.conf").expect("the example is there");
    let begin = example.find("group = smsc\n").expect("the example has a network");
    let end = begin + example[begin..].find("\n\n").expect("a group ends with an empty line");
    let fake = format!("group = smsc\nsmsc = fake\nsmsc-id = operator\nhost = 127.0.0.1\nport = {network}\nconnect-allow-ip = 127.0.0.1");
    let changed = format!("{}{fake}{}", &example[..begin], &example[end..]);
    let folder = folder.display();
    [
        ("admin-port = 13000", format!("admin-port = {admin}")),
        ("smsbox-port = 13001", format!("smsbox-port = {boxes}\n{more}").trim_end().to_owned()), // an empty line would end the group
        ("sendsms-port = 13013", format!("sendsms-port = {send}")),
        ("127.0.0.1:8106", format!("127.0.0.1:{door_port}")),
        ("/var/spool/kannel/store", format!("{folder}/store")),
        ("/var/log/kannel", folder.to_string()),
        ("WORD-OF-THE-GATEWAY", GATEWAY_WORD.to_owned()),
        ("STATUS-PASSWORD", PASSWORD.to_owned()),
        ("SENDSMS-PASSWORD", PASSWORD.to_owned()),
        ("http-queue-delay = 10", "http-queue-delay = 1".to_owned()),
    ]
    .into_iter()
    .fold(changed, |text, (old, new)| {
        assert!(text.contains(old), "the example has no `{old}` any more");
        text.replace(old, &new)
    })
}

/// Connects as soon as somebody listens there.
pub(crate) async fn open(port: u16) -> TcpStream {
    let since = Instant::now();
    loop {
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => return stream,
            Err(error) => assert!(since.elapsed() < PATIENCE, "nobody listens at {port}: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A running Gammu SMSD with a dummy telephone.
pub struct Gammu {
    folder: PathBuf,
    _smsd: Child,
}

impl Gammu {
    /// Starts one that hands in to `<folder>/modem1`.
    pub async fn start(folder: &Path) -> Self {
        let home = folder.join("gammu");
        for name in ["dummy", "inbox", "outbox", "sent", "error"] {
            fs::create_dir_all(home.join(name)).expect("the folder is ours");
        }
        let hand_in = crate::built("adapter-sms");
        let example = fs::read_to_string("../deploy/adapters/gammu-smsdrc").expect("the example is there");
        let (at, modem) = (home.display().to_string(), folder.join("modem1"));
        fs::create_dir_all(&modem).expect("the folder is ours");
        let settings = [
            (
                "device = /dev/ttyUSB0\nconnection = at",
                format!("model = dummy\nconnection = none\ndevice = {at}/dummy\ngammuloc = /dev/null"),
            ),
            ("/var/spool/gammu", at.clone()),
            (
                "logfile = syslog",
                format!("logfile = {at}/log\nCheckBattery = 0\nCheckSignal = 0\nLoopSleep = 1\nReceiveFrequency = 1\nStatusFrequency = 0"),
            ),
            ("/var/lib/muara-adapter-sms/modem1", modem.display().to_string()),
            ("/usr/bin/adapter-sms", hand_in.display().to_string()),
        ]
        .into_iter()
        .fold(example, |text, (old, new)| {
            assert!(text.contains(old), "the example has no `{old}` any more");
            text.replace(old, &new)
        });
        fs::write(home.join("smsdrc"), settings).expect("the folder is ours");
        fs::write(home.join("gammurc"), format!("[gammu]\nmodel = dummy\nconnection = none\ndevice = {at}/dummy\n"))
            .expect("the folder is ours");
        let mut smsd = tied(&debian("gammu-smsd", "gammu-smsd"));
        let log = fs::File::create(home.join("out")).expect("the folder is ours");
        smsd.arg("-c").arg(home.join("smsdrc")).stdout(log.try_clone().expect("a file")).stderr(log).stdin(Stdio::null());
        let smsd = spawn(smsd).expect("gammu-smsd starts");
        let ready = home.join("dummy/sms/1");
        eventually("the dummy telephone is there", || std::future::ready(ready.is_dir())).await;
        Self { folder: home, _smsd: smsd }
    }

    /// The `[adapter.gammu.modem1]` table that fits it.
    pub fn table(&self) -> String {
        let modem = self.folder.with_file_name("modem1");
        format!("[adapter.gammu.modem1]\nfolder = \"{}\"\nconfig = \"{}\"\n", modem.display(), self.folder.join("smsdrc").display())
    }

    /// A message comes to the telephone.
    pub fn deliver(&self, from: &str, text: &str) {
        let mut gammu = Command::new(debian("gammu", "gammu"));
        gammu.env("LC_ALL", "C.UTF-8").arg("-c").arg(self.folder.join("gammurc"));
        gammu.args(["savesms", "TEXT", "-folder", "1", "-unread", "-sender", from, "-len", "400", "-text", text]);
        let output = gammu.output().expect("gammu starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Waits until the telephone has sent a message with these words; the whole of what SMSD wrote down of it.
    pub async fn sends(&self, words: &[&str]) -> String {
        let mut found = None;
        eventually(&format!("the telephone sends {words:?}"), || {
            let files = fs::read_dir(self.folder.join("sent")).into_iter().flatten().flatten();
            let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
            found = texts.into_iter().find(|text| words.iter().all(|word| text.contains(word)));
            std::future::ready(found.is_some())
        })
        .await;
        found.expect("it was found")
    }
}
