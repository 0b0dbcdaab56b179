//! A private post office for tests: Dovecot, which holds a mailbox of ours, and Exim, which takes and delivers mail. Nothing leaves the machine:
//! what is for `kota.example.id` lands in our mailbox, what is for `warga.example.id` in one that the test reads, and
//! everything else comes back, as does what is for `hilang@…`; `tolak@…` is refused at once, `nanti@…` for now.

use std::{
    fs::{self, Permissions},
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::{
    Child, Error,
    child::{LOOK_AGAIN, last_words, output},
    error::Doing,
    find::in_path,
    port::free_port,
    spawn,
    testing::Scratch,
    tied,
};

const NAME: &str = "the post office of the tests";
/// Our addresses, each with a mailbox.
pub const ADDRESSES: [&str; 2] = ["aduan@kota.example.id", "info@kota.example.id"];
/// The password of both, for reading and for sending.
pub const PASSWORD: &str = "rahasia-contoh-surat";
/// Far longer than either needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// How Exim treats everybody, until it is told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It takes what it should take.
    Fine,
    /// It says to come back later.
    Busy,
    /// It refuses every recipient for good.
    Refuses,
    /// It says nothing to any recipient.
    Silent,
    /// It takes no mail of more than 50 KB.
    Light,
}

/// Dovecot and Exim. Both end with the value, and with the process however that ends.
#[derive(Debug)]
pub struct Mail {
    folder: Scratch,
    owner: Option<(u32, u32)>,
    user: String,
    ports: Ports,
    /// Where Dovecot asks about a token.
    tokens: Option<String>,
    dovecot: Option<Child>,
    exim: Option<Child>,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    imap: u16,
    imaps: u16,
    smtp: u16,
}

