//! `POST /admin/petugas`: makes an account; the link with which its owner sets the password goes by mail, or is shown once.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use model::{Language, Role};
use serde_json::json;
use store::{StoreError, staff::NewStaff};
use ui::{Visit, Words};

use super::staff::{Draft, Link, draw};
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
        Ok(link) => link.draw(&rooms, &visit, &by).await,
        Err(error) => {
            let draft = Draft {
                name: form.text("name"),
                login: form.text("login"),
                role: form.text("role"),
                agency: form.text("agency"),
                office: form.text("office"),
                mail: form.text("mail"),
                language: form.text("language"),
                show: form.some("show").is_some(),
                error: error.to_owned(),
            };
            let page = draw(&rooms, &visit, &by, draft, None, &Done::default()).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

async fn add(rooms: &Rooms, by: &SignedIn, form: &Fields, words: Words) -> Result<Result<Link, &'static str>, WebError> {
    let new = match read(form, words, rooms) {
        Ok(new) => new,
        Err(error) => return Ok(Err(error)),
    };
    let mail = form.some("mail");
    if mail.as_ref().is_some_and(|mail| !model::is_mail_address(mail)) {
        return Ok(Err(words.t("escalation.email_wrong")));
    }
    let hash = no_password().await?;
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    let id = match store::staff::create(&mut tx, &new, &hash, now).await {
        Ok(Some(id)) => id,
        Ok(None) => return Ok(Err(words.t("staff.taken"))),
        Err(StoreError::Conflict { .. }) => return Ok(Err(words.t("staff.place_needed"))),
        Err(error) => return Err(error.into()),
    };
    store::escalation::set_mail(&mut tx, id, mail.as_deref()).await?;
    // Nobody is told why the link is shown who gave no address to send it to.
    let link = Link::give(rooms, &mut tx, by, (id, &new.login), mail.is_none() || form.some("show").is_some()).await?;
    let detail = json!({
        "role": new.role.as_str(), "agency": new.agency, "office": new.office, "mailed": matches!(link, Link::Mailed),
    });
    store::audit::write(&mut tx, now, Some(by.staff.id), "staff.created", &new.login, &detail).await?;
    store::commit(tx).await?;
    Ok(Ok(link))
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
    Ok(NewStaff { login, name, role, agency, office, language: Language::from_tag(&form.text("language")) })
}
