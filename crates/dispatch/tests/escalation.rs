//! Who is told that a clock ends or ended, and what silence closes: real PostgreSQL, and a mail server of our own.

#[path = "parts/clock_mails.rs"]
mod clock_mails;
#[path = "parts/smtp.rs"]
mod smtp;
#[path = "parts/support.rs"]
mod support;

use std::time::Duration;

use dispatch::{Closing, ConsultationMails, Escalations, TaskMails};
use jiff::{SignedDuration, Timestamp, ToSpan, civil::date};
use model::{
    Action, Actor, AgencyId, Complaint, Language, MessageId, ReplyKind, Role, StaffId, Stage, UpdateKind,
    clock::{Amount, Unit, Zone},
    decide,
    escalation::{Escalated, Post, Way, When},
    task::BodyKind,
};
use smtp::{Behaviour, FakeSmtp, comes_back};
use store::{
    consult::Consultation,
    dispatch::SendKind,
    escalation::{self, NewHolder, NewRule},
    queue::{Asked, Filter, Scope, Start, Times, View},
    staff::NewStaff,
    task::{Body, NewTask, Reached},
};
use support::{City, site, start};

/// A city with the three rules of these tests, and none of those that it started with.
async fn city() -> City {
    let city = City::new(SendKind::Queue, "", None).await;
    let mut tx = store::begin(&city.db).await.expect("begins");
    for rule in escalation::rules(&city.db).await.expect("loads") {
        assert!(!rule.verified, "no starting row claims that its text was read");
        assert!(escalation::end(&mut tx, rule.id, date(2026, 11, 1)).await.expect("ends"));
    }
    let days = |number| Amount { number, unit: Unit::WorkingDays };
    for (when, to) in [(When::Before(days(1)), Post::Officer), (When::At, Post::Supervisor), (When::After(days(2)), Post::Head)] {
        let rule = NewRule {
            stage: Stage::Settle,
            agency: None,
            category: None,
            channel: None,
            when,
            to,
            way: Way::Email,
            source: "aturan kota".into(),
            verified: true,
            from: date(2026, 11, 1),
        };
        escalation::add(&mut tx, &rule).await.expect("is written");
    }
    store::commit(tx).await.expect("commits");
    city
}

async fn agency(city: &City) -> AgencyId {
    agency_of(city, "dbm").await
}

async fn agency_of(city: &City, code: &str) -> AgencyId {
    let directory = store::directory::load(&city.db).await.expect("loads");
    directory.agencies.values().find(|agency| agency.code == code).expect("is in the seed").id
}

/// Somebody who works for the agency, or for the city, and has an address.
async fn works(city: &City, login: &str, role: Role) -> StaffId {
    works_for(city, login, role, agency(city).await).await
}

async fn works_for(city: &City, login: &str, role: Role, agency: AgencyId) -> StaffId {
    let agency = role.belongs_to_agency().then_some(agency);
    let new = NewStaff { login: login.into(), name: login.into(), role, agency, office: None, language: Language::Id };
    let mut tx = store::begin(&city.db).await.expect("begins");
    let id = store::staff::create(&mut tx, &new, "-", start()).await.expect("is made").expect("is new");
    escalation::set_mail(&mut tx, id, Some(&format!("{login}@dbm.example"))).await.expect("is written");
    store::commit(tx).await.expect("commits");
    id
}

async fn head(city: &City) {
    holder(city, Some(agency(city).await), "Kepala Dinas", "kepala@dbm.example").await;
}

/// Somebody without an account at the head of the agency, or as the city's secretary.
async fn holder(city: &City, agency: Option<AgencyId>, name: &str, email: &str) {
    let new = NewHolder { agency, name: name.into(), email: Some(email.into()), telephone: None, from: date(2026, 11, 1) };
    let mut tx = store::begin(&city.db).await.expect("begins");
    escalation::hold(&mut tx, &new, start()).await.expect("is written");
    store::commit(tx).await.expect("commits");
}

async fn act(city: &City, complaint: &Complaint, action: Action, by: Actor, at: Timestamp) -> Complaint {
    let directory = store::directory::load(&city.db).await.expect("loads");
    let mut tx = store::begin(&city.db).await.expect("begins");
    let read = store::complaint::lock(&mut tx, complaint.id).await.expect("loads").expect("is there");
    let decision = decide(read, action, by, &directory, at).expect("is allowed");
    store::complaint::write(&mut tx, &decision).await.expect("is written");
    store::commit(tx).await.expect("commits");
    decision.complaint
}

