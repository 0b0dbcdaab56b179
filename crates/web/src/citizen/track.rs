//! `GET /t/{code}`: the citizen's page of one complaint. The code is their key; the page holds nothing personal, so that it may be
//! open on a shared telephone.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use model::{AttachmentId, AttachmentKind, Complaint, Directory, Owner, Status, Timestamp, Update, UpdateKind, Visibility};
use store::{
    attachment::{AttachmentState, StoredAttachment},
    message::RecordedMessage,
};
use ui::{Page, Photo, Tone, Visit};
use uuid::Uuid;

use super::{
    clocks::{Timer, timers},
    data, leave, opened_by, regrade, same,
    steps::{Holder, Step, explained_of, holders, steps},
};
use crate::{Rooms, WebError, agency::Done, files::public_copy, page, rules};

#[derive(Template)]
#[template(path = "track.html")]
struct Track {
    page: Page,
    code: String,
    reference: String,
    status: Status,
    erased: bool,
    explained: String,
    /// The referee has it, and until when it must be settled all the same.
    referee: bool,
    until: Option<Timestamp>,
    about: String,
    area: String,
    opened_at: Timestamp,
    channel: String,
    holders: Vec<Holder>,
    timers: Vec<Timer>,
    steps: Vec<Step>,
    photos: Vec<Photo>,
    /// Which rules gave it to the agency that got it first.
    decided: Vec<String>,
    /// Files that are here but not shown: being checked, or no pictures.
    others: u64,
    /// What the officer asked last, while they wait for the answer.
    question: Option<String>,
    /// The earlier complaint that it may be the same as.
    same: Option<same::Question>,
    /// What it is in one incident with.
    joined: Option<leave::Joined>,
    /// Ways in through which it can go on; empty: it stays here.
    ways: Vec<String>,
    /// Who may see it now, and what else they may choose: value and name.
    visibility: Visibility,
    grade: String,
    grades: Vec<(&'static str, String)>,
    /// What they asked about their data.
    data: data::DataCard,
    draft: Draft,
    /// Makes a second press of the button the same message.
    once: Uuid,
}

/// What the citizen had typed when a post was refused, and why it was.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) words: String,
    pub(crate) words_error: String,
    pub(crate) reason: String,
    pub(crate) reason_error: String,
    pub(crate) leave: String,
    pub(crate) leave_error: String,
    /// The code that was just made.
    pub(crate) connect: Option<String>,
}

pub(crate) async fn show(
    State(rooms): State<Rooms>,
    visit: Visit,
    Path(code): Path<String>,
    Query(done): Query<Done>,
) -> Result<Response, WebError> {
    let complaint = opened_by(&rooms, &code).await?;
    draw(&rooms, &visit, &complaint, Draft::default(), &done).await
}

/// The page, with what was typed if it is shown again.
pub(crate) async fn draw(rooms: &Rooms, visit: &Visit, complaint: &Complaint, draft: Draft, done: &Done) -> Result<Response, WebError> {
    let directory = rooms.directory();
    let history = store::complaint::history(rooms.db(), complaint.id).await?;
    let messages = store::message::of_complaint(rooms.db(), complaint.id).await?;
    let by_staff = store::attachment::by_staff(rooms.db(), complaint.id).await?;
    let code = complaint.tracking.as_str().to_owned();
    let title = page::words(visit.language).fill("track.title", &[("number", &complaint.reference.to_string())]);
    let page = flashed(page::public(rooms, visit, title).script("live.js"), done);
    let shown: HashMap<AttachmentId, &StoredAttachment> = by_staff.iter().map(|file| (file.id, file)).collect();
    let photo_of = |update: &Update| {
        let file = shown.get(&update.attachment?)?;
        public_copy(file).map(|_| photo_address(&code, file.id))
    };
    let status = complaint.status();
    let steps = steps(&history, &directory, &page, photo_of);
    let (photos, others) = photos(&messages, &code, &page);
    let same = same::question(rooms, complaint, &page).await?;
    let joined = leave::joined(rooms, complaint, &page).await?;
    let data = data::card(rooms, complaint, &page).await?;
    let decided = rules::decided(rooms, &complaint.why).await?;
    page::html(&Track {
        decided: decided.iter().map(|(rule, version)| rules::sentence("track.rule", rule, *version, &directory, &page)).collect(),
        reference: complaint.reference.to_string(),
        status,
        erased: complaint.erased,
        explained: explained_of(complaint, &page).to_owned(),
        referee: complaint.owner() == Some(Owner::Referee),
        until: complaint.deadline(),
        about: page::category_name(complaint.category.as_deref(), &directory, visit.language),
        area: page::area_name(complaint.area.as_deref(), &directory, visit.language),
        opened_at: complaint.opened_at,
        channel: page::channel_name(&complaint.adapter, &complaint.account, complaint.opened_at, &directory),
        holders: holders(complaint, &directory, &page),
        timers: timers(complaint, &directory, &page),
        steps,
        photos,
        others,
        question: history.iter().rev().find(|update| update.kind == UpdateKind::Asked).and_then(|update| update.text.clone()),
        same,
        joined,
        ways: ways(complaint, &directory, &page),
        visibility: complaint.visibility,
        grade: page::grade_name(complaint.visibility, &page).to_owned(),
        grades: regrade::choices(complaint).into_iter().map(|grade| (grade.as_str(), page::grade_name(grade, &page).to_owned())).collect(),
        data,
        draft,
        once: Uuid::from_bytes(model::id::random_bytes()),
        code,
        page,
    })
}

/// The city's own ways in, by what people call them. Who asked for secrecy is not tied to a telephone.
fn ways(complaint: &Complaint, directory: &Directory, page: &Page) -> Vec<String> {
    if complaint.visibility.is_secret() {
        return Vec::new();
    }
    let of_the_city = page::open_channels(directory, page.now).into_iter().filter(|channel| channel.area.is_none());
    of_the_city.map(|channel| channel.label.clone()).collect()
}

fn flashed(page: Page, done: &Done) -> Page {
    let text = match () {
        () if done.is("pesan") => page.t("track.done.words"),
        () if done.is("belum") => page.t("track.done.reopened"),
        () if done.is("sama") => page.t("track.done.same"),
        () if done.is("beda") => page.t("track.done.another"),
        () if done.is("data") => page.t("track.done.data"),
        () if done.is("tingkat") => page.t("track.done.regraded"),
        () if done.is("lain") => page.t("track.done.left"),
        () if done.is("putus") => page.t("track.done.decided"),
        () => return page,
    };
    let text = text.to_owned();
    page.flash(Tone::Good, text)
}

pub(super) fn photo_address(code: &str, id: AttachmentId) -> String {
    format!("/t/{code}/foto/{id}")
}

/// The citizen's own photos, and how many other files came with them.
fn photos(messages: &[RecordedMessage], code: &str, page: &Page) -> (Vec<Photo>, u64) {
    let files = || messages.iter().flat_map(|message| &message.attachments).filter(|file| file.kind != AttachmentKind::Sticker);
    let shown: Vec<&StoredAttachment> = files().filter(|file| public_copy(file).is_some()).collect();
    let here = files().filter(|file| matches!(file.state, AttachmentState::Due | AttachmentState::Kept)).count();
    let others = (here - shown.len()) as u64;
    let photos = (1u64..).zip(shown).map(|(n, file)| Photo {
        src: photo_address(code, file.id),
        alt: page.fill("track.photo", "n", n.to_string()),
        width: file.width.unwrap_or(0),
        height: file.height.unwrap_or(0),
    });
    (photos.collect(), others)
}
