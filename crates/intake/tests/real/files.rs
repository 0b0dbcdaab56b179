//! From quarantine to storage, and the whole room at work.

use std::{io::Cursor, sync::Arc, time::Duration};

use bus::{Bus, BusConfig, Stop};
use bytes::Bytes;
use intake::{Context, Newest, promote};
use model::{Attachment, AttachmentKind, Channel, ComplaintId, Content, Event, Inbound, TraceId};
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path};
use servers::testing::TestNats;
use store::attachment::{AttachmentState, StoredAttachment};

use crate::city::{City, LATER, NOW, message, opened};

pub(crate) struct Room {
    pub(crate) city: City,
    pub(crate) context: Context,
    pub(crate) rooms: Newest,
    _nats: TestNats,
    folder: tempfile::TempDir,
}

impl Room {
    pub(crate) async fn new() -> Self {
        let city = City::new().await;
        let nats = servers::testing::nats();
        let config = BusConfig { url: nats.url(), user: None, password: None, key: None, name: "test".into(), replicas: 1 };
        let bus = Bus::connect(&config).await.expect("connects");
        bus.ensure().await.expect("makes its streams");
        let folder = tempfile::tempdir().expect("a folder");
        let files: Arc<dyn ObjectStore> = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).expect("opens"));
        let context = Context { db: city.db.clone(), bus, files, limits: promote::Limits::default() };
        let rooms = Newest::load(city.db.clone()).await.expect("loads");
        Self { city, context, rooms, _nats: nats, folder }
    }

    /// Records a message with these bytes in quarantine, and promotes them.
    async fn sent(&self, id: &str, claimed: AttachmentKind, bytes: Vec<u8>) -> (ComplaintId, StoredAttachment) {
        let content = self.context.bus.put_blob(bytes.into()).await.expect("is put");
        let complaint = self.received(id, claimed, content).await;
        assert_eq!(promote::promote_due(&self.context, &self.rooms, LATER).await.expect("promotes"), 1);
        (complaint, self.attachment(complaint).await)
    }

    async fn received(&self, id: &str, claimed: AttachmentKind, content: Content) -> ComplaintId {
        let file = Attachment { kind: claimed, mime: Some("image/jpeg".into()), filename: Some("../../etc/passwd".into()), content };
        let message = Inbound { attachments: vec![file], tracking: Some(model::TrackingCode::random()), ..message(1, id, "jalan rusak") };
        opened(self.city.record_one(&message).await)
    }

    async fn attachment(&self, complaint: ComplaintId) -> StoredAttachment {
        let messages = store::message::of_complaint(&self.context.db, complaint).await.expect("loads");
        messages[0].attachments[0].clone()
    }

    async fn read(&self, key: &str) -> Bytes {
        self.context.files.get(&Path::from(key)).await.expect("is there").bytes().await.expect("is read")
    }
}

fn photograph() -> Vec<u8> {
    let mut bytes = Vec::new();
    image::RgbImage::new(3000, 2000).write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Jpeg).expect("encodes");
    // A comment, as cameras and people leave them: it must not reach the copy.
    let comment = b"GPS -6.1754 106.8272";
    let mut with_comment = bytes[..2].to_vec();
    with_comment.extend([0xFF, 0xFE, 0, u8::try_from(comment.len() + 2).expect("short")]);
    with_comment.extend(comment);
    with_comment.extend(&bytes[2..]);
    with_comment
}

#[tokio::test]
async fn a_photograph_is_kept_as_it_came_and_shown_without_what_its_camera_wrote() {
    let room = Room::new().await;
    let sent = photograph();
    let (_, kept) = room.sent("m1", AttachmentKind::Document, sent.clone()).await;
    assert_eq!((kept.state, kept.kind), (AttachmentState::Kept, AttachmentKind::Image));
    assert_eq!((kept.width, kept.height), (Some(2048), Some(1365)));
    assert_eq!(kept.bytes, u64::try_from(sent.len()).ok());
    let original = room.read(&kept.original_key.expect("has one")).await;
    assert_eq!(original, sent);
    let copy = room.read(&kept.public_key.expect("has one")).await;
    assert!(!copy.windows(3).any(|part| part == b"GPS"));
    assert!(!room.folder.path().join("etc").exists());
    assert_eq!(promote::promote_due(&room.context, &room.rooms, LATER).await.expect("promotes"), 0, "once is enough");
}

#[tokio::test]
async fn what_was_promoted_leaves_quarantine() {
    let room = Room::new().await;
    let content = room.context.bus.put_blob(b"surat".to_vec().into()).await.expect("is put");
    let Content::Quarantined { blob, .. } = content.clone() else { panic!("is in quarantine") };
    room.received("m1", AttachmentKind::Document, content).await;
    promote::promote_due(&room.context, &room.rooms, LATER).await.expect("promotes");
    assert_eq!(room.context.bus.take_blob(&blob).await.expect("answers"), None);
}

