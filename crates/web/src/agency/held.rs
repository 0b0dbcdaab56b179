//! `POST /aduan/{id}/lepas`: triage says of what was held that it is a complaint. `POST /aduan/{id}/tolak`: that it is none, and why. Why it was held, in
//! words, for its page and for the list *Karantina*.

use axum::{
    extract::{Path, State},
    response::Response,
};
use model::{Action, Held, Sign, Signal, Verdict};
use ui::{Page, Visit};

use super::{Draft, act, finish, id_in};
use crate::{Rooms, WebError, form::Acting};

pub(crate) async fn release(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path(id): Path<String>,
    acting: Acting,
) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let done = act(&rooms, &acting, id, None, |_| Action::Release).await?;
    finish(&rooms, &visit, &acting.by, id, done, Draft { form: "lepas", ..Draft::default() }).await
}

pub(crate) async fn reject(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let reason = acting.form.text("text");
    let draft = Draft { form: "tolak", text: reason.clone(), ..Draft::default() };
    let done = act(&rooms, &acting, id, None, |_| Action::Reject { reason }).await?;
    finish(&rooms, &visit, &acting.by, id, done, draft).await
}

/// Each sign in words, with its points.
pub(super) fn signs(held: &Held, page: &Page) -> Vec<String> {
    held.signs.iter().map(|sign| in_words(sign, page)).collect()
}

/// The same for the page of a complaint, with the sum and what was said of it.
pub(super) fn sentences(held: &Held, page: &Page) -> Vec<String> {
    let said = match held.verdict {
        None => page.fill("held.waits", "date", page.time(&held.due)),
        Some(Verdict::Real) => page.t("held.real").to_owned(),
        Some(Verdict::Spam) => page.t("held.spam").to_owned(),
        Some(Verdict::Contested) => page.t("held.contested").to_owned(),
    };
    let why = page.words.fill("held.why", &[("points", &held.points.to_string()), ("signs", &signs(held, page).join("; "))]);
    vec![said, why]
}

fn in_words(sign: &Sign, page: &Page) -> String {
    let words = page.fill(key(sign.signal), "found", sign.found.join(", "));
    format!("{words} ({:+})", sign.points)
}

fn key(signal: Signal) -> &'static str {
    match signal {
        Signal::Flood => "signal.flood",
        Signal::Links => "signal.links",
        Signal::Advert => "signal.advert",
        Signal::Invites => "signal.invites",
        Signal::Gibberish => "signal.gibberish",
        Signal::SameWords => "signal.same_words",
        Signal::NoMatter => "signal.no_matter",
        Signal::SpamBefore => "signal.spam_before",
        Signal::Rush => "signal.rush",
        Signal::Matter => "signal.matter",
        Signal::Place => "signal.place",
        Signal::File => "signal.file",
        Signal::SettledBefore => "signal.settled_before",
    }
}
