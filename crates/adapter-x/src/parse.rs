//! From X's JSON to events. Pure: the same bytes give the same events.
//!
//! A raw message holds one post with what it refers to, as `GET /2/tweets/:id` would give it; or one direct message, in the same shape; or
//! the answer to a look-up that found posts gone. The headers say to which account of ours it came and which way it was found.

use std::collections::BTreeMap;

use adapter_sdk::{
    Address, Attachment, AttachmentKind, Audience, Content, Event, Inbound, Language, MessageKey, ParseError, Point, Proof, Raw, Reference,
    RemoteMedia, ReplyTo, Timestamp, Visibility,
};

use crate::{
    Account,
    thread::{Thread, is_id},
    wire::{Answer, Direct, Entities, Includes, Media, Post},
};

/// Headers of a raw message.
pub(crate) mod header {
    pub(crate) const ACCOUNT: &str = "account";
    pub(crate) const WAY: &str = "way";
}

/// How a post was found.
pub(crate) mod way {
    pub(crate) const MENTION: &str = "mention";
    pub(crate) const HASHTAG: &str = "hashtag";
    pub(crate) const DIRECT: &str = "direct";
    pub(crate) const GONE: &str = "gone";
}

/// What begins the ids of direct messages in keys, so that they are no post's.
pub(crate) const DIRECT_ID: &str = "direct:";
/// What begins the ids of files of direct messages; `<message>/<file>/<name>` follows.
pub(crate) const DIRECT_FILE: &str = "direct:";
/// The scheme of a citizen's address: X's number for them, which stays when their name changes.
pub(crate) const SCHEME: &str = "x";
/// Where the numbers of posts begin to count milliseconds.
const EPOCH_MS: i64 = 1_288_834_974_657;
/// The largest film that is fetched, in bits: larger ones are fetched in a smaller encoding.
const LARGEST_FILM: u64 = 24 * 1024 * 1024 * 8;

pub(crate) fn events(raw: &Raw, accounts: &[Account]) -> Result<Vec<Event>, ParseError> {
    let account = raw.header(header::ACCOUNT).filter(|id| is_id(id)).ok_or_else(|| ParseError::new("no account of ours is named"))?;
    let username = accounts.iter().find(|known| known.user_id == account).map(|known| known.username.as_str()).unwrap_or_default();
    match raw.header(header::WAY).unwrap_or_default() {
        way::GONE => gone(raw, account),
        way::DIRECT => {
            let Answer { data, includes, .. } = serde_json::from_slice::<Answer<Direct>>(&raw.body)?;
            let inside = Inside { raw, account, username, includes };
            let only = only(data)?;
            if !is_id(&only.id) {
                return Err(ParseError::new("a direct message without its number"));
            }
            Ok(inside.direct(&only).map(|inbound| Event::Message(Box::new(inbound))).into_iter().collect())
        }
        found_by => {
            let Answer { data, includes, .. } = serde_json::from_slice::<Answer<Post>>(&raw.body)?;
            let inside = Inside { raw, account, username, includes };
            let only = only(data)?;
            if !is_id(&only.id) {
                return Err(ParseError::new("a post without its number"));
            }
            Ok(inside.post(&only, found_by).map(|inbound| Event::Message(Box::new(inbound))).into_iter().collect())
        }
    }
}

fn only<T>(data: Vec<T>) -> Result<T, ParseError> {
    let mut data = data.into_iter();
    match (data.next(), data.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(ParseError::new("not exactly one post")),
    }
}

