//! X's JSON (API v2), as it comes. Forgiving on purpose: a field of a wrong type is a missing field, so that one odd post never takes its
//! neighbours with it. What a missing field means is decided where it is read.

use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

/// Any answer: what was asked for, what that refers to, where more of it is, and which parts could not be given.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer<T: DeserializeOwned> {
    /// One or many; an object is read as a list of one.
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) data: Vec<T>,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) includes: Includes,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) meta: Meta,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) errors: Vec<Problem>,
}

/// What posts refer to, each thing once.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Includes {
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) users: Vec<User>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) media: Vec<Media>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) places: Vec<Place>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) tweets: Vec<Post>,
}

/// Where more is.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Meta {
    #[serde(default, deserialize_with = "odd")]
    pub(crate) next_token: Option<String>,
}

/// Why something could not be given, or was refused: RFC 7807 with fields of X's own.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Problem {
    #[serde(default, deserialize_with = "odd", rename = "type")]
    pub(crate) kind: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) title: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) detail: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) value: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) resource_id: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) resource_type: String,
}

impl Problem {
    /// The last part of the type's address: `resource-not-found`.
    pub(crate) fn name(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }

    /// The id of what it is about. Where it stands changed once.
    pub(crate) fn about(&self) -> &str {
        if self.resource_id.is_empty() { &self.value } else { &self.resource_id }
    }
}

/// One post.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Post {
    #[serde(default, deserialize_with = "odd")]
    pub(crate) id: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) text: String,
    /// The whole text of a long post, and the entities in it.
    #[serde(default, deserialize_with = "odd")]
    pub(crate) note_tweet: Option<Note>,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) author_id: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) conversation_id: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) created_at: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) in_reply_to_user_id: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) lang: String,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) edit_history_tweet_ids: Vec<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) referenced_tweets: Vec<Referenced>,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) attachments: Attached,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) entities: Entities,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) geo: Geo,
}

impl Post {
    /// The id of what it is to this post: `replied_to`, `quoted`, `retweeted`.
    pub(crate) fn referenced(&self, kind: &str) -> Option<&str> {
        self.referenced_tweets.iter().find(|other| other.kind == kind && !other.id.is_empty()).map(|other| other.id.as_str())
    }
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Note {
    #[serde(default, deserialize_with = "odd")]
    pub(crate) text: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) entities: Entities,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Referenced {
    #[serde(default, deserialize_with = "odd", rename = "type")]
    pub(crate) kind: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) id: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Attached {
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) media_keys: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Entities {
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) mentions: Vec<Mention>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) urls: Vec<Link>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Mention {
    #[serde(default, deserialize_with = "odd")]
    pub(crate) id: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) username: String,
}

/// A shortened link in a text, and what it stands for.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Link {
    #[serde(default, deserialize_with = "odd")]
    pub(crate) url: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) expanded_url: String,
    /// Set where the link stands for a photo or film of the post itself.
    #[serde(default, deserialize_with = "odd")]
    pub(crate) media_key: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Geo {
    #[serde(default, deserialize_with = "odd")]
    pub(crate) place_id: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) coordinates: Option<Coordinates>,
}

/// `GeoJSON`: longitude first.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Coordinates {
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) coordinates: Vec<f64>,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Place {
    #[serde(default, deserialize_with = "odd")]
    pub(crate) id: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) full_name: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct User {
    #[serde(default, deserialize_with = "odd")]
    pub(crate) id: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) name: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) username: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Media {
    #[serde(default, deserialize_with = "odd", rename = "media_key")]
    pub(crate) key: String,
    #[serde(default, deserialize_with = "odd", rename = "type")]
    pub(crate) kind: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) url: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) preview_image_url: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) alt_text: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) duration_ms: u64,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) variants: Vec<Variant>,
}

/// One encoding of a film.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Variant {
    /// Bits a second.
    #[serde(default, deserialize_with = "odd")]
    pub(crate) bit_rate: u64,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) content_type: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) url: String,
}

/// One event of a conversation by direct message.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Direct {
    #[serde(default, deserialize_with = "odd")]
    pub(crate) id: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) event_type: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) text: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) sender_id: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) dm_conversation_id: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) created_at: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) attachments: Attached,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(crate) referenced_tweets: Vec<Referenced>,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) entities: Entities,
}

/// What a post of ours became.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Made {
    #[serde(default, deserialize_with = "odd")]
    pub(crate) id: String,
    #[serde(default, deserialize_with = "odd")]
    pub(crate) dm_event_id: String,
}

/// A value of the wrong type is as if it were not there.
fn odd<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(from: D) -> Result<T, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).unwrap_or_default())
}

/// A list without its odd members; a single value is a list of one.
fn one_or_many<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Vec<T>, D::Error> {
    let all = match Value::deserialize(from)? {
        Value::Array(all) => all,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    Ok(all.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect())
}
