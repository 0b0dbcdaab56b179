//! "Is there a complaint already?": asked before entering, by number, contact, name, or by place and words. The core answers; without it
//! the page says so, and the entry is made all the same.

use std::sync::Arc;

use adapter_sdk::{
    Language, Reference, Timestamp,
    axum::{
        Form as Fields,
        extract::State,
        http::{HeaderMap, StatusCode},
        response::Response,
    },
    form::{contact, same_site},
    model::{
        Point, Status,
        clock::date_and_time,
        desk::{Findings, Found, FoundBy, Search, UndeliveredAnswer},
    },
};
use askama::Template;
use serde::Deserialize;
use tracing::warn;
use ui::{Page, Visit, Words};

use crate::{
    core::NoAnswer,
    pages::{Room, drawn, now, words},
    session::{self, Session},
};

/// What was typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    nomor: String,
    kontak: String,
    nama: String,
    isi: String,
    tempat: String,
    wilayah: String,
    lat: String,
    lon: String,
}

/// Longer than any form lets anybody type.
const MOST_LETTERS: usize = 5_000;

impl Asked {
    fn search(&self) -> Search {
        let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let degrees = |text: &str| text.trim().parse::<f64>().ok().filter(|degrees| degrees.is_finite());
        Search {
            number: self.nomor.parse().ok(),
            contact: contact(&self.kontak),
            name: some(&self.nama).filter(|name| name.chars().count() >= 3),
            text: self.isi.chars().take(MOST_LETTERS).collect(),
            place: some(&self.tempat),
            // A whole kecamatan holds too much that is alike.
            area: some(&self.wilayah).filter(|_| !self.isi.trim().is_empty() || !self.tempat.trim().is_empty()),
            location: degrees(&self.lat).zip(degrees(&self.lon)).and_then(|(lat, lon)| Point::new(lat, lon)),
        }
    }
}

#[derive(Template)]
#[template(path = "cari.html")]
struct SearchPage {
    page: Page,
    asked: Asked,
    groups: Vec<adapter_sdk::form::AreaGroup>,
    results: Option<Results>,
}

/// What to show: something, nothing, or why not.
struct Results {
    lines: Vec<Line>,
    more: bool,
    /// Nothing was given to look for.
    nothing_asked: bool,
    /// A number that is none.
    mistyped: bool,
    /// The key of what to say where the core gave no answer.
    trouble: &'static str,
}

struct Line {
    reference: String,
    status: &'static str,
    agencies: String,
    time: String,
    by: String,
    own: bool,
    words: String,
    place: String,
    category: String,
}

pub(crate) async fn show(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap) -> Response {
    match session::of(&headers, &room.door, now()) {
        Ok(session) => {
            let asked = Asked { wilayah: session.area.clone().unwrap_or_default(), ..Asked::default() };
            page(&room, &visit, &session, asked, None)
        }
        Err(why) => room.sign_in_first(&visit, why),
    }
}

/// A POST, because what is looked for is about people and belongs into no address.
pub(crate) async fn submit(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap, Fields(asked): Fields<Asked>) -> Response {
    if !same_site(&headers) {
        return room.sorry(&visit, false, StatusCode::FORBIDDEN, "form.foreign");
    }
    let session = match session::of(&headers, &room.door, now()) {
        Ok(session) => session,
        Err(why) => return room.sign_in_first(&visit, why),
    };
    let search = asked.search();
    let mut results = Results {
        lines: Vec::new(),
        more: false,
        nothing_asked: search == Search { text: search.text.clone(), ..Search::default() },
        mistyped: !asked.nomor.trim().is_empty() && search.number.is_none(),
        trouble: "",
    };
    if !results.nothing_asked {
        let site = room.site(visit.language).base_url;
        match room.desk.core.search(&site, &session, &search).await {
            Ok(findings) => room.found(&mut results, findings, visit.language),
            Err(why) => results.trouble = trouble(&why),
        }
    }
    page(&room, &visit, &session, asked, Some(results))
}

/// The key of what to say where the core gave no answer.
pub(crate) fn trouble(why: &NoAnswer) -> &'static str {
    match why {
        NoAnswer::NotAClerk => "cari.not_a_clerk",
        NoAnswer::Refused(429) => "cari.too_often",
        _ => {
            warn!(error = why as &dyn std::error::Error, "The core gave the desk no answer.");
            "cari.no_core"
        }
    }
}

fn page(room: &Room, visit: &Visit, session: &Session, asked: Asked, results: Option<Results>) -> Response {
    let directory = room.door.directory();
    let groups = directory.as_deref().map(|directory| adapter_sdk::form::area_groups(&directory.areas)).unwrap_or_default();
    let page = room.page(visit, Some((session, "/cari")), words(visit.language).t("cari.title"));
    drawn(StatusCode::OK, &SearchPage { page, asked, groups, results })
}

