//! `GET /meja`: the desk of the head. What needs somebody today, what came in and was settled, how long it took, where it stands still; every
//! number leads to the list it counts. `GET /meja/daftar`: that list. Whose figures somebody sees is decided in [`Look`].

mod chart;
pub(crate) mod export;
pub(crate) mod list;
mod look;
mod map;
pub(crate) mod report;
pub(crate) mod review;

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use model::{AgencyId, Directory, Language, Role};
use store::{
    PgPool,
    access::FEW,
    figures::{self, Cell, Day, Dimension, Figures, Measure, Pace, Spread},
    queue::{Counts, NONE, Scope, Times, View},
};
use ui::{Page, Visit};

use look::{Address, Look};
pub(crate) use map::Shapes;

use super::queue;
use crate::{Rooms, WebError, page, session::SignedIn};

/// Lines of a table before the rest is folded away.
const FIRST: usize = 12;

#[derive(Template)]
#[template(path = "head.html")]
struct Head {
    page: Page,
    /// Whose figures, and of which days.
    whose: String,
    days: String,
    /// Said where more was asked for than is counted at once.
    shortened: bool,
    /// Numbers below five are not said.
    rough: bool,
    csrf: String,
    form: Form,
    /// The filter, for the form that takes figures along.
    kept: Vec<(&'static str, String)>,
    today: Vec<Tile>,
    period: Vec<Tile>,
    trend: chart::Trend,
    map: map::Map,
    tables: Vec<Table>,
    paces: Vec<PaceLine>,
}

/// The filter as the form shows it.
struct Form {
    from: String,
    to: String,
    agencies: Vec<(String, String, bool)>,
    categories: Vec<(String, String, bool)>,
    areas: Vec<(String, String, bool)>,
    channels: Vec<(String, String, bool)>,
    /// Words, address, whether it is this one.
    periods: Vec<(String, String, bool)>,
    narrowed: bool,
}

/// A number as a page shows it: with a link to what it counts, where its reader may open that.
struct Number {
    text: String,
    href: String,
}

/// A number with its words.
struct Tile {
    label: String,
    number: Number,
    /// What it is of, or why it matters; may be empty.
    note: String,
    /// Something has to be done.
    bad: bool,
}

struct Table {
    id: &'static str,
    title: String,
    first: String,
    lines: Vec<Line>,
    /// Lines that are folded away.
    rest: Vec<Line>,
    more: String,
}

struct Line {
    name: String,
    href: String,
    came: Number,
    settled: Number,
    waiting: Number,
    today: Number,
    overdue: Number,
    missed: Number,
    bar: chart::Bar,
}

struct PaceLine {
    name: String,
    answered: String,
    answer: [String; 3],
    settled: String,
    settle: [String; 3],
    settle_days: [String; 3],
}

/// Who has such a desk.
pub(crate) fn may(role: Role) -> bool {
    role == Role::Supervisor || role.may_triage()
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
    let page = page::staff(&rooms, &visit, &by, page::words(visit.language).t("menu.head")).kind("wide head");
    let draw = Draw { look: &look, directory: &directory, page: &page };
    let counted = Counted::of(rooms.db(), queue::times(&rooms), &look, &directory).await?;
    let shapes = rooms.shapes().await?;
    let today = draw.today(&rooms, &by).await?;
    page::html(&Head {
        whose: draw.whose(),
        days: draw.days(),
        shortened: look.shortened,
        rough: !look.opens || !look.below.is_empty(),
        csrf: by.csrf.clone(),
        form: draw.form(&by, &address),
        kept: look.kept(),
        today,
        period: draw.period(&counted.figures),
        trend: chart::Trend::of(&look, &counted.days, &page),
        map: map::Map::of(&shapes, &counted.figures, &draw),
        paces: draw.paces(&counted),
        tables: draw.tables(&counted),
        page: page.clone(),
    })
}

/// Everything that was counted for a page.
struct Counted {
    figures: Figures,
    days: Vec<Day>,
    paces: BTreeMap<Option<AgencyId>, Pace>,
    /// Of the agencies below, where there are some: figures and paces of all, of which only theirs are told.
    lower: Option<(Figures, BTreeMap<Option<AgencyId>, Pace>)>,
}

impl Counted {
    async fn of(db: &PgPool, times: Times, look: &Look, directory: &Directory) -> Result<Self, WebError> {
        let asked = look.asked(times);
        let lower = if look.below.is_empty() {
            None
        } else {
            let everything = look.of_all(&Scope::Everything, times);
            Some((figures::figures(db, &everything).await?, figures::paces(db, &everything, directory).await?))
        };
        let figures = figures::figures(db, &asked);
        let (days, paces) = (figures::days(db, &asked, directory.calendar.zone), figures::paces(db, &asked, directory));
        let (figures, days, paces) = tokio::try_join!(figures, days, paces)?;
        Ok(Self { figures, days, paces, lower })
    }
}

impl Number {
    /// A number that leads to what it counts, where its reader may open that. Else a small one is not said.
    fn of(n: u64, href: String, opens: bool, page: &Page) -> Self {
        let few = !opens && (1..FEW).contains(&n);
        Self { text: if few { format!("<{FEW}") } else { page.words.number(n) }, href: if opens && n > 0 { href } else { String::new() } }
    }
}

/// What drawing needs to know.
struct Draw<'a> {
    look: &'a Look,
    directory: &'a Directory,
    page: &'a Page,
}

