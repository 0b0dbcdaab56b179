use bus::{Announcement, Bus, BusConfig, Delivery, Permissions, Queue, Stop};
use model::{Content, Failure, Raw, Reply, ReplyId, Timestamp, TraceId};
use servers::{Nats, NatsOptions};
use tokio::sync::mpsc;

use crate::world::{adapter, event, raw, reply, soon, until};

/// A server where the core may do everything, and two adapters what [`Permissions`] says.
struct Guarded {
    nats: Nats,
    core: Bus,
    _folder: tempfile::TempDir,
}

impl Guarded {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let users: Vec<String> = ["chat", "mail"]
            .iter()
            .map(|name| {
                let permissions = Permissions::of_adapter(&adapter(name), &user(name)).to_nats_conf();
                format!("{{ user: \"{}\", password: \"test\", {permissions} }}", user(name))
            })
            .collect();
        let config = format!("authorization {{ users = [ {{ user: \"core\", password: \"test\" }}, {} ] }}", users.join(", "));
        let nats = Nats::start(folder.path(), NatsOptions { config, ..NatsOptions::default() }).expect("a server");
        let core = sign_in(&nats, "core").await;
        core.ensure().await.expect("streams");
        Self { nats, core, _folder: folder }
    }
}

fn user(adapter: &str) -> String {
    format!("adapter-{adapter}")
}

async fn sign_in(nats: &Nats, user: &str) -> Bus {
    let config =
        BusConfig { url: nats.url(), user: Some(user.to_owned()), password: Some("test".into()), name: user.to_owned(), replicas: 1 };
    Bus::connect(&config).await.expect("a connection")
}

#[tokio::test]
async fn an_adapter_can_do_its_work_with_its_own_credential() {
    let guarded = Guarded::new().await;
    let chat = sign_in(&guarded.nats, &user("chat")).await;
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
    chat.move_cursor(&name, "1", b"here").await.expect("moved");
    assert_eq!(chat.cursor(&name, "1").await.expect("read").as_deref(), Some(&b"here"[..]));
    chat.mark_sent(answer.id, "1").await.expect("marked");
    assert!(chat.sent(answer.id).await.expect("read").is_some());
    assert_eq!(chat.directory().await.expect("may be asked"), None);
    let now = Timestamp::UNIX_EPOCH;
    let announcement = Announcement {
        adapter: name,
        version: "1".into(),
        accounts: Vec::new(),
        started_at: now,
        last_seen: now,
        last_message: None,
        last_error: None,
        url: None,
        spool_waiting: 0,
    };
    chat.announce(&announcement).await.expect("announced");
    assert_eq!(guarded.core.announced().await.expect("read"), [announcement]);
}

#[tokio::test]
async fn a_stolen_credential_neither_reads_nor_writes_in_anothers_name() {
    let guarded = Guarded::new().await;
    let mail = sign_in(&guarded.nats, &user("mail")).await;
    let mut letter = raw(vec![b'x'; 1_000_000]);
    letter.adapter = adapter("mail");
    let _accepted = mail.publish_raw(&letter).await.expect("published");
    mail.move_cursor(&adapter("mail"), "1", b"here").await.expect("moved");

    let options = async_nats::ConnectOptions::with_user_and_password(user("chat"), "test".to_owned())
        .custom_inbox_prefix("_INBOX_adapter-chat")
        .request_timeout(Some(std::time::Duration::from_millis(500)));
    let thief = options.connect(guarded.nats.url()).await.expect("a connection");
    let part = "$JS.API.DIRECT.GET.RAW.raw.mail.part.>".to_owned();
    let asks = [
        ("$JS.API.STREAM.MSG.GET.RAW", r#"{"last_by_subj":"raw.mail"}"#),
        ("$JS.API.DIRECT.GET.RAW", r#"{"last_by_subj":"raw.mail"}"#),
        ("$JS.API.DIRECT.GET.RAW.raw.mail", ""),
        (&part, ""),
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
        ("events.mail", "{}"),
        ("replies.chat", "{}"),
    ];
    for (subject, payload) in asks {
        let answer = thief.request(subject.to_owned(), payload.into()).await;
        let refused = answer.as_ref().map_or(true, |answer| String::from_utf8_lossy(&answer.payload).contains("\"error\""));
        assert!(refused, "{subject}: {answer:?}");
    }
    let sent = mail.sent(ReplyId::new(Timestamp::UNIX_EPOCH)).await.expect("the server still serves others");
    assert_eq!(sent, None);
}
