//! A reply that the platform refused goes on by another way of the same citizen: which way comes next, and when a person must tell them.
//! Decided here, by facts that `store::reach` gathers.

use jiff::{SignedDuration, Timestamp};

use crate::{AdapterName, Address, ReplyKind, ReplyTo, Visibility};

/// One rung of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// Where the complaint is answered.
    Same,
    /// There again, as what the platform approved before.
    Template,
    /// Another address of theirs that they wrote from.
    Written,
    /// A telephone number that a platform vouched for, by a channel that may write to it.
    Telephone,
    /// A mail address likewise.
    Mail,
    /// An office took the complaint in: its printed list.
    Office,
    /// A task for who works on the complaint.
    Staff,
    /// Nothing: they asked for silence, or are blocked.
    Silence,
}

impl Way {
    /// Every way.
    pub const ALL: [Self; 8] =
        [Self::Same, Self::Template, Self::Written, Self::Telephone, Self::Mail, Self::Office, Self::Staff, Self::Silence];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Template => "template",
            Self::Written => "written",
            Self::Telephone => "telephone",
            Self::Mail => "mail",
            Self::Office => "office",
            Self::Staff => "staff",
            Self::Silence => "silence",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.as_str() == word)
    }
}

/// Why a rung was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Because {
    /// They are answered there.
    Answered,
    /// The platform took only what it approved before.
    WindowClosed,
    /// The one before was refused.
    Refused,
    /// No address of theirs is left.
    NothingLeft,
    /// Who asked for secrecy is written to nowhere else.
    Secret,
    /// What it says is too old to be sent anew.
    Old,
    /// They want no messages there.
    OptedOut,
    /// They are not answered for a while.
    Blocked,
}

impl Because {
    /// Every reason.
    pub const ALL: [Self; 8] =
        [Self::Answered, Self::WindowClosed, Self::Refused, Self::NothingLeft, Self::Secret, Self::Old, Self::OptedOut, Self::Blocked];

    /// The word in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::WindowClosed => "window_closed",
            Self::Refused => "refused",
            Self::NothingLeft => "nothing_left",
            Self::Secret => "secret",
            Self::Old => "old",
            Self::OptedOut => "opted_out",
            Self::Blocked => "blocked",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// How staff told somebody what no message brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Told {
    /// By telephone.
    Telephone,
    /// By letter.
    Letter,
    /// At an office.
    Office,
    /// At home.
    Home,
}

impl Told {
    /// Every one, in the order of the form.
    pub const ALL: [Self; 4] = [Self::Telephone, Self::Letter, Self::Office, Self::Home];

    /// The word in tables and forms.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Telephone => "telephone",
            Self::Letter => "letter",
            Self::Office => "office",
            Self::Home => "home",
        }
    }

    /// Reads the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|how| how.as_str() == word)
    }
}

impl ReplyKind {
    /// Whether somebody must see to it that this arrives. News that more was added, that work began, or that something could not be read may
    /// be lost: what matters is said again or is on the citizen's page.
    pub fn must_arrive(self) -> bool {
        match self {
            Self::Received
            | Self::Forwarded
            | Self::Routed
            | Self::Asked
            | Self::Answered
            | Self::HandedOver
            | Self::Resolved
            | Self::Closed
            | Self::Reopened => true,
            // What somebody on the spot does not get is seen where the task is, and of a clock another way is found at once.
            Self::Noted
            | Self::Started
            | Self::Unreadable
            | Self::Wanted
            | Self::Blocked
            | Self::Unblocked
            | Self::Entrusted
            | Self::Escalated => false,
        }
    }
}

/// After so long, nothing is sent anew: the words may not be true any more, and a person looks first.
pub const HOLDS: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Messages on one ladder: who has many addresses is not written to for ever.
pub const MOST_SENT: usize = 6;

/// What is known when a reply has failed.
#[derive(Debug, Clone)]
pub struct Ladder {
    /// When it was decided.
    pub said_at: Timestamp,
    /// Whether they asked for silence where it failed, or are blocked there.
    pub silence: Option<Because>,
    /// How far its complaint is secret.
    pub visibility: Visibility,
    /// Whether an office took the complaint in.
    pub at_office: bool,
    /// Where it was sent so far: through which adapter, to which address.
    pub tried: Vec<(AdapterName, Address)>,
    /// Open private ways by which they wrote to us and were answered, the latest first. None where they want silence.
    pub written: Vec<ReplyTo>,
    /// Addresses of theirs by channels that may write first, the best first. None where they want silence.
    pub own: Vec<ReplyTo>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The same words there.
    Send(Way, Box<ReplyTo>),
    /// No message: [`Way::Office`], [`Way::Staff`] or [`Way::Silence`].
    End(Way, Because),
}

