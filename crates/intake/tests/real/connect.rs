//! "Continue in another channel": a code from the citizen's page, sent from where they want to go on.

use crate::{
    city::{City, LATER, message, opened},
    questions::handle,
};
use intake::Recorded;
use model::{
    Action, Address, Audience, ComplaintId, Event, Inbound, MessageKey, Proof, Reference, ReplyKind, ReplyTo, Timestamp, TrackingCode,
    UpdateKind,
    connect::{Code, Connected, HOLDS, MOST_TRIES, TRIES_WITHIN},
};

/// A form that somebody sent: an address of its own, and a link.
fn form(n: u32, text: &str) -> Inbound {
    let plain = message(1, &format!("form-{n}"), text);
    let key = MessageKey { adapter: "form".parse().expect("a name"), account: "utama".into(), ..plain.key.clone() };
    let address: Address = format!("form:{n}").parse().expect("an address");
    let reply_to = ReplyTo {
        adapter: key.adapter.clone(),
        account: key.account.clone(),
        address: address.clone(),
        thread: None,
        audience: Audience::Private,
        open_until: None,
    };
    Inbound {
        sender: vec![address],
        reply_to: Some(reply_to),
        reference: Reference::of(&key, 0),
        tracking: Some(TrackingCode::random()),
        key,
        ..plain
    }
}

/// So many minutes after the code was made.
fn later(minutes: i64) -> Timestamp {
    LATER + jiff::SignedDuration::from_mins(minutes)
}

/// Citizen `who` writes this in the chat then.
fn chat(who: u32, minutes: i64, text: &str) -> Inbound {
    Inbound { sent_at: later(minutes), received_at: later(minutes), ..message(who, &format!("c{who}-{minutes}-{}", text.len()), text) }
}

/// What the page does when the button is pressed.
async fn code(city: &City, complaint: ComplaintId) -> Code {
    let code = Code::random();
    let mut tx = store::begin(&city.db).await.expect("begins");
    store::connect::make(&mut tx, &code, complaint, LATER, LATER + HOLDS).await.expect("is kept");
    store::commit(tx).await.expect("commits");
    code
}

async fn send(city: &City, message: &Inbound) -> Recorded {
    city.record_one_at(message, message.sent_at).await
}

/// What is said about codes and goes out.
async fn answers(city: &City) -> Vec<Connected> {
    let claimed = store::reply::claim(&city.db, later(60 * 24), std::time::Duration::from_mins(1), 100).await.expect("is read");
    claimed.iter().filter_map(|reply| reply.draft.facts.connected).collect()
}

#[tokio::test]
async fn a_code_makes_two_channels_one_citizen_and_either_goes_on_with_the_right_complaint() {
    let city = City::new().await;
    let first = form(1, "jalan rusak di kel mawar");
    let complaint = opened(city.record_one(&first).await);
    let own = opened(city.record_one(&chat(5, -60 * 24, "pohon tumbang di kel mawar")).await);
    assert_ne!(city.complaint(complaint).await.citizen, city.complaint(own).await.citizen);
    let code = code(&city, complaint).await;
    let sent = chat(5, 2, &format!("sambung {}", code.to_string().to_lowercase().replace('-', " ")));
    assert_eq!(send(&city, &sent).await, Recorded::Code(Some(complaint)));
    assert_eq!(city.complaints().await, 2, "it opens none");
    let (one, other) = (city.complaint(complaint).await, city.complaint(own).await);
    assert_eq!(one.citizen, other.citizen);
    assert_eq!(one.reply_to.as_ref().map(|to| to.adapter.as_str()), Some("chat"), "answers come there now");
    let steps = store::complaint::history(&city.db, complaint).await.expect("is read");
    assert_eq!(steps.iter().filter(|step| step.kind == UpdateKind::Connected).count(), 1);
    let told: Vec<_> = city
        .replies(complaint)
        .await
        .into_iter()
        .filter_map(|reply| Some((reply.draft.facts.connected?, reply.draft.to.adapter)))
        .collect();
    assert_eq!(
        told.iter().map(|(what, to)| (*what, to.as_str())).collect::<Vec<_>>(),
        [(Connected::Here, "chat"), (Connected::Elsewhere, "form")]
    );
    let audit = store::audit::list(&city.db, None, 10).await.expect("is read");
    assert_eq!((audit[0].1.action.as_str(), audit[0].1.subject.as_str()), ("citizen.connected", one.reference.to_string().as_str()));

    // The next words in the chat, the number from the chat, and changed words of the form: all are of this complaint.
    assert_eq!(send(&city, &chat(5, 4, "masih rusak")).await, Recorded::FollowUp(complaint));
    let edited = Inbound {
        key: MessageKey { id: "form-1.edit".into(), ..first.key.clone() },
        replaces: Some(first.key.clone()),
        tracking: None,
        ..form(1, "jalan rusak dan berlubang")
    };
    assert_eq!(city.record_one_at(&edited, later(150)).await, Recorded::FollowUp(complaint));
    assert_eq!(send(&city, &chat(5, 200, &format!("bagaimana {}?", one.reference))).await, Recorded::FollowUp(complaint));
    assert_eq!(send(&city, &chat(5, 400, &format!("dan {}?", other.reference))).await, Recorded::FollowUp(own));

    // An agency asks, and is answered from the chat without pointing at anything.
    city.act(complaint, "roads", Action::Ask { text: "Di sisi mana?".into() }).await;
    assert_eq!(send(&city, &chat(5, 600, "sisi utara")).await, Recorded::FollowUp(complaint));
}

