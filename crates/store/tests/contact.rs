//! Who wrote is sealed: what a dump of the database tells, rows of earlier versions, and keys that are replaced while the system runs.

#[path = "contact/erased.rs"]
mod erased;

use std::{process::Command, sync::Arc};

use futures::future::join_all;
use model::{
    Address, AgencyId, Audience, CitizenId, Decision, Directory, Facts, Inbound, Language, MessageId, MessageKey, Opening, ReplyDraft,
    ReplyId, ReplyKind, ReplyTo, StaffId, Timestamp, TraceId, TrackingCode, Triaged, task::BodyKind,
};
use servers::testing::TestDatabase;
use store::{
    PgPool, StoreError, block, citizen, complaint, connect,
    contact::{self, KeysError, moving, turning},
    desk, directory, message, reply, staff,
    task::{self, Body, NewTask, Reached},
    telephone::{self, Telephone, Whose},
    vault::Vault,
    work_message,
};
use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);
/// Before everything here.
const EVER: Timestamp = Timestamp::constant(1_795_143_600 - 24 * 3600, 0);
const NAME: &str = "Kartika Rahayuningtyas";
const NUMBER: &str = "628000012345";
const OTHER_NUMBER: &str = "628000054321";
const MAIL: &str = "kartika.r@warga.example.id";
const SUBJECT: &str = "Re: surat dari Kartika";

/// A process has one set of keys: where tests share a process, they take turns.
static TURN: Mutex<()> = Mutex::const_new(());

struct World {
    _turn: MutexGuard<'static, ()>,
    database: TestDatabase,
    db: PgPool,
    directory: Directory,
}

async fn prepare(url: String) -> Result<(), StoreError> {
    let db = store::connect(&url, 1).await?;
    store::migrate(&db).await?;
    db.close().await;
    Ok(())
}

fn vault(lines: &[&str]) -> Arc<Vault> {
    Arc::new(Vault::parse(&lines.join("\n")).expect("keys"))
}

fn tel(number: &str) -> Address {
    Address::new("tel", &format!("+{number}")).expect("an address")
}

fn way(address: Address) -> ReplyTo {
    ReplyTo {
        adapter: "chat".parse().expect("a name"),
        account: "1".into(),
        address,
        thread: Some(SUBJECT.into()),
        audience: Audience::Private,
        open_until: None,
    }
}

fn inbound(id: &str, from: &Address) -> Inbound {
    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: id.into() };
    Inbound {
        sender_name: Some(NAME.into()),
        contact: vec![format!("mailto:{MAIL}").parse().expect("an address"), tel(OTHER_NUMBER)],
        reply_to: Some(way(from.clone())),
        ..Inbound::private(key, from.clone(), "jalan rusak", NOW)
    }
}

impl World {
    async fn new(keys: &Arc<Vault>) -> Self {
        let turn = TURN.lock().await;
        let database = servers::testing::database("store_contact", prepare).await;
        let db = store::connect(&database.url(), 8).await.expect("connects");
        contact::begin(&db, keys).await.expect("the keys fit");
        let directory = directory::load(&db).await.expect("loads");
        Self { _turn: turn, database, db, directory }
    }

    /// Records a message as intake does: whoever is known stays who they are.
    async fn record(&self, id: &str, from: &Address) -> Result<Decision, StoreError> {
        let inbound = inbound(id, from);
        let mut tx = store::begin(&self.db).await?;
        citizen::lock(&mut tx, &inbound.sender).await?;
        let known = citizen::known(&mut tx, &inbound.sender).await?;
        let citizen = known.first().map_or_else(|| CitizenId::new(NOW), |known| known.citizen);
        let message = MessageId::new(NOW);
        let opening = Opening {
            citizen,
            message,
            reference: inbound.reference,
            tracking: TrackingCode::random(),
            adapter: inbound.key.adapter.clone(),
            account: inbound.key.account.clone(),
            text: inbound.text.clone(),
            place: None,
            location: None,
            visibility: inbound.visibility,
            language: Language::Id,
            reply_to: inbound.reply_to.clone(),
            opened_at: NOW,
            triaged: Triaged::default(),
            held: None,
            trace: TraceId::random(),
        };
        let decision = model::open(opening, &self.directory, NOW);
        let (new_addresses, used_addresses) =
            if known.is_empty() { (inbound.sender.clone(), Vec::new()) } else { (Vec::new(), inbound.sender.clone()) };
        let name = inbound.sender_name.clone();
        let seen = citizen::Seen { id: citizen, is_new: known.is_empty(), name, language: Language::Id, new_addresses, used_addresses };
        let trace = decision.complaint.trace;
        let new = message::New { id: message, inbound: &inbound, citizen, complaint: Some(decision.complaint.id), cut: None, trace };
        citizen::write(&mut tx, &[seen], NOW).await?;
        message::insert(&mut tx, &[new], NOW).await?;
        complaint::write(&mut tx, &decision).await?;
        store::commit(tx).await?;
        Ok(decision)
    }

