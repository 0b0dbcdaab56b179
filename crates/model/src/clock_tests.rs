//! Deadlines over decades of made-up calendars, in the three zones.

use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn days(number: u16) -> Amount {
    Amount { number, unit: Unit::WorkingDays }
}

fn hours(number: u16) -> Amount {
    Amount { number, unit: Unit::WorkingHours }
}

fn office(hours: &str, on_holidays: bool) -> Office {
    Office { hours: hours.parse().ok(), on_holidays }
}

fn pause(from: &str, until: &str) -> Pause {
    Pause { from: at(from), until: Some(at(until)) }
}

#[test]
fn working_hours_end_where_the_office_closes_and_go_on_where_it_opens() {
    let calendar = Calendar::default();
    let open = calendar.of(None);
    // Friday, 14:00: two hours until it closes, four on Monday from half past seven.
    assert_eq!(open.due(at("2026-11-20T14:00:00+07:00"), hours(6), &[]), at("2026-11-23T11:30:00+07:00"));
    assert_eq!(open.due(at("2026-11-20T22:00:00+07:00"), hours(6), &[]), at("2026-11-23T13:30:00+07:00"));
    assert_eq!(open.due(at("2026-11-20T08:00:00+07:00"), hours(6), &[]), at("2026-11-20T14:00:00+07:00"));
}

#[test]
fn days_and_hours_run_through_nights_and_days_off() {
    let calendar = Calendar::default();
    let friday = at("2026-11-20T14:00:00+07:00");
    assert_eq!(calendar.of(None).due(friday, Amount { number: 7, unit: Unit::Days }, &[]), at("2026-11-27T14:00:00+07:00"));
    assert_eq!(calendar.of(None).due(friday, Amount { number: 6, unit: Unit::Hours }, &[]), at("2026-11-20T20:00:00+07:00"));
}

#[test]
fn an_office_has_its_own_week_and_may_work_on_days_off() {
    let mut calendar = Calendar::default();
    calendar.holidays.insert(date(2026, 12, 25), "Hari Raya Natal".into());
    let thursday = at("2026-12-24T10:00:00+07:00");
    let six_days = office("mon-fri 07:30-15:00, sat 08:00-12:00", false);
    let always = office("mon-sun 00:00-23:59", true);
    assert_eq!(calendar.of(None).due(thursday, days(1), &[]), at("2026-12-28T16:00:00+07:00"));
    assert_eq!(calendar.of(Some(&six_days)).due(thursday, days(1), &[]), at("2026-12-26T12:00:00+07:00"));
    assert_eq!(calendar.of(Some(&always)).due(thursday, days(1), &[]), at("2026-12-25T23:59:00+07:00"));
    assert_eq!(calendar.of(Some(&always)).days_off(thursday, at("2026-12-31T00:00:00Z")), []);
    assert_eq!(calendar.of(None).days_off(thursday, at("2026-12-31T00:00:00Z")), [(date(2026, 12, 25), "Hari Raya Natal")]);
}

#[test]
fn days_on_which_the_citizen_was_waited_for_do_not_count() {
    let calendar = Calendar::default();
    let open = calendar.of(None);
    let friday = at("2026-11-20T10:00:00+07:00");
    // Asked on Monday, answered on Wednesday: Tuesday and Wednesday do not count.
    let asked = pause("2026-11-23T09:00:00+07:00", "2026-11-25T15:00:00+07:00");
    assert_eq!(open.due(friday, days(5), &[asked]), at("2026-12-01T16:00:00+07:00"));
    assert_eq!(open.days_waited(&[asked, asked]), 2);
    let same_day = pause("2026-11-23T09:00:00+07:00", "2026-11-23T15:00:00+07:00");
    assert_eq!(open.due(friday, days(5), &[same_day]), open.due(friday, days(5), &[]));
    let not_over = Pause { from: asked.from, until: None };
    assert_eq!(open.due(friday, days(5), &[not_over]), open.due(friday, days(5), &[]));
    assert_eq!(
        open.due(friday, hours(8), &[asked]),
        at("2026-11-25T15:30:00+07:00"),
        "six on Friday, half past seven to nine, half an hour"
    );
}

fn any_zone() -> impl Strategy<Value = Zone> {
    prop::sample::select(vec![Zone::Wib, Zone::Wita, Zone::Wit])
}

fn any_office() -> impl Strategy<Value = Option<Office>> {
    prop::option::of(prop::sample::select(vec![
        office("mon-sat 07:00-14:00", false),
        office("mon-thu 07:30-16:00, fri 07:30-11:30 13:00-16:30", false),
        office("tue 09:00-12:00", false),
        office("mon-sun 00:00-23:59", true),
        Office { hours: None, on_holidays: true },
    ]))
}

fn any_amount() -> impl Strategy<Value = Amount> {
    (0u16..200, prop::sample::select(Unit::ALL.to_vec())).prop_map(|(number, unit)| Amount { number, unit })
}

prop_compose! {
    /// 2000 to 2060, in days and seconds.
    fn any_moment()(second in 946_684_800i64..2_840_140_800) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }
}

prop_compose! {
    /// A calendar whose days off lie in the four years after `from`.
    fn any_calendar(from: Timestamp)(zone in any_zone(), off in prop::collection::btree_set(0i64..1500, 0..120)) -> Calendar {
        let first = from.to_zoned(zone.time_zone()).date();
        Calendar { zone, holidays: off.into_iter().map(|day| (first.saturating_add(day.days()), "libur".to_owned())).collect() }
    }
}

