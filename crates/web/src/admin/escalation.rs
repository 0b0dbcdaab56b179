//! `GET /admin/eskalasi`: who is told when a clock ends, and where they are written to. Rules are begun and ended, never changed, so that what was
//! done stays known by the rule it was done by.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use jiff::civil::Date;
use model::{
    AgencyId, Directory, Language, StaffId, Stage,
    clock::{Amount, Unit},
    escalation::{EscalationRule, Post, Way as RuleWay, When},
};
use serde_json::json;
use store::{
    StoreError,
    escalation::{self, Failed, Holder, NewHolder, NewRule},
    telephone::{Telephone, Whose},
    work_message::{self, Way},
};
use ui::{Page, Tone, Visit};

use super::frame;
use crate::{
    Rooms, WebError,
    account::telephone::change,
    agency::{Done, history::post_name},
    citizen::clocks::stage_name,
    form::{Acting, Fields},
    page,
    session::SignedIn,
    telephone::{self, choices, shown, ways},
};

/// Value, words, whether it is chosen.
type Choice = (String, String, bool);

#[derive(Template)]
#[template(path = "admin_escalation.html")]
struct EscalationPage {
    page: Page,
    csrf: String,
    rules: Vec<Row>,
    ended: Vec<Row>,
    holders: Vec<HolderRow>,
    people: Vec<PersonRow>,
    /// Mails that nobody got: complaint's address and number, mail address, why, and what came instead.
    refused: Vec<(String, String, String, String, &'static str)>,
    /// Messages to telephones that nobody got: complaint's address and number, to whom and by what, why, and what came instead.
    failed: Vec<(String, String, String, String, &'static str)>,
    /// By which channels a telephone can be reached: value and name.
    telephones: Vec<(String, String)>,
    /// Missed this month: whose, which clock, how many, how many of them are still not met.
    missed: Vec<(String, String, String, String)>,
    stages: Vec<Choice>,
    moments: Vec<Choice>,
    units: Vec<Choice>,
    posts: Vec<Choice>,
    ways: Vec<Choice>,
    agencies: Vec<Choice>,
    categories: Vec<Choice>,
    channels: Vec<Choice>,
    number: String,
    source: String,
    verified: bool,
    error: String,
}

/// One rule.
struct Row {
    id: i64,
    stage: String,
    when: String,
    post: String,
    way: String,
    of: String,
    source: String,
    holds: String,
}

/// Somebody in a post.
struct HolderRow {
    id: i64,
    post: String,
    name: String,
    /// Mail address and telephone, of these what there is; of a telephone only its ends.
    reached: Vec<String>,
    holds: String,
    ended: bool,
}

/// Somebody with an account.
struct PersonRow {
    id: StaffId,
    name: String,
    place: String,
    email: String,
    /// The channel's name and the ends of the number, if there is one.
    telephone: Option<String>,
}

/// What was typed when it was refused.
#[derive(Default)]
struct Draft {
    form: Option<Fields>,
    error: String,
}

impl Draft {
    fn text(&self, name: &str) -> String {
        self.form.as_ref().map(|form| form.text(name)).unwrap_or_default()
    }
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(done): Query<Done>) -> Result<Response, WebError> {
    by.only_admin()?;
    draw(&rooms, &visit, &by, Draft::default(), &done).await
}

pub(crate) async fn begin(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    let rule = match read(&form, &rooms.directory(), rooms.today()) {
        Ok(rule) => rule,
        Err(key) => return refuse(&rooms, &visit, &by, form, key).await,
    };
    let mut tx = store::begin(rooms.db()).await?;
    let id = match escalation::add(&mut tx, &rule).await {
        Ok(id) => id,
        Err(StoreError::Conflict { .. }) => return refuse(&rooms, &visit, &by, form, "escalation.same").await,
        Err(error) => return Err(error.into()),
    };
    let detail = json!({ "stage": rule.stage.as_str(), "moment": rule.when.as_str(), "post": rule.to.as_str(), "agency": rule.agency });
    audit(&rooms, &mut tx, &by, "escalation.begun", &id.to_string(), &detail).await?;
    store::commit(tx).await?;
    Ok(Redirect::to("/admin/eskalasi?done=mulai").into_response())
}

pub(crate) async fn end(State(rooms): State<Rooms>, Path(id): Path<i64>, Acting { by, .. }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    let mut tx = store::begin(rooms.db()).await?;
    if !escalation::end(&mut tx, id, yesterday(&rooms)).await? {
        return Err(WebError::NotFound);
    }
    audit(&rooms, &mut tx, &by, "escalation.ended", &id.to_string(), &json!({})).await?;
    store::commit(tx).await?;
    Ok(Redirect::to("/admin/eskalasi?done=akhiri").into_response())
}

pub(crate) async fn hold(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    let name = form.text("name");
    let agency = match form.text("agency").as_str() {
        "" => None,
        id => match id.parse().ok().filter(|id| rooms.directory().agencies.contains_key(id)) {
            Some(id) => Some(id),
            None => return refuse(&rooms, &visit, &by, form, "escalation.agency_wrong").await,
        },
    };
    let (email, telephone) = match reached(&form, &ways(&rooms).await?) {
        Ok(reached) => reached,
        Err(key) => return refuse(&rooms, &visit, &by, form, key).await,
    };
    if !(1..=200).contains(&name.chars().count()) {
        return refuse(&rooms, &visit, &by, form, "escalation.name_wrong").await;
    }
    let new = NewHolder { agency, name, email, telephone, from: rooms.today() };
    let mut tx = store::begin(rooms.db()).await?;
    let id = escalation::hold(&mut tx, &new, rooms.now()).await?;
    audit(&rooms, &mut tx, &by, "escalation.post", &id.to_string(), &json!({ "agency": agency })).await?;
    store::commit(tx).await?;
    Ok(Redirect::to("/admin/eskalasi?done=jabatan").into_response())
}

pub(crate) async fn leave(State(rooms): State<Rooms>, Path(id): Path<i64>, Acting { by, .. }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    let mut tx = store::begin(rooms.db()).await?;
    if !escalation::end_holder(&mut tx, id, yesterday(&rooms)).await? {
        return Err(WebError::NotFound);
    }
    audit(&rooms, &mut tx, &by, "escalation.post", &id.to_string(), &json!({ "ended": true })).await?;
    store::commit(tx).await?;
    Ok(Redirect::to("/admin/eskalasi?done=jabatan").into_response())
}

pub(crate) async fn mail(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    let id: StaffId = form.text("staff").parse().map_err(|_| WebError::NotFound)?;
    let staff = store::staff::by_id(rooms.db(), id).await?.ok_or(WebError::NotFound)?;
    let email = match (form.some("mail"), email(&form)) {
        (None, _) => None,
        (Some(_), Some(email)) => Some(email),
        (Some(_), None) => return refuse(&rooms, &visit, &by, form, "escalation.email_wrong").await,
    };
    let mut tx = store::begin(rooms.db()).await?;
    escalation::set_mail(&mut tx, id, email.as_deref()).await?;
    audit(&rooms, &mut tx, &by, "escalation.mail", &staff.login, &json!({ "set": email.is_some() })).await?;
    store::commit(tx).await?;
    Ok(Redirect::to("/admin/eskalasi?done=surel").into_response())
}

pub(crate) async fn telephone(State(rooms): State<Rooms>, visit: Visit, Acting { by, form }: Acting) -> Result<Response, WebError> {
    by.only_admin()?;
    let id: StaffId = form.text("staff").parse().map_err(|_| WebError::NotFound)?;
    let staff = store::staff::by_id(rooms.db(), id).await?.filter(|staff| staff.active).ok_or(WebError::NotFound)?;
    match change(&rooms, &by, Whose::Staff(id), &staff.login, &form).await? {
        Ok(_) => Ok(Redirect::to("/admin/eskalasi?done=telepon").into_response()),
        Err(key) => refuse(&rooms, &visit, &by, form, key).await,
    }
}

async fn audit(
    rooms: &Rooms,
    tx: &mut store::Tx,
    by: &SignedIn,
    action: &str,
    subject: &str,
    detail: &serde_json::Value,
) -> Result<(), WebError> {
    Ok(store::audit::write(tx, rooms.now(), Some(by.staff.id), action, subject, detail).await?)
}

async fn refuse(rooms: &Rooms, visit: &Visit, by: &SignedIn, form: Fields, key: &'static str) -> Result<Response, WebError> {
    let error = page::words(visit.language).t(key).to_owned();
    let page = draw(rooms, visit, by, Draft { form: Some(form), error }, &Done::default()).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// What ends today does not hold today any more.
fn yesterday(rooms: &Rooms) -> Date {
    rooms.today().yesterday().unwrap_or(Date::MIN)
}

fn email(form: &Fields) -> Option<String> {
    form.some("mail").filter(|email| model::is_mail_address(email))
}

/// Where somebody in a post is reached: by mail, by telephone, or by both; else what is wrong, as a key of the words.
fn reached(form: &Fields, ways: &[Way]) -> Result<(Option<String>, Option<Telephone>), &'static str> {
    let telephone = match form.some("telephone") {
        Some(number) => Some(telephone::read(&number, &form.text("telephone_channel"), ways)?),
        None => None,
    };
    match (form.some("mail"), email(form)) {
        (Some(_), None) => Err("escalation.email_wrong"),
        (None, _) if telephone.is_none() => Err("escalation.unreached"),
        (_, email) => Ok((email, telephone)),
    }
}

fn read(form: &Fields, directory: &Directory, from: Date) -> Result<NewRule, &'static str> {
    let amount = || {
        let number = form.text("number").parse().ok().filter(|number| (1..=999).contains(number))?;
        Some(Amount { number, unit: Unit::from_word(&form.text("unit"))? })
    };
    let source = form.text("source");
    if !(1..=300).contains(&source.chars().count()) {
        return Err("escalation.source_wrong");
    }
    let stage = Stage::from_word(&form.text("stage")).filter(|stage| STAGES.contains(stage));
    let to = Post::from_word(&form.text("post")).filter(|post| Post::OF_RULES.contains(post));
    let channel = form.some("channel");
    let known = |adapter: &model::AdapterName, account: &str| {
        directory.channels.iter().any(|channel| channel.adapter == *adapter && channel.account == account)
    };
    let channel = match channel.as_deref().map(|channel| channel.split_once(' ')) {
        None => None,
        Some(parts) => {
            let parts = parts.and_then(|(adapter, account)| Some((adapter.parse().ok()?, account.to_owned())));
            Some(parts.filter(|(adapter, account)| known(adapter, account)).ok_or("escalation.incomplete")?)
        }
    };
    let agency: Option<AgencyId> = match form.some("agency") {
        None => None,
        Some(id) => Some(id.parse().ok().filter(|id| directory.agencies.contains_key(id)).ok_or("escalation.agency_wrong")?),
    };
    let category = form.some("category");
    if category.as_ref().is_some_and(|code| !directory.categories.contains_key(code)) {
        return Err("escalation.incomplete");
    }
    Ok(NewRule {
        stage: stage.ok_or("escalation.incomplete")?,
        agency,
        category,
        channel,
        when: When::from_words(&form.text("moment"), amount()).ok_or("escalation.amount_wrong")?,
        to: to.ok_or("escalation.incomplete")?,
        way: RuleWay::from_word(&form.text("way")).ok_or("escalation.incomplete")?,
        source,
        verified: !form.text("verified").is_empty(),
        from,
    })
}

const STAGES: [Stage; 3] = [Stage::Forward, Stage::FirstAnswer, Stage::Settle];

async fn draw(rooms: &Rooms, visit: &Visit, by: &SignedIn, draft: Draft, done: &Done) -> Result<Response, WebError> {
    let directory = rooms.directory();
    let today = rooms.today();
    let rules = escalation::rules(rooms.db()).await?;
    let holders = escalation::holders(rooms.db(), today).await?;
    let mails: HashMap<StaffId, String> = escalation::mails(rooms.db()).await?.into_iter().collect();
    let staff = store::staff::list(rooms.db()).await?;
    let refused = escalation::refused(rooms.db(), 20).await?;
    let failed = escalation::failed(rooms.db(), 20).await?;
    let (ways, numbers) = (ways(rooms).await?, store::telephone::all(rooms.db()).await?);
    let first = today.first_of_month().to_zoned(directory.calendar.zone.time_zone()).map_or(rooms.now(), |midnight| midnight.timestamp());
    let counted = store::missed::count(rooms.db(), first, rooms.now()).await?;
    let page = flashed(frame(rooms, visit, by, "menu.escalation"), done);
    let (ended, current): (Vec<_>, Vec<_>) = rules.iter().partition(|rule| rule.until.is_some_and(|until| until < today));
    let row = |rule: &EscalationRule| row(rule, &directory, &page, visit.language);
    let person = |staff: store::staff::Staff| PersonRow {
        place: match staff.agency {
            Some(agency) => format!("{} · {}", page::role_name(staff.role, page.words), directory.agency_name(agency)),
            None => page::role_name(staff.role, page.words).to_owned(),
        },
        email: mails.get(&staff.id).cloned().unwrap_or_default(),
        telephone: numbers.get(&Whose::Staff(staff.id)).map(|one| ends(one, &ways, &page)),
        id: staff.id,
        name: staff.name,
    };
    let choice = |value: &str, key: &str, field: &str| (value.to_owned(), page.t(key).to_owned(), draft.text(field) == value);
    let chosen = |value: String, words: String, field: &str| {
        let here = draft.text(field) == value;
        (value, words, here)
    };
    let mut agencies: Vec<Choice> =
        directory.agencies.values().map(|agency| chosen(agency.id.to_string(), agency.name.clone(), "agency")).collect();
    agencies.sort_by(|a, b| a.1.cmp(&b.1));
    let categories = directory.categories.values();
    let mut categories: Vec<Choice> =
        categories.map(|one| chosen(one.code.clone(), page::name_of(one, visit.language).to_owned(), "category")).collect();
    categories.sort_by(|a, b| a.1.cmp(&b.1));
    let mut channels: Vec<Choice> = page::open_channels(&directory, rooms.now())
        .into_iter()
        .map(|one| chosen(format!("{} {}", one.adapter, one.account), one.label.clone(), "channel"))
        .collect();
    channels.sort_by(|a, b| a.1.cmp(&b.1));
    page::html(&EscalationPage {
        csrf: by.csrf.clone(),
        rules: current.into_iter().map(row).collect(),
        ended: ended.into_iter().map(row).collect(),
        holders: holders.iter().map(|holder| holder_row(holder, &directory, &ways, today, &page)).collect(),
        people: staff.into_iter().filter(|staff| staff.active).map(person).collect(),
        refused: refused
            .into_iter()
            .map(|one| {
                let instead = came_instead(one.instead.as_deref(), &page);
                (format!("/aduan/{}", one.complaint), one.reference.to_string(), one.email, one.error, instead)
            })
            .collect(),
        failed: failed.iter().map(|one| not_arrived(one, &directory, &page)).collect(),
        telephones: choices(&ways),
        missed: counted
            .into_iter()
            .map(|(agency, stage, missed, open)| {
                let whose = agency.map_or_else(|| page.t("escalation.city").to_owned(), |agency| directory.agency_name(agency).to_owned());
                (whose, stage_name(stage, &page).to_owned(), page.words.number(missed), page.words.number(open))
            })
            .collect(),
        stages: STAGES.iter().map(|stage| chosen(stage.as_str().to_owned(), stage_name(*stage, &page).to_owned(), "stage")).collect(),
        moments: vec![
            choice("before", "escalation.before", "moment"),
            choice("at", "escalation.at", "moment"),
            choice("after", "escalation.after", "moment"),
        ],
        units: Unit::ALL.iter().map(|unit| choice(unit.as_str(), unit_name(*unit), "unit")).collect(),
        posts: Post::OF_RULES.iter().map(|post| choice(post.as_str(), post_name(*post), "post")).collect(),
        ways: RuleWay::ALL.iter().map(|way| choice(way.as_str(), way_name(*way), "way")).collect(),
        agencies,
        categories,
        channels,
        number: draft.text("number"),
        source: draft.text("source"),
        verified: !draft.text("verified").is_empty(),
        error: draft.error,
        page,
    })
}

fn flashed(page: Page, done: &Done) -> Page {
    let said = [
        ("mulai", "escalation.done.begun"),
        ("akhiri", "escalation.done.ended"),
        ("jabatan", "escalation.done.post"),
        ("surel", "escalation.done.mail"),
        ("telepon", "escalation.done.telephone"),
    ];
    let Some((_, key)) = said.into_iter().find(|(word, _)| done.is(word)) else { return page };
    let text = page.t(key).to_owned();
    page.flash(Tone::Good, text)
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::WorkingDays => "escalation.unit.working_days",
        Unit::WorkingHours => "escalation.unit.working_hours",
        Unit::Days => "escalation.unit.days",
        Unit::Hours => "escalation.unit.hours",
    }
}

