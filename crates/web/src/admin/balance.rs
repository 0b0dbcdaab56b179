//! `GET /admin/neraca`: whether everything that was said yes to is somewhere, day by day. Names of what is missing, never a citizen's words,
//! address or platform's key: an admin need not see the complaint behind it.

use askama::Template;
use axum::{extract::State, response::Response};
use jiff::civil::Date;
use model::Timestamp;
use store::{
    balance::{Day, Missing, Sum},
    work_message::figures,
};
use ui::{Page, Visit};
use watch::balance::State as Is;

use super::frame;
use crate::{Rooms, WebError, page, session::SignedIn};

/// So many days are shown; all are kept.
const DAYS: u8 = 14;

#[derive(Template)]
#[template(path = "admin_balance.html")]
struct Balance {
    page: Page,
    days: Vec<OneDay>,
    work: Vec<WorkRow>,
}

/// Messages to telephones of staff and of people on the spot: one day of one channel.
struct WorkRow {
    day: Date,
    channel: String,
    about: &'static str,
    all: String,
    sent: String,
    failed: String,
    unsure: String,
}

/// A day of all programs.
struct OneDay {
    day: Date,
    looked_at: Timestamp,
    condition: Condition,
    missing: u64,
    equations: Vec<Equation>,
    lost: Vec<Lost>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Sums,
    UnderWay,
    Unproven,
    Missing,
}

/// One equation of one program: its total, and what it is made of.
struct Equation {
    adapter: String,
    part: String,
    account: String,
    total: String,
    terms: Vec<Term>,
}

struct Term {
    count: String,
    word: String,
    bad: bool,
}

/// One thing that is nowhere.
struct Lost {
    kind: String,
    adapter: String,
    account: String,
    name: String,
    seen: String,
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn) -> Result<Response, WebError> {
    by.only_admin()?;
    let page = frame(&rooms, &visit, &by, "menu.balance");
    let mut days: Vec<OneDay> = Vec::new();
    for one in store::balance::latest(rooms.db(), DAYS.into()).await? {
        if days.last().is_none_or(|last| last.day != one.day) {
            days.push(OneDay::of(&one));
        }
        if let Some(day) = days.last_mut() {
            day.add(&one, &page);
        }
    }
    let work = work(&rooms, &page).await?;
    page::html(&Balance { page, days, work })
}

async fn work(rooms: &Rooms, page: &Page) -> Result<Vec<WorkRow>, WebError> {
    let directory = rooms.directory();
    let days = figures::of_days(rooms.db(), rooms.today(), DAYS, directory.calendar.zone).await?;
    let row = |day: figures::Day| {
        let channel = directory.channels.iter().find(|one| one.adapter.as_str() == day.adapter && one.account == day.account);
        WorkRow {
            day: day.day,
            channel: channel.map_or_else(|| format!("{} {}", day.adapter, day.account), |channel| channel.label.clone()),
            about: page.words.t(if day.escalations { "balance.work.escalation" } else { "balance.work.task" }),
            all: page.words.number(day.all),
            sent: page.words.number(day.sent),
            failed: page.words.number(day.failed),
            unsure: page.words.number(day.unsure),
        }
    };
    Ok(days.into_iter().map(row).collect())
}

impl OneDay {
    fn of(day: &Day) -> Self {
        Self { day: day.day, looked_at: day.looked_at, condition: Condition::Sums, missing: 0, equations: Vec::new(), lost: Vec::new() }
    }

    fn add(&mut self, day: &Day, page: &Page) {
        let count = |state: Is| day.sums.iter().filter(|sum| sum.state == state.as_str()).map(|sum| sum.count).sum::<u64>();
        self.missing += count(Is::Missing);
        self.condition = match () {
            () if self.missing > 0 => Condition::Missing,
            () if count(Is::Unproven) > 0 || self.condition == Condition::Unproven => Condition::Unproven,
            () if count(Is::UnderWay) > 0 || self.condition == Condition::UnderWay => Condition::UnderWay,
            () => Condition::Sums,
        };
        let mut equations: Vec<(&str, &str, Vec<&Sum>)> = Vec::new();
        for sum in &day.sums {
            match equations.iter_mut().find(|(part, account, _)| *part == sum.part && *account == sum.account) {
                Some((.., sums)) => sums.push(sum),
                None => equations.push((&sum.part, &sum.account, vec![sum])),
            }
        }
        let adapter = day.adapter.to_string();
        self.equations.extend(equations.into_iter().map(|(part, account, sums)| equation(&adapter, part, account, &sums, page)));
        self.lost.extend(day.missing.iter().map(|missing| lost(&adapter, missing, page)));
    }
}

fn equation(adapter: &str, part: &str, account: &str, sums: &[&Sum], page: &Page) -> Equation {
    let total = sums.iter().map(|sum| sum.count).fold(0, u64::saturating_add);
    let term = |sum: &&Sum| {
        let state = Is::from_word(&sum.state);
        let word = state.map_or(sum.state.as_str(), |state| page.t(state_key(part, state))).to_owned();
        Term { count: page.words.number(sum.count), word, bad: state == Some(Is::Missing) }
    };
    Equation {
        adapter: adapter.to_owned(),
        part: page.t(part_key(part)).to_owned(),
        account: account.to_owned(),
        total: page.words.number(total),
        terms: sums.iter().map(term).collect(),
    }
}

fn part_key(part: &str) -> &'static str {
    match part {
        "door" => "balance.part.door",
        "message" => "balance.part.message",
        _ => "balance.part.reply",
    }
}

fn state_key(part: &str, state: Is) -> &'static str {
    match state {
        Is::Done if part == "door" => "balance.door.done",
        Is::Done if part == "message" => "balance.message.done",
        Is::Done => "balance.reply.done",
        Is::Again => "balance.state.again",
        Is::Parked => "balance.state.parked",
        Is::Dropped => "balance.state.dropped",
        Is::UnderWay => "balance.state.under_way",
        Is::Task => "balance.state.task",
        Is::WentOn => "balance.state.went_on",
        Is::Refused => "balance.state.refused",
        Is::Withheld => "balance.state.withheld",
        Is::Unknown => "balance.state.unknown",
        Is::Unproven => "balance.state.unproven",
        Is::Missing => "balance.state.missing",
    }
}

fn kind_key(kind: &str) -> &'static str {
    match kind {
        "number" => "balance.kind.number",
        "raw" => "balance.kind.raw",
        "message" => "balance.kind.message",
        "reply" => "balance.kind.reply",
        _ => "balance.kind.acknowledgement",
    }
}

fn lost(adapter: &str, missing: &Missing, page: &Page) -> Lost {
    Lost {
        kind: page.t(kind_key(&missing.kind)).to_owned(),
        adapter: adapter.to_owned(),
        account: missing.account.clone().unwrap_or_default(),
        name: missing.name.clone(),
        seen: missing.seen.clone(),
    }
}
