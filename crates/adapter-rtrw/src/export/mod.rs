//! Chats as telephones export them: `_chat.txt` with its media in a zip, the text alone, or lines that somebody copied.
//!
//! Everything here is pure and bounded: an export is a file that strangers made.

mod header;
mod package;
mod parse;
mod phrases;

pub use header::{DateOrder, Stamp};
pub use package::{Limits, Package, PackageError};
pub use parse::{Chat, Kind, Media, Message, parse};
