//! The loop behind [`Bus::consume`] and [`Bus::consume_batch`]: fetches, calls, keeps what is held alive, settles, stops.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use async_nats::Subject;
use bytes::Bytes;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    task::JoinHandle,
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout},
};
use tracing::{debug, warn};

use super::{
    Queue,
    pace::Pace,
    pull::{Identity, Incoming, News, Pull},
    settle::{ATTEMPTS, Settled, Verdict, give_back, settle_all},
};
use crate::{Bus, BusError, Stop};

/// One call of a handler: a verdict for each message, in the same order.
pub(super) type Call<'a> = dyn Fn(Vec<Arc<Incoming>>) -> BoxFuture<'a, Vec<Verdict>> + Send + Sync + 'a;

/// How long the first message of a batch waits for company.
const COMPANY: Duration = Duration::from_millis(2);
/// What has failed this often is handled alone.
const ALONE_AFTER: u32 = 3;
/// How often we say that we are still at it before the server gives up on us: two may be lost.
const BEATS: u32 = 3;
/// Calls whose acknowledgements the server has not confirmed yet; more, and we wait for it.
const UNSETTLED: usize = 64;
/// Handled messages whose acknowledgement is held back; more, and we wait. Below what the server lets be unacknowledged.
const RESTING: usize = 80_000;
/// Acknowledgements that are due within this time leave together.
const TOGETHER: Duration = Duration::from_millis(100);
/// How long the last acknowledgements may take when we stop.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// How many messages a call gets, and how many calls run side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    most: usize,
    calls: usize,
    /// Fetched while handlers are busy.
    ahead: usize,
}

impl Shape {
    /// One message a call. Nothing is fetched ahead: another process may have time for it.
    pub(super) fn singles(concurrency: usize) -> Self {
        Self { most: 1, calls: concurrency.max(1), ahead: 0 }
    }

    /// One call at a time, and the next batch ready when it ends.
    pub(super) fn batches(most: usize) -> Self {
        Self { most: most.max(1), calls: 1, ahead: most.max(1) }
    }

    fn capacity(self) -> usize {
        self.most * self.calls + self.ahead
    }
}

/// Runs until `stop`, or until the server will not have us. Boxed, so that it is compiled here once and not in every crate that consumes.
pub(super) fn run<'a>(
    bus: &'a Bus,
    queue: &'a Queue,
    stop: &'a Stop,
    shape: Shape,
    call: &'a Call<'a>,
) -> BoxFuture<'a, Result<(), BusError>> {
    Box::pin(read(bus, queue, stop, shape, call))
}

async fn read<'a>(bus: &'a Bus, queue: &'a Queue, stop: &'a Stop, shape: Shape, call: &'a Call<'a>) -> Result<(), BusError> {
    let mut pull = Pull::start(bus, queue).await?;
    let mut engine = Engine::new(bus, shape, call);
    let outcome = loop {
        engine.begin(pull.open());
        pull.ask(engine.room()).await;
        engine.is_answered_by(&pull.server);
        let wake_at = engine.wake_at(pull.open());
        let rested_at = engine.rested_at();
        tokio::select! {
            biased;
            () = stop.cancelled() => break Ok(()),
            Some(done) = engine.running.next() => engine.finish(done),
            Some(_) = engine.settling.next() => {}
            news = pull.next() => if let Err(refused) = engine.hear(news, &mut pull) {
                break Err(refused);
            },
            _ = engine.beat.tick() => still_at_it(bus, engine.held_long()).await,
            () = sleep_until(rested_at.unwrap_or_else(Instant::now)), if rested_at.is_some() => engine.acknowledge_rested(),
            () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => {}
        }
    };
    let arrived = pull.leave().await;
    engine.end(arrived).await;
    outcome
}

struct Held {
    message: Arc<Incoming>,
    since: Instant,
    /// When it is acknowledged, if it was handled and rests until then.
    due: Option<Instant>,
}

struct Engine<'a> {
    bus: &'a Bus,
    shape: Shape,
    call: &'a Call<'a>,
    /// Ours, from arrival to acknowledgement.
    held: HashMap<Identity, Held>,
    waiting: VecDeque<Arc<Incoming>>,
    running: FuturesUnordered<BoxFuture<'a, Settled>>,
    /// Handled, and acknowledged together when that is safe: what was made of them must be on the server's disk first. By time.
    resting: VecDeque<(Instant, Arc<Incoming>)>,
    /// In tasks of their own, so that a busy handler does not hold back the acknowledgements of the one before.
    settling: FuturesUnordered<JoinHandle<()>>,
    pace: Pace,
    beat: Interval,
    /// Which server process answers us.
    server: Arc<str>,
}

