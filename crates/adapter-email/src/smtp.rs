//! Replies to the server that sends for us, one connection each, every step in time.
//!
//! Whether a mail was taken is known by the server's last word. If that word does not come, nobody knows: the reply is then not sent again.
//! Everything before the mail's last line can be done again without harm.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use adapter_sdk::{BoxError, Reply, SendError, Sent, Timestamp};
use lettre::{
    Address,
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters},
        commands::{Data, Mail, Rcpt},
        extension::{ClientId, Extension, MailParameter},
        response::Response,
    },
};
use tokio::time::timeout;
use tracing::{error, warn};

use crate::{
    Email,
    address::Mailbox,
    bounce::impersonal,
    compose::{self, Letter},
    config::{Account, Security, Server},
    login::Ticket,
    thread::Thread,
};

/// How much longer than a step the server may think about a whole mail: scanners do.
const THINKING: u32 = 4;
/// A mail is handed over in pieces of this size, to know whether the last one was.
const PIECE: usize = 16 * 1024;
/// Addresses whose answers are counted.
const MOST_COUNTED: usize = 20_000;
/// What servers say of a mail that is too large for them or for the recipient's mailbox, or whose files they do not like.
const TOO_LARGE: [&str; 3] = ["523", "552", "554"];
const DAY: i64 = 24 * 60 * 60;

/// What goes wrong before a mail is handed over. Nothing the server said is repeated but its code.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the sending server cannot be reached")]
    Connect(#[source] BoxError),
    #[error("the sending server does not answer in time")]
    Silent,
    #[error("the sending server offers no STARTTLS")]
    NoStartTls,
    #[error("no protected connection to the sending server")]
    Tls(#[source] BoxError),
    #[error("nothing to log in with")]
    Ticket(#[source] BoxError),
    #[error("the sending server refuses the login ({0})")]
    Login(String),
    #[error("the sending server does not accept our own address ({0})")]
    Sender(String),
    #[error("the sending server says to come back later ({0})")]
    Later(String),
    #[error("the connection to the sending server broke before the mail was handed over")]
    Broke,
    #[error("no such account is configured")]
    NoAccount,
}

impl From<Trouble> for SendError {
    fn from(trouble: Trouble) -> Self {
        Self::Unreachable(trouble.into())
    }
}

/// Automatic answers by address: so many within a day, whatever asks for them. In memory: a restart begins a new day.
#[derive(Debug, Default)]
pub(crate) struct Answers(Mutex<HashMap<String, VecDeque<Timestamp>>>);

impl Answers {
    /// Counts one; `false`: enough for today.
    fn may(&self, address: &str, most: u32, now: Timestamp) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_COUNTED {
            all.retain(|_, times| times.back().is_some_and(|last| is_today(*last, now)));
        }
        let times = all.entry(address.to_owned()).or_default();
        while times.front().is_some_and(|first| !is_today(*first, now)) {
            times.pop_front();
        }
        if times.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
            return false;
        }
        times.push_back(now);
        true
    }

    /// It did not go out after all, and will come again.
    fn back(&self, address: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get_mut(address).and_then(VecDeque::pop_back);
    }
}

fn is_today(at: Timestamp, now: Timestamp) -> bool {
    now.as_second() - at.as_second() < DAY
}