impl Draw<'_> {
    fn t<'k>(&self, key: &'k str) -> &'k str {
        self.page.words.t(key)
    }

    /// What a key of a dimension is called.
    fn name(&self, dimension: Dimension, key: &str) -> String {
        match dimension {
            Dimension::Agency => key.parse().map(|agency| self.directory.agency_name(agency).to_owned()).unwrap_or_default(),
            Dimension::Category => page::category_name(Some(key).filter(|key| *key != NONE), self.directory, self.page.words.language()),
            Dimension::Area if key == NONE => self.t("head.no_district").to_owned(),
            Dimension::Area => {
                let code = key.trim_end_matches(NONE);
                let name = self.directory.areas.get(code).map_or(code, |area| area.name.as_str());
                if code == key { name.to_owned() } else { self.page.fill("head.whole_district", "name", name) }
            }
            Dimension::Channel => match key.split_once(' ').and_then(|(adapter, account)| Some((adapter.parse().ok()?, account))) {
                Some((adapter, account)) => page::channel_name(&adapter, account, self.page.now, self.directory),
                None => key.to_owned(),
            },
        }
    }

    fn whose(&self) -> String {
        let agency = self.look.agency.or(self.look.scope.own_agency());
        agency.map_or_else(|| self.page.site.clone(), |agency| self.directory.agency_name(agency).to_owned())
    }

    fn days(&self) -> String {
        let (first, last) = (self.page.day(&self.look.first), self.page.day(&self.look.last));
        self.page.words.fill("head.days", &[("first", &first), ("last", &last)])
    }

    /// A list of the queue, narrowed as the figures are.
    fn queue(&self, view: View, key: Option<(Dimension, &str)>) -> String {
        self.look.address(&format!("/antrean?view={}", queue::word(view)), key)
    }

    /// The list of what happened in the period.
    fn list(&self, measure: Measure, key: Option<(Dimension, &str)>) -> String {
        let address = self.look.address(&format!("/meja/daftar?measure={}", measure.as_str()), key);
        Look::of_days(&address, self.look.first, self.look.last)
    }

    fn number(&self, n: u64, href: String) -> Number {
        Number::of(n, href, self.look.opens, self.page)
    }

    async fn today(&self, rooms: &Rooms, by: &SignedIn) -> Result<Vec<Tile>, WebError> {
        let look = self.look;
        let counts = store::queue::counts(rooms.db(), &look.scope, by.staff.id, &look.filter, queue::times(rooms)).await?;
        let own: &[View] = &[View::Overdue, View::Today, View::Escalated, View::Unassigned, View::Waiting, View::Open];
        let city: &[View] = if by.staff.role.may_triage() { &[View::Triage, View::Held, View::Referee] } else { &[] };
        let mut tiles: Vec<Tile> = own.iter().chain(city).map(|&view| self.queue_tile(view, &counts, by)).collect();
        // These lists are narrowed by nothing.
        if look.opens && look.narrowing(None).is_empty() {
            let unreached = store::reach::count(rooms.db(), &look.scope).await?;
            tiles.push(self.tile(self.t("menu.unreached"), unreached, "/tak-sampai".into(), true));
            let reviews = store::evidence::count(rooms.db(), &look.scope).await?;
            tiles.push(self.tile(self.t("review.title"), reviews, "/meja/periksa".into(), false));
            if by.staff.role == Role::Admin
                && let Ok(parked) = rooms.bus().parked_count().await
            {
                tiles.push(self.tile(self.t("menu.parked"), parked, "/admin/terparkir".into(), true));
            }
        }
        Ok(tiles)
    }

    fn queue_tile(&self, view: View, counts: &Counts, by: &SignedIn) -> Tile {
        let bad = matches!(view, View::Overdue | View::Escalated | View::Referee);
        self.tile(queue::label(view, by, self.page), counts.of(view), self.queue(view, None), bad)
    }

    fn tile(&self, label: &str, n: u64, href: String, bad: bool) -> Tile {
        Tile { label: label.to_owned(), number: self.number(n, href), note: String::new(), bad: bad && n > 0 }
    }

    fn period(&self, figures: &Figures) -> Vec<Tile> {
        let (total, counts) = (figures.total, figures.counts);
        let tile = |measure, n, bad| self.tile(measure_name(measure, self.page), n, self.list(measure, None), bad);
        let mut settled = tile(Measure::Settled, total.settled, false);
        let in_time = total.settled - total.settled_late;
        let few = |n: u64| (1..FEW).contains(&n);
        if total.settled > 0 && (self.look.opens || ![total.settled, total.settled_late, in_time].into_iter().any(few)) {
            let share = in_time * 100 / total.settled;
            settled.note = self.page.fill("head.in_time", "n", share.to_string());
        }
        vec![
            tile(Measure::Came, total.came, false),
            settled,
            tile(Measure::SettledLate, total.settled_late, true),
            tile(Measure::Answered, counts.answered, false),
            tile(Measure::Reopened, counts.reopened, false),
            tile(Measure::Contested, counts.contested, true),
            tile(Measure::HandedOver, counts.handed_over, false),
            tile(Measure::ToReferee, counts.to_referee, true),
            tile(Measure::Closed, counts.closed, false),
            tile(Measure::Missed, total.missed, true),
            tile(Measure::Unsent, counts.unsent, true),
        ]
    }

    fn tables(&self, counted: &Counted) -> Vec<Table> {
        let titles = ["head.by_agency", "head.by_area", "head.by_category", "head.by_channel"];
        let ids = ["dinas", "wilayah", "kategori", "kanal"];
        let firsts = ["complaint.agency", "complaint.area", "complaint.category", "queue.channel"];
        let of = |at: usize, dimension| {
            let mut cells: Vec<(String, Cell, bool)> =
                counted.figures.lines(dimension).into_iter().map(|(key, cell)| (key.to_owned(), cell, self.look.opens)).collect();
            if let (Dimension::Agency, Some((figures, _))) = (dimension, &counted.lower) {
                let theirs = self.look.below.iter().map(|agency| (agency.to_string(), figures));
                let theirs = theirs.map(|(key, all)| (all.by.get(&(Dimension::Agency, key.clone())).copied().unwrap_or_default(), key));
                cells.extend(theirs.map(|(cell, key)| (key, cell, false)));
            }
            // Of a small number no bar tells the length.
            let said = |cell: &Cell, opens: bool| if opens || cell.waiting >= FEW { cell.waiting } else { 0 };
            let longest = cells.iter().map(|(_, cell, opens)| said(cell, *opens)).max().unwrap_or(0);
            let line = |(key, cell, opens): &(String, Cell, bool)| {
                let late = if *opens || cell.overdue >= FEW { cell.overdue.min(cell.waiting) } else { 0 };
                self.line(dimension, key, cell, *opens, chart::Bar::of(said(cell, *opens), late, longest))
            };
            let mut lines: Vec<Line> = cells.iter().map(line).collect();
            let rest = lines.split_off(FIRST.min(lines.len()));
            let more = self.page.count("head.more", &(rest.len() as u64));
            Table { id: ids[at], title: self.t(titles[at]).to_owned(), first: self.t(firsts[at]).to_owned(), lines, rest, more }
        };
        Dimension::ALL.into_iter().enumerate().map(|(at, dimension)| of(at, dimension)).filter(|table| !table.lines.is_empty()).collect()
    }

    fn line(&self, dimension: Dimension, key: &str, cell: &Cell, opens: bool, bar: chart::Bar) -> Line {
        let key_of = Some((dimension, key));
        let number = |n, href| Number::of(n, href, opens, self.page);
        let deeper = match dimension {
            Dimension::Area if key.ends_with(NONE) || self.look.filter.area.as_deref() == Some(key) => String::new(),
            Dimension::Agency if opens && self.look.scope.is_of_an_agency() => String::new(),
            _ => Look::of_days(&self.look.address("/meja", key_of), self.look.first, self.look.last),
        };
        Line {
            name: self.name(dimension, key),
            href: deeper,
            came: number(cell.came, self.list(Measure::Came, key_of)),
            settled: number(cell.settled, self.list(Measure::Settled, key_of)),
            waiting: number(cell.waiting, self.queue(View::Open, key_of)),
            today: number(cell.today, self.queue(View::Today, key_of)),
            overdue: number(cell.overdue, self.queue(View::Overdue, key_of)),
            missed: number(cell.missed, self.list(Measure::Missed, key_of)),
            bar,
        }
    }

    fn paces(&self, counted: &Counted) -> Vec<PaceLine> {
        let own = counted.paces.iter().map(|(agency, pace)| (*agency, *pace, self.look.opens));
        let lower = counted.lower.as_ref().map(|(_, paces)| paces);
        let theirs = self.look.below.iter().filter_map(|agency| Some((Some(*agency), *lower?.get(&Some(*agency))?, false)));
        let some = |pace: &Pace| pace.answer.number + pace.settle.number > 0;
        let mut lines: Vec<_> = own.chain(theirs).filter(|(_, pace, _)| some(pace)).collect();
        // Of one agency, the sum is the same again.
        lines.retain(|(agency, ..)| agency.is_some() || !self.look.scope.is_of_an_agency() && self.look.agency.is_none());
        lines.into_iter().map(|(agency, pace, opens)| self.pace(agency, &pace, opens)).collect()
    }

    fn pace(&self, agency: Option<AgencyId>, pace: &Pace, opens: bool) -> PaceLine {
        // The longest of few is somebody's.
        let told = |spread: Spread, say: fn(&Self, u64) -> String| match spread.number {
            0 => [(); 3].map(|()| "–".to_owned()),
            few if !opens && few < FEW => [(); 3].map(|()| "–".to_owned()),
            _ => [spread.median, spread.ninetieth, spread.worst].map(|seconds| say(self, seconds)),
        };
        let number = |n| Number::of(n, String::new(), opens, self.page).text;
        PaceLine {
            name: agency.map_or_else(|| self.t("head.all_agencies").to_owned(), |agency| self.directory.agency_name(agency).to_owned()),
            answered: number(pace.answer.number),
            answer: told(pace.answer, Self::hours),
            settled: number(pace.settle.number),
            settle: told(pace.settle, Self::hours),
            settle_days: told(pace.settle_days, Self::lived),
        }
    }

    /// `12,5 jam`.
    fn hours(&self, seconds: u64) -> String {
        self.page.fill("head.hours", "n", self.tenths(seconds, 3600))
    }

    /// `3,2 hari`.
    fn lived(&self, seconds: u64) -> String {
        self.page.fill("head.lived", "n", self.tenths(seconds, 86_400))
    }

    /// With one place behind the comma, rounded up: what took a while is not said to have taken none.
    fn tenths(&self, seconds: u64, unit: u64) -> String {
        let tenths = (seconds * 10).div_ceil(unit);
        let comma = if self.page.words.language() == Language::Id { ',' } else { '.' };
        format!("{}{comma}{}", self.page.words.number(tenths / 10), tenths % 10)
    }

    fn form(&self, by: &SignedIn, address: &Address) -> Form {
        let look = self.look;
        let mut agencies = queue::agencies(by, self.directory, &address.agency);
        if agencies.is_empty()
            && let Some(own) = by.staff.agency
        {
            let below = store::access::below(self.directory, own);
            let choice =
                |agency: &AgencyId| (agency.to_string(), self.directory.agency_name(*agency).to_owned(), look.agency == Some(*agency));
            agencies = below.iter().map(choice).collect();
        }
        Form {
            from: look.first.to_string(),
            to: look.last.to_string(),
            agencies,
            categories: queue::categories(self.directory, &address.category, self.page),
            areas: queue::areas(self.directory, &address.area),
            channels: queue::channels(self.directory, &address.channel),
            periods: self.periods(),
            narrowed: !look.narrowing(None).is_empty(),
        }
    }

    /// Days that are often looked at.
    fn periods(&self) -> Vec<(String, String, bool)> {
        let today = self.page.now.to_zoned(self.page.zone.time_zone()).date();
        let month = today.first_of_month();
        let before = look::back(month, 1);
        let all = [
            ("head.week", look::back(today, 6), today),
            ("head.thirty", look::back(today, 29), today),
            ("head.month", month, today),
            ("head.last_month", before.first_of_month(), before),
            ("head.quarter", look::back(today, 89), today),
        ];
        let one = |(key, first, last)| {
            let href = Look::of_days(&self.look.address("/meja", None), first, last);
            (self.t(key).to_owned(), href, (first, last) == (self.look.first, self.look.last))
        };
        all.into_iter().map(one).collect()
    }
}

/// What a measure is called.
pub(super) fn measure_name(measure: Measure, page: &Page) -> &str {
    page.t(match measure {
        Measure::Came => "head.came",
        Measure::Settled => "head.settled",
        Measure::SettledLate => "head.settled_late",
        Measure::Answered => "head.answered",
        Measure::Reopened => "head.reopened",
        Measure::Contested => "head.contested",
        Measure::HandedOver => "head.handed_over",
        Measure::ToReferee => "head.to_referee",
        Measure::Closed => "head.closed",
        Measure::Missed => "head.missed",
        Measure::Unsent => "head.unsent",
    })
}
