//! What keeps the accounts of staff, and what is written of them, against a real PostgreSQL; the tests act as the database's superuser.

use std::time::Duration;

use futures::future::join_all;
use model::{Language, Role, StaffId, Timestamp};
use serde_json::json;
use servers::testing::TestDatabase;
use store::{
    PgPool, StoreError,
    audit::{self, Anchor, Fault, Wrong},
    factor::{self, Resealed},
    mailing::{MailOutcome, MailState},
    passkey,
    staff::{
        self, NewStaff, Waiting,
        mail::{self, ClaimedAccountMail, Occasion},
    },
    vault::Vault,
};

const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);

fn after(seconds: i64) -> Timestamp {
    NOW + jiff::SignedDuration::from_secs(seconds)
}

struct World {
    _database: TestDatabase,
    db: PgPool,
}

impl World {
    async fn new() -> Self {
        let database = servers::testing::database("store_staff", prepare).await;
        let db = store::connect(&database.url(), 8).await.expect("connects");
        Self { _database: database, db }
    }

    async fn staff(&self, login: &str) -> StaffId {
        let new = NewStaff {
            login: login.into(),
            name: format!("Petugas {login}"),
            role: Role::Triage,
            agency: None,
            office: None,
            language: Language::Id,
        };
        let mut tx = store::begin(&self.db).await.expect("begins");
        let id = staff::create(&mut tx, &new, "no password fits", NOW).await.expect("is written").expect("is new");
        store::commit(tx).await.expect("commits");
        id
    }

    /// So many entries, one after the other.
    async fn entries(&self, count: usize) {
        let who = self.staff("ani").await;
        for n in 0..count {
            let mut tx = store::begin(&self.db).await.expect("begins");
            let detail = json!({ "reason": format!("alasan {n}\n\"kutip\" é"), "n": n });
            let who = (n % 2 == 0).then_some(who);
            audit::write(&mut tx, after(i64::try_from(n).expect("few")), who, "staff.created", &format!("baru{n}"), &detail)
                .await
                .expect("is written");
            store::commit(tx).await.expect("commits");
        }
    }

    /// As somebody who owns the database and switches off what guards the table.
    async fn by_hand(&self, statements: &str) {
        let all = format!("begin; set local session_replication_role = replica; {statements}; commit;");
        sqlx::raw_sql(sqlx::AssertSqlSafe(all)).execute(&self.db).await.expect("a superuser may");
    }

    async fn fault(&self, anchors: &[Anchor]) -> Option<(i64, Option<i64>, Wrong)> {
        let verified = audit::verify(&self.db, anchors).await.expect("is read");
        verified.fault.map(|Fault { number, wrong }| (verified.fine, number, wrong))
    }
}

async fn prepare(url: String) -> Result<(), StoreError> {
    let db = store::connect(&url, 1).await?;
    store::migrate(&db).await?;
    db.close().await;
    Ok(())
}

#[tokio::test]
async fn an_audit_that_nobody_touched_fits_from_its_first_entry_to_its_anchor() {
    let world = World::new().await;
    let empty = audit::verify(&world.db, &[Anchor::START]).await.expect("is read");
    assert_eq!((empty.fine, empty.fault, empty.last), (0, None, Anchor::START));
    world.entries(7).await;
    let anchor = audit::anchor(&world.db).await.expect("is read");
    let verified = audit::verify(&world.db, &[anchor]).await.expect("is read");
    assert_eq!((verified.fine, verified.fault, verified.last), (7, None, anchor));
    let numbers: Vec<i64> = audit::list(&world.db, Some(7), 3).await.expect("is read").iter().map(|(_, entry)| entry.number).collect();
    assert_eq!(numbers, [6, 5, 4]);
}

#[tokio::test]
async fn whoever_writes_at_once_gets_a_place_of_their_own_without_a_gap() {
    let world = World::new().await;
    let write = async |n: i64| {
        let mut tx = store::begin(&world.db).await.expect("begins");
        for part in 0..2 {
            audit::write(&mut tx, after(n), None, "staff.created", &format!("{n}.{part}"), &json!({})).await.expect("is written");
        }
        // Every third one thinks better of it: its places are not taken.
        if n % 3 == 0 { drop(tx) } else { store::commit(tx).await.expect("commits") }
    };
    join_all((0..24).map(write)).await;
    let verified = audit::verify(&world.db, &[]).await.expect("is read");
    assert_eq!((verified.fine, verified.fault, verified.last.number), (32, None, 32));
}

