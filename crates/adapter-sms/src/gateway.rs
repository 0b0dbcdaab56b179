//! The gateways. Each reads what it is told and sends one text; everything else is the same for all of them.

mod gammu;
mod generic;
mod kannel;
pub(crate) mod smpp;
mod twilio;

use std::time::Duration;

use adapter_sdk::{Address, BoxError, ConfigError, Http, ParseError, Refused, ReplyId, Request, Response, Secret, SendError};
use subtle::ConstantTimeEq;

pub use gammu::{Gammu, Physical, Record, What};
pub use generic::{Generic, SendType, TextCoding};
pub use kannel::Kannel;
pub use smpp::{Alphabet, LongTexts, MessageIds, Smpp};
pub use twilio::Twilio;

use crate::{
    config::Number,
    gsm7::Length,
    said::{Delivery, Said, Text},
};

/// The header in which a gateway may show its word, where it can send headers. Else it is the end of the address.
pub(crate) const SECRET_HEADER: &str = "x-gateway-secret";
/// What stands before the word in the address.
const BEFORE_THE_WORD: &str = "/webhook/";

/// A gateway, whichever.
#[derive(Clone, Copy)]
pub(crate) enum Gateway<'a> {
    Kannel(&'a Kannel),
    Twilio(&'a Twilio),
    Gammu(&'a Gammu),
    Generic(&'a Generic),
    Smpp(&'a Smpp),
}

/// One text on its way to one citizen.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing<'a> {
    /// The gateway's name in the configuration.
    pub(crate) gateway: &'a str,
    pub(crate) http: &'a Http,
    /// Of a gateway that we are connected to all the time.
    pub(crate) link: Option<&'a smpp::Link>,
    pub(crate) number: &'a Number,
    /// The account of ours that answers.
    pub(crate) account: &'a str,
    pub(crate) to: &'a Address,
    pub(crate) text: &'a str,
    pub(crate) length: Length,
    pub(crate) reply: ReplyId,
}

impl Gateway<'_> {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Kannel(_) => "kannel",
            Self::Twilio(_) => "twilio",
            Self::Gammu(_) => "gammu",
            Self::Generic(_) => "http",
            Self::Smpp(_) => "smpp",
        }
    }

    pub(crate) fn allow_from(&self) -> &[String] {
        match self {
            Self::Kannel(kannel) => &kannel.allow_from,
            Self::Twilio(twilio) => &twilio.allow_from,
            Self::Gammu(gammu) => &gammu.allow_from,
            Self::Generic(generic) => &generic.allow_from,
            Self::Smpp(smpp) => &smpp.allow_from,
        }
    }

    /// `path`: the whole path of a key of its table.
    pub(crate) fn check(self, path: &dyn Fn(&str) -> String) -> Result<(), ConfigError> {
        match self {
            Self::Kannel(kannel) => kannel.check(path),
            Self::Twilio(twilio) => twilio.check(path),
            Self::Gammu(gammu) => gammu.check(path),
            Self::Generic(generic) => generic.check(path),
            Self::Smpp(smpp) => smpp.check(path),
        }
    }

    /// The addresses that its configuration names: these are gone to, wherever they are.
    pub(crate) fn urls(self) -> Vec<String> {
        match self {
            Self::Kannel(kannel) => kannel.urls(),
            Self::Twilio(twilio) => vec![twilio.api_url.clone()],
            Self::Gammu(_) | Self::Smpp(_) => Vec::new(),
            Self::Generic(generic) => generic.urls(),
        }
    }

    /// Whether the request is this gateway's.
    pub(crate) fn verify(self, request: &Request) -> Result<(), Refused> {
        match self {
            Self::Twilio(twilio) => twilio.verify(request),
            Self::Generic(generic) if generic.signs() => generic.verify(request),
            Self::Generic(generic) => shows_the_word(request, &generic.secret),
            Self::Kannel(kannel) => shows_the_word(request, &kannel.secret),
            Self::Gammu(gammu) => shows_the_word(request, &gammu.secret),
            Self::Smpp(smpp) => shows_the_word(request, &smpp.secret),
        }
    }

    /// What a delivery says. Pure.
    pub(crate) fn said(self, delivery: &Delivery<'_>) -> Result<Vec<Said>, ParseError> {
        match self {
            Self::Kannel(_) => Kannel::said(delivery),
            Self::Twilio(_) => Twilio::said(delivery),
            Self::Gammu(_) => Gammu::said(delivery),
            Self::Generic(generic) => generic.said(delivery),
            Self::Smpp(smpp) => smpp.said(delivery),
        }
    }

    /// Gives one text to the gateway. Its id of it, where it says one.
    pub(crate) async fn send(self, out: Outgoing<'_>) -> Result<Option<String>, SendError> {
        match self {
            Self::Kannel(kannel) => kannel.send(out).await,
            Self::Twilio(twilio) => twilio.send(out).await,
            Self::Gammu(gammu) => gammu.send(out).await,
            Self::Generic(generic) => generic.send(out).await,
            Self::Smpp(smpp) => smpp.send(out).await,
        }
    }
}

