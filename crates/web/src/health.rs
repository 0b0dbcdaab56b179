//! For who watches over the program: does it answer, and does the database answer it.

use axum::extract::State;

use crate::{Rooms, WebError};

/// `GET /health`: 200 with `ok`, or 503.
pub(crate) async fn show(State(rooms): State<Rooms>) -> Result<&'static str, WebError> {
    store::directory::version(rooms.db()).await?;
    Ok("ok")
}