#[tokio::test]
async fn the_first_entry_that_was_altered_removed_or_put_in_is_named() {
    for (statement, fine, number, wrong) in [
        ("update audit set subject = 'lain' where number = 3", 2, Some(3), Wrong::Altered),
        ("update audit set staff = null where number = 5", 4, Some(5), Wrong::Altered),
        ("update audit set at = at + interval '1 microsecond' where number = 2", 1, Some(2), Wrong::Altered),
        ("update audit set detail = detail || '{\"reason\": \"\"}' where number = 6", 5, Some(6), Wrong::Altered),
        ("update audit set hash = sha256('x') where number = 6", 5, Some(6), Wrong::Altered),
        // Written anew with a hash that fits: the next one remembers.
        (
            "update audit set subject = 'lain' where number = 4;
             update audit set hash = sha256(audit_words(number, previous, id, at, staff, action, subject, detail)) where number = 4",
            3,
            Some(4),
            Wrong::Altered,
        ),
        // Two change places.
        (
            "update audit set number = -1 where number = 3; update audit set number = 3 where number = 4; update audit set number = 4 where number = -1",
            2,
            Some(3),
            Wrong::Altered,
        ),
        ("delete from audit where number = 1", 0, Some(1), Wrong::Missing),
        ("delete from audit where number = 4", 3, Some(4), Wrong::Missing),
        ("delete from audit where number >= 6", 5, Some(6), Wrong::Missing),
        ("delete from audit", 0, Some(1), Wrong::Missing),
        // Removed, and the gap closed.
        ("delete from audit where number = 4; update audit set number = number - 1 where number > 4", 3, Some(4), Wrong::Altered),
        (
            "insert into audit select gen_random_uuid(), at, staff, action, 'lain', detail, 0, previous, hash from audit where number = 1",
            0,
            Some(0),
            Wrong::Inserted,
        ),
        (
            "drop index audit_number; insert into audit select 'ffffffff-ffff-7fff-bfff-ffffffffffff', at, staff, action, 'lain', detail, 3, previous, hash from audit where number = 3",
            3,
            Some(3),
            Wrong::Inserted,
        ),
        (
            "insert into audit (id, at, action, subject, number, previous, hash)
             select gen_random_uuid(), now(), 'staff.created', 'lain', 8, hash, hash from audit_chain;
             update audit set hash = sha256(audit_words(number, previous, id, at, staff, action, subject, detail)) where number = 8",
            7,
            Some(8),
            Wrong::Inserted,
        ),
        (
            "insert into audit (id, at, action, subject) values (gen_random_uuid(), now(), 'staff.created', 'lain')",
            7,
            None,
            Wrong::Inserted,
        ),
        ("delete from audit_chain", 7, None, Wrong::Missing),
    ] {
        let world = World::new().await;
        world.entries(7).await;
        world.by_hand(statement).await;
        assert_eq!(world.fault(&[]).await, Some((fine, number, wrong)), "{statement}");
    }
}

#[tokio::test]
async fn only_an_anchor_finds_an_end_that_was_cut_off_with_care_or_a_chain_written_anew() {
    let world = World::new().await;
    world.entries(7).await;
    let anchor = audit::anchor(&world.db).await.expect("is read");
    world
        .by_hand(
            "delete from audit where number > 4;
         update audit_chain set number = 4, hash = (select hash from audit where number = 4)",
        )
        .await;
    assert_eq!(world.fault(&[]).await, None, "without an anchor nothing shows");
    assert_eq!(world.fault(&[anchor]).await, Some((4, Some(5), Wrong::Missing)));

    let world = World::new().await;
    world.entries(4).await;
    let anchor = audit::anchor(&world.db).await.expect("is read");
    world
        .by_hand(
            "update audit set subject = 'lain' where number = 4;
         update audit set hash = sha256(audit_words(number, previous, id, at, staff, action, subject, detail)) where number = 4;
         update audit_chain set hash = (select hash from audit where number = 4)",
        )
        .await;
    assert_eq!(world.fault(&[]).await, None, "without an anchor nothing shows");
    assert_eq!(world.fault(&[anchor]).await, Some((3, Some(4), Wrong::Altered)));
}

