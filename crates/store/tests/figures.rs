//! Figures, counted once more in plain Rust: cities by chance, in which everything happened that is counted. Every figure of every reader is compared,
//! and the list behind it has exactly as many lines.

#[path = "figures/kept.rs"]
mod kept;

use std::collections::{BTreeMap, HashMap};

use model::{
    Action, Actor, AdapterName, Address, AgencyId, Area, Category, CitizenId, Complaint, ComplaintId, Decision, Directory, DispatchState,
    Inbound, Language, Limit, MessageId, MessageKey, Opening, Receipt, ReceiptState, Role, StaffId, Stage, Status, Timestamp, TraceId,
    TrackingCode, Triaged, UpdateKind, Visibility,
    clock::{Amount, OpenTime, Unit},
};
use servers::testing::TestDatabase;
use store::{
    PgPool, StoreError, citizen, complaint,
    directory::{self, Seed, SeedAgency, SeedLimit},
    figures::{self, Asked, Cell, Counts, Dimension, Measure, Spread},
    message, missed,
    queue::{self, Filter, Scope, Start, Times, View},
    reply, staff,
};

/// Friday, 20 November 2026, ten in the morning.
const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);
const COMPLAINTS: u64 = 150;
const ROUNDS: u64 = 7;
const HOUR: i64 = 3600;
const AREAS: [Option<&str>; 6] = [None, Some("3171"), Some("3171090"), Some("3171090001"), Some("3171090002"), Some("3171100001")];

/// Numbers by chance that are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        let at = usize::try_from(self.below(all.len() as u64)).expect("small");
        all[at].clone()
    }

    fn seconds(&mut self, from: i64, until: i64) -> i64 {
        from + i64::try_from(self.below(u64::try_from(until - from).expect("forward"))).expect("small")
    }
}

struct City {
    _database: TestDatabase,
    db: PgPool,
    directory: Directory,
    staff: Vec<Actor>,
    all: Vec<Complaint>,
}

fn agencies() -> [&'static str; 3] {
    ["roads", "parks", "insp"]
}

async fn prepare(url: String) -> Result<(), StoreError> {
    let db = store::connect(&url, 1).await?;
    store::migrate(&db).await?;
    let agency = |code: &str| SeedAgency { code: code.into(), name: format!("Dinas {code}"), send_kind: "queue".into(), send_target: None };
    let category = |code: &str| Category { code: code.into(), name_id: code.into(), name_en: code.into(), keywords: vec![code.into()] };
    let area = |code: &str| (Area { code: code.into(), name: format!("Wilayah {code}") }, None);
    let stage = |stage, number, unit| SeedLimit { limit: Limit::new(stage, Amount { number, unit }, "aturan"), agency: None };
    let seed = Seed {
        areas: ["31", "3171", "3171090", "3171090001", "3171090002", "3171100", "3171100001"].map(area).into(),
        agencies: agencies().map(agency).into(),
        categories: ["road", "tree"].map(category).into(),
        rules: vec![(Some("road".into()), None, "roads".into()), (Some("tree".into()), None, "parks".into())],
        limits: vec![
            SeedLimit::working_days(5, "aturan"),
            stage(Stage::Forward, 1, Unit::WorkingDays),
            stage(Stage::FirstAnswer, 6, Unit::WorkingHours),
            stage(Stage::Silence, 2, Unit::Days),
        ],
        ..Seed::default()
    };
    assert!(directory::seed(&db, &seed, NOW).await?);
    let mut tx = store::begin(&db).await?;
    assert!(directory::set_inspectorate(&mut tx, "insp", true).await?);
    store::commit(tx).await?;
    db.close().await;
    Ok(())
}

impl City {
    async fn by_chance(seed: u64) -> Self {
        let database = servers::testing::database("store_figures", prepare).await;
        let db = store::connect(&database.url(), 4).await.expect("connects");
        let directory = directory::load(&db).await.expect("loads");
        let mut city = Self { _database: database, db, directory, staff: Vec::new(), all: Vec::new() };
        for code in agencies() {
            let agency = city.agency(code);
            city.hire(Role::Supervisor, Some(agency)).await;
        }
        city.hire(Role::Triage, None).await;
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        city.open(&mut dice).await;
        let mut times: Vec<Timestamp> = city.all.iter().map(|complaint| complaint.opened_at).collect();
        for _ in 0..ROUNDS {
            city.round(&mut dice, &mut times).await;
        }
        city.refuse_replies(&mut dice).await;
        city
    }

