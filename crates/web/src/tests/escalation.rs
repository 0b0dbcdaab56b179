//! Who is told when a clock ends: the page with its rules, and what a complaint and the lists show of it.

use axum::http::StatusCode;
use jiff::SignedDuration;
use model::{
    Action, Address, Receipt, ReceiptState, Stage,
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
    let rule = at_the_end(Post::Officer, Way::Email);
    let mut tx = store::begin(&world.db).await.expect("a database");
    store::escalation::add(&mut tx, &rule).await.expect("a database");
    store::commit(tx).await.expect("a database");
    look(world).await;
}

/// At the end of settling.
fn at_the_end(to: Post, way: Way) -> NewRule {
    NewRule {
        stage: Stage::Settle,
        agency: None,
        category: None,
        channel: None,
        when: When::At,
        to,
        way,
        source: "Pergub Contoh 12/2024".into(),
        verified: true,
        from: jiff::civil::date(2026, 11, 1),
    }
}

/// The chat may write first to telephones.
async fn opened(world: &World) {
    let (tel, chat) = (["tel".to_owned()], "chat".parse().expect("a name"));
    assert!(store::directory::set_reaches(&world.db, &chat, "0811", &tel).await.expect("a database"));
}

/// A second head of the roads agency with a telephone alone, and an admin who has one; a clock that was told there, and the platform's no.
pub(super) async fn by_telephone(world: &World) {
    opened(world).await;
    let admin = world.sign_in("admin").await;
    let roads = world.agency("dbm").to_string();
    let head = [
        ("agency", roads.as_str()),
        ("name", "Plt. Kepala Bina Marga"),
        ("mail", ""),
        ("telephone", "0812-0000-0778"),
        ("telephone_channel", "chat 0811"),
    ];
    assert_eq!(admin.post("/admin/eskalasi/jabatan", &head).await.leads_to(), "/admin/eskalasi?done=jabatan");
    let own = [("telephone", "0812-0000-0779"), ("channel", "chat 0811")];
    assert_eq!(admin.post("/telepon", &own).await.leads_to(), "/telepon?done=simpan");
    let rule = at_the_end(Post::Head, Way::Telephone);
    let mut tx = store::begin(&world.db).await.expect("a database");
    store::escalation::add(&mut tx, &rule).await.expect("a database");
    while store::escalation::sweep(&mut tx).await.expect("a database") {}
    store::commit(tx).await.expect("a database");
    look(world).await;
    let lease = std::time::Duration::from_mins(1);
    for claimed in store::work_message::claim(&world.db, world.now(), lease, 9).await.expect("a database") {
        let (id, adapter, account) = (claimed.id, claimed.to.adapter.clone(), claimed.to.account.clone());
        store::work_message::published(&world.db, claimed).await.expect("a database");
        let state = ReceiptState::Failed { code: "131026".into(), detail: "no such telephone".into() };
        let receipt = Receipt { reply: Some(id), platform_id: None, adapter, account, state, at: world.now(), file_refused: None };
        store::work_message::receipts(&world.db, &[receipt]).await.expect("a database");
    }
    let mut tx = store::begin(&world.db).await.expect("a database");
    store::escalation::follow(&mut tx, &world.rooms.directory(), world.now(), 9).await.expect("a database");
    store::commit(tx).await.expect("a database");
}

#[tokio::test]
async fn a_message_that_did_not_arrive_is_on_the_page_with_what_came_instead_and_in_the_figures() {
    let world = World::new().await;
    let complaint = world.complain(Wish { hours_ago: 24 * 20, ..Wish::default() }).await;
    by_telephone(&world).await;
    let admin = world.sign_in("admin").await;
    let page = admin.get("/admin/eskalasi").await;
    let said = format!("{} Plt. Kepala Bina Marga, Pesan singkat 0811-1234-567 Ditolak (131026: no such telephone).", complaint.reference);
    // Nobody else is head, and no secretary is there: an admin is told, in the list or on the telephone.
    assert!(page.words().contains(&format!("{said} Jabatan di atasnya diberi tahu.")), "{}", page.words());
    let history = admin.get(&format!("/aduan/{}", complaint.id)).await.words();
    assert!(history.contains("karena jabatan kepala dinas kosong atau tidak terjangkau"), "{history}");
    let figures = admin.get("/admin/neraca").await.words();
    assert!(figures.contains("Pesan singkat 0811-1234-567 Eskalasi 2 0 1 0"), "{figures}");
    for number in ["0000778", "0000779"] {
        assert!(!page.text.contains(number) && !history.contains(number), "{number}");
    }
}

