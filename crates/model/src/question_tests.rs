//! What is asked, when, and what counts as an answer.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::{
    Agency, AgencyId, Category, CitizenId, MessageKey, Opening, Reference, ReplyKind, Rule, Site, TraceId, TrackingCode, Visibility, open,
    word,
};

fn now() -> Timestamp {
    "2026-11-20T03:00:00Z".parse().expect("a time")
}

fn directory() -> Directory {
    let roads = AgencyId(Uuid::from_u128(1));
    let category = |code: &str, name: &str| {
        (code.to_owned(), Category { code: code.into(), name_id: name.into(), name_en: code.into(), keywords: Vec::new() })
    };
    Directory {
        agencies: BTreeMap::from([(roads, Agency { id: roads, code: "roads".into(), name: "Dinas Jalan".into() })]),
        categories: BTreeMap::from([category("road", "Jalan"), category("waste", "Sampah"), category("id_card", "KTP")]),
        rules: vec![Rule { category: Some("road".into()), ..Rule::new(1, roads) }],
        menu: vec!["waste".into(), "road".into()],
        placeless: ["id_card".to_owned()].into(),
        asks: Question::ALL.to_vec(),
        ..Directory::default()
    }
}

fn opened(category: Option<&str>, area: Option<&str>) -> Decision {
    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: "m1".into() };
    let opening = Opening {
        citizen: CitizenId(Uuid::nil()),
        message: MessageId(Uuid::nil()),
        reference: Reference::of(&key, 0),
        tracking: TrackingCode::random(),
        adapter: key.adapter.clone(),
        account: key.account.clone(),
        text: "tolong".into(),
        place: None,
        location: None,
        visibility: Visibility::Hidden,
        language: Language::Id,
        reply_to: Some(ReplyTo {
            adapter: key.adapter,
            account: key.account,
            address: "tel:+6281234567890".parse().expect("an address"),
            thread: None,
            audience: Audience::Private,
            open_until: None,
        }),
        opened_at: now(),
        triaged: Triaged { category: category.map(Into::into), area: area.map(Into::into), ..Triaged::default() },
        held: None,
        trace: TraceId::random(),
    };
    let mut decision = open(opening, &directory(), now());
    ask(&mut decision, &directory(), now());
    decision
}

fn asked(decision: &Decision) -> Option<Question> {
    decision.replies.iter().find_map(|reply| reply.facts.asks.as_ref()).map(|asks| asks.question)
}

fn told(text: &str, triaged: Triaged) -> Told {
    Told { message: MessageId(Uuid::nil()), text: text.into(), reply_to: None, triaged }
}

fn kinds(decision: &Decision) -> Vec<ReplyKind> {
    decision.replies.iter().map(|reply| reply.kind).collect()
}

#[test]
fn what_is_missing_is_asked_with_the_acknowledgement_and_never_instead_of_it() {
    let cases = [
        (None, None, Some(Question::Place)),
        (None, Some("3171"), Some(Question::Category)),
        (Some("road"), None, Some(Question::Place)),
        (Some("road"), Some("3171"), None),
        (Some("id_card"), None, None),
    ];
    for (category, area, question) in cases {
        let decision = opened(category, area);
        assert_eq!(asked(&decision), question, "{category:?} {area:?}");
        assert_eq!(decision.replies.len(), 1);
        assert!(decision.replies[0].kind.acknowledges() && decision.replies[0].facts.reference.is_some());
    }
}

#[test]
fn a_public_complaint_and_a_city_that_does_not_ask_are_not_asked() {
    let mut decision = opened(None, None);
    decision.complaint.questions = Questions::default();
    decision.complaint.reply_to = decision.complaint.reply_to.map(|to| ReplyTo { audience: Audience::Public, ..to });
    assert_eq!(decision.complaint.missing(&directory()), None);
    let mut decision = opened(None, None);
    decision.complaint.questions = Questions::default();
    assert_eq!(decision.complaint.missing(&Directory { asks: Vec::new(), ..directory() }), None);
}

#[test]
fn the_answer_to_the_place_is_followed_by_the_question_about_the_category_and_then_it_is_routed() {
    let complaint = opened(None, None).complaint;
    let place = Answer::Place { location: None, place: Some("depan pasar".into()) };
    let second = tell(complaint, place, told("depan pasar", Triaged::default()), &directory(), now()).expect("allowed");
    assert_eq!(second.complaint.place.as_deref(), Some("depan pasar"));
    assert_eq!((kinds(&second), asked(&second)), (vec![ReplyKind::Wanted], Some(Question::Category)));
    let triaged = Triaged { category: Some("road".into()), ..Triaged::default() };
    let third = tell(second.complaint, Answer::Category("road".into()), told("2", triaged), &directory(), now()).expect("allowed");
    assert_eq!(kinds(&third), [ReplyKind::Routed]);
    assert_eq!(third.complaint.text, "tolong", "an answer is no part of the complaint's own words");
    assert_eq!(third.complaint.questions, Questions { asked: vec![Question::Place, Question::Category], ..Questions::default() });
}

