//! Clocks that are told to telephones: which way is taken, what is said, and what comes instead where it does not arrive.

use std::time::Duration;

use dispatch::{Escalations, WorkMessages};
use jiff::{SignedDuration, Timestamp};
use model::{
    Actor, Address, AgencyId, Complaint, Language, ReceiptState, Reply, ReplyId, ReplyKind, Role, StaffId, Stage, UpdateKind,
    clock::Zone,
    escalation::{Escalated, Post, Way, When},
};
use store::{
    escalation::{self, Failed, NewHolder, NewRule, PATIENCE},
    staff::NewStaff,
    telephone::{self, Telephone, Whose},
    work_message::{self as message, LATE, LEFT, OPTED_OUT, figures},
};

use crate::{
    World, connect, delivered, receipt,
    support::{site, start},
};

/// Of the n-th person.
fn number(n: u8) -> Telephone {
    let address = Address::tel(&format!("+628120000070{n}")).expect("a number");
    Telephone { adapter: "chat".parse().expect("a name"), account: "1".into(), address }
}

/// At the end of settling, from that day of the month.
fn at_the_end(to: Post, way: Way, day: i8) -> NewRule {
    NewRule {
        stage: Stage::Settle,
        agency: None,
        category: None,
        channel: None,
        when: When::At,
        to,
        way,
        source: format!("aturan kota, {}", way.as_str()),
        verified: true,
        from: jiff::civil::date(2026, 11, day),
    }
}

impl World {
    /// Only this rule: at the end of settling, to the head by this way.
    async fn ruled(&self, way: Way) {
        let mut tx = store::begin(&self.city.db).await.expect("begins");
        let before = escalation::rules(&self.city.db).await.expect("loads");
        for rule in &before {
            escalation::end(&mut tx, rule.id, jiff::civil::date(2026, 11, 1)).await.expect("ends");
        }
        // No two rules of one kind begin on one day.
        let rule = at_the_end(Post::Head, way, i8::try_from(before.len()).expect("few rules"));
        escalation::add(&mut tx, &rule).await.expect("is written");
        store::commit(tx).await.expect("commits");
    }

    async fn holds(&self, agency: Option<AgencyId>, email: Option<&str>, telephone: Option<Telephone>) -> i64 {
        let name = if agency.is_some() { "Kepala Dinas" } else { "Sekretaris Daerah" };
        let new = NewHolder { agency, name: name.into(), email: email.map(Into::into), telephone, from: jiff::civil::date(2026, 11, 1) };
        let mut tx = store::begin(&self.city.db).await.expect("begins");
        let id = escalation::hold(&mut tx, &new, start()).await.expect("is written");
        store::commit(tx).await.expect("commits");
        id
    }

    /// A supervisor of the roads agency who is reached so.
    async fn supervises(&self, email: Option<&str>, telephone: Option<Telephone>) -> StaffId {
        let new = NewStaff {
            login: "penyelia".into(),
            name: "Penyelia".into(),
            role: Role::Supervisor,
            agency: Some(self.agency),
            office: None,
            language: Language::Id,
        };
        let mut tx = store::begin(&self.city.db).await.expect("begins");
        let id = store::staff::create(&mut tx, &new, "-", start()).await.expect("is made").expect("is new");
        escalation::set_mail(&mut tx, id, email).await.expect("is written");
        if let Some(telephone) = telephone {
            telephone::set(&mut tx, Whose::Staff(id), &telephone, start()).await.expect("is written");
        }
        store::commit(tx).await.expect("commits");
        id
    }

    async fn looks(&self, now: Timestamp) {
        Escalations::new(self.city.db.clone()).round(now).await.expect("looks");
    }

    async fn mails(&self, now: Timestamp) -> Vec<String> {
        let claimed = escalation::claim(&self.city.db, now, Duration::from_secs(1), Duration::ZERO, 50).await.expect("claims");
        let mut to: Vec<String> = claimed.into_iter().map(|mail| mail.email).collect();
        to.sort();
        to
    }

