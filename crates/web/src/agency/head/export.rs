//! `POST /meja/unduh`: figures, or the list behind one, or a list of the queue, as a table: CSV as Indonesian spreadsheets open it, or XLSX. Every line, and nothing
//! that the page would not show. What was taken along is in the audit.

use std::{io, sync::Arc};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use model::{Directory, Timestamp};
use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};
use serde_json::json;
use store::{
    figures::{self, Measure},
    queue::{Asked, Cursor, Row, Start, View},
};
use tokio::sync::Semaphore;
use ui::{Page, Visit};

use super::{
    Counted, Draw,
    look::{Address, Look},
    may,
};
use crate::{Rooms, WebError, agency::queue, form::Acting, page, session::SignedIn};

/// Lines that are read at once: so many are in memory, whatever the list has. Tests go on to the next ones sooner.
const AT_ONCE: u16 = if cfg!(test) { 3 } else { 500 };
/// Lines of a workbook, which is in memory when it is finished; longer lists are taken as CSV.
const MOST_OF_A_WORKBOOK: u32 = 100_000;
/// One workbook at a time.
static WORKBOOK: Semaphore = Semaphore::const_new(1);

/// A table: a heading, and then line by line.
type Lines = stream::BoxStream<'static, Result<Vec<String>, WebError>>;

/// What is taken along.
#[derive(Clone, Copy)]
enum What {
    Figures,
    Happened(Measure),
    Queue(View),
}

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, acting: Acting) -> Result<Response, WebError> {
    acting.by.only(may)?;
    let form = &acting.form;
    let address = Address::of_form(form);
    let directory = rooms.directory();
    let look = Look::of(&address, &acting.by, &directory, rooms.now());
    let what = match (Measure::from_word(&address.measure), queue::view_of(&form.text("view"), acting.by.staff.role)) {
        (Some(measure), _) => What::Happened(measure),
        (None, Some(view)) => What::Queue(view),
        (None, None) => What::Figures,
    };
    if !look.opens && !matches!(what, What::Figures) {
        return Err(WebError::NotFound);
    }
    let as_sheet = form.text("format") == "xlsx";
    let page = page::staff(&rooms, &visit, &acting.by, "");
    let (name, lines) = table(&rooms, &acting.by, look, what, Arc::new(page), directory).await?;
    note(&rooms, &acting.by, &address, &name, as_sheet).await?;
    let today = rooms.today();
    let file = format!("{name}-{today}.{}", if as_sheet { "xlsx" } else { "csv" });
    if as_sheet { sheets(lines, &file).await } else { Ok(csv(lines, &file)) }
}

/// Power over many complaints at once is looked at.
async fn note(rooms: &Rooms, by: &SignedIn, address: &Address, name: &str, as_sheet: bool) -> Result<(), WebError> {
    let detail = json!({ "from": address.from, "to": address.to, "agency": address.agency, "category": address.category, "area": address.area,
        "channel": address.channel, "sheet": as_sheet });
    let mut tx = store::begin(rooms.db()).await?;
    store::audit::write(&mut tx, rooms.now(), Some(by.staff.id), "figures.taken", name, &detail).await?;
    store::commit(tx).await?;
    Ok(())
}

async fn table(
    rooms: &Rooms,
    by: &SignedIn,
    look: Look,
    what: What,
    page: Arc<Page>,
    directory: Arc<Directory>,
) -> Result<(String, Lines), WebError> {
    Ok(match what {
        What::Figures => {
            let counted = Counted::of(rooms.db(), queue::times(rooms), &look, &directory).await?;
            let draw = Draw { look: &look, directory: &directory, page: &page };
            ("angka".to_owned(), stream::iter(of_figures(&draw, &counted).into_iter().map(Ok)).boxed())
        }
        What::Happened(measure) => {
            let db = rooms.db().clone();
            let times = queue::times(rooms);
            let ask = move |after: Option<Cursor>| {
                let (db, look) = (db.clone(), look.clone());
                async move {
                    let rows = figures::lines(&db, &look.asked(times), measure, after, AT_ONCE).await?;
                    let next = rows.last().filter(|_| rows.len() == usize::from(AT_ONCE)).map(Row::cursor);
                    Ok((rows, next))
                }
            };
            (measure.as_str().to_owned(), of_rows(ask, page, directory))
        }
        What::Queue(view) => {
            let (db, times, me) = (rooms.db().clone(), queue::times(rooms), by.staff.id);
            let ask = move |after: Option<Cursor>| {
                let (db, look) = (db.clone(), look.clone());
                async move {
                    let from = after.map_or(Start::Top, Start::After);
                    let asked = Asked { me, view, filter: &look.filter, from, most: AT_ONCE };
                    let found = store::queue::next(&db, &look.scope, &asked, times).await?;
                    Ok((found.rows, found.older))
                }
            };
            (queue::word(view).to_owned(), of_rows(ask, page, directory))
        }
    })
}

