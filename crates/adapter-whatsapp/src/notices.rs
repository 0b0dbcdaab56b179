//! What Meta says of our accounts, templates and numbers: for staff. Pure, like the rest of `parse`.

use adapter_sdk::{Notice, NoticeState, Raw, Timestamp, without_numbers};
use serde_json::Value;

use crate::wire::{Change, Entry, Words};

/// The longest reason that is kept.
const LONGEST: usize = 500;

/// The notice in a change, if it is one that staff should know of.
pub(crate) fn notice(raw: &Raw, entry: &Entry, change: &Change) -> Option<Notice> {
    let value = &change.value;
    let (subject, state, word, detail) = match change.field.as_str() {
        "message_template_status_update" => {
            let event = text(value, "event");
            (template(value)?, template_state(&event), event, reason(value))
        }
        "message_template_quality_update" => {
            let score = text(value, "new_quality_score");
            // Its own subject: a good score does not make a paused template usable.
            (format!("{}: quality", template(value)?), quality(&score), score, format!("was {}", text(value, "previous_quality_score")))
        }
        "template_category_update" => {
            let category = text(value, "new_category");
            (format!("{}: category", template(value)?), NoticeState::Watch, category, text(value, "previous_category"))
        }
        "phone_number_quality_update" => {
            let event = text(value, "event");
            let state = if matches!(event.as_str(), "FLAGGED" | "DOWNGRADE") { NoticeState::Watch } else { NoticeState::Fine };
            // By the number people see: the webhook has no other name for it.
            let number = text(value, "display_phone_number");
            let end = number.get(number.len().saturating_sub(4)..).unwrap_or_default().to_owned();
            (format!("number …{end}"), state, event, format!("limit {}", text(value, "current_limit")))
        }
        "account_update" => {
            let event = text(value, "event");
            let state = account_state(&event, value)?;
            ("account".to_owned(), state, event, String::new())
        }
        "account_alerts" => {
            let state = if text(value, "alert_severity") == "CRITICAL" { NoticeState::Broken } else { NoticeState::Watch };
            ("account: alert".to_owned(), state, text(value, "alert_type"), text(value, "alert_description"))
        }
        _ => return None,
    };
    Some(Notice {
        adapter: raw.adapter.clone(),
        account: entry.id.text().unwrap_or("unknown").to_owned(),
        subject,
        state,
        word,
        detail: without_numbers(&detail).chars().take(LONGEST).collect(),
        at: entry.time.number().and_then(|second| Timestamp::from_second(second).ok()).unwrap_or(raw.received_at),
    })
}

/// How usable a template in this state is. The words are those of the webhook and of the list of templates.
pub(crate) fn template_state(word: &str) -> NoticeState {
    match word {
        "APPROVED" | "REINSTATED" | "UNPAUSED" => NoticeState::Fine,
        "FLAGGED" | "PENDING" | "IN_APPEAL" | "PENDING_DELETION" => NoticeState::Watch,
        _ => NoticeState::Broken,
    }
}

fn quality(score: &str) -> NoticeState {
    match score {
        "GREEN" | "UNKNOWN" | "HIGH" => NoticeState::Fine,
        _ => NoticeState::Watch,
    }
}

/// `None`: business between Meta and its partners.
fn account_state(event: &str, value: &Value) -> Option<NoticeState> {
    match event {
        "ACCOUNT_DELETED" | "ACCOUNT_RESTRICTION" | "ACCOUNT_OFFBOARDED" | "ACCOUNT_VIOLATION" => Some(NoticeState::Broken),
        "DISABLED_UPDATE" => {
            let ban = value.get("ban_info").map(|info| text(info, "waba_ban_state")).unwrap_or_default();
            Some(if ban == "REINSTATE" { NoticeState::Fine } else { NoticeState::Broken })
        }
        "ACCOUNT_RECONNECTED" | "VERIFIED_ACCOUNT" => Some(NoticeState::Fine),
        _ => None,
    }
}

fn template(value: &Value) -> Option<String> {
    let name = text(value, "message_template_name");
    (!name.is_empty()).then(|| format!("template {name} ({})", text(value, "message_template_language")))
}

fn reason(value: &Value) -> String {
    let detail = value
        .get("rejection_info")
        .or_else(|| value.get("other_info"))
        .map(|info| [text(info, "reason"), text(info, "title"), text(info, "description")]);
    let said: Vec<String> = [text(value, "reason")].into_iter().chain(detail.into_iter().flatten()).collect();
    said.into_iter().filter(|part| !part.is_empty() && part != "NONE").collect::<Vec<_>>().join("; ")
}

fn text(value: &Value, key: &str) -> String {
    let words = value.get(key).and_then(|value| serde_json::from_value::<Words>(value.clone()).ok());
    words.map(|words| words.0.trim().chars().take(LONGEST).collect()).unwrap_or_default()
}
