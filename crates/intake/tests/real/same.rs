//! "Is it this one?": asked once in the chat, answered with one word, and staff's decision stands.

use intake::Recorded;
use model::{
    Actor, ComplaintId, Event, Inbound, Question, Receipt, ReceiptState, ReplyKind, Role, StaffId, Status, UpdateKind, Visibility,
    incident::{self as rules, How, StepKind, SuggestionState},
    same::Heard,
};
use store::{
    incident::{self, NewStep},
    queue::Scope,
    reply::SentReply,
};

use crate::{
    city::{City, LATER, after, at, message, opened},
    questions::handle,
};

const FIRST: &str = "Jalan rusak berlubang parah di Jl. Melati Raya nomor 12 rumah Bu Wati, kelurahan mawar";
const SECOND: &str = "jalan rusak di jln melati raya kel mawar, banyak motor jatuh di lubang";

/// Citizen `who` writes this, so many minutes after the first.
fn said(who: u32, minutes: i64, text: &str) -> Inbound {
    at(minutes, message(who, &format!("m{who}-{minutes}"), text))
}

/// The same at the tests' own clock, behind what was asked then.
fn answer(who: u32, minutes: i64, text: &str) -> Inbound {
    let then = LATER + jiff::SignedDuration::from_mins(minutes);
    Inbound { sent_at: then, received_at: then, ..message(who, &format!("a{who}-{minutes}"), text) }
}

async fn two(city: &City) -> (ComplaintId, ComplaintId) {
    let first = opened(city.record_one(&said(1, 0, FIRST)).await);
    let second = opened(city.record_one(&said(2, 60, SECOND)).await);
    (first, second)
}

async fn members(city: &City, of: ComplaintId) -> Vec<rules::Member> {
    incident::of_complaint(&city.db, of).await.expect("is read").map(|(_, members)| members).unwrap_or_default()
}

async fn waiting(city: &City) -> Vec<rules::Suggestion> {
    incident::waiting(&city.db, &Scope::Everything, 10).await.expect("is read")
}

async fn kinds(city: &City, of: ComplaintId) -> Vec<UpdateKind> {
    store::complaint::history(&city.db, of).await.expect("is read").iter().map(|update| update.kind).collect()
}

fn heard(replies: &[SentReply]) -> Vec<Heard> {
    replies.iter().filter_map(|reply| reply.draft.facts.heard).collect()
}

/// The platform names our reply, so that a tap on it can.
async fn sent(city: &City, complaint: ComplaintId, platform_id: &str) {
    let reply = city.replies(complaint).await.remove(0);
    let receipt = Receipt {
        reply: Some(reply.draft.id),
        platform_id: Some(platform_id.into()),
        adapter: "chat".parse().expect("a name"),
        account: "1".into(),
        state: ReceiptState::Sent,
        at: after(61),
        file_refused: None,
    };
    handle(city, Event::Receipt(receipt)).await;
}

async fn staff(city: &City) -> Actor {
    let new = store::staff::NewStaff {
        login: "triase".into(),
        name: "Tri".into(),
        role: Role::Triage,
        agency: None,
        office: None,
        language: model::Language::Id,
    };
    let mut tx = store::begin(&city.db).await.expect("begins");
    let id: StaffId = store::staff::create(&mut tx, &new, "no password fits", LATER).await.expect("is created").expect("is new");
    store::commit(tx).await.expect("commits");
    Actor::Staff { id, role: Role::Triage, agency: None }
}

