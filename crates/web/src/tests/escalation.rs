//! Who is told when a clock ends: the page with its rules, and what a complaint and the lists show of it.

use axum::http::StatusCode;
use jiff::SignedDuration;
use model::{
    Action, Stage,
    clock::Unit,
    escalation::{Post, Way, When},
};
use store::escalation::NewRule;

use super::{Answer, Wish, World};

/// A rule's form with everything it needs, but for what is changed.
fn rule<'a>(change: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("stage", "settle"),
        ("moment", "after"),
        ("number", "2"),
        ("unit", "working_days"),
        ("post", "head"),
        ("way", "mail"),
        ("source", "Pergub Contoh 12/2024"),
    ];
    fields.retain(|(name, _)| change.iter().all(|(changed, _)| changed != name));
    fields.extend(change);
    fields
}

/// Where the first form leads that ends something of this kind.
fn end(page: &Answer, of: &str) -> Option<String> {
    page.text.split('"').find(|part| part.starts_with(of) && part.ends_with("/akhiri")).map(str::to_owned)
}

/// As the worker does.
async fn look(world: &World) {
    let mut tx = store::begin(&world.db).await.expect("a database");
    let ids = store::escalation::due(&mut tx, world.now(), 100).await.expect("a database");
    store::escalation::look_at(&mut tx, &ids, &world.rooms.directory(), world.now()).await.expect("a database");
    store::commit(tx).await.expect("a database");
}

/// Posts, an address, a rule that has held for weeks, and what followed from it: something on every part of the page.
pub(super) async fn told(world: &World) {
    let admin = world.sign_in("admin").await;
    let roads = world.agency("dbm").to_string();
    for (agency, name, email) in
        [(roads.as_str(), "Kepala Dinas Bina Marga", "kepala@dbm.example.id"), ("", "Sekretaris Daerah", "sekda@example.id")]
    {
        admin.post("/admin/eskalasi/jabatan", &[("agency", agency), ("name", name), ("mail", email)]).await;
    }
    let rule = NewRule {
        stage: Stage::Settle,
        agency: None,
        category: None,
        channel: None,
        when: When::At,
        to: Post::Officer,
        way: Way::Email,
        source: "Pergub Contoh 12/2024".into(),
        verified: true,
        from: jiff::civil::date(2026, 11, 1),
    };
    let mut tx = store::begin(&world.db).await.expect("a database");
    store::escalation::add(&mut tx, &rule).await.expect("a database");
    store::commit(tx).await.expect("a database");
    look(world).await;
}

#[tokio::test]
async fn rules_are_begun_and_ended_and_every_change_is_in_the_audit() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let begun = admin.post("/admin/eskalasi", &rule(&[])).await;
    assert_eq!(begun.leads_to(), "/admin/eskalasi?done=mulai");
    let rules = store::escalation::rules(&world.db).await.expect("a database");
    let mine = rules.iter().find(|rule| rule.source == "Pergub Contoh 12/2024").expect("the rule");
    assert!(matches!(mine.when, When::After(amount) if amount.number == 2 && amount.unit == Unit::WorkingDays) && !mine.verified);
    assert_eq!(mine.from, Some(jiff::civil::date(2026, 11, 20)), "from today");
    let again = admin.post("/admin/eskalasi", &rule(&[])).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "the same twice");
    assert!(again.text.contains("value=\"Pergub Contoh 12/2024\""), "what was typed is kept");
    for wrong in [
        ("number", ""),
        ("number", "1000"),
        ("number", "-1"),
        ("unit", "x"),
        ("post", "admin"),
        ("stage", "silence"),
        ("source", " "),
        ("agency", "x"),
        ("category", "none"),
        ("channel", "x"),
    ] {
        assert_eq!(admin.post("/admin/eskalasi", &rule(&[wrong])).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    }
    let roads = world.agency("dbm").to_string();
    let narrow =
        rule(&[("moment", "at"), ("number", ""), ("agency", &roads), ("category", "road"), ("channel", "chat 0811"), ("verified", "ya")]);
    assert_eq!(admin.post("/admin/eskalasi", &narrow).await.status, StatusCode::SEE_OTHER);

    let before = store::escalation::rules(&world.db).await.expect("a database").len();
    let page = admin.get("/admin/eskalasi").await;
    assert!(
        page.words().contains("2 hari kerja setelah jatuh tempo") && page.words().contains("Pergub Contoh 12/2024"),
        "{}",
        page.words()
    );
    let ends = format!("/admin/eskalasi/{}/akhiri", mine.id);
    assert_eq!(admin.post(&ends, &[]).await.leads_to(), "/admin/eskalasi?done=akhiri");
    let after = store::escalation::rules(&world.db).await.expect("a database");
    assert_eq!(after.len(), before, "nothing is removed");
    assert!(after.iter().find(|rule| rule.id == mine.id).is_some_and(|rule| rule.until.is_some()));
    assert_eq!(admin.post("/admin/eskalasi/999999/akhiri", &[]).await.status, StatusCode::NOT_FOUND);
    for other in ["jalan", "jalan.penyelia", "triase", "loket"] {
        let visitor = world.sign_in(other).await;
        assert_eq!(visitor.post("/admin/eskalasi", &rule(&[("number", "9")])).await.status, StatusCode::FORBIDDEN, "{other}");
        assert_eq!(visitor.post(&ends, &[]).await.status, StatusCode::FORBIDDEN, "{other}");
    }
    let audit = store::audit::list(&world.db, None, 50).await.expect("a database");
    let count = |action: &str| audit.iter().filter(|(_, entry)| entry.action == action).count();
    assert_eq!((count("escalation.begun"), count("escalation.ended")), (2, 1));
}

