//! One look at everything: four questions to the bus, ten to the database.

use std::collections::BTreeMap;

use bus::{Announcement, Backlog, Bus, BusError, Fill};
use futures::{FutureExt, future::BoxFuture};
use jiff::{ToSpan, civil::Date, tz::TimeZone};
use model::{AdapterName, Channel, Directory, Timestamp, rhythm::Rhythm};
use store::{
    PgPool, StoreError,
    channel::{Due, Failed, Hour, Pause, Work},
    request::Waiting,
};
use tracing::warn;

use crate::{
    Alarm, Last, Severity,
    judge::{judge_lists, judge_program, judge_way},
    keep::Past,
};

/// So far back the rhythm of a channel is learned, in weeks.
const WEEKS: i64 = 8;
/// So many parked messages are counted by adapter; the total is exact.
const PARKED_LOOKED_AT: usize = 500;

/// Everything, as of one moment.
#[derive(Debug, Clone)]
pub struct Look {
    /// Which moment.
    pub at: Timestamp,
    /// Whether the bus answered. If not, nothing is known of programs.
    pub bus: bool,
    /// Every official way in that is open today, in the order of the directory.
    pub ways: Vec<Way>,
    /// Every program that a way in needs or that has spoken within 30 days, by name.
    pub programs: BTreeMap<AdapterName, Program>,
    /// The work lists.
    pub work: Work,
    /// Requests of citizens about their data.
    pub requests: Waiting,
    /// What is wrong with lists that have a clock of their own, the worst first.
    pub late: Vec<Alarm>,
    /// Events that the core has not recorded yet.
    pub events: Option<Backlog>,
    /// Messages that wait for a person.
    pub parked: u64,
    /// How full each stream is.
    pub fill: Vec<Fill>,
}

/// One official way in.
#[derive(Debug, Clone)]
pub struct Way {
    /// Its row.
    pub channel: Channel,
    /// Messages since midnight.
    pub today: u64,
    /// Messages of the last seven days.
    pub week: u64,
    /// The last message that was recorded.
    pub last_message: Option<Timestamp>,
    /// When the platform took a reply last, as far as the program remembers.
    pub last_reply: Option<Timestamp>,
    /// Whether its rhythm is known: only then it can be called silent.
    pub has_rhythm: bool,
    /// Replies that wait for the bus, or for the end of a pause.
    pub due: Option<Due>,
    /// Replies of seven days that the platform refused, by code.
    pub failed: Vec<Failed>,
    /// Whether its answers are held back.
    pub paused: Option<Pause>,
    /// What is wrong, the worst first.
    pub alarms: Vec<Alarm>,
}

/// One adapter.
#[derive(Debug, Clone)]
pub struct Program {
    /// What it said last; `None`: nothing within 30 days, or the bus did not answer.
    pub said: Option<Announcement>,
    /// Raw messages on the bus that it has not read.
    pub raw: Option<Backlog>,
    /// Replies on the bus that it has not delivered.
    pub replies: Option<Backlog>,
    /// Its messages that wait for a person; at least so many.
    pub parked: u64,
    /// Things of the last two weeks that its balance does not find, and the latest day of which some are.
    pub lost: Option<(u64, Date)>,
    /// Whether a way in needs it.
    pub has_row: bool,
    /// What is wrong, the worst first.
    pub alarms: Vec<Alarm>,
}

impl Program {
    /// Whether it spoke within the last minute.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.said.as_ref().is_some_and(|said| !said.is_missing(now))
    }
}

impl Look {
    /// Everything that is wrong: of which way in, program or list (its label or name), and what. Ways first.
    pub fn alarms(&self) -> impl Iterator<Item = (String, &Alarm)> {
        let ways = self.ways.iter().flat_map(|way| way.alarms.iter().map(|alarm| (way.channel.label.clone(), alarm)));
        let programs = self.programs.iter().flat_map(|(name, program)| program.alarms.iter().map(move |alarm| (name.to_string(), alarm)));
        let lists = self.late.iter().map(|alarm| ("work lists".to_owned(), alarm));
        ways.chain(programs).chain(lists)
    }