impl Room {
    fn found(&self, results: &mut Results, findings: Findings, language: Language) {
        results.more = findings.more;
        results.lines = findings.found.into_iter().map(|found| self.line(found, language)).collect();
    }

    fn line(&self, found: Found, language: Language) -> Line {
        let words = words(language);
        let by: Vec<&str> = found.by.iter().map(|by| by_in_words(*by, words)).collect();
        let own = found.own.is_some();
        let seen = found.own.unwrap_or(adapter_sdk::model::desk::Own { words: String::new(), place: None, category: None });
        Line {
            reference: found.reference.to_string(),
            status: status_in_words(found.status, words),
            agencies: found.agencies.join(", "),
            time: self.time(found.opened_at, language),
            by: by.join(", "),
            own,
            words: seen.words,
            place: seen.place.unwrap_or_default(),
            category: crate::slip::category(self, seen.category.as_deref(), language),
        }
    }

    pub(crate) fn time(&self, at: Timestamp, language: Language) -> String {
        date_and_time(at, self.site(language).zone, language)
    }
}

fn by_in_words(by: FoundBy, words: Words) -> &'static str {
    words.t(match by {
        FoundBy::Number => "cari.by.number",
        FoundBy::Contact => "cari.by.contact",
        FoundBy::Name => "cari.by.name",
        FoundBy::Place => "cari.by.place",
    })
}

fn status_in_words(status: Status, words: Words) -> &'static str {
    words.t(match status {
        Status::Received => "status.received",
        Status::Forwarded => "status.forwarded",
        Status::InProgress => "status.in_progress",
        Status::AwaitingCitizen => "status.awaiting_citizen",
        Status::Resolved => "status.resolved",
    })
}

#[derive(Template)]
#[template(path = "tak_sampai.html")]
struct UndeliveredPage {
    page: Page,
    office: String,
    lines: Vec<UndeliveredLine>,
    more: bool,
    trouble: &'static str,
}

struct UndeliveredLine {
    reference: Reference,
    kind: &'static str,
    status: &'static str,
    time: String,
    name: String,
    contact: String,
}

/// `GET /tak-sampai`: answers to the office's citizens that did not arrive, to be printed and worked off by hand.
pub(crate) async fn undelivered(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap) -> Response {
    let session = match session::of(&headers, &room.door, now()) {
        Ok(session) => session,
        Err(why) => return room.sign_in_first(&visit, why),
    };
    let site = room.site(visit.language).base_url;
    let (lines, more, trouble) = match room.desk.core.undelivered(&site, &session).await {
        Ok(undelivered) => {
            let lines = undelivered.answers.into_iter().map(|answer| room.undelivered_line(answer, visit.language)).collect();
            (lines, undelivered.more, "")
        }
        Err(why) => (Vec::new(), false, trouble(&why)),
    };
    let page = room.page(&visit, Some((&session, "/tak-sampai")), words(visit.language).t("tak_sampai.title")).script("slip.js");
    drawn(StatusCode::OK, &UndeliveredPage { page, office: session.label.clone(), lines, more, trouble })
}

impl Room {
    fn undelivered_line(&self, answer: UndeliveredAnswer, language: Language) -> UndeliveredLine {
        use adapter_sdk::ReplyKind as Kind;
        let words = words(language);
        let kind = words.t(match answer.kind {
            Kind::Received | Kind::Noted => "tak_sampai.received",
            Kind::Forwarded | Kind::Routed | Kind::HandedOver => "tak_sampai.forwarded",
            Kind::Started => "tak_sampai.started",
            // The last two are of nobody who stands at a desk: never in this list.
            Kind::Asked | Kind::Entrusted | Kind::Escalated => "tak_sampai.asked",
            Kind::Wanted => "tak_sampai.wanted",
            Kind::Answered => "tak_sampai.answered",
            Kind::Resolved => "tak_sampai.resolved",
            Kind::Closed => "tak_sampai.closed",
            Kind::Reopened => "tak_sampai.reopened",
            Kind::Unreadable => "tak_sampai.unreadable",
            Kind::Blocked | Kind::Unblocked => "tak_sampai.blocked",
        });
        UndeliveredLine {
            reference: answer.reference,
            kind,
            status: status_in_words(answer.status, words),
            time: self.time(answer.at, language),
            name: answer.name.unwrap_or_default(),
            contact: answer.contact.iter().map(|address| address.path().to_owned()).collect::<Vec<_>>().join(", "),
        }
    }
}
