//! What nobody has to write by hand for a Muara on one machine: the settings of each program, its secrets, its ports.

use std::{
    fmt::Write as _,
    fs::{self, File, Permissions},
    io::Write as _,
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use crate::{say, workspace::root};

/// The id of the WhatsApp number that the starting directory and the simulator know.
const WHATSAPP_NUMBER: &str = "100000000000001";
/// The number of the account on X that the simulator knows.
pub(crate) const X_ACCOUNT: &str = "1000000000000000001";
/// The starting directory that is loaded into an empty database.
const DIRECTORY: &str = "deploy/directory/jakarta";

/// Which port each program gets.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) web: u16,
    pub(crate) whatsapp: u16,
    pub(crate) form: u16,
    pub(crate) desk: u16,
    pub(crate) email: u16,
    pub(crate) x: u16,
    pub(crate) import: u16,
    pub(crate) figures: u16,
    pub(crate) nats: u16,
    pub(crate) graph: u16,
    pub(crate) x_api: u16,
}

impl Ports {
    pub(crate) fn from(base: u16) -> Result<Ports> {
        if !(1024..=65_000).contains(&base) {
            bail!("--port-base has to lie between 1024 and 65000");
        }
        Ok(Ports {
            web: base,
            whatsapp: base + 1,
            form: base + 2,
            desk: base + 3,
            email: base + 5,
            x: base + 7,
            import: base + 8,
            figures: base + 9,
            nats: base + 10,
            graph: base + 20,
            x_api: base + 21,
        })
    }

    /// An error that names the first port on which somebody listens already.
    pub(crate) fn are_free(self) -> Result<()> {
        for port in [
            self.web,
            self.whatsapp,
            self.form,
            self.desk,
            self.email,
            self.x,
            self.import,
            self.figures,
            self.nats,
            self.graph,
            self.x_api,
        ] {
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
                bail!(
                    "somebody listens on port {port} already, perhaps another `cargo xtask up`. Stop that one, or take other ports with --port-base 9100"
                );
            }
        }
        Ok(())
    }
}

/// A Muara on this machine.
pub(crate) struct House {
    pub(crate) data: PathBuf,
    pub(crate) ports: Ports,
}

impl House {
    /// The data folder: the one that is named, else `data` here, else `/var/lib/muara` where the database's user cannot enter here.
    pub(crate) fn open(named: Option<&Path>, ports: Ports) -> Result<House> {
        let data = named.map_or_else(default_folder, make_folder)?;
        servers::can_hold_postgres(&data)?;
        // The database's user has to pass through, and keeps its own folder closed. Everything else is ours alone: it holds what citizens wrote.
        fs::set_permissions(&data, Permissions::from_mode(0o711))?;
        for folder in ["files", "nats", "secrets", "settings", "spool"] {
            fs::set_permissions(make_folder(&data.join(folder))?, Permissions::from_mode(0o700))?;
        }
        Ok(House { data, ports })
    }

    /// The settings of `muara all`.
    pub(crate) fn muara(&self) -> Result<PathBuf> {
        let Ports { web, desk, import, nats, figures, .. } = self.ports;
        let (data, directory, vault) = (quoted(&self.data), quoted(&root().join(DIRECTORY)), quoted(&self.vault()?));
        self.write(
            "muara.toml",
            &format!(
                "[site]\nbase_url = \"http://127.0.0.1:{web}\"\n\n[data]\nfolder = {data}\nseed = {directory}\n\n[database]\nprivate = true\n\n\
                 [bus]\nprivate = true\nport = {nats}\n\n[metrics]\nlisten = \"127.0.0.1:{figures}\"\n\n[web]\nlisten = \"127.0.0.1:{web}\"\ndesk_url = \"http://127.0.0.1:{desk}\"\nimport_url = \"http://127.0.0.1:{import}\"\n\n[vault]\nkeys_file = {vault}\n"
            ),
        )
    }

    /// The settings of the WhatsApp adapter, with the simulator in Meta's place.
    pub(crate) fn whatsapp(&self) -> Result<PathBuf> {
        let mut text = self.adapter("whatsapp", self.ports.whatsapp, "/webhook")?;
        let _ = write!(
            text,
            "\n[adapter]\napp_secret_file = {}\nverify_token_file = {}\ngraph_url = \"http://127.0.0.1:{}\"\n\n\
             [[adapter.accounts]]\nphone_number_id = \"{WHATSAPP_NUMBER}\"\naccess_token_file = {}\nlabel = \"WhatsApp (nomor uji)\"\n",
            quoted(&self.secret("whatsapp-app-secret")?),
            quoted(&self.secret("whatsapp-verify-token")?),
            self.ports.graph,
            quoted(&self.secret("whatsapp-access-token")?),
        );
        self.write("whatsapp.toml", &text)
    }

    /// The settings of the citizens' form.
    pub(crate) fn form(&self) -> Result<PathBuf> {
        self.write("web.toml", &self.adapter("web", self.ports.form, "/")?)
    }

    /// The settings of the desk.
    pub(crate) fn desk(&self) -> Result<PathBuf> {
        let table = format!("queue = true\ncore_url = \"http://127.0.0.1:{}\"\n", self.ports.web);
        self.write("desk.toml", &(self.adapter("desk", self.ports.desk, "/")? + "\n[adapter]\n" + &table))
    }

    /// Whether adapter-rtrw has its credential for the bus.
    pub(crate) fn knows_import(&self) -> bool {
        self.data.join("nats-keys/adapter-rtrw.nk").exists()
    }