    /// The ways in, those that need somebody first: now, soon, held back, well, and last those whose program was never heard. Otherwise in the
    /// order of the directory.
    pub fn by_need(&self) -> Vec<&Way> {
        let mut ways: Vec<&Way> = self.ways.iter().collect();
        ways.sort_by_key(|way| self.need(way));
        ways
    }

    fn need(&self, way: &Way) -> u8 {
        let program = self.programs.get(&way.channel.adapter);
        let alarms = || way.alarms.iter().chain(program.iter().flat_map(|program| &program.alarms));
        let any = |severity| alarms().any(|alarm| alarm.severity() == severity);
        match () {
            () if any(Severity::Now) => 0,
            () if any(Severity::Soon) => 1,
            () if way.paused.is_some() => 2,
            () if self.bus && program.is_none_or(|program| program.said.is_none()) => 4,
            () => 3,
        }
    }

    /// How many of them are of this severity.
    pub fn count(&self, severity: Severity) -> u64 {
        self.alarms().filter(|(_, alarm)| alarm.severity() == severity).count() as u64
    }
}

/// What the bus knows.
#[derive(Default)]
struct Heard {
    said: Vec<Announcement>,
    backlog: Vec<Backlog>,
    fill: Vec<Fill>,
    parked: u64,
    parked_of: BTreeMap<AdapterName, u64>,
}

/// Looks. The bus may be away: then nothing is known of programs, and the page says so.
/// `last` spares it what it read before.
pub fn look<'a>(
    db: &'a PgPool,
    bus: &'a Bus,
    directory: &'a Directory,
    now: Timestamp,
    last: &'a Last,
) -> BoxFuture<'a, Result<Look, StoreError>> {
    async move {
        let heard = match hear(bus).await {
            Ok(heard) => Some(heard),
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "Cannot ask the bus how it goes with the adapters.");
                None
            }
        };
        let facts = Facts::gather(db, now, last).await?;
        Ok(put_together(&facts, heard, directory, now))
    }
    .boxed()
}

async fn hear(bus: &Bus) -> Result<Heard, BusError> {
    let (said, backlog, fill, parked) = futures::try_join!(bus.announced(), bus.backlog(), bus.fill(), bus.parked_count())?;
    let mut parked_of = BTreeMap::new();
    if parked > 0 {
        for one in bus.parked(None, PARKED_LOOKED_AT).await? {
            *parked_of.entry(one.adapter).or_default() += 1;
        }
    }
    Ok(Heard { said, backlog, fill, parked, parked_of })
}

/// Reads the past, up to the beginning of the present hour.
async fn past(db: &PgPool, since: Timestamp, now: Timestamp) -> Result<Past, StoreError> {
    let until = Timestamp::from_second(now.as_second() - now.as_second().rem_euclid(3600)).unwrap_or(now);
    let mut hours = store::channel::hours(db, since).await?;
    hours.retain(|hour| hour.hour < until);
    Ok(Past { read_at: now, until, hours })
}

async fn lost(db: &PgPool, since: Date) -> Result<BTreeMap<AdapterName, (u64, Date)>, StoreError> {
    Ok(store::balance::open(db, since).await?.into_iter().map(|(adapter, missing, day)| (adapter, (missing, day))).collect())
}

/// What the database knows.
struct Facts {
    hours: BTreeMap<(AdapterName, String), Vec<Hour>>,
    last: BTreeMap<(AdapterName, String), Timestamp>,
    due: Vec<Due>,
    failed: Vec<Failed>,
    pauses: Vec<Pause>,
    work: Work,
    requests: Waiting,
    held: Option<(u64, Timestamp)>,
    lost: BTreeMap<AdapterName, (u64, Date)>,
}

