//! A mail server small enough to misbehave on purpose.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use dispatch::{Mail, MailSettings, Tls};
use model::{Receipt, ReceiptState};
use store::PgPool;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// How it treats a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Takes it.
    Accept,
    /// Says 451 to the recipient.
    Later,
    /// Says 550 to the recipient.
    Never,
    /// Takes the whole mail and then says nothing more.
    SilentAfterData,
    /// Accepts the connection and says nothing at all.
    Mute,
}

/// The server, on a port of loopback.
pub(crate) struct FakeSmtp {
    pub(crate) port: u16,
    behaviour: Behaviour,
    mails: Arc<Mutex<Vec<String>>>,
}

impl FakeSmtp {
    pub(crate) async fn new(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let mails = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&mails);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, behaviour, Arc::clone(&kept)));
            }
        });
        Self { port, behaviour, mails }
    }

    /// Sends to it. Each step is waited for briefly only where words never come.
    pub(crate) fn mail(&self) -> Mail {
        let settings = MailSettings {
            host: "127.0.0.1".into(),
            port: self.port,
            tls: Tls::None,
            user: None,
            password: None,
            from: "Kota Contoh <lapor@example.id>".into(),
        };
        Mail::new(&settings).expect("settings").patient_for(self.patience())
    }

    fn patience(&self) -> Duration {
        match self.behaviour {
            Behaviour::Mute => Duration::from_millis(500),
            Behaviour::SilentAfterData => Duration::from_secs(5),
            Behaviour::Accept | Behaviour::Later | Behaviour::Never => Duration::from_mins(1),
        }
    }

    /// What it took, as it came.
    pub(crate) fn mails(&self) -> Vec<String> {
        self.mails.lock().expect("no test holds it").clone()
    }
}

/// What the city's mailbox tells of a mail that a host took and sent back. `true`: it is known as a mail of ours.
pub(crate) async fn comes_back(db: &PgPool, mail: &str) -> bool {
    let id = mail.lines().find_map(|line| line.strip_prefix("Message-ID: <")?.strip_suffix('>')).expect("a message id");
    let receipt = Receipt {
        reply: None,
        platform_id: Some(id.to_owned()),
        adapter: "mail".parse().expect("a name"),
        account: "lapor@example.id".into(),
        state: ReceiptState::Failed { code: "5.1.1".into(), detail: "no such person".into() },
        at: "2026-11-20T03:00:00Z".parse().expect("a time"),
        file_refused: None,
    };
    store::mailing::receipts(db, &[receipt]).await.expect("is written") == [true]
}

async fn talk(stream: TcpStream, behaviour: Behaviour, mails: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    if behaviour == Behaviour::Mute {
        while lines.next_line().await?.is_some() {}
        return Ok(());
    }
    writer.write_all(b"220 fake ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let answer = match line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => "250-fake\r\n250 8BITMIME",
            "RCPT" if behaviour == Behaviour::Later => "451 4.3.0 <a@dbm.example> try later",
            "RCPT" if behaviour == Behaviour::Never => "550 5.1.1 <a@dbm.example> nobody here",
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                let mut mail = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                mails.lock().expect("no test holds it").push(mail);
                if behaviour == Behaviour::SilentAfterData {
                    while lines.next_line().await?.is_some() {}
                    return Ok(());
                }
                "250 2.0.0 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 ok",
        };
        writer.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}