async fn load(city: &City, complaint: &Complaint) -> Complaint {
    store::complaint::load(&city.db, complaint.id).await.expect("loads").expect("is there")
}

/// Whom the rules named and who was reached, in the order it happened.
async fn told(city: &City, complaint: &Complaint) -> Vec<(Post, Option<Post>)> {
    let steps = store::complaint::history(&city.db, complaint.id).await.expect("loads");
    let escalated = steps.iter().filter(|step| step.kind == UpdateKind::Escalated);
    let read = |text: &str| Escalated::from_text(text).expect("says what it means");
    escalated.map(|step| read(step.text.as_deref().expect("a text"))).map(|told| (told.asked, told.reached)).collect()
}

async fn addresses(city: &City, now: Timestamp) -> Vec<String> {
    let claimed = escalation::claim(&city.db, now, Duration::from_mins(3), Duration::ZERO, 50).await.expect("claims");
    let mut addresses: Vec<String> = claimed.into_iter().map(|mail| mail.email).collect();
    addresses.sort();
    addresses
}

/// One list of everybody's, with its count.
async fn list(city: &City, view: View, now: Timestamp) -> (usize, u64) {
    let (me, filter, times) = (StaffId::new(now), Filter::default(), Times { now, tonight: now + 12.hours() });
    let asked = Asked { me, view, filter: &filter, from: Start::Top, most: 50 };
    let rows = store::queue::rows(&city.db, &Scope::Everything, &asked, times).await.expect("is read").rows.len();
    (rows, store::queue::counts(&city.db, &Scope::Everything, me, &filter, times).await.expect("counts").of(view))
}

fn hours(hours: i64) -> Timestamp {
    start() + SignedDuration::from_hours(hours)
}

#[tokio::test]
async fn each_rule_is_told_once_whoever_looks_and_who_dies_in_the_middle_leaves_nothing_behind() {
    let city = city().await;
    let officer = works(&city, "petugas", Role::Officer).await;
    works(&city, "penyelia", Role::Supervisor).await;
    head(&city).await;
    let complaint = city.complaint("jalan berlubang").await;
    let by = Actor::Staff { id: officer, role: Role::Officer, agency: Some(agency(&city).await) };
    act(&city, &complaint, Action::Claim, by, hours(1)).await;
    let version = load(&city, &complaint).await.version;
    let due = complaint.dispatches[0].deadline;
    let (one, other) = (Escalations::new(city.db.clone()), Escalations::new(city.db.clone()));
    one.round(hours(2)).await.expect("looks");
    assert_eq!(told(&city, &complaint).await, [], "nothing is due");

    // Somebody looked and died before it was written.
    let directory = store::directory::load(&city.db).await.expect("loads");
    let mut tx = store::begin(&city.db).await.expect("begins");
    assert!(escalation::lock(&mut tx).await.expect("asks"));
    let ids = escalation::due(&mut tx, due, 50).await.expect("looks");
    assert_eq!(ids, [complaint.id]);
    let done = escalation::look_at(&mut tx, &ids, &directory, due).await.expect("looks");
    assert_eq!((done.told, done.mails), (2, 2));
    one.round(due).await.expect("another one waits its turn");
    assert_eq!(told(&city, &complaint).await, [], "one at a time");
    drop(tx);

    let expected = [(Post::Officer, Some(Post::Officer)), (Post::Supervisor, Some(Post::Supervisor)), (Post::Head, Some(Post::Head))];
    for (at, so_far) in
        [(due - 1.hour(), 1), (due, 2), (due + 1.minute(), 2), (due + 24.hours(), 2), (due + 240.hours(), 3), (due + 480.hours(), 3)]
    {
        // A round that found the other one at work looks again.
        for _ in 0..3 {
            let (first, second) = tokio::join!(one.round(at), other.round(at));
            first.and(second).expect("both look");
        }
        assert_eq!(told(&city, &complaint).await, expected[..so_far], "{at}");
    }
    assert_eq!(addresses(&city, due + 480.hours()).await, ["kepala@dbm.example", "penyelia@dbm.example", "petugas@dbm.example"]);
    assert_eq!(list(&city, View::Escalated, due + 480.hours()).await, (1, 1));
    assert_eq!(load(&city, &complaint).await.version, version, "who is writing an answer is not told that something changed");
    let steps = store::complaint::history(&city.db, complaint.id).await.expect("loads");
    assert!(steps.iter().filter(|step| step.kind == UpdateKind::Escalated).all(|step| !step.kind.is_for_citizen()));
    let flags = store::missed::of_complaint(&city.db, complaint.id).await.expect("loads");
    assert_eq!(flags.iter().map(|flag| (flag.stage, flag.officer, flag.due)).collect::<Vec<_>>(), [(Stage::Settle, Some(officer), due)]);

    act(&city, &complaint, Action::Resolve { text: "sudah".into(), photo: None }, by, due + 500.hours()).await;
    let flags = store::missed::of_complaint(&city.db, complaint.id).await.expect("loads");
    assert_eq!(flags.iter().map(|flag| flag.ended_at).collect::<Vec<_>>(), [Some(due + 500.hours())], "the mark stays");
    assert_eq!(list(&city, View::Escalated, due + 500.hours()).await, (0, 0));
}

