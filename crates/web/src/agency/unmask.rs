//! `POST /aduan/{id}/pelapor`: shows who wrote one complaint, for a short while, to somebody who says why. It is written down.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::NotAllowed;
use tracing::info;
use ui::Visit;

use super::{Draft, Refused, finish, id_in, seen_by};
use crate::{Rooms, WebError, form::Acting};

const LONGEST_REASON: usize = 500;

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let complaint = seen_by(&rooms, &acting.by, id).await?;
    let text = acting.form.text("text");
    let done = match text.chars().count() {
        0 => Err(Refused::Not(NotAllowed::NoWords)),
        1..=LONGEST_REASON => {
            let mut tx = store::begin(rooms.db()).await?;
            let until = store::access::unmask(&mut tx, &acting.by.staff, &complaint, &text, rooms.now()).await?;
            store::commit(tx).await?;
            until.map(|_| ()).ok_or(Refused::Not(NotAllowed::Role))
        }
        _ => Err(Refused::TooLong),
    };
    if done.is_ok() {
        info!(complaint.id = %id, staff.id = %acting.by.staff.id, "Somebody asked who wrote a complaint.");
    }
    finish(&rooms, &visit, &acting.by, id, done, Draft { form: "pelapor", text, ..Draft::default() }).await
}