    async fn recorded(&self, id: &str, from: &Address) -> Decision {
        self.record(id, from).await.expect("is recorded")
    }

    /// Everything that the road keeps of who wrote: blocked, silent, moved, tried a code.
    async fn whole_road(&self) -> Decision {
        let (first, second) = (tel(NUMBER), tel(OTHER_NUMBER));
        let decision = self.recorded("m1", &first).await;
        let facts = Facts { deadline: Some(NOW + jiff::SignedDuration::from_hours(24)), ..Facts::default() };
        let kind = ReplyKind::Blocked;
        let draft =
            ReplyDraft { id: ReplyId::new(NOW), kind, to: way(first.clone()), language: Language::Id, cause: MessageId::new(NOW).0, facts };
        let new = reply::New { draft: &draft, complaint: Some(decision.complaint.id), trace: decision.complaint.trace, now: NOW };
        let mut tx = store::begin(&self.db).await.expect("begins");
        reply::insert(&mut tx, &[new]).await.expect("is written");
        connect::tried(&mut tx, &first, NOW).await.expect("is counted");
        store::commit(tx).await.expect("commits");
        citizen::opt_out(&self.db, &first, NOW).await.expect("is noted");
        citizen::moved(&self.db, &[first], &[second], NOW).await.expect("is noted").expect("they are known");
        decision
    }

    async fn owner(&self, address: &Address) -> Option<CitizenId> {
        let mut tx = store::begin(&self.db).await.expect("begins");
        let known = citizen::known(&mut tx, std::slice::from_ref(address)).await.expect("is read");
        known.first().map(|known| known.citizen)
    }

    fn dump(&self) -> String {
        let dump = Command::new("pg_dump").args(["--inserts", "--dbname", &self.database.url()]).output();
        let dump = dump.expect("pg_dump is needed: install postgresql-client");
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        String::from_utf8_lossy(&dump.stdout).to_lowercase()
    }

