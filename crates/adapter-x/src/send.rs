//! Replies to X: below the citizen's post, or by direct message.
//!
//! An answer below a post is for everybody, so the core has worded it without the tracking link. A self-serve app may answer only who
//! mentioned it; other posts are recorded, and staff see that the answer could not go out.

use std::time::Duration;

use adapter_sdk::{Address, Audience, Reply, SendError, Sent, Timestamp};
use serde_json::json;
use tracing::error;

use crate::{
    Account, Unmentioned, X,
    api::{Call, Endpoint, NoAnswer},
    budget::For,
    journal::Progress,
    parse::{DIRECT_ID, SCHEME, unescaped},
    problem::{No, because},
    thread::{Thread, is_id},
    weigh::{Count, parts},
    wire::{Answer, Direct, Made, Post},
};

/// Clocks differ: a post of ours may seem to be a little older than its beginning.
const CLOCKS: Duration = Duration::from_mins(2);
/// Own posts and messages of one page.
const PAGE: &str = "100";

/// Where a reply goes.
enum Target<'a> {
    Below(&'a str),
    Direct(&'a str),
}

impl Target<'_> {
    fn count(&self) -> Count {
        match self {
            Self::Below(_) => Count::Post,
            Self::Direct(_) => Count::Direct,
        }
    }
}

impl X {
    /// Sends one reply, in as many parts as it needs, each once.
    pub(crate) async fn reply(&self, reply: &Reply, now: Timestamp) -> Result<Sent, SendError> {
        let Some(account) = self.account(&reply.to.account) else {
            error!(reply.id = %reply.id, account = %reply.to.account, "No such account is configured; the reply waits.");
            return Err(SendError::Unreachable(because("no such account is configured")));
        };
        let citizen = citizen(&reply.to.address)?;
        let thread = reply.to.thread.as_deref().and_then(|thread| thread.parse::<Thread>().ok());
        let target = self.target(reply, account, thread.as_ref(), citizen)?;
        let mut progress = self.journal.of(reply.id).await.map_err(|error| SendError::Unreachable(error.into()))?;
        if progress.ended {
            return Ok(sent(&progress, &target));
        }
        let parts = parts(&reply.text, target.count());
        if let Some(begun) = progress.begun {
            let part = parts.get(progress.parts.len()).map(String::as_str).unwrap_or_default();
            progress = self.settle(account, reply, &target, progress, (part, begun), now).await?;
        }
        for part in parts.iter().skip(progress.parts.len()) {
            progress = self.part(account, reply, &target, progress, part, now).await?;
        }
        progress.ended = true;
        self.note(reply, &progress).await?;
        Ok(sent(&progress, &target))
    }

    fn target<'a>(&self, reply: &Reply, account: &Account, thread: Option<&'a Thread>, citizen: &'a str) -> Result<Target<'a>, SendError> {
        let direct = || {
            let open = account.direct_messages;
            open.then_some(Target::Direct(citizen))
                .ok_or_else(|| SendError::rejected("no_direct_messages", "direct messages of this account are switched off"))
        };
        match thread {
            Some(Thread::Post { id, summoned }) if reply.to.audience == Audience::Public => match (summoned, self.config.unmentioned) {
                (true, _) | (false, Unmentioned::Answer) => Ok(Target::Below(id)),
                (false, Unmentioned::Direct) => direct(),
                (false, Unmentioned::Silent) => {
                    Err(SendError::rejected("not_mentioned", "X lets us answer only those who mention our account, and this post did not"))
                }
            },
            // What is private is never said below a post.
            _ if reply.to.audience == Audience::Private => direct(),
            _ => Err(SendError::rejected("thread", "it is not known which post to answer")),
        }
    }

    /// One part: written down, sent, written down.
    async fn part(
        &self,
        account: &Account,
        reply: &Reply,
        target: &Target<'_>,
        progress: Progress,
        part: &str,
        now: Timestamp,
    ) -> Result<Progress, SendError> {
        let price = self.price(target, part);
        self.budget.allow(For::Answers, now).await.map_err(|wait| SendError::Throttled(Some(wait)))?;
        let begun = Progress { begun: Some(now), ..progress.clone() };
        self.note(reply, &begun).await?;
        match self.post(account, target, begun.parts.last().map(String::as_str), part, now).await {
            Ok(id) => {
                self.budget.spend(price, now).await;
                let mut progress = progress;
                progress.parts.push(id);
                self.note(reply, &progress).await?;
                Ok(progress)
            }
            // X's own trouble may come after the post, and silence too.
            Err(unknown @ (NoAnswer::Unknown(_) | NoAnswer::No(No::Later(_)))) => Err(unknown.into_send()),
            Err(no) => {
                self.note(reply, &progress).await?;
                Err(no.into_send())
            }
        }
    }

    /// What became of a part that was begun and not ended: out, then we go on behind it; or not, then it is sent again.
    async fn settle(
        &self,
        account: &Account,
        reply: &Reply,
        target: &Target<'_>,
        progress: Progress,
        (part, begun): (&str, Timestamp),
        now: Timestamp,
    ) -> Result<Progress, SendError> {
        // X shows a new post to readers with some delay: looking too early would find nothing.
        let patience = self.config.settle.saturating_sub(now.duration_since(begun));
        if patience.is_positive() {
            return Err(SendError::Throttled(Some(patience.unsigned_abs())));
        }
        let since = begun.checked_sub(CLOCKS).unwrap_or(begun);
        let found = match target {
            Target::Below(post) => {
                let below = progress.parts.last().map_or(*post, String::as_str);
                self.own_post(account, below, part, since, now).await?
            }
            Target::Direct(citizen) => self.own_direct(account, citizen, part, since, now).await?,
        };
        let mut settled = Progress { begun: None, ..progress };
        if let Some(id) = found {
            tracing::info!(reply.id = %reply.id, "A reply whose fate was unknown is out.");
            settled.parts.push(id);
        }
        self.note(reply, &settled).await?;
        Ok(settled)
    }

