use bus::{Accepted, Delivery, Queue, Stop};
use bytes::Bytes;
use model::{BlobId, Content, Failure, Raw};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::world::{World, adapter, jetstream, raw, soon, until};

fn noise(bytes: usize) -> Bytes {
    (0..bytes).map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 11 & 255).expect("a byte")).collect()
}

#[tokio::test]
async fn a_body_of_any_size_arrives_whole() {
    let world = World::new().await;
    let sizes = [0, 1, 380_000, 400_000, 3_000_000];
    let sent: Vec<Raw> = sizes.iter().map(|size| raw(noise(*size))).collect();
    for raw in &sent {
        assert_eq!(world.bus.publish_raw(raw).await.expect("published"), Accepted::Stored);
    }
    assert_eq!(world.bus.publish_raw(&sent[4]).await.expect("published"), Accepted::Duplicate);
    let mut arrived = read(&world, sizes.len(), |_| Ok(())).await;
    arrived.sort_by_key(|raw| raw.body.len());
    assert_eq!(arrived, sent);
}

#[tokio::test]
async fn a_large_message_is_parked_whole_and_goes_back_whole() {
    let world = World::new().await;
    let sent = raw(noise(2_000_000));
    let _accepted = world.bus.publish_raw(&sent).await.expect("published");
    read(&world, 1, |_| Err(Failure::park("cannot be parsed", "yet"))).await;
    until(|| async { world.bus.parked_count().await.expect("counted") == 1 }).await;
    let listed = world.bus.parked(None, 10).await.expect("parked").remove(0);
    let parked = world.bus.parked_one(listed.id).await.expect("read").expect("there");
    assert_eq!(serde_json::from_slice::<Raw>(&parked.bytes).expect("a raw message"), sent);
    assert!(world.bus.retry_parked(parked.id).await.expect("retried"));
    assert_eq!(read(&world, 1, |_| Ok(())).await, [sent]);
    let stream = jetstream(&world.nats).await.get_stream("PARKED").await.expect("PARKED");
    assert_eq!(stream.cached_info().state.messages, 0, "its parts are gone with it");
}

#[tokio::test]
async fn a_file_of_a_reply_is_read_by_its_name_and_a_name_that_lies_is_none() {
    let world = World::new().await;
    for size in [0, 10, 1_300_000] {
        let at = world.bus.put_file(&adapter("chat"), noise(size)).await.expect("kept");
        assert_eq!(world.bus.take_file(&adapter("chat"), &at).await.expect("read"), Some(noise(size)), "{size}");
    }
    let at = world.bus.put_file(&adapter("chat"), noise(10)).await.expect("kept");
    for wrong in ["", "x", "a.>/1/5", "0a/1/5", "0a/200000000/99999999999999"] {
        assert_eq!(world.bus.take_file(&adapter("chat"), wrong).await.expect("asked"), None, "{wrong}");
    }
    assert_eq!(world.bus.take_file(&adapter("mail"), &at).await.expect("asked"), None, "it is another's");
    assert!(world.bus.put_file(&adapter("chat"), vec![0; 33 << 20].into()).await.is_err());
}

#[tokio::test]
async fn a_blob_waits_in_quarantine_until_it_is_deleted() {
    let world = World::new().await;
    for size in [0, 10, 1_000_000] {
        let bytes = noise(size);
        let digest = Bytes::copy_from_slice(&Sha256::digest(&bytes));
        let Content::Quarantined { blob, bytes: said, sha256 } = world.bus.put_blob(bytes.clone()).await.expect("kept") else {
            panic!("it is in quarantine");
        };
        assert_eq!(said, u64::try_from(size).expect("small"));
        assert_eq!(sha256, format!("{digest:x}"));
        for _ in 0..2 {
            assert_eq!(world.bus.take_blob(&blob).await.expect("read"), Some(bytes.clone()), "{size}");
        }
        for _ in 0..2 {
            world.bus.delete_blob(&blob).await.expect("deleted");
            assert_eq!(world.bus.take_blob(&blob).await.expect("read"), None, "{size}");
        }
    }
    assert_eq!(world.bus.take_blob(&BlobId("never-there".into())).await.expect("read"), None);
}

/// What a reader of raw messages was given.
async fn read(world: &World, count: usize, answer: impl Fn(&Raw) -> Result<(), Failure> + Send + Sync + Copy + 'static) -> Vec<Raw> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let stop = Stop::new();
    let run = {
        let (bus, stop) = (world.bus.clone(), stop.clone());
        tokio::spawn(async move {
            bus.consume(Queue::Raw(adapter("chat")), stop, 2, move |delivery: Delivery<Raw>| {
                let tell = tell.clone();
                async move {
                    let answered = answer(&delivery.item);
                    let _ = tell.send(delivery.item);
                    answered
                }
            })
            .await
        })
    };
    let mut arrived = Vec::new();
    for _ in 0..count {
        arrived.push(soon(told.recv()).await.expect("the reader lives"));
    }
    stop.cancel();
    soon(run).await.expect("no panic").expect("no error");
    arrived
}
