//! The slip on the screen and on paper, and the list of the day. Nothing on them is about the citizen.

use std::{collections::HashMap, sync::Arc};

use adapter_sdk::{
    Language, Timestamp,
    axum::{
        extract::{Path, Query, State},
        http::{HeaderMap, StatusCode},
        response::{IntoResponse, Response},
    },
    form::Answers,
    model::clock::{Zone, date_and_time},
};
use askama::Template;
use ui::{Page, Visit};
use uuid::Uuid;

use crate::{
    Paper,
    entries::{Answer, Entry},
    pages::{Room, drawn, missing, now, words},
    session::{self, Session},
};

#[derive(Template)]
#[template(path = "slip.html")]
struct SlipPage {
    page: Page,
    paper: Paper,
    /// The slip is in the language of the citizen, whatever the clerk's page is in.
    slip: ui::Words,
    site: String,
    id: Uuid,
    reference: String,
    link: String,
    office: String,
    time: String,
    category: String,
    limit: String,
    answer: Option<Answer>,
    answered_by: Option<String>,
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
    drawn(StatusCode::OK, &slip(&room, &visit, &session, entry, paper))
}

fn slip(room: &Room, visit: &Visit, session: &Session, entry: Entry, paper: Paper) -> SlipPage {
    let site = room.site(entry.language);
    let kind = match paper {
        Paper::Roll => "slip-80",
        Paper::A5 => "slip-a5",
        Paper::Large => "slip-besar",
    };
    let page = room.page(visit, Some((session, "")), words(visit.language).t("slip.title")).script("live.js").script("slip.js").kind(kind);
    SlipPage {
        page,
        paper,
        slip: words(entry.language),
        id: entry.id,
        reference: entry.reference.to_string(),
        link: if site.base_url.is_empty() { String::new() } else { site.link(&entry.tracking) },
        office: session.label.clone(),
        time: date_and_time(entry.at, site.zone, entry.language),
        category: category(room, entry.category.as_deref(), entry.language),
        limit: room.desk.config.limit.in_language(entry.language).to_owned(),
        site: site.name,
        answer: entry.answer,
        answered_by: entry.answered_by,
    }
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
    let clock = if language == Language::Id { "%H.%M" } else { "%H:%M" };
    let time = entry.at.to_zoned(zone.time_zone()).strftime(clock).to_string();
    Row {
        id: entry.id,
        reference: entry.reference.to_string(),
        time: format!("{time} {}", zone.name()),
        category: category(room, entry.category.as_deref(), language),
        answered: entry.answer.is_some(),
        agency: entry.answer.and_then(|answer| answer.agency).unwrap_or_default(),
    }
}

/// An entry of the clerk's own office.
fn entry(room: &Room, session: &Session, id: &str) -> Option<Entry> {
    let entry = room.desk.entries.get(id.parse().ok()?)?;
    (entry.office == session.clerk.office).then_some(entry)
}

/// The name of a category, empty when nobody chose one.
fn category(room: &Room, code: Option<&str>, language: Language) -> String {
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
