//! `POST /aduan/{id}/alihkan`: an agency says "not ours" and names a better one, or the referee; the citizen reads why.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::{Action, NotAllowed};
use ui::Visit;

use super::{Draft, Refused, act, finish, id_in, led_by};
use crate::{Rooms, WebError, form::Acting};

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let reason = acting.form.text("text");
    let to_referee = acting.form.some("to_referee").is_some();
    let agencies = led_by(&acting.form);
    let draft = Draft { form: "alihkan", text: reason.clone(), agencies: agencies.clone(), to_referee, ..Draft::default() };
    // An empty list means the referee, so nobody may end there by forgetting to tick.
    let done = if agencies.is_empty() && !to_referee {
        Err(Refused::Not(NotAllowed::NoAgency))
    } else {
        let to = if to_referee { Vec::new() } else { agencies };
        act(&rooms, &acting, id, None, |_| Action::HandOver { to, reason }).await?
    };
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}
