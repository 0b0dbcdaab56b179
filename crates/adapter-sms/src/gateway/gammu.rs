//! Gammu SMSD: a modem or a telephone with a SIM card. It hands messages in by `RunOnReceive` ([`crate::hand_in`]), and takes texts from
//! `gammu-smsd-inject`, whatever it keeps them in.

use std::{process::Stdio, time::Duration};

use adapter_sdk::{ConfigError, ParseError, ReceiptState, ReplyId, Secret, SendError, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncWriteExt, process::Command};

use super::{Outgoing, Trouble};
use crate::{
    config::check_secret,
    gsm7::Coding,
    hand_in::Note,
    said::{Delivery, Heard, Said, Text, Told},
};

/// It only writes a file or a row.
const PATIENCE: Duration = Duration::from_secs(30);

/// One SMSD.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gammu {
    /// Where `adapter-sms hand-in` lays what SMSD gives it. On a disk that keeps what it synced.
    pub folder: String,
    /// SMSD's own configuration.
    #[serde(default = "smsdrc")]
    pub config: String,
    /// The program that gives texts to SMSD.
    #[serde(default = "inject")]
    pub inject: String,
    /// Opens the door to records that come by HTTP, from a modem on another machine; by `secret_file`. Empty: closed.
    #[serde(default)]
    pub secret: Secret,
    /// Who may call: addresses and networks. Empty: everybody who knows the word.
    #[serde(default)]
    pub allow_from: Vec<String>,
}

fn smsdrc() -> String {
    "/etc/gammu-smsdrc".to_owned()
}

fn inject() -> String {
    "gammu-smsd-inject".to_owned()
}

/// What SMSD told us, as it lies in the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What happened.
    pub what: What,
    /// `PhoneID`.
    #[serde(default)]
    pub phone: String,
    /// SMSD's own names of the messages: files or rows.
    #[serde(default)]
    pub ids: Vec<String>,
    /// Each physical message.
    #[serde(default)]
    pub messages: Vec<Physical>,
    /// The text of a long message, put together by SMSD.
    #[serde(default)]
    pub decoded: Option<String>,
    /// When it was handed in: SMSD does not say when it was written.
    pub at: Timestamp,
    /// Which reply of ours it is about, as we noted when we sent it.
    #[serde(default)]
    pub reply: Option<ReplyId>,
    /// Which account of ours sent that.
    #[serde(default)]
    pub account: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A message came in (`RunOnReceive`).
    Received,
    /// The modem sent one of ours (`RunOnSent`).
    Sent,
    /// The modem could not (`RunOnFailure`).
    Failed,
}

/// One physical message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Physical {
    /// Who wrote it, or to whom it went.
    pub number: String,
    /// Its text; none where it is data.
    #[serde(default)]
    pub text: Option<String>,
    /// Not 0: a report on a message of ours, and nothing that somebody wrote.
    #[serde(default)]
    pub reference: u32,
}

impl Gammu {
    pub(super) fn check(&self, path: &dyn Fn(&str) -> String) -> Result<(), ConfigError> {
        if self.folder.is_empty() {
            return Err(ConfigError::Value { key: format!("adapter.{}", path("folder")), why: "must not be empty".into() });
        }
        if self.secret.is_empty() { Ok(()) } else { check_secret(&self.secret, &path("secret")) }
    }

    pub(super) fn said(delivery: &Delivery<'_>) -> Result<Vec<Said>, ParseError> {
        let record: Record = serde_json::from_slice(delivery.body)?;
        let said = match record.what {
            What::Received => heard(&record)?.map(|heard| Said::Heard(Box::new(heard))),
            What::Sent => told(record, ReceiptState::Sent),
            What::Failed => {
                let (code, detail) = ("modem".to_owned(), "the modem could not send it".to_owned());
                told(record, ReceiptState::Failed { code, detail })
            }
        };
        Ok(said.into_iter().collect())
    }

    pub(super) async fn send(&self, out: Outgoing<'_>) -> Result<Option<String>, SendError> {
        let mut command = Command::new(&self.inject);
        command.args(["-c", &self.config, "TEXT", out.to.path(), "-len", &out.text.chars().count().max(1).to_string()]);
        if out.length.coding == Coding::Ucs2 {
            command.arg("-unicode");
        }
        // The text goes in by the pipe: the list of processes is everybody's.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        // Else it takes the text for ASCII.
        command.env("LC_ALL", "C.UTF-8");
        let said = tokio::time::timeout(PATIENCE, spoken(command, out.text)).await;
        let said = said.map_err(|_| Trouble::Slow(self.inject.clone()))?;
        let output = said.map_err(|source| Trouble::Program { program: self.inject.clone(), source })?;
        if !output.status.success() {
            return Err(Trouble::Ended(self.inject.clone()).into());
        }
        // "Written message with ID /var/spool/gammu/outbox/OUTC2026…": reports name the last part.
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let id = words.lines().find_map(|line| line.strip_prefix("Written message with ID "));
        let id = id.and_then(|id| id.trim().rsplit('/').next()).filter(|id| !id.is_empty()).ok_or(Trouble::OddAnswer)?;
        crate::hand_in::note_sent(self.folder.as_ref(), id, &Note { reply: out.reply, account: out.account.to_owned() });
        // The name holds the citizen's number, which is no id's business.
        Ok(Some(crate::parse::print(&[id])))
    }
}

async fn spoken(mut command: Command, text: &str) -> std::io::Result<std::process::Output> {
    let mut child = command.spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        // One that ends without reading says why by how it ends.
        let _ = pipe.write_all(text.as_bytes()).await;
    }
    child.wait_with_output().await
}

fn heard(record: &Record) -> Result<Option<Heard>, ParseError> {
    let first = record.messages.first().ok_or_else(|| ParseError::new("SMSD handed in no message"))?;
    if first.reference != 0 {
        return Ok(None);
    }
    let texts: Vec<&str> = record.messages.iter().filter_map(|message| message.text.as_deref()).collect();
    let text = match &record.decoded {
        Some(whole) => Text::Words(whole.clone()),
        None if texts.is_empty() => Text::Unreadable("data"),
        None => Text::Words(texts.concat()),
    };
    // A database begins at 1 again when somebody empties it: the words are part of the name. Names of files hold the citizen's number,
    // which is no id's business.
    let id = (!record.ids.is_empty())
        .then(|| format!("{}/{}", record.phone, crate::parse::print(&[&record.ids.join(","), &first.number, &text.words()])));
    let heard = Heard { id, from: first.number.clone(), to: None, text, sent_at: Some(record.at), part: None, attachments: Vec::new() };
    Ok(Some(heard))
}

fn told(record: Record, state: ReceiptState) -> Option<Said> {
    let platform_id = record.ids.into_iter().next()?;
    let platform_id = Some(crate::parse::print(&[platform_id.rsplit('/').next().unwrap_or_default()]));
    Some(Said::Told(Told { reply: record.reply, platform_id, account: record.account, from: None, state, at: Some(record.at) }))
}
