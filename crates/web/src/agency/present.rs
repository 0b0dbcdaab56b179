//! `POST /aduan/{id}/hadir`: a page says that it is open, that somebody writes in it, or that they left; the answer says who else is at the complaint. What is
//! not said again is over after a minute. Without scripts nobody says anything.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use model::{Complaint, Role};
use ui::{Page, Visit};

use super::{id_in, seen_by};
use crate::{Rooms, WebError, form::Acting, page, session::SignedIn};

/// Who else is here, as a part of the page.
#[derive(Template)]
#[template(path = "present.html")]
pub(super) struct Others {
    page: Page,
    people: Vec<(String, bool)>,
}

pub(super) async fn others(rooms: &Rooms, by: &SignedIn, complaint: &Complaint) -> Result<Vec<(String, bool)>, WebError> {
    let all = store::present::others(rooms.db(), complaint.id, by.staff.id, rooms.now()).await?;
    Ok(all.into_iter().map(|one| (one.name, one.writing)).collect())
}

pub(crate) async fn say(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let complaint = seen_by(&rooms, &acting.by, id).await?;
    acting.by.only(|role| role != Role::Clerk)?;
    let me = acting.by.staff.id;
    match acting.form.text("state").as_str() {
        "lihat" => store::present::say(rooms.db(), id, me, false, rooms.now()).await?,
        "tulis" => store::present::say(rooms.db(), id, me, true, rooms.now()).await?,
        "pergi" => store::present::leave(rooms.db(), id, me).await?,
        _ => return Err(WebError::Unreadable),
    }
    let people = others(&rooms, &acting.by, &complaint).await?;
    page::html(&Others { page: page::staff(&rooms, &visit, &acting.by, ""), people })
}