#[tokio::test]
async fn a_code_counts_once_and_a_replay_of_the_same_message_does_nothing() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&form(1, "jalan rusak di kel mawar")).await);
    let code = code(&city, complaint).await;
    let sent = chat(5, 2, &format!("SAMBUNG {code}"));
    assert_eq!(send(&city, &sent).await, Recorded::Code(Some(complaint)));
    let before = (city.complaint(complaint).await, city.replies(complaint).await.len());
    assert_eq!(send(&city, &sent).await, Recorded::Again(Some(complaint)));
    assert_eq!(send(&city, &chat(6, 3, &format!("SAMBUNG {code}"))).await, Recorded::Code(None), "used");
    assert_eq!((city.complaint(complaint).await, city.replies(complaint).await.len()), before);
    let messages = store::message::of_complaint(&city.db, complaint).await.expect("is read");
    assert!(messages.iter().all(|message| !message.text.contains(&code.to_string())), "a code stands nowhere");
}

#[tokio::test]
async fn every_code_that_does_not_count_is_answered_in_the_same_words_and_opens_nothing() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&form(1, "jalan rusak di kel mawar")).await);
    let (replaced, code) = (code(&city, complaint).await, code(&city, complaint).await);
    let before = city.complaint(complaint).await;
    let claimed = Inbound { proof: Proof::Claim, ..chat(7, 4, &format!("sambung {code}")) };
    let nowhere = Inbound { reply_to: None, ..chat(8, 5, &format!("sambung {code}")) };
    let cases = [
        chat(5, 1, &format!("sambung {}", Code::random())),
        chat(6, 1, &format!("sambung {replaced}")),
        claimed,
        nowhere,
        chat(9, 15, &format!("sambung {code}")),
    ];
    for message in &cases {
        assert_eq!(send(&city, message).await, Recorded::Code(None));
    }
    assert_eq!((city.complaint(complaint).await, city.complaints().await), (before, 1));
    assert_eq!(answers(&city).await, [Connected::Refused; 4], "who cannot be answered is not");
}

#[tokio::test]
async fn what_everybody_can_read_counts_for_nobody() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&form(1, "jalan rusak di kel mawar")).await);
    let code = code(&city, complaint).await;
    let mut public = chat(5, 1, &format!("sambung {code}"));
    public.audience = Audience::Public;
    if let Some(to) = &mut public.reply_to {
        to.audience = Audience::Public;
    }
    assert_eq!(send(&city, &public).await, Recorded::Code(None));
    assert_eq!(send(&city, &chat(6, 2, &format!("sambung {code}"))).await, Recorded::Code(None));
    assert!(!answers(&city).await.contains(&Connected::Here));
}

