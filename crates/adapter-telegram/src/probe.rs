//! `probe`: asks Telegram who each bot is, and where its messages go. Reads only.

use adapter_sdk::{Finding, without_numbers};

use crate::{
    Bot, Telegram, Way,
    api::NoAnswer,
    wire::{Hook, Me},
};

/// More messages than this wait for nobody who works.
const MANY: u64 = 100;

impl Telegram {
    /// For each bot: whether Telegram takes our token, whether it is the bot that is meant, and whether messages come the way we wait for them.
    pub(crate) async fn findings(&self) -> Vec<Finding> {
        if self.config.bots.is_empty() {
            return vec![Finding::warning("bots", "none is configured", "Name at least one in `[[adapter.bots]]`.")];
        }
        let mut found = Vec::new();
        for bot in &self.config.bots {
            found.push(self.who(bot).await);
            found.extend(self.where_to(bot).await);
        }
        found
    }

    async fn who(&self, bot: &Bot) -> Finding {
        let what = format!("token of {}", bot.name());
        match self.api.ask::<Me>(bot, self.api.get(bot, "getMe")).await {
            Ok(me) if me.id.to_string() == bot.id => Finding::fine(what, "valid"),
            Ok(_) => {
                Finding::wrong(what, "valid, and another bot's", "Compare `id` and `token_file`: `getMe` tells the token's own number.")
            }
            Err(no) => trouble(what, no),
        }
    }

    async fn where_to(&self, bot: &Bot) -> Vec<Finding> {
        let what = format!("way in of {}", bot.name());
        let hook: Hook = match self.api.ask(bot, self.api.get(bot, "getWebhookInfo")).await {
            Ok(hook) => hook,
            Err(no) => return vec![trouble(what, no)],
        };
        let mut found = vec![match (self.config.way, hook.url.text()) {
            (Way::Polling, None) => Finding::fine(what, "polling"),
            (Way::Polling, Some(url)) => Finding::wrong(
                what,
                format!("a webhook is set, {url}: Telegram refuses to be asked"),
                "Delete the webhook (README), or set way = \"webhook\".",
            ),
            (Way::Webhook, Some(url)) => Finding::fine(what, format!("a webhook, {url}")),
            (Way::Webhook, None) => {
                Finding::wrong(what, "no webhook is set: Telegram calls nobody", "Set the webhook (README), or set way = \"polling\".")
            }
        }];
        let waiting = hook.pending_update_count.0.unwrap_or_default();
        if waiting > MANY {
            let what = format!("messages waiting for {}", bot.name());
            found.push(Finding::warning(
                what,
                format!("{waiting}"),
                "Look whether the adapter runs, and what it writes into its log: Telegram forgets after a day.",
            ));
        }
        if let Some(words) = hook.last_error_message.text() {
            let what = format!("last call of Telegram for {}", bot.name());
            found.push(Finding::warning(
                what,
                without_numbers(words),
                "Look at the address of the webhook, its certificate and the proxy before the door.",
            ));
        }
        found
    }
}

fn trouble(what: String, no: NoAnswer) -> Finding {
    match no {
        NoAnswer::No(no) if no.is_our_token() => {
            let seen = format!("Telegram answers {}", no.code);
            Finding::wrong(what, seen, "Ask @BotFather for the bot's token, or for a new one, and put it into `token_file`.")
        }
        NoAnswer::No(no) if matches!(no.code, 429 | 500..) => Finding::unknown(what, format!("Telegram answers {}", no.code)),
        NoAnswer::No(no) => Finding::wrong(what, format!("Telegram answers {}", no.code), "Look at `adapter.api_url`, and at the log."),
        NoAnswer::Broken(error) => {
            Finding::wrong(what, error.to_string(), "Look whether this machine reaches the Bot API (`adapter.api_url`).")
        }
        NoAnswer::Odd => Finding::wrong(what, "an answer that is none of Telegram's", "Look at `adapter.api_url`."),
    }
}