    /// Which planted words a dump holds.
    fn told(&self) -> Vec<&'static str> {
        let dump = self.dump();
        assert!(dump.contains("jalan rusak"), "the dump is of a filled database");
        let planted = ["kartika", "rahayuningtyas", "8000012345", "8000054321", "kartika.r@", "warga.example.id"];
        planted.into_iter().filter(|word| dump.contains(word)).collect()
    }

    async fn run(&self, statements: &[&'static str]) {
        for statement in statements {
            sqlx::query(*statement).execute(&self.db).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
    }

    /// What the database is sealed with, by name; empty: nobody has sealed it.
    async fn keys_held(&self) -> Vec<String> {
        let mut keys: Vec<String> = turning::held(&self.db).await.expect("counts").into_iter().map(|held| held.key).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

#[tokio::test]
async fn a_dump_of_the_database_tells_nobodys_name_and_no_address_and_the_program_reads_them() {
    let world = World::new(&vault(&[&Vault::new_line()])).await;
    let decision = world.whole_road().await;
    assert_eq!(world.told(), Vec::<&str>::new());

    let id = decision.complaint.id;
    let messages = message::of_complaint(&world.db, id).await.expect("is read");
    assert_eq!(messages[0].sender_name.as_deref(), Some(NAME));
    assert_eq!(messages[0].sender, Some(tel(NUMBER)));
    assert_eq!(messages[0].contact, inbound("m1", &tel(NUMBER)).contact);
    let read = complaint::load(&world.db, id).await.expect("is read").expect("is there");
    assert_eq!(read.reply_to, Some(way(tel(OTHER_NUMBER))), "answers follow the citizen, and the conversation stays");
    assert_eq!(world.owner(&tel(OTHER_NUMBER)).await, Some(decision.complaint.citizen));
    assert!(block::of(&world.db, &way(tel(OTHER_NUMBER)), NOW).await.expect("is read").is_some(), "the block went along");
    let mut tx = store::begin(&world.db).await.expect("begins");
    assert!(citizen::has_opted_out(&mut tx, &[tel(NUMBER)]).await.expect("is read"));
    assert!(!citizen::has_opted_out(&mut tx, &[tel(OTHER_NUMBER)]).await.expect("is read"));
    assert_eq!(connect::tries(&mut tx, &[tel(NUMBER)], EVER).await.expect("is read"), 1);
}

#[tokio::test]
async fn a_desk_finds_whole_names_and_contacts_that_are_sealed() {
    let world = World::new(&vault(&[&Vault::new_line()])).await;
    world.recorded("m1", &tel(NUMBER)).await;
    let by_name = async |name: &str| desk::by_name(&world.db, "1", name, EVER, 10).await.expect("is read").len();
    assert_eq!(by_name("rahayuningtyas KARTIKA").await, 1);
    assert_eq!(by_name("kartika").await, 1);
    assert_eq!(by_name("kartik").await, 0, "a part of a word finds nothing");
    assert_eq!(by_name("kartika lain").await, 0);
    assert_eq!(by_name(" -- ").await, 0);
    for (contact, found) in [(tel(NUMBER), 1), (tel(OTHER_NUMBER), 1), (tel("628000099999"), 0)] {
        assert_eq!(desk::by_contact(&world.db, "1", &contact, 10).await.expect("is read").len(), found, "{contact:?}");
    }
}

/// An agency that reaches a neighbourhood by telephone and has just asked it for something: sealed in the list, and in the message that waits. The officer
/// has a telephone too.
async fn entrusted(world: &World) -> AgencyId {
    let complaint = world.recorded("m1", &tel(NUMBER)).await.complaint;
    world
        .run(&[
            "insert into agency (id, code, name) values ('00000000-0000-0000-0000-00000000000a', 'dbm', 'Dinas')",
            "insert into staff (id, login, name, role, password, created_at) \
             values ('00000000-0000-0000-0000-0000000000aa', 'petugas', 'Petugas', 'admin', '-', now())",
            "insert into channel (id, adapter, account, label, valid_from, reaches) \
             values ('00000000-0000-0000-0000-0000000000cc', 'chat', '1', 'Pesan', '2026-01-01', '{tel}')",
        ])
        .await;
    let (agency, by) = (AgencyId(Uuid::from_u128(0x0a)), StaffId(Uuid::from_u128(0xaa)));
    let reached = Reached::Channel { adapter: "chat".parse().expect("a name"), account: "1".into(), address: tel(OTHER_NUMBER) };
    let body = Body { id: Uuid::from_u128(0xbb), kind: BodyKind::Rt, name: "RT 03".into(), reached };
    let new = NewTask {
        id: Uuid::from_u128(0xdd),
        complaint: complaint.id,
        body: body.id,
        agency,
        words: "Sapu jalan.".into(),
        photos: false,
        due_at: NOW + jiff::SignedDuration::from_hours(24),
        expires_at: NOW + jiff::SignedDuration::from_hours(400),
        today: jiff::civil::date(2026, 11, 20),
    };
    let mut tx = store::begin(&world.db).await.expect("begins");
    assert!(task::add_body(&mut tx, agency, &body, by, NOW).await.expect("is written"));
    assert!(task::give(&mut tx, &new, by, NOW).await.expect("is written"));
    let own = Telephone { adapter: "chat".parse().expect("a name"), account: "1".into(), address: tel(OTHER_NUMBER) };
    telephone::set(&mut tx, Whose::Staff(by), &own, NOW).await.expect("is written");
    store::commit(tx).await.expect("commits");
    agency
}

#[tokio::test]
async fn where_somebody_on_the_spot_is_reached_is_sealed_under_every_key_and_forgotten_when_the_message_went() {
    let (old, new) = (Vault::new_line(), Vault::new_line());
    let world = World::new(&vault(&[&old])).await;
    let agency = entrusted(&world).await;
    assert_eq!(world.told(), Vec::<&str>::new());
    let both = vault(&[&old, &new]);
    contact::begin(&world.db, &both).await.expect("the keys fit");
    assert!(turning::turn(&world.db, NOW).await.expect("turns"));
    while moving::pass(&world.db).await.expect("runs").expect("nobody else is at it").moved > 0 {}
    assert_eq!(world.keys_held().await, [both.newest()]);
    contact::begin(&world.db, &vault(&[&new])).await.expect_err("the old key is still in the list of keys");
    assert_eq!(turning::forget(&world.db).await.expect("forgets"), [vault(&[&old]).newest()]);
    contact::begin(&world.db, &vault(&[&new])).await.expect("the old key may go");

    let read = task::bodies(&world.db, agency).await.expect("is read").remove(0).reached;
    assert!(matches!(&read, Reached::Channel { address, .. } if *address == tel(OTHER_NUMBER)));
    let lease = std::time::Duration::from_mins(1);
    let claimed = work_message::claim(&world.db, NOW, lease, 9).await.expect("is claimed").remove(0);
    assert_eq!(claimed.to.address, tel(OTHER_NUMBER));
    let held = async || {
        let held = turning::held(&world.db).await.expect("counts");
        ["body.sealed", "telephone.sealed", "work_message.sealed"]
            .map(|place| held.iter().filter(|held| held.place == place).map(|held| held.values).sum::<i64>())
    };
    assert_eq!(held().await, [1, 1, 1]);
    work_message::published(&world.db, claimed).await.expect("is noted");
    assert_eq!(held().await, [1, 1, 0], "the bus has it");
    let by = StaffId(Uuid::from_u128(0xaa));
    assert_eq!(telephone::of(&world.db, by).await.expect("is read").expect("there is one").address, tel(OTHER_NUMBER));
    let mut tx = store::begin(&world.db).await.expect("begins");
    assert!(task::remove_body(&mut tx, agency, Uuid::from_u128(0xbb), by, NOW).await.expect("is written"));
    store::commit(tx).await.expect("commits");
    assert_eq!(held().await, [0, 1, 0], "who is off the list is forgotten");
    let mut tx = store::begin(&world.db).await.expect("begins");
    assert!(staff::set_active(&mut tx, by, false).await.expect("is written"));
    store::commit(tx).await.expect("commits");
    assert_eq!(held().await, [0, 0, 0], "and whose account is closed");
}

#[tokio::test]
async fn a_message_whose_address_was_put_there_from_another_row_goes_to_nobody_and_holds_up_no_other() {
    let world = World::new(&vault(&[&Vault::new_line()])).await;
    entrusted(&world).await;
    world.run(&["update work_message set sealed = (select sealed from body)"]).await;
    let lease = std::time::Duration::from_mins(1);
    assert_eq!(work_message::claim(&world.db, NOW, lease, 9).await.expect("is asked").len(), 0);
    let pass = moving::pass(&world.db).await.expect("runs").expect("nobody else is at it");
    assert_eq!(pass.moved, 0, "all is sealed with the key of today");
}

/// What the tables held before anything was sealed.
const AS_BEFORE: [&str; 12] = [
    "delete from setting where name = 'contact.sealed'",
    "update citizen set name = 'Kartika Rahayuningtyas' where name is not null",
    "update citizen_address set address = 'tel:+628000054321', sealed = null",
    "update former_address set address = 'tel:+628000012345', sealed = null, replaced_by = 'tel:+628000054321'",
    "update opt_out set address = 'tel:+628000012345', sealed = null",
    "update block set address = 'tel:+628000054321', sealed = null",
    "update connect_try set address = 'tel:+628000012345'",
    "update complaint set reply_to = reply_to - 'sealed' || '{\"address\": \"tel:+628000054321\", \"thread\": \"Re: surat dari Kartika\"}'",
    "update reply set reply_to = reply_to - 'sealed' || '{\"address\": \"tel:+628000054321\", \"thread\": \"Re: surat dari Kartika\"}'",
    "update message set sender = 'tel:+628000012345', sender_name = 'Kartika Rahayuningtyas', names = '{}', contact_sealed = null, \
     contact = '{mailto:kartika.r@warga.example.id,tel:+628000054321}'",
    "select keep_words(array(select id from complaint))",
    "delete from contact_key",
];

#[tokio::test]
async fn rows_that_nobody_has_sealed_count_as_before_and_are_sealed_while_the_system_runs() {
    let line = Vault::new_line();
    let keys = vault(&[&line]);
    let world = World::new(&keys).await;
    let decision = world.whole_road().await;
    world.run(&AS_BEFORE).await;
    contact::begin(&world.db, &keys).await.expect("the keys fit");
    assert_eq!(world.told().len(), 6, "so it was");
    assert_eq!(world.keys_held().await, [""]);
    let citizen = decision.complaint.citizen;
    let reads = async || {
        assert_eq!(world.owner(&tel(OTHER_NUMBER)).await, Some(citizen));
        let read = complaint::load(&world.db, decision.complaint.id).await.expect("is read").expect("is there");
        assert_eq!(read.reply_to, Some(way(tel(OTHER_NUMBER))));
        let messages = message::of_complaint(&world.db, decision.complaint.id).await.expect("is read");
        assert_eq!((messages[0].sender_name.as_deref(), messages[0].sender.clone()), (Some(NAME), Some(tel(NUMBER))));
        assert_eq!(messages[0].contact.len(), 2);
        assert_eq!(desk::by_contact(&world.db, "1", &tel(OTHER_NUMBER), 10).await.expect("is read").len(), 1);
        assert!(block::of(&world.db, &way(tel(OTHER_NUMBER)), NOW).await.expect("is read").is_some());
        let mut tx = store::begin(&world.db).await.expect("begins");
        assert!(citizen::has_opted_out(&mut tx, &[tel(NUMBER)]).await.expect("is read"));
        assert_eq!(connect::tries(&mut tx, &[tel(NUMBER)], EVER).await.expect("is read"), 1);
    };
    reads().await;
    assert!(contact::refresh(&world.db).await.expect("is asked"), "some are left");

    let pass = moving::pass(&world.db).await.expect("runs").expect("nobody else is at it");
    assert_eq!(pass.closed, 0);
    assert!(pass.moved >= 9, "{pass:?}");
    assert_eq!(world.told(), Vec::<&str>::new());
    assert_eq!(world.keys_held().await, [keys.newest()]);
    assert!(!contact::refresh(&world.db).await.expect("is asked"), "none is left");
    reads().await;
    assert_eq!(desk::by_name(&world.db, "1", "kartika", EVER, 10).await.expect("is read").len(), 1);
    let again = moving::pass(&world.db).await.expect("runs").expect("nobody else is at it");
    assert_eq!(again, moving::Pass::default(), "done again it does nothing");
}

#[tokio::test]
async fn a_key_is_replaced_in_the_midst_of_writes_and_everybody_stays_who_they_are() {
    let (old, new) = (Vault::new_line(), Vault::new_line());
    let world = World::new(&vault(&[&old])).await;
    world.whole_road().await;
    let people: Vec<Address> = (0..12).map(|n| tel(&format!("6280001000{n:02}"))).collect();
    for (n, person) in people.iter().enumerate() {
        world.recorded(&format!("p{n}"), person).await;
    }
    let before = join_all(people.iter().map(|person| world.owner(person))).await;

    // The new line is in every file, and roles were started again: nothing changes by that.
    let both = vault(&[&old, &new]);
    contact::begin(&world.db, &both).await.expect("the keys fit");
    assert_eq!(world.keys_held().await, [vault(&[&old]).newest()]);
    assert!(turning::turn(&world.db, NOW).await.expect("turns"));
    assert!(!turning::turn(&world.db, NOW).await.expect("is turned"), "done again it does nothing");
    let writes = async {
        for round in 0..6 {
            for (n, person) in people.iter().enumerate() {
                // As intake does: what stood in another's way is done again.
                while matches!(world.record(&format!("r{round}-{n}"), person).await, Err(StoreError::Stale)) {}
            }
        }
    };
    let moves = async {
        for _ in 0..6 {
            moving::pass(&world.db).await.expect("runs").expect("nobody else is at it");
        }
    };
    futures::join!(writes, moves);
    assert_eq!(join_all(people.iter().map(|person| world.owner(person))).await, before, "nobody became another");
    let citizens: i64 = sqlx::query_scalar("select count(*) from citizen").fetch_one(&world.db).await.expect("counts");
    assert_eq!(citizens, 13);

    while moving::pass(&world.db).await.expect("runs").expect("nobody else is at it").moved > 0 {}
    assert_eq!(world.keys_held().await, [both.newest()]);
    assert_eq!(turning::forget(&world.db).await.expect("forgets"), [vault(&[&old]).newest()]);
    contact::begin(&world.db, &vault(&[&new])).await.expect("the old key may go");
    assert_eq!(join_all(people.iter().map(|person| world.owner(person))).await, before);
    assert_eq!(desk::by_name(&world.db, "1", "kartika", EVER, 200).await.expect("is read").len(), 13 + 72);
    assert_eq!(world.told(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_missing_key_and_another_key_of_its_name_are_said_and_nothing_is_lost() {
    let (line, other) = (Vault::new_line(), Vault::new_line());
    let world = World::new(&vault(&[&line])).await;
    let decision = world.recorded("m1", &tel(NUMBER)).await;
    let name = vault(&[&line]).newest().to_owned();

    let missing = contact::begin(&world.db, &vault(&[&other])).await.expect_err("it is needed");
    assert!(matches!(&missing, KeysError::Missing(key) if *key == name), "{missing}");
    assert!(missing.to_string().contains("put its line back"), "{missing}");
    let digits = other.split_once(' ').expect("a name and digits").1;
    let another = contact::begin(&world.db, &vault(&[&format!("{name} {digits}")])).await.expect_err("it is another");
    assert!(matches!(another, KeysError::Another(_)), "{another}");
    assert!(!another.to_string().contains(digits), "no key is in the words");
    assert_eq!(world.owner(&tel(NUMBER)).await, Some(decision.complaint.citizen), "the process goes on with what it had");
    contact::begin(&world.db, &vault(&[&line, &other])).await.expect("put back, all is well");
    assert_eq!(turning::forget(&world.db).await.expect("forgets"), Vec::<String>::new(), "a key that holds something stays");
}

#[tokio::test]
async fn who_puts_a_sealed_value_into_another_row_gets_an_error_and_no_name() {
    let world = World::new(&vault(&[&Vault::new_line()])).await;
    let one = world.recorded("m1", &tel(NUMBER)).await.complaint;
    let two = world.recorded("m2", &tel(OTHER_NUMBER)).await.complaint;
    world
        .run(&[
            "update message set sender_name = (select sender_name from message where platform_id = 'm1') where platform_id = 'm2'",
            "update complaint set reply_to = (select reply_to from complaint order by id limit 1)",
        ])
        .await;
    let stolen = message::of_complaint(&world.db, two.id).await;
    assert!(matches!(stolen, Err(StoreError::Corrupt { table: "message", column: "sender_name" })), "{stolen:?}");
    let (first, second) = (one.id.min(two.id), one.id.max(two.id));
    assert!(complaint::load(&world.db, first).await.is_ok());
    let stolen = complaint::load(&world.db, second).await;
    assert!(matches!(stolen, Err(StoreError::Corrupt { table: "complaint", column: "reply_to" })), "{stolen:?}");
    // Sealing anew leaves such rows alone, and counts them.
    world.run(&["delete from setting where name = 'contact.sealed'"]).await;
    contact::begin(&world.db, &vault(&[&Vault::new_line()])).await.expect_err("not that one");
    let pass = moving::pass(&world.db).await.expect("runs").expect("nobody else is at it");
    assert_eq!(pass.moved, 0, "all is sealed with the key of today");
}
