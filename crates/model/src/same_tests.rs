//! Who is asked whether it is the same, when, in which words, and what an answer comes to.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::{
    AdapterName, Address, Area, Category, CitizenId, MessageKey, Opening, Reference, Site, TraceId, TrackingCode, Triaged, UpdateKind,
    Visibility, Why, ask, clock::Zone, incident::Incident, open, question::Menu, word,
};

const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);

fn id(n: u128) -> ComplaintId {
    ComplaintId(Uuid::from_u128(n))
}

fn directory() -> Directory {
    let category =
        |code: &str, name: &str| Category { code: code.into(), name_id: name.into(), name_en: code.into(), keywords: Vec::new() };
    Directory {
        categories: BTreeMap::from([("road".to_owned(), category("road", "Jalan berlubang"))]),
        areas: [("3171010001".to_owned(), Area { code: "3171010001".into(), name: "Kelurahan Mawar".into() })].into(),
        asks: Question::ALL.to_vec(),
        menu: vec!["road".into()],
        ..Directory::default()
    }
}

fn earlier() -> Earlier {
    Earlier {
        complaint: id(1),
        category: Some("road".into()),
        area: Some("3171010001".into()),
        street: Some("Jalan Melati Raya".into()),
        opened_at: NOW,
        same: None,
    }
}

fn opened(triaged: Triaged, visibility: Visibility, language: Language) -> Decision {
    let key = MessageKey { adapter: "chat".parse::<AdapterName>().expect("a name"), account: "1".into(), id: "m1".into() };
    let opening = Opening {
        citizen: CitizenId(Uuid::nil()),
        message: MessageId(Uuid::nil()),
        reference: Reference::of(&key, 0),
        tracking: TrackingCode::random(),
        adapter: key.adapter.clone(),
        account: key.account.clone(),
        text: "jalan rusak".into(),
        place: None,
        location: None,
        visibility,
        language,
        reply_to: Some(ReplyTo {
            adapter: key.adapter,
            account: key.account,
            address: "tel:+6281234567890".parse::<Address>().expect("an address"),
            thread: None,
            audience: Audience::Private,
            open_until: None,
        }),
        opened_at: NOW,
        triaged,
        held: None,
        trace: TraceId::random(),
    };
    let mut decision = open(opening, &directory(), NOW);
    ask(&mut decision, &directory(), NOW);
    decision
}

/// Place and category are known.
fn known() -> Triaged {
    Triaged { category: Some("road".into()), area: Some("3171010001".into()), ..Triaged::default() }
}

fn asked(mut decision: Decision) -> Decision {
    consider(&mut decision.complaint, earlier(), &directory());
    ask_same(&mut decision, false, &directory(), NOW);
    decision
}

fn questions(decision: &Decision) -> Vec<Question> {
    decision.replies.iter().filter_map(|reply| reply.facts.asks.as_ref()).map(|asks| asks.question).collect()
}

fn plain() -> Decision {
    opened(known(), Visibility::Hidden, Language::Id)
}

fn side(n: u128) -> Side {
    Side {
        complaint: id(n),
        opened_at: NOW,
        category: None,
        area: None,
        place: None,
        visibility: Visibility::Hidden,
        incident: None,
        members: Vec::new(),
    }
}

fn beside(complaint: &Complaint) -> Beside {
    let pair = Suggestion {
        complaint: complaint.id,
        other: id(1),
        percent: 71,
        reasons: Vec::new(),
        at: NOW,
        state: SuggestionState::Open,
        by: None,
        decided_at: None,
    };
    Beside { own: Side { complaint: complaint.id, ..side(2) }, other: side(1), other_status: Status::InProgress, pair: Some(pair) }
}

fn says(same: Option<bool>) -> SaysSame {
    SaysSame { same, message: Some(MessageId(Uuid::from_u128(7))), reply_to: None }
}

fn heard(complaint: &Complaint, same: Option<bool>, beside: &Beside) -> Option<Followed> {
    hear(complaint.clone(), says(same), Some(beside), &directory(), NOW)
}

