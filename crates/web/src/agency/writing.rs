//! What helps somebody who writes about a complaint: templates with their variables filled, what becomes of the words on the citizen's platform, and drafts.
//! `POST /aduan/{id}/draf` keeps a draft: of itself while somebody types, by a button where there are no scripts.

use std::collections::BTreeMap;

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use model::{
    Audience, Complaint, Directory, Facts, ReplyDraft, ReplyId, ReplyKind, ReplyTo, Role, Site, Timestamp,
    clock::long_date,
    room::{Counts, Room},
    template::{self, Variable, Wrong},
    word,
};
use store::draft::{Draft as Kept, FORMS};
use ui::{Page, Visit};
use uuid::Uuid;

use super::{Draft, Refused, finish, id_in, seen_by};
use crate::{
    Rooms, WebError,
    form::{Acting, MOST_CHARACTERS},
    page,
    session::SignedIn,
};

/// Where the officer's words stand in what the page counts: one character that nobody types.
const HERE: &str = "\u{e000}";

/// What a complaint's page offers to who writes.
pub(super) struct Writing {
    /// How many steps the history had when the page was drawn: a form says so, and what came since is told to who sends it.
    pub(super) seen: usize,
    /// For the citizen's language and channel.
    pub(super) templates: Vec<Offered>,
    /// What becomes of words to the citizen, in sentences.
    pub(super) hints: Vec<String>,
    drafts: Vec<Kept>,
    counted: Vec<Counted>,
}

/// A template, filled for this complaint.
pub(super) struct Offered {
    pub(super) id: String,
    pub(super) name: String,
    /// Filled; empty where it cannot be used.
    pub(super) text: String,
    /// Why it cannot be used here; empty: it can.
    pub(super) refused: String,
}

/// What the page's script counts while somebody types.
pub(super) struct Counted {
    form: &'static str,
    /// How: see [`Counts::as_str`].
    pub(super) counts: &'static str,
    pub(super) most: u32,
    /// What becomes of more.
    pub(super) beyond: &'static str,
    /// The messages that may be sent, the fullest first, with [`HERE`] in the place of the words: a JSON list.
    pub(super) frames: String,
}

impl Writing {
    pub(super) async fn of(rooms: &Rooms, by: &SignedIn, complaint: &Complaint, steps: usize, page: &Page) -> Result<Self, WebError> {
        let directory = rooms.directory();
        let room = complaint.reply_to.as_ref().and_then(|to| room(rooms, to));
        Ok(Self {
            seen: steps,
            templates: templates(rooms, by, complaint, &directory, page).await?,
            hints: hints(complaint.reply_to.as_ref(), room, page),
            drafts: store::draft::of(rooms.db(), complaint.id, by.staff.id).await?,
            counted: room.map(|room| counted(complaint, by, room, rooms.site(), &directory)).unwrap_or_default(),
        })
    }

    /// What is kept of this form.
    pub(super) fn text(&self, form: &str) -> &str {
        self.draft(form).map_or("", |draft| draft.text.as_str())
    }

    /// Since when.
    pub(super) fn saved(&self, form: &str) -> Option<Timestamp> {
        self.draft(form).map(|draft| draft.saved_at)
    }

    /// What the script counts in this form.
    pub(super) fn counted(&self, form: &str) -> Option<&Counted> {
        self.counted.iter().find(|counted| counted.form == form)
    }

    /// Whether words of this form go to the citizen.
    #[expect(clippy::unused_self, reason = "templates ask what they have in hand")]
    pub(super) fn is_to_citizen(&self, form: &str) -> bool {
        kind_of(form).is_some()
    }

    /// Whether drafts of this form are kept.
    #[expect(clippy::unused_self, reason = "templates ask what they have in hand")]
    pub(super) fn keeps(&self, form: &str) -> bool {
        FORMS.contains(&form)
    }

    /// The first form that holds a draft: it is open when the page is drawn.
    pub(super) fn opens(&self, form: &str) -> bool {
        FORMS.iter().find(|form| self.draft(form).is_some()).is_some_and(|first| *first == form)
    }

    fn draft(&self, form: &str) -> Option<&Kept> {
        self.drafts.iter().find(|draft| draft.form == form)
    }
}

