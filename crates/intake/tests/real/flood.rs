//! The story: one flood, forty citizens, seven channels, spelling as real people spell; three unrelated complaints in between, and one that
//! only looks alike.

use std::collections::BTreeSet;

use intake::acts;
use model::{
    Action, Actor, Address, Audience, ComplaintId, Inbound, MessageKey, Reference, ReplyKind, ReplyTo, Role, StaffId, Status,
    incident::{self as rules, Act, How, IncidentState, StepKind},
    same::{Heard, SaysSame, hear, leave},
};
use store::{
    incident::{self, NewStep},
    queue::Scope,
};

use crate::{
    city::{City, LATER, at, message, opened},
    incidents::learned_city,
};

/// Seven ways in; two of them public.
const CHANNELS: [(&str, Audience); 7] = [
    ("chat", Audience::Private),
    ("form", Audience::Private),
    ("mail", Audience::Private),
    ("text", Audience::Private),
    ("counter", Audience::Private),
    ("wall", Audience::Public),
    ("group", Audience::Public),
];

const FLOOD: [&str; 40] = [
    "Banjir setinggi lutut sejak subuh di Jl. Melati Raya",
    "banjir d jln melati raya tlg pak, air masuk rumah",
    "Jl melati raya banjirr parah, motor mogok semua",
    "air masuk rumah warga jl. melati raya RT 3, banjir belum surut",
    "BANJIR DI JALAN MELATI RAYA!!! TOLONG",
    "genangan dalam sekali di jl melati raya, motor pd mogok",
    "pak lurah jln melati raya bnjir lagi setinggi lutut",
    "Mohon bantuan, banjir di Jalan Melati Raya sejak subuh belum surut",
    "melati raya banjir, air masuk rumah, anak2 blm bs sekolah",
    "jl melati raya kebanjiran sejak subuh min",
    "banjir jl melati raya depan rumah saya setinggi lutut",
    "tolong pompa air, banjir di jln melati raya belum surut",
    "Selamat pagi. Banjir setinggi lutut di Jl. Melati Raya, mohon pompa",
    "air banjir di jl melati raya masuk rumah rt 3",
    "jln melati raya rt 3 banjir sejak subuh",
    "banjir belum surut di jl. melati raya, sudah setinggi lutut",
    "genangan setinggi lutut jl melati raya sejak subuh td",
    "jl mlati raya banjir pak tolong",
    "jalan mellati raya banjir setinggi lutut, motor mogok",
    "banjiiir jl melati raya air masuk rumah",
    "Yth. Dinas, Jl. Melati Raya banjir sejak subuh. Air masuk rumah warga.",
    "melati raya banjir lg min, setinggi lutut orang dewasa",
    "kami warga jl melati raya kebanjiran, air belum surut",
    "lokasi jl melati raya, banjir, motor mogok semua",
    "jl melati raya banjir setinggi lutut sejak subuh tadi",
    "pak banjir jl melati raya mohon ditindak",
    "banjir, jl melati raya, air masuk rumah, belum surut",
    "jln. Melati Raya banjir. Sejak subuh. Belum surut.",
    "di jl melati raya air masuk rumah banjir setinggi lutut",
    "banjir parah di jalan melati raya, genangan dalam sekali",
    "jl melati raya banjir tolong segera, air masuk rumah",
    "lapor banjir jln melati raya rt 3 setinggi lutut",
    "jl. melati raya, genangan dalam, motor mogok semua",
    "banjir sejak subuh jl melati raya blm surut jg",
    "tlg jl melati raya banjir air masuk rmh",
    "jl melati raya rt3 kebanjiran setinggi lutut",
    "Banjir di Jl Melati Raya belum surut sejak subuh, mohon dibantu",
    "air setinggi lutut di jln melati raya, banjir belum surut",
    "jl melati raya banjir lagi banjir lagi, motor mogok",
    "banjir jl melati raya setinggi lutut tolong pak",
];

/// Other matters, and the same matter in another street.
const OTHERS: [&str; 4] = [
    "lampu jalan padam tiga malam di jl kenanga wetan",
    "sampah menumpuk bau sekali lokasi cempaka putih",
    "jalan berlubang parah banyak yang jatuh di jl anggrek bulan",
    "banjir setinggi lutut sejak subuh di jl flamboyan asri",
];

/// Citizen `who`, on one of the seven channels, so many minutes after the first.
fn by_channel(who: usize, text: &str) -> Inbound {
    let (adapter, audience) = CHANNELS[who % CHANNELS.len()];
    let minutes = i64::try_from(who).expect("few");
    let plain = at(minutes * 3, message(u32::try_from(who).expect("few"), &format!("flood-{who}"), text));
    let key = MessageKey { adapter: adapter.parse().expect("a name"), ..plain.key.clone() };
    let address: Address = format!("{adapter}:{who}").parse().expect("an address");
    let reply_to = ReplyTo {
        adapter: key.adapter.clone(),
        account: key.account.clone(),
        address: address.clone(),
        thread: None,
        audience,
        open_until: None,
    };
    Inbound { sender: vec![address], reply_to: Some(reply_to), reference: Reference::of(&key, 0), audience, key, ..plain }
}

