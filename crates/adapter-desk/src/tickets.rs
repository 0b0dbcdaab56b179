//! Queue numbers of the day: given out, called, and tied to the entry that came of them. Each office counts from one each morning.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use adapter_sdk::{Reference, Timestamp, form::Answers};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tracing::warn;

/// Nobody waits behind so many.
const MOST: u32 = 999;

/// One thing that happened, as a line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Happened {
    office: String,
    day: Date,
    number: u32,
    at: Timestamp,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum What {
    Given,
    Called,
    /// An entry came of it.
    Entered(Reference),
}

/// One person in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) number: u32,
    pub(crate) given: Timestamp,
    pub(crate) called: Option<Timestamp>,
    pub(crate) entered: Option<Reference>,
}

#[derive(Debug, Default)]
struct Queue {
    day: Option<Date>,
    tickets: BTreeMap<u32, Ticket>,
}

/// The queues of all offices, in memory and in a file of the spool's folder.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    queues: Mutex<HashMap<String, Queue>>,
    file: OnceLock<PathBuf>,
    writing: tokio::sync::Mutex<()>,
    /// Wakes the screens that show whose turn it is.
    pub(crate) news: Answers,
}

impl Tickets {
    /// Reads what the last process left of today, and writes there from now on.
    pub(crate) fn open(&self, folder: &Path, today: Date) {
        let path = folder.join("tickets.jsonl");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let kept: Vec<Happened> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let of_today: Vec<Happened> = kept.into_iter().filter(|happened: &Happened| happened.day == today).collect();
        let lines: String = of_today.iter().filter_map(|happened| serde_json::to_string(happened).ok()).map(|line| line + "\n").collect();
        for happened in of_today {
            self.take_in(&happened);
        }
        if let Err(error) = std::fs::write(&path, lines) {
            warn!(error = %error, "Cannot keep the queue in {}: a restart begins it anew.", path.display());
        }
        let _ = self.file.set(path);
    }

    /// The next number; `None` when the day has no more.
    pub(crate) async fn give(&self, office: &str, today: Date, now: Timestamp) -> Option<u32> {
        let number = {
            let mut queues = self.queues();
            let queue = of(&mut queues, office, today);
            let number = queue.tickets.last_key_value().map_or(1, |(last, _)| last + 1);
            if number > MOST {
                return None;
            }
            queue.tickets.insert(number, Ticket { number, given: now, called: None, entered: None });
            number
        };
        self.write(Happened { office: office.to_owned(), day: today, number, at: now, what: What::Given }).await;
        Some(number)
    }

    /// Calls who waits longest; `None` when nobody does.
    pub(crate) async fn call_next(&self, office: &str, today: Date, now: Timestamp) -> Option<u32> {
        let number = {
            let mut queues = self.queues();
            let next = of(&mut queues, office, today).tickets.values_mut().find(|ticket| ticket.called.is_none())?;
            next.called = Some(now);
            next.number
        };
        self.write(Happened { office: office.to_owned(), day: today, number, at: now, what: What::Called }).await;
        Some(number)
    }

    /// Ties an entry to its ticket. A number that was never given out is ignored: somebody typed it.
    pub(crate) async fn entered(&self, office: &str, today: Date, number: u32, reference: Reference, now: Timestamp) {
        {
            let mut queues = self.queues();
            let Some(ticket) = of(&mut queues, office, today).tickets.get_mut(&number) else { return };
            if ticket.entered.is_some() {
                return;
            }
            ticket.called.get_or_insert(now);
            ticket.entered = Some(reference);
        }
        self.write(Happened { office: office.to_owned(), day: today, number, at: now, what: What::Entered(reference) }).await;
    }

    /// Everybody of today, in the order of their numbers.
    pub(crate) fn today(&self, office: &str, today: Date) -> Vec<Ticket> {
        of(&mut self.queues(), office, today).tickets.values().cloned().collect()
    }

