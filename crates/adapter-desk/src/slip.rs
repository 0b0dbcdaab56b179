//! The slip on the screen and on paper, and the list of the day. Nothing on them is about the citizen.

use std::{collections::HashMap, sync::Arc};

use adapter_sdk::{
    Language, Timestamp,
    axum::{
        extract::{Path, Query, State},
        http::{HeaderMap, StatusCode},
        response::{IntoResponse, Redirect, Response},
    },
    form::{Answers, same_site},
    model::clock::{Zone, date_and_time},
};
use askama::Template;
use ui::{Page, Tone, Visit, Words};
use uuid::Uuid;

use crate::{
    Paper,
    entries::Entry,
    escpos,
    pages::{Room, drawn, missing, now, words},
    printer::{Printed, Printer},
    session::{self, Session},
};

/// What stands on a slip, on whatever it is printed: nothing about the citizen.
#[derive(Debug, Clone)]
pub(crate) struct SlipFacts {
    /// In the language of the citizen, whatever the clerk's page is in.
    pub(crate) words: Words,
    pub(crate) site: String,
    pub(crate) office: String,
    /// When the office is open.
    pub(crate) hours: String,
    pub(crate) reference: String,
    /// Empty until the core has told where citizens look.
    pub(crate) link: String,
    pub(crate) time: String,
    pub(crate) category: String,
    /// The sentence on the legal limit.
    pub(crate) limit: String,
    pub(crate) agency: String,
    pub(crate) deadline: String,
    /// `tel` or `mailto` where another adapter answers, else empty.
    pub(crate) by: String,
    /// To be filled in the browser.
    pub(crate) blank: bool,
}

impl SlipFacts {
    fn of(room: &Room, session: &Session, entry: &Entry) -> Self {
        let blank = Self::blank(room, session, entry.language);
        let site = room.site(entry.language);
        let answer = entry.answer.clone();
        Self {
            reference: entry.reference.to_string(),
            link: if site.base_url.is_empty() { String::new() } else { site.link(&entry.tracking) },
            time: date_and_time(entry.at, site.zone, entry.language),
            category: category(room, entry.category.as_deref(), entry.language),
            agency: answer.as_ref().and_then(|answer| answer.agency.clone()).unwrap_or_default(),
            deadline: answer.and_then(|answer| answer.deadline).unwrap_or_default(),
            by: entry.answered_by.clone().unwrap_or_default(),
            blank: false,
            ..blank
        }
    }

    /// With what is the same on every slip of the office.
    pub(crate) fn blank(room: &Room, session: &Session, language: Language) -> Self {
        Self {
            words: words(language),
            site: room.site(language).name,
            office: session.label.clone(),
            hours: session.hours.as_ref().map(|hours| hours.in_words(language)).unwrap_or_default(),
            reference: String::new(),
            link: String::new(),
            time: String::new(),
            category: String::new(),
            limit: room.desk.config.limit.in_language(language).to_owned(),
            agency: String::new(),
            deadline: String::new(),
            by: String::new(),
            blank: true,
        }
    }

    pub(crate) fn lang(&self) -> &'static str {
        self.words.language().tag()
    }

    pub(crate) fn t<'a>(&self, key: &'a str) -> &'a str {
        self.words.t(key)
    }

    /// What happens next, the limit, how answers come, what to keep, where help is.
    pub(crate) fn closing(&self) -> Vec<&str> {
        let by = match self.by.as_str() {
            "tel" => self.words.t("slip.by_tel"),
            "mailto" => self.words.t("slip.by_mailto"),
            _ => "",
        };
        let all = [
            self.words.t("slip.next"),
            &self.limit,
            self.words.t("slip.unsettled"),
            by,
            self.words.t("slip.keep"),
            self.words.t("slip.danger"),
        ];
        all.into_iter().filter(|words| !words.is_empty()).collect()
    }
}

#[derive(Template)]
#[template(path = "slip.html")]
struct SlipPage {
    page: Page,
    paper: Paper,
    slip: SlipFacts,
    id: Uuid,
    answered: bool,
    has_printer: bool,
    printed: Option<PrintedWords>,
}

/// What became of printing on the office's printer.
struct PrintedWords {
    tone: Tone,
    text: &'static str,
}

impl PrintedWords {
    fn of(printed: Printed, words: Words) -> Self {
        let (tone, text) = match printed {
            Printed::Waiting => (Tone::Info, words.t("cetak.waiting")),
            Printed::Done => (Tone::Good, words.t("cetak.done")),
            Printed::Failed => (Tone::Bad, words.t("cetak.failed")),
        };
        Self { tone, text }
    }
}

#[derive(Template)]
#[template(path = "hari_ini.html")]
struct TodayPage {
    page: Page,
    entries: Vec<Row>,
    mine: bool,
}

struct Row {
    id: Uuid,
    reference: String,
    time: String,
    category: String,
    agency: String,
    answered: bool,
}