    fn agency(&self, code: &str) -> AgencyId {
        self.directory.agencies.values().find(|agency| agency.code == code).expect("is in the seed").id
    }

    async fn hire(&mut self, role: Role, agency: Option<AgencyId>) {
        let login = format!("{role}.{}", self.staff.len());
        let new = staff::NewStaff { login, name: "Petugas".into(), role, agency, office: None, language: Language::Id };
        let mut tx = store::begin(&self.db).await.expect("begins");
        let id = staff::create(&mut tx, &new, "no password fits", NOW).await.expect("is written").expect("is new");
        store::commit(tx).await.expect("commits");
        self.staff.push(Actor::Staff { id, role, agency });
    }

    async fn open(&mut self, dice: &mut Dice) {
        let mut tx = store::begin(&self.db).await.expect("begins");
        let mut decisions: Vec<Decision> = Vec::new();
        for n in 0..COMPLAINTS {
            let opened_at = NOW - jiff::SignedDuration::from_secs(dice.seconds(HOUR, 60 * 24 * HOUR));
            let inbound = inbound(&format!("m{n}"), dice.of(&["1", "2"]), opened_at);
            let (citizen, message) = (CitizenId::new(opened_at), MessageId::new(opened_at));
            let category: Option<String> = dice.of(&[None, Some("road"), Some("road"), Some("tree")]).map(Into::into);
            let opening = Opening {
                citizen,
                message,
                reference: inbound.reference,
                tracking: TrackingCode::random(),
                adapter: inbound.key.adapter.clone(),
                account: inbound.key.account.clone(),
                text: inbound.text.clone(),
                place: None,
                location: None,
                visibility: dice.of(&[
                    Visibility::Public,
                    Visibility::Hidden,
                    Visibility::Secret,
                    Visibility::Confidential,
                    Visibility::Sealed,
                ]),
                language: Language::Id,
                reply_to: inbound.reply_to.clone(),
                opened_at,
                triaged: Triaged { category, area: dice.of(&AREAS).map(Into::into), ..Triaged::default() },
                held: None,
                trace: TraceId::random(),
            };
            let decision = model::open(opening, &self.directory, opened_at);
            let seen = citizen::Seen {
                id: citizen,
                is_new: true,
                name: None,
                language: Language::Id,
                new_addresses: inbound.sender.clone(),
                used_addresses: Vec::new(),
            };
            let (complaint, trace) = (Some(decision.complaint.id), decision.complaint.trace);
            let new = message::New { id: message, inbound: &inbound, citizen, complaint, cut: None, trace };
            citizen::write(&mut tx, &[seen], opened_at).await.expect("is written");
            message::insert(&mut tx, &[new], opened_at).await.expect("is written");
            decisions.push(decision);
        }
        complaint::write_many(&mut tx, &decisions).await.expect("is written");
        store::commit(tx).await.expect("commits");
        self.all = decisions.into_iter().map(|decision| decision.complaint).collect();
        self.written();
    }

    fn written(&mut self) {
        for complaint in &mut self.all {
            complaint.version += 1;
        }
    }

    /// Somebody does something with most of them, some hours or days after the last time.
    async fn round(&mut self, dice: &mut Dice, times: &mut [Timestamp]) {
        let mut decisions: Vec<(usize, Decision)> = Vec::new();
        for (at, complaint) in self.all.iter().enumerate() {
            let later = times[at] + jiff::SignedDuration::from_secs(dice.seconds(60, 6 * 24 * HOUR));
            if later >= NOW {
                continue;
            }
            let to = dice.of(&agencies());
            let action = action(dice, self.agency(to), complaint, self.agency("insp"));
            let mut people = self.staff.clone();
            people.extend([Actor::Citizen, Actor::System]);
            for _ in 0..8 {
                let by = dice.of(&people);
                if let Ok(decision) = model::decide(complaint.clone(), action.clone(), by, &self.directory, later) {
                    times[at] = later;
                    decisions.push((at, decision));
                    break;
                }
            }
        }
        let mut tx = store::begin(&self.db).await.expect("begins");
        let all: Vec<Decision> = decisions.iter().map(|(_, decision)| decision.clone()).collect();
        complaint::write_many(&mut tx, &all).await.expect("is written");
        store::commit(tx).await.expect("commits");
        for (at, decision) in decisions {
            self.all[at] = Complaint { version: decision.complaint.version + 1, ..decision.complaint };
        }
    }

