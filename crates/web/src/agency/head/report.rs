//! `GET /meja/laporan`: the report of a month in the six elements, to be printed or saved as PDF by the browser. `POST /meja/laporan/unduh`: the same as a pack: report,
//! figures as CSV, how they were counted, and what reading the whole audit showed. [`pack`] makes it without a page. It leaves the house: nothing
//! confidential is counted in it, and no number below five is said.

use askama::Template;
use axum::{
    extract::{Query, State},
    http::header,
    response::{IntoResponse, Response},
};
use jiff::civil::Date;
use model::{Directory, Language, Site, Timestamp};
use serde::Deserialize;
use serde_json::json;
use store::{
    PgPool, StoreError,
    access::FEW,
    audit::Verified,
    figures::{Dimension, Figures, Measure},
    queue::{Filter, Scope, Times},
};
use ui::{Page, Visit};

use super::{
    Counted, Draw, Number, PaceLine, export,
    look::{Look, back},
    may, measure_name,
};
use crate::{Rooms, WebError, agency::queue, files::zipped, form::Acting, page, session::SignedIn};

/// The address after `?`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Address {
    /// `2026-10`; else the month before.
    month: String,
}

/// What the report says; drawn as a page, and as a file that stands alone.
struct Report {
    whose: String,
    month: String,
    made: String,
    /// The six elements but for the pace: title, what the first column is, headings, lines.
    parts: Vec<Part>,
    paces: Vec<PaceLine>,
    explained: String,
}

struct Part {
    id: &'static str,
    title: String,
    hint: String,
    headings: Vec<String>,
    lines: Vec<Vec<String>>,
    /// The times of first answers stand here.
    with_paces: bool,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Shown {
    page: Page,
    csrf: String,
    month: String,
    report: Report,
}

#[derive(Template)]
#[template(path = "report_file.html")]
struct Alone<'a> {
    page: &'a Page,
    report: &'a Report,
}

pub(crate) async fn show(
    State(rooms): State<Rooms>,
    visit: Visit,
    by: SignedIn,
    Query(address): Query<Address>,
) -> Result<Response, WebError> {
    by.only(may)?;
    let directory = rooms.directory();
    let (first, last) = month(&address.month, rooms.now(), &directory);
    let look = Look::for_others(&by.scope(), first, last, &directory);
    let page = page::staff(&rooms, &visit, &by, page::words(visit.language).t("report.title")).kind("wide head").script("slip.js");
    let counted = Counted::of(rooms.db(), queue::times(&rooms), &look, &directory).await?;
    let report = report(&Draw { look: &look, directory: &directory, page: &page }, &counted);
    page::html(&Shown { csrf: by.csrf.clone(), month: first.strftime("%Y-%m").to_string(), report, page })
}

pub(crate) async fn take(State(rooms): State<Rooms>, visit: Visit, acting: Acting) -> Result<Response, WebError> {
    let by = &acting.by;
    by.only(may)?;
    let directory = rooms.directory();
    let (first, last) = month(&acting.form.text("month"), rooms.now(), &directory);
    let look = Look::for_others(&by.scope(), first, last, &directory);
    let page = page::staff(&rooms, &visit, by, page::words(visit.language).t("report.title"));
    let mut tx = store::begin(rooms.db()).await?;
    let name = first.strftime("%Y-%m").to_string();
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "report.taken", &name, &json!({})).await?;
    store::commit(tx).await?;
    let bytes = packed(rooms.db(), queue::times(&rooms), &look, &directory, &page).await?;
    let named = format!("attachment; filename=\"laporan-{name}.zip\"");
    Ok(([(header::CONTENT_TYPE, "application/zip".to_owned()), (header::CONTENT_DISPOSITION, named)], bytes).into_response())
}

/// The pack of a month of the whole city, without a page: for `muara report`. `month`: its first day.
pub async fn pack(
    db: &PgPool,
    site: &Site,
    directory: &Directory,
    month: Date,
    now: Timestamp,
    language: Language,
) -> Result<Vec<u8>, WebError> {
    let words = page::words(language);
    let visit = Visit { language, path: "/".to_owned(), query: String::new(), is_get: true };
    let page = Page::new(&visit, words, site, now, words.t("report.title"));
    let look = Look::for_others(&Scope::Everything, month.first_of_month(), month.last_of_month(), directory);
    packed(db, Times { now, tonight: now }, &look, directory, &page).await
}

/// The first and last day of a month; of the one before, where none is named.
fn month(word: &str, now: Timestamp, directory: &Directory) -> (Date, Date) {
    let today = now.to_zoned(directory.calendar.zone.time_zone()).date();
    let before = back(today.first_of_month(), 1);
    let named = format!("{word}-01").parse::<Date>().ok().filter(|day| (2000..2200).contains(&day.year()));
    let day = named.unwrap_or(before);
    (day.first_of_month(), day.last_of_month())
}

impl Look {
    /// What others may read of whose complaints these are: nothing confidential, and no small numbers.
    fn for_others(scope: &Scope, first: Date, last: Date, directory: &Directory) -> Self {
        let scope = match scope.own_agency() {
            Some(agency) => Scope::Agency(agency),
            None => Scope::Everything,
        };
        Self::new(scope, Filter::default(), first, last, directory).closed()
    }
}