#[tokio::test]
async fn what_is_written_is_changed_by_no_ordinary_statement() {
    let world = World::new().await;
    world.entries(2).await;
    for statement in ["update audit set subject = 'lain' where number = 1", "delete from audit where number = 2", "truncate audit"] {
        let refused = sqlx::raw_sql(statement).execute(&world.db).await.expect_err(statement).to_string();
        assert!(refused.contains("never changed"), "{refused}");
    }
    assert_eq!(world.fault(&[]).await, None);
}

#[tokio::test]
async fn keys_are_replaced_in_peace_and_a_row_in_another_account_opens_nothing() {
    let world = World::new().await;
    let (ani, budi) = (world.staff("ani").await, world.staff("budi").await);
    let (old, new) = (Vault::new_line(), Vault::new_line());
    let vault = |lines: &[&String]| Vault::parse(&lines.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("\n")).expect("keys");
    let first = vault(&[&old]);
    for (who, secret) in [(ani, b"rahasia ani"), (budi, b"rahasia bud")] {
        let mut tx = store::begin(&world.db).await.expect("begins");
        assert!(factor::begin(&mut tx, who, &first.seal(&factor::about(who), secret), NOW).await.expect("is written"));
        store::commit(tx).await.expect("commits");
    }
    let both = vault(&[&old, &new]);
    assert_eq!(factor::reseal(&world.db, &both).await.expect("is written"), Resealed { moved: 2, closed: 0 });
    let only_new = vault(&[&new]);
    let kept = factor::of(&world.db, ani).await.expect("is read").expect("is there");
    assert_eq!(only_new.open(&factor::about(ani), &kept.sealed).as_deref(), Ok(&b"rahasia ani"[..]), "the old key may go");
    assert!(only_new.open(&factor::about(budi), &kept.sealed).is_err(), "it belongs to one account");
    let another = vault(&[&Vault::new_line()]);
    let lost = factor::reseal(&world.db, &another).await.expect("is read");
    assert_eq!(lost, Resealed { moved: 0, closed: 2 }, "a key that is gone is told, and nothing is overwritten");
    assert_eq!(factor::of(&world.db, ani).await.expect("is read").expect("is there").sealed, kept.sealed);
}

impl World {
    /// Adds a passkey that a device calls so.
    async fn passkey(&self, staff: StaffId, credential_id: &[u8]) -> passkey::Added {
        let new = passkey::New {
            staff,
            name: "ponsel".into(),
            credential_id: credential_id.to_vec(),
            credential: json!({ "counter": 1 }),
            rp_id: "lapor.example.id".into(),
        };
        let mut tx = store::begin(&self.db).await.expect("begins");
        let added = passkey::add(&mut tx, &new, NOW).await.expect("is written");
        store::commit(tx).await.expect("commits");
        added
    }
}

#[tokio::test]
async fn what_a_device_was_asked_for_is_told_once_and_for_five_minutes() {
    let world = World::new().await;
    let ani = world.staff("ani").await;
    for adds in [None, Some((ani, "ponsel".to_owned()))] {
        let asked = passkey::Try { adds, state: json!({ "challenge": "x" }) };
        let token = passkey::begin(&world.db, &asked, NOW).await.expect("is written");
        assert_eq!(passkey::end(&world.db, "another", NOW).await.expect("is read"), None);
        assert_eq!(passkey::end(&world.db, &token, after(300)).await.expect("is read"), Some(asked.clone()));
        assert_eq!(passkey::end(&world.db, &token, NOW).await.expect("is read"), None, "once");
        let late = passkey::begin(&world.db, &asked, NOW).await.expect("is written");
        assert_eq!(passkey::end(&world.db, &late, after(301)).await.expect("is read"), None, "five minutes");
        passkey::begin(&world.db, &asked, after(301)).await.expect("is written");
        assert_eq!(passkey::end(&world.db, &late, NOW).await.expect("is read"), None, "it was swept up");
    }
}

#[tokio::test]
async fn a_key_of_a_device_opens_one_account_and_of_many_at_once_no_more_than_ten_are_kept() {
    let world = World::new().await;
    let (ani, budi) = (world.staff("ani").await, world.staff("budi").await);
    assert!(matches!(world.passkey(ani, b"satu").await, passkey::Added::Kept(_)));
    for other in [ani, budi] {
        assert_eq!(world.passkey(other, b"satu").await, passkey::Added::Known);
    }
    assert_eq!(passkey::owner(&world.db, b"satu").await.expect("is read"), Some(ani));
    let names: Vec<Vec<u8>> = (0..14_u8).map(|n| vec![n]).collect();
    let added = join_all(names.iter().map(|name| world.passkey(budi, name))).await;
    assert_eq!(added.iter().filter(|added| **added == passkey::Added::Full).count(), 4);
    assert_eq!(passkey::of(&world.db, budi).await.expect("is read").len(), 10);
}

