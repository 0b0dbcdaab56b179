//! `GET` and `POST /pos`: a post that staff found on a platform and enter by hand, for cities without a plan there.
//!
//! It is recorded as the platform's own message, under the key that the platform's adapter would have given it: account and the post's number. So
//! entering it twice adds nothing, and neither does an adapter that reads it later. It goes to intake by the bus, like everything else.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{
    Address, Attachment, Audience, Channel, Event, Facts, Inbound, Language, MessageKey, Proof, Reference, ReplyDraft, ReplyId, ReplyKind,
    ReplyTo, Role, Site, Timestamp, TraceId, TrackingCode, Visibility, word,
};
use serde::Deserialize;
use tracing::info;
use ui::{Page, Visit};

use crate::{
    Rooms, WebError,
    form::{Acting, Fields, MOST_CHARACTERS},
    page,
    session::SignedIn,
    upload::{self, NotAPhoto},
};

/// The longest address, name and place.
const MOST_SHORT: usize = 300;

/// What was typed, and what is wrong with it, by field.
#[derive(Debug, Default)]
struct Typed {
    channel: String,
    link: String,
    name: String,
    text: String,
    place: String,
    errors: BTreeMap<&'static str, String>,
}

impl Typed {
    fn error(&self, field: &str) -> &str {
        self.errors.get(field).map(String::as_str).unwrap_or_default()
    }
}

#[derive(Template)]
#[template(path = "post.html")]
struct PostPage {
    page: Page,
    csrf: String,
    typed: Typed,
    /// `adapter/account`, the label, whether it is chosen.
    channels: Vec<(String, String, bool)>,
    entered: Option<Entered>,
}

/// What became of the last entry.
struct Entered {
    reference: String,
    /// Where it is, once it is recorded and theirs to see.
    href: String,
    known: bool,
    /// Words to copy below the post.
    answer: String,
}

/// The address after `?`: the number of the last entry, and whether it was there before.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    nomor: String,
    sudah: String,
}

/// Who may enter posts.
pub(crate) fn may(role: Role) -> bool {
    matches!(role, Role::Clerk | Role::Triage | Role::Admin)
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(asked): Query<Asked>) -> Result<Response, WebError> {
    by.only(may)?;
    let entered = match asked.nomor.parse::<Reference>() {
        Ok(reference) => Some(entered(&rooms, &visit, &by, &reference, !asked.sudah.is_empty()).await?),
        Err(_) => None,
    };
    draw(&rooms, &visit, &by, Typed::default(), entered)
}

pub(crate) async fn submit(State(rooms): State<Rooms>, visit: Visit, acting: Acting) -> Result<Response, WebError> {
    acting.by.only(may)?;
    let (typed, post) = read(&rooms, &visit, &acting.form);
    let Some((key, author)) = post.filter(|_| typed.errors.is_empty()) else {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, draw(&rooms, &visit, &acting.by, typed, None)?).into_response());
    };
    let reference = Reference::of(&key, 0);
    if is_recorded(&rooms, &key).await? {
        return Ok(Redirect::to(&format!("/pos?nomor={reference}&sudah=1")).into_response());
    }
    let screenshot = match screenshot(&rooms, &acting.form).await? {
        Ok(screenshot) => screenshot,
        Err(wrong) => {
            let words = page::words(visit.language);
            let text = words.t(if wrong == NotAPhoto::TooLarge { "refused.photo_too_large" } else { "refused.not_a_photo" });
            let errors = BTreeMap::from([("photo", text.to_owned())]);
            let typed = Typed { errors, ..typed };
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, draw(&rooms, &visit, &acting.by, typed, None)?).into_response());
        }
    };
    let trace = TraceId::random();
    let adapter = key.adapter.clone();
    let inbound = inbound(&typed, key, &author, screenshot, rooms.now());
    let _ = rooms.bus().publish_event(&Event::Message(Box::new(inbound)), trace, &adapter).await?;
    info!(trace.id = %trace, staff.id = %acting.by.staff.id, %adapter, "Staff entered a post by hand as {reference}.");
    Ok(Redirect::to(&format!("/pos?nomor={reference}")).into_response())
}

