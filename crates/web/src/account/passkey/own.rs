//! One's own passkeys, on the page `/faktor`: add one, with the password once more; call one something else; remove one.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect, Response},
};
use model::Timestamp;
use serde_json::json;
use store::passkey::{self, Added, LONGEST_NAME, New};
use ui::{Page, Visit};
use uuid::Uuid;
use webauthn_rs::prelude::{Passkey, PasskeyRegistration, RegisterPublicKeyCredential};

use super::{Keys, Off, Refused, begin, end, kept, no_cookie, read};
use crate::{
    Rooms, WebError,
    account::{factor, password},
    form::{Acting, Fields},
    page,
    session::{self, SignedIn},
};

/// The part of the page that is about passkeys.
pub(crate) struct Section {
    /// The oldest first.
    pub(crate) keys: Vec<Shown>,
    /// Why there are none at this address, for admins.
    pub(crate) off: Option<&'static str>,
    /// Whether one may be added.
    pub(crate) may_add: bool,
    /// There are as many as one may have.
    pub(crate) full: bool,
    /// The new one's name as it was typed.
    pub(crate) name: String,
    /// What is wrong with that name.
    pub(crate) name_error: String,
    /// What is wrong with the password.
    pub(crate) error: String,
}

/// A passkey in the list.
pub(crate) struct Shown {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) added_at: Timestamp,
    pub(crate) used_at: Option<Timestamp>,
    pub(crate) doubted_at: Option<Timestamp>,
    /// The address it was made for, if that is not this one: it opens nothing here.
    pub(crate) elsewhere: Option<String>,
}

impl Section {
    /// As it stands.
    pub(crate) async fn of(rooms: &Rooms, by: &SignedIn, page: &Page) -> Result<Self, WebError> {
        let here = rooms.passkeys().map(Keys::rp_id);
        let keys = passkey::of(rooms.db(), by.staff.id).await?.into_iter().map(|key| Shown {
            id: key.id,
            name: key.name,
            added_at: key.added_at,
            used_at: key.used_at,
            doubted_at: key.doubted_at,
            elsewhere: Some(key.rp_id).filter(|rp_id| here != Ok(rp_id.as_str())),
        });
        let keys: Vec<Shown> = keys.collect();
        let full = keys.len() >= most();
        let off = here.err().filter(|_| by.only_admin().is_ok()).map(|off: Off| off.say(page.words));
        Ok(Self { keys, off, may_add: here.is_ok() && !full, full, name: String::new(), name_error: String::new(), error: String::new() })
    }

    /// Whether there is anything to show.
    pub(crate) fn is_there(&self) -> bool {
        self.may_add || self.off.is_some() || !self.keys.is_empty()
    }
}

fn most() -> usize {
    usize::try_from(passkey::MOST).unwrap_or_default()
}

#[derive(Template)]
#[template(path = "passkey.html")]
struct AskPage {
    page: Page,
    csrf: String,
    name: String,
    /// What the device is asked for, as JSON.
    options: String,
}

/// `POST /faktor/kunci`: the password once more, so that a stolen session makes no key of its own; then a page whose button asks the device.
pub(crate) async fn ask(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    let keys = rooms.passkeys().map_err(|_| WebError::NotFound)?;
    let mut page = factor::frame(&rooms, &visit, &by);
    let mut section = Section::of(&rooms, &by, &page).await?;
    section.name = form.text("name");
    section.name_error = name_error(&section.name, &page);
    if section.name_error.is_empty() {
        section.error = password::asked_again(&rooms, &by, &form, page.words).await?.err().map(|(_, why)| why).unwrap_or_default();
    }
    if !section.name_error.is_empty() || !section.error.is_empty() {
        return factor::draw_section(&rooms, page, &by, section).await;
    }
    if !section.may_add {
        return refused(&rooms, page, &by, Refused::Full).await;
    }
    let known = passkey::of(rooms.db(), by.staff.id).await?.into_iter().map(|key| key.credential_id).collect();
    let staff = &by.staff;
    let (asked, state) = keys.webauthn.start_passkey_registration(staff.id.0, &staff.login, &staff.name, Some(known))?;
    let cookie = begin(&rooms, Some((staff.id, section.name.clone())), &state).await?;
    let mut options = serde_json::to_value(&asked.public_key)?;
    // The device keeps the account beside the key, so that nobody types a name to sign in. The library leaves this to the device.
    options["authenticatorSelection"]["residentKey"] = "required".into();
    options["authenticatorSelection"]["requireResidentKey"] = true.into();
    page.scripts.push("passkey.js");
    let drawn = page::html(&AskPage { page, csrf: by.csrf.clone(), name: section.name, options: options.to_string() })?;
    Ok(([(header::SET_COOKIE, cookie)], drawn).into_response())
}