/// Which reply the words of a form become.
fn kind_of(form: &str) -> Option<ReplyKind> {
    match form {
        "jawab" => Some(ReplyKind::Answered),
        "tanya" => Some(ReplyKind::Asked),
        "selesai" => Some(ReplyKind::Resolved),
        _ => None,
    }
}

/// How much the citizen's platform takes at once, as its adapter said last.
fn room(rooms: &Rooms, to: &ReplyTo) -> Option<Room> {
    let look = rooms.watched().look()?;
    let said = look.programs.get(&to.adapter)?.said.as_ref()?;
    Room::of(&said.room, to.audience)
}

/// What may be said where the citizen reads it, and how.
fn hints(to: Option<&ReplyTo>, room: Option<Room>, page: &Page) -> Vec<String> {
    let Some(to) = to else { return Vec::new() };
    let mut hints = Vec::new();
    match to.audience {
        Audience::Public => hints.push(page.t("write.public").to_owned()),
        Audience::Private => hints.push(page.t("write.private").to_owned()),
    }
    match to.open_until {
        Some(until) if until > page.now => {
            let minutes = until.duration_since(page.now).as_mins().max(0);
            let left = if minutes < 60 {
                page.fill("write.minutes", "n", minutes.to_string())
            } else {
                page.fill("write.hours", "n", (minutes / 60).to_string())
            };
            hints.push(page.words.fill("write.window", &[("until", &page.time(&until)), ("left", &left)]));
        }
        Some(_) => hints.push(page.t("write.window.closed").to_owned()),
        None => {}
    }
    if let Some(room) = room.filter(|_| to.audience == Audience::Private) {
        let key = match room.counts {
            Counts::Parts => "write.room.parts",
            Counts::Weight => "write.room.weight",
            Counts::Characters | Counts::Units | Counts::Unknown => "write.room.characters",
        };
        hints.push(page.fill(key, "most", page.words.number(room.most.into())));
    }
    hints
}

/// What would be sent, with a mark in the place of the words. Words that are read in public are not in it, so nothing is counted there.
fn counted(complaint: &Complaint, by: &SignedIn, room: Room, site: &Site, directory: &Directory) -> Vec<Counted> {
    let Some(to) = complaint.reply_to.as_ref().filter(|to| to.audience == Audience::Private) else { return Vec::new() };
    let agency = by.staff.agency.map(|agency| directory.agency_name(agency).to_owned());
    let one = |form: &&'static str| {
        let kind = kind_of(form)?;
        let facts = Facts {
            reference: Some(complaint.reference.to_string()),
            tracking: Some(complaint.tracking.clone()),
            agency: agency.clone(),
            deadline: complaint.deadline(),
            text: Some(HERE.to_owned()),
            closes: complaint.closes(),
            ..Facts::default()
        };
        let nobody = Uuid::nil();
        let draft = ReplyDraft { id: ReplyId(nobody), kind, to: to.clone(), language: complaint.language, cause: nobody, facts };
        let reply = word(&draft, site);
        let frames = if room.counts == Counts::Parts && !reply.short.is_empty() { reply.short } else { vec![reply.text] };
        // The link is the citizen's key: something of the same length stands for it.
        let link = site.link(&complaint.tracking);
        let code = complaint.tracking.as_str();
        let stands = link.replace(code, &"0".repeat(code.len()));
        let frames: Vec<String> = frames.into_iter().map(|frame| frame.replace(&link, &stands)).collect();
        let frames = serde_json::to_string(&frames).ok()?;
        Some(Counted { form, counts: room.counts.as_str(), most: room.most, beyond: room.beyond.as_str(), frames })
    };
    FORMS.iter().filter_map(one).collect()
}

/// What each variable says here; what has nothing to say is not in it.
fn values(rooms: &Rooms, by: &SignedIn, complaint: &Complaint, directory: &Directory, now: Timestamp) -> BTreeMap<Variable, String> {
    let language = complaint.language;
    let date = |at: Timestamp| long_date(at, rooms.site().zone, language);
    let own = by.staff.agency;
    let deadline = complaint.pending().find(|dispatch| Some(dispatch.agency) == own).map(|dispatch| dispatch.deadline);
    let category = complaint.category.as_ref().and_then(|code| directory.categories.get(code));
    let area = complaint.area.as_ref().map(|code| directory.area_path(code));
    let all = [
        (Variable::Number, Some(complaint.reference.to_string())),
        (Variable::Agency, own.map(|agency| directory.agency_name(agency).to_owned())),
        (Variable::Deadline, deadline.map(date)),
        (Variable::Category, category.map(|category| page::name_of(category, language).to_owned())),
        (Variable::Area, area),
        (Variable::Officer, Some(by.staff.name.clone())),
        (Variable::City, Some(rooms.site().name.clone())),
        (Variable::Today, Some(date(now))),
    ];
    all.into_iter().filter_map(|(variable, value)| Some((variable, value.filter(|value| !value.trim().is_empty())?))).collect()
}

