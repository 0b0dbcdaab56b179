//! What the desk is told: a clerk's own office with its words, everything else as a number, and nobody's secret.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use jiff::ToSpan;
use model::{
    Address, ClerkToken, Complaint, Point, Receipt, ReceiptState, Role, StaffId, Visibility,
    desk::{Findings, Found, FoundBy, SEARCH, Search, UNDELIVERED, Undelivered},
};
use serde::de::DeserializeOwned;

use super::{Answer, Wish, World};
use crate::agency::desk::signed;

const CONTACT: &str = "081200000009";

async fn token(world: &World, login: &str) -> ClerkToken {
    let (staff, _) = store::staff::by_login(&world.db, login).await.expect("a database").expect("an account");
    let office = staff.office.clone().unwrap_or_else(|| "kel-melati".into());
    ClerkToken { staff: staff.id, name: staff.name, role: Role::Clerk, office, expires_at: world.now() + 1.hour(), generation: 0 }
}

async fn ask(world: &World, path: &str, token: &str, body: &impl serde::Serialize) -> Answer {
    let request =
        Request::post(path).header(header::CONTENT_TYPE, "application/json").header(header::AUTHORIZATION, format!("Bearer {token}"));
    world.ask(request.body(Body::from(serde_json::to_vec(body).expect("JSON"))).expect("a request")).await
}

async fn answer<T: DeserializeOwned>(world: &World, path: &str, body: &impl serde::Serialize) -> T {
    let token = signed(&token(world, "loket").await, world.rooms.staff_key());
    let answer = ask(world, path, &token, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    serde_json::from_str(&answer.text).expect("JSON")
}

async fn search(world: &World, search: Search) -> Vec<Found> {
    answer::<Findings>(world, SEARCH, &search).await.found
}

fn of<'a>(found: &'a [Found], complaint: &Complaint) -> Option<&'a Found> {
    found.iter().find(|found| found.reference == complaint.reference)
}

fn at_the_desk<'a>() -> Wish<'a> {
    Wish { account: "kel-melati", contact: Some(CONTACT), ..Wish::default() }
}

#[tokio::test]
async fn only_a_clerk_of_the_office_is_answered() {
    let world = World::new().await;
    let good = token(&world, "loket").await;
    let key = world.rooms.staff_key();
    let sign = |token: ClerkToken| signed(&token, key);
    let forged = signed(&good, &ed25519_dalek::SigningKey::from_bytes(&[9; 32]));
    let officer = token(&world, "jalan").await;
    for (why, token) in [
        ("nothing", String::new()),
        ("not ours", forged),
        ("over", sign(ClerkToken { expires_at: world.now(), ..good.clone() })),
        ("another office", sign(ClerkToken { office: "kel-kenanga".into(), ..good.clone() })),
        ("no clerk", sign(officer)),
        ("another role", sign(ClerkToken { role: Role::Admin, ..good.clone() })),
        ("nobody", sign(ClerkToken { staff: StaffId::new(world.now()), ..good.clone() })),
    ] {
        for path in [SEARCH, UNDELIVERED] {
            assert_eq!(ask(&world, path, &token, &Search::default()).await.status, StatusCode::FORBIDDEN, "{why} {path}");
        }
    }
    assert_eq!(ask(&world, SEARCH, &sign(good.clone()), &Search::default()).await.status, StatusCode::OK);
    let mut tx = store::begin(&world.db).await.expect("a database");
    store::staff::set_password(&mut tx, good.staff, &store::staff::hash_password("kata sandi yang baru")).await.expect("a database");
    store::commit(tx).await.expect("a database");
    assert_eq!(store::ended::lately(&world.db).await.expect("a database"), [(good.staff, 1)].into(), "doors hear of it");
    assert_eq!(ask(&world, SEARCH, &sign(good.clone()), &Search::default()).await.status, StatusCode::FORBIDDEN, "a new password ends it");
    let good = ClerkToken { generation: 1, ..good };
    assert_eq!(ask(&world, SEARCH, &sign(good.clone()), &Search::default()).await.status, StatusCode::OK, "the next one counts");
    let mut tx = store::begin(&world.db).await.expect("a database");
    store::staff::set_active(&mut tx, good.staff, false).await.expect("a database");
    store::commit(tx).await.expect("a database");
    assert_eq!(
        ask(&world, SEARCH, &sign(good), &Search::default()).await.status,
        StatusCode::FORBIDDEN,
        "who was taken off is out at once"
    );
}

#[tokio::test]
async fn a_contact_finds_every_complaint_but_only_the_offices_own_with_words() {
    let world = World::new().await;
    let own = world.complain(Wish { text: "Dicatat di sini", ..at_the_desk() }).await;
    let other = world.complain(Wish { text: "Dicatat di sana", account: "kel-kenanga", ..at_the_desk() }).await;
    let secret = world.complain(Wish { visibility: Visibility::Secret, ..at_the_desk() }).await;
    let stranger = world.complain(Wish { contact: Some("081200000008"), ..at_the_desk() }).await;
    let contact = Some(Address::tel(CONTACT).expect("a number"));
    let found = search(&world, Search { contact, ..Search::default() }).await;
    assert_eq!(found.len(), 2, "{found:?}");
    let seen = of(&found, &own).expect("found").own.as_ref().expect("the office's own");
    assert_eq!(seen.words, "Dicatat di sini");
    let elsewhere = of(&found, &other).expect("found");
    assert_eq!((elsewhere.own.as_ref(), elsewhere.agencies.as_slice()), (None, &["Dinas Bina Marga".to_owned()][..]));
    assert!(of(&found, &secret).is_none() && of(&found, &stranger).is_none());
    let text = serde_json::to_string(&found).expect("JSON");
    assert!(!text.contains("Sari") && !text.contains("0812") && !text.contains("di sana"), "{text}");
}