fn name_error(name: &str, page: &Page) -> String {
    if fits(name) { String::new() } else { page.t("passkey.name.wrong").to_owned() }
}

fn fits(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.contains('\n')
}

async fn refused(rooms: &Rooms, page: Page, by: &SignedIn, why: Refused) -> Result<Response, WebError> {
    let what = why.say(page.words).to_owned();
    factor::refuse(rooms, page, by, what).await
}

/// `POST /faktor/kunci/selesai`: what the device made. All sessions end; the one at hand begins anew.
pub(crate) async fn add(
    State(rooms): State<Rooms>,
    visit: Visit,
    headers: HeaderMap,
    Acting { by, form }: Acting,
) -> Result<Response, WebError> {
    let keys = rooms.passkeys().map_err(|_| WebError::NotFound)?;
    if let Err(why) = added(&rooms, keys, &headers, &by, &form).await? {
        return refused(&rooms, factor::frame(&rooms, &visit, &by), &by, why).await;
    }
    let mut response = afresh(&rooms, &by, "/faktor?done=kunci").await?;
    response.headers_mut().append(header::SET_COOKIE, no_cookie(&rooms));
    Ok(response)
}

async fn added(rooms: &Rooms, keys: &Keys, headers: &HeaderMap, by: &SignedIn, form: &Fields) -> Result<Result<(), Refused>, WebError> {
    let asked = end(rooms, headers).await?;
    let state_and_name = asked.and_then(|asked| asked.adds.map(|adds| (asked.state, adds)));
    let Some((state, (_, name))) = state_and_name.filter(|(_, (staff, _))| *staff == by.staff.id) else { return Ok(Err(Refused::Over)) };
    let made: RegisterPublicKeyCredential = match read(form.exact("credential")) {
        Ok(made) => made,
        Err(why) => return Ok(Err(why)),
    };
    let state: PasskeyRegistration = kept(state)?;
    let credential: Passkey = match keys.webauthn.finish_passkey_registration(&made, &state) {
        Ok(credential) => credential,
        Err(error) => return Ok(Err(Refused::of(&error))),
    };
    let new = New {
        staff: by.staff.id,
        name,
        credential_id: credential.cred_id().clone(),
        credential: serde_json::to_value(&credential)?,
        rp_id: keys.rp_id().to_owned(),
    };
    let mut tx = store::begin(rooms.db()).await?;
    let id = match passkey::add(&mut tx, &new, rooms.now()).await? {
        Added::Kept(id) => id,
        Added::Known => return Ok(Err(Refused::Known)),
        Added::Full => return Ok(Err(Refused::Full)),
    };
    let detail = json!({ "passkey": id });
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "staff.passkey_added", &by.staff.login, &detail).await?;
    store::commit(tx).await?;
    Ok(Ok(()))
}

/// On to a page in a session that just began, because all others ended.
async fn afresh(rooms: &Rooms, by: &SignedIn, to: &str) -> Result<Response, WebError> {
    let token = store::staff::open_session(rooms.db(), by.staff.id, rooms.now()).await?;
    Ok(([(header::SET_COOKIE, session::cookie(&token, rooms.https()))], Redirect::to(to)).into_response())
}

/// `POST /faktor/kunci/{id}`: another name.
pub(crate) async fn rename(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path(id): Path<String>,
    Acting { by, form }: Acting,
) -> Result<Response, WebError> {
    let id: Uuid = id.parse().map_err(|_| WebError::NotFound)?;
    let name = form.text("name");
    if !fits(&name) {
        let page = factor::frame(&rooms, &visit, &by);
        let what = page.t("passkey.name.wrong").to_owned();
        return factor::refuse(&rooms, page, &by, what).await;
    }
    let renamed = passkey::rename(rooms.db(), by.staff.id, id, &name).await?;
    if renamed { Ok(Redirect::to("/faktor?done=nama").into_response()) } else { Err(WebError::NotFound) }
}

/// `POST /faktor/kunci/{id}/hapus`: the password once more, so that a stolen session takes no factor off; all other sessions end.
pub(crate) async fn remove(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path(id): Path<String>,
    Acting { by, form }: Acting,
) -> Result<Response, WebError> {
    let id: Uuid = id.parse().map_err(|_| WebError::NotFound)?;
    let page = factor::frame(&rooms, &visit, &by);
    if let Err((_, what)) = password::asked_again(&rooms, &by, &form, page.words).await? {
        return factor::refuse(&rooms, page, &by, what).await;
    }
    let mut tx = store::begin(rooms.db()).await?;
    if !passkey::remove(&mut tx, by.staff.id, id).await? {
        return Err(WebError::NotFound);
    }
    let detail = json!({ "passkey": id });
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "staff.passkey_removed", &by.staff.login, &detail).await?;
    store::commit(tx).await?;
    afresh(&rooms, &by, "/faktor?done=hapus-kunci").await
}