    /// The settings of the import of group chats.
    pub(crate) fn import(&self) -> Result<PathBuf> {
        self.write("rtrw.toml", &self.adapter("rtrw", self.ports.import, "/")?)
    }

    /// Whether there is a mailbox: `email.toml` in the data folder, written by hand.
    pub(crate) fn has_mail(&self) -> bool {
        self.data.join("email.toml").exists()
    }

    /// The settings of the mail adapter: our door, and the `[adapter]` table of `email.toml`. `None` without that.
    pub(crate) fn email(&self) -> Result<Option<PathBuf>> {
        if !self.has_mail() {
            return Ok(None);
        }
        if !self.data.join("nats-keys/adapter-email.nk").exists() {
            say::without(
                "The mailbox waits for its channel: `muara channel add email --account … --label …` makes its key. Then start again.",
            );
            return Ok(None);
        }
        let own = self.data.join("email.toml");
        let table = fs::read_to_string(&own).with_context(|| format!("cannot read {}", own.display()))?;
        let text = format!("{}\n{table}", self.adapter("email", self.ports.email, "/")?);
        self.write("email.toml", &text).map(Some)
    }

    /// Whether adapter-x has its credential for the bus.
    pub(crate) fn knows_x(&self) -> bool {
        self.data.join("nats-keys/adapter-x.nk").exists()
    }

    /// The settings of the adapter for X, with the simulator in X's place: its keys are no secret.
    pub(crate) fn x(&self) -> Result<PathBuf> {
        let state = make_folder(&self.data.join("spool/x-state"))?;
        let mut text = self.adapter("x", self.ports.x, "/")?;
        let _ = write!(
            text,
            "\n[adapter]\napi_url = \"http://127.0.0.1:{}\"\nstate_folder = {}\nevery = \"2s\"\nsettle = \"1s\"\nbudget.monthly = 0.0\n\n\
             [[adapter.accounts]]\nuser_id = \"{X_ACCOUNT}\"\nusername = \"lapor_contoh\"\nhashtags = [\"LAPORCONTOH\"]\ndirect_messages = true\n\
             label = \"X (akun uji)\"\nconsumer_key = \"simulator-key\"\nconsumer_secret = \"simulator&secret\"\n\
             access_token = \"{X_ACCOUNT}-simulator\"\naccess_token_secret = \"simulator=token secret\"\n",
            self.ports.x_api,
            quoted(&state),
        );
        self.write("x.toml", &text)
    }

    /// What the simulator is told, to play Meta's side.
    pub(crate) fn graph(&self) -> Result<Vec<String>> {
        let file = |name: &str| self.secret(name).map(|path| path.display().to_string());
        Ok(vec![
            "--listen".to_owned(),
            format!("127.0.0.1:{}", self.ports.graph),
            "--access-token-file".to_owned(),
            file("whatsapp-access-token")?,
            "--app-secret-file".to_owned(),
            file("whatsapp-app-secret")?,
            "--phone-number-id".to_owned(),
            WHATSAPP_NUMBER.to_owned(),
        ])
    }

    /// Where the first logins were written when the accounts were made.
    pub(crate) fn first_logins(&self) -> PathBuf {
        self.data.join("first-logins.txt")
    }

    /// The file of a secret, made at its first use and kept.
    pub(crate) fn secret(&self, name: &str) -> Result<PathBuf> {
        let path = self.data.join("secrets").join(name);
        if !path.exists() {
            let mut bytes = [0; 24];
            getrandom::fill(&mut bytes).context("the operating system gives no random bytes")?;
            let text = bytes.iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
            write_private(&path, &text)?;
        }
        Ok(path)
    }

    /// The key that seals who wrote and the second factors of staff, as `muara vault new` makes one.
    fn vault(&self) -> Result<PathBuf> {
        let path = self.data.join("secrets").join("vault-keys");
        if !path.exists() {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes).context("the operating system gives no random bytes")?;
            let key = bytes.iter().fold("first ".to_owned(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
            write_private(&path, &key)?;
        }
        Ok(path)
    }

    fn adapter(&self, name: &str, port: u16, path: &str) -> Result<String> {
        let spool = make_folder(&self.data.join("spool").join(name))?;
        Ok(format!(
            "[bus]\nurl = \"nats://127.0.0.1:{}\"\nkey_file = {}\n\n[door]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}{path}\"\n\n[spool]\nfolder = {}\n",
            self.ports.nats,
            quoted(&self.data.join(format!("nats-keys/adapter-{name}.nk"))),
            quoted(&spool)
        ))
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.data.join("settings").join(name);
        write_private(&path, &format!("# Written by `cargo xtask up` at each start.\n\n{text}"))?;
        Ok(path)
    }
}

fn default_folder() -> Result<PathBuf> {
    if servers::can_hold_postgres(root()).is_ok() {
        return make_folder(&root().join("data"));
    }
    let there = Path::new("/var/lib/muara");
    say::without(&format!("The database's user cannot enter {}, so the data are in {}.", root().display(), there.display()));
    make_folder(there)
}

/// Only its owner can read it, from its first byte on.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let write = || {
        let mut file = File::options().create(true).write(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

fn make_folder(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    fs::canonicalize(folder).with_context(|| format!("cannot find {}", folder.display()))
}

/// A path as a TOML string: Rust's escapes are TOML's, for everything a path is likely to hold.
fn quoted(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}
