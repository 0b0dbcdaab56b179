//! What every page has around its own content.

use jiff::{
    Timestamp,
    civil::{Date, Time},
};
use model::{
    ClerkToken, DispatchState, Language, Site, Status,
    clock::{self, Calendar, Zone},
};

use crate::{Clock, Visit, Words};

/// The frame of a page: title, words, navigation, who is signed in. Templates keep it in a field named `page`.
#[derive(Debug, Clone)]
pub struct Page {
    /// What the page is; the site's name is added.
    pub title: String,
    /// The words of its language.
    pub words: Words,
    /// The city's name.
    pub site: String,
    /// For times in words.
    pub zone: Zone,
    /// When it was drawn.
    pub now: Timestamp,
    /// The menu.
    pub menu: Vec<Link>,
    /// Its further entries, folded away in groups.
    pub groups: Vec<Group>,
    /// Links at the foot, for what few visitors need.
    pub foot: Vec<Link>,
    /// Who is signed in.
    pub account: Option<Account>,
    /// A word about what was just done.
    pub flash: Option<Flash>,
    /// Something that whoever is signed in must not miss, and where to look; above everything else.
    pub banner: Option<Link>,
    /// Modules of `/aset` to load, by plain name.
    pub scripts: Vec<&'static str>,
    /// Whether search engines may list it. Off unless said otherwise.
    pub listed: bool,
    /// A class on the body, for pages with their own print size: `slip-80`, `slip-a5`.
    pub kind: &'static str,
    /// The address of this page in Indonesian and in English.
    languages: [(Language, String); 2],
}

/// One entry of the menu.
#[derive(Debug, Clone)]
pub struct Link {
    /// Where to.
    pub href: String,
    /// In the language of the page.
    pub label: String,
    /// Whether this is where we are.
    pub here: bool,
}

/// Entries of the menu that belong together and are not needed every hour.
#[derive(Debug, Clone)]
pub struct Group {
    /// In the language of the page.
    pub label: String,
    /// Never empty.
    pub links: Vec<Link>,
}

impl Group {
    /// Whether one of them is where we are.
    pub fn here(&self) -> bool {
        self.links.iter().any(|link| link.here)
    }
}

/// Who is signed in, as the head of the page says it.
#[derive(Debug, Clone)]
pub struct Account {
    /// Their name.
    pub name: String,
    /// What they are, and where, in words.
    pub role: String,
    /// Where their own settings are; empty: nowhere.
    pub settings: String,
    /// Where the button "sign out" posts to.
    pub sign_out: String,
    /// The token that this post must carry.
    pub csrf: String,
}

impl Account {
    /// Whoever sits at a door's pages by a token of the core; `role`: what they are, and where, in words.
    pub fn of_clerk(clerk: &ClerkToken, role: String) -> Self {
        // Posts are checked by where they come from, and the cookie is `SameSite`.
        let csrf = String::new();
        Self { name: clerk.name.clone(), role, settings: String::new(), sign_out: "/keluar".to_owned(), csrf }
    }
}

/// A picture of a photo grid.
#[derive(Debug, Clone)]
pub struct Photo {
    /// Where it is.
    pub src: String,
    /// What it is, for who cannot see it.
    pub alt: String,
    /// In pixels; 0 when unknown.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// How a flash or a notice is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It worked.
    Good,
    /// Worth knowing.
    Info,
    /// It did not work, and what to do.
    Bad,
}

impl Tone {
    /// The name in style sheets.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Info => "info",
            Self::Bad => "bad",
        }
    }

    /// The icon that goes with it.
    pub fn icon(self) -> &'static str {
        match self {
            Self::Good => "check",
            Self::Info => "info",
            Self::Bad => "alert",
        }
    }
}

/// A word about what was just done.
#[derive(Debug, Clone)]
pub struct Flash {
    /// How it is meant.
    pub tone: Tone,
    /// The sentence.
    pub text: String,
}

