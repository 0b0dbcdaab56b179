//! What the core said about the messages of this door, for the pages that wait for it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use bus::Stop;
use futures::stream;
use model::Reply;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, broadcast},
    time::{Instant, timeout_at},
};

use super::Recent;

/// How many answers are remembered: a receipt is looked at within minutes, and the tracking page knows everything later.
const MOST: usize = 4096;
/// How many pages may wait at once.
const MOST_WAITING: usize = 2048;
/// A page that has waited so long asks again by itself.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// The last replies by message id. Bounded; the oldest are forgotten.
#[derive(Debug)]
pub struct Answers {
    kept: Recent<Reply>,
    news: broadcast::Sender<String>,
    places: Arc<Semaphore>,
}

impl Default for Answers {
    fn default() -> Self {
        Self { kept: Recent::new(MOST), news: broadcast::channel(256).0, places: Arc::new(Semaphore::new(MOST_WAITING)) }
    }
}

impl Answers {
    /// Keeps a reply to the message `id` and wakes the pages that wait for it. The acknowledgement never covers what came after it,
    /// whatever order they arrive in.
    pub fn keep(&self, id: &str, reply: &Reply) {
        self.kept.put_unless(id, reply.clone(), |known| reply.kind.acknowledges() && !known.kind.acknowledges());
        // Nobody waiting is no failure.
        let _ = self.news.send(id.to_owned());
    }

    /// Wakes the pages that follow `id`, for news that are no reply.
    pub fn wake(&self, id: &str) {
        let _ = self.news.send(id.to_owned());
    }

    /// The last reply to the message `id`.
    pub fn of(&self, id: &str) -> Option<Reply> {
        self.kept.get(id)
    }

    /// A stream of server-sent events named `change`, one when a reply to `id` comes. `shown` says whether the page shows one already:
    /// what came while it was loading is told at once. The stream ends with `closing`.
    pub fn follow(&self, id: String, shown: bool, closing: &Stop) -> Response {
        let Ok(place) = self.places.clone().try_acquire_owned() else { return StatusCode::SERVICE_UNAVAILABLE.into_response() };
        let news = self.news.subscribe();
        let missed = !shown && self.of(&id).is_some();
        let waiting = Waiting { id, missed, news, end: Instant::now() + LONGEST_WAIT, closing: closing.clone(), _place: place };
        Sse::new(stream::unfold(waiting, Waiting::next)).keep_alive(KeepAlive::new().interval(Duration::from_secs(20))).into_response()
    }
}

struct Waiting {
    id: String,
    missed: bool,
    news: broadcast::Receiver<String>,
    end: Instant,
    closing: Stop,
    _place: OwnedSemaphorePermit,
}

impl Waiting {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        while !std::mem::take(&mut self.missed) {
            let news = self.closing.run_until_cancelled(timeout_at(self.end, self.news.recv())).await;
            match news?.ok()? {
                Ok(id) if id == self.id => break,
                Ok(_) => {}
                // Too many at once: ours may have been among them.
                Err(broadcast::error::RecvError::Lagged(_)) => break,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
        Some((Ok(Event::default().event("change").data("reply")), self))
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use model::{Audience, Language, ReplyId, ReplyKind, ReplyTo, Timestamp};

    use super::*;

    fn reply(kind: ReplyKind) -> Reply {
        Reply {
            id: ReplyId::new(Timestamp::UNIX_EPOCH),
            to: ReplyTo {
                adapter: "form".parse().expect("a name"),
                account: "utama".into(),
                address: "form:x".parse().expect("an address"),
                thread: None,
                audience: Audience::Private,
                open_until: None,
            },
            kind,
            language: Language::Id,
            text: String::new(),
            short: Vec::new(),
            params: std::collections::BTreeMap::default(),
            menu: None,
            files: Vec::new(),
        }
    }

    #[test]
    fn a_late_acknowledgement_does_not_cover_what_came_after_it() {
        let answers = Answers::default();
        answers.keep("a", &reply(ReplyKind::Routed));
        answers.keep("a", &reply(ReplyKind::Received));
        assert_eq!(answers.of("a").map(|reply| reply.kind), Some(ReplyKind::Routed));
        assert!(answers.of("b").is_none());
    }

    #[tokio::test]
    async fn a_waiting_page_hears_of_its_own_answer_only() {
        let answers = Answers::default();
        let mut body = answers.follow("a".into(), false, &Stop::new()).into_body().into_data_stream();
        answers.keep("b", &reply(ReplyKind::Received));
        answers.keep("a", &reply(ReplyKind::Received));
        let first = body.next().await.expect("an event").expect("bytes");
        // Browsers drop an event without data.
        assert_eq!(first, "event: change\ndata: reply\n\n");
        assert!(futures::poll!(body.next()).is_pending());
    }

    #[tokio::test]
    async fn a_waiting_page_does_not_hold_up_the_end() {
        let (answers, stop) = (Answers::default(), Stop::new());
        let mut body = answers.follow("a".into(), false, &stop).into_body().into_data_stream();
        assert!(futures::poll!(body.next()).is_pending());
        stop.cancel();
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn what_came_while_the_page_was_loading_is_told_at_once() {
        let answers = Answers::default();
        answers.keep("a", &reply(ReplyKind::Received));
        let mut late = answers.follow("a".into(), false, &Stop::new()).into_body().into_data_stream();
        assert!(futures::poll!(late.next()).is_ready());
        let mut shown = answers.follow("a".into(), true, &Stop::new()).into_body().into_data_stream();
        assert!(futures::poll!(shown.next()).is_pending());
    }
}
