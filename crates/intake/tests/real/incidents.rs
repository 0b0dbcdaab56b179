//! One thing in the world, and the complaints about it: joined where that was proven, suggested where it is likely, else left apart.

use std::sync::OnceLock;

use intake::{Recorded, Rooms};
use model::{
    Audience, ComplaintId, Inbound, ReplyKind, Status, Visibility,
    incident::{How, Reason, SuggestionState},
};
use store::{incident, queue::Scope};
use triage::{Decision, Example, Judge, Learned, Side, Sorter};

use crate::city::{City, after, at, in_mawar, message, opened, photo};

/// What was learned from a made-up city's decided pairs: the same matter in the same street said in two ways, another matter there, the same
/// matter in another street, gang or month.
fn learned() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let streets = [
            "melati raya",
            "kenanga wetan",
            "cempaka putih",
            "anggrek bulan",
            "flamboyan asri",
            "dahlia timur",
            "teratai indah",
            "bougenvil dua",
        ];
        let matters = [
            ["banjir setinggi lutut sejak subuh", "air masuk rumah, banjir belum surut", "genangan dalam sekali, motor mogok semua"],
            ["lampu jalan padam tiga malam", "pju mati gelap sekali", "penerangan jalan tidak menyala"],
            ["sampah menumpuk bau sekali", "tps penuh sampah berserakan", "sampah belum diangkut seminggu"],
            ["jalan berlubang parah banyak yang jatuh", "aspal rusak lubang besar", "lubang di jalan bikin celaka"],
        ];
        let ways = ["di jl {}", "jln {} tolong pak", "lokasi {}", "{} rt 3"];
        let mut rows: Vec<(String, usize, usize, i64)> = Vec::new();
        for (street, name) in streets.iter().enumerate() {
            for (matter, phrases) in matters.iter().enumerate() {
                for (way, phrase) in phrases.iter().enumerate() {
                    let said = ways[(way + street) % ways.len()].replace("{}", name);
                    let hours = i64::try_from((matter * 7 + way * 5 + street * 3) % 11).expect("small");
                    rows.push((format!("{phrase} {said}"), street, matter, hours));
                }
            }
        }
        let sides: Vec<Side<'_>> =
            rows.iter().map(|(text, _, _, hours)| Side { text, place: "", area: "3171010001", at: hours * 3600 }).collect();
        let mut pairs: Vec<Decision> = Vec::new();
        for (a, one) in rows.iter().enumerate() {
            for (b, other) in rows.iter().enumerate().skip(a + 1) {
                let same = (one.1, one.2) == (other.1, other.2);
                let shares_something = one.1 == other.1 || one.2 == other.2;
                if same || (shares_something && (a * 7 + b) % (if one.1 == other.1 { 3 } else { 12 }) == 0) {
                    pairs.push((a, b, same));
                }
            }
        }
        let texts: Vec<(&str, &str)> = rows.iter().map(|(text, street, ..)| (text.as_str(), streets[*street])).collect();
        let labels: Vec<String> = rows.iter().map(|(_, _, matter, _)| matter.to_string()).collect();
        let examples: Vec<Example<'_>> =
            rows.iter().zip(&labels).map(|(row, label)| Example { text: &row.0, place: "", label, fine: "" }).collect();
        let judge = Judge::learn(&texts, Sorter::of_subjects(&examples), &sides, &pairs);
        assert!(judge.joins(), "joining was proven: {:?}", judge.floors());
        Learned::default().judging(judge).to_bytes()
    })
}

pub(crate) async fn learned_city() -> City {
    let mut city = City::new().await;
    city.rooms = Rooms::load(&city.db).await.expect("loads").with(Some((1, learned().to_vec())));
    city
}

/// Citizen `who` writes this, so many minutes after the first.
fn said(who: u32, minutes: i64, text: &str) -> Inbound {
    at(minutes, message(who, &format!("m{who}-{minutes}"), text))
}

async fn together(city: &City, ids: &[ComplaintId]) -> bool {
    let (incident, members) = incident::of_complaint(&city.db, ids[0]).await.expect("is read").expect("is in one");
    let mut members: Vec<ComplaintId> = members.iter().map(|member| member.complaint).collect();
    let mut ids = ids.to_vec();
    members.sort_unstable();
    ids.sort_unstable();
    incident.lead == ids[0] && members == ids
}

