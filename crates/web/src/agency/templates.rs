//! `GET` and `POST /templat`: templates of answers, by supervisors for their agency and by admins for everybody. `POST /templat/{id}` changes one,
//! `POST /templat/{id}/hapus` takes one out of use.

use askama::Template as Page_;
use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use model::{AdapterName, AgencyId, Language, Role, template};
use store::template::{Kept, LONGEST_NAME, MOST, Template, Wanted};
use ui::{Page, Tone, Visit};
use uuid::Uuid;

use super::{Done, writing::said};
use crate::{
    Rooms, WebError,
    form::{Acting, Fields},
    page,
    session::SignedIn,
};

#[derive(Page_)]
#[template(path = "templates.html")]
struct TemplatesPage {
    page: Page,
    csrf: String,
    own: Vec<Line>,
    /// Everybody's, for who may only read them.
    others: Vec<Line>,
    typed: Typed,
    error: String,
    adapters: Vec<(String, String)>,
    variables: Vec<(String, String)>,
}

/// One template.
struct Line {
    id: String,
    edition: i32,
    name: String,
    language: &'static str,
    adapter: String,
    /// What the channel is called; empty: any.
    channel: String,
    text: String,
}

/// What was typed and refused.
#[derive(Default)]
struct Typed {
    /// Which template; empty: a new one.
    id: String,
    name: String,
    language: String,
    adapter: String,
    text: String,
}

/// Who writes templates.
pub(crate) fn may(role: Role) -> bool {
    matches!(role, Role::Supervisor | Role::Admin)
}

/// Whose templates somebody writes: `Some(None)` are everybody's.
fn whose(by: &SignedIn) -> Result<Option<AgencyId>, WebError> {
    match (by.staff.role, by.staff.agency) {
        (Role::Admin, _) => Ok(None),
        (Role::Supervisor, Some(agency)) => Ok(Some(agency)),
        _ => Err(WebError::NotForRole),
    }
}

pub(crate) async fn show(State(rooms): State<Rooms>, visit: Visit, by: SignedIn, Query(done): Query<Done>) -> Result<Response, WebError> {
    by.only(may)?;
    draw(&rooms, &visit, &by, Typed::default(), None, &done).await
}

async fn draw(rooms: &Rooms, visit: &Visit, by: &SignedIn, typed: Typed, wrong: Option<Wrong>, done: &Done) -> Result<Response, WebError> {
    let whose = whose(by)?;
    let directory = rooms.directory();
    let page = page::staff(rooms, visit, by, page::words(visit.language).t("template.title"));
    let error = wrong.as_ref().map(|wrong| wrong.words(&page)).unwrap_or_default();
    let flash = match (&wrong, done) {
        (Some(_), _) => Some((Tone::Bad, error.clone())),
        (None, done) if done.is("simpan") => Some((Tone::Good, page.t("template.done.kept").to_owned())),
        (None, done) if done.is("hapus") => Some((Tone::Good, page.t("template.done.removed").to_owned())),
        (None, done) if done.is("basi") => Some((Tone::Bad, page.t("template.stale").to_owned())),
        _ => None,
    };
    let page = match flash {
        Some((tone, text)) => page.flash(tone, text),
        None => page,
    };
    let adapters = adapters(&page::open_channels(&directory, page.now));
    let channel = |adapter: &Option<AdapterName>| {
        let named = adapter
            .as_ref()
            .map(|adapter| adapters.iter().find(|(name, _)| name == adapter.as_str()).map_or(adapter.to_string(), |one| one.1.clone()));
        named.unwrap_or_default()
    };
    let line = |one: Template| Line {
        id: one.id.to_string(),
        edition: one.edition,
        name: one.name,
        language: one.language.tag(),
        channel: channel(&one.adapter),
        adapter: one.adapter.map(|adapter| adapter.to_string()).unwrap_or_default(),
        text: one.text,
    };
    let (own, others): (Vec<_>, Vec<_>) = store::template::of(rooms.db(), whose).await?.into_iter().partition(|one| one.agency == whose);
    let drawn = TemplatesPage {
        csrf: by.csrf.clone(),
        own: own.into_iter().map(line).collect(),
        others: others.into_iter().map(line).collect(),
        typed,
        error,
        variables: template::Variable::ALL.into_iter().map(|one| (one.to_string(), meaning(one, &page).to_owned())).collect(),
        adapters: adapters.clone(),
        page,
    };
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, page::html(&drawn)?).into_response())
}

