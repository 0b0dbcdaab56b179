//! Replies to the platform: free text inside the 24 hours, an approved template outside.

use std::time::Duration;

use adapter_sdk::{Address, AttachmentKind, Half, Reply, ReplyFile, SendError, Sent, Timestamp, outgoing::File, split};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Account, Template, WhatsApp, menu,
    parse::FILE,
    refusal::{No, NoAnswer},
    templates::Usable,
    thread::Thread,
    wire::{Taken, Uploaded},
};

/// The longest text of one message. Counted in UTF-16 units, the strictest reading of Meta's "characters".
pub(crate) const LONGEST: usize = 4096;
/// Clocks and queues: free text goes out so long before the window closes, and no later.
const MARGIN: Duration = Duration::from_mins(5);
/// A place in the line of a number that comes this soon is waited for; a later one is given back to the queue.
const SOON: Duration = Duration::from_secs(2);
/// Meta's codes for a request it cannot read. Of a menu: a client or a rule we do not know; the text says the same.
const UNREAD: [i64; 4] = [100, 131_008, 131_009, 131_051];
/// The largest picture that Meta takes, in bytes.
const LARGEST_PICTURE: u64 = 5 * 1024 * 1024;

/// In which form a reply goes out.
enum Form<'a> {
    /// The text with something to tap.
    Menu(Value),
    Text,
    Template(&'a Template, String),
}

/// One message of a reply.
enum Part<'a> {
    Content(Value),
    File(&'a ReplyFile),
}

/// Meta takes JPEG and PNG as pictures that show in the chat.
pub(crate) fn takes(file: &ReplyFile) -> bool {
    file.kind == AttachmentKind::Image && matches!(file.mime.as_str(), "image/jpeg" | "image/png") && file.size <= LARGEST_PICTURE
}

