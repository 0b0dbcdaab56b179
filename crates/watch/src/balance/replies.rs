//! What citizens are owed: every reply that was decided on the day, and an acknowledgement for every complaint that could be answered.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use model::{AdapterName, Timestamp};
use store::{
    PgPool, StoreError,
    balance::{Day, Missing, Silent, Sum, Unanswered},
};

use super::{Looking, State, Sums, Surroundings};

/// So much of the day is asked for at once.
const STRETCH: SignedDuration = SignedDuration::from_hours(1);
/// Of so many replies of a stretch that are nowhere to be heard of it is asked where each is.
const MOST: u16 = 1000;
/// A reply is given to the bus a moment before the row says so.
const A_MOMENT: SignedDuration = SignedDuration::from_mins(1);

/// The replies of one adapter.
#[derive(Debug, Default)]
pub(super) struct Answers {
    sums: BTreeMap<String, Sums>,
    missing: Vec<Missing>,
}

impl Answers {
    pub(super) fn add_to(self, day: &mut Day) {
        for (account, sums) in self.sums {
            let each = sums.into_iter().map(|(state, count)| (state.as_str().to_owned(), count));
            day.sums.extend(each.map(|(state, count)| Sum { part: "reply".to_owned(), account: account.clone(), state, count }));
        }
        day.missing.extend(self.missing);
    }

    fn count(&mut self, account: &str, state: State, count: u64) {
        if count > 0 {
            *self.sums.entry(account.to_owned()).or_default().entry(state).or_default() += count;
        }
    }
}

pub(super) async fn count(
    db: &PgPool,
    around: &Surroundings,
    looking: Looking,
) -> Result<BTreeMap<AdapterName, Answers>, super::BalanceError> {
    let (mut from, to) = looking.span()?;
    let mut answers: BTreeMap<AdapterName, Answers> = BTreeMap::new();
    while from < to {
        let until = (from + STRETCH).min(to);
        if from <= looking.now {
            stretch(db, around, looking, (from, until), &mut answers).await?;
        }
        from = until;
    }
    Ok(answers)
}

async fn stretch(
    db: &PgPool,
    around: &Surroundings,
    looking: Looking,
    (from, to): (Timestamp, Timestamp),
    answers: &mut BTreeMap<AdapterName, Answers>,
) -> Result<(), StoreError> {
    let mut open: BTreeMap<(AdapterName, String), u64> = BTreeMap::new();
    for replies in store::balance::replies(db, from, to).await? {
        if let Some(state) = State::from_word(&replies.state) {
            answers.entry(replies.adapter).or_default().count(&replies.account, state, replies.count);
        } else {
            *open.entry((replies.adapter, replies.account)).or_default() += replies.count;
        }
    }
    if !open.is_empty() {
        let silent = store::balance::silent(db, from, to, MOST).await?;
        let names: Vec<String> = silent.iter().map(|silent| silent.id.to_string()).collect();
        let dropped: BTreeSet<String> = store::balance::dropped(db, &names).await?.into_iter().collect();
        for silent in silent {
            let state = state_of(&silent, around, &dropped, looking);
            if let Some(left) = open.get_mut(&(silent.adapter.clone(), silent.account.clone())) {
                *left = left.saturating_sub(1);
            }
            let answers = answers.entry(silent.adapter.clone()).or_default();
            answers.count(&silent.account, state, 1);
            if state == State::Missing {
                answers.missing.push(named(silent));
            }
        }
        // More than are named, or answered between the two questions: the next look knows.
        for ((adapter, account), left) in open {
            answers.entry(adapter).or_default().count(&account, State::UnderWay, left);
        }
    }
    for unanswered in store::balance::unanswered(db, from, to, MOST).await? {
        let young = looking.now.duration_since(unanswered.opened_at) < looking.patience;
        let answers = answers.entry(unanswered.adapter.clone()).or_default();
        answers.count(&unanswered.account, if young { State::UnderWay } else { State::Missing }, 1);
        if !young {
            answers.missing.push(without_answer(unanswered));
        }
    }
    Ok(())
}

fn state_of(silent: &Silent, around: &Surroundings, dropped: &BTreeSet<String>, looking: Looking) -> State {
    let name = silent.id.to_string();
    let young = looking.now.duration_since(silent.since) < looking.patience;
    let waits = around.replies_oldest.get(&silent.adapter).is_some_and(|oldest| *oldest <= silent.since + A_MOMENT);
    // Its receipt may be among the events that intake has not read yet.
    let heard = around.events_oldest.is_some();
    match () {
        () if around.parked.contains(&name) => State::Parked,
        () if dropped.contains(&name) => State::Dropped,
        () if young || (silent.state == "handed" && (waits || heard)) => State::UnderWay,
        () => State::Missing,
    }
}

fn named(silent: Silent) -> Missing {
    let Silent { id, adapter, account, state, since, trace } = silent;
    let seen = if state == "handed" {
        format!("given to the bus {since:.0}, and not waiting there, not parked, and nothing heard of it from {adapter}; trace {trace}")
    } else {
        format!("refused by the platform {since:.0}, and nobody went on with it: does the role dispatch run? trace {trace}")
    };
    Missing { account: Some(account), kind: "reply".to_owned(), name: id.to_string(), seen, trace: Some(trace) }
}

fn without_answer(unanswered: Unanswered) -> Missing {
    let Unanswered { complaint, account, opened_at, trace, .. } = unanswered;
    let seen = format!("the complaint was opened {opened_at:.0}, and its acknowledgement is not among the replies; trace {trace}");
    Missing { account: Some(account), kind: "acknowledgement".to_owned(), name: complaint.to_string(), seen, trace: Some(trace) }
}
