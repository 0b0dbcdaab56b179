//! What may be wrong with a way in or with its program, and how it is said to an administrator at a terminal. Pages have their own words.

use std::fmt;

use bus::Expiry;
use jiff::civil::Date;
use model::{Timestamp, rhythm::Silence};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Somebody should look today.
    Soon,
    /// Citizens are not heard or not answered now, or soon will not be.
    Now,
}

impl Severity {
    /// The word in JSON and style sheets.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Soon => "soon",
            Self::Now => "now",
        }
    }
}

/// One thing that is wrong. `Display`: one sentence in English, without personal data.
#[derive(Debug, Clone, PartialEq)]
pub enum Alarm {
    /// The program has said nothing for more than a minute.
    Missing {
        /// What it said last.
        since: Timestamp,
    },
    /// Nothing came for longer than chance explains.
    Silent {
        /// Since then.
        since: Timestamp,
        /// How unusual that is.
        silence: Silence,
    },
    /// A token or certificate ends within two weeks.
    Ends(Expiry),
    /// It has ended.
    Ended(Expiry),
    /// Messages lie at the door because the bus does not take them.
    Spooled {
        /// How many.
        waiting: u64,
        /// Since when the oldest.
        oldest: Timestamp,
    },
    /// Messages on the bus that the program does not read.
    Unread {
        /// How many.
        waiting: u64,
        /// Since when the oldest.
        oldest: Timestamp,
    },
    /// Replies on the bus that the program does not deliver.
    Undelivered {
        /// How many.
        waiting: u64,
        /// Since when the oldest.
        oldest: Timestamp,
    },
    /// Replies that the core does not hand to the bus, although nobody holds them back.
    Unpublished {
        /// How many.
        waiting: u64,
        /// Since when the oldest.
        oldest: Timestamp,
    },
    /// Requests with a wrong signature: somebody tries, or the secret is not the platform's any more.
    Refused {
        /// How many since the program runs.
        times: u64,
        /// The last one.
        last: Timestamp,
    },
    /// The platform refuses replies for good.
    Failing {
        /// How many of the last day.
        replies: u64,
        /// Its most frequent code.
        code: String,
    },
    /// Something went wrong a moment ago.
    Trouble {
        /// What.
        what: String,
        /// When.
        at: Timestamp,
    },
    /// The balance of a day does not sum: something that was said yes to is nowhere.
    Unbalanced {
        /// How many things.
        missing: u64,
        /// Of which day, the latest.
        day: Date,
    },
    /// Citizens asked about their own data, and the law's three days are over or soon will be.
    Requests {
        /// How many should have been answered; 0: the first must be within a day.
        late: u64,
        /// Until when the first has to be.
        due: Timestamp,
    },
    /// What was held was not looked at in time.
    Held {
        /// How many, of the oldest thousand.
        late: u64,
        /// Until when the first should have been.
        due: Timestamp,
    },
    /// The program serves an account that no row names: its messages are parked.
    NoRow {
        /// Which account; `None`: the program has no row at all.
        account: Option<String>,
    },
}

impl Alarm {
    /// Its name in JSON and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::Silent { .. } => "silent",
            Self::Ends(_) => "ends",
            Self::Ended(_) => "ended",
            Self::Spooled { .. } => "spooled",
            Self::Unread { .. } => "unread",
            Self::Undelivered { .. } => "undelivered",
            Self::Unpublished { .. } => "unpublished",
            Self::Refused { .. } => "refused",
            Self::Failing { .. } => "failing",
            Self::Trouble { .. } => "trouble",
            Self::Unbalanced { .. } => "unbalanced",
            Self::Requests { .. } => "data_requests",
            Self::Held { .. } => "held",
            Self::NoRow { .. } => "no_row",
        }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Missing { .. }
            | Self::Ended(_)
            | Self::Spooled { .. }
            | Self::Unread { .. }
            | Self::Undelivered { .. }
            | Self::Unpublished { .. }
            | Self::Unbalanced { .. }
            | Self::Requests { late: 1.., .. } => Severity::Now,
            Self::Silent { .. }
            | Self::Ends(_)
            | Self::Refused { .. }
            | Self::Failing { .. }
            | Self::Trouble { .. }
            | Self::Requests { late: 0, .. }
            | Self::Held { .. }
            | Self::NoRow { .. } => Severity::Soon,
        }
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { since } => write!(f, "the program has not been heard since {since:.0}: does it run, and does it reach NATS?"),
            Self::Silent { since, silence } => write!(
                f,
                "nothing has come since {since:.0}: of {} such hours {:.0} usually bring something (chance {:.1e}). Write to it yourself",
                silence.hours, silence.usual, silence.chance
            ),
            Self::Ends(expiry) => write!(f, "the {}{} ends at {:.0}: {}", expiry.what, of(expiry), expiry.at, expiry.todo),
            Self::Ended(expiry) => write!(f, "the {}{} ended at {:.0}: {}", expiry.what, of(expiry), expiry.at, expiry.todo),
            Self::Spooled { waiting, oldest } => {
                write!(f, "{waiting} messages wait at the door since {oldest:.0}: the bus does not take them")
            }
            Self::Unread { waiting, oldest } => {
                write!(f, "{waiting} messages wait on the bus since {oldest:.0}: the program does not read them")
            }
            Self::Undelivered { waiting, oldest } => {
                write!(f, "{waiting} replies wait on the bus since {oldest:.0}: the platform does not take them, or the program is down")
            }
            Self::Unpublished { waiting, oldest } => {
                write!(f, "{waiting} replies wait in the database since {oldest:.0}: does the role dispatch run?")
            }
            Self::Refused { times, last } => write!(
                f,
                "{times} requests with a wrong signature, the last at {last:.0}: if real messages stay away, the secret is not the platform's any more"
            ),
            Self::Failing { replies, code } => write!(f, "the platform refused {replies} replies within a day, most often with `{code}`"),
            Self::Trouble { what, at } => write!(f, "{what} ({at:.0})"),
            Self::Unbalanced { missing, day } => {
                write!(f, "{missing} things that were said yes to are nowhere, the latest of {day}: `muara balance --day {day}` names them")
            }
            Self::Requests { late: 0, due } => write!(f, "a citizen's request about their data must be answered before {due:.0}"),
            Self::Requests { late, due } => {
                write!(f, "{late} requests of citizens about their data should have been answered, the first before {due:.0}")
            }
            Self::Held { late, due } => write!(f, "{late} held messages should have been looked at, the first before {due:.0}"),
            Self::NoRow { account: Some(account) } => write!(f, "no channel has its account `{account}`: messages for it are parked"),
            Self::NoRow { account: None } => f.write_str("no channel uses this program: its messages are parked"),
        }
    }
}

fn of(expiry: &Expiry) -> String {
    expiry.account.as_ref().map(|account| format!(" of {account}")).unwrap_or_default()
}