    /// Whom the history says to have been reached, in the order it happened.
    async fn reached(&self, complaint: &Complaint) -> Vec<Option<Post>> {
        let steps = store::complaint::history(&self.city.db, complaint.id).await.expect("loads");
        let told = steps.iter().filter(|step| step.kind == UpdateKind::Escalated && step.by == Actor::System);
        told.map(|step| Escalated::from_text(step.text.as_deref().expect("a text")).expect("says what it means").reached).collect()
    }

    async fn failed(&self) -> Vec<Failed> {
        escalation::failed(&self.city.db, 9).await.expect("loads")
    }

    /// Hands what is due to the bus and takes it there, as an adapter does.
    async fn sent(&self, now: Timestamp, count: usize) -> Vec<Reply> {
        let bus = connect(&self.nats).await;
        WorkMessages::new(self.city.db.clone(), bus.clone(), site(), Language::Id).round(now).await.expect("a round");
        delivered(&bus, count).await
    }

    async fn hears(&self, reply: ReplyId, state: ReceiptState) {
        assert_eq!(message::receipts(&self.city.db, &[receipt(Some(reply), None, state)]).await.expect("is written"), [true]);
    }
}

fn no() -> ReceiptState {
    ReceiptState::Failed { code: "131026".into(), detail: "no such telephone".into() }
}

fn minutes(from: Timestamp, minutes: i64) -> Timestamp {
    from + SignedDuration::from_mins(minutes)
}

#[tokio::test]
async fn a_message_about_a_clock_says_number_clock_and_page_and_nothing_of_the_complaint() {
    let world = World::new().await;
    world.ruled(Way::Telephone).await;
    world.holds(Some(world.agency), Some("kepala@dbm.example"), Some(number(1))).await;
    let complaint = world.city.complaint("jalan berlubang di depan rumah saya").await;
    let due = complaint.dispatches[0].deadline;
    let passed = minutes(due, 1);
    for at in [passed, minutes(due, 2)] {
        world.looks(at).await;
    }
    let heard = world.sent(passed, 1).await.remove(0);
    assert_eq!((heard.kind, &heard.to.address, heard.to.open_until), (ReplyKind::Escalated, &number(1).address, Some(passed)));
    let until = model::clock::date_and_time(due, Zone::Wib, Language::Id);
    let (reference, link) = (complaint.reference.to_string(), format!("https://lapor.example.id/aduan/{}", complaint.id));
    for part in [&reference, "selesai", &format!("lewat sejak {until}"), &link] {
        assert!(heard.text.contains(part), "{part} in {}", heard.text);
    }
    let facts: Vec<&str> = heard.params.keys().map(String::as_str).collect();
    assert_eq!(facts, ["deadline", "link", "reference", "site", "stage"]);
    assert!(heard.short.iter().all(|form| form.contains(&link) && form.contains(&reference)), "{:?}", heard.short);
    assert!(heard.short.last().is_some_and(|last| last.len() < 160), "one text message holds it: {:?}", heard.short);
    let said = serde_json::to_string(&heard).expect("it is JSON");
    for secret in ["rumah saya", "Warga Rahasia", "Dinas Bina Marga", complaint.tracking.as_str()] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
    world.hears(heard.id, ReceiptState::Read).await;
    world.looks(minutes(due, 200)).await;
    assert_eq!((world.mails(minutes(due, 200)).await, world.failed().await), (Vec::new(), Vec::new()), "it arrived");
    let counted = figures::of_days(&world.city.db, due.to_zoned(Zone::Wib.time_zone()).date(), 2, Zone::Wib).await.expect("counts");
    let [day] = counted.as_slice() else { panic!("{counted:?}") };
    assert_eq!((day.escalations, day.all, day.sent, day.failed, day.unsure), (true, 1, 1, 0, 0));
}