fn way_name(way: RuleWay) -> &'static str {
    match way {
        RuleWay::Email => "escalation.way.email",
        RuleWay::Telephone => "escalation.way.telephone",
        RuleWay::List => "escalation.way.list",
    }
}

fn ends(telephone: &Telephone, ways: &[Way], page: &Page) -> String {
    shown(&telephone.adapter, &telephone.account, &telephone.address, ways, page)
}

/// What came instead of what nobody got, in words.
fn came_instead(instead: Option<&str>, page: &Page) -> &'static str {
    page.words.t(match instead {
        Some("mail") => "escalation.instead.mail",
        Some("list") => "escalation.instead.list",
        Some("others") => "escalation.instead.others",
        Some("up") => "escalation.instead.up",
        Some(_) => "escalation.instead.nobody",
        None => "escalation.instead.soon",
    })
}

/// A message that nobody got, in words.
fn not_arrived(failed: &Failed, directory: &Directory, page: &Page) -> (String, String, String, String, &'static str) {
    let error = failed.error.as_deref().unwrap_or_default();
    let why = match (failed.how.as_str(), error.split(':').next().unwrap_or_default()) {
        (_, work_message::OPTED_OUT) => page.t("escalation.failed.opted_out").to_owned(),
        (_, work_message::CLOSED) => page.t("escalation.failed.closed").to_owned(),
        (_, work_message::LEFT) => page.t("escalation.failed.left").to_owned(),
        (_, work_message::LATE) => page.t("escalation.failed.late").to_owned(),
        ("silent", _) => page.t("escalation.failed.silent").to_owned(),
        ("unknown", _) => page.fill("escalation.failed.unknown", "error", error),
        _ => page.fill("escalation.failed.failed", "error", error),
    };
    let (adapter, account) = &failed.channel;
    let channel = directory.channels.iter().find(|channel| channel.adapter.as_str() == adapter && channel.account == *account);
    let channel = channel.map_or(adapter.as_str(), |channel| &channel.label);
    (
        format!("/aduan/{}", failed.complaint),
        failed.reference.to_string(),
        format!("{}, {channel}", failed.name),
        why,
        came_instead(failed.instead.as_deref(), page),
    )
}