impl Page {
    /// A page without menu and account.
    pub fn new(visit: &Visit, words: Words, site: &Site, now: Timestamp, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            words,
            site: site.name.clone(),
            zone: site.zone,
            now,
            menu: Vec::new(),
            groups: Vec::new(),
            foot: Vec::new(),
            account: None,
            flash: None,
            banner: None,
            scripts: Vec::new(),
            listed: false,
            kind: "",
            languages: [Language::Id, Language::En].map(|language| (language, visit.in_language(language))),
        }
    }

    /// With this menu.
    #[must_use]
    pub fn menu(mut self, menu: Vec<Link>) -> Self {
        self.menu = menu;
        self
    }

    /// With groups behind the menu; empty ones are left out.
    #[must_use]
    pub fn groups(mut self, groups: impl IntoIterator<Item = Group>) -> Self {
        self.groups = groups.into_iter().filter(|group| !group.links.is_empty()).collect();
        self
    }

    /// With a word about what was just done.
    #[must_use]
    pub fn flash(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.flash = Some(Flash { tone, text: text.into() });
        self
    }

    /// With a module of `/aset`, by its plain name.
    #[must_use]
    pub fn script(mut self, name: &'static str) -> Self {
        self.scripts.push(name);
        self
    }

    /// With a class on the body.
    #[must_use]
    pub fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    /// The words of a key.
    pub fn t<'a>(&self, key: &'a str) -> &'a str {
        self.words.t(key)
    }

    /// The words of a key with a count.
    pub fn count(&self, key: &str, n: &u64) -> String {
        self.words.count(key, *n)
    }

    /// The words of a key with one fact.
    pub fn fill(&self, key: &str, name: &str, value: impl AsRef<str>) -> String {
        self.words.fill(key, &[(name, value.as_ref())])
    }

    /// The BCP 47 tag of the page's language.
    pub fn lang(&self) -> &'static str {
        self.words.language().tag()
    }

    /// `Jumat, 27 November 2026`.
    pub fn date(&self, at: &Timestamp) -> String {
        clock::long_date(*at, self.zone, self.words.language())
    }

    /// The same for a day without a time.
    pub fn day(&self, day: &Date) -> String {
        let noon = day.to_datetime(Time::midnight()).to_zoned(self.zone.time_zone());
        noon.map(|noon| self.date(&noon.timestamp())).unwrap_or_default()
    }

    /// `27 November 2026 pukul 14.05 WIB`.
    pub fn time(&self, at: &Timestamp) -> String {
        clock::date_and_time(*at, self.zone, self.words.language())
    }

    /// For `<time datetime>`.
    pub fn machine(&self, at: &Timestamp) -> String {
        format!("{at:.0}")
    }

    /// How long ago, roughly: `baru saja`, `5 menit lalu`, `3 jam lalu`, `2 hari lalu`.
    pub fn ago(&self, at: &Timestamp) -> String {
        let seconds = self.now.as_second().saturating_sub(at.as_second()).max(0).unsigned_abs();
        match seconds {
            0..60 => self.t("ago.now").to_owned(),
            60..3_600 => self.words.count("ago.minutes", seconds / 60),
            3_600..86_400 => self.words.count("ago.hours", seconds / 3_600),
            _ => self.words.count("ago.days", seconds / 86_400),
        }
    }

    /// The clock of a deadline.
    pub fn clock(&self, deadline: Timestamp, calendar: &Calendar) -> Clock {
        Clock::of(deadline, self.now, calendar)
    }

    /// The word for a status.
    pub fn status(&self, status: &Status) -> &str {
        self.words.t(match status {
            Status::Received => "status.received",
            Status::Forwarded => "status.forwarded",
            Status::InProgress => "status.in_progress",
            Status::AwaitingCitizen => "status.awaiting_citizen",
            Status::Resolved => "status.resolved",
        })
    }

    /// The word for how far an agency is.
    pub fn work(&self, state: &DispatchState) -> &str {
        self.words.t(match state {
            DispatchState::Open => "work.open",
            DispatchState::InProgress => "work.in_progress",
            DispatchState::AwaitingCitizen => "work.awaiting_citizen",
            DispatchState::Done => "work.done",
            DispatchState::HandedOver => "work.handed_over",
        })
    }

    /// The address of a file of `/aset`.
    pub fn asset(&self, name: &str) -> &'static str {
        crate::asset(name)
    }

    /// For the links between the languages: tag, name in that language, address, whether it is this one.
    pub fn languages(&self) -> impl Iterator<Item = (&'static str, &'static str, &str, bool)> {
        self.languages.iter().map(|(language, href)| {
            let name = match language {
                Language::Id => "Bahasa Indonesia",
                Language::En => "English",
            };
            (language.tag(), name, href.as_str(), *language == self.words.language())
        })
    }
}
