//! What an agency is told of a complaint: facts and the citizen's words, never who wrote them.

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::Timestamp;
use model::{Agency, Complaint, Directory, DispatchId, Language, Site, clock, fill};
use serde::Deserialize;

/// One complaint as one agency is told of it.
pub(crate) struct Notice<'a> {
    pub(crate) id: DispatchId,
    /// 1 the first time, one more each time the agency gets it back.
    pub(crate) turn: u16,
    pub(crate) complaint: &'a Complaint,
    pub(crate) agency: &'a Agency,
    pub(crate) site: &'a Site,
    pub(crate) directory: &'a Directory,
    pub(crate) language: Language,
}

impl Notice<'_> {
    /// The id of this telling, the same however often it is tried.
    pub(crate) fn key(&self) -> String {
        format!("{}.{}", self.id, self.turn)
    }

    /// What the category is called.
    pub(crate) fn category(&self) -> Option<&str> {
        let category = self.directory.categories.get(self.complaint.category.as_deref()?)?;
        Some(match self.language {
            Language::Id => &category.name_id,
            Language::En => &category.name_en,
        })
    }

    /// `Kelurahan, Kecamatan, Kota`.
    pub(crate) fn area(&self) -> Option<String> {
        let path = self.directory.area_path(self.complaint.area.as_deref()?);
        (!path.is_empty()).then_some(path)
    }

    /// Until when this agency must have settled it.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.complaint.dispatches.iter().find(|dispatch| dispatch.id == self.id).map(|dispatch| dispatch.deadline)
    }

    /// Subject and body of a mail.
    pub(crate) fn mail(&self) -> (String, String) {
        let words = words(self.language);
        let params = self.params();
        (fill(&words.subject, &params), fill(&words.body, &params))
    }

    /// The citizen's words in at most `limit` characters; what does not fit is pointed to.
    pub(crate) fn text_within(&self, limit: usize) -> String {
        let text = format!("[{}] {}", self.complaint.reference, self.complaint.text);
        if text.chars().count() <= limit {
            return text;
        }
        let pointer = fill(&words(self.language).cut, &self.params());
        let room = limit.saturating_sub(pointer.chars().count());
        text.chars().take(room).chain(pointer.chars()).collect()
    }

    fn params(&self) -> BTreeMap<String, String> {
        let (complaint, zone) = (self.complaint, self.site.zone);
        let category = self.category().unwrap_or(&words(self.language).no_category);
        [
            ("site", Some(self.site.name.clone())),
            ("site_url", Some(self.site.base_url.clone())),
            ("agency", Some(self.agency.name.clone())),
            ("reference", Some(complaint.reference.to_string())),
            ("category", Some(category.to_owned())),
            ("area", self.area()),
            ("place", complaint.place.clone()),
            ("point", complaint.location.map(|point| format!("{:.5}, {:.5}", point.lat, point.lon))),
            ("opened", Some(clock::date_and_time(complaint.opened_at, zone, self.language))),
            ("deadline", self.deadline().map(|at| clock::long_date(at, zone, self.language))),
            ("text", Some(complaint.text.clone())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Words {
    pub(crate) escalation: EscalationWords,
    /// What a body without an account reads that is asked for something.
    pub(crate) task: LetterWords,
    pub(crate) consultation: ConsultationWords,
    /// What somebody reads who may set their password.
    pub(crate) invitation: LetterWords,
    /// What somebody reads whose recovery code was used.
    pub(crate) recovery_code: LetterWords,
    no_category: String,
    subject: String,
    body: String,
    cut: String,
}

/// What staff read about questions between agencies.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsultationWords {
    pub(crate) asked: LetterWords,
    pub(crate) late: LetterWords,
    pub(crate) answered: LetterWords,
    /// Below each of them.
    pub(crate) end: String,
}

/// One letter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LetterWords {
    pub(crate) subject: String,
    pub(crate) body: String,
}

/// What somebody reads who is told that a clock ends or ended.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EscalationWords {
    /// By whether the end has passed.
    pub(crate) ahead: String,
    pub(crate) passed: String,
    pub(crate) body: String,
    /// Several clocks in one mail.
    pub(crate) many: ManyWords,
    /// The same for a telephone.
    pub(crate) message: MessageWords,
    /// Why they are told and not whom the rule names.
    pub(crate) instead: String,
    /// What clocks and posts are called, by their words in tables.
    pub(crate) stages: BTreeMap<String, String>,
    pub(crate) posts: BTreeMap<String, String>,
}

/// Several clocks in one mail.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ManyWords {
    pub(crate) subject: String,
    pub(crate) body: String,
    /// For each clock.
    pub(crate) line: String,
}

/// The same in a message to a telephone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MessageWords {
    /// What is said of the end, by whether it has passed.
    pub(crate) ahead: String,
    pub(crate) passed: String,
    pub(crate) text: String,
    /// The fullest first.
    pub(crate) short: Vec<String>,
}

static ID: LazyLock<Words> = LazyLock::new(|| parse(include_str!("../words/id.toml")));
static EN: LazyLock<Words> = LazyLock::new(|| parse(include_str!("../words/en.toml")));

fn parse(file: &str) -> Words {
    toml::from_str(file).expect("the word files are read by a test")
}

pub(crate) fn words(language: Language) -> &'static Words {
    match language {
        Language::Id => &ID,
        Language::En => &EN,
    }
}