async fn members(city: &City, of: ComplaintId) -> Vec<rules::Member> {
    incident::of_complaint(&city.db, of).await.expect("is read").map(|(_, members)| members).unwrap_or_default()
}

/// Triage works the list off: everything about the flood is joined, what is no flood is not.
async fn work_the_list_off(city: &City, flood: &BTreeSet<ComplaintId>, by: Actor) -> usize {
    let mut decided = 0;
    loop {
        let waiting = incident::waiting(&city.db, &Scope::Everything, 50).await.expect("is read");
        let Some(pair) = waiting.into_iter().next() else { return decided };
        let mut tx = store::begin(&city.db).await.expect("begins");
        let sides = incident::sides(&mut tx, &[pair.complaint, pair.other]).await.expect("is read");
        let one_thing = flood.contains(&pair.complaint) && flood.contains(&pair.other);
        let joined = one_thing.then(|| rules::join(&sides[0], &sides[1], Some(pair.clone()), None, by, LATER).ok()).flatten();
        let (kind, change) = match joined {
            Some(change) => (StepKind::Joined, change),
            // Not the same, or together by now over others.
            None => (StepKind::Different, rules::part(pair, rules::SuggestionState::Different, by, LATER).expect("is allowed")),
        };
        incident::write(&mut tx, &[NewStep { kind, change: &change, by, at: LATER, undoes: None, reason: None }])
            .await
            .expect("is written");
        store::commit(tx).await.expect("commits");
        decided += 1;
    }
}

/// What the citizen's page does when they press one of its two buttons.
async fn tap(city: &City, id: ComplaintId, same: bool) -> Option<Heard> {
    let mut tx = store::begin(&city.db).await.expect("begins");
    let complaint = store::complaint::lock(&mut tx, id).await.expect("is read").expect("is there");
    let beside = incident::beside(&mut tx, std::slice::from_ref(&complaint)).await.expect("is read");
    let says = SaysSame { same: Some(same), message: None, reply_to: None };
    let followed = hear(complaint, says, beside.get(&id), &city.rooms.directory, LATER)?;
    if let Some((kind, change)) = &followed.step {
        let step = NewStep { kind: *kind, change, by: Actor::Citizen, at: LATER, undoes: None, reason: None };
        incident::write(&mut tx, &[step]).await.expect("is written");
    }
    store::complaint::write(&mut tx, &followed.decision).await.expect("is written");
    store::commit(tx).await.expect("commits");
    followed.heard
}

/// Joins two without a suggestion, unless they are together already.
async fn by_hand(city: &City, one: ComplaintId, other: ComplaintId, by: Actor) {
    let mut tx = store::begin(&city.db).await.expect("begins");
    let sides = incident::sides(&mut tx, &[one, other]).await.expect("is read");
    let Ok(change) = rules::join(&sides[0], &sides[1], None, None, by, LATER) else { return };
    incident::write(&mut tx, &[NewStep { kind: StepKind::Joined, change: &change, by, at: LATER, undoes: None, reason: None }])
        .await
        .expect("is written");
    store::commit(tx).await.expect("commits");
}

async fn staff(city: &City, login: &str, role: Role, agency: Option<&str>) -> Actor {
    let agency = agency.map(|code| city.agency(code));
    let new = store::staff::NewStaff { login: login.into(), name: login.into(), role, agency, office: None, language: model::Language::Id };
    let mut tx = store::begin(&city.db).await.expect("begins");
    let id = store::staff::create(&mut tx, &new, "no password fits", LATER).await.expect("is created").expect("is new");
    store::commit(tx).await.expect("commits");
    Actor::Staff { id, role, agency }
}

fn id_of(by: Actor) -> StaffId {
    let Actor::Staff { id, .. } = by else { panic!("not of the staff") };
    id
}

async fn begin(city: &City, of: ComplaintId, act: Act, by: Actor) {
    let (found, _) = incident::of_complaint(&city.db, of).await.expect("is read").expect("is in one");
    let mut tx = store::begin(&city.db).await.expect("begins");
    assert!(incident::begin_act(&mut tx, found.id, &act, id_of(by), LATER).await.expect("is noted"));
    store::commit(tx).await.expect("commits");
}

