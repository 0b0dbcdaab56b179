//! An operator's short message centre that nobody here wrote: npm's `smpp`, as a child of a test (`smsc/smsc.mjs`).

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use serde_json::{Value, json};
use servers::{Child, free_port, spawn, tied};

use crate::{
    eventually,
    gateways::{debian, open},
};

const PASSWORD: &str = "sandi-op";

/// A running centre.
pub struct Smsc {
    port: u16,
    ca: Option<PathBuf>,
    _child: Child,
    ear: TcpStream,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Smsc {
    /// Starts one; `secured`: with a certificate of its own.
    pub async fn start(folder: &Path, secured: bool) -> Self {
        assert!(
            Path::new("smsc/node_modules/smpp").is_dir(),
            "npm's `smpp` is not here: `cargo xtask test` installs it (npm ci in tests/smsc)"
        );
        let node = debian("node", "nodejs");
        let [port, ear] = [(); 2].map(|()| free_port().expect("a free port"));
        let mut command = tied(&node);
        command.args(["smsc/smsc.mjs", &port.to_string(), &ear.to_string(), PASSWORD]);
        let ca = secured.then(|| certificate(folder));
        if let Some(ca) = &ca {
            command.arg(folder.join("smsc-key.pem")).arg(ca);
        }
        let log = fs::File::create(folder.join("smsc.out")).expect("the folder is ours");
        command.stdout(log.try_clone().expect("a file")).stderr(log).stdin(Stdio::null());
        let child = spawn(command).expect("node starts");
        let ear = open(ear).await;
        let told = Arc::new(Mutex::new(Vec::new()));
        let (lines, kept) = (BufReader::new(ear.try_clone().expect("a socket")), told.clone());
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(serde_json::from_str(&line).expect("JSON"));
            }
        });
        Self { port, ca, _child: child, ear, told }
    }

    /// The `[adapter.smpp.operator]` table that fits it.
    pub fn table(&self) -> String {
        let tls = self.ca.as_ref().map(|ca| format!("tls = true\nca_file = \"{}\"\n", ca.display())).unwrap_or_default();
        format!(
            "[adapter.smpp.operator]\nhost = \"localhost\"\nport = {}\nsystem_id = \"muara\"\npassword = \"{PASSWORD}\"\nenquire = 1\nmessage_ids = \"hex_then_decimal\"\n{tls}",
            self.port
        )
    }

    /// The network has a message for us: these fields of `deliver_sm`. It is brought until it is taken.
    pub fn deliver(&mut self, fields: &Value) {
        self.say(&json!({ "deliver": fields }));
    }

    /// The link breaks.
    pub fn hang_up(&mut self) {
        self.say(&json!({ "hang_up": true }));
    }

    /// What it tells under this word, in order.
    pub fn told(&self, word: &str) -> Vec<Value> {
        self.lines().iter().filter_map(|line| line.get(word).cloned()).collect()
    }

    /// Waits until so many parts went to this telephone, and returns their fields.
    pub async fn hears(&self, to: &str, parts: usize) -> Vec<Value> {
        let to_them = || self.told("submitted").into_iter().filter(|sent| sent["to"] == to).collect::<Vec<_>>();
        eventually(&format!("{to} gets {parts} parts"), || std::future::ready(to_them().len() >= parts)).await;
        to_them()
    }

    fn say(&mut self, what: &Value) {
        writeln!(self.ear, "{what}").expect("it listens");
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Value>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn certificate(folder: &Path) -> PathBuf {
    let certificate = folder.join("smsc-cert.pem");
    let mut openssl = Command::new(debian("openssl", "openssl"));
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]);
    openssl.args(["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.arg("-keyout").arg(folder.join("smsc-key.pem")).arg("-out").arg(&certificate);
    let made = openssl.output().expect("openssl starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    certificate
}