prop_compose! {
    fn any_pauses(from: Timestamp)(pauses in prop::collection::vec((0i64..90 * 86_400, 0i64..20 * 86_400), 0..5)) -> Vec<Pause> {
        let after = |seconds| from.checked_add(SignedDuration::from_secs(seconds)).expect("in range");
        pauses.into_iter().map(|(begins, lasts)| Pause { from: after(begins), until: Some(after(begins + lasts)) }).collect()
    }
}

prop_compose! {
    fn any_case()(from in any_moment())(
        calendar in any_calendar(from), pauses in any_pauses(from), office in any_office(), amount in any_amount(), from in Just(from),
        late in 0i64..400,
    ) -> (Timestamp, Calendar, Option<Office>, Amount, Vec<Pause>, i64) {
        (from, calendar, office, amount, pauses, late)
    }
}

proptest! {
    /// Counted the slow way: of the days after the first, as many count as the limit says, and the last one does.
    #[test]
    fn between_start_and_deadline_lie_as_many_counting_days_as_the_limit_says(case in any_case(), number in 1u16..90) {
        let (from, calendar, office, _, pauses, _) = case;
        let open = calendar.of(office.as_ref());
        let day = |at: Timestamp| at.to_zoned(calendar.zone.time_zone()).date();
        let deadline = open.due(from, days(number), &pauses);
        let waited = |one: Date| pauses.iter().any(|pause| day(pause.from) < one && one <= day(pause.until.expect("ended")));
        // Overlapping pauses are one: the day on which one of them began counts only if no other one covers it, which `waited` says too.
        let counting = day(from).series(1.day()).skip(1).take_while(|one| *one <= day(deadline));
        let counting = counting.filter(|one| open.is_working_day(*one) && !waited(*one)).count();
        prop_assert_eq!(counting, usize::from(number));
        prop_assert!(open.is_working_day(day(deadline)) && !waited(day(deadline)));
        prop_assert!(deadline > from);
    }

    #[test]
    fn a_day_off_added_late_never_makes_a_deadline_earlier(case in any_case()) {
        let (from, mut calendar, office, amount, pauses, late) = case;
        let before = calendar.of(office.as_ref()).due(from, amount, &pauses);
        let added = from.to_zoned(calendar.zone.time_zone()).date().saturating_add(late.days());
        let was_new = calendar.holidays.insert(added, "ditetapkan kemudian".into()).is_none();
        let open = calendar.of(office.as_ref());
        let after = open.due(from, amount, &pauses);
        prop_assert!(after >= before);
        if after > before {
            prop_assert!(was_new && added <= before.to_zoned(calendar.zone.time_zone()).date(), "only a day off before the deadline moves it");
        }
        prop_assert_eq!(open.due(from, amount, &pauses), after, "counted again it is the same");
    }

    #[test]
    fn waiting_for_the_citizen_never_makes_a_deadline_earlier(case in any_case()) {
        let (from, calendar, office, amount, pauses, _) = case;
        let open = calendar.of(office.as_ref());
        prop_assert!(open.due(from, amount, &pauses) >= open.due(from, amount, &[]));
        for kept in 0..pauses.len() {
            prop_assert!(open.due(from, amount, &pauses) >= open.due(from, amount, &pauses[..kept]));
        }
    }

    #[test]
    fn more_time_is_never_an_earlier_deadline_and_a_later_start_neither(case in any_case(), later in 0i64..40 * 86_400) {
        let (from, calendar, office, amount, pauses, _) = case;
        let open = calendar.of(office.as_ref());
        let deadline = open.due(from, amount, &pauses);
        let more = Amount { number: amount.number + 1, ..amount };
        prop_assert!(open.due(from, more, &pauses) >= deadline);
        let from = from.checked_add(SignedDuration::from_secs(later)).expect("in range");
        prop_assert!(open.due(from, amount, &pauses) >= deadline || amount.unit != Unit::WorkingDays);
        prop_assert!(deadline >= from || later > 0);
    }

    /// An office in Jayapura counts as one in Jakarta does that got it two hours later by the clock on its wall.
    #[test]
    fn the_zone_moves_the_wall_clock_and_nothing_else(from in any_moment(), amount in any_amount()) {
        for (zone, ahead) in [(Zone::Wita, 1), (Zone::Wit, 2)] {
            let ahead = SignedDuration::from_hours(ahead);
            let eastern = Calendar { zone, ..Calendar::default() };
            let western = Calendar::default().of(None).due(from.checked_add(ahead).expect("in range"), amount, &[]);
            prop_assert_eq!(eastern.of(None).due(from, amount, &[]), western.checked_sub(ahead).expect("in range"));
        }
    }
}

#[test]
fn rows_that_leave_no_working_day_end_somewhere() {
    let mut calendar = Calendar::default();
    let first = date(2026, 1, 1);
    calendar.holidays = first.series(1.day()).take(30_000).map(|day| (day, "libur".to_owned())).collect();
    for unit in Unit::ALL {
        let due = calendar.of(None).due(at("2026-01-01T00:00:00Z"), Amount { number: 60, unit }, &[]);
        assert!(due > at("2026-01-01T00:00:00Z"), "{unit:?}");
    }
}