/// Triage opens it again, with its complaints, and everybody in it is told.
async fn the_water_is_back(city: &City, flood: &[ComplaintId], triage: Actor, next: model::Timestamp) {
    let (found, _) = incident::of_complaint(&city.db, flood[0]).await.expect("is read").expect("is there");
    let change = rules::reopen(&found, triage).expect("is allowed");
    let mut tx = store::begin(&city.db).await.expect("begins");
    let step = NewStep { kind: StepKind::Reopened, change: &change, by: triage, at: next, undoes: None, reason: Some("Air naik lagi.") };
    incident::write(&mut tx, &[step]).await.expect("is written");
    store::commit(tx).await.expect("commits");
    begin(city, flood[0], Act::Reopen("Air naik lagi.".into()), triage).await;
    assert!(acts::act_once(&city.db, next).await.expect("does it"));
    for id in flood.iter().filter(|id| **id != flood[7]) {
        assert_ne!(city.complaint(*id).await.status(), Status::Resolved);
        assert_eq!(city.reply_kinds(*id).await.iter().filter(|kind| **kind == ReplyKind::Reopened).count(), 1);
    }
    assert_eq!(city.complaint(flood[7]).await.status(), Status::Resolved, "who had left is left alone");
    let (found, _) = incident::of_complaint(&city.db, flood[0]).await.expect("is read").expect("is there");
    assert_eq!(found.state, IncidentState::Open);
    let reason = incident::steps(&city.db, &[found.lead], 1).await.expect("is read").remove(0).reason;
    assert_eq!(reason.as_deref(), Some("Air naik lagi."));
}

#[tokio::test]
async fn one_flood_forty_citizens_seven_channels_one_incident_forty_answers() {
    let city = learned_city().await;
    let (mut flood, mut others) = (Vec::new(), Vec::new());
    for (who, text) in FLOOD.iter().enumerate() {
        flood.push(opened(city.record_one(&by_channel(who, text)).await));
        if let Some(other) = OTHERS.get(who / 10).filter(|_| who % 10 == 5) {
            others.push(opened(city.record_one(&by_channel(100 + who, other)).await));
        }
    }
    assert_eq!((flood.len(), others.len()), (40, 4));
    let all: BTreeSet<ComplaintId> = flood.iter().copied().collect();
    let by_itself = members(&city, flood[0]).await;
    assert!(by_itself.iter().all(|member| all.contains(&member.complaint) && member.how == How::Automatic), "nothing else is in it");
    assert!(by_itself.len() >= 20, "by itself {}", by_itself.len());
    for other in &others {
        assert!(members(&city, *other).await.is_empty(), "the others stay apart");
    }

    // Citizens of suggested ones are asked on their pages. One says yes, one says no by mistake, the others nothing.
    let mut asked = Vec::new();
    for id in &flood {
        if city.complaint(*id).await.unanswered().is_some() {
            asked.push(*id);
        }
    }
    assert!(asked.len() >= 2, "only suggested: {}", asked.len());
    for other in &others {
        assert!(tap(&city, *other, true).await.is_none(), "who reported something else is not asked");
    }
    assert_eq!(tap(&city, asked[0], true).await, Some(Heard::Together));
    assert_eq!(tap(&city, asked[0], false).await, None, "a second tap");
    assert_eq!(tap(&city, asked[1], false).await, Some(Heard::Apart));
    let of = members(&city, asked[0]).await;
    let own = of.iter().find(|member| member.complaint == asked[0]).expect("is in it");
    assert_eq!((own.how, own.percent.is_some()), (How::Citizen, true), "in the citizen's name");

    let triage = staff(&city, "triase", Role::Triage, None).await;
    work_the_list_off(&city, &all, triage).await;
    // Staff have the last word about the one that was a mistake.
    by_hand(&city, asked[1], flood[0], triage).await;
    let joined = members(&city, flood[0]).await;
    assert_eq!(joined.iter().map(|member| member.complaint).collect::<BTreeSet<_>>(), all, "all forty, and nobody else");

    // Forty numbers, forty dispatches to one agency, one answer for all.
    let roads = city.agency("roads");
    for id in &flood {
        city.act_as(*id, triage, Action::Route { agencies: vec![roads], category: None, area: None }).await;
    }
    let officer = staff(&city, "petugas", Role::Officer, Some("roads")).await;
    begin(&city, flood[0], Act::Resolve("Pompa dipasang, air sudah surut.".into()), officer).await;
    // A kill after the first batch: its lease runs out, and somebody else does the rest.
    let died = incident::claim_act(&city.db, LATER, std::time::Duration::from_mins(1)).await.expect("is claimed").expect("is due");
    let rooms = city.rooms.clone();
    assert!(acts::step_of(&city.db, &died, &rooms.directory, LATER, 15).await.expect("does a batch"));
    assert!(!acts::act_once(&city.db, LATER).await.expect("looks"), "while the lease holds it is theirs");
    let next = LATER + jiff::SignedDuration::from_mins(2);
    assert!(acts::act_once(&city.db, next).await.expect("does the rest"));
    assert!(!acts::act_once(&city.db, next).await.expect("looks"), "nothing is left");

    let mut told = BTreeSet::new();
    for (who, id) in flood.iter().enumerate() {
        assert_eq!(city.complaint(*id).await.status(), Status::Resolved);
        let replies = city.replies(*id).await;
        let resolved: Vec<_> = replies.iter().filter(|reply| reply.draft.kind == ReplyKind::Resolved).collect();
        assert_eq!(resolved.len(), 1, "each once");
        let (adapter, audience) = CHANNELS[who % CHANNELS.len()];
        assert_eq!((resolved[0].draft.to.adapter.as_str(), resolved[0].draft.to.audience), (adapter, audience), "where they wrote");
        let site = model::Site { name: "Kota".into(), base_url: "https://lapor.example.id".into(), zone: model::clock::Zone::Wib };
        let words = model::word(&resolved[0].draft, &site).text;
        assert_eq!(words.contains("Pompa dipasang"), audience == Audience::Private, "{words}");
        told.insert(resolved[0].draft.facts.reference.clone());
    }
    assert_eq!(told.len(), 40, "forty numbers");
    for other in &others {
        assert_ne!(city.complaint(*other).await.status(), Status::Resolved);
    }
    let (found, _) = incident::of_complaint(&city.db, flood[0]).await.expect("is read").expect("is there");
    assert_eq!(found.state, IncidentState::Closed);

    // "Mine is another street": one splits off, and nobody else notices.
    let mut tx = store::begin(&city.db).await.expect("begins");
    let complaint = store::complaint::lock(&mut tx, flood[7]).await.expect("is read").expect("is there");
    let (own, oldest, pairs) = incident::around(&mut tx, flood[7]).await.expect("is read").expect("is there");
    let reason = "Punya saya di jalan sebelah.".to_owned();
    let (decision, change) = leave(complaint, (&own, &oldest, pairs), reason, &rooms.directory, next).expect("is allowed");
    let step = NewStep { kind: StepKind::Split, change: &change, by: Actor::Citizen, at: next, undoes: None, reason: None };
    incident::write(&mut tx, &[step]).await.expect("is written");
    store::complaint::write(&mut tx, &decision).await.expect("is written");
    store::commit(tx).await.expect("commits");
    assert!(members(&city, flood[7]).await.is_empty());
    assert_eq!(members(&city, flood[0]).await.len(), 39);

    // Who comes now is no late joiner of something that is over: a person looks.
    let late = opened(city.record_one(&by_channel(200, FLOOD[0])).await);
    assert!(members(&city, late).await.is_empty());
    let waiting = incident::waiting_of(&city.db, late).await.expect("is read");
    assert!(!waiting.is_empty(), "it is suggested");

    the_water_is_back(&city, &flood, triage, next).await;
}

