//! `GET /antrean`: the lists. What narrows them is in the address, so that a list can be bookmarked and sent to a colleague, who sees
//! what is theirs.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use model::{Directory, DispatchState, Reference, Role, Timestamp, Visibility};
use serde::Deserialize;
use store::queue::{Asked, Counts, Cursor, Filter, Row, View};
use ui::{Clock, Page, Tone, Visit};

use super::Done;
use crate::{Rooms, WebError, page, session::SignedIn};

/// Lines of a page.
pub(super) const LINES: u16 = 25;

#[derive(Template)]
#[template(path = "queue.html")]
struct Queue {
    page: Page,
    tabs: Vec<Tab>,
    total: u64,
    view: &'static str,
    filter: Shown,
    agencies: Vec<(String, String, bool)>,
    categories: Vec<(String, String, bool)>,
    areas: Vec<(String, String, bool)>,
    lines: Vec<Line>,
    newer: String,
    older: String,
    not_found: bool,
}

struct Tab {
    label: String,
    href: String,
    count: String,
    here: bool,
}

/// What narrows the list, as the form shows it.
struct Shown {
    number: String,
    narrowed: bool,
}

/// One line as the page shows it.
pub(super) struct Line {
    pub(super) href: String,
    pub(super) reference: String,
    pub(super) state: Option<DispatchState>,
    pub(super) status: model::Status,
    pub(super) clock: Option<(Clock, Timestamp)>,
    pub(super) category: String,
    pub(super) area: String,
    pub(super) agency: String,
    pub(super) officer: String,
    pub(super) words: String,
    pub(super) opened_at: Timestamp,
    pub(super) has_photo: bool,
    pub(super) danger: bool,
    pub(super) secret: bool,
    pub(super) channel: String,
}

/// The address after `?`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Address {
    view: String,
    category: String,
    area: String,
    agency: String,
    number: String,
    after: String,
}

impl Address {
    fn with(&self, view: View, after: Option<Cursor>) -> String {
        let mut address = format!("/antrean?view={}", word(view));
        for (name, value) in [("category", &self.category), ("area", &self.area), ("agency", &self.agency)] {
            if !value.is_empty() {
                address = format!("{address}&{name}={}", page::encoded(value));
            }
        }
        after.map_or(address.clone(), |cursor| format!("{address}&after={cursor}"))
    }
}

/// The word for a list in addresses.
fn word(view: View) -> &'static str {
    match view {
        View::Mine => "mine",
        View::Open => "open",
        View::Overdue => "overdue",
        View::Triage => "triage",
        View::Done => "done",
    }
}

/// The lists of a role, the first one first.
fn views(role: Role) -> &'static [View] {
    if role.may_triage() {
        &[View::Triage, View::Open, View::Overdue, View::Done]
    } else {
        &[View::Open, View::Mine, View::Overdue, View::Done]
    }
}

pub(crate) async fn show(
    State(rooms): State<Rooms>,
    visit: Visit,
    by: SignedIn,
    Query(address): Query<Address>,
    Query(done): Query<Done>,
) -> Result<Response, WebError> {
    by.only(|role| role != Role::Clerk)?;
    let mut not_found = false;
    if !address.number.trim().is_empty() {
        match by_number(&rooms, &by, &address.number).await? {
            Some(page) => return Ok(page),
            None => not_found = true,
        }
    }
    let directory = rooms.directory();
    let views = views(by.staff.role);
    let view = views.iter().copied().find(|&view| word(view) == address.view).unwrap_or(views[0]);
    let filter = filter(&address);
    let after: Option<Cursor> = address.after.parse().ok();
    let now = rooms.now();
    let asked = Asked { me: by.staff.id, view, filter: &filter, after, most: LINES + 1 };
    let mut rows = store::queue::rows(rooms.db(), &by.scope(), &asked, now).await?;
    let counts = store::queue::counts(rooms.db(), &by.scope(), by.staff.id, &filter, now).await?;
    let older = next_page(&mut rows).map(|cursor| address.with(view, Some(cursor))).unwrap_or_default();
    let title = page::words(visit.language).t("menu.queue");
    let page = flashed(page::staff(&rooms, &visit, &by, title).script("live.js"), &done);
    page::html(&Queue {
        tabs: tabs(views, view, &address, &counts, &page),
        total: counts.of(view),
        view: word(view),
        agencies: agencies(&by, &directory, &address),
        categories: categories(&directory, &address, &visit),
        areas: areas(&directory, &address.area),
        lines: rows.into_iter().map(|row| for_role(line(row, &directory, &page), &by)).collect(),
        newer: if after.is_some() { address.with(view, None) } else { String::new() },
        older,
        filter: Shown { number: address.number, narrowed: filter != Filter::default() },
        not_found,
        page,
    })
}