#[tokio::test]
async fn an_empty_post_goes_up_and_the_row_says_so() {
    let city = city().await;
    let worker = Escalations::new(city.db.clone());
    let complaint = city.complaint("lampu mati").await;
    let due = complaint.dispatches[0].deadline;
    worker.round(due).await.expect("looks");
    assert_eq!(told(&city, &complaint).await, [(Post::Officer, None), (Post::Supervisor, None)], "nobody works here yet");
    works(&city, "admin", Role::Admin).await;
    worker.round(due + 240.hours()).await.expect("looks");
    assert_eq!(told(&city, &complaint).await.last(), Some(&(Post::Head, Some(Post::Admin))));

    works(&city, "penyelia", Role::Supervisor).await;
    let other = city.complaint("jalan rusak").await;
    worker.round(due).await.expect("looks");
    let expected = [(Post::Officer, Some(Post::Supervisor)), (Post::Supervisor, Some(Post::Supervisor))];
    assert_eq!(told(&city, &other).await, expected, "nobody holds it, so the supervisor hears of it");
    head(&city).await;
    worker.round(due + 240.hours()).await.expect("looks");
    assert_eq!(told(&city, &other).await.last(), Some(&(Post::Head, Some(Post::Head))));
}

#[tokio::test]
async fn what_waits_for_the_citizen_waits_here_too_and_a_later_rule_comes_to_what_is_open() {
    let city = city().await;
    let officer = works(&city, "petugas", Role::Officer).await;
    let by = Actor::Staff { id: officer, role: Role::Officer, agency: Some(agency(&city).await) };
    let worker = Escalations::new(city.db.clone());
    let (asked, late) = (city.complaint("jalan berlubang").await, city.complaint("jalan amblas").await);
    let due = asked.dispatches[0].deadline;
    act(&city, &asked, Action::Ask { text: "di mana?".into() }, by, hours(2)).await;
    act(&city, &late, Action::Ask { text: "di mana?".into() }, by, due + 1.hour()).await;
    worker.round(due + 240.hours()).await.expect("looks");
    assert_eq!((told(&city, &asked).await, told(&city, &late).await), (vec![], vec![]));
    assert_eq!(list(&city, View::Overdue, due + 240.hours()).await, (1, 1), "late is what was late when the citizen was asked");
    assert_eq!(list(&city, View::Today, due - 1.hour()).await, (0, 0));
    assert_eq!(list(&city, View::Waiting, due).await, (2, 2));

    let answer = Action::FollowUp {
        message: MessageId::new(start()),
        text: "depan pasar".into(),
        same_breath: false,
        reply_to: None,
        triaged: None,
        location: None,
    };
    // The message itself is not what this is about: the step needs one that is there.
    let mut answered = load(&city, &late).await;
    let directory = store::directory::load(&city.db).await.expect("loads");
    let mut decision = decide(answered.clone(), answer, Actor::Citizen, &directory, due + 300.hours()).expect("is allowed");
    decision.updates.iter_mut().for_each(|update| update.message = None);
    let mut tx = store::begin(&city.db).await.expect("begins");
    store::complaint::write(&mut tx, &decision).await.expect("is written");
    store::commit(tx).await.expect("commits");
    answered = load(&city, &late).await;
    assert!(answered.dispatches[0].clocks.paused().is_none());
    let later = answered.dispatches[0].deadline + 480.hours();
    worker.round(later).await.expect("looks");
    assert_eq!(told(&city, &late).await.len(), 3, "it goes on where it stood");

    let mut tx = store::begin(&city.db).await.expect("begins");
    let rule = NewRule {
        stage: Stage::Settle,
        agency: None,
        category: Some("road".into()),
        channel: None,
        when: When::After(Amount { number: 6, unit: Unit::Days }),
        to: Post::Secretary,
        way: Way::List,
        source: "aturan kota".into(),
        verified: false,
        from: date(2026, 11, 1),
    };
    escalation::add(&mut tx, &rule).await.expect("is written");
    store::commit(tx).await.expect("commits");
    for seconds in 0..4 {
        worker.round(later + SignedDuration::from_secs(seconds)).await.expect("looks");
    }
    assert_eq!(told(&city, &late).await.iter().filter(|(asked, _)| *asked == Post::Secretary).count(), 1);
}

