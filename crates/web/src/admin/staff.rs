//! `GET /admin/petugas`: who works here, and the form for who begins.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Query, State},
    response::{IntoResponse, Redirect, Response},
};
use model::{Directory, Role, StaffId, Timestamp, masked_mail};
use store::{
    Tx,
    mailing::MailState,
    staff::{Sent, Staff, Waiting},
    tries::Key,
};
use ui::{Page, Tone, Visit, Words};

use super::frame;
use crate::{Rooms, WebError, account::no_password, agency::Done, page, session::SignedIn};

#[derive(Template)]
#[template(path = "admin_staff.html")]
struct StaffPage {
    page: Page,
    csrf: String,
    people: Vec<Person>,
    roles: Vec<(&'static str, &'static str, bool)>,
    agencies: Vec<(String, String, bool)>,
    offices: Vec<(String, String, bool)>,
    draft: Draft,
    fresh: Option<Fresh>,
    /// Whether links can go by mail.
    mails: bool,
}

struct Person {
    id: String,
    name: String,
    login: String,
    role: &'static str,
    place: String,
    active: bool,
    /// Nobody locks themselves out.
    me: bool,
    factor: Factor,
    /// The link with which they set their password, if one waits.
    invited: Option<Invited>,
    /// Where a link would go by mail, masked.
    mail: Option<String>,
    trust: Trust,
    /// How many tries to sign in failed in a row, and until when none counts from a browser that is not theirs.
    paused: Option<(String, Timestamp)>,
}

/// A link that somebody has not used yet.
struct Invited {
    until: Timestamp,
    /// It ran out unused.
    over: bool,
    /// What became of its mail, if it went by mail.
    mail: Option<String>,
    /// The mail did not go, or has not gone yet, because of this.
    error: Option<String>,
}

impl Invited {
    fn of(waiting: Waiting, now: Timestamp, words: Words) -> Self {
        let said = |sent: &Sent| {
            let key = match sent.state {
                MailState::Due => "staff.mail.due",
                MailState::Delivered => "staff.mail.delivered",
                MailState::Refused => "staff.mail.refused",
            };
            words.fill(key, &[("address", &masked_mail(&sent.email))])
        };
        let mail = waiting.mail.as_ref().map(said);
        Self { until: waiting.until, over: waiting.until <= now, mail, error: waiting.mail.and_then(|sent| sent.error) }
    }
}

/// How somebody stands to the second factor.
enum Factor {
    /// They have one.
    Has,
    /// They have none, and their role works only with one.
    Owes,
    /// They have none.
    Without,
}

/// How somebody stands to what is confidential.
enum Trust {
    /// They are named for it.
    Named,
    /// They may be.
    MayBe,
    /// Neither their role nor their agency has to do with it.
    Never,
}

impl Trust {
    fn of(staff: &Staff, directory: &Directory) -> Self {
        let inspects = staff.agency.is_some_and(|agency| directory.inspectorates.contains(&agency));
        if staff.named {
            Self::Named
        } else if staff.active && (staff.role.may_triage() || inspects) {
            Self::MayBe
        } else {
            Self::Never
        }
    }

    fn is_named(&self) -> bool {
        matches!(self, Self::Named)
    }

    fn has_form(&self) -> bool {
        !matches!(self, Self::Never)
    }
}

/// What was typed for a new account, and what is wrong with it.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) login: String,
    pub(super) role: String,
    pub(super) agency: String,
    pub(super) office: String,
    pub(super) mail: String,
    pub(super) language: String,
    pub(super) show: bool,
    pub(super) error: String,
}

/// A link that was just made: shown once, kept nowhere.
pub(super) struct Fresh {
    login: String,
    link: String,
    /// The key of why it is shown, where a mail was wanted.
    why: &'static str,
}

/// A link to set a password that somebody just got.
pub(super) enum Link {
    Shown(Fresh),
    Mailed,
}

impl Link {
    /// Gives somebody one: by mail, or, where that cannot be or `show` asks for it, on the page.
    pub(super) async fn give(rooms: &Rooms, tx: &mut Tx, by: &SignedIn, to: (StaffId, &str), show: bool) -> Result<Self, WebError> {
        let ((id, login), by, now) = (to, Some(by.staff.id), rooms.now());
        let hash = no_password().await?;
        let mails = rooms.mails() && !show;
        if mails && store::staff::invite_by_mail(tx, id, by, &hash, now).await?.is_some() {
            return Ok(Self::Mailed);
        }
        let token = store::staff::invite(tx, id, by, &hash, now).await?;
        let why = match () {
            () if show => "",
            () if mails => "staff.mail.none",
            () => "staff.mail.off",
        };
        Ok(Self::Shown(Fresh { login: login.to_owned(), link: format!("{}/undangan/{token}", rooms.site().base_url), why }))
    }