/// Posts that are gone, for everybody or for us: their authors took them back.
fn gone(raw: &Raw, account: &str) -> Result<Vec<Event>, ParseError> {
    let answer = serde_json::from_slice::<Answer<Post>>(&raw.body)?;
    let mut ids: Vec<String> = answer.errors.iter().filter_map(gone_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let key = |id| MessageKey { adapter: raw.adapter.clone(), account: account.to_owned(), id };
    Ok(ids.into_iter().map(|id| Event::Withdrawn { key: key(id), at: raw.received_at }).collect())
}

/// The id of a post that a look-up says is gone: deleted, protected, or of a suspended account.
pub(crate) fn gone_id(problem: &crate::wire::Problem) -> Option<String> {
    let gone = matches!(problem.name(), "resource-not-found" | "not-authorized-for-resource");
    let post = problem.resource_type.is_empty() || problem.resource_type == "tweet";
    let id = problem.about();
    (gone && post && is_id(id)).then(|| id.to_owned())
}

/// When a post was made, by its number alone.
pub(crate) fn made_at(id: &str) -> Option<Timestamp> {
    let number: u64 = id.parse().ok()?;
    Timestamp::from_millisecond(i64::try_from(number >> 22).ok()?.checked_add(EPOCH_MS)?).ok()
}

/// The smallest number of a post that was made then.
pub(crate) fn id_at(at: Timestamp) -> String {
    let ms = at.as_millisecond().saturating_sub(EPOCH_MS).max(0);
    (u64::try_from(ms).unwrap_or(0) << 22).to_string()
}

/// One raw message: everything in it came to one account of ours.
struct Inside<'a> {
    raw: &'a Raw,
    account: &'a str,
    username: &'a str,
    includes: Includes,
}

