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
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

use crate::Rooms;

/// How many changes may wait for a slow page. One that falls behind is told once that something changed, which is all it needs.
const WAITING: usize = 256;
/// How many pages may stay open at once; one more shows what is new when it is loaded again.
const MOST_OPEN: usize = 10_000;
/// Proxies close a line that is silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// Passes changes from one connection of the database to all open pages.
pub(crate) struct Live(broadcast::Sender<ComplaintId>);

impl Default for Live {
    fn default() -> Self {
        Self(broadcast::channel(WAITING).0)
    }
}

impl Live {
    /// Tells every page that asked for this complaint.
    pub(crate) fn tell(&self, complaint: ComplaintId) {
        // Nobody listening is fine.
        let _ = self.0.send(complaint);
    }

    /// Changes of one complaint, or of any.
    fn changes(&self, of: Option<ComplaintId>) -> impl Stream<Item = ()> + Send + 'static {
        BroadcastStream::new(self.0.subscribe()).filter_map(move |change| {
            let meant = match change {
                Ok(complaint) => of.is_none_or(|only| only == complaint),
                // Fell behind: what was missed may have been meant.
                Err(_) => true,
            };
            future::ready(meant.then_some(()))
        })
    }
}

/// Server-sent events for one page, until it closes or the program stops.
pub(crate) fn stream(rooms: &Rooms, of: Option<ComplaintId>) -> Response {
    if rooms.live().0.receiver_count() >= MOST_OPEN {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    // Browsers drop an event without data, and what changed is told by the page alone.
    let events = rooms.live().changes(of).map(|()| Ok::<_, Infallible>(Event::default().event("change").data("again")));
    let events = events.take_until(rooms.stop().clone().cancelled_owned());
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    // Proxies that collect answers before passing them on would hold the events back.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    response
}
