//! `POST /aduan/{id}/tanya`: an officer asks the citizen.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::Action;
use ui::Visit;

use super::{Draft, act, finish, id_in, writing::finished};
use crate::{Rooms, WebError, form::Acting};

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let text = acting.form.text("text");
    let draft = Draft { form: "tanya", text: text.clone(), ..Draft::default() };
    let done = match finished(&text) {
        Err(refused) => Err(refused),
        Ok(()) => act(&rooms, &acting, id, None, |_| Action::Ask { text }).await?,
    };
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}
