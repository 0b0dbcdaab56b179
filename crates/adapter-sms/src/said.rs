//! What a gateway says, whichever it is: the words that the gateways' modules and the rest of the adapter share.

use adapter_sdk::{Attachment, ReceiptState, ReplyId, Timestamp};

use crate::udh::Part;

/// A request of a gateway, or a message that was handed in, as it is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivery<'a> {
    /// The query string, without `?`.
    pub(crate) query: &'a str,
    /// Type of the body, lower case, without parameters.
    pub(crate) content_type: &'a str,
    /// The body.
    pub(crate) body: &'a [u8],
}

impl<'a> Delivery<'a> {
    /// With the header as it came.
    pub(crate) fn new(query: &'a str, content_type: Option<&'a str>, body: &'a [u8]) -> Self {
        let content_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        Self { query, content_type, body }
    }

    /// Whether the body is JSON, by its type or, where there is none, by its first byte.
    pub(crate) fn is_json(&self) -> bool {
        let named = self.content_type.eq_ignore_ascii_case("application/json") || self.content_type.ends_with("+json");
        named || (self.content_type.is_empty() && matches!(self.body.trim_ascii_start().first(), Some(b'{' | b'[')))
    }
}

/// One thing that a gateway says.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    /// Somebody wrote.
    Heard(Box<Heard>),
    /// Something became of a message of ours.
    Told(Told),
    /// The gateway itself was asked for silence (`true`) or for messages again.
    Silence {
        /// By whom, as the gateway writes it.
        from: String,
        /// Silence, or no more silence.
        wanted: bool,
    },
}

/// A message, or a part of one.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// The gateway's id of it, if it gives one that is the same when it comes again.
    pub(crate) id: Option<String>,
    /// As the gateway writes it.
    pub(crate) from: String,
    /// Which number of ours; `None` where the gateway does not say.
    pub(crate) to: Option<String>,
    /// The words.
    pub(crate) text: Text,
    /// The network's time.
    pub(crate) sent_at: Option<Timestamp>,
    /// Which part of a long message.
    pub(crate) part: Option<Part>,
    /// Pictures, where the gateway takes them.
    pub(crate) attachments: Vec<Attachment>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    /// Words.
    Words(String),
    /// UTF-16 units: of a part, whose last may be half a character.
    Units(Vec<u16>),
    /// Nothing that people read: what it is instead.
    Unreadable(&'static str),
}

impl Text {
    /// Its units; none where it cannot be read.
    pub(crate) fn units(&self) -> Vec<u16> {
        match self {
            Self::Words(words) => words.encode_utf16().collect(),
            Self::Units(units) => units.clone(),
            Self::Unreadable(_) => Vec::new(),
        }
    }

    /// As words; what is no character becomes U+FFFD.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Words(words) => words.clone(),
            Self::Units(units) => String::from_utf16_lossy(units),
            Self::Unreadable(_) => String::new(),
        }
    }
}

/// What became of a message of ours.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    /// Which reply, where we gave its id along.
    pub(crate) reply: Option<ReplyId>,
    /// The gateway's id.
    pub(crate) platform_id: Option<String>,
    /// Which account of ours sent it, where we gave that along.
    pub(crate) account: Option<String>,
    /// Which number of ours sent it, as the gateway writes it.
    pub(crate) from: Option<String>,
    /// What happened.
    pub(crate) state: ReceiptState,
    /// When.
    pub(crate) at: Option<Timestamp>,
}