fn site() -> Site {
    Site { name: "Kota".into(), base_url: "https://lapor.example.id".into(), zone: Zone::Wib }
}

#[test]
fn it_is_asked_with_the_acknowledgement_once_and_only_where_nothing_else_is() {
    let decision = asked(plain());
    assert_eq!((questions(&decision), decision.replies.len()), (vec![Question::Same], 1));
    assert_eq!(decision.complaint.questions.open_at(NOW), Some(Question::Same));
    let mut again = decision.clone();
    again.replies[0].facts.asks = None;
    consider(&mut again.complaint, Earlier { complaint: id(9), ..earlier() }, &directory());
    ask_same(&mut again, false, &directory(), NOW);
    assert_eq!((questions(&again), again.complaint.questions.same), (vec![], Some(earlier())), "the first one counts, once");
    for triaged in [Triaged::default(), Triaged { area: None, ..known() }, Triaged { category: None, ..known() }] {
        let decision = asked(opened(triaged, Visibility::Hidden, Language::Id));
        assert_ne!(questions(&decision), [Question::Same], "place and category come first");
        assert_eq!(questions(&decision).len(), 1);
    }
}

#[test]
fn who_answered_the_other_question_is_asked_then() {
    let waits = asked(opened(Triaged { area: None, ..known() }, Visibility::Hidden, Language::Id)).complaint;
    let told = crate::Told { message: MessageId(Uuid::nil()), text: "depan pasar".into(), reply_to: None, triaged: Triaged::default() };
    let place = crate::Answer::Place { location: None, place: Some("depan pasar".into()) };
    let mut next = crate::tell(waits, place, told, &directory(), NOW).expect("is allowed");
    ask_same(&mut next, false, &directory(), NOW);
    assert_eq!((questions(&next), next.replies.len()), (vec![Question::Same], 1));
}

#[test]
fn nobody_is_asked_about_secrets_in_danger_in_public_or_where_nobody_could_tell_which_one_is_meant() {
    assert_eq!(questions(&asked(opened(known(), Visibility::Secret, Language::Id))), []);
    let danger = Triaged { why: Why { danger: vec!["roboh".into()], ..Why::default() }, ..known() };
    assert_eq!(questions(&asked(opened(danger, Visibility::Hidden, Language::Id))), []);
    let mut public = plain();
    for reply in &mut public.replies {
        reply.to.audience = Audience::Public;
    }
    assert_eq!(questions(&asked(public)), []);
    let mut nowhere = plain().complaint;
    consider(&mut nowhere, Earlier { area: None, street: None, ..earlier() }, &directory());
    assert_eq!(nowhere.questions.same, None);
    let mut silent = plain().complaint;
    consider(&mut silent, earlier(), &Directory { asks: vec![Question::Place], ..directory() });
    assert_eq!(silent.questions.same, None, "a city that does not ask");
}

#[test]
fn a_form_is_answered_with_where_the_question_is_and_asks_nothing_itself() {
    let mut decision = plain();
    consider(&mut decision.complaint, earlier(), &directory());
    ask_same(&mut decision, true, &directory(), NOW);
    assert_eq!((questions(&decision), decision.complaint.questions.open), (vec![], None));
    let reply = word(&decision.replies[0], &site());
    assert!(reply.text.contains("satu pertanyaan") && reply.menu.is_none(), "{}", reply.text);
    assert!(decision.complaint.unanswered().is_some());
}