    async fn refuse_replies(&mut self, dice: &mut Dice) {
        for complaint in &self.all {
            if dice.below(4) > 0 {
                continue;
            }
            let replies = reply::of_complaint(&self.db, complaint.id).await.expect("loads");
            let Some(sent) = replies.first() else { continue };
            let to = sent.draft.to.clone();
            let state = ReceiptState::Failed { code: "1".into(), detail: "no".into() };
            let (adapter, account, reply) = (to.adapter, to.account, Some(sent.draft.id));
            let receipt = Receipt { reply, platform_id: None, adapter, account, state, at: NOW, file_refused: None };
            reply::receipt(&self.db, &receipt).await.expect("is written");
        }
    }
}

fn action(dice: &mut Dice, to: AgencyId, complaint: &Complaint, inspectorate: AgencyId) -> Action {
    let to = if complaint.visibility.is_confidential() { inspectorate } else { to };
    let text = || "kata".to_owned();
    if complaint.status() == Status::Resolved && dice.below(3) > 0 {
        return Action::Close { told: true };
    }
    match dice.below(16) {
        0 | 1 => Action::Claim,
        2 => Action::Ask { text: text() },
        3 | 4 => Action::Answer { text: text() },
        5 => Action::HandOver { to: vec![], reason: text() },
        6 | 7 => Action::HandOver { to: vec![to], reason: text() },
        8 | 9 => Action::Reopen { reason: text() },
        10 => Action::Place { agencies: vec![to], reason: text(), category: None, area: None },
        11 => Action::Route { agencies: vec![to], category: None, area: None },
        12 => Action::Share { with: vec![to], text: text() },
        _ => Action::Resolve { text: text(), photo: None },
    }
}

fn inbound(id: &str, account: &str, at: Timestamp) -> Inbound {
    let adapter: AdapterName = "chat".parse().expect("a name");
    let key = MessageKey { adapter: adapter.clone(), account: account.into(), id: id.into() };
    let address: Address = format!("chat:{id}").parse().expect("an address");
    Inbound { visibility: Visibility::Public, ..Inbound::private(key, address, "jalan rusak", at) }
}

/// Something that is counted: by whom, and when.
#[derive(Clone)]
struct Counted {
    complaint: ComplaintId,
    agency: Option<AgencyId>,
    at: Timestamp,
}

/// What happened to every complaint, read from its own rows, by measure. `Came` is by agency too, under the second key.
struct Told {
    happened: HashMap<(&'static str, bool), Vec<Counted>>,
    complaints: HashMap<ComplaintId, Complaint>,
}

impl Told {
    async fn of(city: &City) -> Self {
        let mut told = Self { happened: HashMap::new(), complaints: HashMap::new() };
        for known in &city.all {
            let one = complaint::load(&city.db, known.id).await.expect("loads").expect("is there");
            assert_eq!(&one, known, "what was decided is what is kept");
            told.dispatches(&one);
            let leads = one.dispatches.iter().find(|dispatch| dispatch.responsible).map(|dispatch| dispatch.agency);
            for step in complaint::history(&city.db, one.id).await.expect("loads") {
                let counted = Counted { complaint: one.id, agency: step.agency.or(leads), at: step.at };
                match step.kind {
                    UpdateKind::Reopened => {
                        told.add(Measure::Reopened, counted.clone());
                        if step.by == Actor::Citizen {
                            told.add(Measure::Contested, counted);
                        }
                    }
                    UpdateKind::HandedOver => told.add(Measure::HandedOver, counted),
                    UpdateKind::ToReferee => told.add(Measure::ToReferee, counted),
                    UpdateKind::Closed => told.add(Measure::Closed, counted),
                    _ => {}
                }
            }
            for flag in missed::of_complaint(&city.db, one.id).await.expect("loads") {
                told.add(Measure::Missed, Counted { complaint: one.id, agency: flag.agency, at: flag.due });
            }
            for sent in reply::of_complaint(&city.db, one.id).await.expect("loads") {
                if sent.error.is_some() {
                    told.add(Measure::Unsent, Counted { complaint: one.id, agency: leads, at: sent.created_at });
                }
            }
            told.complaints.insert(one.id, one);
        }
        told
    }