/// Where reading goes on.
enum Next {
    Top,
    After(Cursor),
    Over,
}

/// Reads on behind the last line, until there is none.
fn of_rows<F, A>(ask: F, page: Arc<Page>, directory: Arc<Directory>) -> Lines
where
    F: Fn(Option<Cursor>) -> A + Send + 'static,
    A: Future<Output = Result<(Vec<Row>, Option<Cursor>), WebError>> + Send,
{
    let headings = ["number", "opened", "status", "agency", "officer", "due", "category", "area", "place", "words", "channel", "grade"];
    let heading = headings.map(|name| page.words.t(heading_of(name)).to_owned()).to_vec();
    let pages = stream::try_unfold((Next::Top, ask), |(next, ask)| async move {
        let after = match next {
            Next::Top => None,
            Next::After(cursor) => Some(cursor),
            Next::Over => return Ok(None),
        };
        let (rows, next) = ask(after).await?;
        Ok::<_, WebError>(Some((rows, (next.map_or(Next::Over, Next::After), ask))))
    });
    let lines = pages.map_ok(move |rows| {
        let lines: Vec<_> = rows.into_iter().map(|row| Ok(line(row, &page, &directory))).collect();
        stream::iter(lines)
    });
    stream::once(async move { Ok(heading) }).chain(lines.try_flatten()).boxed()
}

fn heading_of(name: &str) -> &'static str {
    match name {
        "number" => "take.number",
        "opened" => "take.opened",
        "status" => "take.status",
        "agency" => "complaint.agency",
        "officer" => "take.officer",
        "due" => "take.due",
        "category" => "complaint.category",
        "area" => "complaint.area",
        "place" => "take.place",
        "words" => "take.words",
        "channel" => "queue.channel",
        _ => "queue.visibility",
    }
}

/// What the page shows of a line: no name, no contact.
fn line(row: Row, page: &Page, directory: &Directory) -> Vec<String> {
    let moment = |at: Timestamp| at.to_zoned(page.zone.time_zone()).strftime("%Y-%m-%d %H:%M").to_string();
    let area = row.area.as_deref().map(|code| directory.area_path(code)).unwrap_or_default();
    vec![
        row.reference.to_string(),
        moment(row.opened_at),
        row.work.map_or_else(|| page.status(&row.status).to_owned(), |work| page.work(&work).to_owned()),
        row.agency.map(|agency| directory.agency_name(agency).to_owned()).unwrap_or_default(),
        row.officer.unwrap_or_default(),
        row.deadline.map(moment).unwrap_or_default(),
        page::category_name(row.category.as_deref(), directory, page.words.language()),
        area,
        row.place.unwrap_or_default(),
        row.words,
        page::channel_name(&row.adapter, &row.account, row.opened_at, directory),
        page::grade_name(row.visibility, page).to_owned(),
    ]
}

/// The figures as the page says them, the small ones of others with `<5` too.
pub(super) fn of_figures(draw: &Draw<'_>, counted: &Counted) -> Vec<Vec<String>> {
    let t = |key: &str| draw.page.words.t(key).to_owned();
    let mut lines = vec![vec![draw.whose(), draw.days()], Vec::new()];
    lines.extend(draw.period(&counted.figures).into_iter().map(|tile| vec![tile.label, plain(&tile.number.text)]));
    let headings = ["head.waiting", "head.overdue", "head.today", "head.came", "head.settled", "head.missed"].map(t);
    for table in draw.tables(counted) {
        lines.push(Vec::new());
        lines.push([vec![table.first.clone()], headings.to_vec()].concat());
        lines.extend(table.lines.iter().chain(&table.rest).map(|line| {
            let numbers = [&line.waiting, &line.overdue, &line.today, &line.came, &line.settled, &line.missed];
            [vec![line.name.clone()], numbers.map(|number| plain(&number.text)).to_vec()].concat()
        }));
    }
    lines.push(Vec::new());
    let times = ["head.number", "head.median", "head.ninetieth", "head.worst"].map(t);
    let days = ["head.median", "head.ninetieth", "head.worst"].map(|key| format!("{} ({})", t(key), t("head.calendar")));
    let of = |key: &str| times.clone().map(|time| format!("{}: {time}", t(key))).to_vec();
    lines.push([vec![t("complaint.agency")], of("head.first_answer"), of("head.settling"), days.to_vec()].concat());
    lines.extend(draw.paces(counted).into_iter().map(|line| {
        let start = vec![line.name, plain(&line.answered)];
        [start, line.answer.to_vec(), vec![plain(&line.settled)], line.settle.to_vec(), line.settle_days.to_vec()].concat()
    }));
    lines
}

