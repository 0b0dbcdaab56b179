//! A small city, fresh for each test.

use intake::{Recorded, Rooms, record_batch};
use model::{
    Actor, Address, AgencyId, Area, Attachment, AttachmentKind, BlobId, Category, Channel, Complaint, ComplaintId, Content, Inbound,
    MessageKey, Point, ReplyKind, Role, StaffId, Timestamp, TraceId, Voucher,
};
use servers::testing::TestDatabase;
use store::{
    PgPool,
    directory::{Seed, SeedAgency},
    reply::{ReplyState, SentReply},
};

/// Friday, 20 November 2026, ten in the morning in Jakarta.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);

/// When everything is recorded and looked at: a week later, as after a long night of the core.
pub(crate) const LATER: Timestamp = Timestamp::constant(1_795_143_600 + 7 * 24 * 3600, 0);

/// `minutes` after [`NOW`].
pub(crate) fn after(minutes: i64) -> Timestamp {
    NOW + jiff::SignedDuration::from_mins(minutes)
}

/// A migrated database with a directory in it.
pub(crate) struct City {
    _database: TestDatabase,
    pub(crate) db: PgPool,
    pub(crate) rooms: Rooms,
}

impl City {
    pub(crate) async fn new() -> Self {
        let database = servers::testing::database("intake_city", prepare).await;
        let db = store::connect(&database.url(), 8).await.expect("connects");
        let rooms = Rooms::load(&db).await.expect("loads");
        Self { _database: database, db, rooms }
    }

    /// Records a batch at [`NOW`].
    pub(crate) async fn record(&self, messages: &[Inbound]) -> Vec<Recorded> {
        let batch: Vec<(Inbound, TraceId)> = messages.iter().map(|message| (message.clone(), TraceId::random())).collect();
        record_batch(&self.db, &self.rooms, &batch, LATER).await.expect("is recorded")
    }

    /// Records one message.
    pub(crate) async fn record_one(&self, message: &Inbound) -> Recorded {
        self.record(std::slice::from_ref(message)).await[0]
    }

    /// Records one message when it is this late.
    pub(crate) async fn record_one_at(&self, message: &Inbound, now: Timestamp) -> Recorded {
        record_batch(&self.db, &self.rooms, &[(message.clone(), TraceId::random())], now).await.expect("is recorded")[0]
    }

    pub(crate) async fn complaint(&self, id: ComplaintId) -> Complaint {
        store::complaint::load(&self.db, id).await.expect("loads").expect("is there")
    }

    pub(crate) async fn replies(&self, id: ComplaintId) -> Vec<SentReply> {
        store::reply::of_complaint(&self.db, id).await.expect("loads")
    }

    pub(crate) async fn reply_kinds(&self, id: ComplaintId) -> Vec<ReplyKind> {
        self.replies(id).await.iter().map(|reply| reply.draft.kind).collect()
    }

    pub(crate) async fn reply_states(&self, id: ComplaintId) -> Vec<ReplyState> {
        self.replies(id).await.iter().map(|reply| reply.state).collect()
    }

    pub(crate) async fn complaints(&self) -> i64 {
        store::complaint::count(&self.db).await.expect("counts").iter().map(|(_, count)| count).sum()
    }

    pub(crate) fn agency(&self, code: &str) -> AgencyId {
        self.rooms.directory.agencies.values().find(|agency| agency.code == code).expect("is in the seed").id
    }

    /// An officer of that agency acts.
    pub(crate) async fn act(&self, id: ComplaintId, agency: &str, action: model::Action) {
        self.act_as(id, self.officer(agency).await, action).await;
    }

    /// Somebody acts.
    pub(crate) async fn act_as(&self, id: ComplaintId, by: Actor, action: model::Action) {
        let mut tx = store::begin(&self.db).await.expect("begins");
        let complaint = store::complaint::lock(&mut tx, id).await.expect("loads").expect("is there");
        let decision = model::decide(complaint, action, by, &self.rooms.directory, LATER).expect("is allowed");
        store::complaint::write(&mut tx, &decision).await.expect("is written");
        store::commit(tx).await.expect("commits");
    }