fn row(rule: &EscalationRule, directory: &Directory, page: &Page, language: Language) -> Row {
    let amount = rule.when.amount().map(|amount| {
        let key = match amount.unit {
            Unit::WorkingDays => "limit.days",
            Unit::WorkingHours => "limit.working_hours",
            Unit::Days => "limit.clock_days",
            Unit::Hours => "limit.clock_hours",
        };
        page.count(key, &amount.number.into())
    });
    let amount = amount.unwrap_or_default();
    let agency = rule.agency.map(|agency| directory.agency_name(agency).to_owned());
    let category = rule.category.as_deref().map(|code| page::category_name(Some(code), directory, language));
    let channel =
        rule.adapter.as_ref().map(|adapter| format!("{adapter} {}", rule.account.as_deref().unwrap_or_default()).trim().to_owned());
    let of = [agency, category, channel].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let source = rule.source_en.as_ref().filter(|_| language == Language::En).unwrap_or(&rule.source);
    let unverified = if rule.verified { String::new() } else { format!(". {}", page.t("limit.unverified")) };
    Row {
        id: rule.id,
        stage: stage_name(rule.stage, page).to_owned(),
        when: match rule.when {
            When::Before(_) => page.fill("escalation.when.before", "amount", amount),
            When::At => page.t("escalation.at").to_owned(),
            When::After(_) => page.fill("escalation.when.after", "amount", amount),
        },
        post: page.t(post_name(rule.to)).to_owned(),
        way: page.t(way_name(rule.way)).to_owned(),
        of: if of.is_empty() { page.t("why.any").to_owned() } else { of },
        source: format!("{source}{unverified}"),
        holds: holds(rule.from, rule.until, page),
    }
}

fn holds(from: Option<Date>, until: Option<Date>, page: &Page) -> String {
    let since = from.map(|day| page.fill("directory.since", "date", page.day(&day)));
    let ended = until.map(|day| page.fill("directory.ended", "date", page.day(&day)));
    since.into_iter().chain(ended).collect::<Vec<_>>().join(" ")
}

fn holder_row(holder: &Holder, directory: &Directory, ways: &[Way], today: Date, page: &Page) -> HolderRow {
    let post = page.t(post_name(holder.post));
    HolderRow {
        id: holder.id,
        post: holder.agency.map_or_else(|| post.to_owned(), |agency| format!("{post}, {}", directory.agency_name(agency))),
        name: holder.name.clone(),
        reached: holder.email.iter().cloned().chain(holder.telephone.iter().map(|one| ends(one, ways, page))).collect(),
        holds: holds(Some(holder.from), holder.until, page),
        ended: holder.until.is_some_and(|until| until <= today),
    }
}