#[test]
fn who_skips_hears_nothing_and_is_asked_nothing_more() {
    let complaint = opened(None, None).complaint;
    let skipped = tell(complaint, Answer::Skip, told("lewati", Triaged::default()), &directory(), now()).expect("allowed");
    assert_eq!(kinds(&skipped), []);
    assert!(skipped.complaint.questions.skipped);
    assert_eq!(skipped.complaint.missing(&directory()), None);
}

#[test]
fn an_answer_is_known_from_another_matter() {
    let point = Point::new(-6.2, 106.8);
    let read = |question, text: &str, about| answer(question, text, None, None, None, about, &directory());
    let place = |text: &str| Some(Answer::Place { location: None, place: Some(text.into()) });
    assert_eq!(read(Question::Place, "Jl. Melati no 3 RT02", false), place("Jl. Melati no 3 RT02"));
    assert_eq!(read(Question::Place, "depan warung Bu Siti", false), place("depan warung Bu Siti"));
    assert_eq!(read(Question::Place, "pohon tumbang di jalan", true), None, "that is about something of its own");
    assert_eq!(read(Question::Place, "terima kasih", false), None);
    let number = Reference::of(&MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: "m".into() }, 0);
    assert_eq!(read(Question::Place, &format!("Laporan aq nomor {number} gmn kelanjutannya"), false), None, "that is about its number");
    assert_eq!(read(Question::Place, "di depan mana ya kak?", false), None, "that is a question");
    assert_eq!(read(Question::Place, "LEWATI.", false), Some(Answer::Skip));
    assert_eq!(answer(Question::Place, "", point, None, None, false, &directory()), Some(Answer::Place { location: point, place: None }));
    assert_eq!(read(Question::Category, "2", false), Some(Answer::Category("road".into())));
    assert_eq!(read(Question::Category, "sampah", true), Some(Answer::Category("waste".into())));
    assert_eq!(read(Question::Category, "Skip", false), Some(Answer::Skip));
    for text in ["3", "99999999999999999999", "saya juga mau tanya", ""] {
        assert_eq!(read(Question::Category, text, false), None, "{text}");
    }
    let tapped = answer(Question::Category, "Jalan", None, None, Some("road"), true, &directory());
    assert_eq!(tapped, Some(Answer::Category("road".into())));
}

#[test]
fn a_question_is_open_for_a_day() {
    let questions = opened(None, None).complaint.questions;
    assert_eq!(questions.open_at(now() + SignedDuration::from_hours(23)), Some(Question::Place));
    assert_eq!(questions.open_at(now() + SignedDuration::from_hours(25)), None);
}

#[test]
fn a_short_form_asks_with_numbers_and_leaves_choices_out_from_the_end() {
    let site = Site { name: "Kota".into(), base_url: "https://lapor.example.id".into(), zone: crate::clock::Zone::Wib };
    let mut draft = opened(None, Some("3171")).replies.remove(0);
    let reply = word(&draft, &site);
    let number = &reply.params["reference"];
    assert!(reply.short[0].contains("1 Sampah, 2 Jalan, 0 lewati") && reply.short[0].contains("https://"), "{:?}", reply.short);
    let asks = draft.facts.asks.as_mut().expect("a question");
    asks.choices = (1..=9).map(|n| Choice { id: format!("category:{n}"), title: format!("Urusan nomor {n} yang panjang") }).collect();
    let short = word(&draft, &site).short;
    assert!(short.iter().all(|form| form.starts_with(number.as_str())), "{short:?}");
    let one_sms = short.iter().find(|form| form.chars().count() <= 160).expect("a form that fits");
    assert!(one_sms.contains("1 Urusan") && one_sms.contains("3 Urusan") && !one_sms.contains("9 Urusan"), "{one_sms}");
    let by_length: Vec<usize> = short.iter().take_while(|form| form.contains("0 lewati")).map(|form| form.chars().count()).collect();
    assert!(by_length.len() == 10 && by_length.is_sorted_by(|fuller, shorter| fuller > shorter), "{by_length:?}");
    let place = word(&opened(None, None).replies[0], &site).short;
    assert!(place[1].contains("Di mana lokasinya?") && place[1].chars().count() <= 160, "{place:?}");
}

#[test]
fn the_same_question_stands_in_the_text_with_numbers_and_in_the_menu_with_ids() {
    let site = Site { name: "Kota".into(), base_url: "https://lapor.example.id".into(), zone: crate::clock::Zone::Wib };
    let reply = word(&opened(None, Some("3171")).replies[0], &site);
    assert!(reply.text.contains("1. Sampah\n2. Jalan\n") && reply.text.contains("LEWATI"), "{}", reply.text);
    let Some(Menu::Choices { body, button, choices }) = reply.menu else { panic!("a menu") };
    assert!(body.contains(&reply.params["reference"]) && !body.contains("1. Sampah"));
    assert_eq!(button, "Pilih");
    let ids: Vec<&str> = choices.iter().map(|choice| choice.id.as_str()).collect();
    assert_eq!(ids, ["category:waste", "category:road", Choice::SKIP]);
    let reply = word(&opened(None, None).replies[0], &site);
    assert!(matches!(reply.menu, Some(Menu::Location { .. })) && reply.text.contains("Di mana lokasinya?"));
}