#[tokio::test]
async fn a_passkey_counts_as_a_second_factor_until_it_is_taken_and_its_sessions_end_with_it() {
    let world = World::new().await;
    let (ani, budi) = (world.staff("ani").await, world.staff("budi").await);
    let has = async || {
        let ways = factor::ways(&world.db, ani).await.expect("is read");
        let holder = factor::holders(&world.db).await.expect("is read").contains(&ani);
        let token = staff::open_session(&world.db, ani, NOW).await.expect("is written");
        let session = staff::session(&world.db, &token, NOW).await.expect("is read").expect("is open").second_factor;
        assert_eq!((ways.passkey, ways.app, holder), (session, false, session));
        (session, token)
    };
    let (before, token) = has().await;
    assert!(!before);
    let passkey::Added::Kept(id) = world.passkey(ani, b"satu").await else { panic!("it is new") };
    assert!(staff::session(&world.db, &token, NOW).await.expect("is read").is_none(), "sessions from before have ended");
    let (with, token) = has().await;
    assert!(with);
    let mut tx = store::begin(&world.db).await.expect("begins");
    assert!(!passkey::remove(&mut tx, budi, id).await.expect("is written"), "it is not theirs");
    store::commit(tx).await.expect("commits");
    assert!(!passkey::rename(&world.db, budi, id, "milikku").await.expect("is written"));
    assert!(staff::session(&world.db, &token, NOW).await.expect("is read").is_some(), "nothing happened");
    let mut tx = store::begin(&world.db).await.expect("begins");
    assert!(factor::remove_all(&mut tx, ani).await.expect("is written"));
    assert!(!factor::remove_all(&mut tx, ani).await.expect("is written"), "there is nothing left");
    store::commit(tx).await.expect("commits");
    assert!(!has().await.0);
}

#[tokio::test]
async fn a_closed_account_and_one_with_a_new_password_by_others_have_no_passkey() {
    let world = World::new().await;
    let ani = world.staff("ani").await;
    for n in 0..3_u8 {
        assert!(matches!(world.passkey(ani, &[n]).await, passkey::Added::Kept(_)));
        let asked = passkey::Try { adds: Some((ani, "ponsel".into())), state: json!({}) };
        let token = passkey::begin(&world.db, &asked, NOW).await.expect("is written");
        let mut tx = store::begin(&world.db).await.expect("begins");
        match n {
            0 => assert!(staff::set_active(&mut tx, ani, false).await.expect("is written")),
            1 => drop(staff::invite(&mut tx, ani, None, "no password fits", NOW).await.expect("is written")),
            _ => staff::only_the_password(&mut tx, ani).await.expect("is written"),
        }
        store::commit(tx).await.expect("commits");
        assert!(passkey::of(&world.db, ani).await.expect("is read").is_empty(), "{n}");
        assert_eq!(passkey::end(&world.db, &token, NOW).await.expect("is read"), None, "{n}: none is on its way");
    }
}

const LEASE: Duration = Duration::from_mins(3);

impl World {
    async fn address(&self, staff: StaffId, email: Option<&str>) {
        let mut tx = store::begin(&self.db).await.expect("begins");
        store::escalation::set_mail(&mut tx, staff, email).await.expect("is written");
        store::commit(tx).await.expect("commits");
    }

    /// Somebody with an address who shall set their password, and where the mail goes.
    async fn invited(&self, staff: StaffId) -> Option<String> {
        let mut tx = store::begin(&self.db).await.expect("begins");
        let to = staff::invite_by_mail(&mut tx, staff, None, "no password fits", NOW).await.expect("is written");
        store::commit(tx).await.expect("commits");
        to
    }

    async fn claim(&self, now: Timestamp) -> Vec<ClaimedAccountMail> {
        mail::claim(&self.db, now, LEASE, 10).await.expect("claims")
    }

    async fn set_active(&self, staff: StaffId, active: bool) {
        let mut tx = store::begin(&self.db).await.expect("begins");
        assert!(staff::set_active(&mut tx, staff, active).await.expect("is written"));
        store::commit(tx).await.expect("commits");
    }

    /// Whose password a link sets.
    async fn opens(&self, token: &str, now: Timestamp) -> Option<StaffId> {
        staff::invited(&self.db, token, now).await.expect("is read").map(|staff| staff.id)
    }

