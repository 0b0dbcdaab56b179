//! How the pages look: the templates and what they are filled with.

use std::sync::LazyLock;

use adapter_sdk::{
    ClerkToken, Language, Site,
    axum::{http::StatusCode, response::Response},
    form::{self, AreaGroup, BodyError, Form, NotAClerk, Problems, area_groups, site},
    model::Role,
};
use askama::Template;
use jiff::civil::Date;
use ui::{Account, Link, Page, Visit, Words};
use uuid::Uuid;

use crate::{
    export::{Kind, Media, Message},
    marks::Marks,
    pages::{Asked, Room, can_be_chosen, now},
    preview::{Preview, field},
    wire::Consent,
};

/// The words of this crate; `ui` has those that all forms share.
pub(crate) static BOOK: LazyLock<ui::Book> =
    LazyLock::new(|| ui::Book::parse(include_str!("../words/id.toml"), include_str!("../words/en.toml")));

/// Messages on one page of the preview.
const A_PAGE: usize = 200;
#[derive(Template)]
#[template(path = "unggah.html")]
struct HandInPage {
    page: Page,
    problems: Problems,
    group: String,
    exported_by: String,
    pasted: String,
    author: String,
    area: String,
    consent: Consent,
    consents: [(Consent, &'static str); 3],
    groups: Vec<AreaGroup>,
    files_hint: String,
}

#[derive(Template)]
#[template(path = "pilih.html")]
struct ChoosePage {
    page: Page,
    problem: &'static str,
    id: Uuid,
    group: String,
    exported_by: String,
    consent: &'static str,
    doubtful: bool,
    /// The first date as it was read.
    first_day: String,
    left_out: u64,
    from: String,
    until: String,
    total: u64,
    /// How many of the whole chat were imported before, through this door.
    imported: u64,
    rows: Vec<Row>,
    newer: String,
    older: String,
}

/// A message as the page shows it.
struct Row {
    place: usize,
    time: String,
    author: String,
    text: String,
    file: String,
    /// The number it was imported under before; empty: it was not.
    imported: String,
    /// The file was handed in.
    has_file: bool,
    has_place: bool,
    kind: Kind,
    /// The same person spoke last: this can go on with it.
    goes_on: bool,
}

#[derive(Template)]
#[template(path = "hasil.html")]
pub(crate) struct DonePage {
    pub(crate) page: Page,
    pub(crate) group: String,
    pub(crate) taken: Vec<Taken>,
    pub(crate) failed: u64,
    pub(crate) again: String,
}

/// A complaint that was taken.
pub(crate) struct Taken {
    pub(crate) reference: String,
    pub(crate) link: String,
    pub(crate) author: String,
    pub(crate) text: String,
    pub(crate) messages: u64,
}

#[derive(Template)]
#[template(path = "masuk.html")]
struct SignInPage {
    page: Page,
    text: &'static str,
    sign_in: String,
}

#[derive(Template)]
#[template(path = "maaf.html")]
struct SorryPage {
    page: Page,
    text: String,
}

impl Room {
    pub(crate) fn hand_in_page(&self, visit: &Visit, status: StatusCode, clerk: &ClerkToken, form: &Form, problems: Problems) -> Response {
        let words = words(visit.language);
        let directory = self.door.directory();
        let groups = directory.as_deref().map(|directory| area_groups(&directory.areas)).unwrap_or_default();
        let megabytes = (self.import.config.max_upload.get() >> 20).to_string();
        let typed = |name: &str| form.typed(name).to_owned();
        drawn(
            status,
            &HandInPage {
                page: self.page(visit, Some(clerk), words.t("unggah.title")),
                problems,
                group: typed(field::GROUP),
                exported_by: typed(field::EXPORTED_BY),
                pasted: typed(field::PASTED),
                author: typed(field::AUTHOR),
                area: typed(field::AREA),
                consent: Consent::from_word(form.typed(field::CONSENT)).unwrap_or(Consent::Known),
                consents: Consent::ALL.map(|consent| (consent, words.t(consent.key()))),
                groups,
                files_hint: words.fill("unggah.files.hint", &[("mb", &megabytes)]),
            },
        )
    }

    #[expect(clippy::too_many_arguments, reason = "a page is drawn from all of them")]
    pub(crate) fn choose_page(
        &self,
        visit: &Visit,
        status: StatusCode,
        clerk: &ClerkToken,
        id: Uuid,
        preview: &Preview,
        asked: &Asked,
        problem: &'static str,
    ) -> Response {
        let words = words(visit.language);
        let page = self.page(visit, Some(clerk), words.t("pilih.title")).kind("wide");
        let day = |typed: &Option<String>| typed.as_deref().and_then(|typed| typed.parse::<Date>().ok());
        let (from, until) = (day(&asked.dari), day(&asked.sampai));
        let inside =
            |message: &Message| from.is_none_or(|from| message.at.date() >= from) && until.is_none_or(|until| message.at.date() <= until);
        let shown: Vec<usize> = (0..preview.chat.messages.len()).filter(|place| inside(&preview.chat.messages[*place])).collect();
        // From the end: what is new is what staff look for.
        let end = shown.len().saturating_sub(asked.lewati.unwrap_or(0).min(shown.len()));
        let begin = end.saturating_sub(A_PAGE);
        let link = |skipped: usize| {
            let day = |name: &str, day: Option<Date>| day.map(|day| format!("&{name}={day}")).unwrap_or_default();
            format!("/pilih/{id}?lewati={skipped}{}{}", day("dari", from), day("sampai", until))
        };
        let first_day = preview.chat.messages.first().map(|message| page.day(&message.at.date())).unwrap_or_default();
        drawn(
            status,
            &ChoosePage {
                problem,
                id,
                group: preview.group.clone(),
                exported_by: preview.exported_by.clone(),
                consent: words.t(preview.consent.key()),
                doubtful: preview.chat.doubtful,
                first_day,
                left_out: preview.chat.left_out as u64,
                from: from.map(|day| day.to_string()).unwrap_or_default(),
                until: until.map(|day| day.to_string()).unwrap_or_default(),
                total: shown.len() as u64,
                imported: preview.ids.iter().filter(|id| self.marks.number(id).is_some()).count() as u64,
                rows: shown[begin..end].iter().map(|place| row(preview, *place, &page, &self.marks)).collect(),
                newer: if end < shown.len() { link(0) } else { String::new() },
                older: if begin > 0 { link(shown.len() - begin) } else { String::new() },
                page,
            },
        )
    }

    pub(crate) fn unread(&self, visit: &Visit, error: BodyError) -> Response {
        let (status, key) = match error {
            BodyError::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "unggah.too_large"),
            BodyError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "form.busy"),
            BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, "form.slow"),
            BodyError::Broken => (StatusCode::BAD_REQUEST, "form.slow"),
        };
        self.sorry(visit, status, key)
    }

    pub(crate) fn sorry(&self, visit: &Visit, status: StatusCode, key: &str) -> Response {
        let words = words(visit.language);
        let text = words.fill(key, &[("mb", &(self.import.config.max_upload.get() >> 20).to_string())]);
        drawn(status, &SorryPage { page: self.page(visit, None, words.t("maaf.title")), text })
    }

    pub(crate) fn sign_in_first(&self, visit: &Visit, why: NotAClerk) -> Response {
        let words = words(visit.language);
        let sign_in = self.door.directory().map(|directory| directory.sign_in_url.clone()).unwrap_or_default();
        let text = match why {
            NotAClerk::NoKey => "masuk.no_key",
            NotAClerk::Expired => "masuk.expired",
            NotAClerk::Forged => "masuk.text",
        };
        drawn(StatusCode::FORBIDDEN, &SignInPage { page: self.page(visit, None, words.t("masuk.title")), text, sign_in })
    }

    pub(crate) fn page(&self, visit: &Visit, clerk: Option<&ClerkToken>, title: &str) -> Page {
        let words = words(visit.language);
        let mut page = Page::new(visit, words, &self.site(visit.language), now(), title);
        if let Some(clerk) = clerk {
            page = page.menu(vec![Link { href: "/".to_owned(), label: words.t("menu.import").to_owned(), here: true }]);
            page.account = Some(Account::of_clerk(clerk, words.t(role(clerk.role)).to_owned()));
        }
        page
    }

    pub(crate) fn site(&self, language: Language) -> Site {
        site(&self.door, words(language).t("site.unnamed"))
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Clerk => "peran.clerk",
        Role::Admin => "peran.admin",
        Role::Triage | Role::Officer | Role::Supervisor => "peran.triage",
    }
}

fn row(preview: &Preview, place: usize, page: &Page, marks: &Marks) -> Row {
    let messages = &preview.chat.messages;
    let message = &messages[place];
    let before = messages[..place].iter().rev().find(|before| before.kind != Kind::System);
    let file = match &message.media {
        Some(Media::Named(name)) => name.clone(),
        Some(Media::Omitted) => page.t("pilih.omitted").to_owned(),
        None => String::new(),
    };
    Row {
        place,
        time: format!("{} {}", page.day(&message.at.date()), message.at.strftime("%H.%M")),
        author: message.author.clone().unwrap_or_default(),
        text: message.text.clone(),
        file,
        imported: marks.number(&preview.ids[place]).unwrap_or_default(),
        has_file: message.media.as_ref().is_some_and(|media| preview.has(media)),
        has_place: message.place.is_some(),
        kind: message.kind,
        goes_on: can_be_chosen(message) && before.is_some_and(|before| before.author == message.author && can_be_chosen(before)),
    }
}

pub(crate) fn words(language: Language) -> Words {
    Words::of(&BOOK, language)
}

pub(crate) fn drawn(status: StatusCode, template: &impl Template) -> Response {
    form::drawn(status, template.render())
}
