//! `POST /antrean/simpan` keeps the list that is shown by a name, for oneself or for the agency; `POST /antrean/simpan/{id}/hapus` removes it.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use model::Role;

use super::address::Address;
use crate::{Rooms, WebError, form::Acting};

const LONGEST_NAME: usize = 60;

/// Who may keep and remove lists for everybody of their agency.
pub(super) fn may_share(role: Role) -> bool {
    role.may_triage() || role == Role::Supervisor
}

pub(crate) async fn keep(State(rooms): State<Rooms>, acting: Acting) -> Result<Response, WebError> {
    let staff = &acting.by.staff;
    acting.by.only(|role| role != Role::Clerk)?;
    let shared = !acting.form.text("shared").is_empty();
    if shared {
        acting.by.only(may_share)?;
    }
    let here = Address::of_form(&acting.form).shared(staff.role);
    let name = acting.form.text("name");
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count()) && here.len() <= 500;
    let kept = fits && store::saved::keep(rooms.db(), staff, &name, &here, shared, rooms.now()).await?;
    let done = match (fits, kept) {
        (false, _) => "simpan-salah",
        (true, false) => "simpan-penuh",
        (true, true) => "simpan",
    };
    Ok(Redirect::to(&format!("{here}&done={done}")).into_response())
}

pub(crate) async fn remove(State(rooms): State<Rooms>, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    acting.by.only(|role| role != Role::Clerk)?;
    let id = id.parse().map_err(|_| WebError::NotFound)?;
    let gone = store::saved::remove(rooms.db(), &acting.by.staff, id, may_share(acting.by.staff.role)).await?;
    if gone { Ok(Redirect::to("/antrean?done=simpan-hapus").into_response()) } else { Err(WebError::NotFound) }
}