impl Inside<'_> {
    fn post(&self, post: &Post, found_by: &str) -> Option<Inbound> {
        let ours = post.author_id == self.account;
        if ours || post.referenced("retweeted").is_some() || (found_by == way::MENTION && self.between_others(post)) {
            return None;
        }
        let (words, entities) = match &post.note_tweet {
            Some(note) if !note.text.is_empty() => (note.text.as_str(), &note.entities),
            _ => (post.text.as_str(), &post.entities),
        };
        let quotes_us = post.referenced("quoted").and_then(|id| self.referred(id)).is_some_and(|quoted| quoted.author_id == self.account);
        let summoned = found_by == way::MENTION || quotes_us || self.mentions_us(post) || self.names_us(words);
        let media: Vec<&Media> = post.attachments.media_keys.iter().filter_map(|key| self.media(key)).collect();
        let said = readable(words, entities);
        let text = [Some(said.clone()), alt_texts(&media), self.quoted(post)].into_iter().flatten().collect::<Vec<_>>().join("\n\n");
        let attachments: Vec<Attachment> = media.iter().filter_map(|media| attachment(media)).collect();
        let nothing = attachments.is_empty() && said.split_whitespace().all(|word| word.starts_with('@') || word.starts_with('#'));
        let key = self.key(post.id.clone());
        let first = post.edit_history_tweet_ids.first().filter(|first| **first != post.id && is_id(first));
        let (sender, answer) = sender(&post.author_id, &post.id);
        let thread = Thread::Post { id: post.id.clone(), summoned };
        let conversation = Some(post.conversation_id.clone()).filter(|id| is_id(id));
        Some(Inbound {
            in_reply_to: post.referenced("replied_to").or_else(|| post.referenced("quoted").filter(|_| quotes_us)).map(str::to_owned),
            thread: conversation,
            replaces: first.map(|first| self.key(first.clone())),
            unreadable: (nothing && post.referenced("quoted").is_none()).then(|| "mention_alone".to_owned()),
            location: point(post),
            place: self.place(post),
            language: language(&post.lang),
            attachments,
            ..self.inbound(key, sender, answer, &thread, text, &post.created_at, &post.id)
        })
    }

    fn direct(&self, message: &Direct) -> Option<Inbound> {
        let kind = message.event_type.as_str();
        // Groups have an id of one number, conversations of two the numbers of both.
        let group = !message.dm_conversation_id.is_empty() && !message.dm_conversation_id.contains('-');
        if message.sender_id == self.account || group || !(kind.is_empty() || kind == "MessageCreate") {
            return None;
        }
        let media: Vec<&Media> = message.attachments.media_keys.iter().filter_map(|key| self.media(key)).collect();
        let attachments = media.iter().filter_map(|media| attachment(media)).map(|file| self.of_a_direct(file));
        let attachments: Vec<Attachment> = attachments.collect();
        let text = readable(&message.text, &message.entities);
        let (sender, answer) = sender(&message.sender_id, &message.id);
        let key = self.key(format!("{DIRECT_ID}{}", message.id));
        Some(Inbound {
            in_reply_to: message.referenced_tweets.iter().map(|post| &post.id).find(|id| is_id(id)).cloned(),
            attachments,
            ..self.inbound(key, sender, answer, &Thread::Direct, text, &message.created_at, &message.id)
        })
    }

    /// A file of a direct message is given to nobody without a key, and addresses that come in messages are never told ours: what the address
    /// names is asked for at X's API instead.
    fn of_a_direct(&self, file: Attachment) -> Attachment {
        let names = match &file.content {
            Content::Remote(media) => direct_file(&media.id),
            Content::Missing { .. } | Content::Quarantined { .. } => return file,
        };
        let content = names.map_or_else(
            || Content::Missing { why: "X gives this file of a direct message only in its app".to_owned() },
            |names| {
                let params = BTreeMap::from([(header::ACCOUNT.to_owned(), self.account.to_owned())]);
                Content::Remote(RemoteMedia { id: format!("{DIRECT_FILE}{names}"), params })
            },
        );
        Attachment { content, ..file }
    }

    /// What posts and direct messages have in common.
    #[expect(clippy::too_many_arguments, reason = "what the two kinds have in common is these, and a type for them would be used once")]
    fn inbound(
        &self,
        key: MessageKey,
        sender: Address,
        answer: Option<Address>,
        thread: &Thread,
        text: String,
        created_at: &str,
        id: &str,
    ) -> Inbound {
        let audience = if *thread == Thread::Direct { Audience::Private } else { Audience::Public };
        let sent_at = created_at.parse().ok().or_else(|| made_at(id)).unwrap_or(self.raw.received_at);
        Inbound {
            reference: Reference::of(&key, 0),
            reply_to: answer.map(|address| ReplyTo {
                adapter: self.raw.adapter.clone(),
                account: self.account.to_owned(),
                address,
                thread: Some(thread.to_string()),
                audience,
                open_until: None,
            }),
            key,
            proof: Proof::Platform,
            sender_name: self.name(&sender),
            sender: vec![sender],
            contact: Vec::new(),
            audience,
            text,
            sent_at,
            received_at: self.raw.received_at,
            language: None,
            location: None,
            place: None,
            office_area: None,
            category: None,
            visibility: Visibility::default(),
            attachments: Vec::new(),
            in_reply_to: None,
            thread: None,
            replaces: None,
            unreadable: None,
            tracking: None,
        }
    }

    fn key(&self, id: String) -> MessageKey {
        MessageKey { adapter: self.raw.adapter.clone(), account: self.account.to_owned(), id }
    }

    fn name(&self, sender: &Address) -> Option<String> {
        let user = self.includes.users.iter().find(|user| user.id == sender.path())?;
        match (user.name.trim(), user.username.as_str()) {
            ("", "") => None,
            ("", username) => Some(format!("@{username}")),
            (name, "") => Some(name.to_owned()),
            (name, username) => Some(format!("{name} (@{username})")),
        }
    }

    fn media(&self, key: &str) -> Option<&Media> {
        self.includes.media.iter().find(|media| media.key == key)
    }

    fn referred(&self, id: &str) -> Option<&Post> {
        self.includes.tweets.iter().find(|post| post.id == id)
    }

    fn place(&self, post: &Post) -> Option<String> {
        let place = self.includes.places.iter().find(|place| place.id == post.geo.place_id && !place.id.is_empty())?;
        Some(place.full_name.clone()).filter(|name| !name.is_empty())
    }

    fn mentions_us(&self, post: &Post) -> bool {
        let note = post.note_tweet.iter().flat_map(|note| &note.entities.mentions);
        post.entities.mentions.iter().chain(note).any(|mention| {
            mention.id == self.account || (!self.username.is_empty() && mention.username.eq_ignore_ascii_case(self.username))
        })
    }

    fn names_us(&self, text: &str) -> bool {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let names = text.split('@').skip(1).map(|after| after.split(|c| !is_name(c)).next().unwrap_or_default());
        !self.username.is_empty() && names.into_iter().any(|name| name.eq_ignore_ascii_case(self.username))
    }

    /// Whether we are mentioned only because X repeats the names of a conversation in each reply: others talk to each other below a post
    /// that mentions us. What is said to us, or by the author of what it answers, is not between others.
    fn between_others(&self, post: &Post) -> bool {
        let Some(answered) = post.referenced("replied_to").and_then(|id| self.referred(id)) else { return false };
        let to_us_or_self = [self.account, post.author_id.as_str()].contains(&post.in_reply_to_user_id.as_str());
        let inherited = answered.author_id == self.account || self.mentions_us(answered) || self.names_us(&answered.text);
        let first_words = post.text.split_whitespace().take_while(|word| word.starts_with('@')).count();
        let rest: String = post.text.split_whitespace().skip(first_words).collect::<Vec<_>>().join(" ");
        inherited && !to_us_or_self && !self.names_us(&rest)
    }

    /// The words of a quoted post: "lihat ini" means nothing without them. Not whose they are.
    fn quoted(&self, post: &Post) -> Option<String> {
        let quoted = self.referred(post.referenced("quoted")?).filter(|quoted| quoted.author_id != self.account)?;
        let words = quoted.note_tweet.as_ref().map_or(quoted.text.as_str(), |note| note.text.as_str());
        let words = readable(words, &quoted.entities);
        (!words.is_empty()).then(|| format!("Mengutip kiriman lain: “{words}”"))
    }
}