async fn alone(city: &City, id: ComplaintId) -> bool {
    incident::of_complaint(&city.db, id).await.expect("is read").is_none()
}

#[tokio::test]
async fn before_anything_was_learned_a_likely_pair_is_suggested_with_its_reasons_and_nothing_is_joined() {
    let city = City::new().await;
    let first = opened(city.record_one(&said(1, 0, "Banjir setinggi lutut di Jl. Melati Raya, air masuk rumah warga")).await);
    let lamp = opened(city.record_one(&said(2, 20, "lampu jalan padam di jalan kenanga wetan sudah seminggu")).await);
    let second = opened(city.record_one(&said(3, 60, "banjir di jln melati raya, air masuk ke rumah")).await);
    let waiting = incident::waiting(&city.db, &Scope::Everything, 10).await.expect("is read");
    assert_eq!(waiting.iter().map(|pair| (pair.complaint, pair.other)).collect::<Vec<_>>(), [(second, first)]);
    assert_eq!(waiting[0].state, SuggestionState::Open);
    assert!(waiting[0].percent >= 50 && waiting[0].reasons.contains(&Reason::Hours { hours: 1 }), "{:?}", waiting[0]);
    for id in [first, lamp, second] {
        assert!(alone(&city, id).await);
        assert!(city.replies(id).await[0].draft.facts.known.is_none());
    }
}

#[tokio::test]
async fn a_person_is_asked_once_about_each_matter_however_many_reported_it() {
    let city = City::new().await;
    let mut ids = Vec::new();
    for (who, text) in
        (1..).zip(["Banjir di Jl. Melati Raya, air masuk rumah warga", "banjir jln melati raya, air masuk ke rumah warga"].repeat(4))
    {
        ids.push(opened(city.record_one(&said(who, i64::from(who), text)).await));
    }
    let waiting = incident::waiting(&city.db, &Scope::Everything, 100).await.expect("is read");
    for (place, id) in ids.iter().enumerate() {
        let about: Vec<ComplaintId> = waiting.iter().filter(|pair| pair.complaint == *id).map(|pair| pair.other).collect();
        assert_eq!(about.len(), usize::from(place > 0), "complaint {place} is suggested beside one earlier one: {about:?}");
        assert!(about.iter().all(|other| ids[..place].contains(other)));
    }
}

#[tokio::test]
async fn where_it_was_proven_they_join_by_themselves_and_the_late_one_reads_how_far_it_is() {
    let city = learned_city().await;
    let first = opened(city.record_one(&said(1, 0, "jalan rusak berlubang parah di jl melati raya")).await);
    assert_eq!(city.complaint(first).await.status(), Status::Forwarded);
    city.act(first, "roads", model::Action::Claim).await;
    let second = opened(city.record_one(&said(2, 90, "lubang di jalan bikin celaka jln melati raya tolong pak")).await);
    assert!(together(&city, &[first, second]).await);
    let (_, members) = incident::of_complaint(&city.db, second).await.expect("is read").expect("is in one");
    assert_eq!(
        members.iter().map(|member| (member.how, member.percent.is_some())).collect::<Vec<_>>(),
        [(How::Automatic, false), (How::Automatic, true)]
    );
    let acknowledgement = &city.replies(second).await[0];
    assert!(acknowledgement.draft.kind.acknowledges());
    assert_eq!(acknowledgement.draft.facts.known, Some(Status::InProgress));
    assert_ne!(city.complaint(first).await.reference, city.complaint(second).await.reference, "everybody has their own number");
    let other = opened(city.record_one(&said(3, 95, "lampu jalan padam tiga malam di jl melati raya")).await);
    let elsewhere = opened(city.record_one(&said(4, 96, "jalan rusak berlubang parah di jl kenanga wetan")).await);
    assert!(alone(&city, other).await && alone(&city, elsewhere).await);
    assert_eq!(city.replies(elsewhere).await[0].draft.facts.known, None);
}

#[tokio::test]
async fn many_in_one_batch_are_one_incident_and_each_is_answered() {
    let city = learned_city().await;
    let texts = ["banjir setinggi lutut sejak subuh di jl melati raya", "air masuk rumah, banjir belum surut jln melati raya tolong pak"];
    let batch: Vec<Inbound> = (0..12).map(|n| said(n, i64::from(n), texts[n as usize % 2])).collect();
    let ids: Vec<ComplaintId> = city.record(&batch).await.into_iter().map(opened).collect();
    assert!(together(&city, &ids).await);
    for id in &ids {
        assert_eq!(city.reply_kinds(*id).await, [ReplyKind::Received]);
    }
    assert!(city.record(&batch).await.iter().all(|recorded| matches!(recorded, Recorded::Again(_))), "twice the same changes nothing");
    assert!(together(&city, &ids).await);
}