/// What was typed, with what is wrong; and the key of the post with its author, where the address and the channel say them.
fn read(rooms: &Rooms, visit: &Visit, form: &Fields) -> (Typed, Option<(MessageKey, String)>) {
    let words = page::words(visit.language);
    let mut typed = Typed {
        channel: form.text("channel"),
        link: form.text("link"),
        name: form.text("name"),
        text: form.text("text"),
        place: form.text("place"),
        errors: BTreeMap::new(),
    };
    let directory = rooms.directory();
    let open = page::open_channels(&directory, rooms.now());
    let channel = open.into_iter().find(|channel| channel_word(channel) == typed.channel);
    let found = post_of(&typed.link);
    if channel.is_none() {
        typed.errors.insert("channel", words.t("post.channel.wrong").to_owned());
    }
    if found.is_none() || typed.link.len() > MOST_SHORT {
        typed.errors.insert("link", words.t("post.link.wrong").to_owned());
    }
    if typed.text.is_empty() {
        typed.errors.insert("text", words.t("post.text.empty").to_owned());
    }
    if typed.text.chars().count() > MOST_CHARACTERS || [&typed.name, &typed.place].iter().any(|text| text.chars().count() > MOST_SHORT) {
        typed.errors.insert("text", words.t("form.too_long").to_owned());
    }
    let post = channel
        .zip(found)
        .map(|(channel, (id, author))| (MessageKey { adapter: channel.adapter.clone(), account: channel.account.clone(), id }, author));
    (typed, post)
}