#[tokio::test]
async fn a_telephone_of_a_post_or_an_account_is_shown_by_its_ends_and_changed_by_its_owner_or_an_admin() {
    let world = World::new().await;
    let (admin, officer) = (world.sign_in("admin").await, world.sign_in("jalan").await);
    let joko = store::staff::by_login(&world.db, "jalan").await.expect("a database").expect("an account").0.id;
    let id = joko.to_string();
    assert!(!admin.get("/admin/eskalasi").await.text.contains("name=\"telephone\""), "no channel may write first");
    let own = officer.get("/telepon").await;
    assert!(!own.text.contains("name=\"telephone\"") && own.words().contains("Belum ada kanal kota"), "{}", own.words());
    let number = [("telephone", "0812-0000-0778"), ("channel", "chat 0811")];
    assert_eq!(officer.post("/telepon", &number).await.status, StatusCode::UNPROCESSABLE_ENTITY);

    opened(&world).await;
    let of_head = |mail: &'static str, telephone: &'static str, channel: &'static str| {
        [("agency", ""), ("name", "Sekda"), ("mail", mail), ("telephone", telephone), ("telephone_channel", channel)]
    };
    for (mail, telephone, channel, said) in [
        ("", "", "chat 0811", "Isi surel atau telepon"),
        ("sekda", "081200000778", "chat 0811", "Alamat surel itu tidak dapat dipakai"),
        ("", "1708", "chat 0811", "Nomor telepon itu tidak terbaca"),
        ("sekda@example.id", "081200000778", "mail aduan", "Pilih kanal"),
    ] {
        let wrong = admin.post("/admin/eskalasi/jabatan", &of_head(mail, telephone, channel)).await;
        assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.words().contains(said), "{said}: {}", wrong.words());
    }
    assert_eq!(admin.post("/admin/eskalasi/jabatan", &of_head("", "081200000778", "chat 0811")).await.status, StatusCode::SEE_OTHER);
    let page = admin.get("/admin/eskalasi").await;
    assert!(
        page.words().contains("Pesan singkat 0811-1234-567 +62***778") || page.words().contains("Pesan singkat 0811-1234-567, +62***778")
    );
    assert!(!page.text.contains("0000778"), "only its ends");

    let set =
        |number: &'static str, channel: &'static str| [("staff", id.clone()), ("telephone", number.into()), ("channel", channel.into())];
    let post = async |by: &super::Visitor, fields: &[(&str, String)]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        by.post("/admin/eskalasi/telepon", &fields).await
    };
    assert_eq!(post(&officer, &set("081200000779", "chat 0811")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(post(&admin, &set("0812", "chat 0811")).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(post(&admin, &set("081200000779", "chat 0811")).await.leads_to(), "/admin/eskalasi?done=telepon");
    assert!(officer.get("/telepon").await.words().contains("+62***779"), "its owner sees that there is one");
    assert_eq!(officer.post("/telepon", &number).await.leads_to(), "/telepon?done=simpan");
    let own = officer.get("/telepon").await;
    assert!(own.words().contains("+62***778") && !own.text.contains("0000778"), "{}", own.words());
    let kept = store::telephone::of(&world.db, joko).await.expect("a database").expect("a telephone");
    assert_eq!(kept.address, Address::tel("081200000778").expect("a number"));
    assert_eq!(officer.post("/telepon", &[("remove", "ya")]).await.leads_to(), "/telepon?done=hapus");
    assert_eq!(store::telephone::of(&world.db, joko).await.expect("a database"), None);
    let audit = store::audit::list(&world.db, None, 50).await.expect("a database");
    let changes: Vec<String> =
        audit.iter().filter(|(_, entry)| entry.action == "staff.telephone").map(|(_, entry)| entry.detail.to_string()).collect();
    assert!(changes.len() == 3 && changes.iter().all(|detail| !detail.contains("077")), "{changes:?}");
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
