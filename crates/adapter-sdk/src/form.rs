//! What doors with pages share: a filled form read from its raw bytes, the number's companions minted, visitors kept apart from floods.
//!
//! Everything that `parse` needs ([`Form`], [`FileType`]) is pure; [`Budget`], [`Rate`] and [`same_site`] serve the handlers in front of it.

mod answers;
mod areas;
mod body;
mod clerk;
mod contact;
mod drawn;
mod file_type;
mod files;
mod guard;
mod mint;
mod multipart;
mod problem;
mod recent;
pub(crate) mod secret;
mod session;

pub use answers::Answers;
pub use areas::{AreaGroup, area_groups, area_in_words};
pub use body::{Body, BodyError, Budget, Patience};
pub use clerk::{NotAClerk, clerk};
pub use contact::contact;
pub use drawn::{drawn, outline, site};
pub use file_type::FileType;
pub use files::{FileLimits, FileProblem};
pub use guard::{Visitor, same_site, wants_json};
/// How often one visitor may send. Mobile networks put whole districts behind one address: be generous.
pub use incoming::Rate;
pub use mint::Mint;
pub use multipart::{File, Form, FormError, Limits, clean};
pub use problem::{Problem, Problems};
pub use recent::Recent;
pub use session::{Arrival, TokenCookie};
