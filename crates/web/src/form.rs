//! What a form sent: words, choices, at most one file; for staff only with the token of their session.

use axum::{
    Form, RequestExt,
    extract::{FromRequest, FromRequestParts, Multipart, Request, multipart::MultipartError},
    http::{HeaderMap, StatusCode, header},
};
use bytes::Bytes;
use subtle::ConstantTimeEq;

use crate::{Rooms, WebError, session::SignedIn};

/// The longest words a person may send in one field.
pub(crate) const MOST_CHARACTERS: usize = 4000;

/// The fields of a form.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    words: Vec<(String, String)>,
    file: Option<Bytes>,
}

impl Fields {
    /// A field without the space around it; empty if it was not sent.
    pub(crate) fn text(&self, name: &str) -> String {
        self.all(name).next().unwrap_or_default()
    }

    /// A field, or `None` if it is empty.
    pub(crate) fn some(&self, name: &str) -> Option<String> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// Every value of a field: several boxes may be ticked.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = String> {
        self.words.iter().filter(move |(key, _)| key == name).map(|(_, value)| clean(value))
    }

    /// A field as it was typed, for passwords.
    pub(crate) fn exact(&self, name: &str) -> &str {
        self.words.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    /// The file, if one was chosen.
    pub(crate) fn file(&self) -> Option<&Bytes> {
        self.file.as_ref()
    }
}

/// Line ends as we keep them; characters that no text has and PostgreSQL refuses fall away.
fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect::<String>().trim().to_owned()
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = WebError;

    async fn from_request(request: Request, state: &S) -> Result<Self, WebError> {
        if is_multipart(request.headers()) {
            let parts = Multipart::from_request(request, state).await.map_err(|_| WebError::Unreadable)?;
            return of_parts(parts).await;
        }
        let Form(words) = Form::<Vec<(String, String)>>::from_request(request, state)
            .await
            .map_err(|refused| if refused.status() == StatusCode::PAYLOAD_TOO_LARGE { WebError::TooLarge } else { WebError::Unreadable })?;
        Ok(Self { words, file: None })
    }
}

fn is_multipart(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/form-data"))
}

async fn of_parts(mut parts: Multipart) -> Result<Fields, WebError> {
    let mut fields = Fields::default();
    while let Some(part) = parts.next_field().await.map_err(refused)? {
        let name = part.name().unwrap_or_default().to_owned();
        if part.file_name().is_some() {
            // An empty file field is sent too, with no bytes.
            fields.file = Some(part.bytes().await.map_err(refused)?).filter(|bytes| !bytes.is_empty());
        } else {
            fields.words.push((name, part.text().await.map_err(refused)?));
        }
    }
    Ok(fields)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn refused(error: MultipartError) -> WebError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE { WebError::TooLarge } else { WebError::Unreadable }
}

/// A form of somebody who is signed in, with the right token: the only way to act as staff.
pub(crate) struct Acting {
    pub(crate) by: SignedIn,
    pub(crate) form: Fields,
}

impl FromRequest<Rooms> for Acting {
    type Rejection = WebError;

    async fn from_request(request: Request, rooms: &Rooms) -> Result<Self, WebError> {
        let (mut parts, body) = request.into_parts();
        let by = SignedIn::from_request_parts(&mut parts, rooms).await?;
        let form: Fields = Request::from_parts(parts, body).extract_with_state(rooms).await?;
        let same: bool = form.exact("csrf").as_bytes().ct_eq(by.csrf.as_bytes()).into();
        if same { Ok(Self { by, form }) } else { Err(WebError::WrongToken) }
    }
}
