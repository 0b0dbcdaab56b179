//! What a complaint is about: pure functions, no I/O, no clock.

mod area;

pub use area::Atlas;
use model::{Directory, Point, Triaged, Why};

/// Stands in [`Why::category`] when the citizen or the clerk chose the category themselves.
pub const CHOSEN: &str = "chosen";

/// What the text, the place and the position say about a complaint.
///
/// `directory` and `atlas` belong together: build the atlas anew whenever the directory is loaded anew. A code that the directory does
/// not know (of a category somebody chose, of an office) is ignored.
pub fn triage(
    _text: &str,
    _place: Option<&str>,
    location: Option<Point>,
    office_area: Option<&str>,
    chosen_category: Option<&str>,
    directory: &Directory,
    atlas: &Atlas,
) -> Triaged {
    let chosen = chosen_category.filter(|code| directory.categories.contains_key(*code));
    let point = location.and_then(|point| atlas.area_at(point));
    let office = office_area.filter(|code| directory.areas.contains_key(*code));
    let why = Why {
        category: chosen.map(|_| CHOSEN.to_owned()).into_iter().collect(),
        area: point.map(|_| "point".to_owned()).or_else(|| office.map(|_| "office".to_owned())),
        ..Why::default()
    };
    Triaged { category: chosen.map(Into::into), area: point.or(office).map(Into::into), why }
}
