//! Asking Telegram for news. The cursor is the number that confirms what came before it: Telegram forgets an update when we ask for those from
//! the next number on, so we ask so only when every earlier one is on our disk.
//!
//! Once that is done the number is dropped again: after a week without news Telegram may go on with lower numbers, which a question from a
//! higher one on would throw away unread.

use std::time::Duration;

use adapter_sdk::{Batch, Bytes, FetchError, Item};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    Bot, Telegram,
    api::{HEARD, NoAnswer, heard},
    parse::{BOT, tap_in},
};

/// Updates of one answer: Telegram's most.
const MOST: &str = "100";
/// What we understand. The rest is not sent at all.
const WANTED: &str = r#"["message","edited_message","callback_query","my_chat_member"]"#;
/// Beside the time that a question stays open.
const PATIENCE: Duration = Duration::from_secs(10);
/// A word on a tap that does not get through is not worth more.
const SHORT_PATIENCE: Duration = Duration::from_secs(5);

/// What must be known of an update before it is read.
#[derive(Deserialize)]
struct Numbered {
    update_id: i64,
}

impl Telegram {
    /// What is new, each update byte for byte as it came.
    pub(crate) async fn ask_for_news(&self, id: &str, cursor: Option<&[u8]>) -> Result<Batch, FetchError> {
        let bot = self.bot(id).ok_or_else(|| FetchError::Gone("no such bot is configured".to_owned()))?;
        let from = cursor.and_then(|bytes| std::str::from_utf8(bytes).ok()?.parse::<i64>().ok());
        let updates = self.updates(bot, from).await.map_err(NoAnswer::into_fetch)?;
        // What lies before the number was confirmed with this very question. What has none could never be confirmed.
        let fresh: Vec<(i64, Box<RawValue>)> = updates
            .into_iter()
            .filter_map(|update| Some((number(&update)?, update)))
            .filter(|(number, _)| from.is_none_or(|from| *number >= from))
            .collect();
        self.answer_taps(bot, fresh.iter().filter_map(|(_, update)| tap_in(update.get().as_bytes())).collect()).await;
        let newest = fresh.iter().map(|(number, _)| *number).max();
        let item = |update: &RawValue| Item { headers: vec![(BOT.to_owned(), bot.id.clone())], body: Bytes::from(update.get().to_owned()) };
        let cursor = match newest {
            Some(newest) => Some(newest.saturating_add(1).to_string().into_bytes()),
            None => from.map(|_| Vec::new()),
        };
        Ok(Batch { more: newest.is_some(), items: fresh.iter().map(|(_, update)| item(update)).collect(), cursor })
    }

    async fn updates(&self, bot: &Bot, from: Option<i64>) -> Result<Vec<Box<RawValue>>, NoAnswer> {
        let wait = self.config.wait.unsigned_abs();
        let (seconds, offset) = (wait.as_secs().to_string(), from.map(|from| from.to_string()));
        let mut query = vec![("timeout", seconds.as_str()), ("limit", MOST), ("allowed_updates", WANTED)];
        query.extend(offset.as_deref().map(|offset| ("offset", offset)));
        self.api.ask(bot, self.api.get(bot, "getUpdates").query(&query).timeout(wait + PATIENCE)).await
    }

    /// Whoever tapped a button sees it wait until we say a word. Nothing depends on it: what fails is left.
    async fn answer_taps(&self, bot: &Bot, taps: Vec<String>) {
        for tap in taps {
            let word = self.api.post(bot, HEARD).json(&heard(&tap)).timeout(SHORT_PATIENCE);
            if self.api.ask::<bool>(bot, word).await.is_err() {
                return;
            }
        }
    }
}

fn number(update: &RawValue) -> Option<i64> {
    serde_json::from_str::<Numbered>(update.get()).ok().map(|numbered| numbered.update_id)
}