    fn take_in(&self, happened: &Happened) {
        let mut queues = self.queues();
        let tickets = &mut of(&mut queues, &happened.office, happened.day).tickets;
        match &happened.what {
            What::Given => {
                let ticket = Ticket { number: happened.number, given: happened.at, called: None, entered: None };
                tickets.insert(happened.number, ticket);
            }
            What::Called => {
                if let Some(ticket) = tickets.get_mut(&happened.number) {
                    ticket.called = Some(happened.at);
                }
            }
            What::Entered(reference) => {
                if let Some(ticket) = tickets.get_mut(&happened.number) {
                    ticket.called.get_or_insert(happened.at);
                    ticket.entered = Some(*reference);
                }
            }
        }
    }

    async fn write(&self, happened: Happened) {
        self.news.wake(&happened.office);
        let (Some(path), Ok(line)) = (self.file.get(), serde_json::to_string(&happened)) else { return };
        let _one_at_a_time = self.writing.lock().await;
        let written = async {
            let mut file = tokio::fs::OpenOptions::new().append(true).create(true).open(path).await?;
            file.write_all((line + "\n").as_bytes()).await?;
            file.flush().await
        };
        if let Err(error) = written.await {
            warn!(error = %error, "Could not note the queue: a restart would forget it.");
        }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<String, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The office's queue of that day; yesterday's is gone.
fn of<'a>(queues: &'a mut HashMap<String, Queue>, office: &str, today: Date) -> &'a mut Queue {
    let queue = queues.entry(office.to_owned()).or_default();
    if queue.day != Some(today) {
        *queue = Queue { day: Some(today), tickets: BTreeMap::new() };
    }
    queue
}

#[cfg(test)]
mod tests {
    use adapter_sdk::MessageKey;
    use jiff::civil::date;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).expect("a time")
    }

    fn number() -> Reference {
        Reference::of(&MessageKey { adapter: "x".parse().expect("a name"), account: "a".into(), id: "1".into() }, 0)
    }

    #[tokio::test]
    async fn numbers_are_called_in_their_order_and_each_office_counts_for_itself() {
        let (tickets, day) = (Tickets::default(), date(2026, 11, 20));
        assert_eq!(tickets.call_next("a", day, at(0)).await, None);
        for expected in 1..=3 {
            assert_eq!(tickets.give("a", day, at(0)).await, Some(expected));
        }
        assert_eq!(tickets.give("b", day, at(0)).await, Some(1));
        assert_eq!(tickets.call_next("a", day, at(1)).await, Some(1));
        tickets.entered("a", day, 2, number(), at(2)).await;
        assert_eq!(tickets.call_next("a", day, at(3)).await, Some(3), "who was served uncalled is not called");
        assert_eq!(tickets.call_next("a", day, at(3)).await, None);
        assert_eq!(tickets.today("a", day)[1].entered, Some(number()));
    }

    #[tokio::test]
    async fn a_restart_goes_on_and_a_new_day_begins_anew() {
        let (folder, day) = (tempfile::tempdir().expect("a folder"), date(2026, 11, 20));
        let first = Tickets::default();
        first.open(folder.path(), day);
        first.give("a", day, at(0)).await;
        first.give("a", day, at(0)).await;
        first.call_next("a", day, at(1)).await;
        first.entered("a", day, 1, number(), at(2)).await;
        first.entered("a", day, 77, number(), at(2)).await;
        let second = Tickets::default();
        second.open(folder.path(), day);
        assert_eq!(second.today("a", day), first.today("a", day));
        assert_eq!(second.give("a", day, at(3)).await, Some(3));
        let tomorrow = Tickets::default();
        tomorrow.open(folder.path(), date(2026, 11, 21));
        assert_eq!(tomorrow.give("a", date(2026, 11, 21), at(4)).await, Some(1));
        assert_eq!(second.give("a", date(2026, 11, 21), at(4)).await, Some(1), "also where nobody restarts");
    }

    #[tokio::test]
    async fn a_day_has_an_end() {
        let (tickets, day) = (Tickets::default(), date(2026, 11, 20));
        for _ in 0..MOST {
            tickets.give("a", day, at(0)).await;
        }
        assert_eq!(tickets.give("a", day, at(0)).await, None);
    }
}