impl<'a> Engine<'a> {
    fn new(bus: &'a Bus, shape: Shape, call: &'a Call<'a>) -> Self {
        let mut beat = interval(bus.ack_wait / BEATS);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            bus,
            shape,
            call,
            held: HashMap::new(),
            waiting: VecDeque::new(),
            running: FuturesUnordered::new(),
            resting: VecDeque::new(),
            settling: FuturesUnordered::new(),
            pace: Pace::default(),
            beat,
            server: bus.server().into(),
        }
    }

    /// How many messages to ask for.
    fn room(&self) -> usize {
        let capacity = match self.pace {
            _ if self.settling.len() >= UNSETTLED || self.resting.len() >= RESTING => 0,
            ref pace if pace.pause(Instant::now()).is_some() => 0,
            ref pace if pace.in_trouble() => 1,
            _ => self.shape.capacity(),
        };
        capacity.saturating_sub(self.held.len() - self.resting.len())
    }

    /// Takes the news and all that is here already.
    fn hear(&mut self, news: News, pull: &mut Pull) -> Result<(), BusError> {
        let mut next = Some(news);
        while let Some(news) = next {
            match news {
                News::Message(message) => self.take(message),
                News::Changed => {}
                News::Refused(error) => return Err(error),
            }
            next = pull.ready();
        }
        Ok(())
    }

    fn take(&mut self, message: Incoming) {
        // After an outage longer than the server waits for us the server delivers again what we are still at.
        if self.held.contains_key(&message.identity()) {
            debug!(trace.id = %message.trace, "A message came again while it is being handled.");
            return;
        }
        let message = Arc::new(message);
        self.held.insert(message.identity(), Held { message: Arc::clone(&message), since: Instant::now(), due: None });
        self.waiting.push_back(message);
    }

    /// Begins the calls that may begin.
    fn begin(&mut self, open: usize) {
        let calls = if self.pace.in_trouble() { 1 } else { self.shape.calls };
        while self.running.len() < calls && !self.waiting.is_empty() && self.wake_at(open).is_none() {
            let messages = self.next_call();
            self.running.push(self.called(messages));
        }
    }

    /// When something that waits now may begin; `None`: now, or when something else happens first.
    fn wake_at(&self, open: usize) -> Option<Instant> {
        let first = self.waiting.front()?;
        let now = Instant::now();
        if let Some(until) = self.pace.pause(now) {
            return Some(until);
        }
        let more_may_come = self.shape.most > 1 && open > 0 && self.waiting.len() < self.shape.most && self.running.is_empty();
        let since = self.held.get(&first.identity())?.since;
        Some(since + COMPANY).filter(|at| more_may_come && *at > now)
    }

    fn next_call(&mut self) -> Vec<Arc<Incoming>> {
        let most = if self.pace.in_trouble() { 1 } else { self.shape.most };
        let alone = |message: &Arc<Incoming>| message.attempt > ALONE_AFTER;
        let together = self.waiting.iter().take(most).take_while(|message| !alone(message)).count();
        self.waiting.drain(..together.max(1)).collect()
    }

    fn called(&self, messages: Vec<Arc<Incoming>>) -> BoxFuture<'a, Settled> {
        // It never got a verdict: whoever handled it died of it, or could not set it aside.
        if let [message] = &messages[..]
            && message.attempt > ATTEMPTS
        {
            let verdict = Verdict::Park { reason: format!("came {} times and was never settled", message.attempt), error: String::new() };
            let settled = vec![(Arc::clone(message), verdict)];
            return Box::pin(std::future::ready(settled));
        }
        let verdicts = (self.call)(messages.clone());
        Box::pin(async move { messages.into_iter().zip(verdicts.await).collect() })
    }

    fn finish(&mut self, done: Settled) {
        self.pace.note(done.iter().map(|(message, verdict)| (message.attempt, verdict)), Instant::now());
        // Of many calls side by side each would be acknowledged by itself: together it costs the server and us a third less.
        let rests = self.shape.calls > 1 || !self.bus.certain_after.is_zero();
        let rest = |verdict: &Verdict| rests && matches!(verdict, Verdict::Done);
        let (resting, done): (Settled, Settled) = done.into_iter().partition(|(_, verdict)| rest(verdict));
        for (message, _) in resting {
            self.rest(&message);
        }
        if done.is_empty() {
            return;
        }
        for (message, _) in &done {
            self.held.remove(&message.identity());
        }
        self.settling.push(tokio::spawn(settle_all(self.bus.clone(), done)));
    }

    /// Another server process may have lost what it made of these, and mean other messages by their numbers: what it has of them it delivers
    /// again.
    fn is_answered_by(&mut self, server: &Arc<str>) {
        if self.server != *server {
            self.server = Arc::clone(server);
            for (_, message) in self.resting.drain(..) {
                self.held.remove(&message.identity());
            }
        }
    }

    /// Keeps what is needed to acknowledge it later, and not its payload.
    fn rest(&mut self, message: &Incoming) {
        let due = Instant::now() + self.bus.certain_after;
        let light = Arc::new(message.without_payload());
        if let Some(held) = self.held.get_mut(&message.identity()) {
            held.message = Arc::clone(&light);
            held.due = Some(due);
            self.resting.push_back((due, light));
        }
    }

    /// When the next ones that rest may be acknowledged.
    fn rested_at(&self) -> Option<Instant> {
        if self.settling.len() >= UNSETTLED {
            return None;
        }
        self.resting.front().map(|(due, _)| *due + TOGETHER)
    }

    fn acknowledge_rested(&mut self) {
        let now = Instant::now();
        let ready = self.resting.iter().take_while(|(due, _)| *due <= now).count();
        let rested: Settled = self.resting.drain(..ready).map(|(_, message)| (message, Verdict::Done)).collect();
        for (message, _) in &rested {
            self.held.remove(&message.identity());
        }
        self.settling.push(tokio::spawn(settle_all(self.bus.clone(), rested)));
    }

    /// Where to tell the server that what we have held for a while is still ours.
    fn held_long(&self) -> Vec<Subject> {
        let (now, long) = (Instant::now(), self.bus.ack_wait / BEATS / 2);
        // One that is acknowledged before the server would give up on us needs no word.
        let soon = |held: &Held| held.due.is_some_and(|due| due.duration_since(held.since) < self.bus.ack_wait * 2 / 3);
        let held = self.held.values().filter(|held| now.duration_since(held.since) >= long && !soon(held));
        held.map(|held| held.message.reply.clone()).collect()
    }

    /// Nothing new: what was not begun or may not be acknowledged yet goes back at once, handlers finish, and the last acknowledgements are waited for a while.
    async fn end(mut self, arrived: Vec<Incoming>) {
        let unbegun: Vec<Arc<Incoming>> = self.waiting.drain(..).chain(arrived.into_iter().map(Arc::new)).collect();
        for message in &unbegun {
            self.held.remove(&message.identity());
        }
        self.settling.push(tokio::spawn(give_back(self.bus.clone(), unbegun)));
        while !self.running.is_empty() {
            tokio::select! {
                Some(done) = self.running.next() => self.finish(done),
                _ = self.beat.tick() => still_at_it(self.bus, self.held_long()).await,
            }
        }
        self.acknowledge_rested();
        let uncertain = self.resting.drain(..).map(|(_, message)| message).collect();
        self.settling.push(tokio::spawn(give_back(self.bus.clone(), uncertain)));
        let settled = async { while self.settling.next().await.is_some() {} };
        if timeout(LAST_WORDS, settled).await.is_err() {
            warn!("Stopped before the server confirmed every acknowledgement; some messages may come again.");
        }
    }
}

/// Without this the server gives a message to somebody else after a while.
async fn still_at_it(bus: &Bus, held: Vec<Subject>) {
    const AT_IT: Bytes = Bytes::from_static(b"+WPI");
    let tell = async {
        for reply in held {
            if let Err(error) = bus.inner.client.publish(reply, AT_IT).await {
                debug!("Could not tell the server that we are still at it: {error}.");
            }
        }
    };
    // Without a connection it would fill the client's buffer.
    if bus.is_connected() && timeout(Duration::from_secs(1), tell).await.is_err() {
        debug!("The connection is too slow to tell the server that we are still at it.");
    }
}
