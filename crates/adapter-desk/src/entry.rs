//! What was typed at the desk, as the page shows it again, and what is wrong with it.

use adapter_sdk::{
    DoorDirectory, Reference,
    form::{Form, Problems, area_in_words, contact},
};
use ui::Words;

use crate::{Config, session::Session, wire::field};

/// What stands in the fields of the page.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    pub(crate) text: String,
    pub(crate) summary: String,
    pub(crate) category: String,
    pub(crate) lat: String,
    pub(crate) lon: String,
    pub(crate) place: String,
    pub(crate) area: String,
    pub(crate) name: String,
    pub(crate) paper: String,
    pub(crate) contact: String,
    pub(crate) behalf: String,
    pub(crate) need: String,
    pub(crate) visibility: String,
    pub(crate) language: String,
    pub(crate) consent_shown: bool,
    /// Number of a complaint that this one is about too.
    pub(crate) related: String,
    /// The code of the citizen's link, where the browser made it.
    pub(crate) code: String,
    /// The number in today's queue.
    pub(crate) ticket: String,
}

impl Filled {
    /// An empty entry: the office's own area, the visibility that most people want.
    pub(crate) fn new(session: &Session) -> Self {
        Self { area: session.area.clone().unwrap_or_default(), visibility: "hidden".into(), language: "id".into(), ..Self::default() }
    }

    /// As it was sent.
    pub(crate) fn of(form: &Form) -> Self {
        let typed = |name| form.typed(name).to_owned();
        Self {
            text: typed(field::TEXT),
            summary: typed(field::SUMMARY),
            category: typed(field::CATEGORY),
            lat: typed(field::LAT),
            lon: typed(field::LON),
            place: typed(field::PLACE),
            area: typed(field::AREA),
            name: typed(field::NAME),
            paper: typed(field::PAPER),
            contact: typed(field::CONTACT),
            behalf: typed(field::BEHALF),
            need: typed(field::NEED),
            visibility: typed(field::VISIBILITY),
            language: typed(field::CITIZEN_LANGUAGE),
            consent_shown: form.text(field::CONSENT_SHOWN).is_some(),
            related: typed(field::RELATED),
            code: typed(field::CODE),
            ticket: typed(field::TICKET),
        }
    }
}

/// Everything to mend, in the order of the page.
pub(crate) fn problems(form: &Form, config: &Config, directory: Option<&DoorDirectory>, words: Words) -> Problems {
    let mut problems = Problems::default();
    if form.text(field::TEXT).is_none() && form.files(field::FILES).next().is_none() {
        problems.add(TEXT_SPOT, words.t("loket.empty"));
    }
    for (name, most, key) in [
        (field::TEXT, config.max_text, "form.text_too_long"),
        (field::SUMMARY, config.max_text, "form.text_too_long"),
        (field::PLACE, config.max_short, "form.place_too_long"),
        (field::NAME, config.max_name, "form.name_too_long"),
        (field::BEHALF, config.max_name, "form.name_too_long"),
        (field::NEED, config.max_short, "form.field_too_long"),
    ] {
        if let Some(long) = form.longer_than(name, most) {
            problems.add(spot(name), words.fill(key, &[("n", &words.number(long as u64)), ("most", &words.number(most as u64))]));
        }
        if form.is_garbled(name) {
            problems.add(spot(name), words.t("form.garbled"));
        }
    }
    let files = config.files();
    for problem in files.check(&form.files(field::FILES).collect::<Vec<_>>()) {
        let megabytes = words.number((files.bytes >> 20) as u64);
        let facts = [("nth", &*problem.nth().to_string()), ("n", &*files.most.to_string()), ("mb", &*megabytes)];
        problems.add(field::FILES, words.fill(problem.key(files), &facts));
    }
    if let (Some(chosen), Some(directory)) = (form.text(field::CATEGORY), directory)
        && !directory.categories.iter().any(|category| category.code == chosen)
    {
        problems.add(field::CATEGORY, words.t("form.category_gone"));
    }
    // Refused before it is taken: what the door has written down, it has written down.
    if form.typed(field::VISIBILITY) == "sealed" {
        for name in [field::NAME, field::CONTACT, field::BEHALF] {
            if form.text(name).is_some() {
                problems.add(spot(name), words.t("form.sealed"));
            }
        }
    }
    if form.text(field::CONTACT).is_some_and(|typed| contact(&typed).is_none()) {
        problems.add(field::CONTACT, words.t("form.contact_wrong"));
    }
    if form.text(field::RELATED).is_some_and(|typed| typed.parse::<Reference>().is_err()) {
        problems.add(field::RELATED, words.t("loket.related.wrong"));
    }
    problems
}

/// The chosen area in words, for `parse`; `None` when the clerk left it at the office's own, which is only a hint.
pub(crate) fn area(form: &Form, session: &Session, directory: Option<&DoorDirectory>) -> Option<String> {
    let chosen = form.text(field::AREA).filter(|chosen| session.area.as_ref() != Some(chosen))?;
    area_in_words(&directory?.areas, &chosen)
}

/// The text's place on the page: the layout has an `isi` of its own.
const TEXT_SPOT: &str = "teks";

/// Where a field is on the page.
fn spot(name: &'static str) -> &'static str {
    if name == field::TEXT { TEXT_SPOT } else { name }
}
