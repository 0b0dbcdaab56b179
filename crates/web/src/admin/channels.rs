//! `GET /admin`: every official way in, and whether the program behind it is alive.

use std::collections::BTreeMap;

use askama::Template;
use axum::{extract::State, response::Response};
use bus::Announcement;
use jiff::ToSpan;
use model::{AdapterName, Channel, Directory, Timestamp};
use tracing::warn;
use ui::{Page, Visit};

use super::frame;
use crate::{Rooms, WebError, page, session::SignedIn};

/// Adapters speak up every few seconds; after a minute without a word something is wrong.
const SILENT_AFTER_SECONDS: i64 = 60;

#[derive(Template)]
#[template(path = "admin_channels.html")]
struct Channels {
    page: Page,
    /// Whether the bus could be asked.
    bus: bool,
    ways: Vec<Way>,
    strangers: Vec<Way>,
    parked: u64,
}

/// One official way in and the program behind it.
struct Way {
    label: String,
    adapter: String,
    account: String,
    area: String,
    from: String,
    until: String,
    program: Option<Program>,
}

/// What a program says about itself.
#[derive(Clone)]
struct Program {
    alive: bool,
    version: String,
    last_seen: Timestamp,
    last_message: Option<Timestamp>,
    last_error: String,
    waiting: u64,
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn) -> Result<Response, WebError> {
    by.only_admin()?;
    let directory = rooms.directory();
    let page = frame(&rooms, &visit, &by, "menu.channels");
    let (bus, announced) = match rooms.bus().announced().await {
        Ok(announced) => (true, announced),
        Err(error) => {
            warn!(error = &error as &dyn std::error::Error, "Cannot ask the bus which adapters are alive.");
            (false, Vec::new())
        }
    };
    let parked = if bus { rooms.bus().parked_count().await? } else { 0 };
    let programs: BTreeMap<AdapterName, Program> =
        announced.into_iter().map(|announcement| (announcement.adapter.clone(), program(announcement, page.now))).collect();
    let ways: Vec<Way> = directory.channels.iter().map(|channel| way(channel, &directory, programs.get(&channel.adapter), &page)).collect();
    let has_row = |adapter: &AdapterName| directory.channels.iter().any(|channel| channel.adapter == *adapter);
    let strangers = programs.iter().filter(|(adapter, _)| !has_row(adapter)).map(|(adapter, program)| stranger(adapter, program)).collect();
    page::html(&Channels { page, bus, ways, strangers, parked })
}

fn program(said: Announcement, now: Timestamp) -> Program {
    Program {
        alive: said.last_seen > now - SILENT_AFTER_SECONDS.seconds(),
        version: said.version,
        last_seen: said.last_seen,
        last_message: said.last_message,
        last_error: said.last_error.unwrap_or_default(),
        waiting: said.spool_waiting,
    }
}

fn way(channel: &Channel, directory: &Directory, program: Option<&Program>, page: &Page) -> Way {
    Way {
        label: channel.label.clone(),
        adapter: channel.adapter.to_string(),
        account: channel.account.clone(),
        area: channel.area.as_deref().map(|code| directory.area_path(code)).unwrap_or_default(),
        from: page.day(&channel.from),
        until: channel.until.map(|day| page.day(&day)).unwrap_or_default(),
        program: program.cloned(),
    }
}

/// A program that runs although no row names it: its messages are parked, and somebody forgot something.
fn stranger(adapter: &AdapterName, program: &Program) -> Way {
    Way {
        label: adapter.to_string(),
        adapter: adapter.to_string(),
        account: String::new(),
        area: String::new(),
        from: String::new(),
        until: String::new(),
        program: Some(program.clone()),
    }
}