/// A number without what separates its thousands.
fn plain(number: &str) -> String {
    number.chars().filter(|c| !matches!(c, '.' | ',')).collect()
}

/// What a spreadsheet must not take for a formula begins with an apostrophe, also behind what another country's spreadsheet takes for the end of a
/// cell: where commas part cells, our quotes stand in the middle of one, so that they hold nothing together and a new line is a new row.
fn harmless(cell: &str) -> String {
    let mut safe = String::with_capacity(cell.len() + 1);
    let mut begins = true;
    for (at, letter) in cell.char_indices() {
        let ends_a_line = matches!(letter, '\r' | '\n');
        if (begins && matches!(letter, '=' | '+' | '-' | '@' | '\t' | '|' | '%')) || (at == 0 && ends_a_line) {
            safe.push('\'');
        }
        safe.push(letter);
        begins = ends_a_line || matches!(letter, ',' | ';' | '\t' | '"');
    }
    safe
}

/// One line of CSV: semicolons between, because where a comma is in numbers it is not between them.
pub(super) fn csv_line(cells: &[String]) -> Result<Vec<u8>, WebError> {
    let mut writer = csv::WriterBuilder::new().delimiter(b';').terminator(csv::Terminator::CRLF).flexible(true).from_writer(Vec::new());
    let cells: Vec<String> = if cells.is_empty() { vec![String::new()] } else { cells.iter().map(|cell| harmless(cell)).collect() };
    writer.write_record(&cells).map_err(|error| WebError::File(error.into()))?;
    writer.into_inner().map_err(|error| WebError::File(error.into_error()))
}

/// The mark by which spreadsheets know UTF-8.
pub(super) const MARK: &[u8] = b"\xEF\xBB\xBF";

fn csv(lines: Lines, file: &str) -> Response {
    let bytes = lines.map(|line| csv_line(&line?).map(Bytes::from));
    let whole = stream::once(async { Ok(Bytes::from_static(MARK)) }).chain(bytes);
    attached("text/csv; charset=utf-8", file, whole)
}

fn attached(kind: &'static str, file: &str, bytes: impl Stream<Item = Result<Bytes, WebError>> + Send + 'static) -> Response {
    let bytes = bytes.map_err(|error| io::Error::other(error.to_string()));
    let named = format!("attachment; filename=\"{file}\"");
    ([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, named)], Body::from_stream(bytes)).into_response()
}

/// A workbook: its lines go to a file beside as they come.
async fn sheets(mut lines: Lines, file: &str) -> Result<Response, WebError> {
    let unwritten = |error: XlsxError| WebError::File(io::Error::other(error));
    let _turn = WORKBOOK.acquire().await.map_err(|closed| WebError::File(io::Error::other(closed)))?;
    let mut book = Workbook::new();
    let (sheet, mut at) = (book.add_worksheet_with_constant_memory().map_err(unwritten)?, 0);
    while let Some(cells) = lines.try_next().await? {
        if at == MOST_OF_A_WORKBOOK {
            return Err(WebError::TooLarge);
        }
        for (column, cell) in (0..).zip(&cells) {
            write(sheet, at, column, cell).map_err(unwritten)?;
        }
        at += 1;
    }
    let bytes = tokio::task::spawn_blocking(move || book.save_to_buffer()).await?.map_err(unwritten)?;
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    Ok(attached(kind, file, stream::once(async move { Ok(Bytes::from(bytes)) })))
}

/// Whole numbers as numbers, all else as text: a formula is text too.
fn write(sheet: &mut Worksheet, row: u32, column: u16, cell: &str) -> Result<(), XlsxError> {
    let number: Option<u32> = cell.parse().ok().filter(|number: &u32| number.to_string() == cell);
    match number {
        Some(number) => sheet.write_number(row, column, number)?,
        None => sheet.write_string(row, column, cell)?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_whatever_ends_a_cell_where_it_is_opened() {
        for (cell, safe) in [
            ("=1+1", "'=1+1"),
            ("halo,=cmd|'/C calc'!A1", "halo,'=cmd|'/C calc'!A1"),
            ("a;@b\t+c", "a;'@b\t'+c"),
            ("halo\n=cmd|'/C calc'!A1", "halo\n'=cmd|'/C calc'!A1"),
            ("a,\"=1+1\"\r\n-2", "a,\"'=1+1\"\r\n'-2"),
            ("\nlubang\n\ndalam", "'\nlubang\n\ndalam"),
            ("jalan 5-6, gang 3", "jalan 5-6, gang 3"),
            ("", ""),
        ] {
            assert_eq!(harmless(cell), safe);
        }
    }
}
