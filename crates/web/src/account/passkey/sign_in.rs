//! Coming in by a passkey: `POST /masuk/kunci` gives the browser what it asks the device for, `POST /masuk/kunci/selesai` takes the answer. Alone it is both
//! factors, because the device asked its owner; after name and password it is the second one.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use store::{passkey, staff::Staff, tries::Key};
use ui::{Visit, Words};
use webauthn_rs::prelude::{DiscoverableAuthentication, Passkey, PublicKeyCredential, WebauthnError};

use super::{Keys, Refused, begin, end, kept, no_cookie, read};
use crate::{
    Rooms, WebError,
    account::{
        password::NotAgain,
        pause,
        sign_in::{self, Step},
    },
    client::Client,
    form::Fields,
    page,
    session::SignedIn,
};

/// `POST /masuk/kunci`: what the device is asked for, as JSON. Any passkey of this place will do: nobody says who they are first.
pub(crate) async fn ask(State(rooms): State<Rooms>, Client(address): Client) -> Result<Response, WebError> {
    rooms.limits().device(&address)?;
    let (asked, state) = rooms.passkeys().map_err(|_| WebError::NotFound)?.webauthn.start_discoverable_authentication()?;
    let cookie = begin(&rooms, None, &state).await?;
    // Without the library's wish for a silent question beside a field: here a person pressed a button.
    Ok(([(header::SET_COOKIE, cookie)], Json(asked.public_key)).into_response())
}

/// `POST /masuk/kunci/selesai`
pub(crate) async fn submit(
    State(rooms): State<Rooms>,
    visit: Visit,
    Client(address): Client,
    headers: HeaderMap,
    form: Fields,
) -> Result<Response, WebError> {
    let keys = rooms.passkeys().map_err(|_| WebError::NotFound)?;
    rooms.limits().sign_in(&address)?;
    let words = page::words(visit.language);
    let Some(step) = Step::of(&rooms, &form).await? else { return sign_in::over(&rooms, &visit, &form) };
    let again = async |status, what: String| step.again(&rooms, &visit, &form, status, what).await;
    let late = |until| pause::say(until, rooms.now(), words);
    let from_here = match pause::take_for_address(&rooms, &address).await? {
        Ok(turn) => turn,
        Err(until) => return again(StatusCode::TOO_MANY_REQUESTS, late(until)).await,
    };
    // Who gave a password is counted as with codes; who did not cannot be guessed at: an answer is a signature.
    let turn = match step.staff() {
        Some(staff) => match pause::take(&rooms, Key::second(staff.id)).await? {
            Ok(turn) => Some(turn),
            Err(until) => return again(StatusCode::TOO_MANY_REQUESTS, late(until)).await,
        },
        None => None,
    };
    let staff = match opened(&rooms, keys, &headers, &form, step.staff()).await? {
        Ok(staff) => staff,
        Err(refused) => {
            from_here.failed(&rooms, None);
            let pause = turn.and_then(|turn| turn.failed(&rooms, step.staff()));
            let pause = pause.map(|until| format!(" {}", late(until))).unwrap_or_default();
            return again(refused.status(), format!("{}{pause}", refused.say(words))).await;
        }
    };
    from_here.give_back(&rooms).await?;
    if let Some(turn) = turn {
        turn.forgive(&rooms).await?;
    }
    let mut response = step.through(&rooms, &headers, &staff, &form.text("next")).await?;
    response.headers_mut().append(header::SET_COOKIE, no_cookie(&rooms));
    Ok(response)
}

/// A passkey of whoever is signed in, once more, before something that a stolen session must not do.
pub(crate) async fn shown_again(
    rooms: &Rooms,
    headers: &HeaderMap,
    by: &SignedIn,
    form: &Fields,
    words: Words,
) -> Result<Result<(), NotAgain>, WebError> {
    let Ok(keys) = rooms.passkeys() else { return Err(WebError::NotFound) };
    let turn = match pause::take(rooms, Key::second(by.staff.id)).await? {
        Ok(turn) => turn,
        Err(until) => return Ok(Err((StatusCode::TOO_MANY_REQUESTS, pause::say(until, rooms.now(), words)))),
    };
    if let Err(refused) = opened(rooms, keys, headers, form, Some(&by.staff)).await? {
        turn.failed(rooms, Some(&by.staff));
        return Ok(Err((refused.status(), refused.say(words).to_owned())));
    }
    turn.forgive(rooms).await?;
    Ok(Ok(()))
}

/// Whose account the answer opens; `only`: nobody else's will do.
async fn opened(
    rooms: &Rooms,
    keys: &Keys,
    headers: &HeaderMap,
    form: &Fields,
    only: Option<&Staff>,
) -> Result<Result<Staff, Refused>, WebError> {
    let Some(asked) = end(rooms, headers).await?.filter(|asked| asked.adds.is_none()) else { return Ok(Err(Refused::Over)) };
    let answer: PublicKeyCredential = match read(form.exact("credential")) {
        Ok(answer) => answer,
        Err(refused) => return Ok(Err(refused)),
    };
    let (user, named) = match keys.webauthn.identify_discoverable_authentication(&answer) {
        Ok(identified) => identified,
        Err(error) => return Ok(Err(Refused::of(&error))),
    };
    let Some(staff) = owner(rooms, named).await?.filter(|staff| staff.id.0 == user) else { return Ok(Err(Refused::Unknown)) };
    if only.is_some_and(|only| only.id != staff.id) {
        return Ok(Err(Refused::NotTheirs));
    }
    let mut tx = store::begin(rooms.db()).await?;
    let Some(known) = passkey::held(&mut tx, named).await? else { return Ok(Err(Refused::Unknown)) };
    let state: DiscoverableAuthentication = kept(asked.state)?;
    let mut credential: Passkey = kept(known.credential)?;
    let (action, done) = match keys.webauthn.finish_discoverable_authentication_v2(&answer, state, &credential) {
        Ok(result) => {
            credential.update_credential(&result);
            passkey::used(&mut tx, known.id, &serde_json::to_value(&credential)?, rooms.now()).await?;
            ("staff.passkey_used", Ok(staff.clone()))
        }
        // Signed with the right key: only now it is known to be a copy, and not a stranger's invention.
        Err(error @ WebauthnError::CredentialPossibleCompromise) => {
            passkey::doubt(&mut tx, known.id, rooms.now()).await?;
            ("staff.passkey_doubted", Err(Refused::of(&error)))
        }
        Err(error) => return Ok(Err(Refused::of(&error))),
    };
    store::audit::write(&mut tx, rooms.now(), Some(staff.id), action, &staff.login, &json!({ "passkey": known.id })).await?;
    store::commit(tx).await?;
    Ok(done)
}

/// Whose it is, if they may come in.
async fn owner(rooms: &Rooms, named: &[u8]) -> Result<Option<Staff>, WebError> {
    let staff = match passkey::owner(rooms.db(), named).await? {
        Some(id) => store::staff::by_id(rooms.db(), id).await?,
        None => None,
    };
    Ok(staff.filter(|staff| staff.active))
}
