//! A small city: two agencies and an inspectorate, three kinds of trouble, one office, one person for every role; and complaints as the road would write
//! them.

use jiff::{Timestamp, ToSpan, civil::date};
use model::{
    Action, Actor, Address, AgencyId, Area, Attachment, AttachmentId, AttachmentKind, BlobId, Category, Channel, CitizenId, Complaint,
    ComplaintId, Content, Held, Inbound, Language, MessageId, MessageKey, Opening, Point, Role, Sign, Signal, TraceId, TrackingCode,
    Triaged, Visibility, Why, decide, open,
};
use object_store::{ObjectStoreExt, path::Path};
use store::{
    PgPool, StoreError, attachment, citizen,
    directory::{Holiday, Seed, SeedAgency, SeedLimit},
    message,
    staff::NewStaff,
};

use super::World;

/// Friday, 20 November 2026, ten in the morning in Jakarta.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_795_143_600, 0);
/// Of every account.
pub(crate) const PASSWORD: &str = "sandi contoh untuk uji";

const ROADS: &str = "Dinas Bina Marga";
const PARKS: &str = "Dinas Pertamanan dan Hutan Kota";

/// What a complaint is like; the rest is ordinary.
pub(crate) struct Wish<'a> {
    pub(crate) text: &'a str,
    pub(crate) name: Option<&'a str>,
    pub(crate) tel: &'a str,
    /// What a clerk wrote down.
    pub(crate) contact: Option<&'a str>,
    pub(crate) category: Option<&'a str>,
    pub(crate) area: Option<&'a str>,
    pub(crate) location: Option<Point>,
    pub(crate) visibility: Visibility,
    pub(crate) account: &'a str,
    pub(crate) danger: Vec<String>,
    /// How many photos came with it.
    pub(crate) photos: u8,
    /// How long ago.
    pub(crate) hours_ago: i64,
    /// It reads like an advertisement, and waits for a person.
    pub(crate) held: bool,
}

impl Default for Wish<'_> {
    fn default() -> Self {
        Self {
            text: "Jalan berlubang besar di depan pasar, sudah dua minggu.",
            name: Some("Sari Contoh"),
            tel: "081200000001",
            contact: None,
            category: Some("road"),
            area: Some("3171090001"),
            location: None,
            visibility: Visibility::Hidden,
            account: "0811",
            danger: Vec::new(),
            held: false,
            photos: 0,
            hours_ago: 3,
        }
    }
}

pub(super) async fn seed(db: &PgPool) -> Result<(), StoreError> {
    store::directory::seed(db, &directory(), NOW).await?;
    let directory = store::directory::load(db).await?;
    let agency = |name: &str| directory.agencies.values().find(|agency| agency.name == name).map(|agency| agency.id);
    let mut tx = store::begin(db).await?;
    let hash = store::staff::hash_password(PASSWORD);
    for (login, name, role, agency, office) in [
        ("jalan", "Joko Jalan", Role::Officer, agency(ROADS), None),
        ("jalan.dua", "Dewi Dua", Role::Officer, agency(ROADS), None),
        ("jalan.penyelia", "Peni Penyelia", Role::Supervisor, agency(ROADS), None),
        ("taman", "Tono Taman", Role::Officer, agency(PARKS), None),
        ("triase", "Tri Triase", Role::Triage, None, None),
        ("loket", "Lina Loket", Role::Clerk, None, Some("kel-melati")),
        ("admin", "Adi Admin", Role::Admin, None, None),
    ] {
        let new = NewStaff { login: login.into(), name: name.into(), role, agency, office: office.map(Into::into), language: Language::Id };
        store::staff::create(&mut tx, &new, &hash, NOW).await?;
    }
    store::commit(tx).await
}