    fn dispatches(&mut self, one: &Complaint) {
        self.add(Measure::Came, Counted { complaint: one.id, agency: None, at: one.opened_at });
        for dispatch in &one.dispatches {
            let of = |at| Counted { complaint: one.id, agency: Some(dispatch.agency), at };
            self.happened.entry((Measure::Came.as_str(), true)).or_default().push(of(one.opened_at));
            if let Some(settled) = dispatch.clocks.settled.filter(|_| dispatch.state == DispatchState::Done) {
                self.add(Measure::Settled, of(settled));
                if settled > dispatch.deadline {
                    self.add(Measure::SettledLate, of(settled));
                }
            }
            let answered = dispatch.clocks.answer.and_then(|answer| answer.met);
            if let Some(answered) = answered.filter(|_| dispatch.state != DispatchState::HandedOver) {
                self.add(Measure::Answered, of(answered));
            }
        }
    }

    fn add(&mut self, measure: Measure, one: Counted) {
        self.happened.entry((measure.as_str(), false)).or_default().push(one);
    }

    /// What this reader is told of a measure.
    fn list(&self, measure: Measure, asked: &Asked<'_>) -> Vec<&Counted> {
        let of_one = asked.scope.own_agency().is_some() || asked.filter.agency.is_some();
        let by_agency = measure == Measure::Came && of_one;
        let all = self.happened.get(&(measure.as_str(), by_agency)).map_or(&[][..], Vec::as_slice);
        all.iter().filter(|one| asked.since <= one.at && one.at < asked.until && self.fits(one.complaint, one.agency, asked)).collect()
    }

    fn fits(&self, complaint: ComplaintId, agency: Option<AgencyId>, asked: &Asked<'_>) -> bool {
        let one = &self.complaints[&complaint];
        let theirs = asked.scope.own_agency().is_none_or(|own| agency == Some(own));
        let narrowed = asked.filter.agency.is_none_or(|own| agency == Some(own));
        let named = matches!(asked.scope, Scope::Confided(_)) || !one.visibility.is_confidential();
        let category = match asked.filter.category.as_deref() {
            None => true,
            Some("-") => one.category.is_none(),
            some => one.category.as_deref() == some,
        };
        let code = one.area.as_deref().unwrap_or_default();
        let area = match asked.filter.area.as_deref() {
            None => true,
            Some("-") => code.len() < 7,
            Some(exact) if exact.ends_with('-') => format!("{code}-") == exact,
            Some(prefix) => code.starts_with(prefix),
        };
        let channel = asked.filter.channel.as_ref().is_none_or(|(adapter, account)| *adapter == one.adapter && *account == one.account);
        theirs && narrowed && named && category && area && channel
    }

    fn keys(&self, complaint: ComplaintId, agency: Option<AgencyId>, filter: &Filter) -> Vec<(Dimension, String)> {
        let one = &self.complaints[&complaint];
        let code = one.area.clone().unwrap_or_default();
        let deep = filter.area.as_ref().is_some_and(|area| area.len() >= 7);
        let area = match code.len() {
            10 if deep => code,
            7 if deep => format!("{code}-"),
            7 | 10 => code[..7].to_owned(),
            _ => "-".to_owned(),
        };
        let mut keys = vec![
            (Dimension::Area, area),
            (Dimension::Category, one.category.clone().unwrap_or_else(|| "-".to_owned())),
            (Dimension::Channel, format!("{} {}", one.adapter, one.account)),
        ];
        keys.extend(agency.map(|agency| (Dimension::Agency, agency.to_string())));
        keys
    }

    fn expected(&self, asked: &Asked<'_>) -> figures::Figures {
        let mut expected = figures::Figures::default();
        for (measure, set) in [
            (Measure::Came, (|cell: &mut Cell| cell.came += 1) as fn(&mut Cell)),
            (Measure::Settled, |cell| cell.settled += 1),
            (Measure::SettledLate, |cell| cell.settled_late += 1),
            (Measure::Missed, |cell| cell.missed += 1),
        ] {
            for one in self.list(measure, asked) {
                set(&mut expected.total);
                for key in self.keys(one.complaint, one.agency, asked.filter) {
                    set(expected.by.entry(key).or_default());
                }
            }
        }
        if asked.scope.own_agency().is_none() && asked.filter.agency.is_none() {
            for one in &self.happened[&(Measure::Came.as_str(), true)] {
                if asked.since <= one.at && one.at < asked.until && self.fits(one.complaint, one.agency, asked) {
                    let agency = one.agency.expect("is by agency").to_string();
                    expected.by.entry((Dimension::Agency, agency)).or_default().came += 1;
                }
            }
        }
        self.waiting(asked, &mut expected);
        let count = |measure| self.list(measure, asked).len() as u64;
        expected.counts = Counts {
            answered: count(Measure::Answered),
            reopened: count(Measure::Reopened),
            contested: count(Measure::Contested),
            handed_over: count(Measure::HandedOver),
            to_referee: count(Measure::ToReferee),
            closed: count(Measure::Closed),
            unsent: count(Measure::Unsent),
        };
        expected
    }

