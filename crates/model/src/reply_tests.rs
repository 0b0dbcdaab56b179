use super::*;

fn draft(kind: ReplyKind, audience: Audience, language: Language) -> ReplyDraft {
    ReplyDraft {
        id: ReplyId(Uuid::nil()),
        kind,
        to: ReplyTo {
            adapter: "chat".parse().expect("a name"),
            account: "1".into(),
            address: "tel:+6281234567890".parse().expect("an address"),
            thread: None,
            audience,
            open_until: None,
        },
        language,
        cause: Uuid::nil(),
        facts: Facts {
            reference: Some("7KQ2-M4XT-9PCH".into()),
            tracking: "AAAAAAAAAAAAAAAAAAAAAA".parse().ok(),
            agency: Some("Dinas Bina Marga".into()),
            deadline: "2026-11-27T09:00:00Z".parse().ok(),
            text: Some("Rahasia petugas".into()),
            danger: false,
            asks: None,
            asks_on_page: false,
            known: None,
            heard: None,
            connected: None,
            guarded: None,
            settles: false,
            photo: None,
            closes: None,
        },
    }
}

fn site() -> Site {
    Site { name: "Kota Contoh".into(), base_url: "https://lapor.example.id/".into(), zone: Zone::Wib }
}

#[test]
fn every_kind_has_words_in_every_language_for_every_audience() {
    for language in [Language::Id, Language::En] {
        for audience in [Audience::Private, Audience::Public] {
            for kind in ReplyKind::ALL {
                let reply = word(&draft(kind, audience, language), &site());
                assert!(reply.text.len() > 20, "{kind:?} {audience:?} {language:?}");
                assert!(!reply.text.contains(['{', '}']), "{}", reply.text);
            }
        }
    }
}

#[test]
fn a_public_answer_never_holds_the_link_or_the_officers_words() {
    for language in [Language::Id, Language::En] {
        for kind in ReplyKind::ALL {
            let reply = word(&draft(kind, Audience::Public, language), &site());
            let everything = format!("{} {:?}", reply.text, reply.params);
            assert!(!everything.contains("AAAAAAAA") && !everything.contains("Rahasia"), "{kind:?}");
        }
    }
}

#[test]
fn the_acknowledgement_says_number_link_agency_and_date() {
    let reply = word(&draft(ReplyKind::Forwarded, Audience::Private, Language::Id), &site());
    for part in ["7KQ2-M4XT-9PCH", "https://lapor.example.id/t/AAAAAAAAAAAAAAAAAAAAAA", "Dinas Bina Marga", "Jumat, 27 November 2026"] {
        assert!(reply.text.contains(part), "{part} in {}", reply.text);
    }
}

#[test]
fn every_outcome_has_words_in_both_languages_and_a_short_form_without_the_link() {
    for language in [Language::Id, Language::En] {
        let heard = Heard::ALL.map(|heard| Facts { heard: Some(heard), ..draft(ReplyKind::Noted, Audience::Private, language).facts });
        let connected =
            Connected::ALL.map(|outcome| Facts { connected: Some(outcome), ..draft(ReplyKind::Noted, Audience::Private, language).facts });
        let guarded = [Guarded::Held, Guarded::Flood, Guarded::Spam]
            .map(|guarded| Facts { guarded: Some(guarded), ..draft(ReplyKind::Noted, Audience::Private, language).facts });
        for facts in heard.into_iter().chain(connected).chain(guarded) {
            let mut draft = ReplyDraft { facts, ..draft(ReplyKind::Noted, Audience::Private, language) };
            let plain = words(language).pattern(ReplyKind::Noted, Audience::Private).lines().next().expect("a line");
            let reply = word(&draft, &site());
            assert!(reply.text.len() > 20 && !reply.text.contains(['{', '}']) && !reply.text.starts_with(&plain[..12]), "{}", reply.text);
            let last = reply.short.last().expect("a short form");
            assert!(last.chars().count() <= 160 && !last.contains("https://"), "{last}");
            draft.to.audience = Audience::Public;
            assert!(!word(&draft, &site()).text.contains("https://"));
        }
    }
}

