//! `GET /aduan/{id}`: one complaint, whole: what was said, where it is, why it is here, how far each agency is, and what this person
//! may do with it.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use model::{
    Action, Actor, AgencyId, AttachmentId, Complaint, Directory, Dispatch, DispatchState, Owner, Pin, Point, Referee, Rule, StaffId,
    Status, Timestamp, Update, Visibility, Why, decide,
};
use store::{
    access::{Talk, Who},
    message::RecordedMessage,
};
use ui::{Clock, Page, Tone, Visit};

use super::{
    Done, Draft, Refused, block,
    conversation::{Said, Turn, turns},
    held,
    history::{Step, steps},
    id_in,
    incident::{self, Group},
    present,
    queue::areas,
    seen_by, tasks,
    together::{self, Asked, Others},
    undo,
    writing::Writing,
};
use crate::{
    Rooms, WebError,
    citizen::{
        clocks::{Timer, stage_name, timers},
        data,
    },
    page, rules,
    session::SignedIn,
};

#[derive(Template)]
#[template(path = "complaint.html")]
struct ComplaintPage {
    page: Page,
    id: String,
    /// What was removed of it, and why.
    removed: Vec<String>,
    csrf: String,
    version: i32,
    reference: String,
    status: Status,
    clock: Option<(Clock, Timestamp)>,
    opened_at: Timestamp,
    category: String,
    area: String,
    area_code: String,
    place: String,
    location: Option<Point>,
    channel: String,
    visibility: Visibility,
    /// What its grade is called.
    grade: String,
    citizen: Citizen,
    danger: String,
    why: Vec<String>,
    holders: Vec<Holder>,
    /// Who answers for it where no agency does: `triage`, `referee`; empty: an agency.
    owner: &'static str,
    bounces: u64,
    /// Why "not ours" leads to the referee; empty: it does not yet.
    next_refusal: String,
    /// It is shown because it lies just across a border.
    near: bool,
    lead: String,
    consulted: Vec<Asked>,
    together: Others,
    ask_days: [u16; 4],
    timers: Vec<Timer>,
    flags: Vec<Flag>,
    turns: Vec<Turn>,
    steps: Vec<Step>,
    can: Can,
    can_reply: bool,
    /// Until when the platform takes free words, and whether that is still to come.
    window: Option<(Timestamp, bool)>,
    /// What we asked and heard no answer to.
    asked: String,
    /// Until when the citizen is not answered.
    blocked_until: Option<Timestamp>,
    days: [i64; 4],
    /// The grades it may be given: value and name.
    grades: Vec<(&'static str, String, bool)>,
    others: Vec<(String, String, bool)>,
    all: Vec<(String, String, bool)>,
    categories: Vec<(String, String, bool)>,
    areas: Vec<(String, String, bool)>,
    draft: Draft,
    /// Steps that others took while this one was written.
    since: Vec<Step>,
    writing: Writing,
    given: tasks::Given,
    /// Who else is here, and whether they write.
    present: Vec<(String, bool)>,
    /// What may be taken back, in words.
    undo: Option<String>,
    /// The incident it is in, and how many suggestions wait about it.
    group: Option<Group>,
    suggested: usize,
}

/// Who wrote, as far as this person may know.
struct Citizen {
    name: String,
    contacts: Vec<String>,
    hidden: bool,
    /// They may say why they need to know.
    may_ask: bool,
    /// Until when they are shown it, because they did.
    until: Option<Timestamp>,
}

/// One agency's part.
struct Holder {
    name: String,
    /// Whether it answers for the whole; `None`: it does nothing any more.
    leads: Option<bool>,
    state: DispatchState,
    officer: String,
    since: Timestamp,
    deadline: Timestamp,
    clock: Option<Clock>,
    paused: bool,
}

/// What `decide` would let this person do, by the last part of each form's address.
struct Can(Vec<&'static str>);

impl Can {
    fn act(&self, form: &str) -> bool {
        self.0.contains(&form)
    }

    fn anything(&self) -> bool {
        !self.0.is_empty()
    }
}

pub(crate) async fn show(
    State(rooms): State<Rooms>,
    visit: Visit,
    by: SignedIn,
    Path(id): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, WebError> {
    let complaint = seen_by(&rooms, &by, id_in(&id)?).await?;
    draw(&rooms, &visit, &by, &complaint, None, &done).await
}

/// The page, with what was typed if it was refused.
pub(super) async fn draw(
    rooms: &Rooms,
    visit: &Visit,
    by: &SignedIn,
    complaint: &Complaint,
    refused: Option<(Draft, Refused)>,
    done: &Done,
) -> Result<Response, WebError> {
    let directory = rooms.directory();
    let db = rooms.db();
    let talk = store::access::read(db, &by.staff, complaint, rooms.now()).await?;
    let ladders = store::reach::of_complaint(db, complaint.id).await?;
    let history = store::complaint::history(db, complaint.id).await?;
    let by_staff = store::attachment::by_staff(db, complaint.id).await?;
    let missed = store::missed::of_complaint(db, complaint.id).await?;
    let decided = rules::decided(rooms, &complaint.why).await?;
    let late_with = missed.iter().filter_map(|missed| missed.officer);
    let staff = store::staff::names(db, &everybody(complaint, &history).into_iter().chain(late_with).collect::<Vec<_>>()).await?;
    let blocked = match &complaint.reply_to {
        Some(to) => store::block::of(db, to, rooms.now()).await?,
        None => None,
    };

    let mut page = page::staff(rooms, visit, by, complaint.reference.to_string())
        .script("live.js")
        .script("write.js")
        .script("zoom.js")
        .script("keys.js");
    if complaint.location.is_some() {
        page = page.script("map.js");
    }
    let page = flashed(page, done, refused.as_ref());
    let (group, suggested) = incident::of_complaint(rooms, by, &page, complaint.id).await?;
    let seen = match refused.as_ref() {
        Some((_, Refused::Changed(seen))) => Some(*seen),
        _ => None,
    };
    let draft = refused.map(|(draft, refused)| Draft { error: refused.words(&page), ..draft }).unwrap_or_default();
    let steps = steps(&history, &by_staff, &directory, &staff, &page);
    let since = match seen {
        Some(seen) => steps.iter().take(history.len().saturating_sub(seen)).cloned().collect(),
        None => Vec::new(),
    };
    let said = Said { messages: &talk.messages, replies: &talk.replies, ladders: &ladders, history: &history, staff: &staff };
    page::html(&ComplaintPage {
        removed: data::removed(rooms, complaint, &page).await?,
        id: complaint.id.to_string(),
        csrf: by.csrf.clone(),
        version: complaint.version,
        reference: complaint.reference.to_string(),
        status: complaint.status(),
        clock: running(complaint).map(|deadline| (page.clock(deadline, &directory.calendar), deadline)),
        opened_at: complaint.opened_at,
        category: page::category_name(complaint.category.as_deref(), &directory, visit.language),
        area: page::area_name(complaint.area.as_deref(), &directory, visit.language),
        area_code: complaint.area.clone().unwrap_or_default(),
        place: complaint.place.clone().unwrap_or_default(),
        location: complaint.location,
        channel: page::channel_name(&complaint.adapter, &complaint.account, complaint.opened_at, &directory),
        visibility: complaint.visibility,
        grade: page::grade_name(complaint.visibility, &page).to_owned(),
        citizen: citizen(&talk),
        danger: complaint.why.danger.join(", "),
        why: why(&complaint.why, &decided, &directory, visit, &page),
        holders: holders(complaint, &directory, &staff, &page),
        owner: match complaint.owner() {
            Some(Owner::Desk) => "triage",
            Some(Owner::Referee) => "referee",
            Some(Owner::Agency(_)) | None => "",
        },
        bounces: complaint.bounces().into(),
        next_refusal: next_refusal(complaint, by, &page),
        consulted: together::of_complaint(rooms, by, &page, complaint).await?,
        together: Others::of(complaint, by, &directory),
        ask_days: together::DAYS,
        near: near(complaint, by),
        lead: complaint.responsible().map(|dispatch| dispatch.agency.to_string()).unwrap_or_default(),
        timers: timers(complaint, &directory, &page),
        flags: missed.iter().map(|missed| flag(missed, &directory, &staff, &page)).collect(),
        turns: turns(&said, rooms, &directory, &page),
        steps,
        since,
        writing: Writing::of(rooms, by, complaint, history.len(), &page).await?,
        given: tasks::of_complaint(rooms, by, &page, complaint, tasks::may_give(complaint, by, rooms, page.now)).await?,
        present: present::others(rooms, by, complaint).await?,
        undo: undo::offered(complaint, &history, by, &directory, &page),
        can: can(complaint, by, &directory, page.now, blocked.is_some()),
        can_reply: complaint.reply_to.is_some(),
        window: complaint.reply_to.as_ref().and_then(|to| to.open_until).map(|until| (until, until > page.now)),
        asked: asked(complaint, &page),
        blocked_until: blocked.map(|block| block.until),
        days: block::DAYS,
        grades: grades(complaint, by, &directory, page.now)
            .into_iter()
            .map(|grade| (grade.as_str(), page::grade_name(grade, &page).to_owned(), grade.as_str() == draft.grade))
            .collect(),
        others: agencies(&directory, by.staff.agency, &draft.agencies),
        all: agencies(&directory, None, &proposed(complaint, &draft)),
        categories: categories(complaint, &directory, &draft, visit),
        areas: areas(&directory, if draft.area.is_empty() { complaint.area.as_deref().unwrap_or_default() } else { &draft.area }),
        draft,
        group,
        suggested,
        page,
    })
}

/// The deadline that runs; while every agency waits for the citizen, none does.
fn running(complaint: &Complaint) -> Option<Timestamp> {
    complaint.deadline().filter(|_| complaint.pending().any(|dispatch| dispatch.clocks.paused().is_none()))
}

fn flashed(page: Page, done: &Done, refused: Option<&(Draft, Refused)>) -> Page {
    if let Some((_, refused)) = refused {
        let text = refused.words(&page);
        return page.flash(Tone::Bad, text);
    }
    let said = [
        ("ambil", page.t("done.claim")),
        ("tanya", page.t("done.ask")),
        ("jawab", page.t("done.answer")),
        ("catat", page.t("done.note")),
        ("alihkan", page.t("done.hand_over")),
        ("selesai", page.t("done.resolve")),
        ("arahkan", page.t("done.route")),
        ("lepas", page.t("done.release")),
        ("tolak", page.t("done.reject")),
        ("tetapkan", page.t("done.place")),
        ("koordinasi", page.t("done.consult")),
        ("saran", page.t("done.advise")),
        ("bagi", page.t("done.share")),
        ("pimpin", page.t("done.lead")),
        ("disposisi", page.t("done.pass_down")),
        ("tarik", page.t("done.take_back")),
        ("lokasi", page.t("done.move_pin")),
        ("draf", page.t("done.draft")),
        ("batal", page.t("done.undo")),
        ("titip", page.t("done.entrust")),
        ("tugas", page.t("done.recall")),
        ("buka-lagi", page.t("done.reopen")),
        ("blokir", page.t("done.block")),
        ("buka-blokir", page.t("done.unblock")),
        ("gabung", page.t("same.done.join")),
        ("tingkat", page.t("done.regrade")),
        ("pelapor", page.t("done.unmask")),
    ];
    match said.into_iter().find(|(form, _)| done.is(form)).map(|(_, text)| text.to_owned()) {
        Some(text) => page.flash(Tone::Good, text),
        None => page,
    }
}

/// What an officer must know before they say "not ours".
fn next_refusal(complaint: &Complaint, by: &SignedIn, page: &Page) -> String {
    let Some(agency) = by.staff.agency.filter(|_| complaint.goes_to_referee_next()) else { return String::new() };
    let leads = complaint.responsible().is_some_and(|dispatch| dispatch.agency == agency);
    match (leads, complaint.referee) {
        (false, _) => page.t("act.hand_over.part").to_owned(),
        (true, Referee::Placed) => page.t("act.hand_over.placed").to_owned(),
        (true, _) => page.t("act.hand_over.bounced").to_owned(),
    }
}

/// They see it because it lies just across a border, and for no other reason.
fn near(complaint: &Complaint, by: &SignedIn) -> bool {
    let agency = by.staff.agency.filter(|agency| complaint.dispatches.iter().all(|dispatch| dispatch.agency != *agency));
    agency.is_some_and(|agency| complaint.why.near.iter().any(|near| near.agencies.contains(&agency)))
}

/// Everybody whose name the page says.
fn everybody(complaint: &Complaint, history: &[Update]) -> Vec<StaffId> {
    let acted = history.iter().filter_map(|update| if let Actor::Staff { id, .. } = update.by { Some(id) } else { None });
    complaint.dispatches.iter().filter_map(|dispatch| dispatch.officer).chain(acted).collect()
}

fn citizen(talk: &Talk) -> Citizen {
    let (name, contacts) = known_contacts(&talk.messages);
    let until = if let Who::Until(until) = talk.who { Some(until) } else { None };
    Citizen { name, contacts, hidden: !talk.who.is_shown(), may_ask: talk.who == Who::OnRequest, until }
}

/// Name, telephone numbers and mail addresses of who wrote, as far as the messages show them.
pub(super) fn known_contacts(messages: &[RecordedMessage]) -> (String, Vec<String>) {
    let name = messages.iter().find_map(|message| message.sender_name.clone()).unwrap_or_default();
    // What a person can call or write to; an account's inner key is of no use to them.
    let reachable = |address: &&model::Address| matches!(address.scheme(), "tel" | "mailto");
    let addresses = messages.iter().flat_map(|message| message.sender.iter().chain(&message.contact)).filter(reachable);
    let mut contacts: Vec<String> = addresses.map(|address| address.path().to_owned()).collect();
    contacts.sort();
    contacts.dedup();
    (name, contacts)
}

/// The question of ours that is open.
fn asked(complaint: &Complaint, page: &Page) -> String {
    let question = complaint.questions.open_at(page.now);
    question
        .map_or("", |question| {
            page.t(match question {
                model::Question::Place => "complaint.asked.place",
                model::Question::Category => "complaint.asked.category",
                model::Question::Same => "complaint.asked.same",
            })
        })
        .to_owned()
}

/// Why it is where it is, in sentences.
fn why(why: &Why, decided: &[(Rule, u32)], directory: &Directory, visit: &Visit, page: &Page) -> Vec<String> {
    let mut said = Vec::new();
    let line = why.category.iter().find_map(|word| word.strip_prefix(model::LINE));
    if let Some(code) = line {
        let purpose = directory.lines.iter().map(|line| &line.purpose).find(|purpose| purpose.code == code);
        let name = purpose.map_or(code, |purpose| if visit.language == model::Language::Id { &purpose.name_id } else { &purpose.name_en });
        said.push(page.fill("why.line", "name", name));
    } else if !why.category.is_empty() {
        said.push(page.fill("why.category", "words", why.category.join(", ")));
    }
    match why.area.as_deref() {
        Some("point") => said.push(page.t("why.area.point").to_owned()),
        Some("pin") => said.push(page.t("why.area.pin").to_owned()),
        Some("office") => said.push(page.t("why.area.office").to_owned()),
        Some(reason) => match reason.strip_prefix("learned: ") {
            Some(name) => said.push(page.fill("why.area.learned", "name", name)),
            None => said.push(page.fill("why.area.text", "name", reason.strip_prefix("text: ").unwrap_or(reason))),
        },
        None => {}
    }
    if !why.quoted.is_empty() {
        said.push(page.fill("why.quoted", "numbers", why.quoted.join(", ")));
    }
    match why.kind.as_deref() {
        Some("complaint") => said.push(page.t("why.kind.complaint").to_owned()),
        Some("information_request") => said.push(page.t("why.kind.question").to_owned()),
        Some("aspiration") => said.push(page.t("why.kind.wish").to_owned()),
        Some("other") => said.push(page.t("why.kind.else").to_owned()),
        _ => {}
    }
    if !why.ethics.is_empty() {
        said.push(page.fill("why.ethics", "words", why.ethics.join(", ")));
    }
    for guess in &why.guesses {
        let (agency, percent) = (directory.agency_name(guess.agency), guess.percent.to_string());
        said.push(page.words.fill("why.guess", &[("agency", agency), ("percent", &percent), ("words", &guess.words.join(", "))]));
    }
    said.extend(why.held.iter().flat_map(|held| held::sentences(held, page)));
    for near in &why.near {
        let agencies: Vec<&str> = near.agencies.iter().map(|agency| directory.agency_name(*agency)).collect();
        let area = directory.areas.get(&near.area).map_or(near.area.as_str(), |area| area.name.as_str());
        said.push(page.words.fill("why.near", &[("area", area), ("agencies", &agencies.join(", "))]));
    }
    said.extend(decided.iter().map(|(rule, version)| rules::sentence("why.rule", rule, *version, directory, page)));
    if let Some(version) = why.version.filter(|_| why.rules.is_empty()) {
        said.push(page.fill("why.rule.none", "version", version.to_string()));
    }
    said
}

fn holders(complaint: &Complaint, directory: &Directory, staff: &HashMap<StaffId, String>, page: &Page) -> Vec<Holder> {
    let holder = |dispatch: &Dispatch| Holder {
        name: directory.agency_name(dispatch.agency).to_owned(),
        leads: dispatch.state.is_pending().then_some(dispatch.responsible),
        state: dispatch.state,
        officer: dispatch.officer.and_then(|officer| staff.get(&officer)).cloned().unwrap_or_default(),
        since: dispatch.given_at,
        deadline: dispatch.deadline,
        clock: dispatch.state.is_pending().then(|| page.clock(dispatch.deadline, &directory.calendar)),
        paused: dispatch.clocks.paused().is_some(),
    };
    let mut all: Vec<&Dispatch> = complaint.dispatches.iter().collect();
    all.sort_by_key(|dispatch| (!dispatch.responsible, !dispatch.state.is_pending()));
    all.into_iter().map(holder).collect()
}

/// A clock that was missed: for ever.
struct Flag {
    name: String,
    due: Timestamp,
    officer: String,
    /// By how much, and whether it is still not met.
    late: String,
    open: bool,
}

fn flag(missed: &store::missed::Flag, directory: &Directory, staff: &HashMap<StaffId, String>, page: &Page) -> Flag {
    let stage = stage_name(missed.stage, page);
    let late = Clock::of(missed.due, missed.ended_at.unwrap_or(page.now), &directory.calendar).say(&page.words);
    Flag {
        name: missed.agency.map_or_else(
            || stage.to_owned(),
            |agency| page.words.fill("stage.of", &[("stage", stage), ("agency", directory.agency_name(agency))]),
        ),
        due: missed.due,
        officer: missed.officer.and_then(|officer| staff.get(&officer)).cloned().unwrap_or_default(),
        late,
        open: missed.ended_at.is_none(),
    }
}

/// Asks `decide` itself, so that no button promises what the rules refuse.
fn can(complaint: &Complaint, by: &SignedIn, directory: &Directory, now: Timestamp, blocked: bool) -> Can {
    let may = |action| decide(complaint.clone(), action, by.actor(), directory, now).is_ok();
    let text = || "…".to_owned();
    let some_agency = directory.agencies.keys().next().copied();
    let mine = complaint.dispatches.iter().any(|dispatch| dispatch.state.is_pending() && dispatch.officer == Some(by.staff.id));
    let route = |agency| Action::Route { agencies: vec![agency], category: None, area: None };
    let place = |agency| Action::Place { agencies: vec![agency], reason: text(), category: None, area: None };
    let resolve = Action::Resolve { text: text(), photo: Some(AttachmentId(uuid::Uuid::nil())) };
    let all = || directory.agencies.keys().copied();
    let others = || complaint.pending().map(|dispatch| dispatch.agency).filter(|&agency| Some(agency) != by.staff.agency);
    let forms = [
        ("koordinasi", all().any(|asked| may(Action::Consult { asked, text: text() }))),
        ("titip", may(Action::Entrust { name: text(), task: text() })),
        ("bagi", all().any(|agency| may(Action::Share { with: vec![agency], text: text() }))),
        ("pimpin", others().any(|to| may(Action::Lead { to, reason: text() }))),
        ("disposisi", directory.parents.keys().any(|&to| may(Action::PassDown { to, reason: text() }))),
        ("tarik", others().any(|from| may(Action::TakeBack { from, reason: text() }))),
        ("ambil", !mine && may(Action::Claim)),
        ("lokasi", may(Action::MovePin { to: Pin { location: None, area: String::new(), near: Vec::new() }, reason: text() })),
        ("arahkan", some_agency.is_some_and(|agency| may(route(agency)))),
        ("tetapkan", some_agency.is_some_and(|agency| may(place(agency)))),
        ("jawab", may(Action::Answer { text: text() })),
        ("tanya", may(Action::Ask { text: text() })),
        ("selesai", may(resolve.clone())),
        // Not an action, but what the form says of its photo.
        ("foto", may(resolve) && complaint.category.as_ref().is_some_and(|code| directory.proofs.contains(code))),
        ("alihkan", may(Action::HandOver { to: Vec::new(), reason: text() })),
        ("buka-lagi", may(Action::Reopen { reason: text() })),
        ("blokir", !blocked && may(Action::Block { reason: text(), until: block::until(now, block::DAYS[0]) })),
        ("buka-blokir", blocked && may(Action::Unblock { reason: text() })),
        ("gabung", incident::may_join(by, complaint)),
        ("tingkat", !grades(complaint, by, directory, now).is_empty()),
        ("catat", may(Action::Note { text: text() })),
        ("lepas", may(Action::Release)),
        ("tolak", may(Action::Reject { reason: text() })),
    ];
    Can(forms.into_iter().filter(|(_, allowed)| *allowed).map(|(form, _)| form).collect())
}

/// The grades that `decide` would let this person give it.
fn grades(complaint: &Complaint, by: &SignedIn, directory: &Directory, now: Timestamp) -> Vec<Visibility> {
    let regrade = |to| Action::Regrade { to, reason: "…".to_owned() };
    let may = |to: &Visibility| decide(complaint.clone(), regrade(*to), by.actor(), directory, now).is_ok();
    Visibility::ALL.into_iter().filter(may).collect()
}

fn agencies(directory: &Directory, without: Option<AgencyId>, ticked: &[AgencyId]) -> Vec<(String, String, bool)> {
    let agencies = directory.agencies.values().filter(|agency| Some(agency.id) != without);
    let mut all: Vec<_> = agencies.map(|agency| (agency.id.to_string(), agency.name.clone(), ticked.contains(&agency.id))).collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    all
}

/// What is ticked at first: what was ticked before it was refused, else what the rules would say.
fn proposed(complaint: &Complaint, draft: &Draft) -> Vec<AgencyId> {
    if matches!(draft.form, "arahkan" | "tetapkan") {
        draft.agencies.clone()
    } else {
        complaint.pending().map(|dispatch| dispatch.agency).collect()
    }
}

fn categories(complaint: &Complaint, directory: &Directory, draft: &Draft, visit: &Visit) -> Vec<(String, String, bool)> {
    let here = if draft.category.is_empty() { complaint.category.clone().unwrap_or_default() } else { draft.category.clone() };
    let category =
        |category: &model::Category| (category.code.clone(), page::name_of(category, visit.language).to_owned(), category.code == here);
    let mut all: Vec<_> = directory.categories.values().map(category).collect();
    all.sort_by(|a, b| a.1.cmp(&b.1));
    all
}
