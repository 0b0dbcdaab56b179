//! Which subjects one adapter needs, for the server's configuration: the same names as in the code, in one place.

use model::AdapterName;

use crate::{Queue, connect::subject_safe, replay};

/// What a user may publish and subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// Subjects, with wildcards.
    pub publish: Vec<String>,
    /// Subjects, with wildcards.
    pub subscribe: Vec<String>,
}

impl Permissions {
    /// All that an adapter with a credential of its own needs, and nothing that shows it another adapter's messages.
    ///
    /// It keeps a stolen credential from reading others, and from publishing as others. NATS sends the answer to a request wherever the request
    /// says, so rubbish can still come to others' queues: `redirected` knows it. And the core takes an adapter's messages only under its own name
    /// ([`Delivery::adapter`](crate::Delivery)) and about its own kinds of addresses (`model::Voucher`).
    pub fn of_adapter(adapter: &AdapterName, user: &str) -> Self {
        let reader = replay::reader(adapter);
        let mut publish = vec![
            format!("raw.{adapter}"),
            format!("raw.{adapter}.part.>"),
            format!("events.{adapter}"),
            format!("parked.*.{adapter}"),
            format!("parked.*.{adapter}.part.>"),
            format!("$JS.API.DIRECT.GET.RAW.raw.{adapter}.part.>"),
            // The files that go along with its replies.
            format!("$JS.API.DIRECT.GET.FILES.files.{adapter}.part.>"),
            // What was made of its raw messages, and these again, for `replay`.
            format!("raw.{adapter}.made.*"),
            format!("$JS.API.DIRECT.GET.RAW.raw.{adapter}.made.*"),
            format!("$JS.API.CONSUMER.CREATE.RAW.{reader}.raw.{adapter}"),
            format!("$JS.API.CONSUMER.MSG.NEXT.RAW.{reader}"),
            format!("$JS.API.CONSUMER.INFO.RAW.{reader}"),
            format!("$JS.API.CONSUMER.DELETE.RAW.{reader}"),
            // How many servers keep a message: a door without a spool asks. The answer can list subjects, in which are no words of citizens: names of
            // adapters, random ids, hashes.
            "$JS.API.STREAM.INFO.RAW".to_owned(),
            format!("$KV.cursor.{adapter}.>"),
            format!("$JS.API.DIRECT.GET.KV_cursor.$KV.cursor.{adapter}.>"),
            // Reply ids cannot be guessed, and the bucket cannot be listed.
            "$KV.sent.*".to_owned(),
            "$JS.API.DIRECT.GET.KV_sent.$KV.sent.*".to_owned(),
            format!("$KV.announced.{adapter}"),
            "$JS.API.DIRECT.GET.KV_directory.$KV.directory.>".to_owned(),
            // Attachments go in and cannot be read back; their names cannot be guessed, and the store cannot be listed.
            format!("$O.quarantine.C.{}.*", subject_safe(user)),
            "$O.quarantine.M.*".to_owned(),
        ];
        for queue in [Queue::Raw(adapter.clone()), Queue::Replies(adapter.clone())] {
            let (stream, durable, filter) = (queue.stream(), queue.durable(), queue.filter());
            publish.push(format!("$JS.API.CONSUMER.CREATE.{stream}.{durable}.{filter}"));
            publish.push(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"));
            publish.push(format!("$JS.ACK.{stream}.{durable}.>"));
            // With the domain and the account's hash in front, as newer servers can be told to write it.
            publish.push(format!("$JS.ACK.*.*.{stream}.{durable}.>"));
        }
        Self { publish, subscribe: vec![format!("{}.>", inbox_prefix(user))] }
    }
}

/// Answers come to an inbox of the user's own, so that the server can keep others from listening there.
pub(crate) fn inbox_prefix(user: &str) -> String {
    format!("_INBOX_{}", subject_safe(user))
}
