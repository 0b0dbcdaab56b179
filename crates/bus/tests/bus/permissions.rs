use std::{collections::BTreeMap, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE};
use bus::{
    Announcement, Bus, BusConfig, BusError, Credential, Delivery, Queue, Stop, Who,
    accounts::{self, Server, User},
};
use futures::{FutureExt, StreamExt, future::join_all};
use model::{Content, Failure, Raw, Reply, ReplyId, Timestamp, TraceId};
use servers::{Nats, NatsOptions};
use tokio::sync::mpsc;

use crate::world::{adapter, event, raw, reply, soon, until};

/// A server where the core may do everything, and two adapters what [`bus::Permissions`] says.
struct Guarded {
    nats: Nats,
    core: Bus,
    keys: BTreeMap<Who, Credential>,
    _folder: tempfile::TempDir,
}

impl Guarded {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys: BTreeMap<Who, Credential> =
            [Who::Core, who("chat"), who("mail")].into_iter().map(|who| (who, Credential::new())).collect();
        let users: Vec<User> =
            keys.iter().map(|(who, credential)| User { who: who.clone(), keys: vec![credential.public().clone()] }).collect();
        let config = accounts::to_nats_conf(&users, Server::Private);
        let nats = Nats::start(folder.path(), NatsOptions { config, ..NatsOptions::default() }).expect("a server");
        let core = sign_in(&nats, &Who::Core, &keys[&Who::Core]).await;
        core.ensure().await.expect("streams");
        Self { nats, core, keys, _folder: folder }
    }

    async fn sign_in(&self, adapter: &str) -> Bus {
        let who = who(adapter);
        sign_in(&self.nats, &who, &self.keys[&who]).await
    }

    /// Past the library: with whatever a thief would write.
    async fn thief(&self, adapter: &str) -> async_nats::Client {
        let who = who(adapter);
        let options = async_nats::ConnectOptions::with_nkey(self.keys[&who].seed().to_owned())
            .custom_inbox_prefix(format!("_INBOX_{who}"))
            .request_timeout(Some(Duration::from_millis(500)));
        options.connect(self.nats.url()).await.expect("a connection")
    }
}

fn who(adapter: &str) -> Who {
    Who::Adapter(adapter.parse().expect("a name"))
}

async fn sign_in(nats: &Nats, who: &Who, credential: &Credential) -> Bus {
    let config = BusConfig {
        url: nats.url(),
        user: Some(who.to_string()),
        password: None,
        key: Some(credential.seed().to_owned().into()),
        name: who.to_string(),
        replicas: 1,
    };
    Bus::connect(&config).await.expect("a connection")
}