/// Staff decide on the pair.
async fn decide(city: &City, complaint: ComplaintId, other: ComplaintId, join: bool) {
    let by = staff(city).await;
    let mut tx = store::begin(&city.db).await.expect("begins");
    let pair = incident::pairs(&mut tx, &[complaint, other]).await.expect("is read").remove(0);
    let sides = incident::sides(&mut tx, &[complaint, other]).await.expect("is read");
    let (kind, change) = if join {
        (StepKind::Joined, rules::join(&sides[0], &sides[1], Some(pair), None, by, LATER))
    } else {
        (StepKind::Different, rules::part(pair, SuggestionState::Different, by, LATER))
    };
    let change = change.expect("is allowed");
    incident::write(&mut tx, &[NewStep { kind, change: &change, by, at: LATER, undoes: None, reason: None }]).await.expect("is written");
    store::commit(tx).await.expect("commits");
}

#[tokio::test]
async fn the_acknowledgement_asks_and_tells_nothing_of_the_other_but_category_street_area_and_day() {
    let city = City::new().await;
    let (first, second) = two(&city).await;
    assert_eq!(city.reply_kinds(second).await, [ReplyKind::Forwarded]);
    let asks = city.replies(second).await[0].draft.facts.asks.clone().expect("asks");
    let about = asks.about.expect("about the first");
    assert_eq!((asks.question, about.what.as_deref(), about.at), (Question::Same, Some("road"), after(0)));
    assert_eq!(about.places, ["Jalan Melati Raya", "Kelurahan Mawar"]);
    assert_eq!(city.complaint(second).await.questions.same.map(|earlier| earlier.complaint), Some(first));
    assert!(city.replies(first).await[0].draft.facts.asks.is_none(), "who came first is not asked");
}

#[tokio::test]
async fn yes_joins_as_the_citizens_word_and_everything_that_comes_twice_changes_nothing() {
    let city = City::new().await;
    let (first, second) = two(&city).await;
    sent(&city, second, "out-1").await;
    let tap = Inbound { in_reply_to: Some("out-1".into()), ..answer(2, 3, "Ya, sama") };
    assert_eq!(city.record_one(&tap).await, Recorded::FollowUp(second));
    let joined = members(&city, second).await;
    assert_eq!(
        joined.iter().map(|member| (member.complaint, member.how)).collect::<Vec<_>>(),
        [(first, How::Citizen), (second, How::Citizen)]
    );
    let steps = incident::steps(&city.db, &[second], 5).await.expect("is read");
    assert_eq!(steps.iter().map(|step| (step.kind, step.by)).collect::<Vec<_>>(), [(StepKind::Joined, Actor::Citizen)]);
    assert_eq!(heard(&city.replies(second).await), [Heard::Together]);
    assert_eq!(city.replies(second).await[1].draft.facts.known, Some(Status::Forwarded), "who joins late reads how far it is");
    assert!(kinds(&city, second).await.ends_with(&[UpdateKind::SaidSame]));
    assert_ne!(city.complaint(first).await.reference, city.complaint(second).await.reference);

    let before = (kinds(&city, second).await, city.replies(second).await.len());
    assert_eq!(city.record_one(&tap).await, Recorded::Again(Some(second)));
    for (minutes, text) in [(4, "Ya, sama"), (5, "Bukan, beda"), (6 * 24 * 60, "Lewati")] {
        let late = Inbound { in_reply_to: Some("out-1".into()), ..answer(2, minutes, text) };
        assert_eq!(city.record_one(&late).await, Recorded::FollowUp(second), "{text}");
    }
    assert_eq!((kinds(&city, second).await, city.replies(second).await.len()), before);
    assert_eq!(members(&city, second).await, joined);
    assert!(incident::decided(&city.db, 10).await.expect("is read").is_empty(), "models learn from staff");
}

