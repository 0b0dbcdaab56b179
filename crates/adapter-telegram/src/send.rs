//! Replies to the platform. Telegram has no key for repetitions: a crash between its yes and our note of it sends one message twice.

use adapter_sdk::{AttachmentKind, Half, Reply, ReplyFile, SendError, Sent, outgoing::File, split};
use serde_json::{Value, json};

use crate::{Bot, Telegram, api::NoAnswer, menu, place::Place, wire::Taken};

/// The longest text of one message, in UTF-16 units.
pub(crate) const LONGEST: usize = 4096;
/// The largest picture that Telegram takes as one, in bytes.
const LARGEST_PICTURE: u64 = 10 * 1024 * 1024;

/// Telegram takes JPEG and PNG as pictures that show in the chat.
pub(crate) fn takes(file: &ReplyFile) -> bool {
    file.kind == AttachmentKind::Image && matches!(file.mime.as_str(), "image/jpeg" | "image/png") && file.size <= LARGEST_PICTURE
}

/// One message of a reply.
enum Part<'a> {
    Words(String),
    File(&'a ReplyFile),
}

impl Telegram {
    /// Sends one reply: with buttons where it offers something, and, where they do not fit or Telegram does not take them, in words alone.
    pub(crate) async fn reply(&self, reply: &Reply) -> Result<Sent, SendError> {
        let Some(bot) = self.bot(&reply.to.account) else {
            tracing::error!(reply.id = %reply.id, account = %reply.to.account, "No such bot is configured; the reply waits.");
            return Err(SendError::Unreachable(NoBot.into()));
        };
        let place = place(reply)?;
        if let Some((question, buttons)) = reply.menu.as_ref().and_then(menu::buttons) {
            match self.post(bot, place, question, true, Some(&buttons)).await {
                Ok(sent) => return Ok(Sent::under(Some(sent))),
                Err(NoAnswer::No(no)) if no.code == 400 => {}
                Err(no) => return Err(no.into_send()),
            }
        }
        self.in_words(bot, place, reply).await
    }

    /// Words first, then files. One that Telegram stopped in the middle goes on where it was.
    async fn in_words(&self, bot: &Bot, place: Place, reply: &Reply) -> Result<Sent, SendError> {
        let words = split(&reply.text, LONGEST).into_iter().map(Part::Words);
        let mut half = self.halves.take(reply.id);
        let mut file_refused = None;
        for (number, part) in words.chain(reply.files.iter().map(Part::File)).enumerate().skip(half.sent) {
            let sent = match &part {
                Part::Words(text) => self.post(bot, place, text, number == 0, None).await,
                Part::File(file) => self.post_file(bot, place, file).await,
            };
            match (sent.map_err(NoAnswer::into_send), part) {
                (Ok(id), _) => half = Half { sent: number + 1, first: half.first.or(Some(id)) },
                // The words have the link to it; staff are told why.
                (Err(SendError::Rejected { code, detail }), Part::File(_)) => {
                    half.sent = number + 1;
                    tracing::warn!(reply.id = %reply.id, bot = %bot.name(), telegram.code = %code, "Telegram does not take a picture; the citizen has the words with the link to it.");
                    file_refused = Some(format!("{code}: {detail}"));
                }
                (Err(error), _) => {
                    self.halves.keep(reply.id, half);
                    return Err(error);
                }
            }
        }
        Ok(Sent { platform_id: half.first, file_refused })
    }

    /// One message, which quotes the citizen's if it is the first. Gives its id, as answers will name it.
    async fn post(&self, bot: &Bot, place: Place, text: &str, quotes: bool, buttons: Option<&Value>) -> Result<String, NoAnswer> {
        let mut message = json!({ "chat_id": place.chat, "text": text, "link_preview_options": { "is_disabled": true } });
        if let Some(number) = place.number().filter(|_| quotes) {
            message["reply_parameters"] = json!({ "message_id": number, "allow_sending_without_reply": true });
        }
        if let Some(buttons) = buttons {
            message["reply_markup"] = buttons.clone();
        }
        let taken: Taken = self.api.ask(bot, self.api.post(bot, "sendMessage").json(&message)).await?;
        Ok(id_of(&taken))
    }

    async fn post_file(&self, bot: &Bot, place: Place, file: &ReplyFile) -> Result<String, NoAnswer> {
        let chat = place.chat.to_string();
        let picture = File { field: "photo", filename: &file.filename, mime: &file.mime, bytes: &file.bytes };
        let call = self.api.post(bot, "sendPhoto").form_with_file(&[("chat_id", chat.as_str())], picture);
        let taken: Taken = self.api.ask(bot, call).await?;
        Ok(id_of(&taken))
    }
}

/// Where the reply goes: the chat of the message it answers, or, where it answers none there, the citizen's own.
fn place(reply: &Reply) -> Result<Place, SendError> {
    let address = &reply.to.address;
    let citizen = (address.scheme() == "telegram").then(|| address.path().parse().ok()).flatten();
    let citizen = citizen.ok_or_else(|| SendError::rejected("address", "not an address on Telegram"))?;
    let answered = reply.to.thread.as_deref().and_then(|thread| thread.parse().ok());
    Ok(answered.unwrap_or(Place { chat: citizen, message: None }))
}

fn id_of(taken: &Taken) -> String {
    Place { chat: taken.chat.id, message: Some(taken.message_id) }.to_string()
}

/// A reply for a bot that is not ours, or not any more.
#[derive(Debug, thiserror::Error)]
#[error("no such bot is configured")]
struct NoBot;
