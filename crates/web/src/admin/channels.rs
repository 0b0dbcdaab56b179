//! `GET /admin`: how it goes with every official way in, with reasons and with what to do. What is wrong is judged in `watch`; here it is put
//! into words.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use model::{AdapterName, Directory, Timestamp};
use ui::{Page, Tone, Visit};
use watch::{Alarm, Look, Program, Severity, Way};

use super::frame;
use crate::{Rooms, WebError, agency::Done, page, session::SignedIn};

#[derive(Template)]
#[template(path = "admin_channels.html")]
struct Channels {
    page: Page,
    csrf: String,
    /// Whether the bus could be asked.
    bus: bool,
    /// How many things need somebody now, and how many soon.
    now: u64,
    soon: u64,
    /// What waits too long for a person.
    late: Vec<Said>,
    /// Those whose program was heard, and what is wrong with any.
    ways: Vec<Card>,
    /// Those whose program was never heard: not installed yet.
    absent: Vec<Card>,
    strangers: Vec<Stranger>,
    parked: u64,
}

/// One official way in.
struct Card {
    label: String,
    adapter: String,
    account: String,
    /// When the office is open, in words, and whether it is now.
    hours: Option<(String, bool)>,
    area: String,
    from: String,
    until: String,
    condition: Condition,
    today: u64,
    week: u64,
    last_message: Option<Timestamp>,
    last_reply: Option<Timestamp>,
    has_rhythm: bool,
    waiting: u64,
    waiting_since: Option<Timestamp>,
    /// Code and how many.
    failed: Vec<(String, u64)>,
    failed_total: u64,
    parked: u64,
    paused: Option<(Timestamp, String)>,
    version: String,
    heard: Option<Timestamp>,
    started: Option<Timestamp>,
    said: Vec<Said>,
}

/// In one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Condition {
    Well,
    Look,
    Missing,
    Never,
    Unknown,
}

/// One thing that is wrong, in words.
struct Said {
    now: bool,
    /// The page of who has to do something, where it is not this one.
    list: &'static str,
    /// What it is, in two or three words.
    what: String,
    /// Why we say so, and what to do.
    why: String,
}

/// A program that runs although no row names it: its messages are parked, and somebody forgot something.
struct Stranger {
    name: String,
    version: String,
    heard: Timestamp,
    alive: bool,
    parked: u64,
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(done): Query<Done>) -> Result<Response, WebError> {
    by.only_admin()?;
    let directory = rooms.directory();
    let look = watch::look(rooms.db(), rooms.bus(), &directory, rooms.now(), rooms.watched()).await?;
    let look = rooms.watched().keep(look);
    let mut page = flashed(frame(&rooms, &visit, &by, "menu.channels"), &done);
    // What the banner would say stands here in full.
    page.banner = None;
    let (absent, ways) =
        look.by_need().into_iter().map(|way| card(way, &look, &directory, &page)).partition(|card| card.condition == Condition::Never);
    let strangers = look.programs.iter().filter_map(|(name, program)| stranger(name, program, look.at)).collect();
    let (now, soon) = (look.count(Severity::Now), look.count(Severity::Soon));
    let late = look.late.iter().map(|alarm| said(alarm, &page)).collect();
    page::html(&Channels { csrf: by.csrf.clone(), bus: look.bus, now, soon, late, ways, absent, strangers, parked: look.parked, page })
}

fn flashed(page: Page, done: &Done) -> Page {
    let text = match () {
        () if done.is("jeda") => page.t("channels.done.paused"),
        () if done.is("lanjut") => page.t("channels.done.resumed"),
        () => return page,
    };
    let text = text.to_owned();
    page.flash(Tone::Good, text)
}

fn card(way: &Way, look: &Look, directory: &Directory, page: &Page) -> Card {
    let (channel, program) = (&way.channel, look.programs.get(&way.channel.adapter));
    let announced = program.and_then(|program| program.said.as_ref());
    let alarms: Vec<&Alarm> = way.alarms.iter().chain(program.iter().flat_map(|program| &program.alarms)).collect();
    Card {
        label: channel.label.clone(),
        adapter: channel.adapter.to_string(),
        account: channel.account.clone(),
        hours: channel.hours.as_ref().map(|hours| (hours.in_words(page.words.language()), hours.is_open(look.at, directory.calendar.zone))),
        area: channel.area.as_deref().map(|code| directory.area_path(code)).unwrap_or_default(),
        from: page.day(&channel.from),
        until: channel.until.map(|day| page.day(&day)).unwrap_or_default(),
        condition: condition(program, &alarms, look),
        today: way.today,
        week: way.week,
        last_message: way.last_message,
        last_reply: way.last_reply,
        has_rhythm: way.has_rhythm,
        waiting: way.due.as_ref().map_or(0, |due| due.replies),
        waiting_since: way.due.as_ref().map(|due| due.oldest),
        failed: way.failed.iter().map(|failed| (failed.code.clone(), failed.replies)).collect(),
        failed_total: way.failed.iter().map(|failed| failed.replies).sum(),
        parked: program.map_or(0, |program| program.parked),
        paused: way.paused.as_ref().map(|pause| (pause.since, pause.reason.clone())),
        version: announced.map(|said| said.version.clone()).unwrap_or_default(),
        heard: announced.map(|said| said.last_seen),
        started: announced.map(|said| said.started_at),
        said: alarms.into_iter().map(|alarm| said(alarm, page)).collect(),
    }
}