    async fn sent(&self, staff: StaffId) -> Option<Waiting> {
        staff::waiting(&self.db).await.expect("is read").remove(&staff)
    }
}

fn token(mail: &ClaimedAccountMail) -> &str {
    let Occasion::Invitation { token, .. } = &mail.occasion else { panic!("it brings a link") };
    token
}

#[tokio::test]
async fn a_link_by_mail_is_made_when_it_is_sent_and_each_try_of_it_opens_until_one_is_used() {
    let world = World::new().await;
    let ani = world.staff("ani").await;
    assert_eq!(world.invited(ani).await, None, "nobody knows where to");
    assert_eq!(world.sent(ani).await, None, "and nothing happened");
    world.address(ani, Some("ani@contoh.example.id")).await;
    assert_eq!(world.invited(ani).await.as_deref(), Some("ani@contoh.example.id"));
    assert_eq!(world.sent(ani).await.and_then(|waits| waits.mail).map(|mail| mail.state), Some(MailState::Due));

    let first = world.claim(NOW).await.pop().expect("one is due");
    assert!(world.claim(NOW).await.is_empty(), "nobody else gets it meanwhile");
    assert_eq!(world.opens(token(&first), NOW).await, Some(ani));
    let kept: Vec<String> =
        sqlx::query_scalar("select to_jsonb(invitation)::text || to_jsonb(account_mail)::text from invitation, account_mail")
            .fetch_all(&world.db)
            .await
            .expect("is read");
    assert!(kept.len() == 1 && !kept[0].contains(token(&first)), "only its hash is kept: {kept:?}");
    let first_token = token(&first).to_owned();
    let later = MailOutcome::Retry { after: Duration::from_secs(30), error: "451".into() };
    mail::settle(&world.db, first, later, NOW).await.expect("is written");
    assert!(world.claim(after(29)).await.is_empty(), "it waits");
    // The address is another one by now.
    world.address(ani, Some("ani.baru@contoh.example.id")).await;
    let second = world.claim(after(30)).await.pop().expect("it is due again");
    assert_eq!((second.email.as_str(), second.attempts), ("ani.baru@contoh.example.id", 2));
    let second_token = token(&second).to_owned();
    for token in [&first_token, &second_token] {
        assert_eq!(world.opens(token, after(30)).await, Some(ani), "either mail may be the one that arrived");
    }
    mail::settle(&world.db, second, MailOutcome::Delivered, after(31)).await.expect("is written");
    let waits = world.sent(ani).await.expect("it waits for her");
    assert_eq!(waits.until, after(72 * 3600));
    assert_eq!(waits.mail.map(|mail| (mail.email, mail.state)), Some(("ani.baru@contoh.example.id".into(), MailState::Delivered)));

    let mut tx = store::begin(&world.db).await.expect("begins");
    assert_eq!(staff::accept(&mut tx, &second_token, "hash", after(40)).await.expect("is written"), Some(ani));
    store::commit(tx).await.expect("commits");
    assert_eq!(world.opens(&first_token, after(40)).await, None, "the other one is dead too");
    assert_eq!(world.sent(ani).await, None);
}

#[tokio::test]
async fn no_mail_goes_to_who_is_closed_has_no_address_or_after_its_time_and_a_new_one_takes_the_place_of_an_old_one() {
    let world = World::new().await;
    let ani = world.staff("ani").await;
    world.address(ani, Some("ani@contoh.example.id")).await;
    world.invited(ani).await;
    world.address(ani, None).await;
    assert!(world.claim(NOW).await.is_empty(), "nowhere to send it");
    world.address(ani, Some("ani@contoh.example.id")).await;
    assert!(world.claim(after(72 * 3600)).await.is_empty(), "its time is over");
    assert!(world.sent(ani).await.is_some_and(|waits| waits.until <= after(72 * 3600)), "and the list still says so");
    let old = world.claim(NOW).await.pop().expect("it is due");
    world.invited(ani).await;
    assert_eq!(world.opens(token(&old), NOW).await, None, "an earlier link is worth nothing any more");
    let stale = mail::settle(&world.db, old, MailOutcome::Delivered, NOW).await;
    assert!(matches!(stale, Err(StoreError::Stale)), "{stale:?}");
    let new = world.claim(NOW).await.pop().expect("the new one is due");
    let gone = MailOutcome::Refused { error: "550".into() };
    mail::settle(&world.db, new, gone, NOW).await.expect("is written");
    let sent = world.sent(ani).await.and_then(|waits| waits.mail).expect("is on the list");
    assert_eq!((sent.state, sent.error.as_deref()), (MailState::Refused, Some("550")));
    world.invited(ani).await;
    world.set_active(ani, false).await;
    assert!(world.claim(NOW).await.is_empty() && world.sent(ani).await.is_none(), "nothing goes to who left");
}