#[tokio::test]
async fn a_secret_is_found_by_its_number_alone_with_nothing_beside_it() {
    let world = World::new().await;
    let secret = world.complain(Wish { visibility: Visibility::Secret, text: "Pungutan liar di kantor", ..at_the_desk() }).await;
    let all = Search {
        number: Some(secret.reference),
        contact: Some(Address::tel(CONTACT).expect("a number")),
        name: Some("Sari".into()),
        text: "Pungutan liar di kantor".into(),
        area: Some("3171090001".into()),
        ..Search::default()
    };
    let found = search(&world, all.clone()).await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].by.as_slice(), found[0].own.as_ref(), found[0].agencies.len()), (&[FoundBy::Number][..], None, 0));
    assert!(search(&world, Search { number: None, ..all }).await.is_empty());
}

#[tokio::test]
async fn a_name_is_looked_for_among_the_offices_own_only() {
    let world = World::new().await;
    let own = world.complain(Wish { name: Some("Bunga Contoh"), ..at_the_desk() }).await;
    world.complain(Wish { name: Some("Bunga Contoh"), account: "kel-kenanga", ..at_the_desk() }).await;
    world.complain(Wish { name: Some("Bunga Contoh"), ..Wish::default() }).await;
    let by_name = |name: &str| Search { name: Some(name.into()), ..Search::default() };
    let found = search(&world, by_name("bunga")).await;
    assert_eq!(found.iter().map(|found| found.reference).collect::<Vec<_>>(), [own.reference]);
    for nobody in ["bu", "%", "_unga", "Bunga Lain"] {
        assert!(search(&world, by_name(nobody)).await.is_empty(), "{nobody}");
    }
}

#[tokio::test]
async fn the_same_place_and_like_words_are_found_and_other_matters_are_not() {
    let world = World::new().await;
    let hole = world.complain(Wish { location: Point::new(-6.175, 106.825), ..Wish::default() }).await;
    world.complain(Wish { text: "Lampu taman mati tiga malam, gelap gulita.", ..Wish::default() }).await;
    world.complain(Wish { area: Some("3171090002"), ..Wish::default() }).await;
    let old = world.complain(Wish { hours_ago: 24 * 90, ..Wish::default() }).await;
    let asked = Search { text: "ada lubang, jalan berlubang besar dpn pasar".into(), area: Some("3171090001".into()), ..Search::default() };
    let found = search(&world, asked.clone()).await;
    assert_eq!(found.iter().map(|found| found.reference).collect::<Vec<_>>(), [hole.reference]);
    assert!(of(&found, &old).is_none());
    let vague = Search { text: "lubang besar membahayakan anak sekolah sepeda".into(), ..asked };
    let here = Search { location: Point::new(-6.1751, 106.8251), ..vague.clone() };
    assert!(of(&search(&world, here).await, &hole).is_some(), "a point on the spot needs fewer words");
}

#[tokio::test]
async fn looking_for_a_person_is_noted_without_the_person() {
    let world = World::new().await;
    search(&world, Search { text: "lubang".into(), ..Search::default() }).await;
    search(&world, Search { name: Some("Bunga Contoh".into()), ..Search::default() }).await;
    let noted = store::audit::list(&world.db, None, 50).await.expect("a database");
    let searches: Vec<_> = noted.iter().filter(|(_, entry)| entry.action == "desk.search").collect();
    assert_eq!(searches.len(), 1);
    assert!(!format!("{:?}", searches[0].1.detail).contains("Bunga"));
}

#[tokio::test]
async fn answers_that_did_not_arrive_are_listed_until_a_later_one_does() {
    let world = World::new().await;
    let own = world.complain(at_the_desk()).await;
    let secret = world.complain(Wish { visibility: Visibility::Secret, ..at_the_desk() }).await;
    world.complain(Wish { account: "kel-kenanga", ..at_the_desk() }).await;
    assert!(answer::<Undelivered>(&world, UNDELIVERED, &()).await.answers.is_empty());
    for complaint in [&own, &secret] {
        let reply = store::reply::of_complaint(&world.db, complaint.id).await.expect("a database").remove(0);
        let failed = Receipt {
            reply: Some(reply.draft.id),
            platform_id: None,
            adapter: "counter".parse().expect("a name"),
            account: "kel-melati".into(),
            state: ReceiptState::Failed { code: "1".into(), detail: "no such number".into() },
            at: world.now(),
            file_refused: None,
        };
        assert!(store::reply::receipt(&world.db, &failed).await.expect("a database"));
    }
    let listed = answer::<Undelivered>(&world, UNDELIVERED, &()).await;
    assert_eq!((listed.answers.len(), listed.more), (2, false));
    let of = |complaint: &Complaint| listed.answers.iter().find(|answer| answer.reference == complaint.reference).expect("listed");
    assert_eq!((of(&own).name.as_deref(), of(&own).contact.len()), (Some("Sari Contoh"), 1));
    assert_eq!((of(&secret).name.as_deref(), of(&secret).contact.len()), (None, 0), "a secret keeps its teller");
}

#[tokio::test]
async fn too_many_questions_and_too_long_ones_are_refused() {
    let world = World::new().await;
    let token = signed(&token(&world, "loket").await, world.rooms.staff_key());
    let long = Search { text: "x".repeat(7_000), ..Search::default() };
    assert_eq!(ask(&world, SEARCH, &token, &long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let mut last = StatusCode::OK;
    for _ in 0..70 {
        last = ask(&world, SEARCH, &token, &Search::default()).await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}
