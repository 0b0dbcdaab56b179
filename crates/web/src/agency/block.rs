//! `POST /aduan/{id}/blokir`: a supervisor or an admin stops answering somebody who abuses the conversation, for some days and with a reason.

use axum::{
    extract::{Path, State},
    response::Response,
};
use jiff::SignedDuration;
use model::{Action, Timestamp};
use ui::Visit;

use super::{Draft, act, finish, id_in};
use crate::{Rooms, WebError, form::Acting};

/// For how many days.
pub(super) const DAYS: [i64; 4] = [1, 7, 30, 90];

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let text = acting.form.text("text");
    let days = days(&acting.form.text("days"));
    let draft = Draft { form: "blokir", text: text.clone(), days, ..Draft::default() };
    let until = until(rooms.now(), days);
    let done = act(&rooms, &acting, id, None, |_| Action::Block { reason: text, until }).await?;
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}

/// The shortest where nothing sensible was chosen.
fn days(typed: &str) -> i64 {
    typed.parse().ok().filter(|days| DAYS.contains(days)).unwrap_or(DAYS[0])
}

pub(super) fn until(now: Timestamp, days: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_hours(days * 24)).unwrap_or(now)
}
