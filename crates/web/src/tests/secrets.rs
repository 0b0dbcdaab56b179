//! Sessions, tokens and keys: who is let in, and for how long.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use jiff::SignedDuration;

use super::{PASSWORD, Wish, World};

#[tokio::test]
async fn a_wrong_login_and_a_wrong_password_look_the_same() {
    let world = World::new().await;
    let wrong_password = world.post("/masuk", &[("login", "jalan"), ("password", "salah")]).await;
    let wrong_login = world.post("/masuk", &[("login", "bukan"), ("password", "salah")]).await;
    assert_eq!(wrong_password.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(wrong_password.text.replace("value=\"jalan\"", ""), wrong_login.text.replace("value=\"bukan\"", ""));
    assert!(!wrong_password.headers.contains_key(header::SET_COOKIE));
}

#[tokio::test]
async fn a_session_is_always_a_new_one_and_a_planted_cookie_stays_worthless() {
    let world = World::new().await;
    let planted = "muara=0123456789abcdef";
    let request = Request::post("/masuk")
        .header(header::COOKIE, planted)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(format!("login=jalan&password={}", crate::page::encoded(PASSWORD))))
        .expect("a request");
    let answer = world.ask(request).await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().expect("text").to_owned();
    assert!(!cookie.starts_with(planted));
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let with_planted = world.ask(Request::get("/antrean").header(header::COOKIE, planted).body(Body::empty()).expect("a request")).await;
    assert_eq!(with_planted.leads_to(), "/masuk?next=/antrean");
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let world = World::new().await;
    let first = world.sign_in("jalan").await;
    let request = Request::post("/masuk")
        .header(header::COOKIE, &first.cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(format!("login=jalan&password={}", crate::page::encoded(PASSWORD))))
        .expect("a request");
    assert_eq!(world.ask(request).await.status, StatusCode::SEE_OTHER);
    assert_eq!(first.get("/antrean").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_ends_when_it_is_left_alone_and_at_the_end_of_the_day() {
    let world = World::new().await;
    let idle = world.sign_in("jalan").await;
    let busy = world.sign_in("jalan").await;
    for hour in 1..=11 {
        world.pass(SignedDuration::from_hours(1));
        assert_eq!(busy.get("/antrean").await.status, StatusCode::OK, "after {hour} hours of work");
    }
    assert_eq!(idle.get("/antrean").await.status, StatusCode::SEE_OTHER, "two hours without a page");
    world.pass(SignedDuration::from_hours(1));
    assert_eq!(busy.get("/antrean").await.status, StatusCode::SEE_OTHER, "twelve hours in all");
}

#[tokio::test]
async fn signing_out_closing_an_account_and_a_new_password_end_sessions_at_once() {
    let world = World::new().await;
    let officer = world.sign_in("jalan").await;
    let answer = officer.post("/keluar", &[]).await;
    assert_eq!(answer.leads_to(), "/masuk");
    assert_eq!(officer.get("/antrean").await.status, StatusCode::SEE_OTHER);

    let admin = world.sign_in("admin").await;
    let (staff, _) = store::staff::by_login(&world.db, "jalan").await.expect("a database").expect("an account");
    let officer = world.sign_in("jalan").await;
    let fresh = admin.post(&format!("/admin/petugas/{}/sandi", staff.id), &[]).await;
    assert_eq!(fresh.status, StatusCode::OK);
    assert_eq!(officer.get("/antrean").await.status, StatusCode::SEE_OTHER);
    assert_eq!(world.post("/masuk", &[("login", "jalan"), ("password", PASSWORD)]).await.status, StatusCode::UNPROCESSABLE_ENTITY);

    let colleague = world.sign_in("jalan.dua").await;
    let (staff, _) = store::staff::by_login(&world.db, "jalan.dua").await.expect("a database").expect("an account");
    admin.post(&format!("/admin/petugas/{}/tutup", staff.id), &[("reason", "pindah tugas")]).await;
    assert_eq!(colleague.get("/antrean").await.status, StatusCode::SEE_OTHER);
    let again = world.post("/masuk", &[("login", "jalan.dua"), ("password", PASSWORD)]).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "a closed account stays closed");
}

#[tokio::test]
async fn a_form_without_the_sessions_own_token_does_nothing() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let other = world.sign_in("jalan.dua").await.csrf;
    let officer = world.sign_in("jalan").await;
    for token in ["", "nonsense", other.as_str()] {
        let request = Request::post(format!("/aduan/{}/ambil", complaint.id))
            .header(header::COOKIE, &officer.cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(format!("csrf={token}")))
            .expect("a request");
        assert_eq!(world.ask(request).await.status, StatusCode::FORBIDDEN, "{token}");
    }
    assert_eq!(world.complaint(complaint.id).await, complaint);
}