/// The id of the post that an address leads to, and its author as far as the address says. A post's number where there is one, because
/// that is what the platform itself calls it; else host and path.
fn post_of(link: &str) -> Option<(String, String)> {
    let rest = link.strip_prefix("https://").or_else(|| link.strip_prefix("http://"))?;
    let rest = rest.split(['?', '#']).next()?.trim_end_matches('/');
    let (host, path) = rest.split_once('/')?;
    let host = host.to_ascii_lowercase();
    let plain = |text: &str| !text.is_empty() && text.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if !host.contains('.') || !plain(&host) || !plain(path) || host.contains('@') {
        return None;
    }
    let parts: Vec<&str> = path.split('/').collect();
    let number = parts.windows(2).find(|two| matches!(two[0], "status" | "statuses")).map(|two| two[1]);
    let is_number = |text: &&str| (5..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match number.filter(is_number) {
        Some(number) => {
            Some((number.to_owned(), parts.first().filter(|name| **name != "i").map(|name| format!("@{name}")).unwrap_or_default()))
        }
        None => Some((format!("{host}/{path}"), String::new())),
    }
}

async fn is_recorded(rooms: &Rooms, key: &MessageKey) -> Result<bool, WebError> {
    let mut tx = store::begin(rooms.db()).await?;
    Ok(!store::message::recorded(&mut tx, std::slice::from_ref(key)).await?.is_empty())
}

async fn screenshot(rooms: &Rooms, form: &Fields) -> Result<Result<Option<Attachment>, NotAPhoto>, WebError> {
    let Some(bytes) = form.file() else { return Ok(Ok(None)) };
    match upload::check(bytes) {
        Ok(kind) => Ok(Ok(Some(upload::quarantine(rooms, bytes.clone(), kind).await?))),
        Err(wrong) => Ok(Err(wrong)),
    }
}

/// There is no way back: whoever entered it answers below the post themselves. It always is a complaint of its own: of its author only a
/// name is known, and names join nobody.
fn inbound(typed: &Typed, key: MessageKey, author: &str, screenshot: Option<Attachment>, now: Timestamp) -> Inbound {
    let reference = Reference::of(&key, 0);
    let by_number = |_| Address::new("unknown", &reference.to_string());
    let sender = Address::new("post", &key.id).or_else(by_number).expect("a number is a path without control characters");
    let name = if typed.name.is_empty() { author } else { typed.name.as_str() };
    Inbound {
        reference,
        key,
        proof: Proof::Platform,
        sender: vec![sender],
        sender_name: Some(name.to_owned()).filter(|name| !name.is_empty()),
        contact: Vec::new(),
        audience: Audience::Public,
        text: format!("{}\n\n{}", typed.text, typed.link),
        sent_at: now,
        received_at: now,
        language: None,
        location: None,
        place: Some(typed.place.clone()).filter(|place| !place.is_empty()),
        office_area: None,
        category: None,
        visibility: Visibility::default(),
        attachments: screenshot.into_iter().collect(),
        in_reply_to: None,
        thread: None,
        replaces: None,
        unreadable: None,
        reply_to: None,
        tracking: Some(TrackingCode::random()),
    }
}

async fn entered(rooms: &Rooms, visit: &Visit, by: &SignedIn, reference: &Reference, known: bool) -> Result<Entered, WebError> {
    let found = store::queue::by_reference(rooms.db(), &by.scope(), reference).await?;
    let href = found.map(|id| format!("/aduan/{id}")).unwrap_or_default();
    let answer = answer(reference, rooms.site(), visit.language, rooms.now());
    Ok(Entered { reference: reference.to_string(), href, known, answer })
}

/// The acknowledgement as citizens read it in public: the number, and never the link.
fn answer(reference: &Reference, site: &Site, language: Language, now: Timestamp) -> String {
    let id = ReplyId::new(now);
    let to = ReplyTo {
        adapter: "page".parse().expect("a name"),
        account: String::new(),
        address: Address::new("post", "copied").expect("a constant is an address"),
        thread: None,
        audience: Audience::Public,
        open_until: None,
    };
    let facts = Facts { reference: Some(reference.to_string()), ..Facts::default() };
    word(&ReplyDraft { id, kind: ReplyKind::Received, to, language, cause: id.0, facts }, site).text
}

fn channel_word(channel: &Channel) -> String {
    format!("{}/{}", channel.adapter, channel.account)
}

fn draw(rooms: &Rooms, visit: &Visit, by: &SignedIn, typed: Typed, entered: Option<Entered>) -> Result<Response, WebError> {
    let directory = rooms.directory();
    let page = page::staff(rooms, visit, by, page::words(visit.language).t("post.title"));
    // A channel with an area is an office; posts come to the whole city.
    let channels = page::open_channels(&directory, page.now).into_iter().filter(|channel| channel.area.is_none());
    let channels = channels.map(|channel| (channel_word(channel), channel.label.clone(), channel_word(channel) == typed.channel)).collect();
    page::html(&PostPage { csrf: by.csrf.clone(), typed, channels, entered, page })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_post_however_it_was_copied() {
        let number = Some(("1991900000000000001".to_owned(), "@warga_contoh".to_owned()));
        for link in [
            "https://x.com/warga_contoh/status/1991900000000000001",
            "https://twitter.com/warga_contoh/status/1991900000000000001?s=20&t=abc",
            "http://mobile.twitter.com/warga_contoh/status/1991900000000000001/photo/1",
            "https://X.com/warga_contoh/statuses/1991900000000000001/#m",
        ] {
            assert_eq!(post_of(link), number, "{link}");
        }
        assert_eq!(post_of("https://x.com/i/status/1991900000000000001"), Some(("1991900000000000001".into(), String::new())));
        let other = Some(("contoh.example.id/berita/jalan-rusak".to_owned(), String::new()));
        assert_eq!(post_of("https://Contoh.example.id/berita/jalan-rusak/?utm_source=a"), other);
        for wrong in [
            "",
            "x.com/a/status/1",
            "https://x.com",
            "https://x.com/",
            "ftp://x.com/a",
            "https://localhost/a",
            "https://a@x.com/b",
            "javascript:alert(1)",
        ] {
            assert_eq!(post_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_words_to_copy_have_the_number_and_no_link() {
        let site = Site { name: "Kota Contoh".into(), base_url: "https://lapor.example.id".into(), zone: model::clock::Zone::Wib };
        let key = MessageKey { adapter: "chat".parse().expect("a name"), account: "1".into(), id: "2".into() };
        let reference = Reference::of(&key, 0);
        let text = answer(&reference, &site, Language::Id, Timestamp::UNIX_EPOCH);
        assert!(text.contains(&reference.to_string()) && !text.contains("http"), "{text}");
    }
}