    async fn post(
        &self,
        account: &Account,
        target: &Target<'_>,
        before: Option<&str>,
        text: &str,
        now: Timestamp,
    ) -> Result<String, NoAnswer> {
        let answer = match target {
            Target::Below(post) => {
                let body = json!({ "text": text, "reply": { "in_reply_to_tweet_id": before.unwrap_or(post) } });
                self.api.ask(account, Call { endpoint: Endpoint::Answer, path: &["tweets"], query: &[], body: Some(&body) }, now).await?
            }
            Target::Direct(citizen) => {
                let (path, body) = (["dm_conversations", "with", citizen, "messages"], json!({ "text": text }));
                self.api.ask(account, Call { endpoint: Endpoint::DirectSend, path: &path, query: &[], body: Some(&body) }, now).await?
            }
        };
        let made = answer.json::<Answer<Made>>().ok().and_then(|answer| answer.data.into_iter().next()).unwrap_or_default();
        let id = if made.id.is_empty() { made.dm_event_id } else { made.id };
        // A yes in other words: it may be out, so it is looked for before it is sent again.
        if is_id(&id) { Ok(id) } else { Err(NoAnswer::No(No::Later(answer.status.as_u16()))) }
    }

    /// Our post with these words below that one, since then.
    async fn own_post(
        &self,
        account: &Account,
        below: &str,
        words: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Option<String>, SendError> {
        let start = since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let query = [("max_results", PAGE), ("start_time", start.as_str()), ("tweet.fields", "created_at,referenced_tweets,note_tweet")];
        let path = ["users", account.user_id.as_str(), "tweets"];
        let call = Call { endpoint: Endpoint::OwnPosts, path: &path, query: &query, body: None };
        let answer = self.api.ask(account, call, now).await.map_err(NoAnswer::into_send)?;
        let own: Answer<Post> = answer.json()?;
        self.budget.spend(self.config.prices.mention * count(own.data.len()), now).await;
        let ours = |post: &&Post| {
            let said = post.note_tweet.as_ref().map_or(post.text.as_str(), |note| note.text.as_str());
            post.referenced("replied_to") == Some(below) && same_words(said, words)
        };
        match own.data.iter().find(ours) {
            Some(post) => Ok(Some(post.id.clone())),
            None if own.meta.next_token.is_some() => Err(SendError::Unreachable(because("too many own posts to look through"))),
            None => Ok(None),
        }
    }

    /// Our direct message with these words to that citizen, since then.
    async fn own_direct(
        &self,
        account: &Account,
        citizen: &str,
        words: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Option<String>, SendError> {
        let query = [("max_results", PAGE), ("event_types", "MessageCreate"), ("dm_event.fields", "created_at,sender_id,text")];
        let path = ["dm_conversations", "with", citizen, "dm_events"];
        let call = Call { endpoint: Endpoint::DirectRead, path: &path, query: &query, body: None };
        let answer = self.api.ask(account, call, now).await.map_err(NoAnswer::into_send)?;
        let said: Answer<Direct> = answer.json()?;
        self.budget.spend(self.config.prices.direct * count(said.data.len()), now).await;
        let young = |message: &Direct| message.created_at.parse::<Timestamp>().is_ok_and(|at| at >= since);
        let ours = |message: &&Direct| message.sender_id == account.user_id && young(message) && same_words(&message.text, words);
        Ok(said.data.iter().find(ours).map(|message| message.id.clone()))
    }

    async fn note(&self, reply: &Reply, progress: &Progress) -> Result<(), SendError> {
        self.journal.note(reply.id, progress).await.map_err(|source| {
            error!(
                error = &source as &dyn std::error::Error,
                "The state folder cannot be written, and without it no reply is sent: it might go out twice."
            );
            SendError::Unreachable(source.into())
        })
    }

    fn price(&self, target: &Target<'_>, text: &str) -> f64 {
        let prices = &self.config.prices;
        match target {
            Target::Direct(_) => prices.direct_sent,
            Target::Below(_) if text.contains("://") => prices.answer_with_link,
            Target::Below(_) => prices.answer,
        }
    }
}

fn citizen(address: &Address) -> Result<&str, SendError> {
    let path = address.path();
    if address.scheme() == SCHEME && is_id(path) { Ok(path) } else { Err(SendError::rejected("address", "not an address on X")) }
}

fn sent(progress: &Progress, target: &Target<'_>) -> Sent {
    let first = progress.parts.first();
    let id = first.map(|id| if matches!(target, Target::Direct(_)) { format!("{DIRECT_ID}{id}") } else { id.clone() });
    Sent::under(id)
}

/// For prices: nobody reads more than a few hundred at once.
pub(crate) fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

/// Whether what X shows is what we sent: it puts names in front, shortens links and escapes three characters.
fn same_words(shown: &str, ours: &str) -> bool {
    let bare = |text: &str| -> String {
        let words = text.split_whitespace().skip_while(|word| word.starts_with('@'));
        words.filter(|word| !word.contains("://")).collect()
    };
    bare(&unescaped(shown)) == bare(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_words_are_known_again_as_the_platform_shows_them() {
        let ours = "Laporan 7KQ2 & lainnya <selesai>.\nLihat https://lapor.example.id/t/abc";
        assert!(same_words("@sari @budi Laporan 7KQ2 &amp; lainnya &lt;selesai&gt;.\nLihat https://t.co/abc", ours));
        assert!(!same_words("Laporan 8KQ2 &amp; lainnya &lt;selesai&gt;.\nLihat https://t.co/abc", ours));
    }
}
