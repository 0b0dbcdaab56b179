//! The list behind a figure of a period: what happened last comes first.

use sqlx::{Postgres, QueryBuilder};

use super::{Asked, Measure, narrow, of_one};
use crate::{
    PgPool, Result, StoreError,
    convert::at,
    queue::{COLUMNS, Cursor, Found, Row, into_row},
};

/// One page of what a measure counts, after this line; at most so many. A complaint stands there as often as it was counted.
pub async fn lines(db: &PgPool, asked: &Asked<'_>, measure: Measure, after: Option<Cursor>, most: u16) -> Result<Vec<Row>> {
    let mut query = list(asked, measure, after, most);
    let found: Vec<Found> = query.build_query_as().persistent(false).fetch_all(db).await.map_err(StoreError::from_sqlx)?;
    found.into_iter().map(into_row).collect()
}

fn list(asked: &Asked<'_>, measure: Measure, after: Option<Cursor>, most: u16) -> QueryBuilder<Postgres> {
    let (view, which) = measure.source(of_one(asked));
    let mut query = QueryBuilder::new("select ");
    query.push(COLUMNS);
    query.push(format_args!(
        ", d.work, coalesce(d.deadline, c.deadline) as deadline from (select q.*, q.at as sort_at from {view} q where true{which}"
    ));
    narrow(&mut query, asked);
    if let Some(cursor) = after {
        query.push(" and (q.at, q.id) < (").push_bind(at(cursor.at())).push(", ").push_bind(cursor.id()).push(")");
    }
    query.push(" order by q.at desc, q.id desc limit ").push_bind(i64::from(most));
    // Of what the line is about: the agency's part, where one is meant.
    query.push(
        ") q join complaint c on c.id = q.complaint left join dispatch d on d.complaint = q.complaint and d.agency = q.agency \
         left join staff s on s.id = d.officer order by q.sort_at desc, q.id desc",
    );
    query
}
