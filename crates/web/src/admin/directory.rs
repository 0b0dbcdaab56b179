//! `GET /admin/direktori`: what the city has written down: agencies, rules, categories, limits, days off. To read; rows are changed with
//! the program's own commands.

use askama::Template;
use axum::{extract::State, response::Response};
use ui::{Page, Visit};

use super::frame;
use crate::{Rooms, WebError, page, session::SignedIn};

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
    /// Category, agency, days, source.
    limits: Vec<(String, String, String, String)>,
    /// Day, name.
    holidays: Vec<(String, String)>,
    areas: u64,
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
    let limits = directory.limits.iter().map(|limit| {
        let agency = limit.agency.map_or(any.clone(), |agency| directory.agency_name(agency).to_owned());
        let days = page.words.count("limit.days", limit.working_days.into());
        (category(&limit.category), agency, days, limit.source.clone())
    });
    let categories = directory.categories.values();
    let categories = categories.map(|c| (page::name_of(c, visit.language).to_owned(), c.code.clone(), c.keywords.join(", ")));
    page::html(&DirectoryPage {
        agencies,
        categories: categories.collect(),
        rules: rules.collect(),
        limits: limits.collect(),
        holidays: directory.calendar.holidays.iter().map(|(day, name)| (page.day(day), name.clone())).collect(),
        areas: directory.areas.len() as u64,
        page,
    })
}
