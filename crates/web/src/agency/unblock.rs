//! `POST /aduan/{id}/buka-blokir`: a supervisor or an admin takes a block back before its day.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::Action;
use ui::Visit;

use super::{Draft, act, finish, id_in};
use crate::{Rooms, WebError, form::Acting};

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let text = acting.form.text("text");
    let draft = Draft { form: "buka-blokir", text: text.clone(), ..Draft::default() };
    let done = act(&rooms, &acting, id, None, |_| Action::Unblock { reason: text }).await?;
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}
