//! `GET /meja/daftar`: what a figure of a period counts, line by line, what happened last first.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use store::figures::{self, Measure};
use ui::{Page, Visit};

use super::{
    Draw,
    look::{Address, Look},
    may, measure_name,
};
use crate::{
    Rooms, WebError,
    agency::queue::{self, LINES, Line},
    page,
    session::SignedIn,
};

#[derive(Template)]
#[template(path = "head_list.html")]
struct List {
    page: Page,
    title: String,
    whose: String,
    days: String,
    total: String,
    back: String,
    lines: Vec<Line>,
    first: String,
    older: String,
}

pub(crate) async fn show(
    State(rooms): State<Rooms>,
    visit: Visit,
    by: SignedIn,
    Query(address): Query<Address>,
) -> Result<Response, WebError> {
    by.only(may)?;
    let directory = rooms.directory();
    let look = Look::of(&address, &by, &directory, rooms.now());
    let measure = Measure::from_word(&address.measure).ok_or(WebError::NotFound)?;
    if !look.opens {
        return Err(WebError::NotFound);
    }
    let asked = look.asked(queue::times(&rooms));
    let after = address.after.parse().ok();
    let mut rows = figures::lines(rooms.db(), &asked, measure, after, LINES + 1).await?;
    let size = figures::size(rooms.db(), &asked, measure).await?;
    let next = queue::next_page(&mut rows);
    let page = page::staff(&rooms, &visit, &by, page::words(visit.language).t("menu.head"));
    let draw = Draw { look: &look, directory: &directory, page: &page };
    let here = draw.list(measure, None);
    page::html(&List {
        title: measure_name(measure, &page).to_owned(),
        whose: draw.whose(),
        days: draw.days(),
        total: page.count("queue.total", &size),
        back: Look::of_days(&look.address("/meja", None), look.first, look.last),
        lines: rows.into_iter().map(|row| queue::for_role(queue::line(row, &directory, &page), &by)).collect(),
        first: if after.is_some() { here.clone() } else { String::new() },
        older: next.map(|cursor| format!("{here}&after={cursor}")).unwrap_or_default(),
        page: page.clone(),
    })
}
