//! `GET /aturan/draf`: the next version while it is written, with what is wrong with it. Nothing is routed by it.

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{
    Directory, Role, Rule, Timestamp,
    rules::{Checked, Hole, Idle, check},
};
use serde_json::json;
use store::rules::{self, Draft, Edited};
use ui::{Page, Visit};

use super::{
    Asked, Choice, Rows, agencies, area_name, areas, audit, categories, category_name, channel_value, channels, flashed, frame, kind_name,
    line, names, rows, told,
};
use crate::{
    Rooms, WebError,
    form::{Acting, Fields},
    page,
    session::SignedIn,
};

/// Areas that are named in one sentence about what nobody gets.
const NAMED: usize = 12;

#[derive(Template)]
#[template(path = "rules_draft.html")]
struct DraftPage {
    page: Page,
    csrf: String,
    edition: i64,
    based_on: u32,
    begun_at: Timestamp,
    authors: String,
    rows: Rows,
    found: Found,
    /// The row in the form; 0: a new one.
    edit: i64,
    categories: Vec<Choice>,
    areas: Vec<Choice>,
    kinds: Vec<Choice>,
    channels: Vec<Choice>,
    agencies: Vec<Choice>,
    despite: bool,
    error: String,
}

/// What a check found, in sentences.
pub(super) struct Found {
    pub(super) holes: Vec<(String, String)>,
    pub(super) holes_count: String,
    pub(super) shared: Vec<(String, String)>,
    pub(super) shared_count: String,
    pub(super) idle: Vec<(String, String)>,
    pub(super) idle_count: String,
}

/// Checks a table and says what was found.
pub(super) fn found(rules: &[Rule], directory: &Directory, page: &Page) -> Found {
    let Checked { holes, shared, idle } = check(rules, directory);
    let one = |id: i64| rules.iter().find(|rule| rule.id == id);
    let asks = |id: i64| one(id).map(|rule| asks_for(rule, directory, page)).unwrap_or_default();
    Found {
        holes_count: page.count("rules.holes", &(holes.len() as u64)),
        shared_count: page.count("rules.shared", &(shared.len() as u64)),
        idle_count: page.count("rules.idle", &(idle.len() as u64)),
        holes: holes.iter().map(|hole| said(hole, directory, page)).collect(),
        shared: shared
            .iter()
            .map(|shared| (shared.rules.first().map(|id| asks(*id)).unwrap_or_default(), names(&shared.agencies, directory, page)))
            .collect(),
        idle: idle.iter().map(|(id, why)| (asks(*id), page.t(idle_why(*why)).to_owned())).collect(),
    }
}

/// `Jalan rusak, Kelurahan Melati`.
fn asks_for(rule: &Rule, directory: &Directory, page: &Page) -> String {
    let line = line(rule, directory, page);
    let asks = page.words.fill("rules.asks", &[("category", &line.category), ("area", &line.area)]);
    std::iter::once(asks).chain(line.more).collect::<Vec<_>>().join(", ")
}

fn said(hole: &Hole, directory: &Directory, page: &Page) -> (String, String) {
    let category = match &hole.category {
        Some(code) => category_name(code, directory, page.words.language()),
        None => page.t("rules.no_category").to_owned(),
    };
    let mut places = if hole.everywhere {
        page.t("rules.hole.everywhere").to_owned()
    } else {
        let whole: Vec<String> = hole.gaps.iter().filter(|gap| gap.whole).map(|gap| area_name(&gap.area, directory)).collect();
        let named = whole.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
        let more = whole.len().saturating_sub(NAMED) as u64;
        match (whole.len(), more) {
            (0, _) => page.t("rules.hole.broad").to_owned(),
            (_, 0) => page.fill("rules.hole.in", "areas", named),
            _ => page.words.fill("rules.hole.in_more", &[("areas", &named), ("n", &page.words.number(more))]),
        }
    };
    if hole.partly {
        places = format!("{places} {}", page.t("rules.hole.partly"));
    }
    (category, places)
}