#[tokio::test]
async fn staff_can_take_back_what_a_citizen_joined_and_everything_is_as_before() {
    let city = City::new().await;
    let (first, second) = two(&city).await;
    assert_eq!(city.record_one(&answer(2, 1, "1")).await, Recorded::FollowUp(second));
    assert_eq!(members(&city, first).await.len(), 2);
    let by = staff(&city).await;
    let step = incident::steps(&city.db, &[second], 1).await.expect("is read").remove(0);
    let mut tx = store::begin(&city.db).await.expect("begins");
    let change = incident::changed(&mut tx, step.id).await.expect("is read").expect("is there").reversed();
    incident::write(&mut tx, &[NewStep { kind: StepKind::Undone, change: &change, by, at: LATER, undoes: Some(step.id), reason: None }])
        .await
        .expect("is written");
    store::commit(tx).await.expect("commits");
    assert!(members(&city, first).await.is_empty() && members(&city, second).await.is_empty());
    assert_eq!(waiting(&city).await.iter().map(|pair| pair.state).collect::<Vec<_>>(), [SuggestionState::Open]);
}

#[tokio::test]
async fn no_settles_the_suggestion_for_good_whatever_else_the_citizen_writes() {
    let city = City::new().await;
    let first = opened(city.record_one_at(&said(1, 0, FIRST), after(0)).await);
    let second = opened(city.record_one_at(&said(2, 30, SECOND), after(30)).await);
    assert_eq!(waiting(&city).await.len(), 1);
    assert_eq!(city.record_one_at(&said(2, 32, "Bukan."), after(32)).await, Recorded::FollowUp(second));
    assert!(waiting(&city).await.is_empty());
    assert_eq!(heard(&city.replies(second).await), [Heard::Apart]);
    assert!(kinds(&city, second).await.ends_with(&[UpdateKind::SaidOther]));
    let same_breath = said(2, 34, "jalan rusak berlubang parah jl melati raya");
    assert_eq!(city.record_one_at(&same_breath, after(34)).await, Recorded::FollowUp(second));
    assert!(waiting(&city).await.is_empty() && members(&city, second).await.is_empty() && members(&city, first).await.is_empty());
    let asked = city.replies(second).await.iter().filter(|reply| reply.draft.facts.asks.is_some()).count();
    assert_eq!(asked, 1, "one question for one complaint");
}

#[tokio::test]
async fn who_skips_is_asked_no_more_and_staff_decide() {
    let city = City::new().await;
    let (_, second) = two(&city).await;
    assert_eq!(city.record_one(&answer(2, 1, "0")).await, Recorded::FollowUp(second));
    assert_eq!(city.reply_kinds(second).await, [ReplyKind::Forwarded]);
    assert_eq!(waiting(&city).await.len(), 1);
    assert!(city.complaint(second).await.unanswered().is_none());
}

#[tokio::test]
async fn what_staff_decided_meanwhile_stands_and_the_citizen_is_told_politely() {
    for join in [true, false] {
        let city = City::new().await;
        let (first, second) = two(&city).await;
        decide(&city, second, first, join).await;
        let before = incident::steps(&city.db, &[second], 5).await.expect("is read").len();
        let word = if join { "2" } else { "1" };
        assert_eq!(city.record_one(&answer(2, 1, word)).await, Recorded::FollowUp(second));
        assert_eq!(members(&city, second).await.len(), if join { 2 } else { 0 });
        assert_eq!(heard(&city.replies(second).await), [Heard::Decided]);
        assert_eq!(incident::steps(&city.db, &[second], 5).await.expect("is read").len(), before);
    }
}

#[tokio::test]
async fn a_missing_place_is_asked_first_and_the_question_follows_the_answer() {
    let city = City::new().await;
    let first = opened(city.record_one_at(&said(1, 0, "Jalan rusak berlubang parah di Jl. Melati Raya"), after(0)).await);
    let second = opened(city.record_one_at(&said(2, 20, "jalan rusak di jln melati raya, banyak motor jatuh"), after(20)).await);
    let asked = |replies: Vec<SentReply>| -> Vec<Question> {
        replies.iter().filter_map(|reply| reply.draft.facts.asks.as_ref()).map(|asks| asks.question).collect()
    };
    assert_eq!(asked(city.replies(second).await), [Question::Place]);
    assert_eq!(city.record_one_at(&said(2, 25, "depan pasar kel mawar"), after(25)).await, Recorded::FollowUp(second));
    assert_eq!(asked(city.replies(second).await), [Question::Place, Question::Same]);
    assert_eq!(city.record_one_at(&said(2, 27, "ya"), after(27)).await, Recorded::FollowUp(second));
    assert_eq!(members(&city, first).await.len(), 2);
}

