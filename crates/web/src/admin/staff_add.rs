//! `POST /admin/petugas`: makes an account; the link with which its owner sets the password is shown once.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use model::{Language, Role};
use serde_json::json;
use store::{StoreError, staff::NewStaff};
use ui::{Visit, Words};

use super::staff::{Draft, Fresh, draw};
use crate::{
    Rooms, WebError,
    account::no_password,
    agency::Done,
    form::{Acting, Fields},
    page,
    session::SignedIn,
};

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    let words = page::words(visit.language);
    match add(&rooms, &by, &form, words).await? {
        Ok(fresh) => draw(&rooms, &visit, &by, Draft::default(), Some(fresh), &Done::default()).await,
        Err(error) => {
            let draft = Draft {
                name: form.text("name"),
                login: form.text("login"),
                role: form.text("role"),
                agency: form.text("agency"),
                office: form.text("office"),
                error: error.to_owned(),
            };
            let page = draw(&rooms, &visit, &by, draft, None, &Done::default()).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

async fn add(rooms: &Rooms, by: &SignedIn, form: &Fields, words: Words) -> Result<Result<Fresh, &'static str>, WebError> {
    let new = match read(form, words, rooms) {
        Ok(new) => new,
        Err(error) => return Ok(Err(error)),
    };
    let hash = no_password().await?;
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    let id = match store::staff::create(&mut tx, &new, &hash, now).await {
        Ok(Some(id)) => id,
        Ok(None) => return Ok(Err(words.t("staff.taken"))),
        Err(StoreError::Conflict { .. }) => return Ok(Err(words.t("staff.place_needed"))),
        Err(error) => return Err(error.into()),
    };
    let token = store::staff::invite(&mut tx, id, Some(by.staff.id), &hash, now).await?;
    let detail = json!({ "role": new.role.as_str(), "agency": new.agency, "office": new.office });
    store::audit::write(&mut tx, now, Some(by.staff.id), "staff.created", &new.login, &detail).await?;
    store::commit(tx).await?;
    Ok(Ok(Fresh::new(rooms, new.login, &token)))
}

fn read(form: &Fields, words: Words, rooms: &Rooms) -> Result<NewStaff, &'static str> {
    let login = form.text("login").to_lowercase();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_@".contains(c);
    if !(2..=64).contains(&login.len()) || !login.chars().all(fits) {
        return Err(words.t("staff.login_wrong"));
    }
    let name = form.text("name");
    if !(1..=100).contains(&name.chars().count()) {
        return Err(words.t("staff.name_wrong"));
    }
    let role: Role = form.text("role").parse().map_err(|_| words.t("staff.role_wrong"))?;
    let agency = form.text("agency").parse().ok().filter(|id| rooms.directory().agencies.contains_key(id));
    let office = form.some("office");
    // Each role has the one place it needs; the form shows both.
    let (agency, office) = match role {
        Role::Officer | Role::Supervisor => (agency, None),
        Role::Clerk => (None, office),
        Role::Triage | Role::Admin => (None, None),
    };
    Ok(NewStaff { login, name, role, agency, office, language: Language::Id })
}