/// Message, file and name from the address of a direct message's file, `…/dm/<message>/<file>/<name>`, in the forms that X publishes for
/// `GET /2/dm_conversations/media/:dm_id/:media_id/:resource_id`.
fn direct_file(address: &str) -> Option<String> {
    let path = address.split(['?', '#']).next()?;
    let mut parts = path.rsplit('/');
    let (name, file, message, dm) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let name = name.split(':').next()?;
    let is_name = (1..=50).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
        && name.bytes().any(|b| b != b'.');
    (dm == "dm" && is_id(message) && is_id(file) && is_name).then(|| format!("{message}/{file}/{name}"))
}

/// By X's number. Without one, which X does not do, the words are still recorded: under an address that joins them to nobody.
fn sender(author: &str, id: &str) -> (Address, Option<Address>) {
    let known = is_id(author).then(|| Address::new(SCHEME, author).ok()).flatten();
    let nobody = || Address::new(SCHEME, &format!("unknown/{id}")).expect("a number makes an address");
    (known.clone().unwrap_or_else(nobody), known)
}

/// The words as a reader sees them: long links for short ones, none for the post's own pictures, and no HTML.
fn readable(text: &str, entities: &Entities) -> String {
    let mut text = text.to_owned();
    for link in entities.urls.iter().filter(|link| link.url.starts_with("http")) {
        let own = !link.media_key.is_empty() || link.expanded_url.ends_with("/photo/1") || link.expanded_url.ends_with("/video/1");
        let long = if own || link.expanded_url.is_empty() { "" } else { link.expanded_url.as_str() };
        if own || !long.is_empty() {
            text = text.replace(&link.url, long);
        }
    }
    unescaped(text.trim())
}

/// X escapes three characters in texts, the ampersand last.
pub(crate) fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// What people wrote for those who cannot see the picture. Often the best words of all.
fn alt_texts(media: &[&Media]) -> Option<String> {
    let said: Vec<String> =
        media.iter().map(|media| media.alt_text.trim()).filter(|alt| !alt.is_empty()).map(|alt| format!("[{alt}]")).collect();
    (!said.is_empty()).then(|| said.join("\n"))
}

