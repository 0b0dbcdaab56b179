//! `GET /impor`: the door to the import of group chats: a token signed here, checked there.

use askama::Template;
use axum::{extract::State, response::Response};
use model::Role;
use ui::{Page, Visit};

use super::desk::{signed, token};
use crate::{Rooms, WebError, page, session::SignedIn};

#[derive(Template)]
#[template(path = "import.html")]
struct Import {
    page: Page,
    /// Where the token is posted to; `None`: nothing can be imported.
    door: Option<String>,
    token: String,
}

/// Whether this role takes complaints in.
pub(crate) fn may(role: Role) -> bool {
    matches!(role, Role::Clerk | Role::Triage | Role::Admin)
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn) -> Result<Response, WebError> {
    by.only(may)?;
    let office = by.staff.office.clone().unwrap_or_default();
    page::html(&Import {
        door: rooms.import_url().map(|url| format!("{url}/masuk")),
        token: signed(&token(&by.staff, office, &rooms).await?, rooms.staff_key()),
        page: page::staff(&rooms, &visit, &by, page::words(visit.language).t("import.title")),
    })
}
