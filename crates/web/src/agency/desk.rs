//! `GET /loket`: what a clerk's office entered, and the door to the desk: a token signed here, checked there.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use jiff::ToSpan;
use model::{ClerkToken, Role};
use serde::Deserialize;
use store::staff::Staff;
use ui::{Page, Visit};

use super::queue::{LINES, Line, line, next_page};
use crate::{Rooms, WebError, page, session::SignedIn};

/// A working day: the clerk signs in again tomorrow.
const TOKEN_HOURS: i64 = 12;

#[derive(Template)]
#[template(path = "desk.html")]
struct Desk {
    page: Page,
    office: String,
    /// Where the token is posted to; `None`: there is no desk.
    door: Option<String>,
    token: String,
    lines: Vec<Line>,
    newer: String,
    older: String,
}

/// Which page of the list.
#[derive(Deserialize)]
pub(crate) struct Asked {
    after: Option<String>,
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    by.only(|role| role == Role::Clerk)?;
    let directory = rooms.directory();
    let after = asked.after.as_deref().and_then(|cursor| cursor.parse().ok());
    let mut rows = store::queue::entries(rooms.db(), &by.scope(), after, LINES + 1).await?;
    let older = next_page(&mut rows).map(|cursor| format!("/loket?after={cursor}")).unwrap_or_default();
    let page = page::staff(&rooms, &visit, &by, page::words(visit.language).t("desk.title"));
    let office = by.staff.office.clone().unwrap_or_default();
    let label = page::open_channels(&directory, page.now).into_iter().find(|channel| channel.account == office);
    page::html(&Desk {
        office: label.map_or_else(|| office.clone(), |channel| channel.label.clone()),
        door: rooms.desk_url().map(|url| format!("{url}/masuk")),
        token: signed(&token(&by.staff, office, &rooms).await?, rooms.staff_key()),
        lines: rows.into_iter().map(|row| line(row, &directory, &page)).collect(),
        newer: if after.is_some() { "/loket".to_owned() } else { String::new() },
        older,
        page,
    })
}

pub(super) async fn token(staff: &Staff, office: String, rooms: &Rooms) -> Result<ClerkToken, WebError> {
    let generation = store::ended::generation(rooms.db(), staff.id).await?;
    let expires_at = rooms.now() + TOKEN_HOURS.hours();
    Ok(ClerkToken { staff: staff.id, name: staff.name.clone(), role: staff.role, office, expires_at, generation })
}

/// `base64url(json).base64url(signature over that text)`, as [`ClerkToken`] says.
pub(crate) fn signed(token: &ClerkToken, key: &SigningKey) -> String {
    let json = serde_json::to_vec(token).expect("a token is plain JSON");
    let claims = BASE64_URL_SAFE_NO_PAD.encode(json);
    let signature = BASE64_URL_SAFE_NO_PAD.encode(key.sign(claims.as_bytes()).to_bytes());
    format!("{claims}.{signature}")
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, Verifier};

    use super::*;

    #[test]
    fn the_desk_can_check_a_token_with_the_public_key_alone() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let token = ClerkToken {
            staff: model::StaffId(uuid::Uuid::nil()),
            name: "Sari".into(),
            role: Role::Clerk,
            office: "kel-contoh".into(),
            expires_at: "2026-11-21T10:00:00Z".parse().expect("a time"),
            generation: 0,
        };
        let text = signed(&token, &key);
        let (claims, signature) = text.split_once('.').expect("two parts");
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).expect("base64");
        let signature = Signature::from_slice(&signature).expect("64 bytes");
        key.verifying_key().verify(claims.as_bytes(), &signature).expect("the signature fits");
        let read: ClerkToken = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).expect("base64")).expect("JSON");
        assert_eq!(read, token);
    }
}
