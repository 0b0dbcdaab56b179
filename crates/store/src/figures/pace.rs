//! How long first answers and settling took: in the agency's own open time, without what the citizen was waited for, and as days of the calendar,
//! as the citizen lived them.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use model::{AgencyId, Directory, Timestamp, clock::OpenTime, clock::Pause};
use sqlx::QueryBuilder;
use uuid::Uuid;

use super::{Asked, Measure, narrow, of_one};
use crate::{
    PgPool, Result, StoreError,
    convert::{At, json},
};

/// Of several lengths of time, in seconds. By nearest rank: each is one that occurred.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many.
    pub number: u64,
    /// Half took no longer.
    pub median: u64,
    /// Nine of ten took no longer.
    pub ninetieth: u64,
    /// The longest.
    pub worst: u64,
}

impl Spread {
    /// Of these, in any order.
    pub fn of(mut seconds: Vec<u32>) -> Self {
        seconds.sort_unstable();
        // The smallest one that as many percent of all do not exceed.
        let rank = |percent: usize| seconds.get((seconds.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0).into();
        Self { number: seconds.len() as u64, median: rank(50), ninetieth: rank(90), worst: rank(100) }
    }
}

/// How long agencies took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// Until the first answer, in open time …
    pub answer: Spread,
    /// … and by the calendar.
    pub answer_days: Spread,
    /// Until it was settled, in open time …
    pub settle: Spread,
    /// … and by the calendar.
    pub settle_days: Spread,
}

/// Lengths of time, while they are gathered: open time, calendar.
#[derive(Default)]
struct Lengths {
    worked: Vec<u32>,
    lived: Vec<u32>,
}

/// What was answered and settled in the period: by agency, and `None` for all of them. Read row by row, eight bytes kept of each.
pub async fn paces(db: &PgPool, asked: &Asked<'_>, directory: &Directory) -> Result<BTreeMap<Option<AgencyId>, Pace>> {
    let answered = lengths(db, asked, Measure::Answered, directory).await?;
    let settled = lengths(db, asked, Measure::Settled, directory).await?;
    let mut paces: BTreeMap<Option<AgencyId>, Pace> = BTreeMap::from([(None, Pace::default())]);
    for (agency, lengths) in answered {
        let pace = paces.entry(agency).or_default();
        (pace.answer, pace.answer_days) = (Spread::of(lengths.worked), Spread::of(lengths.lived));
    }
    for (agency, lengths) in settled {
        let pace = paces.entry(agency).or_default();
        (pace.settle, pace.settle_days) = (Spread::of(lengths.worked), Spread::of(lengths.lived));
    }
    Ok(paces)
}

async fn lengths(db: &PgPool, asked: &Asked<'_>, measure: Measure, directory: &Directory) -> Result<BTreeMap<Option<AgencyId>, Lengths>> {
    let (view, which) = measure.source(of_one(asked));
    let earliest = earliest(db, asked, measure).await?;
    let mut query = QueryBuilder::new("select q.agency, q.began_at, q.at, q.pauses from ");
    query.push(format_args!("{view} q where true{which}"));
    narrow(&mut query, asked);
    let mut rows = query.build_query_as::<(Uuid, At, At, serde_json::Value)>().persistent(false).fetch(db);
    let mut open: BTreeMap<AgencyId, OpenTime> = BTreeMap::new();
    let mut all: BTreeMap<Option<AgencyId>, Lengths> = BTreeMap::new();
    while let Some((agency, began, ended, pauses)) = rows.try_next().await.map_err(StoreError::from_sqlx)? {
        let (agency, began, ended) = (AgencyId(agency), began.to_jiff(), ended.to_jiff());
        let pauses: Vec<Pause> = json(pauses, "dispatch", "pauses")?;
        let open = open.entry(agency).or_insert_with(|| directory.working(Some(agency)).open_time(earliest, asked.until));
        let worked = open.between(began, ended, &pauses).as_secs();
        let lived = ended.duration_since(began).as_secs();
        for whose in [None, Some(agency)] {
            let lengths = all.entry(whose).or_default();
            lengths.worked.push(u32::try_from(worked).unwrap_or(0));
            lengths.lived.push(u32::try_from(lived).unwrap_or(0));
        }
    }
    Ok(all)
}

/// When the oldest of them began: open time is counted from there.
async fn earliest(db: &PgPool, asked: &Asked<'_>, measure: Measure) -> Result<Timestamp> {
    let (view, which) = measure.source(of_one(asked));
    let mut query = QueryBuilder::new("select min(q.began_at) from ");
    query.push(format_args!("{view} q where true{which}"));
    narrow(&mut query, asked);
    let earliest: Option<At> = query.build_query_scalar().persistent(false).fetch_one(db).await.map_err(StoreError::from_sqlx)?;
    Ok(earliest.map_or(asked.since, At::to_jiff))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_and_nine_tenths_are_lengths_that_occurred() {
        assert_eq!(Spread::of(Vec::new()), Spread::default());
        assert_eq!(Spread::of(vec![7]), Spread { number: 1, median: 7, ninetieth: 7, worst: 7 });
        assert_eq!(Spread::of((1..=10).rev().collect()), Spread { number: 10, median: 5, ninetieth: 9, worst: 10 });
        assert_eq!(Spread::of(vec![1, 2, 3]), Spread { number: 3, median: 2, ninetieth: 3, worst: 3 });
    }
}
