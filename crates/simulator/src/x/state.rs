//! Everybody and everything on the platform.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Draft, XOptions};

/// Where the numbers begin to count milliseconds.
const EPOCH_MS: i64 = 1_288_834_974_657;

/// Kinds of requests: each has a window of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum XEndpoint {
    /// `GET /2/users/:id/mentions`
    Mentions,
    /// `GET /2/tweets/search/recent`
    Search,
    /// `GET /2/tweets`
    Lookup,
    /// `GET /2/users/me`
    Me,
    /// `GET /2/users/:id/tweets`
    OwnPosts,
    /// `POST /2/tweets`
    Post,
    /// `DELETE /2/tweets/:id`
    Delete,
    /// Reading direct messages.
    DirectRead,
    /// Sending one.
    DirectSend,
    /// `POST /2/oauth2/token`
    Token,
    /// Getting a file.
    Media,
    /// `GET /2/dm_conversations/media/:dm_id/:media_id/:resource_id`
    DirectFile,
}

/// How a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum XFault {
    /// 429; the window ends so many seconds from now.
    TooMany(i64),
    /// 402: the credits are used up.
    NoCredits,
    /// 403: the app may not do this.
    NotEnrolled,
    /// 503.
    Broken,
    /// Nothing is done, and nothing is answered.
    Silent,
    /// It is done, and nothing is answered.
    Lost,
    /// It is done, and answered with something that is no answer.
    Wrong,
}

/// What our account said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The number.
    pub id: String,
    /// The words.
    pub text: String,
    /// Below which post.
    pub answers: Option<String>,
}

#[derive(Debug)]
pub(super) struct User {
    pub(super) username: String,
    pub(super) protected: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Post {
    pub(super) author: String,
    pub(super) text: String,
    pub(super) at: Timestamp,
    pub(super) conversation: String,
    pub(super) answers: Option<String>,
    pub(super) quotes: Option<String>,
    pub(super) repeats: Option<String>,
    /// All versions so far, the first one first.
    pub(super) history: Vec<String>,
    /// Name of the file and alternative text.
    pub(super) photo: Option<(String, String)>,
    pub(super) place: Option<(f64, f64, String)>,
    pub(super) deleted: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Direct {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) text: String,
    /// A JPEG that came with it.
    pub(super) photo: Option<Bytes>,
    pub(super) at: Timestamp,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) options: XOptions,
    pub(super) url: String,
    pub(super) shift: SignedDuration,
    pub(super) users: BTreeMap<String, User>,
    pub(super) posts: BTreeMap<u64, Post>,
    pub(super) directs: BTreeMap<u64, Direct>,
    pub(super) files: HashMap<String, Bytes>,
    pub(super) nonces: HashSet<String>,
    pub(super) access: Option<(String, Timestamp)>,
    pub(super) refresh_token: String,
    pub(super) faults: HashMap<XEndpoint, (XFault, Option<u32>)>,
    /// Requests that still get through before the fault.
    pub(super) spared: HashMap<XEndpoint, u32>,
    pub(super) requests: HashMap<XEndpoint, u64>,
    /// Requests of the running window, and when it began.
    pub(super) windows: HashMap<XEndpoint, (u32, Timestamp)>,
}

