//! `POST /aduan/{id}/alihkan`: an agency gives it on, to others or back to triage; the citizen reads why.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::{Action, NotAllowed};
use ui::Visit;

use super::{Draft, Refused, act, finish, id_in, ticked};
use crate::{Rooms, WebError, form::Acting};

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let reason = acting.form.text("text");
    let to_triage = acting.form.some("to_triage").is_some();
    let agencies = ticked(&acting.form);
    let draft = Draft { form: "alihkan", text: reason.clone(), agencies: agencies.clone(), to_triage, ..Draft::default() };
    // An empty list means triage, so nobody may end there by forgetting to tick.
    let done = if agencies.is_empty() && !to_triage {
        Err(Refused::Not(NotAllowed::NoAgency))
    } else {
        let to = if to_triage { Vec::new() } else { agencies };
        act(&rooms, &acting, id, None, |_| Action::HandOver { to, reason }).await?
    };
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}