#[tokio::test]
async fn an_adapter_can_do_its_work_with_its_own_credential() {
    let guarded = Guarded::new().await;
    let chat = guarded.sign_in("chat").await;
    let name = adapter("chat");
    for body in [vec![b'x'; 10], vec![b'y'; 1_000_000]] {
        let _accepted = chat.publish_raw(&raw(body)).await.expect("published");
    }
    let answer = reply("chat");
    let _accepted = guarded.core.publish_reply(&answer, TraceId::random()).await.expect("published");

    let (tell, mut told) = mpsc::unbounded_channel();
    let stop = Stop::new();
    let raws = {
        let (bus, stop, tell) = (chat.clone(), stop.clone(), tell.clone());
        tokio::spawn(async move {
            bus.consume(Queue::Raw(adapter("chat")), stop, 2, move |delivery: Delivery<Raw>| {
                let _ = tell.send(format!("raw {}", delivery.item.body.len()));
                async { Err(Failure::park("for the test", "parked")) }
            })
            .await
        })
    };
    let replies = {
        let (bus, stop) = (chat.clone(), stop.clone());
        tokio::spawn(async move {
            bus.consume(Queue::Replies(adapter("chat")), stop, 2, move |_: Delivery<Reply>| {
                let _ = tell.send("reply".to_owned());
                async { Ok(()) }
            })
            .await
        })
    };
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(soon(told.recv()).await.expect("the readers live"));
    }
    heard.sort();
    assert_eq!(heard, ["raw 10", "raw 1000000", "reply"]);
    until(|| async { guarded.core.parked_count().await.expect("counted") == 2 }).await;
    stop.cancel();
    for run in [raws, replies] {
        soon(run).await.expect("no panic").expect("no error");
    }

    let _accepted = chat.publish_event(&event("a"), TraceId::random(), &name).await.expect("published");
    let Content::Quarantined { blob, .. } = chat.put_blob(vec![1; 300_000].into()).await.expect("kept") else { panic!("in quarantine") };
    assert_eq!(guarded.core.take_blob(&blob).await.expect("read").map(|bytes| bytes.len()), Some(300_000));
    chat.delete_blob(&blob).await.expect("it may give up what is its own");
    assert_eq!(guarded.core.take_blob(&blob).await.expect("read"), None);
    chat.move_cursor(&name, "1", b"here").await.expect("moved");
    assert_eq!(chat.cursor(&name, "1").await.expect("read").as_deref(), Some(&b"here"[..]));
    chat.mark_sent(answer.id, "1").await.expect("marked");
    assert!(chat.sent(answer.id).await.expect("read").is_some());
    assert_eq!(chat.directory().await.expect("may be asked"), None);
    let file = guarded.core.put_file(&name, vec![7; 900_000].into()).await.expect("kept");
    assert_eq!(chat.take_file(&name, &file).await.expect("read").map(|bytes| bytes.len()), Some(900_000));
    let announcement = Announcement::new(name, "1", Timestamp::UNIX_EPOCH);
    chat.announce(&announcement).await.expect("announced");
    assert_eq!(guarded.core.announced().await.expect("read"), [announcement]);
}

