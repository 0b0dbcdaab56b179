//! Counts by age are sums of days and rows of the day that is cut: they must be what the list shows, whatever the hour.

use jiff::SignedDuration;
use model::{AgencyId, CitizenId, ComplaintId, StaffId, Timestamp, Visibility};
use store::{
    made::{self, Made},
    queue::{self, Asked, Filter, Scope, Start, Times, View},
};

use super::{NOW, World, inbound};

const MANY: usize = 240;
const GRADES: [&str; 3] = ["public", "hidden", "secret"];

/// Five hours and a bit between two: every hour of the day is there, and some days begin with one.
fn opened(number: usize) -> Timestamp {
    NOW - SignedDuration::from_secs(i64::try_from(number).expect("small") * 18_061)
}

fn made(number: usize, agencies: &[(AgencyId, Vec<StaffId>)]) -> Made {
    let (agency, officers) = &agencies[number % agencies.len()];
    Made {
        id: ComplaintId::new(opened(number)),
        reference: inbound(&number.to_string()).reference.to_string(),
        text: "lampu padam".into(),
        place: String::new(),
        area: "3171003004".into(),
        category: format!("c{}", number % 2),
        account: (number % 3).to_string(),
        visibility: GRADES[number % 5 % 3],
        danger: number.is_multiple_of(7),
        opened_at: opened(number),
        deadline: opened(number) + SignedDuration::from_hours(120),
        agency: Some(*agency),
        officer: Some(officers[0]),
        work: "done",
        name: "Warga Contoh".into(),
        contact: String::new(),
    }
}

/// As the list shows them, to its end.
async fn lines(world: &World, scope: &Scope, filter: &Filter, times: Times) -> u64 {
    let asked = Asked { me: StaffId::new(NOW), view: View::Done, filter, from: Start::Top, most: 1000 };
    let rows = queue::rows(&world.db, scope, &asked, times).await.expect("is read");
    assert!(rows.older.is_none(), "one page holds all");
    u64::try_from(rows.rows.len()).expect("small")
}

#[tokio::test]
async fn counts_by_age_are_what_the_list_shows_at_every_hour() {
    let world = World::new().await;
    let agencies = [(AgencyId::new(NOW), vec![StaffId::new(NOW)]), (AgencyId::new(NOW), vec![StaffId::new(NOW)])];
    let citizen = CitizenId::new(NOW);
    made::ground(&world.db, citizen, &["c0".into(), "c1".into()], &agencies, NOW).await.expect("ground");
    let all: Vec<Made> = (0..MANY).map(|number| made(number, &agencies)).collect();
    made::begin_filling(&world.db).await.expect("begins");
    made::fill(&world.db, citizen, &all).await.expect("fills");
    made::settle(&world.db).await.expect("settles");

    let times = Times { now: NOW, tonight: NOW };
    let midnight = Timestamp::constant(1_795_132_800 - 3 * 86_400, 0);
    let hours = [None, Some(midnight), Some(opened(40)), Some(opened(90) + SignedDuration::from_secs(1)), Some(opened(MANY)), Some(NOW)];
    let narrowed = [
        Filter::default(),
        Filter { visibility: Some(Visibility::Hidden), ..Filter::default() },
        Filter { agency: Some(agencies[1].0), ..Filter::default() },
        Filter { category: Some("c1".into()), ..Filter::default() },
        Filter { danger: true, ..Filter::default() },
    ];
    let scopes = [Scope::Everything, Scope::Agency(agencies[0].0)];
    let mut found = 0;
    for (scope, narrowed) in scopes.iter().flat_map(|scope| narrowed.iter().map(move |filter| (scope, filter))) {
        for (since, before) in hours.iter().flat_map(|since| hours.iter().map(move |before| (*since, *before))) {
            let filter = Filter { opened_since: since, opened_before: before, ..narrowed.clone() };
            let counted = queue::counts(&world.db, scope, StaffId::new(NOW), &filter, times).await.expect("counts").done;
            assert_eq!(counted, lines(&world, scope, &filter, times).await, "{scope:?}, {filter:?}");
            found += counted;
        }
    }
    assert!(found > 1000, "{found}");
    assert_eq!(queue::disagreements(&world.db).await.expect("counts"), 0);
}