fn directory() -> Seed {
    let area = |code: &str, name: &str, outline: Option<&str>| (Area { code: code.into(), name: name.into() }, outline.map(Into::into));
    let category = |code: &str, name_id: &str, name_en: &str| Category {
        code: code.into(),
        name_id: name_id.into(),
        name_en: name_en.into(),
        keywords: vec![code.into()],
    };
    let channel = |adapter: &str, account: &str, label: &str, area: Option<&str>| Channel {
        adapter: adapter.parse().expect("a name"),
        account: account.into(),
        label: label.into(),
        area: area.map(Into::into),
        from: date(2026, 1, 1),
        until: None,
        hours: None,
    };
    let agency = |code: &str, name: &str| SeedAgency { code: code.into(), name: name.into(), send_kind: "queue".into(), send_target: None };
    let limit = |category: Option<&str>, working_days, source: &str| {
        let mut row = SeedLimit::working_days(working_days, source);
        (row.limit.category, row.limit.verified) = (category.map(Into::into), true);
        row
    };
    Seed {
        areas: vec![
            area("31", "Provinsi Contoh", None),
            area("3171", "Kota Contoh", None),
            area("3171090", "Kecamatan Bunga", None),
            area("3171090001", "Kelurahan Melati", Some(&square(106.82, -6.18))),
            area("3171090002", "Kelurahan Kenanga", Some(&square(106.84, -6.18))),
            area("3171090003", "Kelurahan Mawar", Some(&square(106.82, -6.20))),
        ],
        agencies: vec![agency("dbm", ROADS), agency("tamhut", PARKS), agency("insp", "Inspektorat")],
        categories: vec![
            category("road", "Jalan rusak", "Damaged road"),
            category("tree", "Pohon dan taman", "Trees and parks"),
            category("service", "Pelayanan", "Services"),
        ],
        rules: vec![(Some("road".into()), None, "dbm".into()), (Some("tree".into()), None, "tamhut".into())],
        limits: vec![limit(Some("road"), 5, "Pergub Contoh 12/2024"), limit(None, 10, "Standar pelayanan")],
        holidays: vec![Holiday { day: date(2026, 12, 25), name: "Hari Raya Natal".into(), source: "SKB 3 Menteri 2026".into() }],
        channels: vec![
            channel("chat", "0811", "Pesan singkat 0811-1234-567", None),
            channel("mail", "aduan", "Surel aduan@contoh.example.id", None),
            channel("counter", "kel-melati", "Loket Kelurahan Melati", Some("3171090001")),
            Channel {
                hours: "mon-fri 07:30-16:00".parse().ok(),
                ..channel("counter", "kel-kenanga", "Loket Kelurahan Kenanga", Some("3171090002"))
            },
        ],
        ..Seed::default()
    }
}

