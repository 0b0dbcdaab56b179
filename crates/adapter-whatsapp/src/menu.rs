//! What a citizen can tap: buttons where there are three, a list where there are ten, the map for a place. Where something does not fit,
//! `None`: the same question stands in the text.

use adapter_sdk::{Menu, model::Choice};
use serde_json::{Value, json};

/// Meta's limits, in characters.
const LONGEST_BODY: usize = 1024;
const LONGEST_BUTTON: usize = 20;
const LONGEST_ROW: usize = 24;
const LONGEST_DESCRIPTION: usize = 72;
const LONGEST_ID: usize = 200;
const MOST_BUTTONS: usize = 3;
const MOST_ROWS: usize = 10;

pub(crate) fn content(menu: &Menu) -> Option<Value> {
    let interactive = match menu {
        Menu::Location { body } if fits(body, LONGEST_BODY) => {
            json!({ "type": "location_request_message", "body": { "text": body }, "action": { "name": "send_location" } })
        }
        Menu::Choices { body, button, choices }
            if fits(body, LONGEST_BODY) && choices.iter().all(|choice| choice.id.len() <= LONGEST_ID) =>
        {
            choose(body, button, choices)?
        }
        Menu::Location { .. } | Menu::Choices { .. } => return None,
    };
    Some(json!({ "type": "interactive", "interactive": interactive }))
}

fn choose(body: &str, button: &str, choices: &[Choice]) -> Option<Value> {
    if choices.is_empty() {
        return None;
    }
    let short = choices.iter().all(|choice| fits(&choice.title, LONGEST_BUTTON));
    if choices.len() <= MOST_BUTTONS && short {
        let buttons: Vec<Value> =
            choices.iter().map(|choice| json!({ "type": "reply", "reply": { "id": choice.id, "title": choice.title } })).collect();
        return Some(json!({ "type": "button", "body": { "text": body }, "action": { "buttons": buttons } }));
    }
    if choices.len() > MOST_ROWS || !fits(button, LONGEST_BUTTON) {
        return None;
    }
    let rows: Vec<Value> = choices.iter().map(row).collect();
    Some(
        json!({ "type": "list", "body": { "text": body }, "action": { "button": button, "sections": [{ "title": button, "rows": rows }] } }),
    )
}

/// A title that does not fit is shortened, and stands whole beneath.
fn row(choice: &Choice) -> Value {
    if fits(&choice.title, LONGEST_ROW) {
        return json!({ "id": choice.id, "title": choice.title });
    }
    json!({ "id": choice.id, "title": shortened(&choice.title, LONGEST_ROW), "description": shortened(&choice.title, LONGEST_DESCRIPTION) })
}

/// At a word's end where there is one.
fn shortened(text: &str, longest: usize) -> String {
    if fits(text, longest) {
        return text.to_owned();
    }
    let head: String = text.chars().take(longest - 1).collect();
    let end = head.rfind(' ').filter(|end| *end > head.len() / 2).unwrap_or(head.len());
    format!("{}…", head[..end].trim_end_matches([' ', ',', '(']))
}

fn fits(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.chars().count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn choices(titles: &[&str]) -> Menu {
        let choices = titles.iter().map(|title| Choice { id: format!("category:{title}"), title: (*title).to_owned() }).collect();
        Menu::Choices { body: "Ini tentang apa?".into(), button: "Pilih".into(), choices }
    }

    #[test]
    fn three_short_choices_are_buttons_and_more_are_a_list() {
        let buttons = content(&choices(&["Jalan", "Sampah", "Lewati"])).expect("fits");
        assert_eq!(buttons["interactive"]["type"], "button");
        let list = content(&choices(&["Jalan", "Sampah", "Banjir", "Lewati"])).expect("fits");
        assert_eq!(list["interactive"]["action"]["sections"][0]["rows"].as_array().map(Vec::len), Some(4));
        assert_eq!(content(&choices(&[])), None);
    }

    #[test]
    fn a_long_title_is_shortened_and_stands_whole_beneath() {
        let list = content(&choices(&["Kependudukan (KTP, KK, akta)", "a", "b", "c"])).expect("fits");
        let row = &list["interactive"]["action"]["sections"][0]["rows"][0];
        assert_eq!(
            (row["title"].as_str(), row["description"].as_str()),
            (Some("Kependudukan (KTP, KK…"), Some("Kependudukan (KTP, KK, akta)"))
        );
    }

    #[test]
    fn a_place_is_asked_for_with_the_map() {
        let asked = content(&Menu::Location { body: "Di mana?".into() }).expect("fits");
        assert_eq!(asked["interactive"]["action"]["name"], "send_location");
        assert_eq!(content(&Menu::Location { body: "x".repeat(1025) }), None);
    }

    proptest! {
        #[test]
        fn whatever_is_offered_keeps_metas_limits(titles in prop::collection::vec(".{1,90}", 0..14), button in ".{0,30}") {
            let choices = titles.iter().map(|title| Choice { id: "x".into(), title: title.clone() }).collect();
            let Some(content) = content(&Menu::Choices { body: "?".into(), button, choices }) else { return Ok(()) };
            let action = &content["interactive"]["action"];
            let long = |value: &Value, longest: usize| value.as_str().is_some_and(|text| text.chars().count() > longest || text.is_empty());
            for row in action["sections"][0]["rows"].as_array().into_iter().flatten() {
                prop_assert!(!long(&row["title"], 24) && !long(&row["description"], 72));
            }
            for button in action["buttons"].as_array().into_iter().flatten() {
                prop_assert!(!long(&button["reply"]["title"], 20));
            }
        }
    }
}