#[tokio::test]
async fn a_stolen_credential_neither_reads_nor_writes_in_anothers_name() {
    let guarded = Guarded::new().await;
    let mail = guarded.sign_in("mail").await;
    let mut letter = raw(vec![b'x'; 1_000_000]);
    letter.adapter = adapter("mail");
    let _accepted = mail.publish_raw(&letter).await.expect("published");
    mail.move_cursor(&adapter("mail"), "1", b"here").await.expect("moved");
    let Content::Quarantined { blob, .. } = mail.put_blob(vec![1; 300_000].into()).await.expect("kept") else { panic!("in quarantine") };
    let blob_meta = format!("$JS.API.DIRECT.GET.OBJ_quarantine.$O.quarantine.M.{}", BASE64_URL_SAFE.encode(&blob.0));
    let blob_chunks = format!("$JS.API.DIRECT.GET.OBJ_quarantine.$O.quarantine.C.{}", blob.0);
    let blob_write = format!("$O.quarantine.C.{}", blob.0);

    let file = guarded.core.put_file(&adapter("mail"), vec![7; 10].into()).await.expect("kept");
    let of_mail = format!("$JS.API.DIRECT.GET.FILES.files.mail.part.{}.0", file.split('/').next().expect("an id"));

    let thief = guarded.thief("chat").await;
    let part = "$JS.API.DIRECT.GET.RAW.raw.mail.part.>".to_owned();
    let asks = [
        ("$JS.API.STREAM.MSG.GET.RAW", r#"{"last_by_subj":"raw.mail"}"#),
        ("$JS.API.DIRECT.GET.RAW", r#"{"last_by_subj":"raw.mail"}"#),
        ("$JS.API.DIRECT.GET.RAW.raw.mail", ""),
        (&part, ""),
        (&of_mail, ""),
        ("$JS.API.DIRECT.GET.FILES", r#"{"seq":1}"#),
        ("files.mail.part.0.0", "x"),
        ("files.chat.part.0.0", "x"),
        ("$JS.API.DIRECT.GET.KV_cursor.$KV.cursor.mail.aMQ", ""),
        (
            "$JS.API.CONSUMER.CREATE.RAW",
            r#"{"stream_name":"RAW","config":{"deliver_policy":"all","ack_policy":"none","replay_policy":"instant"}}"#,
        ),
        (
            "$JS.API.CONSUMER.CREATE.RAW.normalize-chat.raw.chat",
            r#"{"stream_name":"RAW","config":{"durable_name":"normalize-chat","filter_subject":"raw.mail","deliver_policy":"all","ack_policy":"explicit","replay_policy":"instant"}}"#,
        ),
        ("$JS.API.STREAM.DELETE.RAW", ""),
        ("$JS.API.STREAM.PURGE.RAW", ""),
        // Who may ask about a bucket may list what is in it.
        ("$JS.API.STREAM.INFO.KV_cursor", r#"{"subjects_filter":">"}"#),
        ("$JS.API.STREAM.INFO.KV_sent", r#"{"subjects_filter":">"}"#),
        ("$JS.API.STREAM.INFO.KV_announced", r#"{"subjects_filter":">"}"#),
        ("$JS.API.STREAM.INFO.OBJ_quarantine", r#"{"subjects_filter":">"}"#),
        (
            "$JS.API.CONSUMER.CREATE.RAW.normalize-chat.raw.chat",
            r#"{"stream_name":"RAW","config":{"durable_name":"normalize-chat","filter_subjects":["raw.mail"],"deliver_policy":"all","ack_policy":"explicit","replay_policy":"instant"}}"#,
        ),
        ("$JS.API.CONSUMER.MSG.NEXT.RAW.normalize-mail", r#"{"batch":1}"#),
        ("$JS.API.CONSUMER.MSG.NEXT.REPLIES.deliver-mail", r#"{"batch":1}"#),
        ("$JS.API.CONSUMER.DELETE.RAW.normalize-mail", ""),
        ("$JS.API.CONSUMER.INFO.RAW.normalize-mail", ""),
        ("$JS.API.DIRECT.GET.KV_announced.$KV.announced.mail", ""),
        ("$JS.API.DIRECT.GET.OBJ_quarantine", r#"{"seq":1}"#),
        (&blob_meta, ""),
        (&blob_chunks, ""),
        (&blob_write, "x"),
        ("$KV.cursor.mail.aMQ", "elsewhere"),
        ("$KV.announced.mail", "{}"),
        ("$KV.directory.words", "{}"),
        ("raw.mail", "{}"),
        ("raw.mail.part.0.0", "{}"),
        ("parked.RAW.mail", "{}"),
        ("events.mail", "{}"),
        ("replies.mail", "{}"),
        ("replies.chat", "{}"),
    ];
    // Side by side: the server answers what is forbidden with silence.
    let answers = join_all(asks.map(|(subject, payload)| {
        let asking = thief.request(subject.to_owned(), payload.to_owned().into());
        async move { (subject, asking.await) }
    }));
    for (subject, answer) in answers.await {
        let refused = answer.as_ref().map_or(true, |answer| String::from_utf8_lossy(&answer.payload).contains("\"error\""));
        assert!(refused, "{subject}: {answer:?}");
    }
    for subject in ["raw.mail", "events.>", "replies.>", "_INBOX_adapter-mail.>", "_INBOX_muara.>", "$KV.>", "$O.>", ">"] {
        let mut listening = thief.subscribe(subject).await.expect("sent");
        thief.flush().await.expect("sent");
        let _accepted = mail.publish_raw(&letter).await.expect("published");
        mail.move_cursor(&adapter("mail"), "1", b"here").await.expect("moved");
        mail.flush().await.expect("sent");
        // What the server let through would have come before the answer to a question of the thief's own.
        let _ = thief.request("$JS.API.DIRECT.GET.KV_sent.$KV.sent.none", "".into()).await;
        assert!(listening.next().now_or_never().flatten().is_none(), "{subject} could be listened to");
    }
    let raws = first_raws(&mail, 1).await;
    assert_eq!(raws, [letter.body.len()], "what mail wrote is mail's, and all of it");
    assert_eq!(mail.cursor(&adapter("mail"), "1").await.expect("read").as_deref(), Some(&b"here"[..]));
    assert_eq!(guarded.core.take_blob(&blob).await.expect("read").map(|bytes| bytes.len()), Some(300_000));
    assert!(guarded.core.announced().await.expect("read").is_empty());
    let sent = mail.sent(ReplyId::new(Timestamp::UNIX_EPOCH)).await.expect("the server still serves others");
    assert_eq!(sent, None);
}

/// A client says where the answer to its question shall go, and the server asks nobody whether it may publish there.
#[tokio::test]
async fn an_answer_that_somebody_had_sent_under_anothers_name_is_set_aside_and_not_believed() {
    let guarded = Guarded::new().await;
    let mail = guarded.sign_in("mail").await;
    let chat = guarded.sign_in("chat").await;
    let name = adapter("chat");
    // What a thief wants others to read lies where the thief may read it.
    chat.move_cursor(&name, "1", b"false").await.expect("moved");
    mail.move_cursor(&adapter("mail"), "1", b"true").await.expect("moved");
    mail.announce(&Announcement::new(adapter("mail"), "1", Timestamp::UNIX_EPOCH)).await.expect("announced");
    let thief = guarded.thief("chat").await;
    let mine = "$JS.API.DIRECT.GET.KV_cursor.$KV.cursor.chat.aMQ";
    for target in ["raw.mail", "replies.mail", "events.mail", "$KV.cursor.mail.aMQ", "$KV.announced.mail", "$KV.directory.words"] {
        thief.publish_with_reply(mine, target, "".into()).await.expect("sent");
    }
    thief.flush().await.expect("sent");

    let stop = Stop::new();
    let reading = {
        let (mail, stop) = (mail.clone(), stop.clone());
        tokio::spawn(async move {
            let raws = mail.consume(Queue::Raw(adapter("mail")), stop.clone(), 1, |_: Delivery<Raw>| async { Ok(()) });
            let replies = mail.consume(Queue::Replies(adapter("mail")), stop, 1, |_: Delivery<Reply>| async { Ok(()) });
            let _ = tokio::join!(raws, replies);
        })
    };
    let events = {
        let (core, stop) = (guarded.core.clone(), stop.clone());
        tokio::spawn(async move { core.consume(Queue::Events, stop, 1, |_: Delivery<model::Event>| async { Ok(()) }).await })
    };
    until(|| async { guarded.core.parked_count().await.expect("counted") == 3 }).await;
    let parked = guarded.core.parked(None, 10).await.expect("read");
    assert!(parked.iter().all(|one| one.reason.contains("a credential may be stolen")), "{parked:?}");
    stop.cancel();
    soon(reading).await.expect("no panic");
    soon(events).await.expect("no panic").expect("no error");

    let cursor = mail.cursor(&adapter("mail"), "1").await;
    assert!(matches!(cursor, Err(BusError::Refused(_))), "{cursor:?}");
    assert!(matches!(mail.directory().await, Err(BusError::Refused(_))));
    assert!(guarded.core.announced().await.expect("read").is_empty(), "nobody believes it");
}

/// The sizes of the first messages in mail's own queue.
async fn first_raws(mail: &Bus, count: usize) -> Vec<usize> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let stop = Stop::new();
    let reading = {
        let (mail, stop) = (mail.clone(), stop.clone());
        tokio::spawn(async move {
            mail.consume(Queue::Raw(adapter("mail")), stop, 1, move |delivery: Delivery<Raw>| {
                let _ = tell.send(delivery.item.body.len());
                async { Ok(()) }
            })
            .await
        })
    };
    let mut sizes = Vec::new();
    while sizes.len() < count {
        sizes.push(soon(told.recv()).await.expect("the reader lives"));
    }
    stop.cancel();
    soon(reading).await.expect("no panic").expect("no error");
    sizes
}
