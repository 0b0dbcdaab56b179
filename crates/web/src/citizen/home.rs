//! `GET /`: what this is, every official way to complain, and where to look up a number.

use askama::Template;
use axum::{extract::State, response::Response};
use model::{Channel, Directory};
use ui::{Page, Visit};

use crate::{Rooms, WebError, page};

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    page: Page,
    form_url: Option<String>,
    /// For the whole city, and for a part of it.
    everywhere: Vec<Way>,
    offices: Vec<Way>,
}

/// An official way in.
struct Way {
    label: String,
    area: String,
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit) -> Result<Response, WebError> {
    let directory = rooms.directory();
    let title = page::words(visit.language).t("home.title");
    let mut page = page::public(&rooms, &visit, title);
    page.listed = true;
    let (offices, everywhere): (Vec<_>, Vec<_>) =
        page::open_channels(&directory, page.now).into_iter().partition(|channel| channel.area.is_some());
    let ways = |channels: Vec<&Channel>| channels.into_iter().map(|channel| way(channel, &directory)).collect();
    page::html(&Home { page, form_url: rooms.form_url().map(str::to_owned), everywhere: ways(everywhere), offices: ways(offices) })
}

fn way(channel: &Channel, directory: &Directory) -> Way {
    let area = channel.area.as_deref().map(|code| directory.area_path(code)).unwrap_or_default();
    Way { label: channel.label.clone(), area }
}
