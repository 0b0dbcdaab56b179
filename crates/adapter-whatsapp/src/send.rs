//! Replies to the platform: free text inside the 24 hours, an approved template outside.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use adapter_sdk::{Address, Reply, ReplyId, SendError, Sent, Timestamp};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Account, Template, WhatsApp,
    refusal::{No, NoAnswer},
    thread::Thread,
    wire::Taken,
};

/// The longest text of one message. Counted in UTF-16 units, the strictest reading of Meta's "characters".
const LONGEST: usize = 4096;
/// Free text for so long after the citizen's last message; five minutes less than Meta gives, for clocks and queues.
const WINDOW: Duration = Duration::from_mins(24 * 60 - 5);
/// How many half-sent replies are remembered.
const HALVES: usize = 1000;

/// In which form a reply goes out.
#[derive(Clone, Copy)]
enum Form<'a> {
    Text,
    Template(&'a Template),
}

/// How far a reply in several messages got before the platform stopped it, so that no part is sent twice. In memory: after a crash
/// the reply begins again, as `Adapter::send` allows.
#[derive(Debug, Default)]
pub(crate) struct Halves(Mutex<BTreeMap<ReplyId, Half>>);

#[derive(Debug, Clone, Default)]
struct Half {
    parts: usize,
    first: Option<String>,
}

impl Halves {
    fn take(&self, reply: ReplyId) -> Half {
        self.all().remove(&reply).unwrap_or_default()
    }

    fn keep(&self, reply: ReplyId, half: Half) {
        let mut all = self.all();
        if all.len() == HALVES {
            all.pop_first();
        }
        all.insert(reply, half);
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<ReplyId, Half>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner) // the map is whole between any two statements
    }
}

impl WhatsApp {
    /// Sends one reply, in the form that should get through and, if the platform says that it does not, in the other.
    pub(crate) async fn reply(&self, reply: &Reply, now: Timestamp) -> Result<Sent, SendError> {
        let Some(account) = self.account(&reply.to.account) else {
            tracing::error!(reply.id = %reply.id, account = %reply.to.account, "No account of this number is configured; the reply waits.");
            return Err(SendError::Unreachable(NoAccount.into()));
        };
        let recipient = recipient(&reply.to.address)?;
        self.pace.turn(&reply.to.account, &reply.to.address, reply.id, Instant::now()).map_err(|wait| SendError::Throttled(Some(wait)))?;
        let thread = reply.to.thread.as_deref().and_then(|thread| thread.parse::<Thread>().ok());
        let mut last = None;
        for form in self.forms(reply, thread.as_ref(), now) {
            match self.in_form(account, reply, form, &recipient, thread.as_ref()).await {
                Ok(sent) => return Ok(sent),
                Err(no) => {
                    self.note(&no, account, reply);
                    if !no.other_form {
                        return Err(no.error);
                    }
                    last = Some(no.error);
                }
            }
        }
        Err(last.expect("there is at least the form of text"))
    }

    /// Which forms to try. Free text first only where the citizen is known to have written within the day: Meta often accepts text
    /// outside it and fails it later, when nobody can choose any more.
    fn forms(&self, reply: &Reply, thread: Option<&Thread>, now: Timestamp) -> Vec<Form<'_>> {
        let open = thread.is_some_and(|thread| now.duration_since(thread.at).unsigned_abs() < WINDOW);
        match self.config.templates.get(&reply.kind) {
            None => vec![Form::Text],
            Some(template) if open => vec![Form::Text, Form::Template(template)],
            Some(template) => vec![Form::Template(template), Form::Text],
        }
    }

    async fn in_form(&self, account: &Account, reply: &Reply, form: Form<'_>, to: &Recipient, thread: Option<&Thread>) -> Result<Sent, No> {
        let contents = match form {
            Form::Template(template) => vec![template.content(reply)],
            Form::Text => {
                parts(&reply.text).iter().map(|part| json!({ "type": "text", "text": { "body": part, "preview_url": false } })).collect()
            }
        };
        let mut half = match form {
            Form::Text => self.halves.take(reply.id),
            Form::Template(_) => Half::default(),
        };
        for (number, mut content) in contents.into_iter().enumerate().skip(half.parts) {
            content["messaging_product"] = "whatsapp".into();
            content["recipient_type"] = "individual".into();
            content[to.field] = to.value.as_str().into();
            content["biz_opaque_callback_data"] = reply.id.to_string().into();
            if let (Some(thread), 0) = (thread, number) {
                content["context"] = json!({ "message_id": thread.message });
            }
            match self.post(account, &content).await {
                Ok(id) => half = Half { parts: number + 1, first: half.first.or(Some(id)) },
                Err(no) => {
                    if half.parts > 0 {
                        self.halves.keep(reply.id, half);
                    }
                    return Err(no);
                }
            }
        }
        Ok(Sent { platform_id: half.first })
    }

    async fn post(&self, account: &Account, content: &Value) -> Result<String, No> {
        let url = self.graph(&[&account.phone_number_id, "messages"]);
        let answer = self.http.post(&url).bearer(account.access_token.expose()).json(content).send().await.map_err(No::other)?;
        if !answer.status.is_success() {
            return Err(No::read(&answer));
        }
        let taken: Option<Taken> = answer.json().ok();
        let id = taken.and_then(|taken| taken.messages.into_iter().next()).map(|message| message.id.0);
        id.ok_or_else(|| No::other(SendError::Unreachable(NoAnswer.into())))
    }

    /// Tells the pace and the log.
    fn note(&self, no: &No, account: &Account, reply: &Reply) {
        if let (Some(131_056), SendError::Throttled(Some(wait))) = (no.code, &no.error) {
            self.pace.too_early(&reply.to.account, &reply.to.address, *wait, Instant::now());
        }
        if no.alarm {
            let code = no.code.unwrap_or_default();
            tracing::error!(reply.id = %reply.id, account = %account.name(), meta.code = code, "Meta refuses to send: an administrator must look at the account.");
        }
    }
}

