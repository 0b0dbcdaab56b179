//! What a complaint is about: pure functions, no I/O, no clock.
//!
//! Without history it is simple, and says why it decides:
//!
//! * **category**: the keywords the city wrote down, whole or scattered over a sentence; one category must be ahead of every other by
//!   half. No learning, no correction of typing errors beyond doubled letters and common abbreviations.
//! * **area**: the point on the map; else the kelurahan, kecamatan or city that the words name; else the office it was handed in at.
//!   Streets, landmarks and RT/RW are not looked up, and no nickname of a place is known.
//! * **danger**, **ethics**: lists of words. They are no judgement of the case.
//!
//! With history ([`Learned`], made by `muara learn`) it also knows which agency, category and area such words led to before, how likely
//! each is, and says nothing where that is not likely enough; what was chosen by hand and the point on the map still come first.
//!
//! Where the words leave doubt nothing is said, and a person chooses. [`keys`] finds earlier complaints that may be about the same
//! thing, [`Judge`] says how likely they are, and joins only where that was proven. `docs/triage.md` has the figures.

#![expect(clippy::cast_precision_loss, reason = "counts of words, rows and hours: figures, not accounts")]

mod alike;
mod atlas;
mod bag;
mod category;
mod danger;
mod ethics;
mod forest;
mod judge;
mod keys;
mod kind;
mod learned;
mod linear;
mod neighbours;
mod net;
mod outline;
mod phrase;
mod place;
mod same;
mod samples;
mod sorter;
mod spam;
mod spot;
mod street;
mod text;
mod whereabouts;

pub use alike::alike;
pub use atlas::Atlas;
pub use judge::{Beside, CANDIDATES, Decision, Floors, Judge, Picture, Ranked, Scored, Verdict, WINDOW, floors};
pub use keys::{FOUND, Keys, LATEST_OF_A_KEY, keys, keys_beside};
pub use kind::{Kind, Kinds};
pub use learned::{Decided, Learned, Opinion, Tallies, Tally, Unreadable};
pub use linear::Dice;
use model::{Directory, Guess, Near, Point, Triaged, Why};
pub use same::{FIGURES, Figures, NAMES, Seen, Side, Twins};
pub use sorter::{Example, Likely, Sorter};
pub use spam::{Around, same_words, signs};
pub use spot::{Names, Spot, SpotKind};
pub use street::street_of_both;
pub use text::spellings;
pub use whereabouts::{Located, Named, Thought, Whereabouts};

/// Stands in [`Why::category`] when the citizen or the clerk chose the category themselves.
pub const CHOSEN: &str = "chosen";
/// Stands in [`Why::area`] when the point on the map told it.
pub const POINT: &str = "point";
/// Stands in [`Why::area`] when only the office told it.
pub const OFFICE: &str = "office";

/// What the text, the place and the position say about a complaint.
///
/// `directory` and `atlas` belong together: build the atlas anew whenever the directory is loaded anew. A code that the directory does
/// not know (of a category somebody chose, of an office) is ignored.
pub fn triage(
    text: &str,
    place: Option<&str>,
    location: Option<Point>,
    office_area: Option<&str>,
    chosen_category: Option<&str>,
    directory: &Directory,
    atlas: &Atlas,
) -> Triaged {
    let words = text::words(text);
    let field = text::words(place.unwrap_or_default());
    let reading = atlas.gazetteer.read(&words, &field);
    let danger = danger::words_of_danger(&words);
    let ethics = ethics::words_of_breach(&words);
    let opinion = atlas.learned.as_ref().map(|learned| learned.opinion(text, &words, &field)).unwrap_or_default();

    let (area, area_why) = location
        .and_then(|point| atlas.area_at(point))
        .map(|code| (code.to_owned(), POINT.to_owned()))
        .or_else(|| learned_area(&opinion, directory))
        .or_else(|| reading.area.map(|(code, name)| (code, format!("text: {name}"))))
        .or_else(|| Some((directory.areas.get(office_area?)?.code.clone(), OFFICE.to_owned())))
        .unzip();

    let learned_category = opinion.category.filter(|(code, _)| directory.categories.contains_key(code));
    let (category, category_why) = chosen_category
        .and_then(|code| directory.categories.get(code))
        .map(|chosen| (chosen.code.clone(), vec![CHOSEN.to_owned()]))
        .or(learned_category)
        .or_else(|| atlas.keywords.judge(&words, reading.used).map(|verdict| (verdict.category, verdict.words)))
        .unzip();

    // A sure guess of an agency that is gone makes the next one no surer.
    let first_is_known = opinion.agencies.first().is_some_and(|(code, ..)| directory.agencies.values().any(|agency| agency.code == *code));
    let guesses: Vec<Guess> = opinion.agencies.into_iter().filter_map(|guess| known_agency(guess, directory)).collect();
    let agency = guesses.first().filter(|_| opinion.agency_is_sure && first_is_known).map(|guess| guess.agency);
    let why = Why {
        category: category_why.unwrap_or_default(),
        area: area_why,
        rules: Vec::new(),
        version: None,
        near: near(location, area.as_deref(), directory, atlas),
        danger,
        ethics,
        kind: opinion.kind.map(|kind| kind.name().to_owned()),
        guesses,
        quoted: Vec::new(),
        held: None,
    };
    Triaged { category, area, agency, why }
}

