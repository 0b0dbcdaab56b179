//! Which templates Meta has approved: asked for when one is needed and the last answer is old. A template that is paused or rejected is
//! not used; where nobody told us which business account the templates belong to, Meta's refusals are all we have.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use adapter_sdk::{NoticeState, SendError};
use serde::Deserialize;
use tokio::time::Instant;

use crate::{
    Account, Template, WhatsApp,
    notices::template_state,
    refusal::No,
    wire::{Odd, Words},
};

/// How old an answer may be.
const FRESH: Duration = Duration::from_mins(10);
/// After Meta did not answer.
const ASK_AGAIN: Duration = Duration::from_mins(1);
/// A city has some dozens of templates; two thousand are more than Meta allows.
const MOST_PAGES: usize = 20;

/// What we know of the templates, by business account. In memory: a new process asks.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    known: Mutex<HashMap<String, Known>>,
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Known {
    /// Meta's word, by name and language.
    states: HashMap<(String, String), String>,
    /// Whether Meta ever answered.
    heard: bool,
    until: Instant,
}

/// Which language of a template to send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Usable {
    /// This one.
    In(String),
    /// None; Meta's word for the usual one.
    Not(String),
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    data: Vec<Odd<Entry>>,
    #[serde(default)]
    paging: Odd<Paging>,
}

#[derive(Deserialize)]
struct Entry {
    name: Words,
    language: Words,
    status: Words,
}

#[derive(Deserialize)]
struct Paging {
    #[serde(default)]
    cursors: Odd<Cursors>,
    #[serde(default)]
    next: Odd<Words>,
}

#[derive(Deserialize)]
struct Cursors {
    #[serde(default)]
    after: Odd<Words>,
}

impl Registry {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner) // the map is whole between any two statements
    }

    fn is_fresh(&self, business: &str, now: Instant) -> bool {
        self.known().get(business).is_some_and(|known| known.until > now)
    }

    fn heard(&self, business: &str, states: HashMap<(String, String), String>, now: Instant) {
        self.known().insert(business.to_owned(), Known { states, heard: true, until: now + FRESH });
    }

    /// What was known before still counts.
    fn not_heard(&self, business: &str, now: Instant) {
        let mut known = self.known();
        let entry = known.entry(business.to_owned()).or_insert_with(|| Known { states: HashMap::new(), heard: false, until: now });
        entry.until = now + ASK_AGAIN;
    }

    /// Meta refused it just now: not used again until Meta is asked again.
    pub(crate) fn refused(&self, business: &str, name: &str, language: &str, code: i64, now: Instant) {
        let mut known = self.known();
        let entry = known.entry(business.to_owned()).or_insert_with(|| Known { states: HashMap::new(), heard: false, until: now + FRESH });
        entry.states.insert((name.to_owned(), language.to_owned()), format!("REFUSED_{code}"));
    }

    /// The language to send: the citizen's where it is approved, else the usual one, else any.
    pub(crate) fn usable(&self, business: &str, template: &Template, wanted: &str) -> Usable {
        let known = self.known();
        let known = known.get(business);
        let word = |language: &String| {
            let known = known?;
            let word = known.states.get(&(template.name.clone(), language.clone())).cloned();
            word.or_else(|| known.heard.then(|| "UNKNOWN_TO_META".to_owned()))
        };
        let works =
            |language: &&String| word(language).is_none_or(|word| template_state(&word) != NoticeState::Broken && word != "PENDING");
        let first = template.languages.iter().find(|tag| tag.starts_with(wanted)).or(template.languages.first());
        match first.into_iter().chain(&template.languages).find(works) {
            Some(language) => Usable::In(language.clone()),
            None => Usable::Not(first.and_then(word).unwrap_or_else(|| "UNKNOWN_TO_META".to_owned())),
        }
    }
}

impl WhatsApp {
    /// The language of a template that gets through, as far as anybody knows.
    pub(crate) async fn usable(&self, account: &Account, template: &Template, wanted: &str) -> Usable {
        let business = account.business();
        if !account.business_account_id.is_empty() {
            let _one_asks = self.templates.asking.lock().await;
            if !self.templates.is_fresh(business, Instant::now()) {
                match self.ask_for_templates(account).await {
                    Ok(states) => self.templates.heard(business, states, Instant::now()),
                    Err(no) => {
                        tracing::warn!(account = %account.name(), meta.code = no.code.unwrap_or_default(), "Could not ask Meta for the state of templates.");
                        self.templates.not_heard(business, Instant::now());
                    }
                }
            }
        }
        self.templates.usable(business, template, wanted)
    }

    /// Every template of the account's business, with Meta's word for its state.
    pub(crate) async fn ask_for_templates(&self, account: &Account) -> Result<HashMap<(String, String), String>, No> {
        let mut states = HashMap::new();
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let url = self.graph(&[&account.business_account_id, "message_templates"]);
            let mut asked = vec![("fields", "name,language,status"), ("limit", "100")];
            asked.extend(after.as_deref().map(|after| ("after", after)));
            let answer = self.http.get(&url).query(&asked).bearer(account.access_token.expose()).send().await.map_err(No::other)?;
            if !answer.status.is_success() {
                return Err(No::read(&answer));
            }
            let page: Page = answer.json().map_err(|error| No::other(SendError::Unreachable(error.into())))?;
            states
                .extend(page.data.into_iter().filter_map(|entry| entry.0).map(|entry| ((entry.name.0, entry.language.0), entry.status.0)));
            let paging = page.paging.0;
            let more = paging.as_ref().is_some_and(|paging| paging.next.text().is_some());
            after = paging.and_then(|paging| paging.cursors.0?.after.text().map(str::to_owned)).filter(|_| more);
            if after.is_none() {
                break;
            }
        }
        Ok(states)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> Template {
        Template { name: "laporan_selesai".into(), languages: vec!["id".into(), "en_US".into()], params: Vec::new() }
    }

    fn registry(states: &[(&str, &str)]) -> Registry {
        let registry = Registry::default();
        let states = states.iter().map(|(language, word)| (("laporan_selesai".to_owned(), (*language).to_owned()), (*word).to_owned()));
        registry.heard("1", states.collect(), Instant::now());
        registry
    }

    #[test]
    fn a_template_of_which_nobody_told_us_is_tried() {
        assert_eq!(Registry::default().usable("1", &template(), "en"), Usable::In("en_US".into()));
    }

    #[test]
    fn a_paused_language_makes_way_for_an_approved_one() {
        let registry = registry(&[("id", "PAUSED"), ("en_US", "APPROVED")]);
        assert_eq!(registry.usable("1", &template(), "id"), Usable::In("en_US".into()));
    }

    #[test]
    fn a_template_that_is_paused_rejected_pending_or_gone_is_not_used() {
        for word in ["PAUSED", "REJECTED", "DISABLED", "PENDING", "A_WORD_OF_TOMORROW"] {
            let registry = registry(&[("id", word), ("en_US", "REJECTED")]);
            assert_eq!(registry.usable("1", &template(), "id"), Usable::Not(word.into()), "{word}");
        }
        assert_eq!(registry(&[]).usable("1", &template(), "id"), Usable::Not("UNKNOWN_TO_META".into()));
    }

    #[test]
    fn what_meta_refused_just_now_is_not_sent_again() {
        let registry = Registry::default();
        for language in ["id", "en_US"] {
            registry.refused("1", "laporan_selesai", language, 132_015, Instant::now());
        }
        assert_eq!(registry.usable("1", &template(), "id"), Usable::Not("REFUSED_132015".into()));
    }
}
