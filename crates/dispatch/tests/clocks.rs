//! The loop that counts running clocks anew: real PostgreSQL.

#[path = "parts/support.rs"]
#[expect(dead_code, reason = "the other tests need more of it")]
mod support;

use dispatch::Clocks;
use jiff::SignedDuration;
use model::UpdateKind;
use store::{directory::Holiday, dispatch::SendKind};
use support::{City, start};

#[tokio::test]
async fn a_day_off_that_is_written_late_moves_an_open_complaint_once_however_many_workers_look() {
    let city = City::new(SendKind::Queue, "", None).await;
    let complaint = city.complaint("jalan berlubang").await;
    let (one, other) = (Clocks { db: city.db.clone() }, Clocks { db: city.db.clone() });
    let at = |seconds| start() + SignedDuration::from_secs(seconds);
    one.round(at(1)).await.expect("counts");
    let off = Holiday { day: jiff::civil::date(2026, 11, 25), name: "Cuti bersama susulan".into(), source: "SKB perubahan".into() };
    store::clocks::write_holidays(&city.db, &[off]).await.expect("is written");
    for seconds in [10, 20, 200, 400] {
        let (first, second) = tokio::join!(one.round(at(seconds)), other.round(at(seconds)));
        first.and(second).expect("both look, one counts");
    }
    let moved = store::complaint::load(&city.db, complaint.id).await.expect("loads").expect("is there");
    let directory = store::directory::load(&city.db).await.expect("loads");
    assert_eq!(moved.dispatches[0].deadline, directory.calendar.deadline(complaint.dispatches[0].deadline, 1));
    let steps = store::complaint::history(&city.db, complaint.id).await.expect("loads");
    assert_eq!(steps.iter().filter(|step| step.kind == UpdateKind::Moved).count(), 1, "told once");
}