/// Whether these words speak of danger, by themselves.
pub fn is_of_danger(words: &str) -> bool {
    !danger::words_of_danger(&text::words(words)).is_empty()
}

/// Whether these words speak of a breach of duty, by themselves.
pub fn is_of_breach(words: &str) -> bool {
    !ethics::words_of_breach(&text::words(words)).is_empty()
}

/// The areas beside this one whose border is near the point.
fn near(location: Option<Point>, area: Option<&str>, directory: &Directory, atlas: &Atlas) -> Vec<Near> {
    let Some((point, area)) = location.zip(area) else { return Vec::new() };
    let codes = atlas.near(point, area, directory.border_metres);
    codes.into_iter().map(|code| Near { area: code.to_owned(), agencies: Vec::new() }).collect()
}

/// The area that history tells from streets and names, and its name as the reason.
fn learned_area(opinion: &Opinion, directory: &Directory) -> Option<(String, String)> {
    let area = directory.areas.get(opinion.area.as_deref()?)?;
    Some((area.code.clone(), format!("learned: {}", area.name)))
}

/// Learned by code; gone agencies are not thought of.
fn known_agency((code, probability, words): (String, f32, Vec<String>), directory: &Directory) -> Option<Guess> {
    let agency = directory.agencies.values().find(|agency| agency.code == code)?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
    Some(Guess { agency: agency.id, percent: (probability.clamp(0.0, 1.0) * 100.0).round() as u8, words })
}

#[cfg(test)]
mod tests {
    use model::{Area, Category};
    use proptest::prelude::*;

    use super::*;

    fn city() -> (Directory, Atlas) {
        let areas = [("31", "Provinsi"), ("3171", "Kota Selatan"), ("3171090", "Tebet"), ("3171090001", "Pasar Tebet")];
        let area = |(code, name): (&str, &str)| (code.to_owned(), Area { code: code.into(), name: name.into() });
        let category = |code: &str, keywords: &[&str]| {
            let keywords = keywords.iter().map(|&word| word.to_owned()).collect();
            (code.to_owned(), Category { code: code.into(), name_id: code.into(), name_en: code.into(), keywords })
        };
        let directory = Directory {
            areas: areas.into_iter().map(area).collect(),
            categories: [category("road", &["jalan rusak", "aspal"]), category("market", &["pasar"])].into(),
            ..Directory::default()
        };
        let square = r#"{"type":"Polygon","coordinates":[[[106,-7],[107,-7],[107,-6],[106,-6],[106,-7]]]}"#;
        let atlas = Atlas::new(&directory, &[("3171090001".into(), square.into()), ("9999".into(), square.into())]);
        (directory, atlas)
    }