#[tokio::test]
async fn an_act_that_the_rules_refuse_for_one_complaint_is_done_for_the_others_and_says_so() {
    let city = learned_city().await;
    let text = "jalan rusak berlubang parah banyak yang jatuh di jl melati raya";
    let ids: Vec<ComplaintId> =
        [opened(city.record_one(&by_channel(0, text)).await), opened(city.record_one(&by_channel(1, text)).await)].into();
    let triage = staff(&city, "triase", Role::Triage, None).await;
    let mut tx = store::begin(&city.db).await.expect("begins");
    let sides = incident::sides(&mut tx, &ids).await.expect("is read");
    if let Ok(change) = rules::join(&sides[0], &sides[1], None, None, triage, LATER) {
        let step = NewStep { kind: StepKind::Joined, change: &change, by: triage, at: LATER, undoes: None, reason: None };
        incident::write(&mut tx, &[step]).await.expect("is written");
    }
    store::commit(tx).await.expect("commits");
    assert_eq!(members(&city, ids[0]).await.len(), 2);
    let (officer, colleague) =
        (staff(&city, "satu", Role::Officer, Some("roads")).await, staff(&city, "dua", Role::Officer, Some("roads")).await);
    city.act_as(ids[1], colleague, Action::Claim).await;
    begin(&city, ids[0], Act::Answer("Tim turun besok.".into()), officer).await;
    assert!(acts::act_once(&city.db, LATER).await.expect("does it"));
    let (found, _) = incident::of_complaint(&city.db, ids[0]).await.expect("is read").expect("is there");
    let seen = incident::acts(&city.db, found.id).await.expect("is read");
    assert_eq!((seen[0].done, seen[0].refused, seen[0].left), (1, 1, 0));
    assert_eq!(found.state, IncidentState::Open);
    assert!(city.reply_kinds(ids[0]).await.contains(&ReplyKind::Answered));
    assert!(!city.reply_kinds(ids[1]).await.contains(&ReplyKind::Answered), "a colleague has it");
}
