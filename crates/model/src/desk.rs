//! What a desk asks the core with its clerk's token, and what it hears. A clerk sees what their own office took in; of everything else
//! only that there is one, how far it is and who has it.

use serde::{Deserialize, Serialize};

use crate::{Address, Point, Reference, ReplyKind, Status, Timestamp};

/// Where the core answers `Search` with `Findings`.
pub const SEARCH: &str = "/api/loket/cari";
/// Where the core answers with `Undelivered`.
pub const UNDELIVERED: &str = "/api/loket/tak-sampai";

/// Is there a complaint already? Whatever is given is looked for by itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Search {
    /// The number on a slip.
    pub number: Option<Reference>,
    /// A telephone number or a mail address.
    pub contact: Option<Address>,
    /// A name, or a part of one. Only among the office's own.
    pub name: Option<String>,
    /// What it is about, to be compared with what is open in the same area.
    pub text: String,
    /// Where it is, in words.
    pub place: Option<String>,
    /// Code of the area.
    pub area: Option<String>,
    /// The point on the map.
    pub location: Option<Point>,
}

/// What was found, the best first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// At most as many as fit on a screen.
    pub found: Vec<Found>,
    /// There are more.
    #[serde(default)]
    pub more: bool,
}

/// One complaint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// Its number.
    pub reference: Reference,
    /// How far it is.
    pub status: Status,
    /// Names of who has it. Empty for one that is secret, and for one that nobody has yet.
    pub agencies: Vec<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// What fits.
    pub by: Vec<FoundBy>,
    /// Only of the office's own, and not of secret ones.
    pub own: Option<Own>,
}

/// What an office may see of what it took in itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Own {
    /// The beginning of the citizen's words.
    pub words: String,
    /// Where, in words.
    pub place: Option<String>,
    /// Code of the category.
    pub category: Option<String>,
}

/// What fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FoundBy {
    /// The number.
    Number,
    /// Somebody with this contact opened it.
    Contact,
    /// Somebody of this name opened it.
    Name,
    /// The same area lately, and words alike.
    Place,
}

/// Answers to an office's citizens that did not arrive.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Undelivered {
    /// The newest first.
    pub answers: Vec<UndeliveredAnswer>,
    /// There are more.
    #[serde(default)]
    pub more: bool,
}

/// One answer that did not arrive, and whom to tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UndeliveredAnswer {
    /// Of which complaint.
    pub reference: Reference,
    /// What it says.
    pub kind: ReplyKind,
    /// When it was worded.
    pub at: Timestamp,
    /// How far the complaint is now.
    pub status: Status,
    /// Who it is about, as the clerk wrote it. Not told of secret complaints.
    pub name: Option<String>,
    /// What the clerk wrote down. Not told of secret complaints.
    pub contact: Vec<Address>,
}
