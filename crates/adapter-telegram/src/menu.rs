//! What a citizen can tap: a button for each choice, below the question. Where something does not fit, `None`: the same question stands in the
//! text. A place is asked for in words: whoever wants to points at it with their program's own map.

use adapter_sdk::Menu;
use serde_json::{Value, json};

use crate::send::LONGEST;

/// What Telegram keeps of a button for us, in bytes.
const LONGEST_DATA: usize = 64;

/// The question, and the buttons below it.
pub(crate) fn buttons(menu: &Menu) -> Option<(&str, Value)> {
    let Menu::Choices { body, choices, .. } = menu else { return None };
    let fits = |choice: &adapter_sdk::model::Choice| (1..=LONGEST_DATA).contains(&choice.id.len()) && !choice.title.trim().is_empty();
    let question_fits = (1..=LONGEST).contains(&body.encode_utf16().count());
    if choices.is_empty() || !question_fits || !choices.iter().all(fits) {
        return None;
    }
    let rows: Vec<Value> = choices.iter().map(|choice| json!([{ "text": choice.title, "callback_data": choice.id }])).collect();
    Some((body, json!({ "inline_keyboard": rows })))
}

#[cfg(test)]
mod tests {
    use adapter_sdk::model::Choice;

    use super::*;

    fn menu(body: &str, ids: &[&str]) -> Menu {
        let choices = ids.iter().map(|id| Choice { id: (*id).to_owned(), title: "Ya, sama".to_owned() }).collect();
        Menu::Choices { body: body.into(), button: "Pilih".into(), choices }
    }

    #[test]
    fn each_choice_is_a_button_below_the_question() {
        let asked = menu("Apakah ini sama?", &[Choice::SAME, Choice::OTHER]);
        let (body, keyboard) = buttons(&asked).expect("fits");
        assert_eq!(body, "Apakah ini sama?");
        assert_eq!(keyboard["inline_keyboard"][1][0], json!({ "text": "Ya, sama", "callback_data": "same:no" }));
    }

    #[test]
    fn what_does_not_fit_is_asked_in_the_text() {
        let long = "x".repeat(65);
        let wide = "🌊".repeat(2049);
        for menu in [menu("?", &[]), menu("?", &[&long]), menu("", &["skip"]), menu(&wide, &["skip"]), Menu::Location { body: "?".into() }]
        {
            assert_eq!(buttons(&menu), None, "{menu:?}");
        }
    }
}