pub(crate) async fn show(
    State(room): State<Arc<Room>>,
    visit: Visit,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let session = match session::of(&headers, &room.door, now()) {
        Ok(session) => session,
        Err(why) => return room.sign_in_first(&visit, why),
    };
    let Some(entry) = entry(&room, &session, &id) else { return missing(State(room), visit).await };
    let paper = query.get("kertas").and_then(|word| Paper::from_word(word)).unwrap_or(room.desk.config.paper);
    drawn(StatusCode::OK, &slip(&room, &visit, &session, &entry, paper))
}

fn slip(room: &Room, visit: &Visit, session: &Session, entry: &Entry, paper: Paper) -> SlipPage {
    let words = words(visit.language);
    let page = room.page(visit, Some((session, "")), words.t("slip.title")).script("live.js").script("slip.js").kind(paper.class());
    SlipPage {
        page,
        paper,
        slip: SlipFacts::of(room, session, entry),
        id: entry.id,
        answered: entry.answer.is_some(),
        has_printer: room.desk.printers.of(&entry.office).is_some(),
        printed: room.desk.printers.printed(&entry.id.to_string()).map(|printed| PrintedWords::of(printed, words)),
    }
}

/// `POST /slip/{id}/cetak`: on the office's printer. Waits for it, a few seconds at most, and says what became of it.
pub(crate) async fn print(State(room): State<Arc<Room>>, visit: Visit, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if !same_site(&headers) {
        return room.sorry(&visit, false, StatusCode::FORBIDDEN, "form.foreign");
    }
    let session = match session::of(&headers, &room.door, now()) {
        Ok(session) => session,
        Err(why) => return room.sign_in_first(&visit, why),
    };
    let Some(entry) = entry(&room, &session, &id) else { return missing(State(room), visit).await };
    on_paper(&room, &session, &entry).await;
    Redirect::to(&format!("/slip/{}", entry.id)).into_response()
}

/// Prints an entry's slip on its office's printer, if it has one.
pub(crate) async fn on_paper(room: &Room, session: &Session, entry: &Entry) {
    let facts = SlipFacts::of(room, session, entry);
    let draw = |printer: &Printer| escpos::slip(&facts, printer.roll(), printer.code(), printer.cuts());
    room.desk.printers.print(&entry.office, &entry.id.to_string(), draw).await;
}

pub(crate) async fn news(
    State(room): State<Arc<Room>>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let answers: &Answers = &room.desk.answers;
    match session::of(&headers, &room.door, now()).ok().and_then(|session| entry(&room, &session, &id)) {
        Some(entry) => answers.follow(entry.id.to_string(), query.contains_key("tampil"), room.door.closing()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

pub(crate) async fn today(
    State(room): State<Arc<Room>>,
    visit: Visit,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let session = match session::of(&headers, &room.door, now()) {
        Ok(session) => session,
        Err(why) => return room.sign_in_first(&visit, why),
    };
    let mine = query.contains_key("saya");
    let site = room.site(visit.language);
    let entries = room.desk.entries.of(&session.clerk.office, start_of_day(now(), site.zone));
    let shown = entries.into_iter().filter(|entry| !mine || entry.staff == session.clerk.staff);
    let entries = shown.map(|entry| row(&room, visit.language, site.zone, entry)).collect();
    let page = room.page(&visit, Some((&session, "/hari-ini")), words(visit.language).t("hari_ini.title"));
    drawn(StatusCode::OK, &TodayPage { page, entries, mine })
}

fn row(room: &Room, language: Language, zone: Zone, entry: Entry) -> Row {
    Row {
        id: entry.id,
        reference: entry.reference.to_string(),
        time: clock(entry.at, zone, language),
        category: category(room, entry.category.as_deref(), language),
        answered: entry.answer.is_some(),
        agency: entry.answer.and_then(|answer| answer.agency).unwrap_or_default(),
    }
}

/// `10.02 WIB` or `10:02 WIB`.
pub(crate) fn clock(at: Timestamp, zone: Zone, language: Language) -> String {
    let form = if language == Language::Id { "%H.%M" } else { "%H:%M" };
    format!("{} {}", at.to_zoned(zone.time_zone()).strftime(form), zone.name())
}

/// An entry of the clerk's own office.
fn entry(room: &Room, session: &Session, id: &str) -> Option<Entry> {
    let entry = room.desk.entries.get(id.parse().ok()?)?;
    (entry.office == session.clerk.office).then_some(entry)
}

/// The name of a category, empty when nobody chose one.
pub(crate) fn category(room: &Room, code: Option<&str>, language: Language) -> String {
    let directory = room.door.directory();
    let found = code.and_then(|code| directory.as_deref()?.categories.iter().find(|category| category.code == code));
    found.map_or_else(String::new, |category| match language {
        Language::Id => category.name_id.clone(),
        Language::En => category.name_en.clone(),
    })
}

fn start_of_day(now: Timestamp, zone: Zone) -> Timestamp {
    now.to_zoned(zone.time_zone()).start_of_day().map_or(now, |day| day.timestamp())
}