#[tokio::test]
async fn a_bomb_and_a_program_are_refused_while_the_complaint_stays() {
    let room = Room::new().await;
    let mut gif = b"GIF89a".to_vec();
    gif.extend([0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0]); // 65,535 by 65,535
    gif.extend(b",\0\0\0\0\xFF\xFF\xFF\xFF\0\x08\x01\0\0;");
    let (complaint, bomb) = room.sent("m1", AttachmentKind::Image, gif).await;
    assert_eq!((bomb.state, bomb.reason.as_deref()), (AttachmentState::Refused, Some("the picture has too many pixels")));
    assert_eq!((bomb.original_key, bomb.public_key), (None, None));
    assert_eq!(room.city.complaint(complaint).await.text, "jalan rusak");
    let (_, program) = room.sent("m2", AttachmentKind::Image, b"MZ\x90\0\x03\0\0\0\x04".to_vec()).await;
    assert_eq!((program.state, program.reason.as_deref()), (AttachmentState::Refused, Some("not a kind of file that is kept")));
}

#[tokio::test]
async fn a_voice_note_is_kept_for_staff_and_has_no_copy_to_show() {
    let room = Room::new().await;
    let (_, voice) = room.sent("m1", AttachmentKind::Voice, b"OggS\0\x02 and so on".to_vec()).await;
    assert_eq!((voice.state, voice.kind), (AttachmentState::Kept, AttachmentKind::Voice));
    assert_eq!(voice.media_type.as_deref(), Some("audio/ogg"));
    assert!(voice.original_key.is_some() && voice.public_key.is_none());
}

#[tokio::test]
async fn what_is_gone_from_quarantine_is_missing_and_what_never_came_says_why() {
    let room = Room::new().await;
    let gone = Content::Quarantined { blob: model::BlobId("gone".into()), bytes: 1, sha256: "00".into() };
    let complaint = room.received("m1", AttachmentKind::Image, gone).await;
    promote::promote_due(&room.context, &room.rooms, LATER).await.expect("promotes");
    assert_eq!(room.attachment(complaint).await.state, AttachmentState::Missing);
    let dead = Content::Missing { why: "the platform's link had died".into() };
    let complaint = room.received("m2", AttachmentKind::Image, dead).await;
    let missing = room.attachment(complaint).await;
    assert_eq!((missing.state, missing.reason.as_deref()), (AttachmentState::Missing, Some("the platform's link had died")));
}

#[tokio::test]
async fn a_file_too_large_is_refused() {
    let room = Room::new().await;
    let strict = Context { limits: promote::Limits { most_bytes: 4, ..promote::Limits::default() }, ..room.context.clone() };
    let content = strict.bus.put_blob(b"surat panjang".to_vec().into()).await.expect("is put");
    let complaint = room.received("m1", AttachmentKind::Document, content).await;
    promote::promote_due(&strict, &room.rooms, LATER).await.expect("promotes");
    assert_eq!(room.attachment(complaint).await.reason.as_deref(), Some("larger than 4 bytes"));
}

#[tokio::test]
async fn while_storage_is_away_a_file_waits_in_quarantine() {
    let room = Room::new().await;
    // Where the shard's folder would be there is a file: nothing can be put.
    std::fs::write(room.folder.path().join("original"), b"in the way").expect("writes");
    let content = room.context.bus.put_blob(b"surat".to_vec().into()).await.expect("is put");
    let complaint = room.received("m1", AttachmentKind::Document, content).await;
    promote::promote_due(&room.context, &room.rooms, LATER).await.expect("promotes");
    assert_eq!(room.attachment(complaint).await.state, AttachmentState::Due);
    std::fs::remove_file(room.folder.path().join("original")).expect("is there");
    assert_eq!(promote::promote_due(&room.context, &room.rooms, LATER).await.expect("promotes"), 0, "not yet");
    promote::promote_due(&room.context, &room.rooms, LATER + jiff::SignedDuration::from_mins(1)).await.expect("promotes");
    assert_eq!(room.attachment(complaint).await.state, AttachmentState::Kept);
}

/// Looks again and again until it is so; the test's own time limit is the runner's.
async fn until<T, F: Future<Output = Option<T>>>(look: impl Fn() -> F) -> T {
    loop {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn the_room_records_what_the_bus_brings_promotes_it_and_minds_a_new_channel() {
    let room = Room::new().await;
    let stop = Stop::new();
    let running = tokio::spawn(intake::run(room.context.clone(), stop.clone()));
    let content = room.context.bus.put_blob(photograph().into()).await.expect("is put");
    let file = Attachment { kind: AttachmentKind::Image, mime: None, filename: None, content };
    let first = Inbound { attachments: vec![file], ..message(1, "m1", "jalan rusak") };
    let adapter = first.key.adapter.clone();
    let publish = async |message: &Inbound| {
        let event = Event::Message(Box::new(message.clone()));
        let _ = room.context.bus.publish_event(&event, TraceId::random(), &adapter).await.expect("is published");
    };
    publish(&first).await;
    let found = async || store::complaint::by_reference(&room.context.db, &first.reference).await.expect("answers");
    let complaint = until(found).await;
    let kept = async || Some(room.attachment(complaint.id).await).filter(|file| file.state == AttachmentState::Kept);
    until(kept).await;

    let mut second = message(2, "m2", "jalan rusak");
    second.key.account = "3".into();
    let channel = Channel { account: "3".into(), from: jiff::civil::date(2020, 1, 1), ..room.city.rooms.directory.channels[0].clone() };
    let channel = Channel { adapter: adapter.clone(), ..channel };
    assert!(store::directory::add_channel(&room.context.db, &channel, NOW).await.expect("is added"));
    publish(&second).await;
    let found = async || store::complaint::by_reference(&room.context.db, &second.reference).await.expect("answers");
    until(found).await;
    stop.cancel();
    running.await.expect("ends").expect("ends well");
}