fn idle_why(idle: Idle) -> &'static str {
    match idle {
        Idle::Agency => "rules.idle.agency",
        Idle::Category => "rules.idle.category",
        Idle::Area => "rules.idle.area",
        Idle::Kind => "rules.idle.kind",
        Idle::Channel => "rules.idle.channel",
    }
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    by.only(Role::may_set_rules)?;
    draw(&rooms, &visit, &by, &asked, None).await
}

/// The page, with what was typed and the key of what is wrong with it.
async fn draw(
    rooms: &Rooms,
    visit: &Visit,
    by: &SignedIn,
    asked: &Asked,
    refused: Option<(&Fields, &'static str)>,
) -> Result<Response, WebError> {
    rooms.refresh().await?;
    let Some(draft) = rules::draft(rooms.db()).await? else { return Ok(Redirect::to("/aturan").into_response()) };
    let directory = rooms.directory();
    let page = flashed(frame(rooms, visit, by, "rules.draft.title"), &asked.done());
    let edited = draft.rules.iter().find(|rule| rule.id == asked.edit);
    let chosen = |name: &str, kept: Option<String>| refused.map_or_else(|| kept.unwrap_or_default(), |(form, _)| form.text(name));
    let channel = edited.map(|rule| channel_value(rule.adapter.as_ref(), rule.account.as_deref()));
    let kind = chosen("kind", edited.and_then(|rule| rule.kind.clone()));
    let despite = refused.map_or(edited.is_some_and(|rule| rule.despite_ethics), |(form, _)| form.some("despite").is_some());
    page::html(&DraftPage {
        csrf: by.csrf.clone(),
        edition: draft.edition,
        based_on: draft.based_on,
        begun_at: draft.begun_at,
        authors: authors(&draft),
        rows: rows(&draft.rules, asked, "/aturan/draf", &directory, &page),
        found: found(&draft.rules, &directory, &page),
        edit: edited.map_or(0, |rule| rule.id),
        categories: categories(&directory, &chosen("category", edited.and_then(|rule| rule.category.clone())), visit.language),
        areas: areas(&directory, &chosen("area", edited.and_then(|rule| rule.area.clone()))),
        kinds: model::KINDS.iter().map(|word| ((*word).to_owned(), kind_name(word, &page).to_owned(), *word == kind)).collect(),
        channels: channels(&directory, &chosen("channel", channel), &page),
        agencies: agencies(&directory, &chosen("agency", edited.map(|rule| rule.agency.to_string()))),
        despite,
        error: refused.map(|(_, key)| page.t(key).to_owned()).unwrap_or_default(),
        page,
    })
}

fn authors(draft: &Draft) -> String {
    draft.authors.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ")
}

async fn refuse(rooms: &Rooms, visit: &Visit, by: &SignedIn, form: &Fields, key: &'static str) -> Result<Response, WebError> {
    let asked = Asked { edit: form.text("row").parse().unwrap_or(0), ..Asked::default() };
    let page = draw(rooms, visit, by, &asked, Some((form, key))).await?;
    if page.status().is_redirection() {
        return Ok(page);
    }
    let status = if key == "rules.changed" { StatusCode::CONFLICT } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, page).into_response())
}

fn edition(form: &Fields) -> Result<i64, WebError> {
    form.text("edition").parse().map_err(|_| WebError::Unreadable)
}

pub(crate) async fn begin(State(rooms): State<Rooms>, Acting { by, .. }: Acting) -> Result<Response, WebError> {
    by.only(Role::may_set_rules)?;
    let mut tx = store::begin(rooms.db()).await?;
    // Somebody else began it a moment ago: there it is.
    if rules::begin(&mut tx, by.staff.id, rooms.now()).await? {
        audit(&rooms, &mut tx, by.staff.id, "rules.begun", "draft", &json!({})).await?;
        store::commit(tx).await?;
    }
    Ok(Redirect::to("/aturan/draf?done=mulai").into_response())
}

