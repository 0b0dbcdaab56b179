//! The clocks of a complaint in plain words: until when, why that date, and what became of it. For citizens and staff alike.

use model::{
    Complaint, Directory, Dispatch, DispatchState, Due, Language, Limit, Moved, Stage, Timestamp, Update,
    clock::{Pause, Unit, Working, day_and_month},
};
use ui::{Clock, Level, Page};

/// One clock as a page shows it.
pub(crate) struct Timer {
    pub(crate) name: String,
    pub(crate) until: Timestamp,
    pub(crate) chip: Chip,
    /// Why this date.
    pub(crate) why: Vec<String>,
}

/// How a clock stands.
pub(crate) struct Chip {
    pub(crate) class: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) words: String,
}

/// No more days off are named one by one.
const NAMED: usize = 6;

/// Every clock of a complaint, in the order of its life. Who gave it away has none.
pub(crate) fn timers(complaint: &Complaint, directory: &Directory, page: &Page) -> Vec<Timer> {
    let mut timers = Vec::new();
    if let Some(due) = complaint.forward {
        let counted = Counted { from: complaint.opened_at, until: due.at, pauses: &[], working: directory.working(None) };
        timers.push(Timer {
            name: page.t("stage.forward").to_owned(),
            until: due.at,
            chip: chip(due.at, due.met, None, directory, page),
            why: counted.why(directory.limit_of(due.limit), page),
        });
    }
    for dispatch in complaint.dispatches.iter().filter(|dispatch| dispatch.state != DispatchState::HandedOver) {
        timers.extend(of_agency(dispatch, directory, page));
    }
    timers
}

fn of_agency(dispatch: &Dispatch, directory: &Directory, page: &Page) -> Vec<Timer> {
    let (clocks, agency) = (&dispatch.clocks, directory.agency_name(dispatch.agency));
    let name = |stage: Stage| page.words.fill("stage.of", &[("stage", stage_name(stage, page)), ("agency", agency)]);
    let working = directory.working(Some(dispatch.agency));
    let mut timers = Vec::new();
    if let Some(due) = clocks.answer {
        let counted = Counted { from: clocks.started, until: due.at, pauses: &clocks.pauses, working };
        timers.push(Timer {
            name: name(Stage::FirstAnswer),
            until: due.at,
            chip: chip(due.at, due.met, clocks.paused(), directory, page),
            why: counted.why(directory.limit_of(due.limit), page),
        });
    }
    timers.push(Timer {
        name: name(Stage::Settle),
        until: dispatch.deadline,
        chip: chip(dispatch.deadline, clocks.settled, clocks.paused(), directory, page),
        why: why_this_date(dispatch, directory, page),
    });
    if let Some((due, settled)) = clocks.closes.zip(clocks.settled) {
        let counted = Counted { from: settled, until: due.at, pauses: &[], working };
        timers.push(Timer {
            name: name(Stage::Silence),
            until: due.at,
            chip: silence(due, page),
            why: counted.why(directory.limit_of(due.limit), page),
        });
    }
    timers
}

/// How the citizen's time stands.
fn silence(due: Due, page: &Page) -> Chip {
    if let Some(closed) = due.met {
        return Chip { class: "plain", icon: "check", words: page.fill("clocks.closed_on", "date", page.date(&closed)) };
    }
    let words = page.t(if page.now > due.at { "clocks.closed" } else { "clocks.open" }).to_owned();
    Chip { class: "plain", icon: "clock", words }
}

/// Why an agency's part must be settled on that day, in sentences.
pub(crate) fn why_this_date(dispatch: &Dispatch, directory: &Directory, page: &Page) -> Vec<String> {
    let clocks = &dispatch.clocks;
    let working = directory.working(Some(dispatch.agency));
    let counted = Counted { from: clocks.started, until: dispatch.deadline, pauses: &clocks.pauses, working };
    let mut why = counted.why(clocks.settle.and_then(|id| directory.limit_of(id)), page);
    if clocks.started < dispatch.given_at {
        why.push(page.t("limit.goes_on").to_owned());
    }
    if let Some(hours) = working.own_hours() {
        why.push(page.fill("limit.office", "hours", hours.in_words(page.words.language())));
    }
    if let Some(since) = clocks.paused() {
        why.push(page.fill("limit.paused_now", "date", page.date(&since)));
    }
    why
}

/// What a date was counted from.
struct Counted<'a> {
    from: Timestamp,
    until: Timestamp,
    pauses: &'a [Pause],
    working: Working<'a>,
}

