//! In order per sender: what one citizen wrote is published in the order in which the door took it.
//!
//! Raw messages are normalized side by side. Each takes a ticket when its turn comes; when its parser has said who wrote, it stands in
//! the lines of these senders, behind everyone who has an earlier ticket; and it publishes when those before it in its lines have.
//! A message that must be tried again leaves its place: a file that is not to be had yet does not hold up what comes after it.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bus::Stop;
use model::Event;
use tokio::sync::oneshot;

/// From so many lines on, those in which nobody stands any more are forgotten.
const MANY: usize = 1024;

/// All lines. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Order {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Fires when the last one who took a ticket stands in line.
    last: Option<oneshot::Receiver<()>>,
    /// The last place of each line; cancelled when its holder has left.
    lines: HashMap<u64, Stop>,
}

/// Says who comes before whom.
pub(crate) struct Ticket {
    order: Order,
    before: Option<oneshot::Receiver<()>>,
    _in_line: oneshot::Sender<()>,
}

/// A place in the lines of one message's senders. Dropped: the next ones may go.
pub(crate) struct Place {
    left: Stop,
    before: Vec<Stop>,
}

impl Order {
    /// The next ticket.
    pub(crate) fn ticket(&self) -> Ticket {
        let (in_line, told) = oneshot::channel();
        let before = self.state().last.replace(told);
        Ticket { order: self.clone(), before, _in_line: in_line }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner) // whole between any two statements
    }
}

impl Ticket {
    /// Stands in the lines of those who wrote these events, once everyone with an earlier ticket stands in theirs or has gone.
    pub(crate) async fn stand(self, events: &[Event]) -> Place {
        let Self { order, before, _in_line } = self;
        if let Some(before) = before {
            let _ = before.await; // gone without standing anywhere is as good
        }
        let left = Stop::new();
        let mut state = order.state();
        if state.lines.len() >= MANY {
            state.lines.retain(|_, last| !last.is_cancelled());
        }
        let mut lines = lines(events);
        lines.sort_unstable();
        lines.dedup();
        let before = lines.into_iter().filter_map(|line| state.lines.insert(line, left.clone())).collect();
        drop(state);
        Place { left, before }
    }
}

impl Place {
    /// Everyone before has left.
    pub(crate) async fn turn(&self) {
        for before in &self.before {
            before.cancelled().await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.left.cancel();
    }
}

/// One line for each sender of an account; receipts come in any order.
fn lines(events: &[Event]) -> Vec<u64> {
    let of = |account: &str, sender: Option<&model::Address>| {
        let mut hasher = DefaultHasher::new();
        (account, sender).hash(&mut hasher);
        hasher.finish()
    };
    let line = |event: &Event| match event {
        Event::Message(inbound) => Some(of(&inbound.key.account, inbound.sender.first())),
        Event::Receipt(_)
        | Event::Receipts { .. }
        | Event::OptOut { .. }
        | Event::OptIn { .. }
        | Event::Moved { .. }
        | Event::Notice(_)
        | Event::Withdrawn { .. } => None,
    };
    events.iter().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn from(sender: &str) -> Vec<Event> {
        let key = model::MessageKey { adapter: "chat".parse().expect("a name"), account: "kota".into(), id: "1".into() };
        let inbound = serde_json::json!({
            "reference": model::Reference::of(&key, 0), "key": key, "sender": [format!("chat:{sender}")], "audience": "private",
            "text": "", "sent_at": "2026-11-21T00:00:00Z", "received_at": "2026-11-21T00:00:00Z", "reply_to": null,
        });
        vec![Event::Message(serde_json::from_value(inbound).expect("a message"))]
    }

    #[tokio::test]
    async fn one_sender_waits_for_his_own_earlier_message_and_for_nobody_elses() {
        let order = Order::default();
        let (first, second, other) = (order.ticket(), order.ticket(), order.ticket());
        // The second is parsed first, and does not overtake.
        let ani = from("ani");
        let mut second = second.stand(&ani).boxed();
        assert!((&mut second).now_or_never().is_none());
        let first = first.stand(&ani).await;
        let second = second.await;
        let other = other.stand(&from("budi")).await;
        assert!(first.turn().now_or_never().is_some() && other.turn().now_or_never().is_some());
        assert!(second.turn().now_or_never().is_none());
        drop(first);
        assert!(second.turn().now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_goes_away_without_standing_in_line_holds_nobody_up() {
        let order = Order::default();
        let (first, second) = (order.ticket(), order.ticket());
        drop(first);
        assert!(second.stand(&from("ani")).await.turn().now_or_never().is_some());
        for n in 0..3 * MANY {
            let _left = order.ticket().stand(&from(&format!("s{n}"))).await;
        }
        assert!(order.state().lines.len() <= MANY + 1, "empty lines are forgotten");
    }
}
