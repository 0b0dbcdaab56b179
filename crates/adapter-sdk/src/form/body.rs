//! Bodies with photos, read within a budget of memory and of patience. No network address has more than its share of either.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{body::BodyDataStream, http::StatusCode};
use bytes::Bytes;
use futures::StreamExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::Visitor;

/// One unit of the budget.
const UNIT: usize = 1024;
/// Units that are taken at once: few locks for a photo, little waste for a small message.
const STEP: u32 = 16;
/// Bodies of one address at once: a sixteenth of the connections that a door has. A mobile network puts a whole district behind one address.
const BODIES_OF_ONE: usize = 256;

/// How much memory all bodies that are being read or spooled may take together. A full budget is a visible "not now", never a
/// process that dies with everybody's forms.
#[derive(Debug, Clone)]
pub struct Budget {
    room: Arc<Semaphore>,
    /// Bytes of one address.
    share: usize,
    /// What each address has now; those without a body under way are not in it.
    held: Arc<Mutex<HashMap<Visitor, Held>>>,
}

/// By one network address.
#[derive(Debug, Default)]
struct Held {
    bytes: usize,
    bodies: usize,
}

/// A body, and its share of the budget: keep it until the bytes are spooled.
#[derive(Debug)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    _place: Place,
}

/// How long a body may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From its first byte to its last.
    pub whole: Duration,
    /// Between two pieces.
    pub pause: Duration,
    /// Bytes a second that have to come, on the average of each `stretch`.
    pub pace: u32,
    /// Over how long the pace is looked at: who stood in a dead spot for a part of it makes up for it in the rest.
    pub stretch: Duration,
}

impl Default for Patience {
    /// Five megabytes over a village's 2G line take ten minutes; a line that is silent for a minute is gone. The slowest that works is one time
    /// slot of GPRS with its most careful coding, 9.05 kbit/s (3GPP TS 45.003, CS-1), some 1,100 bytes a second: half of that is enough here.
    fn default() -> Self {
        Self { whole: Duration::from_mins(15), pause: Duration::from_mins(1), pace: 512, stretch: Duration::from_mins(1) }
    }
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// More bytes than one form may have.
    #[error("the body is too large")]
    TooLarge,
    /// The budget is used up by others.
    #[error("too many forms at once")]
    Busy,
    /// The sender was too slow.
    #[error("the body came too slowly")]
    Slow,
    /// The line broke.
    #[error("the body ended early")]
    Broken,
}

impl BodyError {
    /// What HTTP calls it, and the key of the words for it in the word files of `ui`; they may name `{mb}`, how large a body may be.
    pub fn told(self) -> (StatusCode, &'static str) {
        match self {
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "form.too_large"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "form.busy"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "form.slow"),
            Self::Broken => (StatusCode::BAD_REQUEST, "form.slow"),
        }
    }
}

impl Budget {
    /// So many bytes for all bodies together. One network address may have a quarter of them, but always one body, however large it may be.
    pub fn new(bytes: usize) -> Self {
        Self { room: Arc::new(Semaphore::new((bytes / UNIT).min(Semaphore::MAX_PERMITS))), share: bytes / 4, held: Arc::default() }
    }