#[tokio::test]
async fn guessing_ends_after_a_few_tries_for_that_sender_alone() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&form(1, "jalan rusak di kel mawar")).await);
    let code = code(&city, complaint).await;
    for n in 0..MOST_TRIES + 3 {
        let guess = Inbound {
            key: MessageKey { id: format!("guess-{n}"), ..chat(5, 1, "").key },
            ..chat(5, 1, &format!("sambung {}", Code::random()))
        };
        assert_eq!(send(&city, &guess).await, Recorded::Code(None));
    }
    assert_eq!(i64::try_from(answers(&city).await.len()).expect("few"), MOST_TRIES, "then nothing is said any more");
    assert_eq!(send(&city, &chat(5, 2, &format!("sambung {code}"))).await, Recorded::Code(None), "not even the right one");
    assert_eq!(send(&city, &chat(6, 3, &format!("sambung {code}"))).await, Recorded::Code(Some(complaint)), "others are free");
    let mut tx = store::begin(&city.db).await.expect("begins");
    let sender = chat(5, 1, "").sender;
    let since = later(2) - TRIES_WITHIN;
    assert_eq!(store::connect::tries(&mut tx, &sender, since).await.expect("is read"), MOST_TRIES + 4);
    drop(tx);
    store::connect::forget(&city.db, later(60 * 48)).await.expect("forgets");
    let mut tx = store::begin(&city.db).await.expect("begins");
    assert_eq!(store::connect::tries(&mut tx, &sender, since).await.expect("is read"), 0);
}

#[tokio::test]
async fn who_wants_no_messages_there_is_joined_in_silence_and_answered_where_they_were() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&form(1, "jalan rusak di kel mawar")).await);
    let sent = chat(5, 2, &format!("sambung {}", code(&city, complaint).await));
    handle(&city, Event::OptOut { address: sent.sender[0].clone() }).await;
    assert_eq!(send(&city, &sent).await, Recorded::Code(Some(complaint)));
    let whole = city.complaint(complaint).await;
    assert_eq!(whole.reply_to.map(|to| to.adapter.to_string()), Some("form".into()));
    let mut tx = store::begin(&city.db).await.expect("begins");
    assert!(store::citizen::has_opted_out(&mut tx, &sent.sender).await.expect("is read"), "silence stays asked for");
}

#[tokio::test]
async fn who_is_blocked_there_goes_on_with_nothing_and_the_block_stays() {
    let city = City::new().await;
    let rude = opened(city.record_one(&message(5, "m5", "pohon tumbang di kel mawar")).await);
    let complaint = opened(city.record_one(&form(1, "jalan rusak di kel mawar")).await);
    let admin = crate::blocks::admin(&city).await;
    let block = Action::Block { reason: "Mengancam.".into(), until: later(60 * 24 * 3) };
    city.act_as(rude, admin, block).await;
    let before = city.complaint(complaint).await;
    let sent = chat(5, 2, &format!("sambung {}", code(&city, complaint).await));
    assert_eq!(send(&city, &sent).await, Recorded::Code(None));
    assert_eq!(city.complaint(complaint).await, before);
    assert!(answers(&city).await.is_empty(), "and without a word");
    let to = city.complaint(rude).await.reply_to.expect("a way back");
    assert!(store::block::of(&city.db, &to, later(3)).await.expect("is read").is_some());
}

#[tokio::test]
async fn a_form_that_holds_such_words_is_a_complaint_like_any_other() {
    let city = City::new().await;
    let complaint = opened(city.record_one(&form(1, "jalan rusak di kel mawar")).await);
    let code = code(&city, complaint).await;
    opened(city.record_one(&form(2, &format!("sambung {code}"))).await);
    let next = chat(5, 3, &format!("sambung {code}"));
    let batch = [chat(5, 2, "halo, pohon tumbang di kel mawar"), next];
    let recorded = city.record(&batch).await;
    assert_eq!(recorded[1], Recorded::Code(Some(complaint)), "in a batch each keeps its place");
    assert!(matches!(recorded[0], Recorded::New(_) | Recorded::FollowUp(_)));
    assert!(city.reply_kinds(complaint).await.contains(&ReplyKind::Noted));
}