fn square(lon: f64, lat: f64) -> String {
    let (east, north) = (lon + 0.02, lat + 0.02);
    format!(r#"{{"type":"Polygon","coordinates":[[[{lon},{lat}],[{east},{lat}],[{east},{north}],[{lon},{north}],[{lon},{lat}]]]}}"#)
}

impl World {
    /// A complaint as intake writes it: citizen, message, complaint, first reply. Photos are kept at once.
    pub(crate) async fn complain(&self, wish: Wish<'_>) -> Complaint {
        let now = self.now() - wish.hours_ago.hours();
        let directory = self.rooms.directory();
        let citizen = CitizenId::new(now);
        let address = Address::tel(wish.tel).expect("a number");
        let key = MessageKey {
            adapter: if wish.account == "0811" { "chat" } else { "counter" }.parse().expect("a name"),
            account: wish.account.into(),
            id: MessageId::new(now).to_string(),
        };
        let photo = || Attachment {
            kind: AttachmentKind::Image,
            mime: None,
            filename: None,
            content: Content::Quarantined { blob: BlobId("blob".into()), bytes: 3, sha256: "0".repeat(64) },
        };
        let inbound = inbound(&wish, key, address.clone(), (0..wish.photos).map(|_| photo()).collect(), now);
        let opening = Opening {
            citizen,
            message: MessageId::new(now),
            reference: inbound.reference,
            tracking: TrackingCode::random(),
            adapter: inbound.key.adapter.clone(),
            account: inbound.key.account.clone(),
            text: inbound.text.clone(),
            place: inbound.place.clone(),
            location: wish.location,
            visibility: wish.visibility,
            language: Language::Id,
            reply_to: inbound.reply_to.clone(),
            opened_at: now,
            triaged: Triaged {
                category: wish.category.map(Into::into),
                area: wish.area.map(Into::into),
                why: Why {
                    category: vec!["jalan berlubang".into()],
                    area: Some("text: Kelurahan Melati".into()),
                    rules: Vec::new(),
                    danger: wish.danger.clone(),
                    ..Why::default()
                },
                ..Triaged::default()
            },
            held: wish.held.then(|| Held {
                due: now + 24.hours(),
                points: 35,
                signs: vec![
                    Sign { signal: Signal::Advert, points: 60, found: vec!["gacor".into()] },
                    Sign { signal: Signal::Matter, points: -25, found: Vec::new() },
                ],
                flood: false,
                agency: None,
                verdict: None,
            }),
            trace: TraceId::random(),
        };
        let new_message = opening.message;
        let decision = open(opening, &directory, now);
        let mut tx = store::begin(&self.db).await.expect("a database");
        let seen = citizen::Seen {
            id: citizen,
            is_new: true,
            name: inbound.sender_name.clone(),
            language: Language::Id,
            new_addresses: Vec::new(),
            used_addresses: Vec::new(),
        };
        citizen::write(&mut tx, &[seen], now).await.expect("a citizen");
        let complaint = Some(decision.complaint.id);
        let new = message::New { id: new_message, inbound: &inbound, citizen, complaint, cut: None, trace: decision.complaint.trace };
        message::insert(&mut tx, &[new], now).await.expect("a message");
        store::complaint::write(&mut tx, &decision).await.expect("a complaint");
        store::commit(tx).await.expect("a database");
        self.promote().await;
        self.complaint(decision.complaint.id).await
    }

    /// What `intake::promote` does, without looking: every file in quarantine is kept, with a small picture as its public copy.
    pub(crate) async fn promote(&self) {
        let now = self.now() + 1.hour();
        for claimed in attachment::claim(&self.db, now, std::time::Duration::from_mins(1), 100).await.expect("a database") {
            let id = claimed.id;
            let (original_key, public_key) = (format!("original/{id}.jpg"), format!("public/{id}.jpg"));
            for key in [&original_key, &public_key] {
                self.files.put(&Path::from(key.as_str()), PICTURE.to_vec().into()).await.expect("storage");
            }
            let outcome = attachment::Outcome::Kept {
                kind: AttachmentKind::Image,
                media_type: "image/jpeg".into(),
                bytes: PICTURE.len() as u64,
                sha256: "0".repeat(64),
                width: Some(640),
                height: Some(480),
                original_key,
                public_key: Some(public_key),
            };
            attachment::settle(&self.db, claimed, outcome, now).await.expect("a database");
        }
    }

    /// An officer does something, past the pages.
    pub(crate) async fn act(&self, login: &str, id: ComplaintId, action: Action) {
        let (staff, _) = store::staff::by_login(&self.db, login).await.expect("a database").expect("an account");
        let by = Actor::Staff { id: staff.id, role: staff.role, agency: staff.agency };
        let decision = decide(self.complaint(id).await, action, by, &self.rooms.directory(), self.now()).expect("allowed");
        let mut tx = store::begin(&self.db).await.expect("a database");
        store::complaint::write(&mut tx, &decision).await.expect("written");
        store::commit(tx).await.expect("a database");
    }

    /// The first photo of a complaint.
    pub(crate) async fn photo_of(&self, id: ComplaintId) -> AttachmentId {
        let messages = store::message::of_complaint(&self.db, id).await.expect("a database");
        messages.iter().flat_map(|message| &message.attachments).next().expect("a photo").id
    }

    pub(crate) fn agency(&self, code: &str) -> AgencyId {
        let directory = self.rooms.directory();
        directory.agencies.values().find(|agency| agency.code == code).expect("an agency").id
    }
}

/// A street with a hole in it, drawn.
pub(crate) const PICTURE: &[u8] = include_bytes!("photo.jpg");

fn inbound(wish: &Wish<'_>, key: MessageKey, address: Address, attachments: Vec<Attachment>, now: Timestamp) -> Inbound {
    Inbound {
        sender_name: wish.name.map(Into::into),
        contact: wish.contact.map(|typed| Address::tel(typed).expect("a number")).into_iter().collect(),
        location: wish.location,
        place: Some("Depan Pasar Bunga".into()),
        visibility: wish.visibility,
        attachments,
        ..Inbound::private(key, address, wish.text, now)
    }
}
