//! Pages that stay open: who looks at a complaint is told when its history grows, and fetches the page again.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::{Stream, StreamExt, future};
use model::ComplaintId;
use store::live::Change;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use crate::{Rooms, client::Client};

/// How many changes may wait for a slow page. One that falls behind is told once that something changed, which is all it needs.
const WAITING: usize = 256;
/// How many pages may stay open at once; one more shows what is new when it is loaded again.
const MOST_OPEN: usize = 8_000;
/// Proxies close a line that is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// Passes changes from one connection of the database to all open pages.
pub(crate) struct Live(broadcast::Sender<Change>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::channel(WAITING).0)
    }
}

impl Live {
    /// Tells every page that asked for this complaint.
    pub(crate) fn tell(&self, change: Change) {
        // Nobody listening is fine.
        let _ = self.0.send(change);
    }

    /// The names of the events that a page hears.
    fn events(&self, of: Option<ComplaintId>, to: To) -> impl Stream<Item = &'static str> + Send + 'static {
        BroadcastStream::new(self.0.subscribe()).filter_map(move |change| {
            let event = match change {
                Ok(Change::Steps(complaint)) => of.is_none_or(|only| only == complaint).then_some("change"),
                // What staff look at is no matter of citizens, and of nobody who reads a list.
                Ok(Change::Present(complaint)) => (to == To::Staff && of == Some(complaint)).then_some("present"),
                // Fell behind: what was missed may have been meant.
                Err(_) => Some("change"),
            };
            future::ready(event)
        })
    }
}

/// Who looks at a page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum To {
    /// Somebody of the staff: hears who else is there.
    Staff,
    /// Who has the link.
    Citizen,
}

/// The place of one open page, given back when it closes.
struct Place {
    rooms: Rooms,
    of: String,
}

impl Place {
    /// `None`: there is none left, for anybody or for this address.
    fn take(rooms: &Rooms, client: Client) -> Option<Self> {
        let free = rooms.live().0.receiver_count() < MOST_OPEN && rooms.limits().open_page(&client.0);
        free.then(|| Self { rooms: rooms.clone(), of: client.0 })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.rooms.limits().close_page(&self.of);
    }
}

/// Server-sent events for one page, until it closes or the program stops.
pub(crate) fn stream(rooms: &Rooms, client: Client, of: Option<ComplaintId>, to: To) -> Response {
    let Some(place) = Place::take(rooms, client) else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
    // Browsers drop an event without data, and what changed is told by the page alone.
    let events = rooms.live().events(of, to).map(|name| Ok::<_, Infallible>(Event::default().event(name).data("again")));
    let events = events.take_until(rooms.stop().clone().cancelled_owned()).map(move |event| {
        // Held as long as the page is open.
        let _ = &place;
        event
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    // Proxies that collect answers before passing them on would hold the events back.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    response
}
