//! `GET /admin/kabar`: what platforms tell about our accounts, the worst first.

use askama::Template;
use axum::{extract::State, response::Response};
use model::{Notice, NoticeState};
use ui::{Page, Visit};

use super::frame;
use crate::{Rooms, WebError, page, session::SignedIn};

#[derive(Template)]
#[template(path = "admin_notices.html")]
struct Notices {
    page: Page,
    notices: Vec<Notice>,
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn) -> Result<Response, WebError> {
    by.only_admin()?;
    let notices = store::notice::all(rooms.db()).await?;
    page::html(&Notices { page: frame(&rooms, &visit, &by, "menu.notices"), notices })
}