#[tokio::test]
async fn posts_and_addresses_are_set_and_a_wrong_address_is_refused() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    let roads = world.agency("dbm").to_string();
    let head = [("agency", roads.as_str()), ("name", "Kepala Bina Marga"), ("mail", "kepala@dbm.contoh.example.id")];
    assert_eq!(admin.post("/admin/eskalasi/jabatan", &head).await.leads_to(), "/admin/eskalasi?done=jabatan");
    let secretary = [("agency", ""), ("name", "Sekretaris Daerah"), ("mail", "sekda@contoh.example.id")];
    assert_eq!(admin.post("/admin/eskalasi/jabatan", &secretary).await.status, StatusCode::SEE_OTHER);
    for wrong in ["", "kepala", "a b@c.example", "a@b@c.example", "<a@c.example>", "a@localhost", "a@c.example\nBcc: x@y.example"] {
        let fields = [("agency", ""), ("name", "X"), ("mail", wrong)];
        assert_eq!(admin.post("/admin/eskalasi/jabatan", &fields).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    let page = admin.get("/admin/eskalasi").await;
    assert!(page.words().contains("Kepala Bina Marga") && page.words().contains("sekda@contoh.example.id"));
    let leaves = end(&page, "/admin/eskalasi/jabatan/").expect("a way to end it");
    assert_eq!(admin.post(&leaves, &[]).await.status, StatusCode::SEE_OTHER);

    let (staff, _) = store::staff::by_login(&world.db, "jalan").await.expect("a database").expect("an account");
    let id = staff.id.to_string();
    let set = |email: &'static str| [("staff", id.clone()), ("mail", email.to_owned())];
    for (email, status) in [("joko@dbm.contoh.example.id", StatusCode::SEE_OTHER), ("joko", StatusCode::UNPROCESSABLE_ENTITY)] {
        let fields = set(email);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        assert_eq!(admin.post("/admin/eskalasi/surel", &fields).await.status, status, "{email}");
    }
    let mails = store::escalation::mails(&world.db).await.expect("a database");
    assert_eq!(mails, [(staff.id, "joko@dbm.contoh.example.id".to_owned())]);
    admin.post("/admin/eskalasi/surel", &[("staff", &id), ("mail", "")]).await;
    assert_eq!(store::escalation::mails(&world.db).await.expect("a database"), []);
}

#[tokio::test]
async fn what_was_escalated_is_in_a_list_and_the_red_flag_stays_whatever_is_done() {
    let world = World::new().await;
    let admin = world.sign_in("admin").await;
    admin.post("/admin/eskalasi", &rule(&[("moment", "at"), ("number", ""), ("post", "supervisor"), ("way", "list")])).await;
    let complaint = world.complain(Wish { hours_ago: 2, ..Wish::default() }).await;
    let tree = world.complain(Wish { tel: "081200000002", category: Some("tree"), ..Wish::default() }).await;
    world.act("jalan", complaint.id, Action::Claim).await;
    world.pass(SignedDuration::from_hours(24 * 10));
    look(&world).await;
    let officer = world.sign_in("jalan").await;
    let list = officer.get("/antrean?view=escalated").await;
    assert!(list.text.contains(&complaint.reference.to_string()) && !list.text.contains(&tree.reference.to_string()));
    let page = officer.get(&format!("/aduan/{}", complaint.id)).await;
    assert!(page.words().contains("Eskalasi ke penyelia: Selesai, Dinas Bina Marga"), "{}", page.words());
    assert!(page.words().contains("Batas waktu terlewat") && page.words().contains("Dipegang Joko Jalan"));
    let citizen = world.get(&format!("/t/{}", complaint.tracking.as_str())).await;
    assert!(!citizen.words().contains("Eskalasi") && !citizen.words().contains("Joko"), "the citizen is not shown who was told");

    let parks = world.agency("tamhut");
    world.act("jalan", complaint.id, Action::HandOver { to: vec![parks], reason: "pohon".into() }).await;
    world.act("taman", complaint.id, Action::Resolve { text: "sudah".into(), photo: None }).await;
    // Ten days later the first session is over.
    let admin = world.sign_in("admin").await;
    let page = admin.get(&format!("/aduan/{}", complaint.id)).await;
    assert!(page.words().contains("Batas waktu terlewat") && page.words().contains("Dipegang Joko Jalan"), "{}", page.words());
    assert!(
        !officer.get("/antrean?view=escalated").await.text.contains(&complaint.reference.to_string()),
        "what is done is in no list of it"
    );
    let counted = admin.get("/admin/eskalasi").await;
    assert!(counted.words().contains("Dinas Bina Marga Selesai 1 0"), "{}", counted.words());
    let clean = admin.get(&format!("/aduan/{}", tree.id)).await;
    assert!(!clean.words().contains("Batas waktu terlewat"));
}
