//! `POST /t/{code}/pesan`: the citizen adds words on their own page: the way back for those whose channel has none (a form), and an
//! answer to an officer's question for everybody.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{Action, Actor, Address, Audience, Complaint, Inbound, MessageId, MessageKey, Timestamp, Visibility, decide};
use store::{StoreError, Tx, message};
use tracing::info;
use ui::Visit;
use uuid::Uuid;

use super::{
    opened_by,
    track::{self, Draft},
};
use crate::{
    Rooms, WebError,
    agency::Done,
    form::{Fields, MOST_CHARACTERS},
    page,
};

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(code): Path<String>, form: Fields) -> Result<Response, WebError> {
    let complaint = opened_by(&rooms, &code).await?;
    rooms.limits().words_of_citizen(&code)?;
    let once: Uuid = form.text("once").parse().map_err(|_| WebError::Unreadable)?;
    let text = form.text("text");
    let words = page::words(visit.language);
    let error = match text.chars().count() {
        0 => words.t("track.write.empty"),
        1..=MOST_CHARACTERS => {
            add(&rooms, &complaint, text, once).await?;
            return Ok(Redirect::to(&format!("/t/{code}?done=pesan")).into_response());
        }
        _ => words.t("form.too_long"),
    };
    let draft = Draft { words: text, words_error: error.to_owned(), ..Draft::default() };
    let page = track::draw(&rooms, &visit, &complaint, draft, &Done::default()).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// Records the words as a message of the citizen in the channel of the complaint, and what follows from them. Sent twice, they are
/// recorded once: `once` is part of the message's key.
async fn add(rooms: &Rooms, complaint: &Complaint, text: String, once: Uuid) -> Result<(), WebError> {
    let now = rooms.now();
    let mut tx = store::begin(rooms.db()).await?;
    let complaint = store::complaint::lock(&mut tx, complaint.id).await?.ok_or(WebError::NotFound)?;
    let (id, reference, trace) = (complaint.id, complaint.reference, complaint.trace);
    let message = match record(&mut tx, &complaint, &text, once, now).await {
        Err(StoreError::Stale) => return Ok(()),
        recorded => recorded?,
    };
    let action = Action::FollowUp { message, text, same_breath: false, reply_to: None, triaged: None, location: None };
    let Ok(decision) = decide(complaint, action, Actor::Citizen, &rooms.directory(), now) else { return Err(WebError::NotFound) };
    store::complaint::write(&mut tx, &decision).await?;
    store::commit(tx).await?;
    info!(trace.id = %trace, complaint.id = %id, "The citizen added words to complaint {reference}.");
    Ok(())
}

async fn record(tx: &mut Tx, complaint: &Complaint, text: &str, once: Uuid, now: Timestamp) -> Result<MessageId, StoreError> {
    let id = MessageId::new(now);
    let inbound = said_on_the_page(complaint, text, once, now);
    let new = message::New {
        id,
        inbound: &inbound,
        citizen: complaint.citizen,
        complaint: Some(complaint.id),
        cut: None,
        trace: complaint.trace,
    };
    message::insert(tx, &[new], now).await?;
    Ok(id)
}

fn said_on_the_page(complaint: &Complaint, text: &str, once: Uuid, now: Timestamp) -> Inbound {
    let here = || Address::new("page", &complaint.reference.to_string()).expect("a number is an address");
    let sender = complaint.reply_to.as_ref().map_or_else(here, |to| to.address.clone());
    Inbound {
        key: MessageKey { adapter: complaint.adapter.clone(), account: complaint.account.clone(), id: format!("page:{once}") },
        sender: vec![sender],
        proof: model::Proof::Platform,
        sender_name: None,
        contact: Vec::new(),
        audience: Audience::Private,
        text: text.to_owned(),
        sent_at: now,
        received_at: now,
        language: Some(complaint.language),
        location: None,
        place: None,
        office_area: None,
        category: None,
        visibility: Visibility::default(),
        attachments: Vec::new(),
        in_reply_to: None,
        thread: None,
        replaces: None,
        unreadable: None,
        reply_to: complaint.reply_to.clone(),
        reference: complaint.reference,
        tracking: None,
    }
}
