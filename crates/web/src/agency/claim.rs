//! `POST /aduan/{id}/ambil`: an officer takes it.

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
    let draft = Draft { form: "ambil", ..Draft::default() };
    let done = act(&rooms, &acting, id, None, |_| Action::Claim).await?;
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}
