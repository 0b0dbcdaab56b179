//! What is wrong with a filled form, by field, in words for the person who filled it.

/// One thing to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field's id on the page; the summary links to it.
    pub field: &'static str,
    /// What is wrong and what to do, in the language of the page.
    pub text: String,
}

/// Everything to mend, in the order of the form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Adds one.
    pub fn add(&mut self, field: &'static str, text: impl Into<String>) {
        self.0.push(Problem { field, text: text.into() });
    }

    /// Whether there is nothing to mend.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many things.
    pub fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The words for one field; empty when it is right.
    pub fn of(&self, field: &str) -> String {
        self.0.iter().filter(|problem| problem.field == field).map(|problem| problem.text.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// As `form.js` reads them: `{"problems": [{"field": …, "text": …}]}`.
    pub fn to_json(&self) -> serde_json::Value {
        let each = |problem: &Problem| serde_json::json!({ "field": problem.field, "text": problem.text });
        serde_json::json!({ "problems": self.0.iter().map(each).collect::<Vec<_>>() })
    }
}
