//! `GET /admin/petugas`: who works here, and the form for who begins.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use model::{Directory, Role, Timestamp};
use store::{staff::Staff, tries::Key};
use ui::{Page, Tone, Visit};

use super::frame;
use crate::{Rooms, WebError, agency::Done, page, session::SignedIn};

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
    /// Until when the link holds with which they set their password, if one waits.
    invited: Option<Timestamp>,
    trust: Trust,
    /// How many tries to sign in failed in a row, and until when none counts from a browser that is not theirs.
    paused: Option<(String, Timestamp)>,
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
    pub(super) error: String,
}

/// A link that was just made: shown once, kept nowhere.
pub(super) struct Fresh {
    login: String,
    link: String,
}

impl Fresh {
    pub(super) fn new(rooms: &Rooms, login: String, token: &str) -> Self {
        Self { login, link: format!("{}/undangan/{token}", rooms.site().base_url) }
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
        page,
    })
}

async fn people(rooms: &Rooms, by: &SignedIn, visit: &Visit) -> Result<Vec<Person>, WebError> {
    let (directory, words) = (rooms.directory(), page::words(visit.language));
    let people = store::staff::list(rooms.db()).await?;
    let factors = store::factor::holders(rooms.db()).await?;
    let invited = store::staff::waiting(rooms.db(), rooms.now()).await?;
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
            invited: invited.get(&staff.id).copied(),
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
