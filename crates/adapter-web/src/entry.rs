//! What was typed, as the page shows it again, and what is wrong with it.

use adapter_sdk::{
    DoorDirectory,
    form::{Form, Problems, contact},
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
    let photos = config.photos();
    for problem in photos.check(&form.files(field::PHOTOS).collect::<Vec<_>>()) {
        let megabytes = words.number((photos.bytes >> 20) as u64);
        let facts = [("nth", &*problem.nth().to_string()), ("n", &*photos.most.to_string()), ("mb", &*megabytes)];
        problems.add(field::PHOTOS, words.fill(problem.key(photos), &facts));
    }
    for (name, most, key) in [
        (field::TEXT, config.max_text, "form.text_too_long"),
        (field::PLACE, config.max_place, "form.place_too_long"),
        (field::NAME, config.max_name, "form.name_too_long"),
    ] {
        if let Some(long) = form.longer_than(name, most) {
            problems.add(spot(name), words.fill(key, &[("n", &words.number(long as u64)), ("most", &words.number(most as u64))]));
        }
        if form.is_garbled(name) {
            problems.add(spot(name), words.t("form.garbled"));
        }
    }
    if let (Some(chosen), Some(directory)) = (form.text(field::CATEGORY), directory)
        && !directory.categories.iter().any(|category| category.code == chosen)
    {
        problems.add(field::CATEGORY, words.t("form.category_gone"));
    }
    // Refused before it is taken: what the door has written down, it has written down.
    if form.typed(field::VISIBILITY) == "sealed" {
        for name in [field::NAME, field::CONTACT] {
            if form.text(name).is_some() {
                problems.add(spot(name), words.t("form.sealed"));
            }
        }
    }
    if form.text(field::CONTACT).is_some_and(|typed| contact(&typed).is_none()) {
        problems.add(field::CONTACT, words.t("form.contact_wrong"));
    }
    if form.text(field::TEXT).is_none() && form.files(field::PHOTOS).next().is_none() {
        problems.add(TEXT_SPOT, words.t("form.empty"));
    }
    if form.text(field::TRAP).is_some() {
        problems.add(TEXT_SPOT, words.t("form.robot"));
    }
    problems
}

/// The chosen area in words, for `parse`. An area that the directory does not have is none.
pub(crate) fn area(form: &Form, directory: Option<&DoorDirectory>) -> Option<String> {
    adapter_sdk::form::area_in_words(&directory?.areas, &form.text(field::AREA)?)
}

/// The text's place on the page: the layout has an `isi` of its own.
const TEXT_SPOT: &str = "teks";

/// Where a field is on the page.
fn spot(name: &'static str) -> &'static str {
    if name == field::TEXT { TEXT_SPOT } else { name }
}