/// A row as the form says it, or which words say what is wrong.
fn read(form: &Fields, directory: &Directory) -> Result<Rule, &'static str> {
    let agency = form.text("agency").parse().ok().filter(|id| directory.agencies.contains_key(id)).ok_or("rules.wrong.agency")?;
    let mut rule = Rule::new(form.text("row").parse().unwrap_or(0), agency);
    rule.category = form.some("category");
    if rule.category.as_ref().is_some_and(|code| !directory.categories.contains_key(code)) {
        return Err("rules.wrong.category");
    }
    rule.area = form.some("area");
    if rule.area.as_ref().is_some_and(|code| !directory.areas.contains_key(code)) {
        return Err("rules.wrong.area");
    }
    rule.kind = form.some("kind");
    if rule.kind.as_deref().is_some_and(|kind| !model::KINDS.contains(&kind)) {
        return Err("rules.wrong.kind");
    }
    if let Some(channel) = form.some("channel") {
        let (adapter, account) = channel.split_once(' ').map_or((channel.as_str(), None), |(adapter, account)| (adapter, Some(account)));
        let known = |adapter: &model::AdapterName| {
            let fits = |channel: &model::Channel| channel.adapter == *adapter && account.is_none_or(|account| channel.account == account);
            directory.channels.iter().any(fits)
        };
        rule.adapter = Some(adapter.parse().ok().filter(known).ok_or("rules.wrong.channel")?);
        rule.account = account.map(str::to_owned);
    }
    rule.despite_ethics = form.some("despite").is_some();
    Ok(rule)
}

fn refusal(edited: Edited) -> Option<&'static str> {
    match edited {
        Edited::Yes(_) => None,
        Edited::Changed => Some("rules.changed"),
        Edited::Same => Some("rules.same"),
        Edited::Full => Some("rules.full"),
    }
}

pub(crate) async fn set(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    by.only(Role::may_set_rules)?;
    let (directory, edition) = (rooms.directory(), edition(&form)?);
    let rule = match read(&form, &directory) {
        Ok(rule) => rule,
        Err(key) => return refuse(&rooms, &visit, &by, &form, key).await,
    };
    let mut tx = store::begin(rooms.db()).await?;
    let edited = rules::set(&mut tx, edition, &rule, by.staff.id, rooms.now()).await?;
    if let Some(key) = refusal(edited) {
        drop(tx);
        return refuse(&rooms, &visit, &by, &form, key).await;
    }
    let detail = json!({ "row": rule.id, "rule": told(&rule, &directory) });
    audit(&rooms, &mut tx, by.staff.id, "rules.changed", "draft", &detail).await?;
    store::commit(tx).await?;
    Ok(Redirect::to("/aturan/draf?done=simpan").into_response())
}

pub(crate) async fn remove(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path(row): Path<i64>,
    Acting { by, form }: Acting,
) -> Result<Response, WebError> {
    by.only(Role::may_set_rules)?;
    let edition = edition(&form)?;
    let before = rules::draft(rooms.db()).await?.and_then(|draft| draft.rules.into_iter().find(|rule| rule.id == row));
    let mut tx = store::begin(rooms.db()).await?;
    let edited = rules::remove(&mut tx, edition, row, by.staff.id, rooms.now()).await?;
    if let Some(key) = refusal(edited) {
        drop(tx);
        return refuse(&rooms, &visit, &by, &Fields::default(), key).await;
    }
    let detail = json!({ "removed": before.map(|rule| told(&rule, &rooms.directory())) });
    audit(&rooms, &mut tx, by.staff.id, "rules.changed", "draft", &detail).await?;
    store::commit(tx).await?;
    Ok(Redirect::to("/aturan/draf?done=hapus#daftar").into_response())
}

pub(crate) async fn discard(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    by.only(Role::may_set_rules)?;
    let edition = edition(&form)?;
    let mut tx = store::begin(rooms.db()).await?;
    if !rules::discard(&mut tx, edition).await? {
        drop(tx);
        return refuse(&rooms, &visit, &by, &Fields::default(), "rules.changed").await;
    }
    audit(&rooms, &mut tx, by.staff.id, "rules.discarded", "draft", &json!({})).await?;
    store::commit(tx).await?;
    Ok(Redirect::to("/aturan?done=buang").into_response())
}
