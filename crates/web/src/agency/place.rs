//! `POST /aduan/{id}/tetapkan`: the referee says whose it is; the agencies and the citizen read why.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::Action;
use ui::Visit;

use super::{Draft, act, finish, id_in, led_by};
use crate::{Rooms, WebError, form::Acting};

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let directory = rooms.directory();
    let reason = acting.form.text("text");
    let agencies = led_by(&acting.form);
    let category = acting.form.some("category").filter(|code| directory.categories.contains_key(code));
    let area = acting.form.some("area").filter(|code| directory.areas.contains_key(code));
    let draft = Draft {
        form: "tetapkan",
        text: reason.clone(),
        agencies: agencies.clone(),
        category: category.clone().unwrap_or_default(),
        area: area.clone().unwrap_or_default(),
        ..Draft::default()
    };
    let done = act(&rooms, &acting, id, None, |_| Action::Place { agencies, reason, category, area }).await?;
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}
