//! What narrows a list or a search, as it stands in the address: a list can be bookmarked and sent to a colleague.

use jiff::ToSpan;
use model::{Role, Timestamp, Visibility};
use serde::Deserialize;
use store::queue::{Filter, Start, View};

use super::queue::{views, word};
use crate::{form::Fields, page};

/// The address after `?`.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct Address {
    pub(super) view: String,
    pub(super) category: String,
    pub(super) area: String,
    pub(super) agency: String,
    pub(super) channel: String,
    pub(super) age: String,
    pub(super) danger: String,
    pub(super) visibility: String,
    pub(super) number: String,
    pub(super) cari: String,
    pub(super) after: String,
    pub(super) before: String,
}

/// Days since a complaint was opened: from, until; the word of a choice is `from-until`.
pub(super) const AGES: [(&str, &str); 6] = [
    ("0-1", "queue.age.day"),
    ("0-7", "queue.age.week"),
    ("0-30", "queue.age.month"),
    ("7-", "queue.age.over_week"),
    ("30-", "queue.age.over_month"),
    ("90-", "queue.age.over_quarter"),
];

impl Address {
    /// The same from the fields of a form.
    pub(super) fn of_form(form: &Fields) -> Self {
        let text = |name: &str| form.text(name);
        Self {
            view: text("view"),
            category: text("category"),
            area: text("area"),
            agency: text("agency"),
            channel: text("channel"),
            age: text("age"),
            danger: text("danger"),
            visibility: text("visibility"),
            number: String::new(),
            cari: text("cari"),
            after: text("after"),
            before: text("before"),
        }
    }

    /// From its top, for somebody else or for another day.
    pub(super) fn shared(&self, role: Role) -> String {
        if self.cari.is_empty() { self.list(self.view_for(role)) } else { self.search() }
    }

    /// The list it names, if the role has it; else the role's first one.
    pub(super) fn view_for(&self, role: Role) -> View {
        let views = views(role);
        views.iter().copied().find(|&view| word(view) == self.view).unwrap_or(views[0])
    }

    /// What narrows, by the names of the fields.
    pub(super) fn narrowing(&self) -> Vec<(&'static str, String)> {
        let all = [
            ("category", &self.category),
            ("area", &self.area),
            ("agency", &self.agency),
            ("channel", &self.channel),
            ("age", &self.age),
            ("danger", &self.danger),
            ("visibility", &self.visibility),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.clone())).collect()
    }

    fn narrowed(&self, mut address: String) -> String {
        for (name, value) in self.narrowing() {
            address = format!("{address}&{name}={}", page::encoded(&value));
        }
        address
    }

    pub(super) fn list(&self, view: View) -> String {
        self.narrowed(format!("/antrean?view={}", word(view)))
    }

    pub(super) fn search(&self) -> String {
        self.narrowed(format!("/antrean?cari={}", page::encoded(self.cari.trim())))
    }

    pub(super) fn from(&self) -> Start {
        let after = self.after.parse().map(Start::After);
        after.or_else(|()| self.before.parse().map(Start::Before)).unwrap_or_default()
    }

    pub(super) fn filter(&self, now: Timestamp) -> Filter {
        // PostgreSQL refuses NUL in text.
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty() && !text.contains('\0'));
        let days = |days: &str| days.parse::<i32>().ok().filter(|days| (1..=3650).contains(days));
        let ago = |days: i32| now.checked_sub((days * 24).hours()).ok();
        let (young, old) = self.age.split_once('-').unwrap_or_default();
        Filter {
            category: some(&self.category),
            area: some(&self.area),
            agency: self.agency.parse().ok(),
            channel: some(&self.channel)
                .as_deref()
                .and_then(|channel| channel.split_once(' '))
                .and_then(|(adapter, account)| Some((adapter.parse().ok()?, account.to_owned()))),
            danger: !self.danger.is_empty(),
            visibility: Visibility::from_word(&self.visibility),
            opened_since: days(old).and_then(ago),
            opened_before: days(young).and_then(ago),
        }
    }
}