#[tokio::test]
async fn a_post_from_another_site_does_nothing() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let page = format!("/t/{}/pesan", complaint.tracking.as_str());
    let request = Request::post(page)
        .header("sec-fetch-site", "cross-site")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(format!("text=x&once={}", uuid::Uuid::nil())))
        .expect("a request");
    assert_eq!(world.ask(request).await.status, StatusCode::FORBIDDEN);
    assert_eq!(world.complaint(complaint.id).await, complaint);
}

#[tokio::test]
async fn guessing_a_password_ends_after_a_few_tries_for_that_login_alone() {
    let world = World::new().await;
    for _ in 0..5 {
        assert_eq!(world.post("/masuk", &[("login", "jalan"), ("password", "salah")]).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(world.post("/masuk", &[("login", "jalan"), ("password", PASSWORD)]).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(world.post("/masuk", &[("login", "taman"), ("password", PASSWORD)]).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn guessing_numbers_ends_after_a_few_tries() {
    let world = World::new().await;
    let complaint = world.complain(Wish::default()).await;
    let page = format!("/cek?number={}", complaint.reference);
    let mut answers = Vec::new();
    for _ in 0..25 {
        answers.push(world.get(&page).await.status);
    }
    assert_eq!(answers[0], StatusCode::OK);
    assert_eq!(answers[24], StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_sign_in_leads_back_to_the_page_that_was_asked_for() {
    let world = World::new().await;
    let asked = world.get("/antrean?view=overdue&category=road").await;
    assert_eq!(asked.leads_to(), "/masuk?next=/antrean%3Fview%3Doverdue%26category%3Droad");
    let page = world.get(asked.leads_to()).await;
    assert_eq!(page.field("next").replace("&#38;", "&"), "/antrean?view=overdue&category=road");
    let answer = world.post("/masuk", &[("login", "jalan"), ("password", PASSWORD), ("next", "/antrean?view=overdue&category=road")]).await;
    assert_eq!(answer.leads_to(), "/antrean?view=overdue&category=road");
    let elsewhere = world.post("/masuk", &[("login", "jalan"), ("password", PASSWORD), ("next", "//evil.example")]).await;
    assert_eq!(elsewhere.leads_to(), "/antrean");
}

#[tokio::test]
async fn somebody_changes_their_own_password_and_keeps_working() {
    let world = World::new().await;
    let officer = world.sign_in("jalan").await;
    let other = world.sign_in("jalan").await;
    for (old, new, expected) in [
        ("salah", "satu dua tiga empat", StatusCode::UNPROCESSABLE_ENTITY),
        (PASSWORD, "pendek", StatusCode::UNPROCESSABLE_ENTITY),
        (PASSWORD, "satu dua tiga empat", StatusCode::SEE_OTHER),
    ] {
        let answer = officer.post("/sandi", &[("old", old), ("new", new)]).await;
        assert_eq!(answer.status, expected, "{old} {new}");
        if expected == StatusCode::SEE_OTHER {
            assert!(answer.headers.contains_key(header::SET_COOKIE), "a new session for who changed it");
        }
    }
    assert_eq!(other.get("/antrean").await.status, StatusCode::SEE_OTHER, "every other session ended");
    assert_eq!(world.post("/masuk", &[("login", "jalan"), ("password", "satu dua tiga empat")]).await.status, StatusCode::SEE_OTHER);
}
