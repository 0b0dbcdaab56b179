//! What doors with pages share: a filled form read from its raw bytes, the number's companions minted, visitors kept apart from floods.
//!
//! Everything that `parse` needs ([`Form`], [`FileType`]) is pure; [`Budget`], [`Rate`] and [`same_site`] serve the handlers in front of it.

mod body;
mod clerk;
mod file_type;
mod guard;
mod mint;
mod multipart;

pub use body::{Body, BodyError, Budget, Patience};
pub use clerk::{NotAClerk, clerk};
pub use file_type::FileType;
pub use guard::{Rate, Visitor, same_site};
pub use mint::Mint;
pub use multipart::{File, Form, FormError, Limits, clean};
