//! `POST /aduan/{id}/selesai`: an agency says that its part is done, in words and with a photo that shows it.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::{Action, NotAllowed};
use ui::Visit;

use super::{Draft, Picture, Refused, act, finish, id_in, seen_by, writing::finished};
use crate::{
    Rooms, WebError,
    form::{Acting, Fields},
    says,
    upload::{self, NotAPhoto},
};

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    // Before anything is stored: whose complaint it is.
    seen_by(&rooms, &acting.by, id).await?;
    let text = acting.form.text("text");
    let draft = Draft { form: "selesai", text: text.clone(), ..Draft::default() };
    let done = match photo(&rooms, &acting.form, &text).await? {
        Ok(photo) => act(&rooms, &acting, id, photo.as_ref(), |photo| Action::Resolve { text, photo }).await?,
        Err(refused) => Err(refused),
    };
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}

async fn photo(rooms: &Rooms, form: &Fields, text: &str) -> Result<Result<Option<Picture>, Refused>, WebError> {
    if text.is_empty() {
        return Ok(Err(Refused::Not(NotAllowed::NoWords)));
    }
    if let Err(refused) = finished(text) {
        return Ok(Err(refused));
    }
    let Some(bytes) = form.file() else { return Ok(Ok(None)) };
    match upload::check(bytes) {
        Ok(kind) => {
            let says = says::says(bytes, &rooms.directory().calendar.zone.time_zone());
            let file = upload::quarantine(rooms, bytes.clone(), kind).await?;
            Ok(Ok(Some(Picture { file, says })))
        }
        Err(NotAPhoto::TooLarge) => Ok(Err(Refused::PhotoTooLarge)),
        Err(NotAPhoto::NoPicture) => Ok(Err(Refused::NotAPhoto)),
    }
}