impl State {
    pub(super) fn new(options: XOptions, url: String) -> Self {
        let ours = User { username: options.username.clone(), protected: false };
        Self {
            users: BTreeMap::from([(options.user_id.clone(), ours)]),
            refresh_token: options.refresh_token.clone(),
            options,
            url,
            shift: SignedDuration::ZERO,
            posts: BTreeMap::new(),
            directs: BTreeMap::new(),
            files: HashMap::new(),
            nonces: HashSet::new(),
            access: None,
            faults: HashMap::new(),
            spared: HashMap::new(),
            requests: HashMap::new(),
            windows: HashMap::new(),
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        crate::clock::now().checked_add(self.shift).unwrap_or(Timestamp::MAX)
    }

    /// A number that holds the time, and that nothing has yet.
    fn number(&self, at: Timestamp) -> u64 {
        let ms = u64::try_from(at.as_millisecond() - EPOCH_MS).unwrap_or(0);
        let mut number = ms << 22;
        while self.posts.contains_key(&number) || self.directs.contains_key(&number) {
            number += 1;
        }
        number
    }

    pub(super) fn user(&mut self, username: &str) -> String {
        if let Some((id, _)) = self.users.iter().find(|(_, user)| user.username == username) {
            return id.clone();
        }
        let id = format!("{}", 2_000_000_000_000_000_001_u64 + self.users.len() as u64);
        self.users.insert(id.clone(), User { username: username.to_owned(), protected: false });
        id
    }

    pub(super) fn post(&mut self, username: &str, draft: Draft) -> String {
        let author = self.user(username);
        self.write(author, draft)
    }

    pub(super) fn write(&mut self, author: String, draft: Draft) -> String {
        let at = draft.at.unwrap_or_else(|| self.now());
        let number = self.number(at);
        let id = number.to_string();
        let above = draft.answers.as_ref().and_then(|above| self.find(above));
        let conversation = above.map_or_else(|| id.clone(), |above| above.conversation.clone());
        // As X does it: an answer begins with the names of the conversation.
        let names = above.map(|above| self.names(above, &author)).unwrap_or_default();
        let photo = draft.photo.map(|(bytes, alt)| {
            let name = format!("{id}.jpg");
            self.files.insert(name.clone(), bytes);
            (name, alt)
        });
        let text = if names.is_empty() { draft.text } else { format!("{names} {}", draft.text) };
        let post = Post {
            author,
            text,
            at,
            conversation,
            answers: draft.answers,
            quotes: draft.quotes,
            repeats: None,
            history: vec![id.clone()],
            photo,
            place: draft.place,
            deleted: false,
        };
        self.posts.insert(number, post);
        id
    }

    fn names(&self, above: &Post, author: &str) -> String {
        let mut names: Vec<String> = Vec::new();
        let owner = self.users.get(&above.author).map(|user| user.username.clone()).filter(|_| above.author != author);
        let own = self.users.get(author).map(|user| user.username.as_str()).unwrap_or_default();
        for name in owner.into_iter().chain(names_in(&above.text, '@')) {
            if !names.contains(&name) && name != own {
                names.push(name);
            }
        }
        names.iter().map(|name| format!("@{name}")).collect::<Vec<_>>().join(" ")
    }

    pub(super) fn edit(&mut self, id: &str, text: &str) -> String {
        let Some(old) = self.find(id).cloned() else { return String::new() };
        let number = self.number(self.now());
        let new = number.to_string();
        let history: Vec<String> = old.history.iter().cloned().chain([new.clone()]).collect();
        for version in &old.history {
            if let Some(post) = version.parse().ok().and_then(|number: u64| self.posts.get_mut(&number)) {
                post.history.clone_from(&history);
            }
        }
        let at = self.now();
        self.posts.insert(number, Post { text: text.to_owned(), at, history, ..old });
        new
    }

    pub(super) fn repost(&mut self, username: &str, id: &str) -> String {
        let words = self.find(id).map(|post| format!("RT {}", post.text)).unwrap_or_default();
        let new = self.post(username, Draft { text: words, ..Draft::default() });
        if let Some(post) = new.parse().ok().and_then(|number: u64| self.posts.get_mut(&number)) {
            post.repeats = Some(id.to_owned());
        }
        new
    }

    pub(super) fn delete(&mut self, id: &str) {
        let history = self.find(id).map(|post| post.history.clone()).unwrap_or_default();
        for version in history {
            if let Some(post) = version.parse().ok().and_then(|number: u64| self.posts.get_mut(&number)) {
                post.deleted = true;
            }
        }
    }

    pub(super) fn rename(&mut self, id: &str, new: &str) {
        let numbers = id.parse::<u64>().ok().zip(new.parse::<u64>().ok());
        if let Some((old, new_number)) = numbers
            && let Some(post) = self.posts.remove(&old)
        {
            let history = post.history.iter().map(|version| if version == id { new.to_owned() } else { version.clone() }).collect();
            self.posts.insert(new_number, Post { history, ..post });
        }
    }

    pub(super) fn protect(&mut self, username: &str) {
        let id = self.user(username);
        if let Some(user) = self.users.get_mut(&id) {
            user.protected = true;
        }
    }

    pub(super) fn direct(&mut self, username: &str, text: &str, photo: Option<Bytes>) -> String {
        let (from, to) = (self.user(username), self.options.user_id.clone());
        self.write_direct(from, to, text.to_owned(), photo)
    }

    pub(super) fn write_direct(&mut self, from: String, to: String, text: String, photo: Option<Bytes>) -> String {
        let at = self.now();
        let number = self.number(at);
        self.directs.insert(number, Direct { from, to, text, photo, at });
        number.to_string()
    }

    pub(super) fn find(&self, id: &str) -> Option<&Post> {
        self.posts.get(&id.parse().ok()?)
    }

    /// Whether our account may see it.
    pub(super) fn is_visible(&self, post: &Post) -> bool {
        !post.deleted && !self.is_protected(post)
    }

    pub(super) fn is_protected(&self, post: &Post) -> bool {
        self.users.get(&post.author).is_some_and(|user| user.protected)
    }

    /// The newest version of a post that can be seen.
    pub(super) fn is_newest(id: u64, post: &Post) -> bool {
        post.history.last().is_some_and(|last| *last == id.to_string())
    }

    /// Whether the author asked for an answer of ours.
    pub(super) fn summons(&self, post: &Post) -> bool {
        let ours = post.author == self.options.user_id;
        let quotes = post.quotes.as_ref().and_then(|id| self.find(id)).is_some_and(|quoted| quoted.author == self.options.user_id);
        ours || quotes || mentions(post, &self.options.username)
    }

    pub(super) fn posted(&self) -> Vec<Said> {
        let ours = self.posts.iter().filter(|(_, post)| post.author == self.options.user_id);
        ours.map(|(id, post)| Said { id: id.to_string(), text: own_words(&post.text), answers: post.answers.clone() }).collect()
    }

    pub(super) fn answers(&self, post: &str) -> Vec<Said> {
        let mut below = vec![post.to_owned()];
        let mut answers = Vec::new();
        for said in self.posted() {
            if said.answers.as_ref().is_some_and(|above| below.contains(above)) {
                below.push(said.id.clone());
                answers.push(said);
            }
        }
        answers
    }

    pub(super) fn directs_to(&self, username: &str) -> Vec<Said> {
        let Some((citizen, _)) = self.users.iter().find(|(_, user)| user.username == username) else { return Vec::new() };
        let to = self.directs.iter().filter(|(_, direct)| direct.to == *citizen && direct.from == self.options.user_id);
        to.map(|(id, direct)| Said { id: id.to_string(), text: direct.text.clone(), answers: None }).collect()
    }

    /// The post as X shows it, with the fields that were asked for.
    pub(super) fn shown(&self, id: u64, post: &Post, fields: &HashSet<String>) -> Value {
        let mut all = Map::new();
        let referenced: Vec<Value> = [("replied_to", &post.answers), ("quoted", &post.quotes), ("retweeted", &post.repeats)]
            .into_iter()
            .filter_map(|(kind, id)| Some(json!({ "type": kind, "id": id.as_ref()? })))
            .collect();
        let mentions: Vec<Value> = names_in(&post.text, '@')
            .iter()
            .filter_map(|name| {
                let (id, user) = self.users.iter().find(|(_, user)| user.username.eq_ignore_ascii_case(name))?;
                Some(json!({ "start": 0, "end": 1, "username": user.username, "id": id }))
            })
            .collect();
        let tags: Vec<Value> = names_in(&post.text, '#').iter().map(|tag| json!({ "start": 0, "end": 1, "tag": tag })).collect();
        all.insert("author_id".into(), json!(post.author));
        all.insert("conversation_id".into(), json!(post.conversation));
        all.insert("created_at".into(), json!(post.at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()));
        all.insert("lang".into(), json!("in"));
        all.insert("entities".into(), json!({ "mentions": mentions, "hashtags": tags }));
        if let Some(above) = post.answers.as_ref().and_then(|above| self.find(above)) {
            all.insert("in_reply_to_user_id".into(), json!(above.author));
        }
        if !referenced.is_empty() {
            all.insert("referenced_tweets".into(), json!(referenced));
        }
        if post.photo.is_some() {
            all.insert("attachments".into(), json!({ "media_keys": [format!("3_{id}")] }));
        }
        if let Some((lon, lat, _)) = &post.place {
            let coordinates = json!({ "type": "Point", "coordinates": [lon, lat] });
            all.insert("geo".into(), json!({ "place_id": format!("place{id}"), "coordinates": coordinates }));
        }
        all.retain(|field, _| fields.contains(field));
        let text = post.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        all.insert("id".into(), json!(id.to_string()));
        all.insert("text".into(), json!(text));
        all.insert("edit_history_tweet_ids".into(), json!(post.history));
        Value::Object(all)
    }

    /// What these posts refer to, as far as it was asked for.
    pub(super) fn included(&self, posts: &[(u64, Post)], expansions: &HashSet<String>, fields: &HashSet<String>) -> Map<String, Value> {
        let mut all: BTreeMap<&str, BTreeMap<String, Value>> = BTreeMap::new();
        for (id, post) in posts {
            if expansions.contains("author_id") {
                all.entry("users").or_default().insert(post.author.clone(), self.shown_user(&post.author));
            }
            if let Some((name, alt)) = post.photo.as_ref().filter(|_| expansions.contains("attachments.media_keys")) {
                let media = json!({ "media_key": format!("3_{id}"), "type": "photo", "url": format!("{}/media/{name}", self.url), "alt_text": alt });
                all.entry("media").or_default().insert(format!("3_{id}"), media);
            }
            if let Some((.., name)) = post.place.as_ref().filter(|_| expansions.contains("geo.place_id")) {
                let place = json!({ "id": format!("place{id}"), "full_name": name });
                all.entry("places").or_default().insert(format!("place{id}"), place);
            }
            if expansions.contains("referenced_tweets.id") {
                for other in [&post.answers, &post.quotes, &post.repeats].into_iter().flatten() {
                    if let Some(found) = self.find(other).filter(|found| self.is_visible(found)) {
                        let number = other.parse().unwrap_or_default();
                        all.entry("tweets").or_default().insert(other.clone(), self.shown(number, found, fields));
                    }
                }
            }
        }
        all.into_iter().map(|(kind, things)| (kind.to_owned(), Value::Array(things.into_values().collect()))).collect()
    }

    pub(super) fn shown_user(&self, id: &str) -> Value {
        let username = self.users.get(id).map(|user| user.username.as_str()).unwrap_or_default();
        json!({ "id": id, "username": username, "name": format!("Warga {username}") })
    }
}

/// Whether a post names somebody.
pub(super) fn mentions(post: &Post, username: &str) -> bool {
    names_in(&post.text, '@').iter().any(|name| name.eq_ignore_ascii_case(username))
}

/// The words without the names that X put in front.
fn own_words(text: &str) -> String {
    let mut rest = text;
    while rest.starts_with('@') {
        rest = rest.split_once(' ').map_or("", |(_, after)| after);
    }
    rest.to_owned()
}

/// `@names` or `#tags` of a text.
pub(super) fn names_in(text: &str, sign: char) -> Vec<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let after = text.split(sign).skip(1);
    after.map(|after| after.chars().take_while(|c| is_name(*c)).collect::<String>()).filter(|name| !name.is_empty()).collect()
}