fn attachment(media: &Media) -> Option<Attachment> {
    let film = matches!(media.kind.as_str(), "video" | "animated_gif");
    let (kind, mime, url) = if film {
        match encoding(media) {
            Some(url) => (AttachmentKind::Video, Some("video/mp4"), url),
            None => (AttachmentKind::Image, None, media.preview_image_url.as_str()),
        }
    } else {
        (AttachmentKind::Image, None, if media.url.is_empty() { media.preview_image_url.as_str() } else { media.url.as_str() })
    };
    let content = if url.is_empty() {
        Content::Missing { why: "X did not say where the file is".to_owned() }
    } else {
        Content::Remote(RemoteMedia { id: url.to_owned(), params: BTreeMap::new() })
    };
    (!media.key.is_empty()).then(|| Attachment { kind, mime: mime.map(str::to_owned), filename: None, content })
}

/// The best encoding of a film that is not too large; the smallest where all are.
fn encoding(media: &Media) -> Option<&str> {
    let mut films: Vec<_> =
        media.variants.iter().filter(|variant| variant.content_type == "video/mp4" && !variant.url.is_empty()).collect();
    films.sort_by_key(|variant| variant.bit_rate);
    let fits = |rate: u64| rate.saturating_mul(media.duration_ms) / 1000 <= LARGEST_FILM;
    films.iter().rev().find(|variant| fits(variant.bit_rate)).or(films.first()).map(|variant| variant.url.as_str())
}

fn point(post: &Post) -> Option<Point> {
    match post.geo.coordinates.as_ref()?.coordinates.as_slice() {
        [lon, lat] => Point::new(*lat, *lon),
        _ => None,
    }
}

/// X guesses the language; only a clear guess is followed.
fn language(code: &str) -> Option<Language> {
    match code {
        "in" | "id" => Some(Language::Id),
        "en" => Some(Language::En),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_post_says_when_it_was_made() {
        let at: Timestamp = "2026-11-21T09:00:00Z".parse().expect("a time");
        assert_eq!(made_at(&id_at(at)), Some(at));
        assert_eq!(made_at("20").map(Timestamp::as_second), Some(1_288_834_974));
        for wrong in ["", "x", "99999999999999999999999"] {
            assert_eq!(made_at(wrong), None);
        }
        assert!(made_at("18446744073709551615").is_some());
    }

    #[test]
    fn the_address_of_a_direct_messages_file_names_three_things_or_nothing() {
        let file = |address| direct_file(address);
        assert_eq!(file("https://ton.example.invalid/1.1/ton/data/dm/11/22/oP5p-3_9h.jpg").as_deref(), Some("11/22/oP5p-3_9h.jpg"));
        assert_eq!(file("https://ton.example.invalid/dm/11/22/a.jpg:large?x=1").as_deref(), Some("11/22/a.jpg"));
        for wrong in [
            "",
            "https://ton.example.invalid/1",
            "/dm/11/22/",
            "/dm/11/22/..",
            "/dm/1a/22/a.jpg",
            "/cm/11/22/a.jpg",
            "/dm/11/22/a%2fb",
            "22/a.jpg",
        ] {
            assert_eq!(file(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_escaped_is_read_once() {
        assert_eq!(unescaped("a &lt;b&gt; &amp;amp; c"), "a <b> &amp; c");
    }

    #[test]
    fn a_film_comes_in_its_best_encoding_that_is_not_too_large() {
        let media = |seconds: u64| Media {
            kind: "video".into(),
            key: "7_1".into(),
            duration_ms: seconds * 1000,
            variants: [(256_000, "a"), (2_176_000, "b"), (10_368_000, "c")]
                .into_iter()
                .map(|(bit_rate, url)| crate::wire::Variant { bit_rate, content_type: "video/mp4".into(), url: url.into() })
                .collect(),
            ..Media::default()
        };
        assert_eq!(encoding(&media(10)), Some("c"));
        assert_eq!(encoding(&media(60)), Some("b"));
        assert_eq!(encoding(&media(100_000)), Some("a"));
        assert_eq!(encoding(&Media::default()), None);
    }
}