#[tokio::test]
async fn a_body_gets_the_link_to_its_task_by_mail_once_and_nothing_of_the_complaint() {
    let (city, server) = (city().await, FakeSmtp::new(Behaviour::Accept).await);
    let by = works(&city, "penyelia", Role::Supervisor).await;
    let complaint = city.complaint("jalan berlubang di depan rumah saya").await;
    let agency = agency(&city).await;
    let (now, key) = (start() + 1.hour(), |n| model::UpdateId::new(start() + SignedDuration::from_secs(n)).0);
    let reached = Reached::Mail("rt03@contoh.example".into());
    let body = Body { id: key(1), kind: BodyKind::Rt, name: "RT 03 Melati".into(), reached };
    let new = NewTask {
        id: key(2),
        complaint: complaint.id,
        body: body.id,
        agency,
        words: "Tolong pasang rambu.".into(),
        photos: false,
        due_at: now + 72.hours(),
        expires_at: now + 400.hours(),
        today: date(2026, 11, 20),
    };
    let mut tx = store::begin(&city.db).await.expect("begins");
    assert!(store::task::add_body(&mut tx, agency, &body, by, now).await.expect("is written"));
    assert!(store::task::give(&mut tx, &new, by, now).await.expect("is written"));
    store::commit(tx).await.expect("commits");
    let mails = TaskMails::new(city.db.clone(), site(), Language::Id, Some(server.mail()));
    for _ in 0..2 {
        mails.round(now + 1.minute()).await.expect("sends");
    }
    let sent = server.mails();
    assert_eq!(sent.len(), 1);
    let mail = sent[0].replace("=\n", "").replace("=\r\n", "");
    for part in ["To: rt03@contoh.example", "Tolong pasang rambu.", "RT 03 Melati", "Dinas Bina Marga"] {
        assert!(mail.contains(part), "{part} in\n{mail}");
    }
    for secret in ["rumah saya", "Warga Rahasia", "62812", complaint.tracking.as_str(), &complaint.reference.to_string()] {
        assert!(!mail.contains(secret), "{secret} in\n{mail}");
    }
    let code = mail.split_once("/tugas/").expect("a link").1.chars().take(22).collect::<String>().parse().expect("a code");
    let task = store::task::by_code(&city.db, &code, now).await.expect("loads").expect("the link opens it");
    assert_eq!((task.id, task.complaint), (new.id, complaint.id));
    assert_eq!(store::task::of_complaint(&city.db, complaint.id).await.expect("loads")[0].mail.as_deref(), Some("delivered"));
    assert!(comes_back(&city.db, &sent[0]).await);
    assert_eq!(store::task::of_complaint(&city.db, complaint.id).await.expect("loads")[0].mail.as_deref(), Some("refused"));
}

