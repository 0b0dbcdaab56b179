//! What the work lists of mails share: how a mail is named, what became of it, and what is written of it.

mod returned;

use std::{fmt, str::FromStr, time::Duration};

use model::Timestamp;
use uuid::Uuid;

use crate::convert::{At, at, later};

pub use returned::receipts;

/// Names a mail to somebody who works for the city or with it, however often it is sent: the left part of its Message-ID. Whoever reads our mailbox knows
/// a mail of ours that came back by 32 hexadecimal digits before the first dot, which only its recipient saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKey {
    /// To an agency, about a complaint: of this dispatch, told for this time.
    Agency(Uuid, u16),
    /// About a clock: of this escalation, the row.
    Clock(Uuid, i64),
    /// About several: of the first one's escalation, its row, the last one's row, and how many. The same with one more is another mail.
    Clocks(Uuid, i64, i64, usize),
    /// About a question between agencies: of this question, the row.
    Question(Uuid, i64),
    /// With the link to this task.
    Task(Uuid),
    /// About somebody's account: the row.
    Account(Uuid),
}

impl fmt::Display for MailKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Agency(dispatch, turn) => write!(f, "{}.agency.{turn}", dispatch.simple()),
            Self::Clock(escalation, row) => write!(f, "{}.clock.{row}", escalation.simple()),
            Self::Clocks(escalation, first, last, many) => write!(f, "{}.clocks.{first}-{last}-{many}", escalation.simple()),
            Self::Question(question, row) => write!(f, "{}.question.{row}", question.simple()),
            Self::Task(task) => write!(f, "{}.task", task.simple()),
            Self::Account(row) => write!(f, "{}.account", row.simple()),
        }
    }
}

/// It names no mail of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this names no mail of ours")]
pub struct NotAMail;

impl FromStr for MailKey {
    type Err = NotAMail;

    fn from_str(text: &str) -> Result<Self, NotAMail> {
        let mut parts = text.split('.');
        let (id, list, row) = (parts.next(), parts.next(), parts.next());
        let id = id.and_then(|id| Uuid::try_parse(id).ok()).ok_or(NotAMail)?;
        let key = match (list, row) {
            (Some("agency"), Some(turn)) => Self::Agency(id, turn.parse().map_err(|_| NotAMail)?),
            (Some("clock"), Some(row)) => Self::Clock(id, row.parse().map_err(|_| NotAMail)?),
            (Some("clocks"), Some(rows)) => {
                let mut rows = rows.splitn(3, '-');
                let mut next = || rows.next().ok_or(NotAMail);
                let number = |text: &str| text.parse().map_err(|_| NotAMail);
                Self::Clocks(id, number(next()?)?, number(next()?)?, next()?.parse().map_err(|_| NotAMail)?)
            }
            (Some("question"), Some(row)) => Self::Question(id, row.parse().map_err(|_| NotAMail)?),
            (Some("task"), None) => Self::Task(id),
            (Some("account"), None) => Self::Account(id),
            _ => return Err(NotAMail),
        };
        if parts.next().is_none() { Ok(key) } else { Err(NotAMail) }
    }
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailOutcome {
    /// The server took it.
    Delivered,
    /// Not now.
    Retry {
        /// How long to wait.
        after: Duration,
        /// For staff, without personal data.
        error: String,
    },
    /// Never.
    Refused {
        /// For staff, without personal data.
        error: String,
    },
}

/// How far a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    /// It is still to be sent.
    Due,
    /// The server took it.
    Delivered,
    /// Nobody gets it.
    Refused,
}

impl MailState {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "due" => Some(Self::Due),
            "delivered" => Some(Self::Delivered),
            "refused" => Some(Self::Refused),
            _ => None,
        }
    }
}

/// The columns that say it.
pub(crate) struct Written {
    pub(crate) state: &'static str,
    /// `None`: as before.
    pub(crate) due_at: Option<At>,
    pub(crate) error: Option<String>,
}

impl MailOutcome {
    pub(crate) fn written(self, now: Timestamp) -> Written {
        match self {
            Self::Delivered => Written { state: "delivered", due_at: None, error: None },
            Self::Retry { after, error } => Written { state: "due", due_at: Some(at(later(now, after))), error: Some(error) },
            Self::Refused { error } => Written { state: "refused", due_at: None, error: Some(error) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written_and_nothing_else_is_one() {
        let id = Uuid::from_u128(0x0192_a3b4_c5d6_7e8f_9a0b_1c2d_3e4f_5a6b);
        let clocks = MailKey::Clocks(id, 17, 20, 4);
        for key in
            [MailKey::Agency(id, 2), MailKey::Clock(id, 17), clocks, MailKey::Question(id, 3), MailKey::Task(id), MailKey::Account(id)]
        {
            let text = key.to_string();
            assert_eq!(text.parse(), Ok(key));
            assert!(text.split('.').next().is_some_and(|first| first.len() == 32 && !first.contains('-')), "{text}");
        }
        let simple = id.simple();
        for text in [
            "",
            "task",
            &format!("{simple}"),
            &format!("{simple}.0"),
            &format!("{simple}.clock"),
            &format!("{simple}.clock.1.2"),
            &format!("{simple}.clocks.1-2"),
            "x.task",
        ] {
            assert_eq!(text.parse::<MailKey>(), Err(NotAMail), "{text}");
        }
    }
}
