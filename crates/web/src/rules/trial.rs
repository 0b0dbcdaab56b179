//! `GET /aturan/coba`: what would become of the last complaints by the draft, and what it changes. `POST /aturan/terbitkan`: it counts, if who publishes
//! did not write it and publishes what they read.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{
    Directory, Role, Rule,
    rules::{counting, difference, trial},
};
use serde::Deserialize;
use serde_json::json;
use store::rules::{self, Draft, Last, MOST_TRIED, Published};
use tracing::info;
use ui::{Page, Visit};

use super::{
    Line, audit,
    draft::{Found, found},
    frame, line, names, note,
};
use crate::{Rooms, WebError, form::Acting, page, session::SignedIn};

/// Complaints that are named.
const NAMED: usize = 200;
/// Rows of each list of what changed.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "rules_trial.html")]
struct Trial {
    page: Page,
    csrf: String,
    edition: i64,
    /// The version that counts.
    current: u32,
    /// Authors by name; whether one of them looks.
    authors: String,
    own: bool,
    added: Vec<Line>,
    removed: Vec<Line>,
    added_count: String,
    removed_count: String,
    found: Found,
    n: u32,
    /// How many were tried, how many move.
    tried: String,
    moves: String,
    /// From, to, how many.
    ways: Vec<(String, String, String)>,
    /// Number, address, from, to.
    named: Vec<(String, String, String, String)>,
    /// Those that are not named, and why.
    unseen: String,
    more: String,
    text: String,
    error: String,
}

/// On how many complaints.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    n: String,
}

impl Asked {
    fn number(&self) -> u32 {
        self.n.trim().parse().unwrap_or(1000).clamp(1, MOST_TRIED)
    }
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    by.only(Role::may_set_rules)?;
    draw(&rooms, &visit, &by, asked.number(), String::new(), "").await
}

async fn draw(rooms: &Rooms, visit: &Visit, by: &SignedIn, n: u32, text: String, error: &'static str) -> Result<Response, WebError> {
    rooms.refresh().await?;
    let Some(draft) = rules::draft(rooms.db()).await? else { return Ok(Redirect::to("/aturan").into_response()) };
    let directory = rooms.directory();
    let page = frame(rooms, visit, by, "rules.trial.title");
    let current = directory.rules_version;
    let change = difference(&rules::of_version(rooms.db(), current).await?, &draft.rules);
    let last = rules::last(rooms.db(), &by.scope(), n).await?;
    let count = |key: &str, n: usize| page.count(key, &(n as u64));
    let lines = |rules: &[Rule]| rules.iter().take(SHOWN).map(|rule| line(rule, &directory, &page)).collect();
    let Tried { ways, named, unseen, more, moves } = tried(&last, &draft, &directory, &page);
    page::html(&Trial {
        csrf: by.csrf.clone(),
        edition: draft.edition,
        current,
        authors: draft.authors.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", "),
        own: draft.authors.iter().any(|(author, _)| *author == by.staff.id),
        added_count: count("rules.added", change.added.len()),
        removed_count: count("rules.removed", change.removed.len()),
        added: lines(&change.added),
        removed: lines(&change.removed),
        found: found(&draft.rules, &directory, &page),
        n,
        tried: count("rules.tried", last.complaints.len()),
        moves: count("rules.moves", moves),
        ways,
        named,
        unseen: if unseen == 0 { String::new() } else { count("rules.unseen", unseen) },
        more: if more == 0 { String::new() } else { count("rules.more", more) },
        text,
        error: if error.is_empty() { String::new() } else { page.t(error).to_owned() },
        page,
    })
}

/// What the trial says, in words.
struct Tried {
    ways: Vec<(String, String, String)>,
    named: Vec<(String, String, String, String)>,
    unseen: usize,
    more: usize,
    moves: usize,
}

fn tried(last: &Last, draft: &Draft, directory: &Directory, page: &Page) -> Tried {
    let moved = trial(&last.complaints, &directory.rules, &counting(&draft.rules, directory), directory);
    let mut ways: BTreeMap<(String, String), u64> = BTreeMap::new();
    let (mut named, mut unseen, mut more) = (Vec::new(), 0, 0);
    for (id, (from, to)) in &moved {
        let (from, to) = (names(from, directory, page), names(to, directory, page));
        *ways.entry((from.clone(), to.clone())).or_default() += 1;
        match last.seen.get(id) {
            Some(number) if named.len() < NAMED => named.push((number.clone(), format!("/aduan/{id}"), from, to)),
            Some(_) => more += 1,
            None => unseen += 1,
        }
    }
    let mut ways: Vec<((String, String), u64)> = ways.into_iter().collect();
    ways.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let ways = ways.into_iter().map(|((from, to), count)| (from, to, page.words.number(count))).collect();
    Tried { ways, named, unseen, more, moves: moved.len() }
}

pub(crate) async fn publish(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    by.only(Role::may_set_rules)?;
    let n = Asked { n: form.text("n") }.number();
    let refuse = async |status: StatusCode, error: &'static str| -> Result<Response, WebError> {
        let page = draw(&rooms, &visit, &by, n, form.text("text"), error).await?;
        if page.status().is_redirection() { Ok(page) } else { Ok((status, page).into_response()) }
    };
    let note = match note(&form) {
        Ok(note) => note,
        Err(error) => return refuse(StatusCode::UNPROCESSABLE_ENTITY, error).await,
    };
    let edition = form.text("edition").parse().map_err(|_| WebError::Unreadable)?;
    let current = form.text("current").parse().map_err(|_| WebError::Unreadable)?;
    let mut tx = store::begin(rooms.db()).await?;
    let version = match rules::publish(&mut tx, edition, current, &note, by.staff.id, rooms.now()).await? {
        Published::Yes(version) => version,
        Published::ByAuthor => {
            drop(tx);
            return refuse(StatusCode::FORBIDDEN, "rules.by_author").await;
        }
        Published::Changed => {
            drop(tx);
            return refuse(StatusCode::CONFLICT, "rules.changed").await;
        }
    };
    audit(&rooms, &mut tx, by.staff.id, "rules.published", &version.to_string(), &json!({ "from": current, "reason": note })).await?;
    store::commit(tx).await?;
    info!(version, "A version of the rules was published.");
    Ok(Redirect::to("/aturan?done=terbit").into_response())
}
