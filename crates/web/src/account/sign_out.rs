//! `POST /keluar`: ends the session, here and in the database.

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};

use crate::{Rooms, WebError, form::Acting, session};

pub(crate) async fn submit(State(rooms): State<Rooms>, headers: HeaderMap, _acting: Acting) -> Result<Response, WebError> {
    if let Some(token) = session::token(&headers, rooms.https()) {
        store::staff::close_session(rooms.db(), token).await?;
    }
    Ok(([(header::SET_COOKIE, session::no_cookie(rooms.https()))], Redirect::to("/masuk")).into_response())
}
