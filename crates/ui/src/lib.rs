//! Layout, components, style and words (Indonesian, English): shared by `web` and by the adapters that have pages.
//!
//! A page is an askama template that extends `layout.html` and holds a [`Page`] in a field named `page`. In another crate, a file
//! `askama.toml` beside `Cargo.toml` makes the templates of this crate known:
//!
//! ```toml
//! [general]
//! dirs = ["templates", "../ui/templates"]
//! ```
//!
//! ```html
//! {% extends "layout.html" %}
//! {% import "components.html" as c %}
//! {% block main %}<h1>{{ page.title }}</h1>{{ c::flash(page) }}{% endblock %}
//! ```
//!
//! Everything works without JavaScript; the modules in `assets/` only add to what the server already said.

// Templates name this crate by its name, here and in other crates.
extern crate self as ui;

mod assets;
mod clock;
mod headers;
mod icon;
mod language;
mod page;
mod qr;
#[cfg(test)]
mod tests;
mod words;

pub use assets::{Shelf, asset, routes};
pub use clock::{Clock, Level};
pub use headers::{Policy, secured};
pub use icon::{icon, status_icon, work_icon};
pub use language::{LANGUAGE_COOKIE, Visit, language_cookie, remember_language};
pub use page::{Account, Flash, Group, Link, Page, Photo, Tone};
pub use qr::{qr_modules, qr_svg};
pub use words::{Book, Words, check};