impl Email {
    /// Sends one reply.
    pub(crate) async fn reply(&self, reply: &Reply, now: Timestamp) -> Result<Sent, SendError> {
        let Some((account, ours)) = self.account_and_mailbox(&reply.to.account) else {
            error!(reply.id = %reply.id, account = reply.to.account, "No account of this address is configured; the reply waits.");
            return Err(Trouble::NoAccount.into());
        };
        let to = Some(&reply.to.address).filter(|address| address.scheme() == "mailto").and_then(|address| Mailbox::parse(address.path()));
        let to = to.ok_or_else(|| SendError::rejected("address", "not an address that mail can be sent to"))?;
        let automatic = compose::is_automatic(reply.kind);
        if automatic && Thread::read(reply.to.thread.as_deref()).quiet {
            return Err(SendError::rejected(
                "quiet",
                "a machine or a list wrote: it gets no automatic answers, only an officer's own words",
            ));
        }
        if automatic && !self.answers.may(&to.known(), self.config.most_answers, now) {
            return Err(SendError::rejected("rate", "this address had its automatic answers of a day: is a machine behind it?"));
        }
        let key = if self.config.plus_addresses { self.config.reply_key.expose().as_bytes() } else { b"" };
        let mut letter = compose::letter(reply, account, ours, &to, key)?;
        let mut sent = self.hand_over(account, &to, &letter).await;
        let mut file_refused = None;
        if let Err(SendError::Rejected { code, detail }) = &sent
            && !reply.files.is_empty()
            && TOO_LARGE.contains(&code.as_str())
        {
            // It was refused whole: the same mail goes again, lighter.
            file_refused = Some(format!("{code}: {detail}"));
            warn!(reply.id = %reply.id, "The sending server does not take the mail with its files: the words go alone.");
            letter = compose::letter(&Reply { files: Vec::new(), ..reply.clone() }, account, ours, &to, key)?;
            sent = self.hand_over(account, &to, &letter).await;
        }
        if automatic && matches!(sent, Err(SendError::Unreachable(_) | SendError::Throttled(_))) {
            self.answers.back(&to.known());
        }
        sent.map(|()| Sent { platform_id: Some(letter.id), file_refused })
    }

    async fn hand_over(&self, account: &Account, to: &Mailbox, letter: &Letter) -> Result<(), SendError> {
        let mut connection = self.enter_smtp(&account.smtp).await?;
        let outcome = self.conversation(&mut connection, to, letter).await;
        // Politeness, not part of the outcome.
        let _ = timeout(Duration::from_secs(2), connection.abort()).await;
        outcome
    }

