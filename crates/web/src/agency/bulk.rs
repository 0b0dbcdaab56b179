//! `POST /antrean/sekaligus`: what may safely be done with several complaints of a list at once: taking them, giving them to one better agency with one
//! reason, a note; and, of what is held, letting it go or closing it as no complaint with one reason. Each by itself, under the same rules as on its own page; the answer says of each line what became of it. Nothing that a citizen has
//! to be told in words of their own is here: nobody settles a pile.

use std::collections::HashSet;

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use model::{Action, AgencyId, ComplaintId, NotAllowed, Role};
use ui::{Page, Visit};

use super::{Refused, act, seen_by};
use crate::{
    Rooms, WebError,
    form::{Acting, MOST_CHARACTERS},
    page,
};

/// As many as two pages of a list have lines.
pub(super) const MOST: usize = 50;

#[derive(Template)]
#[template(path = "bulk.html")]
struct Results {
    page: Page,
    what: String,
    /// Why nothing was done; empty: each line says what became of it.
    wrong: String,
    done: u64,
    lines: Vec<Line>,
    back: String,
}

/// What became of one.
struct Line {
    href: String,
    reference: String,
    /// Why not; empty: done.
    refused: String,
}

/// What is done with each.
#[derive(Clone)]
enum Act {
    Claim,
    HandOver(AgencyId, String),
    Note(String),
    Release,
    Reject(String),
}

impl Act {
    fn action(&self) -> Action {
        match self {
            Self::Claim => Action::Claim,
            Self::HandOver(to, reason) => Action::HandOver { to: vec![*to], reason: reason.clone() },
            Self::Note(text) => Action::Note { text: text.clone() },
            Self::Release => Action::Release,
            Self::Reject(reason) => Action::Reject { reason: reason.clone() },
        }
    }
}

/// What was chosen, or why nothing can be done.
fn chosen(acting: &Acting) -> Result<Act, Refused> {
    let text = acting.form.text("text");
    if text.chars().count() > MOST_CHARACTERS {
        return Err(Refused::TooLong);
    }
    let words = || if text.is_empty() { Err(Refused::Not(NotAllowed::NoWords)) } else { Ok(text.clone()) };
    match acting.form.text("what").as_str() {
        "ambil" => Ok(Act::Claim),
        "alihkan" => {
            let to = acting.form.text("agency").parse().map_err(|_| Refused::Not(NotAllowed::NoAgency))?;
            Ok(Act::HandOver(to, words()?))
        }
        "catat" => Ok(Act::Note(words()?)),
        "lepas" => Ok(Act::Release),
        "tolak" => Ok(Act::Reject(words()?)),
        _ => Err(Refused::Stale),
    }
}

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, acting: Acting) -> Result<Response, WebError> {
    acting.by.only(|role| role != Role::Clerk)?;
    let page = page::staff(&rooms, &visit, &acting.by, page::words(visit.language).t("bulk.title"));
    let mut ids: Vec<ComplaintId> = acting.form.all("id").filter_map(|id| id.parse().ok()).collect();
    let mut had = HashSet::new();
    ids.retain(|id| had.insert(*id));
    let what = match acting.form.text("what").as_str() {
        "ambil" => page.t("bulk.claim").to_owned(),
        "alihkan" => page.t("bulk.hand_over").to_owned(),
        "lepas" => page.t("bulk.release").to_owned(),
        "tolak" => page.t("bulk.reject").to_owned(),
        _ => page.t("bulk.note").to_owned(),
    };
    let act = match chosen(&acting) {
        Ok(_) if ids.is_empty() => Err(page.t("bulk.none").to_owned()),
        Ok(_) if ids.len() > MOST => Err(page.fill("bulk.too_many", "n", MOST.to_string())),
        Ok(act) => Ok(act),
        Err(refused) => Err(refused.words(&page)),
    };
    let (lines, wrong) = match act {
        Ok(act) => (each(&rooms, &acting, &ids, &act, &page).await?, String::new()),
        Err(wrong) => (Vec::new(), wrong),
    };
    let done = lines.iter().filter(|line| line.refused.is_empty()).count() as u64;
    let status = if wrong.is_empty() { axum::http::StatusCode::OK } else { axum::http::StatusCode::UNPROCESSABLE_ENTITY };
    let back = Some(acting.form.text("back")).filter(|back| back.starts_with("/antrean?")).unwrap_or_else(|| "/antrean".to_owned());
    Ok((status, page::html(&Results { page, what, wrong, done, lines, back })?).into_response())
}

async fn each(rooms: &Rooms, acting: &Acting, ids: &[ComplaintId], what: &Act, page: &Page) -> Result<Vec<Line>, WebError> {
    let mut lines = Vec::new();
    for &id in ids {
        let complaint = match seen_by(rooms, &acting.by, id).await {
            Ok(complaint) => complaint,
            // It left their sight since the list was drawn; its number is no more of theirs than its page.
            Err(WebError::NotFound) => {
                lines.push(Line {
                    href: String::new(),
                    reference: page.t("bulk.gone").to_owned(),
                    refused: page.t("bulk.gone.why").to_owned(),
                });
                continue;
            }
            Err(error) => return Err(error),
        };
        let done = act(rooms, acting, id, None, |_| what.action()).await;
        let refused = match done {
            Ok(done) => done.err().map(|refused| refused.words(page)).unwrap_or_default(),
            Err(WebError::NotFound) => page.t("bulk.gone.why").to_owned(),
            Err(error) => return Err(error),
        };
        lines.push(Line { href: format!("/aduan/{id}"), reference: complaint.reference.to_string(), refused });
    }
    Ok(lines)
}
