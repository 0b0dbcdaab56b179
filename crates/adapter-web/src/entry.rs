//! What was typed, as the page shows it again, and what is wrong with it.

use adapter_sdk::{
    DoorDirectory,
    form::{FileLimits, FileProblem, Form, Problems, contact},
};
use ui::Words;

use crate::{Config, wire::field};

/// What stands in the fields of the page.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    pub(crate) text: String,
    pub(crate) lat: String,
    pub(crate) lon: String,
    pub(crate) place: String,
    pub(crate) area: String,
    pub(crate) category: String,
    pub(crate) name: String,
    pub(crate) contact: String,
    pub(crate) visibility: String,
}

impl Filled {
    /// An empty form, with the choice that most people want.
    pub(crate) fn new() -> Self {
        Self { visibility: "hidden".into(), ..Self::default() }
    }

    /// As it was sent.
    pub(crate) fn of(form: &Form) -> Self {
        let typed = |name| form.typed(name).to_owned();
        Self {
            text: typed(field::TEXT),
            lat: typed(field::LAT),
            lon: typed(field::LON),
            place: typed(field::PLACE),
            area: typed(field::AREA),
            category: typed(field::CATEGORY),
            name: typed(field::NAME),
            contact: typed(field::CONTACT),
            visibility: typed(field::VISIBILITY),
        }
    }
}

/// Everything to mend, in the order of the page.
pub(crate) fn problems(form: &Form, config: &Config, directory: Option<&DoorDirectory>, words: Words) -> Problems {
    let mut problems = Problems::default();
    for problem in config.photos().check(&form.files(field::PHOTOS).collect::<Vec<_>>()) {
        problems.add(field::PHOTOS, said(problem, config.photos(), words));
    }
    for (name, most, key) in [
        (field::TEXT, config.max_text, "form.text_too_long"),
        (field::PLACE, config.max_place, "form.place_too_long"),
        (field::NAME, config.max_name, "form.name_too_long"),
    ] {
        let long = form.text(name).map_or(0, |text| text.chars().count());
        if long > most {
            problems.add(name, words.fill(key, &[("n", &words.number(long as u64)), ("most", &words.number(most as u64))]));
        }
        if form.garbled().any(|garbled| garbled == name) {
            problems.add(name, words.t("form.garbled"));
        }
    }
    if let (Some(chosen), Some(directory)) = (form.text(field::CATEGORY), directory)
        && !directory.categories.iter().any(|category| category.code == chosen)
    {
        problems.add(field::CATEGORY, words.t("form.category_gone"));
    }
    if form.text(field::CONTACT).is_some_and(|typed| contact(&typed).is_none()) {
        problems.add(field::CONTACT, words.t("form.contact_wrong"));
    }
    if form.text(field::TEXT).is_none() && form.files(field::PHOTOS).next().is_none() {
        problems.add(field::TEXT, words.t("form.empty"));
    }
    if form.text(field::TRAP).is_some() {
        problems.add(field::TEXT, words.t("form.robot"));
    }
    problems
}

/// The chosen area in words, for `parse`. An area that the directory does not have is none.
pub(crate) fn area(form: &Form, directory: Option<&DoorDirectory>) -> Option<String> {
    adapter_sdk::form::area_in_words(&directory?.areas, &form.text(field::AREA)?)
}

fn said(problem: FileProblem, limits: FileLimits, words: Words) -> String {
    let megabytes = words.number((limits.bytes >> 20) as u64);
    let with = |key: &str, nth: usize| words.fill(key, &[("nth", &nth.to_string()), ("mb", &megabytes)]);
    match problem {
        FileProblem::TooMany => words.fill("form.too_many_photos", &[("n", &limits.most.to_string())]),
        FileProblem::TooLarge { nth } => with("form.photo_too_large", nth),
        FileProblem::Empty { nth } => with("form.photo_empty", nth),
        FileProblem::Heic { nth } => with("form.photo_heic", nth),
        FileProblem::WrongType { nth } => with("form.photo_wrong", nth),
    }
}
