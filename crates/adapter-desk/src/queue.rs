//! The pages of the queue: give a number, call the next, a screen for the waiting room.

use std::{collections::HashMap, sync::Arc};

use adapter_sdk::{
    axum::{
        extract::{Path, Query, State},
        http::{HeaderMap, StatusCode},
        response::{IntoResponse, Redirect, Response},
    },
    form::same_site,
};
use askama::Template;
use jiff::civil::Date;
use ui::{Page, Visit};

use crate::{
    escpos,
    pages::{Room, drawn, missing, now, words},
    printer::Printed,
    session::{self, Session},
    tickets::Ticket,
};

#[derive(Template)]
#[template(path = "antrean.html")]
struct QueuePage {
    page: Page,
    waiting: Vec<Line>,
    called: Vec<Line>,
    /// Whose turn it is.
    now: String,
}

struct Line {
    number: u32,
    shown: String,
    time: String,
    entered: String,
}

#[derive(Template)]
#[template(path = "antrean_layar.html")]
struct ScreenPage {
    page: Page,
    office: String,
    now: String,
    waiting: String,
}

#[derive(Template)]
#[template(path = "antrean_nomor.html")]
struct TicketPage {
    page: Page,
    site: String,
    office: String,
    number: String,
    time: String,
    has_printer: bool,
    printed: bool,
    failed: bool,
}

/// Three digits are read from afar, and nobody takes them for a complaint's number.
fn shown(number: u32) -> String {
    format!("{number:03}")
}

impl Room {
    pub(crate) fn today(&self) -> Date {
        now().to_zoned(self.site(adapter_sdk::Language::Id).zone.time_zone()).date()
    }

    fn tickets(&self, session: &Session) -> (Vec<Ticket>, Vec<Ticket>) {
        let all = self.desk.tickets.today(&session.clerk.office, self.today());
        all.into_iter().partition(|ticket| ticket.called.is_none())
    }

    fn queue_line(&self, ticket: &Ticket, visit: &Visit) -> Line {
        Line {
            number: ticket.number,
            shown: shown(ticket.number),
            time: crate::slip::clock(ticket.called.unwrap_or(ticket.given), self.site(visit.language).zone, visit.language),
            entered: ticket.entered.map(|reference| reference.to_string()).unwrap_or_default(),
        }
    }
}

/// Who was called last.
fn turn(called: &[Ticket]) -> String {
    called.iter().max_by_key(|ticket| (ticket.called, ticket.number)).map(|ticket| shown(ticket.number)).unwrap_or_default()
}

pub(crate) async fn show(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap) -> Response {
    let session = match session::of(&headers, &room.door, now()) {
        Ok(session) => session,
        Err(why) => return room.sign_in_first(&visit, why),
    };
    let (waiting, mut called) = room.tickets(&session);
    let turn = turn(&called);
    called.sort_by_key(|ticket| std::cmp::Reverse((ticket.called, ticket.number)));
    let lines = |tickets: &[Ticket]| tickets.iter().map(|ticket| room.queue_line(ticket, &visit)).collect();
    let page = room.page(&visit, Some((&session, "/antrean")), words(visit.language).t("antrean.title")).script("live.js");
    drawn(StatusCode::OK, &QueuePage { page, waiting: lines(&waiting), called: lines(&called), now: turn })
}

/// `GET /antrean/layar`: for the screen in the waiting room.
pub(crate) async fn screen(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap) -> Response {
    let session = match session::of(&headers, &room.door, now()) {
        Ok(session) => session,
        Err(why) => return room.sign_in_first(&visit, why),
    };
    let (waiting, called) = room.tickets(&session);
    let page = room.page(&visit, None, words(visit.language).t("antrean.screen")).script("live.js").kind("screen");
    let waiting = page.words.number(waiting.len() as u64);
    drawn(StatusCode::OK, &ScreenPage { page, office: session.label.clone(), now: turn(&called), waiting })
}