#[tokio::test]
async fn the_head_who_is_asked_is_the_one_of_the_citys_day_also_before_midnight_elsewhere() {
    let city = city().await;
    let asker = agency_of(&city, "dishub").await;
    let by = works_for(&city, "penanya", Role::Officer, asker).await;
    let complaint = city.complaint("jalan berlubang di depan rumah saya").await;
    let roads = complaint.dispatches[0].agency;
    let head = |name: &str, from| NewHolder {
        agency: Some(roads),
        name: name.into(),
        email: Some(format!("{name}@dbm.example")),
        telephone: None,
        from,
    };
    let mut tx = store::begin(&city.db).await.expect("begins");
    let before = escalation::hold(&mut tx, &head("lama", date(2026, 1, 1)), start()).await.expect("is written");
    escalation::end_holder(&mut tx, before, date(2026, 12, 1)).await.expect("is written");
    escalation::hold(&mut tx, &head("baru", date(2026, 12, 2)), start()).await.expect("is written");
    // Half past midnight and half past seven in Jakarta are two days in Greenwich; half to midnight is the day before in both.
    for (n, at) in [(1, "2026-12-01T17:30:00Z"), (2, "2026-12-02T00:30:00Z"), (3, "2026-12-01T16:30:00Z")] {
        let asked_at: Timestamp = at.parse().expect("a time");
        let asks = Consultation {
            id: model::UpdateId::new(start() + SignedDuration::from_secs(n)).0,
            complaint: complaint.id,
            asker,
            asked: roads,
            question: "Sudah dipangkas?".into(),
            asked_at,
            due_at: asked_at + 240.hours(),
            answer: None,
        };
        store::consult::ask(&mut tx, &asks, by, Zone::default()).await.expect("is written");
    }
    store::commit(tx).await.expect("commits");
    let now: Timestamp = "2026-12-02T01:00:00Z".parse().expect("a time");
    let claimed = store::consult::mail::claim(&city.db, now, Duration::from_mins(1), 10).await.expect("claims");
    let to: Vec<&str> = claimed.iter().map(|mail| mail.email.as_str()).collect();
    assert_eq!(to, ["baru@dbm.example", "baru@dbm.example", "lama@dbm.example"]);
}

#[tokio::test]
async fn who_is_asked_gets_a_mail_and_another_when_it_is_late_and_who_asked_gets_the_answers() {
    let (city, server) = (city().await, FakeSmtp::new(Behaviour::Accept).await);
    let asker = agency_of(&city, "dishub").await;
    works(&city, "penyelia", Role::Supervisor).await;
    works(&city, "petugas", Role::Officer).await;
    let by = works_for(&city, "penanya", Role::Officer, asker).await;
    let complaint = city.complaint("jalan berlubang di depan rumah saya").await;
    let (now, due_at) = (start() + 1.hour(), start() + 73.hours());
    let asks = |n: i64| Consultation {
        id: model::UpdateId::new(start() + SignedDuration::from_secs(n)).0,
        complaint: complaint.id,
        asker,
        asked: complaint.dispatches[0].agency,
        question: "Apakah pohon milik Pak Rahasia sudah dipangkas?".into(),
        asked_at: now,
        due_at,
        answer: None,
    };
    let (late, answered) = (asks(1), asks(2));
    let mut tx = store::begin(&city.db).await.expect("begins");
    for question in [&late, &answered] {
        store::consult::ask(&mut tx, question, by, Zone::default()).await.expect("is written");
    }
    store::commit(tx).await.expect("commits");
    let mails = ConsultationMails::new(city.db.clone(), site(), Language::Id, Some(server.mail()));
    for _ in 0..2 {
        mails.round(now + 1.minute()).await.expect("sends");
    }
    let sent = server.mails();
    assert_eq!(sent.len(), 2, "one for each question, to the supervisor and not to the officer");
    assert!(comes_back(&city.db, &sent[0]).await && !comes_back(&city.db, &sent[0].replace(".question.", ".question.9")).await);
    for mail in &sent {
        let mail = mail.replace("=\n", "").replace("=\r\n", "");
        for part in ["To: penyelia@dbm.example", &complaint.reference.to_string(), &format!("/aduan/{}", complaint.id)] {
            assert!(mail.contains(part), "{part} in\n{mail}");
        }
        for secret in ["Pak Rahasia", "rumah saya", "Warga Rahasia", "62812", complaint.tracking.as_str()] {
            assert!(!mail.contains(secret), "{secret} in\n{mail}");
        }
    }

    let officer = works(&city, "penjawab", Role::Officer).await;
    let mut tx = store::begin(&city.db).await.expect("begins");
    store::consult::answer(&mut tx, answered.id, "Sudah.", officer, now + 1.hour()).await.expect("is written");
    let again = store::consult::answer(&mut tx, answered.id, "Sudah?", officer, now + 1.hour()).await;
    assert!(matches!(again, Err(store::StoreError::Stale)), "answered once");
    store::commit(tx).await.expect("commits");
    mails.round(now + 2.hours()).await.expect("sends");
    assert!(server.mails()[2].contains("To: penanya@dbm.example"), "who asked hears of the answer");

    for _ in 0..2 {
        mails.round(due_at + 1.minute()).await.expect("sends");
    }
    let sent = server.mails();
    assert_eq!(sent.len(), 4, "of the two only the open one is late");
    assert!(sent[3].contains("To: penyelia@dbm.example"));
}