impl Mail {
    /// Starts both.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(None)
    }

    /// Starts both so that they also take `XOAUTH2`: Dovecot asks at this address about each token (RFC 7662), Exim takes the one that
    /// [`Self::take_token`] was told.
    pub fn start_with_tokens(introspection: &str) -> Result<Self, Error> {
        Self::start_with(Some(introspection.to_owned()))
    }

    /// Tells Exim the token of our first address.
    pub fn take_token(&self, token: &str) -> Result<(), Error> {
        self.write("token", token)
    }

    fn start_with(tokens: Option<String>) -> Result<Self, Error> {
        let user = user()?;
        let owner = if rustix::process::geteuid().is_root() { Some((id("-u", &user)?, id("-g", &user)?)) } else { None };
        let ports = Ports { imap: free_port()?, imaps: free_port()?, smtp: free_port()? };
        let mut mail = Self { folder: Scratch::new()?, owner, user, ports, tokens, dovecot: None, exim: None };
        for name in ["mail", "home", "spool", "log"] {
            mail.make_folder(&mail.path(name))?;
        }
        mail.make_certificate()?;
        let users = ADDRESSES.map(|address| format!("{address}:{{PLAIN}}{PASSWORD}::::::\n"));
        mail.write("users", &users.concat())?;
        mail.write("token", "")?;
        if let Some(tokens) = &mail.tokens {
            let asks = "introspection_mode = post\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n";
            mail.write("tokens.conf", &format!("introspection_url = {tokens}\n{asks}"))?;
        }
        mail.write("dovecot.conf", &mail.dovecot_settings())?;
        mail.write("exim.conf", &mail.exim_settings())?;
        mail.start_imap()?;
        mail.start_smtp()?;
        Ok(mail)
    }

    /// Where mail is read, unprotected until STARTTLS.
    pub fn imap_port(&self) -> u16 {
        self.ports.imap
    }

    /// Where mail is read by TLS from the first byte.
    pub fn imaps_port(&self) -> u16 {
        self.ports.imaps
    }

    /// Where mail is sent, unprotected until STARTTLS.
    pub fn smtp_port(&self) -> u16 {
        self.ports.smtp
    }

    /// The file with the certificate of both, for `localhost`.
    pub fn certificate(&self) -> PathBuf {
        self.path("cert.pem")
    }

    /// Starts Dovecot, or starts it again.
    pub fn start_imap(&mut self) -> Result<(), Error> {
        let mut command = tied(&program("dovecot", "dovecot-imapd")?);
        command.arg("-F").arg("-c").arg(self.path("dovecot.conf")).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(self.log("dovecot.err")?);
        self.dovecot = Some(spawn(command).doing(|| "start dovecot".to_owned())?);
        self.answers(self.ports.imap, "dovecot.log")
    }

    /// Stops Dovecot: the mailbox is not there.
    pub fn stop_imap(&mut self) {
        if let Some(mut dovecot) = self.dovecot.take() {
            dovecot.stop(PATIENCE);
        }
    }

    /// Ends it as a power cut would.
    pub fn kill_imap(&mut self) {
        if let Some(mut dovecot) = self.dovecot.take() {
            // Those who serve connections would go on without their master.
            if let Some(group) = i32::try_from(dovecot.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process_group(group, Signal::KILL);
            }
            dovecot.kill();
            // Its children die a moment later than it, and until then hold the ports that the next one wants.
            let until = Instant::now() + PATIENCE;
            let taken = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err();
            while [self.ports.imap, self.ports.imaps].into_iter().any(taken) && Instant::now() < until {
                thread::sleep(LOOK_AGAIN);
            }
        }
    }

    /// Starts Exim, or starts it again.
    pub fn start_smtp(&mut self) -> Result<(), Error> {
        let exim = program("exim4", "exim4-daemon-light")?;
        // It changes its user, and with that loses the signal that would end it with us: a shell that waits for the end of a pipe ends it.
        let mut command = Command::new("sh");
        command
            .args(["-c", r#""$@" & server=$!; cat; kill "$server"; wait "$server""#, "exim"])
            .arg(exim)
            .arg("-C")
            .arg(self.path("exim.conf"));
        command.args(["-bdf", "-q1s"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(self.log("exim.err")?);
        self.exim = Some(spawn(command).doing(|| "start exim".to_owned())?);
        self.answers(self.ports.smtp, "exim.err")
    }

    /// Stops Exim.
    pub fn stop_smtp(&mut self) {
        if let Some(mut exim) = self.exim.take() {
            exim.finish();
        }
    }

    /// Tells Exim how to treat everybody from now on.
    pub fn feel(&self, mood: Mood) -> Result<(), Error> {
        for other in [Mood::Busy, Mood::Refuses, Mood::Silent, Mood::Light] {
            let file = self.path(&format!("{other:?}"));
            if other == mood {
                fs::write(&file, "").doing(|| "tell Exim how to feel".to_owned())?;
            } else if file.exists() {
                fs::remove_file(&file).doing(|| "tell Exim how to feel".to_owned())?;
            }
        }
        Ok(())
    }

    /// Puts a mail into a mailbox of ours, as it is, as a delivery would.
    pub fn deliver(&self, address: &str, mail: &[u8]) -> Result<(), Error> {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let folder = self.path("mail").join(address);
        for part in ["", "tmp", "new", "cur"] {
            self.make_folder(&folder.join(part))?;
        }
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let name = format!("{}.M{number:09}P{}.test", 1_795_000_000 + number, std::process::id());
        let (written, there) = (folder.join("tmp").join(&name), folder.join("new").join(&name));
        let deliver = || {
            fs::write(&written, mail)?;
            self.give(&written)?;
            fs::rename(&written, &there)
        };
        deliver().doing(|| format!("deliver a mail to {address}"))
    }

    /// Sends a mail by Exim, as somebody's program would, without a login. What the server says when it refuses is the error.
    pub fn send(&self, from: &str, to: &str, mail: &str) -> Result<(), String> {
        let told = |problem: std::io::Error| problem.to_string();
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.ports.smtp)).map_err(told)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(told)?;
        let mut replies = BufReader::new(stream.try_clone().map_err(told)?);
        let mut stream = stream;
        answer(&mut replies)?;
        let body = mail.replace("\r\n", "\n").replace("\n.", "\n..").replace('\n', "\r\n");
        for line in
            ["EHLO test.example.id", &format!("MAIL FROM:<{from}>"), &format!("RCPT TO:<{to}>"), "DATA", &format!("{body}\r\n."), "QUIT"]
        {
            stream.write_all(format!("{line}\r\n").as_bytes()).map_err(told)?;
            answer(&mut replies)?;
        }
        Ok(())
    }

    /// Every mail that came for somebody of `warga.example.id`, the oldest first, with the lines in which Exim says for whom.
    pub fn sent_to_people(&self) -> Vec<String> {
        let folder = self.path("mail").join("people/new");
        let mut names: Vec<PathBuf> = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        names.sort();
        names.iter().filter_map(|path| Some(String::from_utf8_lossy(&fs::read(path).ok()?).into_owned())).collect()
    }

    /// Whether Exim still has mail to deliver.
    pub fn is_delivering(&self) -> bool {
        fs::read_dir(self.path("spool/input")).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// The mailbox of one of our addresses, as Dovecot and Exim keep it.
    pub fn mailbox(&self, address: &str) -> PathBuf {
        self.path("mail").join(address)
    }

    /// Makes the UIDs of a mailbox mean other mails, as a mailbox does that was lost and put back.
    pub fn new_uids(&mut self, address: &str) -> Result<(), Error> {
        self.stop_imap();
        let folder = self.mailbox(address);
        for entry in fs::read_dir(&folder).doing(|| "read a mailbox".to_owned())?.flatten() {
            if entry.file_name().to_string_lossy().starts_with("dovecot") {
                fs::remove_file(entry.path()).doing(|| "make a mailbox forget".to_owned())?;
            }
        }
        // Dovecot takes the time in seconds for the new generation; this one is surely another.
        let list = folder.join("dovecot-uidlist");
        fs::write(&list, "3 V1795999999 N1 G0123456789abcdef0123456789abcdef\n").doing(|| "write the list of UIDs".to_owned())?;
        self.give(&list).doing(|| "give the list of UIDs to its owner".to_owned())?;
        self.start_imap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        fs::write(self.path(name), text).doing(|| format!("write {name}"))
    }

    fn log(&self, name: &str) -> Result<fs::File, Error> {
        fs::File::options().create(true).append(true).open(self.path(name)).doing(|| format!("open {name}"))
    }

    fn give(&self, path: &Path) -> std::io::Result<()> {
        self.owner.map_or(Ok(()), |(uid, gid)| chown(path, Some(uid), Some(gid)))
    }

    fn make_folder(&self, folder: &Path) -> Result<(), Error> {
        let make = || {
            fs::create_dir_all(folder)?;
            fs::set_permissions(folder, Permissions::from_mode(0o755))?;
            self.give(folder)
        };
        make().doing(|| format!("make the folder {}", folder.display()))
    }

    fn make_certificate(&self) -> Result<(), Error> {
        let mut openssl = Command::new(program("openssl", "openssl")?);
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=localhost",
        ]);
        openssl.args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]);
        openssl.arg("-keyout").arg(self.path("key.pem")).arg("-out").arg(self.certificate());
        let made = openssl.output().doing(|| "make a certificate".to_owned())?;
        if !made.status.success() {
            return Err(Error::Start { what: NAME, why: String::from_utf8_lossy(&made.stderr).into_owned() });
        }
        self.give(&self.path("key.pem")).doing(|| "give the key to its owner".to_owned())
    }

    fn answers(&mut self, port: u16, log: &str) -> Result<(), Error> {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = [&mut self.dovecot, &mut self.exim].into_iter().flatten().any(|child| child.ended().is_some());
            if ended || Instant::now() > until {
                return Err(Error::Start { what: NAME, why: last_words(&self.path(log)) });
            }
            thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    fn dovecot_settings(&self) -> String {
        let folder = self.folder.path().display();
        let user = &self.user;
        // As ourselves there are no other users to become, and no cage to enter.
        let rootless = if self.owner.is_some() {
            String::new()
        } else {
            let services = ["anvil", "imap-login"].map(|name| format!("service {name} {{\n  chroot =\n}}\n")).concat();
            format!("default_internal_user = {user}\ndefault_login_user = {user}\n{services}")
        };
        // A way to log in asks the database that knows it, and no other.
        let (by_token, of_password) = if self.tokens.is_some() {
            (
                format!(
                    "auth_mechanisms = plain login xoauth2\n\
                     passdb {{\n  driver = oauth2\n  mechanisms = xoauth2\n  args = {folder}/tokens.conf\n}}\n"
                ),
                "  mechanisms = plain login\n",
            )
        } else {
            (String::new(), "")
        };
        let ids = if self.owner.is_some() { format!("uid={user} gid={user} ") } else { String::new() };
        let Ports { imap, imaps, .. } = self.ports;
        format!(
            "protocols = imap\nlisten = 127.0.0.1\nbase_dir = {folder}/run\nstate_dir = {folder}/state\nlog_path = {folder}/dovecot.log\n\
             ssl = yes\nssl_cert = <{folder}/cert.pem\nssl_key = <{folder}/key.pem\ndisable_plaintext_auth = no\nfirst_valid_uid = 1\n\
             mail_location = maildir:{folder}/mail/%u\nmail_max_userip_connections = 100\n{rootless}\
             {by_token}passdb {{\n  driver = passwd-file\n{of_password}  args = {folder}/users\n}}\n\
             userdb {{\n  driver = static\n  args = {ids}home={folder}/home/%u\n}}\n\
             namespace inbox {{\n  inbox = yes\n}}\n\
             service imap-login {{\n  inet_listener imap {{\n    port = {imap}\n  }}\n  inet_listener imaps {{\n    port = {imaps}\n    ssl = yes\n  }}\n}}\n"
        )
    }

    fn exim_settings(&self) -> String {
        let folder = self.folder.path().display();
        let logins: Vec<String> = ADDRESSES.iter().map(|address| format!("{{eq{{$auth2}}{{{address}}}}}")).collect();
        format!(
            "primary_hostname = mx.kota.example.id\ndaemon_smtp_ports = {smtp}\nlocal_interfaces = 127.0.0.1\nspool_directory = {folder}/spool\n\
             log_file_path = {folder}/log/%slog\npid_file_path = {folder}/exim.pid\nkeep_environment =\nnever_users =\ntls_advertise_hosts = *\n\
             tls_certificate = {folder}/cert.pem\ntls_privatekey = {folder}/key.pem\nacl_smtp_rcpt = acl_rcpt\nacl_smtp_data = acl_data\n\
             rfc1413_query_timeout = 0s\nhost_lookup =\n\
             begin acl\nacl_data:\n  deny\n    condition = ${{if exists{{{folder}/Light}}}}\n    condition = ${{if >{{$message_size}}{{50K}}}}\n\
             \x20   message = 552 5.3.4 too large for us\n  accept\n\
             acl_rcpt:\n  warn\n    condition = ${{if exists{{{folder}/Silent}}}}\n    delay = 1h\n\
             \x20 deny\n    condition = ${{if exists{{{folder}/Refuses}}}}\n    message = 554 5.7.1 not from here\n\
             \x20 defer\n    condition = ${{if exists{{{folder}/Busy}}}}\n    message = 451 4.3.2 come back later\n\
             \x20 deny\n    local_parts = tolak\n    message = 550 5.1.1 no such user here\n\
             \x20 defer\n    local_parts = nanti\n    message = 451 4.7.1 come back later\n  accept\n\
             begin routers\ngone:\n  driver = redirect\n  local_parts = hilang\n  data = :fail: 550 5.1.1 no such person\n  allow_fail\n\
             office:\n  driver = accept\n  domains = kota.example.id\n  local_parts = aduan : info\n  local_part_suffix = +*\n  local_part_suffix_optional\n\
             \x20 transport = office\n\
             people:\n  driver = accept\n  domains = warga.example.id\n  transport = people\n\
             begin transports\n\
             office:\n  driver = appendfile\n  maildir_format\n  directory = {folder}/mail/${{local_part_data}}@kota.example.id\n  envelope_to_add\n  return_path_add\n\
             people:\n  driver = appendfile\n  maildir_format\n  directory = {folder}/mail/people\n  envelope_to_add\n  return_path_add\n\
             begin retry\n* * F,1h,1s\n\
             begin authenticators\nplain:\n  driver = plaintext\n  public_name = PLAIN\n  server_prompts = :\n\
             \x20 server_condition = ${{if and{{{{or{{{logins}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}\n  server_set_id = $auth2\n\
             xoauth2:\n  driver = plaintext\n  public_name = XOAUTH2\n  server_prompts = :\n\
             \x20 server_condition = ${{if eq{{$auth1}}{{user={us}\\x01auth=Bearer ${{readfile{{{folder}/token}}{{}}}}\\x01\\x01}}}}\n\
             \x20 server_set_id = {us}\n",
            smtp = self.ports.smtp,
            logins = logins.concat(),
            us = ADDRESSES[0],
        )
    }
}