#[test]
fn the_words_say_what_where_and_which_day_in_both_languages_and_every_form_fits() {
    for language in [Language::Id, Language::En] {
        let decision = asked(opened(known(), Visibility::Hidden, language));
        let reply = word(&decision.replies[0], &site());
        let what = if language == Language::Id { "Jalan berlubang" } else { "road" };
        for part in [what, "Jalan Melati Raya, Kelurahan Mawar", "20 November 2026", "1. ", "2. "] {
            assert!(reply.text.contains(part), "{part} in {}", reply.text);
        }
        assert!(!reply.text.contains(['{', '}']) && !reply.params.contains_key("where"), "{}", reply.text);
        let Some(Menu::Choices { body, choices, .. }) = &reply.menu else { panic!("a menu") };
        assert!(body.contains("Jalan Melati Raya") && !body.contains("1. "));
        assert_eq!(choices.iter().map(|choice| choice.id.as_str()).collect::<Vec<_>>(), [Choice::SAME, Choice::OTHER, Choice::SKIP]);
        for (choice, expected) in choices.iter().zip([Answer::Same(true), Answer::Same(false), Answer::Skip]) {
            assert!(choice.title.chars().count() <= 20, "a button of the narrowest platform");
            assert_eq!(answer(&choice.title, true), Some(expected.clone()), "what a button says is understood: {}", choice.title);
            assert_eq!(answer(&choice.id, true), Some(expected));
        }
        let short: Vec<&String> = reply.short.iter().filter(|form| form.contains("Jalan Melati") || form.contains("20 November")).collect();
        assert!(short.len() == 4 && short.iter().all(|form| form.starts_with(&reply.params["reference"])), "{short:?}");
        assert!(short[1].chars().count() <= 160, "one message says all of it: {}", short[1]);
    }
}

#[test]
fn an_answer_is_known_as_people_write_it_and_another_matter_is_none() {
    for (text, expected) in [
        ("1", Some(Answer::Same(true))),
        ("YA.", Some(Answer::Same(true))),
        ("Ya, sama", Some(Answer::Same(true))),
        ("bukan", Some(Answer::Same(false))),
        (" 2 ", Some(Answer::Same(false))),
        ("Tidak sama!", Some(Answer::Same(false))),
        ("Lewati", Some(Answer::Skip)),
        ("tidak tahu", Some(Answer::Skip)),
        ("ya\n\n-- \nDikirim dari ponsel", Some(Answer::Same(true))),
        ("3", None),
        ("", None),
        ("sama saja bohong", None),
        ("terima kasih", None),
    ] {
        assert_eq!(answer(text, false), expected, "{text:?}");
    }
    assert_eq!(answer("ya\npohon tumbang di jalan kenanga", true), None, "the rest speaks of something else");
}

#[test]
fn yes_joins_and_no_settles_it_for_good_and_both_stand_in_the_history() {
    let complaint = asked(plain()).complaint;
    let yes = heard(&complaint, Some(true), &beside(&complaint)).expect("was asked");
    let (kind, change) = yes.step.expect("joins");
    assert_eq!((kind, yes.heard), (StepKind::Joined, Some(Heard::Together)));
    let how: Vec<_> = change.members.iter().filter_map(|(_, after)| after.as_ref()).map(|member| (member.complaint, member.how)).collect();
    assert_eq!(how, [(id(1), crate::incident::How::Citizen), (complaint.id, crate::incident::How::Citizen)]);
    assert_eq!(
        yes.decision.updates.iter().map(|update| (update.kind, update.by)).collect::<Vec<_>>(),
        [(UpdateKind::SaidSame, Actor::Citizen)]
    );
    assert_eq!(yes.decision.complaint.reference, complaint.reference, "everybody keeps their number");
    let reply = word(&yes.decision.replies[0], &site());
    assert!(reply.text.contains("gabungkan") && reply.text.contains("sedang ditangani"), "{}", reply.text);
    assert!(
        reply.short.iter().all(|form| form.starts_with(&reply.params["reference"]))
            && reply.short.last().is_some_and(|form| form.len() <= 160)
    );

    let no = heard(&complaint, Some(false), &beside(&complaint)).expect("was asked");
    let (kind, change) = no.step.expect("settles");
    let after = change.suggestions[0].1.clone().expect("stays");
    assert_eq!((kind, no.heard, after.state, after.by), (StepKind::Different, Some(Heard::Apart), SuggestionState::Different, None));
    assert_eq!(no.decision.updates[0].kind, UpdateKind::SaidOther);
}