impl Counted<'_> {
    fn why(&self, limit: Option<&Limit>, page: &Page) -> Vec<String> {
        let Some(limit) = limit else { return vec![page.t("limit.fixed").to_owned()] };
        let (amount, source) = (amount(limit, page), source(limit, page));
        let mut why = vec![page.words.fill("limit.why", &[("days", &amount), ("from", &page.date(&self.from)), ("source", source)])];
        if !limit.verified {
            why.push(page.t("limit.unverified").to_owned());
        }
        if matches!(limit.amount.unit, Unit::WorkingDays | Unit::WorkingHours) {
            why.extend(self.days_off(page));
        }
        match self.working.days_waited(self.pauses) {
            0 => {}
            days => why.push(page.fill("limit.paused", "days", page.count("limit.days", &days))),
        }
        why
    }

    fn days_off(&self, page: &Page) -> Option<String> {
        let off = self.working.days_off(self.from, self.until);
        let language = page.words.language();
        let named = off.iter().take(NAMED).map(|(day, name)| {
            let noon = day.at(12, 0, 0, 0).to_zoned(page.zone.time_zone()).map_or(self.from, |noon| noon.timestamp());
            format!("{} ({name})", day_and_month(noon, page.zone, language))
        });
        let named = named.collect::<Vec<_>>().join(", ");
        match off.len() {
            0 => None,
            all if all > NAMED => {
                let more = (all - NAMED).to_string();
                Some(page.words.fill("limit.off.more", &[("days", &named), ("n", &more)]))
            }
            _ => Some(page.fill("limit.off", "days", named)),
        }
    }
}

/// `5 hari kerja`.
pub(crate) fn amount(limit: &Limit, page: &Page) -> String {
    let key = match limit.amount.unit {
        Unit::WorkingDays => "limit.days",
        Unit::WorkingHours => "limit.working_hours",
        Unit::Days => "limit.clock_days",
        Unit::Hours => "limit.clock_hours",
    };
    page.count(key, &limit.amount.number.into())
}

/// Where a limit comes from, in the page's language where that was written down.
pub(crate) fn source<'a>(limit: &'a Limit, page: &Page) -> &'a str {
    let english = limit.source_en.as_deref().filter(|_| page.words.language() == Language::En);
    english.unwrap_or(&limit.source)
}

/// What a stage is called.
pub(crate) fn stage_name(stage: Stage, page: &Page) -> &str {
    match stage {
        Stage::Forward => page.t("stage.forward"),
        Stage::FirstAnswer => page.t("stage.first_answer"),
        Stage::Settle => page.t("stage.settle"),
        Stage::Silence => page.t("stage.silence"),
    }
}

/// A step that says that a clock moved.
pub(crate) fn moved(update: &Update, directory: &Directory, page: &Page) -> String {
    let Some(moved) = update.text.as_deref().and_then(|text| Moved::from_text(text, update.agency)) else {
        return page.t("step.moved.short").to_owned();
    };
    let stage = match moved.agency {
        Some(agency) => page.words.fill("stage.of", &[("stage", stage_name(moved.stage, page)), ("agency", directory.agency_name(agency))]),
        None => stage_name(moved.stage, page).to_owned(),
    };
    page.words.fill("step.moved", &[("stage", &stage), ("from", &page.time(&moved.from)), ("to", &page.time(&moved.to))])
}

fn chip(until: Timestamp, met: Option<Timestamp>, paused: Option<Timestamp>, directory: &Directory, page: &Page) -> Chip {
    let now = page.now;
    match (met, paused) {
        (Some(met), _) if met <= until => {
            Chip { class: "status-resolved", icon: "check", words: page.fill("clocks.in_time", "date", page.date(&met)) }
        }
        (Some(met), _) => Chip { class: "clock-late", icon: "late", words: page.fill("clocks.late", "date", page.date(&met)) },
        (None, Some(since)) if since <= until => {
            Chip { class: "plain", icon: "question", words: page.fill("clocks.paused", "date", page.date(&since)) }
        }
        (None, _) => {
            let clock = Clock::of(until, now, &directory.calendar);
            let (class, icon) = match clock.level() {
                Level::Calm => ("clock-calm", "clock"),
                Level::Soon => ("clock-soon", "clock"),
                Level::Late => ("clock-late", "late"),
            };
            Chip { class, icon, words: clock.say(&page.words) }
        }
    }
}