#[tokio::test]
async fn a_form_says_where_the_question_is_and_a_confidential_complaint_asks_nothing() {
    let city = City::new().await;
    opened(city.record_one(&said(1, 0, FIRST)).await);
    let form = Inbound { tracking: Some(model::TrackingCode::random()), ..said(2, 30, SECOND) };
    let second = opened(city.record_one(&form).await);
    let facts = city.replies(second).await[0].draft.facts.clone();
    assert!(facts.asks.is_none() && facts.asks_on_page);
    assert!(city.complaint(second).await.unanswered().is_some(), "the page asks");
    let secret = opened(city.record_one(&Inbound { visibility: Visibility::Secret, ..said(3, 40, SECOND) }).await);
    assert!(city.replies(secret).await[0].draft.facts.asks.is_none() && city.complaint(secret).await.questions.same.is_none());
}

#[tokio::test]
async fn two_citizens_who_say_yes_in_one_batch_are_in_one_incident() {
    let city = City::new().await;
    let (first, second) = two(&city).await;
    let third = opened(city.record_one(&said(3, 70, "jalan rusak parah jl melati raya kel mawar, tolong ditambal")).await);
    let earlier = city.complaint(third).await.questions.same.expect("asks").complaint;
    assert!([first, second].contains(&earlier));
    let recorded = city.record(&[answer(2, 1, "ya"), answer(3, 1, "ya")]).await;
    assert_eq!(recorded, [Recorded::FollowUp(second), Recorded::FollowUp(third)]);
    let mut together: Vec<ComplaintId> = members(&city, third).await.iter().map(|member| member.complaint).collect();
    together.sort_unstable();
    assert_eq!(together, [first, second, third]);
}

#[tokio::test]
async fn who_left_an_incident_is_not_brought_back_by_the_next_thing_they_write() {
    let city = crate::incidents::learned_city().await;
    let text = "jalan rusak berlubang parah di jl melati raya";
    let first = opened(city.record_one_at(&said(1, 0, text), after(0)).await);
    let second = opened(city.record_one_at(&said(2, 20, "lubang di jalan bikin celaka jln melati raya tolong pak"), after(20)).await);
    assert_eq!(members(&city, first).await.len(), 2, "joined by itself");
    let mut tx = store::begin(&city.db).await.expect("begins");
    let complaint = store::complaint::lock(&mut tx, second).await.expect("is read").expect("is there");
    let (own, oldest, pairs) = incident::around(&mut tx, second).await.expect("is read").expect("is there");
    let left = model::same::leave(complaint, (&own, &oldest, pairs), "Jalan lain.".into(), &city.rooms.directory, after(25));
    let (decision, change) = left.expect("is allowed");
    let step = NewStep { kind: StepKind::Split, change: &change, by: Actor::Citizen, at: after(25), undoes: None, reason: None };
    incident::write(&mut tx, &[step]).await.expect("is written");
    store::complaint::write(&mut tx, &decision).await.expect("is written");
    store::commit(tx).await.expect("commits");
    assert_eq!(city.record_one_at(&said(2, 27, text), after(27)).await, Recorded::FollowUp(second));
    assert!(members(&city, second).await.is_empty() && waiting(&city).await.is_empty());
    assert!(city.complaint(second).await.unanswered().is_none(), "and asked about it neither");
    let other_words = "lubang di jalan bikin celaka jl melati raya tolong";
    let third = opened(city.record_one_at(&said(3, 30, other_words), after(30)).await);
    assert!(!members(&city, third).await.is_empty(), "others still find each other");
}