    fn waiting(&self, asked: &Asked<'_>, expected: &mut figures::Figures) {
        for one in self.complaints.values() {
            for dispatch in one.pending().filter(|dispatch| self.fits(one.id, Some(dispatch.agency), asked)) {
                let asked_at = dispatch.clocks.pauses.last().filter(|pause| pause.until.is_none()).map(|pause| pause.from);
                let late = dispatch.deadline < asked.times.now && asked_at.is_none_or(|since| dispatch.deadline < since);
                let today = asked_at.is_none() && (asked.times.now..asked.times.tonight).contains(&dispatch.deadline);
                let add = |cell: &mut Cell| {
                    cell.waiting += 1;
                    cell.overdue += u64::from(late);
                    cell.today += u64::from(today);
                };
                add(&mut expected.total);
                for key in self.keys(one.id, Some(dispatch.agency), asked.filter) {
                    add(expected.by.entry(key).or_default());
                }
            }
        }
    }
}

fn readers(city: &City) -> Vec<(Scope, Filter)> {
    let narrow = |change: &dyn Fn(&mut Filter)| {
        let mut filter = Filter::default();
        change(&mut filter);
        filter
    };
    let roads = city.agency("roads");
    vec![
        (Scope::Everything, Filter::default()),
        (Scope::Confided(None), Filter::default()),
        (Scope::Agency(roads), Filter::default()),
        (Scope::Agency(city.agency("insp")), Filter::default()),
        (Scope::Confided(Some(city.agency("insp"))), Filter::default()),
        (Scope::Everything, narrow(&|filter| filter.agency = Some(roads))),
        (Scope::Agency(city.agency("parks")), narrow(&|filter| filter.agency = Some(roads))),
        (Scope::Everything, narrow(&|filter| filter.area = Some("3171090".into()))),
        (Scope::Everything, narrow(&|filter| filter.area = Some("3171090-".into()))),
        (Scope::Confided(None), narrow(&|filter| filter.area = Some("-".into()))),
        (Scope::Everything, narrow(&|filter| filter.category = Some("-".into()))),
        (
            Scope::Agency(roads),
            narrow(&|filter| {
                (filter.category, filter.channel) = (Some("road".into()), Some(("chat".parse().expect("a name"), "2".into())));
            }),
        ),
    ]
}

#[tokio::test]
async fn every_figure_is_what_the_rows_say_and_its_list_has_as_many_lines() {
    let mut occurred: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 1..=3 {
        let city = City::by_chance(seed).await;
        let told = Told::of(&city).await;
        let times = Times { now: NOW, tonight: NOW + jiff::SignedDuration::from_hours(14) };
        for (reader, (scope, filter)) in readers(&city).into_iter().enumerate() {
            for (since, until) in [
                (NOW - jiff::SignedDuration::from_hours(30 * 24), NOW),
                (NOW - jiff::SignedDuration::from_hours(99 * 24), NOW - jiff::SignedDuration::from_hours(9 * 24)),
            ] {
                let asked = Asked { scope: &scope, filter: &filter, since, until, times };
                let cell = format!("city {seed}, reader {reader}, since {since}");
                let found = figures::figures(&city.db, &asked).await.expect("counted");
                assert_eq!(found, told.expected(&asked), "{cell}");
                days(&city, &told, &asked, &cell).await;
                paces(&city, &told, &asked, &cell).await;
                for measure in Measure::ALL {
                    let expected = told.list(measure, &asked);
                    *occurred.entry(measure.as_str()).or_default() += expected.len() as u64;
                    lines(&city, &told, &asked, measure, &expected).await;
                }
            }
            as_the_queue_says(&city, &scope, &filter, times).await;
        }
    }
    for measure in Measure::ALL {
        assert!(occurred[measure.as_str()] > 5, "hardly ever {}: {occurred:?}", measure.as_str());
    }
}

async fn days(city: &City, told: &Told, asked: &Asked<'_>, cell: &str) {
    let zone = city.directory.calendar.zone;
    let mut expected: BTreeMap<jiff::civil::Date, (u64, u64)> = BTreeMap::new();
    let day = |at: Timestamp| at.to_zoned(zone.time_zone()).date();
    told.list(Measure::Came, asked).iter().for_each(|one| expected.entry(day(one.at)).or_default().0 += 1);
    told.list(Measure::Settled, asked).iter().for_each(|one| expected.entry(day(one.at)).or_default().1 += 1);
    let found = figures::days(&city.db, asked, zone).await.expect("counted");
    let found: Vec<_> = found.into_iter().map(|day| (day.day, (day.came, day.settled))).collect();
    assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{cell}");
}

/// Lengths of time, one by one, with the open time of each counted by itself.
async fn paces(city: &City, told: &Told, asked: &Asked<'_>, cell: &str) {
    let found = figures::paces(&city.db, asked, &city.directory).await.expect("counted");
    for whose in agencies().map(|code| Some(city.agency(code))).into_iter().chain([None]) {
        let lengths = |measure| {
            let (mut worked, mut lived) = (Vec::new(), Vec::new());
            for one in told.list(measure, asked).into_iter().filter(|one| whose.is_none() || one.agency == whose) {
                let agency = one.agency.expect("is with an agency");
                let dispatches = &told.complaints[&one.complaint].dispatches;
                let dispatch = dispatches.iter().find(|dispatch| dispatch.agency == agency).expect("is there");
                let began = dispatch.clocks.started;
                let open: OpenTime = city.directory.working(Some(agency)).open_time(began, one.at);
                worked.push(u32::try_from(open.between(began, one.at, &dispatch.clocks.pauses).as_secs()).expect("short"));
                lived.push(u32::try_from(one.at.duration_since(began).as_secs()).expect("short"));
            }
            (plainly(&worked), plainly(&lived))
        };
        let pace = found.get(&whose).copied().unwrap_or_default();
        assert_eq!((pace.answer, pace.answer_days), lengths(Measure::Answered), "{cell}");
        assert_eq!((pace.settle, pace.settle_days), lengths(Measure::Settled), "{cell}");
    }
}

/// The smallest that half, nine of ten, all do not exceed.
fn plainly(all: &[u32]) -> Spread {
    let number = all.len() as u64;
    let at_least = |share: u64| {
        let enough = |candidate: &u32| 10 * all.iter().filter(|other| *other <= candidate).count() as u64 >= share * number;
        all.iter().copied().filter(enough).min().unwrap_or(0).into()
    };
    Spread { number, median: at_least(5), ninetieth: at_least(9), worst: at_least(10) }
}

/// The list behind a figure, page by page.
async fn lines(city: &City, told: &Told, asked: &Asked<'_>, measure: Measure, expected: &[&Counted]) {
    let size = figures::size(&city.db, asked, measure).await.expect("counted");
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = figures::lines(&city.db, asked, measure, after, 20).await.expect("a list");
        let Some(last) = page.last() else { break };
        after = Some(last.cursor());
        found.extend(page.iter().map(|row| row.complaint));
    }
    assert_eq!(size, found.len() as u64, "{measure:?}");
    let mut expected: Vec<ComplaintId> = expected.iter().map(|one| one.complaint).collect();
    assert!(found.iter().all(|one| told.complaints.contains_key(one)));
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected, "{measure:?}");
}

/// What waits is what the queue's lists count and hold.
async fn as_the_queue_says(city: &City, scope: &Scope, filter: &Filter, times: Times) {
    let asked = Asked { scope, filter, since: NOW, until: NOW, times };
    let total = figures::figures(&city.db, &asked).await.expect("counted").total;
    let me = StaffId::new(NOW);
    let counts = queue::counts(&city.db, scope, me, filter, times).await.expect("counted");
    assert_eq!((total.waiting, total.today, total.overdue), (counts.open, counts.today, counts.overdue));
    for view in [View::Open, View::Today, View::Overdue] {
        let asked = queue::Asked { me, view, filter, from: Start::Top, most: 1000 };
        let rows = queue::rows(&city.db, scope, &asked, times).await.expect("a list").rows;
        assert_eq!(rows.len() as u64, counts.of(view), "{view:?}");
        assert!(rows.iter().all(|row| row.status != Status::Resolved));
    }
}
