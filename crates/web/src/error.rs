//! What went wrong: a sentence for the public, the cause for the log.

use std::time::Duration;

use askama::Template;
use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use bus::BusError;
use store::{StoreError, vault::OpenError};
use tracing::error;
use ui::{Page, Visit, Words};
use webauthn_rs::prelude::WebauthnError;

use crate::{Rooms, page};

/// Why a page could not be shown or an action not be done.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// There is no such thing, or it is not for this visitor: both look the same.
    #[error("not found")]
    NotFound,
    /// Only for who is signed in; afterwards they come back to this address.
    #[error("not signed in")]
    SignInFirst {
        /// Path and query of the page.
        back: String,
    },
    /// The role works only with a second factor, and they have none yet.
    #[error("a second factor is needed first")]
    FactorFirst,
    /// A second factor cannot be opened: the installation has lost the key.
    #[error("vault.keys_file is not set, and second factors are sealed with it")]
    NoVault,
    /// A second factor does not open.
    #[error("a second factor does not open")]
    Vault(#[from] OpenError),
    /// The role has no business here.
    #[error("not for this role")]
    NotForRole,
    /// The form's token is not the session's: it was open too long, or another site made it.
    #[error("the form's token is wrong")]
    WrongToken,
    /// Another site posted.
    #[error("a post from another site")]
    ForeignPost,
    /// Too many tries.
    #[error("too many tries")]
    TooOften {
        /// How long to wait.
        wait: Duration,
    },
    /// What was sent is too large.
    #[error("the request is too large")]
    TooLarge,
    /// What was sent is no form of ours.
    #[error("the request cannot be read")]
    Unreadable,
    /// The database.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// The bus.
    #[error("the bus failed")]
    Bus(#[from] BusError),
    /// Long-term storage of attachments.
    #[error("the storage of attachments failed")]
    Files(#[from] object_store::Error),
    /// A table that cannot be written.
    #[error("a file cannot be made")]
    File(#[from] std::io::Error),
    /// A page that cannot be drawn.
    #[error("a template failed")]
    Template(#[from] askama::Error),
    /// A passkey, or what was asked for with one, cannot be written down or read back.
    #[error("what is kept of a passkey cannot be read or written")]
    Kept(#[from] serde_json::Error),
    /// A device cannot be asked for a passkey.
    #[error("a device cannot be asked for a passkey")]
    Passkey(#[from] WebauthnError),
    /// Work on another thread died.
    #[error("a task failed")]
    Task(#[from] tokio::task::JoinError),
}

impl WebError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SignInFirst { .. } | Self::FactorFirst => StatusCode::UNAUTHORIZED,
            Self::NotForRole | Self::WrongToken | Self::ForeignPost => StatusCode::FORBIDDEN,
            Self::TooOften { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::Store(StoreError::Unavailable(_) | StoreError::Stale) | Self::Bus(_) | Self::Files(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_)
            | Self::File(_)
            | Self::Template(_)
            | Self::Kept(_)
            | Self::Passkey(_)
            | Self::Task(_)
            | Self::NoVault
            | Self::Vault(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What to tell the visitor.
    fn public(&self) -> Sorry {
        match self {
            Self::NotFound => Sorry::NotFound,
            Self::SignInFirst { .. } | Self::FactorFirst | Self::NotForRole => Sorry::NotForYou,
            Self::WrongToken | Self::ForeignPost => Sorry::OldForm,
            Self::TooOften { .. } => Sorry::TooOften,
            Self::TooLarge => Sorry::TooLarge,
            Self::Unreadable => Sorry::Unreadable,
            Self::Store(_)
            | Self::Bus(_)
            | Self::Files(_)
            | Self::File(_)
            | Self::Template(_)
            | Self::Kept(_)
            | Self::Passkey(_)
            | Self::Task(_)
            | Self::NoVault
            | Self::Vault(_) => Sorry::OurFault,
        }
    }
}

/// The pages of apology.
#[derive(Debug, Clone, Copy)]
enum Sorry {
    NotFound,
    NotForYou,
    OldForm,
    TooOften,
    TooLarge,
    Unreadable,
    OurFault,
}

impl Sorry {
    fn title(self, words: Words) -> &'static str {
        match self {
            Self::NotFound => words.t("sorry.not_found.title"),
            Self::NotForYou => words.t("sorry.not_for_you.title"),
            Self::OldForm => words.t("sorry.old_form.title"),
            Self::TooOften => words.t("sorry.too_often.title"),
            Self::TooLarge => words.t("sorry.too_large.title"),
            Self::Unreadable => words.t("sorry.unreadable.title"),
            Self::OurFault => words.t("sorry.our_fault.title"),
        }
    }

    fn what_now(self, page: &Page) -> &str {
        match self {
            Self::NotFound => page.t("sorry.not_found.text"),
            Self::NotForYou => page.t("sorry.not_for_you.text"),
            Self::OldForm => page.t("sorry.old_form.text"),
            Self::TooOften => page.t("sorry.too_often.text"),
            Self::TooLarge => page.t("sorry.too_large.text"),
            Self::Unreadable => page.t("sorry.unreadable.text"),
            Self::OurFault => page.t("sorry.our_fault.text"),
        }
    }

    fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Self::NotFound,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            status if status.is_server_error() => Self::OurFault,
            _ => Self::Unreadable,
        }
    }
}

impl IntoResponse for WebError {
    fn into_response(self) -> Response {
        if let Self::SignInFirst { back } = &self {
            return Redirect::to(&format!("/masuk?next={}", page::encoded(back))).into_response();
        }
        if matches!(self, Self::FactorFirst) {
            return Redirect::to("/faktor").into_response();
        }
        let status = self.status();
        // Whole seconds, rounded up: who comes when told to is let in.
        let wait = if let Self::TooOften { wait } = &self { wait.as_secs() + 1 } else { 60 };
        if status.is_server_error() {
            error!(error = &self as &dyn std::error::Error, "A page failed.");
        }
        let mut response = status.into_response();
        response.extensions_mut().insert(self.public());
        if status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert("retry-after", axum::http::HeaderValue::from(wait));
        }
        response
    }
}

#[derive(Template)]
#[template(path = "sorry.html")]
struct SorryPage {
    page: Page,
    text: String,
}

/// Draws the page for what a handler or a layer refused, in the visitor's language.
pub(crate) async fn draw(State(rooms): State<Rooms>, visit: Visit, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let status = response.status();
    let sorry = response.extensions().get::<Sorry>().copied();
    // A layer answers in plain text or not at all; a handler that drew a page of its own keeps it.
    let plain = response.headers().get("content-type").is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !(status.is_client_error() || status.is_server_error()) || (sorry.is_none() && !plain) {
        return response;
    }
    let sorry = sorry.unwrap_or_else(|| Sorry::of(status));
    let title = sorry.title(page::words(visit.language));
    let page = page::public(&rooms, &visit, title);
    let text = sorry.what_now(&page).to_owned();
    let retry_after = response.headers_mut().remove("retry-after");
    let mut drawn = match (SorryPage { page, text }).render() {
        Ok(html) => (status, axum::response::Html(html)).into_response(),
        Err(_) => status.into_response(),
    };
    if let Some(after) = retry_after {
        drawn.headers_mut().insert("retry-after", after);
    }
    drawn
}

/// No route fits.
pub(crate) async fn nothing_here() -> WebError {
    WebError::NotFound
}
