//! A city that is reached by mail: its own address at a real Dovecot and a real Exim, and citizens who have theirs there too.

use servers::mail::{ADDRESSES, Mail, PASSWORD};

use crate::{World, eventually, get_status};

/// The city's address.
pub const OFFICE: &str = ADDRESSES[0];

impl World {
    /// Opens the city's mailbox: the mail servers, the channel, the adapter.
    pub async fn open_mailbox(&mut self) -> Mail {
        self.open_mailbox_with("").await
    }

    /// The same with more lines of the table `[door]`.
    pub async fn open_mailbox_with(&mut self, door: &str) -> Mail {
        let mail = Mail::start().unwrap_or_else(|problem| panic!("no mail servers for the tests: {problem}"));
        self.muara(&["channel", "add", "email", "--account", OFFICE, "--label", "Surel resmi"]);
        let port = servers::free_port().expect("a free port");
        let server = |port: u16| {
            format!("host = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nuser = \"{OFFICE}\"\npassword = \"{PASSWORD}\"\n")
        };
        let text = format!(
            "[bus]\nurl = \"{nats}\"\n[door]\nlisten = \"127.0.0.1:{port}\"\n{door}[spool]\nfolder = \"{folder}\"\n{keep}\
             [adapter]\nreply_key = \"kunci-contoh-untuk-uji-yang-panjang\"\npatience = 10\n\
             [[adapter.accounts]]\naddress = \"{OFFICE}\"\nname = \"Pengaduan Kota Uji\"\nauthserv_id = \"mx.kota.example.id\"\n\
             [adapter.accounts.imap]\n{imap}[adapter.accounts.smtp]\n{smtp}",
            nats = self.bus_of_adapters(),
            keep = self.keep.map(|keep| format!("keep = \"{keep}\"\n")).unwrap_or_default(),
            folder = self.folder().join("spool-email").display(),
            imap = server(mail.imap_port()),
            smtp = server(mail.smtp_port()),
        );
        self.write("email.toml", &text);
        self.run_adapter("email", "adapter-email");
        self.others.insert("email", port);
        let health = format!("http://127.0.0.1:{port}/health");
        eventually(&format!("{health} answers"), || async { get_status(&health).await == Some(200) }).await;
        mail
    }

    /// Runs the roles in one process that sends its mails, to agencies and to staff, by this server.
    pub async fn mail_by(&mut self, mail: &Mail) {
        let (port, settings) = (mail.smtp_port(), self.folder().join("muara.toml"));
        let before = std::fs::read_to_string(settings).expect("the settings");
        let section = format!("[mail]\nhost = \"127.0.0.1\"\nport = {port}\nfrom = \"Kota Uji <{OFFICE}>\"\ntls = \"none\"\n");
        self.write("muara.toml", &format!("{before}\n{section}"));
        self.in_one_process().await;
    }
}