async fn templates(
    rooms: &Rooms,
    by: &SignedIn,
    complaint: &Complaint,
    directory: &Directory,
    page: &Page,
) -> Result<Vec<Offered>, WebError> {
    if !by.staff.role.belongs_to_agency() {
        return Ok(Vec::new());
    }
    let adapter = complaint.reply_to.as_ref().map(|to| &to.adapter);
    let values = values(rooms, by, complaint, directory, page.now);
    let all = store::template::of(rooms.db(), by.staff.agency).await?;
    let fits =
        all.into_iter().filter(|one| one.language == complaint.language && one.adapter.as_ref().is_none_or(|only| Some(only) == adapter));
    let offered = fits.map(|one| {
        let (text, refused) = match template::fill(&one.text, &values) {
            Ok(text) => (text, String::new()),
            Err(wrong) => (String::new(), said(&wrong, page)),
        };
        Offered { id: one.id.to_string(), name: one.name, text, refused }
    });
    Ok(offered.collect())
}

/// What is wrong with a template or with words that were to be sent, for who wrote it.
pub(crate) fn said(wrong: &Wrong, page: &Page) -> String {
    match wrong {
        Wrong::Empty => page.t("template.wrong.empty").to_owned(),
        Wrong::TooLong => page.fill("template.wrong.too_long", "n", page.words.number(template::LONGEST as u64)),
        Wrong::Unknown(word) => page.fill("template.wrong.unknown", "word", format!("{{{word}}}")),
        Wrong::Brace => page.t("template.wrong.brace").to_owned(),
        Wrong::Unfilled(variable) => page.fill("template.wrong.unfilled", "word", variable.to_string()),
    }
}

/// Keeps what is in a form, with a template added to it if one was chosen.
pub(crate) async fn keep(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let id = id_in(&id)?;
    let complaint = seen_by(&rooms, &acting.by, id).await?;
    acting.by.only(|role| role != Role::Clerk)?;
    let named = acting.form.text("form");
    let form = FORMS.into_iter().find(|form| *form == named).ok_or(WebError::Unreadable)?;
    let mut text = acting.form.text("text");
    let refuse = |text: String, refused: Refused| {
        let draft = Draft { form, text, ..Draft::default() };
        finish(&rooms, &visit, &acting.by, id, Err(refused), draft)
    };
    if let Some(chosen) = acting.form.some("template").filter(|_| acting.form.some("pakai").is_some()) {
        let all = store::template::of(rooms.db(), acting.by.staff.agency).await?;
        let Some(chosen) = all.into_iter().find(|one| one.id.to_string() == chosen) else { return refuse(text, Refused::Stale).await };
        match template::fill(&chosen.text, &values(&rooms, &acting.by, &complaint, &rooms.directory(), rooms.now())) {
            Ok(filled) if text.is_empty() => text = filled,
            Ok(filled) => text = format!("{text}\n\n{filled}"),
            Err(wrong) => return refuse(text, Refused::of_words(&wrong)).await,
        }
    }
    if text.chars().count() > MOST_CHARACTERS {
        return refuse(text, Refused::TooLong).await;
    }
    let now = rooms.now();
    store::draft::keep(rooms.db(), id, acting.by.staff.id, form, &text, now).await?;
    let page = page::staff(&rooms, &visit, &acting.by, "");
    if acting.form.some("quiet").is_some() {
        let said = if text.trim().is_empty() { String::new() } else { page.fill("write.saved", "time", page.time(&now)) };
        return Ok(said.into_response());
    }
    Ok(Redirect::to(&format!("/aduan/{id}?done=draf#tindakan")).into_response())
}

/// Refuses words to a citizen in which a variable stands unfilled.
pub(super) fn finished(text: &str) -> Result<(), Refused> {
    template::finished(text).map_err(|wrong| Refused::of_words(&wrong))
}