fn report(draw: &Draw<'_>, counted: &Counted) -> Report {
    let figures = &counted.figures;
    Report {
        whose: draw.whose(),
        month: draw.days(),
        made: draw.page.fill("report.made", "time", draw.page.time(&draw.page.now)),
        parts: vec![
            of_dimension(draw, figures, Dimension::Channel, "sumber", "report.source", "report.source.hint"),
            of_dimension(draw, figures, Dimension::Category, "isi", "report.content", "report.content.hint"),
            of_dimension(draw, figures, Dimension::Area, "tempat", "report.place", "report.place.hint"),
            of_dimension(draw, figures, Dimension::Agency, "unit", "report.unit", "report.unit.hint"),
            Part {
                with_paces: true,
                ..of_measures(draw, figures, "tanggapan", "report.response", "report.response.hint", &[Measure::Answered])
            },
            of_measures(
                draw,
                figures,
                "umpan-balik",
                "report.feedback",
                "report.feedback.hint",
                &[Measure::Reopened, Measure::Contested, Measure::Closed, Measure::Unsent],
            ),
            of_measures(
                draw,
                figures,
                "penanganan",
                "report.handling",
                "report.handling.hint",
                &[Measure::Came, Measure::Settled, Measure::SettledLate, Measure::HandedOver, Measure::ToReferee, Measure::Missed],
            ),
        ],
        paces: draw.paces(counted),
        explained: draw.page.fill("report.explained", "n", FEW.to_string()),
    }
}

fn of_dimension(draw: &Draw<'_>, figures: &Figures, dimension: Dimension, id: &'static str, title: &str, hint: &str) -> Part {
    let t = |key: &str| draw.page.words.t(key).to_owned();
    let number = |n| Number::of(n, String::new(), draw.look.opens, draw.page).text;
    let first = match dimension {
        Dimension::Agency => "complaint.agency",
        Dimension::Area => "complaint.area",
        Dimension::Category => "complaint.category",
        Dimension::Channel => "queue.channel",
    };
    let headings = [first, "head.came", "head.settled", "head.settled_late", "head.waiting", "head.overdue"].map(t).to_vec();
    let mut by_name: Vec<(String, store::figures::Cell)> =
        figures.lines(dimension).into_iter().map(|(key, cell)| (draw.name(dimension, key), cell)).collect();
    by_name.sort_by(|a, b| a.0.cmp(&b.0)); // what has the same name stays two lines
    let line = |(name, cell): (String, store::figures::Cell)| {
        let numbers = [cell.came, cell.settled, cell.settled_late, cell.waiting, cell.overdue].map(number);
        [vec![name], numbers.to_vec()].concat()
    };
    Part { id, title: t(title), hint: t(hint), headings, lines: by_name.into_iter().map(line).collect(), with_paces: false }
}

fn of_measures(draw: &Draw<'_>, figures: &Figures, id: &'static str, title: &str, hint: &str, measures: &[Measure]) -> Part {
    let t = |key: &str| draw.page.words.t(key).to_owned();
    let of = |measure: Measure| {
        vec![measure_name(measure, draw.page).to_owned(), Number::of(figures.of(measure), String::new(), draw.look.opens, draw.page).text]
    };
    Part {
        id,
        title: t(title),
        hint: t(hint),
        headings: vec![t("report.what"), t("head.number")],
        lines: measures.iter().map(|measure| of(*measure)).collect(),
        with_paces: false,
    }
}

async fn packed(db: &PgPool, times: Times, look: &Look, directory: &Directory, page: &Page) -> Result<Vec<u8>, WebError> {
    let counted = Counted::of(db, times, look, directory).await?;
    let draw = Draw { look, directory, page };
    let report = report(&draw, &counted);
    let mut csv = export::MARK.to_vec();
    for line in export::of_figures(&draw, &counted) {
        csv.extend(export::csv_line(&line)?);
    }
    let files = [
        ("laporan.html", Alone { page, report: &report }.render()?.into_bytes()),
        ("angka.csv", csv),
        ("cara-menghitung.sql", definitions(db).await?.into_bytes()),
        ("catatan.txt", audit(db, page).await?.into_bytes()),
    ];
    Ok(tokio::task::spawn_blocking(move || zipped(&files)).await??)
}

/// The views as the database has them.
async fn definitions(db: &PgPool) -> Result<String, StoreError> {
    let views = store::figures::definitions(db).await?;
    let one = |(name, what, statement): (String, String, String)| format!("-- {what}\ncreate view {name} as\n{statement}\n\n");
    Ok(views.into_iter().map(one).collect())
}

/// What reading the whole chain of the audit showed, and its end, to be compared with one that was kept elsewhere.
async fn audit(db: &PgPool, page: &Page) -> Result<String, StoreError> {
    let Verified { fine, fault, last } = store::audit::verify(db, &[]).await?;
    let fine = page.count("audit.chain.fine", &u64::try_from(fine).unwrap_or(0));
    let said = if fault.is_none() { fine } else { page.t("report.audit.wrong").to_owned() };
    Ok(format!("{}\n{said}\n{last}\n", page.time(&page.now)))
}