#[tokio::test]
async fn an_account_that_is_opened_again_has_no_link_from_before() {
    let world = World::new().await;
    let ani = world.staff("ani").await;
    let mut tx = store::begin(&world.db).await.expect("begins");
    let shown = staff::invite(&mut tx, ani, None, "no password fits", NOW).await.expect("is written");
    store::commit(tx).await.expect("commits");
    assert_eq!(world.opens(&shown, NOW).await, Some(ani));
    world.set_active(ani, false).await;
    assert_eq!(world.opens(&shown, NOW).await, None);
    world.set_active(ani, true).await;
    assert_eq!(world.opens(&shown, NOW).await, None, "whoever has the link was let go");
    // Made for an account that was closed already.
    world.set_active(ani, false).await;
    let mut tx = store::begin(&world.db).await.expect("begins");
    let shown = staff::invite(&mut tx, ani, None, "no password fits", NOW).await.expect("is written");
    store::commit(tx).await.expect("commits");
    world.set_active(ani, true).await;
    assert_eq!(world.opens(&shown, NOW).await, None);
}

#[tokio::test]
async fn whoever_closes_an_account_while_its_link_is_being_made_leaves_no_link() {
    let world = World::new().await;
    let ani = world.staff("ani").await;
    world.address(ani, Some("ani@contoh.example.id")).await;
    for round in 0..20 {
        world.invited(ani).await;
        let close = async {
            // Now before, now after the other one begins.
            tokio::time::sleep(Duration::from_micros(round * 150)).await;
            world.set_active(ani, false).await;
        };
        let (claimed, ()) = tokio::join!(world.claim(NOW), close);
        world.set_active(ani, true).await;
        for mail in &claimed {
            assert_eq!(world.opens(token(mail), NOW).await, None, "round {round}");
        }
    }
}

#[tokio::test]
async fn recovery_codes_stay_as_long_as_there_is_an_app_or_a_passkey_and_their_use_is_kept_and_told() {
    let world = World::new().await;
    let ani = world.staff("ani").await;
    world.address(ani, Some("ani@contoh.example.id")).await;
    let codes = factor::new_codes();
    let left = async || factor::ways(&world.db, ani).await.expect("is read").codes;
    let passkey::Added::Kept(phone) = world.passkey(ani, b"satu").await else { panic!("it is new") };
    let passkey::Added::Kept(computer) = world.passkey(ani, b"dua").await else { panic!("it is new") };
    let mut tx = store::begin(&world.db).await.expect("begins");
    factor::set_codes(&mut tx, ani, &codes).await.expect("is written");
    assert!(passkey::remove(&mut tx, ani, phone).await.expect("is written"));
    store::commit(tx).await.expect("commits");
    assert_eq!(left().await, 10, "the other passkey is there");
    assert_eq!(factor::code_used_at(&world.db, ani).await.expect("is read"), None);

    let mut tx = store::begin(&world.db).await.expect("begins");
    assert!(factor::use_code(&mut tx, ani, &codes[0], after(5)).await.expect("is written"));
    assert!(!factor::use_code(&mut tx, ani, &codes[0], after(6)).await.expect("is written"), "once");
    mail::tell_of_code(&mut tx, ani, after(5)).await.expect("is written");
    factor::set_codes(&mut tx, ani, &factor::new_codes()).await.expect("is written");
    store::commit(tx).await.expect("commits");
    assert_eq!(factor::code_used_at(&world.db, ani).await.expect("is read"), Some(after(5)), "also after new ones were made");
    let told = world.claim(after(6)).await.pop().expect("a mail is due");
    assert!(told.occasion == Occasion::RecoveryCode { used_at: after(5), left: 10 }, "it says when and how many are left");
    assert!(world.sent(ani).await.is_none(), "it is no invitation");

    let mut tx = store::begin(&world.db).await.expect("begins");
    assert!(passkey::remove(&mut tx, ani, computer).await.expect("is written"));
    store::commit(tx).await.expect("commits");
    assert_eq!(left().await, 0, "they stand in for nothing any more");
}