impl Facts {
    async fn gather(db: &PgPool, now: Timestamp, known: &Last) -> Result<Self, StoreError> {
        let ago = |days: i64| now.checked_sub((24 * days).hours()).unwrap_or(now);
        let past = match known.past(now) {
            Some(past) => past,
            None => known.keep_past(past(db, ago(7 * WEEKS), now).await?),
        };
        let recent = store::channel::hours(db, past.until).await?;
        let mut hours: BTreeMap<_, Vec<Hour>> = BTreeMap::new();
        for hour in past.hours.iter().cloned().chain(recent) {
            hours.entry((hour.adapter.clone(), hour.account.clone())).or_default().push(hour);
        }
        let last = store::channel::last_messages(db).await?;
        Ok(Self {
            hours,
            last: last.into_iter().map(|(adapter, account, at)| ((adapter, account), at)).collect(),
            due: store::channel::due(db).await?,
            failed: store::channel::failed(db, ago(7), ago(1)).await?,
            pauses: store::channel::pauses(db).await?,
            work: store::channel::work(db, now).await?,
            requests: store::request::waiting(db, now).await?,
            held: store::guard::late(db, now).await?,
            // Days of the site's zone; one more or less does not matter.
            lost: lost(db, ago(15).to_zoned(TimeZone::UTC).date()).await?,
        })
    }

    fn way(&self, channel: &Channel, said: Option<&Announcement>, directory: &Directory, now: Timestamp) -> Way {
        let key = (channel.adapter.clone(), channel.account.clone());
        let is_ours = |adapter: &AdapterName, account: &str| *adapter == key.0 && account == key.1;
        let hours = self.hours.get(&key).map(Vec::as_slice).unwrap_or_default();
        let zone = directory.calendar.zone;
        let midnight = now.to_zoned(zone.time_zone()).start_of_day().map_or(now, |day| day.timestamp());
        let since = |from: Timestamp| hours.iter().filter(|hour| hour.hour >= from).map(|hour| hour.messages).sum();
        let active: Vec<Timestamp> = hours.iter().map(|hour| hour.hour).collect();
        let rhythm = Rhythm::learn(&active, zone);
        let last_message = self.last.get(&key).copied();
        let pulse = said.and_then(|said| said.by_account.iter().find(|pulse| pulse.account == channel.account));
        let mut way = Way {
            channel: channel.clone(),
            today: since(midnight),
            week: since(now - (7 * 24).hours()),
            last_message,
            last_reply: pulse.and_then(|pulse| pulse.last_reply),
            has_rhythm: rhythm.is_some(),
            due: self.due.iter().find(|due| is_ours(&due.adapter, &due.account)).cloned(),
            failed: self.failed.iter().filter(|failed| is_ours(&failed.adapter, &failed.account)).cloned().collect(),
            paused: self.pauses.iter().find(|pause| is_ours(&pause.adapter, &pause.account)).cloned(),
            alarms: Vec::new(),
        };
        let silence = rhythm.zip(last_message).map(|(rhythm, last)| rhythm.silence(last, now));
        way.alarms = judge_way(&way, silence, now);
        way
    }
}

fn put_together(facts: &Facts, heard: Option<Heard>, directory: &Directory, now: Timestamp) -> Look {
    let bus = heard.is_some();
    let Heard { said, backlog, fill, parked, parked_of } = heard.unwrap_or_default();
    let today = now.to_zoned(directory.calendar.zone.time_zone()).date();
    let open = |channel: &&Channel| channel.from <= today && channel.until.is_none_or(|until| today <= until);
    let channels: Vec<&Channel> = directory.channels.iter().filter(open).collect();
    let said: BTreeMap<AdapterName, Announcement> = said.into_iter().map(|one| (one.adapter.clone(), one)).collect();
    let queue = |stream: &str, reader: &str| backlog.iter().find(|one| one.stream == stream && one.reader == reader).cloned();
    let names = channels.iter().map(|channel| &channel.adapter).chain(said.keys());
    let programs = names.map(|name| {
        let mut program = Program {
            said: said.get(name).cloned(),
            raw: queue("RAW", name.as_str()),
            replies: queue("REPLIES", name.as_str()),
            parked: parked_of.get(name).copied().unwrap_or(0),
            lost: facts.lost.get(name).copied(),
            has_row: channels.iter().any(|channel| channel.adapter == *name),
            alarms: Vec::new(),
        };
        program.alarms = judge_program(&program, name, &channels, now);
        (name.clone(), program)
    });
    let programs = programs.collect();
    let ways = channels.iter().map(|channel| facts.way(channel, said.get(&channel.adapter), directory, now)).collect();
    let late = judge_lists(&facts.requests, facts.held, now);
    let (work, requests) = (facts.work.clone(), facts.requests);
    Look { at: now, bus, ways, programs, work, requests, late, events: queue("EVENTS", "intake"), parked, fill }
}