/// As if the bus had taken every reply.
async fn publish(city: &City, now: Timestamp) {
    let claimed = store::reply::claim(&city.db, now, Duration::from_mins(1), 100).await.expect("claims");
    let published = claimed.into_iter().map(|reply| (reply, "kabar".to_owned())).collect();
    store::reply::published_many(&city.db, published, now).await.expect("settles");
}

async fn kinds(city: &City, complaint: &Complaint) -> Vec<ReplyKind> {
    let replies = store::reply::of_complaint(&city.db, complaint.id).await.expect("loads");
    replies.into_iter().map(|reply| reply.draft.kind).collect()
}

#[tokio::test]
async fn silence_closes_once_and_never_what_was_not_told_or_what_a_person_must_read() {
    let city = city().await;
    let officer = works(&city, "petugas", Role::Officer).await;
    let by = Actor::Staff { id: officer, role: Role::Officer, agency: Some(agency(&city).await) };
    let (silent, wrote, untold) = (city.complaint("satu").await, city.complaint("dua").await, city.complaint("tiga").await);
    for complaint in [&silent, &wrote] {
        act(&city, complaint, Action::Resolve { text: "sudah".into(), photo: None }, by, hours(2)).await;
    }
    publish(&city, hours(3)).await;
    act(&city, &untold, Action::Resolve { text: "sudah".into(), photo: None }, by, hours(2)).await;
    let directory = store::directory::load(&city.db).await.expect("loads");
    let thanks = Action::FollowUp {
        message: MessageId::new(start()),
        text: "terima kasih, tetapi lihat lagi".into(),
        same_breath: false,
        reply_to: None,
        triaged: None,
        location: None,
    };
    let mut decision = decide(load(&city, &wrote).await, thanks, Actor::Citizen, &directory, hours(5)).expect("is allowed");
    decision.updates.iter_mut().for_each(|update| update.message = None);
    let mut tx = store::begin(&city.db).await.expect("begins");
    store::complaint::write(&mut tx, &decision).await.expect("is written");
    store::commit(tx).await.expect("commits");

    let closes = load(&city, &silent).await.closes().expect("a date");
    let (one, other) = (Closing::new(city.db.clone()), Closing::new(city.db.clone()));
    one.round(closes - 1.second()).await.expect("looks");
    assert_eq!(load(&city, &silent).await.closed(), None, "not before");
    for at in [closes, closes + 1.hour(), closes + 240.hours()] {
        let (first, second) = tokio::join!(one.round(at), other.round(at));
        first.and(second).expect("both look");
    }
    assert_eq!(load(&city, &silent).await.closed(), Some(closes));
    assert_eq!(kinds(&city, &silent).await.iter().filter(|kind| **kind == ReplyKind::Closed).count(), 1, "told once");
    assert_eq!((load(&city, &wrote).await.closed(), load(&city, &untold).await.closed()), (None, None));
    let steps = store::complaint::history(&city.db, untold.id).await.expect("loads");
    assert_eq!(steps.iter().filter(|step| step.kind == UpdateKind::Noted).count(), 1, "staff read once why it is not closed");
    assert_eq!(store::queue::disagreements(&city.db).await.expect("counts"), 0);

    let again = act(&city, &silent, Action::Reopen { reason: "belum beres".into() }, Actor::Citizen, closes + 300.hours()).await;
    assert_eq!(load(&city, &silent).await.dispatches, again.dispatches);
    one.round(closes + 4_000.hours()).await.expect("looks");
    assert_eq!(load(&city, &silent).await.closed(), None, "what is contested is never closed");
}