    /// The page with it, or that says that it is on its way.
    pub(super) async fn draw(self, rooms: &Rooms, visit: &Visit, by: &SignedIn) -> Result<Response, WebError> {
        match self {
            Self::Shown(fresh) => draw(rooms, visit, by, Draft::default(), Some(fresh), &Done::default()).await,
            Self::Mailed => Ok(Redirect::to("/admin/petugas?done=surel").into_response()),
        }
    }
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(done): Query<Done>) -> Result<Response, WebError> {
    by.only_admin()?;
    draw(&rooms, &visit, &by, Draft::default(), None, &done).await
}

pub(super) async fn draw(
    rooms: &Rooms,
    visit: &Visit,
    by: &SignedIn,
    draft: Draft,
    fresh: Option<Fresh>,
    done: &Done,
) -> Result<Response, WebError> {
    let directory = rooms.directory();
    let people = people(rooms, by, visit).await?;
    let page = flashed(frame(rooms, visit, by, "menu.staff"), done);
    let words = page.words;
    let mut agencies: Vec<_> = directory
        .agencies
        .values()
        .map(|agency| (agency.id.to_string(), agency.name.clone(), agency.id.to_string() == draft.agency))
        .collect();
    agencies.sort_by(|a, b| a.1.cmp(&b.1));
    let offices = page::open_channels(&directory, page.now).into_iter().filter(|channel| channel.area.is_some());
    let offices = offices.map(|channel| (channel.account.clone(), channel.label.clone(), channel.account == draft.office)).collect();
    page::html(&StaffPage {
        csrf: by.csrf.clone(),
        people,
        roles: Role::ALL.into_iter().map(|role| (role.as_str(), page::role_name(role, words), role.as_str() == draft.role)).collect(),
        agencies,
        offices,
        draft,
        fresh,
        mails: rooms.mails(),
        page,
    })
}

async fn people(rooms: &Rooms, by: &SignedIn, visit: &Visit) -> Result<Vec<Person>, WebError> {
    let (directory, words) = (rooms.directory(), page::words(visit.language));
    let people = store::staff::list(rooms.db()).await?;
    let factors = store::factor::holders(rooms.db()).await?;
    let mut invited = store::staff::waiting(rooms.db()).await?;
    let mails: HashMap<StaffId, String> = store::escalation::mails(rooms.db()).await?.into_iter().collect();
    let keys: Vec<Key> = people.iter().map(|staff| Key::login(&staff.login)).collect();
    let paused = store::tries::paused(rooms.db(), &keys, rooms.now()).await?;
    let person = |staff: Staff| {
        let agency = staff.agency.map(|agency| directory.agency_name(agency).to_owned());
        let paused = paused.get(&Key::login(&staff.login));
        let trust = Trust::of(&staff, &directory);
        Person {
            id: staff.id.to_string(),
            role: page::role_name(staff.role, words),
            place: agency.or(staff.office).unwrap_or_default(),
            me: staff.id == by.staff.id,
            factor: if factors.contains(&staff.id) {
                Factor::Has
            } else if staff.active && rooms.needs_factor(staff.role) {
                Factor::Owes
            } else {
                Factor::Without
            },
            trust,
            invited: invited.remove(&staff.id).filter(|_| staff.active).map(|waiting| Invited::of(waiting, rooms.now(), words)),
            mail: mails.get(&staff.id).map(|address| masked_mail(address)),
            paused: paused.map(|(fails, until)| (words.count("staff.paused", fails.unsigned_abs().into()), *until)),
            name: staff.name,
            login: staff.login,
            active: staff.active,
        }
    };
    Ok(people.into_iter().map(person).collect())
}

fn flashed(page: Page, done: &Done) -> Page {
    let text = match () {
        () if done.is("tutup") => page.t("staff.done.closed"),
        () if done.is("surel") => page.t("staff.done.mailed"),
        () if done.is("buka") => page.t("staff.done.opened"),
        () if done.is("rahasia") => page.t("staff.done.named"),
        () if done.is("alasan-rahasia") => {
            let text = page.t("staff.named.no_reason").to_owned();
            return page.flash(Tone::Bad, text);
        }
        () if done.is("faktor") => page.t("staff.done.factor"),
        () if done.is("alasan") => {
            let text = page.t("staff.factor.no_reason").to_owned();
            return page.flash(Tone::Bad, text);
        }
        () => return page,
    };
    let text = text.to_owned();
    page.flash(Tone::Good, text)
}