#[tokio::test]
async fn doors_that_record_at_once_leave_nobody_in_two_incidents_and_lose_no_message() {
    let city = learned_city().await;
    let first = opened(city.record_one(&said(100, 0, "banjir setinggi lutut sejak subuh di jl melati raya")).await);
    let record = |who: u32| {
        let city = &city;
        async move {
            opened(city.record_one(&said(who, i64::from(who), "air masuk rumah, banjir belum surut jln melati raya tolong pak")).await)
        }
    };
    let mut ids = futures::future::join_all((1..9).map(record)).await;
    ids.push(first);
    assert_eq!(city.complaints().await, 9);
    for id in &ids {
        let (_, members) = incident::of_complaint(&city.db, *id).await.expect("is read").expect("is in one");
        assert_eq!(members.iter().filter(|member| member.complaint == *id).count(), 1);
    }
}

#[tokio::test]
async fn what_follows_within_minutes_shows_what_it_is_about() {
    let city = City::new().await;
    let first = opened(city.record_one_at(&said(1, 0, "banjir setinggi lutut sejak subuh di jl melati raya"), after(0)).await);
    let vague = opened(city.record_one_at(&said(2, 30, "air menggenang"), after(30)).await);
    assert!(incident::waiting_of(&city.db, vague).await.expect("is read").is_empty(), "nobody knows where, nor what");
    let more = "banjir setinggi lutut jl melati raya";
    assert_eq!(city.record_one_at(&said(2, 32, more), after(32)).await, Recorded::FollowUp(vague));
    let waiting = incident::waiting_of(&city.db, vague).await.expect("is read");
    assert_eq!(waiting.iter().map(|pair| pair.other).collect::<Vec<_>>(), [first]);
}

#[tokio::test]
async fn a_confidential_complaint_is_compared_with_nothing() {
    let city = learned_city().await;
    let text = "banjir setinggi lutut sejak subuh di jl melati raya";
    let secret = opened(city.record_one(&Inbound { visibility: Visibility::Secret, ..said(1, 0, text) }).await);
    let open = opened(city.record_one(&said(2, 5, text)).await);
    assert!(alone(&city, secret).await && alone(&city, open).await);
    assert!(incident::waiting(&city.db, &Scope::Everything, 10).await.expect("is read").is_empty());
}

#[tokio::test]
async fn the_same_picture_or_the_same_place_on_the_map_brings_them_before_a_person() {
    let city = City::new().await;
    let located = |who: u32, minutes: i64, text: &str| Inbound { location: Some(in_mawar()), ..photo(said(who, minutes, text)) };
    let first = opened(city.record_one(&located(1, 0, "air menggenang di depan sekolah")).await);
    let second = opened(city.record_one(&located(2, 40, "tergenang depan sekolah sejak pagi")).await);
    let waiting = incident::waiting(&city.db, &Scope::Everything, 10).await.expect("is read");
    let pair = waiting.iter().find(|pair| (pair.complaint, pair.other) == (second, first)).expect("is suggested");
    assert!(pair.reasons.contains(&Reason::Picture) && pair.reasons.contains(&Reason::Metres { metres: 0 }), "{:?}", pair.reasons);
}

#[tokio::test]
async fn what_is_said_in_public_joins_too_and_is_answered_in_public_without_a_link() {
    let city = learned_city().await;
    let first = opened(city.record_one(&said(1, 0, "banjir setinggi lutut sejak subuh di jl melati raya")).await);
    let mut public = said(2, 20, "air masuk rumah, banjir belum surut jln melati raya tolong pak");
    public.audience = Audience::Public;
    if let Some(to) = &mut public.reply_to {
        to.audience = Audience::Public;
    }
    let second = opened(city.record_one(&public).await);
    assert!(together(&city, &[first, second]).await);
    let site = model::Site { name: "Kota".into(), base_url: "https://lapor.example.id".into(), zone: model::clock::Zone::Wib };
    let words = model::word(&city.replies(second).await[0].draft, &site).text;
    assert!(!words.contains("https://"), "{words}");
}
