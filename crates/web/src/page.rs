//! Frames of pages, and small things that several pages say.

use std::{fmt::Write, sync::LazyLock};

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use model::{Channel, Directory, Language, Role, Timestamp, Visibility};
use ui::{Account, Book, Group, Link, Page, Visit, Words};

use crate::{Rooms, WebError, session::SignedIn};

static BOOK: LazyLock<Book> = LazyLock::new(|| Book::parse(include_str!("../words/id.toml"), include_str!("../words/en.toml")));

pub(crate) fn words(language: Language) -> Words {
    Words::of(&BOOK, language)
}

/// The frame of a page for everybody.
pub(crate) fn public(rooms: &Rooms, visit: &Visit, title: impl Into<String>) -> Page {
    let words = words(visit.language);
    let link = |href: &str, label: &str| Link { href: href.to_owned(), label: label.to_owned(), here: visit.path == href };
    let menu = vec![link("/", words.t("menu.home")), link("/cek", words.t("menu.lookup"))];
    let mut page = Page::new(visit, words, rooms.site(), rooms.now(), title).menu(menu);
    page.foot = vec![link("/masuk", words.t("menu.sign_in"))];
    page
}

/// The frame of a page for who is signed in.
pub(crate) fn staff(rooms: &Rooms, visit: &Visit, by: &SignedIn, title: impl Into<String>) -> Page {
    let words = words(visit.language);
    let link = |href: &str, label: &str| {
        let here = if href == "/admin" { visit.path == href } else { visit.path.starts_with(href) };
        Link { href: href.to_owned(), label: label.to_owned(), here }
    };
    let role = by.staff.role;
    let when = |may: bool, href: &str, label: &str| may.then(|| link(href, label));
    let (handles, admin) = (role != Role::Clerk, role == Role::Admin);
    let group = |label: &str, links: Vec<Option<Link>>| Group { label: label.to_owned(), links: links.into_iter().flatten().collect() };
    // What is open all day stands in one line, everything else in groups behind it.
    let menu = [
        when(!handles, "/loket", words.t("menu.desk")),
        when(handles, "/antrean", words.t("menu.queue")),
        when(handles, "/usulan", words.t("menu.same")),
        when(handles, "/tak-sampai", words.t("menu.unreached")),
        when(crate::agency::head::may(role), "/meja", words.t("menu.head")),
    ];
    let enter = vec![
        when(rooms.import_url().is_some() && crate::agency::import::may(role), "/impor", words.t("menu.import")),
        when(crate::agency::post::may(role), "/pos", words.t("menu.post")),
    ];
    let prepare = vec![
        when(role.may_set_rules(), "/aturan", words.t("menu.rules")),
        when(crate::agency::templates::may(role), "/templat", words.t("menu.templates")),
        when(crate::agency::tasks::may(role), "/pengurus", words.t("menu.bodies")),
        when(admin, "/admin/petugas", words.t("menu.staff")),
        when(admin, "/admin/direktori", words.t("menu.directory")),
        when(admin, "/admin/eskalasi", words.t("menu.escalation")),
    ];
    let system = vec![
        when(admin, "/admin", words.t("menu.channels")),
        when(admin, "/admin/terparkir", words.t("menu.parked")),
        when(admin, "/permintaan-data", words.t("menu.requests")),
        when(admin, "/admin/neraca", words.t("menu.balance")),
        when(admin, "/admin/kabar", words.t("menu.notices")),
        when(admin, "/admin/catatan", words.t("menu.audit")),
    ];
    let groups = [
        group(words.t("menu.group.enter"), enter),
        group(words.t("menu.group.prepare"), prepare),
        group(words.t("menu.group.system"), system),
    ];
    let menu = menu.into_iter().flatten().collect();
    let mut page = Page::new(visit, words, rooms.site(), rooms.now(), title).menu(menu).groups(groups).kind("wide");
    page.account = Some(Account {
        name: by.staff.name.clone(),
        role: place_of_work(by, &rooms.directory(), words),
        settings: "/sandi".to_owned(),
        sign_out: "/keluar".to_owned(),
        csrf: by.csrf.clone(),
    });
    page
}

/// `Petugas · Dinas Bina Marga`.
fn place_of_work(by: &SignedIn, directory: &Directory, words: Words) -> String {
    let role = role_name(by.staff.role, words);
    match by.staff.agency {
        Some(agency) => format!("{role} · {}", directory.agency_name(agency)),
        None => role.to_owned(),
    }
}

/// What a role is called.
pub(crate) fn role_name(role: Role, words: Words) -> &'static str {
    words.t(match role {
        Role::Clerk => "role.clerk",
        Role::Triage => "role.triage",
        Role::Officer => "role.officer",
        Role::Supervisor => "role.supervisor",
        Role::Admin => "role.admin",
    })
}

/// What a grade of privacy is called.
pub(crate) fn grade_name(grade: Visibility, page: &Page) -> &str {
    page.t(match grade {
        Visibility::Public => "visibility.public",
        Visibility::Hidden => "visibility.hidden",
        Visibility::Secret => "visibility.secret",
        Visibility::Confidential => "visibility.confidential",
        Visibility::Sealed => "visibility.sealed",
    })
}

/// A category's name in the language of the page, or that there is none yet.
pub(crate) fn category_name(code: Option<&str>, directory: &Directory, language: Language) -> String {
    let category = code.and_then(|code| directory.categories.get(code));
    category.map_or_else(|| words(language).t("complaint.no_category"), |category| name_of(category, language)).to_owned()
}

/// A category's name in one language.
pub(crate) fn name_of(category: &model::Category, language: Language) -> &str {
    match language {
        Language::Id => &category.name_id,
        Language::En => &category.name_en,
    }
}

/// An area with what it lies in, or that there is none yet.
pub(crate) fn area_name(code: Option<&str>, directory: &Directory, language: Language) -> String {
    let path = code.map(|code| directory.area_path(code)).unwrap_or_default();
    if path.is_empty() { words(language).t("complaint.no_area").to_owned() } else { path }
}

/// What people call the channel that this account is; the adapter's name where no row says it.
pub(crate) fn channel_name(adapter: &model::AdapterName, account: &str, at: Timestamp, directory: &Directory) -> String {
    let day = at.to_zoned(directory.calendar.zone.time_zone()).date();
    directory.channel(adapter, account, day).map_or_else(|| adapter.to_string(), |channel| channel.label.clone())
}

/// The channels that are open on the day of `now`.
pub(crate) fn open_channels(directory: &Directory, now: Timestamp) -> Vec<&Channel> {
    let day = now.to_zoned(directory.calendar.zone.time_zone()).date();
    directory.channels.iter().filter(|channel| channel.from <= day && channel.until.is_none_or(|until| day <= until)).collect()
}

/// A page as an answer.
pub(crate) fn html(page: &impl Template) -> Result<Response, WebError> {
    Ok(Html(page.render()?).into_response())
}

/// For a value inside a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn both_languages_have_the_same_words_and_no_page_asks_for_more() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let wrong = ui::check(&BOOK, &[&here.join("templates"), &here.join("src")]);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn a_value_in_a_query_stays_one_value() {
        assert_eq!(encoded("/antrean?lihat=saya&x=1"), "/antrean%3Flihat%3Dsaya%26x%3D1");
    }
}
