//! What the tests share: a city with one agency, and complaints for it.

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;
use model::{
    AdapterName, Address, Category, CitizenId, Complaint, Inbound, Language, Limit, MessageId, MessageKey, Opening, Point, Site, Stage,
    TraceId, TrackingCode, Triaged,
    clock::{Amount, Unit, Zone},
};
use servers::testing::TestDatabase;
use store::{
    PgPool, StoreError, citizen, complaint,
    directory::{Seed, SeedAgency, SeedLimit},
    dispatch::SendKind,
    message,
};

/// A database with one agency, `dbm`, for the category `road`.
pub(crate) struct City {
    pub(crate) db: PgPool,
    _database: TestDatabase,
}

/// When every test begins.
pub(crate) fn start() -> Timestamp {
    "2026-11-20T03:00:00Z".parse().expect("a time")
}

pub(crate) fn site() -> Site {
    Site { name: "Kota Contoh".into(), base_url: "https://lapor.example.id".into(), zone: Zone::Wib }
}

impl City {
    pub(crate) async fn new(kind: SendKind, target: &str, secret: Option<&str>) -> Self {
        let database = servers::testing::database("dispatch", |url| async move {
            let db = store::connect(&url, 1).await?;
            store::migrate(&db).await?;
            store::directory::seed(&db, &seed(), start()).await?;
            db.close().await;
            Ok::<_, StoreError>(())
        })
        .await;
        let db = store::connect(&database.url(), 8).await.expect("a database");
        let set = store::directory::set_way(&db, "dbm", kind, Some(target), secret).await.expect("the way is set");
        assert!(set, "the agency is there");
        Self { db, _database: database }
    }

    /// A complaint about a road, given to the agency by the rules.
    pub(crate) async fn complaint(&self, text: &str) -> Complaint {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = store::directory::load(&self.db).await.expect("a directory");
        let (inbound, message, citizen) = (inbound(number, text), MessageId::new(start()), CitizenId::new(start()));
        let decision = model::open(opening(&inbound, message, citizen), &directory, start());
        let complaint = decision.complaint.clone();

        let mut tx = store::begin(&self.db).await.expect("a transaction");
        let seen = citizen::Seen {
            id: citizen,
            is_new: true,
            name: inbound.sender_name.clone(),
            language: Language::Id,
            new_addresses: inbound.sender.clone(),
            used_addresses: Vec::new(),
        };
        citizen::write(&mut tx, &[seen], start()).await.expect("a citizen");
        let new =
            message::New { id: message, inbound: &inbound, citizen, complaint: Some(complaint.id), cut: None, trace: complaint.trace };
        message::insert(&mut tx, &[new], start()).await.expect("a message");
        complaint::write(&mut tx, &decision).await.expect("a complaint");
        store::commit(tx).await.expect("committed");
        complaint
    }
}

fn seed() -> Seed {
    let category = Category { code: "road".into(), name_id: "Jalan rusak".into(), name_en: "Damaged road".into(), keywords: Vec::new() };
    let agency = |code: &str, name: &str| SeedAgency { code: code.into(), name: name.into(), send_kind: "queue".into(), send_target: None };
    Seed {
        agencies: vec![agency("dbm", "Dinas Bina Marga"), agency("dishub", "Dinas Perhubungan")],
        categories: vec![category],
        rules: vec![(Some("road".into()), None, "dbm".into())],
        limits: vec![
            SeedLimit::working_days(5, "aturan"),
            SeedLimit { limit: Limit::new(Stage::Silence, Amount { number: 10, unit: Unit::WorkingDays }, "SP4N-LAPOR!"), agency: None },
        ],
        ..Seed::default()
    }
}

fn adapter() -> AdapterName {
    "chat".parse().expect("a name")
}

fn inbound(number: usize, text: &str) -> Inbound {
    let key = MessageKey { adapter: adapter(), account: "1".into(), id: format!("{}-{number}", std::process::id()) };
    let sender = Address::tel(&format!("0812000{number:05}")).expect("a number");
    Inbound {
        sender_name: Some("Warga Rahasia".into()),
        location: Point::new(-6.2, 106.8),
        place: Some("depan pasar".into()),
        ..Inbound::private(key, sender, text, start())
    }
}

fn opening(inbound: &Inbound, message: MessageId, citizen: CitizenId) -> Opening {
    Opening {
        citizen,
        message,
        reference: inbound.reference,
        tracking: TrackingCode::random(),
        adapter: inbound.key.adapter.clone(),
        account: inbound.key.account.clone(),
        text: inbound.text.clone(),
        place: inbound.place.clone(),
        location: inbound.location,
        visibility: inbound.visibility,
        language: Language::Id,
        reply_to: inbound.reply_to.clone(),
        opened_at: start(),
        triaged: Triaged { category: Some("road".into()), ..Triaged::default() },
        held: None,
        trace: TraceId::random(),
    }
}