    /// Reads a body of at most `most` bytes. `from` is held to its share; `None` is somebody who is known, and to whom the whole budget is open.
    /// What is over is read and thrown away, up to twice the limit: a browser shows our answer only when it could send all.
    pub async fn read(&self, body: axum::body::Body, most: usize, patience: Patience, from: Option<Visitor>) -> Result<Body, BodyError> {
        let mut place = self.place(from, most)?;
        let mut line = Line::new(body.into_data_stream(), patience);
        let mut bytes = Vec::new();
        let mut failed = None;
        let mut seen = 0;
        while let Some(piece) = line.next().await? {
            seen += piece.len();
            if seen > most {
                failed = Some(BodyError::TooLarge);
            } else if failed.is_none() && !place.holds(seen) {
                failed = Some(BodyError::Busy);
            }
            if failed.is_none() {
                bytes.extend_from_slice(&piece);
            } else {
                bytes = Vec::new();
                place.empty();
            }
            if seen > 2 * most {
                break;
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(Body { bytes: bytes.into(), _place: place }),
        }
    }

    /// A place among the bodies under way, without memory yet.
    fn place(&self, from: Option<Visitor>, most: usize) -> Result<Place, BodyError> {
        if let Some(from) = from {
            let mut held = self.held();
            let its = held.entry(from).or_default();
            if its.bodies >= BODIES_OF_ONE {
                return Err(BodyError::Busy);
            }
            its.bodies += 1;
        }
        let share = self.share.max(most.next_multiple_of(STEP as usize * UNIT));
        Ok(Place { budget: self.clone(), from, share, room: None, bytes: 0 })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Visitor, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a body has of the budget, and of its address's share. Given back when it is dropped.
#[derive(Debug)]
struct Place {
    budget: Budget,
    from: Option<Visitor>,
    share: usize,
    room: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Place {
    /// Makes room for so many bytes in all; `false`: there is none.
    fn holds(&mut self, bytes: usize) -> bool {
        while self.bytes < bytes {
            if !self.grow() {
                return false;
            }
        }
        true
    }

    fn grow(&mut self) -> bool {
        let step = STEP as usize * UNIT;
        let mut held = self.budget.held();
        let its = self.from.and_then(|from| held.get_mut(&from));
        if its.as_ref().is_some_and(|its| its.bytes + step > self.share) {
            return false;
        }
        let Ok(more) = self.budget.room.clone().try_acquire_many_owned(STEP) else { return false };
        if let Some(its) = its {
            its.bytes += step;
        }
        drop(held);
        self.bytes += step;
        match &mut self.room {
            Some(room) => room.merge(more),
            None => self.room = Some(more),
        }
        true
    }

    /// Gives the memory back, and stays a body under way.
    fn empty(&mut self) {
        self.room = None;
        let given_back = std::mem::take(&mut self.bytes);
        let mut held = self.budget.held();
        if let Some(its) = self.from.and_then(|from| held.get_mut(&from)) {
            its.bytes -= given_back;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.empty();
        let Some(from) = self.from else { return };
        let mut held = self.budget.held();
        if let Some(its) = held.get_mut(&from) {
            its.bodies -= 1;
            if its.bodies == 0 {
                held.remove(&from);
            }
        }
    }
}

/// A body on its way, and how long we wait for it.
struct Line {
    pieces: BodyDataStream,
    patience: Patience,
    end: Instant,
    /// When the pace is looked at next, and what came since it was.
    look: Instant,
    came: usize,
}

impl Line {
    fn new(pieces: BodyDataStream, patience: Patience) -> Self {
        let now = Instant::now();
        Self { pieces, patience, end: now + patience.whole, look: now + patience.stretch, came: 0 }
    }

    /// The next piece; `None` after the last one.
    async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        let silent = Instant::now() + self.patience.pause;
        loop {
            self.keeps_pace()?;
            match timeout_at(self.look.min(silent).min(self.end), self.pieces.next()).await {
                Ok(None) => return Ok(None),
                Ok(Some(Err(_))) => return Err(BodyError::Broken),
                Ok(Some(Ok(piece))) => {
                    self.came += piece.len();
                    return Ok(Some(piece));
                }
                Err(_) if Instant::now() >= silent.min(self.end) => return Err(BodyError::Slow),
                Err(_) => {}
            }
        }
    }

    /// Looks once a stretch whether enough came in it: who sends much at first and then a byte a minute is slow.
    fn keeps_pace(&mut self) -> Result<(), BodyError> {
        let now = Instant::now();
        if now < self.look {
            return Ok(());
        }
        let least = u128::from(self.patience.pace) * self.patience.stretch.as_millis() / 1000;
        let enough = self.came as u128 >= least;
        (self.look, self.came) = (now + self.patience.stretch, 0);
        if enough { Ok(()) } else { Err(BodyError::Slow) }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::http::HeaderMap;
    use futures::stream;

    use super::*;

    const MIB: usize = 1024 * 1024;

    fn of(last: u8) -> Visitor {
        Visitor::of(SocketAddr::from(([192, 0, 2, last], 1)), &HeaderMap::new(), 0)
    }

    async fn read_of(budget: &Budget, bytes: usize, from: Option<Visitor>) -> Result<Body, BodyError> {
        budget.read(axum::body::Body::from(vec![1; bytes]), 2 * MIB, Patience::default(), from).await
    }

    async fn read(budget: &Budget, bytes: usize) -> Result<Body, BodyError> {
        read_of(budget, bytes, None).await
    }

    /// Pieces of so many bytes, each after so many seconds.
    async fn trickles(pieces: impl IntoIterator<Item = (u64, usize)>) -> Result<Body, BodyError> {
        let pieces: Vec<_> = pieces.into_iter().collect();
        let line = stream::iter(pieces).then(async |(seconds, bytes)| {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            Ok::<_, std::io::Error>(Bytes::from(vec![1; bytes]))
        });
        Budget::new(16 * MIB).read(axum::body::Body::from_stream(line), 2 * MIB, Patience::default(), Some(of(1))).await
    }

    #[tokio::test]
    async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read() {
        let budget = Budget::new(16 * MIB);
        assert_eq!(read(&budget, 2 * MIB).await.map(|body| body.bytes.len()).ok(), Some(2 * MIB));
        assert_eq!(read(&budget, 2 * MIB + 1).await.err(), Some(BodyError::TooLarge));
    }

    #[tokio::test]
    async fn a_full_budget_says_not_now_until_a_body_is_let_go() {
        let budget = Budget::new(3 * MIB);
        let first = read(&budget, 2 * MIB).await.expect("room");
        assert_eq!(read(&budget, 2 * MIB).await.err(), Some(BodyError::Busy));
        drop(first);
        assert!(read(&budget, 2 * MIB).await.is_ok());
        assert!(read(&budget, 2 * MIB).await.is_ok());
    }

    #[tokio::test]
    async fn one_address_has_a_quarter_of_the_budget_and_gives_back_what_it_lets_go() {
        let budget = Budget::new(16 * MIB);
        let mine =
            [read_of(&budget, 2 * MIB, Some(of(1))).await.expect("room"), read_of(&budget, 2 * MIB, Some(of(1))).await.expect("room")];
        assert_eq!(read_of(&budget, 1, Some(of(1))).await.err(), Some(BodyError::Busy));
        assert!(read_of(&budget, 2 * MIB, Some(of(2))).await.is_ok(), "another address has its own");
        assert!(read(&budget, 2 * MIB).await.is_ok(), "who is known is held to none");
        drop(mine);
        assert!(read_of(&budget, 2 * MIB, Some(of(1))).await.is_ok());
        assert!(budget.held().is_empty(), "nothing is remembered of who has nothing under way");
    }

    #[tokio::test]
    async fn one_body_always_fits_however_small_the_share_is() {
        let budget = Budget::new(3 * MIB);
        assert!(read_of(&budget, 2 * MIB, Some(of(1))).await.is_ok());
    }

    #[tokio::test]
    async fn one_address_has_so_many_bodies_under_way_also_empty_ones() {
        let budget = Budget::new(MIB);
        let silent = || axum::body::Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        let mut waiting: Vec<_> =
            (0..BODIES_OF_ONE).map(|_| Box::pin(budget.read(silent(), MIB, Patience::default(), Some(of(1))))).collect();
        for body in &mut waiting {
            assert!(futures::poll!(body).is_pending());
        }
        assert_eq!(read_of(&budget, 1, Some(of(1))).await.err(), Some(BodyError::Busy));
        assert!(read_of(&budget, 1, Some(of(2))).await.is_ok());
        drop(waiting);
        assert!(read_of(&budget, 1, Some(of(1))).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_line_is_given_up() {
        let body = axum::body::Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(Budget::new(MIB).read(body, MIB, Patience::default(), None).await.err(), Some(BodyError::Slow));
    }

    #[tokio::test(start_paused = true)]
    async fn a_photo_over_the_slowest_line_that_works_arrives_with_a_dead_spot_in_each_minute() {
        let begun = Instant::now();
        // 1,100 bytes a second for half of each minute, and half a minute of nothing.
        let minute = (0..30).map(|_| (1, 1_100)).chain([(30, 0)]);
        let photo = trickles((0..12).flat_map(|_| minute.clone())).await.expect("arrives");
        assert_eq!((photo.bytes.len(), begun.elapsed().as_secs()), (396_000, 720));
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_byte_by_byte_is_given_up_after_a_minute_also_after_a_good_beginning() {
        let begun = Instant::now();
        assert_eq!(trickles((0..600).map(|_| (1, 100))).await.err(), Some(BodyError::Slow));
        assert!(begun.elapsed() <= Duration::from_secs(61), "{:?}", begun.elapsed());
        let begun = Instant::now();
        let much_at_first = std::iter::once((0, MIB)).chain((0..600).map(|_| (1, 1)));
        assert_eq!(trickles(much_at_first).await.err(), Some(BodyError::Slow));
        assert!(begun.elapsed() <= Duration::from_secs(121), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_broken_line_is_no_form() {
        let pieces = [Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("gone"))];
        let body = axum::body::Body::from_stream(stream::iter(pieces));
        assert_eq!(Budget::new(MIB).read(body, MIB, Patience::default(), None).await.err(), Some(BodyError::Broken));
    }
}