#[test]
fn a_second_tap_changes_nothing_and_who_skips_is_left_alone() {
    let complaint = asked(plain()).complaint;
    let after = heard(&complaint, Some(true), &beside(&complaint)).expect("was asked").decision.complaint;
    for same in [Some(true), Some(false), None] {
        assert!(heard(&after, same, &beside(&after)).is_none());
    }
    let skipped = heard(&complaint, None, &beside(&complaint)).expect("was asked");
    assert!(skipped.step.is_none() && skipped.decision.replies.is_empty() && skipped.decision.complaint.unanswered().is_none());
    assert!(heard(&plain().complaint, Some(true), &beside(&complaint)).is_none(), "nobody asked");
}

#[test]
fn what_was_decided_meanwhile_stays_and_the_citizen_is_told_so() {
    let complaint = asked(plain()).complaint;
    let incident = |state| Incident {
        id: crate::IncidentId(Uuid::from_u128(5)),
        lead: id(1),
        category: None,
        area: None,
        place: None,
        opened_at: NOW,
        state,
    };
    let open = beside(&complaint);
    let decided = |state| Beside { pair: open.pair.clone().map(|pair| Suggestion { state, ..pair }), ..open.clone() };
    let own = Side { incident: Some(incident(IncidentState::Open)), ..open.own.clone() };
    let closed = Side { incident: Some(incident(IncidentState::Closed)), ..open.other.clone() };
    let secret = Side { visibility: Visibility::Secret, ..open.other.clone() };
    let cases = [
        decided(SuggestionState::Joined),
        decided(SuggestionState::Different),
        Beside { pair: None, ..open.clone() },
        Beside { own, ..open.clone() },
        Beside { other: closed, ..open.clone() },
        Beside { other: secret, ..open.clone() },
        Beside { other_status: Status::Resolved, ..open.clone() },
    ];
    for beside in cases {
        let followed = heard(&complaint, Some(true), &beside).expect("was asked");
        assert_eq!((followed.step, followed.heard), (None, Some(Heard::Decided)), "{beside:?}");
        let text = word(&followed.decision.replies[0], &site()).text;
        assert!(text.contains("sudah diputuskan") && text.contains(&complaint.reference.to_string()), "{text}");
    }
    let gone = hear(complaint, says(Some(true)), None, &directory(), NOW).expect("was asked");
    assert_eq!((gone.step, gone.heard), (None, Some(Heard::Decided)));
}

#[test]
fn on_the_page_nothing_is_sent_and_an_officer_who_waits_for_words_still_waits() {
    let complaint = asked(plain()).complaint;
    let says = SaysSame { same: Some(true), message: None, reply_to: None };
    let followed = hear(complaint.clone(), says, Some(&beside(&complaint)), &directory(), NOW).expect("was asked");
    assert_eq!((followed.decision.replies.len(), followed.decision.complaint.dispatches), (0, complaint.dispatches));
}

#[test]
fn staff_and_the_machine_do_not_speak_for_the_citizen() {
    let action = Action::SaySame { says: says(Some(true)), heard: Some(Heard::Together), known: None };
    assert_eq!(decide(plain().complaint, action, Actor::System, &directory(), NOW), Err(crate::NotAllowed::Role));
}

#[test]
fn of_two_who_say_the_same_at_once_the_second_finds_what_the_first_made() {
    let (one, mut two) = (asked(plain()).complaint, asked(plain()).complaint);
    two.id = id(77);
    let first = heard(&one, Some(true), &beside(&one)).expect("was asked");
    let mut second = beside(&two);
    second.apply(&first.step.expect("joins").1);
    let (_, change) = heard(&two, Some(true), &second).expect("was asked").step.expect("joins");
    assert_eq!(change.incidents, [], "no second incident");
    assert_eq!(change.members.iter().filter_map(|(_, after)| after.as_ref()).map(|own| own.complaint).collect::<Vec<_>>(), [id(77)]);
}
