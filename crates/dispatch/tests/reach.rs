//! Replies that fail: by which ways they go on, and that none ends in silence that nobody wished for. Real PostgreSQL; the platforms' answers
//! are receipts.

#[path = "parts/support.rs"]
mod support;

use dispatch::Reach;
use jiff::{SignedDuration, Timestamp, civil::date};
use model::{
    Action, Actor, Address, Audience, Channel, Complaint, ComplaintId, Language, Receipt, ReceiptState, ReplyDraft, ReplyId, ReplyKind,
    ReplyTo, decide,
    reach::{Because, Way},
};
use store::{
    citizen,
    dispatch::SendKind,
    queue::Scope,
    reach::{self, Step},
    reply::{self, ReplyState, SentReply},
};
use support::{City, site, start};

fn later(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

async fn city() -> City {
    City::new(SendKind::Queue, "", None).await
}

fn loop_of(city: &City) -> Reach {
    Reach { db: city.db.clone(), zone: site().zone }
}

async fn round(city: &City, seconds: i64) {
    loop_of(city).round(later(seconds)).await.expect("a round");
}

async fn replies(city: &City, complaint: ComplaintId) -> Vec<SentReply> {
    reply::of_complaint(&city.db, complaint).await.expect("replies")
}

/// What the platform said of a reply.
async fn said(city: &City, reply: &ReplyDraft, state: ReceiptState) -> Receipt {
    let receipt = Receipt {
        reply: Some(reply.id),
        platform_id: None,
        adapter: reply.to.adapter.clone(),
        account: reply.to.account.clone(),
        state,
        at: start(),
        file_refused: None,
    };
    assert!(reply::receipt(&city.db, &receipt).await.expect("is noted"));
    receipt
}

fn no() -> ReceiptState {
    ReceiptState::Failed { code: "gone".into(), detail: "nobody is there".into() }
}

/// The citizen goes on by mail too, and was answered there.
async fn also_by_mail(city: &City, complaint: &Complaint, address: &str) -> ReplyTo {
    let address: Address = address.parse().expect("an address");
    let to = ReplyTo {
        adapter: "mail".parse().expect("a name"),
        account: "aduan".into(),
        address: address.clone(),
        thread: None,
        audience: Audience::Private,
        open_until: None,
    };
    let id = ReplyId::new(start());
    let draft =
        ReplyDraft { id, kind: ReplyKind::Noted, to: to.clone(), language: Language::Id, cause: id.0, facts: model::Facts::default() };
    let mut tx = store::begin(&city.db).await.expect("a transaction");
    citizen::connect(&mut tx, complaint.citizen, &[address], start()).await.expect("is joined");
    let new = reply::New { draft: &draft, complaint: Some(complaint.id), trace: complaint.trace, now: start() };
    reply::insert(&mut tx, &[new]).await.expect("is written");
    store::commit(tx).await.expect("committed");
    to
}

/// A channel that may write to telephone numbers first.
async fn texts(city: &City) {
    let channel = Channel {
        adapter: "text".parse().expect("a name"),
        account: "1708".into(),
        label: "SMS 1708".into(),
        area: None,
        from: date(2026, 1, 1),
        until: None,
        hours: None,
    };
    store::directory::add_channel(&city.db, &channel, start()).await.expect("is added");
    assert!(store::directory::set_reaches(&city.db, &channel.adapter, "1708", &["tel".to_owned()]).await.expect("is set"));
}

async fn ladder(city: &City, complaint: ComplaintId) -> Vec<Step> {
    let ladders = reach::of_complaint(&city.db, complaint).await.expect("ladders");
    assert!(ladders.len() <= 1, "one reply has failed");
    ladders.into_values().next().unwrap_or_default()
}

fn ways(steps: &[Step]) -> Vec<Way> {
    steps.iter().map(|step| step.way).collect()
}

async fn tasks(city: &City) -> u64 {
    reach::count(&city.db, &Scope::Everything).await.expect("a count")
}

/// The reply of a ladder's last rung.
async fn last_sent(city: &City, complaint: ComplaintId) -> ReplyDraft {
    let id = ladder(city, complaint).await.last().and_then(|step| step.reply).expect("a reply");
    replies(city, complaint).await.into_iter().find(|reply| reply.draft.id == id).expect("is there").draft
}

#[tokio::test]
async fn what_fails_goes_on_where_they_wrote_then_by_telephone_and_then_to_a_person() {
    let city = city().await;
    texts(&city).await;
    let complaint = city.complaint("Jalan rusak").await;
    let mail = also_by_mail(&city, &complaint, "mailto:sari@example.id").await;
    let first = replies(&city, complaint.id).await.remove(0).draft;
    assert!(first.kind.acknowledges());
    said(&city, &first, no()).await;
    round(&city, 5).await;
    assert!(ladder(&city, complaint.id).await.is_empty(), "a moment for the same words as a template");

    round(&city, 10).await;
    let second = last_sent(&city, complaint.id).await;
    assert_eq!((&second.to, second.kind, &second.facts), (&mail, first.kind, &first.facts));
    said(&city, &second, no()).await;
    round(&city, 20).await;
    let third = last_sent(&city, complaint.id).await;
    assert_eq!((third.to.adapter.as_str(), third.to.account.as_str(), &third.to.address), ("text", "1708", &first.to.address));
    assert_eq!(tasks(&city).await, 0, "it is under way");

    said(&city, &third, no()).await;
    for _ in 0..2 {
        round(&city, 30).await;
    }
    let steps = ladder(&city, complaint.id).await;
    assert_eq!(ways(&steps), [Way::Same, Way::Written, Way::Telephone, Way::Staff]);
    assert_eq!(steps.iter().map(|step| step.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(steps[3].is_open && steps[3].why == Because::NothingLeft);
    let open = reach::tasks(&city.db, &Scope::Everything, 0, 10).await.expect("tasks");
    assert_eq!((open.len(), open[0].complaint, open[0].desk, open[0].replies.as_slice()), (1, complaint.id, false, &[first.id][..]));

    // They write again: they can be answered again.
    let message = store::message::of_complaint(&city.db, complaint.id).await.expect("messages")[0].id;
    let directory = store::directory::load(&city.db).await.expect("a directory");
    let action = Action::FollowUp { message, text: "Bagaimana?".into(), same_breath: false, reply_to: None, triaged: None, location: None };
    let mut tx = store::begin(&city.db).await.expect("a transaction");
    let complaint = store::complaint::lock(&mut tx, complaint.id).await.expect("is read").expect("is there");
    let id = complaint.id;
    let decision = decide(complaint, action, Actor::Citizen, &directory, later(60)).expect("is allowed");
    store::complaint::write(&mut tx, &decision).await.expect("is written");
    store::commit(tx).await.expect("committed");
    assert_eq!(tasks(&city).await, 0);
    assert!(!ladder(&city, id).await[3].is_open);
}

#[tokio::test]
async fn a_worker_that_dies_in_between_and_two_at_once_make_one_rung() {
    let city = city().await;
    let complaint = city.complaint("Jalan rusak").await;
    also_by_mail(&city, &complaint, "mailto:sari@example.id").await;
    let first = replies(&city, complaint.id).await.remove(0).draft;
    said(&city, &first, no()).await;
    let before = replies(&city, complaint.id).await.len();
    let mut dies = store::begin(&city.db).await.expect("a transaction");
    let climbed = reach::climb(&mut dies, later(30), date(2026, 11, 20)).await.expect("climbs").expect("one failed");
    assert_eq!((climbed.failed, climbed.way), (first.id, Some(Way::Written)));
    round(&city, 30).await;
    assert!(ladder(&city, complaint.id).await.is_empty(), "somebody else has it");
    dies.rollback().await.expect("the worker is gone");
    assert!(ladder(&city, complaint.id).await.is_empty());

    let (one, two) = (loop_of(&city), loop_of(&city));
    let (one, two) = tokio::join!(one.round(later(30)), two.round(later(30)));
    one.and(two).expect("rounds");
    assert_eq!(ways(&ladder(&city, complaint.id).await), [Way::Same, Way::Written]);
    assert_eq!(replies(&city, complaint.id).await.len(), before + 1);
}

#[tokio::test]
async fn the_same_words_as_a_template_are_a_rung_and_never_go_twice() {
    let city = city().await;
    let closed = || ReceiptState::WindowClosed { code: "window".into(), detail: "too late".into() };
    let complaint = city.complaint("Jalan rusak").await;
    let first = replies(&city, complaint.id).await.remove(0).draft;
    let receipt = said(&city, &first, closed()).await;
    assert_eq!(reply::again(&city.db, &receipt, later(1)).await.expect("is repeated"), 1);
    round(&city, 30).await;
    assert!(ladder(&city, complaint.id).await.is_empty() && tasks(&city).await == 0, "it is under way as a template");
    let repeated = replies(&city, complaint.id).await.into_iter().find(|reply| reply.draft.id != first.id).expect("the repetition").draft;
    said(&city, &repeated, no()).await;
    round(&city, 60).await;
    assert_eq!(ways(&ladder(&city, complaint.id).await), [Way::Same, Way::Template, Way::Staff]);

    // Where the ladder was quicker, the template stays away.
    let other = city.complaint("Lampu mati").await;
    also_by_mail(&city, &other, "mailto:budi@example.id").await;
    let first = replies(&city, other.id).await.remove(0).draft;
    let receipt = said(&city, &first, closed()).await;
    round(&city, 60).await;
    assert_eq!(ways(&ladder(&city, other.id).await), [Way::Same, Way::Written]);
    assert_eq!(reply::again(&city.db, &receipt, later(61)).await.expect("is asked"), 0);
}

#[tokio::test]
async fn who_wants_silence_gets_it_and_what_may_be_lost_makes_no_work() {
    let city = city().await;
    let complaint = city.complaint("Jalan rusak").await;
    let mail = also_by_mail(&city, &complaint, "mailto:sari@example.id").await;
    let first = replies(&city, complaint.id).await.remove(0).draft;
    citizen::opt_out(&city.db, &first.to.address, start()).await.expect("is noted");
    said(&city, &first, no()).await;
    round(&city, 30).await;
    let steps = ladder(&city, complaint.id).await;
    assert_eq!((ways(&steps), steps[1].why), (vec![Way::Same, Way::Silence], Because::OptedOut));

    // Silence elsewhere: not written to there, and a person tells them.
    let other = city.complaint("Lampu mati").await;
    let quiet = also_by_mail(&city, &other, "mailto:budi@example.id").await;
    citizen::opt_out(&city.db, &quiet.address, start()).await.expect("is noted");
    said(&city, &replies(&city, other.id).await.remove(0).draft, no()).await;
    round(&city, 60).await;
    assert_eq!(ways(&ladder(&city, other.id).await), [Way::Same, Way::Staff]);
    assert_eq!(tasks(&city).await, 1);

    let noted = replies(&city, complaint.id).await.into_iter().find(|reply| reply.draft.to == mail).expect("the note").draft;
    said(&city, &noted, no()).await;
    round(&city, 90).await;
    assert_eq!((tasks(&city).await, ladder(&city, complaint.id).await.len()), (1, 2));
}

#[tokio::test]
async fn whatever_the_platforms_say_every_reply_that_matters_ends_where_it_is_seen() {
    let city = city().await;
    texts(&city).await;
    let mut chance = 7_u64;
    let mut draw = move |sides: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % sides
    };
    let mut complaints = Vec::new();
    for n in 0..24 {
        let complaint = city.complaint("Jalan rusak").await;
        for k in 0..draw(3) {
            also_by_mail(&city, &complaint, &format!("mailto:warga{n}-{k}@example.id")).await;
        }
        complaints.push(complaint.id);
    }
    for step in 1..=10 {
        for complaint in &complaints {
            for sent in replies(&city, *complaint).await.into_iter().filter(|sent| sent.receipt.is_none() && sent.draft.kind.must_arrive())
            {
                match draw(5) {
                    0 => drop(said(&city, &sent.draft, ReceiptState::Delivered).await),
                    1 => citizen::opt_out(&city.db, &sent.draft.to.address, start()).await.expect("is noted"),
                    2 => {}
                    _ => drop(said(&city, &sent.draft, no()).await),
                }
            }
        }
        round(&city, step * 20).await;
    }
    let open: Vec<ReplyId> =
        reach::tasks(&city.db, &Scope::Everything, 0, 100).await.expect("tasks").into_iter().flat_map(|task| task.replies).collect();
    for complaint in complaints {
        let ladders = reach::of_complaint(&city.db, complaint).await.expect("ladders");
        for sent in replies(&city, complaint).await.into_iter().filter(|sent| sent.draft.kind.must_arrive()) {
            let id = sent.draft.id;
            let ladder = ladders.iter().find(|(_, steps)| steps.iter().any(|step| step.reply == Some(id)));
            let seen = match (sent.receipt.as_deref(), ladder) {
                (Some("failed"), Some((first, steps))) => match steps.last().expect("a rung").way {
                    Way::Office | Way::Staff => open.contains(first),
                    Way::Silence => true,
                    _ => steps.last().and_then(|step| step.reply) != Some(id),
                },
                (Some("failed"), None) => false,
                (None, _) => matches!(sent.state, ReplyState::Due | ReplyState::Withheld),
                _ => true,
            };
            assert!(seen, "{sent:?}");
        }
    }
}
