//! `POST /aduan/{id}/batal`: somebody takes back what they did a moment ago, while nobody else did anything.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::{Action, Actor, Complaint, Directory, NotAllowed, Update, UpdateKind, decide};
use ui::{Page, Visit};

use super::{Draft, Refused, act, finish, id_in, seen_by};
use crate::{Rooms, WebError, form::Acting, session::SignedIn};

/// The last step that somebody took, and whether the same agency had worked on it before. What the program did by itself is no step of anybody, and a
/// task of somebody's own is not undone by a clock.
fn last(history: &[Update]) -> Option<(&Update, bool)> {
    let at = history.iter().rposition(|update| update.by != Actor::System)?;
    let last = &history[at];
    Some((last, worked(history[..at].iter().filter(|update| update.agency == last.agency))))
}

/// Whether an agency was at work after these steps of it: what was taken back does not count, and who gave it away begins anew.
fn worked<'a>(steps: impl Iterator<Item = &'a Update>) -> bool {
    let (mut before, mut now) = (false, false);
    for step in steps {
        match step.kind {
            UpdateKind::Claimed => (before, now) = (now, true),
            UpdateKind::HandedOver | UpdateKind::ToReferee => (before, now) = (now, false),
            UpdateKind::Undone => now = before,
            UpdateKind::Asked | UpdateKind::Answered => now = true,
            _ => {}
        }
    }
    now
}

fn undoing(history: &[Update]) -> Option<Action> {
    last(history).map(|(last, worked)| Action::Undo { last: Box::new(last.clone()), worked })
}

/// What this person may take back, in words; asks `decide` itself.
pub(super) fn offered(complaint: &Complaint, history: &[Update], by: &SignedIn, directory: &Directory, page: &Page) -> Option<String> {
    let action = undoing(history)?;
    decide(complaint.clone(), action, by.actor(), directory, page.now).ok()?;
    let (last, _) = last(history)?;
    let at = page.time(&last.at);
    Some(match last.kind {
        UpdateKind::Claimed => page.fill("undo.claim", "time", at),
        _ => page.fill("undo.hand_over", "time", at),
    })
}

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    seen_by(&rooms, &acting.by, id).await?;
    // Whatever is added after this makes the version another one, and the act is refused.
    let history = store::complaint::history(rooms.db(), id).await?;
    let draft = Draft { form: "batal", ..Draft::default() };
    let done = match undoing(&history) {
        Some(action) if acting.form.some("version").is_some() => act(&rooms, &acting, id, None, |_| action).await?,
        _ => Err(Refused::Not(NotAllowed::TooLate)),
    };
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}
