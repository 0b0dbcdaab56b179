//! What a browser needs to go on without the network: supplies, the page of what waits, the closed door.

use std::{collections::BTreeMap, sync::Arc};

use adapter_sdk::{
    Timestamp,
    axum::{
        Json,
        extract::State,
        http::{HeaderMap, StatusCode},
        response::{IntoResponse, Response},
    },
};
use askama::Template;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::Serialize;
use ui::{Page, Visit};

use crate::{
    Paper, files,
    pages::{Room, drawn, now, words},
    session::{self, Session},
    shift::Shift,
    slip::SlipFacts,
};

/// What one clerk's browser works with while there is no line. `office.js` and `waiting.js` read it.
#[derive(Serialize)]
struct Supplies {
    /// Account of the office.
    office: String,
    /// What people call it.
    label: String,
    /// The clerk's name.
    clerk: String,
    /// [`Shift::word`].
    shift: String,
    until: Timestamp,
    /// The door's clock: the browser's may be wrong.
    now: Timestamp,
    /// Entries are sealed with it: the office's, so that any clerk of the office can send what another left.
    key: String,
    site: SiteFacts,
    categories: BTreeMap<String, Names>,
    /// Kinds of contact that are answered by another adapter.
    answered: Vec<String>,
}

#[derive(Serialize)]
struct SiteFacts {
    base_url: String,
    zone: &'static str,
    time_zone: &'static str,
}

#[derive(Serialize)]
struct Names {
    id: String,
    en: String,
}

/// `GET /bekal.json`, for a clerk only.
pub(crate) async fn supplies(State(room): State<Arc<Room>>, headers: HeaderMap) -> Response {
    match session::of(&headers, &room.door, now()) {
        Ok(session) => Json(of(&room, &session)).into_response(),
        Err(_) => StatusCode::FORBIDDEN.into_response(),
    }
}

fn of(room: &Room, session: &Session) -> Supplies {
    let directory = room.door.directory();
    let site = room.site(adapter_sdk::Language::Id);
    let categories = directory.iter().flat_map(|directory| &directory.categories);
    let names = |category: &adapter_sdk::Category| Names { id: category.name_id.clone(), en: category.name_en.clone() };
    Supplies {
        office: session.clerk.office.clone(),
        label: session.label.clone(),
        clerk: session.clerk.name.clone(),
        shift: Shift::of(session).word(&room.mint),
        until: session.clerk.expires_at,
        now: now(),
        key: BASE64_URL_SAFE_NO_PAD.encode(room.mint.key("seal", &session.clerk.office)),
        site: SiteFacts {
            base_url: site.base_url,
            zone: site.zone.name(),
            time_zone: match site.zone {
                adapter_sdk::model::clock::Zone::Wib => "Asia/Jakarta",
                adapter_sdk::model::clock::Zone::Wita => "Asia/Makassar",
                adapter_sdk::model::clock::Zone::Wit => "Asia/Jayapura",
            },
        },
        categories: categories.map(|category| (category.code.clone(), names(category))).collect(),
        answered: room.desk.config.answer_via.keys().cloned().collect(),
    }
}

#[derive(Template)]
#[template(path = "luring.html")]
struct WaitingPage {
    page: Page,
    paper: Paper,
    script: String,
    qr: &'static str,
    blanks: [SlipFacts; 2],
}

/// `GET /luring`: what is not with the door yet, and slips drawn in the browser. The page itself holds nothing of anybody.
pub(crate) async fn waiting(State(room): State<Arc<Room>>, visit: Visit, headers: HeaderMap) -> Response {
    let session = match session::of(&headers, &room.door, now()) {
        Ok(session) => session,
        Err(why) => return room.sign_in_first(&visit, why),
    };
    let paper = room.desk.config.paper;
    let title = words(visit.language).t("luring.title");
    let page = room.page(&visit, Some((&session, "/luring")), title).script("slip.js").kind(paper.class());
    let blanks = [adapter_sdk::Language::Id, adapter_sdk::Language::En].map(|language| SlipFacts::blank(&room, &session, language));
    drawn(StatusCode::OK, &WaitingPage { page, paper, script: files::address("waiting.js"), qr: ui::asset("qr.js"), blanks })
}

#[derive(Template)]
#[template(path = "tutup.html")]
struct ClosedPage {
    page: Page,
    script: String,
}

/// `GET /tutup`: what a browser shows that has no line and no clerk.
pub(crate) async fn closed(State(room): State<Arc<Room>>, visit: Visit) -> Response {
    let page = room.page(&visit, None, words(visit.language).t("tutup.title"));
    drawn(StatusCode::OK, &ClosedPage { page, script: files::address("gate.js") })
}
