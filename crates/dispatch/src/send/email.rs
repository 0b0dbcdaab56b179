//! A mail to the agency.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        PoolConfig,
        authentication::Credentials,
        client::{Tls as ClientTls, TlsParameters},
    },
};
use secrecy::{ExposeSecret, SecretString};
use store::mailing::MailKey;
use tokio::time::timeout;

use super::Tried;
use crate::notice::Notice;

/// Where mail is handed in, and as whom.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// The server.
    pub host: String,
    /// Its port: 465 with [`Tls::Wrapped`], 587 with [`Tls::Required`] as a rule.
    pub port: u16,
    /// How the connection is kept from others.
    pub tls: Tls,
    /// The user, where the server asks for one …
    pub user: Option<String>,
    /// … and the password.
    pub password: Option<SecretString>,
    /// Whom the mail is from: `Kota Contoh <lapor@example.id>`. Its domain also ends our message ids.
    pub from: String,
}

/// How the connection to the mail server is kept from others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tls {
    /// Plain at first, then STARTTLS or nothing is sent.
    #[default]
    Required,
    /// TLS from the first byte.
    Wrapped,
    /// Not at all: for a server on this machine.
    None,
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Not an address.
    #[error("`{0}` is no address mail can be from")]
    From(String),
    /// No certificates on this machine, or not the name of a host.
    #[error("no TLS to the mail server `{host}` is possible")]
    Tls {
        /// Which.
        host: String,
        /// Why.
        #[source]
        source: lettre::transport::smtp::Error,
    },
}

/// A way to send mail. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    patience: Duration,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("patience", &self.patience).finish_non_exhaustive()
    }
}

/// For connecting, and again for handing in. The library's own limit covers the connection alone: a server that accepts and then says
/// nothing would hold us for ever.
const PATIENCE: Duration = Duration::from_secs(30);
/// Connections at once. A city has some twenty agencies.
const CONNECTIONS: u32 = 2;

impl Mail {
    /// Checks the settings. No I/O but reading the machine's TLS roots.
    pub fn new(settings: &MailSettings) -> Result<Self, MailError> {
        let from: Mailbox = settings.from.parse().map_err(|_| MailError::From(settings.from.clone()))?;
        let parameters =
            || TlsParameters::new(settings.host.clone()).map_err(|source| MailError::Tls { host: settings.host.clone(), source });
        let tls = match settings.tls {
            Tls::Required => ClientTls::Required(parameters()?),
            Tls::Wrapped => ClientTls::Wrapper(parameters()?),
            Tls::None => ClientTls::None,
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(PATIENCE))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS).idle_timeout(Duration::from_mins(1)));
        if let (Some(user), Some(password)) = (&settings.user, &settings.password) {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
        }
        Ok(Self { transport: builder.build(), from, patience: PATIENCE })
    }

    /// The same with another patience, for each of the two steps.
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Connects, greets and signs in; sends nothing. The error says what the server did, without its words.
    pub async fn check(&self) -> Result<(), String> {
        match timeout(self.patience, self.transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err("the mail server closed the connection".to_owned()),
            Ok(Err(error)) => Err(why("the mail server cannot be used", &error)),
            Err(_) => Err(format!("the mail server did not answer within {} s", self.patience.as_secs())),
        }
    }

    fn message(&self, letter: &Letter, to: Mailbox, now: Timestamp) -> Option<Message> {
        Message::builder()
            .from(self.from.clone())
            .to(to)
            .date(now.into())
            .message_id(Some(format!("<{}@{}>", letter.key, self.from.email.domain())))
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .subject(letter.subject.clone())
            .header(ContentType::TEXT_PLAIN)
            .body(letter.body.clone())
            .ok()
    }
}

/// A mail before it is one.
pub struct Letter {
    /// Names it, however often it is sent.
    pub(crate) key: MailKey,
    pub(crate) subject: String,
    pub(crate) body: String,
}

/// Tells an agency of a complaint.
pub(crate) async fn send(mail: Option<&Mail>, notice: &Notice<'_>, target: &str, now: Timestamp) -> Tried {
    let (subject, body) = notice.mail();
    hand_in(mail, &Letter { key: MailKey::Agency(notice.id.0, notice.turn), subject, body }, target, now).await
}

/// In two steps, because they fail differently: nothing has left before the connection stands; once the mail is under way and no answer
/// came, nobody knows.
pub(crate) async fn hand_in(mail: Option<&Mail>, letter: &Letter, target: &str, now: Timestamp) -> Tried {
    let Some(mail) = mail else { return Tried::NotNow { after: None, error: "no mail server is set".to_owned() } };
    let Ok(to) = target.parse() else { return Tried::Refused("the address is no mail address".to_owned()) };
    let Some(message) = mail.message(letter, to, now) else { return Tried::Refused("the mail cannot be written".to_owned()) };
    if let Err(error) = mail.check().await {
        return Tried::NotNow { after: None, error };
    }
    match timeout(mail.patience, mail.transport.send(message)).await {
        Ok(Ok(_)) => Tried::Delivered(None),
        Ok(Err(error)) if error.is_transient() => Tried::NotNow { after: None, error: why("the mail server says not now", &error) },
        Ok(Err(error)) if error.is_permanent() => Tried::Refused(why("the mail server refused it", &error)),
        Ok(Err(_)) => Tried::Unknown("the connection to the mail server broke".to_owned()),
        Err(_) => Tried::Unknown(format!("the mail server did not answer within {} s", mail.patience.as_secs())),
    }
}

/// Our words and the server's code. Its own words may hold addresses.
fn why(words: &str, error: &lettre::transport::smtp::Error) -> String {
    error.status().map_or_else(|| words.to_owned(), |code| format!("{words} ({code})"))
}