/// The next rung. Each address is tried once through each adapter; a telephone number before a mail address.
pub fn next(ladder: &Ladder, now: Timestamp) -> Next {
    if let Some(why) = ladder.silence {
        return Next::End(Way::Silence, why);
    }
    let told = if ladder.at_office { Way::Office } else { Way::Staff };
    // Named are the grades that may, so that one more is not written to by mistake.
    if !matches!(ladder.visibility, Visibility::Public | Visibility::Hidden) {
        return Next::End(told, Because::Secret);
    }
    if now.duration_since(ladder.said_at) > HOLDS {
        return Next::End(told, Because::Old);
    }
    let is_new = |to: &&ReplyTo| !ladder.tried.iter().any(|(adapter, address)| *adapter == to.adapter && *address == to.address);
    let of = |scheme: &'static str| ladder.own.iter().filter(move |to| to.address.scheme() == scheme);
    let written = ladder.written.iter().map(|to| (Way::Written, to));
    let own = of("tel").map(|to| (Way::Telephone, to)).chain(of("mailto").map(|to| (Way::Mail, to)));
    let found = written.chain(own).find(|(_, to)| is_new(to)).filter(|_| ladder.tried.len() < MOST_SENT);
    found.map_or(Next::End(told, Because::NothingLeft), |(way, to)| Next::Send(way, Box::new(to.clone())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Audience;

    const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);

    fn to(adapter: &str, address: &str) -> ReplyTo {
        ReplyTo {
            adapter: adapter.parse().expect("a name"),
            account: "1".into(),
            address: address.parse().expect("an address"),
            thread: None,
            audience: Audience::Private,
            open_until: None,
        }
    }

    fn ladder() -> Ladder {
        Ladder {
            said_at: NOW,
            silence: None,
            visibility: Visibility::Hidden,
            at_office: false,
            tried: vec![tried(&to("chat", "tel:+6281200000001"))],
            written: Vec::new(),
            own: Vec::new(),
        }
    }

    fn tried(to: &ReplyTo) -> (AdapterName, Address) {
        (to.adapter.clone(), to.address.clone())
    }

    #[test]
    fn they_are_written_to_where_they_wrote_then_by_telephone_then_by_mail_then_by_a_person() {
        let mut ladder = ladder();
        ladder.written = vec![to("chat", "tel:+6281200000001"), to("mail", "mailto:sari@example.id")];
        ladder.own = vec![to("mail", "mailto:lama@example.id"), to("text", "tel:+6281200000001")];
        let mut ways = Vec::new();
        while let Next::Send(way, to) = next(&ladder, NOW) {
            ways.push((way, to.adapter.to_string(), to.address.to_string()));
            ladder.tried.push(tried(&to));
        }
        let expected = [
            (Way::Written, "mail", "mailto:sari@example.id"),
            (Way::Telephone, "text", "tel:+6281200000001"),
            (Way::Mail, "mail", "mailto:lama@example.id"),
        ];
        assert_eq!(ways, expected.map(|(way, adapter, address)| (way, adapter.to_owned(), address.to_owned())));
        assert_eq!(next(&ladder, NOW), Next::End(Way::Staff, Because::NothingLeft));
        ladder.at_office = true;
        assert_eq!(next(&ladder, NOW), Next::End(Way::Office, Because::NothingLeft));
    }

    #[test]
    fn who_wants_silence_or_secrecy_is_written_to_nowhere_else_and_old_words_are_not_sent_anew() {
        let open = Ladder { written: vec![to("mail", "mailto:sari@example.id")], ..ladder() };
        assert!(matches!(next(&open, NOW), Next::Send(Way::Written, _)));
        for why in [Because::OptedOut, Because::Blocked] {
            assert_eq!(next(&Ladder { silence: Some(why), ..open.clone() }, NOW), Next::End(Way::Silence, why));
        }
        let secret = Ladder { visibility: Visibility::Secret, ..open.clone() };
        assert_eq!(next(&secret, NOW), Next::End(Way::Staff, Because::Secret));
        assert!(matches!(next(&open, NOW + HOLDS), Next::Send(..)));
        let late = NOW + HOLDS + SignedDuration::from_secs(1);
        assert_eq!(next(&open, late), Next::End(Way::Staff, Because::Old));
    }

    #[test]
    fn every_word_is_read_as_it_is_written() {
        assert!(Way::ALL.into_iter().all(|way| Way::from_word(way.as_str()) == Some(way)));
        assert!(Because::ALL.into_iter().all(|why| Because::from_word(why.as_str()) == Some(why)));
        assert!(Told::ALL.into_iter().all(|how| Told::from_word(how.as_str()) == Some(how)));
    }

    fn any_way() -> impl Strategy<Value = ReplyTo> {
        (0..3u8, 0..4u8, any::<bool>()).prop_map(|(adapter, n, mail)| {
            let address = if mail { format!("mailto:w{n}@example.id") } else { format!("tel:+628120000000{n}") };
            to(["chat", "text", "mail"][usize::from(adapter)], &address)
        })
    }

    proptest! {
        /// Whatever the platforms say, a reply that matters ends somewhere where it is seen.
        #[test]
        fn every_ladder_ends_delivered_silent_by_wish_or_as_an_open_task(
            written in proptest::collection::vec(any_way(), 0..8),
            own in proptest::collection::vec(any_way(), 0..8),
            outcomes in proptest::collection::vec(0..6u8, 16),
            secret: bool,
            at_office: bool,
        ) {
            let visibility = if secret { Visibility::Secret } else { Visibility::Hidden };
            let mut ladder = Ladder { written: written.clone(), own: own.clone(), visibility, at_office, ..ladder() };
            let mut outcomes = outcomes.into_iter();
            let mut delivered = false;
            let end = loop {
                match next(&ladder, NOW) {
                    Next::End(way, why) => break Some((way, why)),
                    Next::Send(_, to) => {
                        prop_assert!(!secret && (written.contains(&to) || own.contains(&to)));
                        let tried = tried(&to);
                        prop_assert!(!ladder.tried.contains(&tried), "each address once");
                        ladder.tried.push(tried);
                        prop_assert!(ladder.tried.len() <= MOST_SENT);
                    }
                }
                match outcomes.next().expect("more outcomes than messages") {
                    0 => { delivered = true; break None }
                    1 => ladder.silence = Some(Because::OptedOut),
                    _ => {}
                }
            };
            let ended = match end {
                None => delivered,
                Some((Way::Silence, why)) => ladder.silence == Some(why),
                Some((way, _)) => way == if at_office { Way::Office } else { Way::Staff },
            };
            prop_assert!(ended, "{end:?}");
        }
    }
}