fn condition(program: Option<&Program>, alarms: &[&Alarm], look: &Look) -> Condition {
    match program {
        _ if !look.bus => Condition::Unknown,
        Some(program) if program.is_alive(look.at) && alarms.is_empty() => Condition::Well,
        Some(program) if program.is_alive(look.at) => Condition::Look,
        Some(Program { said: Some(_), .. }) => Condition::Missing,
        _ if alarms.is_empty() => Condition::Never,
        _ => Condition::Missing,
    }
}

fn stranger(name: &AdapterName, program: &Program, now: Timestamp) -> Option<Stranger> {
    let announced = program.said.as_ref().filter(|_| !program.has_row)?;
    Some(Stranger {
        name: name.to_string(),
        version: announced.version.clone(),
        heard: announced.last_seen,
        alive: program.is_alive(now),
        parked: program.parked,
    })
}

/// An alarm in the words of the page: what it is, why we say so, what to do.
fn said(alarm: &Alarm, page: &Page) -> Said {
    let words = page.words;
    let number = |count: u64| count.to_string();
    let (what, why) = match alarm {
        Alarm::Missing { since } => ("alarm.missing", words.fill("alarm.missing.why", &[("since", &page.time(since))])),
        Alarm::Silent { since, silence } => {
            let usual = format!("{:.0}", silence.usual.max(1.0));
            let facts = [("since", page.time(since)), ("hours", silence.hours.to_string()), ("usual", usual)];
            ("alarm.silent", words.fill("alarm.silent.why", &facts.each_ref().map(|(name, value)| (*name, value.as_str()))))
        }
        Alarm::Ends(expiry) => ("alarm.ends", ending("alarm.ends.why", expiry, page)),
        Alarm::Ended(expiry) => ("alarm.ended", ending("alarm.ended.why", expiry, page)),
        Alarm::Spooled { waiting, oldest } => ("alarm.spooled", queue("alarm.spooled.why", *waiting, oldest, page)),
        Alarm::Unread { waiting, oldest } => ("alarm.unread", queue("alarm.unread.why", *waiting, oldest, page)),
        Alarm::Undelivered { waiting, oldest } => ("alarm.undelivered", queue("alarm.undelivered.why", *waiting, oldest, page)),
        Alarm::Unpublished { waiting, oldest } => ("alarm.unpublished", queue("alarm.unpublished.why", *waiting, oldest, page)),
        Alarm::Refused { times, last } => {
            ("alarm.refused", words.fill("alarm.refused.why", &[("n", &number(*times)), ("last", &page.time(last))]))
        }
        Alarm::Failing { replies, code } => ("alarm.failing", words.fill("alarm.failing.why", &[("n", &number(*replies)), ("code", code)])),
        Alarm::Trouble { what, at } => ("alarm.trouble", words.fill("alarm.trouble.why", &[("what", what), ("at", &page.time(at))])),
        Alarm::Unbalanced { missing, day } => {
            ("alarm.unbalanced", words.fill("alarm.unbalanced.why", &[("n", &number(*missing)), ("day", &page.day(day))]))
        }
        Alarm::Requests { late: 0, due } => ("alarm.requests.soon", words.fill("alarm.requests.soon.why", &[("due", &page.time(due))])),
        Alarm::Requests { late, due } => ("alarm.requests", due_since("alarm.requests.why", *late, due, page)),
        Alarm::Held { late, due } => ("alarm.held", due_since("alarm.held.why", *late, due, page)),
        Alarm::NoRow { account } => ("alarm.no_row", words.fill("alarm.no_row.why", &[("account", account.as_deref().unwrap_or("–"))])),
    };
    let list = match alarm {
        Alarm::Requests { .. } => "/permintaan-data",
        Alarm::Held { .. } => "/antrean?view=karantina",
        _ => "",
    };
    Said { now: alarm.severity() == Severity::Now, list, what: page.t(what).to_owned(), why }
}

fn queue(key: &str, waiting: u64, oldest: &Timestamp, page: &Page) -> String {
    page.words.fill(key, &[("n", &waiting.to_string()), ("since", &page.time(oldest))])
}

fn due_since(key: &str, late: u64, due: &Timestamp, page: &Page) -> String {
    page.words.fill(key, &[("n", &late.to_string()), ("due", &page.time(due))])
}

fn ending(key: &str, expiry: &bus::Expiry, page: &Page) -> String {
    let facts = [("what", expiry.what.as_str()), ("at", &page.time(&expiry.at)), ("todo", &expiry.todo)];
    page.words.fill(key, &facts)
}
