//! Figures count the same when what was said is gone: a city by chance is counted, everything that may go is removed, and it is counted again.

use super::*;

#[tokio::test]
async fn figures_are_the_same_when_everything_that_may_go_was_removed() {
    let city = City::by_chance(5).await;
    let told = Told::of(&city).await;
    for statement in
        ["update reply set state = 'published' where state = 'due'", "update dispatch set closed_at = closes_at where work = 'done'"]
    {
        sqlx::query(statement).execute(&city.db).await.expect("is written");
    }
    let later = NOW + jiff::SignedDuration::from_hours(24 * 365 * 30);
    let mut removed = 0;
    loop {
        let batch = store::retention::remove(&city.db, later, 7).await.expect("runs");
        removed += batch.removed;
        if batch.removed == 0 {
            break;
        }
    }
    let bare: i64 = sqlx::query_scalar("select count(*) from complaint where text = '' and reply_to is null")
        .fetch_one(&city.db)
        .await
        .expect("counts");
    assert!(bare > 5 && removed >= 3 * bare.unsigned_abs(), "{removed} parts of {bare} complaints went");
    let kept: i64 = sqlx::query_scalar("select count(*) from complaint where text <> ''").fetch_one(&city.db).await.expect("counts");
    assert!(kept > 5, "what is open stays whole");
    let times = Times { now: NOW, tonight: NOW + jiff::SignedDuration::from_hours(14) };
    for (reader, (scope, filter)) in readers(&city).into_iter().enumerate() {
        let since = NOW - jiff::SignedDuration::from_hours(99 * 24);
        let asked = Asked { scope: &scope, filter: &filter, since, until: NOW, times };
        let found = figures::figures(&city.db, &asked).await.expect("counted");
        assert_eq!(found, told.expected(&asked), "reader {reader}");
        as_the_queue_says(&city, &scope, &filter, times).await;
    }
}