/// The word that a gateway without signatures shares with us: the end of the address, or a header.
fn shows_the_word(request: &Request, secret: &Secret) -> Result<(), Refused> {
    let in_path = request.path.strip_prefix(BEFORE_THE_WORD);
    let word = in_path.or_else(|| request.header(SECRET_HEADER)).unwrap_or_default();
    if word.is_empty() || secret.is_empty() {
        return Err(Refused::Unsigned);
    }
    let ours = bool::from(word.as_bytes().ct_eq(secret.expose().as_bytes()));
    if ours { Ok(()) } else { Err(Refused::WrongSignature) }
}

/// Where a gateway reports what became of a message: our door, with what we want to hear again. What the gateway puts in stands in `more`.
fn report_url(door_url: &str, word: &Secret, out: &Outgoing<'_>, more: &str) -> String {
    let word = if word.is_empty() { String::new() } else { format!("/{}", word.expose()) };
    let account = crate::fields::encoded(out.account);
    format!("{}/webhook{word}?gateway={}&reply={}&account={account}{more}", door_url.trim_end_matches('/'), out.gateway, out.reply)
}

/// What a refusal means where the gateway says nothing more exact. Our own credentials refused is an alarm, and the reply waits.
fn refused(answer: &Response, gateway: &str) -> SendError {
    if matches!(answer.status.as_u16(), 401 | 403) {
        return locked_out(gateway);
    }
    SendError::from_answer(answer)
}

/// Our credentials do not work there: nothing gets through until an administrator acts.
fn locked_out(gateway: &str) -> SendError {
    tracing::error!(gateway, "The gateway refuses our user or password: an administrator must look.");
    SendError::Unreachable(Trouble::Credentials.into())
}

/// Some telephones send words as data. What is not words is a ring tone or a card.
fn eight_bits(bytes: &[u8]) -> Text {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.is_empty() && !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) => {
            Text::Words(text.to_owned())
        }
        _ => Text::Unreadable("data"),
    }
}

/// Trouble of a gateway, without what was to be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the gateway refuses our user or password")]
    Credentials,
    #[error("the gateway said yes, but not in its usual words")]
    OddAnswer,
    #[error("the gateway is in trouble itself ({0})")]
    Itself(String),
    #[error("no number of this account is configured")]
    NoNumber,
    #[error("{program} cannot be started")]
    Program { program: String, source: std::io::Error },
    #[error("{0} ended with an error")]
    Ended(String),
    #[error("{0} did not end in time")]
    Slow(String),
    #[error("there is no link to the operator's centre")]
    Apart,
}

impl From<Trouble> for SendError {
    fn from(trouble: Trouble) -> Self {
        Self::Unreachable(BoxError::from(trouble))
    }
}

/// When a gateway says "too fast" without saying how long.
const PAUSE: Duration = Duration::from_secs(10);

/// A gateway's code as it may be shown: short, and no number that could be a telephone's.
fn code(text: &str) -> String {
    let plain: String = text.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.:/ ".contains(*c)).take(40).collect();
    let digits = plain.chars().filter(char::is_ascii_digit).count();
    if plain.trim().is_empty() || digits > 7 { "refused".to_owned() } else { plain.trim().to_owned() }
}