impl Drop for Mail {
    fn drop(&mut self) {
        self.stop_smtp();
        self.stop_imap();
    }
}

/// The server's answer; an error when it is a no.
fn answer(replies: &mut impl BufRead) -> Result<(), String> {
    loop {
        let mut line = String::new();
        replies.read_line(&mut line).map_err(|problem| problem.to_string())?;
        if line.as_bytes().get(3) != Some(&b'-') {
            return if line.starts_with(['2', '3']) { Ok(()) } else { Err(line.trim().to_owned()) };
        }
    }
}

/// As whom Exim delivers: as root it becomes its own user, else it stays ourselves.
fn user() -> Result<String, Error> {
    if rustix::process::geteuid().is_root() {
        return Ok("Debian-exim".to_owned());
    }
    output(Path::new("id"), &["-un".as_ref()]).doing(|| "ask `id` who we are".to_owned())
}

fn id(of: &str, user: &str) -> Result<u32, Error> {
    let missing = || Error::Missing { what: "the user of Exim", advice: "install `exim4-daemon-light`".to_owned() };
    let text = output(Path::new("id"), &[of.as_ref(), user.as_ref()]).map_err(|_| missing())?;
    text.parse().map_err(|_| missing())
}

/// A program, also where the path of an ordinary user does not lead.
fn program(name: &'static str, package: &str) -> Result<PathBuf, Error> {
    let system = PathBuf::from("/usr/sbin").join(name);
    let found = in_path(name).or_else(|| Some(system).filter(|path| path.is_file()));
    found.ok_or_else(|| Error::Missing { what: name, advice: format!("install `{package}`, or run `cargo xtask test`, which does") })
}

/// The programs that [`Mail`] needs, or which is missing.
pub fn programs() -> Result<(), Error> {
    for (name, package) in [("dovecot", "dovecot-imapd"), ("exim4", "exim4-daemon-light"), ("openssl", "openssl")] {
        program(name, package)?;
    }
    Ok(())
}