    #[test]
    fn the_point_comes_before_the_words_and_the_words_before_the_office() {
        let (directory, atlas) = city();
        let inside = Point::new(-6.5, 106.5);
        let outside = Point::new(1.0, 1.0);
        let text = "jalan rusak di tebet";
        let cases = [
            (text, inside, Some("3171"), Some(("3171090001", "point"))),
            (text, outside, Some("3171"), Some(("3171090", "text: Tebet"))),
            ("jalan rusak", None, Some("3171"), Some(("3171", "office"))),
            ("jalan rusak", None, Some("7777"), None),
        ];
        for (text, location, office, expected) in cases {
            let found = triage(text, None, location, office, None, &directory, &atlas);
            assert_eq!(found.area.as_deref().zip(found.why.area.as_deref()), expected, "{text} {office:?}");
        }
    }

    #[test]
    fn a_chosen_category_counts_if_it_exists() {
        let (directory, atlas) = city();
        let category = |chosen| {
            let found = triage("jalan rusak", None, None, None, chosen, &directory, &atlas);
            (found.category, found.why.category)
        };
        assert_eq!(category(Some("market")), (Some("market".into()), vec![CHOSEN.into()]));
        assert_eq!(category(Some("nonsense")), (Some("road".into()), vec!["jalan rusak".into()]));
    }

    #[test]
    fn a_place_named_after_a_market_is_no_complaint_about_one() {
        let (directory, atlas) = city();
        let found = triage("aspal terkelupas di pasar tebet", None, None, None, None, &directory, &atlas);
        assert_eq!((found.category.as_deref(), found.area.as_deref()), (Some("road"), Some("3171090001")));
    }

    #[test]
    fn what_was_learned_speaks_after_the_choice_and_the_point_and_before_the_keywords() {
        let (mut directory, atlas) = city();
        let id: model::AgencyId = "00000000-0000-7000-8000-000000000001".parse().expect("an id");
        directory.agencies.insert(id, model::Agency { id, code: "dbm".into(), name: "Bina Marga".into() });
        let row = |text: &str, category: &str, agency: &str| Decided {
            text: text.into(),
            category: category.into(),
            agency: agency.into(),
            ..Decided::default()
        };
        let rows = [row("aspal lapak pedagang kotor", "market", "dpk"), row("jalan rusak berlubang", "road", "dbm")];
        let history: Vec<Decided> = rows.iter().cycle().take(120).cloned().collect();
        let atlas = atlas.with(Some(std::sync::Arc::new(Learned::learn(&history, &[], &[]))));
        let ask = |text: &str, chosen| triage(text, None, None, None, chosen, &directory, &atlas);
        assert_eq!(ask("aspal lapak pedagang kotor", None).category.as_deref(), Some("market"), "the keyword says road");
        assert_eq!(ask("aspal lapak pedagang kotor", Some("road")).category.as_deref(), Some("road"));
        let found = ask("jalan rusak berlubang", None);
        assert_eq!(found.agency, Some(id));
        assert_eq!(found.why.guesses[0].agency, id);
        assert!(found.why.guesses[0].percent > 60 && found.why.guesses.len() == 1, "the other agency is gone: {:?}", found.why.guesses);
        assert_eq!(ask("petugas minta uang pelicin", None).why.ethics, ["minta uang"]);
    }

    #[test]
    fn an_outline_nobody_can_use_is_named() {
        assert_eq!(city().1.unreadable(), ["9999"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".*", place in proptest::option::of(".*"), lat in -90.0..90.0f64, lon in -180.0..180.0f64) {
            let (directory, atlas) = city();
            let _ = triage(&text, place.as_deref(), Point::new(lat, lon), Some(&text), Some(&text), &directory, &atlas);
        }

        #[test]
        fn words_people_use_are_read_without_panic(words in proptest::collection::vec("(jalan|rusak|kel|di|pasar|tebet|kota|raya|jl\\.|RT0?1|\\.|,|\n)", 0..40)) {
            let (directory, atlas) = city();
            let found = triage(&words.join(" "), None, None, None, None, &directory, &atlas);
            prop_assert!(found.area.is_none_or(|code| directory.areas.contains_key(&code)));
            prop_assert!(found.category.is_none_or(|code| directory.categories.contains_key(&code)));
        }
    }
}