    async fn conversation(&self, connection: &mut AsyncSmtpConnection, to: &Mailbox, letter: &Letter) -> Result<(), SendError> {
        let sender: Address = letter.sender.parse().map_err(|_| Trouble::Sender("its form".into()))?;
        let recipient: Address =
            to.written().parse().map_err(|_| SendError::rejected("address", "not an address that mail can be sent to"))?;
        let mut options = Vec::new();
        if !to.written().is_ascii() {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(SendError::rejected("smtputf8", "the sending server takes no address with these letters"));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        self.said(connection.command(Mail::new(Some(sender), options))).await?.map_err(No::about_us)?;
        self.said(connection.command(Rcpt::new(recipient, Vec::new()))).await?.map_err(No::about_them)?;
        self.said(connection.command(Data)).await?.map_err(No::about_them)?;
        self.give(connection, letter).await
    }

    /// One step before the mail is handed over: the server's no, or that there was no answer.
    async fn said(&self, step: impl Future<Output = Result<Response, SmtpError>>) -> Result<Result<Response, No>, Trouble> {
        match timeout(self.config.patience(), step).await {
            Err(_) => Err(Trouble::Silent),
            Ok(Ok(response)) => Ok(Ok(response)),
            Ok(Err(error)) => No::read(&error).map(Err).ok_or(Trouble::Broke),
        }
    }

    async fn give(&self, connection: &mut AsyncSmtpConnection, letter: &Letter) -> Result<(), SendError> {
        let bytes = letter.mail.formatted();
        let given = AtomicBool::new(false);
        // After the last piece the library says that this was all.
        let mut pieces = bytes.chunks(PIECE);
        let pieces = std::iter::from_fn(|| {
            let next = pieces.next();
            given.store(next.is_none(), Ordering::Relaxed);
            next
        });
        let unknown = |detail: &str| SendError::Unknown { platform_id: Some(letter.id.clone()), detail: detail.to_owned() };
        let answered = timeout(self.config.patience() * THINKING, connection.message_iter(pieces)).await;
        match answered {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => match No::read(&error) {
                Some(no) => Err(no.about_them()),
                None if given.load(Ordering::Relaxed) => Err(unknown("the sending server broke off when it had the whole mail")),
                None => Err(Trouble::Broke.into()),
            },
            Err(_) if given.load(Ordering::Relaxed) => Err(unknown("the sending server had the whole mail and did not answer")),
            Err(_) => Err(Trouble::Silent.into()),
        }
    }

    /// A connection, protected and logged in.
    pub(crate) async fn enter_smtp(&self, server: &Server) -> Result<AsyncSmtpConnection, Trouble> {
        let hello = ClientId::default();
        let patience = self.config.patience();
        let tls = match server.security {
            Security::None => None,
            Security::Tls | Security::Starttls => Some(parameters(server).map_err(|error| Trouble::Tls(error.into()))?),
        };
        let address = (server.host.clone(), server.port(465, 587));
        let from_the_start = tls.clone().filter(|_| server.security == Security::Tls);
        let connecting = AsyncSmtpConnection::connect_tokio1(address, Some(patience), &hello, from_the_start, None);
        let mut connection =
            timeout(patience * 2, connecting).await.map_err(|_| Trouble::Silent)?.map_err(|error| Trouble::Connect(error.into()))?;
        if server.security == Security::Starttls {
            if !connection.can_starttls() {
                return Err(Trouble::NoStartTls);
            }
            let tls = tls.ok_or(Trouble::NoStartTls)?;
            let protecting = timeout(patience, connection.starttls(tls, &hello)).await.map_err(|_| Trouble::Silent)?;
            protecting.map_err(|error| Trouble::Tls(error.into()))?;
        }
        if !server.user.is_empty() {
            self.log_in(server, &mut connection).await?;
        }
        Ok(connection)
    }

    async fn log_in(&self, server: &Server, connection: &mut AsyncSmtpConnection) -> Result<(), Trouble> {
        let (mechanisms, secret) = match self.tokens.ticket(server, &self.http).await.map_err(Trouble::Ticket)? {
            Ticket::Password(password) => (vec![Mechanism::Plain, Mechanism::Login], password),
            Ticket::Token(token) => (vec![Mechanism::Xoauth2], token),
        };
        let credentials = Credentials::new(server.user.clone(), secret);
        let answered = timeout(self.config.patience(), connection.auth(&mechanisms, &credentials)).await.map_err(|_| Trouble::Silent)?;
        let Err(error) = answered else { return Ok(()) };
        self.tokens.forget(server).await;
        Err(Trouble::Login(error.status().map_or_else(|| "no way to log in that we know".to_owned(), |code| code.to_string())))
    }
}

/// What the server said when it did not take something.
struct No {
    code: String,
    words: String,
    for_good: bool,
}

impl No {
    /// `None`: it said nothing; the line broke.
    fn read(error: &SmtpError) -> Option<Self> {
        let code = error.status()?.to_string();
        let words = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        Some(Self { code, words: impersonal(&words), for_good: error.is_permanent() })
    }

    /// It refuses our own address: for us to mend, and not the citizen's fault.
    fn about_us(self) -> SendError {
        error!(code = self.code, "The sending server does not accept our own address as the sender: an administrator must look at it.");
        Trouble::Sender(self.code).into()
    }

    /// It refuses this recipient or this mail.
    fn about_them(self) -> SendError {
        if self.for_good { SendError::Rejected { code: self.code, detail: self.words } } else { Trouble::Later(self.code).into() }
    }
}

fn parameters(server: &Server) -> Result<TlsParameters, SmtpError> {
    let mut builder = TlsParameters::builder(server.host.clone());
    if let Some(pem) = &server.ca {
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(Certificate::from_pem(pem.as_bytes())?);
    }
    builder.build_rustls()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_gets_so_many_automatic_answers_in_a_day() {
        let answers = Answers::default();
        let at = |hours: i64| Timestamp::from_second(1_795_000_000 + hours * 3600).expect("a time");
        assert!((0..3).all(|_| answers.may("a@example.id", 3, at(0))));
        assert!(!answers.may("a@example.id", 3, at(23)) && answers.may("b@example.id", 3, at(0)));
        answers.back("a@example.id");
        assert!(answers.may("a@example.id", 3, at(23)), "one did not go out");
        assert!(
            answers.may("a@example.id", 3, at(25)) && answers.may("a@example.id", 3, at(25)) && !answers.may("a@example.id", 3, at(25))
        );
    }
}