/// The field and value that name a citizen in a request.
struct Recipient {
    field: &'static str,
    value: String,
}

fn recipient(address: &Address) -> Result<Recipient, SendError> {
    match address.scheme() {
        "tel" => Ok(Recipient { field: "to", value: address.path().to_owned() }),
        "whatsapp" => Ok(Recipient { field: "recipient", value: address.path().to_owned() }),
        _ => Err(SendError::rejected("address", "not an address on WhatsApp")),
    }
}

impl Template {
    /// The template filled with the facts of the reply. Meta takes neither line breaks nor runs of spaces nor an empty text.
    fn content(&self, reply: &Reply) -> Value {
        let parameter = |name: &String| {
            let value = reply.params.get(name).map(String::as_str).unwrap_or_default();
            let flat = value.split_whitespace().collect::<Vec<_>>().join(" ");
            json!({ "type": "text", "text": if flat.is_empty() { "-" } else { flat.as_str() } })
        };
        let parameters: Vec<Value> = self.params.iter().map(parameter).collect();
        let language = self.languages.iter().find(|tag| tag.starts_with(reply.language.tag())).or(self.languages.first());
        let components = if parameters.is_empty() { json!([]) } else { json!([{ "type": "body", "parameters": parameters }]) };
        json!({ "type": "template", "template": {
            "name": self.name,
            "language": { "code": language.map_or("id", String::as_str) },
            "components": components,
        }})
    }
}

/// The text in pieces that fit, nothing left out but the white space at the seams. Breaks between paragraphs, lines or words; inside
/// a word only where the word itself is too long.
fn parts(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    while rest.chars().map(char::len_utf16).sum::<usize>() > LONGEST {
        let end = fitting(rest);
        let head = &rest[..end];
        let seam = ["\n\n", "\n", " "].iter().find_map(|seam| head.rfind(seam).filter(|at| *at > end / 2)).unwrap_or(end);
        parts.push(rest[..seam].trim_end().to_owned());
        rest = rest[seam..].trim_start();
    }
    parts.push(rest.to_owned());
    parts
}

/// Where the longest beginning that fits ends, in bytes.
fn fitting(text: &str) -> usize {
    let mut units = 0;
    text.char_indices()
        .find(|(_, c)| {
            units += c.len_utf16();
            units > LONGEST
        })
        .map_or(text.len(), |(at, _)| at)
}

/// A reply for a number that is not ours, or not any more.
#[derive(Debug, thiserror::Error)]
#[error("no such account is configured")]
struct NoAccount;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_text_is_one_message() {
        assert_eq!(parts("Terima kasih."), ["Terima kasih."]);
    }

    #[test]
    fn a_long_text_breaks_between_paragraphs() {
        let paragraph = "Petugas sudah ke lokasi. ".repeat(100);
        let text = format!("{paragraph}\n\n{paragraph}");
        let parts = parts(&text);
        assert_eq!(parts, [paragraph.trim(), paragraph.trim()]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_everything_fits(words in prop::collection::vec("[a-zé😀]{1,600}", 1..60)) {
            let text = words.join(" ");
            let parts = parts(&text);
            for part in &parts {
                prop_assert!(part.encode_utf16().count() <= LONGEST && !part.is_empty());
            }
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(bare(&parts.concat()), bare(&text));
        }
    }
}