#[tokio::test]
async fn the_rules_way_wins_and_who_lacks_it_is_told_by_the_other_one() {
    let world = World::new().await;
    let both = (Some("kepala@dbm.example"), Some(number(1)));
    for (n, (way, (email, telephone), mails, messages)) in [
        (Way::Telephone, both.clone(), 0, 1),
        (Way::Email, both.clone(), 1, 0),
        (Way::Telephone, (both.0, None), 1, 0),
        (Way::Email, (None, both.1.clone()), 0, 1),
        (Way::List, both, 0, 0),
    ]
    .into_iter()
    .enumerate()
    {
        world.ruled(way).await;
        let holder = world.holds(Some(world.agency), email, telephone).await;
        let complaint = world.city.complaint("jalan berlubang").await;
        let db = &world.city.db;
        let directory = store::directory::load(db).await.expect("loads");
        let mut tx = store::begin(db).await.expect("begins");
        let done = escalation::look_at(&mut tx, &[complaint.id], &directory, complaint.dispatches[0].deadline).await.expect("looks");
        assert_eq!((done.told, done.mails, done.messages), (1, mails, messages), "{n}: {way:?}");
        assert!(escalation::end_holder(&mut tx, holder, jiff::civil::date(2026, 11, 1)).await.expect("ends"));
        store::commit(tx).await.expect("commits");
        assert_eq!(telephone::all(db).await.expect("is read").len(), 0, "forgotten with the post");
    }
    // What still waited for who has left is not sent.
    assert_eq!(world.sent(minutes(start(), 60 * 24 * 30), 0).await.len(), 0);
    assert!(world.failed().await.iter().all(|failed| failed.error.as_deref() == Some(LEFT)));
}

#[tokio::test]
async fn what_does_not_arrive_becomes_a_mail_and_without_an_address_goes_to_the_post_above() {
    let world = World::new().await;
    world.ruled(Way::Telephone).await;
    let head = world.holds(Some(world.agency), Some("kepala@dbm.example"), Some(number(1))).await;
    let first = world.city.complaint("jalan berlubang").await;
    let due = first.dispatches[0].deadline;
    let mut tx = store::begin(&world.city.db).await.expect("begins");
    let directory = store::directory::load(&world.city.db).await.expect("loads");
    escalation::look_at(&mut tx, &[first.id], &directory, due).await.expect("looks");
    store::commit(tx).await.expect("commits");
    let came = world.sent(due, 1).await.remove(0);
    world.hears(came.id, ReceiptState::Sent).await;
    world.hears(came.id, no()).await;
    for minute in [1, 2] {
        world.looks(minutes(due, minute)).await;
    }
    let mailed = world.mails(minutes(due, 3)).await;
    assert_eq!(mailed.iter().filter(|to| *to == "kepala@dbm.example").count(), 1, "{mailed:?}");
    let seen = world.failed().await;
    assert_eq!((seen[0].complaint, seen[0].name.as_str(), seen[0].how.as_str()), (first.id, "Kepala Dinas", "failed"));
    assert_eq!((seen[0].error.as_deref(), seen[0].instead.as_deref()), (Some("131026: no such telephone"), Some("mail")));
    assert_eq!(world.reached(&first).await, [Some(Post::Head)], "the history says who was told, not how");

    // Two in one post without addresses: nobody above hears of it as long as one of them may have it.
    let mut tx = store::begin(&world.city.db).await.expect("begins");
    escalation::end_holder(&mut tx, head, jiff::civil::date(2026, 11, 1)).await.expect("ends");
    store::commit(tx).await.expect("commits");
    world.holds(Some(world.agency), None, Some(number(2))).await;
    world.holds(Some(world.agency), None, Some(number(3))).await;
    world.holds(None, Some("sekda@example.id"), None).await;
    let second = world.city.complaint("saluran mampet").await;
    let mut tx = store::begin(&world.city.db).await.expect("begins");
    escalation::look_at(&mut tx, &[second.id], &directory, minutes(due, 5)).await.expect("looks");
    store::commit(tx).await.expect("commits");
    let came = world.sent(minutes(due, 5), 2).await;
    let two: Vec<ReplyId> =
        came.iter().filter(|reply| reply.params["reference"] == second.reference.to_string()).map(|one| one.id).collect();
    assert_eq!(two.len(), 2);
    world.hears(two[0], ReceiptState::Unknown { detail: "no answer".into() }).await;
    world.looks(minutes(due, 6)).await;
    assert_eq!(world.reached(&second).await, [Some(Post::Head)]);
    world.hears(two[1], no()).await;
    for minute in [7, 8] {
        world.looks(minutes(due, minute)).await;
    }
    assert_eq!(world.reached(&second).await, [Some(Post::Head), Some(Post::Secretary)], "once");
    assert!(world.mails(minutes(due, 9)).await.contains(&"sekda@example.id".to_owned()));
    let instead = |failed: &Failed| failed.instead.clone().unwrap_or_default();
    let of_second: Vec<String> = world.failed().await.iter().filter(|one| one.complaint == second.id).map(instead).collect();
    assert_eq!(of_second.len(), 2);
    assert!(of_second.contains(&"others".to_owned()) && of_second.contains(&"up".to_owned()), "{of_second:?}");
}

