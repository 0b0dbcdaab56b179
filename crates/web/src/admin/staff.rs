//! `GET /admin/petugas`: who works here, and the form for who begins.

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use model::{Directory, Role};
use store::staff::Staff;
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

/// A password that was just made: shown once, kept nowhere.
pub(super) struct Fresh {
    pub(super) login: String,
    pub(super) password: String,
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
    let people = store::staff::list(rooms.db()).await?;
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
        people: people.into_iter().map(|staff| person(staff, by, &directory, words)).collect(),
        roles: Role::ALL.into_iter().map(|role| (role.as_str(), page::role_name(role, words), role.as_str() == draft.role)).collect(),
        agencies,
        offices,
        draft,
        fresh,
        page,
    })
}

fn person(staff: Staff, by: &SignedIn, directory: &Directory, words: ui::Words) -> Person {
    let agency = staff.agency.map(|agency| directory.agency_name(agency).to_owned());
    Person {
        id: staff.id.to_string(),
        role: page::role_name(staff.role, words),
        place: agency.or(staff.office).unwrap_or_default(),
        me: staff.id == by.staff.id,
        name: staff.name,
        login: staff.login,
        active: staff.active,
    }
}

fn flashed(page: Page, done: &Done) -> Page {
    let text = match () {
        () if done.is("tutup") => page.t("staff.done.closed"),
        () if done.is("buka") => page.t("staff.done.opened"),
        () => return page,
    };
    let text = text.to_owned();
    page.flash(Tone::Good, text)
}

/// A first password: sixteen symbols that nobody misreads, 80 bits.
pub(super) fn first_password() -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let symbols: Vec<char> = model::id::random_bytes().iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    symbols.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_password_is_long_enough_to_be_accepted_and_never_the_same() {
        assert_eq!(first_password().len(), 19);
        assert_ne!(first_password(), first_password());
    }
}