#[test]
fn the_last_answer_of_an_hour_says_so_and_names_the_emergency_number() {
    for language in [Language::Id, Language::En] {
        let mut draft = draft(ReplyKind::Noted, Audience::Private, language);
        let plain = word(&draft, &site());
        draft.facts.guarded = Some(Guarded::Last);
        let last = word(&draft, &site());
        assert!(last.text.starts_with(&plain.text) && last.text.contains("112") && !plain.text.contains("112"), "{}", last.text);
        let forms = last.short.iter().zip(&plain.short);
        assert!(
            forms.clone().count() > 0 && forms.into_iter().all(|(last, plain)| last.starts_with(plain.as_str()) && last.contains("112"))
        );
        draft.to.audience = Audience::Public;
        assert!(!word(&draft, &site()).text.contains("112"), "nobody is called to account where everybody reads it");
    }
}

#[test]
fn a_photo_is_spoken_of_where_the_link_to_it_is_and_nowhere_else() {
    for language in [Language::Id, Language::En] {
        let mut draft = draft(ReplyKind::Resolved, Audience::Private, language);
        let without = word(&draft, &site());
        draft.facts.photo = Some(AttachmentId(Uuid::nil()));
        let with = word(&draft, &site());
        assert!(with.text.lines().count() == without.text.lines().count() + 1 && with.params.contains_key("photo"), "{}", with.text);
        assert_eq!(with.short.len(), without.short.len() + 1, "an SMS may speak of it too");
        draft.facts.tracking = None;
        assert_eq!(word(&draft, &site()).params.get("photo"), None);
        draft.to.audience = Audience::Public;
        draft.facts.tracking = "AAAAAAAAAAAAAAAAAAAAAA".parse().ok();
        assert_eq!(word(&draft, &site()).params.get("photo"), None);
    }
}

#[test]
fn words_of_danger_put_the_emergency_number_first() {
    let mut draft = draft(ReplyKind::Received, Audience::Private, Language::Id);
    draft.facts.danger = true;
    let text = word(&draft, &site()).text;
    assert!(text.find("112").expect("the number") < text.find("7KQ2").expect("the reference"));
}

#[test]
fn who_joins_late_reads_how_far_it_is_and_nobody_else_does() {
    for language in [Language::Id, Language::En] {
        for kind in [ReplyKind::Received, ReplyKind::Forwarded] {
            let mut draft = draft(kind, Audience::Private, language);
            let plain = word(&draft, &site()).text;
            for status in Status::ALL {
                draft.facts.known = Some(status);
                let text = word(&draft, &site()).text;
                assert_eq!(text.lines().count(), plain.lines().count() + 1, "{text}");
                assert!(text.contains(words(language).known(status)) && words(language).known(status).len() > 20, "{text}");
            }
        }
    }
}

#[test]
fn every_kind_has_short_forms_that_begin_with_the_number_and_end_without_the_link() {
    for language in [Language::Id, Language::En] {
        for kind in ReplyKind::ALL {
            let mut draft = draft(kind, Audience::Private, language);
            draft.facts.text = Some("Lubang sudah ditambal. ".repeat(10));
            let short = word(&draft, &site()).short;
            let last = short.last().unwrap_or_else(|| panic!("{kind:?} {language:?} has no short form"));
            assert!(last.chars().count() <= 160 && !last.contains("https://"), "{last}");
            let by_length: Vec<usize> = short.iter().map(|form| form.chars().count()).collect();
            assert!(by_length.is_sorted_by(|fuller, shorter| fuller > shorter), "{kind:?}: the fullest first, {by_length:?}");
            for form in short.iter().filter(|_| kind != ReplyKind::Unreadable) {
                assert!(form.starts_with("7KQ2-M4XT-9PCH"), "{form}");
            }
        }
    }
}

#[test]
fn a_short_form_whose_fact_is_missing_is_not_offered() {
    let mut draft = draft(ReplyKind::Forwarded, Audience::Private, Language::Id);
    (draft.facts.deadline, draft.facts.tracking) = (None, None);
    let short = word(&draft, &site()).short;
    assert!(!short.is_empty() && short.iter().all(|form| !form.contains('{') && !form.contains("https")), "{short:?}");
    draft.to.audience = Audience::Public;
    assert_eq!(word(&draft, &site()).short, Vec::<String>::new());
}

#[test]
fn words_of_danger_stand_before_short_forms_too() {
    let mut draft = draft(ReplyKind::Received, Audience::Private, Language::Id);
    draft.facts.danger = true;
    for form in word(&draft, &site()).short {
        assert!(form.find("112").expect("the number") < form.find("7KQ2").expect("the reference"), "{form}");
    }
}

#[test]
fn a_line_without_its_fact_is_left_out() {
    let params = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    assert_eq!(fill("has {a}\nlacks {b}\nplain", &params), "has 1\nplain");
    assert_eq!(fill("open { brace", &params), "open { brace");
}
