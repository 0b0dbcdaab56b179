//! What the adapter says about itself: announced on the bus, shown at `/health`.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
};

use model::Timestamp;

use crate::clock::now;

/// The last trouble is told for so long, in seconds; then it is history.
const TROUBLE_LASTS: i64 = 10 * 60;

/// How it goes. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub(crate) struct Pulse {
    trouble: Arc<Mutex<Option<(Timestamp, &'static str)>>>,
}

impl Pulse {
    /// Remembers what went wrong last: one clause without personal data.
    pub(crate) fn trouble(&self, what: &'static str) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some((now(), what));
    }

    /// What went wrong lately.
    pub(crate) fn last_trouble(&self) -> Option<String> {
        let trouble = *self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.filter(|(at, _)| now().as_second() - at.as_second() < TROUBLE_LASTS).map(|(_, what)| what.to_owned())
    }
}

/// An error with its causes, in one line for people.
pub(crate) fn words(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// An error with its causes, as a field of a log line.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error
}