#[tokio::test]
async fn silence_and_a_message_that_waits_too_long_become_mails_and_an_account_keeps_its_list() {
    let world = World::new().await;
    world.ruled(Way::Telephone).await;
    let supervisor = world.supervises(None, Some(number(4))).await;
    world.holds(Some(world.agency), Some("kepala@dbm.example"), Some(number(5))).await;
    let complaint = world.city.complaint("jalan berlubang").await;
    let due = complaint.dispatches[0].deadline;
    world.looks(due).await;
    let heard = world.sent(due, 1).await.remove(0);
    world.looks(minutes(due, 59)).await;
    assert_eq!(world.mails(minutes(due, 59)).await, Vec::<String>::new(), "an adapter may be away for a while");
    let later = due + SignedDuration::try_from(PATIENCE).expect("a while") + SignedDuration::from_secs(1);
    for _ in 0..2 {
        world.looks(later).await;
    }
    assert_eq!(world.mails(later).await, ["kepala@dbm.example"]);
    assert_eq!(world.failed().await[0].how, "silent");
    world.hears(heard.id, ReceiptState::Delivered).await;
    assert_eq!(world.failed().await, [], "it arrived after all");

    // A rule of supervisors, whose number wants no messages: they have an account, and so their list.
    let mut tx = store::begin(&world.city.db).await.expect("begins");
    let rule = at_the_end(Post::Supervisor, Way::Telephone, 2);
    escalation::add(&mut tx, &rule).await.expect("is written");
    store::commit(tx).await.expect("commits");
    store::citizen::opt_out(&world.city.db, &number(4).address, start()).await.expect("is noted");
    for minute in 70..73 {
        world.looks(minutes(due, minute)).await;
    }
    let failed = world.failed().await.remove(0);
    assert_eq!((failed.how.as_str(), failed.error.as_deref(), failed.instead.as_deref()), ("refused", Some(OPTED_OUT), Some("list")));

    // A paused channel: what waits an hour is taken back, and goes by mail.
    let mut tx = store::begin(&world.city.db).await.expect("begins");
    escalation::set_mail(&mut tx, supervisor, Some("penyelia@dbm.example")).await.expect("is written");
    let adapter: model::AdapterName = "chat".parse().expect("a name");
    let pause = store::channel::Pause { adapter, account: "1".into(), since: start(), reason: "kartu".into() };
    store::channel::pause(&mut tx, &pause).await.expect("is written");
    store::citizen::opt_in(&world.city.db, &number(4).address).await.expect("is noted");
    store::commit(tx).await.expect("commits");
    let waits = world.city.complaint("lampu mati").await;
    let due = minutes(due, 100);
    let directory = store::directory::load(&world.city.db).await.expect("loads");
    let mut tx = store::begin(&world.city.db).await.expect("begins");
    escalation::look_at(&mut tx, &[waits.id], &directory, due).await.expect("looks");
    store::commit(tx).await.expect("commits");
    assert_eq!(world.sent(due, 0).await.len(), 0);
    world.looks(minutes(due, 61)).await;
    assert!(world.mails(minutes(due, 61)).await.contains(&"penyelia@dbm.example".to_owned()));
    assert_eq!(world.failed().await[0].error.as_deref(), Some(LATE));
    let mut tx = store::begin(&world.city.db).await.expect("begins");
    store::channel::resume(&mut tx, &pause.adapter, "1").await.expect("is written");
    store::commit(tx).await.expect("commits");
    assert_eq!(world.sent(minutes(due, 62), 0).await.len(), 0, "it is not sent when the channel is there again");
}
