//! `GET /admin/direktori`: what the city has written down: agencies, rules, categories, limits, days off. To read; rows are changed with
//! the program's own commands.

use askama::Template;
use axum::{extract::State, response::Response};
use model::{Directory, Language, Limit};
use ui::{Page, Visit};

use super::frame;
use crate::{Rooms, WebError, citizen::clocks, page, session::SignedIn};

#[derive(Template)]
#[template(path = "admin_directory.html")]
struct DirectoryPage {
    page: Page,
    /// Code, name.
    agencies: Vec<(String, String)>,
    /// Name, code, words.
    categories: Vec<(String, String, String)>,
    /// Category, area, agency.
    rules: Vec<(String, String, String)>,
    limits: Vec<Row>,
    /// Pairs of limits between which only the order of what they ask for decides; the first one counts.
    contested: Vec<(String, String)>,
    /// Day, name.
    holidays: Vec<(String, String)>,
    areas: u64,
}

/// One limit.
struct Row {
    stage: String,
    /// Kind, category and channel.
    of: String,
    agency: String,
    time: String,
    source: String,
    /// From when until when.
    holds: String,
}

fn row(limit: &Limit, directory: &Directory, page: &Page, language: Language) -> Row {
    let kind = limit.kind.as_deref().map(|kind| match kind {
        "complaint" => page.t("directory.kind.complaint").to_owned(),
        "information_request" => page.t("directory.kind.question").to_owned(),
        "aspiration" => page.t("directory.kind.wish").to_owned(),
        _ => page.t("directory.kind.else").to_owned(),
    });
    let category = limit.category.as_deref().map(|code| page::category_name(Some(code), directory, language));
    let channel =
        limit.adapter.as_ref().map(|adapter| format!("{adapter} {}", limit.account.as_deref().unwrap_or_default()).trim().to_owned());
    let of = [kind, category, channel].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let unverified = if limit.verified { String::new() } else { format!(" {}", page.t("limit.unverified")) };
    let since = limit.from.map(|day| page.fill("directory.since", "date", page.day(&day)));
    let ended = limit.until.map(|day| page.fill("directory.ended", "date", page.day(&day)));
    Row {
        stage: clocks::stage_name(limit.stage, page).to_owned(),
        of: if of.is_empty() { page.t("why.any").to_owned() } else { of },
        agency: limit.agency.map_or_else(|| page.t("why.any").to_owned(), |agency| directory.agency_name(agency).to_owned()),
        time: clocks::amount(limit, page),
        source: format!("{}{unverified}", clocks::source(limit, page)),
        holds: since.into_iter().chain(ended).collect::<Vec<_>>().join(" "),
    }
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn) -> Result<Response, WebError> {
    by.only_admin()?;
    let directory = rooms.directory();
    let page = frame(&rooms, &visit, &by, "menu.directory");
    let any = page.t("why.any").to_owned();
    let category = |code: &Option<String>| match code {
        Some(code) => page::category_name(Some(code), &directory, visit.language),
        None => any.clone(),
    };
    let mut agencies: Vec<_> = directory.agencies.values().map(|agency| (agency.code.clone(), agency.name.clone())).collect();
    agencies.sort_by(|a, b| a.1.cmp(&b.1));
    let rules = directory.rules.iter().map(|rule| {
        let area = rule.area.as_deref().map_or(any.clone(), |code| directory.area_path(code));
        let agency = directory.agency_name(rule.agency);
        let agency = if rule.despite_ethics { page.fill("directory.rules.despite_ethics", "agency", agency) } else { agency.to_owned() };
        (category(&rule.category), area, agency)
    });
    let row = |limit: &Limit| row(limit, &directory, &page, visit.language);
    let short = |limit: &Limit| {
        let Row { stage, of, agency, time, .. } = row(limit);
        format!("{stage}, {of}, {agency}: {time}")
    };
    let contested = directory.contested().into_iter().map(|(first, other)| (short(first), short(other)));
    let categories = directory.categories.values();
    let categories = categories.map(|c| (page::name_of(c, visit.language).to_owned(), c.code.clone(), c.keywords.join(", ")));
    page::html(&DirectoryPage {
        agencies,
        categories: categories.collect(),
        rules: rules.collect(),
        limits: directory.limits.iter().map(row).collect(),
        contested: contested.collect(),
        holidays: directory.calendar.holidays.iter().map(|(day, name)| (page.day(day), name.clone())).collect(),
        areas: directory.areas.len() as u64,
        page,
    })
}