pub(crate) async fn news(State(room): State<Arc<Room>>, headers: HeaderMap) -> Response {
    match session::of(&headers, &room.door, now()) {
        // Whatever was there is on the page already.
        Ok(session) => room.desk.tickets.news.follow(session.clerk.office, true, room.door.closing()),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Gives the next number and shows it for printing.
pub(crate) async fn give(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap) -> Response {
    let session = match acting(&room, &visit, &headers) {
        Ok(session) => session,
        Err(response) => return *response,
    };
    let office = session.clerk.office.clone();
    let Some(number) = room.desk.tickets.give(&office, room.today(), now()).await else {
        return room.sorry(&visit, false, StatusCode::SERVICE_UNAVAILABLE, "antrean.full");
    };
    if room.desk.printers.of(&office).is_some_and(crate::printer::Printer::prints_at_once) {
        let room = room.clone();
        tokio::spawn(async move { print(&room, &session, number).await });
    }
    Redirect::to(&format!("/antrean/nomor/{number}")).into_response()
}

pub(crate) async fn call(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap) -> Response {
    match acting(&room, &visit, &headers) {
        Ok(session) => {
            room.desk.tickets.call_next(&session.clerk.office, room.today(), now()).await;
            Redirect::to("/antrean").into_response()
        }
        Err(response) => *response,
    }
}

pub(crate) async fn ticket(
    State(room): State<Arc<Room>>,
    visit: Visit,
    Path(number): Path<u32>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let session = match session::of(&headers, &room.door, now()) {
        Ok(session) => session,
        Err(why) => return room.sign_in_first(&visit, why),
    };
    let Some(ticket) = found(&room, &session, number) else { return missing(State(room), visit).await };
    let site = room.site(visit.language);
    let said = query.get("cetak").map(String::as_str);
    let page = room
        .page(&visit, Some((&session, "/antrean")), words(visit.language).t("antrean.ticket"))
        .script("slip.js")
        .kind(room.desk.config.paper.class());
    let time = room.time(ticket.given, visit.language);
    let has_printer = room.desk.printers.of(&session.clerk.office).is_some();
    let (printed, failed) = (said == Some("ya"), said == Some("gagal"));
    drawn(
        StatusCode::OK,
        &TicketPage { page, site: site.name, office: session.label, number: shown(number), time, has_printer, printed, failed },
    )
}

/// Prints a number on the office's printer.
pub(crate) async fn reprint(State(room): State<Arc<Room>>, visit: Visit, Path(number): Path<u32>, headers: HeaderMap) -> Response {
    let session = match acting(&room, &visit, &headers) {
        Ok(session) => session,
        Err(response) => return *response,
    };
    let said = if print(&room, &session, number).await == Printed::Done { "ya" } else { "gagal" };
    Redirect::to(&format!("/antrean/nomor/{number}?cetak={said}")).into_response()
}

async fn print(room: &Room, session: &Session, number: u32) -> Printed {
    let Some(ticket) = found(room, session, number) else { return Printed::Failed };
    let language = adapter_sdk::Language::Id;
    let (site, time) = (room.site(language).name, room.time(ticket.given, language));
    let title = words(language).t("antrean.yours");
    let id = format!("ticket {} {number}", session.clerk.office);
    let draw = |printer: &crate::printer::Printer| {
        escpos::ticket(&site, &session.label, title, &shown(number), &time, printer.roll(), printer.cuts())
    };
    room.desk.printers.print(&session.clerk.office, &id, draw).await
}

fn found(room: &Room, session: &Session, number: u32) -> Option<Ticket> {
    room.desk.tickets.today(&session.clerk.office, room.today()).into_iter().find(|ticket| ticket.number == number)
}

/// A post of a clerk from a page of ours.
fn acting(room: &Room, visit: &Visit, headers: &HeaderMap) -> Result<Session, Box<Response>> {
    if !same_site(headers) {
        return Err(Box::new(room.sorry(visit, false, StatusCode::FORBIDDEN, "form.foreign")));
    }
    session::of(headers, &room.door, now()).map_err(|why| Box::new(room.sign_in_first(visit, why)))
}