    async fn officer(&self, agency: &str) -> Actor {
        let agency = self.agency(agency);
        let new = store::staff::NewStaff {
            login: format!("officer.{}", StaffId::new(NOW)),
            name: "Petugas".into(),
            role: Role::Officer,
            agency: Some(agency),
            office: None,
            language: model::Language::Id,
        };
        let mut tx = store::begin(&self.db).await.expect("begins");
        let id = store::staff::create(&mut tx, &new, "no password fits", NOW).await.expect("is created").expect("is new");
        store::commit(tx).await.expect("commits");
        Actor::Staff { id, role: Role::Officer, agency: Some(agency) }
    }
}

async fn prepare(url: String) -> Result<(), store::StoreError> {
    let db = store::connect(&url, 1).await?;
    store::migrate(&db).await?;
    store::directory::seed(&db, &seed(), NOW).await?;
    // The chat knows telephone numbers; the form only itself.
    let numbers = Voucher { schemes: ["tel".to_owned()].into(), elsewhere: false };
    let mut tx = store::begin(&db).await?;
    store::directory::set_voucher(&mut tx, &"chat".parse().expect("a name"), &numbers).await?;
    store::commit(tx).await?;
    db.close().await;
    Ok(())
}

fn seed() -> Seed {
    let square = r#"{"type":"Polygon","coordinates":[[[106.8,-6.2],[106.9,-6.2],[106.9,-6.1],[106.8,-6.1],[106.8,-6.2]]]}"#;
    let area = |code: &str, name: &str, outline: Option<&str>| (Area { code: code.into(), name: name.into() }, outline.map(Into::into));
    let agency = |code: &str, send_kind: &str| SeedAgency {
        code: code.into(),
        name: format!("Dinas {code}"),
        send_kind: send_kind.into(),
        send_target: (send_kind == "email").then(|| "dinas@example.id".into()),
    };
    let category = |code: &str, keywords: &[&str]| Category {
        code: code.into(),
        name_id: code.into(),
        name_en: code.into(),
        keywords: keywords.iter().map(|&word| word.into()).collect(),
    };
    let channel = |adapter: &str, account: &str| Channel {
        adapter: adapter.parse().expect("a name"),
        account: account.into(),
        label: format!("{adapter} {account}"),
        area: None,
        from: jiff::civil::date(2020, 1, 1),
        until: None,
        hours: None,
    };
    Seed {
        areas: vec![
            area("31", "Provinsi", None),
            area("3171", "Kota", None),
            area("3171010", "Kecamatan Melati", None),
            area("3171010001", "Kelurahan Mawar", Some(square)),
        ],
        agencies: vec![agency("roads", "queue"), agency("parks", "email")],
        categories: vec![category("road", &["jalan rusak", "jalan berlubang"]), category("tree", &["pohon tumbang"])],
        rules: vec![(Some("road".into()), None, "roads".into()), (Some("tree".into()), Some("3171".into()), "parks".into())],
        channels: vec![channel("chat", "1"), channel("chat", "2"), channel("form", "utama"), channel("mail", "a@example.id")],
        ..Seed::default()
    }
}

/// A private message of citizen `who` to account 1 of the chat, at [`NOW`].
pub(crate) fn message(who: u32, id: &str, text: &str) -> Inbound {
    let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: id.into() };
    let address: Address = format!("tel:+62812{who:08}").parse().expect("an address");
    Inbound::private(key, address, text, NOW)
}

/// The same message, sent and received then.
pub(crate) fn at(minutes: i64, message: Inbound) -> Inbound {
    Inbound { sent_at: after(minutes), received_at: after(minutes), ..message }
}

/// The same message with a photo.
pub(crate) fn photo(message: Inbound) -> Inbound {
    with_file(message, "blob", AttachmentKind::Image)
}

/// The same message with a file that lies in quarantine.
pub(crate) fn with_file(mut message: Inbound, blob: &str, kind: AttachmentKind) -> Inbound {
    let content = Content::Quarantined { blob: BlobId(blob.into()), bytes: 3, sha256: "00".into() };
    message.attachments.push(Attachment { kind, mime: Some("image/jpeg".into()), filename: None, content });
    message
}

/// A point in Kelurahan Mawar.
pub(crate) fn in_mawar() -> Point {
    Point::new(-6.15, 106.85).expect("on the globe")
}

pub(crate) fn opened(recorded: Recorded) -> ComplaintId {
    match recorded {
        Recorded::New(id) => id,
        other => panic!("not a new complaint: {other:?}"),
    }
}
