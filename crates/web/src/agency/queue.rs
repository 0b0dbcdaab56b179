//! `GET /antrean`: the lists, and what is searched; what narrows them is in the [address](super::address). `POST /antrean/cari`: the same search with
//! names and contacts of citizens, which stand in no address.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use model::{Directory, DispatchState, Held, Reference, Role, Timestamp, Visibility};
use store::{
    queue::{Asked, Counts, Cursor, Filter, Row, Times, View},
    search::{Hit, Hits, MOST, Why},
};
use ui::{Clock, Page, Tone, Visit};

use super::{
    Done,
    address::{AGES, Address},
    held, saved, sought,
};
use crate::{Rooms, WebError, form::Acting, page, session::SignedIn};

/// Lines of a page.
pub(super) const LINES: u16 = 25;

/// A choice of a field: value, words, whether it is chosen.
type Choice = (String, String, bool);

#[derive(Template)]
#[template(path = "queue.html")]
struct Queue {
    page: Page,
    csrf: String,
    tabs: Vec<Tab>,
    total: String,
    view: &'static str,
    /// The list, where it may be taken along as a table; else empty.
    take: &'static str,
    /// What was searched; empty: this is a list.
    text: String,
    /// Names and contacts were searched: nothing of it stands in an address.
    private: bool,
    filter: Shown,
    saved: Vec<Kept>,
    may_share: bool,
    lines: Vec<Line>,
    /// What may be done with several at once: value and words; empty: nothing.
    bulk: Vec<(&'static str, String)>,
    /// To whom several may be given.
    bulk_to: Vec<Choice>,
    /// Where this list is.
    back: String,
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

/// A list that was kept by name.
struct Kept {
    href: String,
    name: String,
    here: bool,
    shared: bool,
    /// Where to remove it; empty: it is not theirs to remove.
    remove: String,
}

/// What narrows the list, as the form shows it.
struct Shown {
    narrowed: bool,
    /// The fields that are set, for the other form.
    kept: Vec<(&'static str, String)>,
    agencies: Vec<Choice>,
    categories: Vec<Choice>,
    areas: Vec<Choice>,
    channels: Vec<Choice>,
    ages: Vec<Choice>,
    grades: Vec<Choice>,
    danger: bool,
}

/// One line as the page shows it.
pub(super) struct Line {
    pub(super) href: String,
    /// Its id, where it may be ticked to do something with several at once; else empty.
    pub(super) pick: String,
    pub(super) reference: String,
    pub(super) state: Option<DispatchState>,
    pub(super) status: model::Status,
    pub(super) clock: Option<(Clock, Timestamp)>,
    pub(super) category: String,
    pub(super) area: String,
    pub(super) agency: String,
    pub(super) officer: String,
    /// That it only helps, in words; empty: it answers for it.
    pub(super) helps: String,
    pub(super) words: String,
    pub(super) opened_at: Timestamp,
    pub(super) has_photo: bool,
    pub(super) danger: bool,
    /// What its grade is called, where who wrote is not shown.
    pub(super) grade: String,
    pub(super) channel: String,
    /// Why it was found, or why it is held; else empty.
    pub(super) why: Vec<String>,
    /// What stands before that.
    pub(super) why_title: String,
    /// Words around what was found, each with whether it is what was looked for; empty in a list.
    pub(super) pieces: Vec<(String, bool)>,
}

/// The word for a list in addresses.
pub(super) fn word(view: View) -> &'static str {
    match view {
        View::Mine => "mine",
        View::Open => "open",
        View::Unassigned => "unassigned",
        View::Today => "today",
        View::Overdue => "overdue",
        View::Escalated => "escalated",
        View::Waiting => "waiting",
        View::Triage => "triage",
        View::Held => "karantina",
        View::Referee => "referee",
        View::Asked => "asked",
        View::Near => "near",
        View::Done => "done",
    }
}

/// The list of this word, if the role has it.
pub(super) fn view_of(word: &str, role: Role) -> Option<View> {
    views(role).iter().copied().find(|&view| self::word(view) == word)
}

/// The lists of a role, the first one first.
pub(super) fn views(role: Role) -> &'static [View] {
    if role.may_triage() {
        &[
            View::Triage,
            View::Held,
            View::Referee,
            View::Open,
            View::Unassigned,
            View::Today,
            View::Overdue,
            View::Escalated,
            View::Waiting,
            View::Asked,
            View::Done,
        ]
    } else {
        &[
            View::Open,
            View::Mine,
            View::Unassigned,
            View::Today,
            View::Overdue,
            View::Escalated,
            View::Waiting,
            View::Asked,
            View::Near,
            View::Done,
        ]
    }
}

pub(crate) async fn show(
    State(rooms): State<Rooms>,
    visit: Visit,
    by: SignedIn,
    Query(mut address): Query<Address>,
    Query(done): Query<Done>,
) -> Result<Response, WebError> {
    by.only(|role| role != Role::Clerk)?;
    if !address.number.trim().is_empty() {
        address.cari = std::mem::take(&mut address.number);
    }
    if address.cari.trim().is_empty() {
        return list(&rooms, &visit, &by, address, &done).await;
    }
    if let Some(page) = by_number(&rooms, &by, &address.cari).await? {
        return Ok(page);
    }
    rooms.limits().desk_search(&by.staff.id.to_string())?;
    let hits = find(&rooms, &by, &address, false).await?;
    found(&rooms, &visit, &by, address, hits, false, &done).await
}

/// Searches also by name and contact. What is found without them has an address, and is led to it.
pub(crate) async fn search(State(rooms): State<Rooms>, visit: Visit, acting: Acting) -> Result<Response, WebError> {
    acting.by.only(|role| role != Role::Clerk)?;
    let address = Address { view: String::new(), ..Address::of_form(&acting.form) };
    if address.cari.is_empty() {
        return Ok(Redirect::to("/antrean").into_response());
    }
    if let Some(page) = by_number(&rooms, &acting.by, &address.cari).await? {
        return Ok(page);
    }
    rooms.limits().desk_search(&acting.by.staff.id.to_string())?;
    let hits = find(&rooms, &acting.by, &address, true).await?;
    let personal = |hit: &Hit| hit.why.iter().any(|why| matches!(why, Why::Name | Why::Contact));
    if sought::is_contact(&address.cari) || hits.hits.iter().any(personal) {
        return found(&rooms, &visit, &acting.by, address, hits, true, &Done::default()).await;
    }
    Ok(Redirect::to(&address.search()).into_response())
}

async fn find(rooms: &Rooms, by: &SignedIn, address: &Address, personal: bool) -> Result<Hits, WebError> {
    let now = rooms.now();
    let sought = sought::read(&address.cari, &rooms.directory(), personal);
    Ok(store::search::find(rooms.db(), &by.scope(), &sought, &address.filter(now), address.from(), LINES, now).await?)
}

async fn list(rooms: &Rooms, visit: &Visit, by: &SignedIn, address: Address, done: &Done) -> Result<Response, WebError> {
    let directory = rooms.directory();
    let views = views(by.staff.role);
    let view = address.view_for(by.staff.role);
    let filter = address.filter(rooms.now());
    let asked = Asked { me: by.staff.id, view, filter: &filter, from: address.from(), most: LINES };
    // The table knows no ages, dangers or grades: what is narrowed by them is not offered.
    let plain = Filter { opened_since: None, opened_before: None, danger: false, visibility: None, ..filter.clone() };
    let may_take = super::head::may(by.staff.role) && filter == plain;
    let lines = store::queue::rows(rooms.db(), &by.scope(), &asked, times(rooms)).await?;
    let (page, counts) = frame(rooms, visit, by, &filter).await?;
    let page = flashed(page.script("live.js"), done);
    let beside =
        |name: &str, cursor: Option<Cursor>| cursor.map(|cursor| format!("{}&{name}={cursor}", address.list(view))).unwrap_or_default();
    let bulk = bulk(by.staff.role, view, &page);
    page::html(&Queue {
        csrf: by.csrf.clone(),
        tabs: tabs(rooms, by, views, Some(view), &address, &counts, &page).await?,
        total: page.count("queue.total", &counts.of(view)),
        view: word(view),
        take: if may_take { word(view) } else { "" },
        text: String::new(),
        private: false,
        filter: shown(by, &directory, &address, &filter, &page),
        saved: kept(rooms, by, &address.list(view)).await?,
        may_share: saved::may_share(by.staff.role),
        lines: lines.rows.into_iter().map(|row| picked(for_role(line(row, &directory, &page), by), &bulk)).collect(),
        bulk_to: if bulk.iter().any(|(what, _)| *what == "alihkan") { agencies_but(&directory, by.staff.agency) } else { Vec::new() },
        bulk,
        back: address.list(view),
        newer: beside("before", lines.newer),
        older: beside("after", lines.older),
        not_found: false,
        page,
    })
}

async fn found(
    rooms: &Rooms,
    visit: &Visit,
    by: &SignedIn,
    address: Address,
    hits: Hits,
    private: bool,
    done: &Done,
) -> Result<Response, WebError> {
    let directory = rooms.directory();
    let filter = address.filter(rooms.now());
    let (page, counts) = frame(rooms, visit, by, &filter).await?;
    let page = flashed(page, done);
    let beside = |name: &str, cursor: Option<Cursor>| match cursor {
        // In a form the place stands in a field, in an address behind the rest.
        Some(cursor) if private => cursor.to_string(),
        Some(cursor) => format!("{}&{name}={cursor}", address.search()),
        None => String::new(),
    };
    let total = u64::try_from(hits.total).unwrap_or(u64::MAX);
    let total = if hits.all { page.count("queue.found", &total) } else { page.fill("queue.found.more", "n", MOST.to_string()) };
    let number = sought::like_a_number(&address.cari);
    page::html(&Queue {
        csrf: by.csrf.clone(),
        tabs: tabs(rooms, by, views(by.staff.role), None, &address, &counts, &page).await?,
        total,
        view: "",
        take: "",
        private,
        filter: shown(by, &directory, &address, &filter, &page),
        saved: kept(rooms, by, &address.search()).await?,
        may_share: saved::may_share(by.staff.role),
        newer: beside("before", hits.newer),
        older: beside("after", hits.older),
        not_found: number && hits.hits.is_empty(),
        bulk: Vec::new(),
        bulk_to: Vec::new(),
        back: String::new(),
        lines: hits.hits.into_iter().map(|hit| for_role(hit_line(hit, &directory, &page), by)).collect(),
        text: address.cari,
        page,
    })
}

/// What somebody kept, and which of it is here.
async fn kept(rooms: &Rooms, by: &SignedIn, here: &str) -> Result<Vec<Kept>, WebError> {
    let may_share = saved::may_share(by.staff.role);
    let kept = store::saved::of(rooms.db(), &by.staff).await?.into_iter().map(|one| Kept {
        here: one.address == here,
        shared: one.shared,
        remove: if one.shared && !may_share { String::new() } else { format!("/antrean/simpan/{}/hapus", one.id) },
        href: one.address,
        name: one.name,
    });
    Ok(kept.collect())
}

async fn frame(rooms: &Rooms, visit: &Visit, by: &SignedIn, filter: &Filter) -> Result<(Page, Counts), WebError> {
    let counts = store::queue::counts(rooms.db(), &by.scope(), by.staff.id, filter, times(rooms)).await?;
    let title = page::words(visit.language).t("menu.queue");
    Ok((page::staff(rooms, visit, by, title).script("keys.js"), counts))
}

/// Now, and when the day ends here.
pub(super) fn times(rooms: &Rooms) -> Times {
    let now = rooms.now();
    let zone = rooms.directory().calendar.zone.time_zone();
    let tonight = now.to_zoned(zone).tomorrow().and_then(|day| day.start_of_day()).map_or(now, |midnight| midnight.timestamp());
    Times { now, tonight }
}

/// What this role may do with several lines of this list at once. What is over is left alone.
fn bulk(role: Role, view: View, page: &Page) -> Vec<(&'static str, String)> {
    if matches!(view, View::Done | View::Near | View::Asked) {
        return Vec::new();
    }
    let note = ("catat", page.t("bulk.note").to_owned());
    if view == View::Held {
        vec![("lepas", page.t("bulk.release").to_owned()), ("tolak", page.t("bulk.reject").to_owned()), note]
    } else if role.belongs_to_agency() {
        vec![("ambil", page.t("bulk.claim").to_owned()), ("alihkan", page.t("bulk.hand_over").to_owned()), note]
    } else {
        vec![note]
    }
}

fn picked(line: Line, bulk: &[(&'static str, String)]) -> Line {
    let pick = line.href.rsplit('/').next().filter(|_| !bulk.is_empty()).unwrap_or_default().to_owned();
    Line { pick, ..line }
}

fn agencies_but(directory: &Directory, own: Option<model::AgencyId>) -> Vec<Choice> {
    let others = directory.agencies.values().filter(|agency| Some(agency.id) != own);
    let mut all: Vec<Choice> = others.map(|agency| (agency.id.to_string(), agency.name.clone(), false)).collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    all
}

/// Who works for one agency knows which.
pub(super) fn for_role(line: Line, by: &SignedIn) -> Line {
    if by.staff.agency.is_some() { Line { agency: String::new(), ..line } } else { line }
}

fn flashed(page: Page, done: &Done) -> Page {
    let said = [
        ("alihkan", Tone::Good, "done.hand_over"),
        ("simpan", Tone::Good, "queue.saved.done"),
        ("simpan-hapus", Tone::Good, "queue.saved.removed"),
        ("simpan-penuh", Tone::Bad, "queue.saved.full"),
        ("simpan-salah", Tone::Bad, "queue.saved.name_wrong"),
    ];
    let Some((_, tone, key)) = said.into_iter().find(|(word, ..)| done.is(word)) else { return page };
    let text = page.t(key).to_owned();
    page.flash(tone, text)
}

/// A whole number leads to its complaint, if it is theirs to see.
async fn by_number(rooms: &Rooms, by: &SignedIn, typed: &str) -> Result<Option<Response>, WebError> {
    let Ok(reference) = typed.trim().parse::<Reference>() else { return Ok(None) };
    let found = store::queue::by_reference(rooms.db(), &by.scope(), &reference).await?;
    Ok(found.map(|id| Redirect::to(&format!("/aduan/{id}")).into_response()))
}

/// Takes the line too many off the end: where there is one, there is a next page, and this is where it begins.
pub(super) fn next_page(rows: &mut Vec<Row>) -> Option<Cursor> {
    if rows.len() <= usize::from(LINES) {
        return None;
    }
    rows.truncate(usize::from(LINES));
    rows.last().map(Row::cursor)
}

async fn tabs(
    rooms: &Rooms,
    by: &SignedIn,
    views: &[View],
    here: Option<View>,
    address: &Address,
    counts: &Counts,
    page: &Page,
) -> Result<Vec<Tab>, WebError> {
    let tab = |&view: &View| Tab {
        label: label(view, by, page).to_owned(),
        href: address.list(view),
        count: page.words.number(counts.of(view)),
        here: Some(view) == here,
    };
    let mut tabs: Vec<Tab> = views.iter().map(tab).collect();
    let other = |label: &str, href: &str, count: String| Tab { label: label.to_owned(), href: href.to_owned(), count, here: false };
    let pairs = store::queue::suggestions(rooms.db(), &by.scope()).await?;
    tabs.push(other(page.t("menu.same"), "/usulan", page.words.number(pairs)));
    let unreached = store::reach::count(rooms.db(), &by.scope()).await?;
    tabs.push(other(page.t("menu.unreached"), "/tak-sampai", page.words.number(unreached)));
    if by.staff.role == Role::Admin {
        // The lists are there also while the bus is not.
        let parked = rooms.bus().parked_count().await.map_or_else(|_| "?".to_owned(), |count| page.words.number(count));
        tabs.push(other(page.t("menu.parked"), "/admin/terparkir", parked));
    }
    Ok(tabs)
}

pub(super) fn label<'a>(view: View, by: &SignedIn, page: &'a Page) -> &'a str {
    match view {
        View::Mine => page.t("queue.mine"),
        View::Open if by.staff.agency.is_some() => page.t("queue.agency"),
        View::Open => page.t("queue.open"),
        View::Unassigned => page.t("queue.unassigned"),
        View::Today => page.t("queue.today"),
        View::Overdue => page.t("queue.overdue"),
        View::Escalated => page.t("queue.escalated"),
        View::Waiting => page.t("queue.waiting"),
        View::Triage => page.t("queue.triage"),
        View::Held => page.t("queue.held"),
        View::Referee => page.t("queue.referee"),
        View::Asked => page.t("queue.asked"),
        View::Near => page.t("queue.near"),
        View::Done => page.t("queue.done"),
    }
}

fn shown(by: &SignedIn, directory: &Directory, address: &Address, filter: &Filter, page: &Page) -> Shown {
    let choice = |value: &str, key: &str, here: &str| (value.to_owned(), page.t(key).to_owned(), value == here);
    // Who is not named for what is confidential is not even asked whether they want to see it.
    let grades = Visibility::ALL.into_iter().filter(|grade| by.staff.confided || !grade.is_confidential());
    let grade =
        |grade: Visibility| (grade.as_str().to_owned(), page::grade_name(grade, page).to_owned(), grade.as_str() == address.visibility);
    Shown {
        narrowed: *filter != Filter::default(),
        kept: address.narrowing(),
        agencies: agencies(by, directory, &address.agency),
        categories: categories(directory, &address.category, page),
        areas: areas(directory, &address.area),
        channels: channels(directory, &address.channel),
        ages: AGES.iter().map(|(value, key)| choice(value, key, &address.age)).collect(),
        grades: grades.map(grade).collect(),
        danger: filter.danger,
    }
}

/// Every account that ever was a channel, by its latest name.
pub(super) fn channels(directory: &Directory, here: &str) -> Vec<Choice> {
    let mut all: Vec<Choice> = Vec::new();
    for channel in &directory.channels {
        let value = format!("{} {}", channel.adapter, channel.account);
        all.retain(|(known, ..)| *known != value);
        all.push((value, channel.label.clone(), false));
    }
    all.sort_by(|a, b| a.1.cmp(&b.1));
    chosen(all, here)
}

pub(super) fn agencies(by: &SignedIn, directory: &Directory, here: &str) -> Vec<Choice> {
    if !by.staff.role.may_triage() {
        return Vec::new();
    }
    let mut all: Vec<_> = directory.agencies.values().map(|agency| (agency.id.to_string(), agency.name.clone(), false)).collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    chosen(all, here)
}

pub(super) fn categories(directory: &Directory, here: &str, page: &Page) -> Vec<Choice> {
    let language = page.words.language();
    let all = directory.categories.values().map(|category| (category.code.clone(), page::name_of(category, language).to_owned(), false));
    let mut all: Vec<_> = all.collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    chosen(all, here)
}

/// Areas to choose from, a part below its whole.
pub(super) fn areas(directory: &Directory, here: &str) -> Vec<Choice> {
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

fn chosen(mut all: Vec<Choice>, here: &str) -> Vec<Choice> {
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
    // What waits for the citizen stands still: it says so, and shows no date.
    let runs = row.work.is_none_or(|work| work.is_pending() && work != DispatchState::AwaitingCitizen);
    let clock = row.deadline.filter(|_| runs).map(|deadline| (page.clock(deadline, &directory.calendar), deadline));
    Line {
        href: format!("/aduan/{}", row.complaint),
        pick: String::new(),
        reference: row.reference.to_string(),
        state: row.work,
        status: row.status,
        clock,
        category: page::category_name(row.category.as_deref(), directory, page.words.language()),
        area: row.area.as_deref().map(|code| nearby(&directory.area_path(code))).or(row.place).unwrap_or_default(),
        agency: row.agency.map(|agency| directory.agency_name(agency).to_owned()).unwrap_or_default(),
        officer: row.officer.unwrap_or_default(),
        helps: if row.helps { page.t("owner.helps").to_owned() } else { String::new() },
        words: row.words,
        opened_at: row.opened_at,
        has_photo: row.has_photo,
        danger: row.danger,
        grade: if row.visibility.is_secret() { page::grade_name(row.visibility, page).to_owned() } else { String::new() },
        channel: page::channel_name(&row.adapter, &row.account, row.opened_at, directory),
        why_title: page.t(if row.held.is_some() { "queue.held.why" } else { "queue.why" }).to_owned(),
        why: row.held.filter(Held::waits).iter().flat_map(|held| held::signs(held, page)).collect(),
        pieces: Vec::new(),
    }
}

/// A line of what was found: why, and the words around it.
fn hit_line(hit: Hit, directory: &Directory, page: &Page) -> Line {
    let why = hit.why.iter().map(|why| {
        page.t(match why {
            Why::Number => "queue.why.number",
            Why::Contact => "queue.why.contact",
            Why::Name => "queue.why.name",
            Why::Words => "queue.why.words",
            Why::Nearly => "queue.why.nearly",
            Why::Area => "queue.why.area",
        })
        .to_owned()
    });
    let why = why.collect();
    let why_title = page.t("queue.why").to_owned();
    Line { why, why_title, pieces: hit.pieces, ..line(hit.row, directory, page) }
}
