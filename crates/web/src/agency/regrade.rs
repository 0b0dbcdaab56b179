//! `POST /aduan/{id}/tingkat`: staff make a complaint more private; a supervisor or an admin, less, with a reason.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::{Action, Decision, Visibility, privacy::Regraded};
use store::{StoreError, Tx};
use ui::Visit;

use super::{Draft, act, finish, id_in};
use crate::{Rooms, WebError, form::Acting};

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let (text, grade) = (acting.form.text("text"), acting.form.text("grade"));
    let to = Visibility::from_word(&grade).ok_or(WebError::Unreadable)?;
    let draft = Draft { form: "tingkat", text: text.clone(), grade, ..Draft::default() };
    let done = act(&rooms, &acting, id, None, |_| Action::Regrade { to, reason: text }).await?;
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}

/// What a new grade brings along: an entry in the list that admins read, and what is secret leaves its incident.
pub(super) async fn note(tx: &mut Tx, acting: &Acting, decision: &Decision) -> Result<(), StoreError> {
    for update in &decision.updates {
        let text = update.text.as_deref().filter(|_| update.kind == model::UpdateKind::Regraded);
        let Some(regraded) = text.and_then(Regraded::from_text) else { continue };
        store::access::regraded(tx, &acting.by.staff, &decision.complaint, regraded.from, &regraded.reason, update.at).await?;
        if regraded.to.is_secret() {
            store::incident::part(tx, decision.complaint.id, acting.by.actor(), update.at).await?;
        }
    }
    Ok(())
}