/// What is known of the 24 hours after the citizen's last message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Window {
    Open,
    Closed,
    /// They never wrote here, as far as the reply says.
    Unknown,
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
        self.take_turn(account).await?;
        let thread = reply.to.thread.as_deref().and_then(|thread| thread.parse::<Thread>().ok());
        // What has begun within the window is not begun again as a template when it closes.
        let window = if self.halves.has_begun(reply.id) { Window::Open } else { window(reply, thread.as_ref(), now) };
        let mut last = None;
        for form in self.forms(account, reply, window).await? {
            match self.in_form(account, reply, &form, &recipient, thread.as_ref()).await {
                Ok(sent) => return Ok(sent),
                Err(no) => {
                    self.note(&no, account, reply, &form);
                    let unread = matches!(form, Form::Menu(_)) && no.code.is_some_and(|code| UNREAD.contains(&code));
                    if !no.other_form && !unread {
                        return Err(no.error);
                    }
                    last = Some(no.error);
                }
            }
        }
        Err(last.expect("there is at least one form"))
    }

    /// Waits for the number's turn, if it comes soon.
    async fn take_turn(&self, account: &Account) -> Result<(), SendError> {
        let a_second = account.throughput.unwrap_or(self.config.throughput);
        let wait = self.flow.turn(&account.phone_number_id, a_second, Instant::now());
        if wait > SOON {
            return Err(SendError::Throttled(Some(wait)));
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Which forms to try; never none. Free text first only where the citizen is known to have written within the day: Meta often accepts
    /// text outside it and fails it later, when nobody can choose any more. Where the window is known to be closed, only what Meta approved.
    async fn forms(&self, account: &Account, reply: &Reply, window: Window) -> Result<Vec<Form<'_>>, SendError> {
        let mut forms = Vec::new();
        let mut why_not = "no template of this kind is configured".to_owned();
        if let Some(template) = self.config.templates.get(&reply.kind) {
            match self.usable(account, template, reply.language.tag()).await {
                Usable::In(language) => forms.push(Form::Template(template, language)),
                Usable::Not(word) => {
                    tracing::warn!(account = %account.name(), meta.state = %word, "The template {} is not used: Meta does not let it through.", template.name);
                    why_not = format!("the template {} is {word}", template.name);
                }
            }
        }
        let menu = reply.menu.as_ref().and_then(menu::content).map(Form::Menu);
        match window {
            Window::Open => Ok(menu.into_iter().chain([Form::Text]).chain(forms).collect()),
            Window::Unknown => Ok(forms.into_iter().chain([Form::Text]).collect()),
            Window::Closed if forms.is_empty() => {
                Err(SendError::rejected("131047", format!("more than 24 hours after the citizen's last message, and {why_not}")))
            }
            Window::Closed => Ok(forms),
        }
    }

    async fn in_form(
        &self,
        account: &Account,
        reply: &Reply,
        form: &Form<'_>,
        to: &Recipient,
        thread: Option<&Thread>,
    ) -> Result<Sent, No> {
        let text = |part: &String| Part::Content(json!({ "type": "text", "text": { "body": part, "preview_url": false } }));
        let contents: Vec<Part<'_>> = match form {
            Form::Template(template, language) => vec![Part::Content(template.content(reply, language))],
            Form::Menu(content) => vec![Part::Content(content.clone())],
            Form::Text => split(&reply.text, LONGEST).iter().map(text).chain(reply.files.iter().map(Part::File)).collect(),
        };
        let mut half = match form {
            Form::Text => self.halves.take(reply.id),
            Form::Template(..) | Form::Menu(_) => Half::default(),
        };
        let mut file_refused = None;
        for (number, part) in contents.into_iter().enumerate().skip(half.sent) {
            let is_file = matches!(part, Part::File(_));
            let content = match part {
                Part::Content(content) => Ok(content),
                Part::File(file) => self.upload(account, file).await,
            };
            let mut content = match content {
                Ok(content) => content,
                Err(no) => {
                    file_refused = Some(self.file_refused(no, account, reply, &mut half, number)?);
                    continue;
                }
            };
            content["messaging_product"] = "whatsapp".into();
            content["recipient_type"] = "individual".into();
            content[to.field] = to.value.as_str().into();
            content["biz_opaque_callback_data"] = if is_file { format!("{FILE}{}", reply.id) } else { reply.id.to_string() }.into();
            if let (Some(thread), 0) = (thread, number) {
                content["context"] = json!({ "message_id": thread.message });
            }
            match self.post(account, &content).await {
                Ok(id) => half = Half { sent: number + 1, first: half.first.or(Some(id)) },
                Err(no) if is_file => file_refused = Some(self.file_refused(no, account, reply, &mut half, number)?),
                Err(no) => {
                    self.halves.keep(reply.id, half);
                    return Err(no);
                }
            }
        }
        Ok(Sent { platform_id: half.first, file_refused })
    }

    /// The words got through and a picture did not: for now, and it is tried again alone; or for good, and the words have the link to it. Then
    /// staff are told why.
    fn file_refused(&self, no: No, account: &Account, reply: &Reply, half: &mut Half, number: usize) -> Result<String, No> {
        let SendError::Rejected { code: word, detail } = &no.error else {
            self.halves.keep(reply.id, std::mem::take(half));
            return Err(No { other_form: false, ..no });
        };
        let why = format!("{word}: {detail}");
        half.sent = number + 1;
        let code = no.code.unwrap_or_default();
        tracing::warn!(reply.id = %reply.id, account = %account.name(), meta.code = code, "Meta does not take a picture; the citizen has the words with the link to it.");
        Ok(why)
    }

    /// Gives Meta a picture: the message that shows it. An upload that is never shown is forgotten there after 30 days.
    async fn upload(&self, account: &Account, file: &ReplyFile) -> Result<Value, No> {
        let url = self.graph(&[&account.phone_number_id, "media"]);
        let fields = [("messaging_product", "whatsapp"), ("type", file.mime.as_str())];
        let picture = File { field: "file", filename: &file.filename, mime: &file.mime, bytes: &file.bytes };
        let call = self.http.post(&url).bearer(account.access_token.expose()).form_with_file(&fields, picture);
        let answer = call.send().await.map_err(No::other)?;
        if !answer.status.is_success() {
            return Err(No::read(&answer));
        }
        let uploaded: Uploaded = answer.json().map_err(|_| No::other(SendError::Unreachable(NoAnswer.into())))?;
        Ok(json!({ "type": "image", "image": { "id": uploaded.id } }))
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

    /// Tells the pace, the registry and the log.
    fn note(&self, no: &No, account: &Account, reply: &Reply, form: &Form<'_>) {
        if let (Form::Template(template, language), Some(code @ 132_000..=132_999)) = (form, no.code) {
            self.templates.refused(account.business(), &template.name, language, code, Instant::now());
        }
        if let (Some(4 | 80_007 | 130_429 | 131_048), SendError::Throttled(Some(wait))) = (no.code, &no.error) {
            self.flow.too_fast(&account.phone_number_id, *wait, Instant::now());
        }
        if let (Some(131_056), SendError::Throttled(Some(wait))) = (no.code, &no.error) {
            self.pace.too_early(&reply.to.account, &reply.to.address, *wait, Instant::now());
        }
        if no.alarm {
            let code = no.code.unwrap_or_default();
            tracing::error!(reply.id = %reply.id, account = %account.name(), meta.code = code, "Meta refuses to send: an administrator must look at the account.");
        }
    }
}

/// What the reply says of the window; where it is of an older core, what its thread says.
fn window(reply: &Reply, thread: Option<&Thread>, now: Timestamp) -> Window {
    let by_thread = || thread.and_then(|thread| thread.at.checked_add(Duration::from_hours(24)).ok());
    match reply.to.open_until.or_else(by_thread) {
        Some(until) if until.checked_sub(MARGIN).is_ok_and(|until| now < until) => Window::Open,
        Some(_) => Window::Closed,
        None => Window::Unknown,
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
    fn content(&self, reply: &Reply, language: &str) -> Value {
        let parameter = |name: &String| {
            let value = reply.params.get(name).map(String::as_str).unwrap_or_default();
            let flat = value.split_whitespace().collect::<Vec<_>>().join(" ");
            json!({ "type": "text", "text": if flat.is_empty() { "-" } else { flat.as_str() } })
        };
        let parameters: Vec<Value> = self.params.iter().map(parameter).collect();
        let components = if parameters.is_empty() { json!([]) } else { json!([{ "type": "body", "parameters": parameters }]) };
        json!({ "type": "template", "template": {
            "name": self.name,
            "language": { "code": language },
            "components": components,
        }})
    }
}

/// A reply for a number that is not ours, or not any more.
#[derive(Debug, thiserror::Error)]
#[error("no such account is configured")]
struct NoAccount;