/// Who works for one agency knows which.
fn for_role(line: Line, by: &SignedIn) -> Line {
    if by.staff.agency.is_some() { Line { agency: String::new(), ..line } } else { line }
}

fn flashed(page: Page, done: &Done) -> Page {
    if !done.is("alihkan") {
        return page;
    }
    let text = page.t("done.hand_over").to_owned();
    page.flash(Tone::Good, text)
}

/// A whole number leads to its complaint, if it is theirs to see.
async fn by_number(rooms: &Rooms, by: &SignedIn, typed: &str) -> Result<Option<Response>, WebError> {
    let Ok(reference) = typed.trim().parse::<Reference>() else { return Ok(None) };
    let found = store::queue::by_reference(rooms.db(), &by.scope(), &reference).await?;
    Ok(found.map(|id| Redirect::to(&format!("/aduan/{id}")).into_response()))
}

fn filter(address: &Address) -> Filter {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Filter { category: some(&address.category), area: some(&address.area), agency: address.agency.parse().ok() }
}

/// Takes the line too many off the end: where there is one, there is a next page, and this is where it begins.
pub(super) fn next_page(rows: &mut Vec<Row>) -> Option<Cursor> {
    if rows.len() <= usize::from(LINES) {
        return None;
    }
    rows.truncate(usize::from(LINES));
    rows.last().map(Row::cursor)
}

fn tabs(views: &[View], here: View, address: &Address, counts: &Counts, page: &Page) -> Vec<Tab> {
    let tab = |&view: &View| Tab {
        label: label(view, page).to_owned(),
        href: address.with(view, None),
        count: page.words.number(counts.of(view)),
        here: view == here,
    };
    views.iter().map(tab).collect()
}

fn label(view: View, page: &Page) -> &str {
    match view {
        View::Mine => page.t("queue.mine"),
        View::Open => page.t("queue.open"),
        View::Overdue => page.t("queue.overdue"),
        View::Triage => page.t("queue.triage"),
        View::Done => page.t("queue.done"),
    }
}

fn agencies(by: &SignedIn, directory: &Directory, address: &Address) -> Vec<(String, String, bool)> {
    if !by.staff.role.may_triage() {
        return Vec::new();
    }
    let mut all: Vec<_> = directory.agencies.values().map(|agency| (agency.id.to_string(), agency.name.clone(), false)).collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    chosen(all, &address.agency)
}

fn categories(directory: &Directory, address: &Address, visit: &Visit) -> Vec<(String, String, bool)> {
    let all =
        directory.categories.values().map(|category| (category.code.clone(), page::name_of(category, visit.language).to_owned(), false));
    let mut all: Vec<_> = all.collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    chosen(all, &address.category)
}

/// Areas to choose from, a part below its whole.
pub(super) fn areas(directory: &Directory, here: &str) -> Vec<(String, String, bool)> {
    let all = directory.areas.values().filter(|area| area.code.len() > 2).map(|area| {
        let indent = match area.code.len() {
            4 => "",
            7 => "\u{a0}\u{a0}",
            _ => "\u{a0}\u{a0}\u{a0}\u{a0}",
        };
        (area.code.clone(), format!("{indent}{}", area.name), false)
    });
    chosen(all.collect(), here)
}

fn chosen(mut all: Vec<(String, String, bool)>, here: &str) -> Vec<(String, String, bool)> {
    for entry in &mut all {
        entry.2 = entry.0 == here;
    }
    all
}

/// The two narrowest names of a path: in a list, everybody knows which city it is.
fn nearby(path: &str) -> String {
    path.split(", ").take(2).collect::<Vec<_>>().join(", ")
}

pub(super) fn line(row: Row, directory: &Directory, page: &Page) -> Line {
    let pending = row.work.is_none_or(DispatchState::is_pending);
    let clock = row.deadline.filter(|_| pending).map(|deadline| (page.clock(deadline, &directory.calendar), deadline));
    Line {
        href: format!("/aduan/{}", row.complaint),
        reference: row.reference.to_string(),
        state: row.work,
        status: row.status,
        clock,
        category: page::category_name(row.category.as_deref(), directory, page.words.language()),
        area: row.area.as_deref().map(|code| nearby(&directory.area_path(code))).or(row.place).unwrap_or_default(),
        agency: row.agency.map(|agency| directory.agency_name(agency).to_owned()).unwrap_or_default(),
        officer: row.officer.unwrap_or_default(),
        words: row.words,
        opened_at: row.opened_at,
        has_photo: row.has_photo,
        danger: row.danger,
        secret: row.visibility == Visibility::Secret,
        channel: page::channel_name(&row.adapter, &row.account, row.opened_at, directory),
    }
}