fn meaning(variable: template::Variable, page: &Page) -> &str {
    use template::Variable as V;
    page.t(match variable {
        V::Number => "template.var.number",
        V::Agency => "template.var.agency",
        V::Deadline => "template.var.deadline",
        V::Category => "template.var.category",
        V::Area => "template.var.area",
        V::Officer => "template.var.officer",
        V::City => "template.var.city",
        V::Today => "template.var.today",
    })
}

/// Every program that an open channel needs, with the labels of its channels.
fn adapters(channels: &[&model::Channel]) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for channel in channels {
        let name = channel.adapter.to_string();
        match all.iter_mut().find(|(known, _)| *known == name) {
            // Several ways in through one program: the first ones say enough.
            Some((_, labels)) if labels.chars().count() < 60 => *labels = format!("{labels}, {}", channel.label),
            Some(_) => {}
            None => all.push((name, channel.label.clone())),
        }
    }
    all
}

/// Why a template is not kept.
enum Wrong {
    Name,
    Language,
    Channel,
    Words(template::Wrong),
    Taken,
    Full,
    Stale,
}

impl Wrong {
    fn words(&self, page: &Page) -> String {
        match self {
            Self::Name => page.fill("template.wrong.name", "n", LONGEST_NAME.to_string()),
            Self::Language | Self::Channel => page.t("template.wrong.choice").to_owned(),
            Self::Words(wrong) => said(wrong, page),
            Self::Taken => page.t("template.wrong.taken").to_owned(),
            Self::Full => page.fill("template.wrong.full", "n", MOST.to_string()),
            Self::Stale => page.t("template.stale").to_owned(),
        }
    }
}

fn wanted(form: &Fields, agency: Option<AgencyId>) -> Result<Wanted, Wrong> {
    let name = form.text("name");
    if !(1..=LONGEST_NAME).contains(&name.chars().count()) {
        return Err(Wrong::Name);
    }
    let language = match form.text("language").as_str() {
        "id" => Language::Id,
        "en" => Language::En,
        _ => return Err(Wrong::Language),
    };
    let adapter = form.some("adapter").map(|name| name.parse()).transpose().map_err(|_| Wrong::Channel)?;
    let text = form.text("text");
    template::check(&text).map_err(Wrong::Words)?;
    Ok(Wanted { agency, name, language, adapter, text })
}

pub(crate) async fn add(State(rooms): State<Rooms>, visit: Visit, acting: Acting) -> Result<Response, WebError> {
    keep(&rooms, &visit, &acting, None).await
}

pub(crate) async fn change(State(rooms): State<Rooms>, visit: Visit, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    keep(&rooms, &visit, &acting, Some(seen(&id, &acting.form)?)).await
}

/// Which template, and the edition that its page showed.
fn seen(id: &str, form: &Fields) -> Result<(Uuid, i32), WebError> {
    let id = id.parse().map_err(|_| WebError::NotFound)?;
    Ok((id, form.text("edition").parse().map_err(|_| WebError::Unreadable)?))
}

async fn keep(rooms: &Rooms, visit: &Visit, acting: &Acting, earlier: Option<(Uuid, i32)>) -> Result<Response, WebError> {
    let agency = whose(&acting.by)?;
    let kept = match wanted(&acting.form, agency) {
        Err(wrong) => Err(wrong),
        Ok(wanted) => {
            let mut tx = store::begin(rooms.db()).await?;
            match store::template::keep(&mut tx, &wanted, earlier, acting.by.staff.id, rooms.now()).await? {
                Kept::Yes => store::commit(tx).await.map(Ok)?,
                Kept::Stale => Err(Wrong::Stale),
                Kept::NameTaken => Err(Wrong::Taken),
                Kept::Full => Err(Wrong::Full),
            }
        }
    };
    let Err(wrong) = kept else { return Ok(Redirect::to("/templat?done=simpan").into_response()) };
    let form = &acting.form;
    let typed = Typed {
        id: earlier.map(|(id, _)| id.to_string()).unwrap_or_default(),
        name: form.text("name"),
        language: form.text("language"),
        adapter: form.text("adapter"),
        text: form.text("text"),
    };
    draw(rooms, visit, &acting.by, typed, Some(wrong), &Done::default()).await
}

pub(crate) async fn remove(State(rooms): State<Rooms>, Path(id): Path<String>, acting: Acting) -> Result<Response, WebError> {
    let agency = whose(&acting.by)?;
    let (id, edition) = seen(&id, &acting.form)?;
    let mut tx = store::begin(rooms.db()).await?;
    let gone = store::template::remove(&mut tx, id, edition, agency, acting.by.staff.id, rooms.now()).await?;
    store::commit(tx).await?;
    Ok(Redirect::to(if gone { "/templat?done=hapus" } else { "/templat?done=basi" }).into_response())
}
