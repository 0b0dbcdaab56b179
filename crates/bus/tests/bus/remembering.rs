use bus::Announcement;
use bytes::Bytes;
use model::{DoorDirectory, ReplyId, Site, Timestamp};

use crate::world::{World, adapter, jetstream};

#[tokio::test]
async fn a_poller_finds_its_place_again() {
    let world = World::new().await;
    let (bus, mail) = (&world.bus, adapter("mail"));
    assert_eq!(bus.cursor(&mail, "lapor@kota.example").await.expect("read"), None);
    bus.move_cursor(&mail, "lapor@kota.example", b"uid 7").await.expect("moved");
    bus.move_cursor(&mail, "lapor@kota.example", b"uid 8\0\xff").await.expect("moved");
    bus.move_cursor(&mail, "", b"no account").await.expect("moved");
    assert_eq!(bus.cursor(&mail, "lapor@kota.example").await.expect("read").as_deref(), Some(&b"uid 8\0\xff"[..]));
    assert_eq!(bus.cursor(&mail, "").await.expect("read").as_deref(), Some(&b"no account"[..]));
    assert_eq!(bus.cursor(&adapter("chat"), "lapor@kota.example").await.expect("read"), None, "each adapter has its own");
}

#[tokio::test]
async fn a_reply_that_was_sent_is_known_for_thirty_days() {
    let world = World::new().await;
    let (one, other) = (ReplyId::new(Timestamp::UNIX_EPOCH), ReplyId::new(Timestamp::UNIX_EPOCH));
    world.bus.mark_sent(one, "wamid.HBgL+/=").await.expect("marked");
    world.bus.mark_sent(other, "").await.expect("marked");
    assert_eq!(world.bus.sent(one).await.expect("read").as_deref(), Some("wamid.HBgL+/="));
    assert_eq!(world.bus.sent(other).await.expect("read").as_deref(), Some(""), "sent, and the platform says nothing");
    assert_eq!(world.bus.sent(ReplyId::new(Timestamp::UNIX_EPOCH)).await.expect("read"), None);
    let bucket = jetstream(&world.nats).await.get_stream("KV_sent").await.expect("a bucket");
    assert_eq!(bucket.cached_info().config.max_age.as_secs(), 30 * 24 * 3600);
}

#[tokio::test]
async fn the_last_announcement_of_each_adapter_counts() {
    let world = World::new().await;
    assert_eq!(world.bus.announced().await.expect("read"), []);
    let said = |name: &str, seconds| Announcement {
        accounts: vec!["1".to_owned()],
        last_seen: Timestamp::from_second(seconds).expect("in range"),
        last_error: Some("the platform answered 500".to_owned()),
        spool_waiting: 3,
        ..Announcement::new(adapter(name), "0.1.0", Timestamp::UNIX_EPOCH)
    };
    for announcement in [said("mail", 10), said("chat", 20), said("mail", 30)] {
        world.bus.announce(&announcement).await.expect("announced");
    }
    // One from a release that speaks differently hides nobody else.
    let foreign = jetstream(&world.nats).await.get_key_value("announced").await.expect("a bucket");
    foreign.put("new", "{\"shape\":2}".into()).await.expect("put");
    assert_eq!(world.bus.announced().await.expect("read"), [said("chat", 20), said("mail", 30)]);
}

#[tokio::test]
async fn the_directory_is_read_as_it_was_written_and_its_version_says_when_it_changed() {
    let world = World::new().await;
    let bus = &world.bus;
    assert_eq!(bus.directory().await.expect("read"), None);
    assert_eq!(bus.outline().await.expect("read"), None);
    assert_eq!(bus.directory_version().await.expect("read"), None);

    let mut directory = DoorDirectory {
        site: Site { name: "Kota Contoh".into(), base_url: "https://lapor.example.id".into(), zone: model::clock::Zone::default() },
        categories: Vec::new(),
        areas: Vec::new(),
        channels: Vec::new(),
        staff_key: "key".into(),
        sign_in_url: "https://lapor.example.id/loket".into(),
        ended: std::collections::BTreeMap::new(),
    };
    // A city's outline does not fit one message.
    let outline = Bytes::from(vec![b' '; 1_500_000]);
    bus.put_directory(&directory, outline.clone()).await.expect("put");
    assert_eq!(bus.directory().await.expect("read").as_ref(), Some(&directory));
    assert_eq!(bus.outline().await.expect("read"), Some(outline.clone()));
    let first = bus.directory_version().await.expect("read").expect("a version");

    bus.put_directory(&directory, outline).await.expect("put");
    assert_eq!(bus.directory_version().await.expect("read").as_ref(), Some(&first), "nothing changed");

    directory.staff_key = "another".into();
    bus.put_directory(&directory, Bytes::from_static(b"{}")).await.expect("put");
    assert_eq!(bus.directory().await.expect("read"), Some(directory));
    assert_eq!(bus.outline().await.expect("read").as_deref(), Some(&b"{}"[..]));
    assert_ne!(bus.directory_version().await.expect("read"), Some(first));
    let bucket = jetstream(&world.nats).await.get_stream("KV_directory").await.expect("a bucket");
    assert_eq!(bucket.cached_info().state.messages, 3, "the parts of the old outline are gone");
}
